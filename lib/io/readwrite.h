/* SPDX-License-Identifier: MIT */
/* Bytes in and out, of any fd: attempts for transfers. */
#ifndef IO_READWRITE_H
#define IO_READWRITE_H

#include "io/transfer.h"

/* As readv and writev do, or recv and send with flags. */
ssize_t attempt_read(struct transfer *transfer, struct fd *fd);
ssize_t attempt_write(struct transfer *transfer, struct fd *fd);

/* What a read on a stream came to: less than it asked for may mean that there is no more. */
void note_read(const struct transfer *transfer, struct fd *fd, ssize_t got);

#endif
