/* SPDX-License-Identifier: MIT */
/* Waiting with a deadline, and without giving up what is waited for: wait, wait_for, shield. */
#include "loop/wait.h"

#include "loop/loop.h"
#include "loop/watch.h"

#include <errno.h>

int check_futures(const struct task *task, struct coro_future *const *futures, size_t count)
{
	if (!task)
		return -EPERM;
	if (!futures && count > 0)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		if (!futures[i])
			return -EINVAL;
		if (futures[i]->loop != task->future.loop)
			return -EPERM;
	}
	return 0;
}

/* -- a latch with a deadline: asyncio's waiter future, released by a callback or by call_later */

struct deadline {
	struct latch latch;
	struct timer timer;
	struct coro_loop *loop; /* NULL: there is no deadline */
};

static void deadline_come(struct call *call)
{
	struct timer *timer = container_of(call, struct timer, call);
	latch_set(&container_of(timer, struct deadline, timer)->latch);
}

static int deadline_begin(struct deadline *deadline, struct coro_loop *loop, int64_t timeout)
{
	*deadline = (struct deadline){.latch.state = LATCH_PENDING};
	list_init(&deadline->latch.link);
	if (timeout == CORO_FOREVER)
		return 0;
	int r = loop_reserve(loop, 0, 1);
	if (r < 0)
		return r;
	deadline->loop = loop;
	deadline->timer = (struct timer){.call.run = deadline_come, .node.place = HEAP_NONE};
	timer_arm(loop, &deadline->timer, time_after(loop_time(loop), timeout));
	return 0;
}

static void deadline_end(struct deadline *deadline)
{
	if (!deadline->loop)
		return;
	timer_disarm(deadline->loop, &deadline->timer);
	loop_release(deadline->loop, 0, 1);
}

/* -- wait */

struct waiting {
	struct deadline deadline;
	struct watches watches;
	struct cleanup cleanup;
	size_t left;
	enum coro_wait_mode mode;
};

static void one_completed(struct watch *watch)
{
	struct waiting *waiting = container_of(watches_of(watch), struct waiting, watches);
	int status = watch->future->status;
	waiting->left--;
	if (waiting->left > 0 && waiting->mode == CORO_FIRST_EXCEPTION)
		future_retrieved(watch->future); /* asked for, as by asyncio's */
	if (waiting->left == 0 || waiting->mode == CORO_FIRST_COMPLETED ||
	    (waiting->mode == CORO_FIRST_EXCEPTION && status < 0 && status != -ECANCELED))
		latch_set(&waiting->deadline.latch);
}

/* Those that the loop has yet to tell of count as asked for, too: as in asyncio. */
static void waiting_end(struct waiting *waiting)
{
	for (size_t i = 0; i < waiting->watches.count; i++) {
		struct watch *watch = &waiting->watches.all[i].watch;
		if (watch->call.position != CALL_IDLE)
			one_completed(watch);
	}
	deadline_end(&waiting->deadline);
	watches_end(&waiting->watches);
}

static void waiting_abandon(struct cleanup *cleanup)
{
	waiting_end(container_of(cleanup, struct waiting, cleanup));
}

static int count_done(const struct watches *watches)
{
	int done = 0;
	for (size_t i = 0; i < watches->count; i++)
		done += watches->all[i].watch.future->done;
	return done;
}

int coro_wait(struct coro_future *const *futures, size_t count, enum coro_wait_mode mode,
	      int64_t timeout)
{
	struct task *task = task_running();
	int r = check_futures(task, futures, count);
	if (r < 0)
		return r;
	if (count == 0 || count > INT32_MAX || mode > CORO_FIRST_EXCEPTION)
		return -EINVAL;
	struct waiting waiting = {.mode = mode};
	r = watches_init(&waiting.watches, task->future.loop, count);
	if (r < 0)
		return r;
	r = deadline_begin(&waiting.deadline, task->future.loop, timeout);
	if (r < 0) {
		watches_finish(&waiting.watches);
		return r;
	}
	watches_begin_once(&waiting.watches, futures, one_completed);
	waiting.left = waiting.watches.count;
	cleanup_push(task, &waiting.cleanup, waiting_abandon);
	r = latch_wait(&waiting.deadline.latch);
	latch_end(&waiting.deadline.latch);
	cleanup_pop(&waiting.cleanup);
	if (r == 0)
		r = count_done(&waiting.watches);
	waiting_end(&waiting);
	return r;
}

/* -- one, for a time */

/* Holds the future, which is watched while the task waits. */
struct waiting_for {
	struct deadline deadline;
	struct watch watch;
	struct cleanup cleanup;
};

static void release(struct watch *watch)
{
	latch_set(&container_of(watch, struct waiting_for, watch)->deadline.latch);
}

static void waiting_for_abandon(struct cleanup *cleanup)
{
	struct waiting_for *waiting = container_of(cleanup, struct waiting_for, cleanup);
	watch_remove(&waiting->watch);
	deadline_end(&waiting->deadline);
	future_unref(waiting->watch.future);
}

static int waiting_for_begin(struct waiting_for *waiting, struct coro_future *future,
			     int64_t timeout)
{
	int r = deadline_begin(&waiting->deadline, future->loop, timeout);
	if (r < 0)
		return r;
	waiting->watch = (struct watch){
		.future = future_ref(future),
		.call.position = CALL_IDLE,
	};
	list_init(&waiting->watch.waiter.link);
	cleanup_push(task_running(), &waiting->cleanup, waiting_for_abandon);
	return 0;
}

static void waiting_for_end(struct waiting_for *waiting)
{
	cleanup_pop(&waiting->cleanup);
	waiting_for_abandon(&waiting->cleanup);
}

/* Waits for the future or the deadline, whichever comes first. */
static int wait_until(struct waiting_for *waiting)
{
	struct latch *latch = &waiting->deadline.latch;
	watch_add(&waiting->watch, waiting->watch.future, release);
	int r = latch_wait(latch);
	latch_end(latch);
	watch_remove(&waiting->watch);
	return r;
}

/* Cancels the future and waits until it is done. */
static int cancel_and_wait(struct coro_future *future)
{
	struct waiting_for waiting;
	waiting_for_begin(&waiting, future, CORO_FOREVER);
	future_cancel(future);
	int r = wait_until(&waiting);
	waiting_for_end(&waiting);
	return r;
}

/* The future's time is over: what it came to nevertheless, or -ETIMEDOUT. */
static int time_out(struct coro_future *future, void **ret)
{
	int r = cancel_and_wait(future);
	if (r < 0)
		return r;
	r = future_result(future, ret);
	return r == -ECANCELED ? -ETIMEDOUT : r;
}

static int wait_for(struct waiting_for *waiting, struct coro_future *future, void **ret)
{
	int r = wait_until(waiting);
	if (future->done)
		return future_result(future, ret);
	if (r == 0)
		return time_out(future, ret);
	/* The caller was cancelled; the future must have ended before this returns. */
	cancel_and_wait(future);
	return -ECANCELED;
}

int coro_wait_for(struct coro_future *future, int64_t timeout, void **ret)
{
	struct waiting_for waiting;
	struct task *task = task_running();
	int r = check_futures(task, &future, 1);
	if (r < 0)
		return r;
	if (timeout == CORO_FOREVER)
		return coro_await(future, ret);
	struct coro_loop *loop = future->loop;
	r = loop_reserve(loop, 0, 1);
	if (r < 0)
		return r;
	r = waiting_for_begin(&waiting, future, timeout > 0 ? timeout : CORO_FOREVER);
	if (r == 0) {
		if (timeout > 0)
			r = wait_for(&waiting, future, ret);
		else
			r = future->done ? future_result(future, ret) : time_out(future, ret);
		waiting_for_end(&waiting);
	}
	loop_release(loop, 0, 1);
	return r;
}

/* -- shield */

int coro_shield(struct coro_future *future, void **ret)
{
	struct waiting_for waiting;
	struct task *task = task_running();
	int r = check_futures(task, &future, 1);
	if (r < 0)
		return r;
	if (future->done)
		return future_result(future, ret);
	struct coro_loop *loop = future->loop;
	r = loop_reserve(loop, 0, 1);
	if (r < 0)
		return r;
	waiting_for_begin(&waiting, future, CORO_FOREVER);
	r = wait_until(&waiting);
	if (r == 0)
		r = future_result(future, ret);
	else if (future->done)
		future_retrieved(future); /* as by asyncio's */
	waiting_for_end(&waiting);
	loop_release(loop, 0, 1);
	return r;
}
