/* SPDX-License-Identifier: MIT */
/*
 * A lock and a condition, for what threads share. pthread_cancel does not end a thread that waits
 * here, since it would leave with the lock held.
 */
#ifndef BASE_MONITOR_H
#define BASE_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include <pthread.h>

struct monitor {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
};

/* Returns 0, -ENOMEM or -EAGAIN. */
int monitor_init(struct monitor *monitor);
void monitor_finish(struct monitor *monitor);

/* Makes a condition that measures time by coro_clock. Returns 0 or an error. */
int monitor_init_condition(pthread_cond_t *condition);

static inline void monitor_lock(struct monitor *monitor)
{
	pthread_mutex_lock(&monitor->mutex);
}

static inline void monitor_unlock(struct monitor *monitor)
{
	pthread_mutex_unlock(&monitor->mutex);
}

static inline void monitor_notify(struct monitor *monitor)
{
	pthread_cond_signal(&monitor->changed);
}

static inline void monitor_notify_all(struct monitor *monitor)
{
	pthread_cond_broadcast(&monitor->changed);
}

/* Waits until that time of coro_clock, with the mutex locked. Returns false after that time. */
bool monitor_wait_on(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until);

static inline bool monitor_wait(struct monitor *monitor, int64_t until)
{
	return monitor_wait_on(&monitor->changed, &monitor->mutex, until);
}

#endif
