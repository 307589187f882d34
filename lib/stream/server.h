/* SPDX-License-Identifier: MIT */
/*
 * A server from inside: server.c starts and ends it and accepts on its sockets, connection.c runs
 * its connections.
 */
#ifndef STREAM_SERVER_H
#define STREAM_SERVER_H

#include "net/address.h"
#include "stream/stream.h"

/* A listening socket, and the task that accepts on it. */
struct acceptor {
	struct coro_server *server;
	struct done_call done; /* of its task */
	int fd;
	bool running;
	bool pauses; /* accept has failed since the last connection */
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
	struct list served; /* connections whose handler runs */
	size_t served_count;
	struct list leaving; /* connections whose handler has returned and whose stream lingers */
	size_t leaving_count;
	size_t arriving_count; /* of those leaving: not all that was written has arrived */
	bool closed;
	int error;                   /* of the acceptor that failed */
	struct coro_waiters changed; /* tasks that wait for its end or for fewer connections */
	size_t count;
	struct acceptor acceptors[PLACES];
};

/*
 * Spawns a task and has `done` called at its end. Holds a reference and the room for that call in
 * the loop until server_release. Returns 0 or an error.
 */
int server_spawn(struct coro_server *server, const struct coro_options *options, coro_fn *fn,
		 void *arg, struct done_call *call, void (*done)(struct done_call *call));
void server_release(struct coro_server *server);

/* Wakes all who wait for a change of the server. */
void server_changed(struct coro_server *server);

/* Gives an error to the server's `failed`, if it has one and this is not a cancellation. */
void server_report(const struct coro_server *server, int error, const char *message);

/* The loop is closed, and the tasks of the server that has this link are gone. */
void server_discard(struct list *link);

/* Runs the handler for an fd in a task of its own. Returns 0, or an error with the fd closed. */
int connection_serve(struct coro_server *server, int fd);

/* Whether the running task is the handler of one of the server's connections. */
bool connections_include_caller(const struct coro_server *server);

/* Cancels the handlers that run, and returns how many. */
int connections_cancel(struct coro_server *server);

/* Frees all connections after the loop was closed, when their streams are closed. */
void connections_discard(struct coro_server *server);

#endif
