/* SPDX-License-Identifier: MIT */
/*
 * What runs next, and when. A loop begins with its scheduler, so that a pointer to the one is a
 * pointer to the other.
 *
 *   ready:  [ run already | this turn ....... | next turn ...... ]
 *                         head                turn_end           tail
 *
 * A task that parks or ends goes straight on to the next ready task of this turn. The runner, the
 * coroutine that called run, gets control where the turn comes to a call, or to its end. To give it
 * control before that, the turn is cut: turn_end is then the end of a piece, and the runner goes on
 * with the rest.
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
struct poller;

struct sched {
	struct ring ready; /* tasks, and calls with bit 0 set */
	/* The position in ready where the runner takes over: the end of the turn, or of a piece. */
	size_t turn_end;
	/*
	 * No timer, no fd watched, no request to stop, no shuffling, no piece of a turn, no call
	 * from outside: a turn may follow another without the runner. Atomic: other threads take it
	 * away.
	 */
	bool plain;
	bool cut; /* turn_end is that of a piece, and uncut_end the turn's own */
	bool stopping;
	bool virtual_clock;
	bool closed; /* or being closed */
	bool debug;
	struct task *running;
	struct coro *runner;  /* NULL while the loop does not run */
	void *runner_context; /* where it stands, while a task runs */
	size_t uncut_end;
	struct heap timers;

	struct thread *thread; /* whose it is */
	unsigned refs;    /* one the owner's, one each future's and handle's, and those asked for */
	unsigned keepers; /* of its memory: one for all refs, one for each hold. Atomic */
	unsigned fork_count; /* when it was made */
	struct inbox inbox;  /* of calls from other threads */
	unsigned listening;  /* for signals: there is hope, but time does not wait for them */
	int64_t now;         /* of the virtual clock */
	uint64_t random;     /* state of the shuffle; 0: no shuffling */
	uint64_t choices;    /* state of what is chosen among equals; set by the seed, never 0 */
	size_t budget_at;    /* position in ready when the budget was renewed last */

	struct poller *poller;  /* NULL before the first fd */
	unsigned watching;      /* tasks and callbacks that wait for an fd */
	size_t polled_position; /* position in ready: the end of what the last poll has found */
	int64_t polled_at;      /* when that was run, by coro_clock; 0: it is not known yet */

	struct list
		asyncgens; /* generators that have waited in tasks and not ended: asyncgen_note */
	struct list resources; /* debug mode: what is to be given back: see resource.h */

	/* What the outer folders do. */

	/*
	 * Gives a new task its stack where that is not the common case. False: the task has ended
	 * instead, and its place in ready is empty.
	 */
	bool (*start)(struct task *task);
	/* Debug mode: runs the next entry of this turn. */
	void (*step)(struct sched *sched);
	/*
	 * Called when something becomes ready or due, perhaps sooner than was known; NULL: nobody
	 * wants to know. For a loop that does not run, and is embedded in another.
	 */
	void (*notice)(struct sched *sched);
	void (*free)(struct sched *sched); /* the last of refs is gone */
	struct call *urgent; /* the runner makes this call before all else; NULL for none */
};

/* The scheduler of a loop. */
static inline struct sched *sched_of(const struct coro_loop *loop)
{
	return (struct sched *)loop;
}

/* The loop that a scheduler is of. */
static inline struct coro_loop *sched_loop(const struct sched *sched)
{
	return (struct coro_loop *)sched;
}

/* A scheduler without anything to run, with one reference and one keeper. */
void sched_init(struct sched *sched, struct thread *thread);

/* It is closed: nothing is ready, and no message comes any more. */
void sched_finish(struct sched *sched);

/* Switches between two looks at the clock. */
enum { LOOP_STRETCH = 32 };

/* The running task; NULL if none runs. */
static inline struct task *running_task(void)
{
	struct sched *sched = thread_current->sched;
	return sched ? sched->running : NULL;
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

static inline void sched_release(struct sched *sched, size_t tasks, size_t calls)
{
	ring_release(&sched->ready, PLACES_EACH * (tasks + calls));
	heap_release(&sched->timers, tasks + calls);
}

/* 0 or -ENOMEM. */
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

/* Whether a task's room is to be had without growing. */
static inline bool sched_has_room(const struct sched *sched)
{
	const struct ring *ready = &sched->ready;
	return ready->reserved + (ready->tail - ready->head) + PLACES_EACH <= ready->mask + 1 &&
	       sched->timers.reserved < sched->timers.capacity;
}

/* sched_reserve of one task then. */
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

/* A turn may not follow another any more without the runner having had a look. */
static inline void sched_interrupt(struct sched *sched)
{
	__atomic_store_n(&sched->plain, false, __ATOMIC_RELAXED);
}

/*
 * Gives the runner control after so many entries more of this turn, which it then goes on with. 0
 * where a step has something for the runner to do before any other.
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

/* Has the runner make this call before anything else runs. It is the only one until it is made. */
static inline void sched_call_first(struct sched *sched, struct call *call)
{
	sched->urgent = call;
	sched_cut(sched, 0);
}

/*
 * Counts a call of a kind that a task could make for ever without waiting. True if sched_renew_budget
 * is to be called first.
 */
static inline bool sched_use_budget(struct thread *thread)
{
	return --thread->budget < 0;
}

/*
 * Renews the budget; a task that was not switched away from since the last time gives way: 0, or
 * -ECANCELED.
 */
int sched_renew_budget(struct thread *thread);

/* Something has become ready or due, perhaps outside of all turns. */
static inline void sched_stirred(struct sched *sched)
{
	if (unlikely(sched->notice != NULL))
		sched->notice(sched);
}

/* A task or callback waits for an fd: to be looked for even where there is always something to run. */
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
 * A thread that will call the loop: a hold keeps the loop running while there is nothing else to
 * wait for, and its memory. The thread gives the memory back when it has made its last call; the
 * rest before, which wakes the loop, or the loop itself when it has got that call.
 */
void sched_hold(struct sched *sched);
void sched_unhold(struct sched *sched);
void sched_let_go(struct sched *sched);

/* The memory alone, once more. */
static inline void sched_keep(struct sched *sched)
{
	__atomic_add_fetch(&sched->keepers, 1, __ATOMIC_RELAXED);
}

/* From any thread that holds the loop: 0; -EPIPE once it is closed, -EOWNERDEAD after a fork. */
int sched_post(struct sched *sched, struct message *message);

/* The caller fails with what came of sched_post, which has no message, being for signal handlers too. */
int fail_post(int error);

/*
 * Whether the loop belongs to this process, and is no copy made by a fork. fork_is_own also finds a
 * fork that no handler was told of: it is called before what is shared with the parent is touched.
 */
static inline bool sched_is_own(const struct sched *sched)
{
	return sched->fork_count == fork_count;
}

/* 0 if the caller may use the loop, else -EINVAL, -EOWNERDEAD, -EPERM, -EPIPE. */
int sched_check(const struct sched *sched);

/*
 * Whether a loop runs in the loop's thread: this one, or another. Deferred calls of a task that is
 * discarded see no loop running; but the one whose task does that must not be run by them.
 */
static inline bool sched_busy(const struct sched *sched)
{
	return sched->runner || sched->thread->sched;
}

int64_t sched_time(const struct sched *sched);

#endif
