/* SPDX-License-Identifier: MIT */
/* An fd that a call has open, recorded on its task's stack. It is closed if the task is discarded. */
#ifndef IO_SCOPED_FD_H
#define IO_SCOPED_FD_H

#include "sched/park.h"

struct scoped_fd {
	struct cleanup cleanup;
	struct task *task; /* NULL outside of tasks */
	int fd;
};

/* Records a new fd, and has the loop forget its number. */
void scoped_fd_begin(struct scoped_fd *scoped, int fd);

/* Ends the record and returns the fd, which is the caller's. */
int scoped_fd_take(struct scoped_fd *scoped);

/* Closes the fd. */
void scoped_fd_close(struct scoped_fd *scoped);

#endif
