/* SPDX-License-Identifier: MIT */
/*
 * A lock and a condition, for what threads share. A thread that waits here is not cancelled
 * (pthread_cancel): it would leave with the lock held.
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

/* 0, -ENOMEM, -EAGAIN. */
int monitor_init(struct monitor *monitor);
void monitor_finish(struct monitor *monitor);

/* A condition whose times are coro_clock's: 0 or an error. */
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

/* Waits with the mutex locked, until that time of coro_clock: false once it is over. */
bool monitor_wait_on(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until);

static inline bool monitor_wait(struct monitor *monitor, int64_t until)
{
	return monitor_wait_on(&monitor->changed, &monitor->mutex, until);
}

#endif
