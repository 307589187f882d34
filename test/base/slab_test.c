/* SPDX-License-Identifier: MIT */
#include "base/slab.h"

#include "base/sanitize.h"
#include "fail_alloc.h"
#include "support.h"

#include <stdint.h>

START_TEST(objects_do_not_overlap)
{
	enum { COUNT = 3000 };
	static const size_t sizes[] = {8, 24, 200, 1024};
	static unsigned char *objects[COUNT];
	size_t size = sizes[_i];
	struct slab slab;
	bool whole = true;
	slab_init(&slab, size);
	for (int i = 0; i < COUNT; i++) {
		objects[i] = slab_alloc(&slab);
		ck_assert_ptr_nonnull(objects[i]);
		memset(objects[i], i % 251, size);
	}
	for (int i = 0; i < COUNT; i++) {
		whole &= (uintptr_t)objects[i] % 8 == 0;
		for (size_t at = 0; at < size; at++)
			whole &= objects[i][at] == i % 251;
	}
	ck_assert(whole);
	for (int i = 0; i < COUNT; i++)
		slab_free(objects[i]);
	slab_finish(&slab);
}
END_TEST

START_TEST(last_freed_is_first_reused)
{
	if (SANITIZED || sanitize_watches_memory())
		skip_test("each object has memory of its own here");
	struct slab slab;
	slab_init(&slab, 64);
	void *a = slab_alloc(&slab), *b = slab_alloc(&slab), *c = slab_alloc(&slab);
	slab_free(a);
	slab_free(c);
	slab_free(b);
	ck_assert_ptr_eq(slab_alloc(&slab), b);
	ck_assert_ptr_eq(slab_alloc(&slab), c);
	ck_assert_ptr_eq(slab_alloc(&slab), a);
	slab_free(a);
	slab_free(b);
	slab_free(c);
	slab_finish(&slab);
}
END_TEST

/* More of them than are kept apart, and again. */
START_TEST(objects_apart_have_chunks_of_their_own)
{
	enum { COUNT = 1000 };
	static unsigned char *objects[COUNT];
	if (SANITIZED)
		skip_test("sanitizers get memory of its own for each object");
	for (int round = 0; round < 2; round++) {
		struct slab slab;
		slab_init(&slab, 200);
		slab.apart = true;
		for (int i = 0; i < COUNT; i++) {
			objects[i] = slab_alloc(&slab);
			ck_assert_ptr_nonnull(objects[i]);
			memset(objects[i], i % 251, 200);
		}
		ck_assert_ptr_null(slab_chunk_of(objects[0])->slab);
		ck_assert_ptr_ne(slab_chunk_of(objects[0]), slab_chunk_of(objects[1]));
		ck_assert_ptr_eq(slab_chunk_of(objects[COUNT - 1])->slab, &slab);
		for (int i = 0; i < COUNT; i += 2)
			slab_free(objects[i]);
		slab_finish(&slab);
		for (int i = 1; i < COUNT; i += 2) {
			ck_assert_int_eq(objects[i][199], i % 251);
			slab_free(objects[i]);
		}
	}
}
END_TEST

START_TEST(object_apart_may_fail_to_be_allocated)
{
	if (SANITIZED || !fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct slab slab;
	slab_init(&slab, 200);
	slab.apart = true;
	fail_nth(1);
	void *failed = slab_alloc(&slab);
	ck_assert(fail_off());
	ck_assert_ptr_null(failed);
	void *object = slab_alloc(&slab);
	ck_assert_ptr_nonnull(object);
	slab_free(object);
	slab_finish(&slab);
}
END_TEST

static void outlive_a_slab(void)
{
	enum { COUNT = 500 }; /* several chunks of them */
	static unsigned char *objects[COUNT];
	struct slab slab;
	bool whole = true;
	slab_init(&slab, 1024);
	for (int i = 0; i < COUNT; i++) {
		objects[i] = slab_alloc(&slab);
		memset(objects[i], i % 251, 1024);
	}
	for (int i = 0; i < COUNT; i += 2)
		slab_free(objects[i]);
	slab_finish(&slab);
	for (int i = 1; i < COUNT; i += 2) {
		whole &= objects[i][0] == i % 251 && objects[i][1023] == i % 251;
		slab_free(objects[i]);
	}
	ck_assert(whole);
}

START_TEST(object_may_outlive_its_slab)
{
	enum { ROUNDS = 100 };
	outlive_a_slab();
	size_t before = allocated_and_mapped();
	for (int i = 0; i < ROUNDS; i++)
		outlive_a_slab();
	/* libc may keep pieces that alignment leaves. A chunk that is kept each round is far more. */
	ck_assert_uint_lt(allocated_and_mapped(), before + (size_t)ROUNDS * 1024);
}
END_TEST

START_TEST(finished_slab_can_be_used_again)
{
	struct slab slab;
	slab_init(&slab, 32);
	void *old = slab_alloc(&slab);
	slab_finish(&slab);
	void *new = slab_alloc(&slab);
	ck_assert_ptr_nonnull(new);
	ck_assert_ptr_ne(new, old);
	slab_free(old);
	void *other = slab_alloc(&slab);
	ck_assert_ptr_ne(other, new);
	slab_free(new);
	slab_free(other);
	slab_finish(&slab);
}
END_TEST

START_TEST(does_what_malloc_does)
{
	enum { COUNT = 400, SIZE = 136 };
	static unsigned char *objects[COUNT];
	struct slab slab;
	bool whole = true;
	slab_init(&slab, SIZE);
	srand(3);
	for (int i = 0; i < 20000; i++) {
		int n = rand() % COUNT;
		if (objects[n]) {
			whole &= objects[n][0] == n % 251 && objects[n][SIZE - 1] == n % 251;
			slab_free(objects[n]);
			objects[n] = NULL;
		} else {
			objects[n] = slab_alloc(&slab);
			memset(objects[n], n % 251, SIZE);
		}
	}
	ck_assert(whole);
	for (int n = 0; n < COUNT; n++)
		if (objects[n])
			slab_free(objects[n]);
	slab_finish(&slab);
}
END_TEST

START_TEST(without_memory_there_is_no_object)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct slab slab;
	slab_init(&slab, 64);
	fail_nth(1);
	void *none = slab_alloc(&slab);
	ck_assert(fail_off());
	ck_assert_ptr_null(none);
	void *object = slab_alloc(&slab);
	ck_assert_ptr_nonnull(object);
	slab_free(object);
	slab_finish(&slab);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_loop_test(tests, objects_do_not_overlap, 0, 4);
	tcase_add_test(tests, last_freed_is_first_reused);
	tcase_add_test(tests, objects_apart_have_chunks_of_their_own);
	tcase_add_test(tests, object_apart_may_fail_to_be_allocated);
	tcase_add_test(tests, object_may_outlive_its_slab);
	tcase_add_test(tests, finished_slab_can_be_used_again);
	tcase_add_test(tests, does_what_malloc_does);
	tcase_add_test(tests, without_memory_there_is_no_object);
}

TEST_MAIN("slab", add_tests)
