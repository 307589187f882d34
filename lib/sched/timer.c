/* SPDX-License-Identifier: MIT */
#include "sched/timer.h"

#include "base/error.h"
#include "base/list.h"
#include "core/fail.h"
#include "sched/park.h"

#include <stdio.h>

void call_push(struct sched *sched, struct call *call)
{
	call->position = ring_push(&sched->ready, ready_call(call));
	sched_stirred(sched);
}

void call_remove(struct sched *sched, struct call *call)
{
	if (call->position == CALL_IDLE)
		return;
	*ring_at(&sched->ready, call->position) = READY_NOTHING;
	call->position = CALL_IDLE;
}

void timer_arm(struct sched *sched, struct timer *timer, int64_t when)
{
	timer->call.position = CALL_IDLE;
	heap_insert(&sched->timers, &timer->node, when);
	sched_interrupt(sched);
	sched_stirred(sched);
}

void timer_disarm(struct sched *sched, struct timer *timer)
{
	if (timer->node.place != HEAP_NONE)
		heap_remove(&sched->timers, &timer->node);
	else
		call_remove(sched, &timer->call);
}

void timers_expire(struct sched *sched, int64_t now)
{
	struct heap *timers = &sched->timers;
	while (!heap_empty(timers) && heap_first_key(timers) <= now) {
		struct timer *timer = container_of(heap_first(timers), struct timer, node);
		heap_remove(timers, &timer->node);
		call_push(sched, &timer->call);
	}
}

void timers_forget_stack(struct task *task)
{
	struct sched *sched = task->sched;
	const char *low = task->coro.frame->stack.low, *high = (const char *)task->coro.frame;
	for (size_t at = sched->ready.head; at != sched->ready.tail; at++) {
		void **entry = ring_at(&sched->ready, at);
		if (!ready_is_task(*entry) && (char *)*entry >= low && (char *)*entry < high)
			*entry = READY_NOTHING;
	}
	heap_discard(&sched->timers, low, high);
	sched_release(sched, 0, task_wait(task)->open);
}

int64_t timer_time(const struct sched *sched, const struct timer *timer)
{
	size_t place = timer->node.place;
	return place == HEAP_NONE ? CORO_FOREVER : sched->timers.entries[place].key;
}

char *time_left_text(char buffer[TIME_LEFT_SIZE], const struct sched *sched, int64_t when)
{
	char duration[DURATION_SIZE];
	int64_t now = sched_time(sched);
	buffer[0] = '\0';
	if (when != CORO_FOREVER)
		snprintf(buffer, TIME_LEFT_SIZE, ", %s more",
			 duration_text(duration, when > now ? when - now : 0));
	return buffer;
}

int fail_timeout(const char *site, int64_t length)
{
	char text[DURATION_SIZE];
	const char *pieces[] = {"timeout of ", duration_text(text, length > 0 ? length : 0),
				site ? " begun at " : "", site ? site : ""};
	return fail_join(-ETIMEDOUT, site, pieces, 4);
}
