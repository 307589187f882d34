/* SPDX-License-Identifier: MIT */
/* What is declared; operations on events, locks, conditions, semaphores and barriers. */
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

static int compare_words(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int create_queue(size_t size, const char *kind, struct coro_queue **ret)
{
	if (!kind || strcmp(kind, "fifo") == 0)
		return coro_queue_create(size, ret);
	if (strcmp(kind, "lifo") == 0)
		return coro_queue_create_lifo(size, ret);
	if (strcmp(kind, "priority") == 0)
		return coro_queue_create_priority(size, compare_words, ret);
	return -EINVAL;
}

/* args: the words after its name, of which the first may be a number. */
static int thing_init(struct thing *thing, const char *name, char **args)
{
	size_t number = args[0] ? strtoul(args[0], NULL, 10) : 0;
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
	case BOUNDED_SEMAPHORE:
		coro_semaphore_init_bounded(&thing->semaphore, number);
		return 0;
	case QUEUE:
		return create_queue(number, args[0] ? args[1] : NULL, &thing->queue);
	case BARRIER:
		return coro_barrier_init(&thing->barrier, number);
	case COUNTER:
		thing->counter = args[0] ? atol(args[0]) : 0;
		return 0;
	case VARIABLE:
		thing->local = (struct coro_local)CORO_LOCAL(name, args[0] ? args[0] : "none");
		return 0;
	}
	return -EINVAL;
}

static enum thing_kind kind_of(const struct statement *declaration)
{
	static const char *const words[] = {
		[EVENT] = "event",
		[LOCK] = "lock",
		[CONDITION] = "cond",
		[SEMAPHORE] = "sem",
		[QUEUE] = "queue",
		[BARRIER] = "barrier",
		[BOUNDED_SEMAPHORE] = "bsem",
		[COUNTER] = "counter",
		[VARIABLE] = "var",
	};
	for (int kind = EVENT; kind <= VARIABLE; kind++)
		if (strcmp(declaration->words[0], words[kind]) == 0)
			return (enum thing_kind)kind;
	fault(declaration->line, "no declaration", declaration->words[0]);
}

static struct thing *create_thing(struct machine *machine, const struct statement *declaration)
{
	struct thing *thing = arena_take(&machine->program->arena, sizeof(*thing));
	const char *name = declaration->words[1];
	thing->kind = kind_of(declaration);
	if (thing_init(thing, name, declaration->words + 2) < 0)
		fault(declaration->line, "cannot be declared", name);
	return thing;
}

void declare(struct machine *machine, const struct statement *declaration)
{
	const char *name = declaration->words[1];
	if (table_get(&machine->things, name) || table_get(&machine->handles, name))
		fault(declaration->line, "declared twice", name);
	if (strcmp(declaration->words[0], "future") == 0)
		handle_add(machine, name, create_future(machine));
	else
		table_set(&machine->things, &machine->program->arena, name,
			  create_thing(machine, declaration));
}

/* -- locks of all kinds */

int thing_acquire(struct thing *thing)
{
	switch (thing->kind) {
	case LOCK:
		return coro_lock_acquire(&thing->lock);
	case CONDITION:
		return coro_condition_acquire(&thing->condition);
	case SEMAPHORE:
	case BOUNDED_SEMAPHORE:
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
	case BOUNDED_SEMAPHORE:
		return coro_semaphore_release(&thing->semaphore);
	default:
		return -EINVAL;
	}
}

static int op_acquire(struct act *act)
{
	return thing_acquire(act_thing(act, 0));
}

static int op_release(struct act *act)
{
	return thing_release(act_thing(act, 0));
}

/* -- events */

static int op_set(struct act *act)
{
	return coro_event_set(&act_thing_of(act, 0, EVENT)->event);
}

static int op_clear(struct act *act)
{
	coro_event_clear(&act_thing_of(act, 0, EVENT)->event);
	return 0;
}

static int op_waitevent(struct act *act)
{
	return coro_event_wait(&act_thing_of(act, 0, EVENT)->event);
}

/* -- conditions */

static struct coro_condition *condition(struct act *act)
{
	return &act_thing_of(act, 0, CONDITION)->condition;
}

static int op_cwait(struct act *act)
{
	return coro_condition_wait(condition(act));
}

struct threshold {
	const struct thing *counter;
	long least;
};

static int is_reached(void *arg)
{
	const struct threshold *threshold = arg;
	return threshold->counter->counter >= threshold->least;
}

static int op_cwaitfor(struct act *act)
{
	struct threshold threshold = {act_thing_of(act, 1, COUNTER), atol(act->args[2])};
	int r = coro_condition_wait_for(condition(act), is_reached, &threshold);
	return answer_number(act, r, threshold.counter->counter);
}

static int op_notify(struct act *act)
{
	long n = atol(act->args[1]);
	return coro_condition_notify(condition(act), n > 0 ? (size_t)n : 0);
}

static int op_cnotifyall(struct act *act)
{
	return coro_condition_notify_all(condition(act));
}

/* -- barriers */

static struct coro_barrier *barrier(struct act *act)
{
	return &act_thing_of(act, 0, BARRIER)->barrier;
}

static int op_barrier(struct act *act)
{
	size_t index = 0;
	int r = coro_barrier_wait(barrier(act), &index);
	return answer_number(act, r, (long)index);
}

static int op_reset(struct act *act)
{
	return coro_barrier_reset(barrier(act));
}

static int op_abort(struct act *act)
{
	return coro_barrier_abort(barrier(act));
}

/* -- how they are */

static int op_state(struct act *act)
{
	struct thing *thing = act_thing(act, 0);
	switch (thing->kind) {
	case EVENT:
		return answer_bool(act, coro_event_is_set(&thing->event));
	case LOCK:
		return answer_bool(act, coro_lock_locked(&thing->lock));
	case CONDITION:
		return answer_bool(act, coro_condition_locked(&thing->condition));
	case SEMAPHORE:
	case BOUNDED_SEMAPHORE:
		return answer_bool(act, coro_semaphore_locked(&thing->semaphore));
	case QUEUE:
		return answer_number(act, 0, (long)coro_queue_size(thing->queue));
	case BARRIER:
		if (coro_barrier_broken(&thing->barrier))
			return answer(act, 0, "broken");
		return answer_number(act, 0, (long)coro_barrier_waiting(&thing->barrier));
	default:
		fault(act->statement->line, "has no state", act->args[0]);
	}
}

/* -- the list of them */

const struct operation thing_operations[] = {
	{"acquire", 1, 1, op_acquire, HERE, .waits = true},
	{"release", 1, 1, op_release, HERE},
	{"set", 1, 1, op_set, HERE},
	{"clear", 1, 1, op_clear, HERE},
	{"waitevent", 1, 1, op_waitevent, HERE, .waits = true},
	{"cwait", 1, 1, op_cwait, HERE, .waits = true},
	{"cwaitfor", 3, 3, op_cwaitfor, HERE, .waits = true},
	{"notify", 2, 2, op_notify, HERE},
	{"cnotifyall", 1, 1, op_cnotifyall, HERE},
	{"barrier", 1, 1, op_barrier, HERE, .waits = true},
	{"reset", 1, 1, op_reset, HERE},
	{"abort", 1, 1, op_abort, HERE},
	{"state", 1, 1, op_state, HERE},
	{.name = NULL},
};
