/* SPDX-License-Identifier: MIT */
/* A stream from inside, and what a loop keeps for all of its streams. */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include "coro/stream.h"
#include "loop/loop.h"
#include "sched/resource.h"
#include "stream/block.h"
#include "stream/linger.h"
#include "sync/waiters.h"
#include "task/done_call.h"

/* The streams and servers of a loop. */
struct streams {
	struct extension extension;
	struct coro_loop *loop;
	struct thread *thread; /* the loop's */
	struct list open;      /* streams that are not closed */
	struct list leaving;   /* closed streams that linger */
	struct list written;   /* closed streams whose writer task has not ended */
	struct list unsent;    /* streams with bytes to be sent in the next turn */
	struct call call;      /* sends them */
	struct list servers;   /* servers that listen or have connections */
	struct blocks blocks;
	unsigned refs;  /* the loop's, each stream's */
	bool finishing; /* the run is over and waits until all are closed */
	bool ended;     /* the loop is closed and has no poller */
};

/* The transport of an fd. */
struct fd_end {
	struct streams *streams;
	int fd;
};

struct coro_stream {
	const struct coro_transport *transport;
	void *arg;
	struct streams *streams; /* holds a reference */
	struct list link;        /* in streams->open, leaving or written */
	unsigned refs;           /* the owner's, the writer's, one while it lingers */
	struct resource resource;
	struct fd_end end;

	struct block *in; /* bytes read but not taken; NULL for none */
	size_t limit;
	int read_error;
	struct failure *read_failure; /* the message of read_error; NULL for none */
	bool eof;
	bool reading; /* a task waits for bytes */

	struct block *out, *out_last; /* bytes to be written */
	size_t pending;               /* their number */
	size_t high, low;
	struct list unsent; /* in streams->unsent */
	int write_error;    /* the error that broke the connection; 0 for none */
	struct failure *write_failure;
	struct done_call writer; /* of the task that writes what could not be written at once */
	bool writing;            /* that task exists */
	bool paused;             /* pending rose above high and has not fallen to low since */
	unsigned resumed;        /* how often writing was resumed after a pause */
	bool ending, ended;      /* the end of file is to be sent; was sent */
	bool ends_by_closing;    /* only closing sends the end of file */
	bool closing, closed;
	bool hides;     /* a NUL stands behind the bytes taken last, in place of `hidden` */
	char hidden;    /* put back before the next read */
	bool lingering; /* closed, but its fd is still open */
	struct lingering linger;
	struct coro_waiters drainers; /* tasks that wait for writing or for the end */
	/*
	 * Called when the stream is closed, when all that was written has arrived, and when
	 * lingering is over; possibly inside a call on the stream. NULL for nothing.
	 */
	void (*moved)(struct coro_stream *stream);
	void *owner; /* used by moved */
};

/* Finds or makes the streams of the running loop. Returns 0 or an error. */
int streams_of(struct coro_loop *loop, struct streams **ret);
void streams_unref(struct streams *streams);

/* Whether their loop belongs to another thread. */
static inline bool streams_are_foreign(const struct streams *streams)
{
	return streams->thread != thread_current;
}

/* Whether all streams are closed and none lingers or has a writer. */
static inline bool streams_are_settled(const struct streams *streams)
{
	return list_empty(&streams->open) && list_empty(&streams->leaving) &&
	       list_empty(&streams->written);
}

/* Returns 0 or -EINVAL. */
int stream_check_options(const struct coro_stream_options *options);

/* coro_stream_open without the record for debug mode. */
int stream_open(int fd, const struct coro_stream_options *options, struct coro_stream **ret);

/* -- errors of the connection */

/* Keeps the message of an error that the running call has received, for later calls. */
void stream_keep(struct failure **failure, int error);

/* Fails with the error that broke the connection, if one did. Returns it, or 0. */
static inline int stream_loss(const struct coro_stream *stream)
{
	if (likely(!stream->write_error))
		return 0;
	return fail_again(stream->write_error, stream->write_failure);
}

/* -- reading */

static inline size_t stream_buffered(const struct coro_stream *stream)
{
	return stream->in ? block_length(stream->in) : 0;
}

/* Waits in `drainers` until woken. Returns 0, -ECANCELED, or -EPERM outside of tasks. */
int stream_wait(struct coro_stream *stream);

/* Whether a task waits in a call on the stream. */
static inline bool stream_is_waited_for(const struct coro_stream *stream)
{
	return stream->reading || !waiters_empty(&stream->drainers);
}

/* -- writing */

/* Writes the buffered bytes: what goes now at once, the rest by a writer task. */
void stream_push(struct coro_stream *stream);

/* The writer was discarded with its loop. */
void stream_forget_writer(struct coro_stream *stream);

/* Drops the bytes to be written. */
void stream_drop(struct coro_stream *stream);

/* The connection is broken: nothing can be written any more. The stream is still to be closed. */
void stream_fail(struct coro_stream *stream, int error);

/* -- the end */

/* Closes the transport at once. */
void stream_shut(struct coro_stream *stream);

/* Closes it with a reset, so that the peer gets an error. */
void stream_reset(struct coro_stream *stream);

/* As coro_stream_wait_closed, but does not wait until all has arrived at the peer. */
coro_async int stream_wait_shut(struct coro_stream *stream);

/* Whether it is closed and nothing is on its way to the peer any more. */
static inline bool stream_is_gone(const struct coro_stream *stream)
{
	return stream->closed && (!stream->lingering || stream->linger.arrived);
}

/* Stops the run that waits for all streams to be closed, if they are. */
void streams_note_end(const struct streams *streams);

/* Called when the stream begins to linger, when all has arrived, and when lingering is over. */
void stream_leaves(struct coro_stream *stream);
void stream_arrived(struct coro_stream *stream);
void stream_left(struct coro_stream *stream);

void stream_unref(struct coro_stream *stream);

#endif
