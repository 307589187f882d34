/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_DUMP_SIGNAL_H
#define DEBUG_DUMP_SIGNAL_H

struct coro_loop;

/* Of a new loop: has the signal of CORO_DUMP dump it, if the environment names one. */
void dump_on_signal(struct coro_loop *loop);

#endif
