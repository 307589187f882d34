/* SPDX-License-Identifier: MIT */
/* Deferred calls of tasks: waiting in them, cancellation, and tasks that are discarded. */
#include "tasks.h"

static void defer(coro_callback *fn, void *arg)
{
	ck_assert_int_eq(coro_defer(fn, arg), 0);
}

/* ---- waiting ---- */

static const char *outcome(int r)
{
	return r == -ECANCELED ? "cancelled" : r == 0 ? "0" : "?";
}

static void waits(void *word)
{
	int r = coro_sleep(5);
	trace("%s(%s)", (const char *)word, outcome(r));
}

static int cleans_up(void *word)
{
	defer(trace_word, "first");
	defer(waits, word);
	int r = coro_sleep(10);
	trace("body(%s)", outcome(r));
	return r < 0 ? r : 7;
}

START_TEST(waiters_wake_after_the_tasks_deferred_calls)
{
	struct coro_future *task = spawn(cleans_up, "waited");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 7);
	ck_assert_trace("body(0) waited(0) first");
	ck_assert_int_eq((int)coro_loop_time(loop), 15);
	coro_future_unref(task);
}
END_TEST

START_TEST(a_cancelled_task_may_wait_in_its_deferred_calls)
{
	struct coro_future *task = start(cleans_up, "waited");
	cancel(task);
	run();
	ck_assert_trace("body(cancelled) waited(0) first");
	assert_ended(task, -ECANCELED);
}
END_TEST

START_TEST(one_cancelled_before_it_starts_has_deferred_nothing)
{
	struct coro_future *task = spawn(cleans_up, "waited");
	cancel(task);
	run();
	ck_assert_trace("");
	assert_ended(task, -ECANCELED);
}
END_TEST

START_TEST(a_deferred_call_that_waits_can_be_cancelled)
{
	struct coro_future *task = spawn(cleans_up, "waited");
	at(12, cancel_it, task);
	run();
	ck_assert_trace("body(0) waited(cancelled) first");
	assert_ended(task, 7);
}
END_TEST

static int cancels_itself(void *arg)
{
	defer(waits, "again");
	defer(waits, "waited");
	ck_assert_int_eq(coro_cancel(coro_current_task()), 1);
	return 7;
}

START_TEST(an_unseen_request_ends_the_task_and_its_first_wait)
{
	ck_assert_int_eq(result_of(cancels_itself, NULL), -ECANCELED);
	ck_assert_trace("waited(cancelled) again(0)");
}
END_TEST

static int cancels_itself_and_cleans_up_at_once(void *arg)
{
	defer(trace_word, "said");
	ck_assert_int_eq(coro_cancel(coro_current_task()), 1);
	return 7;
}

START_TEST(a_request_that_nobody_saw_ends_the_task)
{
	ck_assert_int_eq(result_of(cancels_itself_and_cleans_up_at_once, NULL), -ECANCELED);
	ck_assert_trace("said");
}
END_TEST

static int fails_with_words(void *arg)
{
	defer(waits, "waited");
	return coro_raise(-EIO, "of the body");
}

START_TEST(message_outlasts_a_wait_that_is_cancelled)
{
	struct coro_future *task = start(fails_with_words, NULL);
	cancel(task);
	run();
	ck_assert_trace("waited(cancelled)");
	ck_assert_str_eq(coro_future_message(task), "of the body");
	assert_ended(task, -EIO);
}
END_TEST

static void uses_a_group(void *arg)
{
	struct coro_group *group;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, says, arg, NULL), 0);
	ck_assert_int_eq(coro_group_end(group, 0), 0);
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	ck_assert_int_eq(coro_timeout_end(&timeout, coro_sleep(10)), -ETIMEDOUT);
}

static int cleans_up_with_tasks(void *arg)
{
	defer(uses_a_group, "member");
	return 3;
}

START_TEST(groups_and_timeouts_work_in_deferred_calls)
{
	ck_assert_int_eq(result_of(cleans_up_with_tasks, NULL), 3);
	ck_assert_trace("member");
}
END_TEST

static void tries_to_defer(void *arg)
{
	ck_assert_int_eq(coro_defer(trace_word, arg), -EPERM);
	ck_assert_int_eq(coro_undefer(trace_word, arg), -EPERM);
	trace("refused");
}

START_TEST(a_callback_cannot_defer)
{
	call_outside_tasks(tries_to_defer, NULL);
	ck_assert_trace("refused");
}
END_TEST

static int two_waits(void *arg)
{
	defer(waits, "b");
	defer(waits, "a");
	return 0;
}

START_TEST(waiting_in_a_deferred_call_allocates_nothing)
{
	struct coro_future *task = start(two_waits, NULL);
	turn();
	ck_assert_uint_eq(allocations_of_run(), 0);
	ck_assert_trace("a(0) b(0)");
	assert_ended(task, 0);
}
END_TEST

/* ---- thrown away ---- */

static int sleeps(void *word)
{
	defer(trace_word, word);
	return coro_sleep(CORO_SEC);
}

static int yields_forever(void *word)
{
	defer(trace_word, word);
	int r = coro_sleep(CORO_SEC);
	return r < 0 ? r : coro_yield(NULL, NULL);
}

static int consumes(void *generator)
{
	defer(trace_word, "consumer");
	return coro_next(generator, NULL);
}

static struct coro_loop *make_loop(void)
{
	struct coro_loop *made;
	ck_assert_int_eq(coro_loop_create(NULL, &made), 0);
	return made;
}

/* One turn of another loop, with a task. */
static void start_on(struct coro_loop *other, coro_fn *fn, void *arg)
{
	ck_assert_int_eq(coro_loop_spawn(other, NULL, fn, arg, NULL), 0);
	ck_assert_int_eq(coro_loop_stop(other), 0);
	ck_assert_int_eq(coro_run_forever(other), 0);
}

START_TEST(closing_the_loop_runs_what_was_deferred)
{
	struct coro_loop *other = make_loop();
	struct coro *generator;
	ck_assert_int_eq(coro_create(yields_forever, "generator", &generator), 0);
	start_on(other, sleeps, "task");
	start_on(other, consumes, generator);
	ck_assert_trace("");
	ck_assert_int_eq(coro_loop_close(other), 0);
	ck_assert_trace("task generator consumer");
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_trace("");
}
END_TEST

static struct coro_loop *closed_one;

/* What it asks for cannot come, whoever closes the loop. */
static void asks_for_too_much(void *arg)
{
	struct coro_future *future;
	ck_assert_ptr_eq(coro_running_loop(), NULL);
	ck_assert_ptr_eq(coro_current_task(), NULL);
	ck_assert_int_eq(coro_sleep(1), -EPERM);
	ck_assert_int_eq(coro_task_yield(), -EPERM);
	ck_assert_int_eq(coro_yield(NULL, NULL), -EPERM);
	ck_assert_int_eq(coro_return(arg), -EPERM);
	ck_assert_int_eq(coro_defer(trace_word, arg), -EPERM);
	ck_assert_int_eq(coro_undefer(trace_word, arg), -EPERM);
	ck_assert_int_eq(coro_spawn(says, arg, NULL), -EPERM);
	ck_assert_int_lt(coro_loop_spawn(closed_one, NULL, says, arg, NULL), 0);
	ck_assert_int_lt(coro_future_create(closed_one, &future), 0);
	ck_assert_int_lt(coro_run_forever(closed_one), 0);
	coro_raise(-EIO, "of the cleanup");
	trace("refused");
}

static void runs_a_loop(void *arg)
{
	trace("%d",
	      coro_run_with(&(struct coro_loop_options){.flags = CORO_VIRTUAL_CLOCK}, says, "ran"));
}

static int asks(void *arg)
{
	defer(asks_for_too_much, NULL);
	defer(runs_a_loop, NULL);
	defer(asks_for_too_much, NULL);
	return coro_sleep(CORO_SEC);
}

START_TEST(deferred_calls_of_a_discarded_task_are_in_no_loop)
{
	closed_one = make_loop();
	start_on(closed_one, asks, NULL);
	coro_raise(-EIO, "of the closer");
	ck_assert_int_eq(coro_loop_close(closed_one), 0);
	ck_assert_str_eq(coro_message(-EIO), "of the closer");
	ck_assert_trace("refused ran 0 refused");
}
END_TEST

static int closes_the_other(void *arg)
{
	ck_assert_int_eq(coro_loop_close(closed_one), 0);
	ck_assert_ptr_eq(coro_running_loop(), loop);
	int r = coro_sleep(1);
	if (arg)
		r = coro_yield(arg, NULL);
	return r < 0 ? r : coro_defer(trace_word, "mine");
}

START_TEST(a_task_that_closes_another_loop_is_not_made_to_wait)
{
	closed_one = make_loop();
	start_on(closed_one, asks, NULL);
	ck_assert_int_eq(result_of(closes_the_other, NULL), 0);
	ck_assert_trace("refused ran 0 refused mine");
}
END_TEST

static int drives_closer(void *generator)
{
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	return coro_next(generator, NULL);
}

START_TEST(a_generator_that_closes_another_loop_is_not_made_to_yield)
{
	struct coro *generator;
	closed_one = make_loop();
	start_on(closed_one, asks, NULL);
	ck_assert_int_eq(coro_create(closes_the_other, &generator, &generator), 0);
	ck_assert_int_eq(result_of(drives_closer, generator), 0);
	ck_assert_trace("refused ran 0 refused mine");
	ck_assert_int_eq(coro_destroy(generator), 0);
}
END_TEST

static int waits_in_deferred(void *arg)
{
	defer(trace_word, "left");
	defer(waits, "begun");
	return 0;
}

START_TEST(one_discarded_in_a_deferred_call_runs_the_rest)
{
	struct coro_loop *other = make_loop();
	start_on(other, waits_in_deferred, NULL);
	ck_assert_int_eq(coro_loop_close(other), 0);
	ck_assert_trace("left");
}
END_TEST

static int fails_and_waits(void *arg)
{
	defer(waits, "begun");
	return coro_raise(-EIO, "words of the body");
}

static void *throw_away_one_that_failed(void *arg)
{
	struct coro_loop *other = make_loop();
	start_on(other, fails_and_waits, NULL);
	ck_assert_int_eq(coro_loop_close(other), 0);
	return NULL;
}

/* In threads, since what malloc keeps for a thread counts as allocated until that ends. */
START_TEST(message_of_one_discarded_in_a_deferred_call_is_freed)
{
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
	in_thread(throw_away_one_that_failed, NULL);
	size_t before = allocated();
	in_thread(throw_away_one_that_failed, NULL);
	ck_assert_uint_eq(allocated(), before);
}
END_TEST

static void is_done(void *group)
{
	trace("done %d", coro_waitgroup_done(group));
}

static int is_awaited(void *group)
{
	defer(is_done, group);
	return coro_sleep(CORO_SEC);
}

static int awaits_on_its_stack(void *arg)
{
	struct coro_waitgroup group;
	coro_waitgroup_init(&group);
	ck_assert_int_eq(coro_waitgroup_add(&group, 2), 0);
	ck_assert_int_eq(coro_spawn(is_awaited, &group, NULL), 0);
	ck_assert_int_eq(coro_spawn(is_awaited, &group, NULL), 0);
	return coro_waitgroup_wait(&group);
}

static int runs_a_coroutine(void *arg)
{
	memset(arg, 1, 1);
	return coro_yield(NULL, NULL);
}

/* On a stack that was used before, if one is free. */
static void use_a_stack(struct coro_loop *from, const struct coro_report *report, void *arg)
{
	char byte;
	struct coro *co;
	ck_assert_int_eq(coro_create(runs_a_coroutine, &byte, &co), 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_destroy(co), 0);
}

START_TEST(what_lies_on_a_discarded_tasks_stack_is_still_there)
{
	struct coro_loop *other = make_loop();
	ck_assert_int_eq(coro_loop_set_exception_handler(other, use_a_stack, NULL), 0);
	start_on(other, awaits_on_its_stack, NULL);
	ck_assert_int_eq(coro_loop_stop(other), 0);
	ck_assert_int_eq(coro_run_forever(other), 0);
	ck_assert_int_eq(coro_loop_close(other), 0);
	ck_assert_trace("done 0 done 0");
}
END_TEST

static void ends_group(void *group)
{
	trace("group %d", coro_group_end(group, 0) == -EPERM);
	trace("spawn %d", coro_group_spawn(group, says, "no", NULL) == -EPERM);
}

static void closes(void *iterator)
{
	trace("next %d", coro_iter_next(iterator, NULL) == -EPERM);
	trace("close %d", coro_iter_close(iterator) == -EPIPE);
}

static int defers_the_end_of_all(void *arg)
{
	struct coro_group *group;
	struct coro_future *member;
	ck_assert_int_eq(coro_group_create(&group), 0);
	defer(ends_group, group);
	ck_assert_int_eq(coro_group_spawn(group, gives_way, NULL, &member), 0);
	struct coro_iterator *it = coro_as_completed(&member, 1, CORO_SEC);
	coro_future_unref(member);
	defer(closes, it);
	return coro_sleep(CORO_SEC);
}

START_TEST(what_the_task_had_begun_can_be_asked_and_is_refused)
{
	struct coro_loop *other = make_loop();
	start_on(other, defers_the_end_of_all, NULL);
	ck_assert_int_eq(coro_loop_close(other), 0);
	ck_assert_trace("next 1 close 1 group 1 spawn 1");
}
END_TEST

static void moves_and_frees(void *timeout)
{
	trace("move %d", coro_timeout_reschedule(timeout, 1) == -EALREADY);
	trace("end %d", coro_timeout_end(timeout, 7));
	free(timeout);
}

static int has_timeout_in_memory(void *arg)
{
	struct coro_timeout *timeout = malloc(sizeof(*timeout));
	ck_assert_ptr_nonnull(timeout);
	ck_assert_int_eq(coro_timeout_begin(timeout, CORO_SEC), 0);
	defer(moves_and_frees, timeout);
	return coro_sleep(CORO_SEC);
}

START_TEST(scope_of_one_discarded_is_over)
{
	struct coro_loop *other = make_loop();
	start_on(other, has_timeout_in_memory, NULL);
	ck_assert_int_eq(coro_loop_close(other), 0);
	ck_assert_trace("move 1 end 7");
}
END_TEST

static void runs_the_closers_loop(void *arg)
{
	struct coro_future *task = arg;
	trace("%d", coro_run_until_complete(loop, task, NULL) == -EBUSY);
	trace("%d", coro_run_forever(loop) == -EBUSY);
	trace("%d", coro_loop_shutdown_asyncgens(loop) == -EBUSY);
	trace("%d", coro_loop_close(loop) == -EBUSY);
}

static int asks_for_the_closers_loop(void *task)
{
	defer(runs_the_closers_loop, task);
	return coro_sleep(CORO_SEC);
}

START_TEST(the_loop_that_runs_is_busy_for_one_discarded)
{
	struct coro_future *task = spawn(gives_way, NULL);
	closed_one = make_loop();
	start_on(closed_one, asks_for_the_closers_loop, task);
	ck_assert_int_eq(result_of(closes_the_other, NULL), 0);
	ck_assert_trace("1 1 1 1 mine");
	assert_ended(task, 0);
}
END_TEST

static void runs_and_yields(void *arg)
{
	runs_a_loop(arg);
	trace("yield %d", coro_yield(NULL, NULL) == -EPERM);
	trace("defer %d", coro_defer(trace_word, "no") == -EPERM);
}

static int defers_a_run(void *arg)
{
	defer(runs_and_yields, NULL);
	return coro_sleep(CORO_SEC);
}

START_TEST(running_a_loop_does_not_lift_what_is_refused)
{
	struct coro *generator;
	closed_one = make_loop();
	start_on(closed_one, defers_a_run, NULL);
	ck_assert_int_eq(coro_create(closes_the_other, &generator, &generator), 0);
	ck_assert_int_eq(result_of(drives_closer, generator), 0);
	ck_assert_trace("ran 0 yield 1 defer 1 mine");
	ck_assert_int_eq(coro_destroy(generator), 0);
}
END_TEST

static void frees(void *memory)
{
	trace("freed");
	free(memory);
}

static int holds_memory(void *arg)
{
	void *memory = malloc(100);
	int r = coro_defer(frees, memory);
	if (r < 0) {
		free(memory);
		return r;
	}
	return coro_sleep(1);
}

static int program_with_defer(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(holds_memory, NULL, &task);
	if (r < 0)
		return r;
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(each_allocation_may_fail)
{
	fail_each_allocation(program_with_defer);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, waiters_wake_after_the_tasks_deferred_calls);
	tcase_add_test(tests, a_cancelled_task_may_wait_in_its_deferred_calls);
	tcase_add_test(tests, one_cancelled_before_it_starts_has_deferred_nothing);
	tcase_add_test(tests, a_deferred_call_that_waits_can_be_cancelled);
	tcase_add_test(tests, an_unseen_request_ends_the_task_and_its_first_wait);
	tcase_add_test(tests, a_request_that_nobody_saw_ends_the_task);
	tcase_add_test(tests, message_outlasts_a_wait_that_is_cancelled);
	tcase_add_test(tests, groups_and_timeouts_work_in_deferred_calls);
	tcase_add_test(tests, a_callback_cannot_defer);
	tcase_add_test(tests, waiting_in_a_deferred_call_allocates_nothing);
	tcase_add_test(tests, closing_the_loop_runs_what_was_deferred);
	tcase_add_test(tests, deferred_calls_of_a_discarded_task_are_in_no_loop);
	tcase_add_test(tests, a_task_that_closes_another_loop_is_not_made_to_wait);
	tcase_add_test(tests, a_generator_that_closes_another_loop_is_not_made_to_yield);
	tcase_add_test(tests, one_discarded_in_a_deferred_call_runs_the_rest);
	tcase_add_test(tests, message_of_one_discarded_in_a_deferred_call_is_freed);
	tcase_add_test(tests, what_lies_on_a_discarded_tasks_stack_is_still_there);
	tcase_add_test(tests, what_the_task_had_begun_can_be_asked_and_is_refused);
	tcase_add_test(tests, scope_of_one_discarded_is_over);
	tcase_add_test(tests, the_loop_that_runs_is_busy_for_one_discarded);
	tcase_add_test(tests, running_a_loop_does_not_lift_what_is_refused);
	tcase_add_test(tests, each_allocation_may_fail);
}

TEST_MAIN("defer of tasks", add)
