/* SPDX-License-Identifier: MIT */
/*
 * The system calls that messages and connections cost: as many as in a plain loop, which receives
 * and sends for each message, and waits once for all that came together.
 */
#include "fds.h"

#include <sys/resource.h>

enum { MESSAGE = 64, MOST = 1000, BATCHES = 4 };

static int clients[MOST], count;
static struct sockaddr_in address;
static struct coro_event all_answered;
static struct coro_event all_gone;
static int unanswered, left;
static bool dawdling; /* the peer is answered, and writes again, before it is read from again */

/* ---- counting ---- */

static unsigned long waits(void)
{
	return calls_of("epoll_wait") + calls_of("epoll_pwait2") + calls_of("ppoll") +
	       calls_of("kevent") + calls_of("io_uring_enter");
}

/* Queries that a plain loop does not make, each with a bound of its own. */
static unsigned long questions(void)
{
	return calls_of("poll") + calls_of("fcntl") + calls_of("ioctl") + calls_of("getsockopt");
}

/* What is handed over to io_uring, by calls of their own. */
static unsigned long handed_over(void)
{
	return calls_of("uring_poll") + calls_of("uring_cancel");
}

/* The client's, which a server does not make on sockets. */
static unsigned long clients_own(void)
{
	return calls_of("read") + calls_of("write") + calls_of("socket") + calls_of("connect");
}

/* ---- servers, with a task for each connection ---- */

static void answered(void)
{
	if (--unanswered == 0)
		coro_event_set(&all_answered);
	if (dawdling)
		coro_task_yield();
}

static void gone(void)
{
	if (--left == 0)
		coro_event_set(&all_gone);
}

static int echoes(void *arg)
{
	char bytes[1024];
	int fd = (int)(intptr_t)arg;
	ssize_t n;
	while ((n = coro_read(fd, bytes, sizeof(bytes))) > 0 &&
	       (n = coro_write(fd, bytes, (size_t)n)) > 0)
		answered();
	coro_fd_close(fd);
	gone();
	return (int)n;
}

struct service {
	bool streams;
	int listening;
	struct coro_group *group;
	struct coro_server *server;
};

static int accepts(void *arg)
{
	const struct service *service = arg;
	int fd, r = 0;
	while (r == 0 && (fd = coro_accept(service->listening, NULL, NULL)) >= 0)
		r = coro_group_spawn(service->group, echoes, (void *)(intptr_t)fd, NULL);
	return r < 0 || fd == -EBADF ? r : fd; /* it was closed */
}

static int echoes_stream(struct coro_stream *stream, void *arg)
{
	char bytes[MESSAGE];
	while (coro_stream_readexactly(stream, bytes, MESSAGE) > 0 &&
	       coro_stream_write(stream, bytes, MESSAGE) == 0)
		answered();
	gone();
	return 0;
}

static void begin_service(struct service *service)
{
	if (service->streams) {
		socklen_t length = sizeof(address);
		ck_assert_int_eq(coro_server_start("127.0.0.1:0", NULL, echoes_stream, NULL,
						   &service->server),
				 0);
		coro_server_sockets(service->server, &service->listening, 1);
		getsockname(service->listening, (struct sockaddr *)&address, &length);
		return;
	}
	service->listening = listen_tcp(&address);
	ck_assert_int_eq(listen(service->listening, MOST), 0);
	ck_assert_int_eq(coro_group_create(&service->group), 0);
	ck_assert_int_eq(coro_group_spawn(service->group, accepts, service, NULL), 0);
}

/* All connections are closed. */
static void end_service(struct service *service)
{
	if (service->streams) {
		ck_assert_int_eq(coro_server_shutdown(service->server, CORO_SEC), 0);
		coro_server_destroy(service->server);
	} else {
		coro_fd_close(service->listening);
		ck_assert_int_eq(coro_group_end(service->group, 0), 0);
	}
}

/* ---- the client ---- */

static void connect_all(void)
{
	for (int i = 0; i < count; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		ck_assert_int_ge(clients[i], 0);
		ck_assert_int_eq(connect(clients[i], (struct sockaddr *)&address, sizeof(address)),
				 0);
	}
}

static void close_all(void)
{
	for (int i = 0; i < count; i++)
		close(clients[i]);
}

static void say_all(void)
{
	static const char message[MESSAGE] = "ping";
	coro_event_clear(&all_answered);
	unanswered = count;
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(write(clients[i], message, MESSAGE), MESSAGE);
}

static void hear_all(void)
{
	char bytes[MESSAGE + 1];
	ck_assert_int_eq(coro_event_wait(&all_answered), 0);
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(read(clients[i], bytes, sizeof(bytes)), MESSAGE);
}

/* Each writes, and reads when all have been answered; n times. */
static void exchange(int batches)
{
	for (int i = 0; i < batches; i++) {
		say_all();
		hear_all();
	}
}

static bool raise_limit(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < FDS) {
		limit.rlim_cur = limit.rlim_max < FDS ? limit.rlim_max : FDS;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return (rlim_t)count * 2 + 100 <= limit.rlim_cur;
}

/* ---- messages ---- */

static int counts_messages(void *arg)
{
	begin_service(arg);
	connect_all();
	exchange(2);
	fail_call(NULL, 0, 0);
	exchange(BATCHES);
	fail_call_off();
	close_all();
	end_service(arg);
	return 0;
}

/* io_uring hands over what has come twenty at a time, and tells of what was sent as well. */
static unsigned long waits_for(unsigned long messages)
{
	return on_uring() ? 2 * (BATCHES + messages / 20) : BATCHES;
}

/* In a plain loop: a recv and a send for each message, a wait for each batch. */
static void assert_messages_cost_what_they_must(void)
{
	unsigned long messages = (unsigned long)count * BATCHES;
	ck_assert_uint_eq(calls_of("recv"), messages);
	ck_assert_uint_eq(calls_of("send"), messages);
	ck_assert_uint_ge(waits(), BATCHES);
	ck_assert_uint_le(waits(), waits_for(messages));
	ck_assert_uint_eq(calls_of(NULL), 2 * messages + waits() + handed_over() + clients_own());
}

/* How many connections. */
static int count_of(int i)
{
	const int counts[] = {1, 50, many(MOST, 200)};
	return counts[i];
}

START_TEST(messages_cost_as_many_calls_as_in_a_plain_loop)
{
	struct service service = {.streams = _i % 2};
	count = count_of(_i / 2);
	if (!raise_limit())
		skip_test("no %d fds here", count * 2);
	ck_assert_int_eq(result_of(counts_messages, &service), 0);
	assert_messages_cost_what_they_must();
}
END_TEST

static int counts_messages_after_quick_ones(void *arg)
{
	begin_service(arg);
	connect_all();
	dawdling = true;
	exchange(5);
	dawdling = false;
	exchange(2);
	fail_call(NULL, 0, 0);
	exchange(BATCHES);
	fail_call_off();
	close_all();
	end_service(arg);
	return 0;
}

START_TEST(so_they_do_though_a_peer_was_quicker_than_we_were)
{
	struct service service = {.streams = _i};
	count = 1;
	ck_assert_int_eq(result_of(counts_messages_after_quick_ones, &service), 0);
	assert_messages_cost_what_they_must();
}
END_TEST

/* ---- connections ---- */

/* Each comes, says one thing, hears it back and goes. */
static void come_and_go(void)
{
	left = count;
	coro_event_clear(&all_gone);
	connect_all();
	exchange(1);
	close_all();
	ck_assert_int_eq(coro_event_wait(&all_gone), 0);
	coro_task_yield(); /* what a stream's task does after its function */
}

static int counts_connections(void *arg)
{
	struct coro_pool_stats before, after;
	begin_service(arg);
	come_and_go();
	coro_pool_stats(&before);
	fail_call(NULL, 0, 0);
	for (int i = 0; i < BATCHES; i++)
		come_and_go();
	fail_call_off();
	coro_pool_stats(&after);
	ck_assert_uint_eq(after.cold, before.cold); /* so no stack was mapped, guarded or born */
	end_service(arg);
	return 0;
}

/*
 * In a plain loop an accept, a call for TCP_NODELAY and a registration; for a message that comes and
 * the end, two recvs and a send; and a close. Here TCP_NODELAY comes from the listening socket; but an
 * fd is deregistered, since a duplicate may live on, and it is asked once whether a short read has
 * emptied it. A listening socket is asked, after each wait, whether it has kept O_NONBLOCK; and of a stream
 * whose peer has ended, whether all that was written has arrived. A socket that a task closes is asked
 * whether that would linger.
 */
START_TEST(a_connection_costs_its_deregistration_and_one_question)
{
	struct service service = {.streams = _i % 2};
	count = count_of(_i / 2);
	if (!raise_limit())
		skip_test("no %d fds here", count * 2);
	ck_assert_int_eq(result_of(counts_connections, &service), 0);
	unsigned long connections = (unsigned long)count * BATCHES;
	bool on_epoll = strcmp(coro_loop_poller(loop), "epoll") == 0;
	ck_assert_uint_le(calls_of("accept4"), connections + BATCHES);
	ck_assert_uint_eq(calls_of("recv"), 2 * connections);
	ck_assert_uint_eq(calls_of("send"), connections);
	ck_assert_uint_le(calls_of("poll"), connections);
	ck_assert_uint_le(calls_of("fcntl"), connections / 10 + 2 * BATCHES);
	ck_assert_uint_le(calls_of("ioctl"), service.streams ? connections : 0);
	ck_assert_uint_le(calls_of("getsockopt"), service.streams ? 0 : connections);
	ck_assert_uint_eq(calls_of("epoll_ctl"), on_epoll ? 2 * connections : 0);
	ck_assert_uint_eq(calls_of("close"), 2 * connections); /* of both ends */
	/* io_uring has one accept at a time. */
	ck_assert_uint_le(waits(),
			  10 * BATCHES + (on_uring() ? connections + connections / 10 : 0));
	ck_assert_uint_eq(calls_of(NULL), calls_of("accept4") + calls_of("recv") +
						  calls_of("send") + questions() +
						  calls_of("epoll_ctl") + calls_of("close") +
						  waits() + handed_over() + clients_own());
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, messages_cost_as_many_calls_as_in_a_plain_loop, 0, 6);
	tcase_add_loop_test(tests, so_they_do_though_a_peer_was_quicker_than_we_were, 0, 2);
	tcase_add_loop_test(tests, a_connection_costs_its_deregistration_and_one_question, 0, 6);
}

TEST_MAIN("calls", add)
