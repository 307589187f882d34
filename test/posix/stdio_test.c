/* SPDX-License-Identifier: MIT */
/* Streams of stdio on pipes, sockets and terminals, in tasks. */
#include "posix/streams.h"

#include <poll.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <sys/wait.h>

size_t __fread_chk(void *bytes, size_t room, size_t size, size_t count, FILE *stream);
char *__fgets_chk(char *text, size_t room, int size, FILE *stream);
int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
int _IO_getc(FILE *stream);
int __dprintf_chk(int fd, int flag, const char *format, ...);

static void close_streams(void)
{
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_int_eq(fclose(in), 0);
}

/* ---- reading ---- */

static ssize_t by_fgets(struct made *made)
{
	return fgets(made->bytes, 20, in) ? (ssize_t)strlen(made->bytes) : -1;
}

static ssize_t by_fgets_chk(struct made *made)
{
	return __fgets_chk(made->bytes, 30, 20, in) ? (ssize_t)strlen(made->bytes) : -1;
}

static ssize_t by_getline(struct made *made)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t n = getline(&text, &room, in);
	if (n >= 0)
		memcpy(made->bytes, text, (size_t)n + 1);
	free(text);
	return n;
}

static ssize_t by_fread(struct made *made)
{
	size_t n = fread(made->bytes, 2, 3, in);
	return n ? (ssize_t)n * 2 : -1;
}

static ssize_t by_fread_chk(struct made *made)
{
	size_t n = __fread_chk(made->bytes, 20, 1, 6, in);
	return n ? (ssize_t)n : -1;
}

/* Bytes by each of the functions for one. */
static ssize_t by_bytes(struct made *made)
{
	int (*const get[])(FILE *) = {fgetc, getc, getc_unlocked, fgetc_unlocked, _IO_getc, fgetc};
	int n = 0, byte = 0;
	while (n < 6 && byte != '\n' && (byte = get[n % 6](in)) != EOF)
		made->bytes[n++] = (char)byte;
	return n && byte != EOF ? n : -1;
}

/* As a header makes getc_unlocked inline. */
static ssize_t by_uflow(struct made *made)
{
	int n = 0, byte = 0;
	while (n < 6 && byte != '\n' && byte != EOF) {
		byte = in->_IO_read_ptr >= in->_IO_read_end ? __uflow(in)
							    : (unsigned char)*in->_IO_read_ptr++;
		if (byte != EOF)
			made->bytes[n++] = (char)byte;
	}
	return n && byte != EOF ? n : -1;
}

static ssize_t (*const reads[])(struct made *) = {by_fgets,     by_fgets_chk, by_getline, by_fread,
						  by_fread_chk, by_bytes,     by_uflow};

enum { READS = sizeof(reads) / sizeof(reads[0]) };

static const int kinds[] = {PIPE, UNIX, TCP};

START_TEST(bytes_are_waited_for)
{
	struct made made = {.call = reads[_i % READS]};
	open_streams(kinds[_i / READS]);
	for (int round = 0; round < 2; round++) {
		memset(made.bytes, 0, sizeof(made.bytes));
		struct coro_future *task = begin(&made);
		put(pair.to, "wo");
		turn();
		turn();
		turn();
		ck_assert_msg(!coro_future_done(task), "it does not wait for the rest");
		put(pair.to, "rds\n");
		finish(task, &made, 6);
		ck_assert_str_eq(made.bytes, "words\n");
	}
	/* What is there already. */
	put(pair.to, "words\nwords\n");
	for (int round = 0; round < 2; round++) {
		memset(made.bytes, 0, sizeof(made.bytes));
		make(&made);
		ck_assert_int_eq(made.result, 6);
		ck_assert_str_eq(made.bytes, "words\n");
	}
	/* The end, again and again. */
	struct coro_future *task = begin(&made);
	fclose(out);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(made.result, -1);
	ck_assert(feof(in) && !ferror(in));
	make_at_once(&made);
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(fclose(in), 0);
}
END_TEST

START_TEST(a_cancelled_call_fails_and_the_stream_goes_on)
{
	struct made made = {.call = reads[_i]};
	open_streams(PIPE);
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	ck_assert(ferror(in) && !feof(in));
	clearerr(in);
	task = begin(&made);
	put(pair.to, "words\n");
	finish(task, &made, 6);
	ck_assert_str_eq(made.bytes, "words\n");
	close_streams();
}
END_TEST

/* fgets and getline stop where libc's do. */
static ssize_t reads_lines(struct made *made)
{
	char text[8], *line = NULL;
	size_t room = 0;
	if (!fgets(text, sizeof(text), in) || strcmp(text, "a long ") != 0)
		return -1;
	if (!fgets(text, sizeof(text), in) || strcmp(text, "line\n") != 0)
		return -2;
	if (ungetc('u', in) != 'u' || fgetc(in) != 'u' || fgetc(in) != 'x' || fgetc(in) != 'y')
		return -3;
	if (ungetc('q', in) != 'q' || getdelim(&line, &room, ':', in) != 4 ||
	    strcmp(line, "qzz:") != 0)
		return -4;
	if (getline(&line, &room, in) != 9000 || strspn(line, "b") != 9000 || line[9000] != 0)
		return -5;
	free(line);
	return fgets(text, sizeof(text), in) ? -6 : 0;
}

START_TEST(lines_are_those_of_libc)
{
	struct made made = {.call = reads_lines};
	static char many[9002];
	open_streams(UNIX);
	struct coro_future *task = begin(&made);
	const char *const pieces[] = {"a lo", "ng line", "\nx", "y", "z", "z:"};
	for (int i = 0; i < 6; i++) {
		put(pair.to, pieces[i]);
		turn();
		turn();
		turn();
	}
	memset(many, 'b', 9000);
	put(pair.to, many);
	shutdown(pair.to, SHUT_WR);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(made.result, 0);
	close_streams();
}
END_TEST

/* ---- scanf: libc's, once there is something ---- */

static ssize_t scans(struct made *made)
{
	int number = 0;
	return fscanf(in, "%d", &number) == 1 ? number : -1;
}

static int vscanf_of(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int r = vscanf(format, arguments);
	va_end(arguments);
	return r;
}

static ssize_t scans_stdin(struct made *made)
{
	int number = 0;
	FILE *before = stdin;
	stdin = in;
	int r = made->fd ? vscanf_of("%d", &number) : scanf("%d", &number);
	stdin = before;
	return r == 1 ? number : -1;
}

START_TEST(scanf_waits_for_the_first_bytes)
{
	struct made made = {.call = _i ? scans_stdin : scans, .fd = _i == 2};
	open_streams(PIPE);
	for (int round = 0; round < 2; round++) {
		struct coro_future *task = begin(&made);
		put(pair.to, "17 ");
		finish(task, &made, 17);
		put(pair.to, "\n18\n");
		make(&made);
		ck_assert_int_eq(made.result, 18);
		ck_assert_int_eq(fgetc(in), '\n');
	}
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	close_streams();
}
END_TEST

/* ---- writing ---- */

static char long_text[100001];

static ssize_t by_fwrite(struct made *made)
{
	return fwrite(long_text, 1000, 100, out) == 100 && fflush(out) == 0 ? 100000 : -1;
}

static ssize_t by_fputs(struct made *made)
{
	return fputs(long_text, out) >= 0 && fflush(out) == 0 ? 100000 : -1;
}

static ssize_t by_fprintf(struct made *made)
{
	int n = fprintf(out, "%s", long_text);
	return fflush(out) == 0 ? n : -1;
}

static ssize_t by_fprintf_chk(struct made *made)
{
	int n = __fprintf_chk(out, 1, "%s", long_text);
	return fflush(out) == 0 ? n : -1;
}

static ssize_t by_fputc(struct made *made)
{
	for (int i = 0; i < 100000; i++)
		if ((i & 1 ? fputc(long_text[i], out) : putc_unlocked(long_text[i], out)) == EOF)
			return -1;
	return fflush(out) == 0 ? 100000 : -1;
}

static ssize_t by_dprintf(struct made *made)
{
	return dprintf(pair.to, "%s", long_text);
}

static ssize_t by_dprintf_chk(struct made *made)
{
	return __dprintf_chk(pair.to, 1, "%s", long_text);
}

/* Only the last call of fclose writes. */
static ssize_t by_fclose(struct made *made)
{
	static char buffer[200000];
	FILE *all = fdopen(dup(pair.to), "w");
	setvbuf(all, buffer, _IOFBF, sizeof(buffer));
	if (fputs(long_text, all) < 0)
		return -1;
	return fclose(all) == 0 ? 100000 : -1;
}

static ssize_t (*const writes[])(struct made *) = {by_fwrite,      by_fputs, by_fprintf,
						   by_fprintf_chk, by_fputc, by_dprintf,
						   by_dprintf_chk, by_fclose};

enum { WRITES = sizeof(writes) / sizeof(writes[0]) };

/* Reads what a call writes, until it is done. Returns whether it is `long_text`. */
static bool take_all(struct coro_future *task)
{
	static char got[200000];
	size_t done = 0;
	fcntl(pair.from, F_SETFL, O_NONBLOCK);
	while (!coro_future_done(task)) {
		turn();
		ssize_t n;
		while ((n = read(pair.from, got + done, sizeof(got) - done)) > 0)
			done += (size_t)n;
	}
	return done == 100000 && memcmp(got, long_text, done) == 0;
}

static void fill_text(void)
{
	for (int i = 0; i < 100000; i++)
		long_text[i] = (char)(i % 91 + ' ');
}

START_TEST(room_is_waited_for)
{
	static const struct {
		int kind, buffering, size;
	} streams[] = {{PIPE, -1, 0},      {UNIX, -1, 0},    {TCP, -1, 0},
		       {UNIX, _IOFBF, 10}, {TCP, _IOLBF, 0}, {PIPE, _IONBF, 0}};
	static char buffer[10];
	struct made made = {.call = writes[_i % WRITES]};
	int i = _i / WRITES;
	fill_text();
	open_streams(streams[i].kind);
	if (streams[i].buffering >= 0)
		setvbuf(out, streams[i].size ? buffer : NULL, streams[i].buffering,
			(size_t)streams[i].size);
	struct coro_future *task = begin(&made);
	ck_assert(take_all(task));
	finish(task, &made, 100000);
	close_streams();
}
END_TEST

START_TEST(a_write_that_is_cancelled_fails)
{
	struct made made = {.call = writes[_i]};
	fill_text();
	open_streams(PIPE);
	struct coro_future *task = begin(&made);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_lt(made.result, 100000);
	ck_assert_int_eq(made.error, ECANCELED);
	__fpurge(out);
	close_streams();
}
END_TEST

/* What a reader sees after each call: as with libc. */
static ssize_t writes_by_pieces(struct made *made)
{
	static const char *const full[] = {"", "", "", "a\nb\nc"};
	static const char *const lines[] = {"", "a\n", "b\n", "c"};
	static const char *const none[] = {"a", "\n", "b\n", "c"};
	const char *const *expected = made->fd == _IOFBF ? full : made->fd == _IOLBF ? lines : none;
	char got[20];
	int r = fputc('a', out);
	for (int i = 0; i < 4 && r >= 0; i++) {
		if (i > 0)
			r = i == 1   ? fputs("\n", out)
			    : i == 2 ? fprintf(out, "b\n")
				     : fputc('c', out);
		if (i == 3)
			fflush(out);
		ssize_t n = recv(pair.from, got, sizeof(got), MSG_DONTWAIT);
		got[n < 0 ? 0 : n] = 0;
		if (strcmp(got, expected[i]) != 0)
			return -i - 1;
	}
	return r < 0 ? r : 0;
}

START_TEST(buffers_are_written_when_libc_would)
{
	static const int buffering[] = {_IOFBF, _IOLBF, _IONBF};
	struct made made = {.call = writes_by_pieces, .fd = buffering[_i % 3]};
	open_streams(UNIX);
	if (_i < 3)
		setvbuf(out, NULL, made.fd, 0);
	else
		made.fd = _IOFBF; /* as it is made */
	make(&made);
	ck_assert_int_eq(made.result, 0);
	close_streams();
}
END_TEST

static ssize_t asks(struct made *made)
{
	FILE *before = stdout;
	stdout = out;
	int r = printf("name? ") == 6 && puts("x") >= 0 && printf("again? ") == 7 ? 0 : -1;
	if (r == 0 && !fgets(made->bytes, 20, in))
		r = -2;
	stdout = before;
	return r;
}

START_TEST(a_terminal_has_lines_and_shows_questions)
{
	struct made made = {.call = asks};
	char got[40] = {0};
	if (!open_terminal(&pair.from, &pair.to))
		skip_test("there is no terminal");
	in = fdopen(pair.to, "r");
	out = fdopen(dup(pair.to), "w");
	struct coro_future *task = begin(&made);
	for (int tries = 0; tries < 100 && !strstr(got, "again?"); tries++) {
		turn();
		struct pollfd fd = {.fd = pair.from, .events = POLLIN};
		if (poll(&fd, 1, 10) == 1)
			ck_assert_int_gt(read(pair.from, got + strlen(got), 20), 0);
	}
	ck_assert_str_eq(got, "name? x\r\nagain? ");
	put(pair.from, "me\n");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(made.result, 0);
	ck_assert_str_eq(made.bytes, "me\n");
	close_streams();
	close(pair.from);
}
END_TEST

/* ---- several tasks with one stream ---- */

static ssize_t writes_a_line(struct made *made)
{
	static char line[3][70000];
	char *own = line[made->fd - 1];
	memset(own, '0' + made->fd, sizeof(line[0]) - 1);
	own[69998] = '\n';
	return fputs(own, out) >= 0 && fflush(out) == 0 ? 0 : -1;
}

START_TEST(lines_of_several_tasks_do_not_mix)
{
	struct made made[3] = {{.call = writes_a_line, .fd = 1},
			       {.call = writes_a_line, .fd = 2},
			       {.call = writes_a_line, .fd = 3}};
	struct coro_future *tasks[3];
	static char got[300000];
	size_t done = 0;
	open_streams(PIPE);
	for (int i = 0; i < 3; i++)
		tasks[i] = begin(&made[i]);
	fcntl(pair.from, F_SETFL, O_NONBLOCK);
	while (!coro_future_done(tasks[2])) {
		turn();
		ssize_t n;
		while ((n = read(pair.from, got + done, sizeof(got) - done)) > 0)
			done += (size_t)n;
	}
	ck_assert_uint_eq(done, 3 * 69999);
	for (int i = 0; i < 3; i++) {
		finish(tasks[i], &made[i], 0);
		ck_assert_int_eq(got[i * 69999], '1' + i);
		ck_assert_int_eq(got[i * 69999 + 69997], '1' + i);
		ck_assert_int_eq(got[i * 69999 + 69998], '\n');
	}
	close_streams();
}
END_TEST

START_TEST(each_of_several_readers_gets_a_line)
{
	struct made first = {.call = by_fgets}, second = {.call = by_fgets};
	open_streams(PIPE);
	struct coro_future *one = begin(&first), *other = begin(&second);
	put(pair.to, "on");
	turn();
	turn();
	put(pair.to, "e\ntwo\n");
	finish(one, &first, 4);
	finish(other, &second, 4);
	ck_assert_str_eq(first.bytes, "one\n");
	ck_assert_str_eq(second.bytes, "two\n");
	close_streams();
}
END_TEST

static ssize_t locks_and_waits(struct made *made)
{
	flockfile(out);
	flockfile(out);
	fputs("one ", out);
	char byte;
	ssize_t n = read(pair.from, &byte, 1);
	funlockfile(out);
	fputs("two ", out);
	funlockfile(out);
	return n;
}

static ssize_t tries_to_lock(struct made *made)
{
	if (ftrylockfile(out) != 0)
		return -1;
	fputs("three", out);
	funlockfile(out);
	return 0;
}

static ssize_t writes_a_word(struct made *made)
{
	return fputs("last", out);
}

START_TEST(a_task_locks_a_stream)
{
	struct made first = {.call = locks_and_waits}, second = {.call = writes_a_word},
		    third = {.call = tries_to_lock};
	char got[40] = {0};
	open_streams(UNIX);
	struct coro_future *one = begin(&first), *other = begin(&second);
	make_at_once(&third);
	ck_assert_int_eq(third.result, -1);
	put(pair.to, "x");
	finish(one, &first, 1);
	finish(other, &second, 1);
	make_at_once(&third);
	ck_assert_int_eq(third.result, 0);
	ck_assert_int_eq(fflush(out), 0);
	ck_assert_int_gt(recv(pair.from, got, sizeof(got) - 1, 0), 0);
	ck_assert_str_eq(got, "one two lastthree");
	close_streams();
}
END_TEST

static ssize_t locks_only(struct made *made)
{
	flockfile(out);
	return 0;
}

START_TEST(a_lock_of_a_task_that_has_ended_is_nobodys)
{
	struct made made = {.call = locks_only}, second = {.call = writes_a_word};
	open_streams(UNIX);
	make_at_once(&made);
	make_at_once(&second);
	ck_assert_int_eq(second.result, 1);
	close_streams();
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

START_TEST(a_thread_that_has_the_stream_is_waited_for)
{
	struct made made = {.call = by_fgets};
	struct pair other = make_pair(PIPE);
	pthread_t thread;
	open_streams(PIPE);
	pthread_create(&thread, NULL, locks_in_thread, &other.from);
	expect(pair.from, "r");
	struct coro_future *task = begin(&made);
	put(pair.to, "words\n");
	for (int i = 0; i < 10; i++)
		turn();
	ck_assert(!coro_future_done(task));
	put(other.to, "x");
	pthread_join(thread, NULL);
	finish(task, &made, 6);
	close_streams();
	close_pair(other);
}
END_TEST

/* ---- the rest of their life ---- */

static char path[64];

static ssize_t opens_a_fifo(struct made *made)
{
	in = fopen(path, "re");
	return in ? fileno(in) : -1;
}

START_TEST(fopen_waits_for_the_other_end)
{
	struct made made = {.call = opens_a_fifo};
	strcpy(path, "/tmp/coro-posix-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	strcat(path, "/fifo");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	struct coro_future *task = begin(&made);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_gt(made.result, 2);
	close(fd);
	fclose(in);
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
}
END_TEST

static ssize_t scans_a_command(struct made *made)
{
	int first = 0, second = 0;
	char text[100];
	snprintf(text, sizeof(text), "echo 12; read x </dev/fd/%d; echo 30", pair.from);
	FILE *stream = popen(text, "r");
	if (!stream || fileno(stream) < 0 || fscanf(stream, "%d %d", &first, &second) != 2)
		return -1;
	return pclose(stream) == 0 ? first + second : -2;
}

/* Of these streams libc itself reads by calls that wait. */
START_TEST(a_stream_of_popen_waits_in_all_functions)
{
	struct made made = {.call = scans_a_command};
	pair = make_pair(PIPE);
	struct coro_future *task = begin(&made);
	put(pair.to, "\n");
	finish(task, &made, 42);
	close_pair(pair);
}
END_TEST

static ssize_t writes_a_file(struct made *made)
{
	FILE *file = tmpfile();
	char text[20];
	if (!file || fprintf(file, "words %d\n", 5) != 8 || fseek(file, 0, SEEK_SET) != 0)
		return -1;
	bool right = fgets(text, sizeof(text), file) && strcmp(text, "words 5\n") == 0;
	return fclose(file) == 0 && right ? 0 : -2;
}

START_TEST(files_are_libcs)
{
	struct made made = {.call = writes_a_file};
	make_at_once(&made);
	ck_assert_int_eq(made.result, 0);
}
END_TEST

static ssize_t writes_and_reads(struct made *made)
{
	FILE *both = fdopen(dup(pair.from), "r+");
	bool right = fputs("question\n", both) >= 0 && fgets(made->bytes, 20, both) &&
		     strcmp(made->bytes, "answer\n") == 0 && fputs("thanks\n", both) >= 0;
	return fclose(both) == 0 && right ? 0 : -1;
}

START_TEST(a_stream_for_both_is_written_before_it_is_read)
{
	struct made made = {.call = writes_and_reads};
	pair = make_pair(UNIX);
	struct coro_future *task = begin(&made);
	char got[20] = {0};
	while (recv(pair.to, got, sizeof(got) - 1, MSG_DONTWAIT) < 0)
		turn();
	ck_assert_str_eq(got, "question\n");
	put(pair.to, "answer\n");
	finish(task, &made, 0);
	expect(pair.to, "thanks\n");
	close_pair(pair);
}
END_TEST

static ssize_t prints_in_a_child(struct made *made)
{
	pid_t child = fork();
	if (child == 0) {
		FILE *told = fdopen(made->fd, "r");
		fprintf(out, "child %d\n", 1);
		fflush(out);
		_exit(fgets(made->bytes, 20, told) ? 0 : 1);
	}
	int status;
	return waitpid(child, &status, 0) == child ? status : -1;
}

START_TEST(in_a_child_they_are_libcs)
{
	struct pair other = make_pair(PIPE);
	struct made made = {.call = prints_in_a_child, .fd = other.from};
	char got[20] = {0};
	open_streams(UNIX);
	struct coro_future *task = begin(&made);
	ck_assert_int_gt(recv(pair.from, got, sizeof(got) - 1, 0), 0);
	ck_assert_str_eq(got, "child 1\n");
	put(other.to, "x\n");
	finish(task, &made, 0);
	close_streams();
	close_pair(other);
}
END_TEST

static int prints_and_reads(void *arg)
{
	int fds[2];
	char text[8];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return -errno;
	FILE *stream = fdopen(fds[0], "r+");
	int error = stream ? 0 : ENOMEM;
	if (!error && (fprintf(stream, "%600d", 1) != 600 || fflush(stream) != 0))
		error = errno;
	if (!error && write(fds[1], "words\n", 6) != 6)
		error = errno;
	if (!error && !fgets(text, sizeof(text), stream))
		error = errno;
	if (stream)
		fclose(stream);
	else
		close(fds[0]);
	close(fds[1]);
	return -error;
}

START_TEST(without_memory_they_fail)
{
	fail_each_allocation(prints_and_reads);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, bytes_are_waited_for, 0, READS * 3);
	tcase_add_loop_test(tests, a_cancelled_call_fails_and_the_stream_goes_on, 0, READS);
	tcase_add_test(tests, lines_are_those_of_libc);
	tcase_add_loop_test(tests, scanf_waits_for_the_first_bytes, 0, 3);
	tcase_add_loop_test(tests, room_is_waited_for, 0, WRITES * 6);
	tcase_add_loop_test(tests, a_write_that_is_cancelled_fails, 0, WRITES);
	tcase_add_loop_test(tests, buffers_are_written_when_libc_would, 0, 4);
	tcase_add_test(tests, a_terminal_has_lines_and_shows_questions);
	tcase_add_test(tests, lines_of_several_tasks_do_not_mix);
	tcase_add_test(tests, each_of_several_readers_gets_a_line);
	tcase_add_test(tests, a_task_locks_a_stream);
	tcase_add_test(tests, a_lock_of_a_task_that_has_ended_is_nobodys);
	tcase_add_test(tests, a_thread_that_has_the_stream_is_waited_for);
	tcase_add_test(tests, fopen_waits_for_the_other_end);
	tcase_add_test(tests, a_stream_of_popen_waits_in_all_functions);
	tcase_add_test(tests, files_are_libcs);
	tcase_add_test(tests, a_stream_for_both_is_written_before_it_is_read);
	tcase_add_test(tests, in_a_child_they_are_libcs);
	tcase_add_test(tests, without_memory_they_fail);
}

TEST_MAIN("posix stdio", add)
