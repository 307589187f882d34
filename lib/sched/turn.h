/* SPDX-License-Identifier: MIT */
/* Turns: what is ready and due runs once; where nothing is, the loop waits. */
#ifndef SCHED_TURN_H
#define SCHED_TURN_H

#include <stdbool.h>

struct coro_loop;

/*
 * One turn, as asyncio's: waits if nothing is ready, makes ready what is due, runs what is ready.
 * hosted: another loop does the waiting. 0; -EDEADLK if there is nothing to wait for; or what made
 * waiting fail.
 */
int turn_run(struct coro_loop *loop, bool embedded);

/* Runs what is ready up to turn_end. */
void turn_run_piece(struct coro_loop *loop);

#endif
