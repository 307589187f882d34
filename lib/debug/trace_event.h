/* SPDX-License-Identifier: MIT */
/*
 * Events of a trace as lines of JSON. Lines are gathered, and given to the file together:
 *
 *	event_begin(events, 'X', "step", since);
 *	event_number(events, "dur", ...);
 *	event_end(events);
 */
#ifndef DEBUG_TRACE_EVENT_H
#define DEBUG_TRACE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coro_trace;

/* The most bytes of an event, and of what is gathered. */
enum { EVENT_MOST = 1024, EVENTS_MOST = 4 * EVENT_MOST };

struct events {
	struct coro_trace *trace;
	int64_t now;   /* by coro_clock, when the last event was begun */
	bool ended;    /* the trace takes no more */
	size_t length; /* of what is gathered */
	size_t prefix_length;
	char prefix[48]; /* "pid":1,"tid":1,"ts": */
	char chars[EVENTS_MOST];
};

/* Begins a track with this number. */
void events_init(struct events *events, struct coro_trace *trace, unsigned track);

/* Gives what is gathered to the file. */
void events_give(struct events *events);

/* Begins an event of a phase, as Chrome calls it, and a category, at a time of coro_clock. */
void event_begin(struct events *events, char phase, const char *category, int64_t time);

/* Ends it, and the object of its arguments if it has one. */
void event_end(struct events *events);

/* Adds what is valid JSON already. */
void event_add(struct events *events, const char *json);

void event_number(struct events *events, uint64_t number);

/* Adds nanoseconds as microseconds with a fraction. */
void event_usec(struct events *events, int64_t nsec);

/* Adds the inside of a string, cut off after a number of bytes. */
void event_string(struct events *events, const char *text, size_t most);

#endif
