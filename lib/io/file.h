/* SPDX-License-Identifier: MIT */
/* Reads and writes of regular files, which poll as ready and yet may block. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <sys/types.h>
#include <sys/uio.h>

/* As an offset: the file's position, which the call moves on. */
#define FILE_POSITION ((off_t)-1)

/*
 * Read and write at an offset. Return the count or an error. Cached bytes are read at once; all else
 * is done by offload.
 */
ssize_t file_read(int fd, const struct iovec *vec, int count, off_t offset);
ssize_t file_write(int fd, const struct iovec *vec, int count, off_t offset);

#endif
