/* SPDX-License-Identifier: MIT */
#include "io/sigpipe.h"

#include "base/system.h"

static void only_pipe(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGPIPE);
}

void sigpipe_block(struct sigpipe *sigpipe)
{
	sigset_t pipe, pending;
	only_pipe(&pipe);
	pthread_sigmask(SIG_BLOCK, &pipe, &sigpipe->before);
	sigpipe->pending = sigismember(&sigpipe->before, SIGPIPE) == 1 &&
			   sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void sigpipe_unblock(struct sigpipe *sigpipe, bool raised)
{
	sigset_t pipe;
	only_pipe(&pipe);
	if (raised && !sigpipe->pending)
		while (system_take_signal(&pipe) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &sigpipe->before, NULL);
}
