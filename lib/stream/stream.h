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

/* A loop's. */
struct streams {
	struct extension extension;
	struct coro_loop *loop;
	struct thread *thread; /* whose the loop is */
	struct list open;      /* streams that are not closed */
	struct list leaving;   /* closed streams that linger */
	struct list written;   /* closed streams whose writer has yet to end */
	struct list unsent;    /* streams with something to be sent in the next turn */
	struct call call;      /* which sends it */
	struct list servers;   /* that have connections, or listen */
	struct blocks blocks;
	unsigned refs;  /* the loop's, each stream's */
	bool finishing; /* the run is over, and waits for them */
	bool ended;     /* the loop is closed: no poller any more */
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

	struct block *in; /* NULL: nothing is buffered */
	size_t limit;
	int read_error;
	struct failure *read_failure; /* its message; NULL: it has none */
	bool eof;
	bool reading; /* a task waits for bytes */

	struct block *out, *out_last; /* what is to be written */
	size_t pending;               /* bytes of it */
	size_t high, low;
	struct list unsent; /* in streams->unsent */
	int write_error;    /* the connection was lost by it */
	struct failure *write_failure;
	struct done_call writer; /* of a task that writes what could not be written at once */
	bool writing;            /* there is one */
	bool paused;             /* above high, and not below low since */
	unsigned resumed;        /* how often it was paused, and is no more */
	bool ending, ended;      /* the peer is to read the end; it was told */
	bool ends_by_closing;    /* and there is no other way to tell it */
	bool closing, closed;
	bool hides;     /* behind what was taken stands a NUL, in place of */
	char hidden;    /* this byte, which is put back before more is read */
	bool lingering; /* closed, but the fd is not yet */
	struct lingering linger;
	struct coro_waiters drainers; /* and those who wait for the end */
	/*
	 * Called when it is closed, when all has arrived, and when it does not linger any more; may
	 * be in the middle of a call of the stream. NULL for nobody.
	 */
	void (*moved)(struct coro_stream *stream);
	void *owner; /* for that */
};

/* The running loop's, made when first needed: 0 or an error. */
int streams_of(struct coro_loop *loop, struct streams **ret);
void streams_unref(struct streams *streams);

/* Whether they are another thread's. */
static inline bool streams_are_foreign(const struct streams *streams)
{
	return streams->thread != thread_current;
}

/* Whether all are closed, and nothing of them is left. */
static inline bool streams_are_settled(const struct streams *streams)
{
	return list_empty(&streams->open) && list_empty(&streams->leaving) &&
	       list_empty(&streams->written);
}

/* -EINVAL for what cannot be. */
int stream_check_options(const struct coro_stream_options *options);

/* coro_stream_open for the library's own use: no loan. */
int stream_open(int fd, const struct coro_stream_options *options, struct coro_stream **ret);

/* -- errors of the connection */

/* Keeps the message of an error that the running call has received, for all who receive it later. */
void stream_keep(struct failure **failure, int error);

/* Gives an error that was kept, with its message. */
int stream_raise(int error, struct failure *failure);

/* The error that the connection was lost by, if it was; else 0. */
static inline int stream_loss(const struct coro_stream *stream)
{
	if (likely(!stream->write_error))
		return 0;
	return stream_raise(stream->write_error, stream->write_failure);
}

/* -- reading */

static inline size_t stream_buffered(const struct coro_stream *stream)
{
	return stream->in ? block_length(stream->in) : 0;
}

/* Waits in its drainers. */
extern const struct wait_kind stream_draining;

/* Whether a task waits in a call of it. */
static inline bool stream_is_waited_for(const struct coro_stream *stream)
{
	return stream->reading || !waiters_empty(&stream->drainers);
}

/* -- writing */

/* Writes what it can of what is buffered, and has the rest written by a task. */
void stream_push(struct coro_stream *stream);

/* The writer was discarded with its loop. */
void stream_forget_writer(struct coro_stream *stream);

/* Drops what is to be written. */
void stream_drop(struct coro_stream *stream);

/* The connection is lost: nothing can be written any more. It is still to be closed. */
void stream_fail(struct coro_stream *stream, int error);

/* -- the end */

/* Closes the transport, whatever is left. */
void stream_shut(struct coro_stream *stream);

/* The same, so that the peer sees an error. */
void stream_reset(struct coro_stream *stream);

/* Waits until it is closed or lost, as coro_stream_wait_closed, but not for the peer. */
coro_async int stream_wait_shut(struct coro_stream *stream);

/* Whether it is closed, or lost, and nothing of it is to arrive any more. */
static inline bool stream_is_gone(const struct coro_stream *stream)
{
	return stream->closed && (!stream->lingering || stream->linger.arrived);
}

/* Lets the end of the run go on, if it was waiting for the last of them. */
void streams_note_end(const struct streams *streams);

/* It lingers now; all has arrived; it lingers no more. */
void stream_leaves(struct coro_stream *stream);
void stream_arrived(struct coro_stream *stream);
void stream_left(struct coro_stream *stream);

void stream_unref(struct coro_stream *stream);

#endif
