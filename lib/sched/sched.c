/* SPDX-License-Identifier: MIT */
#include "sched/sched.h"
#include "core/fail.h"

#include <errno.h>
#include <stdlib.h>

void sched_init(struct sched *sched, struct thread *thread)
{
	*sched = (struct sched){
		.thread = thread_ref(thread),
		.budget_at = SIZE_MAX / 2, /* nowhere near where ready begins */
		.refs = 1,
		.keepers = 1,
		.fork_count = fork_count,
	};
	inbox_init(&sched->inbox);
	ring_init(&sched->ready);
	heap_init(&sched->timers);
	list_init(&sched->asyncgens);
	list_init(&sched->resources);
}

void sched_finish(struct sched *sched)
{
	inbox_close(&sched->inbox);
	ring_finish(&sched->ready);
	heap_finish(&sched->timers);
}

int sched_check(const struct sched *sched)
{
	if (!sched)
		return fail_with(-EINVAL, "the loop is NULL");
	if (!sched_is_own(sched))
		return fail_with(-EOWNERDEAD, "the loop is the parent process's");
	if (sched->thread != thread_current)
		return fail_with(-EPERM, "the loop is another thread's");
	return sched->closed ? fail_with(-EPIPE, "the loop is closed") : 0;
}

int64_t sched_time(const struct sched *sched)
{
	return sched->virtual_clock ? sched->now : coro_clock();
}

/* -- from other threads */

void sched_let_go(struct sched *sched)
{
	if (__atomic_sub_fetch(&sched->keepers, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	thread_unref(sched->thread);
	free(sched);
}

void sched_hold(struct sched *sched)
{
	sched_keep(sched);
	__atomic_add_fetch(&sched->inbox.holds, 1, __ATOMIC_SEQ_CST);
}

void sched_unhold(struct sched *sched)
{
	if (__atomic_sub_fetch(&sched->inbox.holds, 1, __ATOMIC_SEQ_CST) == 0)
		inbox_wake(&sched->inbox);
}

int sched_post(struct sched *sched, struct message *message)
{
	if (!sched_is_own(sched))
		return -EOWNERDEAD;
	int r = inbox_push(&sched->inbox, message);
	if (r < 0)
		return r;
	/* After the push: see turn_run. */
	__atomic_store_n(&sched->plain, false, __ATOMIC_SEQ_CST);
	inbox_wake(&sched->inbox);
	return 0;
}

int fail_post(int error)
{
	return error == -EPIPE ? fail_with(-EPIPE, "the loop is closed")
			       : fail_with(-EOWNERDEAD, "the loop is the parent process's");
}
