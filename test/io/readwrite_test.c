/* SPDX-License-Identifier: MIT */
#include "fds.h"

#include <limits.h>
#include <poll.h>

/* More than any of the pairs holds. */
enum { PLENTY = 1 << 20 };

static struct pair pair;

/* ---- all that is written is read ---- */

struct bytes {
	int fd;
	char *at;
	size_t length;
	ssize_t done;
};

static int writes_all(void *arg)
{
	struct bytes *bytes = arg;
	bytes->done = coro_write(bytes->fd, bytes->at, bytes->length);
	coro_fd_close(bytes->fd);
	return 0;
}

static int reads_to_the_end(void *arg)
{
	struct bytes *bytes = arg;
	ssize_t n;
	while ((n = coro_read(bytes->fd, bytes->at + bytes->done,
			      bytes->length - (size_t)bytes->done)) > 0)
		bytes->done += n;
	return (int)n;
}

static void transfer_plenty(size_t length)
{
	char *sent = malloc(length), *got = malloc(length + 1);
	for (size_t i = 0; i < length; i++)
		sent[i] = (char)(i * 2654435761u >> 13);
	struct bytes out = {pair.to, sent, length, 0}, in = {pair.from, got, length + 1, 0};
	struct coro_future *reader = spawn(reads_to_the_end, &in);
	ck_assert_int_eq(result_of(writes_all, &out), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
	coro_future_unref(reader);
	ck_assert_int_eq(out.done, (ssize_t)length);
	ck_assert_int_eq(in.done, (ssize_t)length);
	ck_assert_int_eq(memcmp(sent, got, length), 0);
	free(sent);
	free(got);
	coro_fd_close(pair.from);
}

START_TEST(what_is_written_arrives)
{
	pair = make_pair(_i);
	transfer_plenty(PLENTY);
}
END_TEST

START_TEST(what_is_written_arrives_byte_by_byte)
{
	pair = make_pair(_i);
	shorten_transfers(1);
	transfer_plenty(3000);
	fail_call_off();
}
END_TEST

static int writes_vector(void *arg)
{
	struct iovec vec[] = {
		{NULL, 0},
		{arg, PLENTY / 2},
		{(char *)arg + PLENTY / 2, 1},
		{NULL, 0},
		{(char *)arg + PLENTY / 2 + 1, PLENTY / 2 - 1},
	};
	ssize_t n = coro_writev(pair.to, vec, 5);
	coro_fd_close(pair.to);
	return n == PLENTY ? 0 : -EIO;
}

static int reads_vector(void *arg)
{
	char *at = arg;
	ssize_t n;
	do {
		struct iovec vec[] = {{at, 1}, {at + 1, 1000}, {at + 1001, 5}};
		n = coro_readv(pair.from, vec, 3);
		at += n;
	} while (n > 0);
	return n < 0 ? (int)n : (int)(at - (char *)arg);
}

START_TEST(vectors_arrive_in_order)
{
	static char sent[PLENTY], got[PLENTY + 2000];
	pair = make_pair(_i);
	for (size_t i = 0; i < PLENTY; i++)
		sent[i] = (char)(i * 2654435761u >> 13);
	struct coro_future *writer = spawn(writes_vector, sent);
	ck_assert_int_eq(result_of(reads_vector, got), PLENTY);
	assert_ended(writer, 0);
	ck_assert_int_eq(memcmp(sent, got, PLENTY), 0);
	coro_fd_close(pair.from);
}
END_TEST

/* ---- what a read gives ---- */

START_TEST(read_gives_what_there_is_and_waits_for_something)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	ck_assert_trace("");
	put(pair.to, "hello");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:hello");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(the_others_run_while_one_reads)
{
	pair = make_pair(_i);
	struct coro_future *task = spawn(reads_once, &(struct reading){"a", pair.from});
	ck_assert_int_eq(result_of(says, "b"), 0);
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("b a:word");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

static int reads_three_times(void *arg)
{
	for (int i = 0; i < 3; i++)
		reads_once(arg);
	return 0;
}

START_TEST(bytes_and_their_end_may_come_at_once)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", pair.from});
	put(pair.to, "last");
	close(pair.to);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:last a: a:");
	coro_future_unref(task);
	close(pair.from);
}
END_TEST

START_TEST(what_comes_after_a_short_read_is_read)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", pair.from});
	put(pair.to, "one");
	turn();
	turn();
	ck_assert_trace("a:one");
	put(pair.to, "two");
	turn();
	turn();
	ck_assert_trace("a:two");
	put(pair.to, "three");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:three");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(what_a_small_read_leaves_is_read_by_the_next)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", pair.from, 2});
	put(pair.to, "abcdef");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:ab a:cd a:ef");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(two_datagrams_may_come_at_once)
{
	int fds[2];
	ck_assert_int_eq(socketpair(AF_UNIX, _i ? SOCK_DGRAM : SOCK_SEQPACKET, 0, fds), 0);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", fds[0]});
	put(fds[1], "one");
	put(fds[1], "two");
	put(fds[1], "three");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:one a:two a:three");
	coro_future_unref(task);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(packets_of_a_pipe_may_come_at_once)
{
	int fds[2];
	ck_assert_int_eq(pipe2(fds, O_DIRECT), 0);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", fds[0]});
	put(fds[1], "one");
	put(fds[1], "two");
	put(fds[1], "three");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:one a:two a:three");
	coro_future_unref(task);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static void put_with_fd(int to, const char *word)
{
	struct iovec vec = {(char *)word, strlen(word)};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr message = {
		.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &(int){STDERR_FILENO}, sizeof(int));
	ck_assert_int_gt(sendmsg(to, &message, 0), 0);
}

START_TEST(a_stream_that_carries_fds_is_short_before_its_end)
{
	pair = make_pair(UNIX);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", pair.from});
	put_with_fd(pair.to, "one");
	put_with_fd(pair.to, "two");
	put(pair.to, "three");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:one a:two a:three");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(bytes_behind_urgent_ones_are_read)
{
	pair = make_pair(TCP);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", pair.from});
	put(pair.to, "one");
	ck_assert_int_eq(send(pair.to, "!", 1, MSG_OOB), 1);
	put(pair.to, "two");
	coro_fd_forget(pair.to);
	turn();
	turn();
	put(pair.to, "three");
	for (int i = 0; i < 4 && !coro_future_done(task); i++)
		turn();
	const char *got = trace_take();
	ck_assert_msg(strncmp(got, "a:one a:two", 11) == 0, "%s", got);
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

/* ---- several on one ---- */

START_TEST(readers_are_served_in_the_order_they_came)
{
	pair = make_pair(_i);
	struct coro_future *tasks[] = {
		start(reads_once, &(struct reading){"a", pair.from, 1}),
		start(reads_once, &(struct reading){"b", pair.from, 1}),
		start(reads_once, &(struct reading){"c", pair.from, 1}),
	};
	put(pair.to, "123");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
	}
	ck_assert_trace("a:1 b:2 c:3");
	close_pair(pair);
}
END_TEST

START_TEST(one_who_comes_later_stands_in_line)
{
	pair = make_pair(_i);
	struct coro_future *a = start(reads_once, &(struct reading){"a", pair.from, 1});
	put(pair.to, "12");
	struct coro_future *b = spawn(reads_once, &(struct reading){"b", pair.from, 1});
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	ck_assert_trace("a:1 b:2");
	coro_future_unref(b);
	assert_ended(a, 0);
	close_pair(pair);
}
END_TEST

START_TEST(reading_and_writing_wait_apart)
{
	pair = make_pair(UNIX);
	struct bytes out = {pair.from, calloc(PLENTY, 1), PLENTY, 0};
	struct coro_future *writer = start(writes_all, &out);
	struct coro_future *reader = start(reads_once, &(struct reading){"a", pair.from});
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
	ck_assert_trace("a:word");
	ck_assert(!coro_future_done(writer));
	coro_future_unref(reader);
	close(pair.to);
	ck_assert_int_eq(coro_run_until_complete(loop, writer, NULL), 0);
	ck_assert_int_gt(out.done, 0);
	ck_assert_int_lt(out.done, PLENTY);
	coro_future_unref(writer);
	free(out.at);
}
END_TEST

/* ---- cancellation ---- */

START_TEST(a_cancelled_read_takes_nothing)
{
	pair = make_pair(_i);
	struct coro_future *a = start(reads_once, &(struct reading){"a", pair.from});
	cancel(a);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), -ECANCELED);
	put(pair.to, "word");
	ck_assert_int_eq(result_of(reads_once, &(struct reading){"b", pair.from}), 0);
	ck_assert_trace("a:-125 b:word");
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
	ck_assert_trace(r == 0 ? "a:word b:again" : "a:-125 b:word");
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
	ck_assert_trace("a:-125 b:word");
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
	ck_assert_trace("b:-125 a:1 c:2");
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

START_TEST(a_cancelled_write_returns_what_it_wrote)
{
	pair = make_pair(_i);
	struct bytes out = {pair.to, calloc(PLENTY, 1), PLENTY, 0};
	struct coro_future *task = start(writes_and_waits, &out);
	ck_assert_int_eq(coro_cancel_with(task, "because"), 1);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	ck_assert_trace("sleep:-125:because");
	ck_assert_str_eq(coro_future_message(task), "because");
	ck_assert_int_gt(out.done, 0);
	ck_assert_int_lt(out.done, PLENTY);
	coro_future_unref(task);
	static char got[PLENTY];
	size_t length = 0;
	ssize_t n;
	close(pair.to);
	while ((n = read(pair.from, got, sizeof(got))) > 0)
		length += (size_t)n;
	ck_assert_int_eq((ssize_t)length, out.done);
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

static ssize_t (*call)(int fd);

static ssize_t call_read(int fd)
{
	char byte;
	return coro_read(fd, &byte, 1);
}

static ssize_t call_write(int fd)
{
	return coro_write(fd, "x", 1);
}

static int calls(void *arg)
{
	return (int)call(*(int *)arg);
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
	ck_assert_int_eq(sigtimedwait(&pipe, NULL, &(struct timespec){0}), SIGPIPE);
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

/* ---- outside of tasks ---- */

static void *writes_later(void *arg)
{
	until_main_sleeps();
	ck_assert_int_eq(write(pair.to, "word", 4), 4);
	return NULL;
}

START_TEST(outside_of_tasks_calls_block)
{
	char got[5] = {0};
	pthread_t thread;
	pair = make_pair(_i);
	ck_assert_int_eq(pthread_create(&thread, NULL, writes_later, NULL), 0);
	ck_assert_int_eq(coro_read(pair.from, got, 4), 4);
	ck_assert_str_eq(got, "word");
	pthread_join(thread, NULL);
	close_pair(pair);
}
END_TEST

static bool wait_readable(int fd)
{
	return poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1) == 1;
}

static void *drains(void *arg)
{
	static char got[4096];
	ssize_t n;
	long sum = 0;
	while ((n = read(pair.from, got, sizeof(got))) > 0 ||
	       (n < 0 && errno == EAGAIN && wait_readable(pair.from)))
		sum += n > 0 ? n : 0;
	return (void *)sum;
}

START_TEST(outside_of_tasks_all_is_written)
{
	pthread_t thread;
	void *sum;
	char *bytes = calloc(PLENTY, 1);
	pair = make_pair(_i);
	ck_assert_int_eq(pthread_create(&thread, NULL, drains, NULL), 0);
	ck_assert_int_eq(coro_write(pair.to, bytes, PLENTY), PLENTY);
	close(pair.to);
	pthread_join(thread, &sum);
	ck_assert_int_eq((long)sum, PLENTY);
	close(pair.from);
	free(bytes);
}
END_TEST

static void reads_in_a_callback(void *arg)
{
	trace("%zd", coro_read(pair.from, (char[4]){0}, 4));
}

START_TEST(in_a_callback_calls_block)
{
	pair = make_pair(_i);
	put(pair.to, "x");
	call_outside_tasks(reads_in_a_callback, NULL);
	ck_assert_trace("1");
	close_pair(pair);
}
END_TEST

START_TEST(o_nonblock_stays_as_it_was)
{
	pair = make_pair(_i);
	int flags = fcntl(pair.from, F_GETFL);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	ck_assert_int_eq(fcntl(pair.from, F_GETFL), flags);
	put(pair.to, "x");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_eq(fcntl(pair.from, F_GETFL), flags);
	coro_future_unref(task);
	trace_take();
	close_pair(pair);
}
END_TEST

/* ---- what is not waited for ---- */

static int asks_for_a_place(void *arg)
{
	int ends[2];
	char byte;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -errno;
	ck_assert_int_eq(coro_recv(ends[0], &byte, 1, MSG_DONTWAIT), -EAGAIN);
	ck_assert_int_eq(coro_pread(ends[0], &byte, 1, 0), -ESPIPE);
	ck_assert_int_eq(coro_pwrite(ends[0], "x", 1, 0), -ESPIPE);
	coro_fd_close(ends[0]);
	close(ends[1]);
	return 0;
}

START_TEST(a_place_in_an_empty_socket_is_refused_at_once)
{
	struct coro_future *task = spawn(asks_for_a_place, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
}
END_TEST

static int uses_file(void *arg)
{
	char got[8] = {0};
	FILE *file = tmpfile();
	int fd = fileno(file);
	ck_assert_int_eq(coro_write(fd, "hello", 5), 5);
	ck_assert_int_eq(coro_writev(fd, (struct iovec[]){{" ", 1}, {"you", 3}}, 2), 4);
	ck_assert_int_eq(coro_pread(fd, got, 4, 1), 4);
	ck_assert_str_eq(got, "ello");
	ck_assert_int_eq(coro_pwrite(fd, "J", 1, 0), 1);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(coro_read(fd, got, 6), 6);
	ck_assert_str_eq(got, "Jello ");
	ck_assert_int_eq(coro_read(fd, got, 6), 3);
	ck_assert_int_eq(coro_read(fd, got, 6), 0);
	ck_assert_int_eq(coro_readable(fd), 0);
	ck_assert_int_eq(coro_writable(fd), 0);
	coro_fd_forget(fd);
	fclose(file);
	return 0;
}

START_TEST(regular_files_work)
{
	ck_assert_int_eq(result_of(uses_file, NULL), 0);
	ck_assert_int_eq(uses_file(NULL), 0);
}
END_TEST

static int uses_devices(void *arg)
{
	char got[8];
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY);
	ck_assert_int_eq(coro_write(null, "hello", 5), 5);
	ck_assert_int_eq(coro_read(null, got, 5), 0);
	ck_assert_int_eq(coro_read(zero, got, 8), 8);
	ck_assert_int_eq(coro_readable(null), 0);
	coro_fd_close(null);
	coro_fd_close(zero);
	return 0;
}

START_TEST(devices_work)
{
	ck_assert_int_eq(result_of(uses_devices, NULL), 0);
	ck_assert_int_eq(uses_devices(NULL), 0);
}
END_TEST

START_TEST(a_terminal_is_waited_for)
{
	int master, slave;
	if (!open_terminal(&master, &slave))
		skip_test("no terminals here");
	struct coro_future *task = start(reads_once, &(struct reading){"a", slave});
	put(master, "half ");
	turn();
	ck_assert_trace("");
	put(master, "a line\n");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:half a line\n");
	call = call_write;
	ck_assert_int_eq(result_of(calls, &slave), 1);
	coro_future_unref(task);
	close(slave);
	close(master);
}
END_TEST

START_TEST(what_has_no_flag_of_the_call_is_asked)
{
	if (on_uring())
		skip_test("the kernel waits itself");
	pair = make_pair(PIPE);
	fail_calls_from("preadv2", 1, EOPNOTSUPP);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	ck_assert(fail_call_off());
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:word");
	coro_future_unref(task);
	close(pair.from);
	close(pair.to);
}
END_TEST

START_TEST(what_has_no_flag_of_the_call_is_written_in_pieces)
{
	pair = make_pair(PIPE);
	fail_calls_from("pwritev2", 1, EOPNOTSUPP);
	transfer_plenty(PLENTY);
	ck_assert(fail_call_off());
}
END_TEST

/* ---- fairness ---- */

static int reads_for_ever(void *arg)
{
	char got[1];
	int zero = open("/dev/zero", O_RDONLY);
	while (!*(bool *)arg && coro_read(zero, got, 1) == 1)
		;
	coro_fd_close(zero);
	return 0;
}

static int ends_it(void *arg)
{
	int r = coro_sleep(CORO_MSEC);
	*(bool *)arg = true;
	return r;
}

START_TEST(one_that_never_has_to_wait_gives_way)
{
	bool over = false;
	struct coro_loop *real;
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_create(NULL, &real), 0);
	ck_assert_int_eq(coro_loop_spawn(real, NULL, ends_it, &over, NULL), 0);
	ck_assert_int_eq(coro_loop_spawn(real, NULL, reads_for_ever, &over, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(real, task, NULL), 0);
	coro_future_unref(task);
	coro_loop_close(real);
}
END_TEST

START_TEST(one_that_never_has_to_wait_can_be_cancelled)
{
	bool over = false;
	struct coro_future *task = spawn(reads_for_ever, &over);
	at(0, cancel_it, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert(!over);
	coro_future_unref(task);
}
END_TEST

/* ---- allocations ---- */

static int echoes(void *arg)
{
	char got[16];
	for (int i = 0; i < 10; i++) {
		ssize_t n = coro_read(pair.from, got, sizeof(got));
		if (n > 0)
			n = coro_write(pair.from, got, (size_t)n);
		if (n < 0)
			return (int)n;
	}
	return 0;
}

static int talks(void *arg)
{
	char got[16];
	for (int i = 0; i < 10; i++) {
		if (coro_write(pair.to, "hello", 5) != 5 || coro_read(pair.to, got, 16) != 5)
			return -EIO;
		if (i == 0)
			fail_nth(0); /* the records are made */
	}
	fail_off();
	return 0;
}

START_TEST(waiting_allocates_nothing)
{
	pair = make_pair(_i);
	struct coro_future *task = spawn(echoes, NULL);
	ck_assert_int_eq(result_of(talks, NULL), 0);
	ck_assert_uint_eq(fail_count(), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

/* ---- nothing ---- */

static ssize_t reads_no_bytes(int fd)
{
	char byte;
	return coro_read(fd, &byte, 0);
}

static ssize_t reads_no_pieces(int fd)
{
	return coro_readv(fd, NULL, 0);
}

static ssize_t reads_empty_pieces(int fd)
{
	return coro_readv(fd, (struct iovec[]){{NULL, 0}, {NULL, 0}}, 2);
}

static ssize_t writes_no_bytes(int fd)
{
	return coro_write(fd, "", 0);
}

static ssize_t writes_no_pieces(int fd)
{
	return coro_writev(fd, NULL, 0);
}

static ssize_t writes_empty_pieces(int fd)
{
	return coro_writev(fd, (struct iovec[]){{NULL, 0}, {NULL, 0}}, 2);
}

static ssize_t (*const reads_of_nothing[])(int fd) = {
	reads_no_bytes,
	reads_no_pieces,
	reads_empty_pieces,
};

static ssize_t (*const writes_of_nothing[])(int fd) = {
	writes_no_bytes,
	writes_no_pieces,
	writes_empty_pieces,
};

static void fill_up(int fd)
{
	static char bytes[4096];
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

static void nothing_is_transferred(int from, int to)
{
	for (int i = 0; i < 3; i++) {
		call = reads_of_nothing[i];
		ck_assert_int_eq(result_of(calls, &from), 0);
		ck_assert_int_eq(call(from), 0);
	}
	fill_up(to);
	for (int i = 0; i < 3; i++) {
		call = writes_of_nothing[i];
		ck_assert_int_eq(result_of(calls, &to), 0);
		ck_assert_int_eq(call(to), 0);
	}
}

START_TEST(nothing_is_transferred_at_once)
{
	pair = make_pair(_i);
	nothing_is_transferred(pair.from, pair.to);
	close_pair(pair);
}
END_TEST

START_TEST(a_terminal_is_not_waited_for_for_nothing)
{
	int master, slave;
	if (!open_terminal(&master, &slave))
		skip_test("no terminals here");
	nothing_is_transferred(slave, slave);
	close(slave);
	close(master);
}
END_TEST

static ssize_t sends_nothing(int fd)
{
	return coro_sendall(fd, "", 0, 0);
}

START_TEST(nothing_is_sent_to_a_full_socket)
{
	pair = make_pair(UNIX);
	fill_up(pair.to);
	call = sends_nothing;
	ck_assert_int_eq(result_of(calls, &pair.to), 0);
	close_pair(pair);
	ck_assert_int_eq(call(pair.to), -EBADF);
}
END_TEST

START_TEST(a_message_may_be_empty)
{
	char byte;
	int fds[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	call = writes_no_bytes;
	ck_assert_int_eq(result_of(calls, &fds[0]), 0);
	call = sends_nothing;
	ck_assert_int_eq(result_of(calls, &fds[0]), 0);
	ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(a_read_of_nothing_leaves_the_message)
{
	int fds[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	put(fds[0], "word");
	call = reads_no_bytes;
	ck_assert_int_eq(result_of(calls, &fds[1]), 0);
	expect(fds[1], "word");
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* ---- several who write ---- */

enum { WRITERS = 3, EACH = 300000 };

static ssize_t writes_each(int fd, char *bytes)
{
	return coro_write(fd, bytes, EACH);
}

static ssize_t writes_each_in_pieces(int fd, char *bytes)
{
	struct iovec two[] = {{bytes, 1000}, {bytes + 1000, EACH - 1000}};
	return coro_writev(fd, two, 2);
}

static ssize_t sends_each(int fd, char *bytes)
{
	return coro_sendall(fd, bytes, EACH, 0);
}

static ssize_t sends_each_as_message(int fd, char *bytes)
{
	struct iovec two[] = {{bytes, 1000}, {bytes + 1000, EACH - 1000}};
	return coro_sendmsg(fd, &(struct msghdr){.msg_iov = two, .msg_iovlen = 2}, 0);
}

static ssize_t (*const ways_to_write[])(int fd, char *bytes) = {
	writes_each,
	writes_each_in_pieces,
	sends_each,
	sends_each_as_message,
};

enum { WAYS = sizeof(ways_to_write) / sizeof(*ways_to_write) };

struct letters {
	int way;
	char letter;
};

static int writes_letters(void *arg)
{
	static char all[UCHAR_MAX][EACH];
	const struct letters *letters = arg;
	char *bytes = memset(all[(unsigned char)letters->letter], letters->letter, EACH);
	return (int)ways_to_write[letters->way](pair.to, bytes);
}

/* How often a letter differs from the one before, in n bytes. */
static int counts_runs(void *arg)
{
	static char bytes[4000];
	int runs = 0;
	char last = 0;
	for (size_t got = 0, all = *(size_t *)arg; got < all;) {
		ssize_t n = coro_read(pair.from, bytes, sizeof(bytes));
		if (n <= 0)
			return n < 0 ? (int)n : -EPIPE;
		for (ssize_t i = 0; i < n; i++) {
			runs += bytes[i] != last;
			last = bytes[i];
		}
		got += (size_t)n;
		coro_sleep(0);
	}
	return runs;
}

static void write_at_once(int way)
{
	struct letters letters[WRITERS];
	struct coro_future *writers[WRITERS];
	size_t all = (size_t)WRITERS * EACH;
	for (int i = 0; i < WRITERS; i++) {
		letters[i] = (struct letters){way, "ABC"[i]};
		writers[i] = spawn(writes_letters, &letters[i]);
	}
	ck_assert_int_eq(result_of(counts_runs, &all), WRITERS);
	for (int i = 0; i < WRITERS; i++)
		assert_ended(writers[i], EACH);
}

START_TEST(what_several_write_at_once_is_not_mixed)
{
	int kind = _i / WAYS, way = _i % WAYS;
	if ((kind == PIPE || kind == PIPE_NONBLOCK) && way >= 2)
		return; /* it is no socket */
	pair = make_pair(kind);
	write_at_once(way);
	close_pair(pair);
}
END_TEST

START_TEST(the_next_writes_when_one_in_the_midst_is_cancelled)
{
	pair = make_pair(_i);
	struct coro_future *first = start(writes_letters, &(struct letters){0, 'A'});
	struct coro_future *second = start(writes_letters, &(struct letters){0, 'B'});
	coro_cancel(first);
	int done = coro_run_until_complete(loop, first, NULL);
	ck_assert_int_gt(done, 0);
	ck_assert_int_lt(done, EACH);
	size_t all = (size_t)done + EACH;
	ck_assert_int_eq(result_of(counts_runs, &all), 2);
	coro_future_unref(first);
	assert_ended(second, EACH);
	close_pair(pair);
}
END_TEST

/* A write that gives way now and then, in the middle. */
static struct coro_future *stopped_in_the_midst(void)
{
	pair = make_pair(UNIX);
	shorten_transfers(1);
	struct coro_future *writer = start(writes_letters, &(struct letters){0, 'A'});
	char byte;
	while (recv(pair.from, &byte, 1, MSG_DONTWAIT) != 1)
		turn(); /* io_uring makes the call in the next */
	shorten_transfers(0);
	return writer;
}

START_TEST(a_task_in_the_midst_of_a_write_may_be_discarded)
{
	coro_future_unref(stopped_in_the_midst());
	loop_teardown();
	loop_setup();
	close_pair(pair);
}
END_TEST

START_TEST(an_fd_may_be_closed_in_the_midst_of_a_write)
{
	struct coro_future *first = stopped_in_the_midst();
	coro_fd_close(pair.to);
	int done = coro_run_until_complete(loop, first, NULL);
	ck_assert_int_gt(done, 0);
	ck_assert_int_lt(done, EACH);
	coro_future_unref(first);
	close(pair.from);
}
END_TEST

static ssize_t writes_behind_nothing(int fd)
{
	return coro_writev(fd, (struct iovec[]){{(char *)"", 0}, {(char *)"hello", 5}}, 2);
}

START_TEST(a_first_piece_may_be_empty)
{
	int master, slave;
	if (!open_terminal(&master, &slave))
		skip_test("no terminals here");
	call = writes_behind_nothing;
	ck_assert_int_eq(result_of(calls, &slave), 5);
	expect(master, "hello");
	close(slave);
	close(master);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, what_is_written_arrives, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_is_written_arrives_byte_by_byte, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, vectors_arrive_in_order, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, read_gives_what_there_is_and_waits_for_something, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, the_others_run_while_one_reads, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, bytes_and_their_end_may_come_at_once, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_comes_after_a_short_read_is_read, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_a_small_read_leaves_is_read_by_the_next, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, two_datagrams_may_come_at_once, 0, 2);
	tcase_add_test(tests, packets_of_a_pipe_may_come_at_once);
	tcase_add_test(tests, a_stream_that_carries_fds_is_short_before_its_end);
	tcase_add_test(tests, bytes_behind_urgent_ones_are_read);
	tcase_add_loop_test(tests, readers_are_served_in_the_order_they_came, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, one_who_comes_later_stands_in_line, 0, PAIR_KINDS);
	tcase_add_test(tests, reading_and_writing_wait_apart);
	tcase_add_loop_test(tests, a_cancelled_read_takes_nothing, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_comes_with_a_cancellation_is_not_lost, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, one_that_is_woken_and_cancelled_passes_it_on, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, the_second_of_a_line_may_be_cancelled, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_cancelled_write_returns_what_it_wrote, 0, PAIR_KINDS);
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
	tcase_add_loop_test(tests, outside_of_tasks_calls_block, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, outside_of_tasks_all_is_written, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, in_a_callback_calls_block, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, o_nonblock_stays_as_it_was, 0, PAIR_KINDS);
	tcase_add_test(tests, a_place_in_an_empty_socket_is_refused_at_once);
	tcase_add_test(tests, regular_files_work);
	tcase_add_test(tests, devices_work);
	tcase_add_test(tests, a_terminal_is_waited_for);
	tcase_add_test(tests, what_has_no_flag_of_the_call_is_asked);
	tcase_add_test(tests, what_has_no_flag_of_the_call_is_written_in_pieces);
	tcase_add_test(tests, one_that_never_has_to_wait_gives_way);
	tcase_add_test(tests, one_that_never_has_to_wait_can_be_cancelled);
	tcase_add_loop_test(tests, waiting_allocates_nothing, UNIX, PAIR_KINDS);
	tcase_add_loop_test(tests, nothing_is_transferred_at_once, 0, PAIR_KINDS);
	tcase_add_test(tests, a_terminal_is_not_waited_for_for_nothing);
	tcase_add_test(tests, nothing_is_sent_to_a_full_socket);
	tcase_add_test(tests, a_message_may_be_empty);
	tcase_add_test(tests, a_read_of_nothing_leaves_the_message);
	tcase_add_test(tests, a_first_piece_may_be_empty);
	tcase_add_loop_test(tests, what_several_write_at_once_is_not_mixed, 0, PAIR_KINDS * WAYS);
	tcase_add_test(tests, a_task_in_the_midst_of_a_write_may_be_discarded);
	tcase_add_test(tests, an_fd_may_be_closed_in_the_midst_of_a_write);
	tcase_add_loop_test(tests, the_next_writes_when_one_in_the_midst_is_cancelled, 0,
			    PAIR_KINDS);
}

TEST_MAIN("bytes", add)
