/* SPDX-License-Identifier: MIT */
/*
 * A web server for HTTP/1.1, with persistent connections, pipelined requests, and bodies with a
 * length or in chunks. It serves
 *
 *   /           a greeting
 *   /echo       the body of a POST, sent back
 *   /count/N    the numbers from 1 to N, in chunks
 *   /...        the files below ROOT; symbolic links are not followed
 *
 * serve() runs as a task for each connection and responds to one request after another. Nothing in
 * it is a callback or a state machine: a function that needs more bytes calls a function that waits
 * for them.
 *
 * An idle client is disconnected after 10 s: see idle.h. A client that sends a body must send at
 * least 1 KiB in that time.
 *
 * http.h parses requests. It knows nothing of coroutines. With --threads N there are N such servers at
 * one address, each in a thread: see threads.h.
 */
#include "http.h"
#include "idle.h"
#include "threads.h"
#include "usage.h"

#include <coro.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

enum {
	IDLE_TIMEOUT = 10, /* seconds */
	MAX_BODY = 16 << 20,
	BODY_PART = 1024, /* this much of a body renews the idle timeout */
};

static const char *root; /* NULL: no files */

/* A connection and its present request. */
struct exchange {
	struct coro_stream *stream;
	struct idle idle;
	struct http_request request; /* in the stream's buffer: valid until the next read */
	enum { GET, HEAD, POST, OPTIONS, OTHER } method;
	bool keep_alive;
	bool responded; /* the response has begun */
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

static const char *reason(int status)
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

/* Returns the field that says whether the connection stays open; "" if the client assumes so. */
static const char *connection_field(const struct exchange *exchange)
{
	if (!exchange->keep_alive)
		return "Connection: close\r\n";
	return exchange->request.minor > 0 ? "" : "Connection: keep-alive\r\n";
}

/*
 * Writes the head of a response whose body has length bytes. Writing does not wait. A result is not
 * checked here: after a failure the stream is lost, and the next call that waits returns the error.
 */
static void begin_response(struct exchange *exchange, int status, const char *type, uint64_t length)
{
	char head[256];
	exchange->responded = true;
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %" PRIu64
			 "\r\n%s%s\r\n",
			 status, reason(status), type, length,
			 status == 405 ? "Allow: " METHODS "\r\n" : "", connection_field(exchange));
	coro_stream_write(exchange->stream, head, (size_t)n);
}

static void send_text(struct exchange *exchange, int status, const char *text)
{
	begin_response(exchange, status, "text/plain", strlen(text));
	if (exchange->method != HEAD)
		coro_stream_write(exchange->stream, text, strlen(text));
}

/* Responds with an error and closes the connection: where the next request begins is not known. */
static int refuse(struct exchange *exchange, int status)
{
	char text[64];
	exchange->keep_alive = false;
	snprintf(text, sizeof(text), "%d %s\n", status, reason(status));
	send_text(exchange, status, text);
	return 0;
}

/* ---- bodies ---- */

/* A request's body, read piece by piece. */
struct body {
	struct exchange *exchange;
	uint64_t left; /* bytes of the body, or of the present chunk */
	bool chunked;
	bool begun;       /* the first chunk has begun */
	uint64_t total;   /* bytes read */
	uint64_t renewed; /* how many of them have renewed the idle timeout */
};

static void body_init(struct body *body, struct exchange *exchange)
{
	const struct http_request *request = &exchange->request;
	*body = (struct body){.exchange = exchange, .chunked = request->chunked};
	if (!request->chunked)
		body->left = request->length;
}

/* Reads the line that begins a chunk; *ret is the chunk's size. */
static coro_async int next_chunk(struct body *body, uint64_t *ret)
{
	struct coro_stream *stream = body->exchange->stream;
	const char *bytes;
	size_t skip = body->begun ? 2 : 0; /* the "\r\n" that ends the chunk before */
	for (size_t least = skip + 1;;) {
		ssize_t n = coro_stream_peek(stream, least, &bytes);
		if (n < (ssize_t)least)
			return n < 0 ? (int)n : CORO_INCOMPLETE;
		if (skip && memcmp(bytes, "\r\n", 2) != 0)
			return -EPROTO;
		long r = http_parse_chunk(bytes + skip, (size_t)n - skip, ret);
		if (r < 0)
			return -EPROTO;
		if (r > 0)
			return coro_stream_consume(stream, skip + (size_t)r);
		least = (size_t)n + 1;
	}
}

/* Reads and ignores the fields after the last chunk, up to the empty line. */
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

/*
 * Waits for more of the body. Returns how many bytes *ret points to, 0 at the body's end, or an
 * error. body_consume takes them out of the buffer.
 */
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
	if (body->total - body->renewed >= BODY_PART) {
		body->renewed = body->total;
		idle_renew(&body->exchange->idle);
	}
	return body->total > MAX_BODY ? -EMSGSIZE
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

/* ---- what it serves ---- */

static int greet(struct exchange *exchange)
{
	send_text(exchange, 200, "Hello, world!\n");
	return 0;
}

static int send_options(struct exchange *exchange)
{
	exchange->responded = true;
	return coro_stream_printf(exchange->stream,
				  "HTTP/1.1 204 No Content\r\nAllow: " METHODS "\r\n%s\r\n",
				  connection_field(exchange));
}

/*
 * Drains, but only if there is much to be read: a client that sends a byte at a time must not renew
 * its idle timeout with each of them.
 */
static coro_async int drain_if_full(struct exchange *exchange)
{
	enum { FULL = 64 << 10 };
	return coro_stream_pending(exchange->stream) > FULL ? drain(exchange) : 0;
}

/* Sends the body back while it comes, with its length if that is known, else in chunks. */
static coro_async int echo(struct exchange *exchange, struct body *body)
{
	struct coro_stream *stream = exchange->stream;
	const char *bytes, *end = "";
	bool chunked = body->chunked;
	ssize_t n;
	int r = 0;
	if (chunked) {
		exchange->responded = true;
		coro_stream_printf(stream,
				   "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
				   "Transfer-Encoding: chunked\r\n%s\r\n",
				   exchange->keep_alive ? "" : "Connection: close\r\n");
		end = "0\r\n\r\n";
	} else {
		begin_response(exchange, 200, "application/octet-stream", body->left);
	}
	while (r == 0 && (n = body_peek(body, &bytes)) > 0) {
		if (chunked)
			coro_stream_printf(stream, "%zx\r\n", (size_t)n);
		coro_stream_write(stream, bytes, (size_t)n);
		if (chunked)
			coro_stream_write(stream, "\r\n", 2);
		r = body_consume(body, (size_t)n);
		if (r == 0)
			r = drain_if_full(exchange);
	}
	if (r == 0 && n == 0)
		r = coro_stream_write(stream, end, strlen(end));
	return r < 0 ? r : (int)n;
}

static coro_async int count(struct exchange *exchange, const char *path)
{
	struct coro_stream *stream = exchange->stream;
	uint64_t last;
	char number[32];
	if (!http_number((struct http_text){path, strlen(path)}, &last))
		return refuse(exchange, 404);
	if (exchange->request.minor == 0)
		exchange->keep_alive = false; /* HTTP/1.0 has no chunks: the body ends with it */
	bool chunked = exchange->request.minor > 0;
	exchange->responded = true;
	coro_stream_printf(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n%s%s\r\n",
			   chunked ? "Transfer-Encoding: chunked\r\n" : "",
			   exchange->keep_alive ? "" : "Connection: close\r\n");
	if (exchange->method == HEAD)
		return 0;
	for (uint64_t i = 1; i <= last; i++) {
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

/*
 * Sends a file without copying it to this program. The stream is flushed first, because
 * coro_sendfile writes to its fd.
 */
static coro_async int send_file(struct exchange *exchange, int file, off_t length)
{
	enum { PART = 64 << 10 }; /* each renews the idle timeout */
	off_t at = 0;
	int r = coro_stream_flush(exchange->stream);
	while (r == 0 && at < length) {
		size_t part = length - at < PART ? (size_t)(length - at) : PART;
		ssize_t n = coro_sendfile(coro_stream_fd(exchange->stream), file, &at, part);
		if (n <= 0)
			r = n < 0 ? (int)n : -EIO; /* 0: somebody has cut the file */
		idle_renew(&exchange->idle);
	}
	return r;
}

static coro_async int respond_with_file(struct exchange *exchange, int file, const char *path)
{
	struct stat status;
	int r = coro_fstat(file, &status);
	if (r < 0 || !S_ISREG(status.st_mode))
		return r == -ECANCELED ? r : refuse(exchange, 404);
	begin_response(exchange, 200, type_of(path), (uint64_t)status.st_size);
	return exchange->method == HEAD ? 0 : send_file(exchange, file, status.st_size);
}

struct search {
	char name[1024 + sizeof("index.html")];
	int fd; /* -1: not found */
};

/*
 * Opens a file below root, one directory after another, so that no symbolic link leads out. It
 * blocks, so it runs in a thread.
 */
static int open_below_root(void *arg)
{
	enum { FLAGS = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC };
	struct search *search = arg;
	char *rest, *part = strtok_r(search->name, "/", &rest);
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (part && fd >= 0) {
		char *next = strtok_r(NULL, "/", &rest);
		int below = openat(fd, part, next ? FLAGS | O_DIRECTORY : FLAGS);
		close(fd);
		fd = below;
		part = next;
	}
	search->fd = fd;
	return 0;
}

static coro_async int get_file(struct exchange *exchange, const char *path)
{
	const char *index = path[strlen(path) - 1] == '/' ? "index.html" : "";
	struct search search = {.fd = -1};
	snprintf(search.name, sizeof(search.name), "%s%s", path, index);
	int r = root ? coro_to_thread(open_below_root, &search) : 0;
	if (search.fd < 0 && r != -ECANCELED) {
		send_text(exchange, 404, "not found\n");
		return 0;
	}
	if (search.fd >= 0) {
		coro_fd_forget(search.fd); /* the loop has not opened it */
		if (r == 0)
			r = respond_with_file(exchange, search.fd, *index ? index : path);
		coro_fd_close(search.fd);
	}
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
	bool any_path = exchange->method == OPTIONS && http_is(request->target, "*");
	char path[1024];
	long r = any_path ? 0 : http_path(request->target, path, sizeof(path));
	if (r < 0)
		return refuse(exchange, (int)-r);
	if (exchange->method == POST && strcmp(path, "/echo") == 0)
		return echo(exchange, body);
	int skipped = body_skip(body); /* the next request begins after it */
	if (skipped < 0)
		return skipped;
	if (exchange->method == OPTIONS)
		return send_options(exchange);
	if (exchange->method != GET && exchange->method != HEAD)
		return refuse(exchange, exchange->method == POST ? 405 : 501);
	if (strcmp(path, "/") == 0)
		return greet(exchange);
	if (strncmp(path, "/count/", 7) == 0)
		return count(exchange, path + 7);
	return get_file(exchange, path);
}

static coro_async int serve_request(struct exchange *exchange)
{
	const struct http_request *request = &exchange->request;
	struct body body;
	exchange->method = method_of(request->method);
	exchange->keep_alive = request->keep_alive;
	exchange->responded = false;
	if (request->length > MAX_BODY)
		return refuse(exchange, 413);
	if (request->expects_continue && (request->chunked || request->length > 0))
		coro_stream_write(exchange->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	body_init(&body, exchange);
	int r = respond(exchange, &body);
	if (!exchange->responded && (r == -EPROTO || r == -EMSGSIZE))
		return refuse(exchange, r == -EPROTO ? 400 : 413);
	return r;
}

/*
 * Reads the head of the next request. Returns 1, 0 at the end, or an error; *status is the status
 * to refuse the request with, if it is malformed.
 */
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
		if (r > 0) /* consumed bytes stay in the buffer until the next read */
			return coro_stream_consume(exchange->stream, (size_t)r) < 0 ? -EIO : 1;
		least = (size_t)n + 1;
	}
}

/* Serves one request. Returns 1 if there may be another, 0 if not, or an error. */
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
		idle_renew(&exchange->idle);
	if (r == -ECANCELED)
		return r;
	idle_renew(&exchange->idle);
	int flushed = coro_stream_flush(exchange->stream);
	return flushed < 0 ? flushed : r;
}

/* An idle client is not a failure: its connection is reset, and what it has not read is dropped. */
static coro_async int serve_all(struct exchange *exchange)
{
	int r = idle_begin(&exchange->idle, exchange->stream, IDLE_TIMEOUT * CORO_SEC);
	if (r < 0)
		return r;
	r = idle_end(&exchange->idle, serve_each(exchange));
	return r == -ETIMEDOUT ? coro_stream_abort(exchange->stream) : r;
}

/* Runs as a task for each connection. An exchange is too large for the stack's first page. */
static coro_async int serve(struct coro_stream *stream, void *arg)
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

/* ---- the server ---- */

/* Called when a serve() fails. That clients hang up or talk nonsense is not worth a line. */
static void client_failed(int error, const char *message, void *arg)
{
	if (error != -ECONNRESET && error != -EPIPE && error != -EPROTO)
		fprintf(stderr, "client: %s\n", message);
}

/* Runs in each thread, as the main task of its loop. */
static coro_async int run_server(unsigned i, void *arg)
{
	struct threads *threads = arg;
	const struct coro_server_options options = {
		/* Notices clients whose machine is gone. */
		.listen.flags = CORO_NET_KEEPALIVE | threads->flags,
		.max_connections = 10000,
		.failed = client_failed,
	};
	struct coro_server *server;
	int r = threads_begin(threads, i);
	if (r == 0)
		r = coro_server_start(threads->address, &options, serve, NULL, &server);
	if (r < 0)
		return r;
	threads_ready(threads, i, server);

	r = threads_wait(threads, i);
	coro_server_shutdown(server, 2 * CORO_SEC); /* requests may finish for 2 s */
	coro_server_destroy(server);
	return r;
}

int main(int argc, char **argv)
{
	unsigned threads = threads_option(&argc, &argv);
	usage(argc, argv, 1, 2, "[--threads N] HOST:PORT [ROOT]");
	root = argv[2];
	int r = threads_run(threads, argv[1], run_server);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
