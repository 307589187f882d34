/* SPDX-License-Identifier: MIT */
/* The line of waiters: which one is woken next, and that none is passed over twice. */
#include "sync/waiters.h"

#include "support.h"

enum { COUNT = 9 };

static struct coro_waiters waiters;
static struct waiter latches[COUNT];

/* A line of waiters: p pending, s woken, c cancelled. */
static void line_of(const char *states)
{
	waiters_init(&waiters);
	for (int i = 0; states[i]; i++) {
		latches[i].state = states[i] == 'p'   ? WAITER_PENDING
				   : states[i] == 's' ? WAITER_WOKEN
						      : WAITER_CANCELLED;
		list_append(&waiters_line(&waiters)->waiting, &latches[i].link);
	}
}

static size_t length(const struct list *list)
{
	size_t count = 0;
	list_for_each(link, list)
		count++;
	return count;
}

static void assert_lengths(size_t waiting, size_t aside)
{
	ck_assert_uint_eq(length(&waiters_line(&waiters)->waiting), waiting);
	ck_assert_uint_eq(length(&waiters_line(&waiters)->aside), aside);
}

START_TEST(line_is_empty_only_without_anybody)
{
	line_of("");
	ck_assert(waiters_empty(&waiters));
	ck_assert_int_eq(waiters_check(&waiters), 0);
	ck_assert_ptr_null(waiters_next(&waiters));
	line_of("c");
	ck_assert(!waiters_empty(&waiters));
	ck_assert_ptr_null(waiters_next(&waiters));
	ck_assert(!waiters_empty(&waiters));
	list_remove(&latches[0].link);
	ck_assert(waiters_empty(&waiters));
}
END_TEST

START_TEST(next_is_the_first_neither_woken_nor_cancelled)
{
	line_of("pcs");
	ck_assert_ptr_eq(waiters_next(&waiters), &latches[0]);
	line_of("cspp");
	ck_assert_ptr_eq(waiters_next(&waiters), &latches[2]);
	line_of("scsc");
	ck_assert_ptr_null(waiters_next(&waiters));
}
END_TEST

START_TEST(nobody_is_passed_over_twice)
{
	line_of("scscpspcp");
	ck_assert_ptr_eq(waiters_next(&waiters), &latches[4]);
	assert_lengths(5, 4);
	ck_assert_ptr_eq(waiters_next(&waiters), &latches[4]);
	assert_lengths(5, 4);
	latches[4].state = WAITER_WOKEN;
	ck_assert_ptr_eq(waiters_next(&waiters), &latches[6]);
	assert_lengths(3, 6);
	latches[6].state = WAITER_CANCELLED;
	latches[8].state = WAITER_CANCELLED;
	ck_assert_ptr_null(waiters_next(&waiters));
	assert_lengths(0, 9);
}
END_TEST

START_TEST(somebody_waits_unless_all_are_cancelled)
{
	const char *none[] = {"", "c", "ccc"}, *some[] = {"p", "s", "cs", "cp", "ccccs", "scc"};
	for (int i = 0; i < 3; i++) {
		line_of(none[i]);
		ck_assert(!waiters_any(&waiters));
		ck_assert(!waiters_any(&waiters));
	}
	for (int i = 0; i < 6; i++) {
		line_of(some[i]);
		ck_assert(waiters_any(&waiters));
		ck_assert(waiters_any(&waiters));
		waiters_next(&waiters);
		ck_assert(waiters_any(&waiters));
	}
}
END_TEST

START_TEST(one_who_was_woken_counts_until_it_runs)
{
	line_of("csc");
	ck_assert_ptr_null(waiters_next(&waiters));
	ck_assert(waiters_any(&waiters));
	list_remove(&latches[1].link);
	ck_assert(!waiters_any(&waiters));
	assert_lengths(0, 2);
}
END_TEST

/*
 * Like asyncio's Lock, which wakes no waiter while the first was woken or cancelled, but has not
 * run.
 */
START_TEST(first_is_not_woken_behind_one_who_has_but_to_run)
{
	const char *lines[] = {"sp", "cp", "ccp"};
	for (int i = 0; i < 3; i++) {
		line_of(lines[i]);
		waiters_wake_first(&waiters);
		waiters_any(&waiters);
		waiters_wake_first(&waiters);
		ck_assert_int_eq(latches[i < 2 ? 1 : 2].state, WAITER_PENDING);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, line_is_empty_only_without_anybody);
	tcase_add_test(tests, next_is_the_first_neither_woken_nor_cancelled);
	tcase_add_test(tests, nobody_is_passed_over_twice);
	tcase_add_test(tests, somebody_waits_unless_all_are_cancelled);
	tcase_add_test(tests, one_who_was_woken_counts_until_it_runs);
	tcase_add_test(tests, first_is_not_woken_behind_one_who_has_but_to_run);
}

TEST_MAIN("waiters", add_tests)
