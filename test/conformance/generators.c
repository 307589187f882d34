/* SPDX-License-Identifier: MIT */
/* Operations that drive generators of both kinds, and those of their bodies. */
#include "interpreter.h"

#include <errno.h>

/* -- from outside */

static int make_generator(struct act *act, const struct table *bodies, coro_fn *fn)
{
	struct machine *machine = act->me->machine;
	const char *name = act->args[0];
	if (table_get(&machine->generators, name))
		return answer_unknown(act);
	struct generator *it = arena_take(arena_of(act), sizeof(*it));
	it->actor = actor_create(machine, name, body_named(act, bodies, act->args[1]));
	int r = coro_create(fn, it->actor, &it->coro);
	if (r == 0)
		table_set(&machine->generators, arena_of(act), name, it);
	return r;
}

static int op_generator(struct act *act)
{
	return make_generator(act, &act->me->machine->program->generators, run_generator);
}

static struct coro *generator(struct act *act)
{
	const struct generator *it = table_get(&act->me->machine->generators, act->args[0]);
	return it ? it->coro : NULL;
}

static int error_arg(struct act *act)
{
	return error_code(act->me->machine, act->args[1]);
}

/* An item, the end, or an error. */
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
	int r = coro_throw(generator(act), error_arg(act), &item);
	return answer_item(act, r, item);
}

static int op_close(struct act *act)
{
	return generator(act) ? coro_close(generator(act)) : answer_unknown(act);
}

/* -- async ones */

static int op_agenerator(struct act *act)
{
	return make_generator(act, &act->me->machine->program->async_generators,
			      run_async_generator);
}

/* asyncio knows a generator from when it is first driven, even if that is refused. */
static struct generator *driven(struct act *act)
{
	struct machine *machine = act->me->machine;
	struct generator *it = table_get(&machine->generators, act->args[0]);
	if (it && coro_state(it->coro) == CORO_CREATED) {
		coro_next(it->coro, NULL);
		table_set(&machine->driven, arena_of(act), act->args[0], it);
	}
	return it;
}

static int answer_async_item(struct act *act, int r, const char *item)
{
	if (r == 0)
		act->answer = " stop";
	return r > 0 ? answer(act, r, item) : r;
}

static int op_anext(struct act *act)
{
	struct generator *it = driven(act);
	void *item = NULL;
	if (!it)
		return answer_unknown(act);
	int r = coro_next(it->coro, &item);
	return answer_async_item(act, r, item);
}

static int op_asend(struct act *act)
{
	struct generator *it = driven(act);
	void *item = NULL;
	if (!it)
		return answer_unknown(act);
	if (!it->actor->started && coro_state(it->coro) == CORO_SUSPENDED)
		return -EINVAL; /* no consumer is there to receive it */
	int r = coro_send(it->coro, act->args[1], &item);
	return answer_async_item(act, r, item);
}

/* One that has ended just stops, whatever is thrown in. */
static int op_athrow(struct act *act)
{
	struct generator *it = driven(act);
	void *item = NULL;
	if (!it)
		return answer_unknown(act);
	int r = coro_state(it->coro) == CORO_DONE ? 0 : coro_throw(it->coro, error_arg(act), &item);
	return answer_async_item(act, r, item);
}

static int op_aclose(struct act *act)
{
	struct generator *it = driven(act);
	return it ? coro_close(it->coro) : answer_unknown(act);
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

/* -- the lists of them */

const struct operation generator_operations[] = {
	{"generator", 2, 2, op_generator, HERE},
	{"next", 1, 1, op_next, HERE},
	{"send", 2, 2, op_send, HERE},
	{"throw", 2, 2, op_throw, HERE},
	{"close", 1, 1, op_close, HERE},
	{"yield", 1, 1, op_yield, GENERATOR | ASYNC_GENERATOR, .yields = true},
	{"yieldfrom", 1, 1, op_yieldfrom, GENERATOR, .yields = true},
	{.name = NULL},
};

const struct operation async_generator_operations[] = {
	{"agenerator", 2, 2, op_agenerator, HERE}, {"anext", 1, 1, op_anext, HERE},
	{"asend", 2, 2, op_asend, HERE},           {"athrow", 2, 2, op_athrow, HERE},
	{"aclose", 1, 1, op_aclose, HERE},         {.name = NULL},
};
