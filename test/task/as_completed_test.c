/* SPDX-License-Identifier: MIT */
/* Futures in the order in which they are done. */
#include "tasks.h"

static struct coro_future *futures[40];
static size_t count;

static void make_futures(size_t number)
{
	for (count = 0; count < number; count++)
		futures[count] = make_future();
}

static void drop_futures(void)
{
	while (count > 0)
		coro_future_unref(futures[--count]);
}

/* The future's place among them, the first if it has several. */
static int number_of(const void *future)
{
	for (size_t i = 0; i < count; i++)
		if (futures[i] == future)
			return (int)i;
	return -1;
}

/* Reads it to its end, tracing which come. */
static int read_on(struct coro_iterator *it)
{
	void *future;
	int r;
	while ((r = coro_iter_next(it, &future)) > 0) {
		ck_assert(coro_future_done(future));
		trace("%d", number_of(future));
	}
	trace("%s", r == 0 ? "end" : r == -ETIMEDOUT ? "timed out" : coro_strerror(r));
	return r;
}

/* Reads all; its argument is the timeout. */
static int reads(void *timeout)
{
	struct coro_iterator *it =
		coro_as_completed(futures, count, timeout ? *(int64_t *)timeout : CORO_FOREVER);
	int r = read_on(it);
	int closed = coro_iter_close(it);
	return r < 0 ? r : closed;
}

static int64_t ten = 10, no_time = 0;

/* ---- order ---- */

START_TEST(futures_come_in_the_order_in_which_they_are_done)
{
	make_futures(4);
	struct coro_future *task = start(reads, NULL);
	set(futures[2], NULL);
	turn();
	turn();
	ck_assert_trace("2");
	set(futures[3], NULL);
	ck_assert_int_eq(coro_future_set_error(futures[0], -EIO), 0);
	turn();
	turn();
	ck_assert_trace("3 0");
	cancel(futures[1]);
	run();
	ck_assert_trace("1 end");
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

START_TEST(futures_that_are_done_come_first_in_the_order_named)
{
	make_futures(4);
	set(futures[3], NULL);
	set(futures[1], NULL);
	struct coro_future *task = start(reads, NULL);
	ck_assert_trace("");
	turn();
	turn();
	ck_assert_trace("1 3");
	set(futures[0], NULL);
	set(futures[2], NULL);
	run();
	ck_assert_trace("0 2 end");
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

/* As in asyncio: one turn until the callback is called, another until the task runs. */
START_TEST(future_comes_two_turns_after_it_is_done)
{
	make_futures(1);
	struct coro_future *task = start(reads, NULL);
	set(futures[0], NULL);
	turn();
	ck_assert_trace("");
	turn();
	ck_assert_trace("0 end");
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

static int takes_its_time(void *arg)
{
	void *future;
	struct coro_iterator *it = coro_as_completed(futures, count, CORO_FOREVER);
	coro_sleep(50);
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(coro_iter_next(it, &future), 1);
		ck_assert_int_eq(coro_loop_time(loop), 50); /* it need not wait */
		trace("%d", number_of(future));
	}
	ck_assert_int_eq(coro_iter_next(it, &future), 0);
	ck_assert_int_eq(coro_iter_next(it, &future), 0);
	return coro_iter_close(it);
}

START_TEST(what_came_meanwhile_is_there_at_once)
{
	make_futures(3);
	struct coro_future *task = start(takes_its_time, NULL);
	at(3, set_it, futures[1]);
	at(4, set_it, futures[0]);
	at(5, set_it, futures[2]);
	run();
	ck_assert_trace("1 0 2");
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

START_TEST(future_that_is_named_twice_comes_once)
{
	make_futures(2);
	futures[2] = futures[0];
	futures[3] = futures[1];
	futures[4] = futures[0];
	count = 5;
	set(futures[1], NULL);
	struct coro_future *task = start(reads, NULL);
	set(futures[0], NULL);
	run();
	ck_assert_trace("1 0 end");
	assert_ended(task, 0);
	count = 2;
	drop_futures();
}
END_TEST

START_TEST(of_none_there_is_none)
{
	ck_assert_int_eq(result_of(reads, NULL), 0);
	ck_assert_int_eq(result_of(reads, &no_time), 0);
	ck_assert_trace("end end");
	ck_assert_int_eq(coro_loop_time(loop), 0);
}
END_TEST

START_TEST(any_number_can_come)
{
	static const size_t numbers[] = {1, 15, 16, 17, 40};
	for (size_t n = 0; n < sizeof(numbers) / sizeof(*numbers); n++) {
		make_futures(numbers[n]);
		struct coro_future *task = start(reads, NULL);
		for (size_t i = count; i-- > 0;)
			set(futures[i], NULL);
		run();
		char expected[200] = "";
		for (size_t i = count; i-- > 0;)
			snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
				 "%d ", (int)i);
		strcat(expected, "end");
		ck_assert_trace(expected);
		assert_ended(task, 0);
		drop_futures();
	}
}
END_TEST

static int is_success(const void *future, void *arg)
{
	return coro_future_result(future, NULL) >= 0;
}

static int finds_a_success(void *arg)
{
	void *future;
	struct coro_iterator *it = coro_as_completed(futures, count, CORO_FOREVER);
	ck_assert_int_eq(coro_iter_find(is_success, NULL, it, &future), 1);
	return number_of(future);
}

START_TEST(it_is_an_iterator_like_others)
{
	make_futures(3);
	struct coro_future *task = start(finds_a_success, NULL);
	coro_future_set_error(futures[2], -EIO);
	set(futures[1], NULL);
	run();
	assert_ended(task, 1);
	ck_assert(!coro_future_done(futures[0]));
	drop_futures();
}
END_TEST

/* ---- time ---- */

START_TEST(when_time_is_over_no_more_come)
{
	make_futures(3);
	struct coro_future *task = start(reads, &ten);
	at(3, set_it, futures[1]);
	run();
	ck_assert_trace("1 timed out");
	ck_assert_int_eq(coro_loop_time(loop), 10);
	assert_ended(task, -ETIMEDOUT);
	ck_assert(!coro_future_done(futures[0]));
	drop_futures();
}
END_TEST

static int reads_late(void *arg)
{
	void *future;
	struct coro_iterator *it = coro_as_completed(futures, count, 10);
	coro_sleep(20);
	ck_assert_int_eq(coro_iter_next(it, &future), 1);
	trace("%d", number_of(future));
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(coro_iter_next(it, &future), -ETIMEDOUT);
	return coro_iter_close(it);
}

START_TEST(what_was_done_in_time_comes_though_time_is_over)
{
	make_futures(2);
	struct coro_future *task = start(reads_late, NULL);
	at(5, set_it, futures[1]);
	at(15, set_it, futures[0]);
	run();
	ck_assert_trace("1");
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

START_TEST(time_that_was_not_needed_leaves_no_timer)
{
	make_futures(2);
	struct coro_future *task = start(reads, &ten);
	set(futures[0], NULL);
	set(futures[1], NULL);
	run();
	ck_assert_trace("0 1 end");
	ck_assert_int_eq(coro_loop_time(loop), 0);
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

START_TEST(no_time_is_time_for_what_is_done)
{
	make_futures(2);
	set(futures[1], NULL);
	ck_assert_int_eq(result_of(reads, &no_time), -ETIMEDOUT);
	ck_assert_trace("1 timed out");
	drop_futures();
}
END_TEST

/* ---- cancellation ---- */

static int reads_twice(void *arg)
{
	struct coro_iterator *it = coro_as_completed(futures, count, CORO_FOREVER);
	ck_assert_int_eq(read_on(it), -ECANCELED);
	ck_assert_int_eq(read_on(it), 0);
	return coro_iter_close(it);
}

START_TEST(who_is_cancelled_may_read_on)
{
	make_futures(2);
	struct coro_future *task = start(reads_twice, NULL);
	set(futures[0], NULL);
	turn();
	turn();
	cancel(task);
	turn();
	ck_assert_trace("0 Operation canceled");
	ck_assert(!coro_future_done(futures[1]));
	set(futures[1], NULL);
	run();
	ck_assert_trace("1 end");
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

START_TEST(one_that_came_as_the_reader_was_cancelled_is_not_lost)
{
	make_futures(2);
	struct coro_future *task = start(reads_twice, NULL);
	set(futures[1], NULL);
	turn(); /* the reader is woken */
	cancel(task);
	turn();
	ck_assert_trace("Operation canceled 1");
	set(futures[0], NULL);
	run();
	ck_assert_trace("0 end");
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

static int cancels_itself_and_reads(void *arg)
{
	coro_cancel(coro_current_task());
	return reads_twice(NULL);
}

START_TEST(cancellation_from_before_arrives_where_it_reads)
{
	make_futures(1);
	struct coro_future *task = start(cancels_itself_and_reads, NULL);
	turn();
	ck_assert_trace("Operation canceled");
	set(futures[0], NULL);
	run();
	ck_assert_trace("0 end");
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

/* ---- by several ---- */

static struct coro_iterator *shared;

static int makes_and_reads(void *arg)
{
	shared = coro_as_completed(futures, count, CORO_FOREVER);
	read_on(shared);
	coro_sleep(100);
	return coro_iter_close(shared);
}

static int reads_shared(void *arg)
{
	ck_assert_int_eq(coro_iter_next(shared, NULL), -EBUSY);
	ck_assert_int_eq(coro_iter_close(shared), -EBUSY);
	coro_sleep(50);
	return coro_iter_next(shared, NULL);
}

START_TEST(one_task_at_a_time_reads)
{
	make_futures(1);
	struct coro_future *task = start(makes_and_reads, NULL), *other = start(reads_shared, NULL);
	set(futures[0], NULL);
	run();
	ck_assert_trace("0 end");
	assert_ended(task, 0);
	assert_ended(other, 0);
	drop_futures();
}
END_TEST

static int makes(void *arg)
{
	shared = coro_as_completed(futures, count, CORO_FOREVER);
	return 0;
}

static int reads_and_closes(void *arg)
{
	int r = read_on(shared);
	int closed = coro_iter_close(shared);
	return r < 0 ? r : closed;
}

START_TEST(it_may_outlive_the_task_that_made_it)
{
	make_futures(2);
	coro_future_unref(start(makes, NULL));
	for (int i = 0; i < 10; i++) /* others have its stack meanwhile */
		ck_assert_int_eq(result_of(gives_way, NULL), 0);
	struct coro_future *task = start(reads_and_closes, NULL);
	set(futures[1], NULL);
	set(futures[0], NULL);
	run();
	ck_assert_trace("1 0 end");
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

static int makes_and_waits(void *arg)
{
	makes(NULL);
	return coro_sleep(100);
}

START_TEST(another_task_may_close_it)
{
	make_futures(1);
	set(futures[0], NULL);
	struct coro_future *task = start(makes_and_waits, NULL);
	ck_assert_int_eq(result_of(reads_and_closes, NULL), 0);
	ck_assert_trace("0 end");
	run();
	assert_ended(task, 0);
	drop_futures();
}
END_TEST

/* ---- life ---- */

START_TEST(it_holds_the_futures)
{
	make_futures(2);
	struct coro_future *task = start(reads, NULL);
	coro_future_unref(futures[0]);
	set(futures[1], NULL);
	at(5, set_it, futures[0]);
	run();
	ck_assert_trace("1 0 end");
	assert_ended(task, 0);
	coro_future_unref(futures[1]);
	count = 0;
}
END_TEST

static int closes_early(void *arg)
{
	struct coro_iterator *it = coro_as_completed(futures, count, 1000);
	ck_assert_int_eq(coro_iter_next(it, NULL), 1);
	ck_assert_int_eq(coro_task_yield(), 0); /* another is on its way to the callback */
	return coro_iter_close(it);
}

START_TEST(it_may_be_closed_at_any_time)
{
	make_futures(4);
	set(futures[0], NULL);
	set(futures[1], NULL);
	struct coro_future *task = start(closes_early, NULL);
	turn();
	set(futures[2], NULL);
	run();
	ck_assert_int_eq(coro_loop_time(loop), 0);
	assert_ended(task, 0);
	set(futures[3], NULL);
	run();
	drop_futures();
}
END_TEST

START_TEST(loop_can_be_closed_while_a_task_reads)
{
	make_futures(3);
	coro_future_unref(start(reads, &ten));
	coro_future_unref(start(makes_and_waits, NULL));
	set(futures[1], NULL);
	turn();
	coro_loop_close(loop);
	drop_futures();
	loop_setup();
}
END_TEST

/* ---- errors ---- */

static struct coro_future *elsewhere;

static int refusals(void *arg)
{
	struct coro_future *none[] = {NULL};
	struct coro_iterator *it = coro_as_completed(none, 1, CORO_FOREVER);
	ck_assert_int_eq(coro_iter_next(it, NULL), -EINVAL);
	ck_assert_int_eq(coro_iter_close(it), 0);
	it = coro_as_completed(NULL, 1, CORO_FOREVER);
	ck_assert_int_eq(coro_iter_next(it, NULL), -EINVAL);
	ck_assert_int_eq(coro_iter_close(it), 0);
	it = coro_as_completed(&elsewhere, 1, CORO_FOREVER);
	ck_assert_int_eq(coro_iter_next(it, NULL), -EPERM);
	ck_assert_int_eq(coro_iter_close(it), 0);
	makes(NULL);
	return coro_sleep(100);
}

static void outside(void *arg)
{
	struct coro_iterator *it = coro_as_completed(futures, count, CORO_FOREVER);
	ck_assert_int_eq(coro_iter_next(it, NULL), -EPERM);
	ck_assert_int_eq(coro_iter_close(it), 0);
	if (shared)
		ck_assert_int_eq(coro_iter_next(shared, NULL), -EPERM);
}

static void *closes_shared(void *result)
{
	*(int *)result = coro_iter_close(shared);
	return NULL;
}

START_TEST(what_cannot_be_is_refused)
{
	struct coro_loop *other;
	int closed = 0;
	make_futures(1);
	set(futures[0], NULL);
	ck_assert_int_eq(coro_loop_create(NULL, &other), 0);
	ck_assert_int_eq(coro_future_create(other, &elsewhere), 0);
	shared = NULL;
	outside(NULL);
	struct coro_future *task = start(refusals, NULL);
	call_outside_tasks(outside, NULL);
	in_thread(closes_shared, &closed);
	ck_assert_int_eq(closed, -EPERM);
	ck_assert_int_eq(coro_iter_close(shared), 0);
	run();
	assert_ended(task, 0);
	coro_future_unref(elsewhere);
	coro_loop_close(other);
	drop_futures();
}
END_TEST

static int completes_some(void *arg)
{
	struct coro_future *all[3] = {NULL};
	void *future;
	int r = 0;
	for (int i = 0; i < 3 && r == 0; i++)
		r = coro_spawn(gives_way, NULL, &all[i]);
	if (r == 0) {
		struct coro_iterator *it = coro_as_completed(all, 3, CORO_SEC);
		while ((r = coro_iter_next(it, &future)) > 0)
			;
		coro_iter_close(it);
	}
	for (int i = 0; i < 3; i++)
		coro_future_unref(all[i]);
	return r;
}

START_TEST(every_allocation_may_fail)
{
	fail_each_allocation(completes_some);
}
END_TEST

/* Without Check's assertions, which allocate. */
static int reads_quietly(void *arg)
{
	struct coro_iterator *it = coro_as_completed(futures, count, 1000);
	int r, read = 0;
	while ((r = coro_iter_next(it, NULL)) > 0)
		read++;
	coro_iter_close(it);
	return r < 0 ? r : read;
}

static void set_quietly(void *future)
{
	coro_future_set_result(future, NULL);
}

START_TEST(waiting_for_the_next_allocates_nothing)
{
	make_futures(40);
	struct coro_future *task = start(reads_quietly, NULL);
	for (size_t i = 0; i < count; i++)
		at((int64_t)i + 5, set_quietly, futures[i]);
	ck_assert_uint_eq(allocations_of_run(), 0);
	assert_ended(task, 40);
	drop_futures();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, futures_come_in_the_order_in_which_they_are_done);
	tcase_add_test(tests, futures_that_are_done_come_first_in_the_order_named);
	tcase_add_test(tests, future_comes_two_turns_after_it_is_done);
	tcase_add_test(tests, what_came_meanwhile_is_there_at_once);
	tcase_add_test(tests, future_that_is_named_twice_comes_once);
	tcase_add_test(tests, of_none_there_is_none);
	tcase_add_test(tests, any_number_can_come);
	tcase_add_test(tests, it_is_an_iterator_like_others);

	tcase_add_test(tests, when_time_is_over_no_more_come);
	tcase_add_test(tests, what_was_done_in_time_comes_though_time_is_over);
	tcase_add_test(tests, time_that_was_not_needed_leaves_no_timer);
	tcase_add_test(tests, no_time_is_time_for_what_is_done);

	tcase_add_test(tests, who_is_cancelled_may_read_on);
	tcase_add_test(tests, one_that_came_as_the_reader_was_cancelled_is_not_lost);
	tcase_add_test(tests, cancellation_from_before_arrives_where_it_reads);

	tcase_add_test(tests, one_task_at_a_time_reads);
	tcase_add_test(tests, it_may_outlive_the_task_that_made_it);
	tcase_add_test(tests, another_task_may_close_it);

	tcase_add_test(tests, it_holds_the_futures);
	tcase_add_test(tests, it_may_be_closed_at_any_time);
	tcase_add_test(tests, loop_can_be_closed_while_a_task_reads);

	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, every_allocation_may_fail);
	tcase_add_test(tests, waiting_for_the_next_allocates_nothing);
}

TEST_MAIN("completed", add_tests)
