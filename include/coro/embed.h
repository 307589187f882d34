/* SPDX-License-Identifier: MIT */
/*
 * A loop as the guest of another: of a GUI's, of GLib's or libuv's, or of a poll() of the program's
 * own. The host waits for the guest's fd to be readable, for as long as its timeout says, and then
 * has it make a turn:
 *
 *	int fd = coro_loop_fd(loop);
 *	for (;;) {
 *		int64_t ns = coro_loop_timeout(loop);
 *		int64_t ms = ns / CORO_MSEC + (ns % CORO_MSEC > 0), day = 86400000;
 *		struct pollfd wanted = {.fd = fd, .events = POLLIN};
 *		poll(&wanted, 1, ns == CORO_FOREVER ? -1 : (int)(ms < day ? ms : day));
 *		r = coro_loop_run_once(loop);
 *	}
 *
 * poll's int holds no more than 24 days of milliseconds, so a wait is cut into days: waking too
 * early does no harm.
 *
 * What the host does between turns, in the loop's thread, may concern the guest: set its futures,
 * spawn by coro_loop_spawn, call_soon, cancel. Then the timeout is another: a host that does not
 * ask for it before each wait has itself told by coro_loop_set_timeout_callback.
 */
#ifndef CORO_EMBED_H
#define CORO_EMBED_H

#include <coro/loop.h>

CORO_BEGIN_DECLS

/*
 * An fd that is readable when the loop has something to do that is not a timer's (uv_backend_fd):
 * to be polled, and nothing else, until the loop is closed. -ENOTSUP where the poller has none,
 * which is so of "poll"; -EPERM, -EOWNERDEAD, -ENOMEM, -EMFILE.
 */
CORO_MUST_CHECK CORO_API int coro_loop_fd(struct coro_loop *loop);

/*
 * For how many nanoseconds there is nothing to do, but for what the fd tells: until the next timer;
 * 0 if something is ready; CORO_FOREVER (uv_backend_timeout). Or an error.
 */
CORO_API int64_t coro_loop_timeout(const struct coro_loop *loop);

/*
 * Makes one turn, without waiting: takes up what has come from fds, threads and signals and which
 * timers are due, and runs what was ready when it began (uv_run of UV_RUN_NOWAIT). To be called
 * when the fd is readable or the timeout over; sooner or more often does no harm.
 *
 *   1           there is more to be done or waited for
 *   0           there is not, until the host brings it: what coro_run_forever calls -EDEADLK
 *   -ESHUTDOWN  coro_loop_stop was called, in this turn or before
 *   -EBUSY      a loop runs in this thread already, or the timeout callback called this
 *   -EPERM, -EOWNERDEAD
 */
CORO_MUST_CHECK CORO_API int coro_loop_run_once(struct coro_loop *loop);

/*
 * Has fn(arg) called, in the loop's thread, after each turn, and when between turns the timeout
 * becomes shorter; not for what the fd tells. fn asks for the timeout and sets a timer of the
 * host's; it must not run the loop or close it (-EBUSY). The host asks once after this, too. fn may
 * be NULL, for none. -EPERM, -EOWNERDEAD.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_timeout_callback(struct coro_loop *loop,
							    coro_callback *fn, void *arg);

CORO_END_DECLS

#endif
