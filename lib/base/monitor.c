/* SPDX-License-Identifier: MIT */
#include "base/monitor.h"

#include "base/system.h"
#include "coro/base.h"

#include <errno.h>
#include <time.h>

int monitor_init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attr;
	int r = pthread_condattr_init(&attr);
	if (r != 0)
		return -r;
	r = system_use_monotonic(&attr);
	if (r == 0)
		r = -pthread_cond_init(condition, &attr);
	pthread_condattr_destroy(&attr);
	return r;
}

int monitor_init(struct monitor *monitor)
{
	int r = pthread_mutex_init(&monitor->mutex, NULL);
	if (r != 0)
		return -r;
	r = monitor_init_condition(&monitor->changed);
	if (r < 0)
		pthread_mutex_destroy(&monitor->mutex);
	return r;
}

void monitor_finish(struct monitor *monitor)
{
	pthread_cond_destroy(&monitor->changed);
	pthread_mutex_destroy(&monitor->mutex);
}

bool monitor_wait_on(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until)
{
	int state, r;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (until == CORO_FOREVER)
		r = pthread_cond_wait(condition, mutex);
	else
		r = until > 0 ? system_wait_until(condition, mutex, until) : ETIMEDOUT;
	pthread_setcancelstate(state, NULL);
	return r != ETIMEDOUT;
}
