/* SPDX-License-Identifier: MIT */
/* What the library asks of the system where that refuses something. */
#include "base/system.h"

#include "fail_call.h"
#include "support.h"

#include <signal.h>

/* ---- pipes ---- */

/* The result of system_pipe, which is closed again; -1 if an fd is below 3. */
static int make_pipe(void)
{
	int fds[2] = {-1, -1};
	int r = system_pipe(fds);
	if (r < 0)
		return r;
	bool high = fds[0] > 2 && fds[1] > 2;
	bool inherited = !(fcntl(fds[0], F_GETFD) & fcntl(fds[1], F_GETFD) & FD_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
	return high && !inherited ? 0 : -1;
}

static int count_open(void)
{
	int count = 0;
	for (int fd = 0; fd < 64; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int makes_pipes_without_streams(void *arg)
{
	int r = 0;
	close(0);
	close(1);
	close(2);
	int before = count_open();
	if (make_pipe() != 0)
		return 1;
	for (unsigned long n = 1; n <= 2; n++) {
		fail_call("fcntl", n, EMFILE);
		r = make_pipe();
		if (!fail_call_off() || r != -EMFILE || count_open() != before)
			return 1 + (int)n;
	}
	return 0;
}

START_TEST(pipe_is_above_the_standard_streams)
{
	struct child child = child_run(makes_pipes_without_streams, NULL);
	ck_assert_exited(child, 0);
}
END_TEST

static void use_up_fds(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &limit);
}

START_TEST(pipe_is_made_without_pipe2)
{
	struct rlimit before;
	getrlimit(RLIMIT_NOFILE, &before);
#ifdef __linux__
	fail_call("pipe2", 1, ENOSYS);
	ck_assert_int_eq(make_pipe(), 0);
	ck_assert(fail_call_off());
	fail_call("pipe2", 1, ENFILE);
	ck_assert_int_eq(make_pipe(), -ENFILE);
	ck_assert(fail_call_off());
	fail_call("pipe2", 1, ENOSYS);
#endif
	precede_call("pipe", use_up_fds);
	ck_assert_int_eq(make_pipe(), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	fail_call_off();
}
END_TEST

/* ---- signals ---- */

static const char *interrupted_pc, *interrupted_sp, *handler_frame;

static void handle(int number, siginfo_t *info, void *context)
{
	system_interrupted(context, &interrupted_pc, &interrupted_sp);
	handler_frame = __builtin_frame_address(0);
}

START_TEST(handler_sees_where_its_thread_was)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	const char *frame = __builtin_frame_address(0);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	ck_assert_ptr_nonnull(handler_frame);
	if (!interrupted_pc)
		skip_test("the system does not tell");
	/* Between the handler's frame and ours. */
	ck_assert(interrupted_sp > handler_frame && interrupted_sp < frame);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, pipe_is_above_the_standard_streams);
	tcase_add_test(tests, pipe_is_made_without_pipe2);
	tcase_add_test(tests, handler_sees_where_its_thread_was);
}

TEST_MAIN("system", add)
