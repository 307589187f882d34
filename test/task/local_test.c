/* SPDX-License-Identifier: MIT */
/* Task-local values: what is claimed here of inheritance is what contextvars and asyncio do. */
#include "tasks.h"

#include <stdint.h>

static int initial = 0, one = 1, two = 2, three = 3;
static struct coro_local local = CORO_LOCAL("local", &initial);
static struct coro_local others[100];

static void set_to(int *value)
{
	ck_assert_int_eq(coro_local_set(&local, value, NULL), 0);
}

static int get(void)
{
	return *(int *)coro_local_get(&local);
}

/* The thread's values outlast a test. */
static void setup(void)
{
	loop_setup();
	set_to(&initial);
}

static void trace_it(void *word)
{
	trace("%s=%d", (const char *)word, get());
}

static int tells(void *word)
{
	trace_it(word);
	return 0;
}

/* ---- values ---- */

START_TEST(a_variable_has_its_own_value_until_one_is_set)
{
	static struct coro_local none, fresh = CORO_LOCAL(NULL, &one);
	ck_assert_ptr_eq(coro_local_get(&none), NULL);
	ck_assert_ptr_eq(coro_local_get(&fresh), &one);
	ck_assert_int_eq(coro_local_set(&fresh, &two, NULL), 0);
	ck_assert_ptr_eq(coro_local_get(&fresh), &two);
	ck_assert_ptr_eq(coro_local_get(&none), NULL);
	ck_assert_int_eq(coro_local_set(&fresh, NULL, NULL), 0);
	ck_assert_ptr_eq(coro_local_get(&fresh), NULL);
}
END_TEST

static int sets_many(void *arg)
{
	for (intptr_t i = 0; i < 100; i++)
		ck_assert_int_eq(coro_local_set(&others[i], (void *)i, NULL), 0);
	if (arg)
		ck_assert_int_eq(coro_spawn(sets_many, NULL, NULL), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	for (intptr_t i = 0; i < 100; i++)
		ck_assert_ptr_eq(coro_local_get(&others[i]), (void *)i);
	return 0;
}

START_TEST(there_may_be_many)
{
	ck_assert_int_eq(result_of(sets_many, &one), 0);
	ck_assert_ptr_eq(coro_local_get(&others[7]), NULL);
	run();
}
END_TEST

/* ---- inheritance ---- */

static int sets_two(void *arg)
{
	trace_it("inherited");
	set_to(&two);
	coro_task_yield();
	trace_it("own");
	return 0;
}

static int spawns_and_changes(void *arg)
{
	struct coro_future *task;
	set_to(&one);
	ck_assert_int_eq(coro_spawn(sets_two, NULL, &task), 0);
	set_to(&three);
	ck_assert_int_eq(coro_await(task, NULL), 0);
	coro_future_unref(task);
	trace_it("spawner");
	return 0;
}

START_TEST(a_task_inherits_locals_as_spawned_and_changes_its_own)
{
	ck_assert_int_eq(result_of(spawns_and_changes, NULL), 0);
	ck_assert_trace("inherited=1 own=2 spawner=3");
	trace_it("thread");
	ck_assert_trace("thread=0");
}
END_TEST

START_TEST(a_task_spawned_outside_of_the_loop_inherits_from_the_thread)
{
	set_to(&one);
	struct coro_future *task = spawn(tells, "task");
	set_to(&two);
	run();
	trace_it("thread");
	ck_assert_trace("task=1 thread=2");
	assert_ended(task, 0);
}
END_TEST

static int spawns_grandchild(void *arg)
{
	ck_assert_int_eq(coro_spawn(tells, "grandchild", NULL), 0);
	return 0;
}

START_TEST(values_are_inherited_through_one_who_never_looks)
{
	set_to(&three);
	ck_assert_int_eq(result_of(spawns_grandchild, NULL), 0);
	run();
	ck_assert_trace("grandchild=3");
}
END_TEST

static int group_of_one(void *arg)
{
	struct coro_group *group;
	set_to(&one);
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, sets_two, NULL, NULL), 0);
	ck_assert_int_eq(coro_group_end(group, 0), 0);
	trace_it("owner");
	return 0;
}

START_TEST(a_member_of_a_group_inherits_like_any_task)
{
	ck_assert_int_eq(result_of(group_of_one, NULL), 0);
	ck_assert_trace("inherited=1 own=2 owner=1");
}
END_TEST

START_TEST(an_eager_task_inherits_before_it_runs)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK | CORO_EAGER_TASKS};
	ck_assert_int_eq(coro_run_with(&options, spawns_and_changes, NULL), 0);
	ck_assert_trace("inherited=1 own=2 spawner=3");
}
END_TEST

START_TEST(one_that_never_runs_lets_go_of_what_it_inherited)
{
	set_to(&one);
	struct coro_loop *other;
	struct coro_future *cancelled;
	ck_assert_int_eq(coro_loop_create(NULL, &other), 0);
	ck_assert_int_eq(coro_loop_spawn(other, NULL, tells, "cancelled", &cancelled), 0);
	cancel(cancelled);
	coro_future_unref(cancelled);
	ck_assert_int_eq(coro_loop_stop(other), 0);
	ck_assert_int_eq(coro_run_forever(other), 0);
	ck_assert_int_eq(coro_loop_spawn(other, NULL, tells, "never", NULL), 0);
	ck_assert_int_eq(coro_call_soon(other, trace_it, "never", NULL), 0);
	set_to(&two); /* a copy: they are the last to hold the first. A leak checker sees */
	ck_assert_int_eq(coro_loop_close(other), 0);
	ck_assert_trace("");
}
END_TEST

static int sleeps_with_values(void *arg)
{
	set_to(&one);
	return coro_sleep(CORO_SEC);
}

START_TEST(one_discarded_lets_go_of_its_values)
{
	struct coro_loop *other;
	ck_assert_int_eq(coro_loop_create(NULL, &other), 0);
	ck_assert_int_eq(coro_loop_spawn(other, NULL, sleeps_with_values, NULL, NULL), 0);
	ck_assert_int_eq(coro_loop_stop(other), 0);
	ck_assert_int_eq(coro_run_forever(other), 0);
	ck_assert_int_eq(coro_loop_close(other), 0); /* a leak checker sees the rest */
	ck_assert_int_eq(get(), 0);
	ck_assert_int_eq(result_of(tells, "the next on its stack"), 0);
	ck_assert_trace("the next on its stack=0");
}
END_TEST

/* ---- callbacks ---- */

static void sets_in_callback(void *word)
{
	trace_it(word);
	set_to(&three);
}

static int makes_callbacks(void *arg)
{
	struct coro_future *future = make_future();
	set_to(&one);
	ck_assert_int_eq(coro_call_soon(loop, sets_in_callback, "soon", NULL), 0);
	ck_assert_int_eq(coro_call_later(loop, 5, sets_in_callback, "later", NULL), 0);
	ck_assert_int_eq(coro_call_at(loop, 6, sets_in_callback, "at", NULL), 0);
	ck_assert_int_eq(coro_future_add_done_callback(future, sets_in_callback, "done"), 0);
	set_to(&two);
	ck_assert_int_eq(coro_call_soon(loop, sets_in_callback, "after", NULL), 0);
	set(future, NULL);
	ck_assert_int_eq(coro_future_add_done_callback(future, sets_in_callback, "late"), 0);
	coro_future_unref(future);
	ck_assert_int_eq(coro_sleep(10), 0);
	trace_it("task");
	return 0;
}

START_TEST(a_callback_sees_what_there_was_when_it_was_made)
{
	ck_assert_int_eq(result_of(makes_callbacks, NULL), 0);
	trace_it("thread");
	ck_assert_trace("soon=1 after=2 done=1 late=2 later=1 at=1 task=2 thread=0");
}
END_TEST

static void spawns_task(void *arg)
{
	set_to(&three);
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, tells, "task", NULL), 0);
}

START_TEST(a_task_spawned_in_a_callback_inherits_from_the_callback)
{
	call_outside_tasks(spawns_task, NULL);
	run();
	trace_it("thread");
	ck_assert_trace("task=3 thread=0");
}
END_TEST

START_TEST(callbacks_that_never_run_let_go_of_what_they_inherited)
{
	struct coro_handle *handle;
	struct coro_future *future = make_future(), *removed = make_future();
	set_to(&one);
	ck_assert_int_eq(coro_call_later(loop, 5, trace_it, "never", &handle), 0);
	ck_assert_int_eq(coro_handle_cancel(handle), 0);
	coro_handle_unref(handle);
	ck_assert_int_eq(coro_call_soon(loop, trace_it, "never", NULL), 0);
	ck_assert_int_eq(coro_future_add_done_callback(future, trace_it, "never"), 0);
	ck_assert_int_eq(coro_future_add_done_callback(removed, trace_it, "never"), 0);
	ck_assert_int_eq(coro_future_remove_done_callback(removed, trace_it, "never"), 1);
	coro_future_unref(removed);
	coro_future_unref(future); /* with a callback; a leak checker sees the rest */
	set_to(&two);
}
END_TEST

/* ---- generators ---- */

static int yields_values(void *arg)
{
	for (;;) {
		trace_it("generator");
		set_to(&three);
		int r = coro_sleep(1);
		if (r == 0)
			r = coro_yield(NULL, NULL);
		if (r < 0)
			return r;
	}
}

static int drives(void *generator)
{
	set_to(&one);
	int r = coro_next(generator, NULL);
	trace_it("driver");
	return r;
}

static int drives_too(void *generator)
{
	set_to(&two);
	int r = coro_next(generator, NULL);
	trace_it("second");
	return r;
}

START_TEST(a_generator_sees_and_sets_the_values_of_whoever_resumes_it)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(yields_values, NULL, &generator), 0);
	ck_assert_int_eq(result_of(drives, generator), 1);
	ck_assert_int_eq(result_of(drives_too, generator), 1);
	ck_assert_trace("generator=1 driver=3 generator=2 second=3");
	ck_assert_int_eq(get(), 0);
	ck_assert_int_eq(coro_destroy(generator), 0);
}
END_TEST

/* ---- deferred calls ---- */

static int defers(void *arg)
{
	set_to(&two);
	return coro_defer(trace_it, "deferred");
}

START_TEST(a_deferred_call_sees_the_values_of_its_task)
{
	ck_assert_int_eq(result_of(defers, NULL), 0);
	ck_assert_trace("deferred=2");
}
END_TEST

/* ---- reset ---- */

START_TEST(reset_gives_the_value_before_the_set)
{
	struct coro_local_token first, second;
	ck_assert_int_eq(coro_local_set(&local, &one, &first), 0);
	ck_assert_int_eq(coro_local_set(&local, &two, &second), 0);
	ck_assert_int_eq(coro_local_reset(&local, &second), 0);
	ck_assert_int_eq(get(), 1);
	ck_assert_int_eq(coro_local_reset(&local, &first), 0);
	ck_assert_int_eq(get(), 0);
	ck_assert_int_eq(coro_local_reset(&local, &first), -EALREADY);
}
END_TEST

static int sets_for_good(void *token)
{
	return coro_local_set(&local, &one, token);
}

static int resets_with(void *token)
{
	return coro_local_reset(&local, token);
}

/* Though it may get the other's stack. */
START_TEST(token_of_a_task_that_has_ended_is_refused)
{
	struct coro_local_token token;
	ck_assert_int_eq(result_of(sets_for_good, &token), 0);
	ck_assert_int_eq(result_of(resets_with, &token), -EPERM);
}
END_TEST

static int resets(void *token)
{
	int r = coro_local_reset(&local, token);
	trace_it("other");
	return r;
}

START_TEST(misuse_is_refused)
{
	struct coro_local_token token;
	ck_assert_ptr_eq(coro_local_get(NULL), NULL);
	ck_assert_int_eq(coro_local_set(NULL, &one, NULL), -EINVAL);
	ck_assert_int_eq(coro_local_set(&local, &one, &token), 0);
	ck_assert_int_eq(coro_local_reset(NULL, &token), -EINVAL);
	ck_assert_int_eq(coro_local_reset(&local, NULL), -EINVAL);
	ck_assert_int_eq(coro_local_reset(&others[0], &token), -EINVAL);
	ck_assert_int_eq(result_of(resets, &token), -EPERM);
	ck_assert_trace("other=1");
	ck_assert_int_eq(coro_local_reset(&local, &token), 0);
}
END_TEST

/* ---- sets ---- */

static int sets_and_tells(void *value)
{
	trace_it("within");
	set_to(value);
	return *(int *)value;
}

START_TEST(a_function_called_with_a_set_changes_that_set_alone)
{
	struct coro_locals *set;
	set_to(&one);
	ck_assert_int_eq(coro_locals_copy(&set), 0);
	set_to(&two);
	ck_assert_int_eq(coro_locals_run(set, sets_and_tells, &three), 3);
	trace_it("outside");
	ck_assert_int_eq(coro_locals_run(set, tells, "again"), 0);
	ck_assert_trace("within=1 outside=2 again=3");
	ck_assert_int_eq(coro_locals_destroy(set), 0);
	ck_assert_int_eq(coro_locals_destroy(NULL), 0);
}
END_TEST

static int makes_things(void *arg)
{
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, tells, "task", NULL), 0);
	ck_assert_int_eq(coro_call_soon(loop, trace_it, "callback", NULL), 0);
	return 0;
}

START_TEST(what_is_made_in_such_a_call_inherits_from_the_set)
{
	struct coro_locals *set;
	set_to(&one);
	ck_assert_int_eq(coro_locals_copy(&set), 0);
	set_to(&two);
	ck_assert_int_eq(coro_locals_run(set, makes_things, NULL), 0);
	ck_assert_int_eq(coro_locals_destroy(set), 0);
	run();
	ck_assert_trace("task=1 callback=1");
}
END_TEST

static int waits_within(void *arg)
{
	set_to(&three);
	int r = coro_sleep(5);
	trace_it("within");
	return r;
}

static int calls_with(void *set)
{
	set_to(&two);
	int r = coro_locals_run(set, waits_within, NULL);
	trace_it("after");
	return r;
}

START_TEST(a_set_is_busy_while_a_function_called_with_it_waits)
{
	struct coro_locals *set;
	ck_assert_int_eq(coro_locals_copy(&set), 0);
	struct coro_future *task = start(calls_with, set);
	ck_assert_int_eq(get(), 0);
	ck_assert_int_eq(coro_locals_run(set, tells, "no"), -EBUSY);
	ck_assert_int_eq(coro_locals_destroy(set), -EBUSY);
	run();
	ck_assert_trace("within=3 after=2");
	assert_ended(task, 0);
	ck_assert_int_eq(coro_locals_destroy(set), 0);
}
END_TEST

START_TEST(a_set_is_free_when_the_task_that_uses_it_is_discarded)
{
	struct coro_locals *set;
	struct coro_loop *other;
	ck_assert_int_eq(coro_locals_copy(&set), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &other), 0);
	ck_assert_int_eq(coro_loop_spawn(other, NULL, calls_with, set, NULL), 0);
	ck_assert_int_eq(coro_loop_stop(other), 0);
	ck_assert_int_eq(coro_run_forever(other), 0);
	ck_assert_int_eq(coro_loop_close(other), 0);
	ck_assert_int_eq(coro_locals_run(set, tells, "still"), 0);
	ck_assert_trace("still=3");
	ck_assert_int_eq(coro_locals_destroy(set), 0);
}
END_TEST

static int yields(void *arg)
{
	return coro_yield(arg, NULL);
}

static int yields_within(void *set)
{
	ck_assert_int_eq(coro_locals_run(set, yields, NULL), -EPERM);
	return coro_yield(NULL, NULL);
}

START_TEST(a_generator_cannot_yield_from_within_a_set)
{
	struct coro_locals *set;
	struct coro *generator;
	ck_assert_int_eq(coro_locals_copy(&set), 0);
	ck_assert_int_eq(coro_create(yields_within, set, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_int_eq(coro_locals_destroy(set), 0);
}
END_TEST

static int runs_and_yields(void *arg)
{
	ck_assert_int_eq(coro_run(gives_way, NULL), 0);
	return coro_yield(arg, NULL);
}

static int runs_and_yields_within(void *locals)
{
	ck_assert_int_eq(coro_locals_run(locals, runs_and_yields, NULL), -EPERM);
	return 0;
}

START_TEST(nor_after_it_has_run_a_loop_there)
{
	struct coro_locals *locals;
	struct coro *generator;
	ck_assert_int_eq(coro_locals_copy(&locals), 0);
	ck_assert_int_eq(coro_create(runs_and_yields_within, locals, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 0);
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_int_eq(coro_locals_destroy(locals), 0);
}
END_TEST

START_TEST(sets_refuse_misuse)
{
	struct coro_locals *set;
	ck_assert_int_eq(coro_locals_copy(NULL), -EINVAL);
	ck_assert_int_eq(coro_locals_copy(&set), 0);
	ck_assert_int_eq(coro_locals_run(NULL, tells, NULL), -EINVAL);
	ck_assert_int_eq(coro_locals_run(set, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_locals_destroy(set), 0);
}
END_TEST

static void *runs_there(void *set)
{
	ck_assert_int_eq(get(), 0);
	int r = coro_locals_run(set, sets_and_tells, &three);
	trace_it("there");
	set_to(&two); /* goes with the thread */
	return (void *)(intptr_t)r;
}

START_TEST(a_set_may_be_handed_to_another_thread)
{
	struct coro_locals *set;
	set_to(&one);
	ck_assert_int_eq(coro_locals_copy(&set), 0);
	ck_assert_int_eq((int)(intptr_t)in_thread(runs_there, set), 3);
	trace_it("here");
	ck_assert_trace("within=1 there=0 here=1");
	ck_assert_int_eq(coro_locals_destroy(set), 0);
}
END_TEST

/* ---- cost, memory ---- */

static int sleeps(void *arg)
{
	return coro_sleep(1);
}

static int spawns_ten(void *arg)
{
	int r = 0;
	for (int i = 0; i < 10 && r == 0; i++)
		r = coro_spawn(sleeps, NULL, NULL);
	return r == 0 ? coro_sleep(2) : r;
}

START_TEST(inheriting_allocates_nothing)
{
	set_to(&one);
	ck_assert_int_eq(result_of(spawns_ten, NULL), 0); /* there is room now */
	struct coro_future *task = spawn(spawns_ten, NULL);
	ck_assert_uint_eq(allocations_of_run(), 0);
	assert_ended(task, 0);
}
END_TEST

static int sets_without_memory(void *arg)
{
	struct coro_local_token token = {0};
	fail_nth(1);
	int r = coro_local_set(&others[1], &two, &token);
	bool failed = fail_off();
	ck_assert(failed);
	ck_assert_ptr_eq(token.local, NULL);
	ck_assert_ptr_eq(coro_local_get(&others[1]), NULL);
	return r;
}

START_TEST(without_memory_nothing_is_set)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	ck_assert_int_eq(result_of(sets_without_memory, NULL), -ENOMEM);
	set_to(&one);
	ck_assert_int_eq(result_of(sets_without_memory, NULL), -ENOMEM);
	ck_assert_int_eq(get(), 1);
}
END_TEST

static int resets_without_memory(void *arg)
{
	struct coro_local_token token;
	ck_assert_int_eq(coro_local_set(&local, &two, &token), 0);
	ck_assert_int_eq(coro_spawn(tells, "heir", NULL), 0);
	fail_nth(1);
	int r = coro_local_reset(&local, &token);
	bool failed = fail_off();
	ck_assert(failed);
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_int_eq(get(), 2);
	ck_assert_int_eq(coro_local_reset(&local, &token), 0);
	ck_assert_int_eq(get(), 0);
	return 0;
}

START_TEST(a_reset_that_failed_may_be_tried_again)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	ck_assert_int_eq(result_of(resets_without_memory, NULL), 0);
	run();
	ck_assert_trace("heir=2");
}
END_TEST

static int sets(void *value)
{
	return coro_local_set(&local, value, NULL);
}

static int program(void *arg)
{
	struct coro_locals *set;
	struct coro_future *task;
	int r = coro_local_set(&local, &one, NULL);
	if (r == 0)
		r = coro_spawn(sets, &two, &task);
	if (r < 0)
		return r;
	r = coro_await(task, NULL);
	coro_future_unref(task);
	if (r == 0)
		r = coro_locals_copy(&set);
	if (r < 0)
		return r;
	r = coro_locals_run(set, sets, &three);
	coro_locals_destroy(set);
	return r;
}

START_TEST(each_allocation_may_fail)
{
	fail_each_allocation(program);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);
	tcase_add_test(tests, a_variable_has_its_own_value_until_one_is_set);
	tcase_add_test(tests, there_may_be_many);
	tcase_add_test(tests, a_task_inherits_locals_as_spawned_and_changes_its_own);
	tcase_add_test(tests, a_task_spawned_outside_of_the_loop_inherits_from_the_thread);
	tcase_add_test(tests, values_are_inherited_through_one_who_never_looks);
	tcase_add_test(tests, a_member_of_a_group_inherits_like_any_task);
	tcase_add_test(tests, an_eager_task_inherits_before_it_runs);
	tcase_add_test(tests, one_that_never_runs_lets_go_of_what_it_inherited);
	tcase_add_test(tests, one_discarded_lets_go_of_its_values);
	tcase_add_test(tests, a_callback_sees_what_there_was_when_it_was_made);
	tcase_add_test(tests, a_task_spawned_in_a_callback_inherits_from_the_callback);
	tcase_add_test(tests, callbacks_that_never_run_let_go_of_what_they_inherited);
	tcase_add_test(tests, a_generator_sees_and_sets_the_values_of_whoever_resumes_it);
	tcase_add_test(tests, a_deferred_call_sees_the_values_of_its_task);
	tcase_add_test(tests, reset_gives_the_value_before_the_set);
	tcase_add_test(tests, token_of_a_task_that_has_ended_is_refused);
	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, a_function_called_with_a_set_changes_that_set_alone);
	tcase_add_test(tests, what_is_made_in_such_a_call_inherits_from_the_set);
	tcase_add_test(tests, a_set_is_busy_while_a_function_called_with_it_waits);
	tcase_add_test(tests, a_set_is_free_when_the_task_that_uses_it_is_discarded);
	tcase_add_test(tests, a_generator_cannot_yield_from_within_a_set);
	tcase_add_test(tests, nor_after_it_has_run_a_loop_there);
	tcase_add_test(tests, sets_refuse_misuse);
	tcase_add_test(tests, a_set_may_be_handed_to_another_thread);
	tcase_add_test(tests, inheriting_allocates_nothing);
	tcase_add_test(tests, without_memory_nothing_is_set);
	tcase_add_test(tests, a_reset_that_failed_may_be_tried_again);
	tcase_add_test(tests, each_allocation_may_fail);
}

TEST_MAIN("local", add)
