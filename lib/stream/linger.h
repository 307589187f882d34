/* SPDX-License-Identifier: MIT */
/*
 * Lingering: a stream that is being closed delivers what was written, while nobody waits for it.
 *
 *	writing -- all handed to the kernel --> arriving -- all acknowledged --> reading out --> closed
 *
 * The kernel resets a socket that is closed with unread input. A reset drops what was not sent yet,
 * and has the peer drop what it has not read. So writing is shut down first. Then input is read and
 * dropped until the peer's end. A timer checks for progress.
 */
#ifndef STREAM_LINGER_H
#define STREAM_LINGER_H

#include "coro/stream.h"
#include "sched/timer.h"

struct lingering {
	struct timer timer;   /* its room is reserved for the stream's life */
	int64_t time;         /* the longest time without progress; < 0: does not linger */
	size_t bytes;         /* of input that may still be dropped */
	int64_t since;        /* time of the last progress, or when all had arrived */
	int64_t really_since; /* the same by coro_clock, for a loop with a virtual clock */
	int64_t pause;        /* until the next check */
	int64_t heard;        /* time of the last input; -1 for none */
	size_t left;          /* bytes that had not arrived at the last check */
	bool reading;         /* an fd callback reads input */
	bool ended;           /* the peer has ended, or no more is to be read */
	bool arrived;         /* the kernel says that all that was written has arrived */
};

/* Readies a stream for lingering. The options were checked. */
void linger_init(struct coro_stream *stream, const struct coro_stream_options *options);

/* Bounds the time in which a stream that is being closed may still write. */
void linger_while_writing(struct coro_stream *stream);

/* Lifts that bound. */
void linger_stop(struct coro_stream *stream);

/* Begins to close the stream's fd in good order. All was handed to the kernel. */
void linger_begin(struct coro_stream *stream);

/* Closes it at once with a reset, so that the peer gets an error and not the end of file. */
void linger_refuse(struct coro_stream *stream);

/* Closes the fd of a lingering stream, if `reset` so that the peer gets an error. */
void linger_end(struct coro_stream *stream, bool reset);

/* The run is over and waits for the stream: shortens its lingering. */
void linger_hurry(struct coro_stream *stream);

#endif
