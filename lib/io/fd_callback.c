/* SPDX-License-Identifier: MIT */
/* fd callbacks: the loop calls them in each turn in which an fd is ready. */
#include "base/memory.h"
#include "base/system.h"
#include "core/fail.h"
#include "coro/io.h"
#include "io/fd.h"

#include <errno.h>
#include <stdlib.h>

static void run_fd_callback(struct call *call)
{
	struct fd_callback *callback = container_of(call, struct fd_callback, call);
	callback->fn(callback->arg);
}

void fd_callback_remove(struct io *io, struct fd *fd, enum direction direction)
{
	struct fd_callback *callback = fd->sides[direction].callback;
	if (!callback)
		return;
	fd->sides[direction].callback = NULL;
	call_remove(sched_of(io->loop), &callback->call);
	sched_release(sched_of(io->loop), 0, 1);
	sched_watch_end(sched_of(io->loop));
	free(callback);
}

/* Adds a callback to a direction that has none. */
static int fd_callback_add(struct io *io, struct fd *fd, enum direction direction)
{
	int r = fd_check_kind(fd);
	if (r < 0)
		return r;
	struct fd_callback *callback = memory_alloc(sizeof(*callback));
	if (!callback)
		return -ENOMEM;
	r = sched_reserve(sched_of(io->loop), 0, 1);
	if (r < 0) {
		free(callback);
		return r;
	}
	*callback = (struct fd_callback){.call = {.run = run_fd_callback, .position = CALL_IDLE}};
	fd->sides[direction].callback = callback;
	sched_watch_begin(sched_of(io->loop));
	r = io->backend->arm(io, fd);
	if (r < 0)
		fd_callback_remove(io, fd, direction);
	return r;
}

static int add(struct coro_loop *loop, int number, enum direction direction, coro_callback *fn,
	       void *arg)
{
	struct sched *sched = sched_of(loop);
	struct io *io;
	struct fd *fd;
	int r = sched_check(sched);
	if (r < 0 || !fn)
		return r < 0 ? r : fail_with(-EINVAL, "coro_loop_add_reader, _writer: fn is NULL");
	r = io_of(loop, &io);
	if (r == 0)
		r = fd_of(io, number, &fd);
	if (r < 0)
		return fail_code(r);
	fd->special |= FD_UNSURE;
	fd_check_closed(io, fd);
	if (fd->sides[direction].callback) {
		call_remove(sched, &fd->sides[direction].callback->call); /* of the old one */
		r = io->backend->arm(io, fd);
	} else {
		r = fd_callback_add(io, fd, direction);
	}
	if (r < 0)
		return fail_code(r);
	fd->sides[direction].callback->fn = fn;
	fd->sides[direction].callback->arg = arg;
	return 0;
}

static int take_off(struct coro_loop *loop, int number, enum direction direction)
{
	struct sched *sched = sched_of(loop);
	int r = sched_check(sched);
	if (r < 0)
		return r;
	struct io *io = sched->poller ? io_made(loop) : NULL;
	struct fd *fd = io ? fd_find(io, number) : NULL;
	if (!fd || !fd->sides[direction].callback)
		return 0;
	fd_callback_remove(io, fd, direction);
	io->backend->arm(io, fd);
	if (io->backend->leave)
		io->backend->leave(io, fd);
	return 1;
}

int coro_loop_add_reader(struct coro_loop *loop, int fd, coro_callback *fn, void *arg)
{
	return add(loop, fd, READING, fn, arg);
}

int coro_loop_add_writer(struct coro_loop *loop, int fd, coro_callback *fn, void *arg)
{
	return add(loop, fd, WRITING, fn, arg);
}

int coro_loop_remove_reader(struct coro_loop *loop, int fd)
{
	return take_off(loop, fd, READING);
}

int coro_loop_remove_writer(struct coro_loop *loop, int fd)
{
	return take_off(loop, fd, WRITING);
}
