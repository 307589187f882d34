/* SPDX-License-Identifier: MIT */
#include "io/io.h"

#include "base/system.h"
#include "coro/embed.h"
#include "coro/io.h"
#include "coro/task.h"
#include "io/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct backend *const backends[] = {
	[CORO_POLLER_POLL] = &backend_poll,
#ifdef __linux__
	[CORO_POLLER_EPOLL] = &backend_epoll,
#endif
#ifdef CORO_KQUEUE
	[CORO_POLLER_KQUEUE] = &backend_kqueue,
#endif
#ifdef CORO_URING
	[CORO_POLLER_URING] = &backend_uring,
#endif
};

enum { BACKENDS = sizeof(backends) / sizeof(backends[0]) };

static const struct backend *backend_of(unsigned kind)
{
	return kind < BACKENDS ? backends[kind] : NULL;
}

/* The best backend that every kernel of the system has. */
static const struct backend *usual_backend(void)
{
	static const enum coro_poller best[] = {CORO_POLLER_EPOLL, CORO_POLLER_KQUEUE};
	for (size_t i = 0; i < sizeof(best) / sizeof(best[0]); i++)
		if (backend_of(best[i]))
			return backend_of(best[i]);
	return &backend_poll;
}

/* The backend that CORO_POLLER names, or the usual one. */
static const struct backend *default_backend(void)
{
	const char *name = getenv("CORO_POLLER");
	for (unsigned kind = 0; name && kind < BACKENDS; kind++)
		if (backends[kind] && strcmp(backends[kind]->name, name) == 0)
			return backends[kind];
	return usual_backend();
}

/* The backend to try after one that could not be made. NULL if the error is final. */
static const struct backend *instead_of(const struct backend *backend, int error)
{
	if (backend == backend_of(CORO_POLLER_URING))
		return usual_backend(); /* io_uring may be missing for many reasons */
	return backend != &backend_poll && system_lacks(-error) ? &backend_poll : NULL;
}

static int poller_wait(struct poller *poller, int64_t when)
{
	struct io *io = container_of(poller, struct io, poller);
	if (unlikely(!fork_is_own(sched_of(io->loop)->fork_count)))
		return -EOWNERDEAD; /* the kernel objects are shared with the parent */
	return io->backend->wait(io, when);
}

static void poller_settle(struct poller *poller)
{
	struct io *io = container_of(poller, struct io, poller);
	if (io->backend->settle)
		io->backend->settle(io);
}

static void poller_destroy(struct poller *poller)
{
	struct io *io = container_of(poller, struct io, poller);
	fds_finish(io);
	io->backend->destroy(io);
}

void io_init(struct io *io, struct coro_loop *loop, const struct backend *backend)
{
	*io = (struct io){
		.poller = {.wait = poller_wait, .settle = poller_settle, .destroy = poller_destroy},
		.backend = backend,
		.performs = backend->perform,
		.otherwise = backend->perform || sched_of(loop)->faults,
		.loop = loop,
	};
	list_init(&io->urgent);
	slab_init(&io->records, sizeof(struct fd));
}

void io_finish(struct io *io)
{
	slab_finish(&io->records);
	free(io->fds);
}

int io_create(struct coro_loop *loop, struct io **ret)
{
	const struct backend *backend = backend_of(loop->poller_kind);
	if (!backend)
		backend = default_backend();
	int r = backend->create(loop, ret);
	while (r < 0 && (backend = instead_of(backend, r)))
		r = backend->create(loop, ret);
	if (r == 0)
		sched_of(loop)->poller = &(*ret)->poller;
	return r;
}

int coro_loop_fd(struct coro_loop *loop)
{
	struct io *io;
	int r = sched_check(sched_of(loop));
	if (r < 0)
		return r;
	r = io_of(loop, &io);
	if (r < 0)
		return r;
	r = io->backend->fd ? io->backend->fd(io) : -ENOTSUP;
	if (r >= 0)
		embed_expose(loop);
	return r;
}

const char *coro_loop_poller(struct coro_loop *loop)
{
	struct io *io;
	return sched_check(sched_of(loop)) == 0 && io_of(loop, &io) == 0 ? io->backend->name : NULL;
}

int io_renew_budget(struct io *io)
{
	io->used = 0;
	return coro_task_yield();
}
