/* SPDX-License-Identifier: MIT */
#include "base/pieces.h"

#include <string.h>
#include <unistd.h>

void pieces_add(struct pieces *text, const char *piece)
{
	text->all[text->count++] = (struct iovec){(void *)piece, strlen(piece)};
}

void pieces_add_site(struct pieces *text, const char *how, const char *site)
{
	if (!site)
		return;
	pieces_add(text, how);
	pieces_add(text, site);
}

void pieces_write(const struct pieces *text)
{
	ssize_t written = writev(STDERR_FILENO, text->all, text->count);
	(void)written;
}
