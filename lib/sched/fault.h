/* SPDX-License-Identifier: MIT */
/*
 * Faults that a test asks for: rules by which calls that a loop's tasks and callbacks make fail. Calls
 * are counted while the loop runs. A loop without rules has no struct faults.
 */
#ifndef SCHED_FAULT_H
#define SCHED_FAULT_H

#include "sched/sched.h"

/* What can fail, by the names in fault.c. */
enum fault_call {
	FAULT_READ,
	FAULT_WRITE,
	FAULT_RECV,
	FAULT_SEND,
	FAULT_ACCEPT,
	FAULT_CONNECT,
	FAULT_RESOLVE,
	FAULT_FILE,
	FAULT_SPAWN,
	FAULT_THREAD,
	FAULT_PROCESS,
	FAULT_MALLOC,
	FAULT_CALLS,
};

/* What a rule says instead of an error: a read transfers one byte at most. */
enum { FAULT_SHORT = 1 };

/*
 * Makes the rules of a text, "read:3:ECONNRESET,malloc:7". The seed decides those that go by chance.
 * Returns 0, -ENOMEM, or -EINVAL with the rule that is none in *wrong.
 */
int faults_create(const char *text, uint64_t seed, struct faults **ret, const char **wrong);

/* Frees them. NULL is allowed. */
void faults_destroy(struct faults *faults);

/*
 * Counts a call. Returns 0, FAULT_SHORT, or the error that it is to fail with, which has a message
 * then.
 */
int faults_count(struct faults *faults, enum fault_call call);

/* The same for a call of the running loop. */
static inline int fault_of(enum fault_call call)
{
	struct sched *sched = thread_current->sched;
	return likely(!sched || !sched->faults) ? 0 : faults_count(sched->faults, call);
}

#endif
