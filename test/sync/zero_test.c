/* SPDX-License-Identifier: MIT */
/* Objects of zeroes, such as static ones, work without init; init makes the same of any memory. */
#include "tasks.h"

static struct coro_lock lock;
static struct coro_event event;
static struct coro_condition condition;
static struct coro_rwlock rwlock;
static struct coro_waitgroup group;
static struct coro_semaphore semaphore;
static struct coro_barrier barrier;

/* The ways to have the objects. */
enum { ZEROES, BY_INIT, WAYS };

static void prepare(int way)
{
	if (way == ZEROES)
		return;
	memset(&lock, 0xA5, sizeof(lock));
	memset(&event, 0xA5, sizeof(event));
	memset(&condition, 0xA5, sizeof(condition));
	memset(&rwlock, 0xA5, sizeof(rwlock));
	memset(&group, 0xA5, sizeof(group));
	memset(&semaphore, 0xA5, sizeof(semaphore));
	coro_lock_init(&lock);
	coro_event_init(&event);
	coro_condition_init(&condition, NULL);
	coro_rwlock_init(&rwlock);
	coro_waitgroup_init(&group);
	coro_semaphore_init_bounded(&semaphore, 0);
}

static int locks(void *arg)
{
	int r = coro_lock_acquire(&lock);
	ck_assert_int_eq(r, 0);
	trace("%s", (const char *)arg);
	ck_assert_int_eq(coro_task_yield(), 0);
	return coro_lock_release(&lock);
}

START_TEST(a_lock_of_zeroes_is_free_and_fair)
{
	prepare(_i);
	ck_assert(!coro_lock_locked(&lock));
	ck_assert_int_eq(coro_lock_release(&lock), -EPERM);
	struct coro_future *a = spawn(locks, "a"), *b = spawn(locks, "b");
	run();
	ck_assert_trace("a b");
	assert_ended(a, 0);
	assert_ended(b, 0);
}
END_TEST

static int waits_for_event(void *arg)
{
	return coro_event_wait(&event);
}

START_TEST(an_event_of_zeroes_is_not_set)
{
	prepare(_i);
	ck_assert(!coro_event_is_set(&event));
	struct coro_future *task = start(waits_for_event, NULL);
	ck_assert(!coro_future_done(task));
	ck_assert_int_eq(coro_event_set(&event), 0);
	run();
	assert_ended(task, 0);
}
END_TEST

static int waits_for_condition(void *arg)
{
	ck_assert_int_eq(coro_condition_acquire(&condition), 0);
	ck_assert_int_eq(coro_condition_wait(&condition), 0);
	return coro_condition_release(&condition);
}

static int notifies(void *arg)
{
	ck_assert_int_eq(coro_condition_acquire(&condition), 0);
	ck_assert_int_eq(coro_condition_notify(&condition, 1), 0);
	return coro_condition_release(&condition);
}

START_TEST(a_condition_of_zeroes_has_a_lock_of_its_own)
{
	prepare(_i);
	struct coro_future *task = start(waits_for_condition, NULL);
	ck_assert_int_eq(result_of(notifies, NULL), 0);
	run();
	assert_ended(task, 0);
}
END_TEST

static int reads(void *arg)
{
	ck_assert_int_eq(coro_rwlock_read_acquire(&rwlock), 0);
	return coro_rwlock_release(&rwlock);
}

START_TEST(an_rwlock_of_zeroes_is_free)
{
	prepare(_i);
	ck_assert_int_eq(coro_rwlock_release(&rwlock), -EPERM);
	ck_assert_int_eq(coro_rwlock_try_write_acquire(&rwlock), 0);
	struct coro_future *task = start(reads, NULL);
	ck_assert(!coro_future_done(task));
	ck_assert_int_eq(coro_rwlock_release(&rwlock), 0);
	run();
	assert_ended(task, 0);
}
END_TEST

static int waits_for_group(void *arg)
{
	return coro_waitgroup_wait(&group);
}

START_TEST(a_waitgroup_of_zeroes_waits_for_nobody)
{
	prepare(_i);
	ck_assert_int_eq(coro_waitgroup_done(&group), -EINVAL);
	ck_assert_int_eq(result_of(waits_for_group, NULL), 0);
	ck_assert_int_eq(coro_waitgroup_add(&group, 1), 0);
	struct coro_future *task = start(waits_for_group, NULL);
	ck_assert(!coro_future_done(task));
	ck_assert_int_eq(coro_waitgroup_done(&group), 0);
	run();
	assert_ended(task, 0);
}
END_TEST

static int acquires(void *arg)
{
	return coro_semaphore_acquire(&semaphore);
}

START_TEST(a_semaphore_of_zeroes_is_bounded_by_0)
{
	prepare(_i);
	ck_assert(coro_semaphore_locked(&semaphore));
	ck_assert_int_eq(coro_semaphore_try_acquire(&semaphore), -EAGAIN);
	struct coro_future *task = start(acquires, NULL);
	ck_assert_int_eq(coro_semaphore_release(&semaphore), -EOVERFLOW);
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
}
END_TEST

static int waits_at_barrier(void *arg)
{
	return coro_barrier_wait(&barrier, NULL);
}

START_TEST(a_barrier_of_zeroes_lets_nobody_wait)
{
	ck_assert_uint_eq(coro_barrier_parties(&barrier), 0);
	ck_assert_int_eq(result_of(waits_at_barrier, NULL), -EINVAL);
	ck_assert_int_eq(coro_barrier_init(&barrier, 3), 0);
	ck_assert_uint_eq(coro_barrier_parties(&barrier), 3);
	ck_assert_uint_eq(coro_barrier_parties(NULL), 0);
}
END_TEST

/* ---- without a task ---- */

static struct coro_queue *queue;
static struct coro_broadcast *broadcast;
static struct coro_subscription *subscription;

static void expect_named(int r, const char *call)
{
	char expected[64];
	snprintf(expected, sizeof(expected), "%s: not in a task", call);
	ck_assert_int_eq(r, -EPERM);
	ck_assert_str_eq(coro_message(r), expected);
}

START_TEST(a_call_that_would_wait_without_a_task_is_named)
{
	void *item;
	ck_assert_int_eq(coro_lock_try_acquire(&lock), 0);
	expect_named(coro_lock_acquire(&lock), "coro_lock_acquire");
	ck_assert_int_eq(coro_lock_release(&lock), 0);
	coro_event_clear(&event);
	expect_named(coro_event_wait(&event), "coro_event_wait");
	expect_named(coro_semaphore_acquire(&semaphore), "coro_semaphore_acquire");
	ck_assert_int_eq(coro_rwlock_try_write_acquire(&rwlock), 0);
	expect_named(coro_rwlock_read_acquire(&rwlock), "coro_rwlock_read_acquire");
	expect_named(coro_rwlock_write_acquire(&rwlock), "coro_rwlock_write_acquire");
	ck_assert_int_eq(coro_rwlock_release(&rwlock), 0);
	ck_assert_int_eq(coro_waitgroup_add(&group, 1), 0);
	expect_named(coro_waitgroup_wait(&group), "coro_waitgroup_wait");
	ck_assert_int_eq(coro_waitgroup_done(&group), 0);
	ck_assert_int_eq(coro_queue_create(1, &queue), 0);
	expect_named(coro_queue_get(queue, &item), "coro_queue_get");
	ck_assert_int_eq(coro_queue_put(queue, NULL), 0);
	expect_named(coro_queue_put(queue, NULL), "coro_queue_put");
	coro_queue_destroy(queue);
	ck_assert_int_eq(coro_broadcast_create(sizeof(int), 1, &broadcast), 0);
	ck_assert_int_eq(coro_broadcast_subscribe(broadcast, &subscription), 0);
	expect_named(coro_subscription_receive(subscription, NULL), "coro_subscription_receive");
	coro_subscription_destroy(subscription);
	coro_broadcast_destroy(broadcast);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_loop_test(tests, a_lock_of_zeroes_is_free_and_fair, 0, WAYS);
	tcase_add_loop_test(tests, an_event_of_zeroes_is_not_set, 0, WAYS);
	tcase_add_loop_test(tests, a_condition_of_zeroes_has_a_lock_of_its_own, 0, WAYS);
	tcase_add_loop_test(tests, an_rwlock_of_zeroes_is_free, 0, WAYS);
	tcase_add_loop_test(tests, a_waitgroup_of_zeroes_waits_for_nobody, 0, WAYS);
	tcase_add_loop_test(tests, a_semaphore_of_zeroes_is_bounded_by_0, 0, WAYS);
	tcase_add_test(tests, a_barrier_of_zeroes_lets_nobody_wait);
	tcase_add_test(tests, a_call_that_would_wait_without_a_task_is_named);
}

TEST_MAIN("zero", add_tests)
