/* SPDX-License-Identifier: MIT */
/* Tasks: bodies and their results, waiting at any depth, the running task, names. */
#include "task/bodies.h"

/* ---- results ---- */

static int gives(void *status)
{
	return *(int *)status;
}

START_TEST(result_is_what_the_body_returned)
{
	static int statuses[] = {
		0, 1, 42, INT32_MAX, -EIO, -4095, CORO_EXIT, CORO_USER_ERROR - 1, INT32_MIN};
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		ck_assert_int_eq(result_of(gives, &statuses[i]), statuses[i]);
}
END_TEST

START_TEST(value_is_the_last_that_the_body_gave)
{
	void *ret = NULL;
	struct coro_future *task = spawn(returns_value, &value);
	ck_assert_int_eq(coro_run_until_complete(loop, task, &ret), 5);
	ck_assert_ptr_eq(ret, &value);
	ck_assert_int_eq(coro_future_result(task, &ret), 5);
	ck_assert_ptr_null(coro_future_message(task));
	coro_future_unref(task);
}
END_TEST

START_TEST(task_without_a_value_gives_null)
{
	void *ret = &value;
	struct coro_future *task = spawn(nothing, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, task, &ret), 0);
	ck_assert_ptr_null(ret);
	coro_future_unref(task);
}
END_TEST

static int fails_with_value(void *arg)
{
	coro_return(arg);
	return -EIO;
}

START_TEST(value_of_a_task_that_failed_is_not_given)
{
	void *ret = NULL;
	struct coro_future *task = spawn(fails_with_value, &value);
	ck_assert_int_eq(coro_run_until_complete(loop, task, &ret), -EIO);
	ck_assert_ptr_null(ret);
	ck_assert_str_eq(coro_future_message(task), coro_strerror(-EIO));
	coro_future_unref(task);
}
END_TEST

static int awaits(void *task)
{
	void *ret = NULL;
	int r = coro_await(task, &ret);
	if (r >= 0)
		coro_return(ret);
	return r;
}

START_TEST(any_number_of_tasks_may_await_one)
{
	struct coro_future *task = spawn(returns_value, &value), *waiting[10];
	for (int i = 0; i < 10; i++)
		waiting[i] = spawn(awaits, task);
	run();
	for (int i = 0; i < 10; i++) {
		void *ret = NULL;
		ck_assert_int_eq(coro_future_result(waiting[i], &ret), 5);
		ck_assert_ptr_eq(ret, &value);
		coro_future_unref(waiting[i]);
	}
	coro_future_unref(task);
}
END_TEST

static const char *raised_at;

static int raises(void *arg)
{
	coro_sleep(1);
	int r = coro_raise(-ENOENT, "no page %d", 17);
	raised_at = coro_origin(r);
	return r;
}

static int awaits_and_tells(void *task)
{
	int r = coro_await(task, NULL);
	ck_assert_int_eq(r, -ENOENT);
	ck_assert_str_eq(coro_message(r), "no page 17");
	ck_assert_str_eq(coro_origin(r), raised_at);
	return r;
}

START_TEST(all_who_await_a_failed_task_share_its_message)
{
	struct coro_future *task = spawn(raises, NULL), *waiting[5];
	for (int i = 0; i < 5; i++)
		waiting[i] = spawn(awaits_and_tells, task);
	run();
	ck_assert_str_eq(coro_future_message(task), "no page 17");
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(coro_future_result(waiting[i], NULL), -ENOENT);
		ck_assert_ptr_eq(coro_future_message(waiting[i]), coro_future_message(task));
		coro_future_unref(waiting[i]);
	}
	coro_future_unref(task);
}
END_TEST

static int spawns_and_awaits(void *arg)
{
	struct coro_future *child;
	int r = coro_spawn(raises, NULL, &child);
	ck_assert_int_eq(r, 0);
	r = coro_await(child, NULL);
	coro_future_unref(child);
	return r;
}

static int outer(void *arg)
{
	struct coro_future *child;
	int r = coro_spawn(spawns_and_awaits, NULL, &child);
	ck_assert_int_eq(r, 0);
	r = coro_await(child, NULL);
	coro_future_unref(child);
	if (r < 0)
		return r;
	return 0;
}

START_TEST(failure_goes_up_two_awaits_with_its_message)
{
	ck_assert_int_eq(result_of(outer, NULL), -ENOENT);
	ck_assert_str_eq(coro_message(-ENOENT), "no page 17");
	ck_assert_str_eq(coro_origin(-ENOENT), raised_at);
}
END_TEST

static int turns_into_another(void *arg)
{
	return outer(NULL) < 0 ? -EPROTO : 0;
}

START_TEST(message_does_not_go_with_another_code)
{
	ck_assert_int_eq(result_of(turns_into_another, NULL), -EPROTO);
	ck_assert_str_eq(coro_message(-EPROTO), coro_strerror(-EPROTO));
}
END_TEST

static int recovers(void *arg)
{
	return outer(NULL) < 0 ? 3 : 0;
}

START_TEST(failure_that_is_caught_goes_no_further)
{
	ck_assert_int_eq(result_of(recovers, NULL), 3);
}
END_TEST

static int returns_cancelled(void *arg)
{
	return -ECANCELED;
}

START_TEST(task_that_returns_cancelled_is_cancelled)
{
	struct coro_future *task = spawn(returns_cancelled, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	ck_assert(coro_future_cancelled(task));
	coro_future_unref(task);
}
END_TEST

/* ---- references ---- */

START_TEST(task_that_nobody_holds_runs_to_its_end)
{
	int never_held = 0, let_go = 0;
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, sets, &never_held, NULL), 0);
	coro_future_unref(spawn(sets, &let_go));
	run();
	ck_assert_int_eq(never_held, 1);
	ck_assert_int_eq(let_go, 1);
}
END_TEST

START_TEST(task_can_be_asked_long_after_its_end)
{
	static int status = 6;
	struct coro_future *task = spawn(gives, &status);
	run();
	for (int i = 0; i < 100; i++)
		result_of(nothing, NULL);
	ck_assert(coro_future_done(task));
	ck_assert_int_eq(coro_future_result(task, NULL), 6);
	coro_future_unref(task);
}
END_TEST

static int awaits_the_unheld(void *arg)
{
	struct coro_future *child;
	ck_assert_int_eq(coro_spawn(returns_value, &value, &child), 0);
	coro_future_unref(child);
	/* The loop holds it until it is done; this wait holds it until it has the result. */
	return coro_await(child, NULL);
}

START_TEST(task_may_be_awaited_by_whom_the_loop_lends_it)
{
	ck_assert_int_eq(result_of(awaits_the_unheld, NULL), 5);
}
END_TEST

/* ---- waiting at any depth ---- */

static int sleep_at_depth(int depth)
{
	char space[64];
	memset(space, depth, sizeof(space));
	int r = depth == 0 ? coro_sleep(1) : sleep_at_depth(depth - 1);
	for (size_t i = 0; i < sizeof(space); i++)
		ck_assert_int_eq(space[i], (char)depth);
	return r;
}

static int deep(void *arg)
{
	return sleep_at_depth(100);
}

START_TEST(plain_functions_wait_at_any_depth)
{
	for (int i = 0; i < 20; i++)
		coro_future_unref(spawn(deep, NULL));
	ck_assert_int_eq(result_of(deep, NULL), 0);
}
END_TEST

static int sums(void *arg)
{
	double sum = 0;
	for (int i = 1; i <= 10; i++) {
		sum += 1.0 / i;
		coro_sleep(i % 3);
	}
	*(double *)arg = sum;
	return 0;
}

START_TEST(locals_survive_waits_among_others)
{
	double sums_of[10];
	for (int i = 0; i < 10; i++)
		coro_future_unref(spawn(sums, &sums_of[i]));
	run();
	for (int i = 0; i < 10; i++)
		ck_assert_double_eq_tol(sums_of[i], 2.9289682539682538, 1e-12);
}
END_TEST

/* ---- who runs ---- */

static struct coro_future *seen;

static void see_current(void *arg)
{
	seen = coro_current_task();
	++*(int *)arg;
}

static int generator_of_current(void *arg)
{
	coro_yield(coro_current_task(), NULL);
	coro_sleep(1);
	coro_yield(coro_current_task(), NULL);
	return 0;
}

static int knows_itself(void *arg)
{
	struct coro_future **self = arg;
	struct coro *generator;
	void *item;
	int calls = 0;
	ck_assert_ptr_eq(coro_current_task(), *self);
	ck_assert_int_eq(coro_create(generator_of_current, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, &item), 1);
	ck_assert_ptr_eq(item, *self);
	ck_assert_int_eq(coro_next(generator, &item), 1);
	ck_assert_ptr_eq(item, *self);
	ck_assert_int_eq(coro_destroy(generator), 0);

	ck_assert_int_eq(coro_call_soon(loop, see_current, &calls, NULL), 0);
	seen = *self;
	coro_sleep(1);
	ck_assert_int_eq(calls, 1);
	ck_assert_ptr_null(seen);
	ck_assert_ptr_eq(coro_current_task(), *self);
	return 0;
}

START_TEST(current_task_is_who_runs_and_none_in_callbacks)
{
	struct coro_future *tasks[3];
	ck_assert_ptr_null(coro_current_task());
	for (int i = 0; i < 3; i++)
		tasks[i] = spawn(knows_itself, &tasks[i]);
	run();
	ck_assert_ptr_null(coro_current_task());
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_future_result(tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
	}
}
END_TEST

static int knows_its_loop(void *arg)
{
	ck_assert_ptr_eq(coro_running_loop(), loop);
	ck_assert(coro_is_task(coro_current_task()));
	return 0;
}

START_TEST(task_knows_its_loop)
{
	ck_assert_int_eq(result_of(knows_its_loop, NULL), 0);
}
END_TEST

static int resumes_a_task(void *arg)
{
	struct coro *self = coro_current();
	ck_assert_ptr_nonnull(self);
	ck_assert_int_eq(coro_state(self), CORO_RUNNING);
	ck_assert_int_eq(coro_resume(self, NULL, NULL), -EBUSY);
	ck_assert_int_eq(coro_throw(self, -EIO, NULL), -EBUSY);
	ck_assert_int_eq(coro_close(self), -EBUSY);
	ck_assert_int_eq(coro_destroy(self), -EBUSY);
	ck_assert_int_eq(coro_yield_from(self, NULL), -EPERM);
	return 0;
}

START_TEST(task_is_no_coroutine_to_resume)
{
	ck_assert_int_eq(result_of(resumes_a_task, NULL), 0);
}
END_TEST

static struct coro *parked;

static int parks(void *arg)
{
	parked = coro_current();
	return coro_sleep(10);
}

static int disturbs(void *arg)
{
	coro_sleep(1);
	ck_assert_int_eq(coro_resume(parked, NULL, NULL), -EBUSY);
	ck_assert_int_eq(coro_throw(parked, -EIO, NULL), -EBUSY);
	ck_assert_int_eq(coro_close(parked), -EBUSY);
	return 0;
}

START_TEST(task_that_waits_cannot_be_resumed_by_hand)
{
	struct coro_future *task = spawn(parks, NULL);
	ck_assert_int_eq(result_of(disturbs, NULL), 0);
	run();
	ck_assert_int_eq(coro_future_result(task, NULL), 0);
	ck_assert_int_eq(coro_loop_time(loop), 10);
	coro_future_unref(task);
}
END_TEST

static int yields_in_body(void *arg)
{
	void *sent = &value;
	ck_assert_int_eq(coro_yield(NULL, &sent), -EPERM);
	ck_assert_ptr_eq(sent, &value);
	return 0;
}

START_TEST(task_itself_cannot_yield)
{
	ck_assert_int_eq(result_of(yields_in_body, NULL), 0);
}
END_TEST

/* ---- names ---- */

START_TEST(tasks_are_numbered_in_their_loop)
{
	struct coro_future *a = spawn(nothing, NULL), *b = spawn(nothing, NULL);
	ck_assert_str_eq(coro_task_name(a), "Task-1");
	ck_assert_str_eq(coro_task_name(b), "Task-2");
	run();
	ck_assert_str_eq(coro_task_name(a), "Task-1");
	coro_future_unref(a);
	coro_future_unref(b);
}
END_TEST

static void *ask_for_name(void *task)
{
	return strcmp(coro_task_name(task), "Task-2") == 0 ? task : NULL;
}

START_TEST(text_of_a_name_is_the_calling_threads)
{
	struct coro_future *a = spawn(nothing, NULL), *b = spawn(nothing, NULL);
	const char *name = coro_task_name(a);
	ck_assert_ptr_nonnull(in_thread(ask_for_name, b));
	ck_assert_str_eq(name, "Task-1");
	run();
	coro_future_unref(a);
	coro_future_unref(b);
}
END_TEST

START_TEST(name_and_site_are_those_given)
{
	struct coro_options options = {.name = "reader", .site = "a.c:1"};
	struct coro_future *task, *plain = spawn(nothing, NULL);
	ck_assert_int_eq(coro_loop_spawn(loop, &options, nothing, NULL, &task), 0);
	ck_assert_str_eq(coro_task_name(task), "reader");
	ck_assert_str_eq(coro_task_site(task), "a.c:1");
	ck_assert_ptr_null(coro_task_site(plain));
	run();
	ck_assert_str_eq(coro_task_name(task), "reader");
	ck_assert_str_eq(coro_task_site(task), "a.c:1");
	coro_future_unref(task);
	coro_future_unref(plain);
}
END_TEST

START_TEST(name_may_be_changed)
{
	struct coro_future *task = spawn(nothing, NULL), *plain;
	ck_assert_int_eq(coro_task_set_name(task, "reader"), 0);
	ck_assert_str_eq(coro_task_name(task), "reader");
	run();
	ck_assert_int_eq(coro_task_set_name(task, NULL), 0);
	ck_assert_str_eq(coro_task_name(task), "Task-1");
	ck_assert_int_eq(coro_future_create(loop, &plain), 0);
	ck_assert_int_eq(coro_task_set_name(plain, "reader"), -EINVAL);
	ck_assert_int_eq(coro_task_set_name(NULL, "reader"), -EINVAL);
	coro_future_unref(task);
	coro_future_unref(plain);
}
END_TEST

static void *names(void *task)
{
	return coro_task_set_name(task, "reader") == -EPERM ? task : NULL;
}

START_TEST(name_is_given_in_its_own_thread)
{
	struct coro_future *task = spawn(nothing, NULL);
	ck_assert_ptr_nonnull(in_thread(names, task));
	ck_assert_str_eq(coro_task_name(task), "Task-1");
	run();
	coro_future_unref(task);
}
END_TEST

static struct coro_future *grandchild;

static int spawns_a_grandchild(void *arg)
{
	return coro_spawn(nothing, NULL, &grandchild);
}

static int spawns_a_child(void *child)
{
	return coro_spawn(spawns_a_grandchild, NULL, (struct coro_future **)child);
}

static void spawns_without_a_parent(void *child)
{
	ck_assert_int_eq(coro_spawn(nothing, NULL, (struct coro_future **)child), 0);
}

START_TEST(task_knows_its_number_and_its_parents)
{
	struct coro_future *other = spawn(nothing, NULL), *child, *orphan, *plain;
	struct coro_future *task = spawn(spawns_a_child, &child);
	ck_assert_int_eq(coro_call_soon(loop, spawns_without_a_parent, &orphan, NULL), 0);
	run();
	ck_assert_uint_eq(coro_task_number(other), 1);
	ck_assert_uint_eq(coro_task_number(task), 2);
	ck_assert_uint_eq(coro_task_parent(task), 0);
	ck_assert_uint_eq(coro_task_number(child), 3);
	ck_assert_uint_eq(coro_task_parent(child), 2);
	ck_assert_uint_eq(coro_task_parent(grandchild), 3);
	ck_assert_uint_eq(coro_task_parent(orphan), 0);
	ck_assert_int_eq(coro_future_create(loop, &plain), 0);
	ck_assert_uint_eq(coro_task_number(plain), 0);
	ck_assert_uint_eq(coro_task_parent(plain), 0);
	ck_assert_uint_eq(coro_task_number(NULL), 0);
	ck_assert_uint_eq(coro_task_parent(NULL), 0);
	struct coro_future *all[] = {other, task, child, grandchild, orphan, plain};
	for (int i = 0; i < 6; i++)
		coro_future_unref(all[i]);
}
END_TEST

static int spawns_here(void *arg)
{
	struct coro_future *child;
	const char *line = strchr(CORO_HERE, ':') + 1;
	ck_assert_int_eq(coro_spawn(nothing, NULL, &child), 0);
	const char *site = coro_task_site(child);
	ck_assert_int_eq(strncmp(site, __FILE__ ":", sizeof(__FILE__)), 0);
	ck_assert_int_eq(atoi(site + sizeof(__FILE__)), atoi(line) + 1);
	coro_future_unref(child);
	return 0;
}

START_TEST(spawn_notes_where_it_stands)
{
	ck_assert_int_eq(result_of(spawns_here, NULL), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, result_is_what_the_body_returned);
	tcase_add_test(tests, value_is_the_last_that_the_body_gave);
	tcase_add_test(tests, task_without_a_value_gives_null);
	tcase_add_test(tests, value_of_a_task_that_failed_is_not_given);
	tcase_add_test(tests, any_number_of_tasks_may_await_one);
	tcase_add_test(tests, all_who_await_a_failed_task_share_its_message);
	tcase_add_test(tests, failure_goes_up_two_awaits_with_its_message);
	tcase_add_test(tests, message_does_not_go_with_another_code);
	tcase_add_test(tests, failure_that_is_caught_goes_no_further);
	tcase_add_test(tests, task_that_returns_cancelled_is_cancelled);
	tcase_add_test(tests, task_that_nobody_holds_runs_to_its_end);
	tcase_add_test(tests, task_can_be_asked_long_after_its_end);
	tcase_add_test(tests, task_may_be_awaited_by_whom_the_loop_lends_it);
	tcase_add_test(tests, plain_functions_wait_at_any_depth);
	tcase_add_test(tests, locals_survive_waits_among_others);
	tcase_add_test(tests, current_task_is_who_runs_and_none_in_callbacks);
	tcase_add_test(tests, task_knows_its_loop);
	tcase_add_test(tests, task_is_no_coroutine_to_resume);
	tcase_add_test(tests, task_that_waits_cannot_be_resumed_by_hand);
	tcase_add_test(tests, task_itself_cannot_yield);
	tcase_add_test(tests, tasks_are_numbered_in_their_loop);
	tcase_add_test(tests, text_of_a_name_is_the_calling_threads);
	tcase_add_test(tests, name_and_site_are_those_given);
	tcase_add_test(tests, name_may_be_changed);
	tcase_add_test(tests, name_is_given_in_its_own_thread);
	tcase_add_test(tests, task_knows_its_number_and_its_parents);
	tcase_add_test(tests, spawn_notes_where_it_stands);
}

TEST_MAIN("task", add_tests)
