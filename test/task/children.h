/* SPDX-License-Identifier: MIT */
/* Children that sleep and end in some way, for those who wait for several. */
#ifndef TEST_TASK_CHILDREN_H
#define TEST_TASK_CHILDREN_H

#include "tasks.h"

static int values[200];

/* A task that sleeps, and then ends in some way. */
struct sleeper {
	int64_t sleeps;
	int status;
	void *value;
	int64_t cleanup; /* how long that takes when it is cancelled */
	bool refuses;    /* to be cancelled: ends as if it had not been */
};

static inline int sleeper(void *arg)
{
	struct sleeper *this = arg;
	int r = coro_sleep(this->sleeps);
	if (r < 0 && this->cleanup)
		coro_sleep(this->cleanup);
	if (r < 0 && !this->refuses)
		return r;
	if (this->status < 0)
		return coro_raise(this->status, "after %d", (int)this->sleeps);
	coro_return(this->value);
	return this->status;
}

/* A test's children, and those who wait for them in all. */
static struct coro_future *children[200];
static size_t count;
static struct coro_result results[200];

#define spawn_children(...)                                                  \
	do {                                                                 \
		static struct sleeper all[] = {__VA_ARGS__};                 \
		for (count = 0; count < sizeof(all) / sizeof(*all); count++) \
			children[count] = spawn(sleeper, &all[count]);       \
	} while (0)

static inline void make_futures(size_t number)
{
	for (count = 0; count < number; count++)
		children[count] = make_future();
}

static inline void drop_children(void)
{
	while (count > 0)
		coro_future_unref(children[--count]);
}

static inline void assert_child(size_t i, int expected)
{
	ck_assert(coro_future_done(children[i]));
	ck_assert_int_eq(coro_future_result(children[i], NULL), expected);
}

/* What the results of a gather hold before. */
static inline void mark_results(void)
{
	for (size_t i = 0; i < 200; i++)
		results[i] = (struct coro_result){77, &results[i]};
}

static inline bool results_untouched(void)
{
	for (size_t i = 0; i < 200; i++)
		if (results[i].status != 77 || results[i].value != &results[i])
			return false;
	return true;
}

static inline int is_cancelled_before(void *fn)
{
	cancel(coro_current_task());
	return ((coro_fn *)(intptr_t)fn)(NULL);
}

#endif
