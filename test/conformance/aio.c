/* SPDX-License-Identifier: MIT */
/*
 * Runs conformance programs on the library and prints their traces, which must be those of asyncio.
 *
 * usage: aio <PROGRAMS, separated by lines '---'
 */
#include "interpreter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a block gives, if it does not fail with a negative error. */
enum { WENT_ON, RETURNED };

void emit(struct machine *machine, const char *who, const char *format, ...)
{
	if (machine->over)
		return;
	va_list values;
	va_start(values, format);
	printf("%" PRId64 " %s ", coro_loop_time(machine->loop) / TICK, who);
	vprintf(format, values);
	putchar('\n');
	va_end(values);
}

/* -- errors */

int error_code(struct machine *machine, const char *name)
{
	int *code = table_get(&machine->errors, name);
	if (code)
		return *code;
	int count = 0;
	for (struct entry *entry = machine->errors.first; entry; entry = entry->next)
		count++;
	code = arena_take(&machine->program->arena, sizeof(*code));
	*code = CORO_USER_ERROR - count;
	table_set(&machine->errors, &machine->program->arena, name, code);
	return *code;
}

const char *error_name(const struct machine *machine, int error)
{
	for (struct entry *entry = machine->errors.first; entry; entry = entry->next)
		if (*(int *)entry->value == error)
			return entry->name;
	switch (error) {
	case -ECANCELED:
		return "cancelled";
	case -ETIMEDOUT:
		return "timeout";
	case -EALREADY:
		return "invalidstate";
	case -EPIPE:
		return "broken";
	case CORO_EXIT:
		return "exit";
	case -EPERM:
	case -EINVAL:
	case -EDEADLK:
	case -EOVERFLOW:
	case -ESHUTDOWN:
	case -EPROTO:
		return "misuse";
	}
	return coro_strerror(error);
}

/* -- blocks */

static int run_block(struct actor *me, const struct statement *block);

static int run_operation(struct actor *me, const struct statement *statement)
{
	struct act act = {me, statement, statement->words + 1, ""};
	int r = statement->operation->run(&act);
	if (r < 0)
		emit(me->machine, me->name, "%s ! %s", statement->text, error_name(me->machine, r));
	else
		emit(me->machine, me->name, "%s%s", statement->text, act.answer);
	return r < 0 ? r : WENT_ON;
}

static int run_return(struct actor *me, const struct statement *statement)
{
	me->value = statement->words[1];
	return RETURNED;
}

static int handle(struct actor *me, const struct statement *statement, int error)
{
	const char *name = error_name(me->machine, error);
	for (const struct handler *handler = statement->handlers; handler;
	     handler = handler->next) {
		if (strcmp(handler->kind, "any") != 0 && strcmp(handler->kind, name) != 0)
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
		r = handle(me, statement, r);
	if (!statement->has_final)
		return r;
	/* A failure in there takes the place of what was; a return has no effect. */
	const char *value = me->value;
	emit(me->machine, me->name, "finally");
	int failed = run_block(me, statement->final);
	me->value = value;
	return failed < 0 ? failed : r;
}

static int run_timeout(struct actor *me, const struct statement *statement)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, ticks(statement->words[1]));
	if (r == 0)
		r = coro_timeout_end(&timeout, run_block(me, statement->body));
	if (r < 0)
		emit(me->machine, me->name, "%s ! %s", statement->text, error_name(me->machine, r));
	else
		emit(me->machine, me->name, "%s ok", statement->text);
	return r;
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

static int run_group(struct actor *me, const struct statement *statement)
{
	struct coro_group *outer = me->group;
	int r = coro_group_create(&me->group);
	if (r == 0)
		r = coro_group_end(me->group, run_block(me, statement->body));
	me->group = outer;
	if (r < 0)
		emit(me->machine, me->name, "group ! %s", error_name(me->machine, r));
	else
		emit(me->machine, me->name, "group ok");
	return r;
}

static int run_repeat(struct actor *me, const struct statement *statement)
{
	int r = WENT_ON;
	for (int left = atoi(statement->words[1]); left > 0 && r == WENT_ON; left--)
		r = run_block(me, statement->body);
	return r;
}

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
		return run_timeout(me, statement);
	case WITH:
		return run_with(me, statement);
	case GROUP:
		return run_group(me, statement);
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

int run_task(void *arg)
{
	struct actor *me = arg;
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

/* -- programs */

static void run_main(struct machine *machine)
{
	struct arena *arena = &machine->program->arena;
	struct actor *main_actor =
		actor_create(machine, "main", table_get(&machine->program->tasks, "main"));
	struct coro_future *task;
	void *value = NULL;
	int r = coro_loop_spawn(machine->loop, NULL, run_task, main_actor, &task);
	if (r < 0)
		fault(0, "no task", coro_strerror(r));
	table_set(&machine->handles, arena, "main", task);
	r = coro_run_until_complete(machine->loop, task, &value);
	if (!coro_future_done(task))
		emit(machine, "-", "%s", r == -EDEADLK ? "deadlock" : coro_strerror(r));
	else if (r < 0)
		emit(machine, "-", "main ! %s", error_name(machine, r));
	else
		emit(machine, "-", "main = %s", (char *)value);
	for (struct entry *entry = machine->handles.first; entry; entry = entry->next)
		if (coro_is_task(entry->value) && !coro_future_done(entry->value))
			emit(machine, "-", "pending %s", entry->name);
}

/* Tasks that are not done are thrown away; generators are closed, one that yields at that as often as it does. */
static void tear_down(struct machine *machine)
{
	machine->over = true;
	int r = coro_loop_close(machine->loop);
	if (r < 0)
		fault(0, "the loop does not close", coro_strerror(r));
	for (struct entry *entry = machine->handles.first; entry; entry = entry->next)
		coro_future_unref(entry->value);
	for (struct entry *entry = machine->timers.first; entry; entry = entry->next)
		coro_handle_unref(entry->value);
	for (struct entry *entry = machine->generators.first; entry; entry = entry->next)
		while (coro_destroy(entry->value) == -EPROTO)
			;
	for (struct entry *entry = machine->things.first; entry; entry = entry->next) {
		struct thing *thing = entry->value;
		if (thing->kind == QUEUE && coro_queue_destroy(thing->queue) < 0)
			fault(0, "somebody still waits for", entry->name);
	}
}

static void run_program(char *text)
{
	struct program program;
	struct machine machine = {.program = &program};
	program_parse(&program, text);
	int r = coro_loop_create(&(struct coro_loop_options){.flags = CORO_VIRTUAL_CLOCK},
				 &machine.loop);
	if (r < 0)
		fault(0, "no loop", coro_strerror(r));
	for (struct statement *it = program.declarations; it; it = it->next)
		declare(&machine, it);
	run_main(&machine);
	tear_down(&machine);
	arena_free(&program.arena);
}

/* -- the input */

static char *read_all(FILE *file)
{
	size_t size = 0, room = 1 << 16;
	char *text = malloc(room);
	size_t n;
	while (text && (n = fread(text + size, 1, room - size - 1, file)) > 0) {
		size += n;
		if (size + 1 == room)
			text = realloc(text, room *= 2);
	}
	if (!text)
		fault(0, "out of memory", "");
	text[size] = '\0';
	return text;
}

/* Cuts the text at its first line '---' and returns what follows; NULL if there is none. */
static char *cut(char *text)
{
	for (char *line = text; line; line = (line = strchr(line, '\n')) ? line + 1 : NULL) {
		if (strncmp(line, "---\n", 4) != 0)
			continue;
		*line = '\0';
		return line + 4;
	}
	return NULL;
}

int main(void)
{
	char *text = read_all(stdin);
	for (char *program = text, *rest; program; program = rest) {
		rest = cut(program);
		run_program(program);
		if (rest)
			puts("---");
	}
	free(text);
	return fflush(stdout) == 0 ? 0 : 1;
}
