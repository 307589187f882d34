/* SPDX-License-Identifier: MIT */
/* A conformance program as a tree, and the memory that it lives in: see SPEC.md for the language. */
#ifndef CONFORMANCE_PROGRAM_H
#define CONFORMANCE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* -- memory: all of a program's, given back at once */

struct arena {
	struct chunk *last;
};

void *arena_take(struct arena *arena, size_t size);
char *arena_format(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void arena_free(struct arena *arena);

/* -- things by name, in the order in which they came */

struct entry {
	struct entry *next;
	const char *name;
	void *value;
};

struct table {
	struct entry *first;
};

/* NULL if there is none of that name. */
void *table_get(const struct table *table, const char *name);

/* Adds it, or replaces the one of that name. */
void table_set(struct table *table, struct arena *arena, const char *name, void *value);

/* -- the tree */

struct operation; /* see interpreter.h */

struct statement {
	struct statement *next;
	enum statement_kind {
		OPERATION,
		RAISE,
		RETURN,
		TRY,
		TIMEOUT,
		TIMEOUT_AT,
		WITH,
		GROUP,
		EACH,
		REPEAT,
	} kind;
	char **words;     /* NULL after the last */
	const char *text; /* the words in one */
	int line;
	const struct operation *operation; /* OPERATION */

	struct statement *body;   /* of a block; NULL if it is empty */
	struct handler *handlers; /* TRY */
	struct statement *final;  /* TRY: what `finally` does, if has_final */
	bool has_final;
};

struct handler {
	struct handler *next;
	const char *kind; /* of error */
	struct statement *body;
};

/* What a body is of. */
enum body_kind { TASK = 1, GENERATOR = 2, ASYNC_GENERATOR = 4 };

struct body {
	struct statement *first; /* NULL if it is empty */
};

struct program {
	struct arena arena;
	struct statement *declarations;
	struct table tasks, generators, async_generators; /* struct body * */
	bool runs;                                        /* it ends as asyncio.run does */
	bool reports; /* it tells what the exception handler is told */
};

/* Takes the text apart, which it changes and which must outlive the program. Mistakes end in fault(). */
void program_parse(struct program *program, char *text);

/* Reports a mistake in the program, at this line (0 for none), and exits. */
void fault(int line, const char *what, const char *word) __attribute__((noreturn));

#endif
