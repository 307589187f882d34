/* SPDX-License-Identifier: MIT */
/* A stream from inside, and what a loop keeps for all of its streams. */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "coro/stream.h"
#include "io/block.h"
#include "loop/loop.h"
#include "loop/watch.h"
#include "sync/waiters.h"

/* A loop's. */
struct streams {
	struct annex annex;
	struct coro_loop *loop;
	struct thread *thread; /* whose the loop is */
	struct list open;      /* streams that are not closed */
	struct list unsent;    /* streams with something to be sent in the next turn */
	struct call call;      /* which sends it */
	struct list servers;   /* that have connections, or listen */
	struct blocks blocks;
	unsigned refs; /* the loop's, each stream's */
	bool ended;    /* the loop is closed: no poller any more */
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
	struct list link;        /* in streams->open */
	unsigned refs;           /* the owner's, the writer's */
	struct fd_end end;

	struct block *in; /* NULL: nothing is buffered */
	size_t limit;
	int read_error;
	bool eof;
	bool reading; /* a task waits for bytes */

	struct block *out, *out_last; /* what is to be written */
	size_t pending;               /* bytes of it */
	size_t high, low;
	struct list unsent;   /* in streams->unsent */
	int write_error;      /* the connection was lost by it */
	struct watch writer;  /* of a task that writes what could not be written at once */
	bool writing;         /* there is one */
	bool paused;          /* above high, and not below low since */
	unsigned resumed;     /* how often it was paused, and is no more */
	bool ending, ended;   /* the peer is to read the end; it was told */
	bool ends_by_closing; /* and there is no other way to tell it */
	bool closing, closed;
	struct coro_waiters drainers; /* and those who wait for the end */
};

/* The running loop's, made when first needed: 0 or an error. */
int streams_of(struct coro_loop *loop, struct streams **ret);
void streams_unref(struct streams *streams);

/* Whether they are another thread's. */
static inline bool streams_are_foreign(const struct streams *streams)
{
	return streams->thread != thread_current;
}

/* -EINVAL for what cannot be. */
int stream_check_options(const struct coro_stream_options *options);

/* -- reading */

static inline size_t stream_buffered(const struct coro_stream *stream)
{
	return stream->in ? block_length(stream->in) : 0;
}

/* Whether a task waits in a call of it. */
static inline bool stream_is_waited_for(const struct coro_stream *stream)
{
	return stream->reading || !waiters_empty(&stream->drainers);
}

/* -- writing */

/* Writes what it can of what is buffered, and has the rest written by a task. */
void stream_push(struct coro_stream *stream);

/* The writer was thrown away with its loop. */
void stream_forget_writer(struct coro_stream *stream);

/* Drops what is to be written. */
void stream_drop(struct coro_stream *stream);

/* The connection is lost: nothing can be written any more. It is still to be closed. */
void stream_fail(struct coro_stream *stream, int error);

/* -- the end */

/* Closes the transport, whatever is left. */
void stream_shut(struct coro_stream *stream);

void stream_unref(struct coro_stream *stream);

#endif
