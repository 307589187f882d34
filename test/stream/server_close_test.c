/* SPDX-License-Identifier: MIT */
/* A server with several sockets, whose loop is closed. */
#include "net/names.h"

static struct coro_server *server;
static int clients[2];

static int waits(struct coro_stream *stream, void *arg)
{
	char byte;
	return (int)coro_stream_read(stream, &byte, 1);
}

static int starts(void *arg)
{
	return coro_server_start("name:0", NULL, waits, NULL, &server);
}

static int connects(void *arg)
{
	int fds[2];
	ck_assert_uint_eq(coro_server_sockets(server, fds, 2), 2);
	for (int i = 0; i < 2; i++) {
		char address[CORO_ADDRESS_SIZE];
		ck_assert_int_gt(coro_getsockname(fds[i], address, sizeof(address)), 0);
		int r = coro_dial(address, NULL, &clients[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* With a connection at each of its sockets. */
static void close_loop(bool given_back)
{
	ck_assert_int_eq(result_of(starts, NULL), 0);
	ck_assert_int_eq(result_of(connects, NULL), 0);
	while (coro_server_connections(server) < 2)
		turn();
	if (given_back)
		ck_assert_int_eq(coro_server_destroy(server), 0);
	loop_teardown();
	for (int i = 0; i < 2; i++)
		close(clients[i]);
	if (!given_back) {
		ck_assert_uint_eq(coro_server_sockets(server, NULL, 0), 0);
		ck_assert_uint_eq(coro_server_connections(server), 0);
		ck_assert_int_eq(coro_server_destroy(server), 0);
	}
	assert_fds_are_as_before();
	loop_setup();
}

START_TEST(server_of_a_closed_loop_leaves_nothing)
{
	size_t before;
	int times = 0;
	answers[0] = "127.0.0.1";
	answers[1] = "127.0.0.2";
	do {
		ck_assert_int_lt(times++, 10);
		before = allocated();
		close_loop(_i);
	} while (allocated() > before);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, server_of_a_closed_loop_leaves_nothing, 0, 2);
}

TEST_MAIN("server close", add)
