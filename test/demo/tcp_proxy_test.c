/* SPDX-License-Identifier: MIT */
/* demo/tcp_proxy.c between a client and an upstream that end in good order, or do not. */
#define main proxy_main
#include "../../demo/tcp_proxy.c"
#undef main

#include "hostile.h"

static char upstream_address[CORO_ADDRESS_SIZE];
static int listening, client, upstream;

static int passes_on(struct coro_stream *stream, void *arg)
{
	(void)arg;
	return pass_on(stream, upstream_address);
}

/* A connection of a client by way of the proxy. */
static void begin(void)
{
	struct sockaddr_in address;
	listening = listen_tcp(&address);
	make_small(listening);
	snprintf(upstream_address, sizeof(upstream_address), "127.0.0.1:%d",
		 ntohs(address.sin_port));
	begin_server(passes_on, 0);
	client = accepted_client();
	fcntl(listening, F_SETFL, O_NONBLOCK);
	while ((upstream = accept(listening, NULL, NULL)) < 0)
		turn();
	ck_assert_int_eq(fcntl(upstream, F_SETFL, O_NONBLOCK), 0);
}

static void end(void)
{
	until_connections(0);
	end_server();
	close(listening);
}

/* Reads what comes to a side, until its end: errno of that, 0 of a clean one. */
static int end_of(int fd)
{
	char bytes[4096];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0 || (n < 0 && errno == EAGAIN))
		turn();
	int error = n < 0 ? errno : 0;
	close(fd);
	return error;
}

static bool is_reset(int error)
{
	return error == ECONNRESET || error == EPIPE;
}

START_TEST(each_direction_ends_by_itself)
{
	begin();
	say(client, "question");
	shutdown(client, SHUT_WR);
	until_answered(upstream, "question");
	until_answered(upstream, "");
	say(upstream, "answer");
	until_answered(client, "answer");
	ck_assert_uint_eq(connections(), 1);
	close(upstream);
	ck_assert_int_eq(end_of(client), 0);
	end();
}
END_TEST

/* What a side has done before it resets. */
enum { SAID_HALF, SAID_ALL, NOBODY_READS, WAYS };

static void reset_after(int way, int from, int to)
{
	say(from, "half of a mess");
	if (way == SAID_ALL) {
		shutdown(from, SHUT_WR);
		until_answered(to, "half of a mess");
		until_answered(to, "");
	} else if (way == NOBODY_READS) {
		flood(from, "more than the proxy may keep ");
	} else {
		until_answered(to, "half of a mess");
	}
	reset_client(from);
	pass(CORO_SEC);
}

START_TEST(a_client_that_resets_resets_the_upstream)
{
	begin();
	reset_after(_i, client, upstream);
	if (_i == SAID_ALL) /* whose end was read before */
		ck_assert_int_lt(send(upstream, "x", 1, MSG_NOSIGNAL), 0);
	else
		ck_assert(is_reset(end_of(upstream)));
	if (_i == SAID_ALL)
		close(upstream);
	end();
}
END_TEST

START_TEST(an_upstream_that_resets_resets_the_client)
{
	begin();
	reset_after(_i, upstream, client);
	if (_i == SAID_ALL)
		ck_assert_int_lt(send(client, "x", 1, MSG_NOSIGNAL), 0);
	else
		ck_assert(is_reset(end_of(client)));
	if (_i == SAID_ALL)
		close(client);
	end();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, each_direction_ends_by_itself);
	tcase_add_loop_test(tests, a_client_that_resets_resets_the_upstream, 0, WAYS);
	tcase_add_loop_test(tests, an_upstream_that_resets_resets_the_client, 0, WAYS);
}

TEST_MAIN("tcp_proxy", add)
