/* SPDX-License-Identifier: MIT */
/* What tests of dumps share: the text of one, without the figures that differ from run to run. */
#ifndef TEST_DEBUG_DUMPS_H
#define TEST_DEBUG_DUMPS_H

#include "tasks.h"

#include <fcntl.h>
#include <unistd.h>

/* Takes out "; stack 4 of 256 KiB", which depends on the system. Says whether each task had it. */
static inline bool cut_stacks(char *text)
{
	bool all = true;
	unsigned used, size;
	int length = 0;
	for (char *line = text; *line; line = strchr(line, '\n') + 1) {
		char *end = strchr(line, '\n'), *at = strstr(line, "; stack ");
		if (!at || at > end) {
			all &= !strncmp(line, "coro: a ", 8) || strstr(line, "has not started");
			continue;
		}
		ck_assert_int_eq(sscanf(at, "; stack %u of %u KiB%n", &used, &size, &length), 2);
		ck_assert_ptr_eq(at + length, end);
		ck_assert_uint_gt(used, 0);
		ck_assert_uint_le(used, size);
		memmove(at, end, strlen(end) + 1);
	}
	return all;
}

/* The text of a dump that returns count; valid until the next call. A list is cut_stacks'. */
static inline char *dump_of(enum coro_dump_format format, int count)
{
	static char text[64 * 1024];
	FILE *file = tmpfile();
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(coro_loop_dump(loop, fileno(file), format), count);
	ssize_t n = pread(fileno(file), text, sizeof(text) - 1, 0);
	ck_assert_int_ge(n, 0);
	ck_assert_int_lt(n, (ssize_t)sizeof(text) - 1);
	text[n] = '\0';
	fclose(file);
	if (format == CORO_DUMP_LIST)
		ck_assert(cut_stacks(text));
	return text;
}

/* Cancels what is left, and lets it end. */
static inline void end_all(void)
{
	struct coro_future *tasks[32];
	int count = coro_all_tasks(loop, tasks, 32);
	for (int i = 0; i < count; i++)
		coro_cancel(tasks[i]);
	for (int i = 0; i < 10; i++)
		turn();
	for (int i = 0; i < count; i++)
		coro_future_unref(tasks[i]);
}

#endif
