/* SPDX-License-Identifier: MIT */
/* Servers: a task that accepts for each socket, a task for each connection. */
#include "io/server.h"

#include "coro/task.h"
#include "coro/timeout.h"
#include "io/accept.h"
#include "io/address.h"
#include "io/fd.h"
#include "io/socket_file.h"
#include "io/stream.h"
#include "loop/report.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* One that accepts. */
struct acceptor {
	struct coro_server *server;
	struct watch watch; /* of its task */
	int fd;
	bool running;
	bool pauses; /* it has told so since it last had a connection */
};

struct connection {
	struct list link; /* in server->connections */
	struct coro_server *server;
	struct coro_stream *stream;
	struct watch watch; /* of its task */
};

struct coro_server {
	struct streams *streams;
	struct list link; /* in streams->servers */
	unsigned refs;    /* the owner's; one while tasks of it are left */
	unsigned tasks;   /* acceptors and connections */
	coro_stream_fn *fn;
	void *arg;
	struct coro_server_options options;
	struct list connections;
	size_t live;
	bool closed;
	bool cancelled;              /* and so are its connections */
	int error;                   /* it could not go on */
	struct coro_waiters changed; /* who waits for its end, or for room */
	size_t count;
	struct acceptor acceptors[PLACES];
};

/* -- life */

static void server_unref(struct coro_server *server)
{
	if (--server->refs > 0)
		return;
	list_remove(&server->link);
	streams_unref(server->streams);
	free(server);
}

/* Of a task: its call is in the loop's room until task_over. */
static int watch_task(struct coro_server *server, const struct coro_options *options, coro_fn *fn,
		      void *arg, struct watch *watch, void (*done)(struct watch *watch))
{
	struct coro_loop *loop = server->streams->loop;
	struct coro_future *task;
	int r = loop_reserve(loop, 0, 1);
	if (r < 0)
		return r;
	r = coro_loop_spawn(loop, options, fn, arg, &task);
	if (r < 0) {
		loop_release(loop, 0, 1);
		return r;
	}
	watch_add(watch, task, done);
	if (server->tasks++ == 0)
		server->refs++;
	return 0;
}

static void changed(struct coro_server *server)
{
	waiters_wake(&server->changed, SIZE_MAX);
}

/* The last thing that a task's end does. */
static void task_over(struct coro_server *server, struct coro_future *task)
{
	coro_future_unref(task);
	loop_release(server->streams->loop, 0, 1);
	changed(server);
	if (--server->tasks == 0)
		server_unref(server);
}

static void report(const struct coro_server *server, int error, const char *words)
{
	if (error < 0 && error != -ECANCELED && server->options.failed)
		server->options.failed(error, words ? words : coro_strerror(error), server->arg);
}

/* -- connections */

static void connection_free(struct connection *connection)
{
	list_remove(&connection->link);
	connection->server->live--;
	coro_stream_abort(connection->stream);
	coro_stream_destroy(connection->stream);
	free(connection);
}

/*
 * What the handler has written goes out, however long that takes; when it was cancelled, as much as
 * goes at once. Tasks that it has left waiting for the stream are woken, and leave before that
 * goes.
 */
static int connection_run(void *arg)
{
	const struct connection *connection = arg;
	const struct coro_server *server = connection->server;
	struct coro_stream *stream = connection->stream;
	int r = server->fn(stream, server->arg);
	coro_stream_close(stream);
	if (!stream->closed && !server->cancelled && r != -ECANCELED)
		coro_stream_wait_closed(stream);
	coro_stream_abort(stream);
	while (stream_is_waited_for(stream))
		coro_task_yield();
	return r;
}

/* Its task has ended, or never began. */
static void connection_done(struct watch *watch)
{
	struct connection *connection = container_of(watch, struct connection, watch);
	struct coro_server *server = connection->server;
	struct coro_future *task = watch->future;
	int r = coro_future_result(task, NULL);
	if (server->options.failed)
		report(server, r, coro_future_message(task));
	else if (r < 0 && r != -ECANCELED)
		report_future(task, "Unhandled exception in client_connected_cb");
	connection_free(connection);
	task_over(server, task);
}

/* Runs a task for a connection: 0 or an error, and then it is closed. */
static int serve(struct coro_server *server, int fd)
{
	struct connection *connection = malloc(sizeof(*connection));
	struct coro_options options = {.stack_size = server->options.stack_size,
				       .name = "connection"};
	if (!connection) {
		coro_fd_close(fd);
		return -ENOMEM;
	}
	int r = coro_stream_open(fd, &server->options.stream, &connection->stream);
	if (r < 0) {
		coro_fd_close(fd);
		free(connection);
		return r;
	}
	connection->server = server;
	list_append(&server->connections, &connection->link);
	server->live++;
	r = watch_task(server, &options, connection_run, connection, &connection->watch,
		       connection_done);
	if (r < 0)
		connection_free(connection);
	return r;
}

/* -- accepting */

static coro_async int wait_for_room(struct coro_server *server)
{
	size_t most = server->options.max_connections;
	struct latch latch;
	int r = 0;
	while (r == 0 && most && server->live >= most && !server->closed)
		r = waiters_wait(&server->changed, &latch);
	return r;
}

/* Told once, until there is a connection again: it is tried each second. */
static void acceptor_pauses(int error, void *arg)
{
	struct acceptor *acceptor = arg;
	struct coro_server *server = acceptor->server;
	struct coro_report told = {
		.message = accept_lacks_room(error) ? "socket.accept() out of system resource"
						    : "socket.accept() failed",
		.error = error,
		.words = coro_strerror(error),
	};
	if (acceptor->pauses)
		return;
	acceptor->pauses = true;
	if (server->options.failed)
		report(server, error, told.message);
	else
		coro_loop_call_exception_handler(server->streams->loop, &told);
}

static int acceptor_run(void *arg)
{
	struct acceptor *acceptor = arg;
	struct coro_server *server = acceptor->server;
	for (;;) {
		int r = wait_for_room(server);
		if (r < 0 || server->closed)
			return r;
		int fd = accept_next(acceptor->fd, acceptor_pauses, acceptor);
		if (fd < 0)
			return fd;
		acceptor->pauses = false;
		r = serve(server, fd);
		report(server, r, coro_message(r));
	}
}

/* One that failed takes the server with it. */
static void acceptor_done(struct watch *watch)
{
	struct acceptor *acceptor = container_of(watch, struct acceptor, watch);
	struct coro_server *server = acceptor->server;
	int r = coro_future_result(watch->future, NULL);
	acceptor->running = false;
	if (!server->closed) {
		server->error = r;
		coro_server_close(server);
	}
	task_over(server, watch->future);
}

static void close_sockets(struct coro_server *server)
{
	for (size_t i = 0; i < server->count; i++) {
		struct acceptor *acceptor = &server->acceptors[i];
		socket_file_close(server->streams->loop, acceptor->fd); /* which may not run now */
		coro_fd_close(acceptor->fd);
		if (acceptor->running)
			coro_cancel(acceptor->watch.future);
	}
	server->count = 0;
}

/* -- starting */

static int begin(struct coro_server *server, const int *fds, size_t count)
{
	static const struct coro_options options = {.name = "server"};
	for (size_t i = 0; i < count; i++) {
		struct acceptor *acceptor = &server->acceptors[i];
		*acceptor = (struct acceptor){.server = server, .fd = fds[i]};
	}
	server->count = count;
	for (size_t i = 0; i < count; i++) {
		struct acceptor *acceptor = &server->acceptors[i];
		int r = watch_task(server, &options, acceptor_run, acceptor, &acceptor->watch,
				   acceptor_done);
		if (r < 0)
			return r;
		acceptor->running = true;
	}
	return 0;
}

static int create(const struct coro_server_options *options, coro_stream_fn *fn, void *arg,
		  struct coro_server **ret)
{
	struct streams *streams;
	int r = streams_of(thread_current->loop, &streams);
	struct coro_server *server = r == 0 ? malloc(sizeof(*server)) : NULL;
	if (!server)
		return -ENOMEM;
	*server = (struct coro_server){
		.streams = streams, .refs = 1, .fn = fn, .arg = arg, .options = *options};
	streams->refs++;
	list_init(&server->connections);
	list_append(&streams->servers, &server->link);
	waiters_init(&server->changed);
	*ret = server;
	return 0;
}

static bool are_possible(const struct coro_server_options *options)
{
	if (options->stack_size && options->stack_size < coro_stack_min())
		return false;
	return stream_check_options(&options->stream) == 0;
}

int coro_server_start(const char *address, const struct coro_server_options *options,
		      coro_stream_fn *fn, void *arg, struct coro_server **ret)
{
	static const struct coro_server_options defaults;
	struct coro_server *server;
	int fds[PLACES];
	options = options ? options : &defaults;
	if (!address || !fn || !ret || !are_possible(options))
		return -EINVAL;
	if (!task_running())
		return -EPERM;
	int count = coro_listen_all(address, &options->listen, fds, PLACES);
	if (count < 0)
		return count;
	int r = create(options, fn, arg, &server);
	if (r < 0) {
		for (int i = 0; i < count; i++)
			coro_fd_close(fds[i]);
		return r;
	}
	r = begin(server, fds, (size_t)count);
	if (r < 0) {
		coro_server_destroy(server);
		return r;
	}
	*ret = server;
	return 0;
}

/* -- questions */

size_t coro_server_sockets(const struct coro_server *server, int *ret, size_t count)
{
	if (!server)
		return 0;
	for (size_t i = 0; ret && i < count && i < server->count; i++)
		ret[i] = server->acceptors[i].fd;
	return server->count;
}

size_t coro_server_connections(const struct coro_server *server)
{
	return server ? server->live : 0;
}

/* -- the end */

int coro_server_close(struct coro_server *server)
{
	if (!server)
		return -EINVAL;
	if (streams_are_foreign(server->streams))
		return -EPERM;
	if (server->closed)
		return 0;
	server->closed = true;
	close_sockets(server);
	changed(server);
	return 0;
}

static coro_async int wait_until_idle(struct coro_server *server)
{
	struct latch latch;
	int r = 0;
	while (r == 0 && (!server->closed || server->tasks > 0))
		r = waiters_wait(&server->changed, &latch);
	return r;
}

/* Whether the task that calls is one of its connections. */
static bool is_own(const struct coro_server *server)
{
	const struct coro_future *task = coro_current_task();
	list_for_each(link, &server->connections)
		if (task && container_of(link, struct connection, link)->watch.future == task)
			return true;
	return false;
}

int coro_server_wait_closed(struct coro_server *server)
{
	if (!server)
		return -EINVAL;
	if (streams_are_foreign(server->streams))
		return -EPERM;
	return is_own(server) ? -EDEADLK : wait_until_idle(server);
}

int coro_server_serve_forever(struct coro_server *server)
{
	struct latch latch;
	int r = 0;
	if (!server)
		return -EINVAL;
	if (streams_are_foreign(server->streams))
		return -EPERM;
	while (r == 0 && !server->closed)
		r = waiters_wait(&server->changed, &latch);
	if (r < 0) {
		coro_server_close(server);
		return r;
	}
	return server->error;
}

/* How many. */
static int cancel_connections(struct coro_server *server)
{
	int cancelled = 0;
	server->cancelled = true;
	list_for_each(link, &server->connections)
		cancelled +=
			coro_cancel(container_of(link, struct connection, link)->watch.future) > 0;
	return cancelled;
}

static coro_async int wait_within(struct coro_server *server, int64_t grace)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin_site(NULL, &timeout, grace);
	if (r < 0)
		return r;
	return coro_timeout_end(&timeout, wait_until_idle(server));
}

int coro_server_shutdown(struct coro_server *server, int64_t grace)
{
	if (!server)
		return -EINVAL;
	if (!task_running() || streams_are_foreign(server->streams))
		return -EPERM;
	coro_server_close(server);
	int r = wait_within(server, grace);
	if (r == 0)
		return 0;
	int cancelled = cancel_connections(server);
	if (r == -ECANCELED)
		return r;
	r = wait_until_idle(server);
	return r < 0 ? r : cancelled;
}

int coro_server_destroy(struct coro_server *server)
{
	if (!server)
		return 0;
	if (!server->streams->ended && streams_are_foreign(server->streams))
		return -EPERM;
	if (!waiters_empty(&server->changed) && !server->streams->ended)
		return -EBUSY;
	if (!server->streams->ended)
		coro_server_close(server);
	server_unref(server);
	return 0;
}

void server_abandon(struct list *link)
{
	struct coro_server *server = container_of(link, struct coro_server, link);
	while (!list_empty(&server->connections)) {
		struct connection *connection =
			container_of(server->connections.next, struct connection, link);
		coro_future_unref(connection->watch.future);
		connection_free(connection);
	}
	for (size_t i = 0; i < server->count; i++) {
		socket_file_close(server->streams->loop, server->acceptors[i].fd);
		close(server->acceptors[i].fd);
	}
	for (size_t i = 0; i < PLACES; i++)
		if (server->acceptors[i].running)
			coro_future_unref(server->acceptors[i].watch.future);
	server->count = 0;
	server->closed = true;
	list_remove(&server->link);
	list_init(&server->link);
	if (server->tasks > 0)
		server_unref(server);
}
