/* SPDX-License-Identifier: MIT */
/* Connections of sockets: they are accepted and made. */
#include "fds.h"

#include <poll.h>

static struct sockaddr_in address;
static int listening;

static void listen_setup(void)
{
	fds_setup();
	listening = listen_tcp(&address);
}

static void listen_teardown(void)
{
	if (listening >= 0)
		close(listening);
	fds_teardown();
}

/* Connects by the system's own call. */
static int connect_to(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)to, sizeof(*to)), 0);
	return fd;
}

/* ---- accept ---- */

static int accepts(void *arg)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	int fd = coro_accept(listening, (struct sockaddr *)&peer, &length);
	if (fd >= 0) {
		ck_assert_uint_eq(length, sizeof(peer));
		ck_assert_uint_eq(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
		*(int *)arg = fd;
	}
	return fd < 0 ? fd : 0;
}

START_TEST(accept_waits_for_a_connection)
{
	int accepted = -1;
	struct coro_future *task = start(accepts, &accepted);
	int client = connect_to(&address);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(fcntl(accepted, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(accepted, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	task = start(reads_once, &(struct reading){"a", accepted});
	put(client, "hello");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:hello");
	coro_future_unref(task);
	close(accepted);
	close(client);
}
END_TEST

START_TEST(accept_works_on_a_socket_that_blocks)
{
	int accepted = -1;
	fcntl(listening, F_SETFL, fcntl(listening, F_GETFL) & ~O_NONBLOCK);
	struct coro_future *task = start(accepts, &accepted);
	int client = connect_to(&address);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	close(accepted);
	close(client);
}
END_TEST

static void takes_the_connection(void)
{
	close(accept(listening, NULL, NULL));
}

START_TEST(a_connection_that_another_takes_is_not_waited_for)
{
	int accepted = -1;
	if (on_uring())
		skip_test("the kernel accepts itself");
	fcntl(listening, F_SETFL, fcntl(listening, F_GETFL) & ~O_NONBLOCK);
	struct coro_future *task = start(accepts, &accepted);
	int first = connect_to(&address);
	precede_call("accept4", takes_the_connection);
	turn(); /* only the task waits */
	turn();
	int second = connect_to(&address);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	put(second, "x");
	expect(accepted, "x");
	precede_call(NULL, NULL);
	close(accepted);
	close(first);
	close(second);
}
END_TEST

START_TEST(o_nonblock_is_put_on_again_for_accept)
{
	int accepted = -1;
	if (on_uring())
		skip_test("the kernel accepts itself");
	struct coro_future *task = start(accepts, &accepted);
	fcntl(listening, F_SETFL, fcntl(listening, F_GETFL) & ~O_NONBLOCK);
	int first = connect_to(&address);
	precede_call("accept4", takes_the_connection);
	turn();
	turn();
	int second = connect_to(&address);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	precede_call(NULL, NULL);
	close(accepted);
	close(first);
	close(second);
}
END_TEST

START_TEST(several_accept_on_one_socket)
{
	int accepted[3] = {-1, -1, -1}, clients[3];
	struct coro_future *tasks[3];
	for (int i = 0; i < 3; i++)
		tasks[i] = start(accepts, &accepted[i]);
	for (int i = 0; i < 3; i++)
		clients[i] = connect_to(&address);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
		/* In the order they came, both sides. */
		put(clients[i], "x");
		expect(accepted[i], "x");
		close(accepted[i]);
		close(clients[i]);
	}
}
END_TEST

START_TEST(outside_of_tasks_accept_blocks)
{
	int client = connect_to(&address), accepted = coro_accept(listening, NULL, NULL);
	ck_assert_int_ge(accepted, 0);
	close(accepted);
	close(client);
}
END_TEST

START_TEST(accept_passes_over_connections_that_are_gone)
{
	static const int passing[] = {ECONNABORTED,    ECONNRESET,   ETIMEDOUT,      EPROTO,
				      ENETDOWN,        EHOSTUNREACH, ENETUNREACH,    EOPNOTSUPP,
				      ENOPROTOOPT,     EHOSTDOWN,    ENONET,         ENOSR,
				      EPROTONOSUPPORT, EPERM,        ESOCKTNOSUPPORT};
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		int accepted = -1, client = connect_to(&address);
		fail_call("accept4", 1, passing[i]);
		ck_assert_int_eq(result_of(accepts, &accepted), 0);
		ck_assert(fail_call_off());
		close(accepted);
		close(client);
	}
}
END_TEST

START_TEST(accept_does_not_go_on_for_ever_after_an_error_that_stays)
{
	int accepted = -1, client = connect_to(&address);
	fail_calls_from("accept4", 1, EPROTO);
	ck_assert_int_eq(result_of(accepts, &accepted), -EPROTO);
	ck_assert(fail_call_off());
	close(client);
}
END_TEST

START_TEST(accept_tells_when_there_is_no_room)
{
	static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
	int accepted = -1, client = connect_to(&address);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fail_call("accept4", 1, errors[i]);
		ck_assert_int_eq(result_of(accepts, &accepted), -errors[i]);
		ck_assert(fail_call_off());
	}
	/* The connection still waits. */
	ck_assert_int_eq(result_of(accepts, &accepted), 0);
	close(accepted);
	close(client);
}
END_TEST

START_TEST(an_accept_that_is_cancelled_takes_none)
{
	int a = -1, b = -1;
	struct coro_future *first = start(accepts, &a), *second = start(accepts, &b);
	int client = connect_to(&address);
	coro_call_soon(loop, cancel_it, first, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, second, NULL), 0);
	assert_ended(first, -ECANCELED);
	assert_ended(second, 0);
	ck_assert_int_eq(a, -1);
	close(b);
	close(client);
}
END_TEST

static int accepts_one_by_one(void *arg)
{
	int *accepted = arg;
	for (int i = 0; i < 100; i++) {
		*accepted = coro_accept(listening, NULL, NULL);
		if (*accepted < 0)
			return *accepted;
		char got;
		ssize_t n = coro_read(*accepted, &got, 1);
		if (n < 0)
			return (int)n;
		/* Closed by what the loop does not see; the next gets the same number. */
		close(*accepted);
	}
	return 0;
}

START_TEST(a_number_that_accept_gives_is_a_new_one)
{
	int accepted = -1;
	struct coro_future *task = start(accepts_one_by_one, &accepted);
	for (int i = 0; i < 100; i++) {
		int client = connect_to(&address), before = accepted;
		for (int turns = 0; turns < 10 && accepted == before; turns++)
			turn();
		turn();
		put(client, "x");
		for (int turns = 0; turns < 3; turns++)
			turn();
		close(client);
	}
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
}
END_TEST

static int accept_misuses(void *arg)
{
	struct sockaddr_in peer;
	int fds[2];
	ck_assert_int_eq(coro_accept(listening, (struct sockaddr *)&peer, NULL), -EINVAL);
	ck_assert_int_eq(coro_accept(-1, NULL, NULL), -EBADF);
	ck_assert_int_eq(pipe(fds), 0);
	put(fds[1], "x");
	ck_assert_int_eq(coro_accept(fds[0], NULL, NULL), -ENOTSOCK);
	coro_fd_close(fds[0]);
	coro_fd_close(fds[1]);
	int fd = new_socket(AF_INET, SOCK_STREAM, O_NONBLOCK);
	ck_assert_int_eq(coro_accept(fd, NULL, NULL), -EINVAL);
	coro_fd_close(fd);
	fd = new_socket(AF_INET, SOCK_DGRAM, O_NONBLOCK);
	ck_assert_int_eq(coro_accept(fd, NULL, NULL), -EOPNOTSUPP);
	coro_fd_close(fd);
	return 0;
}

START_TEST(accept_refuses_what_cannot_be)
{
	ck_assert_int_eq(result_of(accept_misuses, NULL), 0);
}
END_TEST

/* ---- connect ---- */

static int connects(void *arg)
{
	return coro_connect(*(int *)arg, (struct sockaddr *)&address, sizeof(address));
}

static int tcp_socket(int flags)
{
	int fd = new_socket(AF_INET, SOCK_STREAM, flags);
	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(connect_connects)
{
	int fd = tcp_socket(_i ? O_NONBLOCK : 0), flags = fcntl(fd, F_GETFL);
	ck_assert_int_eq(result_of(connects, &fd), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL), flags);
	int accepted = accept(listening, NULL, NULL);
	put(fd, "hello");
	expect(accepted, "hello");
	ck_assert_int_eq(result_of(connects, &fd), -EISCONN);
	close(fd);
	close(accepted);
}
END_TEST

START_TEST(outside_of_tasks_connect_blocks)
{
	int fd = tcp_socket(_i ? O_NONBLOCK : 0);
	ck_assert_int_eq(connects(&fd), 0);
	close(fd);
}
END_TEST

START_TEST(a_refused_connection_is_an_error)
{
	int fd = tcp_socket(_i ? O_NONBLOCK : 0), other = tcp_socket(0);
	close(listening);
	listening = -1;
	ck_assert_int_eq(result_of(connects, &fd), -ECONNREFUSED);
	ck_assert_int_eq(connects(&other), -ECONNREFUSED);
	/* Another attempt is as good as the first. */
	ck_assert_int_eq(result_of(connects, &fd), -ECONNREFUSED);
	close(fd);
	close(other);
}
END_TEST

/* Then a second connect would block, and the socket is asked for the result of the first. */
START_TEST(somebody_clears_o_nonblock_while_a_socket_connects)
{
	int fd = tcp_socket(O_NONBLOCK);
	if (_i) {
		close(listening);
		listening = -1;
	}
	fail_call("connect", 1, EINPROGRESS); /* as if it took a while */
	struct coro_future *task = start(connects, &fd);
	fail_call_off();
	int began = connect(fd, (struct sockaddr *)&address, sizeof(address));
	ck_assert(began == 0 || errno == EINPROGRESS || errno == ECONNREFUSED || on_uring());
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	int r = coro_run_until_complete(loop, task, NULL);
	ck_assert_int_eq(r, _i ? -ECONNREFUSED : 0);
	coro_future_unref(task);
	close(fd);
}
END_TEST

START_TEST(an_interrupted_connect_goes_on)
{
	int fd = tcp_socket(O_NONBLOCK);
	/* As the system would: the connection has begun when the signal comes. */
	ck_assert(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
		  errno == EINPROGRESS);
	fail_call("connect", 1, EINTR);
	ck_assert_int_eq(result_of(connects, &fd), 0);
	ck_assert(fail_call_off());
	close(fd);
}
END_TEST

static int connecting;

/* The connection is there by now. */
static void has_connected(void)
{
	ck_assert_int_eq(connect(connecting, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* It is not there yet, when it is asked for first. */
static void has_not_connected(void)
{
	precede_call("getpeername", has_connected);
}

START_TEST(a_connect_that_has_not_ended_is_asked_for_again)
{
	connecting = tcp_socket(0);
	fail_call("connect", 1, EINPROGRESS);
	precede_call("getpeername", has_not_connected);
	ck_assert_int_eq(connects(&connecting), 0);
	ck_assert(fail_call_off());
	close(connecting);
}
END_TEST

/* An address where nobody answers, because its backlog is full. */
static int fill_backlog(int *clients, int count)
{
	int made = 0;
	for (; made < count; made++) {
		clients[made] = tcp_socket(O_NONBLOCK);
		connect(clients[made], (struct sockaddr *)&address, sizeof(address));
		struct pollfd fd = {.fd = clients[made], .events = POLLOUT};
		if (poll(&fd, 1, 20) == 0)
			return made + 1;
	}
	return 0;
}

static int connects_within_a_second(void *arg)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_SEC);
	return coro_timeout_end(&timeout, connects(arg));
}

START_TEST(a_connect_that_is_not_answered_ends_at_its_deadline)
{
	int clients[16], count, fd;
	ck_assert_int_eq(listen(listening, 0), 0);
	count = fill_backlog(clients, 16);
	fd = tcp_socket(O_NONBLOCK);
	if (count > 0) {
		ck_assert_int_eq(result_of(connects_within_a_second, &fd), -ETIMEDOUT);
		/* Again: the system has not given up. */
		struct coro_future *task = start(connects, &fd);
		ck_assert(!coro_future_done(task));
		cancel(task);
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
		coro_future_unref(task);
	}
	close(fd);
	for (int i = 0; i < count; i++)
		close(clients[i]);
}
END_TEST

static struct sockaddr_un local;

static int connects_local(void *arg)
{
	return coro_connect(*(int *)arg, (struct sockaddr *)&local,
			    (socklen_t)(sizeof(sa_family_t) + 1 + strlen(local.sun_path + 1)));
}

/* A local socket with room for one connection. */
static int listen_local(void)
{
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	local = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(local.sun_path + 1, sizeof(local.sun_path) - 1, "coro-test-%d", (int)getpid());
	ck_assert_int_eq(bind(server, (struct sockaddr *)&local,
			      (socklen_t)(sizeof(sa_family_t) + 1 + strlen(local.sun_path + 1))),
			 0);
	ck_assert_int_eq(listen(server, 0), 0);
	return server;
}

START_TEST(a_full_line_of_a_local_socket_is_waited_for)
{
	int server = listen_local(), fds[3];
	for (int i = 0; i < 3; i++)
		fds[i] = new_socket(AF_UNIX, SOCK_STREAM, _i ? O_NONBLOCK : 0);
	ck_assert_int_eq(result_of(connects_local, &fds[0]), 0);
	struct coro_future *task = start(connects_local, &fds[1]);
	turn();
	ck_assert(!coro_future_done(task));
	int accepted = accept(server, NULL, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	/* Waiting for it may be cancelled. */
	task = start(connects_local, &fds[2]);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	close(accepted);
	close(server);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}
END_TEST

static int closes_one(void *arg)
{
	return coro_fd_close(*(int *)arg);
}

START_TEST(a_socket_that_waits_in_such_a_line_may_be_closed)
{
	int server = listen_local(), fds[2];
	for (int i = 0; i < 2; i++)
		fds[i] = new_socket(AF_UNIX, SOCK_STREAM, _i ? O_NONBLOCK : 0);
	ck_assert_int_eq(result_of(connects_local, &fds[0]), 0);
	struct coro_future *task = start(connects_local, &fds[1]);
	struct coro_future *second = start(connects_local, &fds[1]);
	turn();
	ck_assert(!coro_future_done(task));
	/* Where a thread connects a socket that blocks, that is for one task. Else they stand in line. */
	bool refused = coro_future_done(second);
	ck_assert_int_eq(result_of(closes_one, &fds[1]), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EBADF);
	ck_assert_int_eq(coro_run_until_complete(loop, second, NULL), refused ? -EALREADY : -EBADF);
	coro_future_unref(task);
	coro_future_unref(second);
	close(fds[0]);
	close(server);
}
END_TEST

static int connect_misuses(void *arg)
{
	static const struct sockaddr_storage much[2] = {{.ss_family = AF_INET}};
	int fds[2], fd = tcp_socket(0);
	ck_assert_int_eq(coro_connect(-1, (struct sockaddr *)&address, sizeof(address)), -EBADF);
	ck_assert_int_eq(coro_connect(fd, (struct sockaddr *)&address, 1), -EINVAL);
	ck_assert_int_eq(coro_connect(fd, (struct sockaddr *)&much, sizeof(much)), -EINVAL);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(coro_connect(fds[0], (struct sockaddr *)&address, sizeof(address)),
			 -ENOTSOCK);
	coro_fd_close(fd);
	coro_fd_close(fds[0]);
	coro_fd_close(fds[1]);
	return 0;
}

START_TEST(connect_refuses_what_cannot_be)
{
	ck_assert_int_eq(result_of(connect_misuses, NULL), 0);
	ck_assert_int_eq(connect_misuses(NULL), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, listen_setup, listen_teardown);
	tcase_add_test(tests, accept_waits_for_a_connection);
	tcase_add_test(tests, accept_works_on_a_socket_that_blocks);
	tcase_add_test(tests, a_connection_that_another_takes_is_not_waited_for);
	tcase_add_test(tests, o_nonblock_is_put_on_again_for_accept);
	tcase_add_test(tests, several_accept_on_one_socket);
	tcase_add_test(tests, outside_of_tasks_accept_blocks);
	tcase_add_test(tests, accept_passes_over_connections_that_are_gone);
	tcase_add_test(tests, accept_does_not_go_on_for_ever_after_an_error_that_stays);
	tcase_add_test(tests, accept_tells_when_there_is_no_room);
	tcase_add_test(tests, an_accept_that_is_cancelled_takes_none);
	tcase_add_test(tests, a_number_that_accept_gives_is_a_new_one);
	tcase_add_test(tests, accept_refuses_what_cannot_be);
	tcase_add_loop_test(tests, connect_connects, 0, 2);
	tcase_add_loop_test(tests, outside_of_tasks_connect_blocks, 0, 2);
	tcase_add_loop_test(tests, a_refused_connection_is_an_error, 0, 2);
	tcase_add_loop_test(tests, somebody_clears_o_nonblock_while_a_socket_connects, 0, 2);
	tcase_add_test(tests, an_interrupted_connect_goes_on);
	tcase_add_test(tests, a_connect_that_has_not_ended_is_asked_for_again);
	tcase_add_test(tests, a_connect_that_is_not_answered_ends_at_its_deadline);
	tcase_add_loop_test(tests, a_full_line_of_a_local_socket_is_waited_for, 0, 2);
	tcase_add_loop_test(tests, a_socket_that_waits_in_such_a_line_may_be_closed, 0, 2);
	tcase_add_test(tests, connect_refuses_what_cannot_be);
}

TEST_MAIN("connection", add)
