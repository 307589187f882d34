/* SPDX-License-Identifier: MIT */
#include "core/fail.h"
#include "sync/condition.h"
#include "sync/waiters.h"

#include <errno.h>

enum { FILLING, DRAINING, RESETTING, BROKEN };

/* A task at the barrier, on its stack. */
struct party {
	struct list link;
	struct coro_barrier *barrier;
	struct cleanup cleanup;
	size_t number;
};

/* The parties at the barrier, in the order of their numbers. */
static struct list *present(struct coro_barrier *barrier)
{
	return (struct list *)(void *)barrier->present.own;
}

static struct party *party_of(struct list *link)
{
	return container_of(link, struct party, link);
}

int coro_barrier_init(struct coro_barrier *barrier, size_t parties)
{
	if (!barrier || parties == 0)
		return fail_with(-EINVAL, "coro_barrier_init: the barrier is NULL, or for nobody");
	*barrier = (struct coro_barrier){.parties = parties, .state = FILLING};
	coro_condition_init(&barrier->changed, NULL);
	list_init(present(barrier));
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
		return fail_with(-EINVAL, "coro_barrier: the barrier is NULL");
	int r = waiters_check(&barrier->changed.waiters);
	return r < 0 ? r : coro_condition_acquire_at(NULL, &barrier->changed);
}

static int fail_broken(void)
{
	return fail_expected(-EPIPE, "the barrier is broken, or was reset");
}

static const struct wait_kind waiting = {.leave = waiter_leave, .what = "a barrier"};

/* Waits until all parties of the last round have left. */
static int wait_for_turn(struct coro_barrier *barrier)
{
	int r = condition_wait_for(&barrier->changed, not_draining, barrier, &waiting);
	if (r < 0)
		return r;
	return barrier->state == BROKEN ? fail_broken() : 0;
}

static int wait_for_others(struct coro_barrier *barrier)
{
	int r = condition_wait_for(&barrier->changed, not_filling, barrier, &waiting);
	if (r < 0)
		return r;
	return barrier->state == BROKEN || barrier->state == RESETTING ? fail_broken() : 0;
}

/* Adds a party with the lowest free number, which is usually the count. */
static void arrive(struct coro_barrier *barrier, struct party *party)
{
	struct list *all = present(barrier), *at = all;
	size_t number = barrier->count++;
	if (number > 0 && party_of(all->prev)->number >= number) {
		number = 0;
		for (at = all->next; party_of(at)->number == number; at = at->next)
			number++;
	}
	party->barrier = barrier;
	party->number = number;
	list_append(at, &party->link);
}

/* Removes a party. Returns whether it was the last. */
static bool depart(struct party *party)
{
	struct coro_barrier *barrier = party->barrier;
	list_remove(&party->link);
	if (--barrier->count > 0)
		return false;
	if (barrier->state == RESETTING || barrier->state == DRAINING)
		barrier->state = FILLING;
	return true;
}

static void party_discard(struct cleanup *cleanup)
{
	depart(container_of(cleanup, struct party, cleanup));
}

/* Waits for the others, or, as the last to arrive, wakes them. */
static int take_part(struct coro_barrier *barrier, size_t *ret)
{
	struct party party;
	struct task *task = task_running();
	int r = 0;
	arrive(barrier, &party);
	if (barrier->count == barrier->parties) {
		barrier->state = DRAINING;
		coro_condition_notify_all(&barrier->changed);
	} else if (!task) {
		r = -EPERM;
	} else {
		cleanup_push(task, &party.cleanup, party_discard);
		r = wait_for_others(barrier);
		cleanup_pop(&party.cleanup);
	}
	if (depart(&party))
		coro_condition_notify_all(&barrier->changed);
	if (r == 0 && ret)
		*ret = party.number;
	return r;
}

int coro_barrier_wait(struct coro_barrier *barrier, size_t *ret)
{
	int r = barrier && barrier->parties == 0
			? fail_with(-EINVAL, "coro_barrier_wait: no init has made the barrier")
			: enter(barrier);
	if (r < 0)
		return r;
	r = wait_for_turn(barrier);
	if (r == 0)
		r = take_part(barrier, ret);
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
