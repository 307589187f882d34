/* SPDX-License-Identifier: MIT */
/* Cancellation around groups: from outside, of nested ones, and of requests that cross. */
#include "task/owner.h"

/* ---- cancelled by others ---- */

START_TEST(owner_that_is_cancelled_in_its_body_cancels_the_tasks)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 9}, {"b", 9, .cleanup = 3}),
		.sleeps = 50,
	});
	at(2, cancel_it, task);
	run();
	ck_assert_trace("body! a! b! end");
	assert_time(5);
	assert_owner(task, -ECANCELED, coro_strerror(-ECANCELED), 1);
}
END_TEST

START_TEST(owner_cancelled_at_the_end_cancels_and_awaits_the_tasks)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 9}, {"b", 9, .cleanup = 3}),
		.sleeps = -1,
		.status = 5,
	});
	at(2, cancel_it, task);
	at(4, cancel_it, task); /* again: it waits on */
	run();
	ck_assert_trace("body a! b! end");
	assert_time(5);
	assert_owner(task, -ECANCELED, coro_strerror(-ECANCELED), 2);
}
END_TEST

START_TEST(owner_that_is_cancelled_as_the_last_task_ends_is_cancelled)
{
	/* Before the group is told of that end, and after. */
	for (int turns = 3; turns <= 4; turns++) {
		struct coro_future *task = spawn_owner(&(struct owner){
			.members = MEMBERS({"a", 0}),
			.sleeps = -1,
		});
		for (int i = 0; i < turns; i++)
			turn();
		ck_assert_trace("body a");
		cancel(task);
		run();
		ck_assert_trace("end");
		assert_owner(task, -ECANCELED, coro_strerror(-ECANCELED), 1);
	}
}
END_TEST

START_TEST(failure_of_a_task_comes_before_the_cancellation)
{
	struct coro_future *task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 9, .status_of_cleanup = -EIO}),
		.sleeps = 50,
	});
	at(2, cancel_it, task);
	run();
	ck_assert_trace("body! a! end");
	assert_owner(task, -EIO, coro_strerror(-EIO), 1);

	task = spawn_owner(&(struct owner){
		.members = MEMBERS({"a", 9, .status_of_cleanup = -EIO}),
		.sleeps = -1,
	});
	at(5, cancel_it, task);
	run();
	ck_assert_trace("body a! end");
	assert_owner(task, -EIO, coro_strerror(-EIO), 1);
}
END_TEST

static void cancel_soon(void *task)
{
	ck_assert_int_eq(coro_call_soon(loop, cancel_it, task, NULL), 0);
}

static void cancel_later(void *task)
{
	ck_assert_int_eq(coro_call_soon(loop, cancel_soon, task, NULL), 0);
}

START_TEST(cancellation_at_the_tick_of_a_failure_is_still_counted)
{
	static const struct member members[] = {{"a", 2, -EIO}, {"b", 9}, {.name = NULL}};
	static const struct owner this = {.members = members, .sleeps = 50};
	/* Before the task that would fail runs: it is cancelled with the others. */
	struct coro_future *task = spawn_owner(&this);
	at(2, cancel_it, task);
	run();
	ck_assert_trace("body! a! b! end");
	assert_owner(task, -ECANCELED, coro_strerror(-ECANCELED), 1);

	/* While it runs. */
	task = spawn_owner(&this);
	turn();
	turn();
	at(4, cancel_it, task);
	run();
	ck_assert_trace("a body! b! end");
	assert_owner(task, -EIO, "a failed", 1);

	/* When the group has asked the body to leave. */
	task = spawn_owner(&this);
	turn();
	turn();
	at(6, cancel_later, task);
	run();
	ck_assert_trace("a b! body! end");
	assert_owner(task, -EIO, "a failed", 1);
	assert_time(6);
}
END_TEST

static int times_out(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	int r = coro_timeout_end(&timeout, owner(arg));
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 0);
	return r;
}

START_TEST(timeout_around_a_group_ends_its_tasks)
{
	struct owner in_body = {.members = MEMBERS({"a", 9, .cleanup = 2}), .sleeps = 50};
	ck_assert_int_eq(result_of(times_out, &in_body), -ETIMEDOUT);
	ck_assert_trace("body! a! end");
	assert_time(5);
	struct owner at_end = {.members = MEMBERS({"a", 9, .cleanup = 2}), .sleeps = -1};
	ck_assert_int_eq(result_of(times_out, &at_end), -ETIMEDOUT);
	ck_assert_trace("body a! end");
	assert_time(10);
}
END_TEST

START_TEST(timeout_at_the_tick_of_a_failure_comes_first)
{
	/* It was armed before. */
	struct owner this = {.members = MEMBERS({"a", 3, -EIO}, {"b", 9}), .sleeps = 50};
	ck_assert_int_eq(result_of(times_out, &this), -ETIMEDOUT);
	ck_assert_trace("body! a! b! end");
	assert_time(3);
}
END_TEST

static int waits_for_a_group(void *arg)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_spawn(owner, arg, &task), 0);
	int r = coro_wait_for(task, 3, NULL);
	assert_ended(task, -ECANCELED);
	return r;
}

START_TEST(group_ends_before_who_waits_for_a_time_goes_on)
{
	struct owner this = {.members = MEMBERS({"a", 9, .cleanup = 5}), .sleeps = 50};
	ck_assert_int_eq(result_of(waits_for_a_group, &this), -ETIMEDOUT);
	ck_assert_trace("body! a! end");
	assert_time(8);
}
END_TEST

/* ---- nested ---- */

/* A group within a group of the same task; the tasks of each. */
struct nest {
	const struct member *outer, *inner;
	bool catches; /* what the inner one gives */
};

static int nests(void *arg)
{
	const struct nest *this = arg;
	struct coro_group *outer, *inner;
	ck_assert_int_eq(coro_group_create(&outer), 0);
	for (const struct member *m = this->outer; m->name; m++)
		ck_assert_int_eq(coro_group_spawn(outer, member, (void *)m, NULL), 0);
	ck_assert_int_eq(coro_group_create(&inner), 0);
	for (const struct member *m = this->inner; m->name; m++)
		ck_assert_int_eq(coro_group_spawn(inner, member, (void *)m, NULL), 0);
	int r = coro_group_end(inner, coro_sleep(20));
	trace("inner:%s", word_of(r));
	if (this->catches && r != -ECANCELED)
		r = 0;
	r = coro_group_end(outer, r);
	trace("outer:%s", word_of(r));
	return r;
}

static int nest(const struct member *outer, const struct member *inner, bool catches)
{
	struct coro_future *task = spawn(nests, &(struct nest){outer, inner, catches});
	run();
	int r = coro_future_result(task, NULL);
	ck_assert_int_eq(coro_task_cancelling(task), 0);
	coro_future_unref(task);
	return r;
}

START_TEST(failure_in_the_inner_group_goes_on_to_the_outer)
{
	ck_assert_int_eq(nest(MEMBERS({"o", 50}), MEMBERS({"a", 1, -EIO}, {"b", 50}), false), -EIO);
	ck_assert_trace("a b! inner:io o! outer:io");
}
END_TEST

START_TEST(failure_in_the_inner_group_can_be_caught)
{
	struct coro_future *task = spawn(nests, &(struct nest){
							MEMBERS({"o", 5}),
							MEMBERS({"a", 1, -EIO}, {"b", 50}),
							true,
						});
	run();
	ck_assert_int_eq(coro_task_cancelling(task), 0);
	assert_ended(task, 0);
	assert_time(5);
}
END_TEST

START_TEST(failure_in_the_outer_group_cancels_the_inner)
{
	ck_assert_int_eq(nest(MEMBERS({"o", 1, -EIO}, {"p", 50}), MEMBERS({"a", 50}), true), -EIO);
	ck_assert_trace("o p! a! inner:cancelled outer:io");
}
END_TEST

START_TEST(of_failures_in_both_at_the_same_tick_each_group_has_its_own)
{
	ck_assert_int_eq(nest(MEMBERS({"o", 1, -EPROTO}), MEMBERS({"a", 1, -EIO}, {"b", 9}), true),
			 -EPROTO);
	ck_assert_trace("o a b! inner:io outer:proto");
}
END_TEST

static int owns_a_group(void *arg)
{
	struct coro_group *mine;
	ck_assert_int_eq(coro_group_create(&mine), 0);
	for (const struct member *m = arg; m->name; m++)
		ck_assert_int_eq(coro_group_spawn(mine, member, (void *)m, NULL), 0);
	return coro_group_end(mine, 0);
}

static int owns_groups(void *groups)
{
	ck_assert_int_eq(coro_group_create(&group), 0);
	for (const struct member **members = groups; *members; members++)
		ck_assert_int_eq(coro_group_spawn(group, owns_a_group, (void *)*members, NULL), 0);
	return coro_group_end(group, 0);
}

START_TEST(failure_in_one_group_ends_the_groups_beside_it)
{
	const struct member *groups[] = {
		MEMBERS({"a", 9}, {"b", 9, .cleanup = 2}),
		MEMBERS({"c", 3, -EIO}, {"d", 9}),
		MEMBERS({"e", 1}),
		NULL,
	};
	struct coro_future *task = spawn(owns_groups, groups);
	run();
	ck_assert_trace("e c d! a! b!");
	assert_time(5);
	ck_assert_str_eq(coro_future_message(task), "c failed");
	assert_ended(task, -EIO);
}
END_TEST

/* ---- requests to cancel ---- */

static int fails_at_3(void *arg)
{
	int r = coro_sleep_until(3);
	return r < 0 ? r : (int)(intptr_t)arg;
}

static int fails_now(void *arg)
{
	return -EIO;
}

static void spawn_failing(struct coro_group *in, int error)
{
	ck_assert_int_eq(coro_group_spawn(in, fails_at_3, (void *)(intptr_t)error, NULL), 0);
}

static int nested_groups_fail_together(void *arg)
{
	struct coro_group *outer, *inner;
	ck_assert_int_eq(coro_group_create(&outer), 0);
	spawn_failing(outer, -EPROTO);
	ck_assert_int_eq(coro_group_create(&inner), 0);
	spawn_failing(inner, -EIO);
	ck_assert_int_eq(coro_group_end(inner, coro_sleep(50)), -EIO);
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 1);
	int r = coro_sleep(50); /* the outer group's request was not lost */
	ck_assert_int_eq(r, -ECANCELED);
	ck_assert_int_eq(coro_group_end(outer, r), -EPROTO);
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 0);
	return coro_sleep(1);
}

START_TEST(body_is_cancelled_for_the_outer_group_after_the_inner)
{
	ck_assert_int_eq(result_of(nested_groups_fail_together, NULL), 0);
	assert_time(4);
}
END_TEST

static int group_then_wait(void *body)
{
	struct coro_group *mine;
	ck_assert_int_eq(coro_group_create(&mine), 0);
	spawn_failing(mine, -EIO);
	int r = coro_group_end(mine, body ? (int)(intptr_t)body : coro_sleep(50));
	ck_assert_int_eq(r, -EIO);
	return coro_sleep(50);
}

START_TEST(cancellation_that_meets_a_failure_ends_the_next_wait)
{
	/* In the body; and in the end of a group that cancels its tasks already. */
	static const intptr_t bodies[] = {0, -EIO};
	for (int i = 0; i < 2; i++) {
		struct coro_future *task = start(group_then_wait, (void *)bodies[i]);
		if (i == 0)
			turn();
		at(i == 0 ? 3 : 0, cancel_it, task);
		run();
		ck_assert_int_eq(coro_task_cancelling(task), 1);
		assert_ended(task, -ECANCELED);
	}
	assert_time(3);
}
END_TEST

static struct coro_channel *channel;

static int sends(void *arg)
{
	int item = 5;
	return coro_channel_send(channel, &item);
}

/* The group's request comes when the body has got an item: it is put off to the next wait. */
static void group_that_fails_as_an_item_comes(void)
{
	struct coro_group *mine;
	struct coro_future *sender;
	int item, before = coro_task_cancelling(coro_current_task());
	ck_assert_int_eq(coro_group_create(&mine), 0);
	ck_assert_int_eq(coro_group_spawn(mine, fails_now, NULL, NULL), 0);
	ck_assert_int_eq(coro_spawn(sends, NULL, &sender), 0);
	ck_assert_int_eq(coro_channel_receive(channel, &item), 0);
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), before + 1);
	ck_assert_int_eq(coro_group_end(mine, 0), -EIO);
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), before);
	ck_assert_int_eq(coro_sleep(1), 0);
	coro_future_unref(sender);
}

static int uses_a_group_when_cancelled(void *arg)
{
	group_that_fails_as_an_item_comes();
	int r = coro_sleep(50);
	ck_assert_int_eq(r, -ECANCELED);
	group_that_fails_as_an_item_comes();
	return r;
}

START_TEST(request_that_is_put_off_ends_with_its_group)
{
	ck_assert_int_eq(coro_channel_create(sizeof(int), 0, &channel), 0);
	struct coro_future *task = spawn(uses_a_group_when_cancelled, NULL);
	at(10, cancel_it, task);
	run();
	assert_ended(task, -ECANCELED);
	ck_assert_int_eq(coro_channel_destroy(channel), 0);
}
END_TEST

static int group_in_a_timeout(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 9), 0);
	ck_assert_int_eq(coro_group_create(&group), 0);
	spawn_failing(group, -EIO);
	ck_assert_int_eq(coro_group_end(group, 0), -EIO);
	return coro_timeout_end(&timeout, coro_sleep(50));
}

START_TEST(timeout_after_a_failed_group_is_still_a_timeout)
{
	ck_assert_int_eq(result_of(group_in_a_timeout, NULL), -ETIMEDOUT);
	assert_time(9);
}
END_TEST

/* ---- in a generator ---- */

static int gave_end;

static int generates_in_a_group(void *arg)
{
	struct coro_group *mine;
	ck_assert_int_eq(coro_group_create(&mine), 0);
	for (const struct member *m = arg; m->name; m++)
		ck_assert_int_eq(coro_group_spawn(mine, member, (void *)m, NULL), 0);
	int r = coro_yield(arg, NULL);
	gave_end = coro_group_end(mine, r);
	return gave_end;
}

static int takes_one(void *generator)
{
	return coro_next(generator, NULL);
}

static int takes_one_and_stays(void *generator)
{
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	return coro_sleep(20);
}

static int closes(void *generator)
{
	int r = coro_destroy(generator);
	trace("closed");
	return r;
}

static struct coro *generator_with(const struct member *members)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(generates_in_a_group, (void *)members, &generator), 0);
	gave_end = 77;
	return generator;
}

START_TEST(another_task_ends_the_group_of_a_generator_that_it_closes)
{
	/* Whose owner has ended, and whose owner lives. */
	static coro_fn *const owners[] = {takes_one, takes_one_and_stays};
	for (int i = 0; i < 2; i++) {
		struct coro *generator = generator_with(MEMBERS({"a", 50, .cleanup = 2}));
		struct coro_future *task = start(owners[i], generator);
		turn();
		ck_assert_int_eq(result_of(closes, generator), 0);
		ck_assert_trace("a! closed");
		ck_assert_int_eq(gave_end, CORO_EXIT);
		run();
		assert_ended(task, i == 0);
	}
}
END_TEST

START_TEST(group_of_a_generator_closed_outside_of_tasks_ends_by_itself)
{
	struct coro *generator = generator_with(MEMBERS({"a", 50, .cleanup = 2}, {"b", 50}));
	ck_assert_int_eq(result_of(takes_one, generator), 1);
	turn();
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_int_eq(gave_end, CORO_EXIT);
	ck_assert_trace("");
	run();
	ck_assert_trace("b! a!");
	assert_time(2);

	generator = generator_with(MEMBERS({"a", 50}));
	ck_assert_int_eq(result_of(takes_one, generator), 1);
	run();
	ck_assert_trace("a");
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_int_eq(gave_end, CORO_EXIT);
}
END_TEST

START_TEST(group_of_a_generator_may_outlive_its_loop)
{
	static coro_fn *const owners[] = {takes_one, takes_one_and_stays};
	for (int i = 0; i < 2; i++) {
		struct coro_loop *plain = loop;
		loop_setup();
		struct coro *generator = generator_with(MEMBERS({"a", 50}));
		struct coro_future *task = start(owners[i], generator);
		turn();
		coro_future_unref(task);
		loop_teardown();
		loop = plain;
		ck_assert_int_eq(coro_destroy(generator), 0);
		ck_assert_int_eq(gave_end, CORO_EXIT);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, owner_that_is_cancelled_in_its_body_cancels_the_tasks);
	tcase_add_test(tests, owner_cancelled_at_the_end_cancels_and_awaits_the_tasks);
	tcase_add_test(tests, owner_that_is_cancelled_as_the_last_task_ends_is_cancelled);
	tcase_add_test(tests, failure_of_a_task_comes_before_the_cancellation);
	tcase_add_test(tests, cancellation_at_the_tick_of_a_failure_is_still_counted);
	tcase_add_test(tests, timeout_around_a_group_ends_its_tasks);
	tcase_add_test(tests, timeout_at_the_tick_of_a_failure_comes_first);
	tcase_add_test(tests, group_ends_before_who_waits_for_a_time_goes_on);
	tcase_add_test(tests, failure_in_the_inner_group_goes_on_to_the_outer);
	tcase_add_test(tests, failure_in_the_inner_group_can_be_caught);
	tcase_add_test(tests, failure_in_the_outer_group_cancels_the_inner);
	tcase_add_test(tests, of_failures_in_both_at_the_same_tick_each_group_has_its_own);
	tcase_add_test(tests, failure_in_one_group_ends_the_groups_beside_it);
	tcase_add_test(tests, body_is_cancelled_for_the_outer_group_after_the_inner);
	tcase_add_test(tests, cancellation_that_meets_a_failure_ends_the_next_wait);
	tcase_add_test(tests, request_that_is_put_off_ends_with_its_group);
	tcase_add_test(tests, timeout_after_a_failed_group_is_still_a_timeout);
	tcase_add_test(tests, another_task_ends_the_group_of_a_generator_that_it_closes);
	tcase_add_test(tests, group_of_a_generator_closed_outside_of_tasks_ends_by_itself);
	tcase_add_test(tests, group_of_a_generator_may_outlive_its_loop);
}

TEST_MAIN("group_cancel", add_tests)
