/* SPDX-License-Identifier: MIT */
#include "base/list.h"

#include "support.h"

struct item {
	int number;
	struct list link;
};

static struct item *item_of(struct list *node)
{
	return container_of(node, struct item, link);
}

static void trace_all(struct list *list)
{
	list_for_each(node, list)
		trace("%d", item_of(node)->number);
}

START_TEST(nodes_stand_in_the_order_appended)
{
	struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}};
	struct list list;
	list_init(&list);
	ck_assert(list_empty(&list));
	trace_all(&list);
	ck_assert_trace("");
	for (int i = 0; i < 3; i++)
		list_append(&list, &items[i].link);
	ck_assert(!list_empty(&list));
	trace_all(&list);
	ck_assert_trace("1 2 3");
}
END_TEST

START_TEST(node_is_removed_from_anywhere)
{
	for (int gone = 0; gone < 3; gone++) {
		static const char *const left[] = {"2 3", "1 3", "1 2"};
		struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}};
		struct list list;
		list_init(&list);
		for (int i = 0; i < 3; i++)
			list_append(&list, &items[i].link);
		list_remove(&items[gone].link);
		trace_all(&list);
		ck_assert_trace(left[gone]);
	}
}
END_TEST

START_TEST(removing_twice_does_no_harm)
{
	struct item a = {.number = 1}, b = {.number = 2};
	struct list list;
	list_init(&list);
	list_append(&list, &a.link);
	list_append(&list, &b.link);
	list_remove(&a.link);
	list_remove(&a.link);
	ck_assert(list_empty(&a.link));
	trace_all(&list);
	ck_assert_trace("2");
	list_append(&list, &a.link);
	trace_all(&list);
	ck_assert_trace("2 1");
}
END_TEST

START_TEST(pop_takes_the_first_until_none_is_left)
{
	struct item items[] = {{.number = 1}, {.number = 2}};
	struct list list;
	list_init(&list);
	list_append(&list, &items[0].link);
	list_append(&list, &items[1].link);
	ck_assert_int_eq(item_of(list_pop(&list))->number, 1);
	ck_assert(list_empty(&items[0].link));
	ck_assert_int_eq(item_of(list_pop(&list))->number, 2);
	ck_assert_ptr_null(list_pop(&list));
	ck_assert(list_empty(&list));
}
END_TEST

START_TEST(one_list_is_appended_to_another)
{
	static const char *const all[] = {"", "1", "1 2", "1 2 3"};
	for (int first = 0; first <= 3; first++) {
		struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}};
		struct list list, other;
		list_init(&list);
		list_init(&other);
		for (int i = 0; i < 3; i++)
			list_append(i < first ? &list : &other, &items[i].link);
		list_append_all(&list, &other);
		ck_assert(list_empty(&other));
		trace_all(&list);
		ck_assert_trace("1 2 3");
		for (int left = 2; left >= 0; left--) { /* backwards, too */
			list_remove(list.prev);
			trace_all(&list);
			ck_assert_trace(all[left]);
		}
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, nodes_stand_in_the_order_appended);
	tcase_add_test(tests, node_is_removed_from_anywhere);
	tcase_add_test(tests, removing_twice_does_no_harm);
	tcase_add_test(tests, pop_takes_the_first_until_none_is_left);
	tcase_add_test(tests, one_list_is_appended_to_another);
}

TEST_MAIN("list", add_tests)
