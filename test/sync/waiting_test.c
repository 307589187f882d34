/* SPDX-License-Identifier: MIT */
/*
 * What all that tasks wait for in a line has in common: the order, cancellation, timeouts, misuse,
 * other threads and loops that end. Each test runs once for each way to wait; what only one of them
 * does stands in a test of its own.
 */
#include "line.h"

/* ---- the ways to wait ---- */

/* A call that waits, and the one that ends the wait. */
struct way {
	void (*make)(void); /* makes an object at which a task has to wait */
	void (*destroy)(void);
	int (*wait)(void *object);
	int (*wake)(void *object); /* not in a task, and not before a woken task has run */
	void *object;
	bool wakes_all;
	bool keeps;       /* a wake that no task takes is for the next that comes */
	const char *what; /* what a task that waits says of it */

	/* What the tasks a, b and c do: ! is the end of a wait that was cancelled. */
	const char *wake_then_cancel; /* a is woken and then cancelled, in one turn */
	const char *cancel_then_wake; /* the other way round */
	const char *cancel_all;       /* one wake; then c, b and a are cancelled */
};

static void nothing(void)
{
}

static struct coro_lock lock;

static void make_lock(void)
{
	coro_lock_init(&lock);
	ck_assert_int_eq(coro_lock_acquire(&lock), 0);
}

static int lock_acquire(void *object)
{
	return coro_lock_acquire(object);
}

static int lock_release(void *object)
{
	return coro_lock_release(object);
}

static struct coro_rwlock rwlock;

static void make_rwlock(void)
{
	coro_rwlock_init(&rwlock);
	ck_assert_int_eq(coro_rwlock_write_acquire(&rwlock), 0);
}

static int rwlock_read(void *object)
{
	return coro_rwlock_read_acquire(object);
}

static int rwlock_write(void *object)
{
	return coro_rwlock_write_acquire(object);
}

static int rwlock_release(void *object)
{
	return coro_rwlock_release(object);
}

static struct coro_semaphore semaphore;

static void make_semaphore(void)
{
	coro_semaphore_init(&semaphore, 0);
}

static int semaphore_acquire(void *object)
{
	return coro_semaphore_acquire(object);
}

static int semaphore_release(void *object)
{
	return coro_semaphore_release(object);
}

static struct coro_event event;

static void make_event(void)
{
	coro_event_init(&event);
}

static int event_wait(void *object)
{
	return coro_event_wait(object);
}

static int event_set(void *object)
{
	return coro_event_set(object);
}

static struct coro_condition condition;

static void make_condition(void)
{
	coro_condition_init(&condition, NULL);
}

static int condition_wait(void *object)
{
	int r = coro_condition_acquire(object);
	if (r < 0)
		return r;
	r = coro_condition_wait(object);
	int released = coro_condition_release(object);
	return released < 0 ? released : r;
}

static int condition_notify(void *object)
{
	int r = coro_condition_acquire(object);
	if (r < 0)
		return r;
	r = coro_condition_notify(object, 1);
	int released = coro_condition_release(object);
	return r < 0 ? r : released;
}

static struct coro_waitgroup waitgroup;

static void make_waitgroup(void)
{
	coro_waitgroup_init(&waitgroup);
	ck_assert_int_eq(coro_waitgroup_add(&waitgroup, 1), 0);
}

static int waitgroup_wait(void *object)
{
	return coro_waitgroup_wait(object);
}

static int waitgroup_done(void *object)
{
	return coro_waitgroup_done(object);
}

/* The object of queues and channels is where the pointer to it lies. */
static struct coro_queue *queue;

static void *made(void *object)
{
	return object ? *(void **)object : NULL;
}

static void make_queue(void)
{
	ck_assert_int_eq(coro_queue_create(1, &queue), 0);
}

static void make_full_queue(void)
{
	make_queue();
	ck_assert_int_eq(coro_queue_try_put(queue, NULL), 0);
}

static void destroy_queue(void)
{
	ck_assert_int_eq(coro_queue_destroy(queue), 0);
}

static int queue_get(void *object)
{
	void *item;
	return coro_queue_get(made(object), &item);
}

static int queue_try_get(void *object)
{
	void *item;
	return coro_queue_try_get(made(object), &item);
}

static int queue_put(void *object)
{
	return coro_queue_put(made(object), NULL);
}

static int queue_try_put(void *object)
{
	return coro_queue_try_put(made(object), NULL);
}

static int queue_join(void *object)
{
	return coro_queue_join(made(object));
}

static int queue_task_done(void *object)
{
	return coro_queue_task_done(made(object));
}

static struct coro_channel *channel;

static void make_channel(void)
{
	ck_assert_int_eq(coro_channel_create(0, 1, &channel), 0);
}

static void make_full_channel(void)
{
	make_channel();
	ck_assert_int_eq(coro_channel_try_send(channel, NULL), 0);
}

static void destroy_channel(void)
{
	ck_assert_int_eq(coro_channel_destroy(channel), 0);
}

static int channel_receive(void *object)
{
	return coro_channel_receive(made(object), NULL);
}

static int channel_try_receive(void *object)
{
	return coro_channel_try_receive(made(object), NULL);
}

static int channel_send(void *object)
{
	return coro_channel_send(made(object), NULL);
}

static int channel_try_send(void *object)
{
	return coro_channel_try_send(made(object), NULL);
}

/* A wake that a cancelled task had is the next one's. */
#define PASSES_ON .wake_then_cancel = "a! b", .cancel_then_wake = "a! b", .cancel_all = "a! c! b!"
#define WAKES_ALL                                                                      \
	.wakes_all = true, .wake_then_cancel = "a! b c", .cancel_then_wake = "a! b c", \
	.cancel_all = "a! b! c!"
/* A task that was served is not cancelled in that wait. */
#define SERVES .wake_then_cancel = "a", .cancel_then_wake = "a! b", .cancel_all = "a c! b!"

static const struct way ways[] = {
	{make_lock, nothing, lock_acquire, lock_release, &lock, .keeps = true, .what = "a lock",
	 PASSES_ON},
	{make_rwlock, nothing, rwlock_write, rwlock_release, &rwlock, .keeps = true,
	 .what = "a readers/writer lock", PASSES_ON},
	{make_rwlock, nothing, rwlock_read, rwlock_release, &rwlock, .keeps = true,
	 .what = "a readers/writer lock", WAKES_ALL},
	{make_semaphore, nothing, semaphore_acquire, semaphore_release, &semaphore, .keeps = true,
	 .what = "a semaphore", PASSES_ON},
	{make_event, nothing, event_wait, event_set, &event, .keeps = true, .what = "an event",
	 WAKES_ALL},
	/* A cancelled task wakes the next though it had no notification, as in asyncio. */
	{make_condition, nothing, condition_wait, condition_notify, &condition,
	 .what = "a condition", .wake_then_cancel = "a! b", .cancel_then_wake = "a! b c",
	 .cancel_all = "a! c! b!"},
	{make_waitgroup, nothing, waitgroup_wait, waitgroup_done, &waitgroup, .keeps = true,
	 .what = "a wait group", WAKES_ALL},
	{make_queue, destroy_queue, queue_get, queue_try_put, &queue, .keeps = true,
	 .what = "a queue, for an item", PASSES_ON},
	{make_full_queue, destroy_queue, queue_put, queue_try_get, &queue, .keeps = true,
	 .what = "a queue, for room", PASSES_ON},
	{make_full_queue, destroy_queue, queue_join, queue_task_done, &queue, .keeps = true,
	 .what = "a queue, to be worked off", WAKES_ALL},
	{make_channel, destroy_channel, channel_receive, channel_try_send, &channel, .keeps = true,
	 .what = "a channel, to receive", SERVES},
	{make_full_channel, destroy_channel, channel_send, channel_try_receive, &channel,
	 .keeps = true, .what = "a channel, to send", SERVES},
};
enum { WAYS = sizeof(ways) / sizeof(*ways) };

/* The way that is tested. */
static const struct way *way;

static void begin(int number)
{
	way = &ways[number];
	way->make();
}

static void teardown(void)
{
	way->destroy();
	loop_teardown();
}

static int waits(void *word)
{
	return says_with(word, way->wait(way->object));
}

static int waits_silently(void *arg)
{
	return way->wait(way->object);
}

static int wakes_silently(void *arg)
{
	return way->wake(way->object);
}

static void wake(void *arg)
{
	ck_assert_int_eq(way->wake(way->object), 0);
}

/* Wakes until a, b and c have ended, with these results. */
static void wake_the_rest(int of_a, int of_b, int of_c)
{
	while (!coro_future_done(a) || !coro_future_done(b) || !coro_future_done(c)) {
		wake(NULL);
		run();
	}
	trace_take();
	assert_line(of_a, of_b, of_c);
}

/* ---- misuse ---- */

START_TEST(null_is_refused)
{
	begin(_i);
	ck_assert_int_eq(way->wait(NULL), -EINVAL);
	ck_assert_int_eq(way->wake(NULL), -EINVAL);
}
END_TEST

static void is_refused(void *arg)
{
	ck_assert_int_eq(way->wait(way->object), -EPERM);
}

START_TEST(nothing_waits_outside_a_task)
{
	begin(_i);
	is_refused(NULL);
	call_outside_tasks(is_refused, NULL);
	line_up(waits);
	is_refused(NULL);
	call_outside_tasks(is_refused, NULL);
	wake(NULL);
	run();
	ck_assert_trace(way->wakes_all ? "a b c" : "a");
	wake_the_rest(0, 0, 0);
}
END_TEST

START_TEST(another_thread_neither_waits_nor_wakes)
{
	begin(_i);
	line_up(waits);
	ck_assert_int_eq(result_elsewhere(waits_silently), -EPERM);
	ck_assert_int_eq(result_elsewhere(wakes_silently), -EPERM);
	run();
	ck_assert_trace("");
	wake_the_rest(0, 0, 0);
}
END_TEST

/* ---- what they say ---- */

START_TEST(who_waits_says_in_what)
{
	char text[64];
	begin(_i);
	line_up(waits);
	ck_assert_int_eq(coro_task_waiting(c, text, sizeof(text)), (int)strlen(way->what));
	ck_assert_str_eq(text, way->what);
	cancel(c);
	wake(NULL);
	ck_assert_int_ge(coro_task_waiting(c, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "nothing: it is ready");
	run();
	ck_assert_int_ge(coro_task_waiting(c, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "nothing: it is done");
	wake_the_rest(0, 0, -ECANCELED);
}
END_TEST

/* ---- order ---- */

START_TEST(tasks_go_on_in_the_order_they_came)
{
	begin(_i);
	line_up(waits);
	wake(NULL);
	run();
	ck_assert_trace(way->wakes_all ? "a b c" : "a");
	for (int i = 0; i < 2 && !way->wakes_all; i++) {
		wake(NULL);
		run();
		ck_assert_trace(i == 0 ? "b" : "c");
	}
	assert_line(0, 0, 0);
}
END_TEST

START_TEST(what_need_not_wait_lets_no_other_run)
{
	begin(_i);
	wake(NULL);
	a = spawn(waits, "a");
	b = spawn(says, "other");
	if (way->keeps) {
		run();
		ck_assert_trace("a other");
	} else {
		run();
		ck_assert_trace("other");
		wake(NULL);
		run();
	}
	assert_ended(a, 0);
	assert_ended(b, 0);
}
END_TEST

/* ---- cancelled ---- */

START_TEST(cancelled_task_leaves_the_line)
{
	begin(_i);
	line_up(waits);
	cancel(b);
	turn();
	ck_assert_trace("b!");
	wake(NULL);
	run();
	ck_assert_trace(way->wakes_all || !way->keeps ? "a c" : "a");
	wake_the_rest(0, -ECANCELED, 0);
}
END_TEST

START_TEST(wake_is_not_lost_with_a_task_cancelled_then)
{
	begin(_i);
	line_up(waits);
	wake(NULL);
	cancel(a);
	run();
	ck_assert_trace(way->wake_then_cancel);
	int r = coro_future_result(a, NULL);
	ck_assert_int_eq(r, way->wake_then_cancel[1] == '!' ? -ECANCELED : 0);
	wake_the_rest(r, 0, 0);
}
END_TEST

START_TEST(wake_passes_a_task_that_was_just_cancelled)
{
	begin(_i);
	line_up(waits);
	cancel(a);
	wake(NULL);
	run();
	ck_assert_trace(way->cancel_then_wake);
	wake_the_rest(-ECANCELED, 0, 0);
}
END_TEST

START_TEST(wake_that_no_task_took_is_for_the_next)
{
	begin(_i);
	line_up(waits);
	wake(NULL);
	cancel(c);
	cancel(b);
	cancel(a);
	run();
	ck_assert_trace(way->cancel_all);
	bool taken = coro_future_result(a, NULL) == 0;
	assert_line(taken ? 0 : -ECANCELED, -ECANCELED, -ECANCELED);

	a = start(waits, "next");
	ck_assert_int_eq(coro_future_done(a), way->keeps && !taken);
	if (!coro_future_done(a))
		wake(NULL);
	run();
	ck_assert_trace("next");
	assert_ended(a, 0);
}
END_TEST

static int cancels_all_wakes_and_waits(void *word)
{
	cancel(a);
	cancel(b);
	cancel(c);
	wake(NULL);
	return waits(word);
}

START_TEST(newcomer_need_not_wait_for_cancelled_tasks)
{
	begin(_i);
	line_up(waits);
	struct coro_future *newcomer = spawn(cancels_all_wakes_and_waits, "newcomer");
	run();
	ck_assert_trace(way->keeps ? "newcomer a! b! c!" : "a! b! c! newcomer");
	assert_ended(newcomer, 0);
	assert_line(-ECANCELED, -ECANCELED, -ECANCELED);
}
END_TEST

static int cancels_itself_and_waits(void *arg)
{
	cancel(coro_current_task());
	int r = way->wait(way->object);
	ck_assert_int_eq(coro_task_yield(), r == 0 ? -ECANCELED : 0);
	return r;
}

START_TEST(earlier_cancellation_arrives_if_it_has_to_wait)
{
	begin(_i);
	ck_assert_int_eq(result_of(cancels_itself_and_waits, NULL), -ECANCELED);
	if (way->keeps) {
		wake(NULL);
		ck_assert_int_eq(result_of(cancels_itself_and_waits, NULL), 0);
	}
}
END_TEST

static int waits_for_3_ns(void *word)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	return coro_timeout_end(&timeout, waits(word));
}

START_TEST(wait_may_time_out)
{
	begin(_i);
	a = spawn(waits_for_3_ns, "a");
	b = spawn(waits, "b");
	at(5, wake, NULL);
	run();
	ck_assert_trace("a! b");
	assert_ended(a, -ETIMEDOUT);
	assert_ended(b, 0);
}
END_TEST

/* ---- loops that end ---- */

START_TEST(discarded_tasks_leave_the_line)
{
	begin(_i);
	line_up(waits);
	cancel(b);
	throw_away_who_waits();
	line_up(waits);
	wake(NULL);
	cancel(b);
	throw_away_who_waits();
	ck_assert_trace("");

	a = start(waits, "a");
	if (!coro_future_done(a))
		wake(NULL);
	run();
	ck_assert_trace("a");
	assert_ended(a, 0);
}
END_TEST

/* ---- memory ---- */

/* Without Check's assertions, which allocate. */
static int waits_and_wakes_the_next(void *arg)
{
	int r = way->wait(way->object);
	if (r == 0)
		r = coro_task_yield();
	if (r == 0 && !way->wakes_all)
		r = way->wake(way->object);
	return r;
}

START_TEST(waiting_allocates_nothing)
{
	struct coro_future *tasks[20];
	begin(_i);
	for (int i = 0; i < 20; i++)
		tasks[i] = spawn(waits_and_wakes_the_next, NULL);
	turn();
	cancel(tasks[5]);
	cancel(tasks[10]);
	wake(NULL);
	ck_assert_uint_eq(allocations_of_run(), 0);
	for (int i = 0; i < 20; i++)
		assert_ended(tasks[i], i == 5 || i == 10 ? -ECANCELED : 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, teardown);
	tcase_add_loop_test(tests, null_is_refused, 0, WAYS);
	tcase_add_loop_test(tests, nothing_waits_outside_a_task, 0, WAYS);
	tcase_add_loop_test(tests, another_thread_neither_waits_nor_wakes, 0, WAYS);

	tcase_add_loop_test(tests, who_waits_says_in_what, 0, WAYS);
	tcase_add_loop_test(tests, tasks_go_on_in_the_order_they_came, 0, WAYS);
	tcase_add_loop_test(tests, what_need_not_wait_lets_no_other_run, 0, WAYS);

	tcase_add_loop_test(tests, cancelled_task_leaves_the_line, 0, WAYS);
	tcase_add_loop_test(tests, wake_is_not_lost_with_a_task_cancelled_then, 0, WAYS);
	tcase_add_loop_test(tests, wake_passes_a_task_that_was_just_cancelled, 0, WAYS);
	tcase_add_loop_test(tests, wake_that_no_task_took_is_for_the_next, 0, WAYS);
	tcase_add_loop_test(tests, newcomer_need_not_wait_for_cancelled_tasks, 0, WAYS);
	tcase_add_loop_test(tests, earlier_cancellation_arrives_if_it_has_to_wait, 0, WAYS);
	tcase_add_loop_test(tests, wait_may_time_out, 0, WAYS);

	tcase_add_loop_test(tests, discarded_tasks_leave_the_line, 0, WAYS);
	tcase_add_loop_test(tests, waiting_allocates_nothing, 0, WAYS);
}

TEST_MAIN("waiting", add_tests)
