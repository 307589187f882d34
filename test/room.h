/* SPDX-License-Identifier: MIT */
/*
 * Room in the ready queue and among the timers is reserved before it is needed, and given back. After a
 * program as much is reserved as before it, whether it went well, was cancelled, or found no memory.
 */
#ifndef TEST_ROOM_H
#define TEST_ROOM_H

#include "loop/loop.h"

#include "tasks.h"

struct room {
	size_t ready, timers;
};

static inline struct room reserved(void)
{
	const struct sched *sched = sched_of(loop);
	return (struct room){sched->ready.reserved, sched->timers.reserved};
}

/* Whether what is reserved is there. */
static inline void assert_room(void)
{
	const struct sched *sched = sched_of(loop);
	ck_assert_uint_le(sched->ready.reserved + ring_count(&sched->ready), sched->ready.mask + 1);
	ck_assert_uint_le(sched->timers.reserved, sched->timers.capacity);
	ck_assert_uint_le(sched->timers.count, sched->timers.reserved);
}

/* Runs a program as a task until all is over; cancels it after so many turns, below 0 not at all. */
static inline int run_program(coro_fn *fn, int cancelled_after)
{
	struct coro_future *task;
	int r = coro_loop_spawn(loop, NULL, fn, NULL, &task);
	if (r < 0)
		return r;
	for (int i = 0; i < cancelled_after; i++) {
		coro_loop_stop(loop);
		if (coro_run_forever(loop) < 0)
			abort();
	}
	if (cancelled_after >= 0)
		coro_cancel(task);
	r = coro_run_until_complete(loop, task, NULL);
	coro_future_unref(task);
	coro_run_forever(loop);
	return r;
}

#define assert_reserved(before, ...)                                                          \
	do {                                                                                  \
		struct room now_ = reserved();                                                \
		ck_assert_msg(now_.ready == (before).ready && now_.timers == (before).timers, \
			      __VA_ARGS__);                                                   \
		assert_room();                                                                \
	} while (0)

/* Runs a program, which returns 0, to its end, and cancels it after each of its turns. */
static inline void assert_gives_back(const char *name, coro_fn *fn)
{
	ck_assert_int_eq(run_program(fn, -1), 0); /* some of it lasts */
	struct room before = reserved();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(run_program(fn, -1), 0);
		assert_reserved(before, "%s", name);
	}
	for (int turns = 0; turns < 30; turns++) {
		int r = run_program(fn, turns);
		ck_assert_msg(r == 0 || r == -ECANCELED, "%s: %d", name, r);
		assert_reserved(before, "%s, cancelled after %d turns", name, turns);
	}
}

/*
 * Runs it with each of its allocations failing in turn, each time in a new loop, where nothing is there
 * yet that could be used again.
 */
static inline void assert_gives_back_without_memory(const char *name, coro_fn *fn)
{
	bool failed = true;
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	ck_assert_int_eq(run_program(fn, -1), 0);
	struct room lasts = reserved();
	for (unsigned long n = 1; failed; n++) {
		loop_teardown();
		loop_setup();
		fail_nth(n);
		int r = run_program(fn, -1);
		failed = fail_off();
		ck_assert_msg(r == 0 || (failed && r == -ENOMEM), "%s %lu: %d", name, n, r);
		ck_assert_int_eq(run_program(fn, -1), 0);
		assert_reserved(lasts, "%s, without allocation %lu", name, n);
	}
}

/* -- without room */

/* Reserves what is there, but for so many tasks. Returns for how many it has. */
static inline size_t take_room(size_t spare)
{
	struct sched *sched = sched_of(loop);
	size_t tasks = 0;
	for (; sched_has_room(sched); tasks++)
		sched_reserve_in_room(sched);
	size_t left = spare < tasks ? spare : tasks;
	sched_release(sched, left, 0);
	return tasks - left;
}

struct without_room {
	coro_fn *call;
	int (*before)(void); /* around each attempt; or NULL */
	void (*after)(void);
	int failures;
};

/* Makes a call with room for so many tasks, and with each of its allocations failing in turn. */
static inline int make_in_room_for(struct without_room *this, size_t spare)
{
	bool failed = true;
	for (unsigned long n = 1; failed; n++) {
		if (this->before && this->before() < 0)
			return -EIO;
		size_t taken = take_room(spare);
		fail_nth(n);
		int r = this->call(NULL);
		failed = fail_off();
		sched_release(sched_of(loop), taken, 0);
		if (this->after)
			this->after();
		if (r != 0 && r != -ENOMEM)
			return r;
		this->failures += r < 0;
	}
	return 0;
}

/*
 * In a task: makes a call without room, or with too little. It returns 0, or -ENOMEM and has done
 * nothing. Returns 0, the call's other error, or -EIO if it did not fail.
 */
static inline int fail_without_room(coro_fn *call, int (*before)(void), void (*after)(void))
{
	struct without_room this = {call, before, after, 0};
	int r = 0;
	for (size_t spare = 0; spare < 3 && r == 0; spare++)
		r = make_in_room_for(&this, spare);
	return r == 0 && this.failures == 0 ? -EIO : r;
}

#endif
