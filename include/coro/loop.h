/* SPDX-License-Identifier: MIT */
/*
 * Event loops: they run tasks and callbacks, one at a time, in the order in which these became
 * ready.
 *
 *	static int program(void *arg)
 *	{
 *		int r = coro_sleep(20 * CORO_MSEC);
 *		if (r == 0)
 *			puts("20 ms later");
 *		return r;
 *	}
 *	int main(void)
 *	{
 *		return coro_run(program, NULL) < 0;
 *	}
 *
 * coro_run runs a program on a loop of its own. A runner does the same for several bodies, one
 * after another. Programs that need more control create loops and run them with
 * coro_run_until_complete or coro_run_forever.
 *
 * The order of events is asyncio's. One turn of the loop moves the timers that are due to the ready
 * queue, and then runs exactly what was ready when the turn began.
 *
 * A loop belongs to the thread that made it. Other threads may only call
 * coro_call_soon_threadsafe, coro_loop_hold and coro_loop_release, and coro_spawn_threadsafe
 * (coro/thread.h). A thread may have several loops, but runs one at a time. Calls on a loop, and on
 * its tasks, futures and handles, return
 *
 *   -EPERM       in another thread
 *   -EPIPE       if the loop is closed
 *   -EOWNERDEAD  in a child process, if the loop was made before the fork
 *
 * Fork. The loops of the parent cannot be used in the child. coro_loop_close frees what the child
 * has of one, and does not touch the parent's. The task or callback that forked goes on in the
 * child, outside of any loop: there it may not wait (-EPERM), but may run a loop of its own, exec
 * or _exit. When it ends, the run that it was part of returns -EOWNERDEAD, or the result of
 * coro_run_until_complete's future if that is done by then.
 */
#ifndef CORO_LOOP_H
#define CORO_LOOP_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/* An event loop. */
struct coro_loop;

struct coro;
struct coro_future;

/* ---- options ---- */

/*
 * A flag of struct coro_loop_options: time is virtual. It starts at 0, stands still while anything
 * is ready, and jumps to the next timer when nothing is. When there is no timer either, running the
 * loop returns -EDEADLK. Tests need not sleep then.
 */
#define CORO_VIRTUAL_CLOCK (1U << 8)

/* A flag of struct coro_loop_options: debug mode. See coro_loop_set_debug. */
#define CORO_DEBUG (1U << 9)

/*
 * A flag of struct coro_loop_options: tasks run at once when they are spawned. See coro_loop_spawn.
 * Like asyncio.eager_task_factory.
 */
#define CORO_EAGER_TASKS (1U << 10)

/*
 * A flag of struct coro_loop_options, for coro_run and runners: SIGTERM cancels the main task, as
 * SIGINT does.
 */
#define CORO_SIGTERM (1U << 11)

/* What a loop waits for fds with. */
enum coro_poller {
	CORO_POLLER_DEFAULT, /* what CORO_POLLER in the environment says: a name of those below */
	CORO_POLLER_EPOLL,   /* Linux only, and the default there */
	CORO_POLLER_POLL,    /* on every system */
	CORO_POLLER_URING, /* io_uring, if the library was built with it and the kernel allows it */
	CORO_POLLER_KQUEUE, /* BSD and macOS only, and the default there */
};

/*
 * Options of a loop. A field that is 0 has its default. For three of them the environment has one,
 * which all loops follow that have no value of their own: CORO_POLLER, and, for tests,
 *
 *   CORO_SEED=number    the seed. The same seed gives the same order of events
 *   CORO_TURNS=number   max_turns. It ends programs that run for ever without getting anywhere
 *
 * A value that is no number is reported once on stderr, and counts as 0. Also for tests, CORO_FAULTS
 * in the environment has rules by which calls fail, such as "read:3:ECONNRESET,malloc:7". They are
 * described in coro-testing(7).
 */
struct coro_loop_options {
	unsigned flags;          /* those above, and CORO_SAVE_EXCEPTIONS of coro/coroutine.h */
	enum coro_poller poller; /* if it is not available, the default is used */
	size_t stack_size;       /* of its tasks, in bytes, unless their own options have one */
	uint64_t seed;           /* if not 0: run what is ready in a random order, by this seed */
	uint64_t max_turns; /* of each run, which then ends with -ELOOP; 0: as many as it takes */
};

/* ---- running a program ---- */

/*
 * Runs fn(arg) as the main task of a new loop, until it ends. At its end
 *
 *   - it cancels the tasks that are left and runs them to their end. It does the same with the
 *     tasks that these spawn meanwhile, up to the eighth generation. Tasks that are then still left
 *     are discarded and reported
 *   - it reports tasks that fail while they are cancelled: see struct coro_report
 *   - it closes the generators that are open, unless a task waits for what cannot happen
 *   - it waits for the threads of the default executor, and closes the loop.
 *
 * Signals. In the process's main thread, if SIGINT has its default action, the first SIGINT cancels
 * the main task. The second has its default action again, and ends the process. While a loop
 * handles SIGINT itself (coro/signal.h), that loop gets it instead. With CORO_SIGTERM all this
 * holds for SIGTERM too.
 *
 * Returns what fn returned, -EINVAL, -ENOMEM, or
 *
 *   -EINTR      SIGINT cancelled the main task, and it returned -ECANCELED
 *   -EBUSY      a loop runs in this thread already
 *   -EDEADLK    the main task waits for what cannot happen
 *   -ELOOP      max_turns turns were made before the main task ended
 *   -ESHUTDOWN  coro_loop_stop was called before the main task ended
 *
 * Like asyncio.run.
 */
#define coro_run(...) /* (coro_fn *fn, void *arg) */ coro_run_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_run. */
CORO_MUST_CHECK CORO_API int coro_run_at(const char *site, coro_fn *fn, void *arg);

/* Does what coro_run does, with options for the loop; NULL for the defaults. */
#define coro_run_with(...) /* (const struct coro_loop_options *options, coro_fn *fn, void *arg) */ \
	coro_run_with_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_run_with. */
CORO_MUST_CHECK CORO_API int coro_run_with_at(const char *site,
					      const struct coro_loop_options *options, coro_fn *fn,
					      void *arg);

/* A loop that runs several bodies one after another, each as coro_run does. Like asyncio.Runner. */
struct coro_runner;

/*
 * Creates a runner and its loop. options are the loop's, or NULL. The caller owns the runner and
 * gives it back with coro_runner_close. Returns 0, -EINVAL or -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_runner_create(const struct coro_loop_options *options,
						struct coro_runner **ret);

/*
 * Runs fn(arg) as a task of the runner's loop, until it ends. Other tasks of the loop run
 * meanwhile; those that have not ended go on in the next run. Returns what coro_run does, or -EPIPE
 * if the program has closed the loop. Like Runner.run.
 */
#define coro_runner_run(...) /* (struct coro_runner *runner, coro_fn *fn, void *arg) */ \
	coro_runner_run_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_runner_run. */
CORO_MUST_CHECK CORO_API int coro_runner_run_at(const char *site, struct coro_runner *runner,
						coro_fn *fn, void *arg);

/* Returns the runner's loop, which the runner closes; NULL for NULL. Like Runner.get_loop. */
CORO_API struct coro_loop *coro_runner_loop(const struct coro_runner *runner);

/*
 * Ends what is left as coro_run does, closes the loop and frees the runner. NULL is allowed. The
 * message of the last error stays, for coro_message.
 *
 * Returns 0, or
 *
 *   -EBUSY  a loop runs in this thread, or this runner is being closed; it is not freed
 *   -EPERM  it belongs to another thread; it is not freed
 *
 * Like Runner.close.
 */
CORO_API int coro_runner_close(struct coro_runner *runner);

/* ---- loops ---- */

/*
 * Creates a loop with options, or NULL for the defaults. The caller owns it and closes it with
 * coro_loop_close. Returns 0, -EINVAL or -ENOMEM. Like asyncio.new_event_loop.
 */
CORO_MUST_CHECK CORO_API int coro_loop_create(const struct coro_loop_options *options,
					      struct coro_loop **ret);

/*
 * Closes a loop that does not run, and gives the owner's reference back. NULL is allowed, and so is
 * a loop that is closed, which it does not change.
 *
 * Callbacks that have not run never will. Tasks that are not done are reported and discarded: their
 * bodies do not go on, only the calls that they have deferred run (coro_defer). Cancel tasks
 * before, and let them end. Futures and handles that the caller still holds stay valid: calls that
 * ask for their state, and unref, work; the others are -EPIPE.
 *
 * Returns 0, -EBUSY if it runs, or -EPERM in another thread. Like loop.close.
 */
CORO_API int coro_loop_close(struct coro_loop *loop);

/*
 * Takes one more reference, so that the loop can be asked for its state after its close. Returns
 * its argument, which may be NULL.
 */
CORO_API struct coro_loop *coro_loop_ref(struct coro_loop *loop);

/*
 * Gives a reference of coro_loop_ref back. NULL is allowed. coro_loop_close gives the owner's back.
 */
CORO_API void coro_loop_unref(struct coro_loop *loop);

/*
 * Runs the loop until the future is done, and gets its result as coro_await does. ret may be NULL.
 *
 * Returns the result, -EINVAL, -ENOMEM, or
 *
 *   -EBUSY      a loop runs in this thread already
 *   -EDEADLK    the future cannot be done: nothing is ready, and there is nothing to wait for
 *   -ELOOP      the run has made max_turns turns
 *   -ESHUTDOWN  coro_loop_stop was called before the future was done
 *   -EPERM      the future belongs to another loop
 *
 * Like loop.run_until_complete.
 */
CORO_MUST_CHECK CORO_API int coro_run_until_complete(struct coro_loop *loop,
						     struct coro_future *future, void **ret);

/*
 * Runs the loop until coro_loop_stop is called.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EBUSY    a loop runs in this thread already
 *   -EDEADLK  nothing is left that could make anything ready: no callback, timer, fd, signal or
 *             child process, no thread that works for the loop, and no hold
 *   -ELOOP    it has made max_turns turns; the message says what each task does
 *
 * Like loop.run_forever.
 */
CORO_MUST_CHECK CORO_API int coro_run_forever(struct coro_loop *loop);

/*
 * Ends the run of the loop after the present turn. If it does not run, its next run makes one turn,
 * which does not wait. Returns 0 or -EINVAL. Like loop.stop.
 */
CORO_API int coro_loop_stop(struct coro_loop *loop);

/*
 * Closes all generators that have waited in tasks of this loop and have not ended, each in a task
 * of its own, and waits for them. They are closed by coro_close, and may wait in their cleanup.
 * Their errors go to the exception handler. They still belong to their owners, who destroy them.
 * The call is made in a task of the loop, or where no loop runs: then it runs this loop.
 *
 * Returns 0, -EINVAL, -ENOMEM, the errors of coro_run_until_complete, or
 *
 *   -ECANCELED  the calling task was cancelled
 *   -EPERM      the caller is in a callback, or in a task of another loop
 *
 * Like loop.shutdown_asyncgens.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_loop_shutdown_asyncgens(struct coro_loop *loop);

/*
 * Tells the loop that the calling generator is to be closed by coro_loop_shutdown_asyncgens, also
 * if it never waits: asyncio knows async generators from their first step. Returns 0, or -EPERM if
 * the caller is not in a generator that runs in a task.
 */
CORO_MUST_CHECK CORO_API int coro_loop_note_asyncgen(void);

/* ---- questions ---- */

/* Returns the loop that runs in this thread, or NULL. Like asyncio.get_running_loop. */
CORO_API struct coro_loop *coro_running_loop(void);

/* Returns whether the loop runs now; false for NULL. Like loop.is_running. */
CORO_API bool coro_loop_running(const struct coro_loop *loop);

/* Returns whether the loop is closed or is being closed; false for NULL. Like loop.is_closed. */
CORO_API bool coro_loop_closed(const struct coro_loop *loop);

/*
 * Gets the tasks of the loop that are not done, at most count of them, in the order in which they
 * were spawned. Each comes with a reference for the caller to give back. ret may be NULL if count
 * is 0. Returns how many there are, which may be more than count, -EINVAL or -EPERM. Like
 * asyncio.all_tasks.
 */
CORO_MUST_CHECK CORO_API int coro_all_tasks(const struct coro_loop *loop, struct coro_future *ret[],
					    size_t count);

/* Returns the loop's time in nanoseconds: coro_clock's, or the virtual one. Like loop.time. */
CORO_API int64_t coro_loop_time(const struct coro_loop *loop);

/* ---- callbacks ---- */

/* A callback that the loop has been asked to call. Like asyncio.Handle. */
struct coro_handle;

/*
 * Has the loop call fn(arg) in its next turn. If ret is not NULL, *ret is a handle, by which the
 * call can be cancelled. The caller owns it and gives it back with coro_handle_unref.
 *
 * A callback may not wait: calls that would wait are -EPERM in it, but those of io.h, net.h and
 * file.h block the thread instead, and so all tasks. Returns 0, -EINVAL or -ENOMEM. Like
 * loop.call_soon.
 */
CORO_MUST_CHECK CORO_API int coro_call_soon(struct coro_loop *loop, coro_callback *fn, void *arg,
					    struct coro_handle **ret);

/*
 * Has the loop call fn(arg) after delay nanoseconds, counted from now by the loop's clock. A
 * negative delay is a time in the past, and comes before what is due now. ret is as for
 * coro_call_soon. Returns 0, -EINVAL or -ENOMEM. Like loop.call_later.
 */
CORO_MUST_CHECK CORO_API int coro_call_later(struct coro_loop *loop, int64_t delay,
					     coro_callback *fn, void *arg,
					     struct coro_handle **ret);

/*
 * Has the loop call fn(arg) at a time of its clock. Callbacks for the same time are called in the
 * order in which they were added. Returns 0, -EINVAL or -ENOMEM. Like loop.call_at.
 */
CORO_MUST_CHECK CORO_API int coro_call_at(struct coro_loop *loop, int64_t when, coro_callback *fn,
					  void *arg, struct coro_handle **ret);

/*
 * Cancels a callback that has not run. Returns 0, also if it was cancelled before, -EINVAL, or
 * -EALREADY if it has run. Like handle.cancel.
 */
CORO_API int coro_handle_cancel(struct coro_handle *handle);

/* Returns whether the callback was cancelled before it ran. Like handle.cancelled. */
CORO_API bool coro_handle_cancelled(const struct coro_handle *handle);

/*
 * Returns when the callback is due, in nanoseconds of the loop's clock; 0 for coro_call_soon. Like
 * timer_handle.when.
 */
CORO_API int64_t coro_handle_when(const struct coro_handle *handle);

/* Gives the handle back. The callback still runs. NULL is allowed. */
CORO_API void coro_handle_unref(struct coro_handle *handle);

/* ---- from other threads ---- */

/*
 * Has the loop call fn(arg), from any thread, at the start of its next turn, in the order in which
 * the calls arrive. A loop that sleeps is woken, which takes a system call. In the loop's own
 * thread it is coro_call_soon. Not for signal handlers.
 *
 * The loop must exist: another thread calls this before the loop is closed, or while it has a hold
 * on it. Calls that have not run when the loop is closed never will.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EPIPE       the loop is closed
 *   -EOWNERDEAD  the loop is that of the parent process
 *
 * Like loop.call_soon_threadsafe.
 */
CORO_MUST_CHECK CORO_API int coro_call_soon_threadsafe(struct coro_loop *loop, coro_callback *fn,
						       void *arg);

/*
 * Takes a hold on the loop, which announces calls from other threads. Until coro_loop_release gives
 * it back, a run waits for such calls where it would return -EDEADLK, and the loop's memory
 * outlives its close: calls then find -EPIPE. Holds are counted. Any thread may call this that
 * knows that the loop exists. Returns 0, -EINVAL or -EOWNERDEAD.
 */
CORO_MUST_CHECK CORO_API int coro_loop_hold(struct coro_loop *loop);

/* Gives a hold back, in any thread, which may not use the loop after that. NULL is allowed. */
CORO_API void coro_loop_release(struct coro_loop *loop);

/* ---- debug mode ---- */

/*
 * Turns debug mode on or off. It is off by default, and on with CORO_DEBUG in the loop's options or
 * CORO_DEBUG=1 in the environment. It prints on stderr
 *
 *   - steps that take long: see coro_loop_set_slow_callback_duration. Those of a second and more
 *     are printed while they still run, with the calls that they are in
 *   - timeouts that were never ended
 *   - at a task's end: groups that it made and did not end, and locks and units of bounded
 *     semaphores that it took and that were not released
 *   - generators that yield inside a timeout or a group of their own
 *   - fds that were closed by close(2), when the next fd of the same number is waited for
 *   - when the loop is closed: streams, servers, processes and other locks that were not given
 *     back, if they were made or taken while debug mode was on
 *   - when the thread or the process ends: generators that are suspended
 *
 * In debug mode each step goes through the loop and reads the clock twice, a timeout or lock takes
 * an allocation, and a thread looks at the steps. See coro-debugging(7). Returns 0 or -EINVAL. Like
 * loop.set_debug.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_debug(struct coro_loop *loop, bool on);

/* Returns whether debug mode is on; false for NULL. Like loop.get_debug. */
CORO_API bool coro_loop_debug(const struct coro_loop *loop);

/*
 * Sets how long a step may take before debug mode prints its name and place: a callback, or a task
 * from one wait to the next. It is in nanoseconds of CLOCK_MONOTONIC, also if the loop's clock is
 * virtual, and 100 ms by default. Returns 0, or -EINVAL below 0. Like loop.slow_callback_duration.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_slow_callback_duration(struct coro_loop *loop,
								  int64_t duration);

/* Returns what coro_loop_set_slow_callback_duration has set, in nanoseconds. */
CORO_API int64_t coro_loop_slow_callback_duration(const struct coro_loop *loop);

/* ---- reports ---- */

/*
 * A report of an error that no caller was left to receive. A loop gives reports to its exception
 * handler, with asyncio's messages:
 *
 *   "Task exception was never retrieved"
 *       the last reference to a task that failed was given back, and nobody had asked for its
 *       result: by awaiting it, by coro_gather, a group, coro_future_result, coro_future_message or
 *       the like
 *   "Future exception was never retrieved"
 *       the same, for a plain future
 *   "exception in shielded future"
 *       the same, for a future whose coro_shield was cancelled before it was done
 *   "Task was destroyed but it is pending!"
 *       coro_loop_close discarded the task
 *   "Task has errored out but its parent task is already completed"
 *       a task of a group failed when the group's owner, or the generator that had it, had ended
 *   "unhandled exception during coro_run() shutdown"
 *       a task failed while coro_run or a runner cancelled it at its end
 *   "Task exception was not retrieved by the end of its loop"
 *       coro_loop_close found a task that had failed, whose result nobody had asked for, and to
 *       which there were references; or the first task that failed in a group that was never ended
 *   "Future exception was not retrieved by the end of its loop"
 *       the same, for a plain future
 *   "an error occurred during closing of asynchronous generator"
 *       a generator failed while coro_loop_shutdown_asyncgens closed it
 *   "Unhandled exception in client_connected_cb"
 *       a server's handler failed, and the server has no failed function: see coro/stream.h
 *
 * Without a handler, the loop prints each report as a line on stderr, unless CORO_REPORTS=0 is in
 * the environment:
 *
 *	coro: Task exception was never retrieved: task Task-2, spawned at x.c:5: disk 7 is on
 *	fire (error -5, raised at x.c:9)
 *
 * While the loop runs, the handler is called as a callback is, between two steps and before all
 * that is ready. It may call, spawn, cancel and stop, but not wait. While the loop does not run,
 * the handler is called where the last reference is given back; or by coro_loop_close, and then the
 * loop is closed already.
 *
 * What a report points to is valid while the handler runs. Like the dict of asyncio's handlers.
 */
struct coro_report {
	const char *message;       /* what happened */
	int error;                 /* the error, negative; 0 for none */
	const char *error_message; /* its message; NULL for none */
	const char *origin;        /* where it was raised, "file.c:12"; NULL if that is not known */
	struct coro_future *future; /* the future or task that failed; NULL for none */
	struct coro *generator;     /* the generator that failed; NULL for none */
};

/* A function that gets the reports of a loop. */
typedef void coro_exception_handler(struct coro_loop *loop, const struct coro_report *report,
				    void *arg);

/*
 * Sets the function that gets the loop's reports, and its arg; NULL restores the default. It may
 * also be set when the loop is closed. Futures that outlive the loop are reported too, so arg
 * must be valid as long as they are. Returns 0, -EINVAL or -EPERM. Like loop.set_exception_handler.
 */
CORO_MUST_CHECK CORO_API int coro_loop_set_exception_handler(struct coro_loop *loop,
							     coro_exception_handler *fn, void *arg);

/*
 * Returns the function that was set, or NULL for the default, and its arg in *ret. ret may be NULL.
 * Like loop.get_exception_handler.
 */
CORO_API coro_exception_handler *coro_loop_exception_handler(const struct coro_loop *loop,
							     void **ret);

/*
 * Calls the loop's exception handler with a report, at once. Returns 0, -EINVAL or -EPERM. Like
 * loop.call_exception_handler.
 */
CORO_MUST_CHECK CORO_API int coro_loop_call_exception_handler(struct coro_loop *loop,
							      const struct coro_report *report);

/*
 * Does what happens without a handler: prints the report on stderr, unless CORO_REPORTS=0 was in
 * the environment when the loop was made. A handler may call it. Returns 0, -EINVAL or -EPERM. Like
 * loop.default_exception_handler.
 */
CORO_MUST_CHECK CORO_API int coro_loop_default_exception_handler(struct coro_loop *loop,
								 const struct coro_report *report);

CORO_END_DECLS

#endif
