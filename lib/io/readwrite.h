/* SPDX-License-Identifier: MIT */
/* The attempts of reads and writes on any fd. */
#ifndef IO_READWRITE_H
#define IO_READWRITE_H

#include "io/transfer.h"

/* Read and write as readv and writev, or, on sockets, as recv and send with flags. */
ssize_t attempt_read(struct transfer *transfer, struct fd *fd);
ssize_t attempt_write(struct transfer *transfer, struct fd *fd);

/* Notes the result of a read on a stream. A short read may mean that the stream is empty. */
void note_read(const struct transfer *transfer, struct fd *fd, ssize_t got);

#endif
