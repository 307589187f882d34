/* SPDX-License-Identifier: MIT */
/* Generators: what is claimed here of the protocol is what CPython does. */
#include "core/generators.h"

/* ---- the protocol ---- */

START_TEST(next_gives_the_items_then_the_value_then_nothing)
{
	struct coro *g = make(count, number(3));
	for (int i = 0; i < 6; i++)
		trace_next(g);
	ck_assert_trace("1 2 3 end(100) end(0) end(0)");
	ck_assert_int_eq(coro_next(g, NULL), 0);
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(generator_may_be_empty)
{
	struct coro *g = make(count, number(0));
	trace_next(g);
	trace_next(g);
	ck_assert_trace("end(100) end(0)");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(item_may_be_ignored)
{
	struct coro *g = make(count, number(3));
	ck_assert_int_eq(coro_next(g, NULL), 1);
	trace_next(g);
	ck_assert_trace("2");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(send_is_what_the_yield_gives_back)
{
	struct coro *g = make(tenfold, NULL);
	trace_next(g);
	trace_send(g, 1);
	trace_send(g, 2);
	trace_next(g);
	ck_assert_trace("0 10 20 0");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(only_null_can_be_sent_to_one_that_has_not_started)
{
	struct coro *g = make(tenfold, NULL);
	trace_send(g, 5);
	ck_assert_int_eq(coro_state(g), CORO_CREATED);
	trace_send(g, 0);
	trace_send(g, 5);
	ck_assert_trace("error(22) 0 50"); /* EINVAL; Python: TypeError */
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(send_to_one_that_is_done_is_the_end)
{
	struct coro *g = make(count, number(0));
	trace_next(g);
	trace_send(g, 5);
	ck_assert_trace("end(100) end(0)");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(throw_gives_the_next_item_of_one_that_handles_it)
{
	struct coro *g = make(swallow, NULL);
	trace_next(g);
	trace_throw(g, -EIO);
	trace_next(g);
	ck_assert_trace("0 5 0");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(throw_ends_one_that_does_not)
{
	struct coro *g = make(count, number(3));
	trace_next(g);
	trace_throw(g, -EIO);
	trace_next(g);
	ck_assert_trace("1 error(5) end(0)");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(throw_before_the_start_ends_it_unrun)
{
	struct coro *g = make(swallow, NULL);
	trace_throw(g, -EIO);
	trace_next(g);
	trace_throw(g, -EIO);
	ck_assert_trace("error(5) end(0) error(5)");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(generator_that_failed_is_at_its_end)
{
	struct coro *g = make(fail_after_one, NULL);
	trace_next(g);
	trace_next(g);
	ck_assert_str_eq(coro_message(-EIO), "after 1");
	trace_next(g);
	ck_assert_trace("1 error(5) end(0)");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(closed_generator_is_at_its_end)
{
	struct coro *g = make(count, number(3));
	trace_next(g);
	ck_assert_int_eq(coro_close(g), 0);
	trace_next(g);
	ck_assert_trace("1 end(0)");
	ck_assert_int_eq(coro_destroy(g), 0);
	g = make(count, number(3));
	ck_assert_int_eq(coro_close(g), 0);
	trace_next(g);
	ck_assert_trace("end(0)");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

START_TEST(generator_may_return_a_value_when_it_is_closed)
{
	struct coro *g = make(return_when_closed, NULL);
	trace_next(g);
	trace_throw(g, CORO_EXIT);
	ck_assert_trace("1 end(5)");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

/* ---- from any depth of calls ---- */

struct node {
	struct node *left, *right;
	int value;
};

/* A search tree of 1 .. n. */
static struct node *grow(int low, int high)
{
	if (low > high)
		return NULL;
	struct node *node = malloc(sizeof(*node));
	int middle = low + (high - low) / 2;
	*node = (struct node){grow(low, middle - 1), grow(middle + 1, high), middle};
	return node;
}

static void fell(struct node *node)
{
	if (!node)
		return;
	fell(node->left);
	fell(node->right);
	free(node);
}

static int visit(struct node *node)
{
	if (!node)
		return 0;
	int r = visit(node->left);
	if (r == 0)
		r = coro_yield(number(node->value), NULL);
	return r < 0 ? r : visit(node->right);
}

static int walk_by_recursion(void *arg)
{
	return visit(arg);
}

static int walk_by_delegation(void *arg)
{
	struct node *node = arg;
	struct coro *sides[2] = {NULL, NULL};
	int r = 0;
	if (!node)
		return 0;
	for (int i = 0; i < 2 && r == 0; i++) {
		r = coro_create(walk_by_delegation, i ? node->right : node->left, &sides[i]);
		if (r == 0)
			r = coro_yield_from(sides[i], NULL);
		if (r == 0 && i == 0)
			r = coro_yield(number(node->value), NULL);
	}
	coro_destroy(sides[0]);
	coro_destroy(sides[1]);
	return r;
}

START_TEST(tree_is_walked_in_order)
{
	static coro_fn *const walks[] = {walk_by_recursion, walk_by_delegation};
	int size = many(1000, 100);
	struct node *tree = grow(1, size);
	struct coro *g = make(walks[_i], tree);
	bool ordered = true;
	void *item = NULL;
	for (int i = 1; i <= size; i++)
		ordered &= coro_next(g, &item) == 1 && number_of(item) == i;
	ck_assert(ordered);
	ck_assert_int_eq(coro_next(g, &item), 0);
	ck_assert_int_eq(coro_destroy(g), 0);
	/* It may be left in the middle. */
	g = make(walks[_i], tree);
	for (int i = 1; i <= size / 3; i++)
		ck_assert_int_eq(coro_next(g, NULL), 1);
	ck_assert_int_eq(coro_destroy(g), 0);
	ck_assert_uint_eq(stacks_in_use(), 0);
	fell(tree);
}
END_TEST

/* ---- states ---- */

static int trace_state(void *arg)
{
	int r = coro_yield(number(1), NULL);
	trace("%d", coro_state(*(struct coro **)arg));
	return r < 0 ? r : coro_yield(number(2), NULL);
}

START_TEST(one_that_delegates_runs_only_while_its_innermost_runs)
{
	struct link links[3] = {0};
	struct coro *g = NULL;
	g = start_chain(links, make(trace_state, &g));
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(coro_state(links[i].inner), CORO_SUSPENDED);
	ck_assert_int_eq(coro_state(g), CORO_SUSPENDED);
	ck_assert_int_eq(coro_status(g), -EAGAIN);
	ck_assert_int_eq(coro_next(g, NULL), 1);
	ck_assert_int_eq(atoi(trace_take()), CORO_RUNNING);
	ck_assert_int_eq(coro_close(g), 0);
	destroy_chain(g, links);
}
END_TEST

/* ---- typed views ---- */

struct page {
	int number;
	char text[16];
};

CORO_GENERATOR(pages, struct page);

static int print_pages(void *arg)
{
	struct page page = {0};
	for (int i = 1; i <= *(int *)arg; i++) {
		page.number = i;
		snprintf(page.text, sizeof(page.text), "page %d", i);
		int r = pages_yield(&page);
		if (r < 0)
			return r;
	}
	return 0;
}

START_TEST(typed_view_gives_the_type)
{
	int n = 2;
	struct coro *book;
	struct page *page = NULL;
	ck_assert_int_eq(pages_create(print_pages, &n, &book), 0);
	ck_assert_int_eq(pages_next(book, &page), 1);
	ck_assert_str_eq(page->text, "page 1");
	struct coro *skipped;
	ck_assert_int_eq(pages_create(print_pages, &n, &skipped), 0);
	ck_assert_int_eq(pages_next(skipped, NULL), 1);
	ck_assert_int_eq(pages_destroy(skipped), 0);
	ck_assert_int_eq(pages_next(book, &page), 1);
	ck_assert_int_eq(page->number, 2);
	struct page *last = page;
	ck_assert_int_eq(pages_next(book, &page), 0);
	ck_assert_ptr_eq(page, last);
	ck_assert_int_eq(pages_destroy(book), 0);
}
END_TEST

/* ---- without memory ---- */

static int delegation(void)
{
	struct coro *cos[3] = {NULL, NULL, NULL};
	struct link links[2] = {{NULL, 1}, {NULL, 2}};
	void *item = NULL;
	int r = coro_create(count, number(2), &cos[0]);
	for (int i = 0; i < 2 && r == 0; i++) {
		links[i].inner = cos[i];
		r = coro_create(just_delegate, &links[i], &cos[i + 1]);
	}
	int seen = 0;
	while (r >= 0 && (r = coro_next(cos[2], &item)) > 0)
		seen += number_of(item);
	if (r == 0 && (seen != 3 || number_of(item) != 102))
		r = -1;
	for (int i = 2; i >= 0; i--)
		coro_destroy(cos[i]);
	return r;
}

struct attempt {
	unsigned long n; /* of the allocation that fails */
	int r, again;
	bool failed;
	size_t in_use;
};

static void *attempt(void *arg)
{
	struct attempt *attempt = arg;
	fail_nth(attempt->n);
	attempt->r = delegation();
	attempt->failed = fail_off();
	attempt->in_use = stacks_in_use();
	attempt->again = delegation();
	return NULL;
}

START_TEST(nth_allocation_fails_without_harm)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct attempt try = {0};
	int refused = 0;
	do {
		try.n++;
		in_thread(attempt, &try);
		ck_assert_msg(try.r == 0 || try.r == -ENOMEM, "%lu: %d", try.n, try.r);
		ck_assert_uint_eq(try.in_use, 0);
		ck_assert_msg(try.again == 0, "%lu: then %d", try.n, try.again);
		refused += try.r == -ENOMEM;
	} while (try.failed);
	ck_assert_int_eq(try.r, 0);
	ck_assert_int_gt(refused, 4);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, next_gives_the_items_then_the_value_then_nothing);
	tcase_add_test(tests, generator_may_be_empty);
	tcase_add_test(tests, item_may_be_ignored);
	tcase_add_test(tests, send_is_what_the_yield_gives_back);
	tcase_add_test(tests, only_null_can_be_sent_to_one_that_has_not_started);
	tcase_add_test(tests, send_to_one_that_is_done_is_the_end);
	tcase_add_test(tests, throw_gives_the_next_item_of_one_that_handles_it);
	tcase_add_test(tests, throw_ends_one_that_does_not);
	tcase_add_test(tests, throw_before_the_start_ends_it_unrun);
	tcase_add_test(tests, generator_that_failed_is_at_its_end);
	tcase_add_test(tests, closed_generator_is_at_its_end);
	tcase_add_test(tests, generator_may_return_a_value_when_it_is_closed);
	tcase_add_loop_test(tests, tree_is_walked_in_order, 0, 2);
	tcase_add_test(tests, one_that_delegates_runs_only_while_its_innermost_runs);
	tcase_add_test(tests, typed_view_gives_the_type);
	tcase_add_test(tests, nth_allocation_fails_without_harm);
}

TEST_MAIN("generator", add_tests)
