/* SPDX-License-Identifier: MIT */
#include "tls/context.h"

#include "coro/coroutine.h"
#include "tls/connection.h"
#include "tls/failure.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* -- certificates and keys */

/* Gives OpenSSL the password of a key. Without this callback it would ask at the terminal. */
static int give_password(char *ret, int size, int writing, void *password)
{
	size_t length = password ? strlen(password) : 0;
	(void)writing;
	if (!password || length > (size_t)size)
		return -1;
	memcpy(ret, password, length);
	return (int)length;
}

static BIO *open_text(const char *text)
{
	size_t length = strlen(text);
	return length > INT32_MAX ? NULL : BIO_new_mem_buf(text, (int)length);
}

/* Whether reading ended because there are no more certificates, not because of a bad one. */
static bool is_end_of_text(void)
{
	unsigned long error = ERR_peek_last_error();
	if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		return false;
	failure_forget();
	return true;
}

/* Calls add for each certificate in a text. Returns their number, or -1 with OpenSSL's error. */
static int each_certificate(SSL_CTX *ctx, const char *text,
			    int (*add)(SSL_CTX *ctx, X509 *certificate, int i))
{
	X509 *certificate;
	int count = 0;
	BIO *bio = open_text(text);
	if (!bio)
		return -1;
	while (count >= 0 && (certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL))) {
		count = add(ctx, certificate, count) == 1 ? count + 1 : -1;
		X509_free(certificate);
	}
	BIO_free(bio);
	return count > 0 && is_end_of_text() ? count : -1;
}

/* The first is the own certificate, the others form its chain. */
static int add_to_chain(SSL_CTX *ctx, X509 *certificate, int i)
{
	if (i == 0)
		return SSL_CTX_use_certificate(ctx, certificate);
	return (int)SSL_CTX_add1_chain_cert(ctx, certificate);
}

static int trust_certificate(SSL_CTX *ctx, X509 *certificate, int i)
{
	(void)i;
	return X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certificate);
}

static bool use_key_text(SSL_CTX *ctx, const char *text)
{
	BIO *bio = open_text(text);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_password,
						      SSL_CTX_get_default_passwd_cb_userdata(ctx))
			    : NULL;
	bool good = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;
	EVP_PKEY_free(key);
	BIO_free(bio);
	return good;
}

static int load_certificate(SSL_CTX *ctx, const struct coro_tls_options *options)
{
	const char *file = options->certificate_file, *text = options->certificate;
	const char *key_file = options->key_file ? options->key_file : file;
	const char *key = options->key ? options->key : text;
	if (!file && !text)
		return options->key_file || options->key
			       ? failure_misuse("TLS options: a key without a certificate")
			       : 0;
	if ((file && text) || (options->key_file && options->key))
		return failure_misuse("TLS options: both a file and a text");
	SSL_CTX_set_default_passwd_cb(ctx, give_password);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, (void *)options->password);
	if (file ? SSL_CTX_use_certificate_chain_file(ctx, file) != 1
		 : each_certificate(ctx, text, add_to_chain) < 1)
		return failure_raise(-EINVAL, file ? file : "certificate");
	bool in_file = options->key_file || !key;
	if (in_file ? SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1
		    : !use_key_text(ctx, key))
		return failure_raise(-EINVAL, in_file ? key_file : "key");
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL); /* it is the caller's */
	if (SSL_CTX_check_private_key(ctx) != 1)
		return failure_raise(-EINVAL, "key");
	return 0;
}

/* -- trusted certificates */

/* Checks the directory. OpenSSL opens it only later and ignores a missing one. */
static int check_directory(const char *path)
{
	struct stat found;
	int r = stat(path, &found) < 0 ? -errno : S_ISDIR(found.st_mode) ? 0 : -ENOTDIR;
	return r < 0 ? coro_raise_at(NULL, r, "%s: %s", path, coro_strerror(r)) : 0;
}

static int load_trusted(SSL_CTX *ctx, const struct coro_tls_options *options)
{
	const char *file = options->ca_file, *directory = options->ca_directory;
	int r = directory ? check_directory(directory) : 0;
	if (r < 0)
		return r;
	if ((file || directory) && SSL_CTX_load_verify_locations(ctx, file, directory) != 1)
		return failure_raise(-EINVAL, file ? file : directory);
	if (options->ca && each_certificate(ctx, options->ca, trust_certificate) < 1)
		return failure_raise(-EINVAL, "CA");
	if (!file && !directory && !options->ca && SSL_CTX_set_default_verify_paths(ctx) != 1)
		return failure_raise(-ENOMEM, "CA");
	return 0;
}

static int set_trust(const struct coro_tls_context *context, const struct coro_tls_options *options)
{
	enum { CLIENTS = CORO_TLS_NO_VERIFY | CORO_TLS_NO_HOST_CHECK };
	enum { SERVERS = CORO_TLS_ASK_CLIENT | CORO_TLS_REQUIRE_CLIENT };
	bool some = options->ca_file || options->ca_directory || options->ca;
	unsigned flags = options->flags;
	int mode = SSL_VERIFY_PEER;
	if (flags & (context->server ? CLIENTS : SERVERS))
		return failure_misuse(context->server ? "TLS options: a flag of clients"
						      : "TLS options: a flag of servers");
	if (context->server && flags & SERVERS && !some)
		return failure_misuse("TLS options: clients are to be checked, and no CA is given");
	if (context->server ? !(flags & SERVERS) : flags & CORO_TLS_NO_VERIFY)
		mode = SSL_VERIFY_NONE;
	else if (flags & CORO_TLS_REQUIRE_CLIENT)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(context->ctx, mode, NULL);
	return mode == SSL_VERIFY_NONE && !some ? 0 : load_trusted(context->ctx, options);
}

/* -- ALPN */

/* Converts "h2,http/1.1" to the wire format: each name preceded by its length. */
static int parse_alpn(struct coro_tls_context *context, const char *names)
{
	size_t length = strlen(names) + 1; /* a length for each comma, and the first */
	if (length > 65535)
		return failure_misuse("TLS options: alpn is too long");
	context->alpn = malloc(length);
	if (!context->alpn)
		return failure_code(-ENOMEM);
	context->alpn_length = (unsigned)length;
	for (size_t at = 0; at < length;) {
		size_t name = strcspn(names, ",");
		if (name < 1 || name > 255)
			return failure_misuse("TLS options: a name in alpn is empty or too long");
		context->alpn[at] = (unsigned char)name;
		memcpy(context->alpn + at + 1, names, name);
		at += name + 1;
		names += name + 1;
	}
	return 0;
}

/* Chooses the first of the server's names that the client has. Without one there is no ALPN. */
static int select_alpn(SSL *ssl, const unsigned char **ret, unsigned char *length,
		       const unsigned char *theirs, unsigned theirs_length, void *arg)
{
	const struct coro_tls_context *context = arg;
	unsigned char *selected;
	(void)ssl;
	if (SSL_select_next_proto(&selected, length, context->alpn, context->alpn_length, theirs,
				  theirs_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*ret = selected;
	return SSL_TLSEXT_ERR_OK;
}

static int set_alpn(struct coro_tls_context *context, const char *names)
{
	int r = names ? parse_alpn(context, names) : 0;
	if (r < 0 || !names)
		return r;
	if (context->server)
		SSL_CTX_set_alpn_select_cb(context->ctx, select_alpn, context);
	else if (SSL_CTX_set_alpn_protos(context->ctx, context->alpn, context->alpn_length) != 0)
		return -ENOMEM;
	return 0;
}

/* -- hosts of a server (SNI) */

/*
 * Whether a session may be resumed: only for the host name that it was made with. Otherwise a
 * session of one host would do for another that demands a client certificate.
 */
static bool may_go_on(SSL *ssl, const char *host)
{
	if (!SSL_session_reused(ssl))
		return true;
	const char *begun = SSL_SESSION_get0_hostname(SSL_get0_session(ssl));
	return host && begun ? strcasecmp(host, begun) == 0 : !host && !begun;
}

/* Applies the chosen context. SSL_set_SSL_CTX does not copy what it demands of clients. */
static bool take_over(SSL *ssl, const struct coro_tls_context *chosen)
{
	if (!SSL_set_SSL_CTX(ssl, chosen->ctx))
		return false;
	SSL_set_verify(ssl, SSL_CTX_get_verify_mode(chosen->ctx), NULL);
	return true;
}

static int choose_host(SSL *ssl, int *alert, void *arg)
{
	struct coro_tls_context *context = arg;
	struct connection *connection = SSL_get_app_data(ssl);
	const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct coro_tls_context *chosen = context->choose(host, context->arg);
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	if (!chosen || !chosen->server || !may_go_on(ssl, host))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	if (chosen->ctx == SSL_get_SSL_CTX(ssl))
		return SSL_TLSEXT_ERR_OK;
	*alert = SSL_AD_INTERNAL_ERROR;
	if (!take_over(ssl, chosen))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	context_ref(chosen);
	context_unref(connection->chosen); /* asked twice, after a retry of the client's */
	connection->chosen = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* -- creating */

static int set_versions(SSL_CTX *ctx, int min, int max)
{
	min = min ? min : CORO_TLS_1_2;
	if (min < CORO_TLS_1_2 || min > CORO_TLS_1_3 || max > CORO_TLS_1_3 || (max && max < min))
		return failure_misuse("TLS options: no such versions");
	if (SSL_CTX_set_min_proto_version(ctx, min) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, max) != 1)
		return failure_raise(-EINVAL, "version");
	return 0;
}

static int set_ciphers(SSL_CTX *ctx, const struct coro_tls_options *options)
{
	if (options->ciphers && SSL_CTX_set_cipher_list(ctx, options->ciphers) != 1)
		return failure_raise(-EINVAL, options->ciphers);
	if (options->ciphersuites && SSL_CTX_set_ciphersuites(ctx, options->ciphersuites) != 1)
		return failure_raise(-EINVAL, options->ciphersuites);
	return 0;
}

static void set_modes(SSL_CTX *ctx, unsigned flags)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
	if (flags & CORO_TLS_RAGGED_END)
		SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif
	/* A connection that waits frees OpenSSL's buffers. A write may be retried from other memory. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
}

static int set_options(struct coro_tls_context *context, const struct coro_tls_options *options)
{
	static const unsigned char id[] = "coro";
	SSL_CTX *ctx = context->ctx;
	if (context->server && !options->certificate_file && !options->certificate &&
	    !options->choose)
		return failure_misuse("TLS options: a server without a certificate");
	if (!context->server && options->choose)
		return failure_misuse("TLS options: choose is for servers");
	if (options->handshake_timeout < 0)
		return failure_misuse("TLS options: handshake_timeout is less than 0");
	set_modes(ctx, options->flags);
	int r = set_versions(ctx, options->min_version, options->max_version);
	if (r == 0)
		r = set_ciphers(ctx, options);
	if (r == 0)
		r = load_certificate(ctx, options);
	if (r == 0)
		r = set_trust(context, options);
	if (r == 0)
		r = set_alpn(context, options->alpn);
	if (r == 0 && SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1) != 1)
		r = failure_raise(-ENOMEM, "session");
	if (options->choose) {
		SSL_CTX_set_tlsext_servername_callback(ctx, choose_host);
		SSL_CTX_set_tlsext_servername_arg(ctx, context);
	}
	return r;
}

static int create(bool server, const struct coro_tls_options *options,
		  struct coro_tls_context **ret)
{
	static const struct coro_tls_options defaults;
	enum {
		KNOWN = CORO_TLS_NO_VERIFY | CORO_TLS_NO_HOST_CHECK | CORO_TLS_ASK_CLIENT |
			CORO_TLS_REQUIRE_CLIENT | CORO_TLS_RAGGED_END
	};
	options = options ? options : &defaults;
	if (!ret)
		return failure_misuse("a TLS context: ret is NULL");
	if (options->flags & ~(unsigned)KNOWN)
		return failure_misuse("TLS options: a flag that is not for this call");
	struct coro_tls_context *context = calloc(1, sizeof(*context));
	if (!context)
		return failure_code(-ENOMEM);
	failure_forget();
	*context = (struct coro_tls_context){
		.refs = 1,
		.server = server,
		.flags = options->flags,
		.timeout = options->handshake_timeout ? options->handshake_timeout : 60 * CORO_SEC,
		.ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()),
		.method = connection_method(),
		.choose = options->choose,
		.arg = options->arg,
	};
	int r = context->ctx && context->method ? set_options(context, options) : -ENOMEM;
	failure_forget();
	if (r < 0) {
		context_unref(context);
		return r;
	}
	*ret = context;
	return 0;
}

int coro_tls_client_create(const struct coro_tls_options *options, struct coro_tls_context **ret)
{
	return create(false, options, ret);
}

int coro_tls_server_create(const struct coro_tls_options *options, struct coro_tls_context **ret)
{
	return create(true, options, ret);
}

struct coro_tls_context *context_ref(struct coro_tls_context *context)
{
	__atomic_add_fetch(&context->refs, 1, __ATOMIC_RELAXED);
	return context;
}

void context_unref(struct coro_tls_context *context)
{
	if (!context || __atomic_sub_fetch(&context->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	SSL_CTX_free(context->ctx);
	BIO_meth_free(context->method);
	free(context->alpn);
	free(context);
}

void coro_tls_context_destroy(struct coro_tls_context *context)
{
	context_unref(context);
}

struct ssl_ctx_st *coro_tls_context_ssl(const struct coro_tls_context *context)
{
	return context ? context->ctx : NULL;
}
