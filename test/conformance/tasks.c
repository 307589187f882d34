/* SPDX-License-Identifier: MIT */
/* Operations on tasks and futures, and callbacks of the loop. */
#include "interpreter.h"

#include <string.h>

/* NULL if nothing has that name yet. */
static struct coro_future *handle(struct act *act, size_t arg)
{
	return table_get(&act->me->machine->handles, act->args[arg]);
}

static int op_log(struct act *act)
{
	(void)act;
	return 0;
}

struct note {
	struct machine *machine;
	const char *text;
};

static void print_note(void *arg)
{
	struct note *note = arg;
	emit(note->machine, "-", "%s", note->text);
}

static struct note *note(struct act *act, const char *text)
{
	struct note *it = arena_take(arena_of(act), sizeof(*it));
	*it = (struct note){act->me->machine, text};
	return it;
}

/* -- one */

static int op_sleep(struct act *act)
{
	return coro_sleep(ticks(act->args[0]));
}

static struct actor *child(struct act *act)
{
	const struct table *tasks = &act->me->machine->program->tasks;
	return actor_create(act->me->machine, act->args[0], body_named(act, tasks, act->args[1]));
}

static int op_spawn(struct act *act)
{
	struct coro_future *task;
	if (handle(act, 0))
		return answer_unknown(act);
	int r = coro_spawn(run_task, child(act), &task);
	if (r == 0)
		table_set(&act->me->machine->handles, arena_of(act), act->args[0], task);
	return r;
}

static int op_gspawn(struct act *act)
{
	struct coro_future *task;
	if (handle(act, 0) || !act->me->group)
		return answer_unknown(act);
	int r = coro_group_spawn(act->me->group, run_task, child(act), &task);
	if (r == 0)
		table_set(&act->me->machine->handles, arena_of(act), act->args[0], task);
	return r;
}

static int op_await(struct act *act)
{
	void *value = NULL;
	if (!handle(act, 0))
		return answer_unknown(act);
	int r = coro_await(handle(act, 0), &value);
	return answer(act, r, value);
}

static int op_shield(struct act *act)
{
	void *value = NULL;
	if (!handle(act, 0))
		return answer_unknown(act);
	int r = coro_shield(handle(act, 0), &value);
	return answer(act, r, value);
}

static int op_waitfor(struct act *act)
{
	void *value = NULL;
	if (!handle(act, 1))
		return answer_unknown(act);
	int r = coro_wait_for(handle(act, 1), ticks(act->args[0]), &value);
	return answer(act, r, value);
}

static int op_cancel(struct act *act)
{
	if (!handle(act, 0))
		return answer_unknown(act);
	return answer_bool(act, coro_cancel(handle(act, 0)) > 0);
}

static int op_uncancel(struct act *act)
{
	int left = coro_task_uncancel(coro_current_task());
	return answer_number(act, left, (size_t)left);
}

static int op_done(struct act *act)
{
	if (!handle(act, 0))
		return answer_unknown(act);
	return answer_bool(act, coro_future_done(handle(act, 0)));
}

static int op_oncomplete(struct act *act)
{
	if (!handle(act, 0))
		return answer_unknown(act);
	const char *text =
		arena_format(arena_of(act), "completed %s %s", act->args[0], act->args[1]);
	return coro_future_add_done_callback(handle(act, 0), print_note, note(act, text));
}

static int op_setresult(struct act *act)
{
	if (!handle(act, 0))
		return answer_unknown(act);
	return coro_future_set_result(handle(act, 0), act->args[1]);
}

static int op_seterror(struct act *act)
{
	if (!handle(act, 0))
		return answer_unknown(act);
	return coro_future_set_error(handle(act, 0), error_code(act->me->machine, act->args[1]));
}

/* -- several */

/* All that are named from there on; NULL if one is not known. */
static struct coro_future **handles(struct act *act, size_t arg)
{
	size_t n = words_count(act->args + arg);
	struct coro_future **all =
		arena_take(arena_of(act), (n + 1) * sizeof(struct coro_future *));
	for (size_t i = 0; i < n; i++)
		if (!(all[i] = handle(act, arg + i)))
			return NULL;
	return all;
}

/* One word more in a list. */
static const char *list_add(struct act *act, const char *list, const char *word)
{
	return arena_format(arena_of(act), "%s%s%s", list, *list ? "," : "", word);
}

typedef int gather_fn(struct coro_future *const *futures, size_t count, struct coro_result *ret);

static int gather(struct act *act, gather_fn *fn)
{
	size_t n = words_count(act->args);
	struct coro_future **all = handles(act, 0);
	if (!all)
		return answer_unknown(act);
	struct coro_result *results = arena_take(arena_of(act), n * sizeof(*results));
	int r = fn(all, n, results);
	if (r < 0)
		return r;
	const char *list = "";
	for (size_t i = 0; i < n; i++) {
		int status = results[i].status;
		const char *word = status < 0 ? arena_format(arena_of(act), "!%s",
							     error_name(act->me->machine, status))
					      : results[i].value;
		list = list_add(act, list, word);
	}
	act->answer = arena_format(arena_of(act), " = [%s]", list);
	return 0;
}

static int op_gather(struct act *act)
{
	return gather(act, coro_gather);
}

static int op_gatherx(struct act *act)
{
	return gather(act, coro_gather_all);
}

static enum coro_wait_mode wait_mode(struct act *act)
{
	const char *word = act->args[0];
	if (strcmp(word, "all") == 0)
		return CORO_ALL_COMPLETED;
	if (strcmp(word, "first") == 0)
		return CORO_FIRST_COMPLETED;
	if (strcmp(word, "error") == 0)
		return CORO_FIRST_EXCEPTION;
	fault(act->statement->line, "no way to wait", word);
}

static int op_wait(struct act *act)
{
	char **names = act->args + 2;
	size_t n = words_count(names);
	struct coro_future **all = handles(act, 2);
	if (!all)
		return answer_unknown(act);
	int r = coro_wait(all, n, wait_mode(act), ticks(act->args[1]));
	if (r < 0)
		return r;
	const char *done = "", *pending = "";
	for (size_t i = 0; i < n; i++) {
		if (coro_future_done(all[i]))
			done = list_add(act, done, names[i]);
		else
			pending = list_add(act, pending, names[i]);
	}
	act->answer = arena_format(arena_of(act), " = done[%s] pending[%s]", done, pending);
	return 0;
}

/* -- callbacks */

static struct note *called(struct act *act, const char *word)
{
	return note(act, arena_format(arena_of(act), "called %s", word));
}

static int op_callsoon(struct act *act)
{
	return coro_call_soon(coro_running_loop(), print_note, called(act, act->args[0]), NULL);
}

static int op_calllater(struct act *act)
{
	struct table *timers = &act->me->machine->timers;
	const char *name = act->args[1];
	struct coro_handle *timer;
	int r = coro_call_later(coro_running_loop(), ticks(act->args[0]), print_note,
				called(act, name), &timer);
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

/* -- the list of them */

const struct operation task_operations[] = {
	{"log", 0, op_log},
	{"sleep", 1, op_sleep},
	{"spawn", 2, op_spawn},
	{"gspawn", 2, op_gspawn},
	{"await", 1, op_await},
	{"shield", 1, op_shield},
	{"waitfor", 2, op_waitfor},
	{"cancel", 1, op_cancel},
	{"uncancel", 0, op_uncancel},
	{"done", 1, op_done},
	{"oncomplete", 2, op_oncomplete},
	{"setresult", 2, op_setresult},
	{"seterror", 2, op_seterror},
	{"gather", 0, op_gather},
	{"gatherx", 0, op_gatherx},
	{"wait", 2, op_wait},
	{"callsoon", 1, op_callsoon},
	{"calllater", 2, op_calllater},
	{"calloff", 1, op_calloff},
	{NULL, 0, NULL},
};
