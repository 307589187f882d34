/* SPDX-License-Identifier: MIT */
/* Servers, seen from the streams of their loop. */
#ifndef IO_SERVER_H
#define IO_SERVER_H

#include "base/list.h"

/* The loop is closed, and the tasks of this server, which is linked by that, are gone. */
void server_abandon(struct list *link);

#endif
