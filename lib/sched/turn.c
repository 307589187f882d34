/* SPDX-License-Identifier: MIT */
#include "sched/turn.h"

#include "base/random.h"
#include "loop/loop.h"

/* -- waiting */

/* Whether anything may come at all, when nothing is ready. */
static bool has_anything(const struct coro_loop *loop)
{
	return !heap_empty(&loop->timers) || inbox_held(&loop->inbox) || loop->watching > 0 ||
	       loop->listening > 0;
}

/* Waits for what may come from outside, until that time of coro_clock at the latest. */
static int wait_for_inbox_or_fds(struct coro_loop *loop, int64_t when)
{
	if (!loop->poller)
		return inbox_sleep(&loop->inbox, when);
	when = inbox_asleep(&loop->inbox, when);
	int r = loop->poller->wait(loop->poller, when);
	inbox_awake(&loop->inbox);
	loop->polled_position = loop->ready.tail;
	loop->polled_at = 0;
	return r;
}

/* Makes ready what the fds have; does not wait. */
static int look(struct coro_loop *loop)
{
	int r = loop->poller->wait(loop->poller, 0);
	loop->polled_position = loop->ready.tail;
	loop->polled_at = 0;
	return r;
}

/*
 * Whether it is time to look at the fds though there is enough to do. Counted from the end of what
 * the last look has found; virtual time is not to depend on the real one, and counts switches only.
 */
static bool poll_due(struct coro_loop *loop)
{
	ptrdiff_t switches = (ptrdiff_t)(loop->ready.head - loop->polled_position);
	if (loop->watching == 0 || switches < 0)
		return false;
	if (switches >= POLL_SWITCHES || loop->stopping)
		return true;
	if (loop->virtual_clock)
		return false;
	int64_t now = coro_clock();
	if (loop->polled_at == 0)
		loop->polled_at = now;
	return now - loop->polled_at >= POLL_NSEC;
}

/*
 * Nothing is ready: lets time pass until the next timer is due, or something comes from outside.
 * -EDEADLK if neither can be. Virtual time jumps to the timer, but not while somebody outside is at
 * work, whose time is the real one, nor past what the fds have.
 */
static int wait_for_something(struct coro_loop *loop)
{
	bool timer = !heap_empty(&loop->timers), held = inbox_held(&loop->inbox);
	if (!has_anything(loop))
		return -EDEADLK;
	int64_t when = timer ? heap_first_key(&loop->timers) : CORO_FOREVER;
	if (!loop->virtual_clock)
		return wait_for_inbox_or_fds(loop, when);
	if (!timer || held)
		return wait_for_inbox_or_fds(loop, CORO_FOREVER);
	int r = loop->watching > 0 ? look(loop) : 0;
	if (ring_empty(&loop->ready) && when > loop->now)
		loop->now = when;
	return r;
}

/* The same for a host, which does the waiting. What the fd tells of is taken up, wanted or not. */
static int poll_embedded(struct coro_loop *loop)
{
	int r = loop->poller ? look(loop) : 0;
	bool idle = ring_empty(&loop->ready) && inbox_empty(&loop->inbox) && !loop->stopping;
	if (idle && loop->virtual_clock && !heap_empty(&loop->timers) &&
	    !inbox_held(&loop->inbox) && heap_first_key(&loop->timers) > loop->now)
		loop->now = heap_first_key(&loop->timers);
	return r;
}

int64_t loop_due(const struct coro_loop *loop)
{
	if (!ring_empty(&loop->ready) || !inbox_empty(&loop->inbox) || loop->stopping)
		return 0;
	if (heap_empty(&loop->timers))
		return CORO_FOREVER;
	int64_t when = heap_first_key(&loop->timers);
	if (!loop->virtual_clock)
		return when > 0 ? when : 0;
	return when > loop->now && inbox_held(&loop->inbox) ? CORO_FOREVER : 0;
}

bool loop_has_more(const struct coro_loop *loop)
{
	return loop_due(loop) < CORO_FOREVER || has_anything(loop);
}

/* -- turns */

static void set_ready(struct coro_loop *loop, size_t position, void *entry)
{
	*ring_at(&loop->ready, position) = entry;
	if (!ready_is_task(entry) && entry != READY_NOTHING)
		ready_to_call(entry)->position = position;
}

/* Fisher and Yates, over this turn's part of the ring. */
static void shuffle(struct coro_loop *loop)
{
	struct ring *ready = &loop->ready;
	for (size_t left = loop->turn_end - ready->head; left > 1; left--) {
		size_t last = ready->head + left - 1,
		       other = ready->head + random_next(&loop->random) % left;
		void *entry = *ring_at(ready, last);
		set_ready(loop, last, *ring_at(ready, other));
		set_ready(loop, other, entry);
	}
}

/* Goes to a task that is ready; returns when the turn comes to a call or its end. */
static void run_tasks(struct coro_loop *loop)
{
	loop_dispatch(loop, loop->runner, &loop->runner_context);
}

static inline void *next_is_runner(struct coro_loop *loop)
{
	loop->running = NULL;
	thread_current->self = loop->runner;
	return loop->runner_context;
}

static inline void *next_is_task(struct coro_loop *loop, struct task *task)
{
	loop->ready.head++;
	loop->running = task;
	thread_current->self = task->coro.at;
	return task->coro.context;
}

/* One that ends here without running has left its place empty: the runner passes it over. */
static __attribute__((noinline)) void *next_is_new(struct coro_loop *loop, struct task *task)
{
	return task_start(task, loop->thread) ? next_is_task(loop, task) : next_is_runner(loop);
}

void *loop_next(struct coro_loop *loop, int *result)
{
	struct ring *ready = &loop->ready;
	*result = 0;
	if (ready->head == loop->turn_end) {
		if (!__atomic_load_n(&loop->plain, __ATOMIC_RELAXED) || ring_empty(ready))
			return next_is_runner(loop);
		loop->turn_end = ready->tail;
	}
	struct task *task = *ring_at(ready, ready->head);
	if (unlikely(!ready_is_task(task)))
		return next_is_runner(loop);
	if (task->coro.state == STATE_CREATED)
		return next_is_new(loop, task);
	*result = task->coro.wake;
	return next_is_task(loop, task);
}

int loop_dispatch_slow(struct coro_loop *loop, struct coro *self, void **save)
{
	int result;
	void *context = loop_next(loop, &result);
	if (thread_current->self == self)
		return result;
	return coroutine_switch(self, save, thread_current->self, context, result);
}

int loop_dispatch_new(struct coro_loop *loop, struct coro *self, void **save, struct task *task)
{
	if (unlikely(!task_start(task, loop->thread)))
		return loop_dispatch_slow(loop, self, save);
	void *context = next_is_task(loop, task);
	return coroutine_switch(self, save, &task->coro, context, 0);
}

void turn_run_piece(struct coro_loop *loop)
{
	struct ring *ready = &loop->ready;
	while (ready->head != loop->turn_end) {
		void *entry = *ring_at(ready, ready->head);
		if (ready_is_task(entry)) {
			run_tasks(loop);
			continue;
		}
		ready->head++;
		if (entry != READY_NOTHING) {
			struct call *call = ready_to_call(entry);
			call->position = CALL_IDLE;
			call->run(call);
		}
	}
}

static void make_urgent_call(struct coro_loop *loop)
{
	struct call *call = loop->urgent;
	loop->urgent = NULL;
	call->run(call);
}

/* Goes on with the rest of a turn that was cut; false if there is none. */
static bool run_on(struct coro_loop *loop)
{
	if (!loop->cut)
		return false;
	loop->cut = false;
	loop->turn_end = loop->uncut_end;
	return true;
}

/*
 * Runs what is ready now, and nothing that becomes ready meanwhile. Where fds are watched it does
 * so by pieces, and looks at them in between: what they have joins the next turn.
 */
static int run_ready(struct coro_loop *loop)
{
	int r = 0;
	loop->turn_end = loop->ready.tail;
	loop->cut = false;
	if (loop->random)
		shuffle(loop);
	do {
		if (loop->watching > 0)
			loop_cut(loop, LOOP_STRETCH);
		if (unlikely(loop->debug))
			loop->step(loop);
		else
			turn_run_piece(loop);
		if (unlikely(!loop_is_own(loop)))
			break; /* a child made by fork ends all */
		if (unlikely(loop->urgent != NULL))
			make_urgent_call(loop);
		if (loop->cut && poll_due(loop))
			r = look(loop);
	} while (r == 0 && unlikely(run_on(loop)));
	return r;
}

int turn_run(struct coro_loop *loop, bool embedded)
{
	int r = 0;
	if (embedded)
		r = poll_embedded(loop);
	else if (ring_empty(&loop->ready) && !loop->stopping && inbox_empty(&loop->inbox))
		r = wait_for_something(loop);
	else if (poll_due(loop))
		r = look(loop);
	if (r < 0)
		return r;
	if (!heap_empty(&loop->timers))
		timers_expire(loop, loop_time(loop));
	/* Before the look into the inbox: what comes too late for that takes `plain` away again. */
	bool plain = heap_empty(&loop->timers) && loop->watching == 0 && !loop->stopping &&
		     !loop->random && !loop->debug && !embedded;
	__atomic_store_n(&loop->plain, plain, __ATOMIC_SEQ_CST);
	inbox_run(&loop->inbox);
	return run_ready(loop);
}
