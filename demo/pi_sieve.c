/* SPDX-License-Identifier: MIT */
/*
 * A prime sieve made from channels: a chain of tasks that grows.
 *
 * The first task counts. Each prime has a task that passes on the numbers which it does not divide.
 * A number that comes out at the end is the next prime.
 */
#include <coro.h>

#include <stdio.h>

enum { PRIMES = 25 };

CORO_CHANNEL(numbers, int);

static struct filter {
	int prime;
	struct coro_channel *in, *out;
} filters[PRIMES + 1];

/* A task. */
static coro_async int count(void *out)
{
	int r = 0;
	for (int n = 2; r == 0; n++)
		r = numbers_send(out, n);
	return r;
}

/* A task for each prime. */
static coro_async int sift(void *arg)
{
	struct filter *filter = arg;
	int n, r;
	while ((r = numbers_receive(filter->in, &n)) == 0)
		if (n % filter->prime != 0 && (r = numbers_send(filter->out, n)) < 0)
			break;
	return r;
}

static coro_async int program(void *arg)
{
	int r = numbers_create(0, &filters[0].in);
	if (r == 0)
		r = coro_spawn(count, filters[0].in, NULL);
	for (struct filter *f = filters; f < filters + PRIMES && r == 0; f++) {
		if ((r = numbers_receive(f->in, &f->prime)) < 0)
			break;
		printf("%d\n", f->prime);
		if ((r = numbers_create(0, &f->out)) == 0)
			r = coro_spawn(sift, f, NULL);
		f[1].in = f->out;
	}
	return r;
}

int main(void)
{
	int r = coro_run(program, NULL); /* cancels the tasks, which are all endless */
	for (int i = 0; i <= PRIMES; i++)
		coro_channel_destroy(filters[i].in);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
