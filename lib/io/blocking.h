/* SPDX-License-Identifier: MIT */
/*
 * A call on an fd that may block, made by a thread of its own. The last resort, for fds on which no
 * call can be made that does not block. The call has its own memory and its own duplicate of the fd,
 * so the task may stop waiting and the fd may be closed at any time.
 *
 * While the thread works on a direction of an fd, the direction's bit in `busy` is set. When it is
 * done, the first in that direction's line is woken.
 */
#ifndef IO_BLOCKING_H
#define IO_BLOCKING_H

#include "io/fd.h"

#include <pthread.h>
#include <sys/socket.h>

struct blocking {
	/* Makes the call in the thread. Returns a count or an error. */
	ssize_t (*make)(struct blocking *blocking);
	int fd;         /* the duplicate */
	off_t offset;   /* in the file, or FILE_POSITION */
	size_t length;  /* of bytes */
	ssize_t result; /* valid once `over` is set */

	/* Used by the loop only: */
	bool over;
	size_t taken;      /* bytes of the result that were given to readers */
	const void *owner; /* of a write: identifies the task that waits; NULL: it has left */
	bool holding;      /* the run waits for it */
	bool joined;       /* joined or detached */
	struct fd *record; /* the fd's record; NULL: no one wants the result */
	enum direction direction;
	struct coro_loop *loop;

	struct message message;
	pthread_t thread;
	pthread_mutex_t mutex;
	bool ended;                /* the thread has made the call; guarded by the mutex */
	unsigned refs;             /* the record's; the thread's, later its message's; atomic */
	_Alignas(16) char bytes[]; /* or an address */
};

/* Makes a call with room for length bytes. Returns 0 or an error. */
int blocking_create(size_t length, struct blocking **ret);

/* Starts a thread that makes the call. Returns 0, or -EMFILE or -ENOMEM with the call freed. */
int blocking_start(struct blocking *blocking, struct io *io, struct fd *fd,
		   enum direction direction);

/* Sets whether the run waits for it, even if there is nothing else to wait for. */
void blocking_hold(struct blocking *blocking, bool hold);

/*
 * Drops the call of a direction, if there is one, and its result. The thread is cancelled, except in
 * a write whose owner has left: its bytes were reported as written.
 */
void blocking_drop(struct fd *fd, enum direction direction);

#endif
