/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/generator.h. */
#include "example.h"

#include "generator.1.inc"

static int program(void *arg)
{
	struct coro *numbers;
	void *item;
	int from = 3, r;
#include "generator.2.inc"
	return r;
}

MAIN(program)
