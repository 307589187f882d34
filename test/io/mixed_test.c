/* SPDX-License-Identifier: MIT */
/*
 * All that comes from outside at once: tasks that do to one another's fds, threads and processes
 * what a seed tells, until a budget is spent; then the loop is closed as it stands, or comes to
 * rest. Whatever happens, bytes come through each connection once and in order, nobody waits for
 * what is there, no call of a thread is lost, and nothing is left behind.
 *
 * MIXED_SEED=n runs that one alone, MIXED_SEED=n MIXED_LAST=m all from the one to the other, and
 * MIXED_SAY=1 names each. What other threads do in between is not told by the seed.
 */
#include "base/random.h"
#include "fds.h"
#include "threads.h"

#include <poll.h>
#include <sys/ioctl.h>

enum { SLOTS = 5, DEPTH = 4, BUDGET = 160, LONGEST = 6, MOST = 100000, THREADS = 3, CALLS = 20 };

/* A connection; kept to the end, as discarded tasks leave nothing. */
struct connection {
	struct connection *older;
	struct pair pair; /* -1: closed */
	bool sockets;
	bool writing;         /* a task is at it: one at a time */
	bool broken;          /* the other end is closed, or bytes went with a task */
	int readers, writers; /* that may be waiting */
	unsigned forgotten;   /* times that who waits was told it is closed */
	uint32_t id;
	uint64_t sent, received;
};

static struct {
	uint64_t random;
	int budget;
	struct coro_loop *loop;
	bool closing; /* the loop: tasks that still run are discarded */
	struct connection *connections[SLOTS], *newest;
	uint32_t connected;
	struct coro_future *futures[SLOTS];
	struct coro *generators[SLOTS];
	struct coro_thread_queue *queue;
	struct coro_executor *executor;
	struct sockaddr_in address;
	int listening;
	int put, got;        /* items of the queue, by tasks */
	int jobs;            /* that run. Atomic */
	int called, arrived; /* calls of threads: made, atomic, and run */
	pthread_t threads[THREADS];
	int thread_count;
	int processes;
} world;

static unsigned any(unsigned count)
{
	return (unsigned)(random_next(&world.random) % count);
}

static bool one_in(unsigned count)
{
	return any(count) == 0;
}

/* Does a few things until one fails; returns that error, or 0. */
static int act(int depth);

/* The result of an action: only a cancellation ends the task. */
static int outcome(ssize_t r)
{
	return r == -ECANCELED ? -ECANCELED : 0;
}

/* ---- connections ---- */

/* The byte at a place of what is sent. */
static unsigned char byte_at(const struct connection *connection, uint64_t place)
{
	return (unsigned char)((place * 0x9e3779b97f4a7c15u +
				connection->id * 0xd1b54a32d192ed03u) >>
			       56);
}

static void connect_slot(struct connection **slot)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int kind = (int)any(PAIR_KINDS);
	connection->older = world.newest;
	world.newest = connection;
	connection->id = ++world.connected;
	connection->sockets = kind >= UNIX;
	connection->pair = make_pair(kind);
	*slot = connection;
}

/* A connection that is open at both ends; NULL if there is none at that place. */
static struct connection *any_open(void)
{
	struct connection *connection = world.connections[any(SLOTS)];
	bool open = connection->pair.from >= 0 && connection->pair.to >= 0;
	return open ? connection : NULL;
}

/* Closes an end, in one of the ways in which that may be done, while others wait for it. */
static void close_end(struct connection *connection, int *end)
{
	int fd = *end;
	if (fd < 0)
		return;
	*end = -1;
	connection->broken = true;
	connection->forgotten++;
	switch (any(3)) {
	case 0:
		ck_assert_int_eq(coro_fd_close(fd), 0);
		break;
	case 1:
		coro_fd_forget(fd);
		close(fd);
		break;
	case 2:
		close(fd);
		coro_fd_forget(fd);
		break;
	}
}

static void close_both(struct connection *connection)
{
	int *ends[] = {&connection->pair.from, &connection->pair.to};
	unsigned first = any(2);
	close_end(connection, ends[first]);
	close_end(connection, ends[!first]);
}

/* ---- bytes ---- */

static void check_received(struct connection *connection, const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		ck_assert_msg(bytes[i] == byte_at(connection, connection->received + i),
			      "connection %u, byte %llu", connection->id,
			      (unsigned long long)(connection->received + i));
	connection->received += length;
	ck_assert_uint_le(connection->received, connection->sent + MOST);
}

/* Errors that others may cause meanwhile. */
static void check_error(const struct connection *connection, unsigned forgotten, ssize_t error)
{
	if (error == -ECANCELED || error == -EAGAIN)
		return;
	if (error == -EBADF)
		ck_assert_uint_ne(connection->forgotten, forgotten);
	else
		ck_assert_msg(connection->broken && (error == -EPIPE || error == -ECONNRESET),
			      "error %zd", error);
}

static ssize_t read_somehow(const struct connection *connection, unsigned char *bytes,
			    size_t length)
{
	int fd = connection->pair.from;
	struct iovec vec[2] = {{bytes, length / 3}, {bytes + length / 3, length - length / 3}};
	struct msghdr message = {.msg_iov = vec, .msg_iovlen = 2};
	switch (any(connection->sockets ? 5 : 2)) {
	case 0:
		return coro_read(fd, bytes, length);
	case 1:
		return coro_readv(fd, vec, 2);
	case 2:
		return coro_recv(fd, bytes, length, 0);
	case 3:
		/*
		 * A call that does not wait fails also if another task has been served, but has yet
		 * to run.
		 */
		return coro_recv(fd, bytes, length, connection->readers == 1 ? MSG_DONTWAIT : 0);
	default:
		return coro_recvmsg(fd, &message, 0);
	}
}

static int reads(int depth)
{
	struct connection *connection = any_open();
	if (!connection)
		return 0;
	unsigned char bytes[4096];
	size_t length = 1 + any(one_in(3) ? sizeof(bytes) : 64);
	unsigned forgotten = connection->forgotten;
	connection->readers++;
	ssize_t n = read_somehow(connection, bytes, length);
	connection->readers--;
	if (n > 0)
		check_received(connection, bytes, (size_t)n);
	else if (n == 0)
		ck_assert(connection->broken && connection->received == connection->sent);
	else
		check_error(connection, forgotten, n);
	return outcome(n);
}

static ssize_t write_somehow(const struct connection *connection, unsigned char *bytes,
			     size_t length)
{
	int fd = connection->pair.to;
	struct iovec vec[2] = {{bytes, length / 3}, {bytes + length / 3, length - length / 3}};
	struct msghdr message = {.msg_iov = vec, .msg_iovlen = 2};
	switch (any(connection->sockets ? 5 : 2)) {
	case 0:
		return coro_write(fd, bytes, length);
	case 1:
		return coro_writev(fd, vec, 2);
	case 2:
		return coro_sendall(fd, bytes, length, 0);
	case 3:
		return coro_sendall(fd, bytes, length, MSG_DONTWAIT);
	default:
		return coro_sendmsg(fd, &message, 0);
	}
}

static int writes(int depth)
{
	struct connection *connection = any_open();
	if (!connection)
		return 0;
	if (connection->writing)
		return 0;
	connection->writing = true;
	size_t length = 1 + any(one_in(6) ? MOST : one_in(3) ? 4096 : 64);
	unsigned char *bytes = malloc(length);
	coro_defer(free, bytes);
	for (size_t i = 0; i < length; i++)
		bytes[i] = byte_at(connection, connection->sent + i);
	unsigned forgotten = connection->forgotten;
	connection->writers++;
	ssize_t n = write_somehow(connection, bytes, length);
	connection->writers--;
	connection->writing = false;
	if (n > 0)
		connection->sent += (size_t)n;
	else
		check_error(connection, forgotten, n);
	coro_undefer(free, bytes);
	free(bytes);
	return outcome(n);
}

static int awaits_readiness(int depth)
{
	struct connection *connection = any_open();
	if (!connection)
		return 0;
	bool writing = one_in(2);
	unsigned forgotten = connection->forgotten;
	int *waiting = writing ? &connection->writers : &connection->readers;
	++*waiting;
	int r = writing ? coro_writable(connection->pair.to) : coro_readable(connection->pair.from);
	--*waiting;
	if (r < 0)
		check_error(connection, forgotten, r);
	return outcome(r);
}

/* What a number stands for may change at once. */
static int closes(int depth)
{
	struct connection **slot = &world.connections[any(SLOTS)], *old = *slot;
	if (!one_in(3))
		return 0;
	switch (any(3)) {
	case 0:
		close_end(old, one_in(2) ? &old->pair.from : &old->pair.to);
		break;
	case 1:
		old->forgotten++;
		coro_fd_forget(one_in(2) ? old->pair.from : old->pair.to);
		break;
	case 2:
		close_both(old);
		connect_slot(slot);
		break;
	}
	return 0;
}

/* Another connection gets the very numbers of an old one. */
static int replaces(int depth)
{
	struct connection **slot = &world.connections[any(SLOTS)], *old = *slot, *new;
	if (!one_in(3) || old->pair.from < 0 || old->pair.to < 0)
		return 0;
	connect_slot(&new);
	struct pair own = new->pair;
	ck_assert_int_eq(dup2(own.from, old->pair.from), old->pair.from);
	coro_fd_forget(old->pair.from);
	ck_assert_int_eq(dup2(own.to, old->pair.to), old->pair.to);
	coro_fd_forget(old->pair.to);
	close_pair(own);
	new->pair = old->pair;
	old->pair = (struct pair){-1, -1};
	old->broken = true;
	old->forgotten++;
	*slot = new;
	return 0;
}

/* ---- callbacks ---- */

static void reader_runs(void *arg)
{
	struct connection *connection = *(struct connection **)arg;
	unsigned char bytes[64];
	if (connection->pair.from < 0)
		return;
	/* As above. */
	if (connection->readers == 0) {
		ssize_t n = coro_recv(connection->pair.from, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0)
			check_received(connection, bytes, (size_t)n);
	}
	if (one_in(3))
		coro_loop_remove_reader(world.loop, connection->pair.from);
	if (one_in(30))
		close_both(connection);
}

static void writer_runs(void *arg)
{
	struct connection *connection = *(struct connection **)arg;
	if (connection->pair.to >= 0 && !one_in(3))
		coro_loop_remove_writer(world.loop, connection->pair.to);
	if (one_in(4))
		coro_cancel(world.futures[any(SLOTS)]);
}

static int watches(int depth)
{
	struct connection **slot = &world.connections[any(SLOTS)], *connection = *slot;
	if (connection->pair.from < 0 || connection->pair.to < 0)
		return 0;
	switch (any(4)) {
	case 0:
		coro_loop_add_reader(world.loop, connection->pair.from, reader_runs, slot);
		break;
	case 1:
		coro_loop_add_writer(world.loop, connection->pair.to, writer_runs, slot);
		break;
	case 2:
		coro_loop_remove_reader(world.loop, connection->pair.from);
		break;
	case 3:
		coro_loop_remove_writer(world.loop, connection->pair.to);
		break;
	}
	return 0;
}

/* ---- tasks ---- */

static int task_body(void *arg)
{
	return act(0);
}

static int spawns(int depth)
{
	struct coro_future **slot = &world.futures[any(SLOTS)], *task;
	struct coro_options options = {.flags = one_in(3) ? CORO_EAGER_START : 0};
	struct coro_future *old = *slot;
	if (coro_loop_spawn(world.loop, &options, task_body, NULL, &task) < 0)
		return 0;
	old = *slot; /* it may have run */
	*slot = task;
	coro_future_unref(old);
	return 0;
}

static int cancels(int depth)
{
	coro_cancel(world.futures[any(SLOTS)]);
	return 0;
}

/*
 * A group's member does not hand its cancellation on: the other may be the group's owner, which waits
 * for the member, and neither would end.
 */
static int awaits(int depth)
{
	struct coro_future *future = world.futures[any(SLOTS)];
	if (depth >= DEPTH - 1)
		return outcome(coro_wait(&future, 1, CORO_ALL_COMPLETED, any(3) * 50 * CORO_USEC));
	return outcome(coro_wait_for(future, any(3) * 50 * CORO_USEC, NULL));
}

static int under_timeout(int depth)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, any(4) * 50 * CORO_USEC);
	if (r == 0)
		r = coro_timeout_end(&timeout, act(depth + 1));
	return outcome(r);
}

static int member_body(void *arg)
{
	return act(DEPTH - 1);
}

static int in_group(int depth)
{
	struct coro_group *group;
	if (coro_group_create(&group) < 0)
		return 0;
	for (unsigned i = any(3); i > 0; i--)
		coro_group_spawn(group, member_body, NULL, NULL);
	return outcome(coro_group_end(group, act(depth + 1)));
}

static int sleeps(int depth)
{
	return outcome(one_in(2) ? coro_task_yield() : coro_sleep(any(100) * CORO_USEC));
}

static int generator_body(void *arg)
{
	int r = 0;
	for (unsigned i = any(4) + 1; i > 0 && r >= 0; i--) {
		r = act(DEPTH - 1);
		if (r >= 0)
			r = coro_yield(&world, NULL);
	}
	return r;
}

static int drives(int depth)
{
	struct coro **slot = &world.generators[any(SLOTS)];
	if (!*slot)
		coro_create(generator_body, NULL, slot);
	struct coro *generator = *slot;
	if (!one_in(4))
		return outcome(coro_next(generator, NULL));
	int r = coro_destroy(generator);
	if (r == 0 && *slot == generator)
		*slot = NULL;
	return outcome(r);
}

/* ---- threads ---- */

static int job(void *arg)
{
	__atomic_add_fetch(&world.jobs, 1, __ATOMIC_RELAXED);
	for (intptr_t i = (intptr_t)arg; i > 0; i--)
		sched_yield();
	__atomic_sub_fetch(&world.jobs, 1, __ATOMIC_RELAXED);
	return 5;
}

static void job_released(void *arg)
{
}

static int offloads(int depth)
{
	struct coro_executor *executor = one_in(2) ? world.executor : NULL;
	void *arg = (void *)(intptr_t)any(20);
	struct coro_future *future, **slot = &world.futures[any(SLOTS)];
	int r;
	if (one_in(2)) {
		r = coro_executor_run(executor, job, arg);
		ck_assert(r == 5 || r == -ECANCELED);
		return outcome(r);
	}
	if (coro_executor_submit(executor, job, arg, job_released, &future) < 0)
		return 0;
	coro_future_unref(*slot);
	*slot = future;
	return 0;
}

static void arrives(void *arg)
{
	world.arrived++;
}

static int remote_body(void *arg)
{
	return outcome(coro_task_yield());
}

struct caller {
	struct coro_loop *loop;
	uint64_t random;
};

/* A thread that has the loop call it, starts tasks there, and puts and gets items. */
static void *calls(void *arg)
{
	struct caller caller = *(struct caller *)arg;
	void *item;
	free(arg);
	for (int i = 0; i < CALLS; i++) {
		struct coro_remote *remote = NULL;
		int made = -1;
		switch (random_next(&caller.random) % 6) {
		case 0:
		case 1:
		case 2:
			made = coro_call_soon_threadsafe(caller.loop, arrives, NULL);
			break;
		case 3:
			if (coro_spawn_threadsafe(caller.loop, remote_body, NULL, &remote) < 0)
				break;
			if (random_next(&caller.random) % 2)
				coro_remote_result(remote, CORO_MSEC, NULL);
			coro_remote_unref(remote);
			break;
		case 4:
			if (coro_thread_queue_try_put(world.queue, NULL) == 0)
				__atomic_add_fetch(&world.put, 1, __ATOMIC_RELAXED);
			break;
		case 5:
			if (coro_thread_queue_try_get(world.queue, &item) == 0)
				__atomic_add_fetch(&world.got, 1, __ATOMIC_RELAXED);
			break;
		}
		if (made == 0)
			__atomic_add_fetch(&world.called, 1, __ATOMIC_RELAXED);
		else if (made < 0)
			must(made == -1 || made == -EPIPE); /* the loop is closed */
	}
	coro_loop_release(caller.loop);
	return NULL;
}

static int starts_thread(int depth)
{
	if (world.thread_count == THREADS || !one_in(3))
		return 0;
	struct caller *caller = malloc(sizeof(*caller));
	*caller = (struct caller){world.loop, random_next(&world.random) | 1};
	ck_assert_int_eq(coro_loop_hold(world.loop), 0);
	ck_assert_int_eq(pthread_create(&world.threads[world.thread_count++], NULL, calls, caller),
			 0);
	return 0;
}

static int queues(int depth)
{
	void *item;
	int r;
	if (one_in(2)) {
		r = coro_thread_queue_put(world.queue, NULL);
		if (r == 0)
			__atomic_add_fetch(&world.put, 1, __ATOMIC_RELAXED);
	} else {
		r = coro_thread_queue_get(world.queue, &item);
		if (r == 0)
			__atomic_add_fetch(&world.got, 1, __ATOMIC_RELAXED);
	}
	return outcome(r);
}

/* ---- the rest of the system ---- */

static void signalled(void *arg)
{
	coro_cancel(world.futures[any(SLOTS)]);
}

static int signals(int depth)
{
	switch (any(4)) {
	case 0:
		coro_loop_add_signal_handler(world.loop, SIGUSR1, signalled, NULL);
		break;
	case 1:
		coro_loop_remove_signal_handler(world.loop, SIGUSR1);
		break;
	case 2:
		raise(SIGUSR1);
		break;
	case 3:
		return outcome(coro_signal_wait_any(SIGUSR1, SIGUSR2, 0));
	}
	return 0;
}

static void process_goes(void *process)
{
	coro_process_destroy(process);
}

static int runs_process(int depth)
{
	struct coro_process_options options = {
		.in = CORO_PIPE,
		.out = one_in(2) ? CORO_PIPE : CORO_DEVNULL,
		.err = one_in(2) ? CORO_STDOUT : CORO_PIPE,
	};
	struct coro_process *process;
	char cat[] = "cat", *argv[] = {cat, NULL};
	if (++world.processes > many(3, 1) || coro_process_spawn(argv, &options, &process) < 0)
		return 0;
	coro_defer(process_goes, process);
	struct coro_bytes out = {0};
	int r;
	if (one_in(2)) {
		r = coro_process_communicate(process, "words", 5, 0, &out, NULL);
		if (r == 0 && options.out == CORO_PIPE)
			ck_assert_int_eq((int)out.length, 5);
		if (r == 0)
			free(out.bytes);
	} else {
		coro_process_kill(process);
		r = coro_process_wait(process, NULL);
	}
	coro_undefer(process_goes, process);
	coro_process_destroy(process);
	return outcome(r);
}

static int accepts(int depth)
{
	int fd = coro_accept(world.listening, NULL, NULL);
	if (fd >= 0)
		coro_fd_close(fd);
	return outcome(fd);
}

static void closes_fd(void *fd)
{
	coro_fd_close((int)(intptr_t)fd);
}

static int connects(int depth)
{
	int fd = new_socket(AF_INET, SOCK_STREAM, one_in(2) ? O_NONBLOCK : 0);
	coro_fd_forget(fd);
	void *arg = (void *)(intptr_t)fd;
	coro_defer(closes_fd, arg);
	int r = coro_connect(fd, (struct sockaddr *)&world.address, sizeof(world.address));
	coro_undefer(closes_fd, arg);
	coro_fd_close(fd);
	return outcome(r);
}

static void stream_goes(void *stream)
{
	coro_stream_abort(stream);
	coro_stream_destroy(stream);
}

static void future_goes(void *future)
{
	coro_future_unref(future);
}

static int writes_lines(void *arg)
{
	struct coro_stream *stream = arg;
	int r = 0;
	for (int i = 0; i < 3 && r == 0; i++) {
		coro_stream_printf(stream, "line %d\n", i);
		r = one_in(2) ? coro_stream_drain(stream) : coro_task_yield();
	}
	return r == 0 ? coro_stream_flush(stream) : r;
}

/* Lines through a pair of streams; the task that writes may end before or after. */
static int streams(int depth)
{
	struct pair pair = make_pair(UNIX);
	struct coro_stream *from = NULL, *to = NULL;
	struct coro_future *writer;
	const char *line;
	ck_assert_int_eq(coro_stream_open(pair.from, NULL, &from), 0);
	ck_assert_int_eq(coro_stream_open(pair.to, NULL, &to), 0);
	coro_defer(stream_goes, from);
	coro_defer(stream_goes, to);
	int r = coro_loop_spawn(world.loop, NULL, writes_lines, to, &writer);
	ck_assert_int_eq(r, 0);
	coro_defer(future_goes, writer);
	for (int i = 0; i < 3 && r >= 0; i++) {
		char expected[16];
		r = (int)coro_stream_readline(from, &line);
		snprintf(expected, sizeof(expected), "line %d\n", i);
		if (r > 0)
			ck_assert_int_eq(strncmp(line, expected, (size_t)r), 0);
	}
	/* It uses what is to go. */
	coro_cancel(writer);
	while (!coro_future_done(writer))
		if (coro_await(writer, NULL) == -ECANCELED)
			r = -ECANCELED;
	coro_undefer(future_goes, writer);
	coro_future_unref(writer);
	coro_undefer(stream_goes, to);
	coro_undefer(stream_goes, from);
	stream_goes(to);
	stream_goes(from);
	return outcome(r);
}

static int act(int depth)
{
	static int (*const actions[])(int depth) = {
		reads,    reads,         reads,
		reads,    writes,        writes,
		writes,   writes,        awaits_readiness,
		closes,   replaces,      watches,
		watches,  spawns,        spawns,
		spawns,   cancels,       cancels,
		awaits,   under_timeout, under_timeout,
		in_group, sleeps,        sleeps,
		drives,   drives,        offloads,
		offloads, starts_thread, queues,
		signals,  runs_process,  accepts,
		connects, streams,
	};
	int r = 0;
	if (depth >= DEPTH)
		return 0;
	for (unsigned i = any(LONGEST) + 1; i > 0 && r >= 0 && world.budget > 0; i--) {
		world.budget--;
		r = actions[any(sizeof(actions) / sizeof(actions[0]))](depth);
	}
	return r;
}

/* ---- a world ---- */

static void no_report(struct coro_loop *from, const struct coro_report *report, void *arg)
{
}

static void begin(uint64_t seed)
{
	memset(&world, 0, sizeof(world));
	world.random = random_state(seed);
	world.budget = BUDGET;
	struct coro_loop_options options = {
		.flags = one_in(8) ? CORO_EAGER_TASKS : 0,
		.seed = one_in(3) ? seed : 0,
	};
	ck_assert_int_eq(coro_loop_create(&options, &world.loop), 0);
	coro_loop_set_exception_handler(world.loop, no_report, NULL);
	struct coro_executor_options two = {.max_threads = 2};
	ck_assert_int_eq(coro_executor_create(&two, &world.executor), 0);
	ck_assert_int_eq(coro_thread_queue_create(2, &world.queue), 0);
	world.listening = listen_tcp(&world.address);
	for (int i = 0; i < SLOTS; i++)
		connect_slot(&world.connections[i]);
}

static bool is_readable(int fd)
{
	int count = 0;
	return ioctl(fd, FIONREAD, &count) == 0 && count > 0;
}

static bool is_writable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
	return poll(&poll_fd, 1, 0) == 1;
}

/* No task waits for what is there, unless it is about to run. */
static bool is_at_rest(void)
{
	for (int i = 0; i < SLOTS; i++) {
		struct connection *connection = world.connections[i];
		if (connection->readers > 0 && connection->pair.from >= 0 &&
		    is_readable(connection->pair.from))
			return false;
		if (connection->writers > 0 && connection->pair.to >= 0 &&
		    is_writable(connection->pair.to))
			return false;
	}
	return true;
}

/* Other threads may still be at work: the loop gives them time, but not without end. */
static int comes_to_rest(void *arg)
{
	int64_t patience = coro_clock() + 20 * CORO_SEC;
	for (int calm = 0; calm < 3; calm = is_at_rest() ? calm + 1 : 0) {
		ck_assert_msg(coro_clock() < patience, "somebody waits for what is there");
		coro_sleep(20 * CORO_USEC);
	}
	/* Now all waiters have to be woken. */
	coro_thread_queue_close(world.queue);
	for (int i = 0; i < SLOTS; i++)
		close_both(world.connections[i]);
	coro_fd_close(world.listening);
	world.listening = -1;
	coro_loop_remove_signal_handler(world.loop, SIGUSR1);
	return 0;
}

/* Tasks that wait for signals, or for what has already happened, have to be cancelled. */
static int ends_all(void *arg)
{
	for (int i = 0; i < SLOTS; i++)
		coro_cancel(world.futures[i]);
	struct coro_future *tasks[1000], *self = coro_current_task();
	int count = coro_all_tasks(world.loop, tasks, 1000);
	for (int i = 0; i < count; i++) {
		if (tasks[i] != self)
			coro_cancel(tasks[i]);
		coro_future_unref(tasks[i]);
	}
	return count;
}

static void run_to_end_of(coro_fn *fn)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_spawn(world.loop, NULL, fn, NULL, &task), 0);
	while (!coro_future_done(task)) {
		int r = coro_run_until_complete(world.loop, task, NULL);
		ck_assert_msg(r >= 0 || coro_future_done(task), "%d", r);
	}
	coro_future_unref(task);
}

static void join_threads(void)
{
	for (int i = 0; i < world.thread_count; i++)
		pthread_join(world.threads[i], NULL);
	world.thread_count = 0;
}

/* All that can end ends, unaided or cancelled, and nothing is missing. */
static void rest(void)
{
	world.budget = 0;
	run_to_end_of(comes_to_rest);
	world.processes = 1000;
	struct coro_future *left[1];
	while (coro_all_tasks(world.loop, left, 0) > 0)
		run_to_end_of(ends_all);
	join_threads();
	int r = coro_run_forever(world.loop);
	ck_assert_int_eq(r, -EDEADLK);
	ck_assert_int_eq(world.called, world.arrived);
	ck_assert_int_ge(world.put, world.got);
	ck_assert_int_eq((int)coro_thread_queue_size(world.queue), world.put - world.got);
	for (int i = 0; i < SLOTS; i++) {
		ck_assert_int_eq(world.connections[i]->readers, 0);
		ck_assert_int_eq(world.connections[i]->writers, 0);
	}
}

static void end(void)
{
	world.budget = 0;
	ck_assert_int_eq(coro_loop_close(world.loop), 0);
	join_threads();
	for (int again = 0; again < 2; again++)
		for (int i = 0; i < SLOTS; i++) {
			coro_destroy(world.generators[i]);
			world.generators[i] = NULL;
		}
	for (int i = 0; i < SLOTS; i++) {
		close_both(world.connections[i]);
		coro_future_unref(world.futures[i]);
	}
	for (struct connection *at; (at = world.newest); free(at))
		world.newest = at->older;
	if (world.listening >= 0)
		close(world.listening);
	ck_assert_int_eq(coro_thread_queue_destroy(world.queue), 0);
	ck_assert_int_eq(coro_executor_destroy(world.executor), 0);
	ck_assert_int_eq(world.jobs, 0);
	struct coro_pool_stats stats;
	coro_pool_stats(&stats);
	ck_assert_uint_eq(stats.in_use, 0);
}

static void stops(void *arg)
{
	coro_loop_stop(world.loop);
}

static void runs_for_a_while(void)
{
	struct coro_handle *handle;
	ck_assert_int_eq(coro_call_later(world.loop, (int64_t)any(500) * CORO_USEC, stops, NULL,
					 &handle),
			 0);
	int r = coro_run_forever(world.loop);
	ck_assert(r == 0 || r == -EDEADLK);
	coro_handle_unref(handle);
}

/* The same, embedded in a host that waits for the loop's fd: it must not wait for what is there. */
static void is_run_for_a_while(void)
{
	int fd = coro_loop_fd(world.loop);
	if (fd < 0) {
		runs_for_a_while();
		return;
	}
	for (unsigned turns = any(50); turns > 0; turns--) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		if (coro_loop_timeout(world.loop) > 0)
			poll(&poll_fd, 1, 1);
		int r = coro_loop_run_once(world.loop);
		ck_assert_int_ge(r, 0);
	}
}

static void live(uint64_t seed)
{
	begin(seed);
	bool embedded = one_in(4);
	for (int i = 0; i < 4; i++)
		spawns(0);
	for (unsigned i = any(6) + 1; i > 0; i--) {
		for (int more = 0; more < 3; more++)
			spawns(0);
		if (embedded)
			is_run_for_a_while();
		else
			runs_for_a_while();
	}
	if (!one_in(3))
		rest();
	end();
}

START_TEST(whatever_happens_bytes_arrive_once_and_nothing_is_left)
{
	const char *seed = getenv("MIXED_SEED"), *upto = getenv("MIXED_LAST");
	uint64_t first = seed ? strtoull(seed, NULL, 0) : 1;
	uint64_t last = upto ? strtoull(upto, NULL, 0) : seed ? first : (uint64_t)many(60, 10);
	static unsigned char before[FDS], after[FDS];
	signal(SIGUSR1, SIG_IGN);
	list_fds(before);
	for (uint64_t at = first; at <= last; at++) {
		if (getenv("MIXED_SAY"))
			fprintf(stderr, "seed %llu\n", (unsigned long long)at);
		live(at);
		list_fds(after);
		for (int fd = 0; fd < FDS; fd++)
			ck_assert_msg(before[fd] == after[fd], "seed %llu: fd %d",
				      (unsigned long long)at, fd);
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, whatever_happens_bytes_arrive_once_and_nothing_is_left);
}

TEST_MAIN("mixed", add)
