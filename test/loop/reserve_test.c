/* SPDX-License-Identifier: MIT */
/* What tasks, futures, groups, timeouts and callbacks reserve in a loop: see room.h. */
#include "room.h"

static void nothing(void *arg)
{
}

static int sleeps(void *arg)
{
	return coro_sleep((int64_t)(intptr_t)arg);
}

static int fails(void *arg)
{
	return -EIO;
}

/* Spawns tasks that sleep 1, 2, 3 ... Those that are not made are NULL. */
static int spawn_sleepers(struct coro_future **tasks, int count)
{
	int r = 0;
	for (int i = 0; i < count; i++)
		tasks[i] = NULL;
	for (int i = 0; i < count && r == 0; i++)
		r = coro_spawn(sleeps, (void *)(intptr_t)(i + 1), &tasks[i]);
	return r;
}

static void drop(struct coro_future **tasks, int count)
{
	for (int i = 0; i < count; i++)
		coro_future_unref(tasks[i]);
}

enum { TASKS = 20 };

static int waits(void *arg)
{
	struct coro_future *tasks[TASKS];
	int r = spawn_sleepers(tasks, TASKS);
	if (r == 0)
		r = coro_wait(tasks, TASKS, CORO_ALL_COMPLETED, 5);
	if (r >= 0)
		r = coro_wait(tasks, 3, CORO_FIRST_COMPLETED, 100);
	if (r >= 0)
		r = coro_wait(tasks, TASKS, CORO_FIRST_EXCEPTION, CORO_FOREVER);
	drop(tasks, TASKS);
	return r < 0 ? r : 0;
}

/* Futures that are named twice. */
static int waits_twice(void *arg)
{
	struct coro_future *tasks[TASKS];
	void *done;
	int r = spawn_sleepers(tasks, TASKS / 2);
	if (r < 0) {
		drop(tasks, TASKS / 2);
		return r;
	}
	for (int i = 0; i < TASKS / 2; i++)
		tasks[TASKS / 2 + i] = tasks[i];
	r = coro_gather(tasks, TASKS, NULL);
	if (r == 0) {
		struct coro_iterator *it = coro_as_completed(tasks, TASKS, CORO_FOREVER);
		while ((r = coro_iter_next(it, &done)) > 0)
			;
		int closed = coro_iter_close(it);
		r = r < 0 ? r : closed;
	}
	drop(tasks, TASKS / 2);
	return r;
}

static int waits_for(void *arg)
{
	struct coro_future *tasks[3];
	int r = spawn_sleepers(tasks, 3);
	if (r == 0)
		r = coro_wait_for(tasks[0], 10, NULL);
	if (r == 0)
		r = coro_wait_for(tasks[2], 1, NULL);
	if (r == -ETIMEDOUT)
		r = coro_wait_for(tasks[1], 0, NULL);
	drop(tasks, 3);
	return r == -ETIMEDOUT ? 0 : r;
}

/* A timeout of that delay around a sleep of 5. */
static int times_out(int64_t delay, int64_t then)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, delay);
	if (r < 0)
		return r;
	coro_timeout_reschedule(&timeout, then);
	r = coro_timeout_end(&timeout, coro_sleep(5));
	return r == -ETIMEDOUT ? 0 : r;
}

static int timeouts(void *arg)
{
	int64_t now = coro_loop_time(coro_running_loop());
	int r = times_out(CORO_FOREVER, CORO_FOREVER);
	if (r == 0)
		r = times_out(0, CORO_FOREVER);
	if (r == 0)
		r = times_out(100, 0);
	if (r == 0)
		r = times_out(1, now + 1000);
	if (r == 0)
		r = coro_within(3, sleeps, (void *)1);
	if (r == 0)
		r = coro_within(1, sleeps, (void *)3);
	return r == -ETIMEDOUT ? 0 : r;
}

/* In a single turn: each leaves an empty place in the ready queue. */
static int many_timeouts(void *arg)
{
	struct coro_timeout timeout;
	int r = 0;
	for (int i = 0; i < 300 && r == 0; i++) {
		r = coro_timeout_begin(&timeout, 0);
		if (r == 0)
			r = coro_timeout_end(&timeout, 0);
	}
	return r;
}

static int yields_inside_a_timeout(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 100);
	if (r < 0)
		return r;
	r = coro_yield(NULL, NULL);
	return coro_timeout_end(&timeout, r);
}

/* The timeout of a generator holds the task, until it is ended. */
static int timeouts_of_a_generator(void *arg)
{
	struct coro *generator;
	unsigned before = (unsigned)coro_current_task()->refs;
	int r = coro_create(yields_inside_a_timeout, NULL, &generator);
	if (r < 0)
		return r;
	r = coro_next(generator, NULL);
	bool held = (unsigned)coro_current_task()->refs == before + 1;
	int closed = coro_destroy(generator);
	if (r < 0)
		return r;
	return closed == 0 && held && (unsigned)coro_current_task()->refs == before ? 0 : -EIO;
}

/* A timeout on the stack of a task that does not end it. */
static int forgets_a_timeout(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 100);
	return r < 0 ? r : coro_sleep(1);
}

static int shields(void *arg)
{
	struct coro_shield_scope scope;
	int r = coro_shield_begin(&scope, 3);
	if (r < 0)
		return r;
	r = coro_shield_end(&scope, coro_sleep(5));
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	r = coro_shield_begin(&scope, CORO_FOREVER);
	return r < 0 ? r : coro_shield_end(&scope, coro_sleep(1));
}

static int shields_a_future(void *arg)
{
	struct coro_future *task[1];
	int r = spawn_sleepers(task, 1);
	if (r == 0)
		r = coro_shield(task[0], NULL);
	drop(task, 1);
	return r;
}

static int future_callbacks(void *arg)
{
	struct coro_future *future;
	int r = coro_future_create(coro_running_loop(), &future);
	if (r < 0)
		return r;
	for (intptr_t i = 0; i < 6 && r == 0; i++)
		r = coro_future_add_done_callback(future, nothing, (void *)(i % 3));
	coro_future_remove_done_callback(future, nothing, (void *)1);
	if (r == 0)
		r = coro_future_set_result(future, NULL);
	if (r == 0)
		r = coro_future_add_done_callback(future, nothing, NULL);
	coro_future_remove_done_callback(future, nothing, (void *)2);
	coro_future_unref(future);
	int slept = coro_sleep(1);
	return r < 0 ? r : slept;
}

static int gathers(void *arg)
{
	struct coro_future *tasks[TASKS];
	int r = spawn_sleepers(tasks, TASKS);
	if (r == 0)
		r = coro_gather(tasks, TASKS, NULL);
	drop(tasks, TASKS);
	return r;
}

static int gathers_a_failure(void *arg)
{
	struct coro_future *tasks[4];
	int r = spawn_sleepers(tasks, 3);
	tasks[3] = NULL;
	if (r == 0)
		r = coro_spawn(fails, NULL, &tasks[3]);
	if (r == 0)
		r = coro_gather(tasks, 4, NULL);
	if (r == -EIO)
		r = coro_gather_all(tasks, 4, NULL);
	drop(tasks, 4);
	return r;
}

/* Takes so many of those that complete. */
static int completes(int wanted, int64_t timeout)
{
	struct coro_future *tasks[TASKS];
	void *done;
	int r = spawn_sleepers(tasks, TASKS);
	if (r == 0) {
		struct coro_iterator *it = coro_as_completed(tasks, TASKS, timeout);
		while (wanted-- > 0 && (r = coro_iter_next(it, &done)) > 0)
			;
		int closed = coro_iter_close(it);
		r = r < 0 ? r : closed < 0 ? closed : 0;
	}
	drop(tasks, TASKS);
	return r == -ETIMEDOUT ? 0 : r;
}

static int as_completed(void *arg)
{
	int r = completes(TASKS + 1, CORO_FOREVER);
	if (r == 0)
		r = completes(5, CORO_FOREVER);
	if (r == 0)
		r = completes(0, CORO_FOREVER);
	return r == 0 ? completes(TASKS, 5) : r;
}

static int starts(void *arg)
{
	int r = coro_sleep(1);
	if (r == 0 && arg)
		r = coro_started(arg);
	return r < 0 ? r : coro_sleep(1);
}

static int starts_in_vain(void *arg)
{
	int r = coro_sleep(1);
	return r < 0 ? r : -EIO;
}

static int groups(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	for (intptr_t i = 0; i < 5 && r == 0; i++)
		r = coro_group_spawn(group, sleeps, (void *)i, NULL);
	if (r == 0)
		r = coro_group_start(group, starts, "started", NULL, NULL);
	return coro_group_end(group, r);
}

static int groups_that_fail(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create_with(&(struct coro_group_options){.limit = 2}, &group);
	if (r < 0)
		return r;
	for (intptr_t i = 0; i < 5 && r == 0; i++)
		r = coro_group_spawn(group, sleeps, (void *)i, NULL);
	if (r == 0)
		r = coro_group_start(group, starts_in_vain, NULL, NULL, NULL);
	r = coro_group_end(group, r);
	return r == -EIO ? 0 : r;
}

static int handles(void *arg)
{
	struct coro_loop *here = coro_running_loop();
	struct coro_handle *soon = NULL, *later = NULL;
	int r = coro_call_soon(here, nothing, NULL, &soon);
	if (r == 0)
		r = coro_call_later(here, 5, nothing, NULL, &later);
	if (r == 0)
		r = coro_call_later(here, 2, nothing, NULL, NULL);
	if (r == 0)
		r = coro_handle_cancel(later);
	if (r == 0 && arg)
		r = coro_handle_cancel(soon);
	coro_handle_unref(soon);
	coro_handle_unref(later);
	int slept = coro_sleep(10);
	return r < 0 ? r : slept;
}

static int cancelled_handles(void *arg)
{
	return handles("too");
}

/* Tasks that are cancelled before they start, in a sleep, and when they have ended. */
static int cancels(void *arg)
{
	struct coro_future *tasks[3];
	int r = spawn_sleepers(tasks, 3);
	if (r == 0)
		coro_cancel(tasks[0]);
	if (r == 0)
		r = coro_sleep(2);
	if (r == 0)
		coro_cancel(tasks[2]);
	if (r == 0)
		r = coro_gather_all(tasks, 3, NULL);
	drop(tasks, 3);
	return r;
}

static int spawns_eagerly(void *arg)
{
	struct coro_options eager = {.flags = CORO_EAGER_START};
	int r = coro_loop_spawn(coro_running_loop(), &eager, sleeps, (void *)1, NULL);
	if (r == 0)
		r = coro_loop_spawn(coro_running_loop(), &eager, fails, NULL, NULL);
	return r < 0 ? r : coro_sleep(2);
}

static const struct {
	const char *name;
	coro_fn *fn;
} programs[] = {
	{"waits", waits},
	{"waits_for", waits_for},
	{"waits_twice", waits_twice},
	{"timeouts", timeouts},
	{"many_timeouts", many_timeouts},
	{"timeouts_of_a_generator", timeouts_of_a_generator},
	{"forgets_a_timeout", forgets_a_timeout},
	{"shields", shields},
	{"shields_a_future", shields_a_future},
	{"future_callbacks", future_callbacks},
	{"gathers", gathers},
	{"gathers_a_failure", gathers_a_failure},
	{"as_completed", as_completed},
	{"groups", groups},
	{"groups_that_fail", groups_that_fail},
	{"handles", handles},
	{"cancelled_handles", cancelled_handles},
	{"cancels", cancels},
	{"spawns_eagerly", spawns_eagerly},
};

enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

START_TEST(what_is_reserved_is_given_back)
{
	assert_gives_back(programs[_i].name, programs[_i].fn);
}
END_TEST

START_TEST(what_is_reserved_is_given_back_without_memory)
{
	assert_gives_back_without_memory(programs[_i].name, programs[_i].fn);
}
END_TEST

/* Tasks that have ended leave room that a new task is made in without a call, if it suffices. */
static int spawns_between_calls(void *arg)
{
	struct coro_handle *handles[300];
	struct coro_future *tasks[40];
	int calls = *(int *)arg, r = 0;
	for (int i = 0; i < calls && r == 0; i++)
		r = coro_call_later(loop, 5, nothing, NULL, &handles[i]);
	for (int i = 0; i < 40 && r == 0; i++) {
		r = coro_spawn(sleeps, (void *)1, &tasks[i]);
		assert_room();
	}
	drop(tasks, 40);
	for (int i = 0; i < calls; i++)
		coro_handle_unref(handles[i]);
	return r < 0 ? r : coro_sleep(10); /* which reserves nothing that would hide it */
}

START_TEST(spawned_tasks_have_room_however_full_it_is)
{
	for (int calls = 0; calls < 300; calls++)
		ck_assert_int_eq(result_of(spawns_between_calls, &calls), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_loop_test(tests, what_is_reserved_is_given_back, 0, PROGRAMS);
	tcase_add_loop_test(tests, what_is_reserved_is_given_back_without_memory, 0, PROGRAMS);
	tcase_add_test(tests, spawned_tasks_have_room_however_full_it_is);
}

TEST_MAIN("reserve", add)
