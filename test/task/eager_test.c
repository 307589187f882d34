/* SPDX-License-Identifier: MIT */
/* Tasks that run at once when they are spawned. */
#include "loop/loop.h"

#include "tasks.h"

static const struct coro_options eager = {.flags = CORO_EAGER_START};

static struct coro_future *spawn_eager(coro_fn *fn, void *arg)
{
	struct coro_future *task = NULL;
	ck_assert_int_eq(coro_loop_spawn(loop, &eager, fn, arg, &task), 0);
	ck_assert_ptr_nonnull(task);
	return task;
}

/* Spawns it eagerly, without a reference. */
static void let(coro_fn *fn, void *arg)
{
	ck_assert_int_eq(coro_loop_spawn(loop, &eager, fn, arg, NULL), 0);
}

static void loop_setup_eager(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK | CORO_EAGER_TASKS};
	ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
}

/* Traces its start and the end of each of two waits. */
static int says_thrice(void *name)
{
	trace("%s", (const char *)name);
	for (int i = 1; i <= 2; i++) {
		int r = coro_task_yield();
		if (r < 0)
			return r;
		trace("%s%d", (const char *)name, i);
	}
	return 0;
}

/* ---- order ---- */

static int spawns_two(void *arg)
{
	struct coro_future *me = coro_current_task();
	coro_spawn(says_thrice, "plain", NULL);
	trace("main");
	struct coro_future *a = spawn_eager(says_thrice, "a");
	trace("spawned");
	struct coro_future *b = spawn_eager(says, "b");
	trace(coro_future_done(b) ? "done" : "not");
	coro_future_add_done_callback(b, trace_word, "called");
	ck_assert_ptr_eq(coro_current_task(), me);
	ck_assert(!coro_future_done(a));
	coro_task_yield();
	trace("main1");
	coro_task_yield();
	trace("main2");
	assert_ended(b, 0);
	coro_future_unref(a);
	return 0;
}

/* As CPython 3.12. */
START_TEST(task_runs_to_its_first_wait_and_then_its_spawner_goes_on)
{
	ck_assert_int_eq(result_of(spawns_two, NULL), 0);
	ck_assert_trace("main a spawned b done plain a1 called main1 plain1 a2 main2 plain2");
}
END_TEST

static int nests(void *depth)
{
	intptr_t left = (intptr_t)depth;
	trace("%d<", (int)left);
	if (left > 0)
		let(nests, (void *)(left - 1));
	coro_task_yield();
	trace("%d>", (int)left);
	return 0;
}

static int lets_nest(void *arg)
{
	let(nests, (void *)3);
	trace("back");
	coro_task_yield();
	trace("turn");
	return coro_task_yield();
}

START_TEST(tasks_nest)
{
	ck_assert_int_eq(result_of(lets_nest, NULL), 0);
	ck_assert_trace("3< 2< 1< 0< back 0> 1> 2> 3> turn");
}
END_TEST

static int goes_deep(void *depth)
{
	int *left = depth;
	if (--*left > 0)
		let(goes_deep, depth);
	return 0;
}

START_TEST(tasks_nest_as_deep_as_there_are_stacks)
{
	int depth = many(2000, 100);
	ck_assert_int_eq(result_of(goes_deep, &depth), 0);
	ck_assert_int_eq(depth, 0);
}
END_TEST

static int current(void *arg)
{
	trace("%s", coro_task_name(coro_current_task()));
	coro_task_yield();
	trace("%s", coro_task_name(coro_current_task()));
	return 0;
}

static int looks_who_runs(void *arg)
{
	struct coro_options named = {.flags = CORO_EAGER_START, .name = "child"};
	coro_task_set_name(coro_current_task(), "me");
	coro_loop_spawn(loop, &named, current, NULL, NULL);
	return current(NULL);
}

START_TEST(current_task_is_who_runs)
{
	ck_assert_int_eq(result_of(looks_who_runs, NULL), 0);
	run();
	ck_assert_trace("child me child me");
}
END_TEST

static int yields_its_spawn(void *arg)
{
	let(says_thrice, "child");
	trace("generator");
	return coro_yield(arg, NULL);
}

static int drives_a_generator(void *arg)
{
	struct coro *generator;
	void *item;
	coro_create(yields_its_spawn, &loop, &generator);
	ck_assert_int_eq(coro_next(generator, &item), 1);
	ck_assert_ptr_eq(item, &loop);
	trace("main");
	coro_destroy(generator);
	coro_task_yield();
	trace("main1");
	return 0;
}

static void drives_it(void *arg)
{
	ck_assert_int_eq(drives_a_generator(NULL), 0);
}

START_TEST(generator_of_a_task_may_spawn)
{
	ck_assert_int_eq(result_of(drives_a_generator, NULL), 0);
	run();
	ck_assert_trace("child generator main child1 main1 child2");
}
END_TEST

/* The waits of the callback's part are refused. */
START_TEST(generator_of_a_callback_may_spawn)
{
	call_outside_tasks(drives_it, NULL);
	run();
	ck_assert_trace("child generator main main1 child1 child2");
}
END_TEST

static void spawns_in_callback(void *arg)
{
	trace("callback");
	let(says_thrice, "a");
	ck_assert_ptr_null(coro_current_task());
	trace("between");
	let(says, "b");
	let(lets_nest, NULL);
	trace("over");
	ck_assert_ptr_null(coro_current_task());
	ck_assert_int_eq(coro_sleep(1), -EPERM);
}

START_TEST(callback_may_spawn)
{
	ck_assert_int_eq(coro_call_soon(loop, spawns_in_callback, NULL, NULL), 0);
	ck_assert_int_eq(coro_call_soon(loop, trace_word, "next", NULL), 0);
	turn();
	ck_assert_trace("callback a between b 3< 2< 1< 0< back over next");
	run();
	ck_assert_trace("a1 0> 1> 2> 3> turn a2");
}
END_TEST

static void stops(void *arg)
{
	let(says_thrice, "a");
	coro_loop_stop(loop);
	let(says_thrice, "b");
}

START_TEST(turn_ends_where_it_would_have)
{
	coro_call_soon(loop, stops, NULL, NULL);
	coro_call_soon(loop, trace_word, "next", NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("a b next");
	run();
	ck_assert_trace("a1 b1 a2 b2");
}
END_TEST

static int arms_a_timer(void *arg)
{
	int r = coro_sleep(5);
	trace("slept");
	return r;
}

static void lets_sleep(void *arg)
{
	let(arms_a_timer, NULL);
	trace("called");
}

START_TEST(task_of_a_callback_may_sleep)
{
	call_outside_tasks(lets_sleep, NULL);
	coro_future_unref(spawn(says_thrice, "other"));
	run();
	ck_assert_trace("called other other1 other2 slept");
	ck_assert_int_eq(coro_loop_time(loop), 5);
}
END_TEST

START_TEST(before_the_loop_runs_it_is_an_ordinary_spawn)
{
	struct coro_future *task = spawn_eager(says, "task");
	ck_assert_trace("");
	ck_assert(!coro_future_done(task));
	run();
	ck_assert_trace("task");
	assert_ended(task, 0);
}
END_TEST

static struct coro_loop *other_loop;

static int spawns_elsewhere(void *arg)
{
	ck_assert_int_eq(coro_loop_spawn(other_loop, &eager, says, "elsewhere", NULL), 0);
	trace("here");
	return 0;
}

START_TEST(on_a_loop_that_does_not_run_it_is_an_ordinary_spawn)
{
	ck_assert_int_eq(coro_loop_create(NULL, &other_loop), 0);
	ck_assert_int_eq(result_of(spawns_elsewhere, NULL), 0);
	ck_assert_int_eq(coro_run_forever(other_loop), -EDEADLK);
	ck_assert_trace("here elsewhere");
	coro_loop_close(other_loop);
}
END_TEST

START_TEST(order_may_be_random)
{
	coro_loop_close(loop);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .seed = seed};
		ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
		coro_future_unref(spawn(says, "x"));
		ck_assert_int_eq(result_of(lets_nest, NULL), 0);
		run();
		ck_assert_ptr_nonnull(strstr(trace_take(), "3< 2< 1< 0< back"));
		if (seed < 20)
			coro_loop_close(loop);
	}
}
END_TEST

/* ---- a loop of such tasks ---- */

static int spawns_plainly(void *arg)
{
	struct coro_group *group;
	ck_assert_int_eq(coro_spawn(says_thrice, "a", NULL), 0);
	trace("main");
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, says_thrice, "b", NULL), 0);
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, says_thrice, "c", NULL), 0);
	trace("main");
	return coro_group_end(group, 0);
}

START_TEST(loop_may_make_all_its_tasks_so)
{
	coro_loop_close(loop);
	loop_setup_eager();
	ck_assert_int_eq(result_of(spawns_plainly, NULL), 0);
	run();
	ck_assert_trace("a main b c main a1 b1 c1 a2 b2 c2");
}
END_TEST

static int program(void *arg)
{
	coro_spawn(says_thrice, "a", NULL);
	trace("main");
	return 0;
}

START_TEST(run_may_make_all_its_tasks_so)
{
	struct coro_loop_options options = {.flags = CORO_EAGER_TASKS};
	ck_assert_int_eq(coro_run_with(&options, program, NULL), 0);
	ck_assert_trace("a main a1");
}
END_TEST

/* ---- ends ---- */

static int fails(void *arg)
{
	return coro_raise(-EIO, "words");
}

static int spawns_one_that_fails(void *arg)
{
	struct coro_future *task = spawn_eager(fails, NULL);
	ck_assert(coro_future_done(task));
	ck_assert_str_eq(coro_future_message(task), "words");
	int r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(task_that_fails_at_once_is_a_future_that_failed)
{
	ck_assert_int_eq(result_of(spawns_one_that_fails, NULL), -EIO);
}
END_TEST

static int gives_a_value(void *value)
{
	coro_return(value);
	return 3;
}

static int awaits_what_is_there(void *arg)
{
	void *value = NULL;
	struct coro_future *task = spawn_eager(gives_a_value, &loop);
	int r = coro_await(task, &value);
	ck_assert_ptr_eq(value, &loop);
	coro_future_unref(task);
	return r;
}

START_TEST(result_of_one_that_ends_at_once_needs_no_wait)
{
	struct coro_future *task = start(awaits_what_is_there, NULL);
	assert_ended(task, 3);
}
END_TEST

static int adds_a_callback(void *arg)
{
	coro_future_add_done_callback(coro_current_task(), trace_word, "callback");
	trace("task");
	return 0;
}

static int lets_add_a_callback(void *arg)
{
	let(adds_a_callback, NULL);
	trace("main");
	coro_task_yield();
	trace("main1");
	return 0;
}

START_TEST(callbacks_of_one_that_ends_at_once_come_a_turn_later)
{
	ck_assert_int_eq(result_of(lets_add_a_callback, NULL), 0);
	ck_assert_trace("task main callback main1");
}
END_TEST

static int counts_ready(void *arg)
{
	size_t before = sched_of(loop)->ready.tail;
	for (int i = 0; i < 100; i++)
		let(gives_a_value, NULL);
	return (int)(sched_of(loop)->ready.tail - before);
}

START_TEST(one_that_ends_at_once_is_never_ready)
{
	ck_assert_int_eq(result_of(counts_ready, NULL), 0);
}
END_TEST

static int never(void *arg)
{
	ck_abort_msg("it ran");
}

static int spawns_without_a_stack(void *arg)
{
	struct coro_options huge = {.flags = CORO_EAGER_START, .stack_size = too_large()};
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_spawn(loop, &huge, never, NULL, &task), 0);
	ck_assert(coro_future_done(task));
	int r = coro_future_result(task, NULL);
	coro_future_unref(task);
	return r;
}

static void spawns_without_a_stack_in_callback(void *arg)
{
	trace("%s", spawns_without_a_stack(NULL) == -ENOMEM ? "no memory" : "another result");
	trace("callback");
}

START_TEST(task_without_a_stack_has_failed_at_once)
{
	ck_assert_int_eq(result_of(spawns_without_a_stack, NULL), -ENOMEM);
	call_outside_tasks(spawns_without_a_stack_in_callback, NULL);
	ck_assert_trace("no memory callback");
}
END_TEST

/* ---- cancellation ---- */

static int cancels(void *whom)
{
	ck_assert_int_eq(coro_cancel_with(whom, "words"), 1);
	return 0;
}

static int is_cancelled_by_its_child(void *arg)
{
	let(cancels, coro_current_task());
	trace("on");
	int r = coro_task_yield();
	trace("%s", coro_message(r));
	return r;
}

START_TEST(spawner_that_its_child_cancels_gets_that_in_its_next_wait)
{
	ck_assert_int_eq(result_of(is_cancelled_by_its_child, NULL), -ECANCELED);
	ck_assert_trace("on words");
}
END_TEST

static int is_cancelled_and_ends(void *arg)
{
	let(cancels, coro_current_task());
	return 5;
}

START_TEST(spawner_cancelled_by_its_child_need_not_wait_to_be_so)
{
	struct coro_future *task = start(is_cancelled_and_ends, NULL);
	ck_assert_str_eq(coro_future_message(task), "words");
	assert_ended(task, -ECANCELED);
}
END_TEST

/* Its await has returned a value, which a later cancellation must not take back. */
static int awaits_and_is_cancelled(void *future)
{
	void *value = NULL;
	ck_assert_int_eq(coro_await(future, &value), 0);
	let(cancels, coro_current_task());
	ck_assert_ptr_eq(value, &loop);
	return coro_task_yield();
}

START_TEST(cancellation_by_a_child_takes_no_result_back)
{
	struct coro_future *future = make_future();
	struct coro_future *task = start(awaits_and_is_cancelled, future);
	set(future, &loop);
	run();
	assert_ended(task, -ECANCELED);
	coro_future_unref(future);
}
END_TEST

static int cancels_up(void *spawners)
{
	struct coro_future **all = spawners;
	for (int i = 0; i < 2; i++)
		cancels(all[i]);
	return 0;
}

static struct coro_future *pair[2];

static int spawns_who_cancels_both(void *arg)
{
	pair[1] = coro_current_task();
	let(cancels_up, pair);
	return coro_sleep(10);
}

static int spawns_a_spawner(void *arg)
{
	pair[0] = coro_current_task();
	struct coro_future *task = spawn_eager(spawns_who_cancels_both, NULL);
	int r = coro_sleep(10);
	assert_ended(task, -ECANCELED);
	return r;
}

START_TEST(spawner_of_a_spawner_may_be_cancelled)
{
	ck_assert_int_eq(result_of(spawns_a_spawner, NULL), -ECANCELED);
	ck_assert_int_eq(coro_loop_time(loop), 0);
}
END_TEST

static int cancels_itself(void *waits)
{
	coro_cancel_with(coro_current_task(), "self");
	if (!waits)
		return 0;
	int r = coro_sleep(1);
	trace("%s", coro_message(r));
	return r;
}

static int spawns_who_cancel_themselves(void *arg)
{
	struct coro_future *waits = spawn_eager(cancels_itself, arg),
			   *ends = spawn_eager(cancels_itself, NULL);
	ck_assert(!coro_future_done(waits));
	ck_assert_str_eq(coro_future_message(ends), "self");
	assert_ended(ends, -ECANCELED);
	coro_task_yield();
	assert_ended(waits, -ECANCELED);
	return 0;
}

START_TEST(task_may_cancel_itself)
{
	ck_assert_int_eq(result_of(spawns_who_cancel_themselves, &loop), 0);
	ck_assert_trace("self");
}
END_TEST

static int cancelled_before_it_spawns(void *arg)
{
	coro_cancel(coro_current_task());
	let(says_thrice, "child");
	trace("on");
	return coro_sleep(1);
}

START_TEST(spawn_is_no_wait)
{
	ck_assert_int_eq(result_of(cancelled_before_it_spawns, NULL), -ECANCELED);
	run();
	ck_assert_trace("child on child1 child2");
}
END_TEST

static int awaits(void *task)
{
	int r = coro_await(task, NULL);
	trace("got %d", r);
	return r;
}

static int is_awaited_by_its_child(void *arg)
{
	let(awaits, coro_current_task());
	coro_task_yield();
	return 7;
}

START_TEST(child_may_await_its_spawner)
{
	ck_assert_int_eq(result_of(is_awaited_by_its_child, NULL), 7);
	run();
	ck_assert_trace("got 7");
}
END_TEST

static int awaits_its_child(void *arg)
{
	struct coro_future *task = spawn_eager(awaits, coro_current_task());
	int r = coro_await(task, NULL);
	coro_cancel(task);
	coro_task_yield();
	coro_future_unref(task);
	return r;
}

START_TEST(awaiting_a_child_that_awaits_its_parent_is_an_error)
{
	ck_assert_int_eq(result_of(awaits_its_child, NULL), -EDEADLK);
}
END_TEST

/* ---- groups ---- */

static int sleeps_long(void *name)
{
	int r = coro_sleep(1000);
	trace("%s:%s", (const char *)name, coro_message(r));
	return r;
}

static int group_with_one_that_fails(void *arg)
{
	struct coro_group *group;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, sleeps_long, "m", NULL), 0);
	ck_assert_int_eq(coro_group_spawn(group, fails, NULL, NULL), 0);
	ck_assert_int_eq(coro_group_spawn(group, says, "after", NULL), 0);
	int r = coro_task_yield();
	ck_assert_int_eq(r, -ECANCELED);
	ck_assert_int_eq(coro_group_spawn(group, says, "late", NULL), -ESHUTDOWN);
	r = coro_group_end(group, r);
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 0);
	ck_assert_int_eq(coro_task_yield(), 0);
	trace("%s", coro_message(r));
	return r;
}

/* As CPython's TaskGroup with eager tasks. */
START_TEST(group_learns_a_turn_later_that_a_task_has_failed)
{
	coro_loop_close(loop);
	loop_setup_eager();
	ck_assert_int_eq(result_of(group_with_one_that_fails, NULL), -EIO);
	ck_assert_trace("after m:Operation canceled words");
	ck_assert_int_eq(coro_loop_time(loop), 0);
}
END_TEST

static int member_spawns_one_that_fails(void *group)
{
	ck_assert_int_eq(coro_group_spawn(group, fails, NULL, NULL), 0);
	trace("member");
	return sleeps_long("member");
}

static int group_whose_member_spawns(void *arg)
{
	struct coro_group *group;
	struct coro_future *member;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, member_spawns_one_that_fails, group, &member), 0);
	int errors[2];
	int r = coro_group_join(group, 0);
	ck_assert_uint_eq(coro_group_errors(group, errors, 2), 1);
	ck_assert_int_eq(errors[0], -EIO);
	assert_ended(member, -ECANCELED);
	coro_group_destroy(group);
	return r;
}

START_TEST(group_cancels_a_member_that_was_not_in_it_yet)
{
	coro_loop_close(loop);
	loop_setup_eager();
	ck_assert_int_eq(result_of(group_whose_member_spawns, NULL), -EIO);
	ck_assert_trace("member member:Operation canceled");
	ck_assert_int_eq(coro_loop_time(loop), 0);
}
END_TEST

static int group_of_short_tasks(void *arg)
{
	struct coro_group *group;
	struct coro_future *task;
	int errors[20], r = coro_group_create(&group);
	for (int i = 0; i < 20 && r == 0; i++) {
		r = coro_group_spawn(group, i % 2 ? gives_a_value : gives_way, NULL, &task);
		if (r == 0)
			coro_future_unref(task);
	}
	r = coro_group_join(group, r);
	ck_assert_uint_eq(coro_group_errors(group, errors, 20), 0);
	coro_group_destroy(group);
	return r;
}

START_TEST(group_waits_for_those_that_are_not_done)
{
	coro_loop_close(loop);
	loop_setup_eager();
	ck_assert_int_eq(result_of(group_of_short_tasks, NULL), 0);
}
END_TEST

/* ---- limits ---- */

static int spawns_each_way(void *arg)
{
	struct coro_future *task, *other;
	struct coro_loop *mine = coro_running_loop();
	int r = coro_loop_spawn(mine, &eager, gives_way, NULL, &task);
	if (r < 0)
		return r;
	r = coro_loop_spawn(mine, &eager, gives_a_value, NULL, &other);
	if (r == 0) {
		r = coro_await(other, NULL);
		coro_future_unref(other);
	}
	int ended = coro_await(task, NULL);
	coro_future_unref(task);
	return r < 0 ? r : ended;
}

START_TEST(every_allocation_may_fail)
{
	fail_each_allocation(spawns_each_way);
}
END_TEST

START_TEST(option_is_of_tasks_only)
{
	struct coro *co;
	ck_assert_int_eq(coro_create_with(&eager, gives_way, NULL, &co), -EINVAL);
	struct coro_options wrong = {.flags = CORO_EAGER_START | 1 << 6};
	ck_assert_int_eq(coro_loop_spawn(loop, &wrong, gives_way, NULL, NULL), -EINVAL);
}
END_TEST

static int spawns_with_exceptions(void *arg)
{
	struct coro_options both = {.flags = CORO_EAGER_START | CORO_SAVE_EXCEPTIONS};
	struct coro_future *task;
	int r = coro_loop_spawn(loop, &both, gives_way, NULL, &task);
	if (r < 0)
		return r;
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(tasks_may_keep_exceptions)
{
	struct coro_options options = {.flags = CORO_SAVE_EXCEPTIONS};
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_spawn(loop, &options, spawns_with_exceptions, NULL, &task), 0);
	run();
	assert_ended(task, 0);
	ck_assert_int_eq(result_of(spawns_with_exceptions, NULL), 0);
}
END_TEST

static int spawns_and_sleeps(void *arg)
{
	let(sleeps_long, "child");
	return coro_sleep(1000);
}

START_TEST(loop_can_be_closed_while_they_wait)
{
	coro_future_unref(start(spawns_and_sleeps, NULL));
	coro_loop_close(loop);
	loop_setup();
}
END_TEST

static int storm(void *arg)
{
	intptr_t left = (intptr_t)arg;
	for (intptr_t i = 0; i < left; i++) {
		let(storm, (void *)(left - 1));
		if (i % 3 == 1)
			coro_task_yield();
		else if (i % 3 == 2)
			coro_sleep(i);
	}
	return 0;
}

START_TEST(they_come_in_any_number)
{
	ck_assert_int_eq(result_of(storm, (void *)(intptr_t)many(7, 5)), 0);
	run();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, task_runs_to_its_first_wait_and_then_its_spawner_goes_on);
	tcase_add_test(tests, tasks_nest);
	tcase_add_test(tests, tasks_nest_as_deep_as_there_are_stacks);
	tcase_add_test(tests, current_task_is_who_runs);
	tcase_add_test(tests, generator_of_a_task_may_spawn);
	tcase_add_test(tests, generator_of_a_callback_may_spawn);
	tcase_add_test(tests, callback_may_spawn);
	tcase_add_test(tests, turn_ends_where_it_would_have);
	tcase_add_test(tests, task_of_a_callback_may_sleep);
	tcase_add_test(tests, before_the_loop_runs_it_is_an_ordinary_spawn);
	tcase_add_test(tests, on_a_loop_that_does_not_run_it_is_an_ordinary_spawn);
	tcase_add_test(tests, order_may_be_random);

	tcase_add_test(tests, loop_may_make_all_its_tasks_so);
	tcase_add_test(tests, run_may_make_all_its_tasks_so);

	tcase_add_test(tests, task_that_fails_at_once_is_a_future_that_failed);
	tcase_add_test(tests, result_of_one_that_ends_at_once_needs_no_wait);
	tcase_add_test(tests, callbacks_of_one_that_ends_at_once_come_a_turn_later);
	tcase_add_test(tests, one_that_ends_at_once_is_never_ready);
	tcase_add_test(tests, task_without_a_stack_has_failed_at_once);

	tcase_add_test(tests, spawner_that_its_child_cancels_gets_that_in_its_next_wait);
	tcase_add_test(tests, spawner_cancelled_by_its_child_need_not_wait_to_be_so);
	tcase_add_test(tests, cancellation_by_a_child_takes_no_result_back);
	tcase_add_test(tests, spawner_of_a_spawner_may_be_cancelled);
	tcase_add_test(tests, task_may_cancel_itself);
	tcase_add_test(tests, spawn_is_no_wait);
	tcase_add_test(tests, child_may_await_its_spawner);
	tcase_add_test(tests, awaiting_a_child_that_awaits_its_parent_is_an_error);

	tcase_add_test(tests, group_learns_a_turn_later_that_a_task_has_failed);
	tcase_add_test(tests, group_cancels_a_member_that_was_not_in_it_yet);
	tcase_add_test(tests, group_waits_for_those_that_are_not_done);

	tcase_add_test(tests, every_allocation_may_fail);
	tcase_add_test(tests, option_is_of_tasks_only);
	tcase_add_test(tests, tasks_may_keep_exceptions);
	tcase_add_test(tests, loop_can_be_closed_while_they_wait);
	tcase_add_test(tests, they_come_in_any_number);
}

TEST_MAIN("eager", add_tests)
