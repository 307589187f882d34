/* SPDX-License-Identifier: MIT */
/*
 * Task-local variables: a task inherits their values from the task that spawns it, and may then
 * change them for itself alone. They follow Python's contextvars. A variable is a static object,
 * with a default value:
 *
 *	static struct coro_local request = CORO_LOCAL("request", NULL);
 *
 *	coro_local_set(&request, r, NULL);      // in the task that serves it
 *	coro_spawn(look_up, &key, &task);       // sees r, also if its spawner sets another later
 *	coro_local_get(&request);               // in look_up, or anything that it calls or spawns
 *
 * Who sees which values:
 *
 *   - A task begins with the values that its spawner had when it was spawned. The values that it
 *     sets are seen by itself, and by the tasks that it spawns after that.
 *   - A callback of the loop sees the values of the code that called coro_call_soon,
 *     coro_call_later, coro_call_at or coro_future_add_done_callback, at that moment. The values
 *     that it sets are dropped when it returns.
 *   - A function that a thread runs, by coro_to_thread or coro_executor_run, sees the values of the
 *     caller. The values that it sets are dropped too.
 *   - A generator or coroutine sees the values of whoever resumes it.
 *   - Outside of tasks and callbacks a thread has values of its own.
 *
 * Values are pointers, which are not copied or freed: they must outlive all tasks that inherit
 * them. Spawning a task shares the values and costs the same for any number of them. They are
 * copied when a task first sets one. In a thread that never sets any they cost nothing.
 */
#ifndef CORO_LOCAL_H
#define CORO_LOCAL_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/* A variable, known by its address. It must outlive its values. Like contextvars.ContextVar. */
struct coro_local {
	const char *name; /* for debuggers and people; may be NULL */
	void *value;      /* the default, where no value was set */
};

/* The initializer of a variable: its name and its default value. */
#define CORO_LOCAL(name, value) \
	{                       \
		(name), (value) \
	}

/* The value that coro_local_set replaced. The fields are the library's. */
struct coro_local_token {
	const struct coro_local *local; /* NULL: it was used */
	void *value;
	const void *owner;
	unsigned number; /* of the task whose it is */
};

/*
 * Returns the variable's value here: the one that was set or inherited, else its default. Like
 * ContextVar.get.
 */
CORO_API void *coro_local_get(const struct coro_local *local);

/*
 * Sets the variable's value here, and in the tasks that are spawned from now on. If ret is not
 * NULL, *ret is what coro_local_reset needs to undo it. Returns 0, -EINVAL or -ENOMEM. Like
 * ContextVar.set.
 */
CORO_API int coro_local_set(const struct coro_local *local, void *value,
			    struct coro_local_token *ret);

/*
 * Restores the value that the variable had before a coro_local_set.
 *
 * Returns 0, or
 *
 *   -EINVAL    the token is another variable's
 *   -EALREADY  the token was used before
 *   -EPERM     the token is another task's
 *   -ENOMEM    there is no memory for a copy of the values; nothing has changed
 *
 * Like ContextVar.reset.
 */
CORO_API int coro_local_reset(const struct coro_local *local, struct coro_local_token *token);

/* A set of values, to call functions with. Like contextvars.Context. */
struct coro_locals;

/*
 * Copies the caller's values into a set. The caller owns it and destroys it with
 * coro_locals_destroy. It may be handed to another thread if no task or callback that was made with
 * it is left. Returns 0, -EINVAL or -ENOMEM. Like contextvars.copy_context.
 */
CORO_MUST_CHECK CORO_API int coro_locals_copy(struct coro_locals **ret);

/*
 * Calls fn(arg) with the values of the set in place of the caller's. The values that fn sets stay
 * in the set. Tasks that fn spawns and callbacks that it adds inherit from the set: this replaces
 * asyncio's context parameters. fn may wait. Called in a generator, fn may not yield, defer calls
 * or set the generator's value (-EPERM).
 *
 * Returns what fn returned, -EINVAL, -ENOMEM, or -EBUSY while a function is called with the set.
 * Like Context.run.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_locals_run(struct coro_locals *locals, coro_fn *fn,
							void *arg);

/* Frees the set. NULL is allowed. Returns 0, or -EBUSY while a function is called with it. */
CORO_API int coro_locals_destroy(struct coro_locals *locals);

CORO_END_DECLS

#endif
