/* SPDX-License-Identifier: MIT */
/* The connections of a server: each has a task that runs the handler, then a stream that lingers. */
#include "base/memory.h"
#include "core/fail.h"
#include "coro/task.h"
#include "stream/server.h"
#include "task/report.h"

#include <errno.h>
#include <stdlib.h>

struct connection {
	struct list link; /* in server->served, then in leaving */
	struct coro_server *server;
	struct coro_stream *stream;
	struct done_call done; /* of its task */
	struct call end;       /* frees it when it has left; uses the room of `done` in the loop */
	bool arriving;         /* leaving: not all that was written has arrived */
};

/* -- leaving */

static void connection_free(struct connection *connection)
{
	list_remove(&connection->link);
	coro_stream_destroy(connection->stream);
	free(connection);
}

/* Frees the connection, once no task that the handler has left behind waits for the stream. */
static void end_leaving(struct call *call)
{
	struct connection *connection = container_of(call, struct connection, end);
	struct coro_server *server = connection->server;
	if (stream_is_waited_for(connection->stream)) {
		call_push(sched_of(server->streams->loop), call);
		return;
	}
	server->leaving_count--;
	connection_free(connection);
	server_release(server);
}

static void connection_moved(struct coro_stream *stream)
{
	struct connection *connection = stream->owner;
	struct coro_server *server = connection->server;
	if (server->streams->ended)
		return;
	if (connection->arriving && stream_is_gone(stream)) {
		connection->arriving = false;
		server->arriving_count--;
		server_changed(server);
	}
	if (stream->closed && !stream->lingering) {
		stream->moved = NULL;
		call_push(sched_of(server->streams->loop), &connection->end);
	}
}

/* max_connections bounds those that leave, too: the oldest beyond it are aborted. */
static void limit_leaving(struct coro_server *server)
{
	size_t most = server->options.max_connections;
	size_t over = most && server->leaving_count > most ? server->leaving_count - most : 0;
	for (struct list *link = server->leaving.next; over > 0; link = link->next) {
		coro_stream_abort(container_of(link, struct connection, link)->stream);
		over--;
	}
}

/*
 * The handler has returned. Its stream is closed: what it has written is sent, and the stream
 * lingers. If the handler has failed without closing the stream, the stream is reset, so that the
 * peer does not take a part of the answer for all of it.
 */
static void connection_leave(struct connection *connection, int result)
{
	struct coro_server *server = connection->server;
	struct coro_stream *stream = connection->stream;
	list_remove(&connection->link);
	list_append(&server->leaving, &connection->link);
	server->served_count--;
	server->leaving_count++;
	connection->arriving = true;
	server->arriving_count++;
	stream->moved = connection_moved;
	stream->owner = connection;
	if (result < 0 && result != -ECANCELED && !stream->closing)
		coro_stream_abort(stream);
	coro_stream_close(stream);
	if (stream->moved)
		connection_moved(stream); /* it may have been closed before */
	limit_leaving(server);
}

/* -- serving */

static int connection_run(void *arg)
{
	const struct connection *connection = arg;
	return connection->server->fn(connection->stream, connection->server->arg);
}

/* Called when the task has ended or was cancelled before it began. */
static void connection_done(struct done_call *done)
{
	struct connection *connection = container_of(done, struct connection, done);
	struct coro_server *server = connection->server;
	struct coro_future *task = done->future;
	int r = coro_future_result(task, NULL);
	if (server->options.failed)
		server_report(server, r, coro_future_message(task));
	else if (r < 0 && r != -ECANCELED)
		report_future(task, "Unhandled exception in client_connected_cb");
	coro_future_unref(task);
	server->tasks--;
	connection_leave(connection, r);
	server_changed(server);
}

int connection_serve(struct coro_server *server, int fd)
{
	struct connection *connection = memory_alloc(sizeof(*connection));
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
	connection->end = (struct call){.run = end_leaving, .position = CALL_IDLE};
	list_append(&server->served, &connection->link);
	server->served_count++;
	r = server_spawn(server, &options, connection_run, connection, &connection->done,
			 connection_done);
	if (r < 0) {
		server->served_count--;
		coro_stream_abort(connection->stream);
		connection_free(connection);
	}
	return r;
}

/* -- all of a server */

bool connections_include_caller(const struct coro_server *server)
{
	const struct coro_future *task = coro_current_task();
	list_for_each(link, &server->served)
		if (task && container_of(link, struct connection, link)->done.future == task)
			return true;
	return false;
}

int connections_cancel(struct coro_server *server)
{
	int cancelled = 0;
	list_for_each(link, &server->served)
		cancelled +=
			coro_cancel(container_of(link, struct connection, link)->done.future) > 0;
	return cancelled;
}

void connections_discard(struct coro_server *server)
{
	while (!list_empty(&server->served)) {
		struct connection *connection =
			container_of(server->served.next, struct connection, link);
		coro_future_unref(connection->done.future);
		connection_free(connection);
		server->refs--;
	}
	while (!list_empty(&server->leaving)) {
		connection_free(container_of(server->leaving.next, struct connection, link));
		server->refs--;
	}
}
