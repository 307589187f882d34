/* SPDX-License-Identifier: MIT */
/* Calls on sockets, in tasks. */
#include "posix/posix.h"

#include <sys/ioctl.h>
#include <sys/uio.h>

ssize_t __recv_chk(int fd, void *bytes, size_t length, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *bytes, size_t length, size_t room, int flags,
		       struct sockaddr *address, socklen_t *address_length);

static struct pair pair;
static struct sockaddr_in address;
static int flags;

static ssize_t by_recv(struct made *made)
{
	return recv(made->fd, made->bytes, sizeof(made->bytes), flags);
}

static ssize_t by_recv_chk(struct made *made)
{
	return __recv_chk(made->fd, made->bytes, sizeof(made->bytes), sizeof(made->bytes), flags);
}

static ssize_t by_recvfrom(struct made *made)
{
	return recvfrom(made->fd, made->bytes, sizeof(made->bytes), flags, NULL, NULL);
}

static ssize_t by_recvfrom_chk(struct made *made)
{
	return __recvfrom_chk(made->fd, made->bytes, sizeof(made->bytes), sizeof(made->bytes),
			      flags, NULL, NULL);
}

static ssize_t by_recvmsg(struct made *made)
{
	struct iovec vec = {made->bytes, sizeof(made->bytes)};
	struct msghdr message = {.msg_iov = &vec, .msg_iovlen = 1};
	return recvmsg(made->fd, &message, flags);
}

static ssize_t by_read(struct made *made)
{
	return read(made->fd, made->bytes, sizeof(made->bytes));
}

static ssize_t (*const receives[])(struct made *made) = {by_recv, by_recv_chk, by_recvfrom,
							 by_recvfrom_chk, by_recvmsg};

enum { RECEIVES = sizeof(receives) / sizeof(receives[0]) };

static char plenty[1 << 20];

static ssize_t by_send(struct made *made)
{
	return send(made->fd, plenty, sizeof(plenty), MSG_NOSIGNAL);
}

static ssize_t by_sendto(struct made *made)
{
	return sendto(made->fd, plenty, sizeof(plenty), MSG_NOSIGNAL, NULL, 0);
}

static ssize_t by_sendmsg(struct made *made)
{
	struct iovec vec = {plenty, sizeof(plenty)};
	struct msghdr message = {.msg_iov = &vec, .msg_iovlen = 1};
	return sendmsg(made->fd, &message, MSG_NOSIGNAL);
}

static ssize_t (*const sends[])(struct made *made) = {by_send, by_sendto, by_sendmsg};

enum { SENDS = sizeof(sends) / sizeof(sends[0]) };

START_TEST(receiving_waits_as_a_task)
{
	for (int i = 0; i < RECEIVES; i++) {
		struct made made = {.call = receives[i]};
		pair = make_pair(_i);
		fcntl(pair.from, F_SETFL, fcntl(pair.from, F_GETFL) & ~O_NONBLOCK);
		made.fd = pair.from;
		struct coro_future *task = begin(&made);
		put(pair.to, "some");
		finish(task, &made, 4);
		ck_assert_str_eq(made.bytes, "some");
		/* A look does not wait, nor does a call that is told so. */
		flags = MSG_DONTWAIT;
		make_at_once(&made);
		ck_assert_int_eq(made.error, EAGAIN);
		flags = 0;
		task = begin(&made);
		cancel(task);
		finish_failed(task, &made, ECANCELED);
		close_pair(pair);
	}
}
END_TEST

/* What is remembered of a socket does not outlive its flags, nor its number. */
START_TEST(o_nonblock_is_noticed_at_once)
{
	struct made made = {.call = receives[_i]};
	pair = make_pair(UNIX);
	made.fd = pair.from;
	for (int i = 0; i < 3; i++) {
		put(pair.to, "x");
		make(&made);
		ck_assert_int_eq(made.result, 1);
	}
	int twin = dup(pair.from);
	fcntl(twin, F_SETFL, fcntl(twin, F_GETFL) | O_NONBLOCK);
	make_at_once(&made);
	ck_assert_int_eq(made.error, EAGAIN);
	fcntl(twin, F_SETFL, fcntl(twin, F_GETFL) & ~O_NONBLOCK);
	struct coro_future *task = begin(&made);
	put(pair.to, "x");
	finish(task, &made, 1);
	ioctl(twin, FIONBIO, &(int){1});
	make_at_once(&made);
	ck_assert_int_eq(made.error, EAGAIN);
	ioctl(twin, FIONBIO, &(int){0});
	close(twin);

	FILE *stream = fdopen(pair.from, "r");
	put(pair.to, "x");
	make(&made);
	fclose(stream); /* by libc, of itself */
	made.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(made.fd, pair.from);
	make_at_once(&made);
	ck_assert_int_eq(made.error, EAGAIN);
	close(made.fd);
	close(pair.to);
}
END_TEST

static int empties(void *arg)
{
	static char bytes[65536];
	for (size_t got = 0; got < sizeof(plenty);) {
		ssize_t n = recv(*(int *)arg, bytes, sizeof(bytes), 0);
		if (n <= 0)
			return -EIO;
		got += (size_t)n;
	}
	return 0;
}

START_TEST(sending_waits_until_all_is_sent)
{
	for (int i = 0; i < SENDS; i++) {
		struct made made = {.call = sends[i]};
		pair = make_pair(_i);
		fcntl(pair.to, F_SETFL, fcntl(pair.to, F_GETFL) & ~O_NONBLOCK);
		fcntl(pair.from, F_SETFL, fcntl(pair.from, F_GETFL) & ~O_NONBLOCK);
		made.fd = pair.to;
		struct coro_future *task = begin(&made);
		ck_assert_int_eq(result_of(empties, &pair.from), 0);
		finish(task, &made, sizeof(plenty));
		close(pair.from);
		do
			make(&made); /* a part may be sent before the end is known */
		while (made.result > 0);
		ck_assert_int_eq(made.result, -1);
		close(pair.to);
	}
}
END_TEST

START_TEST(a_sockets_timeouts_hold)
{
	const struct timeval time = {.tv_usec = 20000};
	struct made made = {.call = _i ? by_read : by_recv};
	pair = make_pair(UNIX);
	made.fd = pair.from;
	put(pair.to, "x");
	make(&made); /* it is known now that there are none */
	setsockopt(pair.from, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	finish_failed(begin(&made), &made, EAGAIN);
	assert_time(20 * CORO_MSEC);
	/* What has come in time is received. */
	struct coro_future *task = begin(&made);
	put(pair.to, "y");
	finish(task, &made, 1);

	made = (struct made){.call = by_send, .fd = pair.to};
	setsockopt(pair.to, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
	task = begin(&made);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_gt(made.result, 0); /* a part */
	ck_assert_int_lt(made.result, (int)sizeof(plenty));
	assert_time(40 * CORO_MSEC);
	coro_future_unref(task);
	finish_failed(begin(&made), &made, EAGAIN);
	/* And until they are taken back. */
	setsockopt(pair.from, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0}, sizeof(time));
	close_pair(pair);
}
END_TEST

/* -- connections */

static ssize_t accepts(struct made *made)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	ssize_t r = accept(made->fd, (struct sockaddr *)&peer, &length);
	return r < 0 || length == sizeof(peer) ? r : -1;
}

static ssize_t accepts4(struct made *made)
{
	return accept4(made->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static int blocking_listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t length = sizeof(address);
	address = (struct sockaddr_in){.sin_family = AF_INET};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	return fd;
}

static int connect_plainly(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The library below sets O_NONBLOCK on it, and the program sees nothing of that. */
START_TEST(accepting_waits_as_a_task)
{
	int listening = blocking_listener();
	for (int i = 0; i < 4; i++) {
		struct made made = {.call = i % 2 ? accepts4 : accepts, .fd = listening};
		struct coro_future *task = begin(&made);
		int fd = connect_plainly();
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
		ck_assert_int_gt(made.result, 2);
		coro_future_unref(task);
		int got = (int)made.result;
		ck_assert_int_eq(!(fcntl(got, F_GETFL) & O_NONBLOCK), i % 2 == 0);
		ck_assert_int_eq(fcntl(got, F_GETFD), i % 2 ? FD_CLOEXEC : 0);
		ck_assert_int_eq(fcntl(listening, F_GETFL) & O_NONBLOCK, 0);
		close(got);
		close(fd);
	}
	/* Neither when it sets flags, nor in a duplicate. */
	ck_assert_int_eq(fcntl(listening, F_SETFL, fcntl(listening, F_GETFL)), 0);
	int twin = dup(listening);
	struct made made = {.call = accepts, .fd = twin};
	ck_assert_int_eq(fcntl(twin, F_GETFL) & O_NONBLOCK, 0);
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	/* Once it sets O_NONBLOCK itself, that holds. */
	if (_i)
		ck_assert_int_eq(ioctl(listening, FIONBIO, &(int){1}), 0);
	else
		ck_assert_int_eq(fcntl(listening, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_ne(fcntl(listening, F_GETFL) & O_NONBLOCK, 0);
	made.fd = listening;
	make_at_once(&made);
	ck_assert_int_eq(made.error, EAGAIN);
	close(listening);
	close(twin);
}
END_TEST

static void *connects_in_a_thread(void *arg)
{
	until_main_sleeps();
	close(connect_plainly());
	return NULL;
}

START_TEST(accepting_blocks_elsewhere)
{
	pthread_t thread;
	int listening = blocking_listener();
	struct made made = {.call = accepts, .fd = listening};
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	ck_assert_int_eq(pthread_create(&thread, NULL, connects_in_a_thread, NULL), 0);
	int fd = accept(listening, NULL, NULL);
	ck_assert_int_ge(fd, 0);
	pthread_join(thread, NULL);
	close(fd);
	close(listening);
}
END_TEST

static ssize_t connects(struct made *made)
{
	return connect(made->fd, (struct sockaddr *)&address, sizeof(address));
}

START_TEST(connecting_waits_as_a_task)
{
	int listening = blocking_listener();
	struct made made = {.call = connects, .fd = socket(AF_INET, SOCK_STREAM, 0)};
	finish(spawn(makes, &made), &made, 0);
	ck_assert_int_eq(fcntl(made.fd, F_GETFL) & O_NONBLOCK, 0);
	close(made.fd);
	/* A socket with O_NONBLOCK is connected as the program wants. */
	made.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	make(&made);
	ck_assert(made.result == 0 || made.error == EINPROGRESS);
	close(made.fd);
	close(listening);
	made.fd = socket(AF_INET, SOCK_STREAM, 0);
	finish_failed(spawn(makes, &made), &made, ECONNREFUSED);
	close(made.fd);
}
END_TEST

static ssize_t receives_an_fd(struct made *made)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec vec = {made->bytes, 1};
	struct msghdr message = {.msg_iov = &vec,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	if (recvmsg(made->fd, &message, 0) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	int fd;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static ssize_t sends_an_fd(struct made *made)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec vec = {"x", 1};
	struct msghdr message = {.msg_iov = &vec,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
				   .cmsg_type = SCM_RIGHTS,
				   .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(header), &made->fd, sizeof(int));
	return sendmsg(made->fd, &message, 0);
}

START_TEST(fds_are_passed_on)
{
	pair = make_pair(UNIX);
	struct made in = {.call = receives_an_fd, .fd = pair.from};
	struct made out = {.call = sends_an_fd, .fd = pair.to};
	struct coro_future *task = begin(&in);
	make(&out);
	ck_assert_int_eq(out.result, 1);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_gt(in.result, 2);
	coro_future_unref(task);
	close((int)in.result);
	close_pair(pair);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, receiving_waits_as_a_task, UNIX, PAIR_KINDS);
	tcase_add_loop_test(tests, o_nonblock_is_noticed_at_once, 0, RECEIVES);
	tcase_add_loop_test(tests, sending_waits_until_all_is_sent, UNIX, PAIR_KINDS);
	tcase_add_loop_test(tests, a_sockets_timeouts_hold, 0, 2);
	tcase_add_loop_test(tests, accepting_waits_as_a_task, 0, 2);
	tcase_add_test(tests, accepting_blocks_elsewhere);
	tcase_add_test(tests, connecting_waits_as_a_task);
	tcase_add_test(tests, fds_are_passed_on);
}

TEST_MAIN("posix socket", add)
