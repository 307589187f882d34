/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes that do not wait, on fds that are neither sockets nor files: pipes, terminals,
 * other devices. Others may share the description, other processes too. So neither its O_NONBLOCK
 * nor the result of a poll holds until the call is made. The ways, in the order in which they are
 * tried:
 *
 *   RWF_NOWAIT          pipes, eventfds and the like
 *   O_NONBLOCK on a     terminals and FIFOs, opened once more by /proc/self/fd
 *   description of
 *   our own
 *   a thread            the rest: masters of terminals, inotify and other devices, while they have
 *                       no O_NONBLOCK
 *
 * What a thread reads for a task that is then cancelled is given to the next reader. What it is
 * about to write for one counts as written.
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
