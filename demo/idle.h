/* SPDX-License-Identifier: MIT */
/*
 * An idle timeout: a scope that ends with -ETIMEDOUT when a client has done nothing for a while.
 *
 *   idle_begin   begins the scope, in the task that serves the client
 *   idle_renew   the client has done something: the time starts again
 *   idle_end     ends the scope, as coro_timeout_end does
 *
 * Reading slowly is doing something: a client may take hours to read a long response. The library
 * cannot tell when the client reads, but the amount that it has not read yet, in the stream and in
 * the system, gets smaller. So that amount is checked several times within the timeout.
 */
#ifndef IDLE_H
#define IDLE_H

#include <coro.h>

#include <sys/ioctl.h>

enum { IDLE_CHECKS = 8 }; /* within a timeout */

struct idle {
	struct coro_stream *stream;
	struct coro_timeout timeout; /* never due before the client has been idle for too long */
	struct coro_handle *check;   /* the next one */
	int64_t span;                /* the timeout in ns */
	int64_t until;               /* when it ends if the client stays idle */
	size_t unread;               /* bytes, at the last check */
};

/* Returns how many of the bytes written the client's system has not acknowledged. */
static inline size_t idle_unread(const struct idle *idle)
{
	int queued = 0;
	if (ioctl(coro_stream_fd(idle->stream), TIOCOUTQ, &queued) < 0)
		queued = 0;
	return coro_stream_pending(idle->stream) + (size_t)queued;
}

static inline void idle_check(void *arg);

/* Without memory for another check, the scope ends as if no more were read. */
static inline void idle_check_later(struct idle *idle, int64_t now)
{
	struct coro_loop *loop = coro_running_loop();
	int64_t next = now + idle->span / IDLE_CHECKS;
	int64_t when = next < idle->until ? next : idle->until;
	coro_handle_unref(idle->check);
	idle->check = NULL;
	if (coro_call_at(loop, when, idle_check, idle, &idle->check) < 0)
		coro_timeout_reschedule(&idle->timeout, idle->until);
}

static inline void idle_check(void *arg)
{
	struct idle *idle = arg;
	int64_t now = coro_loop_time(coro_running_loop());
	size_t unread = idle_unread(idle);
	if (unread < idle->unread)
		idle->until = now + idle->span;
	idle->unread = unread;
	if (now < idle->until)
		idle_check_later(idle, now);
	else
		coro_timeout_reschedule(&idle->timeout, now);
}

/* Returns 0 or a negative errno. span is in nanoseconds. */
static inline int idle_begin(struct idle *idle, struct coro_stream *stream, int64_t span)
{
	int64_t now = coro_loop_time(coro_running_loop());
	*idle = (struct idle){.stream = stream, .span = span, .until = now + span};
	int r = coro_timeout_begin(&idle->timeout, CORO_FOREVER);
	if (r == 0)
		idle_check_later(idle, now);
	return r;
}

static inline void idle_renew(struct idle *idle)
{
	idle->until = coro_loop_time(coro_running_loop()) + idle->span;
}

static inline int idle_end(struct idle *idle, int status)
{
	if (idle->check)
		coro_handle_cancel(idle->check);
	coro_handle_unref(idle->check);
	return coro_timeout_end(&idle->timeout, status);
}

#endif
