/* SPDX-License-Identifier: MIT */
/*
 * What the loop sleeps in once fds are watched. The io ring makes it when it is first needed; the
 * loop closes it when it is closed itself.
 */
#ifndef SCHED_POLLER_H
#define SCHED_POLLER_H

#include <stdint.h>

struct poller {
	/*
	 * Waits until something comes, the loop's inbox included, or until that time of coro_clock,
	 * and makes ready what has come. 0 does not wait; CORO_FOREVER is for no time. Returns 0,
	 * also when a signal's handler has run; an error ends the run.
	 */
	int (*wait)(struct poller *poller, int64_t when);
	/* Another loop is going to wait: sees to it that its fd tells of all that is watched now. */
	void (*settle)(struct poller *poller);
	/* The loop is closed; its tasks are gone. */
	void (*destroy)(struct poller *poller);
};

#endif
