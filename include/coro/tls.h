/* SPDX-License-Identifier: MIT */
/*
 * TLS over streams, by OpenSSL.
 *
 *	struct coro_tls_context *context;
 *	struct coro_stream *stream;
 *	r = coro_tls_client_create(NULL, &context);
 *	r = coro_tls_open_connection("example.org:443", context, NULL, NULL, NULL, &stream);
 *
 * It is a library of its own, which pkg-config knows as coro-tls. It is not part of <coro.h>, and
 * exists only if OpenSSL was found when it was built.
 *
 * A stream becomes TLS in place, and all calls of coro/stream.h work as before: one task may read
 * while another writes, and coro_stream_write_eof and coro_stream_close tell the peer that nothing
 * more comes. An end that the peer did not announce is an error, since an attacker may have caused
 * it. Tasks that read and write TLS streams need stacks of 64 KiB or more.
 *
 * Errors have OpenSSL's message (see coro_message). They are
 *
 *   CORO_UNTRUSTED  the peer's certificate is not accepted (ssl.SSLCertVerificationError)
 *   -EPROTO         any other failure of TLS, also a connection that was cut (ssl.SSLError)
 */
#ifndef CORO_TLS_H
#define CORO_TLS_H

#include <coro/stream.h>

CORO_BEGIN_DECLS

/* -- contexts */

/*
 * What connections have in common: certificates, keys, versions. Several connections and threads
 * may use one at the same time. Like ssl.SSLContext.
 */
struct coro_tls_context;

/*
 * A flag of a client's struct coro_tls_options: any certificate is accepted. An attacker between
 * the two can then read everything.
 */
#define CORO_TLS_NO_VERIFY (1U << 24)

/* A flag of a client's struct coro_tls_options: the certificate must be valid, for any host. */
#define CORO_TLS_NO_HOST_CHECK (1U << 25)

/*
 * A flag of a server's struct coro_tls_options: asks clients for a certificate, which must be valid
 * if there is one. Like ssl.CERT_OPTIONAL.
 */
#define CORO_TLS_ASK_CLIENT (1U << 26)

/*
 * A flag of a server's struct coro_tls_options: clients must have a valid certificate. Like
 * ssl.CERT_REQUIRED.
 */
#define CORO_TLS_REQUIRE_CLIENT (1U << 27)

/*
 * A flag of struct coro_tls_options: an end that the peer did not announce is an end, not an error.
 * Old HTTP servers end so.
 */
#define CORO_TLS_RAGGED_END (1U << 28)

/* Versions of TLS. Older ones are not supported. */
enum { CORO_TLS_1_2 = 0x303, CORO_TLS_1_3 = 0x304 };

/* Options of a context. A field that is 0 or NULL has its default. Texts are copied. */
struct coro_tls_options {
	unsigned flags;
	int min_version, max_version; /* 0 for CORO_TLS_1_2 and for the newest there is */

	/*
	 * Our certificate, followed by those that lead from it to one that the peer trusts, and its
	 * key: in files or as texts, in PEM. Without a key, it is in the file or text of the
	 * certificate.
	 */
	const char *certificate_file, *key_file;
	const char *certificate, *key;
	const char *password; /* of the key */

	/*
	 * Whose signatures on the peer's certificate are trusted, in PEM: a file, a directory as
	 * made by openssl rehash, a text. If all are NULL, a client trusts whom the system trusts;
	 * a server that asks for certificates is -EINVAL.
	 */
	const char *ca_file, *ca_directory, *ca;

	const char *alpn;    /* protocols to use over it, the most wanted first: "h2,http/1.1" */
	const char *ciphers; /* of TLS 1.2, as for openssl ciphers; NULL for OpenSSL's choice */
	const char *ciphersuites; /* of TLS 1.3 */

	/* Of coro_tls_connect and coro_tls_accept, in ns; 0 for 60 s; CORO_FOREVER for none. */
	int64_t handshake_timeout;

	/*
	 * Of a server: returns the context for the host that the client asks for; host is NULL if
	 * it asks for none. Its certificate and protocols are used, and what it demands of clients
	 * holds too. A session is resumed only for the host that it began with. The context stays
	 * the caller's. NULL means that there is no such host. It may not wait. Like sni_callback.
	 */
	struct coro_tls_context *(*choose)(const char *host, void *arg);
	void *arg;
};

/*
 * Creates a context for clients. options may be NULL. It reads files, and so blocks the thread. The
 * caller owns it and destroys it with coro_tls_context_destroy.
 *
 * Returns 0, -ENOMEM, an error of a file such as -ENOENT, or -EINVAL for options that are not
 * valid, a malformed certificate or key, or a key of another certificate. Like
 * ssl.create_default_context.
 */
CORO_MUST_CHECK CORO_API int coro_tls_client_create(const struct coro_tls_options *options,
						    struct coro_tls_context **ret);

/*
 * Creates a context for servers, which need a certificate or choose in their options. Otherwise as
 * coro_tls_client_create.
 */
CORO_MUST_CHECK CORO_API int coro_tls_server_create(const struct coro_tls_options *options,
						    struct coro_tls_context **ret);

/* Gives a context back. Connections that use it keep what they need. NULL is allowed. */
CORO_API void coro_tls_context_destroy(struct coro_tls_context *context);

/* Returns OpenSSL's context, for what is not here. It lives as long as ours. */
CORO_API struct ssl_ctx_st *coro_tls_context_ssl(const struct coro_tls_context *context);

/* -- connections */

/*
 * Makes a stream TLS, as the client. What was written before is sent as it is; what came and was
 * not read belongs to TLS. No other task may use the stream meanwhile: its call is -EBUSY, and the
 * stream is lost. If another task closes or destroys the stream, this ends with -EPIPE.
 *
 * host is the name, in ASCII, or the numeric address that the server's certificate must have as a
 * subjectAltName. It is sent to the server too (SNI). It may be NULL only if it is not checked,
 * else -EINVAL. A host that begins with a dot matches no certificate.
 *
 * Returns 0; -EINVAL, -ENOMEM, -EPERM outside of tasks, or the errors of coro_stream_set_transport,
 * and then the stream is as it was; or, and then it is closed, -ENOMEM too or
 *
 *   CORO_UNTRUSTED  the server's certificate is not accepted
 *   -EPROTO         TLS failed otherwise
 *   -ETIMEDOUT      the handshake_timeout is over
 *   -ECANCELED      the task was cancelled
 *
 * Like loop.start_tls.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_tls_connect(struct coro_stream *stream,
							 struct coro_tls_context *context,
							 const char *host);

/* Makes a stream TLS, as the server. Otherwise as coro_tls_connect. */
coro_async CORO_MUST_CHECK CORO_API int coro_tls_accept(struct coro_stream *stream,
							struct coro_tls_context *context);

/*
 * Connects to an address and makes the stream TLS. host may be NULL, for the one in the address.
 * The options may be NULL. The caller owns *ret. Returns 0, or the errors of coro_dial and
 * coro_tls_connect. Like asyncio.open_connection.
 */
#define coro_tls_open_connection(...) /* (const char *address, struct coro_tls_context *context, \
					  const char *host, \
					  const struct coro_dial_options *dial_options, \
					  const struct coro_stream_options *options, \
					  struct coro_stream **ret) */ \
	coro_tls_open_connection_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_tls_open_connection. */
coro_async CORO_MUST_CHECK CORO_API int coro_tls_open_connection_at(
	const char *site, const char *address, struct coro_tls_context *context, const char *host,
	const struct coro_dial_options *dial_options, const struct coro_stream_options *options,
	struct coro_stream **ret);

/* What coro_tls_serve does for a connection. */
struct coro_tls_service {
	struct coro_tls_context *context;
	coro_stream_fn *fn;
	void *arg;
};

/*
 * The handler of a TLS server: makes the connection TLS, and then runs fn(stream, arg). Pass it to
 * coro_server_start with a struct coro_tls_service as arg, which must be valid as long as
 * connections come. Returns what fn returned, or the errors of coro_tls_accept. Like
 * asyncio.start_server.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_tls_serve(struct coro_stream *stream, void *service);

/* -- questions */

/*
 * Returns the protocol that was agreed on, or NULL if none was, or the stream is not TLS or is
 * closed. The text is valid until the stream is closed. Like ssl.selected_alpn_protocol.
 */
CORO_API const char *coro_tls_alpn(const struct coro_stream *stream);

/*
 * Returns the host that the client asks for, or NULL as coro_tls_alpn. If a session of TLS 1.2 was
 * resumed, it is the host that the session began with.
 */
CORO_API const char *coro_tls_host(const struct coro_stream *stream);

/* Returns the version of TLS, "TLSv1.3", or NULL as coro_tls_alpn. Like ssl.version. */
CORO_API const char *coro_tls_version(const struct coro_stream *stream);

/* Returns the cipher, "TLS_AES_256_GCM_SHA384", or NULL as coro_tls_alpn. Like ssl.cipher. */
CORO_API const char *coro_tls_cipher(const struct coro_stream *stream);

/*
 * Gets the peer's certificate in DER. The caller frees *ret with free(). Returns its length, 0 if
 * the peer has none, -ENOMEM, or -EINVAL if the stream is not TLS. Like ssl.getpeercert.
 */
CORO_MUST_CHECK CORO_API int coro_tls_peer_certificate(const struct coro_stream *stream,
						       unsigned char **ret);

/*
 * Gets whom the peer's certificate is for, as RFC 2253 writes it: "CN=example.org,O=Example". ret
 * has room for size bytes.
 *
 * Returns the length of the text, -EINVAL if the stream is not TLS, -ENOMEM, or
 *
 *   -ENOENT   the peer has no certificate
 *   -ENOBUFS  there is no room for the text and a NUL
 */
CORO_MUST_CHECK CORO_API int coro_tls_peer_name(const struct coro_stream *stream, char *ret,
						size_t size);

/* Returns OpenSSL's connection, for more questions. Do not read from it or write to it. */
CORO_API struct ssl_st *coro_tls_ssl(const struct coro_stream *stream);

CORO_END_DECLS

#endif
