/* SPDX-License-Identifier: MIT */
/* Errors of OpenSSL as errors of the library. */
#ifndef TLS_FAILURE_H
#define TLS_FAILURE_H

#include <openssl/err.h>
#include <stdbool.h>

/* Empties the thread's error queue before a call of OpenSSL. It is usually empty. */
static inline void failure_forget(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
}

/*
 * Fails with the message of OpenSSL's error queue, and empties it. The error is the one given, or a
 * more exact one that the queue tells, such as -ENOMEM or -ENOENT.
 */
int failure_raise(int error, const char *what);

/* Fails with -EINVAL and this message. */
int failure_misuse(const char *message);

/* Fails with an error that has no message of its own. */
int failure_code(int error);

/* Whether the queue's error is about the peer's certificate. */
bool failure_is_distrust(void);

/* Whether an error in the queue is a lack of memory. Empties the queue. */
bool failure_is_memory(void);

#endif
