/* SPDX-License-Identifier: MIT */
/* Sets of values, which are copied when one of their owners changes them. */
#include "base/locals.h"

#include "fail_alloc.h"
#include "support.h"

#include <errno.h>

static char a, b, x, y;

static void set(struct locals **locals, const void *key, void *value)
{
	ck_assert_int_eq(locals_set(locals, key, value), 0);
}

START_TEST(an_empty_set_has_no_value)
{
	ck_assert_ptr_eq(locals_get(NULL, &a, &x), &x);
	ck_assert_ptr_eq(locals_ref(NULL), NULL);
	locals_unref(NULL);
}
END_TEST

START_TEST(a_value_is_under_its_key_alone)
{
	struct locals *locals = NULL;
	set(&locals, &a, &x);
	set(&locals, &b, NULL);
	ck_assert_ptr_eq(locals_get(locals, &a, NULL), &x);
	ck_assert_ptr_eq(locals_get(locals, &b, &y), NULL);
	ck_assert_ptr_eq(locals_get(locals, &y, &y), &y);
	set(&locals, &a, &y);
	ck_assert_ptr_eq(locals_get(locals, &a, NULL), &y);
	ck_assert_uint_eq(locals->count, 2);
	locals_unref(locals);
}
END_TEST

START_TEST(a_change_is_seen_by_nobody_who_shares)
{
	struct locals *one = NULL;
	set(&one, &a, &x);
	struct locals *two = locals_ref(one), *three = locals_ref(one);
	ck_assert_ptr_eq(two, one);
	set(&two, &a, &y);
	set(&three, &b, &y);
	ck_assert_ptr_eq(locals_get(one, &a, NULL), &x);
	ck_assert_ptr_eq(locals_get(one, &b, NULL), NULL);
	ck_assert_ptr_eq(locals_get(two, &a, NULL), &y);
	ck_assert_ptr_eq(locals_get(three, &a, NULL), &x);
	ck_assert_ptr_eq(locals_get(three, &b, NULL), &y);
	locals_unref(one);
	locals_unref(two);
	locals_unref(three);
}
END_TEST

START_TEST(one_who_shares_with_nobody_copies_nothing)
{
	struct locals *locals = NULL;
	set(&locals, &a, &x);
	locals_unref(locals_ref(locals));
	struct locals *before = locals;
	fail_nth(0);
	int r = locals_set(&locals, &a, &y);
	fail_off();
	ck_assert_int_eq(r, 0);
	ck_assert_ptr_eq(locals, before);
	ck_assert_uint_eq(fail_count(), 0);
	locals_unref(locals);
}
END_TEST

START_TEST(a_copy_is_shared_with_nobody)
{
	struct locals *locals = NULL, *copy = NULL;
	ck_assert_int_eq(locals_copy(NULL, &copy), 0);
	ck_assert_ptr_eq(copy, NULL);
	set(&locals, &a, &x);
	ck_assert_int_eq(locals_copy(locals, &copy), 0);
	ck_assert_ptr_ne(copy, locals);
	ck_assert_uint_eq(locals->refs, 1);
	ck_assert_ptr_eq(locals_get(copy, &a, NULL), &x);
	locals_unref(locals);
	locals_unref(copy);
}
END_TEST

/* If the allocation fails, the set does not change. */
static void fails_to_set(struct locals **locals, const void *key)
{
	struct locals *before = *locals;
	size_t refs = before ? before->refs : 0;
	fail_nth(1);
	int r = locals_set(locals, key, &y);
	bool failed = fail_off();
	ck_assert(failed);
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_ptr_eq(*locals, before);
	ck_assert_uint_eq(before ? before->refs : 0, refs);
}

START_TEST(without_memory_a_set_stays_as_it_was)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct locals *locals = NULL, *copy = NULL;
	fails_to_set(&locals, &a);
	set(&locals, &a, &x);
	fails_to_set(&locals, &b);
	struct locals *shared = locals_ref(locals);
	fails_to_set(&locals, &a);
	fails_to_set(&locals, &b);
	ck_assert_ptr_eq(locals_get(locals, &a, NULL), &x);
	ck_assert_ptr_eq(locals_get(locals, &b, NULL), NULL);
	fail_nth(1);
	int r = locals_copy(locals, &copy);
	fail_off();
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_ptr_eq(copy, NULL);
	locals_unref(shared);
	locals_unref(locals);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, an_empty_set_has_no_value);
	tcase_add_test(tests, a_value_is_under_its_key_alone);
	tcase_add_test(tests, a_change_is_seen_by_nobody_who_shares);
	tcase_add_test(tests, one_who_shares_with_nobody_copies_nothing);
	tcase_add_test(tests, a_copy_is_shared_with_nobody);
	tcase_add_test(tests, without_memory_a_set_stays_as_it_was);
}

TEST_MAIN("locals", add)
