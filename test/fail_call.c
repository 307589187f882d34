/* SPDX-License-Identifier: MIT */
#include "fail_call.h"

#include <dirent.h>
#ifdef __APPLE__
#include <dlfcn.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#endif

#if __has_include(<sys/pidfd.h>)
#include <sys/pidfd.h>
#define HAS_PIDFD
#endif

#include "fail_names.h"

#if defined(__i386__) || defined(__powerpc64__) || defined(__mips__)
#define NO_FAR_TAIL_CALL
#endif

enum { NAMES = 128 };

/* Guarded by the lock: it may concern all threads. */
static struct {
	bool on, failed, all_later, everywhere;
	pthread_t whose;
	pid_t process;
	const char *name; /* NULL for any */
	const char *spared;
	const char *failed_name;
	const void *failed_at;
	unsigned long n, matching;
	int error;
	struct {
		const char *name;
		unsigned long calls;
	} counts[NAMES];
} here;

static bool locked;

/* A signal handler may interrupt this and make calls, which are not counted. */
static _Thread_local bool counting;

/* At most n bytes a transfer, for the thread that asked, or for all. */
static _Thread_local size_t most;
static size_t most_everywhere;

static void lock(void)
{
	while (__atomic_test_and_set(&locked, __ATOMIC_ACQUIRE))
		;
}

static void unlock(void)
{
	__atomic_clear(&locked, __ATOMIC_RELEASE);
}

static void begin(const char *name, unsigned long n, int error, bool all_later)
{
	lock();
	__atomic_store_n(&here.on, false, __ATOMIC_RELAXED);
	here.failed = here.everywhere = false;
	here.spared = here.failed_name = NULL;
	here.failed_at = NULL;
	here.matching = 0;
	memset(here.counts, 0, sizeof(here.counts));
	here.whose = pthread_self();
	here.process = getpid();
	here.name = name;
	here.n = n;
	here.error = error;
	here.all_later = all_later;
	__atomic_store_n(&here.on, true, __ATOMIC_RELAXED);
	unlock();
}

void fail_call(const char *name, unsigned long n, int error)
{
	begin(name, n, error, false);
}

void fail_calls_from(const char *name, unsigned long n, int error)
{
	begin(name, n, error, true);
}

void fail_calls_everywhere(void)
{
	lock();
	here.everywhere = true;
	__atomic_store_n(&most_everywhere, most, __ATOMIC_RELAXED);
	unlock();
}

void spare_call(const char *name)
{
	lock();
	here.spared = name;
	unlock();
}

bool fail_call_off(void)
{
	lock();
	__atomic_store_n(&here.on, false, __ATOMIC_RELAXED);
	most = 0;
	__atomic_store_n(&most_everywhere, (size_t)0, __ATOMIC_RELAXED);
	bool failed = here.failed;
	unlock();
	return failed;
}

unsigned long calls_of(const char *name)
{
	unsigned long sum = 0;
	for (int i = 0; i < NAMES && here.counts[i].name; i++)
		if (!name || strcmp(here.counts[i].name, name) == 0)
			sum += here.counts[i].calls;
	return sum;
}

const char *call_named(int i)
{
	return i < NAMES ? here.counts[i].name : NULL;
}

const char *failed_call(void)
{
	return here.failed_name;
}

const void *failed_at(void)
{
	return here.failed_at;
}

void shorten_transfers(size_t bytes)
{
	most = bytes;
}

static bool syncs_skipped;

void skip_syncs(void)
{
	syncs_skipped = true;
}

static void count(const char *name)
{
	int i = 0;
	while (i < NAMES - 1 && here.counts[i].name && strcmp(here.counts[i].name, name) != 0)
		i++;
	here.counts[i].name = name;
	here.counts[i].calls++;
}

/* Whether a child of vfork counts for its parent. Emulators and checkers make it a fork. */
static volatile bool vfork_shares;

bool vforked_calls_count(void)
{
	return vfork_shares;
}

/* With the lock. */
static bool strike(const char *name, const void *at)
{
	if (!here.on || (!here.everywhere && !pthread_equal(here.whose, pthread_self())))
		return false;
	/* Its parent would count the same calls once more. */
	if (!vfork_shares && here.process != getpid())
		return false;
	count(name);
	if (here.name && strcmp(here.name, name) != 0)
		return false;
	if (here.spared && strcmp(here.spared, name) == 0)
		return false;
	here.matching++;
	if (here.n == 0 || (here.all_later ? here.matching < here.n : here.matching != here.n))
		return false;
	here.failed = true;
	here.failed_name = name;
	here.failed_at = at;
	return true;
}

static _Thread_local struct {
	const char *name;
	void (*fn)(void);
} preceded;

void precede_call(const char *name, void (*fn)(void))
{
	preceded.name = name;
	preceded.fn = fn;
}

static void precede(const char *name)
{
	if (!preceded.name || strcmp(preceded.name, name) != 0)
		return;
	preceded.name = NULL;
	preceded.fn();
}

bool call_at_fails(const char *name, const void *at)
{
	precede(name);
	if (counting || !__atomic_load_n(&here.on, __ATOMIC_RELAXED))
		return false;
	counting = true;
	lock();
	bool fails = strike(name, at);
	int error = here.error;
	unlock();
	counting = false;
	if (fails)
		errno = error;
	return fails;
}

bool call_fails(const char *name)
{
	return call_at_fails(name, __builtin_frame_address(0));
}

/* 0: there is no bound. */
static size_t bound(void)
{
	return most ? most : __atomic_load_n(&most_everywhere, __ATOMIC_RELAXED);
}

size_t shorter(size_t length)
{
	size_t bytes = bound();
	return bytes && length > bytes ? bytes : length;
}

/* Except for what may be an eventfd's: the system takes 8 bytes or none. */
static size_t shorter_than_count(size_t length)
{
	return length == sizeof(uint64_t) ? length : shorter(length);
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
	if (!bound() || message->msg_iovlen == 0)
		return message;
	copy = *message;
	vec = first_of(message->msg_iov);
	copy.msg_iov = &vec;
	copy.msg_iovlen = 1;
	return &copy;
}

#ifdef __APPLE__
/*
 * macOS's linker puts no function in the place of another. The program has functions of the same names,
 * which its own calls reach, and finds those of the system behind them: some have a suffix, by which
 * newer ones differ from older ones.
 */
static void *find_behind(const char *name)
{
	static const char *const suffixes[] = {"$INODE64", "$1050", ""};
	void *found = NULL;
	for (int i = 0; i < 3 && !found; i++) {
		char all[64];
		snprintf(all, sizeof(all), "%s%s", name, suffixes[i]);
		found = dlsym(RTLD_NEXT, all);
	}
	return found;
}

#define WRAPPED(name) name
#define REAL(name)                                                \
	(*({                                                      \
		static __typeof__(&name) found;                   \
		void *behind = found ? NULL : find_behind(#name); \
		if (!found)                                       \
			memcpy(&found, &behind, sizeof(found));   \
		found;                                            \
	}))
#define DECLARE(name, type, parameters)
#else
#define WRAPPED(name) __wrap_##name
#define REAL(name) __real_##name
#define DECLARE(name, type, parameters) \
	type __real_##name parameters;  \
	type __wrap_##name parameters;

int __real_shutdown(int fd, int how);
int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *length);
#endif

void lose_connection(int fd, int error)
{
	int type = 0;
	socklen_t length = sizeof(type);
	if ((error == ECONNRESET || error == EPIPE) &&
	    REAL(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM)
		REAL(shutdown)(fd, SHUT_RDWR);
}

static ssize_t lose(int fd)
{
	int error = errno;
	lose_connection(fd, error);
	errno = error;
	return -1;
}

/* The Makefile reads the names from the lines that begin with WRAP. */
#define WRAP(name, type, parameters, arguments) \
	DECLARE(name, type, parameters)         \
	type WRAPPED(name) parameters           \
	{                                       \
		if (call_fails(#name))          \
			return -1;              \
		return REAL(name) arguments;    \
	}

/* One on a connection. */
#define WRAP_SOCKET(name, parameters, arguments) \
	DECLARE(name, ssize_t, parameters)       \
	ssize_t WRAPPED(name) parameters         \
	{                                        \
		if (call_fails(#name))           \
			return lose(fd);         \
		return REAL(name) arguments;     \
	}

/* One that takes a vector: what is shortened is its first piece. */
#define WRAP_VECTOR(name, parameters, arguments, short_arguments) \
	DECLARE(name, ssize_t, parameters)                        \
	ssize_t WRAPPED(name) parameters                          \
	{                                                         \
		if (call_fails(#name))                            \
			return -1;                                \
		if (!bound() || n < 1)                            \
			return REAL(name) arguments;              \
		struct iovec vec = first_of(v);                   \
		return REAL(name) short_arguments;                \
	}

/* One that returns its error. */
#define WRAP_ERROR(name, parameters, arguments)                          \
	DECLARE(name, int, parameters)                                   \
	int WRAPPED(name) parameters                                     \
	{                                                                \
		return call_fails(#name) ? errno : REAL(name) arguments; \
	}

/* One that waits for a disk. */
#define WRAP_SYNC(name, fd)                                \
	DECLARE(name, int, (int fd))                       \
	int WRAPPED(name)(int fd)                          \
	{                                                  \
		if (call_fails(#name))                     \
			return -1;                         \
		return syncs_skipped ? 0 : REAL(name)(fd); \
	}

/* One that returns a pointer. */
#define WRAP_POINTER(name, type, parameters, arguments) \
	DECLARE(name, type, parameters)                 \
	type WRAPPED(name) parameters                   \
	{                                               \
		if (call_fails(#name))                  \
			return NULL;                    \
		return REAL(name) arguments;            \
	}

/* One whose body follows. */
#define WRAP_BODY(name, type, parameters) \
	DECLARE(name, type, parameters)   \
	type WRAPPED(name)                \
	parameters

WRAP_ERROR(pthread_create, (pthread_t * t, const pthread_attr_t *a, void *(*fn)(void *), void *arg),
	   (t, a, fn, arg))
WRAP_ERROR(pthread_mutex_init, (pthread_mutex_t * m, const pthread_mutexattr_t *a), (m, a))
WRAP_ERROR(pthread_cond_init, (pthread_cond_t * c, const pthread_condattr_t *a), (c, a))
WRAP(read, ssize_t, (int fd, void *b, size_t n), (fd, b, shorter_than_count(n)))
WRAP(write, ssize_t, (int fd, const void *b, size_t n), (fd, b, shorter_than_count(n)))
WRAP(pread, ssize_t, (int fd, void *b, size_t n, off_t o), (fd, b, shorter(n), o))
WRAP(pwrite, ssize_t, (int fd, const void *b, size_t n, off_t o), (fd, b, shorter(n), o))
WRAP_SOCKET(recv, (int fd, void *b, size_t n, int f), (fd, b, shorter(n), f))
WRAP_SOCKET(send, (int fd, const void *b, size_t n, int f), (fd, b, shorter(n), f))
WRAP_VECTOR(readv, (int fd, const struct iovec *v, int n), (fd, v, n), (fd, &vec, 1))
WRAP_VECTOR(writev, (int fd, const struct iovec *v, int n), (fd, v, n), (fd, &vec, 1))
WRAP_SOCKET(sendmsg, (int fd, const struct msghdr *m, int f), (fd, shortened(m), f))
WRAP_VECTOR(preadv, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o),
	    (fd, &vec, 1, o))
WRAP_VECTOR(pwritev, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o),
	    (fd, &vec, 1, o))
WRAP(socket, int, (int d, int t, int p), (d, t, p))
WRAP(bind, int, (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l))
WRAP(listen, int, (int fd, int n), (fd, n))
WRAP(setsockopt, int, (int fd, int l, int o, const void *v, socklen_t n), (fd, l, o, v, n))
WRAP(shutdown, int, (int fd, int how), (fd, how))
WRAP(connect, int, (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l))
WRAP(getsockopt, int, (int fd, int l, int o, void *v, socklen_t *n), (fd, l, o, v, n))
WRAP(getsockname, int, (int fd, struct sockaddr *a, socklen_t *l), (fd, a, l))
WRAP(getpeername, int, (int fd, struct sockaddr *a, socklen_t *l), (fd, a, l))
WRAP(fstat, int, (int fd, struct stat *s), (fd, s))
WRAP(poll, int, (struct pollfd * p, nfds_t n, int t), (p, n, t))
WRAP(pselect, int,
     (int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *t, const sigset_t *s),
     (n, r, w, e, t, s))
WRAP(accept, int, (int fd, struct sockaddr *a, socklen_t *l), (fd, a, l))
WRAP(pipe, int, (int *fds), (fds))
WRAP_SYNC(fsync, fd)
WRAP(flock, int, (int fd, int operation), (fd, operation))
WRAP(ftruncate, int, (int fd, off_t n), (fd, n))
WRAP(lseek, off_t, (int fd, off_t o, int from), (fd, o, from))
WRAP(stat, int, (const char *path, struct stat *s), (path, s))
WRAP(lstat, int, (const char *path, struct stat *s), (path, s))
WRAP(unlink, int, (const char *path), (path))
WRAP(readlink, ssize_t, (const char *path, char *b, size_t n), (path, b, n))
WRAP(rename, int, (const char *path, const char *to), (path, to))
WRAP(mkdir, int, (const char *path, mode_t m), (path, m))
WRAP(rmdir, int, (const char *path), (path))
WRAP(sigaction, int, (int n, const struct sigaction *s, struct sigaction *old), (n, s, old))
WRAP(sigpending, int, (sigset_t * s), (s))
WRAP(nanosleep, int, (const struct timespec *t, struct timespec *left), (t, left))
WRAP(kill, int, (pid_t pid, int n), (pid, n))
WRAP(waitpid, pid_t, (pid_t pid, int *status, int f), (pid, status, f))
WRAP(setsid, pid_t, (void), ())
WRAP(fork, pid_t, (void), ())
WRAP(setpgid, int, (pid_t pid, pid_t group), (pid, group))
WRAP(tcgetattr, int, (int fd, struct termios *t), (fd, t))
WRAP(dup2, int, (int fd, int as), (fd, as))
WRAP(chdir, int, (const char *path), (path))
WRAP(execve, int, (const char *path, char *const *argv, char *const *env), (path, argv, env))
WRAP(waitid, int, (idtype_t type, id_t id, siginfo_t *info, int options), (type, id, info, options))
#ifndef __APPLE__
WRAP(pipe2, int, (int *fds, int f), (fds, f))
#if __has_include(<sys/eventfd.h>)
WRAP(eventfd, int, (unsigned n, int f), (n, f))
#endif
WRAP(accept4, int, (int fd, struct sockaddr *a, socklen_t *l, int f), (fd, a, l, f))
WRAP(ppoll, int, (struct pollfd * p, nfds_t n, const struct timespec *t, const sigset_t *s),
     (p, n, t, s))
WRAP_SYNC(fdatasync, fd)
WRAP(sigtimedwait, int, (const sigset_t *s, siginfo_t *info, const struct timespec *t),
     (s, info, t))
#endif
#ifdef __linux__
#ifdef HAS_PIDFD
WRAP(pidfd_send_signal, int, (int fd, int n, siginfo_t *info, unsigned f), (fd, n, info, f))
WRAP(pidfd_open, int, (pid_t pid, unsigned f), (pid, f))
#endif
#ifdef RWF_NOWAIT
WRAP_VECTOR(preadv2, (int fd, const struct iovec *v, int n, off_t o, int f), (fd, v, n, o, f),
	    (fd, &vec, 1, o, f))
WRAP_VECTOR(pwritev2, (int fd, const struct iovec *v, int n, off_t o, int f), (fd, v, n, o, f),
	    (fd, &vec, 1, o, f))
#endif
WRAP(epoll_create1, int, (int f), (f))
WRAP(epoll_ctl, int, (int e, int op, int fd, struct epoll_event *v), (e, op, fd, v))
WRAP(epoll_wait, int, (int e, struct epoll_event *v, int n, int t), (e, v, n, t))
#ifdef __GLIBC__
WRAP(epoll_pwait2, int,
     (int e, struct epoll_event *v, int n, const struct timespec *t, const sigset_t *s),
     (e, v, n, t, s))
#endif
WRAP(sendfile, ssize_t, (int o, int i, off_t *at, size_t n), (o, i, at, shorter(n)))
WRAP(splice, ssize_t, (int i, off_t *io, int o, off_t *oo, size_t n, unsigned f),
     (i, io, o, oo, shorter(n), f))

/*
 * What returns twice must not do so to a function that has ended: hence the tail call, which
 * sanitizers and --coverage must not spoil. Some CPUs have none into another library: fork serves there.
 */
int __real_vfork(void);
int __wrap_vfork(void);
#ifdef NO_FAR_TAIL_CALL
int __wrap_vfork(void)
{
	return call_fails("vfork") ? -1 : __real_fork();
}
#else
#ifdef __clang__
#define TAIL_CALL __attribute__((musttail))
#define HAS_TAIL_CALL
#else
#define TAIL_CALL
#define HAS_TAIL_CALL __attribute__((optimize("O2")))
#endif
#define PLAIN                                                         \
	__attribute__((no_sanitize("address", "thread", "undefined"), \
		       no_profile_instrument_function))
HAS_TAIL_CALL PLAIN int __wrap_vfork(void)
{
	if (call_fails("vfork"))
		return -1;
	TAIL_CALL return __real_vfork();
}

__attribute__((constructor)) static void ask_what_vfork_does(void)
{
	int pid = __real_vfork();
	if (pid == 0) {
		vfork_shares = true;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}
#endif
#endif

int create_uncounted(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
	return REAL(pthread_create)(thread, NULL, fn, arg);
}

/* Those that take arguments of any number, which some CPUs pass in another way. */

WRAP_BODY(ioctl, int, (int fd, unsigned long request, ...))
{
	va_list args;
	va_start(args, request);
	void *argument = va_arg(args, void *);
	va_end(args);
	return call_fails("ioctl") ? -1 : REAL(ioctl)(fd, request, argument);
}

WRAP_BODY(fcntl, int, (int fd, int command, ...))
{
	va_list args;
	va_start(args, command);
	void *argument = va_arg(args, void *);
	va_end(args);
	return call_fails("fcntl") ? -1 : REAL(fcntl)(fd, command, argument);
}

WRAP_BODY(open, int, (const char *path, int flags, ...))
{
	va_list args;
	va_start(args, flags);
	unsigned mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
	va_end(args);
	return call_fails("open") ? -1 : REAL(open)(path, flags, mode);
}

#ifdef __linux__
/* The name of a call for which libc has no function; of others it is syscall. */
static const char *name_of(long number)
{
	switch (number) {
#ifndef HAS_PIDFD
	case SYS_pidfd_send_signal:
		return "pidfd_send_signal";
	case SYS_pidfd_open:
		return "pidfd_open";
#endif
#ifndef RWF_NOWAIT
	case SYS_preadv2:
		return "preadv2";
	case SYS_pwritev2:
		return "pwritev2";
#endif
#if !defined(__GLIBC__) && defined(SYS_epoll_pwait2)
	case SYS_epoll_pwait2:
		return "epoll_pwait2";
#endif
	default:
		return "syscall";
	}
}

WRAP_BODY(syscall, long, (long number, ...))
{
	long all[6];
	va_list args;
	va_start(args, number);
	for (int i = 0; i < 6; i++)
		all[i] = va_arg(args, long);
	va_end(args);
	if (call_fails(name_of(number)))
		return -1;
	return REAL(syscall)(number, all[0], all[1], all[2], all[3], all[4], all[5]);
}
#endif

/* A close that fails has closed the fd all the same. */
WRAP_BODY(close, int, (int fd))
{
	bool fails = call_fails("close");
	int error = errno, r = REAL(close)(fd);
	if (fails)
		errno = error;
	return fails ? -1 : r;
}

WRAP_BODY(closedir, int, (DIR * dir))
{
	bool fails = call_fails("closedir");
	int error = errno, r = REAL(closedir)(dir);
	if (fails)
		errno = error;
	return fails ? -1 : r;
}

WRAP_POINTER(opendir, DIR *, (const char *path), (path))
WRAP_POINTER(readdir, struct dirent *, (DIR * dir), (dir))
WRAP_POINTER(getcwd, char *, (char *text, size_t size), (text, size))

/* Some tests have their own. */
#ifdef __APPLE__
#pragma weak getaddrinfo
#endif
WRAP_BODY(getaddrinfo, int,
	  (const char *node, const char *service, const struct addrinfo *hints,
	   struct addrinfo **ret))
{
	if (call_fails("getaddrinfo"))
		return EAI_SYSTEM;
	return REAL(getaddrinfo)(node, service, hints, ret);
}

extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

/* Sanitizers call it too, and do not cope with its failure. */
WRAP_BODY(sigaltstack, int, (const stack_t *stack, stack_t *old))
{
	bool may_fail = !__asan_init && !__tsan_init;
	return may_fail && call_fails("sigaltstack") ? -1 : REAL(sigaltstack)(stack, old);
}

/*
 * A stream gives all it has, and a short read is believed to have emptied it (see lib/io/readwrite.c): so
 * none is cut but to one byte, which proves nothing.
 */
WRAP_BODY(recvmsg, ssize_t, (int fd, struct msghdr *message, int flags))
{
	if (call_fails("recvmsg"))
		return lose(fd);
	if (bound() != 1 || message->msg_iovlen == 0)
		return REAL(recvmsg)(fd, message, flags);
	struct msghdr copy = *message;
	struct iovec vec = first_of(message->msg_iov);
	copy.msg_iov = &vec;
	copy.msg_iovlen = 1;
	ssize_t n = REAL(recvmsg)(fd, &copy, flags);
	copy.msg_iov = message->msg_iov;
	copy.msg_iovlen = message->msg_iovlen;
	*message = copy;
	return n;
}
