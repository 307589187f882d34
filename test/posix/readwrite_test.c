/* SPDX-License-Identifier: MIT */
/* read, write and the like on any fd, in tasks and elsewhere. */
#include "posix/posix.h"

#include <poll.h>
#include <sys/uio.h>

ssize_t __read_chk(int fd, void *bytes, size_t length, size_t room);
ssize_t __pread_chk(int fd, void *bytes, size_t length, off_t offset, size_t room);

static ssize_t by_read(struct made *made)
{
	return read(made->fd, made->bytes, sizeof(made->bytes));
}

static ssize_t by_readv(struct made *made)
{
	struct iovec two[] = {{made->bytes, 1}, {made->bytes + 1, sizeof(made->bytes) - 1}};
	return readv(made->fd, two, 2);
}

static ssize_t by_read_chk(struct made *made)
{
	return __read_chk(made->fd, made->bytes, sizeof(made->bytes), sizeof(made->bytes));
}

static ssize_t (*const reads[])(struct made *made) = {by_read, by_readv, by_read_chk};

static char plenty[1 << 20];

static ssize_t by_write(struct made *made)
{
	return write(made->fd, plenty, sizeof(plenty));
}

static ssize_t by_writev(struct made *made)
{
	struct iovec two[] = {{plenty, 1}, {plenty + 1, sizeof(plenty) - 1}};
	return writev(made->fd, two, 2);
}

static ssize_t (*const writes[])(struct made *made) = {by_write, by_writev};

static struct pair pair;

START_TEST(the_names_are_ours)
{
	static const char *const names[] = {"read",  "write",   "readv",     "writev",
					    "pread", "pread64", "__read_chk"};
	if (SANITIZED)
		skip_test("a sanitizer's own come first, and call ours");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_ours(names[i]);
}
END_TEST

START_TEST(a_read_waits_as_a_task)
{
	for (int i = 0; i < 3; i++) {
		struct made made = {.call = reads[i]};
		pair = make_pair(_i);
		fcntl(pair.from, F_SETFL, fcntl(pair.from, F_GETFL) & ~O_NONBLOCK);
		made.fd = pair.from;
		struct coro_future *task = begin(&made);
		put(pair.to, "some");
		finish(task, &made, 4);
		ck_assert_str_eq(made.bytes, "some");
		put(pair.to, "more");
		make(&made);
		ck_assert_int_eq(made.result, 4);
		task = begin(&made);
		close(pair.to);
		finish(task, &made, 0);
		close(pair.from);
	}
}
END_TEST

static int empties(void *arg)
{
	size_t got = 0;
	while (got < sizeof(plenty)) {
		static char bytes[65536];
		ssize_t n = read(*(int *)arg, bytes, sizeof(bytes));
		if (n <= 0)
			return -EIO;
		got += (size_t)n;
	}
	return got == sizeof(plenty) ? 0 : -EIO;
}

START_TEST(a_write_waits_until_all_is_written)
{
	for (int i = 0; i < 2; i++) {
		struct made made = {.call = writes[i]};
		pair = make_pair(_i);
		fcntl(pair.to, F_SETFL, fcntl(pair.to, F_GETFL) & ~O_NONBLOCK);
		fcntl(pair.from, F_SETFL, fcntl(pair.from, F_GETFL) & ~O_NONBLOCK);
		made.fd = pair.to;
		struct coro_future *task = begin(&made);
		ck_assert_int_eq(result_of(empties, &pair.from), 0);
		finish(task, &made, sizeof(plenty));
		close_pair(pair);
	}
}
END_TEST

START_TEST(an_fd_with_o_nonblock_does_not_wait)
{
	struct made made = {.call = by_read};
	pair = make_pair(_i);
	int flags = fcntl(pair.from, F_GETFL);
	made.fd = pair.from;
	fcntl(pair.from, F_SETFL, flags | O_NONBLOCK);
	make(&made);
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(made.error, EAGAIN);
	/* The program may change its mind. */
	fcntl(pair.from, F_SETFL, flags & ~O_NONBLOCK);
	struct coro_future *task = begin(&made);
	put(pair.to, "x");
	finish(task, &made, 1);
	ck_assert_int_eq(fcntl(pair.from, F_GETFL) & O_NONBLOCK, 0);
	close_pair(pair);
}
END_TEST

START_TEST(errors_are_libcs)
{
	struct made made = {.call = by_read, .fd = -1};
	make(&made);
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(made.error, EBADF);
	made.call = by_write;
	make(&made);
	ck_assert_int_eq(made.error, EBADF);
}
END_TEST

START_TEST(a_cancelled_call_fails_once)
{
	struct made made = {.call = by_read};
	pair = make_pair(_i);
	fcntl(pair.from, F_SETFL, fcntl(pair.from, F_GETFL) & ~O_NONBLOCK);
	made.fd = pair.from;
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	put(pair.to, "x");
	make(&made);
	ck_assert_int_eq(made.result, 1);
	close_pair(pair);
}
END_TEST

static ssize_t tries_again(struct made *made)
{
	while (by_read(made) < 0)
		if (errno != ECANCELED)
			return -1;
	return 1;
}

START_TEST(who_tries_again_after_that_waits_again)
{
	struct made made = {.call = tries_again};
	pair = make_pair(UNIX);
	made.fd = pair.from;
	struct coro_future *task = begin(&made);
	cancel(task);
	turn();
	turn();
	ck_assert(!coro_future_done(task));
	put(pair.to, "x");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_eq(made.result, 1);
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

static int signals;

static void count_signal(int number)
{
	signals++;
}

START_TEST(a_write_that_nobody_reads_raises_sigpipe)
{
	struct made made = {.call = by_write};
	struct sigaction action = {.sa_handler = count_signal};
	sigaction(SIGPIPE, &action, NULL);
	pair = make_pair(_i);
	close(pair.from);
	made.fd = pair.to;
	fcntl(pair.to, F_SETFL, fcntl(pair.to, F_GETFL) & ~O_NONBLOCK);
	do
		make(&made); /* a part may be written before the end is known */
	while (made.result > 0);
	ck_assert_int_eq(made.result, -1);
	ck_assert(made.error == EPIPE || made.error == ECONNRESET);
	if (made.error == EPIPE)
		ck_assert_int_eq(signals, 1);
	close(pair.to);
}
END_TEST

static ssize_t by_pread(struct made *made)
{
	return pread64(made->fd, made->bytes, 3, 1);
}

static ssize_t by_pread_chk(struct made *made)
{
	return __pread_chk(made->fd, made->bytes, 3, 1, 3);
}

static ssize_t by_pwrite(struct made *made)
{
	return pwrite64(made->fd, "012345", 6, 0);
}

START_TEST(files_are_read_and_written_at_an_offset)
{
	FILE *file = tmpfile();
	struct made made = {.call = by_pwrite, .fd = fileno(file)};
	finish(spawn(makes, &made), &made, 6);
	made.call = by_pread;
	finish(spawn(makes, &made), &made, 3);
	ck_assert_str_eq(made.bytes, "123");
	made.call = by_pread_chk;
	finish(spawn(makes, &made), &made, 3);
	made.call = by_read;
	finish(spawn(makes, &made), &made, 6);
	finish(spawn(makes, &made), &made, 0);
	fclose(file);
}
END_TEST

/* -- elsewhere than in tasks */

static void reads_in_a_callback(void *arg)
{
	char byte;
	put(pair.to, "x");
	ck_assert_int_eq(read(pair.from, &byte, 1), 1);
	trace("callback");
}

static void *reads_in_a_thread(void *arg)
{
	char byte;
	ck_assert_int_eq(read(pair.from, &byte, 1), 1);
	trace("thread");
	return NULL;
}

START_TEST(callbacks_and_other_threads_have_libcs)
{
	pthread_t thread;
	pair = make_pair(UNIX);
	call_outside_tasks(reads_in_a_callback, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, reads_in_a_thread, NULL), 0);
	put(pair.to, "y");
	pthread_join(thread, NULL);
	ck_assert_trace("callback thread");
	close_pair(pair);
}
END_TEST

static ssize_t forks(struct made *made)
{
	char byte;
	pid_t pid = fork();
	if (pid == 0) {
		struct pollfd poll_ = {.fd = pair.from, .events = POLLIN};
		bool right = poll(&poll_, 1, 10) == 0 && !coro_current_task();
		_exit(right && write(pair.to, "c", 1) == 1 ? 7 : 1);
	}
	ssize_t n = read(pair.from, &byte, 1);
	int status = 0;
	if (n != 1 || byte != 'c' || waitpid(pid, &status, 0) != pid)
		return -1;
	return WEXITSTATUS(status);
}

START_TEST(a_child_has_libcs)
{
	struct made made = {.call = forks};
	pair = make_pair(UNIX);
	struct coro_future *task = spawn(makes, &made);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_eq(made.result, 7);
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, the_names_are_ours);
	tcase_add_loop_test(tests, a_read_waits_as_a_task, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_write_waits_until_all_is_written, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, an_fd_with_o_nonblock_does_not_wait, 0, PAIR_KINDS);
	tcase_add_test(tests, errors_are_libcs);
	tcase_add_loop_test(tests, a_cancelled_call_fails_once, 0, PAIR_KINDS);
	tcase_add_test(tests, who_tries_again_after_that_waits_again);
	tcase_add_loop_test(tests, a_write_that_nobody_reads_raises_sigpipe, 0, PAIR_KINDS);
	tcase_add_test(tests, files_are_read_and_written_at_an_offset);
	tcase_add_test(tests, callbacks_and_other_threads_have_libcs);
	tcase_add_test(tests, a_child_has_libcs);
}

TEST_MAIN("posix readwrite", add)
