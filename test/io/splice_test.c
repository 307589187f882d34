/* SPDX-License-Identifier: MIT */
#include "fds.h"

#include <poll.h>

enum { SIZE = 300000 };

static struct pair pair;
static int file;
static char contents[SIZE];

static void file_setup(void)
{
	fds_setup();
	FILE *temporary = tmpfile();
	ck_assert_ptr_nonnull(temporary);
	file = dup(fileno(temporary));
	fclose(temporary);
	for (size_t i = 0; i < SIZE; i++)
		contents[i] = (char)(i * 2654435761u >> 13);
	ck_assert_int_eq(write(file, contents, SIZE), SIZE);
	ck_assert_int_eq(lseek(file, 0, SEEK_SET), 0);
}

static void file_teardown(void)
{
	close(file);
	fds_teardown();
}

struct sending {
	off_t *offset;
	size_t length;
	ssize_t result;
};

static int sends(void *arg)
{
	struct sending *sending = arg;
	sending->result = coro_sendfile(pair.to, file, sending->offset, sending->length);
	coro_fd_close(pair.to);
	return 0;
}

static int reads_all(void *arg)
{
	static char got[SIZE + 1];
	size_t done = 0;
	ssize_t n;
	while ((n = coro_read(pair.from, got + done, sizeof(got) - done)) > 0)
		done += (size_t)n;
	coro_fd_close(pair.from);
	if (n < 0)
		return (int)n;
	return memcmp(got, contents + *(off_t *)arg, done) == 0 ? (int)done : -EIO;
}

static void send_and_read(struct sending *sending, off_t from, size_t expected)
{
	struct coro_future *task = spawn(sends, sending);
	ck_assert_int_eq(result_of(reads_all, &from), (int)expected);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(sending->result, (ssize_t)expected);
}

START_TEST(a_file_arrives)
{
	pair = make_pair(_i);
	send_and_read(&(struct sending){NULL, SIZE}, 0, SIZE);
	ck_assert_int_eq(lseek(file, 0, SEEK_CUR), SIZE);
}
END_TEST

START_TEST(a_file_ends_where_it_ends)
{
	pair = make_pair(_i);
	send_and_read(&(struct sending){NULL, 2 * SIZE}, 0, SIZE);
}
END_TEST

START_TEST(a_part_arrives_and_the_files_own_offset_stays)
{
	off_t offset = 1000;
	pair = make_pair(_i);
	send_and_read(&(struct sending){&offset, 100000}, 1000, 100000);
	ck_assert_int_eq(offset, 101000);
	ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 0);
}
END_TEST

START_TEST(a_file_arrives_in_small_pieces)
{
	pair = make_pair(_i);
	shorten_transfers(1000);
	send_and_read(&(struct sending){NULL, SIZE}, 0, SIZE);
	fail_call_off();
}
END_TEST

static int sends_and_waits(void *arg)
{
	int r = sends(arg);
	return r < 0 ? r : coro_sleep(0);
}

/* It may be a thread that reads the file. */
static void until_bytes_arrive(void)
{
	struct pollfd asked = {.fd = pair.from, .events = POLLIN};
	while (poll(&asked, 1, 0) == 0)
		turn();
}

/* Waits after sendfile if `waits`, so that the cancellation shows. */
static void cancel_sendfile(int kind, bool waits)
{
	struct sending sending = {NULL, SIZE, 0};
	pair = make_pair(kind);
	struct coro_future *task = start(waits ? sends_and_waits : sends, &sending);
	until_bytes_arrive();
	ck_assert(!coro_future_done(task));
	cancel(task);
	/* A body that ends before its next wait keeps its result. */
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), waits ? -ECANCELED : 0);
	coro_future_unref(task);
	ck_assert_int_gt(sending.result, 0);
	ck_assert_int_eq(lseek(file, 0, SEEK_CUR), sending.result);
	ck_assert_int_eq(result_of(reads_all, &(off_t){0}), (int)sending.result);
}

START_TEST(a_cancelled_sendfile_tells_what_it_sent)
{
	cancel_sendfile(_i % PAIR_KINDS, _i >= PAIR_KINDS);
}
END_TEST

START_TEST(so_does_one_that_is_cancelled_while_a_thread_reads)
{
	if (on_uring())
		skip_test("the kernel reads itself");
	fail_calls_from("preadv2", 1, EOPNOTSUPP);
	cancel_sendfile(_i % PAIR_KINDS, _i >= PAIR_KINDS);
	fail_call_off();
}
END_TEST

static int closes_the_sink(void *arg)
{
	(void)arg;
	return coro_fd_close(pair.to);
}

/* What was read and not written is left for the next one who reads. */
START_TEST(a_sink_that_is_closed_while_a_thread_reads_takes_nothing)
{
	if (on_uring())
		skip_test("the kernel reads itself");
	off_t offset = 1000;
	pair = make_pair(UNIX);
	fail_calls_from("preadv2", 1, EOPNOTSUPP);
	struct sending sending = {_i ? &offset : NULL, SIZE, 0};
	struct coro_future *task = start(sends, &sending);
	ck_assert_int_eq(result_of(closes_the_sink, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	fail_call_off();
	coro_future_unref(task);
	ck_assert(sending.result == -EBADF || sending.result > 0);
	ck_assert_int_eq(_i ? offset - 1000 : lseek(file, 0, SEEK_CUR),
			 sending.result > 0 ? sending.result : 0);
	close(pair.from);
}
END_TEST

/* Outside of tasks, where nothing else is allocated; the system does not send this file itself. */
START_TEST(copy_without_memory_is_an_error)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	off_t offset = 0;
	pair = make_pair(UNIX);
	fail_calls_from("sendfile", 1, EINVAL);
	fail_nth(1);
	ssize_t n = coro_sendfile(pair.to, file, &offset, 10);
	ck_assert(fail_off());
	ck_assert_int_eq(n, -ENOMEM);
	ck_assert_int_eq(offset, 0);
	ck_assert_int_eq(coro_sendfile(pair.to, file, &offset, 10), 10);
	ck_assert_int_eq(offset, 10);
	ck_assert(fail_call_off());
	close_pair(pair);
}
END_TEST

START_TEST(one_that_sends_a_file_may_be_discarded)
{
	struct sending sending = {NULL, SIZE, 0};
	pair = make_pair(_i);
	coro_future_unref(start(sends, &sending));
	turn();
	loop_teardown();
	loop_setup();
	close_pair(pair);
}
END_TEST

static int send_misuses(void *arg)
{
	pair = make_pair(UNIX_NONBLOCK);
	ck_assert_int_eq(coro_sendfile(pair.to, file, NULL, 0), 0);
	ck_assert_int_eq(coro_sendfile(pair.to, -1, NULL, 1), -EBADF);
	ck_assert_int_eq(coro_sendfile(-1, file, NULL, 1), -EBADF);
	coro_fd_close(pair.from);
	ck_assert_int_eq(coro_sendfile(pair.to, file, NULL, 10), -EPIPE);
	ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 0);
	coro_fd_close(pair.to);
	return 0;
}

START_TEST(sendfile_refuses_what_cannot_be)
{
	ck_assert_int_eq(result_of(send_misuses, NULL), 0);
	ck_assert_int_eq(send_misuses(NULL), 0);
}
END_TEST

/* ---- splice ---- */

static struct pair middle;

static int splices(void *arg)
{
	ssize_t n;
	do
		n = coro_splice(pair.from, NULL, middle.to, NULL, 65536, 0);
	while (n > 0);
	coro_fd_close(middle.to);
	return (int)n;
}

static int writes_and_closes(void *arg)
{
	ssize_t n = coro_write(pair.to, contents, SIZE);
	coro_fd_close(pair.to);
	return n == SIZE ? 0 : -EIO;
}

static int reads_middle(void *arg)
{
	static char got[SIZE + 1];
	size_t done = 0;
	ssize_t n;
	while ((n = coro_read(middle.from, got + done, sizeof(got) - done)) > 0)
		done += (size_t)n;
	if (n < 0)
		return (int)n;
	return memcmp(got, contents, done) == 0 ? (int)done : -EIO;
}

START_TEST(what_is_spliced_arrives)
{
	pair = make_pair(_i);
	middle = make_pair(PIPE);
	struct coro_future *tasks[] = {spawn(splices, NULL), spawn(writes_and_closes, NULL)};
	ck_assert_int_eq(result_of(reads_middle, NULL), SIZE);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
	}
	close(pair.from);
	close(middle.from);
}
END_TEST

START_TEST(a_splice_that_waits_may_be_cancelled)
{
	pair = make_pair(_i);
	middle = make_pair(PIPE);
	struct coro_future *task = start(splices, NULL);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	close_pair(pair);
	close(middle.from);
}
END_TEST

START_TEST(a_splice_without_a_pipe_is_refused)
{
	pair = make_pair(UNIX);
	put(pair.to, "x");
	ck_assert_int_eq(coro_splice(pair.from, NULL, pair.to, NULL, 1, 0), -EINVAL);
	close_pair(pair);
}
END_TEST

static void takes_the_byte(void)
{
	char byte;
	ck_assert_int_eq(recv(pair.from, &byte, 1, 0), 1);
}

static int splices_once(void *arg)
{
	(void)arg;
	return (int)coro_splice(pair.from, NULL, middle.to, NULL, 100, 0);
}

START_TEST(a_splice_from_a_socket_that_blocks_does_not_hold_the_loop)
{
	pair = make_pair(UNIX);
	middle = make_pair(PIPE);
	put(pair.to, "x");
	precede_call("pthread_create", takes_the_byte);
	struct coro_future *task = start(splices_once, NULL);
	turn();
	ck_assert(!coro_future_done(task));
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 4);
	coro_future_unref(task);
	expect(middle.from, "word");
	close_pair(pair);
	close_pair(middle);
}
END_TEST

static int takes_a_second(void *arg)
{
	(void)arg;
	return coro_sleep(CORO_SEC);
}

#ifdef IP_RECVERR
/* A socket that is told to be ready for an error in its queue, and has nothing to read. */
static int socket_with_error(void)
{
	struct sockaddr_in nobody = {.sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(nobody);
	int on = 1, gone = socket(AF_INET, SOCK_DGRAM, 0),
	    fd = new_socket(AF_INET, SOCK_DGRAM, O_NONBLOCK);
	char byte;
	ck_assert_int_eq(bind(gone, (void *)&nobody, length), 0);
	ck_assert_int_eq(getsockname(gone, (void *)&nobody, &length), 0);
	close(gone);
	ck_assert_int_eq(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)), 0);
	ck_assert_int_eq(connect(fd, (void *)&nobody, length), 0);
	ck_assert_int_eq(send(fd, "x", 1, 0), 1);
	ck_assert_int_eq(recv(fd, &byte, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	return fd;
}

START_TEST(a_splice_that_is_woken_in_vain_rests)
{
	pair = (struct pair){socket_with_error(), -1};
	middle = make_pair(PIPE);
	struct coro_future *task = spawn(splices_once, NULL);
	fail_call(NULL, 0, 0);
	ck_assert_int_eq(result_of(takes_a_second, NULL), 0);
	fail_call_off();
	ck_assert(!coro_future_done(task));
	ck_assert_uint_le(calls_of(NULL), 500);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	close(pair.from);
	close_pair(middle);
}
END_TEST
#endif

/* ---- sendfile and others ---- */

static int writes_zeros(void *arg)
{
	static const char zeros[SIZE];
	(void)arg;
	return (int)coro_write(pair.to, zeros, SIZE);
}

static int sends_only(void *arg)
{
	(void)arg;
	return (int)coro_sendfile(pair.to, file, NULL, SIZE);
}

/* Three times as much: zeros, the file, zeros. */
static int reads_three(void *arg)
{
	static char got[3 * SIZE], expected[3 * SIZE];
	(void)arg;
	memcpy(expected + SIZE, contents, SIZE);
	for (size_t done = 0; done < sizeof(got);) {
		size_t left = sizeof(got) - done;
		ssize_t n = coro_read(pair.from, got + done, left < 4000 ? left : 4000);
		if (n <= 0)
			return n < 0 ? (int)n : -EPIPE;
		done += (size_t)n;
		coro_sleep(0);
	}
	return memcmp(got, expected, sizeof(got)) == 0 ? 0 : -EIO;
}

START_TEST(a_file_is_not_mixed_with_what_others_write)
{
	pair = make_pair(_i);
	struct coro_future *tasks[] = {
		spawn(writes_zeros, NULL),
		spawn(sends_only, NULL),
		spawn(writes_zeros, NULL),
	};
	ck_assert_int_eq(result_of(reads_three, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_ended(tasks[i], SIZE);
	close_pair(pair);
}
END_TEST

static int copy_to;

static int sends_to_file(void *arg)
{
	off_t offset = 100;
	(void)arg;
	return (int)coro_sendfile(copy_to, file, &offset, 2 * SIZE);
}

START_TEST(a_file_is_sent_to_another_by_a_thread)
{
	static char got[SIZE];
	FILE *temporary = tmpfile();
	copy_to = fileno(temporary);
	struct coro_future *task = start(sends_to_file, NULL);
	ck_assert(!coro_future_done(task));
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), SIZE - 100);
	coro_future_unref(task);
	ck_assert_int_eq(pread(copy_to, got, SIZE, 0), SIZE - 100);
	ck_assert_int_eq(memcmp(got, contents + 100, SIZE - 100), 0);
	fclose(temporary);
}
END_TEST

/* How many parts it was sent in. */
START_TEST(a_long_file_is_sent_in_parts)
{
	static char zeros[1 << 16];
	enum { LONG = 3 << 20 };
	int all = LONG, done = 0;
	ck_assert_int_eq(ftruncate(file, LONG), 0);
	pair = make_pair(UNIX_NONBLOCK);
	setsockopt(pair.to, SOL_SOCKET, SO_SNDBUF, &(int){2 << 20}, sizeof(int));
	fail_call("sendfile", 0, 0);
	struct sending sending = {NULL, LONG, 0};
	struct coro_future *task = spawn(sends, &sending);
	while (done < all) {
		ssize_t n = recv(pair.from, zeros, sizeof(zeros), MSG_DONTWAIT);
		if (n < 0)
			turn();
		done += n > 0 ? (int)n : 0;
	}
	fail_call_off();
	ck_assert_uint_ge(calls_of("sendfile"), 3);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(sending.result, LONG);
	close(pair.from);
}
END_TEST

static int steps_of_others;

static int counts_steps(void *arg)
{
	while (coro_task_yield() == 0)
		steps_of_others++;
	return 0;
}

/* As a call does for which the kernel has to find memory. */
static void takes_long(void)
{
	for (int64_t end = coro_clock() + 2 * CORO_MSEC; coro_clock() < end;)
		;
	precede_call("sendfile", takes_long);
}

START_TEST(others_run_after_each_part_that_took_long)
{
	enum { PARTS = 10, PART = 1000 };
	struct sending sending = {NULL, (size_t)PARTS * PART, 0};
	pair = make_pair(UNIX_NONBLOCK);
	struct coro_future *others = start(counts_steps, NULL);
	shorten_transfers(PART);
	precede_call("sendfile", takes_long);
	steps_of_others = 0;
	ck_assert_int_eq(result_of(sends, &sending), 0);
	precede_call(NULL, NULL);
	shorten_transfers(0);
	ck_assert_int_eq(sending.result, PARTS * PART);
	ck_assert_int_ge(steps_of_others, PARTS - 1);
	cancel(others);
	coro_future_unref(others);
	run();
	close(pair.from);
}
END_TEST

/* ---- an end that was ready, and is not any more ---- */

static int from_pipe[2], to_pipe[2];

/* Another reader takes the byte. */
static void empties_the_source(void)
{
	char byte;
	ck_assert_int_eq(read(from_pipe[0], &byte, 1), 1);
	fail_call("splice", 1, EAGAIN);
}

/* Another writer takes the room. */
static void fills_the_sink(void)
{
	static const char bytes[4096];
	while (write(to_pipe[1], bytes, sizeof(bytes)) > 0)
		;
	fail_call("splice", 1, EAGAIN);
}

static int splices_one(void *arg)
{
	return (int)coro_splice(from_pipe[0], NULL, to_pipe[1], NULL, 1, 0);
}

START_TEST(splice_waits_again_for_the_end_that_another_has_used)
{
	static char bytes[1 << 20];
	ck_assert_int_eq(new_pipe(from_pipe, O_NONBLOCK), 0);
	ck_assert_int_eq(new_pipe(to_pipe, O_NONBLOCK), 0);
	ck_assert_int_eq(write(from_pipe[1], "x", 1), 1);
	precede_call("splice", _i ? fills_the_sink : empties_the_source);
	struct coro_future *task = start(splices_one, NULL);
	for (int i = 0; i < 3; i++)
		turn();
	precede_call(NULL, NULL);
	ck_assert(fail_call_off());
	ck_assert(!coro_future_done(task));
	if (_i)
		ck_assert_int_gt(read(to_pipe[0], bytes, sizeof(bytes)), 1);
	else
		ck_assert_int_eq(write(from_pipe[1], "y", 1), 1);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 1);
	coro_future_unref(task);
	for (int i = 0; i < 2; i++) {
		coro_fd_close(from_pipe[i]);
		coro_fd_close(to_pipe[i]);
	}
}
END_TEST

static struct coro_future *begin_splice(void (*meanwhile)(void))
{
	ck_assert_int_eq(new_pipe(from_pipe, O_NONBLOCK), 0);
	ck_assert_int_eq(new_pipe(to_pipe, O_NONBLOCK), 0);
	ck_assert_int_eq(write(from_pipe[1], "x", 1), 1);
	precede_call("splice", meanwhile);
	return start(splices_one, NULL);
}

static void end_splice(struct coro_future *task, int expected)
{
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), expected);
	coro_future_unref(task);
	for (int i = 0; i < 2; i++) {
		close(from_pipe[i]);
		close(to_pipe[i]);
	}
}

START_TEST(a_splice_into_a_full_pipe_waits_for_room_and_does_not_try_again)
{
	struct coro_future *task = begin_splice(fills_the_sink);
	fail_call(NULL, 0, 0);
	ck_assert_int_eq(result_of(takes_a_second, NULL), 0);
	fail_call_off();
	ck_assert(!coro_future_done(task));
	ck_assert_uint_le(calls_of("splice"), 2);
	cancel(task);
	end_splice(task, -ECANCELED);
}
END_TEST

static void fills_the_sink_and_loses_the_source(void)
{
	fills_the_sink();
	fail_call("poll", 1, ENOMEM); /* the question whether the source is ready */
}

START_TEST(an_error_of_the_source_ends_a_splice_that_waits_for_room)
{
	struct coro_future *task = begin_splice(fills_the_sink_and_loses_the_source);
	ck_assert(fail_call_off());
	ck_assert(coro_future_done(task));
	end_splice(task, -ENOMEM);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, file_setup, file_teardown);
	tcase_add_test(tests, a_splice_into_a_full_pipe_waits_for_room_and_does_not_try_again);
	tcase_add_test(tests, an_error_of_the_source_ends_a_splice_that_waits_for_room);
	tcase_add_test(tests, copy_without_memory_is_an_error);
	tcase_add_loop_test(tests, a_sink_that_is_closed_while_a_thread_reads_takes_nothing, 0, 2);
	tcase_add_loop_test(tests, a_file_arrives, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, splice_waits_again_for_the_end_that_another_has_used, 0, 2);
	tcase_add_loop_test(tests, a_file_ends_where_it_ends, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_part_arrives_and_the_files_own_offset_stays, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_file_arrives_in_small_pieces, 0, PAIR_KINDS);
	tcase_add_test(tests, others_run_after_each_part_that_took_long);
	tcase_add_loop_test(tests, a_cancelled_sendfile_tells_what_it_sent, 0, 2 * PAIR_KINDS);
	tcase_add_loop_test(tests, so_does_one_that_is_cancelled_while_a_thread_reads, 0,
			    2 * PAIR_KINDS);
	tcase_add_loop_test(tests, one_that_sends_a_file_may_be_discarded, 0, PAIR_KINDS);
	tcase_add_test(tests, sendfile_refuses_what_cannot_be);
	tcase_add_loop_test(tests, what_is_spliced_arrives, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_splice_that_waits_may_be_cancelled, 0, PAIR_KINDS);
	tcase_add_test(tests, a_splice_without_a_pipe_is_refused);
	tcase_add_test(tests, a_splice_from_a_socket_that_blocks_does_not_hold_the_loop);
#ifdef IP_RECVERR
	tcase_add_test(tests, a_splice_that_is_woken_in_vain_rests);
#endif
	tcase_add_loop_test(tests, a_file_is_not_mixed_with_what_others_write, 0, PAIR_KINDS);
	tcase_add_test(tests, a_file_is_sent_to_another_by_a_thread);
	tcase_add_test(tests, a_long_file_is_sent_in_parts);
}

TEST_MAIN("splice", add)
