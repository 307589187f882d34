/* SPDX-License-Identifier: MIT */
/* Handlers of signals interrupt calls of tasks, as SA_RESTART says. */
#include "posix/posix.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static struct pair pair, childs;
static char path[64];
static int epoll, listening, file, other, handled;
static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pid_t child;

static void handle(int number)
{
	handled++;
}

static void catch_signal(int flags)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
}

static void raise_one(void *arg)
{
	raise(SIGUSR1);
}

/* The handler runs while the loop does. */
static void raise_in_loop(void)
{
	int before = handled;
	ck_assert_int_eq(coro_call_soon(loop, raise_one, NULL, NULL), 0);
	for (int i = 0; i < 4; i++)
		turn();
	ck_assert_int_eq(handled, before + 1);
}

/* ---- calls that handlers without SA_RESTART interrupt ---- */

static ssize_t reads(struct made *made)
{
	return read(pair.from, made->bytes, 1);
}

static ssize_t receives(struct made *made)
{
	return recv(pair.from, made->bytes, 1, 0);
}

static ssize_t sends(struct made *made)
{
	static char many[4 << 20];
	while (send(pair.to, many, sizeof(many), MSG_DONTWAIT) > 0)
		;
	return send(pair.to, many, sizeof(many), 0);
}

static ssize_t accepts(struct made *made)
{
	return accept(listening, NULL, NULL);
}

static ssize_t waits_for_child(struct made *made)
{
	return waitpid(child, NULL, 0);
}

static ssize_t waits_for_any_child(struct made *made)
{
	return wait(NULL);
}

static ssize_t waits_for_semaphore(struct made *made)
{
	return sem_wait(&semaphore);
}

static ssize_t locks_file(struct made *made)
{
	return flock(file, LOCK_EX);
}

static ssize_t opens_fifo(struct made *made)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* ---- calls that all handlers interrupt ---- */

static ssize_t polls(struct made *made)
{
	struct pollfd fd = {.fd = pair.from, .events = POLLIN};
	return poll(&fd, 1, -1);
}

static ssize_t selects(struct made *made)
{
	fd_set set;
	FD_ZERO(&set);
	FD_SET(pair.from, &set);
	return select(pair.from + 1, &set, NULL, NULL, NULL);
}

static ssize_t waits_for_epoll(struct made *made)
{
	struct epoll_event event;
	return epoll_wait(epoll, &event, 1, -1);
}

static ssize_t sleeps_us(struct made *made)
{
	return usleep(500000);
}

static ssize_t waits_for_signals(struct made *made)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigwaitinfo(&set, NULL);
}

static ssize_t receives_with_timeout(struct made *made)
{
	struct timeval time = {.tv_sec = 100};
	setsockopt(pair.from, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	return recv(pair.from, made->bytes, 1, 0);
}

static const struct {
	ssize_t (*call)(struct made *made);
	bool restarts;
} calls[] = {
	{reads, true},
	{receives, true},
	{sends, true},
	{accepts, true},
	{waits_for_child, true},
	{waits_for_any_child, true},
	{waits_for_semaphore, true},
	{locks_file, true},
	{opens_fifo, true},
	{polls, false},
	{selects, false},
	{waits_for_epoll, false},
	{sleeps_us, false},
	{waits_for_signals, false},
	{receives_with_timeout, false},
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

/* What each of them waits for. The child ends when its pair is closed. */
static void prepare(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct sockaddr_in address;
	sigset_t set;
	pair = make_pair(UNIX);
	childs = make_pair(PIPE);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll, EPOLL_CTL_ADD, pair.from, &event);
	listening = listen_tcp(&address);
	fcntl(listening, F_SETFL, 0);
	sem_init(&semaphore, 0, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	strcpy(path, "/tmp/coro-posix-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	strcat(path, "/fifo");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	char name[80];
	snprintf(name, sizeof(name), "%s.lock", path);
	file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	other = open(name, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(other, LOCK_EX), 0);
	unlink(name);
	child = fork();
	if (child == 0) {
		char byte;
		close(childs.to);
		_exit(read(childs.from, &byte, 1) == 0 ? 0 : 1);
	}
}

/* Lets threads go that still wait for something. */
static void clean_up(void)
{
	int fifo = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	close_pair(pair);
	close_pair(childs);
	close(epoll);
	close(listening);
	close(file);
	close(other);
	waitpid(child, NULL, 0);
	run();
	close(fifo);
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
}

START_TEST(a_handler_without_restart_interrupts)
{
	struct made made = {.call = calls[_i].call};
	prepare();
	catch_signal(0);
	for (int n = 0; n < 2; n++) {
		struct coro_future *task = begin(&made);
		raise_in_loop();
		finish_failed(task, &made, EINTR);
	}
	clean_up();
}
END_TEST

START_TEST(a_handler_with_restart_interrupts_what_does_not_restart)
{
	struct made made = {.call = calls[_i].call};
	prepare();
	catch_signal(0); /* then all calls may be interrupted */
	catch_signal(SA_RESTART);
	struct coro_future *task = begin(&made);
	raise_in_loop();
	ck_assert_int_eq(coro_future_done(task), !calls[_i].restarts);
	if (calls[_i].restarts)
		cancel(task);
	finish_failed(task, &made, calls[_i].restarts ? ECANCELED : EINTR);
	clean_up();
}
END_TEST

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

START_TEST(siginterrupt_says_which)
{
	struct made made = {.call = reads};
	prepare();
	signal(SIGUSR1, handle);
	ck_assert_int_eq(siginterrupt(SIGUSR1, 1), 0);
	struct coro_future *task = begin(&made);
	raise_in_loop();
	finish_failed(task, &made, EINTR);
	ck_assert(signal(SIGUSR1, handle) == handle);
	task = begin(&made);
	raise_in_loop();
	finish_failed(task, &made, EINTR);
	ck_assert_int_eq(siginterrupt(SIGUSR1, 0), 0);
	task = begin(&made);
	raise_in_loop();
	ck_assert(!coro_future_done(task));
	put(pair.to, "x");
	finish(task, &made, 1);
	clean_up();
}
END_TEST

#pragma GCC diagnostic pop

/* ---- what is not interrupted ---- */

static ssize_t raises_and_reads(struct made *made)
{
	raise(SIGUSR1);
	return read(pair.from, made->bytes, 1);
}

START_TEST(a_call_after_the_handler_is_not_interrupted)
{
	struct made made = {.call = raises_and_reads};
	prepare();
	catch_signal(0);
	struct coro_future *task = begin(&made);
	for (int i = 0; i < 4; i++)
		turn();
	ck_assert_int_eq(handled, 1);
	ck_assert(!coro_future_done(task));
	put(pair.to, "x");
	finish(task, &made, 1);
	clean_up();
}
END_TEST

static ssize_t locks_mutex(struct made *made)
{
	int r = pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return r;
}

static ssize_t waits_for_condition(struct made *made)
{
	pthread_mutex_lock(&mutex);
	int r = pthread_cond_wait(&condition, &mutex);
	pthread_mutex_unlock(&mutex);
	return r;
}

static ssize_t waits_for_its_signal(struct made *made)
{
	sigset_t set;
	int number;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigwait(&set, &number) == 0 ? number - SIGUSR2 : -1;
}

static ssize_t (*const uninterrupted[])(struct made *made) = {locks_mutex, waits_for_condition,
							      waits_for_its_signal};

START_TEST(locks_conditions_and_sigwait_are_not_interrupted)
{
	struct made made = {.call = uninterrupted[_i]};
	prepare();
	catch_signal(0);
	if (_i == 0)
		pthread_mutex_lock(&mutex);
	struct coro_future *task = begin(&made);
	raise_in_loop();
	ck_assert(!coro_future_done(task));
	if (_i == 0)
		pthread_mutex_unlock(&mutex);
	pthread_cond_signal(&condition);
	if (_i == 2)
		kill(getpid(), SIGUSR2);
	finish(task, &made, 0);
	clean_up();
}
END_TEST

/* Data that has come is returned, though a handler has run since. */
START_TEST(what_has_come_is_returned)
{
	struct made made = {.call = reads};
	prepare();
	catch_signal(0);
	struct coro_future *task = begin(&made);
	put(pair.to, "x");
	raise_in_loop();
	finish(task, &made, 1);
	clean_up();
}
END_TEST

/* A cancellation is not taken for a signal, nor lost to one. */
START_TEST(a_cancellation_remains_one)
{
	struct made made = {.call = reads};
	prepare();
	catch_signal(0);
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	task = begin(&made);
	cancel(task);
	ck_assert_int_eq(coro_call_soon(loop, raise_one, NULL, NULL), 0);
	finish_failed(task, &made, ECANCELED);
	clean_up();
}
END_TEST

/* ---- what is left of a sleep ---- */

static struct timespec left;

static ssize_t sleeps(struct made *made)
{
	return sleep(10);
}

static ssize_t sleeps_ns(struct made *made)
{
	return nanosleep(&(struct timespec){.tv_sec = 10}, &left);
}

static ssize_t sleeps_by_clock(struct made *made)
{
	int r = clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_sec = 10}, &left);
	errno = r;
	return r ? -1 : 0;
}

START_TEST(an_interrupted_sleep_says_what_is_left)
{
	ssize_t (*const sleeps_of[])(struct made *) = {sleeps, sleeps_ns, sleeps_by_clock};
	struct made made = {.call = sleeps_of[_i]};
	catch_signal(SA_RESTART);
	struct coro_future *task = begin(&made);
	ck_assert_int_eq(coro_call_later(loop, 3500 * CORO_MSEC, raise_one, NULL, NULL), 0);
	if (_i == 0) {
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
		ck_assert_int_eq(made.result, 7);
		coro_future_unref(task);
	} else {
		finish_failed(task, &made, EINTR);
		ck_assert_int_eq(left.tv_sec, 6);
		ck_assert_int_eq(left.tv_nsec, 500000000);
	}
	assert_time(3500 * CORO_MSEC);
}
END_TEST

/* ---- without memory; and loops that end ---- */

static int is_interrupted(void *arg)
{
	char byte;
	int r = coro_call_soon(coro_running_loop(), raise_one, NULL, NULL);
	if (r < 0)
		return r;
	ssize_t n = read(pair.from, &byte, 1);
	return n < 0 && errno == EINTR ? 0 : n < 0 ? -errno : -EIO;
}

START_TEST(without_memory_a_call_fails_or_is_interrupted)
{
	pair = make_pair(UNIX);
	catch_signal(0);
	fail_each_allocation(is_interrupted);
	close_pair(pair);
}
END_TEST

static int reads_for_ever(void *arg)
{
	char byte;
	return (int)read(pair.from, &byte, 1);
}

START_TEST(a_loop_may_be_closed_with_such_calls)
{
	struct coro_loop *own;
	struct coro_future *task;
	pair = make_pair(UNIX);
	catch_signal(0);
	ck_assert_int_eq(coro_loop_create(NULL, &own), 0);
	ck_assert_int_eq(coro_loop_spawn(own, NULL, reads_for_ever, NULL, &task), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_ge(coro_loop_run_once(own), 0);
	ck_assert_int_eq(coro_call_soon(own, raise_one, NULL, NULL), 0);
	ck_assert_int_ge(coro_loop_run_once(own), 0);
	coro_future_unref(task);
	coro_loop_close(own);
	close_pair(pair);
}
END_TEST

static void interrupt_setup(void)
{
	fds_setup();
	handled = 0;
}

static void add(TCase *tests)
{
	tcase_add_test(tests, without_memory_a_call_fails_or_is_interrupted);
	tcase_add_checked_fixture(tests, interrupt_setup, fds_teardown);
	tcase_add_loop_test(tests, a_handler_without_restart_interrupts, 0, CALLS);
	tcase_add_loop_test(tests, a_handler_with_restart_interrupts_what_does_not_restart, 0,
			    CALLS);
	tcase_add_test(tests, siginterrupt_says_which);
	tcase_add_test(tests, a_call_after_the_handler_is_not_interrupted);
	tcase_add_loop_test(tests, locks_conditions_and_sigwait_are_not_interrupted, 0, 3);
	tcase_add_test(tests, what_has_come_is_returned);
	tcase_add_test(tests, a_cancellation_remains_one);
	tcase_add_loop_test(tests, an_interrupted_sleep_says_what_is_left, 0, 3);
	tcase_add_test(tests, a_loop_may_be_closed_with_such_calls);
}

TEST_MAIN("posix interrupt", add)
