/* SPDX-License-Identifier: MIT */
/* Streams in tasks: calls that fail or are cancelled before they have the stream, and odd streams. */
#include "posix/streams.h"

#include <stdio_ext.h>
#include <sys/wait.h>
#include <wchar.h>

static void close_streams(void)
{
	fclose(out);
	fclose(in);
}

/* ---- a stream that another has ---- */

static ssize_t by_fgetc(struct made *made)
{
	return fgetc(in);
}

static ssize_t by_fread(struct made *made)
{
	return fread(made->bytes, 1, 1, in) == 1 ? 1 : -1;
}

static ssize_t by_fgets(struct made *made)
{
	return fgets(made->bytes, 10, in) ? 1 : -1;
}

static ssize_t by_getline(struct made *made)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t n = getline(&text, &room, in);
	free(text);
	return n;
}

static ssize_t by_fscanf(struct made *made)
{
	int number;
	return fscanf(in, "%d", &number);
}

static ssize_t by_fputc(struct made *made)
{
	return fputc('a', out);
}

static ssize_t by_fflush(struct made *made)
{
	return fflush(out);
}

static ssize_t by_puts(struct made *made)
{
	FILE *before = stdout;
	stdout = out;
	int r = puts("text");
	stdout = before;
	return r;
}

static ssize_t (*const calls[])(struct made *) = {by_fgetc,  by_fread, by_fgets,  by_getline,
						  by_fscanf, by_fputc, by_fflush, by_puts};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static ssize_t locks_both(struct made *made)
{
	char byte;
	flockfile(in);
	flockfile(out);
	ssize_t n = read(made->fd, &byte, 1);
	funlockfile(out);
	funlockfile(in);
	return n;
}

START_TEST(call_that_is_cancelled_before_it_has_the_stream_fails)
{
	struct pair other = make_pair(PIPE);
	struct made holder = {.call = locks_both, .fd = other.from}, made = {.call = calls[_i]};
	open_streams(PIPE);
	struct coro_future *holding = begin(&holder), *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	ck_assert(!ferror(in) && !ferror(out));
	put(other.to, "x");
	finish(holding, &holder, 1);
	close_streams();
	close_pair(other);
}
END_TEST

/* Another thread has libc's lock. */
static void *locks_in_thread(void *arg)
{
	char byte;
	flockfile(in);
	put(pair.to, "r");
	if (read(*(int *)arg, &byte, 1) != 1)
		abort();
	funlockfile(in);
	return NULL;
}

static ssize_t tries_to_lock(struct made *made)
{
	int r = ftrylockfile(in);
	if (r == 0)
		funlockfile(in);
	return r;
}

static int sleeps_for_a_while(void *arg)
{
	return coro_sleep(100 * CORO_MSEC);
}

START_TEST(several_tasks_wait_for_a_thread_that_has_the_stream)
{
	struct made first = {.call = by_fgets}, second = {.call = by_fgets},
		    third = {.call = by_fgets}, tries = {.call = tries_to_lock};
	struct pair other = make_pair(PIPE);
	pthread_t thread;
	open_streams(PIPE);
	pthread_create(&thread, NULL, locks_in_thread, &other.from);
	expect(pair.from, "r");
	make_at_once(&tries);
	ck_assert_int_eq(tries.result, -1);
	struct coro_future *one = begin(&first), *two = begin(&second), *gone = begin(&third);
	cancel(gone);
	finish_failed(gone, &third, ECANCELED);
	put(other.to, "x");
	pthread_join(thread, NULL);
	/* Both try again: the first has it, and the second finds that. */
	ck_assert_int_eq(result_of(sleeps_for_a_while, NULL), 0);
	ck_assert(!coro_future_done(one) && !coro_future_done(two));
	put(pair.to, "one\ntwo\n");
	finish(one, &first, 1);
	finish(two, &second, 1);
	ck_assert_str_eq(first.bytes, "one\n");
	ck_assert_str_eq(second.bytes, "two\n");
	make_at_once(&tries);
	ck_assert_int_eq(tries.result, 0);
	close_streams();
	close_pair(other);
}
END_TEST

/* Of a file libc has the lock, while a task has another stream. */
static ssize_t locks_a_file(struct made *made)
{
	FILE *file = tmpfile();
	flockfile(in);
	flockfile(file);
	int r = ftrylockfile(file);
	funlockfile(file);
	funlockfile(file);
	funlockfile(in);
	fclose(file);
	return r;
}

START_TEST(lock_of_a_file_is_libcs)
{
	struct made made = {.call = locks_a_file};
	open_streams(PIPE);
	make_at_once(&made);
	ck_assert_int_eq(made.result, 0);
	close_streams();
}
END_TEST

/* ---- what fails ---- */

static ssize_t uses_the_wrong_end(struct made *made)
{
	char *text = NULL;
	size_t room = 0;
	if (fputs("text", in) != EOF || errno != EBADF || !ferror(in))
		return -1;
	errno = 0;
	ssize_t n = getline(&text, &room, out);
	free(text);
	return n == -1 && errno == EBADF && fgetc(out) == EOF && ferror(out) ? 0 : -3;
}

START_TEST(reading_and_writing_at_the_wrong_end_fail)
{
	struct made made = {.call = uses_the_wrong_end};
	open_streams(PIPE);
	make_at_once(&made);
	ck_assert_int_eq(made.result, 0);
	close_streams();
}
END_TEST

static ssize_t writes_a_line(struct made *made)
{
	return fputs("a line\nand more", out);
}

static ssize_t prints_to_fd(struct made *made)
{
	return dprintf(pair.to, "text");
}

static ssize_t writes_and_reads(struct made *made)
{
	FILE *both = fdopen(dup(pair.to), "r+");
	fputs("question", both);
	int byte = fgetc(both), error = errno;
	bool failed = ferror(both);
	fclose(both);
	errno = error;
	return byte == EOF && failed ? -1 : 0;
}

static ssize_t flushes_all(struct made *made)
{
	FILE *before = stdout;
	setvbuf(out, NULL, _IOFBF, 0);
	stdout = out;
	int r = puts("text") < 0 ? 0 : fflush(NULL);
	stdout = before;
	return r;
}

static ssize_t (*const into_nothing[])(struct made *) = {flushes_all, writes_a_line, prints_to_fd,
							 writes_and_reads};

START_TEST(writing_to_what_nobody_reads_fails)
{
	struct made made = {.call = into_nothing[_i]};
	signal(SIGPIPE, SIG_IGN);
	open_streams(UNIX);
	setvbuf(out, NULL, _IOLBF, 0);
	fclose(in);
	make(&made);
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(made.error, EPIPE);
	__fpurge(out);
	fclose(out);
}
END_TEST

static ssize_t prints_what_is_no_character(struct made *made)
{
	static const wchar_t wrong[] = {0x7fffffff, 0};
	if (fprintf(out, "%ls", wrong) >= 0 || errno != EILSEQ)
		return -1;
	return dprintf(pair.to, "%ls", wrong) >= 0 || errno != EILSEQ ? -2 : 0;
}

START_TEST(format_that_fails_writes_nothing)
{
	struct made made = {.call = prints_what_is_no_character};
	open_streams(PIPE);
	make_at_once(&made);
	ck_assert_int_eq(made.result, 0);
	fclose(out);
	ck_assert_int_eq(read(pair.from, made.bytes, 1), 0);
	fclose(in);
}
END_TEST

/* ---- odd streams ---- */

static ssize_t writes_to_stderr(struct made *made)
{
	return fputs("text", stderr);
}

/* It has no buffer, and none is made. */
START_TEST(stderr_is_written_at_once)
{
	struct made made = {.call = writes_to_stderr};
	int before = dup(STDERR_FILENO);
	pair = make_pair(PIPE);
	ck_assert_int_eq(dup2(pair.to, STDERR_FILENO), STDERR_FILENO);
	make_at_once(&made);
	ck_assert_int_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_ge(made.result, 0);
	char got[1000] = {0}; /* a sanitizer may say something, too */
	ck_assert_int_gt(read(pair.from, got, sizeof(got) - 1), 0);
	ck_assert_ptr_nonnull(strstr(got, "text"));
	close_pair(pair);
	close(before);
}
END_TEST

/* A device takes any offset. */
static ssize_t uses_offsets(struct made *made)
{
	FILE *stream = fopen(made->bytes, "r+");
	if (!stream || fseek(stream, 0, SEEK_SET) != 0 || fputs("words", stream) < 0 ||
	    fflush(stream) != 0)
		return -1;
	if (fgetc(stream) != 0)
		return -2;
	return fclose(stream);
}

START_TEST(offset_of_a_device_follows)
{
	struct made made = {.call = uses_offsets, .bytes = "/dev/zero"};
	make(&made);
	ck_assert_int_eq(made.result, 0);
}
END_TEST

/* What libc writes by functions of its own goes through the stream's own calls. */
static ssize_t writes_to_commands(struct made *made)
{
	int word;
	memcpy(&word, "abc\n", sizeof(word));
	FILE *first = popen("read x; test \"$x\" = words", "w");
	FILE *second = popen("read x; test \"$x\" = abc", "w");
	if (!first || !second || setvbuf(second, NULL, _IONBF, 0) != 0)
		return -1;
	if (fputs("words\n", first) < 0 || putw(word, second) != 0)
		return -3;
	int one = pclose(first);
	return one ? one : pclose(second);
}

START_TEST(commands_are_written_to_and_closed_in_any_order)
{
	struct made made = {.call = writes_to_commands};
	make(&made);
	ck_assert_int_eq(made.result, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, call_that_is_cancelled_before_it_has_the_stream_fails, 0, CALLS);
	tcase_add_test(tests, several_tasks_wait_for_a_thread_that_has_the_stream);
	tcase_add_test(tests, lock_of_a_file_is_libcs);
	tcase_add_test(tests, reading_and_writing_at_the_wrong_end_fail);
	tcase_add_loop_test(tests, writing_to_what_nobody_reads_fails, 0, 4);
	tcase_add_test(tests, format_that_fails_writes_nothing);
	tcase_add_test(tests, stderr_is_written_at_once);
	tcase_add_test(tests, offset_of_a_device_follows);
	tcase_add_test(tests, commands_are_written_to_and_closed_in_any_order);
}

TEST_MAIN("posix stdio fault", add)
