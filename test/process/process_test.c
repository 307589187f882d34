/* SPDX-License-Identifier: MIT */
/* Most tests run twice: with pidfds, and, as where there are none, with a thread for each child. */
#include "fds.h"
#include "threads.h"

#include <sys/stat.h>
#include <sys/syscall.h>

enum { BY_PIDFD, BY_THREAD, WAYS };

static void process_setup(void)
{
	list_fds(fds_before);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}

static void process_teardown(void)
{
	fail_call_off();
	fds_teardown();
	ck_assert_msg(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
}

/* In the thread that calls; also under way. */
static void watch_by(int way)
{
	if (way == BY_THREAD)
		fail_calls_from("pidfd_open", 1, ENOSYS);
}

/* A test whose body runs in a task. */
#define TASK_TEST(name)                                               \
	static int in_task_##name(void *way);                         \
	START_TEST(name)                                              \
	{                                                             \
		int way = _i;                                         \
		watch_by(way);                                        \
		ck_assert_int_eq(result_of(in_task_##name, &way), 0); \
		run();                                                \
	}                                                             \
	END_TEST                                                      \
	static int in_task_##name(CORO_UNUSED void *way)

/* ---- programs ---- */

/* A shell's script. */
static struct coro_process *sh(const char *script, const struct coro_process_options *options)
{
	struct coro_process *process = NULL;
	int r = coro_process_shell(script, options, &process);
	ck_assert_msg(r == 0, "%s: %s", script, coro_message(r));
	return process;
}

/* Waits for it and gives it back: how it ended. */
static int end_of(struct coro_process *process)
{
	int code = -1000;
	ck_assert_int_eq(coro_process_wait(process, &code), 0);
	ck_assert_int_eq(coro_process_destroy(process), 0);
	return code;
}

/* Talks to it, expects it to end well, and gives it back: what it said, until the next call. */
static const char *message_of(struct coro_process *process, const char *input)
{
	static char words[4096];
	struct coro_bytes out;
	size_t length = input ? strlen(input) : 0;
	int r = coro_process_communicate(process, input, length, sizeof(words) - 1, &out, NULL);
	ck_assert_msg(r == 0, "%s", coro_strerror(r));
	ck_assert_int_eq(out.bytes[out.length], '\0');
	memcpy(words, out.bytes, out.length + 1);
	free(out.bytes);
	ck_assert_int_eq(end_of(process), 0);
	return words;
}

static struct coro_process_options piped(void)
{
	return (struct coro_process_options){.in = CORO_PIPE, .out = CORO_PIPE};
}

/* What a script says. */
static const char *said(const char *script)
{
	struct coro_process_options options = {.out = CORO_PIPE};
	return message_of(sh(script, &options), NULL);
}

/* One that runs until its standard input ends, and then ends with 3. */
static struct coro_process *waits_for_eof(unsigned flags)
{
	struct coro_process_options options = {.in = CORO_PIPE, .flags = flags};
	return sh("read x; exit 3", &options);
}

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

static struct coro_process *shared;

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
	ck_assert_trace("b:-125 a:3 c:3");
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

START_TEST(one_that_is_given_back_while_it_runs_goes_on_and_is_reaped)
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
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(coro_process_code(shared, &code), 0);
	ck_assert_int_eq(code, -SIGKILL);
	ck_assert_int_eq(coro_process_kill(shared), -ESRCH);
	ck_assert_int_eq(coro_process_destroy(shared), 0);
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

static void says_it(void *word)
{
	trace("%s", (char *)word);
}

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

/* Which of these fds a script has: as a string of 0 and 1. */
static const char *has_fds(const int *fds, int count, const struct coro_process_options *options)
{
	char script[256] = "";
	for (int i = 0; i < count; i++) {
		char piece[80];
		snprintf(piece, sizeof(piece), "test -e /proc/$$/fd/%d && printf 1 || printf 0;",
			 fds[i]);
		strcat(script, piece);
	}
	return message_of(sh(script, options), NULL);
}

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

	/* An older kernel. */
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

/* Fails to spawn it, with that, and with those words. */
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

static int talks_to_shared(void *arg)
{
	struct coro_bytes out;
	return coro_process_communicate(shared, NULL, 0, 0, &out, NULL);
}

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

/* What cat makes of an fd of ours, which has O_NONBLOCK, as its standard input; it waits for it. */
static void expect_cat_waits(int theirs, int ours)
{
	char *argv[] = {(char *)"cat", NULL};
	struct coro_process_options options = {.in = theirs, .out = CORO_PIPE, .err = CORO_PIPE};
	struct coro_process *cat;
	struct coro_bytes said, complained;
	ck_assert_int_ne(fcntl(theirs, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(coro_process_spawn(argv, &options, &cat), 0);
	coro_fd_close(theirs);
	/* It reads before there is anything: it has no other way to go on than to wait. */
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
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	expect_cat_waits(pair[0], pair[1]);
	return 0;
}

/* A pipe is the child's by a description of its own: the flag stays where others have it. */
TASK_TEST(a_pipe_that_is_given_away_keeps_its_flags_here)
{
	int ends[2];
	ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
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
	/* The end comes when nobody has the pipe any more. */
	ck_assert_int_eq(coro_read(coro_process_stdout(process), byte, 3), 0);
	ck_assert_int_eq(end_of(process), -SIGTERM);

	process = waits_for_eof(0);
	ck_assert_int_eq(coro_process_signal_group(process, SIGTERM), -EINVAL);
	ck_assert_int_eq(coro_process_signal_group(NULL, SIGTERM), -EINVAL);
	coro_process_close_stdin(process);
	ck_assert_int_eq(end_of(process), 3);
	return 0;
}

/* As kill has it with a group: the system may not know it by a process's end. */
static bool groups_outlive_leaders(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	long r = pidfd < 0 ? -1 : syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 1 << 2);
	int error = errno;
	close(pidfd);
	return r == 0 || error == ESRCH;
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
	/* What it cannot do comes back from a copy of its own memory, too. */
	ck_assert_int_eq(coro_process_spawn(argv, &options, &process), -ENOENT);
	user.groups = NULL;
	user.group_count = 1;
	ck_assert_int_eq(coro_process_spawn(argv, &options, &process), -EINVAL);
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
			sleep(30);
			_exit(0);
		}
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

/* ---- pipes ---- */

TASK_TEST(what_it_complains_of_comes_by_a_pipe_of_its_own)
{
	struct coro_process_options options = {.err = CORO_PIPE};
	struct coro_process *process = sh("echo woe >&2", &options);
	char got[16] = {0};
	ck_assert_int_eq(coro_process_stdout(process), -EBADF);
	ck_assert_int_eq(coro_read(coro_process_stderr(process), got, sizeof(got) - 1), 4);
	ck_assert_str_eq(got, "woe\n");
	ck_assert_int_eq(end_of(process), 0);
	return 0;
}

TASK_TEST(its_pipes_are_read_and_written_like_all_fds)
{
	struct coro_process_options options = piped();
	struct coro_process *process = sh("read x; echo got $x; read x; echo and $x", &options);
	int in = coro_process_stdin(process), out = coro_process_stdout(process);
	char got[64] = {0};
	ck_assert_int_ne(fcntl(in, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(out, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(in, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(coro_write(in, "one\n", 4), 4);
	ck_assert_int_eq(coro_read(out, got, sizeof(got)), 8);
	ck_assert_str_eq(got, "got one\n");
	ck_assert_int_eq(coro_write(in, "two\n", 4), 4);
	ck_assert_int_eq(coro_read(out, got, sizeof(got)), 8);
	ck_assert_str_eq(got, "and two\n");
	ck_assert_int_eq(coro_read(out, got, sizeof(got)), 0);
	ck_assert_int_eq(coro_process_wait(process, NULL), 0);
	ck_assert_int_eq(coro_write(in, "three\n", 6), -EPIPE);
	return end_of(process);
}

TASK_TEST(a_pipe_can_be_taken_over)
{
	struct coro_process_options options = piped();
	struct coro_process *process = sh("cat", &options);
	int in = coro_process_take_pipe(process, 0), out = coro_process_take_pipe(process, 1);
	char got[8] = {0};
	ck_assert_int_eq(coro_process_stdin(process), -EBADF);
	ck_assert_int_eq(coro_process_destroy(process), 0);
	ck_assert_int_eq(coro_write(in, "hello", 5), 5);
	ck_assert_int_eq(coro_fd_close(in), 0);
	ck_assert_int_eq(coro_read(out, got, sizeof(got)), 5);
	ck_assert_str_eq(got, "hello");
	ck_assert_int_eq(coro_read(out, got, sizeof(got)), 0);
	ck_assert_int_eq(coro_fd_close(out), 0);
	return 0;
}

/* ---- communicate ---- */

/* So many bytes, none of which is like those near it. */
static char *make_bytes(size_t length)
{
	char *bytes = malloc(length);
	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	return bytes;
}

TASK_TEST(much_goes_in_and_out_at_once)
{
	size_t length = (size_t)many(3000000, 300000);
	char *input = make_bytes(length);
	struct coro_process_options options = piped();
	struct coro_bytes out, err;
	options.err = CORO_PIPE;
	struct coro_process *process = sh("tee /dev/stderr", &options);
	ck_assert_int_eq(coro_process_communicate(process, input, length, 0, &out, &err), 0);
	ck_assert_uint_eq(out.length, length);
	ck_assert_uint_eq(err.length, length);
	ck_assert(memcmp(out.bytes, input, length) == 0);
	ck_assert(memcmp(err.bytes, input, length) == 0);
	ck_assert_int_eq(coro_process_stdout(process), -EBADF);
	free(out.bytes);
	free(err.bytes);
	free(input);
	ck_assert_int_eq(end_of(process), 0);
	return 0;
}

TASK_TEST(input_that_it_does_not_read_is_dropped)
{
	size_t length = 1000000;
	char *input = make_bytes(length);
	struct coro_process_options options = piped();
	struct coro_process *process = sh("echo bye", &options);
	struct coro_bytes out;
	ck_assert_int_eq(coro_process_communicate(process, input, length, 0, &out, NULL), 0);
	ck_assert_str_eq(out.bytes, "bye\n");
	free(out.bytes);
	free(input);
	ck_assert_int_eq(end_of(process), 0);
	return 0;
}

TASK_TEST(output_that_nobody_wants_is_dropped)
{
	struct coro_process_options options = {.out = CORO_PIPE, .err = CORO_PIPE};
	struct coro_process *process =
		sh("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 4", &options);
	ck_assert_int_eq(coro_process_communicate(process, NULL, 0, 0, NULL, NULL), 0);
	ck_assert_int_eq(end_of(process), 4);
	return 0;
}

TASK_TEST(without_pipes_it_is_waited_for)
{
	struct coro_process *process = sh("exit 4", NULL);
	struct coro_bytes out;
	ck_assert_int_eq(coro_process_communicate(process, "x", 1, 0, &out, NULL), 0);
	ck_assert_ptr_null(out.bytes);
	ck_assert_int_eq(end_of(process), 4);
	return 0;
}

TASK_TEST(more_than_the_limit_is_an_error)
{
	struct coro_process_options options = {.in = CORO_PIPE, .out = CORO_PIPE, .err = CORO_PIPE};
	struct coro_bytes out = {.length = 7}, err = {.length = 7};
	for (int stream = 1; stream <= 2; stream++) {
		struct coro_process *process =
			sh(stream == 1 ? "echo 1234; read x" : "echo 1234 >&2; read x", &options);
		int r = coro_process_communicate(process, NULL, 0, 5, &out, &err);
		ck_assert_int_eq(r, 0);
		free(out.bytes);
		free(err.bytes);
		out.length = 7;
		end_of(process);

		process = sh(stream == 1 ? "echo 12345; exec cat /dev/zero"
					 : "echo 12345 >&2; exec cat /dev/zero >&2",
			     &options);
		r = coro_process_communicate(process, NULL, 0, 5, &out, NULL);
		ck_assert_int_eq(r, -EMSGSIZE);
		ck_assert_uint_eq(out.length, 7);
		ck_assert_int_eq(coro_process_code(process, NULL), -EAGAIN);
		coro_process_kill(process);
		ck_assert_int_eq(end_of(process), -SIGKILL);
	}
	return 0;
}

TASK_TEST(a_talk_that_was_cut_short_goes_on)
{
	size_t length = 300000;
	char *input = make_bytes(length);
	struct coro_process_options options = {.in = CORO_PIPE, .out = CORO_PIPE, .err = CORO_PIPE};
	struct coro_process *process =
		sh("echo early >&2; head -c 200000; sleep 0.2; exec cat", &options);
	struct coro_bytes out, err;
	int r, times = 0;
	do {
		struct coro_timeout timeout;
		coro_timeout_begin(&timeout, 20 * CORO_MSEC);
		r = coro_process_communicate(process, input, length, 0, &out, &err);
		r = coro_timeout_end(&timeout, r);
		times++;
	} while (r == -ETIMEDOUT);
	ck_assert_int_eq(r, 0);
	ck_assert_int_gt(times, 1);
	ck_assert_uint_eq(out.length, length);
	ck_assert(memcmp(out.bytes, input, length) == 0);
	ck_assert_str_eq(err.bytes, "early\n");
	free(out.bytes);
	free(err.bytes);
	free(input);
	return end_of(process);
}

TASK_TEST(what_was_over_the_limit_can_be_had_with_a_higher_one)
{
	struct coro_process_options options = {.out = CORO_PIPE};
	struct coro_process *process = sh("echo 12345", &options);
	struct coro_bytes out;
	ck_assert_int_eq(coro_process_communicate(process, NULL, 0, 5, &out, NULL), -EMSGSIZE);
	ck_assert_int_eq(coro_process_communicate(process, NULL, 0, 5, &out, NULL), -EMSGSIZE);
	ck_assert_int_eq(coro_process_communicate(process, NULL, 0, 6, &out, NULL), 0);
	ck_assert_str_eq(out.bytes, "12345\n");
	free(out.bytes);
	return end_of(process);
}

TASK_TEST(one_task_at_a_time_talks_to_it_and_may_be_cancelled)
{
	struct coro_process_options options = piped();
	struct coro_future *task;
	options.err = CORO_PIPE;
	shared = sh("echo early; read x; exec sleep 1000", &options);
	coro_spawn(talks_to_shared, NULL, &task);
	coro_task_yield();
	ck_assert_int_eq(talks_to_shared(NULL), -EBUSY);
	ck_assert_int_eq(coro_process_destroy(shared), -EBUSY);
	coro_task_yield();
	coro_cancel(task);
	ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_int_eq(coro_process_code(shared, NULL), -EAGAIN);
	coro_process_kill(shared);
	ck_assert_int_eq(end_of(shared), -SIGKILL);
	return 0;
}

static int talks_to_own(void *arg)
{
	struct coro_process_options options = piped();
	options.err = CORO_PIPE;
	shared = sh("echo early; echo early >&2; exec sleep 1000", &options);
	return talks_to_shared(arg);
}

START_TEST(a_task_that_talks_may_be_discarded)
{
	watch_by(_i);
	struct coro_future *task = spawn(talks_to_own, NULL);
	while (!shared)
		turn();
	for (int i = 0; i < 10; i++)
		turn();
	coro_future_unref(task);
	loop_teardown();
	ck_assert_int_eq(coro_process_destroy(shared), 0);
	loop_setup();
}
END_TEST

/* ---- failures ---- */

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

static int count_open(void)
{
	int count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* EINTR is no failure; of ENOMEM comes an error, or it can do without. */
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

/* Where it can be neither watched nor reaped, too. */
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
		ck_assert_uint_lt(spawning.n, 100);
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
		ck_assert_uint_lt(spawning.n, 100);
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

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, process_setup, process_teardown);
	tcase_add_loop_test(tests, its_code_tells_how_it_ended, 0, WAYS);
	tcase_add_loop_test(tests, its_code_can_be_asked_for_without_waiting, 0, WAYS);
	tcase_add_loop_test(tests, several_tasks_may_wait_for_it, 0, WAYS);
	tcase_add_loop_test(tests, a_timeout_leaves_it_running, 0, WAYS);
	tcase_add_loop_test(tests, it_gets_signals_until_its_end, 0, WAYS);
	tcase_add_loop_test(tests, others_may_have_reaped_it, 0, WAYS);
	tcase_add_loop_test(tests, many_run_at_once, 0, WAYS);
	tcase_add_loop_test(tests, one_that_is_given_back_while_it_runs_goes_on_and_is_reaped, 0,
			    WAYS);
	tcase_add_loop_test(tests, closing_the_loop_kills_what_still_runs, 0, WAYS);
	tcase_add_loop_test(tests, one_that_may_outlive_the_loop_is_left_alone, 0, WAYS);
	tcase_add_loop_test(tests, a_task_that_waits_may_be_discarded, 0, WAYS);
	tcase_add_loop_test(tests, a_child_made_by_fork_leaves_its_parents_processes_alone, 0,
			    WAYS);
	tcase_add_loop_test(tests, virtual_time_waits_for_a_process, 0, WAYS);
	tcase_add_test(tests, its_streams_are_what_was_asked_for);
	tcase_add_test(tests, its_streams_may_be_any_fds);
	tcase_add_test(tests, its_streams_may_be_ours_in_another_order);
	tcase_add_test(tests, we_may_have_no_standard_streams);
	tcase_add_test(tests, it_inherits_no_fds_that_are_not_passed);
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
	tcase_add_test(tests, forks_of_other_threads_do_not_hold_spawning_up);
	tcase_add_loop_test(tests, pipes_are_not_taken_from_who_talks, 0, WAYS);
	tcase_add_test(tests, what_it_complains_of_comes_by_a_pipe_of_its_own);
	tcase_add_test(tests, its_pipes_are_read_and_written_like_all_fds);
	tcase_add_test(tests, a_pipe_can_be_taken_over);
	tcase_add_loop_test(tests, much_goes_in_and_out_at_once, 0, WAYS);
	tcase_add_test(tests, input_that_it_does_not_read_is_dropped);
	tcase_add_test(tests, output_that_nobody_wants_is_dropped);
	tcase_add_loop_test(tests, without_pipes_it_is_waited_for, 0, WAYS);
	tcase_add_test(tests, more_than_the_limit_is_an_error);
	tcase_add_loop_test(tests, a_talk_that_was_cut_short_goes_on, 0, WAYS);
	tcase_add_test(tests, what_was_over_the_limit_can_be_had_with_a_higher_one);
	tcase_add_loop_test(tests, one_task_at_a_time_talks_to_it_and_may_be_cancelled, 0, WAYS);
	tcase_add_loop_test(tests, a_task_that_talks_may_be_discarded, 0, WAYS);
	tcase_add_test(tests, each_allocation_may_fail);
	tcase_add_test(tests, each_system_call_may_fail);
	tcase_add_test(tests, without_a_pidfd_a_thread_does_it);
	tcase_add_test(tests, a_child_does_not_run_on_where_spawning_it_fails);
	tcase_add_test(tests, a_failed_spawn_does_not_wait_for_an_unkillable_child);
	tcase_add_test(tests, when_there_can_be_no_more_processes_it_says_so);
	tcase_add_loop_test(tests, waits_allocate_nothing, 0, WAYS);
	tcase_add_test(tests, loops_of_several_threads_have_children);
}

TEST_MAIN("process", add)
