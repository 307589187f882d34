/* SPDX-License-Identifier: MIT */
/* The life of streams: opening, flushing, closing, and locking them. For popen see popen.c. */
#include "coro/shield.h"
#include "posix/fd.h"
#include "posix/names.h"
#include "posix/stream.h"

#include <fcntl.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>

/* -- opening: that of a FIFO waits for its other end */

/* The flags of open(2) for a mode of fopen, or -1. */
static int flags_of(const char *mode)
{
	int flags = 0;
	switch (mode[0]) {
	case 'r':
		break;
	case 'w':
		flags = O_WRONLY | O_CREAT | O_TRUNC;
		break;
	case 'a':
		flags = O_WRONLY | O_CREAT | O_APPEND;
		break;
	default:
		return -1;
	}
	for (const char *more = mode + 1; *more && *more != ','; more++) {
		if (*more == '+')
			flags = (flags & ~O_ACCMODE) | O_RDWR;
		if (*more == 'e')
			flags |= O_CLOEXEC;
		if (*more == 'x')
			flags |= O_EXCL;
	}
	return flags;
}

static bool is_slow(const char *path)
{
	struct stat status;
	int before = errno;
	bool slow =
		stat(path, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode));
	errno = before;
	return slow;
}

PUBLIC FILE *fopen(const char *restrict path, const char *restrict mode)
{
	if (!call_waits() || flags_of(mode) < 0 || !is_slow(path))
		return libc()->fopen(path, mode);
	enum { ALL = 0666 };
	int fd = open(path, flags_of(mode), ALL);
	if (fd < 0)
		return NULL;
	FILE *stream = fdopen(fd, mode);
	if (!stream)
		close(fd);
	return stream;
}

SAME(fopen64, fopen);

/* -- flushing and closing */

static int flush(FILE *stream)
{
	int before = errno, r = stream_begin(stream);
	if (r < 0)
		return (int)call_result(r, before);
	r = stream_flush(stream);
	if (r == 0)
		errno = before;
	stream_end(stream);
	return r;
}

#undef fflush_unlocked

/* All streams: those that are everybody's first, and then all, by libc. */
PUBLIC int fflush(FILE *stream)
{
	if (stream && stream_waits(stream))
		return flush(stream) < 0 ? EOF : libc()->fflush(stream);
	if (!stream && stream_waits(stdout) && flush(stdout) < 0)
		return EOF;
	return libc()->fflush(stream);
}

SAME(fflush_unlocked, fflush);

/* What cannot be written is lost, as libc's fclose would not write it either. */
static int flush_last(FILE *stream)
{
	int r = stream_waits(stream) ? flush(stream) : 0;
	if (r < 0) {
		int error = errno;
		__fpurge(stream);
		errno = error;
	}
	return r;
}

/* The loop forgets the fd before it is closed. */
PUBLIC int fclose(FILE *stream)
{
	int r = flush_last(stream), error = errno;
	fd_renew(fileno(stream), 0);
	errno = error;
	int closed = libc()->fclose(stream);
	if (r == 0)
		return closed;
	errno = error;
	return EOF;
}

PUBLIC FILE *freopen(const char *restrict path, const char *restrict mode, FILE *restrict stream)
{
	int before = errno;
	flush_last(stream);
	fd_renew(fileno(stream), 0);
	errno = before;
	return libc()->freopen(path, mode, stream);
}

SAME(freopen64, freopen);

/* -- locks, which belong to tasks */

PUBLIC void flockfile(FILE *stream)
{
	struct coro_shield_scope shield;
	if (!stream_waits(stream)) {
		libc()->flockfile(stream);
		return;
	}
	int before = errno;
	bool shielded = coro_shield_begin(&shield, CORO_FOREVER) == 0;
	int r = stream_begin(stream);
	if (shielded)
		coro_shield_end(&shield, 0);
	if (r < 0)
		libc()->flockfile(stream);
	errno = before;
}

PUBLIC int ftrylockfile(FILE *stream)
{
	return stream_waits(stream) ? stream_try(stream) : libc()->ftrylockfile(stream);
}

PUBLIC void funlockfile(FILE *stream)
{
	if (!stream_claims || !stream_end(stream))
		libc()->funlockfile(stream);
}
