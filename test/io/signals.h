/* SPDX-License-Identifier: MIT */
/* What the system does with a signal. */
#ifndef TEST_IO_SIGNALS_H
#define TEST_IO_SIGNALS_H

#include "fds.h"

#include "threads.h"

static inline void (*action_of(int signum))(int)
{
	struct sigaction now;
	must(sigaction(signum, NULL, &now) == 0);
	return now.sa_handler;
}

/* Ignores the signal, which may come at any moment. */
static inline void ignore(int signum)
{
	signal(signum, SIG_IGN);
}

#endif
