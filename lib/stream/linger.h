/* SPDX-License-Identifier: MIT */
/*
 * Lingering: what is left to do for a stream that is to be closed, while nobody waits for it.
 *
 *	to be written -- all is handed over --> to arrive -- all has --> to be heard out --> closed
 *
 * The system resets a socket that is closed with unread input. That drops what it has not sent yet,
 * and makes the peer drop what it has not read. So the direction of writing is ended first. What
 * comes then is read and dropped until the peer's end. A timer checks for progress.
 */
#ifndef STREAM_LINGER_H
#define STREAM_LINGER_H

#include "coro/stream.h"
#include "sched/timer.h"

struct lingering {
	struct timer timer;   /* its room is reserved as long as the stream exists */
	int64_t time;         /* without progress, at most; below 0: it does not linger */
	size_t bytes;         /* of input that may still be dropped */
	int64_t since;        /* when there was progress last, or all had arrived */
	int64_t really_since; /* the same by coro_clock, where the loop's is virtual */
	int64_t pause;        /* until the next check */
	int64_t heard;        /* when input came last; -1: none has */
	size_t left;          /* what had not arrived at the last check */
	bool reading;         /* the loop watches for input */
	bool ended;           /* the peer has ended, or nothing more is to be read */
	bool arrived;         /* all that was written has, as far as the system tells */
};

/* The options are right. */
void linger_init(struct coro_stream *stream, const struct coro_stream_options *options);

/* A stream that is to be closed cannot write all now: bounds the wait for it. */
void linger_while_writing(struct coro_stream *stream);

/* Ends that. */
void linger_stop(struct coro_stream *stream);

/* Closes the stream's own fd in good order, all being written. */
void linger_begin(struct coro_stream *stream);

/* Closes it at once, so that the peer gets an error and not the end. */
void linger_refuse(struct coro_stream *stream);

/* Closes the fd of a stream that lingers now; reset: so that the peer sees an error. */
void linger_end(struct coro_stream *stream, bool reset);

/* The run is over, and waits for the stream: only as long as that is of use. */
void linger_hurry(struct coro_stream *stream);

#endif
