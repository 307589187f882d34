/* SPDX-License-Identifier: MIT */
/* Information about a stream that uses TLS. */
#include "coro/coroutine.h"
#include "tls/connection.h"
#include "tls/failure.h"

const char *coro_tls_alpn(const struct coro_stream *stream)
{
	const struct connection *connection = connection_of(stream);
	return connection && connection->alpn[0] ? connection->alpn : NULL;
}

const char *coro_tls_host(const struct coro_stream *stream)
{
	const struct connection *connection = connection_of(stream);
	return connection ? SSL_get_servername(connection->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
}

const char *coro_tls_version(const struct coro_stream *stream)
{
	const struct connection *connection = connection_of(stream);
	return connection ? SSL_get_version(connection->ssl) : NULL;
}

const char *coro_tls_cipher(const struct coro_stream *stream)
{
	const struct connection *connection = connection_of(stream);
	return connection ? SSL_get_cipher_name(connection->ssl) : NULL;
}

/* Copies a string with malloc, since OpenSSL may use another allocator. */
static int encode(X509 *certificate, unsigned char **ret)
{
	int length = i2d_X509(certificate, NULL);
	unsigned char *bytes = length > 0 ? malloc((size_t)length) : NULL, *end = bytes;
	if (!bytes)
		return -ENOMEM;
	i2d_X509(certificate, &end);
	*ret = bytes;
	return length;
}

int coro_tls_peer_certificate(const struct coro_stream *stream, unsigned char **ret)
{
	const struct connection *connection = connection_of(stream);
	if (!connection || !ret)
		return failure_misuse(
			"coro_tls_peer_certificate: the stream is not TLS, or ret is NULL");
	X509 *certificate = SSL_get_peer_certificate(connection->ssl);
	int r = certificate ? encode(certificate, ret) : 0;
	X509_free(certificate);
	failure_forget();
	return r;
}

static int write_name(const X509 *certificate, char *ret, size_t size)
{
	char *name;
	BIO *bio = BIO_new(BIO_s_mem());
	if (!bio || X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
				       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) {
		BIO_free(bio);
		return -ENOMEM;
	}
	long length = BIO_get_mem_data(bio, &name);
	int r = (size_t)length < size ? (int)length : -ENOBUFS;
	if (r >= 0) {
		memcpy(ret, name, (size_t)length);
		ret[length] = '\0';
	}
	BIO_free(bio);
	return r;
}

int coro_tls_peer_name(const struct coro_stream *stream, char *ret, size_t size)
{
	const struct connection *connection = connection_of(stream);
	if (!connection || (!ret && size > 0))
		return failure_misuse("coro_tls_peer_name: the stream is not TLS, or ret is NULL");
	X509 *certificate = SSL_get_peer_certificate(connection->ssl);
	int r = certificate ? write_name(certificate, ret, size)
			    : coro_raise_at(NULL, -ENOENT, "TLS: the peer has no certificate");
	X509_free(certificate);
	failure_forget();
	return r;
}

struct ssl_st *coro_tls_ssl(const struct coro_stream *stream)
{
	const struct connection *connection = connection_of(stream);
	return connection ? connection->ssl : NULL;
}
