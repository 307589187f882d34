/* SPDX-License-Identifier: MIT */
/*
 * Embedding: a loop that is driven by another event loop, the embedder: a GUI's, GLib's, libuv's,
 * or a poll() of the program's own. The embedder waits until the loop's fd is readable or its
 * timeout is over, and then lets the loop make a turn:
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
 * poll's timeout is an int, which holds 24 days of milliseconds. So a longer wait is cut into days:
 * it does no harm to run the loop too early.
 *
 * Between turns the embedder may use the loop, in the loop's thread: set futures, spawn with
 * coro_loop_spawn, add callbacks, cancel. That may shorten the timeout. An embedder that does not
 * ask for the timeout before each wait sets a function that is called then:
 * coro_loop_set_timeout_callback.
 *
 * The errors that all calls on loops share are in coro/loop.h.
 *
 * coro/guest.h, the former name, is a symbolic link to this header, to be removed in 1.0.
 */
#ifndef CORO_EMBED_H
#define CORO_EMBED_H

#include <coro/loop.h>

CORO_BEGIN_DECLS

/*
 * Returns an fd that is readable when the loop has something to do, other than a timer. It may only
 * be polled, until the loop is closed.
 *
 * Returns the fd, -EINVAL, -ENOMEM, -EMFILE, or -ENOTSUP if the loop's poller has no fd: that is so
 * of "poll". Like uv_backend_fd.
 */
CORO_MUST_CHECK CORO_API int coro_loop_fd(struct coro_loop *loop);

/*
 * Returns how many nanoseconds the embedder may wait for the fd: until the next timer; 0 if
 * something is ready, CORO_FOREVER if there is no timer. Or an error. Like uv_backend_timeout.
 */
CORO_API int64_t coro_loop_timeout(const struct coro_loop *loop);

/*
 * Makes one turn without waiting: takes what has come from fds, threads and signals and the timers
 * that are due, and runs what was ready when it began. Call it when the fd is readable or the
 * timeout is over; it may be called sooner and more often.
 *
 * Returns -EINVAL, -ENOMEM, or
 *
 *   1           there is more to do or to wait for
 *   0           there is nothing, until the embedder adds it; coro_run_forever would return
 *               -EDEADLK
 *   -ESHUTDOWN  coro_loop_stop was called, in this turn or before
 *   -EBUSY      a loop runs in this thread already, or the timeout callback called this
 *
 * Like uv_run.
 */
CORO_MUST_CHECK CORO_API int coro_loop_run_once(struct coro_loop *loop);

/*
 * Has fn(arg) called, in the loop's thread, after each turn, and when the timeout becomes shorter
 * between turns. It is not called when the fd becomes readable.
 *
 * fn asks for the timeout and sets a timer of the embedder's. It must not run or close the loop
 * (-EBUSY). After setting it, the embedder asks for the timeout once itself. NULL for fn removes
 * it. Returns 0 or -EINVAL.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_timeout_callback(struct coro_loop *loop,
							    coro_callback *fn, void *arg);

CORO_END_DECLS

#endif
