/* SPDX-License-Identifier: MIT */
/* Opening files. That of a FIFO waits for its other end, and that of some devices for a line. */
#include "posix/apart.h"
#include "posix/fd.h"
#include "posix/names.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct opening {
	struct apart apart;
	int directory, flags;
	mode_t mode;
	char path[];
};

static ssize_t open_apart(struct apart *apart)
{
	const struct opening *opening = (struct opening *)apart;
	int fd = libc()->openat(opening->directory, opening->path, opening->flags, opening->mode);
	return fd < 0 ? -errno : fd;
}

static void close_again(struct apart *apart, ssize_t result)
{
	(void)apart;
	if (result >= 0)
		libc()->close((int)result);
}

static bool is_slow(int directory, const char *path)
{
	struct stat status;
	return fstatat(directory, path, &status, 0) == 0 &&
	       (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode));
}

static ssize_t open_by_thread(int directory, const char *path, int flags, mode_t mode)
{
	size_t size = strlen(path) + 1;
	struct opening *opening = (struct opening *)apart_create(sizeof(*opening) + size);
	if (!opening)
		return -ENOMEM;
	opening->apart.call = open_apart;
	opening->apart.undo = close_again;
	opening->directory = directory;
	opening->flags = flags;
	opening->mode = mode;
	memcpy(opening->path, path, size);
	struct apart *apart = &opening->apart;
	ssize_t r = apart_run_interruptibly(&apart);
	free(apart);
	return r;
}

static int open_file(int directory, const char *path, int flags, mode_t mode)
{
	int before = errno;
	ssize_t r;
	if (flags & O_NONBLOCK || !path || !call_waits() || !is_slow(directory, path))
		r = libc()->openat(directory, path, flags, mode);
	else
		r = call_result(open_by_thread(directory, path, flags, mode), before);
	if (r >= 0)
		errno = before;
	fd_renew((int)r, 0);
	return (int)r;
}

/* The mode is there if the flags say so. */
PUBLIC int openat(int directory, const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return open_file(directory, path, flags, mode);
}

PUBLIC int open(const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return open_file(AT_FDCWD, path, flags, mode);
}

PUBLIC int __open_2(const char *path, int flags)
{
	return open_file(AT_FDCWD, path, flags, 0);
}

PUBLIC int __openat_2(int directory, const char *path, int flags)
{
	return open_file(directory, path, flags, 0);
}

SAME(open64, open);
SAME(openat64, openat);
SAME(__open64_2, __open_2);
SAME(__openat64_2, __openat_2);
