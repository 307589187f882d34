/* SPDX-License-Identifier: MIT */
/* Servers: a task for each connection, limits, the end of a server; clients that behave badly. */
#include "stream/stream.h"

#include "fds.h"

static struct coro_server *server;
static char address[CORO_ADDRESS_SIZE];

/* ---- handlers ---- */

static int echoes(struct coro_stream *stream, void *arg)
{
	const char *line;
	ssize_t n;
	while ((n = coro_stream_readline(stream, &line)) > 0) {
		int r = coro_stream_write(stream, line, (size_t)n);
		if (r == 0)
			r = coro_stream_drain(stream);
		if (r < 0)
			return r;
	}
	return (int)n;
}

/* The same, and says how it ends. */
static int echoes_and_tells(struct coro_stream *stream, void *arg)
{
	int r = echoes(stream, arg);
	trace("end:%d", r);
	return r;
}

static int says_goodbye(struct coro_stream *stream, void *arg)
{
	int r = coro_sleep(CORO_FOREVER);
	coro_stream_write(stream, "bye", 3);
	return r;
}

static int fails(struct coro_stream *stream, void *arg)
{
	return coro_raise(-EPROTO, "what was %d?", 7);
}

static void is_told(int error, const char *words, void *arg)
{
	trace("%s:%d:%s", (const char *)arg, error, words);
}

/* ---- servers ---- */

struct starting {
	const char *address;
	coro_stream_fn *fn;
	struct coro_server_options options;
};

static int starts(void *arg)
{
	const struct starting *starting = arg;
	return coro_server_start(starting->address, &starting->options, starting->fn, "server",
				 &server);
}

static void begin_with(coro_stream_fn *fn, struct coro_server_options options)
{
	struct starting starting = {"127.0.0.1:0", fn, options};
	ck_assert_int_eq(result_of(starts, &starting), 0);
	ck_assert_int_gt(coro_server_address(server, address, sizeof(address)), 0);
}

static void begin(coro_stream_fn *fn)
{
	begin_with(fn, (struct coro_server_options){0});
}

static int shuts_down(void *grace)
{
	return coro_server_shutdown(server, *(int64_t *)grace);
}

static void end_after(int64_t grace, int cancelled)
{
	ck_assert_int_eq(result_of(shuts_down, &grace), cancelled);
	if (cancelled == 0)
		ck_assert_uint_eq(coro_server_connections(server), 0);
	ck_assert_int_eq(coro_server_destroy(server), 0);
}

static void end(void)
{
	end_after(CORO_SEC, 0);
}

/* A client of the system's own, which blocks; the loop runs when it is told to. */
static int client(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((in_port_t)atoi(strchr(address, ':') + 1));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void turns(int count)
{
	while (count-- > 0)
		turn();
}

/* A client that the server has taken. */
static int taken_client(void)
{
	size_t before = coro_server_connections(server);
	int fd = client();
	while (coro_server_connections(server) == before)
		turn();
	return fd;
}

static bool has_come(int fd, const char *word)
{
	char got[64];
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	if (n < 0)
		return false;
	got[n] = '\0';
	ck_assert_str_eq(got, word);
	return true;
}

/* Runs the loop until that comes to the client. */
static void await(int fd, const char *word)
{
	while (!has_come(fd, word))
		turn();
}

static void reset(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
	close(fd);
}

/* ---- connections ---- */

START_TEST(each_connection_has_a_task)
{
	enum { CLIENTS = 50 };
	int clients[CLIENTS];
	char word[32];
	begin(echoes);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = taken_client();
	ck_assert_uint_eq(coro_server_connections(server), CLIENTS);
	for (int i = 0; i < CLIENTS; i++) {
		snprintf(word, sizeof(word), "number %d\n", i);
		put(clients[i], word);
	}
	for (int i = CLIENTS - 1; i >= 0; i--) {
		snprintf(word, sizeof(word), "number %d\n", i);
		await(clients[i], word);
		close(clients[i]);
	}
	end();
}
END_TEST

static int talks(void *arg)
{
	struct coro_stream *stream;
	const char *line;
	int r = coro_open_connection(address, NULL, NULL, &stream);
	for (int i = 0; i < 100 && r == 0; i++) {
		coro_stream_printf(stream, "%d and %d\n", *(int *)arg, i);
		ssize_t n = coro_stream_readline(stream, &line);
		r = n < 0 ? (int)n : n == 0 ? -EIO : 0;
	}
	coro_stream_destroy(stream);
	return r;
}

START_TEST(clients_and_server_may_share_a_loop)
{
	enum { CLIENTS = 20 };
	struct coro_future *clients[CLIENTS];
	int numbers[CLIENTS];
	begin(echoes);
	for (int i = 0; i < CLIENTS; i++) {
		numbers[i] = i;
		clients[i] = spawn(talks, &numbers[i]);
	}
	for (int i = 0; i < CLIENTS; i++) {
		ck_assert_int_eq(coro_run_until_complete(loop, clients[i], NULL), 0);
		coro_future_unref(clients[i]);
	}
	end();
}
END_TEST

static int talks_local(void *path)
{
	struct coro_stream *stream;
	const char *line;
	int r = coro_open_unix(path, NULL, &stream);
	if (r < 0)
		return r;
	coro_stream_write(stream, "word\n", 5);
	ssize_t n = coro_stream_readline(stream, &line);
	coro_stream_destroy(stream);
	return (int)n;
}

START_TEST(a_server_may_be_local)
{
	char path[64];
	snprintf(path, sizeof(path), "unix:/tmp/coro-server-%d", (int)getpid());
	ck_assert_int_eq(result_of(starts, &(struct starting){path, echoes}), 0);
	ck_assert_int_eq(result_of(talks_local, path + 5), 5);
	end();
	ck_assert_int_eq(result_of(talks_local, path + 5), -ENOENT); /* its file is gone with it */
}
END_TEST

/* Closed when the loop does not run, and closed with it. */
START_TEST(the_file_of_a_server_goes_with_its_loop)
{
	struct stat status;
	char path[64];
	snprintf(path, sizeof(path), "unix:/tmp/coro-server-%d", (int)getpid());
	ck_assert_int_eq(result_of(starts, &(struct starting){path, echoes}), 0);
	ck_assert_int_eq(coro_server_close(server), 0);
	ck_assert_int_lt(lstat(path + 5, &status), 0);
	coro_server_destroy(server);
	ck_assert_int_eq(result_of(starts, &(struct starting){path, echoes}), 0);
	loop_teardown();
	ck_assert_int_lt(lstat(path + 5, &status), 0);
	coro_server_destroy(server);
	loop_setup();
}
END_TEST

START_TEST(the_failure_of_a_handler_is_reported)
{
	begin_with(fails, (struct coro_server_options){.failed = is_told});
	int fd = taken_client();
	await(fd, "");
	turns(2);
	ck_assert_trace("server:-" NUMBER(EPROTO) ":what was 7?");
	close(fd);
	end();
}
END_TEST

static void is_reported(struct coro_loop *reporting, const struct coro_report *report, void *arg)
{
	ck_assert_ptr_eq(reporting, loop);
	ck_assert(coro_is_task(report->future));
	ck_assert_str_eq(report->message, "Unhandled exception in client_connected_cb");
	trace("%s:%d:%s", (const char *)arg, report->error, report->error_message);
}

START_TEST(the_failure_of_a_handler_nobody_asks_for_is_reported)
{
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, is_reported, "loop"), 0);
	begin(fails);
	int fd = taken_client();
	await(fd, "");
	turns(2);
	ck_assert_trace("loop:-" NUMBER(EPROTO) ":what was 7?");
	close(fd);
	end();
}
END_TEST

START_TEST(no_more_connections_are_taken_than_there_may_be)
{
	begin_with(echoes, (struct coro_server_options){.max_connections = 2});
	int one = taken_client(), two = taken_client(), three = client();
	put(three, "three\n");
	turns(10);
	ck_assert_uint_eq(coro_server_connections(server), 2);
	ck_assert(!has_come(three, ""));
	close(one);
	await(three, "three\n");
	ck_assert_uint_eq(coro_server_connections(server), 2);
	close(two);
	close(three);
	end();
}
END_TEST

static int leaves_others_waiting(void *arg)
{
	const char *line;
	int r = (int)coro_stream_readline(arg, &line);
	trace("left:%d", r);
	return 0;
}

static int leaves_a_task(struct coro_stream *stream, void *arg)
{
	return coro_spawn(leaves_others_waiting, stream, NULL);
}

START_TEST(tasks_that_a_handler_leaves_waiting_are_woken)
{
	begin(leaves_a_task);
	int fd = taken_client();
	await(fd, "");
	turns(4);
	ck_assert_trace("left:0");
	ck_assert_uint_eq(coro_server_connections(server), 0);
	close(fd);
	end();
}
END_TEST

/* So that the stream is closed without a farewell, and all that follows is of one turn. */
static int leaves_a_task_and_fails(struct coro_stream *stream, void *arg)
{
	int r = leaves_a_task(stream, arg);
	for (int i = 0; i < 3 && r == 0; i++)
		r = coro_task_yield();
	return fails(stream, arg);
}

/* In whichever order the turn runs them: the task, and the end of its connection. */
START_TEST(tasks_that_a_handler_leaves_waiting_are_woken_before_its_stream_goes)
{
	for (uint64_t seed = 1; seed <= 16; seed++) {
		struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .seed = seed};
		loop_teardown();
		ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
		coro_loop_set_exception_handler(loop, ignore_report, NULL);
		begin(leaves_a_task_and_fails);
		int fd = taken_client();
		while (coro_server_connections(server) > 0)
			turn();
		turns(4);
		ck_assert_trace("left:0");
		ck_assert_int_eq(recv(fd, &(char){0}, 1, MSG_DONTWAIT), -1);
		ck_assert_int_eq(errno, ECONNRESET);
		close(fd);
		end();
	}
}
END_TEST

/* ---- the end ---- */

static int waits_closed(void *arg)
{
	int r = coro_server_wait_closed(server);
	trace("closed:%d", r);
	return r;
}

START_TEST(a_server_tells_where_it_listens)
{
	char text[CORO_ADDRESS_SIZE], small[9];
	int fd;
	begin(echoes);
	ck_assert_uint_eq(coro_server_sockets(server, &fd, 1), 1);
	int length = coro_server_address(server, text, sizeof(text));
	ck_assert_int_eq(length, (int)strlen(text));
	ck_assert_int_eq(strncmp(text, "127.0.0.1:", 10), 0);
	ck_assert_str_ne(text, "127.0.0.1:0");
	ck_assert_int_eq(coro_getsockname(fd, address, sizeof(address)), length);
	ck_assert_str_eq(text, address);
	ck_assert_int_eq(coro_server_address(server, small, sizeof(small)), -ENOBUFS);
	end();
}
END_TEST

START_TEST(connections_go_on_when_a_server_is_closed)
{
	begin(echoes);
	int fd = taken_client();
	struct coro_future *task = start(waits_closed, NULL);
	ck_assert_int_eq(coro_server_close(server), 0);
	ck_assert_int_eq(coro_server_close(server), 0);
	ck_assert_uint_eq(coro_server_sockets(server, NULL, 0), 0);
	ck_assert_int_eq(coro_server_address(server, address, sizeof(address)), -EBADF);
	put(fd, "still there\n");
	await(fd, "still there\n");
	ck_assert_trace("");
	close(fd);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("closed:0");
	ck_assert_int_eq(coro_server_destroy(server), 0);
}
END_TEST

START_TEST(connections_go_on_when_a_server_is_destroyed)
{
	begin(echoes_and_tells);
	int fd = taken_client();
	ck_assert_int_eq(coro_server_destroy(server), 0);
	put(fd, "still there\n");
	await(fd, "still there\n");
	close(fd);
	turns(4);
	ck_assert_trace("end:0");
}
END_TEST

static void close_it(void *fd)
{
	close(*(int *)fd);
}

START_TEST(shutdown_lets_connections_end)
{
	begin(echoes_and_tells);
	int one = taken_client(), two = taken_client();
	at(CORO_SEC, close_it, &one);
	at(2 * CORO_SEC, close_it, &two);
	end_after(3 * CORO_SEC, 0);
	ck_assert_trace("end:0 end:0");
	ck_assert_int_eq(coro_loop_time(loop), 2 * CORO_SEC);
}
END_TEST

static int waits_for_itself(struct coro_stream *stream, void *arg)
{
	trace("%d", coro_server_wait_closed(server));
	return 0;
}

START_TEST(a_handler_does_not_wait_for_its_own_end)
{
	begin(waits_for_itself);
	close(taken_client());
	turns(5);
	char expected[16];
	snprintf(expected, sizeof(expected), "%d", -EDEADLK);
	ck_assert_trace(expected);
	end();
}
END_TEST

START_TEST(shutdown_cancels_connections_that_do_not_end)
{
	begin(says_goodbye);
	int one = taken_client(), two = taken_client();
	end_after(3 * CORO_SEC, 2);
	ck_assert_int_eq(coro_loop_time(loop), 3 * CORO_SEC);
	expect(one, "bye");
	expect(one, "");
	expect(two, "bye");
	close(one);
	close(two);
}
END_TEST

START_TEST(shutdown_without_grace_cancels_at_once)
{
	begin(says_goodbye);
	int fd = taken_client();
	end_after(0, 1);
	ck_assert_int_eq(coro_loop_time(loop), 0);
	close(fd);
}
END_TEST

START_TEST(a_cancelled_shutdown_cancels_the_connections)
{
	int64_t grace = CORO_SEC;
	begin(echoes_and_tells);
	int fd = taken_client();
	struct coro_future *task = start(shuts_down, &grace);
	turn();
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_trace("end:-" NUMBER(ECANCELED));
	ck_assert_int_eq(coro_loop_time(loop), 0);
	close(fd);
	ck_assert_int_eq(coro_server_destroy(server), 0);
	turns(4);
}
END_TEST

static int serves(void *arg)
{
	int r = coro_server_serve_forever(server);
	trace("served:%d", r);
	return r;
}

START_TEST(a_server_serves_until_it_is_closed)
{
	char text[64];
	begin(echoes);
	struct coro_future *task = start(serves, NULL);
	turns(4);
	ck_assert_int_ge(coro_task_waiting(task, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "a server, to be closed");
	ck_assert_int_eq(coro_server_destroy(server), -EBUSY);
	ck_assert_int_eq(coro_server_close(server), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("served:0");
	end();
}
END_TEST

START_TEST(a_server_that_is_cancelled_is_closed)
{
	begin(echoes);
	struct coro_future *task = start(serves, NULL);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_uint_eq(coro_server_sockets(server, NULL, 0), 0);
	end();
}
END_TEST

START_TEST(a_server_that_cannot_go_on_says_why)
{
	int fd;
	begin(echoes);
	struct coro_future *task = start(serves, NULL);
	coro_server_sockets(server, &fd, 1);
	ck_assert_int_eq(shutdown(fd, SHUT_RD), 0); /* which ends the listening */
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EINVAL);
	coro_future_unref(task);
	end();
}
END_TEST

enum { SIZES = 256 };

/* Takes memory of each size, so that what was freed just now is written over. */
static void take_what_is_free(void *blocks[SIZES])
{
	for (size_t i = 0; i < SIZES; i++) {
		blocks[i] = malloc(16 * (i + 1));
		ck_assert_ptr_nonnull(blocks[i]);
		memset(blocks[i], 0x5a, 16 * (i + 1));
	}
}

START_TEST(a_loop_may_be_closed_with_a_server_that_could_not_go_on)
{
	void *blocks[SIZES];
	int fd;
	begin(echoes);
	struct coro_future *task = start(serves, NULL);
	coro_server_sockets(server, &fd, 1);
	ck_assert_int_eq(shutdown(fd, SHUT_RD), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EINVAL);
	coro_future_unref(task);
	loop_teardown();
	take_what_is_free(blocks);
	ck_assert_int_eq(coro_server_destroy(server), 0);
	for (size_t i = 0; i < SIZES; i++)
		free(blocks[i]);
	loop_setup();
}
END_TEST

START_TEST(a_loop_may_be_closed_with_its_servers)
{
	begin(echoes);
	int one = taken_client(), two = taken_client();
	put(one, "half a li");
	turns(3);
	loop_teardown();
	expect(two, "");
	close(one);
	close(two);
	if (_i == 0)
		ck_assert_int_eq(coro_server_close(server), 0);
	ck_assert_uint_eq(coro_server_connections(server), 0);
	ck_assert_int_eq(coro_server_destroy(server), 0);
	loop_setup();
}
END_TEST

START_TEST(a_loop_may_be_closed_with_servers_that_were_given_back)
{
	begin(echoes);
	int fd = taken_client();
	ck_assert_int_eq(coro_server_destroy(server), 0);
	loop_teardown();
	expect(fd, "");
	close(fd);
	loop_setup();
}
END_TEST

/* ---- clients that behave badly ---- */

START_TEST(slow_clients_cost_little_and_hold_up_nobody)
{
	enum { SLOW = 100 };
	int slow[SLOW];
	begin(echoes);
	for (int i = 0; i < SLOW; i++)
		slow[i] = taken_client();
	for (const char *at = "never ends"; *at; at++) {
		for (int i = 0; i < SLOW; i++)
			ck_assert_int_eq(write(slow[i], at, 1), 1);
		turn();
	}
	int quick = taken_client();
	put(quick, "quick\n");
	await(quick, "quick\n");
	struct coro_stream *stream;
	ck_assert_int_eq(coro_server_connections(server), SLOW + 1);
	struct streams *streams =
		container_of(loop->extensions[EXTENSION_STREAMS], struct streams, extension);
	list_for_each(link, &streams->open) {
		stream = container_of(link, struct coro_stream, link);
		if (stream->in)
			ck_assert_uint_le(stream->in->size, 1024);
	}
	for (int i = 0; i < SLOW; i++)
		close(slow[i]);
	close(quick);
	end();
}
END_TEST

START_TEST(a_client_that_has_ended_its_half_gets_its_answer)
{
	begin(echoes);
	int fd = taken_client();
	put(fd, "last words");
	shutdown(fd, SHUT_WR);
	await(fd, "last words");
	await(fd, "");
	close(fd);
	end();
}
END_TEST

START_TEST(a_client_may_be_gone_abruptly)
{
	begin_with(echoes_and_tells, (struct coro_server_options){.failed = is_told});
	int fd = taken_client();
	put(fd, "half a li");
	turns(3);
	reset(fd);
	turns(4);
	ck_assert_uint_eq(coro_server_connections(server), 0);
	ck_assert_trace("end:-" NUMBER(ECONNRESET) " server:-" NUMBER(
		ECONNRESET) ":Connection reset by peer");
	fd = client();
	reset(fd); /* before it was taken */
	fd = taken_client();
	put(fd, "word\n");
	await(fd, "word\n");
	close(fd);
	trace_take();
	end();
}
END_TEST

static int pours(struct coro_stream *stream, void *arg)
{
	static char bytes[65536];
	int r = 0;
	while (r == 0) {
		r = coro_stream_write(stream, bytes, sizeof(bytes));
		if (r == 0)
			r = coro_stream_drain(stream);
	}
	trace("end:%d", r);
	return r;
}

START_TEST(a_client_that_does_not_read_is_waited_for_in_bounded_memory)
{
	begin(pours);
	int fd = taken_client();
	turns(100);
	struct streams *streams =
		container_of(loop->extensions[EXTENSION_STREAMS], struct streams, extension);
	struct coro_stream *stream = container_of(streams->open.next, struct coro_stream, link);
	ck_assert_uint_gt(stream->pending, 0);
	ck_assert_uint_le(stream->pending, 65536 + 65536);
	end_after(CORO_SEC, 1);
	ck_assert_trace("end:-" NUMBER(ECANCELED));
	close(fd);
}
END_TEST

static int pours_once(struct coro_stream *stream, void *arg)
{
	static char bytes[10000000];
	return coro_stream_write(stream, bytes, sizeof(bytes));
}

/* Reads to the end, which must be a clean one, while the loop runs; returns the number of bytes. */
static size_t read_to_end(int fd)
{
	static char bytes[65536];
	size_t length = 0;
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) != 0) {
		ck_assert(n > 0 || errno == EAGAIN);
		length += n > 0 ? (size_t)n : 0;
		if (n < 0)
			turn();
	}
	return length;
}

/* Before the server is shut down, or after. */
START_TEST(what_a_handler_has_written_arrives_after_its_end)
{
	begin(pours_once);
	int fd = taken_client();
	turns(10);
	ck_assert_uint_eq(coro_server_connections(server), 1);
	if (_i) {
		ck_assert_int_eq(result_of(shuts_down, &(int64_t){0}), 0);
		ck_assert_uint_eq(coro_server_connections(server), 1);
	}
	ck_assert_uint_eq(read_to_end(fd), 10000000);
	end();
	close(fd);
}
END_TEST

/* More connections than may be served, and they do not end. */
START_TEST(clients_that_do_not_read_keep_nobody_out)
{
	enum { MOST = 2, CLIENTS = 5 };
	int clients[CLIENTS];
	begin_with(pours_once, (struct coro_server_options){.max_connections = MOST});
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = client();
		while (recv(clients[i], &(char){0}, 1, MSG_DONTWAIT) != 1)
			turn();
	}
	turns(10);
	ck_assert_uint_eq(coro_server_connections(server), MOST);
	ck_assert_uint_eq(read_to_end(clients[CLIENTS - 1]), 10000000 - 1);
	ck_assert_int_eq(result_of(shuts_down, &(int64_t){CORO_FOREVER}), 0);
	ck_assert_int_eq(coro_server_destroy(server), 0);
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
}
END_TEST

static int fails_after_a_part(struct coro_stream *stream, void *arg)
{
	coro_stream_write(stream, "half", 4);
	coro_stream_flush(stream);
	if (arg)
		trace("fails");
	return -EIO;
}

static int closes_and_fails(struct coro_stream *stream, void *arg)
{
	coro_stream_write(stream, "whole", 5);
	coro_stream_close(stream);
	return fails(stream, arg);
}

/* Unless its handler has closed the stream itself. */
START_TEST(the_client_of_a_handler_that_fails_is_reset)
{
	static char got[64];
	ssize_t n;
	begin_with(_i ? closes_and_fails : fails_after_a_part,
		   (struct coro_server_options){.failed = is_told});
	int fd = client();
	await(fd, _i ? "whole" : "half");
	while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) < 0 && errno == EAGAIN)
		turn();
	ck_assert_int_eq(n, _i ? 0 : -1);
	if (n < 0)
		ck_assert_int_eq(errno, ECONNRESET);
	close(fd);
	end();
	trace_take();
}
END_TEST

static int sleeps(void *delay)
{
	return coro_sleep(*(int64_t *)delay);
}

/* Many connections at once, which are all reset, before or after they are accepted. */
static void reset_many(bool taken)
{
	enum { CLIENTS = 100 };
	int clients[CLIENTS];
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = client();
	while (taken && coro_server_connections(server) < CLIENTS)
		turn();
	for (int i = 0; i < CLIENTS; i++)
		reset(clients[i]);
	/* The others were before it in the line. */
	int last = client();
	put(last, "last\n");
	await(last, "last\n");
	close(last);
	while (coro_server_connections(server) > 0)
		turn();
}

START_TEST(thousands_may_be_reset_at_once_and_leave_no_memory)
{
	size_t before = 0;
	begin(echoes);
	for (int i = 0; i < many(30, 6); i++)
		reset_many(i % 2);
	for (int i = 0; i == 0 || allocated() > before; i++) {
		ck_assert_int_lt(i, 20);
		before = allocated();
		reset_many(false);
		reset_many(true);
	}
	end();
}
END_TEST

START_TEST(a_client_may_be_gone_abruptly_in_the_middle_of_its_answer)
{
	begin(pours);
	for (int i = 0; i < 20; i++) {
		int fd = taken_client();
		turns(i);
		if (i % 2)
			recv(fd, (char[100]){0}, 100, MSG_DONTWAIT);
		reset(fd);
		while (coro_server_connections(server) > 0)
			turn();
		const char *ended = trace_take();
		ck_assert_msg(strcmp(ended, "end:-" NUMBER(ECONNRESET)) == 0 ||
				      strcmp(ended, "end:-32") == 0,
			      "%s", ended);
	}
	end();
}
END_TEST

START_TEST(a_line_without_end_takes_no_more_memory_than_the_limit)
{
	static char bytes[10000];
	begin_with(echoes_and_tells, (struct coro_server_options){.stream.limit = 100000});
	int fd = taken_client();
	memset(bytes, 'x', sizeof(bytes));
	for (int i = 0; i < 100 && coro_server_connections(server) > 0; i++) {
		send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
		turns(3);
	}
	ck_assert_uint_eq(coro_server_connections(server), 0);
	ck_assert_trace("end:-" NUMBER(EMSGSIZE));
	close(fd);
	end();
}
END_TEST

/* A peer that has ended its half and reads nothing: the loop sleeps meanwhile. */
START_TEST(waiting_for_a_half_closed_client_uses_no_time)
{
	begin(pours);
	int fd = taken_client();
	shutdown(fd, SHUT_WR);
	turns(50);
	int64_t an_hour = 3600 * CORO_SEC;
	ck_assert_int_eq(result_of(sleeps, &an_hour), 0);
	ck_assert_trace("");
	end_after(CORO_SEC, 1);
	ck_assert_trace("end:-" NUMBER(ECANCELED));
	close(fd);
}
END_TEST

/* ---- failures ---- */

static struct rlimit usual;

static void there_is_room(void *arg)
{
	setrlimit(RLIMIT_NOFILE, &usual);
}

static void pause_is_reported(struct coro_loop *reporting, const struct coro_report *report,
			      void *arg)
{
	ck_assert_ptr_eq(reporting, loop);
	ck_assert_str_eq(report->error_message, coro_strerror(-EMFILE));
	trace("%s:%s:%d", (const char *)arg, report->message, report->error);
}

START_TEST(a_server_without_fds_goes_on_and_reports_it_once)
{
	/* valgrind has fds of its own beyond the limit, and closes another one there. */
	if (RUNNING_ON_VALGRIND || getenv("VALGRIND"))
		skip_test("valgrind");
	coro_loop_set_exception_handler(loop, pause_is_reported, "loop");
	begin_with(echoes, (struct coro_server_options){.failed = _i ? is_told : NULL});
	int early = taken_client(), late = client(), next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &usual);
	struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = usual.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	put(early, "early\n");
	await(early, "early\n");
	put(late, "late\n");
	at(CORO_SEC * 3 / 2, there_is_room, NULL);
	ck_assert_int_eq(result_of(sleeps, &(int64_t){2 * CORO_SEC - 1}), 0);
	ck_assert_trace(_i ? "server:-24:socket.accept() out of system resource"
			   : "loop:socket.accept() out of system resource:-24");
	ck_assert_uint_eq(coro_server_connections(server), 1);
	ck_assert_int_eq(result_of(sleeps, &(int64_t){1}), 0);
	await(late, "late\n");
	close(early);
	close(late);
	end();
}
END_TEST

static int serves_one(void *arg)
{
	struct coro_server *mine;
	struct coro_stream *stream = NULL;
	char to[CORO_ADDRESS_SIZE];
	const char *line;
	int fd, r = coro_server_start("127.0.0.1:0", NULL, echoes, NULL, &mine);
	if (r < 0)
		return r;
	coro_server_sockets(mine, &fd, 1);
	r = coro_getsockname(fd, to, sizeof(to));
	if (r > 0)
		r = coro_open_connection(to, NULL, NULL, &stream);
	if (r == 0)
		r = coro_stream_write(stream, "word\n", 5);
	if (r == 0)
		r = (int)coro_stream_readline(stream, &line);
	coro_stream_destroy(stream);
	int end = coro_server_shutdown(mine, CORO_SEC);
	coro_server_destroy(mine);
	if (r == 0 || r == -ECONNRESET || r == -EPIPE || r == -ECONNREFUSED)
		return -ENOMEM; /* the other end had none, and was closed */
	return r < 0 ? r : end < 0 ? end : 0;
}

START_TEST(any_allocation_may_fail)
{
	fail_each_allocation(serves_one);
}
END_TEST

static void *uses_elsewhere(void *arg)
{
	ck_assert_int_eq(coro_server_close(server), -EPERM);
	ck_assert_int_eq(coro_server_wait_closed(server), -EPERM);
	ck_assert_int_eq(coro_server_serve_forever(server), -EPERM);
	ck_assert_int_eq(coro_server_shutdown(server, 0), -EPERM);
	ck_assert_int_eq(coro_server_destroy(server), -EPERM);
	return NULL;
}

START_TEST(a_server_is_for_its_thread)
{
	begin(echoes);
	in_thread(uses_elsewhere, NULL);
	ck_assert_uint_eq(coro_server_sockets(server, NULL, 0), 1);
	end();
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	struct coro_server *none = NULL;
	ck_assert_int_eq(result_of(starts, &(struct starting){"127.0.0.1:0", NULL}), -EINVAL);
	ck_assert_int_eq(result_of(starts, &(struct starting){NULL, echoes}), -EINVAL);
	ck_assert_int_eq(result_of(starts, &(struct starting){"nonsense", echoes}), -EINVAL);
	ck_assert_int_eq(result_of(starts,
				   &(struct starting){"127.0.0.1:0", echoes, {.stack_size = 1}}),
			 -EINVAL);
	ck_assert_int_eq(result_of(starts, &(struct starting){"127.0.0.1:0",
							      echoes,
							      {.stream = {.high_water = 1,
									  .low_water = 2}}}),
			 -EINVAL);
	ck_assert_int_eq(coro_server_start("127.0.0.1:0", NULL, echoes, NULL, &none), -EPERM);
	ck_assert_int_eq(coro_server_start("127.0.0.1:0", NULL, echoes, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_server_close(none), -EINVAL);
	ck_assert_int_eq(coro_server_wait_closed(none), -EINVAL);
	ck_assert_int_eq(coro_server_serve_forever(none), -EINVAL);
	ck_assert_int_eq(coro_server_shutdown(none, 0), -EINVAL);
	ck_assert_uint_eq(coro_server_sockets(none, NULL, 0), 0);
	ck_assert_int_eq(coro_server_address(none, address, sizeof(address)), -EINVAL);
	ck_assert_uint_eq(coro_server_connections(none), 0);
	ck_assert_int_eq(coro_server_destroy(none), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, each_connection_has_a_task);
	tcase_add_test(tests, clients_and_server_may_share_a_loop);
	tcase_add_test(tests, a_server_may_be_local);
	tcase_add_test(tests, the_file_of_a_server_goes_with_its_loop);
	tcase_add_test(tests, the_failure_of_a_handler_is_reported);
	tcase_add_test(tests, the_failure_of_a_handler_nobody_asks_for_is_reported);
	tcase_add_test(tests, no_more_connections_are_taken_than_there_may_be);
	tcase_add_test(tests, tasks_that_a_handler_leaves_waiting_are_woken);
	tcase_add_test(tests, tasks_that_a_handler_leaves_waiting_are_woken_before_its_stream_goes);
	tcase_add_test(tests, a_server_tells_where_it_listens);
	tcase_add_test(tests, connections_go_on_when_a_server_is_closed);
	tcase_add_test(tests, connections_go_on_when_a_server_is_destroyed);
	tcase_add_test(tests, shutdown_lets_connections_end);
	tcase_add_test(tests, a_handler_does_not_wait_for_its_own_end);
	tcase_add_test(tests, shutdown_cancels_connections_that_do_not_end);
	tcase_add_test(tests, shutdown_without_grace_cancels_at_once);
	tcase_add_test(tests, a_cancelled_shutdown_cancels_the_connections);
	tcase_add_test(tests, a_server_serves_until_it_is_closed);
	tcase_add_test(tests, a_server_that_is_cancelled_is_closed);
	tcase_add_test(tests, a_server_that_cannot_go_on_says_why);
	tcase_add_test(tests, a_loop_may_be_closed_with_a_server_that_could_not_go_on);
	tcase_add_loop_test(tests, a_loop_may_be_closed_with_its_servers, 0, 2);
	tcase_add_test(tests, a_loop_may_be_closed_with_servers_that_were_given_back);
	tcase_add_test(tests, slow_clients_cost_little_and_hold_up_nobody);
	tcase_add_test(tests, a_client_that_has_ended_its_half_gets_its_answer);
	tcase_add_test(tests, a_client_may_be_gone_abruptly);
	tcase_add_test(tests, a_client_that_does_not_read_is_waited_for_in_bounded_memory);
	tcase_add_loop_test(tests, what_a_handler_has_written_arrives_after_its_end, 0, 2);
	tcase_add_test(tests, clients_that_do_not_read_keep_nobody_out);
	tcase_add_loop_test(tests, the_client_of_a_handler_that_fails_is_reset, 0, 2);
	tcase_add_test(tests, thousands_may_be_reset_at_once_and_leave_no_memory);
	tcase_add_test(tests, a_client_may_be_gone_abruptly_in_the_middle_of_its_answer);
	tcase_add_test(tests, a_line_without_end_takes_no_more_memory_than_the_limit);
	tcase_add_test(tests, waiting_for_a_half_closed_client_uses_no_time);
	tcase_add_loop_test(tests, a_server_without_fds_goes_on_and_reports_it_once, 0, 2);
	tcase_add_test(tests, any_allocation_may_fail);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, a_server_is_for_its_thread);
}

TEST_MAIN("server", add)
