/* SPDX-License-Identifier: MIT */
/* Mutexes, conditions and semaphores between tasks of one thread, and between tasks and threads. */
#include "posix/posix.h"

#include <pthread.h>
#include <semaphore.h>

static pthread_mutex_t mutex;
static pthread_cond_t condition;
static sem_t semaphore;
static int shared;

static void init(int kind)
{
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, kind);
	pthread_mutex_init(&mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	pthread_cond_init(&condition, NULL);
	sem_init(&semaphore, 0, 0);
	shared = 0;
}

static const int kinds[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK,
			    PTHREAD_MUTEX_ADAPTIVE_NP};

enum { KINDS = 4 };

/* ---- mutexes ---- */

/* Waits while it holds the mutex, and sees whether another comes in between. */
static int works_inside(void *arg)
{
	for (int i = 0; i < 3; i++) {
		if (pthread_mutex_lock(&mutex) != 0)
			return -EIO;
		int seen = ++shared;
		int r = coro_sleep(CORO_MSEC);
		if (r < 0 || seen != shared)
			return -EIO;
		trace("%s%d", (char *)arg, i);
		if (pthread_mutex_unlock(&mutex) != 0)
			return -EIO;
		coro_task_yield();
	}
	return 0;
}

START_TEST(two_tasks_exclude_each_other)
{
	init(kinds[_i]);
	struct coro_future *a = spawn(works_inside, "a"), *b = spawn(works_inside, "b");
	run();
	assert_ended(a, 0);
	assert_ended(b, 0);
	ck_assert_trace("a0 b0 a1 b1 a2 b2");
	ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

static int locks_twice(void *arg)
{
	int first = pthread_mutex_lock(&mutex), second = pthread_mutex_lock(&mutex);
	int tried = pthread_mutex_trylock(&mutex);
	trace("%d %d %d", first, second, tried);
	int r = coro_sleep(CORO_MSEC);
	trace("unlock %d", pthread_mutex_unlock(&mutex));
	if (*(int *)arg == PTHREAD_MUTEX_RECURSIVE) {
		r = coro_sleep(CORO_MSEC);
		pthread_mutex_unlock(&mutex);
		pthread_mutex_unlock(&mutex);
	}
	return r;
}

static int locks_after(void *arg)
{
	int tried = pthread_mutex_trylock(&mutex);
	int unlocked = *(int *)arg == PTHREAD_MUTEX_NORMAL ? 0 : pthread_mutex_unlock(&mutex);
	trace("other: %d %d", tried, unlocked);
	int r = pthread_mutex_lock(&mutex);
	trace("other locks %d", r);
	return -pthread_mutex_unlock(&mutex);
}

START_TEST(an_owner_is_a_task)
{
	char expected[200];
	if (SANITIZE_THREAD)
		skip_test("it reports the wrong unlock");
	int recursive = PTHREAD_MUTEX_RECURSIVE, checked = PTHREAD_MUTEX_ERRORCHECK;
	int *kind = _i ? &recursive : &checked;
	init(*kind);
	struct coro_future *a = spawn(locks_twice, kind), *b = spawn(locks_after, kind);
	run();
	assert_ended(a, 0);
	assert_ended(b, 0);
	snprintf(expected, sizeof(expected), "0 %d %d other: %d %d unlock 0 other locks 0",
		 _i ? 0 : EDEADLK, _i ? 0 : EBUSY, EBUSY, EPERM);
	ck_assert_trace(expected);
	ck_assert_int_eq(pthread_mutex_destroy(&mutex), 0);
}
END_TEST

static int locks_once(void *arg)
{
	int r = pthread_mutex_lock(&mutex);
	trace("locked %d %d", r, shared);
	shared = 1;
	pthread_mutex_unlock(&mutex);
	r = coro_sleep(CORO_SEC); /* the cancellation is for this */
	return r;
}

static int holds(void *arg)
{
	pthread_mutex_lock(&mutex);
	int r = coro_sleep(CORO_MSEC);
	trace("unlocks");
	pthread_mutex_unlock(&mutex);
	return r;
}

START_TEST(a_cancelled_task_gets_its_mutex_first)
{
	init(PTHREAD_MUTEX_NORMAL);
	struct coro_future *a = start(holds, NULL), *b = start(locks_once, NULL);
	cancel(b);
	run();
	assert_ended(a, 0);
	assert_ended(b, -ECANCELED);
	ck_assert_trace("unlocks locked 0 0");
	assert_time(CORO_MSEC);
}
END_TEST

static void *holds_in_a_thread(void *arg)
{
	pthread_mutex_lock(&mutex);
	shared = 2;
	sem_post(&semaphore);
	until_main_sleeps();
	shared = 0;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

/* Of a mutex that a thread holds the end is waited for in real time. */
START_TEST(a_thread_excludes_a_task)
{
	pthread_t thread;
	init(kinds[_i]);
	ck_assert_int_eq(pthread_create(&thread, NULL, holds_in_a_thread, NULL), 0);
	sem_wait(&semaphore);
	struct coro_future *task = spawn(locks_once, NULL);
	struct coro_future *ticker = spawn(gives_way, NULL);
	run();
	assert_ended(task, 0);
	assert_ended(ticker, 0);
	pthread_join(thread, NULL);
	ck_assert_trace("locked 0 0");
}
END_TEST

static void *counts_in_a_thread(void *arg)
{
	for (int i = 0; i < *(int *)arg; i++) {
		pthread_mutex_lock(&mutex);
		shared++;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static int counts(void *arg)
{
	for (int i = 0; i < *(int *)arg; i++) {
		if (pthread_mutex_lock(&mutex) != 0)
			return -EIO;
		int seen = shared;
		if (i % 16 == 0 && coro_task_yield() < 0)
			return -EIO;
		shared = seen + 1;
		pthread_mutex_unlock(&mutex);
	}
	return 0;
}

START_TEST(tasks_and_threads_count_together)
{
	enum { EACH = 3 };
	pthread_t threads[EACH];
	struct coro_future *tasks[EACH];
	int count = many(5000, 500);
	init(kinds[_i]);
	for (int i = 0; i < EACH; i++) {
		ck_assert_int_eq(pthread_create(&threads[i], NULL, counts_in_a_thread, &count), 0);
		tasks[i] = spawn(counts, &count);
	}
	run();
	for (int i = 0; i < EACH; i++) {
		assert_ended(tasks[i], 0);
		pthread_join(threads[i], NULL);
	}
	ck_assert_int_eq(shared, 2 * EACH * count);
}
END_TEST

/* ---- conditions ---- */

static int consumes(void *arg)
{
	int r = 0;
	pthread_mutex_lock(&mutex);
	while (r == 0 && shared == 0)
		r = pthread_cond_wait(&condition, &mutex);
	if (r == 0)
		shared--;
	trace("%s:%d", (char *)arg, r);
	pthread_mutex_unlock(&mutex);
	return -r;
}

static int produces(void *arg)
{
	int count = *(int *)arg;
	pthread_mutex_lock(&mutex);
	shared += count;
	if (count > 1)
		pthread_cond_broadcast(&condition);
	else
		pthread_cond_signal(&condition);
	pthread_mutex_unlock(&mutex);
	return 0;
}

START_TEST(a_condition_wakes_tasks)
{
	int one = 1, two = 2;
	init(kinds[_i]);
	struct coro_future *a = start(consumes, "a"), *b = start(consumes, "b");
	struct coro_future *c = start(consumes, "c");
	ck_assert_int_eq(result_of(produces, &one), 0);
	turn();
	turn();
	ck_assert(coro_future_done(a) && !coro_future_done(b));
	ck_assert_int_eq(result_of(produces, &two), 0);
	run();
	assert_ended(a, 0);
	assert_ended(b, 0);
	assert_ended(c, 0);
	ck_assert_trace("a:0 b:0 c:0");
	ck_assert_int_eq(shared, 0);
}
END_TEST

START_TEST(a_cancelled_wait_for_a_condition_fails_once)
{
	int one = 1;
	init(PTHREAD_MUTEX_NORMAL);
	struct coro_future *a = start(consumes, "a"), *b = start(consumes, "b");
	cancel(a);
	ck_assert_int_eq(result_of(produces, &one), 0);
	run();
	assert_ended(a, -ECANCELED);
	assert_ended(b, 0);
	ck_assert_int_eq(pthread_mutex_trylock(&mutex), 0);
	pthread_mutex_unlock(&mutex);
}
END_TEST

static void *produces_in_a_thread(void *arg)
{
	until_main_sleeps();
	produces(arg);
	return NULL;
}

START_TEST(a_thread_signals_a_task)
{
	pthread_t thread;
	int count = _i ? 2 : 1;
	init(PTHREAD_MUTEX_NORMAL);
	struct coro_future *task = start(consumes, "task");
	ck_assert_int_eq(pthread_create(&thread, NULL, produces_in_a_thread, &count), 0);
	ck_assert_int_eq(coro_loop_hold(loop), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_loop_release(loop);
	pthread_join(thread, NULL);
	coro_future_unref(task);
	ck_assert_trace("task:0");
}
END_TEST

static int waits_until(void *arg)
{
	clockid_t clock = *(clockid_t *)arg;
	struct timespec end;
	clock_gettime(clock, &end);
	end.tv_sec += 3;
	pthread_mutex_lock(&mutex);
	int r = pthread_cond_timedwait(&condition, &mutex, &end);
	pthread_mutex_unlock(&mutex);
	return -r;
}

START_TEST(a_wait_for_a_condition_ends_with_its_time)
{
	pthread_condattr_t attributes;
	clockid_t clock = _i ? CLOCK_MONOTONIC : CLOCK_REALTIME;
	init(PTHREAD_MUTEX_NORMAL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, clock);
	pthread_cond_init(&condition, &attributes);
	ck_assert_int_eq(result_of(waits_until, &clock), -ETIMEDOUT);
	ck_assert_int_gt(coro_loop_time(loop), 2 * CORO_SEC);
	ck_assert_int_le(coro_loop_time(loop), 3 * CORO_SEC);
}
END_TEST

/* ---- semaphores ---- */

static int takes(void *arg)
{
	errno = STRANGE;
	int r = sem_wait(&semaphore);
	trace("%s:%d", (char *)arg, r < 0 ? errno : r);
	return errno == STRANGE || r < 0 ? 0 : -EIO;
}

static void *posts(void *arg)
{
	if (arg == &semaphore)
		until_main_sleeps();
	sem_post(&semaphore);
	return NULL;
}

static void posts_as_callback(void *arg)
{
	posts(NULL);
}

START_TEST(a_semaphore_is_waited_for)
{
	pthread_t thread;
	init(PTHREAD_MUTEX_NORMAL);
	struct coro_future *a = start(takes, "a"), *b = start(takes, "b"), *c = start(takes, "c");
	call_outside_tasks(posts_as_callback, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	cancel(b);
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, posts, &semaphore), 0);
	ck_assert_int_eq(coro_loop_hold(loop), 0); /* or else virtual time goes on */
	ck_assert_int_eq(coro_run_until_complete(loop, c, NULL), 0);
	coro_loop_release(loop);
	pthread_join(thread, NULL);
	coro_future_unref(a);
	coro_future_unref(b);
	coro_future_unref(c);
	char expected[64];
	snprintf(expected, sizeof(expected), "a:0 b:%d c:0", ECANCELED);
	ck_assert_trace(expected);
}
END_TEST

/* A unit that comes for a task that is cancelled goes to the next. */
START_TEST(a_unit_is_not_lost_on_who_is_cancelled)
{
	init(PTHREAD_MUTEX_NORMAL);
	struct coro_future *a = start(takes, "a"), *b = start(takes, "b"), *c = start(takes, "c");
	cancel(b); /* in the middle of the line */
	turn();
	turn();
	cancel(a);
	call_outside_tasks(posts_as_callback, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, c, NULL), 0);
	run();
	assert_ended(a, 0);
	assert_ended(b, 0);
	coro_future_unref(c);
	char expected[64];
	snprintf(expected, sizeof(expected), "b:%d a:%d c:0", ECANCELED, ECANCELED);
	ck_assert_trace(expected);
}
END_TEST

static void cancels_and_posts(void *task)
{
	cancel(task);
	sem_post(&semaphore);
}

/* It is the first in line, and is woken after it was cancelled. */
START_TEST(a_unit_for_a_cancelled_task_goes_to_the_next)
{
	init(PTHREAD_MUTEX_NORMAL);
	struct coro_future *a = start(takes, "a"), *b = start(takes, "b");
	call_outside_tasks(cancels_and_posts, a);
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	assert_ended(a, 0);
	coro_future_unref(b);
	char expected[64];
	snprintf(expected, sizeof(expected), "a:%d b:0", ECANCELED);
	ck_assert_trace(expected);
}
END_TEST

/* More than there are lines, so that some share one. */
enum { OBJECTS = 65 };

static sem_t semaphores[OBJECTS];

static int takes_its_own(void *own)
{
	int r = sem_wait(own);
	trace("%d", (int)((sem_t *)own - semaphores));
	return r;
}

/* From the last on, so that others stand before it in its line. */
START_TEST(each_of_many_semaphores_wakes_its_own_task)
{
	struct coro_future *tasks[OBJECTS];
	char expected[8];
	for (int i = 0; i < OBJECTS; i++) {
		sem_init(&semaphores[i], 0, 0);
		tasks[i] = start(takes_its_own, &semaphores[i]);
	}
	for (int i = OBJECTS - 1; i >= 0; i--) {
		snprintf(expected, sizeof(expected), "%d", i);
		sem_post(&semaphores[i]);
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), 0);
		ck_assert_trace(expected);
		coro_future_unref(tasks[i]);
	}
}
END_TEST

/* By sem_timedwait without a clock. */
static int takes_for_a_while(void *arg)
{
	const clockid_t *clock = arg;
	struct timespec end;
	clock_gettime(clock ? *clock : CLOCK_REALTIME, &end);
	end.tv_sec += 2;
	int r = clock ? sem_clockwait(&semaphore, *clock, &end) : sem_timedwait(&semaphore, &end);
	return r < 0 ? -errno : 0;
}

START_TEST(a_semaphore_is_waited_for_until_a_time)
{
	clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC},
		  *clock = _i ? &clocks[_i - 1] : NULL;
	init(PTHREAD_MUTEX_NORMAL);
	ck_assert_int_eq(result_of(takes_for_a_while, clock), -ETIMEDOUT);
	ck_assert_int_gt(coro_loop_time(loop), CORO_SEC);
	sem_post(&semaphore);
	ck_assert_int_eq(result_of(takes_for_a_while, clock), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, two_tasks_exclude_each_other, 0, KINDS);
	tcase_add_loop_test(tests, an_owner_is_a_task, 0, 2);
	tcase_add_test(tests, a_cancelled_task_gets_its_mutex_first);
	tcase_add_loop_test(tests, a_thread_excludes_a_task, 0, KINDS);
	tcase_add_loop_test(tests, tasks_and_threads_count_together, 0, KINDS);
	tcase_add_loop_test(tests, a_condition_wakes_tasks, 0, KINDS);
	tcase_add_test(tests, a_cancelled_wait_for_a_condition_fails_once);
	tcase_add_loop_test(tests, a_thread_signals_a_task, 0, 2);
	tcase_add_loop_test(tests, a_wait_for_a_condition_ends_with_its_time, 0, 2);
	tcase_add_test(tests, a_semaphore_is_waited_for);
	tcase_add_test(tests, a_unit_is_not_lost_on_who_is_cancelled);
	tcase_add_test(tests, a_unit_for_a_cancelled_task_goes_to_the_next);
	tcase_add_test(tests, each_of_many_semaphores_wakes_its_own_task);
	tcase_add_loop_test(tests, a_semaphore_is_waited_for_until_a_time, 0, 3);
}

TEST_MAIN("posix mutex", add)
