/* SPDX-License-Identifier: MIT */
#include "io/sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static void only_pipe(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGPIPE);
}

void quiet_begin(struct quiet *quiet)
{
	sigset_t pipe, pending;
	only_pipe(&pipe);
	pthread_sigmask(SIG_BLOCK, &pipe, &quiet->before);
	quiet->pending = sigismember(&quiet->before, SIGPIPE) == 1 && sigpending(&pending) == 0 &&
			 sigismember(&pending, SIGPIPE) == 1;
}

void quiet_end(struct quiet *quiet, bool raised)
{
	static const struct timespec at_once;
	sigset_t pipe;
	only_pipe(&pipe);
	if (raised && !quiet->pending)
		while (sigtimedwait(&pipe, NULL, &at_once) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
}
