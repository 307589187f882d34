/* SPDX-License-Identifier: MIT */
/*
 * Stacks: cut from large mappings, each with a guard below, pooled by size.
 *
 *   slot:  [guard][ ............ grows down ............ <-][header][colour]
 *                 ^ low                                                     ^ low + size->bytes
 *
 * The guard is so large that a frame seldom steps over it onto the stack below. It has no memory, and
 * uses page tables that the stack's top needs anyway.
 *
 * The header lies at the stack's top, in the page that is touched anyway. The colour is an offset that
 * differs from slot to slot, so that the tops of many stacks do not compete for one set of the cache.
 *
 * A pooled stack is warm or cold. A warm one has its memory and the content of its header. The memory
 * of a cold one was given back to the system or never used.
 */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include "base/sanitize.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack_size;
struct coro_pool_stats;

/* The part of a stack's header that belongs to this file. struct frame begins with it. */
struct stack {
	struct stack *next; /* warm: the next in the pool */
	struct stack_size *size;
	struct stack_slab *slab;
	char *low; /* the lowest byte above the guard */
	void *at;  /* used by bounds.c */
	struct sanitize_stack sanitize;
};

/* Bytes kept free for a header at a stack's top. */
#define STACK_HEADER 320

/* The stacks of one size, and the mappings that they come from. */
struct stack_size {
	struct stack_size *next;
	size_t bytes;       /* of a stack, without its guard */
	size_t slot;        /* of a stack with its guard */
	struct stack *warm; /* last in, first out */
	size_t warm_count;
	size_t in_use;
	struct stack_slab *slabs;
};

/*
 * A mapping cut into slots. Slots from `fresh` on were never used and have no guard yet. Below that, a
 * bit in `cold` is set for each slot that is free, with its guard in place.
 */
struct stack_slab {
	struct stack_slab *next;
	char *start;
	size_t count, fresh, cold_count;
	uint64_t cold[];
};

/*
 * Colours: the header of slot i lies i * COLOUR_STEP % colours units below the slot's end. So the tops
 * of neighbours differ by 7 cache lines.
 */
enum { COLOUR_UNIT = 64, COLOUR_STEP = 7 };

/* All stacks of a thread. */
struct stack_pool {
	struct stack_size *sizes;
	size_t limit;       /* the most warm stacks of each size */
	size_t page, guard; /* bytes */
	size_t colours;
	bool over; /* some size has more warm stacks than the limit */
	bool guard_by_mprotect;
};

/* Makes an empty pool. room: the bytes of a stack that a context takes. */
void stack_pool_init(struct stack_pool *pool, size_t room);

/* Unmaps all stacks, in use or not. */
void stack_pool_finish(struct stack_pool *pool);

/* The size of the smallest stack allowed: coro_stack_min. */
size_t stack_least(void);

/*
 * Finds or makes the record for stacks of a size; 0 is the default size. Returns 0, -EINVAL if the
 * size is too small or too large, or -ENOMEM.
 */
int stack_pool_size(struct stack_pool *pool, size_t bytes, struct stack_size **ret);

/* Takes a warm stack. NULL if there is none. */
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

/* Takes a cold stack, whose header is all zeroes. Returns 0 or -ENOMEM. */
int stack_take_cold(struct stack_pool *pool, struct stack_size *size, struct stack **ret);

/*
 * Puts a stack back as warm. The caller may still run on it. Beyond the limit the memory of another
 * one is given back, so there may be one more than the limit until stack_pool_settle.
 */
static inline void stack_give(struct stack_pool *pool, struct stack *stack);

/* Puts a stack back as cold. The caller must run on another stack. */
void stack_give_cold(struct stack *stack);

/* Gives back the memory of warm stacks beyond the limit. The caller must run on none of them. */
void stack_pool_settle(struct stack_pool *pool, size_t limit);

void stack_pool_count(const struct stack_pool *pool, struct coro_pool_stats *ret);

/* The bytes from the lowest page that was touched to the top of the slot. */
size_t stack_used(const struct stack_pool *pool, const struct stack *stack);

/* Calls fn for each stack in use. Ends with the first result that is not 0, and returns it. */
int stack_pool_each(struct stack_pool *pool, int (*fn)(struct stack *stack, void *arg), void *arg);

/* The stack that an address lies on, in use or warm. NULL for none. */
struct stack *stack_pool_at(const struct stack_pool *pool, const void *address);

/* Whether an address lies in any slot, used or not. */
bool stack_pool_covers(const struct stack_pool *pool, const void *address);

/* Whether an address lies in a guard. Async-signal-safe in the pool's thread. */
bool stack_pool_guards(const struct stack_pool *pool, const void *address);

/* One past the highest byte that code on the stack may use: where the header begins. */
static inline void *stack_top(struct stack *stack)
{
	return stack;
}

/* stack_give when the limit is reached. */
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
