/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes that do not wait, on fds that are neither sockets nor files: pipes, terminals,
 * other devices. Other processes may share the description. So O_NONBLOCK may be cleared, and a
 * poll's result may change, before the call is made. The ways, in the order in which they are tried:
 *
 *   RWF_NOWAIT          pipes, eventfds and the like
 *   O_NONBLOCK on a     terminals and FIFOs, opened once more by /proc/self/fd
 *   description of
 *   our own
 *   a thread            the rest: masters of terminals, inotify and other devices, while they have
 *                       no O_NONBLOCK
 *
 * Bytes that a thread has read for a task that was cancelled are given to the next reader. Bytes that
 * it is about to write for one count as written.
 */
#ifndef IO_NOWAIT_H
#define IO_NOWAIT_H

#include "io/transfer.h"

/* An attempt for transfers, in their direction. */
ssize_t nowait_attempt(struct transfer *transfer, struct fd *fd);

/*
 * The task that made that attempt stops waiting for it: the count that it has transferred, or
 * -ECANCELED.
 */
ssize_t nowait_leave(const struct transfer *transfer, struct fd *fd);

#endif
