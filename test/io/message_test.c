/* SPDX-License-Identifier: MIT */
/* Whose message the errors of fds, files and streams have: never that of an earlier error. */
#include "new_fds.h"
#include "support.h"

#include <coro.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Noted, as Check's assertions do not work in all places. */
static char wrong[4096];

static void note(const char *call, long got, int expected, bool bare)
{
	size_t length = strlen(wrong);
	const char *message = coro_message(expected);
	bool is_bare = !strcmp(message, coro_strerror(expected));
	if (got != expected || !strcmp(message, "stale") || is_bare != bare)
		snprintf(wrong + length, sizeof(wrong) - length, "%s: %ld, \"%s\"\n", call, got,
			 message);
}

#define FAILS(call, expected, bare)                        \
	do {                                               \
		coro_raise(expected, "stale");             \
		note(#call, (long)(call), expected, bare); \
	} while (0)

static int fail_on_files(void *arg)
{
	struct stat status;
	struct coro_dir *dir;
	FAILS(coro_open("no/such/file", O_RDONLY, 0), -ENOENT, true);
	FAILS(coro_stat("no/such/file", &status), -ENOENT, true);
	FAILS(coro_unlink("no/such/file"), -ENOENT, true);
	FAILS(coro_rename("no/such/file", "x"), -ENOENT, true);
	FAILS(coro_opendir("no/such/file", &dir), -ENOENT, true);
	FAILS(coro_fsync(-1), -EBADF, true);
	FAILS(coro_open(NULL, O_RDONLY, 0), -EINVAL, false);
	FAILS(coro_stat("x", NULL), -EINVAL, false);
	return 0;
}

static int fail_on_fds(void *arg)
{
	char byte = 0, address[CORO_ADDRESS_SIZE];
	struct sockaddr_in nowhere = {.sin_family = AF_INET};
	int fd;
	FAILS(coro_read(-1, &byte, 1), -EBADF, true);
	FAILS(coro_write(-1, &byte, 1), -EBADF, true);
	FAILS(coro_pread(-1, &byte, 1, 0), -EBADF, true);
	FAILS(coro_recv(-1, &byte, 1, 0), -EBADF, true);
	FAILS(coro_sendall(-1, &byte, 1, 0), -EBADF, true);
	FAILS(coro_accept(-1, NULL, NULL), -EBADF, true);
	FAILS(coro_connect(-1, (struct sockaddr *)&nowhere, sizeof(nowhere)), -EBADF, true);
	FAILS(coro_fd_close(-1), -EBADF, true);
	FAILS(coro_getsockname(-1, address, sizeof(address)), -EBADF, true);
	FAILS(coro_getpeername(-1, address, sizeof(address)), -EBADF, true);
	FAILS(coro_read(-1, &byte, 0), -EBADF, true);
	FAILS(coro_write(-1, &byte, 0), -EBADF, true);
	FAILS(coro_sendall(-1, &byte, 0, 0), -EBADF, true);
	FAILS(coro_readable(-1), -EBADF, true);
	FAILS(coro_writable(-1), -EBADF, true);
	FAILS(coro_poll(NULL, 1, 0), -EINVAL, false);
	FAILS(coro_fd_set_nonblock(-1), -EBADF, true);
	FAILS(coro_listen(NULL, NULL, &fd), -EINVAL, false);
	FAILS(coro_sendfile(-1, -1, NULL, 1), -EBADF, true);
	FAILS(coro_splice(-1, NULL, -1, NULL, 1, 0), -EBADF, true);
	FAILS(coro_server_address(NULL, address, sizeof(address)), -EINVAL, false);
	FAILS(coro_pread(0, &byte, 1, -1), -EINVAL, false);
	FAILS(coro_readv(0, NULL, 1), -EINVAL, false);
	return 0;
}

static int fail_on_thread_queues(void *arg)
{
	struct coro_thread_queue *queue;
	void *item;
	int r = coro_thread_queue_create(1, &queue);
	if (r < 0)
		return r;
	FAILS(coro_thread_queue_try_get(queue, &item), -EAGAIN, true);
	FAILS(coro_thread_queue_try_get(queue, NULL), -EINVAL, false);
	FAILS(coro_thread_queue_get(queue, NULL), -EINVAL, false);
	coro_thread_queue_close(queue);
	FAILS(coro_thread_queue_get(queue, &item), -EPIPE, false);
	FAILS(coro_thread_queue_put(queue, NULL), -EPIPE, false);
	FAILS(coro_thread_queue_try_put(queue, NULL), -EPIPE, false);
	return coro_thread_queue_destroy(queue);
}

static void ignore(void *arg)
{
}

static int fail_on_executors(void *arg)
{
	struct coro_executor *executor;
	struct coro_future *future;
	int r = coro_executor_create(NULL, &executor);
	if (r < 0)
		return r;
	coro_executor_shutdown(executor, false);
	FAILS(coro_executor_run(executor, fail_on_files, NULL), -EPIPE, false);
	FAILS(coro_executor_submit(executor, fail_on_files, NULL, NULL, &future), -EPIPE, false);
	FAILS(coro_loop_add_reader(coro_running_loop(), -1, ignore, NULL), -EBADF, true);
	FAILS(coro_loop_add_reader(coro_running_loop(), 0, NULL, NULL), -EINVAL, false);
	return coro_executor_destroy(executor);
}

static int fail_outside_a_task(void *arg)
{
	struct coro_stream *stream;
	struct coro_server *server;
	struct coro_process *process;
	char *argv[] = {"true", NULL};
	FAILS(coro_open_connection("127.0.0.1:1", NULL, NULL, &stream), -EPERM, false);
	FAILS(coro_stream_open(0, NULL, &stream), -EPERM, false);
	FAILS(coro_server_start("127.0.0.1:0", NULL, (coro_stream_fn *)1, NULL, &server), -EPERM,
	      false);
	FAILS(coro_process_spawn(argv, NULL, &process), -EPERM, false);
	FAILS(coro_to_thread(fail_on_files, NULL), -EPERM, false);
	FAILS(coro_signal_wait(SIGUSR1), -EPERM, false);
	return 0;
}

static int fail_on_streams(void *arg)
{
	int fds[2];
	struct coro_stream *stream;
	struct coro_stream_options odd = {.low_water = 2, .high_water = 1};
	char byte;
	const char *line;
	if (new_socketpair(AF_UNIX, SOCK_STREAM, O_NONBLOCK, fds) < 0)
		return -errno;
	int r = coro_stream_open(fds[0], NULL, &stream);
	if (r < 0)
		return r;
	close(fds[1]);
	FAILS(coro_stream_open(-1, NULL, &stream), -EBADF, true);
	FAILS(coro_stream_open(fds[0], &odd, &stream), -EINVAL, false);
	FAILS(coro_stream_readexactly(stream, &byte, 1), CORO_INCOMPLETE, false);
	FAILS(coro_stream_readuntil(stream, "", 0, &line), -EINVAL, false);
	FAILS(coro_stream_read(NULL, &byte, 1), -EINVAL, false);
	coro_stream_write(stream, "x", 1);
	FAILS(coro_stream_flush(stream), -EPIPE, true);
	FAILS(coro_stream_wait_closed(stream), -EPIPE, true);
	coro_stream_abort(stream);
	FAILS(coro_stream_write(stream, "x", 1), -EPIPE, true);
	FAILS(coro_stream_drain(stream), -EPIPE, true);
	return coro_stream_destroy(stream);
}

static int fail_on_signals(void *arg)
{
	struct coro_loop *loop = coro_running_loop();
	FAILS(coro_loop_add_signal_handler(loop, SIGKILL, NULL, NULL), -EINVAL, false);
	FAILS(coro_loop_add_signal_handler(loop, 0, NULL, NULL), -EINVAL, false);
	FAILS(coro_loop_add_signal_handler(loop, 32, NULL, NULL), -EINVAL, true);
	FAILS(coro_signal_wait(SIGSTOP), -EINVAL, false);
	FAILS(coro_signal_wait_set(NULL), -EINVAL, false);
	return 0;
}

START_TEST(errors_in_tasks_have_no_older_message)
{
	ck_assert_int_eq(coro_run(fail_on_files, NULL), 0);
	ck_assert_int_eq(coro_run(fail_on_fds, NULL), 0);
	ck_assert_int_eq(coro_run(fail_on_streams, NULL), 0);
	ck_assert_int_eq(coro_run(fail_on_thread_queues, NULL), 0);
	ck_assert_int_eq(coro_run(fail_on_executors, NULL), 0);
	ck_assert_int_eq(coro_run(fail_on_signals, NULL), 0);
	ck_assert_str_eq(wrong, "");
}
END_TEST

static int listens_where_it_cannot(void *arg)
{
	int fd;
	coro_raise(-ENOENT, "stale");
	ck_assert_int_eq(coro_listen("unix:no/such/folder/socket", NULL, &fd), -ENOENT);
	ck_assert_str_eq(coro_message(-ENOENT),
			 "cannot listen on unix:no/such/folder/socket: No such file or directory");
	return 0;
}

/* Its message contains that of the call that failed within it. */
START_TEST(a_message_has_no_older_one_in_it)
{
	ck_assert_int_eq(coro_run(listens_where_it_cannot, NULL), 0);
}
END_TEST

START_TEST(errors_outside_of_tasks_have_no_older_message)
{
	fail_on_files(NULL);
	fail_on_fds(NULL);
	fail_outside_a_task(NULL);
	ck_assert_str_eq(wrong, "");
}
END_TEST

static int loses_its_peer(void *arg)
{
	int fd;
	char byte;
	FAILS(coro_dial("127.0.0.1:1", NULL, &fd), -ECONNREFUSED, false);
	int r = coro_dial("udp:127.0.0.1:1", NULL, &fd);
	if (r < 0)
		return r;
	coro_sendall(fd, "x", 1, 0);
	FAILS(coro_recv(fd, &byte, 1, 0), -ECONNREFUSED, true);
	return coro_fd_close(fd);
}

START_TEST(a_refused_datagram_does_not_get_a_dials_message)
{
	ck_assert_int_eq(coro_run(loses_its_peer, NULL), 0);
	ck_assert_str_eq(wrong, "");
}
END_TEST

/* ---- the message of an error that a stream keeps ---- */

static ssize_t breaks_reading(void *arg, void *bytes, size_t length)
{
	return coro_raise(-EPROTO, "reading broke");
}

static ssize_t breaks_writing(void *arg, const struct iovec *vec, int count)
{
	return coro_raise(-EIO, "writing broke");
}

static int waits_no_time(void *arg, bool writing)
{
	return 0;
}

static void closes(void *arg)
{
}

static void says(const char *call, long got, int expected, const char *message)
{
	size_t length = strlen(wrong);
	if (got != expected || strcmp(coro_message(expected), message) != 0)
		snprintf(wrong + length, sizeof(wrong) - length, "%s: %ld, \"%s\"\n", call, got,
			 coro_message(expected));
}

#define SAYS(call, expected, message)                         \
	do {                                                  \
		coro_raise(expected, "stale");                \
		says(#call, (long)(call), expected, message); \
	} while (0)

static int breaks(void *arg)
{
	static const struct coro_transport transport = {.read = breaks_reading,
							.write = breaks_writing,
							.wait = waits_no_time,
							.close = closes};
	struct coro_stream *stream;
	char byte;
	int r = coro_stream_create(&transport, NULL, NULL, &stream);
	if (r < 0)
		return r;
	for (int i = 0; i < 2; i++)
		SAYS(coro_stream_read(stream, &byte, 1), -EPROTO, "reading broke");
	r = coro_stream_write(stream, "x", 1);
	for (int i = 0; i < 2; i++)
		SAYS(coro_stream_flush(stream), -EIO, "writing broke");
	SAYS(coro_stream_write(stream, "x", 1), -EIO, "writing broke");
	SAYS(coro_stream_drain(stream), -EIO, "writing broke");
	SAYS(coro_stream_wait_closed(stream), -EIO, "writing broke");
	coro_stream_destroy(stream);
	return r;
}

START_TEST(error_that_a_stream_keeps_has_its_message_each_time)
{
	ck_assert_int_eq(coro_run(breaks, NULL), 0);
	ck_assert_str_eq(wrong, "");
}
END_TEST

/* ---- where they were raised ---- */

static void expect_no_origin(int r)
{
	size_t length = strlen(wrong);
	if (r >= 0 || coro_origin(r))
		snprintf(wrong + length, sizeof(wrong) - length, "%d, raised at %s\n", r,
			 coro_origin(r));
}

static int fails_to_connect(void *arg)
{
	struct coro_dial_options options = {.local = "nowhere"};
	int fd;
	expect_no_origin(coro_dial("127.0.0.1:1", NULL, &fd));
	expect_no_origin(coro_dial("nonsense", NULL, &fd));
	expect_no_origin(coro_dial("127.0.0.1:1", &options, &fd));
	expect_no_origin(coro_listen("nonsense", NULL, &fd));
	expect_no_origin(coro_listen("unix:/no/such/dir/socket", NULL, &fd));
	return 0;
}

START_TEST(errors_of_the_library_tell_of_no_place_of_its_own)
{
	ck_assert_int_eq(coro_run(fails_to_connect, NULL), 0);
	ck_assert_str_eq(wrong, "");
}
END_TEST

/* ---- what is closed, ended or wrong ---- */

static int nothing(void *arg)
{
	return 0;
}

static int use_closed_channels(void *arg)
{
	struct coro_channel *channel;
	struct coro_broadcast *broadcast;
	struct coro_subscription *subscription;
	int r = coro_channel_create(0, 1, &channel);
	if (r == 0)
		r = coro_broadcast_create(0, 1, &broadcast);
	if (r == 0)
		r = coro_broadcast_subscribe(broadcast, &subscription);
	if (r < 0)
		return r;
	coro_channel_close(channel);
	SAYS(coro_channel_close(channel), -EALREADY, "the channel is closed already");
	SAYS(coro_channel_attach(channel, CORO_SEND), -EPIPE, "the channel is closed");
	SAYS(coro_channel_send(channel, NULL), -EPIPE, "the channel is closed");
	SAYS(coro_channel_try_send(channel, NULL), -EPIPE, "the channel is closed");
	SAYS(coro_channel_receive(channel, NULL), -EPIPE, "the channel is closed");
	SAYS(coro_channel_try_receive(channel, NULL), -EPIPE, "the channel is closed");
	if (coro_broadcast_send(broadcast, NULL) < 0 || coro_broadcast_send(broadcast, NULL) < 0)
		return -EIO;
	SAYS(coro_subscription_receive(subscription, NULL), -EOVERFLOW,
	     "the subscription has missed items");
	coro_broadcast_close(broadcast);
	SAYS(coro_broadcast_close(broadcast), -EALREADY, "the broadcast is closed already");
	SAYS(coro_broadcast_send(broadcast, NULL), -EPIPE, "the broadcast is closed");
	r = coro_subscription_receive(subscription, NULL);
	SAYS(coro_subscription_receive(subscription, NULL), -EPIPE, "the broadcast is closed");
	coro_subscription_destroy(subscription);
	coro_broadcast_destroy(broadcast);
	coro_channel_destroy(channel);
	return r;
}

static int receives_until_closed(void *channel)
{
	SAYS(coro_channel_receive(channel, NULL), -EPIPE, "the channel is closed");
	return 0;
}

static int closes_while_another_receives(void *arg)
{
	struct coro_channel *channel;
	struct coro_future *task;
	int r = coro_channel_create(0, 0, &channel);
	if (r == 0)
		r = coro_spawn(receives_until_closed, channel, &task);
	if (r < 0)
		return r;
	r = coro_task_yield();
	coro_channel_close(channel);
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	coro_channel_destroy(channel);
	return r;
}

static int use_shut_queues(void *arg)
{
	struct coro_queue *queue;
	struct coro_thread_queue *shared;
	struct coro_executor *executor;
	void *item;
	int r = coro_queue_create(0, &queue);
	if (r == 0)
		r = coro_thread_queue_create(0, &shared);
	if (r == 0)
		r = coro_executor_create(NULL, &executor);
	if (r < 0)
		return r;
	coro_queue_shutdown(queue, false);
	SAYS(coro_queue_put(queue, NULL), -EPIPE, "the queue is shut down");
	SAYS(coro_queue_get(queue, &item), -EPIPE, "the queue is shut down");
	coro_thread_queue_close(shared);
	SAYS(coro_thread_queue_put(shared, NULL), -EPIPE, "the thread queue is closed");
	SAYS(coro_thread_queue_get(shared, &item), -EPIPE, "the thread queue is closed");
	SAYS(coro_thread_queue_try_get(shared, NULL), -EINVAL,
	     "coro_thread_queue_try_get: ret is NULL");
	r = coro_executor_shutdown(executor, false);
	SAYS(coro_executor_run(executor, nothing, NULL), -EPIPE, "the executor is shut down");
	coro_executor_destroy(executor);
	coro_thread_queue_destroy(shared);
	coro_queue_destroy(queue);
	return r;
}

static int end_twice(void *arg)
{
	struct coro_future *future;
	struct coro_group *group;
	struct coro_shield_scope scope;
	struct coro_condition condition;
	int fd, r = coro_future_create(coro_running_loop(), &future);
	if (r == 0)
		r = coro_group_create(&group);
	if (r == 0)
		r = coro_shield_begin(&scope, CORO_FOREVER);
	if (r < 0)
		return r;
	SAYS(coro_shield_begin(&scope, 0), -EBUSY,
	     "coro_shield_begin: the task has begun it already");
	r = coro_shield_end(&scope, 0);
	SAYS(coro_shield_end(&scope, 0), -EALREADY, "coro_shield_end: it has ended already");
	SAYS(coro_future_result(future, NULL), -EAGAIN, "the future is not done");
	coro_cancel(future);
	SAYS(coro_future_set_result(future, NULL), -EALREADY, "the future is done already");
	coro_future_unref(future);
	r = r < 0 ? r : coro_group_join(group, 0);
	SAYS(coro_group_spawn(group, nothing, NULL, NULL), -ESHUTDOWN,
	     "coro_group_spawn: the group is cancelled or has ended");
	coro_group_destroy(group);
	coro_condition_init(&condition, NULL);
	SAYS(coro_condition_wait(&condition), -EPERM, "coro_condition_wait: the lock is not held");
	SAYS(coro_listen(NULL, NULL, &fd), -EINVAL, "coro_listen: an argument or option is wrong");
	return r;
}

START_TEST(what_is_closed_or_ended_says_so)
{
	ck_assert_int_eq(coro_run(use_closed_channels, NULL), 0);
	ck_assert_int_eq(coro_run(closes_while_another_receives, NULL), 0);
	ck_assert_int_eq(coro_run(use_shut_queues, NULL), 0);
	ck_assert_int_eq(coro_run(end_twice, NULL), 0);
	ck_assert_str_eq(wrong, "");
}
END_TEST

START_TEST(end_of_a_pipeline_says_whose_argument_was_wrong)
{
	static const char made_wrongly[] = "an iterator was made with a wrong argument";
	int64_t sum;
	SAYS(coro_iter_sum(NULL, &sum), -EINVAL, "an iterator's end: it is no iterator");
	SAYS(coro_iter_sum(coro_iter_range(0, 1, 0), &sum), -EINVAL, made_wrongly);
	SAYS(coro_iter_sum(coro_iter_batched(NULL, 1), &sum), -EINVAL, made_wrongly);
	SAYS(coro_iter_sum(coro_iter_string("x"), &sum), -EINVAL,
	     "an iterator's end: NULL, or items it is not for");
	ck_assert_str_eq(wrong, "");
}
END_TEST

static int sockets[2];

/* It is cancelled in a write that has written a part. */
static int writes_much(void *arg)
{
	static char much[4 << 20];
	ssize_t n = coro_write(sockets[0], much, sizeof(much));
	return n < 0 ? (int)n : coro_sleep(CORO_FOREVER);
}

static int cancels_a_write(void *arg)
{
	struct coro_future *task;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
		return -errno;
	int r = coro_spawn(writes_much, NULL, &task);
	if (r < 0)
		return r;
	coro_sleep(CORO_MSEC);
	coro_cancel_with(task, "because");
	r = coro_await(task, NULL);
	const char *message = coro_future_message(task);
	if (r != -ECANCELED || !message || strcmp(message, "because"))
		snprintf(wrong, sizeof(wrong), "%d, \"%s\"", r, message ? message : "");
	coro_future_unref(task);
	coro_fd_close(sockets[0]);
	coro_fd_close(sockets[1]);
	return 0;
}

START_TEST(message_of_a_cancellation_that_a_write_puts_off_is_not_lost)
{
	ck_assert_int_eq(coro_run(cancels_a_write, NULL), 0);
	ck_assert_str_eq(wrong, "");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, errors_in_tasks_have_no_older_message);
	tcase_add_test(tests, a_message_has_no_older_one_in_it);
	tcase_add_test(tests, errors_outside_of_tasks_have_no_older_message);
	tcase_add_test(tests, what_is_closed_or_ended_says_so);
	tcase_add_test(tests, end_of_a_pipeline_says_whose_argument_was_wrong);
	tcase_add_test(tests, a_refused_datagram_does_not_get_a_dials_message);
	tcase_add_test(tests, error_that_a_stream_keeps_has_its_message_each_time);
	tcase_add_test(tests, errors_of_the_library_tell_of_no_place_of_its_own);
	tcase_add_test(tests, message_of_a_cancellation_that_a_write_puts_off_is_not_lost);
}

TEST_MAIN("message", add_tests)
