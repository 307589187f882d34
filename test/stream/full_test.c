/* SPDX-License-Identifier: MIT */
/* Calls of streams, servers and signals in a loop without room: see room.h. */
#include "room.h"

#include "fds.h"

static struct coro_server *server;
static struct coro_stream *stream;
static struct pair pair;

static int serves(struct coro_stream *client, void *arg)
{
	return 0;
}

static int starts_a_server(void *arg)
{
	int r = coro_server_start("127.0.0.1:0", NULL, serves, NULL, &server);
	return r < 0 ? r : coro_server_destroy(server);
}

static int listening;
static char address[64];

static int listens(void)
{
	struct sockaddr_in at;
	listening = listen_tcp(&at);
	snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(at.sin_port));
	return 0;
}

static void stops_listening(void)
{
	close(listening);
}

static int dials(void *arg)
{
	const struct coro_dial_options options = {.timeout = 100 * CORO_SEC};
	int fd, r = coro_dial(address, &options, &fd);
	return r < 0 ? r : coro_fd_close(fd);
}

/* Its file goes with it, also where it fails. */
static int listens_locally(void *arg)
{
	char path[64], local[80];
	int fd;
	snprintf(path, sizeof(path), "/tmp/coro-full-%d", (int)getpid());
	snprintf(local, sizeof(local), "unix:%s", path);
	int r = coro_listen(local, NULL, &fd);
	if (r == 0)
		r = coro_fd_close(fd);
	return access(path, F_OK) < 0 ? r : -EEXIST;
}

static void nothing(void *arg)
{
}

static int handles_a_signal(void *arg)
{
	int r = coro_loop_add_signal_handler(loop, SIGUSR1, nothing, NULL);
	if (r < 0)
		return r;
	return coro_loop_remove_signal_handler(loop, SIGUSR1) == 1 ? 0 : -EIO;
}

static int open_stream(void)
{
	pair = make_pair(UNIX);
	int r = coro_stream_open(pair.from, NULL, &stream);
	put(pair.to, "text");
	close(pair.to);
	return r;
}

static void drop_stream(void)
{
	if (coro_stream_destroy(stream) < 0)
		abort();
}

/* What is not handed over is still there. */
static int reads_all(void *arg)
{
	char *bytes;
	ssize_t n = coro_stream_read_all(stream, 100, &bytes);
	if (n == -ENOMEM)
		n = coro_stream_read_all(stream, 100, &bytes) == 4 ? (free(bytes), -ENOMEM) : -EIO;
	else if (n >= 0)
		free(bytes);
	return n == 4 ? 0 : n < 0 ? (int)n : -EIO;
}

static int opens_a_stream(void *arg)
{
	struct coro_stream *opened;
	int fd = dup(STDERR_FILENO), r = coro_stream_open(fd, NULL, &opened);
	if (r < 0)
		close(fd);
	return r < 0 ? r : coro_stream_destroy(opened);
}

static int opens_a_long_path(void *arg)
{
	char path[1000];
	struct coro_stream *opened;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	return coro_open_unix(path, NULL, &opened);
}

static const struct {
	coro_fn *call;
	int (*before)(void);
	void (*after)(void);
} calls[] = {
	{starts_a_server, NULL, NULL},         {listens_locally, NULL, NULL},
	{dials, listens, stops_listening},     {handles_a_signal, NULL, NULL},
	{reads_all, open_stream, drop_stream}, {opens_a_stream, NULL, NULL},
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static int makes(void *number)
{
	int i = *(int *)number;
	return fail_without_room(calls[i].call, calls[i].before, calls[i].after);
}

START_TEST(call_that_finds_no_room_fails)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	ck_assert_int_eq(result_of(makes, &_i), 0);
	run();
	struct room before = reserved();
	ck_assert_int_eq(result_of(makes, &_i), 0);
	run();
	assert_reserved(before, "call %d", _i);
}
END_TEST

START_TEST(path_that_is_too_long_is_refused)
{
	ck_assert_int_eq(result_of(opens_a_long_path, NULL), -ENAMETOOLONG);
}
END_TEST

START_TEST(stream_needs_a_loop_that_runs)
{
	struct coro_stream *opened;
	ck_assert_int_eq(coro_stream_open(STDERR_FILENO, NULL, &opened), -EPERM);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, call_that_finds_no_room_fails, 0, CALLS);
	tcase_add_test(tests, path_that_is_too_long_is_refused);
	tcase_add_test(tests, stream_needs_a_loop_that_runs);
}

TEST_MAIN("full streams", add)
