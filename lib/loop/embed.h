/* SPDX-License-Identifier: MIT */
/*
 * A loop that is embedded in another, which runs it turn by turn. Once its fd was given away, its
 * inbox is between turns like that of a loop that sleeps: other threads write to the fd.
 */
#ifndef LOOP_EMBED_H
#define LOOP_EMBED_H

#include "coro/base.h"

#include <stdbool.h>
#include <stdint.h>

struct coro_loop;

struct embed {
	bool embedded;     /* its fd was given away */
	bool asleep;       /* embedded, and between two turns */
	bool telling;      /* the callback runs */
	coro_callback *fn; /* NULL: nobody wants notice */
	void *arg;
	int64_t told; /* the time that fn was last called for: see sched_due */
};

/* The fd is given away. Called before the first time. */
void embed_expose(struct coro_loop *loop);

/* A turn begins, or the loop is closed; a turn is over. */
void embed_awake(struct coro_loop *loop);
void embed_asleep(struct coro_loop *loop);

#endif
