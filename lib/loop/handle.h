/* SPDX-License-Identifier: MIT */
/* What the loop must know of the program's callbacks. */
#ifndef LOOP_HANDLE_H
#define LOOP_HANDLE_H

#include "coro/base.h"
#include "sched/timer.h"

size_t handle_size(void);

/* If the call is a handle's, it will not run: the loop lets go of it. False if it is none. */
bool handle_discard(struct call *call);

/* The program's function, if the call is a handle's that will run it; else NULL. */
coro_callback *handle_function(const struct call *call);

#endif
