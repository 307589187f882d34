/* SPDX-License-Identifier: MIT */
#include "sched/park.h"

#include "base/error.h"
#include "base/probe.h"
#include "core/fail.h"
#include "core/overflow.h"
#include "sched/sched.h"

#include <errno.h>
#include <stdio.h>

int wait_describe(const struct task_wait *wait, char *text, size_t size)
{
	const struct wait_kind *kind = wait->kind;
	return kind->describe ? kind->describe(wait, text, size)
			      : snprintf(text, size, "%s", kind->what);
}

struct task *task_running(void)
{
	return running_task();
}

void task_must_cancel(struct task *task, struct failure *message)
{
	failure_ref(message); /* it may be the same as before */
	if (task->coro.flags & FLAG_MUST_CANCEL)
		failure_unref(task->request);
	task->coro.flags |= FLAG_MUST_CANCEL;
	task->request = message;
}

void task_put_off(struct task *task, struct failure *message)
{
	task->coro.flags |= FLAG_GIVEN;
	task_must_cancel(task, message);
}

void task_put_off_cancel(struct task *task)
{
	struct coro *self = thread_current->self;
	task_put_off(task, coroutine_find_failure(self->frame, -ECANCELED));
	coroutine_take_failure(self, -ECANCELED, NULL);
}

struct failure *task_take_request(struct task *task)
{
	if (!(task->coro.flags & FLAG_MUST_CANCEL))
		return NULL;
	struct failure *message = task->request;
	task->coro.flags &= (uint16_t)~FLAG_MUST_CANCEL;
	return message;
}

/* The task receives a cancellation. The message of an earlier one goes. */
static inline void receive(struct task *task, struct failure *message)
{
	struct coro *at = task->coro.at;
	if (unlikely(message || at->frame->failure))
		coroutine_take_failure(at, -ECANCELED, failure_ref(message));
}

/* Exchanges what the wait has written with what stood there before. */
static void exchange_result(const struct task *task)
{
	struct task_wait *wait = task_wait(task);
	if (!(task->coro.flags & FLAG_HAS_RESULT))
		return;
	void *value = *wait->ret;
	*wait->ret = wait->old;
	wait->old = value;
}

/*
 * Cancels a task that was woken and has not run on: its call ends as if the task had not been
 * woken, unless what it was given would be lost.
 */
static void cancel_ready(struct task *task, struct failure *message)
{
	struct task_wait *wait = task_wait(task);
	if (task->coro.flags & FLAG_GIVEN) {
		task_must_cancel(task, message);
		return;
	}
	if (task->coro.wake != -ECANCELED) {
		wait->came = task->coro.wake;
		wait->cancelled_late = true;
		exchange_result(task);
		task->coro.wake = -ECANCELED;
	} else if (!wait->cancelled_late) {
		return;
	}
	receive(task, message);
}

void task_forget_request(struct task *task)
{
	if (task->coro.flags & FLAG_MUST_CANCEL)
		failure_unref(task_take_request(task));
	if (likely(task->sched->running == task) || task->coro.state == STATE_CREATED ||
	    task->coro.flags & FLAG_STARTS || task->coro.state == STATE_DONE)
		return;
	struct task_wait *wait = task_wait(task);
	if (wait->kind || task->coro.wake != -ECANCELED || !wait->cancelled_late)
		return;
	task->coro.wake = wait->came; /* it returns what it was woken with */
	exchange_result(task);
	receive(task, NULL);
}

/* wait_cancel, inlined. */
static inline void cancel_wait(struct task_wait *wait, struct failure *message)
{
	struct task *task = wait->task;
	wait->kind->leave(wait);
	wait->cancelled_late = false;
	receive(task, message);
	wake(task, -ECANCELED);
}

void wait_cancel(struct task_wait *wait, struct failure *message)
{
	cancel_wait(wait, message);
}

void wake(struct task *task, int result)
{
	task->coro.wake = result;
	probe(wake, task->number, task);
	task_wait(task)->kind = NULL;
	ring_push(&task->sched->ready, task);
	sched_stirred(task->sched);
	if (unlikely(task->coro.flags & FLAG_MUST_CANCEL)) {
		struct failure *message = task_take_request(task);
		cancel_ready(task, message);
		failure_unref(message);
	}
}

void wake_given(struct task *task, int result)
{
	task->coro.flags |= FLAG_GIVEN;
	wake(task, result);
}

bool task_cancel(struct task *task, struct failure *message)
{
	if (task->coro.state == STATE_CREATED || task->sched->running == task ||
	    task->coro.flags & FLAG_STARTS) {
		task->coro.flags &= (uint16_t)~FLAG_GIVEN;
		task_must_cancel(task, message);
		return false;
	}
	struct task_wait *wait = task_wait(task);
	if (!wait->kind)
		cancel_ready(task, message);
	else if (wait->kind->cancel)
		return true;
	else
		cancel_wait(wait, message);
	return false;
}

/* The running task was cancelled before it came to this wait. */
static void cancel_parked(struct task *task)
{
	struct task_wait *wait = task_wait(task);
	struct failure *message = task_take_request(task);
	if (!wait->kind)
		cancel_ready(task, message); /* it yields, and is ready already */
	else if (wait->kind->cancel)
		wait->kind->cancel(wait, message);
	else
		cancel_wait(wait, message);
	failure_unref(message);
}

int park_slow(struct sched *sched, struct task *task, struct coro *self)
{
	bool swap = (task->coro.flags | self->flags) & CORO_SAVE_EXCEPTIONS;
	task->coro.flags &= (uint16_t)~UNTIL_PARKED;
	if (task->coro.flags & FLAG_MUST_CANCEL)
		cancel_parked(task);
	if (!swap)
		return sched_dispatch(sched, self, &task->coro.context);
	coroutine_swap_exceptions(task->coro.frame);
	int r = sched_dispatch(sched, self, &task->coro.context);
	coroutine_swap_exceptions(task->coro.frame);
	return r;
}

/* Lists a generator that no loop knows yet, before another or last. Returns its place. */
static struct list *note_before(struct coro *co, struct list *before)
{
	struct asyncgen *open = &co->frame->asyncgen;
	if (open->link.next)
		return before;
	open->co = co;
	list_append(before, &open->link);
	return &open->link;
}

/*
 * Outer generators stand before inner ones, since they may close those themselves. Of a chain of
 * delegations, its two ends are listed: whoever closes the root closes all.
 */
void asyncgen_note(struct sched *sched, const struct task *task, struct coro *innermost)
{
	struct list *before = &sched->asyncgens;
	for (struct coro *co = innermost; co != &task->coro; co = co->resumer) {
		before = note_before(co, before);
		if (co->flags & FLAG_HAS_DELEGATOR)
			before = note_before(co->frame->root, before);
	}
}

int park_generator(struct sched *sched, struct task *task, struct coro *self)
{
	asyncgen_note(sched, task, self);
	if (unlikely((task->coro.flags | self->flags) & PARKS_SLOWLY))
		return park_slow(sched, task, self);
	return sched_dispatch(sched, self, &task->coro.context);
}

int park(struct task *task)
{
	return park_anew(task->sched, task);
}

/* -- waiters */

void waiter_leave(struct task_wait *wait)
{
	wait->waiter->state = WAITER_CANCELLED;
}

static inline __attribute__((always_inline)) int waiter_park(struct waiter *waiter,
							     struct task *task,
							     const struct wait_kind *kind)
{
	struct task_wait *wait = task_wait(task);
	wait->kind = kind;
	wait->waiter = waiter;
	waiter->state = WAITER_PENDING;
	return park(task);
}

static int fail_without_task(const struct wait_kind *kind)
{
	const char *pieces[] = {kind->call ? kind->call : kind->what, ": not in a task"};
	return fail_join(-EPERM, NULL, pieces, 2);
}

/* There is no task, or it may stand on another's stack. */
static __attribute__((noinline, cold)) int waiter_wait_slow(struct waiter *waiter,
							    struct task *task,
							    const struct wait_kind *kind)
{
	if (!task)
		return fail_without_task(kind);
	overflow_look(&task->coro);
	return waiter_park(waiter, task, kind);
}

int waiter_wait(struct waiter *waiter, const struct wait_kind *kind)
{
	struct task *task = task_running();
	waiter->task = task;
	if (unlikely(!task || overflow_suspected(&task->coro)))
		return waiter_wait_slow(waiter, task, kind);
	return waiter_park(waiter, task, kind);
}

void waiter_end(struct waiter *waiter)
{
	list_remove(&waiter->link);
	if (waiter->task)
		task_wait(waiter->task)->waiter = NULL;
}

void waiter_wake(struct waiter *waiter)
{
	if (waiter->state != WAITER_PENDING)
		return;
	waiter->state = WAITER_WOKEN;
	wake(waiter->task, 0);
}

/* -- cleanups */

void cleanup_push(struct task *task, struct cleanup *cleanup, void (*run)(struct cleanup *cleanup))
{
	struct cleanup **first = &task_wait(task)->cleanups;
	*cleanup = (struct cleanup){.next = *first, .place = first, .run = run};
	if (cleanup->next)
		cleanup->next->place = &cleanup->next;
	*first = cleanup;
}

void wait_discard(struct task_wait *wait)
{
	if (wait->kind)
		wait->kind->leave(wait);
	if (wait->waiter)
		list_remove(&wait->waiter->link);
	wait->kind = NULL;
	wait->waiter = NULL;
	struct cleanup *cleanup = wait->cleanups, *next;
	wait->cleanups = NULL;
	for (; cleanup; cleanup = next) {
		next = cleanup->next;
		cleanup->run(cleanup);
	}
}

/* -- the budget */

int sched_renew_budget(struct thread *thread)
{
	enum { BUDGET = 256 };
	struct sched *sched = thread->sched;
	thread->budget = BUDGET;
	if (!sched || !sched->running)
		return 0;
	bool spent = sched->budget_at == sched->ready.head;
	sched->budget_at = sched->ready.head;
	return spent ? yield_in(sched, sched->running, thread->self) : 0;
}
