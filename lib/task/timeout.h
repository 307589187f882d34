/* SPDX-License-Identifier: MIT */
/* What others use of timeouts. */
#ifndef TASK_TIMEOUT_H
#define TASK_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

struct cleanup;
struct coro;
struct sched;
struct coro_timeout;
struct task;

/* The task ends with open timeouts on its stack. */
void timeouts_forget(struct task *task);

/* Debug mode: reports the timeouts that a generator has begun and not ended when it yields. */
void timeouts_tell_of_yield(const struct sched *sched, const struct coro *generator);

/* Returns 0 if the caller may end it, or the error of coro_timeout_end. */
int timeout_check_end(const struct coro_timeout *timeout);

/* A timeout that a task has begun and not ended. */
struct open_timeout {
	const char *site; /* where it was begun, or NULL */
	int64_t when;     /* CORO_FOREVER for never */
};

/*
 * Finds the open timeouts of a task, the innermost first. *at is NULL at first, and kept between
 * calls. Returns false when there are no more.
 */
bool timeout_next(const struct task *task, const struct cleanup **at, struct open_timeout *ret);

#endif
