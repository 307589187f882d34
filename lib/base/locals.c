/* SPDX-License-Identifier: MIT */
#include "base/locals.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void locals_free(struct locals *locals)
{
	free(locals);
}

static struct local_value *find(const struct locals *locals, const void *key)
{
	size_t count = locals ? locals->count : 0;
	for (size_t i = 0; i < count; i++)
		if (locals->values[i].key == key)
			return (struct local_value *)&locals->values[i];
	return NULL;
}

void *locals_get(const struct locals *locals, const void *key, void *otherwise)
{
	const struct local_value *found = find(locals, key);
	return found ? found->value : otherwise;
}

static size_t bytes(size_t count)
{
	return sizeof(struct locals) + count * sizeof(struct local_value);
}

/* Returns a copy with room for that number of values and one reference, or NULL without memory. */
static struct locals *copy_with_room(const struct locals *locals, size_t room)
{
	struct locals *copy = memory_alloc(bytes(room));
	if (!copy)
		return NULL;
	if (locals)
		memcpy(copy, locals, bytes(locals->count));
	else
		copy->count = 0;
	copy->refs = 1;
	return copy;
}

int locals_set(struct locals **locals, const void *key, void *value)
{
	struct locals *now = *locals;
	struct local_value *found = find(now, key);
	size_t count = now ? now->count : 0, room = found ? count : count + 1;
	if (now && now->refs == 1) {
		if (!found)
			now = memory_resize(now, bytes(room));
	} else {
		now = copy_with_room(now, room);
		if (now)
			locals_unref(*locals);
	}
	if (!now)
		return -ENOMEM;
	*locals = now;
	now->count = room;
	found = found ? find(now, key) : &now->values[count];
	*found = (struct local_value){key, value};
	return 0;
}

int locals_copy(const struct locals *locals, struct locals **ret)
{
	struct locals *copy = NULL;
	if (locals) {
		copy = copy_with_room(locals, locals->count);
		if (!copy)
			return -ENOMEM;
	}
	*ret = copy;
	return 0;
}
