/* SPDX-License-Identifier: MIT */
/*
 * Echo of 64-byte messages over TCP: tasks that read and write, beside a plain epoll loop. The
 * server has one core and its client, another epoll loop, the other. A message is sent on each
 * connection when the one before has come back.
 *
 *   echo [connections[+idle]...]   50 and 1,000, and 50 beside 5,000 that are idle, unless told
 *   echo serve POLLER|plain [connections[+idle]]
 *                                  one server, in this process alone, to be run under strace -c
 */
#include "bench.h"

#include <arpa/inet.h>
#include <coro.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE = 64, BUFFER = 1024, EVENTS = 1024, ECHO_ROUNDS = 9 };

static int connections = 50, idle;
static long messages = 200000;
static struct sockaddr_in address;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void pin(int core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(core % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int listen_here(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(address);
	address = (struct sockaddr_in){.sin_family = AF_INET};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		fail("listen");
	return fd;
}

static void no_delay(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

/* -- servers: they end when the last of their connections does */

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("epoll_ctl");
}

static void plain_server(int listening)
{
	static struct epoll_event events[EVENTS];
	static char bytes[BUFFER];
	int epoll = epoll_create1(EPOLL_CLOEXEC), open = 0, accepted = 0;
	watch(epoll, listening);
	do {
		int n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listening) {
				int connection = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
				if (connection >= 0) {
					no_delay(connection);
					watch(epoll, connection);
					open++;
					accepted++;
				}
				continue;
			}
			ssize_t got = recv(fd, bytes, BUFFER, 0);
			if (got > 0) {
				if (send(fd, bytes, (size_t)got, MSG_NOSIGNAL) != got)
					fail("send");
			} else if (got == 0 || errno != EAGAIN) {
				close(fd);
				open--;
			}
		}
	} while (open > 0 || accepted < connections + idle);
}

static int echo(void *arg)
{
	char bytes[BUFFER];
	int fd = (int)(intptr_t)arg;
	ssize_t n;
	while ((n = coro_read(fd, bytes, BUFFER)) > 0)
		if ((n = coro_write(fd, bytes, (size_t)n)) < 0)
			break;
	coro_fd_close(fd);
	return 0;
}

static int serve(void *arg)
{
	int listening = (int)(intptr_t)arg;
	struct coro_group *group;
	int r = coro_group_create(&group);
	for (int i = 0; r == 0 && i < connections + idle; i++) {
		int fd = coro_accept(listening, NULL, NULL);
		if (fd < 0)
			return fd;
		no_delay(fd);
		r = coro_group_spawn(group, echo, (void *)(intptr_t)fd, NULL);
	}
	return coro_group_end(group, r);
}

static enum coro_poller poller;

static void coro_server(int listening)
{
	struct coro_loop_options options = {.poller = poller};
	if (coro_run_with(&options, serve, (void *)(intptr_t)listening) < 0)
		exit(1);
}

/* -- the client */

static void client(void)
{
	static struct epoll_event events[EVENTS];
	static char bytes[MESSAGE];
	int epoll = epoll_create1(EPOLL_CLOEXEC), all = connections + idle;
	int *fds = calloc((size_t)all, sizeof(int));
	size_t *got = calloc(1 << 16, sizeof(*got));
	for (int i = 0; i < all; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) < 0)
			fail("connect");
		no_delay(fds[i]);
		watch(epoll, fds[i]);
	}
	for (int i = 0; i < connections; i++)
		if (send(fds[i], bytes, MESSAGE, 0) != MESSAGE)
			fail("send");
	long left = messages, due = messages - connections;
	while (left > 0) {
		int n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			ssize_t r = recv(fd, bytes, MESSAGE - got[fd], 0);
			if (r <= 0)
				fail("recv");
			got[fd] += (size_t)r;
			if (got[fd] < MESSAGE)
				continue;
			got[fd] = 0;
			left--;
			if (due-- > 0 && send(fd, bytes, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
				fail("send");
		}
	}
	for (int i = 0; i < all; i++)
		close(fds[i]);
	close(epoll);
	free(fds);
	free(got);
}

/* -- rounds */

struct cost {
	double wall, cpu; /* ns of a message; cpu: the server's */
};

static double ns_of(struct timeval time)
{
	return (double)time.tv_sec * 1e9 + (double)time.tv_usec * 1e3;
}

static struct cost measure(void (*server)(int listening))
{
	int listening = listen_here(), status;
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		pin(1);
		server(listening);
		_exit(0);
	}
	close(listening);
	double start = bench_now();
	client();
	double end = bench_now();
	struct rusage usage;
	if (wait4(child, &status, 0, &usage) < 0 || status != 0)
		fail("server");
	double cpu = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
	return (struct cost){(end - start) / (double)messages, cpu / (double)messages};
}

struct contender {
	const char *name;
	enum coro_poller poller; /* CORO_POLLER_DEFAULT: the plain loop */
};

static const struct contender contenders[] = {
	{"plain epoll loop", CORO_POLLER_DEFAULT},
	{"coro, epoll", CORO_POLLER_EPOLL},
	{"coro, uring", CORO_POLLER_URING},
	{"coro, poll", CORO_POLLER_POLL},
};

enum { CONTENDERS = sizeof(contenders) / sizeof(contenders[0]) };

static struct cost measure_contender(const struct contender *contender)
{
	poller = contender->poller;
	return measure(poller == CORO_POLLER_DEFAULT ? plain_server : coro_server);
}

static void compare(void)
{
	struct bench wall[CONTENDERS], cpu[CONTENDERS];
	for (int round = 0; round < ECHO_ROUNDS; round++) {
		for (int i = 0; i < CONTENDERS; i++) {
			struct cost cost = measure_contender(&contenders[i]);
			wall[i].name = cpu[i].name = contenders[i].name;
			wall[i].ns[round] = cost.wall;
			cpu[i].ns[round] = cost.cpu;
			wall[i].ratio[round] = cost.wall / wall[0].ns[round];
			cpu[i].ratio[round] = cost.cpu / cpu[0].ns[round];
		}
	}
	printf("%d connections beside %d, time a message:\n", connections, idle);
	for (int i = 0; i < CONTENDERS; i++)
		bench_line(&wall[i], ECHO_ROUNDS);
	printf("%d connections beside %d, the server's CPU a message:\n", connections, idle);
	for (int i = 0; i < CONTENDERS; i++)
		bench_line(&cpu[i], ECHO_ROUNDS);
}

/* The server in this process, so that strace sees it alone; the client in another. */
static int serve_here(const char *name)
{
	int listening = listen_here();
	if (fork() == 0) {
		pin(0);
		client();
		_exit(0);
	}
	pin(1);
	if (strcmp(name, "plain") == 0) {
		plain_server(listening);
	} else {
		setenv("CORO_POLLER", name, 1);
		coro_server(listening);
	}
	wait(NULL);
	return 0;
}

static void choose(const char *counts)
{
	const char *more = strchr(counts, '+');
	connections = atoi(counts);
	idle = more ? atoi(more + 1) : 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "serve") == 0) {
		if (argc > 3)
			choose(argv[3]);
		return serve_here(argv[2]);
	}
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	pin(0);
	static const char *const usual[] = {"50", "1000", "50+5000"};
	for (int i = 0; i < (argc > 1 ? argc - 1 : 3); i++) {
		choose(argc > 1 ? argv[i + 1] : usual[i]);
		compare();
	}
	return 0;
}
