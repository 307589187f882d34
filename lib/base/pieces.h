/* SPDX-License-Identifier: MIT */
/*
 * A text in pieces, for one write to stderr, so that the texts of several threads do not mix and none
 * is cut short. It is made on the stack that reports, which may be small.
 */
#ifndef BASE_PIECES_H
#define BASE_PIECES_H

#include <sys/uio.h>

struct pieces {
	struct iovec all[24];
	int count;
};

/* Adds a piece, which the caller keeps valid until the text is written. */
void pieces_add(struct pieces *text, const char *piece);

/* Adds `how` and a place in the program. Adds nothing if site is NULL. */
void pieces_add_site(struct pieces *text, const char *how, const char *site);

void pieces_write(const struct pieces *text);

#endif
