/* SPDX-License-Identifier: MIT */
/* Flags of options: every call refuses those that are not its own. */
#include "support.h"

#include <coro.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int succeed(void *arg)
{
	return 0;
}

/* ---- calls with flags: what each returns for them ---- */

static int create(unsigned flags)
{
	struct coro_options options = {.flags = flags};
	struct coro *made = NULL;
	int r = coro_create_with(&options, succeed, NULL, &made);
	coro_destroy(made);
	return r;
}

static int loop_create(unsigned flags)
{
	struct coro_loop_options options = {.flags = flags};
	struct coro_loop *made = NULL;
	int r = coro_loop_create(&options, &made);
	coro_loop_close(made);
	return r;
}

static int runner_create(unsigned flags)
{
	struct coro_loop_options options = {.flags = flags};
	struct coro_runner *made = NULL;
	int r = coro_runner_create(&options, &made);
	coro_runner_close(made);
	return r;
}

static int run_with(unsigned flags)
{
	struct coro_loop_options options = {.flags = flags};
	return coro_run_with(&options, succeed, NULL);
}

static int loop_spawn(unsigned flags)
{
	struct coro_options options = {.flags = flags};
	struct coro_loop *loop;
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	struct coro_future *task = NULL;
	int r = coro_loop_spawn(loop, &options, succeed, NULL, &task);
	if (r == 0)
		r = coro_run_until_complete(loop, task, NULL);
	coro_future_unref(task);
	coro_loop_close(loop);
	return r;
}

static int listen_on(unsigned flags)
{
	struct coro_listen_options options = {.flags = flags};
	int fd = -1, r = coro_listen("127.0.0.1:0", &options, &fd);
	if (r == 0)
		coro_fd_close(fd);
	return r;
}

static int listen_on_all(unsigned flags)
{
	struct coro_listen_options options = {.flags = flags};
	int fd = -1, r = coro_listen_all("127.0.0.1:0", &options, &fd, 1);
	if (r > 0)
		coro_fd_close(fd);
	return r > 0 ? 0 : r;
}

static int dial(unsigned flags)
{
	char address[CORO_ADDRESS_SIZE];
	struct coro_dial_options options = {.flags = flags};
	int listener, fd;
	ck_assert_int_eq(coro_listen("127.0.0.1:0", NULL, &listener), 0);
	ck_assert_int_gt(coro_getsockname(listener, address, sizeof(address)), 0);
	int r = coro_dial(address, &options, &fd);
	if (r == 0)
		coro_fd_close(fd);
	coro_fd_close(listener);
	return r;
}

static struct coro_process_options process_options;

static int spawn_process(void *arg)
{
	char *argv[] = {"true", NULL};
	struct coro_process *process;
	int r = coro_process_spawn(argv, &process_options, &process);
	if (r < 0)
		return r;
	coro_process_wait(process, NULL);
	return coro_process_destroy(process);
}

/* Its standard input is a terminal, as one of the flags wants. */
static int process(unsigned flags)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(terminal, 0);
	process_options.in = terminal;
	process_options.flags = flags;
	int r = coro_run(spawn_process, NULL);
	close(terminal);
	close(master);
	return r;
}

#define LOOP_FLAGS \
	(CORO_VIRTUAL_CLOCK | CORO_DEBUG | CORO_EAGER_TASKS | CORO_SIGTERM | CORO_SAVE_EXCEPTIONS)
#define LISTEN_FLAGS (CORO_NET_REUSEPORT | CORO_NET_DELAY | CORO_NET_V6ONLY | CORO_NET_KEEPALIVE)

static const struct {
	const char *name;
	int (*call)(unsigned flags);
	unsigned own;
} calls[] = {
	{"coro_create_with", create, CORO_SAVE_EXCEPTIONS},
	{"coro_loop_spawn", loop_spawn, CORO_SAVE_EXCEPTIONS | CORO_EAGER_START},
	{"coro_loop_create", loop_create, LOOP_FLAGS},
	{"coro_runner_create", runner_create, LOOP_FLAGS},
	{"coro_run_with", run_with, LOOP_FLAGS},
	{"coro_listen", listen_on, LISTEN_FLAGS},
	{"coro_listen_all", listen_on_all, LISTEN_FLAGS},
	{"coro_dial", dial, CORO_NET_DELAY | CORO_NET_KEEPALIVE},
	{"coro_process_spawn", process,
	 CORO_PROCESS_SESSION | CORO_PROCESS_GROUP | CORO_PROCESS_KEEP_FDS | CORO_PROCESS_OUTLIVE |
		 CORO_PROCESS_KEEP_SIGPIPE | CORO_PROCESS_TERMINAL},
};

START_TEST(each_bit_is_the_calls_own_or_refused)
{
	for (int bit = 0; bit < 32; bit++) {
		unsigned flag = 1U << bit;
		int r = calls[_i].call(flag), expected = calls[_i].own & flag ? 0 : -EINVAL;
		ck_assert_msg(r == expected, "%s with bit %d: %d, not %d", calls[_i].name, bit, r,
			      expected);
	}
	ck_assert_int_eq(calls[_i].call(calls[_i].own), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	int count = sizeof(calls) / sizeof(*calls);
	tcase_add_loop_test(tests, each_bit_is_the_calls_own_or_refused, 0, count);
}

TEST_MAIN("flags", add_tests)
