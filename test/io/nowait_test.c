/* SPDX-License-Identifier: MIT */
/*
 * Only the task waits, never the thread: whatever others do with the fd, and whatever O_NONBLOCK
 * is.
 */
#include "base/system.h"
#include "loop/loop.h"

#include "fds.h"

#include <poll.h>
#include <sys/stat.h>
#include <termios.h>

/* More than a terminal or a pipe holds. */
enum { MUCH = 300000 };

static int from, to;

/* ---- kinds ---- */

enum kind { PLAIN_PIPE, FIFO, SLAVE_READS, MASTER_READS, KINDS };

static void make_raw(int terminal)
{
	struct termios settings;
	ck_assert_int_eq(tcgetattr(terminal, &settings), 0);
	cfmakeraw(&settings);
	ck_assert_int_eq(tcsetattr(terminal, TCSANOW, &settings), 0);
}

static void open_fifo(void)
{
	char path[] = "/tmp/coro-nowait-XXXXXX", fifo[64];
	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(fifo, sizeof(fifo), "%s/fifo", path);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	from = open(fifo, O_RDONLY | O_NONBLOCK);
	to = open(fifo, O_WRONLY);
	fcntl(from, F_SETFL, O_RDONLY);
	unlink(fifo);
	rmdir(path);
	ck_assert_int_ge(to, 0);
}

/* Makes fds without O_NONBLOCK; false if the system has none of that kind. */
static bool make(int kind)
{
	int fds[2];
	switch (kind) {
	case PLAIN_PIPE:
		ck_assert_int_eq(pipe(fds), 0);
		from = fds[0];
		to = fds[1];
		return true;
	case FIFO:
		open_fifo();
		return true;
	case SLAVE_READS:
		if (!open_terminal(&to, &from))
			return false;
		make_raw(from);
		return true;
	default:
		if (!open_terminal(&from, &to))
			return false;
		make_raw(to);
		return true;
	}
}

static void close_both(void)
{
	coro_fd_close(from);
	coro_fd_close(to);
}

static bool has_nonblock(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

/* ---- writing ---- */

static char written[MUCH], got[MUCH];

static int writes_much(void *arg)
{
	(void)arg;
	return (int)coro_write(to, written, MUCH);
}

static int reads_much(void *arg)
{
	size_t length = *(size_t *)arg;
	for (size_t done = 0; done < length;) {
		ssize_t n = coro_read(from, got + done, length - done);
		if (n <= 0)
			return n < 0 ? (int)n : -EPIPE;
		done += (size_t)n;
	}
	return 0;
}

static void fill_written(void)
{
	for (int i = 0; i < MUCH; i++)
		written[i] = (char)('a' + (i / 7) % 26);
}

/* All has been read, but it may have been a thread that wrote it, and what it says is still to come. */
static int run_to_end(struct coro_future *writer)
{
	int r = coro_run_until_complete(loop, writer, NULL);
	coro_future_unref(writer);
	return r;
}

START_TEST(what_has_no_room_is_waited_for_by_the_task_alone)
{
	if (!make(_i))
		skip_test("no terminals here");
	fill_written();
	struct coro_future *writer = start(writes_much, NULL); /* which comes back */
	ck_assert(!coro_future_done(writer));
	size_t all = MUCH;
	ck_assert_int_eq(result_of(reads_much, &all), 0);
	ck_assert_int_eq(run_to_end(writer), MUCH);
	ck_assert_int_eq(memcmp(written, got, MUCH), 0);
	ck_assert(!has_nonblock(from));
	ck_assert(!has_nonblock(to));
	close_both();
}
END_TEST

START_TEST(a_write_that_is_cancelled_tells_what_is_written)
{
	if (!make(_i))
		skip_test("no terminals here");
	fill_written();
	struct coro_future *writer = start(writes_much, NULL);
	coro_cancel(writer);
	int done = coro_run_until_complete(loop, writer, NULL);
	coro_future_unref(writer);
	ck_assert_int_gt(done, 0);
	ck_assert_int_lt(done, MUCH);
	size_t all = (size_t)done;
	ck_assert_int_eq(result_of(reads_much, &all), 0);
	ck_assert_int_eq(memcmp(written, got, all), 0);
	/* And there is no more. */
	struct coro_future *reader = start(reads_once, &(struct reading){"a", from});
	turn();
	ck_assert_trace("");
	cancel(reader);
	turn();
	coro_future_unref(reader);
	close_both();
}
END_TEST

START_TEST(an_error_of_a_write_that_is_cancelled_is_the_next_ones)
{
	if (!make(SLAVE_READS))
		skip_test("no terminals here");
	fail_calls_from("write", 1, EIO);
	fail_calls_everywhere();
	struct coro_future *writer = start(writes_much, NULL);
	while (inbox_empty(&sched_of(loop)->inbox)) /* until the thread has tried */
		sched_yield();
	cancel(writer);
	ck_assert_int_eq(run_to_end(writer), -ECANCELED);
	ck_assert(fail_call_off());
	ck_assert_int_eq(result_of(writes_much, NULL), -EIO);
	close_both();
}
END_TEST

static int closes_it(void *arg)
{
	(void)arg;
	return coro_fd_close(to);
}

/* A thread has begun the write, and ends it when it is left alone: after the fd is closed, too. */
START_TEST(write_by_a_thread_goes_on_without_its_task)
{
	if (!make(MASTER_READS))
		skip_test("no terminals here");
	fill_written();
	fail_calls_from("open", 1, EACCES);
	struct coro_future *writer = start(writes_much, NULL);
	cancel(writer);
	int done = coro_run_until_complete(loop, writer, NULL);
	/* Where terminals cannot be told apart none is opened. */
	ck_assert(fail_call_off() || !system_is_same_terminal(to, to));
	coro_future_unref(writer);
	ck_assert_int_gt(done, 0);
	ck_assert_int_eq(_i ? closes_it(NULL) : result_of(closes_it, NULL), 0);
	size_t all = (size_t)done;
	ck_assert_int_eq(result_of(reads_much, &all), 0);
	ck_assert_int_eq(memcmp(written, got, all), 0);
	coro_fd_close(from);
}
END_TEST

START_TEST(the_fd_may_be_closed_while_a_write_has_no_room)
{
	if (!make(_i))
		skip_test("no terminals here");
	struct coro_future *writer = start(writes_much, NULL);
	ck_assert_int_eq(result_of(closes_it, NULL), 0);
	int done = coro_run_until_complete(loop, writer, NULL);
	ck_assert(done == -EBADF || (done > 0 && done < MUCH));
	coro_future_unref(writer);
	close(from);
}
END_TEST

START_TEST(a_task_whose_write_has_no_room_may_be_discarded)
{
	if (!make(_i))
		skip_test("no terminals here");
	coro_future_unref(start(writes_much, NULL));
	loop_teardown();
	loop_setup();
	close(from);
	close(to);
}
END_TEST

/* ---- reading ---- */

static const char *read_call;

static void takes_the_byte(void)
{
	char byte;
	ck_assert_int_eq(read(from, &byte, 1), 1);
}

/* What is written to one end of a terminal comes to the other a little later. */
static void await_input(void)
{
	struct pollfd input = {.fd = from, .events = POLLIN};
	ck_assert_int_eq(poll(&input, 1, -1), 1);
}

/* What is there when the call is chosen has been taken by another when it is made. */
static struct coro_future *read_in_vain(void)
{
	static struct reading reading;
	reading = (struct reading){"a", from};
	struct coro_future *reader = start(reads_once, &reading);
	precede_call(read_call, takes_the_byte);
	put(to, "x");
	await_input();
	turn();
	turn();
	ck_assert_trace("");
	return reader;
}

/* Whether reads of a pipe may be told not to wait: not by old kernels, nor by an emulator. */
static bool knows_nowait(int fd)
{
	char byte;
	struct iovec vec = {&byte, 1};
	return system_preadv2(fd, &vec, 1, -1, RWF_NOWAIT) < 0 && errno == EAGAIN;
}

/* The last call that is made before a read waits: with a flag, by an fd of its own or in a thread. */
static const char *choose_read_call(int kind)
{
	switch (kind) {
	case PLAIN_PIPE:
		return knows_nowait(from) ? "preadv2" : "read";
	case FIFO:
		return "read";
	case SLAVE_READS:
		return system_is_same_terminal(from, from) ? "read" : "pthread_create";
	default:
		return "pthread_create";
	}
}

static bool make_to_steal_from(int kind)
{
	if (!make(kind))
		return false;
	read_call = choose_read_call(kind);
	return true;
}

START_TEST(what_another_takes_is_not_waited_for_by_the_loop)
{
	if (on_uring() && _i == PLAIN_PIPE)
		skip_test("the kernel waits itself");
	if (!make_to_steal_from(_i))
		skip_test("no terminals here");
	struct coro_future *reader = read_in_vain();
	put(to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
	ck_assert_trace("a:word");
	coro_future_unref(reader);
	close_both();
}
END_TEST

START_TEST(a_read_that_is_cancelled_loses_nothing)
{
	if (on_uring() && _i == PLAIN_PIPE)
		skip_test("the kernel waits itself");
	if (!make_to_steal_from(_i))
		skip_test("no terminals here");
	struct coro_future *reader = read_in_vain();
	cancel(reader);
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), -ECANCELED);
	coro_future_unref(reader);
	put(to, "word");
	reader = start(reads_once, &(struct reading){"b", from, 2});
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
	coro_future_unref(reader);
	reader = start(reads_once, &(struct reading){"c", from});
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
	ck_assert_trace("a:-" NUMBER(ECANCELED) " b:wo c:rd");
	coro_future_unref(reader);
	close_both();
}
END_TEST

static int polls_thrice(void *arg)
{
	struct pollfd *fds = arg;
	return coro_poll(fds, 3, 0);
}

/* Two of the fds have a result, which the kernel does not know of. */
START_TEST(poll_finds_what_a_cancelled_read_has_left)
{
	if (!make_to_steal_from(MASTER_READS) || strcmp(read_call, "pthread_create") != 0)
		skip_test("no terminals here, or no thread reads them");
	struct coro_future *reader = read_in_vain();
	put(to, "word");
	while (inbox_empty(&sched_of(loop)->inbox)) /* until the thread has read that */
		sched_yield();
	cancel(reader);
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), -ECANCELED);
	coro_future_unref(reader);
	struct pollfd fds[] = {{.fd = from, .events = POLLIN | POLLOUT},
			       {.fd = from, .events = POLLOUT},
			       {.fd = from, .events = POLLIN}};
	ck_assert_int_eq(result_of(polls_thrice, fds), 3);
	ck_assert_int_eq(fds[0].revents, POLLIN | POLLOUT);
	ck_assert_int_eq(fds[1].revents, POLLOUT);
	ck_assert_int_eq(fds[2].revents, POLLIN);
	ck_assert_int_eq(result_of(reads_once, &(struct reading){"b", from}), 0);
	ck_assert_trace("a:-" NUMBER(ECANCELED) " b:word");
	close_both();
}
END_TEST

START_TEST(o_nonblock_may_be_taken_off_meanwhile)
{
	if (on_uring() && _i == PLAIN_PIPE)
		skip_test("the kernel waits itself");
	if (!make_to_steal_from(_i))
		skip_test("no terminals here");
	int flags = fcntl(from, F_GETFL);
	fcntl(from, F_SETFL, flags | O_NONBLOCK);
	struct coro_future *first = start(reads_once, &(struct reading){"a", from});
	put(to, "x");
	ck_assert_int_eq(coro_run_until_complete(loop, first, NULL), 0);
	coro_future_unref(first);
	ck_assert_trace("a:x");
	fcntl(from, F_SETFL, flags);
	struct coro_future *reader = read_in_vain();
	put(to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
	coro_future_unref(reader);
	close_both();
}
END_TEST

/* ---- other devices ---- */

static int device;

static int reads_device(void *arg)
{
	char bytes[512];
	(void)arg;
	return (int)coro_read(device, bytes, sizeof(bytes));
}

static int reads_at(void *offset)
{
	char bytes[16];
	return (int)coro_pread(device, bytes, sizeof(bytes), *(off_t *)offset);
}

/* What a thread has read for a task that has left is of that task's place. */
START_TEST(read_at_another_place_reads_anew)
{
	off_t first = 0, second = 4096;
	device = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	fail_calls_from("preadv2", 1, EOPNOTSUPP);
	struct coro_future *reader = start(reads_at, &first);
	cancel(reader);
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), -ECANCELED);
	coro_future_unref(reader);
	ck_assert_int_eq(result_of(reads_at, &second), 16);
	ck_assert_int_eq(result_of(reads_at, &first), 16);
	ck_assert(fail_call_off());
	coro_fd_close(device);
}
END_TEST

static int reads_endlessly(void *arg)
{
	static char bytes[8 << 20];
	(void)arg;
	return (int)coro_read(device, bytes, sizeof(bytes));
}

START_TEST(devices_without_an_end_are_read_in_parts)
{
	device = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int done = result_of(reads_endlessly, NULL);
	ck_assert(done > 0 && done <= 1 << 20);
	coro_fd_close(device);
	to = device = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(result_of(reads_endlessly, NULL), 0);
	ck_assert_int_eq(result_of(writes_much, NULL), MUCH);
	coro_fd_close(device);
	to = open("/dev/full", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(result_of(writes_much, NULL), -ENOSPC);
	coro_fd_close(to);
}
END_TEST

/* ---- refusals ---- */

/* The system calls that make it possible are refused, in the ways of sandboxes. */
static const struct refusal {
	const char *call;
	int error;
} refusals[] = {
	{"preadv2", EPERM},  {"preadv2", ENOSYS},  {"preadv2", EOPNOTSUPP},
	{"pwritev2", EPERM}, {"pwritev2", ENOSYS}, {"open", EACCES},
	{"open", ENOENT},    {"open", EMFILE},     {"ioctl", ENOTTY},
};

enum { REFUSALS = sizeof(refusals) / sizeof(*refusals) };

/* So that the loop has records of both. */
static int knows_them(void *arg)
{
	(void)arg;
	return coro_writable(to);
}

START_TEST(what_is_refused_is_done_otherwise)
{
	const struct refusal *refusal = &refusals[_i / KINDS];
	if (!make(_i % KINDS))
		skip_test("no terminals here");
	fill_written();
	ck_assert_int_eq(result_of(knows_them, NULL), 0);
	fail_calls_from(refusal->call, 1, refusal->error);
	struct coro_future *writer = start(writes_much, NULL);
	size_t all = MUCH;
	ck_assert_int_eq(result_of(reads_much, &all), 0);
	ck_assert_int_eq(run_to_end(writer), MUCH);
	fail_call_off();
	ck_assert_int_eq(memcmp(written, got, MUCH), 0);
	close_both();
}
END_TEST

/* More than a thread takes at once, and far more than lies behind its buffer. */
static int writes_many_pieces(void *arg)
{
	enum { PIECES = 1000, PIECE = 65536 };
	static char bytes[PIECE];
	static struct iovec pieces[PIECES];
	(void)arg;
	for (int i = 0; i < PIECES; i++)
		pieces[i] = (struct iovec){bytes, i == 0 ? 1 : PIECE};
	return (int)coro_writev(to, pieces, PIECES);
}

START_TEST(thread_takes_as_many_pieces_as_it_has_room_for)
{
	to = open("/dev/full", O_RDWR | O_CLOEXEC);
	fail_calls_from("pwritev2", 1, EOPNOTSUPP);
	ck_assert_int_eq(result_of(writes_many_pieces, NULL), -ENOSPC);
	ck_assert_int_eq((int)calls_of("pthread_create"), 1);
	ck_assert(fail_call_off());
	coro_fd_close(to);
}
END_TEST

/* Opened once more, it may be another one. */
START_TEST(device_that_is_no_terminal_is_not_opened_again)
{
	to = open("/dev/full", O_RDWR | O_CLOEXEC);
	fail_calls_from("pwritev2", 1, EOPNOTSUPP);
	ck_assert_int_eq(result_of(writes_much, NULL), -ENOSPC);
	ck_assert_uint_eq(calls_of("open"), 0);
	ck_assert(fail_call_off());
	coro_fd_close(to);
}
END_TEST

/* Pieces between empty ones. */
static int writes_pieces(void *arg)
{
	const struct iovec pieces[] = {{"", 0}, {"ab", 2}, {NULL, 0}, {"cde", 3}, {"", 0}};
	return (int)coro_writev(to, pieces, 5);
}

START_TEST(an_empty_piece_does_not_end_a_write)
{
	const struct refusal *refusal = &refusals[_i / KINDS];
	size_t all = 5;
	if (!make(_i % KINDS))
		skip_test("no terminals here");
	fail_calls_from(refusal->call, 1, refusal->error);
	struct coro_future *writer = start(writes_pieces, NULL);
	ck_assert_int_eq(result_of(reads_much, &all), 0);
	ck_assert_int_eq(run_to_end(writer), 5);
	fail_call_off();
	ck_assert_int_eq(memcmp("abcde", got, 5), 0);
	close_both();
}
END_TEST

START_TEST(without_a_thread_it_is_an_error)
{
	if (!open_terminal(&from, &to))
		skip_test("no terminals here");
	put(to, "word\n");
	fail_call("pthread_create", 1, EAGAIN);
	device = from;
	ck_assert_int_eq(result_of(reads_device, NULL), -ENOMEM);
	ck_assert(fail_call_off());
	ck_assert_int_gt(result_of(reads_device, NULL), 0);
	put(to, "word\n");
	fail_call("fcntl", 2, EMFILE);
	ck_assert_int_eq(result_of(reads_device, NULL), -EMFILE);
	ck_assert(fail_call_off());
	close_both();
}
END_TEST

static int threads_before;

static void nowait_setup(void)
{
	threads_before = threads_now();
	fds_setup();
}

/* A thread whose write was left to it closes its fd at its end, which may come after ours. */
static void nowait_teardown(void)
{
	loop_teardown();
	await_threads(threads_before);
	assert_fds_are_as_before();
}

/* ---- terminals with a VMIN of 0 ---- */

static void set_times(int terminal, int vmin, int vtime)
{
	struct termios settings;
	ck_assert_int_eq(tcgetattr(terminal, &settings), 0);
	settings.c_cc[VMIN] = (cc_t)vmin;
	settings.c_cc[VTIME] = (cc_t)vtime;
	ck_assert_int_eq(tcsetattr(terminal, TCSANOW, &settings), 0);
}

static int reads_some(void *arg)
{
	char some[10];
	(void)arg;
	return (int)coro_read(from, some, sizeof(some));
}

static int reads_by_vector(void *arg)
{
	char some[10];
	struct iovec vec[2] = {{some, 1}, {some + 1, 9}};
	(void)arg;
	return (int)coro_readv(from, vec, 2);
}

START_TEST(terminal_is_waited_for_as_long_as_its_settings_say)
{
	coro_fn *const ways[] = {reads_some, reads_by_vector};
	coro_fn *reads = ways[_i];
	if (!make(SLAVE_READS))
		skip_test("no terminals here");
	if (!system_is_same_terminal(from, from)) {
		close_both();
		skip_test("a thread reads, which waits for input first");
	}
	struct coro_future *task = start(reads, NULL);
	turn();
	ck_assert(!coro_future_done(task)); /* VMIN is 1 */
	coro_cancel(task);
	ck_assert_int_eq(run_to_end(task), -ECANCELED);
	set_times(from, 0, 0);
	ck_assert_int_eq(result_of(reads, NULL), 0);
	ck_assert_int_eq(result_of(reads, NULL), 0);
	set_times(from, 0, 1);
	ck_assert_int_eq(result_of(reads, NULL), 0);
	set_times(from, 0, 255);
	task = start(reads, NULL);
	turn();
	ck_assert(!coro_future_done(task));
	put(to, "some");
	await_input(); /* else the virtual clock may come first */
	ck_assert_int_eq(run_to_end(task), 4);
	task = start(reads, NULL);
	turn();
	coro_cancel(task);
	ck_assert_int_eq(run_to_end(task), -ECANCELED);
	close_both();
}
END_TEST

START_TEST(terminal_that_does_not_tell_its_settings_is_read)
{
	if (!make(SLAVE_READS))
		skip_test("no terminals here");
	set_times(from, 0, 0);
	fail_calls_from("tcgetattr", 1, EIO);
	put(to, "some");
	await_input();
	ck_assert_int_eq(result_of(reads_some, NULL), 4);
	ck_assert(fail_call_off());
	close_both();
}
END_TEST

START_TEST(first_call_of_a_loop_waits_as_long_as_the_terminal_says)
{
	if (!make(SLAVE_READS))
		skip_test("no terminals here");
	if (!system_is_same_terminal(from, from)) {
		close_both();
		skip_test("a thread reads, which waits for input first");
	}
	set_times(from, 0, 255);
	struct coro_future *task = start(reads_some, NULL);
	turn();
	ck_assert(!coro_future_done(task));
	put(to, "some");
	await_input();
	ck_assert_int_eq(run_to_end(task), 4);
	close_both();
}
END_TEST

/* The settings that a master tells are those of its slave. */
START_TEST(times_of_a_slave_are_not_those_of_its_master)
{
	if (!make(MASTER_READS))
		skip_test("no terminals here");
	set_times(to, 0, 0);
	struct coro_future *task = start(reads_some, NULL);
	turn();
	turn();
	ck_assert(!coro_future_done(task));
	put(to, "some");
	ck_assert_int_eq(run_to_end(task), 4);
	close_both();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, nowait_setup, nowait_teardown);
	tcase_add_loop_test(tests, what_has_no_room_is_waited_for_by_the_task_alone, 0, KINDS);
	tcase_add_loop_test(tests, a_write_that_is_cancelled_tells_what_is_written, 0, KINDS);
	tcase_add_test(tests, an_error_of_a_write_that_is_cancelled_is_the_next_ones);
	tcase_add_loop_test(tests, write_by_a_thread_goes_on_without_its_task, 0, 2);
	tcase_add_loop_test(tests, the_fd_may_be_closed_while_a_write_has_no_room, 0, KINDS);
	tcase_add_loop_test(tests, a_task_whose_write_has_no_room_may_be_discarded, 0, KINDS);
	tcase_add_loop_test(tests, what_another_takes_is_not_waited_for_by_the_loop, 0, KINDS);
	tcase_add_loop_test(tests, a_read_that_is_cancelled_loses_nothing, 0, KINDS);
	tcase_add_test(tests, poll_finds_what_a_cancelled_read_has_left);
	tcase_add_loop_test(tests, o_nonblock_may_be_taken_off_meanwhile, 0, KINDS);
	tcase_add_test(tests, read_at_another_place_reads_anew);
	tcase_add_test(tests, devices_without_an_end_are_read_in_parts);
	tcase_add_loop_test(tests, what_is_refused_is_done_otherwise, 0, REFUSALS * KINDS);
	tcase_add_test(tests, thread_takes_as_many_pieces_as_it_has_room_for);
	tcase_add_test(tests, device_that_is_no_terminal_is_not_opened_again);
	tcase_add_loop_test(tests, an_empty_piece_does_not_end_a_write, 0, REFUSALS * KINDS);
	tcase_add_test(tests, without_a_thread_it_is_an_error);
	tcase_add_loop_test(tests, terminal_is_waited_for_as_long_as_its_settings_say, 0, 2);
	tcase_add_test(tests, first_call_of_a_loop_waits_as_long_as_the_terminal_says);
	tcase_add_test(tests, terminal_that_does_not_tell_its_settings_is_read);
	tcase_add_test(tests, times_of_a_slave_are_not_those_of_its_master);
}

TEST_MAIN("nowait", add)
