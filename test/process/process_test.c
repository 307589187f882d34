/* SPDX-License-Identifier: MIT */
/* Children: their ends, and those that are given back or discarded before. */
#include "process/programs.h"

#include "base/system.h"

/* ---- ends ---- */

TASK_TEST(its_code_tells_how_it_ended)
{
	ck_assert_int_eq(end_of(sh("exit 0", NULL)), 0);
	ck_assert_int_eq(end_of(sh("exit 7", NULL)), 7);
	ck_assert_int_eq(end_of(sh("exit 255", NULL)), 255);
	ck_assert_int_eq(end_of(sh("kill -TERM $$", NULL)), -SIGTERM);
	ck_assert_int_eq(end_of(sh("ulimit -c 0; kill -ABRT $$", NULL)), -SIGABRT);
	return 0;
}

TASK_TEST(its_code_can_be_asked_for_without_waiting)
{
	struct coro_process *process = waits_for_eof(0);
	int code = -1;
	ck_assert_int_eq(coro_process_code(process, &code), -EAGAIN);
	ck_assert_int_eq(code, -1);
	ck_assert_int_eq(coro_process_close_stdin(process), 0);
	ck_assert_int_eq(coro_process_close_stdin(process), -EBADF);
	ck_assert_int_eq(coro_process_wait(process, NULL), 0);
	ck_assert_int_eq(coro_process_code(process, &code), 0);
	ck_assert_int_eq(code, 3);
	ck_assert_int_eq(end_of(process), 3);
	return 0;
}

static int waits_for_shared(void *name)
{
	int code = 0, r = coro_process_wait(shared, &code);
	trace("%s:%d", (char *)name, r < 0 ? r : code);
	return r;
}

TASK_TEST(several_tasks_may_wait_for_it)
{
	struct coro_future *a, *b, *c;
	shared = waits_for_eof(0);
	coro_spawn(waits_for_shared, "a", &a);
	coro_spawn(waits_for_shared, "b", &b);
	coro_spawn(waits_for_shared, "c", &c);
	coro_task_yield();
	ck_assert_int_eq(coro_process_destroy(shared), -EBUSY);
	coro_cancel(b);
	coro_task_yield();
	coro_process_close_stdin(shared);
	coro_await(a, NULL);
	coro_await(c, NULL);
	ck_assert_trace("b:-" NUMBER(ECANCELED) " a:3 c:3");
	coro_future_unref(a);
	coro_future_unref(b);
	coro_future_unref(c);
	ck_assert_int_eq(end_of(shared), 3);
	return 0;
}

TASK_TEST(a_timeout_leaves_it_running)
{
	struct coro_process *process = waits_for_eof(0);
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_MSEC);
	int r = coro_timeout_end(&timeout, coro_process_wait(process, NULL));
	ck_assert_int_eq(r, -ETIMEDOUT);
	ck_assert_int_eq(coro_process_code(process, NULL), -EAGAIN);
	ck_assert_int_eq(coro_process_kill(process), 0);
	ck_assert_int_eq(end_of(process), -SIGKILL);
	return 0;
}

TASK_TEST(it_gets_signals_until_its_end)
{
	struct coro_process *process = waits_for_eof(0);
	ck_assert_int_eq(coro_process_send_signal(process, 0), 0);
	ck_assert_int_eq(coro_process_send_signal(process, 4711), -EINVAL);
	ck_assert_int_eq(kill(coro_process_pid(process), 0), 0);
	ck_assert_int_eq(coro_process_terminate(process), 0);
	ck_assert_int_eq(coro_process_wait(process, NULL), 0);
	ck_assert_int_eq(coro_process_send_signal(process, 0), -ESRCH);
	ck_assert_int_eq(coro_process_kill(process), -ESRCH);
	ck_assert_int_eq(end_of(process), -SIGTERM);
	return 0;
}

TASK_TEST(others_may_have_reaped_it)
{
	struct coro_process *process;
	signal(SIGCHLD, SIG_IGN);
	process = sh("exit 4", NULL);
	ck_assert_int_eq(coro_process_wait(process, NULL), -ECHILD);
	ck_assert_int_eq(coro_process_code(process, NULL), -ECHILD);
	ck_assert_int_eq(coro_process_destroy(process), 0);
	signal(SIGCHLD, SIG_DFL);
	return 0;
}

static void reaps_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* Its number may be another's then. */
TASK_TEST(others_may_have_reaped_it_before_it_is_watched)
{
	static const char *const calls[] = {"pidfd_open", "waitid"};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		precede_call(calls[i], reaps_all);
		struct coro_process *process = sh("exit 4", NULL);
		ck_assert_int_eq(coro_process_wait(process, NULL), -ECHILD);
		ck_assert_int_eq(coro_process_kill(process), -ESRCH);
		ck_assert_int_eq(coro_process_destroy(process), 0);
	}
	return 0;
}

enum { CROWD = 40 };

TASK_TEST(many_run_at_once)
{
	struct coro_process *processes[CROWD];
	for (int i = 0; i < many(CROWD, 8); i++) {
		char script[16];
		snprintf(script, sizeof(script), "exit %d", i);
		processes[i] = sh(script, NULL);
	}
	for (int i = 0; i < many(CROWD, 8); i++)
		ck_assert_int_eq(end_of(processes[i]), i);
	return 0;
}

/* ---- given back, thrown away ---- */

static int destroys_while_it_runs(void *fds)
{
	const int *fd = fds;
	struct coro_process_options options = {.in = fd[0], .out = fd[1]};
	struct coro_process *process = sh("read x; echo $x $x", &options);
	ck_assert_int_eq(coro_process_destroy(process), 0);
	return 0;
}

START_TEST(one_destroyed_while_it_runs_goes_on_and_is_reaped)
{
	struct pair in = make_pair(PIPE), out = make_pair(PIPE);
	int fds[] = {in.from, out.to};
	watch_by(_i);
	fcntl(in.to, F_SETFD, FD_CLOEXEC);
	ck_assert_int_eq(result_of(destroys_while_it_runs, fds), 0);
	put(in.to, "ha\n");
	run(); /* to its end: the child is something to wait for */
	expect(out.from, "ha ha\n");
	close_pair(in);
	close_pair(out);
}
END_TEST

static int count_open(void)
{
	int count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int keeps_one(void *flags)
{
	shared = waits_for_eof(*(unsigned *)flags);
	return 0;
}

START_TEST(closing_the_loop_kills_what_still_runs)
{
	int code = 0;
	unsigned flags = 0;
	watch_by(_i);
	result_of(keeps_one, &flags);
	coro_process_destroy(shared);
	result_of(keeps_one, &flags);
	loop_teardown();
	int before = 0;
	for (int fd = 0; fd < FDS; fd++)
		before += fds_before[fd];
	ck_assert_int_eq(count_open(), before + 1); /* the pipe, and not the pidfd */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(coro_process_code(shared, &code), 0);
	ck_assert_int_eq(code, -SIGKILL);
	ck_assert_int_eq(coro_process_kill(shared), -ESRCH);
	ck_assert_int_eq(coro_process_destroy(shared), 0);
	loop_setup();
}
END_TEST

static int ends_by_itself(void *arg)
{
	struct coro_process *process = sh("exit 0", NULL);
	siginfo_t info;
	while (waitid(P_PID, (id_t)coro_process_pid(process), &info, WEXITED | WNOWAIT) < 0)
		ck_assert_int_eq(errno, EINTR);
	ck_assert_int_eq(coro_process_destroy(process), 0);
	return 0;
}

/* The end has come, by a pidfd or from a thread, and the loop has not seen it. */
START_TEST(closing_the_loop_drops_an_end_that_has_come)
{
	int threads = threads_now();
#ifdef M_PERTURB
	mallopt(M_PERTURB, 0x5a); /* what is free is not used */
#endif
	watch_by(_i);
	ck_assert_int_eq(result_of(ends_by_itself, NULL), 0);
	await_threads(threads);
	loop_teardown();
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	loop_setup();
}
END_TEST

START_TEST(one_that_may_outlive_the_loop_is_left_alone)
{
	int status = 0;
	unsigned flags = CORO_PROCESS_OUTLIVE;
	watch_by(_i);
	result_of(keeps_one, &flags);
	pid_t pid = coro_process_pid(shared);
	loop_teardown();
	ck_assert_int_eq(coro_process_code(shared, NULL), -ECHILD);
	ck_assert_int_eq(coro_process_kill(shared), -ESRCH);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	ck_assert_int_eq(coro_process_destroy(shared), 0); /* which ends its input */
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	loop_setup();
}
END_TEST

/* One that has become another user's may refuse the signal, and is not waited for. */
START_TEST(one_that_cannot_be_killed_is_left_alone)
{
	unsigned flags = 0;
	watch_by(BY_THREAD);
	result_of(keeps_one, &flags);
	pid_t pid = coro_process_pid(shared);
	fail_call("kill", 1, EPERM);
	loop_teardown();
	ck_assert(fail_call_off());
	ck_assert_int_eq(coro_process_code(shared, NULL), -ECHILD);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	ck_assert_int_eq(coro_process_destroy(shared), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	loop_setup();
}
END_TEST

static int waits_for_own(void *arg)
{
	shared = waits_for_eof(0);
	return coro_process_wait(shared, NULL);
}

START_TEST(a_task_that_waits_may_be_discarded)
{
	int code;
	watch_by(_i);
	struct coro_future *task = spawn(waits_for_own, NULL);
	while (!shared)
		turn();
	turn();
	coro_future_unref(task);
	loop_teardown();
	ck_assert_int_eq(coro_process_code(shared, &code), 0);
	ck_assert_int_eq(code, -SIGKILL);
	ck_assert_int_eq(coro_process_destroy(shared), 0);
	loop_setup();
}
END_TEST

static int closes_parents_loop(void *arg)
{
	if (coro_process_kill(shared) != -EPERM)
		return 2;
	if (coro_loop_close(loop) < 0)
		return 3;
	if (coro_process_code(shared, NULL) != -ECHILD)
		return 4;
	return coro_process_destroy(shared) < 0 ? 5 : 0;
}

static int ends_shared(void *arg)
{
	coro_process_close_stdin(shared);
	return end_of(shared);
}

START_TEST(a_child_made_by_fork_leaves_its_parents_processes_alone)
{
	unsigned flags = 0;
	watch_by(_i);
	result_of(keeps_one, &flags);
	struct child child = child_run(closes_parents_loop, NULL);
	ck_assert_exited(child, 0);
	ck_assert_int_eq(result_of(ends_shared, NULL), 3);
}
END_TEST

/* ---- the outside counts ---- */

static int waits_and_says(void *arg)
{
	struct coro_process *process = sh("exit 5", NULL);
	trace("%d", end_of(process));
	return 0;
}

START_TEST(virtual_time_waits_for_a_process)
{
	loop_teardown();
	loop_setup();
	watch_by(_i);
	at(3600 * CORO_SEC, says_it, "later");
	result_of(waits_and_says, NULL);
	run();
	ck_assert_trace("5 later");
}
END_TEST

/* ---- failures ---- */

static struct rlimit fd_limit;

/* All that can fail, in turn: 0, or what failed. */
static int talks(void *arg)
{
	char *argv[] = {(char *)"cat", NULL};
	struct coro_process_options options = {
		.in = CORO_PIPE, .out = CORO_PIPE, .err = CORO_PIPE, .cwd = "/"};
	struct coro_process *process;
	struct coro_bytes out;
	int code, r = coro_process_spawn(argv, &options, &process);
	if (r < 0)
		return r;
	r = coro_process_communicate(process, "hello", 5, 0, &out, NULL);
	if (r == 0) {
		bool well = out.length == 5 && memcmp(out.bytes, "hello", 5) == 0;
		free(out.bytes);
		if (!well)
			r = -EILSEQ;
	} else {
		coro_process_kill(process);
		if (coro_process_wait(process, &code) == -ECANCELED)
			r = -EILSEQ;
	}
	coro_process_destroy(process);
	return r;
}

START_TEST(each_allocation_may_fail)
{
	fail_each_allocation(talks);
}
END_TEST

/* EINTR is no failure; ENOMEM is an error, unless the call can do without. */
START_TEST(each_system_call_may_fail)
{
	static const char *const names[] = {"pipe2",          "fcntl",      "dup2", "chdir",
					    "execve",         "pidfd_open", "read", "epoll_ctl",
					    "pthread_create", "syscall",    "poll"};
	int errors[] = {ENOMEM, EINTR};
	ck_assert_int_eq(result_of(talks, NULL), 0); /* from now on the loop has its own fds */
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		for (int e = 0; e < 2; e++) {
			bool failed = true;
			if (errors[e] == EINTR && strcmp(names[i], "read") != 0)
				continue;
			for (unsigned long n = 1; failed && n < 40; n++) {
				int before = count_open();
				fail_call(names[i], n, errors[e]);
				int r = result_of(talks, NULL);
				/* In a sanitizer's child, which is a real copy, we do not see it. */
				failed = fail_call_off() || r < 0;
				ck_assert_msg(r == 0 || (r == -ENOMEM && errors[e] == ENOMEM),
					      "%s %lu: %s", names[i], n, coro_strerror(r));
				ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
				ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
				ck_assert_int_eq(count_open(), before);
			}
			ck_assert(!failed);
		}
	}
}
END_TEST

START_TEST(without_a_pidfd_a_thread_does_it)
{
	unsigned flags = 0;
	fail_calls_from("pidfd_open", 1, EMFILE);
	ck_assert_int_eq(result_of(keeps_one, &flags), 0);
	ck_assert_int_eq(result_of(ends_shared, NULL), 3);
	fail_call_off();
	fail_calls_from("epoll_ctl", 1, ENOSPC);
	ck_assert_int_eq(result_of(keeps_one, &flags), 0);
	fail_call_off();
	ck_assert_int_eq(result_of(ends_shared, NULL), 3);
}
END_TEST

/* From now on there are no more fds. */
static void use_up_fds(void)
{
	int next = dup(0);
	close(next);
	ck_assert_int_eq(
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next, fd_limit.rlim_max}), 0);
}

START_TEST(thread_that_waits_may_be_interrupted)
{
	unsigned flags = 0;
	getrlimit(RLIMIT_NOFILE, &fd_limit);
	precede_call("pidfd_open", use_up_fds);
	fail_call("waitid", 1, EINTR);
	fail_calls_everywhere();
	ck_assert_int_eq(result_of(keeps_one, &flags), 0);
	setrlimit(RLIMIT_NOFILE, &fd_limit);
	/* It waits again, and the loop goes on meanwhile. */
	while (calls_of("waitid") < 2)
		turn();
	ck_assert_int_eq(result_of(ends_shared, NULL), 3);
	ck_assert(fail_call_off());
}
END_TEST

/* Others may reap it, and then its number may be another's: the pidfd is that one's. */
START_TEST(pidfd_that_may_be_anothers_is_not_used)
{
	unsigned flags = 0;
	int pidfd = system_pidfd_open(getpid());
	if (pidfd < 0)
		skip_test("no pidfds here"); /* valgrinds of some age do not know them */
	close(pidfd);
	fail_call("waitid", 1, ECHILD);
	ck_assert_int_eq(result_of(keeps_one, &flags), 0);
	ck_assert(fail_call_off());
	ck_assert_int_eq(result_of(ends_shared, NULL), 3);
}
END_TEST

struct spawning {
	unsigned long n; /* from that call on all fail */
	bool failed;
};

static int sleeps_for_long(void *arg)
{
	struct spawning *spawning = arg;
	char *argv[] = {(char *)"sleep", (char *)"1000", NULL};
	struct coro_process *process;
	fail_calls_from(NULL, spawning->n, EAGAIN);
	spare_call("kill"); /* of a child of ours it does not fail */
	int r = coro_process_spawn(argv, NULL, &process);
	spawning->failed = fail_call_off();
	if (r < 0)
		return r;
	coro_process_kill(process);
	r = coro_process_wait(process, NULL);
	coro_process_destroy(process);
	return r;
}

/* Also if it can be neither watched nor reaped. */
START_TEST(a_child_does_not_run_on_where_spawning_it_fails)
{
	struct spawning spawning = {.n = 0, .failed = true};
	ck_assert_int_eq(result_of(sleeps_for_long, &spawning), 0);
	for (int r = -EAGAIN; spawning.failed || r < 0;) {
		int before = count_open();
		spawning.n++;
		r = result_of(sleeps_for_long, &spawning);
		ck_assert(r == 0 || r == -EAGAIN);
		while (waitpid(-1, NULL, 0) > 0)
			;
		ck_assert_int_eq(errno, ECHILD);
		ck_assert_int_eq(count_open(), before);
		ck_assert_uint_lt(spawning.n, 1000); /* each directory of PATH makes one more */
	}
}
END_TEST

static int reads_its_input(void *arg)
{
	struct spawning *spawning = arg;
	char *argv[] = {(char *)"cat", NULL};
	struct coro_process_options options = {.in = CORO_PIPE};
	struct coro_process *process;
	fail_calls_from(NULL, spawning->n, EPERM);
	spare_call("waitid");
	int r = coro_process_spawn(argv, &options, &process);
	spawning->failed = fail_call_off();
	if (r < 0)
		return r;
	coro_process_close_stdin(process);
	r = coro_process_wait(process, NULL);
	coro_process_destroy(process);
	return r;
}

/* Its pipes are closed, so that it ends by itself. */
START_TEST(a_failed_spawn_does_not_wait_for_an_unkillable_child)
{
	struct spawning spawning = {.n = 0, .failed = true};
	ck_assert_int_eq(result_of(reads_its_input, &spawning), 0);
	for (int r = -EPERM; spawning.failed || r < 0;) {
		int before = count_open();
		spawning.n++;
		r = result_of(reads_its_input, &spawning);
		ck_assert(r == 0 || r == -EPERM || r == -ENOENT);
		while (waitpid(-1, NULL, 0) > 0)
			;
		ck_assert_int_eq(errno, ECHILD);
		ck_assert_int_eq(count_open(), before);
		ck_assert_uint_lt(spawning.n, 1000); /* each directory of PATH makes one more */
	}
}
END_TEST

static int spawns_true(void *arg)
{
	struct coro_process *process;
	char *argv[] = {(char *)"true", NULL};
	int r = coro_process_spawn(argv, NULL, &process);
	return r < 0 ? r : end_of(process);
}

static int has_no_processes_left(void *arg)
{
	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 77;
	if (setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0}) < 0)
		return 77;
	return -coro_run(spawns_true, NULL);
}

START_TEST(when_there_can_be_no_more_processes_it_says_so)
{
	struct child child = child_run(has_no_processes_left, NULL);
	if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == 77)
		skip_test("cannot be another user");
	ck_assert_exited(child, EAGAIN);
}
END_TEST

TASK_TEST(waits_allocate_nothing)
{
	struct coro_process *process = waits_for_eof(0);
	int close_it = coro_process_take_pipe(process, 0);
	fail_nth(0);
	coro_fd_close(close_it);
	int r = coro_process_wait(process, NULL);
	fail_off();
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(fail_count(), 0);
	ck_assert_int_eq(end_of(process), 3);
	return 0;
}

/* In each thread. */
static int spawns_beside(unsigned i, void *arg)
{
	struct coro_process *process = sh("kill -TERM $$; exit 1", NULL);
	return end_of(process) == -SIGTERM ? 0 : -EIO;
}

START_TEST(loops_of_several_threads_have_children)
{
	ck_assert_int_eq(coro_run_threads(3, spawns_beside, NULL), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, process_setup, process_teardown);
	tcase_add_loop_test(tests, its_code_tells_how_it_ended, 0, WAYS);
	tcase_add_loop_test(tests, its_code_can_be_asked_for_without_waiting, 0, WAYS);
	tcase_add_loop_test(tests, several_tasks_may_wait_for_it, 0, WAYS);
	tcase_add_loop_test(tests, a_timeout_leaves_it_running, 0, WAYS);
	tcase_add_loop_test(tests, it_gets_signals_until_its_end, 0, WAYS);
	tcase_add_loop_test(tests, others_may_have_reaped_it, 0, WAYS);
	tcase_add_loop_test(tests, others_may_have_reaped_it_before_it_is_watched, 0, WAYS);
	tcase_add_loop_test(tests, many_run_at_once, 0, WAYS);
	tcase_add_loop_test(tests, one_destroyed_while_it_runs_goes_on_and_is_reaped, 0, WAYS);
	tcase_add_loop_test(tests, closing_the_loop_kills_what_still_runs, 0, WAYS);
	tcase_add_loop_test(tests, closing_the_loop_drops_an_end_that_has_come, 0, WAYS);
	tcase_add_test(tests, one_that_cannot_be_killed_is_left_alone);
	tcase_add_loop_test(tests, one_that_may_outlive_the_loop_is_left_alone, 0, WAYS);
	tcase_add_loop_test(tests, a_task_that_waits_may_be_discarded, 0, WAYS);
	tcase_add_loop_test(tests, a_child_made_by_fork_leaves_its_parents_processes_alone, 0,
			    WAYS);
	tcase_add_loop_test(tests, virtual_time_waits_for_a_process, 0, WAYS);
	tcase_add_test(tests, each_allocation_may_fail);
	tcase_add_test(tests, each_system_call_may_fail);
	tcase_add_test(tests, without_a_pidfd_a_thread_does_it);
	tcase_add_test(tests, thread_that_waits_may_be_interrupted);
	tcase_add_test(tests, pidfd_that_may_be_anothers_is_not_used);
	tcase_add_test(tests, a_child_does_not_run_on_where_spawning_it_fails);
	tcase_add_test(tests, a_failed_spawn_does_not_wait_for_an_unkillable_child);
	tcase_add_test(tests, when_there_can_be_no_more_processes_it_says_so);
	tcase_add_loop_test(tests, waits_allocate_nothing, 0, WAYS);
	tcase_add_test(tests, loops_of_several_threads_have_children);
}

TEST_MAIN("process", add_tests)
