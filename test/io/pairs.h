/* SPDX-License-Identifier: MIT */
/* Tasks that read and write a pair of fds. */
#ifndef TEST_IO_PAIRS_H
#define TEST_IO_PAIRS_H

#include "fds.h"

#include <limits.h>
#include <poll.h>

/* More than any of the pairs holds. */
enum { PLENTY = 1 << 20 };

static struct pair pair;

struct bytes {
	int fd;
	char *at;
	size_t length;
	ssize_t done;
};

static inline int writes_all(void *arg)
{
	struct bytes *bytes = arg;
	bytes->done = coro_write(bytes->fd, bytes->at, bytes->length);
	coro_fd_close(bytes->fd);
	return 0;
}

static inline int reads_to_the_end(void *arg)
{
	struct bytes *bytes = arg;
	ssize_t n;
	while ((n = coro_read(bytes->fd, bytes->at + bytes->done,
			      bytes->length - (size_t)bytes->done)) > 0)
		bytes->done += n;
	return (int)n;
}

static inline void transfer_plenty(size_t length)
{
	char *sent = malloc(length), *got = malloc(length + 1);
	for (size_t i = 0; i < length; i++)
		sent[i] = (char)(i * 2654435761u >> 13);
	struct bytes out = {pair.to, sent, length, 0}, in = {pair.from, got, length + 1, 0};
	struct coro_future *reader = spawn(reads_to_the_end, &in);
	ck_assert_int_eq(result_of(writes_all, &out), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, reader, NULL), 0);
	coro_future_unref(reader);
	ck_assert_int_eq(out.done, (ssize_t)length);
	ck_assert_int_eq(in.done, (ssize_t)length);
	ck_assert_int_eq(memcmp(sent, got, length), 0);
	free(sent);
	free(got);
	coro_fd_close(pair.from);
}

static ssize_t (*call)(int fd);

static inline ssize_t call_write(int fd)
{
	return coro_write(fd, "x", 1);
}

static inline int calls(void *arg)
{
	return (int)call(*(int *)arg);
}

static inline ssize_t reads_no_bytes(int fd)
{
	char byte;
	return coro_read(fd, &byte, 0);
}

static inline ssize_t reads_no_pieces(int fd)
{
	return coro_readv(fd, NULL, 0);
}

static inline ssize_t reads_empty_pieces(int fd)
{
	return coro_readv(fd, (struct iovec[]){{NULL, 0}, {NULL, 0}}, 2);
}

static inline ssize_t writes_no_bytes(int fd)
{
	return coro_write(fd, "", 0);
}

static inline ssize_t writes_no_pieces(int fd)
{
	return coro_writev(fd, NULL, 0);
}

static inline ssize_t writes_empty_pieces(int fd)
{
	return coro_writev(fd, (struct iovec[]){{NULL, 0}, {NULL, 0}}, 2);
}

static ssize_t (*const reads_of_nothing[])(int fd) = {
	reads_no_bytes,
	reads_no_pieces,
	reads_empty_pieces,
};

static ssize_t (*const writes_of_nothing[])(int fd) = {
	writes_no_bytes,
	writes_no_pieces,
	writes_empty_pieces,
};

enum { WRITERS = 3, EACH = 300000 };

static inline ssize_t writes_each(int fd, char *bytes)
{
	return coro_write(fd, bytes, EACH);
}

static inline ssize_t writes_each_in_pieces(int fd, char *bytes)
{
	struct iovec two[] = {{bytes, 1000}, {bytes + 1000, EACH - 1000}};
	return coro_writev(fd, two, 2);
}

static inline ssize_t sends_each(int fd, char *bytes)
{
	return coro_sendall(fd, bytes, EACH, 0);
}

static inline ssize_t sends_each_as_message(int fd, char *bytes)
{
	struct iovec two[] = {{bytes, 1000}, {bytes + 1000, EACH - 1000}};
	return coro_sendmsg(fd, &(struct msghdr){.msg_iov = two, .msg_iovlen = 2}, 0);
}

static ssize_t (*const ways_to_write[])(int fd, char *bytes) = {
	writes_each,
	writes_each_in_pieces,
	sends_each,
	sends_each_as_message,
};

#endif
