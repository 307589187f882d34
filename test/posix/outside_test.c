/* SPDX-License-Identifier: MIT */
/* Outside of tasks each call is libc's, and the thread waits. */
#include "posix/posix.h"

#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

/* C11's names: a header here is <threads.h>. */
int mtx_lock(pthread_mutex_t *mutex);
int mtx_trylock(pthread_mutex_t *mutex);
int cnd_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int thrd_sleep(const struct timespec *time, struct timespec *left);

int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments);
int __dprintf_chk(int fd, int flag, const char *format, ...);
int __printf_chk(int flag, const char *format, ...);
int __overflow(FILE *stream, int byte);
__sighandler_t __sysv_signal(int number, __sighandler_t function);

static struct pair pair;

/* ---- fds ---- */

START_TEST(bytes_are_libcs)
{
	char bytes[10] = {0};
	struct iovec vec = {bytes, 5};
	pair = make_pair(UNIX);
	vec.iov_base = "words";
	ck_assert_int_eq(writev(pair.to, &vec, 1), 5);
	vec.iov_base = bytes;
	ck_assert_int_eq(readv(pair.from, &vec, 1), 5);
	ck_assert_str_eq(bytes, "words");
	ck_assert_int_eq(pread(pair.from, bytes, 1, 0), -1);
	ck_assert_int_eq(errno, ESPIPE);
	ck_assert_int_eq(pwrite(pair.from, bytes, 1, 0), -1);
	ck_assert_int_eq(errno, ESPIPE);
	close_pair(pair);
}
END_TEST

START_TEST(messages_are_libcs)
{
	char bytes[10] = {0};
	struct iovec vec = {bytes, 5};
	struct mmsghdr messages = {.msg_hdr = {.msg_iov = &vec, .msg_iovlen = 1}};
	struct timespec time = {.tv_sec = 1};
	pair = make_pair(UNIX);
	ck_assert_int_eq(sendto(pair.to, "words", 5, 0, NULL, 0), 5);
	ck_assert_int_eq(recvmmsg(pair.from, &messages, 1, 0, &time), 1);
	ck_assert_uint_eq(messages.msg_len, 5);
	ck_assert_str_eq(bytes, "words");
	ck_assert_int_eq(sendmsg(pair.to, &messages.msg_hdr, 0), 5);
	ck_assert_int_eq(sendmmsg(pair.to, &messages, 1, 0), 1);
	ck_assert_int_eq(recv(pair.from, (char[20]){0}, 20, 0), 10);
	close_pair(pair);
}
END_TEST

static int make_file(void)
{
	char path[] = "/tmp/coro-posix-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	unlink(path);
	return fd;
}

START_TEST(copies_and_files_are_libcs)
{
	off_t offset = 0;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int file = make_file();
	put(file, "words");
	ck_assert_int_eq(fsync(file), 0);
	ck_assert_int_eq(fdatasync(file), 0);
	ck_assert_int_eq(lockf(file, F_LOCK, 0), 0);
	ck_assert_int_eq(fcntl(file, F_SETLKW, &lock), 0);
	ck_assert_int_eq(flock(file, LOCK_EX), 0);
	pair = make_pair(PIPE);
	ck_assert_int_eq(sendfile(pair.to, file, &offset, 5), 5);
	struct pair second = make_pair(PIPE);
	ck_assert_int_eq(splice(pair.from, NULL, second.to, NULL, 5, 0), 5);
	expect(second.from, "words");
	close_pair(pair);
	close_pair(second);
	close(file);
}
END_TEST

/* ---- waiting for fds ---- */

START_TEST(readiness_is_libcs)
{
	const struct timespec soon = {.tv_nsec = 1};
	struct timeval shortly = {.tv_usec = 1};
	struct epoll_event event = {.events = EPOLLIN};
	fd_set set;
	pair = make_pair(PIPE);
	put(pair.to, "x");
	struct pollfd fd = {.fd = pair.from, .events = POLLIN};
	ck_assert_int_eq(ppoll(&fd, 1, &soon, NULL), 1);
	FD_ZERO(&set);
	FD_SET(pair.from, &set);
	ck_assert_int_eq(pselect(pair.from + 1, &set, NULL, NULL, &soon, NULL), 1);
	ck_assert_int_eq(select(pair.from + 1, &set, NULL, NULL, &shortly), 1);
	ck_assert(FD_ISSET(pair.from, &set));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.from, &event), 0);
	int n = epoll_pwait2(epoll, &event, 1, &soon, NULL);
	ck_assert(n == 1 || (n == -1 && errno == ENOSYS)); /* Linux 5.11 */
	ck_assert_int_eq(epoll_pwait(epoll, &event, 1, -1, NULL), 1);
	close(epoll);
	close_pair(pair);
}
END_TEST

/* ---- time ---- */

START_TEST(sleep_is_libcs)
{
	const struct timespec soon = {.tv_nsec = 1};
	ck_assert_int_eq(nanosleep(&soon, NULL), 0);
	ck_assert_int_eq(usleep(1), 0);
	ck_assert_uint_eq(sleep(0), 0);
	ck_assert_int_eq(clock_nanosleep(CLOCK_MONOTONIC, 0, &soon, NULL), 0);
	ck_assert_int_eq(thrd_sleep(&soon, NULL), 0);
}
END_TEST

/* ---- locks ---- */

START_TEST(locks_are_libcs)
{
	const struct timespec past = {.tv_nsec = 1};
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
	pthread_barrier_t barrier;
	sem_t semaphore;
	ck_assert_int_eq(mtx_lock(&mutex), 0);
	ck_assert_int_ne(mtx_trylock(&mutex), 0);
	ck_assert_int_eq(pthread_mutex_trylock(&mutex), EBUSY);
	ck_assert_int_eq(pthread_cond_timedwait(&condition, &mutex, &past), ETIMEDOUT);
	ck_assert_int_eq(pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &past),
			 ETIMEDOUT);
	ck_assert_int_eq(pthread_mutex_unlock(&mutex), 0);
	ck_assert_int_eq(sem_init(&semaphore, 0, 0), 0);
	ck_assert_int_eq(sem_timedwait(&semaphore, &past), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
	ck_assert_int_eq(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &past), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 1), 0);
	ck_assert_int_eq(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
	pthread_barrier_destroy(&barrier);
}
END_TEST

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	bool set;
} flag = {.mutex = PTHREAD_MUTEX_INITIALIZER, .condition = PTHREAD_COND_INITIALIZER};

static void *sets_flag(void *arg)
{
	pthread_mutex_lock(&flag.mutex);
	flag.set = true;
	pthread_cond_signal(&flag.condition);
	pthread_mutex_unlock(&flag.mutex);
	return NULL;
}

START_TEST(condition_of_c11_is_libcs)
{
	pthread_t thread;
	ck_assert_int_eq(mtx_lock(&flag.mutex), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, sets_flag, NULL), 0);
	while (!flag.set)
		ck_assert_int_eq(cnd_wait(&flag.condition, &flag.mutex), 0);
	pthread_mutex_unlock(&flag.mutex);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* ---- children and signals ---- */

START_TEST(children_are_libcs)
{
	siginfo_t info = {0};
	pid_t child = fork();
	if (child == 0)
		_exit(3);
	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED), 0);
	ck_assert_int_eq(info.si_status, 3);
	ck_assert_int_eq(wait3(NULL, WNOHANG, NULL), -1);
	ck_assert_int_eq(system("exit 5"), 5 << 8);
	ck_assert_int_ne(system(NULL), 0);
}
END_TEST

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
	alarms++;
}

/* It comes again and again, so that none is missed. */
static void begin_alarms(void)
{
	const struct itimerval often = {{.tv_usec = 1000}, {.tv_usec = 1000}};
	const struct sigaction action = {.sa_handler = count_alarm};
	alarms = 0;
	sigaction(SIGALRM, &action, NULL);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
}

static void end_alarms(void)
{
	const struct itimerval never = {{0}, {0}};
	setitimer(ITIMER_REAL, &never, NULL);
}

/* It is called once. */
START_TEST(signal_of_system_v_is_libcs)
{
	alarms = 0;
	ck_assert(__sysv_signal(SIGUSR1, count_alarm) == SIG_DFL);
	raise(SIGUSR1);
	ck_assert_int_eq(alarms, 1);
	ck_assert(signal(SIGUSR1, SIG_IGN) == SIG_DFL);
}
END_TEST

START_TEST(pause_is_libcs)
{
	sigset_t none;
	sigemptyset(&none);
	begin_alarms();
	ck_assert_int_eq(pause(), -1);
	ck_assert_int_eq(errno, EINTR);
	ck_assert_int_eq(sigsuspend(&none), -1);
	ck_assert_int_eq(errno, EINTR);
	end_alarms();
	ck_assert_int_ge(alarms, 2);
}
END_TEST

START_TEST(waits_for_signals_are_libcs)
{
	sigset_t set;
	siginfo_t info;
	int number = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	ck_assert_int_eq(sigwait(&set, &number), 0);
	ck_assert_int_eq(number, SIGUSR1);
	raise(SIGUSR1);
	ck_assert_int_eq(sigtimedwait(&set, &info, &(struct timespec){0}), SIGUSR1);
	ck_assert_int_eq(sigtimedwait(&set, &info, &(struct timespec){0}), -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

static ssize_t listens_and_accepts(struct made *made)
{
	return listen(made->fd, 1) == 0 ? accept(made->fd, NULL, NULL) : -1;
}

/* A task may have made the socket one that does not wait: the program does not know. */
START_TEST(accept_waits_until_a_handler_runs)
{
	struct made made = {.call = listens_and_accepts};
	made.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	begin_alarms();
	ck_assert_int_eq(accept(made.fd, NULL, NULL), -1);
	ck_assert_int_eq(errno, EINTR);
	end_alarms();
	close(made.fd);
}
END_TEST

/* ---- streams ---- */

static int prints(FILE *stream, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int r = vfprintf(stream, format, arguments);
	va_end(arguments);
	return r;
}

static int prints_checked(FILE *stream, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int r = __vfprintf_chk(stream, 1, format, arguments);
	va_end(arguments);
	return r;
}

START_TEST(streams_are_libcs)
{
	char *line = NULL, got[100];
	size_t room = 0;
	pair = make_pair(PIPE);
	FILE *in = fdopen(pair.from, "r"), *out = fdopen(pair.to, "w");
	flockfile(out);
	ck_assert_int_eq(__overflow(out, EOF), 0);
	ck_assert_int_eq(fputc('a', out), 'a');
	ck_assert_int_eq(fputs("b", out), 1);
	ck_assert_uint_eq(fwrite("c", 1, 1, out), 1);
	ck_assert_int_eq(prints(out, "%d", 1), 1);
	ck_assert_int_eq(prints_checked(out, "%d\n", 2), 2);
	ck_assert_int_eq(ftrylockfile(out), 0);
	funlockfile(out);
	funlockfile(out);
	ck_assert_int_eq(fflush(out), 0);
	ck_assert_int_eq(getline(&line, &room, in), 6);
	ck_assert_str_eq(line, "abc12\n");
	free(line);
	ck_assert_int_eq(dprintf(pair.to, "%s", "one"), 3);
	ck_assert_int_eq(__dprintf_chk(pair.to, 1, "%s\n", "two"), 4);
	ck_assert_ptr_nonnull(fgets(got, sizeof(got), in));
	ck_assert_str_eq(got, "onetwo\n");
	put(pair.to, "words");
	ck_assert_uint_eq(fread(got, 1, 5, in), 5);
	put(pair.to, "12 ");
	int number = 0;
	ck_assert_int_eq(fscanf(in, "%d", &number), 1);
	ck_assert_int_eq(number, 12);
	fclose(out);
	fclose(in);
}
END_TEST

START_TEST(standard_streams_are_libcs)
{
	FILE *before = stdout, *before_in = stdin;
	pair = make_pair(PIPE);
	stdout = fdopen(pair.to, "w");
	stdin = fdopen(pair.from, "r");
	int right = (putchar('a') == 'a') + (putchar_unlocked('b') == 'b') + (puts("c") >= 0) +
		    (printf("%d", 1) == 1) + (__printf_chk(1, "%d", 2) == 1) + (fflush(NULL) == 0);
	right += (getchar() == 'a') + (getchar_unlocked() == 'b') + (getchar() == 'c');
	fclose(stdout);
	fclose(stdin);
	stdout = before;
	stdin = before_in;
	ck_assert_int_eq(right, 9);
}
END_TEST

START_TEST(stream_that_is_opened_again_is_libcs)
{
	char path[] = "/tmp/coro-posix-XXXXXX", got[10] = {0};
	int file = mkstemp(path);
	pair = make_pair(PIPE);
	FILE *stream = fdopen(pair.to, "w");
	ck_assert_int_ge(fputs("pipe", stream), 0);
	ck_assert_ptr_eq(freopen(path, "w", stream), stream);
	expect(pair.from, "pipe");
	ck_assert_int_ge(fputs("file", stream), 0);
	ck_assert_int_eq(fclose(stream), 0);
	ck_assert_int_eq(read(file, got, sizeof(got)), 4);
	ck_assert_str_eq(got, "file");
	unlink(path);
	close(file);
	close(pair.from);
}
END_TEST

/* ---- names ---- */

START_TEST(names_are_libcs)
{
	struct addrinfo *found;
	struct in_addr address = {.s_addr = htonl(INADDR_LOOPBACK)};
	struct hostent entry, *result = NULL;
	char buffer[2000];
	int error;
	ck_assert_int_eq(getaddrinfo("127.0.0.1", "80", NULL, &found), 0);
	freeaddrinfo(found);
	ck_assert_ptr_nonnull(gethostbyname("127.0.0.1"));
	ck_assert_ptr_nonnull(gethostbyname2("127.0.0.1", AF_INET));
	gethostbyaddr(&address, sizeof(address), AF_INET);
	ck_assert_int_eq(
		gethostbyname_r("127.0.0.1", &entry, buffer, sizeof(buffer), &result, &error), 0);
	ck_assert_ptr_eq(result, &entry);
	ck_assert_int_eq(gethostbyname2_r("127.0.0.1", AF_INET, &entry, buffer, sizeof(buffer),
					  &result, &error),
			 0);
	ck_assert_ptr_eq(result, &entry);
	gethostbyaddr_r(&address, sizeof(address), AF_INET, &entry, buffer, sizeof(buffer), &result,
			&error);
	ck_assert(!result || result == &entry);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, bytes_are_libcs);
	tcase_add_test(tests, messages_are_libcs);
	tcase_add_test(tests, copies_and_files_are_libcs);
	tcase_add_test(tests, readiness_is_libcs);
	tcase_add_test(tests, sleep_is_libcs);
	tcase_add_test(tests, locks_are_libcs);
	tcase_add_test(tests, condition_of_c11_is_libcs);
	tcase_add_test(tests, children_are_libcs);
	tcase_add_test(tests, signal_of_system_v_is_libcs);
	tcase_add_test(tests, pause_is_libcs);
	tcase_add_test(tests, waits_for_signals_are_libcs);
	tcase_add_test(tests, accept_waits_until_a_handler_runs);
	tcase_add_test(tests, streams_are_libcs);
	tcase_add_test(tests, standard_streams_are_libcs);
	tcase_add_test(tests, stream_that_is_opened_again_is_libcs);
	tcase_add_test(tests, names_are_libcs);
}

TEST_MAIN("posix outside", add)
