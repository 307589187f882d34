/* SPDX-License-Identifier: MIT */
/*
 * Counts of a loop, for metrics: what there is now, and what there was so far. Keeping them costs
 * the loop nothing that can be measured, so they are always there.
 *
 *	struct coro_stats stats;
 *	int r = coro_loop_stats(coro_running_loop(), sizeof(stats), &stats);
 *	if (r == 0)
 *		printf("%zu tasks, %" PRIu64 " steps\n", stats.tasks, stats.steps);
 */
#ifndef CORO_STATS_H
#define CORO_STATS_H

#include <coro/loop.h>

CORO_BEGIN_DECLS

/*
 * Counts of a loop. Later versions may add fields at the end. Those of stacks are the thread's,
 * since all its loops and coroutines share them.
 */
struct coro_stats {
	/* So far. */
	uint64_t spawned; /* tasks that were spawned, with some of the library's own */
	uint64_t ended;   /* tasks of these that have ended */
	uint64_t steps;   /* how often a task or a callback has run, up to its next wait */
	uint64_t polls;   /* how often the loop has polled its fds, or waited for anything */
	/* Now. */
	size_t tasks;       /* tasks that have not ended */
	size_t ready;       /* tasks and callbacks that are ready to run */
	size_t timers;      /* sleeps, timeouts and calls at a time to come */
	size_t fd_waits;    /* tasks and callbacks that wait for a file descriptor */
	size_t bytes;       /* memory for tasks, futures, handles and queues, without stacks */
	size_t stacks;      /* stacks that bodies run on */
	size_t warm;        /* unused stacks in memory */
	size_t cold;        /* unused stacks without memory */
	size_t stack_bytes; /* address space of all stacks and their guards, in bytes */
};

/*
 * Counts what the loop has and has done. size is sizeof(struct coro_stats) as the caller was
 * compiled: fields behind it are not written, and those that the library does not know are 0. Takes
 * a time that does not depend on the number of tasks.
 *
 * Returns 0, -EINVAL if size is 0, -EPERM in another thread, or -EPIPE if the loop is closed.
 */
CORO_MUST_CHECK CORO_API int coro_loop_stats(const struct coro_loop *loop, size_t size,
					     struct coro_stats *ret);

CORO_END_DECLS

#endif
