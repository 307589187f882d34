/* SPDX-License-Identifier: MIT */
/* What goes through sockets: flags, messages and datagrams, and the end of both. */
#include "fds.h"

/* ---- flags ---- */

static int flags_program(void *arg)
{
	struct pair pair = make_pair(*(int *)arg);
	char got[16] = {0};
	ck_assert_int_eq(coro_recv(pair.from, got, 4, MSG_DONTWAIT), -EAGAIN);
	put(pair.to, "hello");
	ck_assert_int_eq(coro_readable(pair.from), 0);
	ck_assert_int_eq(coro_recv(pair.from, got, 16, MSG_PEEK), 5);
	ck_assert_int_eq(coro_recv(pair.from, got, 16, MSG_PEEK), 5);
	ck_assert_int_eq(coro_recv(pair.from, got, 2, 0), 2);
	ck_assert_int_eq(coro_recv(pair.from, got, 16, MSG_DONTWAIT), 3);
	ck_assert_int_eq(coro_recv(pair.from, got, 16, MSG_DONTWAIT), -EAGAIN);
	static char plenty[1 << 22];
	ssize_t n = coro_sendall(pair.to, plenty, sizeof(plenty), MSG_DONTWAIT);
	ck_assert_int_gt(n, 0);
	ck_assert_int_lt(n, (ssize_t)sizeof(plenty));
	coro_fd_close(pair.from);
	coro_fd_close(pair.to);
	return 0;
}

START_TEST(flags_are_those_of_posix)
{
	ck_assert_int_eq(result_of(flags_program, &_i), 0);
}
END_TEST

static int recvs_ten(void *arg)
{
	char got[11] = {0};
	ssize_t n = coro_recv(*(int *)arg, got, 10, MSG_WAITALL);
	trace("%zd:%s", n, got);
	return n < 0 ? (int)n : 0;
}

START_TEST(waitall_waits_for_all)
{
	struct pair pair = make_pair(_i);
	struct coro_future *task = start(recvs_ten, &pair.from);
	put(pair.to, "01234");
	turn();
	turn();
	ck_assert_trace("");
	put(pair.to, "56789");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("10:0123456789");
	coro_future_unref(task);
	task = start(recvs_ten, &pair.from);
	put(pair.to, "012");
	turn();
	close(pair.to);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("3:012");
	coro_future_unref(task);
	close(pair.from);
}
END_TEST

START_TEST(waitall_gives_what_had_come_when_it_was_cancelled)
{
	struct pair pair = make_pair(_i);
	struct coro_future *task = start(recvs_ten, &pair.from);
	put(pair.to, "012");
	turn();
	turn();
	cancel(task);
	/* Its body ends before it waits again, and so keeps its result. */
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("3:012");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

static int recvfroms_ten(void *arg)
{
	char got[11] = {0};
	ssize_t n = coro_recvfrom(*(int *)arg, got, 10, MSG_WAITALL, NULL, NULL);
	trace("%zd:%s", n, got);
	return n < 0 ? (int)n : 0;
}

/* Receives into two pieces, with room for an fd. */
static int recvmsgs_ten(void *arg)
{
	char got[11] = {0}, control[CMSG_SPACE(sizeof(int))];
	struct iovec vec[] = {{got, 3}, {got + 3, 7}};
	struct msghdr message = {
		.msg_iov = vec,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = coro_recvmsg(*(int *)arg, &message, MSG_WAITALL);
	struct cmsghdr *first = CMSG_FIRSTHDR(&message);
	int passed;
	if (first) {
		memcpy(&passed, CMSG_DATA(first), sizeof(passed));
		close(passed);
	}
	trace("%zd:%s%s", n, got, first ? "+fd" : "");
	return n < 0 ? (int)n : 0;
}

START_TEST(waitall_waits_for_all_of_a_message)
{
	coro_fn *const ways[] = {recvfroms_ten, recvmsgs_ten};
	struct pair pair = make_pair(UNIX + _i / 2);
	struct coro_future *task = start(ways[_i % 2], &pair.from);
	put(pair.to, "01");
	turn();
	put(pair.to, "23");
	turn();
	ck_assert_trace("");
	put(pair.to, "456789");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("10:0123456789");
	coro_future_unref(task);
	task = start(ways[_i % 2], &pair.from);
	put(pair.to, "012");
	turn();
	close(pair.to);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("3:012");
	coro_future_unref(task);
	close(pair.from);
}
END_TEST

static void send_fd(int to, const char *text)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec vec = {(void *)text, strlen(text)};
	struct msghdr message = {
		.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *first = CMSG_FIRSTHDR(&message);
	first->cmsg_level = SOL_SOCKET;
	first->cmsg_type = SCM_RIGHTS;
	first->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(first), &to, sizeof(int));
	ck_assert_int_eq(sendmsg(to, &message, 0), (ssize_t)vec.iov_len);
}

/* As in the kernel, what comes after an fd is not read on into. */
START_TEST(waitall_ends_where_an_fd_has_come)
{
	struct pair pair = make_pair(UNIX);
	struct coro_future *task = start(recvmsgs_ten, &pair.from);
	put(pair.to, "012");
	turn();
	send_fd(pair.to, "34");
	put(pair.to, "567");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("5:01234+fd");
	coro_future_unref(task);
	send_fd(pair.to, "89");
	ck_assert_int_eq(result_of(recvmsgs_ten, &pair.from), 0);
	ck_assert_trace("5:56789+fd");
	close_pair(pair);
}
END_TEST

/* A message is whole by itself. */
START_TEST(waitall_receives_one_message_at_a_time)
{
	int pair[2];
	ck_assert_int_eq(socketpair(AF_UNIX, _i ? SOCK_SEQPACKET : SOCK_DGRAM, 0, pair), 0);
	coro_fn *const ways[] = {recvs_ten, recvfroms_ten, recvmsgs_ten};
	for (int i = 0; i < 3; i++) {
		put(pair[1], "012");
		put(pair[1], "34");
		ck_assert_int_eq(result_of(ways[i], &pair[0]), 0);
		ck_assert_trace("3:012");
		ck_assert_int_eq(ways[i](&pair[0]), 0); /* outside of tasks */
		ck_assert_trace("2:34");
	}
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* The wait after a transfer that was cancelled half-way. */
struct next_wait {
	int fd;
	int (*wait)(int fd);
};

static int gives_way_next(int fd)
{
	return coro_sleep(0);
}

static int sleeps_next(int fd)
{
	return coro_sleep(CORO_SEC);
}

static int reads_next(int fd)
{
	char got;
	return (int)coro_read(fd, &got, 1);
}

static int is_readable_next(int fd)
{
	return coro_readable(fd);
}

static int (*const next_waits[])(int fd) = {gives_way_next, sleeps_next, reads_next,
					    is_readable_next};

enum { NEXT_WAITS = sizeof(next_waits) / sizeof(next_waits[0]) };

static int recvs_ten_and_waits(void *arg)
{
	struct next_wait *next = arg;
	int r = recvs_ten(&next->fd);
	if (r == 0)
		r = next->wait(next->fd);
	trace("next:%d", r);
	/* Once only. */
	trace("sleep:%d", coro_sleep(CORO_SEC));
	return r;
}

START_TEST(a_cancellation_after_a_transfer_ends_the_next_wait)
{
	struct pair pair = make_pair(UNIX);
	struct next_wait next = {pair.from, next_waits[_i]};
	struct coro_future *task = start(recvs_ten_and_waits, &next);
	put(pair.to, "012");
	turn();
	turn();
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	ck_assert_trace("3:012 next:-" NUMBER(ECANCELED) " sleep:0");
	coro_future_unref(task);
	close_pair(pair);
}
END_TEST

static int recvs_within_a_second(void *arg)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_SEC);
	int r = coro_timeout_end(&timeout, recvs_ten(arg));
	trace("expired:%d", coro_timeout_expired(&timeout));
	trace("sleep:%d", coro_sleep(CORO_SEC));
	return r;
}

START_TEST(a_timeout_around_a_transfer_takes_its_cancellation_back)
{
	struct pair pair = make_pair(_i);
	put(pair.to, "012");
	ck_assert_int_eq(result_of(recvs_within_a_second, &pair.from), 0);
	ck_assert_trace("3:012 expired:1 sleep:0");
	close_pair(pair);
}
END_TEST

static int recvs_and_reads_within_a_second(void *arg)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_SEC);
	int r = recvs_ten(arg);
	if (r == 0)
		r = reads_next(*(int *)arg);
	trace("next:%d", r);
	return coro_timeout_end(&timeout, r);
}

START_TEST(a_timeout_ends_the_next_wait_in_it)
{
	struct pair pair = make_pair(_i);
	put(pair.to, "012");
	ck_assert_int_eq(result_of(recvs_and_reads_within_a_second, &pair.from), -ETIMEDOUT);
	ck_assert_trace("3:012 next:-" NUMBER(ECANCELED));
	close_pair(pair);
}
END_TEST

static int socket_calls_on_a_pipe(void *arg)
{
	struct pair pair = make_pair(PIPE);
	char got;
	put(pair.to, "x");
	ck_assert_int_eq(coro_recv(pair.from, &got, 1, 0), -ENOTSOCK);
	ck_assert_int_eq(coro_sendall(pair.to, "x", 1, 0), -ENOTSOCK);
	ck_assert_int_eq(coro_recvfrom(pair.from, &got, 1, 0, NULL, NULL), -ENOTSOCK);
	ck_assert_int_eq(coro_sendto(pair.to, "x", 1, 0, NULL, 0), -ENOTSOCK);
	ck_assert_int_eq(coro_recvmsg(pair.from, NULL, 0), -EINVAL);
	ck_assert_int_eq(coro_sendmsg(pair.from, NULL, 0), -EINVAL);
	coro_fd_close(pair.from);
	coro_fd_close(pair.to);
	return 0;
}

START_TEST(socket_calls_are_for_sockets)
{
	ck_assert_int_eq(result_of(socket_calls_on_a_pipe, NULL), 0);
	ck_assert_int_eq(socket_calls_on_a_pipe(NULL), 0);
}
END_TEST

/* ---- datagrams and messages ---- */

static int udp_socket(struct sockaddr_in *ret)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t length = sizeof(*ret);
	*ret = (struct sockaddr_in){.sin_family = AF_INET};
	ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)ret, length), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret, &length), 0);
	return fd;
}

static int answers_datagrams(void *arg)
{
	char got[64];
	for (int i = 0; i < 3; i++) {
		struct sockaddr_in peer;
		socklen_t length = sizeof(peer);
		ssize_t n = coro_recvfrom(*(int *)arg, got, sizeof(got), 0,
					  (struct sockaddr *)&peer, &length);
		if (n < 0)
			return (int)n;
		n = coro_sendto(*(int *)arg, got, (size_t)n, 0, (struct sockaddr *)&peer, length);
		if (n < 0)
			return (int)n;
	}
	return 0;
}

START_TEST(datagrams_come_with_their_address)
{
	struct sockaddr_in server_address, client_address;
	int server = udp_socket(&server_address), client = udp_socket(&client_address);
	struct coro_future *task = start(answers_datagrams, &server);
	const struct sockaddr *to = (struct sockaddr *)&server_address;
	ck_assert_int_eq(sendto(client, "one", 3, 0, to, sizeof(server_address)), 3);
	ck_assert_int_eq(sendto(client, "two", 3, 0, to, sizeof(server_address)), 3);
	ck_assert_int_eq(sendto(client, "", 0, 0, to, sizeof(server_address)), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	expect(client, "one");
	expect(client, "two");
	expect(client, "");
	coro_future_unref(task);
	close(server);
	close(client);
}
END_TEST

/* ---- SO_LINGER ---- */

struct lingering {
	int fd, left; /* the second is a duplicate, which shows what became of the option */
	int seconds;
};

static int closes_lingering(void *arg)
{
	struct lingering *lingering = arg;
	struct linger linger = {.l_onoff = 1, .l_linger = lingering->seconds};
	setsockopt(lingering->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	lingering->left = dup(lingering->fd);
	return coro_fd_close(lingering->fd);
}

static bool lingers(int fd)
{
	struct linger linger;
	socklen_t length = sizeof(linger);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length), 0);
	return linger.l_onoff;
}

/* A close that lingers would block the thread. A time of 0 means a reset, at once. */
START_TEST(a_close_in_a_loop_does_not_linger)
{
	struct pair pair = make_pair(TCP);
	struct lingering task = {.fd = dup(pair.to), .seconds = 3};
	struct lingering resets = {.fd = dup(pair.to), .seconds = 0};
	struct lingering outside = {.fd = dup(pair.to), .seconds = 3};
	ck_assert_int_eq(result_of(closes_lingering, &task), 0);
	ck_assert(!lingers(task.left));
	ck_assert_int_eq(result_of(closes_lingering, &resets), 0);
	ck_assert(lingers(resets.left));
	close(resets.left);
	ck_assert_int_eq(closes_lingering(&outside), 0);
	ck_assert(lingers(outside.left));
	close(task.left);
	close(outside.left);
	close_pair(pair);
}
END_TEST

/* ---- shutdown by others ---- */

static int bound_socket(int family, int type)
{
	struct sockaddr_in own = {.sin_family = (sa_family_t)family,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = family == AF_UNIX ? sizeof(own.sin_family) : sizeof(own);
	int fd = socket(family, type, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&own, length), 0);
	return fd;
}

static int recvs_until_the_end(void *arg)
{
	char got[16], control[64];
	memset(control, 0xff, sizeof(control));
	struct iovec vec = {got, sizeof(got)};
	struct msghdr message = {
		.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = coro_recvmsg(*(int *)arg, &message, 0);
	ck_assert_uint_eq(message.msg_controllen, 0);
	return n < 0 ? (int)n : n > 0 ? 1 : (int)coro_recv(*(int *)arg, got, sizeof(got), 0);
}

/* The kernel answers -EAGAIN to a call that may not block, and 0 to one that may. */
START_TEST(a_receiver_of_datagrams_ends_when_its_socket_is_shut_down)
{
	int fd = bound_socket(_i ? AF_UNIX : AF_INET, SOCK_DGRAM);
	struct coro_future *first = start(recvs_until_the_end, &fd);
	struct coro_future *second = start(recvs_until_the_end, &fd);
	turn();
	shutdown(fd, SHUT_RDWR); /* ENOTCONN, but it works */
	ck_assert_int_eq(coro_run_until_complete(loop, first, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, second, NULL), 0);
	ck_assert_int_eq(recvs_until_the_end(&fd), 0); /* outside of tasks */
	coro_future_unref(first);
	coro_future_unref(second);
	close(fd);
}
END_TEST

static int accepts_none(void *arg)
{
	return coro_accept(*(int *)arg, NULL, NULL);
}

START_TEST(accept_ends_when_its_socket_is_shut_down)
{
	int fd = bound_socket(_i ? AF_UNIX : AF_INET, SOCK_STREAM);
	ck_assert_int_eq(listen(fd, 1), 0);
	struct coro_future *first = start(accepts_none, &fd);
	struct coro_future *second = start(accepts_none, &fd);
	turn();
	shutdown(fd, SHUT_RDWR);
	ck_assert_int_eq(coro_run_until_complete(loop, first, NULL), -EINVAL);
	ck_assert_int_eq(coro_run_until_complete(loop, second, NULL), -EINVAL);
	ck_assert_int_eq(accepts_none(&fd), -EINVAL); /* outside of tasks */
	coro_future_unref(first);
	coro_future_unref(second);
	close(fd);
}
END_TEST

/* ---- what is ready, and is not ---- */

enum { DATAGRAMS = 64, DATAGRAM = 100 };

struct sending {
	int fd;
	struct sockaddr_un to;
	socklen_t length; /* 0: it is connected */
};

static int sends_datagrams(void *arg)
{
	const struct sending *sending = arg;
	char bytes[DATAGRAM] = {0};
	for (int i = 0; i < DATAGRAMS; i++) {
		bytes[0] = (char)i;
		ssize_t n = i % 2 && !sending->length
				    ? coro_write(sending->fd, bytes, DATAGRAM)
				    : coro_sendto(sending->fd, bytes, DATAGRAM, 0,
						  sending->length ? (void *)&sending->to : NULL,
						  sending->length);
		if (n != DATAGRAM)
			return n < 0 ? (int)n : -EIO;
	}
	return 0;
}

static int local_datagrams(struct sockaddr_un *ret, socklen_t *length)
{
	int fd = new_socket(AF_UNIX, SOCK_DGRAM, O_NONBLOCK);
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	*length = sizeof(*ret);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)ret, sizeof(ret->sun_family)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret, length), 0);
	return fd;
}

/* Whether all that came are whole and in order; how many came in all. */
static int take_datagrams(int fd, int taken)
{
	char bytes[2 * DATAGRAM];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0) {
		ck_assert_int_eq(n, DATAGRAM);
		ck_assert_int_eq(bytes[0], taken);
		taken++;
	}
	return taken;
}

static int sleeps_for(void *ms)
{
	return coro_sleep(*(int *)ms * CORO_MSEC);
}

/* That there is room for one to be sent says nothing of room to receive it. */
START_TEST(a_sender_of_datagrams_rests_while_the_receiver_has_no_room)
{
	struct sending sending = {.fd = socket(AF_UNIX, SOCK_DGRAM, 0)};
	int receiver = local_datagrams(&sending.to, &sending.length), taken = 0;
	if (_i) {
		ck_assert_int_eq(connect(sending.fd, (void *)&sending.to, sending.length), 0);
		sending.length = 0;
	}
	struct coro_future *task = spawn(sends_datagrams, &sending);
	fail_call(NULL, 0, 0);
	ck_assert_int_eq(result_of(sleeps_for, &(int){1000}), 0);
	fail_call_off();
	ck_assert(!coro_future_done(task));
	ck_assert_uint_le(calls_of(NULL), 500);
	for (int i = 0; i < 100 && taken < DATAGRAMS; i++) {
		taken = take_datagrams(receiver, taken);
		ck_assert_int_eq(result_of(sleeps_for, &(int){50}), 0);
	}
	ck_assert_int_eq(taken, DATAGRAMS);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	close(sending.fd);
	close(receiver);
}
END_TEST

static int closes(void *fd)
{
	return coro_fd_close(*(int *)fd);
}

START_TEST(a_sender_that_rests_may_be_cancelled_closed_and_discarded)
{
	struct sending sending = {.fd = socket(AF_UNIX, SOCK_DGRAM, 0)};
	int receiver = local_datagrams(&sending.to, &sending.length);
	struct coro_future *task = spawn(sends_datagrams, &sending);
	struct coro_future *next = spawn(sends_datagrams, &sending);
	ck_assert_int_eq(result_of(sleeps_for, &(int){100}), 0);
	if (_i == 0) {
		cancel(task);
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
		cancel(next);
		ck_assert_int_eq(coro_run_until_complete(loop, next, NULL), -ECANCELED);
	} else if (_i == 1) {
		ck_assert_int_eq(result_of(closes, &sending.fd), 0);
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EBADF);
		ck_assert_int_eq(coro_run_until_complete(loop, next, NULL), -EBADF);
	}
	coro_future_unref(task);
	coro_future_unref(next);
	loop_teardown();
	loop_setup();
	close(sending.fd);
	close(receiver);
}
END_TEST

#ifdef IP_RECVERR
static int receives_after_errors(void *fd)
{
	char bytes[64];
	ssize_t n;
	while ((n = coro_recvfrom(*(int *)fd, bytes, sizeof(bytes), 0, NULL, NULL)) ==
	       -ECONNREFUSED)
		;
	return (int)n;
}

/* The kernel reports them until they are read. */
START_TEST(a_queue_of_errors_keeps_no_receiver_busy)
{
	struct sockaddr_in mine, nobodys;
	int fd = udp_socket(&mine), other = udp_socket(&nobodys);
	close(other);
	setsockopt(fd, IPPROTO_IP, IP_RECVERR, &(int){1}, sizeof(int));
	struct coro_future *task = spawn(receives_after_errors, &fd);
	turn();
	sendto(fd, "x", 1, 0, (struct sockaddr *)&nobodys, sizeof(nobodys));
	fail_call(NULL, 0, 0);
	ck_assert_int_eq(result_of(sleeps_for, &(int){1000}), 0);
	fail_call_off();
	ck_assert_uint_le(calls_of(NULL), 500);
	other = socket(AF_INET, SOCK_DGRAM, 0);
	sendto(other, "hello", 5, 0, (struct sockaddr *)&mine, sizeof(mine));
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 5);
	coro_future_unref(task);
	close(other);
	close(fd);
}
END_TEST
#endif

struct message {
	int fd;
	char got[16];
	int passed;
};

static int receives_message(void *arg)
{
	struct message *message = arg;
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec vec[] = {{message->got, 2}, {message->got + 2, 10}};
	struct msghdr header = {
		.msg_iov = vec,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = coro_recvmsg(message->fd, &header, 0);
	if (n < 0)
		return (int)n;
	struct cmsghdr *first = CMSG_FIRSTHDR(&header);
	if (first)
		memcpy(&message->passed, CMSG_DATA(first), sizeof(int));
	return 0;
}

static int sends_message(void *arg)
{
	struct message *message = arg;
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec vec[] = {{"he", 2}, {"llo", 3}};
	struct msghdr header = {
		.msg_iov = vec,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *first = CMSG_FIRSTHDR(&header);
	first->cmsg_level = SOL_SOCKET;
	first->cmsg_type = SCM_RIGHTS;
	first->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(first), &message->passed, sizeof(int));
	return coro_sendmsg(message->fd, &header, 0) == 5 ? 0 : -EIO;
}

START_TEST(an_fd_that_comes_in_a_message_has_a_new_number)
{
	struct pair pair = make_pair(UNIX), first = make_pair(PIPE), second = make_pair(UNIX);
	/* The loop knows the number that will be passed, as another's. */
	put(first.to, "x");
	int known = fcntl(first.from, F_DUPFD, 100);
	ck_assert_int_eq(result_of(reads_once, &(struct reading){"a", known}), 0);
	int taken[128], count = 0;
	close(known);
	/* So that it is the next that is free. */
	while ((taken[count] = dup(0)) < known)
		count++;
	close(taken[count]);

	struct message out = {.fd = pair.to, .passed = second.from}, in = {.fd = pair.from};
	struct coro_future *task = start(receives_message, &in);
	ck_assert_int_eq(result_of(sends_message, &out), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_str_eq(in.got, "hello");
	ck_assert_int_eq(in.passed, known);
	task = start(reads_once, &(struct reading){"b", in.passed});
	put(second.to, "through");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_trace("a:x b:through");
	coro_future_unref(task);
	while (count-- > 0)
		close(taken[count]);
	close(in.passed);
	close_pair(pair);
	close_pair(first);
	close_pair(second);
}
END_TEST

#ifdef SO_PASSCRED
/* Something else than fds comes with a message. */
START_TEST(a_message_that_carries_no_fd_makes_none_known)
{
	struct pair pair = make_pair(UNIX);
	struct message in = {.fd = pair.from};
	ck_assert_int_eq(setsockopt(pair.from, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)), 0);
	struct coro_future *task = start(receives_message, &in);
	put(pair.to, "hello");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_str_eq(in.got, "hello");
	close_pair(pair);
}
END_TEST
#endif

START_TEST(a_message_that_goes_in_pieces_carries_its_fd_once)
{
	struct pair pair = make_pair(UNIX);
	struct message out = {.fd = pair.to, .passed = STDERR_FILENO};
	shorten_transfers(1);
	ck_assert_int_eq(result_of(sends_message, &out), 0);
	fail_call_off();
	int received = 0;
	for (ssize_t left = 5; left > 0;) {
		struct message in = {.fd = pair.from, .passed = -1};
		ck_assert_int_eq(result_of(receives_message, &in), 0);
		left -= (ssize_t)strlen(in.got);
		if (in.passed >= 0) {
			close(in.passed);
			received++;
		}
	}
	ck_assert_int_eq(received, 1);
	close_pair(pair);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, flags_are_those_of_posix, UNIX, PAIR_KINDS);
	tcase_add_loop_test(tests, waitall_waits_for_all, UNIX, PAIR_KINDS);
	tcase_add_loop_test(tests, waitall_gives_what_had_come_when_it_was_cancelled, UNIX,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, a_cancellation_after_a_transfer_ends_the_next_wait, 0,
			    NEXT_WAITS);
	tcase_add_loop_test(tests, a_timeout_around_a_transfer_takes_its_cancellation_back, UNIX,
			    PAIR_KINDS);
	tcase_add_loop_test(tests, a_timeout_ends_the_next_wait_in_it, UNIX, PAIR_KINDS);
	tcase_add_test(tests, socket_calls_are_for_sockets);
	tcase_add_loop_test(tests, waitall_waits_for_all_of_a_message, 0, 4);
	tcase_add_test(tests, waitall_ends_where_an_fd_has_come);
	tcase_add_loop_test(tests, waitall_receives_one_message_at_a_time, 0, 2);
	tcase_add_test(tests, datagrams_come_with_their_address);
	tcase_add_test(tests, a_close_in_a_loop_does_not_linger);
	tcase_add_loop_test(tests, a_receiver_of_datagrams_ends_when_its_socket_is_shut_down, 0, 2);
	tcase_add_loop_test(tests, accept_ends_when_its_socket_is_shut_down, 0, 2);
	tcase_add_loop_test(tests, a_sender_of_datagrams_rests_while_the_receiver_has_no_room, 0,
			    2);
	tcase_add_loop_test(tests, a_sender_that_rests_may_be_cancelled_closed_and_discarded, 0, 3);
#ifdef IP_RECVERR
	tcase_add_test(tests, a_queue_of_errors_keeps_no_receiver_busy);
#endif
	tcase_add_test(tests, an_fd_that_comes_in_a_message_has_a_new_number);
#ifdef SO_PASSCRED
	tcase_add_test(tests, a_message_that_carries_no_fd_makes_none_known);
#endif
	tcase_add_test(tests, a_message_that_goes_in_pieces_carries_its_fd_once);
}

TEST_MAIN("socket", add)
