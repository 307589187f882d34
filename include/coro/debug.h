/* SPDX-License-Identifier: MIT */
/*
 * Dumps: what the tasks of a program that runs or hangs wait for.
 *
 * With CORO_DUMP=SIGUSR1 in the environment, or another signal, each loop writes a dump to stderr
 * when that signal comes, as coro_loop_dump does: a list, or with CORO_DUMP=SIGUSR1,tree or
 * CORO_DUMP=SIGUSR1,json another format. The program need not call anything. In debug mode, a run
 * that ends with -EDEADLK writes a tree. It resembles `python -m asyncio ps` and `pstree`.
 */
#ifndef CORO_DEBUG_H
#define CORO_DEBUG_H

#include <coro/future.h>

CORO_BEGIN_DECLS

/*
 * Describes what a task waits for, and what is left of the timeouts around it, the innermost first:
 * "a lock", "fd 7, to read, peer 127.0.0.1:80", "task 3 fetch, 1.5 s left of the timeout at x.c:9",
 * or "nothing: it is ready". Writes at most size bytes to text, with a NUL at the end. What a text
 * would have beyond 1,023 bytes is left out.
 *
 * Returns the length of the whole text without the NUL, which may be size or more; -EINVAL for a
 * plain future; or -EPERM in another thread. Like snprintf(3).
 */
CORO_MUST_CHECK CORO_API int coro_task_waiting(const struct coro_future *task, char *text,
					       size_t size);

/* What a dump looks like. */
enum coro_dump_format {
	/* A line for each task, in the order in which they were spawned. */
	CORO_DUMP_LIST,
	/* A line for each task, below that of the task that waits for it. Cycles are named. */
	CORO_DUMP_TREE,
	/* One JSON document. */
	CORO_DUMP_JSON,
};

/*
 * Writes to an fd, for each task of the loop that is not done: its number and name, where and by
 * which task it was spawned, what it waits for, what is left of the timeouts around it, and in
 * debug mode for how long it has waited. A list and JSON also say how much of its stack it has
 * used. Without a format, it is CORO_DUMP_LIST. Blocks the thread if the fd blocks. Only a tree
 * needs memory.
 *
 * Returns the number of tasks, an error of write, -EINVAL, -ENOMEM, -EPERM in another thread, or
 * -EPIPE if the loop is closed.
 */
#define coro_loop_dump(...) /* (const struct coro_loop *loop, int fd, \
				enum coro_dump_format format) */ \
	CORO_LOOP_DUMP_(__VA_ARGS__, CORO_DUMP_LIST, 0)
#define CORO_LOOP_DUMP_(loop, fd, format, ...) coro_loop_dump_as(loop, fd, format)
/* The function behind coro_loop_dump, for debuggers too. */
CORO_MUST_CHECK CORO_API int coro_loop_dump_as(const struct coro_loop *loop, int fd,
					       enum coro_dump_format format);

CORO_END_DECLS

#endif
