/* SPDX-License-Identifier: MIT */
/*
 * What hostile clients do to any server. A test of one includes this when it has defined
 *
 *	begin, end          the server is there, and no longer
 *	REQUEST, ANSWER     a request, and how its answer begins
 *	slow                what a client sends at first, and then a little of a second
 *	steps               requests, of which each byte may be the last before a reset
 *	ask_for_much        sends a request whose answer is larger than all buffers
 *	asked_for           requests of a client that never reads
 *	assert_costs_little how much the server keeps for such a client
 *	MANY                requests that are sent at once
 */
#include "hostile.h"

#define count_of(array) (sizeof(array) / sizeof((array)[0]))

/* It serves others as if nothing had happened. */
static void assert_it_serves(void)
{
	size_t before = connections();
	int fd = accepted_client();
	say(fd, REQUEST);
	until_answered(fd, ANSWER);
	close(fd);
	until_connections(before);
}

START_TEST(a_client_that_sends_a_little_at_a_time_is_let_go)
{
	begin();
	int fd = accepted_client(), seconds = 0;
	say(fd, slow[_i].text);
	while (connections() > 0) {
		/* Longer than the timeout where the system is slow to deliver. */
		ck_assert_int_le(seconds++, 10 * IDLE_TIMEOUT);
		send_some(fd, slow[_i].trickle, strlen(slow[_i].trickle));
		pass(CORO_SEC);
		if (seconds % 4 == 0)
			assert_it_serves();
	}
	ck_assert_int_ge(seconds, IDLE_TIMEOUT - 1);
	close(fd);
	end();
}
END_TEST

START_TEST(a_client_may_be_reset_at_any_point_of_a_request)
{
	begin();
	for (size_t length = 0; length <= strlen(steps); length++) {
		int fd = accepted_client();
		ck_assert(send_some(fd, steps, length));
		for (int i = 0; i < _i; i++)
			turn();
		reset_client(fd);
		until_connections(0);
	}
	assert_it_serves();
	end();
}
END_TEST

START_TEST(a_client_may_be_reset_in_the_middle_of_its_answer)
{
	begin();
	for (int turns = 0; turns < 40; turns++) {
		int fd = accepted_client();
		ask_for_much(fd);
		for (int i = 0; i < turns; i++)
			turn();
		if (turns % 2)
			read(fd, (char[100]){0}, 100);
		reset_client(fd);
		until_connections(0);
	}
	assert_it_serves();
	end();
}
END_TEST

static void resets_many(void)
{
	reset_many(many(1000, 200), false);
	reset_many(many(1000, 200), true);
}

START_TEST(thousands_may_be_reset_at_once)
{
	begin();
	in_the_same_memory(resets_many);
	assert_it_serves();
	end();
}
END_TEST

START_TEST(a_client_that_never_reads_is_let_go_and_costs_little)
{
	begin();
	int fd = accepted_client();
	flood(fd, asked_for[_i]);
	ck_assert_uint_eq(connections(), 1);
	assert_costs_little(newest_stream());
	for (int i = 0; i < IDLE_TIMEOUT; i++) {
		send_some(fd, "x", 1);
		pass(CORO_SEC);
	}
	assert_it_serves();
	until_let_go();
	close(fd);
	end();
}
END_TEST

START_TEST(many_requests_at_once_are_all_answered)
{
	static char bytes[65536];
	size_t length = strlen(REQUEST), at = 0, got = 0;
	char *all = malloc(MANY * length);
	for (size_t i = 0; i < MANY; i++)
		memcpy(all + i * length, REQUEST, length);
	begin();
	int fd = accepted_client();
	while (got < MANY * strlen(ANSWER)) {
		ssize_t n = send(fd, all + at, MANY * length - at, MSG_NOSIGNAL);
		at += n > 0 ? (size_t)n : 0;
		turn();
		n = recv(fd, bytes, sizeof(bytes), 0);
		ck_assert(n > 0 || (n < 0 && errno == EAGAIN));
		got += n > 0 ? (size_t)n : 0;
	}
	ck_assert_uint_eq(got, MANY * strlen(ANSWER));
	free(all);
	close(fd);
	end();
}
END_TEST

static void add_server_tests(TCase *tests)
{
	tcase_add_loop_test(tests, a_client_that_sends_a_little_at_a_time_is_let_go, 0,
			    count_of(slow));
	tcase_add_loop_test(tests, a_client_may_be_reset_at_any_point_of_a_request, 0, 5);
	tcase_add_test(tests, a_client_may_be_reset_in_the_middle_of_its_answer);
	tcase_add_test(tests, thousands_may_be_reset_at_once);
	tcase_add_loop_test(tests, a_client_that_never_reads_is_let_go_and_costs_little, 0,
			    count_of(asked_for));
	tcase_add_test(tests, many_requests_at_once_are_all_answered);
}
