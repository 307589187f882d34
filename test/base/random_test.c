/* SPDX-License-Identifier: MIT */
/* Random numbers: the seed determines them, and any seed will do. */
#include "support.h"

#include "base/random.h"

START_TEST(no_seed_gives_a_state_of_nothing_but_zeros)
{
	ck_assert_uint_ne(random_state(0), 0);
	ck_assert_uint_ne(random_state(1), 0);
	ck_assert_uint_ne(random_state(UINT64_MAX), 0);
}
END_TEST

START_TEST(same_seed_gives_the_same_numbers_and_another_gives_others)
{
	for (uint64_t seed = 0; seed < 100; seed++) {
		uint64_t one = random_state(seed), same = random_state(seed),
			 other = random_state(seed + 1);
		for (int i = 0; i < 10; i++) {
			uint64_t number = random_next(&one);
			ck_assert_uint_eq(number, random_next(&same));
			ck_assert_uint_ne(number, random_next(&other));
		}
	}
}
END_TEST

START_TEST(small_ranges_are_covered_evenly_from_the_first_number_on)
{
	for (unsigned range = 2; range <= 10; range++) {
		int firsts[10] = {0}, later[10] = {0};
		uint64_t state = random_state(7);
		for (uint64_t seed = 0; seed < 10000; seed++) {
			uint64_t first = random_state(seed);
			firsts[random_next(&first) % range]++;
			later[random_next(&state) % range]++;
		}
		for (unsigned i = 0; i < range; i++) {
			int expected = (int)(10000 / range);
			ck_assert_int_lt(abs(firsts[i] - expected), expected / 5);
			ck_assert_int_lt(abs(later[i] - expected), expected / 5);
		}
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, no_seed_gives_a_state_of_nothing_but_zeros);
	tcase_add_test(tests, same_seed_gives_the_same_numbers_and_another_gives_others);
	tcase_add_test(tests, small_ranges_are_covered_evenly_from_the_first_number_on);
}

TEST_MAIN("random", add)
