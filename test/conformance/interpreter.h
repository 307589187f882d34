/* SPDX-License-Identifier: MIT */
/*
 * How a program runs. Bodies of all kinds run the same tree by the same functions: a statement that
 * waits or yields is a call that returns later, so nothing between a body and its innermost
 * statement need know.
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
	struct coro_runner *runner;
	struct coro_loop *loop;  /* the runner's, held: it is asked for the time to the last */
	struct table handles;    /* struct handle *, in the order made */
	struct table nameless;   /* other tasks: struct coro_future *, owned */
	struct table things;     /* struct thing * */
	struct table timers;     /* struct coro_handle *, owned */
	struct table generators; /* of both kinds: struct generator * */
	struct table driven;     /* the async ones, in the order first driven */
	struct table errors;     /* those of the program: int * */
	bool ended;              /* main has: nothing is spawned any more */
	bool stuck;              /* something waited in the end for what could not come */
	bool over;               /* what is torn down prints nothing */
};

/* A task or a future, which is owned. */
struct handle {
	struct coro_future *future;
	bool pending; /* it is a task, and was not done at the end */
	int lost;     /* the failure that nobody has asked for; 0 for none */
};

struct generator {
	struct coro *coro; /* owned */
	struct actor *actor;
	int failure; /* that of its closing at the end; 0 for none */
};

/* What runs a body: a task or a generator of either kind. */
struct actor {
	struct machine *machine;
	const char *name;
	const struct body *body;
	bool started;
	const char *value;            /* of the `return` that it ran */
	struct coro_group *group;     /* the innermost that it is in; NULL for none */
	struct coro_timeout *timeout; /* the same */
};

struct actor *actor_create(struct machine *machine, const char *name, const struct body *body);

/* Prints the time, who, and the text. */
void emit(struct machine *machine, const char *who, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* -- running */

/* The bodies of tasks and generators; arg is a struct actor. */
int run_task(void *arg);
int run_generator(void *arg);
int run_async_generator(void *arg);

/* The whole program, from its first turn to the last line that it prints. */
void machine_run(struct program *program);

/* -- errors: each word that the program raises gets a code of its own */

int error_code(struct machine *machine, const char *name);
const char *error_name(const struct machine *machine, int error);

/* -- handles */

struct handle *handle_add(struct machine *machine, const char *name, struct coro_future *future);

/* -- what has a name and is neither task, future nor generator */

struct thing {
	enum thing_kind {
		EVENT,
		LOCK,
		CONDITION,
		SEMAPHORE,
		BOUNDED_SEMAPHORE,
		QUEUE,
		BARRIER,
		COUNTER,
		VARIABLE,
	} kind;
	union {
		struct coro_event event;
		struct coro_lock lock;
		struct coro_condition condition;
		struct coro_semaphore semaphore;
		struct coro_queue *queue;
		struct coro_barrier barrier;
		long counter;
		struct {
			struct coro_local local;
			struct coro_local_token token; /* of the latest set */
			bool was_set;
		};
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

#define ANY_NUMBER ((size_t)-1)

struct operation {
	const char *name;
	size_t least, most; /* words that may follow */
	int (*run)(struct act *act);
	unsigned where;     /* kinds of bodies, enum body_kind */
	bool waits;         /* `within` may name it */
	bool yields;        /* a body stops there */
	bool makes_task;    /* its first word is a new name */
	bool hides_message; /* that of its cancellation */
};

/* Each ends with one without a name. */
extern const struct operation task_operations[], callback_operations[], timeout_operations[],
	thing_operations[], queue_operations[], variable_operations[], generator_operations[],
	async_generator_operations[];

/* In bodies that may wait; in all. */
#define HERE (TASK | ASYNC_GENERATOR)
#define ANYWHERE (HERE | GENERATOR)

/* The operation that the statement names; ends in fault() if there is none, or its words are wrong. */
const struct operation *operation_find(const struct statement *statement);

/* That of these words, to be done by the one that waits in `within`. */
const struct operation *operation_within(const struct statement *statement, char **words);

size_t words_count(char **words);

/* Nanoseconds of so many ticks; CORO_FOREVER for "-". */
int64_t ticks(const char *word);

/* The body of that name; ends in fault() if there is none. */
const struct body *body_named(struct act *act, const struct table *table, const char *name);

struct arena *arena_of(struct act *act);

/* What that word of the operation names. */
struct coro_future *act_future(struct act *act, size_t arg); /* NULL if nothing has that name yet */
struct thing *act_thing(struct act *act, size_t arg);
struct thing *act_thing_of(struct act *act, size_t arg, enum thing_kind kind);

/* All the futures that are named, NULL after the last; NULL if one is not known. */
struct coro_future **futures_named(struct machine *machine, char **names);

/* What the operation gives, unless r is an error. They return r. */
int answer(struct act *act, int r, const void *value);
int answer_number(struct act *act, int r, long number);

/* The same of what cannot fail: 0. */
int answer_bool(struct act *act, bool truth);
int answer_unknown(struct act *act); /* there is nothing of the name given yet */

#endif
