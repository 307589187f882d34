/* SPDX-License-Identifier: MIT */
/*
 * What brings a signal to a loop. Of each signal that is wanted there is a list, which the handler
 * walks, in whatever thread it runs, while others add to it and take away: so links are atomic, and
 * who takes one away waits until no handler is under way that may have seen it.
 *
 *   caught[SIGTERM]:  first -> catcher -> catcher        handler: counts in each, and has it sent
 *                              loop A     loop B                  to its loop if it is the first
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
	 * Only for the first signal, where no other catcher has it, and only where the signal has
	 * its default action, which comes of the second.
	 */
	bool once;
	bool spent;             /* atomic */
	unsigned count;         /* of signals since they were last taken. Atomic */
	struct message message; /* its run is the owner's, and calls signal_source_take */
};

/*
 * Begins to send a signal to its loop, whose thread this is. loop, signum, once and message.run are
 * filled in. 0; -EINVAL: it is none that can be caught; -EBUSY: once, and it has not its default
 * action; -ENOMEM.
 */
int signal_source_add(struct signal_source *source);

/* Ends it: no message of it is under way any more. */
void signal_source_remove(struct signal_source *source);

/* How often the signal has come since this was last called. */
static inline unsigned signal_source_take(struct signal_source *source)
{
	return __atomic_exchange_n(&source->count, 0, __ATOMIC_SEQ_CST);
}

#endif
