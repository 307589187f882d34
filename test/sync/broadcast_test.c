/* SPDX-License-Identifier: MIT */
/* Broadcasts: every subscription gets every item, in order, or learns that it was too slow. */
#include "tasks.h"

static struct coro_broadcast *broadcast;
static struct coro_subscription *first, *second;
static struct coro_future *a, *b, *c;

static void setup(void)
{
	loop_setup();
	first = second = NULL;
	ck_assert_int_eq(coro_broadcast_create(sizeof(char), 4, &broadcast), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(coro_subscription_destroy(first), 0);
	ck_assert_int_eq(coro_subscription_destroy(second), 0);
	ck_assert_int_eq(coro_broadcast_destroy(broadcast), 0);
	loop_teardown();
}

static struct coro_subscription *subscribe(void)
{
	struct coro_subscription *subscription;
	ck_assert_int_eq(coro_broadcast_subscribe(broadcast, &subscription), 0);
	return subscription;
}

static void say(const char *text)
{
	for (; *text; text++)
		ck_assert_int_eq(coro_broadcast_send(broadcast, text), 0);
}

static void say_it(void *text)
{
	say(text);
}

/* All that a subscription has, "+" where it has missed some. */
static const char *hear(struct coro_subscription *subscription)
{
	static char text[64];
	size_t count = 0;
	int r;
	while ((r = coro_subscription_try_receive(subscription, &text[count])) == 0 ||
	       r == -EOVERFLOW) {
		if (r == -EOVERFLOW)
			text[count] = '+';
		count++;
	}
	text[count] = '\0';
	return text;
}

/* Receives one item of the first subscription and says which. */
static int hears_one(void *name)
{
	char letter = '?';
	int r = coro_subscription_receive(first, &letter);
	if (r == 0)
		trace("%s%c", (const char *)name, letter);
	else
		trace("%s%s", (const char *)name, strerror(-r));
	return r;
}

static int hears_all(void *subscription)
{
	char letter;
	int r;
	while ((r = coro_subscription_receive(subscription, &letter)) == 0)
		trace("%d%c", subscription == (void *)first ? 1 : 2, letter);
	return r;
}

START_TEST(what_cannot_be_is_refused)
{
	struct coro_broadcast *none = NULL;
	struct coro_subscription *nobody = NULL;
	char letter = '?';
	ck_assert_int_eq(coro_broadcast_create(1, 0, &none), -EINVAL);
	ck_assert_int_eq(coro_broadcast_create(1, 1, NULL), -EINVAL);
	ck_assert_int_eq(coro_broadcast_create(SIZE_MAX, 2, &none), -ENOMEM);
	ck_assert_int_eq(coro_broadcast_create(1, SIZE_MAX - 8, &none), -ENOMEM);
	ck_assert_int_eq(coro_broadcast_send(NULL, &letter), -EINVAL);
	ck_assert_int_eq(coro_broadcast_send(broadcast, NULL), -EINVAL);
	ck_assert_int_eq(coro_broadcast_close(NULL), -EINVAL);
	ck_assert_int_eq(coro_broadcast_destroy(NULL), 0);
	ck_assert_int_eq(coro_broadcast_subscribe(NULL, &nobody), -EINVAL);
	ck_assert_int_eq(coro_broadcast_subscribe(broadcast, NULL), -EINVAL);
	ck_assert_int_eq(coro_subscription_receive(NULL, &letter), -EINVAL);
	ck_assert_int_eq(coro_subscription_try_receive(NULL, &letter), -EINVAL);
	ck_assert_int_eq(coro_subscription_destroy(NULL), 0);
	ck_assert_uint_eq(coro_subscription_missed(NULL), 0);
	ck_assert_uint_eq(coro_broadcast_subscribers(NULL), 0);
	ck_assert_ptr_null(none);
	ck_assert_ptr_null(nobody);
	ck_assert_int_eq(letter, '?');
}
END_TEST

static int makes_and_uses(void *arg)
{
	struct coro_broadcast *made = NULL;
	struct coro_subscription *subscription = NULL;
	int item = 1, r = coro_broadcast_create(sizeof(item), 3, &made);
	if (r == 0)
		r = coro_broadcast_subscribe(made, &subscription);
	if (r == 0)
		r = coro_broadcast_send(made, &item);
	if (r == 0)
		r = coro_subscription_receive(subscription, &item);
	coro_subscription_destroy(subscription);
	coro_broadcast_destroy(made);
	return r;
}

START_TEST(allocation_that_fails_is_reported_and_leaves_nothing)
{
	fail_each_allocation(makes_and_uses);
}
END_TEST

START_TEST(each_subscription_gets_what_is_sent_after_it)
{
	say("x");
	first = subscribe();
	say("ab");
	second = subscribe();
	ck_assert_uint_eq(coro_broadcast_subscribers(broadcast), 2);
	say("c");
	ck_assert_str_eq(hear(first), "abc");
	ck_assert_str_eq(hear(second), "c");
	ck_assert_str_eq(hear(first), "");
}
END_TEST

START_TEST(sending_to_nobody_is_fine)
{
	say("abcdefgh");
	first = subscribe();
	ck_assert_str_eq(hear(first), "");
}
END_TEST

START_TEST(a_slow_subscription_learns_what_it_has_missed)
{
	first = subscribe();
	say("abcd");
	ck_assert_str_eq(hear(first), "abcd");
	ck_assert_uint_eq(coro_subscription_missed(first), 0);
	say("efghij");
	ck_assert_str_eq(hear(first), "+ghij");
	ck_assert_uint_eq(coro_subscription_missed(first), 2);
	say("klmno");
	ck_assert_str_eq(hear(first), "+lmno");
	ck_assert_uint_eq(coro_subscription_missed(first), 3);
}
END_TEST

START_TEST(all_who_wait_are_woken_in_order)
{
	first = subscribe();
	second = subscribe();
	a = start(hears_all, first);
	b = start(hears_all, second);
	say("xy");
	run();
	ck_assert_trace("1x 1y 2x 2y");
	ck_assert_int_eq(coro_broadcast_close(broadcast), 0);
	run();
	assert_ended(a, -EPIPE);
	assert_ended(b, -EPIPE);
}
END_TEST

START_TEST(what_was_sent_before_the_close_is_received)
{
	first = subscribe();
	say("ab");
	ck_assert_int_eq(coro_broadcast_close(broadcast), 0);
	ck_assert_int_eq(coro_broadcast_close(broadcast), -EALREADY);
	ck_assert_int_eq(coro_broadcast_send(broadcast, "c"), -EPIPE);
	ck_assert_str_eq(hear(first), "ab");
	ck_assert_int_eq(coro_subscription_try_receive(first, NULL), -EPIPE);
	ck_assert_int_eq(coro_subscription_receive(first, NULL), -EPIPE);
}
END_TEST

START_TEST(tasks_that_share_a_subscription_share_its_items)
{
	first = subscribe();
	a = start(hears_one, "a");
	b = start(hears_one, "b");
	c = start(hears_one, "c");
	say("xy");
	run();
	ck_assert_trace("ax by");
	say("z");
	run();
	ck_assert_trace("cz");
	assert_ended(a, 0);
	assert_ended(b, 0);
	assert_ended(c, 0);
}
END_TEST

START_TEST(a_cancelled_task_leaves_its_item_to_the_next)
{
	first = subscribe();
	a = start(hears_one, "a");
	b = start(hears_one, "b");
	say("x");
	cancel(a);
	run();
	ck_assert_trace("aOperation canceled bx");
	assert_ended(a, -ECANCELED);
	assert_ended(b, 0);
}
END_TEST

START_TEST(what_is_in_use_is_not_destroyed)
{
	first = subscribe();
	ck_assert_int_eq(coro_broadcast_destroy(broadcast), -EBUSY);
	a = start(hears_one, "a");
	ck_assert_int_eq(coro_subscription_destroy(first), -EBUSY);
	say("x");
	run();
	ck_assert_trace("ax");
	assert_ended(a, 0);
}
END_TEST

START_TEST(outside_a_task_nothing_waits)
{
	first = subscribe();
	ck_assert_int_eq(coro_subscription_receive(first, NULL), -EPERM);
	call_outside_tasks(say_it, "x");
	ck_assert_int_eq(coro_subscription_receive(first, NULL), 0);
	ck_assert_int_eq(coro_subscription_try_receive(first, NULL), -EAGAIN);
}
END_TEST

START_TEST(items_may_have_no_bytes)
{
	struct coro_broadcast *signals;
	struct coro_subscription *subscription;
	ck_assert_int_eq(coro_broadcast_create(0, 1, &signals), 0);
	ck_assert_int_eq(coro_broadcast_subscribe(signals, &subscription), 0);
	ck_assert_int_eq(coro_broadcast_send(signals, NULL), 0);
	ck_assert_int_eq(coro_subscription_try_receive(subscription, NULL), 0);
	ck_assert_int_eq(coro_subscription_try_receive(subscription, NULL), -EAGAIN);
	ck_assert_int_eq(coro_subscription_destroy(subscription), 0);
	ck_assert_int_eq(coro_broadcast_destroy(signals), 0);
}
END_TEST

static void *uses_in_another_thread(void *arg)
{
	struct coro_subscription *made = NULL;
	int *results = arg;
	results[0] = coro_broadcast_send(broadcast, "x");
	results[1] = coro_broadcast_close(broadcast);
	results[2] = coro_broadcast_subscribe(broadcast, &made);
	results[3] = coro_subscription_try_receive(first, NULL);
	results[4] = coro_subscription_receive(first, NULL);
	results[5] = coro_subscription_destroy(first);
	results[6] = coro_broadcast_destroy(broadcast);
	return NULL;
}

START_TEST(another_thread_is_refused)
{
	int results[7] = {0};
	first = subscribe();
	say("a");
	in_thread(uses_in_another_thread, results);
	for (int i = 0; i < 7; i++)
		ck_assert_int_eq(results[i], -EPERM);
	ck_assert_str_eq(hear(first), "a");
}
END_TEST

/* Its task is discarded where it waits; the subscription can be given back all the same. */
START_TEST(a_loop_may_close_while_a_task_waits)
{
	first = subscribe();
	a = start(hears_one, "a");
	coro_future_unref(a);
	loop_teardown();
	ck_assert_int_eq(coro_subscription_destroy(first), 0);
	first = NULL;
	loop_setup();
	ck_assert_trace("");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, allocation_that_fails_is_reported_and_leaves_nothing);
	tcase_add_test(tests, each_subscription_gets_what_is_sent_after_it);
	tcase_add_test(tests, sending_to_nobody_is_fine);
	tcase_add_test(tests, a_slow_subscription_learns_what_it_has_missed);
	tcase_add_test(tests, all_who_wait_are_woken_in_order);
	tcase_add_test(tests, what_was_sent_before_the_close_is_received);
	tcase_add_test(tests, tasks_that_share_a_subscription_share_its_items);
	tcase_add_test(tests, a_cancelled_task_leaves_its_item_to_the_next);
	tcase_add_test(tests, what_is_in_use_is_not_destroyed);
	tcase_add_test(tests, outside_a_task_nothing_waits);
	tcase_add_test(tests, items_may_have_no_bytes);
	tcase_add_test(tests, another_thread_is_refused);
	tcase_add_test(tests, a_loop_may_close_while_a_task_waits);
}

TEST_MAIN("broadcast", add_tests)
