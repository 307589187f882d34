/* SPDX-License-Identifier: MIT */
/*
 * What AddressSanitizer, LeakSanitizer, ThreadSanitizer and Valgrind must be told of stacks and
 * switches. An ordinary build has none of it in a switch, but serves programs that are built with
 * AddressSanitizer: it looks whether that is there, and sends switches another way (core/asan_switch.c).
 * Valgrind's part, where its header was found, is a few instructions at a stack's first use. Beside
 * system.h and the context backends the only file with #if in it.
 */
#ifndef BASE_SANITIZE_H
#define BASE_SANITIZE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZE_ADDRESS 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#define sanitize_has(function) true
#else
#define SANITIZE_ADDRESS 0
void __sanitizer_start_switch_fiber(void **fake, const void *low, size_t size)
	__attribute__((weak));
void __sanitizer_finish_switch_fiber(void *fake, const void **low, size_t *size)
	__attribute__((weak));
void __asan_unpoison_memory_region(void const volatile *start, size_t size) __attribute__((weak));
void __lsan_register_root_region(const void *start, size_t size) __attribute__((weak));
void __lsan_unregister_root_region(const void *start, size_t size) __attribute__((weak));
void *__asan_addr_is_in_fake_stack(void *fake, void *at, void **low, void **high)
	__attribute__((weak));
#define sanitize_has(function) ((function) != NULL)
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
	const void *low;
	size_t size;
	void *fake;       /* its fake frames, while it is suspended */
	const void *held; /* a thread's own: what a leak is searched from, while it is suspended */
#if SANITIZE_THREAD
	void *fiber;
#endif
	unsigned valgrind; /* its number there */
	bool adopted;      /* the thread came with it */
};

/* Whether the program is built with AddressSanitizer, or a kin of it that wants to know. */
static inline bool sanitize_wants_switches(void)
{
	return sanitize_has(__sanitizer_start_switch_fiber);
}

/* Whether somebody searches memory for pointers to what was allocated. */
static inline bool sanitize_searches(void)
{
	return sanitize_has(__lsan_register_root_region);
}

/* Fibers that ThreadSanitizer knows at a time, threads too: past 8,128 it ends the process. */
enum { SANITIZE_FIBERS_MOST = 8000 };

/* A new stack, of which nothing has run yet. */
static inline void sanitize_stack_init(struct sanitize_stack *stack, void *low, size_t size)
{
	*stack = (struct sanitize_stack){.low = low, .size = size};
#if SANITIZE_THREAD
	stack->fiber = __tsan_create_fiber(0);
#endif
	stack->valgrind = VALGRIND_STACK_REGISTER(low, (char *)low + size);
}

/* The stack that the calling thread came with. */
static inline void sanitize_stack_adopt(struct sanitize_stack *stack)
{
	*stack = (struct sanitize_stack){.adopted = true};
	pthread_attr_t attr;
	void *low;
	if (sanitize_wants_switches() && pthread_getattr_np(pthread_self(), &attr) == 0) {
		pthread_attr_getstack(&attr, &low, &stack->size);
		pthread_attr_destroy(&attr);
		stack->low = low;
	}
#if SANITIZE_THREAD
	stack->fiber = __tsan_get_current_fiber();
#endif
}

/*
 * Nothing on the stack will run on; it is not the caller's. What stands on it may have ended, or
 * not: then red zones and fake frames are left.
 */
static inline void sanitize_stack_finish(struct sanitize_stack *stack)
{
	if (stack->fake) {
		/* Only the one that runs can be ended: for a moment that is this. */
		void *mine = NULL;
		const void *low;
		size_t size;
		__sanitizer_start_switch_fiber(&mine, stack->low, stack->size);
		__sanitizer_finish_switch_fiber(stack->fake, &low, &size);
		__sanitizer_start_switch_fiber(NULL, low, size);
		__sanitizer_finish_switch_fiber(mine, NULL, NULL);
		stack->fake = NULL;
	}
	if (sanitize_has(__asan_unpoison_memory_region))
		__asan_unpoison_memory_region(stack->low, stack->size);
#if SANITIZE_THREAD
	__tsan_destroy_fiber(stack->fiber);
#endif
	VALGRIND_STACK_DEREGISTER(stack->valgrind);
}

/*
 * What the thread's own stack holds is not leaked, while it is suspended. What the switch saves of
 * registers lies below.
 */
static inline void sanitize_hold(struct sanitize_stack *stack)
{
	enum { SAVED = 2048 };
	const char *here = (const char *)__builtin_frame_address(0) - SAVED;
	if (stack->low && sanitize_searches()) {
		stack->held = here > (const char *)stack->low ? here : stack->low;
		__lsan_register_root_region(stack->held,
					    (size_t)((const char *)stack->low + stack->size -
						     (const char *)stack->held));
	}
}

static inline void sanitize_release(struct sanitize_stack *stack)
{
	if (stack->held)
		__lsan_unregister_root_region(stack->held,
					      (size_t)((const char *)stack->low + stack->size -
						       (const char *)stack->held));
	stack->held = NULL;
}

/*
 * The process ends with this stack suspended: what its fake frames hold is not leaked. Their places lie
 * on the stack itself.
 */
static inline __attribute__((no_sanitize("address"))) void sanitize_hold_fakes(
	const struct sanitize_stack *stack)
{
	if (!stack->fake || !sanitize_searches() || !sanitize_has(__asan_addr_is_in_fake_stack))
		return;
	void *const *at = (void *const *)(stack->adopted ? stack->held : stack->low);
	void *const *end = (void *const *)((const char *)stack->low + stack->size);
	at = (void *const *)(((uintptr_t)at + sizeof(*at) - 1) / sizeof(*at) * sizeof(*at));
	for (void *low, *high; at && at + 1 <= end; at++)
		if (__asan_addr_is_in_fake_stack(stack->fake, *at, &low, &high))
			__lsan_register_root_region(low, (size_t)((char *)high - (char *)low));
}

/* Before a switch. `ended`: nothing on the stack that is left will run on. */
static inline void sanitize_leave(struct sanitize_stack *from, struct sanitize_stack *to,
				  bool ended)
{
	if (from->adopted)
		sanitize_hold(from);
	if (sanitize_wants_switches())
		__sanitizer_start_switch_fiber(ended ? NULL : &from->fake, to->low, to->size);
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
	if (sanitize_wants_switches())
		__sanitizer_finish_switch_fiber(first ? NULL : stack->fake, NULL, NULL);
	stack->fake = NULL;
	if (stack->adopted)
		sanitize_release(stack);
}

/* Memory in which pointers to allocations may lie. */
static inline void sanitize_map(void *start, size_t size)
{
	if (sanitize_searches())
		__lsan_register_root_region(start, size);
}

static inline void sanitize_unmap(void *start, size_t size)
{
	if (sanitize_searches())
		__lsan_unregister_root_region(start, size);
	if (sanitize_has(__asan_unpoison_memory_region))
		__asan_unpoison_memory_region(start, size);
}

#endif
