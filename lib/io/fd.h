/* SPDX-License-Identifier: MIT */
/*
 * A loop's record of an fd: its kind, whether a call is worth a try, and which tasks wait for it.
 *
 * `ready` has a bit for each direction. While it is set, calls are tried. It is cleared when a call
 * would block; then the poller brings an event when that changes. An event wakes the first in the
 * direction's line. When its call is over and the fd is still ready, it wakes the next.
 */
#ifndef IO_FD_H
#define IO_FD_H

#include "io/io.h"
#include "sched/park.h"

#include <errno.h>

enum direction { READING, WRITING, DIRECTIONS };

#define BIT(direction) (1u << (direction))

enum fd_kind {
	FD_TCP,    /* and similar streams: a short read leaves them empty */
	FD_UNIX,   /* a stream that may carry fds beside bytes */
	FD_SOCKET, /* all other sockets */
	FD_PIPE,
	FD_DEVICE, /* terminals, eventfds and all others */
	FD_FILE,   /* always ready: what fstat calls a file, and what the poller refuses */
};

/*
 * How a call that must not block is made on an fd that is neither a socket nor a file. O_NONBLOCK
 * does not do: others who share the description may clear it. See nowait.h.
 */
enum fd_access {
	ACCESS_UNKNOWN,  /* try RWF_NOWAIT */
	ACCESS_FLAG,     /* RWF_NOWAIT works */
	ACCESS_OWN,      /* a second description, with O_NONBLOCK */
	ACCESS_THREAD,   /* a thread, unless the fd has O_NONBLOCK at the moment */
	ACCESS_BLOCKING, /* outside of tasks: may block */
};

/* Reasons to call the backend's arm for each wait. */
enum fd_special {
	FD_LEVEL = 1,  /* backend: watched as a level, not for edges */
	FD_UNSURE = 2, /* the number may have been given to another file */
};

struct fd {
	int number;
	uint32_t generation; /* differs from that of earlier records of the number */
	uint8_t kind, access;
	uint8_t ready;
	uint8_t busy;    /* directions in which a thread is at work: see blocking.h */
	uint8_t armed;   /* backend: directions that are watched */
	uint8_t special; /* of enum fd_special */
	bool suspected;  /* epoll: the number may have been given to another file */
	bool lasting;    /* backend: a multishot poll for WRITING is in place */
	bool polled;     /* there are polls */
	bool pollable;   /* FD_FILE: it is waited for all the same: known once somebody does */
	bool hung_up;    /* hang-up, error or urgent data: a short read proves nothing */
	/*
	 * Of short reads on a stream, see bytes.c: the most bytes that were all there was; the
	 * fewest that were not, 0 for none.
	 */
	uint32_t proven, doubted;
	uint32_t watch; /* backend: number of the present registration */
	int own;        /* the second description of ACCESS_OWN */
	/* Listening sockets: position in ready, truncated, when O_NONBLOCK was seen set. */
	uint32_t nonblocking_at;
	uint64_t identity; /* debug mode: of the file when it was last checked */
	struct io *io;     /* whose record it is; NULL: outside of any loop */
	struct side {
		struct list line; /* struct fd_wait */
		struct fd_callback *callback;
		struct blocking *blocking; /* a thread's call, until its result is taken */
	} sides[DIRECTIONS];
	struct list link;  /* backend */
	struct list polls; /* struct fd_poll; valid while `polled` is set */
};

/*
 * An fd that a task waits for in coro_poll, in the fd's list. It takes no turn: an event wakes all
 * of them, and the first in line as well.
 */
struct fd_poll {
	struct list link;
	struct fd *fd; /* NULL: it has none */
	/* Called at an event, with the poller's error or 0, and when the fd is closed. */
	void (*wake)(struct fd_poll *entry, int error);
	struct polling *polling;
	uint8_t directions;
	bool closed; /* the fd was closed */
	bool woken;  /* by an event of the fd */
};

/* A task that waits for an fd, in its line; on the task's stack. */
struct fd_wait {
	struct waiter waiter;
	struct fd *fd; /* NULL: it was closed */
	int error;     /* of the poller; 0 for none */
	/*
	 * Called instead of waking the task when the fd is closed, with this off the line. For calls
	 * that the kernel has, which end the wait themselves. NULL otherwise.
	 */
	void (*closed)(struct fd_wait *wait);
};

/* Fills in a record outside of any loop. Returns 0 or -EBADF. */
int fd_examine(struct fd *fd, int number);

/* Finds the record of a number. NULL for none. */
static inline struct fd *fd_find(const struct io *io, int number)
{
	return (size_t)number < io->fd_count ? io->fds[number] : NULL;
}

int fd_create(struct io *io, int number, struct fd **ret);

/* Finds or makes the record of an fd. Returns 0, -EBADF or -ENOMEM. */
static inline int fd_of(struct io *io, int number, struct fd **ret)
{
	struct fd *fd = fd_find(io, number);
	if (unlikely(!fd))
		return fd_create(io, number, ret);
	*ret = fd;
	return 0;
}

/*
 * Replaces a record whose number was closed plainly and given to a file of another kind. Returns 1
 * with the new record in *ret, and tasks that waited woken with -EBADF; 0 if the kind is the same; or
 * an error.
 */
int fd_renew(struct io *io, struct fd **ret);

/* Makes the record of an fd that was just accepted from the listener `like`, without a system call. */
void fd_received(struct io *io, int number, const struct fd *like);

/*
 * Nothing is known any more of an fd: it is to be closed, or was, or the number is another's now.
 * Who waits for it is woken with -EBADF.
 */
void fd_forget(struct io *io, int number);

/* Wakes the tasks that wait with -EBADF and removes fd callbacks. The record stays. */
void fd_dismiss(struct io *io, struct fd *fd);

/* Has a socket reset its connection when it is closed. Does nothing to other fds. */
void fd_set_reset(int number);

/* Debug mode: reports an fd whose number now belongs to another file. */
void fd_say_closed(struct fd *fd);

static inline void fd_check_closed(const struct io *io, struct fd *fd)
{
	if (unlikely(sched_of(io->loop)->debug))
		fd_say_closed(fd);
}

/* Whether the record still exists with that generation. Otherwise it was forgotten meanwhile. */
static inline bool fd_is_still(const struct io *io, const struct fd *fd, int number,
			       uint32_t generation)
{
	return fd_find(io, number) == fd && fd->generation == generation;
}

/* Renews the budget for fd_check_budget. */
int fd_renew_budget(struct io *io, struct fd *fd);

/*
 * To be called before a call on an fd: a task that never has to wait gives way here now and then. 0;
 * -ECANCELED; -EBADF: it was closed meanwhile, and there is no record any more.
 */
static inline int fd_check_budget(struct io *io, struct fd *fd)
{
	return likely(!io_out_of_budget(io)) ? 0 : fd_renew_budget(io, fd);
}

/* Frees all records. No task waits any more. */
void fds_finish(struct io *io);

/*
 * Waits until it is ready, in a task: 0, also if it only may be. -ECANCELED; -EBADF: it was closed
 * meanwhile, and there is no record any more; -ENOMEM, -ENOSPC.
 */
int fd_wait(struct io *io, struct fd *fd, enum direction direction);

/* fd_wait again after a wake-up for nothing. The task keeps its place as the first in line. */
int fd_wait_again(struct io *io, struct fd *fd, enum direction direction);

/* Waits until all before it in line are done, but not for the fd. Results as fd_wait. */
int fd_stand_in_line(struct io *io, struct fd *fd, enum direction direction);

/*
 * One whose turn it is for a while, on its task's stack: the others in line wait, also while it gives
 * way, or waits for something else.
 */
struct fd_turn {
	struct fd_wait wait; /* wait.fd is NULL once the fd was closed */
	struct cleanup cleanup;
	enum direction direction;
};

/* Begin and end a turn of the caller. Ending it does not wake the next. */
void fd_turn_begin(struct fd *fd, enum direction direction, struct fd_turn *turn);
void fd_turn_end(struct fd_turn *turn);

/* Blocks the thread until the fd is ready. Returns 0 or an error. */
int fd_block(int number, enum direction direction);

/* Asks the kernel whether the fd is ready. Returns 0, -EAGAIN or an error. */
int fd_ask(int number, enum direction direction);

/*
 * To be called when a call had nothing to do though its fd was told to be ready, for the n-th time, from
 * 0 on. 0: it is not ready any more, and may be waited for again. 1: the system insists that it is, for
 * a reason that the call does not know: a queue of errors that nobody reads, or a datagram socket whose
 * peer has no room; the call is to be tried again, after a pause that has been made here, and that is
 * longer each time. Or an error, as fd_wait's; -ESHUTDOWN: a socket whose direction of reading was shut
 * down, where a call that may block would tell the end. io is NULL outside of tasks.
 */
int fd_rest(struct io *io, struct fd *fd, enum direction direction, int n);

/*
 * To be called after a call on an fd, and by one that leaves the line: wakes the next who waits, if
 * it is ready still, or nothing is going to tell when it is.
 */
static inline void fd_pass_on(struct fd *fd, enum direction direction);

/* -- for backends */

static inline struct fd_poll *fd_poll_of(struct list *link)
{
	return container_of(link, struct fd_poll, link);
}

static inline struct fd_wait *fd_wait_of(struct list *link)
{
	struct waiter *waiter = container_of(link, struct waiter, link);
	return container_of(waiter, struct fd_wait, waiter);
}

/* Whether an event would wake the first in line. Not if the kernel has its call or it pauses. */
static inline bool fd_line_waits(const struct list *line)
{
	return !list_empty(line) && !fd_wait_of(line->next)->closed;
}

/* The directions that are polled for, except those with a thread at work. */
unsigned fd_polled_for(const struct fd *fd);

/* Wakes those who poll for any of the directions. error is theirs to return, or 0. */
void fd_wake_polls(struct fd *fd, unsigned directions, int error);

/* The directions to watch. Not those with a thread at work, which reports itself. */
static inline unsigned fd_wanted(const struct fd *fd)
{
	unsigned wanted = 0;
	for (int i = 0; i < DIRECTIONS; i++)
		if (fd->sides[i].callback ||
		    (fd_line_waits(&fd->sides[i].line) && !(fd->busy & BIT(i))))
			wanted |= BIT(i);
	return unlikely(fd->polled) ? wanted | fd_polled_for(fd) : wanted;
}

/* Whether it has fd callbacks, which are called for as long as it is ready. */
static inline bool fd_wants_level(const struct fd *fd)
{
	return fd->sides[READING].callback || fd->sides[WRITING].callback;
}

/* These directions are ready. hung_up: also because of a hang-up, an error or urgent data. */
void fd_event(struct io *io, struct fd *fd, unsigned ready, bool hung_up);

/* The poller cannot watch it any more: wakes its line with the error. */
void fd_fail(struct fd *fd, enum direction direction, int error);

/* Wakes the first in line, unless one that was woken has not run yet. */
void fd_wake_next(struct fd *fd, enum direction direction);

/* -- inside */

static inline void fd_pass_on(struct fd *fd, enum direction direction)
{
	if (unlikely(!list_empty(&fd->sides[direction].line)) &&
	    (fd->ready | ~(unsigned)fd->armed) & BIT(direction))
		fd_wake_next(fd, direction);
}

/*
 * Has the fd watched for a wait that is in line. Returns 0; 1 if the fd counts as always ready; or an
 * error. Unless 0 the wait is off the line again.
 */
int fd_arm(struct io *io, struct fd *fd, struct fd_wait *wait, enum direction direction);

/*
 * Whether it can be waited for: message queues and some files of /proc and /sys can, though fstat calls
 * them regular files. Returns 0, -EPERM or an error.
 */
int fd_check_kind(struct fd *fd);

/*
 * Has the directions watched that are wanted. Returns 0; -EPERM if the fd counts as always ready from
 * now on; or another error.
 */
int fd_watch(struct io *io, struct fd *fd);

/* A task has left the line for another reason than an event. */
void fd_leave(struct io *io, struct fd *fd, enum direction direction);

/* The kind of a wait whose waiter is in a struct fd_wait, for each direction. */
extern const struct wait_kind fd_waiting[DIRECTIONS];

/* Waits. The caller is in line already. */
static inline __attribute__((always_inline)) int fd_wait_in_line(struct io *io,
								 struct fd_wait *wait,
								 enum direction direction)
{
	sched_watch_begin(sched_of(io->loop));
	int r = waiter_wait(&wait->waiter, &fd_waiting[direction]);
	waiter_end(&wait->waiter);
	sched_watch_end(sched_of(io->loop));
	if (unlikely(!wait->fd || wait->error))
		return r < 0 ? r : wait->error ? wait->error : -EBADF;
	if (unlikely(r < 0))
		fd_leave(io, wait->fd, direction);
	return r;
}

/*
 * fd_wait, or fd_wait_again, for callers that wait often: each return after a switch is one that the
 * CPU mispredicts.
 */
static inline __attribute__((always_inline)) int fd_wait_inline(struct io *io, struct fd *fd,
								enum direction direction,
								bool again)
{
	struct fd_wait wait = {.waiter.state = WAITER_CANCELLED, .fd = fd};
	struct list *line = &fd->sides[direction].line;
	list_append(again ? line->next : line, &wait.waiter.link);
	if (unlikely(!(fd->armed & BIT(direction)) || fd->special)) {
		int r = fd_arm(io, fd, &wait, direction);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return fd_wait_in_line(io, &wait, direction);
}

/* Called by the loop for as long as an fd is ready: see fd_callback.c. */
struct fd_callback {
	struct call call;
	coro_callback *fn;
	void *arg;
};

/* Removes the callback of a direction, if there is one. */
void fd_callback_remove(struct io *io, struct fd *fd, enum direction direction);

#endif
