/* SPDX-License-Identifier: MIT */
/*
 * What the loop sleeps in when fds are watched. lib/io makes it when it is first needed; the loop
 * closes it when it is closed.
 */
#ifndef SCHED_POLLER_H
#define SCHED_POLLER_H

#include <stdint.h>

struct poller {
	/*
	 * Waits until something comes, to the inbox too, or until that time of coro_clock, and
	 * makes ready what has come. A time of 0 does not wait; CORO_FOREVER has no end. Returns 0,
	 * also when a signal handler has run. An error ends the run.
	 */
	int (*wait)(struct poller *poller, int64_t when);
	/* Another loop is about to wait: makes the fd tell of all that is watched now. */
	void (*settle)(struct poller *poller);
	/* The loop is closed; its tasks are gone. */
	void (*destroy)(struct poller *poller);
};

#endif
