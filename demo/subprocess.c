/* SPDX-License-Identifier: MIT */
/*
 * Processes: one that gets input and gives output, one that takes too long, one that does not
 * exist.
 */
#include <coro.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Sorts lines by the program sort. */
static coro_async int sort(void)
{
	char sort[] = "sort", *argv[] = {sort, NULL};
	struct coro_process_options options = {.in = CORO_PIPE, .out = CORO_PIPE};
	struct coro_process *process;
	struct coro_bytes out = {.bytes = NULL};
	int r = coro_process_spawn(argv, &options, &process);
	if (r < 0)
		return r;
	r = coro_process_communicate(process, "pear\napple\nquince\n", 18, 0, &out, NULL);
	coro_process_destroy(process);
	if (r == 0)
		printf("%s", out.bytes);
	free(out.bytes);
	return r;
}

/*
 * Gives a command 300 ms. One that takes longer gets SIGTERM; its code is then the negated signal.
 */
static coro_async int run_briefly(const char *command)
{
	struct coro_process *process;
	struct coro_timeout timeout;
	int code, r = coro_process_shell(command, NULL, &process);
	if (r < 0)
		return r;
	r = coro_timeout_begin(&timeout, 300 * CORO_MSEC);
	if (r == 0)
		r = coro_timeout_end(&timeout, coro_process_wait(process, NULL));
	if (r == -ETIMEDOUT)
		coro_process_terminate(process);
	r = coro_process_wait(process, &code);
	if (r == 0)
		printf("%s: %d\n", command, code);
	coro_process_destroy(process);
	return r;
}

static coro_async int program(void *arg)
{
	char missing[] = "/no/such/program", *argv[] = {missing, NULL};
	int r = sort();
	if (r == 0)
		r = run_briefly("exec sleep 1000");
	if (r == 0 && (r = coro_process_spawn(argv, NULL, &(struct coro_process *){NULL})) < 0)
		puts(coro_message(r));
	return r == -ENOENT ? 0 : -EIO;
}

int main(void)
{
	int r = coro_run(program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
