/* SPDX-License-Identifier: MIT */
#include "sync/channel.h"

#include "base/random.h"
#include "core/fail.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

/* A select that waits, on its task's stack. Each case has an offer in its channel's line. */
struct select {
	struct task *task;
	struct coro_select_case *cases;
	size_t count;
	struct timer timer; /* idle if there is no deadline */
};

static struct offer *case_offer(struct coro_select_case *one)
{
	return (struct offer *)(void *)one->own;
}

/* -- without waiting */

/* Returns 0 if the case is valid and its channel this thread's, or an error. */
static int check_case(const struct coro_select_case *one, const struct thread *thread)
{
	if (one->direction != CORO_SEND && one->direction != CORO_RECEIVE)
		return fail_with(-EINVAL, "coro_select: a case that neither sends nor receives");
	if (!one->channel)
		return 0;
	if (one->direction == CORO_SEND && !one->item && one->channel->item_size > 0)
		return fail_with(-EINVAL, "coro_select: a case that sends no item");
	return one->channel->thread == thread
		       ? 0
		       : fail_with(-EPERM, "coro_select: a channel is another thread's");
}

static bool can_go_on(const struct coro_select_case *one)
{
	if (!one->channel)
		return false;
	return one->direction == CORO_SEND ? can_send(one->channel) : can_receive(one->channel);
}

/* Checks all cases and returns how many are ready, or an error. *ret is the last one ready. */
static int count_ready(const struct coro_select_case *cases, size_t count,
		       const struct thread *thread, size_t *ret)
{
	int ready = 0;
	for (size_t i = 0; i < count; i++) {
		int r = check_case(&cases[i], thread);
		if (r < 0)
			return r;
		if (can_go_on(&cases[i])) {
			ready++;
			*ret = i;
		}
	}
	return ready;
}

/* Chooses one of the ready cases, each with the same probability. */
static size_t choose(const struct coro_select_case *cases, int ready, struct sched *sched)
{
	uint64_t skip = sched ? random_next(&sched->choices) % (uint64_t)ready : 0;
	size_t i = 0;
	while (!can_go_on(&cases[i]) || skip-- > 0)
		i++;
	return i;
}

static int go_on(struct coro_select_case *cases, size_t index)
{
	struct coro_select_case *one = &cases[index];
	one->result = one->direction == CORO_SEND
			      ? coro_channel_try_send(one->channel, one->item)
			      : coro_channel_try_receive(one->channel, one->item);
	return (int)index;
}

/* -- waiting */

static void withdraw(struct select *select)
{
	for (size_t i = 0; i < select->count; i++)
		list_remove(&case_offer(&select->cases[i])->link);
	timer_disarm(select->task->sched, &select->timer);
}

void select_happens(struct offer *offer, int result)
{
	struct select *select = offer->select;
	struct coro_select_case *one = container_of((void *)offer, struct coro_select_case, own);
	one->result = result;
	withdraw(select);
	int index = (int)(one - select->cases);
	if (result == 0)
		wake_given(select->task, index);
	else
		wake(select->task, index);
}

static void time_out(struct call *call)
{
	struct timer *timer = container_of(call, struct timer, call);
	struct select *select = container_of(timer, struct select, timer);
	withdraw(select);
	wake(select->task, -ETIMEDOUT);
}

static void leave_select(struct task_wait *wait)
{
	withdraw(wait_offer(wait)->select);
}

static int describe(const struct task_wait *wait, char *text, size_t size)
{
	const struct select *select = wait_offer((struct task_wait *)wait)->select;
	const struct sched *sched = select->task->sched;
	char left[TIME_LEFT_SIZE];
	return snprintf(text, size, "a select, %zu case%s%s", select->count,
			select->count == 1 ? "" : "s",
			time_left_text(left, sched, timer_time(sched, &select->timer)));
}

static const struct wait_kind selecting = {
	.leave = leave_select, .what = "a select", .describe = describe};

static void make_offer(struct select *select, struct coro_select_case *one)
{
	struct offer *offer = case_offer(one);
	offer->item = one->item;
	offer->select = select;
	if (!one->channel)
		list_init(&offer->link);
	else if (one->direction == CORO_SEND)
		list_append(&one->channel->senders, &offer->link);
	else
		list_append(&one->channel->receivers, &offer->link);
}

/* Waits until an offer is served. The timer uses the room that each task has in the loop's heap. */
static int wait_for_any(struct task *task, struct coro_select_case *cases, size_t count,
			int64_t timeout)
{
	struct sched *sched = task->sched;
	struct select select = {
		.task = task,
		.cases = cases,
		.count = count,
		.timer = {.call = {.run = time_out, .position = CALL_IDLE},
			  .node.place = HEAP_NONE},
	};
	for (size_t i = 0; i < count; i++)
		make_offer(&select, &cases[i]);
	if (timeout != CORO_FOREVER)
		timer_arm(sched, &select.timer, time_after(sched_time(sched), timeout));
	struct task_wait *wait = task_wait(task);
	wait->kind = &selecting;
	wait_offer(wait)->select = &select;
	int r = park(task);
	return r == -ETIMEDOUT ? fail_timeout(NULL, timeout) : r;
}

/* Renews the budget, which may suspend, and starts anew. */
static __attribute__((noinline)) int select_slow(struct coro_select_case *cases, size_t count,
						 int64_t timeout)
{
	int r = sched_renew_budget(thread_current);
	return r < 0 ? r : coro_select(cases, count, timeout);
}

int coro_select(struct coro_select_case *cases, size_t count, int64_t timeout)
{
	struct thread *thread = thread_current;
	if (unlikely((!cases && count > 0) || count > INT_MAX))
		return fail_with(-EINVAL, "coro_select: the cases are NULL, or too many");
	if (timeout > 0 && unlikely(sched_use_budget(thread)))
		return select_slow(cases, count, timeout);
	size_t index = 0;
	int ready = count_ready(cases, count, thread, &index);
	if (ready < 0)
		return ready;
	if (ready > 1)
		index = choose(cases, ready, thread->sched);
	if (ready > 0)
		return go_on(cases, index);
	if (timeout <= 0)
		return fail_code(-ETIMEDOUT);
	struct task *task = task_running();
	return task ? wait_for_any(task, cases, count, timeout)
		    : fail_with(-EPERM, "coro_select: not in a task");
}
