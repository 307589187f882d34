/* SPDX-License-Identifier: MIT */
/* Waiting for threads: a thread of its own does. A cancellation does not end it, and is for the next wait. */
#include "coro/shield.h"
#include "posix/apart.h"

#include <pthread.h>
#include <stdlib.h>
#include <threads.h>

struct joining {
	struct apart apart;
	pthread_t thread;
	pthread_barrier_t *barrier;
	void *result;
};

/* Makes the call apart. Returns its result, or -1 if there is no thread, and then nothing is done. */
static ssize_t wait_apart(struct joining *joining)
{
	struct coro_shield_scope shield;
	struct apart *apart = &joining->apart;
	if (coro_shield_begin(&shield, CORO_FOREVER) < 0)
		return -1;
	ssize_t r = apart_run(&apart);
	return coro_shield_end(&shield, 0) < 0 || r < 0 ? -1 : r;
}

/* -- the end of a thread */

static ssize_t join(struct apart *apart)
{
	struct joining *joining = (struct joining *)apart;
	return libc()->pthread_join(joining->thread, &joining->result);
}

static int join_in_task(pthread_t thread, void **ret)
{
	int before = errno;
	struct joining *joining = (struct joining *)apart_create(sizeof(*joining));
	ssize_t r = -1;
	if (joining) {
		joining->apart.call = join;
		joining->thread = thread;
		r = wait_apart(joining);
	}
	if (r == 0 && ret)
		*ret = joining->result;
	free(joining);
	errno = before;
	return r < 0 ? libc()->pthread_join(thread, ret) : (int)r;
}

PUBLIC int pthread_join(pthread_t thread, void **ret)
{
	if (!call_waits() || pthread_equal(thread, pthread_self()))
		return libc()->pthread_join(thread, ret);
	int r = pthread_tryjoin_np(thread, ret);
	return r == EBUSY ? join_in_task(thread, ret) : r;
}

PUBLIC int thrd_join(thrd_t thread, int *ret)
{
	void *result;
	if (pthread_join(thread, &result) != 0)
		return thrd_error;
	if (ret)
		*ret = (int)(intptr_t)result;
	return thrd_success;
}

/* -- barriers: the task's own thread stands for it */

static ssize_t arrive(struct apart *apart)
{
	int r = libc()->pthread_barrier_wait(((struct joining *)apart)->barrier);
	return r == PTHREAD_BARRIER_SERIAL_THREAD ? 1 : 0;
}

PUBLIC int pthread_barrier_wait(pthread_barrier_t *barrier)
{
	if (!call_waits())
		return libc()->pthread_barrier_wait(barrier);
	int before = errno;
	struct joining *joining = (struct joining *)apart_create(sizeof(*joining));
	ssize_t r = -1;
	if (joining) {
		joining->apart.call = arrive;
		joining->barrier = barrier;
		r = wait_apart(joining);
	}
	free(joining);
	errno = before;
	if (r < 0)
		return libc()->pthread_barrier_wait(barrier);
	return r ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}
