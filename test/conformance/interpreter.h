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

/* Each ends with one without a name. */
extern const struct operation task_operations[], thing_operations[], generator_operations[];

/* The operation that the statement names; ends in fault() if there is none, or words are missing. */
const struct operation *operation_find(const struct statement *statement);

size_t words_count(char **words);

/* Nanoseconds of so many ticks; CORO_FOREVER for "-". */
int64_t ticks(const char *word);

/* The body of that name; ends in fault() if there is none. */
const struct body *body_named(struct act *act, const struct table *table, const char *name);

struct arena *arena_of(struct act *act);

/* What the operation gives, unless r is an error. They return r. */
int answer(struct act *act, int r, const void *value);
int answer_number(struct act *act, int r, size_t number);

/* The same of what cannot fail: 0. */
int answer_bool(struct act *act, bool truth);
int answer_unknown(struct act *act); /* there is nothing of the name given yet */

#endif
