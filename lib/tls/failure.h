/* SPDX-License-Identifier: MIT */
/* Failures of OpenSSL's, in our terms. */
#ifndef TLS_FAILURE_H
#define TLS_FAILURE_H

#include <stdbool.h>

/*
 * What stands in the thread's queue of OpenSSL's errors, raised with its words: this error, or what
 * it is more exactly, such as -ENOMEM and -ENOENT. Empties the queue.
 */
int failure_raise(int error, const char *what);

/* Whether it is about the peer's certificate. */
bool failure_is_distrust(void);

#endif
