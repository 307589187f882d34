/* SPDX-License-Identifier: MIT */
/* CORO_FAULTS in the environment: each call of the library that a rule makes fail. */
#include "tasks.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

static void teardown(void)
{
	unsetenv("CORO_FAULTS");
	unsetenv("CORO_SEED");
}

/* The result of fn(arg) on a loop with these rules. */
static int under(const char *rules, coro_fn *fn, void *arg)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	setenv("CORO_FAULTS", rules, 1);
	return coro_run_with(&options, fn, arg);
}

/* ---- transfers ---- */

static int pair[2];

static void open_pair(int type)
{
	ck_assert_int_eq(socketpair(AF_UNIX, type, 0, pair), 0);
}

static void close_pair(void)
{
	coro_fd_close(pair[0]);
	coro_fd_close(pair[1]);
}

/* A way to send or receive 4 bytes. */
typedef ssize_t transfer(int fd, char bytes[4]);

static ssize_t by_read(int fd, char bytes[4])
{
	return coro_read(fd, bytes, 4);
}

static ssize_t by_readv(int fd, char bytes[4])
{
	struct iovec vec[] = {{bytes, 2}, {bytes + 2, 2}};
	return coro_readv(fd, vec, 2);
}

static ssize_t by_recv(int fd, char bytes[4])
{
	return coro_recv(fd, bytes, 4, 0);
}

static ssize_t by_recvfrom(int fd, char bytes[4])
{
	return coro_recvfrom(fd, bytes, 4, 0, NULL, NULL);
}

static ssize_t by_recvmsg(int fd, char bytes[4])
{
	struct iovec vec[] = {{bytes, 2}, {bytes + 2, 2}};
	return coro_recvmsg(fd, &(struct msghdr){.msg_iov = vec, .msg_iovlen = 2}, 0);
}

static ssize_t by_write(int fd, char bytes[4])
{
	return coro_write(fd, bytes, 4);
}

static ssize_t by_writev(int fd, char bytes[4])
{
	struct iovec vec[] = {{bytes, 2}, {bytes + 2, 2}};
	return coro_writev(fd, vec, 2);
}

static ssize_t by_sendall(int fd, char bytes[4])
{
	return coro_sendall(fd, bytes, 4, 0);
}

static ssize_t by_sendto(int fd, char bytes[4])
{
	return coro_sendto(fd, bytes, 4, 0, NULL, 0);
}

static ssize_t by_sendmsg(int fd, char bytes[4])
{
	struct iovec vec[] = {{bytes, 2}, {bytes + 2, 2}};
	return coro_sendmsg(fd, &(struct msghdr){.msg_iov = vec, .msg_iovlen = 2}, 0);
}

static const struct way {
	const char *call, *rules;
	transfer *transfer;
	bool reads;
} ways[] = {
	{"read", "read:2:ECONNRESET", by_read, true},
	{"read", "read:2:ECONNRESET", by_readv, true},
	{"recv", "recv:2:ECONNRESET", by_recv, true},
	{"recv", "recv:2:ECONNRESET", by_recvfrom, true},
	{"recv", "recv:2:ECONNRESET", by_recvmsg, true},
	{"write", "write:2:ECONNRESET", by_write, false},
	{"write", "write:2:ECONNRESET", by_writev, false},
	{"send", "send:2:ECONNRESET", by_sendall, false},
	{"send", "send:2:ECONNRESET", by_sendto, false},
	{"send", "send:2:ECONNRESET", by_sendmsg, false},
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

/* The second of three calls fails, and what it would have moved is still there for the third. */
static int three_times(void *arg)
{
	const struct way *way = arg;
	char bytes[5] = "abcd", message[64];
	open_pair(SOCK_STREAM);
	if (way->reads)
		ck_assert_int_eq(write(pair[0], "abcdefgh", 8), 8);
	ck_assert_int_eq(way->transfer(pair[1], bytes), 4);
	ck_assert_int_eq(way->transfer(pair[1], bytes), -ECONNRESET);
	snprintf(message, sizeof(message), "CORO_FAULTS: %s 2 of the loop", way->call);
	ck_assert_str_eq(coro_message(-ECONNRESET), message);
	ck_assert_int_eq(way->transfer(pair[1], bytes), 4);
	if (way->reads)
		ck_assert_str_eq(bytes, "efgh");
	else
		ck_assert_int_eq(read(pair[0], (char[9]){0}, 9), 8);
	close_pair();
	return 0;
}

START_TEST(transfer_fails_and_has_moved_nothing)
{
	ck_assert_int_eq(under(ways[_i].rules, three_times, (void *)&ways[_i]), 0);
}
END_TEST

static int reads_a_word(void *arg)
{
	char word[8] = "";
	open_pair(SOCK_STREAM);
	ck_assert_int_eq(write(pair[0], "words", 5), 5);
	ck_assert_int_eq(((const struct way *)arg)->transfer(pair[1], word), 1);
	ck_assert_str_eq(word, "w");
	ck_assert_int_eq(((const struct way *)arg)->transfer(pair[1], word + 1), 4);
	ck_assert_str_eq(word, "words");
	close_pair();
	return 0;
}

START_TEST(short_read_gives_a_byte_and_loses_none)
{
	ck_assert_int_eq(under("read:1:short,recv:1:short", reads_a_word, (void *)&ways[_i]), 0);
}
END_TEST

static int waits_for_all(void *arg)
{
	char word[8] = "";
	open_pair(SOCK_STREAM);
	ck_assert_int_eq(write(pair[0], "words", 5), 5);
	ck_assert_int_eq(coro_recv(pair[1], word, 5, MSG_WAITALL), 5);
	close_pair();
	return 0;
}

static int receives_messages(void *arg)
{
	char word[8] = "";
	open_pair(SOCK_DGRAM);
	ck_assert_int_eq(write(pair[0], "word", 4), 4);
	ck_assert_int_eq(write(pair[0], "what", 4), 4);
	ck_assert_int_eq(by_recv(pair[1], word), 4);
	ck_assert_str_eq(word, "word");
	ck_assert_int_eq(by_recvmsg(pair[1], word), 4);
	ck_assert_str_eq(word, "what");
	close_pair();
	return 0;
}

START_TEST(short_read_keeps_messages_whole)
{
	ck_assert_int_eq(under("recv:*:short", receives_messages, NULL), 0);
}
END_TEST

START_TEST(short_read_that_waits_for_all_still_does)
{
	ck_assert_int_eq(under("recv:*:short", waits_for_all, NULL), 0);
}
END_TEST

/* A stream on a pair, whose second read is short and whose third fails. */
static int reads_lines(void *arg)
{
	struct coro_stream *stream;
	const char *line;
	open_pair(SOCK_STREAM);
	ck_assert_int_eq(write(pair[0], "one\ntwo\n", 8), 8);
	ck_assert_int_eq(coro_stream_open(pair[1], NULL, &stream), 0);
	ck_assert_int_eq(coro_stream_readline(stream, &line), 4);
	ck_assert_int_eq(coro_stream_readline(stream, &line), 4);
	ck_assert_int_eq(write(pair[0], "three\n", 6), 6);
	ck_assert_int_eq(coro_stream_readline(stream, &line), -EIO);
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), 0);
	ck_assert_int_eq(coro_stream_flush(stream), -EPIPE);
	coro_stream_destroy(stream);
	coro_fd_close(pair[0]);
	return 0;
}

START_TEST(streams_make_reads_and_writes)
{
	ck_assert_int_eq(under("read:1:short,read:3:EIO,write:1:EPIPE", reads_lines, NULL), 0);
}
END_TEST

/* ---- files ---- */

static int uses_a_file(void *arg)
{
	char path[] = "/tmp/faultsXXXXXX", bytes[4];
	struct stat status;
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(coro_stat(path, &status), -EIO);
	ck_assert_int_eq(coro_open(path, O_RDWR, 0), -EMFILE);
	ck_assert_int_eq(coro_fsync(fd), -ENOSPC);
	ck_assert_int_eq(coro_fstat(fd, &status), 0);
	ck_assert_int_eq(coro_pwrite(fd, "text", 4, 0), -ENOSPC);
	ck_assert_int_eq(coro_pwrite(fd, "text", 4, 0), 4);
	ck_assert_int_eq(coro_pread(fd, bytes, 4, 0), -EIO);
	ck_assert_int_eq(coro_pread(fd, bytes, 4, 0), 1);
	ck_assert_int_eq(coro_pread(fd, bytes, 4, 0), 4);
	ck_assert_int_eq(coro_unlink(path), 0);
	close(fd);
	return 0;
}

START_TEST(files)
{
	ck_assert_int_eq(under("file:1,file:2:EMFILE,file:3:ENOSPC,write:1:ENOSPC,read:1,"
			       "read:2:short",
			       uses_a_file, NULL),
			 0);
}
END_TEST

/* ---- connections ---- */

static int connects(void *arg)
{
	char address[64];
	int listening, dialled = -1;
	ck_assert_int_eq(coro_listen("127.0.0.1:0", NULL, &listening), 0);
	ck_assert_int_ge(coro_getsockname(listening, address, sizeof(address)), 0);
	ck_assert_int_eq(coro_dial(address, NULL, &dialled), -ECONNREFUSED);
	ck_assert_int_eq(coro_dial(address, NULL, &dialled), 0);
	ck_assert_int_eq(coro_accept(listening, NULL, NULL), -EMFILE);
	int accepted = coro_accept_next(listening);
	ck_assert_int_ge(accepted, 0);
	coro_fd_close(dialled);
	coro_fd_close(accepted);
	coro_fd_close(listening);
	return 0;
}

START_TEST(connections)
{
	ck_assert_int_eq(under("connect:1:ECONNREFUSED,accept:1:EMFILE", connects, NULL), 0);
}
END_TEST

static int resolves(void *arg)
{
	struct addrinfo *found = NULL;
	ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "80", NULL, &found), -EAGAIN);
	ck_assert_ptr_null(found);
	ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "80", NULL, &found), 0);
	freeaddrinfo(found);
	return 0;
}

START_TEST(names)
{
	ck_assert_int_eq(under("resolve:1:EAGAIN", resolves, NULL), 0);
}
END_TEST

/* ---- tasks, threads, processes ---- */

static int one(void *arg)
{
	return 1;
}

static int spawns(void *arg)
{
	struct coro_future *task = NULL;
	struct coro_group *group;
	ck_assert_int_eq(coro_spawn(one, NULL, NULL), 0);
	ck_assert_int_eq(coro_spawn(one, NULL, &task), -ENOMEM);
	ck_assert_ptr_null(task);
	ck_assert_int_eq(coro_loop_spawn(coro_running_loop(), NULL, one, NULL, NULL), 0);
	ck_assert_int_eq(coro_spawn_copy(one, "x", 2, NULL), -EAGAIN);
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, one, NULL, NULL), 0);
	ck_assert_int_eq(coro_group_spawn(group, one, NULL, NULL), -ENOMEM);
	return coro_group_end(group, 0);
}

START_TEST(tasks)
{
	ck_assert_int_eq(under("spawn:2,spawn:4:EAGAIN,spawn:6", spawns, NULL), 0);
}
END_TEST

static int goes_to_threads(void *arg)
{
	struct coro_future *future = NULL;
	ck_assert_int_eq(coro_to_thread(one, NULL), -EAGAIN);
	ck_assert_int_eq(coro_to_thread(one, NULL), 1);
	ck_assert_int_eq(coro_executor_submit(NULL, one, NULL, NULL, &future), -ENOMEM);
	ck_assert_ptr_null(future);
	return 0;
}

START_TEST(threads)
{
	ck_assert_int_eq(under("thread:1:EAGAIN,thread:3", goes_to_threads, NULL), 0);
}
END_TEST

static int starts_programs(void *arg)
{
	char *argv[] = {"true", NULL};
	struct coro_process *process = NULL;
	ck_assert_int_eq(coro_process_spawn(argv, NULL, &process), -EAGAIN);
	ck_assert_ptr_null(process);
	ck_assert_int_eq(coro_process_spawn(argv, NULL, &process), 0);
	ck_assert_int_eq(coro_process_wait(process, NULL), 0);
	coro_process_destroy(process);
	return 0;
}

START_TEST(processes)
{
	ck_assert_int_eq(under("process:1:EAGAIN", starts_programs, NULL), 0);
}
END_TEST

/* ---- memory ---- */

static int sends_much(void *arg)
{
	struct coro_channel *channel = arg;
	int r = 0;
	for (int i = 0; i < 20 && r == 0; i++)
		r = coro_channel_send(channel, &i);
	coro_channel_close(channel);
	return r;
}

static int receives_all(void *arg)
{
	int item, r = 0;
	while (r == 0)
		r = coro_channel_receive(arg, &item);
	return r == -EPIPE ? 0 : r;
}

/* A program that needs memory in many places. Returns 0 or the error. */
static int busy_program(void *arg)
{
	struct coro_channel *channel = NULL;
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_channel_create(sizeof(int), 1, &channel);
	if (r == 0)
		r = coro_group_spawn(group, sends_much, channel, NULL);
	if (r == 0)
		r = coro_group_spawn(group, receives_all, channel, NULL);
	r = coro_group_end(group, r);
	coro_channel_destroy(channel);
	return r;
}

START_TEST(memory)
{
	int failed = 0;
	char rule[32];
	for (int n = 1; n <= 100; n++) {
		snprintf(rule, sizeof(rule), "malloc:%d", n);
		int r = under(rule, busy_program, NULL);
		ck_assert_msg(r == 0 || r == -ENOMEM, "%s: %d", rule, r);
		ck_assert_int_eq(under(rule, busy_program, NULL), r);
		failed += r < 0;
	}
	ck_assert_int_ge(failed, 2);
	ck_assert_int_eq(under("malloc:100+", busy_program, NULL), 0);
	ck_assert_int_eq(under("malloc:1+", busy_program, NULL), -ENOMEM);
}
END_TEST

/* ---- loops ---- */

static int spawns_one(void *ret)
{
	return *(int *)ret = coro_spawn(one, NULL, NULL);
}

START_TEST(each_loop_counts_for_itself)
{
	int first = 1, second = 1;
	ck_assert_int_eq(under("spawn:1", spawns_one, &first), -ENOMEM);
	ck_assert_int_eq(under("spawn:1", spawns_one, &second), -ENOMEM);
}
END_TEST

START_TEST(no_loop_or_rule_has_no_faults)
{
	static const char *const none[] = {"", "malloc:1x", "spawn"};
	char byte;
	int ret;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(under(none[i], spawns_one, &ret), 0);
	setenv("CORO_FAULTS", "read:*,write:*,malloc:*", 1);
	open_pair(SOCK_STREAM);
	ck_assert_int_eq(coro_write(pair[0], "x", 1), 1);
	ck_assert_int_eq(coro_read(pair[1], &byte, 1), 1);
	close_pair();
}
END_TEST

/* Which of 64 tasks are spawned, as bits. */
static int spawns_many(void *arg)
{
	uint64_t *spawned = arg;
	*spawned = 0;
	for (int i = 0; i < 64; i++)
		*spawned |= (uint64_t)(coro_spawn(one, NULL, NULL) == 0) << i;
	return 0;
}

START_TEST(chance_follows_the_seed_of_the_environment)
{
	uint64_t first, again, other;
	setenv("CORO_SEED", "1", 1);
	ck_assert_int_eq(under("spawn:50%", spawns_many, &first), 0);
	ck_assert_int_eq(under("spawn:50%", spawns_many, &again), 0);
	setenv("CORO_SEED", "2", 1);
	ck_assert_int_eq(under("spawn:50%", spawns_many, &other), 0);
	ck_assert_uint_eq(first, again);
	ck_assert_uint_ne(first, other);
	ck_assert(first != 0 && ~first != 0);
}
END_TEST

static int makes_loops_with_wrong_rules(void *arg)
{
	int ret;
	return under("spawn:1,red:3", spawns_one, &ret) | under("spawn:1,red:3", spawns_one, &ret);
}

START_TEST(text_that_is_no_rule_is_reported_once)
{
	struct child child = child_run(makes_loops_with_wrong_rules, NULL);
	ck_assert_exited(child, 0);
	const char *told = strstr(child.said, "coro: CORO_FAULTS=red:3: no rule begins there\n");
	ck_assert_ptr_nonnull(told);
	ck_assert_ptr_null(strstr(told + 1, "coro: "));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_loop_test(tests, transfer_fails_and_has_moved_nothing, 0, WAYS);
	tcase_add_loop_test(tests, short_read_gives_a_byte_and_loses_none, 0, 3);
	tcase_add_test(tests, short_read_keeps_messages_whole);
	tcase_add_test(tests, short_read_that_waits_for_all_still_does);
	tcase_add_test(tests, streams_make_reads_and_writes);
	tcase_add_test(tests, files);
	tcase_add_test(tests, connections);
	tcase_add_test(tests, names);
	tcase_add_test(tests, tasks);
	tcase_add_test(tests, threads);
	tcase_add_test(tests, processes);
	tcase_add_test(tests, memory);
	tcase_add_test(tests, each_loop_counts_for_itself);
	tcase_add_test(tests, no_loop_or_rule_has_no_faults);
	tcase_add_test(tests, chance_follows_the_seed_of_the_environment);
	tcase_add_test(tests, text_that_is_no_rule_is_reported_once);
}

TEST_MAIN("faults", add)
