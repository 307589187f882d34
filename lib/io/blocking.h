/* SPDX-License-Identifier: MIT */
/*
 * A call on an fd that may block, made by a thread of its own: the last resort, when no call that
 * does not block can be made. The call has memory and a duplicate of the fd to itself. So the task
 * that wants its result may leave at any time, and the fd may be closed.
 *
 * While a thread works on a direction of an fd, its bit in `busy` is set. Who waits for that
 * direction is woken when the thread is done.
 */
#ifndef IO_BLOCKING_H
#define IO_BLOCKING_H

#include "io/fd.h"

#include <pthread.h>
#include <sys/socket.h>

struct blocking {
	/* What the thread is to do; its result is a count or an error. */
	ssize_t (*make)(struct blocking *blocking);
	int fd;         /* the duplicate */
	off_t offset;   /* FILE_POSITION or where */
	size_t length;  /* of bytes */
	ssize_t result; /* valid once it is over */

	/* The loop's own: */
	bool over;
	size_t taken;      /* bytes of the result that were handed on */
	const void *owner; /* of a write: names who waits for its end; NULL: that task has left */
	bool holding;      /* the loop waits for it */
	bool joined;       /* or detached */
	struct fd *record; /* the fd's record; NULL: nobody wants the result */
	enum direction direction;
	struct coro_loop *loop;

	struct message message;
	pthread_t thread;
	pthread_mutex_t mutex;
	bool ended;    /* the thread has made the call; guarded by the mutex */
	unsigned refs; /* the record's, and the thread's, which its message takes over. Atomic */
	_Alignas(16) char bytes[]; /* also an address */
};

/* Makes one with room for length bytes: 0 or an error. */
int blocking_create(size_t length, struct blocking **ret);

/* Has a thread make the call: 0; -EMFILE, -ENOMEM, and then it is freed. */
int blocking_start(struct blocking *blocking, struct io *io, struct fd *fd,
		   enum direction direction);

/* Whether the loop waits for it even if there is nothing else to wait for: while a task does. */
void blocking_hold(struct blocking *blocking, bool hold);

/*
 * Drops the call of this direction, if there is one: its result is lost. Its thread ends as soon as
 * it can; but a write whose owner has left goes on, since it was reported as written.
 */
void blocking_drop(struct fd *fd, enum direction direction);

#endif
