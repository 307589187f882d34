/* SPDX-License-Identifier: MIT */
/*
 * Signals, handed to loops: callbacks and tasks get them in their turn, where they may call what
 * they like.
 *
 * While a loop wants a signal, the process has a handler of the library's for it (sigaction, with
 * SA_RESTART), which sends it on to all loops that want it, of all threads. When none does any
 * more, what was there before is put back, unless the program has put something else there
 * meanwhile. Which thread the system interrupts does not matter, but one must be there that does
 * not block the signal: else it stays pending, and nobody gets it. Threads that the library makes
 * block them all.
 *
 * While a signal is wanted the loop has something to wait for, and does not end with -EDEADLK. A
 * virtual clock goes on to its next timer all the same; it waits in real time where there is none.
 *
 * Refused, by -EINVAL: what cannot be caught, and SIGSEGV, SIGBUS, SIGFPE and SIGILL, from which
 * there is no return. A child made by fork has the handlers back that were there before.
 *
 * coro_run has SIGINT cancel its main task, as asyncio.run does: see runner.h.
 */
#ifndef CORO_SIGNAL_H
#define CORO_SIGNAL_H

#include <coro/loop.h>
#include <signal.h>
#include <sys/select.h> /* sigset_t, also where all but ISO C is hidden */

CORO_BEGIN_DECLS

/*
 * Has the loop call fn(arg) in its turn, once for each time that the signal has come
 * (loop.add_signal_handler). One for each signal and loop: another takes its place. With fn NULL
 * nothing is called, and the signal kept for coro_signal_wait. -EINVAL, -EPERM, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_loop_add_signal_handler(struct coro_loop *loop, int signum,
							  coro_callback *fn, void *arg);

/*
 * It will not be called any more, and what was kept is forgotten: 1; 0 if there was none
 * (loop.remove_signal_handler).
 */
CORO_API int coro_loop_remove_signal_handler(struct coro_loop *loop, int signum);

/*
 * Waits for one of these signals: its number (sigwait).
 *
 *	int signum = coro_signal_wait(SIGINT, SIGTERM);
 *
 * All who wait for a signal get it, also beside a handler. One that comes while nobody waits for it
 * takes its usual course; where it is to be kept for the next wait instead, say so beforehand:
 *
 *	coro_loop_add_signal_handler(coro_running_loop(), SIGHUP, NULL, NULL);
 *
 * -ECANCELED; -EPERM outside a task; -EINVAL; -ENOMEM, at the loop's first signal only. If the
 * signal came first and then the cancellation, that stays for the task's next wait.
 */
#define coro_signal_wait(...) coro_signal_wait_any(__VA_ARGS__, 0)
coro_async CORO_MUST_CHECK CORO_API int coro_signal_wait_any(int signum,
							     ...); /* 0 after the last */

/* The same for a set of them, of which one is the least. */
coro_async CORO_MUST_CHECK CORO_API int coro_signal_wait_set(const sigset_t *set);

CORO_END_DECLS

#endif
