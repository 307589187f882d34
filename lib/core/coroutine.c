/* SPDX-License-Identifier: MIT */
#include "core/coroutine.h"

#include "base/error.h"
#include "base/memory.h"
#include "core/defer.h"
#include "core/fail.h"
#include "core/generator.h"
#include "core/overflow.h"
#include "core/thread.h"

#include <errno.h>
#include <stdlib.h>

/* -- creating */

int coroutine_check_options(const struct coro_options *options, unsigned more)
{
	if (!options)
		return 0;
	if (options->flags & ~(CORO_SAVE_EXCEPTIONS | more))
		return fail_with(-EINVAL, "options: a flag that is not for this call");
	if (options->stack_size > SIZE_MAX / 2)
		return fail_with(-EINVAL, "options: stack_size is too large");
	return options->stack_size && options->stack_size < stack_least()
		       ? fail_with(-EINVAL, "options: a stack_size below coro_stack_min()")
		       : 0;
}

/*
 * Each thread keeps some freed coroutines for the next coro_create. All come from malloc, so that one
 * may be created in one thread and freed in another.
 */
enum { SPARE_MOST = 64 };

static inline struct coro *coroutine_alloc(void)
{
	struct thread *thread = thread_current;
	struct coro *co = thread->spare;
	if (!co)
		return memory_alloc(sizeof(*co));
	thread->spare = co->resumer;
	thread->spare_count--;
	return co;
}

static inline void coroutine_free(struct coro *co)
{
	struct thread *thread = thread_current;
	if (SANITIZED || thread->spare_count >= SPARE_MOST || thread == &thread_nobody) {
		free(co);
		return;
	}
	co->resumer = thread->spare;
	thread->spare = co;
	thread->spare_count++;
}

int coro_create_with(const struct coro_options *options, coro_fn *fn, void *arg, struct coro **ret)
{
	if (!fn || !ret)
		return fail_with(-EINVAL, "coro_create_with: fn or ret is NULL");
	int r = coroutine_check_options(options, 0);
	if (r < 0)
		return r;
	struct coro *co = coroutine_alloc();
	if (!co)
		return fail_code(-ENOMEM);
	coroutine_init(co, options, fn, arg);
	*ret = co;
	return 0;
}

int coro_create_at(const char *site, coro_fn *fn, void *arg, struct coro **ret)
{
	if (!fn || !ret)
		return fail_with(-EINVAL, "coro_create: fn or ret is NULL");
	struct coro *co = coroutine_alloc();
	if (!co)
		return fail_code(-ENOMEM);
	coroutine_init(co, NULL, fn, arg);
	co->site = site;
	*ret = co;
	return 0;
}

/* -- getting and giving back a stack */

/* Finds the thread's stacks of a size. At the first call readies it for reports of overflows. */
static int find_size(struct thread *thread, size_t bytes, struct stack_size **ret)
{
	overflow_watch_thread(thread);
	int r = stack_pool_size(&thread->stacks, bytes, ret);
	if (r == 0 && bytes == 0)
		thread->default_size = *ret;
	return r;
}

/* Takes a cold stack and makes a context on it. */
static int frame_create(struct thread *thread, struct stack_size *size, struct frame **ret)
{
	struct stack *stack;
	int r = stack_take_cold(&thread->stacks, size, &stack);
	if (r < 0)
		return r;
	struct frame *frame = frame_of(stack);
	char *low = stack->low;
	frame->context =
		context_make(low, (size_t)((char *)stack_top(stack) - low), coroutine_entry, frame);
	if (!frame->context) {
		stack_give_cold(stack);
		return -ENOMEM;
	}
	*ret = frame;
	return 0;
}

int coroutine_prepare_slow(struct coro *co, struct thread *thread)
{
	struct stack_size *size = thread->default_size;
	struct frame *frame = NULL;
	int r = 0;
	if (co->stack_size || !size)
		r = find_size(thread, co->stack_size, &size);
	if (r < 0)
		return r;
	struct stack *stack = stack_take_warm(size);
	r = stack ? 0 : frame_create(thread, size, &frame);
	if (r < 0)
		return r;
	coroutine_take_frame(co, stack ? frame_of(stack) : frame, thread);
	return 0;
}

void coroutine_discard(struct coro *co)
{
	struct frame *frame = co->frame;
	if (frame) {
		if (!(co->flags & FLAG_IS_TASK) && frame->asyncgen.link.next)
			coroutine_unlist(frame);
		if (!frame->fn)
			failure_unref(frame->returned);
		coroutine_reset_failure(frame, NULL);
		stack_give_cold(&frame->stack);
	}
	co->frame = NULL;
	co->state = STATE_DONE;
	co->status = -ECANCELED;
	co->failure = NULL;
}

/* -- resume and yield */

static int fail_other_thread(void)
{
	return fail_with(-EPERM, "the coroutine is another thread's");
}

static int fail_running(void)
{
	return fail_with(-EBUSY, "the coroutine runs already");
}

/*
 * Finds the coroutine that a resume of co switches to: co, or the innermost of its chain of
 * delegations. Returns 0, or the error for the resumer.
 */
static int resume_target(struct coro *self, struct coro *co, struct coro **ret)
{
	if (!co)
		return fail_with(-EINVAL, "coro_resume: the coroutine is NULL");
	switch ((enum state)co->state) {
	case STATE_DONE:
		return fail_with(-EALREADY, "the coroutine is done");
	case STATE_RUNNING:
		if (co->thread != self->thread)
			return fail_other_thread();
		return co->flags & FLAG_IS_TASK
			       ? fail_with(-EBUSY, "it is a task, which the loop alone resumes")
			       : fail_running();
	case STATE_CREATED:
	case STATE_SUSPENDED:
	case STATE_DELEGATING:
	case STATE_DELEGATED:
		break;
	}
	if (co->thread != self->thread)
		return fail_other_thread();
	int r = generator_innermost(co, ret);
	return r < 0 ? fail_running() : r;
}

static __attribute__((cold, noinline)) int fail_to_start(int error)
{
	return fail_code(error);
}

/* The first resume. With a warm stack it is nearly as fast as the others. */
static __attribute__((noinline)) int resume_created(struct coro *co, void **ret)
{
	struct thread *thread = thread_self();
	int r = thread ? coroutine_prepare(co, thread) : -ENOMEM;
	if (unlikely(r < 0))
		return fail_to_start(r);
	struct coro *self = thread->self;
	if (unlikely(self->flags & CORO_SAVE_EXCEPTIONS))
		co->flags |= CORO_SAVE_EXCEPTIONS;
	co->state = STATE_RUNNING;
	co->resumer = self;
	co->out = ret;
	thread->self = co;
	return coroutine_switch(self, &co->context, co, co->context, 0);
}

/* All but the common case of resume. If `error` is negative, throws it in instead of a value. */
static __attribute__((noinline)) int resume_slow(struct coro *co, void *value, int error,
						 void **ret)
{
	struct coro *self = thread_current->self, *to;
	if (co && co->state == STATE_CREATED)
		return value ? fail_with(-EINVAL,
					 "coro_send: nobody is there yet to receive the value")
			     : resume_created(co, ret);
	int r = resume_target(self, co, &to);
	if (r < 0)
		return r;
	if (error == CORO_EXIT)
		to->flags |= FLAG_CLOSING;
	if (error == 0 && to->in)
		*to->in = to->state == STATE_DELEGATING
				  ? NULL
				  : value; /* its delegate has ended or was taken */
	to->state = STATE_RUNNING;
	to->resumer = self;
	to->out = ret;
	thread_current->self = to;
	return coroutine_switch(self, &to->context, to, to->context, error);
}

int coro_resume(struct coro *co, void *value, void **ret)
{
	struct thread *thread = thread_current;
	if (unlikely(!co || co->state != STATE_SUSPENDED || co->thread != thread))
		return resume_slow(co, value, 0, ret);
	struct coro *self = thread->self;
	if (co->in)
		*co->in = value;
	co->state = STATE_RUNNING;
	co->resumer = self;
	co->out = ret;
	thread->self = co;
	return coroutine_switch(self, &co->context, co, co->context, 0);
}

static __attribute__((noinline, cold)) void yield_in_scope(const struct coro *self)
{
	thread_current->yields(self);
}

static __attribute__((noinline)) int yield_slow(struct coro *self, void *value, void **ret)
{
	struct coro *to = self->resumer;
	bool swap = self->flags & CORO_SAVE_EXCEPTIONS;
	if (!to || self->flags & FLAG_RUNS_LOOP)
		return fail_with(-EPERM, "coro_yield: nobody has resumed the caller");
	if (unlikely(self->flags & FLAG_IN_SCOPE))
		yield_in_scope(self);
	self->state = self->flags & FLAG_HAS_DELEGATOR ? STATE_DELEGATED : STATE_SUSPENDED;
	self->in = ret;
	if (self->out)
		*self->out = value;
	if (swap)
		coroutine_swap_exceptions(self->frame);
	thread_current->self = to;
	int r = coroutine_switch(self, &self->context, to, self->context, 1);
	if (swap)
		coroutine_swap_exceptions(self->frame);
	return r;
}

int coro_yield(void *value, void **ret)
{
	struct thread *thread = thread_current;
	struct coro *self = thread->self, *to = self->resumer;
	if (unlikely(!to || self->flags))
		return yield_slow(self, value, ret);
	self->state = STATE_SUSPENDED;
	self->in = ret;
	if (self->out)
		*self->out = value;
	thread->self = to;
	return coroutine_switch(self, &self->context, to, self->context, 1);
}

/* One that has not started ends without running. */
static int end_unstarted(struct coro *co, int error)
{
	co->state = STATE_DONE;
	co->status = error;
	co->failure = NULL;
	return error;
}

int coro_throw(struct coro *co, int error, void **ret)
{
	if (!co || error >= 0)
		return fail_with(-EINVAL,
				 "coro_throw: the coroutine is NULL, or the error not negative");
	if (co->state == STATE_DONE)
		return error;
	if (co->state == STATE_CREATED)
		return end_unstarted(co, error);
	int r = resume_slow(co, NULL, error, ret);
	if (r > 0 && error == CORO_EXIT)
		generator_reopen(co);
	return r;
}

int coro_close(struct coro *co)
{
	if (!co)
		return fail_with(-EINVAL, "coro_close: the coroutine is NULL");
	if (co->state == STATE_DONE)
		return 0;
	int r = coro_throw(co, CORO_EXIT, NULL);
	if (r > 0)
		return fail_with(-EPROTO, "coro_close: the coroutine yielded instead of leaving");
	return r == CORO_EXIT ? 0 : r;
}

int coro_destroy(struct coro *co)
{
	if (!co)
		return 0;
	int r = co->state == STATE_DONE ? 0 : coro_close(co);
	if (co->state != STATE_DONE)
		return r;
	struct stack_pool *stacks = &thread_current->stacks;
	if (unlikely(stacks->over))
		stack_pool_settle(stacks, stacks->limit);
	if (unlikely(co->failure != NULL))
		failure_unref(co->failure);
	coroutine_free(co);
	return r;
}

/* -- its state */

int coro_return(void *value)
{
	struct coro *self = thread_body(thread_current);
	if (!self)
		return fail_with(-EPERM, "coro_return: not in a body");
	self->frame->value = value;
	return 0;
}

enum coro_state coro_state(const struct coro *co)
{
	if (!co)
		return CORO_DONE;
	if (co->state == STATE_DELEGATING || co->state == STATE_DELEGATED)
		return generator_state(co);
	return (enum coro_state)co->state;
}

int coro_status(const struct coro *co)
{
	if (!co)
		return fail_with(-EINVAL, "coro_status: the coroutine is NULL");
	return co->state == STATE_DONE
		       ? co->status
		       : fail_expected(-EAGAIN, "coro_status: the coroutine is not done");
}

struct coro *coro_current(void)
{
	struct thread *thread = thread_current;
	return thread->self == &thread->root ? NULL : thread->self;
}

int coro_stack_used(const struct coro *co, size_t *ret)
{
	if (!co || !ret)
		return fail_with(-EINVAL, "coro_stack_used: the coroutine or ret is NULL");
	if (co->frame && co->thread != thread_current)
		return fail_with(-EPERM, "coro_stack_used: the coroutine is another thread's");
	*ret = co->frame ? stack_used(&co->thread->stacks, &co->frame->stack) : 0;
	return 0;
}

size_t coro_stack_min(void)
{
	return stack_least();
}

int coro_pool_limit(size_t limit)
{
	struct thread *thread = thread_self();
	if (!thread)
		return fail_code(-ENOMEM);
	thread->stacks.limit = limit;
	stack_pool_settle(&thread->stacks, limit);
	return 0;
}

void coro_pool_trim(void)
{
	if (thread_current != &thread_nobody)
		stack_pool_settle(&thread_current->stacks, 0);
}

void coro_pool_stats(struct coro_pool_stats *ret)
{
	if (ret)
		stack_pool_count(&thread_current->stacks, ret);
}

/* -- messages of errors */

/* The second failure. Once the body has returned there is room for one only. */
static struct failure *earlier(const struct frame *frame)
{
	return frame->failure && frame->fn ? frame->earlier : NULL;
}

struct failure *coroutine_find_failure(const struct frame *frame, int error)
{
	if (frame->failure && frame->failure->error == error)
		return frame->failure;
	struct failure *failure = earlier(frame);
	return failure && failure->error == error ? failure : NULL;
}

void coroutine_reset_failure(struct frame *frame, struct failure *failure)
{
	failure_unref(earlier(frame));
	failure_unref(frame->failure);
	frame->failure = failure;
	if (frame->fn)
		frame->earlier = NULL;
}

struct failure *coroutine_claim_failure(struct frame *frame, int error)
{
	struct failure *failure = failure_ref(coroutine_find_failure(frame, error));
	coroutine_reset_failure(frame, NULL);
	return failure;
}

/* Removes the failure of an error from a frame that has at least one. */
static void forget_failure(struct frame *frame, int error)
{
	struct failure *before = earlier(frame);
	if (frame->failure->error == error) {
		failure_unref(frame->failure);
		frame->failure = before;
	} else if (before && before->error == error) {
		failure_unref(before);
	} else {
		return;
	}
	if (frame->fn)
		frame->earlier = NULL;
}

void coroutine_take_failure(struct coro *co, int error, struct failure *failure)
{
	struct frame *frame = co->frame;
	if (frame->failure)
		forget_failure(frame, error);
	if (!failure)
		return;
	struct failure *before = earlier(frame);
	if (frame->failure && failure_is_expected(failure) &&
	    !failure_is_expected(frame->failure)) {
		if (frame->fn && (!before || failure_is_expected(before)))
			frame->earlier = failure;
		return;
	}
	failure_unref(before);
	if (frame->fn)
		frame->earlier = frame->failure;
	else
		failure_unref(frame->failure);
	frame->failure = failure;
}

int coro_raise_at(const char *site, int error, const char *format, ...)
{
	if (error >= 0)
		return fail_with(-EINVAL, "coro_raise: the error is not negative");
	if (!format)
		return fail_code(error);
	va_list args;
	va_start(args, format);
	fail_format_args(error, site, format, args);
	va_end(args);
	return error;
}

const char *coro_message(int error)
{
	const struct failure *failure = coroutine_find_failure(thread_current->self->frame, error);
	return failure ? failure->message : coro_strerror(error);
}

const char *coro_origin(int error)
{
	const struct failure *failure = coroutine_find_failure(thread_current->self->frame, error);
	return failure ? failure->site : NULL;
}
