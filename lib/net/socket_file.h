/* SPDX-License-Identifier: MIT */
/*
 * The files of the unix sockets that a loop listens on. A file is removed when its socket is
 * closed, unless another file has taken its place: the open socket keeps its inode number in use,
 * so a different number tells the other file.
 */
#ifndef NET_SOCKET_FILE_H
#define NET_SOCKET_FILE_H

#include "coro/base.h"

struct coro_loop;
struct place;

/* Has the running loop, if any, remove the file when it closes the fd. Returns 0 or -ENOMEM. */
int socket_file_add(int fd, const struct place *place);

/*
 * Locks the directory of a place's file, by flock, while a file in it is examined, replaced and
 * listened on: a socket that is bound and does not listen yet looks like one that nobody listens on
 * any more. May suspend. Returns an fd for socket_file_unlock; -ENOENT if the place has no file, or
 * its directory cannot be locked, or another program keeps the lock for long; or -ECANCELED.
 */
coro_async int socket_file_lock(const struct place *place);
void socket_file_unlock(int lock);

/* Removes the file of a socket, if it has one. To be called before the fd is closed. */
void socket_file_close(struct coro_loop *loop, int fd);

#endif
