/* SPDX-License-Identifier: MIT */
/* Dumps: a line for each task of a loop, by a call, by a signal, and when a run ends in a deadlock. */
#include "dumps.h"

#include <signal.h>

static struct coro_lock lock = {.locked = 1};
static struct coro_future *future;

static void setup(void)
{
	loop_setup();
	future = make_future();
}

static void teardown(void)
{
	coro_future_unref(future);
	loop_teardown();
}

static int sleeps(void *arg)
{
	return coro_sleep(1500 * CORO_MSEC);
}

static int locks(void *arg)
{
	return coro_lock_acquire(&lock);
}

static const char *waiting(const struct coro_future *task)
{
	static char text[128];
	int length = coro_task_waiting(task, text, sizeof(text));
	ck_assert_int_eq(length, (int)strlen(text));
	return text;
}

static void *asks_in_another_thread(void *arg)
{
	int *results = arg;
	results[0] = coro_task_waiting(future, NULL, 0);
	results[1] = coro_loop_dump(loop, 2);
	return NULL;
}

START_TEST(what_cannot_be_is_refused)
{
	int results[2] = {0};
	char text[8];
	ck_assert_int_eq(coro_task_waiting(NULL, text, sizeof(text)), -EINVAL);
	ck_assert_int_eq(coro_task_waiting(future, text, sizeof(text)), -EINVAL);
	ck_assert_int_eq(coro_loop_dump(NULL, 2), -EINVAL);
	ck_assert_int_eq(coro_loop_dump(loop, 2, (enum coro_dump_format)3), -EINVAL);
	ck_assert_int_eq(coro_loop_dump(loop, -1), -EBADF);
	coro_future_unref(future);
	future = spawn(sleeps, NULL);
	ck_assert_int_eq(coro_task_waiting(future, NULL, 1), -EINVAL);
	in_thread(asks_in_another_thread, results);
	ck_assert_int_eq(results[0], -EPERM);
	ck_assert_int_eq(results[1], -EPERM);
	run();
}
END_TEST

/* What a pipe has, as a text. */
static const char *read_all(int fd)
{
	static char text[2048];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int spawns_another(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn_at("here.c:7", locks, NULL, &task);
	if (r < 0)
		return r;
	coro_task_set_name(task, "stuck");
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(a_list_has_a_line_for_each_task)
{
	struct coro_future *task = start(spawns_another, NULL);
	turn();
	ck_assert_str_eq(dump_of(CORO_DUMP_LIST, 2),
			 "coro: a loop with 2 tasks\n"
			 "coro:   task 1, waits in task 2 stuck\n"
			 "coro:   task 2 stuck, spawned at here.c:7 by task 1, waits in a lock\n");
	struct coro_future *new = spawn(locks, NULL);
	ck_assert_ptr_nonnull(
		strstr(dump_of(CORO_DUMP_LIST, 3), "coro:   task 3, has not started\n"));
	coro_future_unref(new);
	end_all();
	ck_assert_str_eq(dump_of(CORO_DUMP_LIST, 0), "coro: a loop with 0 tasks\n");
	coro_future_unref(task);
}
END_TEST

START_TEST(a_dump_is_a_list_unless_told_otherwise)
{
	int ends[2];
	ck_assert_int_eq(pipe(ends), 0);
	struct coro_future *task = start(locks, NULL);
	ck_assert_int_eq(coro_loop_dump(loop, ends[1]), 1);
	ck_assert_ptr_nonnull(strstr(read_all(ends[0]), "waits in a lock; stack "));
	end_all();
	close(ends[0]);
	close(ends[1]);
	coro_future_unref(task);
}
END_TEST

static int locks_in_time(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin_site("here.c:5", &timeout, 2500 * CORO_MSEC);
	return r < 0 ? r : coro_timeout_end(&timeout, coro_lock_acquire(&lock));
}

START_TEST(a_list_says_what_is_left_of_timeouts)
{
	struct coro_future *task = start(locks_in_time, NULL);
	ck_assert_ptr_nonnull(strstr(dump_of(CORO_DUMP_LIST, 1),
				     ", waits in a lock, 2.5 s left of the timeout at here.c:5\n"));
	end_all();
	coro_future_unref(task);
}
END_TEST

static int sleeps_twice(void *arg)
{
	int r = coro_sleep(5 * CORO_SEC);
	return r < 0 ? r : coro_sleep(5 * CORO_SEC);
}

static void stop(void *arg)
{
	ck_assert_int_eq(coro_loop_stop(loop), 0);
}

START_TEST(in_debug_mode_a_list_says_since_when)
{
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	struct coro_future *task = start(sleeps_twice, NULL);
	turn();
	at(2 * CORO_SEC, stop, NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_ptr_nonnull(strstr(dump_of(CORO_DUMP_LIST, 1),
				     ", waits in a sleep, 3 s more, for 2 s so far\n"));
	at(6 * CORO_SEC, stop, NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_ptr_nonnull(strstr(dump_of(CORO_DUMP_LIST, 1),
				     ", waits in a sleep, 4 s more, for 1 s so far\n"));
	run();
	assert_ended(task, 0);
}
END_TEST

static int ignores_cancellation(void *arg)
{
	int r = coro_sleep(CORO_SEC);
	ck_assert_int_eq(r, -ECANCELED);
	return coro_lock_acquire(&lock);
}

START_TEST(a_list_says_that_a_task_was_asked_to_end)
{
	struct coro_future *task = start(ignores_cancellation, NULL);
	coro_cancel(task);
	turn();
	ck_assert_ptr_nonnull(
		strstr(dump_of(CORO_DUMP_LIST, 1), ", waits in a lock, cancellation requested\n"));
	end_all();
	coro_future_unref(task);
}
END_TEST

/* Each line is written whole, however many there are. */
START_TEST(many_tasks_have_many_lines)
{
	struct coro_future *tasks[200];
	for (int i = 0; i < 200; i++) {
		tasks[i] = spawn(locks, NULL);
		ck_assert_int_eq(coro_task_set_name(tasks[i], i % 2 ? "odd\n\x7f" : "even"), 0);
	}
	turn();
	char *text = dump_of(CORO_DUMP_LIST, 200), line[64];
	for (int i = 0; i < 200; i++) {
		snprintf(line, sizeof(line), "\ncoro:   task %d %s, waits in a lock\n", i + 1,
			 i % 2 ? "odd??" : "even");
		ck_assert_msg(strstr(text, line), "%s", line);
	}
	for (int i = 0; i < 200; i++) {
		coro_cancel(tasks[i]);
		coro_future_unref(tasks[i]);
	}
	run();
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut)
{
	char name[2048];
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	struct coro_future *task = spawn(locks, NULL);
	ck_assert_int_eq(coro_task_set_name(task, name), 0);
	turn();
	FILE *file = tmpfile();
	ck_assert_int_eq(coro_loop_dump(loop, fileno(file), CORO_DUMP_LIST), 1);
	ck_assert_int_eq(lseek(fileno(file), 0, SEEK_CUR), 25 + 512);
	fclose(file);
	ck_assert_int_eq(coro_task_set_name(task, NULL), 0);
	end_all();
	coro_future_unref(task);
}
END_TEST

/* In all formats, the first error of write is returned. */
START_TEST(a_dump_that_cannot_be_written_fails)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (full < 0)
		skip_test("no /dev/full");
	struct coro_future *task = start(locks, NULL);
	for (int format = CORO_DUMP_LIST; format <= CORO_DUMP_JSON; format++) {
		ck_assert_int_eq(coro_loop_dump(loop, full, (enum coro_dump_format)format),
				 -ENOSPC);
		ck_assert_int_eq(coro_loop_dump(loop, -1, (enum coro_dump_format)format), -EBADF);
	}
	close(full);
	end_all();
	coro_future_unref(task);
}
END_TEST

static struct coro_lock held;

static int holds(void *arg)
{
	int r = coro_lock_acquire_at("here.c:9", &held);
	if (r == 0)
		r = coro_sleep(10);
	return r < 0 ? r : coro_lock_release(&held);
}

START_TEST(in_debug_mode_a_lock_says_who_holds_it)
{
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	coro_lock_init(&held);
	struct coro_future *first = start(holds, NULL), *second = start(holds, NULL);
	turn();
	ck_assert_str_eq(waiting(second), "a lock, held by task 1 since here.c:9");
	ck_assert_int_eq(coro_loop_set_debug(loop, false), 0);
	run();
	ck_assert(!coro_lock_locked(&held));
	coro_future_unref(first);
	coro_future_unref(second);
}
END_TEST

static void takes_it(void *arg)
{
	ck_assert_int_eq(coro_lock_try_acquire_at("here.c:9", &held), 0);
}

START_TEST(in_debug_mode_a_lock_of_a_callback_is_held_by_no_task)
{
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	coro_lock_init(&held);
	call_outside_tasks(takes_it, NULL);
	struct coro_future *task = start(holds, NULL);
	turn();
	ck_assert_str_eq(waiting(task), "a lock, held since here.c:9");
	ck_assert_int_eq(coro_lock_release(&held), 0);
	run();
	coro_future_unref(task);
}
END_TEST

static struct coro_rwlock rwlock;
static struct coro_semaphore semaphore;

static int writes(void *arg)
{
	int r = coro_rwlock_write_acquire_at("here.c:9", &rwlock);
	if (r == 0)
		r = coro_sleep(10);
	return r < 0 ? r : coro_rwlock_release(&rwlock);
}

static int takes_a_unit(void *arg)
{
	int r = coro_semaphore_acquire_at("here.c:9", &semaphore);
	if (r == 0)
		r = coro_sleep(10);
	return r < 0 ? r : coro_semaphore_release(&semaphore);
}

START_TEST(in_debug_mode_what_several_may_hold_says_who_holds_it)
{
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	coro_rwlock_init(&rwlock);
	coro_semaphore_init_bounded(&semaphore, 1);
	struct coro_future *tasks[] = {start(writes, NULL), start(writes, NULL),
				       start(takes_a_unit, NULL), start(takes_a_unit, NULL)};
	turn();
	ck_assert_str_eq(waiting(tasks[1]), "a readers/writer lock, held by task 1 since here.c:9");
	ck_assert_str_eq(waiting(tasks[3]), "a semaphore, held by task 3 since here.c:9");
	ck_assert_int_eq(coro_loop_set_debug(loop, false), 0);
	run();
	ck_assert(!coro_rwlock_locked(&rwlock) && !coro_semaphore_locked(&semaphore));
	for (int i = 0; i < 4; i++)
		coro_future_unref(tasks[i]);
}
END_TEST

static int holds_for_good(void *arg)
{
	return coro_lock_acquire_at("here.c:9", &held);
}

/* Has stderr go to a pipe, and returns the end to read from. */
static int catch_stderr(void)
{
	int ends[2];
	ck_assert_int_eq(coro_run(gives_way, NULL), 0); /* AddressSanitizer warns of the first */
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

START_TEST(in_debug_mode_a_deadlock_is_a_tree_on_stderr)
{
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	coro_lock_init(&held);
	struct coro_future *first = start(holds_for_good, NULL), *second = start(holds, NULL);
	struct coro_future *third = start(holds, NULL);
	int from = catch_stderr();
	ck_assert_int_eq(coro_run_until_complete(loop, second, NULL), -EDEADLK);
	ck_assert(strstr(coro_message(-EDEADLK), "a lock, held by task 1 since here.c:9"));
	ck_assert_str_eq(read_all(from),
			 "coro: a loop with 2 tasks\n"
			 "coro:   task 2, waits in a lock, held by task 1 since here.c:9\n"
			 "coro:   task 3, waits in a lock, held by task 1 since here.c:9\n");
	close(from);
	ck_assert_int_eq(coro_lock_release(&held), 0);
	run();
	ck_assert_int_eq(coro_lock_release(&held), -EPERM);
	coro_future_unref(first);
	coro_future_unref(second);
	coro_future_unref(third);
}
END_TEST

START_TEST(without_debug_mode_a_deadlock_prints_nothing)
{
	int from = catch_stderr();
	struct coro_future *task = start(locks, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EDEADLK);
	ck_assert_int_eq(write(STDERR_FILENO, ".", 1), 1);
	ck_assert_str_eq(read_all(from), ".");
	close(from);
	end_all();
	coro_future_unref(task);
}
END_TEST

/* By a clock that stands still until the loop has nothing left to do. */
static int run_virtually(coro_fn *fn, void *arg)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	return coro_run_with(&options, fn, arg);
}

static int raises_without_memory(void *signum)
{
	raise(*(int *)signum);
	fail_nth(1);
	int r = coro_sleep(CORO_MSEC);
	ck_assert(fail_off());
	return r;
}

/* Long enough for a loop that is slow to be asked before it is over. */
static int raises(void *signum)
{
	raise(*(int *)signum);
	return coro_sleep(50 * CORO_MSEC);
}

static const struct {
	const char *name;
	int signum;
	const char *first; /* the dump begins with that */
} dumps[] = {
	{"SIGUSR1", SIGUSR1, "coro: a loop with 1 task\ncoro:   task 1 main, spawned at "},
	{"USR2", SIGUSR2, "coro: a loop with 1 task\ncoro:   task 1 main, spawned at "},
	{NUMBER(SIGUSR2), SIGUSR2, "coro: a loop with 1 task\ncoro:   task 1 main, spawned at "},
	{"SIGUSR1,list", SIGUSR1, "coro: a loop with 1 task\ncoro:   task 1 main, spawned at "},
	{"USR1,tree", SIGUSR1, "coro: a loop with 1 task\ncoro:   task 1 main, spawned at "},
	{NUMBER(SIGUSR1) ",json", SIGUSR1, "{\"count\": 1, "},
};

START_TEST(a_signal_that_the_environment_names_dumps_the_loop)
{
	int signum = dumps[_i].signum, from = catch_stderr();
	bool list = !strstr(dumps[_i].name, ",tree") && !strstr(dumps[_i].name, ",json");
	setenv("CORO_DUMP", dumps[_i].name, 1);
	ck_assert_int_eq(run_virtually(raises, &signum), 0);
	const char *text = read_all(from);
	ck_assert_msg(strncmp(text, dumps[_i].first, strlen(dumps[_i].first)) == 0, "%s", text);
	ck_assert_msg(strstr(text, "a sleep, "), "%s", text);
	ck_assert_msg(!strstr(text, "; stack ") == !list, "%s", text);
	close(from);
}
END_TEST

/* Without memory for a tree, it is a list. */
START_TEST(a_dump_by_a_signal_needs_no_memory)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail");
	int signum = SIGUSR1, from = catch_stderr();
	setenv("CORO_DUMP", "SIGUSR1,tree", 1);
	ck_assert_int_eq(run_virtually(raises_without_memory, &signum), 0);
	ck_assert_ptr_nonnull(strstr(read_all(from), "; stack "));
	close(from);
}
END_TEST

static int awaits_nothing(void *arg)
{
	struct coro_future *never;
	int r = coro_future_create(coro_running_loop(), &never);
	if (r == 0)
		r = coro_await(never, NULL);
	coro_future_unref(never);
	return r;
}

START_TEST(a_loop_that_would_be_dumped_has_no_more_to_wait_for)
{
	setenv("CORO_DUMP", "SIGUSR1", 1);
	ck_assert_int_eq(coro_run(awaits_nothing, NULL), -EDEADLK);
	ck_assert_ptr_nonnull(strstr(coro_message(-EDEADLK), "waits in a future"));
}
END_TEST

static const struct {
	const char *name, *why;
} refused[] = {
	{"SIGNOTHING", "is no signal that can be caught"},
	{"0", "is no signal that can be caught"},
	{"-1", "is no signal that can be caught"},
	{"1000", "is no signal that can be caught"},
	{"9", "is no signal that can be caught"},
	{"USR1x", "is no signal that can be caught"},
	{",tree", "is no signal that can be caught"},
	{"12345678901234567890123456789012345678901234567890", "is no signal that can be caught"},
	{"USR1,", "names no format: there are list, tree and json"},
	{"USR1,trees", "names no format: there are list, tree and json"},
	{"USR1,tree,json", "names no format: there are list, tree and json"},
	{"", NULL},
};

START_TEST(what_names_no_signal_or_format_is_reported_once)
{
	char told[160];
	const char *name = refused[_i].name;
	unsetenv("CORO_DUMP");
	int from = catch_stderr();
	setenv("CORO_DUMP", name, 1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_run(gives_way, NULL), 0);
	snprintf(told, sizeof(told), "coro: CORO_DUMP=%s %s\n", name, refused[_i].why);
	ck_assert_int_eq(write(STDERR_FILENO, "", 1), 1); /* so that there is something to read */
	ck_assert_str_eq(read_all(from), *name ? told : "");
	close(from);
}
END_TEST

static int makes_a_loop(void *arg)
{
	struct coro_loop *made;
	int r = coro_loop_create(NULL, &made);
	return r < 0 ? r : coro_loop_close(made);
}

/* Without memory there is no dump, and all else goes on. */
START_TEST(a_loop_is_made_without_memory_for_dumps)
{
	setenv("CORO_DUMP", "SIGUSR1", 1);
	ck_assert_int_eq(makes_a_loop(NULL), 0);
	if (!fail_possible())
		return;
	fail_nth(2);
	int r = makes_a_loop(NULL);
	ck_assert(fail_off());
	ck_assert_int_eq(r, 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, a_list_has_a_line_for_each_task);
	tcase_add_test(tests, a_dump_is_a_list_unless_told_otherwise);
	tcase_add_test(tests, a_list_says_what_is_left_of_timeouts);
	tcase_add_test(tests, in_debug_mode_a_list_says_since_when);
	tcase_add_test(tests, a_list_says_that_a_task_was_asked_to_end);
	tcase_add_test(tests, many_tasks_have_many_lines);
	tcase_add_test(tests, a_line_that_is_too_long_is_cut);
	tcase_add_test(tests, a_dump_that_cannot_be_written_fails);
	tcase_add_test(tests, in_debug_mode_a_lock_says_who_holds_it);
	tcase_add_test(tests, in_debug_mode_a_lock_of_a_callback_is_held_by_no_task);
	tcase_add_test(tests, in_debug_mode_what_several_may_hold_says_who_holds_it);
	tcase_add_test(tests, in_debug_mode_a_deadlock_is_a_tree_on_stderr);
	tcase_add_test(tests, without_debug_mode_a_deadlock_prints_nothing);
	tcase_add_loop_test(tests, a_signal_that_the_environment_names_dumps_the_loop, 0,
			    sizeof(dumps) / sizeof(dumps[0]));
	tcase_add_test(tests, a_loop_that_would_be_dumped_has_no_more_to_wait_for);
	tcase_add_test(tests, a_dump_by_a_signal_needs_no_memory);
	tcase_add_loop_test(tests, what_names_no_signal_or_format_is_reported_once, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tests, a_loop_is_made_without_memory_for_dumps);
}

TEST_MAIN("dump", add_tests)
