/* SPDX-License-Identifier: MIT */
/*
 * coro_poll: waits for several fds at once. Pollers report edges, and a task that polls reads nothing.
 * So the kernel is asked for what is ready before each wait and after it.
 *
 * Pollers watch directions, which are more than some events: urgent data, the end of a stream and mere
 * hang-ups come with other input. A wait for such events, and one that was woken for nothing, has an
 * epoll of its own that watches the events alone.
 */
#include "base/memory.h"
#include "base/poll.h"
#include "base/system.h"
#include "core/fail.h"
#include "core/overflow.h"
#include "coro/io.h"
#include "coro/task.h"
#include "io/fd.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>
#endif

/* How many fds are waited for without an allocation. */
enum { FEW = 16 };

struct polling {
	struct task *task;
	struct io *io;
	struct pollfd *fds;
	size_t count;
	struct fd_poll *entries; /* one for each of fds */
	struct fd_poll exact;    /* of the epoll */
	int epoll;               /* -1: there is none */
	int error;               /* of the poller; 0 for none */
	bool over;               /* the time is over */
	struct cleanup cleanup;
	struct fd_poll few[FEW];
};

/* -- being woken */

static void leave(struct task_wait *wait)
{
	timer_disarm(wait->task->sched, &wait->timer);
}

static struct polling *polling_of(const struct task_wait *wait)
{
	return container_of(wait->cleanups, struct polling, cleanup);
}

static int describe(const struct task_wait *wait, char *text, size_t size)
{
	const struct polling *polling = polling_of(wait);
	if (polling->count == 1)
		return snprintf(text, size, "fd %d, by coro_poll", polling->fds->fd);
	return snprintf(text, size, "%zu fds", polling->count);
}

static const struct wait_kind waiting = {.leave = leave, .what = "fds", .describe = describe};

/* Does nothing if the task was woken or cancelled already. */
static void wake_up(struct polling *polling)
{
	struct task_wait *wait = task_wait(polling->task);
	if (wait->kind != &waiting)
		return;
	leave(wait);
	wake(polling->task, 0);
}

static void time_over(struct call *call)
{
	struct timer *timer = container_of(call, struct timer, call);
	struct task_wait *wait = container_of(timer, struct task_wait, timer);
	polling_of(wait)->over = true;
	wake(wait->task, 0);
}

static void entry_woken(struct fd_poll *entry, int error)
{
	struct polling *polling = entry->polling;
	if (error)
		polling->error = error;
	wake_up(polling);
}

/* -- entries */

enum { FOR_READING = POLLIN | POLLRDNORM, FOR_WRITING = POLLOUT | POLLWRNORM };

/* Whether a wait for a direction may be woken again and again by other events than these. */
static bool is_narrow(short events)
{
	return !(events & FOR_READING) && (!events || events & ~FOR_WRITING);
}

static unsigned directions_of(short events)
{
	return (events & FOR_READING || is_narrow(events) ? BIT(READING) : 0) |
	       (events & FOR_WRITING ? BIT(WRITING) : 0);
}

static void entry_remove(struct fd_poll *entry)
{
	struct fd *fd = entry->fd;
	if (!fd)
		return;
	list_remove(&entry->link);
	fd->polled = !list_empty(&fd->polls);
	entry->fd = NULL; /* it may be forgotten now */
}

/* Ends a wait without an event, as fd_leave. */
static void entry_leave(struct io *io, struct fd_poll *entry)
{
	struct fd *fd = entry->fd;
	entry_remove(entry);
	if (!fd || entry->woken || !entry->directions)
		return;
	fd->special |= FD_UNSURE;
	if (io->backend->leave)
		io->backend->leave(io, fd);
}

/* Adds an entry and has its directions watched, if any. Returns 0 or an error. */
static int entry_add(struct polling *polling, struct fd_poll *entry, int number,
		     unsigned directions)
{
	struct io *io = polling->io;
	struct fd *fd;
	int r = fd_of(io, number, &fd);
	if (r == 0 && fd->kind == FD_FILE)
		r = fd_renew(io, &fd);
	if (r < 0)
		return r == -EBADF ? 0 : r; /* it is found when the kernel is asked */
	entry->fd = fd;
	entry->directions = (uint8_t)directions;
	entry->woken = false;
	if (!fd->polled)
		list_init(&fd->polls);
	fd->polled = true;
	list_append(&fd->polls, &entry->link);
	if (!fd->special && !(directions & ~(unsigned)fd->armed))
		return 0;
	r = directions ? fd_watch(io, fd) : 0;
	return r == -EPERM ? 0 : r; /* a file, which is ready as far as it can be */
}

/* -- the epoll */

#ifdef __linux__

/* The events that all entries of a number want. */
static uint32_t events_of(const struct polling *polling, int number)
{
	short events = 0;
	for (size_t i = 0; i < polling->count; i++)
		if (polling->fds[i].fd == number)
			events |= polling->fds[i].events;
	return (uint16_t)events;
}

static int epoll_add(const struct polling *polling, int number)
{
	struct epoll_event event = {.events = events_of(polling, number)};
	if (epoll_ctl(polling->epoll, EPOLL_CTL_ADD, number, &event) == 0)
		return 0;
	/* There twice; a file; closed, which is found when the kernel is asked. */
	return errno == EEXIST || errno == EPERM || errno == EBADF ? 0 : -errno;
}

/* Makes an epoll that watches all fds for their events alone. Returns 0 or an error. */
static int epoll_begin(struct polling *polling)
{
	polling->epoll = system_above_streams(epoll_create1(EPOLL_CLOEXEC));
	if (polling->epoll < 0)
		return -errno;
	for (size_t i = 0; i < polling->count; i++) {
		int number = polling->fds[i].fd;
		int r = number < 0 ? 0 : epoll_add(polling, number);
		if (r < 0)
			return r;
	}
	fd_forget(polling->io, polling->epoll);
	return entry_add(polling, &polling->exact, polling->epoll, BIT(READING));
}

#else

static int epoll_begin(struct polling *polling)
{
	(void)polling;
	return -ENOSYS;
}

#endif

static void epoll_end(struct polling *polling)
{
	entry_remove(&polling->exact);
	if (polling->epoll < 0)
		return;
	fd_forget(polling->io, polling->epoll);
	close(polling->epoll);
	polling->epoll = -1;
}

/* -- waiting */

static void discard(struct cleanup *cleanup)
{
	struct polling *polling = container_of(cleanup, struct polling, cleanup);
	for (size_t i = 0; i < polling->count; i++)
		entry_remove(&polling->entries[i]);
	epoll_end(polling);
	if (polling->entries != polling->few)
		free(polling->entries);
}

/* Has all fds watched. Returns 0 or an error. */
static int begin(struct polling *polling, bool exactly)
{
	int r = exactly ? epoll_begin(polling) : 0;
	if (system_lacks(-r)) {
		exactly = false; /* then the directions must do */
		r = 0;
	}
	for (size_t i = 0; i < polling->count && r == 0; i++) {
		const struct pollfd *fd = &polling->fds[i];
		struct fd_poll *entry = &polling->entries[i];
		*entry = (struct fd_poll){.wake = entry_woken, .polling = polling};
		if (fd->fd >= 0)
			r = entry_add(polling, entry, fd->fd,
				      exactly ? 0 : directions_of(fd->events));
	}
	return r;
}

static void end(struct polling *polling)
{
	for (size_t i = 0; i < polling->count; i++)
		entry_leave(polling->io, &polling->entries[i]);
	epoll_end(polling);
}

/* Parks the task until a time, or until it is woken. Returns 0 or -ECANCELED. */
static int park_until(struct polling *polling, int64_t when)
{
	struct task *task = polling->task;
	struct task_wait *wait = task_wait(task);
	overflow_look(&task->coro);
	wait->kind = &waiting;
	wait->timer = (struct timer){
		.call = {.run = time_over, .position = CALL_IDLE},
		.node.place = HEAP_NONE,
	};
	if (when != CORO_FOREVER)
		timer_arm(task->sched, &wait->timer, when);
	sched_watch_begin(task->sched);
	int r = park(task);
	sched_watch_end(task->sched);
	return r;
}

/* Waits once. Returns 0, also if nothing is ready, or an error. */
static int wait_once(struct polling *polling, int64_t when, bool exactly)
{
	int r = begin(polling, exactly);
	if (r == 0)
		r = park_until(polling, when);
	end(polling);
	return r < 0 ? r : polling->error;
}

/* -- asking the kernel */

/* Whether a thread has read bytes that nobody has taken yet. */
static bool has_result(const struct io *io, const struct pollfd *fd)
{
	const struct fd *record = fd->fd >= 0 ? fd_find(io, fd->fd) : NULL;
	return record && record->sides[READING].blocking && !(record->busy & BIT(READING)) &&
	       fd->events & (POLLIN | POLLRDNORM);
}

/* Fills in what is ready now. Returns the number of fds that are, or an error. */
static int ask(const struct io *io, struct pollfd *fds, size_t count)
{
	static const struct timespec none = {0};
	int ready;
	do
		ready = poll_fds(fds, count, &none);
	while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	for (size_t i = 0; i < count; i++) {
		if (!has_result(io, &fds[i]))
			continue;
		ready += !fds[i].revents;
		fds[i].revents |= fds[i].events & (POLLIN | POLLRDNORM);
	}
	return ready;
}

/* The same after a wait. An fd that was closed is none, whatever has its number now. */
static int ask_again(const struct polling *polling)
{
	int ready = ask(polling->io, polling->fds, polling->count);
	for (size_t i = 0; i < polling->count && ready >= 0; i++) {
		if (!polling->entries[i].closed)
			continue;
		ready += !polling->fds[i].revents;
		polling->fds[i].revents = POLLNVAL;
	}
	return ready;
}

/* -- the call */

static bool any_is_narrow(const struct pollfd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i].fd >= 0 && is_narrow(fds[i].events))
			return true;
	return false;
}

static int wait_until(struct polling *polling, int64_t when)
{
	bool exactly = any_is_narrow(polling->fds, polling->count);
	for (int woken = 1;; woken++) {
		int r = wait_once(polling, when, exactly);
		int ready = r < 0 ? r : ask_again(polling);
		if (ready != 0 || polling->over)
			return ready;
		exactly |= woken > 1;
	}
}

static int poll_in_task(struct io *io, struct pollfd *fds, size_t count, int64_t timeout)
{
	int r = io_check_budget(io);
	if (r < 0)
		return r;
	io_use_budget(io, 0);
	int ready = ask(io, fds, count);
	if (ready != 0 || timeout == 0)
		return ready;
	struct task *task = task_running();
	struct polling polling = {
		.task = task,
		.io = io,
		.fds = fds,
		.count = count,
		.entries = polling.few,
		.epoll = -1,
		.exact = {.wake = entry_woken, .polling = &polling},
	};
	if (count > FEW)
		polling.entries = memory_alloc_zeroed(count, sizeof(*polling.entries));
	if (!polling.entries)
		return -ENOMEM;
	cleanup_push(task, &polling.cleanup, discard);
	ready = wait_until(&polling, timeout == CORO_FOREVER
					     ? timeout
					     : time_after(sched_time(task->sched), timeout));
	cleanup_pop(&polling.cleanup);
	discard(&polling.cleanup);
	return ready;
}

/* Blocks the thread. */
static int poll_outside(struct pollfd *fds, size_t count, int64_t timeout)
{
	int64_t when = time_after(coro_clock(), timeout);
	for (;;) {
		struct timespec time = system_timespec(timeout);
		int ready = poll_fds(fds, count, when == CORO_FOREVER ? NULL : &time);
		if (ready >= 0 || errno != EINTR)
			return ready < 0 ? -errno : ready;
		timeout = when - coro_clock();
		if (timeout < 0)
			timeout = 0;
	}
}

static bool none_is_open(const struct pollfd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i].fd >= 0)
			return false;
	return true;
}

/* Without fds it is a sleep, which needs no poller. */
static int sleep_alone(struct pollfd *fds, size_t count, int64_t timeout)
{
	for (size_t i = 0; i < count; i++)
		fds[i].revents = 0;
	return timeout == 0 ? 0 : coro_sleep(timeout);
}

int coro_poll(struct pollfd *fds, nfds_t count, int64_t timeout)
{
	struct io *io;
	if ((!fds && count > 0) || count > INT_MAX)
		return fail_with(-EINVAL, "coro_poll: the array is NULL or too long");
	if (timeout < 0)
		timeout = CORO_FOREVER;
	if (running_task() && none_is_open(fds, count))
		return sleep_alone(fds, count, timeout);
	int r = io_current(&io);
	if (r == 0)
		r = io ? poll_in_task(io, fds, count, timeout) : poll_outside(fds, count, timeout);
	return r < 0 && r != -ECANCELED ? fail_code(r) : r;
}
