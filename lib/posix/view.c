/* SPDX-License-Identifier: MIT */
#include "posix/view.h"

#include <stdlib.h>
#include <sys/stat.h>

uint32_t view_epoch = 1;
uint32_t *view_pieces[VIEW_PIECES];

static uint32_t *place_made(int fd)
{
	uint32_t *place = view_place(fd), *none = NULL;
	if (place || fd < 0 || fd >= VIEW_PIECE * VIEW_PIECES)
		return place;
	uint32_t *piece = calloc(VIEW_PIECE, sizeof(*piece));
	if (piece && !__atomic_compare_exchange_n(&view_pieces[fd / VIEW_PIECE], &none, piece,
						  false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		free(piece); /* another thread was faster */
	return view_place(fd);
}

void view_set(int fd, unsigned views)
{
	uint32_t *place = place_made(fd);
	if (place)
		__atomic_fetch_or(place, views, __ATOMIC_RELAXED);
}

void view_clear(int fd, unsigned views)
{
	uint32_t *place = view_place(fd);
	if (place && __atomic_load_n(place, __ATOMIC_RELAXED) & views)
		__atomic_fetch_and(place, ~views, __ATOMIC_RELAXED);
}

void view_forget(int fd)
{
	view_clear(fd, ~0u);
}

int view_flags(int fd)
{
	int flags = libc()->fcntl(fd, F_GETFL);
	return flags >= 0 && view_of(fd) & VIEW_BLOCKING ? flags & ~O_NONBLOCK : flags;
}

bool view_is_file(int fd)
{
	struct stat status;
	unsigned views = view_of(fd);
	if (views & (VIEW_FILE | VIEW_SLOW))
		return views & VIEW_FILE;
	if (fstat(fd, &status) < 0)
		return true;
	bool slow = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || S_ISCHR(status.st_mode);
	view_set(fd, slow ? VIEW_SLOW : VIEW_FILE);
	return !slow;
}

void view_renew_flags(void)
{
	enum { LAST = (1 << (32 - VIEW_BITS)) - 1 };
	uint32_t next = __atomic_load_n(&view_epoch, __ATOMIC_RELAXED) + 1;
	__atomic_store_n(&view_epoch, next > LAST ? 1 : next, __ATOMIC_RELAXED);
}

/* Remembers that a socket had no O_NONBLOCK at that time, unless something else changes meanwhile. */
static void note_blocking(int fd, uint32_t epoch)
{
	uint32_t *place = view_place(fd);
	uint32_t old = place ? __atomic_load_n(place, __ATOMIC_RELAXED) : 0;
	if (old & VIEW_SOCKET)
		__atomic_compare_exchange_n(place, &old,
					    epoch << VIEW_BITS | (old & ((1u << VIEW_BITS) - 1)),
					    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

bool view_ask_nonblocking(int fd)
{
	uint32_t epoch = __atomic_load_n(&view_epoch, __ATOMIC_RELAXED);
	int flags = view_flags(fd);
	if (flags < 0)
		return false;
	if (!(flags & O_NONBLOCK))
		note_blocking(fd, epoch);
	return flags & O_NONBLOCK;
}
