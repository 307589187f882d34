/* SPDX-License-Identifier: MIT */
/*
 * What a program was given and is to give back. Debug mode notes it: what is left when the loop is
 * closed is told of, by the place that made it.
 */
#ifndef LOOP_LOAN_H
#define LOOP_LOAN_H

#include "loop/loop.h"

/* Of an object of zeroes it is one that was not noted. */
struct loan {
	struct list link;   /* in loop->loans; its next is NULL when it is not */
	const char *taken;  /* "stream opened" */
	const char *undone; /* "destroyed" */
	const char *site;
};

void loan_note(struct coro_loop *loop, struct loan *loan);

static inline void loan_begin(struct coro_loop *loop, struct loan *loan, const char *site)
{
	loan->site = site;
	if (unlikely(loop->debug))
		loan_note(loop, loan);
}

/* It is given back; once more does no harm. */
static inline void loan_end(struct loan *loan)
{
	if (likely(!loan->link.next))
		return;
	list_remove(&loan->link);
	loan->link.next = NULL;
}

/* Tells of those that are left. */
void loans_tell(struct coro_loop *loop);

#endif
