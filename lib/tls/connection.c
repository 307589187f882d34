/* SPDX-License-Identifier: MIT */
#include "tls/connection.h"

#include "coro/coroutine.h"
#include "coro/task.h"
#include "tls/failure.h"

#include <limits.h>

/* The largest record, and the number of bytes to encrypt before writing. */
enum { RECORD = 16384, BATCH = 4 * RECORD };

/* Bounds of the pause between two tries of a write for which OpenSSL must read first. */
#define LONGEST_PAUSE (64 * CORO_MSEC)

/* -- OpenSSL's reading and writing */

static int bio_write(BIO *bio, const char *bytes, int length)
{
	struct connection *connection = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (buffer_add(&connection->out, bytes, (size_t)length) < 0) {
		connection->error = -ENOMEM;
		return -1;
	}
	return length;
}

static int read_early(struct connection *connection, char *bytes, size_t length)
{
	size_t there = buffer_length(&connection->early);
	length = length < there ? length : there;
	memcpy(bytes, connection->early.bytes + connection->early.begin, length);
	buffer_drop(&connection->early, length);
	return (int)length;
}

/* The most bytes in `out` that reads may cause. Then a peer must read before it is read on. */
static bool is_stuck(const struct connection *connection)
{
	return buffer_length(&connection->out) > BATCH + RECORD;
}

/*
 * OpenSSL reads until there are bytes for the application. So a peer that sends only messages of
 * TLS itself could hold the loop, or have answers pile up: the bytes of one call are bounded.
 */
static bool is_enough(const struct connection *connection)
{
	return connection->taken > BATCH || is_stuck(connection);
}

static int bio_read(BIO *bio, char *bytes, int length)
{
	struct connection *connection = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (is_enough(connection)) {
		connection->held = true;
		BIO_set_retry_read(bio);
		return -1;
	}
	if (buffer_length(&connection->early) > 0)
		return read_early(connection, bytes, (size_t)length);
	ssize_t n = connection->below->read(connection->arg, bytes, (size_t)length);
	if (n >= 0) {
		connection->cut = n == 0;
		connection->taken += (size_t)n;
		return (int)n;
	}
	if (n == -EAGAIN)
		BIO_set_retry_read(bio);
	else
		connection->read_error = (int)n;
	return -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	const struct connection *connection = BIO_get_data(bio);
	(void)number;
	(void)pointer;
	switch (command) {
	case BIO_CTRL_EOF:
		return connection->cut;
	case BIO_CTRL_FLUSH:
		return 1;
	default:
		return 0;
	}
}

BIO_METHOD *connection_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "coro");
	if (!method)
		return NULL;
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_ctrl(method, bio_control);
	return method;
}

/* -- creating and freeing */

int connection_create(struct coro_tls_context *context, struct connection **ret)
{
	struct connection *connection = malloc(sizeof(*connection));
	if (!connection)
		return -ENOMEM;
	*connection = (struct connection){
		.context = context_ref(context),
		.ssl = SSL_new(context->ctx),
	};
	BIO *bio = connection->ssl ? BIO_new(context->method) : NULL;
	if (!bio) {
		connection_destroy(connection);
		return -ENOMEM;
	}
	BIO_set_data(bio, connection);
	BIO_set_init(bio, 1);
	SSL_set_bio(connection->ssl, bio, bio);
	SSL_set_app_data(connection->ssl, connection);
	*ret = connection;
	return 0;
}

void connection_destroy(struct connection *connection)
{
	SSL_free(connection->ssl);
	context_unref(connection->context);
	context_unref(connection->chosen);
	buffer_finish(&connection->early);
	buffer_finish(&connection->out);
	failure_forget();
	free(connection);
}

struct connection *connection_of(const struct coro_stream *stream)
{
	void *arg;
	return coro_stream_transport(stream, &arg) == &connection_transport ? arg : NULL;
}

/* -- results */

int connection_fail(struct connection *connection, int error)
{
	snprintf(connection->message, sizeof(connection->message), "%s", coro_message(error));
	return connection->error = error;
}

int connection_error(const struct connection *connection)
{
	return connection->message[0]
		       ? coro_raise_at(NULL, connection->error, "%s", connection->message)
		       : coro_raise_at(NULL, connection->error, NULL);
}

/* Whether OpenSSL has met an end without a notice that is to be taken for one: since 3.0 it says so. */
static bool is_ragged_end(const struct connection *connection, int what)
{
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
	(void)connection, (void)what;
	return false;
#else
	return what == SSL_ERROR_SYSCALL && connection->cut && connection->established &&
	       connection->context->flags & CORO_TLS_RAGGED_END;
#endif
}

int connection_result(struct connection *connection, int result)
{
	int what = SSL_get_error(connection->ssl, result);
	if (what == SSL_ERROR_WANT_READ)
		return -EAGAIN;
	if (connection->error)
		return failure_forget(), connection_error(connection);
	if (what == SSL_ERROR_ZERO_RETURN || is_ragged_end(connection, what))
		return failure_forget(), 0;
	int r = connection->read_error;
	if (r == 0 && connection->cut)
		r = failure_is_memory()
			    ? failure_code(-ENOMEM)
			    : coro_raise_at(NULL, -EPROTO, "TLS: the connection was cut");
	else if (r == 0)
		r = failure_raise(-EPROTO, "TLS");
	failure_forget();
	return connection_fail(connection, r);
}

/* -- writing */

/* Flushes the transport below. */
static int flush_below(const struct connection *connection, bool closing)
{
	const struct coro_transport *below = connection->below;
	return below->flush ? below->flush(connection->arg, closing) : 0;
}

int connection_push(struct connection *connection)
{
	const struct coro_transport *below = connection->below;
	struct buffer *out = &connection->out;
	if (connection->write_error)
		return connection->write_error;
	while (buffer_length(out) > 0) {
		struct iovec vec = {out->bytes + out->begin, buffer_length(out)};
		ssize_t n = below->write(connection->arg, &vec, 1);
		if (n == -EAGAIN)
			return -EAGAIN;
		if (n < 0) {
			buffer_finish(out);
			return connection->write_error = (int)n;
		}
		buffer_drop(out, (size_t)n);
	}
	return flush_below(connection, false);
}

/* A position in a vector. */
struct place {
	const struct iovec *vec;
	int count;
	size_t skip; /* of the first */
};

static void go_on(struct place *place, size_t length)
{
	place->skip += length;
	while (place->count > 0 && place->skip >= place->vec->iov_len) {
		place->skip -= place->vec->iov_len;
		place->vec++;
		place->count--;
	}
}

/* Copies small pieces into one record. Returns its bytes. Does not move the position. */
static size_t gather(struct place place, char *bytes, size_t room)
{
	size_t length = 0;
	while (place.count > 0 && length < room) {
		size_t left = place.vec->iov_len - place.skip;
		size_t part = left < room - length ? left : room - length;
		memcpy(bytes + length, (char *)place.vec->iov_base + place.skip, part);
		length += part;
		go_on(&place, part);
	}
	return length;
}

/* Encrypts a record. Returns its length, -EAGAIN or an error. */
static int encrypt(struct connection *connection, const struct place *place)
{
	char gathered[RECORD];
	const char *bytes = (char *)place->vec->iov_base + place->skip;
	size_t length = place->vec->iov_len - place->skip;
	if (length < RECORD && place->count > 1) {
		length = gather(*place, gathered, RECORD);
		bytes = gathered;
	}
	int n = SSL_write(connection->ssl, bytes, length < RECORD ? (int)length : RECORD);
	return n > 0 ? n : connection_result(connection, n);
}

/* Notes that OpenSSL must read first. Each further time the pause doubles. */
static void note_wish(struct connection *connection, bool wants_reading)
{
	const int64_t pause = connection->pause;
	connection->wants_reading = wants_reading;
	connection->pause = !wants_reading          ? 0
			    : pause == 0            ? CORO_MSEC
			    : pause < LONGEST_PAUSE ? 2 * pause
						    : pause;
}

/* Writes what can be written without waiting. Returns a count or an error. */
static ssize_t encrypt_batch(struct connection *connection, struct place *place)
{
	ssize_t done = 0;
	int n = 0;
	while (n >= 0 && place->count > 0 && done < BATCH) {
		n = encrypt(connection, place);
		if (n == 0)
			n = -EPIPE;
		if (n > 0) {
			go_on(place, (size_t)n);
			done += n;
		}
	}
	note_wish(connection, n == -EAGAIN);
	return done > 0 ? done : n;
}

static ssize_t connection_write(void *arg, const struct iovec *vec, int count)
{
	struct connection *connection = arg;
	struct place place = {.vec = vec, .count = count};
	ssize_t done = 0;
	if (connection->error || connection->shaking)
		return connection->error ? connection_error(connection) : -EBUSY;
	connection_begin_call(connection);
	connection->wants_reading = false;
	go_on(&place, 0);
	int r = connection_push(connection);
	while (r == 0 && place.count > 0) {
		ssize_t n = encrypt_batch(connection, &place);
		if (n < 0)
			return done > 0 ? done : n;
		done += n;
		r = connection_push(connection);
	}
	return done > 0 && r == -EAGAIN ? done : r < 0 ? r : done;
}

/*
 * Sends close_notify, unless the connection is broken. While a message of TLS itself has arrived in
 * part, OpenSSL cannot send it; then the next read does.
 */
static void say_goodbye(struct connection *connection)
{
	if (!connection->established || connection->error ||
	    SSL_get_shutdown(connection->ssl) & SSL_SENT_SHUTDOWN)
		return;
	connection->leaving = true;
	if (SSL_in_init(connection->ssl))
		return;
	failure_forget();
	connection->parting = buffer_length(&connection->out) == 0;
	SSL_shutdown(connection->ssl);
	failure_forget();
}

static int connection_end(void *arg)
{
	say_goodbye(arg);
	return 0;
}

static int connection_flush(void *arg, bool closing)
{
	struct connection *connection = arg;
	if (closing)
		say_goodbye(connection);
	int r = connection_push(connection);
	if (r == 0 && closing)
		r = flush_below(connection, true);
	/* The peer may be gone already, which is allowed after its own close_notify. */
	return r < 0 && r != -EAGAIN && (connection->parting || connection->error) ? 0 : r;
}

/* -- reading */

static ssize_t connection_read(void *arg, void *bytes, size_t length)
{
	struct connection *connection = arg;
	if (connection->error || connection->shaking)
		return connection->error ? connection_error(connection) : -EBUSY;
	connection_push(connection); /* an error is the writer's */
	if (is_stuck(connection))
		return -EAGAIN;
	connection_begin_call(connection);
	int n = SSL_read(connection->ssl, bytes, length < INT_MAX ? (int)length : INT_MAX);
	if (n <= 0)
		n = connection_result(connection, n);
	if (connection->leaving)
		say_goodbye(connection);
	connection_push(connection);
	return n;
}

/* -- waiting, ending, closing */

/*
 * The connection may be freed during the wait and must not be used after it.
 *
 * A writer must read first only while a message of TLS itself has arrived in part, which is rare.
 * A reader, if there is one, may take the rest. So the writer tries again after a pause instead of
 * waiting for input.
 */
coro_async int connection_wait(void *arg, bool writing)
{
	const struct connection *connection = arg;
	if (writing && connection->wants_reading)
		return coro_sleep(connection->pause);
	if (!writing && connection->held && !is_stuck(connection))
		return coro_task_yield();
	return connection->below->wait(connection->arg, writing || is_stuck(connection));
}

/* Closes the transport below. If a task is in the handshake, that frees the connection. */
static void finish(struct connection *connection)
{
	connection->closed = true;
	if (!connection->shaking)
		connection_destroy(connection);
}

static void connection_close(void *arg)
{
	struct connection *connection = arg;
	connection->below->close(connection->arg);
	finish(connection);
}

static void connection_abort(void *arg)
{
	struct connection *connection = arg;
	const struct coro_transport *below = connection->below;
	void (*abort_below)(void *arg) = below->abort ? below->abort : below->close;
	abort_below(connection->arg);
	finish(connection);
}

static int connection_fd(void *arg)
{
	const struct connection *connection = arg;
	return connection->below->fd ? connection->below->fd(connection->arg) : -1;
}

const struct coro_transport connection_transport = {
	.read = connection_read,
	.write = connection_write,
	.wait = connection_wait,
	.end = connection_end,
	.close = connection_close,
	.abort = connection_abort,
	.fd = connection_fd,
	.flush = connection_flush,
};
