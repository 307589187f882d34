/* SPDX-License-Identifier: MIT */
/* Gathering: the results of all, or the first failure. */
#include "task/children.h"

/* ---- children ---- */

/* Tasks that gather all children; they say when they are over. */
static int gathers(void *arg)
{
	mark_results();
	int r = coro_gather(children, count, results);
	trace("%d%s", (int)coro_loop_time(loop), r < 0 ? coro_message(r) : "");
	ck_assert(r == 0 || results_untouched());
	return r;
}

static int gathers_all(void *arg)
{
	mark_results();
	int r = coro_gather_all(children, count, results);
	trace("%d%s", (int)coro_loop_time(loop), r < 0 ? coro_message(r) : "");
	ck_assert(r == 0 || results_untouched());
	return r;
}

static void assert_result(size_t i, int status, void *value)
{
	ck_assert_int_eq(results[i].status, status);
	ck_assert_ptr_eq(results[i].value, value);
}

/* ---- gather ---- */

static int gathers_nothing(void *arg)
{
	mark_results();
	ck_assert_int_eq(coro_gather(NULL, 0, NULL), 0);
	ck_assert_int_eq(coro_gather(children, 0, results), 0);
	ck_assert_int_eq(coro_gather_all(NULL, 0, NULL), 0);
	ck_assert(results_untouched());
	trace("none");
	return 0;
}

START_TEST(nothing_is_gathered_at_once)
{
	struct coro_future *task = spawn(gathers_nothing, NULL);
	coro_future_unref(spawn(says, "other"));
	run();
	ck_assert_trace("none other");
	assert_ended(task, 0);
}
END_TEST

START_TEST(results_come_in_the_order_of_the_arguments)
{
	spawn_children({.sleeps = 3, .status = 1, .value = &values[0]}, {.sleeps = 1},
		       {.sleeps = 2, .status = 5}, {.sleeps = 0, .value = &values[3]});
	struct coro_future *task = spawn(gathers, NULL);
	run();
	ck_assert_trace("3");
	assert_ended(task, 0);
	assert_result(0, 1, &values[0]);
	assert_result(1, 0, NULL);
	assert_result(2, 5, NULL);
	assert_result(3, 0, &values[3]);
	ck_assert_int_eq(results[4].status, 77);
	drop_children();
}
END_TEST

static int gathers_without_results(void *arg)
{
	int r = coro_gather(children, count, NULL);
	return r < 0 ? r : coro_gather_all(children, count, NULL);
}

START_TEST(results_need_not_be_wanted)
{
	spawn_children({.sleeps = 3}, {.sleeps = 1});
	ck_assert_int_eq(result_of(gathers_without_results, NULL), 0);
	assert_time(3);
	drop_children();
}
END_TEST

START_TEST(futures_that_are_done_are_gathered_too)
{
	make_futures(3);
	set(children[0], &values[0]);
	set(children[2], &values[2]);
	struct coro_future *task = start(gathers, NULL);
	set(children[1], &values[1]);
	run();
	assert_ended(task, 0);
	for (size_t i = 0; i < 3; i++)
		assert_result(i, 0, &values[i]);

	/* All of them. */
	ck_assert_int_eq(result_of(gathers, NULL), 0);
	assert_result(1, 0, &values[1]);
	ck_assert_trace("0 0");
	drop_children();
}
END_TEST

static int gathers_what_is_done(void *arg)
{
	int r = coro_gather(children, count, results);
	trace("gathered");
	return r;
}

START_TEST(gather_of_what_is_done_lets_nobody_run)
{
	make_futures(2);
	set(children[0], &values[0]);
	set(children[1], &values[1]);
	struct coro_future *task = spawn(gathers_what_is_done, NULL);
	ck_assert_int_eq(coro_call_soon(loop, trace_word, "other", NULL), 0);
	run();
	ck_assert_trace("gathered other");
	assert_ended(task, 0);
	drop_children();
}
END_TEST

START_TEST(gather_with_one_that_has_failed_lets_nobody_run)
{
	make_futures(2);
	ck_assert_int_eq(coro_future_set_error(children[1], -EIO), 0);
	struct coro_future *task = spawn(gathers_what_is_done, NULL);
	ck_assert_int_eq(coro_call_soon(loop, trace_word, "other", NULL), 0);
	run();
	ck_assert_trace("gathered other");
	assert_ended(task, -EIO);
	drop_children();
}
END_TEST

START_TEST(one_that_is_named_twice_has_its_result_twice)
{
	make_futures(2);
	struct coro_future *one = children[0], *two = children[1];
	struct coro_future *named[] = {one, two, one, one, two};
	memcpy(children, named, sizeof(named));
	count = 5;
	struct coro_future *task = start(gathers, NULL);
	set(one, &values[1]);
	turn();
	turn();
	ck_assert(!coro_future_done(task));
	set(two, &values[2]);
	run();
	assert_ended(task, 0);
	for (size_t i = 0; i < 5; i++)
		assert_result(i, 0, &values[named[i] == one ? 1 : 2]);
	coro_future_unref(one);
	coro_future_unref(two);
}
END_TEST

START_TEST(any_number_can_be_gathered)
{
	static const size_t counts[] = {1, 15, 16, 17, 200};
	for (size_t n = 0; n < sizeof(counts) / sizeof(*counts); n++) {
		make_futures(counts[n]);
		struct coro_future *task = start(gathers, NULL);
		for (size_t i = count; i-- > 0;) {
			ck_assert(!coro_future_done(task));
			set(children[i], &values[i]);
			turn();
		}
		run();
		assert_ended(task, 0);
		for (size_t i = 0; i < count; i++)
			assert_result(i, 0, &values[i]);
		drop_children();
	}
}
END_TEST

START_TEST(first_failure_comes_at_once_and_the_others_go_on)
{
	spawn_children({.sleeps = 1}, {.sleeps = 2, .status = -EIO},
		       {.sleeps = 3, .status = -ENOENT}, {.sleeps = 4, .value = &values[3]});
	struct coro_future *task = spawn(gathers, NULL);
	run();
	ck_assert_trace("2after 2");
	ck_assert_str_eq(coro_future_message(task), "after 2");
	assert_ended(task, -EIO);
	assert_time(4);
	assert_child(2, -ENOENT);
	assert_child(3, 0);
	drop_children();
}
END_TEST

START_TEST(failure_that_is_there_already_comes_all_the_same)
{
	make_futures(3);
	ck_assert_int_eq(coro_future_set_error(children[1], coro_raise(-EIO, "torn")), 0);
	ck_assert_int_eq(coro_future_set_error(children[2], -ENOENT), 0);
	ck_assert_int_eq(result_of(gathers, NULL), -EIO);
	ck_assert_trace("0torn");
	ck_assert(!coro_future_done(children[0]));
	drop_children();
}
END_TEST

START_TEST(failures_may_be_results_like_any_other)
{
	spawn_children({.sleeps = 1, .status = -EIO}, {.sleeps = 2, .value = &values[1]},
		       {.sleeps = 0, .status = -ECANCELED},
		       {.sleeps = 3, .status = CORO_USER_ERROR});
	struct coro_future *task = spawn(gathers_all, NULL);
	run();
	ck_assert_trace("3");
	assert_ended(task, 0);
	assert_result(0, -EIO, NULL);
	assert_result(1, 0, &values[1]);
	assert_result(2, -ECANCELED, NULL);
	assert_result(3, CORO_USER_ERROR, NULL);
	drop_children();
}
END_TEST

START_TEST(cancelled_child_cancels_neither_gatherer_nor_the_others)
{
	spawn_children({.sleeps = 5}, {.sleeps = 5, .value = &values[1]});
	struct coro_future *task = start(gathers, NULL), *both = start(gathers_all, NULL);
	cancel(children[0]);
	run();
	ck_assert_int_eq(coro_task_cancelling(task), 0);
	assert_ended(task, -ECANCELED);
	assert_ended(both, 0);
	assert_result(0, -ECANCELED, NULL);
	assert_result(1, 0, &values[1]);
	assert_time(5);
	drop_children();
}
END_TEST

START_TEST(who_is_cancelled_cancels_all_that_are_not_done)
{
	spawn_children({.sleeps = 5}, {.sleeps = 1}, {.sleeps = 5});
	children[count++] = make_future();
	struct coro_future *task = start(gathers, NULL);
	at(2, cancel_it, task);
	run();
	assert_time(2);
	ck_assert_int_eq(coro_task_cancelling(task), 1);
	assert_ended(task, -ECANCELED);
	assert_child(0, -ECANCELED);
	assert_child(1, 0);
	assert_child(2, -ECANCELED);
	assert_child(3, -ECANCELED);
	drop_children();
}
END_TEST

START_TEST(who_is_cancelled_waits_for_the_first_to_end_or_for_all)
{
	spawn_children({.sleeps = 50, .cleanup = 9}, {.sleeps = 50, .cleanup = 3});
	struct coro_future *first = start(gathers, NULL);
	at(1, cancel_it, first);
	run();
	assert_ended(first, -ECANCELED);
	drop_children();

	spawn_children({.sleeps = 50, .cleanup = 9}, {.sleeps = 50, .cleanup = 3});
	struct coro_future *all = start(gathers_all, NULL);
	at(11, cancel_it, all);
	run();
	assert_ended(all, -ECANCELED);
	drop_children();

	char expected[128];
	snprintf(expected, sizeof(expected), "4%s 20%s", coro_strerror(-ECANCELED),
		 coro_strerror(-ECANCELED));
	ck_assert_trace(expected);
}
END_TEST

START_TEST(cancellation_arrives_though_the_children_make_light_of_it)
{
	spawn_children({.sleeps = 5, .refuses = true},
		       {.sleeps = 5, .refuses = true, .cleanup = 1});
	struct coro_future *one = start(gathers, NULL), *all = start(gathers_all, NULL);
	cancel(one);
	cancel(all);
	run();
	assert_ended(one, -ECANCELED);
	assert_ended(all, -ECANCELED);
	assert_child(0, 0);
	assert_child(1, 0);
	drop_children();
}
END_TEST

START_TEST(who_is_cancelled_when_all_are_done_is_cancelled)
{
	/* Before the loop has told it, and after. */
	for (int turns = 0; turns < 2; turns++) {
		make_futures(2);
		struct coro_future *task = start(gathers, NULL);
		set(children[0], NULL);
		set(children[1], NULL);
		for (int i = 0; i < turns; i++)
			turn();
		ck_assert(!coro_future_done(task));
		cancel(task);
		run();
		assert_ended(task, -ECANCELED);
		assert_child(0, 0);
		drop_children();
	}
}
END_TEST

START_TEST(who_is_cancelled_as_a_child_fails_is_cancelled)
{
	make_futures(2);
	struct coro_future *task = start(gathers, NULL);
	ck_assert_int_eq(coro_future_set_error(children[0], -EIO), 0);
	turn();
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
	ck_assert(!coro_future_done(children[1])); /* the gathering was over */
	drop_children();
}
END_TEST

START_TEST(cancellation_from_before_arrives_where_it_gathers)
{
	make_futures(2);
	ck_assert_int_eq(result_of(is_cancelled_before, (void *)(intptr_t)gathers), -ECANCELED);
	assert_child(0, -ECANCELED);
	assert_child(1, -ECANCELED);
	drop_children();
}
END_TEST

START_TEST(cancellation_from_before_arrives_though_all_that_is_gathered_is_done)
{
	make_futures(2);
	set(children[0], NULL);
	set(children[1], NULL);
	ck_assert_int_eq(result_of(is_cancelled_before, (void *)(intptr_t)gathers), -ECANCELED);
	assert_child(0, 0);
	assert_child(1, 0);
	drop_children();
}
END_TEST

/* Gathers two children, each of which gathers two, and so on down to futures. */
static struct coro_future *leaves[8];
static int leaf_count, ended_count;

static int gathers_two(void *level)
{
	struct coro_future *two[2];
	struct coro_result both[2];
	int depth = (int)(intptr_t)level;
	for (int i = 0; i < 2; i++) {
		if (depth == 1)
			two[i] = coro_future_ref(leaves[leaf_count++]);
		else
			ck_assert_int_eq(
				coro_spawn(gathers_two, (void *)(intptr_t)(depth - 1), &two[i]), 0);
	}
	int r = coro_gather_all(two, 2, both);
	coro_future_unref(two[0]);
	coro_future_unref(two[1]);
	ended_count++;
	return r;
}

START_TEST(cancellation_goes_down_to_the_leaves_and_up_again)
{
	for (int i = 0; i < 8; i++)
		leaves[i] = make_future();
	struct coro_future *task = spawn(gathers_two, (void *)3);
	run();
	ck_assert_int_eq(leaf_count, 8);
	cancel(task);
	for (int i = 0; i < 8; i++)
		ck_assert(coro_future_cancelled(leaves[i]));
	run();
	ck_assert_int_eq(ended_count, 7);
	assert_ended(task, -ECANCELED);
	for (int i = 0; i < 8; i++)
		coro_future_unref(leaves[i]);
}
END_TEST

static size_t links;

static int link_of_gathers(void *arg)
{
	struct coro_options smallest = {.stack_size = coro_stack_min()};
	struct coro_future *next;
	if (--links == 0)
		return coro_gather(children, 1, NULL);
	ck_assert_int_eq(coro_loop_spawn(loop, &smallest, link_of_gathers, NULL, &next), 0);
	int r = coro_gather(&next, 1, NULL);
	coro_future_unref(next);
	return r;
}

static int cancels_task(void *task)
{
	cancel(task);
	return 0;
}

START_TEST(cancel_goes_down_a_long_chain_of_gathers_on_a_small_stack)
{
	struct coro_options smallest = {.stack_size = coro_stack_min()};
	struct coro_future *top, *canceller;
	make_futures(1);
	links = (size_t)many(10000, 500);
	ck_assert_int_eq(coro_loop_spawn(loop, &smallest, link_of_gathers, NULL, &top), 0);
	run();
	ck_assert_uint_eq(links, 0);
	ck_assert_int_eq(coro_loop_spawn(loop, &smallest, cancels_task, top, &canceller), 0);
	run();
	assert_ended(canceller, 0);
	assert_ended(top, -ECANCELED);
	assert_child(0, -ECANCELED);
	drop_children();
}
END_TEST

static int gathers_itself(void *arg)
{
	struct coro_future *self = coro_current_task();
	return coro_gather(&self, 1, NULL);
}

static int awaits(void *future)
{
	return coro_await(*(struct coro_future **)future, NULL);
}

static int gathers_one(void *future)
{
	return coro_gather(future, 1, NULL);
}

START_TEST(cancel_ends_those_who_gather_each_other)
{
	struct coro_future *task = spawn(gathers_itself, NULL), *a, *b;
	run();
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);

	a = spawn(gathers_one, &b);
	b = spawn(gathers_one, &a);
	run();
	cancel(a);
	run();
	assert_ended(a, -ECANCELED);
	assert_ended(b, -ECANCELED);

	a = spawn(gathers_one, &b);
	b = spawn(awaits, &a);
	run();
	cancel(b);
	run();
	assert_ended(a, -ECANCELED);
	assert_ended(b, -ECANCELED);
}
END_TEST

static int cancels_itself_and_gathers_one(void *future)
{
	cancel(coro_current_task());
	return coro_gather_all(future, 1, NULL);
}

static int gathers_in_time(void *future)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 5), 0);
	return coro_timeout_end(&timeout, coro_gather(future, 1, NULL));
}

START_TEST(cancel_that_comes_round_a_cycle_is_one_request)
{
	/* By a gather's own task, as it comes to wait; from outside; and by a timeout within. */
	static coro_fn *const bodies[] = {cancels_itself_and_gathers_one, gathers_one,
					  gathers_in_time};
	for (int i = 0; i < 3; i++) {
		struct coro_future *a, *b, *c;
		b = spawn(awaits, &c);
		c = spawn(awaits, &a);
		a = spawn(bodies[i], &b);
		run();
		if (i == 1)
			cancel(a);
		run();
		ck_assert_int_eq(coro_task_cancelling(a), i < 2 ? 1 : 0);
		ck_assert_int_eq(coro_task_cancelling(b), 1);
		ck_assert_int_eq(coro_task_cancelling(c), 1);
		assert_ended(a, i < 2 ? -ECANCELED : -ETIMEDOUT);
		assert_ended(b, i < 2 ? -ECANCELED : -ETIMEDOUT);
		assert_ended(c, i < 2 ? -ECANCELED : -ETIMEDOUT);
	}
}
END_TEST

/* Spawns a chain of tasks that await one another, down to *last. Its last one comes first. */
static void spawn_chain(struct coro_future **chain, int length, struct coro_future **last)
{
	for (int i = 0; i < length; i++)
		chain[i] = spawn(awaits, i == 0 ? last : &chain[i - 1]);
}

/* A chain leads from outside to a task that gathers the first of another one, which leads to that task, too. */
START_TEST(cancel_that_comes_by_two_ways_is_one_request_to_each)
{
	enum { MOST = 4 };
	struct coro_future *gatherer, *outside[MOST], *round[MOST];
	int before = 1 + _i / MOST, around = 1 + _i % MOST;
	gatherer = spawn(gathers_one, &round[around - 1]);
	spawn_chain(outside, before, &gatherer);
	spawn_chain(round, around, &gatherer);
	run();
	cancel(outside[before - 1]);
	run();
	ck_assert_int_eq(coro_task_cancelling(gatherer), 1);
	assert_ended(gatherer, -ECANCELED);
	for (int i = 0; i < before; i++) {
		ck_assert_int_eq(coro_task_cancelling(outside[i]), 1);
		assert_ended(outside[i], -ECANCELED);
	}
	for (int i = 0; i < around; i++) {
		ck_assert_int_eq(coro_task_cancelling(round[i]), 1);
		assert_ended(round[i], -ECANCELED);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, nothing_is_gathered_at_once);
	tcase_add_test(tests, results_come_in_the_order_of_the_arguments);
	tcase_add_test(tests, results_need_not_be_wanted);
	tcase_add_test(tests, futures_that_are_done_are_gathered_too);
	tcase_add_test(tests, gather_of_what_is_done_lets_nobody_run);
	tcase_add_test(tests, gather_with_one_that_has_failed_lets_nobody_run);
	tcase_add_test(tests, one_that_is_named_twice_has_its_result_twice);
	tcase_add_test(tests, any_number_can_be_gathered);
	tcase_add_test(tests, first_failure_comes_at_once_and_the_others_go_on);
	tcase_add_test(tests, failure_that_is_there_already_comes_all_the_same);
	tcase_add_test(tests, failures_may_be_results_like_any_other);
	tcase_add_test(tests, cancelled_child_cancels_neither_gatherer_nor_the_others);
	tcase_add_test(tests, who_is_cancelled_cancels_all_that_are_not_done);
	tcase_add_test(tests, who_is_cancelled_waits_for_the_first_to_end_or_for_all);
	tcase_add_test(tests, cancellation_arrives_though_the_children_make_light_of_it);
	tcase_add_test(tests, who_is_cancelled_when_all_are_done_is_cancelled);
	tcase_add_test(tests, who_is_cancelled_as_a_child_fails_is_cancelled);
	tcase_add_test(tests, cancellation_from_before_arrives_where_it_gathers);
	tcase_add_test(tests, cancellation_from_before_arrives_though_all_that_is_gathered_is_done);
	tcase_add_test(tests, cancellation_goes_down_to_the_leaves_and_up_again);
	tcase_add_test(tests, cancel_goes_down_a_long_chain_of_gathers_on_a_small_stack);
	tcase_add_test(tests, cancel_ends_those_who_gather_each_other);
	tcase_add_test(tests, cancel_that_comes_round_a_cycle_is_one_request);
	tcase_add_loop_test(tests, cancel_that_comes_by_two_ways_is_one_request_to_each, 0, 16);
}

TEST_MAIN("gather", add_tests)
