/* SPDX-License-Identifier: MIT */
/*
 * Gets a page by HTTPS and prints it:  https_get https://example.org/
 *
 * Without arguments it gets one from a server of its own, which has a certificate made on the spot.
 * Built where OpenSSL is, with what pkg-config says of coro-tls.
 */
#include "certificate.h"

#include <coro.h>
#include <coro/tls.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the client ---- */

/* "https://HOST[:PORT][/PATH]" in its parts. */
struct url {
	char address[300], host[256];
	const char *path;
};

static int parse(const char *text, struct url *ret)
{
	static const char scheme[] = "https://";
	if (strncmp(text, scheme, strlen(scheme)) != 0)
		return coro_raise(-EINVAL, "%s: not https", text);
	text += strlen(scheme);
	size_t length = strcspn(text, "/?#"), name = strcspn(text, ":/?#");
	if (*text == '[')
		name = strcspn(text, "]") + 1;
	if (name == 0 || name > length || length >= sizeof(ret->host))
		return coro_raise(-EINVAL, "%s: no host", text);
	snprintf(ret->host, sizeof(ret->host), "%.*s", (int)length, text);
	snprintf(ret->address, sizeof(ret->address), "%s%s", ret->host,
		 name == length ? ":443" : "");
	ret->path = text[length] == '/' ? text + length : "/";
	return 0;
}

/* HTTP/1.0, so that the answer ends where the connection does. Prints the body, and the status. */
static coro_async int ask(struct coro_stream *stream, const struct url *url, FILE *status)
{
	const char *line;
	char block[16384];
	ssize_t n;
	int r = coro_stream_printf(stream, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", url->path,
				   url->host);
	if (r < 0)
		return r;
	for (int i = 0; (n = coro_stream_readline(stream, &line)) > 2; i++)
		if (i == 0)
			fprintf(status, "%.*s\n", (int)strcspn(line, "\r\n"), line);
	while (n > 0 && (n = coro_stream_read(stream, block, sizeof(block))) > 0)
		fwrite(block, 1, (size_t)n, stdout);
	return (int)n;
}

static coro_async int get(struct coro_tls_context *context, const struct url *url, FILE *status)
{
	struct coro_dial_options options = {.timeout = 30 * CORO_SEC};
	struct coro_stream *stream;
	int r = coro_tls_open_connection(url->address, context, NULL, &options, NULL, &stream);
	if (r < 0)
		return r;
	fprintf(status, "%s, %s\n", coro_tls_version(stream),
		coro_tls_alpn(stream) ? coro_tls_alpn(stream) : "no protocol agreed on");
	r = ask(stream, url, status);
	coro_stream_destroy(stream);
	return r;
}

static coro_async int get_by_url(void *text)
{
	/* Many servers of HTTP/1.0 end a page without a word. */
	struct coro_tls_options options = {.alpn = "http/1.1,http/1.0",
					   .flags = CORO_TLS_RAGGED_END};
	struct coro_tls_context *context;
	struct url url;
	int r = parse(text, &url);
	if (r == 0)
		r = coro_tls_client_create(&options, &context);
	if (r < 0)
		return r;
	r = get(context, &url, stderr);
	coro_tls_context_destroy(context);
	return r;
}

/* ---- a server of its own ---- */

static coro_async int answer(struct coro_stream *stream, void *arg)
{
	const char *line;
	char path[100] = "";
	ssize_t n;
	for (int i = 0; (n = coro_stream_readline(stream, &line)) > 2; i++)
		if (i == 0)
			snprintf(path, sizeof(path), "%.*s", (int)strcspn(line + 4, " "), line + 4);
	if (n < 0)
		return (int)n;
	return coro_stream_printf(stream,
				  "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"
				  "This is %s of %s.\n",
				  path, coro_tls_host(stream) ? coro_tls_host(stream) : "nobody");
}

/* The same address under two names, of which the certificate has one. */
static coro_async int get_from(struct coro_server *server, struct coro_tls_context *context)
{
	char address[CORO_ADDRESS_SIZE];
	struct url url = {.path = "/page"};
	coro_server_address(server, address, sizeof(address));
	const char *port = strrchr(address, ':');
	snprintf(url.host, sizeof(url.host), "localhost%s", port);
	snprintf(url.address, sizeof(url.address), "localhost%s", port);
	int r = get(context, &url, stdout);
	if (r < 0)
		return r;
	snprintf(url.address, sizeof(url.address), "127.0.0.1%s", port);
	r = get(context, &url, stdout);
	printf("as 127.0.0.1: %s\n", coro_strerror(r));
	return r == CORO_UNTRUSTED ? 0 : -EPROTO;
}

/* The client is meant to hang up on a name that the certificate does not have. */
static void connection_failed(int error, const char *message, void *arg)
{
}

static coro_async int get_from_itself(void *certificate)
{
	struct coro_server_options options = {.failed = connection_failed};
	struct coro_tls_options serving = {.certificate = certificate, .alpn = "http/1.0"};
	struct coro_tls_options trusting = {.ca = certificate, .alpn = "http/1.1,http/1.0"};
	struct coro_tls_service service = {.fn = answer};
	struct coro_tls_context *client = NULL;
	struct coro_server *server = NULL;
	int r = coro_tls_server_create(&serving, &service.context);
	if (r == 0)
		r = coro_tls_client_create(&trusting, &client);
	if (r == 0)
		r = coro_server_start("127.0.0.1:0", &options, coro_tls_serve, &service, &server);
	if (r == 0) {
		r = get_from(server, client);
		coro_server_shutdown(server, CORO_SEC);
		coro_server_destroy(server);
	}
	coro_tls_context_destroy(client);
	coro_tls_context_destroy(service.context);
	return r;
}

static coro_async int program(void *arg)
{
	char **argv = arg, *certificate = NULL;
	int r = argv[1] ? get_by_url(argv[1]) : get_from_itself(certificate = certificate_make());
	free(certificate);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r;
}

int main(int argc, char **argv)
{
	return coro_run(program, argv) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
