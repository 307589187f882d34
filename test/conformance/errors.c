/* SPDX-License-Identifier: MIT */
/* Errors are words in the program, and codes in the library. */
#include "interpreter.h"

#include <errno.h>
#include <string.h>

int error_code(struct machine *machine, const char *name)
{
	int *code = table_get(&machine->errors, name);
	if (code)
		return *code;
	int count = 0;
	for (struct entry *entry = machine->errors.first; entry; entry = entry->next)
		count++;
	code = arena_take(&machine->program->arena, sizeof(*code));
	*code = CORO_USER_ERROR - count;
	table_set(&machine->errors, &machine->program->arena, name, code);
	return *code;
}

const char *error_name(const struct machine *machine, int error)
{
	for (struct entry *entry = machine->errors.first; entry; entry = entry->next)
		if (*(int *)entry->value == error)
			return entry->name;
	switch (error) {
	case -ECANCELED:
		return "cancelled";
	case -ETIMEDOUT:
		return "timeout";
	case -EALREADY:
		return "invalidstate";
	case -EPIPE:
		return "broken";
	case CORO_EXIT:
		return "exit";
	case -EPERM:
	case -EINVAL:
	case -EBUSY:
	case -EDEADLK:
	case -EOVERFLOW:
	case -ESHUTDOWN:
	case -EPROTO:
		return "misuse";
	}
	return coro_strerror(error);
}
