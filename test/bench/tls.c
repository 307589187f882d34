/* SPDX-License-Identifier: MIT */
/*
 * TLS in bulk, to and from a server, and a message of 64 bytes that goes there and back: streams beside
 * OpenSSL over a blocking socket. The server has one core, and its client, OpenSSL over a blocking
 * socket, the other.
 *
 *   tls [bytes of a write]         65536, unless told
 *   tls serve POLLER|plain sends|receives|echoes
 *                                  one server, in this process alone, for perf and strace
 */
#include "../../demo/certificate.h"
#include "bench.h"

#include <arpa/inet.h>
#include <coro.h>
#include <coro/tls.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TLS_ROUNDS = 9, MESSAGE = 64, MOST_CHUNK = 1 << 20 };

static const long bulk = 128 << 20, messages = 20000;
static int chunk = 65536;
static char *certificate;
static char bytes[MOST_CHUNK];
static struct sockaddr_in address;

/* What a server does. */
static enum task { SENDS, RECEIVES, ECHOES } task;
static const char *const tasks[] = {"sends", "receives", "echoes"};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void pin(int core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(core % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int listen_here(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(address);
	address = (struct sockaddr_in){.sin_family = AF_INET};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		fail("listen");
	return fd;
}

static int accept_one(int listening)
{
	int fd = accept(listening, NULL, NULL);
	if (fd < 0)
		fail("accept");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	return fd;
}

/* -- OpenSSL over a blocking socket, either end */

static void send_bulk(SSL *ssl)
{
	for (long done = 0; done < bulk; done += chunk)
		if (SSL_write(ssl, bytes, chunk) != chunk)
			fail("SSL_write");
	SSL_shutdown(ssl);
}

static void receive_bulk(SSL *ssl)
{
	while (SSL_read(ssl, bytes, chunk) > 0)
		;
	SSL_shutdown(ssl);
}

static void ask(SSL *ssl)
{
	for (long i = 0; i < messages; i++)
		if (SSL_write(ssl, bytes, MESSAGE) != MESSAGE ||
		    SSL_read(ssl, bytes, MESSAGE) != MESSAGE)
			fail("ask");
	SSL_shutdown(ssl);
}

static void answer(SSL *ssl)
{
	int n;
	while ((n = SSL_read(ssl, bytes, MESSAGE)) > 0)
		if (SSL_write(ssl, bytes, n) != n)
			fail("SSL_write");
	SSL_shutdown(ssl);
}

static void use_certificate(SSL_CTX *ctx)
{
	BIO *bio = BIO_new_mem_buf(certificate, -1);
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	if (SSL_CTX_use_certificate(ctx, x509) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		fail("certificate");
	X509_free(x509);
	EVP_PKEY_free(key);
	BIO_free(bio);
}

static void plain_server(int listening)
{
	static void (*const does[])(SSL *) = {send_bulk, receive_bulk, answer};
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	use_certificate(ctx);
	SSL *ssl = SSL_new(ctx);
	SSL_set_fd(ssl, accept_one(listening));
	if (SSL_accept(ssl) != 1)
		fail("SSL_accept");
	does[task](ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static void client(void)
{
	static void (*const does[])(SSL *) = {receive_bulk, send_bulk, ask};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1)
		fail("SSL_connect");
	does[task](ssl);
	/* Until the server is done, too. */
	while (SSL_read(ssl, bytes, chunk) > 0)
		;
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
}

/* -- streams */

static int send_all(struct coro_stream *stream)
{
	int r = 0;
	for (long done = 0; done < bulk && r == 0; done += chunk) {
		r = coro_stream_write(stream, bytes, (size_t)chunk);
		if (r == 0)
			r = coro_stream_drain(stream);
	}
	return r == 0 ? coro_stream_flush(stream) : r;
}

static int receive_all(struct coro_stream *stream)
{
	ssize_t n;
	while ((n = coro_stream_read(stream, bytes, (size_t)chunk)) > 0)
		;
	return (int)n;
}

static int echo_all(struct coro_stream *stream)
{
	char message[MESSAGE];
	ssize_t n;
	while ((n = coro_stream_read(stream, message, sizeof(message))) > 0)
		if (coro_stream_write(stream, message, (size_t)n) < 0)
			return -EIO;
	return (int)n;
}

static int serve(void *arg)
{
	static int (*const does[])(struct coro_stream *) = {send_all, receive_all, echo_all};
	struct coro_tls_options options = {.certificate = certificate};
	struct coro_tls_context *context;
	struct coro_stream *stream;
	int r = coro_tls_server_create(&options, &context);
	if (r < 0)
		return r;
	r = coro_stream_open(accept_one((int)(intptr_t)arg), NULL, &stream);
	if (r == 0)
		r = coro_tls_accept(stream, context);
	if (r == 0)
		r = does[task](stream);
	if (r == 0)
		coro_stream_close(stream);
	if (r == 0)
		r = coro_stream_wait_closed(stream);
	coro_stream_destroy(stream);
	coro_tls_context_destroy(context);
	return r;
}

static enum coro_poller poller;

static void coro_server(int listening)
{
	struct coro_loop_options options = {.poller = poller};
	int r = coro_run_with(&options, serve, (void *)(intptr_t)listening);
	if (r < 0) {
		fprintf(stderr, "%s\n", coro_message(r));
		exit(1);
	}
}

/* -- rounds */

struct cost {
	double wall, cpu; /* ns of a KiB, or a message; cpu: the server's */
};

static double ns_of(struct timeval time)
{
	return (double)time.tv_sec * 1e9 + (double)time.tv_usec * 1e3;
}

static struct cost measure(void (*server)(int listening))
{
	int listening = listen_here(), status;
	double count = task == ECHOES ? (double)messages : (double)bulk / 1024;
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		pin(1);
		server(listening);
		_exit(0);
	}
	close(listening);
	double start = bench_now();
	client();
	double end = bench_now();
	struct rusage usage;
	if (wait4(child, &status, 0, &usage) < 0 || status != 0)
		fail("server");
	double cpu = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
	return (struct cost){(end - start) / count, cpu / count};
}

static const struct {
	const char *name;
	enum coro_poller poller; /* CORO_POLLER_DEFAULT: no loop */
} contenders[] = {
	{"OpenSSL, a blocking socket", CORO_POLLER_DEFAULT},
	{"coro, epoll", CORO_POLLER_EPOLL},
	{"coro, uring", CORO_POLLER_URING},
	{"coro, poll", CORO_POLLER_POLL},
};

enum { CONTENDERS = sizeof(contenders) / sizeof(contenders[0]) };

static void compare(void)
{
	struct bench wall[CONTENDERS], cpu[CONTENDERS];
	const char *unit = task == ECHOES ? "message" : "KiB";
	for (int round = 0; round < TLS_ROUNDS; round++) {
		for (int i = 0; i < CONTENDERS; i++) {
			poller = contenders[i].poller;
			struct cost cost = measure(i == 0 ? plain_server : coro_server);
			wall[i].name = cpu[i].name = contenders[i].name;
			wall[i].ns[round] = cost.wall;
			cpu[i].ns[round] = cost.cpu;
			wall[i].ratio[round] = cost.wall / wall[0].ns[round];
			cpu[i].ratio[round] = cost.cpu / cpu[0].ns[round];
		}
	}
	printf("the server %s, time a %s:\n", tasks[task], unit);
	for (int i = 0; i < CONTENDERS; i++)
		bench_line(&wall[i], TLS_ROUNDS);
	printf("the server %s, its CPU a %s:\n", tasks[task], unit);
	for (int i = 0; i < CONTENDERS; i++)
		bench_line(&cpu[i], TLS_ROUNDS);
}

/* The server in this process, the client in another. */
static int serve_here(const char *name)
{
	int listening = listen_here();
	if (fork() == 0) {
		pin(0);
		client();
		_exit(0);
	}
	pin(1);
	if (strcmp(name, "plain") == 0) {
		plain_server(listening);
	} else {
		setenv("CORO_POLLER", name, 1);
		coro_server(listening);
	}
	wait(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	certificate = certificate_make();
	if (argc > 3 && strcmp(argv[1], "serve") == 0) {
		while (task < ECHOES && strcmp(tasks[task], argv[3]) != 0)
			task++;
		return serve_here(argv[2]);
	}
	chunk = argc > 1 ? atoi(argv[1]) : chunk;
	if (chunk < 1 || chunk > MOST_CHUNK)
		return 2;
	pin(0);
	for (task = SENDS; task <= ECHOES; task++)
		compare();
	free(certificate);
	return 0;
}
