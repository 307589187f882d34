/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/tls.h. */
#include "example.h"

#include <coro/tls.h>

/* Is compiled only: there is no network in a test. */
int connects(void);

int connects(void)
{
	int r;
#include "tls.1.inc"
	return r < 0 ? r : coro_stream_destroy(stream);
}

static int program(void *arg)
{
	return 0;
}

MAIN(program)
