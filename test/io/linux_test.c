/* SPDX-License-Identifier: MIT */
/* fds that only Linux has: files that can be polled, and devices that count, tick and tell of changes. */
#include "fds.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/timerfd.h>

/* ---- files that can be polled ---- */

static void nothing(void *arg)
{
}

/* Which of these there are, and can be polled, depends on the system. */
START_TEST(files_that_can_be_polled_are)
{
	static const char *const paths[] = {
		"/proc/self/mounts",
		"/proc/mdstat",
		"/proc/sys/kernel/hostname",
		"/proc/pressure/memory",
		"/sys/fs/cgroup/cgroup.events",
		"/sys/kernel/uevent_seqnum",
		"/proc/self/status",
		"/dev/urandom",
	};
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC), epoll = epoll_create1(EPOLL_CLOEXEC);
		struct epoll_event event = {.events = EPOLLPRI};
		bool can = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
		close(epoll);
		if (fd < 0)
			continue;
		int r = coro_loop_add_reader(loop, fd, nothing, NULL);
		ck_assert_msg(r == 0 || (!can && r == -EPERM), "%s: %d", paths[i], r);
		if (can)
			ck_assert_int_eq(coro_loop_remove_reader(loop, fd), 1);
		else if (r == 0)
			coro_loop_remove_reader(loop, fd);
		close(fd);
	}
}
END_TEST

START_TEST(without_fds_it_is_unknown_what_can_be_polled)
{
	int fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	coro_loop_poller(loop); /* which epoll's needs one for */
	fail_call("epoll_create1", 1, EMFILE);
	ck_assert_int_eq(coro_loop_add_reader(loop, fd, nothing, NULL), -EMFILE);
	ck_assert(fail_call_off());
	close(fd);
}
END_TEST

static int waits(void *fd)
{
	return coro_urgent(*(int *)fd);
}

/* There is no other of them that a test may change. */
START_TEST(a_change_of_a_file_of_proc_is_noticed)
{
	int fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	struct coro_future *task = start(waits, &fd);
	turn();
	ck_assert(!coro_future_done(task));
	char directory[] = "/tmp/coro-urgent-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(directory));
	if (mount("none", directory, "tmpfs", 0, NULL) == 0) {
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
		umount(directory);
	} else {
		cancel(task);
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	}
	rmdir(directory);
	coro_future_unref(task);
	close(fd);
}
END_TEST

/* ---- devices ---- */

static int device;

static int reads_device(void *arg)
{
	char bytes[512];
	(void)arg;
	return (int)coro_read(device, bytes, sizeof(bytes));
}

START_TEST(devices_that_block_are_read)
{
	struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
	char path[] = "/tmp/coro-nowait-XXXXXX";
	device = eventfd(3, 0);
	ck_assert_int_eq(result_of(reads_device, NULL), 8);
	coro_fd_close(device);
	device = timerfd_create(CLOCK_MONOTONIC, 0);
	timerfd_settime(device, 0, &soon, NULL);
	ck_assert_int_eq(result_of(reads_device, NULL), 8);
	coro_fd_close(device);
	device = inotify_init();
	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_ge(inotify_add_watch(device, path, IN_DELETE_SELF), 0);
	struct coro_future *reader = start(reads_device, NULL);
	turn();
	ck_assert(!coro_future_done(reader));
	rmdir(path);
	ck_assert_int_gt(coro_run_until_complete(loop, reader, NULL), 0);
	coro_future_unref(reader);
	coro_fd_close(device);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, files_that_can_be_polled_are);
	tcase_add_test(tests, without_fds_it_is_unknown_what_can_be_polled);
	tcase_add_test(tests, a_change_of_a_file_of_proc_is_noticed);
	tcase_add_test(tests, devices_that_block_are_read);
}

TEST_MAIN("linux", add)
