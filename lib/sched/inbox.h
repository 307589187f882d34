/* SPDX-License-Identifier: MIT */
/*
 * The inbox of a loop: a list of messages that any thread adds to and the loop takes as a whole,
 * and the fd that wakes a loop that sleeps.
 *
 *   push:     last -> newest -> ... -> oldest
 *             then, if the loop sleeps and nobody has woken it yet: one write to its fd
 *
 * The flag `waiting` pairs each wake-up with one write. The loop sets it before it sleeps. Whoever
 * clears it writes. A loop that wakes and finds it cleared knows that there is something to read,
 * or will be at once, and reads it. While the loop does not sleep, its fd is not ready and nobody
 * writes to it: it may be polled and closed.
 */
#ifndef SCHED_INBOX_H
#define SCHED_INBOX_H

#include <stdbool.h>
#include <stdint.h>

/* It lies in an object of the sender. */
struct message {
	struct message *next;
	void (*run)(struct message *message);  /* called by the runner; may not wait */
	void (*drop)(struct message *message); /* called instead if the loop is closed */
};

struct inbox {
	/* Atomic, since other threads use them: */
	struct message *last; /* the newest; each points to the one before it */
	unsigned holds;       /* threads that may still send something */
	bool waiting;         /* the loop sleeps, and nobody has woken it yet */
	/* For the loop alone: */
	struct message *taken; /* not run yet, the oldest first */
	bool frozen;           /* nothing more is run: the process is a child made by fork */
	int fd;                /* readable when the loop is woken; -1 before its first sleep */
	int wake; /* the fd to write to, set before `waiting`; the same if it is an eventfd */
};

void inbox_init(struct inbox *inbox);

/*
 * Closes the inbox of a loop that does not sleep: drops its messages, closes its fd, takes no more.
 */
void inbox_close(struct inbox *inbox);

/*
 * Adds a message. From any thread, and from signal handlers. Returns 0, or -EPIPE if it is closed.
 */
int inbox_push(struct inbox *inbox, struct message *message);

/* Wakes the loop if it sleeps. The caller has written before what the loop is to see. */
void inbox_wake(struct inbox *inbox);

/* Whether there is nothing to run. For the loop alone. */
static inline bool inbox_empty(const struct inbox *inbox)
{
	return !inbox->taken && !__atomic_load_n(&inbox->last, __ATOMIC_SEQ_CST);
}

/* Whether some thread may still send something. */
static inline bool inbox_held(const struct inbox *inbox)
{
	return __atomic_load_n(&inbox->holds, __ATOMIC_SEQ_CST) > 0;
}

/* Runs all messages, in the order in which they came. */
void inbox_run(struct inbox *inbox);

/* Takes a message out that was pushed and has not run. */
void inbox_discard(struct inbox *inbox, struct message *message);

/* Returns the fd that is readable when the loop is woken, made at the first call; or an error. */
int inbox_fd(struct inbox *inbox);

/*
 * The loop is about to sleep until that time of coro_clock, or for CORO_FOREVER. `held` says whether
 * it has seen a hold. Returns until when it may sleep: 0 if something has come, or if the holds have
 * ended since. inbox_awake follows, at once when the fd is readable.
 */
int64_t inbox_asleep(struct inbox *inbox, int64_t until, bool held);

/* The loop is awake again, for whatever reason. */
void inbox_awake(struct inbox *inbox);

/* Sleeps while nothing else is watched: all of the above. Returns 0 or an error. */
int inbox_sleep(struct inbox *inbox, int64_t until, bool held);

#endif
