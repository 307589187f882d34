/* SPDX-License-Identifier: MIT */
/* Waiting for several fds: poll, select and epoll. */
#include "coro/io.h"
#include "posix/call.h"
#include "posix/mask.h"

#include <stdlib.h>
#include <string.h>

/* Milliseconds as nanoseconds; below 0 for ever. */
static int64_t of_ms(int ms)
{
	return ms < 0 ? CORO_FOREVER : ms * CORO_MSEC;
}

/* -- poll */

PUBLIC int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (timeout == 0 || !call_waits())
		return libc()->poll(fds, count, timeout);
	int before = errno;
	return (int)call_result(mask_poll(fds, count, of_ms(timeout), NULL), before);
}

PUBLIC int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *mask)
{
	if (!call_waits())
		return libc()->ppoll(fds, count, timeout, mask);
	int before = errno;
	int64_t length = timeout ? call_length(timeout) : CORO_FOREVER;
	return (int)call_result(length < 0 ? length : mask_poll(fds, count, length, mask), before);
}

PUBLIC int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
	call_check_room(count, room / sizeof(*fds));
	return poll(fds, count, timeout);
}

PUBLIC int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		       const sigset_t *mask, size_t room)
{
	call_check_room(count, room / sizeof(*fds));
	return ppoll(fds, count, timeout, mask);
}

/* -- select, by poll */

enum { READ, WRITE, EXCEPT, SETS };

static const struct {
	short asked, means;
} events[SETS] = {
	[READ] = {POLLIN, POLLIN | POLLHUP | POLLERR},
	[WRITE] = {POLLOUT, POLLOUT | POLLERR},
	[EXCEPT] = {POLLPRI, POLLPRI},
};

struct selection {
	fd_set *sets[SETS]; /* NULL for none */
	int end;            /* one more than the highest fd */
	struct pollfd *fds;
	nfds_t count;
	struct pollfd few[16]; /* fds, if they are no more */
};

static short asked_of(const struct selection *selection, int fd)
{
	short asked = 0;
	for (int i = 0; i < SETS; i++)
		if (selection->sets[i] && FD_ISSET(fd, selection->sets[i]))
			asked |= events[i].asked;
	return asked;
}

static void list_fds(struct selection *selection)
{
	for (int fd = 0; fd < selection->end; fd++) {
		short asked = asked_of(selection, fd);
		if (asked)
			selection->fds[selection->count++] =
				(struct pollfd){.fd = fd, .events = asked};
	}
}

static bool any_is_closed(const struct selection *selection)
{
	for (nfds_t i = 0; i < selection->count; i++)
		if (selection->fds[i].revents & POLLNVAL)
			return true;
	return false;
}

/* Leaves in the sets what is ready. Returns how many bits that are. */
static int fill_in(const struct selection *selection)
{
	int ready = 0;
	for (nfds_t n = 0; n < selection->count; n++) {
		const struct pollfd *fd = &selection->fds[n];
		for (int i = 0; i < SETS; i++) {
			if (!(fd->events & events[i].asked))
				continue;
			if (fd->revents & events[i].means)
				ready++;
			else
				FD_CLR(fd->fd, selection->sets[i]);
		}
	}
	return ready;
}

static int select_in_task(struct selection *selection, int64_t length, const sigset_t *mask)
{
	const int few = sizeof(selection->few) / sizeof(selection->few[0]);
	selection->fds = selection->few;
	if (selection->end > few)
		selection->fds = malloc((size_t)selection->end * sizeof(*selection->fds));
	if (!selection->fds)
		return -ENOMEM;
	list_fds(selection);
	int r = mask_poll(selection->fds, selection->count, length, mask);
	if (r > 0 && any_is_closed(selection))
		r = -EBADF;
	if (r >= 0)
		r = fill_in(selection);
	if (selection->fds != selection->few)
		free(selection->fds);
	return r;
}

PUBLIC int pselect(int end, fd_set *restrict read, fd_set *restrict write, fd_set *restrict except,
		   const struct timespec *restrict timeout, const sigset_t *restrict mask)
{
	struct selection selection = {.sets = {read, write, except}, .end = end};
	if (!call_waits() || end < 0 || end > FD_SETSIZE)
		return libc()->pselect(end, read, write, except, timeout, mask);
	int before = errno;
	int64_t length = timeout ? call_length(timeout) : CORO_FOREVER;
	return (int)call_result(length < 0 ? length : select_in_task(&selection, length, mask),
				before);
}

/* Linux's select says in timeout what is left of it. */
PUBLIC int select(int end, fd_set *restrict read, fd_set *restrict write, fd_set *restrict except,
		  struct timeval *restrict timeout)
{
	struct selection selection = {.sets = {read, write, except}, .end = end};
	if (!call_waits() || end < 0 || end > FD_SETSIZE)
		return libc()->select(end, read, write, except, timeout);
	int before = errno;
	int64_t length = CORO_FOREVER;
	if (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0))
		return (int)call_result(-EINVAL, before);
	if (timeout) {
		struct timespec time = {.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000,
					.tv_nsec = timeout->tv_usec % 1000000 * 1000};
		length = call_length(&time);
	}
	int64_t end_at = call_end(length);
	int r = select_in_task(&selection, length, NULL);
	if (timeout) {
		int64_t left = call_left(end_at);
		*timeout = (struct timeval){.tv_sec = left / CORO_SEC,
					    .tv_usec = left % CORO_SEC / CORO_USEC};
	}
	return (int)call_result(r, before);
}

/* -- epoll, which is itself an fd that can be waited for */

static int epoll_in_task(int fd, struct epoll_event *found, int most, int64_t length,
			 const sigset_t *mask)
{
	int64_t end = call_end(length);
	for (;;) {
		int n = libc()->epoll_wait(fd, found, most, 0);
		if (n != 0)
			return n < 0 ? -errno : n;
		struct pollfd epoll = {.fd = fd, .events = POLLIN};
		n = mask_poll(&epoll, 1, call_left(end), mask);
		if (n <= 0)
			return n;
		if (epoll.revents & POLLNVAL)
			return -EBADF;
	}
}

PUBLIC int epoll_pwait2(int fd, struct epoll_event *found, int most, const struct timespec *timeout,
			const sigset_t *mask)
{
	if (!call_waits())
		return libc()->epoll_pwait2(fd, found, most, timeout, mask);
	int before = errno;
	int64_t length = timeout ? call_length(timeout) : CORO_FOREVER;
	return (int)call_result(length < 0 ? length : epoll_in_task(fd, found, most, length, mask),
				before);
}

PUBLIC int epoll_pwait(int fd, struct epoll_event *found, int most, int timeout,
		       const sigset_t *mask)
{
	if (timeout == 0 || !call_waits())
		return libc()->epoll_pwait(fd, found, most, timeout, mask);
	int before = errno;
	return (int)call_result(epoll_in_task(fd, found, most, of_ms(timeout), mask), before);
}

PUBLIC int epoll_wait(int fd, struct epoll_event *found, int most, int timeout)
{
	return epoll_pwait(fd, found, most, timeout, NULL);
}
