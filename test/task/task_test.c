/* SPDX-License-Identifier: MIT */
/* Tasks: bodies and their results, waiting at any depth, generators inside, names, stacks, memory. */
#include "core/coroutine.h"
#include "task/task.h"
#include "tasks.h"

static int value;

static int nothing(void *arg)
{
	return 0;
}

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

static int returns_value(void *arg)
{
	coro_return(&loop);
	coro_sleep(1);
	coro_return(arg);
	coro_sleep(1);
	return 5;
}

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

static int sets(void *arg)
{
	coro_sleep(10);
	*(int *)arg = 1;
	return 0;
}

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

/* ---- generators ---- */

static int counts_slowly(void *arg)
{
	static int items[] = {1, 2, 3};
	for (int i = 0; i < 3; i++) {
		int r = coro_sleep(10);
		if (r < 0)
			return r;
		r = coro_yield(&items[i], NULL);
		if (r < 0)
			return r;
	}
	return coro_return(arg);
}

static int reads_slowly(void *arg)
{
	struct coro *generator;
	void *item;
	int sum = 0;
	ck_assert_int_eq(coro_create(counts_slowly, &value, &generator), 0);
	while (coro_next(generator, &item) == 1) {
		sum += *(int *)item;
		trace("item");
	}
	ck_assert_ptr_eq(item, &value);
	ck_assert_int_eq(coro_destroy(generator), 0);
	return sum;
}

static int ticks(void *arg)
{
	coro_sleep(5);
	for (int i = 0; i < 3; i++) {
		trace("tick");
		coro_sleep(10);
	}
	return 0;
}

START_TEST(others_run_while_a_generator_waits)
{
	coro_future_unref(spawn(ticks, NULL));
	ck_assert_int_eq(result_of(reads_slowly, NULL), 6);
	ck_assert_trace("tick item tick item tick item");
}
END_TEST

static int delegates(void *arg)
{
	struct coro *inner;
	int r = coro_create(counts_slowly, arg, &inner);
	ck_assert_int_eq(r, 0);
	void *ret = NULL;
	r = coro_yield_from(inner, &ret);
	ck_assert_int_eq(coro_destroy(inner), 0);
	return r < 0 ? r : coro_return(ret);
}

static int reads_delegated(void *arg)
{
	struct coro *generator;
	void *item;
	int sum = 0, r;
	ck_assert_int_eq(coro_create(delegates, &value, &generator), 0);
	while ((r = coro_next(generator, &item)) == 1)
		sum += *(int *)item;
	ck_assert_int_eq(r, 0);
	ck_assert_ptr_eq(item, &value);
	ck_assert_int_eq(coro_destroy(generator), 0);
	return sum;
}

START_TEST(generator_waits_below_a_delegation)
{
	coro_future_unref(spawn(ticks, NULL));
	ck_assert_int_eq(result_of(reads_delegated, NULL), 6);
	ck_assert_int_eq(coro_loop_time(loop), 30);
}
END_TEST

static struct coro *shared;

static int drives(void *arg)
{
	void *item = NULL;
	ck_assert_int_eq(coro_next(shared, &item), 1);
	return *(int *)item;
}

static int drives_meanwhile(void *arg)
{
	void *item = &value;
	ck_assert_int_eq(coro_state(shared), CORO_RUNNING);
	ck_assert_int_eq(coro_next(shared, &item), -EBUSY);
	ck_assert_int_eq(coro_throw(shared, -EIO, &item), -EBUSY);
	ck_assert_int_eq(coro_close(shared), -EBUSY);
	ck_assert_int_eq(coro_destroy(shared), -EBUSY);
	ck_assert_ptr_eq(item, &value);
	return 0;
}

START_TEST(generator_that_waits_for_one_task_is_busy_for_another)
{
	ck_assert_int_eq(coro_create(counts_slowly, NULL, &shared), 0);
	struct coro_future *first = spawn(drives, NULL);
	ck_assert_int_eq(result_of(drives_meanwhile, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, first, NULL), 1);
	/* It is free between two items, and may go from task to task. */
	ck_assert_int_eq(result_of(drives, NULL), 2);
	ck_assert_int_eq(result_of(drives, NULL), 3);
	ck_assert_int_eq(coro_destroy(shared), 0);
	coro_future_unref(first);
}
END_TEST

static int creates_for_another(void *arg)
{
	struct coro_future *child;
	ck_assert_int_eq(coro_create(counts_slowly, NULL, &shared), 0);
	ck_assert_int_eq(drives(NULL), 1);
	ck_assert_int_eq(coro_spawn(drives, NULL, &child), 0);
	ck_assert_int_eq(coro_await(child, NULL), 2);
	coro_future_unref(child);
	ck_assert_int_eq(drives(NULL), 3);
	return coro_destroy(shared);
}

START_TEST(generator_may_be_made_in_one_task_and_driven_in_another)
{
	ck_assert_int_eq(result_of(creates_for_another, NULL), 0);
}
END_TEST

static int cleans_up_slowly(void *arg)
{
	int r = coro_yield(NULL, NULL);
	ck_assert_int_eq(r, CORO_EXIT);
	ck_assert_int_eq(coro_sleep(7), 0);
	trace("clean");
	return r;
}

static int closes_slowly(void *arg)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(cleans_up_slowly, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_int_eq(coro_destroy(generator), 0);
	trace("closed");
	return 0;
}

START_TEST(generator_may_wait_while_it_is_closed)
{
	ck_assert_int_eq(result_of(closes_slowly, NULL), 0);
	ck_assert_trace("clean closed");
	ck_assert_int_eq(coro_loop_time(loop), 7);
}
END_TEST

static int fails_in_generator(void *arg)
{
	coro_sleep(1);
	return coro_raise(-EIO, "page torn");
}

static int reads_the_failing(void *arg)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(fails_in_generator, NULL, &generator), 0);
	int r = coro_next(generator, NULL);
	ck_assert_int_eq(coro_destroy(generator), 0);
	return r;
}

START_TEST(failure_of_a_generator_goes_up_through_its_task)
{
	ck_assert_int_eq(result_of(reads_the_failing, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "page torn");
}
END_TEST

static int waits_in_callback(void *arg)
{
	struct coro_future *future = arg;
	ck_assert_int_eq(coro_sleep(5), -EPERM);
	ck_assert_int_eq(coro_sleep(0), -EPERM);
	ck_assert_int_eq(coro_sleep_until(5), -EPERM);
	ck_assert_int_eq(coro_task_yield(), -EPERM);
	ck_assert_int_eq(coro_await(future, NULL), -EPERM);
	ck_assert_int_eq(coro_yield(NULL, NULL), 0);
	return 8;
}

static void resumes_in_callback(void *arg)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(waits_in_callback, arg, &co), 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(coro_status(co), 8);
	ck_assert_int_eq(coro_destroy(co), 0);
	trace("called");
}

START_TEST(coroutine_in_a_callback_cannot_wait)
{
	struct coro_future *future;
	ck_assert_int_eq(coro_future_create(loop, &future), 0);
	coro_future_unref(spawn(ticks, NULL));
	ck_assert_int_eq(coro_call_later(loop, 7, resumes_in_callback, future, NULL), 0);
	run();
	ck_assert_trace("tick called tick tick");
	coro_future_unref(future);
}
END_TEST

static int runs_a_loop(void *arg)
{
	for (int i = 0; i < 3; i++) {
		trace("before");
		ck_assert_int_eq(result_of(ticks, NULL), 0);
		ck_assert_int_eq(coro_yield(NULL, NULL), 0);
	}
	return 0;
}

START_TEST(generator_may_run_a_loop)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(runs_a_loop, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_trace("before tick tick tick");
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_int_eq(coro_next(generator, NULL), 0);
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_int_eq(coro_loop_time(loop), 105);
}
END_TEST

static int resumes_the_runner(void *arg)
{
	coro_sleep(1);
	return coro_next(shared, NULL);
}

static int runs_who_resumes_it(void *arg)
{
	ck_assert_int_eq(result_of(resumes_the_runner, NULL), -EBUSY);
	return 0;
}

START_TEST(generator_that_runs_the_loop_is_busy_for_its_tasks)
{
	ck_assert_int_eq(coro_create(runs_who_resumes_it, NULL, &shared), 0);
	ck_assert_int_eq(coro_next(shared, NULL), 0);
	ck_assert_int_eq(coro_destroy(shared), 0);
}
END_TEST

/* ---- stacks ---- */

/* The running body's stack, with its guard. */
static int stack_of(void *arg)
{
	return (int)coro_current()->frame->stack.size->bytes;
}

START_TEST(stack_size_is_the_tasks_or_the_loops_or_the_default)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .stack_size = 128 * 1024};
	struct coro_options own = {.stack_size = 512 * 1024},
			    smallest = {.stack_size = coro_stack_min()};
	struct coro_loop *small;
	struct coro_future *task;
	ck_assert_int_eq(result_of(stack_of, NULL), CORO_STACK_SIZE);

	ck_assert_int_eq(coro_loop_create(&options, &small), 0);
	ck_assert_int_eq(coro_loop_spawn(small, NULL, stack_of, NULL, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(small, task, NULL), 128 * 1024);
	coro_future_unref(task);
	ck_assert_int_eq(coro_loop_spawn(small, &own, stack_of, NULL, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(small, task, NULL), 512 * 1024);
	coro_future_unref(task);
	ck_assert_int_eq(coro_loop_spawn(small, &smallest, stack_of, NULL, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(small, task, NULL), (int)coro_stack_min());
	coro_future_unref(task);
	ck_assert_int_eq(coro_loop_close(small), 0);
}
END_TEST

/* Uses n bytes of stack, in steps, and sleeps there. */
static int go_down(size_t bytes)
{
	volatile char step[16 * 1024];
	memset((char *)step, 1, sizeof(step));
	int r = bytes > sizeof(step) ? go_down(bytes - sizeof(step)) : coro_sleep(1);
	return r + step[sizeof(step) / 2];
}

static int uses_much(void *arg)
{
	return go_down(*(size_t *)arg);
}

START_TEST(stack_can_be_used_to_its_size)
{
	size_t bytes = 6 << 20;
	struct coro_options options = {.stack_size = 8 << 20};
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_spawn(loop, &options, uses_much, &bytes, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), (int)(bytes >> 14));
	coro_future_unref(task);
}
END_TEST

START_TEST(options_that_cannot_be_are_refused)
{
	struct coro_future *task;
	struct coro_options small = {.stack_size = coro_stack_min() - 1},
			    flags = {.flags = 1u << 9};
	struct coro_options large = {.stack_size = SIZE_MAX};
	ck_assert_int_eq(coro_loop_spawn(loop, &small, nothing, NULL, &task), -EINVAL);
	ck_assert_int_eq(coro_loop_spawn(loop, &large, nothing, NULL, &task), -EINVAL);
	ck_assert_int_eq(coro_loop_spawn(loop, &flags, nothing, NULL, &task), -EINVAL);
	run();
}
END_TEST

static int never(void *arg)
{
	ck_abort_msg("it ran");
}

static int awaits_without_stack(void *arg)
{
	struct coro_options options = {.stack_size = SIZE_MAX / 4};
	struct coro_future *child;
	ck_assert_int_eq(coro_loop_spawn(loop, &options, never, NULL, &child), 0);
	int r = coro_await(child, NULL);
	ck_assert_str_eq(coro_future_message(child), coro_strerror(-ENOMEM));
	coro_future_unref(child);
	return r;
}

START_TEST(task_without_a_stack_fails_and_the_loop_goes_on)
{
	coro_future_unref(spawn(ticks, NULL));
	ck_assert_int_eq(result_of(awaits_without_stack, NULL), -ENOMEM);
	run();
	ck_assert_trace("tick tick tick");
}
END_TEST

START_TEST(only_the_task_that_found_no_stack_fails)
{
	/* The first stack takes several allocations, the last of them within the step that starts the task. */
	for (unsigned long n = 1;; n++) {
		int done = 0;
		struct coro_future *first = spawn(sets, &done);
		struct coro_future *second = spawn(sets, &done);
		coro_pool_trim();
		fail_nth(n);
		int r = coro_run_forever(loop);
		bool failed = fail_off();
		ck_assert_int_eq(r, -EDEADLK);
		int one = coro_future_result(first, NULL), two = coro_future_result(second, NULL);
		ck_assert(one == 0 || (failed && one == -ENOMEM));
		ck_assert(two == 0 || (failed && one == 0 && two == -ENOMEM));
		coro_future_unref(first);
		coro_future_unref(second);
		if (!failed)
			break;
	}
}
END_TEST

START_TEST(short_tasks_share_one_warm_stack)
{
	struct coro_pool_stats stats;
	for (int i = 0; i < 1000; i++)
		coro_future_unref(spawn(nothing, NULL));
	run();
	coro_pool_stats(&stats);
	ck_assert_uint_eq(stats.in_use, 0);
	ck_assert_uint_eq(stats.warm, 1);
}
END_TEST

START_TEST(stack_of_a_task_is_free_at_its_end_whoever_holds_it)
{
	struct coro_pool_stats stats;
	struct coro_future *tasks[10];
	int done;
	for (int i = 0; i < 10; i++)
		tasks[i] = spawn(sets, &done);
	run();
	coro_pool_stats(&stats);
	ck_assert_uint_eq(stats.in_use, 0);
	for (int i = 0; i < 10; i++)
		coro_future_unref(tasks[i]);
}
END_TEST

START_TEST(tasks_may_outnumber_the_pool)
{
	static int done[200];
	ck_assert_int_eq(coro_pool_limit(3), 0);
	for (int round = 0; round < 3; round++) {
		memset(done, 0, sizeof(done));
		for (int i = 0; i < 200; i++)
			coro_future_unref(spawn(sets, &done[i]));
		run();
		for (int i = 0; i < 200; i++)
			ck_assert_int_eq(done[i], 1);
	}
}
END_TEST

static int waits_in_every_way(void *arg)
{
	struct coro_future *child;
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_sleep(i), 0);
		ck_assert_int_eq(coro_task_yield(), 0);
		ck_assert_int_eq(coro_spawn(returns_value, NULL, &child), 0);
		ck_assert_int_eq(coro_await(child, NULL), 5);
		coro_future_unref(child);
	}
	return reads_slowly(NULL);
}

START_TEST(tasks_that_keep_exceptions_wait_as_others_do)
{
	struct coro_options options = {.flags = CORO_SAVE_EXCEPTIONS};
	struct coro_future *tasks[3];
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
			coro_loop_spawn(loop, &options, waits_in_every_way, NULL, &tasks[i]), 0);
	run();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_future_result(tasks[i], NULL), 6);
		coro_future_unref(tasks[i]);
	}
}
END_TEST

/* ---- memory ---- */

START_TEST(a_task_is_small)
{
	ck_assert_uint_le(sizeof(struct task), 152);
}
END_TEST

static struct coro_future *made_done;

static int waits_on_nothing(void *arg)
{
	for (int i = 0; i < 100; i++) {
		coro_task_yield();
		coro_sleep(i % 4);
		coro_sleep_until(coro_loop_time(loop) + 1);
	}
	return coro_await(made_done, NULL);
}

static int ends_the_wait(void *arg)
{
	coro_sleep(10000);
	return coro_future_set_result(made_done, NULL);
}

START_TEST(waiting_allocates_nothing)
{
	if (!fail_possible())
		return;
	struct coro_future *tasks[50];
	ck_assert_int_eq(coro_future_create(loop, &made_done), 0);
	for (int i = 0; i < 50; i++)
		tasks[i] = spawn(waits_on_nothing, NULL);
	coro_future_unref(spawn(ends_the_wait, NULL));
	/* One turn, by which all have their stacks. */
	coro_loop_stop(loop);
	ck_assert_int_eq(coro_run_forever(loop), 0);

	fail_nth(0);
	int r = coro_run_forever(loop);
	fail_off();
	ck_assert_int_eq(r, -EDEADLK);
	ck_assert_uint_eq(fail_count(), 0);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(coro_future_result(tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
	}
	coro_future_unref(made_done);
}
END_TEST

START_TEST(tasks_come_and_go_in_any_number)
{
	static int done[3000];
	int count = many(3000, 300);
	for (int i = 0; i < count; i++)
		coro_future_unref(spawn(sets, &done[i]));
	run();
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(done[i], 1);
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

	tcase_add_test(tests, others_run_while_a_generator_waits);
	tcase_add_test(tests, generator_waits_below_a_delegation);
	tcase_add_test(tests, generator_that_waits_for_one_task_is_busy_for_another);
	tcase_add_test(tests, generator_may_be_made_in_one_task_and_driven_in_another);
	tcase_add_test(tests, generator_may_wait_while_it_is_closed);
	tcase_add_test(tests, failure_of_a_generator_goes_up_through_its_task);
	tcase_add_test(tests, coroutine_in_a_callback_cannot_wait);
	tcase_add_test(tests, generator_may_run_a_loop);
	tcase_add_test(tests, generator_that_runs_the_loop_is_busy_for_its_tasks);

	tcase_add_test(tests, stack_size_is_the_tasks_or_the_loops_or_the_default);
	tcase_add_test(tests, stack_can_be_used_to_its_size);
	tcase_add_test(tests, options_that_cannot_be_are_refused);
	tcase_add_test(tests, task_without_a_stack_fails_and_the_loop_goes_on);
	tcase_add_test(tests, only_the_task_that_found_no_stack_fails);
	tcase_add_test(tests, short_tasks_share_one_warm_stack);
	tcase_add_test(tests, stack_of_a_task_is_free_at_its_end_whoever_holds_it);
	tcase_add_test(tests, tasks_may_outnumber_the_pool);
	tcase_add_test(tests, tasks_that_keep_exceptions_wait_as_others_do);

	tcase_add_test(tests, a_task_is_small);
	tcase_add_test(tests, waiting_allocates_nothing);
	tcase_add_test(tests, tasks_come_and_go_in_any_number);
}

TEST_MAIN("task", add_tests)
