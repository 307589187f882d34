/* SPDX-License-Identifier: MIT */
/* Operations on counters and context variables. */
#include "interpreter.h"

#include <stdlib.h>

static int op_add(struct act *act)
{
	struct thing *it = act_thing_of(act, 0, COUNTER);
	it->counter += atol(act->args[1]);
	return answer_number(act, 0, it->counter);
}

static int op_getvar(struct act *act)
{
	return answer(act, 0, coro_local_get(&act_thing_of(act, 0, VARIABLE)->local));
}

static int op_setvar(struct act *act)
{
	struct thing *it = act_thing_of(act, 0, VARIABLE);
	it->was_set = true;
	return coro_local_set(&it->local, act->args[1], &it->token);
}

/* Using a token twice is one of many misuses with this error. */
static int op_resetvar(struct act *act)
{
	struct thing *it = act_thing_of(act, 0, VARIABLE);
	if (!it->was_set)
		return answer_unknown(act);
	int r = coro_local_reset(&it->local, &it->token);
	return r < 0 ? error_code(act->me->machine, "misuse") : r;
}

const struct operation variable_operations[] = {
	{"add", 2, 2, op_add, HERE},
	{"getvar", 1, 1, op_getvar, HERE},
	{"setvar", 2, 2, op_setvar, HERE},
	{"resetvar", 1, 1, op_resetvar, HERE},
	{.name = NULL},
};
