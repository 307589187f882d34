/* SPDX-License-Identifier: MIT */
/* A new socket, as the options want it. */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include "net/address.h"

/* Sets an option that is on or off: 0 or an error. */
int endpoint_set(int fd, int level, int option, int value);

/* A socket for that place; flags are CORO_NET_'s: the fd or an error. */
int endpoint_create(const struct place *place, int type, unsigned flags);

#endif
