/* SPDX-License-Identifier: MIT */
#include "io/blocking.h"

#include "base/memory.h"
#include "base/system.h"
#include "loop/loop.h"

#include <stdlib.h>

#ifdef __GLIBC__
#include <dlfcn.h>
#include <gnu/lib-names.h>
#endif

static void unref(struct blocking *blocking)
{
	if (__atomic_sub_fetch(&blocking->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	pthread_mutex_destroy(&blocking->mutex);
	free(blocking);
}

int blocking_create(size_t length, struct blocking **ret)
{
	struct blocking *blocking = memory_alloc(sizeof(*blocking) + length);
	if (!blocking)
		return -ENOMEM;
	*blocking = (struct blocking){.length = length, .refs = 1, .fd = -1};
	int r = pthread_mutex_init(&blocking->mutex, NULL);
	if (r != 0) {
		free(blocking);
		return -r;
	}
	*ret = blocking;
	return 0;
}

void blocking_hold(struct blocking *blocking, bool hold)
{
	if (blocking->holding == hold)
		return;
	blocking->holding = hold;
	if (hold) {
		sched_hold(sched_of(blocking->loop));
	} else {
		sched_unhold(sched_of(blocking->loop));
		sched_let_go(sched_of(blocking->loop));
	}
}

/* -- in the loop */

/* Joins the thread, which is at its end or was cancelled, so this does not block for long. */
static void join(struct blocking *blocking)
{
	if (blocking->joined)
		return;
	blocking->joined = true;
	pthread_join(blocking->thread, NULL);
}

static void arrive(struct message *message)
{
	struct blocking *blocking = container_of(message, struct blocking, message);
	struct fd *fd = blocking->record;
	join(blocking);
	blocking->over = true;
	blocking_hold(blocking, false);
	if (fd) {
		fd->busy &= (uint8_t)~BIT(blocking->direction);
		fd_event(io_made(blocking->loop), fd, BIT(blocking->direction), false);
	}
	unref(blocking);
}

static void drop(struct message *message)
{
	struct blocking *blocking = container_of(message, struct blocking, message);
	join(blocking);
	unref(blocking);
}

/* -- in the thread */

static void *run(void *arg)
{
	struct blocking *blocking = arg;
	struct coro_loop *loop = blocking->loop;
	struct sched *sched = sched_of(loop);
	system_name_thread("coro-blocking");
	ssize_t result = blocking->make(blocking);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_mutex_lock(&blocking->mutex);
	blocking->result = result;
	blocking->ended = true;
	close(blocking->fd);
	pthread_mutex_unlock(&blocking->mutex);
	if (sched_post(sched, &blocking->message) < 0)
		unref(blocking);
	sched_let_go(sched);
	return NULL;
}

/* -- */

static int start_thread(struct blocking *blocking)
{
	blocking->fd = fcntl(blocking->record->number, F_DUPFD_CLOEXEC, 3);
	if (blocking->fd < 0)
		return -errno;
	sched_keep(sched_of(blocking->loop));
	blocking->refs++;
	int r = system_start_thread(&blocking->thread, run, blocking);
	if (r < 0) {
		blocking->refs--;
		sched_let_go(sched_of(blocking->loop));
		close(blocking->fd);
		return r == -EAGAIN ? -ENOMEM : r;
	}
	return 0;
}

int blocking_start(struct blocking *blocking, struct io *io, struct fd *fd,
		   enum direction direction)
{
	blocking->record = fd;
	blocking->direction = direction;
	blocking->loop = io->loop;
	blocking->result = -ECANCELED;
	blocking->message = (struct message){.run = arrive, .drop = drop};
	int r = start_thread(blocking);
	if (r < 0) {
		unref(blocking);
		return r;
	}
	blocking_hold(blocking, true);
	fd->sides[direction].blocking = blocking;
	fd->busy |= (uint8_t)BIT(direction);
	return 0;
}

/* glibc loads its unwinder to cancel a thread, and aborts the program if it cannot. */
static bool can_cancel(void)
{
#ifdef __GLIBC__
	static bool loaded;
	if (!__atomic_load_n(&loaded, __ATOMIC_RELAXED)) {
		if (!dlopen(LIBGCC_S_SO, RTLD_NOW))
			return false;
		__atomic_store_n(&loaded, true, __ATOMIC_RELAXED);
	}
#endif
	return true;
}

/* Lets the thread go on by itself. */
static void detach(struct blocking *blocking)
{
	blocking->joined = true;
	pthread_detach(blocking->thread);
}

static void cancel(struct blocking *blocking)
{
	if (!can_cancel()) {
		detach(blocking);
		return;
	}
	pthread_mutex_lock(&blocking->mutex);
	if (!blocking->ended)
		pthread_cancel(blocking->thread);
	pthread_mutex_unlock(&blocking->mutex);
	join(blocking);
	if (blocking->ended)
		return;
	/* The thread was cancelled in the call, and has given nothing back. */
	close(blocking->fd);
	sched_let_go(sched_of(blocking->loop));
	unref(blocking);
}

void blocking_drop(struct fd *fd, enum direction direction)
{
	struct blocking *blocking = fd->sides[direction].blocking;
	if (!blocking)
		return;
	fd->sides[direction].blocking = NULL;
	fd->busy &= (uint8_t)~BIT(direction);
	blocking->record = NULL;
	blocking_hold(blocking, false);
	if (!sched_is_own(sched_of(blocking->loop))) {
		if (!blocking->ended)
			close(blocking->fd); /* a child of fork does not have the thread */
	} else if (!blocking->over) {
		if (direction == READING || blocking->owner)
			cancel(blocking);
		else
			detach(blocking);
	}
	unref(blocking);
}
