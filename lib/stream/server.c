/* SPDX-License-Identifier: MIT */
/* Servers: a task that accepts for each socket, a task for each connection. */
#include "stream/server.h"

#include "core/fail.h"
#include "coro/task.h"
#include "coro/timeout.h"
#include "io/fd.h"
#include "loop/exception.h"
#include "net/accept.h"
#include "net/address.h"
#include "net/socket_file.h"
#include "stream/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A socket, and the task that accepts on it. */
struct acceptor {
	struct coro_server *server;
	struct done_call watch; /* of its task */
	int fd;
	bool running;
	bool pauses; /* it has told so since it last had a connection */
};

/* While its handler runs it is served; then it leaves, until its stream has lingered. */
struct connection {
	struct list link; /* in server->connections, or leaving */
	struct coro_server *server;
	struct coro_stream *stream;
	struct done_call watch; /* of its task */
	struct call call;       /* which ends it then; in the room of the other's */
	bool arriving;          /* of one that leaves: what was written is on its way */
};

struct coro_server {
	struct streams *streams;
	struct list link; /* in streams->servers */
	struct resource resource;
	unsigned refs;  /* the owner's; one for each acceptor and connection */
	unsigned tasks; /* acceptors, and handlers that run */
	coro_stream_fn *fn;
	void *arg;
	struct coro_server_options options;
	struct list connections;
	size_t live; /* how many */
	struct list leaving;
	size_t left;     /* how many */
	size_t arriving; /* how many of these */
	bool closed;
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

/* Spawns and watches a task; the room for its call in the loop is kept until release. */
static int watch_task(struct coro_server *server, const struct coro_options *options, coro_fn *fn,
		      void *arg, struct done_call *watch, void (*done)(struct done_call *watch))
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
	done_call_add(watch, task, done);
	server->tasks++;
	server->refs++;
	return 0;
}

static void changed(struct coro_server *server)
{
	waiters_wake(&server->changed, SIZE_MAX);
}

/* The last thing that an acceptor or a connection does. */
static void release(struct coro_server *server)
{
	loop_release(server->streams->loop, 0, 1);
	changed(server);
	server_unref(server);
}

static void report(const struct coro_server *server, int error, const char *message)
{
	if (error < 0 && error != -ECANCELED && server->options.failed)
		server->options.failed(error, message ? message : coro_strerror(error),
				       server->arg);
}

/* -- connections that leave */

static void connection_free(struct connection *connection)
{
	list_remove(&connection->link);
	coro_stream_destroy(connection->stream);
	free(connection);
}

/*
 * Tasks that the handler has left waiting for the stream are woken; they leave before it is freed.
 */
static void end_leaving(struct call *call)
{
	struct connection *connection = container_of(call, struct connection, call);
	struct coro_server *server = connection->server;
	if (stream_is_waited_for(connection->stream)) {
		call_push(server->streams->loop, call);
		return;
	}
	server->left--;
	connection_free(connection);
	release(server);
}

static void connection_moved(struct coro_stream *stream)
{
	struct connection *connection = stream->owner;
	struct coro_server *server = connection->server;
	if (server->streams->ended)
		return;
	if (connection->arriving && stream_is_gone(stream)) {
		connection->arriving = false;
		server->arriving--;
		changed(server);
	}
	if (stream->closed && !stream->lingering) {
		stream->moved = NULL;
		call_push(server->streams->loop, &connection->call);
	}
}

/* With a limit, at most as many may leave as may be served, so that they do not keep others out. */
static void limit_leaving(struct coro_server *server)
{
	size_t most = server->options.max_connections;
	size_t over = most && server->left > most ? server->left - most : 0;
	for (struct list *link = server->leaving.next; over > 0; link = link->next) {
		coro_stream_abort(container_of(link, struct connection, link)->stream);
		over--;
	}
}

/*
 * The handler has returned. What it has written goes out, and the stream lingers. If it has failed,
 * and has not closed the stream itself, the peer gets an error, so that it does not take a part for
 * all.
 */
static void connection_leave(struct connection *connection, int result)
{
	struct coro_server *server = connection->server;
	struct coro_stream *stream = connection->stream;
	list_remove(&connection->link);
	list_append(&server->leaving, &connection->link);
	server->live--;
	server->left++;
	connection->arriving = true;
	server->arriving++;
	stream->moved = connection_moved;
	stream->owner = connection;
	if (result < 0 && result != -ECANCELED && !stream->closing)
		coro_stream_abort(stream);
	coro_stream_close(stream);
	if (stream->moved)
		connection_moved(stream); /* before, perhaps */
	limit_leaving(server);
}

/* -- connections that are served */

static int connection_run(void *arg)
{
	const struct connection *connection = arg;
	return connection->server->fn(connection->stream, connection->server->arg);
}

/* Its task has ended, or never began. */
static void connection_done(struct done_call *watch)
{
	struct connection *connection = container_of(watch, struct connection, watch);
	struct coro_server *server = connection->server;
	struct coro_future *task = watch->future;
	int r = coro_future_result(task, NULL);
	if (server->options.failed)
		report(server, r, coro_future_message(task));
	else if (r < 0 && r != -ECANCELED)
		report_future(task, "Unhandled exception in client_connected_cb");
	coro_future_unref(task);
	server->tasks--;
	connection_leave(connection, r);
	changed(server);
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
	int r = stream_open(fd, &server->options.stream, &connection->stream);
	if (r < 0) {
		coro_fd_close(fd);
		free(connection);
		return r;
	}
	connection->server = server;
	connection->call = (struct call){.run = end_leaving, .position = CALL_IDLE};
	list_append(&server->connections, &connection->link);
	server->live++;
	r = watch_task(server, &options, connection_run, connection, &connection->watch,
		       connection_done);
	if (r < 0) {
		server->live--;
		coro_stream_abort(connection->stream);
		connection_free(connection);
	}
	return r;
}

/* -- accepting */

static const struct wait_kind changing = {.leave = waiter_leave,
					  .what = "a server",
					  .call = "coro_server_wait_closed, _serve_forever"};

static coro_async int wait_for_room(struct coro_server *server)
{
	size_t most = server->options.max_connections;
	struct waiter waiter;
	int r = 0;
	while (r == 0 && most && server->live >= most && !server->closed)
		r = waiters_wait(&server->changed, &waiter, &changing);
	return r;
}

/* Reports the error once, until there is a connection again; accept is tried each second. */
static void acceptor_pauses(int error, void *arg)
{
	struct acceptor *acceptor = arg;
	struct coro_server *server = acceptor->server;
	struct coro_report told = {
		.message = accept_lacks_room(error) ? "socket.accept() out of system resource"
						    : "socket.accept() failed",
		.error = error,
		.error_message = coro_strerror(error),
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

/* An acceptor that failed closes the server. */
static void acceptor_done(struct done_call *watch)
{
	struct acceptor *acceptor = container_of(watch, struct acceptor, watch);
	struct coro_server *server = acceptor->server;
	int r = coro_future_result(watch->future, NULL);
	acceptor->running = false;
	if (!server->closed) {
		server->error = r;
		coro_server_close(server);
	}
	coro_future_unref(watch->future);
	server->tasks--;
	release(server);
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
	list_init(&server->leaving);
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

int coro_server_start_at(const char *site, const char *address,
			 const struct coro_server_options *options, coro_stream_fn *fn, void *arg,
			 struct coro_server **ret)
{
	static const struct coro_server_options defaults;
	struct coro_server *server;
	int fds[PLACES];
	options = options ? options : &defaults;
	if (!address || !fn || !ret || !are_possible(options))
		return fail_with(-EINVAL, "coro_server_start: an argument that cannot be");
	if (!task_running())
		return fail_with(-EPERM, "coro_server_start: not in a task");
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
	server->resource = (struct resource){.taken = "server started", .undone = "destroyed"};
	resource_begin(server->streams->loop, &server->resource, site);
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

int coro_server_address(const struct coro_server *server, char *ret, size_t size)
{
	if (!server)
		return fail_with(-EINVAL, "coro_server_address: the server is NULL");
	return server->closed || server->count == 0
		       ? fail_expected(-EBADF, "coro_server_address: the server is closed")
		       : coro_getsockname(server->acceptors[0].fd, ret, size);
}

size_t coro_server_connections(const struct coro_server *server)
{
	return server ? server->live + server->arriving : 0;
}

/* -- the end */

int coro_server_close(struct coro_server *server)
{
	if (!server)
		return fail_with(-EINVAL, "coro_server_close: server is NULL");
	if (streams_are_foreign(server->streams))
		return fail_with(-EPERM, "coro_server_close: it is another thread's");
	if (server->closed)
		return 0;
	server->closed = true;
	close_sockets(server);
	changed(server);
	return 0;
}

/* Until all handlers have returned. */
static coro_async int wait_for_tasks(struct coro_server *server)
{
	struct waiter waiter;
	int r = 0;
	while (r == 0 && (!server->closed || server->tasks > 0))
		r = waiters_wait(&server->changed, &waiter, &changing);
	return r;
}

/* And what they have written has arrived, or is lost. */
static coro_async int wait_until_idle(struct coro_server *server)
{
	struct waiter waiter;
	int r = wait_for_tasks(server);
	while (r == 0 && (server->tasks > 0 || server->arriving > 0))
		r = waiters_wait(&server->changed, &waiter, &changing);
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
		return fail_with(-EINVAL, "coro_server_wait_closed: server is NULL");
	if (streams_are_foreign(server->streams))
		return fail_with(-EPERM, "coro_server_wait_closed: it is another thread's");
	return is_own(server) ? fail_with(-EDEADLK,
					  "coro_server_wait_closed: it would wait for the caller")
			      : wait_until_idle(server);
}

int coro_server_serve_forever(struct coro_server *server)
{
	struct waiter waiter;
	int r = 0;
	if (!server)
		return fail_with(-EINVAL, "coro_server_serve_forever: server is NULL");
	if (streams_are_foreign(server->streams))
		return fail_with(-EPERM, "coro_server_serve_forever: it is another thread's");
	while (r == 0 && !server->closed)
		r = waiters_wait(&server->changed, &waiter, &changing);
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
		return fail_with(-EINVAL, "coro_server_shutdown: server is NULL");
	if (!task_running() || streams_are_foreign(server->streams))
		return fail_with(-EPERM, "coro_server_shutdown: not in a task");
	coro_server_close(server);
	int r = wait_within(server, grace);
	if (r == 0)
		return 0;
	int cancelled = cancel_connections(server);
	if (r == -ECANCELED)
		return r;
	r = wait_for_tasks(server);
	return r < 0 ? r : cancelled;
}

int coro_server_destroy(struct coro_server *server)
{
	if (!server)
		return 0;
	if (!server->streams->ended && streams_are_foreign(server->streams))
		return fail_with(-EPERM, "coro_server_destroy: it is another thread's");
	if (!waiters_empty(&server->changed) && !server->streams->ended)
		return fail_with(-EBUSY, "coro_server_destroy: it is in use");
	if (!server->streams->ended)
		coro_server_close(server);
	resource_end(&server->resource);
	server_unref(server);
	return 0;
}

/* All streams are closed. */
static void discard_connections(struct coro_server *server)
{
	while (!list_empty(&server->connections)) {
		struct connection *connection =
			container_of(server->connections.next, struct connection, link);
		coro_future_unref(connection->watch.future);
		connection_free(connection);
		server->refs--;
	}
	while (!list_empty(&server->leaving)) {
		connection_free(container_of(server->leaving.next, struct connection, link));
		server->refs--;
	}
}

void server_discard(struct list *link)
{
	struct coro_server *server = container_of(link, struct coro_server, link);
	server->refs++;
	discard_connections(server);
	for (size_t i = 0; i < server->count; i++) {
		socket_file_close(server->streams->loop, server->acceptors[i].fd);
		close(server->acceptors[i].fd);
	}
	for (size_t i = 0; i < PLACES; i++) {
		if (!server->acceptors[i].running)
			continue;
		coro_future_unref(server->acceptors[i].watch.future);
		server->refs--;
	}
	server->count = 0;
	server->live = server->left = server->arriving = 0;
	server->closed = true;
	list_remove(&server->link);
	list_init(&server->link);
	server_unref(server);
}
