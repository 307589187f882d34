/* SPDX-License-Identifier: MIT */
/*
 * The record of a thread: its own stack as the root of all coroutines, its pool of stacks, and the
 * loop that runs in it.
 */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

#include "base/thread_local.h"
#include "core/coroutine.h"
#include "core/stack.h"

#include <sys/types.h>

struct sched;

struct thread {
	struct coro *self; /* the coroutine that runs; &root if none does */
	/*
	 * Used by sched: the loop that runs, NULL for none; the budget of the running task; room
	 * for a task's name.
	 */
	struct sched *sched;
	int budget;
	char task_name[24];
	void *const *runner_at; /* while a task runs: the context of the caller of run */

	struct coro root;        /* the thread's own stack, which is never resumed */
	struct frame root_frame; /* its frame */
	struct sanitize_stack
		*asan_stack; /* asan_switch.c: the stack that runs, as AddressSanitizer knows */
	struct stack_pool stacks;
	struct stack_size *default_size; /* NULL before the first stack */
	void *alternate;                 /* signal stack, if it is ours */
	bool overflow_watched;           /* overflow_watch was called */
	bool has_locals;                 /* somebody in it has set a task-local value */
	bool debug;                      /* debug mode was on in it, or by the environment */
	bool leaving; /* the thread ends; other keys' destructors run before this one */
	/*
	 * One is the thread's. Each object that belongs to the thread and may outlive it has one,
	 * since it knows its thread by this address, which must not be reused meanwhile. Atomic.
	 */
	unsigned refs;
	pid_t process; /* that it was made in: a child made by fork has a copy */

	/* Freed coroutines for the next coro_create, linked by resumer. */
	struct coro *spare;
	unsigned spare_count;

	/*
	 * Set by sched: called on the stack of a task that has ended, which is in the pool again.
	 * Sets thread->self to the coroutine that runs next, and returns its context and a result
	 * for it.
	 */
	void *(*leave)(struct coro *co, int status, int *result);

	/* Set in debug mode: called when a generator with FLAG_IN_SCOPE yields. */
	void (*yields)(const struct coro *generator);
};

/* The record of each thread that has not used the library yet. It has no coroutines and no loop. */
extern struct thread thread_nobody;

/* The calling thread's record, or &thread_nobody. The library's only thread-local variable. */
extern __thread struct thread *thread_current
	__attribute__((tls_model(THREAD_LOCAL_MODEL), visibility("hidden")));

struct thread *thread_create(void);

/*
 * Frees what the calling thread's exit would free. For a detached thread: it may end while the
 * process does, when nothing is called at its exit any more.
 */
void thread_leave(void);

void thread_unref(struct thread *thread);

static inline struct thread *thread_ref(struct thread *thread)
{
	__atomic_add_fetch(&thread->refs, 1, __ATOMIC_RELAXED);
	return thread;
}

/* The calling thread's record, made at its first call. NULL without memory. */
static inline struct thread *thread_self(void)
{
	struct thread *thread = thread_current;
	return likely(thread != &thread_nobody) ? thread : thread_create();
}

/* The coroutine whose body makes the call. NULL outside of coroutines and in callbacks. */
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

/* coroutine_prepare without a warm stack of the default size. */
int coroutine_prepare_slow(struct coro *co, struct thread *thread);

/* Whether a warm stack of the default size does for the coroutine. */
static inline bool coroutine_has_warm(const struct coro *co, const struct thread *thread)
{
	const struct stack_size *size = thread->default_size;
	return !co->stack_size && size && size->warm;
}

/* coroutine_prepare with such a stack. */
static inline void coroutine_prepare_warm(struct coro *co, struct thread *thread)
{
	coroutine_take_frame(co, frame_of(stack_take_warm(thread->default_size)), thread);
}

/*
 * Gives a created coroutine a stack of the calling thread. It is then suspended at its start.
 * Returns 0 or -ENOMEM.
 */
static inline int coroutine_prepare(struct coro *co, struct thread *thread)
{
	if (unlikely(!coroutine_has_warm(co, thread)))
		return coroutine_prepare_slow(co, thread);
	coroutine_prepare_warm(co, thread);
	return 0;
}

#endif
