/* SPDX-License-Identifier: MIT */
/* The functions of a poller. Each poller is a file in poller/. */
#ifndef IO_POLLER_H
#define IO_POLLER_H

#include <stdint.h>
#include <sys/types.h>

struct coro_loop;
struct io;
struct fd;
struct transfer;

struct backend {
	const char *name;
	/* Makes the io of a loop, with all that it needs, and calls io_init. 0 or an error. */
	int (*create)(struct coro_loop *loop, struct io **ret);
	void (*destroy)(struct io *io);
	/*
	 * Has the directions of the fd watched that are wanted: see fd_wanted and FD_UNSURE. 0; -EPERM: the fd is
	 * of a kind that is not waited for, being ready at all times; -ENOMEM, -ENOSPC.
	 */
	int (*arm)(struct io *io, struct fd *fd);
	/* Somebody waits for it no more, who was not woken by an event. NULL: there is nothing to be done. */
	void (*leave)(struct io *io, struct fd *fd);
	/* The fd is to be closed, or is already: nothing is to come of it any more. */
	void (*forget)(struct io *io, struct fd *fd);
	/* An fd that is readable when wait has something to tell, or an error. NULL: there is none. */
	int (*fd)(struct io *io);
	/* As struct poller's. NULL: there is nothing to be done. */
	void (*settle)(struct io *io);
	/* As struct poller's. Tells fd_event what has come. */
	int (*wait)(struct io *io, int64_t when);
	/*
	 * NULL, or: has the system make a call as a whole, while the task waits. Its result or an
	 * error; -EAGAIN: it is to be tried when the fd is ready; -EBADF: it was closed meanwhile.
	 * A call that is cancelled returns when the system has let go of it, and may have a result
	 * all the same: then the cancellation is for the task's next wait.
	 */
	ssize_t (*perform)(struct io *io, struct fd *fd, struct transfer *transfer);
};

extern const struct backend backend_poll;
#ifdef __linux__
extern const struct backend backend_epoll;
#endif
#ifdef CORO_KQUEUE
extern const struct backend backend_kqueue;
#endif
#ifdef CORO_URING
extern const struct backend backend_uring;
#endif

#endif
