/* SPDX-License-Identifier: MIT */
/*
 * Files and directories, by POSIX's names. Their content is read and written by the calls of
 * coro/io.h.
 *
 * In a task, a thread of the loop's default executor makes the call, and only the task waits.
 * Elsewhere, or if there is no thread, the call blocks. A result is POSIX's, or a negative errno.
 *
 * If the task is cancelled before the call has begun, the call is not made and returns -ECANCELED.
 * One that has begun cannot be stopped: it returns its result, and the cancellation ends the task's
 * next wait. So no fd is lost, and arguments may be on the task's stack.
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
 * Opens a file. O_CLOEXEC is always set. mode counts only with O_CREAT. Opening a FIFO may occupy a
 * thread until somebody opens its other end: use O_NONBLOCK. Returns an fd, to be closed with
 * coro_fd_close, or an error. Like open(2).
 */
coro_async CORO_MUST_CHECK CORO_API int coro_open(const char *path, int flags, mode_t mode);

/*
 * Writes what the system holds of a file in memory to the disk. Returns 0 or an error. Like
 * fsync(2).
 */
coro_async CORO_MUST_CHECK CORO_API int coro_fsync(int fd);

/*
 * Writes what the system holds of a file in memory to the disk, without metadata that reading the
 * file does not need. Returns 0 or an error. Like fdatasync(2).
 */
coro_async CORO_MUST_CHECK CORO_API int coro_fdatasync(int fd);

/* Cuts or extends a file to length bytes. Returns 0 or an error. Like ftruncate(2). */
coro_async CORO_MUST_CHECK CORO_API int coro_ftruncate(int fd, off_t length);

/* Gets the size, times and mode of a file. Returns 0 or an error. Like stat(2). */
coro_async CORO_MUST_CHECK CORO_API int coro_stat(const char *path, struct stat *ret);

/* Gets the same, but of a symbolic link itself. Returns 0 or an error. Like lstat(2). */
coro_async CORO_MUST_CHECK CORO_API int coro_lstat(const char *path, struct stat *ret);

/* Gets the same of an open file. Returns 0 or an error. Like fstat(2). */
coro_async CORO_MUST_CHECK CORO_API int coro_fstat(int fd, struct stat *ret);

/* Removes the name of a file. Returns 0 or an error. Like unlink(2). */
coro_async CORO_MUST_CHECK CORO_API int coro_unlink(const char *path);

/* Renames a file. Returns 0 or an error. Like rename(2). */
coro_async CORO_MUST_CHECK CORO_API int coro_rename(const char *from, const char *to);

/* Creates a directory. Returns 0 or an error. Like mkdir(2). */
coro_async CORO_MUST_CHECK CORO_API int coro_mkdir(const char *path, mode_t mode);

/* Removes an empty directory. Returns 0 or an error. Like rmdir(2). */
coro_async CORO_MUST_CHECK CORO_API int coro_rmdir(const char *path);

/* A directory that is being read. */
struct coro_dir;

/*
 * Begins to read a directory. The caller owns *ret, and closes it with coro_closedir. Returns 0 or
 * an error. Like opendir(3).
 */
coro_async CORO_MUST_CHECK CORO_API int coro_opendir(const char *path, struct coro_dir **ret);

/*
 * Gets the next name in a directory, in the directory's order, without "." and "..". *ret is valid
 * until the next call. A thread reads many names at once. Returns 1, 0 at the end, or an error.
 * Like readdir(3).
 */
coro_async CORO_MUST_CHECK CORO_API int coro_readdir(struct coro_dir *dir, const char **ret);

/* Closes a directory, without waiting. NULL is allowed. Returns 0. Like closedir(3). */
CORO_MUST_CHECK CORO_API int coro_closedir(struct coro_dir *dir);

CORO_END_DECLS

#endif
