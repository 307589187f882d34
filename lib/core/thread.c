/* SPDX-License-Identifier: MIT */
#include "core/thread.h"

#include "base/error.h"
#include "base/locals.h"
#include "core/overflow.h"

#include <pthread.h>
#include <stdlib.h>

struct thread thread_nobody = {
	.self = &thread_nobody.root,
	.root = {.state = STATE_RUNNING,
		 .thread = &thread_nobody,
		 .frame = &thread_nobody.root_frame},
};

__thread struct thread *thread_current = &thread_nobody;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_exit;
static int no_key;

/*
 * Runs at the thread's exit; the library may be used again after that, by other keys' destructors.
 */
static void thread_finish(void *arg)
{
	struct thread *thread = arg;
	thread_current = &thread_nobody;
	coro_reset_failure(&thread->root_frame, NULL);
	locals_unref(thread->root_frame.locals);
	for (struct coro *co = thread->spare, *next; co; co = next) {
		next = co->resumer;
		free(co);
	}
	stack_pool_finish(&thread->stacks);
	overflow_unwatch(thread->alternate);
	free(thread);
}

static void make_key(void)
{
	no_key = pthread_key_create(&at_exit, thread_finish);
}

/* Stands for what runs on the thread's own stack, which has not returned. */
static int no_body(void *arg)
{
	(void)arg;
	return 0;
}

struct thread *thread_create(void)
{
	pthread_once(&once, make_key);
	struct thread *thread = no_key ? NULL : malloc(sizeof(*thread));
	if (!thread)
		return NULL;
	*thread = (struct thread){
		.self = &thread->root,
		.root = {.state = STATE_RUNNING, .thread = thread, .frame = &thread->root_frame},
		.root_frame.fn = no_body,
	};
	if (pthread_setspecific(at_exit, thread) != 0) {
		free(thread);
		return NULL;
	}
	sanitize_stack_adopt(&thread->root_frame.stack.sanitize);
	stack_pool_init(&thread->stacks, context_room);
	thread_current = thread;
	return thread;
}
