/* SPDX-License-Identifier: MIT */
#include "net/socket_file.h"

#include "base/memory.h"
#include "coro/task.h"
#include "loop/loop.h"
#include "net/address.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* -- the lock */

/* Opens the directory that holds a file. Cuts the path. */
static int open_directory(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash)
		slash[slash == path] = '\0'; /* "/" remains */
	return open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
}

/* Waits a moment: a task lets others run. Returns 0 or -ECANCELED. */
static coro_async int pause_for(int64_t duration)
{
	if (running_task())
		return coro_sleep(duration);
	const struct timespec time = {.tv_nsec = (long)duration};
	nanosleep(&time, NULL);
	return 0;
}

int socket_file_lock(const struct place *place)
{
	enum { TRIES = 100 }; /* others hold it for the time of a few system calls */
	char path[PATH_OF_PLACE];
	if (!place_path(place, path))
		return -ENOENT;
	int r = 0, lock = open_directory(path);
	for (int i = 0; lock >= 0 && r == 0 && i < TRIES; i++) {
		if (flock(lock, LOCK_EX | LOCK_NB) == 0)
			return lock;
		r = errno == EWOULDBLOCK ? pause_for(CORO_MSEC) : -ENOENT;
	}
	if (lock >= 0)
		close(lock);
	return r == -ECANCELED ? r : -ENOENT;
}

/* The lock if nobody has it, without waiting. -1 if somebody does, or the path is too long. */
static int lock_now(const char *path)
{
	char copy[PATH_MAX];
	size_t length = strlen(path);
	if (length >= sizeof(copy))
		return -1;
	int lock = open_directory(memcpy(copy, path, length + 1));
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0) {
		close(lock);
		lock = -1;
	}
	return lock;
}

void socket_file_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}

/* -- the files of a loop */

struct socket_file {
	struct list link;
	int fd;
	dev_t device;
	ino_t inode;
	char path
		[]; /* absolute, since the program may change its directory; relative if that is none */
};

/* The extension of a loop that has them. */
struct socket_files {
	struct extension extension;
	struct list files;
};

/* The loop is closed. Sockets that are still open keep their files. */
static void files_close(struct extension *extension, struct coro_loop *loop)
{
	struct socket_files *files = container_of(extension, struct socket_files, extension);
	struct list *link;
	(void)loop;
	while ((link = list_pop(&files->files)))
		free(container_of(link, struct socket_file, link));
	free(files);
}

static struct socket_file *find(const struct socket_files *files, int fd)
{
	list_for_each(link, &files->files) {
		struct socket_file *file = container_of(link, struct socket_file, link);
		if (file->fd == fd)
			return file;
	}
	return NULL;
}

/* Removes the file of a socket that is about to be closed, if it has one. */
static void files_closing_fd(struct extension *extension, struct coro_loop *loop, int fd)
{
	struct socket_file *file =
		find(container_of(extension, struct socket_files, extension), fd);
	struct stat now;
	if (!file)
		return;
	/* In a child of fork the file is the parent's. */
	if (fork_is_own(sched_of(loop)->fork_count)) {
		int lock = lock_now(file->path);
		if (lstat(file->path, &now) == 0 && now.st_dev == file->device &&
		    now.st_ino == file->inode)
			unlink(file->path);
		socket_file_unlock(lock);
	}
	list_remove(&file->link);
	free(file);
}

/* NULL without memory. */
static struct socket_files *files_of(struct coro_loop *loop)
{
	struct extension **place = &loop->extensions[EXTENSION_SOCKET_FILES];
	if (*place)
		return container_of(*place, struct socket_files, extension);
	struct socket_files *files = memory_alloc(sizeof(*files));
	if (!files)
		return NULL;
	*files = (struct socket_files){
		.extension.closing_fd = files_closing_fd,
		.extension.close = files_close,
	};
	list_init(&files->files);
	*place = &files->extension;
	return files;
}

/* A record with the path filled in. NULL without memory. */
static struct socket_file *file_at(const char *path)
{
	char directory[PATH_MAX];
	bool relative = path[0] != '/' && getcwd(directory, sizeof(directory));
	size_t size = (relative ? strlen(directory) + 1 : 0) + strlen(path) + 1;
	struct socket_file *file = memory_alloc(sizeof(*file) + size);
	if (file)
		snprintf(file->path, size, "%s%s%s", relative ? directory : "", relative ? "/" : "",
			 path);
	return file;
}

int socket_file_add(int fd, const struct place *place)
{
	struct coro_loop *loop = sched_loop(thread_current->sched);
	struct stat status;
	char path[PATH_OF_PLACE];
	if (!loop || !place_path(place, path) || lstat(path, &status) < 0)
		return 0;
	struct socket_files *files = files_of(loop);
	struct socket_file *file = files ? file_at(path) : NULL;
	if (!file)
		return -ENOMEM;
	file->fd = fd;
	file->device = status.st_dev;
	file->inode = status.st_ino;
	list_append(&files->files, &file->link);
	return 0;
}

void socket_file_close(struct coro_loop *loop, int fd)
{
	struct extension *extension = loop->extensions[EXTENSION_SOCKET_FILES];
	if (extension)
		files_closing_fd(extension, loop, fd);
}
