/* SPDX-License-Identifier: MIT */
/* Dialling a name of which one address does not answer. */
#include "net/names.h"

/* ---- connecting to one of several ---- */

/* Makes a listening socket ignore connections; returns how many fds that took. */
static int stop_answering(int listening, int *clients, int count)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	ck_assert_int_eq(listen(listening, 0), 0);
	getsockname(listening, (struct sockaddr *)&address, &length);
	for (int i = 0; i < count; i++) {
		clients[i] = new_socket(address.ss_family, SOCK_STREAM, O_NONBLOCK);
		connect(clients[i], (struct sockaddr *)&address, length);
	}
	return count;
}

/* Listens at 127.0.0.1 but does not answer; the name has that address first. */
static void silent_setup(void)
{
	fds_setup();
	silent.fd = listen_on("127.0.0.1:0");
	strcpy(silent.port, strrchr(address_of(silent.fd), ':'));
	stop_answering(silent.fd, silent.clients, CLIENTS);
}

static void silent_teardown(void)
{
	for (int i = 0; i < CLIENTS; i++)
		close(silent.clients[i]);
	close(silent.fd);
	fds_teardown();
}

START_TEST(one_that_does_not_answer_is_overtaken)
{
	int listening = listen_on(at_silent_port("127.0.0.2"));
	char peer[CORO_ADDRESS_SIZE];
	struct dialling dialling = {at_silent_port("name"), {.stagger = _i ? 100 * CORO_MSEC : 0}};
	NAME_HAS("127.0.0.1", "127.0.0.2", "127.0.0.3");
	ck_assert_int_eq(result_of(dials, &dialling), 0);
	ck_assert_int_eq(coro_loop_time(loop), (_i ? 100 : 250) * CORO_MSEC);
	ck_assert_int_gt(coro_getpeername(dialling.fd, peer, sizeof(peer)), 0);
	ck_assert_str_eq(peer, at_silent_port("127.0.0.2"));
	close_in_loop(dialling.fd);
	close_in_loop(listening);
}
END_TEST

START_TEST(the_first_to_answer_wins_though_it_began_first)
{
	int listening = listen_on(at_silent_port("127.0.0.2"));
	NAME_HAS("127.0.0.2", "127.0.0.1");
	int fd = dial(at_silent_port("name"));
	ck_assert_int_eq(coro_loop_time(loop), 0);
	close_in_loop(fd);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_dial_that_is_not_answered_ends_at_its_timeout)
{
	NAME_HAS("127.0.0.1", "127.0.0.1");
	struct dialling dialling = {at_silent_port(_i ? "name" : "127.0.0.1"),
				    {.timeout = 2 * CORO_SEC}};
	char words[64];
	ck_assert_int_eq(result_of(dials, &dialling), -ETIMEDOUT);
	ck_assert_int_eq(coro_loop_time(loop), 2 * CORO_SEC);
	snprintf(words, sizeof(words), "no connection to %s within 2 s", dialling.address);
	ck_assert_trace(words);
}
END_TEST

static int dials_within_a_second(void *arg)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_SEC);
	return coro_timeout_end(&timeout, dials(arg));
}

START_TEST(a_dial_ends_with_a_timeout_around_it)
{
	NAME_HAS("127.0.0.1", "127.0.0.1");
	struct dialling dialling = {at_silent_port(_i ? "name" : "127.0.0.1")};
	ck_assert_int_eq(result_of(dials_within_a_second, &dialling), -ETIMEDOUT);
	ck_assert_int_eq(coro_loop_time(loop), CORO_SEC);
}
END_TEST

START_TEST(a_cancelled_dial_leaves_nothing)
{
	NAME_HAS("127.0.0.1", "127.0.0.1", "127.0.0.1");
	struct dialling dialling = {at_silent_port("name")};
	struct coro_future *task = spawn(dials, &dialling);
	at(_i * 100 * CORO_MSEC, cancel_it, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	run();
}
END_TEST

static void cancel_twice(void *task)
{
	cancel(task);
	ck_assert_int_eq(coro_call_soon(loop, cancel_it, task, NULL), 0);
}

START_TEST(a_dial_may_be_cancelled_while_it_ends)
{
	NAME_HAS("127.0.0.1", "127.0.0.1", "127.0.0.1");
	struct dialling dialling = {at_silent_port("name")};
	struct coro_future *task = spawn(dials, &dialling);
	at(600 * CORO_MSEC, cancel_twice, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
}
END_TEST

static void stop_loop(void *arg)
{
	coro_loop_stop(loop);
}

static void run_until(int64_t when)
{
	at(when, stop_loop, NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
}

START_TEST(a_dial_that_is_cancelled_as_it_connects_leaves_nothing)
{
	int listening = listen_on(at_silent_port("127.0.0.2"));
	NAME_HAS("127.0.0.1", "127.0.0.2");
	struct dialling dialling = {at_silent_port("name"), .fd = -1};
	struct coro_future *task = spawn(dials, &dialling);
	/* In each turn after the second attempt has begun. */
	run_until(250 * CORO_MSEC);
	for (int i = 0; i < _i; i++)
		turn();
	if (!coro_future_done(task)) {
		cancel(task);
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	} else {
		ck_assert_int_gt(_i, 0);
		close_in_loop(dialling.fd);
	}
	coro_future_unref(task);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_dial_may_be_discarded)
{
	NAME_HAS("127.0.0.1", "127.0.0.1");
	struct dialling dialling = {at_silent_port(_i ? "name" : "127.0.0.1")};
	coro_future_unref(spawn(dials, &dialling));
	coro_future_unref(spawn(dials_within_a_second, &dialling));
	run_until(500 * CORO_MSEC);
	loop_teardown();
	loop_setup();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, silent_setup, silent_teardown);
	tcase_add_loop_test(tests, one_that_does_not_answer_is_overtaken, 0, 2);
	tcase_add_test(tests, the_first_to_answer_wins_though_it_began_first);
	tcase_add_loop_test(tests, a_dial_that_is_not_answered_ends_at_its_timeout, 0, 2);
	tcase_add_loop_test(tests, a_dial_ends_with_a_timeout_around_it, 0, 2);
	tcase_add_loop_test(tests, a_cancelled_dial_leaves_nothing, 0, 7);
	tcase_add_test(tests, a_dial_may_be_cancelled_while_it_ends);
	tcase_add_loop_test(tests, a_dial_that_is_cancelled_as_it_connects_leaves_nothing, 0, 12);
	tcase_add_loop_test(tests, a_dial_may_be_discarded, 0, 2);
}

TEST_MAIN("dial_race", add_tests)
