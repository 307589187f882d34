/* SPDX-License-Identifier: MIT */
#include "sched/turn.h"

#include "base/random.h"
#include "sched/park.h"
#include "sched/poller.h"

/*
 * While there is enough to run, fds are polled after so many switches or so much time, whichever
 * comes first.
 */
enum { POLL_SWITCHES = 256, POLL_NSEC = 50000 };

/* -- waiting */

/* Whether anything may still come when nothing is ready. */
static bool has_anything(const struct sched *sched)
{
	return !heap_empty(&sched->timers) || inbox_held(&sched->inbox) || sched->watching > 0 ||
	       sched->listening > 0;
}

/* Whether there is nothing to run until a timer is due or an fd is ready. */
static bool is_idle(const struct sched *sched)
{
	return ring_empty(&sched->ready) && inbox_empty(&sched->inbox) && !sched->stopping;
}

/* The loop begins to poll, or to wait for messages. */
static void poll_begin(struct sched *sched)
{
	sched->polls++;
	probe(poll, ring_count(&sched->ready), sched);
	if (unlikely(sched->trace != NULL))
		sched->trace->poll(sched, false);
}

static int poll_end(struct sched *sched, int r)
{
	probe(polled, ring_count(&sched->ready), sched);
	if (unlikely(sched->trace != NULL))
		sched->trace->poll(sched, true);
	return r;
}

static int poll_fds(struct sched *sched, int64_t when)
{
	int r = sched->poller->wait(sched->poller, when);
	sched->polled_position = sched->ready.tail;
	sched->polled_at = 0;
	return r;
}

/*
 * Waits for messages and fds, until that time of coro_clock at the latest; if the loop was held, until
 * it is no longer.
 */
static int wait_for_inbox_or_fds(struct sched *sched, int64_t when, bool held)
{
	poll_begin(sched);
	if (!sched->poller)
		return poll_end(sched, inbox_sleep(&sched->inbox, when, held));
	when = inbox_asleep(&sched->inbox, when, held);
	int r = poll_fds(sched, when);
	inbox_awake(&sched->inbox);
	return poll_end(sched, r);
}

/* Polls the fds, without waiting. */
static int poll_now(struct sched *sched)
{
	poll_begin(sched);
	return poll_end(sched, poll_fds(sched, 0));
}

/*
 * Whether it is time to poll the fds though there is enough to run. It counts from the end of what
 * the last poll made ready. Virtual time must not depend on real time: then only switches count.
 */
static bool poll_due(struct sched *sched)
{
	ptrdiff_t switches = (ptrdiff_t)(sched->ready.head - sched->polled_position);
	if (sched->watching == 0 || switches < 0)
		return false;
	if (switches >= POLL_SWITCHES || sched->stopping)
		return true;
	if (sched->virtual_clock)
		return false;
	int64_t now = coro_clock();
	if (sched->polled_at == 0)
		sched->polled_at = now;
	return now - sched->polled_at >= POLL_NSEC;
}

/*
 * Nothing is ready: waits for the next timer, a message or an fd. Returns -EDEADLK if none of them
 * can come. Virtual time jumps to the timer, but not while the loop is held, since threads take
 * real time, nor past what the fds have.
 *
 * A thread sends its message before it ends its hold. So the inbox is looked into last, after the
 * loop was seen without holds: what came before that is found.
 */
static int wait_for_something(struct sched *sched)
{
	bool timer = !heap_empty(&sched->timers), held = inbox_held(&sched->inbox);
	if (!has_anything(sched))
		return inbox_empty(&sched->inbox) ? -EDEADLK : 0;
	int64_t when = timer ? heap_first_key(&sched->timers) : CORO_FOREVER;
	if (!sched->virtual_clock)
		return wait_for_inbox_or_fds(sched, when, held);
	if (!timer || held)
		return wait_for_inbox_or_fds(sched, CORO_FOREVER, held);
	int r = sched->watching > 0 ? poll_now(sched) : 0;
	if (is_idle(sched) && when > sched->now)
		sched->now = when;
	return r;
}

/*
 * The same for an embedded loop, for which another waits. The poller takes up what its fd tells,
 * even if nobody waits for it.
 */
static int poll_embedded(struct sched *sched)
{
	int r = sched->poller ? poll_now(sched) : 0;
	bool held = inbox_held(&sched->inbox);
	if (is_idle(sched) && !held && sched->virtual_clock && !heap_empty(&sched->timers) &&
	    heap_first_key(&sched->timers) > sched->now)
		sched->now = heap_first_key(&sched->timers);
	return r;
}

int64_t sched_due(const struct sched *sched)
{
	bool held = inbox_held(&sched->inbox);
	if (!is_idle(sched))
		return 0;
	if (heap_empty(&sched->timers))
		return CORO_FOREVER;
	int64_t when = heap_first_key(&sched->timers);
	if (!sched->virtual_clock)
		return when > 0 ? when : 0;
	return when > sched->now && held ? CORO_FOREVER : 0;
}

bool sched_has_more(const struct sched *sched)
{
	return has_anything(sched) || !is_idle(sched);
}

/* -- turns */

static void set_ready(struct sched *sched, size_t position, void *entry)
{
	*ring_at(&sched->ready, position) = entry;
	if (!ready_is_task(entry) && entry != READY_NOTHING)
		ready_to_call(entry)->position = position;
}

/* Shuffles this turn, as Fisher and Yates did. */
static void shuffle(struct sched *sched)
{
	struct ring *ready = &sched->ready;
	for (size_t left = sched->turn_end - ready->head; left > 1; left--) {
		size_t last = ready->head + left - 1,
		       other = ready->head + random_next(&sched->random) % left;
		void *entry = *ring_at(ready, last);
		set_ready(sched, last, *ring_at(ready, other));
		set_ready(sched, other, entry);
		if (unlikely(sched->trace != NULL))
			sched->trace->swap(sched, last, other);
	}
}

/* Switches to a ready task. Returns when the turn comes to a call or to its end. */
static void run_tasks(struct sched *sched)
{
	sched_dispatch(sched, sched->runner, &sched->runner_context);
}

static inline void *next_is_runner(struct sched *sched)
{
	sched->running = NULL;
	thread_current->self = sched->runner;
	probe(switch, 0, sched);
	return sched->runner_context;
}

static inline void *next_is_task(struct sched *sched, struct task *task)
{
	sched->ready.head++;
	sched->running = task;
	thread_current->self = task->coro.at;
	probe(switch, task->number, task);
	return task->coro.context;
}

/*
 * Prepares a task that has not started to be switched to. Returns false if it has ended without
 * running.
 */
static inline __attribute__((always_inline)) bool task_start(struct task *task,
							     struct thread *thread)
{
	struct coro *co = &task->coro;
	if (unlikely(co->flags & FLAG_MUST_CANCEL || co->locals || !coroutine_has_warm(co, thread)))
		return task->sched->start(task);
	coroutine_prepare_warm(co, thread);
	task_begin(task);
	return true;
}

/* A task that ends without running has left an empty place, which the runner passes over. */
static __attribute__((noinline)) void *next_is_new(struct sched *sched, struct task *task)
{
	return task_start(task, sched->thread) ? next_is_task(sched, task) : next_is_runner(sched);
}

void *sched_next(struct sched *sched, int *result)
{
	struct ring *ready = &sched->ready;
	*result = 0;
	if (ready->head == sched->turn_end) {
		if (!__atomic_load_n(&sched->plain, __ATOMIC_RELAXED) || ring_empty(ready))
			return next_is_runner(sched);
		sched->turn_end = ready->tail;
	}
	struct task *task = *ring_at(ready, ready->head);
	if (unlikely(!ready_is_task(task)))
		return next_is_runner(sched);
	if (task->coro.state == STATE_CREATED)
		return next_is_new(sched, task);
	*result = task->coro.wake;
	return next_is_task(sched, task);
}

int sched_dispatch_slow(struct sched *sched, struct coro *self, void **save)
{
	int result;
	void *context = sched_next(sched, &result);
	if (thread_current->self == self)
		return result;
	return coroutine_switch(self, save, thread_current->self, context, result);
}

int sched_dispatch_new(struct sched *sched, struct coro *self, void **save, struct task *task)
{
	if (unlikely(!task_start(task, sched->thread)))
		return sched_dispatch_slow(sched, self, save);
	void *context = next_is_task(sched, task);
	return coroutine_switch(self, save, &task->coro, context, 0);
}

void turn_run_piece(struct sched *sched)
{
	struct ring *ready = &sched->ready;
	while (ready->head != sched->turn_end) {
		void *entry = *ring_at(ready, ready->head);
		if (ready_is_task(entry)) {
			run_tasks(sched);
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

static void make_urgent_call(struct sched *sched)
{
	struct call *call = sched->urgent;
	sched->urgent = NULL;
	call->run(call);
}

/* Goes on with the rest of a turn that was cut. Returns false if there is none. */
static bool run_on(struct sched *sched)
{
	if (!sched->cut)
		return false;
	sched->cut = false;
	sched->turn_end = sched->uncut_end;
	return true;
}

/*
 * Runs what is ready now, and nothing that becomes ready meanwhile. If fds are watched, it runs
 * pieces of the turn and polls in between. What that makes ready joins the next turn.
 */
static int run_ready(struct sched *sched)
{
	int r = 0;
	sched->turn_end = sched->ready.tail;
	sched->cut = false;
	if (sched->random)
		shuffle(sched);
	do {
		if (sched->watching > 0)
			sched_cut(sched, LOOP_STRETCH);
		if (unlikely(sched->step != NULL))
			sched->step(sched);
		else
			turn_run_piece(sched);
		if (unlikely(!sched_is_own(sched)))
			break; /* a child made by fork ends the run */
		if (unlikely(sched->urgent != NULL))
			make_urgent_call(sched);
		if (sched->cut && poll_due(sched))
			r = poll_now(sched);
	} while (r == 0 && unlikely(run_on(sched)));
	return r;
}

int turn_run(struct sched *sched, bool embedded)
{
	int r = 0;
	if (embedded)
		r = poll_embedded(sched);
	else if (is_idle(sched))
		r = wait_for_something(sched);
	else if (poll_due(sched))
		r = poll_now(sched);
	if (r < 0)
		return r;
	if (!heap_empty(&sched->timers))
		timers_expire(sched, sched_time(sched));
	/*
	 * `plain` is set before the inbox is emptied: whoever sends a message later clears it
	 * again.
	 */
	bool plain = heap_empty(&sched->timers) && sched->watching == 0 && !sched->stopping &&
		     !sched->random && !sched->max_turns && !sched->step && !embedded;
	__atomic_store_n(&sched->plain, plain, __ATOMIC_SEQ_CST);
	inbox_run(&sched->inbox);
	return run_ready(sched);
}
