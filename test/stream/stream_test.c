/* SPDX-License-Identifier: MIT */
/* Streams as a whole: copied, on other transports, in all failures. */
#include "stream/streams.h"

/* ---- copying ---- */

struct copying {
	struct coro_stream *from, *to;
	uint64_t length, copied;
};

static int copies(void *arg)
{
	struct copying *copying = arg;
	int r = coro_stream_copy(copying->from, copying->to, copying->length, &copying->copied);
	coro_stream_close(copying->to);
	return r;
}

START_TEST(a_copy_goes_from_one_stream_to_another)
{
	make_plenty();
	struct pair in = make_pair(_i), out = make_pair(_i);
	writing = stream_on(in.to, (struct coro_stream_options){0});
	stream = stream_on(out.from, (struct coro_stream_options){0});
	struct copying copying = {
		stream_on(in.from, (struct coro_stream_options){0}),
		stream_on(out.to, (struct coro_stream_options){0}),
		UINT64_MAX,
	};
	struct coro_future *task = spawn(copies, &copying);
	pass_plenty();
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_uint_eq(copying.copied, PLENTY);
	ck_assert_int_eq(coro_stream_destroy(copying.from), 0);
	ck_assert_int_eq(coro_stream_destroy(copying.to), 0);
	ck_assert_int_eq(coro_stream_destroy(writing), 0);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
}
END_TEST

START_TEST(a_copy_takes_no_more_than_it_is_to)
{
	struct pair out = make_pair(UNIX);
	begin(UNIX, 0);
	struct copying copying = {stream, stream_on(out.to, (struct coro_stream_options){0}), 4};
	put(pair.to, "123456");
	ck_assert_int_eq(result_of(copies, &copying), 0);
	ck_assert_uint_eq(copying.copied, 4);
	turn();
	expect(out.from, "1234");
	ck_assert_does(reads_some, N(9), "'56'");
	ck_assert_int_eq(coro_stream_destroy(copying.to), 0);
	close(out.from);
	end();
}
END_TEST

START_TEST(a_cancelled_copy_leaves_what_it_has_not_copied)
{
	struct pair out = make_pair(UNIX);
	begin(UNIX, 0);
	struct copying copying = {stream, stream_on(out.to, (struct coro_stream_options){0}), 99};
	struct coro_future *task = start(copies, &copying);
	put(pair.to, "123");
	turn();
	turn();
	cancel(task);
	put(pair.to, "456");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_uint_eq(copying.copied, 3);
	expect(out.from, "123");
	ck_assert_does(reads_some, N(9), "'456'");
	ck_assert_int_eq(coro_stream_destroy(copying.to), 0);
	close(out.from);
	end();
}
END_TEST

/* ---- other transports ---- */

/* Changes the case of letters on their way; it has no end of writing. */
struct turning {
	int fd;
	bool closed;
};

static ssize_t turning_read(void *arg, void *bytes, size_t length)
{
	const struct turning *turning = arg;
	ssize_t n = recv(turning->fd, bytes, length, MSG_DONTWAIT);
	for (ssize_t i = 0; i < n; i++)
		((char *)bytes)[i] ^= 0x20;
	return n < 0 ? -errno : n;
}

static ssize_t turning_write(void *arg, const struct iovec *vec, int count)
{
	const struct turning *turning = arg;
	char byte = (char)(*(char *)vec->iov_base ^ 0x20);
	ssize_t n = send(turning->fd, &byte, 1, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

static int turning_wait(void *arg, bool writable)
{
	const struct turning *turning = arg;
	return writable ? coro_writable(turning->fd) : coro_readable(turning->fd);
}

static void turning_close(void *arg)
{
	struct turning *turning = arg;
	turning->closed = true;
	coro_fd_close(turning->fd);
}

static const struct coro_transport turning_over = {
	.read = turning_read,
	.write = turning_write,
	.wait = turning_wait,
	.close = turning_close,
};

static int turns_over(void *arg)
{
	ck_assert_int_eq(coro_stream_create(&turning_over, arg, NULL, &stream), 0);
	ck_assert_int_eq(coro_stream_fd(stream), -1);
	ck_assert_int_eq(coro_stream_write_eof(stream), -EOPNOTSUPP);
	coro_stream_write(stream, "word", 4);
	return reads_exactly(N(4));
}

static int closes(void *arg)
{
	return coro_stream_close(stream);
}

START_TEST(something_may_lie_between_a_stream_and_its_fd)
{
	pair = make_pair(UNIX);
	struct turning turning = {pair.to};
	struct coro_future *task = start(turns_over, &turning);
	expect(pair.from, "WORD");
	put(pair.from, "BACK");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'back'");
	task = start(reads_line, NULL);
	ck_assert_int_eq(result_of(closes, NULL), 0);
	ck_assert(turning.closed);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	close(pair.from);
}
END_TEST

/* ---- failures ---- */

static int echoes(void *arg)
{
	struct coro_stream *echo = arg;
	int r = coro_stream_copy(echo, echo, 300000, NULL);
	coro_stream_close(echo);
	return r;
}

/* The other end may have failed to begin for lack of memory, and send nothing. */
static int reads_back(struct coro_stream *from, char *back, size_t length)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, CORO_SEC);
	if (r < 0)
		return r;
	return coro_timeout_end(&timeout, (int)coro_stream_readexactly(from, back, length));
}

/* Sends much over a socket pair, has it come back. */
static int talks_to_itself(void *arg)
{
	int fds[2];
	struct coro_stream *one, *two;
	struct coro_future *task = NULL;
	static char there[300000], back[300000];
	memset(there, 'x', sizeof(there));
	if (new_socketpair(AF_UNIX, SOCK_STREAM, O_NONBLOCK, fds) < 0)
		return -errno;
	int r = coro_stream_open(fds[0], NULL, &one);
	if (r < 0) {
		coro_fd_close(fds[0]);
		coro_fd_close(fds[1]);
		return r;
	}
	r = coro_stream_open(fds[1], NULL, &two);
	if (r < 0) {
		coro_fd_close(fds[1]);
		coro_stream_destroy(one);
		return r;
	}
	r = coro_spawn(echoes, two, &task);
	if (r == 0)
		r = coro_stream_write(one, there, sizeof(there));
	if (r == 0)
		r = reads_back(one, back, sizeof(back));
	coro_stream_abort(one);
	coro_stream_destroy(one);
	int echoed = task ? coro_await(task, NULL) : 0;
	coro_future_unref(task);
	coro_stream_abort(two);
	coro_stream_destroy(two);
	if (r == (int)sizeof(back) && memcmp(there, back, sizeof(back)) != 0)
		return -EIO;
	/* Where one end failed, the other saw an end. */
	if (echoed < 0 &&
	    (r >= 0 || r == CORO_INCOMPLETE || r == -EPIPE || r == -ECONNRESET || r == -ETIMEDOUT))
		return echoed;
	return r < 0 ? r : 0;
}

static int ends_and_reads(void *arg)
{
	char got[64] = {0};
	trace("%d", coro_stream_write_eof(stream));
	ssize_t n = coro_stream_read(stream, got, sizeof(got) - 1);
	trace("%d:%s", (int)n, got);
	return 0;
}

static int closes_fd(void *fd)
{
	return coro_fd_close(*(int *)fd);
}

static int writes_a_word(void *arg)
{
	int r = coro_stream_write(stream, "word", 4);
	return r < 0 ? r : coro_stream_flush(stream);
}

START_TEST(a_stream_whose_fd_was_closed_fails)
{
	begin(UNIX, 0);
	ck_assert_int_eq(result_of(closes_fd, &pair.from), 0);
	ck_assert_int_eq(result_of(_i ? reads_line : writes_a_word, NULL), -EBADF);
	trace_take();
	end();
}
END_TEST

START_TEST(what_came_before_a_reset_is_read_after_write_eof_too)
{
	begin(TCP, 0);
	put(pair.to, "last");
	reset(pair.to);
	pair.to = -1;
	ck_assert_int_eq(result_of(ends_and_reads, NULL), 0);
	const char *got = trace_take();
	ck_assert_msg(strstr(got, ":last"), "%s", got);
	end();
}
END_TEST

START_TEST(any_allocation_may_fail)
{
	fail_each_allocation(talks_to_itself);
}
END_TEST

START_TEST(any_system_call_may_fail)
{
	const int errors[] = {EIO, ENOMEM, ETIMEDOUT};
	bool failed = true;
	for (unsigned long n = 1; failed; n++) {
		fail_call(NULL, n, errors[_i]);
		int r = result_of(talks_to_itself, NULL);
		failed = fail_call_off();
		ck_assert_msg(r == 0 || (failed && (r == -errors[_i] || r == CORO_INCOMPLETE ||
						    r == -EPIPE || r == -ECONNRESET)),
			      "call %lu, %s: %s", n, failed_call() ? failed_call() : "none",
			      coro_strerror(r));
		ck_assert_uint_lt(n, 2000);
	}
}
END_TEST

START_TEST(an_interrupted_call_is_made_again)
{
	bool failed = true;
	for (unsigned long n = 1; failed; n++) {
		fail_call(NULL, n, EINTR);
		const char *name;
		int r = result_of(talks_to_itself, NULL);
		failed = fail_call_off();
		name = failed_call();
		/* Those that no signal interrupts are not made again. */
		if (name && (strstr(name, "recv") || strstr(name, "send")))
			ck_assert_int_eq(r, 0);
		ck_assert_uint_lt(n, 2000);
	}
}
END_TEST

static int echoes_lines(void *arg)
{
	const char *line;
	ssize_t n;
	while ((n = coro_stream_readline(stream, &line)) > 0) {
		coro_stream_write(stream, line, (size_t)n);
		coro_stream_drain(stream);
	}
	return (int)n;
}

START_TEST(reading_and_writing_small_things_allocates_nothing)
{
	begin(UNIX, 0);
	struct coro_future *task = start(echoes_lines, NULL);
	for (int i = 0; i < 20; i++) {
		put(pair.to, "some words\n");
		fail_nth(0);
		for (int turns = 0; turns < 2; turns++) {
			coro_loop_stop(loop);
			coro_run_forever(loop);
		}
		fail_off();
		if (i >= 10 && !SANITIZED)
			ck_assert_uint_eq(fail_count(), 0);
		expect(pair.to, "some words\n");
	}
	hang_up();
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	end();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, a_copy_goes_from_one_stream_to_another, 0, PAIR_KINDS);
	tcase_add_test(tests, a_copy_takes_no_more_than_it_is_to);
	tcase_add_test(tests, a_cancelled_copy_leaves_what_it_has_not_copied);
	tcase_add_test(tests, something_may_lie_between_a_stream_and_its_fd);
	tcase_add_loop_test(tests, a_stream_whose_fd_was_closed_fails, 0, 2);
	tcase_add_test(tests, what_came_before_a_reset_is_read_after_write_eof_too);
	tcase_add_test(tests, any_allocation_may_fail);
	tcase_add_loop_test(tests, any_system_call_may_fail, 0, 3);
	tcase_add_test(tests, an_interrupted_call_is_made_again);
	tcase_add_test(tests, reading_and_writing_small_things_allocates_nothing);
}

TEST_MAIN("stream", add_tests)
