/* SPDX-License-Identifier: MIT */
/* A queue of letters, and tasks that put and get. */
#ifndef TEST_SYNC_QUEUES_H
#define TEST_SYNC_QUEUES_H

#include "line.h"

static struct coro_queue *queue;

static inline void setup(void)
{
	loop_setup();
	queue = NULL;
}

static inline void teardown(void)
{
	ck_assert_int_eq(coro_queue_destroy(queue), 0);
	loop_teardown();
}

/* A test's queue: first in, first out, of so many items. */
static inline void make(size_t maxsize)
{
	ck_assert_int_eq(coro_queue_create(maxsize, &queue), 0);
}

/* Puts in the letters of a text, or takes them out again. */
static inline void put(const char *letters)
{
	for (; *letters; letters++)
		ck_assert_int_eq(coro_queue_try_put(queue, (void *)letters), 0);
}

static inline char get(void)
{
	void *item;
	ck_assert_int_eq(coro_queue_try_get(queue, &item), 0);
	return *(char *)item;
}

static inline const char *get_all(void)
{
	static char letters[64];
	size_t count = 0;
	while (!coro_queue_empty(queue))
		letters[count++] = get();
	letters[count] = '\0';
	return letters;
}

/* Takes an item out, and traces it. */
static inline int gets_one(void *word)
{
	void *item = queue;
	int r = coro_queue_get(queue, &item);
	if (r == 0)
		trace("%s%c", (const char *)word, *(char *)item);
	else
		trace("%s%s", (const char *)word,
		      r == -ECANCELED ? "!"
		      : r == -EPIPE   ? "-shut"
				      : "?");
	ck_assert(r == 0 || item == queue);
	return r;
}

/* Puts its word in, and traces it. */
static inline int puts_in(void *word)
{
	int r = coro_queue_put(queue, word);
	trace("%s%s", (const char *)word,
	      r == 0            ? ""
	      : r == -ECANCELED ? "!"
	      : r == -EPIPE     ? "-shut"
				: "?");
	return r;
}

static inline int joins(void *word)
{
	int r = coro_queue_join(queue);
	trace("%s%s", (const char *)word, r == 0 ? "" : "!");
	return r;
}

static inline void done(void)
{
	ck_assert_int_eq(coro_queue_task_done(queue), 0);
}

static inline void shut(bool immediate)
{
	ck_assert_int_eq(coro_queue_shutdown(queue, immediate), 0);
}

#endif
