/* SPDX-License-Identifier: MIT */
/*
 * libc's own functions of the names that this library defines: those that the dynamic linker finds
 * behind it.
 */
#ifndef POSIX_LIBC_H
#define POSIX_LIBC_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

/* Not as inline functions, which clang would take for the definitions. */
#include <features.h>
#undef __USE_EXTERN_INLINES

#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* FORTIFY's names, which no header declares always. */
ssize_t __read_chk(int fd, void *bytes, size_t length, size_t room);
ssize_t __pread_chk(int fd, void *bytes, size_t length, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *bytes, size_t length, off_t offset, size_t room);
ssize_t __recv_chk(int fd, void *bytes, size_t length, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *bytes, size_t length, size_t room, int flags,
		       struct sockaddr *address, socklen_t *address_length);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		const sigset_t *mask, size_t room);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);
size_t __fread_chk(void *restrict bytes, size_t room, size_t size, size_t count,
		   FILE *restrict stream);
char *__fgets_chk(char *restrict text, size_t room, int size, FILE *restrict stream);
int __vfprintf_chk(FILE *restrict stream, int flag, const char *restrict format, va_list arguments);
int __vdprintf_chk(int fd, int flag, const char *restrict format, va_list arguments);

/* Those of other standards, and what inline functions of headers call. */
int __isoc99_vfscanf(FILE *restrict stream, const char *restrict format, va_list arguments);
int __isoc23_vfscanf(FILE *restrict stream, const char *restrict format, va_list arguments);
int __uflow(FILE *stream);
int __overflow(FILE *stream, int byte);
int _IO_getc(FILE *stream);
int _IO_putc(int byte, FILE *stream);
int __printf_chk(int flag, const char *restrict format, ...);
int __vprintf_chk(int flag, const char *restrict format, va_list arguments);
int __fprintf_chk(FILE *restrict stream, int flag, const char *restrict format, ...);
int __dprintf_chk(int fd, int flag, const char *restrict format, ...);

__sighandler_t __sysv_signal(int number, __sighandler_t function);

/* clang-format off */
/* Each of them has a pointer of its type. */
#define LIBC_CALLS(X) \
	X(read) X(write) X(readv) X(writev) X(pread) X(pwrite) X(preadv) X(pwritev) \
	X(preadv2) X(pwritev2) X(copy_file_range) X(msgrcv) X(msgsnd) X(semop) X(semtimedop) \
	X(getpwnam) X(getpwuid) X(getpwnam_r) X(getpwuid_r) \
	X(getgrnam) X(getgrgid) X(getgrnam_r) X(getgrgid_r) \
	X(recv) X(recvfrom) X(recvmsg) X(send) X(sendto) X(sendmsg) \
	X(accept) X(accept4) X(connect) X(listen) X(setsockopt) X(socket) X(socketpair) \
	X(close) X(dup) X(dup2) X(dup3) X(pipe) X(pipe2) X(fcntl) X(ioctl) X(open) X(openat) \
	X(fsync) X(fdatasync) X(flock) X(lockf) \
	X(poll) X(ppoll) X(select) X(pselect) X(epoll_wait) X(epoll_pwait) \
	X(sleep) X(usleep) X(nanosleep) X(clock_nanosleep) X(thrd_sleep) \
	X(getaddrinfo) X(getnameinfo) X(gethostbyname) X(gethostbyname2) X(gethostbyaddr) \
	X(gethostbyname_r) X(gethostbyname2_r) X(gethostbyaddr_r) \
	X(wait4) X(waitid) X(waitpid) X(system) X(popen) X(pclose) \
	X(recvmmsg) X(sendmmsg) X(sendfile) X(splice) X(epoll_pwait2) X(sigsuspend) \
	X(mq_receive) X(mq_timedreceive) X(mq_send) X(mq_timedsend) \
	X(pthread_join) X(pthread_barrier_wait) X(pthread_mutex_timedlock) X(pthread_mutex_clocklock) \
	X(pthread_rwlock_rdlock) X(pthread_rwlock_wrlock) X(pthread_rwlock_unlock) \
	X(pthread_rwlock_tryrdlock) X(pthread_rwlock_trywrlock) \
	X(pthread_rwlock_clockrdlock) X(pthread_rwlock_clockwrlock) \
	X(sigaction) X(sigtimedwait) X(sigwait) X(pause) \
	X(pthread_mutex_lock) X(pthread_mutex_trylock) X(pthread_mutex_unlock) \
	X(pthread_cond_wait) X(pthread_cond_timedwait) X(pthread_cond_clockwait) \
	X(pthread_cond_signal) X(pthread_cond_broadcast) \
	X(sem_wait) X(sem_trywait) X(sem_timedwait) X(sem_clockwait) X(sem_post) \
	X(mtx_lock) X(mtx_trylock) X(cnd_wait) \
	X(fopen) X(freopen) X(fclose) X(fflush) X(flockfile) X(ftrylockfile) X(funlockfile) \
	X(fgetc) X(fgets) X(fread) X(getdelim) X(__uflow) \
	X(vfscanf) X(__isoc99_vfscanf) X(__isoc23_vfscanf) \
	X(fputc) X(fputs) X(puts) X(fwrite) X(vfprintf) X(vdprintf) X(__overflow) \
	X(__vfprintf_chk) X(__vdprintf_chk) \
	X(__read_chk) X(__pread_chk) X(__recv_chk) X(__recvfrom_chk) X(__poll_chk) X(__ppoll_chk)
/* clang-format on */

struct libc {
#define LIBC_POINTER(name) __typeof__(&name) name;
	LIBC_CALLS(LIBC_POINTER)
#undef LIBC_POINTER
};

extern struct libc libc_calls;
extern bool libc_found;

/* Finds them. Called once, at the first call or when the library is loaded. */
void libc_find(void);

static inline const struct libc *libc(void)
{
	if (unlikely(!libc_found))
		libc_find();
	return &libc_calls;
}

#endif
