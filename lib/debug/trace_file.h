/* SPDX-License-Identifier: MIT */
/*
 * The file of a trace, which loops in several threads write to: an array of JSON, an event a line.
 * Events are added as whole lines under a mutex, so the file is complete but for its end at any
 * time.
 */
#ifndef DEBUG_TRACE_FILE_H
#define DEBUG_TRACE_FILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { TRACE_BUFFER = 64 * 1024 };

struct coro_trace {
	struct coro_trace *next; /* in the list of those that exit ends */
	unsigned refs;           /* of the opener and of each loop; atomic */
	unsigned fork_count;     /* when it was opened */
	int64_t begun;           /* by coro_clock */
	unsigned loops;          /* how many have written to it; atomic */
	bool reports;            /* an error of writing is printed: nobody else is told */

	pthread_mutex_t mutex; /* of all below */
	int fd;                /* -1: it has ended */
	int error;             /* the first of writing */
	off_t written;
	int64_t written_at; /* by coro_clock */
	size_t length;
	char buffer[TRACE_BUFFER];
	char path[];
};

/* Does what coro_trace_open does, without a message. */
int trace_open(const char *path, struct coro_trace **ret);

/*
 * Adds lines, each of which begins with ",\n". They are written now or later; now is coro_clock's
 * time. Returns false if the trace has ended, or belongs to the parent process.
 */
bool trace_add(struct coro_trace *trace, const char *lines, size_t length, int64_t now);

/* Ends the trace. Returns 0 or the first error of writing. */
int trace_end(struct coro_trace *trace);

void trace_unref(struct coro_trace *trace);

static inline struct coro_trace *trace_ref(struct coro_trace *trace)
{
	__atomic_add_fetch(&trace->refs, 1, __ATOMIC_RELAXED);
	return trace;
}

#endif
