/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/thread.h. */
#include "example.h"

struct file {
	const char *path;
	unsigned sum;
};

static int checksum(const char *path, unsigned *sum)
{
	for (*sum = 0; *path; path++)
		*sum += (unsigned char)*path;
	return 0;
}

#include "thread.1.inc"

static int program(void *arg)
{
	struct file file = {.path = "12"};
	int r;
#include "thread.2.inc"
	return r == 0 && file.sum == '1' + '2' ? 0 : -EPROTO;
}

MAIN(program)
