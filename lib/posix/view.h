/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of fds, by number: what the program believes of one whose O_NONBLOCK the library
 * below has set, whether a socket has timeouts, and that it lacks O_NONBLOCK. Any thread and any signal
 * handler may ask.
 */
#ifndef POSIX_VIEW_H
#define POSIX_VIEW_H

#include "posix/libc.h"

#include <stdint.h>

enum view {
	VIEW_BLOCKING = 1,    /* has O_NONBLOCK, and the program does not know */
	VIEW_NO_TIMEOUTS = 2, /* without SO_RCVTIMEO and SO_SNDTIMEO */
	VIEW_SOCKET = 4,      /* few programs share these */
	VIEW_FILE = 8,        /* no pipe, socket or terminal */
	VIEW_SLOW = 16,       /* one of these */
};

/* Remembers, if there is memory for it. */
void view_set(int fd, unsigned views);
void view_clear(int fd, unsigned views);

/* The fd's flags as the program sees them, or -1 and errno. */
int view_flags(int fd);

/* Whether the fd is no pipe, socket or terminal: then calls on it are quick, and signals do not matter. */
bool view_is_file(int fd);

/* The program sets O_NONBLOCK on some fd, and so on all that share its description. */
void view_renew_flags(void);

/* view_is_nonblocking if that is not remembered. */
bool view_ask_nonblocking(int fd);

/*
 * How often O_NONBLOCK was set, in the upper bits: a socket that has the same there was seen without
 * it since then.
 */
enum { VIEW_BITS = 8 };
extern uint32_t view_epoch;

enum { VIEW_PIECE = 4096, VIEW_PIECES = 1024 };

/* Made when they are first needed, and never freed. */
extern uint32_t *view_pieces[VIEW_PIECES];

static inline uint32_t *view_place(int fd)
{
	if (fd < 0 || fd >= VIEW_PIECE * VIEW_PIECES)
		return NULL;
	uint32_t *piece = __atomic_load_n(&view_pieces[fd / VIEW_PIECE], __ATOMIC_ACQUIRE);
	return piece ? piece + fd % VIEW_PIECE : NULL;
}

/* What is remembered of an fd, of enum view; 0 for nothing. */
static inline unsigned view_of(int fd)
{
	const uint32_t *place = view_place(fd);
	return place ? __atomic_load_n(place, __ATOMIC_RELAXED) & ((1u << VIEW_BITS) - 1) : 0;
}

/* Whether a call on the fd must not wait: the program has set O_NONBLOCK. False if it is not open. */
static inline bool view_is_nonblocking(int fd)
{
	const uint32_t *place = view_place(fd);
	if (likely(place && __atomic_load_n(place, __ATOMIC_RELAXED) >> VIEW_BITS ==
				    __atomic_load_n(&view_epoch, __ATOMIC_RELAXED)))
		return false;
	return view_ask_nonblocking(fd);
}

/* The number is that of another file from now on. */
void view_forget(int fd);

#endif
