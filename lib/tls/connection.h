/* SPDX-License-Identifier: MIT */
/*
 * A connection: OpenSSL between a stream and what carried its bytes before.
 *
 *	stream -- read --> SSL_read  <-- read ------- below
 *	       -- write -> SSL_write --> out -- write -->
 *
 * OpenSSL reads from below itself. What it writes is gathered in `out`, which always has room, and
 * goes on from there: so it never has to wait for writing, and a read that makes it answer something
 * is a read like any other.
 */
#ifndef TLS_CONNECTION_H
#define TLS_CONNECTION_H

#include "tls/buffer.h"
#include "tls/context.h"
#include "tls/failure.h"

struct connection {
	struct coro_tls_context *context;
	struct coro_tls_context *chosen; /* by the host that was asked for; or NULL */
	SSL *ssl;
	const struct coro_transport *below; /* NULL: it is not a stream's yet */
	void *arg;                          /* its calls' */

	struct buffer early; /* came before TLS began */
	struct buffer out;   /* encrypted, but not written */

	int read_error;    /* of the transport below */
	int write_error;   /* the same; nothing can be written any more */
	int error;         /* nothing can be done any more */
	char message[160]; /* its message */
	bool cut;          /* the bytes from below have ended */
	bool shaking;      /* in the handshake, a task of which uses this */
	bool established;
	bool closed;        /* but for that task */
	bool leaving;       /* the goodbye is to be said, or was */
	bool parting;       /* all that `out` holds is the goodbye */
	bool wants_reading; /* writing can go on only after something was read */
	int64_t pause;      /* so long until it is tried again then */

	size_t taken; /* from below, by this call of OpenSSL's */
	bool held;    /* it wanted more, and was not given it */

	char alpn[256];
};

extern const struct coro_transport connection_transport;

/* How OpenSSL reads and writes; NULL without memory. */
BIO_METHOD *connection_method(void);

/* One that lies on top of nothing yet: 0 or -ENOMEM. */
int connection_create(struct coro_tls_context *context, struct connection **ret);

void connection_destroy(struct connection *connection);

/* The stream's, NULL if it has none. */
struct connection *connection_of(const struct coro_stream *stream);

/* Before a call of OpenSSL's. */
static inline void connection_begin_call(struct connection *connection)
{
	failure_forget();
	connection->taken = 0;
	connection->held = false;
}

/* The transport's: waits until reading, or writing, is worth another try. */
coro_async int connection_wait(void *arg, bool writing);

/* Nothing can be done any more, for this error, which was raised: returns it. */
int connection_fail(struct connection *connection, int error);

/* Its error, raised once more. */
int connection_error(const struct connection *connection);

/* Writes what there is to be written: 0; -EAGAIN: not all goes now; or an error. */
int connection_push(struct connection *connection);

/*
 * What a call of OpenSSL's comes to that returned this, not being a success: 0: the peer writes no
 * more; -EAGAIN: it needs more bytes from below; or the error, raised.
 */
int connection_result(struct connection *connection, int result);

#endif
