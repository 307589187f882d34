/* SPDX-License-Identifier: MIT */
/*
 * Signals, as callbacks of a loop and as waits of tasks, which may call any function.
 *
 * While a loop wants a signal, the process has the library's handler for it (sigaction with
 * SA_RESTART). The handler passes the signal on to all loops of all threads that want it. When no
 * loop wants the signal any more, the former action is restored, unless the program has set another
 * meanwhile. In a child made by fork the former actions are restored too.
 *
 * Any thread may receive the signal from the system, but one must exist that does not block it:
 * otherwise it stays pending. The threads that the library makes block all signals.
 *
 * While a loop wants a signal, runs do not end with -EDEADLK. A virtual clock still jumps to the
 * next timer; if there is none, the loop waits in real time.
 *
 * Signals that cannot be caught, and SIGSEGV, SIGBUS, SIGFPE and SIGILL, after which a program
 * cannot go on, are -EINVAL. coro_run lets SIGINT cancel its main task: see coro/loop.h.
 */
#ifndef CORO_SIGNAL_H
#define CORO_SIGNAL_H

#include <coro/loop.h>
#include <signal.h>
#include <sys/select.h> /* sigset_t, also where all but ISO C is hidden */

CORO_BEGIN_DECLS

/*
 * Has the loop call fn(arg), in a turn, each time the signal has come. A loop has one callback for
 * a signal: a second replaces it. If fn is NULL nothing is called, but the signal is kept for
 * coro_signal_wait. Returns 0, -EINVAL, -EPERM or -ENOMEM. Like loop.add_signal_handler.
 */
CORO_MUST_CHECK CORO_API int coro_loop_add_signal_handler(struct coro_loop *loop, int signum,
							  coro_callback *fn, void *arg);

/*
 * Removes the callback for a signal, and forgets the signals that were kept. Returns 1, 0 if there
 * was none, -EINVAL or -EPERM. Like loop.remove_signal_handler.
 */
CORO_API int coro_loop_remove_signal_handler(struct coro_loop *loop, int signum);

/*
 * Waits for one of several signals:
 *
 *	int signum = coro_signal_wait(SIGINT, SIGTERM);
 *
 * All tasks that wait for a signal get it, and the loop's callback too. A signal that comes while
 * no task waits for it has its usual effect. To keep it for the next wait, say so before:
 *
 *	coro_loop_add_signal_handler(coro_running_loop(), SIGHUP, NULL, NULL);
 *
 * Returns the signal's number, -EINVAL, -ENOMEM (at the loop's first signal only), or
 *
 *   -ECANCELED  the task was cancelled. If the signal came first, the call returns the signal, and
 *               the cancellation ends the task's next wait
 *   -EPERM      the caller is not in a task
 *
 * Like sigwait(3).
 */
#define coro_signal_wait(...) /* (int signum, ...) */ coro_signal_wait_any(__VA_ARGS__, 0)

/* Waits for one of several signals, as coro_signal_wait; 0 follows the last of them. */
coro_async CORO_MUST_CHECK CORO_API int coro_signal_wait_any(int signum,
							     ...); /* 0 after the last */

/* Waits for one of the signals in a set, which must not be empty, as coro_signal_wait. */
coro_async CORO_MUST_CHECK CORO_API int coro_signal_wait_set(const sigset_t *set);

CORO_END_DECLS

#endif
