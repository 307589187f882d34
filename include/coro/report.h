/* SPDX-License-Identifier: MIT */
/*
 * Reports: what went wrong where no caller was left to be told. A loop gives them to its exception
 * handler, as asyncio does, under asyncio's messages:
 *
 *   "Task exception was never retrieved"    the last reference to a task that has failed goes, and
 *   "Future exception was never retrieved"  nobody has asked for its result: by await, gather, a
 *                                           group, coro_future_result, _message, ...
 *   "exception in shielded future"          the same of one whose shield was cancelled before it
 *                                           was done
 *   "Task was destroyed but it is pending!" coro_loop_close discards it
 *   "Task has errored out but its parent task is already completed"
 *                                           a member of a group failed after the group's owner, or
 *                                           the generator that had it, was gone
 *   "unhandled exception during coro_run() shutdown"
 *                                           a task failed while it was cancelled at the end of
 *                                           coro_run or of a runner
 *   "Task exception was not retrieved by the end of its loop", and of futures the same
 *                                           coro_loop_close finds one held that has failed, and
 *                                           whose result nobody has asked for, not even a task
 *                                           that was to be told of it next; or the first that
 *                                           failed in a group which was never ended
 *   "Unhandled exception in client_connected_cb"
 *                                           a server's handler failed, and the server has no
 *                                           failed of its own: see coro/stream.h
 *
 * Without a handler of the program's, each is a line on stderr, wrapped here, unless
 * CORO_REPORTS=0 is in the environment:
 *
 *	coro: Task exception was never retrieved: task Task-2, spawned at x.c:5: disk 7 is on
 *	fire (error -5, raised at x.c:9)
 *
 * While a loop runs, the handler is called as a callback is, between two steps of tasks, before
 * anything else that is ready: it may call, spawn, cancel, stop, but not wait. While it does not
 * run, the handler is called where the last reference is given back, or by coro_loop_close, on a
 * loop that is closed by then.
 */
#ifndef CORO_REPORT_H
#define CORO_REPORT_H

#include <coro/loop.h>

CORO_BEGIN_DECLS

struct coro;

/* The dict that asyncio's handlers get. What it points to is valid while the handler runs. */
struct coro_report {
	const char *message; /* what happened */
	int error;           /* the failure, negative; 0 for none */
	const char *words;   /* its words; NULL where there is no error */
	const char *origin;  /* where it was raised, "file.c:12"; NULL if that is not known */
	struct coro_future *future; /* whose it is, a future or a task; NULL for neither */
	struct coro *generator;     /* the same */
};

/* A function of the program's that is given a loop's reports. */
typedef void coro_exception_handler(struct coro_loop *loop, const struct coro_report *report,
				    void *arg);

/*
 * Has fn get the loop's reports, with arg; NULL for the default again
 * (loop.set_exception_handler). Futures of the loop that outlive it are reported too, so what arg
 * points to must last as long. Also of a loop that is closed. 0; -EINVAL, -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_exception_handler(struct coro_loop *loop,
							     coro_exception_handler *fn, void *arg);

/* The handler that was set, its arg in *ret, which may be NULL; NULL for the default. */
CORO_API coro_exception_handler *coro_loop_exception_handler(const struct coro_loop *loop,
							     void **ret);

/*
 * Gives a report to the loop's handler there and then (loop.call_exception_handler). 0; -EINVAL,
 * -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_loop_call_exception_handler(struct coro_loop *loop,
							      const struct coro_report *report);

/*
 * What is done where no handler was set, for handlers to fall back on
 * (loop.default_exception_handler): the report goes to stderr, unless CORO_REPORTS=0 was in the
 * environment when the loop was made. Results as above.
 */
CORO_MUST_CHECK CORO_API int coro_loop_default_exception_handler(struct coro_loop *loop,
								 const struct coro_report *report);

CORO_END_DECLS

#endif
