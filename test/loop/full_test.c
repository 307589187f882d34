/* SPDX-License-Identifier: MIT */
/*
 * Calls of a loop that has no room left, neither in its ready queue nor among its timers, and that gets no
 * memory for more: each fails, has done nothing, and is made again when there is memory.
 */
#include "room.h"

#include "coro/group.h"

static struct coro_future *pending;
static struct coro_future *due; /* done in the next turn */
static struct coro_group *group;

static int ends(void *arg)
{
	return 0;
}

static void nothing(void *arg)
{
}

/* ---- calls, whose result is 0 or an error ---- */

static int waits_in_time(void *arg)
{
	int r = coro_wait(&pending, 1, CORO_ALL_COMPLETED, 5);
	return r < 0 ? r : 0;
}

static int shields(void *arg)
{
	return coro_shield(due, NULL);
}

static int waits_for_no_time(void *arg)
{
	struct coro_future *future;
	int r = coro_future_create(loop, &future);
	if (r < 0)
		return r;
	r = coro_wait_for(future, 0, NULL);
	coro_future_unref(future);
	return r == -ETIMEDOUT ? 0 : r;
}

static int within_no_time(void *arg)
{
	int r = coro_within(0, ends, NULL);
	return r == -ETIMEDOUT ? 0 : r;
}

static int calls_soon(void *arg)
{
	return coro_call_soon(loop, nothing, NULL, NULL);
}

static int calls_later(void *arg)
{
	return coro_call_later(loop, 1, nothing, NULL, NULL);
}

static int calls_at(void *arg)
{
	return coro_call_at(loop, 1, nothing, NULL, NULL);
}

static int spawns(void *arg)
{
	return coro_spawn(ends, NULL, NULL);
}

static int spawns_in_a_group(void *arg)
{
	return coro_group_spawn(group, ends, NULL, NULL);
}

static int spawns_in_a_group_with_options(void *arg)
{
	const struct coro_options options = {.name = "member"};
	return coro_group_spawn_with(group, &options, ends, NULL, NULL);
}

static int begins_a_timeout(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 5);
	return r < 0 ? r : coro_timeout_end(&timeout, 0);
}

/* A request that came before waits outside of the shield. */
static int shields_while_cancelled(void *arg)
{
	struct coro_shield_scope scope;
	struct coro_future *self = coro_current_task();
	coro_cancel(self);
	int r = coro_shield_begin(&scope, CORO_FOREVER);
	if (r == 0)
		r = coro_shield_end(&scope, 0);
	int cancelled = coro_task_yield();
	coro_task_uncancel(self);
	return cancelled == -ECANCELED ? r : -EIO;
}

static coro_fn *const calls[] = {shields_while_cancelled,
				 waits_in_time,
				 shields,

				 waits_for_no_time,
				 within_no_time,
				 calls_soon,
				 calls_later,
				 calls_at,
				 spawns,
				 spawns_in_a_group,
				 spawns_in_a_group_with_options,
				 begins_a_timeout};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

/* ---- the limit ---- */

static void set_due(void *future)
{
	coro_future_set_result(future, NULL);
	coro_future_unref(future);
}

static int make_due(void)
{
	int r = coro_future_create(loop, &due);
	return r < 0 ? r : coro_call_soon(loop, set_due, coro_future_ref(due), NULL);
}

static void drop_due(void)
{
	coro_future_unref(due);
}

static int makes_when_due(void *arg)
{
	coro_fn *call = *(coro_fn **)arg;
	return fail_without_room(call, make_due, drop_due);
}

static int with_a_group(void *arg)
{
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_future_create(loop, &pending);
	if (r == 0) {
		r = makes_when_due(arg);
		coro_future_set_result(pending, NULL);
		coro_future_unref(pending);
	}
	return coro_group_end(group, r);
}

START_TEST(call_that_finds_no_room_fails)
{
	coro_fn *call = calls[_i % CALLS];
	coro_loop_set_debug(loop, _i >= CALLS);
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	ck_assert_int_eq(result_of(with_a_group, &call), 0);
	run();
	struct room before = reserved();
	ck_assert_int_eq(result_of(with_a_group, &call), 0);
	run();
	assert_reserved(before, "call %d", _i);
}
END_TEST

/* ---- from outside of the loop ---- */

START_TEST(run_that_finds_no_room_fails)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct coro_future *task = spawn(ends, NULL);
	size_t taken = take_room(0);
	fail_nth(1);
	int r = coro_run_until_complete(loop, task, NULL);
	ck_assert(fail_off());
	sched_release(sched_of(loop), taken, 0);
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_loop_test(tests, call_that_finds_no_room_fails, 0, 2 * CALLS);
	tcase_add_test(tests, run_that_finds_no_room_fails);
}

TEST_MAIN("full", add)
