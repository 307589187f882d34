/* SPDX-License-Identifier: MIT */
#include "tls/failure.h"

#include "coro/coroutine.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>

bool failure_is_distrust(void)
{
	unsigned long error = ERR_peek_last_error();
	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return false;
	switch (ERR_GET_REASON(error)) {
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return true;
	default:
		return false;
	}
}

int failure_misuse(const char *message)
{
	return coro_raise_at(NULL, -EINVAL, "%s", message);
}

int failure_code(int error)
{
	return coro_raise_at(NULL, error, NULL);
}

bool failure_is_memory(void)
{
	bool is = false;
	unsigned long error;
	while ((error = ERR_get_error()))
		is |= ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
	return is;
}

int failure_raise(int error, const char *what)
{
	/* For a connection the last error of the queue tells most; for a file the first. */
	unsigned long found = error == -EPROTO ? ERR_peek_last_error() : ERR_peek_error();
	const char *message = ERR_reason_error_string(found);
	if (ERR_GET_LIB(found) == ERR_LIB_SYS) {
		error = -ERR_GET_REASON(found);
		message = coro_strerror(error);
	}
	if (failure_is_memory() || error == -ENOMEM)
		return failure_code(-ENOMEM);
	return coro_raise_at(NULL, error, "%s: %s", what, message ? message : "unknown error");
}
