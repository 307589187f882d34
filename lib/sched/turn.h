/* SPDX-License-Identifier: MIT */
/* Turns: each runs once what is ready and due. When nothing is, the loop waits. */
#ifndef SCHED_TURN_H
#define SCHED_TURN_H

#include "base/probe.h"
#include "sched/sched.h"

/*
 * Makes one turn, as asyncio does: waits if nothing is ready, makes ready what is due, and runs
 * what is ready. If embedded, it does not wait. Returns 0, -EDEADLK if there is nothing to wait
 * for, or the error of the poller.
 */
int turn_run(struct sched *sched, bool embedded);

/* Runs what is ready up to turn_end. */
void turn_run_piece(struct sched *sched);

/*
 * Returns when there will be something to do that neither fds nor threads bring, by coro_clock: 0
 * for at once, CORO_FOREVER for never.
 */
int64_t sched_due(const struct sched *sched);

/* Whether there is anything to do, or to wait for. */
bool sched_has_more(const struct sched *sched);

/*
 * Fetches what will be switched to soon into the cache: first the task, then the top of its stack.
 * If few are ready, they are there already.
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
 * Sets thread->self to who runs next: the next ready task, or the runner. Returns its context, and
 * in *result what its parking call returns.
 */
void *sched_next(struct sched *sched, int *result);

/* sched_dispatch in other than the common case. */
int sched_dispatch_slow(struct sched *sched, struct coro *self, void **save);

/* sched_dispatch, to a task that has not started. */
int sched_dispatch_new(struct sched *sched, struct coro *self, void **save, struct task *task);

/*
 * Switches from the running coroutine, saved in *save, to who runs next. Returns what the coroutine
 * is woken with. Only the common case is written out here, the next task of this turn, so that it
 * needs no frame.
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
	probe(switch, task->number, task);
	if (unlikely(&task->coro.context == save))
		return task->coro.wake; /* it is the next itself */
	return coroutine_switch(self, save, task->coro.at, task->coro.context, task->coro.wake);
}

#endif
