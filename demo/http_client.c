/* SPDX-License-Identifier: MIT */
/*
 * An HTTP client: prints a page, as curl does. The status goes to stderr.
 *
 * The code reads the response top down, as a person would: a line, the fields up to an empty line,
 * the body. It knows nothing of time. The timeout around it ends whatever call is waiting, however
 * deep.
 */
#include "http.h"
#include "url.h"
#include "usage.h"

#include <coro.h>
#include <errno.h>
#include <unistd.h>

enum { TIMEOUT = 30 }; /* seconds, for all of it */

/* Reads a line; *ret is valid until the next read. The end of the connection is an error here. */
static coro_async int read_line(struct coro_stream *stream, const char **ret)
{
	ssize_t n = coro_stream_readline(stream, ret);
	return n > 0 ? 0 : n < 0 ? (int)n : CORO_INCOMPLETE;
}

static bool is_empty(const char *line)
{
	return line[strspn(line, "\r\n")] == '\0';
}

/* ---- bodies ---- */

/* Prints what comes until the connection ends. */
static coro_async int print_rest(struct coro_stream *stream)
{
	char bytes[4096];
	ssize_t n;
	while ((n = coro_stream_read(stream, bytes, sizeof(bytes))) > 0) {
		n = coro_write(STDOUT_FILENO, bytes, (size_t)n);
		if (n < 0)
			break;
	}
	return (int)n;
}

static coro_async int print_bytes(struct coro_stream *stream, uint64_t length)
{
	char bytes[4096];
	while (length > 0) {
		size_t part = length < sizeof(bytes) ? (size_t)length : sizeof(bytes);
		ssize_t n = coro_stream_readexactly(stream, bytes, part);
		if (n > 0)
			n = coro_write(STDOUT_FILENO, bytes, part);
		if (n < 0)
			return (int)n;
		length -= part;
	}
	return 0;
}

/* Reads the fields after the last chunk, which nobody here needs. */
static coro_async int read_fields(struct coro_stream *stream)
{
	const char *line = "";
	int r;
	do
		r = read_line(stream, &line);
	while (r == 0 && !is_empty(line));
	return r;
}

/*
 * Each chunk is a line with its length, in base 16, its bytes, and "\r\n". One of length 0 is the
 * last.
 */
static coro_async int print_chunks(struct coro_stream *stream)
{
	for (;;) {
		const char *line;
		int r = read_line(stream, &line);
		if (r < 0)
			return r;
		uint64_t length;
		if (http_parse_chunk(line, strlen(line), &length) <= 0)
			return coro_raise(-EPROTO, "a chunk without a length");
		if (length == 0)
			return read_fields(stream);
		r = print_bytes(stream, length);
		if (r == 0)
			r = read_line(stream, &line);
		if (r < 0)
			return r;
		if (!is_empty(line))
			return coro_raise(-EPROTO, "a chunk is not as long as it says");
	}
}

/* ---- the request ---- */

struct response {
	int status;
	bool chunked, has_length; /* neither: the body ends with the connection */
	uint64_t length;
};

static int read_status(const char *line, int *ret)
{
	const char *digits = line + strcspn(line, " ");
	if (strncmp(line, "HTTP/1.", 7) != 0)
		return coro_raise(-EPROTO, "the server does not speak HTTP/1");
	digits += strspn(digits, " ");
	if (strspn(digits, "0123456789") != 3)
		return coro_raise(-EPROTO, "a response without a status");
	*ret = atoi(digits);
	return 0;
}

/*
 * Interprets a field that says where the body ends. One that is not understood is an error: a part of
 * the body, or what is none, would pass for the body.
 */
static int read_field(const char *line, struct response *response)
{
	struct http_field field;
	uint64_t length;
	if (http_parse_field((struct http_text){line, strcspn(line, "\r\n")}, &field) < 0)
		return coro_raise(-EPROTO, "a malformed field");
	if (http_is_caseless(field.name, "Transfer-Encoding")) {
		if (response->chunked || !http_is_caseless(field.value, "chunked"))
			return coro_raise(-EPROTO, "a body that is not just in chunks");
		response->chunked = true;
	} else if (http_is_caseless(field.name, "Content-Length")) {
		if (!http_number(field.value, &length) ||
		    (response->has_length && length != response->length))
			return coro_raise(-EPROTO, "a length that is none");
		response->has_length = true;
		response->length = length;
	}
	return 0;
}

static coro_async int read_head(struct coro_stream *stream, struct response *ret)
{
	const char *line;
	int r = read_line(stream, &line);
	*ret = (struct response){0};
	if (r == 0)
		r = read_status(line, &ret->status);
	if (r < 0)
		return r;
	fprintf(stderr, "%.*s\n", (int)strcspn(line, "\r\n"), line);
	while ((r = read_line(stream, &line)) == 0 && !is_empty(line))
		if ((r = read_field(line, ret)) < 0)
			break;
	return r;
}

static coro_async int print_body(struct coro_stream *stream, const struct response *response)
{
	if (response->status == 204 || response->status == 304)
		return 0;
	if (response->chunked)
		return print_chunks(stream);
	return response->has_length ? print_bytes(stream, response->length) : print_rest(stream);
}

static coro_async int print_page(struct coro_stream *stream, const struct url *url)
{
	struct response response = {0};
	int r = coro_stream_printf(stream,
				   "GET %s HTTP/1.1\r\nHost: %s\r\n"
				   "User-Agent: http_client\r\nConnection: close\r\n\r\n",
				   url->target, url->host);
	if (r == 0)
		r = read_head(stream, &response);
	while (r == 0 && response.status / 100 == 1) /* the final response follows */
		r = response.status == 101
			    ? coro_raise(-EPROTO, "a protocol that was not asked for")
			    : read_head(stream, &response);
	return r < 0 ? r : print_body(stream, &response);
}

static coro_async int get(void *text)
{
	struct coro_stream *stream;
	struct url url;
	int r = url_parse(text, "http", &url);
	if (r == 0)
		r = coro_open_connection(url.address, NULL, NULL, &stream);
	if (r < 0)
		return r;
	r = print_page(stream, &url);
	coro_stream_destroy(stream);
	return r;
}

static coro_async int get_in_time(void *url)
{
	return coro_within(TIMEOUT * CORO_SEC, get, url);
}

int main(int argc, char **argv)
{
	usage(argc, argv, 1, 1, "http://HOST[:PORT]/PATH");
	int r = coro_run(get_in_time, argv[1]);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
