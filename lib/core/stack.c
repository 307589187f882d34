/* SPDX-License-Identifier: MIT */
#include "core/stack.h"

#include "base/memory.h"
#include "base/system.h"
#include "coro/coroutine.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * The number of stacks in the first mapping of a size, and in the largest. A few tasks do not reserve
 * much, and a million do not need many mappings.
 */
enum { SLAB_FIRST = 16, SLAB_LARGEST = 4096 };

/*
 * The range of colours is what a sleeping task leaves free in its first page, after the context's room
 * and 1 KiB for the body.
 */
enum { COLOURS_MOST = 40, BODY = 1024 };

/* The least bytes of a guard. */
enum { GUARD = 64 * 1024 };

enum { WORD = 64 };

static size_t round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/*
 * Whether the system takes an advice that does not exist, as emulators do that ignore them all. Then
 * it is not to be believed that it has installed a guard.
 */
static bool takes_any_advice(void)
{
	enum { NO_ADVICE = 0x7fff };
	return madvise(NULL, 0, NO_ADVICE) == 0;
}

void stack_pool_init(struct stack_pool *pool, size_t room)
{
	/*
	 * CORO_GUARD=mprotect forces what older kernels need. LeakSanitizer needs it too: it reads
	 * our mappings wherever they are readable, and a page with a mark still counts as that.
	 */
	const char *wanted = getenv("CORO_GUARD");
	*pool = (struct stack_pool){
		.limit = 1024,
		.page = (size_t)sysconf(_SC_PAGESIZE),
		.guard_by_mprotect = sanitize_searches() || takes_any_advice() ||
				     (wanted && strcmp(wanted, "mprotect") == 0),
	};
	pool->guard = round_up(GUARD, pool->page);
	size_t taken = STACK_HEADER + BODY + room;
	pool->colours = taken < pool->page ? (pool->page - taken) / COLOUR_UNIT : 1;
	if (pool->colours > COLOURS_MOST)
		pool->colours = COLOURS_MOST;
	if (pool->colours % COLOUR_STEP == 0)
		pool->colours++; /* otherwise only a seventh of them would be used */
}

size_t stack_least(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t need = system_signal_frame() + 4096 + STACK_HEADER + COLOURS_MOST * COLOUR_UNIT;
	return round_up(need, page);
}

int stack_pool_size(struct stack_pool *pool, size_t bytes, struct stack_size **ret)
{
	if (bytes == 0)
		bytes = CORO_STACK_SIZE;
	if (bytes < stack_least() || bytes > SIZE_MAX / 2)
		return -EINVAL;
	bytes = round_up(bytes, pool->page);
	for (struct stack_size *size = pool->sizes; size; size = size->next) {
		if (size->bytes == bytes) {
			*ret = size;
			return 0;
		}
	}
	struct stack_size *size = memory_alloc(sizeof(*size));
	if (!size)
		return -ENOMEM;
	*size = (struct stack_size){
		.next = pool->sizes, .bytes = bytes, .slot = bytes + pool->guard};
	pool->sizes = size;
	*ret = size;
	return 0;
}

/* -- mappings */

static struct stack_slab *slab_map(struct stack_size *size, size_t count)
{
	size_t words = (count + WORD - 1) / WORD;
	struct stack_slab *slab = memory_alloc(sizeof(*slab) + words * sizeof(slab->cold[0]));
	if (!slab)
		return NULL;
	*slab = (struct stack_slab){.count = count};
	memset(slab->cold, 0, words * sizeof(slab->cold[0]));
	slab->start = mmap(NULL, count * size->slot, system_stack_protection(),
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (slab->start == MAP_FAILED) {
		free(slab);
		return NULL;
	}
	/* Huge pages would give each stack up to 2 MiB of memory. Fails where there are none. */
	madvise(slab->start, count * size->slot, MADV_NOHUGEPAGE);
	sanitize_map(slab->start, count * size->slot);
	return slab;
}

/* Adds a mapping twice as large as the last, or as large as the system allows. */
static int slab_add(struct stack_size *size)
{
	size_t count = size->slabs ? size->slabs->count * 2 : SLAB_FIRST;
	if (count > SLAB_LARGEST)
		count = SLAB_LARGEST;
	for (; count > 0; count /= 2) {
		if (size->slot > SIZE_MAX / 2 / count)
			continue;
		struct stack_slab *slab = slab_map(size, count);
		if (slab) {
			slab->next = size->slabs;
			size->slabs = slab;
			return 0;
		}
	}
	return -ENOMEM;
}

/*
 * Installs a guard: a mark in the page table where the kernel can do that, which costs no mapping.
 * That fails on older kernels and on locked memory; then by mprotect.
 */
static int guard(const struct stack_pool *pool, char *slot)
{
	if (!pool->guard_by_mprotect && madvise(slot, pool->guard, MADV_GUARD_INSTALL) == 0)
		return 0;
	return mprotect(slot, pool->guard, PROT_NONE) == 0 ? 0 : -ENOMEM;
}

static struct stack *header_of(const struct stack_pool *pool, const struct stack_size *size,
			       const struct stack_slab *slab, size_t index)
{
	size_t colour = index * COLOUR_STEP % pool->colours * COLOUR_UNIT;
	return (struct stack *)(slab->start + (index + 1) * size->slot - colour - STACK_HEADER);
}

/* -- the pool */

static void slot_use(const struct stack_pool *pool, struct stack_size *size,
		     struct stack_slab *slab, size_t index, struct stack **ret)
{
	struct stack *stack = header_of(pool, size, slab, index);
	memset(stack, 0, STACK_HEADER);
	stack->size = size;
	stack->slab = slab;
	stack->low = slab->start + index * size->slot + pool->guard;
	sanitize_stack_init(&stack->sanitize, stack->low, (size_t)((char *)stack - stack->low));
	*ret = stack;
}

/* Takes a stack that was in use before. False if there is none. */
static bool take_used(const struct stack_pool *pool, struct stack_size *size, struct stack **ret)
{
	for (struct stack_slab *slab = size->slabs; slab; slab = slab->next) {
		if (slab->cold_count == 0)
			continue;
		size_t word = 0;
		while (slab->cold[word] == 0)
			word++;
		size_t bit = (size_t)__builtin_ctzll(slab->cold[word]);
		slab->cold[word] &= slab->cold[word] - 1;
		slab->cold_count--;
		slot_use(pool, size, slab, word * WORD + bit, ret);
		return true;
	}
	return false;
}

static int take_fresh(const struct stack_pool *pool, struct stack_size *size, struct stack **ret)
{
	if (!size->slabs || size->slabs->fresh == size->slabs->count) {
		int r = slab_add(size);
		if (r < 0)
			return r;
	}
	struct stack_slab *slab = size->slabs;
	int r = guard(pool, slab->start + slab->fresh * size->slot);
	if (r < 0)
		return r;
	slot_use(pool, size, slab, slab->fresh++, ret);
	return 0;
}

/* The number of stacks that ThreadSanitizer knows, in all threads. */
static atomic_int fibers;

int stack_take_cold(struct stack_pool *pool, struct stack_size *size, struct stack **ret)
{
	if (SANITIZE_THREAD && fibers >= SANITIZE_FIBERS_MOST)
		return -ENOMEM;
	if (!take_used(pool, size, ret)) {
		int r = take_fresh(pool, size, ret);
		if (r < 0)
			return r;
	}
	size->in_use++;
	if (SANITIZE_THREAD)
		fibers++;
	return 0;
}

/* Gives the memory back and marks the slot as cold, even if giving back fails. */
static void chill(struct stack *stack)
{
	struct stack_size *size = stack->size;
	struct stack_slab *slab = stack->slab;
	size_t index = (size_t)(stack->low - slab->start) / size->slot;
	sanitize_stack_finish(&stack->sanitize);
	if (SANITIZE_THREAD)
		fibers--;
	madvise(stack->low, size->bytes, MADV_DONTNEED);
	slab->cold[index / WORD] |= UINT64_C(1) << index % WORD;
	slab->cold_count++;
}

void stack_give_over(struct stack_pool *pool, struct stack *stack)
{
	struct stack_size *size = stack->size;
	if (size->warm_count > pool->limit) {
		struct stack *other = size->warm;
		size->warm = other->next;
		size->warm_count--;
		chill(other);
	}
	stack->next = size->warm;
	size->warm = stack;
	if (++size->warm_count > pool->limit)
		pool->over = true;
}

void stack_give_cold(struct stack *stack)
{
	stack->size->in_use--;
	chill(stack);
}

void stack_pool_settle(struct stack_pool *pool, size_t limit)
{
	pool->over = false;
	for (struct stack_size *size = pool->sizes; size; size = size->next) {
		while (size->warm_count > limit) {
			struct stack *stack = size->warm;
			size->warm = stack->next;
			size->warm_count--;
			chill(stack);
		}
	}
}

void stack_pool_finish(struct stack_pool *pool)
{
	stack_pool_settle(pool, 0);
	for (struct stack_size *size = pool->sizes, *next; size; size = next) {
		next = size->next;
		for (struct stack_slab *slab = size->slabs, *after; slab; slab = after) {
			after = slab->next;
			sanitize_unmap(slab->start, slab->count * size->slot);
			munmap(slab->start, slab->count * size->slot);
			free(slab);
		}
		free(size);
	}
	pool->sizes = NULL;
}

/* -- counting and finding stacks */

void stack_pool_count(const struct stack_pool *pool, struct coro_pool_stats *ret)
{
	*ret = (struct coro_pool_stats){0};
	for (struct stack_size *size = pool->sizes; size; size = size->next) {
		ret->in_use += size->in_use;
		ret->warm += size->warm_count;
		for (struct stack_slab *slab = size->slabs; slab; slab = slab->next) {
			ret->cold += slab->count - slab->fresh + slab->cold_count;
			ret->mapped += slab->count * size->slot;
		}
	}
}

size_t stack_used(const struct stack_pool *pool, const struct stack *stack)
{
	enum { MANY = 64 };           /* pages that the kernel is asked about at once */
	unsigned char resident[MANY]; /* macOS: char */
	char *top = stack->low + stack->size->bytes;
	/* Pages are touched from the top down. Only a frame larger than a page leaves gaps. */
	for (char *part = stack->low; part < top; part += MANY * pool->page) {
		size_t length = (size_t)(top - part);
		if (length > MANY * pool->page)
			length = MANY * pool->page;
		if (mincore(part, length, (void *)resident) < 0)
			continue;
		for (size_t i = 0; i * pool->page < length; i++)
			if (resident[i] & 1)
				return (size_t)(top - part) - i * pool->page;
	}
	return 0;
}

static bool is_cold(const struct stack_slab *slab, size_t index)
{
	return index >= slab->fresh || slab->cold[index / WORD] >> index % WORD & 1;
}

/* Marks warm stacks by setting their size to NULL, or removes the marks. */
static void mark_warm(struct stack_pool *pool, bool mark)
{
	for (struct stack_size *size = pool->sizes; size; size = size->next)
		for (struct stack *stack = size->warm; stack; stack = stack->next)
			stack->size = mark ? NULL : size;
}

int stack_pool_each(struct stack_pool *pool, int (*fn)(struct stack *stack, void *arg), void *arg)
{
	int r = 0;
	mark_warm(pool, true);
	for (struct stack_size *size = pool->sizes; size; size = size->next)
		for (struct stack_slab *slab = size->slabs; slab; slab = slab->next)
			for (size_t i = 0; r == 0 && i < slab->fresh; i++) {
				struct stack *stack = header_of(pool, size, slab, i);
				if (!is_cold(slab, i) && stack->size)
					r = fn(stack, arg);
			}
	mark_warm(pool, false);
	return r;
}

/* Finds the slab that an address lies in. False if there is none. */
static bool find_slot(const struct stack_pool *pool, const char *at, const struct stack_size **size,
		      const struct stack_slab **slab)
{
	for (*size = pool->sizes; *size; *size = (*size)->next)
		for (*slab = (*size)->slabs; *slab; *slab = (*slab)->next)
			if (at >= (*slab)->start &&
			    at < (*slab)->start + (*slab)->count * (*size)->slot)
				return true;
	return false;
}

struct stack *stack_pool_at(const struct stack_pool *pool, const void *address)
{
	const struct stack_size *size;
	const struct stack_slab *slab;
	if (!find_slot(pool, address, &size, &slab))
		return NULL;
	size_t index = (size_t)((const char *)address - slab->start) / size->slot;
	return is_cold(slab, index) ? NULL : header_of(pool, size, slab, index);
}

bool stack_pool_covers(const struct stack_pool *pool, const void *address)
{
	const struct stack_size *size;
	const struct stack_slab *slab;
	return find_slot(pool, address, &size, &slab);
}

bool stack_pool_guards(const struct stack_pool *pool, const void *address)
{
	const struct stack_size *size;
	const struct stack_slab *slab;
	return find_slot(pool, address, &size, &slab) &&
	       (size_t)((const char *)address - slab->start) % size->slot < pool->guard;
}
