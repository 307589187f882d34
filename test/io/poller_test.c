/* SPDX-License-Identifier: MIT */
/* When the loop polls its fds, and with which calls. */
#include "barrier.h"
#include "fds.h"

#include <sys/resource.h>

static struct pair pair;

/* System calls of all the pollers. */
static unsigned long polls(void)
{
	return calls_of("epoll_wait") + calls_of("epoll_pwait2") + calls_of("ppoll") +
	       calls_of("kevent") + calls_of("io_uring_enter") + calls_of("uring_look");
}

/* ---- which ---- */

static const char *poller_of(enum coro_poller kind)
{
	struct coro_loop *other;
	struct coro_loop_options options = {.poller = kind};
	ck_assert_int_eq(coro_loop_create(&options, &other), 0);
	const char *name = coro_loop_poller(other);
	coro_loop_close(other);
	return name;
}

START_TEST(the_poller_can_be_chosen)
{
	setenv("CORO_POLLER", "poll", 1);
	ck_assert_str_eq(poller_of(CORO_POLLER_DEFAULT), "poll");
	ck_assert_str_eq(poller_of(CORO_POLLER_EPOLL), "epoll");
	setenv("CORO_POLLER", "epoll", 1);
	ck_assert_str_eq(poller_of(CORO_POLLER_DEFAULT), "epoll");
	ck_assert_str_eq(poller_of(CORO_POLLER_POLL), "poll");
	setenv("CORO_POLLER", "nonsense", 1);
	ck_assert_str_eq(poller_of(CORO_POLLER_DEFAULT), "epoll");
	unsetenv("CORO_POLLER");
	ck_assert_str_eq(poller_of(CORO_POLLER_DEFAULT), "epoll");
}
END_TEST

static int does_nothing(void *arg)
{
	return 0;
}

/* Whether the stream is still closed when the loop and what it works with have fds of their own. */
static int uses_all_kinds(void *stream)
{
	char *argv[] = {(char *)"true", NULL};
	struct coro_process *process = NULL;
	int fd = *(int *)stream, code = -1;
	coro_to_thread(does_nothing, NULL);
	int r = coro_process_spawn(argv, NULL, &process);
	bool closed = fcntl(fd, F_GETFD) < 0;
	if (r == 0)
		r = coro_process_wait(process, &code);
	coro_process_destroy(process);
	return r < 0 || code != 0 ? 2 : closed ? 0 : 1;
}

/* What is written to the stream must not reach a peer. */
static int uses_sockets(void *stream)
{
	char address[CORO_ADDRESS_SIZE];
	int listening, to, from;
	if (coro_listen("127.0.0.1:0", NULL, &listening) < 0)
		return 5;
	bool closed = fcntl(*(int *)stream, F_GETFD) < 0;
	coro_getsockname(listening, address, sizeof(address));
	if (coro_dial(address, NULL, &to) < 0 || (from = coro_accept(listening, NULL, NULL)) < 0)
		return 6;
	closed &= fcntl(*(int *)stream, F_GETFD) < 0;
	bool well = coro_write(to, "word", 4) == 4 && coro_read(from, address, 4) == 4;
	coro_fd_close(listening);
	coro_fd_close(to);
	coro_fd_close(from);
	return !well ? 7 : closed ? 0 : 1;
}

static int uses_kinds_and_sockets(void *stream)
{
	int r = uses_all_kinds(stream);
	return r ? r : uses_sockets(stream);
}

static coro_fn *uses = uses_kinds_and_sockets;

static int runs_without(void *arg)
{
	const int *what = arg;
	struct coro_loop_options options = {.poller = (enum coro_poller)what[0]};
	struct coro_loop *other;
	struct coro_future *task;
	int stream = what[1];
	close(stream);
	if (coro_loop_create(&options, &other) < 0)
		return 3;
	coro_loop_fd(other); /* some are made only for a host */
	coro_loop_spawn(other, NULL, uses, &stream, &task);
	int r = coro_run_until_complete(other, task, NULL);
	coro_future_unref(task);
	coro_loop_close(other);
	return r < 0 ? 4 : r;
}

START_TEST(fds_of_the_library_are_no_standard_streams)
{
	int what[] = {_i, 0};
	for (; what[1] < 3; what[1]++) {
		struct child child = child_run(runs_without, what);
		ck_assert_exited(child, 0);
	}
}
END_TEST

/* Each of the moves fails in turn: with an error, or it does without, and nothing is left open. */
static int runs_without_moves(void *arg)
{
	int what[] = {*(int *)arg, 0};
	bool failed = true;
	uses = uses_all_kinds;
	for (unsigned long n = 1; failed && n < 50; n++) {
		fail_call("fcntl", n, EMFILE);
		int r = runs_without(what);
		failed = fail_call_off();
		for (int fd = 0; fd < 40; fd++)
			if (fd != 2 && fcntl(fd, F_GETFD) >= 0 && !fds_before[fd])
				return 5;
		if (r == 1 || (r != 0 && !failed))
			return 6;
	}
	return failed;
}

START_TEST(an_fd_that_cannot_be_moved_is_closed)
{
	struct child child = child_run(runs_without_moves, &_i);
	ck_assert_exited(child, 0);
}
END_TEST

START_TEST(what_the_kernel_refuses_gives_way_in_silence)
{
	setenv("CORO_POLLER", "uring", 1);
	fail_call("io_uring_setup", 1, EPERM);
	ck_assert_str_eq(poller_of(CORO_POLLER_URING), "epoll");
	if (fail_call_off()) {
		fail_call("io_uring_setup", 1, ENOMEM);
		ck_assert_str_eq(poller_of(CORO_POLLER_DEFAULT), "epoll");
		ck_assert(fail_call_off());
		/* Older kernels know fewer flags. */
		fail_call("io_uring_setup", 1, EINVAL);
		poller_of(CORO_POLLER_DEFAULT);
		ck_assert(fail_call_off());
		ck_assert_uint_eq(calls_of("io_uring_setup"), 2);
	}
}
END_TEST

START_TEST(an_unknown_poller_is_refused)
{
	struct coro_loop *other;
	struct coro_loop_options options = {.poller = (enum coro_poller)9};
	ck_assert_int_eq(coro_loop_create(&options, &other), -EINVAL);
	ck_assert_ptr_null(coro_loop_poller(NULL));
}
END_TEST

/* ---- when ---- */

static int yields(void *count)
{
	for (int i = 0; i < *(int *)count; i++)
		coro_task_yield();
	return 0;
}

START_TEST(without_fds_no_turn_makes_a_system_call)
{
	int count = 10000;
	ck_assert_str_eq(coro_loop_poller(loop), coro_loop_poller(loop));
	/* The thread's first stack takes some, for reports of overflows. */
	ck_assert_int_eq(result_of(yields, &count), 0);
	fail_call(NULL, 0, 0);
	ck_assert_int_eq(result_of(yields, &count), 0);
	fail_call_off();
	ck_assert_uint_eq(calls_of(NULL), 0);
}
END_TEST

START_TEST(fds_that_nobody_waits_for_cost_no_call)
{
	int count = 10000;
	pair = make_pair(UNIX);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	put(pair.to, "x");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	fail_call(NULL, 0, 0);
	ck_assert_int_eq(result_of(yields, &count), 0);
	fail_call_off();
	ck_assert_uint_eq(calls_of(NULL), 0);
	coro_future_unref(task);
	trace_take();
	close_pair(pair);
}
END_TEST

START_TEST(fds_are_looked_at_after_256_switches)
{
	int count = 25600;
	pair = make_pair(UNIX);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	fail_call(NULL, 0, 0);
	/* Two tasks: each turn is of two switches. */
	struct coro_future *other = spawn(yields, &count);
	ck_assert_int_eq(result_of(yields, &count), 0);
	fail_call_off();
	ck_assert_uint_ge(polls(), 195);
	ck_assert_uint_le(polls(), 205);
	ck_assert_uint_eq(calls_of(NULL),
			  polls() + calls_of("recv") +
				  calls_of("uring_poll")); /* the reader's, by way of io_uring */
	coro_future_unref(other);
	cancel(task);
	turn();
	coro_future_unref(task);
	trace_take();
	close_pair(pair);
}
END_TEST

static int woken_at = -1;
static int ran;

static int reads_and_notes(void *arg)
{
	char byte;
	int r = (int)coro_read(pair.from, &byte, 1);
	woken_at = ran;
	return r < 0 ? r : 0;
}

static int runs_twice(void *arg)
{
	if (ran++ == 0)
		put(pair.to, "x");
	coro_task_yield();
	ran++;
	return 0;
}

START_TEST(fds_are_looked_at_inside_a_long_turn)
{
	enum { TASKS = 2000 };
	pair = make_pair(UNIX);
	struct coro_future *task = start(reads_and_notes, NULL);
	for (int i = 0; i < TASKS; i++)
		coro_future_unref(spawn(runs_twice, NULL));
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	/* After the turn in which it was noticed, but long before the next is over. */
	ck_assert_int_ge(woken_at, TASKS);
	ck_assert_int_lt(woken_at, TASKS + 600);
	run();
	ck_assert_int_eq(ran, 2 * TASKS);
	close_pair(pair);
}
END_TEST

static void never_reads(void *count)
{
	++*(int *)count;
}

static int sleeps_a_little(void *arg)
{
	return coro_sleep(CORO_MSEC);
}

START_TEST(an_fd_that_is_always_ready_holds_up_nothing_else)
{
	struct coro_loop *real;
	struct coro_future *sleeper, *yielder;
	int calls = 0, count = 1000;
	pair = make_pair(UNIX);
	put(pair.to, "x");
	ck_assert_int_eq(coro_loop_create(NULL, &real), 0);
	ck_assert_int_eq(coro_loop_add_reader(real, pair.from, never_reads, &calls), 0);
	coro_loop_spawn(real, NULL, sleeps_a_little, NULL, &sleeper);
	coro_loop_spawn(real, NULL, yields, &count, &yielder);
	ck_assert_int_eq(coro_run_until_complete(real, yielder, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(real, sleeper, NULL), 0);
	ck_assert_int_gt(calls, 0);
	coro_future_unref(sleeper);
	coro_future_unref(yielder);
	coro_loop_close(real);
	close_pair(pair);
}
END_TEST

static int sleeps_a_second(void *arg)
{
	int r = coro_sleep(CORO_SEC);
	trace("slept");
	return r;
}

START_TEST(virtual_time_waits_for_what_the_fds_have)
{
	pair = make_pair(UNIX);
	struct coro_future *sleeper = start(sleeps_a_second, NULL);
	struct coro_future *reader = start(reads_once, &(struct reading){"a", pair.from});
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
	ck_assert_int_eq(coro_loop_time(loop), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, sleeper, NULL), 0);
	ck_assert_trace("a:word slept");
	coro_future_unref(sleeper);
	coro_future_unref(reader);
	close_pair(pair);
}
END_TEST

START_TEST(a_loop_in_which_nothing_waits_comes_to_its_end)
{
	pair = make_pair(UNIX);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
	trace_take();
	close_pair(pair);
}
END_TEST

static int sleeps_really(void *arg)
{
	int64_t before = coro_clock();
	int r = coro_sleep(2 * CORO_MSEC);
	ck_assert_int_ge(coro_clock() - before, 2 * CORO_MSEC);
	return r;
}

START_TEST(no_sleep_ends_early_where_fds_are_watched)
{
	struct coro_loop *real;
	struct coro_future *reader, *sleeper;
	pair = make_pair(UNIX);
	ck_assert_int_eq(coro_loop_create(NULL, &real), 0);
	coro_loop_spawn(real, NULL, reads_once, &(struct reading){"a", pair.from}, &reader);
	coro_loop_spawn(real, NULL, sleeps_really, NULL, &sleeper);
	if (_i) /* as on a kernel without epoll_pwait2 */
		fail_call("epoll_pwait2", 1, ENOSYS);
	ck_assert_int_eq(coro_run_until_complete(real, sleeper, NULL), 0);
	fail_call_off();
	coro_future_unref(reader);
	coro_future_unref(sleeper);
	coro_loop_close(real);
	close_pair(pair);
}
END_TEST

/* ---- other threads ---- */

static void set_outside(void *arg)
{
	trace("called");
	coro_loop_stop(arg);
}

static void *calls_the_loop(void *arg)
{
	until_main_sleeps();
	ck_assert_int_eq(coro_call_soon_threadsafe(arg, set_outside, arg), 0);
	return NULL;
}

START_TEST(a_call_from_another_thread_wakes_a_loop_that_waits_for_fds)
{
	pthread_t thread;
	pair = make_pair(UNIX);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, calls_the_loop, loop), 0);
		ck_assert_int_eq(coro_run_forever(loop), 0);
		ck_assert_trace("called");
		pthread_join(thread, NULL);
	}
	cancel(task);
	run();
	coro_future_unref(task);
	trace_take();
	close_pair(pair);
}
END_TEST

/* With fewer threads no loop's poller lies where that of another was. */
enum { TURNS = 16 };

/* What a thread reads in its turn. */
struct turned {
	int fds[2], number, result;
	ssize_t got;
};

static struct barrier all_run;
static int whose_turn; /* read and written relaxed: tools see no order between the threads */

static void puts_a_byte(void *arg)
{
	const struct turned *turned = arg;
	if (write(turned->fds[1], "b", 1) < 0)
		close(turned->fds[1]);
}

/* Its loop has waited for no fd before. */
static int waits_for_a_byte(void *arg)
{
	struct turned *turned = arg;
	char byte;
	barrier_wait(&all_run);
	while (__atomic_load_n(&whose_turn, __ATOMIC_RELAXED) != turned->number)
		usleep(100);
	int r = coro_call_soon(coro_running_loop(), puts_a_byte, turned, NULL);
	if (r == 0)
		turned->got = coro_read(turned->fds[0], &byte, 1);
	return r;
}

static void *runs_in_its_turn(void *arg)
{
	struct turned *turned = arg;
	turned->result = coro_run(waits_for_a_byte, turned);
	__atomic_store_n(&whose_turn, turned->number + 1, __ATOMIC_RELAXED);
	return NULL;
}

/* For ThreadSanitizer: what a loop polls with may lie where that of a thread before it was. */
START_TEST(threads_may_poll_one_after_another)
{
	struct turned turned[TURNS];
	pthread_t threads[TURNS];
	whose_turn = 0;
	barrier_init(&all_run, TURNS);
	for (int i = 0; i < TURNS; i++) {
		turned[i] = (struct turned){.number = i};
		ck_assert_int_eq(pipe(turned[i].fds), 0);
	}
	for (int i = 0; i < TURNS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, runs_in_its_turn, &turned[i]),
				 0);
	for (int i = 0; i < TURNS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(turned[i].result, 0);
		ck_assert_int_eq(turned[i].got, 1);
		close(turned[i].fds[0]);
		close(turned[i].fds[1]);
	}
	barrier_finish(&all_run);
}
END_TEST

/* ---- errors ---- */

static int reads(void *arg)
{
	return reads_once(arg);
}

START_TEST(a_signal_does_not_end_the_wait)
{
	static const char *const calls[] = {"epoll_wait", "epoll_pwait2", "ppoll", "io_uring_enter",
					    "kevent"};
	pair = make_pair(UNIX);
	struct coro_future *task = start(reads, &(struct reading){"a", pair.from});
	put(pair.to, "word");
	fail_call(calls[_i], 1, EINTR);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	fail_call_off();
	ck_assert_trace("a:word");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(a_wait_that_fails_ends_the_run)
{
	static const char *const calls[] = {"epoll_wait", "ppoll", "io_uring_enter", "kevent"};
	pair = make_pair(UNIX);
	struct coro_future *task = start(reads, &(struct reading){"a", pair.from});
	put(pair.to, "word");
	fail_call(calls[_i], 1, ENOMEM);
	int r = coro_run_until_complete(loop, task, NULL);
	if (fail_call_off())
		ck_assert_int_eq(r, -ENOMEM);
	/* It can be run again. */
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:word");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

/* ---- many ---- */

static int echoes(void *arg)
{
	char byte;
	for (int i = 0; i < 100; i++)
		if (coro_read(pair.from, &byte, 1) != 1 || coro_write(pair.from, &byte, 1) != 1)
			return -EIO;
	return 0;
}

static int talks(void *arg)
{
	char byte;
	for (int i = 0; i < 100; i++)
		if (coro_write(pair.to, "x", 1) != 1 || coro_read(pair.to, &byte, 1) != 1)
			return -EIO;
	return 0;
}

static int reads_a_byte(void *fd)
{
	char byte;
	return (int)coro_read(*(int *)fd, &byte, 1);
}

/* Reads a byte each from many, of which the first wait is under way when the limit is lowered. */
static int reads_below_the_limit(void *to)
{
	enum { MANY = 100 };
	struct coro_future *tasks[MANY];
	struct pair pairs[MANY];
	struct rlimit before, low;
	int r = 0;
	getrlimit(RLIMIT_NOFILE, &before);
	low = before;
	low.rlim_cur = *(rlim_t *)to;
	for (int i = 0; i < MANY; i++) {
		pairs[i] = make_pair(i % 2 ? UNIX : PIPE);
		coro_spawn(reads_a_byte, &pairs[i].from, &tasks[i]);
	}
	coro_sleep(CORO_MSEC);
	setrlimit(RLIMIT_NOFILE, &low);
	coro_sleep(CORO_MSEC);
	for (int i = 0; i < MANY; i++)
		put(pairs[i].to, "x");
	for (int i = 0; i < MANY && r == 0; i++)
		r = coro_await(tasks[i], NULL) == 1 ? 0 : -EIO;
	setrlimit(RLIMIT_NOFILE, &before);
	for (int i = 0; i < MANY; i++) {
		coro_future_unref(tasks[i]);
		coro_fd_close(pairs[i].from);
		close(pairs[i].to);
	}
	return r;
}

START_TEST(a_limit_of_fds_that_is_lowered_is_for_those_to_come)
{
	static rlim_t limits[] = {0, 1, 64};
	if (RUNNING_ON_VALGRIND || getenv("VALGRIND"))
		skip_test("valgrind");
	ck_assert_int_eq(coro_run(reads_below_the_limit, &limits[_i]), 0);
}
END_TEST

START_TEST(one_among_many_idle_ones_costs_as_many_calls_as_alone)
{
	int count = many(1500, 300);
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 4000) {
		limit.rlim_cur = limit.rlim_max < 4000 ? limit.rlim_max : 4000;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	struct pair idle[1500];
	struct reading readings[1500];
	unsigned long calls[2];
	if ((rlim_t)count * 2 + 100 > limit.rlim_cur)
		skip_test("no %d fds here", count * 2);
	pair = make_pair(UNIX);
	for (int round = 0; round < 2; round++) {
		struct coro_future *task = spawn(echoes, NULL);
		fail_call(NULL, 0, 0);
		ck_assert_int_eq(result_of(talks, NULL), 0);
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
		fail_call_off();
		calls[round] = calls_of(NULL);
		coro_future_unref(task);
		for (int i = 0; round == 0 && i < count; i++) {
			idle[i] = make_pair(UNIX);
			readings[i] = (struct reading){"idle", idle[i].from};
			coro_future_unref(spawn(reads, &readings[i]));
		}
		turn();
		turn();
	}
	/* The first round has made two records more. */
	ck_assert_uint_le(calls[1], calls[0]);
	loop_teardown();
	loop_setup();
	for (int i = 0; i < count; i++)
		close_pair(idle[i]);
	close_pair(pair);
}
END_TEST

static void add(TCase *tests)
{
	/* Valgrinds of some age hang where another thread wakes a wait of io_uring's. */
	int end = RUNNING_ON_VALGRIND ? CORO_POLLER_URING : CORO_POLLER_URING + 1;
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, the_poller_can_be_chosen);
	tcase_add_loop_test(tests, fds_of_the_library_are_no_standard_streams, CORO_POLLER_EPOLL,
			    end);
	tcase_add_loop_test(tests, an_fd_that_cannot_be_moved_is_closed, CORO_POLLER_EPOLL, end);
	tcase_add_test(tests, what_the_kernel_refuses_gives_way_in_silence);
	tcase_add_test(tests, an_unknown_poller_is_refused);
	tcase_add_test(tests, without_fds_no_turn_makes_a_system_call);
	tcase_add_test(tests, fds_that_nobody_waits_for_cost_no_call);
	tcase_add_test(tests, fds_are_looked_at_after_256_switches);
	tcase_add_test(tests, fds_are_looked_at_inside_a_long_turn);
	tcase_add_test(tests, an_fd_that_is_always_ready_holds_up_nothing_else);
	tcase_add_test(tests, virtual_time_waits_for_what_the_fds_have);
	tcase_add_test(tests, a_loop_in_which_nothing_waits_comes_to_its_end);
	tcase_add_loop_test(tests, no_sleep_ends_early_where_fds_are_watched, 0, 2);
	tcase_add_test(tests, a_call_from_another_thread_wakes_a_loop_that_waits_for_fds);
	tcase_add_test(tests, threads_may_poll_one_after_another);
	tcase_add_loop_test(tests, a_signal_does_not_end_the_wait, 0, 5);
	tcase_add_loop_test(tests, a_wait_that_fails_ends_the_run, 0, 4);
	tcase_add_loop_test(tests, a_limit_of_fds_that_is_lowered_is_for_those_to_come, 0, 3);
	tcase_add_test(tests, one_among_many_idle_ones_costs_as_many_calls_as_alone);
}

TEST_MAIN("poller", add)
