/* SPDX-License-Identifier: MIT */
/* The run of a program: main, its end, what is told then, and tearing it down. */
#include "interpreter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

struct handle *handle_add(struct machine *machine, const char *name, struct coro_future *future)
{
	struct handle *handle = arena_take(&machine->program->arena, sizeof(*handle));
	handle->future = future;
	table_set(&machine->handles, &machine->program->arena, name, handle);
	return handle;
}

/* -- reports */

static void tell(struct machine *machine, const char *what, const char *name, int error)
{
	if (machine->program->reports)
		emit(machine, "-", "report %s %s ! %s", what, name, error_name(machine, error));
}

static struct entry *entry_of(struct machine *machine, const struct coro_future *future)
{
	struct entry *entry = machine->handles.first;
	while (entry && ((struct handle *)entry->value)->future != future)
		entry = entry->next;
	return entry;
}

static void note_failed_closing(struct machine *machine, const struct coro_report *report)
{
	for (struct entry *entry = machine->driven.first; entry; entry = entry->next) {
		struct generator *generator = entry->value;
		if (generator->coro == report->generator)
			generator->failure = report->error;
	}
}

/* asyncio reports these when all are closed, the library each one when it is closed. */
static void tell_failed_closings(struct machine *machine)
{
	for (struct entry *entry = machine->driven.first; entry; entry = entry->next) {
		const struct generator *generator = entry->value;
		if (generator->failure)
			tell(machine, "closing", entry->name, generator->failure);
	}
}

/* The end gave up waiting for a task, which may have no name. */
static void note_destroyed(struct machine *machine, struct handle *handle)
{
	machine->stuck = true;
	if (handle)
		handle->pending = true;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void hear(struct coro_loop *loop, const struct coro_report *report, void *arg)
{
	(void)loop;
	struct machine *machine = arg;
	const struct entry *entry = report->future ? entry_of(machine, report->future) : NULL;
	struct handle *handle = entry ? entry->value : NULL;
	if (begins(report->message, "an error occurred during closing"))
		note_failed_closing(machine, report);
	else if (begins(report->message, "Task was destroyed"))
		note_destroyed(machine, handle);
	else if (handle && begins(report->message, "unhandled exception during"))
		tell(machine, "unhandled", entry->name, report->error);
	else if (handle && strstr(report->message, "retrieved"))
		handle->lost = report->error;
}

/* -- main */

static void run_main(struct machine *machine)
{
	const struct body *body = table_get(&machine->program->tasks, "main");
	struct actor *actor = actor_create(machine, "main", body);
	int r = coro_runner_run(machine->runner, run_task, actor);
	const struct handle *handle = table_get(&machine->handles, "main");
	void *value = NULL;
	if (!handle || !coro_future_done(handle->future))
		emit(machine, "-", "%s", r == -EDEADLK ? "deadlock" : coro_strerror(r));
	else if (coro_future_result(handle->future, &value) < 0)
		emit(machine, "-", "main ! %s", error_name(machine, r));
	else
		emit(machine, "-", "main = %s", (char *)value);
	machine->ended = true;
}

/* -- the end */

static void close_loop(struct machine *machine)
{
	int r = coro_loop_close(machine->loop);
	if (r == 0)
		r = coro_runner_close(machine->runner);
	if (r < 0)
		fault(0, "the loop does not close", coro_strerror(r));
}

static void close_runner(struct machine *machine)
{
	int r = coro_runner_close(machine->runner);
	if (r < 0)
		fault(0, "the runner does not close", coro_strerror(r));
	if (machine->stuck)
		emit(machine, "-", "deadlock");
	else
		tell_failed_closings(machine);
}

static void note_pending(struct machine *machine)
{
	for (struct entry *entry = machine->handles.first; entry; entry = entry->next) {
		struct handle *handle = entry->value;
		handle->pending = coro_is_task(handle->future) && !coro_future_done(handle->future);
	}
}

static void print_pending(struct machine *machine)
{
	for (struct entry *entry = machine->handles.first; entry; entry = entry->next)
		if (((struct handle *)entry->value)->pending)
			emit(machine, "-", "pending %s", entry->name);
}

/* Generators are closed, one that yields at that as often as it does; their bodies may use all else. */
static void tear_down(struct machine *machine)
{
	machine->over = true;
	for (struct entry *entry = machine->generators.first; entry; entry = entry->next)
		while (coro_destroy(((struct generator *)entry->value)->coro) == -EPROTO)
			;
	for (struct entry *entry = machine->nameless.first; entry; entry = entry->next)
		coro_future_unref(entry->value);
	for (struct entry *entry = machine->handles.first; entry; entry = entry->next)
		coro_future_unref(((struct handle *)entry->value)->future);
	for (struct entry *entry = machine->timers.first; entry; entry = entry->next)
		coro_handle_unref(entry->value);
	for (struct entry *entry = machine->things.first; entry; entry = entry->next) {
		struct thing *thing = entry->value;
		if (thing->kind == QUEUE && coro_queue_destroy(thing->queue) < 0)
			fault(0, "somebody still waits for", entry->name);
	}
}

/* Nobody can ask for the result any more. */
static void tell_lost(struct machine *machine)
{
	machine->over = false;
	for (struct entry *entry = machine->handles.first; entry; entry = entry->next) {
		const struct handle *handle = entry->value;
		if (handle->lost)
			tell(machine, "unretrieved", entry->name, handle->lost);
	}
}

static void end(struct machine *machine)
{
	if (machine->program->runs) {
		close_runner(machine);
		print_pending(machine);
	} else {
		note_pending(machine);
		print_pending(machine);
		machine->over = true;
		close_loop(machine);
	}
	tear_down(machine);
	tell_lost(machine);
}

void machine_run(struct program *program)
{
	struct machine machine = {.program = program};
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_runner_create(&options, &machine.runner);
	if (r < 0)
		fault(0, "no loop", coro_strerror(r));
	machine.loop = coro_loop_ref(coro_runner_loop(machine.runner));
	coro_loop_set_exception_handler(machine.loop, hear, &machine);
	for (struct statement *it = program->declarations; it; it = it->next)
		declare(&machine, it);
	run_main(&machine);
	end(&machine);
	coro_loop_unref(machine.loop);
}
