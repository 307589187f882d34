/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/embed.h. */
#include "example.h"

#include <poll.h>
#include <setjmp.h>

static jmp_buf ended;
static int waited; /* ms, by the last poll */

/* The host ends when there is nothing left to do. */
static int note_poll(struct pollfd *fds, nfds_t count, int ms)
{
	waited = ms;
	if (ms != 0)
		longjmp(ended, 1);
	return (poll)(fds, count, ms);
}

#define poll(fds, count, ms) note_poll(fds, count, ms)

static void host(struct coro_loop *loop)
{
	int r;
	if (setjmp(ended))
		return;
#include "embed.1.inc"
	(void)r;
}

static int sleeps(void *days)
{
	return coro_sleep(*(int *)days * INT64_C(86400) * CORO_SEC);
}

/* How long poll is told to wait where a timer of so many days is next: never less than 0, nor more. */
int main(void)
{
	static const int days[] = {0, 1, 24, 25, 49, 50, 366};
	struct coro_loop *loop;
	must(coro_loop_create(NULL, &loop));
	if (coro_loop_fd(loop) < 0)
		return 0; /* its poller has none */
	host(loop);
	must(waited == -1 ? 0 : -EPROTO);
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		struct coro_future *task;
		must(coro_loop_spawn(loop, NULL, sleeps, (void *)&days[i], &task));
		host(loop);
		if (days[i] == 0)
			must(coro_future_done(task) ? 0 : -EPROTO);
		else
			must(waited > 86000000 && waited <= days[i] * INT64_C(86400000) ? 0
											: -EPROTO);
		coro_cancel(task);
		host(loop);
		coro_future_unref(task);
	}
	return coro_loop_close(loop);
}
