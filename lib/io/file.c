/* SPDX-License-Identifier: MIT */
#include "io/file.h"

#include "base/memory.h"
#include "base/system.h"
#include "core/fail.h"
#include "coro/file.h"
#include "sched/fault.h"
#include "task/task.h"
#include "thread/offload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The arguments of a call that a thread makes. */
struct file_call {
	const char *path, *to;
	int fd, flags; /* for open: fd is the result, -1 before */
	mode_t mode;
	off_t length;
	struct stat *stat;
};

/* Converts the result of a POSIX call. */
static int checked(int r)
{
	return r < 0 ? fail_code(-errno) : r;
}

/* Makes a call in a thread, unless a fault comes instead. */
static int in_thread(coro_fn *fn, void *arg)
{
	int r = fault_of(FAULT_FILE);
	return r < 0 ? r : offload(fn, arg);
}

/* -- files */

static int call_open(void *arg)
{
	struct file_call *call = arg;
	do
		call->fd = open(call->path, call->flags | O_CLOEXEC, call->mode);
	while (call->fd < 0 && errno == EINTR);
	return checked(call->fd);
}

/* A call that opens something in a thread, while the task may be discarded. */
struct opening {
	struct cleanup cleanup;
	struct file_call call;
	struct coro_dir *dir;
};

/* offload with a cleanup, which runs when the thread has made the call. */
static int open_in_thread(struct opening *opening, coro_fn *fn, void *arg,
			  void (*discard)(struct cleanup *cleanup))
{
	struct task *task = task_running();
	if (task)
		cleanup_push(task, &opening->cleanup, discard);
	int r = in_thread(fn, arg);
	if (task)
		cleanup_pop(&opening->cleanup);
	return r;
}

static void discard_file(struct cleanup *cleanup)
{
	const struct opening *opening = container_of(cleanup, struct opening, cleanup);
	if (opening->call.fd >= 0)
		close(opening->call.fd);
}

int coro_open(const char *path, int flags, mode_t mode)
{
	struct opening opening = {
		.call = {.path = path, .flags = flags, .mode = mode, .fd = -1},
	};
	if (!path)
		return fail_with(-EINVAL, "coro_open: path is NULL");
	return open_in_thread(&opening, call_open, &opening.call, discard_file);
}

static int call_fsync(void *arg)
{
	return checked(fsync(((const struct file_call *)arg)->fd));
}

int coro_fsync(int fd)
{
	return in_thread(call_fsync, &(struct file_call){.fd = fd});
}

static int call_fdatasync(void *arg)
{
	return checked(system_sync_data(((const struct file_call *)arg)->fd));
}

int coro_fdatasync(int fd)
{
	return in_thread(call_fdatasync, &(struct file_call){.fd = fd});
}

static int call_ftruncate(void *arg)
{
	const struct file_call *call = arg;
	return checked(ftruncate(call->fd, call->length));
}

int coro_ftruncate(int fd, off_t length)
{
	return in_thread(call_ftruncate, &(struct file_call){.fd = fd, .length = length});
}

/* -- stat */

/* Copies the result, if there is one. */
static int give_stat(int r, const struct stat *found, struct stat *ret)
{
	if (r == 0)
		*ret = *found;
	return r;
}

static int call_stat(void *arg)
{
	const struct file_call *call = arg;
	return checked(stat(call->path, call->stat));
}

int coro_stat(const char *path, struct stat *ret)
{
	struct stat found;
	if (!path || !ret)
		return fail_with(-EINVAL, "coro_stat: path or ret is NULL");
	int r = in_thread(call_stat, &(struct file_call){.path = path, .stat = &found});
	return give_stat(r, &found, ret);
}

static int call_lstat(void *arg)
{
	const struct file_call *call = arg;
	return checked(lstat(call->path, call->stat));
}

int coro_lstat(const char *path, struct stat *ret)
{
	struct stat found;
	if (!path || !ret)
		return fail_with(-EINVAL, "coro_lstat: path or ret is NULL");
	int r = in_thread(call_lstat, &(struct file_call){.path = path, .stat = &found});
	return give_stat(r, &found, ret);
}

static int call_fstat(void *arg)
{
	const struct file_call *call = arg;
	return checked(fstat(call->fd, call->stat));
}

int coro_fstat(int fd, struct stat *ret)
{
	struct stat found;
	if (!ret)
		return fail_with(-EINVAL, "coro_fstat: ret is NULL");
	int r = in_thread(call_fstat, &(struct file_call){.fd = fd, .stat = &found});
	return give_stat(r, &found, ret);
}

/* -- names */

static int call_unlink(void *arg)
{
	return checked(unlink(((const struct file_call *)arg)->path));
}

int coro_unlink(const char *path)
{
	return path ? in_thread(call_unlink, &(struct file_call){.path = path})
		    : fail_with(-EINVAL, "coro_unlink: path is NULL");
}

static int call_rename(void *arg)
{
	const struct file_call *call = arg;
	return checked(rename(call->path, call->to));
}

int coro_rename(const char *from, const char *to)
{
	if (!from || !to)
		return fail_with(-EINVAL, "coro_rename: from or to is NULL");
	return in_thread(call_rename, &(struct file_call){.path = from, .to = to});
}

static int call_mkdir(void *arg)
{
	const struct file_call *call = arg;
	return checked(mkdir(call->path, call->mode));
}

int coro_mkdir(const char *path, mode_t mode)
{
	if (!path)
		return fail_with(-EINVAL, "coro_mkdir: path is NULL");
	return in_thread(call_mkdir, &(struct file_call){.path = path, .mode = mode});
}

static int call_rmdir(void *arg)
{
	return checked(rmdir(((const struct file_call *)arg)->path));
}

int coro_rmdir(const char *path)
{
	return path ? in_thread(call_rmdir, &(struct file_call){.path = path})
		    : fail_with(-EINVAL, "coro_rmdir: path is NULL");
}

/* -- directories */

enum { NAMES = 8192 }; /* bytes of names that one call fetches; the last may go beyond */

struct coro_dir {
	const char *path; /* valid while it is being opened */
	DIR *stream;
	/* The names that were fetched, each with its NUL. */
	size_t at, end;
	bool over;
	char names[NAMES + sizeof(((struct dirent *)0)->d_name)];
};

static int call_opendir(void *arg)
{
	struct coro_dir *dir = arg;
	dir->stream = opendir(dir->path);
	return dir->stream ? 0 : fail_code(-errno);
}

static void discard_dir(struct cleanup *cleanup)
{
	struct coro_dir *dir = container_of(cleanup, struct opening, cleanup)->dir;
	if (dir->stream)
		closedir(dir->stream);
	free(dir);
}

int coro_opendir(const char *path, struct coro_dir **ret)
{
	if (!path || !ret)
		return fail_with(-EINVAL, "coro_opendir: path or ret is NULL");
	struct coro_dir *dir = memory_alloc(sizeof(*dir));
	if (!dir)
		return fail_code(-ENOMEM);
	dir->path = path;
	dir->stream = NULL;
	dir->at = dir->end = 0;
	dir->over = false;
	struct opening opening = {.dir = dir};
	int r = open_in_thread(&opening, call_opendir, dir, discard_dir);
	if (r < 0) {
		free(dir);
		return r;
	}
	*ret = dir;
	return 0;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int call_readdir(void *arg)
{
	struct coro_dir *dir = arg;
	const struct dirent *entry;
	dir->at = dir->end = 0;
	errno = 0;
	while (dir->end < NAMES && (entry = readdir(dir->stream))) {
		if (is_dots(entry->d_name))
			continue;
		size_t size = strlen(entry->d_name) + 1;
		memcpy(dir->names + dir->end, entry->d_name, size);
		dir->end += size;
	}
	if (dir->end >= NAMES)
		return 0;
	dir->over = errno == 0;
	/* Names that were read before an error are returned first. */
	return dir->end > 0 ? 0 : fail_code(-errno);
}

int coro_readdir(struct coro_dir *dir, const char **ret)
{
	if (!dir || !ret)
		return fail_with(-EINVAL, "coro_readdir: dir or ret is NULL");
	if (dir->at == dir->end && !dir->over) {
		int r = in_thread(call_readdir, dir);
		if (r < 0)
			return r;
	}
	if (dir->at == dir->end)
		return 0;
	*ret = dir->names + dir->at;
	dir->at += strlen(*ret) + 1;
	return 1;
}

int coro_closedir(struct coro_dir *dir)
{
	if (!dir)
		return 0;
	int r = checked(closedir(dir->stream));
	free(dir);
	return r;
}

/* -- reading and writing */

struct transfer {
	int fd;
	const struct iovec *vec;
	int count;
	off_t offset;
	ssize_t moved;
};

static int transferred(struct transfer *transfer, ssize_t moved)
{
	transfer->moved = moved;
	return moved < 0 ? fail_code(-errno) : 0;
}

static int call_read(void *arg)
{
	struct transfer *t = arg;
	ssize_t moved;
	do
		moved = t->offset == FILE_POSITION ? readv(t->fd, t->vec, t->count)
						   : preadv(t->fd, t->vec, t->count, t->offset);
	while (moved < 0 && errno == EINTR);
	return transferred(t, moved);
}

static int call_write(void *arg)
{
	struct transfer *t = arg;
	ssize_t moved;
	do
		moved = t->offset == FILE_POSITION ? writev(t->fd, t->vec, t->count)
						   : pwritev(t->fd, t->vec, t->count, t->offset);
	while (moved < 0 && errno == EINTR);
	return transferred(t, moved);
}

static ssize_t offload_transfer(coro_fn *fn, struct transfer *transfer)
{
	int r = offload(fn, transfer);
	return r < 0 ? r : transfer->moved;
}

/* Reads cached bytes without waiting. *over: all was read, or the file's end. Returns the count. */
static ssize_t read_cached(const struct transfer *transfer, bool *over)
{
	*over = false;
	struct iovec left = *transfer->vec;
	off_t offset = transfer->offset;
	ssize_t moved;
	while ((moved = system_preadv2(transfer->fd, &left, 1, offset, RWF_NOWAIT)) > 0) {
		left.iov_base = (char *)left.iov_base + moved;
		left.iov_len -= (size_t)moved;
		offset += offset == FILE_POSITION ? 0 : moved;
		if (left.iov_len == 0)
			break;
	}
	*over = moved >= 0;
	return (ssize_t)(transfer->vec->iov_len - left.iov_len);
}

/* Reads the rest in a thread after `done` bytes. If there are some, the next call has the error. */
static ssize_t read_rest(struct transfer transfer, ssize_t done)
{
	struct iovec rest = *transfer.vec;
	if (done > 0)
		rest.iov_base = (char *)rest.iov_base + done;
	rest.iov_len -= (size_t)done;
	transfer.vec = &rest;
	if (transfer.offset != FILE_POSITION)
		transfer.offset += done;
	ssize_t moved = offload_transfer(call_read, &transfer);
	if (moved >= 0)
		return done + moved;
	if (moved == -ECANCELED && done > 0)
		task_put_off_cancel(task_running());
	return done > 0 ? done : moved;
}

ssize_t file_read(int fd, const struct iovec *vec, int count, off_t offset)
{
	struct transfer transfer = {.fd = fd, .vec = vec, .count = count, .offset = offset};
	bool over;
	if (count != 1)
		return offload_transfer(call_read, &transfer);
	ssize_t done = read_cached(&transfer, &over);
	return over ? done : read_rest(transfer, done);
}

ssize_t file_write(int fd, const struct iovec *vec, int count, off_t offset)
{
	struct transfer transfer = {.fd = fd, .vec = vec, .count = count, .offset = offset};
	return offload_transfer(call_write, &transfer);
}
