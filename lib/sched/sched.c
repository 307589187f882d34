/* SPDX-License-Identifier: MIT */
#include "core/fail.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>

int loop_check(const struct coro_loop *loop)
{
	if (!loop)
		return fail_with(-EINVAL, "the loop is NULL");
	if (!loop_is_own(loop))
		return fail_with(-EOWNERDEAD, "the loop is the parent process's");
	if (loop->thread != thread_current)
		return fail_with(-EPERM, "the loop is another thread's");
	return loop->closed ? fail_with(-EPIPE, "the loop is closed") : 0;
}

int64_t loop_time(const struct coro_loop *loop)
{
	return loop->virtual_clock ? loop->now : coro_clock();
}

/* -- from other threads */

void loop_let_go(struct coro_loop *loop)
{
	if (__atomic_sub_fetch(&loop->keepers, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	thread_unref(loop->thread);
	free(loop);
}

void loop_hold(struct coro_loop *loop)
{
	loop_keep(loop);
	__atomic_add_fetch(&loop->inbox.holds, 1, __ATOMIC_SEQ_CST);
}

void loop_unhold(struct coro_loop *loop)
{
	if (__atomic_sub_fetch(&loop->inbox.holds, 1, __ATOMIC_SEQ_CST) == 0)
		inbox_wake(&loop->inbox);
}

int loop_post(struct coro_loop *loop, struct message *message)
{
	if (!loop_is_own(loop))
		return -EOWNERDEAD;
	int r = inbox_push(&loop->inbox, message);
	if (r < 0)
		return r;
	/* After the push: see turn_run. */
	__atomic_store_n(&loop->plain, false, __ATOMIC_SEQ_CST);
	inbox_wake(&loop->inbox);
	return 0;
}

int fail_post(int error)
{
	return error == -EPIPE ? fail_with(-EPIPE, "the loop is closed")
			       : fail_with(-EOWNERDEAD, "the loop is the parent process's");
}
