/* SPDX-License-Identifier: MIT */
/* Message queues of POSIX, which are fds that can be waited for, though fstat calls them regular files. */
#include "fds.h"

#include <mqueue.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { SIZE = 8 };

static int queue;

/* A queue with room for one message. Older C libraries have these calls in a library of their own. */
static int make_queue(void)
{
	char name[40];
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = SIZE};
	snprintf(name, sizeof(name), "coro-queue-%d", (int)getpid());
	int fd = (int)syscall(SYS_mq_open, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600,
			      &attributes);
	if (fd >= 0)
		syscall(SYS_mq_unlink, name);
	return fd;
}

static void queue_setup(void)
{
	struct stat status;
	fds_setup();
	queue = make_queue();
	if (queue >= 0)
		ck_assert(fstat(queue, &status) == 0 && S_ISREG(status.st_mode));
}

static void queue_teardown(void)
{
	if (queue >= 0)
		close(queue);
	fds_teardown();
}

static void send_to(int fd)
{
	ck_assert_int_eq(syscall(SYS_mq_timedsend, fd, "word", 4, 0, NULL), 0);
}

static void receive_from(int fd)
{
	char bytes[SIZE];
	ck_assert_int_eq(syscall(SYS_mq_timedreceive, fd, bytes, SIZE, NULL, NULL), 4);
}

/* ---- tasks ---- */

static int polls(void *arg)
{
	struct pollfd *fd = arg;
	int r = coro_poll(fd, 1, CORO_FOREVER);
	return r == 1 ? fd->revents : r;
}

static int waits_readable(void *arg)
{
	return coro_readable(*(int *)arg);
}

static int waits_writable(void *arg)
{
	return coro_writable(*(int *)arg);
}

static int closes(void *arg)
{
	return coro_fd_close(*(int *)arg);
}

static struct coro_future *begin(coro_fn *fn, void *arg)
{
	struct coro_future *task = start(fn, arg);
	for (int i = 0; i < 3; i++)
		turn();
	ck_assert(!coro_future_done(task));
	return task;
}

static void finish(struct coro_future *task, int expected)
{
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), expected);
	coro_future_unref(task);
}

#define NEEDS_QUEUE()                                             \
	do {                                                      \
		if (queue < 0)                                    \
			skip_test("there are no message queues"); \
	} while (0)

START_TEST(messages_and_room_are_polled_for)
{
	NEEDS_QUEUE();
	struct pollfd in = {.fd = queue, .events = POLLIN}, out = {.fd = queue, .events = POLLOUT};
	for (int i = 0; i < 3; i++) {
		struct coro_future *task = begin(polls, &in);
		ck_assert_int_eq(result_of(polls, &out), POLLOUT);
		send_to(queue);
		finish(task, POLLIN);
		ck_assert_int_eq(result_of(polls, &in), POLLIN);
		task = begin(polls, &out);
		receive_from(queue);
		finish(task, POLLOUT);
	}
}
END_TEST

START_TEST(messages_and_room_are_waited_for)
{
	NEEDS_QUEUE();
	for (int i = 0; i < 3; i++) {
		struct coro_future *task = begin(waits_readable, &queue);
		ck_assert_int_eq(result_of(waits_writable, &queue), 0);
		send_to(queue);
		finish(task, 0);
		ck_assert_int_eq(result_of(waits_readable, &queue), 0);
		task = begin(waits_writable, &queue);
		receive_from(queue);
		finish(task, 0);
	}
}
END_TEST

START_TEST(all_who_wait_are_woken)
{
	NEEDS_QUEUE();
	struct pollfd in = {.fd = queue, .events = POLLIN};
	struct coro_future *polling = begin(polls, &in), *one = begin(waits_readable, &queue),
			   *other = begin(waits_readable, &queue);
	send_to(queue);
	finish(polling, POLLIN);
	finish(one, 0);
	finish(other, 0);
}
END_TEST

static coro_fn *const waits[] = {waits_readable, waits_writable};

START_TEST(a_wait_may_be_cancelled)
{
	NEEDS_QUEUE();
	if (_i)
		send_to(queue);
	struct coro_future *first = begin(waits[_i], &queue), *second = begin(waits[_i], &queue);
	cancel(first);
	finish(first, -ECANCELED);
	ck_assert(!coro_future_done(second));
	if (_i)
		receive_from(queue);
	else
		send_to(queue);
	finish(second, 0);
}
END_TEST

START_TEST(closing_ends_waits)
{
	NEEDS_QUEUE();
	struct pollfd in = {.fd = queue, .events = POLLIN};
	int fd = queue;
	struct coro_future *polling = begin(polls, &in), *waiting = begin(waits_readable, &queue);
	queue = -1;
	ck_assert_int_eq(result_of(closes, &fd), 0);
	finish(polling, POLLNVAL);
	finish(waiting, -EBADF);
}
END_TEST

/* By mq_close, of which the loop does not know. */
START_TEST(a_number_that_was_closed_plainly_may_be_another_queue_s)
{
	NEEDS_QUEUE();
	struct pollfd in = {.fd = queue, .events = POLLIN};
	struct coro_future *task = begin(polls, &in);
	send_to(queue);
	finish(task, POLLIN);
	close(queue);
	ck_assert_int_eq(make_queue(), queue);
	task = begin(polls, &in);
	send_to(queue);
	finish(task, POLLIN);
	close(queue);
	ck_assert_int_eq(make_queue(), queue);
	task = begin(waits_readable, &queue);
	send_to(queue);
	finish(task, 0);
}
END_TEST

/* Which never has to be waited for, and epoll refuses it. */
START_TEST(a_number_that_was_closed_plainly_may_be_a_file_s)
{
	NEEDS_QUEUE();
	struct pollfd both = {.fd = queue, .events = POLLIN | POLLOUT};
	send_to(queue);
	struct coro_future *task = begin(waits_writable, &queue);
	receive_from(queue);
	finish(task, 0);
	FILE *file = tmpfile();
	ck_assert_int_eq(dup2(fileno(file), queue), queue);
	fclose(file);
	ck_assert_int_eq(result_of(polls, &both), POLLIN | POLLOUT);
	ck_assert_int_eq(result_of(waits_readable, &queue), 0);
	ck_assert_int_eq(result_of(waits_writable, &queue), 0);
}
END_TEST

static void is_called(void *arg)
{
	++*(int *)arg;
	receive_from(queue);
}

START_TEST(fd_callbacks_are_called_for_messages)
{
	NEEDS_QUEUE();
	int calls = 0;
	ck_assert_int_eq(coro_loop_add_reader(loop, queue, is_called, &calls), 0);
	turn();
	ck_assert_int_eq(calls, 0);
	for (int i = 1; i <= 3; i++) {
		send_to(queue);
		for (int tries = 0; tries < 10 && calls < i; tries++)
			turn();
		ck_assert_int_eq(calls, i);
	}
	ck_assert_int_eq(coro_loop_remove_reader(loop, queue), 1);
}
END_TEST

/* Epoll is asked which files can be waited for. Without it none can, and each counts as ready. */
START_TEST(calls_that_fail_fail_a_wait)
{
	static const struct {
		int error, expected;
	} fails[] = {{EMFILE, -EMFILE}, {ENOSYS, 0}};
	NEEDS_QUEUE();
	coro_loop_poller(loop); /* which may make an epoll */
	for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++) {
		fail_call("epoll_create1", 1, fails[i].error);
		ck_assert_int_eq(result_of(waits_readable, &queue), fails[i].expected);
		ck_assert(fail_call_off());
	}
	/* Nothing is left of it. */
	struct coro_future *task = begin(waits_readable, &queue);
	send_to(queue);
	finish(task, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, queue_setup, queue_teardown);
	tcase_add_test(tests, messages_and_room_are_polled_for);
	tcase_add_test(tests, messages_and_room_are_waited_for);
	tcase_add_test(tests, all_who_wait_are_woken);
	tcase_add_loop_test(tests, a_wait_may_be_cancelled, 0, 2);
	tcase_add_test(tests, closing_ends_waits);
	tcase_add_test(tests, a_number_that_was_closed_plainly_may_be_another_queue_s);
	tcase_add_test(tests, a_number_that_was_closed_plainly_may_be_a_file_s);
	tcase_add_test(tests, fd_callbacks_are_called_for_messages);
	tcase_add_test(tests, calls_that_fail_fail_a_wait);
}

TEST_MAIN("queue", add)
