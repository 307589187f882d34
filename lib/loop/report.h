/* SPDX-License-Identifier: MIT */
/* Reports of futures, from inside. */
#ifndef LOOP_REPORT_H
#define LOOP_REPORT_H

#include "coro/report.h"

/* Reports a future with its failure, if it has one, to the handler of its loop. */
void report_future(struct coro_future *future, const char *message);

/*
 * The last reference to a future goes. Where its failure has to be reported, the future stays until
 * that is done, and this is true.
 */
bool report_lost(struct coro_future *future);

/* Reports what is in loop->unheard. The caller holds the loop. */
void report_unheard(struct coro_loop *loop);

#endif
