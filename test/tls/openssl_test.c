/* SPDX-License-Identifier: MIT */
/* Against openssl s_client and s_server, in real time. */
#include "tls.h"

#include <sys/stat.h>

#define OPTIONS(...) (&(struct coro_tls_options){__VA_ARGS__})

static char directory[32];

static const char *path_of(const char *name)
{
	static char paths[8][64];
	static int count;
	char *path = paths[count++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void openssl_setup(void)
{
	tls_setup();
	strcpy(directory, "/tmp/coro-tls-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	write_file("ca.pem", authority.certificate);
	write_file("certificate.pem", local.certificate);
	write_file("key.pem", local.key);
	make_contexts(OPTIONS(.alpn = "http/1.1"), OPTIONS(.alpn = "http/1.1"));
}

static void openssl_teardown(void)
{
	unlink(path_of("ca.pem"));
	unlink(path_of("certificate.pem"));
	unlink(path_of("key.pem"));
	rmdir(directory);
	tls_teardown();
}

static bool openssl_is_there(void)
{
	return system("command -v openssl >/dev/null 2>&1") == 0;
}

#define need_openssl()                                            \
	do {                                                      \
		if (!openssl_is_there())                          \
			skip_test("there is no openssl command"); \
	} while (0)

/* With a limit in real time, for all that could go wrong. */
static int in_time(coro_fn *fn, void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 50 * CORO_SEC);
	return r < 0 ? r : coro_timeout_end(&timeout, fn(arg));
}

/* Of a pipe that stays the process's. */
static struct coro_stream *stream_of(int fd)
{
	struct coro_stream *stream;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(coro_stream_open(fd, NULL, &stream), 0);
	return stream;
}

/* ---- s_client ---- */

struct client_case {
	const char *arguments[8];
	const char *expected; /* in what it prints */
	int status;
};

static const struct client_case client_cases[] = {
	{{"-tls1_3"}, "Verification: OK"},
	{{"-tls1_2"}, "Verification: OK"},
	{{"-alpn", "h2,http/1.1"}, "ALPN protocol: http/1.1"},
	{{"-verify_hostname", "localhost"}, "Verified peername: localhost"},
	{{"-verify_hostname", "other.example"}, "", 1},
	{{"-tls1_1"}, "", 1},
};

static int echoes(struct coro_stream *stream, void *arg)
{
	const char *text;
	ssize_t n;
	while ((n = coro_stream_readline(stream, &text)) > 0) {
		trace("%.*s", (int)n - 1, text);
		coro_stream_printf(stream, "echo of %.*s", (int)n, text);
		int r = coro_stream_drain(stream);
		if (r < 0)
			return r;
		break;
	}
	return n < 0 ? (int)n : 0;
}

static int runs_client(const struct client_case *this, const char *address)
{
	char ca[64], to[CORO_ADDRESS_SIZE];
	snprintf(ca, sizeof(ca), "%s", path_of("ca.pem"));
	snprintf(to, sizeof(to), "%s", address);
	char *argv[24] = {
		"openssl",     "s_client", "-connect", to, "-CAfile", ca, "-verify_return_error",
		"-servername", "localhost"};
	int argc = 9, code = -1;
	for (int i = 0; this->arguments[i]; i++)
		argv[argc++] = (char *)this->arguments[i];
	struct coro_process_options options = {
		.in = CORO_PIPE, .out = CORO_PIPE, .err = CORO_STDOUT};
	struct coro_process *process;
	struct coro_stream *in, *out;
	char *said;
	int r = coro_process_spawn(argv, &options, &process);
	if (r < 0)
		return r;
	in = stream_of(coro_process_stdin(process));
	out = stream_of(coro_process_stdout(process));
	/* It must not see the end before it has its answer. */
	coro_stream_write(in, "hello\n", 6);
	ssize_t n = coro_stream_read_all(out, 1 << 20, &said);
	ck_assert_int_gt(n, 0);
	ck_assert_says(said, this->expected);
	if (this->status == 0)
		ck_assert_says(said, "echo of hello");
	free(said);
	coro_stream_abort(in);
	coro_stream_destroy(in);
	coro_stream_destroy(out);
	r = coro_process_wait(process, &code);
	ck_assert_int_eq(code, this->status);
	coro_process_destroy(process);
	return r;
}

static int serves_client(void *arg)
{
	struct coro_tls_service service = {server_context, echoes, NULL};
	struct coro_server *listening;
	char address[CORO_ADDRESS_SIZE];
	int fd;
	int r = coro_server_start("127.0.0.1:0", NULL, coro_tls_serve, &service, &listening);
	if (r < 0)
		return r;
	coro_server_sockets(listening, &fd, 1);
	coro_getsockname(fd, address, sizeof(address));
	r = runs_client(arg, address);
	coro_server_shutdown(listening, CORO_SEC);
	coro_server_destroy(listening);
	return r;
}

static int serves_client_in_time(void *arg)
{
	return in_time(serves_client, arg);
}

START_TEST(openssl_s_client_is_served)
{
	struct client_case this = client_cases[_i];
	need_openssl();
	ck_assert_int_eq(coro_run(serves_client_in_time, &this), 0);
	if (this.status == 0)
		ck_assert_trace("hello");
}
END_TEST

/* ---- s_server ---- */

struct server_case {
	const char *arguments[4];
	const char *host;
	int expected;
};

static const struct server_case server_cases[] = {
	{{"-tls1_3"}, "localhost", 0},
	{{"-tls1_2"}, "localhost", 0},
	{{"-alpn", "http/1.1"}, "127.0.0.1", 0},
	{{NULL}, "other.example", CORO_UNTRUSTED},
};

/* A page of s_server's own, and its end. */
static int gets_page(const char *address, const struct server_case *this)
{
	struct coro_stream *stream;
	char *page;
	int r = coro_tls_open_connection(address, client_context, this->host, NULL, NULL, &stream);
	if (r < 0)
		return r;
	ck_assert_pstr_eq(coro_tls_alpn(stream), this->arguments[1]);
	coro_stream_printf(stream, "GET / HTTP/1.0\r\n\r\n");
	ssize_t n = coro_stream_read_all(stream, 1 << 20, &page);
	coro_stream_destroy(stream);
	if (n < 0)
		return (int)n;
	ck_assert_says(page, "200 ok");
	ck_assert_says(page, "Ciphers supported");
	free(page);
	return 0;
}

/* It says where it listens, "ACCEPT 127.0.0.1:4433". */
static int read_address(struct coro_stream *out, char *ret, size_t size)
{
	const char *text;
	ssize_t n;
	while ((n = coro_stream_readline(out, &text)) > 0)
		if (n > 7 && memcmp(text, "ACCEPT ", 7) == 0) {
			snprintf(ret, size, "%.*s", (int)n - 8, text + 7);
			return 0;
		}
	return n < 0 ? (int)n : -ENOENT;
}

static int asks_server(void *arg)
{
	const struct server_case *this = arg;
	char certificate[64], key[64], address[CORO_ADDRESS_SIZE];
	snprintf(certificate, sizeof(certificate), "%s", path_of("certificate.pem"));
	snprintf(key, sizeof(key), "%s", path_of("key.pem"));
	char *argv[24] = {"openssl",   "s_server", "-accept", "127.0.0.1:0", "-www", "-cert",
			  certificate, "-key",     key};
	int argc = 9;
	for (int i = 0; this->arguments[i]; i++)
		argv[argc++] = (char *)this->arguments[i];
	struct coro_process_options options = {
		.in = CORO_DEVNULL, .out = CORO_PIPE, .err = CORO_STDOUT};
	struct coro_process *process;
	struct coro_stream *out;
	int r = coro_process_spawn(argv, &options, &process);
	if (r < 0)
		return r;
	out = stream_of(coro_process_stdout(process));
	r = read_address(out, address, sizeof(address));
	if (r == 0)
		r = gets_page(address, this);
	coro_process_kill(process);
	coro_process_wait(process, NULL);
	coro_process_destroy(process);
	coro_stream_destroy(out);
	return r;
}

static int asks_server_in_time(void *arg)
{
	return in_time(asks_server, arg);
}

START_TEST(openssl_s_server_answers)
{
	struct server_case this = server_cases[_i];
	need_openssl();
	ck_assert_int_eq(coro_run(asks_server_in_time, &this), this.expected);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, openssl_setup, openssl_teardown);
	tcase_add_loop_test(tests, openssl_s_client_is_served, 0, COUNT(client_cases));
	tcase_add_loop_test(tests, openssl_s_server_answers, 0, COUNT(server_cases));
}

TEST_MAIN("openssl", add)
