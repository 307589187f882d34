/* SPDX-License-Identifier: MIT */
/*
 * A hop: one item of 8 bytes from one task to another, by channel, select or queue, beside a yield
 * among two tasks, and a bare register switch, in the same round.
 */
#include "bare.h"
#include "bench.h"

#include <coro.h>

enum { HOPS = 1000000 };

static double per_hop; /* ns, printed by the program that was run */

/* The time that n hops take, in a loop of their own. */
static double measure(coro_fn *program)
{
	if (coro_run(program, NULL) < 0)
		exit(1);
	return per_hop;
}

/* -- the baselines */

static int yields(void *arg)
{
	int r = 0;
	for (int i = 0; i < HOPS / 2 && r == 0; i++)
		r = coro_task_yield();
	return r;
}

static int two_yield(void *arg)
{
	int r = coro_spawn(yields, NULL, NULL);
	double start = bench_now();
	if (r == 0)
		r = yields(NULL);
	per_hop = (bench_now() - start) / HOPS;
	return r;
}

static double yield(void)
{
	return measure(two_yield);
}

#if HAVE_BARE
static void *bare_main, *bare_other;
static char other_stack[64 * 1024] __attribute__((aligned(4096)));

static void bare_body(void)
{
	for (;;)
		bare_switch(&bare_other, bare_main);
}

static double bare(void)
{
	bare_other = bare_make(other_stack + sizeof(other_stack), bare_body);
	double start = bench_now();
	for (int i = 0; i < HOPS / 2; i++)
		bare_switch(&bare_main, bare_other);
	return (bench_now() - start) / HOPS;
}
#endif

/* -- one way */

static struct coro_channel *channel, *back;

static int sends(void *arg)
{
	int r = 0;
	for (int64_t i = 0; i < HOPS && r == 0; i++)
		r = coro_channel_send(channel, &i);
	return r < 0 ? r : coro_channel_close(channel);
}

static int receives(void *arg)
{
	int64_t item, sum = 0;
	while (coro_channel_receive(channel, &item) == 0)
		sum += item;
	return sum == (int64_t)HOPS * (HOPS - 1) / 2 ? 0 : -1;
}

static int flow(size_t capacity)
{
	int r = coro_channel_create(sizeof(int64_t), capacity, &channel);
	if (r == 0)
		r = coro_spawn(sends, NULL, NULL);
	double start = bench_now();
	if (r == 0)
		r = receives(NULL);
	per_hop = (bench_now() - start) / HOPS;
	return r < 0 ? r : coro_channel_destroy(channel);
}

static int flow_0(void *arg)
{
	return flow(0);
}

static int flow_1(void *arg)
{
	return flow(1);
}

static int flow_64(void *arg)
{
	return flow(64);
}

static double unbuffered(void)
{
	return measure(flow_0);
}

static double buffered_1(void)
{
	return measure(flow_1);
}

static double buffered_64(void)
{
	return measure(flow_64);
}

/* -- there and back */

static int echoes(void *arg)
{
	int64_t item;
	while (coro_channel_receive(channel, &item) == 0)
		coro_channel_send(back, &item);
	return 0;
}

static int plays(int (*receive)(int64_t *item))
{
	int r = coro_channel_create(sizeof(int64_t), 0, &channel);
	if (r == 0)
		r = coro_channel_create(sizeof(int64_t), 0, &back);
	if (r == 0)
		r = coro_spawn(echoes, NULL, NULL);
	double start = bench_now();
	for (int64_t i = 0; i < HOPS / 2 && r == 0; i++) {
		int64_t item = -1;
		r = coro_channel_send(channel, &i);
		if (r == 0)
			r = receive(&item);
		if (item != i)
			r = -1;
	}
	per_hop = (bench_now() - start) / HOPS;
	coro_channel_close(channel);
	coro_task_yield();
	coro_channel_destroy(channel);
	coro_channel_destroy(back);
	return r;
}

static int by_receive(int64_t *item)
{
	return coro_channel_receive(back, item);
}

/* Two ways back, of which one is not used. */
static int by_select(int64_t *item)
{
	static struct coro_channel *quit;
	if (!quit)
		coro_channel_create(0, 0, &quit);
	struct coro_select_case cases[] = {
		{.channel = back, .item = item},
		{.channel = quit},
	};
	return coro_select(cases, 2, CORO_FOREVER);
}

static int by_deadline(int64_t *item)
{
	struct coro_select_case cases[] = {{.channel = back, .item = item}};
	return coro_select(cases, 1, CORO_SEC);
}

static int play_receive(void *arg)
{
	return plays(by_receive);
}

static int play_select(void *arg)
{
	return plays(by_select);
}

static int play_deadline(void *arg)
{
	return plays(by_deadline);
}

static double there_and_back(void)
{
	return measure(play_receive);
}

static double selected(void)
{
	return measure(play_select);
}

static double with_deadline(void)
{
	return measure(play_deadline);
}

/* -- a queue, which is asyncio's */

static struct coro_queue *queue;

static int puts_in(void *arg)
{
	int r = 0;
	for (long i = 0; i < HOPS && r == 0; i++)
		r = coro_queue_put(queue, NULL);
	return r;
}

static int takes_out(void *arg)
{
	void *item;
	int r = coro_queue_create(1, &queue);
	if (r == 0)
		r = coro_spawn(puts_in, NULL, NULL);
	double start = bench_now();
	for (long i = 0; i < HOPS && r == 0; i++)
		r = coro_queue_get(queue, &item);
	per_hop = (bench_now() - start) / HOPS;
	coro_task_yield();
	return r < 0 ? r : coro_queue_destroy(queue);
}

static double queued(void)
{
	return measure(takes_out);
}

int main(void)
{
	static struct bench table[] = {
		{.name = "yield, 2 tasks", .run = yield},
#if HAVE_BARE
		{.name = "bare register switch", .run = bare},
#endif
		{.name = "channel, unbuffered, one way", .run = unbuffered},
		{.name = "channel, unbuffered, there and back", .run = there_and_back},
		{.name = "channel of 1, one way", .run = buffered_1},
		{.name = "channel of 64, one way", .run = buffered_64},
		{.name = "there by send, back by a select of 2", .run = selected},
		{.name = "there by send, back by a timed select", .run = with_deadline},
		{.name = "queue of 1, one way", .run = queued},
	};
	BENCH(table);
	return 0;
}
