/* SPDX-License-Identifier: MIT */
/* The transports of fds; what their calls are given is the stream's fd_end. */
#ifndef IO_STREAM_FD_H
#define IO_STREAM_FD_H

#include "io/stream.h"

extern const struct coro_transport socket_transport;

/* Of what is no socket, one direction cannot be ended without the other. */
extern const struct coro_transport file_transport;

#endif
