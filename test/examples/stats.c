/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/stats.h. */
#include "example.h"

#include <inttypes.h>

static int program(void *arg)
{
#include "stats.1.inc"
	return r;
}

MAIN(program)
