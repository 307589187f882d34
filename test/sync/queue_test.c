/* SPDX-License-Identifier: MIT */
/* Queues: what goes in comes out once, in the queue's order, whichever task waits or is cancelled. */
#include "sync/queues.h"

/* ---- misuse ---- */

static int by_letter(const void *x, const void *y)
{
	return *(const char *)x - *(const char *)y;
}

START_TEST(what_cannot_be_is_refused)
{
	void *item = &item;
	ck_assert_int_eq(coro_queue_create(1, NULL), -EINVAL);
	ck_assert_int_eq(coro_queue_create_lifo(1, NULL), -EINVAL);
	ck_assert_int_eq(coro_queue_create_priority(1, by_letter, NULL), -EINVAL);
	ck_assert_int_eq(coro_queue_create_priority(1, NULL, &queue), -EINVAL);
	ck_assert_ptr_null(queue);
	ck_assert_int_eq(coro_queue_destroy(NULL), 0);
	ck_assert_int_eq(coro_queue_put(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_queue_try_put(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_queue_get(NULL, &item), -EINVAL);
	ck_assert_int_eq(coro_queue_try_get(NULL, &item), -EINVAL);
	ck_assert_ptr_eq(item, &item);
	ck_assert_int_eq(coro_queue_task_done(NULL), -EINVAL);
	ck_assert_int_eq(coro_queue_join(NULL), -EINVAL);
	ck_assert_int_eq(coro_queue_shutdown(NULL, false), -EINVAL);
	ck_assert_uint_eq(coro_queue_size(NULL), 0);
	ck_assert(coro_queue_empty(NULL));
	ck_assert(!coro_queue_full(NULL));

	make(1);
	put("x");
	ck_assert_int_eq(coro_queue_get(queue, NULL), -EINVAL);
	ck_assert_int_eq(coro_queue_try_get(queue, NULL), -EINVAL);
	ck_assert_int_eq(get(), 'x');
}
END_TEST

static void gets_outside_tasks(void *arg)
{
	void *item = &item;
	ck_assert_int_eq(coro_queue_get(queue, &item), -EPERM);
	ck_assert_ptr_eq(item, &item);
}

static void puts_outside_tasks(void *arg)
{
	ck_assert_int_eq(coro_queue_put(queue, "x"), -EPERM);
}

static void joins_outside_tasks(void *arg)
{
	ck_assert_int_eq(coro_queue_join(queue), -EPERM);
}

START_TEST(outside_a_task_only_what_need_not_wait_is_done)
{
	void *item;
	make(1);
	gets_outside_tasks(NULL);
	call_outside_tasks(gets_outside_tasks, NULL);
	ck_assert_int_eq(coro_queue_join(queue), 0);
	ck_assert_int_eq(coro_queue_put(queue, "y"), 0);
	puts_outside_tasks(NULL);
	call_outside_tasks(puts_outside_tasks, NULL);
	joins_outside_tasks(NULL);
	call_outside_tasks(joins_outside_tasks, NULL);
	ck_assert_int_eq(coro_queue_get(queue, &item), 0);
	ck_assert_str_eq(item, "y");
	ck_assert(coro_queue_empty(queue));

	a = start(gets_one, "a");
	call_outside_tasks(gets_outside_tasks, NULL);
	put("z");
	run();
	ck_assert_trace("az");
	assert_ended(a, 0);
}
END_TEST

START_TEST(queue_that_somebody_waits_for_cannot_be_destroyed)
{
	make(1);
	a = start(gets_one, "a");
	ck_assert_int_eq(coro_queue_destroy(queue), -EBUSY);
	put("x");
	ck_assert_int_eq(coro_queue_destroy(queue), -EBUSY); /* woken, but it has not run yet */
	run();
	assert_ended(a, 0);

	put("y");
	b = start(puts_in, "b");
	ck_assert_int_eq(coro_queue_destroy(queue), -EBUSY);
	cancel(b);
	run();
	assert_ended(b, -ECANCELED);

	c = start(joins, "c");
	ck_assert_int_eq(coro_queue_destroy(queue), -EBUSY);
	cancel(c);
	run();
	assert_ended(c, -ECANCELED);
	ck_assert_int_eq(coro_queue_destroy(queue), 0);
	queue = NULL;
}
END_TEST

START_TEST(queue_may_be_destroyed_with_items_inside)
{
	make(0);
	put("abc");
}
END_TEST

/* ---- kinds ---- */

START_TEST(items_come_out_in_the_order_they_went_in)
{
	make(0);
	put("queue");
	ck_assert_str_eq(get_all(), "queue");
	/* Around the end of its memory, and while that grows. */
	for (int round = 0; round < 100; round++) {
		put("abcdefgh");
		ck_assert_int_eq(get(), "abcdefgh"[round % 8]);
	}
	ck_assert_uint_eq(coro_queue_size(queue), 700);
	for (int i = 100 * 7; i > 0; i--)
		get();
}
END_TEST

START_TEST(last_in_comes_out_first)
{
	ck_assert_int_eq(coro_queue_create_lifo(0, &queue), 0);
	put("abc");
	ck_assert_int_eq(get(), 'c');
	put("de");
	ck_assert_str_eq(get_all(), "edba");
	put("abcdefghijklmnopqrstuvwxyz");
	ck_assert_str_eq(get_all(), "zyxwvutsrqponmlkjihgfedcba");
}
END_TEST

START_TEST(smallest_comes_out_first)
{
	ck_assert_int_eq(coro_queue_create_priority(0, by_letter, &queue), 0);
	put("priority");
	ck_assert_str_eq(get_all(), "iioprrty");
	put("cab");
	ck_assert_int_eq(get(), 'a');
	put("a");
	ck_assert_str_eq(get_all(), "abc");
	put("aaaaabaaaaa");
	ck_assert_str_eq(get_all(), "aaaaaaaaaab");
}
END_TEST

static bool meddling_refused;

/* Calls the queue that it orders. */
static int meddles(const void *x, const void *y)
{
	void *item = &item;
	meddling_refused = coro_queue_try_get(queue, &item) == -EBUSY && item == &item &&
			   coro_queue_get(queue, &item) == -EBUSY &&
			   coro_queue_try_put(queue, &item) == -EBUSY &&
			   coro_queue_put(queue, &item) == -EBUSY &&
			   coro_queue_shutdown(queue, true) == -EBUSY &&
			   coro_queue_destroy(queue) == -EBUSY;
	return (x > y) - (x < y);
}

START_TEST(what_compares_items_may_not_call_the_queue)
{
	static char letters[5];
	void *item;
	coro_queue_destroy(queue);
	ck_assert_int_eq(coro_queue_create_priority(5, meddles, &queue), 0);
	for (int i = 4; i >= 0; i--) {
		ck_assert_int_eq(coro_queue_try_put(queue, &letters[i]), 0);
		ck_assert(i == 4 || meddling_refused);
	}
	ck_assert_uint_eq(coro_queue_size(queue), 5);
	ck_assert_int_eq(coro_queue_try_put(queue, letters), -EAGAIN);
	for (int i = 0; i < 5; i++) {
		meddling_refused = false;
		ck_assert_int_eq(coro_queue_try_get(queue, &item), 0);
		ck_assert_ptr_eq(item, &letters[i]);
		ck_assert(i > 2 || meddling_refused);
	}
	ck_assert_int_eq(coro_queue_try_get(queue, &item), -EAGAIN);
}
END_TEST

static int by_value(const void *x, const void *y)
{
	int a_value = *(const int *)x, b_value = *(const int *)y;
	return (a_value > b_value) - (a_value < b_value);
}

START_TEST(priorities_are_as_qsort_has_them)
{
	enum { MOST = 300 };
	uint64_t random = 88172645463325252u;
	ck_assert_int_eq(coro_queue_create_priority(0, by_value, &queue), 0);
	for (int count = 0; count <= MOST; count += 1 + count / 8) {
		int items[MOST] = {0}, sorted[MOST];
		for (int i = 0; i < count; i++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			items[i] = (int)(random % (uint64_t)(count + 1));
			ck_assert_int_eq(coro_queue_try_put(queue, &items[i]), 0);
		}
		memcpy(sorted, items, sizeof(sorted));
		qsort(sorted, (size_t)count, sizeof(*sorted), by_value);
		for (int i = 0; i < count; i++) {
			void *item;
			ck_assert_int_eq(coro_queue_try_get(queue, &item), 0);
			ck_assert_int_eq(*(int *)item, sorted[i]);
		}
		ck_assert(coro_queue_empty(queue));
	}
}
END_TEST

static int by_tens(const void *x, const void *y)
{
	return *(const int *)x / 10 - *(const int *)y / 10;
}

/* The orders that asyncio's PriorityQueue gives them in, which are heapq's. */
START_TEST(equal_priorities_come_in_the_order_of_asyncio)
{
	int items[] = {21, 11, 22, 12, 23, 13, 24, 14, 15};
	const int expected[] = {11, 13, 15, 12, 14, 24, 22, 23, 21};
	enum { COUNT = sizeof(items) / sizeof(*items) };
	ck_assert_int_eq(coro_queue_create_priority(0, by_tens, &queue), 0);
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(coro_queue_try_put(queue, &items[i]), 0);
	for (int i = 0; i < COUNT; i++) {
		void *item;
		ck_assert_int_eq(coro_queue_try_get(queue, &item), 0);
		ck_assert_int_eq(*(int *)item, expected[i]);
	}
}
END_TEST

START_TEST(null_is_an_item_like_any_other)
{
	void *item = &item;
	make(1);
	ck_assert_int_eq(coro_queue_try_put(queue, NULL), 0);
	ck_assert_uint_eq(coro_queue_size(queue), 1);
	ck_assert_int_eq(coro_queue_try_get(queue, &item), 0);
	ck_assert_ptr_null(item);
}
END_TEST

/* ---- room ---- */

START_TEST(size_empty_and_full_tell_what_is_inside)
{
	make(2);
	ck_assert(coro_queue_empty(queue) && !coro_queue_full(queue));
	put("a");
	ck_assert(!coro_queue_empty(queue) && !coro_queue_full(queue));
	ck_assert_uint_eq(coro_queue_size(queue), 1);
	put("b");
	ck_assert(!coro_queue_empty(queue) && coro_queue_full(queue));
	ck_assert_uint_eq(coro_queue_size(queue), 2);
	ck_assert_int_eq(coro_queue_try_put(queue, "c"), -EAGAIN);
	ck_assert_str_eq(get_all(), "ab");
	ck_assert_int_eq(coro_queue_try_get(queue, &(void *){NULL}), -EAGAIN);
}
END_TEST

START_TEST(bound_holds_for_every_kind)
{
	ck_assert_int_eq(coro_queue_create_lifo(2, &queue), 0);
	put("ab");
	ck_assert_int_eq(coro_queue_try_put(queue, "c"), -EAGAIN);
	ck_assert_str_eq(get_all(), "ba");
	ck_assert_int_eq(coro_queue_destroy(queue), 0);

	ck_assert_int_eq(coro_queue_create_priority(2, by_letter, &queue), 0);
	put("ba");
	ck_assert_int_eq(coro_queue_try_put(queue, "c"), -EAGAIN);
	ck_assert_str_eq(get_all(), "ab");
}
END_TEST

START_TEST(queue_without_a_bound_is_never_full)
{
	make(0);
	for (int i = 0; i < 10000; i++) {
		ck_assert(!coro_queue_full(queue));
		put("x");
	}
	ck_assert_uint_eq(coro_queue_size(queue), 10000);
}
END_TEST

/* ---- waiting for an item ---- */

static int puts_and_gets(void *arg)
{
	void *item;
	ck_assert_int_eq(coro_queue_put(queue, "x"), 0);
	ck_assert_int_eq(coro_queue_get(queue, &item), 0);
	ck_assert_str_eq(item, "x");
	trace("done");
	return 0;
}

START_TEST(what_is_there_is_had_without_letting_others_run)
{
	make(1);
	a = spawn(puts_and_gets, NULL);
	coro_future_unref(spawn(says, "other"));
	run();
	ck_assert_trace("done other");
	assert_ended(a, 0);
}
END_TEST

START_TEST(who_was_woken_waits_again_if_another_was_faster)
{
	make(0);
	line_up(gets_one);
	put("1");
	ck_assert_int_eq(get(), '1');
	run();
	ck_assert_trace("");
	put("234");
	run();
	/* It stands at the end of the line now. */
	ck_assert_trace("b2 c3 a4");
	assert_line(0, 0, 0);
}
END_TEST

START_TEST(item_goes_on_when_the_woken_is_cancelled_in_the_same_turn)
{
	make(0);
	line_up(gets_one);
	put("1");
	cancel(a);
	run();
	ck_assert_trace("a! b1");
	ck_assert(coro_queue_empty(queue));
	put("2");
	run();
	ck_assert_trace("c2");
	assert_line(-ECANCELED, 0, 0);
}
END_TEST

START_TEST(no_item_is_lost_when_all_who_were_woken_are_cancelled)
{
	make(0);
	line_up(gets_one);
	put("123");
	cancel(a);
	cancel(b);
	cancel(c);
	run();
	ck_assert_trace("a! b! c!");
	ck_assert_str_eq(get_all(), "123");
	assert_line(-ECANCELED, -ECANCELED, -ECANCELED);
}
END_TEST

/* ---- waiting for room ---- */

START_TEST(who_was_woken_waits_for_room_again_if_another_was_faster)
{
	make(1);
	put("x");
	line_up(puts_in);
	ck_assert_int_eq(get(), 'x');
	put("y");
	run();
	ck_assert_trace("");
	for (int i = 0; i < 4; i++) {
		trace("got-%c", get());
		run();
	}
	ck_assert_trace("got-y b got-b c got-c a got-a");
	assert_line(0, 0, 0);
}
END_TEST

START_TEST(room_goes_on_when_the_woken_is_cancelled_in_the_same_turn)
{
	make(1);
	put("x");
	line_up(puts_in);
	ck_assert_int_eq(get(), 'x');
	cancel(a);
	run();
	ck_assert_trace("a! b");
	ck_assert_int_eq(get(), 'b');
	run();
	ck_assert_trace("c");
	ck_assert_int_eq(get(), 'c');
	ck_assert(coro_queue_empty(queue));
	assert_line(-ECANCELED, 0, 0);
}
END_TEST

static int gives_up(void *word)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	return coro_timeout_end(&timeout, gets_one(word));
}

static void put_it(void *letters)
{
	put(letters);
}

START_TEST(wait_for_an_item_may_time_out_at_the_tick_it_comes)
{
	make(0);
	a = spawn(gives_up, "hasty-");
	b = spawn(gets_one, "patient-");
	at(3, put_it, "x");
	run();
	ck_assert_trace("hasty-! patient-x");
	assert_ended(a, -ETIMEDOUT);
	assert_ended(b, 0);
}
END_TEST

START_TEST(others_keep_their_places_after_a_wake_for_nothing)
{
	make(1);
	line_up(gets_one);
	put("x");
	ck_assert_int_eq(get(), 'x');
	cancel(a);
	run();
	ck_assert_trace("a!");
	put("y");
	run();
	put("z");
	run();
	ck_assert_trace("by cz");
	assert_line(-ECANCELED, 0, 0);

	put("x");
	line_up(puts_in);
	ck_assert_int_eq(get(), 'x');
	put("y");
	cancel(a);
	run();
	ck_assert_trace("a!");
	ck_assert_int_eq(get(), 'y');
	run();
	ck_assert_int_eq(get(), 'b');
	run();
	ck_assert_int_eq(get(), 'c');
	ck_assert_trace("b c");
	assert_line(-ECANCELED, 0, 0);
}
END_TEST

/* ---- another thread ---- */

static int puts_elsewhere(void *arg)
{
	static char item[] = "x";
	int r = coro_queue_try_put(queue, item);
	return r == -EAGAIN ? coro_queue_put(queue, item) : r;
}

static int gets_elsewhere(void *arg)
{
	void *item;
	int r = coro_queue_try_get(queue, &item);
	return r == -EAGAIN ? coro_queue_get(queue, &item) : r;
}

static int is_done_elsewhere(void *arg)
{
	return coro_queue_task_done(queue);
}

static int shuts_elsewhere(void *arg)
{
	return coro_queue_shutdown(queue, true);
}

START_TEST(another_thread_cannot_use_it_while_a_task_waits)
{
	make(1);
	line_up(gets_one);
	ck_assert_int_eq(result_elsewhere(puts_elsewhere), -EPERM);
	ck_assert_int_eq(result_elsewhere(gets_elsewhere), -EPERM);
	ck_assert_int_eq(result_elsewhere(shuts_elsewhere), -EPERM);
	for (int i = 0; i < 3; i++) {
		put("x");
		run();
	}
	ck_assert_trace("ax bx cx");
	assert_line(0, 0, 0);

	put("x");
	line_up(puts_in);
	ck_assert_int_eq(result_elsewhere(puts_elsewhere), -EPERM);
	ck_assert_int_eq(result_elsewhere(gets_elsewhere), -EPERM);
	ck_assert_int_eq(result_elsewhere(shuts_elsewhere), -EPERM);
	ck_assert_uint_eq(coro_queue_size(queue), 1);
	for (int i = 0; i < 3; i++) {
		get();
		run();
	}
	get();
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
}
END_TEST

START_TEST(another_thread_cannot_do_the_work_while_a_task_joins)
{
	make(0);
	put("x");
	line_up(joins);
	ck_assert_int_eq(result_elsewhere(is_done_elsewhere), -EPERM);
	ck_assert_int_eq(result_elsewhere(shuts_elsewhere), -EPERM);
	ck_assert_int_eq(coro_queue_task_done(queue), 0);
	run();
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
}
END_TEST

/* ---- many ---- */

enum { PRODUCERS = 5, CONSUMERS = 4, EACH = 40 };

static char items[PRODUCERS * EACH]; /* how often each was taken out */
static int produced, taken, refused;

static int produces(void *arg)
{
	char *item = arg;
	for (int i = 0; i < EACH;) {
		if (coro_queue_put(queue, item + i) < 0) {
			refused++;
			continue;
		}
		i++;
		produced++;
		coro_sleep(i % 3);
	}
	return 0;
}

static int consumes(void *arg)
{
	void *item;
	int r;
	while ((r = coro_queue_get(queue, &item)) != -EPIPE) {
		if (r < 0) {
			refused++;
			continue;
		}
		++*(char *)item;
		taken++;
		coro_sleep(taken % 4);
		done();
	}
	return 0;
}

static int cancels_any(void *arg)
{
	struct coro_future **tasks = arg;
	for (int i = 0; i < 200; i++) {
		coro_cancel(tasks[i * 7 % (PRODUCERS + CONSUMERS)]);
		ck_assert_int_eq(coro_sleep(i % 2), 0);
	}
	return 0;
}

static int shuts_when_done(void *arg)
{
	struct coro_future **producers = arg;
	ck_assert_int_eq(coro_gather(producers, PRODUCERS, NULL), 0);
	ck_assert_int_eq(coro_queue_join(queue), 0);
	shut(false);
	return 0;
}

START_TEST(each_item_comes_out_once_in_any_order_of_events)
{
	for (uint64_t seed = 1; seed <= (uint64_t)many(30, 5); seed++) {
		struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .seed = seed};
		struct coro_loop *plain = loop;
		struct coro_future *tasks[PRODUCERS + CONSUMERS];
		ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
		make(1 + seed % 4);
		memset(items, 0, sizeof(items));
		produced = taken = 0;
		for (int i = 0; i < PRODUCERS; i++)
			tasks[i] = spawn(produces, &items[i * EACH]);
		for (int i = PRODUCERS; i < PRODUCERS + CONSUMERS; i++)
			tasks[i] = spawn(consumes, NULL);
		turn(); /* one that is cancelled before it starts never runs */
		struct coro_future *canceller = spawn(cancels_any, tasks),
				   *end = spawn(shuts_when_done, tasks);
		run();
		ck_assert_int_eq(produced, PRODUCERS * EACH);
		ck_assert_int_eq(taken, PRODUCERS * EACH);
		for (int i = 0; i < PRODUCERS * EACH; i++)
			ck_assert_int_eq(items[i], 1);
		for (int i = 0; i < PRODUCERS + CONSUMERS; i++) {
			ck_assert(coro_future_done(tasks[i]));
			coro_future_unref(tasks[i]);
		}
		assert_ended(canceller, 0);
		assert_ended(end, 0);
		ck_assert_int_eq(coro_queue_destroy(queue), 0);
		queue = NULL;
		ck_assert_int_eq(coro_loop_close(loop), 0);
		loop = plain;
	}
	ck_assert_int_gt(refused, 100);
}
END_TEST

/* ---- memory ---- */

static int passes_through(void *arg)
{
	void *item;
	int r = 0;
	for (int i = 0; r >= 0 && i < 20; i++)
		r = arg ? coro_queue_put(queue, arg) : coro_queue_get(queue, &item);
	return r;
}

START_TEST(waiting_allocates_nothing)
{
	make(1);
	put("x");
	get();
	a = spawn(passes_through, NULL);
	b = spawn(passes_through, NULL);
	turn();
	c = spawn(passes_through, "c");
	struct coro_future *d = spawn(passes_through, "d");
	ck_assert_int_eq(coro_loop_stop(loop), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_uint_eq(allocations_of_run(), 0);
	assert_line(0, 0, 0);
	assert_ended(d, 0);
}
END_TEST

static int fills_up(void *arg)
{
	struct coro_queue *mine;
	char letters[100];
	size_t inside = 0;
	int r = coro_queue_create(0, &mine);
	if (r < 0)
		return r;
	for (int i = 0; i < 100; i++) {
		int put_in = coro_queue_try_put(mine, &letters[i]);
		if (put_in < 0)
			r = put_in;
		else
			inside++;
	}
	/* What went in is all there, and can be taken out. */
	if (coro_queue_size(mine) != inside)
		return -EPROTO;
	char *last = NULL;
	void *item;
	while (coro_queue_try_get(mine, &item) == 0) {
		if (last && (char *)item <= last)
			return -EPROTO;
		last = item;
		coro_queue_task_done(mine);
	}
	int joined = coro_queue_join(mine), destroyed = coro_queue_destroy(mine);
	return joined < 0 ? joined : destroyed < 0 ? destroyed : r;
}

START_TEST(no_item_is_lost_without_memory)
{
	fail_each_allocation(fills_up);
}
END_TEST

static int puts_one(void *arg)
{
	return coro_queue_put(queue, arg);
}

static int is_done_at_once(void *arg)
{
	struct coro_options eager = {.flags = CORO_EAGER_START};
	struct coro_future *task;
	int r = coro_loop_spawn(coro_running_loop(), &eager, puts_one, arg, &task);
	if (r < 0)
		return r;
	r = coro_future_done(task) ? 0 : -EIO;
	coro_future_unref(task);
	return r;
}

/* Puts in one loop do not use up another loop's budget. */
START_TEST(puts_are_counted_for_each_loop)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	make(0);
	for (int i = 0; i < 600; i++)
		ck_assert_int_eq(coro_run_with(&options, is_done_at_once, "x"), 0);
}
END_TEST

START_TEST(a_queue_tells_how_many_it_holds_at_most)
{
	struct coro_queue *bounded, *unbounded;
	ck_assert_int_eq(coro_queue_create(3, &bounded), 0);
	ck_assert_int_eq(coro_queue_create_lifo(0, &unbounded), 0);
	ck_assert_uint_eq(coro_queue_maxsize(bounded), 3);
	ck_assert_uint_eq(coro_queue_maxsize(unbounded), 0);
	ck_assert_uint_eq(coro_queue_maxsize(NULL), 0);
	ck_assert_int_eq(coro_queue_destroy(bounded), 0);
	ck_assert_int_eq(coro_queue_destroy(unbounded), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, outside_a_task_only_what_need_not_wait_is_done);
	tcase_add_test(tests, queue_that_somebody_waits_for_cannot_be_destroyed);
	tcase_add_test(tests, queue_may_be_destroyed_with_items_inside);
	tcase_add_test(tests, items_come_out_in_the_order_they_went_in);
	tcase_add_test(tests, last_in_comes_out_first);
	tcase_add_test(tests, smallest_comes_out_first);
	tcase_add_test(tests, priorities_are_as_qsort_has_them);
	tcase_add_test(tests, equal_priorities_come_in_the_order_of_asyncio);
	tcase_add_test(tests, null_is_an_item_like_any_other);
	tcase_add_test(tests, size_empty_and_full_tell_what_is_inside);
	tcase_add_test(tests, bound_holds_for_every_kind);
	tcase_add_test(tests, queue_without_a_bound_is_never_full);
	tcase_add_test(tests, what_is_there_is_had_without_letting_others_run);
	tcase_add_test(tests, who_was_woken_waits_again_if_another_was_faster);
	tcase_add_test(tests, item_goes_on_when_the_woken_is_cancelled_in_the_same_turn);
	tcase_add_test(tests, no_item_is_lost_when_all_who_were_woken_are_cancelled);
	tcase_add_test(tests, who_was_woken_waits_for_room_again_if_another_was_faster);
	tcase_add_test(tests, room_goes_on_when_the_woken_is_cancelled_in_the_same_turn);
	tcase_add_test(tests, wait_for_an_item_may_time_out_at_the_tick_it_comes);
	tcase_add_test(tests, others_keep_their_places_after_a_wake_for_nothing);
	tcase_add_test(tests, another_thread_cannot_use_it_while_a_task_waits);
	tcase_add_test(tests, another_thread_cannot_do_the_work_while_a_task_joins);
	tcase_add_test(tests, each_item_comes_out_once_in_any_order_of_events);
	tcase_add_test(tests, what_compares_items_may_not_call_the_queue);
	tcase_add_test(tests, waiting_allocates_nothing);
	tcase_add_test(tests, no_item_is_lost_without_memory);
	tcase_add_test(tests, puts_are_counted_for_each_loop);
	tcase_add_test(tests, a_queue_tells_how_many_it_holds_at_most);
}

TEST_MAIN("queue", add_tests)
