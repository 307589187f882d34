/* SPDX-License-Identifier: MIT */
/*
 * TLS over streams, by OpenSSL: a library of its own, for which pkg-config knows coro-tls. It is
 * not part of <coro.h>, and is there only if OpenSSL was found when it was built.
 *
 *	struct coro_tls_context *context;
 *	struct coro_stream *stream;
 *	r = coro_tls_client_create(NULL, &context);
 *	r = coro_tls_open_connection("example.org:443", context, NULL, NULL, NULL, &stream);
 *
 * A stream becomes TLS in its place (StreamWriter.start_tls), and all calls of stream.h work as
 * before: one task may read while another writes, coro_stream_write_eof and _close tell the peer
 * that nothing more comes. An end that the peer did not announce is an error, since an attacker may
 * have caused it. Streams of TLS can be read from and written to by tasks with 64 KiB of stack or
 * more.
 *
 * Failures have OpenSSL's message (see coro_message), and are
 *
 *   CORO_UNTRUSTED   the peer's certificate is not accepted (ssl.SSLCertVerificationError)
 *   -EPROTO          all else between the two (ssl.SSLError), also when the connection was cut
 */
#ifndef CORO_TLS_H
#define CORO_TLS_H

#include <coro/stream.h>

CORO_BEGIN_DECLS

/* -- contexts (ssl.SSLContext) */

/* What connections have in common. Several connections and threads may use one at the same time. */
struct coro_tls_context;

/*
 * Flags of the options below.
 *
 * Client: takes whatever certificate the server has. Who is in the way can read all.
 */
#define CORO_TLS_NO_VERIFY (1U << 24)
/* Client: the certificate must be good, but may be any host's. */
#define CORO_TLS_NO_HOST_CHECK (1U << 25)
/* Server: asks for a certificate, and where there is one it must be good (CERT_OPTIONAL). */
#define CORO_TLS_ASK_CLIENT (1U << 26)
/* Server: the client must have a certificate (CERT_REQUIRED). */
#define CORO_TLS_REQUIRE_CLIENT (1U << 27)
/* An end that the peer did not announce is an end. Old servers of HTTP do that. */
#define CORO_TLS_RAGGED_END (1U << 28)

/* Versions of TLS. Older ones are not spoken. */
enum { CORO_TLS_1_2 = 0x303, CORO_TLS_1_3 = 0x304 };

/* All of it may be left out. Texts are copied. */
struct coro_tls_options {
	unsigned flags;
	int min_version, max_version; /* 0: CORO_TLS_1_2; the newest there is */

	/*
	 * One's own certificate, followed by those that lead from it to one that the peer trusts,
	 * and its key: in files, or as texts; PEM. Without a key, it stands with the certificate.
	 */
	const char *certificate_file, *key_file;
	const char *certificate, *key;
	const char *password; /* of the key */

	/*
	 * Who is trusted to have signed the peer's: a file, a directory as made by openssl rehash,
	 * a text; PEM. None of them: who the system trusts; for clients of a server: -EINVAL.
	 */
	const char *ca_file, *ca_directory, *ca;

	const char *alpn; /* protocols to speak over it, what is wanted most first: "h2,http/1.1" */
	const char *ciphers;      /* of TLS 1.2, as for openssl ciphers; NULL: OpenSSL's choice */
	const char *ciphersuites; /* of TLS 1.3 */

	/* Of coro_tls_connect and _accept. 0 for 60 s, as asyncio; CORO_FOREVER for none. */
	int64_t handshake_timeout;

	/*
	 * Server: returns the context for the host that the client asks for, NULL if it asks for
	 * none (sni_callback): its certificate and protocols are used, and what it demands of
	 * clients holds too. A session is resumed only for the host that it began with. The context
	 * stays the caller's. NULL: there is no such host. May not wait.
	 */
	struct coro_tls_context *(*choose)(const char *host, void *arg);
	void *arg;
};

/*
 * Makes a context for clients, or for servers, which need a certificate, or choose
 * (ssl.create_default_context). options may be NULL. Reads files, and so blocks. The caller owns it
 * and gives it back with coro_tls_context_destroy. -EINVAL for wrong options, for a malformed
 * certificate or key, and for a key that is not the certificate's; -ENOENT and the like; -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_tls_client_create(const struct coro_tls_options *options,
						    struct coro_tls_context **ret);
CORO_MUST_CHECK CORO_API int coro_tls_server_create(const struct coro_tls_options *options,
						    struct coro_tls_context **ret);

/* Gives it back; connections that use it keep what they need. NULL is fine. */
CORO_API void coro_tls_context_destroy(struct coro_tls_context *context);

/* OpenSSL's own, for what is not here. It lives as long as the context. */
CORO_API struct ssl_ctx_st *coro_tls_context_ssl(const struct coro_tls_context *context);

/* -- connections */

/*
 * Makes TLS of a stream, as the client or the server: 0 (StreamWriter.start_tls, loop.start_tls).
 * What was written before goes out as it is; what came and was not read belongs to TLS. Nobody else
 * may use the stream meanwhile: that is -EBUSY, and for good. Closing or destroying it ends this as
 * well: -EPIPE.
 *
 * host is the name, in ASCII, or the numeric address that the server's certificate must have as a
 * subjectAltName; it is also sent to the server (SNI). It may be NULL only if it is not checked;
 * else -EINVAL. A host that begins with a dot matches none: CORO_UNTRUSTED.
 *
 * -EPERM outside a task, -EINVAL, -ENOMEM, those of coro_stream_set_transport: the stream is as it
 * was. After other failures, -ETIMEDOUT, -ECANCELED, and -ENOMEM too, it is closed.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_tls_connect(struct coro_stream *stream,
							 struct coro_tls_context *context,
							 const char *host);
coro_async CORO_MUST_CHECK CORO_API int coro_tls_accept(struct coro_stream *stream,
							struct coro_tls_context *context);

/*
 * Connects, and makes TLS of it (asyncio.open_connection with ssl). host: NULL for the one in the
 * address. The other options may be NULL. The caller owns *ret. Failures are those of coro_dial and
 * coro_tls_connect.
 */
#define coro_tls_open_connection(...) \
	coro_tls_open_connection_at(  \
		CORO_HERE, __VA_ARGS__) /* (address, context, host, dial_options, options, ret) */
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
 * For coro_server_start (asyncio.start_server with ssl), with a struct coro_tls_service as its arg,
 * which must last as long as connections come: makes TLS of the connection, and then runs
 * fn(stream, arg). A handshake that fails is the connection's failure.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_tls_serve(struct coro_stream *stream, void *service);

/* -- questions. Texts last until the stream is closed. NULL if it is not TLS, or closed. */

/* The protocol that was agreed on, NULL if none was (ssl.selected_alpn_protocol). */
CORO_API const char *coro_tls_alpn(const struct coro_stream *stream);

/*
 * The host that the client asks for, NULL for none; where a session of TLS 1.2 was resumed, the one
 * that it began with.
 */
CORO_API const char *coro_tls_host(const struct coro_stream *stream);

/* "TLSv1.3" (ssl.version), and "TLS_AES_256_GCM_SHA384" (ssl.cipher). */
CORO_API const char *coro_tls_version(const struct coro_stream *stream);
CORO_API const char *coro_tls_cipher(const struct coro_stream *stream);

/*
 * The peer's certificate in DER (getpeercert(binary_form=True)): its length, and the caller frees
 * *ret with free(). 0: it has none. -EINVAL if the stream is not TLS; -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_tls_peer_certificate(const struct coro_stream *stream,
						       unsigned char **ret);

/*
 * Whom that certificate is for, as RFC 2253 writes it: "CN=example.org,O=Example". The length;
 * -ENOENT: the peer has none; -ENOBUFS if there is not room for all and the NUL; -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_tls_peer_name(const struct coro_stream *stream, char *ret,
						size_t size);

/* OpenSSL's own, to ask it for more. Not to be read from or written to. */
CORO_API struct ssl_st *coro_tls_ssl(const struct coro_stream *stream);

CORO_END_DECLS

#endif
