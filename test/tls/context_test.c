/* SPDX-License-Identifier: MIT */
/* Contexts: what they are made of, and what they refuse. */
#include "tls.h"

#include <sys/stat.h>

#define OPTIONS(...) (&(struct coro_tls_options){__VA_ARGS__})

static char directory[32];

static void context_setup(void)
{
	tls_setup();
	strcpy(directory, "/tmp/coro-tls-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

/* The path of a file there, with this in it. */
static const char *file_of(const char *name, const char *text)
{
	static char paths[8][64];
	static int count;
	char *path = paths[count++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void context_teardown(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	while ((entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(directory);
	tls_teardown();
}

static int makes_server(const struct coro_tls_options *options)
{
	struct coro_tls_context *context;
	int r = coro_tls_server_create(options, &context);
	if (r == 0)
		coro_tls_context_destroy(context);
	return r;
}

static int makes_client(const struct coro_tls_options *options)
{
	struct coro_tls_context *context;
	int r = coro_tls_client_create(options, &context);
	if (r == 0)
		coro_tls_context_destroy(context);
	return r;
}

static char *joined(const char *a, const char *b)
{
	static char text[16384];
	snprintf(text, sizeof(text), "%s%s", a, b);
	return text;
}

static char *encrypted_key(const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, local.pkey, EVP_aes_128_cbc(), NULL, 0, NULL,
				 (void *)password);
	return text_of(bio);
}

START_TEST(certificates_come_from_files_and_from_memory)
{
	const char *both = joined(local.certificate, local.key);
	struct coro_tls_options ways[] = {
		{.certificate = local.certificate, .key = local.key},
		{.certificate = both},
		{.certificate_file = file_of("both.pem", both)},
		{.certificate_file = file_of("certificate.pem", local.certificate),
		 .key_file = file_of("key.pem", local.key)},
		{.certificate = local.certificate, .key_file = file_of("key.pem", local.key)},
		{.certificate_file = file_of("certificate.pem", local.certificate),
		 .key = local.key},
	};
	begin(UNIX, OPTIONS(.ca_file = file_of("ca.pem", authority.certificate)), &ways[_i]);
}
END_TEST

START_TEST(authorities_come_from_a_directory)
{
	char name[32];
	snprintf(name, sizeof(name), "%08lx.0", X509_subject_name_hash(authority.x509));
	file_of(name, authority.certificate);
	begin(UNIX, OPTIONS(.ca_directory = directory), NULL);
}
END_TEST

START_TEST(several_authorities_are_trusted)
{
	struct identity other = make_identity("Other", NULL, NULL, A_DAY);
	const char *both = joined(other.certificate, authority.certificate);
	begin(UNIX, _i ? OPTIONS(.ca = both) : OPTIONS(.ca_file = file_of("ca.pem", both)), NULL);
	identity_finish(&other);
}
END_TEST

START_TEST(a_key_may_have_a_password)
{
	char *key = encrypted_key("secret");
	struct coro_tls_options options = {.certificate = local.certificate, .key = key};
	/* The passphrase is not asked for. */
	ck_assert_int_eq(makes_server(&options), -EINVAL);
	options.password = "wrong";
	ck_assert_int_eq(makes_server(&options), -EINVAL);
	options.password = "secret";
	ck_assert_int_eq(makes_server(&options), 0);
	options.key = NULL;
	options.key_file = file_of("key.pem", key);
	ck_assert_int_eq(makes_server(&options), 0);
	options.password = NULL;
	ck_assert_int_eq(makes_server(&options), -EINVAL);
	free(key);
}
END_TEST

START_TEST(what_is_not_there_is_an_error_with_a_message)
{
	struct coro_tls_options options = {.certificate_file = "/nowhere/at/all"};
	ck_assert_int_eq(makes_server(&options), -ENOENT);
	ck_assert_says(coro_message(-ENOENT), "/nowhere/at/all: No such file");
	ck_assert_int_eq(makes_client(OPTIONS(.ca_file = "/nowhere/at/all")), -ENOENT);
	ck_assert_int_eq(makes_client(OPTIONS(.ca_directory = "/nowhere/at/all")), -ENOENT);
	ck_assert_says(coro_message(-ENOENT), "/nowhere/at/all: No such file");
	ck_assert_int_eq(makes_client(OPTIONS(.ca_directory = "/dev/null")), -ENOTDIR);
	options = (struct coro_tls_options){.certificate = local.certificate,
					    .key_file = "/nowhere/at/all"};
	ck_assert_int_eq(makes_server(&options), -ENOENT);
}
END_TEST

START_TEST(what_is_no_certificate_or_key_is_an_error)
{
	static const char cut[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
	const char *half = joined(authority.certificate, cut);
	struct coro_tls_options options = {.certificate = "nothing", .key = local.key};
	ck_assert_int_eq(makes_server(&options), -EINVAL);
	options = (struct coro_tls_options){.certificate = local.certificate, .key = "nothing"};
	ck_assert_int_eq(makes_server(&options), -EINVAL);
	options = (struct coro_tls_options){.certificate = local.certificate};
	ck_assert_int_eq(makes_server(&options), -EINVAL);
	options = (struct coro_tls_options){.certificate = local.certificate, .key = authority.key};
	ck_assert_int_eq(makes_server(&options), -EINVAL);
	ck_assert_says(coro_message(-EINVAL), "key values mismatch");
	ck_assert_int_eq(makes_client(OPTIONS(.ca = "nothing")), -EINVAL);
	ck_assert_int_eq(makes_client(OPTIONS(.ca = "")), -EINVAL);
	ck_assert_int_eq(makes_client(OPTIONS(.ca = half)), -EINVAL);
	ck_assert_int_eq(makes_client(OPTIONS(.ca_file = file_of("none.pem", "nothing"))), -EINVAL);
}
END_TEST

START_TEST(flags_of_other_options_are_refused)
{
	const unsigned both = CORO_TLS_RAGGED_END;
	const unsigned clients = both | CORO_TLS_NO_VERIFY | CORO_TLS_NO_HOST_CHECK;
	const unsigned servers = both | CORO_TLS_ASK_CLIENT | CORO_TLS_REQUIRE_CLIENT;
	for (int bit = 0; bit < 32; bit++) {
		unsigned flag = 1U << bit;
		struct coro_tls_options *options =
			OPTIONS(.flags = flag, .ca = authority.certificate);
		ck_assert_int_eq(makes_client(options), clients & flag ? 0 : -EINVAL);
		options->certificate = local.certificate;
		options->key = local.key;
		ck_assert_int_eq(makes_server(options), servers & flag ? 0 : -EINVAL);
	}
}
END_TEST

static struct coro_tls_context *chooses_none(const char *host, void *arg)
{
	return NULL;
}

START_TEST(options_that_cannot_be_are_refused)
{
	static char too_long[70000];
	char long_name[300];
	memset(too_long, ',', sizeof(too_long) - 1);
	memset(long_name, 'x', 299);
	long_name[299] = '\0';
	struct coro_tls_options wrong[] = {
		{.flags = 1024},
		{.flags = CORO_TLS_ASK_CLIENT},
		{.flags = CORO_TLS_REQUIRE_CLIENT},
		{.min_version = 0x301},
		{.min_version = 0x305},
		{.min_version = CORO_TLS_1_3, .max_version = CORO_TLS_1_2},
		{.max_version = 0x301},
		{.max_version = 0x305},
		{.alpn = ""},
		{.alpn = "h2,"},
		{.alpn = ",h2"},
		{.alpn = "h2,,http/1.1"},
		{.alpn = long_name},
		{.ciphers = "NO-SUCH-CIPHER"},
		{.ciphersuites = "NO_SUCH_SUITE"},
		{.key = "a key and no certificate"},
		{.certificate = "x", .certificate_file = "x"},
		{.handshake_timeout = -1},
		{.alpn = too_long},
	};
	ck_assert_int_eq(makes_client(OPTIONS(.choose = chooses_none)), -EINVAL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_msg(makes_client(&wrong[i]) == -EINVAL, "client, case %zu", i);
		if (!wrong[i].certificate) {
			wrong[i].certificate = local.certificate;
			wrong[i].key = local.key;
		}
		if (i != 15)
			ck_assert_msg(makes_server(&wrong[i]) == -EINVAL, "server, case %zu", i);
	}
	struct coro_tls_context *context;
	ck_assert_int_eq(coro_tls_client_create(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_tls_server_create(NULL, &context), -EINVAL);
	ck_assert_ptr_null(coro_tls_context_ssl(NULL));
	coro_tls_context_destroy(NULL);
}
END_TEST

/* The message is this call's, not one that an earlier error left. */
static void check_message(const struct coro_tls_options *options, bool serves, const char *message)
{
	coro_raise(-EINVAL, "stale");
	ck_assert_int_eq(serves ? makes_server(options) : makes_client(options), -EINVAL);
	ck_assert_str_eq(coro_message(-EINVAL), message);
}

START_TEST(options_that_cannot_be_are_named)
{
	check_message(OPTIONS(.flags = 1024), false,
		      "TLS options: a flag that is not for this call");
	check_message(OPTIONS(.flags = CORO_TLS_ASK_CLIENT), false,
		      "TLS options: a flag of servers");
	check_message(OPTIONS(.min_version = 1), false, "TLS options: no such versions");
	check_message(OPTIONS(.alpn = ","), false,
		      "TLS options: a name in alpn is empty or too long");
	check_message(OPTIONS(.key = "x"), false, "TLS options: a key without a certificate");
	check_message(OPTIONS(.handshake_timeout = -1), false,
		      "TLS options: handshake_timeout is less than 0");
	check_message(NULL, true, "TLS options: a server without a certificate");
}
END_TEST

START_TEST(connecting_wrongly_is_named)
{
	struct coro_tls_context *context;
	struct coro_stream *stream;
	ck_assert_int_eq(coro_tls_client_create(NULL, &context), 0);
	coro_raise(-EINVAL, "stale");
	ck_assert_int_eq(coro_tls_connect(NULL, context, NULL), -EINVAL);
	ck_assert_str_eq(coro_message(-EINVAL), "TLS: the stream or the context is NULL");
	coro_raise(-EINVAL, "stale");
	ck_assert_int_eq(coro_tls_open_connection("x:1", NULL, NULL, NULL, NULL, &stream), -EINVAL);
	ck_assert_str_eq(coro_message(-EINVAL),
			 "coro_tls_open_connection: address, context or ret is NULL");
	coro_tls_context_destroy(context);
}
END_TEST

START_TEST(client_and_server_have_their_own_options)
{
	static const unsigned clients[] = {CORO_TLS_NO_VERIFY, CORO_TLS_NO_HOST_CHECK};
	struct coro_tls_options serving = {.certificate = local.certificate, .key = local.key};
	for (int i = 0; i < 2; i++) {
		serving.flags = clients[i];
		ck_assert_int_eq(makes_server(&serving), -EINVAL);
		ck_assert_int_eq(makes_client(&serving), 0);
	}
}
END_TEST

START_TEST(ciphers_are_chosen)
{
	begin(UNIX,
	      OPTIONS(.max_version = _i ? 0 : CORO_TLS_1_2,
		      .ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305",
		      .ciphersuites = "TLS_CHACHA20_POLY1305_SHA256"),
	      NULL);
	ck_assert_says(coro_tls_cipher(server), "CHACHA20");
}
END_TEST

START_TEST(connections_outlive_their_context)
{
	begin(UNIX, OPTIONS(.alpn = "x"), OPTIONS(.alpn = "x"));
	coro_tls_context_destroy(client_context);
	coro_tls_context_destroy(server_context);
	client_context = server_context = NULL;
	ck_assert_str_eq(coro_tls_alpn(server), "x");
	ck_assert_int_eq(coro_stream_close(client), 0);
}
END_TEST

/* Each thread has a loop of its own, and all use one context. */
static int accepts_theirs(void *stream)
{
	return coro_tls_accept(stream, server_context);
}

static int connects_both(void *arg)
{
	for (int i = 0; i < many(20, 3); i++) {
		struct coro_stream *one, *two;
		struct coro_future *task;
		int fds[2];
		if (new_socketpair(AF_UNIX, SOCK_STREAM, O_NONBLOCK, fds) < 0)
			return -errno;
		coro_stream_open(fds[0], NULL, &one);
		coro_stream_open(fds[1], NULL, &two);
		coro_spawn(accepts_theirs, two, &task);
		int r = coro_tls_connect(one, client_context, "localhost");
		int accepted = coro_await(task, NULL);
		coro_future_unref(task);
		coro_stream_abort(one);
		coro_stream_abort(two);
		coro_stream_destroy(one);
		coro_stream_destroy(two);
		if (r < 0 || accepted < 0)
			return r < 0 ? r : accepted;
	}
	return 0;
}

static void *connects_in_thread(void *arg)
{
	*(int *)arg = coro_run(connects_both, NULL);
	return NULL;
}

START_TEST(threads_share_a_context)
{
	pthread_t threads[4];
	int results[4];
	make_contexts(NULL, NULL);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, connects_in_thread, &results[i]);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(results[i], 0);
	}
}
END_TEST

START_TEST(allocations_may_fail)
{
	struct coro_tls_options options = {.certificate = local.certificate,
					   .key = local.key,
					   .ca = authority.certificate,
					   .flags = CORO_TLS_ASK_CLIENT,
					   .alpn = "h2,http/1.1"};
	unsigned long step = (unsigned long)many(3, 29);
	bool failed = true;
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	ck_assert_int_eq(makes_server(&options), 0);
	for (unsigned long n = 1; failed; n += step) {
		fail_nth(n);
		int r = makes_server(&options);
		failed = fail_off();
		/* OpenSSL does not always report that memory ran out. */
		ck_assert_msg(r == 0 || (failed && (r == -ENOMEM || r == -EINVAL)), "%lu: %d", n,
			      r);
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, context_setup, context_teardown);
	tcase_add_loop_test(tests, certificates_come_from_files_and_from_memory, 0, 6);
	tcase_add_test(tests, authorities_come_from_a_directory);
	tcase_add_loop_test(tests, several_authorities_are_trusted, 0, 2);
	tcase_add_test(tests, a_key_may_have_a_password);
	tcase_add_test(tests, what_is_not_there_is_an_error_with_a_message);
	tcase_add_test(tests, what_is_no_certificate_or_key_is_an_error);
	tcase_add_test(tests, flags_of_other_options_are_refused);
	tcase_add_test(tests, options_that_cannot_be_are_refused);
	tcase_add_test(tests, options_that_cannot_be_are_named);
	tcase_add_test(tests, connecting_wrongly_is_named);
	tcase_add_test(tests, client_and_server_have_their_own_options);
	tcase_add_loop_test(tests, ciphers_are_chosen, 0, 2);
	tcase_add_test(tests, connections_outlive_their_context);
	tcase_add_test(tests, threads_share_a_context);
	tcase_add_test(tests, allocations_may_fail);
}

TEST_MAIN("context", add)
