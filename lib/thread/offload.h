/* SPDX-License-Identifier: MIT */
/* Calls by threads of the default executor, for the library's own use. */
#ifndef THREAD_OFFLOAD_H
#define THREAD_OFFLOAD_H

#include "coro/coroutine.h"

/*
 * For calls that a pool has to make bearable: fn(arg) in the default executor, whose result comes
 * back even if the task is cancelled meanwhile; the cancellation is then for its next wait, and
 * -ECANCELED means that nothing was done. Where no task runs, or no thread is to be had, it is
 * called here, and blocks.
 */
int offload(coro_fn *fn, void *arg);

#endif
