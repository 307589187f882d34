/* SPDX-License-Identifier: MIT */
/*
 * Groups of tasks that end together.
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
 * coro_group_end waits for all tasks of the group. When one fails, the others are cancelled, and so
 * is the body of the group: what its owner does between creating and ending it. Groups follow
 * asyncio.TaskGroup.
 */
#ifndef CORO_GROUP_H
#define CORO_GROUP_H

#include <coro/task.h>

CORO_BEGIN_DECLS

/* A group of tasks. */
struct coro_group;

/*
 * Creates a group. The calling task owns it and has to end it. A group that is created in a
 * generator is ended there, whichever task resumes the generator then. Debug mode reports a group
 * that is not ended by its task's end. Returns 0, -EINVAL, -ENOMEM, or -EPERM outside of tasks.
 */
#define coro_group_create(...) /* (struct coro_group **ret) */ \
	coro_group_create_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_group_create. */
CORO_MUST_CHECK CORO_API int coro_group_create_at(const char *site, struct coro_group **ret);

/*
 * A flag of struct coro_group_options: a task that fails does not cancel the others and the body.
 * Its error is still the result of coro_group_end. Like the supervisors of trio and Kotlin.
 */
#define CORO_GROUP_INDEPENDENT (1U << 29)

/* Options of a group. */
struct coro_group_options {
	size_t limit; /* the most tasks that run at once; 0 for no limit */
	unsigned flags;
};

/*
 * Creates a group as coro_group_create does, with options, or NULL for the defaults. While as many
 * tasks run as the limit allows, spawning another waits until one ends.
 */
#define coro_group_create_with(...) /* (const struct coro_group_options *options, \
					struct coro_group **ret) */ \
	coro_group_create_with_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_group_create_with. */
CORO_MUST_CHECK CORO_API int coro_group_create_with_at(const char *site,
						       const struct coro_group_options *options,
						       struct coro_group **ret);

/*
 * Spawns a task in the group. ret is as for coro_spawn. The tasks of a group may spawn others in
 * it. The call suspends its caller only where the group has a limit.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -ESHUTDOWN  the group cancels its tasks, or was joined
 *   -ECANCELED  the caller was cancelled while it waited under the limit
 *   -EAGAIN     the group is full, and the caller is not in a task, where it could wait
 *   -EPERM      no loop runs, or another than the group's
 *
 * Like group.create_task.
 */
#define coro_group_spawn(...) /* (struct coro_group *group, coro_fn *fn, void *arg, \
				  struct coro_future **ret) */ \
	coro_group_spawn_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_group_spawn. */
CORO_MUST_CHECK CORO_API int coro_group_spawn_at(const char *site, struct coro_group *group,
						 coro_fn *fn, void *arg, struct coro_future **ret);

/*
 * Spawns a task in the group, with the options of coro_loop_spawn. Returns what coro_group_spawn
 * does.
 */
CORO_MUST_CHECK CORO_API int coro_group_spawn_with(struct coro_group *group,
						   const struct coro_options *options, coro_fn *fn,
						   void *arg, struct coro_future **ret);

/* Spawns a task in the group, with a copy of its argument as coro_spawn_copy makes it. */
#define coro_group_spawn_copy(...) /* (struct coro_group *group, coro_fn *fn, const void *arg, \
				       size_t size, struct coro_future **ret) */ \
	coro_group_spawn_copy_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_group_spawn_copy. */
CORO_MUST_CHECK CORO_API int coro_group_spawn_copy_at(const char *site, struct coro_group *group,
						      coro_fn *fn, const void *arg, size_t size,
						      struct coro_future **ret);

/*
 * Spawns a task and waits until it calls coro_started, which makes it a member of the group: a
 * server, for instance, when it listens. *value is what the task gave to coro_started. value and
 * ret may be NULL. If the caller is cancelled, so is the task; the call still waits until the task
 * ends or calls coro_started.
 *
 * Returns 0, the errors of coro_group_spawn, or
 *
 *   < 0              the task failed with this code before it called coro_started
 *   CORO_INCOMPLETE  the task ended without an error and without coro_started
 *   -ECANCELED       the caller was cancelled
 *   -EPERM           the caller is not in a task
 *
 * Like nursery.start of trio.
 */
#define coro_group_start(...) /* (struct coro_group *group, coro_fn *fn, void *arg, \
				  void **value, struct coro_future **ret) */ \
	coro_group_start_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_group_start. */
coro_async CORO_MUST_CHECK CORO_API int coro_group_start_at(const char *site,
							    struct coro_group *group, coro_fn *fn,
							    void *arg, void **value,
							    struct coro_future **ret);

/*
 * Tells coro_group_start that the calling task is ready, and gives it a value.
 *
 * Returns 0, or
 *
 *   -EALREADY  the task has called it before
 *   -EPERM     the task was not spawned by coro_group_start
 *
 * Like task_status.started of trio.
 */
CORO_API int coro_started(void *value);

/*
 * Ends the group early, without an error: cancels its tasks and its body. If nothing fails then,
 * coro_group_end returns what the body returned, and 0 in place of -ECANCELED. It may be called in
 * a task or a callback; a second call does nothing. Returns 0, -EINVAL or -EPERM. Like
 * TaskGroup.cancel.
 */
CORO_MUST_CHECK CORO_API int coro_group_cancel(struct coro_group *group);

/*
 * Waits for all tasks of the group, and frees it. The owner calls it, with the status of the body.
 * A negative status cancels the tasks. In a generator that is destroyed outside of all tasks the
 * call does not wait: the tasks are cancelled, and the group is freed with the last of them.
 *
 * Returns status, or
 *
 *   < 0         the error of the first task that failed, whatever status is
 *   -ECANCELED  the owner was cancelled by others. If a task failed too, its error is returned, and
 *               the owner's next wait is cancelled
 *   -EPERM      the caller is not the owner
 *   -EINVAL     group is NULL
 */
coro_async CORO_MUST_CHECK CORO_API int coro_group_end(struct coro_group *group, int status);

/*
 * Waits for all tasks as coro_group_end does, but keeps the group, for coro_group_errors. Returns
 * what coro_group_end does, or -EALREADY if it was joined before.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_group_join(struct coro_group *group, int status);

/*
 * Gets the errors: those of tasks in the order in which they failed; after coro_group_join also the
 * body's, which comes last. ret has room for count. Returns how many there are, which may be more
 * than count. Like ExceptionGroup.exceptions.
 */
CORO_API size_t coro_group_errors(const struct coro_group *group, int *ret, size_t count);

/*
 * Frees a group after coro_group_join. NULL is allowed. Returns 0, -EBUSY before coro_group_join,
 * or -EPERM if the caller is not the owner.
 */
CORO_API int coro_group_destroy(struct coro_group *group);

CORO_END_DECLS

#endif
