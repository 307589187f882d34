/* SPDX-License-Identifier: MIT */
/* The executors that a loop uses. */
#ifndef IO_SUBMIT_H
#define IO_SUBMIT_H

struct coro_loop;
struct coro_executor;

/* The one given, or with NULL the loop's default one, made when first needed: 0 or an error. */
int executor_of(struct coro_loop *loop, struct coro_executor *given, struct coro_executor **ret);

#endif
