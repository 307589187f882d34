/* SPDX-License-Identifier: MIT */
/*
 * A search for primes in four threads, each with a loop of its own.
 *
 * The first loop hands out blocks of numbers and prints the progress; the other loops search. Two
 * queues between threads carry the blocks there and back. A task that waits at such a queue does
 * not hold up the other tasks of its loop.
 */
#include "talk.h"

enum { THREADS = 4, BLOCKS = 10, NUMBERS = 60 };

struct block {
	int64_t first, last_prime;
	int primes;
	bool searched;
};

static struct coro_thread_queue *todo, *done;
static struct block blocks[BLOCKS];

static bool is_prime(int64_t x)
{
	for (int64_t i = 2; i <= x / i; i++)
		if (x % i == 0)
			return false;
	return x >= 2;
}

static void search_block(struct block *block)
{
	for (int64_t x = block->first; x < block->first + NUMBERS; x++) {
		if (is_prime(x)) {
			block->primes++;
			block->last_prime = x;
		}
	}
}

/* The main task of a searching thread. Ends when the queue is closed and empty. */
static coro_async int worker(void)
{
	void *block;
	int r;
	while ((r = coro_thread_queue_get(todo, &block)) == 0) {
		search_block(block);
		r = coro_thread_queue_put(done, block);
		if (r < 0)
			return r;
	}
	return r == -EPIPE ? 0 : r;
}

/* A task. The queue has room for a few blocks, so this waits for the searchers. */
static coro_async int hand_out(void *arg)
{
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i].first = INT64_C(100000000000) + i * NUMBERS;
		int r = coro_thread_queue_put(todo, &blocks[i]);
		if (r < 0)
			return r;
	}
	return coro_thread_queue_close(todo);
}

/* A task. Blocks come back in any order and are printed in theirs. */
static coro_async int collect(void *arg)
{
	void *item;
	int primes = 0;
	for (int next = 0; next < BLOCKS;) {
		int r = coro_thread_queue_get(done, &item);
		if (r < 0)
			return r;
		((struct block *)item)->searched = true;
		for (; next < BLOCKS && blocks[next].searched; next++) {
			primes += blocks[next].primes;
			printf("%3d %% searched, %2d primes, the last %" PRId64 "\n",
			       (next + 1) * 100 / BLOCKS, primes, blocks[next].last_prime);
		}
	}
	return 0;
}

/* The main task of the first thread. */
static coro_async int manager(void)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_group_spawn(group, hand_out, NULL, NULL);
	if (r == 0)
		r = coro_group_spawn(group, collect, NULL, NULL);
	return coro_group_end(group, r);
}

static coro_async int member(unsigned number, void *arg)
{
	return number == 0 ? manager() : worker();
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	must(coro_thread_queue_create(THREADS, &todo));
	must(coro_thread_queue_create(0, &done));
	must(coro_run_threads(THREADS, member, NULL));
	must(coro_thread_queue_destroy(todo));
	return must(coro_thread_queue_destroy(done));
}
