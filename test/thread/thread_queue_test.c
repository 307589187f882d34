/* SPDX-License-Identifier: MIT */
/*
 * Queues between threads: no item is lost, doubled or overtaken, whichever side waits or is
 * cancelled.
 */
#include "loop/loop.h"

#include "threads.h"

static struct coro_thread_queue *queue;

static void setup(void)
{
	threads_setup();
	queue = NULL;
}

static void teardown(void)
{
	ck_assert_int_eq(coro_thread_queue_destroy(queue), 0);
	threads_teardown();
}

static void make(size_t maxsize)
{
	ck_assert_int_eq(coro_thread_queue_create(maxsize, &queue), 0);
}

static void put(const char *letters)
{
	for (; *letters; letters++)
		ck_assert_int_eq(coro_thread_queue_try_put(queue, (void *)letters), 0);
}

static char get(void)
{
	void *item;
	ck_assert_int_eq(coro_thread_queue_try_get(queue, &item), 0);
	return *(char *)item;
}

static int gets_one(void *word)
{
	void *item = queue;
	int r = coro_thread_queue_get(queue, &item);
	if (r == 0)
		trace("%s%c", (const char *)word, *(char *)item);
	else
		trace("%s%d", (const char *)word, r);
	must(r == 0 || item == queue);
	return r;
}

static int puts_in(void *word)
{
	int r = coro_thread_queue_put(queue, word);
	if (r == 0)
		trace("%s", (const char *)word);
	else
		trace("%s%d", (const char *)word, r);
	return r;
}

static void *gets_in_thread(void *ret)
{
	return (void *)(intptr_t)coro_thread_queue_get(queue, ret);
}

static void *puts_in_thread(void *item)
{
	return (void *)(intptr_t)coro_thread_queue_put(queue, item);
}

/* ---- in one thread ---- */

START_TEST(items_come_out_in_the_order_in_which_they_went_in)
{
	void *item;
	make(0);
	put("abcdefghijklmnopqrst");
	ck_assert_uint_eq(coro_thread_queue_size(queue), 20);
	for (char c = 'a'; c <= 't'; c++) {
		ck_assert_int_eq(get(), c);
		put("x");
	}
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(get(), 'x');
	ck_assert_int_eq(coro_thread_queue_try_get(queue, &item), -EAGAIN);
}
END_TEST

START_TEST(a_full_queue_makes_tasks_wait_in_line)
{
	make(2);
	put("ab");
	ck_assert_int_eq(coro_thread_queue_try_put(queue, queue), -EAGAIN);
	coro_future_unref(start(puts_in, "c"));
	coro_future_unref(start(puts_in, "d"));
	ck_assert_int_eq(get(), 'a');
	/* The room belongs to the first waiter, which has not run yet. */
	ck_assert_int_eq(coro_thread_queue_try_put(queue, queue), -EAGAIN);
	ck_assert_int_eq(get(), 'b');
	run();
	ck_assert_trace("c d");
	ck_assert_int_eq(get(), 'c');
	ck_assert_int_eq(get(), 'd');
}
END_TEST

START_TEST(an_empty_queue_makes_tasks_wait_in_line)
{
	void *item;
	make(0);
	coro_future_unref(start(gets_one, "1"));
	coro_future_unref(start(gets_one, "2"));
	put("a");
	/* The item belongs to the first waiter, which has not run yet. */
	ck_assert_int_eq(coro_thread_queue_try_get(queue, &item), -EAGAIN);
	put("bc");
	run();
	ck_assert_trace("1a 2b");
	ck_assert_int_eq(get(), 'c');
}
END_TEST

/* ---- cancellation ---- */

START_TEST(a_cancelled_waiter_leaves_the_line)
{
	make(1);
	struct coro_future *one = start(gets_one, "1"), *two = start(gets_one, "2");
	cancel(one);
	put("a");
	run();
	ck_assert_trace("1-" NUMBER(ECANCELED) " 2a");
	assert_ended(one, -ECANCELED);
	assert_ended(two, 0);
	put("b");
	one = start(puts_in, "c");
	two = start(puts_in, "d");
	cancel(one);
	turn();
	ck_assert_int_eq(get(), 'b');
	run();
	ck_assert_trace("c-" NUMBER(ECANCELED) " d");
	ck_assert_int_eq(get(), 'd');
	assert_ended(one, -ECANCELED);
	assert_ended(two, 0);
}
END_TEST

START_TEST(who_is_woken_and_cancelled_passes_it_on)
{
	make(1);
	struct coro_future *one = start(gets_one, "1"), *two = start(gets_one, "2");
	put("a");
	cancel(one);
	run();
	ck_assert_trace("1-" NUMBER(ECANCELED) " 2a");
	assert_ended(one, -ECANCELED);
	assert_ended(two, 0);
	one = start(gets_one, "1");
	put("a");
	cancel(one);
	run();
	ck_assert_trace("1-" NUMBER(ECANCELED));
	ck_assert_int_eq(get(), 'a'); /* back where it was */
	assert_ended(one, -ECANCELED);

	put("b");
	one = start(puts_in, "c");
	two = start(puts_in, "d");
	ck_assert_int_eq(get(), 'b');
	cancel(one);
	run();
	ck_assert_trace("c-" NUMBER(ECANCELED) " d");
	ck_assert_int_eq(get(), 'd');
	assert_ended(one, -ECANCELED);
	assert_ended(two, 0);
}
END_TEST

/* For another thread, which takes what discarded tasks had got. */
START_TEST(who_is_woken_and_discarded_passes_it_on)
{
	pthread_t thread;
	void *item = NULL, *r;
	make(1);
	coro_future_unref(start(gets_one, "1"));
	coro_future_unref(start(gets_one, "2"));
	put("a");
	ck_assert_int_eq(pthread_create(&thread, NULL, gets_in_thread, &item), 0);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(pthread_join(thread, &r), 0);
	ck_assert_int_eq((intptr_t)r, 0);
	ck_assert_int_eq(*(char *)item, 'a');
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);

	put("b");
	coro_future_unref(start(puts_in, "c"));
	coro_future_unref(start(puts_in, "d"));
	ck_assert_int_eq(get(), 'b');
	ck_assert_int_eq(coro_loop_close(loop), 0);
	put("e");
	ck_assert_int_eq(get(), 'e');
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	ck_assert_trace("");
}
END_TEST

/* Neither has a claim: one was not woken, the other learns of the close. */
START_TEST(who_waits_and_is_discarded_passes_nothing_on)
{
	make(1);
	put("a");
	coro_future_unref(start(puts_in, "b"));
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_thread_queue_try_put(queue, queue), -EAGAIN);
	ck_assert_int_eq(get(), 'a');
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	coro_future_unref(start(gets_one, "1"));
	ck_assert_int_eq(coro_thread_queue_close(queue), 0);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	ck_assert_int_eq(coro_thread_queue_destroy(queue), 0); /* and is not in use */
	queue = NULL;
	ck_assert_trace("");
}
END_TEST

/* ---- close ---- */

START_TEST(closing_ends_the_waits_but_what_is_inside_comes_out)
{
	make(2);
	put("ab");
	struct coro_future *one = start(puts_in, "c");
	ck_assert_int_eq(coro_thread_queue_close(queue), 0);
	ck_assert_int_eq(coro_thread_queue_close(queue), 0);
	run();
	ck_assert_trace("c-32");
	assert_ended(one, -EPIPE);
	ck_assert_int_eq(coro_thread_queue_try_put(queue, queue), -EPIPE);
	ck_assert_int_eq(result_of(puts_in, "d"), -EPIPE);
	ck_assert_int_eq(result_of(gets_one, "1"), 0);
	ck_assert_int_eq(get(), 'b');
	ck_assert_int_eq(result_of(gets_one, "2"), -EPIPE);
	ck_assert_trace("d-32 1a 2-32");
}
END_TEST

START_TEST(the_last_item_of_a_closed_queue_goes_to_one_waiter)
{
	make(0);
	struct coro_future *one = start(gets_one, "1"), *two = start(gets_one, "2");
	put("a");
	ck_assert_int_eq(coro_thread_queue_close(queue), 0);
	cancel(one); /* so that it is the other's */
	run();
	ck_assert_trace("1-" NUMBER(ECANCELED) " 2a");
	assert_ended(one, -ECANCELED);
	assert_ended(two, 0);
}
END_TEST

START_TEST(who_was_to_put_and_finds_it_closed_does_not)
{
	make(1);
	put("a");
	struct coro_future *one = start(puts_in, "b");
	ck_assert_int_eq(get(), 'a');
	ck_assert_int_eq(coro_thread_queue_close(queue), 0);
	run();
	ck_assert_trace("b-32");
	assert_ended(one, -EPIPE);
}
END_TEST

/* ---- misuse ---- */

static void waits_in_callback(void *arg)
{
	void *item;
	ck_assert_int_eq(coro_thread_queue_get(queue, &item), -EPERM);
	ck_assert_int_eq(coro_thread_queue_put(queue, "a"), 0);
	ck_assert_int_eq(coro_thread_queue_put(queue, "b"), -EPERM);
	ck_assert_int_eq(coro_thread_queue_get(queue, &item), 0);
}

START_TEST(a_callback_may_use_it_but_not_wait)
{
	make(1);
	call_outside_tasks(waits_in_callback, NULL);
}
END_TEST

START_TEST(misuse_is_refused)
{
	void *item;
	make(1);
	ck_assert_int_eq(coro_thread_queue_create(0, NULL), -EINVAL);
	ck_assert_int_eq(coro_thread_queue_put(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_thread_queue_try_put(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_thread_queue_get(NULL, &item), -EINVAL);
	ck_assert_int_eq(coro_thread_queue_get(queue, NULL), -EINVAL);
	ck_assert_int_eq(coro_thread_queue_try_get(NULL, &item), -EINVAL);
	ck_assert_int_eq(coro_thread_queue_try_get(queue, NULL), -EINVAL);
	ck_assert_int_eq(coro_thread_queue_close(NULL), -EINVAL);
	ck_assert_uint_eq(coro_thread_queue_size(NULL), 0);
	ck_assert_int_eq(coro_thread_queue_destroy(NULL), 0);
	struct coro_future *task = start(gets_one, "1");
	ck_assert_int_eq(coro_thread_queue_destroy(queue), -EBUSY);
	put("a");
	ck_assert_int_eq(coro_thread_queue_destroy(queue), -EBUSY);
	run();
	assert_ended(task, 0);
	trace_take();
}
END_TEST

/* ---- threads ---- */

START_TEST(a_thread_without_a_loop_blocks_and_is_woken_by_a_task)
{
	pthread_t thread;
	void *item = NULL, *r;
	make(1);
	ck_assert_int_eq(pthread_create(&thread, NULL, gets_in_thread, &item), 0);
	ck_assert_int_eq(result_of(puts_in, "a"), 0);
	ck_assert_int_eq(pthread_join(thread, &r), 0);
	ck_assert_int_eq((intptr_t)r, 0);
	ck_assert_int_eq(*(char *)item, 'a');
	put("b");
	ck_assert_int_eq(pthread_create(&thread, NULL, puts_in_thread, "c"), 0);
	ck_assert_int_eq(result_of(gets_one, "1"), 0);
	ck_assert_int_eq(result_of(gets_one, "2"), 0);
	ck_assert_int_eq(pthread_join(thread, &r), 0);
	ck_assert_trace("a 1b 2c");
}
END_TEST

START_TEST(a_thread_that_blocks_learns_of_the_close)
{
	pthread_t threads[2];
	void *item, *r;
	make(1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, gets_in_thread, &item), 0);
	ck_assert_int_eq(coro_thread_queue_close(queue), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &r), 0);
		ck_assert_int_eq((intptr_t)r, -EPIPE);
	}
}
END_TEST

/* Each item is the number of its producer and its own. */
enum { SIDES = 3 };

static int each;
static long sums[SIDES];
static int last[SIDES][SIDES];

static int produces(void *arg)
{
	intptr_t side = (intptr_t)arg;
	int r = 0;
	for (intptr_t i = 1; i <= each && r == 0; i++)
		r = coro_thread_queue_put(queue, (void *)(i * SIDES + side));
	return r;
}

static int consumes(void *arg)
{
	intptr_t side = (intptr_t)arg;
	void *item;
	int r;
	while ((r = coro_thread_queue_get(queue, &item)) == 0) {
		int number = (int)((intptr_t)item / SIDES), from = (int)((intptr_t)item % SIDES);
		must(number > last[side][from]); /* of one producer, one consumer sees it rising */
		last[side][from] = number;
		sums[side] += number;
	}
	return r == -EPIPE ? 0 : r;
}

/* The first of each side stands in a thread alone, the others in loops. */
static void *thread_produces(void *arg)
{
	must((arg == NULL ? produces(arg) : coro_run(produces, arg)) == 0);
	return NULL;
}

static void *thread_consumes(void *arg)
{
	must((arg == NULL ? consumes(arg) : coro_run(consumes, arg)) == 0);
	return NULL;
}

START_TEST(between_many_threads_and_loops_nothing_is_lost_or_overtaken)
{
	pthread_t producers[SIDES], consumers[SIDES];
	each = many(5000, 300);
	make(4);
	memset(sums, 0, sizeof(sums));
	memset(last, 0, sizeof(last));
	for (intptr_t i = 0; i < SIDES; i++) {
		ck_assert_int_eq(pthread_create(&producers[i], NULL, thread_produces, (void *)i),
				 0);
		ck_assert_int_eq(pthread_create(&consumers[i], NULL, thread_consumes, (void *)i),
				 0);
	}
	for (int i = 0; i < SIDES; i++)
		ck_assert_int_eq(pthread_join(producers[i], NULL), 0);
	ck_assert_int_eq(coro_thread_queue_close(queue), 0);
	long sum = 0;
	for (int i = 0; i < SIDES; i++) {
		ck_assert_int_eq(pthread_join(consumers[i], NULL), 0);
		sum += sums[i];
	}
	ck_assert_int_eq(sum, (long)SIDES * each * (each + 1) / 2);
}
END_TEST

/* Takes what it can while being cancelled all the time. */
static long taken;

static int takes(void *arg)
{
	void *item;
	int r = coro_thread_queue_get(queue, &item);
	if (r == 0)
		taken += (intptr_t)item / SIDES;
	return r;
}

static int takes_and_cancels(void *arg)
{
	int r = 0;
	for (int i = 0; r != -EPIPE; i++) {
		struct coro_future *task;
		r = coro_spawn(takes, NULL, &task);
		if (r < 0)
			return r;
		if (i % 4) {
			for (int j = i % 3; j > 0; j--)
				coro_task_yield();
			coro_cancel(task);
		}
		r = coro_await(task, NULL);
		coro_future_unref(task);
	}
	return 0;
}

START_TEST(getters_that_are_cancelled_at_any_time_lose_nothing)
{
	pthread_t thread;
	each = many(3000, 200);
	make(2);
	taken = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, thread_produces, NULL), 0);
	struct coro_future *task = spawn(takes_and_cancels, NULL);
	while (taken < (long)each * (each + 1) / 2)
		turn();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(coro_thread_queue_close(queue), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(taken, (long)each * (each + 1) / 2);
}
END_TEST

/* ---- memory ---- */

static int passes_items(void *arg)
{
	struct coro_thread_queue *own;
	void *item;
	int r = coro_thread_queue_create(0, &own);
	if (r < 0)
		return r;
	for (int i = 0; i < 20 && r == 0; i++)
		r = coro_thread_queue_put(own, own);
	while (r == 0 && coro_thread_queue_size(own) > 0)
		r = coro_thread_queue_get(own, &item);
	coro_thread_queue_destroy(own);
	return r;
}

START_TEST(every_allocation_may_fail)
{
	fail_each_allocation(passes_items);
}
END_TEST

START_TEST(a_wait_allocates_nothing)
{
	make(1);
	put("x");
	get();
	struct coro_future *one = start(gets_one, "1"), *two = start(puts_in, "a");
	ck_assert_uint_eq(allocations_of_run(), 0);
	assert_ended(one, 0);
	assert_ended(two, 0);
	trace_take();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, items_come_out_in_the_order_in_which_they_went_in);
	tcase_add_test(tests, a_full_queue_makes_tasks_wait_in_line);
	tcase_add_test(tests, an_empty_queue_makes_tasks_wait_in_line);
	tcase_add_test(tests, a_cancelled_waiter_leaves_the_line);
	tcase_add_test(tests, who_is_woken_and_cancelled_passes_it_on);
	tcase_add_test(tests, who_is_woken_and_discarded_passes_it_on);
	tcase_add_test(tests, who_waits_and_is_discarded_passes_nothing_on);
	tcase_add_test(tests, closing_ends_the_waits_but_what_is_inside_comes_out);
	tcase_add_test(tests, the_last_item_of_a_closed_queue_goes_to_one_waiter);
	tcase_add_test(tests, who_was_to_put_and_finds_it_closed_does_not);
	tcase_add_test(tests, a_callback_may_use_it_but_not_wait);
	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, a_thread_without_a_loop_blocks_and_is_woken_by_a_task);
	tcase_add_test(tests, a_thread_that_blocks_learns_of_the_close);
	tcase_add_test(tests, between_many_threads_and_loops_nothing_is_lost_or_overtaken);
	tcase_add_test(tests, getters_that_are_cancelled_at_any_time_lose_nothing);
	tcase_add_test(tests, every_allocation_may_fail);
	tcase_add_test(tests, a_wait_allocates_nothing);
}

TEST_MAIN("thread_queue", add_tests)
