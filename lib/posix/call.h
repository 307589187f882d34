/* SPDX-License-Identifier: MIT */
/* What all calls share: whether a call is a task's, and results as POSIX's calls have them. */
#ifndef POSIX_CALL_H
#define POSIX_CALL_H

#include "coro/task.h"
#include "posix/libc.h"

#include <errno.h>

/* Set once the library below calls libc's functions. Until then it must not be called. */
extern bool call_bound;

/* How many of our signal handlers run in this thread, and the frame of the last: see signal.c. */
extern __thread int call_handlers __attribute__((tls_model("initial-exec")));
extern __thread const char *call_handler_frame __attribute__((tls_model("initial-exec")));

/* Whether a signal handler runs, and was not left by longjmp. */
bool call_handler_runs(void);

static inline bool call_in_handler(void)
{
	return unlikely(call_handlers) && call_handler_runs();
}

/* Whether the caller is a task, which waits where the thread would block. */
static inline bool call_waits(void)
{
	return call_bound && !call_in_handler() && coro_current_task();
}

/* Whether this is the process, and not a child of vfork, which has the parent's memory. */
bool call_in_process(void);

/* Whether a loop runs in this thread. */
bool call_in_loop(void);

/*
 * Turns a result of the library below into one of POSIX's: -1 and errno. On success errno is what it
 * was before the call, though other tasks have run.
 */
static inline ssize_t call_result(ssize_t r, int before)
{
	enum { LAST_ERRNO = 4095 };
	if (likely(r >= 0)) {
		errno = before;
		return r;
	}
	errno = r >= -LAST_ERRNO ? (int)-r : ECANCELED;
	return -1;
}

/* The length of a wait in nanoseconds, at most CORO_FOREVER; a bad time is -EINVAL. */
int64_t call_length(const struct timespec *time);

/* When a wait that begins now ends, by the running loop's clock. */
int64_t call_end(int64_t length);

/* What is left until then, at least 0; CORO_FOREVER of that. */
int64_t call_left(int64_t end);

/* FORTIFY: more bytes are asked for than there is room. Ends the program, by libc. */
void __chk_fail(void) __attribute__((noreturn));

static inline void call_check_room(size_t length, size_t room)
{
	if (unlikely(length > room))
		__chk_fail();
}

#endif
