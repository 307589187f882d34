/* SPDX-License-Identifier: MIT */
/*
 * Stacks: cut from large mappings, each with a guard below, pooled by size.
 *
 *   slot:  [guard][ ............ grows down ............ <-][header][colour]
 *                 ^ low                                                     ^ low + size->bytes
 *
 * The guard is so large that a frame seldom steps over it, onto the stack below. It has no memory,
 * and lies in page tables that the stack's top needs anyway.
 *
 * The header lies at the stack's top, in the page that is touched anyway. The colour is a distance
 * that differs from slot to slot, so that the tops of many stacks do not fight for one set of the
 * cache.
 *
 * A pooled stack is warm, with its memory and what the header's owner left in it, or cold: its
 * memory is given back to the system, or was never used.
 */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include "base/sanitize.h"

#include <stdbool.h>
#include <stddef.h>

struct stack_size;
struct coro_pool_stats;

/* The part of a stack's header that this module owns; it stands first in the whole. */
struct stack {
	struct stack *next; /* warm: the next of its pool */
	struct stack_size *size;
	struct stack_slab *slab;
	char *low; /* the lowest byte above the guard */
	void *at;  /* bounds.c's, for a moment */
	struct sanitize_stack sanitize;
};

/* Bytes kept free for a header at a stack's top. */
#define STACK_HEADER 320

/* The stacks of one size, and the mappings that they come from. */
struct stack_size {
	struct stack_size *next;
	size_t bytes;       /* of a stack */
	size_t slot;        /* and of its guard with it */
	struct stack *warm; /* last in, first out */
	size_t warm_count;
	size_t in_use;
	struct stack_slab *slabs;
};

/* All stacks of a thread. */
struct stack_pool {
	struct stack_size *sizes;
	size_t limit;       /* of warm stacks of each size */
	size_t page, guard; /* bytes */
	size_t colours;
	bool over; /* some size has more warm stacks than the limit */
	bool guard_by_mprotect;
};

/* room: bytes that a context takes of a stack. */
void stack_pool_init(struct stack_pool *pool, size_t room);

/* Unmaps all stacks, in use or not. */
void stack_pool_finish(struct stack_pool *pool);

/* Bytes of the smallest stack: what coro_stack_min tells. */
size_t stack_least(void);

/*
 * The entry for stacks of that many bytes, 0 for the default: -EINVAL if too small or large,
 * -ENOMEM.
 */
int stack_pool_size(struct stack_pool *pool, size_t bytes, struct stack_size **ret);

/* Takes a warm stack; NULL if there is none. */
static inline struct stack *stack_take_warm(struct stack_size *size)
{
	struct stack *stack = size->warm;
	if (stack) {
		size->warm = stack->next;
		size->warm_count--;
		size->in_use++;
	}
	return stack;
}

/* Takes a cold one, whose header is but zeroes. -ENOMEM. */
int stack_take_cold(struct stack_pool *pool, struct stack_size *size, struct stack **ret);

/*
 * Puts a stack back, warm; the caller may still stand on it. Past the limit another one's memory is
 * given back instead, so that one more than the limit may be warm until stack_pool_settle.
 */
static inline void stack_give(struct stack_pool *pool, struct stack *stack);

/* Puts a stack back, cold; the caller must stand elsewhere. */
void stack_give_cold(struct stack *stack);

/* Gives the memory of warm stacks past the limit back; the caller must stand on none of them. */
void stack_pool_settle(struct stack_pool *pool, size_t limit);

void stack_pool_count(const struct stack_pool *pool, struct coro_pool_stats *ret);

/* Bytes from the lowest page that was touched to the top of the slot. */
size_t stack_used(const struct stack_pool *pool, const struct stack *stack);

/* Calls fn for each stack in use; ends with the first result that is not 0. */
int stack_pool_each(struct stack_pool *pool, int (*fn)(struct stack *stack, void *arg), void *arg);

/* The stack that the address lies on, in use or warm; NULL for none. */
struct stack *stack_pool_at(const struct stack_pool *pool, const void *address);

/* Whether the address lies in any slot, used or not. */
bool stack_pool_covers(const struct stack_pool *pool, const void *address);

/* Whether the address lies in a guard; async-signal-safe in the pool's thread. */
bool stack_pool_guards(const struct stack_pool *pool, const void *address);

/* One past the highest byte that code on the stack may use: where the header begins. */
static inline void *stack_top(struct stack *stack)
{
	return stack;
}

/* The limit is reached. */
void stack_give_over(struct stack_pool *pool, struct stack *stack);

static inline void stack_give(struct stack_pool *pool, struct stack *stack)
{
	struct stack_size *size = stack->size;
	size->in_use--;
	if (__builtin_expect(size->warm_count >= pool->limit, 0)) {
		stack_give_over(pool, stack);
		return;
	}
	stack->next = size->warm;
	size->warm = stack;
	size->warm_count++;
}

#endif
