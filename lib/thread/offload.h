/* SPDX-License-Identifier: MIT */
/* The library's own calls in the default executor. */
#ifndef THREAD_OFFLOAD_H
#define THREAD_OFFLOAD_H

#include "coro/coroutine.h"

/*
 * Calls fn(arg) in a thread of the default executor and returns its result. If the task is
 * cancelled while fn runs, the result is returned all the same and the next wait is cancelled;
 * -ECANCELED means that fn did not run. Outside of tasks, and without a thread, calls fn here, which
 * blocks.
 */
int offload(coro_fn *fn, void *arg);

#endif
