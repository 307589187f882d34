/* SPDX-License-Identifier: MIT */
/* Creates sockets with the options of coro_listen and coro_dial. */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include "net/address.h"

/* Sets an integer socket option. Returns 0 or an error. */
int endpoint_set(int fd, int level, int option, int value);

/* Creates a socket for an address. flags are CORO_NET_*. Returns the fd or an error. */
int endpoint_create(const struct place *place, int type, unsigned flags);

#endif
