/* SPDX-License-Identifier: MIT */
/* Servers, seen from the streams of their loop. */
#ifndef STREAM_SERVER_H
#define STREAM_SERVER_H

#include "base/list.h"

/* The loop is closed, and the tasks of this server, which is linked by that, are gone. */
void server_discard(struct list *link);

#endif
