/* SPDX-License-Identifier: MIT */
/*
 * Task-local values: what a task inherits from whoever spawns it, and may then change for itself
 * alone (Python's contextvars). A variable is a static object, with a value for all who have set
 * none:
 *
 *	static struct coro_local request = CORO_LOCAL("request", NULL);
 *
 *	coro_local_set(&request, r, NULL);      // in the task that serves it
 *	coro_spawn(look_up, &key, &task);       // sees r, whatever its spawner sets after
 *	coro_local_get(&request);               // in look_up, or anything that it calls or spawns
 *
 * A task begins with the values that its spawner had then, and what it sets itself nobody else
 * sees, but tasks that it spawns after. A callback of the loop sees the values of the moment when
 * coro_call_soon, _later, _at or coro_future_add_done_callback was called; what it sets is gone
 * with it; likewise a function that coro_to_thread or coro_executor_run has a thread run. A
 * generator or coroutine has none of its own: it sees those of whoever resumes it. Outside of tasks
 * and callbacks the thread has a set, at first an empty one.
 *
 * Values are pointers, and stay yours: see that they outlive all who inherit them. Spawning shares
 * the values, however many there are, and one who sets a value then copies them once; in a thread
 * that never sets any they cost nothing.
 */
#ifndef CORO_LOCAL_H
#define CORO_LOCAL_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/* A variable (contextvars.ContextVar). It is known by its address, and must outlive its values. */
struct coro_local {
	const char *name; /* for whoever reads it; may be NULL */
	void *value;      /* where none was set */
};

#define CORO_LOCAL(name, value) \
	{                       \
		(name), (value) \
	}

/* What was there before a coro_local_set. The fields are the library's. */
struct coro_local_token {
	const struct coro_local *local; /* NULL: it was used */
	void *value;
	const void *owner;
	unsigned number; /* of the task whose it is */
};

/* The variable's value here: the one set or inherited, else the variable's own (var.get). */
CORO_API void *coro_local_get(const struct coro_local *local);

/*
 * Sets the value, here and in what is spawned from here on (var.set). Where ret is not NULL, *ret
 * becomes what coro_local_reset needs to undo it. -EINVAL; -ENOMEM: all is as it was.
 */
CORO_API int coro_local_set(const struct coro_local *local, void *value,
			    struct coro_local_token *ret);

/*
 * Gives the variable the value again that it had before the set (var.reset).
 *
 *   -EINVAL    the token is of another variable
 *   -EALREADY  it was used before
 *   -EPERM     it is of another task
 *   -ENOMEM    where values that were inherited meanwhile must be copied; all is as it was
 */
CORO_API int coro_local_reset(const struct coro_local *local, struct coro_local_token *token);

/* A set of values, to call functions with (contextvars.Context). */
struct coro_locals;

/*
 * Copies the caller's values (copy_context). The caller owns *ret, and gives it back with
 * coro_locals_destroy. It may be handed to another thread, while no task or callback that was made
 * with it is left. -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_locals_copy(struct coro_locals **ret);

/*
 * Calls fn(arg) with these values in place of the caller's, and returns what it returns; what it
 * sets stays in them for the next such call (context.run). Tasks that fn spawns inherit from them,
 * and so do callbacks: in place of asyncio's `context=`, make those here. fn may wait; called in a
 * generator, it may neither yield nor defer nor set the generator's value (-EPERM). -EBUSY while
 * another such call is under way; -EINVAL, -ENOMEM.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_locals_run(struct coro_locals *locals, coro_fn *fn,
							void *arg);

/* Frees them: 0; -EBUSY while a function is called with them. NULL is fine. */
CORO_API int coro_locals_destroy(struct coro_locals *locals);

CORO_END_DECLS

#endif
