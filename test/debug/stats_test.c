/* SPDX-License-Identifier: MIT */
/* Counts of a loop: each grows by what the test does, and falls when that is over. */
#include "new_fds.h"
#include "task/task.h"
#include "tasks.h"

#include <sys/socket.h>
#include <unistd.h>

static struct coro_stats stats_of(const struct coro_loop *of)
{
	struct coro_stats stats;
	ck_assert_int_eq(coro_loop_stats(of, sizeof(stats), &stats), 0);
	return stats;
}

static int ends(void *arg)
{
	return 0;
}

static int yields(void *times)
{
	for (int i = 0; i < *(int *)times; i++)
		coro_task_yield();
	return 0;
}

static int sleeps(void *arg)
{
	return coro_sleep(1000);
}

START_TEST(tasks_are_counted_from_spawn_to_end)
{
	struct coro_future *tasks[3];
	ck_assert_uint_eq(stats_of(loop).spawned, 0);
	for (int i = 0; i < 3; i++)
		tasks[i] = spawn(ends, NULL);
	struct coro_stats stats = stats_of(loop);
	ck_assert_uint_eq(stats.spawned, 3);
	ck_assert_uint_eq(stats.tasks, 3);
	ck_assert_uint_eq(stats.ready, 3);
	ck_assert_uint_eq(stats.ended, 0);
	ck_assert_uint_eq(stats.stacks, 0);
	turn();
	stats = stats_of(loop);
	ck_assert_uint_eq(stats.spawned, 3);
	ck_assert_uint_eq(stats.ended, 3);
	ck_assert_uint_eq(stats.tasks, 0);
	ck_assert_uint_eq(stats.ready, 0);
	ck_assert_uint_eq(stats.warm, 1);
	for (int i = 0; i < 3; i++)
		assert_ended(tasks[i], 0);
}
END_TEST

START_TEST(a_task_that_ends_without_running_counts)
{
	struct coro_future *task = spawn(ends, NULL);
	cancel(task);
	run();
	struct coro_stats stats = stats_of(loop);
	ck_assert_uint_eq(stats.ended, 1);
	ck_assert_uint_eq(stats.tasks, 0);
	coro_future_unref(task);
}
END_TEST

START_TEST(the_number_of_tasks_has_64_bits)
{
	struct tasks *tasks = tasks_of(sched_of(loop));
	tasks->spawned = UINT32_MAX;
	tasks->ended = UINT32_MAX;
	struct coro_future *task = spawn(ends, NULL);
	ck_assert_uint_eq(stats_of(loop).spawned, UINT64_C(1) << 32);
	ck_assert_uint_eq(stats_of(loop).tasks, 1);
	run();
	ck_assert_uint_eq(stats_of(loop).ended, UINT64_C(1) << 32);
	ck_assert_uint_eq(stats_of(loop).tasks, 0);
	coro_future_unref(task);
}
END_TEST

START_TEST(steps_count_each_run_of_a_task_to_its_next_wait)
{
	int times = 10;
	struct coro_future *task = spawn(yields, &times);
	run();
	ck_assert_uint_eq(stats_of(loop).steps, 11);
	call_outside_tasks(free, NULL);
	ck_assert_uint_eq(stats_of(loop).steps, 12);
	assert_ended(task, 0);
}
END_TEST

START_TEST(timers_count_until_they_are_due)
{
	struct coro_future *task = start(sleeps, NULL);
	ck_assert_uint_eq(stats_of(loop).timers, 1);
	ck_assert_uint_eq(stats_of(loop).stacks, 1);
	run();
	ck_assert_uint_eq(stats_of(loop).timers, 0);
	ck_assert_uint_eq(stats_of(loop).stacks, 0);
	assert_ended(task, 0);
}
END_TEST

static int pair[2];

static int reads(void *arg)
{
	char byte;
	return (int)coro_read(pair[0], &byte, 1);
}

START_TEST(waits_for_fds_and_polls_are_counted)
{
	ck_assert_int_eq(new_socketpair(AF_UNIX, SOCK_STREAM, O_CLOEXEC, pair), 0);
	struct coro_future *task = start(reads, NULL);
	struct coro_stats before = stats_of(loop);
	ck_assert_uint_eq(before.fd_waits, 1);
	ck_assert_int_eq(write(pair[1], "", 1), 1);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 1);
	ck_assert_uint_eq(stats_of(loop).fd_waits, 0);
	ck_assert_uint_gt(stats_of(loop).polls, before.polls);
	coro_future_unref(task);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(memory_grows_with_tasks)
{
	enum { MANY = 1000 };
	static struct coro_future *tasks[MANY];
	struct coro_stats before = stats_of(loop);
	for (int i = 0; i < MANY; i++)
		tasks[i] = spawn(sleeps, NULL);
	turn();
	struct coro_stats stats = stats_of(loop);
	size_t each = sizeof(void *); /* tools have the tasks themselves */
	if (!SANITIZED && !sanitize_watches_memory())
		each += sizeof(struct spawned);
	ck_assert_uint_gt(stats.bytes, before.bytes + MANY * each);
	ck_assert_uint_eq(stats.stacks, MANY);
	ck_assert_uint_gt(stats.stack_bytes, MANY * CORO_STACK_SIZE);
	run();
	for (int i = 0; i < MANY; i++)
		assert_ended(tasks[i], 0);
}
END_TEST

START_TEST(a_program_of_another_version_gets_the_fields_it_knows)
{
	struct {
		struct coro_stats stats;
		size_t later[2];
	} wide;
	memset(&wide, 0xff, sizeof(wide));
	ck_assert_int_eq(coro_loop_stats(loop, 2 * sizeof(uint64_t), &wide.stats), 0);
	ck_assert_uint_eq(wide.stats.ended, 0);
	ck_assert_uint_eq(wide.stats.steps, UINT64_MAX);
	ck_assert_int_eq(coro_loop_stats(loop, sizeof(wide), &wide.stats), 0);
	ck_assert_uint_eq(wide.stats.steps, 0);
	ck_assert_uint_eq(wide.later[0], 0);
	ck_assert_uint_eq(wide.later[1], 0);
}
END_TEST

static void *asks_in_another_thread(void *arg)
{
	struct coro_stats stats;
	*(int *)arg = coro_loop_stats(loop, sizeof(stats), &stats);
	return NULL;
}

START_TEST(what_cannot_be_counted_is_refused)
{
	struct coro_stats stats;
	int r = 0;
	ck_assert_int_eq(coro_loop_stats(NULL, sizeof(stats), &stats), -EINVAL);
	ck_assert_int_eq(coro_loop_stats(loop, 0, &stats), -EINVAL);
	ck_assert_int_eq(coro_loop_stats(loop, sizeof(stats), NULL), -EINVAL);
	in_thread(asks_in_another_thread, &r);
	ck_assert_int_eq(r, -EPERM);
	struct coro_loop *kept = coro_loop_ref(loop);
	loop_teardown();
	ck_assert_int_eq(coro_loop_stats(kept, sizeof(stats), &stats), -EPIPE);
	coro_loop_unref(kept);
	loop_setup();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, tasks_are_counted_from_spawn_to_end);
	tcase_add_test(tests, a_task_that_ends_without_running_counts);
	tcase_add_test(tests, the_number_of_tasks_has_64_bits);
	tcase_add_test(tests, steps_count_each_run_of_a_task_to_its_next_wait);
	tcase_add_test(tests, timers_count_until_they_are_due);
	tcase_add_test(tests, waits_for_fds_and_polls_are_counted);
	tcase_add_test(tests, memory_grows_with_tasks);
	tcase_add_test(tests, a_program_of_another_version_gets_the_fields_it_knows);
	tcase_add_test(tests, what_cannot_be_counted_is_refused);
}

TEST_MAIN("stats", add_tests)
