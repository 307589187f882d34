/* SPDX-License-Identifier: MIT */
/* Barriers: nobody goes on before all are there; reset, abort, and use again. */
#include "line.h"

static struct coro_barrier barrier;

static void setup(void)
{
	loop_setup();
	ck_assert_int_eq(coro_barrier_init(&barrier, 3), 0);
}

/* Waits once; traces its word with its number, or the error. */
static int waits(void *word)
{
	size_t index = 99;
	int r = coro_barrier_wait(&barrier, &index);
	if (r == 0)
		trace("%s%zu", (const char *)word, index);
	else
		trace("%s%s", (const char *)word,
		      r == -EPIPE       ? "-broken"
		      : r == -ECANCELED ? "!"
					: "?");
	ck_assert(r == 0 || index == 99);
	return r;
}

static void assert_waiting(size_t count)
{
	ck_assert_uint_eq(coro_barrier_waiting(&barrier), count);
}

static void reset(void *arg)
{
	ck_assert_int_eq(coro_barrier_reset(&barrier), 0);
	ck_assert(!coro_barrier_broken(&barrier));
}

static void abort_it(void *arg)
{
	ck_assert_int_eq(coro_barrier_abort(&barrier), 0);
	ck_assert(coro_barrier_broken(&barrier));
	assert_waiting(0);
}

/* Two of three parties wait. */
static void two_come(void)
{
	a = spawn(waits, "a");
	b = spawn(waits, "b");
	turn();
	assert_waiting(2);
}

/* The barrier works like a new one for three. */
static void assert_usable(void)
{
	trace_take();
	assert_waiting(0);
	ck_assert(!coro_barrier_broken(&barrier));
	two_come();
	c = spawn(waits, "c");
	run();
	ck_assert_trace("c2 a0 b1");
	assert_line(0, 0, 0);
	assert_waiting(0);
}

/* ---- alone ---- */

START_TEST(barrier_for_nobody_cannot_be)
{
	struct coro_barrier none;
	ck_assert_int_eq(coro_barrier_init(&none, 0), -EINVAL);
	ck_assert_int_eq(coro_barrier_init(NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_barrier_wait(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_barrier_reset(NULL), -EINVAL);
	ck_assert_int_eq(coro_barrier_abort(NULL), -EINVAL);
	ck_assert(!coro_barrier_broken(NULL));
	ck_assert_uint_eq(coro_barrier_waiting(NULL), 0);
}
END_TEST

static int passes_alone(void *arg)
{
	for (int i = 0; i < 3; i++) {
		size_t index = 99;
		ck_assert_int_eq(coro_barrier_wait(&barrier, &index), 0);
		ck_assert_uint_eq(index, 0);
		ck_assert_int_eq(coro_barrier_wait(&barrier, NULL), 0);
	}
	trace("done");
	return 0;
}

START_TEST(barrier_for_one_is_no_wait)
{
	ck_assert_int_eq(coro_barrier_init(&barrier, 1), 0);
	struct coro_future *task = spawn(passes_alone, NULL);
	coro_future_unref(spawn(says, "other"));
	run();
	ck_assert_trace("done other");
	assert_ended(task, 0);
}
END_TEST

static void waits_outside_tasks(void *arg)
{
	size_t index = 99;
	ck_assert_int_eq(coro_barrier_wait(&barrier, &index), -EPERM);
	ck_assert_uint_eq(index, 99);
}

START_TEST(outside_a_task_nobody_waits_and_nobody_is_counted)
{
	waits_outside_tasks(NULL);
	assert_waiting(0);
	two_come();
	cancel(b);
	turn();
	ck_assert_trace("b!");
	call_outside_tasks(waits_outside_tasks, NULL);
	assert_waiting(1);
	coro_future_unref(b);
	b = spawn(waits, "b");
	c = spawn(waits, "c");
	run();
	assert_line(0, 0, 0);
	assert_usable();
}
END_TEST

/* ---- together ---- */

START_TEST(tasks_wait_until_all_are_there)
{
	two_come();
	run();
	ck_assert_trace("");
	assert_waiting(2);
	c = spawn(waits, "c");
	run();
	/* The last need not wait. */
	ck_assert_trace("c2 a0 b1");
	assert_waiting(0);
	assert_line(0, 0, 0);
	assert_usable();
}
END_TEST

static int arrived;

static int walks(void *arg)
{
	int delay = (int)(intptr_t)arg;
	for (int round = 1; round <= 20; round++) {
		ck_assert_int_eq(coro_sleep(delay * round % 7), 0);
		arrived++;
		ck_assert_int_eq(coro_barrier_wait(&barrier, NULL), 0);
		ck_assert_int_ge(arrived, 5 * round);
		ck_assert_int_lt(arrived, 5 * (round + 1));
	}
	return 0;
}

START_TEST(nobody_is_a_round_ahead_of_the_others)
{
	struct coro_future *tasks[5];
	ck_assert_int_eq(coro_barrier_init(&barrier, 5), 0);
	for (intptr_t i = 0; i < 5; i++)
		tasks[i] = spawn(walks, (void *)i);
	run();
	ck_assert_int_eq(arrived, 100);
	for (int i = 0; i < 5; i++)
		assert_ended(tasks[i], 0);
}
END_TEST

START_TEST(who_comes_while_the_others_leave_is_of_the_next_round)
{
	static char words[9][2] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
	struct coro_future *tasks[9];
	for (int i = 0; i < 9; i++)
		tasks[i] = spawn(waits, words[i]);
	run();
	ck_assert_trace("c2 a0 b1 f2 d0 e1 i2 g0 h1");
	for (int i = 0; i < 9; i++)
		assert_ended(tasks[i], 0);
	assert_usable();
}
END_TEST

START_TEST(those_who_leave_are_not_counted_as_waiting)
{
	two_come();
	c = spawn(waits, "c");
	turn();
	ck_assert_trace("c2");
	assert_waiting(0);
	struct coro_future *d = spawn(waits, "d");
	turn();
	run();
	assert_waiting(1);
	cancel(d);
	run();
	assert_ended(d, -ECANCELED);
	assert_line(0, 0, 0);
	assert_usable();
}
END_TEST

/* ---- cancelled ---- */

START_TEST(task_cancelled_while_it_waits_is_no_longer_counted)
{
	two_come();
	cancel(a);
	run();
	ck_assert_trace("a!");
	assert_waiting(1);
	ck_assert(!coro_barrier_broken(&barrier));
	c = spawn(waits, "c");
	run();
	ck_assert_trace("");
	struct coro_future *d = spawn(waits, "d");
	run();
	/* c has the number that a had. */
	ck_assert_trace("d2 b1 c0");
	assert_ended(d, 0);
	assert_line(-ECANCELED, 0, 0);
	assert_usable();
}
END_TEST

START_TEST(each_number_is_given_once_whoever_is_cancelled)
{
	enum { PARTIES = 6 };
	/* Of those that have come first, all subsets are cancelled. */
	for (unsigned subset = 0; subset < 1U << (PARTIES - 1); subset++) {
		struct coro_future *tasks[2 * PARTIES];
		unsigned come = 0, left = 0, numbers = 0;
		ck_assert_int_eq(coro_barrier_init(&barrier, PARTIES), 0);
		while (come < PARTIES - 1)
			tasks[come++] = start(waits, "");
		for (unsigned i = 0; i < PARTIES - 1; i++) {
			if (subset >> i & 1) {
				cancel(tasks[i]);
				left++;
			}
		}
		run();
		trace_take();
		while (come < PARTIES + left)
			tasks[come++] = start(waits, "");
		run();
		for (const char *at = trace_take(); *at; at++)
			numbers += *at == ' ' ? 0 : 1U << 4 * (*at - '0');
		ck_assert_uint_eq(numbers, 0x111111);
		while (come > 0)
			coro_future_unref(tasks[--come]);
	}
}
END_TEST

static int waits_and_is_left(void *arg)
{
	return coro_barrier_wait(&barrier, NULL);
}

START_TEST(task_discarded_with_its_loop_is_no_longer_counted)
{
	struct coro_loop *plain = loop;
	loop_setup();
	coro_future_unref(start(waits_and_is_left, NULL));
	coro_future_unref(start(waits_and_is_left, NULL));
	assert_waiting(2);
	loop_teardown();
	loop = plain;
	assert_waiting(0);
	assert_usable();
}
END_TEST

START_TEST(who_is_let_go_and_cancelled_in_the_same_turn_is_cancelled)
{
	two_come();
	c = spawn(waits, "c");
	turn();
	cancel(a);
	run();
	ck_assert_trace("c2 a! b1");
	assert_line(-ECANCELED, 0, 0);
	assert_usable();
}
END_TEST

START_TEST(barrier_is_free_when_all_who_were_let_go_are_cancelled)
{
	two_come();
	c = spawn(waits, "c");
	turn();
	cancel(a);
	cancel(b);
	struct coro_future *next = spawn(waits, "next");
	run();
	ck_assert_trace("c2 a! b!");
	assert_waiting(1);
	cancel(next);
	run();
	assert_ended(next, -ECANCELED);
	assert_line(-ECANCELED, -ECANCELED, 0);
	assert_usable();
}
END_TEST

START_TEST(who_is_cancelled_while_the_others_leave_was_never_there)
{
	two_come();
	c = spawn(waits, "c");
	struct coro_future *next = spawn(waits, "next");
	turn();
	cancel(next);
	run();
	ck_assert_trace("c2 a0 b1 next!");
	assert_ended(next, -ECANCELED);
	assert_line(0, 0, 0);
	assert_usable();
}
END_TEST

static int is_cancelled_before(void *arg)
{
	cancel(coro_current_task());
	int r = coro_barrier_wait(&barrier, NULL);
	ck_assert_int_eq(coro_task_yield(), r == 0 ? -ECANCELED : 0);
	return r;
}

START_TEST(cancellation_from_before_arrives_where_it_waits)
{
	ck_assert_int_eq(result_of(is_cancelled_before, NULL), -ECANCELED);
	assert_waiting(0);
	two_come();
	c = spawn(is_cancelled_before, NULL);
	run();
	ck_assert_trace("a0 b1");
	assert_line(0, 0, 0);
	assert_usable();
}
END_TEST

/* ---- another thread ---- */

static int waits_elsewhere(void *arg)
{
	return coro_barrier_wait(&barrier, NULL);
}

static int resets_elsewhere(void *arg)
{
	return coro_barrier_reset(&barrier);
}

static int aborts_elsewhere(void *arg)
{
	return coro_barrier_abort(&barrier);
}

START_TEST(another_thread_neither_waits_nor_resets)
{
	two_come();
	ck_assert_int_eq(result_elsewhere(waits_elsewhere), -EPERM);
	ck_assert_int_eq(result_elsewhere(resets_elsewhere), -EPERM);
	ck_assert_int_eq(result_elsewhere(aborts_elsewhere), -EPERM);
	assert_waiting(2);
	c = spawn(waits, "c");
	run();
	ck_assert_trace("c2 a0 b1");
	assert_line(0, 0, 0);
	assert_usable();
}
END_TEST

/* ---- reset ---- */

START_TEST(reset_sends_away_who_waits)
{
	two_come();
	reset(NULL);
	run();
	ck_assert_trace("a-broken b-broken");
	assert_ended(a, -EPIPE);
	assert_ended(b, -EPIPE);
	assert_usable();
}
END_TEST

START_TEST(reset_of_an_idle_barrier_changes_nothing)
{
	reset(NULL);
	reset(NULL);
	assert_usable();
}
END_TEST

START_TEST(who_comes_after_a_reset_is_of_the_next_round)
{
	two_come();
	reset(NULL);
	c = spawn(waits, "c");
	struct coro_future *d = spawn(waits, "d"), *e = spawn(waits, "e");
	reset(NULL);
	run();
	ck_assert_trace("a-broken b-broken e2 c0 d1");
	assert_line(-EPIPE, -EPIPE, 0);
	assert_ended(d, 0);
	assert_ended(e, 0);
	assert_usable();
}
END_TEST

START_TEST(reset_reaches_those_who_have_not_left_yet)
{
	two_come();
	c = spawn(waits, "c");
	turn();
	reset(NULL);
	run();
	ck_assert_trace("c2 a-broken b-broken");
	assert_line(-EPIPE, -EPIPE, 0);
	assert_usable();
}
END_TEST

START_TEST(refused_and_cancelled_in_one_turn_is_cancelled)
{
	two_come();
	reset(NULL);
	cancel(a);
	run();
	ck_assert_trace("a! b-broken");
	assert_ended(a, -ECANCELED);
	assert_ended(b, -EPIPE);
	assert_usable();
}
END_TEST

START_TEST(reset_may_come_from_a_callback)
{
	two_come();
	call_outside_tasks(reset, NULL);
	run();
	ck_assert_trace("a-broken b-broken");
	assert_ended(a, -EPIPE);
	assert_ended(b, -EPIPE);
	assert_usable();
}
END_TEST

/* ---- abort ---- */

START_TEST(abort_sends_away_who_waits_and_who_comes)
{
	two_come();
	abort_it(NULL);
	c = spawn(waits, "c");
	run();
	ck_assert_trace("a-broken b-broken c-broken");
	assert_line(-EPIPE, -EPIPE, -EPIPE);
	ck_assert_int_eq(coro_barrier_wait(&barrier, NULL), -EPIPE);
	ck_assert(coro_barrier_broken(&barrier));
}
END_TEST

START_TEST(broken_barrier_is_mended_by_reset)
{
	abort_it(NULL);
	abort_it(NULL);
	reset(NULL);
	assert_usable();

	two_come();
	abort_it(NULL);
	run();
	assert_ended(a, -EPIPE);
	assert_ended(b, -EPIPE);
	reset(NULL);
	assert_usable();
}
END_TEST

START_TEST(reset_just_after_abort_sends_away_all_the_same)
{
	two_come();
	abort_it(NULL);
	reset(NULL);
	run();
	ck_assert_trace("a-broken b-broken");
	assert_ended(a, -EPIPE);
	assert_ended(b, -EPIPE);
	assert_usable();
}
END_TEST

START_TEST(abort_reaches_those_who_have_not_left_yet)
{
	two_come();
	c = spawn(waits, "c");
	struct coro_future *next = spawn(waits, "next");
	turn();
	abort_it(NULL);
	run();
	ck_assert_trace("c2 a-broken b-broken next-broken");
	assert_line(-EPIPE, -EPIPE, 0);
	assert_ended(next, -EPIPE);
	ck_assert(coro_barrier_broken(&barrier));
	reset(NULL);
	assert_usable();
}
END_TEST

/* ---- memory ---- */

/* Without Check's assertions, which allocate. */
static int passes_through(void *arg)
{
	int r = coro_task_yield();
	for (int i = 0; r == 0 && i < 3; i++)
		r = coro_barrier_wait(&barrier, NULL);
	return r;
}

START_TEST(waiting_allocates_nothing)
{
	struct coro_future *tasks[20];
	ck_assert_int_eq(coro_barrier_init(&barrier, 20), 0);
	for (int i = 0; i < 20; i++)
		tasks[i] = spawn(passes_through, NULL);
	turn();
	ck_assert_uint_eq(allocations_of_run(), 0);
	for (int i = 0; i < 20; i++)
		assert_ended(tasks[i], 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);

	tcase_add_test(tests, barrier_for_nobody_cannot_be);
	tcase_add_test(tests, barrier_for_one_is_no_wait);
	tcase_add_test(tests, outside_a_task_nobody_waits_and_nobody_is_counted);

	tcase_add_test(tests, tasks_wait_until_all_are_there);
	tcase_add_test(tests, nobody_is_a_round_ahead_of_the_others);
	tcase_add_test(tests, who_comes_while_the_others_leave_is_of_the_next_round);
	tcase_add_test(tests, those_who_leave_are_not_counted_as_waiting);

	tcase_add_test(tests, task_cancelled_while_it_waits_is_no_longer_counted);
	tcase_add_test(tests, each_number_is_given_once_whoever_is_cancelled);
	tcase_add_test(tests, task_discarded_with_its_loop_is_no_longer_counted);
	tcase_add_test(tests, who_is_let_go_and_cancelled_in_the_same_turn_is_cancelled);
	tcase_add_test(tests, barrier_is_free_when_all_who_were_let_go_are_cancelled);
	tcase_add_test(tests, who_is_cancelled_while_the_others_leave_was_never_there);
	tcase_add_test(tests, cancellation_from_before_arrives_where_it_waits);

	tcase_add_test(tests, another_thread_neither_waits_nor_resets);

	tcase_add_test(tests, reset_sends_away_who_waits);
	tcase_add_test(tests, reset_of_an_idle_barrier_changes_nothing);
	tcase_add_test(tests, who_comes_after_a_reset_is_of_the_next_round);
	tcase_add_test(tests, reset_reaches_those_who_have_not_left_yet);
	tcase_add_test(tests, refused_and_cancelled_in_one_turn_is_cancelled);
	tcase_add_test(tests, reset_may_come_from_a_callback);

	tcase_add_test(tests, abort_sends_away_who_waits_and_who_comes);
	tcase_add_test(tests, broken_barrier_is_mended_by_reset);
	tcase_add_test(tests, reset_just_after_abort_sends_away_all_the_same);
	tcase_add_test(tests, abort_reaches_those_who_have_not_left_yet);

	tcase_add_test(tests, waiting_allocates_nothing);
}

TEST_MAIN("barrier", add_tests)
