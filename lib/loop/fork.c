/* SPDX-License-Identifier: MIT */
#include "loop/fork.h"

#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>

unsigned fork_count;

/*
 * The loop that runs here is the parent's. Its run ends as soon as the task or callback that forked
 * does, and until then that is in no loop: it may run one of its own.
 */
static void in_child(void)
{
	fork_count++;
	struct coro_loop *loop = thread_current->loop;
	if (!loop)
		return;
	loop->stopping = true;
	loop_interrupt(loop);
	loop->turn_end = loop->ready.head;
	loop->inbox.frozen = true;
	thread_current->loop = NULL;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool watched;

int fork_watch(void)
{
	if (__atomic_load_n(&watched, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&mutex);
	int r = watched ? 0 : pthread_atfork(NULL, NULL, in_child);
	if (r == 0)
		__atomic_store_n(&watched, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&mutex);
	return -r;
}
