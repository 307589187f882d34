/* SPDX-License-Identifier: MIT */
/*
 * A task waits with two variables on its stack, of which one was never set. Another task decides by
 * what it reads there: by the first rightly, and by the second not.
 */
#include <coro.h>

#include <stdio.h>

static int *volatile first, *volatile second;

__attribute__((noinline)) static void decide(const int *number)
{
	if (*number)
		puts("yes");
	else
		puts("no");
}

static int owner(void *arg)
{
	int set = 1, unset;
	(void)arg;
	first = &set;
	second = &unset;
	return coro_sleep(CORO_MSEC);
}

__attribute__((noinline)) static void decide_rightly(void)
{
	decide(first);
}

__attribute__((noinline)) static void decide_wrongly(void)
{
	decide(second);
}

static int reader(void *arg)
{
	(void)arg;
	int r = coro_task_yield();
	decide_rightly();
	decide_wrongly();
	return r;
}

static int body(void *arg)
{
	struct coro_future *owning, *reading;
	int r = coro_spawn(owner, arg, &owning);
	if (r == 0)
		r = coro_spawn(reader, arg, &reading);
	if (r < 0)
		return r;
	r = coro_await(reading, NULL);
	if (r == 0)
		r = coro_await(owning, NULL);
	coro_future_unref(owning);
	coro_future_unref(reading);
	return r;
}

int main(void)
{
	return coro_run(body, NULL) < 0;
}
