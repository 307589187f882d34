/* SPDX-License-Identifier: MIT */
/* Reads and writes that end early: by cancellation or an error. */
#include "io/pairs.h"

/* ---- cancellation ---- */

START_TEST(a_cancelled_read_takes_nothing)
{
	pair = make_pair(_i);
	struct coro_future *a = start(reads_once, &(struct reading){"a", pair.from});
	cancel(a);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), -ECANCELED);
	put(pair.to, "word");
	ck_assert_int_eq(result_of(reads_once, &(struct reading){"b", pair.from}), 0);
	ck_assert_trace("a:-" NUMBER(ECANCELED) " b:word");
	coro_future_unref(a);
	close_pair(pair);
}
END_TEST

START_TEST(what_comes_with_a_cancellation_is_not_lost)
{
	pair = make_pair(_i);
	struct coro_future *a = start(reads_once, &(struct reading){"a", pair.from});
	struct coro_future *b = start(reads_once, &(struct reading){"b", pair.from});
	cancel(a);
	put(pair.to, "word");
	int r = coro_run_until_complete(loop, a, NULL);
	if (r == 0)
		put(pair.to, "again");
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	ck_assert_trace(r == 0 ? "a:word b:again" : "a:-" NUMBER(ECANCELED) " b:word");
	coro_future_unref(a);
	coro_future_unref(b);
	close_pair(pair);
}
END_TEST

static void cancel_when_woken(void *task)
{
	cancel(task);
}

START_TEST(one_that_is_woken_and_cancelled_passes_it_on)
{
	pair = make_pair(_i);
	struct coro_future *a = start(reads_once, &(struct reading){"a", pair.from});
	struct coro_future *b = start(reads_once, &(struct reading){"b", pair.from});
	put(pair.to, "word");
	/* The callback runs in the turn that wakes a, before it. */
	ck_assert_int_eq(coro_call_soon(loop, cancel_when_woken, a, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	ck_assert_trace("a:-" NUMBER(ECANCELED) " b:word");
	assert_ended(a, -ECANCELED);
	assert_ended(b, 0);
	close_pair(pair);
}
END_TEST

START_TEST(the_second_of_a_line_may_be_cancelled)
{
	pair = make_pair(_i);
	struct coro_future *tasks[3];
	struct reading readings[3] = {
		{"a", pair.from, 1}, {"b", pair.from, 1}, {"c", pair.from, 1}};
	for (int i = 0; i < 3; i++)
		tasks[i] = start(reads_once, &readings[i]);
	cancel(tasks[1]);
	put(pair.to, "12");
	ck_assert_int_eq(coro_run_until_complete(loop, tasks[2], NULL), 0);
	ck_assert_trace("b:-" NUMBER(ECANCELED) " a:1 c:2");
	for (int i = 0; i < 3; i++)
		coro_future_unref(tasks[i]);
	close_pair(pair);
}
END_TEST

static int writes_and_waits(void *arg)
{
	struct bytes *bytes = arg;
	bytes->done = coro_write(bytes->fd, bytes->at, bytes->length);
	int r = coro_sleep(CORO_SEC);
	trace("sleep:%d:%s", r, coro_message(r));
	return r;
}

/* In a task, so that the loop closes what it may have opened to write by. */
static int closes(void *fd)
{
	return coro_fd_close(*(int *)fd);
}

START_TEST(a_cancelled_write_returns_what_it_wrote)
{
	pair = make_pair(_i);
	struct bytes out = {pair.to, calloc(PLENTY, 1), PLENTY, 0};
	struct coro_future *task = start(writes_and_waits, &out);
	ck_assert_int_eq(coro_cancel_with(task, "because"), 1);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	ck_assert_trace("sleep:-" NUMBER(ECANCELED) ":because");
	ck_assert_str_eq(coro_future_message(task), "because");
	ck_assert_int_gt(out.done, 0);
	ck_assert_int_lt(out.done, PLENTY);
	coro_future_unref(task);
	static char got[PLENTY];
	size_t length = 0;
	ssize_t n;
	ck_assert_int_eq(result_of(closes, &pair.to), 0);
	while ((n = read(pair.from, got, sizeof(got))) > 0)
		length += (size_t)n;
	ck_assert_int_eq((ssize_t)length, out.done);
	close(pair.from);
	free(out.at);
}
END_TEST

/* The first part uses up what is left of its budget: then others run before the next part. */
static int writes_at_the_end_of_its_budget(void *arg)
{
	struct bytes *bytes = arg;
	struct pollfd room = {.fd = bytes->fd, .events = POLLOUT};
	for (int i = 0; i < 63; i++)
		ck_assert_int_eq(coro_poll(&room, 1, 0), 1);
	bytes->done = coro_write(bytes->fd, bytes->at, bytes->length);
	int r = coro_task_yield();
	trace("yield:%d", r);
	return r;
}

START_TEST(a_write_that_gives_way_may_be_cancelled)
{
	pair = make_pair(_i);
	struct bytes out = {pair.to, calloc(PLENTY, 1), PLENTY, 0};
	struct coro_future *task = spawn(writes_at_the_end_of_its_budget, &out);
	at(0, cancel_it, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	ck_assert_trace("yield:-" NUMBER(ECANCELED));
	coro_future_unref(task);
	ck_assert_int_gt(out.done, 0);
	ck_assert_int_lt(out.done, PLENTY);
	static char got[PLENTY];
	ssize_t length = 0, n;
	ck_assert_int_eq(result_of(closes, &pair.to), 0);
	while ((n = read(pair.from, got, sizeof(got))) > 0)
		length += n;
	ck_assert_int_eq(length, out.done);
	close(pair.from);
	free(out.at);
}
END_TEST

static int writes_within_a_second(void *arg)
{
	struct bytes *bytes = arg;
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_SEC);
	bytes->done = coro_write(bytes->fd, bytes->at, bytes->length);
	int r = coro_timeout_end(&timeout, bytes->done < 0 ? (int)bytes->done : 0);
	trace("%d %s", r, coro_timeout_expired(&timeout) ? "expired" : "in time");
	trace("sleep:%d", coro_sleep(CORO_SEC));
	return 0;
}

START_TEST(a_timeout_that_a_write_has_kept_ends_with_its_scope)
{
	pair = make_pair(_i);
	struct bytes out = {pair.to, calloc(PLENTY, 1), PLENTY, 0};
	ck_assert_int_eq(result_of(writes_within_a_second, &out), 0);
	ck_assert_trace("0 expired sleep:0");
	ck_assert_int_gt(out.done, 0);
	close_pair(pair);
	free(out.at);
}
END_TEST

static int reads_within_a_second(void *arg)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_SEC);
	return coro_timeout_end(&timeout, reads_once(arg));
}

START_TEST(a_read_ends_at_its_deadline)
{
	pair = make_pair(_i);
	ck_assert_int_eq(result_of(reads_within_a_second, &(struct reading){"a", pair.from}),
			 -ETIMEDOUT);
	ck_assert_int_eq(coro_loop_time(loop), CORO_SEC);
	put(pair.to, "x");
	ck_assert_int_eq(result_of(reads_within_a_second, &(struct reading){"a", pair.from}), 0);
	trace_take();
	close_pair(pair);
}
END_TEST

START_TEST(a_task_that_waits_may_be_discarded)
{
	pair = make_pair(_i);
	struct bytes out = {pair.to, calloc(PLENTY, 1), PLENTY, 0};
	coro_future_unref(start(reads_once, &(struct reading){"a", pair.from}));
	coro_future_unref(start(reads_once, &(struct reading){"b", pair.from}));
	coro_future_unref(start(writes_all, &out));
	loop_teardown();
	loop_setup();
	close_pair(pair);
	free(out.at);
}
END_TEST

/* ---- errors ---- */

static ssize_t call_read(int fd)
{
	char byte;
	return coro_read(fd, &byte, 1);
}

START_TEST(a_bad_fd_is_refused)
{
	ssize_t (*all[])(int) = {call_read, call_write};
	for (size_t i = 0; i < 2; i++) {
		call = all[i];
		int bad[] = {-1, INT_MIN, INT_MAX, 1000};
		for (size_t j = 0; j < 4; j++) {
			ck_assert_int_eq(call(bad[j]), -EBADF);
			ck_assert_int_eq(result_of(calls, &bad[j]), -EBADF);
		}
	}
}
END_TEST

START_TEST(the_wrong_end_is_refused)
{
	pair = make_pair(PIPE + _i);
	call = call_read;
	ck_assert_int_eq(result_of(calls, &pair.to), -EBADF);
	call = call_write;
	ck_assert_int_eq(result_of(calls, &pair.from), -EBADF);
	close_pair(pair);
}
END_TEST

START_TEST(writing_to_nobody_is_an_error_and_no_signal)
{
	pair = make_pair(_i);
	close(pair.from);
	call = call_write;
	if (_i == TCP)
		call(pair.to); /* the first is answered by a reset */
	ck_assert_int_eq(result_of(calls, &pair.to), -EPIPE);
	ck_assert_int_eq(call(pair.to), -EPIPE);
	close(pair.to);
}
END_TEST

START_TEST(no_signal_stays_where_the_kernel_has_no_flag_against_it)
{
	sigset_t pending;
	pair = make_pair(_i);
	close(pair.from);
	call = call_write;
	fail_call("pwritev2", 1, EOPNOTSUPP);
	ck_assert_int_eq(result_of(calls, &pair.to), -EPIPE);
	ck_assert(fail_call_off());
	ck_assert_int_eq(sigpending(&pending), 0);
	ck_assert(!sigismember(&pending, SIGPIPE));
	close(pair.to);
}
END_TEST

START_TEST(a_signal_that_was_pending_stays)
{
	sigset_t pipe, pending;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	raise(SIGPIPE);
	pair = make_pair(PIPE);
	close(pair.from);
	call = call_write;
	fail_call("pwritev2", 1, EOPNOTSUPP);
	ck_assert_int_eq(result_of(calls, &pair.to), -EPIPE);
	ck_assert(fail_call_off());
	sigpending(&pending);
	ck_assert(sigismember(&pending, SIGPIPE));
	int taken = 0; /* so it is not waited for */
	ck_assert_int_eq(sigwait(&pipe, &taken), 0);
	ck_assert_int_eq(taken, SIGPIPE);
	close(pair.to);
}
END_TEST

START_TEST(a_writer_learns_that_its_reader_has_gone)
{
	pair = make_pair(_i);
	struct bytes out = {pair.to, calloc(PLENTY, 1), PLENTY, 0};
	struct coro_future *task = start(writes_all, &out);
	close(pair.from);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_lt(out.done, PLENTY);
	coro_future_unref(task);
	free(out.at);
}
END_TEST

START_TEST(a_reset_reaches_who_reads)
{
	pair = make_pair(TCP);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	setsockopt(pair.to, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
	close(pair.to);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECONNRESET);
	coro_future_unref(task);
	trace_take();
	close(pair.from);
}
END_TEST

static int misuses(void *arg)
{
	char byte;
	ck_assert_int_eq(coro_readv(pair.from, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_readv(pair.from, &(struct iovec){&byte, 1}, -1), -EINVAL);
	ck_assert_int_eq(coro_writev(pair.to, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_writev(pair.to, &(struct iovec){&byte, 1}, IOV_MAX + 1), -EINVAL);
	ck_assert_int_eq(coro_write(pair.to, "", 0), 0);
	ck_assert_int_eq(coro_writev(pair.to, NULL, 0), 0);
	put(pair.to, "x");
	ck_assert_int_eq(coro_read(pair.from, &byte, 0), 0);
	ck_assert_int_eq(coro_read(pair.from, &byte, 1), 1);
	return 0;
}

static int uses_no_memory(void *arg)
{
	put(pair.to, "x");
	ck_assert_int_eq(coro_write(pair.to, NULL, 1), -EFAULT);
	ck_assert_int_eq(coro_read(pair.from, NULL, 1), -EFAULT);
	return 0;
}

START_TEST(memory_that_is_none_is_an_error)
{
	if (getenv("VALGRIND"))
		skip_test("valgrind would tell of it");
	pair = make_pair(_i);
	ck_assert_int_eq(result_of(uses_no_memory, NULL), 0);
	ck_assert_int_eq(uses_no_memory(NULL), 0);
	close_pair(pair);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	pair = make_pair(_i);
	ck_assert_int_eq(result_of(misuses, NULL), 0);
	ck_assert_int_eq(misuses(NULL), 0);
	close_pair(pair);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, a_cancelled_read_takes_nothing, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_comes_with_a_cancellation_is_not_lost, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, one_that_is_woken_and_cancelled_passes_it_on, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, the_second_of_a_line_may_be_cancelled, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_cancelled_write_returns_what_it_wrote, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_write_that_gives_way_may_be_cancelled, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_timeout_that_a_write_has_kept_ends_with_its_scope, 0,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, a_read_ends_at_its_deadline, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_task_that_waits_may_be_discarded, 0, PAIR_KINDS);
	tcase_add_test(tests, a_bad_fd_is_refused);
	tcase_add_loop_test(tests, the_wrong_end_is_refused, 0, 2);
	tcase_add_loop_test(tests, writing_to_nobody_is_an_error_and_no_signal, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, no_signal_stays_where_the_kernel_has_no_flag_against_it, 0, 2);
	tcase_add_test(tests, a_signal_that_was_pending_stays);
	tcase_add_loop_test(tests, a_writer_learns_that_its_reader_has_gone, 0, PAIR_KINDS);
	tcase_add_test(tests, a_reset_reaches_who_reads);
	tcase_add_loop_test(tests, memory_that_is_none_is_an_error, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_cannot_be_is_refused, 0, PAIR_KINDS);
}

TEST_MAIN("readwrite_end", add_tests)
