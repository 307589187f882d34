/* SPDX-License-Identifier: MIT */
/*
 * The event loop: runs tasks and callbacks, one at a time, in the order in which they became ready.
 * Its order of events is asyncio's: one turn moves the timers that are due to the ready queue, then
 * runs exactly what was ready when the turn began.
 *
 * A loop belongs to the thread that made it; its calls from another thread are -EPERM, but for
 * coro_call_soon_threadsafe and what builds on it; those on a loop that was closed are -EPIPE. A
 * thread may have several loops, but runs one at a time.
 *
 * fork: the loops of the parent are the parent's alone. In the child, calls on them are -EOWNERDEAD,
 * but for coro_loop_close, which leaves the parent's untouched. The task or callback that forked
 * goes on in the child in no loop: there it may not wait (-EPERM), but may run a loop of its own,
 * exec or _exit. When it ends, the run that it was part of returns -EOWNERDEAD, or what the future
 * of coro_run_until_complete has as its result by then.
 */
#ifndef CORO_LOOP_H
#define CORO_LOOP_H

#include <coro/base.h>

CORO_BEGIN_DECLS

struct coro_loop;
struct coro_future;
struct coro_handle;

/*
 * Flags of struct coro_loop_options; CORO_SAVE_EXCEPTIONS (coroutine.h) is another.
 *
 * Time is virtual: it starts at 0, stands still while anything is ready, and jumps to the next
 * timer when nothing is. When there is no timer either, running the loop returns -EDEADLK.
 */
#define CORO_VIRTUAL_CLOCK (1U << 8)
/* Debug mode: see coro_loop_set_debug. */
#define CORO_DEBUG (1U << 9)
/* Tasks run at once when they are spawned: see coro_loop_spawn (eager_task_factory). */
#define CORO_EAGER_TASKS (1U << 10)
/* Of coro_run and runners: SIGTERM cancels the main task as SIGINT does. */
#define CORO_SIGTERM (1U << 11)

/* What a loop waits for fds with. */
enum coro_poller {
	CORO_POLLER_DEFAULT, /* what CORO_POLLER in the environment says: epoll, poll or uring */
	CORO_POLLER_EPOLL,   /* Linux's; the default there */
	CORO_POLLER_POLL,    /* everywhere */
	CORO_POLLER_URING, /* io_uring, where the library was built with it and the kernel lets us */
};

struct coro_loop_options {
	unsigned flags;
	enum coro_poller poller; /* one that is not there gives way to the default */
	size_t stack_size;       /* of its tasks, unless theirs says otherwise; 0 for the default */
	uint64_t seed;           /* not 0: run what is ready in a random order, told by the seed */
};

/*
 * Makes a loop (asyncio.new_event_loop); options may be NULL. The caller owns it and gives it back
 * with coro_loop_close. -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_loop_create(const struct coro_loop_options *options,
					      struct coro_loop **ret);

/*
 * Closes a loop that does not run (-EBUSY), and gives the caller's reference back (loop.close).
 * Callbacks that have not run never will. Tasks that are not done are reported and discarded: their
 * bodies do not run on; only the calls they have deferred do (coro_defer). So cancel them and let
 * them end before. Futures and handles that the caller still holds stay valid; on them, only
 * result, message, state and unref calls have an effect, the others are -EPIPE. 0, also for NULL,
 * and for a loop that is closed, which changes nothing.
 */
CORO_API int coro_loop_close(struct coro_loop *loop);

/*
 * One more reference, by which a loop can be asked after its close: what it answers then stays as
 * it was, and calls that would use it are -EPIPE. Returns its argument, which may be NULL.
 */
CORO_API struct coro_loop *coro_loop_ref(struct coro_loop *loop);

/* Gives such a reference back. NULL is fine. The owner's is given back by coro_loop_close. */
CORO_API void coro_loop_unref(struct coro_loop *loop);

/*
 * Runs the loop until the future is done and gives back its result as coro_await does
 * (loop.run_until_complete). ret may be NULL.
 *
 *   -EBUSY    a loop runs in this thread already
 *   -EDEADLK  nothing is ready and there is nothing to wait for, so that the future cannot be done
 *   -ESHUTDOWN  the loop was stopped before the future was done
 *   -EPERM    the future belongs to another loop
 */
CORO_MUST_CHECK CORO_API int coro_run_until_complete(struct coro_loop *loop,
						     struct coro_future *future, void **ret);

/*
 * Runs the loop until coro_loop_stop: 0. -EBUSY if a loop runs in this thread already; -EDEADLK
 * when nothing is left to wait for: no callback, no timer, no fd, no thread at work for it, nobody
 * who holds it, and no task that could make one (loop.run_forever).
 */
CORO_MUST_CHECK CORO_API int coro_run_forever(struct coro_loop *loop);

/*
 * Ends the run after the present turn; if the loop does not run, its next run makes one turn that
 * does not wait, and ends (loop.stop).
 */
CORO_API int coro_loop_stop(struct coro_loop *loop);

/*
 * Closes all generators that have waited in tasks of this loop and have not ended, each in a task
 * of its own, and waits for them (loop.shutdown_asyncgens): coro_close, so that they may wait in
 * their cleanup. What one fails with goes to the exception handler. They stay whose they are, who
 * destroys them. In a task of the loop; where no loop runs, it runs the loop for that.
 *
 * 0; -ECANCELED if the calling task was cancelled, or the results of coro_run_until_complete;
 * -EPERM in a callback, or in another loop's task; -ENOMEM.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_loop_shutdown_asyncgens(struct coro_loop *loop);

/*
 * Called in a generator that a task drives: from now on the loop knows it as one to close in
 * coro_loop_shutdown_asyncgens, though it has not waited yet (asyncio knows async generators from
 * their first step on). 0; -EPERM elsewhere.
 */
CORO_MUST_CHECK CORO_API int coro_loop_note_asyncgen(void);

/* The loop that runs in the calling thread, NULL for none (asyncio.get_running_loop). */
CORO_API struct coro_loop *coro_running_loop(void);

/* Whether the loop runs now (loop.is_running); false for NULL. */
CORO_API bool coro_loop_running(const struct coro_loop *loop);

/* Whether it was closed (loop.is_closed), or is being closed; false for NULL. */
CORO_API bool coro_loop_closed(const struct coro_loop *loop);

/*
 * How many tasks of the loop are not done (asyncio.all_tasks). At most count of them, in the order
 * spawned, are put into ret, each with a reference for the caller to give back; ret may be NULL
 * where count is 0. -EINVAL, -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_all_tasks(const struct coro_loop *loop, struct coro_future *ret[],
					    size_t count);

/*
 * Debug mode, on or off (loop.set_debug). It tells on stderr of
 *
 *   - steps that take long: see coro_loop_set_slow_callback_duration
 *   - timeouts that were never ended
 *   - generators that yield inside a timeout or a group of theirs
 *   - fds that were closed by plain close, when what has the number next is waited for
 *   - when the loop is closed, groups, streams, servers, processes and locks that were not given
 *     back, if it was on when they were made, or first taken
 *
 * It is off, unless the loop was made with CORO_DEBUG, or with CORO_DEBUG=1 in the environment. On,
 * each step goes by way of the loop and reads the clock twice, and a timeout and taking a lock
 * allocate. -EINVAL, -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_debug(struct coro_loop *loop, bool on);

CORO_API bool coro_loop_debug(const struct coro_loop *loop);

/*
 * How long a callback, or a task from one wait to the next, may take, in nanoseconds, before debug
 * mode tells of it with its name and site (loop.slow_callback_duration): 100 ms unless set, by
 * CLOCK_MONOTONIC also when the loop's own clock is virtual. -EINVAL below 0; -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_slow_callback_duration(struct coro_loop *loop,
								  int64_t duration);

CORO_API int64_t coro_loop_slow_callback_duration(const struct coro_loop *loop);

/* The loop's time in nanoseconds; of a real clock, coro_clock's (loop.time). */
CORO_API int64_t coro_loop_time(const struct coro_loop *loop);

/*
 * Calls fn(arg) in the loop's next turn (loop.call_soon). The handle may cancel it; where ret is
 * not NULL, the caller owns *ret and gives it back with coro_handle_unref. Callbacks may not wait:
 * in them, waiting is -EPERM; the calls of io.h, net.h, file.h and resolve.h block all tasks instead,
 * where they would have to. -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_call_soon(struct coro_loop *loop, coro_callback *fn, void *arg,
					    struct coro_handle **ret);

/*
 * The same from any thread (loop.call_soon_threadsafe): called at the start of the loop's next
 * turn, in the order of arrival; a loop that sleeps is woken, which is the only case that takes a
 * system call. Not for signal handlers. In the loop's own thread, as coro_call_soon.
 *
 * The loop must be there: who calls it from another thread does so before it is closed, or holds
 * it. -EPIPE once it is closed, and what has not run by then never will; -EOWNERDEAD in a child
 * made by fork, where loops are the parent's; -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_call_soon_threadsafe(struct coro_loop *loop, coro_callback *fn,
						       void *arg);

/*
 * Announces calls from outside: until it is given back by coro_loop_release, running the loop waits
 * for them where it would return -EDEADLK, and the loop's memory outlives its close, so that such a
 * call finds -EPIPE and not a loop that is gone. From the loop's thread, or any that is sure of the
 * loop. Counts. -EINVAL, -EOWNERDEAD.
 */
CORO_MUST_CHECK CORO_API int coro_loop_hold(struct coro_loop *loop);

/* Gives a hold back, from any thread; the last thing that it may do with the loop. NULL is fine. */
CORO_API void coro_loop_release(struct coro_loop *loop);

/*
 * Calls fn(arg) after delay nanoseconds, counted from now by the loop's clock (loop.call_later). A
 * negative delay is a time in the past, and so comes before what is due now. *ret as
 * coro_call_soon's. -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_call_later(struct coro_loop *loop, int64_t delay,
					     coro_callback *fn, void *arg,
					     struct coro_handle **ret);

/* The same at a time of the loop's clock (loop.call_at). Equal times run in the order armed. */
CORO_MUST_CHECK CORO_API int coro_call_at(struct coro_loop *loop, int64_t when, coro_callback *fn,
					  void *arg, struct coro_handle **ret);

/*
 * The callback will not run (handle.cancel): 0, also if it was cancelled before; -EALREADY once it
 * has run.
 */
CORO_API int coro_handle_cancel(struct coro_handle *handle);

/* Whether the handle was cancelled before it ran. */
CORO_API bool coro_handle_cancelled(const struct coro_handle *handle);

/* When it is due by the loop's clock (timer_handle.when); 0 for coro_call_soon, at once. */
CORO_API int64_t coro_handle_when(const struct coro_handle *handle);

/* Gives the caller's hold of the handle back; the callback still runs. NULL is fine. */
CORO_API void coro_handle_unref(struct coro_handle *handle);

/*
 * Waits for delay nanoseconds, in a task: 0 (asyncio.sleep). 0 or less lets everything run that is
 * ready, once. Never ends early. -ECANCELED if the task was cancelled; -EPERM outside a task.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_sleep(int64_t delay);

/* The same until a time of the loop's clock. */
coro_async CORO_MUST_CHECK CORO_API int coro_sleep_until(int64_t when);

CORO_END_DECLS

#endif
