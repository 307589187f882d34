/* SPDX-License-Identifier: MIT */
/*
 * A web server with TLS. It serves a greeting, and sends back the body of a POST.
 *
 * The server runs coro_tls_serve for each connection, which does the handshake and then calls
 * serve(). That is a web server like any other: http_server has a longer one.
 *
 * An idle client is disconnected after 10 s: see idle.h. Built if OpenSSL is installed. The program
 * certificate makes a certificate to try it with.
 */
#include "http.h"
#include "idle.h"
#include "usage.h"

#include <coro.h>
#include <coro/tls.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>

enum { IDLE_TIMEOUT = 10 /* seconds */, MAX_BODY = 16 << 20 };

/* A connection and its present request. */
struct exchange {
	struct coro_stream *stream;
	struct idle idle;
	struct http_request request; /* in the stream's buffer: valid until the next read */
	bool keep_alive;
};

/* ---- responses ---- */

/* Waits while the client has too much left to read. */
static coro_async int drain(struct exchange *exchange)
{
	int r = coro_stream_drain(exchange->stream);
	if (r == 0)
		idle_renew(&exchange->idle);
	return r;
}

static int begin_response(const struct exchange *exchange, const char *status, uint64_t length)
{
	const char *connection = !exchange->keep_alive          ? "Connection: close\r\n"
				 : exchange->request.minor == 0 ? "Connection: keep-alive\r\n"
								: "";
	return coro_stream_printf(exchange->stream,
				  "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: "
				  "%" PRIu64 "\r\n%s\r\n",
				  status, length, connection);
}

static int send_text(const struct exchange *exchange, const char *status, const char *text)
{
	int r = begin_response(exchange, status, strlen(text));
	if (r == 0 && !http_is(exchange->request.method, "HEAD"))
		r = coro_stream_write(exchange->stream, text, strlen(text));
	return r;
}

/* Responds with an error and closes the connection: where the next request begins is not known. */
static int refuse(struct exchange *exchange, const char *status)
{
	exchange->keep_alive = false;
	return send_text(exchange, status, "");
}

/* Sends the body back while it comes. */
static coro_async int echo(struct exchange *exchange)
{
	struct coro_stream *stream = exchange->stream;
	uint64_t left = exchange->request.length;
	const char *bytes;
	if (exchange->request.expects_continue && left > 0)
		coro_stream_printf(stream, "HTTP/1.1 100 Continue\r\n\r\n");
	int r = begin_response(exchange, "200 OK", left);
	while (r == 0 && left > 0) {
		ssize_t n = coro_stream_peek(stream, 1, &bytes);
		if (n <= 0)
			return n < 0 ? (int)n : CORO_INCOMPLETE;
		size_t part = (uint64_t)n < left ? (size_t)n : (size_t)left;
		r = coro_stream_write(stream, bytes, part);
		coro_stream_consume(stream, part);
		left -= part;
		if (r == 0)
			r = drain(exchange);
	}
	return r;
}

/* ---- connections ---- */

static coro_async int respond(struct exchange *exchange)
{
	const struct http_request *request = &exchange->request;
	exchange->keep_alive = request->keep_alive;
	if (request->chunked)
		return refuse(exchange, "411 Length Required");
	if (request->length > MAX_BODY)
		return refuse(exchange, "413 Content Too Large");
	if (http_is(request->method, "POST"))
		return echo(exchange);
	if (request->length > 0)
		return refuse(exchange, "400 Bad Request");
	if (!http_is(request->method, "GET") && !http_is(request->method, "HEAD"))
		return refuse(exchange, "501 Not Implemented");
	if (!http_is(request->target, "/"))
		return send_text(exchange, "404 Not Found", "not found\n");
	return send_text(exchange, "200 OK", "Hello, world!\n");
}

/* Serves one request. Returns 1 if there may be another, 0 if not, or an error. */
static coro_async int serve_next(struct exchange *exchange)
{
	const char *bytes;
	long length = 0;
	for (size_t least = 1; length == 0;) {
		ssize_t n = coro_stream_peek(exchange->stream, least, &bytes);
		if (n < (ssize_t)least)
			return n < 0 ? (int)n : 0;
		length = http_parse(bytes, (size_t)n, &exchange->request);
		least = (size_t)n + 1;
	}
	/* Consumed bytes stay in the buffer until the next read. */
	if (length > 0)
		coro_stream_consume(exchange->stream, (size_t)length);
	int r = length < 0 ? refuse(exchange, "400 Bad Request") : respond(exchange);
	if (r == 0)
		r = drain(exchange);
	return r < 0 ? r : exchange->keep_alive;
}

/* Runs as a task for each connection, after its handshake. */
static coro_async int serve(struct coro_stream *stream, void *arg)
{
	struct exchange exchange = {.stream = stream};
	int r = idle_begin(&exchange.idle, stream, IDLE_TIMEOUT * CORO_SEC);
	if (r < 0)
		return r;
	while ((r = serve_next(&exchange)) > 0)
		;
	return idle_end(&exchange.idle, r);
}

/* ---- the server ---- */

/* Called when a connection fails. That clients hang up or do not trust us is not worth a line. */
static void client_failed(int error, const char *message, void *arg)
{
	if (error != -ECONNRESET && error != -EPIPE && error != -EPROTO && error != -ETIMEDOUT)
		fprintf(stderr, "client: %s\n", message);
}

static coro_async int serve_until_signal(const char *address, struct coro_tls_service *service)
{
	const struct coro_server_options options = {
		.listen.flags = CORO_NET_KEEPALIVE, /* notices clients whose machine is gone */
		.max_connections = 10000,
		.failed = client_failed,
	};
	struct coro_server *server;
	char name[CORO_ADDRESS_SIZE] = "";
	int r = coro_server_start(address, &options, coro_tls_serve, service, &server);
	if (r < 0)
		return r;
	coro_server_address(server, name, sizeof(name));
	printf("listening on %s\n", name);
	fflush(stdout);

	r = coro_signal_wait(SIGINT, SIGTERM);
	coro_server_shutdown(server, 2 * CORO_SEC); /* requests may finish for 2 s */
	coro_server_destroy(server);
	return r < 0 ? r : 0;
}

static coro_async int run_server(void *arg)
{
	char **argv = arg;
	const struct coro_tls_options options = {
		.certificate_file = argv[2],
		.key_file = argv[3], /* NULL: it is in the other file, too */
		.alpn = "http/1.1",
		.handshake_timeout = IDLE_TIMEOUT * CORO_SEC,
	};
	struct coro_tls_service service = {.fn = serve};
	int r = coro_tls_server_create(&options, &service.context);
	if (r < 0)
		return r;
	r = serve_until_signal(argv[1], &service);
	coro_tls_context_destroy(service.context);
	return r;
}

int main(int argc, char **argv)
{
	usage(argc, argv, 2, 3, "HOST:PORT CERTIFICATE.pem [KEY.pem]");
	int r = coro_run(run_server, argv);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
