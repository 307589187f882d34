/* SPDX-License-Identifier: MIT */
/*
 * The open generators of a loop: those that have waited in one of its tasks and have not ended,
 * Python's async generators. A generator is put on the list where it waits, and taken off it by its
 * end, in core; so one that never waits knows nothing of this.
 */
#ifndef LOOP_ASYNCGEN_H
#define LOOP_ASYNCGEN_H

struct coro_loop;

/* The loop is closed, and its tasks are gone: what is open still is nobody's. */
void asyncgen_forget(struct coro_loop *loop);

#endif
