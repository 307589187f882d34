/* SPDX-License-Identifier: MIT */
/*
 * Streams that are closed: what was written arrives, nothing else waits for that, and all ends in
 * time.
 */
#include "stream/stream.h"

#include "fds.h"
#include "threads.h"

enum { MUCH = 8 << 20 };

static char much[MUCH];
static struct pair pair; /* from: the stream's; to: its peer's */
static struct coro_stream *stream;

/* Opens the stream on pair.from, in a task. */
static int opens(void *options)
{
	return coro_stream_open(pair.from, options, &stream);
}

static void begin_with(int kind, struct coro_stream_options options)
{
	pair = make_pair(kind);
	ck_assert_int_eq(result_of(opens, &options), 0);
}

static void begin(int kind)
{
	begin_with(kind, (struct coro_stream_options){0});
}

static void destroy(void)
{
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
}

static void write_much(void)
{
	ck_assert_int_eq(coro_stream_write(stream, much, MUCH), 0);
}

static int waits_closed(void *arg)
{
	(void)arg;
	return coro_stream_wait_closed(stream);
}

static int sleeps(void *delay)
{
	return coro_sleep(*(int64_t *)delay);
}

/* A turn, and a little time. */
static void tick(void)
{
	ck_assert_int_eq(result_of(sleeps, &(int64_t){CORO_MSEC}), 0);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/*
 * Reads what the peer got; returns the number of bytes. *ret is errno of its end, 0 of a clean end,
 * EAGAIN without an end.
 */
static size_t drain_peer(int *end)
{
	static char bytes[65536];
	size_t length = 0;
	ssize_t n;
	while ((n = recv(pair.to, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		length += (size_t)n;
	*end = n == 0 ? 0 : errno;
	return length;
}

/* Reads to the end while the loop runs; returns the number of bytes. */
static size_t read_peer(int *end)
{
	size_t length = 0;
	do {
		tick();
		length += drain_peer(end);
	} while (*end == EAGAIN);
	return length;
}

static void expect_all(size_t length)
{
	int end;
	ck_assert_uint_eq(read_peer(&end), length);
	ck_assert_int_eq(end, 0);
	close(pair.to);
	while (is_open(pair.from))
		tick();
}

/* ---- in good order ---- */

/* What has come before it is closed, and what comes after. */
START_TEST(unread_input_takes_nothing_away)
{
	begin(_i ? UNIX : TCP);
	put(pair.to, "nobody reads this");
	write_much();
	turn();
	ck_assert_int_eq(coro_stream_close(stream), 0);
	if (!_i)
		put(pair.to, "nor this");
	destroy();
	expect_all(MUCH);
}
END_TEST

START_TEST(unread_messages_take_no_message_away)
{
	int fds[2], end;
	ck_assert_int_eq(new_socketpair(AF_UNIX, SOCK_SEQPACKET, O_CLOEXEC, fds), 0);
	pair = (struct pair){fds[0], fds[1]};
	ck_assert_int_eq(result_of(opens, &(struct coro_stream_options){0}), 0);
	put(pair.to, "nobody reads this");
	ck_assert_int_eq(coro_stream_write(stream, "answer", 6), 0);
	destroy();
	ck_assert_uint_eq(drain_peer(&end), 6);
	ck_assert_int_eq(end, 0);
	close(pair.to);
}
END_TEST

START_TEST(input_is_dropped_until_the_peer_ends)
{
	static char bytes[1 << 20];
	int end;
	begin(TCP);
	ck_assert_int_eq(coro_stream_write(stream, "enough", 6), 0);
	destroy();
	for (size_t sent = 0; sent < sizeof(bytes);) {
		ssize_t n = send(pair.to, bytes, sizeof(bytes) - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		ck_assert(n > 0 || errno == EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
		turn();
	}
	ck_assert_uint_eq(drain_peer(&end), 6);
	ck_assert_int_eq(end, 0);
	ck_assert(is_open(pair.from));
	close(pair.to);
	while (is_open(pair.from))
		tick();
}
END_TEST

/* Its end is no reason to lose what is still on its way to it. */
START_TEST(a_peer_that_ends_first_and_reads_later_gets_all)
{
	begin(TCP);
	write_much();
	destroy();
	tick();
	shutdown(pair.to, SHUT_WR);
	tick();
	expect_all(MUCH);
}
END_TEST

START_TEST(a_peer_that_has_ended_is_not_waited_for)
{
	begin(TCP);
	shutdown(pair.to, SHUT_WR);
	destroy();
	ck_assert(!is_open(pair.from));
	close(pair.to);
}
END_TEST

START_TEST(to_wait_is_not_to_wait_for_the_peer)
{
	int64_t before = coro_loop_time(loop);
	begin(TCP);
	put(pair.to, "not read");
	ck_assert_int_eq(coro_stream_write(stream, "all", 3), 0);
	coro_stream_close(stream);
	ck_assert_int_eq(result_of(waits_closed, NULL), 0);
	ck_assert_int_lt(coro_loop_time(loop) - before, CORO_SEC);
	ck_assert_int_eq(coro_stream_fd(stream), -1);
	ck_assert(is_open(pair.from));
	destroy();
	expect(pair.to, "all");
	expect_all(0);
}
END_TEST

static int ignored(void *arg)
{
	char byte;
	ssize_t n = coro_read(*(int *)arg, &byte, 1);
	trace("%d", (int)n);
	return 0;
}

START_TEST(who_waits_for_the_fd_is_woken)
{
	begin(TCP);
	struct coro_future *task = spawn(ignored, &pair.from);
	turn();
	coro_stream_close(stream);
	turn();
	turn();
	ck_assert_trace("-9");
	coro_future_unref(task);
	ck_assert(is_open(pair.from));
	destroy();
	expect_all(0);
}
END_TEST

/* ---- within bounds ---- */

START_TEST(a_peer_that_does_not_end_is_left_in_time)
{
	begin(TCP);
	destroy();
	ck_assert_int_eq(result_of(sleeps, &(int64_t){10 * CORO_SEC - 1}), 0);
	ck_assert(is_open(pair.from));
	tick();
	ck_assert(!is_open(pair.from));
	close(pair.to);
}
END_TEST

START_TEST(a_peer_that_sends_on_is_left_after_a_limit)
{
	static char bytes[65536];
	size_t sent = 0;
	begin_with(TCP, (struct coro_stream_options){.linger_bytes = 1 << 20});
	destroy();
	for (ssize_t n = 0; is_open(pair.from); sent += n > 0 ? (size_t)n : 0) {
		n = send(pair.to, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
		tick();
	}
	ck_assert_uint_ge(sent, 1 << 20);
	ck_assert_uint_lt(sent, 16 << 20);
	close(pair.to);
}
END_TEST

START_TEST(a_peer_that_does_not_read_is_lost_and_reported)
{
	int end;
	begin_with(TCP, (struct coro_stream_options){.linger = CORO_SEC});
	write_much();
	coro_stream_close(stream);
	ck_assert_int_eq(result_of(waits_closed, NULL), -ETIMEDOUT);
	ck_assert(!is_open(pair.from));
	ck_assert_uint_lt(read_peer(&end), MUCH);
	ck_assert_int_eq(end, ECONNRESET);
	destroy();
	close(pair.to);
}
END_TEST

/* The kernel has all of it, and the peer has no room for it. */
START_TEST(what_does_not_arrive_is_reported)
{
	begin_with(TCP, (struct coro_stream_options){.linger = CORO_SEC});
	for (ssize_t n = 1; n > 0;)
		n = send(pair.from, much, MUCH, MSG_DONTWAIT);
	coro_stream_close(stream);
	ck_assert(stream->closed);
	ck_assert_int_eq(result_of(waits_closed, NULL), -ETIMEDOUT);
	ck_assert(!is_open(pair.from));
	destroy();
	close(pair.to);
}
END_TEST

/* As above; and it sends more than is taken. Then nothing is read from it, and it is left in time. */
START_TEST(a_peer_that_does_not_read_and_sends_on_is_left_in_time)
{
	begin_with(TCP, (struct coro_stream_options){.linger = CORO_SEC, .linger_bytes = 1});
	for (ssize_t n = 1; n > 0;)
		n = send(pair.from, much, MUCH, MSG_DONTWAIT);
	coro_stream_close(stream);
	ck_assert(stream->linger.reading);
	put(pair.to, "more than a byte");
	while (stream->linger.reading)
		turn();
	ck_assert(is_open(pair.from));
	ck_assert_int_eq(result_of(waits_closed, NULL), -ETIMEDOUT);
	ck_assert(!is_open(pair.from));
	destroy();
	close(pair.to);
}
END_TEST

/* Not to linger is for what the kernel has. What it does not have yet waits for room, for ever. */
START_TEST(what_is_to_be_written_waits_though_its_stream_does_not_linger)
{
	begin_with(TCP, (struct coro_stream_options){.linger = -1});
	write_much();
	destroy();
	ck_assert_int_eq(result_of(sleeps, &(int64_t){3600 * CORO_SEC}), 0);
	ck_assert(is_open(pair.from));
	expect_all(MUCH);
}
END_TEST

static int reads_slowly(void *arg)
{
	static char bytes[65536];
	ssize_t n;
	size_t *length = arg;
	while ((n = coro_read(pair.to, bytes, sizeof(bytes))) > 0) {
		*length += (size_t)n;
		coro_sleep(CORO_SEC / 10);
	}
	return (int)n;
}

START_TEST(a_peer_that_reads_slowly_gets_all)
{
	size_t length = 0;
	begin_with(TCP, (struct coro_stream_options){.linger = CORO_SEC});
	ck_assert_int_eq(coro_stream_write(stream, much, MUCH / 4), 0);
	destroy();
	ck_assert_int_eq(result_of(reads_slowly, &length), 0);
	ck_assert_uint_eq(length, MUCH / 4);
	coro_fd_close(pair.to);
	while (is_open(pair.from))
		tick();
}
END_TEST

START_TEST(a_peer_that_resets_is_an_error)
{
	begin(TCP);
	for (ssize_t n = 1; n > 0;)
		n = send(pair.from, much, MUCH, MSG_DONTWAIT);
	coro_stream_close(stream);
	ck_assert_int_eq(coro_fd_reset(pair.to), 0);
	ck_assert_int_eq(result_of(waits_closed, NULL), -ECONNRESET);
	ck_assert(!is_open(pair.from));
	destroy();
}
END_TEST

/* ---- at once ---- */

START_TEST(an_fd_that_others_share_may_be_just_closed)
{
	begin_with(TCP, (struct coro_stream_options){.linger = -1});
	int other = dup(pair.from);
	ck_assert_int_eq(coro_stream_write(stream, "one,", 4), 0);
	destroy();
	ck_assert(!is_open(pair.from));
	put(other, "two");
	expect(pair.to, "one,two");
	close(other);
	close(pair.to);
}
END_TEST

/* Before it is closed, while it is to be written to, and while it lingers. */
START_TEST(to_abort_resets_the_connection)
{
	int end;
	begin(TCP);
	if (_i == 1)
		write_much();
	if (_i >= 1)
		coro_stream_close(stream);
	turn();
	ck_assert(is_open(pair.from));
	ck_assert_int_eq(coro_stream_abort(stream), 0);
	ck_assert(!is_open(pair.from));
	drain_peer(&end);
	ck_assert_int_eq(end, _i == 2 ? 0 : ECONNRESET); /* it had the end before */
	if (_i == 2) {
		ck_assert_int_eq(send(pair.to, "x", 1, MSG_NOSIGNAL), -1);
		ck_assert_int_eq(errno, EPIPE);
	}
	destroy();
	close(pair.to);
}
END_TEST

static int resets(void *fd)
{
	return coro_fd_reset(*(int *)fd);
}

START_TEST(an_fd_may_be_closed_by_a_reset)
{
	int end;
	pair = make_pair(TCP);
	struct coro_future *task = spawn(ignored, &pair.from);
	turn();
	ck_assert_int_eq(result_of(resets, &pair.from), 0);
	drain_peer(&end);
	ck_assert_int_eq(end, ECONNRESET);
	ck_assert_int_eq(coro_fd_reset(pair.from), -EBADF);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("-9");
	coro_future_unref(task);
	close(pair.to);
	pair = make_pair(PIPE);
	ck_assert_int_eq(coro_fd_reset(pair.to), 0);
	expect(pair.from, "");
	close(pair.from);
}
END_TEST

START_TEST(a_loop_may_be_closed_while_streams_linger)
{
	int end;
	begin(TCP);
	put(pair.to, "not read");
	ck_assert_int_eq(coro_stream_write(stream, "all", 3), 0);
	if (_i)
		write_much();
	destroy();
	loop_teardown();
	ck_assert(!is_open(pair.from));
	drain_peer(&end);
	ck_assert_int_eq(end, _i ? ECONNRESET : 0);
	close(pair.to);
	loop_setup();
}
END_TEST

/* Its writer has been told, and has not run yet. */
START_TEST(a_loop_may_be_closed_after_streams_that_were_aborted)
{
	begin(TCP);
	write_much();
	turn();
	coro_stream_abort(stream);
	destroy();
	loop_teardown();
	ck_assert(!is_open(pair.from));
	close(pair.to);
	loop_setup();
}
END_TEST

static int closes_its_copy(void *arg)
{
	(void)arg;
	coro_loop_close(loop);
	return 0;
}

START_TEST(a_copy_in_a_child_ends_nothing)
{
	begin(TCP);
	write_much();
	if (_i)
		coro_stream_close(stream);
	struct child child = child_start(closes_its_copy, NULL);
	child_wait(&child);
	ck_assert_int_eq(child.status, 0);
	destroy();
	expect_all(MUCH);
}
END_TEST

/* ---- the end of the run ---- */

struct ending {
	int kind;
	struct coro_stream_options options;
	enum { DESTROY, CLOSE, NEITHER, DEFER } how;
	size_t length;
};

static void gives_back(void *made)
{
	coro_stream_destroy(made);
}

static int writes_and_returns(void *arg)
{
	const struct ending *ending = arg;
	struct coro_stream *made;
	int fd = ending->kind <= PIPE_NONBLOCK ? pair.to : pair.from;
	int r = coro_stream_open(fd, &ending->options, &made);
	if (r < 0)
		return r;
	if (ending->how == DEFER)
		coro_defer(gives_back, made);
	coro_stream_write(made, much, ending->length);
	stream = NULL;
	if (ending->how == DESTROY)
		coro_stream_destroy(made);
	else if (ending->how == CLOSE)
		coro_stream_close(made);
	if (ending->how == CLOSE || ending->how == NEITHER)
		stream = made;
	return 0;
}

struct reader {
	int fd;
	size_t length;
	int end;
};

/* A thread that begins late, and is slow. */
static void *reads_late(void *arg)
{
	static char bytes[65536];
	struct reader *reader = arg;
	ssize_t n;
	usleep(20000);
	while ((n = read(reader->fd, bytes, sizeof(bytes))) > 0) {
		reader->length += (size_t)n;
		usleep(100);
	}
	reader->end = n < 0 ? errno : 0;
	close(reader->fd);
	return NULL;
}

static const struct ending endings[] = {
	{TCP, {0}, DESTROY, MUCH},  {TCP, {0}, CLOSE, MUCH},
	{TCP, {0}, NEITHER, MUCH},  {TCP, {0}, DEFER, MUCH},
	{UNIX, {0}, DESTROY, MUCH}, {PIPE, {0}, DESTROY, MUCH},
	{PIPE, {0}, NEITHER, MUCH}, {TCP, {.linger = -1}, DESTROY, MUCH},
};

static void run_to_end(const struct coro_loop_options *options, coro_fn *fn,
		       const struct ending *ending)
{
	pthread_t thread;
	pair = make_pair(ending->kind);
	struct reader reader = {.fd = ending->kind <= PIPE_NONBLOCK ? pair.from : pair.to};
	ck_assert_int_eq(pthread_create(&thread, NULL, reads_late, &reader), 0);
	ck_assert_int_eq(coro_run_with(options, fn, (void *)ending), 0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(reader.length, ending->length);
	ck_assert_int_eq(reader.end, 0);
	coro_stream_destroy(stream);
	ck_assert(!is_open(pair.from) && !is_open(pair.to));
}

START_TEST(the_end_of_the_run_waits_for_what_was_written)
{
	run_to_end(NULL, writes_and_returns, &endings[_i]);
}
END_TEST

START_TEST(so_it_does_by_a_virtual_clock)
{
	run_to_end(&(struct coro_loop_options){.flags = CORO_VIRTUAL_CLOCK}, writes_and_returns,
		   &endings[DESTROY]);
}
END_TEST

/* With time to linger for ever. */
START_TEST(the_end_of_the_run_does_not_wait_for_a_silent_peer)
{
	struct ending ending = {TCP, {.linger = CORO_FOREVER}, DESTROY, 3};
	pair = make_pair(TCP);
	if (_i)
		put(pair.to, "not read");
	ck_assert_int_eq(coro_run(writes_and_returns, &ending), 0);
	ck_assert(!is_open(pair.from));
	int end;
	ck_assert_uint_eq(drain_peer(&end), 3);
	ck_assert_int_eq(end, 0);
	close(pair.to);
}
END_TEST

START_TEST(the_end_of_the_run_waits_for_no_peer_that_does_not_read)
{
	struct ending ending = {TCP, {.linger = 50 * CORO_MSEC}, DESTROY, MUCH};
	int end;
	pair = make_pair(TCP);
	ck_assert_int_eq(coro_run(writes_and_returns, &ending), 0);
	drain_peer(&end);
	ck_assert_int_eq(end, ECONNRESET);
	close(pair.to);
}
END_TEST

static int cancels_all(void *arg)
{
	struct coro_future *tasks[8];
	int r = writes_and_returns(arg);
	for (int i = 0; i < 3; i++)
		coro_task_yield(); /* what does not go at once is in work */
	int count = coro_all_tasks(coro_running_loop(), tasks, 8);
	for (int i = 0; i < count; i++) {
		if (tasks[i] != coro_current_task())
			coro_cancel(tasks[i]);
		coro_future_unref(tasks[i]);
	}
	return r < 0 ? r : count - 1; /* there is no other */
}

START_TEST(to_cancel_all_tasks_loses_no_output)
{
	run_to_end(NULL, cancels_all, &endings[DESTROY]);
}
END_TEST

static int feeds_a_child(void *out)
{
	const struct coro_process_options options = {
		.in = CORO_PIPE, .out = *(int *)out, .flags = CORO_PROCESS_OUTLIVE};
	struct coro_process *process;
	struct coro_stream *in;
	int r = coro_process_shell("sleep 0.1; wc -c", &options, &process);
	if (r < 0)
		return r;
	r = coro_stream_open(coro_process_take_pipe(process, 0), NULL, &in);
	if (r == 0)
		r = coro_stream_write(in, much, MUCH);
	coro_stream_destroy(in);
	coro_process_destroy(process);
	return r;
}

START_TEST(the_end_of_the_run_waits_for_what_a_child_is_given)
{
	char text[32] = "";
	pair = make_pair(PIPE);
	ck_assert_int_eq(coro_run(feeds_a_child, &pair.to), 0);
	close(pair.to);
	ck_assert_int_gt(read(pair.from, text, sizeof(text) - 1), 0);
	ck_assert_int_eq(atoi(text), MUCH);
	close(pair.from);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, unread_input_takes_nothing_away, 0, 2);
	tcase_add_test(tests, unread_messages_take_no_message_away);
	tcase_add_test(tests, input_is_dropped_until_the_peer_ends);
	tcase_add_test(tests, a_peer_that_ends_first_and_reads_later_gets_all);
	tcase_add_test(tests, a_peer_that_has_ended_is_not_waited_for);
	tcase_add_test(tests, to_wait_is_not_to_wait_for_the_peer);
	tcase_add_test(tests, who_waits_for_the_fd_is_woken);
	tcase_add_test(tests, a_peer_that_does_not_end_is_left_in_time);
	tcase_add_test(tests, a_peer_that_sends_on_is_left_after_a_limit);
	tcase_add_test(tests, a_peer_that_does_not_read_is_lost_and_reported);
	tcase_add_test(tests, what_does_not_arrive_is_reported);
	tcase_add_test(tests, a_peer_that_does_not_read_and_sends_on_is_left_in_time);
	tcase_add_test(tests, what_is_to_be_written_waits_though_its_stream_does_not_linger);
	tcase_add_test(tests, a_peer_that_reads_slowly_gets_all);
	tcase_add_test(tests, a_peer_that_resets_is_an_error);
	tcase_add_test(tests, an_fd_that_others_share_may_be_just_closed);
	tcase_add_loop_test(tests, to_abort_resets_the_connection, 0, 3);
	tcase_add_test(tests, an_fd_may_be_closed_by_a_reset);
	tcase_add_loop_test(tests, a_loop_may_be_closed_while_streams_linger, 0, 2);
	tcase_add_test(tests, a_loop_may_be_closed_after_streams_that_were_aborted);
	tcase_add_loop_test(tests, a_copy_in_a_child_ends_nothing, 0, 2);
	tcase_add_loop_test(tests, the_end_of_the_run_waits_for_what_was_written, 0,
			    sizeof(endings) / sizeof(*endings));
	tcase_add_test(tests, so_it_does_by_a_virtual_clock);
	tcase_add_loop_test(tests, the_end_of_the_run_does_not_wait_for_a_silent_peer, 0, 2);
	tcase_add_test(tests, the_end_of_the_run_waits_for_no_peer_that_does_not_read);
	tcase_add_test(tests, to_cancel_all_tasks_loses_no_output);
	tcase_add_test(tests, the_end_of_the_run_waits_for_what_a_child_is_given);
}

TEST_MAIN("linger", add)
