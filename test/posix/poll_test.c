/* SPDX-License-Identifier: MIT */
/* poll, select and epoll in tasks; sleeping; the life of fds. */
#include "posix/posix.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

int thrd_sleep(const struct timespec *time,
	       struct timespec *left); /* a header here is <threads.h> */
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		const sigset_t *mask, size_t room);

static struct pair pair;
static int epoll, timeout_ms;

/* ---- waiting for fds ---- */

static struct timespec *time_of(struct timespec *time)
{
	*time = (struct timespec){timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
	return timeout_ms < 0 ? NULL : time;
}

static ssize_t by_poll(struct made *made)
{
	struct pollfd fd = {.fd = made->fd, .events = POLLIN};
	return poll(&fd, 1, timeout_ms);
}

static ssize_t by_poll_chk(struct made *made)
{
	struct pollfd fd = {.fd = made->fd, .events = POLLIN};
	return __poll_chk(&fd, 1, timeout_ms, sizeof(fd));
}

static ssize_t by_ppoll(struct made *made)
{
	struct pollfd fd = {.fd = made->fd, .events = POLLIN};
	struct timespec time;
	return ppoll(&fd, 1, time_of(&time), NULL);
}

/* With the mask that the thread has anyway. */
static ssize_t by_ppoll_chk(struct made *made)
{
	struct pollfd fd = {.fd = made->fd, .events = POLLIN};
	struct timespec time;
	sigset_t mask;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	return __ppoll_chk(&fd, 1, time_of(&time), &mask, sizeof(fd));
}

static ssize_t by_select(struct made *made)
{
	struct timeval time = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	fd_set set;
	FD_ZERO(&set);
	FD_SET(made->fd, &set);
	ssize_t r = select(made->fd + 1, &set, NULL, NULL, timeout_ms < 0 ? NULL : &time);
	return r > 0 && !FD_ISSET(made->fd, &set) ? -1 : r;
}

static ssize_t by_pselect(struct made *made)
{
	struct timespec time;
	fd_set in, out, except;
	FD_ZERO(&in);
	FD_SET(made->fd, &in);
	FD_ZERO(&out);
	except = in;
	ssize_t r = pselect(made->fd + 1, &in, &out, &except, time_of(&time), NULL);
	return r > 0 && FD_ISSET(made->fd, &except) ? -1 : r;
}

static ssize_t by_epoll_wait(struct made *made)
{
	struct epoll_event event;
	ssize_t r = epoll_wait(epoll, &event, 1, timeout_ms);
	return r > 0 && event.data.fd != made->fd ? -1 : r;
}

static ssize_t by_epoll_pwait(struct made *made)
{
	struct epoll_event event;
	return epoll_pwait(epoll, &event, 1, timeout_ms, NULL);
}

static ssize_t (*const waits[])(struct made *made) = {
	by_poll,   by_poll_chk, by_ppoll,      by_ppoll_chk,
	by_select, by_pselect,  by_epoll_wait, by_epoll_pwait,
};

enum { WAITS = sizeof(waits) / sizeof(waits[0]) };

static struct made begin_with(ssize_t (*call)(struct made *made))
{
	struct epoll_event event = {.events = EPOLLIN};
	pair = make_pair(UNIX);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = pair.from;
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.from, &event), 0);
	timeout_ms = -1;
	return (struct made){.call = call, .fd = pair.from};
}

static void end(void)
{
	close_pair(pair);
	close(epoll);
}

START_TEST(the_names_are_ours)
{
	static const char *const names[] = {"poll",       "ppoll",      "select",    "pselect",
					    "epoll_wait", "__poll_chk", "nanosleep", "sleep",
					    "close",      "dup2"};
	if (SANITIZED)
		skip_test("a sanitizer's own come first, and call ours");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_ours(names[i]);
}
END_TEST

START_TEST(a_wait_is_the_tasks)
{
	struct made made = begin_with(waits[_i]);
	for (int i = 0; i < 3; i++) {
		struct coro_future *task = begin(&made);
		put(pair.to, "x");
		finish(task, &made, 1);
		make_at_once(&made); /* it is ready still */
		ck_assert_int_eq(made.result, 1);
		expect(pair.from, "x");
	}
	end();
}
END_TEST

START_TEST(a_wait_ends_with_its_time)
{
	struct made made = begin_with(waits[_i]);
	timeout_ms = 1500;
	finish(begin(&made), &made, 0);
	assert_time(1500 * CORO_MSEC);
	timeout_ms = 0;
	make_at_once(&made);
	ck_assert_int_eq(made.result, 0);
	end();
}
END_TEST

START_TEST(a_cancelled_wait_fails_once)
{
	struct made made = begin_with(waits[_i]);
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	timeout_ms = 1;
	make(&made);
	ck_assert_int_eq(made.result, 0);
	end();
}
END_TEST

static ssize_t selects_what_is_closed(struct made *made)
{
	fd_set set;
	FD_ZERO(&set);
	FD_SET(pair.from, &set);
	FD_SET(made->fd, &set);
	return select(made->fd + 1, &set, NULL, NULL, NULL);
}

static ssize_t polls_what_is_closed(struct made *made)
{
	struct pollfd fd = {.fd = made->fd};
	return poll(&fd, 1, -1) == 1 && fd.revents == POLLNVAL ? 0 : -1;
}

START_TEST(what_is_closed_is_an_error)
{
	coro_loop_poller(loop); /* which takes numbers */
	struct made made = begin_with(selects_what_is_closed);
	made.fd = dup(pair.to);
	close(made.fd);
	make(&made);
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(made.error, EBADF);
	made.call = polls_what_is_closed;
	make(&made);
	ck_assert_int_eq(made.result, 0);
	end();
}
END_TEST

static int rests(void *arg)
{
	return coro_sleep(CORO_SEC / 4);
}

static ssize_t selects_with_time(struct made *made)
{
	struct timeval time = {.tv_sec = 1000};
	fd_set set;
	FD_ZERO(&set);
	FD_SET(made->fd, &set);
	ssize_t r = select(made->fd + 1, &set, NULL, NULL, &time);
	return time.tv_sec == 999 && time.tv_usec == 750000 ? r : -1;
}

START_TEST(select_says_what_time_is_left)
{
	struct made made = begin_with(selects_with_time);
	struct coro_future *task = begin(&made);
	ck_assert_int_eq(result_of(rests, NULL), 0);
	put(pair.to, "x");
	finish(task, &made, 1);
	end();
}
END_TEST

/* ---- sleeping ---- */

static struct timespec left;
static const struct timespec second = {.tv_sec = 1}, wrong = {.tv_nsec = -1};

static ssize_t by_sleep(struct made *made)
{
	return sleep(1);
}

static ssize_t by_usleep(struct made *made)
{
	return usleep(1000000);
}

static ssize_t by_nanosleep(struct made *made)
{
	return nanosleep(&second, &left);
}

static ssize_t by_clock_nanosleep(struct made *made)
{
	int r = clock_nanosleep(CLOCK_MONOTONIC, 0, &second, &left);
	errno = r ? r : errno;
	return r ? -1 : 0;
}

static ssize_t by_thrd_sleep(struct made *made)
{
	return thrd_sleep(&second, &left);
}

static ssize_t (*const sleeps[])(struct made *made) = {by_sleep, by_usleep, by_nanosleep,
						       by_clock_nanosleep, by_thrd_sleep};

enum { SLEEPS = sizeof(sleeps) / sizeof(sleeps[0]) };

START_TEST(a_sleep_is_the_tasks_and_by_the_loops_clock)
{
	struct made made = {.call = sleeps[_i]};
	finish(begin(&made), &made, 0);
	assert_time(CORO_SEC);
}
END_TEST

START_TEST(a_cancelled_sleep_says_what_is_left)
{
	struct made made = {.call = sleeps[_i]};
	struct coro_future *task = begin(&made);
	ck_assert_int_eq(result_of(rests, NULL), 0);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(made.result, _i == 0 ? 1 : -1); /* sleep: seconds, rounded up */
	if (_i < 4)
		ck_assert_int_eq(made.error, ECANCELED);
	if (_i >= 2)
		ck_assert_int_eq(left.tv_nsec, 750000000);
}
END_TEST

static ssize_t sleeps_until(struct made *made)
{
	struct timespec end;
	clock_gettime(made->fd, &end);
	end.tv_nsec += 2000000;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	int r = clock_nanosleep(made->fd, TIMER_ABSTIME, &end, NULL);
	struct timespec now;
	clock_gettime(made->fd, &now);
	bool early =
		now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec);
	return early ? -1 : r;
}

/* By the system's clock, so the loop must have that too. */
START_TEST(a_sleep_until_a_time_ends_then)
{
	struct coro_loop *real;
	struct coro_future *task;
	struct made made = {.call = sleeps_until, .fd = _i ? CLOCK_REALTIME : CLOCK_MONOTONIC};
	ck_assert_int_eq(coro_loop_create(NULL, &real), 0);
	ck_assert_int_eq(coro_loop_spawn(real, NULL, makes, &made, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(real, task, NULL), 0);
	ck_assert_int_eq(made.result, 0);
	coro_future_unref(task);
	coro_loop_close(real);
}
END_TEST

static ssize_t sleeps_wrongly(struct made *made)
{
	errno = 0;
	ssize_t r = nanosleep(&wrong, NULL);
	bool right = r == -1 && errno == EINVAL && thrd_sleep(&wrong, NULL) < -1 &&
		     clock_nanosleep(CLOCK_MONOTONIC, 0, &wrong, NULL) == EINVAL;
	return right ? 0 : -1;
}

START_TEST(a_wrong_time_is_refused)
{
	struct made made = {.call = sleeps_wrongly};
	make_at_once(&made);
	ck_assert_int_eq(made.result, 0);
}
END_TEST

/* ---- the life of fds ---- */

static ssize_t reads_a_byte(struct made *made)
{
	char byte;
	return read(made->fd, &byte, 1);
}

static ssize_t closes(struct made *made)
{
	return close(made->fd);
}

START_TEST(a_close_wakes_who_waits)
{
	pair = make_pair(UNIX);
	struct made reading = {.call = reads_a_byte, .fd = pair.from};
	struct made closing = {.call = closes, .fd = pair.from};
	struct coro_future *task = begin(&reading);
	make(&closing);
	ck_assert_int_eq(closing.result, 0);
	finish_failed(task, &reading, EBADF);
	make(&closing);
	ck_assert_int_eq(closing.error, EBADF);
	close(pair.to);
}
END_TEST

/* In one task each round: closes a pair, or puts another in its place, and uses the numbers again. */
static ssize_t uses_numbers_again(struct made *made)
{
	for (int i = 0; i < 6; i++) {
		int fds[2], others[2];
		char byte = 0;
		bool right = socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;
		struct pollfd fd = {.fd = fds[0], .events = POLLIN};
		right &= poll(&fd, 1, 1) == 0;
		if (i % 2) {
			right &= pipe(others) == 0;
			right &= (i == 3 ? dup3(others[0], fds[0], 0) : dup2(others[0], fds[0])) ==
				 fds[0];
			right &= close(others[0]) == 0 && close(fds[1]) == 0;
			fds[1] = fcntl(others[1], F_DUPFD_CLOEXEC, 0);
			close(others[1]);
		}
		right &= poll(&fd, 1, 1) == 0 && write(fds[1], "x", 1) == 1;
		right &= read(fds[0], &byte, 1) == 1 && byte == 'x';
		close(fds[0]);
		close(fds[1]);
		if (!right)
			return -1;
	}
	return 0;
}

START_TEST(numbers_are_used_again)
{
	struct made made = {.call = uses_numbers_again};
	make(&made);
	ck_assert_int_eq(made.result, 0);
}
END_TEST

static ssize_t syncs(struct made *made)
{
	return fsync(made->fd) == 0 ? fdatasync(made->fd) : -1;
}

START_TEST(files_are_synced)
{
	FILE *file = tmpfile();
	struct made made = {.call = syncs, .fd = fileno(file)};
	make(&made);
	ck_assert_int_eq(made.result, 0);
	made.fd = -1;
	make(&made);
	ck_assert_int_eq(made.error, EBADF);
	fclose(file);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, the_names_are_ours);
	tcase_add_loop_test(tests, a_wait_is_the_tasks, 0, WAITS);
	tcase_add_loop_test(tests, a_wait_ends_with_its_time, 0, WAITS);
	tcase_add_loop_test(tests, a_cancelled_wait_fails_once, 0, WAITS);
	tcase_add_test(tests, what_is_closed_is_an_error);
	tcase_add_test(tests, select_says_what_time_is_left);
	tcase_add_loop_test(tests, a_sleep_is_the_tasks_and_by_the_loops_clock, 0, SLEEPS);
	tcase_add_loop_test(tests, a_cancelled_sleep_says_what_is_left, 0, SLEEPS);
	tcase_add_loop_test(tests, a_sleep_until_a_time_ends_then, 0, 2);
	tcase_add_test(tests, a_wrong_time_is_refused);
	tcase_add_test(tests, a_close_wakes_who_waits);
	tcase_add_test(tests, numbers_are_used_again);
	tcase_add_test(tests, files_are_synced);
}

TEST_MAIN("posix poll", add)
