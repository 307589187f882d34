/* SPDX-License-Identifier: MIT */
#ifndef LOOP_DEBUG_H
#define LOOP_DEBUG_H

#include "coro/base.h"

#include <stdint.h>

struct coro;
struct coro_future;
struct coro_loop;
struct sched;
struct text;

/* What runs in a step of a loop: a task or a callback. Both are NULL for a call of the library. */
struct step {
	struct coro_future *task;
	coro_callback *fn;
	int64_t start; /* by coro_clock */
};

/* Who watches the steps of loops in debug mode. All are called in the loop's thread. */
struct step_watcher {
	void (*begin)(struct coro_loop *loop, const struct step *step);
	void (*end)(struct coro_loop *loop);
	/* Returns for how long of the step that has just ended the whole process stood still. */
	int64_t (*stood_still)(struct coro_loop *loop, int64_t now);
	/* Adds lines: the calls that the step was in when it was looked at. None if it was not. */
	void (*add_calls)(struct coro_loop *loop, struct text *text);
	/* Adds the name of a function of the program. */
	void (*add_function)(struct text *text, const void *code);
};

/* lib/debug sets it; NULL without that. */
extern const struct step_watcher *step_watcher;

/* sched->step: runs one entry of the turn, and reports it if it takes long. */
void debug_step(struct sched *sched);

/* thread->yields: reports timeouts and groups that the generator has begun and not ended. */
void debug_yield(const struct coro *generator);

#endif
