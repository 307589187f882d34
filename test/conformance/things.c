/* SPDX-License-Identifier: MIT */
/* Operations on events, locks, conditions, semaphores, queues and barriers. */
#include "interpreter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -- declarations */

static struct coro_future *create_future(struct machine *machine)
{
	struct coro_future *future;
	int r = coro_future_create(machine->loop, &future);
	if (r < 0)
		fault(0, "no future", coro_strerror(r));
	return future;
}

static int thing_init(struct thing *thing, size_t number)
{
	switch (thing->kind) {
	case EVENT:
		coro_event_init(&thing->event);
		return 0;
	case LOCK:
		coro_lock_init(&thing->lock);
		return 0;
	case CONDITION:
		coro_condition_init(&thing->condition, NULL);
		return 0;
	case SEMAPHORE:
		coro_semaphore_init(&thing->semaphore, number);
		return 0;
	case QUEUE:
		return coro_queue_create(number, &thing->queue);
	case BARRIER:
		return coro_barrier_init(&thing->barrier, number);
	}
	return -EINVAL;
}

static enum thing_kind kind_of(const struct statement *declaration)
{
	static const char *const words[] = {
		[EVENT] = "event",   [LOCK] = "lock",   [CONDITION] = "cond",
		[SEMAPHORE] = "sem", [QUEUE] = "queue", [BARRIER] = "barrier",
	};
	for (int kind = EVENT; kind <= BARRIER; kind++)
		if (strcmp(declaration->words[0], words[kind]) == 0)
			return (enum thing_kind)kind;
	fault(declaration->line, "no declaration", declaration->words[0]);
}

static struct thing *create_thing(struct machine *machine, const struct statement *declaration)
{
	struct thing *thing = arena_take(&machine->program->arena, sizeof(*thing));
	const char *number = declaration->words[2] ? declaration->words[2] : "0";
	thing->kind = kind_of(declaration);
	if (thing_init(thing, strtoul(number, NULL, 10)) < 0)
		fault(declaration->line, "cannot be declared", declaration->words[1]);
	return thing;
}

void declare(struct machine *machine, const struct statement *declaration)
{
	struct arena *arena = &machine->program->arena;
	const char *name = declaration->words[1];
	if (table_get(&machine->things, name) || table_get(&machine->handles, name))
		fault(declaration->line, "declared twice", name);
	if (strcmp(declaration->words[0], "future") == 0)
		table_set(&machine->handles, arena, name, create_future(machine));
	else
		table_set(&machine->things, arena, name, create_thing(machine, declaration));
}

int thing_acquire(struct thing *thing)
{
	switch (thing->kind) {
	case LOCK:
		return coro_lock_acquire(&thing->lock);
	case CONDITION:
		return coro_condition_acquire(&thing->condition);
	case SEMAPHORE:
		return coro_semaphore_acquire(&thing->semaphore);
	default:
		return -EINVAL;
	}
}

int thing_release(struct thing *thing)
{
	switch (thing->kind) {
	case LOCK:
		return coro_lock_release(&thing->lock);
	case CONDITION:
		return coro_condition_release(&thing->condition);
	case SEMAPHORE:
		return coro_semaphore_release(&thing->semaphore);
	default:
		return -EINVAL;
	}
}

/* -- operations */

static struct thing *thing(struct act *act)
{
	struct thing *it = table_get(&act->me->machine->things, act->args[0]);
	if (!it)
		fault(act->statement->line, "never declared", act->args[0]);
	return it;
}

static struct thing *thing_of_kind(struct act *act, enum thing_kind kind)
{
	struct thing *it = thing(act);
	if (it->kind != kind)
		fault(act->statement->line, "is of another kind", act->args[0]);
	return it;
}

static int op_acquire(struct act *act)
{
	return thing_acquire(thing(act));
}

static int op_release(struct act *act)
{
	return thing_release(thing(act));
}

static int op_set(struct act *act)
{
	coro_event_set(&thing_of_kind(act, EVENT)->event);
	return 0;
}

static int op_clear(struct act *act)
{
	coro_event_clear(&thing_of_kind(act, EVENT)->event);
	return 0;
}

static int op_waitevent(struct act *act)
{
	return coro_event_wait(&thing_of_kind(act, EVENT)->event);
}

static int op_cwait(struct act *act)
{
	return coro_condition_wait(&thing_of_kind(act, CONDITION)->condition);
}

static int op_notify(struct act *act)
{
	long n = atol(act->args[1]);
	return coro_condition_notify(&thing_of_kind(act, CONDITION)->condition,
				     n > 0 ? (size_t)n : 0);
}

static struct coro_queue *queue(struct act *act)
{
	return thing_of_kind(act, QUEUE)->queue;
}

static int op_put(struct act *act)
{
	return coro_queue_put(queue(act), act->args[1]);
}

/* To the library a full queue and an empty one are the same error, -EAGAIN. */
static int op_tryput(struct act *act)
{
	int r = coro_queue_try_put(queue(act), act->args[1]);
	return r == -EAGAIN ? error_code(act->me->machine, "full") : r;
}

static int op_get(struct act *act)
{
	void *item = NULL;
	int r = coro_queue_get(queue(act), &item);
	return answer(act, r, item);
}

static int op_tryget(struct act *act)
{
	void *item = NULL;
	int r = coro_queue_try_get(queue(act), &item);
	return answer(act, r == -EAGAIN ? error_code(act->me->machine, "empty") : r, item);
}

static int op_qjoin(struct act *act)
{
	return coro_queue_join(queue(act));
}

static int op_qdone(struct act *act)
{
	return coro_queue_task_done(queue(act));
}

static int op_barrier(struct act *act)
{
	size_t index = 0;
	int r = coro_barrier_wait(&thing_of_kind(act, BARRIER)->barrier, &index);
	return answer_number(act, r, index);
}

static int op_reset(struct act *act)
{
	return coro_barrier_reset(&thing_of_kind(act, BARRIER)->barrier);
}

static int op_abort(struct act *act)
{
	return coro_barrier_abort(&thing_of_kind(act, BARRIER)->barrier);
}

/* -- the list of them */

const struct operation thing_operations[] = {
	{"set", 1, op_set},
	{"clear", 1, op_clear},
	{"waitevent", 1, op_waitevent},
	{"acquire", 1, op_acquire},
	{"release", 1, op_release},
	{"cwait", 1, op_cwait},
	{"notify", 2, op_notify},
	{"put", 2, op_put},
	{"tryput", 2, op_tryput},
	{"get", 1, op_get},
	{"tryget", 1, op_tryget},
	{"qdone", 1, op_qdone},
	{"qjoin", 1, op_qjoin},
	{"barrier", 1, op_barrier},
	{"reset", 1, op_reset},
	{"abort", 1, op_abort},
	{NULL, 0, NULL},
};
