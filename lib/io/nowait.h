/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes that do not wait, of what is neither a socket nor a file: pipes, terminals, other
 * devices. The description may be shared, with other processes too, so that neither its O_NONBLOCK
 * nor what a poll has told will hold until the call is made. In the order in which they are tried:
 *
 *   RWF_NOWAIT          pipes, eventfds and the like
 *   O_NONBLOCK on a     terminals and FIFOs, opened once more by /proc/self/fd
 *   description of
 *   our own
 *   a thread            what remains: the masters of terminals, inotify and other devices, wherever
 *                       they have no O_NONBLOCK at the time
 *
 * What a thread reads for a task that is cancelled meanwhile is given to the next who reads. What it
 * is about to write for one counts as written.
 */
#ifndef IO_NOWAIT_H
#define IO_NOWAIT_H

#include "io/transfer.h"

/* Attempts for transfers. */
ssize_t nowait_read(struct transfer *transfer, struct fd *fd);
ssize_t nowait_write(struct transfer *transfer, struct fd *fd);

/* Who made that attempt does not wait for it any more: what counts as transferred, or -ECANCELED. */
ssize_t nowait_leave(const struct transfer *transfer, struct fd *fd);

#endif
