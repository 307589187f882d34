/* SPDX-License-Identifier: MIT */
/*
 * What a program has taken and is to give back. Debug mode notes it, and reports what is left when
 * the loop is closed, with the place where it was taken.
 */
#ifndef LOOP_LOAN_H
#define LOOP_LOAN_H

#include "loop/loop.h"

/* In an object of zeroes: not noted. */
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

/* Given back; a second call does nothing. */
static inline void loan_end(struct loan *loan)
{
	if (likely(!loan->link.next))
		return;
	list_remove(&loan->link);
	loan->link.next = NULL;
}

/* Reports those that are left. */
void loans_tell(struct coro_loop *loop);

#endif
