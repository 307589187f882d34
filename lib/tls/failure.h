/* SPDX-License-Identifier: MIT */
/* Failures of OpenSSL's, in our terms. */
#ifndef TLS_FAILURE_H
#define TLS_FAILURE_H

#include <openssl/err.h>
#include <stdbool.h>

/* Before a call of OpenSSL's: what stands in the queue is of others, and as a rule nothing does. */
static inline void failure_forget(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
}

/*
 * What stands in the thread's queue of OpenSSL's errors, raised with its words: this error, or what
 * it is more exactly, such as -ENOMEM and -ENOENT. Empties the queue.
 */
int failure_raise(int error, const char *what);

/* Returns -EINVAL for a call that is wrong, with this message. */
int failure_misuse(const char *message);

/* Returns the error without a message, also without that of an earlier error of its code. */
int failure_code(int error);

/* Whether it is about the peer's certificate. */
bool failure_is_distrust(void);

#endif
