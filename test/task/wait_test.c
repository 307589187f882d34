/* SPDX-License-Identifier: MIT */
/* Waiting for several, for a time, or without passing a cancellation on. */
#include "task/children.h"

/* ---- wait ---- */

/* A task that waits for all children in a mode, for a time. */
struct waiting {
	enum coro_wait_mode mode;
	int64_t timeout;
};

static int waits(void *arg)
{
	struct waiting *this = arg;
	int r = coro_wait(children, count, this->mode, this->timeout);
	trace("%d", (int)coro_loop_time(loop));
	return r;
}

static int wait_result(enum coro_wait_mode mode, int64_t timeout)
{
	return result_of(waits, &(struct waiting){mode, timeout});
}

START_TEST(wait_is_over_when_all_are_done)
{
	spawn_children({.sleeps = 1, .status = -EIO}, {.sleeps = 3},
		       {.sleeps = 2, .status = -ECANCELED});
	ck_assert_int_eq(wait_result(CORO_ALL_COMPLETED, CORO_FOREVER), 3);
	ck_assert_trace("3");
	ck_assert_int_eq(wait_result(CORO_ALL_COMPLETED, CORO_FOREVER), 3);
	ck_assert_trace("3");
	drop_children();
}
END_TEST

START_TEST(wait_is_over_when_the_first_is_done)
{
	spawn_children({.sleeps = 4}, {.sleeps = 2, .status = -ECANCELED}, {.sleeps = 3});
	ck_assert_int_eq(wait_result(CORO_FIRST_COMPLETED, CORO_FOREVER), 1);
	ck_assert_trace("2");
	ck_assert(!coro_future_done(children[0]) && coro_future_done(children[1]));
	ck_assert_int_eq(wait_result(CORO_FIRST_COMPLETED, CORO_FOREVER), 1);
	ck_assert_trace("2");
	run();
	assert_child(0, 0);
	drop_children();
}
END_TEST

START_TEST(wait_is_over_when_the_first_fails_or_all_are_done)
{
	spawn_children({.sleeps = 1}, {.sleeps = 2, .status = -ECANCELED},
		       {.sleeps = 3, .status = -EIO}, {.sleeps = 4});
	ck_assert_int_eq(wait_result(CORO_FIRST_EXCEPTION, CORO_FOREVER), 3);
	ck_assert_trace("3");
	run();
	drop_children();

	spawn_children({.sleeps = 1, .status = -ECANCELED}, {.sleeps = 5}, {.sleeps = 2});
	ck_assert_int_eq(wait_result(CORO_FIRST_EXCEPTION, CORO_FOREVER), 3);
	ck_assert_trace("9");
	drop_children();
}
END_TEST

START_TEST(all_that_were_done_by_then_count)
{
	make_futures(4);
	struct waiting first = {CORO_FIRST_COMPLETED, CORO_FOREVER};
	struct coro_future *task = start(waits, &first);
	set(children[1], NULL);
	set(children[3], NULL);
	run();
	assert_ended(task, 2);
	drop_children();
}
END_TEST

START_TEST(wait_ends_in_time_and_cancels_nothing)
{
	spawn_children({.sleeps = 2}, {.sleeps = 50});
	for (enum coro_wait_mode mode = CORO_ALL_COMPLETED; mode <= CORO_FIRST_EXCEPTION; mode++)
		ck_assert_int_eq(wait_result(mode, 1), mode == CORO_ALL_COMPLETED ? 0 : 1);
	/* 0 to 1, 1 to 2, and 2 to 3 or at once. */
	ck_assert_trace("1 2 3");
	ck_assert(!coro_future_done(children[1]));
	run();
	assert_time(50);
	assert_child(0, 0);
	assert_child(1, 0);
	drop_children();
}
END_TEST

START_TEST(wait_of_no_time_looks_at_what_is_done)
{
	static const int64_t timeouts[] = {0, -1, INT64_MIN};
	make_futures(3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(wait_result(CORO_ALL_COMPLETED, timeouts[i]), (int)i);
		set(children[i], NULL);
	}
	ck_assert_int_eq(wait_result(CORO_ALL_COMPLETED, 0), 3);
	ck_assert_trace("0 0 0 0");
	drop_children();
}
END_TEST

START_TEST(wait_that_was_over_leaves_no_timer)
{
	spawn_children({.sleeps = 2});
	ck_assert_int_eq(wait_result(CORO_ALL_COMPLETED, 1000), 1);
	run();
	assert_time(2);
	drop_children();
}
END_TEST

START_TEST(future_that_is_named_twice_counts_once)
{
	make_futures(2);
	children[4] = children[2] = children[0];
	children[3] = children[1];
	count = 5;
	struct waiting all = {CORO_ALL_COMPLETED, CORO_FOREVER},
		       first = {CORO_FIRST_COMPLETED, 100};
	struct coro_future *task = start(waits, &all), *other = start(waits, &first);
	set(children[0], NULL);
	turn();
	turn();
	assert_ended(other, 1);
	ck_assert(!coro_future_done(task));
	set(children[1], NULL);
	run();
	assert_ended(task, 2);
	ck_assert_int_eq(wait_result(CORO_ALL_COMPLETED, 0), 2);
	coro_future_unref(children[0]);
	coro_future_unref(children[1]);
}
END_TEST

START_TEST(any_number_can_be_waited_for)
{
	struct waiting all = {CORO_ALL_COMPLETED, 10};
	static const size_t counts[] = {1, 15, 16, 17, 200};
	for (size_t n = 0; n < sizeof(counts) / sizeof(*counts); n++) {
		make_futures(counts[n]);
		struct coro_future *task = start(waits, &all);
		for (size_t i = count; i-- > 0;) {
			ck_assert(!coro_future_done(task));
			set(children[i], NULL);
			turn();
		}
		run();
		assert_ended(task, (int)count);
		assert_time(0);
		drop_children();
	}
}
END_TEST

START_TEST(who_is_cancelled_while_it_waits_for_several_cancels_none)
{
	make_futures(2);
	struct waiting all = {CORO_ALL_COMPLETED, 10};
	struct coro_future *task = start(waits, &all);
	set(children[0], NULL);
	turn();
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
	assert_time(0);
	ck_assert(!coro_future_done(children[1]));

	/* At the tick at which its time is over: before that, and after. */
	task = spawn(waits, &all);
	at(10, cancel_it, task);
	run();
	assert_ended(task, -ECANCELED);
	task = start(waits, &all);
	at(20, cancel_it, task);
	run();
	assert_ended(task, -ECANCELED);
	ck_assert(!coro_future_done(children[1]));

	/* And when all are done. */
	task = start(waits, &all);
	set(children[1], NULL);
	turn();
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
	drop_children();
}
END_TEST

static int waits_for_all(void *arg)
{
	return coro_wait(children, count, CORO_ALL_COMPLETED, CORO_FOREVER);
}

START_TEST(cancellation_from_before_arrives_where_it_waits_for_several)
{
	make_futures(2);
	ck_assert_int_eq(result_of(is_cancelled_before, (void *)(intptr_t)waits_for_all),
			 -ECANCELED);
	ck_assert(!coro_future_done(children[0]));
	drop_children();
}
END_TEST

/* ---- one, for a time ---- */

static int64_t limit;

/* Waits for the first child at most that long. */
static int waits_for(void *arg)
{
	void *value = &value;
	int r = coro_wait_for(children[0], limit, &value);
	const char *message = r == -ETIMEDOUT ? coro_strerror(r) : coro_message(r);
	trace("%d%s", (int)coro_loop_time(loop), r < 0 ? message : "");
	ck_assert(r < 0 ? value == &value : value == NULL || value == &values[0]);
	return r;
}

static int wait_for_result(int64_t timeout)
{
	limit = timeout;
	return result_of(waits_for, NULL);
}

/* Traces the time, and that error. */
static const char *when(int time, int error)
{
	static char text[64];
	snprintf(text, sizeof(text), "%d%s", time, coro_strerror(error));
	return text;
}

START_TEST(result_that_comes_in_time_is_returned)
{
	static const int64_t timeouts[] = {5, 4, CORO_FOREVER};
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++) {
		int64_t began = coro_loop_time(loop);
		spawn_children({.sleeps = 3, .status = 9, .value = &values[0]});
		ck_assert_int_eq(wait_for_result(timeouts[i]), 9);
		run();
		assert_time(began + 3);
		drop_children();
	}
	trace_take();
}
END_TEST

START_TEST(failure_that_comes_in_time_is_returned_with_its_message)
{
	spawn_children({.sleeps = 3, .status = -EIO});
	ck_assert_int_eq(wait_for_result(5), -EIO);
	ck_assert_trace("3after 3");
	drop_children();
}
END_TEST

START_TEST(cancellation_by_others_is_returned)
{
	static const int64_t timeouts[] = {5, CORO_FOREVER};
	for (size_t i = 0; i < 2; i++) {
		make_futures(1);
		limit = timeouts[i];
		struct coro_future *task = start(waits_for, NULL);
		cancel(children[0]);
		run();
		ck_assert_int_eq(coro_task_cancelling(task), 0);
		assert_ended(task, -ECANCELED);
		drop_children();
	}
}
END_TEST

START_TEST(what_takes_too_long_is_cancelled_and_its_end_awaited)
{
	spawn_children({.sleeps = 50, .cleanup = 7});
	ck_assert_int_eq(wait_for_result(5), -ETIMEDOUT);
	ck_assert_trace(when(12, -ETIMEDOUT));
	assert_child(0, -ECANCELED);
	ck_assert_int_eq(coro_task_cancelling(children[0]), 1);
	run();
	assert_time(12);
	drop_children();
}
END_TEST

START_TEST(message_of_wait_for_tells_how_long_it_waited_and_where)
{
	make_futures(1);
	limit = 50 * CORO_MSEC;
	struct coro_future *task = spawn(waits_for, NULL);
	run();
	trace_take();
	const char *message = coro_future_message(task);
	ck_assert_msg(!strncmp(message, "timeout of 50 ms begun at " __FILE__ ":", 36), "%s",
		      message);
	ck_assert_str_eq(coro_future_origin(task), strstr(message, __FILE__));
	assert_ended(task, -ETIMEDOUT);
	drop_children();
}
END_TEST

START_TEST(plain_future_that_takes_too_long_is_cancelled)
{
	make_futures(1);
	ck_assert_int_eq(wait_for_result(5), -ETIMEDOUT);
	ck_assert_trace(when(5, -ETIMEDOUT));
	assert_child(0, -ECANCELED);
	drop_children();
}
END_TEST

START_TEST(task_that_refuses_to_be_cancelled_gives_its_result_late)
{
	spawn_children(
		{.sleeps = 50, .cleanup = 7, .refuses = true, .status = 3, .value = &values[0]});
	ck_assert_int_eq(wait_for_result(5), 3);
	ck_assert_trace("12");
	drop_children();
	spawn_children({.sleeps = 50, .cleanup = 7, .refuses = true, .status = -EIO});
	ck_assert_int_eq(wait_for_result(5), -EIO);
	ck_assert_trace("24after 50");
	drop_children();
}
END_TEST

START_TEST(no_time_at_all_is_time_for_what_is_done)
{
	static const int64_t timeouts[] = {0, -1, INT64_MIN};
	make_futures(1);
	set(children[0], &values[0]);
	for (size_t i = 0; i < 3; i++) {
		limit = timeouts[i];
		struct coro_future *task = spawn(waits_for, NULL);
		coro_future_unref(spawn(says, "other"));
		run();
		ck_assert_trace("0 other");
		assert_ended(task, 0);
	}
	drop_children();
}
END_TEST

START_TEST(no_time_at_all_cancels_what_is_not_done)
{
	static const int64_t timeouts[] = {0, -1, INT64_MIN};
	for (size_t i = 0; i < 3; i++) {
		int64_t began = coro_loop_time(loop);
		make_futures(1);
		ck_assert_int_eq(wait_for_result(timeouts[i]), -ETIMEDOUT);
		assert_child(0, -ECANCELED);
		drop_children();
		assert_time(began);

		spawn_children({.sleeps = 50, .cleanup = 7});
		turn();
		ck_assert_int_eq(wait_for_result(timeouts[i]), -ETIMEDOUT);
		assert_child(0, -ECANCELED);
		drop_children();
		assert_time(began + 7);

		spawn_children({.sleeps = 50, .refuses = true, .value = &values[0]});
		turn();
		ck_assert_int_eq(wait_for_result(timeouts[i]), 0);
		drop_children();
	}
	trace_take();
}
END_TEST

static int never(void *arg)
{
	ck_abort_msg("it ran");
}

static int waits_for_a_new_task(void *arg)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_spawn(never, NULL, &task), 0);
	int r = coro_wait_for(task, 0, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(no_time_at_all_keeps_a_new_task_from_running)
{
	ck_assert_int_eq(result_of(waits_for_a_new_task, NULL), -ETIMEDOUT);
}
END_TEST

START_TEST(result_at_the_tick_of_the_deadline_is_too_late)
{
	/* It was there, but before the caller ran on the deadline came. */
	make_futures(1);
	at(5, set_it, children[0]);
	ck_assert_int_eq(wait_for_result(5), -ETIMEDOUT);
	ck_assert_trace(when(5, -ETIMEDOUT));
	assert_child(0, 0);
	drop_children();

	/* Later than the deadline: the future is cancelled by then. */
	make_futures(1);
	limit = 5;
	struct coro_future *task = start(waits_for, NULL);
	run();
	ck_assert_trace(when(10, -ETIMEDOUT));
	assert_ended(task, -ETIMEDOUT);
	assert_child(0, -ECANCELED);
	drop_children();
}
END_TEST

START_TEST(who_is_cancelled_cancels_it_and_waits_for_its_end)
{
	spawn_children({.sleeps = 50, .cleanup = 7});
	limit = 20;
	struct coro_future *task = start(waits_for, NULL);
	at(3, cancel_it, task);
	run();
	ck_assert_trace(when(10, -ECANCELED));
	assert_child(0, -ECANCELED);
	assert_ended(task, -ECANCELED);
	drop_children();
}
END_TEST

START_TEST(who_is_cancelled_has_the_result_of_a_task_that_refuses)
{
	spawn_children({.sleeps = 50, .cleanup = 7, .refuses = true, .value = &values[0]});
	limit = 20;
	struct coro_future *task = start(waits_for, NULL);
	at(3, cancel_it, task);
	run();
	ck_assert_trace("10");
	assert_child(0, 0);
	ck_assert_int_eq(coro_task_cancelling(task), 1);
	assert_ended(task, 0);
	drop_children();
}
END_TEST

START_TEST(who_is_cancelled_again_waits_for_the_end_all_the_same)
{
	/* The second request ends the cleanup. */
	spawn_children({.sleeps = 50, .cleanup = 7});
	limit = 20;
	struct coro_future *task = start(waits_for, NULL);
	at(3, cancel_it, task);
	at(5, cancel_it, task);
	run();
	ck_assert_trace(when(5, -ECANCELED));
	assert_time(5);
	assert_child(0, -ECANCELED);
	assert_ended(task, -ECANCELED);
	drop_children();
}
END_TEST

START_TEST(who_is_cancelled_after_the_deadline_is_so_by_others)
{
	for (int i = 0; i < 2; i++) {
		int64_t began = coro_loop_time(loop);
		spawn_children({.sleeps = 50, .cleanup = 7});
		limit = i == 0 ? 5 : 0;
		turn();
		struct coro_future *task = start(waits_for, NULL);
		at(began + 6, cancel_it, task);
		run();
		ck_assert_trace(when((int)began + 6, -ECANCELED));
		assert_child(0, -ECANCELED);
		assert_ended(task, -ECANCELED);
		drop_children();
	}
}
END_TEST

START_TEST(cancellation_in_the_turn_of_the_result_is_not_swallowed)
{
	/* The result first, and the cancellation first. */
	for (int i = 0; i < 2; i++) {
		make_futures(1);
		limit = 5;
		struct coro_future *task = start(waits_for, NULL);
		if (i == 0)
			set(children[0], &values[0]);
		cancel(task);
		assert_child(0, i == 0 ? 0 : -ECANCELED);
		run();
		ck_assert_trace(when(0, -ECANCELED));
		ck_assert_int_eq(coro_task_cancelling(task), 1);
		assert_ended(task, -ECANCELED);
		drop_children();
	}
}
END_TEST

START_TEST(result_ends_the_wait_for_it_in_the_next_turn)
{
	make_futures(1);
	limit = 5;
	struct coro_future *task = start(waits_for, NULL);
	set(children[0], &values[0]);
	turn();
	ck_assert_trace("0");
	assert_ended(task, 0);
	drop_children();
}
END_TEST

static int asks_for_what_is_done_when_cancelled(void *arg)
{
	cancel(coro_current_task());
	ck_assert_int_eq(coro_wait_for(children[0], 10, NULL), 0);
	return coro_sleep(1);
}

START_TEST(cancellation_from_before_stays_where_the_result_is_there)
{
	make_futures(1);
	set(children[0], NULL);
	ck_assert_int_eq(result_of(asks_for_what_is_done_when_cancelled, NULL), -ECANCELED);
	drop_children();
}
END_TEST

START_TEST(forever_is_as_awaiting)
{
	make_futures(1);
	limit = CORO_FOREVER;
	struct coro_future *task = start(waits_for, NULL);
	set(children[0], &values[0]);
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
	drop_children();

	make_futures(1);
	task = start(waits_for, NULL);
	cancel(task);
	assert_child(0, -ECANCELED);
	run();
	assert_ended(task, -ECANCELED);
	drop_children();
}
END_TEST

static int waits_for_itself(void *arg)
{
	return coro_wait_for(coro_current_task(), limit, NULL);
}

START_TEST(task_cannot_wait_for_itself)
{
	limit = 5;
	ck_assert_int_eq(result_of(waits_for_itself, NULL), -EDEADLK);
	limit = CORO_FOREVER;
	ck_assert_int_eq(result_of(waits_for_itself, NULL), -EDEADLK);
	limit = 0; /* that cancels it */
	ck_assert_int_eq(result_of(waits_for_itself, NULL), -ECANCELED);
}
END_TEST

/* ---- shield ---- */

static int shields(void *arg)
{
	void *value = &value;
	int r = coro_shield(children[0], &value);
	trace("%d%s", (int)coro_loop_time(loop), r < 0 ? coro_message(r) : "");
	ck_assert(r < 0 ? value == &value : value == NULL || value == &values[0]);
	return r;
}

START_TEST(shield_gives_the_result)
{
	spawn_children({.sleeps = 3, .status = 4, .value = &values[0]});
	ck_assert_int_eq(result_of(shields, NULL), 4);
	drop_children();
	spawn_children({.sleeps = 3, .status = -EIO});
	ck_assert_int_eq(result_of(shields, NULL), -EIO);
	ck_assert_trace("3 6after 3");
	drop_children();
}
END_TEST

START_TEST(shield_of_what_is_done_is_no_wait)
{
	make_futures(1);
	set(children[0], &values[0]);
	struct coro_future *task = spawn(shields, NULL);
	coro_future_unref(spawn(says, "other"));
	run();
	ck_assert_trace("0 other");
	assert_ended(task, 0);
	drop_children();
}
END_TEST

START_TEST(what_is_shielded_goes_on_when_the_caller_is_cancelled)
{
	spawn_children({.sleeps = 3, .value = &values[0]});
	struct coro_future *task = start(shields, NULL);
	cancel(task);
	run();
	ck_assert_trace(when(0, -ECANCELED));
	assert_time(3);
	assert_ended(task, -ECANCELED);
	assert_child(0, 0);
	ck_assert_int_eq(coro_task_cancelling(children[0]), 0);
	drop_children();
}
END_TEST

START_TEST(what_is_shielded_can_be_cancelled_by_others)
{
	spawn_children({.sleeps = 3});
	struct coro_future *task = start(shields, NULL);
	cancel(children[0]);
	run();
	ck_assert_int_eq(coro_task_cancelling(task), 0);
	assert_ended(task, -ECANCELED);
	drop_children();
}
END_TEST

START_TEST(caller_that_is_cancelled_as_the_result_comes_is_cancelled)
{
	for (int turns = 0; turns < 2; turns++) {
		make_futures(1);
		struct coro_future *task = start(shields, NULL);
		set(children[0], &values[0]);
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

static int shields_for_a_time(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 2), 0);
	return coro_timeout_end(&timeout, shields(NULL));
}

START_TEST(what_is_shielded_goes_on_when_the_callers_time_is_over)
{
	spawn_children({.sleeps = 3});
	ck_assert_int_eq(result_of(shields_for_a_time, NULL), -ETIMEDOUT);
	assert_time(2);
	run();
	assert_child(0, 0);
	drop_children();
}
END_TEST

START_TEST(cancellation_from_before_arrives_where_it_shields)
{
	make_futures(1);
	ck_assert_int_eq(result_of(is_cancelled_before, (void *)(intptr_t)shields), -ECANCELED);
	ck_assert(!coro_future_done(children[0]));
	drop_children();
}
END_TEST

/* ---- misuse ---- */

/* All calls, with futures that they must refuse. */
static void assert_refused(struct coro_future *const *futures, size_t number, int expected)
{
	void *value = &value;
	mark_results();
	ck_assert_int_eq(coro_gather(futures, number, results), expected);
	ck_assert_int_eq(coro_gather_all(futures, number, results), expected);
	ck_assert_int_eq(coro_wait(futures, number, CORO_ALL_COMPLETED, 0), expected);
	ck_assert(results_untouched());
	if (!futures)
		return;
	static const int64_t timeouts[] = {-1, 0, 5, CORO_FOREVER};
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(coro_wait_for(futures[number - 1], timeouts[i], &value), expected);
	ck_assert_int_eq(coro_shield(futures[number - 1], &value), expected);
	ck_assert_ptr_eq(value, &value);
}

static void waits_outside_tasks(void *arg)
{
	assert_refused(children, count, -EPERM);
}

START_TEST(outside_a_task_nothing_is_waited_for)
{
	make_futures(2);
	waits_outside_tasks(NULL);
	call_outside_tasks(waits_outside_tasks, NULL);
	ck_assert(!coro_future_done(children[1]));
	set(children[0], NULL);
	set(children[1], NULL);
	call_outside_tasks(waits_outside_tasks, NULL); /* even if it is done */
	ck_assert_int_eq(coro_gather(NULL, 0, NULL), -EPERM);
	drop_children();
}
END_TEST

static int waits_for_nothing(void *arg)
{
	struct coro_future *with_null[] = {children[0], NULL};
	assert_refused(with_null, 2, -EINVAL);
	assert_refused(NULL, 2, -EINVAL);
	ck_assert_int_eq(coro_wait(NULL, 0, CORO_ALL_COMPLETED, 0), -EINVAL);
	ck_assert_int_eq(coro_wait(children, 0, CORO_ALL_COMPLETED, 0), -EINVAL);
	ck_assert_int_eq(coro_wait(children, 1, (enum coro_wait_mode)3, 0), -EINVAL);
	ck_assert_int_eq(coro_wait(children, 1, (enum coro_wait_mode) - 1, 0), -EINVAL);
	return coro_task_yield();
}

START_TEST(nothing_to_wait_for_is_refused)
{
	make_futures(1);
	ck_assert_int_eq(result_of(waits_for_nothing, NULL), 0);
	ck_assert(!coro_future_done(children[0]));
	drop_children();
}
END_TEST

static int waits_for_strangers(void *arg)
{
	assert_refused(children, count, -EPERM);
	return coro_task_yield();
}

START_TEST(future_of_another_loop_is_refused)
{
	struct coro_loop *other;
	make_futures(1);
	ck_assert_int_eq(coro_loop_create(NULL, &other), 0);
	ck_assert_int_eq(coro_future_create(other, &children[count++]), 0);
	ck_assert_int_eq(result_of(waits_for_strangers, NULL), 0);
	drop_children();
	ck_assert_int_eq(coro_loop_close(other), 0);
}
END_TEST

/* ---- holding ---- */

static int waits_for_what_is_dropped(void *arg)
{
	struct coro_future *futures[2];
	for (int way = 0; way < 5; way++) {
		for (int i = 0; i < 2; i++) {
			futures[i] = make_future();
			at(coro_loop_time(loop) + 5, set_it, futures[i]);
		}
		struct coro_future *copies[] = {futures[0], futures[1]};
		at(coro_loop_time(loop) + 1, (coro_callback *)coro_future_unref, futures[0]);
		if (way < 3)
			at(coro_loop_time(loop) + 1, (coro_callback *)coro_future_unref,
			   futures[1]);
		switch (way) {
		case 0:
			ck_assert_int_eq(coro_gather(copies, 2, NULL), 0);
			break;
		case 1:
			ck_assert_int_eq(coro_gather_all(copies, 2, NULL), 0);
			break;
		case 2:
			ck_assert_int_eq(coro_wait(copies, 2, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
			break;
		case 3:
			ck_assert_int_eq(coro_wait_for(futures[0], 10, NULL), 0);
			coro_future_unref(futures[1]);
			break;
		case 4:
			ck_assert_int_eq(coro_shield(futures[0], NULL), 0);
			coro_future_unref(futures[1]);
			break;
		}
	}
	return 0;
}

START_TEST(who_waits_holds_what_it_waits_for)
{
	ck_assert_int_eq(result_of(waits_for_what_is_dropped, NULL), 0);
}
END_TEST

/* All ways to wait, of a few and of many. */
static int waits_in_some_way(void *way)
{
	switch ((intptr_t)way) {
	case 0:
		return coro_gather(children, 2, NULL);
	case 1:
		return coro_gather(children, count, NULL);
	case 2:
		return coro_wait(children, 2, CORO_ALL_COMPLETED, 100);
	case 3:
		return coro_wait(children, count, CORO_ALL_COMPLETED, CORO_FOREVER);
	case 4:
		return coro_wait_for(children[0], 100, NULL);
	case 5:
		return coro_wait_for(children[0], CORO_FOREVER, NULL);
	case 6:
		return coro_shield(children[0], NULL);
	default:
		return -EINVAL;
	}
}

START_TEST(loop_can_be_closed_while_tasks_wait)
{
	/* As they wait, as the future is done, and as they are woken. */
	for (int stage = 0; stage < 3; stage++) {
		for (intptr_t way = 0; way < 7; way++) {
			struct coro_loop *plain = loop;
			loop_setup();
			make_futures(20);
			struct coro_future *task = start(waits_in_some_way, (void *)way);
			ck_assert(!coro_future_done(task));
			if (stage > 0)
				for (size_t i = 0; i < count; i++)
					set(children[i], NULL);
			if (stage > 1)
				turn();
			loop_teardown();
			coro_future_unref(task);
			drop_children();
			loop = plain;
		}
	}
}
END_TEST

/* ---- memory ---- */

START_TEST(waiting_for_up_to_16_allocates_nothing)
{
	for (intptr_t way = 0; way < 7; way++) {
		make_futures(16);
		/* Once before, so that the loop has room for it. */
		for (int round = 0; round < 2; round++) {
			struct coro_future *tasks[3];
			for (int i = 0; i < 3; i++)
				tasks[i] = spawn(gives_way, NULL);
			turn();
			run();
			for (int i = 0; i < 3; i++)
				coro_future_unref(tasks[i]);
			struct coro_future *task = spawn(waits_in_some_way, (void *)way);
			if (round == 1) {
				fail_nth(0);
				coro_loop_stop(loop);
				coro_run_forever(loop);
				fail_off();
				ck_assert_uint_eq(fail_count(), 0);
			}
			turn();
			cancel(task);
			ck_assert_uint_eq(allocations_of_run(), 0);
			coro_future_unref(task);
			if (round == 0) {
				drop_children();
				make_futures(16);
			}
		}
		drop_children();
	}
}
END_TEST

START_TEST(waiting_for_more_makes_one_allocation)
{
	if (!fail_possible())
		skip_test("allocations cannot be counted here");
	static const intptr_t ways[] = {1, 3};
	make_futures(200);
	for (size_t i = 0; i < 200; i++)
		set(children[i], NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_ge(result_of(waits_in_some_way, (void *)ways[i]), 0);
		struct coro_future *task = spawn(waits_in_some_way, (void *)ways[i]);
		ck_assert_uint_eq(allocations_of_run(), 1);
		coro_future_unref(task);
		ck_assert_int_eq(coro_task_yield(), -EPERM);
	}
	drop_children();
}
END_TEST

/* Uses all of it, and passes an -ENOMEM on. */
static int program(void *arg)
{
	static struct sleeper all[40];
	struct coro_future *tasks[40];
	struct coro_result some[40];
	size_t spawned = 0;
	int r = 0, ended;
	while (r == 0 && spawned < 40) {
		all[spawned] = (struct sleeper){.sleeps = (int64_t)(spawned * 7 % 10), .status = 1};
		r = coro_spawn(sleeper, &all[spawned], &tasks[spawned]);
		if (r == 0)
			spawned++;
	}
	for (size_t n = 0; n <= spawned && r >= 0; n += 8) {
		r = n == 0 ? 0 : coro_wait(tasks, n, CORO_FIRST_COMPLETED, 2);
		if (r >= 0)
			r = coro_gather(tasks, n, some);
		for (size_t i = 0; r == 0 && i < n; i++)
			r = some[i].status == 1 ? 0 : -EPROTO;
	}
	for (size_t i = 0; i < spawned; i++) {
		ended = i % 2 ? coro_wait_for(tasks[i], 50, NULL) : coro_shield(tasks[i], NULL);
		if (r >= 0 && ended < 0)
			r = ended;
	}
	if (r >= 0)
		r = coro_gather_all(tasks, spawned, some);
	/* Whatever the result, all tasks must end. */
	for (size_t i = 0; i < spawned; i++) {
		ended = coro_await(tasks[i], NULL);
		if (r >= 0 && ended < 0)
			r = ended;
		coro_future_unref(tasks[i]);
	}
	return r;
}

START_TEST(wait_that_finds_no_memory_leaves_all_as_it_was)
{
	fail_each_allocation(program);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, wait_is_over_when_all_are_done);
	tcase_add_test(tests, wait_is_over_when_the_first_is_done);
	tcase_add_test(tests, wait_is_over_when_the_first_fails_or_all_are_done);
	tcase_add_test(tests, all_that_were_done_by_then_count);
	tcase_add_test(tests, wait_ends_in_time_and_cancels_nothing);
	tcase_add_test(tests, wait_of_no_time_looks_at_what_is_done);
	tcase_add_test(tests, wait_that_was_over_leaves_no_timer);
	tcase_add_test(tests, future_that_is_named_twice_counts_once);
	tcase_add_test(tests, any_number_can_be_waited_for);
	tcase_add_test(tests, who_is_cancelled_while_it_waits_for_several_cancels_none);
	tcase_add_test(tests, cancellation_from_before_arrives_where_it_waits_for_several);
	tcase_add_test(tests, result_that_comes_in_time_is_returned);
	tcase_add_test(tests, failure_that_comes_in_time_is_returned_with_its_message);
	tcase_add_test(tests, cancellation_by_others_is_returned);
	tcase_add_test(tests, what_takes_too_long_is_cancelled_and_its_end_awaited);
	tcase_add_test(tests, message_of_wait_for_tells_how_long_it_waited_and_where);
	tcase_add_test(tests, plain_future_that_takes_too_long_is_cancelled);
	tcase_add_test(tests, task_that_refuses_to_be_cancelled_gives_its_result_late);
	tcase_add_test(tests, no_time_at_all_is_time_for_what_is_done);
	tcase_add_test(tests, no_time_at_all_cancels_what_is_not_done);
	tcase_add_test(tests, no_time_at_all_keeps_a_new_task_from_running);
	tcase_add_test(tests, result_at_the_tick_of_the_deadline_is_too_late);
	tcase_add_test(tests, who_is_cancelled_cancels_it_and_waits_for_its_end);
	tcase_add_test(tests, who_is_cancelled_has_the_result_of_a_task_that_refuses);
	tcase_add_test(tests, who_is_cancelled_again_waits_for_the_end_all_the_same);
	tcase_add_test(tests, who_is_cancelled_after_the_deadline_is_so_by_others);
	tcase_add_test(tests, cancellation_in_the_turn_of_the_result_is_not_swallowed);
	tcase_add_test(tests, result_ends_the_wait_for_it_in_the_next_turn);
	tcase_add_test(tests, cancellation_from_before_stays_where_the_result_is_there);
	tcase_add_test(tests, forever_is_as_awaiting);
	tcase_add_test(tests, task_cannot_wait_for_itself);
	tcase_add_test(tests, shield_gives_the_result);
	tcase_add_test(tests, shield_of_what_is_done_is_no_wait);
	tcase_add_test(tests, what_is_shielded_goes_on_when_the_caller_is_cancelled);
	tcase_add_test(tests, what_is_shielded_can_be_cancelled_by_others);
	tcase_add_test(tests, caller_that_is_cancelled_as_the_result_comes_is_cancelled);
	tcase_add_test(tests, what_is_shielded_goes_on_when_the_callers_time_is_over);
	tcase_add_test(tests, cancellation_from_before_arrives_where_it_shields);
	tcase_add_test(tests, outside_a_task_nothing_is_waited_for);
	tcase_add_test(tests, nothing_to_wait_for_is_refused);
	tcase_add_test(tests, future_of_another_loop_is_refused);
	tcase_add_test(tests, who_waits_holds_what_it_waits_for);
	tcase_add_test(tests, loop_can_be_closed_while_tasks_wait);
	tcase_add_test(tests, waiting_for_up_to_16_allocates_nothing);
	tcase_add_test(tests, waiting_for_more_makes_one_allocation);
	tcase_add_test(tests, wait_that_finds_no_memory_leaves_all_as_it_was);
}

TEST_MAIN("wait", add_tests)
