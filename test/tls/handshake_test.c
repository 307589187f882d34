/* SPDX-License-Identifier: MIT */
/* Trust, negotiated parameters, and handshakes that do not end. */
#include "tls.h"

#define OPTIONS(...) (&(struct coro_tls_options){__VA_ARGS__})

static const char *const versions[] = {"TLSv1.2", "TLSv1.3"};
static const int version_numbers[] = {CORO_TLS_1_2, CORO_TLS_1_3};

/* ---- what is agreed on ---- */

START_TEST(a_pair_shakes_hands)
{
	struct coro_tls_options options = {.min_version = version_numbers[_i % 2],
					   .max_version = version_numbers[_i % 2]};
	begin(_i < 2 ? UNIX : TCP, &options, NULL);
	ck_assert_str_eq(coro_tls_version(client), versions[_i % 2]);
	ck_assert_str_eq(coro_tls_version(server), versions[_i % 2]);
	ck_assert_str_eq(coro_tls_cipher(client), coro_tls_cipher(server));
	ck_assert_str_eq(coro_tls_host(server), "localhost");
	ck_assert_ptr_null(coro_tls_alpn(client));
	ck_assert_int_eq(coro_stream_fd(client), line.to);
}
END_TEST

START_TEST(both_speak_the_newest_version_there_is)
{
	begin(UNIX, NULL, NULL);
	ck_assert_str_eq(coro_tls_version(client), "TLSv1.3");
}
END_TEST

START_TEST(a_byte_at_a_time_will_do)
{
	struct coro_tls_options options = {.max_version = version_numbers[_i]};
	shorten_transfers(1);
	begin(UNIX, &options, NULL);
	shorten_transfers(0);
}
END_TEST

START_TEST(no_version_in_common_is_an_error_to_both)
{
	open_pair(UNIX);
	make_contexts(OPTIONS(.max_version = CORO_TLS_1_2), OPTIONS(.min_version = CORO_TLS_1_3));
	shake("localhost");
	ck_assert_int_eq(client_shaking.result, -EPROTO);
	ck_assert_int_eq(server_shaking.result, -EPROTO);
	ck_assert_says(server_shaking.words, "unsupported protocol");
	ck_assert_says(client_shaking.words, "alert protocol version");
}
END_TEST

static const struct {
	const char *client, *server, *agreed;
} protocols[] = {
	{"h2,http/1.1", "h2,http/1.1", "h2"},
	{"h2,http/1.1", "http/1.1,h2", "http/1.1"}, /* the server's wish */
	{"h2,http/1.1", "http/1.1", "http/1.1"},
	{"h2", "http/1.1", NULL},
	{"h2", NULL, NULL},
	{NULL, "h2", NULL},
};

START_TEST(protocols_are_agreed_on)
{
	const char *agreed = protocols[_i].agreed;
	begin(UNIX, OPTIONS(.alpn = protocols[_i].client), OPTIONS(.alpn = protocols[_i].server));
	ck_assert_pstr_eq(coro_tls_alpn(client), agreed);
	ck_assert_pstr_eq(coro_tls_alpn(server), agreed);
}
END_TEST

/* ---- whom the client trusts ---- */

static int reads_once_from(void *stream)
{
	char got[16];
	int r = (int)coro_stream_read(stream, got, sizeof(got));
	trace("%s", coro_message(r));
	return r;
}

static void expect_distrust(const char *why, const char *server_says)
{
	ck_assert_int_eq(client_shaking.result, CORO_UNTRUSTED);
	ck_assert_says(client_shaking.words, why);
	ck_assert_int_eq(server_shaking.result, -EPROTO);
	ck_assert_says(server_shaking.words, server_says);
	ck_assert(coro_stream_is_closing(client));
	ck_assert(coro_stream_is_closing(server));
	ck_assert_int_eq(result_of(reads_once_from, client), CORO_UNTRUSTED);
	ck_assert_says(trace_take(), why);
}

/* In TLS 1.2, where the server is not done before the client is. */
static void shake_with(const struct identity *identity, const char *host)
{
	open_pair(UNIX);
	make_contexts(OPTIONS(.max_version = CORO_TLS_1_2),
		      OPTIONS(.certificate = identity->certificate, .key = identity->key));
	shake(host);
}

START_TEST(a_certificate_of_another_host_is_refused)
{
	static const char *const others[] = {"other.example", "a.b.example.org", "127.0.0.2",
					     "example.org", "localhost.localdomain"};
	shake_with(&local, others[_i]);
	expect_distrust(_i == 2 ? "IP address mismatch" : "ostname mismatch", "bad certificate");
}
END_TEST

START_TEST(a_certificate_of_that_host_is_taken)
{
	static const char *const its[] = {"localhost", "localhost.", "a.example.org",
					  "127.0.0.1", "::1",        "::1%lo"};
	shake_with(&local, its[_i]);
	ck_assert_int_eq(client_shaking.result, 0);
	ck_assert_pstr_eq(coro_tls_host(server), _i == 0 || _i == 1 ? "localhost"
						 : _i == 2          ? its[_i]
								    : NULL);
}
END_TEST

/* Only subjectAltName says which host it is for (RFC 9525). */
START_TEST(a_common_name_proves_nothing)
{
	struct identity theirs =
		make_identity("localhost", "email:localhost@example.org", &authority, A_DAY);
	shake_with(&theirs, "localhost");
	ck_assert_int_eq(client_shaking.result, CORO_UNTRUSTED);
	identity_finish(&theirs);
}
END_TEST

/* OpenSSL would accept it for each host of the domain. */
START_TEST(what_begins_with_a_dot_is_no_host)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	client_shaking = (struct shaking){.host = ".example.org"};
	ck_assert_int_eq(result_of(connects, &client_shaking), 0);
	ck_assert_int_eq(client_shaking.result, CORO_UNTRUSTED);
	coro_tls_context_destroy(client_context);
	coro_tls_context_destroy(server_context);
	make_contexts(OPTIONS(.flags = CORO_TLS_NO_HOST_CHECK), NULL);
	ck_assert_int_eq(result_of(connects, &client_shaking), 0);
	ck_assert_int_eq(client_shaking.result, -EINVAL);
}
END_TEST

START_TEST(an_expired_certificate_is_refused)
{
	struct identity expired = make_identity("localhost", "DNS:localhost", &authority, -60);
	shake_with(&expired, "localhost");
	expect_distrust("expired", "expired");
	identity_finish(&expired);
}
END_TEST

START_TEST(a_certificate_that_signs_itself_is_refused)
{
	struct identity itself = make_identity("localhost", "DNS:localhost", NULL, A_DAY);
	shake_with(&itself, "localhost");
	expect_distrust("self", "unknown ca");
	identity_finish(&itself);
}
END_TEST

START_TEST(a_certificate_that_signs_itself_may_be_trusted)
{
	struct identity itself = make_identity("localhost", "DNS:localhost", NULL, A_DAY);
	begin(UNIX, OPTIONS(.ca = itself.certificate),
	      OPTIONS(.certificate = itself.certificate, .key = itself.key));
	identity_finish(&itself);
}
END_TEST

START_TEST(one_signed_by_a_stranger_is_refused)
{
	struct identity stranger = make_identity("Stranger", NULL, NULL, A_DAY);
	struct identity theirs = make_identity("localhost", "DNS:localhost", &stranger, A_DAY);
	shake_with(&theirs, "localhost");
	expect_distrust("unable to get local issuer certificate", "unknown ca");
	identity_finish(&stranger);
	identity_finish(&theirs);
}
END_TEST

START_TEST(a_chain_leads_to_who_is_trusted)
{
	struct identity between = make_identity("Between", NULL, &authority, A_DAY);
	struct identity leaf = make_identity("localhost", "DNS:localhost", &between, A_DAY);
	char chain[8192];
	snprintf(chain, sizeof(chain), "%s%s%s", leaf.certificate, between.certificate, leaf.key);
	struct coro_tls_options options = {.certificate = chain};
	begin(UNIX, NULL, &options);
	identity_finish(&between);
	identity_finish(&leaf);
}
END_TEST

START_TEST(whoever_wants_no_proof_gets_none)
{
	struct identity stranger = make_identity("Stranger", "DNS:stranger", NULL, A_DAY);
	struct coro_tls_options theirs = {.certificate = stranger.certificate, .key = stranger.key};
	open_pair(UNIX);
	make_contexts(OPTIONS(.flags = CORO_TLS_NO_VERIFY), &theirs);
	shake(_i ? "localhost" : NULL);
	ck_assert_int_eq(client_shaking.result, 0);
	identity_finish(&stranger);
}
END_TEST

START_TEST(any_host_may_do_but_not_any_certificate)
{
	struct identity stranger = make_identity("Stranger", "DNS:stranger", NULL, A_DAY);
	struct coro_tls_options theirs = {.certificate = stranger.certificate, .key = stranger.key};
	open_pair(UNIX);
	make_contexts(OPTIONS(.flags = CORO_TLS_NO_HOST_CHECK), _i ? &theirs : NULL);
	shake(_i ? "localhost" : "other.example");
	ck_assert_int_eq(client_shaking.result, _i ? CORO_UNTRUSTED : 0);
	identity_finish(&stranger);
}
END_TEST

START_TEST(the_system_trusts_none_of_ours)
{
	open_pair(UNIX);
	ck_assert_int_eq(coro_tls_client_create(NULL, &client_context), 0);
	struct coro_tls_options options = {.certificate = local.certificate, .key = local.key};
	ck_assert_int_eq(coro_tls_server_create(&options, &server_context), 0);
	shake("localhost");
	ck_assert_int_eq(client_shaking.result, CORO_UNTRUSTED);
}
END_TEST

START_TEST(the_peers_certificate_can_be_seen)
{
	char name[64];
	unsigned char *bytes, *own = NULL;
	begin(UNIX, NULL, NULL);
	ck_assert_int_eq(coro_tls_peer_name(client, name, sizeof(name)), 12);
	ck_assert_str_eq(name, "CN=localhost");
	ck_assert_int_eq(coro_tls_peer_name(client, name, 12), -ENOBUFS);
	int length = coro_tls_peer_certificate(client, &bytes), all = i2d_X509(local.x509, &own);
	ck_assert_int_eq(length, all);
	ck_assert_mem_eq(bytes, own, (size_t)all);
	free(bytes);
	OPENSSL_free(own);
	/* The client has none. */
	ck_assert_int_eq(coro_tls_peer_certificate(server, &bytes), 0);
	ck_assert_int_eq(coro_tls_peer_name(server, name, sizeof(name)), -ENOENT);
	ck_assert(coro_tls_ssl(client) != coro_tls_ssl(server));
}
END_TEST

/* ---- whom the server trusts ---- */

START_TEST(a_server_may_ask_for_a_certificate)
{
	static const unsigned asking[] = {CORO_TLS_ASK_CLIENT, CORO_TLS_REQUIRE_CLIENT};
	struct identity me = make_identity("me", "email:me@example.org", &authority, A_DAY);
	char name[64];
	begin(UNIX, OPTIONS(.certificate = me.certificate, .key = me.key),
	      OPTIONS(.flags = asking[_i], .ca = authority.certificate));
	ck_assert_int_gt(coro_tls_peer_name(server, name, sizeof(name)), 0);
	ck_assert_str_eq(name, "CN=me");
	identity_finish(&me);
}
END_TEST

START_TEST(a_server_that_asks_does_without)
{
	begin(UNIX, NULL, OPTIONS(.flags = CORO_TLS_ASK_CLIENT, .ca = authority.certificate));
	ck_assert_int_eq(coro_tls_peer_name(server, NULL, 0), -ENOENT);
}
END_TEST

START_TEST(a_server_that_requires_one_does_not)
{
	open_pair(UNIX);
	make_contexts(NULL, OPTIONS(.flags = CORO_TLS_REQUIRE_CLIENT, .ca = authority.certificate));
	shake("localhost");
	ck_assert_int_eq(server_shaking.result, CORO_UNTRUSTED);
	ck_assert_says(server_shaking.words, "there is no certificate");
	/* In TLS 1.3 the client is done by then, and reads of it. */
	ck_assert_int_eq(client_shaking.result, 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(result_of(reads_once_from, client), -EPROTO);
		ck_assert_says(trace_take(), "certificate required");
	}
	ck_assert_int_eq(result_of(reads_once_from, server), CORO_UNTRUSTED);
	ck_assert_says(trace_take(), "there is no certificate");
}
END_TEST

START_TEST(a_client_that_a_stranger_has_signed_is_refused)
{
	struct identity me = make_identity("me", "email:me@example.org", NULL, A_DAY);
	open_pair(UNIX);
	make_contexts(OPTIONS(.certificate = me.certificate, .key = me.key),
		      OPTIONS(.flags = CORO_TLS_ASK_CLIENT, .ca = authority.certificate));
	shake("localhost");
	ck_assert_int_eq(server_shaking.result, CORO_UNTRUSTED);
	identity_finish(&me);
}
END_TEST

/* ---- hosts ---- */

static struct coro_tls_context *chosen;

static struct coro_tls_context *choose(const char *host, void *arg)
{
	trace("%s/%s", host ? host : "none", (const char *)arg);
	return host && strcmp(host, "unknown.example.org") == 0 ? NULL : chosen;
}

static void make_hosts(void)
{
	struct coro_tls_options choosing = {.choose = choose, .arg = "arg"};
	struct coro_tls_options serving = {
		.certificate = local.certificate, .key = local.key, .alpn = "chosen"};
	ck_assert_int_eq(coro_tls_server_create(&serving, &chosen), 0);
	make_contexts(OPTIONS(.alpn = "chosen"), &choosing);
}

START_TEST(a_server_chooses_by_host)
{
	open_pair(UNIX);
	make_hosts();
	shake(_i ? "127.0.0.1" : "a.example.org");
	ck_assert_int_eq(client_shaking.result, 0);
	ck_assert_trace(_i ? "none/arg" : "a.example.org/arg");
	coro_tls_context_destroy(chosen); /* the connection keeps what it needs */
	ck_assert_str_eq(coro_tls_alpn(server), "chosen");
}
END_TEST

/* Which it then has no second reference to. */
START_TEST(a_server_may_choose_itself)
{
	open_pair(UNIX);
	make_contexts(NULL, OPTIONS(.certificate = local.certificate, .key = local.key,
				    .choose = choose, .arg = "arg"));
	chosen = server_context;
	shake("a.example.org");
	ck_assert_int_eq(client_shaking.result, 0);
	ck_assert_int_eq(server_shaking.result, 0);
	ck_assert_trace("a.example.org/arg");
	ck_assert_ptr_eq(SSL_get_SSL_CTX(coro_tls_ssl(server)),
			 coro_tls_context_ssl(server_context));
}
END_TEST

START_TEST(a_host_that_there_is_not_is_an_error)
{
	open_pair(UNIX);
	make_hosts();
	shake("unknown.example.org");
	ck_assert_int_eq(client_shaking.result, -EPROTO);
	ck_assert_says(client_shaking.words, "unrecognized name");
	ck_assert_int_eq(server_shaking.result, -EPROTO);
	coro_tls_context_destroy(chosen);
}
END_TEST

/* ---- hosts that demand a certificate, beside others that do not ---- */

static struct coro_tls_context *easy, *strict;

static struct coro_tls_context *choose_by_letter(const char *host, void *arg)
{
	return host && host[0] == 's' ? strict : easy;
}

static void make_easy_and_strict(const struct coro_tls_options *for_client)
{
	struct coro_tls_options choosing = {.choose = choose_by_letter};
	struct coro_tls_options serving = {
		.certificate = local.certificate, .key = local.key, .ca = authority.certificate};
	ck_assert_int_eq(coro_tls_server_create(&serving, &easy), 0);
	serving.flags = CORO_TLS_REQUIRE_CLIENT;
	ck_assert_int_eq(coro_tls_server_create(&serving, &strict), 0);
	make_contexts(for_client, &choosing);
}

static void forget_easy_and_strict(void)
{
	coro_tls_context_destroy(easy);
	coro_tls_context_destroy(strict);
}

START_TEST(what_the_chosen_context_demands_of_clients_holds)
{
	struct identity me = make_identity("me", "email:me@example.org", &authority, A_DAY);
	const char *certificate = _i / 2 % 2 ? me.certificate : NULL;
	bool demanded = _i / 4;
	open_pair(UNIX);
	make_easy_and_strict(OPTIONS(.max_version = version_numbers[_i % 2],
				     .certificate = certificate,
				     .key = certificate ? me.key : NULL));
	shake(demanded ? "strict.example.org" : "easy.example.org");
	ck_assert_int_eq(server_shaking.result, demanded && !certificate ? CORO_UNTRUSTED : 0);
	forget_easy_and_strict();
	identity_finish(&me);
}
END_TEST

static SSL_SESSION *session;

static int keep_session(SSL *ssl, SSL_SESSION *new_one)
{
	SSL_SESSION_free(session);
	session = new_one;
	return 1;
}

static void offer_session(const SSL *ssl, int where, int value)
{
	if (where & SSL_CB_HANDSHAKE_START && session && !SSL_is_init_finished(ssl))
		SSL_set_session((SSL *)ssl, session);
}

static int reads_a_word(void *stream)
{
	char word[4];
	return (int)coro_stream_readexactly(stream, word, sizeof(word));
}

static int writes_a_word(void *stream)
{
	return coro_stream_write(stream, "word", 4);
}

/* Tickets come with what is read. */
static void shake_with_session(const char *host)
{
	open_pair(UNIX);
	shake(host);
	if (client_shaking.result < 0 || server_shaking.result < 0)
		return;
	ck_assert_int_eq(result_of(writes_a_word, server), 0);
	ck_assert_int_eq(result_of(reads_a_word, client), 4);
}

static void close_both(void)
{
	ck_assert_int_eq(coro_stream_destroy(client), 0);
	ck_assert_int_eq(coro_stream_destroy(server), 0);
	client = server = NULL;
	turn();
}

START_TEST(a_session_goes_on_with_its_host_and_no_other)
{
	make_easy_and_strict(OPTIONS(.max_version = version_numbers[_i]));
	SSL_CTX *ctx = coro_tls_context_ssl(client_context);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	SSL_CTX_set_info_callback(ctx, offer_session);
	shake_with_session("easy.example.org");
	ck_assert_ptr_nonnull(session);
	ck_assert(!SSL_session_reused(coro_tls_ssl(server)));
	close_both();
	shake_with_session("easy.example.org");
	ck_assert_int_eq(server_shaking.result, 0);
	ck_assert(SSL_session_reused(coro_tls_ssl(server)));
	close_both();
	/* Not by way of a session that began without the certificate which that host demands. */
	shake_with_session("strict.example.org");
	/* In TLS 1.2 it goes on as the host that it began with, and is told to be that. */
	if (server_shaking.result == 0)
		ck_assert_str_eq(coro_tls_host(server), "easy.example.org");
	else
		ck_assert_int_eq(_i, 1);
	forget_easy_and_strict();
	SSL_SESSION_free(session);
	session = NULL;
}
END_TEST

/* ---- peers that are no good ---- */

START_TEST(a_peer_that_speaks_no_TLS_is_an_error)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	put(_i ? line.to : line.from, _i ? "GET / HTTP/1.1\r\n" : "HTTP/1.1 200 OK\r\n");
	struct coro_future *task = spawn(_i ? accepts : connects, &client_shaking);
	client_shaking = (struct shaking){.host = "localhost"};
	finish(task, 0);
	ck_assert_int_eq(client_shaking.result, -EPROTO);
	ck_assert_says(client_shaking.words, _i ? "http" : "wrong version number");
}
END_TEST

/* It says goodbye before it has said anything else. */
START_TEST(a_peer_that_leaves_at_once_is_an_error)
{
	static const char close_notify[] = {21, 3, 3, 0, 2, 1, 0};
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	ck_assert_int_eq(write(_i ? line.to : line.from, close_notify, sizeof(close_notify)),
			 (ssize_t)sizeof(close_notify));
	client_shaking = (struct shaking){.host = "localhost"};
	struct coro_future *task = spawn(_i ? accepts : connects, &client_shaking);
	finish(task, 0);
	ck_assert_int_eq(client_shaking.result, -EPROTO);
}
END_TEST

START_TEST(a_peer_that_hangs_up_is_an_error)
{
	open_pair(TCP);
	make_contexts(NULL, NULL);
	client_shaking = (struct shaking){.host = "localhost"};
	struct coro_future *task = start(_i ? accepts : connects, &client_shaking);
	turn();
	coro_stream_abort(_i ? client : server);
	finish(task, 0);
	if (client_shaking.result != -ECONNRESET) {
		ck_assert_int_eq(client_shaking.result, -EPROTO);
		ck_assert_says(client_shaking.words, "cut");
	}
}
END_TEST

START_TEST(a_peer_that_says_nothing_is_not_waited_for_for_ever)
{
	int64_t begun = coro_loop_time(loop);
	open_pair(UNIX);
	make_contexts(OPTIONS(.handshake_timeout = _i ? 5 * CORO_SEC : 0), NULL);
	client_shaking = (struct shaking){.host = "localhost"};
	finish(spawn(connects, &client_shaking), 0);
	ck_assert_int_eq(client_shaking.result, -ETIMEDOUT);
	ck_assert_says(client_shaking.words, "too long");
	ck_assert_int_eq((coro_loop_time(loop) - begun) / CORO_SEC, _i ? 5 : 60);
	ck_assert(coro_stream_is_closing(client));
}
END_TEST

static int writes_much(void *arg)
{
	static char much[1 << 20];
	return coro_stream_write(client, much, sizeof(much));
}

/* The peer does not even read what was written in plain text. */
START_TEST(nor_is_a_peer_that_reads_nothing)
{
	open_pair(UNIX);
	make_contexts(OPTIONS(.handshake_timeout = 5 * CORO_SEC), NULL);
	ck_assert_int_eq(result_of(writes_much, NULL), 0);
	client_shaking = (struct shaking){.host = "localhost"};
	struct coro_future *task = start(connects, &client_shaking);
	if (_i)
		cancel(task);
	finish(task, 0);
	ck_assert_int_eq(client_shaking.result, _i ? -ECANCELED : -ETIMEDOUT);
	ck_assert(coro_stream_is_closing(client));
}
END_TEST

/* The socket is full, by bytes that are not the stream's. */
START_TEST(a_handshake_that_waits_for_room_may_be_cancelled)
{
	static const char much[1 << 16];
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	while (send(line.to, much, sizeof(much), MSG_DONTWAIT) > 0)
		continue;
	ck_assert_int_eq(errno, EAGAIN);
	client_shaking = (struct shaking){.host = "localhost"};
	struct coro_future *task = start(connects, &client_shaking);
	turn();
	ck_assert(!coro_future_done(task));
	cancel(task);
	finish(task, 0);
	ck_assert_int_eq(client_shaking.result, -ECANCELED);
	ck_assert(coro_stream_is_closing(client));
}
END_TEST

START_TEST(what_waits_to_begin_may_be_discarded)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	ck_assert_int_eq(result_of(writes_much, NULL), 0);
	client_shaking = (struct shaking){.host = "localhost"};
	struct coro_future *task = start(connects, &client_shaking);
	loop_teardown();
	coro_future_unref(task);
	destroy_streams();
	loop_setup();
}
END_TEST

static int connects_within_a_second(void *arg)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_SEC);
	return coro_timeout_end(&timeout, coro_tls_connect(client, client_context, "localhost"));
}

START_TEST(a_timeout_around_it_counts)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	ck_assert_int_eq(result_of(connects_within_a_second, NULL), -ETIMEDOUT);
	ck_assert_int_lt(coro_loop_time(loop), 2 * CORO_SEC);
}
END_TEST

/* ---- handshakes that others end ---- */

/* Lets both shake hands for n turns; returns whether one of them is done before. */
static bool shake_for(int turns, struct coro_future *tasks[2])
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	shorten_transfers(64);
	client_shaking = (struct shaking){.host = "localhost"};
	server_shaking = (struct shaking){0};
	tasks[0] = spawn(connects, &client_shaking);
	tasks[1] = spawn(accepts, &server_shaking);
	for (int i = 0; i < turns; i++)
		turn();
	return coro_future_done(tasks[0]) || coro_future_done(tasks[1]);
}

START_TEST(it_may_be_cancelled_wherever_it_waits)
{
	bool over = false;
	for (int turns = 0; !over; turns += many(1, 7)) {
		struct coro_future *tasks[2];
		over = shake_for(turns, tasks);
		struct shaking *mine = _i ? &server_shaking : &client_shaking;
		struct shaking *other = _i ? &client_shaking : &server_shaking;
		bool began = turns > 0;
		if (!over)
			cancel(tasks[_i]);
		finish(tasks[0], !over && !began && _i == 0 ? -ECANCELED : 0);
		finish(tasks[1], !over && !began && _i == 1 ? -ECANCELED : 0);
		if (!over && began) {
			ck_assert_int_eq(mine->result, -ECANCELED);
			ck_assert(coro_stream_is_closing(_i ? server : client));
			ck_assert(other->result == -EPROTO || other->result == -EPIPE ||
				  other->result == -ECONNRESET || other->result == 0);
		}
		shorten_transfers(0);
		destroy_streams();
		ck_assert_int_lt(turns, 500);
	}
}
END_TEST

START_TEST(it_may_be_discarded_wherever_it_waits)
{
	bool over = false;
	for (int turns = 0; !over; turns += many(1, 7)) {
		struct coro_future *tasks[2];
		over = shake_for(turns, tasks);
		loop_teardown();
		coro_future_unref(tasks[0]);
		coro_future_unref(tasks[1]);
		shorten_transfers(0);
		destroy_streams();
		loop_setup();
	}
}
END_TEST

START_TEST(another_may_close_the_stream_wherever_it_waits)
{
	bool over = false;
	for (int turns = 1; !over; turns += many(1, 7)) {
		struct coro_future *tasks[2];
		over = shake_for(turns, tasks);
		if (_i)
			coro_stream_close(client);
		else
			coro_stream_abort(client);
		finish(tasks[0], 0);
		finish(tasks[1], 0);
		if (!over && client_shaking.result != 0)
			ck_assert(client_shaking.result == -EPIPE ||
				  client_shaking.result == -EBADF);
		shorten_transfers(0);
		destroy_streams();
	}
}
END_TEST

/* ---- streams that were in use ---- */

/* Like SMTP's STARTTLS: some lines in plain text, and TLS begins right behind them. */
static int asks_for_TLS(void *arg)
{
	coro_stream_write(client, "STARTTLS\n", 9);
	return connects(&client_shaking);
}

static int is_asked_for_TLS(void *arg)
{
	const char *text;
	/* So that all has come: the line and what lies behind it. */
	ck_assert_int_gt(coro_stream_peek(server, 100, &text), 100);
	ck_assert_int_eq(coro_stream_readline(server, &text), 9);
	return accepts(&server_shaking);
}

START_TEST(a_stream_becomes_TLS_in_its_middle)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	client_shaking = (struct shaking){.host = "localhost"};
	struct coro_future *tasks[] = {spawn(asks_for_TLS, NULL), spawn(is_asked_for_TLS, NULL)};
	finish(tasks[0], 0);
	finish(tasks[1], 0);
	ck_assert_int_eq(client_shaking.result, 0);
	ck_assert_int_eq(server_shaking.result, 0);
}
END_TEST

/* Over the TLS that there is. */
START_TEST(there_may_be_TLS_in_TLS)
{
	begin(UNIX, NULL, NULL);
	SSL *outer = coro_tls_ssl(client);
	shake("localhost");
	ck_assert_int_eq(client_shaking.result, 0);
	ck_assert_int_eq(server_shaking.result, 0);
	ck_assert(coro_tls_ssl(client) != outer);
	coro_stream_write(server, "x", 1);
	coro_stream_close(server);
	ck_assert_int_eq(result_of(reads_once_from, client), 1);
	ck_assert_int_eq(result_of(reads_once_from, client), 0);
	/* The outer one has its goodbye, too. */
	char byte;
	ck_assert_int_eq(SSL_read(outer, &byte, 1), 0);
	ck_assert_int_eq(SSL_get_shutdown(outer), SSL_RECEIVED_SHUTDOWN);
}
END_TEST

START_TEST(a_stream_that_is_read_from_does_not_become_TLS)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	struct coro_future *task = start(reads_once_from, client);
	shake("localhost");
	ck_assert_int_eq(client_shaking.result, -EBUSY);
	ck_assert(!coro_stream_is_closing(client));
	ck_assert_ptr_null(coro_tls_version(client));
	cancel(task);
	finish(task, -ECANCELED);
}
END_TEST

static int reads_meanwhile(void *arg)
{
	return (int)coro_stream_read(client, &(char){0}, 1);
}

START_TEST(nobody_reads_from_it_meanwhile)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	client_shaking = (struct shaking){.host = "localhost"};
	struct coro_future *task = start(connects, &client_shaking);
	ck_assert_int_eq(result_of(reads_meanwhile, NULL), -EBUSY);
	cancel(task);
	finish(task, 0);
}
END_TEST

static int misuses(void *arg)
{
	unsigned char *bytes;
	ck_assert_int_eq(coro_tls_connect(NULL, client_context, "localhost"), -EINVAL);
	ck_assert_int_eq(coro_tls_connect(client, NULL, "localhost"), -EINVAL);
	ck_assert_int_eq(coro_tls_connect(client, server_context, "localhost"), -EINVAL);
	ck_assert_int_eq(coro_tls_connect(client, client_context, NULL), -EINVAL);
	ck_assert_int_eq(coro_tls_connect(client, client_context, ""), -EINVAL);
	ck_assert_int_eq(coro_tls_connect(client, client_context, "localhost%lo"), -EINVAL);
	ck_assert_int_eq(coro_tls_accept(NULL, server_context), -EINVAL);
	ck_assert_int_eq(coro_tls_accept(server, client_context), -EINVAL);
	ck_assert_int_eq(coro_tls_accept(server, NULL), -EINVAL);
	ck_assert_int_eq(coro_tls_serve(server, NULL), -EINVAL);
	ck_assert_int_eq(coro_tls_open_connection(NULL, client_context, NULL, NULL, NULL, &client),
			 -EINVAL);
	ck_assert_int_eq(coro_tls_open_connection("x:1", NULL, NULL, NULL, NULL, &client), -EINVAL);
	ck_assert_ptr_null(coro_tls_alpn(client));
	ck_assert_ptr_null(coro_tls_host(client));
	ck_assert_ptr_null(coro_tls_cipher(NULL));
	ck_assert_ptr_null(coro_tls_ssl(client));
	ck_assert_int_eq(coro_tls_peer_certificate(client, &bytes), -EINVAL);
	ck_assert_int_eq(coro_tls_peer_name(client, NULL, 0), -EINVAL);
	/* It is as it was. */
	coro_stream_write(client, "word", 4);
	return reads_once_from(server);
}

START_TEST(what_cannot_be_is_refused)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	ck_assert_int_eq(result_of(misuses, NULL), 4);
	/* Outside of tasks. */
	ck_assert_int_eq(coro_tls_connect(client, client_context, "localhost"), -EPERM);
	ck_assert_int_eq(coro_tls_accept(server, server_context), -EPERM);
	coro_stream_close(client);
	shake("localhost");
	ck_assert_int_eq(client_shaking.result, -EPIPE);
}
END_TEST

static bool failed_once;

/* The client has left, so that nobody waits for an answer. */
static int accepts_without_memory(void *arg)
{
	fail_nth(*(unsigned long *)arg);
	int r = coro_tls_accept(server, server_context);
	failed_once = fail_off();
	return r == -ENOMEM && coro_stream_write(server, "x", 1) == 0 ? coro_stream_flush(server)
								      : r;
}

/* Where it has not begun, bytes go on in the clear. */
START_TEST(a_stream_that_has_no_memory_for_TLS_is_as_it_was_or_closed)
{
	int whole = 0, lost = 0;
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	make_contexts(NULL, NULL);
	for (unsigned long n = 1; failed_once || n == 1; n++) {
		open_pair(UNIX);
		shutdown(line.to, SHUT_WR);
		int r = result_of(accepts_without_memory, &n);
		if (r == 0) {
			char byte = 0;
			ck_assert_int_eq(read(line.to, &byte, 1), 1);
			ck_assert_int_eq(byte, 'x');
			whole++;
		} else {
			ck_assert(coro_stream_is_closing(server));
			lost++;
		}
		destroy_pair();
	}
	ck_assert_int_gt(whole, 2);
	ck_assert_int_gt(lost, 0);
}
END_TEST

/* ---- the stack ---- */

enum { SMALL_STACK = 65536 };

/* How much stack a task has used by its end. */
static size_t stack_used(void)
{
	size_t used;
	ck_assert_int_eq(coro_stack_used(coro_current(), &used), 0);
	return used;
}

static int connects_and_writes(void *arg)
{
	static char much[300000];
	struct iovec vec[] = {{much, 1000}, {much, sizeof(much) - 1000}};
	connects(&client_shaking);
	coro_stream_writev(client, vec, 2);
	coro_stream_flush(client);
	coro_stream_write_eof(client);
	return (int)stack_used();
}

static int accepts_and_reads(void *arg)
{
	char *all;
	accepts(&server_shaking);
	ssize_t n = coro_stream_read_all(server, 1 << 20, &all);
	if (n > 0)
		free(all);
	ck_assert_int_eq(n, 300000);
	return (int)stack_used();
}

START_TEST(a_small_stack_is_enough)
{
	static const struct coro_options options = {.stack_size = SMALL_STACK};
	struct coro_future *tasks[2];
	if (running_slow())
		skip_test("others use the stack as well");
	rsa_bits = _i / 2 ? 2048 : 0;
	certificates_teardown();
	certificates_setup();
	struct identity between = make_identity("Between", NULL, &authority, A_DAY);
	struct identity leaf = make_identity("localhost", "DNS:localhost", &between, A_DAY);
	rsa_bits = 0;
	char chain[16384];
	snprintf(chain, sizeof(chain), "%s%s%s", leaf.certificate, between.certificate, leaf.key);
	open_pair(UNIX);
	make_contexts(OPTIONS(.max_version = version_numbers[_i % 2], .certificate = chain),
		      OPTIONS(.certificate = chain, .flags = CORO_TLS_REQUIRE_CLIENT,
			      .ca = authority.certificate));
	client_shaking = (struct shaking){.host = "localhost"};
	coro_loop_spawn(loop, &options, connects_and_writes, NULL, &tasks[0]);
	coro_loop_spawn(loop, &options, accepts_and_reads, NULL, &tasks[1]);
	for (int i = 0; i < 2; i++) {
		int used = coro_run_until_complete(loop, tasks[i], NULL);
		/* With a guard page, and one to spare. */
		ck_assert_int_le(used, SMALL_STACK - 2 * 4096);
		coro_future_unref(tasks[i]);
	}
	ck_assert_int_eq(client_shaking.result, 0);
	ck_assert_int_eq(server_shaking.result, 0);
	identity_finish(&between);
	identity_finish(&leaf);
}
END_TEST

/* ---- addresses and servers ---- */

static int echoes_once(struct coro_stream *stream, void *arg)
{
	const char *text;
	ssize_t n = coro_stream_readline(stream, &text);
	trace("%s", (const char *)arg);
	return n < 0 ? (int)n : coro_stream_write(stream, text, (size_t)n);
}

static void is_told(int error, const char *words, void *arg)
{
	trace("failed:%d", error);
}

/* The frames of the next call do not begin with zeros. */
static __attribute__((noinline)) void fill_the_stack(void)
{
	volatile char bytes[16384];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = 'x';
}

static int talks(const char *address, struct coro_tls_context *context, const char *host)
{
	struct coro_stream *stream;
	const char *text;
	fill_the_stack();
	int r = coro_tls_open_connection(address, context, host, NULL, NULL, &stream);
	if (r < 0)
		return r;
	coro_stream_write(stream, "hello\n", 6);
	ssize_t n = coro_stream_readline(stream, &text);
	if (n == 6)
		n = coro_stream_readline(stream, &text); /* and a proper end */
	coro_stream_destroy(stream);
	return (int)n;
}

/* The host that is checked is the address's: "tcp:" goes before it, none is localhost. */
static void expect_hosts_of_addresses(const char *address)
{
	char with[CORO_ADDRESS_SIZE + 8], long_one[1100];
	snprintf(with, sizeof(with), "tcp:%s", address);
	ck_assert_int_eq(talks(with, client_context, NULL), 0);
	ck_assert_int_eq(talks(strrchr(address, ':'), client_context, NULL), 0);
	memset(long_one, 'a', sizeof(long_one));
	memcpy(long_one + sizeof(long_one) - 3, ":1", 3);
	ck_assert_int_lt(talks(long_one, client_context, NULL), 0);
	ck_assert_int_lt(talks("there is no port", client_context, NULL), 0);
}

/* A local socket has no host. */
static int serves_locally(void *arg)
{
	struct coro_tls_service service = {server_context, echoes_once, "served"};
	struct coro_server_options options = {.failed = is_told};
	struct coro_server *listening;
	int r = coro_server_start(address_of_process(), &options, coro_tls_serve, &service,
				  &listening);
	if (r < 0)
		return r;
	ck_assert_int_eq(talks(address_of_process(), client_context, NULL), -EINVAL);
	ck_assert_int_eq(talks(address_of_process(), client_context, "localhost"), 0);
	coro_server_shutdown(listening, CORO_SEC);
	return coro_server_destroy(listening);
}

START_TEST(a_local_address_has_no_host_that_could_be_checked)
{
	make_contexts(OPTIONS(.max_version = CORO_TLS_1_2), NULL);
	ck_assert_int_eq(result_of(serves_locally, NULL), 0);
}
END_TEST

static int serves(void *arg)
{
	struct coro_tls_service service = {server_context, echoes_once, "served"};
	struct coro_server_options options = {.failed = is_told};
	struct coro_server *listening;
	char address[CORO_ADDRESS_SIZE];
	int fd, r;
	r = coro_server_start("127.0.0.1:0", &options, coro_tls_serve, &service, &listening);
	if (r < 0)
		return r;
	coro_server_sockets(listening, &fd, 1);
	coro_getsockname(fd, address, sizeof(address));
	ck_assert_int_eq(talks(address, client_context, NULL), 0);
	ck_assert_int_eq(talks(address, client_context, "localhost"), 0);
	expect_hosts_of_addresses(address);
	ck_assert_int_eq(talks(address, client_context, "other.example"), CORO_UNTRUSTED);
	coro_server_shutdown(listening, CORO_SEC);
	return coro_server_destroy(listening);
}

START_TEST(a_server_serves)
{
	make_contexts(OPTIONS(.max_version = CORO_TLS_1_2), NULL);
	ck_assert_int_eq(result_of(serves, NULL), 0);
	char told[64];
	snprintf(told, sizeof(told), "served served served served failed:%d", -EPROTO);
	ck_assert_trace(told);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, tls_setup, tls_teardown);
	tcase_add_loop_test(tests, a_pair_shakes_hands, 0, 4);
	tcase_add_test(tests, both_speak_the_newest_version_there_is);
	tcase_add_loop_test(tests, a_byte_at_a_time_will_do, 0, 2);
	tcase_add_test(tests, no_version_in_common_is_an_error_to_both);
	tcase_add_loop_test(tests, protocols_are_agreed_on, 0,
			    sizeof(protocols) / sizeof(protocols[0]));
	tcase_add_loop_test(tests, a_certificate_of_another_host_is_refused, 0, 5);
	tcase_add_loop_test(tests, a_certificate_of_that_host_is_taken, 0, 6);
	tcase_add_test(tests, a_common_name_proves_nothing);
	tcase_add_test(tests, what_begins_with_a_dot_is_no_host);
	tcase_add_test(tests, an_expired_certificate_is_refused);
	tcase_add_test(tests, a_certificate_that_signs_itself_is_refused);
	tcase_add_test(tests, a_certificate_that_signs_itself_may_be_trusted);
	tcase_add_test(tests, one_signed_by_a_stranger_is_refused);
	tcase_add_test(tests, a_chain_leads_to_who_is_trusted);
	tcase_add_loop_test(tests, whoever_wants_no_proof_gets_none, 0, 2);
	tcase_add_loop_test(tests, any_host_may_do_but_not_any_certificate, 0, 2);
	tcase_add_test(tests, the_system_trusts_none_of_ours);
	tcase_add_test(tests, the_peers_certificate_can_be_seen);
	tcase_add_loop_test(tests, a_server_may_ask_for_a_certificate, 0, 2);
	tcase_add_test(tests, a_server_that_asks_does_without);
	tcase_add_test(tests, a_server_that_requires_one_does_not);
	tcase_add_test(tests, a_client_that_a_stranger_has_signed_is_refused);
	tcase_add_loop_test(tests, a_server_chooses_by_host, 0, 2);
	tcase_add_test(tests, a_server_may_choose_itself);
	tcase_add_test(tests, a_host_that_there_is_not_is_an_error);
	tcase_add_loop_test(tests, what_the_chosen_context_demands_of_clients_holds, 0, 8);
	tcase_add_loop_test(tests, a_session_goes_on_with_its_host_and_no_other, 0, 2);
	tcase_add_loop_test(tests, a_peer_that_speaks_no_TLS_is_an_error, 0, 2);
	tcase_add_loop_test(tests, a_peer_that_leaves_at_once_is_an_error, 0, 2);
	tcase_add_loop_test(tests, a_peer_that_hangs_up_is_an_error, 0, 2);
	tcase_add_loop_test(tests, a_peer_that_says_nothing_is_not_waited_for_for_ever, 0, 2);
	tcase_add_loop_test(tests, nor_is_a_peer_that_reads_nothing, 0, 2);
	tcase_add_test(tests, a_handshake_that_waits_for_room_may_be_cancelled);
	tcase_add_test(tests, what_waits_to_begin_may_be_discarded);
	tcase_add_test(tests, a_timeout_around_it_counts);
	tcase_add_loop_test(tests, it_may_be_cancelled_wherever_it_waits, 0, 2);
	tcase_add_test(tests, it_may_be_discarded_wherever_it_waits);
	tcase_add_loop_test(tests, another_may_close_the_stream_wherever_it_waits, 0, 2);
	tcase_add_test(tests, a_stream_becomes_TLS_in_its_middle);
	tcase_add_test(tests, there_may_be_TLS_in_TLS);
	tcase_add_test(tests, a_stream_that_is_read_from_does_not_become_TLS);
	tcase_add_test(tests, nobody_reads_from_it_meanwhile);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, a_stream_that_has_no_memory_for_TLS_is_as_it_was_or_closed);
	tcase_add_loop_test(tests, a_small_stack_is_enough, 0, 4);
	tcase_add_test(tests, a_server_serves);
	tcase_add_test(tests, a_local_address_has_no_host_that_could_be_checked);
}

TEST_MAIN("handshake", add)
