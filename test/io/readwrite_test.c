/* SPDX-License-Identifier: MIT */
/* Reads and writes: all bytes come, once and in order, whoever reads and writes. */
#include "io/pairs.h"

/* ---- all that is written is read ---- */

START_TEST(what_is_written_arrives)
{
	pair = make_pair(_i);
	transfer_plenty(PLENTY);
}
END_TEST

START_TEST(what_is_written_arrives_byte_by_byte)
{
	pair = make_pair(_i);
	shorten_transfers(1);
	transfer_plenty(3000);
	fail_call_off();
}
END_TEST

static int writes_vector(void *arg)
{
	struct iovec vec[] = {
		{NULL, 0},
		{arg, PLENTY / 2},
		{(char *)arg + PLENTY / 2, 1},
		{NULL, 0},
		{(char *)arg + PLENTY / 2 + 1, PLENTY / 2 - 1},
	};
	ssize_t n = coro_writev(pair.to, vec, 5);
	coro_fd_close(pair.to);
	return n == PLENTY ? 0 : -EIO;
}

static int reads_vector(void *arg)
{
	char *at = arg;
	ssize_t n;
	do {
		struct iovec vec[] = {{at, 1}, {at + 1, 1000}, {at + 1001, 5}};
		n = coro_readv(pair.from, vec, 3);
		at += n;
	} while (n > 0);
	return n < 0 ? (int)n : (int)(at - (char *)arg);
}

START_TEST(vectors_arrive_in_order)
{
	static char sent[PLENTY], got[PLENTY + 2000];
	pair = make_pair(_i);
	for (size_t i = 0; i < PLENTY; i++)
		sent[i] = (char)(i * 2654435761u >> 13);
	struct coro_future *writer = spawn(writes_vector, sent);
	ck_assert_int_eq(result_of(reads_vector, got), PLENTY);
	assert_ended(writer, 0);
	ck_assert_int_eq(memcmp(sent, got, PLENTY), 0);
	coro_fd_close(pair.from);
}
END_TEST

/* ---- what a read gives ---- */

START_TEST(read_gives_what_there_is_and_waits_for_something)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_once, &(struct reading){"a", pair.from});
	ck_assert_trace("");
	put(pair.to, "hello");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:hello");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(the_others_run_while_one_reads)
{
	pair = make_pair(_i);
	struct coro_future *task = spawn(reads_once, &(struct reading){"a", pair.from});
	ck_assert_int_eq(result_of(says, "b"), 0);
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("b a:word");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

static int reads_three_times(void *arg)
{
	for (int i = 0; i < 3; i++)
		reads_once(arg);
	return 0;
}

START_TEST(bytes_and_their_end_may_come_at_once)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", pair.from});
	put(pair.to, "last");
	close(pair.to);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:last a: a:");
	coro_future_unref(task);
	close(pair.from);
}
END_TEST

START_TEST(what_comes_after_a_short_read_is_read)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", pair.from});
	put(pair.to, "one");
	turn();
	turn();
	ck_assert_trace("a:one");
	put(pair.to, "two");
	turn();
	turn();
	ck_assert_trace("a:two");
	put(pair.to, "three");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:three");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(what_a_small_read_leaves_is_read_by_the_next)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", pair.from, 2});
	put(pair.to, "abcdef");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:ab a:cd a:ef");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(two_datagrams_may_come_at_once)
{
	int fds[2];
	ck_assert_int_eq(socketpair(AF_UNIX, _i ? SOCK_DGRAM : SOCK_SEQPACKET, 0, fds), 0);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", fds[0]});
	put(fds[1], "one");
	put(fds[1], "two");
	put(fds[1], "three");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:one a:two a:three");
	coro_future_unref(task);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(packets_of_a_pipe_may_come_at_once)
{
	int fds[2];
	if (O_DIRECT == 0)
		skip_test("pipes keep no packets apart here");
	ck_assert_int_eq(new_pipe(fds, O_DIRECT), 0);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", fds[0]});
	put(fds[1], "one");
	put(fds[1], "two");
	put(fds[1], "three");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:one a:two a:three");
	coro_future_unref(task);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static void put_with_fd(int to, const char *word)
{
	struct iovec vec = {(char *)word, strlen(word)};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr message = {
		.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &(int){STDERR_FILENO}, sizeof(int));
	ck_assert_int_gt(sendmsg(to, &message, 0), 0);
}

START_TEST(a_stream_that_carries_fds_is_short_before_its_end)
{
	pair = make_pair(UNIX);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", pair.from});
	put_with_fd(pair.to, "one");
	put_with_fd(pair.to, "two");
	put(pair.to, "three");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:one a:two a:three");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(bytes_behind_urgent_ones_are_read)
{
	pair = make_pair(TCP);
	struct coro_future *task = start(reads_three_times, &(struct reading){"a", pair.from});
	put(pair.to, "one");
	ck_assert_int_eq(send(pair.to, "!", 1, MSG_OOB), 1);
	put(pair.to, "two");
	coro_fd_forget(pair.to);
	turn();
	turn();
	put(pair.to, "three");
	for (int i = 0; i < 4 && !coro_future_done(task); i++)
		turn();
	const char *got = trace_take();
	ck_assert_msg(strncmp(got, "a:one a:two", 11) == 0, "%s", got);
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

/* ---- several on one ---- */

START_TEST(readers_are_served_in_the_order_they_came)
{
	pair = make_pair(_i);
	struct coro_future *tasks[] = {
		start(reads_once, &(struct reading){"a", pair.from, 1}),
		start(reads_once, &(struct reading){"b", pair.from, 1}),
		start(reads_once, &(struct reading){"c", pair.from, 1}),
	};
	put(pair.to, "123");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
	}
	ck_assert_trace("a:1 b:2 c:3");
	close_pair(pair);
}
END_TEST

START_TEST(one_who_comes_later_stands_in_line)
{
	pair = make_pair(_i);
	struct coro_future *a = start(reads_once, &(struct reading){"a", pair.from, 1});
	put(pair.to, "12");
	struct coro_future *b = spawn(reads_once, &(struct reading){"b", pair.from, 1});
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	ck_assert_trace("a:1 b:2");
	coro_future_unref(b);
	assert_ended(a, 0);
	close_pair(pair);
}
END_TEST

START_TEST(reading_and_writing_wait_apart)
{
	pair = make_pair(UNIX);
	struct bytes out = {pair.from, calloc(PLENTY, 1), PLENTY, 0};
	struct coro_future *writer = start(writes_all, &out);
	struct coro_future *reader = start(reads_once, &(struct reading){"a", pair.from});
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
	ck_assert_trace("a:word");
	ck_assert(!coro_future_done(writer));
	coro_future_unref(reader);
	close(pair.to);
	ck_assert_int_eq(coro_run_until_complete(loop, writer, NULL), 0);
	ck_assert_int_gt(out.done, 0);
	ck_assert_int_lt(out.done, PLENTY);
	coro_future_unref(writer);
	free(out.at);
}
END_TEST

/* ---- fairness ---- */

static int reads_for_ever(void *arg)
{
	char got[1];
	int zero = open("/dev/zero", O_RDONLY);
	while (!*(bool *)arg && coro_read(zero, got, 1) == 1)
		;
	coro_fd_close(zero);
	return 0;
}

static int ends_it(void *arg)
{
	int r = coro_sleep(CORO_MSEC);
	*(bool *)arg = true;
	return r;
}

START_TEST(one_that_never_has_to_wait_gives_way)
{
	bool over = false;
	struct coro_loop *real;
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_create(NULL, &real), 0);
	ck_assert_int_eq(coro_loop_spawn(real, NULL, ends_it, &over, NULL), 0);
	ck_assert_int_eq(coro_loop_spawn(real, NULL, reads_for_ever, &over, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(real, task, NULL), 0);
	coro_future_unref(task);
	coro_loop_close(real);
}
END_TEST

START_TEST(one_that_never_has_to_wait_can_be_cancelled)
{
	bool over = false;
	struct coro_future *task = spawn(reads_for_ever, &over);
	at(0, cancel_it, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert(!over);
	coro_future_unref(task);
}
END_TEST

/* ---- allocations ---- */

static int echoes(void *arg)
{
	char got[16];
	for (int i = 0; i < 10; i++) {
		ssize_t n = coro_read(pair.from, got, sizeof(got));
		if (n > 0)
			n = coro_write(pair.from, got, (size_t)n);
		if (n < 0)
			return (int)n;
	}
	return 0;
}

static int talks(void *arg)
{
	char got[16];
	for (int i = 0; i < 10; i++) {
		if (coro_write(pair.to, "hello", 5) != 5 || coro_read(pair.to, got, 16) != 5)
			return -EIO;
		if (i == 0)
			fail_nth(0); /* the records are made */
	}
	fail_off();
	return 0;
}

START_TEST(waiting_allocates_nothing)
{
	pair = make_pair(_i);
	struct coro_future *task = spawn(echoes, NULL);
	ck_assert_int_eq(result_of(talks, NULL), 0);
	ck_assert_uint_eq(fail_count(), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

/* ---- nothing ---- */

static void fill_up(int fd)
{
	static char bytes[4096];
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

static void nothing_is_transferred(int from, int to)
{
	for (int i = 0; i < 3; i++) {
		call = reads_of_nothing[i];
		ck_assert_int_eq(result_of(calls, &from), 0);
		ck_assert_int_eq(call(from), 0);
	}
	fill_up(to);
	for (int i = 0; i < 3; i++) {
		call = writes_of_nothing[i];
		ck_assert_int_eq(result_of(calls, &to), 0);
		ck_assert_int_eq(call(to), 0);
	}
}

START_TEST(nothing_is_transferred_at_once)
{
	pair = make_pair(_i);
	nothing_is_transferred(pair.from, pair.to);
	close_pair(pair);
}
END_TEST

START_TEST(a_terminal_is_not_waited_for_for_nothing)
{
	int master, slave;
	if (!open_terminal(&master, &slave))
		skip_test("no terminals here");
	nothing_is_transferred(slave, slave);
	close(slave);
	close(master);
}
END_TEST

static ssize_t sends_nothing(int fd)
{
	return coro_sendall(fd, "", 0, 0);
}

START_TEST(nothing_is_sent_to_a_full_socket)
{
	pair = make_pair(UNIX);
	fill_up(pair.to);
	call = sends_nothing;
	ck_assert_int_eq(result_of(calls, &pair.to), 0);
	close_pair(pair);
	ck_assert_int_eq(call(pair.to), -EBADF);
}
END_TEST

START_TEST(a_message_may_be_empty)
{
	char byte;
	int fds[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	call = writes_no_bytes;
	ck_assert_int_eq(result_of(calls, &fds[0]), 0);
	call = sends_nothing;
	ck_assert_int_eq(result_of(calls, &fds[0]), 0);
	ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(a_read_of_nothing_leaves_the_message)
{
	int fds[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	put(fds[0], "word");
	call = reads_no_bytes;
	ck_assert_int_eq(result_of(calls, &fds[1]), 0);
	expect(fds[1], "word");
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* ---- several who write ---- */

enum { WAYS = sizeof(ways_to_write) / sizeof(*ways_to_write) };

struct letters {
	int way;
	char letter;
};

static int writes_letters(void *arg)
{
	static char all[UCHAR_MAX][EACH];
	const struct letters *letters = arg;
	char *bytes = memset(all[(unsigned char)letters->letter], letters->letter, EACH);
	return (int)ways_to_write[letters->way](pair.to, bytes);
}

/* How often a letter differs from the one before, in n bytes. */
static int counts_runs(void *arg)
{
	static char bytes[4000];
	int runs = 0;
	char last = 0;
	for (size_t got = 0, all = *(size_t *)arg; got < all;) {
		ssize_t n = coro_read(pair.from, bytes, sizeof(bytes));
		if (n <= 0)
			return n < 0 ? (int)n : -EPIPE;
		for (ssize_t i = 0; i < n; i++) {
			runs += bytes[i] != last;
			last = bytes[i];
		}
		got += (size_t)n;
		coro_sleep(0);
	}
	return runs;
}

static void write_at_once(int way)
{
	struct letters letters[WRITERS];
	struct coro_future *writers[WRITERS];
	size_t all = (size_t)WRITERS * EACH;
	for (int i = 0; i < WRITERS; i++) {
		letters[i] = (struct letters){way, "ABC"[i]};
		writers[i] = spawn(writes_letters, &letters[i]);
	}
	ck_assert_int_eq(result_of(counts_runs, &all), WRITERS);
	for (int i = 0; i < WRITERS; i++)
		assert_ended(writers[i], EACH);
}

START_TEST(what_several_write_at_once_is_not_mixed)
{
	int kind = _i / WAYS, way = _i % WAYS;
	if ((kind == PIPE || kind == PIPE_NONBLOCK) && way >= 2)
		return; /* it is no socket */
	pair = make_pair(kind);
	write_at_once(way);
	close_pair(pair);
}
END_TEST

START_TEST(the_next_writes_when_one_in_the_midst_is_cancelled)
{
	pair = make_pair(_i);
	struct coro_future *first = start(writes_letters, &(struct letters){0, 'A'});
	struct coro_future *second = start(writes_letters, &(struct letters){0, 'B'});
	coro_cancel(first);
	int done = coro_run_until_complete(loop, first, NULL);
	ck_assert_int_gt(done, 0);
	ck_assert_int_lt(done, EACH);
	size_t all = (size_t)done + EACH;
	ck_assert_int_eq(result_of(counts_runs, &all), 2);
	coro_future_unref(first);
	assert_ended(second, EACH);
	close_pair(pair);
}
END_TEST

/* A write that gives way now and then, in the middle. */
static struct coro_future *stopped_in_the_midst(void)
{
	pair = make_pair(UNIX);
	shorten_transfers(1);
	struct coro_future *writer = start(writes_letters, &(struct letters){0, 'A'});
	char byte;
	while (recv(pair.from, &byte, 1, MSG_DONTWAIT) != 1)
		turn(); /* io_uring makes the call in the next */
	shorten_transfers(0);
	return writer;
}

START_TEST(a_task_in_the_midst_of_a_write_may_be_discarded)
{
	coro_future_unref(stopped_in_the_midst());
	loop_teardown();
	loop_setup();
	close_pair(pair);
}
END_TEST

START_TEST(an_fd_may_be_closed_in_the_midst_of_a_write)
{
	struct coro_future *first = stopped_in_the_midst();
	coro_fd_close(pair.to);
	int done = coro_run_until_complete(loop, first, NULL);
	ck_assert_int_gt(done, 0);
	ck_assert_int_lt(done, EACH);
	coro_future_unref(first);
	close(pair.from);
}
END_TEST

static ssize_t writes_behind_nothing(int fd)
{
	return coro_writev(fd, (struct iovec[]){{(char *)"", 0}, {(char *)"hello", 5}}, 2);
}

START_TEST(a_first_piece_may_be_empty)
{
	int master, slave;
	if (!open_terminal(&master, &slave))
		skip_test("no terminals here");
	call = writes_behind_nothing;
	ck_assert_int_eq(result_of(calls, &slave), 5);
	expect(master, "hello");
	close(slave);
	close(master);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, what_is_written_arrives, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_is_written_arrives_byte_by_byte, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, vectors_arrive_in_order, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, read_gives_what_there_is_and_waits_for_something, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, the_others_run_while_one_reads, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, bytes_and_their_end_may_come_at_once, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_comes_after_a_short_read_is_read, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_a_small_read_leaves_is_read_by_the_next, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, two_datagrams_may_come_at_once, 0, 2);
	tcase_add_test(tests, packets_of_a_pipe_may_come_at_once);
	tcase_add_test(tests, a_stream_that_carries_fds_is_short_before_its_end);
	tcase_add_test(tests, bytes_behind_urgent_ones_are_read);
	tcase_add_loop_test(tests, readers_are_served_in_the_order_they_came, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, one_who_comes_later_stands_in_line, 0, PAIR_KINDS);
	tcase_add_test(tests, reading_and_writing_wait_apart);
	tcase_add_test(tests, one_that_never_has_to_wait_gives_way);
	tcase_add_test(tests, one_that_never_has_to_wait_can_be_cancelled);
	tcase_add_loop_test(tests, waiting_allocates_nothing, UNIX, PAIR_KINDS);
	tcase_add_loop_test(tests, nothing_is_transferred_at_once, 0, PAIR_KINDS);
	tcase_add_test(tests, a_terminal_is_not_waited_for_for_nothing);
	tcase_add_test(tests, nothing_is_sent_to_a_full_socket);
	tcase_add_test(tests, a_message_may_be_empty);
	tcase_add_test(tests, a_read_of_nothing_leaves_the_message);
	tcase_add_test(tests, a_first_piece_may_be_empty);
	tcase_add_loop_test(tests, what_several_write_at_once_is_not_mixed, 0, PAIR_KINDS * WAYS);
	tcase_add_test(tests, a_task_in_the_midst_of_a_write_may_be_discarded);
	tcase_add_test(tests, an_fd_may_be_closed_in_the_midst_of_a_write);
	tcase_add_loop_test(tests, the_next_writes_when_one_in_the_midst_is_cancelled, 0,
			    PAIR_KINDS);
}

TEST_MAIN("readwrite", add_tests)
