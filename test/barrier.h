/* SPDX-License-Identifier: MIT */
/* Where threads wait until all are there: pthread_barrier_t, which macOS lacks. */
#ifndef TEST_BARRIER_H
#define TEST_BARRIER_H

#include <pthread.h>

struct barrier {
	pthread_mutex_t mutex;
	pthread_cond_t all_there;
	int count, waiting;
	unsigned round; /* counts how often all were there */
};

/* For count threads. */
static inline void barrier_init(struct barrier *barrier, int count)
{
	*barrier = (struct barrier){.count = count};
	pthread_mutex_init(&barrier->mutex, NULL);
	pthread_cond_init(&barrier->all_there, NULL);
}

static inline void barrier_wait(struct barrier *barrier)
{
	pthread_mutex_lock(&barrier->mutex);
	unsigned round = barrier->round;
	if (++barrier->waiting == barrier->count) {
		barrier->waiting = 0;
		barrier->round++;
		pthread_cond_broadcast(&barrier->all_there);
	}
	while (barrier->round == round)
		pthread_cond_wait(&barrier->all_there, &barrier->mutex);
	pthread_mutex_unlock(&barrier->mutex);
}

/* When all have left it. */
static inline void barrier_finish(struct barrier *barrier)
{
	pthread_cond_destroy(&barrier->all_there);
	pthread_mutex_destroy(&barrier->mutex);
}

#endif
