/* SPDX-License-Identifier: MIT */
/* Blocks SIGPIPE around calls that may raise it and have no flag against that. */
#ifndef IO_SIGPIPE_H
#define IO_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe {
	sigset_t before;
	bool pending; /* it was pending before, and stays so */
};

void sigpipe_block(struct sigpipe *sigpipe);

/* Unblocks SIGPIPE. raised: a call in between has raised it, and that is discarded. */
void sigpipe_unblock(struct sigpipe *sigpipe, bool raised);

#endif
