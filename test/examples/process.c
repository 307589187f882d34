/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/process.h. */
#include "example.h"

static int sort_three(void)
{
#include "process.1.inc"
#include "process.2.inc"
	must(r);
	must(code == 0 && out.length == 6 && !memcmp(out.bytes, "1\n2\n3\n", 6) ? 0 : -EPROTO);
	free(out.bytes);
	return 0;
}

static int program(void *arg)
{
	return sort_three();
}

MAIN(program)
