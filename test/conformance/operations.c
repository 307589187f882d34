/* SPDX-License-Identifier: MIT */
/* What a program can do: each operation is a call or two of the library. */
#include "interpreter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -- words and answers */

int64_t ticks(const char *word)
{
	return strcmp(word, "-") == 0 ? CORO_FOREVER : strtoll(word, NULL, 10) * TICK;
}

static struct arena *arena_of(struct act *act)
{
	return &act->me->machine->program->arena;
}

static size_t count(char **words)
{
	size_t n = 0;
	while (words[n])
		n++;
	return n;
}

/* The operation gives a value. */
static int answer(struct act *act, int r, const void *value)
{
	if (r >= 0)
		act->answer = arena_format(arena_of(act), " = %s", (const char *)value);
	return r;
}

static int answer_number(struct act *act, int r, long number)
{
	return answer(act, r, arena_format(arena_of(act), "%ld", number));
}

static int answer_bool(struct act *act, bool truth)
{
	return answer(act, 0, truth ? "true" : "false");
}

/* There is nothing of that name yet. */
static int answer_unknown(struct act *act)
{
	act->answer = " ?";
	return 0;
}

/* One word more in a list. */
static const char *list_add(struct act *act, const char *list, const char *word)
{
	return arena_format(arena_of(act), "%s%s%s", list, *list ? "," : "", word);
}

/* What the operation names: NULL if the name is not known, or not known yet. */
static struct coro_future *handle(struct act *act, size_t arg)
{
	return table_get(&act->me->machine->handles, act->args[arg]);
}

/* All that are named from there on; NULL if one is not known. */
static struct coro_future **handles(struct act *act, size_t arg)
{
	size_t n = count(act->args + arg);
	struct coro_future **all = arena_take(arena_of(act), (n + 1) * sizeof(struct coro_future *));
	for (size_t i = 0; i < n; i++)
		if (!(all[i] = handle(act, arg + i)))
			return NULL;
	return all;
}

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

static const struct body *body(struct act *act, const struct table *table, const char *name)
{
	const struct body *it = table_get(table, name);
	if (!it)
		fault(act->statement->line, "has no body", name);
	return it;
}

/* -- printing */

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
	*it = (struct note){ act->me->machine, text };
	return it;
}

/* -- tasks and futures */

static int op_sleep(struct act *act)
{
	return coro_sleep(ticks(act->args[0]));
}

static struct actor *child(struct act *act)
{
	const struct table *tasks = &act->me->machine->program->tasks;
	return actor_create(act->me->machine, act->args[0], body(act, tasks, act->args[1]));
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
	void *value;
	if (!handle(act, 0))
		return answer_unknown(act);
	int r = coro_await(handle(act, 0), &value);
	return answer(act, r, value);
}

static int op_shield(struct act *act)
{
	void *value;
	if (!handle(act, 0))
		return answer_unknown(act);
	int r = coro_shield(handle(act, 0), &value);
	return answer(act, r, value);
}

static int op_waitfor(struct act *act)
{
	void *value;
	if (!handle(act, 1))
		return answer_unknown(act);
	int r = coro_wait_for(handle(act, 1), ticks(act->args[0]), &value);
	return answer(act, r, value);
}

static int op_cancel(struct act *act)
{
	return handle(act, 0) ? answer_bool(act, coro_cancel(handle(act, 0)) > 0) : answer_unknown(act);
}

static int op_uncancel(struct act *act)
{
	return answer_number(act, 0, coro_task_uncancel(coro_current_task()));
}

static int op_done(struct act *act)
{
	return handle(act, 0) ? answer_bool(act, coro_future_done(handle(act, 0))) : answer_unknown(act);
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

typedef int gather_fn(struct coro_future *const *futures, size_t count, struct coro_result *ret);

static int gather(struct act *act, gather_fn *fn)
{
	size_t n = count(act->args);
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
	size_t n = count(names);
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
	int r = coro_call_later(coro_running_loop(), ticks(act->args[0]), print_note, called(act, name),
				&timer);
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

/* -- things */

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
	return coro_condition_notify(&thing_of_kind(act, CONDITION)->condition, n > 0 ? (size_t)n : 0);
}

static struct coro_queue *queue(struct act *act)
{
	return thing_of_kind(act, QUEUE)->queue;
}

static int op_put(struct act *act)
{
	return coro_queue_put(queue(act), act->args[1]);
}

static int op_tryput(struct act *act)
{
	int r = coro_queue_try_put(queue(act), act->args[1]);
	return r == -EAGAIN ? error_code(act->me->machine, "full") : r;
}

static int op_get(struct act *act)
{
	void *item;
	int r = coro_queue_get(queue(act), &item);
	return answer(act, r, item);
}

static int op_tryget(struct act *act)
{
	void *item;
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
	size_t index;
	int r = coro_barrier_wait(&thing_of_kind(act, BARRIER)->barrier, &index);
	return r < 0 ? r : answer_number(act, r, (long)index);
}

static int op_reset(struct act *act)
{
	return coro_barrier_reset(&thing_of_kind(act, BARRIER)->barrier);
}

static int op_abort(struct act *act)
{
	return coro_barrier_abort(&thing_of_kind(act, BARRIER)->barrier);
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

/* -- generators */

static int op_generator(struct act *act)
{
	struct machine *machine = act->me->machine;
	const char *name = act->args[0];
	struct coro *generator;
	if (table_get(&machine->generators, name))
		return answer_unknown(act);
	const struct body *its = body(act, &machine->program->generators, act->args[1]);
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
	void *item;
	if (!generator(act))
		return answer_unknown(act);
	int r = coro_next(generator(act), &item);
	return answer_item(act, r, item);
}

static int op_send(struct act *act)
{
	void *item;
	if (!generator(act))
		return answer_unknown(act);
	int r = coro_send(generator(act), act->args[1], &item);
	return answer_item(act, r, item);
}

static int op_throw(struct act *act)
{
	void *item;
	if (!generator(act))
		return answer_unknown(act);
	int r = coro_throw(generator(act), error_code(act->me->machine, act->args[1]), &item);
	return answer_item(act, r, item);
}

static int op_close(struct act *act)
{
	return generator(act) ? coro_close(generator(act)) : answer_unknown(act);
}

static int op_yield(struct act *act)
{
	void *sent;
	int r = coro_yield(act->args[0], &sent);
	return r < 0 ? r : answer(act, r, sent ? sent : "none");
}

static int op_yieldfrom(struct act *act)
{
	struct actor *me = act->me;
	const char *name = arena_format(arena_of(act), "%s/%s", me->name, act->args[0]);
	const struct body *its = body(act, &me->machine->program->generators, act->args[0]);
	struct coro *inner;
	void *value;
	int r = coro_create(run_generator, actor_create(me->machine, name, its), &inner);
	if (r < 0)
		return r;
	r = coro_yield_from(inner, &value);
	coro_destroy(inner);
	return answer(act, r, value);
}

/* -- the list of them */

static const struct operation operations[] = {
	{ "log", 0, op_log },
	{ "sleep", 1, op_sleep },
	{ "spawn", 2, op_spawn },
	{ "gspawn", 2, op_gspawn },
	{ "await", 1, op_await },
	{ "shield", 1, op_shield },
	{ "waitfor", 2, op_waitfor },
	{ "cancel", 1, op_cancel },
	{ "uncancel", 0, op_uncancel },
	{ "done", 1, op_done },
	{ "oncomplete", 2, op_oncomplete },
	{ "setresult", 2, op_setresult },
	{ "seterror", 2, op_seterror },
	{ "gather", 0, op_gather },
	{ "gatherx", 0, op_gatherx },
	{ "wait", 2, op_wait },
	{ "callsoon", 1, op_callsoon },
	{ "calllater", 2, op_calllater },
	{ "calloff", 1, op_calloff },
	{ "set", 1, op_set },
	{ "clear", 1, op_clear },
	{ "waitevent", 1, op_waitevent },
	{ "acquire", 1, op_acquire },
	{ "release", 1, op_release },
	{ "cwait", 1, op_cwait },
	{ "notify", 2, op_notify },
	{ "put", 2, op_put },
	{ "tryput", 2, op_tryput },
	{ "get", 1, op_get },
	{ "tryget", 1, op_tryget },
	{ "qdone", 1, op_qdone },
	{ "qjoin", 1, op_qjoin },
	{ "barrier", 1, op_barrier },
	{ "reset", 1, op_reset },
	{ "abort", 1, op_abort },
	{ "generator", 2, op_generator },
	{ "next", 1, op_next },
	{ "send", 2, op_send },
	{ "throw", 2, op_throw },
	{ "close", 1, op_close },
	{ "yield", 1, op_yield },
	{ "yieldfrom", 1, op_yieldfrom },
};

const struct operation *operation_find(const struct statement *statement)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		const struct operation *operation = &operations[i];
		if (strcmp(operation->name, statement->words[0]) != 0)
			continue;
		if (count(statement->words + 1) < operation->least)
			fault(statement->line, "something is missing after", operation->name);
		return operation;
	}
	fault(statement->line, "no operation", statement->words[0]);
}

/* -- declarations */

static struct coro_future *create_future(struct machine *machine)
{
	struct coro_future *future;
	int r = coro_future_create(machine->loop, &future);
	if (r < 0)
		fault(0, "no future", coro_strerror(r));
	return future;
}

void declare(struct machine *machine, const struct statement *declaration)
{
	struct arena *arena = &machine->program->arena;
	const char *kind = declaration->words[0], *name = declaration->words[1];
	size_t number = declaration->words[2] ? strtoul(declaration->words[2], NULL, 10) : 0;
	if (table_get(&machine->things, name) || table_get(&machine->handles, name))
		fault(declaration->line, "declared twice", name);
	if (strcmp(kind, "future") == 0) {
		table_set(&machine->handles, arena, name, create_future(machine));
		return;
	}
	struct thing *thing = arena_take(arena, sizeof(*thing));
	int r = 0;
	if (strcmp(kind, "event") == 0) {
		thing->kind = EVENT;
		coro_event_init(&thing->event);
	} else if (strcmp(kind, "lock") == 0) {
		thing->kind = LOCK;
		coro_lock_init(&thing->lock);
	} else if (strcmp(kind, "cond") == 0) {
		thing->kind = CONDITION;
		coro_condition_init(&thing->condition, NULL);
	} else if (strcmp(kind, "sem") == 0) {
		thing->kind = SEMAPHORE;
		coro_semaphore_init(&thing->semaphore, number);
	} else if (strcmp(kind, "queue") == 0) {
		thing->kind = QUEUE;
		r = coro_queue_create(number, &thing->queue);
	} else if (strcmp(kind, "barrier") == 0) {
		thing->kind = BARRIER;
		r = coro_barrier_init(&thing->barrier, number);
	} else {
		r = -EINVAL;
	}
	if (r < 0)
		fault(declaration->line, "cannot be declared", name);
	table_set(&machine->things, arena, name, thing);
}
