/* SPDX-License-Identifier: MIT */
#include "coro/timeout.h"

#include "base/memory.h"
#include "base/sanitize.h"
#include "core/fail.h"
#include "coro/task.h"
#include "coro/wait.h"
#include "task/report.h"
#include "task/task.h"
#include "task/timeout.h"
#include "task/wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum timeout_state {
	TIMEOUT_ENTERED = 1,
	TIMEOUT_EXPIRING,
	TIMEOUT_EXPIRED,
	TIMEOUT_EXITED,
	TIMEOUT_ABANDONED, /* its task was discarded before it was ended */
};

/* What lies in struct coro_timeout. */
struct __attribute__((may_alias)) scope {
	struct timer timer;
	struct cleanup cleanup;
	struct task *task;
	const char *site;
	int64_t begun, when; /* of the loop's clock */
	int cancelling;      /* how many requests to cancel the task were pending when it began */
	uint8_t level;       /* see shield.h */
	bool unreceived;     /* the task had not received one of them: it counts as made inside */
	bool counted; /* it lies on the task's stack, and counts in open; otherwise it holds the task */
	bool watched; /* it is part of a struct watched */
	enum timeout_state state;
};

/* What lies in struct coro_timeout. */
struct __attribute__((may_alias)) place {
	struct scope scope;
	struct watched *watched; /* NULL: the scope lies here */
};

_Static_assert(sizeof(struct place) <= sizeof(struct coro_timeout), "a scope fits");

/*
 * Debug mode: the scope lies outside of the frame of its function. So it can be reported, and does
 * no harm, if the function has returned without ending it.
 */
struct watched {
	struct scope scope;
	struct list link; /* in tasks->scopes */
	const struct place *place;
	bool told;    /* it was reported as never ended */
	bool yielded; /* a yield inside it was reported */
};

static struct place *place_of(const struct coro_timeout *timeout)
{
	return (struct place *)(void *)timeout->own;
}

static struct scope *scope_of(const struct coro_timeout *timeout)
{
	struct place *place = place_of(timeout);
	return unlikely(place->watched != NULL) ? &place->watched->scope : &place->scope;
}

static struct watched *watched_of(const struct scope *scope)
{
	return container_of((void *)scope, struct watched, scope);
}

static void watched_free(struct watched *watched)
{
	list_remove(&watched->link);
	free(watched);
}

static void tell_of(struct watched *watched, const char *when)
{
	const struct scope *scope = &watched->scope;
	char text[160], length[DURATION_SIZE];
	if (watched->told)
		return;
	watched->told = true;
	snprintf(text, sizeof(text), "timeout of %s begun at %s was never ended: it %s",
		 scope->when == CORO_FOREVER ? "no length"
					     : duration_text(length, scope->when - scope->begun),
		 scope->site ? scope->site : "?", when);
	report_found(future_of(scope->task), text);
}

/*
 * Whether its place was written over. That may lie in a frame that is gone, so ASan must not check.
 */
static __attribute__((noinline, no_sanitize_address)) bool is_overwritten(
	const struct watched *watched)
{
	sanitize_look_away();
	const void *there = watched->place->watched;
	sanitize_look_back(&there, sizeof(there));
	return there != watched;
}

/* Whether the frame where it began is gone, as far as can be known. */
static bool frame_is_gone(const struct watched *watched)
{
	const struct task *task = watched->scope.task;
	const char *at = (const char *)watched->place, *parked = task->coro.context;
	if (!watched->scope.counted)
		return false; /* a generator's, whose stack may be gone */
	if (is_overwritten(watched))
		return true;
	bool known = task->coro.at == &task->coro &&
		     parked >= (const char *)task->coro.frame->stack.low &&
		     parked < (const char *)task->coro.frame;
	return known && at < parked;
}

static void expire(struct call *call)
{
	struct timer *timer = container_of(call, struct timer, call);
	struct scope *scope = container_of(timer, struct scope, timer);
	scope->state = TIMEOUT_EXPIRING;
	if (unlikely(scope->watched) && frame_is_gone(watched_of(scope)))
		tell_of(watched_of(scope), "cancels its task now");
	future_cancel_from(future_of(scope->task), NULL, scope->level);
}

/* Where the function that began it has it. */
static const void *home_of(const struct scope *scope)
{
	return unlikely(scope->watched) ? (const void *)watched_of(scope)->place : scope;
}

static bool lies_on_stack(const void *home, const struct coro *co)
{
	const char *at = home;
	return at >= co->frame->stack.low && at < (const char *)co->frame;
}

/*
 * A task may end before one of its scopes: by mistake, or because the scope belongs to a generator.
 */
static void hold_task(struct scope *scope, const void *home)
{
	struct task *task = scope->task;
	scope->counted = lies_on_stack(home, &task->coro);
	if (scope->counted)
		task_wait(task)->open++;
	else
		future_ref(future_of(task));
}

static inline __attribute__((always_inline)) void release_task(struct scope *scope)
{
	sched_release(scope->task->sched, 0, 1);
	if (scope->counted)
		task_wait(scope->task)->open--;
	else
		future_unref(future_of(scope->task));
}

static int arm(struct scope *scope, int64_t when, int64_t now)
{
	struct sched *sched = scope->task->sched;
	bool over = when <= now && when != CORO_FOREVER;
	if (over) {
		/*
		 * A scope may be armed and disarmed any number of times in a turn, and leaves an
		 * empty place each time.
		 */
		int r = ring_reserve(&sched->ready, 0);
		if (r < 0)
			return r;
	}
	timer_disarm(sched, &scope->timer);
	scope->when = when;
	if (over)
		call_push(sched, &scope->timer.call);
	else if (when != CORO_FOREVER)
		timer_arm(sched, &scope->timer, when);
	return 0;
}

static void scope_discard(struct cleanup *cleanup)
{
	struct scope *scope = container_of(cleanup, struct scope, cleanup);
	timer_disarm(scope->task->sched, &scope->timer);
	scope->state = TIMEOUT_ABANDONED;
	bool nobody_ends_it = scope->counted;
	release_task(scope);
	if (unlikely(scope->watched) && nobody_ends_it)
		watched_free(watched_of(scope));
}

void timeouts_forget(struct task *task)
{
	struct sched *sched = task->sched;
	for (struct list *link = tasks_of(sched)->scopes.next, *next;
	     link != &tasks_of(sched)->scopes; link = next) {
		struct watched *watched = container_of(link, struct watched, link);
		next = link->next;
		if (watched->scope.task != task || !watched->scope.counted)
			continue;
		tell_of(watched, watched->scope.state == TIMEOUT_EXPIRING
					 ? "cancelled its task"
					 : "was open at its task's end");
		timer_disarm(sched, &watched->scope.timer);
		release_task(&watched->scope);
		watched_free(watched);
	}
	if (task_wait(task)->open > 0)
		timers_forget_stack(task);
}

/* Whether the running task has an open timeout at this place, whose memory may hold anything. */
static bool has_begun(const struct task *task, const struct place *place)
{
	const struct cleanup *at = task_wait(task)->cleanups;
	list_for_each(link, &tasks_of(task->sched)->scopes) {
		const struct watched *watched = container_of(link, struct watched, link);
		if (watched->place == place && watched->scope.task == task)
			return true;
	}
	while (at && at != &place->scope.cleanup)
		at = at->next;
	return at;
}

/* Inlined like scope_end, which saves a wait with a timeout two calls. */
static inline __attribute__((always_inline)) int scope_begin(struct scope *scope, struct task *task,
							     const char *site, int64_t when,
							     int64_t now, bool watched)
{
	int r = sched_reserve(task->sched, 0, 1);
	if (r < 0)
		return r;
	*scope = (struct scope){
		.timer = {.call = {.run = expire, .position = CALL_IDLE}, .node.place = HEAP_NONE},
		.task = task,
		.site = site,
		.begun = now,
		.cancelling = task->cancels,
		.level = (uint8_t)task_wait(task)->shields,
		.unreceived = task->coro.flags & FLAG_MUST_CANCEL,
		.watched = watched,
		.state = TIMEOUT_ENTERED,
	};
	arm(scope, when, now); /* does not fail: there is a place, which was reserved just now */
	hold_task(scope, watched ? (const void *)watched_of(scope)->place : scope);
	cleanup_push(task, &scope->cleanup, scope_discard);
	return 0;
}

/* Returns 0 if the calling task may begin it. */
static inline __attribute__((always_inline)) int check_begin(const struct task *task,
							     const struct coro_timeout *timeout)
{
	if (!timeout)
		return fail_with(-EINVAL, "coro_timeout_begin: the timeout is NULL");
	if (!task)
		return fail_with(-EPERM, "coro_timeout_begin: not in a task");
	return has_begun(task, place_of(timeout))
		       ? fail_with(-EBUSY, "coro_timeout_begin: the task has begun it already")
		       : 0;
}

static __attribute__((noinline)) int begin_watched(struct place *place, struct task *task,
						   const char *site, int64_t when, int64_t now)
{
	struct watched *watched = memory_alloc(sizeof(*watched));
	if (!watched)
		return fail_code(-ENOMEM);
	watched->place = place;
	watched->told = watched->yielded = false;
	int r = scope_begin(&watched->scope, task, site, when, now, true);
	if (r < 0) {
		free(watched);
		return r;
	}
	list_append(&tasks_of(task->sched)->scopes, &watched->link);
	place->watched = watched;
	if (!watched->scope.counted)
		thread_current->self->flags |= FLAG_IN_SCOPE;
	return 0;
}

void timeouts_tell_of_yield(const struct sched *sched, const struct coro *generator)
{
	char text[160];
	list_for_each(link, &tasks_of(sched)->scopes) {
		struct watched *watched = container_of(link, struct watched, link);
		const struct scope *scope = &watched->scope;
		if (watched->yielded || scope->counted || !lies_on_stack(home_of(scope), generator))
			continue;
		watched->yielded = true;
		snprintf(
			text, sizeof(text),
			"generator yields inside a timeout, begun at %s, which goes on outside of it",
			scope->site ? scope->site : "?");
		report_found(future_of(scope->task), text);
	}
}

static inline __attribute__((always_inline)) int begin(struct coro_timeout *timeout,
						       struct task *task, const char *site,
						       int64_t when, int64_t now)
{
	struct place *place = place_of(timeout);
	place->watched = NULL;
	if (unlikely(task->sched->debug))
		return begin_watched(place, task, site, when, now);
	return scope_begin(&place->scope, task, site, when, now, false);
}

int coro_timeout_begin_site(const char *site, struct coro_timeout *timeout, int64_t delay)
{
	struct task *task = task_running();
	int r = check_begin(task, timeout);
	if (r < 0)
		return r;
	int64_t now = sched_time(task->sched);
	return begin(timeout, task, site, time_after(now, delay), now);
}

int coro_timeout_begin_at_site(const char *site, struct coro_timeout *timeout, int64_t when)
{
	struct task *task = task_running();
	int r = check_begin(task, timeout);
	if (r < 0)
		return r;
	return begin(timeout, task, site, when, sched_time(task->sched));
}

int coro_timeout_reschedule(struct coro_timeout *timeout, int64_t when)
{
	if (!timeout)
		return fail_with(-EINVAL, "coro_timeout_reschedule: the timeout is NULL");
	struct scope *scope = scope_of(timeout);
	if (scope->state != TIMEOUT_ENTERED)
		return fail_with(-EALREADY, "coro_timeout_reschedule: it is over");
	if (scope->task->sched->thread != thread_current)
		return fail_with(-EPERM, "coro_timeout_reschedule: it is another thread's");
	return arm(scope, when, sched_time(scope->task->sched));
}

int64_t coro_timeout_when(const struct coro_timeout *timeout)
{
	return timeout ? scope_of(timeout)->when
		       : fail_with(-EINVAL, "coro_timeout_when: the timeout is NULL");
}

bool coro_timeout_expired(const struct coro_timeout *timeout)
{
	if (!timeout)
		return false;
	enum timeout_state state = scope_of(timeout)->state;
	return state == TIMEOUT_EXPIRING || state == TIMEOUT_EXPIRED;
}

/*
 * Ends an open scope. A cancellation is due to the scope if no requests are left but those from
 * before. If one of those was received together with it, the cancellation is due to that.
 */
static inline __attribute__((always_inline)) int scope_end(struct scope *scope, int status)
{
	struct task *task = scope->task;
	timer_disarm(task->sched, &scope->timer);
	if (scope->state == TIMEOUT_EXPIRING) {
		int left = task_uncancel(task, scope->cancelling);
		scope->state = TIMEOUT_EXPIRED;
		if (status == -ECANCELED && left <= scope->cancelling - scope->unreceived)
			status = fail_timeout(scope->site, scope->when - scope->begun);
	} else {
		scope->state = TIMEOUT_EXITED;
	}
	if (!future_of(task)->done)
		cleanup_pop(&scope->cleanup);
	release_task(scope);
	return status;
}

/*
 * Whether another than its task may end it: who closes the generator that it belongs to, even if
 * the task is done.
 */
static bool may_end(const struct scope *scope)
{
	struct thread *thread = thread_current;
	if (scope->task->sched->thread != thread)
		return false;
	return future_of(scope->task)->done ||
	       (thread->self != &thread->root && lies_on_stack(home_of(scope), thread->self));
}

static inline int check_end(const struct scope *scope)
{
	if (scope->state != TIMEOUT_ENTERED && scope->state != TIMEOUT_EXPIRING)
		return fail_with(-EALREADY, "coro_timeout_end: it has ended already");
	if (scope->task != running_task() && !may_end(scope))
		return fail_with(-EPERM, "coro_timeout_end: not in the task that began it");
	return 0;
}

int timeout_check_end(const struct coro_timeout *timeout)
{
	const struct scope *scope = scope_of(timeout);
	return scope->state == TIMEOUT_ABANDONED ? 0 : check_end(scope);
}

/* It has ended. Copies what can still be asked to its place. */
static __attribute__((noinline)) void unwatch(struct place *place)
{
	struct watched *watched = place->watched;
	place->scope = watched->scope;
	place->scope.watched = false;
	place->watched = NULL;
	watched_free(watched);
}

int coro_timeout_end(struct coro_timeout *timeout, int status)
{
	if (!timeout)
		return fail_with(-EINVAL, "coro_timeout_end: the timeout is NULL");
	struct scope *scope = scope_of(timeout);
	int r = scope->state == TIMEOUT_ABANDONED ? 0 : check_end(scope);
	if (r < 0)
		return r;
	if (scope->state == TIMEOUT_ABANDONED)
		scope->state = TIMEOUT_EXITED;
	else
		status = scope_end(scope, status);
	if (unlikely(scope->watched))
		unwatch(place_of(timeout));
	return status;
}

/* -- descriptions */

/*
 * The cleanup that follows another, or the first for NULL. NULL for no more, and if it points
 * elsewhere than back: a function that has returned without taking it down has left it in memory
 * that holds something else by now.
 */
static const struct cleanup *cleanup_after(const struct task *task, const struct cleanup *before)
{
	struct cleanup *const *place = before ? &before->next : &task_wait(task)->cleanups;
	return *place && (*place)->place == place ? *place : NULL;
}

bool timeout_next(const struct task *task, const struct cleanup **at, struct open_timeout *ret)
{
	do
		*at = cleanup_after(task, *at);
	while (*at && (*at)->run != scope_discard);
	if (!*at)
		return false;
	const struct scope *scope = container_of((void *)*at, struct scope, cleanup);
	*ret = (struct open_timeout){scope->site, scope->when};
	return true;
}

/* -- one call under a timeout */

int coro_wait_for_at(const char *site, struct coro_future *future, int64_t timeout, void **ret)
{
	struct scope scope;
	struct task *task = task_running();
	int r = check_futures(task, &future, 1);
	if (r < 0)
		return r;
	if (timeout == CORO_FOREVER)
		return coro_await(future, ret);
	if (timeout <= 0)
		return wait_for_none(site, future, ret);
	int64_t now = sched_time(future->sched);
	r = scope_begin(&scope, task, site, time_after(now, timeout), now, false);
	return r < 0 ? r : scope_end(&scope, coro_await(future, ret));
}

/* fn never begins, but the call takes as many turns as asyncio.wait_for with a coroutine. */
static int within_no_time(const char *site, coro_fn *fn, void *arg)
{
	struct coro_future *task;
	int r = task_spawn(running_task()->sched, &(struct coro_options){.site = site}, fn, arg,
			   &task);
	if (r < 0)
		return r;
	r = wait_for_none(site, task, NULL);
	coro_future_unref(task);
	return r;
}

int coro_within_at(const char *site, int64_t delay, coro_fn *fn, void *arg)
{
	struct scope scope;
	struct task *task = task_running();
	if (!fn)
		return fail_with(-EINVAL, "coro_within: fn is NULL");
	if (!task)
		return fail_with(-EPERM, "coro_within: not in a task");
	if (delay == CORO_FOREVER)
		return fn(arg);
	if (delay <= 0)
		return within_no_time(site, fn, arg);
	int64_t now = sched_time(task->sched);
	int r = scope_begin(&scope, task, site, time_after(now, delay), now, false);
	return r < 0 ? r : scope_end(&scope, fn(arg));
}
