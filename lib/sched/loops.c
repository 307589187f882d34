/* SPDX-License-Identifier: MIT */
#include "sched/loops.h"

#include "base/system.h"
#include "sched/sched.h"

#include <pthread.h>

uintptr_t loops_first;

static uintptr_t last;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static uintptr_t hidden(const struct sched *sched)
{
	return ~(uintptr_t)sched;
}

static struct sched *shown(uintptr_t link)
{
	return (struct sched *)~link;
}

/*
 * At each moment the list is whole from its first: a process may be stopped, die or be forked at
 * any time.
 */
static void set_next(uintptr_t before, uintptr_t link)
{
	uintptr_t *place = before ? &shown(before)->next_loop : &loops_first;
	__atomic_store_n(place, link, __ATOMIC_RELEASE);
}

static void set_previous(uintptr_t after, uintptr_t link)
{
	*(after ? &shown(after)->previous_loop : &last) = link;
}

void loops_add(struct sched *sched)
{
	sched->tid = system_thread_id();
	pthread_mutex_lock(&mutex);
	sched->next_loop = 0;
	sched->previous_loop = last;
	set_next(last, hidden(sched));
	last = hidden(sched);
	pthread_mutex_unlock(&mutex);
}

void loops_remove(struct sched *sched)
{
	pthread_mutex_lock(&mutex);
	set_next(sched->previous_loop, sched->next_loop);
	set_previous(sched->next_loop, sched->previous_loop);
	pthread_mutex_unlock(&mutex);
}

/* There is one thread. Another may have held the mutex in the parent: it is made anew. */
void loops_forget(void)
{
	loops_first = last = 0;
	mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}
