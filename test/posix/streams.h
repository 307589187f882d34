/* SPDX-License-Identifier: MIT */
/* What tests of stdio share: streams on both ends of a pair. */
#ifndef TEST_POSIX_STREAMS_H
#define TEST_POSIX_STREAMS_H

#include "posix/posix.h"

static struct pair pair;
static FILE *in, *out;

/* The sockets of a pair take little, so that a writer waits soon. */
static inline void open_streams(int kind)
{
	pair = make_pair(kind);
	if (kind == UNIX)
		setsockopt(pair.to, SOL_SOCKET, SO_SNDBUF, &(int){16384}, sizeof(int));
	in = fdopen(pair.from, "r");
	out = fdopen(pair.to, "w");
	ck_assert(in && out);
}

#endif
