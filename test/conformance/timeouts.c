/* SPDX-License-Identifier: MIT */
/* Operations on the innermost timeout, and one with a timeout of its own. */
#include "interpreter.h"

#include <errno.h>

static int op_retime(struct act *act)
{
	struct coro_timeout *timeout = act->me->timeout;
	if (!timeout)
		return answer_unknown(act);
	int64_t when = ticks(act->args[0]);
	if (when != CORO_FOREVER)
		when += coro_loop_time(coro_running_loop());
	int r = coro_timeout_reschedule(timeout, when);
	return r == -EALREADY ? error_code(act->me->machine, "misuse") : r;
}

static int op_when(struct act *act)
{
	if (!act->me->timeout)
		return answer_unknown(act);
	int64_t when = coro_timeout_when(act->me->timeout);
	return when == CORO_FOREVER ? answer(act, 0, "-") : answer_number(act, 0, when / TICK);
}

static int op_expired(struct act *act)
{
	if (!act->me->timeout)
		return answer_unknown(act);
	return answer_bool(act, coro_timeout_expired(act->me->timeout));
}

/* -- an operation for a time: wait_for, given a coroutine */

struct inner {
	const struct operation *operation;
	struct act act;
};

static int run_inner(void *arg)
{
	struct inner *inner = arg;
	return inner->operation->run(&inner->act);
}

/* In this task. */
static int run_for(struct inner *inner, int64_t delay)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, delay);
	return r < 0 ? r : coro_timeout_end(&timeout, run_inner(inner));
}

/*
 * Its time is over: it becomes a task, which never begins. Its waiter may end before it can drop
 * it.
 */
static int run_never(struct inner *inner, int64_t delay)
{
	struct arena *arena = arena_of(&inner->act);
	struct coro_future *task;
	int r = coro_spawn(run_inner, inner, &task);
	if (r < 0)
		return r;
	table_set(&inner->act.me->machine->nameless, arena,
		  arena_format(arena, "%s", coro_task_name(task)), task);
	return coro_wait_for(task, delay, NULL);
}

static int op_within(struct act *act)
{
	int64_t delay = ticks(act->args[0]);
	struct inner inner = {
		.operation = operation_within(act->statement, act->args + 1),
		.act = {act->me, act->statement, act->args + 2, ""},
	};
	int r = delay > 0 ? run_for(&inner, delay) : run_never(&inner, delay);
	act->answer = inner.act.answer;
	return r;
}

const struct operation timeout_operations[] = {
	{"retime", 1, 1, op_retime, HERE},
	{"when", 0, 0, op_when, HERE},
	{"expired", 0, 0, op_expired, HERE},
	{"within", 2, ANY_NUMBER, op_within, HERE},
	{.name = NULL},
};
