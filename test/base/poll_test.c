/* SPDX-License-Identifier: MIT */
/* Polling where the system refuses ppoll: by poll, or by select. */
#include "base/poll.h"

#include "fail_alloc.h"
#include "fail_call.h"
#include "support.h"

#include <limits.h>

static int ends[2];

static void setup(void)
{
	ck_assert_int_eq(pipe(ends), 0);
}

static void teardown(void)
{
	fail_call_off();
	close(ends[0]);
	close(ends[1]);
}

static const struct timespec now, longest = {.tv_sec = INT_MAX};

/* Polls where ppoll fails with this error. */
static int poll_without(int error, struct pollfd *fds, size_t count, const struct timespec *timeout)
{
	fail_call("ppoll", 1, error);
	int n = poll_fds(fds, count, timeout);
	ck_assert(fail_call_off());
	return n;
}

START_TEST(poll_is_called_where_ppoll_is_refused)
{
	struct pollfd fd = {.fd = ends[0], .events = POLLIN};
	ck_assert_int_eq(poll_without(ENOSYS, &fd, 1, &now), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(poll_without(ENOSYS, &fd, 1, NULL), 1);
	ck_assert_int_eq(fd.revents, POLLIN);
	ck_assert_int_eq(poll_without(EPERM, &fd, 1, &longest), 1);
}
END_TEST

START_TEST(other_errors_are_the_result)
{
	struct pollfd fd = {.fd = ends[0], .events = POLLIN};
	ck_assert_int_eq(poll_without(ENOMEM, &fd, 1, &now), -1);
	ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

/* An fd that fits into no fd_set. */
static int high_fd(int fd)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return fcntl(fd, F_DUPFD, 2 * FD_SETSIZE);
}

START_TEST(select_takes_more_fds_than_the_limit)
{
	if (!SYSTEM_LARGE_FD_SETS)
		skip_test("select takes no such fds here");
	int high = high_fd(ends[0]);
	if (high < 0)
		skip_test("there can be no fd as high");
	struct pollfd fds[] = {{.fd = ends[0], .events = POLLIN},
			       {.fd = -1, .events = POLLIN},
			       {.fd = ends[1], .events = POLLOUT},
			       {.fd = high, .events = POLLIN | POLLPRI}};
	ck_assert_int_eq(poll_without(EINVAL, fds, 4, &now), 1);
	ck_assert_int_eq(fds[2].revents, POLLOUT);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(poll_without(EINVAL, fds, 4, NULL), 3);
	ck_assert_int_eq(fds[0].revents, POLLIN);
	ck_assert_int_eq(fds[1].revents, 0);
	ck_assert_int_eq(fds[3].revents, POLLIN);
	if (fail_possible()) {
		fail_nth(1);
		ck_assert_int_eq(poll_without(EINVAL, fds, 4, &now), -1);
		ck_assert(fail_off());
	}
	close(high);
	ck_assert_int_eq(poll_without(EINVAL, fds, 4, &now), 1);
	ck_assert_int_eq(fds[0].revents, 0);
	ck_assert_int_eq(fds[3].revents, POLLNVAL);
	fail_call("pselect", 1, EINTR);
	fds[3].fd = -1;
	ck_assert_int_eq(poll_fds_otherwise((errno = EINVAL, fds), 4, &now), -1);
	ck_assert_int_eq(errno, EINTR);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, poll_is_called_where_ppoll_is_refused);
	tcase_add_test(tests, other_errors_are_the_result);
	tcase_add_test(tests, select_takes_more_fds_than_the_limit);
}

TEST_MAIN("poll", add)
