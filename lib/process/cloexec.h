/* SPDX-License-Identifier: MIT */
#ifndef PROCESS_CLOEXEC_H
#define PROCESS_CLOEXEC_H

/*
 * Sets FD_CLOEXEC on all open fds from that number on. It is called between fork and execve, so it
 * only makes system calls, and writes only to its stack.
 */
void cloexec_from(int first);

#endif
