/* SPDX-License-Identifier: MIT */
/* All that a loop knows of the outside: the poller that it sleeps in, and the fds. */
#ifndef IO_IO_H
#define IO_IO_H

#include "io/poller.h"
#include "loop/loop.h"
#include "sched/poller.h"

/* Part of the backend's own. */
struct io {
	struct poller poller;
	const struct backend *backend;
	bool performs; /* the backend has perform */
	struct coro_loop *loop;
	struct fd **fds; /* by number; NULL where there is no record */
	size_t fd_count; /* places in fds */
	struct slab records;
	uint32_t generation; /* of the last record made */
	struct list urgent;  /* waits of urgent.c */

	/* What was done without a wait since the running task was switched to. */
	size_t switched_at; /* position in ready */
	size_t spent;
};

/* For backends: */
void io_init(struct io *io, struct coro_loop *loop, const struct backend *backend);
void io_finish(struct io *io);

/* The loop's, if it has been made. */
static inline struct io *io_made(const struct coro_loop *loop)
{
	return container_of(sched_of(loop)->poller, struct io, poller);
}

int io_create(struct coro_loop *loop, struct io **ret);

/* The loop's, made at the first call: 0 or an error. */
static inline int io_of(struct coro_loop *loop, struct io **ret)
{
	if (unlikely(!sched_of(loop)->poller))
		return io_create(loop, ret);
	*ret = io_made(loop);
	return 0;
}

/* The running task's, NULL if no task runs: 0 or an error. */
static inline int io_current(struct io **ret)
{
	struct coro_loop *loop = sched_loop(thread_current->sched);
	if (likely(loop && sched_of(loop)->running))
		return io_of(loop, ret);
	*ret = NULL;
	return 0;
}

/* What a task may do before it gives way, by io_spend's count. */
enum { IO_TURN = 64 };

/* Whether the running task has done as much as it may. */
static inline bool io_out_of_budget(struct io *io)
{
	size_t at = sched_of(io->loop)->ready.head;
	if (likely(at == io->switched_at))
		return unlikely(io->spent >= IO_TURN);
	io->switched_at = at;
	io->spent = 0;
	return false;
}

/* Gives way to others: 0 or -ECANCELED. */
int io_turn_over(struct io *io);

/*
 * To be called before a transfer: a task that never has to wait gives way here now and then. 0 or
 * -ECANCELED. Of an fd it is fd_check_budget.
 */
static inline int io_renew_budget(struct io *io)
{
	return likely(!io_out_of_budget(io)) ? 0 : io_turn_over(io);
}

/* What has been transferred counts against the task's turn. */
static inline void io_spend(struct io *io, size_t bytes)
{
	enum { COUNTS_ONE = 16384 };
	io->spent += 1 + bytes / COUNTS_ONE;
}

#endif
