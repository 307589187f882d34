/* SPDX-License-Identifier: MIT */
/* What a process's fds are, by /proc: the addresses of sockets, the names of files. */
#ifndef PS_DESCRIPTOR_H
#define PS_DESCRIPTOR_H

#include "debug/ps/snapshot.h"

/* Adds to what each task waits in what its fd is. Does nothing for a core file. */
void descriptors_describe(struct snapshot *snapshot);

#endif
