/* SPDX-License-Identifier: MIT */
/*
 * What tests of servers with hostile clients share: a server in a loop of virtual time, and clients by
 * the system's own calls, which do not wait; the loop runs when it is told to.
 */
#ifndef TEST_HOSTILE_H
#define TEST_HOSTILE_H

#include "stream/stream.h"

#include "fds.h"

static struct coro_server *server;
static struct sockaddr_in server_address;

/* ---- the server ---- */

struct starting {
	coro_stream_fn *fn;
	size_t limit;
};

static inline int starts_server(void *arg)
{
	const struct starting *starting = arg;
	struct coro_server_options options = {
		.listen.flags = CORO_NET_KEEPALIVE,
		.stream.limit = starting->limit,
	};
	return coro_server_start("127.0.0.1:0", &options, starting->fn, NULL, &server);
}

/* Small socket buffers, also of accepted sockets, so that they are soon full. */
static inline void make_small(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){16384}, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){16384}, sizeof(int));
}

static inline void begin_server(coro_stream_fn *fn, size_t limit)
{
	int fd;
	socklen_t length = sizeof(server_address);
	ck_assert_int_eq(result_of(starts_server, &(struct starting){fn, limit}), 0);
	ck_assert_uint_eq(coro_server_sockets(server, &fd, 1), 1);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&server_address, &length), 0);
	make_small(fd);
}

static inline int shuts_server_down(void *arg)
{
	return coro_server_shutdown(server, 0);
}

static inline void end_server(void)
{
	ck_assert_int_ge(result_of(shuts_server_down, NULL), 0);
	ck_assert_uint_eq(coro_server_connections(server), 0);
	ck_assert_int_eq(coro_server_destroy(server), 0);
}

static inline size_t connections(void)
{
	return coro_server_connections(server);
}

/* Runs the loop until there are n connections. */
static inline void until_connections(size_t count)
{
	while (connections() != count)
		turn();
}

static inline int sleeps_for(void *delay)
{
	return coro_sleep(*(int64_t *)delay);
}

/* Lets time pass; what is ready comes first. */
static inline void pass(int64_t delay)
{
	for (int i = 0; i < 10; i++)
		turn();
	ck_assert_int_eq(result_of(sleeps_for, &delay), 0);
	for (int i = 0; i < 10; i++)
		turn();
}

/*
 * Lets time pass until there is no connection, which takes a little longer where the system is slow to
 * deliver what was written last.
 */
static inline void until_let_go(void)
{
	enum { MOST = 100 };
	for (int i = 0; i < MOST && connections() > 0; i++)
		pass(CORO_SEC);
	ck_assert_uint_eq(connections(), 0);
}

/* The stream of the newest connection. */
static inline struct coro_stream *newest_stream(void)
{
	struct streams *streams =
		container_of(loop->extensions[EXTENSION_STREAMS], struct streams, extension);
	return container_of(streams->open.prev, struct coro_stream, link);
}

/* ---- clients ---- */

/* One that has connected, and perhaps was not accepted yet; its buffer in bytes, 0 for the usual. */
static inline int connect_client_with(int buffer)
{
	int fd = new_socket(AF_INET, SOCK_STREAM, O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	if (buffer > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&server_address, sizeof(server_address)),
			 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static inline int connect_client(void)
{
	return connect_client_with(0);
}

static inline int accepted_client_with(int buffer)
{
	size_t before = connections();
	int fd = connect_client_with(buffer);
	until_connections(before + 1);
	return fd;
}

static inline int accepted_client(void)
{
	return accepted_client_with(0);
}

/* Resets the connection: the peer gets ECONNRESET, and loses what it has not read. */
static inline void reset_client(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
	close(fd);
}

/* Ends it as if the client's machine had lost power; returns whether the system allows that. */
static inline bool vanish_client(int fd)
{
#ifdef TCP_REPAIR
	bool can = setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &(int){1}, sizeof(int)) == 0;
#else
	bool can = false;
#endif
	close(fd);
	return can;
}

/* Sends what the socket takes; returns whether the server still has the connection open. */
static inline bool send_some(int fd, const void *bytes, size_t length)
{
	ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n >= 0 || errno == EAGAIN;
}

static inline void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Sends again and again, until nothing more goes in. */
static inline void flood(int fd, const char *text)
{
	static char all[16384];
	size_t length = strlen(text), count = sizeof(all) / length, at = 0;
	for (size_t i = 0; i < count; i++)
		memcpy(all + i * length, text, length);
	for (int idle = 0; idle < 20; turn()) {
		ssize_t n = send(fd, all + at, count * length - at, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return;
		at = n < 0 ? at : (at + (size_t)n) % (count * length);
		idle = n < 0 ? idle + 1 : 0;
	}
}

/* Runs the loop until the client has got an answer that begins so, or the end, "". */
static inline void until_answered(int fd, const char *beginning)
{
	char got[4096];
	ssize_t n;
	while ((n = recv(fd, got, sizeof(got) - 1, 0)) < 0 && errno == EAGAIN)
		turn();
	ck_assert_msg(n >= 0 || !*beginning, "%s", strerror(errno));
	got[n < 0 ? 0 : n] = '\0';
	ck_assert_msg(*beginning ? strncmp(got, beginning, strlen(beginning)) == 0 : n <= 0, "%s",
		      got);
}

/*
 * Reads a little each second until much has come or the connection has ended, dropping it: how much.
 * The client is to have a small buffer, or the server's system does not see it read.
 */
static inline size_t read_slowly(int fd, size_t a_second, size_t most)
{
	static char bytes[65536];
	size_t length = 0;
	ssize_t n = 0;
	while (length < most &&
	       ((n = recv(fd, bytes, a_second, 0)) > 0 || (n < 0 && errno == EAGAIN))) {
		length += n > 0 ? (size_t)n : 0;
		pass(CORO_SEC);
	}
	return length;
}

/* Reads to the end and drops it; returns the number of bytes. */
static inline size_t read_to_the_end(int fd)
{
	static char bytes[65536];
	size_t length = 0;
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0 || (n < 0 && errno == EAGAIN)) {
		if (n > 0)
			length += (size_t)n;
		else
			turn();
	}
	return length;
}

/* ---- what is done to any server ---- */

/* Connects many clients and resets them all, before or after they are accepted. */
static inline void reset_many(int count, bool accepted)
{
	enum { BATCH = 100 };
	int fds[BATCH];
	while (count > 0) {
		for (int i = 0; i < BATCH; i++)
			fds[i] = connect_client();
		if (accepted)
			until_connections(BATCH);
		for (int i = 0; i < BATCH; i++)
			reset_client(fds[i]);
		if (accepted)
			until_connections(0);
		count -= BATCH;
	}
	/* A later client is behind them in the line. */
	close(accepted_client());
	until_connections(0);
}

/* Repeats the assault until it leaves no more memory allocated than before: at most ten times. */
static inline void in_the_same_memory(void (*assault)(void))
{
	size_t before;
	int times = 0;
	do {
		ck_assert_int_lt(times++, 10);
		before = allocated();
		assault();
	} while (allocated() > before);
}

#endif
