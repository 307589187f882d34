/* SPDX-License-Identifier: MIT */
/* What SIGINT, and SIGTERM if wanted, does to coro_run: it cancels the main task, as asyncio.run has it. */
#ifndef LOOP_INTERRUPT_H
#define LOOP_INTERRUPT_H

#include "loop/catcher.h"

struct coro_future;

struct interrupt {
	struct catcher catcher;
	struct coro_future *task;
	bool caught; /* there is a catcher: in the main thread, where nobody else has the signal */
	bool cancelled; /* it came, and cancelled the task */
	bool late;      /* it came when the task was done */
};

/* 0 or -ENOMEM. */
int interrupt_begin(struct interrupt *interrupt, struct coro_future *task, int signum);

/*
 * The task is done, or cannot be, and r came of it: that, or -EINTR in place of the cancellation
 * that was the signal's, or where that came too late to cancel it.
 */
int interrupt_end(struct interrupt *interrupt, int r);

#endif
