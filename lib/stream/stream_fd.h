/* SPDX-License-Identifier: MIT */
/* The transports of fds; their arg is the stream's fd_end. */
#ifndef STREAM_STREAM_FD_H
#define STREAM_STREAM_FD_H

#include "stream/stream.h"

extern const struct coro_transport socket_transport;

/* For fds that are not sockets: one direction cannot be ended alone. */
extern const struct coro_transport file_transport;

#endif
