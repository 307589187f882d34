/* SPDX-License-Identifier: MIT */
#include "loop/loan.h"

#include "base/hooks.h"

void loan_note(struct coro_loop *loop, struct loan *loan)
{
	list_append(&loop->loans, &loan->link);
}

/* A child's copy of the loop, made by fork, has nothing to tell: the parent may give them back yet. */
void loans_tell(struct coro_loop *loop)
{
	struct list *link;
	while ((link = list_pop(&loop->loans))) {
		struct loan *loan = container_of(link, struct loan, link);
		link->next = NULL;
		if (loop->fork_count == fork_count)
			hooks.left(loan->taken, loan->site, loan->undone);
	}
}
