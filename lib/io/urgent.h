/* SPDX-License-Identifier: MIT */
/* The waits of coro_urgent. */
#ifndef IO_URGENT_H
#define IO_URGENT_H

struct io;

/* The fd is closed: wakes the tasks that wait for urgent data on it with -EBADF. */
void urgent_forget(struct io *io, int number);

#endif
