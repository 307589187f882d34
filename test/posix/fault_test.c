/* SPDX-License-Identifier: MIT */
/* Calls without memory, and without threads. */
#include "posix/posix.h"

#include <netdb.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* The error of a call that has returned -1. */
static int failed(void)
{
	return errno == EAGAIN ? -EIO : -errno;
}

static int selects(void *arg)
{
	int fds[2], r;
	fd_set set;
	struct timeval time = {.tv_usec = 1};
	if (pipe(fds) < 0)
		return failed();
	int high = fcntl(fds[0], F_DUPFD, 40); /* so that more room is needed than there is */
	FD_ZERO(&set);
	FD_SET(high, &set);
	r = select(high + 1, &set, NULL, NULL, &time);
	r = r < 0 ? failed() : r;
	close(high);
	close(fds[0]);
	close(fds[1]);
	return r;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static int holds(void *arg)
{
	int r = pthread_mutex_lock(&mutex);
	if (r != 0)
		return -r;
	r = coro_task_yield();
	pthread_mutex_unlock(&mutex);
	return r;
}

static int locks(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(holds, NULL, &task);
	if (r < 0)
		return r;
	r = coro_task_yield();
	int own = holds(NULL);
	int others = coro_await(task, NULL);
	coro_future_unref(task);
	return r < 0 ? r : own < 0 ? own : others;
}

static pthread_mutex_t timed = PTHREAD_MUTEX_INITIALIZER;

static void unlocks_timed(void *arg)
{
	pthread_mutex_unlock(&timed);
}

static int locks_in_time(void *arg)
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_sec += 1000;
	int r = pthread_mutex_timedlock(&timed, &time);
	if (r == 0)
		pthread_mutex_unlock(&timed);
	return -r;
}

static int locks_again(void *arg)
{
	pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	int r = pthread_mutex_lock(&recursive);
	if (r == 0)
		r = pthread_mutex_unlock(&recursive);
	return -r;
}

static int waits(void *arg)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&mutex);
	int r = pthread_cond_timedwait(&condition, &mutex, &now);
	pthread_mutex_unlock(&mutex);
	return r == ETIMEDOUT ? 0 : -r;
}

/* In a thread of its own. */
static int polls(void *arg)
{
	struct timespec time = {.tv_nsec = 1};
	sigset_t mask;
	sigfillset(&mask);
	int r = ppoll(NULL, 0, &time, &mask);
	return r < 0 ? failed() : r;
}

static int runs_a_command(void *arg)
{
	FILE *stream = popen("exit 0", "r");
	return stream && pclose(stream) >= 0 ? 0 : failed();
}

/* ---- calls that a task waits for in line ---- */

static sem_t semaphore;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void posts(void *arg)
{
	sem_post(&semaphore);
}

static int takes(void *arg)
{
	return sem_wait(&semaphore) < 0 ? failed() : 0;
}

static void unlocks(void *arg)
{
	pthread_rwlock_unlock(&rwlock);
}

static int locks_to_read(void *arg)
{
	int r = pthread_rwlock_rdlock(&rwlock);
	if (r == 0)
		pthread_rwlock_unlock(&rwlock);
	return -r;
}

/* Makes a call that a callback is to end. */
static int with_help(coro_callback *help, coro_fn *call, void *arg)
{
	int r = coro_call_soon(coro_running_loop(), help, arg, NULL);
	if (r < 0)
		help(arg);
	int own = call(arg);
	return r < 0 ? r : own;
}

static int waits_for_semaphore(void *arg)
{
	sem_init(&semaphore, 0, 0);
	return with_help(posts, takes, NULL);
}

static int waits_for_mutex(void *arg)
{
	pthread_mutex_lock(&timed);
	return with_help(unlocks_timed, locks_in_time, NULL);
}

static int waits_for_rwlock(void *arg)
{
	pthread_rwlock_wrlock(&rwlock);
	return with_help(unlocks, locks_to_read, NULL);
}

/* ---- calls that a thread makes ---- */

static void *sleeps_a_little(void *arg)
{
	usleep(1000);
	return NULL;
}

static int joins(void *arg)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, sleeps_a_little, NULL);
	return r == 0 ? -pthread_join(thread, NULL) : -ENOMEM;
}

static int meets_nobody(void *arg)
{
	pthread_barrier_t barrier;
	pthread_barrier_init(&barrier, NULL, 1);
	int r = pthread_barrier_wait(&barrier);
	pthread_barrier_destroy(&barrier);
	return r == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : -EIO;
}

static int opens_a_device(void *arg)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fd < 0 ? failed() : close(fd);
}

static int opens_a_stream(void *arg)
{
	FILE *stream = fopen("/dev/null", "we");
	return stream && fclose(stream) == 0 ? 0 : failed();
}

/* Two descriptions of one file, and which kind of lock. */
struct files {
	int first, second;
	bool parts;
};

static int lock(const struct files *files, int fd, int type, bool waits)
{
	struct flock part = {.l_type = (short)type, .l_whence = SEEK_SET};
	if (files->parts)
		return fcntl(fd, waits ? F_OFD_SETLKW : F_OFD_SETLK, &part);
	return flock(fd, type == F_UNLCK ? LOCK_UN : LOCK_EX);
}

static void unlocks_file(void *arg)
{
	const struct files *files = arg;
	lock(files, files->first, F_UNLCK, false);
}

static int locks_file(void *arg)
{
	const struct files *files = arg;
	return lock(files, files->second, F_WRLCK, true) < 0 ? failed() : 0;
}

static int waits_for_a_lock(bool parts)
{
	char path[] = "/tmp/coro-posix-XXXXXX";
	struct files files = {.first = mkstemp(path), .parts = parts};
	files.second = open(path, O_RDWR | O_CLOEXEC);
	unlink(path);
	lock(&files, files.first, F_WRLCK, false);
	int r = with_help(unlocks_file, locks_file, &files);
	close(files.first);
	close(files.second);
	return r;
}

static int waits_for_a_file(void *arg)
{
	return waits_for_a_lock(false);
}

static int waits_for_parts_of_a_file(void *arg)
{
	return waits_for_a_lock(true);
}

static int waits_for_any_child(void *arg)
{
	pid_t child = fork();
	if (child == 0) {
		usleep(1000);
		_exit(0);
	}
	if (child < 0)
		return failed();
	int r = wait(NULL) == child ? 0 : failed();
	if (r < 0)
		waitpid(child, NULL, __WALL);
	return r;
}

static int runs_by_the_shell(void *arg)
{
	int r = system("exit 0");
	return r < 0 ? failed() : r;
}

/* ---- names ---- */

static int looks_up_an_address(void *arg)
{
	struct addrinfo *found;
	int r = getaddrinfo("127.0.0.1", "80", NULL, &found);
	if (r == 0)
		freeaddrinfo(found);
	return r == EAI_MEMORY ? -ENOMEM : r == EAI_SYSTEM ? failed() : r;
}

static int looks_up_a_name(void *arg)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	char host[100];
	int r = getnameinfo((struct sockaddr *)&address, sizeof(address), host, sizeof(host), NULL,
			    0, 0);
	return r == EAI_MEMORY ? -ENOMEM : r == EAI_SYSTEM ? failed() : 0;
}

static int looks_up_a_host(void *arg)
{
	return gethostbyname("127.0.0.1") ? 0 : failed();
}

static int looks_up_a_host_safely(void *arg)
{
	struct hostent entry, *found;
	char buffer[2000];
	int error, r = gethostbyname_r("127.0.0.1", &entry, buffer, sizeof(buffer), &found, &error);
	return r == 0 && found == &entry ? 0 : -r;
}

/* ---- streams ---- */

static FILE *stream;

static int gets_a_byte(void *arg)
{
	return fgetc(stream) == 'x' ? 0 : failed();
}

static void writes_bytes(void *arg)
{
	if (write(*(int *)arg, "xx", 2) != 2)
		abort();
}

static int reads_behind_another(void *to)
{
	struct coro_future *task;
	int r = coro_spawn(gets_a_byte, NULL, &task);
	if (r < 0)
		return r;
	r = coro_task_yield();
	int own = with_help(writes_bytes, gets_a_byte, to), others = coro_await(task, NULL);
	coro_future_unref(task);
	return r < 0 ? r : own < 0 ? own : others;
}

static int reads_a_stream(void *arg)
{
	int fds[2];
	if (pipe(fds) < 0)
		return failed();
	stream = fdopen(fds[0], "r");
	int r = stream ? reads_behind_another(&fds[1]) : -ENOMEM;
	if (stream)
		fclose(stream);
	else
		close(fds[0]);
	close(fds[1]);
	return r;
}

/* By a thread of the loop's, or blocking the loop. */
static int reads_buffers(void *arg)
{
	char bytes[2];
	struct iovec vec = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failed();
	ssize_t n = preadv(fd, &vec, 1, 0);
	int r = n == sizeof(bytes) ? 0 : failed();
	close(fd);
	return r;
}

static int semaphores;

static int waits_for_system_v(void *arg)
{
	enum { MANY = 20 };
	struct timespec time = {.tv_nsec = 1};
	struct sembuf takes[MANY];
	for (int i = 0; i < MANY; i++)
		takes[i] = (struct sembuf){.sem_num = 0, .sem_op = -1};
	int r = semtimedop(semaphores, takes, MANY, &time);
	return r < 0 && errno == EAGAIN ? 0 : failed();
}

/* Longer than the line that libc makes room for first. */
static int gets_a_line(void *arg)
{
	char *text = NULL, bytes[400];
	size_t room = 0;
	memset(bytes, 'x', sizeof(bytes));
	bytes[sizeof(bytes) - 1] = '\n';
	int fds[2], r = -ENOMEM;
	if (pipe(fds) < 0)
		return failed();
	FILE *lines = fdopen(fds[0], "r");
	if (lines && write(fds[1], bytes, sizeof(bytes)) == sizeof(bytes))
		r = getline(&text, &room, lines) == sizeof(bytes) ? 0 : failed();
	free(text);
	if (lines)
		fclose(lines);
	else
		close(fds[0]);
	close(fds[1]);
	return r;
}

static int locks_a_stream(void *arg)
{
	int fds[2];
	if (pipe(fds) < 0)
		return failed();
	FILE *own = fdopen(fds[0], "r");
	if (own) {
		flockfile(own);
		funlockfile(own);
		fclose(own);
	} else {
		close(fds[0]);
	}
	close(fds[1]);
	return own ? 0 : -ENOMEM;
}

static int looks_up_a_name_of_an_address(void *arg)
{
	struct in_addr address = {.s_addr = htonl(INADDR_LOOPBACK)};
	struct hostent entry, *found;
	char buffer[2000];
	int error;
	int r = gethostbyaddr_r(&address, sizeof(address), AF_INET, &entry, buffer, sizeof(buffer),
				&found, &error);
	return r == ENOMEM ? -ENOMEM : 0;
}

static coro_fn *const programs[] = {gets_a_line,
				    locks_a_stream,
				    looks_up_a_name_of_an_address,
				    selects,
				    locks,
				    locks_again,
				    waits,
				    polls,
				    runs_a_command,
				    waits_for_semaphore,
				    waits_for_mutex,
				    waits_for_rwlock,
				    joins,
				    meets_nobody,
				    opens_a_device,
				    opens_a_stream,
				    waits_for_a_file,
				    waits_for_parts_of_a_file,
				    waits_for_any_child,
				    runs_by_the_shell,
				    looks_up_an_address,
				    looks_up_a_name,
				    looks_up_a_host,
				    looks_up_a_host_safely,
				    reads_a_stream,
				    reads_buffers,
				    waits_for_system_v};

enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

START_TEST(without_memory_they_fail_or_do_without)
{
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	if (semaphores < 0 && programs[_i] == waits_for_system_v)
		skip_test("there are no semaphores");
	fail_each_allocation(programs[_i]);
	semctl(semaphores, 0, IPC_RMID);
}
END_TEST

/* In debug mode each timeout takes memory, and so do those within these calls. */
START_TEST(so_they_do_in_debug_mode)
{
	static coro_fn *const within_a_time[] = {waits_for_mutex, waits_for_rwlock, joins};
	setenv("CORO_DEBUG", "1", 1);
	fail_each_allocation(within_a_time[_i]);
	unsetenv("CORO_DEBUG");
}
END_TEST

static ssize_t waits_in_a_thread(struct made *made)
{
	sigset_t mask;
	sigfillset(&mask);
	return ppoll(NULL, 0, NULL, &mask);
}

static ssize_t reads_from_a_file(struct made *made)
{
	struct iovec vec = {.iov_base = made->bytes, .iov_len = 2};
	return preadv(made->fd, &vec, 1, 0);
}

static const struct {
	ssize_t (*call)(struct made *made);
	ssize_t result;
	int error;
} without_a_thread[] = {
	{waits_in_a_thread, -1, EAGAIN},
	{reads_from_a_file, 2, STRANGE}, /* the loop waits for the disk */
};

START_TEST(without_a_thread_they_fail_or_hold_the_loop_up)
{
	struct made made = {.call = without_a_thread[_i].call, .bytes = "??"};
	struct rlimit none = {0, 0}, before;
	const char *forks = getenv("CK_FORK");
	uid_t user = geteuid();
	if (SANITIZED)
		skip_test("LeakSanitizer needs a thread at the end");
	/* Root has no limit. The test has a process of its own. */
	if (user == 0 && ((forks && strcmp(forks, "no") == 0) || setresuid(65534, 65534, 0) < 0))
		skip_test("root has no limit");
	made.fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	getrlimit(RLIMIT_NPROC, &before);
	none.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NPROC, &none);
	make(&made);
	setrlimit(RLIMIT_NPROC, &before);
	ck_assert_int_eq(setresuid(user, user, user), 0);
	close(made.fd);
	ck_assert_int_eq(made.result, without_a_thread[_i].result);
	ck_assert_int_eq(made.error, without_a_thread[_i].error);
	ck_assert_mem_eq(made.bytes, _i ? "\0\0" : "??", 2);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_loop_test(tests, without_memory_they_fail_or_do_without, 0, PROGRAMS);
	tcase_add_loop_test(tests, so_they_do_in_debug_mode, 0, 3);
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, without_a_thread_they_fail_or_hold_the_loop_up, 0, 2);
}

TEST_MAIN("posix fault", add)
