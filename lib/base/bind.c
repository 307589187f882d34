/* SPDX-License-Identifier: MIT */
/*
 * Which functions of libc the library calls when another library defines some of their names. In the
 * shared library on Linux (BIND_WRAPS) the linker's --wrap sends each call of a name below here, and
 * from here a jump by a pointer goes on, as the jump by the PLT did. The pointer is set by the dynamic
 * linker first, and by coro_posix_bind then. The Makefile reads the names from the lines that begin
 * with BIND.
 */
#include "coro/posix.h"

#include <errno.h>

#ifdef BIND_WRAPS

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In a section of their own, which makes the list. */
struct bound {
	const char *name;
	void (**at)(void);
};

/*
 * Libc's is declared as it is. A function with `...` must be called as one: on some CPUs it writes its
 * arguments into a place that only such a caller leaves.
 */
#define BIND_AS(name, type, own, parameters, arguments) \
	extern type __real_##name own;                  \
	static type(*at_##name) own = __real_##name;    \
	type __wrap_##name parameters;                  \
	type __wrap_##name parameters                   \
	{                                               \
		return at_##name arguments;             \
	}                                               \
	static const struct bound bound_##name          \
		__attribute__((used, section("bound"))) = {#name, (void (**)(void)) & at_##name};

#define BIND(name, type, parameters, arguments) \
	BIND_AS(name, type, parameters, parameters, arguments)

/* Called in some builds only: under FORTIFY, with 64-bit offsets, by newer systems. */
#define BIND_AS_WEAK(name, type, own, parameters, arguments) \
	extern type __real_##name own __attribute__((weak)); \
	BIND_AS(name, type, own, parameters, arguments)

#define BIND_WEAK(name, type, parameters, arguments) \
	BIND_AS_WEAK(name, type, parameters, parameters, arguments)

/* clang-format off */
BIND(read, ssize_t, (int fd, void *b, size_t n), (fd, b, n))
BIND_WEAK(__read_chk, ssize_t, (int fd, void *b, size_t n, size_t m), (fd, b, n, m))
BIND(write, ssize_t, (int fd, const void *b, size_t n), (fd, b, n))
BIND(pread, ssize_t, (int fd, void *b, size_t n, off_t o), (fd, b, n, o))
BIND_WEAK(pread64, ssize_t, (int fd, void *b, size_t n, off_t o), (fd, b, n, o))
BIND_WEAK(__pread_chk, ssize_t, (int fd, void *b, size_t n, off_t o, size_t m), (fd, b, n, o, m))
BIND_WEAK(__pread64_chk, ssize_t, (int fd, void *b, size_t n, off_t o, size_t m), (fd, b, n, o, m))
BIND(pwrite, ssize_t, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
BIND_WEAK(pwrite64, ssize_t, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
BIND(readv, ssize_t, (int fd, const struct iovec *v, int n), (fd, v, n))
BIND(writev, ssize_t, (int fd, const struct iovec *v, int n), (fd, v, n))
BIND(preadv, ssize_t, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o))
BIND_WEAK(preadv64, ssize_t, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o))
BIND(preadv2, ssize_t, (int fd, const struct iovec *v, int n, off_t o, int f), (fd, v, n, o, f))
BIND_WEAK(preadv64v2, ssize_t, (int fd, const struct iovec *v, int n, off_t o, int f), (fd, v, n, o, f))
BIND(pwritev, ssize_t, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o))
BIND_WEAK(pwritev64, ssize_t, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o))
BIND(pwritev2, ssize_t, (int fd, const struct iovec *v, int n, off_t o, int f), (fd, v, n, o, f))
BIND_WEAK(pwritev64v2, ssize_t, (int fd, const struct iovec *v, int n, off_t o, int f), (fd, v, n, o, f))
BIND(recv, ssize_t, (int fd, void *b, size_t n, int f), (fd, b, n, f))
BIND_WEAK(__recv_chk, ssize_t, (int fd, void *b, size_t n, size_t m, int f), (fd, b, n, m, f))
BIND(recvmsg, ssize_t, (int fd, struct msghdr *m, int f), (fd, m, f))
BIND(send, ssize_t, (int fd, const void *b, size_t n, int f), (fd, b, n, f))
BIND(sendmsg, ssize_t, (int fd, const struct msghdr *m, int f), (fd, m, f))
BIND(accept, int, (int fd, struct sockaddr *a, socklen_t *l), (fd, a, l))
BIND(accept4, int, (int fd, struct sockaddr *a, socklen_t *l, int f), (fd, a, l, f))
BIND(connect, int, (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l))
BIND(listen, int, (int fd, int n), (fd, n))
BIND(socket, int, (int f, int t, int p), (f, t, p))
BIND(pipe, int, (int *fds), (fds))
BIND(pipe2, int, (int *fds, int f), (fds, f))
BIND(setsockopt, int, (int fd, int l, int o, const void *v, socklen_t n), (fd, l, o, v, n))
BIND(close, int, (int fd), (fd))
BIND(dup2, int, (int fd, int as), (fd, as))
BIND_AS(fcntl, int, (int, int, ...), (int fd, int command, long argument), (fd, command, argument))
BIND_AS_WEAK(fcntl64, int, (int, int, ...), (int fd, int command, long argument), (fd, command, argument))
BIND_AS(ioctl, int, (int, unsigned long, ...), (int fd, unsigned long request, long argument), (fd, request, argument))
BIND_AS(open, int, (const char *, int, ...), (const char *path, int f, mode_t m), (path, f, m))
BIND_AS_WEAK(open64, int, (const char *, int, ...), (const char *path, int f, mode_t m), (path, f, m))
BIND_WEAK(__open_2, int, (const char *path, int f), (path, f))
BIND_WEAK(__open64_2, int, (const char *path, int f), (path, f))
BIND_AS_WEAK(openat, int, (int, const char *, int, ...), (int d, const char *path, int f, mode_t m), (d, path, f, m))
BIND(flock, int, (int fd, int how), (fd, how))
BIND(fsync, int, (int fd), (fd))
BIND(fdatasync, int, (int fd), (fd))
BIND(poll, int, (struct pollfd *p, nfds_t n, int t), (p, n, t))
BIND_WEAK(__poll_chk, int, (struct pollfd *p, nfds_t n, int t, size_t m), (p, n, t, m))
BIND(ppoll, int, (struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *s), (p, n, t, s))
BIND_WEAK(__ppoll_chk, int, (struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *s, size_t m), (p, n, t, s, m))
BIND(pselect, int, (int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *t, const sigset_t *s), (n, r, w, e, t, s))
BIND(epoll_wait, int, (int fd, struct epoll_event *e, int n, int t), (fd, e, n, t))
BIND_WEAK(epoll_pwait2, int, (int fd, struct epoll_event *e, int n, const struct timespec *t, const sigset_t *s), (fd, e, n, t, s))
BIND(nanosleep, int, (const struct timespec *t, struct timespec *left), (t, left))
BIND(getaddrinfo, int, (const char *n, const char *s, const struct addrinfo *h, struct addrinfo **r), (n, s, h, r))
BIND(waitpid, pid_t, (pid_t pid, int *status, int f), (pid, status, f))
BIND(waitid, int, (idtype_t type, id_t id, siginfo_t *info, int f), (type, id, info, f))
BIND(sigaction, int, (int n, const struct sigaction *s, struct sigaction *old), (n, s, old))
BIND(signal, void *, (int n, void *f), (n, f))
BIND(sigtimedwait, int, (const sigset_t *s, siginfo_t *info, const struct timespec *t), (s, info, t))
BIND(sendfile, ssize_t, (int out, int in, off_t *o, size_t n), (out, in, o, n))
BIND(splice, ssize_t, (int in, off_t *i, int out, off_t *o, size_t n, unsigned f), (in, i, out, o, n, f))
BIND(pthread_join, int, (pthread_t t, void **r), (t, r))
BIND(pthread_mutex_lock, int, (pthread_mutex_t *m), (m))
BIND(pthread_mutex_trylock, int, (pthread_mutex_t *m), (m))
BIND(pthread_mutex_unlock, int, (pthread_mutex_t *m), (m))
BIND(pthread_cond_wait, int, (pthread_cond_t *c, pthread_mutex_t *m), (c, m))
BIND(pthread_cond_timedwait, int, (pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t), (c, m, t))
BIND(pthread_cond_signal, int, (pthread_cond_t *c), (c))
BIND(pthread_cond_broadcast, int, (pthread_cond_t *c), (c))
/* clang-format on */

extern const struct bound __start_bound[], __stop_bound[];

int coro_posix_bind(const char *name, void (*function)(void))
{
	for (const struct bound *bound = __start_bound; bound < __stop_bound; bound++) {
		if (strcmp(bound->name, name) != 0)
			continue;
		*bound->at = function;
		return 0;
	}
	return -ENOENT;
}

#else

int coro_posix_bind(const char *name, void (*function)(void))
{
	(void)name, (void)function;
	return -ENOTSUP;
}

#endif
