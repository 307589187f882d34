/* SPDX-License-Identifier: MIT */
/* Starting TLS on a stream. */
#include "coro/coroutine.h"
#include "coro/defer.h"
#include "coro/task.h"
#include "coro/timeout.h"
#include "tls/connection.h"
#include "tls/failure.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

enum { HOST_SIZE = 256 };

/* -- the host */

static bool is_address(const char *host)
{
	unsigned char address[16];
	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* Copies the host without a final dot, and without the interface of an IPv6 address. */
static int copy_host(const char *host, char ret[static HOST_SIZE])
{
	size_t length = strcspn(host, "%");
	bool cut = host[length] != '\0';
	if (length > 1 && host[length - 1] == '.')
		length--;
	if (length == 0 || length >= HOST_SIZE)
		return -EINVAL;
	memcpy(ret, host, length);
	ret[length] = '\0';
	return cut && !is_address(ret) ? -EINVAL : 0;
}

/* Sends the host name and has the certificate checked for it. Returns 0, -EINVAL or -ENOMEM. */
static int set_host(const struct connection *connection, const char *name)
{
	enum { UNCHECKED = CORO_TLS_NO_VERIFY | CORO_TLS_NO_HOST_CHECK };
	SSL *ssl = connection->ssl;
	bool checked = !(connection->context->flags & UNCHECKED);
	char host[HOST_SIZE];
	if (!name)
		return checked ? failure_misuse(
					 "coro_tls_connect: host is NULL, and is to be checked")
			       : 0;
	if (copy_host(name, host) < 0)
		return coro_raise_at(NULL, -EINVAL, "%s is no host", name);
	if (host[0] == '.') /* to OpenSSL it would stand for all below */
		return coro_raise_at(NULL, checked ? CORO_UNTRUSTED : -EINVAL, "%s is no host",
				     name);
	bool address = is_address(host);
	if (!address && SSL_set_tlsext_host_name(ssl, host) != 1)
		return -ENOMEM;
	if (!checked)
		return 0;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
				       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 ? 0 : -ENOMEM;
	return SSL_set1_host(ssl, host) == 1 ? 0 : -ENOMEM;
}

/* -- the handshake */

/* connection_wait for the handshake. Returns -EPIPE if the connection was closed meanwhile. */
static coro_async int wait_below(struct connection *connection, bool writing)
{
	int r = connection_wait(connection, writing);
	return r != -ECANCELED && connection->closed ? -EPIPE : r;
}

static coro_async int send_all(struct connection *connection)
{
	int r;
	while ((r = connection_push(connection)) == -EAGAIN) {
		r = wait_below(connection, true);
		if (r < 0)
			return r;
	}
	return r;
}

/* The handshake has failed. The cause may be the peer's certificate. */
static int explain(struct connection *connection, int result)
{
	long verdict = SSL_get_verify_result(connection->ssl);
	if (!failure_is_distrust())
		return connection_result(connection, result);
	failure_forget();
	if (verdict == X509_V_ERR_OUT_OF_MEM)
		return connection->error = -ENOMEM;
	return connection_fail(connection,
			       coro_raise_at(NULL, CORO_UNTRUSTED, "TLS: %s",
					     verdict == X509_V_OK
						     ? "there is no certificate"
						     : X509_verify_cert_error_string(verdict)));
}

/*
 * Writes the session tickets that end a TLS 1.3 server's handshake, without waiting for it: the
 * client may not read yet, or may have sent all it had and be gone.
 */
static bool is_done_before_it_is_sent(const struct connection *connection)
{
	return connection->context->server && SSL_version(connection->ssl) >= TLS1_3_VERSION;
}

static coro_async int shake_hands(struct connection *connection)
{
	for (;;) {
		connection_begin_call(connection);
		int done = SSL_do_handshake(connection->ssl);
		int r = done == 1 ? 0 : explain(connection, done);
		if (done != 1 && r == 0)
			r = coro_raise_at(NULL, -EPROTO, "TLS: the peer has closed the connection");
		if (r < 0 && r != -EAGAIN)
			return r; /* what is to be said to the peer goes when it is closed */
		if (r == 0 && is_done_before_it_is_sent(connection)) {
			connection_push(connection);
			return 0;
		}
		int sent = send_all(connection);
		if (sent < 0 || r == 0)
			return sent;
		r = wait_below(connection, false);
		if (r < 0)
			return r;
	}
}

static void remember_alpn(struct connection *connection)
{
	const unsigned char *name;
	unsigned length;
	SSL_get0_alpn_selected(connection->ssl, &name, &length);
	if (length < sizeof(connection->alpn))
		memcpy(connection->alpn, name ? name : (const unsigned char *)"", length);
}

/* -- attaching to a stream */

/* Puts the connection under the stream, with the bytes that it has buffered. Returns 0 or an error. */
static int insert(struct connection *connection, struct coro_stream *stream)
{
	const char *bytes;
	void *arg;
	const struct coro_transport *below = coro_stream_transport(stream, &arg);
	ssize_t there = coro_stream_peek(stream, 0, &bytes);
	int r = !below ? -EPIPE : there < 0 ? (int)there : 0;
	if (r == 0 && there > 0)
		r = buffer_add(&connection->early, bytes, (size_t)there);
	if (r == 0)
		r = coro_stream_set_transport(stream, &connection_transport, connection);
	if (r < 0)
		return r;
	connection->below = below;
	connection->arg = arg;
	coro_stream_consume(stream, (size_t)there);
	return 0;
}

/* Makes the handshake, within the context's time. */
static coro_async int establish(struct connection *connection, struct coro_stream *stream)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin_site(NULL, &timeout, connection->context->timeout);
	if (r < 0)
		return r;
	r = coro_stream_flush(stream);
	if (r == 0)
		r = insert(connection, stream);
	if (r == 0)
		r = shake_hands(connection);
	bool canceled = r == -ECANCELED;
	r = coro_timeout_end(&timeout, r);
	return canceled && r == -ETIMEDOUT
		       ? coro_raise_at(NULL, r, "TLS: the handshake took too long")
		       : r;
}

/* The handshake has failed. Closes the stream; after a cancellation or timeout with a reset. */
static void give_up(const struct connection *connection, struct coro_stream *stream, int error)
{
	char none;
	/* Have the stream learn of the error by a read, so that a reader does not see an end of file. */
	if (connection->below && connection->error && coro_stream_read(stream, &none, 1) >= 0)
		return; /* not reached: a broken connection fails reads */
	if (error == -ECANCELED || error == -ETIMEDOUT)
		coro_stream_abort(stream);
	else if (connection->below)
		coro_stream_close(stream);
}

/* The handshake is over. Returns whether the connection still exists. */
static bool let_go(struct connection *connection)
{
	connection->shaking = false;
	if (connection->below && !connection->closed)
		return true;
	connection_destroy(connection);
	return false;
}

/* The task in the handshake was discarded. */
static void forsake(void *connection)
{
	let_go(connection);
}

static coro_async int start(struct connection *connection, struct coro_stream *stream)
{
	connection->shaking = true;
	int r = coro_defer(forsake, connection);
	if (r < 0) {
		let_go(connection);
		return r;
	}
	r = establish(connection, stream);
	coro_undefer(forsake, connection);
	if (connection->closed) {
		let_go(connection); /* and the stream may be gone as well */
		return r < 0 ? r : -EPIPE;
	}
	if (r == 0) {
		connection->established = true;
		remember_alpn(connection);
	} else {
		give_up(connection, stream, r);
	}
	let_go(connection);
	return r;
}

/* Starts TLS as a client or server, all but the host name. */
static int prepare(const struct coro_stream *stream, struct coro_tls_context *context, bool server,
		   struct connection **ret)
{
	if (!stream || !context)
		return failure_misuse("TLS: the stream or the context is NULL");
	if (context->server != server)
		return failure_misuse(server ? "coro_tls_accept: a context for clients"
					     : "coro_tls_connect: a context for servers");
	if (!coro_current_task())
		return coro_raise_at(NULL, -EPERM, "TLS: not in a task");
	return connection_create(context, ret);
}

int coro_tls_connect(struct coro_stream *stream, struct coro_tls_context *context, const char *host)
{
	struct connection *connection;
	int r = prepare(stream, context, false, &connection);
	if (r < 0)
		return r;
	r = set_host(connection, host);
	if (r < 0) {
		connection_destroy(connection);
		return r;
	}
	SSL_set_connect_state(connection->ssl);
	return start(connection, stream);
}

int coro_tls_accept(struct coro_stream *stream, struct coro_tls_context *context)
{
	struct connection *connection;
	int r = prepare(stream, context, true, &connection);
	if (r < 0)
		return r;
	SSL_set_accept_state(connection->ssl);
	return start(connection, stream);
}

/* -- connecting to an address */

/* Copies the host of an address as coro_dial takes it. -EINVAL if there is none or it is too long. */
static int host_of(const char *address, char ret[static HOST_SIZE])
{
	if (strncmp(address, "unix:", 5) == 0)
		return -EINVAL;
	if (strncmp(address, "tcp:", 4) == 0)
		address += 4;
	const char *end = *address == '[' ? strchr(++address, ']') : strrchr(address, ':');
	size_t length = end ? (size_t)(end - address) : 0;
	if (!end || length >= HOST_SIZE)
		return -EINVAL;
	memcpy(ret, address, length);
	ret[length] = '\0';
	if (length == 0)
		strcpy(ret, "localhost");
	return 0;
}

int coro_tls_open_connection_at(const char *site, const char *address,
				struct coro_tls_context *context, const char *host,
				const struct coro_dial_options *dial_options,
				const struct coro_stream_options *options, struct coro_stream **ret)
{
	char own[HOST_SIZE];
	struct coro_stream *stream;
	if (!address || !context || !ret)
		return failure_misuse("coro_tls_open_connection: address, context or ret is NULL");
	if (!host && host_of(address, own) == 0)
		host = own;
	int r = coro_open_connection_at(site, address, dial_options, options, &stream);
	if (r < 0)
		return r;
	r = coro_tls_connect(stream, context, host);
	if (r < 0) {
		coro_stream_destroy(stream);
		return r;
	}
	*ret = stream;
	return 0;
}

int coro_tls_serve(struct coro_stream *stream, void *arg)
{
	const struct coro_tls_service *service = arg;
	if (!service || !service->fn)
		return failure_misuse("coro_tls_serve: the service or its fn is NULL");
	int r = coro_tls_accept(stream, service->context);
	return r < 0 ? r : service->fn(stream, service->arg);
}
