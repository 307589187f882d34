/* SPDX-License-Identifier: MIT */
#ifndef POSIX_FD_H
#define POSIX_FD_H

/* The number, if it is one, is that of another file from now on, of which this is remembered. */
void fd_renew(int fd, unsigned views);

#endif
