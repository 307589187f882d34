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
#include "core/thread.h"
#include "coro/report.h"
#include "loop/task.h"

struct coro_loop {
	struct ring ready; /* tasks, and calls with bit 0 set */
	size_t turn_end;   /* position in ready */
	/*
	 * No timer, no request to stop, no shuffling, no piece of a turn: a turn may follow another
	 * without the runner.
	 */
	bool plain;
	bool cut;   /* turn_end is that of a piece, and uncut_end the turn's own */
	bool eager; /* a new task runs at once */
	struct task *running;
	struct coro *runner;  /* NULL while the loop does not run */
	void *runner_context; /* where it stands, while a task runs */
	size_t uncut_end;
	struct heap timers;

	struct thread *thread; /* whose it is */
	struct slab tasks_slab, futures_slab, handles_slab;
	struct list tasks;   /* that are not done */
	struct list open;    /* generators that have waited in them and not ended: see open.h */
	struct list leaving; /* of these, those being closed by the loop */
	size_t stack_size;
	uint32_t spawned;
	unsigned refs; /* one the owner's, one each future's and handle's, and those asked for */
	bool stopping;
	bool virtual_clock;
	bool abandoning; /* its tasks are being thrown away */
	bool closed;     /* or being closed */
	bool debug;
	int64_t slow; /* debug mode: a step that takes as long is told of */

	coro_exception_handler *handler; /* NULL: the default */
	void *handler_arg;
	struct list unheard; /* failed futures whose last reference went, to be reported */
	int64_t now;         /* of the virtual clock */
	uint64_t random;     /* state of the shuffle; 0: no shuffling */
	uint64_t choices;    /* state of what is chosen among equals; told by the seed, never 0 */
};

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
		return r;
	r = heap_reserve(&loop->timers, tasks + calls);
	if (r < 0)
		ring_release(&loop->ready, PLACES_EACH * (tasks + calls));
	return r;
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

void loop_free(struct coro_loop *loop);

static inline void loop_unref(struct coro_loop *loop)
{
	if (unlikely(--loop->refs == 0))
		loop_free(loop);
}

/* A future of the loop, pending, with one reference: the caller's. */
static inline void future_init(struct coro_future *future, struct coro_loop *loop)
{
	*future = (struct coro_future){.loop = loop, .refs = 1};
	list_init(&future->waiters);
	loop->refs++;
}

/* 0 if the caller may use the loop, else -EINVAL, -EPERM, -EPIPE. */
int loop_check(const struct coro_loop *loop);

/*
 * Whether a loop runs in the loop's thread: this one, or another. Deferred calls of a task that is
 * thrown away see no loop running; but the one whose task does that must not be run by them.
 */
static inline bool loop_busy(const struct coro_loop *loop)
{
	return loop->runner || loop->thread->loop;
}

/*
 * Gives the runner control after so many entries more of this turn, which it then goes on with. 0
 * where a step has something for the runner to do before any other.
 */
static inline void loop_cut(struct coro_loop *loop, size_t entries)
{
	loop->plain = false;
	if (loop->turn_end - loop->ready.head <= entries)
		return;
	if (!loop->cut)
		loop->uncut_end = loop->turn_end;
	loop->cut = true;
	loop->turn_end = loop->ready.head + entries;
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
		if (!loop->plain || ring_empty(ready))
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
	return coro_switch(self, save, task->coro.at, task->coro.context, task->coro.wake);
}

/* What a task that parks is no longer. */
enum { UNTIL_PARKED = CORO_HAS_RESULT | CORO_GIVEN | CORO_STARTS };

enum { PARKS_SLOWLY = CORO_MUST_CANCEL | CORO_SAVE_EXCEPTIONS | UNTIL_PARKED };

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

/* park, for files of this ring. */
static inline __attribute__((always_inline)) int park_anew(struct coro_loop *loop,
							   struct task *task)
{
	task->coro.flags &= (uint16_t)~UNTIL_PARKED;
	return park_in(loop, task, thread_current->self);
}

#endif
