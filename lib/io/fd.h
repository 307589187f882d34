/* SPDX-License-Identifier: MIT */
/*
 * What a loop knows of an fd: its kind, whether a call is worth a try, and who waits for it.
 *
 * `ready` has a bit for each direction: set, a call may succeed, and is tried; clear, it was seen
 * that it would not, and whatever changes that is an event to come. Of those who wait for a
 * direction the first is woken; when its call is over, and the fd is ready still, the next.
 */
#ifndef IO_FD_H
#define IO_FD_H

#include "io/io.h"
#include "sched/park.h"

#include <errno.h>

enum direction { READING, WRITING, DIRECTIONS };

#define BIT(direction) (1u << (direction))

enum fd_kind {
	FD_TCP,    /* and its like: streams, which a read of less than was asked for leaves empty */
	FD_UNIX,   /* a stream that may carry more than bytes */
	FD_SOCKET, /* all others */
	FD_PIPE,
	FD_DEVICE, /* terminals, eventfds, and what else there is */
	FD_FILE,   /* is not waited for: regular files, and what the poller refuses */
};

/*
 * How a call that must not block is made on what is neither a socket nor a file. Not by O_NONBLOCK,
 * which others who share the description may take off: see nowait.h.
 */
enum fd_access {
	ACCESS_UNKNOWN,  /* by RWF_NOWAIT, if it knows that */
	ACCESS_FLAG,     /* by RWF_NOWAIT */
	ACCESS_OWN,      /* on a description of our own */
	ACCESS_THREAD,   /* by a thread, unless it has O_NONBLOCK just then */
	ACCESS_BLOCKING, /* outside of tasks: it may block */
};

/* Why the backend's arm is called for each wait. */
enum fd_special {
	FD_LEVEL = 1,  /* backend: it is watched as a level, not for edges */
	FD_UNSURE = 2, /* what has its number now may be another */
};

struct fd {
	int number;
	uint32_t generation; /* tells a record from an earlier one of its number */
	uint8_t kind, access;
	uint8_t ready;
	uint8_t busy;    /* the directions that a thread is at work on: see blocking.h */
	uint8_t armed;   /* backend: the directions that are watched */
	uint8_t special; /* of enum fd_special */
	bool suspected;  /* epoll: what has its number now may be another */
	bool lasting;    /* backend: told of changes of WRITING until that is cancelled */
	bool hung_up; /* a hang-up, an error or urgent data was seen: a short read proves nothing */
	/*
	 * Of short reads on a stream, see bytes.c: the most bytes that were all there was; the
	 * fewest that were not, 0 for none.
	 */
	uint32_t proven, doubted;
	uint32_t watch; /* backend: tells what is watched from what was */
	int own;        /* with ACCESS_OWN */
	/* Of a listening socket: where ready stood when it was seen to have O_NONBLOCK, cut. */
	uint32_t nonblocking_at;
	uint64_t identity; /* debug mode: of what had the number when it was looked at last */
	struct side {
		struct list line; /* struct fd_wait */
		struct fd_callback *callback;
		struct blocking *blocking; /* the call of a thread, until its result is taken */
	} sides[DIRECTIONS];
	struct list link; /* backend */
};

/* One who waits for an fd, in its line; on the task's stack. */
struct fd_wait {
	struct waiter waiter;
	struct fd *fd; /* NULL: it was closed */
	int error;     /* the system could not go on watching it */
	/*
	 * The fd is closed, and this is off its line: NULL to be woken. Of a call that the system
	 * has, and that ends the wait by itself.
	 */
	void (*closed)(struct fd_wait *wait);
};

/* Makes a record of its own of an fd, that nobody waits with: 0 or -EBADF. */
int fd_examine(struct fd *fd, int number);

/* The record of a number, NULL if there is none. */
static inline struct fd *fd_find(const struct io *io, int number)
{
	return (size_t)number < io->fd_count ? io->fds[number] : NULL;
}

int fd_create(struct io *io, int number, struct fd **ret);

/* The record of an fd, made if there is none: 0, -EBADF, -ENOMEM. */
static inline int fd_of(struct io *io, int number, struct fd **ret)
{
	struct fd *fd = fd_find(io, number);
	if (unlikely(!fd))
		return fd_create(io, number, ret);
	*ret = fd;
	return 0;
}

/*
 * Makes a record anew that is of another kind than what has the number now: by plain close and another
 * open. 1: it is another, in *ret, and who waited for it is woken with -EBADF; 0: it is not; or an error.
 */
int fd_renew(struct io *io, struct fd **ret);

/* Makes it anew of an fd that was just accepted by that one, without asking the system. */
void fd_received(struct io *io, int number, const struct fd *like);

/*
 * Nothing is known any more of an fd: it is to be closed, or was, or the number is another's now.
 * Who waits for it is woken with -EBADF.
 */
void fd_forget(struct io *io, int number);

/* Who waits for it is woken with -EBADF, and callbacks go; the record stays. */
void fd_dismiss(struct io *io, struct fd *fd);

/* Has a socket reset its connection when it is closed; for others it does nothing. */
void fd_set_reset(int number);

/* Debug mode: says so where what has the number is not what the record was made for. */
void fd_say_closed(struct fd *fd);

static inline void fd_check_closed(const struct io *io, struct fd *fd)
{
	if (unlikely(io->loop->debug))
		fd_say_closed(fd);
}

/* Whether the record is still the one of that generation: not if it was forgotten meanwhile. */
static inline bool fd_is_still(const struct io *io, const struct fd *fd, int number,
			       uint32_t generation)
{
	return fd_find(io, number) == fd && fd->generation == generation;
}

/* The slow half of fd_check_budget. */
int fd_turn_over(struct io *io, struct fd *fd);

/*
 * To be called before a call on an fd: a task that never has to wait gives way here now and then. 0;
 * -ECANCELED; -EBADF: it was closed meanwhile, and there is no record any more.
 */
static inline int fd_check_budget(struct io *io, struct fd *fd)
{
	return likely(!io_out_of_budget(io)) ? 0 : fd_turn_over(io, fd);
}

/* Frees all records, when nobody waits any more. */
void fds_finish(struct io *io);

/*
 * Waits until it is ready, in a task: 0, also if it only may be. -ECANCELED; -EBADF: it was closed
 * meanwhile, and there is no record any more; -ENOMEM, -ENOSPC.
 */
int fd_wait(struct io *io, struct fd *fd, enum direction direction);

/* The same once more, of one that was woken for nothing: it keeps its place, the first. */
int fd_wait_again(struct io *io, struct fd *fd, enum direction direction);

/* Waits behind those in line, but not for the fd: as fd_wait. */
int fd_stand_in_line(struct io *io, struct fd *fd, enum direction direction);

/*
 * One whose turn it is for a while, on its task's stack: the others in line wait, also while it gives
 * way, or waits for something else.
 */
struct fd_turn {
	struct fd_wait wait; /* its fd is NULL once the fd was closed */
	struct cleanup cleanup;
	enum direction direction;
};

/* It is the caller's turn, who is to end it, but does not pass it on. */
void fd_turn_begin(struct fd *fd, enum direction direction, struct fd_turn *turn);
void fd_turn_end(struct fd_turn *turn);

/* The same without a record, which blocks: 0 or an error. */
int fd_block(int number, enum direction direction);

/* Asks the system whether it is ready: 0; -EAGAIN: it is not; or an error. */
int fd_ask(int number, enum direction direction);

/*
 * To be called when a call had nothing to do though its fd was told to be ready, for the n-th time, from
 * 0 on. 0: it is not ready any more, and may be waited for again. 1: the system insists that it is, for
 * a reason that the call does not know: a queue of errors that nobody reads, or a datagram socket whose
 * peer has no room; the call is to be tried again, after a pause that has been made here, and that is
 * longer each time. Or an error, as fd_wait's. io is NULL outside of tasks.
 */
int fd_rest(struct io *io, struct fd *fd, enum direction direction, int n);

/*
 * To be called after a call on an fd, and by one that leaves the line: wakes the next who waits, if
 * it is ready still, or nothing is going to tell when it is.
 */
static inline void fd_pass_on(struct fd *fd, enum direction direction);

/* -- for backends */

static inline struct fd_wait *fd_wait_of(struct list *link)
{
	struct waiter *waiter = container_of(link, struct waiter, link);
	return container_of(waiter, struct fd_wait, waiter);
}

/* Whether an event would wake one in line: not if the first has a call of the system's, or rests. */
static inline bool fd_line_waits(const struct list *line)
{
	return !list_empty(line) && !fd_wait_of(line->next)->closed;
}

/* The directions that somebody waits for. A thread tells itself when it is through. */
static inline unsigned fd_wanted(const struct fd *fd)
{
	unsigned wanted = 0;
	for (int i = 0; i < DIRECTIONS; i++)
		if (fd->sides[i].callback ||
		    (fd_line_waits(&fd->sides[i].line) && !(fd->busy & BIT(i))))
			wanted |= BIT(i);
	return wanted;
}

/* Whether somebody is to be told for as long as it is ready. */
static inline bool fd_wants_level(const struct fd *fd)
{
	return fd->sides[READING].callback || fd->sides[WRITING].callback;
}

/* These directions have become ready, or are; hung_up: and may be so for an unusual reason. */
void fd_event(struct io *io, struct fd *fd, unsigned ready, bool hung_up);

/* The system cannot watch it any more: its waiters are told. */
void fd_fail(struct fd *fd, enum direction direction, int error);

/* Wakes the first in line who has not been. */
void fd_wake_next(struct fd *fd, enum direction direction);

/* -- inside */

static inline void fd_pass_on(struct fd *fd, enum direction direction)
{
	if (unlikely(!list_empty(&fd->sides[direction].line)) &&
	    (fd->ready | ~(unsigned)fd->armed) & BIT(direction))
		fd_wake_next(fd, direction);
}

/*
 * Has the fd watched for one who is in line: 0; 1: it is not waited for after all, being ready at all
 * times; or an error. Unless 0 it is off the line again.
 */
int fd_arm(struct io *io, struct fd *fd, struct fd_wait *wait, enum direction direction);

/* Who waited has gone for another reason than that it is ready. */
void fd_leave(struct io *io, struct fd *fd, enum direction direction);

/* Waits whose latch is that of a struct fd_wait, for each direction. */
extern const struct wait_kind fd_waiting[DIRECTIONS];

/* Waits, being in line already. */
static inline __attribute__((always_inline)) int fd_wait_in_line(struct io *io,
								 struct fd_wait *wait,
								 enum direction direction)
{
	loop_watch_begin(io->loop);
	int r = waiter_wait(&wait->waiter, &fd_waiting[direction]);
	waiter_end(&wait->waiter);
	loop_watch_end(io->loop);
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

/* Called by the loop for as long as an fd is ready: see watcher.c. */
struct fd_callback {
	struct call call;
	coro_callback *fn;
	void *arg;
};

/* Lets go of a direction's watcher, if there is one. */
void fd_callback_remove(struct io *io, struct fd *fd, enum direction direction);

#endif
