/* SPDX-License-Identifier: MIT */
/* SIGINT cancels the main task of coro_run, as in asyncio.run, and so does SIGTERM if wanted. */
#ifndef LOOP_SIGINT_H
#define LOOP_SIGINT_H

#include "loop/signal_source.h"

struct coro_future;

struct sigint {
	struct signal_source source;
	struct coro_future *task;
	bool caught;    /* there is a source: in the main thread, and nobody else has the signal */
	bool cancelled; /* it came, and cancelled the task */
	bool late;      /* it came when the task was done */
};

/* Begins to catch the signal if that is possible. Returns 0 or -ENOMEM. */
int sigint_begin(struct sigint *interrupt, struct coro_future *task, int signum);

/*
 * The run has ended with r. Returns r; or -EINTR if the signal has cancelled the task, or came too
 * late to cancel it.
 */
int sigint_end(struct sigint *interrupt, int r);

#endif
