/* SPDX-License-Identifier: MIT */
/* Waits for what is urgent: see coro_urgent. */
#ifndef IO_URGENT_H
#define IO_URGENT_H

struct io;

/* The fd is to be closed, or was: who waits for it so is woken with -EBADF. */
void urgent_forget(struct io *io, int number);

#endif
