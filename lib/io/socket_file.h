/* SPDX-License-Identifier: MIT */
/*
 * The files of unix sockets that a loop's tasks listen at: each goes with its socket. While that is
 * open, its file's inode is its own, so that a file of another is known as such.
 */
#ifndef IO_SOCKET_FILE_H
#define IO_SOCKET_FILE_H

struct coro_loop;
struct place;

/* The running loop, if any, removes the file when the fd is closed: 0 or -ENOMEM. */
int socket_file_add(int fd, const struct place *place);

/* The fd of a loop is about to be closed. */
void socket_file_close(struct coro_loop *loop, int fd);

#endif
