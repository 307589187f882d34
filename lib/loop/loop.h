/* SPDX-License-Identifier: MIT */
/* A loop from inside: its scheduler, its tasks, and what lib/loop adds. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/slab.h"
#include "coro/loop.h"
#include "loop/embed.h"
#include "loop/extension.h"
#include "sched/sched.h"
#include "task/task.h"

struct coro_loop {
	struct tasks tasks; /* first, and begins with the scheduler: see sched_of */
	struct slab handles_slab;
	struct list closing_asyncgens;   /* open generators that the loop is closing */
	coro_exception_handler *handler; /* NULL: the default */
	void *handler_arg;
	bool reports;         /* reports go to stderr if there is no handler */
	bool takes_sigterm;   /* in coro_run, SIGTERM cancels the main task */
	bool ran_before;      /* the runner had FLAG_RUNS_LOOP before it ran this loop */
	int64_t slow;         /* debug mode reports a step that takes so long */
	unsigned poller_kind; /* the enum coro_poller that was asked for */
	struct embed embed;
	struct list closers; /* struct closer */
	struct extension *extensions[EXTENSION_COUNT];
};

_Static_assert(offsetof(struct coro_loop, tasks.sched) == 0, "a loop begins with its scheduler");

/* coro_run_until_complete, without asking for the result. Returns 0 when the future is done. */
int loop_run_until(struct coro_loop *loop, struct coro_future *future);

/* Called with each new loop, in its thread. lib/debug sets it; NULL without that. */
extern void (*loop_made)(struct coro_loop *loop);

/* Called in debug mode when a run ends with -EDEADLK and tasks are left. Set as loop_made is. */
extern void (*loop_deadlocked)(const struct coro_loop *loop);

#endif
