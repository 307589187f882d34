/* SPDX-License-Identifier: MIT */
/*
 * A loop that another drives. Between its turns, once its fd was given away, its inbox is as that
 * of a loop that sleeps: other threads write to the fd.
 */
#ifndef LOOP_EMBED_H
#define LOOP_EMBED_H

#include "coro/base.h"

#include <stdbool.h>
#include <stdint.h>

struct coro_loop;

struct embed {
	bool embedded;     /* its fd was given away */
	bool asleep;       /* hosted, and between turns */
	bool telling;      /* the callback runs */
	coro_callback *fn; /* NULL: the host wants no notice */
	void *arg;
	int64_t told; /* the time that the host knows of: see sched_due */
};

/* The fd is given away. Before the first time the loop does not sleep. */
void embed_expose(struct coro_loop *loop);

/* A turn begins, or the loop ends; a turn is over. */
void embed_awake(struct coro_loop *loop);
void embed_asleep(struct coro_loop *loop);

#endif
