/* SPDX-License-Identifier: MIT */
/*
 * How a program runs. Tasks and generators run the same tree by the same functions: a statement that waits or
 * yields is a call that returns later, so nothing between a body and its innermost statement need know.
 */
#ifndef CONFORMANCE_INTERPRETER_H
#define CONFORMANCE_INTERPRETER_H

#include "program.h"

#include <coro.h>

/* A unit of the program's time. */
#define TICK CORO_SEC

/* A run of a program. */
struct machine {
	struct program *program;
	struct coro_loop *loop;
	struct table handles;    /* tasks and futures: struct coro_future *, owned */
	struct table things;     /* struct thing * */
	struct table timers;     /* struct coro_handle *, owned */
	struct table generators; /* struct coro *, owned */
	struct table errors;     /* those of the program: int * */
	bool over;               /* what is torn down prints nothing */
};

/* What runs a body: a task or a generator. */
struct actor {
	struct machine *machine;
	const char *name;
	const struct body *body;
	const char *value;        /* of the `return` that it ran */
	struct coro_group *group; /* the innermost that it is in; NULL for none */
};

/* The bodies of tasks and generators; arg is a struct actor. */
int run_task(void *arg);
int run_generator(void *arg);

struct actor *actor_create(struct machine *machine, const char *name, const struct body *body);

/* Prints the time, who, and the text. */
void emit(struct machine *machine, const char *who, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* -- errors: each word that the program raises gets a code of its own */

int error_code(struct machine *machine, const char *name);
const char *error_name(const struct machine *machine, int error);

/* -- what has a name and is neither task, future nor generator */

struct thing {
	enum thing_kind { EVENT, LOCK, CONDITION, SEMAPHORE, QUEUE, BARRIER } kind;
	union {
		struct coro_event event;
		struct coro_lock lock;
		struct coro_condition condition;
		struct coro_semaphore semaphore;
		struct coro_queue *queue;
		struct coro_barrier barrier;
	};
};

void declare(struct machine *machine, const struct statement *declaration);

/* Of locks, conditions and semaphores. */
int thing_acquire(struct thing *thing);
int thing_release(struct thing *thing);

/* -- operations */

/* One run of an operation. */
struct act {
	struct actor *me;
	const struct statement *statement;
	char **args;        /* the words after its name */
	const char *answer; /* what is printed after them */
};

struct operation {
	const char *name;
	size_t least; /* words that must follow */
	int (*run)(struct act *act);
};

/* The operation that the statement names; ends in fault() if there is none, or words are missing. */
const struct operation *operation_find(const struct statement *statement);

/* Nanoseconds of so many ticks; CORO_FOREVER for "-". */
int64_t ticks(const char *word);

#endif
