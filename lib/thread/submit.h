/* SPDX-License-Identifier: MIT */
/* The executors that a loop uses. */
#ifndef THREAD_SUBMIT_H
#define THREAD_SUBMIT_H

#include "coro/future.h"

struct coro_executor;

/* The given executor, or for NULL the loop's default one, made at its first use. 0 or an error. */
int executor_of(struct coro_loop *loop, struct coro_executor *given, struct coro_executor **ret);

/*
 * coro_executor_submit to the loop's threads for lookups, which do nothing else. They are not
 * waited for when the loop is closed.
 */
int submit_name(coro_fn *fn, void *arg, coro_callback *release, struct coro_future **ret);

#endif
