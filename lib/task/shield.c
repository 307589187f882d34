/* SPDX-License-Identifier: MIT */
#include "task/shield.h"

#include "base/error.h"
#include "core/fail.h"
#include "coro/shield.h"
#include "task/task.h"
#include "task/timeout.h"

#include <errno.h>

/* The part of struct coro_shield_scope beside its timeout. */
struct __attribute__((may_alias)) shield {
	struct cleanup cleanup;
	struct task *task;       /* NULL: the task was discarded */
	struct failure *message; /* of the last request held */
	unsigned level;          /* 1 for the outermost of the task */
	int held;                /* how many requests it holds */
};

_Static_assert(sizeof(struct shield) <= sizeof(((struct coro_shield_scope *)0)->own), "it fits");

static struct shield *shield_of(struct coro_shield_scope *scope)
{
	return (struct shield *)(void *)scope->own;
}

static void set_message(struct shield *shield, struct failure *message)
{
	failure_unref(shield->message);
	shield->message = message;
}

static void shield_discard(struct cleanup *cleanup)
{
	struct shield *shield = container_of(cleanup, struct shield, cleanup);
	set_message(shield, NULL);
	shield->task = NULL;
}

/* -- requests */

/* The next scope from this cleanup on, the innermost first. */
static struct shield *next_shield(const struct cleanup *at)
{
	while (at && at->run != shield_discard)
		at = at->next;
	return at ? container_of(at, struct shield, cleanup) : NULL;
}

static struct shield *innermost(const struct task *task)
{
	return task_shields(task) > 0 ? next_shield(task_wait(task)->cleanups) : NULL;
}

static bool is_over(const struct shield *shield)
{
	return coro_timeout_expired(
		&container_of((const void *)shield, struct coro_shield_scope, own)->timeout);
}

/* The outermost scope in the way of requests of this level. NULL for none. */
static struct shield *in_the_way(const struct task *task, unsigned level)
{
	struct shield *found = NULL, *shield = innermost(task);
	for (; shield && shield->level > level; shield = next_shield(shield->cleanup.next))
		if (!is_over(shield))
			found = shield;
	return found;
}

bool shield_hold(const struct task *task, unsigned level, struct failure *message)
{
	struct shield *shield = in_the_way(task, level);
	if (!shield)
		return false;
	set_message(shield, failure_ref(message));
	shield->held++;
	return true;
}

int shield_held(const struct task *task)
{
	int held = 0;
	const struct shield *shield = innermost(task);
	for (; shield; shield = next_shield(shield->cleanup.next))
		held += shield->held;
	return held;
}

bool shield_uncancel(const struct task *task)
{
	struct shield *shield = innermost(task);
	while (shield && shield->held == 0)
		shield = next_shield(shield->cleanup.next);
	if (!shield)
		return false;
	if (--shield->held == 0)
		set_message(shield, NULL);
	return true;
}

/* Gives the held requests to the scope around it, or to the task's next wait. */
static void hand_on(struct shield *shield)
{
	struct task *task = shield->task;
	struct failure *message = shield->message;
	shield->message = NULL;
	if (task == task_running()) {
		task->cancels += shield->held;
		task_put_off(task, message);
	} else {
		task->cancels += shield->held - 1;
		future_cancel_from(future_of(task), message, task_shields(task));
	}
	failure_unref(message);
}

/* -- scopes */

/* A request that the task has not received yet waits outside too. */
static void hold_pending(struct shield *shield, struct task *task)
{
	if (!(task->coro.flags & FLAG_MUST_CANCEL))
		return;
	shield->message = task_take_request(task);
	shield->held = 1;
	task->cancels--;
}

static void release_pending(struct shield *shield, struct task *task)
{
	if (shield->held == 0)
		return;
	task->cancels++;
	task_must_cancel(task, shield->message);
	set_message(shield, NULL);
}

int coro_shield_begin_at(const char *site, struct coro_shield_scope *scope, int64_t delay)
{
	enum { MOST = 255 };
	struct task *task = task_running();
	if (!scope)
		return fail_with(-EINVAL, "coro_shield_begin: the scope is NULL");
	if (!task)
		return fail_with(-EPERM, "coro_shield_begin: not in a task");
	if (task_wait(task)->shields == MOST)
		return fail_with(-EOVERFLOW, "coro_shield_begin: too many scopes in one another");
	struct shield shield = {.task = task, .level = ++task_wait(task)->shields};
	hold_pending(&shield, task);
	int r = coro_timeout_begin_site(site, &scope->timeout, delay);
	if (r < 0) {
		release_pending(&shield, task);
		task_wait(task)->shields--;
		return r == -EBUSY ? fail_with(-EBUSY,
					       "coro_shield_begin: the task has begun it already")
				   : r;
	}
	*shield_of(scope) = shield;
	cleanup_push(task, &shield_of(scope)->cleanup, shield_discard);
	return 0;
}

/* The error of the timeout, in the name of the scope. */
static int fail_end(int error)
{
	return error == -EALREADY
		       ? fail_with(-EALREADY, "coro_shield_end: it has ended already")
		       : fail_with(-EPERM, "coro_shield_end: not in the task that began it");
}

int coro_shield_end(struct coro_shield_scope *scope, int status)
{
	if (!scope)
		return fail_with(-EINVAL, "coro_shield_end: the scope is NULL");
	int r = timeout_check_end(&scope->timeout);
	if (r < 0)
		return fail_end(r);
	struct shield *shield = shield_of(scope);
	struct task *task = shield->task;
	if (!task || future_of(task)->done) {
		set_message(shield, NULL);
		return coro_timeout_end(&scope->timeout, status);
	}
	if (task_wait(task)->shields != shield->level)
		return fail_with(-EBUSY, "coro_shield_end: one inside has not ended");
	status = coro_timeout_end(&scope->timeout, status);
	cleanup_pop(&shield->cleanup);
	task_wait(task)->shields--;
	if (shield->held > 0)
		hand_on(shield);
	return status;
}
