/* SPDX-License-Identifier: MIT */
/* accept_next, which goes on whatever happens to a connection. */
#include "net/names.h"

/* ---- accepting ---- */

static int accepts_next(void *listening)
{
	int fd = coro_accept_next(*(int *)listening);
	if (fd >= 0)
		close_in_loop(fd);
	trace("%s at %d s", fd >= 0 ? "one" : coro_strerror(fd),
	      (int)(coro_loop_time(loop) / CORO_SEC));
	return fd < 0 ? fd : 0;
}

static struct rlimit usual;

/* valgrind has fds of its own beyond the limit, and closes another one there. */
#define skip_where_fds_do_not_run_out()                        \
	do {                                                   \
		if (RUNNING_ON_VALGRIND || getenv("VALGRIND")) \
			skip_test("valgrind");                 \
	} while (0)

/* The system gives out no more fds. */
static void take_all_fds(void)
{
	int next = dup(0);
	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = usual.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void there_is_room(void *arg)
{
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
	fail_call_off();
}

static void there_is_room_again(void *arg)
{
	fail_call_off();
}

static bool calls_can_fail(void)
{
	return strcmp(coro_loop_poller(loop), "uring") != 0;
}

START_TEST(where_fds_are_short_accept_tries_again_each_second)
{
	const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
	skip_where_fds_do_not_run_out();
	int listening = listen_on("127.0.0.1:0");
	int to = dial(address_of(listening));
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	if (_i == 0)
		take_all_fds();
	else if (calls_can_fail())
		fail_calls_from("accept4", 1, errors[_i]);
	at(2 * CORO_SEC + CORO_MSEC, there_is_room, NULL);
	ck_assert_int_eq(result_of(accepts_next, &listening), 0);
	ck_assert_trace(_i == 0 || calls_can_fail() ? "one at 3 s" : "one at 0 s");
	close_in_loop(to);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_pause_of_accept_may_be_cancelled)
{
	skip_where_fds_do_not_run_out();
	int listening = listen_on("127.0.0.1:0");
	int to = dial(address_of(listening));
	take_all_fds();
	struct coro_future *task = spawn(accepts_next, &listening);
	at(CORO_SEC / 2, cancel_it, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	there_is_room(NULL);
	coro_future_unref(task);
	trace_take();
	ck_assert_int_eq(result_of(accepts_next, &listening), 0);
	close_in_loop(to);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_pause_of_accept_that_is_cancelled_takes_no_connection)
{
	skip_where_fds_do_not_run_out();
	int listening = listen_on("127.0.0.1:0");
	int to = dial(address_of(listening));
	take_all_fds();
	struct coro_future *task = spawn(accepts_next, &listening);
	at(CORO_SEC / 2, there_is_room, NULL);
	at(CORO_SEC / 2 + 1, cancel_it, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	trace_take();
	ck_assert_int_eq(result_of(accepts_next, &listening), 0);
	ck_assert_trace("one at 0 s");
	close_in_loop(to);
	close_in_loop(listening);
}
END_TEST

START_TEST(accept_next_gives_up_for_what_is_no_listening_socket)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
	int fd = new_socket(AF_INET, types[_i], O_NONBLOCK);
	ck_assert_int_eq(result_of(accepts_next, &fd), _i ? -EOPNOTSUPP : -EINVAL);
	trace_take();
	close_in_loop(fd);
}
END_TEST

START_TEST(accept_next_outlives_any_error_that_is_not_its_own)
{
	static const int errors[] = {EIO, EPERM, ENOSPC, EAGAIN, ENOSR, EPROTO, ENODEV};
	int listening = listen_on("127.0.0.1:0");
	int to = dial(address_of(listening));
	fail_calls_from("accept4", 1, errors[_i]);
	at(2 * CORO_SEC + CORO_MSEC, there_is_room_again, NULL);
	ck_assert_int_eq(result_of(accepts_next, &listening), 0);
	trace_take();
	close_in_loop(to);
	close_in_loop(listening);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, where_fds_are_short_accept_tries_again_each_second, 0, 4);
	tcase_add_test(tests, a_pause_of_accept_may_be_cancelled);
	tcase_add_test(tests, a_pause_of_accept_that_is_cancelled_takes_no_connection);
	tcase_add_loop_test(tests, accept_next_gives_up_for_what_is_no_listening_socket, 0, 2);
	tcase_add_loop_test(tests, accept_next_outlives_any_error_that_is_not_its_own, 0, 7);
}

TEST_MAIN("accept", add_tests)
