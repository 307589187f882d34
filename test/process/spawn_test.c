/* SPDX-License-Identifier: MIT */
/* What a child is: the program that is found, and what it inherits. */
#include "process/programs.h"

#include <sys/resource.h>

#ifdef __linux__
#include <sys/eventfd.h>
#include <sys/syscall.h>
#endif

/* ---- what it inherits ---- */

TASK_TEST(its_streams_are_what_was_asked_for)
{
	struct coro_process_options options = piped();
	ck_assert_str_eq(message_of(sh("cat", &options), "over and out"), "over and out");

	options = (struct coro_process_options){.out = CORO_PIPE, .err = CORO_STDOUT};
	ck_assert_str_eq(message_of(sh("echo a; echo b >&2; echo c", &options), NULL), "a\nb\nc\n");

	options = (struct coro_process_options){.in = CORO_DEVNULL, .out = CORO_PIPE};
	ck_assert_str_eq(message_of(sh("cat; echo end", &options), NULL), "end\n");

	options = (struct coro_process_options){.out = CORO_DEVNULL, .err = CORO_PIPE};
	struct coro_process *process = sh("echo a; echo b >&2", &options);
	struct coro_bytes out = {.bytes = (char *)"x"}, err;
	ck_assert_int_eq(coro_process_communicate(process, NULL, 0, 0, &out, &err), 0);
	ck_assert_ptr_null(out.bytes);
	ck_assert_uint_eq(out.length, 0);
	ck_assert_str_eq(err.bytes, "b\n");
	free(err.bytes);
	return end_of(process);
}

TASK_TEST(its_streams_may_be_any_fds)
{
	struct pair a = make_pair(PIPE), b = make_pair(UNIX);
	struct coro_process_options options = {.in = b.from, .out = a.to, .err = b.from};
	put(b.to, "in\n");
	ck_assert_int_eq(end_of(sh("read x; echo $x; echo err >&2", &options)), 0);
	expect(a.from, "in\n");
	expect(b.to, "err\n");
	close_pair(a);
	close_pair(b);
	return 0;
}

/* In a process whose standard streams are pipes: swaps its child's. */
static int swaps(void *arg)
{
	struct coro_process_options options = {.out = 2, .err = 1};
	int out[2];
	char got[64] = {0};
	if (pipe(out) < 0 || dup2(out[1], 1) < 0)
		return 2;
	struct coro_process *process = sh("echo out; echo err >&2", &options);
	if (end_of(process) != 0)
		return 3;
	if (read(out[0], got, sizeof(got)) != 4 || strcmp(got, "err\n") != 0)
		return 4;
	return 0;
}

static int swaps_in_a_loop(void *arg)
{
	return coro_run(swaps, NULL);
}

START_TEST(its_streams_may_be_ours_in_another_order)
{
	struct child child = child_run(swaps_in_a_loop, NULL);
	ck_assert_exited(child, 0);
	/* A sanitizer may have said something before. */
	ck_assert_ptr_nonnull(strstr(child.said, "out\n"));
	ck_assert_ptr_null(strstr(child.said, "err\n"));
}
END_TEST

static int talks_to_cat(void *arg)
{
	struct coro_process_options options = piped();
	options.err = CORO_PIPE;
	return strcmp(message_of(sh("cat; echo x >&2", &options), "heard"), "heard") == 0 ? 0
											  : -EIO;
}

/* So that pipes and reports get the numbers of the standard streams. */
static int closes_its_streams(void *arg)
{
	for (int fd = 0; fd < *(int *)arg; fd++)
		close(fd);
	return coro_run(talks_to_cat, NULL) == 0 ? 0 : 1;
}

START_TEST(we_may_have_no_standard_streams)
{
	for (int count = 1; count <= 3; count++) {
		struct child child = child_run(closes_its_streams, &count);
		ck_assert_exited(child, 0);
	}
}
END_TEST

/* What a child prints to its stderr, which is where its stdout goes, comes to our stdout. */
static int says_it_on_our_stdout(void *arg)
{
	struct coro_process_options options = {.err = CORO_STDOUT};
	int out[2];
	char got[64] = {0};
	if (pipe(out) < 0 || dup2(out[1], 1) < 0 || end_of(sh("echo err >&2", &options)) != 0)
		return 2;
	return read(out[0], got, sizeof(got)) == 4 && strcmp(got, "err\n") == 0 ? 0 : 3;
}

/* The same where /dev/null gets the number of our stdin, which we do not have. */
static int says_it_to_nobody(void *arg)
{
	struct coro_process_options options = {.out = CORO_DEVNULL, .err = CORO_STDOUT};
	int out[2];
	char byte;
	if (pipe(out) < 0 || dup2(out[1], 1) < 0 || close(out[1]) < 0)
		return 2;
	close(0);
	if (end_of(sh("echo err >&2; echo out", &options)) != 0)
		return 3;
	if (fcntl(0, F_GETFD) >= 0)
		return 4; /* left open */
	options = (struct coro_process_options){.in = CORO_DEVNULL};
	if (end_of(sh("read x; test $? = 1", &options)) != 0)
		return 5;
	if (fcntl(0, F_GETFD) >= 0)
		return 6;
	close(1);
	return read(out[0], &byte, 1) == 0 ? 0 : 7;
}

static int in_a_loop(void *fn)
{
	coro_fn **body = fn;
	return coro_run(*body, NULL);
}

START_TEST(its_stderr_goes_where_its_stdout_goes)
{
	coro_fn *bodies[] = {says_it_on_our_stdout, says_it_to_nobody};
	struct child child = child_run(in_a_loop, &bodies[_i]);
	ck_assert_exited(child, 0);
	ck_assert_ptr_null(strstr(child.said, "err\n"));
}
END_TEST

TASK_TEST(it_is_not_started_without_dev_null)
{
	char *argv[] = {(char *)"true", NULL};
	struct coro_process_options options = {.in = CORO_DEVNULL};
	struct coro_process *process = NULL;
	fail_call("open", 1, EMFILE);
	ck_assert_int_eq(coro_process_spawn(argv, &options, &process), -EMFILE);
	ck_assert(fail_call_off());
	ck_assert_ptr_null(process);
	fail_call("open", 1, EINTR);
	ck_assert_int_eq(coro_process_spawn(argv, &options, &process), 0);
	ck_assert(fail_call_off());
	return end_of(process);
}

#ifdef __linux__
static void puts_a_line(void *fd)
{
	put(*(int *)fd, "line\n");
}

static int reads_in_vain(void *fd)
{
	char bytes[8]; /* as an eventfd wants it */
	return (int)coro_read(*(int *)fd, bytes, sizeof(bytes));
}

/*
 * The loop knows two fds that are then closed plainly: a pipe and the pidfd, of the same kind, get their
 * numbers.
 */
TASK_TEST(its_fds_are_not_what_their_numbers_were_before)
{
	struct pair in = make_pair(PIPE), old = make_pair(PIPE);
	struct coro_process_options options = {.in = in.from, .out = CORO_PIPE};
	struct coro_future *tasks[2];
	int end = fcntl(old.to, F_DUPFD_CLOEXEC, 100);
	fcntl(in.to, F_SETFD, FD_CLOEXEC);
	ck_assert_int_eq(close(old.to), 0);
	ck_assert_int_eq(eventfd(0, EFD_CLOEXEC), old.to);
	ck_assert_int_eq(coro_spawn(reads_in_vain, &old.from, &tasks[0]), 0);
	ck_assert_int_eq(coro_spawn(reads_in_vain, &old.to, &tasks[1]), 0);
	coro_task_yield();
	coro_task_yield();
	for (int i = 0; i < 2; i++) {
		coro_cancel(tasks[i]);
		ck_assert_int_eq(coro_await(tasks[i], NULL), -ECANCELED);
		coro_future_unref(tasks[i]);
	}
	close_pair(old);
	close(end);
	struct coro_process *process = sh("read x; echo $x; read x; exit 3", &options);
	ck_assert_int_eq(coro_process_stdout(process), old.from);
	char got[8] = {0};
	ck_assert_int_eq(coro_call_soon(coro_running_loop(), puts_a_line, &in.to, NULL), 0);
	ck_assert_int_eq(coro_read(coro_process_stdout(process), got, sizeof(got)), 5);
	ck_assert_str_eq(got, "line\n");
	ck_assert_int_eq(coro_call_soon(coro_running_loop(), puts_a_line, &in.to, NULL), 0);
	ck_assert_int_eq(end_of(process), 3);
	close_pair(in);
	return 0;
}

#endif

TASK_TEST(it_inherits_no_fds_that_are_not_passed)
{
	struct pair pair = make_pair(PIPE);
	int open[] = {dup2(pair.from, 100), fcntl(pair.to, F_DUPFD_CLOEXEC, 101), 102};
	struct coro_process_options options = piped();
	struct coro_process *other = sh("cat", &options);
	int fds[] = {open[0], open[1], open[2], coro_process_stdin(other),
		     coro_process_stdout(other)};
	ck_assert_str_eq(has_fds(fds, 5, &options), "00000");

	options.flags = CORO_PROCESS_KEEP_FDS;
	ck_assert_str_eq(has_fds(fds, 5, &options), "10000");
	options.flags = 0;

	options.pass_fds = open;
	options.pass_fd_count = 2;
	ck_assert_str_eq(has_fds(fds, 5, &options), "11000");

	/* An older kernel, with and without a list of the open fds. */
	fail_call("syscall", 1, ENOSYS);
	ck_assert_str_eq(has_fds(fds, 5, &options), "11000");
	fail_calls_from("syscall", 1, ENOSYS);
	ck_assert_str_eq(has_fds(fds, 5, &options), "11000");
	fail_call_off();

	coro_process_close_stdin(other);
	ck_assert_int_eq(end_of(other), 0);
	close(100);
	close(101);
	close_pair(pair);
	return 0;
}

TASK_TEST(it_inherits_no_fd_above_the_limit_either)
{
	enum { HIGH = 70000 };
	struct coro_process_options options = piped();
	struct rlimit before, limit;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = HIGH + 1;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0; /* it may open none */
	ck_assert_int_eq(dup2(STDERR_FILENO, HIGH), HIGH);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	fail_call("syscall", 1, ENOSYS);
	ck_assert_str_eq(has_fds((int[]){HIGH}, 1, &options), "0");
	fail_call_off();
	close(HIGH);
	return 0;
}

TASK_TEST(it_has_no_signals_blocked_and_no_handlers)
{
	sigset_t blocked, now;
	if (RUNNING_ON_VALGRIND || getenv("VALGRIND"))
		return 0; /* which has handlers of its own in the child */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGUSR2, SIG_IGN);
	coro_loop_add_signal_handler(loop, SIGUSR1, says_it, NULL);
	ck_assert_str_eq(said("sed -n 's/^Sig[BC][lg][kt]://p' /proc/self/status"),
			 "\t0000000000000000\n\t0000000000000000\n");
	/* What is ignored stays so. */
	ck_assert_int_eq(end_of(sh("kill -USR2 $$; exit 6", NULL)), 6);
	ck_assert_int_eq(end_of(sh("kill -USR1 $$; exit 6", NULL)), -SIGUSR1);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	ck_assert_int_eq(sigismember(&now, SIGTERM), 1);
	ck_assert_int_eq(sigismember(&now, SIGUSR1), 0);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	coro_loop_remove_signal_handler(loop, SIGUSR1);
	return 0;
}

TASK_TEST(it_begins_where_it_was_told_with_its_environment)
{
	char *env[] = {(char *)"GREETING=hello", NULL};
	struct coro_process_options options = {.out = CORO_PIPE, .cwd = "/usr"};
	setenv("CORO_TEST", "here", 1);
	ck_assert_str_eq(message_of(sh("pwd; echo $CORO_TEST", &options), NULL), "/usr\nhere\n");
	options.env = env;
	ck_assert_str_eq(message_of(sh("echo $GREETING $CORO_TEST", &options), NULL), "hello\n");
	return 0;
}

TASK_TEST(it_may_begin_a_session_or_a_group)
{
	struct coro_process *process = waits_for_eof(0);
	ck_assert_int_eq(getpgid(coro_process_pid(process)), getpgid(0));
	coro_process_close_stdin(process);
	end_of(process);

	process = waits_for_eof(CORO_PROCESS_GROUP);
	ck_assert_int_eq(getpgid(coro_process_pid(process)), coro_process_pid(process));
	ck_assert_int_eq(getsid(coro_process_pid(process)), getsid(0));
	ck_assert_int_eq(kill(-coro_process_pid(process), SIGTERM), 0);
	ck_assert_int_eq(end_of(process), -SIGTERM);

	process = waits_for_eof(CORO_PROCESS_SESSION | CORO_PROCESS_GROUP);
	ck_assert_int_eq(getsid(coro_process_pid(process)), coro_process_pid(process));
	coro_process_close_stdin(process);
	ck_assert_int_eq(end_of(process), 3);
	return 0;
}

/* ---- finding the program ---- */

static char directory[] = "/tmp/coro-process-XXXXXX";

/* A file in the directory. */
static const char *in_directory(const char *name)
{
	static char path[64];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(in_directory(name), "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	chmod(in_directory(name), mode);
}

static void make_programs(void)
{
	static const char script[] = "#!/bin/sh\necho $0\n";
	ck_assert_ptr_nonnull(mkdtemp(directory));
	mkdir(in_directory("sub"), 0700);
	write_file("program", "no script", 0600); /* not to be executed: there is another */
	write_file("sub/program", script, 0700);
	write_file("forbidden", script, 0600);
	write_file("nothing", "no program", 0700);
}

static void remove_programs(void)
{
	static const char *const names[] = {"program", "sub/program", "forbidden", "nothing",
					    "sub"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		remove(in_directory(names[i]));
	remove(directory);
}

/* Spawning it fails with this error and message. */
static void fails(char *name, const struct coro_process_options *options, int error,
		  const char *words)
{
	char *argv[] = {name, NULL};
	struct coro_process *process = (struct coro_process *)&process;
	ck_assert_int_eq(coro_process_spawn(argv, options, &process), error);
	ck_assert_ptr_eq(process, &process);
	if (words)
		ck_assert_str_eq(coro_message(error), words);
}

static int finds_programs(void *arg)
{
	char path[128];
	char *argv[] = {(char *)"program", NULL}, *env[] = {path, NULL}, *none[] = {NULL};
	struct coro_process_options options = {.out = CORO_PIPE, .env = env};
	struct coro_process *process;

	snprintf(path, sizeof(path), "PATH=/nowhere:%s:/etc/passwd:%s/sub", directory, directory);
	ck_assert_int_eq(coro_process_spawn(argv, &options, &process), 0);
	ck_assert_str_eq(message_of(process, NULL),
			 strcat(strcpy((char[64]){0}, in_directory("sub/program")), "\n"));

	argv[0] = (char *)"another name";
	options.path = in_directory("sub/program");
	ck_assert_int_eq(coro_process_spawn(argv, &options, &process), 0);
	coro_process_destroy(process);
	options.path = NULL;

	/* The current directory, by an empty name at either end. */
	options.cwd = directory;
	argv[0] = (char *)"program";
	snprintf(path, sizeof(path), "PATH=/nowhere:");
	fails(argv[0], &options, -EACCES, NULL);
	snprintf(path, sizeof(path), "PATH=:/nowhere");
	fails(argv[0], &options, -EACCES, NULL);
	snprintf(path, sizeof(path), "PATH=");
	fails(argv[0], &options, -EACCES, NULL);
	options.cwd = NULL;

	snprintf(path, sizeof(path), "PATH=/nowhere:%s", directory);
	fails((char *)"forbidden", &options, -EACCES,
	      "cannot execute forbidden: Permission denied");
	fails((char *)"missing", &options, -ENOENT,
	      "cannot execute missing: No such file or directory");
	fails((char *)"nothing", &options, -ENOEXEC, NULL);
	fails((char *)"", &options, -ENOENT, NULL);
	fails((char *)"/nowhere/x", &options, -ENOENT,
	      "cannot execute /nowhere/x: No such file or directory");
	fails((char *)"/etc", &options, -EACCES, NULL);

	options.env = none;
	argv[0] = (char *)"true";
	ck_assert_int_eq(coro_process_spawn(argv, &options, &process), 0);
	coro_process_destroy(process);

	options.cwd = "/nowhere";
	fails((char *)"true", &options, -ENOENT,
	      "cannot enter /nowhere: No such file or directory");
	return 0;
}

START_TEST(programs_are_found_by_the_path_of_their_environment)
{
	make_programs();
	watch_by(_i);
	ck_assert_int_eq(result_of(finds_programs, NULL), 0);
	run();
	remove_programs();
}
END_TEST

TASK_TEST(pipes_are_not_taken_from_who_talks)
{
	struct coro_process_options options = {.in = CORO_PIPE, .err = CORO_PIPE};
	struct coro_future *talk;
	shared = sh("read x; exit 3", &options);
	coro_spawn(talks_to_shared, NULL, &talk);
	coro_task_yield();
	ck_assert_int_eq(coro_process_close_stdin(shared), -EBUSY);
	ck_assert_int_eq(coro_process_take_pipe(shared, 0), -EBUSY);
	ck_assert_int_eq(coro_process_take_pipe(shared, 2), -EBUSY);
	ck_assert_int_eq(coro_await(talk, NULL), 0);
	coro_future_unref(talk);
	ck_assert_int_eq(end_of(shared), 3);
	return 0;
}

static void *uses_elsewhere(void *arg)
{
	char *argv[] = {(char *)"true", NULL};
	struct coro_process *process;
	ck_assert_int_eq(coro_process_spawn(argv, NULL, &process), -EPERM);
	ck_assert_int_eq(coro_process_destroy(shared), -EPERM);
	ck_assert_int_eq(coro_process_kill(shared), -EPERM);
	ck_assert_int_eq(coro_process_wait(shared, NULL), -EPERM);
	ck_assert_int_eq(coro_process_close_stdin(shared), -EPERM);
	ck_assert_int_eq(coro_process_take_pipe(shared, 0), -EPERM);
	return NULL;
}

static void uses_outside_tasks(void *arg)
{
	ck_assert_int_eq(coro_process_wait(shared, NULL), -EPERM);
	ck_assert_int_eq(coro_process_communicate(shared, NULL, 0, 0, NULL, NULL), -EPERM);
}

TASK_TEST(what_cannot_be_is_refused)
{
	char *argv[] = {(char *)"true", NULL}, *none[] = {NULL};
	static const struct coro_process_options wrong[] = {
		{.in = -4},  {.in = CORO_STDOUT}, {.out = CORO_STDOUT},
		{.err = -4}, {.flags = 1u << 17}, {.pass_fd_count = 1},
	};
	struct coro_process *process;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		fails(argv[0], &wrong[i], -EINVAL, NULL);
	ck_assert_int_eq(coro_process_spawn(NULL, NULL, &process), -EINVAL);
	ck_assert_int_eq(coro_process_spawn(none, NULL, &process), -EINVAL);
	ck_assert_int_eq(coro_process_spawn(argv, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_process_shell(NULL, NULL, &process), -EINVAL);
	fails(argv[0], &(struct coro_process_options){.out = 1000}, -EBADF,
	      "cannot pass fd 1000 on: Bad file descriptor");
	fails(argv[0],
	      &(struct coro_process_options){.pass_fds = (int[]){1000}, .pass_fd_count = 1}, -EBADF,
	      "cannot pass fd 1000 on: Bad file descriptor");

	ck_assert_int_eq(coro_process_destroy(NULL), 0);
	ck_assert_int_eq(coro_process_wait(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_process_code(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_process_kill(NULL), -EINVAL);
	ck_assert_int_eq(coro_process_pid(NULL), -EINVAL);
	ck_assert_int_eq(coro_process_stdin(NULL), -EINVAL);
	ck_assert_int_eq(coro_process_stderr(NULL), -EINVAL);
	ck_assert_int_eq(coro_process_close_stdin(NULL), -EINVAL);
	ck_assert_int_eq(coro_process_communicate(NULL, NULL, 0, 0, NULL, NULL), -EINVAL);

	shared = waits_for_eof(0);
	ck_assert_int_eq(coro_process_communicate(shared, NULL, 1, 0, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_process_stdout(shared), -EBADF);
	ck_assert_int_eq(coro_process_take_pipe(shared, 2), -EBADF);
	ck_assert_int_eq(coro_process_take_pipe(shared, 3), -EINVAL);
	in_thread(uses_elsewhere, NULL);
	coro_call_soon(loop, uses_outside_tasks, NULL, NULL);
	coro_task_yield();
	coro_task_yield();
	coro_process_close_stdin(shared);
	ck_assert_int_eq(end_of(shared), 3);
	return 0;
}

/* ---- what its streams, signals and user are ---- */

/* The exit code of cat with our fd, which has O_NONBLOCK, as its standard input. */
static void expect_cat_waits(int theirs, int ours)
{
	char *argv[] = {(char *)"cat", NULL};
	struct coro_process_options options = {.in = theirs, .out = CORO_PIPE, .err = CORO_PIPE};
	struct coro_process *cat;
	struct coro_bytes said, complained;
	ck_assert_int_ne(fcntl(theirs, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(coro_process_spawn(argv, &options, &cat), 0);
	coro_fd_close(theirs);
	/* It reads before there is anything: it has to wait. */
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, 50 * CORO_MSEC);
	int r = coro_timeout_end(&timeout, coro_process_communicate(cat, NULL, 0, 0, &said, NULL));
	ck_assert_int_eq(r, -ETIMEDOUT);
	ck_assert_int_eq(coro_write(ours, "hello", 5), 5);
	coro_fd_close(ours);
	ck_assert_int_eq(coro_process_communicate(cat, NULL, 0, 0, &said, &complained), 0);
	ck_assert_str_eq(complained.bytes, "");
	ck_assert_str_eq(said.bytes, "hello");
	free(said.bytes);
	free(complained.bytes);
	ck_assert_int_eq(end_of(cat), 0);
}

TASK_TEST(what_it_gets_as_a_standard_stream_blocks)
{
	struct coro_process_options options = piped();
	struct coro_process *first = sh("cat", &options);
	int in = coro_process_take_pipe(first, 0), out = coro_process_take_pipe(first, 1);
	expect_cat_waits(out, in);
	ck_assert_int_eq(end_of(first), 0);

	int pair[2];
	ck_assert_int_eq(new_socketpair(AF_UNIX, SOCK_STREAM, O_NONBLOCK, pair), 0);
	expect_cat_waits(pair[0], pair[1]);
	return 0;
}

/* A pipe is the child's by a description of its own: the flag stays where others have it. */
TASK_TEST(a_pipe_that_is_given_away_keeps_its_flags_here)
{
	int ends[2];
	ck_assert_int_eq(new_pipe(ends, O_NONBLOCK | O_CLOEXEC), 0);
	struct coro_process_options options = {.out = ends[1]};
	ck_assert_int_eq(end_of(sh("echo hello", &options)), 0);
	ck_assert_int_ne(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

TASK_TEST(fds_that_are_not_open_cannot_be_given)
{
	char *argv[] = {(char *)"true", NULL};
	struct coro_process *process;
	/* Each that could be one of the library's own while it spawns. */
	for (int fd = 3; fd < 40; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		struct coro_process_options pass = {.pass_fds = &fd, .pass_fd_count = 1};
		ck_assert_int_eq(coro_process_spawn(argv, &pass, &process), -EBADF);
		struct coro_process_options in = {.in = fd}, out = {.out = fd, .err = CORO_PIPE};
		ck_assert_int_eq(coro_process_spawn(argv, &in, &process), -EBADF);
		ck_assert_int_eq(coro_process_spawn(argv, &out, &process), -EBADF);
	}
	return 0;
}

/* Whether SIGPIPE is ignored, which is bit 12 of a mask in hexadecimal. */
static const char *ignores_pipe(const struct coro_process_options *options)
{
	return message_of(sh("case $(sed -n 's/^SigIgn:.*\\(.\\)...$/\\1/p' /proc/self/status) in "
			     "[13579bdf]) echo ignored;; *) echo no;; esac",
			     options),
			  NULL);
}

TASK_TEST(it_does_not_ignore_sigpipe_unless_told_to)
{
	struct coro_process_options options = {.out = CORO_PIPE};
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	ck_assert_str_eq(ignores_pipe(&options), "no\n");
	options.flags = CORO_PROCESS_KEEP_SIGPIPE;
	ck_assert_str_eq(ignores_pipe(&options), "ignored\n");
	signal(SIGPIPE, SIG_DFL);
	ck_assert_str_eq(ignores_pipe(&options), "no\n");
	signal(SIGPIPE, before);
	return 0;
}

TASK_TEST(a_signal_reaches_all_of_its_group)
{
	struct coro_process_options options = {.out = CORO_PIPE, .flags = CORO_PROCESS_GROUP};
	struct coro_process *process = sh("sleep 1000 & sleep 1000 & echo go; wait", &options);
	char byte[3];
	ck_assert_int_eq(coro_read(coro_process_stdout(process), byte, 3), 3);
	ck_assert_int_eq(coro_process_signal_group(process, 1000), -EINVAL);
	ck_assert_int_eq(coro_process_signal_group(process, SIGTERM), 0);
	/* The end comes when no process has the pipe open. */
	ck_assert_int_eq(coro_read(coro_process_stdout(process), byte, 3), 0);
	ck_assert_int_eq(end_of(process), -SIGTERM);

	process = waits_for_eof(0);
	ck_assert_int_eq(coro_process_signal_group(process, SIGTERM), -EINVAL);
	ck_assert_int_eq(coro_process_signal_group(NULL, SIGTERM), -EINVAL);
	coro_process_close_stdin(process);
	ck_assert_int_eq(end_of(process), 3);
	return 0;
}

/* Like kill of a group: the group may outlive its first process. */
static bool groups_outlive_leaders(void)
{
#ifdef SYS_pidfd_open
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	long r = pidfd < 0 ? -1 : syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 1 << 2);
	int error = errno;
	close(pidfd);
	return r == 0 || error == ESRCH;
#else
	return false;
#endif
}

TASK_TEST(a_signal_reaches_what_is_left_of_its_group)
{
	struct coro_process_options options = {.out = CORO_PIPE, .flags = CORO_PROCESS_GROUP};
	struct coro_process *process = sh("sleep 1000 & echo go", &options);
	char byte[3];
	bool can = *(int *)way == BY_PIDFD && groups_outlive_leaders();
	ck_assert_int_eq(coro_read(coro_process_stdout(process), byte, 3), 3);
	ck_assert_int_eq(coro_process_wait(process, NULL), 0);
	ck_assert_int_eq(coro_process_terminate(process), -ESRCH);
	ck_assert_int_eq(coro_process_signal_group(process, 1000), -EINVAL);
	/* A group that has gone; one that the system guards; and an older kernel, which knows none. */
	for (size_t i = 0; can && i < 3; i++) {
		fail_call(NULL, 1, (int[]){ESRCH, EPERM, EINVAL}[i]);
		ck_assert_int_eq(coro_process_signal_group(process, SIGTERM),
				 i == 1 ? -EPERM : -ESRCH);
		ck_assert(fail_call_off());
	}
	ck_assert_int_eq(coro_process_signal_group(process, SIGTERM), can ? 0 : -ESRCH);
	if (!can)
		kill(-coro_process_pid(process), SIGTERM);
	ck_assert_int_eq(coro_read(coro_process_stdout(process), byte, 3), 0);
	ck_assert_int_eq(end_of(process), 0);
	return 0;
}

TASK_TEST(it_may_have_a_controlling_terminal)
{
	int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ours < 0 || grantpt(ours) < 0 || unlockpt(ours) < 0)
		return 0; /* there are no pseudo-terminals */
	int theirs = open(ptsname(ours), O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct coro_process_options options = {
		.in = theirs, .out = CORO_PIPE, .flags = CORO_PROCESS_TERMINAL};
	ck_assert_str_eq(message_of(sh("test -t 0 && exec </dev/tty && echo mine", &options), NULL),
			 "mine\n");
	close(ours);
	close(theirs);

	struct coro_process *process;
	options.in = CORO_DEVNULL;
	ck_assert_int_eq(coro_process_shell("true", &options, &process), -ENOTTY);
	return 0;
}

TASK_TEST(it_may_run_as_another_user)
{
	gid_t groups[] = {7, 9};
	struct coro_process_user user = {
		.uid = 65534, .gid = 65533, .groups = groups, .group_count = 2};
	struct coro_process_options options = {.out = CORO_PIPE, .user = &user};
	struct coro_process *process;
	char *argv[] = {(char *)"/no/such/program", NULL};
	if (geteuid() != 0) {
		ck_assert_int_eq(coro_process_shell("true", &options, &process), -EPERM);
		return 0;
	}
	ck_assert_str_eq(message_of(sh("id -u; id -g; id -G", &options), NULL),
			 "65534\n65533\n65533 7 9\n");
	user.group_count = 0;
	ck_assert_str_eq(message_of(sh("id -ru; id -rg; id -G", &options), NULL),
			 "65534\n65533\n65533\n");
	/* Its errors come back also from a child with a copy of the memory (fork). */
	ck_assert_int_eq(coro_process_spawn(argv, &options, &process), -ENOENT);
	user.groups = NULL;
	user.group_count = 1;
	ck_assert_int_eq(coro_process_spawn(argv, &options, &process), -EINVAL);
	return 0;
}

/* A child whose streams change places, whose stdin does not block, and that gets an fd. */
static int starts_with_all(int in, int passed, const char **message)
{
	char *argv[] = {(char *)"true", NULL};
	struct coro_process_options options = {.in = in,
					       .out = 2,
					       .err = 1,
					       .pass_fds = &passed,
					       .pass_fd_count = 1,
					       .flags = CORO_PROCESS_GROUP};
	struct coro_process *process;
	int r = coro_process_spawn(argv, &options, &process);
	*message = r < 0 ? coro_message(r) : "";
	return r < 0 ? r : end_of(process);
}

TASK_TEST(error_of_each_step_is_told)
{
	static const char *const names[] = {"setpgid", "fcntl", "fstat", "dup2", "open"};
	struct pair pair = make_pair(PIPE_NONBLOCK);
	const char *message;
	int told = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool failed = true;
		for (unsigned long n = 1; failed; n++) {
			/* A child that cannot open it again has cleared the flag for all. */
			ck_assert_int_eq(fcntl(pair.from, F_SETFL, O_NONBLOCK), 0);
			fail_call(names[i], n, EMFILE);
			int r = starts_with_all(pair.from, pair.to, &message);
			failed = fail_call_off() || r < 0;
			ck_assert_msg(r == 0 || r == -EMFILE, "%s %lu: %d", names[i], n, r);
			told |= strstr(message, "cannot pass an fd on: ") ? 1 : 0;
			told |= strstr(message, "cannot place standard streams: ") ? 2 : 0;
			ck_assert_uint_lt(n, 100);
		}
	}
	ck_assert_int_eq(told, vforked_calls_count() ? 3 : 0);
	close_pair(pair);
	return 0;
}

TASK_TEST(it_is_told_that_it_cannot_become_the_user)
{
	static gid_t groups[100000];
	struct coro_process_user user = {
		.uid = geteuid(), .gid = getegid(), .groups = groups, .group_count = 100000};
	struct coro_process_options options = {.user = &user};
	char expected[100], *argv[] = {(char *)"true", NULL};
	struct coro_process *process;
	int r = coro_process_spawn(argv, &options, &process);
	ck_assert_int_lt(r, 0);
	snprintf(expected, sizeof(expected), "cannot become user %ld, group %ld: ", (long)geteuid(),
		 (long)getegid());
	ck_assert_ptr_nonnull(strstr(coro_message(r), expected));
	return 0;
}

/* Forks again and again, children that have what is open then and live on for a while. */
static _Atomic bool forks_on;

static void *forks(void *arg)
{
	int *count = arg;
	while (forks_on && *count < 400) {
		pid_t pid = fork();
		if (pid == 0) {
			sleep(120); /* longer than the test takes on a busy machine */
			_exit(0);
		}
		if (pid > 0)
			((pid_t *)(count + 1))[(*count)++] = pid;
	}
	return NULL;
}

/* So that it takes the ends of reports with it: spawning waits for none of these. */
TASK_TEST(forks_of_other_threads_do_not_hold_spawning_up)
{
	static struct {
		int count;
		pid_t pids[400];
	} forked;
	pthread_t thread;
	if (SANITIZE_THREAD || RUNNING_ON_VALGRIND)
		return 0; /* with which a fork takes long */
	forks_on = true;
	forked.count = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, forks, &forked), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(end_of(sh("exit 3", NULL)), 3);
	forks_on = false;
	pthread_join(thread, NULL);
	bool alive = true;
	for (int i = 0; i < forked.count; i++) {
		alive &= waitpid(forked.pids[i], NULL, WNOHANG) == 0;
		kill(forked.pids[i], SIGKILL);
		waitpid(forked.pids[i], NULL, 0);
	}
	ck_assert_msg(alive, "none of them has ended meanwhile");
	return 0;
}

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, process_setup, process_teardown);
	tcase_add_test(tests, its_streams_are_what_was_asked_for);
	tcase_add_test(tests, its_streams_may_be_any_fds);
	tcase_add_test(tests, its_streams_may_be_ours_in_another_order);
	tcase_add_test(tests, we_may_have_no_standard_streams);
	tcase_add_loop_test(tests, its_stderr_goes_where_its_stdout_goes, 0, 2);
	tcase_add_test(tests, it_is_not_started_without_dev_null);
#ifdef __linux__
	tcase_add_loop_test(tests, its_fds_are_not_what_their_numbers_were_before, 0, WAYS);
#endif
	tcase_add_test(tests, it_inherits_no_fds_that_are_not_passed);
	tcase_add_test(tests, it_inherits_no_fd_above_the_limit_either);
	tcase_add_test(tests, it_has_no_signals_blocked_and_no_handlers);
	tcase_add_test(tests, it_begins_where_it_was_told_with_its_environment);
	tcase_add_test(tests, it_may_begin_a_session_or_a_group);
	tcase_add_test(tests, programs_are_found_by_the_path_of_their_environment);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, what_it_gets_as_a_standard_stream_blocks);
	tcase_add_test(tests, a_pipe_that_is_given_away_keeps_its_flags_here);
	tcase_add_test(tests, fds_that_are_not_open_cannot_be_given);
	tcase_add_test(tests, it_does_not_ignore_sigpipe_unless_told_to);
	tcase_add_loop_test(tests, a_signal_reaches_all_of_its_group, 0, WAYS);
	tcase_add_loop_test(tests, a_signal_reaches_what_is_left_of_its_group, 0, WAYS);
	tcase_add_test(tests, it_may_have_a_controlling_terminal);
	tcase_add_test(tests, it_may_run_as_another_user);
	tcase_add_test(tests, error_of_each_step_is_told);
	tcase_add_test(tests, it_is_told_that_it_cannot_become_the_user);
	tcase_add_test(tests, forks_of_other_threads_do_not_hold_spawning_up);
	tcase_add_loop_test(tests, pipes_are_not_taken_from_who_talks, 0, WAYS);
}

TEST_MAIN("spawn", add_tests)
