/* SPDX-License-Identifier: MIT */
#include "task/local.h"

#include "base/memory.h"
#include "core/fail.h"
#include "task/task.h"

#include <errno.h>
#include <stdlib.h>

struct locals **locals_here(struct thread *thread)
{
	struct task *task = thread->sched ? thread->sched->running : NULL;
	return task ? &task->coro.frame->locals : &thread->root_frame.locals;
}

/* Tells tasks apart that have used the same stack; 0 outside of tasks. */
static unsigned number_here(const struct thread *thread)
{
	const struct task *task = thread->sched ? thread->sched->running : NULL;
	return task ? task->number : 0;
}

void locals_call(struct locals *locals, coro_callback *fn, void *arg)
{
	struct locals **here = &thread_current->root_frame.locals, *outer = *here;
	*here = locals;
	fn(arg);
	locals_unref(*here);
	*here = outer;
}

/* -- variables */

void *coro_local_get(const struct coro_local *local)
{
	return local ? locals_get(*locals_here(thread_current), local, local->value) : NULL;
}

int coro_local_set(const struct coro_local *local, void *value, struct coro_local_token *ret)
{
	if (!local)
		return fail_with(-EINVAL, "coro_local_set: the local is NULL");
	struct thread *thread = thread_self();
	if (!thread)
		return fail_code(-ENOMEM);
	struct locals **here = locals_here(thread);
	void *old = locals_get(*here, local, local->value);
	int r = locals_set(here, local, value);
	if (r < 0)
		return r;
	thread->has_locals = true;
	if (ret)
		*ret = (struct coro_local_token){local, old, here, number_here(thread)};
	return 0;
}

int coro_local_reset(const struct coro_local *local, struct coro_local_token *token)
{
	if (!local || !token)
		return fail_with(-EINVAL, "coro_local_reset: the local or the token is NULL");
	if (!token->local)
		return fail_with(-EALREADY, "coro_local_reset: the token was used already");
	if (token->local != local)
		return fail_with(-EINVAL, "coro_local_reset: the token is another local's");
	struct locals **here = locals_here(thread_current);
	if (token->owner != here || token->number != number_here(thread_current))
		return fail_with(-EPERM, "coro_local_reset: the token is another task's");
	int r = locals_set(here, local, token->value);
	if (r == 0)
		token->local = NULL;
	return r;
}

/* -- sets */

struct coro_locals {
	struct locals *values;   /* its values; while it is entered, those of the caller */
	struct locals **entered; /* where its values are meanwhile; NULL: it is not entered */
	struct cleanup cleanup;
};

int coro_locals_copy(struct coro_locals **ret)
{
	if (!ret)
		return fail_with(-EINVAL, "coro_locals_copy: ret is NULL");
	struct coro_locals *copy = memory_alloc(sizeof(*copy));
	if (!copy)
		return fail_code(-ENOMEM);
	*copy = (struct coro_locals){0};
	int r = locals_copy(*locals_here(thread_current), &copy->values);
	if (r < 0) {
		free(copy);
		return r;
	}
	*ret = copy;
	return 0;
}

int coro_locals_destroy(struct coro_locals *locals)
{
	if (!locals)
		return 0;
	if (locals->entered)
		return fail_with(-EBUSY, "coro_locals_destroy: the set is in use");
	locals_unref(locals->values);
	free(locals);
	return 0;
}

static void swap(struct coro_locals *locals, struct locals **here)
{
	struct locals *values = locals->values;
	locals->values = *here;
	*here = values;
}

static void leave(struct coro_locals *locals)
{
	swap(locals, locals->entered);
	locals->entered = NULL;
}

/* The task in coro_locals_run is discarded. */
static void leave_discarded(struct cleanup *cleanup)
{
	leave(container_of(cleanup, struct coro_locals, cleanup));
}

/*
 * The caller may be a generator: while it runs with the set it must not yield to its consumer,
 * which may be another task.
 */
static int call_without_yield(struct coro *self, coro_fn *fn, void *arg)
{
	bool may_yield = self->resumer && !(self->flags & FLAG_RUNS_LOOP);
	if (may_yield)
		self->flags |= FLAG_RUNS_LOOP;
	int r = fn(arg);
	if (may_yield)
		self->flags &= (uint16_t)~FLAG_RUNS_LOOP;
	return r;
}

int coro_locals_run(struct coro_locals *locals, coro_fn *fn, void *arg)
{
	if (!locals || !fn)
		return fail_with(-EINVAL, "coro_locals_run: the set or fn is NULL");
	if (locals->entered)
		return fail_with(-EBUSY, "coro_locals_run: the set is in use");
	struct thread *thread = thread_self();
	if (!thread)
		return fail_code(-ENOMEM);
	struct task *task = task_running();
	locals->entered = locals_here(thread);
	swap(locals, locals->entered);
	thread->has_locals = true;
	if (task)
		cleanup_push(task, &locals->cleanup, leave_discarded);
	int r = call_without_yield(thread->self, fn, arg);
	if (task)
		cleanup_pop(&locals->cleanup);
	leave(locals);
	return r;
}
