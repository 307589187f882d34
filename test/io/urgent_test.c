/* SPDX-License-Identifier: MIT */
/* Waiting for urgent data, and for nothing else. */
#include "fds.h"

static struct pair pair;

static int waits(void *fd)
{
	return coro_urgent(*(int *)fd);
}

static struct coro_future *wait_for_pair(void)
{
	struct coro_future *task = start(waits, &pair.from);
	turn();
	ck_assert(!coro_future_done(task));
	return task;
}

START_TEST(it_is_urgent_data_alone_that_is_waited_for)
{
	char byte;
	pair = make_pair(TCP);
	put(pair.to, "nothing urgent");
	struct coro_future *task = wait_for_pair();
	shutdown(pair.to, SHUT_WR);
	turn();
	ck_assert(!coro_future_done(task));
	coro_future_unref(task);
	close_pair(pair);

	pair = make_pair(TCP);
	task = wait_for_pair();
	ck_assert_int_eq(send(pair.to, "!", 1, MSG_OOB), 1);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_eq(recv(pair.from, &byte, 1, MSG_OOB), 1);
	ck_assert_int_eq(byte, '!');
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

/* Also one of which the end was read, and while nobody reads or writes. */
START_TEST(a_lost_connection_is_reported)
{
	int error = 0;
	socklen_t length = sizeof(error);
	pair = make_pair(TCP);
	struct linger reset = {.l_onoff = 1};
	if (_i) {
		shutdown(pair.to, SHUT_WR);
		expect(pair.from, "");
	}
	struct coro_future *task = wait_for_pair();
	setsockopt(pair.to, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(pair.to);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_eq(getsockopt(pair.from, SOL_SOCKET, SO_ERROR, &error, &length), 0);
	ck_assert_int_ne(error, 0);
	coro_future_unref(task);
	close(pair.from);
}
END_TEST

static int closes(void *fd)
{
	return coro_fd_close(*(int *)fd);
}

START_TEST(who_waits_may_be_cancelled_closed_and_discarded)
{
	pair = make_pair(_i);
	struct coro_future *a = wait_for_pair(), *b = wait_for_pair();
	cancel(a);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), -ECANCELED);
	ck_assert_int_eq(result_of(closes, &pair.from), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), -EBADF);
	close(pair.to);
	coro_future_unref(a);
	coro_future_unref(b);

	pair = make_pair(_i);
	coro_future_unref(wait_for_pair());
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(&(struct coro_loop_options){.flags = CORO_VIRTUAL_CLOCK},
					  &loop),
			 0);
	close_pair(pair);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	FILE *file = tmpfile();
	int fd = fileno(file), none = -1;
	ck_assert_int_eq(result_of(waits, &none), -EBADF);
	ck_assert_int_eq(coro_urgent(-1), -EBADF);
	ck_assert_int_eq(result_of(waits, &fd), -EPERM);
	pair = make_pair(TCP);
	coro_loop_poller(loop); /* which epoll's needs one for */
	fail_call("epoll_create1", 1, EMFILE);
	ck_assert_int_eq(result_of(waits, &pair.from), -EMFILE);
	ck_assert(fail_call_off());
	fclose(file);
	close_pair(pair);
}
END_TEST

START_TEST(outside_of_tasks_it_blocks)
{
	pair = make_pair(TCP);
	put(pair.to, "nothing urgent");
	ck_assert_int_eq(send(pair.to, "!", 1, MSG_OOB), 1);
	ck_assert_int_eq(coro_urgent(pair.from), 0);
	close_pair(pair);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, it_is_urgent_data_alone_that_is_waited_for);
	tcase_add_loop_test(tests, a_lost_connection_is_reported, 0, 2);
	tcase_add_loop_test(tests, who_waits_may_be_cancelled_closed_and_discarded, 0, PAIR_KINDS);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, outside_of_tasks_it_blocks);
}

TEST_MAIN("urgent", add)
