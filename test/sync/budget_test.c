/* SPDX-License-Identifier: MIT */
/* Budgets: a task that never has to wait lets others run all the same, and loses nothing. */
#include "tasks.h"

enum { MANY = 100000, SOON = 2000 };

static struct coro_channel *channel;
static struct coro_queue *queue;
static int sent;
static bool heard;

static void setup(void)
{
	loop_setup();
	sent = 0;
	heard = false;
	ck_assert_int_eq(coro_channel_create(sizeof(int), MANY, &channel), 0);
	ck_assert_int_eq(coro_queue_create(0, &queue), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(coro_channel_destroy(channel), 0);
	ck_assert_int_eq(coro_queue_destroy(queue), 0);
	loop_teardown();
}

static int send_one(void)
{
	return coro_channel_send(channel, &sent);
}

static int put_one(void)
{
	return coro_queue_put(queue, &sent);
}

static int select_one(void)
{
	struct coro_select_case one = {.channel = channel, .direction = CORO_SEND, .item = &sent};
	int r = coro_select(&one, 1, CORO_FOREVER);
	return r < 0 ? r : one.result;
}

static int (*const ways[])(void) = {send_one, put_one, select_one};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

/* Sends on and on, until another task has run. */
static int feeds(void *way)
{
	while (!heard && sent < MANY) {
		int r = (*(int (*const *)(void))way)();
		if (r < 0)
			return r;
		sent++;
	}
	return 0;
}

static int is_heard(void *arg)
{
	heard = true;
	return 0;
}

START_TEST(a_task_that_feeds_a_line_lets_others_run)
{
	struct coro_future *feeder = spawn(feeds, (void *)&ways[_i]);
	struct coro_future *other = spawn(is_heard, NULL);
	run();
	ck_assert(heard);
	ck_assert_int_lt(sent, SOON);
	assert_ended(feeder, 0);
	assert_ended(other, 0);
}
END_TEST

static int feeds_and_takes(void *arg)
{
	int item;
	while (!heard && sent < MANY) {
		int r = coro_channel_send(channel, &sent);
		if (r == 0)
			r = coro_channel_receive(channel, &item);
		if (r < 0)
			return r;
		sent++;
	}
	return 0;
}

START_TEST(tasks_that_feed_each_other_let_others_run)
{
	struct coro_future *one = spawn(feeds_and_takes, NULL);
	struct coro_future *another = spawn(feeds_and_takes, NULL);
	struct coro_future *other = spawn(is_heard, NULL);
	run();
	ck_assert_int_lt(sent, 2 * SOON);
	assert_ended(one, 0);
	assert_ended(another, 0);
	assert_ended(other, 0);
}
END_TEST

static int cancels(void *task)
{
	ck_assert_int_eq(coro_cancel(task), 1);
	return 0;
}

/* The call that gave way is the one that fails, and its item was not sent. */
START_TEST(a_task_is_cancelled_where_it_lets_others_run)
{
	struct coro_future *feeder = spawn(feeds, (void *)&ways[_i]);
	struct coro_future *other = spawn(cancels, feeder);
	run();
	ck_assert_int_lt(sent, SOON);
	ck_assert_uint_eq(coro_channel_length(channel) + coro_queue_size(queue), sent);
	assert_ended(feeder, -ECANCELED);
	assert_ended(other, 0);
}
END_TEST

static void feeds_in_a_callback(void *way)
{
	for (int i = 0; i < SOON; i++)
		ck_assert_int_eq((*(int (*const *)(void))way)(), 0);
}

START_TEST(a_callback_does_not_give_way)
{
	call_outside_tasks(feeds_in_a_callback, (void *)&ways[_i]);
	ck_assert_uint_eq(coro_channel_length(channel) + coro_queue_size(queue), SOON);
}
END_TEST

static int sends_a_hundred(void *name)
{
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(send_one(), 0);
	trace("%s", (const char *)name);
	coro_task_yield();
	return 0;
}

/* A task does not pay for what others have used: one that sends a hundred does not give way. */
START_TEST(a_task_that_waits_in_between_need_not_give_way)
{
	struct coro_future *tasks[10];
	for (int i = 0; i < 10; i++)
		tasks[i] = spawn(sends_a_hundred, i % 2 ? "b" : "a");
	run();
	ck_assert_trace("a b a b a b a b a b");
	for (int i = 0; i < 10; i++)
		assert_ended(tasks[i], 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, a_task_that_feeds_a_line_lets_others_run, 0, WAYS);
	tcase_add_test(tests, tasks_that_feed_each_other_let_others_run);
	tcase_add_loop_test(tests, a_task_is_cancelled_where_it_lets_others_run, 0, WAYS);
	tcase_add_loop_test(tests, a_callback_does_not_give_way, 0, WAYS);
	tcase_add_test(tests, a_task_that_waits_in_between_need_not_give_way);
}

TEST_MAIN("budget", add_tests)
