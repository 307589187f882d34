/* SPDX-License-Identifier: MIT */
#ifndef POSIX_LOCK_H
#define POSIX_LOCK_H

#include <fcntl.h>

/* fcntl with F_SETLKW or F_OFD_SETLKW. */
int lock_wait(int fd, int command, struct flock *lock);

#endif
