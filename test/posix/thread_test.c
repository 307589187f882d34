/* SPDX-License-Identifier: MIT */
/* Calls that need a thread or a child: names, children, locks of files, slow opens; and signals. */
#include "posix/posix.h"

#include <netdb.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char path[64] = "/tmp/coro-posix-XXXXXX";
static int file, other, lock_kind;

/* ---- names ---- */

static ssize_t by_getaddrinfo(struct made *made)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
	int r = getaddrinfo("localhost", "80", &hints, &found);
	if (r != 0)
		return r;
	bool right = found->ai_family == AF_INET &&
		     ((struct sockaddr_in *)found->ai_addr)->sin_port == htons(80);
	freeaddrinfo(found);
	return right ? 0 : -100;
}

static ssize_t by_getnameinfo(struct made *made)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	char host[100];
	return getnameinfo((struct sockaddr *)&address, sizeof(address), host, sizeof(host), NULL,
			   0, 0);
}

static ssize_t by_gethostbyname(struct made *made)
{
	const struct hostent *entry = gethostbyname("localhost");
	return entry && entry->h_addrtype == AF_INET ? 0 : -100;
}

static ssize_t by_gethostbyname_r(struct made *made)
{
	struct hostent entry, *found;
	char buffer[2000];
	int error;
	int r = gethostbyname_r("localhost", &entry, buffer, sizeof(buffer), &found, &error);
	return r == 0 && found == &entry && entry.h_addrtype == AF_INET ? 0 : -100;
}

static ssize_t (*const lookups[])(struct made *made) = {by_getaddrinfo, by_getnameinfo,
							by_gethostbyname, by_gethostbyname_r};

START_TEST(names_are_looked_up_while_others_run)
{
	struct made made = {.call = lookups[_i]};
	ssize_t expected = made.call(&made); /* no name is known everywhere */
	struct coro_future *task = begin(&made);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(made.result, expected);
}
END_TEST

static ssize_t looks_up_nothing(struct made *made)
{
	struct addrinfo *found;
	struct hostent entry, *result;
	char buffer[1000];
	int error = 0;
	ssize_t r = getaddrinfo("no such host.invalid", "80", NULL, &found);
	if (r == 0)
		freeaddrinfo(found);
	gethostbyname_r("no such host.invalid", &entry, buffer, sizeof(buffer), &result, &error);
	return r != 0 && !result && error != 0 ? 0 : -1;
}

START_TEST(a_name_that_is_none_is_an_error)
{
	struct made made = {.call = looks_up_nothing};
	make(&made);
	ck_assert_int_eq(made.result, 0);
}
END_TEST

START_TEST(a_cancelled_lookup_leaves_at_once)
{
	struct made made = {.call = by_getaddrinfo};
	struct coro_future *task = begin(&made);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(made.result, EAI_SYSTEM);
	ck_assert_int_eq(made.error, ECANCELED);
	run(); /* until the thread has gone, too */
}
END_TEST

/* ---- children ---- */

static struct pair pair;
static int status;
static pid_t child;

static pid_t start_child(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		_exit(read(pair.from, &byte, 1) == 1 ? 3 : 4);
	}
	return pid;
}

static ssize_t by_waitpid(struct made *made)
{
	return waitpid(child, &status, 0);
}

static ssize_t by_wait(struct made *made)
{
	return wait(&status);
}

static ssize_t by_wait4(struct made *made)
{
	struct rusage usage;
	return wait4(0, &status, 0, &usage);
}

static ssize_t by_waitid(struct made *made)
{
	siginfo_t info;
	if (waitid(P_PID, (id_t)child, &info, WEXITED) < 0 || info.si_code != CLD_EXITED)
		return -1;
	status = info.si_status << 8;
	return info.si_pid;
}

static ssize_t (*const child_waits[])(struct made *made) = {by_waitpid, by_wait, by_wait4,
							    by_waitid};

START_TEST(a_child_is_waited_for)
{
	struct made made = {.call = child_waits[_i]};
	pair = make_pair(UNIX);
	child = start_child();
	struct coro_future *task = begin(&made);
	put(pair.to, "x");
	finish(task, &made, child);
	ck_assert_int_eq(WEXITSTATUS(status), 3);
	/* There is no other. */
	make(&made);
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(made.error, ECHILD);
	close_pair(pair);
}
END_TEST

START_TEST(a_cancelled_wait_leaves_the_child)
{
	struct made made = {.call = child_waits[_i]};
	pair = make_pair(UNIX);
	child = start_child();
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	put(pair.to, "x");
	task = spawn(makes, &made);
	finish(task, &made, child);
	close_pair(pair);
}
END_TEST

static ssize_t runs_a_command(struct made *made)
{
	char text[100];
	snprintf(text, sizeof(text), "read x </dev/fd/%d; exit 5", pair.from);
	return system(text);
}

START_TEST(a_command_of_the_shell_is_waited_for)
{
	struct made made = {.call = runs_a_command};
	pair = make_pair(PIPE);
	struct coro_future *task = begin(&made);
	put(pair.to, "x\n");
	finish(task, &made, 5 << 8);
	close_pair(pair);
}
END_TEST

static ssize_t reads_from_a_command(struct made *made)
{
	char text[100];
	snprintf(text, sizeof(text), "read x </dev/fd/%d; echo $x; exit 7", pair.from);
	FILE *stream = popen(text, made->fd ? "re" : "r");
	if (!stream || !fgets(made->bytes, sizeof(made->bytes), stream))
		return -1;
	return fgetc(stream) == EOF ? pclose(stream) : -1;
}

START_TEST(a_stream_of_popen_waits_as_a_task)
{
	struct made made = {.call = reads_from_a_command, .fd = _i};
	pair = make_pair(PIPE);
	struct coro_future *task = begin(&made);
	put(pair.to, "words\n");
	finish(task, &made, 7 << 8);
	ck_assert_str_eq(made.bytes, "words\n");
	close_pair(pair);
}
END_TEST

static ssize_t closes_a_command(struct made *made)
{
	FILE *stream = popen("cat >/dev/null; exit 6", "w");
	return stream && fputs("text", stream) > 0 ? pclose(stream) : -1;
}

/* What a task has opened may be closed elsewhere. */
static ssize_t opens_a_command(struct made *made)
{
	FILE *stream = popen("exit 8", "r");
	memcpy(made->bytes, &stream, sizeof(stream));
	return stream ? 0 : -1;
}

START_TEST(the_end_of_popen_is_waited_for)
{
	struct made made = {.call = closes_a_command};
	struct coro_future *task = spawn(makes, &made);
	finish(task, &made, 6 << 8);
	FILE *stream;
	made.call = opens_a_command;
	make(&made);
	ck_assert_int_eq(made.result, 0);
	memcpy(&stream, made.bytes, sizeof(stream));
	ck_assert_int_eq(pclose(stream), 8 << 8);
	stream = popen("exit 9", "r");
	ck_assert_int_eq(pclose(stream), 9 << 8);
}
END_TEST

/* ---- locks of files ---- */

static ssize_t by_flock(struct made *made)
{
	return flock(made->fd, LOCK_EX);
}

static ssize_t by_ofd(struct made *made)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return fcntl(made->fd, F_OFD_SETLKW, &lock);
}

static bool lock_elsewhere(int type)
{
	struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET};
	return (lock_kind ? fcntl(other, F_OFD_SETLK, &lock)
			  : flock(other, type == F_UNLCK ? LOCK_UN : LOCK_EX | LOCK_NB)) == 0;
}

static ssize_t (*const locks[])(struct made *made) = {by_flock, by_ofd};

static void open_file(void)
{
	file = mkstemp(path);
	other = open(path, O_RDWR | O_CLOEXEC);
	unlink(path);
	strcpy(path, "/tmp/coro-posix-XXXXXX");
	ck_assert(file >= 0 && other >= 0);
}

START_TEST(a_lock_is_waited_for)
{
	if (_i && (RUNNING_ON_VALGRIND || getenv("RUNNING_SLOW")))
		skip_test("valgrind stops all threads in this call");
	lock_kind = _i;
	open_file();
	struct made made = {.call = locks[_i], .fd = file};
	make_at_once(&made);
	ck_assert_int_eq(made.result, 0);
	ck_assert(!lock_elsewhere(F_WRLCK));
	ck_assert_int_eq(_i ? fcntl(file, F_OFD_SETLK, &(struct flock){.l_type = F_UNLCK})
			    : flock(file, LOCK_UN),
			 0);
	ck_assert(lock_elsewhere(F_WRLCK));
	struct coro_future *task = begin(&made);
	ck_assert(lock_elsewhere(F_UNLCK));
	finish(task, &made, 0);
	ck_assert(!lock_elsewhere(F_WRLCK));
	close(file);
	close(other);
}
END_TEST

/* A lock that comes too late is given back. */
START_TEST(a_cancelled_lock_is_not_held)
{
	if (_i && (RUNNING_ON_VALGRIND || getenv("RUNNING_SLOW")))
		skip_test("valgrind stops all threads in this call");
	lock_kind = _i;
	open_file();
	struct made made = {.call = locks[_i], .fd = file};
	ck_assert(lock_elsewhere(F_WRLCK));
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	ck_assert(lock_elsewhere(F_UNLCK));
	run(); /* until the thread has gone */
	ck_assert(lock_elsewhere(F_WRLCK));
	close(file);
	close(other);
}
END_TEST

static int threads;

/* The thread of the call ends in the turn in which its task leaves, before that. */
static int ends_the_call(void *arg)
{
	if (!lock_elsewhere(F_UNLCK))
		return -errno;
	await_threads(threads);
	return 0;
}

START_TEST(a_lock_that_comes_as_its_task_leaves_is_not_held)
{
	struct made made = {.call = by_flock};
	lock_kind = 0;
	open_file();
	made.fd = file;
	threads = threads_now();
	ck_assert(lock_elsewhere(F_WRLCK));
	struct coro_future *task = begin(&made), *ending = spawn(ends_the_call, NULL);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	ck_assert_int_eq(coro_run_until_complete(loop, ending, NULL), 0);
	coro_future_unref(ending);
	run();
	ck_assert(lock_elsewhere(F_WRLCK));
	close(file);
	close(other);
}
END_TEST

START_TEST(a_lock_that_comes_after_the_loops_end_is_not_held)
{
	struct made made = {.call = by_flock};
	lock_kind = 0;
	open_file();
	made.fd = file;
	threads = threads_now();
	ck_assert(lock_elsewhere(F_WRLCK));
	coro_future_unref(begin(&made));
	loop_teardown();
	ck_assert(lock_elsewhere(F_UNLCK));
	await_threads(threads);
	ck_assert(lock_elsewhere(F_WRLCK));
	close(file);
	close(other);
	loop_setup();
}
END_TEST

/* Starts a call that waits for a lock, and lets it get that: its result is on its way to the loop. */
static struct coro_future *lock_until_told(struct made *made)
{
	lock_kind = 0;
	open_file();
	made->fd = file;
	threads = threads_now();
	ck_assert(lock_elsewhere(F_WRLCK));
	struct coro_future *task = begin(made);
	ck_assert(lock_elsewhere(F_UNLCK));
	await_threads(threads);
	ck_assert(!lock_elsewhere(F_WRLCK));
	return task;
}

START_TEST(a_lock_that_comes_as_the_loop_ends_is_not_held)
{
	struct made made = {.call = by_flock};
	coro_future_unref(lock_until_told(&made));
	loop_teardown();
	ck_assert(lock_elsewhere(F_WRLCK));
	close(file);
	close(other);
	loop_setup();
}
END_TEST

/* It has come, and its task is cancelled before it runs on. */
START_TEST(a_lock_that_comes_to_a_cancelled_task_is_not_held)
{
	struct made made = {.call = by_flock};
	struct coro_future *task = lock_until_told(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	ck_assert(lock_elsewhere(F_WRLCK));
	close(file);
	close(other);
}
END_TEST

static int closes_its_copy(void *task)
{
	coro_future_unref(task);
	return coro_loop_close(loop) == 0 ? 0 : 1;
}

START_TEST(a_lock_stays_its_tasks_when_a_child_closes_its_copy_of_the_loop)
{
	struct made made = {.call = by_flock};
	struct coro_future *task = lock_until_told(&made);
	ck_assert_exited(child_run(closes_its_copy, task), 0);
	ck_assert(!lock_elsewhere(F_WRLCK));
	finish(task, &made, 0);
	ck_assert(!lock_elsewhere(F_WRLCK));
	close(file);
	close(other);
}
END_TEST

/* ---- opening ---- */

static ssize_t opens_a_fifo(struct made *made)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

START_TEST(a_fifo_is_opened_when_there_is_a_writer)
{
	struct made made = {.call = opens_a_fifo};
	ck_assert_ptr_nonnull(mkdtemp(path));
	strcat(path, "/fifo");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	struct coro_future *task = begin(&made);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_gt(made.result, 2);
	coro_future_unref(task);
	close(fd);
	close((int)made.result);
	/* One that is cancelled is closed again. */
	task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	run();
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	close(fd);
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
}
END_TEST

/* ---- signals ---- */

static ssize_t waits_for_a_signal(struct made *made)
{
	int number = 0;
	sigset_t set;
	siginfo_t info;
	struct timespec time = {.tv_sec = 1};
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	switch (made->fd) {
	case 0:
		return sigwait(&set, &number) == 0 ? number : -1;
	case 1:
		return sigwaitinfo(&set, &info) == SIGUSR1 ? info.si_signo : -1;
	default:
		return sigtimedwait(&set, &info, &time);
	}
}

START_TEST(a_signal_is_waited_for)
{
	struct made made = {.call = waits_for_a_signal, .fd = _i};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 2; i++) {
		struct coro_future *task = begin(&made);
		kill(getpid(), SIGUSR1);
		finish(task, &made, SIGUSR1);
	}
	kill(getpid(), SIGUSR1);
	make_at_once(&made);
	ck_assert_int_eq(made.result, SIGUSR1);
	if (_i == 2) {
		finish_failed(begin(&made), &made, EAGAIN);
		assert_time(CORO_SEC);
	}
}
END_TEST

static ssize_t pauses(struct made *made)
{
	return pause();
}

static int handled, handled_wrongly;

/* On top of a task that could wait: but a handler cannot. */
static void handle(int number)
{
	char byte;
	struct pollfd fd = {.fd = pair.from, .events = POLLIN};
	if (poll(&fd, 1, 1) != 0 || read(pair.to, &byte, 1) != 1 || byte != 'h')
		handled_wrongly++;
	handled++;
}

static ssize_t raises(struct made *made)
{
	raise(SIGUSR2);
	return handled;
}

START_TEST(a_handler_has_libcs_calls)
{
	struct made made = {.call = raises};
	struct sigaction action = {.sa_handler = handle}, old;
	pair = make_pair(UNIX);
	ck_assert_int_eq(sigaction(SIGUSR2, &action, NULL), 0);
	put(pair.from, "h");
	make_at_once(&made);
	ck_assert_int_eq(made.result, 1);
	ck_assert_int_eq(handled_wrongly, 0);
	/* And the program sees what it has set. */
	ck_assert_int_eq(sigaction(SIGUSR2, NULL, &old), 0);
	ck_assert(old.sa_handler == handle && !(old.sa_flags & SA_SIGINFO));
	ck_assert(signal(SIGUSR2, SIG_DFL) == handle);
	ck_assert(signal(SIGUSR2, handle) == SIG_DFL);
	close_pair(pair);
}
END_TEST

static void count_one(int number)
{
	handled++;
}

START_TEST(a_pause_ends_after_a_handler)
{
	struct made made = {.call = pauses}, second = {.call = pauses};
	signal(SIGUSR2, count_one);
	for (int i = 0; i < 3; i++) {
		struct coro_future *a = begin(&made), *b = begin(&second);
		kill(getpid(), SIGUSR2);
		finish_failed(a, &made, EINTR);
		finish_failed(b, &second, EINTR);
		ck_assert_int_eq(handled, i + 1);
	}
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
}
END_TEST

static uint64_t steps_of_tasks(void)
{
	struct coro_stats stats;
	ck_assert_int_eq(coro_loop_stats(loop, sizeof(stats), &stats), 0);
	return stats.steps;
}

/* One that begins before the other has run on is not ended by what ended that. */
START_TEST(a_pause_does_not_end_after_an_earlier_handler)
{
	struct made first = {.call = pauses}, second = {.call = pauses};
	signal(SIGUSR2, count_one);
	struct coro_future *a = begin(&first), *b = spawn(makes, &second);
	kill(getpid(), SIGUSR2);
	finish_failed(a, &first, EINTR);
	for (int i = 0; i < 4; i++)
		turn();
	ck_assert(!coro_future_done(b));
	uint64_t before = steps_of_tasks();
	turn();
	turn();
	ck_assert_uint_eq(steps_of_tasks(), before);
	kill(getpid(), SIGUSR2);
	finish_failed(b, &second, EINTR);
}
END_TEST

static ssize_t polls_with_a_mask(struct made *made)
{
	sigset_t none;
	struct pollfd fd = {.fd = pair.from, .events = POLLIN};
	sigemptyset(&none);
	return ppoll(&fd, 1, NULL, &none);
}

/* The signal is let in only while it waits. */
START_TEST(a_mask_of_its_own_holds_while_it_waits)
{
	struct made made = {.call = polls_with_a_mask};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR2, count_one);
	pair = make_pair(UNIX);
	struct coro_future *task = begin(&made);
	ck_assert_int_eq(handled, 0);
	kill(getpid(), SIGUSR2);
	finish_failed(task, &made, EINTR);
	ck_assert_int_eq(handled, 1);
	task = begin(&made);
	put(pair.to, "x");
	finish(task, &made, 1);
	close_pair(pair);
}
END_TEST

static void pause_setup(void)
{
	setup_after(pauses);
}

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, pause_setup, fds_teardown);
	tcase_add_loop_test(tests, names_are_looked_up_while_others_run, 0, 4);
	tcase_add_test(tests, a_name_that_is_none_is_an_error);
	tcase_add_test(tests, a_cancelled_lookup_leaves_at_once);
	tcase_add_loop_test(tests, a_child_is_waited_for, 0, 4);
	tcase_add_loop_test(tests, a_cancelled_wait_leaves_the_child, 0, 4);
	tcase_add_test(tests, a_command_of_the_shell_is_waited_for);
	tcase_add_loop_test(tests, a_stream_of_popen_waits_as_a_task, 0, 2);
	tcase_add_test(tests, the_end_of_popen_is_waited_for);
	tcase_add_loop_test(tests, a_lock_is_waited_for, 0, 2);
	tcase_add_loop_test(tests, a_cancelled_lock_is_not_held, 0, 2);
	tcase_add_test(tests, a_lock_that_comes_as_its_task_leaves_is_not_held);
	tcase_add_test(tests, a_lock_that_comes_after_the_loops_end_is_not_held);
	tcase_add_test(tests, a_lock_that_comes_as_the_loop_ends_is_not_held);
	tcase_add_test(tests, a_lock_that_comes_to_a_cancelled_task_is_not_held);
	tcase_add_test(tests, a_lock_stays_its_tasks_when_a_child_closes_its_copy_of_the_loop);
	tcase_add_test(tests, a_fifo_is_opened_when_there_is_a_writer);
	tcase_add_loop_test(tests, a_signal_is_waited_for, 0, 3);
	tcase_add_test(tests, a_handler_has_libcs_calls);
	tcase_add_test(tests, a_pause_ends_after_a_handler);
	tcase_add_test(tests, a_pause_does_not_end_after_an_earlier_handler);
	tcase_add_test(tests, a_mask_of_its_own_holds_while_it_waits);
}

TEST_MAIN("posix thread", add)
