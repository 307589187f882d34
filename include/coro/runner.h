/* SPDX-License-Identifier: MIT */
/* Running a program: a loop for one body, or for one after another. */
#ifndef CORO_RUNNER_H
#define CORO_RUNNER_H

#include <coro/loop.h>

CORO_BEGIN_DECLS

/*
 * Runs fn(arg) as the main task of a loop of its own, and returns what it returns: one call for a
 * whole program (asyncio.run). At its end it
 *
 *   - cancels the tasks that are left, and runs them to their end, and then those that they have
 *     spawned meanwhile, up to the eighth generation; it discards and reports what is left then,
 *     of tasks that spawn others whenever they are cancelled (see coro/report.h)
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

CORO_END_DECLS

#endif
