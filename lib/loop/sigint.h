/* SPDX-License-Identifier: MIT */
/* What SIGINT, and SIGTERM if wanted, does to coro_run: it cancels the main task, as asyncio.run has it. */
#ifndef LOOP_SIGINT_H
#define LOOP_SIGINT_H

#include "loop/signal_source.h"

struct coro_future;

struct sigint {
	struct signal_source source;
	struct coro_future *task;
	bool caught; /* there is a catcher: in the main thread, where nobody else has the signal */
	bool cancelled; /* it came, and cancelled the task */
	bool late;      /* it came when the task was done */
};

/* 0 or -ENOMEM. */
int sigint_begin(struct sigint *interrupt, struct coro_future *task, int signum);

/*
 * The task is done, or cannot be, and r came of it: that, or -EINTR in place of the cancellation
 * that was the signal's, or where that came too late to cancel it.
 */
int sigint_end(struct sigint *interrupt, int r);

#endif
