/* SPDX-License-Identifier: MIT */
#include "coro/stats.h"

#include "core/fail.h"
#include "loop/loop.h"

#include <errno.h>
#include <string.h>

static size_t slab_bytes(const struct slab *slab)
{
	size_t bytes = 0;
	for (const struct slab_chunk *chunk = slab->chunks; chunk; chunk = chunk->next)
		bytes += SLAB_CHUNK;
	return bytes;
}

static size_t loop_bytes(const struct coro_loop *loop)
{
	const struct tasks *tasks = &loop->tasks;
	const struct sched *sched = &tasks->sched;
	return sizeof(*loop) + slab_bytes(&tasks->slab) + slab_bytes(&tasks->futures_slab) +
	       slab_bytes(&loop->handles_slab) + (sched->ready.mask + 1) * sizeof(void *) +
	       sched->timers.capacity * sizeof(struct heap_entry);
}

static void count(const struct coro_loop *loop, struct coro_stats *stats)
{
	const struct tasks *tasks = &loop->tasks;
	const struct sched *sched = &tasks->sched;
	struct coro_pool_stats pool;
	stack_pool_count(&sched->thread->stacks, &pool);
	/* The number of the newest task has 32 bits, so what it counts is found by the ended. */
	size_t alive = (uint32_t)(tasks->spawned - (uint32_t)tasks->ended);
	*stats = (struct coro_stats){
		.spawned = tasks->ended + alive,
		.ended = tasks->ended,
		.steps = sched->ready.head,
		.polls = sched->polls,
		.tasks = alive,
		.ready = ring_count(&sched->ready),
		.timers = sched->timers.count,
		.fd_waits = sched->watching,
		.bytes = loop_bytes(loop),
		.stacks = pool.in_use,
		.warm = pool.warm,
		.cold = pool.cold,
		.stack_bytes = pool.mapped,
	};
}

int coro_loop_stats(const struct coro_loop *loop, size_t size, struct coro_stats *ret)
{
	struct coro_stats stats;
	int r = sched_check(sched_of(loop));
	if (r < 0)
		return r;
	if (size == 0 || !ret)
		return fail_with(-EINVAL, "coro_loop_stats: size is 0, or ret is NULL");
	count(loop, &stats);
	memset(ret, 0, size);
	memcpy(ret, &stats, size < sizeof(stats) ? size : sizeof(stats));
	return 0;
}
