/* SPDX-License-Identifier: MIT */
/* Each system call and each allocation fails in turn: the error reaches a task, nothing is left. */
#include "loop/loop.h"

#include "fds.h"

#include <poll.h>

static struct sockaddr_in address;
static int listening;

static void *cancels_itself(void *arg)
{
	pthread_cancel(pthread_self());
	pthread_testcancel();
	return arg;
}

/* The C library loads what it needs to cancel a thread at the first time, and keeps it. */
static void listen_setup(void)
{
	in_thread(cancels_itself, NULL);
	fds_setup();
	listening = listen_tcp(&address);
}

static void listen_teardown(void)
{
	close(listening);
	fds_teardown();
}

/* ---- what is done meanwhile ---- */

static int echo(int fd)
{
	char got[64];
	ssize_t n, sent = 0;
	while (sent >= 0 && (n = coro_read(fd, got, sizeof(got))) > 0)
		sent = coro_write(fd, got, (size_t)n);
	return (int)(sent < 0 ? sent : n);
}

static int serves(void *arg)
{
	int fd = coro_accept(listening, NULL, NULL);
	if (fd < 0)
		return fd;
	int r = echo(fd);
	coro_fd_close(fd);
	return r;
}

/* Sends a word and reads the same back. */
static int say(int to, int from, const char *word)
{
	char got[64] = {0};
	size_t length = strlen(word), done = 0;
	ssize_t n = coro_write(to, word, length);
	while (n > 0 && done < length) {
		n = coro_read(from, got + done, length - done);
		done += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		return (int)n;
	/* The other side may have met the error. */
	return done == length ? memcmp(got, word, length) : -EPIPE;
}

static int talk(int fd)
{
	int r = coro_connect(fd, (struct sockaddr *)&address, sizeof(address));
	for (int i = 0; r == 0 && i < 10; i++)
		r = say(fd, fd, i % 5 == 4 ? "eleven byte" : "twelve bytes");
	if (r == 0)
		r = coro_writable(fd);
	return r;
}

static int connects_and_talks(void *arg)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), r = fd < 0 ? -errno : talk(fd);
	coro_fd_close(fd);
	return r;
}

static int uses_a_pipe(void *arg)
{
	int fds[2], r = pipe(fds) < 0 ? -errno : 0;
	if (r < 0)
		return r;
	struct coro_timeout timeout;
	r = say(fds[1], fds[0], "through the pipe");
	if (r == 0)
		r = coro_timeout_begin(&timeout, 1);
	if (r == 0) {
		r = coro_timeout_end(&timeout, coro_readable(fds[0]));
		r = r == -ETIMEDOUT ? 0 : r;
	}
	coro_fd_close(fds[0]);
	coro_fd_close(fds[1]);
	return r;
}

/* Accepts and closes the connections that the listening socket holds. */
static void forget_connections(void)
{
	int fd;
	while ((fd = accept(listening, NULL, NULL)) >= 0)
		close(fd);
}

static int uses_all(void *arg)
{
	struct coro_group *group;
	coro_fn *const all[] = {serves, connects_and_talks, uses_a_pipe};
	forget_connections();
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < sizeof(all) / sizeof(all[0]); i++)
		r = coro_group_spawn(group, all[i], NULL, NULL);
	return coro_group_end(group, r);
}

/* ---- and what comes of it ---- */

static int run_it(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	return coro_run_with(&options, uses_all, NULL);
}

static void fail_each_call(int error)
{
	bool failed = true;
	ck_assert_int_eq(run_it(), 0);
	for (unsigned long n = 1; failed; n++) {
		fail_call(NULL, n, error);
		int r = run_it();
		failed = fail_call_off();
		/* Both sides lost the connection, and the other side noticed it first. */
		bool other = (r == -EPIPE || r == -ECONNRESET) &&
			     (error == EPIPE || error == ECONNRESET);
		ck_assert_msg(r == 0 || r == -error || (failed && (r == -EIO || other)),
			      "%s, call %lu: %s, not %s", failed ? failed_call() : "none", n,
			      coro_strerror(r), coro_strerror(error));
		ck_assert_uint_lt(n, 1000);
	}
}

START_TEST(each_call_may_fail)
{
	static const int errors[] = {ENOMEM, EMFILE, ENFILE, ECONNRESET, EPIPE, ETIMEDOUT, EIO};
	fail_each_call(errors[_i]);
}
END_TEST

START_TEST(each_call_that_waits_may_be_interrupted)
{
	static const char *const calls[] = {
		"read",         "write", "readv",   "writev",  "preadv2", "pwritev2",
		"recv",         "send",  "recvmsg", "sendmsg", "accept4", "epoll_wait",
		"epoll_pwait2", "poll",  "ppoll",   "kevent",
	};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		bool failed = true;
		for (unsigned long n = 1; failed; n++) {
			fail_call(calls[i], n, EINTR);
			int r = run_it();
			failed = fail_call_off();
			ck_assert_msg(r == 0, "%s, call %lu: %s", calls[i], n, coro_strerror(r));
		}
	}
}
END_TEST

/* ---- for good ---- */

START_TEST(a_newer_call_that_is_refused_has_an_older_one_in_its_place)
{
	static const char *const calls[] = {
		"epoll_create1", "epoll_pwait2",   "eventfd", "ppoll", "preadv2",        "pwritev2",
		"accept4",       "io_uring_setup", "pipe2",   "poll",  "io_uring_enter",
	};
	const char *name = calls[_i / 2];
	bool in_kernel =
		on_uring() && (strcmp(name, "preadv2") == 0 || strcmp(name, "pwritev2") == 0 ||
			       strcmp(name, "accept4") == 0);
	if (in_kernel)
		skip_test("io_uring has it");
	fail_calls_from(name, 1, _i % 2 ? EPERM : ENOSYS);
	int r = run_it();
	fail_call_off();
	ck_assert_msg(r == 0, "%s: %s", name, coro_strerror(r));
}
END_TEST

/* A connection that io_uring has accepted, and could not tell of any more. */
static void close_accepted(void)
{
	for (int fd = 0; fd < 64; fd++)
		if (!fds_before[fd] && fd != listening)
			close(fd);
}

/* The run ends whatever has begun by then. */
START_TEST(a_wait_that_fails_for_good_ends_the_run)
{
	static const char *const calls[] = {"io_uring_enter", "epoll_wait", "epoll_pwait2", "ppoll",
					    "kevent"};
	const char *name = calls[_i];
	bool failed = true;
	for (unsigned long n = 1; failed; n++) {
		fail_calls_from(name, n, EBADF);
		int r = run_it();
		failed = fail_call_off();
		if (on_uring())
			close_accepted();
		ck_assert_msg(r == 0 || (failed && r == -EBADF), "%s, from call %lu on: %s", name,
			      n, coro_strerror(r));
	}
}
END_TEST

START_TEST(each_transfer_may_be_of_a_few_bytes)
{
	for (size_t most = 1; most < 20; most++) {
		shorten_transfers(most);
		ck_assert_int_eq(run_it(), 0);
		fail_call_off();
	}
}
END_TEST

START_TEST(each_allocation_may_fail)
{
	fail_each_allocation(uses_all);
}
END_TEST

/* ---- the error is the one's whose call it was ---- */

static int reads(void *arg)
{
	return reads_once(arg);
}

START_TEST(an_error_is_that_of_the_task_that_called)
{
	struct pair failing = make_pair(TCP), well = make_pair(TCP);
	struct coro_future *b = start(reads, &(struct reading){"b", well.from});
	turn();
	put(failing.to, "one");
	fail_call("recv", 1, ECONNRESET);
	struct coro_future *a = start(reads, &(struct reading){"a", failing.from});
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), -ECONNRESET);
	ck_assert(fail_call_off());
	put(well.to, "two");
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	ck_assert_trace("a:-" NUMBER(ECONNRESET) " b:two");
	coro_future_unref(a);
	coro_future_unref(b);
	close_pair(failing);
	close_pair(well);
}
END_TEST

START_TEST(one_that_cannot_be_watched_fails_and_the_others_wait_on)
{
	static const char *const name = "epoll_ctl";
	struct pair first = make_pair(UNIX), second = make_pair(UNIX);
	struct reading reading = {"b", second.from};
	struct coro_future *a = start(reads, &(struct reading){"a", first.from});
	fail_call(name, 1, _i ? ENOSPC : ENOMEM);
	struct coro_future *b = start(reads, &reading);
	bool failed = fail_call_off();
	if (failed) {
		turn();
		assert_ended(b, _i ? -ENOSPC : -ENOMEM);
		trace_take();
		/* It may be tried again. */
		b = start(reads, &reading);
	}
	put(second.to, "two");
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	put(first.to, "one");
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	ck_assert_trace("b:two a:one");
	coro_future_unref(a);
	coro_future_unref(b);
	close_pair(first);
	close_pair(second);
}
END_TEST

START_TEST(without_fds_a_loop_cannot_wait_for_any)
{
	static const char *const calls[] = {"epoll_create1", "eventfd"};
	struct pair pair = make_pair(UNIX);
	struct reading reading = {"a", pair.from};
	fail_call(calls[_i], 1, EMFILE);
	struct coro_future *a = start(reads, &reading);
	if (fail_call_off() && coro_future_done(a)) { /* or there was another way */
		assert_ended(a, -EMFILE);
		ck_assert_trace("a:-24");
		a = start(reads, &reading);
	}
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	ck_assert_trace("a:word");
	coro_future_unref(a);
	close_pair(pair);
}
END_TEST

static int waits_and_reads(void *arg)
{
	const struct reading *reading = arg;
	int r = coro_readable(reading->fd);
	return r < 0 ? r : reads_once(arg);
}

/* io_uring tells so only when the wait has begun. */
START_TEST(waiter_learns_that_its_fd_cannot_be_watched_any_more)
{
	struct pair pair = make_pair(UNIX);
	struct reading reading = {"a", pair.from};
	fail_call("uring_poll", 1, ENOMEM);
	struct coro_future *a = start(waits_and_reads, &reading);
	turn();
	turn();
	ck_assert_int_eq(fail_call_off(), on_uring());
	if (on_uring()) {
		assert_ended(a, -ENOMEM);
		a = start(waits_and_reads, &reading);
	}
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	ck_assert_trace("a:word");
	coro_future_unref(a);
	close_pair(pair);
}
END_TEST

/* ---- what the loop depends on ---- */

static int closes_the_inbox(void *arg)
{
	struct pair *pair = arg;
	char byte;
	coro_loop_hold(coro_running_loop());
	int r = pair ? coro_fd_set_nonblock(pair->from) : 0;
	coro_sleep(1); /* so that there is one */
	close(sched_of(coro_running_loop())->inbox.fd);
	return pair ? (int)coro_read(pair->from, &byte, 1) : coro_sleep(r + CORO_FOREVER);
}

/* As by a daemon that closes all fds that it does not know. */
START_TEST(a_loop_that_cannot_be_woken_any_more_ends_and_does_not_spin)
{
	struct coro_loop_options options = {.poller = CORO_POLLER_POLL};
	struct pair pair = make_pair(UNIX);
	ck_assert_int_eq(coro_run_with(&options, closes_the_inbox, _i ? &pair : NULL), -EBADF);
	close_pair(pair);
}
END_TEST

static void *calls_thread(void *arg)
{
	until_main_sleeps();
	fail_call("write", 1, EIO);
	if (coro_call_soon_threadsafe(loop, set_it, arg) < 0)
		abort();
	if (!fail_call_off())
		abort();
	coro_loop_release(loop);
	return NULL;
}

START_TEST(a_loop_is_woken_though_that_failed_the_first_time)
{
	struct pair pair = make_pair(UNIX);
	struct coro_future *future = make_future();
	struct coro_future *a = start(reads, &(struct reading){"a", pair.from});
	pthread_t thread;
	coro_loop_hold(loop);
	ck_assert_int_eq(pthread_create(&thread, NULL, calls_thread, future), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, future, NULL), 0);
	pthread_join(thread, NULL);
	coro_future_unref(future);
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	ck_assert_trace("a:word");
	coro_future_unref(a);
	close_pair(pair);
}
END_TEST

static int reads_within_a_second(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, CORO_SEC);
	return r < 0 ? r : coro_timeout_end(&timeout, reads_once(arg));
}

/* A poll that was interrupted has seen nothing: time must not pass because of it. */
START_TEST(virtual_time_waits_for_events_if_a_poll_is_interrupted)
{
	static const char *const calls[] = {"epoll_wait", "ppoll", "io_uring_enter", "kevent"};
	struct pair pair = make_pair(UNIX);
	struct coro_future *a = start(reads_within_a_second, &(struct reading){"a", pair.from});
	turn();
	put(pair.to, "word");
	fail_call(calls[_i], 1, EINTR);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	fail_call_off();
	ck_assert_trace("a:word");
	coro_future_unref(a);
	close_pair(pair);
}
END_TEST

/* What the loop could not submit before the host went to sleep. */
START_TEST(a_host_is_notified_though_a_call_has_failed)
{
	static const char *const calls[] = {"io_uring_enter", "read"};
	int fd = coro_loop_fd(loop);
	if (fd == -ENOTSUP)
		return;
	struct pair pair = make_pair(UNIX);
	struct coro_future *a = spawn(reads, &(struct reading){"a", pair.from});
	fail_call(calls[_i % 2], 1 + (unsigned long)_i / 2, ENOMEM);
	coro_loop_run_once(loop);
	fail_call_off();
	put(pair.to, "word");
	while (!coro_future_done(a)) {
		struct pollfd wanted = {.fd = fd, .events = POLLIN};
		int n = poll(&wanted, 1, coro_loop_timeout(loop) == 0 ? 0 : 5000);
		ck_assert(n > 0 || coro_loop_timeout(loop) == 0);
		ck_assert_int_ge(coro_loop_run_once(loop), 0);
	}
	ck_assert_trace("a:word");
	assert_ended(a, 0);
	close_pair(pair);
}
END_TEST

START_TEST(a_handler_that_cannot_be_installed_is_an_error)
{
	struct sigaction before, after;
	bool failed = true;
	sigaction(SIGUSR1, NULL, &before);
	for (unsigned long n = 1; failed; n++) {
		fail_call("sigaction", n, EINVAL);
		int r = coro_loop_add_signal_handler(loop, SIGUSR1, NULL, NULL);
		failed = fail_call_off();
		ck_assert_int_eq(r, failed ? -EINVAL : 0);
		ck_assert_int_eq(coro_loop_remove_signal_handler(loop, SIGUSR1), !failed);
		sigaction(SIGUSR1, NULL, &after);
		ck_assert(after.sa_handler == before.sa_handler);
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, listen_setup, listen_teardown);
	tcase_add_loop_test(tests, each_call_may_fail, 0, 7);
	tcase_add_test(tests, each_call_that_waits_may_be_interrupted);
	tcase_add_loop_test(tests, a_newer_call_that_is_refused_has_an_older_one_in_its_place, 0,
			    2 * 11);
	tcase_add_loop_test(tests, a_wait_that_fails_for_good_ends_the_run, 0, 5);
	tcase_add_loop_test(tests, a_loop_that_cannot_be_woken_any_more_ends_and_does_not_spin, 0,
			    2);
	tcase_add_test(tests, each_transfer_may_be_of_a_few_bytes);
	tcase_add_test(tests, each_allocation_may_fail);
	tcase_add_test(tests, an_error_is_that_of_the_task_that_called);
	tcase_add_loop_test(tests, one_that_cannot_be_watched_fails_and_the_others_wait_on, 0, 2);
	tcase_add_test(tests, waiter_learns_that_its_fd_cannot_be_watched_any_more);
	tcase_add_test(tests, a_loop_is_woken_though_that_failed_the_first_time);
	tcase_add_loop_test(tests, virtual_time_waits_for_events_if_a_poll_is_interrupted, 0, 4);
	tcase_add_loop_test(tests, a_host_is_notified_though_a_call_has_failed, 0, 2 * 4);
	tcase_add_test(tests, a_handler_that_cannot_be_installed_is_an_error);
	tcase_add_loop_test(tests, without_fds_a_loop_cannot_wait_for_any, 0, 2);
}

TEST_MAIN("fault", add)
