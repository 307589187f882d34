/* SPDX-License-Identifier: MIT */
/*
 * Calls that the kernel works on while their task waits (io_uring): however they end, it no longer
 * uses the task's memory when they return.
 */
#include "loop/loop.h"

#include "fds.h"

#include <sched.h>
#include <sys/resource.h>

static struct pair pair;

/* ---- memory ---- */

enum { ROOM = 8192, PATTERN = 0x5a };

/* Reads into memory on the stack, which others use as soon as it returns. */
static __attribute__((noinline)) ssize_t reads_deep(int fd)
{
	char got[ROOM];
	return coro_read(fd, got, sizeof(got));
}

static __attribute__((noinline)) void fill(volatile char *memory)
{
	for (int i = 0; i < 2 * ROOM; i++)
		memory[i] = PATTERN;
}

static __attribute__((noinline)) int count_changed(const volatile char *memory)
{
	int changed = 0;
	for (int i = 0; i < 2 * ROOM; i++)
		changed += memory[i] != PATTERN;
	return changed;
}

/* The same depth of the stack, now of another call. */
static __attribute__((noinline)) int sleeps_deep(void)
{
	volatile char memory[2 * ROOM];
	fill(memory);
	coro_sleep(CORO_SEC);
	coro_task_yield();
	return count_changed(memory);
}

static int reads_and_sleeps(void *arg)
{
	ssize_t n = reads_deep(pair.from);
	trace("%d", (int)n);
	return sleeps_deep();
}

static int writes_word(void *arg)
{
	return coro_write(pair.to, "something to be read by another", 31) == 31 ? 0 : -EIO;
}

START_TEST(a_cancelled_read_leaves_its_buffer_alone)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_and_sleeps, NULL);
	turn();
	cancel(task);
	turn();
	turn();
	ck_assert_int_eq(result_of(writes_word, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("-" NUMBER(ECANCELED));
	coro_future_unref(task);
	struct coro_future *other = start(reads_once, &(struct reading){"b", pair.from});
	ck_assert_int_eq(coro_run_until_complete(loop, other, NULL), 0);
	ck_assert_trace("b:something to be read by another");
	coro_future_unref(other);
	close_pair(pair);
}
END_TEST

static int reads_within_a_second_and_sleeps(void *arg)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_SEC);
	int r = coro_timeout_end(&timeout, (int)reads_deep(pair.from));
	trace("%d", r);
	return sleeps_deep();
}

static void put_word(void *word)
{
	put(pair.to, word);
}

START_TEST(so_does_one_that_times_out)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_within_a_second_and_sleeps, NULL);
	at(CORO_SEC + 1, put_word, "too late");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("-" NUMBER(ETIMEDOUT));
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

static int closes_from(void *arg)
{
	return coro_fd_close(pair.from);
}

START_TEST(so_does_one_whose_fd_is_closed)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads_and_sleeps, NULL);
	turn();
	ck_assert_int_eq(result_of(closes_from, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("-9");
	coro_future_unref(task);
	close(pair.to);
}
END_TEST

static int only_sleeps(void *arg)
{
	return sleeps_deep();
}

START_TEST(so_does_one_that_is_discarded)
{
	pair = make_pair(_i);
	for (int i = 0; i < 4; i++)
		coro_future_unref(start(reads_and_sleeps, NULL));
	turn();
	loop_teardown();
	loop_setup();
	/* These have the stacks of those before. */
	struct coro_future *tasks[4];
	for (int i = 0; i < 4; i++)
		tasks[i] = start(only_sleeps, NULL);
	put(pair.to, "something");
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
	}
	expect(pair.from, "something");
	close_pair(pair);
}
END_TEST

/* ---- a peer that writes at that very moment ---- */

enum { LONGEST = 97 };

static int count_messages(void)
{
	return many(3000, 100);
}

static struct racing {
	size_t got, cancelled, overwritten;
	bool over;
	struct coro_future *reader;
} racing;

static size_t length_of_message(int i)
{
	return 1 + (size_t)(i * 31 % LONGEST);
}

static void *writes_all(void *arg)
{
	size_t sent = 0;
	unsigned char bytes[LONGEST];
	int messages = count_messages();
	for (int i = 0; i < messages; i++) {
		size_t length = length_of_message(i);
		for (size_t at = 0; at < length; at++)
			bytes[at] = (unsigned char)((sent + at) % 251);
		for (size_t done = 0; done < length;) {
			ssize_t n = write(pair.to, bytes + done, length - done);
			if (n < 0)
				sched_yield();
			done += n > 0 ? (size_t)n : 0;
		}
		sent += length;
	}
	close(pair.to);
	return NULL;
}

static __attribute__((noinline)) ssize_t reads_in_order(void)
{
	unsigned char got[LONGEST];
	ssize_t n = coro_read(pair.from, got, sizeof(got));
	for (ssize_t i = 0; i < n; i++)
		if (got[i] != racing.got++ % 251)
			return -EBADMSG;
	return n;
}

static __attribute__((noinline)) void yields_deep(void)
{
	volatile char memory[2 * ROOM];
	fill(memory);
	for (int i = 0; i < 3; i++)
		coro_task_yield();
	racing.overwritten += (size_t)count_changed(memory);
}

static int reads_to_the_end(void *arg)
{
	ssize_t n;
	while ((n = reads_in_order()) != 0) {
		if (n < 0 && n != -ECANCELED)
			return (int)n;
		racing.cancelled += n < 0;
		if (n < 0)
			yields_deep();
	}
	racing.over = true;
	return 0;
}

static int cancels_again_and_again(void *arg)
{
	for (unsigned i = 0; !racing.over && !coro_future_done(racing.reader); i++) {
		for (unsigned turns = i * 7 % 13; turns > 0; turns--)
			coro_task_yield();
		coro_cancel(racing.reader);
		coro_task_yield();
	}
	return 0;
}

START_TEST(cancelled_reads_lose_nothing_that_a_peer_writes)
{
	pthread_t peer;
	size_t all = 0;
	int messages = count_messages();
	for (int i = 0; i < messages; i++)
		all += length_of_message(i);
	pair = make_pair(_i);
	racing = (struct racing){.got = 0};
	racing.reader = start(reads_to_the_end, NULL);
	ck_assert_int_eq(pthread_create(&peer, NULL, writes_all, NULL), 0);
	ck_assert_int_eq(result_of(cancels_again_and_again, NULL), 0);
	pthread_join(peer, NULL);
	coro_run_until_complete(loop, racing.reader, NULL);
	assert_ended(racing.reader, 0);
	ck_assert_uint_eq(racing.got, all);
	ck_assert_uint_eq(racing.overwritten, 0);
	ck_assert_uint_gt(racing.cancelled, 0);
	close(pair.from);
}
END_TEST

/* ---- thrown away, with something that has just come ---- */

static void does_nothing(void *arg)
{
}

static void stops(void *arg)
{
	coro_loop_stop(loop);
}

static void gives_much_to_do(void *arg)
{
	for (int i = 0; i < 2000; i++)
		if (coro_call_soon(loop, does_nothing, NULL, NULL) < 0)
			ck_abort();
	coro_call_soon(loop, stops, NULL, NULL);
}

/*
 * Calls fn, and then makes a turn so long that the loop polls in the middle of it: the loop sees
 * the result, but the woken task does not run before the turn ends.
 */
static void turn_with_a_look(coro_callback *fn, void *arg)
{
	ck_assert_int_eq(coro_call_soon(loop, fn, arg, NULL), 0);
	ck_assert_int_eq(coro_call_soon(loop, gives_much_to_do, NULL, NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
}

static void connect_to(void *arg)
{
	const struct sockaddr_in *address = arg;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	pair.to = fd;
}

static int accepts(void *arg)
{
	return coro_accept((int)(intptr_t)arg, NULL, NULL);
}

START_TEST(a_connection_that_comes_to_a_task_discarded_is_closed)
{
	struct sockaddr_in address;
	int listening = listen_tcp(&address);
	coro_future_unref(start(accepts, (void *)(intptr_t)listening));
	turn();
	turn_with_a_look(connect_to, &address);
	loop_teardown();
	close(listening); /* and with it a connection that was not taken */
	char byte;
	ck_assert_int_le(read(pair.to, &byte, 1), 0);
	close(pair.to);
	loop_setup();
}
END_TEST

#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif

static int receives_fd(void *arg)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec vec = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	return (int)coro_recvmsg(pair.from, &message, MSG_CMSG_CLOEXEC);
}

static void send_fd(void *arg)
{
	int fd = *(int *)arg;
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec vec = {.iov_base = (char *)"x", .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int)),
	};
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(pair.to, &message, 0), 1);
}

START_TEST(an_fd_that_comes_to_a_task_discarded_is_closed)
{
	int fds[2];
	char byte;
	ck_assert_int_eq(pipe(fds), 0);
	pair = make_pair(UNIX);
	coro_future_unref(start(receives_fd, NULL));
	turn();
	turn_with_a_look(send_fd, &fds[1]);
	close(fds[1]);
	loop_teardown();
	close_pair(pair);
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	close(fds[0]);
	loop_setup();
}
END_TEST

static int reads(void *arg)
{
	return reads_once(arg);
}

static int forks_and_closes(void *arg)
{
	coro_loop_close(loop);
	return 0;
}

START_TEST(a_copy_of_the_process_leaves_the_kernels_calls_alone)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads, &(struct reading){"a", pair.from});
	turn();
	struct child child = child_run(forks_and_closes, NULL);
	ck_assert_exited(child, 0);
	put(pair.to, "word");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:word");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

/* ---- cancellation ---- */

START_TEST(a_call_may_be_cancelled_again_and_again)
{
	pair = make_pair(_i);
	struct coro_future *task = start(reads, &(struct reading){"a", pair.from});
	turn();
	for (int i = 0; i < 3; i++)
		coro_cancel(task);
	coro_task_uncancel(task);
	turn();
	coro_cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	ck_assert_trace("a:-" NUMBER(ECANCELED));
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

START_TEST(a_call_may_be_cancelled_before_the_kernel_has_it)
{
	pair = make_pair(_i);
	struct coro_future *task = spawn(reads, &(struct reading){"a", pair.from});
	turn();
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	put(pair.to, "word");
	ck_assert_int_eq(result_of(reads, &(struct reading){"b", pair.from}), 0);
	ck_assert_trace("a:-" NUMBER(ECANCELED) " b:word");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

static struct coro_future *to_be_cancelled;

static int writes_and_cancels(void *arg)
{
	put(pair.to, "word");
	/* Maybe it has been read by now. */
	coro_task_yield();
	coro_cancel(to_be_cancelled);
	return 0;
}

static int reads_and_tells(void *arg)
{
	char got[16] = {0};
	ssize_t n = coro_read(pair.from, got, sizeof(got));
	trace("%d:%s", (int)n, got);
	trace("%d", coro_sleep(CORO_SEC));
	return 0;
}

START_TEST(a_read_that_ends_first_keeps_the_cancellation)
{
	pair = make_pair(_i);
	to_be_cancelled = start(reads_and_tells, NULL);
	turn();
	ck_assert_int_eq(result_of(writes_and_cancels, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, to_be_cancelled, NULL), 0);
	const char *got = trace_take();
	if (strcmp(got, "4:word -" NUMBER(ECANCELED)) != 0) {
		ck_assert_str_eq(got, "-" NUMBER(ECANCELED) ": 0");
		expect(pair.from, "word");
	}
	coro_future_unref(to_be_cancelled);
	close_pair(pair);
}
END_TEST

/* ---- who waits behind ---- */

static int reads_and_cancels_the_next(void *arg)
{
	int r = reads_once(arg);
	coro_cancel(to_be_cancelled);
	return r;
}

START_TEST(who_is_cancelled_when_it_is_its_turn_passes_that_on)
{
	pair = make_pair(_i);
	struct coro_future *first =
		start(reads_and_cancels_the_next, &(struct reading){"a", pair.from});
	to_be_cancelled = start(reads, &(struct reading){"b", pair.from});
	struct coro_future *third = start(reads, &(struct reading){"c", pair.from});
	put(pair.to, "one");
	ck_assert_int_eq(coro_run_until_complete(loop, first, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, to_be_cancelled, NULL), -ECANCELED);
	put(pair.to, "two");
	ck_assert_int_eq(coro_run_until_complete(loop, third, NULL), 0);
	ck_assert_trace("a:one b:-" NUMBER(ECANCELED) " c:two");
	coro_future_unref(first);
	coro_future_unref(to_be_cancelled);
	coro_future_unref(third);
	close_pair(pair);
}
END_TEST

/* On another path than the others. */
static int receives_when_ready(void *arg)
{
	const struct reading *reading = arg;
	char got[16] = {0};
	int r = coro_readable(reading->fd);
	if (r == 0)
		r = (int)recv(reading->fd, got, sizeof(got), MSG_DONTWAIT);
	trace("%s:%s", reading->name, got);
	return r < 0 ? r : 0;
}

START_TEST(who_waits_for_readiness_stands_in_the_same_line)
{
	pair = make_pair(UNIX + _i);
	struct coro_future *tasks[3];
	tasks[0] = start(reads, &(struct reading){"a", pair.from});
	tasks[1] = start(receives_when_ready, &(struct reading){"b", pair.from});
	tasks[2] = start(reads, &(struct reading){"c", pair.from});
	static const char *const words[] = {"one", "two", "three"};
	for (int i = 0; i < 3; i++) {
		put(pair.to, words[i]);
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
	}
	ck_assert_trace("a:one b:two c:three");
	close_pair(pair);
}
END_TEST

START_TEST(those_who_wait_are_served_in_the_order_they_came)
{
	enum { MANY = 5 };
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	struct coro_future *tasks[MANY];
	struct reading readings[MANY];
	pair = make_pair(_i);
	for (int i = 0; i < MANY; i++) {
		readings[i] = (struct reading){names[i], pair.from};
		tasks[i] = start(reads, &readings[i]);
	}
	for (int i = 0; i < MANY; i++) {
		put(pair.to, names[i]);
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), 0);
		turn();
		coro_future_unref(tasks[i]);
	}
	ck_assert_trace("a:a b:b c:c d:d e:e");
	close_pair(pair);
}
END_TEST

/* ---- numbers ---- */

/* The number of from becomes that of another, from which something is to be read. */
static struct pair other;

static void replace(void)
{
	other = make_pair(UNIX);
	put(other.to, "another's");
	ck_assert_int_eq(dup2(other.from, pair.from), pair.from);
}

static int replaces_and_forgets(void *arg)
{
	replace();
	return coro_fd_forget(pair.from);
}

START_TEST(a_call_is_not_made_on_the_fd_that_has_its_number_next)
{
	pair = make_pair(_i);
	struct coro_future *task = spawn(reads, &(struct reading){"a", pair.from});
	ck_assert_int_eq(result_of(replaces_and_forgets, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EBADF);
	ck_assert_trace("a:-9");
	coro_future_unref(task);
	expect(other.from, "another's");
	close_pair(other);
	close_pair(pair);
}
END_TEST

static ssize_t read_byte(int fd)
{
	char byte;
	return coro_read(fd, &byte, 1);
}

static ssize_t ask_if_readable(int fd)
{
	return coro_readable(fd);
}

/* So often in a row that it has to give way to others in between. */
static int goes_on_until_it_fails(void *arg)
{
	ssize_t (*call)(int fd) = arg;
	ssize_t n;
	int count = 0;
	while ((n = call(pair.from)) >= 0)
		ck_assert_int_lt(++count, 1000);
	ck_assert(count > 0 || on_uring());
	trace("%d", (int)n);
	return 0;
}

START_TEST(nor_is_it_when_it_had_given_way_to_others_before)
{
	static ssize_t (*const call[])(int fd) = {read_byte, ask_if_readable};
	char many[1000] = {0};
	pair = make_pair(UNIX);
	ck_assert_int_eq(write(pair.to, many, sizeof(many)), (ssize_t)sizeof(many));
	struct coro_future *task = spawn(goes_on_until_it_fails, call[_i]);
	turn(); /* the poller is made, and the first call */
	ck_assert_int_eq(result_of(replaces_and_forgets, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("-9");
	coro_future_unref(task);
	expect(other.from, "another's");
	close_pair(other);
	close_pair(pair);
}
END_TEST

static struct pair full;

static int splices(void *arg)
{
	ssize_t n = coro_splice(pair.from, NULL, full.to, NULL, 100, 0);
	trace("%d", (int)n);
	return 0;
}

START_TEST(nor_is_it_when_it_waits_for_another_fd)
{
	char much[4096] = {0};
	pair = make_pair(UNIX_NONBLOCK);
	full = make_pair(PIPE_NONBLOCK);
	while (write(full.to, much, sizeof(much)) > 0)
		;
	put(pair.to, "word");
	struct coro_future *task = start(splices, NULL);
	turn();
	ck_assert_int_eq(result_of(replaces_and_forgets, NULL), 0);
	while (read(full.from, much, sizeof(much)) > 0)
		;
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("-9");
	coro_future_unref(task);
	expect(other.from, "another's");
	close_pair(other);
	close_pair(full);
	close_pair(pair);
}
END_TEST

START_TEST(nor_is_it_when_the_loop_is_closed)
{
	pair = make_pair(_i);
	coro_future_unref(start(reads, &(struct reading){"a", pair.from}));
	replace();
	loop_teardown();
	expect(other.from, "another's");
	close_pair(other);
	close_pair(pair);
	loop_setup();
}
END_TEST

/* ---- many ---- */

static int reads_zeros(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char got[16];
	for (int i = 0; i < 3; i++)
		if (coro_read(fd, got, sizeof(got)) != sizeof(got))
			return -EIO;
	return 0;
}

START_TEST(more_calls_than_there_is_room_for_may_be_made_in_a_turn)
{
	static const int errors[] = {EBUSY, EAGAIN, EINTR};
	enum { MANY = 1500 };
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 4000 ? limit.rlim_max : 4000;
	setrlimit(RLIMIT_NOFILE, &limit);
	int count = on_uring() ? MANY : many(MANY, 100); /* each may be a thread's */
	if (limit.rlim_cur < (rlim_t)count + 100)
		count = (int)limit.rlim_cur - 100;
	static struct coro_future *tasks[MANY];
	static int fds[MANY];
	for (int i = 0; i < count; i++) {
		fds[i] = open("/dev/zero", O_RDONLY);
		ck_assert_int_ge(fds[i], 0);
		tasks[i] = spawn(reads_zeros, (void *)(intptr_t)fds[i]);
	}
	fail_call("io_uring_enter", 1 + (unsigned long)_i / 3, errors[_i % 3]);
	for (int i = 0; i < count; i++) {
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
		close(fds[i]);
	}
	ck_assert_int_eq(fail_call_off(), on_uring() && count == MANY);
}
END_TEST

/* ---- files ---- */

static int uses_a_file(void *arg)
{
	char got[8] = {0};
	FILE *file = tmpfile();
	int fd = fileno(file);
	ck_assert_int_eq(coro_write(fd, "hello ", 6), 6);
	ck_assert_int_eq(coro_write(fd, "there", 5), 5);
	ck_assert_int_eq(coro_pread(fd, got, 5, 6), 5);
	ck_assert_str_eq(got, "there");
	ck_assert_int_eq(coro_pwrite(fd, "T", 1, 6), 1);
	ck_assert_int_eq(lseek(fd, 5, SEEK_SET), 5);
	ck_assert_int_eq(coro_read(fd, got, 6), 6);
	ck_assert_str_eq(got, " There");
	ck_assert_int_eq(coro_read(fd, got, 6), 0);
	coro_fd_forget(fd);
	fclose(file);
	return 0;
}

START_TEST(files_are_read_and_written_where_they_stand)
{
	ck_assert_int_eq(result_of(uses_a_file, NULL), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, a_cancelled_read_leaves_its_buffer_alone, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, so_does_one_that_times_out, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, so_does_one_whose_fd_is_closed, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, so_does_one_that_is_discarded, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, cancelled_reads_lose_nothing_that_a_peer_writes, 0, PAIR_KINDS);
	tcase_add_test(tests, a_connection_that_comes_to_a_task_discarded_is_closed);
	tcase_add_test(tests, an_fd_that_comes_to_a_task_discarded_is_closed);
	tcase_add_loop_test(tests, a_copy_of_the_process_leaves_the_kernels_calls_alone, 0,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, a_call_may_be_cancelled_again_and_again, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_call_may_be_cancelled_before_the_kernel_has_it, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_read_that_ends_first_keeps_the_cancellation, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, who_is_cancelled_when_it_is_its_turn_passes_that_on, 0,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, who_waits_for_readiness_stands_in_the_same_line, 0,
			    PAIR_KINDS - UNIX);
	tcase_add_loop_test(tests, those_who_wait_are_served_in_the_order_they_came, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_call_is_not_made_on_the_fd_that_has_its_number_next, 0,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, nor_is_it_when_it_had_given_way_to_others_before, 0, 2);
	tcase_add_test(tests, nor_is_it_when_it_waits_for_another_fd);
	tcase_add_loop_test(tests, nor_is_it_when_the_loop_is_closed, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, more_calls_than_there_is_room_for_may_be_made_in_a_turn, 0,
			    3 * 4);
	tcase_add_test(tests, files_are_read_and_written_where_they_stand);
}

TEST_MAIN("operation", add)
