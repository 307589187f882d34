/* SPDX-License-Identifier: MIT */
#include "sched/timer.h"

#include "base/error.h"
#include "base/list.h"
#include "core/fail.h"
#include "loop/loop.h"

void call_push(struct coro_loop *loop, struct call *call)
{
	call->position = ring_push(&loop->ready, ready_call(call));
	loop_stirred(loop);
}

void call_remove(struct coro_loop *loop, struct call *call)
{
	if (call->position == CALL_IDLE)
		return;
	*ring_at(&loop->ready, call->position) = READY_NOTHING;
	call->position = CALL_IDLE;
}

void timer_arm(struct coro_loop *loop, struct timer *timer, int64_t when)
{
	timer->call.position = CALL_IDLE;
	heap_insert(&loop->timers, &timer->node, when);
	loop_interrupt(loop);
	loop_stirred(loop);
}

void timer_disarm(struct coro_loop *loop, struct timer *timer)
{
	if (timer->node.place != HEAP_NONE)
		heap_remove(&loop->timers, &timer->node);
	else
		call_remove(loop, &timer->call);
}

void timers_expire(struct coro_loop *loop, int64_t now)
{
	struct heap *timers = &loop->timers;
	while (!heap_empty(timers) && heap_first_key(timers) <= now) {
		struct timer *timer = container_of(heap_first(timers), struct timer, node);
		heap_remove(timers, &timer->node);
		call_push(loop, &timer->call);
	}
}

void timers_forget_stack(struct task *task)
{
	struct coro_loop *loop = task->future.loop;
	const char *low = task->coro.frame->stack.low, *high = (const char *)task->coro.frame;
	for (size_t at = loop->ready.head; at != loop->ready.tail; at++) {
		void **entry = ring_at(&loop->ready, at);
		if (!ready_is_task(*entry) && (char *)*entry >= low && (char *)*entry < high)
			*entry = READY_NOTHING;
	}
	heap_discard(&loop->timers, low, high);
	loop_release(loop, 0, task_wait(task)->scopes);
}

int fail_timeout(const char *site, int64_t length)
{
	char text[DURATION_SIZE];
	const char *pieces[] = {"timeout of ", duration_text(text, length > 0 ? length : 0),
				site ? " begun at " : "", site ? site : ""};
	return fail_join(-ETIMEDOUT, site, pieces, 4);
}
