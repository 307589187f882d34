/* SPDX-License-Identifier: MIT */
/* Watchers: callbacks that the loop calls for as long as an fd is ready. */
#include "core/fail.h"
#include "coro/io.h"
#include "io/fd.h"

#include <errno.h>
#include <stdlib.h>

#ifdef __linux__
#include <sys/epoll.h>
#include <unistd.h>
#endif

static void run_watcher(struct call *call)
{
	struct watcher *watcher = container_of(call, struct watcher, call);
	watcher->fn(watcher->arg);
}

void watcher_remove(struct io *io, struct fd *fd, enum direction direction)
{
	struct watcher *watcher = fd->sides[direction].watcher;
	if (!watcher)
		return;
	fd->sides[direction].watcher = NULL;
	call_remove(io->loop, &watcher->call);
	loop_release(io->loop, 0, 1);
	loop_watch_end(io->loop);
	free(watcher);
}

/*
 * Whether it can be waited for: not of its kind, since there are files of /proc and /sys that can, but
 * of epoll. The other pollers take any file for ready.
 */
static int check_kind(const struct fd *fd)
{
	if (fd->kind != FD_FILE)
		return 0;
#ifdef __linux__
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return -errno;
	int r = epoll_ctl(epoll, EPOLL_CTL_ADD, fd->number, &event) < 0 ? -errno : 0;
	close(epoll);
	return r;
#else
	return -EPERM;
#endif
}

/* Has a direction watched that was not. */
static int watcher_add(struct io *io, struct fd *fd, enum direction direction)
{
	int r = check_kind(fd);
	if (r < 0)
		return r;
	struct watcher *watcher = malloc(sizeof(*watcher));
	if (!watcher)
		return -ENOMEM;
	r = loop_reserve(io->loop, 0, 1);
	if (r < 0) {
		free(watcher);
		return r;
	}
	*watcher = (struct watcher){.call = {.run = run_watcher, .position = CALL_IDLE}};
	fd->sides[direction].watcher = watcher;
	loop_watch_begin(io->loop);
	r = io->backend->arm(io, fd);
	if (r < 0)
		watcher_remove(io, fd, direction);
	return r;
}

static int add(struct coro_loop *loop, int number, enum direction direction, coro_callback *fn,
	       void *arg)
{
	struct io *io;
	struct fd *fd;
	int r = loop_check(loop);
	if (r < 0 || !fn)
		return r < 0 ? r : fail_with(-EINVAL, "coro_loop_add_reader, _writer: fn is NULL");
	r = io_of(loop, &io);
	if (r == 0)
		r = fd_of(io, number, &fd);
	if (r < 0)
		return fail_code(r);
	fd->special |= FD_UNSURE;
	fd_look_for_close(io, fd);
	if (fd->sides[direction].watcher) {
		call_remove(loop, &fd->sides[direction].watcher->call); /* the old one's turn */
		r = io->backend->arm(io, fd);
	} else {
		r = watcher_add(io, fd, direction);
	}
	if (r < 0)
		return fail_code(r);
	fd->sides[direction].watcher->fn = fn;
	fd->sides[direction].watcher->arg = arg;
	return 0;
}

static int take_off(struct coro_loop *loop, int number, enum direction direction)
{
	int r = loop_check(loop);
	if (r < 0)
		return r;
	struct io *io = loop->poller ? io_made(loop) : NULL;
	struct fd *fd = io ? fd_find(io, number) : NULL;
	if (!fd || !fd->sides[direction].watcher)
		return 0;
	watcher_remove(io, fd, direction);
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
