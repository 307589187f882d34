/* SPDX-License-Identifier: MIT */
/*
 * A web server: http_server HOST:PORT [ROOT]. It keeps connections alive, takes requests that come
 * one behind another, and bodies by length or in chunks; and has
 *
 *   /           a greeting
 *   /echo       what is POSTed to it
 *   /count/N    the numbers up to N, in chunks
 *   /...        the files below ROOT
 *
 * A client has 10 s for its next request, and for each KiB of a body; and as long as it goes on reading
 * for what it has to read before there is more.
 */
#include "http.h"
#include "patience.h"
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

enum {
	PATIENCE = 10,
	MOST_BODY = 16 << 20,
	BODY_PART = 1024, /* of a body: less is not what patience is for */
};

static const char *root;

struct exchange {
	struct coro_stream *stream;
	struct patience patience;
	struct http_request request; /* its texts are good until more is read */
	enum { GET, HEAD, POST, OPTIONS, OTHER } method;
	bool keep_alive;
	bool answered; /* at least its first line */
};

static coro_async int drain(struct exchange *exchange)
{
	int r = coro_stream_drain(exchange->stream);
	if (r == 0)
		patience_renew(&exchange->patience);
	return r;
}

/* ---- answers ---- */

static const char *words_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 417:
		return "Expectation Failed";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Internal Server Error";
	}
}

#define METHODS "GET, HEAD, POST, OPTIONS"

/* The field that says whether the connection goes on; "" if the client takes it for granted. */
static const char *connection_field(const struct exchange *exchange)
{
	if (!exchange->keep_alive)
		return "Connection: close\r\n";
	return exchange->request.minor > 0 ? "" : "Connection: keep-alive\r\n";
}

/* The head of an answer with a body of length bytes. */
static void begin_answer(struct exchange *exchange, int status, const char *type, uint64_t length)
{
	char head[256];
	exchange->answered = true;
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %" PRIu64
			 "\r\n%s%s\r\n",
			 status, words_of(status), type, length,
			 status == 405 ? "Allow: " METHODS "\r\n" : "", connection_field(exchange));
	coro_stream_write(exchange->stream, head, (size_t)n);
}

static void answer(struct exchange *exchange, int status, const char *text)
{
	begin_answer(exchange, status, "text/plain", strlen(text));
	if (exchange->method != HEAD)
		coro_stream_write(exchange->stream, text, strlen(text));
}

/* Says what is wrong; after that the connection is closed, as it is not known where it stands. */
static int refuse(struct exchange *exchange, int status)
{
	char text[64];
	exchange->keep_alive = false;
	snprintf(text, sizeof(text), "%d %s\n", status, words_of(status));
	answer(exchange, status, text);
	return 0;
}

/* ---- bodies ---- */

/* The parts of a request's body, one after another. */
struct body {
	struct exchange *exchange;
	uint64_t left; /* of this part */
	bool chunked;
	bool begun; /* chunks: the first was seen */
	uint64_t total;
	uint64_t rewarded; /* of it, with patience */
};

static void body_init(struct body *body, struct exchange *exchange)
{
	const struct http_request *request = &exchange->request;
	*body = (struct body){.exchange = exchange, .chunked = request->chunked};
	if (!request->chunked)
		body->left = request->length;
}

/* A line of the protocol within a body, by http_parse_chunk's rules: the size that it tells. */
static coro_async int next_chunk(struct body *body, uint64_t *ret)
{
	struct coro_stream *stream = body->exchange->stream;
	const char *bytes;
	size_t behind = body->begun ? 2 : 0; /* "\r\n" after the chunk before */
	for (size_t least = behind + 1;;) {
		ssize_t n = coro_stream_peek(stream, least, &bytes);
		if (n < (ssize_t)least)
			return n < 0 ? (int)n : CORO_INCOMPLETE;
		if (behind && memcmp(bytes, "\r\n", 2) != 0)
			return -EPROTO;
		long r = http_parse_chunk(bytes + behind, (size_t)n - behind, ret);
		if (r < 0)
			return -EPROTO;
		if (r > 0)
			return coro_stream_consume(stream, behind + (size_t)r);
		least = (size_t)n + 1;
	}
}

/* The fields behind the last chunk are looked at and dropped; the empty line is the end. */
static coro_async int skip_trailer(struct coro_stream *stream)
{
	const char *line;
	for (size_t total = 0; total < HTTP_HEAD;) {
		ssize_t n = coro_stream_readline(stream, &line);
		if (n <= 0)
			return n < 0 ? (int)n : CORO_INCOMPLETE;
		if (n == 2 && memcmp(line, "\r\n", 2) == 0)
			return 0;
		if (!http_is_field(line, (size_t)n))
			return -EPROTO;
		total += (size_t)n;
	}
	return -EPROTO;
}

/* What there is of the body, to be consumed: a count; 0 at the end; or an error. */
static coro_async ssize_t body_peek(struct body *body, const char **ret)
{
	struct coro_stream *stream = body->exchange->stream;
	if (body->left == 0 && body->chunked) {
		int r = next_chunk(body, &body->left);
		if (r < 0)
			return r;
		body->begun = true;
		if (body->left == 0) {
			body->chunked = false;
			return skip_trailer(stream);
		}
	}
	if (body->left == 0)
		return 0;
	ssize_t n = coro_stream_peek(stream, 1, ret);
	if (n <= 0)
		return n < 0 ? n : CORO_INCOMPLETE;
	return (uint64_t)n < body->left ? n : (ssize_t)body->left;
}

static int body_consume(struct body *body, size_t length)
{
	body->left -= length;
	body->total += length;
	if (body->total - body->rewarded >= BODY_PART) {
		body->rewarded = body->total;
		patience_renew(&body->exchange->patience);
	}
	return body->total > MOST_BODY ? -EMSGSIZE
				       : coro_stream_consume(body->exchange->stream, length);
}

static coro_async int body_skip(struct body *body)
{
	const char *bytes;
	ssize_t n;
	while ((n = body_peek(body, &bytes)) > 0) {
		int r = body_consume(body, (size_t)n);
		if (r < 0)
			return r;
	}
	return (int)n;
}

/* ---- what there is ---- */

static int greet(struct exchange *exchange)
{
	answer(exchange, 200, "Hello, world!\n");
	return 0;
}

static int tell_options(struct exchange *exchange)
{
	exchange->answered = true;
	return coro_stream_printf(exchange->stream,
				  "HTTP/1.1 204 No Content\r\nAllow: " METHODS "\r\n%s\r\n",
				  connection_field(exchange));
}

/* Waits where much is to be read by the client. That it has sent a little is no reason for patience. */
static coro_async int make_room(struct exchange *exchange)
{
	enum { MUCH = 64 << 10 };
	return coro_stream_pending(exchange->stream) > MUCH ? drain(exchange) : 0;
}

/* A body that comes with its length goes back as it comes. */
static coro_async int echo(struct exchange *exchange, struct body *body)
{
	struct coro_stream *stream = exchange->stream;
	const char *bytes, *end = "";
	bool chunked = body->chunked;
	ssize_t n;
	int r = 0;
	if (chunked) {
		exchange->answered = true;
		coro_stream_printf(stream,
				   "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
				   "Transfer-Encoding: chunked\r\n%s\r\n",
				   exchange->keep_alive ? "" : "Connection: close\r\n");
		end = "0\r\n\r\n";
	} else {
		begin_answer(exchange, 200, "application/octet-stream", body->left);
	}
	while (r == 0 && (n = body_peek(body, &bytes)) > 0) {
		if (chunked)
			coro_stream_printf(stream, "%zx\r\n", (size_t)n);
		coro_stream_write(stream, bytes, (size_t)n);
		if (chunked)
			coro_stream_write(stream, "\r\n", 2);
		r = body_consume(body, (size_t)n);
		if (r == 0)
			r = make_room(exchange);
	}
	if (r == 0 && n == 0)
		r = coro_stream_write(stream, end, strlen(end));
	return r < 0 ? r : (int)n;
}

static coro_async int count(struct exchange *exchange, const char *path)
{
	struct coro_stream *stream = exchange->stream;
	uint64_t most;
	char number[32];
	if (!http_number((struct http_text){path, strlen(path)}, &most))
		return refuse(exchange, 404);
	if (exchange->request.minor == 0)
		exchange->keep_alive = false; /* it knows no chunks: the end is the end */
	bool chunked = exchange->request.minor > 0;
	exchange->answered = true;
	coro_stream_printf(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n%s%s\r\n",
			   chunked ? "Transfer-Encoding: chunked\r\n" : "",
			   exchange->keep_alive ? "" : "Connection: close\r\n");
	if (exchange->method == HEAD)
		return 0;
	for (uint64_t i = 1; i <= most; i++) {
		int length = snprintf(number, sizeof(number), "%" PRIu64 "\n", i);
		if (chunked)
			coro_stream_printf(stream, "%x\r\n%s\r\n", length, number);
		else
			coro_stream_write(stream, number, (size_t)length);
		int r = drain(exchange);
		if (r < 0)
			return r;
	}
	return chunked ? coro_stream_write(stream, "0\r\n\r\n", 5) : 0;
}

/* ---- files ---- */

static const char *type_of(const char *path)
{
	static const char *const types[][2] = {
		{".html", "text/html"},     {".css", "text/css"},
		{".js", "text/javascript"}, {".txt", "text/plain"},
		{".png", "image/png"},      {".jpg", "image/jpeg"},
		{".svg", "image/svg+xml"},  {".json", "application/json"},
	};
	const char *dot = strrchr(path, '.');
	for (size_t i = 0; dot && i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(dot, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

/* From the system's cache to the socket: it does not come by here. Each part taken renews patience. */
static coro_async int send_file(struct exchange *exchange, int file, off_t length)
{
	enum { PART = 64 << 10 };
	off_t at = 0;
	int r = coro_stream_flush(exchange->stream);
	while (r == 0 && at < length) {
		size_t part = length - at < PART ? (size_t)(length - at) : PART;
		ssize_t n = coro_sendfile(coro_stream_fd(exchange->stream), file, &at, part);
		if (n <= 0)
			r = n < 0 ? (int)n : -EIO; /* it was cut short meanwhile */
		patience_renew(&exchange->patience);
	}
	return r;
}

static coro_async int answer_file(struct exchange *exchange, int file, const char *path)
{
	struct stat status;
	int r = coro_fstat(file, &status);
	if (r < 0 || !S_ISREG(status.st_mode))
		return r == -ECANCELED ? r : refuse(exchange, 404);
	begin_answer(exchange, 200, type_of(path), (uint64_t)status.st_size);
	return exchange->method == HEAD ? 0 : send_file(exchange, file, status.st_size);
}

static coro_async int get_file(struct exchange *exchange, const char *path)
{
	char name[4096];
	const char *index = path[strlen(path) - 1] == '/' ? "index.html" : "";
	int length = root ? snprintf(name, sizeof(name), "%s%s%s", root, path, index) : -1;
	int file = length < 0 || (size_t)length >= sizeof(name)
			   ? -ENOENT
			   : coro_open(name, O_RDONLY | O_NONBLOCK, 0);
	if (file == -ECANCELED)
		return file;
	if (file < 0) {
		answer(exchange, 404, "there is no such thing\n");
		return 0;
	}
	int r = answer_file(exchange, file, name);
	coro_fd_close(file);
	return r;
}

/* ---- requests ---- */

static int method_of(struct http_text word)
{
	static const char *const methods[] = {
		[GET] = "GET", [HEAD] = "HEAD", [POST] = "POST", [OPTIONS] = "OPTIONS"};
	int method = GET;
	while (method < OTHER && !http_is(word, methods[method]))
		method++;
	return method;
}

static coro_async int respond(struct exchange *exchange, struct body *body)
{
	const struct http_request *request = &exchange->request;
	bool of_server = exchange->method == OPTIONS && http_is(request->target, "*");
	char path[1024];
	long r = of_server ? 0 : http_path(request->target, path, sizeof(path));
	if (r < 0)
		return refuse(exchange, (int)-r);
	if (exchange->method == POST && strcmp(path, "/echo") == 0)
		return echo(exchange, body);
	int skipped = body_skip(body);
	if (skipped < 0)
		return skipped;
	if (exchange->method == OPTIONS)
		return tell_options(exchange);
	if (exchange->method != GET && exchange->method != HEAD)
		return refuse(exchange, exchange->method == POST ? 405 : 501);
	if (strcmp(path, "/") == 0)
		return greet(exchange);
	if (strncmp(path, "/count/", 7) == 0)
		return count(exchange, path + 7);
	return get_file(exchange, path);
}

/* Its body is read to the end, whatever was made of it, so that the next begins there. */
static coro_async int serve_request(struct exchange *exchange)
{
	const struct http_request *request = &exchange->request;
	struct body body;
	exchange->method = method_of(request->method);
	exchange->keep_alive = request->keep_alive;
	exchange->answered = false;
	if (request->length > MOST_BODY)
		return refuse(exchange, 413);
	if (request->expects_continue && (request->chunked || request->length > 0))
		coro_stream_write(exchange->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	body_init(&body, exchange);
	int r = respond(exchange, &body);
	if (!exchange->answered && (r == -EPROTO || r == -EMSGSIZE))
		return refuse(exchange, r == -EPROTO ? 400 : 413);
	return r;
}

/* Reads the head of the next request: 1; 0 at the end; a status to refuse it with, or an error. */
static coro_async int read_head(struct exchange *exchange, int *status)
{
	const char *bytes;
	for (size_t least = 1;;) {
		ssize_t n = coro_stream_peek(exchange->stream, least, &bytes);
		if (n < (ssize_t)least)
			return n < 0 ? (int)n : 0;
		long r = http_parse(bytes, (size_t)n, &exchange->request);
		if (r < 0) {
			*status = (int)-r;
			exchange->method = OTHER;
			return 1;
		}
		if (r > 0) /* it stays where it is until more is read, and so do the texts */
			return coro_stream_consume(exchange->stream, (size_t)r) < 0 ? -EIO : 1;
		least = (size_t)n + 1;
	}
}

/* One request: 1, and there may be another; 0, there is none; or an error. */
static coro_async int serve_next(struct exchange *exchange)
{
	int status = 0, r = read_head(exchange, &status);
	if (r <= 0)
		return r;
	r = status ? refuse(exchange, status) : serve_request(exchange);
	if (r == 0)
		r = drain(exchange);
	return r < 0 ? r : exchange->keep_alive;
}

static coro_async int serve_each(struct exchange *exchange)
{
	int r;
	while ((r = serve_next(exchange)) > 0)
		patience_renew(&exchange->patience);
	if (r == -ECANCELED)
		return r;
	patience_renew(&exchange->patience);
	int flushed = coro_stream_flush(exchange->stream);
	return flushed < 0 ? flushed : r;
}

/* What a client for whom there was no more patience has not read, it never will. */
static coro_async int serve_all(struct exchange *exchange)
{
	int r = patience_begin(&exchange->patience, exchange->stream, PATIENCE * CORO_SEC);
	if (r < 0)
		return r;
	r = patience_end(&exchange->patience, serve_each(exchange));
	return r == -ETIMEDOUT ? coro_stream_abort(exchange->stream) : r;
}

static int serve(struct coro_stream *stream, void *arg)
{
	struct exchange *exchange = malloc(sizeof(*exchange));
	if (!exchange)
		return -ENOMEM;
	exchange->stream = stream;
	exchange->keep_alive = true;
	int r = serve_all(exchange);
	free(exchange);
	return r;
}

/* ---- trying it out ---- */

static int try_out(void *address)
{
	static const struct {
		const char *say;
		int lines;
	} script[] = {
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 5},
		{"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 9},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nword\n", 5},
		{"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "6\r\nchunk\n\r\n0\r\n\r\n",
		 9},
		{"GET /count/2 HTTP/1.1\r\nHost: x\r\n\r\n", 12},
		{"GET /../secret HTTP/1.1\r\nHost: x\r\n\r\n", 6},
	};
	struct coro_stream *stream;
	int r = coro_open_connection(address, NULL, NULL, &stream);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(script) / sizeof(*script) && r == 0; i++)
		r = service_ask(stream, script[i].say, script[i].lines);
	coro_stream_destroy(stream);
	return r;
}

int main(int argc, char **argv)
{
	root = argc > 2 ? argv[2] : NULL;
	return service_main(argc, argv, &(struct service){.serve = serve, .try_out = try_out});
}
