/* SPDX-License-Identifier: MIT */
/*
 * A server in several threads. Each has a loop and a listening socket of its own. The sockets share
 * the port (SO_REUSEPORT), and the system distributes the connections among them.
 *
 *   threads_option  takes "--threads N" out of the arguments
 *   threads_run     runs a function in each thread, as coro_run_threads
 *
 * and in that function
 *
 *   threads_begin   waits until the address is known: the first thread may get any port
 *   threads_ready   says that the thread listens
 *   threads_wait    waits for SIGINT or SIGTERM, which the first thread gets for all
 *
 * A queue between threads that is closed wakes all that wait for an item. Here two of them have no
 * other purpose.
 */
#ifndef THREADS_H
#define THREADS_H

#include <coro.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 1024 };

struct threads {
	unsigned count;
	unsigned flags; /* to listen with */
	char address[512];
	struct coro_thread_queue *known, *ended; /* closed when the address is known; at the end */
};

/*
 * Returns N and takes "--threads N" out of the arguments, if they begin with it. Without, or if N is
 * not a number from 1 to 1024, it leaves them as they are and returns 1.
 */
static inline unsigned threads_option(int *argc, char ***argv)
{
	if (*argc < 3 || strcmp((*argv)[1], "--threads") != 0)
		return 1;
	char *end;
	long count = strtol((*argv)[2], &end, 10);
	if (count < 1 || count > MAX_THREADS || *end)
		return 1;
	(*argv)[2] = (*argv)[0];
	*argv += 2;
	*argc -= 2;
	return (unsigned)count;
}

/* Runs fn(i, threads) in each thread. Returns 0 or the first error. */
static inline int threads_run(unsigned count, const char *address,
			      int (*fn)(unsigned i, void *threads))
{
	struct threads threads = {.count = count, .flags = count > 1 ? CORO_NET_REUSEPORT : 0};
	if (strlen(address) >= sizeof(threads.address))
		return -ENAMETOOLONG;
	memcpy(threads.address, address, strlen(address));
	int r = coro_thread_queue_create(0, &threads.known);
	if (r == 0)
		r = coro_thread_queue_create(0, &threads.ended);
	if (r == 0)
		r = coro_run_threads(count, fn, &threads);
	coro_thread_queue_destroy(threads.ended);
	coro_thread_queue_destroy(threads.known);
	return r;
}

static inline coro_async int threads_wait_closed(struct coro_thread_queue *queue)
{
	void *item;
	int r = coro_thread_queue_get(queue, &item);
	return r == -EPIPE ? 0 : r;
}

/* Returns 0 or an error. threads->address is what to listen at then. */
static inline coro_async int threads_begin(struct threads *threads, unsigned i)
{
	return i > 0 ? threads_wait_closed(threads->known) : 0;
}

/* Thread i listens. The first says where, and puts the port that it got in the place of 0. */
static inline void threads_ready(struct threads *threads, unsigned i,
				 const struct coro_server *server)
{
	char name[CORO_ADDRESS_SIZE] = "";
	size_t length = strlen(threads->address);
	if (i > 0)
		return;
	coro_server_address(server, name, sizeof(name));
	const char *port = strrchr(name, ':');
	if (port && length > 1 && strcmp(threads->address + length - 2, ":0") == 0)
		snprintf(threads->address + length - 2, sizeof(threads->address) - length + 2, "%s",
			 port);
	printf("listening on %s\n", name);
	fflush(stdout);
	coro_thread_queue_close(threads->known);
}

/* Returns 0 or an error. */
static inline coro_async int threads_wait(struct threads *threads, unsigned i)
{
	if (i > 0)
		return threads_wait_closed(threads->ended);
	int r = coro_signal_wait(SIGINT, SIGTERM);
	coro_thread_queue_close(threads->ended);
	return r < 0 ? r : 0;
}

#endif
