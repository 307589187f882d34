/* SPDX-License-Identifier: MIT */
/* Fds that are closed, forgotten, duplicated and used again; and waiting for them alone. */
#include "coro/debug.h"
#include "fds.h"

static struct pair pair;

static int reads(void *arg)
{
	return reads_once(arg);
}

static int waits_readable(void *arg)
{
	int r = coro_readable(*(int *)arg);
	trace("readable:%d", r);
	return r;
}

static int waits_writable(void *arg)
{
	int r = coro_writable(*(int *)arg);
	trace("writable:%d", r);
	return r;
}

/* Writes until nothing more fits; of TCP, that may change by itself. */
static void fill(int fd)
{
	static char bytes[65536];
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, bytes, sizeof(bytes)) > 0 || write(fd, bytes, 1) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

static void drain(int fd)
{
	static char bytes[65536];
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

static int closes(void *arg)
{
	return coro_fd_close(*(int *)arg);
}

/* ---- closing ---- */

START_TEST(closing_wakes_all_who_wait)
{
	pair = make_pair(_i);
	struct coro_future *a = start(reads, &(struct reading){"a", pair.from});
	struct coro_future *b = start(reads, &(struct reading){"b", pair.from});
	ck_assert_int_eq(result_of(closes, &pair.from), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), -EBADF);
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), -EBADF);
	coro_future_unref(a);
	coro_future_unref(b);
	trace_take();
	ck_assert_int_eq(fcntl(pair.from, F_GETFD), -1);
	close(pair.to);
}
END_TEST

START_TEST(closing_wakes_who_writes)
{
	pair = make_pair(_i);
	fill(pair.to);
	struct coro_future *a = start(waits_writable, &pair.to);
	ck_assert_int_eq(result_of(closes, &pair.to), 0);
	turn();
	ck_assert_trace("writable:-9");
	assert_ended(a, -EBADF);
	close(pair.from);
}
END_TEST

START_TEST(one_that_is_cancelled_and_closed_is_cancelled)
{
	pair = make_pair(_i);
	struct coro_future *a = start(reads, &(struct reading){"a", pair.from});
	cancel(a);
	ck_assert_int_eq(result_of(closes, &pair.from), 0);
	turn();
	assert_ended(a, -ECANCELED);
	ck_assert_trace("a:-" NUMBER(ECANCELED));
	close(pair.to);
}
END_TEST

static int closes_and_opens(void *arg)
{
	struct pair *other = arg;
	int number = pair.from;
	ck_assert_int_eq(coro_fd_close(number), 0);
	*other = make_pair(UNIX);
	if (other->from != number)
		dup2(other->from, number);
	put(other->to, "other's");
	return 0;
}

START_TEST(a_number_used_again_wakes_no_waiter_of_the_old_fd)
{
	struct pair other;
	pair = make_pair(_i);
	int number = pair.from;
	struct coro_future *a = start(reads, &(struct reading){"a", number});
	put(pair.to, "word"); /* the event is there, and not looked at yet */
	ck_assert_int_eq(result_of(closes_and_opens, &other), 0);
	ck_assert_int_eq(result_of(reads, &(struct reading){"b", number}), 0);
	coro_run_until_complete(loop, a, NULL);
	coro_future_unref(a);
	const char *got = trace_take();
	/* a may have been woken by its data before the close; b was not. */
	ck_assert_msg(strcmp(got, "a:-9 b:other's") == 0 || strcmp(got, "a:word b:other's") == 0,
		      "%s", got);
	close(number);
	close(pair.to);
	if (other.from != number)
		close(other.from);
	close(other.to);
}
END_TEST

static int reads_twice(void *fd)
{
	struct reading reading = {"read", *(int *)fd};
	int r = reads_once(&reading);
	return r < 0 ? r : reads_once(&reading);
}

static void says_late(void *arg)
{
	trace("late");
}

static int writes_and_closes(void *arg)
{
	while (traced.length == 0)
		coro_task_yield();
	put(pair.to, "two");
	return coro_fd_close(pair.from);
}

/* What there is to read comes to the system together with the call and the end of it. */
START_TEST(no_time_passes_before_a_close_is_noticed)
{
	pair = make_pair(_i);
	at(CORO_SEC, says_late, NULL);
	put(pair.to, "one");
	struct coro_future *reader = spawn(reads_twice, &pair.from);
	struct coro_future *closer = spawn(writes_and_closes, NULL);
	coro_run_until_complete(loop, reader, NULL);
	ck_assert_int_eq(coro_loop_time(loop), 0);
	trace_take();
	ck_assert_int_eq(coro_run_until_complete(loop, closer, NULL), 0);
	coro_future_unref(reader);
	coro_future_unref(closer);
	close(pair.to);
}
END_TEST

static struct pair next;

static int makes_it_anothers(void *arg)
{
	put(next.to, "word");
	ck_assert_int_eq(dup2(next.from, pair.from), pair.from);
	return coro_fd_forget(pair.from);
}

/* The call was made, but perhaps not submitted to the kernel yet. */
START_TEST(who_reads_from_a_number_gets_nothing_of_the_next)
{
	pair = make_pair(_i);
	next = make_pair(_i);
	struct coro_future *reader = spawn(reads, &(struct reading){"a", pair.from});
	struct coro_future *other = spawn(makes_it_anothers, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), -EBADF);
	ck_assert_int_eq(coro_run_until_complete(loop, other, NULL), 0);
	ck_assert_trace("a:-9");
	expect(next.from, "word");
	coro_future_unref(reader);
	coro_future_unref(other);
	close_pair(next);
	close_pair(pair);
}
END_TEST

static int reads_terminal_at_that_number(void *slave)
{
	ck_assert_int_eq(coro_fd_close(pair.from), 0);
	ck_assert_int_eq(dup2(*(int *)slave, pair.from), pair.from);
	int r = reads_once(&(struct reading){"b", pair.from});
	coro_fd_close(pair.from);
	return r;
}

static int puts_a_line(void *master)
{
	put(*(int *)master, "line\n");
	return 0;
}

/* The old wait is not known to the system yet, and the new one is, as a terminal's is at once. */
START_TEST(so_it_is_where_the_next_is_a_terminal)
{
	int master, slave;
	pair = make_pair(_i);
	if (!open_terminal(&master, &slave))
		skip_test("no terminals here");
	struct coro_future *reader = spawn(reads, &(struct reading){"a", pair.from});
	struct coro_future *other = spawn(reads_terminal_at_that_number, &slave);
	struct coro_future *writer = spawn(puts_a_line, &master);
	ck_assert_int_eq(coro_run_until_complete(loop, other, NULL), 0);
	assert_ended(reader, -EBADF);
	assert_ended(writer, 0);
	ck_assert_trace("a:-9 b:line\n");
	coro_future_unref(other);
	close(pair.to);
	close(slave);
	close(master);
}
END_TEST

START_TEST(closing_what_no_loop_knows_closes_it)
{
	pair = make_pair(_i);
	ck_assert_int_eq(coro_fd_close(pair.from), 0);
	ck_assert_int_eq(coro_fd_close(pair.from), -EBADF);
	ck_assert_int_eq(coro_fd_close(-1), -EBADF);
	ck_assert_int_eq(coro_fd_forget(-1), -EBADF);
	ck_assert_int_eq(coro_fd_forget(100), 0);
	close(pair.to);
}
END_TEST

/* ---- closed by plain close, and nothing said ---- */

enum { NUMBER = 200 };

/* A new pair, of which one end has that number, whatever had it before. */
static struct pair pair_at(int number, int kind)
{
	struct pair made = make_pair(kind);
	ck_assert_int_eq(dup2(made.from, number), number);
	close(made.from);
	made.from = number;
	return made;
}

static void close_plainly(void)
{
	close_pair(pair);
}

/* Waits in vain. */
static int reads_in_vain(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, CORO_MSEC);
	return r < 0 ? r : coro_timeout_end(&timeout, coro_readable(NUMBER));
}

static int rests(void *arg)
{
	return coro_sleep(CORO_SEC);
}

/* Ways for the number to be used and left, so that no task waits for it. */
static void use_it(int how)
{
	struct coro_future *reader = start(reads, &(struct reading){"a", NUMBER});
	turn();
	if (how == 1)
		cancel(reader);
	else
		put(pair.to, "x");
	coro_run_until_complete(loop, reader, NULL);
	coro_future_unref(reader);
	if (how == 2) /* time goes by, and nobody waits for it */
		ck_assert_int_eq(result_of(rests, NULL), 0);
	if (how == 3)
		ck_assert_int_eq(result_of(reads_in_vain, NULL), -ETIMEDOUT);
	trace_take();
}

START_TEST(a_number_that_was_closed_plainly_and_is_another_s_is_heard)
{
	int kind = _i % PAIR_KINDS;
	pair = pair_at(NUMBER, kind);
	for (int i = 0; i < 5; i++) {
		use_it(_i / PAIR_KINDS);
		close_plainly();
		pair = pair_at(NUMBER, kind);
		struct coro_future *reader = start(reads, &(struct reading){"a", NUMBER});
		turn();
		put(pair.to, "new");
		ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
		ck_assert_trace("a:new");
		coro_future_unref(reader);
	}
	close_plainly();
}
END_TEST

/* A system without RWF_NOWAIT: the loop has a description of its own, and that is the old file's. */
START_TEST(nor_is_the_old_file_read_where_the_loop_opened_it_once_more)
{
	fail_calls_from("preadv2", 1, EOPNOTSUPP);
	for (int i = 0; i < 3; i++) {
		pair = pair_at(NUMBER, _i);
		use_it(0);
		put(pair.to, "old");
		close_plainly();
		pair = pair_at(NUMBER, _i);
		put(pair.to, "new");
		ck_assert_int_eq(result_of(reads, &(struct reading){"a", NUMBER}), 0);
		ck_assert_trace("a:new");
		close_plainly();
	}
	fail_call_off();
}
END_TEST

enum { MANY = 1 << 18 };

static int writes_many(void *arg)
{
	static const char bytes[MANY];
	return coro_write(pair.to, bytes, MANY) == MANY ? 0 : -EIO;
}

static int reads_many(void *arg)
{
	static char bytes[MANY];
	ssize_t n = 1, got = 0;
	while (n > 0 && got < MANY) {
		n = coro_read(pair.from, bytes, MANY);
		got += n > 0 ? n : 0;
	}
	return got == MANY ? 0 : -EIO;
}

/* The fds are registered anew in the midst of the second. */
START_TEST(a_write_to_such_a_number_is_not_cut_short)
{
	for (int i = 0; i < 3; i++) {
		pair = make_pair(_i);
		struct coro_future *writer = start(writes_many, NULL);
		ck_assert_int_eq(result_of(reads_many, NULL), 0);
		ck_assert_int_eq(coro_run_until_complete(loop, writer, NULL), 0);
		coro_future_unref(writer);
		close_plainly();
	}
}
END_TEST

static void says_it_is_ready(void *arg)
{
	char word[8] = {0};
	ck_assert_int_gt(read(NUMBER, word, sizeof(word) - 1), 0);
	trace("%s:%s", (char *)arg, word);
	coro_loop_stop(loop);
}

/* Its description lives on in a duplicate, so that no poller learns that it was closed. */
START_TEST(so_it_is_where_a_duplicate_lives_on)
{
	for (int i = 0; i < 5; i++) {
		pair = pair_at(NUMBER, _i);
		int copy = dup(NUMBER);
		ck_assert_int_eq(result_of(reads_in_vain, NULL), -ETIMEDOUT);
		close_plainly();
		pair = pair_at(NUMBER, _i);
		struct coro_future *task = start(waits_readable, &pair.from);
		turn();
		put(pair.to, "new");
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
		ck_assert_trace("readable:0");
		coro_future_unref(task);
		close_plainly();
		close(copy);
	}
}
END_TEST

/* A poller must not keep a file open that no task waits for. */
START_TEST(what_was_waited_for_in_vain_ends_with_plain_close)
{
	char byte;
	pair = pair_at(NUMBER, UNIX);
	if (_i == 0) {
		ck_assert_int_eq(result_of(reads_in_vain, NULL), -ETIMEDOUT);
	} else {
		ck_assert_int_eq(coro_loop_add_reader(loop, NUMBER, says_it_is_ready, "a"), 0);
		turn();
		ck_assert_int_eq(coro_loop_remove_reader(loop, NUMBER), 1);
	}
	turn();
	close(NUMBER);
	ck_assert_int_eq(recv(pair.to, &byte, 1, MSG_DONTWAIT), 0);
	close(pair.to);
}
END_TEST

/* The number is closed, or is a file's, which cannot be waited for. No event tells so. */
START_TEST(who_waits_while_it_is_closed_plainly_is_woken_in_quiet)
{
	if (strcmp(coro_loop_poller(loop), "epoll") != 0)
		skip_test("the poller reports it, or keeps the file open");
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pair = pair_at(NUMBER, UNIX);
	struct coro_future *task = start(reads_twice, &(int){NUMBER});
	turn();
	put(pair.to, "word");
	turn();
	ck_assert_trace("read:word");
	if (_i == 0)
		close(NUMBER);
	else
		ck_assert_int_eq(dup2(null, NUMBER), NUMBER);
	ck_assert_int_eq(result_of(rests, NULL), 0);
	assert_ended(task, -EBADF);
	ck_assert_trace("read:-9");
	close_plainly();
	close(null);
}
END_TEST

/* What has the number is of that kind; PAIR_KINDS is a file. */
static struct pair any_at(int number, int kind)
{
	if (kind < PAIR_KINDS)
		return pair_at(number, kind);
	FILE *file = tmpfile();
	struct pair made = {number, fcntl(fileno(file), F_DUPFD, 300)};
	ck_assert_int_eq(dup2(fileno(file), number), number);
	fclose(file);
	return made;
}

static int reads_of_any(void *kind)
{
	char word[8];
	put(pair.to, "word");
	if (*(int *)kind == PAIR_KINDS)
		lseek(NUMBER, 0, SEEK_SET);
	int r = coro_readable(NUMBER);
	return r < 0 ? r : (int)coro_read(NUMBER, word, sizeof(word));
}

START_TEST(a_number_that_was_closed_plainly_may_be_of_another_kind)
{
	for (int before = 0; before <= PAIR_KINDS; before++)
		for (int now = 0; now <= PAIR_KINDS; now++) {
			pair = any_at(NUMBER, before);
			ck_assert_int_eq(result_of(reads_of_any, &before), 4);
			close_plainly();
			pair = any_at(NUMBER, now);
			ck_assert_msg(result_of(reads_of_any, &now) == 4, "%d after %d", now,
				      before);
			close_plainly();
		}
}
END_TEST

/* What it is cannot be learned. */
START_TEST(a_number_of_another_kind_whose_kind_is_unknown_is_an_error)
{
	static const int kinds[][2] = {{PAIR_KINDS, UNIX}, {UNIX, PIPE}};
	int before = kinds[_i][0], now = kinds[_i][1];
	if (on_uring())
		skip_test("the kernel makes the call, whatever the fd is");
	pair = any_at(NUMBER, before);
	ck_assert_int_eq(result_of(reads_of_any, &before), 4);
	close_plainly();
	pair = any_at(NUMBER, now);
	put(pair.to, "word");
	struct coro_future *task = spawn(reads_twice, &(int){NUMBER});
	fail_call("fcntl", 1, ENFILE);
	int r = coro_run_until_complete(loop, task, NULL);
	ck_assert(fail_call_off());
	ck_assert_int_eq(r, -ENFILE);
	coro_future_unref(task);
	trace_take();
	coro_fd_close(NUMBER);
	close(pair.to);
}
END_TEST

static struct pair busy;

/* Data comes all the time. */
static int chatters(void *done)
{
	char byte;
	for (int i = 0; i < 20000 && !coro_future_done(done); i++) {
		if (write(busy.to, "x", 1) != 1 || coro_read(busy.from, &byte, 1) != 1)
			return -EIO;
		coro_task_yield();
	}
	return coro_future_done(done) ? 0 : -ETIMEDOUT;
}

START_TEST(so_it_is_while_something_comes_all_the_time)
{
	busy = make_pair(UNIX);
	pair = pair_at(NUMBER, UNIX);
	for (int i = 0; i < 5; i++) {
		use_it(0);
		close_plainly();
		pair = pair_at(NUMBER, UNIX);
		struct coro_future *reader = start(reads, &(struct reading){"a", NUMBER});
		turn();
		put(pair.to, "new");
		ck_assert_int_eq(result_of(chatters, reader), 0);
		assert_ended(reader, 0);
		ck_assert_trace("a:new");
	}
	close_plainly();
	close_pair(busy);
}
END_TEST

/* With no room for one more the kernel watches the new fd later. */
START_TEST(so_it_is_where_the_kernel_has_no_room_for_a_while)
{
	pair = pair_at(NUMBER, UNIX);
	use_it(0);
	close_plainly();
	pair = pair_at(NUMBER, UNIX);
	struct coro_future *reader = start(reads, &(struct reading){"a", NUMBER});
	fail_calls_from("epoll_ctl", 1, ENOSPC);
	ck_assert_int_eq(result_of(rests, NULL), 0);
	bool failed = fail_call_off();
	ck_assert(failed == (strcmp(coro_loop_poller(loop), "epoll") == 0));
	put(pair.to, "new");
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
	ck_assert_trace("a:new");
	coro_future_unref(reader);
	close_plainly();
}
END_TEST

START_TEST(so_it_is_by_callbacks)
{
	pair = pair_at(NUMBER, _i);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(coro_loop_add_reader(loop, NUMBER, says_it_is_ready, "a"), 0);
		put(pair.to, "x");
		ck_assert_int_eq(coro_run_forever(loop), 0);
		close_plainly();
		pair = pair_at(NUMBER, _i);
		ck_assert_int_eq(coro_loop_add_reader(loop, NUMBER, says_it_is_ready, "b"), 0);
		put(pair.to, "new");
		ck_assert_int_eq(coro_run_forever(loop), 0);
		ck_assert_trace("a:x b:new");
		coro_loop_remove_reader(loop, NUMBER);
		close_plainly();
		pair = pair_at(NUMBER, _i);
	}
	close_plainly();
}
END_TEST

START_TEST(so_it_is_by_callbacks_that_wait_while_it_is_closed)
{
	pair = pair_at(NUMBER, _i);
	int peer = pair.to;
	ck_assert_int_eq(coro_loop_add_reader(loop, NUMBER, says_it_is_ready, "a"), 0);
	turn();
	close(NUMBER);
	turn();
	pair = pair_at(NUMBER, _i);
	ck_assert_int_eq(coro_loop_add_reader(loop, NUMBER, says_it_is_ready, "b"), 0);
	turn();
	put(pair.to, "new");
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("b:new");
	coro_loop_remove_reader(loop, NUMBER);
	close(peer);
	close_plainly();
}
END_TEST

/* ---- closed elsewhere ---- */

static int forgets(void *arg)
{
	return coro_fd_forget(*(int *)arg);
}

START_TEST(waiter_learns_that_its_fd_is_forgotten)
{
	pair = make_pair(_i);
	struct coro_future *a = start(reads, &(struct reading){"a", pair.from});
	close(pair.from);
	ck_assert_int_eq(result_of(forgets, &pair.from), 0);
	turn();
	assert_ended(a, -EBADF);
	ck_assert_trace("a:-9");
	close(pair.to);
}
END_TEST

START_TEST(a_number_that_was_forgotten_serves_another)
{
	pair = make_pair(_i);
	int number = fcntl(pair.from, F_DUPFD, 200);
	close(pair.from);
	pair.from = number;
	put(pair.to, "x");
	ck_assert_int_eq(result_of(reads, &(struct reading){"a", number}), 0);
	struct coro_future *waits = start(reads, &(struct reading){"b", number});
	cancel(waits);
	turn();
	coro_future_unref(waits);
	close_pair(pair);
	ck_assert_int_eq(result_of(forgets, &number), 0);
	for (int kind = 0; kind < PAIR_KINDS; kind++) {
		pair = make_pair(kind);
		int at = dup2(pair.from, number);
		close(pair.from);
		struct coro_future *task = start(reads, &(struct reading){"c", at});
		put(pair.to, "word");
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
		coro_future_unref(task);
		close(at);
		close(pair.to);
		ck_assert_int_eq(result_of(forgets, &number), 0);
	}
	ck_assert_trace("a:x b:-" NUMBER(ECANCELED) " c:word c:word c:word c:word c:word");
}
END_TEST

START_TEST(poll_tells_of_fds_that_were_closed_elsewhere)
{
	struct coro_future *task;
	struct coro_loop *poll_loop;
	struct coro_loop_options options = {.poller = CORO_POLLER_POLL};
	ck_assert_int_eq(coro_loop_create(&options, &poll_loop), 0);
	pair = make_pair(PIPE);
	coro_loop_spawn(poll_loop, NULL, reads, &(struct reading){"a", pair.from}, &task);
	coro_loop_stop(poll_loop);
	ck_assert_int_eq(coro_run_forever(poll_loop), 0);
	close(pair.from);
	ck_assert_int_eq(coro_run_until_complete(poll_loop, task, NULL), -EBADF);
	coro_future_unref(task);
	coro_loop_close(poll_loop);
	trace_take();
	close(pair.to);
}
END_TEST

/* ---- duplicates ---- */

START_TEST(duplicates_are_waited_for_apart)
{
	pair = make_pair(_i);
	int copy = dup(pair.from);
	struct coro_future *a = start(reads, &(struct reading){"a", pair.from});
	struct coro_future *b = start(reads, &(struct reading){"b", copy});
	put(pair.to, "word");
	turn();
	turn();
	turn();
	/* One has it; the other goes on waiting. */
	put(pair.to, "again");
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	const char *got = trace_take();
	ck_assert_msg(strcmp(got, "a:word b:again") == 0 || strcmp(got, "b:word a:again") == 0,
		      "%s", got);
	coro_future_unref(a);
	coro_future_unref(b);
	close(copy);
	close_pair(pair);
}
END_TEST

START_TEST(one_duplicate_may_be_closed)
{
	pair = make_pair(_i);
	int copy = dup(pair.from);
	struct coro_future *a = start(reads, &(struct reading){"a", pair.from});
	struct coro_future *b = start(reads, &(struct reading){"b", copy});
	ck_assert_int_eq(result_of(closes, &pair.from), 0);
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	coro_run_until_complete(loop, a, NULL);
	ck_assert_trace("a:-9 b:word");
	coro_future_unref(a);
	coro_future_unref(b);
	close(copy);
	close(pair.to);
}
END_TEST

/* A duplicate has kept the file registered, where the library could not take it off. */
START_TEST(a_file_that_comes_back_under_its_number_is_waited_for)
{
	pair = pair_at(NUMBER, _i);
	struct coro_future *a = start(reads, &(struct reading){"a", NUMBER});
	turn();
	int copy = dup(NUMBER);
	close(NUMBER);
	ck_assert_int_eq(result_of(forgets, &(int){NUMBER}), 0);
	turn();
	assert_ended(a, -EBADF);
	ck_assert_int_eq(dup2(copy, NUMBER), NUMBER);
	a = start(reads, &(struct reading){"b", NUMBER});
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	coro_future_unref(a);
	ck_assert_trace("a:-9 b:word");
	close(copy);
	close_plainly();
}
END_TEST

static int closes_and_asks(void *task)
{
	char text[64];
	int r = coro_fd_close(pair.from);
	ck_assert_int_gt(coro_task_waiting(task, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "an fd that is closed");
	return r;
}

START_TEST(who_waits_while_its_fd_is_closed_says_so)
{
	if (!on_uring())
		skip_test("the wait ends at once: no call is in the kernel");
	pair = make_pair(UNIX);
	struct coro_future *a = start(reads, &(struct reading){"a", pair.from});
	turn();
	ck_assert_int_eq(result_of(closes_and_asks, a), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), -EBADF);
	coro_future_unref(a);
	ck_assert_trace("a:-9");
	close(pair.to);
}
END_TEST

START_TEST(events_of_a_description_that_lives_on_reach_nobody)
{
	/* Closed elsewhere, while a duplicate keeps it registered under the old number. */
	pair = make_pair(UNIX);
	int number = pair.from, copy = dup(number);
	struct coro_future *a = start(reads, &(struct reading){"a", number});
	close(number);
	struct pair other = make_pair(UNIX);
	if (other.from != number) {
		dup2(other.from, number);
		close(other.from);
	}
	ck_assert_int_eq(result_of(forgets, &number), 0);
	struct coro_future *b = start(reads, &(struct reading){"b", number});
	put(pair.to, "old");
	turn();
	turn();
	ck_assert_trace("a:-9");
	put(other.to, "new");
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	ck_assert_trace("b:new");
	coro_future_unref(a);
	coro_future_unref(b);
	close(number);
	close(copy);
	close(pair.to);
	close(other.to);
}
END_TEST

START_TEST(an_fd_may_be_passed_to_a_child)
{
	pair = make_pair(_i);
	struct coro_future *a = start(reads, &(struct reading){"a", pair.from});
	pid_t child = fork();
	if (child == 0) {
		/* It has both ends, and closes what it got. */
		close(pair.from);
		_exit(write(pair.to, "child", 5) == 5 ? 0 : 1);
	}
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	ck_assert_trace("a:child");
	coro_future_unref(a);
	close_pair(pair);
}
END_TEST

/* ---- readable, writable ---- */

START_TEST(readable_waits_for_something_to_read)
{
	pair = make_pair(_i);
	struct coro_future *a = start(waits_readable, &pair.from);
	ck_assert_trace("");
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	coro_future_unref(a);
	/* It is a level: as long as there is something. */
	ck_assert_int_eq(result_of(waits_readable, &pair.from), 0);
	expect(pair.from, "word");
	struct coro_future *b = start(waits_readable, &pair.from);
	turn();
	ck_assert_trace("readable:0 readable:0");
	close(pair.to);
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	ck_assert_trace("readable:0");
	coro_future_unref(b);
	close(pair.from);
}
END_TEST

START_TEST(writable_waits_for_room)
{
	pair = make_pair(_i);
	ck_assert_int_eq(result_of(waits_writable, &pair.to), 0);
	ck_assert_trace("writable:0");
	fill(pair.to);
	struct coro_future *a = start(waits_writable, &pair.to);
	ck_assert_trace("");
	drain(pair.from);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	ck_assert_trace("writable:0");
	coro_future_unref(a);
	close_pair(pair);
}
END_TEST

static void is_called(void *arg)
{
	++*(int *)arg;
}

static int sleeps(void *delay)
{
	return coro_sleep(*(int64_t *)delay);
}

static void some_turns(void)
{
	for (int i = 0; i < 200; i++)
		turn();
}

/* The peer has ended its half, which does not make the fd writable. */
START_TEST(the_end_of_what_is_read_is_no_room_to_write)
{
	int calls = 0;
	pair = make_pair(_i);
	fill(pair.to);
	ck_assert_int_eq(shutdown(pair.from, SHUT_WR), 0);
	ck_assert_int_eq(coro_loop_add_writer(loop, pair.to, is_called, &calls), 0);
	struct coro_future *task = start(waits_writable, &pair.to);
	some_turns();
	ck_assert_int_eq(calls, 0);
	ck_assert_int_eq(result_of(sleeps, &(int64_t){CORO_SEC}), 0);
	ck_assert_trace("");
	for (int i = 0; i < 100 && !coro_future_done(task); i++) {
		drain(pair.from);
		turn();
	}
	ck_assert_trace("writable:0");
	calls = 0;
	some_turns();
	ck_assert_int_ge(calls, 150);
	ck_assert_int_eq(coro_loop_remove_writer(loop, pair.to), 1);
	assert_ended(task, 0);
	ck_assert_int_eq(result_of(closes, &pair.to), 0);
	expect(pair.from, "");
	close(pair.from);
}
END_TEST

START_TEST(all_who_wait_for_readiness_get_it)
{
	pair = make_pair(_i);
	struct coro_future *tasks[3];
	for (int i = 0; i < 3; i++)
		tasks[i] = start(waits_readable, &pair.from);
	put(pair.to, "word");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
	}
	ck_assert_trace("readable:0 readable:0 readable:0");
	close_pair(pair);
}
END_TEST

START_TEST(waiting_for_readiness_may_be_cancelled)
{
	pair = make_pair(_i);
	struct coro_future *a = start(waits_readable, &pair.from);
	cancel(a);
	turn();
	assert_ended(a, -ECANCELED);
	ck_assert_trace("readable:-" NUMBER(ECANCELED));
	close_pair(pair);
}
END_TEST

/* One reads, one asks, one reads: the end is for the last two, or the middle one is cancelled. */
START_TEST(who_waits_for_readiness_does_not_hold_up_others)
{
	bool cancelled = _i >= PAIR_KINDS;
	pair = make_pair(_i % PAIR_KINDS);
	struct coro_future *a = start(reads, &(struct reading){"a", pair.from});
	struct coro_future *b = start(waits_readable, &pair.from);
	put(pair.to, "x");
	struct coro_future *c = spawn(reads, &(struct reading){"c", pair.from});
	turn();
	close(pair.to);
	if (cancelled)
		coro_cancel(b);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	coro_run_until_complete(loop, b, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, c, NULL), 0);
	trace_take();
	coro_future_unref(a);
	coro_future_unref(b);
	coro_future_unref(c);
	close(pair.from);
}
END_TEST

static int waits_for_a_device(void *arg)
{
	char bytes[4] = "abc";
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(coro_readable(fd), 0);
	ck_assert_int_eq(coro_writable(fd), 0);
	ck_assert_int_eq(coro_read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	ck_assert_int_eq(bytes[0], 0);
	ck_assert_int_eq(coro_readable(fd), 0);
	return coro_fd_close(fd);
}

/* Like a file: epoll refuses it, and poll says that it is always ready. */
START_TEST(a_device_that_cannot_be_watched_is_always_ready)
{
	ck_assert_int_eq(result_of(waits_for_a_device, NULL), 0);
}
END_TEST

START_TEST(readiness_of_a_bad_fd_is_refused)
{
	int bad = 1000;
	ck_assert_int_eq(coro_readable(-1), -EBADF);
	ck_assert_int_eq(coro_writable(bad), -EBADF);
	ck_assert_int_eq(result_of(waits_readable, &bad), -EBADF);
	bad = -1;
	ck_assert_int_eq(result_of(waits_writable, &bad), -EBADF);
	trace_take();
}
END_TEST

static void *puts_later(void *arg)
{
	until_main_sleeps();
	ck_assert_int_eq(write(pair.to, "x", 1), 1);
	return NULL;
}

START_TEST(outside_of_tasks_readiness_blocks)
{
	pthread_t thread;
	pair = make_pair(_i);
	ck_assert_int_eq(coro_writable(pair.to), 0);
	pthread_create(&thread, NULL, puts_later, NULL);
	ck_assert_int_eq(coro_readable(pair.from), 0);
	expect(pair.from, "x");
	pthread_join(thread, NULL);
	close_pair(pair);
}
END_TEST

/* ---- adopting ---- */

START_TEST(adopting_sets_o_nonblock)
{
	pair = make_pair(_i);
	ck_assert_int_eq(coro_fd_set_nonblock(pair.from), 0);
	ck_assert_int_eq(fcntl(pair.from, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	struct coro_future *a = start(reads, &(struct reading){"a", pair.from});
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	ck_assert_trace("a:word");
	coro_future_unref(a);
	close_pair(pair);
}
END_TEST

START_TEST(what_others_share_is_left_as_it_is)
{
	for (int fd = 0; fd <= 2; fd++) {
		int flags = fcntl(fd, F_GETFL);
		ck_assert_int_eq(coro_fd_set_nonblock(fd), flags < 0 ? -EBADF : 0);
		ck_assert_int_eq(fcntl(fd, F_GETFL), flags);
	}
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0)
		skip_test("no terminals here");
	ck_assert_int_eq(coro_fd_set_nonblock(master), 0);
	ck_assert_int_eq(fcntl(master, F_GETFL) & O_NONBLOCK, 0);
	close(master);
	ck_assert_int_eq(coro_fd_set_nonblock(-1), -EBADF);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, closing_wakes_all_who_wait, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, closing_wakes_who_writes, 0, TCP);
	tcase_add_loop_test(tests, one_that_is_cancelled_and_closed_is_cancelled, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_number_used_again_wakes_no_waiter_of_the_old_fd, 0,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, no_time_passes_before_a_close_is_noticed, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, who_reads_from_a_number_gets_nothing_of_the_next, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, so_it_is_where_the_next_is_a_terminal, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, closing_what_no_loop_knows_closes_it, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, waiter_learns_that_its_fd_is_forgotten, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_number_that_was_forgotten_serves_another, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_number_that_was_closed_plainly_and_is_another_s_is_heard, 0,
			    4 * PAIR_KINDS);
	tcase_add_loop_test(tests, nor_is_the_old_file_read_where_the_loop_opened_it_once_more, 0,
			    PIPE_NONBLOCK + 1);
	tcase_add_test(tests, a_number_that_was_closed_plainly_may_be_of_another_kind);
	tcase_add_loop_test(tests, a_number_of_another_kind_whose_kind_is_unknown_is_an_error, 0,
			    2);
	tcase_add_test(tests, so_it_is_while_something_comes_all_the_time);
	tcase_add_test(tests, so_it_is_where_the_kernel_has_no_room_for_a_while);
	tcase_add_loop_test(tests, so_it_is_by_callbacks, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, so_it_is_by_callbacks_that_wait_while_it_is_closed, 0,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, a_write_to_such_a_number_is_not_cut_short, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, so_it_is_where_a_duplicate_lives_on, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_was_waited_for_in_vain_ends_with_plain_close, 0, 2);
	tcase_add_loop_test(tests, who_waits_while_it_is_closed_plainly_is_woken_in_quiet, 0, 2);
	tcase_add_test(tests, poll_tells_of_fds_that_were_closed_elsewhere);
	tcase_add_loop_test(tests, duplicates_are_waited_for_apart, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, one_duplicate_may_be_closed, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_file_that_comes_back_under_its_number_is_waited_for, 0,
			    PAIR_KINDS);
	tcase_add_test(tests, who_waits_while_its_fd_is_closed_says_so);
	tcase_add_test(tests, events_of_a_description_that_lives_on_reach_nobody);
	tcase_add_loop_test(tests, an_fd_may_be_passed_to_a_child, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, readable_waits_for_something_to_read, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, writable_waits_for_room, 0, TCP);
	tcase_add_loop_test(tests, the_end_of_what_is_read_is_no_room_to_write, UNIX, TCP);
	tcase_add_loop_test(tests, all_who_wait_for_readiness_get_it, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, waiting_for_readiness_may_be_cancelled, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, who_waits_for_readiness_does_not_hold_up_others, 0,
			    2 * PAIR_KINDS);
	tcase_add_test(tests, a_device_that_cannot_be_watched_is_always_ready);
	tcase_add_test(tests, readiness_of_a_bad_fd_is_refused);
	tcase_add_loop_test(tests, outside_of_tasks_readiness_blocks, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, adopting_sets_o_nonblock, 0, PAIR_KINDS);
	tcase_add_test(tests, what_others_share_is_left_as_it_is);
}

TEST_MAIN("fd", add)
