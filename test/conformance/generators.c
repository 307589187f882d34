/* SPDX-License-Identifier: MIT */
/* Operations that drive generators, and those of their own bodies. */
#include "interpreter.h"

/* -- from outside */

static int op_generator(struct act *act)
{
	struct machine *machine = act->me->machine;
	const char *name = act->args[0];
	struct coro *generator;
	if (table_get(&machine->generators, name))
		return answer_unknown(act);
	const struct body *its = body_named(act, &machine->program->generators, act->args[1]);
	int r = coro_create(run_generator, actor_create(machine, name, its), &generator);
	if (r == 0)
		table_set(&machine->generators, arena_of(act), name, generator);
	return r;
}

static struct coro *generator(struct act *act)
{
	return table_get(&act->me->machine->generators, act->args[0]);
}

/* What next, send and throw have in common: an item, the end, or an error. */
static int answer_item(struct act *act, int r, const char *item)
{
	if (r == 0)
		act->answer = arena_format(arena_of(act), " stop %s", item ? item : "none");
	return r > 0 ? answer(act, r, item) : r;
}

static int op_next(struct act *act)
{
	void *item = NULL;
	if (!generator(act))
		return answer_unknown(act);
	int r = coro_next(generator(act), &item);
	return answer_item(act, r, item);
}

static int op_send(struct act *act)
{
	void *item = NULL;
	if (!generator(act))
		return answer_unknown(act);
	int r = coro_send(generator(act), act->args[1], &item);
	return answer_item(act, r, item);
}

static int op_throw(struct act *act)
{
	void *item = NULL;
	if (!generator(act))
		return answer_unknown(act);
	int r = coro_throw(generator(act), error_code(act->me->machine, act->args[1]), &item);
	return answer_item(act, r, item);
}

static int op_close(struct act *act)
{
	return generator(act) ? coro_close(generator(act)) : answer_unknown(act);
}

/* -- from inside */

static int op_yield(struct act *act)
{
	void *sent = NULL;
	int r = coro_yield(act->args[0], &sent);
	return r < 0 ? r : answer(act, r, sent ? sent : "none");
}

static int op_yieldfrom(struct act *act)
{
	struct actor *me = act->me;
	const char *name = arena_format(arena_of(act), "%s/%s", me->name, act->args[0]);
	const struct body *its = body_named(act, &me->machine->program->generators, act->args[0]);
	struct coro *inner;
	void *value = NULL;
	int r = coro_create(run_generator, actor_create(me->machine, name, its), &inner);
	if (r < 0)
		return r;
	r = coro_yield_from(inner, &value);
	coro_destroy(inner);
	return answer(act, r, value);
}

/* -- the list of them */

const struct operation generator_operations[] = {
	{"generator", 2, op_generator}, {"next", 1, op_next},   {"send", 2, op_send},
	{"throw", 2, op_throw},         {"close", 1, op_close}, {"yield", 1, op_yield},
	{"yieldfrom", 1, op_yieldfrom}, {NULL, 0, NULL},
};
