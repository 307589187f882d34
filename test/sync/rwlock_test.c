/* SPDX-License-Identifier: MIT */
/* Readers/writer locks: many or one, in the order of coming, and never lost. */
#include "line.h"

static struct coro_rwlock lock;

static void setup(void)
{
	loop_setup();
	coro_rwlock_init(&lock);
}

/* The number of readers that hold the lock, or -1 for a writer. */
static int holders(void)
{
	int readers = (int)coro_rwlock_readers(&lock);
	ck_assert(coro_rwlock_locked(&lock) || readers == 0);
	return coro_rwlock_locked(&lock) && readers == 0 ? -1 : readers;
}

static void release(void *arg)
{
	ck_assert_int_eq(coro_rwlock_release(&lock), 0);
}

static void hold_for_reading(void)
{
	ck_assert_int_eq(coro_rwlock_try_read_acquire(&lock), 0);
}

static void hold_for_writing(void)
{
	ck_assert_int_eq(coro_rwlock_try_write_acquire(&lock), 0);
}

/* Holds the lock for a while; traces its word when it gets it and when it releases it. */
static int keeps(void *word, int r)
{
	if (says_with(word, r) < 0)
		return r;
	r = coro_sleep(10);
	trace("/%s", (const char *)word);
	release(NULL);
	return r;
}

static int reads(void *word)
{
	return keeps(word, coro_rwlock_read_acquire(&lock));
}

static int writes(void *word)
{
	return keeps(word, coro_rwlock_write_acquire(&lock));
}

/* A task for each letter: small ones read, capital ones write. Each waits, or has the lock. */
static struct coro_future *line[8];

static void line_up_as(const char *names)
{
	static char words[8][2];
	for (int i = 0; names[i]; i++) {
		words[i][0] = names[i];
		line[i] = start(names[i] < 'a' ? writes : reads, words[i]);
	}
}

static void assert_all_ended(const char *names, int but, int status)
{
	for (int i = 0; names[i]; i++)
		assert_ended(line[i], i == but ? status : 0);
	ck_assert_int_eq(holders(), 0);
}

/* ---- alone ---- */

static int takes_and_gives(void *arg)
{
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_rwlock_read_acquire(&lock), 0);
		ck_assert_int_eq(holders(), 1);
		release(NULL);
		ck_assert_int_eq(coro_rwlock_write_acquire(&lock), 0);
		ck_assert_int_eq(holders(), -1);
		release(NULL);
		ck_assert_int_eq(holders(), 0);
	}
	trace("done");
	return 0;
}

START_TEST(free_lock_is_taken_without_letting_others_run)
{
	struct coro_future *task = spawn(takes_and_gives, NULL);
	coro_future_unref(spawn(says, "other"));
	run();
	ck_assert_trace("done other");
	assert_ended(task, 0);
}
END_TEST

START_TEST(free_lock_cannot_be_released)
{
	ck_assert_int_eq(coro_rwlock_release(&lock), -EPERM);
	ck_assert_int_eq(result_of(takes_and_gives, NULL), 0);
	ck_assert_int_eq(coro_rwlock_release(&lock), -EPERM);
	ck_assert_int_eq(holders(), 0);
}
END_TEST

START_TEST(only_a_writer_is_downgraded)
{
	ck_assert_int_eq(coro_rwlock_downgrade(&lock), -EPERM);
	hold_for_reading();
	ck_assert_int_eq(coro_rwlock_downgrade(&lock), -EPERM);
	ck_assert_int_eq(holders(), 1);
	release(NULL);
	hold_for_writing();
	ck_assert_int_eq(coro_rwlock_downgrade(&lock), 0);
	ck_assert_int_eq(holders(), 1);
	ck_assert_int_eq(coro_rwlock_downgrade(&lock), -EPERM);
	release(NULL);
	ck_assert_int_eq(holders(), 0);
}
END_TEST

START_TEST(no_lock_at_all_is_refused)
{
	coro_rwlock_init(NULL);
	ck_assert_int_eq(coro_rwlock_read_acquire(NULL), -EINVAL);
	ck_assert_int_eq(coro_rwlock_write_acquire(NULL), -EINVAL);
	ck_assert_int_eq(coro_rwlock_try_read_acquire(NULL), -EINVAL);
	ck_assert_int_eq(coro_rwlock_try_write_acquire(NULL), -EINVAL);
	ck_assert_int_eq(coro_rwlock_release(NULL), -EINVAL);
	ck_assert_int_eq(coro_rwlock_downgrade(NULL), -EINVAL);
	ck_assert(!coro_rwlock_locked(NULL));
	ck_assert_uint_eq(coro_rwlock_readers(NULL), 0);
}
END_TEST

static void reads_outside_tasks(void *expected)
{
	ck_assert_int_eq(coro_rwlock_read_acquire(&lock), *(int *)expected);
}

static void writes_outside_tasks(void *expected)
{
	ck_assert_int_eq(coro_rwlock_write_acquire(&lock), *(int *)expected);
}

START_TEST(outside_a_task_only_a_free_lock_can_be_taken)
{
	int taken = 0, refused = -EPERM;
	reads_outside_tasks(&taken);
	call_outside_tasks(reads_outside_tasks, &taken);
	call_outside_tasks(writes_outside_tasks, &refused);
	ck_assert_int_eq(holders(), 2);
	release(NULL);
	release(NULL);
	call_outside_tasks(writes_outside_tasks, &taken);
	reads_outside_tasks(&refused);
	call_outside_tasks(writes_outside_tasks, &refused);
	release(NULL);
	ck_assert_int_eq(result_of(takes_and_gives, NULL), 0);
}
END_TEST

/* ---- many or one ---- */

START_TEST(readers_share_it)
{
	line_up_as("abc");
	ck_assert_int_eq(holders(), 3);
	ck_assert_int_eq(coro_rwlock_try_write_acquire(&lock), -EAGAIN);
	run();
	ck_assert_trace("a b c /a /b /c");
	assert_all_ended("abc", -1, 0);
}
END_TEST

START_TEST(writer_has_it_alone)
{
	line_up_as("A");
	ck_assert_int_eq(holders(), -1);
	ck_assert_int_eq(coro_rwlock_try_read_acquire(&lock), -EAGAIN);
	ck_assert_int_eq(coro_rwlock_try_write_acquire(&lock), -EAGAIN);
	ck_assert_int_eq(holders(), -1);
	run();
	assert_all_ended("A", -1, 0);
}
END_TEST

START_TEST(tasks_get_it_in_the_order_they_came)
{
	line_up_as("abCdeFGh");
	run();
	ck_assert_trace("a b /a /b C /C d e /d /e F /F G /G h /h");
	assert_all_ended("abCdeFGh", -1, 0);
}
END_TEST

START_TEST(reader_does_not_pass_a_writer_who_waits)
{
	line_up_as("aBc");
	ck_assert_trace("a");
	ck_assert_int_eq(coro_rwlock_try_read_acquire(&lock), -EAGAIN);
	run();
	ck_assert_trace("/a B /B c /c");
	assert_all_ended("aBc", -1, 0);
}
END_TEST

static int writes_twice(void *word)
{
	int r = writes(word);
	return r < 0 ? r : writes(word);
}

START_TEST(who_releases_it_and_comes_again_waits_behind_who_was_there)
{
	struct coro_future *again = start(writes_twice, "A");
	line_up_as("bC");
	run();
	ck_assert_trace("A /A b /b C /C A /A");
	assert_ended(again, 0);
	assert_all_ended("bC", -1, 0);
}
END_TEST

START_TEST(lock_is_held_by_who_was_woken_before_it_runs)
{
	hold_for_writing();
	line_up_as("A");
	release(NULL);
	ck_assert_int_eq(holders(), -1);
	ck_assert_int_eq(coro_rwlock_try_read_acquire(&lock), -EAGAIN);
	run();
	ck_assert_trace("A /A");
	assert_all_ended("A", -1, 0);
}
END_TEST

START_TEST(newcomer_may_read_beside_readers_who_were_just_woken)
{
	hold_for_writing();
	line_up_as("ab");
	release(NULL);
	ck_assert_int_eq(holders(), 2);
	hold_for_reading();
	run();
	ck_assert_trace("a b /a /b");
	ck_assert_int_eq(holders(), 1);
	release(NULL);
	assert_all_ended("ab", -1, 0);
}
END_TEST

/* ---- downgraded ---- */

START_TEST(downgrade_lets_in_the_readers_in_front_of_the_next_writer)
{
	hold_for_writing();
	line_up_as("abCd");
	ck_assert_int_eq(coro_rwlock_downgrade(&lock), 0);
	ck_assert_int_eq(holders(), 3);
	run();
	ck_assert_trace("a b /a /b");
	ck_assert_int_eq(holders(), 1);
	release(NULL);
	run();
	ck_assert_trace("C /C d /d");
	assert_all_ended("abCd", -1, 0);
}
END_TEST

START_TEST(downgrade_lets_no_writer_in)
{
	hold_for_writing();
	line_up_as("Ab");
	ck_assert_int_eq(coro_rwlock_downgrade(&lock), 0);
	run();
	ck_assert_trace("");
	release(NULL);
	run();
	ck_assert_trace("A /A b /b");
	assert_all_ended("Ab", -1, 0);
}
END_TEST

/* ---- cancelled ---- */

START_TEST(readers_behind_a_writer_who_is_cancelled_go_in)
{
	hold_for_reading();
	line_up_as("AbcDe");
	cancel(line[0]);
	turn();
	ck_assert_int_eq(holders(), 3);
	turn();
	ck_assert_trace("A! b c");
	run();
	ck_assert_trace("/b /c");
	release(NULL);
	run();
	ck_assert_trace("D /D e /e");
	assert_all_ended("AbcDe", 0, -ECANCELED);
}
END_TEST

START_TEST(lock_is_not_lost_with_a_writer_woken_and_cancelled)
{
	hold_for_writing();
	line_up_as("AbcD");
	release(NULL);
	cancel(line[0]);
	ck_assert_int_eq(holders(), -1);
	run();
	ck_assert_trace("A! b c /b /c D /D");
	assert_all_ended("AbcD", 0, -ECANCELED);
}
END_TEST

START_TEST(lock_is_not_lost_with_the_last_reader_woken_and_cancelled)
{
	hold_for_writing();
	line_up_as("aBc");
	release(NULL);
	cancel(line[0]);
	ck_assert_int_eq(holders(), 1);
	run();
	ck_assert_trace("a! B /B c /c");
	assert_all_ended("aBc", 0, -ECANCELED);
}
END_TEST

START_TEST(of_several_readers_only_the_cancelled_one_gives_up)
{
	hold_for_writing();
	line_up_as("abcD");
	release(NULL);
	cancel(line[1]);
	run();
	ck_assert_trace("a b! c /a /c D /D");
	assert_all_ended("abcD", 1, -ECANCELED);
}
END_TEST

START_TEST(newcomer_need_not_wait_for_who_is_cancelled)
{
	hold_for_reading();
	line_up_as("A");
	cancel(line[0]);
	hold_for_reading();
	run();
	ck_assert_trace("A!");
	assert_ended(line[0], -ECANCELED);
	ck_assert_int_eq(holders(), 2);
}
END_TEST

static int gives_up(void *word)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	return coro_timeout_end(&timeout, writes(word));
}

START_TEST(wait_for_it_may_time_out)
{
	struct coro_future *reader = start(reads, "reader"), *hasty = start(gives_up, "HASTY"),
			   *patient = start(reads, "patient");
	run();
	/* The patient reader may read beside the first as soon as the writer has gone. */
	ck_assert_trace("reader HASTY! patient /reader /patient");
	ck_assert_int_eq(coro_loop_time(loop), 13);
	assert_ended(reader, 0);
	assert_ended(hasty, -ETIMEDOUT);
	assert_ended(patient, 0);
}
END_TEST

/* ---- thrown away ---- */

START_TEST(discarded_after_a_wake_or_a_cancel_leaves_line_and_lock)
{
	hold_for_writing();
	line_up(reads);
	cancel(b);
	release(NULL);
	ck_assert_int_eq(holders(), 2);
	throw_away_who_waits();
	/* They had no chance to release it. */
	ck_assert_int_eq(holders(), 0);
	ck_assert_int_eq(result_of(takes_and_gives, NULL), 0);
}
END_TEST

/* ---- another thread ---- */

static int acquires_to_read(void *arg)
{
	return coro_rwlock_read_acquire(&lock);
}

static int releases(void *arg)
{
	return coro_rwlock_release(&lock);
}

static int downgrades(void *arg)
{
	return coro_rwlock_downgrade(&lock);
}

START_TEST(another_thread_neither_waits_nor_wakes)
{
	hold_for_writing();
	line_up_as("aB");
	ck_assert_int_eq(result_elsewhere(acquires_to_read), -EPERM);
	ck_assert_int_eq(result_elsewhere(releases), -EPERM);
	ck_assert_int_eq(result_elsewhere(downgrades), -EPERM);
	ck_assert_int_eq(holders(), -1);
	release(NULL);
	run();
	ck_assert_trace("a /a B /B");
	assert_all_ended("aB", -1, 0);
}
END_TEST

/* ---- many ---- */

static int reading, writing, entered, refused;

static int visits(void *number)
{
	int me = (int)(intptr_t)number;
	for (int round = 0; round < 10; round++) {
		bool write = (me + round) % 3 == 0;
		int r = write ? coro_rwlock_write_acquire(&lock) : coro_rwlock_read_acquire(&lock);
		if (r < 0) {
			refused++;
			continue;
		}
		entered++;
		*(write ? &writing : &reading) += 1;
		ck_assert(writing == 0 || (writing == 1 && reading == 0));
		if (round % 3)
			coro_task_yield();
		ck_assert(writing == 0 || (writing == 1 && reading == 0));
		if (write && round % 2) {
			writing--;
			reading++;
			ck_assert_int_eq(coro_rwlock_downgrade(&lock), 0);
			coro_task_yield();
			ck_assert_int_eq(writing, 0);
			write = false;
		}
		*(write ? &writing : &reading) -= 1;
		release(NULL);
	}
	return 0;
}

static void begin_free(void)
{
	coro_rwlock_init(&lock);
}

static void assert_free(void)
{
	ck_assert_int_eq(holders(), 0);
	ck_assert_int_eq(reading + writing, 0);
	hold_for_writing();
}

START_TEST(many_read_or_one_writes_in_any_order_of_events)
{
	visit_in_any_order(visits, begin_free, assert_free);
	ck_assert_int_gt(entered, 100);
	ck_assert_int_gt(refused, 100);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);
	tcase_add_test(tests, free_lock_is_taken_without_letting_others_run);
	tcase_add_test(tests, free_lock_cannot_be_released);
	tcase_add_test(tests, only_a_writer_is_downgraded);
	tcase_add_test(tests, no_lock_at_all_is_refused);
	tcase_add_test(tests, outside_a_task_only_a_free_lock_can_be_taken);
	tcase_add_test(tests, readers_share_it);
	tcase_add_test(tests, writer_has_it_alone);
	tcase_add_test(tests, tasks_get_it_in_the_order_they_came);
	tcase_add_test(tests, reader_does_not_pass_a_writer_who_waits);
	tcase_add_test(tests, who_releases_it_and_comes_again_waits_behind_who_was_there);
	tcase_add_test(tests, lock_is_held_by_who_was_woken_before_it_runs);
	tcase_add_test(tests, newcomer_may_read_beside_readers_who_were_just_woken);
	tcase_add_test(tests, downgrade_lets_in_the_readers_in_front_of_the_next_writer);
	tcase_add_test(tests, downgrade_lets_no_writer_in);
	tcase_add_test(tests, readers_behind_a_writer_who_is_cancelled_go_in);
	tcase_add_test(tests, lock_is_not_lost_with_a_writer_woken_and_cancelled);
	tcase_add_test(tests, lock_is_not_lost_with_the_last_reader_woken_and_cancelled);
	tcase_add_test(tests, of_several_readers_only_the_cancelled_one_gives_up);
	tcase_add_test(tests, newcomer_need_not_wait_for_who_is_cancelled);
	tcase_add_test(tests, wait_for_it_may_time_out);
	tcase_add_test(tests, discarded_after_a_wake_or_a_cancel_leaves_line_and_lock);
	tcase_add_test(tests, another_thread_neither_waits_nor_wakes);
	tcase_add_test(tests, many_read_or_one_writes_in_any_order_of_events);
}

TEST_MAIN("rwlock", add_tests)
