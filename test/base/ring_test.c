/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

#include "fail_alloc.h"
#include "support.h"

#include <errno.h>
#include <stdint.h>

static void *number(size_t n)
{
	return (void *)(uintptr_t)n;
}

START_TEST(entries_leave_in_the_order_they_came)
{
	struct ring ring;
	ring_init(&ring);
	ck_assert(ring_empty(&ring));
	ck_assert_int_eq(ring_reserve(&ring, 3), 0);
	for (size_t i = 1; i <= 3; i++)
		ring_push(&ring, number(i));
	for (size_t i = 1; i <= 3; i++)
		ck_assert_ptr_eq(ring_pop(&ring), number(i));
	ck_assert(ring_empty(&ring));
	ring_finish(&ring);
}
END_TEST

START_TEST(order_survives_growing_where_the_ring_wraps_around)
{
	struct ring ring;
	ring_init(&ring);
	size_t in = 0, out = 0;
	bool ordered = true;
	/* Every start within the first ring, then one more entry than it has room for. */
	for (size_t start = 0; start < 64; start++) {
		ck_assert_int_eq(ring_reserve(&ring, 64), 0);
		for (size_t i = 0; i < start; i++) {
			ring_push(&ring, number(in++));
			ordered &= ring_pop(&ring) == number(out++);
		}
		for (size_t i = 0; i < 64; i++)
			ring_push(&ring, number(in++));
		ck_assert_int_eq(ring_reserve(&ring, 1), 0);
		ring_push(&ring, number(in++));
		while (!ring_empty(&ring))
			ordered &= ring_pop(&ring) == number(out++);
		ring_finish(&ring);
	}
	ck_assert(ordered);
	ck_assert_uint_eq(in, out);
}
END_TEST

START_TEST(position_names_its_entry_also_after_growing)
{
	struct ring ring;
	ring_init(&ring);
	ck_assert_int_eq(ring_reserve(&ring, 64), 0);
	for (size_t i = 0; i < 40; i++) {
		ring_push(&ring, number(0));
		ring_pop(&ring);
	}
	size_t position = ring_push(&ring, number(7));
	ck_assert_int_eq(ring_reserve(&ring, 1000), 0);
	ck_assert_ptr_eq(*ring_at(&ring, position), number(7));
	*ring_at(&ring, position) = number(8);
	ck_assert_ptr_eq(ring_pop(&ring), number(8));
	ring_finish(&ring);
}
END_TEST

START_TEST(released_room_is_reserved_again_without_growing)
{
	struct ring ring;
	ring_init(&ring);
	ck_assert_int_eq(ring_reserve(&ring, 64), 0);
	size_t mask = ring.mask;
	for (int i = 0; i < 1000; i++) {
		ring_release(&ring, 10);
		ck_assert_int_eq(ring_reserve(&ring, 10), 0);
	}
	ck_assert_uint_eq(ring.mask, mask);
	ring_finish(&ring);
}
END_TEST

START_TEST(positions_may_go_past_the_largest_number)
{
	struct ring ring;
	ring_init(&ring);
	ck_assert_int_eq(ring_reserve(&ring, 64), 0);
	ring.head = ring.tail = (size_t)-5;
	for (size_t i = 0; i < 10; i++)
		ring_push(&ring, number(i));
	ck_assert_int_eq(ring_reserve(&ring, 1), 0);
	for (size_t i = 0; i < 10; i++)
		ck_assert_ptr_eq(ring_pop(&ring), number(i));
	ck_assert(ring_empty(&ring));
	ring_finish(&ring);
}
END_TEST

START_TEST(does_what_a_long_array_does)
{
	enum { ROUNDS = 20000 };
	struct ring ring;
	ring_init(&ring);
	size_t in = 0, out = 0, room = 0;
	bool same = true;
	srand(1);
	for (int i = 0; i < ROUNDS; i++) {
		switch (rand() % 4) {
		case 0:
			if (rand() % 16 == 0) {
				size_t more = (size_t)(rand() % 50);
				ck_assert_int_eq(ring_reserve(&ring, more), 0);
				room += more;
			}
			break;
		case 1:
			if (in > out)
				same &= ring_pop(&ring) == number(out++);
			break;
		default:
			if (in - out < room)
				ring_push(&ring, number(in++));
			break;
		}
		same &= ring_empty(&ring) == (in == out);
	}
	while (in > out)
		same &= ring_pop(&ring) == number(out++);
	ck_assert(same);
	ring_finish(&ring);
}
END_TEST

START_TEST(more_room_than_there_is_memory_is_refused)
{
	struct ring ring;
	ring_init(&ring);
	ck_assert_int_eq(ring_reserve(&ring, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(ring_reserve(&ring, SIZE_MAX / 2), -ENOMEM);
	ck_assert_int_eq(ring_reserve(&ring, 1), 0);
	ring_push(&ring, number(1));
	ck_assert_int_eq(ring_reserve(&ring, SIZE_MAX), -ENOMEM);
	ck_assert_ptr_eq(ring_pop(&ring), number(1));
	ring_finish(&ring);
}
END_TEST

START_TEST(ring_fits_each_push_where_nothing_is_reserved)
{
	enum { ENTRIES = 1000 };
	struct ring ring;
	ring_init(&ring);
	for (size_t i = 0; i < ENTRIES; i++) {
		ck_assert_int_eq(ring_fit(&ring), 0);
		ring_push(&ring, number(i));
		ck_assert_uint_eq(ring_count(&ring), i + 1);
	}
	ck_assert_ptr_eq(ring_pop_back(&ring), number(ENTRIES - 1));
	ck_assert_ptr_eq(ring_pop(&ring), number(0));
	ck_assert_uint_eq(ring_count(&ring), ENTRIES - 2);
	ring_finish(&ring);
}
END_TEST

START_TEST(ring_is_as_it_was_when_it_cannot_grow)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct ring ring;
	ring_init(&ring);
	fail_nth(1);
	int first = ring_reserve(&ring, 1);
	ck_assert(fail_off());
	ck_assert_int_eq(first, -ENOMEM);
	ck_assert_int_eq(ring_reserve(&ring, 64), 0);
	ring_push(&ring, number(1));
	fail_nth(1);
	int second = ring_reserve(&ring, 1);
	ck_assert(fail_off());
	ck_assert_int_eq(second, -ENOMEM);
	ck_assert_uint_eq(ring.reserved, 64);
	ck_assert_ptr_eq(ring_pop(&ring), number(1));
	ring_finish(&ring);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, entries_leave_in_the_order_they_came);
	tcase_add_test(tests, order_survives_growing_where_the_ring_wraps_around);
	tcase_add_test(tests, position_names_its_entry_also_after_growing);
	tcase_add_test(tests, released_room_is_reserved_again_without_growing);
	tcase_add_test(tests, positions_may_go_past_the_largest_number);
	tcase_add_test(tests, does_what_a_long_array_does);
	tcase_add_test(tests, more_room_than_there_is_memory_is_refused);
	tcase_add_test(tests, ring_fits_each_push_where_nothing_is_reserved);
	tcase_add_test(tests, ring_is_as_it_was_when_it_cannot_grow);
}

TEST_MAIN("ring", add_tests)
