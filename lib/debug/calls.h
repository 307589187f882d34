/* SPDX-License-Identifier: MIT */
/* The calls that a loop's thread is in: asked for from another thread by a signal. */
#ifndef DEBUG_CALLS_H
#define DEBUG_CALLS_H

#include "base/system.h"

#include <stdbool.h>
#include <stdint.h>

struct sched;
struct text;
struct thread;

enum { CALLS_MOST = 32, CALLS_NAME = 64, CALLS_SITE = 128 };

/* What runs in a thread, and the calls that it is in. */
struct calls {
	uint64_t serial; /* the step that it is of; 0 for none */
	enum { RUNS_NOTHING, RUNS_LOOP, RUNS_TASK } runs;
	uint32_t number;
	char name[CALLS_NAME], site[CALLS_SITE]; /* empty for none */
	int count;
	void *all[CALLS_MOST]; /* the innermost first */
};

/*
 * Whom to ask, and the answer. The thread's signal handler writes the answer, so the thread may read
 * it without a lock.
 */
struct question {
	struct thread *thread;
	system_thread number;
	const struct sched *sched;
	const uint64_t *serial; /* counts beginnings and ends of steps; atomic */
	uint64_t step;          /* the serial that the answer is wanted of */
	bool lists;             /* wanted is the list of the loop's tasks instead, on stderr */
	struct calls calls;
	bool answered; /* atomic */
};

/*
 * Takes the signal that CORO_WATCHDOG names, SIGURG if it names none. If the program uses that
 * signal, calls_ask gets no answers.
 */
void calls_begin(void);

/* Gives the signal back. Its action stays if a signal may still come. */
void calls_end(void);

/* In a child of fork, whose signal was its parent's. */
void calls_forget(void);

/*
 * Asks. The thread must not end meanwhile. Returns whether it has answered, about the step that was
 * meant. Waits for half a second at most, and calls `waits` now and then meanwhile.
 */
bool calls_ask(struct question *question, void (*waits)(void));

/* Adds a line for each call of a step, down to the library's entry. */
void calls_add(struct text *text, const struct calls *calls);

/* Adds which task runs. */
void calls_add_task(struct text *text, const struct calls *calls);

#endif
