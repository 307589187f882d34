/* SPDX-License-Identifier: MIT */
/* Timeouts: they end only what takes too long, and leave others' cancellations alone. */
#include "tasks.h"

/* ---- in time ---- */

static int ends_in_time(void *arg)
{
	static const int results[] = {0, 5, -EIO, -ECANCELED, -ETIMEDOUT, CORO_USER_ERROR};
	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++) {
		struct coro_timeout timeout;
		int64_t now = coro_loop_time(loop);
		ck_assert_int_eq(coro_timeout_begin(&timeout, 10), 0);
		ck_assert_int_eq(coro_timeout_when(&timeout), now + 10);
		ck_assert_int_eq(coro_sleep(3), 0);
		ck_assert(!coro_timeout_expired(&timeout));
		ck_assert_int_eq(coro_timeout_end(&timeout, results[i]), results[i]);
		ck_assert(!coro_timeout_expired(&timeout));
	}
	return coro_task_cancelling(coro_current_task());
}

START_TEST(result_of_a_body_that_ends_in_time_is_unchanged)
{
	ck_assert_int_eq(result_of(ends_in_time, NULL), 0);
	assert_time(18);
	run();
	assert_time(18); /* no timer is left */
}
END_TEST

static int ends_before_it_waits(void *delay)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, *(int64_t *)delay), 0);
	ck_assert(!coro_timeout_expired(&timeout));
	ck_assert_int_eq(coro_timeout_end(&timeout, 4), 4);
	ck_assert(!coro_timeout_expired(&timeout));
	return coro_sleep(5);
}

START_TEST(body_that_does_not_wait_ends_in_time_whatever_that_is)
{
	static int64_t delays[] = {1, 0, -1, INT64_MIN, CORO_FOREVER};
	for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); i++)
		ck_assert_int_eq(result_of(ends_before_it_waits, &delays[i]), 0);
}
END_TEST

static int sleeps_forever_long(void *arg)
{
	struct coro_timeout timeouts[3];
	ck_assert_int_eq(coro_timeout_begin(&timeouts[0], CORO_FOREVER), 0);
	ck_assert_int_eq(coro_timeout_begin_at(&timeouts[1], CORO_FOREVER), 0);
	ck_assert_int_eq(coro_timeout_begin(&timeouts[2], CORO_FOREVER - 1), 0);
	int r = coro_sleep(1000 * CORO_SEC);
	for (int i = 3; i-- > 0;) {
		ck_assert_int_eq(coro_timeout_when(&timeouts[i]), CORO_FOREVER);
		r = coro_timeout_end(&timeouts[i], r);
	}
	return r;
}

START_TEST(forever_does_not_come)
{
	static int64_t delay = 5;
	ck_assert_int_eq(result_of(ends_before_it_waits, &delay),
			 0); /* so that it is not 0 o'clock */
	ck_assert_int_eq(result_of(sleeps_forever_long, NULL), 0);
}
END_TEST

/* ---- late ---- */

/* A body that takes too long for its timeout. */
struct overdue {
	int64_t delay;
	int result; /* what it returns when cancelled; 0: it is cancelled */
};

static int is_late(void *arg)
{
	struct overdue *overdue = arg;
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, overdue->delay), 0);
	int r = coro_sleep(100);
	ck_assert_int_eq(r, -ECANCELED);
	ck_assert(coro_timeout_expired(&timeout));
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 1);
	r = coro_timeout_end(&timeout, overdue->result ? overdue->result : r);
	ck_assert(coro_timeout_expired(&timeout));
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	return r;
}

START_TEST(body_that_takes_too_long_is_cancelled_and_times_out)
{
	struct coro_future *task = spawn(is_late, &(struct overdue){.delay = 7});
	run();
	assert_time(8);
	ck_assert(!coro_future_cancelled(task));
	ck_assert_ptr_nonnull(strstr(coro_future_message(task), "timeout of 7 ns begun at "));
	assert_ended(task, -ETIMEDOUT);
}
END_TEST

START_TEST(time_that_is_over_already_ends_the_first_wait)
{
	static const int64_t delays[] = {0, -1, INT64_MIN};
	for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); i++) {
		int64_t now = coro_loop_time(loop);
		ck_assert_int_eq(result_of(is_late, &(struct overdue){.delay = delays[i]}),
				 -ETIMEDOUT);
		assert_time(now + 1);
	}
}
END_TEST

static int begins_in_the_past(void *when)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_sleep(10), 0);
	ck_assert_int_eq(coro_timeout_begin_at(&timeout, *(int64_t *)when), 0);
	ck_assert_int_eq(coro_timeout_when(&timeout), *(int64_t *)when);
	return coro_timeout_end(&timeout, coro_sleep(10));
}

START_TEST(time_of_the_clock_is_kept_to)
{
	int64_t past = 3, now = 20, future = 35, late = 56;
	ck_assert_int_eq(result_of(begins_in_the_past, &past), -ETIMEDOUT);
	assert_time(10);
	ck_assert_int_eq(result_of(begins_in_the_past, &now), -ETIMEDOUT);
	assert_time(20);
	ck_assert_int_eq(result_of(begins_in_the_past, &future), -ETIMEDOUT);
	assert_time(35);
	ck_assert_int_eq(result_of(begins_in_the_past, &late), 0);
	assert_time(55);
}
END_TEST

static int gives_way_under_a_timeout(void *arg)
{
	struct coro_timeout timeout;
	int turns = 0;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 0), 0);
	while (coro_task_yield() == 0)
		turns++;
	ck_assert_int_eq(coro_timeout_end(&timeout, -ECANCELED), -ETIMEDOUT);
	return turns;
}

START_TEST(delay_of_0_ends_it_before_it_runs_again)
{
	ck_assert_int_eq(result_of(gives_way_under_a_timeout, NULL), 0);
}
END_TEST

START_TEST(body_that_makes_light_of_it_keeps_its_result)
{
	ck_assert_int_eq(result_of(is_late, &(struct overdue){7, 12}), 12);
	ck_assert_int_eq(result_of(is_late, &(struct overdue){7, -EIO}), -EIO);
}
END_TEST

static int waits_on(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 5), 0);
	ck_assert_int_eq(coro_sleep(100), -ECANCELED);
	ck_assert_int_eq(coro_sleep(100), 0); /* it is cancelled once */
	return coro_timeout_end(&timeout, -ECANCELED);
}

START_TEST(cleanup_after_it_may_wait_as_long_as_it_wants)
{
	ck_assert_int_eq(result_of(waits_on, NULL), -ETIMEDOUT);
	assert_time(105);
}
END_TEST

static struct coro_future *awaited;

static int awaits_in_time(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 5), 0);
	return coro_timeout_end(&timeout, coro_await(awaited, NULL));
}

START_TEST(what_the_body_awaits_is_cancelled_with_it)
{
	awaited = make_future();
	ck_assert_int_eq(result_of(awaits_in_time, NULL), -ETIMEDOUT);
	assert_ended(awaited, -ECANCELED);
}
END_TEST

START_TEST(result_that_comes_at_the_tick_of_the_deadline_is_too_late)
{
	awaited = make_future();
	at(5, set_it, awaited); /* armed first, and so run first */
	ck_assert_int_eq(result_of(awaits_in_time, NULL), -ETIMEDOUT);
	assert_ended(awaited, 0);
}
END_TEST

static int sleeps_then_says(void *arg)
{
	int r = coro_sleep(10);
	ck_assert_int_eq(r, -ECANCELED);
	trace("generator");
	return r;
}

static int reads_under_a_timeout(void *arg)
{
	struct coro *generator;
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_create(sleeps_then_says, NULL, &generator), 0);
	ck_assert_int_eq(coro_timeout_begin(&timeout, 5), 0);
	int r = coro_timeout_end(&timeout, coro_next(generator, NULL));
	trace("task");
	coro_destroy(generator);
	return r;
}

START_TEST(timeout_reaches_a_wait_inside_a_generator)
{
	ck_assert_int_eq(result_of(reads_under_a_timeout, NULL), -ETIMEDOUT);
	ck_assert_trace("generator task");
}
END_TEST

static int sleeps_within(void *delay)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, *(int64_t *)delay), 0);
	int r = coro_timeout_end(&timeout, coro_sleep(5));
	trace("%d%s", (int)coro_loop_time(loop), r == -ETIMEDOUT ? "!" : "");
	return r;
}

START_TEST(tasks_have_timeouts_of_their_own)
{
	int64_t delays[] = {9, 1, 6, 3};
	for (int i = 0; i < 4; i++)
		coro_future_unref(spawn(sleeps_within, &delays[i]));
	run();
	ck_assert_trace("1! 3! 5 5");
}
END_TEST

static int is_late_for_real(void *arg)
{
	struct coro_timeout timeout;
	int64_t began = coro_clock();
	ck_assert_int_eq(coro_timeout_begin(&timeout, 5 * CORO_MSEC), 0);
	int r = coro_timeout_end(&timeout, coro_sleep(600 * CORO_SEC));
	ck_assert_int_ge(coro_clock() - began, 5 * CORO_MSEC);
	return r;
}

START_TEST(on_the_real_clock_nothing_times_out_early)
{
	ck_assert_int_eq(coro_run(is_late_for_real, NULL), -ETIMEDOUT);
}
END_TEST

/* ---- nested ---- */

/* Begins two, waits, and ends them; what they gave is traced. */
static int nests(void *arg)
{
	int64_t *delays = arg;
	struct coro_timeout outer, inner;
	ck_assert_int_eq(coro_timeout_begin(&outer, delays[0]), 0);
	ck_assert_int_eq(coro_timeout_begin(&inner, delays[1]), 0);
	int r = coro_sleep(50);
	if (delays[2] && r == -ECANCELED)
		trace("clean%s", coro_sleep(delays[2]) < 0 ? "!" : "");
	r = coro_timeout_end(&inner, r);
	trace("inner:%s", r == -ETIMEDOUT ? "late" : r == -ECANCELED ? "cancelled" : "ok");
	if (delays[3])
		r = coro_sleep(delays[3]);
	r = coro_timeout_end(&outer, r);
	trace("outer:%s", r == -ETIMEDOUT ? "late" : r == -ECANCELED ? "cancelled" : "ok");
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 0);
	return r;
}

static int nest(int64_t outer, int64_t inner, int64_t cleanup, int64_t after)
{
	return result_of(nests, (int64_t[]){outer, inner, cleanup, after});
}

START_TEST(inner_that_expires_first_is_the_one_that_is_late)
{
	ck_assert_int_eq(nest(20, 10, 0, 5), 0);
	ck_assert_trace("inner:late outer:ok");
	assert_time(15);
}
END_TEST

START_TEST(lateness_of_the_inner_goes_through_the_outer)
{
	ck_assert_int_eq(nest(20, 10, 0, 0), -ETIMEDOUT);
	ck_assert_trace("inner:late outer:late");
	assert_time(10);
}
END_TEST

START_TEST(outer_that_expires_first_cancels_the_inner)
{
	ck_assert_int_eq(nest(10, 20, 0, 0), -ETIMEDOUT);
	ck_assert_trace("inner:cancelled outer:late");
	assert_time(10);
}
END_TEST

START_TEST(of_two_at_the_same_tick_the_outer_is_late)
{
	ck_assert_int_eq(nest(10, 10, 0, 0), -ETIMEDOUT);
	ck_assert_trace("inner:cancelled outer:late");
	assert_time(10);
}
END_TEST

START_TEST(outer_that_expires_while_the_inner_cleans_up_cancels_that)
{
	ck_assert_int_eq(nest(12, 10, 5, 0), -ETIMEDOUT);
	ck_assert_trace("clean! inner:cancelled outer:late");
	assert_time(12);
}
END_TEST

START_TEST(inner_that_expires_in_the_outers_cleanup_cancels_that)
{
	ck_assert_int_eq(nest(10, 12, 5, 0), -ETIMEDOUT);
	ck_assert_trace("clean! inner:cancelled outer:late");
	assert_time(12);
}
END_TEST

START_TEST(two_that_are_over_at_once_end_the_first_wait)
{
	ck_assert_int_eq(nest(0, 0, 0, 0), -ETIMEDOUT);
	ck_assert_trace("inner:cancelled outer:late");
	ck_assert_int_eq(nest(10, 0, 0, 5), 0);
	ck_assert_trace("inner:late outer:ok");
	ck_assert_int_eq(nest(0, 10, 0, 0), -ETIMEDOUT);
	ck_assert_trace("inner:cancelled outer:late");
}
END_TEST

/* ---- cancelled by others ---- */

static int sleeps_under_a_timeout(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 10), 0);
	int r = coro_sleep(100);
	if (arg)
		ck_assert_int_eq(coro_sleep(5), -ECANCELED);
	trace("%sexpired", coro_timeout_expired(&timeout) ? "" : "not-");
	return coro_timeout_end(&timeout, r);
}

START_TEST(cancellation_before_the_deadline_is_that_of_others)
{
	struct coro_future *task = spawn(sleeps_under_a_timeout, NULL);
	at(5, cancel_it, task);
	run();
	ck_assert_trace("not-expired");
	assert_time(5);
	ck_assert_int_eq(coro_task_cancelling(task), 1);
	assert_ended(task, -ECANCELED);
}
END_TEST

START_TEST(cancellation_at_the_tick_of_the_deadline_is_not_swallowed)
{
	/* Before it in that tick, and after it. */
	struct coro_future *task = spawn(sleeps_under_a_timeout, NULL);
	at(10, cancel_it, task);
	run();
	ck_assert_trace("expired");
	ck_assert_int_eq(coro_task_cancelling(task), 1);
	assert_ended(task, -ECANCELED);

	task = start(sleeps_under_a_timeout, NULL);
	at(20, cancel_it, task);
	run();
	ck_assert_trace("expired");
	ck_assert_int_eq(coro_task_cancelling(task), 1);
	assert_ended(task, -ECANCELED);
}
END_TEST

START_TEST(cancellation_after_the_deadline_is_not_swallowed)
{
	struct coro_future *task = spawn(sleeps_under_a_timeout, "cleans up");
	at(12, cancel_it, task);
	run();
	ck_assert_trace("expired");
	assert_time(12);
	ck_assert_int_eq(coro_task_cancelling(task), 1);
	assert_ended(task, -ECANCELED);
}
END_TEST

static int survives_and_times_out(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_sleep(100), -ECANCELED);
	ck_assert_int_eq(coro_timeout_begin(&timeout, 10), 0);
	int r = coro_timeout_end(&timeout, coro_sleep(100));
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 1);
	return r;
}

START_TEST(requests_from_before_do_not_count)
{
	struct coro_future *task = start(survives_and_times_out, NULL);
	cancel(task);
	run();
	assert_time(10);
	assert_ended(task, -ETIMEDOUT);
}
END_TEST

static int begins_cancelled(void *delay)
{
	struct coro_timeout timeout;
	cancel(coro_current_task());
	ck_assert_int_eq(coro_timeout_begin(&timeout, (intptr_t)delay), 0);
	int r = coro_timeout_end(&timeout, coro_sleep(100));
	ck_assert(coro_timeout_expired(&timeout) == ((intptr_t)delay <= 0));
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 1);
	return r;
}

START_TEST(cancellation_from_before_ends_the_first_wait_as_such)
{
	/* Also where its time is over at once: that one is the older. */
	static const intptr_t delays[] = {10, 0, -5};
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(result_of(begins_cancelled, (void *)delays[i]), -ECANCELED);
	assert_time(0);
}
END_TEST

/* ---- rescheduled ---- */

static struct coro_timeout shared;

static int sleeps_under_the_shared(void *delay)
{
	ck_assert_int_eq(coro_timeout_begin(&shared, *(int64_t *)delay), 0);
	return coro_timeout_end(&shared, coro_sleep(100));
}

static void reschedule(void *when)
{
	ck_assert_int_eq(coro_timeout_reschedule(&shared, *(int64_t *)when), 0);
	ck_assert_int_eq(coro_timeout_when(&shared), *(int64_t *)when);
}

static void reschedule_in_vain(void *when)
{
	ck_assert_int_eq(coro_timeout_reschedule(&shared, *(int64_t *)when), -EALREADY);
}

/* One of 10 is moved at 5 to `when`; at what time it is over, and how. */
static int rescheduled_to(int64_t when)
{
	int64_t began = coro_loop_time(loop), delay = 10, moved = when;
	if (when != CORO_FOREVER)
		moved += began;
	at(began + 5, reschedule, &moved);
	int r = result_of(sleeps_under_the_shared, &delay);
	int took = (int)(coro_loop_time(loop) - began);
	ck_assert(r == -ETIMEDOUT || (r == 0 && took == 100));
	return took;
}

START_TEST(deadline_can_be_moved)
{
	ck_assert_int_eq(rescheduled_to(7), 7);
	ck_assert_int_eq(rescheduled_to(30), 30);
	ck_assert_int_eq(rescheduled_to(100), 100);
	ck_assert_int_eq(rescheduled_to(101), 100);
	ck_assert_int_eq(rescheduled_to(5), 5);
	ck_assert_int_eq(rescheduled_to(-1), 5);
	ck_assert_int_eq(rescheduled_to(CORO_FOREVER), 100);
}
END_TEST

START_TEST(deadline_that_never_was_to_come_can_be_set)
{
	int64_t forever = CORO_FOREVER, soon = 20;
	at(5, reschedule, &soon);
	ck_assert_int_eq(result_of(sleeps_under_the_shared, &forever), -ETIMEDOUT);
	assert_time(20);
}
END_TEST

START_TEST(deadline_that_is_over_but_not_seen_yet_can_be_moved)
{
	int64_t past = 0, later = 30, delay = 10;
	at(5, reschedule, &past);
	at(5, reschedule, &later);
	ck_assert_int_eq(result_of(sleeps_under_the_shared, &delay), -ETIMEDOUT);
	assert_time(30);
}
END_TEST

START_TEST(deadline_that_has_come_cannot_be_moved)
{
	int64_t later = 1000, delay = 10;
	struct coro_future *task = start(sleeps_under_the_shared, &delay);
	at(10, reschedule_in_vain, &later);
	run();
	assert_time(10);
	reschedule_in_vain(&later); /* nor when the scope has ended */
	ck_assert_int_eq(coro_timeout_when(&shared), 10);
	assert_ended(task, -ETIMEDOUT);

	delay = 1000;
	ck_assert_int_eq(result_of(sleeps_under_the_shared, &delay), 0);
	reschedule_in_vain(&later);
	ck_assert(!coro_timeout_expired(&shared));
	run();
	assert_time(110);
}
END_TEST

static int moves_its_own(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 10), 0);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(coro_sleep(8), 0);
		ck_assert_int_eq(coro_timeout_reschedule(&timeout, coro_loop_time(loop) + 10), 0);
	}
	return coro_timeout_end(&timeout, coro_sleep(11));
}

START_TEST(body_that_makes_progress_may_move_its_own)
{
	ck_assert_int_eq(result_of(moves_its_own, NULL), -ETIMEDOUT);
	assert_time(50);
}
END_TEST

/* Each leaves a place in the queue of what is ready. */
static int moves_it_often_in_a_turn(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 10), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(coro_timeout_reschedule(&timeout, i % 2 ? 0 : 1000), 0);
	return coro_timeout_end(&timeout, coro_sleep(100));
}

static int begins_many_in_a_turn(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		struct coro_timeout timeout;
		ck_assert_int_eq(coro_timeout_begin(&timeout, 0), 0);
		ck_assert_int_eq(coro_timeout_end(&timeout, i), i);
	}
	return 0;
}

/* Runs fn beside others, which must run all the same. */
static int result_among_others(coro_fn *fn)
{
	struct coro_future *tasks[40], *task = spawn(fn, NULL);
	for (int i = 0; i < 40; i++)
		tasks[i] = spawn(i % 2 ? gives_way : says, "said");
	run();
	for (int i = 0; i < 40; i++)
		assert_ended(tasks[i], 0);
	int r = coro_future_result(task, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(deadlines_may_be_moved_any_number_of_times_in_a_turn)
{
	ck_assert_int_eq(result_among_others(moves_it_often_in_a_turn), -ETIMEDOUT);
	assert_time(0);
	ck_assert_int_eq(result_among_others(begins_many_in_a_turn), 0);
	assert_time(0);
}
END_TEST

/* ---- misuse ---- */

static void begins_outside_tasks(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 10), -EPERM);
	ck_assert_int_eq(coro_timeout_begin_at(&timeout, 10), -EPERM);
}

START_TEST(outside_a_task_there_are_no_timeouts)
{
	begins_outside_tasks(NULL);
	call_outside_tasks(begins_outside_tasks, NULL);
}
END_TEST

static int begins_without_a_place(void *arg)
{
	ck_assert_int_eq(coro_timeout_begin(NULL, 10), -EINVAL);
	ck_assert_int_eq(coro_timeout_begin_at(NULL, 10), -EINVAL);
	return coro_sleep(20);
}

START_TEST(no_timeout_at_all_is_refused)
{
	ck_assert_int_eq(result_of(begins_without_a_place, NULL), 0);
	ck_assert_int_eq(coro_timeout_reschedule(NULL, 10), -EINVAL);
	ck_assert_int_eq(coro_timeout_when(NULL), -EINVAL);
	ck_assert(!coro_timeout_expired(NULL));
	ck_assert_int_eq(coro_timeout_end(NULL, 0), -EINVAL);
}
END_TEST

static int ends_twice(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 10), 0);
	ck_assert_int_eq(coro_timeout_end(&timeout, 3), 3);
	ck_assert_int_eq(coro_timeout_end(&timeout, 3), -EALREADY);
	return 0;
}

START_TEST(scope_ends_once)
{
	ck_assert_int_eq(result_of(ends_twice, NULL), 0);
}
END_TEST

static int ends_for_others(void *arg)
{
	return coro_timeout_end(&shared, 0);
}

static void end_for_others(void *arg)
{
	ck_assert_int_eq(coro_timeout_end(&shared, 0), -EPERM);
}

START_TEST(only_its_task_ends_a_scope)
{
	int64_t delay = 10;
	struct coro_future *task = start(sleeps_under_the_shared, &delay);
	ck_assert_int_eq(result_of(ends_for_others, NULL), -EPERM);
	call_outside_tasks(end_for_others, NULL);
	run();
	assert_time(10);
	assert_ended(task, -ETIMEDOUT);
}
END_TEST

static int forgets_some(void *arg)
{
	struct coro_timeout timeouts[3];
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(coro_timeout_begin(&timeouts[i], i * 10), 0);
	return 4;
}

START_TEST(scope_that_its_task_forgot_to_end_does_not_come)
{
	coro_future_unref(spawn(gives_way, NULL));
	ck_assert_int_eq(result_of(forgets_some, NULL), 4);
	ck_assert_int_eq(result_of(forgets_some, NULL), 4); /* on the same stack */
	run();
	assert_time(0);
}
END_TEST

static int generates_under_a_timeout(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 10), 0);
	int r = coro_yield(arg, NULL);
	ck_assert_int_eq(coro_timeout_end(&timeout, r), r);
	trace("ended");
	return r;
}

static int takes_one(void *generator)
{
	return coro_next(generator, NULL);
}

START_TEST(scope_in_a_generator_may_outlive_its_task)
{
	/* Closed before its time would have come, and after. */
	for (int i = 0; i < 2; i++) {
		struct coro *generator;
		ck_assert_int_eq(coro_create(generates_under_a_timeout, loop, &generator), 0);
		ck_assert_int_eq(result_of(takes_one, generator), 1);
		if (i == 1)
			run();
		ck_assert_int_eq(coro_destroy(generator), 0);
		ck_assert_trace("ended");
	}
}
END_TEST

static int takes_one_and_waits(void *generator)
{
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	return coro_sleep(CORO_SEC);
}

START_TEST(scope_in_a_generator_may_outlive_its_loop)
{
	struct coro_loop *other;
	struct coro *generator;
	ck_assert_int_eq(coro_loop_create(NULL, &other), 0);
	ck_assert_int_eq(coro_create(generates_under_a_timeout, other, &generator), 0);
	ck_assert_int_eq(coro_loop_spawn(other, NULL, takes_one_and_waits, generator, NULL), 0);
	ck_assert_int_eq(coro_loop_stop(other), 0);
	ck_assert_int_eq(coro_run_forever(other), 0);
	ck_assert_int_eq(coro_loop_close(other), 0);
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_trace("ended");
}
END_TEST

static int takes_one_and_goes_on(void *generator)
{
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	return coro_sleep(50);
}

static int destroys(void *generator)
{
	return coro_destroy(generator);
}

START_TEST(another_task_ends_the_scope_of_a_generator_that_it_closes)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(generates_under_a_timeout, loop, &generator), 0);
	struct coro_future *task = start(takes_one_and_goes_on, generator);
	ck_assert_int_eq(result_of(destroys, generator), 0);
	ck_assert_trace("ended");
	run();
	assert_time(50); /* the scope's time did not come */
	assert_ended(task, 0);
}
END_TEST

/* ---- messages ---- */

static int takes_too_long(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 50 * CORO_MSEC);
	*(int *)arg = __LINE__ - 1;
	if (r < 0)
		return r;
	return coro_timeout_end(&timeout, coro_sleep(CORO_SEC));
}

START_TEST(message_tells_how_long_the_timeout_was_and_where_it_began)
{
	int line;
	char site[100], message[160];
	struct coro_future *task = spawn(takes_too_long, &line);
	run();
	snprintf(site, sizeof(site), "%s:%d", __FILE__, line);
	snprintf(message, sizeof(message), "timeout of 50 ms begun at %s", site);
	ck_assert_str_eq(coro_future_message(task), message);
	ck_assert_str_eq(coro_future_origin(task), site);
	assert_ended(task, -ETIMEDOUT);
}
END_TEST

/* The first was handled. */
static int times_out_twice(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_raise(-ETIMEDOUT, "no connection to the cache");
	r = coro_timeout_begin_at(&timeout, coro_loop_time(loop) + 3 * CORO_SEC);
	if (r == 0)
		r = coro_timeout_reschedule(&timeout, coro_timeout_when(&timeout) - CORO_SEC);
	return r < 0 ? r : coro_timeout_end(&timeout, coro_sleep(CORO_FOREVER));
}

START_TEST(message_of_an_earlier_timeout_is_not_given_for_a_later_one)
{
	struct coro_future *task = spawn(times_out_twice, NULL);
	run();
	const char *message = coro_future_message(task);
	ck_assert_msg(!strncmp(message, "timeout of 2 s begun at ", 24), "%s", message);
	assert_ended(task, -ETIMEDOUT);
}
END_TEST

/* ---- one call ---- */

static int sleeps_long(void *result)
{
	int r = coro_sleep(20);
	return r < 0 ? r : (int)(intptr_t)result;
}

static int calls_within(void *delay)
{
	int r = coro_within(*(int64_t *)delay, sleeps_long, (void *)7);
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	return r;
}

START_TEST(call_under_a_timeout_gives_its_result_or_times_out)
{
	static const struct {
		int64_t delay, takes;
		int result;
	} rows[] = {
		{5, 5, -ETIMEDOUT}, {30, 20, 7},         {CORO_FOREVER, 20, 7},
		{0, 0, -ETIMEDOUT}, {-3, 0, -ETIMEDOUT}, /* it never begins */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t begun = coro_loop_time(loop);
		ck_assert_int_eq(result_of(calls_within, (void *)&rows[i].delay), rows[i].result);
		assert_time(begun + rows[i].takes + 1);
	}
}
END_TEST

static int is_cancelled_within(void *arg)
{
	return coro_within(30, sleeps_long, NULL);
}

START_TEST(call_under_a_timeout_is_cancelled_by_others_as_such)
{
	struct coro_future *task = start(is_cancelled_within, NULL);
	cancel(task);
	run();
	assert_time(0);
	assert_ended(task, -ECANCELED);
	ck_assert_int_eq(coro_within(5, sleeps_long, NULL), -EPERM);
	ck_assert_int_eq(coro_within(5, NULL, NULL), -EINVAL);
}
END_TEST

/* ---- memory ---- */

/* Without Check's assertions, which allocate. */
static int uses_timeouts(void *arg)
{
	struct coro_timeout outer, inner;
	int r = coro_task_yield();
	for (int i = 0; r == 0 && i < 10; i++) {
		r = coro_timeout_begin(&outer, 10);
		if (r < 0)
			return r;
		r = coro_timeout_begin(&inner, i % 5);
		if (r == 0)
			r = coro_timeout_end(&inner, coro_sleep(3));
		r = coro_timeout_end(&outer, r);
		if (r == -ETIMEDOUT)
			r = 0;
	}
	return r;
}

START_TEST(timeouts_allocate_only_the_message_of_one_that_expired)
{
	struct coro_future *task = start(uses_timeouts, NULL);
	ck_assert_uint_le(allocations_of_run(), 10); /* as often as it begins one that is short */
	assert_ended(task, 0);
}
END_TEST

/* More at once than the loop has room for at first. */
static int nests_deeply(void *arg)
{
	struct coro_timeout timeouts[100];
	int count = 0, r = 0;
	while (count < 100 && (r = coro_timeout_begin(&timeouts[count], 10 + count)) == 0)
		count++;
	if (r == 0)
		r = coro_sleep(50);
	while (count > 0)
		r = coro_timeout_end(&timeouts[--count], r);
	return r == -ETIMEDOUT ? 0 : r;
}

START_TEST(timeout_that_finds_no_memory_has_not_begun)
{
	fail_each_allocation(nests_deeply);
}
END_TEST

static int moves_often(void *arg)
{
	struct coro_timeout timeout;
	int64_t when = 10;
	int r = coro_timeout_begin(&timeout, when);
	if (r < 0)
		return r;
	for (int i = 0; r == 0 && i < 200; i++) {
		when = i % 2 ? 20 : 0;
		r = coro_timeout_reschedule(&timeout, when);
	}
	if (r < 0) {
		/* It is where it was. */
		r = coro_timeout_when(&timeout) == 20 - when ? r : -EPROTO;
		return coro_timeout_end(&timeout, r);
	}
	r = coro_timeout_end(&timeout, coro_sleep(50));
	return r == -ETIMEDOUT && coro_loop_time(coro_running_loop()) == 20 ? 0 : -EPROTO;
}

START_TEST(timeout_that_finds_no_memory_is_not_moved)
{
	fail_each_allocation(moves_often);
}
END_TEST

static int begins_twice(void *arg)
{
	struct coro_timeout outer, inner;
	ck_assert_int_eq(coro_timeout_begin(&outer, 10), 0);
	ck_assert_int_eq(coro_timeout_begin(&inner, 50), 0);
	ck_assert_int_eq(coro_timeout_begin(&outer, 20), -EBUSY);
	ck_assert_int_eq(coro_timeout_begin_at(&inner, 20), -EBUSY);
	int r = coro_timeout_end(&inner, coro_sleep(30));
	ck_assert_int_eq(coro_timeout_end(&outer, r), -ETIMEDOUT);
	assert_time(10);
	ck_assert_int_eq(coro_timeout_begin(&outer, 10), 0); /* once ended it may begin again */
	return coro_timeout_end(&outer, 0);
}

START_TEST(timeout_that_has_begun_cannot_begin_again)
{
	ck_assert_int_eq(result_of(begins_twice, NULL), 0);
}
END_TEST

START_TEST(no_message_of_a_timeout_reaches_no_task)
{
	ck_assert_int_eq(coro_timeout_begin(NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_timeout_begin_at(NULL, 1), -EINVAL);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);

	tcase_add_test(tests, result_of_a_body_that_ends_in_time_is_unchanged);
	tcase_add_test(tests, body_that_does_not_wait_ends_in_time_whatever_that_is);
	tcase_add_test(tests, forever_does_not_come);

	tcase_add_test(tests, body_that_takes_too_long_is_cancelled_and_times_out);
	tcase_add_test(tests, time_that_is_over_already_ends_the_first_wait);
	tcase_add_test(tests, time_of_the_clock_is_kept_to);
	tcase_add_test(tests, delay_of_0_ends_it_before_it_runs_again);
	tcase_add_test(tests, body_that_makes_light_of_it_keeps_its_result);
	tcase_add_test(tests, cleanup_after_it_may_wait_as_long_as_it_wants);
	tcase_add_test(tests, what_the_body_awaits_is_cancelled_with_it);
	tcase_add_test(tests, result_that_comes_at_the_tick_of_the_deadline_is_too_late);
	tcase_add_test(tests, timeout_reaches_a_wait_inside_a_generator);
	tcase_add_test(tests, tasks_have_timeouts_of_their_own);
	tcase_add_test(tests, on_the_real_clock_nothing_times_out_early);

	tcase_add_test(tests, inner_that_expires_first_is_the_one_that_is_late);
	tcase_add_test(tests, lateness_of_the_inner_goes_through_the_outer);
	tcase_add_test(tests, outer_that_expires_first_cancels_the_inner);
	tcase_add_test(tests, of_two_at_the_same_tick_the_outer_is_late);
	tcase_add_test(tests, outer_that_expires_while_the_inner_cleans_up_cancels_that);
	tcase_add_test(tests, inner_that_expires_in_the_outers_cleanup_cancels_that);
	tcase_add_test(tests, two_that_are_over_at_once_end_the_first_wait);

	tcase_add_test(tests, cancellation_before_the_deadline_is_that_of_others);
	tcase_add_test(tests, cancellation_at_the_tick_of_the_deadline_is_not_swallowed);
	tcase_add_test(tests, cancellation_after_the_deadline_is_not_swallowed);
	tcase_add_test(tests, requests_from_before_do_not_count);
	tcase_add_test(tests, cancellation_from_before_ends_the_first_wait_as_such);

	tcase_add_test(tests, deadline_can_be_moved);
	tcase_add_test(tests, deadline_that_never_was_to_come_can_be_set);
	tcase_add_test(tests, deadline_that_is_over_but_not_seen_yet_can_be_moved);
	tcase_add_test(tests, deadline_that_has_come_cannot_be_moved);
	tcase_add_test(tests, body_that_makes_progress_may_move_its_own);
	tcase_add_test(tests, deadlines_may_be_moved_any_number_of_times_in_a_turn);

	tcase_add_test(tests, outside_a_task_there_are_no_timeouts);
	tcase_add_test(tests, no_timeout_at_all_is_refused);
	tcase_add_test(tests, scope_ends_once);
	tcase_add_test(tests, only_its_task_ends_a_scope);
	tcase_add_test(tests, scope_that_its_task_forgot_to_end_does_not_come);
	tcase_add_test(tests, scope_in_a_generator_may_outlive_its_task);
	tcase_add_test(tests, scope_in_a_generator_may_outlive_its_loop);
	tcase_add_test(tests, another_task_ends_the_scope_of_a_generator_that_it_closes);

	tcase_add_test(tests, call_under_a_timeout_gives_its_result_or_times_out);
	tcase_add_test(tests, call_under_a_timeout_is_cancelled_by_others_as_such);

	tcase_add_test(tests, timeouts_allocate_only_the_message_of_one_that_expired);
	tcase_add_test(tests, message_tells_how_long_the_timeout_was_and_where_it_began);
	tcase_add_test(tests, message_of_an_earlier_timeout_is_not_given_for_a_later_one);
	tcase_add_test(tests, timeout_that_finds_no_memory_has_not_begun);
	tcase_add_test(tests, timeout_that_finds_no_memory_is_not_moved);
	tcase_add_test(tests, timeout_that_has_begun_cannot_begin_again);
	tcase_add_test(tests, no_message_of_a_timeout_reaches_no_task);
}

TEST_MAIN("timeout", add_tests)
