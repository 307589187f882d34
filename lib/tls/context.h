/* SPDX-License-Identifier: MIT */
/* A context: what connections share. */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include "coro/tls.h"

#include <openssl/ssl.h>

struct coro_tls_context {
	unsigned refs; /* the owner's, each connection's; atomic */
	bool server;
	unsigned flags;
	int64_t timeout;
	SSL_CTX *ctx;
	BIO_METHOD *method;  /* see connection_method */
	unsigned char *alpn; /* each name preceded by its length; NULL for none */
	unsigned alpn_length;
	struct coro_tls_context *(*choose)(const char *host, void *arg);
	void *arg;
};

struct coro_tls_context *context_ref(struct coro_tls_context *context);

/* NULL is fine. */
void context_unref(struct coro_tls_context *context);

#endif
