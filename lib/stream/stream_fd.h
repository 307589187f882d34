/* SPDX-License-Identifier: MIT */
/* The transports over an fd. Their arg is the stream's fd_end. */
#ifndef STREAM_STREAM_FD_H
#define STREAM_STREAM_FD_H

#include "stream/stream.h"

extern const struct coro_transport socket_transport;

/* For fds that are not sockets. They cannot shut down one direction. */
extern const struct coro_transport file_transport;

#endif
