/* SPDX-License-Identifier: MIT */
#include "posix/view.h"

#include <stdlib.h>

enum { PIECE = 4096, PIECES = 1024 };

/* Made when they are first needed, and never freed. */
static uint8_t *pieces[PIECES];

static uint8_t *place_of(int fd)
{
	if (fd < 0 || fd >= PIECE * PIECES)
		return NULL;
	uint8_t *piece = __atomic_load_n(&pieces[fd / PIECE], __ATOMIC_ACQUIRE);
	return piece ? piece + fd % PIECE : NULL;
}

static uint8_t *place_made(int fd)
{
	uint8_t *place = place_of(fd), *none = NULL;
	if (place || fd < 0 || fd >= PIECE * PIECES)
		return place;
	uint8_t *piece = calloc(PIECE, 1);
	if (piece && !__atomic_compare_exchange_n(&pieces[fd / PIECE], &none, piece, false,
						  __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		free(piece); /* another thread was faster */
	return place_of(fd);
}

unsigned view_of(int fd)
{
	const uint8_t *place = place_of(fd);
	return place ? __atomic_load_n(place, __ATOMIC_RELAXED) : 0;
}

void view_set(int fd, unsigned views)
{
	uint8_t *place = place_made(fd);
	if (place)
		__atomic_fetch_or(place, (uint8_t)views, __ATOMIC_RELAXED);
}

void view_clear(int fd, unsigned views)
{
	uint8_t *place = place_of(fd);
	if (place && __atomic_load_n(place, __ATOMIC_RELAXED) & views)
		__atomic_fetch_and(place, (uint8_t)~views, __ATOMIC_RELAXED);
}

void view_forget(int fd)
{
	view_clear(fd, 0xff);
}

int view_flags(int fd)
{
	int flags = libc()->fcntl(fd, F_GETFL);
	return flags >= 0 && view_of(fd) & VIEW_BLOCKING ? flags & ~O_NONBLOCK : flags;
}
