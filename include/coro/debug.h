/* SPDX-License-Identifier: MIT */
/*
 * Dumps: what the tasks of a program that runs or hangs wait for.
 *
 * With CORO_DUMP=SIGUSR1 in the environment, or another signal, each loop writes a dump to stderr
 * when that signal comes, as coro_loop_dump does. The program need not call anything. It resembles
 * `python -m asyncio ps`.
 */
#ifndef CORO_DEBUG_H
#define CORO_DEBUG_H

#include <coro/future.h>

CORO_BEGIN_DECLS

/*
 * Describes what a task waits for: "a lock", "fd 7, to read", "task 3 fetch", or "nothing: it is
 * ready". Writes at most size bytes to text, with a NUL at the end.
 *
 * Returns the length of the whole text without the NUL, which may be size or more; -EINVAL for a
 * plain future; or -EPERM in another thread. Like snprintf(3).
 */
CORO_MUST_CHECK CORO_API int coro_task_waiting(const struct coro_future *task, char *text,
					       size_t size);

/*
 * Writes a line to an fd for each task of the loop that is not done: its number and name, where and
 * by which task it was spawned, and what it waits for. Blocks the thread if the fd blocks.
 *
 * Returns the number of tasks, an error of write, -EINVAL, -EPERM in another thread, or -EPIPE if
 * the loop is closed.
 */
CORO_MUST_CHECK CORO_API int coro_loop_dump(const struct coro_loop *loop, int fd);

CORO_END_DECLS

#endif
