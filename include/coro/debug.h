/* SPDX-License-Identifier: MIT */
/*
 * Seeing inside a program that runs or hangs: what its tasks wait in. With CORO_DUMP=SIGUSR1, or
 * another signal, in the environment, that signal has each loop write it to stderr, as
 * coro_loop_dump does, without help of the program (python -m asyncio ps).
 */
#ifndef CORO_DEBUG_H
#define CORO_DEBUG_H

#include <coro/future.h>

CORO_BEGIN_DECLS

/*
 * What the task waits in, "a lock", "fd 7, to read", "task 3 fetch", or "nothing: it is ready", as a
 * text with a NUL of at most size bytes: its length without the NUL, were there room enough, as
 * snprintf. Does not wait. -EINVAL for what is no task, -EPERM in another thread.
 */
CORO_MUST_CHECK CORO_API int coro_task_waiting(const struct coro_future *task, char *text,
					       size_t size);

/*
 * Writes a line for each task of the loop that is not done to an fd: its number and name, where and
 * by whom it was spawned, and what it waits in. How many tasks there are, or a negative errno.
 * Blocks while the fd does. -EINVAL, -EPERM in another thread, -EPIPE once the loop is closed.
 */
CORO_MUST_CHECK CORO_API int coro_loop_dump(const struct coro_loop *loop, int fd);

CORO_END_DECLS

#endif
