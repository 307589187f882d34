/* SPDX-License-Identifier: MIT */
/* Loops in several threads: all run; the first failure ends the others, and is returned. */
#include "threads.h"

#include <coro.h>
#include <fcntl.h>

static struct gate all_here;
static int ran;
static unsigned count;

static void setup(void)
{
	fd_count = count_fds();
	all_here = (struct gate)GATE;
	ran = 0;
}

static void teardown(void)
{
	ck_assert_int_eq(count_fds(), fd_count);
}

/* Waits in its task until all threads are there. */
static void meet(void)
{
	if (__atomic_add_fetch(&ran, 1, __ATOMIC_SEQ_CST) == (int)count)
		gate_open(&all_here);
	gate_pass(&all_here);
}

static int meets(unsigned i, void *arg)
{
	meet();
	__atomic_add_fetch((int *)arg, (int)i, __ATOMIC_SEQ_CST);
	int r = coro_sleep(CORO_USEC);
	return r < 0 ? r : 10 + (int)i;
}

static int has_mask(unsigned i, void *arg)
{
	sigset_t set;
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, SIGUSR1) && !sigismember(&set, SIGTERM) ? 0 : -EIO;
}

/* So that child processes of these threads can be ended by signals. */
START_TEST(all_threads_have_the_callers_signal_mask)
{
	sigset_t one, before;
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &one, &before);
	int r = coro_run_threads(3, has_mask, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ck_assert_int_eq(r, 0);
}
END_TEST

/* ---- what a dead thread has left ---- */

static struct {
	struct coro_loop *loop;
	struct coro_future *task;
	struct coro_channel *channel;
	struct coro_broadcast *broadcast;
	struct coro_stream *stream;
} left;

static int sleeps(void *arg)
{
	int r = coro_stream_open(fcntl(2, F_DUPFD_CLOEXEC, 3), NULL, &left.stream);
	return r < 0 ? r : coro_sleep(CORO_SEC);
}

static void *leaves_all(void *arg)
{
	must(coro_loop_create(NULL, &left.loop) == 0);
	must(coro_loop_spawn(left.loop, NULL, sleeps, NULL, &left.task) == 0);
	must(coro_loop_stop(left.loop) == 0);
	must(coro_run_forever(left.loop) == 0);
	must(coro_channel_create(4, 1, &left.channel) == 0);
	must(coro_broadcast_create(4, 1, &left.broadcast) == 0);
	return NULL;
}

static void *uses_all(void *arg)
{
	coro_pool_limit(10); /* this thread is known to the library */
	must(coro_cancel(left.task) == -EPERM);
	must(coro_run_until_complete(left.loop, left.task, NULL) == -EPERM);
	must(coro_call_soon(left.loop, NULL, NULL, NULL) < 0);
	must(coro_loop_close(left.loop) == -EPERM);
	must(coro_channel_try_send(left.channel, "abc") == -EPERM);
	must(coro_channel_destroy(left.channel) == -EPERM);
	must(coro_broadcast_destroy(left.broadcast) == -EPERM);
	must(coro_stream_write(left.stream, "x", 1) == -EPERM);
	return NULL;
}

/* In a process of its own, with which all of it goes. */
static int leaves_and_uses(void *arg)
{
	in_thread(leaves_all, NULL);
	for (int i = 0; i < 20; i++)
		in_thread(uses_all, NULL);
	return 0;
}

START_TEST(what_a_dead_thread_has_left_is_nobodys)
{
	struct child child = child_run(leaves_and_uses, NULL);
	ck_assert_exited(child, 0);
}
END_TEST

START_TEST(all_run_at_once_and_the_first_gives_the_result)
{
	int sum = 0;
	count = 4;
	ck_assert_int_eq(coro_run_threads(count, meets, &sum), 10);
	ck_assert_int_eq(sum, 6);
}
END_TEST

START_TEST(one_is_the_thread_that_calls)
{
	int sum = 0;
	count = 1;
	ck_assert_int_eq(coro_run_threads(count, meets, &sum), 10);
}
END_TEST

static int has_no_site(unsigned i, void *arg)
{
	return coro_task_site(coro_current_task()) ? -EIO : 0;
}

START_TEST(main_tasks_are_not_spawned_at_a_place_of_the_librarys)
{
	ck_assert_int_eq(coro_run_threads(2, has_no_site, NULL), 0);
}
END_TEST

static int cleaned;

static int fails_or_sleeps(unsigned i, void *failing)
{
	meet();
	if (i == *(unsigned *)failing)
		return coro_raise(-EIO, "it was %u", i);
	int r = coro_sleep(CORO_FOREVER);
	__atomic_add_fetch(&cleaned, 1, __ATOMIC_SEQ_CST);
	return r;
}

START_TEST(the_first_failure_is_returned_with_its_message)
{
	count = 3;
	for (unsigned failing = 0; failing < count; failing++) {
		char words[16];
		setup();
		cleaned = 0;
		snprintf(words, sizeof(words), "it was %u", failing);
		ck_assert_int_eq(coro_run_threads(count, fails_or_sleeps, &failing), -EIO);
		ck_assert_str_eq(coro_message(-EIO), words);
		ck_assert_int_eq(cleaned, 2);
	}
}
END_TEST

static int fails_at_once(unsigned i, void *arg)
{
	return i == 1 ? -EIO : coro_sleep(CORO_FOREVER);
}

START_TEST(who_starts_after_the_failure_does_not_run)
{
	for (int i = 0; i < many(50, 10); i++)
		ck_assert_int_eq(coro_run_threads(3, fails_at_once, NULL), -EIO);
}
END_TEST

static int waits_for_nothing(unsigned i, void *arg)
{
	struct coro_event event;
	if (i == 0)
		return coro_sleep(CORO_FOREVER);
	coro_event_init(&event);
	return coro_event_wait(&event);
}

START_TEST(a_deadlock_of_one_is_a_failure_of_all)
{
	ck_assert_int_eq(coro_run_threads(2, waits_for_nothing, NULL), -EDEADLK);
}
END_TEST

static int waits_on_regardless(unsigned i, void *arg)
{
	for (;;)
		ck_assert_int_eq(waits_for_nothing(1, NULL), -ECANCELED);
}

START_TEST(who_waits_on_regardless_is_discarded)
{
	ck_assert_int_eq(coro_run_threads(2, waits_on_regardless, NULL), -EDEADLK);
}
END_TEST

static int goes_on(unsigned i, void *arg)
{
	if (i == 1)
		return -EIO;
	coro_sleep(CORO_FOREVER);
	return 5; /* regardless */
}

START_TEST(who_goes_on_regardless_is_waited_for)
{
	ck_assert_int_eq(coro_run_threads(2, goes_on, NULL), -EIO);
}
END_TEST

static int never(unsigned i, void *arg)
{
	return coro_sleep(CORO_FOREVER);
}

START_TEST(when_a_thread_cannot_be_made_those_that_were_are_cancelled)
{
	for (unsigned n = 1; n < 4; n++) {
		fail_call("pthread_create", n, EAGAIN);
		ck_assert_int_eq(coro_run_threads(4, never, NULL), -EAGAIN);
		ck_assert(fail_call_off());
	}
}
END_TEST

static int runs_threads(void *arg)
{
	return coro_run_threads(2, never, NULL);
}

START_TEST(misuse_is_refused)
{
	ck_assert_int_eq(coro_run_threads(0, never, NULL), -EINVAL);
	ck_assert_int_eq(coro_run_threads(2, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_run(runs_threads, NULL), -EBUSY);
}
END_TEST

START_TEST(without_memory_nothing_is_started)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	for (unsigned long n = 1;; n++) {
		int sum = 0;
		count = 1;
		setup();
		fail_nth(n);
		int r = coro_run_threads(count, meets, &sum);
		if (!fail_off())
			break;
		ck_assert(r == -ENOMEM || r == 10);
	}
}
END_TEST

/* A ring: each passes what it gets on to the next, until it has gone round often enough. */
static struct coro_thread_queue *ring[4];

static int passes_on(unsigned i, void *arg)
{
	void *number;
	int r;
	while ((r = coro_thread_queue_get(ring[i], &number)) == 0) {
		if ((intptr_t)number == *(intptr_t *)arg)
			for (unsigned j = 0; j < count; j++)
				coro_thread_queue_close(ring[j]);
		else if ((r = coro_thread_queue_put(ring[(i + 1) % count],
						    (void *)((intptr_t)number + 1))) < 0)
			return r;
	}
	return r == -EPIPE ? 0 : r;
}

START_TEST(loops_in_a_ring_pass_an_item_round)
{
	intptr_t rounds = many(4000, 200);
	count = 4;
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(coro_thread_queue_create(1, &ring[i]), 0);
	ck_assert_int_eq(coro_thread_queue_put(ring[0], (void *)1), 0);
	ck_assert_int_eq(coro_run_threads(count, passes_on, &rounds), 0);
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(coro_thread_queue_destroy(ring[i]), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, all_threads_have_the_callers_signal_mask);
	tcase_add_test(tests, what_a_dead_thread_has_left_is_nobodys);
	tcase_add_test(tests, all_run_at_once_and_the_first_gives_the_result);
	tcase_add_test(tests, one_is_the_thread_that_calls);
	tcase_add_test(tests, main_tasks_are_not_spawned_at_a_place_of_the_librarys);
	tcase_add_test(tests, the_first_failure_is_returned_with_its_message);
	tcase_add_test(tests, who_starts_after_the_failure_does_not_run);
	tcase_add_test(tests, a_deadlock_of_one_is_a_failure_of_all);
	tcase_add_test(tests, who_waits_on_regardless_is_discarded);
	tcase_add_test(tests, who_goes_on_regardless_is_waited_for);
	tcase_add_test(tests, when_a_thread_cannot_be_made_those_that_were_are_cancelled);
	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, without_memory_nothing_is_started);
	tcase_add_test(tests, loops_in_a_ring_pass_an_item_round);
}

TEST_MAIN("threads", add_tests)
