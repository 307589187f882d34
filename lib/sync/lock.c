/* SPDX-License-Identifier: MIT */
#include "sync/lock.h"

#include "base/memory.h"
#include "core/fail.h"
#include "sync/waiters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The bits of lock->locked. The fast path requires a free lock to be 0 and a held one to be HELD. In
 * debug mode WATCHED is set, so that calls take the slow path, and the fast path costs nothing more.
 * The bit is chosen at the lock's first use, which takes the slow path since the line is not made.
 */
enum {
	HELD = 1,
	WATCHED = 2,
};

void coro_lock_init(struct coro_lock *lock)
{
	if (lock)
		*lock = (struct coro_lock){.locked = 0};
}

static inline bool is_held(const struct coro_lock *lock)
{
	return lock->locked & HELD;
}

/* Whether its line was made and is empty. */
static inline bool is_quiet(const struct coro_lock *lock)
{
	const struct line *line = (const struct line *)(const void *)lock->waiters.own;
	return line->waiting.next == &line->waiting && line->aside.next == &line->aside;
}

static inline bool take(struct coro_lock *lock)
{
	if (is_held(lock) || waiters_any(&lock->waiters))
		return false;
	lock->locked |= HELD;
	return true;
}

/* -- debug mode */

/* Whether it was found that debug mode is off. */
static inline bool is_settled(const struct coro_lock *lock)
{
	return lock->waiters.own[0] && !(lock->locked & WATCHED);
}

/* Sets or clears WATCHED by the running loop's debug mode. */
static void settle(struct coro_lock *lock)
{
	const struct sched *sched = thread_current->sched;
	waiters_line(&lock->waiters); /* makes the line */
	if (!sched || sched->debug)
		lock->locked |= WATCHED;
	else if (!is_held(lock)) /* a held lock may have a record */
		lock->locked = 0;
}

void hold_begin(struct hold *hold, const char *site, const char *taken)
{
	struct sched *sched = thread_current->sched;
	struct task *task = sched->running;
	*hold = (struct hold){
		.resource = {.taken = taken, .undone = "released"},
		.task = task ? task->number : 0,
	};
	if (task)
		resource_begin_in(task, &hold->resource, site);
	else
		resource_begin(sched, &hold->resource, site);
}

int hold_describe(const struct hold *hold, const char *what, char *text, size_t size)
{
	if (!hold)
		return snprintf(text, size, "%s", what);
	if (hold->task == 0)
		return snprintf(text, size, "%s, held since %s", what, hold->resource.site);
	return snprintf(text, size, "%s, held by task %u since %s", what, hold->task,
			hold->resource.site);
}

/* Records that the lock was taken. Without memory there is no record. */
static __attribute__((noinline)) void hold_note(struct coro_lock *lock, const char *site)
{
	struct sched *sched = thread_current->sched;
	struct hold *hold = sched && sched->debug && site ? memory_alloc(sizeof(*hold)) : NULL;
	lock->hold = hold;
	if (hold)
		hold_begin(hold, site, "lock taken");
}

static void hold_end(struct coro_lock *lock)
{
	struct hold *hold = lock->hold;
	if (!hold)
		return;
	lock->hold = NULL;
	resource_end(&hold->resource);
	free(hold);
}

/* -- acquiring */

/* A task that waits for the lock. */
struct entrant {
	struct waiter waiter;
	const struct coro_lock *lock;
};

static int describe(const struct task_wait *wait, char *text, size_t size)
{
	const struct entrant *entrant = container_of(wait->waiter, struct entrant, waiter);
	return hold_describe(entrant->lock->hold, "a lock", text, size);
}

static const struct wait_kind acquiring = {.leave = waiter_leave,
					   .what = "a lock",
					   .call = "coro_lock_acquire",
					   .describe = describe,
					   .subject = SUBJECT_BESIDE(SUBJECT_LOCK, struct entrant,
								     waiter, lock)};

static inline int wait_in_line(struct coro_lock *lock)
{
	struct entrant entrant;
	entrant.lock = lock;
	int r = waiters_wait(&lock->waiters, &entrant.waiter, &acquiring);
	if (r == 0)
		lock->locked |= HELD;
	else if (!is_held(lock) && r == -ECANCELED)
		waiters_wake_first(&lock->waiters); /* this task may have been the one woken */
	return r;
}

static __attribute__((noinline)) int acquire_watched(const char *site, struct coro_lock *lock)
{
	settle(lock);
	int r = take(lock) ? 0 : wait_in_line(lock);
	if (r == 0 && lock->locked & WATCHED)
		hold_note(lock, site);
	return r;
}

/* A function of its own, so that the fast path needs no stack frame. */
static __attribute__((noinline)) int wait_and_take(const char *site, struct coro_lock *lock)
{
	if (unlikely(!is_settled(lock)))
		return acquire_watched(site, lock);
	return take(lock) ? 0 : wait_in_line(lock);
}

int coro_lock_acquire_at(const char *site, struct coro_lock *lock)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_lock_acquire: the lock is NULL");
	if (lock->locked || !is_quiet(lock))
		return wait_and_take(site, lock);
	lock->locked = HELD;
	return 0;
}

int coro_lock_try_acquire_at(const char *site, struct coro_lock *lock)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_lock_try_acquire: the lock is NULL");
	if (unlikely(!is_settled(lock)))
		settle(lock);
	if (!take(lock))
		return fail_code(-EAGAIN);
	if (unlikely(lock->locked & WATCHED))
		hold_note(lock, site);
	return 0;
}

/* -- releasing */

static __attribute__((noinline)) int release_watched(struct coro_lock *lock)
{
	if (!is_held(lock))
		return fail_with(-EPERM, "coro_lock_release: the lock is not held");
	int r = waiters_check(&lock->waiters);
	if (r < 0)
		return r;
	hold_end(lock);
	lock->locked = WATCHED;
	waiters_wake_first(&lock->waiters);
	return 0;
}

static __attribute__((noinline)) int hand_over(struct coro_lock *lock)
{
	if (unlikely(lock->locked != HELD))
		return release_watched(lock);
	int r = waiters_check(&lock->waiters);
	if (r < 0)
		return r;
	lock->locked = 0;
	waiters_wake_first(&lock->waiters);
	return 0;
}

int coro_lock_release(struct coro_lock *lock)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_lock_release: the lock is NULL");
	if (lock->locked != HELD || !is_quiet(lock))
		return hand_over(lock);
	lock->locked = 0;
	return 0;
}

bool coro_lock_locked(const struct coro_lock *lock)
{
	return lock && is_held(lock);
}
