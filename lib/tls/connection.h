/* SPDX-License-Identifier: MIT */
/*
 * A connection: OpenSSL between a stream and the transport that the stream had before, `below`.
 *
 *	stream -- read --> SSL_read  <-- read ------- below
 *	       -- write -> SSL_write --> out -- write -->
 *
 * OpenSSL reads from below itself. What it writes is collected in `out`, which always has room, and
 * is written from there. So OpenSSL never waits for writing, not even when a read makes it answer.
 */
#ifndef TLS_CONNECTION_H
#define TLS_CONNECTION_H

#include "tls/buffer.h"
#include "tls/context.h"
#include "tls/failure.h"

struct connection {
	struct coro_tls_context *context;
	struct coro_tls_context *chosen; /* for the host name that the client sent; or NULL */
	SSL *ssl;
	const struct coro_transport *below; /* NULL: not attached to a stream yet */
	void *arg;                          /* for the calls of `below` */

	struct buffer early; /* bytes that came before TLS began */
	struct buffer out;   /* encrypted, not yet written */

	int read_error;    /* of `below` */
	int write_error;   /* of `below`; nothing can be written any more */
	int error;         /* of TLS; the connection is broken */
	char message[160]; /* of that error */
	bool cut;          /* `below` is at its end */
	bool shaking;      /* a task is in the handshake and uses this */
	bool established;
	bool closed;        /* the handshaking task frees it */
	bool leaving;       /* close_notify is to be sent or was sent */
	bool parting;       /* `out` holds only close_notify */
	bool wants_reading; /* OpenSSL must read before it can write */
	int64_t pause;      /* before the next try to write then */

	size_t taken; /* bytes that OpenSSL has read in the running call */
	bool held;    /* it wanted more than it may have in one call */

	char alpn[256];
};

extern const struct coro_transport connection_transport;

/* OpenSSL's table of functions to read and write. NULL without memory. */
BIO_METHOD *connection_method(void);

/* Makes a connection that is not attached to a stream. Returns 0 or -ENOMEM. */
int connection_create(struct coro_tls_context *context, struct connection **ret);

void connection_destroy(struct connection *connection);

/* The connection of a stream. NULL if it does not use TLS. */
struct connection *connection_of(const struct coro_stream *stream);

/* To be called before each call of OpenSSL. */
static inline void connection_begin_call(struct connection *connection)
{
	failure_forget();
	connection->taken = 0;
	connection->held = false;
}

/* Waits until reading or writing is worth another try. The transport's `wait`. */
coro_async int connection_wait(void *arg, bool writing);

/* The connection is broken by this error, whose message is the caller's. Returns it. */
int connection_fail(struct connection *connection, int error);

/* Fails with the error that broke the connection. */
int connection_error(const struct connection *connection);

/* Writes `out`. Returns 0, -EAGAIN if not all goes now, or an error. */
int connection_push(struct connection *connection);

/*
 * Translates a failed result of OpenSSL. Returns 0 if the peer has sent close_notify, -EAGAIN if
 * OpenSSL needs more bytes from below, or an error, which has a message.
 */
int connection_result(struct connection *connection, int result);

#endif
