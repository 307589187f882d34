/* SPDX-License-Identifier: MIT */
/* Operations on callbacks: of futures, and of the loop, now or later. */
#include "interpreter.h"

/* What a callback prints, and the variable whose value it then shows, NULL for none. */
struct note {
	struct machine *machine;
	const char *text;
	const struct coro_local *variable;
};

static void print_note(void *arg)
{
	const struct note *note = arg;
	if (note->variable)
		emit(note->machine, "-", "%s %s", note->text,
		     (char *)coro_local_get(note->variable));
	else
		emit(note->machine, "-", "%s", note->text);
}

/* The variable's name may be that word of the operation. */
static struct note *note(struct act *act, const char *text, size_t arg)
{
	struct note *it = arena_take(arena_of(act), sizeof(*it));
	it->machine = act->me->machine;
	it->text = text;
	if (act->args[arg])
		it->variable = &act_thing_of(act, arg, VARIABLE)->local;
	return it;
}

static int op_oncomplete(struct act *act)
{
	struct coro_future *future = act_future(act, 0);
	if (!future)
		return answer_unknown(act);
	const char *text =
		arena_format(arena_of(act), "completed %s %s", act->args[0], act->args[1]);
	return coro_future_add_done_callback(future, print_note, note(act, text, 2));
}

static int op_callsoon(struct act *act)
{
	const char *text = arena_format(arena_of(act), "called %s", act->args[0]);
	return coro_call_soon(coro_running_loop(), print_note, note(act, text, 1), NULL);
}

static int op_calllater(struct act *act)
{
	struct table *timers = &act->me->machine->timers;
	const char *name = act->args[1];
	const char *text = arena_format(arena_of(act), "called %s", name);
	struct coro_handle *timer;
	int r = coro_call_later(coro_running_loop(), ticks(act->args[0]), print_note,
				note(act, text, 2), &timer);
	if (r < 0)
		return r;
	coro_handle_unref(table_get(timers, name));
	table_set(timers, arena_of(act), name, timer);
	return 0;
}

static int op_calloff(struct act *act)
{
	struct coro_handle *timer = table_get(&act->me->machine->timers, act->args[0]);
	if (!timer)
		return answer_unknown(act);
	coro_handle_cancel(timer); /* also if it has run */
	return 0;
}

const struct operation callback_operations[] = {
	{"oncomplete", 2, 3, op_oncomplete, HERE},
	{"callsoon", 1, 2, op_callsoon, HERE},
	{"calllater", 2, 3, op_calllater, HERE},
	{"calloff", 1, 1, op_calloff, HERE},
	{.name = NULL},
};
