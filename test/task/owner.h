/* SPDX-License-Identifier: MIT */
/* A group, its members, and a task that owns it. */
#ifndef TEST_TASK_OWNER_H
#define TEST_TASK_OWNER_H

#include "tasks.h"

static struct coro_group *group;

/* A task that sleeps, says its name, and ends in some way. */
struct member {
	const char *name;
	int64_t sleeps;
	int status;
	int64_t cleanup;       /* how long that takes when it is cancelled */
	int status_of_cleanup; /* 0: it is cancelled */
};

static inline int member(void *arg)
{
	const struct member *this = arg;
	int r = coro_sleep(this->sleeps);
	if (r < 0 && this->cleanup)
		coro_sleep(this->cleanup);
	trace("%s%s", this->name, r < 0 ? "!" : "");
	if (r < 0)
		return this->status_of_cleanup ? this->status_of_cleanup : r;
	return this->status < 0 ? coro_raise(this->status, "%s failed", this->name) : this->status;
}

/* A task that owns a group, and what its body does. */
struct owner {
	const struct member *members;
	int64_t sleeps; /* -1: it does not wait */
	int status;     /* of its body; 0: that of its sleep */
	int64_t cleanup;
	bool swallows; /* its cancellation */
};

static int errors[8];
static size_t error_count;

static inline int owner(void *arg)
{
	const struct owner *this = arg;
	ck_assert_int_eq(coro_group_create(&group), 0);
	for (const struct member *m = this->members; m && m->name; m++)
		ck_assert_int_eq(coro_group_spawn(group, member, (void *)m, NULL), 0);
	int r = this->sleeps < 0 ? 0 : coro_sleep(this->sleeps);
	trace("body%s", r < 0 ? "!" : "");
	if (r < 0 && this->cleanup)
		ck_assert_int_eq(coro_sleep(this->cleanup), 0);
	if (this->status || this->swallows)
		r = this->status < 0 ? coro_raise(this->status, "the body failed") : this->status;
	error_count = coro_group_errors(group, errors, 8);
	r = coro_group_end(group, r);
	group = NULL;
	trace("end");
	return r;
}

#define MEMBERS(...)                 \
	(const struct member[])      \
	{                            \
		__VA_ARGS__,         \
		{                    \
			.name = NULL \
		}                    \
	}

/* The result of a group with such members and such a body. */
static inline struct coro_future *spawn_owner(const struct owner *this)
{
	return spawn(owner, (void *)this);
}

/* The owner's task is done: its result, its message, and how many requests to cancel are left. */
#define assert_owner(task, expected, words, requests)                       \
	do {                                                                \
		ck_assert_int_eq(coro_task_cancelling(task), requests);     \
		if (coro_future_message(task))                              \
			ck_assert_str_eq(coro_future_message(task), words); \
		assert_ended(task, expected);                               \
	} while (0)

static inline const char *word_of(int r)
{
	return r == 0            ? "ok"
	       : r == -EIO       ? "io"
	       : r == -EPROTO    ? "proto"
	       : r == -ECANCELED ? "cancelled"
				 : "?";
}

#endif
