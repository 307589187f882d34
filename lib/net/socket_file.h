/* SPDX-License-Identifier: MIT */
/*
 * The files of unix sockets that a loop's tasks listen on. Each is removed with its socket. While
 * the socket is open its file's inode is not used again, so that another file in its place is
 * recognized.
 */
#ifndef NET_SOCKET_FILE_H
#define NET_SOCKET_FILE_H

struct coro_loop;
struct place;

/* The running loop, if any, removes the file when the fd is closed: 0 or -ENOMEM. */
int socket_file_add(int fd, const struct place *place);

/* Called before an fd of the loop is closed: removes its file, if it has one. */
void socket_file_close(struct coro_loop *loop, int fd);

#endif
