/* SPDX-License-Identifier: MIT */
/*
 * A source sends a signal to a loop. Each signal that is wanted has a list of sources. The handler
 * walks it, in whatever thread it runs, while others add to it and take away. So links are atomic,
 * and who takes a source away waits until no handler runs that may have seen it.
 *
 *   caught[SIGTERM]:  first -> source -> source        handler: counts in each, and sends its
 *                              loop A    loop B                 message if it is the first
 */
#ifndef LOOP_SIGNAL_SOURCE_H
#define LOOP_SIGNAL_SOURCE_H

#include "sched/inbox.h"

struct coro_loop;

struct signal_source {
	struct signal_source *next; /* atomic */
	struct coro_loop *loop;
	int signum;
	/*
	 * Only for the first signal, if no other source has it and its action is the default, which
	 * the second signal takes.
	 */
	bool once;
	bool spent;             /* atomic */
	unsigned count;         /* signals since the last signal_source_take; atomic */
	struct message message; /* its run is the owner's, and calls signal_source_take */
};

/*
 * Begins to send a signal to its loop, whose thread this is. The caller has set loop, signum, once
 * and message.run. Returns 0, -EINVAL if the signal cannot be caught, -EBUSY if it is `once` and
 * the action is not the default, or -ENOMEM.
 */
int signal_source_add(struct signal_source *source);

/* Ends it. No message of it is sent any more. */
void signal_source_remove(struct signal_source *source);

/* Returns how often the signal has come since this was last called. */
static inline unsigned signal_source_take(struct signal_source *source)
{
	return __atomic_exchange_n(&source->count, 0, __ATOMIC_SEQ_CST);
}

#endif
