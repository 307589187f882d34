/* SPDX-License-Identifier: MIT */
/* Reads and writes that do not wait: outside of tasks, of files, and with MSG_DONTWAIT. */
#include "io/pairs.h"

/* ---- outside of tasks ---- */

static void *writes_later(void *arg)
{
	until_main_sleeps();
	ck_assert_int_eq(write(pair.to, "word", 4), 4);
	return NULL;
}

START_TEST(outside_of_tasks_calls_block)
{
	char got[5] = {0};
	pthread_t thread;
	pair = make_pair(_i);
	ck_assert_int_eq(pthread_create(&thread, NULL, writes_later, NULL), 0);
	ck_assert_int_eq(coro_read(pair.from, got, 4), 4);
	ck_assert_str_eq(got, "word");
	pthread_join(thread, NULL);
	close_pair(pair);
}
END_TEST

static bool wait_readable(int fd)
{
	return poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1) == 1;
}

static void *drains(void *arg)
{
	static char got[4096];
	ssize_t n;
	long sum = 0;
	while ((n = read(pair.from, got, sizeof(got))) > 0 ||
	       (n < 0 && errno == EAGAIN && wait_readable(pair.from)))
		sum += n > 0 ? n : 0;
	return (void *)sum;
}

START_TEST(outside_of_tasks_all_is_written)
{
	pthread_t thread;
	void *sum;
	char *bytes = calloc(PLENTY, 1);
	pair = make_pair(_i);
	ck_assert_int_eq(pthread_create(&thread, NULL, drains, NULL), 0);
	ck_assert_int_eq(coro_write(pair.to, bytes, PLENTY), PLENTY);
	close(pair.to);
	pthread_join(thread, &sum);
	ck_assert_int_eq((long)sum, PLENTY);
	close(pair.from);
	free(bytes);
}
END_TEST

static void reads_in_a_callback(void *arg)
{
	trace("%zd", coro_read(pair.from, (char[4]){0}, 4));
}

START_TEST(in_a_callback_calls_block)
{
	pair = make_pair(_i);
	put(pair.to, "x");
	call_outside_tasks(reads_in_a_callback, NULL);
	ck_assert_trace("1");
	close_pair(pair);
}
END_TEST

START_TEST(o_nonblock_stays_as_it_was)
{
	pair = make_pair(_i);
	int flags = fcntl(pair.from, F_GETFL);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	ck_assert_int_eq(fcntl(pair.from, F_GETFL), flags);
	put(pair.to, "x");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_eq(fcntl(pair.from, F_GETFL), flags);
	coro_future_unref(task);
	trace_take();
	close_pair(pair);
}
END_TEST

/* ---- what is not waited for ---- */

static int asks_for_a_place(void *arg)
{
	int ends[2];
	char byte;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -errno;
	ck_assert_int_eq(coro_recv(ends[0], &byte, 1, MSG_DONTWAIT), -EAGAIN);
	ck_assert_int_eq(coro_pread(ends[0], &byte, 1, 0), -ESPIPE);
	ck_assert_int_eq(coro_pwrite(ends[0], "x", 1, 0), -ESPIPE);
	coro_fd_close(ends[0]);
	close(ends[1]);
	return 0;
}

START_TEST(a_place_in_an_empty_socket_is_refused_at_once)
{
	struct coro_future *task = spawn(asks_for_a_place, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
}
END_TEST

static int uses_file(void *arg)
{
	char got[8] = {0};
	FILE *file = tmpfile();
	int fd = fileno(file);
	ck_assert_int_eq(coro_write(fd, "hello", 5), 5);
	ck_assert_int_eq(coro_writev(fd, (struct iovec[]){{" ", 1}, {"you", 3}}, 2), 4);
	ck_assert_int_eq(coro_pread(fd, got, 4, 1), 4);
	ck_assert_str_eq(got, "ello");
	ck_assert_int_eq(coro_pwrite(fd, "J", 1, 0), 1);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(coro_read(fd, got, 6), 6);
	ck_assert_str_eq(got, "Jello ");
	ck_assert_int_eq(coro_read(fd, got, 6), 3);
	ck_assert_int_eq(coro_read(fd, got, 6), 0);
	ck_assert_int_eq(coro_readable(fd), 0);
	ck_assert_int_eq(coro_writable(fd), 0);
	coro_fd_forget(fd);
	fclose(file);
	return 0;
}

START_TEST(regular_files_work)
{
	ck_assert_int_eq(result_of(uses_file, NULL), 0);
	ck_assert_int_eq(uses_file(NULL), 0);
}
END_TEST

static int uses_devices(void *arg)
{
	char got[8];
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY);
	ck_assert_int_eq(coro_write(null, "hello", 5), 5);
	ck_assert_int_eq(coro_read(null, got, 5), 0);
	ck_assert_int_eq(coro_read(zero, got, 8), 8);
	ck_assert_int_eq(coro_readable(null), 0);
	coro_fd_close(null);
	coro_fd_close(zero);
	return 0;
}

START_TEST(devices_work)
{
	ck_assert_int_eq(result_of(uses_devices, NULL), 0);
	ck_assert_int_eq(uses_devices(NULL), 0);
}
END_TEST

START_TEST(a_terminal_is_waited_for)
{
	int master, slave;
	if (!open_terminal(&master, &slave))
		skip_test("no terminals here");
	struct coro_future *task = start(reads_once, &(struct reading){"a", slave});
	put(master, "half ");
	turn();
	ck_assert_trace("");
	put(master, "a line\n");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:half a line\n");
	call = call_write;
	ck_assert_int_eq(result_of(calls, &slave), 1);
	coro_future_unref(task);
	close(slave);
	close(master);
}
END_TEST

START_TEST(what_has_no_flag_of_the_call_is_asked)
{
	if (on_uring())
		skip_test("the kernel waits itself");
	pair = make_pair(PIPE);
	fail_calls_from("preadv2", 1, EOPNOTSUPP);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	ck_assert(fail_call_off());
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:word");
	coro_future_unref(task);
	close(pair.from);
	close(pair.to);
}
END_TEST

START_TEST(what_has_no_flag_of_the_call_is_written_in_pieces)
{
	pair = make_pair(PIPE);
	fail_calls_from("pwritev2", 1, EOPNOTSUPP);
	transfer_plenty(PLENTY);
	ck_assert(fail_call_off());
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, outside_of_tasks_calls_block, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, outside_of_tasks_all_is_written, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, in_a_callback_calls_block, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, o_nonblock_stays_as_it_was, 0, PAIR_KINDS);
	tcase_add_test(tests, a_place_in_an_empty_socket_is_refused_at_once);
	tcase_add_test(tests, regular_files_work);
	tcase_add_test(tests, devices_work);
	tcase_add_test(tests, a_terminal_is_waited_for);
	tcase_add_test(tests, what_has_no_flag_of_the_call_is_asked);
	tcase_add_test(tests, what_has_no_flag_of_the_call_is_written_in_pieces);
}

TEST_MAIN("readwrite_nowait", add_tests)
