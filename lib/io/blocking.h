/* SPDX-License-Identifier: MIT */
/*
 * A call on an fd that may block, made by a thread of its own: the last resort, where no call can be
 * made that does not. It has memory and a duplicate of the fd to itself, so the task that wants its
 * result may leave at any time, and the fd may be closed.
 *
 * While a thread is at work on a direction of an fd, its bit in `busy` is set, and who waits for that
 * direction is woken when the thread is through.
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
	const void *owner; /* of a write: names who waits for its end; NULL: who did has left */
	bool holding;      /* the loop waits for it */
	bool joined;       /* or detached */
	struct fd *record; /* whose it is; NULL: nobody wants it */
	enum direction direction;
	struct coro_loop *loop;

	struct message message;
	pthread_t thread;
	pthread_mutex_t mutex;
	bool ended;    /* the thread has made the call; guarded by the mutex */
	unsigned refs; /* the record's, and the thread's, which its message takes over. Atomic */
	_Alignas(16) char bytes[]; /* also an address */
};

/* One for so many bytes: 0 or an error. */
int blocking_create(size_t length, struct blocking **ret);

/* Has it made: 0; -EMFILE, -ENOMEM, and then it is gone. */
int blocking_start(struct blocking *blocking, struct io *io, struct fd *fd,
		   enum direction direction);

/*
 * Whether the loop is to wait for it although nothing else is to be waited for: while a task does.
 */
void blocking_hold(struct blocking *blocking, bool hold);

/*
 * Nobody wants it any more, if there is one: what it brings is lost. Its thread ends, as soon as it
 * can; but a write whose owner has left goes on, having been told as written.
 */
void blocking_drop(struct fd *fd, enum direction direction);

#endif
