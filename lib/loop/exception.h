/* SPDX-License-Identifier: MIT */
/* Reports of futures, from inside. */
#ifndef LOOP_EXCEPTION_H
#define LOOP_EXCEPTION_H

#include "coro/loop.h"
#include "loop/loop.h"

/* Reports a future with its failure, if it has one, to the handler of its loop. */
void report_future(struct coro_future *future, const char *message);

/*
 * The last reference to a future goes. Where its failure has to be reported, the future stays until
 * that is done, and this is true.
 */
bool report_lost(struct coro_future *future);

/* Reports what is in loop->unheard. The caller holds the loop. */
void report_unheard(struct coro_loop *loop);

/*
 * A future has failed, with another code than -ECANCELED. As long as it is held, it is in
 * loop->failing or loop->failed, by the link that its waiters were in.
 */
void report_note_failed(struct coro_future *future);

/* All who wait for what has failed by now have been told of it. */
void report_all_told(struct coro_loop *loop);

/* The loop is being closed: who was to be told in the next turn will not be. */
void report_nobody_told(struct coro_loop *loop);

/* The loop is closed: reports those that are held still, perhaps by nobody who knows. */
void report_held(struct coro_loop *loop);

#endif
