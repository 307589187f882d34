/* SPDX-License-Identifier: MIT */
/* The writer of a stream: a hidden task that writes what could not be written at once. */
#ifndef STREAM_STREAM_WRITER_H
#define STREAM_STREAM_WRITER_H

#include "stream/stream.h"

/* out_write, and flushes the transport. The writer task writes what does not go now. */
int writer_write(struct coro_stream *stream, const struct iovec *vec, int count, size_t *done);

/*
 * Writing has failed. If the peer has hung up, what it sent before can still be read. Otherwise the
 * stream is reset, so that no reader waits for an answer that cannot come.
 */
void writer_lose(struct coro_stream *stream, int error);

#endif
