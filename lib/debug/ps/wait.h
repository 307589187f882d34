/* SPDX-License-Identifier: MIT */
/* What a task waits in, from the plain data of its wait: see sched/park.h. */
#ifndef PS_WAIT_H
#define PS_WAIT_H

#include "debug/ps/snapshot.h"

/* Fills in waits_in and awaits of a task that waits. `kind` is its wait's. */
void wait_look(struct snapshot *snapshot, const struct loop_record *loop, struct task_record *task,
	       uint64_t wait, uint64_t kind);

#endif
