/* SPDX-License-Identifier: MIT */
/*
 * Park and wake: how a task waits, for futures, timers, locks and all else.
 *
 * What a wait needs lies in the header of the task's stack. So waiting allocates nothing, and the
 * call that waits can end in the switch, without a frame of its own.
 */
#ifndef SCHED_PARK_H
#define SCHED_PARK_H

#include "base/list.h"
#include "sched/turn.h"

/*
 * A task that waits in a list of some lock, queue or the like. It lies on the task's stack. It
 * stays in the list until the task has run on, also after it was woken or cancelled: asyncio's
 * order of events depends on that.
 */
struct waiter {
	struct list link;
	struct task *task;
	enum { WAITER_PENDING, WAITER_WOKEN, WAITER_CANCELLED } state;
};

struct task_wait;

/* What stands where the subject of a wait points. */
enum subject_type {
	SUBJECT_NONE,   /* nothing: `what` says all that is known */
	SUBJECT_TIMER,  /* a struct timer: its place in sched->timers, where its time is the key */
	SUBJECT_FUTURE, /* struct coro_future *: a task's, a gather's or a plain one, by its kind */
	SUBJECT_FUTURES,   /* a struct done_calls: several futures */
	SUBJECT_GROUP,     /* struct coro_group *: its members */
	SUBJECT_LOCK,      /* struct coro_lock *: in debug mode its hold has the number of a task */
	SUBJECT_FD,        /* struct fd *, NULL if it was closed; `what` says what is to be done */
	SUBJECT_PROCESS,   /* struct coro_process *: its pid */
	SUBJECT_COMPLETED, /* struct completed *: several futures, see as_completed.h */
};

/*
 * What a task waits for, as data: for a debugger or another process, which cannot call `describe`.
 * It lies `at` bytes from the wait, or, if it is beside the waiter, from where wait->waiter points.
 */
struct subject {
	uint8_t type; /* enum subject_type */
	bool beside_waiter;
	int16_t at;
};

/* A field of a struct that lies in wait->outer. */
#define SUBJECT_IN_WAIT(subject, in, field)                                                      \
	{                                                                                        \
		.type = (subject), .at = offsetof(struct task_wait, outer) + offsetof(in, field) \
	}

/* A field of a struct that the waiter is a field of. */
#define SUBJECT_BESIDE(subject, in, waiter, field)                                 \
	{                                                                          \
		.type = (subject), .beside_waiter = true,                          \
		.at = (int16_t)offsetof(in, field) - (int16_t)offsetof(in, waiter) \
	}

/* A kind of wait: a constant for each thing that tasks wait in. */
struct wait_kind {
	/* Takes the wait off all lists: the task is woken by something else. */
	void (*leave)(struct task_wait *wait);
	/*
	 * Cancels what the task waits for, in place of the wait: the task was cancelled before the
	 * wait began. NULL: the wait itself is cancelled.
	 */
	void (*cancel)(struct task_wait *wait, struct failure *message);
	const char *what; /* what the task waits in: "a lock" */
	const char *call; /* the call that waits by waiter_wait, for the message of -EPERM */
	/*
	 * Writes more than `what`, as snprintf does. It neither waits nor allocates. NULL: there is
	 * no more to say.
	 */
	int (*describe)(const struct task_wait *wait, char *text, size_t size);
	struct subject subject;
};

/*
 * Waits until the waiter is woken. Returns 0, -ECANCELED if the task is cancelled before it runs
 * on, or -EPERM outside of tasks. The kind's leave is waiter_leave.
 */
int waiter_wait(struct waiter *waiter, const struct wait_kind *kind);
void waiter_leave(struct task_wait *wait);

/* Takes the waiter off its list. It is called when waiter_wait has returned. */
void waiter_end(struct waiter *waiter);

/* Wakes its task, unless that was woken or cancelled already. */
void waiter_wake(struct waiter *waiter);

/*
 * A call links what it has set up on its task's stack here, until it takes that down again. If the
 * task is discarded, its cleanups are run from outside, the last first.
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

/* What a parked task waits in, and what its task needs while it runs. */
struct task_wait {
	struct task *task;
	const struct wait_kind *kind; /* NULL: the task is not parked */
	void **ret;                   /* where the wait writes its value; NULL for nowhere */
	void *old;                    /* what stood there before; cancelled_late: the value */
	struct waiter *waiter;        /* may be in a list; until waiter_end. NULL for none */
	struct cleanup *cleanups;     /* the last first */
	unsigned shields : 8;         /* how many scopes of coro_shield_begin are open */
	/* Open timeouts on the task's stack; in debug mode also the resources that are the task's. */
	unsigned open : 23;
	/*
	 * The task was cancelled when it was ready already. Then the message of the last request
	 * counts; a wait that ended in cancellation keeps the message that it ended with.
	 */
	unsigned cancelled_late : 1;
	uint32_t since; /* debug mode: wait_stamp of when it last stopped running; 0: not known */
	int came; /* cancelled_late: what it was woken with, should the request be taken back */
	union {
		struct timer timer; /* a sleep's */
		uint64_t outer[4];  /* for other kinds */
	};
};

_Static_assert(sizeof(struct task_wait) <= sizeof(((struct frame *)0)->outer),
	       "a wait fits the frame");

/* The wait of a task that has started. */
static inline struct task_wait *task_wait(const struct task *task)
{
	return (struct task_wait *)(void *)task->coro.frame->outer;
}

/* The task has a stack, and stands at its start. */
static inline void task_begin(struct task *task)
{
	struct task_wait *wait = task_wait(task);
	task->coro.state = STATE_RUNNING; /* for coro_state and coro_resume */
	task->coro.at = &task->coro;
	wait->task = task;
	wait->kind = NULL;
	wait->waiter = NULL;
	wait->cleanups = NULL;
	wait->open = 0;
	wait->shields = 0;
	wait->cancelled_late = false;
	wait->since = 0; /* one store with the bits above */
}

/* A time in ms for wait->since, which wraps around after 49 days. Never 0. */
static inline uint32_t wait_stamp(int64_t time)
{
	return (uint32_t)(time / CORO_MSEC) | 1;
}

/* Where the subject of a parked task's wait lies. */
static inline const void *wait_subject(const struct task_wait *wait)
{
	const struct subject *subject = &wait->kind->subject;
	const char *from = subject->beside_waiter ? (const char *)wait->waiter : (const char *)wait;
	return from + subject->at;
}

/* Writes what a parked task waits in, "a lock", as snprintf does. */
int wait_describe(const struct task_wait *wait, char *text, size_t size);

/*
 * Parks the running task, which has filled in its wait, and runs what is ready. Returns what the
 * task is woken with. It is the last call of its function: see core/coroutine.h.
 */
int park(struct task *task);

/*
 * Makes a parked task ready, to run on with this result. Its wait is off all lists. Called by what
 * the task waits for, or for a cancellation, and only in the loop's thread: other threads push to
 * the inbox, see sched/inbox.h.
 */
void wake(struct task *task, int result);

/*
 * The same for a task that was given what cannot be taken back. If it is cancelled before it runs
 * on, it receives the result, and its next wait is cancelled.
 */
void wake_given(struct task *task, int result);

/*
 * Cancels a task that is not done. message may be NULL. Returns true if nothing was done, since the
 * kind of its wait has a cancel: then the caller cancels what the task waits for.
 */
bool task_cancel(struct task *task, struct failure *message);

/* Cancels the wait of a parked task. */
void wait_cancel(struct task_wait *wait, struct failure *message);

/* Cancels the next wait of the task, with this message or NULL. */
void task_must_cancel(struct task *task, struct failure *message);

/*
 * The running task was cancelled in a call that succeeds all the same. Its next wait is cancelled
 * instead, with the message that this call received.
 */
void task_put_off_cancel(struct task *task);

/* The same, with this message. */
void task_put_off(struct task *task, struct failure *message);

/* Takes all requests to cancel the task back, also one that it has not received yet. */
void task_forget_request(struct task *task);

/*
 * Takes the request to cancel the task out. Returns its message, whose reference is the caller's;
 * NULL if it has none.
 */
struct failure *task_take_request(struct task *task);

/*
 * Unlinks all that lies on the stack of a task that is discarded. It is called twice, before and
 * after the deferred calls: a cleanup that these may still need pushes itself again in the first
 * call.
 */
void wait_discard(struct task_wait *wait);

/*
 * Notes that the task waits in this generator, and so in all between the two. The loop knows them
 * as open from then on, like Python's async generators. The end of a generator takes it off the
 * list, in core. A generator that never waits costs nothing.
 */
void asyncgen_note(struct sched *sched, const struct task *task, struct coro *innermost);

/* Returns the running task, or NULL. */
struct task *task_running(void);

enum { PARKS_SLOWLY = FLAG_MUST_CANCEL | CORO_SAVE_EXCEPTIONS | UNTIL_PARKED };

/* park_in for a task that has any of these flags. */
int park_slow(struct sched *sched, struct task *task, struct coro *self);

/* park_in for a task that waits in a generator. */
int park_generator(struct sched *sched, struct task *task, struct coro *self);

/* park, for a task that was not woken since it ran on last. */
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

/*
 * The running task goes behind all that is ready. Returns 0 or -ECANCELED. It is the last call of
 * its function.
 */
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
	probe(park, task->number, task);
	return park_in(sched, task, thread_current->self);
}

#endif
