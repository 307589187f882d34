/* SPDX-License-Identifier: MIT */
/* A loop from inside: the scheduler and the tasks, and around them what the program sees of it. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/slab.h"
#include "coro/loop.h"
#include "loop/embed.h"
#include "loop/extension.h"
#include "sched/sched.h"
#include "task/task.h"

struct coro_loop {
	struct tasks tasks; /* first, and the scheduler first in that: see sched_of */
	struct slab handles_slab;
	struct list closing_asyncgens;   /* of sched.asyncgens, those being closed by the loop */
	coro_exception_handler *handler; /* NULL: the default */
	void *handler_arg;
	bool reports;         /* those that no handler of the program's gets go to stderr */
	bool takes_sigterm;   /* of coro_run: SIGTERM cancels the main task */
	bool ran_before;      /* the runner could not do what a callback cannot before, either */
	int64_t slow;         /* debug mode: a step that takes as long is reported */
	unsigned poller_kind; /* enum coro_poller: the one asked for */
	struct embed embed;
	struct list closers; /* struct closer */
	struct extension *extensions[EXTENSION_COUNT];
};

_Static_assert(offsetof(struct coro_loop, tasks.sched) == 0, "a loop begins with its scheduler");

/* coro_run_until_complete, but nobody asks for the result: 0 when the future is done. */
int loop_run_until(struct coro_loop *loop, struct coro_future *future);

/* Called with each new loop, by its thread; NULL, unless lib/debug is there. */
extern void (*loop_made)(struct coro_loop *loop);

#endif
