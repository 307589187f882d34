/* SPDX-License-Identifier: MIT */
/*
 * Seeing inside a program that runs or hangs: what its tasks wait in (python -m asyncio ps). With
 * CORO_DUMP=SIGUSR1, or another signal, in the environment, the signal has each loop write this to
 * stderr, as coro_loop_dump does; the program need not do anything for it.
 */
#ifndef CORO_DEBUG_H
#define CORO_DEBUG_H

#include <coro/future.h>

CORO_BEGIN_DECLS

/*
 * What the task waits in, such as "a lock", "fd 7, to read", "task 3 fetch", or "nothing: it is
 * ready". Writes at most size bytes of it to text, with a NUL, and returns the length of the whole,
 * as snprintf. Does not wait. -EINVAL for a plain future; -EPERM in another thread.
 */
CORO_MUST_CHECK CORO_API int coro_task_waiting(const struct coro_future *task, char *text,
					       size_t size);

/*
 * Writes a line to an fd for each task of the loop that is not done: its number and name, where and
 * by which task it was spawned, and what it waits in. Returns the number of tasks, or an error of
 * write. Blocks the thread while the fd does. -EINVAL; -EPERM in another thread; -EPIPE once the
 * loop is closed.
 */
CORO_MUST_CHECK CORO_API int coro_loop_dump(const struct coro_loop *loop, int fd);

CORO_END_DECLS

#endif
