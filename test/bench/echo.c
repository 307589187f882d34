/* SPDX-License-Identifier: MIT */
/*
 * Echo of 64-byte messages over TCP: tasks that read and write, and streams, beside a plain epoll loop
 * and beside others' loops. The server has one core and its client, another epoll loop, the other. A
 * message is sent on each connection when the one before has come back. What is timed begins when all
 * are connected and have been answered twice; a server's CPU time is that of its whole process.
 *
 *   make bench && build/test/bench/echo [-m messages] [-r rounds] [connections[+idle]...]
 *       200,000 messages in 9 rounds; with 50 connections, 1,000, and 50 beside 5,000 that are idle,
 *       unless told. Median and range of the rounds; the ratio is to the plain loop of the same round.
 *   build/test/bench/echo serve POLLER|streams|plain [connections[+idle]]
 *       one server, in this process alone, to be run under strace -c; streams wait with CORO_POLLER
 *
 * make bench builds the peers/ that it finds what they need for: libuv, State Threads, Go. Those in
 * Python are run by python3, or PYTHON. It is said which are left out.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <coro.h>
#include <errno.h>
#include <libgen.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE = 64, BUFFER = 1024, EVENTS = 1024 };

static int connections = 50, idle, rounds = 9;
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

static void learn_address(int fd)
{
	socklen_t length = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		fail("getsockname");
}

static int listen_here(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	address = (struct sockaddr_in){.sin_family = AF_INET};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 4096) < 0)
		fail("listen");
	learn_address(fd);
	return fd;
}

static void no_delay(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

/* -- servers: they print their address, and end when their last connection ends */

static int told; /* the fd that the address is written to */

static void tell_address(void)
{
	if (write(told, &address, sizeof(address)) != sizeof(address))
		fail("write");
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("epoll_ctl");
}

static void plain_server(void)
{
	static struct epoll_event events[EVENTS];
	static char bytes[BUFFER];
	int listening = listen_here(), epoll = epoll_create1(EPOLL_CLOEXEC);
	int open = 0, accepted = 0;
	watch(epoll, listening);
	tell_address();
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
	int listening = listen_here();
	struct coro_group *group;
	int r = coro_group_create(&group);
	(void)arg;
	tell_address();
	for (int i = 0; r == 0 && i < connections + idle; i++) {
		int fd = coro_accept(listening, NULL, NULL);
		if (fd < 0)
			return fd;
		no_delay(fd);
		r = coro_group_spawn(group, echo, (void *)(intptr_t)fd, NULL);
	}
	return coro_group_end(group, r);
}

static struct coro_server *server;
static int streams_left;

static int echo_stream(struct coro_stream *stream, void *arg)
{
	char bytes[MESSAGE];
	(void)arg;
	while (coro_stream_readexactly(stream, bytes, MESSAGE) > 0)
		if (coro_stream_write(stream, bytes, MESSAGE) < 0)
			break;
	if (--streams_left == 0)
		coro_server_close(server);
	return 0;
}

static int serve_streams(void *arg)
{
	int listening;
	(void)arg;
	streams_left = connections + idle;
	int r = coro_server_start("127.0.0.1:0", NULL, echo_stream, NULL, &server);
	if (r < 0)
		return r;
	coro_server_sockets(server, &listening, 1);
	learn_address(listening);
	tell_address();
	coro_server_wait_closed(server);
	return coro_server_destroy(server);
}

static enum coro_poller poller;

static void run_server(coro_fn *fn)
{
	struct coro_loop_options options = {.poller = poller};
	if (coro_run_with(&options, fn, NULL) < 0)
		exit(1);
}

static void task_server(void)
{
	run_server(serve);
}

static void stream_server(void)
{
	run_server(serve_streams);
}

/* -- the client */

static int *connect_all(int epoll)
{
	int all = connections + idle, *fds = calloc((size_t)all, sizeof(int));
	for (int i = 0; i < all; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) < 0)
			fail("connect");
		no_delay(fds[i]);
		watch(epoll, fds[i]);
	}
	return fds;
}

/* That many messages go and come back, at least one for each connection. */
static void exchange(int epoll, const int *fds, long count)
{
	static struct epoll_event events[EVENTS];
	static char bytes[MESSAGE];
	static size_t got[1 << 16];
	for (int i = 0; i < connections; i++)
		if (send(fds[i], bytes, MESSAGE, 0) != MESSAGE)
			fail("send");
	long left = count, due = count - connections;
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
}

struct cost {
	double wall, cpu; /* ns of a message; cpu: the server's */
};

static double cpu_of(pid_t pid)
{
	clockid_t clock;
	struct timespec time;
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) < 0)
		fail("server");
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static struct cost client(pid_t pid)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), *fds = connect_all(epoll);
	exchange(epoll, fds, 2L * connections);
	double cpu = cpu_of(pid), start = bench_now();
	exchange(epoll, fds, messages);
	struct cost cost = {
		.wall = (bench_now() - start) / (double)messages,
		.cpu = (cpu_of(pid) - cpu) / (double)messages,
	};
	for (int i = 0; i < connections + idle; i++)
		close(fds[i]);
	close(epoll);
	free(fds);
	return cost;
}

/* -- contenders */

/* A server of ours, or a program: in peers/ beside this one, or run by Python. */
struct contender {
	const char *name;
	void (*server)(void);
	enum coro_poller poller;
	const char *program, *argument;
	bool left_out;
};

static struct contender contenders[] = {
	{"plain epoll loop", plain_server},
	{"coro, epoll", task_server, CORO_POLLER_EPOLL},
	{"coro, uring", task_server, CORO_POLLER_URING},
	{"coro, poll", task_server, CORO_POLLER_POLL},
	{"coro, streams, epoll", stream_server, CORO_POLLER_EPOLL},
	{"coro, streams, uring", stream_server, CORO_POLLER_URING},
	{"libuv", .program = "uv"},
	{"State Threads", .program = "st"},
	{"Go", .program = "go"},
	{"asyncio", .program = "echo.py"},
	{"uvloop", .program = "echo.py", .argument = "--uvloop"},
};

enum { CONTENDERS = sizeof(contenders) / sizeof(contenders[0]) };

static char *here; /* the directory of this program */

static void path_of(const struct contender *contender, char *ret, size_t size)
{
	snprintf(ret, size, "%s/peers/%s", here, contender->program);
}

static bool is_python(const struct contender *contender)
{
	return strstr(contender->program, ".py");
}

static const char *python(void)
{
	return getenv("PYTHON") ? getenv("PYTHON") : "python3";
}

/* The listening socket becomes its fd 0. */
static void become(const struct contender *contender)
{
	char path[4096];
	path_of(contender, path, sizeof(path));
	dup2(listen_here(), 0);
	tell_address();
	if (is_python(contender))
		execlp(python(), python(), path, contender->argument, NULL);
	else
		execl(path, path, contender->argument, NULL);
	fail(path);
}

static bool is_there(const struct contender *contender)
{
	char path[4096], command[4096];
	if (!contender->program)
		return true;
	path_of(contender, path, sizeof(path));
	snprintf(command, sizeof(command), "%s -c 'import %s' 2>/dev/null", python(),
		 contender->name);
	return access(path, R_OK) == 0 && (!is_python(contender) || system(command) == 0);
}

static void find_contenders(void)
{
	for (int i = 0; i < CONTENDERS; i++) {
		contenders[i].left_out = !is_there(&contenders[i]);
		if (contenders[i].left_out)
			printf("left out: %s\n", contenders[i].name);
	}
}

static void run_contender(const struct contender *contender)
{
	poller = contender->poller;
	if (contender->program)
		become(contender);
	else
		contender->server();
}

/* -- rounds */

static struct cost measure(const struct contender *contender)
{
	int tell[2];
	if (pipe(tell) < 0)
		fail("pipe");
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	told = tell[1];
	if (pid == 0) {
		pin(1);
		run_contender(contender);
		_exit(0);
	}
	if (read(tell[0], &address, sizeof(address)) != sizeof(address))
		fail(contender->name);
	close(tell[0]);
	close(tell[1]);
	struct cost cost = client(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return cost;
}

static void print(const char *what, struct bench *lines)
{
	printf("%d connections beside %d, %s:\n", connections, idle, what);
	for (int i = 0; i < CONTENDERS; i++)
		if (!contenders[i].left_out)
			bench_line(&lines[i], rounds);
	fflush(stdout);
}

static void compare(void)
{
	static struct bench wall[CONTENDERS], cpu[CONTENDERS];
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < CONTENDERS; i++) {
			if (contenders[i].left_out)
				continue;
			struct cost cost = measure(&contenders[i]);
			wall[i].name = cpu[i].name = contenders[i].name;
			wall[i].ns[round] = cost.wall;
			cpu[i].ns[round] = cost.cpu;
			wall[i].ratio[round] = cost.wall / wall[0].ns[round];
			cpu[i].ratio[round] = cost.cpu / cpu[0].ns[round];
		}
	}
	print("time a message", wall);
	print("the server's CPU a message", cpu);
}

/* The server in this process, so that strace sees it alone; the client in another. */
static int serve_here(const char *name)
{
	int tell[2];
	pid_t self = getpid();
	if (pipe(tell) < 0)
		fail("pipe");
	told = tell[1];
	if (fork() == 0) {
		pin(0);
		if (read(tell[0], &address, sizeof(address)) != sizeof(address))
			fail("server");
		client(self);
		_exit(0);
	}
	pin(1);
	if (strcmp(name, "plain") == 0) {
		plain_server();
	} else if (strcmp(name, "streams") == 0) {
		stream_server();
	} else {
		setenv("CORO_POLLER", name, 1);
		task_server();
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

static void raise_limit(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void usage(void)
{
	fputs("usage: echo [-m messages] [-r rounds] [connections[+idle]...]\n"
	      "       echo serve POLLER|streams|plain [connections[+idle]]\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const char *const usual[] = {"50", "1000", "50+5000"};
	int option;
	raise_limit();
	if (argc > 2 && strcmp(argv[1], "serve") == 0) {
		if (argc > 3)
			choose(argv[3]);
		return serve_here(argv[2]);
	}
	while ((option = getopt(argc, argv, "m:r:")) > 0) {
		if (option == 'm')
			messages = atol(optarg);
		else if (option == 'r')
			rounds = atoi(optarg);
		else
			usage();
	}
	if (rounds < 1 || rounds > ROUNDS)
		usage();
	here = dirname(strdup(argv[0]));
	pin(0);
	find_contenders();
	for (int i = optind; i < argc; i++) {
		choose(argv[i]);
		compare();
	}
	for (int i = 0; optind == argc && i < 3; i++) {
		choose(usual[i]);
		compare();
	}
	return 0;
}
