/* SPDX-License-Identifier: MIT */
/* Statements and blocks of them, in the bodies of tasks and generators. */
#include "interpreter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a block gives, if it does not fail with a negative error. */
enum { WENT_ON, RETURNED };

static int run_block(struct actor *me, const struct statement *block);

/* Prints how a block ended, and passes that on. */
static int tell_end(struct actor *me, const char *title, int r)
{
	if (r < 0)
		emit(me->machine, me->name, "%s ! %s", title, error_name(me->machine, r));
	else
		emit(me->machine, me->name, "%s ok", title);
	return r;
}

/* -- operations */

/* For a new name that ends in '+': the first of NAME1 ... NAME9 that is not used yet. */
static void choose_name(struct machine *machine, char **name)
{
	size_t length = strlen(*name);
	if ((*name)[length - 1] != '+')
		return;
	for (int n = 1; n <= 9; n++) {
		char *fresh =
			arena_format(&machine->program->arena, "%.*s%d", (int)length - 1, *name, n);
		if (!table_get(&machine->handles, fresh)) {
			*name = fresh;
			return;
		}
	}
}

/* The statement with such a name in its place. */
static struct statement *with_new_name(struct machine *machine, const struct statement *statement)
{
	struct arena *arena = &machine->program->arena;
	struct statement *copy = arena_take(arena, sizeof(*copy));
	*copy = *statement;
	size_t count = words_count(statement->words);
	copy->words = arena_take(arena, (count + 1) * sizeof(char *));
	memcpy(copy->words, statement->words, count * sizeof(char *));
	choose_name(machine, &copy->words[1]);
	copy->text =
		arena_format(arena, "%s %s %s", copy->words[0], copy->words[1], copy->words[2]);
	return copy;
}

/* The message of the cancellation that was just received, "" for none. */
static const char *message_of(struct act *act, int error)
{
	if (error != -ECANCELED || act->statement->operation->hides_message)
		return "";
	const char *message = coro_message(error);
	if (strcmp(message, coro_strerror(error)) == 0)
		return "";
	return arena_format(arena_of(act), " %s", message);
}

static int run_operation(struct actor *me, const struct statement *statement)
{
	if (statement->operation->makes_task)
		statement = with_new_name(me->machine, statement);
	struct act act = {me, statement, statement->words + 1, ""};
	int r = statement->operation->run(&act);
	if (r >= 0) {
		emit(me->machine, me->name, "%s%s", statement->text, act.answer);
		return WENT_ON;
	}
	const char *message = message_of(&act, r);
	emit(me->machine, me->name, "%s ! %s%s", statement->text, error_name(me->machine, r),
	     message);
	return r;
}

static int run_return(struct actor *me, const struct statement *statement)
{
	me->value = statement->words[1];
	return RETURNED;
}

/* -- try */

static bool catches(const char *kind, const char *name)
{
	if (strcmp(kind, "any") == 0)
		return strcmp(name, "exit") != 0;
	return strcmp(kind, name) == 0;
}

static int handle_error(struct actor *me, const struct statement *statement, int error)
{
	const char *name = error_name(me->machine, error);
	for (const struct handler *handler = statement->handlers; handler;
	     handler = handler->next) {
		if (!catches(handler->kind, name))
			continue;
		emit(me->machine, me->name, "except %s ! %s", handler->kind, name);
		return run_block(me, handler->body);
	}
	return error;
}

static int run_try(struct actor *me, const struct statement *statement)
{
	int r = run_block(me, statement->body);
	if (r < 0)
		r = handle_error(me, statement, r);
	if (!statement->has_final)
		return r;
	/* A failure in there replaces the one before; a return has no effect. */
	const char *value = me->value, *message = NULL;
	if (r < 0)
		message = arena_format(&me->machine->program->arena, "%s", coro_message(r));
	emit(me->machine, me->name, "finally");
	int failed = run_block(me, statement->final);
	me->value = value;
	if (failed < 0)
		return failed;
	/*
	 * Other errors with the same code may have occurred in there: this one gets its message
	 * back.
	 */
	return r < 0 ? coro_raise(r, "%s", message) : r;
}

/* -- scopes */

static int run_timeout(struct actor *me, const struct statement *statement)
{
	struct coro_timeout timeout, *outer = me->timeout;
	int64_t time = ticks(statement->words[1]);
	int r = statement->kind == TIMEOUT ? coro_timeout_begin(&timeout, time)
					   : coro_timeout_begin_at(&timeout, time);
	if (r == 0) {
		me->timeout = &timeout;
		r = run_block(me, statement->body);
		me->timeout = outer;
		r = coro_timeout_end(&timeout, r);
	}
	return tell_end(me, statement->text, r);
}

static int run_group(struct actor *me, const struct statement *statement)
{
	struct coro_group *group, *outer = me->group;
	int r = coro_group_create(&group);
	if (r == 0) {
		me->group = group;
		r = run_block(me, statement->body);
		me->group = outer;
		r = coro_group_end(group, r);
	}
	return tell_end(me, "group", r);
}

static int run_with(struct actor *me, const struct statement *statement)
{
	const char *name = statement->words[1];
	struct thing *thing = table_get(&me->machine->things, name);
	if (!thing)
		fault(statement->line, "never declared", name);
	int r = thing_acquire(thing);
	if (r < 0) {
		emit(me->machine, me->name, "with %s ! %s", name, error_name(me->machine, r));
		return r;
	}
	emit(me->machine, me->name, "with %s", name);
	r = run_block(me, statement->body);
	int failed = thing_release(thing);
	if (failed < 0)
		return failed;
	emit(me->machine, me->name, "without %s", name);
	return r;
}

/* -- loops */

static int run_repeat(struct actor *me, const struct statement *statement)
{
	int r = WENT_ON;
	for (int left = atoi(statement->words[1]); left > 0 && r == WENT_ON; left--)
		r = run_block(me, statement->body);
	return r;
}

/* The last of the names that this one has. */
static const char *name_among(struct coro_future *const *futures, char **names,
			      const struct coro_future *future)
{
	const char *name = NULL;
	for (size_t i = 0; names[i]; i++)
		if (futures[i] == future)
			name = names[i];
	return name;
}

static int run_each(struct actor *me, const struct statement *statement)
{
	struct machine *machine = me->machine;
	char **names = statement->words + 2;
	struct coro_future **futures = futures_named(machine, names);
	if (!futures) {
		emit(machine, me->name, "%s ?", statement->text);
		return WENT_ON;
	}
	struct coro_iterator *iterator =
		coro_as_completed(futures, words_count(names), ticks(statement->words[1]));
	void *future;
	int went = WENT_ON, r = WENT_ON;
	while (went == WENT_ON && (r = coro_iter_next(iterator, &future)) > 0) {
		void *value = NULL;
		const char *name = name_among(futures, names, future);
		int status = coro_future_result(future, &value);
		if (status < 0)
			emit(machine, me->name, "each %s ! %s", name, error_name(machine, status));
		else
			emit(machine, me->name, "each %s = %s", name, (char *)value);
		went = run_block(me, statement->body);
	}
	coro_iter_close(iterator);
	return tell_end(me, "each", went == WENT_ON ? r : went);
}

/* -- all of them */

static int run_statement(struct actor *me, const struct statement *statement)
{
	switch (statement->kind) {
	case OPERATION:
		return run_operation(me, statement);
	case RAISE:
		return error_code(me->machine, statement->words[1]);
	case RETURN:
		return run_return(me, statement);
	case TRY:
		return run_try(me, statement);
	case TIMEOUT:
	case TIMEOUT_AT:
		return run_timeout(me, statement);
	case WITH:
		return run_with(me, statement);
	case GROUP:
		return run_group(me, statement);
	case EACH:
		return run_each(me, statement);
	case REPEAT:
		return run_repeat(me, statement);
	}
	return -EINVAL;
}

static int run_block(struct actor *me, const struct statement *block)
{
	int r = WENT_ON;
	for (; block && r == WENT_ON; block = block->next)
		r = run_statement(me, block);
	return r;
}

/* -- bodies */

struct actor *actor_create(struct machine *machine, const char *name, const struct body *body)
{
	struct actor *actor = arena_take(&machine->program->arena, sizeof(*actor));
	*actor = (struct actor){.machine = machine, .name = name, .body = body};
	return actor;
}

int run_generator(void *arg)
{
	struct actor *me = arg;
	int r = run_block(me, me->body->first);
	if (r < 0)
		return r;
	return coro_return((void *)(r == RETURNED ? me->value : "none"));
}

/* Becomes known to the loop, and stops once more before its body starts. */
int run_async_generator(void *arg)
{
	struct actor *me = arg;
	int r = coro_loop_note_asyncgen();
	if (r == 0)
		r = coro_yield(NULL, NULL);
	if (r < 0)
		return r;
	me->started = true;
	r = run_block(me, me->body->first);
	return r < 0 ? r : 0;
}

/* A task that started eagerly has its name before its spawner can set it. */
static void take_name(struct actor *me)
{
	if (!table_get(&me->machine->handles, me->name))
		handle_add(me->machine, me->name, coro_future_ref(coro_current_task()));
}

int run_task(void *arg)
{
	struct actor *me = arg;
	take_name(me);
	emit(me->machine, me->name, "start");
	int r = run_block(me, me->body->first);
	if (r < 0) {
		emit(me->machine, me->name, "end ! %s", error_name(me->machine, r));
		return r;
	}
	const char *value = r == RETURNED ? me->value : "none";
	emit(me->machine, me->name, "end = %s", value);
	return coro_return((void *)value);
}
