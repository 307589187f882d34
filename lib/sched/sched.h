/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: what runs next, and when. A loop begins with its scheduler, so a pointer to one is
 * a pointer to the other.
 *
 *   ready:  [ run already | this turn ....... | next turn ...... ]
 *                         head                turn_end           tail
 *
 * A task that parks or ends switches to the next ready task of this turn. The runner is the
 * coroutine that called coro_run or the like. It gets control when the turn comes to a call, or to
 * its end. To give it control sooner, the turn is cut: turn_end is then the end of a piece, and the
 * runner goes on with the rest.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "base/heap.h"
#include "base/ring.h"
#include "core/fail.h"
#include "core/thread.h"
#include "sched/fork.h"
#include "sched/inbox.h"
#include "sched/task.h"
#include "sched/timer.h"

struct coro_loop;
struct faults;
struct poller;

/* Events that no step shows by itself, for whoever keeps a trace. */
struct sched_trace {
	/* The loop polls, and perhaps waits. Called before and after. */
	void (*poll)(struct sched *sched, bool ended);
	/* The entries of these two positions in ready have changed places. */
	void (*swap)(struct sched *sched, size_t one, size_t other);
	/*
	 * In the middle of a step, this task is switched to. NULL: back to the callback that runs
	 * tasks inside its own step.
	 */
	void (*start)(struct sched *sched, struct task *task);
	/* Somebody asks the task to end. */
	void (*cancel)(struct sched *sched, struct task *task);
};

struct sched {
	struct ring ready; /* tasks, and calls with bit 0 set */
	/* Where the runner takes over: the end of the turn, or of a piece. */
	size_t turn_end;
	/*
	 * A turn may follow another without the runner: there is no timer, no watched fd, no
	 * request to stop, no shuffling, no limit on turns, no piece of a turn, and no message. Atomic, since other
	 * threads clear it.
	 */
	bool plain;
	bool cut; /* turn_end is that of a piece, and uncut_end the turn's own */
	bool stopping;
	bool virtual_clock;
	bool closed; /* or is being closed */
	bool debug;
	struct task *running;
	struct coro *runner;  /* NULL while the loop does not run */
	void *runner_context; /* its context, while a task runs */
	size_t uncut_end;
	struct heap timers;

	struct thread *thread; /* the only one that runs it */
	unsigned refs;         /* of the owner, of each future and handle, and of coro_loop_ref */
	unsigned keepers;      /* of its memory: one for all refs, one for each hold; atomic */
	unsigned fork_count;   /* when it was made */
	struct inbox inbox;    /* of calls from other threads */
	unsigned listening; /* waits for signals: the loop does not end, but virtual time goes on */
	int64_t now;        /* of the virtual clock */
	uint64_t random;    /* state of the shuffle; 0: no shuffling */
	uint64_t choices;   /* state of choices among equals, set by the seed; never 0 */
	uint64_t max_turns; /* of a run; 0: no limit */
	size_t budget_at;   /* where ready began when the budget was renewed last */

	struct poller *poller;  /* NULL before the first fd */
	unsigned watching;      /* tasks and callbacks that wait for an fd */
	size_t polled_position; /* where what the last poll made ready ends */
	int64_t polled_at;      /* when that was reached, by coro_clock; 0: not known yet */
	uint64_t polls;         /* how often it has polled, or waited */

	struct list asyncgens; /* open generators that have waited in tasks: asyncgen_note */
	struct list resources; /* debug mode: see resource.h */

	/* What outer folders do for the scheduler: */

	/*
	 * Starts a new task in other than the common case. Returns false if the task has ended
	 * instead, and its place in ready is empty.
	 */
	bool (*start)(struct task *task);
	/*
	 * Runs the next entry of this turn, so that each step can be looked at. NULL: turns are run
	 * as a whole.
	 */
	void (*step)(struct sched *sched);
	const struct sched_trace *trace; /* called at events; NULL: nobody traces */
	/*
	 * Called when something becomes ready or due, perhaps sooner than was known. Set while the
	 * loop does not run and is embedded in another; NULL otherwise.
	 */
	void (*notice)(struct sched *sched);
	void (*free)(struct sched *sched); /* called when the last of refs is gone */
	struct faults *faults;             /* the rules of CORO_FAULTS; NULL for none */
	struct call *urgent; /* the runner makes this call before it runs anything; NULL for none */

	/* For tools that look at the process from outside: see loops.h. */
	uintptr_t next_loop, previous_loop;
	int tid; /* the kernel's number of its thread; 0 if there is none */
};

/* The scheduler of a loop. */
static inline struct sched *sched_of(const struct coro_loop *loop)
{
	return (struct sched *)loop;
}

/* The loop of a scheduler. */
static inline struct coro_loop *sched_loop(const struct sched *sched)
{
	return (struct coro_loop *)sched;
}

/* Makes a scheduler that has nothing to run. It has one reference and one keeper. */
void sched_init(struct sched *sched, struct thread *thread);

/* Closes the inbox, and frees what is ready. The loop is being closed. */
void sched_finish(struct sched *sched);

/* How many switches lie between two looks at the clock. */
enum { LOOP_STRETCH = 32 };

/* The running task; NULL if none runs. */
static inline struct task *running_task(void)
{
	struct sched *sched = thread_current->sched;
	return sched ? sched->running : NULL;
}

/* A place in ready whose call was taken back. */
#define READY_NOTHING ((void *)1)

static inline void *ready_call(struct call *call)
{
	return (char *)call + 1;
}

/* The call of an entry that is neither a task nor READY_NOTHING. */
static inline struct call *ready_to_call(void *entry)
{
	return (struct call *)(void *)((char *)entry - 1);
}

static inline bool ready_is_task(const void *entry)
{
	return !((uintptr_t)entry & 1);
}

/*
 * How many places in ready each task and call needs. A task can be ready while the timer of its
 * sleep is still there, as an empty place. So can a call that was taken back and pushed again.
 */
enum { PLACES_EACH = 2 };

static inline void sched_release(struct sched *sched, size_t tasks, size_t calls)
{
	ring_release(&sched->ready, PLACES_EACH * (tasks + calls));
	heap_release(&sched->timers, tasks + calls);
}

/* Reserves room in ready and among the timers, so that no push fails. Returns 0 or -ENOMEM. */
static inline int sched_reserve(struct sched *sched, size_t tasks, size_t calls)
{
	int r = ring_reserve(&sched->ready, PLACES_EACH * (tasks + calls));
	if (r < 0)
		return fail_code(r);
	r = heap_reserve(&sched->timers, tasks + calls);
	if (r == 0)
		return 0;
	ring_release(&sched->ready, PLACES_EACH * (tasks + calls));
	return fail_code(r);
}

/* Whether there is room for a task without growing. */
static inline bool sched_has_room(const struct sched *sched)
{
	const struct ring *ready = &sched->ready;
	return ready->reserved + (ready->tail - ready->head) + PLACES_EACH <= ready->mask + 1 &&
	       sched->timers.reserved < sched->timers.capacity;
}

/* sched_reserve for one task, if there is room. */
static inline void sched_reserve_in_room(struct sched *sched)
{
	sched->ready.reserved += PLACES_EACH;
	sched->timers.reserved++;
}

static inline void sched_unref(struct sched *sched)
{
	if (unlikely(--sched->refs == 0))
		sched->free(sched);
}

/* The next turn does not begin without the runner. */
static inline void sched_interrupt(struct sched *sched)
{
	__atomic_store_n(&sched->plain, false, __ATOMIC_RELAXED);
}

/*
 * Gives the runner control after so many more entries of this turn, which it then goes on with.
 * After 0 entries if the runner has something to do before any other.
 */
static inline void sched_cut(struct sched *sched, size_t entries)
{
	sched_interrupt(sched);
	if (sched->turn_end - sched->ready.head <= entries)
		return;
	if (!sched->cut)
		sched->uncut_end = sched->turn_end;
	sched->cut = true;
	sched->turn_end = sched->ready.head + entries;
}

/* Has the runner make this call before it runs anything. There is one such call at a time. */
static inline void sched_call_first(struct sched *sched, struct call *call)
{
	sched->urgent = call;
	sched_cut(sched, 0);
}

/*
 * Counts a call that a task could make for ever without waiting. Returns true if sched_renew_budget
 * must be called first.
 */
static inline bool sched_use_budget(struct thread *thread)
{
	return --thread->budget < 0;
}

/*
 * Renews the budget. A task that has not waited since the last time yields. Returns 0 or
 * -ECANCELED.
 */
int sched_renew_budget(struct thread *thread);

/* Something has become ready or due, perhaps while the loop does not run. */
static inline void sched_stirred(struct sched *sched)
{
	if (unlikely(sched->notice != NULL))
		sched->notice(sched);
}

/*
 * A task or callback waits for an fd: fds are polled even while there is always something to run.
 */
static inline void sched_watch_begin(struct sched *sched)
{
	if (sched->watching++ == 0)
		sched_cut(sched, LOOP_STRETCH);
}

static inline void sched_watch_end(struct sched *sched)
{
	sched->watching--;
}

/*
 * A hold is for a thread that will send messages. It keeps the loop running while there is nothing
 * else to wait for, and keeps its memory. sched_unhold ends the first, and wakes the loop;
 * sched_let_go ends the second, when the thread has sent its last message.
 */
void sched_hold(struct sched *sched);
void sched_unhold(struct sched *sched);
void sched_let_go(struct sched *sched);

/* Keeps the memory alone. */
static inline void sched_keep(struct sched *sched)
{
	__atomic_add_fetch(&sched->keepers, 1, __ATOMIC_RELAXED);
}

/*
 * Sends a message to the loop, from any thread that holds it. Returns 0, -EPIPE if it is closed, or
 * -EOWNERDEAD after a fork. It gives no message, since signal handlers call it.
 */
int sched_post(struct sched *sched, struct message *message);

/* Gives the caller the message of an error of sched_post. Returns the error. */
int fail_post(int error);

/*
 * Whether the loop belongs to this process, and is no copy made by a fork. fork_is_own also finds a
 * fork that no handler was told of: it is called before what is shared with the parent is touched.
 */
static inline bool sched_is_own(const struct sched *sched)
{
	return sched->fork_count == fork_count;
}

/* Returns 0 if the caller may use the loop, -EINVAL, -EOWNERDEAD, -EPERM, or -EPIPE. */
int sched_check(const struct sched *sched);

/*
 * Whether a loop runs in the loop's thread, this one or another. The deferred calls of a discarded
 * task see no loop running, but must not run the loop whose task discards them.
 */
static inline bool sched_busy(const struct sched *sched)
{
	return sched->runner || sched->thread->sched;
}

int64_t sched_time(const struct sched *sched);

#endif
