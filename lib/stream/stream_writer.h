/* SPDX-License-Identifier: MIT */
/* A stream's writer: what cannot be written at once is written by a task of the stream's own. */
#ifndef STREAM_STREAM_WRITER_H
#define STREAM_STREAM_WRITER_H

#include "stream/stream.h"

/* As out_write, and through the transport; what does not go now is left to the writer. */
int writer_write(struct coro_stream *stream, const struct iovec *vec, int count, size_t *done);

/*
 * Writing has failed. If the peer has hung up, what it sent before may still be read; else the
 * stream is reset, so that no reader waits for an answer that cannot come.
 */
void writer_lose(struct coro_stream *stream, int error);

#endif
