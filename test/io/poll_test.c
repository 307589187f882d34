/* SPDX-License-Identifier: MIT */
/* coro_poll: waiting for several fds at once. */
#include "base/poll.h"
#include "coro/debug.h"
#include "fds.h"

#include <poll.h>
#include <signal.h>

enum { MOST = 100 };

/* A task that polls once. */
struct polls {
	struct pollfd fds[MOST];
	nfds_t count;
	int64_t timeout;
	int result;
};

static int polls(void *arg)
{
	struct polls *polls = arg;
	polls->result = coro_poll(polls->fds, polls->count, polls->timeout);
	return polls->result;
}

static struct pair pair, other;

/* For one fd, without end. */
static struct polls poll_of(int fd, short events)
{
	return (struct polls){
		.fds = {{.fd = fd, .events = events}}, .count = 1, .timeout = CORO_FOREVER};
}

static struct coro_future *begin(struct polls *polls_)
{
	struct coro_future *task = start(polls, polls_);
	turn();
	ck_assert(!coro_future_done(task));
	return task;
}

static void finish(struct coro_future *task, int expected)
{
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), expected);
	coro_future_unref(task);
}

/* Fills what the end holds, without O_NONBLOCK. */
static void fill(int fd)
{
	static const char bytes[512];
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

static void empty(int fd)
{
	char bytes[4096];
	struct pollfd poll_ = {.fd = fd, .events = POLLIN};
	while (poll(&poll_, 1, 0) > 0 && read(fd, bytes, sizeof(bytes)) > 0)
		;
}

/* ---- what is ready ---- */

START_TEST(the_first_that_becomes_ready_ends_the_wait)
{
	struct pair pairs[3];
	struct polls three = {.count = 3, .timeout = -1};
	for (int i = 0; i < 3; i++) {
		pairs[i] = make_pair(_i);
		three.fds[i] = (struct pollfd){.fd = pairs[i].from, .events = POLLIN, .revents = 9};
	}
	for (int round = 0; round < 6; round++) {
		int i = round % 3;
		struct coro_future *task = begin(&three);
		put(pairs[i].to, "x");
		finish(task, 1);
		for (int j = 0; j < 3; j++)
			ck_assert_int_eq(three.fds[j].revents, j == i ? POLLIN : 0);
		expect(pairs[i].from, "x");
	}
	for (int i = 0; i < 3; i++)
		close_pair(pairs[i]);
}
END_TEST

START_TEST(all_that_is_ready_is_reported_without_a_wait)
{
	pair = make_pair(_i);
	other = make_pair(_i);
	put(pair.to, "some");
	put(other.to, "some");
	struct polls both = {.fds = {{.fd = pair.from, .events = POLLIN},
				     {.fd = other.from, .events = POLLIN},
				     {.fd = pair.to, .events = POLLOUT},
				     {.fd = pair.from, .events = POLLPRI}},
			     .count = 4};
	for (int i = 0; i < 3; i++) {
		both.timeout = i - 1; /* what is read in part is ready still */
		char byte;
		ck_assert_int_eq(result_of(polls, &both), 3);
		ck_assert_int_eq(both.fds[0].revents, POLLIN);
		ck_assert_int_eq(both.fds[1].revents, POLLIN);
		ck_assert_int_eq(both.fds[2].revents, POLLOUT);
		ck_assert_int_eq(both.fds[3].revents, 0);
		ck_assert_int_eq(read(pair.from, &byte, 1), 1);
	}
	close_pair(pair);
	close_pair(other);
}
END_TEST

START_TEST(room_and_the_end_are_reported)
{
	pair = make_pair(_i);
	do
		fill(pair.to);
	while (has_more_room(pair));
	struct polls room = poll_of(pair.to, POLLOUT);
	struct coro_future *task = begin(&room);
	empty(pair.from);
	finish(task, 1);
	ck_assert_int_eq(room.fds[0].revents, POLLOUT);

	struct polls end = poll_of(pair.from, POLLIN);
	task = begin(&end);
	close(pair.to);
	finish(task, 1);
	ck_assert_int_ne(end.fds[0].revents & (POLLIN | POLLHUP), 0);
	close(pair.from);
}
END_TEST

START_TEST(an_fd_may_be_there_several_times)
{
	pair = make_pair(UNIX);
	fill(pair.from);
	struct polls twice = {.fds = {{.fd = pair.from, .events = POLLIN},
				      {.fd = pair.from, .events = POLLOUT},
				      {.fd = pair.from, .events = POLLIN | POLLOUT},
				      {.fd = pair.from, .events = _i ? POLLRDHUP : POLLIN}},
			      .count = 4,
			      .timeout = CORO_FOREVER};
	struct coro_future *task = begin(&twice);
	put(pair.to, "x");
	finish(task, _i ? 2 : 3);
	ck_assert_int_eq(twice.fds[0].revents, POLLIN);
	ck_assert_int_eq(twice.fds[1].revents, 0);
	ck_assert_int_eq(twice.fds[2].revents, POLLIN);
	ck_assert_int_eq(twice.fds[3].revents, _i ? 0 : POLLIN);
	close_pair(pair);
}
END_TEST

START_TEST(what_is_not_open_is_reported_and_what_is_negative_ignored)
{
	coro_loop_poller(loop); /* which takes numbers */
	pair = make_pair(PIPE);
	int closed = dup(pair.from);
	close(closed);
	struct polls several = {.fds = {{.fd = pair.from, .events = POLLIN},
					{.fd = closed, .events = POLLIN},
					{.fd = -1, .events = POLLIN, .revents = POLLIN}},
				.count = 3,
				.timeout = CORO_FOREVER};
	ck_assert_int_eq(result_of(polls, &several), 1);
	ck_assert_int_eq(several.fds[0].revents, 0);
	ck_assert_int_eq(several.fds[1].revents, POLLNVAL);
	ck_assert_int_eq(several.fds[2].revents, 0);

	/* Nor is its number remembered when something else has it. */
	several.fds[1].fd = dup(pair.from);
	struct coro_future *task = begin(&several);
	put(pair.to, "x");
	finish(task, 2);
	close(several.fds[1].fd);
	close_pair(pair);
}
END_TEST

START_TEST(regular_files_are_always_ready)
{
	FILE *file = tmpfile();
	int fd = fileno(file), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct polls both = {.fds = {{.fd = fd, .events = POLLIN | POLLOUT},
				     {.fd = null, .events = POLLIN | POLLOUT}},
			     .count = 2,
			     .timeout = CORO_FOREVER};
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(result_of(polls, &both), 2);
		ck_assert_int_eq(both.fds[0].revents, POLLIN | POLLOUT);
		ck_assert_int_eq(both.fds[1].revents, POLLIN | POLLOUT);
	}
	/* Except for what they never have: that is waited for. */
	pair = make_pair(PIPE);
	both.fds[0].events = POLLPRI;
	both.fds[1] = (struct pollfd){.fd = pair.from, .events = POLLIN};
	struct coro_future *task = begin(&both);
	put(pair.to, "x");
	finish(task, 1);
	close_pair(pair);
	close(null);
	fclose(file);
}
END_TEST

/* ---- time ---- */

START_TEST(it_ends_when_the_time_is_over)
{
	pair = make_pair(_i);
	struct polls polls_ = poll_of(pair.from, POLLIN);
	polls_.timeout = 5 * CORO_MSEC;
	polls_.fds[0].revents = POLLIN;
	ck_assert_int_eq(result_of(polls, &polls_), 0);
	ck_assert_int_eq(polls_.fds[0].revents, 0);
	assert_time(5 * CORO_MSEC);
	polls_.timeout = 0;
	ck_assert_int_eq(result_of(polls, &polls_), 0);
	assert_time(5 * CORO_MSEC);
	/* What has come goes before, and takes no time. */
	polls_.timeout = 5 * CORO_MSEC;
	struct coro_future *task = start(polls, &polls_);
	put(pair.to, "x");
	finish(task, 1);
	assert_time(5 * CORO_MSEC);
	close_pair(pair);
}
END_TEST

START_TEST(without_fds_it_sleeps)
{
	struct polls none = {.fds = {{.fd = -1, .revents = 9}}, .count = _i, .timeout = CORO_SEC};
	ck_assert_int_eq(result_of(polls, &none), 0);
	assert_time(CORO_SEC);
	if (_i)
		ck_assert_int_eq(none.fds[0].revents, 0);
	none.timeout = 0;
	ck_assert_int_eq(result_of(polls, &none), 0);
	assert_time(CORO_SEC);
	none.timeout = -1;
	struct coro_future *task = begin(&none);
	cancel(task);
	finish(task, -ECANCELED);
}
END_TEST

/* ---- beside others ---- */

static int recvs(void *arg)
{
	char bytes[16];
	return (int)coro_read(*(int *)arg, bytes, sizeof(bytes));
}

START_TEST(it_takes_no_turn_of_those_who_read)
{
	pair = make_pair(_i);
	struct polls polls_ = poll_of(pair.from, POLLIN);
	struct coro_future *before = begin(&polls_);
	struct coro_future *reader = start(recvs, &pair.from);
	struct polls second = poll_of(pair.from, POLLIN);
	struct coro_future *after = begin(&second);
	put(pair.to, "12345");
	finish(reader, 5);
	/* They have either seen the bytes or wait for the next. */
	put(pair.to, "6");
	finish(before, 1);
	finish(after, 1);
	close_pair(pair);
}
END_TEST

/* The poller has told of the bytes already, and tells only once. */
START_TEST(bytes_that_a_read_has_left_are_found)
{
	char byte;
	pair = make_pair(_i);
	struct polls polls_ = poll_of(pair.from, POLLIN);
	struct coro_future *task = begin(&polls_);
	put(pair.to, "12");
	finish(task, 1);
	ck_assert_int_eq(read(pair.from, &byte, 1), 1);
	ck_assert_int_eq(result_of(polls, &polls_), 1);
	ck_assert_int_eq(read(pair.from, &byte, 1), 1);
	task = begin(&polls_);
	put(pair.to, "3");
	finish(task, 1);
	close_pair(pair);
}
END_TEST

static int reads_and_is_cancelled(void *arg)
{
	char byte;
	return (int)coro_read(*(int *)arg, &byte, 1);
}

/* A terminal's master is read by a thread. */
START_TEST(bytes_that_a_thread_has_read_are_found)
{
	int master, slave;
	if (!open_terminal(&master, &slave))
		skip_test("there is no terminal to be had");
	put(slave, "ab\n");
	ck_assert_int_eq(result_of(reads_and_is_cancelled, &master), 1);
	struct polls polls_ = poll_of(master, POLLIN);
	ck_assert_int_eq(result_of(polls, &polls_), 1);
	ck_assert_int_eq(polls_.fds[0].revents, POLLIN);
	coro_fd_close(master);
	close(slave);
}
END_TEST

static void close_from(void *arg)
{
	ck_assert_int_eq(coro_fd_close(pair.from), 0);
	if (arg)
		ck_assert_int_eq(dup2(*(int *)arg, pair.from), pair.from);
}

START_TEST(what_is_closed_meanwhile_is_not_open)
{
	const short events[] = {POLLIN, POLLOUT, POLLPRI};
	for (int i = 0; i < 6; i++) {
		pair = make_pair(_i);
		other = make_pair(_i);
		fill(pair.from);
		struct polls both = {.fds = {{.fd = pair.from, .events = events[i % 3]},
					     {.fd = other.from, .events = POLLIN}},
				     .count = 2,
				     .timeout = CORO_FOREVER};
		if (i % 3 == 1 && _i < UNIX)
			both.fds[0].events = POLLIN; /* a pipe's reading end */
		struct coro_future *task = begin(&both);
		bool taken = i >= 3; /* the number is another's at once, which is ready */
		put(other.to, "");
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		call_outside_tasks(close_from, taken ? &null : NULL);
		finish(task, 1);
		ck_assert_int_eq(both.fds[0].revents, POLLNVAL);
		ck_assert_int_eq(both.fds[1].revents, 0);
		if (taken)
			coro_fd_close(pair.from);
		close(null);
		close(pair.to);
		close_pair(other);
	}
}
END_TEST

/* Without a word to the loop, between two waits. */
START_TEST(a_number_that_was_given_to_another_is_waited_for)
{
	pair = make_pair(_i);
	struct polls polls_ = poll_of(pair.from, POLLIN);
	for (int i = 0; i < 4; i++) {
		polls_.timeout = i % 2 ? 1 : CORO_FOREVER;
		struct coro_future *task = i % 2 ? start(polls, &polls_) : begin(&polls_);
		if (i % 2 == 0)
			put(pair.to, "x");
		finish(task, i % 2 ? 0 : 1);
		other = make_pair(_i);
		close(pair.to);
		ck_assert_int_eq(dup2(other.from, pair.from), pair.from);
		close(other.from);
		pair.to = other.to;
	}
	close_pair(pair);
}
END_TEST

START_TEST(who_polls_may_be_cancelled_and_discarded)
{
	pair = make_pair(_i);
	struct polls several = {.count = MOST, .timeout = CORO_SEC};
	for (int i = 0; i < MOST; i++)
		several.fds[i] =
			(struct pollfd){.fd = pair.from, .events = i == 5 ? POLLPRI : POLLIN};
	struct coro_future *task = begin(&several);
	put(pair.to, "x");
	cancel(task); /* at once, or when it was woken */
	finish(task, -ECANCELED);
	ck_assert_int_eq(result_of(polls, &several), MOST - 1);
	expect(pair.from, "x");

	coro_future_unref(begin(&several));
	ck_assert_int_eq(coro_loop_close(loop), 0);
	loop_setup();
	close_pair(pair);
}
END_TEST

START_TEST(a_wait_says_what_it_waits_for)
{
	char text[64], expected[64];
	pair = make_pair(_i);
	struct polls polls_ = poll_of(pair.from, POLLIN);
	snprintf(expected, sizeof(expected), "fd %d, by coro_poll", pair.from);
	for (int count = 1; count <= 2; count++) {
		polls_.fds[1] = polls_.fds[0];
		polls_.count = (nfds_t)count;
		struct coro_future *task = begin(&polls_);
		ck_assert_int_gt(coro_task_waiting(task, text, sizeof(text)), 0);
		ck_assert_str_eq(text, count == 1 ? expected : "2 fds");
		cancel(task);
		finish(task, -ECANCELED);
	}
	close_pair(pair);
}
END_TEST

/* For ever, if nobody cancels it. */
static int polls_what_is_ready(void *arg)
{
	struct polls *polls_ = arg;
	int r;
	do
		r = polls(polls_);
	while (r == 1);
	return r;
}

START_TEST(who_never_waits_lets_others_run_and_may_be_cancelled)
{
	pair = make_pair(_i);
	put(pair.to, "x");
	struct polls polls_ = poll_of(pair.from, POLLIN);
	struct coro_future *task = start(polls_what_is_ready, &polls_);
	turn();
	ck_assert(!coro_future_done(task));
	cancel(task);
	finish(task, -ECANCELED);
	close_pair(pair);
}
END_TEST

static int within(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, CORO_MSEC);
	return coro_timeout_end(&timeout, r < 0 ? r : polls(arg));
}

START_TEST(a_timeout_ends_it)
{
	pair = make_pair(_i);
	struct polls polls_ = poll_of(pair.from, POLLIN);
	ck_assert_int_eq(result_of(within, &polls_), -ETIMEDOUT);
	ck_assert_int_eq(polls_.result, -ECANCELED);
	close_pair(pair);
}
END_TEST

/* ---- narrow waits ---- */

START_TEST(only_what_is_asked_for_ends_the_wait)
{
	pair = make_pair(TCP);
	struct polls urgent = poll_of(pair.from, POLLPRI);
	struct polls end = poll_of(pair.from, POLLRDHUP), lost = poll_of(pair.from, 0);
	struct coro_future *a = begin(&urgent), *b = begin(&end), *c = begin(&lost);
	put(pair.to, "nothing urgent");
	turn();
	turn();
	ck_assert(!coro_future_done(a) && !coro_future_done(b) && !coro_future_done(c));
	ck_assert_int_eq(send(pair.to, "!", 1, MSG_OOB), 1);
	finish(a, 1);
	ck_assert_int_eq(urgent.fds[0].revents, POLLPRI);
	turn();
	ck_assert(!coro_future_done(b) && !coro_future_done(c));
	shutdown(pair.to, SHUT_WR);
	if (POLLRDHUP) {
		finish(b, 1);
		ck_assert_int_eq(end.fds[0].revents, POLLRDHUP);
	}
	turn();
	ck_assert(!coro_future_done(c));
	shutdown(pair.from, SHUT_WR);
	if (!POLLRDHUP) /* asked for no more than c is */
		finish(b, 1);
	finish(c, 1);
	ck_assert_int_ne(lost.fds[0].revents & POLLHUP, 0);
	close_pair(pair);
}
END_TEST

/* A poller tells of urgent data as input again and again. */
START_TEST(a_wait_that_is_woken_for_nothing_does_not_spin)
{
	pair = make_pair(TCP);
	ck_assert_int_eq(send(pair.to, "!", 1, MSG_OOB), 1);
	struct polls input = poll_of(pair.from, POLLIN);
	while (input.fds[0].events = POLLPRI, poll(input.fds, 1, 0) == 0)
		;
	input.fds[0].events = POLLIN;
	fail_call("ppoll", 0, 0);
	struct coro_future *task = start(polls, &input);
	for (int i = 0; i < 50; i++)
		turn();
	unsigned long made = calls_of("epoll_create1"), asked = calls_of("ppoll");
	fail_call_off();
	ck_assert_uint_le(made, 1);
	ck_assert_uint_lt(asked, 70); /* the poller may ask in each turn */
	ck_assert(!coro_future_done(task));
	put(pair.to, "x");
	finish(task, 1);
	close_pair(pair);
}
END_TEST

/* ---- means ---- */

static int polls_many(void *arg)
{
	struct polls several = {.count = (nfds_t) * (int *)arg, .timeout = CORO_MSEC};
	for (nfds_t i = 0; i < several.count; i++)
		several.fds[i] = (struct pollfd){.fd = pair.from, .events = POLLIN};
	return polls(&several);
}

START_TEST(more_than_16_cost_one_allocation)
{
	if (!fail_possible())
		skip_test("allocations cannot be counted here");
	pair = make_pair(PIPE);
	for (int i = 0; i < 4; i++) {
		int count = i % 2 ? 17 : 16;
		struct coro_future *task = spawn(polls_many, &count);
		fail_nth(0);
		int r = coro_run_until_complete(loop, task, NULL);
		fail_off();
		ck_assert_int_eq(r, 0);
		if (i >= 2) /* the loop has all that it needs */
			ck_assert_uint_eq(fail_count(), (unsigned long)i % 2);
		coro_future_unref(task);
	}
	close_pair(pair);
}
END_TEST

static int polls_pairs(void *arg)
{
	int two[2][2], r = 0;
	for (int i = 0; i < 2; i++)
		r |= new_pipe(two[i], O_CLOEXEC);
	struct polls several = {.count = 20, .timeout = CORO_MSEC};
	for (int i = 0; i < 20; i++)
		several.fds[i] = (struct pollfd){.fd = two[i % 2][0], .events = POLLIN};
	if (r == 0)
		r = polls(&several);
	for (int i = 0; i < 2; i++) {
		coro_fd_close(two[i][0]);
		coro_fd_close(two[i][1]);
	}
	return r;
}

START_TEST(without_memory_it_fails)
{
	fail_each_allocation(polls_pairs);
}
END_TEST

START_TEST(calls_that_fail_fail_it)
{
	static const struct {
		const char *call;
		int error, expected;
		short events;
		const char *poller; /* NULL: all */
	} fails[] = {
		{"ppoll", ENOMEM, -ENOMEM, POLLIN, NULL},
		{"epoll_create1", EMFILE, -EMFILE, POLLPRI, NULL},
		{"epoll_ctl", ENOSPC, -ENOSPC, POLLPRI, NULL},
		{"epoll_ctl", ENOMEM, -ENOMEM, POLLIN, "epoll"},
		{"uring_poll", ENOMEM, -ENOMEM, POLLIN, "uring"},
		{"epoll_create1", ENOSYS, 0, POLLPRI, NULL}, /* then without */
	};
	for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++) {
		if (fails[i].poller && strcmp(coro_loop_poller(loop), fails[i].poller) != 0)
			continue;
		coro_loop_poller(loop); /* which may make an epoll */
		pair = make_pair(TCP);
		struct polls polls_ = poll_of(pair.from, fails[i].events);
		polls_.timeout = CORO_MSEC;
		struct coro_future *task = spawn(polls, &polls_);
		fail_call(fails[i].call, 1, fails[i].error);
		int r = coro_run_until_complete(loop, task, NULL);
		ck_assert_msg(fail_call_off(), "%s was not called", fails[i].call);
		ck_assert_int_eq(r, fails[i].expected);
		coro_future_unref(task);
		/* Nothing is left of it. */
		put(pair.to, "x");
		polls_.fds[0].events = POLLIN;
		ck_assert_int_eq(result_of(polls, &polls_), 1);
		coro_fd_close(pair.from);
		close(pair.to);
	}
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
	struct pollfd fd = {.fd = -1};
	ck_assert_int_eq(coro_poll(NULL, 1, 0), -EINVAL);
	ck_assert_int_eq(coro_poll(&fd, (nfds_t)-1, 0), -EINVAL);
}
END_TEST

/* ---- elsewhere ---- */

static void ignore_signal(int number)
{
}

static void *signals_and_writes(void *arg)
{
	until_main_sleeps();
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	until_main_sleeps();
	put(pair.to, "x");
	return NULL;
}

START_TEST(outside_of_tasks_it_blocks)
{
	pair = make_pair(PIPE);
	struct pollfd fd = {.fd = pair.from, .events = POLLIN};
	ck_assert_int_eq(coro_poll(&fd, 1, 0), 0);
	ck_assert_int_eq(coro_poll(&fd, 1, 1), 0);
	ck_assert_int_eq(coro_poll(NULL, 0, 1), 0);
	struct sigaction action = {.sa_handler = ignore_signal};
	sigaction(SIGUSR1, &action, NULL);
	pthread_t self = pthread_self(), thread;
	ck_assert_int_eq(pthread_create(&thread, NULL, signals_and_writes, &self), 0);
	ck_assert_int_eq(coro_poll(&fd, 1, _i ? CORO_FOREVER : 600 * CORO_SEC), 1);
	ck_assert_int_eq(fd.revents, POLLIN);
	pthread_join(thread, NULL);
	ck_assert_int_eq(coro_poll(&fd, 1, -1), 1);
	fd.fd = 4000;
	ck_assert_int_eq(coro_poll(&fd, 1, -1), 1);
	ck_assert_int_eq(fd.revents, POLLNVAL);
	close_pair(pair);
}
END_TEST

START_TEST(outside_of_tasks_a_signal_at_the_end_of_the_time_is_no_error)
{
	pair = make_pair(PIPE);
	struct pollfd fd = {.fd = pair.from, .events = POLLIN};
	fail_call("ppoll", 1, EINTR);
	ck_assert_int_eq(coro_poll(&fd, 1, 1), 0);
	ck_assert_uint_eq(calls_of("ppoll"), 2);
	ck_assert(fail_call_off());
	close_pair(pair);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, the_first_that_becomes_ready_ends_the_wait, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, all_that_is_ready_is_reported_without_a_wait, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, room_and_the_end_are_reported, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, an_fd_may_be_there_several_times, 0, 2);
	tcase_add_test(tests, what_is_not_open_is_reported_and_what_is_negative_ignored);
	tcase_add_test(tests, regular_files_are_always_ready);
	tcase_add_loop_test(tests, it_ends_when_the_time_is_over, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, without_fds_it_sleeps, 0, 2);
	tcase_add_loop_test(tests, it_takes_no_turn_of_those_who_read, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, bytes_that_a_read_has_left_are_found, 0, PAIR_KINDS);
	tcase_add_test(tests, bytes_that_a_thread_has_read_are_found);
	tcase_add_loop_test(tests, what_is_closed_meanwhile_is_not_open, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_number_that_was_given_to_another_is_waited_for, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, who_polls_may_be_cancelled_and_discarded, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_wait_says_what_it_waits_for, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, who_never_waits_lets_others_run_and_may_be_cancelled, 0,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, a_timeout_ends_it, 0, PAIR_KINDS);
	tcase_add_test(tests, only_what_is_asked_for_ends_the_wait);
	tcase_add_test(tests, a_wait_that_is_woken_for_nothing_does_not_spin);
	tcase_add_test(tests, more_than_16_cost_one_allocation);
	tcase_add_test(tests, without_memory_it_fails);
	tcase_add_test(tests, calls_that_fail_fail_it);
	tcase_add_test(tests, wrong_arguments_are_refused);
	tcase_add_loop_test(tests, outside_of_tasks_it_blocks, 0, 2);
	tcase_add_test(tests, outside_of_tasks_a_signal_at_the_end_of_the_time_is_no_error);
}

TEST_MAIN("poll", add)
