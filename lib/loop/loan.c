/* SPDX-License-Identifier: MIT */
#include "loop/loan.h"

#include "base/hooks.h"

void loan_note(struct coro_loop *loop, struct loan *loan)
{
	list_append(&loop->loans, &loan->link);
}

/* In a child made by fork there is nothing to report: the parent may still give them back. */
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
