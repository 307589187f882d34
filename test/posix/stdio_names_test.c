/* SPDX-License-Identifier: MIT */
/* The functions of stdio that have several names, in tasks that wait. */
#include "posix/posix.h"

#include <sys/stat.h>

int _IO_putc(int byte, FILE *stream);
int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments);
int __vprintf_chk(int flag, const char *format, va_list arguments);
int __printf_chk(int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);
int __overflow(FILE *stream, int byte);

/* scanf has a name for each standard of C. */
int plain_fscanf(FILE *stream, const char *format, ...) __asm__("fscanf");
int plain_vfscanf(FILE *stream, const char *format, va_list arguments) __asm__("vfscanf");
int plain_scanf(const char *format, ...) __asm__("scanf");
int plain_vscanf(const char *format, va_list arguments) __asm__("vscanf");
int c99_fscanf(FILE *stream, const char *format, ...) __asm__("__isoc99_fscanf");
int c99_vfscanf(FILE *stream, const char *format, va_list arguments) __asm__("__isoc99_vfscanf");
int c99_scanf(const char *format, ...) __asm__("__isoc99_scanf");
int c99_vscanf(const char *format, va_list arguments) __asm__("__isoc99_vscanf");

static struct pair pair;
static FILE *in, *out;

static void open_streams(void)
{
	pair = make_pair(PIPE);
	in = fdopen(pair.from, "r");
	out = fdopen(pair.to, "w");
	ck_assert(in && out);
}

static void close_streams(void)
{
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_int_eq(fclose(in), 0);
}

/* A call whose standard streams are ours. */
static ssize_t with_standard_streams(ssize_t (*call)(struct made *made), struct made *made)
{
	FILE *before_in = stdin, *before_out = stdout;
	stdin = in;
	stdout = out;
	ssize_t r = call(made);
	stdin = before_in;
	stdout = before_out;
	return r;
}

/* ---- reading ---- */

static ssize_t gets_bytes_of_stdin(struct made *made)
{
	int (*const get[])(void) = {getchar, getchar_unlocked};
	int n = 0, byte = 0;
	while (n < 6 && (byte = get[n % 2]()) != EOF)
		made->bytes[n++] = (char)byte;
	return n;
}

static ssize_t by_getchar(struct made *made)
{
	return with_standard_streams(gets_bytes_of_stdin, made);
}

START_TEST(bytes_of_stdin_are_waited_for)
{
	struct made made = {.call = by_getchar};
	open_streams();
	struct coro_future *task = begin(&made);
	put(pair.to, "wo");
	turn();
	turn();
	put(pair.to, "rds\n");
	finish(task, &made, 6);
	ck_assert_str_eq(made.bytes, "words\n");
	close_streams();
}
END_TEST

static int scans_by(int (*scan)(FILE *, const char *, va_list), FILE *stream, ...)
{
	va_list arguments;
	va_start(arguments, stream);
	int r = scan(stream, "%d", arguments);
	va_end(arguments);
	return r;
}

static int scans_stdin_by(int (*scan)(const char *, va_list), ...)
{
	va_list arguments;
	va_start(arguments, scan);
	int r = scan("%d", arguments);
	va_end(arguments);
	return r;
}

static ssize_t scans(struct made *made)
{
	int number = 0, r = 0;
	switch (made->fd) {
	case 0:
		r = plain_fscanf(in, "%d", &number);
		break;
	case 1:
		r = scans_by(plain_vfscanf, in, &number);
		break;
	case 2:
		r = plain_scanf("%d", &number);
		break;
	case 3:
		r = scans_stdin_by(plain_vscanf, &number);
		break;
	case 4:
		r = c99_fscanf(in, "%d", &number);
		break;
	case 5:
		r = scans_by(c99_vfscanf, in, &number);
		break;
	case 6:
		r = c99_scanf("%d", &number);
		break;
	default:
		r = scans_stdin_by(c99_vscanf, &number);
	}
	return r == 1 ? number : -1;
}

static ssize_t scans_with_streams(struct made *made)
{
	return with_standard_streams(scans, made);
}

enum { SCANS = 8 };

START_TEST(numbers_are_waited_for)
{
	struct made made = {.call = scans_with_streams, .fd = _i};
	open_streams();
	struct coro_future *task = begin(&made);
	put(pair.to, "17 ");
	finish(task, &made, 17);
	close_streams();
}
END_TEST

/* ---- writing: more than there is room for ---- */

enum { ALL = 100000, PART = 10000 };

static char long_text[ALL + 1];

/* As a header makes putc_unlocked inline. */
static int put_inline(int byte, FILE *stream)
{
	if (stream->_IO_write_ptr >= stream->_IO_write_end)
		return __overflow(stream, byte);
	return (unsigned char)(*stream->_IO_write_ptr++ = (char)byte);
}

static ssize_t puts_bytes(struct made *made)
{
	int (*const put[])(int, FILE *) = {fputc, putc, _IO_putc, fputc_unlocked, put_inline};
	int (*const put_out[])(int) = {putchar, putchar_unlocked};
	for (int i = 0; i < ALL; i++) {
		int byte = long_text[i];
		if ((i % 7 < 5 ? put[i % 7](byte, out) : put_out[i % 7 - 5](byte)) == EOF)
			return -1;
	}
	return fflush(out) == 0 ? ALL : -1;
}

static ssize_t puts_inline(struct made *made)
{
	for (int i = 0; i < ALL; i++)
		if (put_inline(long_text[i], out) == EOF)
			return -1;
	return fflush(out) == 0 ? ALL : -1;
}

static int prints_by(int which, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int r;
	switch (which) {
	case 0:
		r = vfprintf(out, format, arguments);
		break;
	case 1:
		r = vprintf(format, arguments);
		break;
	case 2:
		r = __vfprintf_chk(out, 1, format, arguments);
		break;
	case 3:
		r = __vprintf_chk(1, format, arguments);
		break;
	case 4:
		r = vdprintf(pair.to, format, arguments);
		break;
	default:
		r = __vdprintf_chk(pair.to, 1, format, arguments);
	}
	va_end(arguments);
	return r;
}

static ssize_t prints_to_stream(struct made *made)
{
	int n = 0;
	for (int i = 0; i < ALL / PART; i++) {
		const char *part = long_text + i * PART;
		int r = i % 5 < 4 ? prints_by(i % 5, "%.*s", PART, part)
				  : __printf_chk(1, "%.*s", PART, part);
		if (r < 0)
			return -1;
		n += r;
	}
	return fflush(out) == 0 ? n : -1;
}

static ssize_t prints_to_fd(struct made *made)
{
	int first = prints_by(4, "%.*s", ALL / 2, long_text);
	int second = prints_by(5, "%s", long_text + ALL / 2);
	return first + second;
}

static ssize_t (*const all_writes[])(struct made *) = {puts_bytes, puts_inline, prints_to_stream,
						       prints_to_fd};

enum { WRITES = sizeof(all_writes) / sizeof(all_writes[0]) };

static ssize_t writes(struct made *made)
{
	return with_standard_streams(all_writes[made->fd], made);
}

START_TEST(room_is_waited_for)
{
	static char got[ALL];
	struct made made = {.call = writes, .fd = _i};
	size_t done = 0;
	for (int i = 0; i < ALL; i++)
		long_text[i] = (char)(i % 91 + ' ');
	open_streams();
	fcntl(pair.from, F_SETFL, O_NONBLOCK);
	struct coro_future *task = begin(&made);
	while (done < ALL) {
		ssize_t n = read(pair.from, got + done, ALL - done);
		done += n > 0 ? (size_t)n : 0;
		turn();
	}
	finish(task, &made, ALL);
	ck_assert_int_eq(memcmp(got, long_text, ALL), 0);
	close_streams();
}
END_TEST

/* ---- opening ---- */

static char path[64], *path_end;

static void make_fifo(void)
{
	strcpy(path, "/tmp/coro-posix-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	path_end = path + strlen(path);
	strcpy(path_end, "/fifo");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void remove_fifo(void)
{
	unlink(path);
	*path_end = '\0';
	rmdir(path);
}

static ssize_t opens(struct made *made)
{
	FILE *stream = fopen(path, made->bytes);
	if (!stream)
		return -1;
	int flags = fcntl(fileno(stream), F_GETFL);
	bool inherited = !(fcntl(fileno(stream), F_GETFD) & FD_CLOEXEC);
	fclose(stream);
	return (flags & (O_ACCMODE | O_APPEND)) | (inherited ? O_EXCL : 0);
}

START_TEST(mode_of_fopen_says_how_it_is_opened)
{
	static const struct {
		const char *mode;
		int flags;
	} modes[] = {{"we", O_WRONLY}, {"w", O_WRONLY | O_EXCL}, {"ae", O_WRONLY | O_APPEND},
		     {"r+e", O_RDWR},  {"w+e", O_RDWR},          {"a+e", O_RDWR | O_APPEND}};
	struct made made = {.call = opens};
	strcpy(made.bytes, modes[_i].mode);
	make_fifo();
	int other = open(path, O_RDWR | O_CLOEXEC);
	make(&made);
	ck_assert_int_eq(made.result, modes[_i].flags);
	close(other);
	remove_fifo();
}
END_TEST

START_TEST(fopen_of_what_must_not_be_there_fails)
{
	struct made made = {.call = opens, .bytes = "wx"};
	make_fifo();
	make(&made);
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(made.error, EEXIST);
	strcpy(made.bytes, "strange");
	make(&made);
	ck_assert_int_eq(made.result, -1);
	ck_assert_int_eq(made.error, EINVAL);
	remove_fifo();
}
END_TEST

static ssize_t opens_again(struct made *made)
{
	FILE *stream = fdopen(made->fd, "w");
	if (fputs("pipe", stream) < 0 || freopen(path, "w", stream) != stream ||
	    fputs("file", stream) < 0)
		return -1;
	return fclose(stream);
}

START_TEST(stream_that_is_opened_again_is_written_before)
{
	char got[10] = {0};
	struct made made = {.call = opens_again};
	pair = make_pair(UNIX);
	made.fd = pair.to;
	strcpy(path, "/tmp/coro-posix-XXXXXX");
	int file = mkstemp(path);
	make(&made);
	ck_assert_int_eq(made.result, 0);
	expect(pair.from, "pipe");
	ck_assert_int_eq(read(file, got, sizeof(got)), 4);
	ck_assert_str_eq(got, "file");
	unlink(path);
	close(file);
	close(pair.from);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, bytes_of_stdin_are_waited_for);
	tcase_add_loop_test(tests, numbers_are_waited_for, 0, SCANS);
	tcase_add_loop_test(tests, room_is_waited_for, 0, WRITES);
	tcase_add_loop_test(tests, mode_of_fopen_says_how_it_is_opened, 0, 6);
	tcase_add_test(tests, fopen_of_what_must_not_be_there_fails);
	tcase_add_test(tests, stream_that_is_opened_again_is_written_before);
}

TEST_MAIN("posix stdio names", add)
