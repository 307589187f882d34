/* SPDX-License-Identifier: MIT */
/*
 * A web server of TLS: https_server HOST:PORT [CERTIFICATE.pem [KEY.pem]]. It keeps connections
 * alive, greets, and sends back what is POSTed to it. Where it is given no certificate it makes one
 * for localhost, that signs itself.
 *
 * A client has 10 s for its handshake and for each request, and as long as it goes on reading for its
 * answer. Built where OpenSSL is.
 */
#include "certificate.h"
#include "http.h"
#include "patience.h"
#include "service.h"

#include <coro/tls.h>
#include <errno.h>
#include <inttypes.h>

enum { PATIENCE = 10, MOST_BODY = 16 << 20 };

struct exchange {
	struct coro_stream *stream;
	struct patience patience;
	struct http_request request; /* its texts are good until more is read */
	bool keep_alive;
};

/* ---- answers ---- */

/* Something has gone on: there is as much time again for what is next. */
static coro_async int drain(struct exchange *exchange)
{
	int r = coro_stream_drain(exchange->stream);
	if (r == 0)
		patience_renew(&exchange->patience);
	return r;
}

static int begin_answer(const struct exchange *exchange, const char *status, uint64_t length)
{
	const char *connection = !exchange->keep_alive          ? "Connection: close\r\n"
				 : exchange->request.minor == 0 ? "Connection: keep-alive\r\n"
								: "";
	return coro_stream_printf(exchange->stream,
				  "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: "
				  "%" PRIu64 "\r\n%s\r\n",
				  status, length, connection);
}

static int answer(const struct exchange *exchange, const char *status, const char *text)
{
	int r = begin_answer(exchange, status, strlen(text));
	if (r == 0 && !http_is(exchange->request.method, "HEAD"))
		r = coro_stream_write(exchange->stream, text, strlen(text));
	return r;
}

/* After that the connection is closed, as it is not known where it stands. */
static int refuse(struct exchange *exchange, const char *status)
{
	exchange->keep_alive = false;
	return answer(exchange, status, "");
}

/* It goes back as it comes. */
static coro_async int echo(struct exchange *exchange)
{
	struct coro_stream *stream = exchange->stream;
	uint64_t left = exchange->request.length;
	const char *bytes;
	if (exchange->request.expects_continue && left > 0)
		coro_stream_printf(stream, "HTTP/1.1 100 Continue\r\n\r\n");
	int r = begin_answer(exchange, "200 OK", left);
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
	if (request->length > MOST_BODY)
		return refuse(exchange, "413 Content Too Large");
	if (http_is(request->method, "POST"))
		return echo(exchange);
	if (request->length > 0)
		return refuse(exchange, "400 Bad Request");
	if (!http_is(request->method, "GET") && !http_is(request->method, "HEAD"))
		return refuse(exchange, "501 Not Implemented");
	if (!http_is(request->target, "/"))
		return answer(exchange, "404 Not Found", "there is no such thing\n");
	return answer(exchange, "200 OK", "Hello, world!\n");
}

/* One request: 1, and there may be another; 0, there is none; or an error. */
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
	/* It stays where it is until more is read, and so do the texts. */
	if (length > 0)
		coro_stream_consume(exchange->stream, (size_t)length);
	int r = length < 0 ? refuse(exchange, "400 Bad Request") : respond(exchange);
	if (r == 0)
		r = drain(exchange);
	return r < 0 ? r : exchange->keep_alive;
}

static coro_async int serve(struct coro_stream *stream, void *arg)
{
	struct exchange exchange = {.stream = stream};
	int r = patience_begin(&exchange.patience, stream, PATIENCE * CORO_SEC);
	if (r < 0)
		return r;
	while ((r = serve_next(&exchange)) > 0)
		;
	return patience_end(&exchange.patience, r);
}

/* ---- trying it out ---- */

static const char *certificate; /* of its own */

static coro_async int ask(struct coro_stream *stream)
{
	static const struct {
		const char *say;
		int lines;
	} script[] = {
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 5},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nword\n", 5},
		{"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 9},
		{"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", 5},
	};
	int r = 0;
	printf("%s, %s\n", coro_tls_version(stream), coro_tls_alpn(stream));
	for (size_t i = 0; i < sizeof(script) / sizeof(*script) && r == 0; i++)
		r = service_ask(stream, script[i].say, script[i].lines);
	return r;
}

/* As somebody who trusts it, or nobody: what came of that. */
static coro_async int try_as(const char *trusted, const char *address)
{
	struct coro_tls_options options = {.ca = trusted, .alpn = "h2,http/1.1"};
	struct coro_tls_context *context;
	struct coro_stream *stream;
	int r = coro_tls_client_create(&options, &context);
	if (r < 0)
		return r;
	r = coro_tls_open_connection(address, context, "localhost", NULL, NULL, &stream);
	if (r == 0) {
		r = ask(stream);
		coro_stream_destroy(stream);
	}
	coro_tls_context_destroy(context);
	return r;
}

static coro_async int try_out(void *address)
{
	int r = try_as(certificate, address);
	if (r < 0)
		return r;
	r = try_as(NULL, address);
	printf("who does not know it: %s\n", coro_strerror(r));
	return r == CORO_UNTRUSTED ? 0 : -EPROTO;
}

int main(int argc, char **argv)
{
	struct coro_tls_options options = {.alpn = "http/1.1",
					   .handshake_timeout = PATIENCE * CORO_SEC};
	struct coro_tls_service tls = {.fn = serve};
	char *own = argc > 2 ? NULL : certificate_make();
	options.certificate = certificate = own;
	options.certificate_file = argc > 2 ? argv[2] : NULL;
	options.key_file = argc > 3 ? argv[3] : NULL;
	int r = coro_tls_server_create(&options, &tls.context);
	if (r < 0) {
		fprintf(stderr, "%s\n", coro_message(r));
		free(own);
		return EXIT_FAILURE;
	}
	const struct service service = {.serve = coro_tls_serve, .arg = &tls, .try_out = try_out};
	int status = service_main(argc, argv, &service);
	coro_tls_context_destroy(tls.context);
	free(own);
	return status;
}
