/* SPDX-License-Identifier: MIT */
#include "sched/fork.h"

#include "sched/loops.h"
#include "sched/sched.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

unsigned fork_count = 1;

static void renew_mark(void);

/*
 * The loop that runs here belongs to the parent. The task or callback that forked goes on in no
 * loop, and may run one of its own. The loop's run ends as soon as it returns.
 */
static void in_child(void)
{
	fork_count++;
	renew_mark();
	loops_forget();
	struct sched *sched = thread_current->sched;
	if (!sched)
		return;
	sched->stopping = true;
	sched_interrupt(sched);
	sched->turn_end = sched->ready.head;
	sched->inbox.frozen = true;
	thread_current->sched = NULL;
}

/* -- forks without handlers */

const volatile unsigned *fork_mark = &fork_count; /* if there is no page */

#ifdef MADV_WIPEONFORK
static unsigned *page;

/*
 * Makes a page that keeps its content in the parent, and is zeroes in a child. Without memory there
 * is none.
 */
static void make_mark(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return;
	if (madvise(page, size, MADV_WIPEONFORK) < 0) {
		munmap(page, size);
		return;
	}
	*page = fork_count;
	__atomic_store_n(&fork_mark, page, __ATOMIC_RELEASE);
}

static void renew_mark(void)
{
	if (fork_mark != &fork_count)
		*page = fork_count;
}
#else
static void make_mark(void)
{
}

static void renew_mark(void)
{
}
#endif

void fork_count_late(void)
{
	in_child();
}

/* -- forks with handlers */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool watched;

int fork_watch(void)
{
	if (__atomic_load_n(&watched, __ATOMIC_ACQUIRE)) {
		fork_notice();
		return 0;
	}
	pthread_mutex_lock(&mutex);
	int r = watched ? 0 : pthread_atfork(NULL, NULL, in_child);
	if (r == 0 && !watched) {
		make_mark();
		__atomic_store_n(&watched, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&mutex);
	return -r;
}
