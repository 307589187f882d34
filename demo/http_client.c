/* SPDX-License-Identifier: MIT */
/*
 * An HTTP client: prints a page, as curl does. The status goes to stderr.
 *
 * The code reads the response top down, as a person would: a line, the fields up to an empty line,
 * the body. It knows nothing of time. The timeout around it ends whatever call is waiting, however
 * deep.
 */
#include "url.h"
#include "usage.h"

#include <coro.h>
#include <ctype.h>
#include <errno.h>
#include <strings.h>
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

/*
 * Each chunk is a line with its length, in base 16, its bytes, and "\r\n". One of length 0 ends it.
 */
static coro_async int print_chunks(struct coro_stream *stream)
{
	for (;;) {
		const char *line;
		int r = read_line(stream, &line);
		if (r < 0)
			return r;
		if (!isxdigit((unsigned char)*line))
			return coro_raise(-EPROTO, "a chunk without a length");
		uint64_t length = strtoull(line, NULL, 16);
		r = length == 0 ? 0 : print_bytes(stream, length);
		if (r == 0)
			r = read_line(stream, &line);
		if (r < 0 || length == 0)
			return r;
	}
}

/* ---- the request ---- */

struct response {
	int status;
	bool chunked, has_length; /* neither: the body ends with the connection */
	uint64_t length;
};

/* Returns the value of a field if the line has the field of this name, else NULL. */
static const char *value_of(const char *line, const char *name)
{
	size_t length = strlen(name);
	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	return line + length + 1 + strspn(line + length + 1, " \t");
}

static coro_async int read_head(struct coro_stream *stream, struct response *ret)
{
	const char *line, *value;
	int r = read_line(stream, &line);
	if (r < 0)
		return r;
	if (strncmp(line, "HTTP/1.", 7) != 0)
		return coro_raise(-EPROTO, "the server does not speak HTTP/1");
	*ret = (struct response){.status = atoi(line + strcspn(line, " "))};
	fprintf(stderr, "%.*s\n", (int)strcspn(line, "\r\n"), line);
	while ((r = read_line(stream, &line)) == 0 && !is_empty(line)) {
		if ((value = value_of(line, "Content-Length"))) {
			ret->has_length = true;
			ret->length = strtoull(value, NULL, 10);
		} else if ((value = value_of(line, "Transfer-Encoding"))) {
			ret->chunked = strncasecmp(value, "chunked", 7) == 0;
		}
	}
	return r;
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
		r = read_head(stream, &response);
	if (r < 0)
		return r;
	if (response.chunked)
		return print_chunks(stream);
	return response.has_length ? print_bytes(stream, response.length) : print_rest(stream);
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
