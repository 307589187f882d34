/* SPDX-License-Identifier: MIT */
/* Cancellation: where it arrives, what it cancels too, and how the task ends. */
#include "tasks.h"

#include <sys/mman.h>
#include <unistd.h>

static struct coro_future *future, *task;
static int value, other_value;

static void setup(void)
{
	loop_setup();
	ck_assert_int_eq(coro_future_create(loop, &future), 0);
}

static void teardown(void)
{
	coro_future_unref(future);
	coro_future_unref(task);
	loop_teardown();
}

/* Spawns the task that a test is about, and lets it come to its first wait. */
static void begin(coro_fn *fn, void *arg)
{
	task = spawn(fn, arg);
	turn();
}

static void assert_result(struct coro_future *whom, int expected)
{
	ck_assert(coro_future_done(whom));
	ck_assert_int_eq(coro_future_result(whom, NULL), expected);
	ck_assert_int_eq(coro_future_cancelled(whom), expected == -ECANCELED);
}

static int awaits(void *arg)
{
	return coro_await(arg, NULL);
}

static int sleeps(void *arg)
{
	return coro_sleep(100);
}

/* ---- where it arrives ---- */

static int never(void *arg)
{
	ck_abort_msg("it ran");
}

START_TEST(task_cancelled_before_it_starts_never_runs)
{
	task = spawn(never, NULL);
	cancel(task);
	cancel(task);
	ck_assert(!coro_future_done(task));
	run();
	assert_result(task, -ECANCELED);
	ck_assert_str_eq(coro_future_message(task), coro_strerror(-ECANCELED));
	ck_assert_int_eq(coro_cancel(task), 0);
}
END_TEST

START_TEST(task_that_nobody_holds_may_be_cancelled_before_it_starts)
{
	task = spawn(never, NULL);
	cancel(task);
	coro_future_unref(task);
	task = NULL;
	run();
}
END_TEST

START_TEST(sleep_ends_at_once_and_its_timer_is_gone)
{
	begin(sleeps, NULL);
	cancel(task);
	run();
	assert_result(task, -ECANCELED);
	ck_assert_int_eq(coro_loop_time(loop), 0);
}
END_TEST

static int gives_way_thrice(void *arg)
{
	for (int i = 0; i < 3; i++) {
		int r = coro_sleep(0);
		if (r < 0)
			return r;
	}
	return 0;
}

START_TEST(giving_way_ends_in_cancellation)
{
	begin(gives_way_thrice, NULL);
	cancel(task);
	turn();
	assert_result(task, -ECANCELED);
}
END_TEST

START_TEST(awaited_future_is_cancelled_too)
{
	begin(awaits, future);
	cancel(task);
	ck_assert(coro_future_cancelled(future));
	ck_assert(!coro_future_done(task));
	run();
	assert_result(task, -ECANCELED);
}
END_TEST

START_TEST(all_who_await_that_future_are_cancelled_with_it)
{
	struct coro_future *other = spawn(awaits, future);
	begin(awaits, future);
	cancel(task);
	run();
	assert_result(other, -ECANCELED);
	ck_assert_int_eq(coro_task_cancelling(other), 0);
	coro_future_unref(other);
}
END_TEST

static int awaits_with_place(void *arg)
{
	void *ret = &other_value;
	int r = coro_await(arg, &ret);
	ck_assert_ptr_eq(ret, r < 0 ? (void *)&other_value : (void *)&value);
	return r;
}

START_TEST(result_that_came_in_the_same_turn_is_lost)
{
	begin(awaits_with_place, future);
	ck_assert_int_eq(coro_future_set_result(future, &value), 0);
	cancel(task);
	run();
	assert_result(task, -ECANCELED);
	ck_assert_int_eq(coro_future_result(future, NULL), 0);
}
END_TEST

START_TEST(failure_that_came_in_the_same_turn_is_lost)
{
	begin(awaits_with_place, future);
	ck_assert_int_eq(coro_future_set_error(future, coro_raise(-EIO, "torn")), 0);
	cancel(task);
	run();
	assert_result(task, -ECANCELED);
	ck_assert_str_eq(coro_future_message(task), coro_strerror(-ECANCELED));
}
END_TEST

static int sleeps_once(void *arg)
{
	return coro_sleep(5);
}

static void cancel_task(void *arg)
{
	cancel(task);
}

START_TEST(sleep_that_ended_in_the_same_turn_is_cancelled)
{
	/* Armed before the sleep, for the same time: it runs first. */
	ck_assert_int_eq(coro_call_at(loop, 5, cancel_task, NULL, NULL), 0);
	begin(sleeps_once, NULL);
	run();
	assert_result(task, -ECANCELED);
}
END_TEST

START_TEST(task_that_is_ready_after_its_sleep_is_cancelled)
{
	begin(sleeps_once, NULL);
	ck_assert_int_eq(coro_call_at(loop, 5, cancel_task, NULL, NULL), 0);
	run();
	assert_result(task, -ECANCELED);
}
END_TEST

/* The place that an earlier await wrote to is the caller's again. */
static int awaits_then_gives_way(void *arg)
{
	void *ret = NULL;
	ck_assert_int_eq(coro_await(arg, &ret), 0);
	ck_assert_ptr_eq(ret, &value);
	ret = &other_value;
	int r = coro_sleep(0);
	ck_assert_ptr_eq(ret, &other_value);
	return r;
}

START_TEST(place_of_an_earlier_await_is_left_alone)
{
	begin(awaits_then_gives_way, future);
	ck_assert_int_eq(coro_future_set_result(future, &value), 0);
	turn();
	cancel(task);
	run();
	assert_result(task, -ECANCELED);
}
END_TEST

/* ---- chains ---- */

static int outer_says(void *inner)
{
	int r = coro_await(inner, NULL);
	trace("outer");
	return r;
}

static int inner_says(void *arg)
{
	int r = coro_sleep(100);
	trace("inner");
	return r;
}

START_TEST(awaited_task_is_cancelled_first)
{
	struct coro_future *inner = spawn(inner_says, NULL);
	begin(outer_says, inner);
	cancel(task);
	run();
	ck_assert_trace("inner outer");
	assert_result(inner, -ECANCELED);
	assert_result(task, -ECANCELED);
	ck_assert_int_eq(coro_task_cancelling(inner), 1);
	ck_assert_int_eq(coro_task_cancelling(task), 1);
	coro_future_unref(inner);
}
END_TEST

static int awaits_at(void *place)
{
	return coro_await(*(struct coro_future **)place, NULL);
}

START_TEST(awaited_task_that_has_not_started_never_runs)
{
	struct coro_future *inner;
	task = spawn(awaits_at, &inner);
	inner = spawn(never, NULL);
	cancel(inner);
	run();
	assert_result(inner, -ECANCELED);
	assert_result(task, -ECANCELED);
	ck_assert_int_eq(coro_task_cancelling(task), 0);
	coro_future_unref(inner);
}
END_TEST

static int spawns_and_awaits(void *arg)
{
	struct coro_future *inner;
	ck_assert_int_eq(coro_spawn(never, NULL, &inner), 0);
	int r = coro_await(inner, NULL);
	coro_future_unref(inner);
	return r;
}

START_TEST(cancel_reaches_a_task_that_waits_to_start)
{
	begin(spawns_and_awaits, NULL);
	cancel(task);
	run();
	assert_result(task, -ECANCELED);
}
END_TEST

static int swallows(void *arg)
{
	int r = coro_sleep(100);
	ck_assert_int_eq(r, -ECANCELED);
	return 7;
}

START_TEST(outer_goes_on_when_the_inner_swallows)
{
	struct coro_future *inner = spawn(swallows, NULL);
	begin(awaits, inner);
	cancel(task);
	run();
	assert_result(inner, 7);
	assert_result(task, 7);
	ck_assert_int_eq(coro_task_cancelling(task), 1);
	coro_future_unref(inner);
}
END_TEST

START_TEST(inner_cancelled_by_others_does_not_cancel_the_outer)
{
	struct coro_future *inner = spawn(sleeps, NULL);
	begin(awaits, inner);
	cancel(inner);
	run();
	assert_result(task, -ECANCELED); /* what its body returned */
	ck_assert_int_eq(coro_task_cancelling(task), 0);
	coro_future_unref(inner);
}
END_TEST

static int cancels_who_awaits_it(void *arg)
{
	coro_sleep(1);
	cancel(*(struct coro_future **)arg);
	return 3;
}

/* The outer's child is ready, and so is cancelled itself; it ends before it waits again. */
START_TEST(cancel_by_the_task_that_is_awaited_is_not_lost)
{
	struct coro_future *inner = spawn(cancels_who_awaits_it, &task);
	begin(awaits, inner);
	run();
	assert_result(inner, -ECANCELED);
	assert_result(task, -ECANCELED);
	coro_future_unref(inner);
}
END_TEST

/* The number of stacks that there may be: not many if each guard costs a mapping. */
static size_t chain_length(void)
{
	enum { GUARD_INSTALL = 102 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	bool cheap = madvise(memory, page, GUARD_INSTALL) == 0 && !getenv("CORO_GUARD");
	munmap(memory, page);
	return (size_t)many(cheap ? 100 * 1000 : 10 * 1000, 1000);
}

static struct coro_options smallest;
static size_t links, cancelled_links;

static int link_of_chain(void *arg)
{
	struct coro_future *next;
	int r;
	if (--links == 0)
		return coro_await(future, NULL);
	ck_assert_int_eq(coro_loop_spawn(loop, &smallest, link_of_chain, NULL, &next), 0);
	r = coro_await(next, NULL);
	ck_assert_int_eq(coro_task_cancelling(next), 1);
	coro_future_unref(next);
	cancelled_links += r == -ECANCELED;
	return r;
}

static int cancels(void *arg)
{
	cancel(arg);
	return 0;
}

START_TEST(cancel_goes_down_a_long_chain_on_a_small_stack)
{
	size_t length = links = chain_length();
	smallest.stack_size = coro_stack_min();
	ck_assert_int_eq(coro_loop_spawn(loop, &smallest, link_of_chain, NULL, &task), 0);
	run();
	ck_assert_uint_eq(links, 0);
	ck_assert_int_eq(coro_loop_spawn(loop, &smallest, cancels, task, NULL), 0);
	run();
	ck_assert_uint_eq(cancelled_links, length - 1);
	assert_result(task, -ECANCELED);
	ck_assert(coro_future_cancelled(future));
}
END_TEST

/* ---- cycles ---- */

static int awaits_itself(void *arg)
{
	void *ret = &value;
	ck_assert_int_eq(coro_await(coro_current_task(), &ret), -EDEADLK);
	ck_assert_ptr_eq(ret, &value);
	return 4;
}

START_TEST(task_cannot_await_itself)
{
	begin(awaits_itself, NULL);
	run();
	assert_result(task, 4);
}
END_TEST

static struct coro_future *ring[100];
static int ring_size;

static int awaits_next(void *arg)
{
	int next = ((int)(intptr_t)arg + 1) % ring_size;
	return coro_await(ring[next], NULL);
}

START_TEST(closing_a_cycle_of_awaits_is_an_error)
{
	static const int sizes[] = {1, 2, 3, 100};
	for (size_t n = 0; n < sizeof(sizes) / sizeof(*sizes); n++) {
		ring_size = sizes[n];
		for (int i = 0; i < ring_size; i++)
			ring[i] = spawn(awaits_next, (void *)(intptr_t)i);
		run();
		for (int i = 0; i < ring_size; i++) {
			assert_result(ring[i], -EDEADLK);
			coro_future_unref(ring[i]);
		}
	}
}
END_TEST

static int reads_who_awaits(void *arg)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(awaits_at, arg, &generator), 0);
	int r = coro_next(generator, NULL);
	ck_assert_int_eq(coro_destroy(generator), 0);
	return r;
}

START_TEST(cycle_of_awaits_is_found_through_generators)
{
	struct coro_future *a, *b;
	a = spawn(reads_who_awaits, &b);
	b = spawn(reads_who_awaits, &a);
	run();
	assert_result(a, -EDEADLK);
	assert_result(b, -EDEADLK);
	coro_future_unref(a);
	coro_future_unref(b);
}
END_TEST

/* ---- a task that cancels itself ---- */

static int cancels_itself_and_waits(void *arg)
{
	cancel(coro_current_task());
	trace("asked");
	int r = arg ? coro_await(arg, NULL) : coro_sleep(100);
	trace("woken");
	ck_assert_int_eq(r, -ECANCELED);
	ck_assert_int_eq(coro_sleep(1), 0);
	return 6;
}

START_TEST(task_that_cancels_itself_learns_at_its_next_wait)
{
	task = spawn(cancels_itself_and_waits, NULL);
	run();
	ck_assert_trace("asked woken");
	assert_result(task, 6);
	ck_assert_int_eq(coro_loop_time(loop), 1);
}
END_TEST

START_TEST(what_a_cancelled_task_then_awaits_is_cancelled)
{
	task = spawn(cancels_itself_and_waits, future);
	run();
	assert_result(task, 6);
	ck_assert(coro_future_cancelled(future));
}
END_TEST

static int cancels_itself_and_gives_way(void *arg)
{
	cancel(coro_current_task());
	ck_assert_int_eq(coro_task_yield(), -ECANCELED);
	ck_assert_int_eq(coro_task_yield(), 0);
	return 2;
}

START_TEST(giving_way_is_a_wait)
{
	task = spawn(cancels_itself_and_gives_way, NULL);
	run();
	assert_result(task, 2);
}
END_TEST

static int cancels_itself_and_awaits_the_done(void *arg)
{
	void *ret = NULL;
	cancel(coro_current_task());
	ck_assert_int_eq(coro_await(arg, &ret), 0);
	ck_assert_ptr_eq(ret, &value);
	ck_assert_int_eq(coro_sleep(1), -ECANCELED);
	return 1;
}

START_TEST(await_of_a_done_future_is_no_wait)
{
	ck_assert_int_eq(coro_future_set_result(future, &value), 0);
	task = spawn(cancels_itself_and_awaits_the_done, future);
	run();
	assert_result(task, 1);
}
END_TEST

static int cancels_itself_and_returns(void *status)
{
	coro_return(&value);
	cancel(coro_current_task());
	return *(int *)status;
}

START_TEST(cancel_in_the_last_step_replaces_a_success)
{
	static int success = 5, failure = -EIO, cancelled = -ECANCELED;
	void *ret = NULL;
	task = spawn(cancels_itself_and_returns, &success);
	run();
	assert_result(task, -ECANCELED);
	ck_assert_int_eq(coro_future_result(task, &ret), -ECANCELED);
	ck_assert_ptr_null(ret);
	ck_assert_str_eq(coro_future_message(task), coro_strerror(-ECANCELED));
	coro_future_unref(task);

	task = spawn(cancels_itself_and_returns, &failure);
	run();
	assert_result(task, -EIO);
	coro_future_unref(task);

	task = spawn(cancels_itself_and_returns, &cancelled);
	run();
	assert_result(task, -ECANCELED);
}
END_TEST

/* ---- what the task makes of it ---- */

START_TEST(task_that_swallows_is_not_cancelled)
{
	begin(swallows, NULL);
	cancel(task);
	run();
	assert_result(task, 7);
}
END_TEST

static int cleans_up_slowly(void *arg)
{
	int r = coro_sleep(100);
	ck_assert_int_eq(r, -ECANCELED);
	ck_assert_int_eq(coro_sleep(5), 0);
	ck_assert_int_eq(coro_task_yield(), 0);
	trace("clean");
	return r;
}

START_TEST(cleanup_may_wait)
{
	begin(cleans_up_slowly, NULL);
	cancel(task);
	run();
	ck_assert_trace("clean");
	ck_assert_int_eq(coro_loop_time(loop), 5);
	assert_result(task, -ECANCELED);
}
END_TEST

static int is_cancelled_in_cleanup(void *arg)
{
	ck_assert_int_eq(coro_sleep(100), -ECANCELED);
	ck_assert_int_eq(coro_sleep(100), -ECANCELED);
	ck_assert_int_eq(coro_sleep(1), 0);
	return 9;
}

START_TEST(cleanup_may_be_cancelled_too)
{
	begin(is_cancelled_in_cleanup, NULL);
	cancel(task);
	turn();
	cancel(task);
	run();
	assert_result(task, 9);
	ck_assert_int_eq(coro_task_cancelling(task), 2);
}
END_TEST

static int fails_in_cleanup(void *arg)
{
	coro_sleep(100);
	return coro_raise(-EIO, "could not flush");
}

START_TEST(failure_in_cleanup_is_the_result)
{
	begin(fails_in_cleanup, NULL);
	cancel(task);
	run();
	assert_result(task, -EIO);
	ck_assert_str_eq(coro_future_message(task), "could not flush");
}
END_TEST

static int counts_cancellations(void *arg)
{
	int count = 0;
	for (int i = 0; i < 3; i++)
		count += coro_sleep(1) == -ECANCELED;
	return count;
}

START_TEST(two_requests_before_the_task_runs_arrive_as_one)
{
	begin(counts_cancellations, NULL);
	cancel(task);
	cancel(task);
	ck_assert_int_eq(coro_task_cancelling(task), 2);
	run();
	assert_result(task, 1);
}
END_TEST

static int generator_with_cleanup(void *arg)
{
	ck_assert_int_eq(coro_sleep(100), -ECANCELED);
	trace("generator");
	coro_yield(arg, NULL);
	return 0;
}

static int reads_cancelled_generator(void *arg)
{
	struct coro *generator;
	void *item;
	ck_assert_int_eq(coro_create(generator_with_cleanup, &value, &generator), 0);
	ck_assert_int_eq(coro_next(generator, &item), 1);
	ck_assert_ptr_eq(item, &value);
	trace("task");
	ck_assert_int_eq(coro_destroy(generator), 0);
	return 1;
}

START_TEST(cancellation_arrives_in_a_wait_inside_a_generator)
{
	begin(reads_cancelled_generator, NULL);
	cancel(task);
	run();
	ck_assert_trace("generator task");
	assert_result(task, 1);
}
END_TEST

/* ---- counts ---- */

static int takes_back(void *arg)
{
	struct coro_future *self = coro_current_task();
	ck_assert_int_eq(coro_task_cancelling(self), 0);
	ck_assert_int_eq(coro_sleep(100), -ECANCELED);
	ck_assert_int_eq(coro_task_cancelling(self), 3);
	ck_assert_int_eq(coro_task_uncancel(self), 2);
	ck_assert_int_eq(coro_task_uncancel(self), 1);
	ck_assert_int_eq(coro_task_cancelling(self), 1);
	ck_assert_int_eq(coro_task_uncancel(self), 0);
	ck_assert_int_eq(coro_task_uncancel(self), 0);
	ck_assert_int_eq(coro_task_cancelling(self), 0);
	return 0;
}

START_TEST(requests_are_counted_and_taken_back)
{
	begin(takes_back, NULL);
	for (int i = 0; i < 3; i++)
		cancel(task);
	run();
	assert_result(task, 0);
}
END_TEST

static int takes_back_at_once(void *arg)
{
	struct coro_future *self = coro_current_task();
	cancel(self);
	ck_assert_int_eq(coro_task_uncancel(self), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	cancel(self);
	cancel(self);
	ck_assert_int_eq(coro_task_uncancel(self), 1);
	ck_assert_int_eq(coro_sleep(1), -ECANCELED);
	return 0;
}

START_TEST(request_that_is_taken_back_does_not_arrive)
{
	task = spawn(takes_back_at_once, NULL);
	run();
	assert_result(task, 0);
}
END_TEST

START_TEST(task_that_has_not_started_runs_if_the_request_is_taken_back)
{
	task = spawn(sleeps_once, NULL);
	cancel(task);
	ck_assert_int_eq(coro_task_uncancel(task), 0);
	run();
	assert_result(task, 0);
}
END_TEST

START_TEST(task_that_is_ready_goes_on_if_the_request_is_taken_back)
{
	begin(awaits_with_place, future);
	ck_assert_int_eq(coro_future_set_result(future, &value), 0);
	cancel(task);
	cancel(task);
	ck_assert_int_eq(coro_task_uncancel(task), 1);
	ck_assert_int_eq(coro_task_uncancel(task), 0);
	run();
	assert_result(task, 0);
}
END_TEST

START_TEST(taking_back_does_not_undo_what_a_request_has_ended)
{
	begin(sleeps_once, NULL);
	cancel(task);
	ck_assert_int_eq(coro_task_uncancel(task), 0);
	run();
	assert_result(task, -ECANCELED);
}
END_TEST

static int computes(void *arg)
{
	for (int i = 0; i < 10; i++) {
		int r = coro_checkpoint();
		if (r < 0)
			return r;
		(*(int *)arg)++;
	}
	return 0;
}

START_TEST(checkpoint_gives_way_and_tells_of_a_request)
{
	int steps = 0, other = 0;
	ck_assert_int_eq(coro_checkpoint(), 0); /* outside of tasks it does nothing */
	task = spawn(computes, &steps);
	struct coro_future *second = spawn(computes, &other);
	for (int i = 0; i < 4; i++)
		turn();
	ck_assert_int_eq(steps, other);
	cancel(task);
	run();
	ck_assert_int_eq(steps, 3);
	ck_assert_int_eq(other, 10);
	coro_future_unref(second);
	assert_result(task, -ECANCELED);
}
END_TEST

/* ---- of what is done ---- */

static int status_of_cancel = -1;

static void cancel_from_callback(void *arg)
{
	status_of_cancel = coro_cancel(task);
}

START_TEST(cancel_of_a_done_task_does_nothing)
{
	begin(gives_way_thrice, NULL);
	ck_assert_int_eq(coro_future_add_done_callback(task, cancel_from_callback, NULL), 0);
	run();
	ck_assert_int_eq(status_of_cancel, 0);
	ck_assert_int_eq(coro_cancel(task), 0);
	ck_assert_int_eq(coro_task_cancelling(task), 0);
	assert_result(task, 0);
}
END_TEST

static int cancels_each_other(void *arg)
{
	int r = coro_sleep(1);
	struct coro_future **other = arg;
	if (r == 0)
		cancel(*other);
	return r;
}

START_TEST(of_two_that_cancel_each_other_the_first_lives)
{
	struct coro_future *a, *b;
	a = spawn(cancels_each_other, &b);
	b = spawn(cancels_each_other, &a);
	run();
	assert_result(a, 0);
	assert_result(b, -ECANCELED);
	coro_future_unref(a);
	coro_future_unref(b);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);

	tcase_add_test(tests, task_cancelled_before_it_starts_never_runs);
	tcase_add_test(tests, task_that_nobody_holds_may_be_cancelled_before_it_starts);
	tcase_add_test(tests, sleep_ends_at_once_and_its_timer_is_gone);
	tcase_add_test(tests, giving_way_ends_in_cancellation);
	tcase_add_test(tests, awaited_future_is_cancelled_too);
	tcase_add_test(tests, all_who_await_that_future_are_cancelled_with_it);
	tcase_add_test(tests, result_that_came_in_the_same_turn_is_lost);
	tcase_add_test(tests, failure_that_came_in_the_same_turn_is_lost);
	tcase_add_test(tests, sleep_that_ended_in_the_same_turn_is_cancelled);
	tcase_add_test(tests, task_that_is_ready_after_its_sleep_is_cancelled);
	tcase_add_test(tests, place_of_an_earlier_await_is_left_alone);

	tcase_add_test(tests, awaited_task_is_cancelled_first);
	tcase_add_test(tests, awaited_task_that_has_not_started_never_runs);
	tcase_add_test(tests, cancel_reaches_a_task_that_waits_to_start);
	tcase_add_test(tests, outer_goes_on_when_the_inner_swallows);
	tcase_add_test(tests, inner_cancelled_by_others_does_not_cancel_the_outer);
	tcase_add_test(tests, cancel_by_the_task_that_is_awaited_is_not_lost);
	tcase_add_test(tests, cancel_goes_down_a_long_chain_on_a_small_stack);

	tcase_add_test(tests, task_cannot_await_itself);
	tcase_add_test(tests, closing_a_cycle_of_awaits_is_an_error);
	tcase_add_test(tests, cycle_of_awaits_is_found_through_generators);

	tcase_add_test(tests, task_that_cancels_itself_learns_at_its_next_wait);
	tcase_add_test(tests, what_a_cancelled_task_then_awaits_is_cancelled);
	tcase_add_test(tests, giving_way_is_a_wait);
	tcase_add_test(tests, await_of_a_done_future_is_no_wait);
	tcase_add_test(tests, cancel_in_the_last_step_replaces_a_success);

	tcase_add_test(tests, task_that_swallows_is_not_cancelled);
	tcase_add_test(tests, cleanup_may_wait);
	tcase_add_test(tests, cleanup_may_be_cancelled_too);
	tcase_add_test(tests, failure_in_cleanup_is_the_result);
	tcase_add_test(tests, two_requests_before_the_task_runs_arrive_as_one);
	tcase_add_test(tests, cancellation_arrives_in_a_wait_inside_a_generator);

	tcase_add_test(tests, requests_are_counted_and_taken_back);
	tcase_add_test(tests, request_that_is_taken_back_does_not_arrive);
	tcase_add_test(tests, task_that_has_not_started_runs_if_the_request_is_taken_back);
	tcase_add_test(tests, task_that_is_ready_goes_on_if_the_request_is_taken_back);
	tcase_add_test(tests, taking_back_does_not_undo_what_a_request_has_ended);
	tcase_add_test(tests, checkpoint_gives_way_and_tells_of_a_request);

	tcase_add_test(tests, cancel_of_a_done_task_does_nothing);
	tcase_add_test(tests, of_two_that_cancel_each_other_the_first_lives);
}

TEST_MAIN("cancel", add_tests)
