/* SPDX-License-Identifier: MIT */
/* The executors that a loop uses. */
#ifndef THREAD_SUBMIT_H
#define THREAD_SUBMIT_H

#include "coro/future.h"

struct coro_executor;

/* The one given, or with NULL the loop's default one, made when first needed: 0 or an error. */
int executor_of(struct coro_loop *loop, struct coro_executor *given, struct coro_executor **ret);

/*
 * coro_executor_submit to the loop's threads for names, which do nothing else. Those at work when
 * the loop is closed are left behind.
 */
int submit_name(coro_fn *fn, void *arg, coro_callback *release, struct coro_future **ret);

#endif
