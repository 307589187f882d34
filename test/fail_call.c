/* SPDX-License-Identifier: MIT */
#include "fail_call.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#endif

enum { NAMES = 64 };

static _Thread_local struct {
	bool on, failed, all_later;
	const char *name; /* NULL for any */
	const char *failed_name;
	unsigned long n, matching;
	int error;
	size_t most;
	struct {
		const char *name;
		unsigned long calls;
	} counts[NAMES];
} here;

static void begin(const char *name, unsigned long n, int error, bool all_later)
{
	size_t most = here.most;
	memset(&here, 0, sizeof(here));
	here.most = most;
	here.name = name;
	here.n = n;
	here.error = error;
	here.all_later = all_later;
	here.on = true;
}

void fail_call(const char *name, unsigned long n, int error)
{
	begin(name, n, error, false);
}

void fail_calls_from(const char *name, unsigned long n, int error)
{
	begin(name, n, error, true);
}

bool fail_call_off(void)
{
	here.on = false;
	here.most = 0;
	return here.failed;
}

unsigned long calls_of(const char *name)
{
	unsigned long sum = 0;
	for (int i = 0; i < NAMES && here.counts[i].name; i++)
		if (!name || strcmp(here.counts[i].name, name) == 0)
			sum += here.counts[i].calls;
	return sum;
}

const char *failed_call(void)
{
	return here.failed_name;
}

void shorten_transfers(size_t bytes)
{
	here.most = bytes;
}

static void count(const char *name)
{
	int i = 0;
	while (i < NAMES - 1 && here.counts[i].name && strcmp(here.counts[i].name, name) != 0)
		i++;
	here.counts[i].name = name;
	here.counts[i].calls++;
}

/* Whether this call is to fail. */
bool call_fails(const char *name)
{
	if (!here.on)
		return false;
	count(name);
	if (here.name && strcmp(here.name, name) != 0)
		return false;
	here.matching++;
	if (here.n == 0 || (here.all_later ? here.matching < here.n : here.matching != here.n))
		return false;
	here.failed = true;
	here.failed_name = name;
	errno = here.error;
	return true;
}

size_t shorter(size_t length)
{
	return here.most && length > here.most ? here.most : length;
}

/* One piece, shortened. */
static struct iovec first_of(const struct iovec *vec)
{
	return (struct iovec){.iov_base = vec->iov_base, .iov_len = shorter(vec->iov_len)};
}

/* A message of the first piece, shortened; the thread has one. */
static const struct msghdr *shortened(const struct msghdr *message)
{
	static _Thread_local struct msghdr copy;
	static _Thread_local struct iovec vec;
	if (!here.most || message->msg_iovlen == 0)
		return message;
	copy = *message;
	vec = first_of(message->msg_iov);
	copy.msg_iov = &vec;
	copy.msg_iovlen = 1;
	return &copy;
}

/* The Makefile reads the names from the lines that begin with WRAP. */
#define WRAP(name, type, parameters, arguments) \
	type __real_##name parameters;          \
	type __wrap_##name parameters;          \
	type __wrap_##name parameters           \
	{                                       \
		if (call_fails(#name))          \
			return -1;              \
		return __real_##name arguments; \
	}

/* One that takes a vector: what is shortened is its first piece. */
#define WRAP_VECTOR(name, parameters, arguments, short_arguments) \
	ssize_t __real_##name parameters;                         \
	ssize_t __wrap_##name parameters;                         \
	ssize_t __wrap_##name parameters                          \
	{                                                         \
		if (call_fails(#name))                            \
			return -1;                                \
		if (!here.most || n < 1)                          \
			return __real_##name arguments;           \
		struct iovec vec = first_of(v);                   \
		return __real_##name short_arguments;             \
	}

/* One that returns its error. */
#define WRAP_ERROR(name, parameters, arguments)                             \
	int __real_##name parameters;                                       \
	int __wrap_##name parameters;                                       \
	int __wrap_##name parameters                                        \
	{                                                                   \
		return call_fails(#name) ? errno : __real_##name arguments; \
	}

WRAP_ERROR(pthread_create, (pthread_t * t, const pthread_attr_t *a, void *(*fn)(void *), void *arg),
	   (t, a, fn, arg))
WRAP(read, ssize_t, (int fd, void *b, size_t n), (fd, b, shorter(n)))
WRAP(write, ssize_t, (int fd, const void *b, size_t n), (fd, b, shorter(n)))
WRAP(pread, ssize_t, (int fd, void *b, size_t n, off_t o), (fd, b, shorter(n), o))
WRAP(pwrite, ssize_t, (int fd, const void *b, size_t n, off_t o), (fd, b, shorter(n), o))
WRAP(recv, ssize_t, (int fd, void *b, size_t n, int f), (fd, b, shorter(n), f))
WRAP(send, ssize_t, (int fd, const void *b, size_t n, int f), (fd, b, shorter(n), f))
WRAP_VECTOR(readv, (int fd, const struct iovec *v, int n), (fd, v, n), (fd, &vec, 1))
WRAP_VECTOR(writev, (int fd, const struct iovec *v, int n), (fd, v, n), (fd, &vec, 1))
WRAP(sendmsg, ssize_t, (int fd, const struct msghdr *m, int f), (fd, shortened(m), f))
WRAP(recvmsg, ssize_t, (int fd, struct msghdr *m, int f), (fd, m, f))
WRAP(socket, int, (int d, int t, int p), (d, t, p))
WRAP(bind, int, (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l))
WRAP(listen, int, (int fd, int n), (fd, n))
WRAP(setsockopt, int, (int fd, int l, int o, const void *v, socklen_t n), (fd, l, o, v, n))
WRAP(shutdown, int, (int fd, int how), (fd, how))
WRAP(accept4, int, (int fd, struct sockaddr *a, socklen_t *l, int f), (fd, a, l, f))
WRAP(connect, int, (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l))
WRAP(getsockopt, int, (int fd, int l, int o, void *v, socklen_t *n), (fd, l, o, v, n))
WRAP(getsockname, int, (int fd, struct sockaddr *a, socklen_t *l), (fd, a, l))
WRAP(getpeername, int, (int fd, struct sockaddr *a, socklen_t *l), (fd, a, l))
WRAP(fstat, int, (int fd, struct stat *s), (fd, s))
WRAP(poll, int, (struct pollfd * p, nfds_t n, int t), (p, n, t))
WRAP(ppoll, int, (struct pollfd * p, nfds_t n, const struct timespec *t, const sigset_t *s),
     (p, n, t, s))
WRAP(fcntl, int, (int fd, int command, long argument), (fd, command, argument))
WRAP(dup2, int, (int fd, int as), (fd, as))
WRAP(chdir, int, (const char *path), (path))
WRAP(execve, int, (const char *path, char *const *argv, char *const *env), (path, argv, env))
WRAP(waitid, int, (idtype_t type, id_t id, siginfo_t *info, int options), (type, id, info, options))
#ifdef __linux__
WRAP(syscall, long, (long n, long a, long b, long c, long d, long e, long f), (n, a, b, c, d, e, f))
WRAP(pipe2, int, (int *fds, int f), (fds, f))
WRAP(pidfd_open, int, (pid_t pid, unsigned f), (pid, f))
WRAP_VECTOR(preadv2, (int fd, const struct iovec *v, int n, off_t o, int f), (fd, v, n, o, f),
	    (fd, &vec, 1, o, f))
WRAP_VECTOR(pwritev2, (int fd, const struct iovec *v, int n, off_t o, int f), (fd, v, n, o, f),
	    (fd, &vec, 1, o, f))
WRAP(epoll_create1, int, (int f), (f))
WRAP(epoll_ctl, int, (int e, int op, int fd, struct epoll_event *v), (e, op, fd, v))
WRAP(epoll_wait, int, (int e, struct epoll_event *v, int n, int t), (e, v, n, t))
WRAP(epoll_pwait2, int,
     (int e, struct epoll_event *v, int n, const struct timespec *t, const sigset_t *s),
     (e, v, n, t, s))
WRAP(eventfd, int, (unsigned n, int f), (n, f))
WRAP(sendfile, ssize_t, (int o, int i, off_t *at, size_t n), (o, i, at, shorter(n)))
WRAP(splice, ssize_t, (int i, off_t *io, int o, off_t *oo, size_t n, unsigned f),
     (i, io, o, oo, shorter(n), f))
#endif
