/* SPDX-License-Identifier: MIT */
/*
 * Sets of values by key, which a task inherits and may change for itself. Tasks share a set by
 * reference; a task that changes a shared set gets a copy. NULL is the empty set.
 *
 * A set belongs to one thread, since its reference count is not atomic.
 */
#ifndef BASE_LOCALS_H
#define BASE_LOCALS_H

#include <stddef.h>

struct locals {
	size_t refs, count;
	struct local_value {
		const void *key;
		void *value;
	} values[];
};

/* Frees a set. Only for locals_unref. */
void locals_free(struct locals *locals);

static inline struct locals *locals_ref(struct locals *locals)
{
	if (locals)
		locals->refs++;
	return locals;
}

static inline void locals_unref(struct locals *locals)
{
	if (locals && --locals->refs == 0)
		locals_free(locals);
}

/* Returns the value under the key, or `otherwise` if there is none. */
void *locals_get(const struct locals *locals, const void *key, void *otherwise);

/* Sets a value for the owner of *locals only, and copies a shared set. Returns 0 or -ENOMEM. */
int locals_set(struct locals **locals, const void *key, void *value);

/* Makes an unshared set with the same values, for another thread. Returns 0 or -ENOMEM. */
int locals_copy(const struct locals *locals, struct locals **ret);

#endif
