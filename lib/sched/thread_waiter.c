/* SPDX-License-Identifier: MIT */
#include "sched/thread_waiter.h"

#include "base/monitor.h"
#include "core/fail.h"
#include "sched/sched.h"

#include <errno.h>

/* Runs in the loop. */
static void arrive(struct message *message)
{
	struct thread_waiter *waiter = container_of(message, struct thread_waiter, message);
	waiter->arrived = true;
	waiter_wake(&waiter->waiter);
}

/* Tasks are discarded before the inbox is closed, and take their messages out. */
static void drop(struct message *message)
{
	(void)message;
}

/* The last use of the waiter of a task. */
static void let_go(struct thread_waiter *waiter)
{
	sched_unhold(waiter->sched);
	sched_let_go(waiter->sched);
}

static void discard(struct cleanup *cleanup)
{
	struct thread_waiter *waiter = container_of(cleanup, struct thread_waiter, cleanup);
	if (!sched_is_own(waiter->sched))
		return; /* the parent has what it waits for, the mutex too */
	pthread_mutex_lock(waiter->mutex);
	list_remove(&waiter->link);
	if (waiter->discarded)
		waiter->discarded(waiter);
	if (waiter->set && !waiter->arrived)
		inbox_discard(&waiter->sched->inbox, &waiter->message);
	pthread_mutex_unlock(waiter->mutex);
	let_go(waiter);
}

int thread_waiter_begin(struct thread_waiter *waiter, pthread_mutex_t *mutex,
			void (*discarded)(struct thread_waiter *waiter))
{
	struct task *task = task_running();
	*waiter = (struct thread_waiter){.mutex = mutex, .discarded = discarded};
	list_init(&waiter->link);
	if (!task)
		return thread_current->sched
			       ? fail_with(-EPERM, "not in a task: a callback may not wait")
			       : monitor_init_condition(&waiter->woken);
	waiter->sched = task->sched;
	waiter->message = (struct message){.run = arrive, .drop = drop};
	list_init(&waiter->waiter.link);
	sched_hold(waiter->sched);
	cleanup_push(task, &waiter->cleanup, discard);
	return 0;
}

void thread_waiter_end(struct thread_waiter *waiter)
{
	if (!waiter->sched) {
		pthread_cond_destroy(&waiter->woken);
		return;
	}
	cleanup_pop(&waiter->cleanup);
	let_go(waiter);
}

static int wait_in_thread(struct thread_waiter *waiter, int64_t until)
{
	while (!waiter->set)
		if (!monitor_wait_on(&waiter->woken, waiter->mutex, until))
			return waiter->set ? 0 : -ETIMEDOUT;
	return 0;
}

int thread_waiter_wait(struct thread_waiter *waiter, int64_t until, const struct wait_kind *kind)
{
	int r = 0;
	if (!waiter->sched)
		return wait_in_thread(waiter, until);
	/* If it is set, its message is on its way, and is waited for. */
	while (waiter->set ? !waiter->arrived : r == 0) {
		pthread_mutex_unlock(waiter->mutex);
		if (waiter_wait(&waiter->waiter, kind) < 0)
			r = -ECANCELED;
		waiter_end(&waiter->waiter);
		pthread_mutex_lock(waiter->mutex);
	}
	return r;
}

void thread_waiter_wake(struct thread_waiter *waiter)
{
	list_remove(&waiter->link);
	waiter->set = true;
	if (waiter->sched)
		sched_post(waiter->sched,
			   &waiter->message); /* it succeeds: the loop is open while a task waits */
	else
		pthread_cond_signal(&waiter->woken);
}
