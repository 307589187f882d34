/* SPDX-License-Identifier: MIT */
#include "fds.h"

static struct pair pair;

/* Reads n bytes each time it is called. */
struct reader {
	int fd, calls;
	size_t room;
};

static void reads_some(void *arg)
{
	struct reader *reader = arg;
	char got[64] = {0};
	ssize_t n = read(reader->fd, got, reader->room);
	reader->calls++;
	trace("%s", n > 0 ? got : n == 0 ? "end" : "nothing");
	if (n <= 0)
		coro_loop_remove_reader(loop, reader->fd);
}

static void says_word(void *word)
{
	trace("%s", (char *)word);
}

static void writes_one(void *fd)
{
	trace("writes");
	put(*(int *)fd, "x");
	coro_loop_remove_writer(loop, *(int *)fd);
}

START_TEST(a_reader_is_called_for_as_long_as_there_is_something)
{
	pair = make_pair(_i);
	struct reader reader = {.fd = pair.from, .room = 2};
	ck_assert_int_eq(coro_loop_add_reader(loop, pair.from, reads_some, &reader), 0);
	turn();
	ck_assert_trace("");
	put(pair.to, "abcde");
	for (int i = 0; i < 5; i++)
		turn();
	ck_assert_trace("ab cd e");
	put(pair.to, "f");
	close(pair.to);
	for (int i = 0; i < 3; i++)
		turn();
	ck_assert_trace("f end");
	run();
	close(pair.from);
}
END_TEST

START_TEST(a_writer_is_called_while_there_is_room)
{
	pair = make_pair(_i);
	ck_assert_int_eq(coro_loop_add_writer(loop, pair.to, writes_one, &pair.to), 0);
	turn();
	turn();
	ck_assert_trace("writes");
	expect(pair.from, "x");
	run();
	close_pair(pair);
}
END_TEST

/* Writes until there is no more room. */
static void fills(void *fd)
{
	static const char bytes[4096];
	while (write(*(int *)fd, bytes, sizeof(bytes)) > 0)
		;
	trace("fills");
}

static void drain(int fd)
{
	char bytes[4096];
	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

/* The peer's half is at its end, which the kernel reports as well as room. */
START_TEST(a_writer_is_called_only_for_room_after_the_end_of_what_is_read)
{
	pair = make_pair(_i ? TCP : UNIX_NONBLOCK);
	fcntl(pair.to, F_SETFL, O_NONBLOCK);
	ck_assert_int_eq(shutdown(pair.from, SHUT_WR), 0);
	do
		fills(&pair.to);
	while (has_more_room(pair));
	trace_take();
	ck_assert_int_eq(coro_loop_add_writer(loop, pair.to, fills, &pair.to), 0);
	for (int i = 0; i < 4; i++)
		turn();
	ck_assert_trace("");
	for (int round = 0; round < 3; round++) {
		const char *called;
		drain(pair.from);
		while (!*(called = trace_take())) /* TCP tells the peer of room in its time */
			turn();
		ck_assert_ptr_nonnull(strstr(called, "fills"));
		for (int i = 0; i < 4; i++)
			turn();
	}
	ck_assert_int_eq(coro_loop_remove_writer(loop, pair.to), 1);
	trace_take();
	close_pair(pair);
	run();
}
END_TEST

/* The kernel refuses the poll, which was asked for before. */
START_TEST(an_fd_that_is_closed_before_it_is_polled_is_forgotten)
{
	if (!on_uring())
		skip_test("others tell the kernel at once, which forgets it itself");
	struct reader reader = {.room = 2};
	pair = make_pair(UNIX);
	reader.fd = pair.from;
	ck_assert_int_eq(coro_loop_add_reader(loop, pair.from, reads_some, &reader), 0);
	close_pair(pair);
	run(); /* there is nothing to wait for */
	struct pair again = make_pair(UNIX);
	ck_assert_int_eq(again.from, reader.fd);
	ck_assert_int_eq(coro_loop_add_reader(loop, again.from, reads_some, &reader), 0);
	turn();
	ck_assert_trace("");
	put(again.to, "ab");
	turn();
	turn();
	ck_assert_trace("ab");
	coro_fd_close(again.from);
	close(again.to);
}
END_TEST

START_TEST(a_second_takes_the_place_of_the_first)
{
	pair = make_pair(_i);
	ck_assert_int_eq(coro_loop_add_reader(loop, pair.from, says_word, "a"), 0);
	ck_assert_int_eq(coro_loop_add_reader(loop, pair.from, says_word, "b"), 0);
	put(pair.to, "x");
	turn();
	ck_assert_trace("b");
	ck_assert_int_eq(coro_loop_remove_reader(loop, pair.from), 1);
	ck_assert_int_eq(coro_loop_remove_reader(loop, pair.from), 0);
	run();
	ck_assert_trace("");
	close_pair(pair);
}
END_TEST

static void removes_both(void *arg)
{
	trace("removes");
	coro_loop_remove_reader(loop, pair.from);
	coro_loop_remove_reader(loop, pair.to);
}

START_TEST(one_that_is_removed_in_its_turn_is_not_called)
{
	pair = make_pair(_i);
	ck_assert_int_eq(coro_loop_add_reader(loop, pair.from, removes_both, NULL), 0);
	ck_assert_int_eq(coro_loop_add_reader(loop, pair.to, removes_both, NULL), 0);
	put(pair.to, "x");
	put(pair.from, "x");
	run();
	ck_assert_trace("removes");
	close_pair(pair);
}
END_TEST

static void replaces(void *arg)
{
	trace("old");
	coro_loop_add_reader(loop, pair.to, says_word, "new");
	coro_loop_remove_reader(loop, pair.from);
}

START_TEST(one_that_is_replaced_in_its_turn_is_not_called)
{
	pair = make_pair(UNIX);
	coro_loop_add_reader(loop, pair.from, replaces, NULL);
	coro_loop_add_reader(loop, pair.to, replaces, NULL);
	put(pair.to, "x");
	put(pair.from, "x");
	turn();
	ck_assert_trace("old");
	turn();
	ck_assert_trace("new");
	coro_loop_remove_reader(loop, pair.to);
	close_pair(pair);
}
END_TEST

START_TEST(readers_writers_and_tasks_share_an_fd)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_once, &(struct reading){"task", pair.from});
	coro_loop_add_reader(loop, pair.from, says_word, "reader");
	coro_loop_add_writer(loop, pair.from, says_word, "writer");
	turn();
	ck_assert_trace("writer");
	put(pair.to, "word");
	turn();
	const char *got = trace_take();
	ck_assert_ptr_nonnull(strstr(got, "reader"));
	ck_assert_ptr_nonnull(strstr(got, "writer"));
	ck_assert_ptr_nonnull(strstr(got, "task:word"));
	assert_ended(task, 0);
	turn();
	ck_assert_trace("writer");
	coro_loop_remove_writer(loop, pair.from);
	turn();
	ck_assert_trace("");
	/* The level is one of both again, or of tasks alone. */
	task = start(reads_once, &(struct reading){"task", pair.from});
	coro_loop_remove_reader(loop, pair.from);
	put(pair.to, "again");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("task:again");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(what_nobody_wants_any_more_keeps_no_loop_awake)
{
	pair = make_pair(_i);
	coro_loop_add_reader(loop, pair.from, says_word, "reader");
	turn();
	coro_loop_remove_reader(loop, pair.from);
	struct pair other = make_pair(UNIX);
	struct coro_future *task = start(reads_once, &(struct reading){"a", other.from});
	put(pair.to, "nobody's");
	fail_call("epoll_wait", 0, 0);
	for (int i = 0; i < 10; i++)
		turn();
	fail_call_off();
	put(other.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:word");
	coro_future_unref(task);
	close_pair(pair);
	close_pair(other);
}
END_TEST

/* In real time, with a byte that stays unread. Returns how many calls a short sleep has taken. */
static int sleeps_beside_what_nobody_reads(void *arg)
{
	struct coro_loop *own = coro_running_loop();
	(void)arg;
	put(pair.to, "x");
	int r = coro_loop_add_reader(own, pair.from, says_word, "ready");
	while (r == 0 && !*trace_take())
		r = coro_task_yield();
	coro_loop_remove_reader(own, pair.from);
	fail_call(NULL, 0, 0);
	if (r == 0)
		r = coro_sleep(20 * CORO_MSEC);
	fail_call_off();
	return r < 0 ? r : (int)calls_of(NULL);
}

START_TEST(what_nobody_reads_any_more_does_not_wake_the_loop)
{
	pair = make_pair(_i);
	int calls = coro_run(sleeps_beside_what_nobody_reads, NULL);
	ck_assert_int_ge(calls, 0);
	ck_assert_int_le(calls, 20);
	close_pair(pair);
}
END_TEST

static int closes(void *arg)
{
	return coro_fd_close(*(int *)arg);
}

START_TEST(closing_an_fd_takes_its_callbacks_away)
{
	pair = make_pair(_i);
	coro_loop_add_reader(loop, pair.from, says_word, "reader");
	put(pair.to, "x");
	ck_assert_int_eq(result_of(closes, &pair.from), 0);
	trace_take();
	run();
	ck_assert_trace("");
	close(pair.to);
}
END_TEST

START_TEST(a_loop_with_a_reader_may_be_closed)
{
	pair = make_pair(_i);
	coro_loop_add_reader(loop, pair.from, says_word, "reader");
	coro_loop_add_writer(loop, pair.from, says_word, "writer");
	put(pair.to, "x");
	loop_teardown();
	loop_setup();
	ck_assert_trace("");
	close_pair(pair);
}
END_TEST

static void *adds_elsewhere(void *arg)
{
	ck_assert_int_eq(coro_loop_add_reader(loop, 0, says_word, NULL), -EPERM);
	ck_assert_int_eq(coro_loop_remove_reader(loop, 0), -EPERM);
	ck_assert_ptr_null(coro_loop_poller(loop));
	return NULL;
}

START_TEST(what_cannot_be_is_refused)
{
	FILE *file = tmpfile();
	ck_assert_int_eq(coro_loop_remove_reader(loop, fileno(file)), 0); /* it knows no fds yet */
	ck_assert_int_eq(coro_loop_add_reader(NULL, 0, says_word, NULL), -EINVAL);
	ck_assert_int_eq(coro_loop_add_reader(loop, 0, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_loop_add_reader(loop, -1, says_word, NULL), -EBADF);
	ck_assert_int_eq(coro_loop_add_writer(loop, 1000, says_word, NULL), -EBADF);
	ck_assert_int_eq(coro_loop_add_reader(loop, fileno(file), says_word, NULL), -EPERM);
	ck_assert_int_eq(coro_loop_remove_reader(loop, fileno(file)), 0);
	ck_assert_int_eq(coro_loop_remove_reader(loop, fileno(file) + 1), 0);
	ck_assert_int_eq(coro_loop_remove_writer(NULL, 0), -EINVAL);
	in_thread(adds_elsewhere, NULL);
	fclose(file);
	run();
}
END_TEST

START_TEST(without_memory_nothing_is_added)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	pair = make_pair(PIPE);
	int r = -ENOMEM;
	for (unsigned long n = 1; r < 0; n++) {
		fail_nth(n);
		r = coro_loop_add_reader(loop, pair.from, says_word, "x");
		fail_off();
		ck_assert(r == 0 || r == -ENOMEM);
	}
	put(pair.to, "x");
	turn();
	ck_assert_trace("x");
	coro_loop_remove_reader(loop, pair.from);
	run();
	close_pair(pair);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, a_reader_is_called_for_as_long_as_there_is_something, 0,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, a_writer_is_called_while_there_is_room, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_writer_is_called_only_for_room_after_the_end_of_what_is_read,
			    0, 2);
	tcase_add_test(tests, an_fd_that_is_closed_before_it_is_polled_is_forgotten);
	tcase_add_loop_test(tests, a_second_takes_the_place_of_the_first, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, one_that_is_removed_in_its_turn_is_not_called, UNIX, PAIR_KINDS);
	tcase_add_test(tests, one_that_is_replaced_in_its_turn_is_not_called);
	tcase_add_loop_test(tests, readers_writers_and_tasks_share_an_fd, UNIX, PAIR_KINDS);
	tcase_add_loop_test(tests, what_nobody_wants_any_more_keeps_no_loop_awake, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_nobody_reads_any_more_does_not_wake_the_loop, 0,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, closing_an_fd_takes_its_callbacks_away, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_loop_with_a_reader_may_be_closed, UNIX, PAIR_KINDS);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, without_memory_nothing_is_added);
}

TEST_MAIN("watcher", add)
