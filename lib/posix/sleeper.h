/* SPDX-License-Identifier: MIT */
/*
 * Tasks that wait for an object of the program, a mutex for instance, of which only the address is known.
 * Whoever changes the object wakes those that wait for its address. It may be in another thread.
 */
#ifndef POSIX_SLEEPER_H
#define POSIX_SLEEPER_H

#include "coro/future.h"
#include "posix/call.h"

struct sleeper;

/* How many there are. While it is 0, waking costs nothing. */
extern unsigned sleepers_waiting;

/*
 * Puts the running task in line for an address. by_thread: only another thread can wake it. NULL without
 * memory.
 */
struct sleeper *sleeper_begin(const void *address, bool by_thread);

/*
 * Waits until it is woken, or until the length in nanoseconds is over. Returns 0, -ETIMEDOUT, or
 * -ECANCELED.
 */
int sleeper_wait(struct sleeper *sleeper, int64_t length);

/*
 * How long a task waits before it tries again. Most who unlock wake it. Not one that waits for a
 * condition inside of libc, nor one that posts a semaphore from a signal handler or another process.
 */
static inline int64_t sleeper_pause(int tries)
{
	enum { LONGEST = 5 };
	return CORO_MSEC << (tries < LONGEST ? tries : LONGEST);
}

/* Leaves the line. One that was woken and has not used that wakes the next instead. */
void sleeper_end(struct sleeper *sleeper, bool used);

void sleepers_wake_slow(const void *address, bool all);

/*
 * Wakes the first in line for an address, or all. Not in a signal handler. A CPU may let this come before
 * the change of the object, and so miss one that another thread puts in line at this moment: that is why
 * those who wait for threads try again after a while.
 */
static inline void sleepers_wake(const void *address, bool all)
{
	if (unlikely(__atomic_load_n(&sleepers_waiting, __ATOMIC_SEQ_CST) && !call_handlers))
		sleepers_wake_slow(address, all);
}

#endif
