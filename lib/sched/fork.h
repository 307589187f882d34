/* SPDX-License-Identifier: MIT */
/*
 * Forks. The child has one thread, and copies of what belongs to the parent: loops, whose fds it
 * shares, and pools without their threads. Such an object notes the number of forks when it is
 * made. In a child that number is another, and calls on the object return -EOWNERDEAD.
 */
#ifndef SCHED_FORK_H
#define SCHED_FORK_H

#include <stdbool.h>

/* 1 in the first process that used the library, 2 in its child, 3 in the child of that. */
extern unsigned fork_count __attribute__((visibility("hidden")));

/* Counts forks from now on. Returns 0 or -ENOMEM. */
int fork_watch(void);

/* Points to the count; to 0 in a child whose fork was not counted. */
extern const volatile unsigned *fork_mark __attribute__((visibility("hidden")));

void fork_count_late(void);

static inline unsigned fork_marked(void)
{
	/* One thread makes the page, and all see it from then on. */
	return *__atomic_load_n(&fork_mark, __ATOMIC_ACQUIRE);
}

/*
 * Counts a fork that no handler was told of: one by _Fork or clone. It is called before what is
 * shared with the parent is touched.
 */
static inline void fork_notice(void)
{
	if (__builtin_expect(!fork_marked(), 0))
		fork_count_late();
}

/* Whether the count was noted in this process, and not in one that it was forked from. */
static inline bool fork_is_own(unsigned count)
{
	if (__builtin_expect(fork_marked() == count, 1))
		return true;
	fork_notice();
	return false;
}

#endif
