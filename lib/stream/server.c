/* SPDX-License-Identifier: MIT */
/* Servers: starting, accepting, shutting down. A task accepts on each socket. */
#include "stream/server.h"

#include "base/memory.h"
#include "core/fail.h"
#include "coro/task.h"
#include "coro/timeout.h"
#include "io/fd.h"
#include "net/accept.h"
#include "net/address.h"
#include "net/socket_file.h"
#include "stream/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* -- life */

static void server_unref(struct coro_server *server)
{
	if (--server->refs > 0)
		return;
	list_remove(&server->link);
	streams_unref(server->streams);
	free(server);
}

int server_spawn(struct coro_server *server, const struct coro_options *options, coro_fn *fn,
		 void *arg, struct done_call *call, void (*done)(struct done_call *call))
{
	struct coro_loop *loop = server->streams->loop;
	struct sched *sched = sched_of(loop);
	struct coro_future *task;
	int r = sched_reserve(sched, 0, 1);
	if (r < 0)
		return r;
	r = coro_loop_spawn(loop, options, fn, arg, &task);
	if (r < 0) {
		sched_release(sched, 0, 1);
		return r;
	}
	done_call_add(call, task, done);
	server->tasks++;
	server->refs++;
	return 0;
}

void server_changed(struct coro_server *server)
{
	waiters_wake(&server->changed, SIZE_MAX);
}

void server_release(struct coro_server *server)
{
	sched_release(sched_of(server->streams->loop), 0, 1);
	server_changed(server);
	server_unref(server);
}

void server_report(const struct coro_server *server, int error, const char *message)
{
	if (error < 0 && error != -ECANCELED && server->options.failed)
		server->options.failed(error, message ? message : coro_strerror(error),
				       server->arg);
}

/* -- accepting */

static const struct wait_kind waiting_for_room = {.leave = waiter_leave,
						  .what = "a server, for a connection's end"};
static const struct wait_kind closing = {.leave = waiter_leave,
					 .what = "a server, to be closed",
					 .call = "coro_server_wait_closed, _serve_forever"};

static coro_async int wait_for_room(struct coro_server *server)
{
	size_t most = server->options.max_connections;
	struct waiter waiter;
	int r = 0;
	while (r == 0 && most && server->served_count >= most && !server->closed)
		r = waiters_wait(&server->changed, &waiter, &waiting_for_room);
	return r;
}

/* accept has failed and is tried each second. Reports this once until the next connection. */
static void acceptor_pauses(int error, void *arg)
{
	struct acceptor *acceptor = arg;
	struct coro_server *server = acceptor->server;
	struct coro_report what = {
		.message = accept_lacks_room(error) ? "socket.accept() out of system resource"
						    : "socket.accept() failed",
		.error = error,
		.error_message = coro_strerror(error),
	};
	if (acceptor->pauses)
		return;
	acceptor->pauses = true;
	if (server->options.failed)
		server_report(server, error, what.message);
	else
		coro_loop_call_exception_handler(server->streams->loop, &what);
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
		r = connection_serve(server, fd);
		server_report(server, r, coro_message(r));
	}
}

/* An acceptor has ended. If the server was not closed, it failed, and the server is closed. */
static void acceptor_done(struct done_call *done)
{
	struct acceptor *acceptor = container_of(done, struct acceptor, done);
	struct coro_server *server = acceptor->server;
	int r = coro_future_result(done->future, NULL);
	acceptor->running = false;
	if (!server->closed) {
		server->error = r;
		coro_server_close(server);
	}
	coro_future_unref(done->future);
	server->tasks--;
	server_release(server);
}

static void close_sockets(struct coro_server *server)
{
	for (size_t i = 0; i < server->count; i++) {
		struct acceptor *acceptor = &server->acceptors[i];
		socket_file_close(server->streams->loop,
				  acceptor->fd); /* even if it does not run */
		coro_fd_close(acceptor->fd);
		if (acceptor->running)
			coro_cancel(acceptor->done.future);
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
		int r = server_spawn(server, &options, acceptor_run, acceptor, &acceptor->done,
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
	int r = streams_of(sched_loop(thread_current->sched), &streams);
	struct coro_server *server = r == 0 ? memory_alloc(sizeof(*server)) : NULL;
	if (!server)
		return -ENOMEM;
	*server = (struct coro_server){
		.streams = streams, .refs = 1, .fn = fn, .arg = arg, .options = *options};
	streams->refs++;
	list_init(&server->served);
	list_init(&server->leaving);
	list_append(&streams->servers, &server->link);
	waiters_init(&server->changed);
	*ret = server;
	return 0;
}

static bool options_are_valid(const struct coro_server_options *options)
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
	if (!address || !fn || !ret || !options_are_valid(options))
		return fail_with(-EINVAL,
				 "coro_server_start: address, fn, ret or an option is wrong");
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
	resource_begin(sched_of(server->streams->loop), &server->resource, site);
	*ret = server;
	return 0;
}

/* -- its sockets and connections */

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
	return server ? server->served_count + server->arriving_count : 0;
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
	server_changed(server);
	return 0;
}

/* Waits until the server is closed and all handlers have returned. */
static coro_async int wait_for_tasks(struct coro_server *server)
{
	struct waiter waiter;
	int r = 0;
	while (r == 0 && (!server->closed || server->tasks > 0))
		r = waiters_wait(&server->changed, &waiter, &closing);
	return r;
}

/* Waits until, besides, all that they have written has arrived or is lost. */
static coro_async int wait_until_idle(struct coro_server *server)
{
	struct waiter waiter;
	int r = wait_for_tasks(server);
	while (r == 0 && (server->tasks > 0 || server->arriving_count > 0))
		r = waiters_wait(&server->changed, &waiter, &closing);
	return r;
}

int coro_server_wait_closed(struct coro_server *server)
{
	if (!server)
		return fail_with(-EINVAL, "coro_server_wait_closed: server is NULL");
	if (streams_are_foreign(server->streams))
		return fail_with(-EPERM, "coro_server_wait_closed: it is another thread's");
	return connections_include_caller(server)
		       ? fail_with(-EDEADLK,
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
		r = waiters_wait(&server->changed, &waiter, &closing);
	if (r < 0) {
		coro_server_close(server);
		return r;
	}
	return server->error;
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
	int cancelled = connections_cancel(server);
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

void server_discard(struct list *link)
{
	struct coro_server *server = container_of(link, struct coro_server, link);
	server->refs++;
	connections_discard(server);
	for (size_t i = 0; i < server->count; i++) {
		socket_file_close(server->streams->loop, server->acceptors[i].fd);
		close(server->acceptors[i].fd);
	}
	for (size_t i = 0; i < PLACES; i++) {
		if (!server->acceptors[i].running)
			continue;
		coro_future_unref(server->acceptors[i].done.future);
		server->refs--;
	}
	server->count = 0;
	server->served_count = server->leaving_count = server->arriving_count = 0;
	server->closed = true;
	list_remove(&server->link);
	server_unref(server);
}
