/* SPDX-License-Identifier: MIT */
/* The I/O of a loop: its poller and its records of fds. */
#ifndef IO_IO_H
#define IO_IO_H

#include "io/poller.h"
#include "loop/loop.h"
#include "sched/poller.h"

/* The base of each backend's own struct. */
struct io {
	struct poller poller;
	const struct backend *backend;
	bool performs;  /* the backend has perform */
	bool otherwise; /* it has, or the loop has faults: see transfer_run_otherwise */
	struct coro_loop *loop;
	struct fd **fds; /* by number; NULL for no record */
	size_t fd_count; /* size of fds */
	struct slab records;
	uint32_t generation; /* of the last record made */
	struct list urgent;  /* waits of urgent.c */

	/* The budget that was used since the running task was switched to. */
	size_t switched_at; /* position in ready then */
	size_t used;
};

/* For backends: */
void io_init(struct io *io, struct coro_loop *loop, const struct backend *backend);
void io_finish(struct io *io);

/* The io of a loop, which must have been made. */
static inline struct io *io_made(const struct coro_loop *loop)
{
	return container_of(sched_of(loop)->poller, struct io, poller);
}

int io_create(struct coro_loop *loop, struct io **ret);

/* The io of a loop, made at the first call. Returns 0 or an error. */
static inline int io_of(struct coro_loop *loop, struct io **ret)
{
	if (unlikely(!sched_of(loop)->poller))
		return io_create(loop, ret);
	*ret = io_made(loop);
	return 0;
}

/* The io of the running task's loop, NULL outside of tasks. Returns 0 or an error. */
static inline int io_current(struct io **ret)
{
	struct coro_loop *loop = sched_loop(thread_current->sched);
	if (likely(loop && sched_of(loop)->running))
		return io_of(loop, ret);
	*ret = NULL;
	return 0;
}

/* What a task may do without a wait before other tasks run, in units of io_use_budget. */
enum { IO_BUDGET = 64 };

/* Whether the running task has used up its budget. */
static inline bool io_out_of_budget(struct io *io)
{
	size_t at = sched_of(io->loop)->ready.head;
	if (likely(at == io->switched_at))
		return unlikely(io->used >= IO_BUDGET);
	io->switched_at = at;
	io->used = 0;
	return false;
}

/* Renews the budget, which lets other tasks run. Returns 0 or -ECANCELED. */
int io_renew_budget(struct io *io);

/*
 * To be called before a transfer, so that a task that never waits lets others run now and then.
 * Returns 0 or -ECANCELED. fd_check_budget does the same for an fd.
 */
static inline int io_check_budget(struct io *io)
{
	return likely(!io_out_of_budget(io)) ? 0 : io_renew_budget(io);
}

/* Counts a call that has transferred bytes. */
static inline void io_use_budget(struct io *io, size_t bytes)
{
	enum { COUNTS_ONE = 16384 };
	io->used += 1 + bytes / COUNTS_ONE;
}

/* The running task has held the loop up: others run before its next transfer. */
static inline void io_use_up_budget(struct io *io)
{
	io->switched_at = sched_of(io->loop)->ready.head;
	io->used = IO_BUDGET;
}

#endif
