/* SPDX-License-Identifier: MIT */
/* What operations have in common. */
#include "interpreter.h"

#include <stdlib.h>
#include <string.h>

/* -- their names */

static const struct operation *find_in(const struct operation *list, const char *name)
{
	for (; list->name; list++)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

const struct operation *operation_find(const struct statement *statement)
{
	static const struct operation *const lists[] = {task_operations, thing_operations,
							generator_operations};
	const struct operation *operation = NULL;
	for (size_t i = 0; i < 3 && !operation; i++)
		operation = find_in(lists[i], statement->words[0]);
	if (!operation)
		fault(statement->line, "no operation", statement->words[0]);
	if (words_count(statement->words + 1) < operation->least)
		fault(statement->line, "something is missing after", operation->name);
	return operation;
}

/* -- words */

int64_t ticks(const char *word)
{
	return strcmp(word, "-") == 0 ? CORO_FOREVER : strtoll(word, NULL, 10) * TICK;
}

size_t words_count(char **words)
{
	size_t n = 0;
	while (words[n])
		n++;
	return n;
}

const struct body *body_named(struct act *act, const struct table *table, const char *name)
{
	const struct body *it = table_get(table, name);
	if (!it)
		fault(act->statement->line, "has no body", name);
	return it;
}

/* -- answers */

struct arena *arena_of(struct act *act)
{
	return &act->me->machine->program->arena;
}

int answer(struct act *act, int r, const void *value)
{
	if (r >= 0)
		act->answer = arena_format(arena_of(act), " = %s", (const char *)value);
	return r;
}

int answer_number(struct act *act, int r, size_t number)
{
	return r < 0 ? r : answer(act, r, arena_format(arena_of(act), "%zu", number));
}

int answer_bool(struct act *act, bool truth)
{
	return answer(act, 0, truth ? "true" : "false");
}

int answer_unknown(struct act *act)
{
	act->answer = " ?";
	return 0;
}
