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

/* Running a program: a loop for one body, or for one after another. */

/*
 * Runs fn(arg) as the main task of a loop of its own, and returns what it returns: one call for a
 * whole program (asyncio.run). At its end it
 *
 *   - cancels the tasks that are left, and runs them to their end, and then those that they have
 *     spawned meanwhile, up to the eighth generation; it discards and reports what is left then,
 *     of tasks that spawn others whenever they are cancelled (see coro/loop.h)
 *   - reports tasks that fail while they are cancelled
 *   - closes the generators that are left open, unless a task waits for what cannot come
 *   - waits for what threads of the default executor still do, and closes the loop
 *
 * In the process's main thread, and if SIGINT has its default action, the first SIGINT cancels the
 * main task; if that leaves by it, the result is -EINTR (KeyboardInterrupt). A second one takes its
 * default action at once, which ends the process. While any loop wants SIGINT (coro/signal.h), that
 * gets it instead. The same goes for SIGTERM with CORO_SIGTERM among the flags of the loop's
 * options.
 *
 *   -EBUSY    a loop runs in this thread already
 *   -EDEADLK  main waits for what cannot come
 *   -ESHUTDOWN  the loop was stopped before main ended
 *   -EINVAL, -ENOMEM
 */
#define coro_run(...) coro_run_at(CORO_HERE, __VA_ARGS__) /* (coro_fn *fn, void *arg) */
CORO_MUST_CHECK CORO_API int coro_run_at(const char *site, coro_fn *fn, void *arg);

/* The same on a loop with these options (asyncio.run's debug: CORO_DEBUG in options->flags). */
#define coro_run_with(...) \
	coro_run_with_at(CORO_HERE, __VA_ARGS__) /* (options, coro_fn *fn, void *arg) */
CORO_MUST_CHECK CORO_API int coro_run_with_at(const char *site,
					      const struct coro_loop_options *options, coro_fn *fn,
					      void *arg);

struct coro_runner;

/*
 * Makes a runner: coro_run in steps, for several bodies on one loop (asyncio.Runner). options are
 * the loop's, or NULL. The caller gives it back with coro_runner_close. -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_runner_create(const struct coro_loop_options *options,
						struct coro_runner **ret);

/*
 * Runs fn(arg) as a task of the runner's loop, until it ends, and returns what it returns
 * (Runner.run). What else there is on the loop runs meanwhile, and is left as it then stands for
 * the next run. Errors as coro_run's; -EPIPE if the program has closed the loop.
 */
#define coro_runner_run(...) \
	coro_runner_run_at(CORO_HERE, __VA_ARGS__) /* (runner, coro_fn *fn, void *arg) */
CORO_MUST_CHECK CORO_API int coro_runner_run_at(const char *site, struct coro_runner *runner,
						coro_fn *fn, void *arg);

/* The runner's loop (Runner.get_loop), which the runner closes; NULL for NULL. */
CORO_API struct coro_loop *coro_runner_loop(const struct coro_runner *runner);

/*
 * Ends what is left as coro_run does, closes the loop and frees the runner (Runner.close). The
 * message of the last error stays, for coro_message. 0, also for NULL; -EBUSY while a loop runs in
 * this thread, or in a call that this makes; -EPERM in another: the runner is then as it was.
 */
CORO_API int coro_runner_close(struct coro_runner *runner);

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

struct coro;

/* The dict that asyncio's handlers get. What it points to is valid while the handler runs. */
struct coro_report {
	const char *message;       /* what happened */
	int error;                 /* the failure, negative; 0 for none */
	const char *error_message; /* its message; NULL where there is no error */
	const char *origin;        /* where it was raised, "file.c:12"; NULL if that is not known */
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
