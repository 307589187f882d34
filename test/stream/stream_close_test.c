/* SPDX-License-Identifier: MIT */
/* How streams end: close, write_eof, resets, loops that end. */
#include "stream/streams.h"

/* ---- ends ---- */

START_TEST(a_loop_closes_its_streams)
{
	pair = make_pair(UNIX);
	struct pair second = make_pair(TCP);
	stream = stream_on(pair.to, (struct coro_stream_options){0});
	struct coro_stream *other = stream_on(second.to, (struct coro_stream_options){0});
	coro_future_unref(start(reads_line, NULL));
	ck_assert_int_eq(result_of(writes_much, N(2000000)), 0);
	coro_future_unref(start(drains, NULL));
	coro_future_unref(start(waits_closed, NULL));
	ck_assert_int_eq(coro_stream_destroy(stream), -EBUSY);
	ck_assert_int_eq(coro_stream_write(other, "x", 1), 0);
	loop_teardown();
	ck_assert_int_eq(fcntl(pair.to, F_GETFD), -1);
	ck_assert_int_eq(fcntl(second.to, F_GETFD), -1);
	ck_assert_int_eq(coro_stream_write(other, "x", 1), -EPIPE);
	ck_assert_int_eq(coro_stream_close(other), 0);
	ck_assert(coro_stream_is_closing(other));
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	ck_assert_int_eq(coro_stream_destroy(other), 0);
	close(pair.from);
	close(second.from);
	loop_setup();
}
END_TEST

static void gives_stream_back(void *arg)
{
	trace("%d", coro_stream_destroy(stream));
}

static int reads_and_gives_back(void *arg)
{
	const char *line;
	coro_defer(gives_stream_back, NULL);
	return (int)coro_stream_readline(stream, &line);
}

START_TEST(a_task_that_is_discarded_may_give_its_stream_back)
{
	pair = make_pair(UNIX);
	stream = stream_on(pair.to, (struct coro_stream_options){0});
	coro_future_unref(start(reads_and_gives_back, NULL));
	loop_teardown();
	ck_assert_trace("0");
	ck_assert_int_eq(fcntl(pair.to, F_GETFD), -1);
	close(pair.from);
	loop_setup();
}
END_TEST

static struct gate gate = GATE;

static int is_never_run(void *arg)
{
	return 0;
}

static int submits_two(void *executor)
{
	struct coro_future *future;
	ck_assert_int_eq(coro_executor_submit(executor, passes, &gate, NULL, &future), 0);
	coro_future_unref(future);
	gate_await(&gate, 1);
	ck_assert_int_eq(
		coro_executor_submit(executor, is_never_run, NULL, gives_stream_back, &future), 0);
	coro_future_unref(future);
	return 0;
}

START_TEST(a_job_discarded_with_the_loop_may_destroy_a_stream)
{
	struct coro_executor *executor;
	struct coro_executor_options one = {.max_threads = 1};
	pair = make_pair(UNIX);
	stream = stream_on(pair.to, (struct coro_stream_options){0});
	ck_assert_int_eq(coro_executor_create(&one, &executor), 0);
	ck_assert_int_eq(result_of(submits_two, executor), 0);
	loop_teardown();
	ck_assert_trace("0");
	gate_open(&gate);
	ck_assert_int_eq(coro_executor_destroy(executor), 0);
	ck_assert_int_eq(fcntl(pair.to, F_GETFD), -1);
	close(pair.from);
	loop_setup();
}
END_TEST

START_TEST(a_stream_that_waits_is_not_destroyed)
{
	begin(UNIX, 0);
	struct coro_future *task = start(reads_line, NULL);
	ck_assert_int_eq(coro_stream_destroy(stream), -EBUSY);
	hang_up();
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	end();
}
END_TEST

static int misuses(void *arg)
{
	struct coro_stream *made;
	struct coro_stream_options marks = {.high_water = 1, .low_water = 2};
	char byte;
	const char *bytes;
	char *all;
	ck_assert_int_eq(coro_stream_open(pair.to, &marks, &made), -EINVAL);
	ck_assert_int_eq(coro_stream_open(pair.to, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_open(-1, NULL, &made), -EBADF);
	ck_assert_int_eq(coro_stream_create(NULL, NULL, NULL, &made), -EINVAL);
	ck_assert_int_eq(coro_open_connection(":1", NULL, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_open_unix(NULL, NULL, &made), -EINVAL);
	ck_assert_int_eq(coro_stream_read(NULL, &byte, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_read(stream, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_readexactly(stream, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_readexactly(stream, &byte, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(coro_stream_read_all(NULL, 1, &all), -EINVAL);
	ck_assert_int_eq(coro_stream_readuntil(stream, "", 0, &bytes), -EINVAL);
	ck_assert_int_eq(coro_stream_readuntil(stream, "x", 1, NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_readline(NULL, &bytes), -EINVAL);
	ck_assert_int_eq(coro_stream_peek(NULL, 1, &bytes), -EINVAL);
	ck_assert_int_eq(coro_stream_consume(NULL, 0), -EINVAL);
	ck_assert_int_eq(coro_stream_write(NULL, "x", 1), -EINVAL);
	ck_assert_int_eq(coro_stream_write(stream, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_writev(stream, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_writev(stream, NULL, -1), -EINVAL);
	ck_assert_int_eq(coro_stream_printf(NULL, "x"), -EINVAL);
	ck_assert_int_eq(coro_stream_drain(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_flush(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_write_eof(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_copy(stream, NULL, 1, NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_close(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_abort(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_wait_closed(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_destroy(NULL), 0);
	ck_assert_int_eq(coro_stream_fd(NULL), -1);
	ck_assert(coro_stream_is_closing(NULL));
	ck_assert(!coro_stream_at_eof(NULL));
	ck_assert_uint_eq(coro_stream_pending(NULL), 0);
	return 0;
}

static void *uses_elsewhere(void *arg)
{
	const char *bytes;
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), -EPERM);
	ck_assert_int_eq(coro_stream_printf(stream, "x"), -EPERM);
	ck_assert_int_eq(coro_stream_write_eof(stream), -EPERM);
	ck_assert_int_eq(coro_stream_drain(stream), -EPERM);
	ck_assert_int_eq(coro_stream_flush(stream), -EPERM);
	ck_assert_int_eq(coro_stream_peek(stream, 0, &bytes), -EPERM);
	ck_assert_int_eq(coro_stream_peek(stream, 1, &bytes), -EPERM);
	ck_assert_int_eq(coro_stream_consume(stream, 1), -EPERM);
	ck_assert_int_eq(coro_stream_set_transport(stream, coro_stream_transport(stream, NULL),
						   NULL),
			 -EPERM);
	ck_assert_int_eq(coro_stream_close(stream), -EPERM);
	ck_assert_int_eq(coro_stream_abort(stream), -EPERM);
	ck_assert_int_eq(coro_stream_wait_closed(stream), -EPERM);
	ck_assert_int_eq(coro_stream_destroy(stream), -EPERM);
	return NULL;
}

static int peeks_one(void *arg)
{
	const char *bytes;
	return (int)coro_stream_peek(stream, 1, &bytes);
}

START_TEST(a_stream_is_for_its_thread)
{
	begin(UNIX, 0);
	put(pair.to, "y");
	ck_assert_int_eq(result_of(peeks_one, NULL), 1);
	in_thread(uses_elsewhere, NULL);
	ck_assert(!coro_stream_is_closing(stream));
	ck_assert_uint_eq(coro_stream_pending(stream), 0);
	ck_assert_int_eq(coro_stream_consume(stream, 1), 0);
	end();
}
END_TEST

static int writes_what_cannot_be(void *arg)
{
	char bytes[2] = "x";
	struct iovec none = {NULL, 1};
	struct iovec all[] = {{bytes, 1}, {bytes, SIZE_MAX}};
	ck_assert_int_eq(coro_stream_write(stream, bytes, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(coro_stream_write(stream, bytes, SIZE_MAX / 2 + 1), -EINVAL);
	ck_assert_int_eq(coro_stream_writev(stream, &none, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_writev(stream, all, 2), -EINVAL);
	ck_assert_uint_eq(coro_stream_pending(stream), 0);
	return coro_stream_write(stream, "x", 1);
}

START_TEST(writing_what_cannot_be_leaves_the_connection_alone)
{
	begin(UNIX, 0);
	ck_assert_int_eq(result_of(writes_what_cannot_be, NULL), 0);
	end();
}
END_TEST

static int yields(void *arg)
{
	return coro_task_yield();
}

static void opens_in_a_callback(void *ret)
{
	struct coro_stream *made;
	*(int *)ret = coro_open_connection("127.0.0.1:1", NULL, NULL, &made);
}

START_TEST(a_connection_is_opened_in_a_task)
{
	struct coro_stream *made;
	int r = 0;
	ck_assert_int_eq(coro_open_connection("127.0.0.1:1", NULL, NULL, &made), -EPERM);
	ck_assert_int_eq(coro_open_unix("/nowhere", NULL, &made), -EPERM);
	coro_call_soon(loop, opens_in_a_callback, &r, NULL);
	ck_assert_int_eq(result_of(yields, NULL), 0);
	ck_assert_int_eq(r, -EPERM);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	begin(UNIX, 0);
	ck_assert_int_eq(result_of(misuses, NULL), 0);
	ck_assert_int_eq(coro_stream_fd(stream), pair.from);
	struct coro_stream *made;
	char byte;
	ck_assert_int_eq(coro_stream_open(pair.to, NULL, &made), -EPERM);
	ck_assert_int_eq(coro_stream_read(stream, &byte, 1), -EPERM);
	end();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, a_loop_closes_its_streams);
	tcase_add_test(tests, a_task_that_is_discarded_may_give_its_stream_back);
	tcase_add_test(tests, a_job_discarded_with_the_loop_may_destroy_a_stream);
	tcase_add_test(tests, a_stream_that_waits_is_not_destroyed);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, a_stream_is_for_its_thread);
	tcase_add_test(tests, writing_what_cannot_be_leaves_the_connection_alone);
	tcase_add_test(tests, a_connection_is_opened_in_a_task);
}

TEST_MAIN("stream_close", add_tests)
