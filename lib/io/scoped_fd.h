/* SPDX-License-Identifier: MIT */
/*
 * An fd that a call has open on its task's stack: closed with it, should the task be discarded.
 */
#ifndef IO_SCOPED_FD_H
#define IO_SCOPED_FD_H

#include "sched/park.h"

struct held {
	struct cleanup cleanup;
	struct task *task; /* NULL: none runs, and none can be discarded */
	int fd;
};

/* A new number: what the loop knew of it is forgotten. */
void hold(struct held *held, int fd);

/* Hands the fd on. */
int held_take(struct held *held);

/* Closes it. */
void held_close(struct held *held);

#endif
