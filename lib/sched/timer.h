/* SPDX-License-Identifier: MIT */
/* Calls and timers: what the loop runs in its own context, now or at a time. */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include "base/heap.h"

#include <stdbool.h>
#include <stdint.h>

struct sched;

/* Something for the loop to run, once, in its turn. */
struct call {
	void (*run)(struct call *call);
	size_t position; /* in the ready ring, or CALL_IDLE */
};

#define CALL_IDLE ((size_t)-1)

/* A call at a time. */
struct timer {
	struct call call;
	struct heap_node node;
};

/* Room for these is reserved in the loop beforehand: see sched_reserve. */
void call_push(struct sched *sched, struct call *call);
/* Makes a call idle again, if it is ready. */
void call_remove(struct sched *sched, struct call *call);

void timer_arm(struct sched *sched, struct timer *timer, int64_t when);

/*
 * A time plus a delay, at most the last there is. One that is over by a negative delay comes before
 * all that are due now, as in asyncio.
 */
static inline int64_t time_after(int64_t time, int64_t delay)
{
	int64_t when;
	if (__builtin_add_overflow(time, delay, &when))
		return delay < 0 ? INT64_MIN : INT64_MAX;
	return when;
}

/* Makes a timer idle, whether it waits for its time or for its turn. */
void timer_disarm(struct sched *sched, struct timer *timer);

struct task;

/*
 * Lets go of timers on the stack of a task that has ended: timeouts that it has begun and not
 * ended. What is there may have been written over, and is not looked at.
 */
void timers_forget_stack(struct task *task);

/* The caller's time, of length nanoseconds, is over: -ETIMEDOUT. site: where it began, or NULL. */
int fail_timeout(const char *site, int64_t length);

/* Makes those that are due ready, in the order of their times. */
void timers_expire(struct sched *sched, int64_t now);

#endif
