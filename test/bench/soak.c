/* SPDX-License-Identifier: MIT */
/*
 * Many connections for a while: a server with a task and a stream for each holds so many, which
 * say something now and then and are answered, while others come and go beside them, so many a
 * second. When all are gone the server's fds are to be as many as before, and its memory, once the
 * pools were emptied, where it was: nearly so after the first round of this, and no higher after the
 * rounds that follow. The client is a plain epoll loop in a process of its own.
 *
 *   soak [held [a second [seconds [rounds]]]]     20,000, 5,000, 60 and 3 unless told
 *
 *   CORO_POLLER    what the server waits with
 *   SOAK_MEMORY=0  memory is told of and not judged: under a sanitizer, which keeps it
 *
 * The exit status is not 0 if a call failed, an answer was wrong or missing, or something is left.
 * Each process needs so many fds and a few more, and raises its limit as far as it may.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <coro.h>
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE = 64, EVENTS = 1024, BUSY = 1024, PATIENCE = 30, SAMPLES = 1 << 20 };

/* How a connection ends, which its messages begin with. */
enum end { HELD = 'h', CLOSES = 'c', RESETS = 'r', IS_CLOSED = 's' };

static int held = 20000, rate = 5000, seconds = 60, rounds = 3;
static unsigned long failures; /* of this process */

static void __attribute__((format(printf, 1, 2))) fail(const char *format, ...)
{
	enum { TOLD = 10 };
	va_list args;
	if (failures++ >= TOLD)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(1);
}

/* -- the server */

struct figures {
	size_t fds;
	size_t most;             /* the most connections at once so far */
	size_t resident, tables; /* KiB: memory, and page tables for it */
	size_t connections;
	unsigned long failures;
};

static size_t count_fds(void)
{
	size_t count = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* A line of /proc/self/status: KiB; 0 if there is none. */
static size_t status_of(const char *name)
{
	char line[256];
	size_t kib = 0;
	FILE *status = fopen("/proc/self/status", "r");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtoul(line + strlen(name), NULL, 10);
	if (status)
		fclose(status);
	return kib;
}

static void handler_failed(int error, const char *words, void *arg)
{
	(void)arg;
	fail("server: %d, %s", error, words);
}

static struct coro_server *server;
static size_t most;

static int answer(struct coro_stream *stream, void *arg)
{
	char message[MESSAGE] = {0};
	ssize_t n;
	(void)arg;
	if (coro_server_connections(server) > most)
		most = coro_server_connections(server);
	while ((n = coro_stream_readexactly(stream, message, MESSAGE)) > 0) {
		int r = coro_stream_write(stream, message, MESSAGE);
		if (r == 0)
			r = coro_stream_drain(stream);
		if (r < 0 || *message == IS_CLOSED)
			return r;
	}
	bool expected = *message == RESETS ? n == -ECONNRESET
					   : n == CORO_INCOMPLETE && coro_stream_at_eof(stream);
	return expected ? 0 : (int)n;
}

static void empty_pools(void)
{
	coro_pool_trim();
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/* Answers each byte with figures, until the pipe ends; 't' empties the pools first. */
static int obey(int control)
{
	char order;
	ssize_t n;
	while ((n = coro_read(control, &order, 1)) > 0) {
		if (order == 't')
			empty_pools();
		struct figures figures = {
			.fds = count_fds(),
			.most = most,
			.resident = status_of("VmRSS:"),
			.tables = status_of("VmPTE:"),
			.connections = coro_server_connections(server),
			.failures = failures,
		};
		n = coro_write(control, &figures, sizeof(figures));
		if (n < 0)
			break;
	}
	return (int)n;
}

static int serve(void *arg)
{
	int control = *(int *)arg, listening;
	struct coro_server_options options = {.failed = handler_failed};
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	int r = coro_server_start("127.0.0.1:0", &options, answer, NULL, &server);
	if (r < 0)
		return r;
	coro_server_sockets(server, &listening, 1);
	getsockname(listening, (struct sockaddr *)&address, &length);
	r = (int)coro_write(control, &address, sizeof(address));
	if (r > 0)
		r = obey(control);
	coro_server_shutdown(server, 0);
	coro_server_destroy(server);
	return r;
}

static int run_server(int control)
{
	size_t before = count_fds();
	int r = coro_run(serve, &control);
	if (r < 0)
		fail("server: %s", coro_strerror(r));
	if (count_fds() != before)
		fail("server: %zu fds are open in the end, not %zu", count_fds(), before);
	return failures > 0;
}

/* -- the client */

struct peer {
	enum end end;
	bool busy;     /* it waits for an answer, or for the close */
	bool answered; /* it waits for the close */
	unsigned said;
	size_t got; /* bytes of the answer */
	double since;
};

static struct peer *peers; /* by fd */
static size_t peers_room;
static int epoll, busy, open_count;
static unsigned long opened, closed;
static struct sockaddr_in address;

static uint32_t samples[SAMPLES]; /* us from a held connection's message to its answer */
static size_t sample_count;
static bool sampling;

static void message_of(int fd, char *ret)
{
	const struct peer *peer = &peers[fd];
	for (size_t i = 0; i < MESSAGE; i++)
		ret[i] = (char)((unsigned)fd * 31 + peer->said * 7 + i);
	*ret = (char)peer->end;
}

static void drop(int fd)
{
	struct peer *peer = &peers[fd];
	if (peer->busy)
		busy--;
	peer->busy = false;
	if (close(fd) < 0)
		fail("close: %s", strerror(errno));
	open_count--;
	closed++;
}

static void say(int fd)
{
	struct peer *peer = &peers[fd];
	char message[MESSAGE];
	peer->said++;
	peer->got = 0;
	peer->since = bench_now();
	if (!peer->busy)
		busy++;
	peer->busy = true;
	message_of(fd, message);
	if (send(fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
		fail("send: %s", strerror(errno));
}

/* From many addresses, as each has a limited number of ports. */
static int open_peer(enum end end)
{
	enum { ADDRESSES = 100 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in from = {.sin_family = AF_INET};
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + opened % ADDRESSES);
	if (fd < 0 || (size_t)fd >= peers_room)
		give_up("socket");
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		give_up("bind");
	if (end == RESETS)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
			   sizeof(struct linger));
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};
	peers[fd] = (struct peer){.end = end, .busy = true};
	busy++;
	open_count++;
	opened++;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS)
		give_up("connect");
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		give_up("epoll_ctl");
	return fd;
}

/* The whole answer is there. */
static void is_answered(int fd)
{
	struct peer *peer = &peers[fd];
	double took = (bench_now() - peer->since) / 1e3;
	if (peer->end == HELD) {
		if (sampling && sample_count < SAMPLES)
			samples[sample_count++] = (uint32_t)took;
		peer->busy = false;
		busy--;
	} else if (peer->end == IS_CLOSED) {
		peer->answered = true;
	} else {
		drop(fd);
	}
}

/* Reads once; false if there is no more. */
static bool receive(int fd)
{
	struct peer *peer = &peers[fd];
	char got[MESSAGE], expected[MESSAGE];
	ssize_t n = recv(fd, got, MESSAGE, 0);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n > 0 && peer->busy && !peer->answered && peer->got + (size_t)n <= MESSAGE) {
		message_of(fd, expected);
		if (memcmp(got, expected + peer->got, (size_t)n) != 0)
			fail("an answer is wrong");
		peer->got += (size_t)n;
		if (peer->got == MESSAGE)
			is_answered(fd);
		return peer->end == HELD || peer->end == IS_CLOSED;
	}
	if (n != 0 || !peer->answered)
		fail("recv: %s", n < 0 ? strerror(errno) : n == 0 ? "the end" : "too much");
	drop(fd);
	return false;
}

static void step(int ms)
{
	static struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll, events, EVENTS, ms);
	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd;
		if (peers[fd].said == 0 && !(events[i].events & EPOLLERR))
			say(fd);
		while (receive(fd))
			;
	}
}

/* Until nobody waits for an answer. */
static void finish_all(void)
{
	double end = bench_now() + PATIENCE * 1e9;
	while (busy > 0 && bench_now() < end)
		step(10);
	if (busy > 0) {
		fail("%d connections were not answered", busy);
		exit(1);
	}
}

static int *hold(void)
{
	int *fds = calloc((size_t)held + 1, sizeof(int));
	for (int i = 0; i < held; i++) {
		fds[i] = open_peer(HELD);
		while (busy >= BUSY)
			step(10);
	}
	finish_all();
	return fds;
}

/* Opens and closes n connections a second, which must not disturb the held ones. */
static void come_and_go(const int *fds)
{
	static const enum end ends[] = {CLOSES, RESETS, IS_CLOSED};
	enum { SAY_AGAIN = 10 }; /* seconds after which all have been served */
	unsigned long before = opened, closed_before = closed;
	double start = bench_now(), now, saying = 0;
	int next = 0;
	sample_count = 0;
	sampling = true;
	while ((now = bench_now()) < start + seconds * 1e9) {
		double passed = (now - start) / 1e9;
		for (; saying < passed * held / SAY_AGAIN && busy < BUSY; saying++) {
			if (!peers[fds[next]].busy)
				say(fds[next]);
			next = (next + 1) % held;
		}
		while ((double)(opened - before) < passed * rate && busy < BUSY)
			open_peer(ends[opened % 3]);
		step(1);
	}
	finish_all();
	sampling = false;
	printf("  came and went: %.0f a second of %d, in %d s\n",
	       (double)(closed - closed_before) / ((bench_now() - start) / 1e9), rate, seconds);
}

static int compare_samples(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void print_samples(void)
{
	if (sample_count == 0)
		return;
	qsort(samples, sample_count, sizeof(samples[0]), compare_samples);
	printf("  answers to those held: %zu, median %u us, 99%% %u us, the longest %u us\n",
	       sample_count, samples[sample_count / 2], samples[sample_count * 99 / 100],
	       samples[sample_count - 1]);
}

/* -- rounds */

static struct figures ask(int control, char order)
{
	struct figures figures = {0};
	if (write(control, &order, 1) != 1 ||
	    recv(control, &figures, sizeof(figures), MSG_WAITALL) != sizeof(figures))
		give_up("server");
	return figures;
}

static struct figures ask_and_print(int control, char order, const char *when)
{
	struct figures figures = ask(control, order);
	printf("  %-12s %6zu fds, %7zu KiB resident, %6zu KiB of page tables\n", when, figures.fds,
	       figures.resident, figures.tables);
	fflush(stdout);
	return figures;
}

/* Until the server has closed all of its ends. */
static void wait_until_gone(int control)
{
	double end = bench_now() + PATIENCE * 1e9;
	struct figures figures;
	while ((figures = ask(control, 'f')).connections > 0 && bench_now() < end)
		usleep(10000);
	if (figures.connections > 0)
		fail("the server still has %zu connections", figures.connections);
}

/* A round; what the server has when all is over. */
static struct figures run_round(int control)
{
	int *fds = hold();
	ask_and_print(control, 'f', "all held:");
	come_and_go(fds);
	ask_and_print(control, 'f', "then:");
	for (int i = 0; i < held; i++)
		drop(fds[i]);
	free(fds);
	print_samples();
	wait_until_gone(control);
	ask_and_print(control, 'f', "all gone:");
	struct figures figures = ask_and_print(control, 't', "emptied:");
	if (figures.failures > 0)
		fail("%lu failures of the server", figures.failures);
	return figures;
}

/*
 * What is left is bounded by the records of as many connections as there were at once, which are kept
 * for the next; nothing more comes with the number of rounds.
 */
static void judge(const struct figures *before, const struct figures *first,
		  const struct figures *after)
{
	enum { EACH = 640, SLACK = 1024 }; /* bytes, KiB */
	const char *memory = getenv("SOAK_MEMORY");
	const struct figures *since = first ? first : before;
	size_t bound = since->resident + (after->most - since->most) * EACH / 1024 + SLACK;
	if (after->fds != before->fds)
		fail("%zu fds, not %zu", after->fds, before->fds);
	if (after->resident > bound && !(memory && strcmp(memory, "0") == 0))
		fail("%zu KiB are resident, more than %zu", after->resident, bound);
}

static void run_rounds(int control)
{
	struct figures first = {0}, after, before = ask_and_print(control, 't', "before:");
	for (int i = 0; i < rounds; i++) {
		printf(" round %d\n", i + 1);
		after = run_round(control);
		judge(&before, i > 0 ? &first : NULL, &after);
		first = i > 0 ? first : after;
	}
}

static void raise_limit(void)
{
	struct rlimit limit, wanted;
	size_t need = (size_t)held + BUSY + 100;
	getrlimit(RLIMIT_NOFILE, &limit);
	wanted = limit;
	wanted.rlim_cur = need > limit.rlim_max ? need : limit.rlim_max;
	wanted.rlim_max = wanted.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &wanted) < 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < need) {
		held = (int)(limit.rlim_cur - BUSY - 100);
		printf("no more than %ju fds: %d held\n", (uintmax_t)limit.rlim_cur, held);
	}
	peers_room = limit.rlim_cur;
	peers = calloc(peers_room, sizeof(*peers));
}

int main(int argc, char **argv)
{
	int *const numbers[] = {&held, &rate, &seconds, &rounds};
	int control[2], status;
	for (int i = 1; i < argc && i <= 4; i++)
		*numbers[i - 1] = atoi(argv[i]);
	raise_limit();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, control) < 0)
		give_up("socketpair");
	pid_t child = fork();
	if (child == 0) {
		close(control[0]);
		_exit(run_server(control[1]));
	}
	close(control[1]);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (child < 0 ||
	    recv(control[0], &address, sizeof(address), MSG_WAITALL) != sizeof(address))
		give_up("server");
	printf("%d held, %d a second\n", held, rate);
	run_rounds(control[0]);
	close(control[0]);
	if (waitpid(child, &status, 0) < 0 || status != 0)
		fail("the server's status is %#x", (unsigned)status);
	printf("%lu opened, %lu closed, %lu failures\n", opened, closed, failures);
	return failures > 0;
}
