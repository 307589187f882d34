/* SPDX-License-Identifier: MIT */
/*
 * Patience with a client: a scope that ends with -ETIMEDOUT when nothing has gone on for a while.
 *
 *   patience_begin    the task that serves the client begins the scope
 *   patience_renew    the client has done something: the time begins anew
 *   patience_end      the scope's result, as coro_timeout_end's
 *
 * A client that reads slowly, but all the time, is served however long its answer takes: several
 * times in each span a look is taken at how much it has left unread, in the stream and in the system.
 */
#ifndef PATIENCE_H
#define PATIENCE_H

#include <coro.h>

#include <sys/ioctl.h>

enum { PATIENCE_LOOKS = 8 }; /* in a span */

struct patience {
	struct coro_stream *stream;
	struct coro_timeout timeout; /* never, until patience has come to its end */
	struct coro_handle *look;    /* the next one */
	int64_t span;                /* ns without anything going on */
	int64_t until;               /* the end, unless something goes on before */
	size_t unread;               /* bytes, at the last look */
};

/* Bytes written that the client's system has not taken yet. */
static inline size_t patience_unread(const struct patience *patience)
{
	int queued = 0;
	if (ioctl(coro_stream_fd(patience->stream), TIOCOUTQ, &queued) < 0)
		queued = 0;
	return coro_stream_pending(patience->stream) + (size_t)queued;
}

static inline void patience_look(void *arg);

/* Without memory for another look the scope ends by its timeout alone. */
static inline void patience_look_later(struct patience *patience, int64_t now)
{
	struct coro_loop *loop = coro_running_loop();
	int64_t soon = now + patience->span / PATIENCE_LOOKS;
	int64_t when = soon < patience->until ? soon : patience->until;
	coro_handle_unref(patience->look);
	patience->look = NULL;
	if (coro_call_at(loop, when, patience_look, patience, &patience->look) < 0)
		coro_timeout_reschedule(&patience->timeout, patience->until);
}

static inline void patience_look(void *arg)
{
	struct patience *patience = arg;
	int64_t now = coro_loop_time(coro_running_loop());
	size_t unread = patience_unread(patience);
	if (unread < patience->unread)
		patience->until = now + patience->span;
	patience->unread = unread;
	if (now < patience->until)
		patience_look_later(patience, now);
	else
		coro_timeout_reschedule(&patience->timeout, now);
}

/* 0, or a negative errno; span in nanoseconds. */
static inline int patience_begin(struct patience *patience, struct coro_stream *stream,
				 int64_t span)
{
	int64_t now = coro_loop_time(coro_running_loop());
	*patience = (struct patience){.stream = stream, .span = span, .until = now + span};
	int r = coro_timeout_begin(&patience->timeout, CORO_FOREVER);
	if (r == 0)
		patience_look_later(patience, now);
	return r;
}

static inline void patience_renew(struct patience *patience)
{
	patience->until = coro_loop_time(coro_running_loop()) + patience->span;
}

static inline int patience_end(struct patience *patience, int status)
{
	if (patience->look)
		coro_handle_cancel(patience->look);
	coro_handle_unref(patience->look);
	return coro_timeout_end(&patience->timeout, status);
}

#endif
