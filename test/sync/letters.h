/* SPDX-License-Identifier: MIT */
/* A channel of letters, and tasks that send and receive. */
#ifndef TEST_SYNC_LETTERS_H
#define TEST_SYNC_LETTERS_H

#include "line.h"

CORO_CHANNEL(letters, char);

static struct coro_channel *channel;

static inline void setup(void)
{
	loop_setup();
	channel = NULL;
}

static inline void teardown(void)
{
	ck_assert_int_eq(coro_channel_destroy(channel), 0);
	loop_teardown();
}

/* A test's channel: of letters. */
static inline void make(size_t capacity)
{
	ck_assert_int_eq(letters_create(capacity, &channel), 0);
}

/* Puts in the letters of a text without waiting, or takes one or all out again. */
static inline void put(const char *text)
{
	for (; *text; text++)
		ck_assert_int_eq(letters_try_send(channel, *text), 0);
}

static inline char get(void)
{
	char letter = '?';
	ck_assert_int_eq(letters_try_receive(channel, &letter), 0);
	return letter;
}

static inline const char *get_all(void)
{
	static char text[64];
	size_t count = 0;
	while (letters_try_receive(channel, &text[count]) == 0)
		count++;
	text[count] = '\0';
	return text;
}

static inline void close_it(void *closed)
{
	ck_assert_int_eq(coro_channel_close(closed), 0);
}

static inline const char *mark(int r)
{
	return r == 0 ? "" : r == -ECANCELED ? "!" : r == -EPIPE ? "-closed" : "?";
}

/* Receives one, and says which. */
static inline int receives(void *word)
{
	char letter = '?';
	int r = letters_receive(channel, &letter);
	ck_assert(r == 0 || letter == '?');
	if (r == 0)
		trace("%s%c", (const char *)word, letter);
	else
		trace("%s%s", (const char *)word, mark(r));
	return r;
}

/* Sends the first letter of its word, and says so. */
static inline int sends(void *word)
{
	int r = letters_send(channel, *(const char *)word);
	trace("%s%s", (const char *)word, mark(r));
	return r;
}

#endif
