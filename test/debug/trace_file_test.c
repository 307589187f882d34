/* SPDX-License-Identifier: MIT */
/* The file of a trace: several threads, errors of writing, ends of the process, forks. */
#include "loop/loop.h"

#include "trace_events.h"

#include "fail_call.h"
#include "threads.h"

#include <coro/trace.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/coro-trace-XXXXXX";
static char path[64], path_pattern[64];

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/trace.json", directory);
	snprintf(path_pattern, sizeof(path_pattern), "%s/%%p.json", directory);
	unsetenv("CORO_TRACE");
	threads_setup();
}

static void teardown(void)
{
	char command[96];
	threads_teardown();
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
	free(trace_text);
	trace_text = NULL;
}

static int yields(void *times)
{
	for (int i = 0; i < (int)(intptr_t)times; i++)
		coro_task_yield();
	return 0;
}

static struct coro_trace *open_trace(void)
{
	struct coro_trace *trace;
	ck_assert_int_eq(coro_trace_open(path, &trace), 0);
	return trace;
}

static void run_traced(struct coro_trace *trace, int times)
{
	ck_assert_int_eq(coro_loop_set_trace(loop, trace), 0);
	ck_assert_int_eq(result_of(yields, (void *)(intptr_t)times), 0);
}

/* ---- threads ---- */

enum { THREADS = 4, TIMES = 200 };

static int traces_and_yields(void *trace)
{
	int r = coro_loop_set_trace(coro_running_loop(), trace);
	return r < 0 ? r : yields((void *)(intptr_t)TIMES);
}

static void *runs_a_loop(void *trace)
{
	must(coro_run(traces_and_yields, trace) == 0);
	return NULL;
}

START_TEST(loops_of_several_threads_share_a_file)
{
	pthread_t threads[THREADS];
	int slices[THREADS + 1] = {0};
	struct coro_trace *trace = open_trace();
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, runs_a_loop, trace), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(coro_trace_close(trace), 0);
	read_trace(path);
	for (int i = 0; i < event_count; i++)
		if (events[i].phase == 'X' && strcmp(events[i].name, "task 1 main") == 0)
			slices[events[i].track]++;
	for (int i = 1; i <= THREADS; i++)
		ck_assert_int_eq(slices[i], TIMES);
	ck_assert_int_eq(count_events('M', "thread_name"), THREADS);
}
END_TEST

static bool stop;

static int traces_until_told(void *trace)
{
	int r = coro_loop_set_trace(coro_running_loop(), trace);
	while (r == 0 && !__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		r = coro_task_yield();
	for (int i = 0; i < 10 && r == 0; i++) /* the trace has ended */
		r = coro_task_yield();
	must(!sched_of(coro_running_loop())->step);
	return r;
}

static void *runs_until_told(void *trace)
{
	must(coro_run(traces_until_told, trace) == 0);
	return NULL;
}

START_TEST(a_trace_may_be_closed_while_loops_of_other_threads_write)
{
	pthread_t thread;
	struct stat status = {0};
	struct coro_trace *trace = open_trace();
	ck_assert_int_eq(pthread_create(&thread, NULL, runs_until_told, trace), 0);
	while (status.st_size == 0)
		ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_eq(coro_trace_close(trace), 0);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	free(trace_text);
	trace_text = text_of(path);
	const char *end = json_value(trace_text);
	ck_assert(end && *json_blank(end) == '\0');
}
END_TEST

/* ---- writing ---- */

START_TEST(a_long_trace_takes_little_memory)
{
	enum { MUCH = 10000 };
	struct coro_trace *trace = open_trace();
	run_traced(trace, 1);
	size_t before = allocated();
	run_traced(trace, MUCH);
	ck_assert_uint_le(allocated(), before + 4096);
	ck_assert_int_eq(coro_trace_close(trace), 0);
	struct stat status;
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_gt(status.st_size, 1 << 20);
	read_trace(path);
	ck_assert_int_gt(count_events('X', NULL), MUCH);
}
END_TEST

START_TEST(writes_may_be_short_and_interrupted)
{
	struct coro_trace *trace = open_trace();
	fail_call("write", 2, EINTR);
	shorten_transfers(1000);
	run_traced(trace, 1000);
	int r = coro_trace_close(trace);
	ck_assert(fail_call_off());
	ck_assert_int_eq(r, 0);
	read_trace(path);
	ck_assert_int_ge(count_events('X', "task 1"), 1000);
}
END_TEST

/* Not every file can be locked or cut. */
START_TEST(a_file_without_locks_is_written_all_the_same)
{
	fail_call(_i ? "flock" : "ftruncate", 1, EINVAL);
	struct coro_trace *trace = open_trace();
	ck_assert(fail_call_off());
	run_traced(trace, 1);
	ck_assert_int_eq(coro_trace_close(trace), 0);
	read_trace(path);
}
END_TEST

/* Up to the error it is a complete trace, whichever write it is that fails. */
START_TEST(an_error_of_writing_ends_the_trace)
{
	struct coro_trace *trace = open_trace();
	shorten_transfers(10000);
	fail_calls_from("write", (unsigned long)_i, EIO);
	run_traced(trace, 2000);
	fail_call_off();
	ck_assert_ptr_null(sched_of(loop)->step); /* the loop pays no more for it */
	ck_assert_int_eq(coro_trace_close(trace), -EIO);
	free(trace_text);
	trace_text = text_of(path);
	char *end = strrchr(trace_text, '\n');
	ck_assert(!*trace_text || (end && end[1] == '\0') ||
		  strchr("}", trace_text[strlen(trace_text) - 1]));
	if (*trace_text)
		read_lines(trace_text);
}
END_TEST

START_TEST(after_one_failure_the_file_is_cut_and_completed)
{
	struct coro_trace *trace = open_trace();
	shorten_transfers(10000);
	fail_call("write", 10, ENOSPC); /* in the second buffer */
	run_traced(trace, 2000);
	ck_assert(fail_call_off());
	ck_assert_int_eq(coro_trace_close(trace), -ENOSPC);
	read_trace(path);
	ck_assert_int_gt(count_events('X', NULL), 100);
}
END_TEST

START_TEST(a_file_of_which_nothing_was_written_is_empty)
{
	struct stat status;
	struct coro_trace *trace = open_trace();
	fail_call("write", 1, EIO);
	run_traced(trace, 1);
	int r = coro_trace_close(trace);
	fail_call_off();
	ck_assert_int_eq(r, -EIO);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_eq(status.st_size, 0);
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
}
END_TEST

static int sleeps_a_little(void *arg)
{
	int r = 0;
	for (int i = 0; i < 5 && r == 0; i++)
		r = coro_sleep(30 * CORO_MSEC);
	return r;
}

START_TEST(what_is_old_is_written_before_much_has_come)
{
	struct stat status;
	struct coro_trace *trace = open_trace();
	ck_assert_int_eq(coro_loop_set_trace(loop, trace), 0);
	ck_assert_int_eq(result_of(sleeps_a_little, NULL), 0);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_gt(status.st_size, 0);
	ck_assert_int_eq(coro_trace_close(trace), 0);
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
}
END_TEST

START_TEST(a_full_disk_is_an_error_of_close)
{
	struct coro_trace *trace;
	if (access("/dev/full", W_OK) < 0)
		skip_test("there is no /dev/full");
	ck_assert_int_eq(coro_trace_open("/dev/full", &trace), 0);
	run_traced(trace, 1);
	ck_assert_int_eq(coro_trace_close(trace), -ENOSPC);
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
}
END_TEST

START_TEST(a_pipe_without_a_reader_does_not_end_the_program)
{
	struct coro_trace *trace;
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	int reader = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_eq(coro_trace_open(path, &trace), 0);
	close(reader);
	run_traced(trace, 1);
	ck_assert_int_eq(coro_trace_close(trace), -EPIPE);
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
}
END_TEST

START_TEST(what_was_in_the_file_is_replaced)
{
	FILE *file = fopen(path, "w");
	for (int i = 0; i < 10000; i++)
		fputs("what was there before\n", file);
	fclose(file);
	struct coro_trace *trace = open_trace();
	run_traced(trace, 1);
	ck_assert_int_eq(coro_trace_close(trace), 0);
	read_trace(path);
}
END_TEST

/* The library's lines of what a child said: AddressSanitizer warns of the first switch. */
static const char *said_by(const struct child *child)
{
	static char said[sizeof(child->said)];
	said[0] = '\0';
	for (const char *line = child->said; *line; line += strcspn(line, "\n") + 1)
		if (strncmp(line, "coro:", 5) == 0)
			strncat(said, line, strcspn(line, "\n") + 1);
	return said;
}

/* ---- the environment, and ends of the process; each in a process of its own ---- */

static int runs(void *arg)
{
	return coro_run(yields, (void *)10);
}

static int runs_and_exits(void *arg)
{
	setenv("CORO_TRACE", path, 1);
	if (runs(NULL) < 0 || runs(NULL) < 0)
		return 1;
	exit(0);
}

START_TEST(the_environment_has_all_loops_traced)
{
	struct child child = child_run(runs_and_exits, NULL);
	ck_assert_int_eq(child.status, 0);
	ck_assert_str_eq(said_by(&child), "");
	read_trace(path);
	ck_assert_int_eq(count_events('X', "task 1 main"), 22);
	ck_assert_int_eq(count_events('M', "thread_name"), 2);
	ck_assert_uint_eq(events[0].pid, (unsigned)child.pid);
}
END_TEST

static int exits_within(void *arg)
{
	yields((void *)10);
	exit(0);
}

static int exits_in_a_task(void *arg)
{
	setenv("CORO_TRACE", path, 1);
	return coro_run(exits_within, NULL);
}

START_TEST(exit_within_a_task_completes_the_trace)
{
	struct child child = child_run(exits_in_a_task, NULL);
	ck_assert_int_eq(child.status, 0);
	read_trace(path);
	ck_assert_int_eq(count_events('X', "task 1 main"), 10); /* the last has not ended */
}
END_TEST

static void *runs_for_ever(void *arg)
{
	coro_run(yields, (void *)(intptr_t)INT32_MAX);
	return NULL;
}

static int exits_beside_a_loop(void *arg)
{
	pthread_t thread;
	struct stat status = {0};
	setenv("CORO_TRACE", path, 1);
	if (pthread_create(&thread, NULL, runs_for_ever, NULL) != 0)
		return 1;
	while (status.st_size == 0)
		stat(path, &status);
	exit(0);
}

START_TEST(exit_completes_the_trace_of_loops_that_run)
{
	if (SANITIZE_THREAD)
		skip_test("a thread that runs at exit is a leak");
	struct child child = child_run(exits_beside_a_loop, NULL);
	ck_assert_int_eq(child.status, 0);
	free(trace_text);
	trace_text = text_of(path);
	const char *end = json_value(trace_text);
	ck_assert(end && *json_blank(end) == '\0');
}
END_TEST

static int dies(void *arg)
{
	setenv("CORO_TRACE", path, 1);
	coro_run(yields, (void *)10000);
	_exit(3);
}

/* Chrome's and Perfetto's viewers read an array that does not end. */
START_TEST(a_process_that_dies_leaves_whole_lines)
{
	struct child child = child_run(dies, NULL);
	ck_assert_int_eq(WEXITSTATUS(child.status), 3);
	char *text = text_of(path);
	ck_assert_uint_gt(strlen(text), 65536);
	size_t length = strlen(text);
	free(trace_text);
	trace_text = malloc(length + 3);
	sprintf(trace_text, "%s\n]", text);
	free(text);
	const char *end = json_value(trace_text);
	ck_assert(end && *end == '\0');
}
END_TEST

static int runs_twice_in_vain(void *name)
{
	setenv("CORO_TRACE", name, 1);
	return runs(NULL) < 0 || runs(NULL) < 0;
}

START_TEST(a_path_that_cannot_be_written_is_reported_once)
{
	struct child child = child_run(runs_twice_in_vain, (void *)"/nowhere/trace");
	ck_assert_int_eq(child.status, 0);
	ck_assert_str_eq(said_by(&child),
			 "coro: CORO_TRACE=/nowhere/trace: No such file or directory\n");
}
END_TEST

static int runs_much_in_vain(void *name)
{
	setenv("CORO_TRACE", name, 1);
	return coro_run(yields, (void *)3000) < 0 || runs(NULL) < 0;
}

START_TEST(an_error_of_writing_is_reported_once)
{
	if (access("/dev/full", W_OK) < 0)
		skip_test("there is no /dev/full");
	struct child child = child_run(runs_much_in_vain, (void *)"/dev/full");
	ck_assert_int_eq(child.status, 0);
	ck_assert_str_eq(said_by(&child),
			 "coro: the trace /dev/full ends here: No space left on device\n");
}
END_TEST

START_TEST(no_name_is_no_trace)
{
	struct child child = child_run(runs_twice_in_vain, (void *)"");
	ck_assert_int_eq(child.status, 0);
	ck_assert_str_eq(said_by(&child), "");
}
END_TEST

static int made_without_memory(void *arg)
{
	struct coro_loop *made;
	setenv("CORO_TRACE", path, 1);
	for (unsigned long n = 1;; n++) {
		fail_nth(n);
		int r = coro_loop_create(NULL, &made);
		bool failed = fail_off();
		if (r < 0 && r != -ENOMEM)
			return 1;
		if (r == 0)
			coro_loop_close(made);
		if (!failed)
			return 0;
	}
}

START_TEST(a_loop_is_made_without_memory_for_a_trace)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct child child = child_run(made_without_memory, NULL);
	ck_assert_int_eq(child.status, 0);
}
END_TEST

/* ---- forks ---- */

static pid_t forked;

static int forks(void *arg)
{
	yields((void *)3);
	forked = fork();
	if (forked == 0) {
		if (coro_run(yields, (void *)500) < 0)
			exit(1);
		exit(0); /* with what the parent has not written yet */
	}
	waitpid(forked, NULL, 0);
	return yields((void *)3);
}

static int runs_and_forks(void *name)
{
	setenv("CORO_TRACE", name, 1);
	if (coro_run(forks, NULL) < 0)
		return 1;
	exit(0);
}

static int processes(void)
{
	int count = 0;
	for (int i = 0; i < event_count; i++)
		count += i == 0 || events[i].pid != events[i - 1].pid;
	return count;
}

START_TEST(a_child_writes_nothing_to_its_parents_trace)
{
	struct child child = child_run(runs_and_forks, path);
	ck_assert_int_eq(child.status, 0);
	ck_assert_str_eq(said_by(&child), "");
	read_trace(path);
	ck_assert_int_eq(processes(), 1);
	ck_assert_int_eq(count_events('X', "task 1 main"), 7);
}
END_TEST

START_TEST(a_child_has_a_trace_of_its_own_if_its_name_differs)
{
	char name[96], *text = NULL;
	int slices[2] = {0};
	struct child child = child_run(runs_and_forks, path_pattern);
	ck_assert_int_eq(child.status, 0);
	ck_assert_str_eq(said_by(&child), "");
	snprintf(name, sizeof(name), "%s/%d.json", directory, (int)child.pid);
	read_trace(name);
	slices[0] = count_events('X', "task 1 main");
	snprintf(name, sizeof(name), "ls %s | grep -v '^%d.json$'", directory, (int)child.pid);
	FILE *list = popen(name, "r");
	ck_assert_int_eq(fscanf(list, "%ms", &text), 1);
	pclose(list);
	snprintf(name, sizeof(name), "%s/%s", directory, text);
	free(text);
	read_trace(name);
	slices[1] = count_events('X', "task 1 main");
	ck_assert_int_eq(slices[0], 7);
	ck_assert_int_eq(slices[1], 501);
}
END_TEST

static int forks_within(void *arg)
{
	struct coro_trace *trace = arg;
	pid_t pid = fork();
	if (pid == 0)
		_exit(coro_trace_close(trace) == 0 && coro_loop_set_trace(loop, NULL) < 0 ? 0 : 1);
	int status;
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

START_TEST(a_child_may_close_its_copy_of_a_trace)
{
	struct coro_trace *trace = open_trace();
	ck_assert_int_eq(coro_loop_set_trace(loop, trace), 0);
	ck_assert_int_eq(result_of(forks_within, trace), 0);
	ck_assert_int_eq(coro_trace_close(trace), 0);
	read_trace(path);
	ck_assert_int_eq(count_events('X', "task 1"), 1);
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
}
END_TEST

/* More than the buffer holds. */
static int traces_much(void *trace)
{
	int r = coro_loop_set_trace(coro_running_loop(), trace);
	return r < 0 ? r : yields((void *)2000);
}

static int traces_in_a_child(void *arg)
{
	pid_t pid = fork();
	if (pid == 0) {
		int r = coro_run(traces_much, arg);
		_exit(r == 0 && coro_trace_close(arg) == 0 ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

START_TEST(a_child_writes_nothing_to_a_trace_that_it_inherits)
{
	struct coro_trace *trace = open_trace();
	ck_assert_int_eq(traces_in_a_child(trace), 0);
	run_traced(trace, 3);
	ck_assert_int_eq(coro_trace_close(trace), 0);
	read_trace(path);
	ck_assert_int_eq(processes(), 1);
	ck_assert_int_eq(count_events('X', "task 1"), 4);
	ck_assert_int_eq(count_events('X', "task 1 main"), 0);
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
}
END_TEST

static int returns_in_both(void *arg)
{
	pid_t pid = fork();
	if (pid > 0)
		waitpid(pid, arg, 0);
	return pid == 0;
}

/* The run ends in the child, and its copies of the loop and the trace are freed. */
START_TEST(a_child_may_return_from_the_run_that_was_traced)
{
	if (SANITIZE_THREAD)
		skip_test("ThreadSanitizer does not follow fibers into a child");
	struct coro_trace *trace = open_trace();
	int status = -1;
	pid_t self = getpid();
	ck_assert_int_eq(coro_loop_set_trace(loop, trace), 0);
	int r = result_of(returns_in_both, &status);
	if (getpid() != self) {
		coro_loop_close(loop);
		_exit(coro_trace_close(trace) == 0 ? 0 : 2);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(coro_trace_close(trace), 0);
	read_trace(path);
	ck_assert_int_eq(processes(), 1);
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, loops_of_several_threads_share_a_file);
	tcase_add_test(tests, a_trace_may_be_closed_while_loops_of_other_threads_write);
	tcase_add_test(tests, a_long_trace_takes_little_memory);
	tcase_add_test(tests, writes_may_be_short_and_interrupted);
	tcase_add_loop_test(tests, a_file_without_locks_is_written_all_the_same, 0, 2);
	tcase_add_loop_test(tests, an_error_of_writing_ends_the_trace, 1, 15);
	tcase_add_test(tests, after_one_failure_the_file_is_cut_and_completed);
	tcase_add_test(tests, a_file_of_which_nothing_was_written_is_empty);
	tcase_add_test(tests, what_is_old_is_written_before_much_has_come);
	tcase_add_test(tests, a_full_disk_is_an_error_of_close);
	tcase_add_test(tests, a_pipe_without_a_reader_does_not_end_the_program);
	tcase_add_test(tests, what_was_in_the_file_is_replaced);
	tcase_add_test(tests, the_environment_has_all_loops_traced);
	tcase_add_test(tests, exit_within_a_task_completes_the_trace);
	tcase_add_test(tests, exit_completes_the_trace_of_loops_that_run);
	tcase_add_test(tests, a_process_that_dies_leaves_whole_lines);
	tcase_add_test(tests, a_path_that_cannot_be_written_is_reported_once);
	tcase_add_test(tests, an_error_of_writing_is_reported_once);
	tcase_add_test(tests, no_name_is_no_trace);
	tcase_add_test(tests, a_loop_is_made_without_memory_for_a_trace);
	tcase_add_test(tests, a_child_writes_nothing_to_its_parents_trace);
	tcase_add_test(tests, a_child_has_a_trace_of_its_own_if_its_name_differs);
	tcase_add_test(tests, a_child_may_close_its_copy_of_a_trace);
	tcase_add_test(tests, a_child_writes_nothing_to_a_trace_that_it_inherits);
	tcase_add_test(tests, a_child_may_return_from_the_run_that_was_traced);
}

TEST_MAIN("trace_file", add_tests)
