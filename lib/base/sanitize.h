/* SPDX-License-Identifier: MIT */
/*
 * What AddressSanitizer, ThreadSanitizer and Valgrind must be told of stacks and switches. In an
 * ordinary build there is none of it in a switch; Valgrind's part, where its header was found, is a
 * few instructions at a stack's first use. Beside system.h and the context backends the only file
 * with #if in it.
 */
#ifndef BASE_SANITIZE_H
#define BASE_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZE_ADDRESS 1
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#else
#define SANITIZE_ADDRESS 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define SANITIZE_THREAD 1
#include <sanitizer/tsan_interface.h>
#else
#define SANITIZE_THREAD 0
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) (0)
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

#define SANITIZED (SANITIZE_ADDRESS || SANITIZE_THREAD)

/* A stack as the sanitizers know it. */
struct sanitize_stack {
#if SANITIZE_ADDRESS
	const void *low;
	size_t size;
	void *fake; /* its fake frames, while it is suspended */
#endif
#if SANITIZE_THREAD
	void *fiber;
#endif
	unsigned valgrind; /* its number there */
};

/* A new stack, of which nothing has run yet. */
static inline void sanitize_stack_init(struct sanitize_stack *stack, void *low, size_t size)
{
	*stack = (struct sanitize_stack){0};
#if SANITIZE_ADDRESS
	stack->low = low;
	stack->size = size;
#endif
#if SANITIZE_THREAD
	stack->fiber = __tsan_create_fiber(0);
#endif
	stack->valgrind = VALGRIND_STACK_REGISTER(low, (char *)low + size);
}

/* The stack that the calling thread came with. */
static inline void sanitize_stack_adopt(struct sanitize_stack *stack)
{
	*stack = (struct sanitize_stack){0};
#if SANITIZE_ADDRESS
	pthread_attr_t attr;
	void *low;
	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		pthread_attr_getstack(&attr, &low, &stack->size);
		pthread_attr_destroy(&attr);
		stack->low = low;
	}
#endif
#if SANITIZE_THREAD
	stack->fiber = __tsan_get_current_fiber();
#endif
}

static inline void sanitize_stack_finish(struct sanitize_stack *stack)
{
#if SANITIZE_THREAD
	__tsan_destroy_fiber(stack->fiber);
#endif
	VALGRIND_STACK_DEREGISTER(stack->valgrind);
}

/* Before a switch. `ended`: nothing on the stack that is left will run on. */
static inline void sanitize_leave(struct sanitize_stack *from, struct sanitize_stack *to,
				  bool ended)
{
	(void)from, (void)to, (void)ended;
#if SANITIZE_ADDRESS
	__sanitizer_start_switch_fiber(ended ? NULL : &from->fake, to->low, to->size);
#endif
#if SANITIZE_THREAD
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
}

/*
 * After a switch, on the stack that runs now; `first`: it runs for the first time, or again from
 * its start.
 */
static inline void sanitize_enter(struct sanitize_stack *stack, bool first)
{
	(void)stack, (void)first;
#if SANITIZE_ADDRESS
	__sanitizer_finish_switch_fiber(first ? NULL : stack->fake, NULL, NULL);
#endif
}

/* Memory in which pointers to allocations may lie. */
static inline void sanitize_map(void *start, size_t size)
{
	(void)start, (void)size;
#if SANITIZE_ADDRESS
	__lsan_register_root_region(start, size);
#endif
}

static inline void sanitize_unmap(void *start, size_t size)
{
	(void)start, (void)size;
#if SANITIZE_ADDRESS
	__lsan_unregister_root_region(start, size);
#endif
}

#endif
