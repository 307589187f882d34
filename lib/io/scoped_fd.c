/* SPDX-License-Identifier: MIT */
#include "io/scoped_fd.h"

#include "coro/io.h"
#include "io/fd.h"

#include <unistd.h>

static void discard(struct cleanup *cleanup)
{
	struct held *held = container_of(cleanup, struct held, cleanup);
	struct coro_loop *loop = sched_loop(held->task->sched);
	if (sched_of(loop)->poller)
		fd_forget(io_made(loop), held->fd);
	close(held->fd);
}

void hold(struct held *held, int fd)
{
	coro_fd_forget(fd);
	*held = (struct held){.task = task_running(), .fd = fd};
	if (held->task)
		cleanup_push(held->task, &held->cleanup, discard);
}

int held_take(struct held *held)
{
	if (held->task)
		cleanup_pop(&held->cleanup);
	return held->fd;
}

void held_close(struct held *held)
{
	coro_fd_close(held_take(held));
}
