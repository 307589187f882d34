/* SPDX-License-Identifier: MIT */
/* Two tasks and a pipe. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int ends[2];

static int write_three(void *arg)
{
	for (char c = 'a'; c <= 'c'; c++) {
		ssize_t n = coro_write(ends[1], &c, 1);
		if (n < 0)
			return (int)n;
	}
	return coro_fd_close(ends[1]);
}

static int program(void *arg)
{
	char byte;
	ssize_t n;
	if (pipe(ends) < 0)
		return -errno;
	int r = coro_spawn(write_three, NULL, NULL);
	if (r < 0)
		return r;
	while ((n = coro_read(ends[0], &byte, 1)) > 0)
		printf("%c\n", byte);
	r = coro_fd_close(ends[0]);
	return n < 0 ? (int)n : r;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
