/* SPDX-License-Identifier: MIT */
#include "loop/relay.h"

#include "base/monitor.h"
#include "core/fail.h"
#include "loop/loop.h"

#include <errno.h>

/* In the loop. */
static void arrive(struct message *message)
{
	struct relay *relay = container_of(message, struct relay, message);
	relay->arrived = true;
	latch_set(&relay->latch);
}

/* Tasks go before what is left in the inbox does, and take their messages with them. */
static void drop(struct message *message)
{
	(void)message;
}

/* The last thing that is done with a relay of a task. */
static void let_go(struct relay *relay)
{
	loop_unhold(relay->loop);
	loop_let_go(relay->loop);
}

static void abandon(struct cleanup *cleanup)
{
	struct relay *relay = container_of(cleanup, struct relay, cleanup);
	if (relay->loop->fork_count != fork_count)
		return; /* what it waits for, mutex and all, is the parent's */
	pthread_mutex_lock(relay->mutex);
	list_remove(&relay->link);
	if (relay->abandoned)
		relay->abandoned(relay);
	if (relay->set && !relay->arrived)
		inbox_discard(&relay->loop->inbox, &relay->message);
	pthread_mutex_unlock(relay->mutex);
	let_go(relay);
}

int relay_begin(struct relay *relay, pthread_mutex_t *mutex, void (*abandoned)(struct relay *relay))
{
	struct task *task = task_running();
	*relay = (struct relay){.mutex = mutex, .abandoned = abandoned};
	list_init(&relay->link);
	if (!task)
		return thread_current->loop
			       ? fail_with(-EPERM, "not in a task: a callback may not wait")
			       : monitor_init_condition(&relay->woken);
	relay->loop = task->future.loop;
	relay->message = (struct message){.run = arrive, .drop = drop};
	list_init(&relay->latch.link);
	loop_hold(relay->loop);
	cleanup_push(task, &relay->cleanup, abandon);
	return 0;
}

void relay_end(struct relay *relay)
{
	if (!relay->loop) {
		pthread_cond_destroy(&relay->woken);
		return;
	}
	cleanup_pop(&relay->cleanup);
	let_go(relay);
}

static int wait_in_thread(struct relay *relay, int64_t until)
{
	while (!relay->set)
		if (!monitor_wait_on(&relay->woken, relay->mutex, until))
			return relay->set ? 0 : -ETIMEDOUT;
	return 0;
}

static const struct wait_kind relaying = {.leave = latch_leave, .what = "another thread"};

int relay_wait(struct relay *relay, int64_t until)
{
	int r = 0;
	if (!relay->loop)
		return wait_in_thread(relay, until);
	/* One that was set is waited for all the same: its message is on its way here. */
	while (relay->set ? !relay->arrived : r == 0) {
		pthread_mutex_unlock(relay->mutex);
		if (latch_wait(&relay->latch, &relaying) < 0)
			r = -ECANCELED;
		latch_end(&relay->latch);
		pthread_mutex_lock(relay->mutex);
	}
	return r;
}

void relay_set(struct relay *relay)
{
	list_remove(&relay->link);
	relay->set = true;
	if (relay->loop)
		loop_post(relay->loop, &relay->message); /* it is open: a task waits in it */
	else
		pthread_cond_signal(&relay->woken);
}
