/* SPDX-License-Identifier: MIT */
/*
 * Calls from other threads: a list that any thread adds to and the loop takes as a whole, and what
 * wakes a loop that sleeps.
 *
 *   push:     last -> newest -> ... -> oldest
 *             then, if the loop sleeps and nobody has woken it yet: one write to its fd
 *
 * The flag `waiting` makes wake-ups and writes one to one. The loop sets it before it sleeps; who
 * takes it away is the one who writes, so a loop that finds it gone when it wakes knows that there
 * is, or is about to be, something to read, and reads it. Whenever the loop does not sleep its fd is
 * silent, and nobody will write to it: it may be polled, and closed.
 */
#ifndef SCHED_INBOX_H
#define SCHED_INBOX_H

#include <stdbool.h>
#include <stdint.h>

/* Lies in an object of whoever sends it. */
struct message {
	struct message *next;
	void (*run)(struct message *message);  /* in the loop's own context; may not wait */
	void (*drop)(struct message *message); /* instead: the loop was closed */
};

struct inbox {
	/* Atomic, other threads': */
	struct message *last; /* the newest, each with a pointer to the one before it */
	unsigned holds;       /* those who have yet to call */
	bool waiting;         /* the loop sleeps, and nobody has woken it yet */
	/* The loop's own: */
	struct message *taken; /* to be run, the oldest first */
	bool frozen;           /* no more is run: the process is a child made by fork */
	int fd;                /* readable once the loop is woken; -1 before its first sleep */
	int wake; /* what is written to, set before `waiting`; fd itself if that is an eventfd */
};

void inbox_init(struct inbox *inbox);

/* No more comes in: drops what is there and closes the fd. The loop does not sleep. */
void inbox_close(struct inbox *inbox);

/* From any thread, and from a signal handler: 0; -EPIPE once it is closed. */
int inbox_push(struct inbox *inbox, struct message *message);

/* Wakes the loop if it sleeps: to be called when what it is to see has been written. */
void inbox_wake(struct inbox *inbox);

/* The loop's: whether there is nothing to be run. */
static inline bool inbox_empty(const struct inbox *inbox)
{
	return !inbox->taken && !__atomic_load_n(&inbox->last, __ATOMIC_SEQ_CST);
}

/* Whether there is somebody who has yet to call. */
static inline bool inbox_held(const struct inbox *inbox)
{
	return __atomic_load_n(&inbox->holds, __ATOMIC_SEQ_CST) > 0;
}

/* Runs all that has arrived, in the order in which it did. */
void inbox_run(struct inbox *inbox);

/* A message that was pushed and has not run will not: nobody has it any more. */
void inbox_discard(struct inbox *inbox, struct message *message);

/* The fd to be watched for reading while the loop sleeps: made at the first call; or an error. */
int inbox_fd(struct inbox *inbox);

/*
 * The loop is about to sleep until that time of coro_clock, CORO_FOREVER for no time. Returns until
 * when it may: 0 if something has come in. To be followed by inbox_awake, and that at once when the
 * fd is readable.
 */
int64_t inbox_asleep(struct inbox *inbox, int64_t until);

/* The loop has woken up, for whatever reason. */
void inbox_awake(struct inbox *inbox);

/* All of that, where nothing else is watched: 0 or an error. */
int inbox_sleep(struct inbox *inbox, int64_t until);

#endif
