/* SPDX-License-Identifier: MIT */
/*
 * The files of the unix sockets that a loop listens on. A file is removed when its socket is
 * closed, unless another file has taken its place: the open socket keeps its inode number in use,
 * so a different number tells the other file.
 */
#ifndef NET_SOCKET_FILE_H
#define NET_SOCKET_FILE_H

struct coro_loop;
struct place;

/* Has the running loop, if any, remove the file when it closes the fd. Returns 0 or -ENOMEM. */
int socket_file_add(int fd, const struct place *place);

/* Removes the file of a socket, if it has one. To be called before the fd is closed. */
void socket_file_close(struct coro_loop *loop, int fd);

#endif
