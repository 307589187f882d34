/* SPDX-License-Identifier: MIT */
#include "core/thread.h"

#include "base/error.h"
#include "base/locals.h"
#include "base/memory.h"
#include "core/asan_switch.h"
#include "core/leftover.h"
#include "core/overflow.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
static bool has_key; /* false also after on_unload */

void thread_unref(struct thread *thread)
{
	if (__atomic_sub_fetch(&thread->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(thread);
}

/* Frees the thread's stacks. The record stays if coroutines are left. The library may be used again. */
static void thread_finish(struct thread *thread)
{
	struct coro_pool_stats stats;
	generators_left_report(thread);
	thread_current = &thread_nobody;
	coroutine_reset_failure(&thread->root_frame, NULL);
	locals_unref(thread->root_frame.locals);
	for (struct coro *co = thread->spare, *next; co; co = next) {
		next = co->resumer;
		free(co);
	}
	stack_pool_count(&thread->stacks, &stats);
	stack_pool_finish(&thread->stacks);
	overflow_unwatch(thread->alternate);
	if (stats.in_use == 0)
		thread_unref(thread);
}

/*
 * Called at the thread's exit. Destructors of other keys may use coroutines and loops. So this sets its
 * key once more, to be called again after all of them.
 */
static void on_exit_of_thread(void *arg)
{
	struct thread *thread = arg;
	if (!thread->leaving) {
		thread->leaving = true;
		if (pthread_setspecific(at_exit, thread) == 0)
			return;
	}
	thread_finish(thread);
}

void thread_leave(void)
{
	struct thread *thread = thread_current;
	if (thread == &thread_nobody || thread->self != &thread->root)
		return;
	if (__atomic_load_n(&has_key, __ATOMIC_ACQUIRE))
		pthread_setspecific(at_exit, NULL);
	thread_finish(thread);
}

static int hold_fakes(struct stack *stack, void *arg)
{
	(void)arg;
	sanitize_hold_fakes(&stack->sanitize);
	return 0;
}

/*
 * Runs before LeakSanitizer's search, whose atexit call was registered earlier. Stacks in the pool
 * hold pointers of the past, which are no references.
 */
static void before_search(void)
{
	struct thread *thread = thread_current;
	if (thread->self == &thread->root)
		stack_pool_settle(&thread->stacks, 0);
	stack_pool_each(&thread->stacks, hold_fakes, NULL);
	sanitize_hold_fakes(&thread->root_frame.stack.sanitize);
}

static void prepare_all(void)
{
	asan_switch_begin();
	if (sanitize_searches())
		atexit(before_search);
	no_key = pthread_key_create(&at_exit, on_exit_of_thread);
	__atomic_store_n(&has_key, no_key == 0, __ATOMIC_RELEASE);
}

/*
 * The process ends, or the object with this library is unloaded. Neither the key's destructor nor the
 * signal handler may be called after that. Other threads keep their memory.
 */
__attribute__((destructor)) static void on_unload(void)
{
	struct thread *thread = thread_current;
	struct coro_pool_stats stats;
	overflow_uninstall();
	if (__atomic_exchange_n(&has_key, false, __ATOMIC_ACQ_REL))
		pthread_key_delete(at_exit);
	if (thread == &thread_nobody || thread->self != &thread->root)
		return;
	generators_left_report(thread);
	if (__atomic_load_n(&thread->refs, __ATOMIC_ACQUIRE) > 1)
		return;
	stack_pool_count(&thread->stacks, &stats);
	if (stats.in_use == 0)
		thread_finish(thread);
}

/* The body of the root, so that its fn is not NULL. Never called. */
static int no_body(void *arg)
{
	(void)arg;
	return 0;
}

static bool is_debugged(void)
{
	const char *text = getenv("CORO_DEBUG");
	return text && *text && strcmp(text, "0") != 0;
}

/* Has the key's destructor called when the thread ends. When the process ends, there is no key. */
static bool await_exit(struct thread *thread)
{
	return !__atomic_load_n(&has_key, __ATOMIC_ACQUIRE) ||
	       pthread_setspecific(at_exit, thread) == 0 ||
	       !__atomic_load_n(&has_key, __ATOMIC_ACQUIRE);
}

struct thread *thread_create(void)
{
	pthread_once(&once, prepare_all);
	struct thread *thread = no_key ? NULL : memory_alloc(sizeof(*thread));
	if (!thread)
		return NULL;
	*thread = (struct thread){
		.self = &thread->root,
		.refs = 1,
		.process = getpid(),
		.debug = is_debugged(),
		.root = {.state = STATE_RUNNING, .thread = thread, .frame = &thread->root_frame},
		.root_frame.fn = no_body,
	};
	if (!await_exit(thread)) {
		free(thread);
		return NULL;
	}
	sanitize_stack_adopt(&thread->root_frame.stack.sanitize);
	thread->asan_stack = &thread->root_frame.stack.sanitize;
	stack_pool_init(&thread->stacks, context_room);
	thread_current = thread;
	return thread;
}
