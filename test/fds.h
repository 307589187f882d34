/* SPDX-License-Identifier: MIT */
/*
 * What tests with fds share: the virtual loop of tasks.h, a check that the test closes all fds that
 * it opens, and pairs of fds of all kinds.
 */
#ifndef TEST_FDS_H
#define TEST_FDS_H

#include "fail_call.h"
#include "new_fds.h"
#include "tasks.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- which fds are open ---- */

enum { FDS = 4096 };

/* Bits of the fds that are open, as far as the system tells. */
static inline void list_fds(unsigned char *open)
{
	memset(open, 0, FDS);
	for (int fd = 0; fd < FDS; fd++)
		open[fd] = fcntl(fd, F_GETFD) >= 0;
}

static unsigned char fds_before[FDS];

static inline void fds_setup(void)
{
	list_fds(fds_before);
	loop_setup();
}

static inline void assert_fds_are_as_before(void)
{
	static unsigned char now[FDS];
	list_fds(now);
	for (int fd = 0; fd < FDS; fd++)
		ck_assert_msg(now[fd] == fds_before[fd], "fd %d was %s", fd,
			      now[fd] ? "left open" : "closed");
}

static inline void fds_teardown(void)
{
	loop_teardown();
	assert_fds_are_as_before();
}

/* Whether the loop submits whole calls to the kernel. */
static inline bool on_uring(void)
{
	return strcmp(coro_loop_poller(loop), "uring") == 0;
}

/* ---- pairs ---- */

/* From is read what is written to to. For the sockets, also the other way round. */
struct pair {
	int from, to;
};

enum pair_kind {
	PIPE,
	PIPE_NONBLOCK,
	UNIX,
	UNIX_NONBLOCK,
	TCP,
	PAIR_KINDS,
};

/* A listening socket on the loopback interface; its address in *ret. */
static inline int listen_tcp(struct sockaddr_in *ret)
{
	int fd = new_socket(AF_INET, SOCK_STREAM, O_NONBLOCK | O_CLOEXEC);
	socklen_t length = sizeof(*ret);
	*ret = (struct sockaddr_in){.sin_family = AF_INET};
	ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)ret, length), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret, &length), 0);
	return fd;
}

static inline struct pair tcp_pair(void)
{
	struct sockaddr_in address;
	struct pair pair;
	int listening = listen_tcp(&address);
	pair.to = socket(AF_INET, SOCK_STREAM, 0);
	/* Small, so that unread bytes soon fill it. */
	setsockopt(pair.to, SOL_SOCKET, SO_SNDBUF, &(int){16384}, sizeof(int));
	setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &(int){16384}, sizeof(int));
	ck_assert_int_eq(connect(pair.to, (struct sockaddr *)&address, sizeof(address)), 0);
	pair.from = accept(listening, NULL, NULL);
	ck_assert_int_ge(pair.from, 0);
	setsockopt(pair.to, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	close(listening);
	return pair;
}

static inline struct pair make_pair(int kind)
{
	int fds[2];
	switch (kind) {
	case PIPE:
	case PIPE_NONBLOCK:
		ck_assert_int_eq(new_pipe(fds, kind == PIPE ? 0 : O_NONBLOCK), 0);
		break;
	case TCP:
		return tcp_pair();
	default:
		ck_assert_int_eq(new_socketpair(AF_UNIX, SOCK_STREAM, kind == UNIX ? 0 : O_NONBLOCK,
						fds),
				 0);
	}
	return (struct pair){fds[0], fds[1]};
}

/* Both ends of a terminal, neither with O_NONBLOCK; false if there is none to be had. */
static inline bool open_terminal(int *master, int *slave)
{
	*master = posix_openpt(O_RDWR | O_NOCTTY);
	*slave = -1;
	if (*master < 0 || grantpt(*master) < 0 || unlockpt(*master) < 0)
		return false;
	*slave = open(ptsname(*master), O_RDWR | O_NOCTTY);
	return *slave >= 0;
}

/* Closes both ends, which no loop knows. */
static inline void close_pair(struct pair pair)
{
	close(pair.from);
	close(pair.to);
}

/*
 * Whether a pair that was filled has room all the same: a peer that acknowledges late makes some. Then
 * it is to be filled again.
 */
static inline bool has_more_room(struct pair pair)
{
	struct pollfd room = {.fd = pair.to, .events = POLLOUT};
#ifdef TCP_QUICKACK
	setsockopt(pair.from, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
#endif
	return poll(&room, 1, 0) > 0;
}

/* Writes a word by the system's own call. */
static inline void put(int fd, const char *word)
{
	ck_assert_int_eq(write(fd, word, strlen(word)), (ssize_t)strlen(word));
}

/* Reads by the system's own call, and compares. */
static inline void expect(int fd, const char *word)
{
	char got[256] = {0};
	ck_assert_int_eq(read(fd, got, sizeof(got) - 1), (ssize_t)strlen(word));
	ck_assert_str_eq(got, word);
}

/* ---- tasks ---- */

/* A task that reads once, and traces what came: "NAME:word", or "NAME:error". */
struct reading {
	const char *name;
	int fd;
	size_t room; /* 0 for all there is */
};

static inline int reads_once(void *arg)
{
	const struct reading *reading = arg;
	char got[256] = {0};
	ssize_t n = coro_read(reading->fd, got, reading->room ? reading->room : sizeof(got) - 1);
	if (n < 0)
		trace("%s:%d", reading->name, (int)n);
	else
		trace("%s:%s", reading->name, got);
	return n < 0 ? (int)n : 0;
}

#endif
