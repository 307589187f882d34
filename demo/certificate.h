/* SPDX-License-Identifier: MIT */
/*
 * Makes a certificate for localhost, to try TLS with. This is OpenSSL's interface, not the
 * library's.
 */
#ifndef CERTIFICATE_H
#define CERTIFICATE_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline EVP_PKEY *certificate_key(void)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	if (!context || EVP_PKEY_keygen_init(context) <= 0 ||
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) <= 0 ||
	    EVP_PKEY_keygen(context, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static inline bool certificate_add_name(X509 *x509, const char *name)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, name);
	bool added = extension && X509_add_ext(x509, extension, -1);
	X509_EXTENSION_free(extension);
	return added;
}

/* Fills in a certificate that signs itself and is valid for a day. */
static inline bool certificate_fill(X509 *x509, EVP_PKEY *key)
{
	const unsigned char *host = (const unsigned char *)"localhost";
	X509_NAME *name = X509_get_subject_name(x509);
	return X509_set_version(x509, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) &&
	       X509_gmtime_adj(X509_getm_notBefore(x509), -3600) &&
	       X509_gmtime_adj(X509_getm_notAfter(x509), 86400) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0) &&
	       X509_set_issuer_name(x509, name) && X509_set_pubkey(x509, key) &&
	       certificate_add_name(x509, "DNS:localhost") && X509_sign(x509, key, EVP_sha256());
}

/* Returns both as PEM. */
static inline char *certificate_text(X509 *x509, EVP_PKEY *key)
{
	char *bytes, *text = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio && PEM_write_bio_X509(bio, x509) &&
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
		long length = BIO_get_mem_data(bio, &bytes);
		text = calloc(1, (size_t)length + 1);
		if (text)
			memcpy(text, bytes, (size_t)length);
	}
	BIO_free(bio);
	return text;
}

/* Returns a certificate and its key as PEM, to be freed with free(); NULL if something failed. */
static inline char *certificate_make(void)
{
	EVP_PKEY *key = certificate_key();
	X509 *x509 = X509_new();
	char *text =
		key && x509 && certificate_fill(x509, key) ? certificate_text(x509, key) : NULL;
	X509_free(x509);
	EVP_PKEY_free(key);
	return text;
}

#endif
