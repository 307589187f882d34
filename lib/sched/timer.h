/* SPDX-License-Identifier: MIT */
/* Calls and timers: what the runner calls, in its turn or at a time. */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include "base/heap.h"

#include <stdbool.h>
#include <stdint.h>

struct sched;

/* A call that the runner makes once. */
struct call {
	void (*run)(struct call *call);
	size_t position; /* in ready, or CALL_IDLE */
};

#define CALL_IDLE ((size_t)-1)

/* A call at a time. */
struct timer {
	struct call call;
	struct heap_node node;
};

/* Makes a call ready. Room was reserved before, by sched_reserve. */
void call_push(struct sched *sched, struct call *call);
/* Takes a call back if it is ready. */
void call_remove(struct sched *sched, struct call *call);

void timer_arm(struct sched *sched, struct timer *timer, int64_t when);

/*
 * Returns a time plus a delay, at most INT64_MAX. A time that a negative delay puts in the past
 * comes before all that are due now, as in asyncio.
 */
static inline int64_t time_after(int64_t time, int64_t delay)
{
	int64_t when;
	if (__builtin_add_overflow(time, delay, &when))
		return delay < 0 ? INT64_MIN : INT64_MAX;
	return when;
}

/* Takes a timer back, whether it waits for its time or for its turn. */
void timer_disarm(struct sched *sched, struct timer *timer);

struct task;

/*
 * Takes back the timers on the stack of a task that has ended with open timeouts. Their memory may
 * have been written over, and is not read.
 */
void timers_forget_stack(struct task *task);

/*
 * The time of the caller, length nanoseconds, is over. Gives the message and returns -ETIMEDOUT.
 * site is where the time began, or NULL.
 */
int fail_timeout(const char *site, int64_t length);

/* Returns when a timer is due, by the loop's clock; CORO_FOREVER if it waits for no time. */
int64_t timer_time(const struct sched *sched, const struct timer *timer);

enum { TIME_LEFT_SIZE = 48 };

/*
 * Writes what is left until a time, for a description: ", 1.5 s more". Nothing for CORO_FOREVER.
 * Returns the buffer.
 */
char *time_left_text(char buffer[TIME_LEFT_SIZE], const struct sched *sched, int64_t when);

/* Makes the timers ready that are due, in the order of their times. */
void timers_expire(struct sched *sched, int64_t now);

#endif
