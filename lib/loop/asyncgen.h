/* SPDX-License-Identifier: MIT */
/*
 * The open generators of a loop are those that have waited in one of its tasks and have not ended:
 * Python's async generators. asyncgen_note puts them on the scheduler's list, and their end, in
 * core, takes them off.
 */
#ifndef LOOP_ASYNCGEN_H
#define LOOP_ASYNCGEN_H

struct coro_loop;

/*
 * The loop is closed, and its tasks are gone. The generators that are still open stay with who
 * created them.
 */
void asyncgen_forget(struct coro_loop *loop);

#endif
