/* SPDX-License-Identifier: MIT */
#include "loop/environment.h"

#include "base/pieces.h"
#include "sched/fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

bool environment_switch(const char *name, bool usual)
{
	const char *text = getenv(name);
	return text && *text ? strcmp(text, "0") != 0 : usual;
}

static void report_wrong(const char *name, const char *text, const char *what)
{
	struct pieces report = {.count = 0};
	pieces_add(&report, "coro: ");
	pieces_add(&report, name);
	pieces_add(&report, "=");
	pieces_add(&report, text);
	pieces_add(&report, what);
	pieces_write(&report);
}

static uint64_t number(const char *name, atomic_flag *told)
{
	const char *text = getenv(name);
	if (!text || !*text)
		return 0;
	int before = errno;
	errno = 0;
	uint64_t value = strtoull(text, NULL, 10);
	bool right = text[strspn(text, "0123456789")] == '\0' && errno == 0;
	errno = before;
	if (right)
		return value;
	if (!atomic_flag_test_and_set(told))
		report_wrong(name, text, " is no number of 64 bits\n");
	return 0;
}

uint64_t environment_seed(void)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	return number("CORO_SEED", &told);
}

uint64_t environment_turns(void)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	return number("CORO_TURNS", &told);
}

struct faults *environment_faults(uint64_t seed)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	const char *text = getenv("CORO_FAULTS"), *wrong = NULL;
	struct faults *faults = NULL;
	if (text && *text && faults_create(text, seed, &faults, &wrong) == -EINVAL &&
	    !atomic_flag_test_and_set(&told))
		report_wrong("CORO_FAULTS", wrong, ": no rule begins there\n");
	return faults;
}
