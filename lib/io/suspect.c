/* SPDX-License-Identifier: MIT */
#include "io/suspect.h"

void suspects_init(struct suspects *suspects, struct io *io,
		   int (*renew)(struct io *io, struct fd *fd))
{
	suspects->io = io;
	suspects->renew = renew;
	suspects->waits = 0;
	list_init(&suspects->fds);
}

void suspects_add(struct suspects *suspects, struct fd *fd)
{
	fd->suspected = true;
	list_append(&suspects->fds, &fd->link);
}

/* Whether an event would wake a waiter, or call a callback that is not on ready yet. */
static bool is_waited_for(const struct fd *fd)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		const struct side *side = &fd->sides[i];
		if (side->callback && side->callback->call.position == CALL_IDLE)
			return true;
		if (fd_line_waits(&side->line) &&
		    fd_wait_of(side->line.next)->waiter.state == WAITER_PENDING)
			return true;
	}
	return fd->polled;
}

/*
 * Checks an fd now if it is waited for; otherwise its next wait does. Returns whether it was
 * registered anew.
 */
static bool check(struct suspects *suspects, struct fd *fd)
{
	list_remove(&fd->link);
	fd->suspected = false;
	if (!is_waited_for(fd)) {
		fd->special |= FD_UNSURE;
		return false;
	}
	if (suspects->renew(suspects->io, fd) == 0)
		return true;
	suspects_add(suspects, fd);
	return false;
}

bool suspects_check_all(struct suspects *suspects)
{
	struct list checked, *link;
	bool renewed = false;
	list_init(&checked);
	while ((link = list_pop(&suspects->fds)))
		list_append(&checked, link);
	while (!list_empty(&checked))
		renewed |= check(suspects, container_of(checked.next, struct fd, link));
	return renewed;
}

bool suspects_check_in_quiet(struct suspects *suspects, int64_t when)
{
	const struct sched *sched = sched_of(suspects->io->loop);
	bool jumps = sched->virtual_clock && ring_empty(&sched->ready);
	if (list_empty(&suspects->fds) || (when == 0 && !jumps))
		return false;
	return suspects_check_all(suspects) && when == 0;
}

void suspects_check_one(struct suspects *suspects)
{
	if (!list_empty(&suspects->fds))
		check(suspects, container_of(suspects->fds.next, struct fd, link));
}
