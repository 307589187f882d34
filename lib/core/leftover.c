/* SPDX-License-Identifier: MIT */
#include "core/leftover.h"

#include "base/text.h"
#include "core/thread.h"

#include <unistd.h>

/* A word of the frame that coroutines other than tasks do not use: it was counted. */
static uint64_t *mark_of(const struct coro *co)
{
	return &co->frame->outer[0];
}

static bool is_suspended(const struct coro *co)
{
	return !(co->flags & FLAG_IS_TASK) &&
	       (co->state == STATE_SUSPENDED || co->state == STATE_DELEGATING ||
		co->state == STATE_DELEGATED);
}

/* The suspended ones of one place. */
struct place {
	bool any; /* it is known; otherwise the first that was not counted tells */
	const char *name, *site;
	size_t count;
};

static int clear(struct stack *stack, void *arg)
{
	struct coro *co = frame_of(stack)->co;
	(void)arg;
	if (is_suspended(co))
		*mark_of(co) = false;
	return 0;
}

static int count(struct stack *stack, void *arg)
{
	struct coro *co = frame_of(stack)->co;
	struct place *place = arg;
	if (!is_suspended(co) || *mark_of(co))
		return 0;
	if (!place->any)
		*place = (struct place){.any = true, .name = co->name, .site = co->site};
	if (co->site != place->site || co->name != place->name)
		return 0;
	place->count++;
	*mark_of(co) = true;
	return 0;
}

static void report(const struct place *place)
{
	char chars[256];
	struct text text = {chars, sizeof(chars), 0};
	bool one = place->count == 1;
	if (one)
		text_add(&text, "coro: generator");
	else
		text_add(&text, "coro: %zu generators", place->count);
	if (place->name)
		text_add(&text, " %s,", place->name);
	text_add(&text, " made at %s %s never destroyed\n", place->site ? place->site : "?",
		 one ? "was" : "were");
	text_write(&text);
}

void generators_left_report(struct thread *thread)
{
	enum { PLACES_MOST = 50 }; /* each takes a walk over all stacks */
	if (!thread->debug || thread->self != &thread->root || thread->process != getpid())
		return;
	stack_pool_each(&thread->stacks, clear, NULL);
	for (int i = 0; i < PLACES_MOST; i++) {
		struct place place = {0};
		stack_pool_each(&thread->stacks, count, &place);
		if (!place.any)
			return;
		report(&place);
	}
	static const char more[] = "coro: and generators made at more places\n";
	text_write(&(struct text){(char *)more, sizeof(more), sizeof(more) - 1});
}
