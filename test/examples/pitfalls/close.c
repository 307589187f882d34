/* SPDX-License-Identifier: MIT */
/* close(2) of an fd that the loop has used; another pipe gets its number. */
#include <coro.h>
#include <errno.h>
#include <unistd.h>

static int read_byte(void *fd)
{
	char byte;
	return (int)coro_read(*(int *)fd, &byte, 1);
}

static int program(void *arg)
{
	int r, ends[2];
	for (int i = 0; i < 2; i++) {
		if (pipe(ends) < 0)
			return 1;
		r = coro_within(CORO_MSEC, read_byte, &ends[0]);
		close(ends[0]);
	}
	return r == -ETIMEDOUT ? 0 : 1;
}

int main(void)
{
	return coro_run(program, NULL);
}
