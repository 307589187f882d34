/* SPDX-License-Identifier: MIT */
/* What tests of TLS share: certificates made on the spot, and a pair of streams that become TLS. */
#ifndef TEST_TLS_H
#define TEST_TLS_H

#include "fds.h"

#include <coro/tls.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* ---- certificates ---- */

struct identity {
	X509 *x509;
	EVP_PKEY *pkey;
	char *certificate, *key; /* in PEM */
};

/* Bits of the RSA keys that are made; 0: they are of the curve P-256. */
static int rsa_bits;

/* One of RSA takes long to make, and is the same for all. */
static inline EVP_PKEY *make_key(void)
{
	static EVP_PKEY *rsa;
	EVP_PKEY *key = NULL;
	if (rsa_bits && rsa && EVP_PKEY_bits(rsa) == rsa_bits)
		return EVP_PKEY_up_ref(rsa) == 1 ? rsa : NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(rsa_bits ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL);
	ck_assert(EVP_PKEY_keygen_init(ctx) == 1);
	if (rsa_bits)
		ck_assert(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, rsa_bits) == 1);
	else
		ck_assert(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) == 1);
	ck_assert(EVP_PKEY_keygen(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	if (rsa_bits && EVP_PKEY_up_ref(key) == 1) {
		EVP_PKEY_free(rsa);
		rsa = key;
	}
	return key;
}

static inline void add_extension(X509 *x509, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
	ck_assert_ptr_nonnull(extension);
	ck_assert(X509_add_ext(x509, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static inline char *text_of(BIO *bio)
{
	char *bytes;
	long length = BIO_get_mem_data(bio, &bytes);
	char *text = strndup(bytes, (size_t)length);
	BIO_free(bio);
	return text;
}

/*
 * A certificate for a name, and other names as OpenSSL writes them, NULL for those who sign; good
 * for the seconds given from now on. signer: NULL for one that signs itself.
 */
static inline struct identity make_identity(const char *name, const char *names,
					    const struct identity *signer, long seconds)
{
	static long serial;
	struct identity identity = {.x509 = X509_new(), .pkey = make_key()};
	X509_NAME *subject = X509_get_subject_name(identity.x509);
	X509_set_version(identity.x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(identity.x509), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(identity.x509), -86400);
	X509_gmtime_adj(X509_getm_notAfter(identity.x509), seconds);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(identity.x509, signer ? X509_get_subject_name(signer->x509) : subject);
	X509_set_pubkey(identity.x509, identity.pkey);
	add_extension(identity.x509, NID_basic_constraints,
		      names ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names)
		add_extension(identity.x509, NID_subject_alt_name, names);
	ck_assert_int_gt(
		X509_sign(identity.x509, signer ? signer->pkey : identity.pkey, EVP_sha256()), 0);
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, identity.x509);
	identity.certificate = text_of(bio);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, identity.pkey, NULL, NULL, 0, NULL, NULL);
	identity.key = text_of(bio);
	return identity;
}

static inline void identity_finish(struct identity *identity)
{
	X509_free(identity->x509);
	EVP_PKEY_free(identity->pkey);
	free(identity->certificate);
	free(identity->key);
	*identity = (struct identity){0};
}

enum { A_DAY = 86400 };

/*
 * The authorities that are trusted, and the certificates that they signed for the host "localhost"
 * and for 127.0.0.1.
 */
static struct identity authority, local;

static inline void certificates_setup(void)
{
	authority = make_identity("Authority", NULL, NULL, A_DAY);
	local = make_identity("localhost", "DNS:localhost,DNS:*.example.org,IP:127.0.0.1,IP:::1",
			      &authority, A_DAY);
}

static inline void certificates_teardown(void)
{
	identity_finish(&authority);
	identity_finish(&local);
}

/* ---- a pair of streams ---- */

/* Two ends of a connection, and what they are to be. */
static struct coro_stream *client, *server;
static struct coro_tls_context *client_context, *server_context;
static struct pair line; /* from: the server's fd; to: the client's */

static inline void tls_setup(void)
{
	fds_setup();
	certificates_setup();
	trace_take();
}

/* The contexts stay, for a pair more. */
static inline void destroy_pair(void)
{
	ck_assert_int_eq(coro_stream_destroy(client), 0);
	ck_assert_int_eq(coro_stream_destroy(server), 0);
	client = server = NULL;
}

static inline void destroy_streams(void)
{
	destroy_pair();
	coro_tls_context_destroy(client_context);
	coro_tls_context_destroy(server_context);
	client_context = server_context = NULL;
}

static inline void tls_teardown(void)
{
	destroy_streams();
	certificates_teardown();
	fds_teardown();
}

static inline int opens_streams(void *arg)
{
	ck_assert_int_eq(coro_stream_open(line.to, NULL, &client), 0);
	ck_assert_int_eq(coro_stream_open(line.from, NULL, &server), 0);
	return 0;
}

/* The two ends, in plain text. */
static inline void open_pair(int kind)
{
	line = make_pair(kind);
	ck_assert_int_eq(result_of(opens_streams, NULL), 0);
}

/* Contexts by these options, where there are others than the usual ones. */
static inline void make_contexts(const struct coro_tls_options *for_client,
				 const struct coro_tls_options *for_server)
{
	struct coro_tls_options trusting = for_client ? *for_client : (struct coro_tls_options){0};
	struct coro_tls_options serving = for_server ? *for_server : (struct coro_tls_options){0};
	if (!trusting.ca && !trusting.ca_file && !trusting.ca_directory)
		trusting.ca = authority.certificate;
	if (!serving.certificate && !serving.certificate_file && !serving.choose) {
		serving.certificate = local.certificate;
		serving.key = local.key;
	}
	ck_assert_int_eq(coro_tls_client_create(&trusting, &client_context), 0);
	ck_assert_int_eq(coro_tls_server_create(&serving, &server_context), 0);
}

/* The results of a handshake. */
struct shaking {
	const char *host;
	int result;
	char words[128];
};

static struct shaking client_shaking, server_shaking;

static inline int shook(struct shaking *shaking, int r)
{
	shaking->result = r;
	snprintf(shaking->words, sizeof(shaking->words), "%s", coro_message(r));
	return 0;
}

static inline int connects(void *arg)
{
	struct shaking *shaking = arg;
	return shook(shaking, coro_tls_connect(client, client_context, shaking->host));
}

static inline int accepts(void *arg)
{
	return shook(arg, coro_tls_accept(server, server_context));
}

static inline void finish(struct coro_future *task, int expected)
{
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), expected);
	coro_future_unref(task);
}

/* Both ends shake hands, the client with this host in mind. */
static inline void shake(const char *host)
{
	client_shaking = (struct shaking){.host = host};
	server_shaking = (struct shaking){0};
	struct coro_future *tasks[] = {spawn(connects, &client_shaking),
				       spawn(accepts, &server_shaking)};
	finish(tasks[0], 0);
	finish(tasks[1], 0);
}

/* The whole handshake, which must succeed. */
static inline void begin(int kind, const struct coro_tls_options *for_client,
			 const struct coro_tls_options *for_server)
{
	open_pair(kind);
	make_contexts(for_client, for_server);
	shake("localhost");
	ck_assert_msg(client_shaking.result == 0, "client: %s", client_shaking.words);
	ck_assert_msg(server_shaking.result == 0, "server: %s", server_shaking.words);
}

#define ck_assert_says(words, part)                                                             \
	do {                                                                                    \
		const char *words_ = (words);                                                   \
		ck_assert_msg(strstr(words_, part), "'%s' says nothing of '%s'", words_, part); \
	} while (0)

#endif
