/* SPDX-License-Identifier: MIT */
/*
 * Files: POSIX's calls, made by threads for tasks; outside of tasks results and errors are the
 * same.
 */
#include "io/file.h"
#include "loop/loop.h"

#include "threads.h"

#include <coro/io.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

/* A test's directory, in which it is. */
static char directory[64];

static void setup(void)
{
	strcpy(directory, "/tmp/coro-file-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
	threads_setup();
}

static void teardown(void)
{
	threads_teardown();
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(directory), 0);
}

/* Runs a body in a task, then outside of one: both must do the same. */
static void both_ways(coro_fn *fn)
{
	ck_assert_int_eq(result_of(fn, NULL), 0);
	ck_assert_int_eq(fn(NULL), 0);
}

/* Leaves a body with the line of a condition that does not hold. */
#define expect(so)                       \
	do {                             \
		if (!(so))               \
			return __LINE__; \
	} while (0)

static ssize_t write_text(int fd, const char *text)
{
	struct iovec vec = {(void *)text, strlen(text)};
	return file_write(fd, &vec, 1, FILE_POSITION);
}

/* ---- one by one ---- */

static int uses_files(void *arg)
{
	struct stat status;
	int fd = coro_open("a", O_RDWR | O_CREAT | O_EXCL, 0640);
	expect(fd >= 0);
	expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	expect(write_text(fd, "0123456789") == 10);
	expect(coro_fsync(fd) == 0);
	expect(coro_fdatasync(fd) == 0);
	expect(coro_ftruncate(fd, 8) == 0);
	expect(coro_fstat(fd, &status) == 0);
	expect(status.st_size == 8);
	expect(coro_stat("a", &status) == 0);
	expect(S_ISREG(status.st_mode) && (status.st_mode & 0777 & ~0640) == 0);
	expect(symlink("a", "link") == 0);
	expect(coro_lstat("link", &status) == 0);
	expect(S_ISLNK(status.st_mode));
	expect(coro_stat("link", &status) == 0);
	expect(S_ISREG(status.st_mode));
	expect(coro_unlink("link") == 0);
	expect(coro_rename("a", "b") == 0);
	expect(coro_unlink("b") == 0);
	expect(close(fd) == 0);
	expect(coro_mkdir("d", 0700) == 0);
	expect(coro_rmdir("d") == 0);
	return 0;
}

START_TEST(files_are_made_looked_at_and_removed)
{
	both_ways(uses_files);
}
END_TEST

static int fails_at_all(void *arg)
{
	struct stat status = {.st_size = 77};
	struct coro_dir *dir = NULL;
	expect(coro_open("none", O_RDONLY, 0) == -ENOENT);
	expect(coro_open("none/x", O_RDWR | O_CREAT, 0600) == -ENOENT);
	expect(coro_fsync(-1) == -EBADF);
	expect(coro_fdatasync(-1) == -EBADF);
	expect(coro_ftruncate(-1, 0) == -EBADF);
	expect(coro_fstat(-1, &status) == -EBADF);
	expect(coro_stat("none", &status) == -ENOENT);
	expect(coro_lstat("none", &status) == -ENOENT);
	expect(status.st_size == 77);
	expect(coro_unlink("none") == -ENOENT);
	expect(coro_rename("none", "some") == -ENOENT);
	expect(coro_mkdir("/", 0700) == -EEXIST);
	expect(coro_rmdir("none") == -ENOENT);
	expect(coro_opendir("none", &dir) == -ENOENT);
	expect(!dir);
	expect(write_text(-1, "x") == -EBADF);
	int fd = coro_open("/proc/self/exe", O_RDONLY, 0);
	expect(fd >= 0);
	if (!RUNNING_ON_VALGRIND) { /* which would complain */
		expect(coro_read(fd, NULL, 1) == -EFAULT);
		expect(coro_pread(fd, NULL, 1, 0) == -EFAULT);
	}
	expect(coro_fd_close(fd) == 0);
	return 0;
}

START_TEST(errors_are_returned_and_results_left_alone)
{
	both_ways(fails_at_all);
}
END_TEST

static int passes_nothing(void *arg)
{
	struct stat status;
	struct coro_dir *dir;
	const char *name;
	expect(coro_open(NULL, O_RDONLY, 0) == -EINVAL);
	expect(coro_fstat(0, NULL) == -EINVAL);
	expect(coro_stat(NULL, &status) == -EINVAL);
	expect(coro_stat("a", NULL) == -EINVAL);
	expect(coro_lstat(NULL, &status) == -EINVAL);
	expect(coro_lstat("a", NULL) == -EINVAL);
	expect(coro_unlink(NULL) == -EINVAL);
	expect(coro_rename(NULL, "a") == -EINVAL);
	expect(coro_rename("a", NULL) == -EINVAL);
	expect(coro_mkdir(NULL, 0) == -EINVAL);
	expect(coro_rmdir(NULL) == -EINVAL);
	expect(coro_opendir(NULL, &dir) == -EINVAL);
	expect(coro_opendir(".", NULL) == -EINVAL);
	expect(coro_readdir(NULL, &name) == -EINVAL);
	expect(coro_closedir(NULL) == 0);
	return 0;
}

START_TEST(misuse_is_refused)
{
	both_ways(passes_nothing);
}
END_TEST

/* ---- directories ---- */

enum { MANY_NAMES = 300 };

/* Long ones, so that they do not come in one piece. */
static void name_file(char name[128], int number)
{
	snprintf(name, 128, "%0100d", number);
}

static int reads_directory(void *arg)
{
	struct coro_dir *dir;
	const char *name;
	bool seen[MANY_NAMES] = {0};
	int count = 0, r;
	expect(coro_opendir(".", &dir) == 0);
	while ((r = coro_readdir(dir, &name)) > 0) {
		int number = atoi(name);
		expect(strlen(name) == 100 && number < MANY_NAMES && !seen[number]);
		seen[number] = true;
		count++;
	}
	expect(r == 0);
	expect(coro_readdir(dir, &name) == 0);
	expect(coro_closedir(dir) == 0);
	expect(count == MANY_NAMES);
	return 0;
}

static int reads_empty_directory(void *arg)
{
	struct coro_dir *dir;
	const char *name = NULL;
	expect(coro_opendir(".", &dir) == 0);
	expect(coro_readdir(dir, &name) == 0);
	expect(coro_readdir(dir, NULL) == -EINVAL);
	expect(coro_closedir(dir) == 0);
	expect(!name);
	return 0;
}

START_TEST(a_directory_gives_each_of_its_names_once)
{
	char name[128];
	both_ways(reads_empty_directory);
	for (int i = 0; i < MANY_NAMES; i++) {
		name_file(name, i);
		ck_assert_int_eq(close(open(name, O_CREAT | O_WRONLY, 0600)), 0);
	}
	both_ways(reads_directory);
	for (int i = 0; i < MANY_NAMES; i++) {
		name_file(name, i);
		ck_assert_int_eq(unlink(name), 0);
	}
}
END_TEST

/* ---- what is in them ---- */

static int reads_and_writes(void *arg)
{
	char bytes[16] = {0};
	struct iovec whole = {bytes, sizeof(bytes) - 1}, pieces[] = {{bytes, 2}, {bytes + 2, 3}};
	int fd = coro_open("a", O_RDWR | O_CREAT | O_TRUNC, 0600);
	expect(fd >= 0);
	expect(write_text(fd, "hello ") == 6);
	expect(write_text(fd, "world") == 5);
	expect(file_read(fd, &whole, 1, FILE_POSITION) == 0);
	expect(file_read(fd, &whole, 1, 6) == 5);
	expect(strcmp(bytes, "world") == 0);
	expect(lseek(fd, 0, SEEK_CUR) == 11);
	expect(lseek(fd, 1, SEEK_SET) == 1);
	expect(file_read(fd, pieces, 2, FILE_POSITION) == 5);
	expect(strcmp(bytes, "ello ") == 0);
	expect(lseek(fd, 0, SEEK_CUR) == 6);
	expect(file_read(fd, &whole, 1, FILE_POSITION) == 5);
	expect(lseek(fd, 0, SEEK_CUR) == 11);
	whole.iov_len = 1;
	expect(file_write(fd, &whole, 1, 4) == 1);
	expect(file_write(fd, pieces, 2, 20) == 5);
	expect(lseek(fd, 0, SEEK_END) == 25);
	expect(file_read(fd, &whole, 1, 4) == 1 && bytes[0] == 'w');
	expect(close(fd) == 0);
	expect(coro_unlink("a") == 0);
	return 0;
}

START_TEST(files_are_read_and_written_at_places_and_where_they_stand)
{
	both_ways(reads_and_writes);
}
END_TEST

/* Has the system forget what it has of a file in memory, if it can be told to. */
static void drop_from_memory(int fd)
{
#ifdef POSIX_FADV_DONTNEED
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
#endif
}

/* What is not cached is read by a thread, and the pieces fit together. */
static int reads_uncached(void *arg)
{
	enum { SIZE = 1 << 20 };
	char *bytes = malloc(SIZE);
	struct iovec vec = {bytes, SIZE};
	expect(bytes);
	for (int i = 0; i < SIZE; i++)
		bytes[i] = (char)(i >> 8);
	int fd = coro_open("a", O_RDWR | O_CREAT | O_TRUNC, 0600);
	expect(fd >= 0);
	expect(file_write(fd, &vec, 1, FILE_POSITION) == SIZE);
	expect(coro_fsync(fd) == 0);
	for (int round = 0; round < 2; round++) {
		off_t offset = round == 0 ? 0 : FILE_POSITION;
		drop_from_memory(fd);
		/* A page in the middle is there, and the first. */
		expect(pread(fd, bytes, 1, 0) == 1 && pread(fd, bytes, 1, SIZE / 2) == 1);
		expect(lseek(fd, 0, SEEK_SET) == 0);
		memset(bytes, 1, SIZE);
		expect(file_read(fd, &vec, 1, offset) == SIZE);
		for (int i = 0; i < SIZE; i++)
			expect(bytes[i] == (char)(i >> 8));
	}
	free(bytes);
	expect(close(fd) == 0);
	expect(coro_unlink("a") == 0);
	return 0;
}

START_TEST(what_is_not_in_memory_is_read_all_the_same)
{
	both_ways(reads_uncached);
}
END_TEST

/* Five bytes are in memory, as it seems, and the rest is read by a thread. */
static int is_cancelled_in_a_read(void *arg)
{
	char bytes[64];
	int fd = coro_open("a", O_RDWR | O_CREAT | O_TRUNC, 0600);
	expect(fd >= 0);
	expect(coro_pwrite(fd, "hello world", 11, 0) == 11);
	shorten_transfers(5);
	fail_calls_from("preadv2", 2, EAGAIN);
	cancel(coro_current_task());
	*(ssize_t *)arg = coro_pread(fd, bytes, sizeof(bytes), 0);
	shorten_transfers(0);
	fail_call_off();
	int r = coro_sleep(0);
	close(fd);
	unlink("a");
	return r;
}

START_TEST(a_read_that_is_cancelled_in_its_middle_has_what_was_read)
{
	ssize_t n = 0;
	int r = result_of(is_cancelled_in_a_read, &n);
	ck_assert_int_eq(r, n == -ECANCELED ? 0 : -ECANCELED);
	ck_assert(n == 5 || n == 11 || n == -ECANCELED);
}
END_TEST

START_TEST(a_read_without_memory_for_its_flag_goes_by_the_pool)
{
	fail_calls_from("preadv2", 1, EOPNOTSUPP);
	ck_assert_int_eq(result_of(reads_and_writes, NULL), 0);
	ck_assert(fail_call_off());
}
END_TEST

static int uses_calls_of_io(void *arg)
{
	char bytes[16] = {0};
	int fd = coro_open("a", O_RDWR | O_CREAT | O_TRUNC, 0600);
	expect(fd >= 0);
	expect(coro_write(fd, "hello", 5) == 5);
	expect(coro_pwrite(fd, "J", 1, 0) == 1);
	expect(coro_pread(fd, bytes, 9, 1) == 4 && strcmp(bytes, "ello") == 0);
	expect(coro_pread(fd, bytes, 9, -1) == -EINVAL);
	expect(coro_pwrite(fd, bytes, 9, -1) == -EINVAL);
	expect(lseek(fd, 0, SEEK_SET) == 0);
	expect(coro_read(fd, bytes, 9) == 5 && strcmp(bytes, "Jello") == 0);
	expect(coro_read(fd, bytes, 9) == 0);
	expect(coro_fd_close(fd) == 0);
	expect(coro_read(fd, bytes, 9) == -EBADF);
	fd = coro_open(".", O_RDONLY, 0);
	expect(coro_read(fd, bytes, 9) == -EISDIR);
	expect(coro_fd_close(fd) == 0);
	return unlink("a");
}

enum { MUCH = 1 << 20 };

static int writes_much(void *fd)
{
	static char bytes[MUCH];
	return (int)coro_pwrite(*(int *)fd, bytes, MUCH, 0);
}

static int writes_much_in_no_time(void *arg)
{
	int fd = coro_open("much", O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < 50; i++) {
		int r = coro_within(CORO_SEC, writes_much, &fd);
		ck_assert_msg(r == MUCH, "%d: %d", i, r);
	}
	ck_assert_int_eq(coro_loop_time(coro_running_loop()), 0);
	ck_assert_int_eq(coro_fd_close(fd), 0);
	return coro_unlink("much");
}

/* The system is at work meanwhile, as a thread would be. */
START_TEST(virtual_time_waits_for_a_file)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	ck_assert_int_eq(coro_run_with(&options, writes_much_in_no_time, NULL), 0);
}
END_TEST

static void close_while_a_file_is_written(int fd)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	struct coro_loop *virtual;
	ck_assert_int_eq(coro_loop_create(&options, &virtual), 0);
	ck_assert_int_eq(coro_loop_spawn(virtual, NULL, writes_much, &fd, NULL), 0);
	ck_assert_int_eq(coro_loop_stop(virtual), 0);
	ck_assert_int_eq(coro_run_forever(virtual), 0);
	ck_assert_int_eq(coro_loop_close(virtual), 0);
}

START_TEST(a_file_that_is_written_does_not_keep_a_closed_loop)
{
	enum { ROUNDS = 20 };
	int fd = coro_open("much", O_RDWR | O_CREAT, 0600);
	close_while_a_file_is_written(fd);
	size_t before = allocated();
	for (int i = 0; i < ROUNDS; i++)
		close_while_a_file_is_written(fd);
	/* libc keeps some of its own for the threads, whose number varies */
	ck_assert_uint_lt(allocated(), before + ROUNDS * 512);
	ck_assert_int_eq(coro_fd_close(fd), 0);
	ck_assert_int_eq(coro_unlink("much"), 0);
}
END_TEST

START_TEST(the_calls_on_fds_take_files)
{
	both_ways(uses_calls_of_io);
}
END_TEST

/* ---- cancellation ---- */

static int opens_and_waits(void *arg)
{
	int fd = coro_open("a", O_RDWR | O_CREAT, 0600);
	trace("%s", fd >= 0 ? "opened" : "not");
	int r = coro_task_yield();
	trace("%d", r);
	if (fd >= 0)
		close(fd);
	return r;
}

/* Only one thread, and that stands at a gate. */
static struct coro_executor *pool;

static int waits_at_gate(void *gate)
{
	return coro_to_thread(passes, gate);
}

START_TEST(a_call_that_is_cancelled_in_the_queue_is_not_made)
{
	struct gate gate = GATE;
	struct coro_executor_options options = {.max_threads = 1};
	ck_assert_int_eq(coro_executor_create(&options, &pool), 0);
	ck_assert_int_eq(coro_loop_set_executor(loop, pool), 0);
	struct coro_future *first = start(waits_at_gate, &gate);
	struct coro_future *task = start(opens_and_waits, NULL);
	gate_await(&gate, 1);
	cancel(task);
	turn();
	turn();
	ck_assert_trace("not 0");
	assert_ended(task, 0);
	gate_open(&gate);
	run();
	assert_ended(first, 7);
	ck_assert_int_eq(unlink("a"), -1);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_executor_destroy(pool), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

START_TEST(an_open_cancelled_too_late_gives_its_fd)
{
	struct coro_future *task = start(opens_and_waits, NULL);
	while (inbox_empty(&sched_of(loop)->inbox))
		sched_yield();
	cancel(task);
	run();
	ck_assert_trace("opened -" NUMBER(ECANCELED));
	assert_ended(task, -ECANCELED);
	ck_assert_int_eq(unlink("a"), 0);
}
END_TEST

/* ---- failures ---- */

START_TEST(without_threads_calls_block)
{
	fail_calls_from("pthread_create", 1, EAGAIN);
	ck_assert_int_eq(result_of(uses_files, NULL), 0);
	ck_assert_int_eq(result_of(reads_and_writes, NULL), 0);
	ck_assert(fail_call_off());
}
END_TEST

static int uses_directory(void *arg)
{
	struct coro_dir *dir;
	const char *name;
	int r = coro_opendir("/", &dir);
	if (r < 0)
		return r;
	r = coro_readdir(dir, &name);
	coro_closedir(dir);
	return r < 0 ? r : 0;
}

START_TEST(every_allocation_may_fail)
{
	fail_each_allocation(uses_directory);
}
END_TEST

/* ---- thrown away ---- */

static int opens(void *name)
{
	return coro_open(name, O_RDONLY, 0);
}

static int opens_directory(void *name)
{
	struct coro_dir *dir;
	return coro_opendir(name, &dir);
}

START_TEST(what_was_opened_for_a_task_that_is_discarded_is_closed)
{
	static coro_fn *const open_it[] = {opens, opens_directory};
	int before = count_fds();
	coro_future_unref(start(open_it[_i], (void *)"."));
	/* The loop does not run: a thread opens it, and no task is told. */
	while (count_fds() <= before)
		sched_yield();
	threads_teardown();
	threads_setup();
}
END_TEST

START_TEST(so_is_what_is_opened_only_then)
{
	int fd;
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	coro_future_unref(start(opens, (void *)"fifo"));
	while ((fd = open("fifo", O_WRONLY | O_NONBLOCK)) < 0)
		sched_yield(); /* nobody reads it yet */
	loop_teardown();
	close(fd);
	ck_assert_int_eq(count_fds(), fd_count);
	ck_assert_int_eq(unlink("fifo"), 0);
	threads_setup();
}
END_TEST

/* ---- files that may not grow ---- */

/* Writes more than there is room for, then a byte, where the file stands. */
static int writes_beyond_the_limit(void *arg)
{
	const int *fd = arg;
	ssize_t first = coro_write(*fd, "0123456789abcdef", 16), next = coro_write(*fd, "x", 1);
	return first == 10 && next == -EFBIG ? 0 : -EIO;
}

/* The rest of a write must not take the place of its beginning. */
START_TEST(a_write_that_finds_no_room_tells_what_is_written)
{
	char path[] = "/tmp/coro-file-XXXXXX", got[17] = {0};
	int fd = mkstemp(path);
	struct rlimit before, small;
	ck_assert(fd >= 0 && unlink(path) == 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 10;
	void (*action)(int) = signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	int r = result_of(writes_beyond_the_limit, &fd);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, action);
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 10);
	ck_assert_int_eq(pread(fd, got, 16, 0), 10);
	ck_assert_str_eq(got, "0123456789");
	close(fd);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, what_was_opened_for_a_task_that_is_discarded_is_closed, 0, 2);
	tcase_add_test(tests, so_is_what_is_opened_only_then);
	tcase_add_test(tests, files_are_made_looked_at_and_removed);
	tcase_add_test(tests, errors_are_returned_and_results_left_alone);
	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, a_directory_gives_each_of_its_names_once);
	tcase_add_test(tests, files_are_read_and_written_at_places_and_where_they_stand);
	tcase_add_test(tests, a_write_that_finds_no_room_tells_what_is_written);
	tcase_add_test(tests, what_is_not_in_memory_is_read_all_the_same);
	tcase_add_test(tests, a_read_without_memory_for_its_flag_goes_by_the_pool);
	tcase_add_test(tests, a_read_that_is_cancelled_in_its_middle_has_what_was_read);
	tcase_add_test(tests, virtual_time_waits_for_a_file);
	tcase_add_test(tests, a_file_that_is_written_does_not_keep_a_closed_loop);
	tcase_add_test(tests, the_calls_on_fds_take_files);
	tcase_add_test(tests, a_call_that_is_cancelled_in_the_queue_is_not_made);
	tcase_add_test(tests, an_open_cancelled_too_late_gives_its_fd);
	tcase_add_test(tests, without_threads_calls_block);
	tcase_add_test(tests, every_allocation_may_fail);
}

TEST_MAIN("file", add_tests)
