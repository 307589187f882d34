/* SPDX-License-Identifier: MIT */
#include "sync/waiters.h"

#include <errno.h>

enum { FILLING, DRAINING, RESETTING, BROKEN };

int coro_barrier_init(struct coro_barrier *barrier, size_t parties)
{
	if (!barrier || parties == 0)
		return -EINVAL;
	*barrier = (struct coro_barrier){.parties = parties, .state = FILLING};
	coro_condition_init(&barrier->changed, NULL);
	return 0;
}

static int not_draining(void *arg)
{
	const struct coro_barrier *barrier = arg;
	return barrier->state != DRAINING && barrier->state != RESETTING;
}

static int not_filling(void *arg)
{
	const struct coro_barrier *barrier = arg;
	return barrier->state != FILLING;
}

static int enter(struct coro_barrier *barrier)
{
	if (!barrier)
		return -EINVAL;
	int r = waiters_check(&barrier->changed.waiters);
	return r < 0 ? r : coro_condition_acquire(&barrier->changed);
}

/* Waits until those who were here before have gone. */
static int wait_for_turn(struct coro_barrier *barrier)
{
	int r = coro_condition_wait_for(&barrier->changed, not_draining, barrier);
	if (r < 0)
		return r;
	return barrier->state == BROKEN ? -EPIPE : 0;
}

static int wait_for_others(struct coro_barrier *barrier)
{
	int r = coro_condition_wait_for(&barrier->changed, not_filling, barrier);
	if (r < 0)
		return r;
	return barrier->state == BROKEN || barrier->state == RESETTING ? -EPIPE : 0;
}

static void leave(struct coro_barrier *barrier)
{
	if (--barrier->count > 0)
		return;
	if (barrier->state == RESETTING || barrier->state == DRAINING)
		barrier->state = FILLING;
	coro_condition_notify_all(&barrier->changed);
}

int coro_barrier_wait(struct coro_barrier *barrier, size_t *ret)
{
	int r = barrier && barrier->parties == 0 ? -EINVAL : enter(barrier);
	if (r < 0)
		return r;
	r = wait_for_turn(barrier);
	if (r == 0) {
		size_t index = barrier->count++;
		if (index + 1 == barrier->parties) {
			barrier->state = DRAINING;
			coro_condition_notify_all(&barrier->changed);
		} else {
			r = wait_for_others(barrier);
		}
		leave(barrier);
		if (r == 0 && ret)
			*ret = index;
	}
	coro_condition_release(&barrier->changed);
	return r;
}

int coro_barrier_reset(struct coro_barrier *barrier)
{
	int r = enter(barrier);
	if (r < 0)
		return r;
	barrier->state = barrier->count > 0 ? RESETTING : FILLING;
	coro_condition_notify_all(&barrier->changed);
	return coro_condition_release(&barrier->changed);
}

int coro_barrier_abort(struct coro_barrier *barrier)
{
	int r = enter(barrier);
	if (r < 0)
		return r;
	barrier->state = BROKEN;
	coro_condition_notify_all(&barrier->changed);
	return coro_condition_release(&barrier->changed);
}

bool coro_barrier_broken(const struct coro_barrier *barrier)
{
	return barrier && barrier->state == BROKEN;
}

size_t coro_barrier_parties(const struct coro_barrier *barrier)
{
	return barrier ? barrier->parties : 0;
}

size_t coro_barrier_waiting(const struct coro_barrier *barrier)
{
	return barrier && barrier->state == FILLING ? barrier->count : 0;
}
