/* SPDX-License-Identifier: MIT */
/*
 * What a thread has: its own stack as the coroutine that all others start from, its pool, and a
 * place for the loop.
 */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

#include "core/coroutine.h"
#include "core/stack.h"

struct sched;

struct thread {
	struct coro *self; /* who runs: root, if no coroutine does */
	/*
	 * The outer ring's: the loop that runs, NULL for none; calls that a task may make before it
	 * gives way; and room for the text that a name is made in.
	 */
	struct sched *sched;
	int budget;
	char task_name[24];
	void *const *runner_at; /* where who runs the loop stands, while a task runs */

	struct coro root;            /* the stack that the thread came with; nobody resumes it */
	struct frame root_frame;     /* its counterpart of a stack's header */
	struct sanitize_stack *told; /* what watched.c last said to run */
	struct stack_pool stacks;
	struct stack_size *default_size; /* NULL before the first stack */
	void *alternate;                 /* signal stack, if it is ours */
	bool watched;                    /* overflow_watch was called */
	bool has_locals;                 /* somebody in it has set a task-local value */
	bool leaving; /* it ends: others' destructors run before this is taken down */
	/*
	 * The thread's own, and one of each thing that belongs to it and may outlive it: whose
	 * thing that is, is told by the address, which must not be another's meanwhile. Atomic.
	 */
	unsigned refs;

	/* Coroutines that were freed, for the next to be created; linked by resumer. */
	struct coro *spare;
	unsigned spare_count;

	/*
	 * The outer ring's: called on the stack of a coroutine that ended with nobody to go back
	 * to, which is a task's. Its stack is in the pool again. Sets thread->self to who goes on;
	 * gives where that stands, and a result for it.
	 */
	void *(*leave)(struct coro *co, int status, int *result);

	/* The outer ring's: called when a generator yields that is FLAG_IN_SCOPE. */
	void (*yields)(const struct coro *generator);
};

/*
 * Stands for a thread that has used nothing of the library yet: nobody is suspended in it, no loop
 * runs.
 */
extern struct thread thread_nobody;

/* The calling thread, or thread_nobody. The one thing that is thread-local. */
extern __thread struct thread *thread_current
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

struct thread *thread_create(void);

void thread_unref(struct thread *thread);

static inline struct thread *thread_ref(struct thread *thread)
{
	__atomic_add_fetch(&thread->refs, 1, __ATOMIC_RELAXED);
	return thread;
}

/* The calling thread, made at its first call; NULL without memory. */
static inline struct thread *thread_self(void)
{
	struct thread *thread = thread_current;
	return likely(thread != &thread_nobody) ? thread : thread_create();
}

/* The coroutine whose body calls; NULL outside of one, and in a callback. */
static inline struct coro *thread_body(const struct thread *thread)
{
	struct coro *self = thread->self;
	return self == &thread->root || self->flags & FLAG_RUNS_LOOP ? NULL : self;
}

static inline void coroutine_take_frame(struct coro *co, struct frame *frame, struct thread *thread)
{
	frame->co = co;
	frame->fn = co->fn;
	frame->arg = co->arg;
	frame->value = NULL;
	frame->failure = NULL;
	co->frame = frame;
	co->thread = thread;
	co->context = frame->context;
	co->in = NULL;
	co->state = STATE_SUSPENDED;
}

/* All but the common case: a warm stack of the default size. */
int coroutine_prepare_slow(struct coro *co, struct thread *thread);

/* Whether a stack for it is at hand, warm. */
static inline bool coroutine_has_warm(const struct coro *co, const struct thread *thread)
{
	const struct stack_size *size = thread->default_size;
	return !co->stack_size && size && size->warm;
}

/* coroutine_prepare then. */
static inline void coroutine_prepare_warm(struct coro *co, struct thread *thread)
{
	coroutine_take_frame(co, frame_of(stack_take_warm(thread->default_size)), thread);
}

/*
 * Gives a created coroutine a stack of the calling thread and readies it to be switched to:
 * suspended at its start. -ENOMEM.
 */
static inline int coroutine_prepare(struct coro *co, struct thread *thread)
{
	if (unlikely(!coroutine_has_warm(co, thread)))
		return coroutine_prepare_slow(co, thread);
	coroutine_prepare_warm(co, thread);
	return 0;
}

#endif
