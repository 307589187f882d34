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

static const struct operation *find(const struct statement *statement, char **words)
{
	static const struct operation *const lists[] = {
		task_operations,      callback_operations,        timeout_operations,
		thing_operations,     queue_operations,           variable_operations,
		generator_operations, async_generator_operations,
	};
	const struct operation *operation = NULL;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && !operation; i++)
		operation = find_in(lists[i], words[0]);
	if (!operation)
		fault(statement->line, "no operation", words[0]);
	size_t count = words_count(words + 1);
	if (count < operation->least)
		fault(statement->line, "something is missing after", operation->name);
	if (count > operation->most)
		fault(statement->line, "too much after", operation->name);
	return operation;
}

const struct operation *operation_within(const struct statement *statement, char **words)
{
	const struct operation *operation = find(statement, words);
	if (!operation->waits)
		fault(statement->line, "not to be waited for", operation->name);
	return operation;
}

const struct operation *operation_find(const struct statement *statement)
{
	const struct operation *operation = find(statement, statement->words);
	if (strcmp(operation->name, "within") == 0)
		operation_within(statement, statement->words + 2);
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

static struct coro_future *future_named(struct machine *machine, const char *name)
{
	if (strcmp(name, "me") == 0)
		return coro_current_task();
	const struct handle *handle = table_get(&machine->handles, name);
	return handle ? handle->future : NULL;
}

struct coro_future *act_future(struct act *act, size_t arg)
{
	return future_named(act->me->machine, act->args[arg]);
}

struct coro_future **futures_named(struct machine *machine, char **names)
{
	size_t count = words_count(names);
	struct coro_future **all =
		arena_take(&machine->program->arena, (count + 1) * sizeof(struct coro_future *));
	for (size_t i = 0; i < count; i++)
		if (!(all[i] = future_named(machine, names[i])))
			return NULL;
	return all;
}

struct thing *act_thing(struct act *act, size_t arg)
{
	struct thing *it = table_get(&act->me->machine->things, act->args[arg]);
	if (!it)
		fault(act->statement->line, "never declared", act->args[arg]);
	return it;
}

struct thing *act_thing_of(struct act *act, size_t arg, enum thing_kind kind)
{
	struct thing *it = act_thing(act, arg);
	if (it->kind != kind)
		fault(act->statement->line, "is of another kind", act->args[arg]);
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

int answer_number(struct act *act, int r, long number)
{
	return r < 0 ? r : answer(act, r, arena_format(arena_of(act), "%ld", number));
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
