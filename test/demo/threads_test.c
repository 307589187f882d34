/* SPDX-License-Identifier: MIT */
/* demo/threads.h: all threads serve at one address, end at one signal, and fail together. */
#include "new_fds.h"
#include "support.h"

#include "../../demo/threads.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>

enum { THREADS = 3 };

static atomic_int served[THREADS], ended;
static char address[512];

/* Says which thread it is. */
static int serve(struct coro_stream *stream, void *arg)
{
	int *number = arg;
	served[*number]++;
	return coro_stream_write(stream, "hello", 5);
}

static bool all_have_served(void)
{
	for (int i = 0; i < THREADS; i++)
		if (served[i] == 0)
			return false;
	return true;
}

static void connect_once(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	char answer[6] = "";
	int fd = new_socket(AF_INET, SOCK_STREAM, O_CLOEXEC);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(recv(fd, answer, 5, MSG_WAITALL), 5);
	ck_assert_str_eq(answer, "hello");
	close(fd);
}

/* A thread. The system chooses by the client's port, so each gets a connection in the end. */
static void *connects(void *arg)
{
	while (!all_have_served())
		connect_once();
	kill(getpid(), SIGTERM);
	return NULL;
}

static int runs_server(unsigned i, void *arg)
{
	struct threads *threads = arg;
	const struct coro_server_options options = {.listen.flags = threads->flags};
	struct coro_server *server;
	pthread_t client;
	int number = (int)i, r = threads_begin(threads, i);
	if (r == 0)
		r = coro_server_start(threads->address, &options, serve, &number, &server);
	if (r < 0)
		return r;
	threads_ready(threads, i, server);
	if (i == 0)
		strcpy(address, threads->address);
	if (i == 0)
		ck_assert_int_eq(pthread_create(&client, NULL, connects, NULL), 0);
	r = threads_wait(threads, i);
	coro_server_shutdown(server, 2 * CORO_SEC);
	coro_server_destroy(server);
	ended++;
	if (i == 0)
		pthread_join(client, NULL);
	return r;
}

START_TEST(all_threads_serve_and_one_signal_ends_them)
{
	ck_assert_int_eq(threads_run(THREADS, "127.0.0.1:0", runs_server), 0);
	ck_assert(all_have_served());
	ck_assert_int_eq(ended, THREADS);
}
END_TEST

/* The first listens without sharing the port, so the others cannot listen. */
static int keeps_the_port(unsigned i, void *arg)
{
	struct threads *threads = arg;
	const struct coro_server_options options = {.listen.flags = i ? threads->flags : 0};
	struct coro_server *server;
	int r = threads_begin(threads, i);
	if (r == 0)
		r = coro_server_start(threads->address, &options, serve, NULL, &server);
	if (r < 0)
		return r;
	threads_ready(threads, i, server);
	r = threads_wait(threads, i);
	coro_server_destroy(server);
	ended++;
	return r;
}

START_TEST(a_thread_that_cannot_listen_ends_all)
{
	ck_assert_int_eq(threads_run(THREADS, "127.0.0.1:0", keeps_the_port), -EADDRINUSE);
	ck_assert_int_eq(ended, 1);
}
END_TEST

static int fails_at_once(unsigned i, void *arg)
{
	int r = threads_begin(arg, i);
	return i == 0 ? -EADDRNOTAVAIL : r;
}

START_TEST(nobody_waits_for_an_address_that_cannot_be_had)
{
	ck_assert_int_eq(threads_run(THREADS, "127.0.0.1:0", fails_at_once), -EADDRNOTAVAIL);
}
END_TEST

START_TEST(an_address_may_be_too_long)
{
	char text[1000];
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(threads_run(1, text, runs_server), -ENAMETOOLONG);
}
END_TEST

static const struct {
	const char *words[5];
	unsigned threads;
	int left;
} options[] = {
	{{"name", "address"}, 1, 2},
	{{"name", "--threads", "2", "address"}, 2, 2},
	{{"name", "--threads", "1024"}, 1024, 1},
	{{"name", "--threads"}, 1, 2},
	{{"name", "--threads", "0", "address"}, 1, 4},
	{{"name", "--threads", "-1", "address"}, 1, 4},
	{{"name", "--threads", "1025", "address"}, 1, 4},
	{{"name", "--threads", "2x", "address"}, 1, 4},
	{{"name", "--threads", "", "address"}, 1, 4},
	{{"name", "address", "--threads", "2"}, 1, 4},
};

START_TEST(an_option_says_how_many)
{
	char *words[5], **argv = words;
	int argc = 0;
	while (argc < 5 && options[_i].words[argc]) {
		words[argc] = (char *)options[_i].words[argc];
		argc++;
	}
	ck_assert_uint_eq(threads_option(&argc, &argv), options[_i].threads);
	ck_assert_int_eq(argc, options[_i].left);
	ck_assert_str_eq(argv[0], "name");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, all_threads_serve_and_one_signal_ends_them);
	tcase_add_test(tests, a_thread_that_cannot_listen_ends_all);
	tcase_add_test(tests, nobody_waits_for_an_address_that_cannot_be_had);
	tcase_add_test(tests, an_address_may_be_too_long);
	tcase_add_loop_test(tests, an_option_says_how_many, 0, sizeof(options) / sizeof(*options));
}

TEST_MAIN("threads", add_tests)
