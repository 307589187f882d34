/* SPDX-License-Identifier: MIT */
/* A certificate made on the spot, for demos that serve by TLS. */
#ifndef CERTIFICATE_H
#define CERTIFICATE_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static inline void certificate_extend(X509 *x509, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
	X509_add_ext(x509, extension, -1);
	X509_EXTENSION_free(extension);
}

static inline EVP_PKEY *certificate_key(void)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY_keygen_init(context);
	EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1);
	EVP_PKEY_keygen(context, &key);
	EVP_PKEY_CTX_free(context);
	return key;
}

/* One for localhost that signs itself, good for a day, and its key: both in PEM, to be freed. */
static inline char *certificate_make(void)
{
	EVP_PKEY *key = certificate_key();
	X509 *x509 = X509_new();
	X509_NAME *name = X509_get_subject_name(x509);
	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
				   -1, 0);
	X509_set_issuer_name(x509, name);
	X509_set_pubkey(x509, key);
	certificate_extend(x509, NID_subject_alt_name, "DNS:localhost");
	X509_sign(x509, key, EVP_sha256());

	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes, *text = NULL;
	PEM_write_bio_X509(bio, x509);
	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	long length = BIO_get_mem_data(bio, &bytes);
	if (length > 0 && (text = calloc(1, (size_t)length + 1)))
		memcpy(text, bytes, (size_t)length);
	BIO_free(bio);
	X509_free(x509);
	EVP_PKEY_free(key);
	return text;
}

#endif
