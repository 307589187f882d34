/* SPDX-License-Identifier: MIT */
/*
 * Lingering: what is left to be done for a stream once it is to be closed, without anybody waiting.
 *
 *	to be written -- all is handed over --> to arrive -- all has --> to be heard out --> closed
 *
 * A socket that is closed with unread input is reset by the system, which drops what it has not sent
 * yet, and has the peer drop what that has not read. So the direction of writing is ended first, and
 * what comes then is read and dropped until the peer's end. A timer looks how it goes on.
 */
#ifndef IO_LINGER_H
#define IO_LINGER_H

#include "coro/stream.h"
#include "loop/timer.h"

struct lingering {
	struct timer timer;   /* its room is reserved for as long as there is the stream */
	int64_t time;         /* without anything going on; below 0: it does not linger */
	size_t bytes;         /* of what comes, to be dropped: so many more */
	int64_t since;        /* something went on last then; or all had arrived */
	int64_t really_since; /* the same by coro_clock, where the loop's is virtual */
	int64_t pause;        /* until the next look */
	int64_t heard;        /* something came last then; -1: nothing has */
	size_t left;          /* what had not arrived at the last look */
	bool reading;         /* the loop tells of what comes */
	bool ended;           /* the peer has ended, or nothing more is to be read */
	bool arrived;         /* all has, as far as the system tells */
};

/* The options are right. */
void linger_init(struct coro_stream *stream, const struct coro_stream_options *options);

/* What is to be written to a stream that is to be closed does not go now: bounds the wait for it. */
void linger_while_writing(struct coro_stream *stream);

/* The same no more. */
void linger_stop(struct coro_stream *stream);

/* Closes the stream's own fd, to which all was written, in good order. */
void linger_begin(struct coro_stream *stream);

/* Closes it at once, so that the peer gets an error and not the end. */
void linger_refuse(struct coro_stream *stream);

/* The fd of a stream that lingers is closed now; reset: so that the peer sees it. */
void linger_end(struct coro_stream *stream, bool reset);

/* The run is over, and waits for the stream: what is of no use any more is not waited for. */
void linger_hurry(struct coro_stream *stream);

#endif
