/* SPDX-License-Identifier: MIT */
#include "task/argument.h"

#include "base/memory.h"
#include "core/coroutine.h"
#include "core/fail.h"
#include "coro/group.h"
#include "coro/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct copy {
	coro_fn *fn;
	size_t size;
	_Alignas(max_align_t) char bytes[];
};

/* Makes the argument for a task that runs copy_run. */
static int copy_create(coro_fn *fn, const void *arg, size_t size, void **ret)
{
	if (!fn || (!arg && size > 0) || size > CORO_COPY_MOST)
		return fail_with(-EINVAL, "coro_spawn_copy: fn or arg is NULL, or size too large");
	struct copy *copy = memory_alloc(sizeof(*copy) + size);
	if (!copy)
		return fail_code(-ENOMEM);
	copy->fn = fn;
	copy->size = size;
	if (size > 0)
		memcpy(copy->bytes, arg, size);
	*ret = copy;
	return 0;
}

/* Moves the bytes to the task's stack, which is freed however the task ends. */
static int copy_run(void *arg)
{
	struct copy *copy = arg;
	coro_fn *fn = copy->fn;
	enum { BITS = 8 };
	void *bytes = __builtin_alloca_with_align(copy->size + 1, BITS * _Alignof(max_align_t));
	memcpy(bytes, copy->bytes, copy->size);
	free(copy);
	return fn(bytes);
}

void copy_drop(const struct coro *co)
{
	if (co->fn == copy_run)
		free(co->arg);
}

int coro_spawn_copy_at(const char *site, coro_fn *fn, const void *arg, size_t size,
		       struct coro_future **ret)
{
	void *copy;
	int r = copy_create(fn, arg, size, &copy);
	if (r < 0)
		return r;
	r = coro_spawn_at(site, copy_run, copy, ret);
	if (r < 0)
		free(copy);
	return r;
}

int coro_group_spawn_copy_at(const char *site, struct coro_group *group, coro_fn *fn,
			     const void *arg, size_t size, struct coro_future **ret)
{
	void *copy;
	int r = copy_create(fn, arg, size, &copy);
	if (r < 0)
		return r;
	r = coro_group_spawn_at(site, group, copy_run, copy, ret);
	if (r < 0)
		free(copy);
	return r;
}
