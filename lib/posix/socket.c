/* SPDX-License-Identifier: MIT */
/* Calls on sockets. */
#include "coro/io.h"
#include "posix/call.h"
#include "posix/timeouts.h"
#include "posix/view.h"

#include <signal.h>
#include <string.h>

/* Flags of receiving calls that never wait. */
enum { AT_ONCE = MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB };

static bool waits(int fd, int flags)
{
	return call_waits() && !(flags & AT_ONCE) && !view_is_nonblocking(fd);
}

static bool send_waits(int fd, int flags)
{
	return call_waits() && !(flags & MSG_DONTWAIT) && !view_is_nonblocking(fd);
}

static ssize_t sent(ssize_t n, int flags, int before)
{
	if (unlikely(n == -EPIPE) && !(flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	return call_result(n, before);
}

/* -- receiving */

PUBLIC ssize_t recv(int fd, void *bytes, size_t length, int flags)
{
	struct limit limit;
	if (!waits(fd, flags))
		return libc()->recv(fd, bytes, length, flags);
	int before = errno;
	ssize_t n = limit_begin(&limit, fd, SO_RCVTIMEO);
	if (likely(n == 0))
		n = limit_end(&limit, coro_recv(fd, bytes, length, flags), -EAGAIN);
	return call_result(n, before);
}

PUBLIC ssize_t recvfrom(int fd, void *bytes, size_t length, int flags,
			struct sockaddr *restrict address, socklen_t *restrict address_length)
{
	struct limit limit;
	if (!waits(fd, flags))
		return libc()->recvfrom(fd, bytes, length, flags, address, address_length);
	int before = errno;
	ssize_t n = limit_begin(&limit, fd, SO_RCVTIMEO);
	if (likely(n == 0))
		n = limit_end(&limit,
			      coro_recvfrom(fd, bytes, length, flags, address, address_length),
			      -EAGAIN);
	return call_result(n, before);
}

/* The numbers of fds that were received are those of other files from now on. */
static void forget_received(struct msghdr *message)
{
	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = CMSG_LEN(0); i + sizeof(int) <= at->cmsg_len; i += sizeof(int)) {
			int fd;
			memcpy(&fd, (char *)at + i, sizeof(fd));
			view_forget(fd);
		}
	}
}

static ssize_t receive(int fd, struct msghdr *message, int flags)
{
	struct limit limit;
	if (!waits(fd, flags))
		return libc()->recvmsg(fd, message, flags);
	int before = errno;
	ssize_t n = limit_begin(&limit, fd, SO_RCVTIMEO);
	if (likely(n == 0))
		n = limit_end(&limit, coro_recvmsg(fd, message, flags), -EAGAIN);
	return call_result(n, before);
}

PUBLIC ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t n = receive(fd, message, flags);
	if (n >= 0 && message->msg_control)
		forget_received(message);
	return n;
}

PUBLIC ssize_t __recv_chk(int fd, void *bytes, size_t length, size_t room, int flags)
{
	call_check_room(length, room);
	return recv(fd, bytes, length, flags);
}

PUBLIC ssize_t __recvfrom_chk(int fd, void *bytes, size_t length, size_t room, int flags,
			      struct sockaddr *address, socklen_t *address_length)
{
	call_check_room(length, room);
	return recvfrom(fd, bytes, length, flags, address, address_length);
}

/* The first message is waited for, and those that are there as well are taken. */
PUBLIC int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
		    struct timespec *timeout)
{
	if (count == 0 || timeout || !waits(fd, flags))
		return libc()->recvmmsg(fd, messages, count, flags, timeout);
	int before = errno;
	bool all = !(flags & MSG_WAITFORONE);
	flags &= ~MSG_WAITFORONE;
	unsigned done = 0;
	while (done < count) {
		int now = done > 0 && !all ? flags | MSG_DONTWAIT : flags;
		ssize_t n = recvmsg(fd, &messages[done].msg_hdr, now);
		if (n < 0)
			break;
		messages[done++].msg_len = (unsigned)n;
	}
	if (done == 0)
		return -1;
	errno = before;
	return (int)done;
}

/* -- sending */

PUBLIC ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
	struct limit limit;
	if (!send_waits(fd, flags))
		return libc()->send(fd, bytes, length, flags);
	int before = errno;
	ssize_t n = limit_begin(&limit, fd, SO_SNDTIMEO);
	if (likely(n == 0))
		n = limit_end(&limit, coro_sendall(fd, bytes, length, flags), -EAGAIN);
	return sent(n, flags, before);
}

PUBLIC ssize_t sendto(int fd, const void *bytes, size_t length, int flags,
		      const struct sockaddr *address, socklen_t address_length)
{
	struct limit limit;
	if (!send_waits(fd, flags))
		return libc()->sendto(fd, bytes, length, flags, address, address_length);
	int before = errno;
	ssize_t n = limit_begin(&limit, fd, SO_SNDTIMEO);
	if (likely(n == 0))
		n = limit_end(&limit,
			      coro_sendto(fd, bytes, length, flags, address, address_length),
			      -EAGAIN);
	return sent(n, flags, before);
}

PUBLIC ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct limit limit;
	if (!send_waits(fd, flags))
		return libc()->sendmsg(fd, message, flags);
	int before = errno;
	ssize_t n = limit_begin(&limit, fd, SO_SNDTIMEO);
	if (likely(n == 0))
		n = limit_end(&limit, coro_sendmsg(fd, message, flags), -EAGAIN);
	return sent(n, flags, before);
}

PUBLIC int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	if (!send_waits(fd, flags))
		return libc()->sendmmsg(fd, messages, count, flags);
	int before = errno;
	unsigned done = 0;
	while (done < count) {
		ssize_t n = sendmsg(fd, &messages[done].msg_hdr, flags);
		if (n < 0)
			break;
		messages[done++].msg_len = (unsigned)n;
	}
	if (done == 0 && count > 0)
		return -1;
	errno = before;
	return (int)done;
}

/* -- connections */

/* A listening socket gets O_NONBLOCK from the library below, which the program is not to see. */
PUBLIC int listen(int fd, int backlog)
{
	int before = errno;
	if (!view_is_nonblocking(fd))
		view_set(fd, VIEW_BLOCKING);
	errno = before;
	return libc()->listen(fd, backlog);
}

/* The fd of an accepted connection, with the flags that the program wants. */
static int accepted(int fd, int flags)
{
	view_forget(fd);
	if (!(flags & SOCK_NONBLOCK))
		libc()->fcntl(fd, F_SETFL, O_RDWR);
	if (!(flags & SOCK_CLOEXEC))
		libc()->fcntl(fd, F_SETFD, 0);
	return fd;
}

/* Outside of tasks. The socket may have the O_NONBLOCK that the program does not know. */
static int accept_blocking(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	struct pollfd incoming = {.fd = fd, .events = POLLIN};
	int r = libc()->accept4(fd, address, length, flags);
	while (r < 0 && errno == EAGAIN && view_of(fd) & VIEW_BLOCKING) {
		if (libc()->poll(&incoming, 1, -1) < 0)
			return -1;
		r = libc()->accept4(fd, address, length, flags);
	}
	if (r >= 0)
		view_forget(r);
	return r;
}

static int accept_in_task(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	struct limit limit;
	int before = errno;
	view_set(fd, VIEW_BLOCKING);
	ssize_t r = limit_begin(&limit, fd, SO_RCVTIMEO);
	if (r == 0)
		r = limit_end(&limit, coro_accept(fd, address, length), -EAGAIN);
	if (r < 0)
		return (int)call_result(r, before);
	accepted((int)r, flags);
	errno = before;
	return (int)r;
}

PUBLIC int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags)
{
	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC) || !waits(fd, 0))
		return accept_blocking(fd, address, length, flags);
	return accept_in_task(fd, address, length, flags);
}

PUBLIC int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
	return accept4(fd, address, length, 0);
}

PUBLIC int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	struct limit limit;
	if (!waits(fd, 0))
		return libc()->connect(fd, address, length);
	int before = errno;
	ssize_t r = limit_begin(&limit, fd, SO_SNDTIMEO);
	if (r == 0)
		r = limit_end(&limit, coro_connect(fd, address, length), -EINPROGRESS);
	return (int)call_result(r, before);
}

PUBLIC int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	int r = libc()->setsockopt(fd, level, option, value, length);
	if (level == SOL_SOCKET)
		view_clear(fd, VIEW_NO_TIMEOUTS);
	return r;
}
