/* SPDX-License-Identifier: MIT */
/*
 * Park and wake: the one way in which a task waits, under futures, timers, locks and all else.
 *
 * What a task waits with lies in the header of its stack, so that waiting allocates nothing, and so
 * that the call that waits can end in the switch, with no frame of its own to keep.
 */
#ifndef SCHED_PARK_H
#define SCHED_PARK_H

#include "base/list.h"
#include "sched/turn.h"

/*
 * A latch: a future on the waiting task's stack: locks, queues and the like keep these in their lists. It
 * stays in the list until the task that waits takes it off, after it was set or cancelled, as
 * asyncio's do.
 */
struct waiter {
	struct list link;
	struct task *task;
	enum { WAITER_PENDING, WAITER_WOKEN, WAITER_CANCELLED } state;
};

struct wait;

/* A kind of wait, a constant for each thing that tasks wait in. */
struct wait_kind {
	/* Takes the wait off what it is linked to, before the task is woken by others. */
	void (*leave)(struct wait *wait);
	/*
	 * Cancels what the task waits for in the task's place: the request came before the wait
	 * began. NULL: the wait itself ends, by wait_cancel.
	 */
	void (*cancel)(struct wait *wait, struct failure *message);
	const char *what; /* the thing, for whoever asks: "a lock" */
	const char *call; /* of waiter_wait: who waits so, for the message of -EPERM */
	/*
	 * Says more than `what`, as snprintf does, without waiting or allocating; NULL where there is
	 * no more to say.
	 */
	int (*describe)(const struct wait *wait, char *text, size_t size);
};

/*
 * Waits for the latch to be set: 0; -ECANCELED if the task is cancelled before it runs on. -EPERM:
 * no task. The kind's leave is waiter_leave.
 */
int waiter_wait(struct waiter *waiter, const struct wait_kind *kind);
void waiter_leave(struct wait *wait);

/* To be called when waiter_wait has returned: takes the latch off its list. */
void waiter_end(struct waiter *waiter);

/* Wakes who waits for it, if it is pending. */
void waiter_wake(struct waiter *waiter);

/*
 * What a call has built up on its task's stack, until it takes that down again. Of a task that is
 * discarded it is taken down from outside, the last first.
 */
struct cleanup {
	struct cleanup *next, **place;
	void (*run)(struct cleanup *cleanup);
};

void cleanup_push(struct task *task, struct cleanup *cleanup, void (*run)(struct cleanup *cleanup));

static inline void cleanup_pop(struct cleanup *cleanup)
{
	*cleanup->place = cleanup->next;
	if (cleanup->next)
		cleanup->next->place = cleanup->place;
}

/* What a parked task waits for, and with what. */
struct wait {
	struct task *task;
	const struct wait_kind *kind; /* NULL: the task is not parked */
	void **ret;                   /* where the waiting call wants its value; NULL for nowhere */
	void *old;                    /* what stood there; cancelled late: what would stand there */
	struct waiter *waiter;        /* that may be in a list: until waiter_end. NULL for none */
	struct cleanup *cleanups;     /* the last first */
	unsigned shields : 8;         /* scopes in which cancellation waits outside */
	unsigned scopes : 23; /* timeouts on the task's stack that have begun and not ended */
	/*
	 * The task is ready, and was cancelled only then: the words of the last such request count,
	 * while a wait that ended in cancellation keeps those that it ended with.
	 */
	unsigned cancelled_late : 1;
	int came; /* cancelled late: what it was to be woken with, should the request be taken back */
	union {
		struct timer timer; /* a sleep's */
		uint64_t outer[4];  /* an outer ring's */
	};
};

_Static_assert(sizeof(struct wait) <= sizeof(((struct frame *)0)->outer), "a wait fits the frame");

/* The wait of a task that has started. */
static inline struct wait *task_wait(const struct task *task)
{
	return (struct wait *)(void *)task->coro.frame->outer;
}

/* It has a stack now, and stands at its start. */
static inline void task_begin(struct task *task)
{
	struct wait *wait = task_wait(task);
	task->coro.state = STATE_RUNNING; /* to all but the loop */
	task->coro.at = &task->coro;
	wait->task = task;
	wait->kind = NULL;
	wait->waiter = NULL;
	wait->cleanups = NULL;
	wait->scopes = 0;
	wait->shields = 0;
	wait->cancelled_late = false;
}

/* Writes what a parked task waits in, "a lock", as snprintf does. */
int wait_describe(const struct wait *wait, char *text, size_t size);

/*
 * Parks the running task, which has filled in its wait, and goes on with what is ready. Returns
 * what it is woken with. To be called last: see core/coroutine.h.
 */
int park(struct task *task);

/* The parked task will run on, with this result. Its wait is off all lists. */
void wake(struct task *task, int result);

/*
 * The same for a task that was given what cannot be taken back: if it is cancelled before it runs
 * on, the result stands, and the cancellation is for its next wait.
 */
void wake_given(struct task *task, int result);

/*
 * Cancels a task that is not done, with a message or NULL. True if nothing was done, since the task
 * waits in a kind with a cancel of its own: then the caller cancels what it waits for.
 */
bool task_cancel(struct task *task, struct failure *message);

/* Ends the wait of a parked task in cancellation. */
void wait_cancel(struct wait *wait, struct failure *message);

/* The task will be cancelled in its next wait; these are the words for it, NULL for none. */
void task_must_cancel(struct task *task, struct failure *message);

/*
 * The running task was cancelled in a call that gives something back all the same: its next wait
 * is cancelled, with the words that this call received.
 */
void task_put_off_cancel(struct task *task);

/* The same, with these words. */
void task_put_off(struct task *task, struct failure *message);

/* No request to cancel the task is left: one that it has not received yet is gone. */
void task_forget_request(struct task *task);

/* The task has no request to cancel any more. Returns the message of one that it had, or NULL. */
struct failure *task_take_request(struct task *task);

/*
 * Takes down all that the stack of a task is linked to, before it is discarded. It is called
 * twice, before and after the task's deferred calls: what these may ask for still is pushed again
 * by its cleanup in the first.
 */
void wait_discard(struct wait *wait);

/*
 * Notes that the task waits inside of this generator, and so in all between the two: the loop knows
 * them as open then, as Python's async generators. A generator's end takes it off the list, in core;
 * so one that never waits costs nothing.
 */
void asyncgen_note(struct sched *sched, const struct task *task, struct coro *innermost);

/* The running task, ready to fill in its wait; NULL if no task runs. */
struct task *task_running(void);

enum { PARKS_SLOWLY = FLAG_MUST_CANCEL | CORO_SAVE_EXCEPTIONS | UNTIL_PARKED };

/* A cancellation is due, or exception state is to be kept: what the fast way leaves out. */
int park_slow(struct sched *sched, struct task *task, struct coro *self);

/* A generator waits. */
int park_generator(struct sched *sched, struct task *task, struct coro *self);

/* park, of a task that has not been woken since it was switched to. */
static inline __attribute__((always_inline)) int park_in(struct sched *sched, struct task *task,
							 struct coro *self)
{
	task->coro.at = self;
	if (unlikely(self != &task->coro))
		return park_generator(sched, task, self);
	if (unlikely(task->coro.flags & PARKS_SLOWLY))
		return park_slow(sched, task, self);
	return sched_dispatch(sched, self, &task->coro.context);
}

/* The running task goes behind all that is ready: 0, or -ECANCELED. To be called last. */
static inline __attribute__((always_inline)) int yield_in(struct sched *sched, struct task *task,
							  struct coro *self)
{
	task->coro.wake = 0;
	ring_push(&sched->ready, task);
	return park_in(sched, task, self);
}

/* park, inlined. */
static inline __attribute__((always_inline)) int park_anew(struct sched *sched, struct task *task)
{
	task->coro.flags &= (uint16_t)~UNTIL_PARKED;
	return park_in(sched, task, thread_current->self);
}

#endif
