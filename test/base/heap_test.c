/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include "base/list.h"
#include "fail_alloc.h"
#include "support.h"

#include <errno.h>

/* What is in the heap, and what the reference knows of it. */
struct item {
	struct heap_node node;
	int64_t key;
	int number; /* counts insertions */
	bool in;
};

static int next_number;

static void insert(struct heap *heap, struct item *item, int64_t key)
{
	item->key = key;
	item->number = next_number++;
	item->in = true;
	heap_insert(heap, &item->node, key);
}

static void drop(struct heap *heap, struct item *item)
{
	item->in = false;
	heap_remove(heap, &item->node);
}

static struct item *take_first(struct heap *heap)
{
	struct item *item = container_of(heap_first(heap), struct item, node);
	drop(heap, item);
	return item;
}

/* The entry that comes first: the smallest key; of equal keys the earliest. */
static struct item *first_of(struct item *items, int count)
{
	struct item *first = NULL;
	for (int i = 0; i < count; i++) {
		struct item *item = &items[i];
		if (!item->in)
			continue;
		if (!first || item->key < first->key ||
		    (item->key == first->key && item->number < first->number))
			first = item;
	}
	return first;
}

START_TEST(smallest_key_comes_first)
{
	static const int64_t keys[] = {5, -3, INT64_MAX, 0, INT64_MIN, 7, -3};
	static const int64_t sorted[] = {INT64_MIN, -3, -3, 0, 5, 7, INT64_MAX};
	enum { COUNT = sizeof(keys) / sizeof(*keys) };
	struct item items[COUNT];
	struct heap heap;
	heap_init(&heap);
	ck_assert(heap_empty(&heap));
	ck_assert_int_eq(heap_reserve(&heap, COUNT), 0);
	for (int i = 0; i < COUNT; i++)
		insert(&heap, &items[i], keys[i]);
	for (int i = 0; i < COUNT; i++) {
		ck_assert_int_eq(heap_first_key(&heap), sorted[i]);
		ck_assert_int_eq(take_first(&heap)->key, sorted[i]);
	}
	ck_assert(heap_empty(&heap));
	heap_finish(&heap);
}
END_TEST

START_TEST(equal_keys_leave_in_the_order_inserted)
{
	enum { COUNT = 1000 };
	static struct item items[COUNT];
	struct heap heap;
	bool ordered = true;
	heap_init(&heap);
	ck_assert_int_eq(heap_reserve(&heap, COUNT), 0);
	for (int i = 0; i < COUNT; i++)
		insert(&heap, &items[i], 42);
	for (int i = 0; i < COUNT; i++)
		ordered &= take_first(&heap) == &items[i];
	ck_assert(ordered);
	heap_finish(&heap);
}
END_TEST

START_TEST(node_knows_whether_it_is_in)
{
	struct item a, b;
	struct heap heap;
	heap_init(&heap);
	ck_assert_int_eq(heap_reserve(&heap, 2), 0);
	insert(&heap, &a, 1);
	insert(&heap, &b, 2);
	ck_assert_uint_ne(a.node.place, HEAP_NONE);
	drop(&heap, &a);
	ck_assert_uint_eq(a.node.place, HEAP_NONE);
	ck_assert_ptr_eq(heap_first(&heap), &b.node);
	drop(&heap, &b);
	ck_assert_uint_eq(b.node.place, HEAP_NONE);
	heap_finish(&heap);
}
END_TEST

START_TEST(any_node_can_be_removed_from_the_middle)
{
	enum { COUNT = 100 };
	struct item items[COUNT];
	for (int gone = 0; gone < COUNT; gone++) {
		struct heap heap;
		bool ordered = true;
		heap_init(&heap);
		ck_assert_int_eq(heap_reserve(&heap, COUNT), 0);
		for (int i = 0; i < COUNT; i++)
			insert(&heap, &items[i], i * 37 % COUNT);
		drop(&heap, &items[gone]);
		for (int i = 1; i < COUNT; i++) {
			struct item *expected = first_of(items, COUNT);
			ordered &= take_first(&heap) == expected;
		}
		ck_assert(ordered);
		ck_assert(heap_empty(&heap));
		heap_finish(&heap);
	}
}
END_TEST

/* Those from there to there are gone; the first of all, and others on both sides, are left. */
START_TEST(nodes_in_memory_that_is_gone_can_be_discarded_untouched)
{
	enum { COUNT = 100, FROM = 30, TO = 60 };
	struct item items[COUNT];
	struct heap heap;
	bool ordered = true;
	heap_init(&heap);
	ck_assert_int_eq(heap_reserve(&heap, COUNT), 0);
	for (int i = 0; i < COUNT; i++)
		insert(&heap, &items[i], i * 37 % COUNT);
	memset(items + FROM, 0xA5, (TO - FROM) * sizeof(items[0]));
	heap_discard(&heap, items + FROM, items + TO);
	for (size_t i = FROM * sizeof(items[0]); i < TO * sizeof(items[0]); i++)
		ordered &= ((unsigned char *)items)[i] == 0xA5;
	ck_assert(ordered);
	for (int i = FROM; i < TO; i++)
		items[i].in = false;
	for (int i = 0; i < COUNT - (TO - FROM); i++) {
		struct item *expected = first_of(items, COUNT);
		ordered &= take_first(&heap) == expected;
	}
	ck_assert(ordered);
	ck_assert(heap_empty(&heap));
	heap_finish(&heap);
}
END_TEST

START_TEST(does_what_a_sorted_list_does)
{
	enum { COUNT = 300 };
	static struct item items[COUNT];
	int rounds = many(20000, 3000);
	struct heap heap;
	size_t in = 0;
	bool same = true;
	heap_init(&heap);
	ck_assert_int_eq(heap_reserve(&heap, COUNT), 0);
	srand(2);
	for (int i = 0; i < rounds && same; i++) {
		struct item *item = &items[rand() % COUNT];
		if (item->in) {
			drop(&heap, item);
			in--;
		} else {
			insert(&heap, item, rand() % 64 - 32);
			in++;
		}
		struct item *first = first_of(items, COUNT);
		same &= heap.count == in && heap_empty(&heap) == !first;
		same &= !first ||
			(heap_first(&heap) == &first->node && heap_first_key(&heap) == first->key);
		if (first && rand() % 3 == 0) {
			same &= take_first(&heap) == first;
			in--;
		}
	}
	for (struct item *first; (first = first_of(items, COUNT));)
		same &= take_first(&heap) == first;
	ck_assert(same);
	ck_assert(heap_empty(&heap));
	heap_finish(&heap);
}
END_TEST

START_TEST(heap_is_as_it_was_when_it_cannot_grow)
{
	struct item a;
	struct heap heap;
	heap_init(&heap);
	ck_assert_int_eq(heap_reserve(&heap, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(heap_reserve(&heap, SIZE_MAX / 2), -ENOMEM);
	ck_assert_int_eq(heap_reserve(&heap, 1), 0);
	insert(&heap, &a, 3);
	ck_assert_int_eq(heap_reserve(&heap, SIZE_MAX), -ENOMEM);
	ck_assert_uint_eq(heap.reserved, 1);
	if (fail_possible()) {
		fail_nth(1);
		int r = heap_reserve(&heap, 1000);
		ck_assert(fail_off());
		ck_assert_int_eq(r, -ENOMEM);
		ck_assert_uint_eq(heap.reserved, 1);
	}
	ck_assert_int_eq(heap_first_key(&heap), 3);
	drop(&heap, &a);
	heap_release(&heap, 1);
	ck_assert_uint_eq(heap.reserved, 0);
	heap_finish(&heap);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, smallest_key_comes_first);
	tcase_add_test(tests, equal_keys_leave_in_the_order_inserted);
	tcase_add_test(tests, node_knows_whether_it_is_in);
	tcase_add_test(tests, any_node_can_be_removed_from_the_middle);
	tcase_add_test(tests, nodes_in_memory_that_is_gone_can_be_discarded_untouched);
	tcase_add_test(tests, does_what_a_sorted_list_does);
	tcase_add_test(tests, heap_is_as_it_was_when_it_cannot_grow);
}

TEST_MAIN("heap", add_tests)
