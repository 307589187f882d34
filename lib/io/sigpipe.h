/* SPDX-License-Identifier: MIT */
/* Calls that would raise SIGPIPE and have no flag against it: they are made with it blocked. */
#ifndef IO_SIGPIPE_H
#define IO_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct quiet {
	sigset_t before;
	bool pending; /* one was there before, and stays */
};

void quiet_begin(struct quiet *quiet);

/* The signal that a call raised in between goes. */
void quiet_end(struct quiet *quiet, bool raised);

#endif
