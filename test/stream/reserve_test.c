/* SPDX-License-Identifier: MIT */
/* What fds, signals, streams and servers reserve in a loop: see room.h. */
#include "loop/loop.h"

#include "fds.h"
#include "room.h"

static void nothing(void *arg)
{
}

static int fd_callbacks(void *arg)
{
	int fds[2], r = new_socketpair(AF_UNIX, SOCK_STREAM, O_NONBLOCK, fds);
	if (r < 0)
		return -errno;
	r = coro_loop_add_reader(coro_running_loop(), fds[0], nothing, NULL);
	if (r == 0)
		r = coro_loop_add_reader(coro_running_loop(), fds[0], nothing, NULL);
	if (r == 0)
		r = coro_loop_add_writer(coro_running_loop(), fds[0], nothing, NULL);
	if (r == 0)
		r = coro_loop_add_writer(coro_running_loop(), fds[1], nothing, NULL);
	for (int i = 0; i < 3 && r == 0; i++)
		r = coro_task_yield(); /* they are called in each turn, and time stands still */
	coro_loop_remove_writer(coro_running_loop(), fds[0]);
	coro_fd_close(fds[0]);
	coro_fd_close(fds[1]);
	return r < 0 ? r : coro_sleep(1);
}

static int signals(void *arg)
{
	struct coro_loop *here = coro_running_loop();
	int r = coro_loop_add_signal_handler(here, SIGUSR2, nothing, NULL);
	if (r == 0)
		r = coro_loop_add_signal_handler(here, SIGUSR2, nothing, NULL);
	if (r == 0)
		kill(getpid(), SIGUSR2);
	if (r == 0)
		r = coro_sleep(1);
	coro_loop_remove_signal_handler(here, SIGUSR2);
	return r;
}

static int streams(void *arg)
{
	static char much[1 << 18];
	struct coro_stream *stream;
	int fds[2], r = socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	if (r < 0)
		return -errno;
	r = coro_stream_open(fds[0], NULL, &stream);
	if (r < 0) {
		close(fds[0]);
	} else {
		r = coro_stream_write(stream, much, sizeof(much));
		for (ssize_t n = 1; r == 0 && n > 0 && coro_stream_pending(stream) > 0;) {
			n = coro_read(fds[1], much, sizeof(much));
			r = n < 0 ? (int)n : 0;
		}
		coro_stream_abort(stream);
		coro_stream_destroy(stream);
	}
	coro_fd_close(fds[1]);
	int slept = coro_sleep(1);
	return r < 0 ? r : slept;
}

static int serves(struct coro_stream *stream, void *arg)
{
	int r = coro_stream_write(stream, "hello\n", 6);
	return r < 0 ? r : coro_stream_flush(stream);
}

static int servers(void *arg)
{
	struct coro_server *server;
	struct coro_stream *stream = NULL;
	const char *line;
	char address[64];
	int r = coro_server_start("127.0.0.1:0", NULL, serves, NULL, &server);
	if (r < 0)
		return r;
	coro_server_address(server, address, sizeof(address));
	r = coro_open_connection(address, NULL, NULL, &stream);
	if (r == 0)
		r = (int)coro_stream_readline(stream, &line);
	if (stream)
		coro_stream_destroy(stream);
	coro_server_close(server);
	int closed = coro_server_wait_closed(server);
	coro_server_destroy(server);
	return r < 0 ? r : closed;
}

static const struct {
	const char *name;
	coro_fn *fn;
	bool real; /* other threads, the kernel or children take part: not for failing allocations */
} programs[] = {
	{"fd_callbacks", fd_callbacks},
	{"signals", signals},
	{"streams", streams},
	{"servers", servers, true},
};

enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

START_TEST(what_is_reserved_is_given_back)
{
	assert_gives_back(programs[_i].name, programs[_i].fn);
}
END_TEST

START_TEST(what_is_reserved_is_given_back_without_memory)
{
	if (!programs[_i].real)
		assert_gives_back_without_memory(programs[_i].name, programs[_i].fn);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, what_is_reserved_is_given_back, 0, PROGRAMS);
	tcase_add_loop_test(tests, what_is_reserved_is_given_back_without_memory, 0, PROGRAMS);
}

TEST_MAIN("reserve", add)
