/* SPDX-License-Identifier: MIT */
/*
 * Traces: a file that shows when each task has run, for how long, and who has woken it.
 *
 * The file is in the JSON format of Chrome's trace events: open it in https://ui.perfetto.dev or in
 * chrome://tracing. It has a track for each loop, and on it
 *
 *   - a slice for each step of a task or callback, from when it runs on to its next wait: named
 *     by the task, with where it was spawned and what it waits in then
 *   - a slice for each time the loop polls or waits
 *   - arrows from the slice that has spawned or woken a task to the slice that this task runs in
 *   - instants where a task is spawned, is cancelled, and ends
 *   - counters of tasks, of those that are ready, and of timers.
 *
 * Times are real, also if the loop's clock is virtual. A task that another thread has woken has no
 * arrow.
 *
 * The simplest way needs no change of the program: with CORO_TRACE=FILE in the environment, all its
 * loops are traced, from the first to the end of the process. In the name, %p stands for the
 * number of the process.
 *
 * A program that wants a part of its run in the file does that by calls:
 *
 *	struct coro_trace *trace;
 *	int r = coro_trace_open("trace.json", &trace);
 *	if (r < 0)
 *		return r;
 *	coro_loop_set_trace(coro_running_loop(), trace);
 *	r = do_what_is_slow();
 *	int written = coro_trace_close(trace);
 *	return r < 0 ? r : written;
 *
 * Several loops, also those of other threads, may write to one trace. It keeps 64 KiB in memory and
 * writes them when they are full, and at least each tenth of a second while anything runs. The
 * thread waits for the file meanwhile. The file is complete after coro_trace_close, and when the
 * process ends by exit or by returning from main. If the process is killed instead, the last part
 * is missing and so is the bracket at the end; the viewers read such a file all the same.
 *
 * A loop that is not traced pays nothing. A step that is traced costs about a third of a microsecond
 * and 150 bytes of the file, and twice that if another task is woken in it.
 *
 * Fork. A child writes nothing to the trace of its parent. Its own loops are traced if the name in
 * CORO_TRACE has a %p.
 */
#ifndef CORO_TRACE_H
#define CORO_TRACE_H

#include <coro/loop.h>

CORO_BEGIN_DECLS

/* A trace that is being written. */
struct coro_trace;

/*
 * Creates the file, or empties it, and begins a trace. In path, "%p" stands for the number of the
 * process. The caller gives the trace back with coro_trace_close, in any thread.
 *
 * Returns 0, an error of open(2), -EBUSY if another trace is being written to the file, -EINVAL or
 * -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_trace_open(const char *path, struct coro_trace **ret);

/*
 * Has what the loop does written to a trace from now on, in place of the one that it wrote to
 * before; NULL for none. A task that calls this is traced from its next step on.
 *
 * Returns 0, -EINVAL, -ENOMEM, -EPERM in another thread, or -EPIPE if the loop is closed.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_trace(struct coro_loop *loop, struct coro_trace *trace);

/*
 * Ends the trace for all loops that write to it, also those of other threads, and completes the
 * file. After an error of writing, what was written before is kept, and nothing more is added.
 *
 * Returns 0, or the first error of writing: -ENOSPC and others. NULL is 0.
 */
CORO_API int coro_trace_close(struct coro_trace *trace);

CORO_END_DECLS

#endif
