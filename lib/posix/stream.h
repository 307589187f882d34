/* SPDX-License-Identifier: MIT */
/*
 * Streams of stdio on pipes, sockets and terminals, in tasks. libc reads and writes them inside of libc,
 * which blocks. So here a task fills a stream's buffer and empties it by calls that wait, and libc finds
 * bytes or room there. A stream has the same state at each wait: its buffer is empty, or not yet written.
 */
#ifndef POSIX_STREAM_H
#define POSIX_STREAM_H

#include "posix/call.h"

/* Whether calls on the stream wait: in a task, on such an fd, without O_NONBLOCK. */
bool stream_waits(FILE *stream);

/* Whether tasks of this thread have claimed streams. */
extern __thread struct claim *stream_claims __attribute__((tls_model("initial-exec")));

/* Whether bytes are there that no other task wants. */
static inline bool stream_has_bytes(const FILE *stream)
{
	return stream->_IO_read_ptr < stream->_IO_read_end && likely(!stream_claims);
}

/*
 * Claims a stream for the running task, as flockfile does for a thread, any number of times. Waits while
 * another task or thread has it. Returns 0 or an error.
 */
int stream_begin(FILE *stream);

/* The same if it need not wait. Returns 0; -1 otherwise, as ftrylockfile does. */
int stream_try(FILE *stream);

/* Gives it back. Returns whether the running task had it. */
bool stream_end(FILE *stream);

/* The next three are for a stream that the task has claimed. On failure they set errno. */

/* Waits until bytes are there. Returns 1, 0 at the end of the file, or -1 after an error. libc knows, too. */
int stream_fill(FILE *stream);

/* Writes all that is in the buffer. Returns 0, or -1 after an error. */
int stream_flush(FILE *stream);

/* Writes bytes as the stream's buffering says. Returns how many. */
size_t stream_put(FILE *stream, const void *bytes, size_t length);

#endif
