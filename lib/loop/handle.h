/* SPDX-License-Identifier: MIT */
/* What the loop knows of the callbacks of the program. */
#ifndef LOOP_HANDLE_H
#define LOOP_HANDLE_H

#include "coro/base.h"
#include "sched/timer.h"

size_t handle_size(void);

/*
 * If the call is a handle's, cancels it and gives the loop's reference back. Returns false if it is
 * none.
 */
bool handle_discard(struct call *call);

/* Returns the program's function if the call is a handle's that will run; otherwise NULL. */
coro_callback *handle_function(const struct call *call);

#endif
