/* SPDX-License-Identifier: MIT */
/*
 * The loop from inside, and how a task that parks finds whom to switch to.
 *
 *   ready:  [ run already | this turn ....... | next turn ...... ]
 *                         head                turn_end           tail
 *
 * A task that parks or ends goes straight on to the next ready task of this turn. The runner, the
 * coroutine that called run, gets control where the turn comes to a call, or to its end. To give it
 * control before that, the turn is cut: turn_end is then the end of a piece, and the runner goes on
 * with the rest.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/heap.h"
#include "base/ring.h"
#include "base/slab.h"
#include "core/fail.h"
#include "core/thread.h"
#include "coro/loop.h"
#include "loop/embed.h"
#include "loop/extension.h"
#include "loop/poller.h"
#include "sched/fork.h"
#include "sched/inbox.h"
#include "task/task.h"

struct coro_loop {
	struct ring ready; /* tasks, and calls with bit 0 set */
	/*
	 * The position in ready where the runner takes over: the end of the turn, or of a piece.
	 */
	size_t turn_end;
	/*
	 * No timer, no fd watched, no request to stop, no shuffling, no piece of a turn, no call
	 * from outside: a turn may follow another without the runner. Atomic: other threads take it
	 * away.
	 */
	bool plain;
	bool cut;           /* turn_end is that of a piece, and uncut_end the turn's own */
	uint8_t task_flags; /* of every new task */
	/*
	 * Called when something becomes ready or due, perhaps sooner than was known; NULL: nobody
	 * wants to know. For a loop that does not run, and is embedded in another.
	 */
	void (*notice)(struct coro_loop *loop);
	/*
	 * Gives a new task its stack where that is not the common case. False: the task has ended
	 * instead, and its place in ready is empty.
	 */
	bool (*start)(struct task *task);
	/* Debug mode: runs the next entry of this turn. */
	void (*step)(struct coro_loop *loop);
	struct call *urgent; /* the runner makes this call before all else; NULL for none */
	struct task *running;
	struct coro *runner;  /* NULL while the loop does not run */
	bool ran_before;      /* the runner could not do what a callback cannot before, either */
	void *runner_context; /* where it stands, while a task runs */
	size_t uncut_end;
	struct heap timers;

	struct thread *thread; /* whose it is */
	struct slab tasks_slab, futures_slab, handles_slab;
	struct list tasks; /* that are not done */
	struct list
		servants; /* the same of the library's own, which nobody else knows: task_hide */
	struct list asyncgens; /* generators that have waited in them and not ended: see open.h */
	struct list closing_asyncgens; /* of these, those being closed by the loop */
	size_t stack_size;
	uint32_t spawned;
	unsigned refs; /* one the owner's, one each future's and handle's, and those asked for */
	bool stopping;
	bool virtual_clock;
	bool takes_sigterm; /* of coro_run: SIGTERM cancels the main task */
	bool discarding;    /* its tasks are being discarded */
	bool closed;        /* or being closed */
	bool debug;
	bool reports; /* those that no handler of the program's gets go to stderr */
	int64_t slow; /* debug mode: a step that takes as long is reported */

	/* Reports a future with its failure to the handler. NULL: nobody would hear. */
	void (*report)(struct coro_future *future, const char *message);
	coro_exception_handler *handler; /* NULL: the default */
	void *handler_arg;
	struct list generator_groups; /* debug mode: made by generators, and not ended */
	struct list scopes;           /* debug mode: timeouts that have not ended, see timeout.c */
	struct list resources;        /* debug mode: what is to be given back, see loan.h */
	struct list failed;           /* futures that have failed and are held */
	struct list failing;          /* the same, of the turn that ends at failing_end */
	size_t failing_end;
	struct list orphans; /* groups that end by themselves: see group.c */
	struct list unheard; /* failed futures whose last reference went, to be reported */
	struct call report_unheard;
	int64_t now;      /* of the virtual clock */
	uint64_t random;  /* state of the shuffle; 0: no shuffling */
	uint64_t choices; /* state of what is chosen among equals; told by the seed, never 0 */

	size_t budget_at; /* position in ready when the budget was renewed last */

	struct inbox inbox;  /* of calls from other threads */
	unsigned listening;  /* for signals: there is hope, but time does not wait for them */
	unsigned fork_count; /* when it was made */
	void (*free)(struct coro_loop *loop); /* the last of refs is gone */
	unsigned keepers; /* of its memory: one for all refs, one for each hold. Atomic */
	struct extension *extensions[EXTENSION_COUNT];
	struct list remotes; /* whose tasks are not done: see remote.c */
	struct embed embed;

	struct poller *poller;  /* NULL before the first fd */
	unsigned poller_kind;   /* enum coro_poller: the one asked for */
	unsigned watching;      /* tasks and callbacks that wait for an fd */
	size_t polled_position; /* position in ready: the end of what the last look has found */
	int64_t polled_at;      /* when that was run, by coro_clock; 0: it is not known yet */
};

/* Between two looks at the fds: so many switches or so much time, whichever comes first. */
enum { POLL_SWITCHES = 256, POLL_NSEC = 50000 };

/* Switches between two looks at the clock. */
enum { LOOP_STRETCH = 32 };

/* task_running, for files of this ring. */
static inline struct task *running_task(void)
{
	struct coro_loop *loop = thread_current->loop;
	return loop ? loop->running : NULL;
}

/* A place of ready whose call was disarmed. */
#define READY_NOTHING ((void *)1)

static inline void *ready_call(struct call *call)
{
	return (char *)call + 1;
}

/* The call of an entry that is not a task, nor READY_NOTHING. */
static inline struct call *ready_to_call(void *entry)
{
	return (struct call *)(void *)((char *)entry - 1);
}

static inline bool ready_is_task(const void *entry)
{
	return !((uintptr_t)entry & 1);
}

/*
 * Room for what so many tasks and calls can have in the ring and the heap at once. A task can be
 * ready while the timer that it slept by is still in the ring, as a place left empty; and so can a
 * call that was taken back and made again.
 */
enum { PLACES_EACH = 2 };

static inline void loop_release(struct coro_loop *loop, size_t tasks, size_t calls)
{
	ring_release(&loop->ready, PLACES_EACH * (tasks + calls));
	heap_release(&loop->timers, tasks + calls);
}

/* 0 or -ENOMEM. */
static inline int loop_reserve(struct coro_loop *loop, size_t tasks, size_t calls)
{
	int r = ring_reserve(&loop->ready, PLACES_EACH * (tasks + calls));
	if (r < 0)
		return fail_code(r);
	r = heap_reserve(&loop->timers, tasks + calls);
	if (r == 0)
		return 0;
	ring_release(&loop->ready, PLACES_EACH * (tasks + calls));
	return fail_code(r);
}

/* Whether a task's room is to be had without growing. */
static inline bool loop_has_room(const struct coro_loop *loop)
{
	const struct ring *ready = &loop->ready;
	return ready->reserved + (ready->tail - ready->head) + PLACES_EACH <= ready->mask + 1 &&
	       loop->timers.reserved < loop->timers.capacity;
}

/* loop_reserve of one task then. */
static inline void loop_reserve_in_room(struct coro_loop *loop)
{
	loop->ready.reserved += PLACES_EACH;
	loop->timers.reserved++;
}

static inline void loop_unref(struct coro_loop *loop)
{
	if (unlikely(--loop->refs == 0))
		loop->free(loop);
}

/* A turn may not follow another any more without the runner having had a look. */
static inline void loop_interrupt(struct coro_loop *loop)
{
	__atomic_store_n(&loop->plain, false, __ATOMIC_RELAXED);
}

/*
 * Gives the runner control after so many entries more of this turn, which it then goes on with. 0
 * where a step has something for the runner to do before any other.
 */
static inline void loop_cut(struct coro_loop *loop, size_t entries)
{
	loop_interrupt(loop);
	if (loop->turn_end - loop->ready.head <= entries)
		return;
	if (!loop->cut)
		loop->uncut_end = loop->turn_end;
	loop->cut = true;
	loop->turn_end = loop->ready.head + entries;
}

/* Has the runner make this call before anything else runs. It is the only one until it is made. */
static inline void loop_call_first(struct coro_loop *loop, struct call *call)
{
	loop->urgent = call;
	loop_cut(loop, 0);
}

/*
 * Counts a call of a kind that a task could make for ever without waiting. True if loop_renew_budget
 * is to be called first.
 */
static inline bool loop_use_budget(struct thread *thread)
{
	return --thread->budget < 0;
}

/*
 * Renews the budget; a task that was not switched away from since the last time gives way: 0, or
 * -ECANCELED.
 */
int loop_renew_budget(struct thread *thread);

/* Something has become ready or due, perhaps outside of all turns. */
static inline void loop_stirred(struct coro_loop *loop)
{
	if (unlikely(loop->notice != NULL))
		loop->notice(loop);
}

/* coro_run_until_complete, but nobody asks for the result: 0 when the future is done. */
int loop_run_until(struct coro_loop *loop, struct coro_future *future);

/*
 * When there will be something to do that does not come from outside, by coro_clock: 0 for at once,
 * CORO_FOREVER.
 */
int64_t loop_due(const struct coro_loop *loop);

/* Whether there is anything to do, or to wait for. */
bool loop_has_more(const struct coro_loop *loop);

/* A task or callback waits for an fd: to be looked for even where there is always something to run. */
static inline void loop_watch_begin(struct coro_loop *loop)
{
	if (loop->watching++ == 0)
		loop_cut(loop, LOOP_STRETCH);
}

static inline void loop_watch_end(struct coro_loop *loop)
{
	loop->watching--;
}

/*
 * A thread that will call the loop: a hold keeps the loop running while there is nothing else to
 * wait for, and its memory. The thread gives the memory back when it has made its last call; the
 * rest before, which wakes the loop, or the loop itself when it has got that call.
 */
void loop_hold(struct coro_loop *loop);
void loop_unhold(struct coro_loop *loop);
void loop_let_go(struct coro_loop *loop);

/* The memory alone, once more. */
static inline void loop_keep(struct coro_loop *loop)
{
	__atomic_add_fetch(&loop->keepers, 1, __ATOMIC_RELAXED);
}

/* Tells those who wait for tasks of the loop from outside that it is closed. */
void remotes_close(struct coro_loop *loop);

/* From any thread that holds the loop: 0; -EPIPE once it is closed, -EOWNERDEAD after a fork. */
int loop_post(struct coro_loop *loop, struct message *message);

/* The caller fails with what came of loop_post, which has no message, being for signal handlers too. */
int fail_post(int error);

/* A future of the loop, pending, with one reference: the caller's. */
static inline void future_init(struct coro_future *future, struct coro_loop *loop)
{
	*future = (struct coro_future){.loop = loop, .refs = 1};
	list_init(&future->waiters);
	loop->refs++;
}

/* Called with each new loop, by its thread; NULL, unless lib/debug is there. */
extern void (*loop_made)(struct coro_loop *loop);

/*
 * Whether the loop belongs to this process, and is no copy made by a fork. fork_is_own also finds a fork
 * that no handler was told of: it is called before what is shared with the parent is touched.
 */
static inline bool loop_is_own(const struct coro_loop *loop)
{
	return loop->fork_count == fork_count;
}

/* 0 if the caller may use the loop, else -EINVAL, -EOWNERDEAD, -EPERM, -EPIPE. */
int loop_check(const struct coro_loop *loop);

/*
 * Whether a loop runs in the loop's thread: this one, or another. Deferred calls of a task that is
 * discarded see no loop running; but the one whose task does that must not be run by them.
 */
static inline bool loop_busy(const struct coro_loop *loop)
{
	return loop->runner || loop->thread->loop;
}

int64_t loop_time(const struct coro_loop *loop);

/*
 * Begins a fetch of what will be switched to soon: its task, then, told by that, the top of its
 * stack. Where few are ready, they are near already.
 */
static inline __attribute__((always_inline)) void loop_prefetch(const struct ring *ready)
{
	enum { TASK = 16, STACK = 8, LINE = 64 };
	if (ready->tail - ready->head <= TASK)
		return;
	__builtin_prefetch(*ring_at(ready, ready->head + TASK));
	const struct task *sooner = *ring_at(ready, ready->head + STACK);
	if (ready_is_task(sooner)) {
		__builtin_prefetch(sooner->coro.context);
		__builtin_prefetch((void *)((uintptr_t)sooner->coro.context + LINE));
	}
}

/*
 * Readies a task that has not started to be switched to; false if it has ended instead, without
 * running.
 */
static inline bool task_start(struct task *task, struct thread *thread)
{
	struct coro *co = &task->coro;
	if (unlikely(co->flags & FLAG_MUST_CANCEL || co->locals || !coroutine_has_warm(co, thread)))
		return task->future.loop->start(task);
	coroutine_prepare_warm(co, thread);
	task_begin(task);
	return true;
}

/*
 * Sets thread->self to who runs next: the next ready task, or the runner. Returns where that
 * stands, and what its parking call is to return.
 */
void *loop_next(struct coro_loop *loop, int *result);

/* The slow half of loop_dispatch. */
int loop_dispatch_slow(struct coro_loop *loop, struct coro *self, void **save);

/* loop_dispatch to the next task, which has not started. */
int loop_dispatch_new(struct coro_loop *loop, struct coro *self, void **save, struct task *task);

/*
 * Leaves the running coroutine, saved in *save, for whoever is next; returns what it is woken with.
 * Here only the common case is written out, the next task of this turn, so that it needs no frame.
 */
static inline __attribute__((always_inline)) int loop_dispatch(struct coro_loop *loop,
							       struct coro *self, void **save)
{
	struct ring *ready = &loop->ready;
	if (unlikely(ready->head == loop->turn_end)) {
		if (!__atomic_load_n(&loop->plain, __ATOMIC_RELAXED) || ring_empty(ready))
			return loop_dispatch_slow(loop, self, save);
		loop->turn_end = ready->tail;
	}
	struct task *task = *ring_at(ready, ready->head);
	if (unlikely(!ready_is_task(task)))
		return loop_dispatch_slow(loop, self, save);
	if (unlikely(task->coro.state == STATE_CREATED))
		return loop_dispatch_new(loop, self, save, task);
	ready->head++;
	loop_prefetch(ready);
	loop->running = task;
	thread_current->self = task->coro.at;
	if (unlikely(&task->coro.context == save))
		return task->coro.wake; /* it is next itself */
	return coroutine_switch(self, save, task->coro.at, task->coro.context, task->coro.wake);
}

/* What a task that parks is no longer. */
enum { UNTIL_PARKED = FLAG_HAS_RESULT | FLAG_GIVEN | FLAG_STARTS };

enum { PARKS_SLOWLY = FLAG_MUST_CANCEL | CORO_SAVE_EXCEPTIONS | UNTIL_PARKED };

/* A cancellation is due, or exception state is to be kept: what the fast way leaves out. */
int park_slow(struct coro_loop *loop, struct task *task, struct coro *self);

/* A generator waits. */
int park_generator(struct coro_loop *loop, struct task *task, struct coro *self);

/* park, of a task that has not been woken since it was switched to. */
static inline __attribute__((always_inline)) int park_in(struct coro_loop *loop, struct task *task,
							 struct coro *self)
{
	task->coro.at = self;
	if (unlikely(self != &task->coro))
		return park_generator(loop, task, self);
	if (unlikely(task->coro.flags & PARKS_SLOWLY))
		return park_slow(loop, task, self);
	return loop_dispatch(loop, self, &task->coro.context);
}

/* The running task goes behind all that is ready: 0, or -ECANCELED. To be called last. */
static inline __attribute__((always_inline)) int yield_in(struct coro_loop *loop, struct task *task,
							  struct coro *self)
{
	task->coro.wake = 0;
	ring_push(&loop->ready, task);
	return park_in(loop, task, self);
}

/* park, for files of this ring. */
static inline __attribute__((always_inline)) int park_anew(struct coro_loop *loop,
							   struct task *task)
{
	task->coro.flags &= (uint16_t)~UNTIL_PARKED;
	return park_in(loop, task, thread_current->self);
}

#endif
