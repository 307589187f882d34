/* SPDX-License-Identifier: MIT */
/* The ring of a loop: creates it, submits requests, waits, and takes results. */
#include "io/poller/uring.h"

#include "base/memory.h"
#include "base/sanitize.h"
#include "base/system.h"
#include "coro/base.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ENTRIES = 1024, RESULTS = 8192 };

/* -- requests */

int uring_place(struct uring *uring, struct io_uring_sqe **ret)
{
	int tries = 0;
	while (!(*ret = io_uring_get_sqe(&uring->ring))) {
		int r = io_uring_submit(&uring->ring);
		if (r >= 0)
			continue;
		if (!uring_error_passes(r) && ++tries == URING_TRIES)
			return r;
		uring_take_results(uring); /* the kernel refuses if too many results wait */
	}
	return 0;
}

int uring_put_cancel(struct uring *uring, uint64_t name, uint64_t as)
{
	struct io_uring_sqe *sqe;
	int r = uring_place(uring, &sqe);
	if (r < 0)
		return r;
	io_uring_prep_cancel64(sqe, name, 0);
	sqe->user_data = as;
	return 0;
}

/* -- waiting */

static void take_result(struct uring *uring, const struct io_uring_cqe *cqe)
{
	uint64_t name = cqe->user_data;
	if (name == NAME_INBOX)
		uring->inbox_polled = false;
	else if (name & NAME_IS_POLL)
		uring_poll_came(uring, cqe);
	else if (name == NAME_NOBODY || uring->lost)
		return;
	else if (name & NAME_IS_CANCEL)
		uring_cancel_came(cqe);
	else
		uring_operation_came(cqe);
}

int uring_take_results(struct uring *uring)
{
	struct io_uring_cqe *cqe;
	int r;
	while ((r = io_uring_peek_cqe(&uring->ring, &cqe)) == 0 && cqe) {
		struct io_uring_cqe taken = *cqe;
		io_uring_cqe_seen(&uring->ring, cqe);
		take_result(uring, &taken);
	}
	return r == -EAGAIN ? 0 : r;
}

/* Submits the queued requests, and waits for a result until `when`. */
static int submit_and_wait(struct uring *uring, int64_t when)
{
	struct __kernel_timespec time, *timeout = NULL;
	struct io_uring_cqe *cqe;
	int64_t left = when == CORO_FOREVER ? 1 : when > 0 ? when - coro_clock() : 0;
	if (left <= 0 || io_uring_cq_ready(&uring->ring) > 0)
		return io_uring_submit_and_get_events(&uring->ring);
	if (when != CORO_FOREVER) {
		time = (struct __kernel_timespec){
			.tv_sec = left / CORO_SEC,
			.tv_nsec = left % CORO_SEC,
		};
		timeout = &time;
	}
	return io_uring_submit_and_wait_timeout(&uring->ring, &cqe, 1, timeout, NULL);
}

static int put_inbox(struct uring *uring)
{
	struct io_uring_sqe *sqe;
	int r = uring_place(uring, &sqe);
	if (r < 0)
		return r;
	io_uring_prep_poll_add(sqe, sched_of(uring->io.loop)->inbox.fd, POLLIN);
	sqe->user_data = NAME_INBOX;
	uring->inbox_polled = true;
	return 0;
}

/*
 * Whether a poll must be repeated. It must report what is ready, even if an error that passes came
 * first. And a result may have queued a request, such as a second cancel, which must be submitted
 * before virtual time jumps or another loop waits.
 */
static bool must_repeat(const struct uring *uring, int result, int tries)
{
	if (result < 0)
		return uring_error_passes(result) && tries < URING_TRIES;
	return io_uring_sq_ready(&uring->ring) > 0;
}

static int uring_wait(struct io *io, int64_t when)
{
	struct uring *uring = uring_of(io);
	uint64_t count;
	int r = 0, tries = 0;
	if (uring->signalled >= 0 && read(uring->signalled, &count, sizeof(count)) < 0 &&
	    errno != EAGAIN && errno != EINTR)
		return -errno;
	uring_put_levels(uring);
	if (!list_empty(&uring->levels))
		when = 0; /* an fd is still ready */
	if (!uring->inbox_polled)
		r = put_inbox(uring);
	if (r < 0)
		return r;
	do {
		sanitize_take_signals();
		r = submit_and_wait(uring, when);
		sanitize_take_signals();
		int taken = uring_take_results(uring);
		r = r < 0 ? r : taken;
	} while (when == 0 && must_repeat(uring, r, tries++));
	uring_forget_gone(uring);
	return r < 0 && !uring_error_passes(r) ? r : 0;
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/*
 * Makes the eventfd that the ring signals, and the epoll fd that is readable when the eventfd or the
 * inbox is. Returns 0 or an error.
 */
static int open_for_embedder(struct uring *uring)
{
	uring->signalled = system_above_streams(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	uring->embedded = system_above_streams(epoll_create1(EPOLL_CLOEXEC));
	int r = uring->signalled < 0 || uring->embedded < 0 ? -errno : 0;
	if (r == 0)
		r = watch(uring->embedded, uring->signalled);
	if (r == 0)
		r = watch(uring->embedded, sched_of(uring->io.loop)->inbox.fd);
	if (r == 0)
		r = io_uring_register_eventfd(&uring->ring, uring->signalled);
	return r;
}

static void close_for_embedder(struct uring *uring)
{
	if (uring->signalled >= 0)
		close(uring->signalled);
	if (uring->embedded >= 0)
		close(uring->embedded);
	uring->signalled = uring->embedded = -1;
}

/*
 * Returns an fd that another loop can poll. The ring's own fd does not work: it is not readable for
 * results that the thread itself must fetch, as with IORING_SETUP_DEFER_TASKRUN. The eventfd alone is
 * not enough either: the ring signals the poll of an eventfd, such as the inbox, only some time later.
 */
static int uring_fd(struct io *io)
{
	struct uring *uring = uring_of(io);
	int r = uring->embedded < 0 ? open_for_embedder(uring) : 0;
	if (r < 0)
		close_for_embedder(uring);
	return r < 0 ? r : uring->embedded;
}

/*
 * Submits the queued requests before another loop waits. If that fails, makes the fd readable, so that
 * the next turn comes at once, tries again and returns the error.
 */
static void uring_settle(struct io *io)
{
	const struct uring *uring = uring_of(io);
	const uint64_t one = 1;
	if (uring_wait(io, 0) == 0 && io_uring_sq_ready(&uring->ring) == 0)
		return;
	while (write(uring->signalled, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* -- create and destroy */

static char rings; /* by its address all rings, for sanitizers */

static void close_ring(struct io_uring *ring)
{
	sanitize_ring_unmaps(&rings);
	io_uring_queue_exit(ring);
}

/* Moves the ring's fd above 0 to 2. Returns 0, or an error after freeing the ring. */
static int move_ring(struct io_uring *ring)
{
	int fd = system_above_streams(ring->ring_fd);
	if (fd < 0) {
		int error = errno;
		ring->ring_fd = ring->enter_ring_fd = -1;
		close_ring(ring);
		return -error;
	}
	ring->ring_fd = ring->enter_ring_fd = fd;
	return 0;
}

/* Opens the ring, on older kernels without the flags that they do not know. */
static int open_ring(struct uring *uring)
{
	enum {
		NEEDED = IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS | IORING_FEAT_FAST_POLL |
			 IORING_FEAT_EXT_ARG,
		BASIC = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
		BEST = BASIC | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	struct io_uring_params params = {.flags = BEST, .cq_entries = RESULTS};
	int r = io_uring_queue_init_params(ENTRIES, &uring->ring, &params);
	uring->poll_first = r == 0;
	if (r == -EINVAL) {
		params = (struct io_uring_params){.flags = BASIC, .cq_entries = RESULTS};
		r = io_uring_queue_init_params(ENTRIES, &uring->ring, &params);
	}
	if (r < 0)
		return r;
	sanitize_ring_mapped(&rings);
	r = (params.features & NEEDED) != NEEDED ? -ENOSYS : 0;
	/* Tries a call: a sandbox may allow io_uring_setup and refuse io_uring_enter. */
	if (r == 0)
		r = io_uring_submit_and_get_events(&uring->ring);
	if (r >= 0 || uring_error_passes(r))
		return move_ring(&uring->ring);
	close_ring(&uring->ring);
	return r;
}

static int uring_create(struct coro_loop *loop, struct io **ret)
{
	int r = inbox_fd(&sched_of(loop)->inbox);
	if (r < 0)
		return r;
	struct uring *uring = memory_alloc(sizeof(*uring));
	if (!uring)
		return -ENOMEM;
	r = open_ring(uring);
	if (r < 0) {
		free(uring);
		return r;
	}
	list_init(&uring->levels);
	list_init(&uring->gone);
	uring->inbox_polled = uring->closing = uring->lost = false;
	uring->signalled = uring->embedded = -1;
	io_init(&uring->io, loop, &backend_uring);
	*ret = &uring->io;
	return 0;
}

/* Cancels all requests. Otherwise the kernel holds their files for a while after the ring is closed. */
static void cancel_all(struct uring *uring)
{
	struct io_uring_sqe *sqe;
	if (uring_place(uring, &sqe) < 0)
		return;
	io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	sqe->user_data = NAME_NOBODY;
	io_uring_submit_and_get_events(&uring->ring);
}

static void uring_destroy(struct io *io)
{
	struct uring *uring = uring_of(io);
	if (sched_is_own(sched_of(io->loop)))
		cancel_all(uring);
	close_ring(&uring->ring);
	close_for_embedder(uring);
	io_finish(io);
	free(uring);
}

const struct backend backend_uring = {
	.name = "uring",
	.create = uring_create,
	.destroy = uring_destroy,
	.arm = uring_arm,
	.leave = uring_leave,
	.forget = uring_forget,
	.fd = uring_fd,
	.settle = uring_settle,
	.wait = uring_wait,
	.perform = uring_perform,
};
