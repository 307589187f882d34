/* SPDX-License-Identifier: MIT */
/*
 * After a fork the child has one thread, and copies of what belongs to the parent: its loops, whose
 * fds are shared with it, and pools whose threads are gone. Whatever is such notes the number of
 * forks when it is made, and in a child, where that is another, refuses with -EOWNERDEAD.
 */
#ifndef SCHED_FORK_H
#define SCHED_FORK_H

#include <stdbool.h>

/* One more than the forks that lie between the first process that used the library and this one. */
extern unsigned fork_count __attribute__((visibility("hidden")));

/* Has forks counted from now on: 0 or -ENOMEM. */
int fork_watch(void);

/* Where that count stands; and 0 in a child of a fork that has not been counted. */
extern const volatile unsigned *fork_mark __attribute__((visibility("hidden")));

void fork_count_late(void);

static inline unsigned fork_marked(void)
{
	/* Made by one thread, and there for all from then on. */
	return *__atomic_load_n(&fork_mark, __ATOMIC_ACQUIRE);
}

/*
 * Counts a fork of which no handler was told, by _Fork or clone. To be called before what is shared with
 * the parent is touched.
 */
static inline void fork_notice(void)
{
	if (__builtin_expect(!fork_marked(), 0))
		fork_count_late();
}

/* Whether this is the process, and no copy of it by a fork, that noted the count. */
static inline bool fork_is_own(unsigned count)
{
	if (__builtin_expect(fork_marked() == count, 1))
		return true;
	fork_notice();
	return false;
}

#endif
