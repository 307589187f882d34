/* SPDX-License-Identifier: MIT */
/*
 * fork: the child cannot use what is the parent's, what it makes itself works, and the parent goes
 * on.
 */
#include "io/scoped_fd.h"
#include "loop/loop.h"

#include "threads.h"

#include <sys/socket.h>

static int ok(void *arg)
{
	return 0;
}

static int yields(void *arg)
{
	int r = coro_task_yield();
	return r < 0 ? r : 4;
}

static void nothing(void *arg)
{
}

/* In a child: ends it with the line of a condition that does not hold. */
#define expect(so)                       \
	do {                             \
		if (!(so))               \
			_exit(__LINE__); \
	} while (0)

#define ck_assert_well(child)                                                                     \
	ck_assert_msg(WIFEXITED((child).status) && WEXITSTATUS((child).status) == 0,              \
		      "status %#x, or line %d modulo 256; it said: %s", (unsigned)(child).status, \
		      WEXITSTATUS((child).status), (child).said)

/* ---- outside of its run ---- */

static int uses_parents_loop(void *arg)
{
	struct coro_future *future = arg;
	struct coro_remote *remote;
	expect(coro_call_soon(loop, nothing, NULL, NULL) == -EOWNERDEAD);
	expect(coro_call_soon_threadsafe(loop, nothing, NULL) == -EOWNERDEAD);
	expect(coro_call_later(loop, 1, nothing, NULL, NULL) == -EOWNERDEAD);
	expect(coro_spawn_threadsafe(loop, ok, NULL, &remote) == -EOWNERDEAD);
	expect(coro_loop_hold(loop) == -EOWNERDEAD);
	expect(coro_loop_spawn(loop, NULL, ok, NULL, NULL) == -EOWNERDEAD);
	expect(coro_run_forever(loop) == -EOWNERDEAD);
	expect(coro_run_until_complete(loop, future, NULL) == -EOWNERDEAD);
	expect(coro_loop_stop(loop) == -EOWNERDEAD);
	return 0;
}

START_TEST(in_the_child_the_parents_loop_is_refused)
{
	struct coro_future *task = start(yields, NULL);
	struct child child = child_run(uses_parents_loop, task);
	ck_assert_well(child);
	run();
	assert_ended(task, 4);
}
END_TEST

static int closes_and_runs_own(void *arg)
{
	expect(coro_loop_close(loop) == 0);
	expect(coro_run(yields, NULL) == 4);
	expect(coro_loop_create(NULL, &loop) == 0);
	expect(coro_loop_spawn(loop, NULL, yields, NULL, NULL) == 0);
	expect(coro_run_forever(loop) == -EDEADLK);
	expect(coro_loop_close(loop) == 0);
	return 0;
}

START_TEST(the_child_may_close_its_copy_and_run_loops_of_its_own)
{
	struct coro_future *task = start(yields, NULL);
	struct child child = child_run(closes_and_runs_own, NULL);
	ck_assert_well(child);
	run();
	assert_ended(task, 4);
}
END_TEST

static void stop(void *arg)
{
	coro_loop_stop(loop);
}

static void *wakes_it(void *arg)
{
	while (!__atomic_load_n(&sched_of(loop)->inbox.waiting, __ATOMIC_SEQ_CST))
		sched_yield();
	must(coro_call_soon_threadsafe(loop, stop, NULL) == 0);
	return NULL;
}

static void sleep_and_be_woken(void)
{
	pthread_t thread;
	ck_assert_int_eq(coro_loop_hold(loop), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, wakes_it, NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	coro_loop_release(loop);
}

START_TEST(the_childs_copy_does_not_disturb_the_parents_sleep)
{
	sleep_and_be_woken();
	struct child child = child_run(closes_and_runs_own, NULL);
	ck_assert_well(child);
	sleep_and_be_woken();
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
}
END_TEST

/* ---- in its run ---- */

static int is_in_no_loop(void *arg)
{
	void *item;
	expect(!coro_running_loop());
	expect(!coro_current_task());
	expect(coro_sleep(1) == -EPERM);
	expect(coro_task_yield() == -EPERM);
	expect(coro_spawn(ok, NULL, NULL) == -EPERM);
	expect(coro_await(arg, &item) == -EPERM);
	expect(coro_loop_close(loop) == -EBUSY);
	expect(coro_run(yields, NULL) == 4);
	expect(!coro_running_loop());
	return 0;
}

static struct child forked;

static int forks(void *future)
{
	forked = child_run(is_in_no_loop, future);
	return coro_task_yield();
}

START_TEST(a_task_that_forks_goes_on_in_the_child_without_a_loop)
{
	struct coro_future *other = spawn(yields, NULL);
	ck_assert_int_eq(result_of(forks, other), 0);
	ck_assert_well(forked);
	run();
	assert_ended(other, 4);
}
END_TEST

static void fork_in_callback(void *arg)
{
	forked = child_run(is_in_no_loop, arg);
}

START_TEST(a_callback_that_forks_is_in_no_loop_in_the_child)
{
	struct coro_future *other = spawn(yields, NULL);
	call_outside_tasks(fork_in_callback, other);
	ck_assert_well(forked);
	run();
	assert_ended(other, 4);
}
END_TEST

/* These come back in the child, on stacks that ThreadSanitizer takes for other threads there. */
static pid_t pid;

#define skip_where_threads_are_watched()                           \
	do {                                                       \
		if (SANITIZE_THREAD)                               \
			skip_test("ThreadSanitizer in the child"); \
	} while (0)

static int comes_back(void *arg)
{
	pid = fork();
	return pid < 0 ? -errno : pid == 0 ? 5 : 6;
}

static void comes_back_from_callback(void *arg)
{
	pid = fork();
}

static int must_not_run(void *arg)
{
	if (pid == 0)
		_exit(1);
	return 0;
}

static void must_not_be_called(void *arg)
{
	must_not_run(NULL);
}

/* Ends the child, which has got r; the parent waits for it. */
static void part(bool as_expected)
{
	int status;
	if (pid == 0)
		_exit(!as_expected);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(a_task_that_forked_ends_the_run_in_the_child)
{
	skip_where_threads_are_watched();
	struct coro_future *other = spawn(yields, NULL);
	pid = 1;
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, comes_back, NULL, NULL), 0);
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, must_not_run, NULL, NULL), 0);
	int r = coro_run_until_complete(loop, other, NULL);
	part(r == -EOWNERDEAD && coro_loop_close(loop) == 0);
	assert_ended(other, 4);
	ck_assert_int_eq(r, 4);
}
END_TEST

START_TEST(a_callback_that_forked_ends_the_run_in_the_child)
{
	pid = 1;
	ck_assert_int_eq(coro_call_soon(loop, comes_back_from_callback, NULL, NULL), 0);
	ck_assert_int_eq(coro_call_soon(loop, must_not_be_called, NULL, NULL), 0);
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, must_not_run, NULL, NULL), 0);
	int r = coro_run_forever(loop);
	part(r == -EOWNERDEAD);
	ck_assert_int_eq(r, -EDEADLK);
}
END_TEST

static void *sends_two(void *arg)
{
	must(coro_call_soon_threadsafe(loop, comes_back_from_callback, NULL) == 0);
	must(coro_call_soon_threadsafe(loop, must_not_be_called, NULL) == 0);
	return NULL;
}

START_TEST(a_call_from_a_thread_that_forks_is_the_last_in_the_child)
{
	pid = 1;
	in_thread(sends_two, NULL);
	int r = coro_run_forever(loop);
	part(r == -EOWNERDEAD && coro_loop_close(loop) == 0);
	ck_assert_int_eq(r, -EDEADLK);
}
END_TEST

static int spawns_and_forks(void *arg)
{
	int r = coro_spawn(must_not_run, NULL, NULL);
	return r < 0 ? r : comes_back(NULL);
}

START_TEST(a_main_task_that_forked_ends_coro_run_in_the_child_too)
{
	skip_where_threads_are_watched();
	pid = 1;
	int r = coro_run(spawns_and_forks, NULL);
	part(r == 5);
	ck_assert_int_eq(r, 6);
}
END_TEST

static int comes_back_as_other(void *arg)
{
	int r = coro_spawn(comes_back, NULL, NULL);
	if (r == 0)
		r = coro_task_yield();
	return r < 0 ? r : coro_task_yield();
}

START_TEST(coro_run_fails_in_the_child_if_another_task_forked)
{
	skip_where_threads_are_watched();
	pid = 1;
	int r = coro_run(comes_back_as_other, NULL);
	part(r == -EOWNERDEAD);
	ck_assert_int_eq(r, 0);
}
END_TEST

/* ---- threads ---- */

struct things {
	struct coro_executor *pool;
	struct coro_thread_queue *queue;
	struct coro_remote *remote;
	struct coro_future *future;
};

static int uses_executor(void *pool)
{
	return coro_executor_run(pool, ok, NULL);
}

static int uses_things(void *arg)
{
	struct things *things = arg;
	struct coro_executor *own;
	void *item;
	may_leak();
	expect(coro_executor_shutdown(things->pool, false) == -EOWNERDEAD);
	expect(coro_run(uses_executor, things->pool) == -EOWNERDEAD);
	expect(coro_thread_queue_put(things->queue, NULL) == -EOWNERDEAD);
	expect(coro_thread_queue_try_put(things->queue, NULL) == -EOWNERDEAD);
	expect(coro_thread_queue_get(things->queue, &item) == -EOWNERDEAD);
	expect(coro_thread_queue_try_get(things->queue, &item) == -EOWNERDEAD);
	expect(coro_thread_queue_close(things->queue) == -EOWNERDEAD);
	expect(coro_remote_result(things->remote, 0, NULL) == -EOWNERDEAD);
	expect(coro_remote_cancel(things->remote) == -EOWNERDEAD);
	expect(!coro_remote_done(things->remote));
	/* With tasks in it that wait for threads which are not here. */
	expect(coro_loop_close(loop) == 0);
	coro_future_unref(things->future);
	expect(coro_executor_destroy(things->pool) == 0);
	expect(coro_thread_queue_destroy(things->queue) == 0);
	/* ThreadSanitizer lets no thread be made after such a fork. */
	if (SANITIZE_THREAD)
		return 0;
	expect(coro_executor_create(NULL, &own) == 0);
	expect(coro_run(uses_executor, own) == 0);
	expect(coro_executor_destroy(own) == 0);
	expect(coro_run(uses_executor, NULL) == 0);
	return 0;
}

static struct coro_executor *pool;

static int in_pool(void *gate)
{
	return coro_executor_run(pool, passes, gate);
}

static int submits(void *arg)
{
	struct coro_future **futures = arg;
	static struct gate open = GATE;
	gate_open(&open);
	return coro_executor_submit(pool, passes, &open, NULL, &futures[0]);
}

START_TEST(threads_and_what_they_share_are_the_parents)
{
	struct gate gate = GATE;
	struct coro_executor_options options = {.max_threads = 1};
	struct things things;
	struct coro_future *tasks[2];
	ck_assert_int_eq(coro_executor_create(&options, &pool), 0);
	things.pool = pool;
	ck_assert_int_eq(coro_thread_queue_create(1, &things.queue), 0);
	ck_assert_int_eq(coro_spawn_threadsafe(loop, yields, NULL, &things.remote), 0);
	for (int i = 0; i < 2; i++) /* one runs, the other is queued */
		tasks[i] = start(in_pool, &gate);
	gate_await(&gate, 1);
	ck_assert_int_eq(result_of(submits, &things.future), 0);
	struct child child = child_run(uses_things, &things);
	ck_assert_well(child);
	gate_open(&gate);
	run();
	for (int i = 0; i < 2; i++)
		assert_ended(tasks[i], 7);
	assert_ended(things.future, 7);
	ck_assert_int_eq(coro_remote_result(things.remote, 0, NULL), 4);
	coro_remote_unref(things.remote);
	ck_assert_int_eq(coro_thread_queue_destroy(things.queue), 0);
	ck_assert_int_eq(coro_executor_destroy(pool), 0);
}
END_TEST

static int forks_in_thread(void *arg)
{
	forked = child_run(ok, arg);
	return 0;
}

static int forks_in_executor(void *arg)
{
	return coro_to_thread(forks_in_thread, NULL);
}

START_TEST(a_thread_of_an_executor_may_fork)
{
	ck_assert_int_eq(result_of(forks_in_executor, NULL), 0);
	ck_assert_well(forked);
}
END_TEST

/* ---- fds ---- */

static int pair[2];

/* Like calls that make an fd: it is closed if the task is discarded. */
static int holds_and_reads(void *arg)
{
	struct scoped_fd held;
	char word[8];
	scoped_fd_begin(&held, pair[0]);
	ssize_t n = coro_readable(held.fd);
	if (n == 0)
		n = coro_read(held.fd, word, sizeof(word));
	scoped_fd_close(&held);
	return (int)n;
}

START_TEST(the_childs_close_leaves_the_parents_waits_alone)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct coro_future *task = start(holds_and_reads, NULL);
	turn();
	struct child child = child_run(closes_and_runs_own, NULL);
	ck_assert_well(child);
	ck_assert_int_eq(write(pair[1], "word", 4), 4);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 4);
	coro_future_unref(task);
	close(pair[1]);
}
END_TEST

#if GLIBC_FROM(2, 34)
static int reads_its_own(void *arg)
{
	int ends[2];
	char byte;
	expect(pipe(ends) == 0);
	expect(coro_sleep(1) == 0);
	expect(coro_write(ends[1], "x", 1) == 1);
	expect(coro_read(ends[0], &byte, 1) == 1);
	expect(coro_fd_close(ends[0]) == 0 && coro_fd_close(ends[1]) == 0);
	return 5;
}

static int forks_unseen(void *closes_first)
{
	char byte;
	int status;
	pid_t child = _Fork();
	if (child == 0) {
		if (closes_first)
			expect(coro_fd_close(pair[0]) == 0);
		expect(coro_run(reads_its_own, NULL) == 5);
		if (closes_first)
			expect(coro_read(pair[0], &byte, 1) == -EBADF);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* pthread_atfork's handlers are not called. */
START_TEST(a_child_of_the_bare_call_does_not_either)
{
	skip_where_threads_are_watched();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct coro_future *task = start(holds_and_reads, NULL);
	turn();
	ck_assert_int_eq(result_of(forks_unseen, _i ? "closes" : NULL), 0);
	ck_assert_int_eq(write(pair[1], "word", 4), 4);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 4);
	coro_future_unref(task);
	close(pair[1]);
}
END_TEST

static struct {
	struct coro_process *process;
	struct coro_thread_queue *queue;
	struct coro_executor *executor;
	char address[64];
	int listening;
} parents;

static int has_much(void *arg)
{
	char *argv[] = {(char *)"sleep", (char *)"1000", NULL};
	snprintf(parents.address, sizeof(parents.address), "unix:/tmp/coro-fork-%d", (int)getpid());
	expect(coro_listen(parents.address, NULL, &parents.listening) == 0);
	expect(coro_thread_queue_create(1, &parents.queue) == 0);
	expect(coro_executor_create(NULL, &parents.executor) == 0);
	return coro_process_spawn(argv, NULL, &parents.process);
}

/* Each is the first call in a child whose pthread_atfork handlers did not run. */
static int calls_in_child(int which)
{
	switch (which) {
	case 0:
		return coro_process_kill(parents.process) == -EPERM;
	case 1:
		return coro_thread_queue_put(parents.queue, NULL) == -EOWNERDEAD;
	case 2:
		return coro_executor_shutdown(parents.executor, true) == -EOWNERDEAD;
	default:
		return coro_loop_close(loop) == 0;
	}
}

static int ends_all(void *arg)
{
	struct stat status;
	expect(coro_process_code(parents.process, NULL) == -EAGAIN);
	expect(stat(parents.address + strlen("unix:"), &status) == 0);
	expect(coro_fd_close(parents.listening) == 0);
	expect(coro_thread_queue_destroy(parents.queue) == 0);
	expect(coro_executor_destroy(parents.executor) == 0);
	expect(coro_process_kill(parents.process) == 0);
	int r = coro_process_wait(parents.process, NULL);
	coro_process_destroy(parents.process);
	return r;
}

START_TEST(what_is_the_parents_is_not_its_unseen_childs)
{
	skip_where_threads_are_watched();
	ck_assert_int_eq(result_of(has_much, NULL), 0);
	int status;
	pid_t child = _Fork();
	if (child == 0)
		_exit(calls_in_child(_i) ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_int_eq(result_of(ends_all, NULL), 0);
}
END_TEST
#endif

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, threads_setup, threads_teardown);
	tcase_add_test(tests, in_the_child_the_parents_loop_is_refused);
	tcase_add_test(tests, the_child_may_close_its_copy_and_run_loops_of_its_own);
	tcase_add_test(tests, the_childs_copy_does_not_disturb_the_parents_sleep);
	tcase_add_test(tests, a_task_that_forks_goes_on_in_the_child_without_a_loop);
	tcase_add_test(tests, a_callback_that_forks_is_in_no_loop_in_the_child);
	tcase_add_test(tests, a_task_that_forked_ends_the_run_in_the_child);
	tcase_add_test(tests, a_callback_that_forked_ends_the_run_in_the_child);
	tcase_add_test(tests, a_call_from_a_thread_that_forks_is_the_last_in_the_child);
	tcase_add_test(tests, a_main_task_that_forked_ends_coro_run_in_the_child_too);
	tcase_add_test(tests, coro_run_fails_in_the_child_if_another_task_forked);
	tcase_add_test(tests, threads_and_what_they_share_are_the_parents);
	tcase_add_test(tests, a_thread_of_an_executor_may_fork);
	tcase_add_test(tests, the_childs_close_leaves_the_parents_waits_alone);
#if GLIBC_FROM(2, 34)
	tcase_add_loop_test(tests, a_child_of_the_bare_call_does_not_either, 0, 2);
	tcase_add_loop_test(tests, what_is_the_parents_is_not_its_unseen_childs, 0, 4);
#endif
}

TEST_MAIN("fork", add_tests)
