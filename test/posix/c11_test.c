/* SPDX-License-Identifier: MIT */
/* C11's locks and conditions between tasks, and mutexes that know their owner. */
#include "posix/posix.h"

#include <pthread.h>

/* As in C11's header: here <threads.h> is another. */
enum { THRD_SUCCESS, THRD_BUSY, THRD_ERROR, THRD_NOMEM, THRD_TIMEDOUT };
int mtx_lock(pthread_mutex_t *mutex);
int mtx_timedlock(pthread_mutex_t *mutex, const struct timespec *time);
int mtx_trylock(pthread_mutex_t *mutex);
int mtx_unlock(pthread_mutex_t *mutex);
int cnd_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int cnd_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *time);
int cnd_signal(pthread_cond_t *condition);
int cnd_broadcast(pthread_cond_t *condition);
int thrd_join(pthread_t thread, int *ret);

static pthread_mutex_t mutex;
static pthread_cond_t condition;
static bool is_set;

static void init(int kind)
{
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, kind);
	pthread_mutex_init(&mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	pthread_cond_init(&condition, NULL);
	is_set = false;
}

static struct timespec seconds_from_now(int seconds)
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_sec += seconds;
	return time;
}

/* ---- C11 ---- */

static int holds_and_sets(void *arg)
{
	trace("locks %d", mtx_lock(&mutex));
	int r = coro_sleep(CORO_SEC);
	is_set = true;
	trace("signals %d", arg ? cnd_broadcast(&condition) : cnd_signal(&condition));
	trace("unlocks %d", mtx_unlock(&mutex));
	return r;
}

static int waits_until_set(void *arg)
{
	struct timespec soon = seconds_from_now(0), later = seconds_from_now(100);
	trace("busy %d", mtx_trylock(&mutex));
	trace("late %d", mtx_timedlock(&mutex, &soon));
	trace("locks %d", mtx_timedlock(&mutex, &later));
	soon = seconds_from_now(0);
	trace("late %d", cnd_timedwait(&condition, &mutex, &soon));
	while (!is_set)
		trace("woken %d", cnd_wait(&condition, &mutex));
	trace("unlocks %d", mtx_unlock(&mutex));
	return 0;
}

static int sets_after(void *arg)
{
	int r = coro_sleep(5 * CORO_SEC);
	return r < 0 ? r : holds_and_sets(arg);
}

START_TEST(locks_and_conditions_of_c11_are_waited_for)
{
	init(PTHREAD_MUTEX_NORMAL);
	struct coro_future *a = start(holds_and_sets, NULL), *b = start(waits_until_set, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	is_set = false;
	struct coro_future *c = start(sets_after, _i ? "" : NULL);
	run();
	assert_ended(a, 0);
	assert_ended(b, 0);
	assert_ended(c, 0);
	ck_assert_trace("locks 0 busy 1 late 4 signals 0 unlocks 0 locks 0 late 4 "
			"locks 0 signals 0 unlocks 0 woken 0 unlocks 0");
}
END_TEST

static int unlocks_what_is_anothers(void *arg)
{
	struct timespec bad = {.tv_nsec = -1};
	trace("%d %d", mtx_unlock(&mutex), mtx_timedlock(&mutex, &bad));
	return 0;
}

static int holds_only(void *arg)
{
	pthread_mutex_lock(&mutex);
	int r = coro_sleep(CORO_SEC);
	pthread_mutex_unlock(&mutex);
	return r;
}

START_TEST(error_of_c11_is_one_for_all)
{
	init(PTHREAD_MUTEX_ERRORCHECK);
	struct coro_future *a = start(holds_only, NULL);
	ck_assert_int_eq(result_of(unlocks_what_is_anothers, NULL), 0);
	run();
	assert_ended(a, 0);
	ck_assert_trace("2 2");
}
END_TEST

static int joins_itself(void *arg)
{
	return thrd_join(pthread_self(), NULL);
}

START_TEST(join_of_oneself_is_an_error)
{
	ck_assert_int_eq(result_of(joins_itself, NULL), THRD_ERROR);
}
END_TEST

static int locks_in_a_task_without_memory(void *arg)
{
	pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	fail_nth(1);
	int r = mtx_lock(&recursive);
	fail_off();
	return r;
}

START_TEST(lock_of_c11_says_that_there_is_no_memory)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	ck_assert_int_eq(result_of(locks_in_a_task_without_memory, NULL), THRD_NOMEM);
}
END_TEST

/* ---- owners ---- */

static int unlocks_in_the_order_of_locking(void *arg)
{
	pthread_mutex_t first = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP, second = first;
	pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
	int r = pthread_mutex_lock(&first) | pthread_mutex_lock(&second) |
		pthread_mutex_lock(&plain);
	r |= pthread_mutex_unlock(&plain); /* which has no owner */
	r |= pthread_mutex_unlock(&first) | pthread_mutex_unlock(&second);
	r |= pthread_mutex_destroy(&first) | pthread_mutex_destroy(&second);
	return r;
}

START_TEST(task_has_several_mutexes)
{
	ck_assert_int_eq(result_of(unlocks_in_the_order_of_locking, NULL), 0);
}
END_TEST

static int waits_with_anothers_mutex(void *arg)
{
	return pthread_cond_wait(&condition, &mutex);
}

START_TEST(condition_needs_a_mutex_of_the_task)
{
	init(PTHREAD_MUTEX_ERRORCHECK);
	struct coro_future *a = start(holds_only, NULL);
	ck_assert_int_eq(result_of(waits_with_anothers_mutex, NULL), EPERM);
	run();
	assert_ended(a, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, locks_and_conditions_of_c11_are_waited_for, 0, 2);
	tcase_add_test(tests, error_of_c11_is_one_for_all);
	tcase_add_test(tests, join_of_oneself_is_an_error);
	tcase_add_test(tests, lock_of_c11_says_that_there_is_no_memory);
	tcase_add_test(tests, task_has_several_mutexes);
	tcase_add_test(tests, condition_needs_a_mutex_of_the_task);
}

TEST_MAIN("posix c11", add)
