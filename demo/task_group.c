/* SPDX-License-Identifier: MIT */
/*
 * A task group: coro_group_end waits for all tasks of the group. The first failure cancels the
 * others.
 */
#include <coro.h>

#include <errno.h>
#include <stdio.h>

struct part {
	const char *name;
	int64_t takes;
	bool broken;
};

/* A task for each part. */
static coro_async int build(void *arg)
{
	const struct part *part = arg;
	int r = coro_sleep(part->takes);
	if (r == -ECANCELED)
		printf("  %s: not needed any more\n", part->name);
	if (r < 0)
		return r;
	if (part->broken)
		return coro_raise(-EIO, "%s broke", part->name);
	printf("  %s: built\n", part->name);
	return 0;
}

static coro_async int build_all(struct part *parts, int count)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	for (int i = 0; r == 0 && i < count; i++)
		r = coro_group_spawn_copy(group, build, &parts[i], sizeof(parts[i]), NULL);
	r = coro_group_end(group, r);
	printf("%s\n", r < 0 ? coro_message(r) : "all built");
	return r;
}

static coro_async int program(void *arg)
{
	struct part parts[] = {
		{"engine", 30 * CORO_MSEC, false},
		{"wheels", 10 * CORO_MSEC, false},
		{"doors", 20 * CORO_MSEC, false},
	};
	int r = build_all(parts, 3);
	if (r < 0)
		return r;
	parts[2].broken = true;
	return build_all(parts, 3) == -EIO ? 0 : -EPROTO;
}

int main(void)
{
	const struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_run_with(&options, program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
