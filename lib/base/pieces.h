/* SPDX-License-Identifier: MIT */
/*
 * A text in pieces, for one write to stderr: so the texts of several threads do not mix, and none is
 * cut short. It is made on whatever stack the report comes from, which may be a small one.
 */
#ifndef BASE_PIECES_H
#define BASE_PIECES_H

#include <sys/uio.h>

struct pieces {
	struct iovec all[24];
	int count;
};

/* The text stays the caller's until it is written. */
void pieces_add(struct pieces *text, const char *piece);

/* The same of a place in the program, after `how`; nothing for NULL. */
void pieces_add_site(struct pieces *text, const char *how, const char *site);

void pieces_write(const struct pieces *text);

#endif
