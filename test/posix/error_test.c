/* SPDX-License-Identifier: MIT */
/* Errors of calls in tasks: bad arguments, too many fds, what others do meanwhile. */
#include "posix/posix.h"

#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>

int __open_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);

static struct pair pair;

/* A call that has to fail with this errno, and that does not wait. */
static void make_failing(ssize_t (*call)(struct made *made), int fd, int error)
{
	struct made made = {.call = call, .fd = fd};
	make(&made);
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(made.error, error);
}

/* ---- without another fd ---- */

static struct rlimit files;

/* From now on there can be no more fds. */
static void use_up_fds(void)
{
	getrlimit(RLIMIT_NOFILE, &files);
	int next = dup(0);
	close(next);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next, files.rlim_max}),
			 0);
}

static void have_fds_again(void)
{
	setrlimit(RLIMIT_NOFILE, &files);
}

static ssize_t sleeps_once(struct made *made)
{
	return usleep(1);
}

static ssize_t opens_a_command(struct made *made)
{
	return popen("exit 0", "r") ? 0 : -1;
}

static ssize_t waits_for_a_signal(struct made *made)
{
	sigset_t set;
	siginfo_t info;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigtimedwait(&set, &info, &(struct timespec){.tv_sec = 1});
}

static mqd_t queue;

static ssize_t receives_message(struct made *made)
{
	return mq_receive(queue, made->bytes, sizeof(made->bytes), NULL);
}

static ssize_t pauses(struct made *made)
{
	return pause();
}

static void open_queue(void)
{
	char name[40];
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 10};
	snprintf(name, sizeof(name), "/coro-posix-%d", (int)getpid());
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
	if (queue >= 0)
		mq_unlink(name);
}

START_TEST(call_that_needs_an_fd_fails_without)
{
	static ssize_t (*const all[])(struct made *) = {opens_a_command, waits_for_a_signal, pauses,
							receives_message};
	struct made first = {.call = sleeps_once}, made = {.call = all[_i]};
	open_queue();
	if (queue < 0)
		skip_test("there are no message queues");
	make(&first); /* the loop has its own */
	use_up_fds();
	make(&made);
	have_fds_again();
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(made.error, EMFILE);
	mq_close(queue);
}
END_TEST

static pid_t child;

static ssize_t waits_for_child(struct made *made)
{
	return waitpid(child, NULL, 0);
}

START_TEST(child_is_waited_for_by_a_thread_without_an_fd)
{
	struct made made = {.call = waits_for_child};
	pair = make_pair(PIPE);
	child = fork();
	if (child == 0) {
		char byte;
		_exit(read(pair.from, &byte, 1) == 1 ? 0 : 1);
	}
	turn();
	use_up_fds();
	struct coro_future *task = begin(&made);
	have_fds_again();
	put(pair.to, "x");
	finish(task, &made, child);
	close_pair(pair);
}
END_TEST

/* ---- bad times and clocks ---- */

static const struct timespec bad_time = {.tv_nsec = -1};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;

static ssize_t selects(struct made *made)
{
	struct timeval time = {.tv_usec = -1};
	return select(0, NULL, NULL, NULL, &time);
}

static ssize_t takes(struct made *made)
{
	return sem_timedwait(&semaphore, &bad_time);
}

static ssize_t locks_by_clock(struct made *made)
{
	const struct timespec time = {.tv_sec = 1};
	errno = pthread_mutex_clocklock(&mutex, 4711, &time);
	return errno ? -1 : 0;
}

static ssize_t locks_for_reading(struct made *made)
{
	errno = pthread_rwlock_timedrdlock(&rwlock, &bad_time);
	return errno ? -1 : 0;
}

static ssize_t waits_for_condition(struct made *made)
{
	errno = pthread_cond_timedwait(&condition, &mutex, &bad_time);
	return errno ? -1 : 0;
}

static ssize_t polls(struct made *made)
{
	return ppoll(NULL, 0, &bad_time, NULL);
}

static ssize_t selects_precisely(struct made *made)
{
	return pselect(0, NULL, NULL, NULL, &bad_time, NULL);
}

static ssize_t sleeps(struct made *made)
{
	return nanosleep(&bad_time, NULL);
}

static ssize_t waits_for_signals(struct made *made)
{
	sigset_t set;
	sigemptyset(&set);
	return sigtimedwait(&set, NULL, &bad_time);
}

static ssize_t (*const badly_timed[])(struct made *) = {
	selects, takes,  locks_by_clock,    locks_for_reading, waits_for_condition,
	polls,   sleeps, selects_precisely, waits_for_signals};

enum { BADLY_TIMED = sizeof(badly_timed) / sizeof(badly_timed[0]) };

START_TEST(bad_time_is_an_error)
{
	sem_init(&semaphore, 0, 0);
	pthread_mutex_lock(&mutex);
	pthread_rwlock_wrlock(&rwlock);
	make_failing(badly_timed[_i], 0, EINVAL);
	pthread_rwlock_unlock(&rwlock);
	pthread_mutex_unlock(&mutex);
}
END_TEST

static ssize_t sleeps_for_ever(struct made *made)
{
	const struct timespec ever = {.tv_sec = INT64_MAX};
	return nanosleep(&ever, NULL);
}

START_TEST(time_without_an_end_is_for_ever)
{
	struct made made = {.call = sleeps_for_ever};
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
}
END_TEST

/* ---- signals ---- */

static ssize_t asks_for_no_time(struct made *made)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigtimedwait(&set, NULL, &(struct timespec){0});
}

static ssize_t sets_no_signal(struct made *made)
{
	const struct sigaction action = {.sa_handler = SIG_IGN};
	return sigaction(0, &action, NULL);
}

static void handle(int number)
{
}

static ssize_t handles_sigkill(struct made *made)
{
	const struct sigaction action = {.sa_handler = handle};
	return sigaction(SIGKILL, &action, NULL);
}

static ssize_t handles_by_an_error(struct made *made)
{
	return signal(SIGUSR1, SIG_ERR) == SIG_ERR ? -1 : 0;
}

/* It is obsolete, and programs call it. */
int old_siginterrupt(int number, int flag) __asm__("siginterrupt");

static ssize_t interrupts_no_signal(struct made *made)
{
	return old_siginterrupt(0, 1);
}

START_TEST(wrong_signal_is_an_error)
{
	make_failing(asks_for_no_time, 0, EAGAIN);
	make_failing(sets_no_signal, 0, EINVAL);
	make_failing(handles_sigkill, 0, EINVAL);
	make_failing(handles_by_an_error, 0, EINVAL);
	make_failing(interrupts_no_signal, 0, EINVAL);
}
END_TEST

static ssize_t waits_by_sigwait(struct made *made)
{
	sigset_t set;
	int number;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigwait(&set, &number);
}

START_TEST(sigwait_that_is_cancelled_returns_the_error)
{
	struct made made = {.call = waits_by_sigwait};
	struct coro_future *task = begin(&made);
	cancel(task);
	finish(task, &made, ECANCELED);
}
END_TEST

static sigjmp_buf before_handler;

static void jumps_out(int number)
{
	siglongjmp(before_handler, 1);
}

static ssize_t jumps_and_reads(struct made *made)
{
	signal(SIGUSR2, jumps_out);
	if (sigsetjmp(before_handler, 1) == 0)
		raise(SIGUSR2);
	return read(made->fd, made->bytes, 1);
}

/* A handler that does not return must not leave the task with libc's calls. */
START_TEST(task_waits_again_after_a_jump_out_of_a_handler)
{
	struct made made = {.call = jumps_and_reads};
	pair = make_pair(PIPE);
	made.fd = pair.from;
	struct coro_future *task = begin(&made);
	put(pair.to, "x");
	finish(task, &made, 1);
	close_pair(pair);
}
END_TEST

static volatile sig_atomic_t pipes_broken;

static void count_broken(int number)
{
	pipes_broken++;
}

static ssize_t sends(struct made *made)
{
	return send(made->fd, "x", 1, 0);
}

static ssize_t sends_quietly(struct made *made)
{
	return send(made->fd, "x", 1, MSG_NOSIGNAL);
}

START_TEST(sending_to_what_nobody_reads_raises_sigpipe)
{
	signal(SIGPIPE, count_broken);
	pair = make_pair(UNIX);
	close(pair.from);
	make_failing(sends, pair.to, EPIPE);
	ck_assert_int_eq(pipes_broken, 1);
	make_failing(sends_quietly, pair.to, EPIPE);
	ck_assert_int_eq(pipes_broken, 1);
	close(pair.to);
}
END_TEST

/* ---- messages ---- */

static ssize_t receives_credentials(struct made *made)
{
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec vec = {made->bytes, sizeof(made->bytes)};
	struct msghdr message = {.msg_iov = &vec,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	return recvmsg(made->fd, &message, 0) == 1 && message.msg_controllen > 0 ? 1 : -1;
}

START_TEST(message_may_carry_other_things_than_fds)
{
	struct made made = {.call = receives_credentials};
	pair = make_pair(UNIX);
	made.fd = pair.from;
	setsockopt(pair.from, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int));
	struct coro_future *task = begin(&made);
	put(pair.to, "x");
	finish(task, &made, 1);
	close_pair(pair);
}
END_TEST

static ssize_t receives_several(struct made *made)
{
	struct iovec vec = {made->bytes, 10};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &vec, .msg_iovlen = 1}},
				      {.msg_hdr = {.msg_iov = &vec, .msg_iovlen = 1}}};
	return recvmmsg(made->fd, messages, 2, 0, NULL);
}

static ssize_t sends_several(struct made *made)
{
	struct iovec vec = {"x", 1};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &vec, .msg_iovlen = 1}},
				      {.msg_hdr = {.msg_iov = &vec, .msg_iovlen = 1}}};
	return sendmmsg(made->fd, messages, 2, 0);
}

START_TEST(several_messages_of_which_none_comes_or_goes_fail)
{
	struct made made = {.call = receives_several};
	pair = make_pair(UNIX);
	made.fd = pair.from;
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	signal(SIGPIPE, SIG_IGN);
	close(pair.from);
	make_failing(sends_several, pair.to, EPIPE);
	close(pair.to);
}
END_TEST

static ssize_t accepts(struct made *made)
{
	return accept(made->fd, NULL, NULL);
}

START_TEST(accept_of_no_listener_fails)
{
	pair = make_pair(UNIX);
	make_failing(accepts, pair.from, EINVAL);
	close_pair(pair);
}
END_TEST

static ssize_t sends_message(struct made *made)
{
	return mq_send(queue, made->bytes, 50, 0);
}

static ssize_t receives_too_little(struct made *made)
{
	return mq_receive(queue, made->bytes, 1, NULL);
}

static ssize_t sends_too_late(struct made *made)
{
	return mq_timedsend(queue, "x", 1, 0, &bad_time);
}

START_TEST(message_of_a_wrong_size_or_time_is_an_error)
{
	open_queue();
	if (queue < 0)
		skip_test("there are no message queues");
	make_failing(sends_message, 0, EMSGSIZE);
	make_failing(receives_too_little, 0, EMSGSIZE);
	ck_assert_int_eq(mq_send(queue, "x", 1, 0), 0);
	make_failing(sends_too_late, 0, EINVAL);
	mq_close(queue);
}
END_TEST

/* ---- what others do meanwhile ---- */

static ssize_t waits_for_epoll(struct made *made)
{
	struct epoll_event event;
	return epoll_wait(made->fd, &event, 1, -1);
}

static ssize_t closes(struct made *made)
{
	return close(made->fd);
}

START_TEST(epoll_that_is_closed_meanwhile_is_an_error)
{
	struct made made = {.call = waits_for_epoll, .fd = epoll_create1(EPOLL_CLOEXEC)},
		    closing = {.call = closes, .fd = made.fd};
	struct coro_future *task = begin(&made);
	make_at_once(&closing);
	finish_failed(task, &made, EBADF);
}
END_TEST

/* A child of vfork has the loop's memory, but an fd that it closes is not the loop's. */
static ssize_t closes_in_a_child(struct made *made)
{
	int fd = made->fd, status;
	pid_t pid = vfork();
	if (pid == 0)
		_exit(close(fd) == 0 ? 0 : 1);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return -1;
	return read(fd, made->bytes, 1);
}

START_TEST(child_of_vfork_closes_its_own_fds)
{
	struct made made = {.call = closes_in_a_child};
	pair = make_pair(PIPE);
	made.fd = pair.from;
	put(pair.to, "x");
	make(&made);
	ck_assert_int_eq(made.result, 1);
	close_pair(pair);
}
END_TEST

/* ---- the rest ---- */

static char path[64];

static ssize_t locks_a_part(struct made *made)
{
	return lockf(made->fd, F_LOCK, 0);
}

static ssize_t locks_what_is_read_only(struct made *made)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return fcntl(made->fd, F_SETLKW, &lock);
}

static ssize_t opens_in_other_ways(struct made *made)
{
	int fds[] = {openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC),
		     __open_2(path, O_RDONLY | O_CLOEXEC),
		     __openat_2(AT_FDCWD, path, O_RDONLY | O_CLOEXEC)};
	ssize_t right = 0;
	for (int i = 0; i < 3; i++)
		right += fds[i] >= 0 && close(fds[i]) == 0;
	return right;
}

START_TEST(files_are_opened_and_locked)
{
	struct made locks = {.call = locks_a_part}, opens = {.call = opens_in_other_ways};
	strcpy(path, "/tmp/coro-posix-XXXXXX");
	locks.fd = mkstemp(path);
	make(&locks);
	ck_assert_int_eq(locks.result, 0);
	make(&opens);
	ck_assert_int_eq(opens.result, 3);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	make_failing(locks_what_is_read_only, fd, EBADF);
	close(fd);
	close(locks.fd);
	unlink(path);
}
END_TEST

/* It has O_NONBLOCK, which the program does not know. */
static ssize_t makes_listener_blocking(struct made *made)
{
	int off = 0;
	if (listen(made->fd, 1) < 0 || ioctl(made->fd, FIONBIO, &off) < 0)
		return -1;
	return fcntl(made->fd, F_GETFL) & O_NONBLOCK;
}

START_TEST(listener_may_be_made_blocking)
{
	struct made made = {.call = makes_listener_blocking};
	made.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	make_at_once(&made);
	ck_assert_int_eq(made.result, 0);
	made.call = accepts;
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	close(made.fd);
}
END_TEST

static ssize_t waits_without_info(struct made *made)
{
	return waitid(P_PID, (id_t)child, NULL, WEXITED);
}

START_TEST(child_may_be_waited_for_without_knowing_how_it_ended)
{
	struct made made = {.call = waits_without_info};
	pair = make_pair(PIPE);
	child = fork();
	if (child == 0) {
		char byte;
		_exit(read(pair.from, &byte, 1) == 1 ? 0 : 1);
	}
	struct coro_future *task = begin(&made);
	put(pair.to, "x");
	finish(task, &made, 0);
	ck_assert_int_eq(waitpid(child, NULL, WNOHANG), -1);
	close_pair(pair);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, call_that_needs_an_fd_fails_without, 0, 4);
	tcase_add_test(tests, child_is_waited_for_by_a_thread_without_an_fd);
	tcase_add_loop_test(tests, bad_time_is_an_error, 0, BADLY_TIMED);
	tcase_add_test(tests, time_without_an_end_is_for_ever);
	tcase_add_test(tests, wrong_signal_is_an_error);
	tcase_add_test(tests, sigwait_that_is_cancelled_returns_the_error);
	tcase_add_test(tests, task_waits_again_after_a_jump_out_of_a_handler);
	tcase_add_test(tests, sending_to_what_nobody_reads_raises_sigpipe);
	tcase_add_test(tests, message_may_carry_other_things_than_fds);
	tcase_add_test(tests, several_messages_of_which_none_comes_or_goes_fail);
	tcase_add_test(tests, accept_of_no_listener_fails);
	tcase_add_test(tests, message_of_a_wrong_size_or_time_is_an_error);
	tcase_add_test(tests, epoll_that_is_closed_meanwhile_is_an_error);
	tcase_add_test(tests, child_of_vfork_closes_its_own_fds);
	tcase_add_test(tests, files_are_opened_and_locked);
	tcase_add_test(tests, listener_may_be_made_blocking);
	tcase_add_test(tests, child_may_be_waited_for_without_knowing_how_it_ended);
}

TEST_MAIN("posix error", add)
