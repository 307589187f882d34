/* SPDX-License-Identifier: MIT */
/* What is in regular files, for the calls of io.h: they are always ready, and may block all the same. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <sys/types.h>
#include <sys/uio.h>

/* For offset: where the file stands, which moves on. */
#define FILE_POSITION ((off_t)-1)

/*
 * Reads or writes there: the count, or an error. What is cached is read at once; all else is done in
 * the pool: as offload.
 */
ssize_t file_read(int fd, const struct iovec *vec, int count, off_t offset);
ssize_t file_write(int fd, const struct iovec *vec, int count, off_t offset);

#endif
