/* SPDX-License-Identifier: MIT */
/*
 * An HTTPS client: prints a page. The status and what TLS agreed on go to stderr.
 *
 * coro_tls_open_connection connects, does the handshake, and checks the server's certificate
 * against those that the system trusts, or those of $SSL_CERT_FILE. After that a stream of TLS is a
 * stream like any other.
 *
 * Built if OpenSSL is installed, and linked with what `pkg-config --libs coro-tls` says.
 */
#include "http.h"
#include "url.h"
#include "usage.h"

#include <coro.h>
#include <coro/tls.h>
#include <unistd.h>

/* Reads the head. Sets *length to that of the body, if it is told. */
static coro_async int read_head(struct coro_stream *stream, uint64_t *length)
{
	const char *line;
	ssize_t n;
	for (int i = 0; (n = coro_stream_readline(stream, &line)) > 2; i++) {
		struct http_text text = {line, strcspn(line, "\r\n")};
		struct http_field field;
		if (i == 0)
			fprintf(stderr, "%.*s\n", (int)text.length, line);
		else if (http_parse_field(text, &field) == 0 &&
			 http_is_caseless(field.name, "Content-Length") &&
			 !http_number(field.value, length))
			return coro_raise(-EPROTO, "a length that is none");
	}
	return n > 0 ? 0 : n < 0 ? (int)n : CORO_INCOMPLETE;
}

/*
 * HTTP/1.0: the response ends with the connection. Somebody may have cut that, so a length that the
 * head tells is checked.
 */
static coro_async int print_page(struct coro_stream *stream, const struct url *url)
{
	char bytes[16384];
	uint64_t length = UINT64_MAX, printed = 0;
	ssize_t n;
	int r = coro_stream_printf(stream, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", url->target,
				   url->host);
	if (r == 0)
		r = read_head(stream, &length);
	if (r < 0)
		return r;
	while ((n = coro_stream_read(stream, bytes, sizeof(bytes))) > 0 &&
	       (n = coro_write(STDOUT_FILENO, bytes, (size_t)n)) > 0)
		printed += (uint64_t)n;
	if (n < 0)
		return (int)n;
	return length == UINT64_MAX || printed >= length ? 0 : CORO_INCOMPLETE;
}

static coro_async int get_with(struct coro_tls_context *context, const struct url *url)
{
	const struct coro_dial_options options = {.timeout = 30 * CORO_SEC};
	struct coro_stream *stream;
	int r = coro_tls_open_connection(url->address, context, NULL, &options, NULL, &stream);
	if (r < 0)
		return r;
	const char *protocol = coro_tls_alpn(stream);
	fprintf(stderr, "%s, %s\n", coro_tls_version(stream), protocol ? protocol : "no protocol");
	r = print_page(stream, url);
	coro_stream_destroy(stream);
	return r;
}

static coro_async int get(void *text)
{
	/* Many servers of HTTP/1.0 end a page without announcing the end, as TLS demands it. */
	const struct coro_tls_options options = {.alpn = "http/1.1,http/1.0",
						 .flags = CORO_TLS_RAGGED_END};
	struct coro_tls_context *context;
	struct url url;
	int r = url_parse(text, "https", &url);
	if (r == 0)
		r = coro_tls_client_create(&options, &context);
	if (r < 0)
		return r;
	r = get_with(context, &url);
	coro_tls_context_destroy(context);
	return r;
}

int main(int argc, char **argv)
{
	usage(argc, argv, 1, 1, "https://HOST[:PORT]/PATH");
	int r = coro_run(get, argv[1]);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
