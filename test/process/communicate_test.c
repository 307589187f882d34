/* SPDX-License-Identifier: MIT */
/* Pipes to children, and all that goes through them. */
#include "process/programs.h"

/* ---- pipes ---- */

TASK_TEST(what_it_complains_of_comes_by_a_pipe_of_its_own)
{
	struct coro_process_options options = {.err = CORO_PIPE};
	struct coro_process *process = sh("echo woe >&2", &options);
	char got[16] = {0};
	ck_assert_int_eq(coro_process_stdout(process), -EBADF);
	ck_assert_int_eq(coro_read(coro_process_stderr(process), got, sizeof(got) - 1), 4);
	ck_assert_str_eq(got, "woe\n");
	ck_assert_int_eq(end_of(process), 0);
	return 0;
}

TASK_TEST(its_pipes_are_read_and_written_like_all_fds)
{
	struct coro_process_options options = piped();
	struct coro_process *process = sh("read x; echo got $x; read x; echo and $x", &options);
	int in = coro_process_stdin(process), out = coro_process_stdout(process);
	char got[64] = {0};
	ck_assert_int_ne(fcntl(in, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(out, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(in, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(coro_write(in, "one\n", 4), 4);
	ck_assert_int_eq(coro_read(out, got, sizeof(got)), 8);
	ck_assert_str_eq(got, "got one\n");
	ck_assert_int_eq(coro_write(in, "two\n", 4), 4);
	ck_assert_int_eq(coro_read(out, got, sizeof(got)), 8);
	ck_assert_str_eq(got, "and two\n");
	ck_assert_int_eq(coro_read(out, got, sizeof(got)), 0);
	ck_assert_int_eq(coro_process_wait(process, NULL), 0);
	ck_assert_int_eq(coro_write(in, "three\n", 6), -EPIPE);
	return end_of(process);
}

TASK_TEST(a_pipe_can_be_taken_over)
{
	struct coro_process_options options = piped();
	struct coro_process *process = sh("cat", &options);
	int in = coro_process_take_pipe(process, 0), out = coro_process_take_pipe(process, 1);
	char got[8] = {0};
	ck_assert_int_eq(coro_process_stdin(process), -EBADF);
	ck_assert_int_eq(coro_process_destroy(process), 0);
	ck_assert_int_eq(coro_write(in, "hello", 5), 5);
	ck_assert_int_eq(coro_fd_close(in), 0);
	ck_assert_int_eq(coro_read(out, got, sizeof(got)), 5);
	ck_assert_str_eq(got, "hello");
	ck_assert_int_eq(coro_read(out, got, sizeof(got)), 0);
	ck_assert_int_eq(coro_fd_close(out), 0);
	return 0;
}

/* ---- communicate ---- */

/* n bytes, each different from those near it. */
static char *make_bytes(size_t length)
{
	char *bytes = malloc(length);
	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	return bytes;
}

TASK_TEST(much_goes_in_and_out_at_once)
{
	size_t length = (size_t)many(3000000, 300000);
	char *input = make_bytes(length);
	struct coro_process_options options = piped();
	struct coro_bytes out, err;
	options.err = CORO_PIPE;
	struct coro_process *process = sh("tee /dev/stderr", &options);
	ck_assert_int_eq(coro_process_communicate(process, input, length, 0, &out, &err), 0);
	ck_assert_uint_eq(out.length, length);
	ck_assert_uint_eq(err.length, length);
	ck_assert(memcmp(out.bytes, input, length) == 0);
	ck_assert(memcmp(err.bytes, input, length) == 0);
	ck_assert_int_eq(coro_process_stdout(process), -EBADF);
	free(out.bytes);
	free(err.bytes);
	free(input);
	ck_assert_int_eq(end_of(process), 0);
	return 0;
}

TASK_TEST(input_that_it_does_not_read_is_dropped)
{
	size_t length = 1000000;
	char *input = make_bytes(length);
	struct coro_process_options options = piped();
	struct coro_process *process = sh("echo bye", &options);
	struct coro_bytes out;
	ck_assert_int_eq(coro_process_communicate(process, input, length, 0, &out, NULL), 0);
	ck_assert_str_eq(out.bytes, "bye\n");
	free(out.bytes);
	free(input);
	ck_assert_int_eq(end_of(process), 0);
	return 0;
}

TASK_TEST(output_that_nobody_wants_is_dropped)
{
	struct coro_process_options options = {.out = CORO_PIPE, .err = CORO_PIPE};
	struct coro_process *process =
		sh("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 4", &options);
	ck_assert_int_eq(coro_process_communicate(process, NULL, 0, 0, NULL, NULL), 0);
	ck_assert_int_eq(end_of(process), 4);
	return 0;
}

TASK_TEST(without_pipes_it_is_waited_for)
{
	struct coro_process *process = sh("exit 4", NULL);
	struct coro_bytes out;
	ck_assert_int_eq(coro_process_communicate(process, "x", 1, 0, &out, NULL), 0);
	ck_assert_ptr_null(out.bytes);
	ck_assert_int_eq(end_of(process), 4);
	return 0;
}

TASK_TEST(more_than_the_limit_is_an_error)
{
	struct coro_process_options options = {.in = CORO_PIPE, .out = CORO_PIPE, .err = CORO_PIPE};
	struct coro_bytes out = {.length = 7}, err = {.length = 7};
	for (int stream = 1; stream <= 2; stream++) {
		struct coro_process *process =
			sh(stream == 1 ? "echo 1234; read x" : "echo 1234 >&2; read x", &options);
		int r = coro_process_communicate(process, NULL, 0, 5, &out, &err);
		ck_assert_int_eq(r, 0);
		free(out.bytes);
		free(err.bytes);
		out.length = 7;
		end_of(process);

		process = sh(stream == 1 ? "echo 12345; exec cat /dev/zero"
					 : "echo 12345 >&2; exec cat /dev/zero >&2",
			     &options);
		r = coro_process_communicate(process, NULL, 0, 5, &out, NULL);
		ck_assert_int_eq(r, -EMSGSIZE);
		ck_assert_uint_eq(out.length, 7);
		ck_assert_int_eq(coro_process_code(process, NULL), -EAGAIN);
		coro_process_kill(process);
		ck_assert_int_eq(end_of(process), -SIGKILL);
	}
	return 0;
}

TASK_TEST(a_talk_that_was_cut_short_goes_on)
{
	size_t length = 300000;
	char *input = make_bytes(length);
	struct coro_process_options options = {.in = CORO_PIPE, .out = CORO_PIPE, .err = CORO_PIPE};
	struct coro_process *process =
		sh("echo early >&2; head -c 200000; sleep 0.2; exec cat", &options);
	struct coro_bytes out, err;
	int r, times = 0;
	do {
		struct coro_timeout timeout;
		coro_timeout_begin(&timeout, 20 * CORO_MSEC);
		r = coro_process_communicate(process, input, length, 0, &out, &err);
		r = coro_timeout_end(&timeout, r);
		times++;
	} while (r == -ETIMEDOUT);
	ck_assert_int_eq(r, 0);
	ck_assert_int_gt(times, 1);
	ck_assert_uint_eq(out.length, length);
	ck_assert(memcmp(out.bytes, input, length) == 0);
	ck_assert_str_eq(err.bytes, "early\n");
	free(out.bytes);
	free(err.bytes);
	free(input);
	return end_of(process);
}

TASK_TEST(what_was_over_the_limit_can_be_had_with_a_higher_one)
{
	struct coro_process_options options = {.out = CORO_PIPE};
	struct coro_process *process = sh("echo 12345", &options);
	struct coro_bytes out;
	ck_assert_int_eq(coro_process_communicate(process, NULL, 0, 5, &out, NULL), -EMSGSIZE);
	ck_assert_int_eq(coro_process_communicate(process, NULL, 0, 5, &out, NULL), -EMSGSIZE);
	ck_assert_int_eq(coro_process_communicate(process, NULL, 0, 6, &out, NULL), 0);
	ck_assert_str_eq(out.bytes, "12345\n");
	free(out.bytes);
	return end_of(process);
}

TASK_TEST(one_task_at_a_time_talks_to_it_and_may_be_cancelled)
{
	struct coro_process_options options = piped();
	struct coro_future *task;
	options.err = CORO_PIPE;
	shared = sh("echo early; read x; exec sleep 1000", &options);
	coro_spawn(talks_to_shared, NULL, &task);
	coro_task_yield();
	ck_assert_int_eq(talks_to_shared(NULL), -EBUSY);
	ck_assert_int_eq(coro_process_destroy(shared), -EBUSY);
	coro_task_yield();
	coro_cancel(task);
	ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_int_eq(coro_process_code(shared, NULL), -EAGAIN);
	coro_process_kill(shared);
	ck_assert_int_eq(end_of(shared), -SIGKILL);
	return 0;
}

static int talks_to_own(void *arg)
{
	struct coro_process_options options = piped();
	options.err = CORO_PIPE;
	shared = sh("echo early; echo early >&2; exec sleep 1000", &options);
	return talks_to_shared(arg);
}

START_TEST(a_task_that_talks_may_be_discarded)
{
	watch_by(_i);
	struct coro_future *task = spawn(talks_to_own, NULL);
	while (!shared)
		turn();
	for (int i = 0; i < 10; i++)
		turn();
	coro_future_unref(task);
	loop_teardown();
	ck_assert_int_eq(coro_process_destroy(shared), 0);
	loop_setup();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, process_setup, process_teardown);
	tcase_add_test(tests, what_it_complains_of_comes_by_a_pipe_of_its_own);
	tcase_add_test(tests, its_pipes_are_read_and_written_like_all_fds);
	tcase_add_test(tests, a_pipe_can_be_taken_over);
	tcase_add_loop_test(tests, much_goes_in_and_out_at_once, 0, WAYS);
	tcase_add_test(tests, input_that_it_does_not_read_is_dropped);
	tcase_add_test(tests, output_that_nobody_wants_is_dropped);
	tcase_add_loop_test(tests, without_pipes_it_is_waited_for, 0, WAYS);
	tcase_add_test(tests, more_than_the_limit_is_an_error);
	tcase_add_loop_test(tests, a_talk_that_was_cut_short_goes_on, 0, WAYS);
	tcase_add_test(tests, what_was_over_the_limit_can_be_had_with_a_higher_one);
	tcase_add_loop_test(tests, one_task_at_a_time_talks_to_it_and_may_be_cancelled, 0, WAYS);
	tcase_add_loop_test(tests, a_task_that_talks_may_be_discarded, 0, WAYS);
}

TEST_MAIN("communicate", add_tests)
