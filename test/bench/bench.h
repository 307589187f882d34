/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks share. A figure is measured in rounds, beside its baseline in the same round, and
 * printed as median and range of both and of their ratio.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15 };

static inline double bench_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* One thing measured: what it costs, in nanoseconds, once a round. */
struct bench {
	const char *name;
	double (*run)(void); /* ns of one operation */
	double ns[ROUNDS];
	double ratio[ROUNDS]; /* to the first of the table, in the same round */
};

static inline void bench_line(struct bench *bench, int rounds)
{
	qsort(bench->ns, (size_t)rounds, sizeof(double), bench_compare);
	qsort(bench->ratio, (size_t)rounds, sizeof(double), bench_compare);
	printf("%-44s %8.2f (%.2f to %.2f) ns   %6.3f (%.3f to %.3f) of the first\n", bench->name,
	       bench->ns[rounds / 2], bench->ns[0], bench->ns[rounds - 1], bench->ratio[rounds / 2],
	       bench->ratio[0], bench->ratio[rounds - 1]);
}

/* Runs the table round by round; the first is the baseline of all. */
static inline void bench_table(struct bench *table, size_t count, int rounds)
{
	for (int round = 0; round < rounds; round++) {
		for (size_t i = 0; i < count; i++) {
			table[i].ns[round] = table[i].run();
			table[i].ratio[round] = table[i].ns[round] / table[0].ns[round];
		}
	}
	for (size_t i = 0; i < count; i++)
		bench_line(&table[i], rounds);
}

#define BENCH(table) bench_table(table, sizeof(table) / sizeof((table)[0]), ROUNDS)

#endif
