/* SPDX-License-Identifier: MIT */
/* Calls without memory, and without threads. */
#include "posix/posix.h"

#include <poll.h>
#include <sys/select.h>

/* The error of a call that has returned -1. */
static int failed(void)
{
	return errno == EAGAIN ? -EIO : -errno;
}

static int selects(void *arg)
{
	int fds[2], r;
	fd_set set;
	struct timeval time = {.tv_usec = 1};
	if (pipe(fds) < 0)
		return failed();
	int high = fcntl(fds[0], F_DUPFD, 40); /* so that more room is needed than there is */
	FD_ZERO(&set);
	FD_SET(high, &set);
	r = select(high + 1, &set, NULL, NULL, &time);
	r = r < 0 ? failed() : r;
	close(high);
	close(fds[0]);
	close(fds[1]);
	return r;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static int holds(void *arg)
{
	int r = pthread_mutex_lock(&mutex);
	if (r != 0)
		return -r;
	r = coro_task_yield();
	pthread_mutex_unlock(&mutex);
	return r;
}

static int locks(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(holds, NULL, &task);
	if (r < 0)
		return r;
	r = coro_task_yield();
	int own = holds(NULL);
	int others = coro_await(task, NULL);
	coro_future_unref(task);
	return r < 0 ? r : own < 0 ? own : others;
}

static int locks_again(void *arg)
{
	pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	int r = pthread_mutex_lock(&recursive);
	if (r == 0)
		r = pthread_mutex_unlock(&recursive);
	return -r;
}

static int waits(void *arg)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&mutex);
	int r = pthread_cond_timedwait(&condition, &mutex, &now);
	pthread_mutex_unlock(&mutex);
	return r == ETIMEDOUT ? 0 : -r;
}

/* In a thread of its own. */
static int polls(void *arg)
{
	struct timespec time = {.tv_nsec = 1};
	sigset_t mask;
	sigfillset(&mask);
	int r = ppoll(NULL, 0, &time, &mask);
	return r < 0 ? failed() : r;
}

static int runs_a_command(void *arg)
{
	FILE *stream = popen("exit 0", "r");
	return stream && pclose(stream) >= 0 ? 0 : failed();
}

static coro_fn *const programs[] = {selects, locks, locks_again, waits, polls, runs_a_command};

enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

START_TEST(without_memory_they_fail_or_do_without)
{
	fail_each_allocation(programs[_i]);
}
END_TEST

static ssize_t waits_in_a_thread(struct made *made)
{
	sigset_t mask;
	sigfillset(&mask);
	return ppoll(NULL, 0, NULL, &mask);
}

START_TEST(without_a_thread_they_fail)
{
	struct made made = {.call = waits_in_a_thread};
	struct rlimit none = {0, 0}, before;
	const char *forks = getenv("CK_FORK");
	if (SANITIZED)
		skip_test("LeakSanitizer needs a thread at the end");
	/* Root has no limit. The test has a process of its own. */
	if (geteuid() == 0 && ((forks && strcmp(forks, "no") == 0) || setuid(65534) < 0))
		skip_test("root has no limit");
	getrlimit(RLIMIT_NPROC, &before);
	none.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NPROC, &none);
	make(&made);
	setrlimit(RLIMIT_NPROC, &before);
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(made.error, EAGAIN);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_loop_test(tests, without_memory_they_fail_or_do_without, 0, PROGRAMS);
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, without_a_thread_they_fail);
}

TEST_MAIN("posix fault", add)
