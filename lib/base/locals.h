/* SPDX-License-Identifier: MIT */
/*
 * Sets of values, each under a key: what a task inherits and may change for itself. A set is shared
 * by reference, and copied when one of those who share it changes it. NULL is the empty set.
 *
 * A set belongs to one thread: its count of references is no atomic one.
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

/* Frees it; for locals_unref. */
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

/* The value under the key, or `otherwise`. */
void *locals_get(const struct locals *locals, const void *key, void *otherwise);

/* Has the holder of *locals see that value under the key, and nobody else. -ENOMEM. */
int locals_set(struct locals **locals, const void *key, void *value);

/* A set with the same values that is shared with nobody: for another thread. -ENOMEM. */
int locals_copy(const struct locals *locals, struct locals **ret);

#endif
