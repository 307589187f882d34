/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of fds, by number: what the program believes of one whose O_NONBLOCK the library
 * below has set, and whether a socket has timeouts. Any thread and any signal handler may ask.
 */
#ifndef POSIX_VIEW_H
#define POSIX_VIEW_H

#include "posix/libc.h"

#include <stdint.h>

enum view {
	VIEW_BLOCKING = 1,    /* has O_NONBLOCK, and the program does not know */
	VIEW_NO_TIMEOUTS = 2, /* a socket without SO_RCVTIMEO and SO_SNDTIMEO */
};

/* What is remembered of an fd; 0 for nothing. */
unsigned view_of(int fd);

/* Remembers, if there is memory for it. */
void view_set(int fd, unsigned views);
void view_clear(int fd, unsigned views);

/* The fd's flags as the program sees them, or -1 and errno. */
int view_flags(int fd);

/* Whether a call on the fd must not wait: the program has set O_NONBLOCK. False if it is not open. */
static inline bool view_is_nonblocking(int fd)
{
	int flags = view_flags(fd);
	return flags >= 0 && flags & O_NONBLOCK;
}

/* The number is that of another file from now on. */
void view_forget(int fd);

#endif
