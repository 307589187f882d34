/* SPDX-License-Identifier: MIT */
/* Operations on tasks and futures. */
#include "interpreter.h"

#include <errno.h>
#include <string.h>

static int op_log(struct act *act)
{
	(void)act;
	return 0;
}

static int op_sleep(struct act *act)
{
	return coro_sleep(ticks(act->args[0]));
}

/* -- spawning */

/* Spawns a task of that name and template, in a group if there is one. */
static int spawn(struct act *act, struct coro_group *group, unsigned flags)
{
	struct machine *machine = act->me->machine;
	const char *name = act->args[0];
	if (machine->ended || table_get(&machine->handles, name) || name[strlen(name) - 1] == '+')
		return answer_unknown(act);
	const struct body *body = body_named(act, &machine->program->tasks, act->args[1]);
	struct actor *actor = actor_create(machine, name, body);
	struct coro_options options = {.name = name, .flags = flags};
	struct coro_future *task;
	int r = group ? coro_group_spawn_with(group, &options, run_task, actor, &task)
		      : coro_loop_spawn(machine->loop, &options, run_task, actor, &task);
	if (r < 0)
		return r;
	if (table_get(&machine->handles, name))
		coro_future_unref(task); /* it has taken its name itself */
	else
		handle_add(machine, name, task);
	return 0;
}

static int op_spawn(struct act *act)
{
	return spawn(act, NULL, 0);
}

static int op_espawn(struct act *act)
{
	return spawn(act, NULL, CORO_EAGER_START);
}

static int op_gspawn(struct act *act)
{
	return act->me->group ? spawn(act, act->me->group, 0) : answer_unknown(act);
}

static int op_gespawn(struct act *act)
{
	return act->me->group ? spawn(act, act->me->group, CORO_EAGER_START) : answer_unknown(act);
}

/* -- one */

static int op_await(struct act *act)
{
	struct coro_future *future = act_future(act, 0);
	void *value = NULL;
	if (!future)
		return answer_unknown(act);
	int r = coro_await(future, &value);
	return answer(act, r, value);
}

/* A cancellation's message: the library's shield passes it on, CPython's loses it. */
static int forget_message(struct act *act, int r, const struct coro_future *future)
{
	if (r != -ECANCELED || !coro_future_cancelled(future))
		return r;
	const char *message = arena_format(arena_of(act), "%s", coro_message(r));
	bool is_its = strcmp(message, coro_future_message(future)) == 0;
	return coro_raise(r, "%s", is_its ? coro_strerror(r) : message);
}

static int op_shield(struct act *act)
{
	struct coro_future *future = act_future(act, 0);
	void *value = NULL;
	if (!future)
		return answer_unknown(act);
	bool waits = !coro_future_done(future);
	int r = coro_shield(future, &value);
	return answer(act, waits ? forget_message(act, r, future) : r, value);
}

static int op_waitfor(struct act *act)
{
	struct coro_future *future = act_future(act, 1);
	void *value = NULL;
	if (!future)
		return answer_unknown(act);
	int r = coro_wait_for(future, ticks(act->args[0]), &value);
	return answer(act, r, value);
}

static int op_cancel(struct act *act)
{
	struct coro_future *future = act_future(act, 0);
	if (!future)
		return answer_unknown(act);
	int r = act->args[1] ? coro_cancel_with(future, "%s", act->args[1]) : coro_cancel(future);
	return r < 0 ? r : answer_bool(act, r > 0);
}

static int op_uncancel(struct act *act)
{
	int left = coro_task_uncancel(coro_current_task());
	return answer_number(act, left, left);
}

static int op_cancelling(struct act *act)
{
	struct coro_future *task = act_future(act, 0);
	if (!coro_is_task(task))
		return answer_unknown(act);
	return answer_number(act, 0, coro_task_cancelling(task));
}

static int op_done(struct act *act)
{
	struct coro_future *future = act_future(act, 0);
	return future ? answer_bool(act, coro_future_done(future)) : answer_unknown(act);
}

static int op_setresult(struct act *act)
{
	struct coro_future *future = act_future(act, 0);
	return future ? coro_future_set_result(future, act->args[1]) : answer_unknown(act);
}

static int op_seterror(struct act *act)
{
	struct coro_future *future = act_future(act, 0);
	if (!future)
		return answer_unknown(act);
	return coro_future_set_error(future, error_code(act->me->machine, act->args[1]));
}

/* -- several */

/* One word more in a list. */
static const char *list_add(struct act *act, const char *list, const char *word)
{
	return arena_format(arena_of(act), "%s%s%s", list, *list ? "," : "", word);
}

typedef int gather_fn(struct coro_future *const *futures, size_t count, struct coro_result *ret);

static int gather(struct act *act, gather_fn *fn)
{
	size_t n = words_count(act->args);
	struct coro_future **all = futures_named(act->me->machine, act->args);
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

/* Those that are done are asked how they ended, however the wait went. */
static int op_wait(struct act *act)
{
	char **names = act->args + 2;
	struct coro_future **all = futures_named(act->me->machine, names);
	if (!all)
		return answer_unknown(act);
	int r = coro_wait(all, words_count(names), wait_mode(act), ticks(act->args[1]));
	const char *done = "", *pending = "";
	for (size_t i = 0; names[i]; i++) {
		if (!coro_future_done(all[i])) {
			pending = list_add(act, pending, names[i]);
			continue;
		}
		done = list_add(act, done, names[i]);
		coro_future_message(
			all[i]); /* not _result: the wait's own error stays the last one */
	}
	act->answer = arena_format(arena_of(act), " = done[%s] pending[%s]", done, pending);
	return r;
}

/* -- the list of them */

const struct operation task_operations[] = {
	{"log", 0, ANY_NUMBER, op_log, ANYWHERE},
	{"sleep", 1, 1, op_sleep, HERE, .waits = true},
	{"spawn", 2, 2, op_spawn, HERE, .makes_task = true},
	{"espawn", 2, 2, op_espawn, HERE, .makes_task = true},
	{"gspawn", 2, 2, op_gspawn, HERE, .makes_task = true},
	{"gespawn", 2, 2, op_gespawn, HERE, .makes_task = true},
	{"await", 1, 1, op_await, HERE},
	{"shield", 1, 1, op_shield, HERE, .hides_message = true},
	{"waitfor", 2, 2, op_waitfor, HERE},
	{"cancel", 1, 2, op_cancel, HERE},
	{"uncancel", 0, 0, op_uncancel, HERE},
	{"cancelling", 1, 1, op_cancelling, HERE},
	{"done", 1, 1, op_done, HERE},
	{"setresult", 2, 2, op_setresult, HERE},
	{"seterror", 2, 2, op_seterror, HERE},
	{"gather", 0, ANY_NUMBER, op_gather, HERE},
	{"gatherx", 0, ANY_NUMBER, op_gatherx, HERE, .hides_message = true},
	{"wait", 2, ANY_NUMBER, op_wait, HERE},
	{.name = NULL},
};
