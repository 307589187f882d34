/* SPDX-License-Identifier: MIT */
/* One-way switches and what is made of them, beside a bare register switch, swapcontext and _setjmp. */
#include "bare.h"
#include "bench.h"

#include <coro.h>
#include <setjmp.h>
#include <string.h>
#include <ucontext.h>

enum { SWITCHES = 2000000, SLOW_SWITCHES = 200000 };

static char other_stack[256 * 1024] __attribute__((aligned(4096)));

/* -- the baselines */

#if HAVE_BARE
static void *bare_main, *bare_other;

static void bare_body(void)
{
	for (;;)
		bare_switch(&bare_other, bare_main);
}

static double bare(void)
{
	bare_other = bare_make(other_stack + sizeof(other_stack), bare_body);
	double start = bench_now();
	for (int i = 0; i < SWITCHES / 2; i++)
		bare_switch(&bare_main, bare_other);
	return (bench_now() - start) / SWITCHES;
}
#endif

static ucontext_t uc_main, uc_other;

static void uc_body(void)
{
	for (;;)
		swapcontext(&uc_other, &uc_main);
}

static double raw_swapcontext(void)
{
	getcontext(&uc_other);
	uc_other.uc_stack.ss_sp = other_stack;
	uc_other.uc_stack.ss_size = sizeof(other_stack);
	makecontext(&uc_other, uc_body, 0);
	double start = bench_now();
	for (int i = 0; i < SLOW_SWITCHES / 2; i++)
		swapcontext(&uc_main, &uc_other);
	return (bench_now() - start) / SLOW_SWITCHES;
}

static jmp_buf jmp_main, jmp_other;

static __attribute__((noinline)) void jump(jmp_buf from, jmp_buf to)
{
	if (_setjmp(from) == 0)
		_longjmp(to, 1);
}

static void jmp_body(void)
{
	for (;;)
		jump(jmp_other, jmp_main);
}

static double raw_setjmp(void)
{
	getcontext(&uc_other);
	uc_other.uc_stack.ss_sp = other_stack;
	uc_other.uc_stack.ss_size = sizeof(other_stack);
	makecontext(&uc_other, jmp_body, 0);
	if (_setjmp(jmp_main) == 0)
		swapcontext(&uc_main, &uc_other);
	double start = bench_now();
	for (int i = 0; i < SWITCHES / 2; i++)
		jump(jmp_main, jmp_other);
	return (bench_now() - start) / SWITCHES;
}

/* -- the library */

static int yields(void *arg)
{
	int r;
	(void)arg;
	do
		r = coro_yield(NULL, NULL);
	while (r == 0);
	return r;
}

static double resume_yield(void)
{
	struct coro *co;
	coro_create(yields, NULL, &co);
	coro_resume(co, NULL, NULL);
	double start = bench_now();
	for (int i = 0; i < SWITCHES / 2; i++)
		coro_resume(co, NULL, NULL);
	double ns = (bench_now() - start) / SWITCHES;
	coro_destroy(co);
	return ns;
}

static int integers(void *arg)
{
	int r;
	(void)arg;
	for (int64_t i = 0;; i++)
		if ((r = coro_yield(&i, NULL)) < 0)
			return r;
}

static double next_integer(void)
{
	struct coro *co;
	void *item;
	int64_t sum = 0;
	coro_create(integers, NULL, &co);
	coro_next(co, &item);
	double start = bench_now();
	for (int i = 0; i < SWITCHES / 2; i++) {
		coro_next(co, &item);
		sum += *(int64_t *)item;
	}
	double ns = (bench_now() - start) / (SWITCHES / 2);
	coro_destroy(co);
	return sum ? ns : 0;
}

static int through(void *arg)
{
	struct coro *inner;
	long depth = (long)arg;
	int r = depth ? coro_create(through, (void *)(depth - 1), &inner)
		      : coro_create(integers, NULL, &inner);
	if (r == 0)
		r = coro_yield_from(inner, NULL);
	coro_destroy(inner);
	return r;
}

static double next_through(long depth)
{
	struct coro *co;
	void *item;
	coro_create(through, (void *)depth, &co);
	coro_next(co, &item);
	double start = bench_now();
	for (int i = 0; i < SWITCHES / 2; i++)
		coro_next(co, &item);
	double ns = (bench_now() - start) / (SWITCHES / 2);
	coro_destroy(co);
	return ns;
}

static double next_through_1(void)
{
	return next_through(0);
}

static double next_through_1000(void)
{
	return next_through(999);
}

static int empty(void *arg)
{
	(void)arg;
	return 0;
}

static double create_run_destroy(void)
{
	enum { COUNT = 1000000 };
	struct coro *co;
	double start = bench_now();
	for (int i = 0; i < COUNT; i++) {
		coro_create(empty, NULL, &co);
		coro_resume(co, NULL, NULL);
		coro_destroy(co);
	}
	return (bench_now() - start) / COUNT;
}

static __attribute__((noinline)) int plain_call(void *arg)
{
	__asm__ volatile("" : : "r"(arg) : "memory");
	return 0;
}

static double call(void)
{
	double start = bench_now();
	for (int i = 0; i < SWITCHES; i++)
		plain_call(NULL);
	return (bench_now() - start) / SWITCHES;
}

int main(void)
{
	static struct bench table[] = {
#if HAVE_BARE
		{.name = "bare register switch, one way", .run = bare},
#endif
		{.name = "swapcontext, one way", .run = raw_swapcontext},
		{.name = "_setjmp/_longjmp, one way", .run = raw_setjmp},
		{.name = "coro_resume or coro_yield, one way", .run = resume_yield},
		{.name = "coro_next, an integer", .run = next_integer},
		{.name = "coro_next through 1 delegation", .run = next_through_1},
		{.name = "coro_next through 1,000 delegations", .run = next_through_1000},
		{.name = "create, run an empty body, destroy", .run = create_run_destroy},
		{.name = "a plain call", .run = call},
	};
	BENCH(table);
	return 0;
}
