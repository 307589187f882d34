/* SPDX-License-Identifier: MIT */
/*
 * Files and directories by POSIX's names: in a task, a thread of the loop's default executor makes
 * the call, and only the task waits; elsewhere, or where no thread is to be had, it blocks. What is
 * in a file is read and written by the calls of io.h.
 *
 * Results are POSIX's, but for errors, which are returned: 0 or more, or a negative errno. A call
 * whose task is cancelled before it has begun is not made: -ECANCELED. One that has begun cannot be
 * stopped: it is waited for and its result returned, and the cancellation stays for the task's next
 * wait. So no fd is lost, and whatever the arguments point to may lie on the stack.
 */
#ifndef CORO_FILE_H
#define CORO_FILE_H

#include <coro/base.h>

#include <sys/stat.h>
#include <sys/types.h>

CORO_STATIC_ASSERT(sizeof(off_t) == 8, "compile with -D_FILE_OFFSET_BITS=64, as pkg-config says");
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34) /* since when time_t may have 64 bits on all CPUs: struct stat has it */
CORO_STATIC_ASSERT(sizeof(time_t) == 8, "compile with -D_TIME_BITS=64, as pkg-config says");
#endif
#endif

CORO_BEGIN_DECLS

/*
 * Opens a file: an fd, to be closed by coro_fd_close (open). O_CLOEXEC is set in any case; mode
 * counts for O_CREAT. Opening a FIFO may take a thread for as long as nobody has the other end: use
 * O_NONBLOCK.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_open(const char *path, int flags, mode_t mode);

/* Has what was written reach the disk: with what describes the file, or only what is needed. */
coro_async CORO_MUST_CHECK CORO_API int coro_fsync(int fd);
coro_async CORO_MUST_CHECK CORO_API int coro_fdatasync(int fd);

/* Cuts or extends a file (ftruncate). */
coro_async CORO_MUST_CHECK CORO_API int coro_ftruncate(int fd, off_t length);

/* What is known of a file; coro_lstat does not follow a symbolic link. */
coro_async CORO_MUST_CHECK CORO_API int coro_stat(const char *path, struct stat *ret);
coro_async CORO_MUST_CHECK CORO_API int coro_lstat(const char *path, struct stat *ret);
coro_async CORO_MUST_CHECK CORO_API int coro_fstat(int fd, struct stat *ret);

coro_async CORO_MUST_CHECK CORO_API int coro_unlink(const char *path);
coro_async CORO_MUST_CHECK CORO_API int coro_rename(const char *from, const char *to);
coro_async CORO_MUST_CHECK CORO_API int coro_mkdir(const char *path, mode_t mode);
coro_async CORO_MUST_CHECK CORO_API int coro_rmdir(const char *path);

/* A directory that is being read. */
struct coro_dir;

/* Begins to read a directory (opendir). The caller owns *ret, and ends with coro_closedir. */
coro_async CORO_MUST_CHECK CORO_API int coro_opendir(const char *path, struct coro_dir **ret);

/*
 * The next name in it, "." and ".." left out (readdir): 1, and *ret is the name, valid until the
 * next call; 0 at the end. In the directory's order; one thread's call fetches many.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_readdir(struct coro_dir *dir, const char **ret);

/* Does not wait. 0; NULL is fine. */
CORO_MUST_CHECK CORO_API int coro_closedir(struct coro_dir *dir);

CORO_END_DECLS

#endif
