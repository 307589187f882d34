/* SPDX-License-Identifier: MIT */
/*
 * The report of a stack overflow: a fault in a guard says which coroutine ran out of stack,
 * then happens again as it would have without us.
 */
#ifndef CORE_OVERFLOW_H
#define CORE_OVERFLOW_H

/*
 * Readies the calling thread: the handler, once a process and only where SIGSEGV and SIGBUS are at
 * their default; and where that is installed, an alternate signal stack if the thread has none: 64
 * KiB and a guard, since handlers of others (SA_ONSTACK) then run on it, too. Returns its mapping,
 * NULL if it made none. CORO_OVERFLOW=0 in the environment keeps it from doing anything.
 */
void *overflow_watch(void);

/* Takes the handler down again, where it is still there. */
void overflow_uninstall(void);

/* Takes the alternate stack down again. NULL is fine. */
void overflow_unwatch(void *alternate);

#endif
