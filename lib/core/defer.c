/* SPDX-License-Identifier: MIT */
#include "core/defer.h"

#include "base/memory.h"
#include "core/fail.h"
#include "core/thread.h"
#include "coro/defer.h"

#include <errno.h>
#include <stdlib.h>

struct deferred {
	struct deferred *next; /* deferred before it */
	coro_callback *fn;
	void *arg;
};

int coro_defer(coro_callback *fn, void *arg)
{
	struct coro *self = thread_body(thread_current);
	if (!fn)
		return fail_with(-EINVAL, "coro_defer: fn is NULL");
	if (!self)
		return fail_with(-EPERM, "coro_defer: not in a body");
	struct deferred *deferred = memory_alloc(sizeof(*deferred));
	if (!deferred)
		return fail_code(-ENOMEM);
	*deferred = (struct deferred){.next = self->frame->deferred, .fn = fn, .arg = arg};
	self->frame->deferred = deferred;
	return 0;
}

int coro_undefer(coro_callback *fn, void *arg)
{
	struct coro *self = thread_body(thread_current);
	if (!fn)
		return fail_with(-EINVAL, "coro_undefer: fn is NULL");
	if (!self)
		return fail_with(-EPERM, "coro_undefer: not in a body");
	struct deferred **at = &self->frame->deferred, *deferred;
	while ((deferred = *at) && (deferred->fn != fn || deferred->arg != arg))
		at = &deferred->next;
	if (!deferred)
		return fail_with(-ENOENT, "coro_undefer: that call was not deferred");
	*at = deferred->next;
	free(deferred);
	return 0;
}

/* Takes the last deferred call off the frame and makes it. */
static void run_last(struct frame *frame)
{
	struct deferred *last = frame->deferred, call = *last;
	frame->deferred = last->next;
	free(last);
	call.fn(call.arg);
}

int deferred_run(struct coro *co, int status)
{
	struct frame *frame = co->frame;
	void *value = frame->value;
	struct failure *returned = coroutine_claim_failure(frame, status);
	frame->failure = failure_ref(returned); /* deferred calls may read and replace it */
	frame->fn = NULL;
	frame->returned = returned; /* found here if the task is discarded */
	bool cancelled = status >= 0 && coroutine_cancel_due(co);
	while (frame->deferred)
		run_last(frame);
	frame->value = value;
	if (cancelled && !(co->flags & FLAG_MUST_CANCEL)) {
		/* The body never received the request; a wait in a deferred call did. */
		failure_unref(frame->returned);
		return -ECANCELED;
	}
	coroutine_reset_failure(frame, frame->returned);
	return status;
}

void deferred_discard(struct coro *co)
{
	struct thread *thread = thread_current;
	struct coro *self = thread->self;
	struct failure *saved = fail_save();
	struct sched *sched = thread->sched;
	uint16_t runs_loop = self->flags & FLAG_RUNS_LOOP;
	/* These calls must not wait, yield or defer. */
	self->flags |= FLAG_RUNS_LOOP;
	thread->sched = NULL;
	while (co->frame->deferred)
		run_last(co->frame);
	thread->sched = sched;
	self->flags = (uint16_t)((self->flags & ~FLAG_RUNS_LOOP) | runs_loop);
	fail_restore(saved);
}
