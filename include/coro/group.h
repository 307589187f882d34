/* SPDX-License-Identifier: MIT */
/*
 * Tasks that belong together (asyncio.TaskGroup):
 *
 *	struct coro_group *group;
 *	int r = coro_group_create(&group);
 *	if (r < 0)
 *		return r;
 *	r = coro_group_spawn_copy(group, fetch, &a, sizeof(a), NULL);
 *	if (r == 0)
 *		r = coro_group_spawn_copy(group, fetch, &b, sizeof(b), NULL);
 *	return coro_group_end(group, r);
 *
 * The end waits for all of them. The first that fails cancels the others, and the task that owns
 * the group, wherever that waits.
 */
#ifndef CORO_GROUP_H
#define CORO_GROUP_H

#include <coro/task.h>

CORO_BEGIN_DECLS

struct coro_group;

/*
 * Makes a group, owned by the calling task, which ends it; one made in a generator is ended there,
 * whichever task resumes that. -EPERM outside a task; -ENOMEM. Debug mode reports a group that was
 * never ended.
 */
#define coro_group_create(...) coro_group_create_at(CORO_HERE, __VA_ARGS__) /* (ret) */
CORO_MUST_CHECK CORO_API int coro_group_create_at(const char *site, struct coro_group **ret);

/*
 * Flags of struct coro_group_options.
 *
 * A task that fails does not cancel the others and the body (trio's and Kotlin's supervisors). Its
 * failure is still the end's result.
 */
#define CORO_GROUP_INDEPENDENT (1U << 29)

struct coro_group_options {
	size_t limit; /* on the tasks that run at once (Go's errgroup.SetLimit); 0 for none */
	unsigned flags;
};

/*
 * The same with options, or NULL. While as many tasks run as the limit allows, spawning another
 * waits until one has ended. If it is cancelled meanwhile: -ECANCELED. Outside a task, where it
 * cannot wait: -EAGAIN.
 */
#define coro_group_create_with(...) \
	coro_group_create_with_at(CORO_HERE, __VA_ARGS__) /* (options, ret) */
CORO_MUST_CHECK CORO_API int coro_group_create_with_at(const char *site,
						       const struct coro_group_options *options,
						       struct coro_group **ret);

/*
 * Spawns a task in the group (group.create_task); ret as coro_spawn's. A member may spawn others.
 * -ESHUTDOWN once the group cancels its tasks, or was joined; -EPERM on another loop; -EINVAL,
 * -ENOMEM.
 */
#define coro_group_spawn(...) \
	coro_group_spawn_at(CORO_HERE, __VA_ARGS__) /* (group, fn, arg, ret) */
CORO_MUST_CHECK CORO_API int coro_group_spawn_at(const char *site, struct coro_group *group,
						 coro_fn *fn, void *arg, struct coro_future **ret);

/* The same with options for the task, as for coro_loop_spawn: eager_start, a name, a stack size. */
CORO_MUST_CHECK CORO_API int coro_group_spawn_with(struct coro_group *group,
						   const struct coro_options *options, coro_fn *fn,
						   void *arg, struct coro_future **ret);

/* The same with a copy of the argument, as coro_spawn_copy. */
#define coro_group_spawn_copy(...)          \
	coro_group_spawn_copy_at(CORO_HERE, \
				 __VA_ARGS__) /* (group, fn, const void *arg, size, ret) */
CORO_MUST_CHECK CORO_API int coro_group_spawn_copy_at(const char *site, struct coro_group *group,
						      coro_fn *fn, const void *arg, size_t size,
						      struct coro_future **ret);

/*
 * Spawns a task, and waits until that calls coro_started, which makes it a member of the group
 * (trio's nursery.start): for instance a server, when it listens. *value is what it gave to
 * coro_started; value and ret may be NULL. A task that ends before is no member: its failure is
 * returned, or CORO_INCOMPLETE if it has none. If the caller is cancelled, so is the task, and this
 * waits for its end or its coro_started: -ECANCELED. Other errors as coro_group_spawn's; -EPERM
 * outside a task.
 */
#define coro_group_start(...) \
	coro_group_start_at(CORO_HERE, __VA_ARGS__) /* (group, fn, arg, void **value, ret) */
coro_async CORO_MUST_CHECK CORO_API int coro_group_start_at(const char *site,
							    struct coro_group *group, coro_fn *fn,
							    void *arg, void **value,
							    struct coro_future **ret);

/*
 * Called in a task of coro_group_start, however deep: it is ready. 0; -EALREADY a second time;
 * -EPERM in any other task.
 */
CORO_API int coro_started(void *value);

/*
 * Ends the group without an error (TaskGroup.cancel of Python 3.15): cancels its tasks and its
 * body. If nothing fails in that, coro_group_end returns what the body did, and 0 for -ECANCELED.
 * From a task or a callback; a second call does nothing. 0; -EINVAL, -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_group_cancel(struct coro_group *group);

/*
 * Waits for all tasks of the group, and frees it; called by its owner, with what the body in
 * between has returned. A body that failed cancels the tasks. Returns status if no task failed;
 * else the failure of the first that did, in place of the cancellation by which the group made the
 * body leave. -ECANCELED if the owner was cancelled by others, unless a task failed: then its next
 * wait is. In a generator that is destroyed outside of all tasks it does not wait: the tasks are
 * cancelled, and the group is freed with the last.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_group_end(struct coro_group *group, int status);

/* The same, but the group stays, for coro_group_errors, until coro_group_destroy. */
coro_async CORO_MUST_CHECK CORO_API int coro_group_join(struct coro_group *group, int status);

/*
 * How many failures there were (ExceptionGroup.exceptions): of tasks in the order they failed, and
 * last, after the join, the body's. Fills in at most count of them.
 */
CORO_API size_t coro_group_errors(const struct coro_group *group, int *ret, size_t count);

/* Frees a group after coro_group_join: 0; -EBUSY before. NULL is fine. */
CORO_API int coro_group_destroy(struct coro_group *group);

CORO_END_DECLS

#endif
