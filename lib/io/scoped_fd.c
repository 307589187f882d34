/* SPDX-License-Identifier: MIT */
#include "io/scoped_fd.h"

#include "coro/io.h"
#include "io/fd.h"

#include <unistd.h>

static void discard(struct cleanup *cleanup)
{
	struct scoped_fd *scoped = container_of(cleanup, struct scoped_fd, cleanup);
	struct coro_loop *loop = sched_loop(scoped->task->sched);
	if (sched_of(loop)->poller)
		fd_forget(io_made(loop), scoped->fd);
	close(scoped->fd);
}

void scoped_fd_begin(struct scoped_fd *scoped, int fd)
{
	coro_fd_forget(fd);
	*scoped = (struct scoped_fd){.task = task_running(), .fd = fd};
	if (scoped->task)
		cleanup_push(scoped->task, &scoped->cleanup, discard);
}

int scoped_fd_take(struct scoped_fd *scoped)
{
	if (scoped->task)
		cleanup_pop(&scoped->cleanup);
	return scoped->fd;
}

void scoped_fd_close(struct scoped_fd *scoped)
{
	coro_fd_close(scoped_fd_take(scoped));
}
