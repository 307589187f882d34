/* SPDX-License-Identifier: MIT */
/*
 * What libcoro-posix costs: a message of 64 bytes over a socket pair, sent and received by libc's calls,
 * by coro's, and by libc's names with libcoro-posix before them. Once with bytes that are there already,
 * and once between two that wait for each other: two threads by libc's calls, two tasks by the others.
 *
 *   make bench && build/test/bench/posix
 *       median and range of 15 rounds; the ratio is to the first of the same round
 */
#include "bench.h"

#include <coro.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sys/socket.h>

enum { MESSAGE = 64, READY = 100000, WAITS = 20000 };

static ssize_t (*libc_send)(int fd, const void *bytes, size_t length, int flags);
static ssize_t (*libc_recv)(int fd, void *bytes, size_t length, int flags);

struct way {
	ssize_t (*send)(int fd, const void *bytes, size_t length, int flags);
	ssize_t (*recv)(int fd, void *bytes, size_t length, int flags);
};

static const struct way by_coro = {coro_sendall, coro_recv}, by_posix = {send, recv};
static struct way by_libc;
static const struct way *way;
static int fds[2];
static double began, ended;

static void find_libc(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	if (!libc)
		exit(1);
	*(void **)&libc_send = dlsym(libc, "send");
	*(void **)&libc_recv = dlsym(libc, "recv");
	by_libc = (struct way){libc_send, libc_recv};
}

static void must(ssize_t n)
{
	if (n != MESSAGE)
		exit(1);
}

/* -- bytes that are there */

static int transfer_ready(void *arg)
{
	char bytes[MESSAGE] = {0};
	(void)arg;
	began = bench_now();
	for (int i = 0; i < READY; i++) {
		must(way->send(fds[0], bytes, MESSAGE, 0));
		must(way->recv(fds[1], bytes, MESSAGE, 0));
	}
	ended = bench_now();
	return 0;
}

static double ready(const struct way *by)
{
	way = by;
	if (coro_run(transfer_ready, NULL) < 0)
		exit(1);
	return (ended - began) / READY;
}

static double ready_by_libc(void)
{
	return ready(&by_libc);
}

static double ready_by_coro(void)
{
	return ready(&by_coro);
}

static double ready_by_posix(void)
{
	return ready(&by_posix);
}

/* -- bytes that are waited for */

static void answer(int fd, bool first)
{
	char bytes[MESSAGE] = {0};
	for (int i = 0; i < WAITS; i++) {
		if (first)
			must(way->send(fd, bytes, MESSAGE, 0));
		must(way->recv(fd, bytes, MESSAGE, 0));
		if (!first)
			must(way->send(fd, bytes, MESSAGE, 0));
	}
}

static int answers(void *arg)
{
	(void)arg;
	answer(fds[1], false);
	return 0;
}

static int two_tasks(void *arg)
{
	struct coro_future *task;
	(void)arg;
	if (coro_spawn(answers, NULL, &task) < 0)
		exit(1);
	began = bench_now();
	answer(fds[0], true);
	ended = bench_now();
	return coro_await(task, NULL);
}

static double waits(const struct way *by)
{
	way = by;
	if (coro_run(two_tasks, NULL) < 0)
		exit(1);
	return (ended - began) / (2.0 * WAITS);
}

static void *answers_in_a_thread(void *arg)
{
	answer(fds[1], false);
	return arg;
}

static double waits_by_libc(void)
{
	pthread_t thread;
	way = &by_libc;
	if (pthread_create(&thread, NULL, answers_in_a_thread, NULL) != 0)
		exit(1);
	began = bench_now();
	answer(fds[0], true);
	ended = bench_now();
	pthread_join(thread, NULL);
	return (ended - began) / (2.0 * WAITS);
}

static double waits_by_coro(void)
{
	return waits(&by_coro);
}

static double waits_by_posix(void)
{
	return waits(&by_posix);
}

int main(void)
{
	struct bench there[] = {
		{.name = "libc's send and recv", .run = ready_by_libc},
		{.name = "coro_sendall and coro_recv", .run = ready_by_coro},
		{.name = "send and recv through libcoro-posix", .run = ready_by_posix},
	};
	struct bench later[] = {
		{.name = "two tasks, coro_sendall and coro_recv", .run = waits_by_coro},
		{.name = "two tasks, send and recv through libcoro-posix", .run = waits_by_posix},
		{.name = "two threads, libc's send and recv", .run = waits_by_libc},
	};
	find_libc();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return 1;
	printf("bytes that are there\n");
	BENCH(there);
	printf("bytes that are waited for\n");
	BENCH(later);
	return 0;
}
