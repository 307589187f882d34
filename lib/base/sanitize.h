/* SPDX-License-Identifier: MIT */
/*
 * What AddressSanitizer, LeakSanitizer, ThreadSanitizer and Valgrind must know of stacks and
 * switches. An ordinary build has none of this in a switch. If the program is built with
 * AddressSanitizer, the library notices at run time and switches by core/asan_switch.c. Valgrind
 * costs a few instructions at a stack's first use, if its header was found. Only this file, probe.h,
 * system.h and the context backends contain #if.
 */
#ifndef BASE_SANITIZE_H
#define BASE_SANITIZE_H

#include "base/system.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

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
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) ((void)(low), (void)(high), 0)
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#define VALGRIND_GET_VBITS(from, to, size) ((void)(from), (void)(to), 0)
#define VALGRIND_MAKE_MEM_DEFINED(at, size) ((void)(at), (void)(size), 0)
#define VALGRIND_DISABLE_ERROR_REPORTING ((void)0)
#define VALGRIND_ENABLE_ERROR_REPORTING ((void)0)
#endif

#define SANITIZED (SANITIZE_ADDRESS || SANITIZE_THREAD)

/* A stack as the sanitizers know it. */
struct sanitize_stack {
	const void *low;
	size_t size;
	void *fake;       /* its fake frames, while it is suspended */
	const void *held; /* adopted and suspended: LeakSanitizer searches from here up */
#if SANITIZE_THREAD
	void *fiber;
#endif
	unsigned valgrind; /* Valgrind's number for the stack */
	bool adopted;      /* the thread's own stack */
};

/* Whether a sanitizer in the program must know of switches. AddressSanitizer must. */
static inline bool sanitize_wants_switches(void)
{
	return sanitize_has(__sanitizer_start_switch_fiber);
}

/* Whether LeakSanitizer searches memory for pointers to allocations. */
static inline bool sanitize_searches(void)
{
	return sanitize_has(__lsan_register_root_region);
}

/* Whether Valgrind's memcheck runs the program; its other tools do not answer this. */
static inline bool sanitize_memcheck(void)
{
	char byte = 0, bits;
	(void)byte, (void)bits; /* Valgrind's macros do without on a CPU that it does not know */
	return VALGRIND_GET_VBITS(&byte, &bits, 1) == 1;
}

/*
 * Before and after a value is read whose object may be gone: memcheck says nothing of that, nor of
 * what depends on the value.
 */
static inline void sanitize_look_away(void)
{
	VALGRIND_DISABLE_ERROR_REPORTING;
}

static inline void sanitize_look_back(void *value, size_t size)
{
	(void)value, (void)size;
	(void)VALGRIND_MAKE_MEM_DEFINED(value, size);
	VALGRIND_ENABLE_ERROR_REPORTING;
}

/* Whether each allocation is watched for leaks and for use after its end. */
static inline bool sanitize_watches_memory(void)
{
	return sanitize_searches() || sanitize_memcheck();
}

/* The most fibers at a time. ThreadSanitizer ends the process past 8,128 fibers and threads. */
enum { SANITIZE_FIBERS_MOST = 8000 };

/* Announces a new stack, on which nothing has run yet. */
static inline void sanitize_stack_init(struct sanitize_stack *stack, void *low, size_t size)
{
	*stack = (struct sanitize_stack){.low = low, .size = size};
#if SANITIZE_THREAD
	stack->fiber = __tsan_create_fiber(0);
#endif
	stack->valgrind = VALGRIND_STACK_REGISTER(low, (char *)low + size);
}

/* Notes the calling thread's own stack. */
static inline void sanitize_stack_adopt(struct sanitize_stack *stack)
{
	*stack = (struct sanitize_stack){.adopted = true};
	void *low;
	if (sanitize_wants_switches() && system_thread_stack(&low, &stack->size))
		stack->low = low;
#if SANITIZE_THREAD
	stack->fiber = __tsan_get_current_fiber();
#endif
}

/*
 * Clears a stack on which nothing will run on; the caller stands on another. If its last body was
 * discarded before it returned, red zones and fake frames are left.
 */
static inline void sanitize_stack_finish(struct sanitize_stack *stack)
{
	if (stack->fake) {
		/* Only the running stack can be ended, so this one runs for a moment. */
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
 * Has LeakSanitizer search the thread's own stack while that is suspended. The switch saves registers
 * below the caller's frame, so the search begins lower.
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
 * Has LeakSanitizer search the fake frames of a stack that is suspended when the process ends.
 * Pointers to the fake frames lie on the stack itself.
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

/*
 * Called before a switch. If `ended`, nothing on the stack `from` will run on. Inlined without
 * optimization too: a function that ThreadSanitizer sees begin must end on the same stack.
 */
static inline __attribute__((always_inline)) void sanitize_leave(struct sanitize_stack *from,
								 struct sanitize_stack *to,
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
 * Called after a switch, on the stack that runs now. If `first`, the stack runs for the first time,
 * or again from its start.
 */
static inline void sanitize_enter(struct sanitize_stack *stack, bool first)
{
	if (sanitize_wants_switches())
		__sanitizer_finish_switch_fiber(first ? NULL : stack->fake, NULL, NULL);
	stack->fake = NULL;
	if (stack->adopted)
		sanitize_release(stack);
}

/* Has LeakSanitizer search memory that may hold pointers to allocations. */
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

/*
 * ThreadSanitizer does not see what liburing maps, as that makes its own system calls: accesses of a
 * thread to a ring that is gone would race with those of another thread whose ring lies there now. A
 * ring that was closed came before one that was mapped later.
 */
static inline void sanitize_ring_mapped(void *rings)
{
#if SANITIZE_THREAD
	__tsan_acquire(rings);
#endif
	(void)rings;
}

static inline void sanitize_ring_unmaps(void *rings)
{
#if SANITIZE_THREAD
	__tsan_release(rings);
#endif
	(void)rings;
}

/*
 * ThreadSanitizer holds a signal back until the thread makes a call that it knows. Those of liburing it
 * does not know: a loop that waits by one would not wake.
 */
static inline void sanitize_take_signals(void)
{
#if SANITIZE_THREAD
	nanosleep(&(struct timespec){0}, NULL);
#endif
}

#endif
