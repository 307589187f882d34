/* SPDX-License-Identifier: MIT */
/* Calls that differ between systems, or that only newer systems have. */
#ifndef BASE_SYSTEM_H
#define BASE_SYSTEM_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#include <crt_externs.h>
#endif

#if defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#include <pthread_np.h>
#endif

#ifdef __linux__
#include <link.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/fsuid.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <ucontext.h>
#endif

/* glibc, macOS, and the BSDs with a library of its own; musl has none. */
#if __has_include(<execinfo.h>) && !defined(CORO_NO_BACKTRACE)
#include <execinfo.h>
#define SYSTEM_BACKTRACE 1
#else
#define SYSTEM_BACKTRACE 0
#endif

#if __has_include(<sys/eventfd.h>)
#include <sys/eventfd.h>
#define SYSTEM_EVENTFD 1
#else
#define SYSTEM_EVENTFD 0
#endif

/* Linux 5.3: an fd for a process, readable when the process has ended. */
#if __has_include(<sys/pidfd.h>)
#include <sys/pidfd.h>
#define SYSTEM_PIDFD 1
#else
#define SYSTEM_PIDFD 0
#endif

enum { SYSTEM_P_PIDFD = 3 }; /* waitid's P_PIDFD: Linux 5.4 */

/*
 * Forks a child that is about to execute a program. Linux's vfork copies no memory, so it is fast and
 * works when memory is short. Until the child executes the program, it runs in the caller's memory
 * and the caller is suspended.
 */
#ifdef __linux__
#define system_fork_to_execute vfork
#else
#define system_fork_to_execute fork
#endif

/*
 * Whether the 8 bytes around an address can be read, as far as the kernel can tell: it reads a
 * signal mask there before it refuses to set that. One of MIPS is 16 bytes. Async-signal-safe.
 */
static inline bool system_can_read(const void *at)
{
#if defined(__linux__) && defined(SYS_rt_sigprocmask)
	enum { IN_NO_WAY = 0x7fffffff, MASK = NSIG / 8 };
	int error = errno;
	uintptr_t mask = (uintptr_t)at & ~(uintptr_t)(MASK - 1);
	bool can = syscall(SYS_rt_sigprocmask, IN_NO_WAY, mask, NULL, MASK) < 0 && errno == EINVAL;
	errno = error;
	return at && can;
#else
	(void)at;
	return false;
#endif
}

/* Linux 6.13: makes guard pages by a mark in the page table, without a mapping of their own. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* Linux: keeps huge pages out. Systems without the constant have none to keep out. */
#ifndef MADV_NOHUGEPAGE
#define MADV_NOHUGEPAGE 15
#endif

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* Linux 4.14: a read or write that does not block, whatever the fd's flags are. */
#ifdef RWF_NOWAIT
#define system_preadv2 preadv2
#define system_pwritev2 pwritev2
#elif defined(SYS_preadv2)
#define RWF_NOWAIT 0x8

/* The kernel takes an offset in two halves, of which one of 64 bits needs the first only. */
#define SYSTEM_VECTOR_CALL(name)                                                                \
	static inline ssize_t system_##name(int fd, const struct iovec *vec, int count,         \
					    off_t offset, int flags)                            \
	{                                                                                       \
		return syscall(SYS_##name, fd, vec, count, (long)offset,                        \
			       sizeof(long) == sizeof(offset) ? 0 : (long)(offset >> 16 >> 16), \
			       flags);                                                          \
	}
SYSTEM_VECTOR_CALL(preadv2)
SYSTEM_VECTOR_CALL(pwritev2)
#else
#define RWF_NOWAIT 0x8

static inline ssize_t system_preadv2(int fd, const struct iovec *vec, int count, off_t offset,
				     int flags)
{
	(void)fd, (void)vec, (void)count, (void)offset, (void)flags;
	errno = ENOSYS;
	return -1;
}

#define system_pwritev2 system_preadv2
#endif

/* Linux 6.18: a write that raises no SIGPIPE. */
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100
#endif

/* Linux's calls. Other systems have none, or different ones, so the library copies there. */
#ifdef __linux__
#define SYSTEM_SPLICE 1
#define system_sendfile sendfile
#define system_splice splice
#else
#define SYSTEM_SPLICE 0
#define SPLICE_F_NONBLOCK 2

static inline ssize_t system_sendfile(int out, int in, off_t *offset, size_t length)
{
	(void)out, (void)in, (void)offset, (void)length;
	errno = ENOSYS;
	return -1;
}

static inline ssize_t system_splice(int in, off_t *in_offset, int out, off_t *out_offset,
				    size_t length, unsigned flags)
{
	(void)in, (void)in_offset, (void)out, (void)out_offset, (void)length, (void)flags;
	errno = ENOSYS;
	return -1;
}
#endif

/* Linux: a pipe that keeps packets apart. */
#ifndef O_DIRECT
#define O_DIRECT 0
#endif

/* Stand-ins for errors that the system does not have. No call returns them. */
#ifndef ENONET
#define ENONET 4094
#endif
#ifndef ENOSR
#define ENOSR 4095
#endif

/* Linux: a unix socket's name that begins with a NUL names no file. */
#ifdef __linux__
#define SYSTEM_ABSTRACT_NAMES 1
#else
#define SYSTEM_ABSTRACT_NAMES 0
#endif

/* Linux: select takes sets of any size, larger than an fd_set too. */
#ifdef __linux__
#define SYSTEM_LARGE_FD_SETS 1
#else
#define SYSTEM_LARGE_FD_SETS 0
#endif

/*
 * Returns the text of an errno. glibc's strerror may allocate, and its text of a number that it does
 * not know is valid until the thread's next call. glibc 2.32 has one that does neither, but knows no
 * language but English.
 */
static inline const char *system_strerror(int error)
{
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 32)
	const char *text = strerrordesc_np(error);
	return text ? text : "Unknown error";
#endif
#endif
	return strerror(error);
}

/* Linux 5.11: epoll_wait with nanoseconds. */
#if defined(__GLIBC__) && defined(__linux__)
#define SYSTEM_EPOLL_PWAIT2 __GLIBC_PREREQ(2, 35)
#define system_epoll_pwait2 epoll_pwait2
#elif defined(SYS_epoll_pwait2)
#define SYSTEM_EPOLL_PWAIT2 1

static inline int system_epoll_pwait2(int epoll, struct epoll_event *events, int count,
				      const struct timespec *time, const sigset_t *mask)
{
	return (int)syscall(SYS_epoll_pwait2, epoll, events, count, time, mask, (size_t)0);
}
#else
#define SYSTEM_EPOLL_PWAIT2 0
#endif

/*
 * Whether a second connect returns the result of the first, and leaves the socket as a blocking
 * connect does. On other systems it may begin another connection.
 */
#ifdef __linux__
#define SYSTEM_CONNECT_TELLS 1
#else
#define SYSTEM_CONNECT_TELLS 0
#endif

/*
 * Moves an fd of the library above 0 to 2, which it gets if the program has closed them. Otherwise
 * writes to a standard stream would go to it. Returns the fd, with FD_CLOEXEC set if it was moved.
 * On failure it closes the fd and returns -1 with errno. A negative fd is returned as it is.
 */
static inline int system_above_streams(int fd)
{
	if (fd < 0 || fd > 2)
		return fd;
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3), error = errno;
	close(fd);
	errno = error;
	return moved;
}

/* Does the same for two fds. Returns 0, or an error after closing both. */
static inline int system_pair_above_streams(int fds[2])
{
	int error = 0;
	for (int i = 0; i < 2; i++) {
		fds[i] = system_above_streams(fds[i]);
		if (fds[i] < 0)
			error = errno;
	}
	for (int i = 0; i < 2 && error; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return -error;
}

/*
 * Whether a call may have failed because the kernel or a sandbox does not know it. The caller then
 * tries the older call, which fails too if the error was a real one.
 */
static inline bool system_lacks(int error)
{
	return error == ENOSYS || error == EPERM;
}

/* Converts a duration. It is cut to the longest that a time_t of 32 bits can hold. */
static inline struct timespec system_timespec(int64_t ns)
{
	enum { SEC = 1000000000 };
	int64_t sec = ns / SEC;
	if (sizeof(time_t) < sizeof(sec) && sec > INT32_MAX)
		sec = INT32_MAX;
	return (struct timespec){.tv_sec = (time_t)sec, .tv_nsec = (long)(ns % SEC)};
}

/* Whether the system can make new fds with flags at once. macOS sets them by calls of their own. */
#ifdef SOCK_CLOEXEC
#define SYSTEM_SOCKET_FLAGS 1
#else
#define SYSTEM_SOCKET_FLAGS 0
#endif

/* Sets O_NONBLOCK and FD_CLOEXEC. */
static inline void system_set_flags(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Makes a socket with O_NONBLOCK and FD_CLOEXEC. Returns -1 with errno on failure. */
static inline int system_socket(int family, int type)
{
#if SYSTEM_SOCKET_FLAGS
	return system_above_streams(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
#else
	int fd = system_above_streams(socket(family, type, 0));
	if (fd >= 0)
		system_set_flags(fd);
	return fd;
#endif
}

/* The same for a connection that is accepted. Fails with ENOSYS where there is no accept4. */
static inline int system_accept(int fd, struct sockaddr *address, socklen_t *length)
{
#if SYSTEM_SOCKET_FLAGS
	return accept4(fd, address, length, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
	(void)fd, (void)address, (void)length;
	errno = ENOSYS;
	return -1;
#endif
}

/* Makes a pipe with FD_CLOEXEC set on both ends. Returns 0 or an error. */
static inline int system_pipe(int fds[2])
{
#ifndef __APPLE__
	if (pipe2(fds, O_CLOEXEC) == 0)
		return system_pair_above_streams(fds);
	if (!system_lacks(errno))
		return -errno;
#endif
	if (pipe(fds) < 0)
		return -errno;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	return system_pair_above_streams(fds);
}

/* Opens a pidfd. Returns -1 with ENOSYS on systems without pidfds. */
static inline int system_pidfd_open(pid_t pid)
{
#if SYSTEM_PIDFD
	return system_above_streams(pidfd_open(pid, 0));
#elif defined(SYS_pidfd_open)
	return system_above_streams((int)syscall(SYS_pidfd_open, pid, 0));
#else
	(void)pid;
	errno = ENOSYS;
	return -1;
#endif
}

/* Whether both fds are the same terminal. Returns false if the system cannot say. */
static inline bool system_is_same_terminal(int a, int b)
{
#ifdef TIOCGDEV
	unsigned first, second;
	return ioctl(a, TIOCGDEV, &first) == 0 && ioctl(b, TIOCGDEV, &second) == 0 &&
	       first == second;
#else
	(void)a, (void)b;
	return false;
#endif
}

/*
 * Returns how long a read of a terminal without input waits, in tenths of a second: its VTIME, if its
 * VMIN is 0. Returns -1 if the read waits for input. A master's settings are those of its slave, which
 * reads of the master do not follow.
 */
static inline int system_terminal_time(int fd)
{
	struct termios settings;
	if (tcgetattr(fd, &settings) < 0 || settings.c_lflag & ICANON || settings.c_cc[VMIN] > 0)
		return -1;
#ifdef TIOCGPTN
	unsigned number;
	if (ioctl(fd, TIOCGPTN, &number) == 0)
		return -1;
#endif
	return settings.c_cc[VTIME];
}

/*
 * Returns the protocol of an Internet socket, or an error. On systems without SO_PROTOCOL a stream
 * socket counts as TCP, any other as UDP.
 */
static inline int system_protocol(int fd)
{
#ifdef SO_PROTOCOL
	int name = SO_PROTOCOL;
#else
	int name = SO_TYPE;
#endif
	int value = 0;
	socklen_t length = sizeof(value);
	if (getsockopt(fd, SOL_SOCKET, name, &value, &length) < 0)
		return -errno;
	if (name != SO_TYPE)
		return value;
	return value == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
}

/* Linux 4.2: leaves the choice of the port to connect, so that sockets to other peers can share it. */
static inline void system_choose_port_late(int fd)
{
#ifdef IP_BIND_ADDRESS_NO_PORT
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
#else
	(void)fd;
#endif
}

/* Returns 0 if the fd can be polled, -EPERM if it cannot (as files), or another error. */
static inline int system_check_pollable(int fd)
{
#ifdef __linux__
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return -errno;
	int r = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
	close(epoll);
	return r;
#else
	(void)fd;
	return -EPERM;
#endif
}

/*
 * Whether the calling thread may change its file user. A thread without that right is taken to have
 * the process's. It is not asked for its own, since a sandbox may kill it for that call.
 */
static inline bool system_may_change_identity(void)
{
#ifdef __linux__
	/* As <linux/capability.h> has it, which is not everywhere. */
	enum { VERSION_3 = 0x20080522, SETUID = 7 };
	struct {
		uint32_t version;
		int pid;
	} header = {.version = VERSION_3};
	struct {
		uint32_t effective, permitted, inheritable;
	} data[2];
	return syscall(SYS_capget, &header, data) == 0 && data[0].effective & 1u << SETUID;
#else
	return false;
#endif
}

/*
 * Sets the user or group with whose rights the calling thread uses files, on Linux. Returns the one
 * before. An invalid id changes nothing.
 */
static inline uid_t system_set_file_user(uid_t uid)
{
#ifdef __linux__
	return (uid_t)setfsuid(uid);
#else
	(void)uid;
	return geteuid();
#endif
}

static inline gid_t system_set_file_group(gid_t gid)
{
#ifdef __linux__
	return (gid_t)setfsgid(gid);
#else
	(void)gid;
	return getegid();
#endif
}

/*
 * Sets the process's user and group for good, and exactly these supplementary groups. Returns 0 or an
 * error. On Linux it makes plain system calls: libc's functions are not safe in the child of a process
 * with threads.
 */
static inline int system_set_user(uid_t uid, gid_t gid, const gid_t *groups, size_t count)
{
#ifdef __linux__
#ifdef SYS_setresuid32
	enum { GROUPS = SYS_setgroups32, GROUP = SYS_setresgid32, USER = SYS_setresuid32 };
#else
	enum { GROUPS = SYS_setgroups, GROUP = SYS_setresgid, USER = SYS_setresuid };
#endif
	bool done = syscall(GROUPS, count, groups) == 0 && syscall(GROUP, gid, gid, gid) == 0 &&
		    syscall(USER, uid, uid, uid) == 0;
#else
	bool done = setgroups((int)count, groups) == 0 && setgid(gid) == 0 && setuid(uid) == 0;
#endif
	return done ? 0 : -errno;
}

/* Sends a signal to a process by its pidfd, or by its number if the pidfd is negative. */
static inline int system_send_signal(int pidfd, pid_t pid, int signum)
{
#if SYSTEM_PIDFD
	int r = pidfd < 0 ? -1 : pidfd_send_signal(pidfd, signum, NULL, 0);
	if (pidfd >= 0 && (r == 0 || !system_lacks(errno)))
		return r;
#elif defined(SYS_pidfd_send_signal)
	int r = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_send_signal, pidfd, signum, NULL, 0);
	if (pidfd >= 0 && (r == 0 || !system_lacks(errno)))
		return r;
#endif
	(void)pidfd;
	return kill(pid, signum);
}

/*
 * Sends a signal to the process group of a process, by its pidfd, which never names another process.
 * Fails with EINVAL before Linux 6.9.
 */
static inline int system_signal_group(int pidfd, int signum)
{
#ifdef SYS_pidfd_send_signal
	enum { TO_GROUP = 1 << 2 };
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signum, NULL, TO_GROUP);
#else
	(void)pidfd, (void)signum;
	errno = EINVAL;
	return -1;
#endif
}

/*
 * Returns how much of a stack a signal takes before its handler runs, in bytes. If the system cannot
 * say, it is enough for AVX-512.
 */
static inline size_t system_signal_frame(void)
{
#if defined(_SC_MINSIGSTKSZ)
	long size = sysconf(_SC_MINSIGSTKSZ);
#elif defined(__linux__)
	enum { MINSIGSTKSZ_OF_KERNEL = 51 }; /* AT_MINSIGSTKSZ, of Linux 5.14 */
	long size = (long)getauxval(MINSIGSTKSZ_OF_KERNEL);
#else
	long size = 0;
#endif
	return size > 0 ? (size_t)size : 8192;
}

/*
 * Makes the fds by which one thread wakes another: fds[0] is read, fds[1] is written, 8 bytes each
 * time. Both are the same fd if it is an eventfd. Returns 0 or an error.
 */
static inline int system_wakeup(int fds[2])
{
#if SYSTEM_EVENTFD
	fds[0] = fds[1] = system_above_streams(eventfd(0, EFD_CLOEXEC));
	if (fds[0] >= 0)
		return 0;
	if (!system_lacks(errno))
		return -errno;
#endif
	return system_pipe(fds);
}

/* Makes the signal mask of a thread that takes no signals but its own faults. */
static inline void system_block_signals(sigset_t *ret)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	sigfillset(ret);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(ret, faults[i]);
}

/*
 * Starts a thread with that mask. Returns 0 or an error. A thread that runs functions of the program
 * sets another mask, since programs that they start inherit it.
 */
static inline int system_start_thread(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
	sigset_t blocked, before;
	system_block_signals(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	int r = pthread_create(thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

/* Returns the kernel's number of the calling thread, or 0 if the system has none. */
static inline int system_thread_id(void)
{
#ifdef __linux__
	return (int)syscall(SYS_gettid);
#else
	return 0;
#endif
}

/* Whether the calling thread is the process's first. Returns false if the system cannot say. */
static inline bool system_is_main_thread(void)
{
#if defined(__linux__)
	return getpid() == (pid_t)syscall(SYS_gettid);
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
	return pthread_main_np() != 0;
#else
	return false;
#endif
}

#ifdef __linux__
static inline int system_note_adds(struct dl_phdr_info *info, size_t size, void *ret)
{
	if (size >= offsetof(struct dl_phdr_info, dlpi_adds) + sizeof(info->dlpi_adds))
		*(uint64_t *)ret = info->dlpi_adds;
	return 1; /* the first entry has the count, so the walk ends */
}
#endif

/* Returns how many libraries were loaded so far, with the program, or 0 if the system cannot say. */
static inline uint64_t system_libraries_loaded(void)
{
	uint64_t count = 0;
#ifdef __linux__
	dl_iterate_phdr(system_note_adds, &count);
#endif
	return count;
}

#ifdef __linux__
static inline int system_note_executable(struct dl_phdr_info *info, size_t size, void *ret)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_STACK && info->dlpi_phdr[i].p_flags & PF_X)
			*(int *)ret |= PROT_EXEC;
	return 0;
}
#endif

/*
 * Returns the protection to map a stack with. Stacks are executable if the program or any library
 * asks for that, as in libc. GNU C's nested functions do.
 */
static inline int system_stack_protection(void)
{
	int protection = PROT_READ | PROT_WRITE;
#ifdef __linux__
	dl_iterate_phdr(system_note_executable, &protection);
#endif
	return protection;
}

/* Returns roughly the stack pointer. On x86-64 the caller needs no frame pointer for it. */
static inline __attribute__((always_inline)) const void *system_stack_pointer(void)
{
#if defined(__x86_64__)
	const void *at;
	__asm__("movq %%rsp, %0" : "=r"(at));
	return at;
#else
	return __builtin_frame_address(0);
#endif
}

/*
 * Sets the program counter and stack pointer at which a signal interrupted its thread, or NULL if the
 * system cannot say. context is the third argument of the signal's handler.
 */
static inline void system_interrupted(const void *context, const char **pc, const char **sp)
{
	*pc = *sp = NULL;
#ifdef __linux__
	const ucontext_t *at = context;
#if defined(__x86_64__) && defined(__LP64__)
	*pc = (const char *)at->uc_mcontext.gregs[16]; /* REG_RIP */
	*sp = (const char *)at->uc_mcontext.gregs[15]; /* REG_RSP */
#elif defined(__i386__)
	*pc = (const char *)at->uc_mcontext.gregs[14]; /* REG_EIP */
	*sp = (const char *)at->uc_mcontext.gregs[7];  /* REG_ESP */
#elif defined(__aarch64__)
	*pc = (const char *)at->uc_mcontext.pc;
	*sp = (const char *)at->uc_mcontext.sp;
#elif defined(__arm__)
	*pc = (const char *)at->uc_mcontext.arm_pc;
	*sp = (const char *)at->uc_mcontext.arm_sp;
#elif defined(__riscv)
	*pc = (const char *)at->uc_mcontext.__gregs[0];
	*sp = (const char *)at->uc_mcontext.__gregs[2];
#elif defined(__powerpc64__)
	*pc = (const char *)at->uc_mcontext.gp_regs[32];
	*sp = (const char *)at->uc_mcontext.gp_regs[1];
#elif defined(__s390x__)
	*pc = (const char *)at->uc_mcontext.psw.addr;
	*sp = (const char *)at->uc_mcontext.gregs[15];
#elif defined(__mips64)
	*pc = (const char *)at->uc_mcontext.pc;
	*sp = (const char *)at->uc_mcontext.gregs[29];
#else
	(void)at;
#endif
#else
	(void)context;
#endif
}

/*
 * Writes the return addresses of the calls that the caller is in, the innermost first. Returns how
 * many, or 0 if the system cannot say. Its first call in a process may load a library; later ones may
 * come from signal handlers.
 */
static inline int system_backtrace(void **ret, int most)
{
#if SYSTEM_BACKTRACE
	return (int)backtrace(ret, most);
#else
	(void)ret, (void)most;
	return 0;
#endif
}

/* A thread as system_signal_thread knows it. It may have ended by then. */
#ifdef __linux__
typedef pid_t system_thread;
#else
typedef pthread_t system_thread;
#endif

static inline system_thread system_this_thread(void)
{
#ifdef __linux__
	return (pid_t)syscall(SYS_gettid);
#else
	return pthread_self();
#endif
}

/* Whether a thread of this process sleeps in a system call. Returns false if the system cannot say. */
static inline bool system_thread_sleeps(system_thread thread)
{
#ifdef __linux__
	char path[48], stat[128];
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, stat, sizeof(stat) - 1);
	if (fd >= 0)
		close(fd);
	stat[length > 0 ? length : 0] = '\0';
	const char *state = strrchr(stat, ')'); /* behind the name: " S" */
	return state && state[1] && (state[2] == 'S' || state[2] == 'D');
#else
	(void)thread;
	return false;
#endif
}

/* Sends a signal to a thread of this process. Returns whether it was sent. */
static inline bool system_signal_thread(system_thread thread, int signum)
{
#ifdef __linux__
	return syscall(SYS_tgkill, getpid(), thread, signum) == 0;
#else
	return pthread_kill(thread, signum) == 0;
#endif
}

/* Finds the calling thread's stack. Returns false if the system cannot say. */
static inline bool system_thread_stack(void **low, size_t *size)
{
#ifdef __APPLE__
	*size = pthread_get_stacksize_np(pthread_self());
	*low = (char *)pthread_get_stackaddr_np(pthread_self()) - *size;
	return true;
#else
	pthread_attr_t attr;
#if defined(__linux__)
	bool found = pthread_getattr_np(pthread_self(), &attr) == 0;
	if (!found)
		return false;
#else
	if (pthread_attr_init(&attr) != 0)
		return false;
	bool found = pthread_attr_get_np(pthread_self(), &attr) == 0;
#endif
	found = found && pthread_attr_getstack(&attr, low, size) == 0;
	pthread_attr_destroy(&attr);
	return found;
#endif
}

/* Has a condition measure time by the monotonic clock, if the system can. Returns 0 or an error. */
static inline int system_use_monotonic(pthread_condattr_t *attr)
{
#ifdef __APPLE__
	(void)attr;
	return 0;
#else
	return -pthread_condattr_setclock(attr, CLOCK_MONOTONIC);
#endif
}

/*
 * pthread_cond_timedwait of such a condition, until a time of the monotonic clock. macOS takes what
 * is left until then.
 */
static inline int system_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex,
				    int64_t until)
{
	struct timespec time = system_timespec(until);
#ifdef __APPLE__
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t left = until - (now.tv_sec * INT64_C(1000000000) + now.tv_nsec);
	time = system_timespec(left > 0 ? left : 0);
	return pthread_cond_timedwait_relative_np(condition, mutex, &time);
#else
	return pthread_cond_timedwait(condition, mutex, &time);
#endif
}

/* Takes a pending signal of a set. Returns the signal, or -1 with errno if none is pending. */
static inline int system_take_signal(const sigset_t *set)
{
#ifdef __APPLE__
	int signum = -1;
	sigset_t pending;
	for (int i = 1; sigpending(&pending) == 0 && i < NSIG; i++)
		if (sigismember(set, i) == 1 && sigismember(&pending, i) == 1)
			return sigwait(set, &signum) == 0 ? signum : -1;
	errno = EAGAIN;
	return -1;
#else
	return sigtimedwait(set, NULL, &(struct timespec){0});
#endif
}

/* Writes a file's data to its disk. macOS has no fdatasync. */
static inline int system_sync_data(int fd)
{
#ifdef __APPLE__
	return fsync(fd);
#else
	return fdatasync(fd);
#endif
}

/*
 * The process's environment. A dylib of macOS has no environ of its own; that of the BSDs is the
 * program's, and not libc's.
 */
static inline char **system_environment(void)
{
#ifdef __APPLE__
	return *_NSGetEnviron();
#else
#ifndef __linux__
	extern char **environ __attribute__((weak));
#else
	extern char **environ;
#endif
	return environ;
#endif
}

/* A variable of the environment; NULL in a program that has more rights than its user. */
static inline const char *system_secure_getenv(const char *name)
{
#ifdef __linux__
	return secure_getenv(name);
#else
	return issetugid() ? NULL : getenv(name);
#endif
}

/* ppoll without a mask. Fails with ENOSYS where there is none. */
static inline int system_poll(struct pollfd *fds, nfds_t count, const struct timespec *timeout)
{
#ifdef __APPLE__
	(void)fds, (void)count, (void)timeout;
	errno = ENOSYS;
	return -1;
#else
	return ppoll(fds, count, timeout, NULL);
#endif
}

/* Names the calling thread, for debuggers and top. A name has at most 15 characters. */
static inline void system_name_thread(const char *name)
{
#ifdef __APPLE__
	pthread_setname_np(name);
#else
	pthread_setname_np(pthread_self(), name);
#endif
}

#endif
