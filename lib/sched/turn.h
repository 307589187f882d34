/* SPDX-License-Identifier: MIT */
/* Turns: what is ready and due runs once; where nothing is, the loop waits. */
#ifndef SCHED_TURN_H
#define SCHED_TURN_H

#include "sched/sched.h"

/*
 * One turn, as asyncio's: waits if nothing is ready, makes ready what is due, runs what is ready.
 * hosted: another loop does the waiting. 0; -EDEADLK if there is nothing to wait for; or what made
 * waiting fail.
 */
int turn_run(struct sched *sched, bool embedded);

/* Runs what is ready up to turn_end. */
void turn_run_piece(struct sched *sched);

/*
 * When there will be something to do that does not come from outside, by coro_clock: 0 for at once,
 * CORO_FOREVER.
 */
int64_t sched_due(const struct sched *sched);

/* Whether there is anything to do, or to wait for. */
bool sched_has_more(const struct sched *sched);

/*
 * Begins a fetch of what will be switched to soon: its task, then, told by that, the top of its
 * stack. Where few are ready, they are near already.
 */
static inline __attribute__((always_inline)) void sched_prefetch(const struct ring *ready)
{
	enum { TASK = 16, STACK = 8, LINE = 64 };
	if (ready->tail - ready->head <= TASK)
		return;
	__builtin_prefetch(*ring_at(ready, ready->head + TASK));
	const struct task *sooner = *ring_at(ready, ready->head + STACK);
	if (ready_is_task(sooner)) {
		__builtin_prefetch(sooner->coro.context);
		__builtin_prefetch((void *)((uintptr_t)sooner->coro.context + LINE));
	}
}

/*
 * Sets thread->self to who runs next: the next ready task, or the runner. Returns where that
 * stands, and what its parking call is to return.
 */
void *sched_next(struct sched *sched, int *result);

/* The slow half of sched_dispatch. */
int sched_dispatch_slow(struct sched *sched, struct coro *self, void **save);

/* sched_dispatch to the next task, which has not started. */
int sched_dispatch_new(struct sched *sched, struct coro *self, void **save, struct task *task);

/*
 * Leaves the running coroutine, saved in *save, for whoever is next; returns what it is woken with.
 * Here only the common case is written out, the next task of this turn, so that it needs no frame.
 */
static inline __attribute__((always_inline)) int sched_dispatch(struct sched *sched,
								struct coro *self, void **save)
{
	struct ring *ready = &sched->ready;
	if (unlikely(ready->head == sched->turn_end)) {
		if (!__atomic_load_n(&sched->plain, __ATOMIC_RELAXED) || ring_empty(ready))
			return sched_dispatch_slow(sched, self, save);
		sched->turn_end = ready->tail;
	}
	struct task *task = *ring_at(ready, ready->head);
	if (unlikely(!ready_is_task(task)))
		return sched_dispatch_slow(sched, self, save);
	if (unlikely(task->coro.state == STATE_CREATED))
		return sched_dispatch_new(sched, self, save, task);
	ready->head++;
	sched_prefetch(ready);
	sched->running = task;
	thread_current->self = task->coro.at;
	if (unlikely(&task->coro.context == save))
		return task->coro.wake; /* it is next itself */
	return coroutine_switch(self, save, task->coro.at, task->coro.context, task->coro.wake);
}

#endif
