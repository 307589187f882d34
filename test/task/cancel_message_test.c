/* SPDX-License-Identifier: MIT */
/* The message of a cancellation: which tasks get it, and which message counts. */
#include "tasks.h"

static struct coro_future *future;

static void setup(void)
{
	loop_setup();
	future = make_future();
}

static void teardown(void)
{
	coro_future_unref(future);
	loop_teardown();
}

/* Traces what it received, by the name that its argument has. */
static int tell(const char *name, int r)
{
	trace("%s:%s", name,
	      r == 0            ? "fine"
	      : r == -ECANCELED ? coro_message(r)
				: coro_strerror(r));
	return r;
}

static int sleeps(void *name)
{
	return tell(name, coro_sleep(100));
}

static int yields(void *name)
{
	return tell(name, coro_task_yield());
}

static int awaits(void *name)
{
	return tell(name, coro_await(future, NULL));
}

static struct coro_future *inner;

static int awaits_inner(void *name)
{
	return tell(name, coro_await(inner, NULL));
}

static int shields_inner(void *name)
{
	return tell(name, coro_shield(inner, NULL));
}

static int waits_for_inner(void *name)
{
	return tell(name, coro_wait_for(inner, 1000, NULL));
}

static int waits_for_the_future_shortly(void *name)
{
	int r = coro_wait_for(future, 1, NULL);
	trace("%s:%s", (const char *)name, r == 0 ? "fine" : coro_message(r));
	return r;
}

static int waits_inner(void *name)
{
	return tell(name, coro_wait(&inner, 1, CORO_ALL_COMPLETED, CORO_FOREVER));
}

static struct coro_lock lock;

static int locks(void *name)
{
	return tell(name, coro_lock_acquire(&lock));
}

static void cancel_with(struct coro_future *whom, const char *words)
{
	ck_assert_int_eq(coro_cancel_with(whom, "%s", words), 1);
}

/* It was cancelled with this message, and all who ask get it. */
static void assert_cancelled(struct coro_future *whom, const char *words)
{
	ck_assert(coro_future_cancelled(whom));
	ck_assert_str_eq(coro_future_message(whom), words);
	ck_assert_int_eq(coro_future_result(whom, NULL), -ECANCELED);
	ck_assert_str_eq(coro_message(-ECANCELED), words);
}

#define assert_ended_cancelled(whom, words)    \
	do {                                   \
		assert_cancelled(whom, words); \
		coro_future_unref(whom);       \
	} while (0)

static const char *none(void)
{
	return coro_strerror(-ECANCELED);
}

/* ---- where they arrive ---- */

START_TEST(message_arrives_in_the_task_and_where_it_is_awaited)
{
	inner = start(sleeps, "task");
	struct coro_future *first = start(awaits_inner, "first"),
			   *second = start(awaits_inner, "second");
	ck_assert_int_eq(coro_cancel_with(inner, "too %s by %d", "late", 3), 1);
	run();
	ck_assert_trace("task:too late by 3 first:too late by 3 second:too late by 3");
	assert_ended_cancelled(first, "too late by 3");
	assert_ended_cancelled(second, "too late by 3");
	assert_ended_cancelled(inner, "too late by 3");
}
END_TEST

START_TEST(message_of_a_future_reaches_all_who_await_it)
{
	struct coro_future *first = start(awaits, "first"), *second = start(awaits, "second");
	cancel_with(future, "words");
	run();
	ck_assert_trace("first:words second:words");
	assert_ended_cancelled(first, "words");
	assert_ended_cancelled(second, "words");
	assert_cancelled(future, "words");
}
END_TEST

START_TEST(message_goes_down_to_what_is_awaited_and_up_again)
{
	inner = start(awaits, "inner");
	struct coro_future *outer = start(awaits_inner, "outer"), *other = start(awaits, "other");
	cancel_with(outer, "words");
	run();
	ck_assert_trace("inner:words other:words outer:words");
	assert_cancelled(future, "words");
	assert_ended_cancelled(outer, "words");
	assert_ended_cancelled(other, "words");
	assert_ended_cancelled(inner, "words");
}
END_TEST

START_TEST(message_is_copied)
{
	char words[] = "as they were";
	inner = start(sleeps, "task");
	cancel_with(inner, words);
	memset(words, 'x', sizeof(words) - 1);
	run();
	ck_assert_trace("task:as they were");
	assert_ended_cancelled(inner, "as they were");
}
END_TEST

START_TEST(message_arrives_at_a_lock)
{
	coro_lock_init(&lock);
	struct coro_future *holder = start(locks, "holder"), *task = start(locks, "task");
	cancel_with(task, "words");
	run();
	ck_assert_trace("holder:fine task:words");
	assert_ended_cancelled(task, "words");
	coro_future_unref(holder);
}
END_TEST

static int yields_then_ends(void *arg)
{
	int r = coro_yield(arg, NULL);
	return r < 0 ? r : tell("generator", coro_sleep(10));
}

static int runs_a_generator(void *name)
{
	struct coro *generator;
	void *item;
	ck_assert_int_eq(coro_create(yields_then_ends, name, &generator), 0);
	ck_assert_int_eq(coro_next(generator, &item), 1);
	int r = tell(name, coro_next(generator, &item));
	coro_destroy(generator);
	return r;
}

START_TEST(message_arrives_in_a_generator_that_waits)
{
	struct coro_future *task = start(runs_a_generator, "task");
	cancel_with(task, "words");
	run();
	ck_assert_trace("generator:words task:words");
	assert_ended_cancelled(task, "words");
}
END_TEST

START_TEST(request_has_a_place)
{
	inner = start(sleeps, "task");
	ck_assert_int_eq(coro_cancel_with(inner, "words"), 1);
	const char *here = CORO_HERE;
	run();
	ck_assert_trace("task:words");
	const char *origin = coro_future_origin(inner);
	ck_assert_ptr_nonnull(origin);
	/* See the line before. */
	const char *colon = strrchr(here, ':'), *other = strrchr(origin, ':');
	ck_assert_int_eq(atoi(other + 1), atoi(colon + 1) - 1);
	assert_ended_cancelled(inner, "words");
}
END_TEST

/* ---- before it waits ---- */

static int cancels_itself(void *name)
{
	cancel_with(coro_current_task(), "first");
	cancel_with(coro_current_task(), "last");
	return tell(name, coro_sleep(100));
}

static int cancels_itself_and_yields(void *name)
{
	cancel_with(coro_current_task(), "first");
	cancel_with(coro_current_task(), "last");
	return tell(name, coro_task_yield());
}

static int cancels_itself_and_awaits(void *name)
{
	cancel_with(coro_current_task(), "words");
	return tell(name, coro_await(future, NULL));
}

static int cancels_itself_and_ends(void *name)
{
	cancel_with(coro_current_task(), "words");
	return 0;
}

static int cancels_itself_and_fails(void *name)
{
	cancel_with(coro_current_task(), "words");
	return coro_raise(-EIO, "its own");
}

static int cancels_itself_and_is_cancelled_by_its_own(void *name)
{
	cancel_with(coro_current_task(), "words");
	return coro_raise(-ECANCELED, "its own");
}

static int cancels_itself_and_has_second_thoughts(void *name)
{
	cancel_with(coro_current_task(), "words");
	cancel(coro_current_task());
	return tell(name, coro_sleep(100));
}

START_TEST(last_message_before_a_wait_counts)
{
	struct coro_future *task = spawn(sleeps, "task");
	cancel_with(task, "first");
	cancel_with(task, "last");
	struct coro_future *silent = spawn(sleeps, "silent");
	cancel_with(silent, "first");
	cancel(silent);
	struct coro_future *self = spawn(cancels_itself, "self"),
			   *giving_way = spawn(cancels_itself_and_yields, "yields"),
			   *silenced = spawn(cancels_itself_and_has_second_thoughts, "silenced");
	run();
	ck_assert_trace("self:last yields:last silenced:Operation canceled");
	assert_ended_cancelled(task, "last");
	assert_ended_cancelled(silent, none());
	assert_ended_cancelled(self, "last");
	assert_ended_cancelled(giving_way, "last");
	assert_ended_cancelled(silenced, none());
}
END_TEST

START_TEST(message_from_before_reaches_the_awaited_future)
{
	struct coro_future *other = start(awaits, "other"),
			   *task = start(cancels_itself_and_awaits, "self");
	run();
	ck_assert_trace("other:words self:words");
	assert_cancelled(future, "words");
	assert_ended_cancelled(other, "words");
	assert_ended_cancelled(task, "words");
}
END_TEST

START_TEST(task_that_ends_before_it_waits_has_the_requests_message)
{
	struct coro_future *task = start(cancels_itself_and_ends, NULL);
	assert_ended_cancelled(task, "words");
}
END_TEST

START_TEST(failure_of_its_own_has_a_message_of_its_own)
{
	struct coro_future *task = start(cancels_itself_and_fails, NULL);
	ck_assert_str_eq(coro_future_message(task), "its own");
	assert_ended(task, -EIO);
	task = start(cancels_itself_and_is_cancelled_by_its_own, NULL);
	assert_ended_cancelled(task, "its own");
}
END_TEST

/* ---- of several ---- */

START_TEST(wait_that_was_cancelled_keeps_its_message)
{
	struct coro_future *sleeper = start(sleeps, "sleeper"), *waiter = start(awaits, "waiter");
	inner = start(sleeps, "inner");
	struct coro_future *outer = start(awaits_inner, "outer");
	struct coro_future *all[] = {sleeper, waiter, outer};
	for (int i = 0; i < 3; i++) {
		cancel_with(all[i], "first");
		cancel_with(all[i], "last");
	}
	run();
	ck_assert_trace("sleeper:first waiter:first inner:first outer:first");
	for (int i = 0; i < 3; i++)
		assert_ended_cancelled(all[i], "first");
	assert_ended_cancelled(inner, "first");
}
END_TEST

START_TEST(message_of_the_future_counts_before_the_requests)
{
	struct coro_future *task = start(awaits, "task");
	cancel_with(future, "future");
	cancel_with(task, "task");
	run();
	ck_assert_trace("task:future");
	assert_ended_cancelled(task, "future");
}
END_TEST

START_TEST(last_message_counts_if_the_result_had_come)
{
	struct coro_future *waiter = start(awaits, "waiter");
	coro_future_set_result(future, &loop);
	cancel_with(waiter, "first");
	cancel_with(waiter, "last");
	struct coro_future *yielder = start(yields, "yielder");
	ck_assert_trace("waiter:last");
	assert_ended_cancelled(waiter, "last");
	cancel_with(yielder, "first");
	cancel_with(yielder, "last");
	run();
	ck_assert_trace("yielder:last");
	assert_ended_cancelled(yielder, "last");
}
END_TEST

START_TEST(message_replaces_a_failure_that_had_come)
{
	struct coro_future *task = start(awaits, "task");
	coro_future_set_error(future, -EIO);
	cancel_with(task, "words");
	run();
	ck_assert_trace("task:words");
	assert_ended_cancelled(task, "words");
}
END_TEST

static int swallows_one(void *name)
{
	tell(name, coro_sleep(100));
	tell(name, coro_sleep(100));
	tell(name, coro_await(future, NULL));
	return tell(name, coro_task_yield());
}

START_TEST(message_of_an_earlier_request_is_gone)
{
	struct coro_future *task = start(swallows_one, "task");
	cancel_with(task, "words");
	turn();
	cancel(task);
	turn();
	cancel(task);
	turn();
	cancel(task);
	run();
	ck_assert_trace("task:words task:Operation canceled task:Operation canceled "
			"task:Operation canceled");
	assert_ended_cancelled(task, none());
}
END_TEST

/* A task that was cancelled late, and then by its future, has the future's message. */
static int yields_and_awaits(void *name)
{
	tell(name, coro_task_yield());
	return tell(name, coro_await(future, NULL));
}

START_TEST(later_wait_keeps_its_message_though_an_earlier_did_not)
{
	struct coro_future *task = start(yields_and_awaits, "task");
	cancel_with(task, "one");
	cancel_with(task, "two");
	turn();
	cancel_with(task, "three");
	cancel_with(task, "four");
	run();
	ck_assert_trace("task:two task:three");
	assert_ended_cancelled(task, "three");
}
END_TEST

/* ---- several to wait for ---- */

static struct coro_future *children[2];

static int gathers(void *name)
{
	return tell(name, coro_gather(children, 2, NULL));
}

static int gathers_all(void *name)
{
	return tell(name, coro_gather_all(children, 2, NULL));
}

static int swallows(void *name)
{
	tell(name, coro_sleep(100));
	return 0;
}

static int swallows_two(void *name)
{
	swallows(name);
	return tell(name, coro_sleep(100));
}

static int swallows_both(void *name)
{
	swallows(name);
	return swallows(name);
}

static void drop_children(void)
{
	coro_future_unref(children[0]);
	coro_future_unref(children[1]);
}

START_TEST(message_goes_through_a_gather)
{
	children[0] = start(sleeps, "left");
	children[1] = start(sleeps, "right");
	struct coro_future *task = start(gathers, "task");
	cancel_with(task, "words");
	run();
	ck_assert_trace("left:words right:words task:words");
	assert_ended_cancelled(task, "words");
	drop_children();
}
END_TEST

START_TEST(message_of_a_cancelled_child_reaches_the_gatherer)
{
	children[0] = start(sleeps, "left");
	children[1] = start(sleeps, "right");
	struct coro_future *task = start(gathers, "task");
	cancel_with(children[1], "words");
	run();
	ck_assert_trace("right:words task:words left:fine");
	assert_ended_cancelled(task, "words");
	drop_children();
}
END_TEST

START_TEST(gather_has_the_message_of_a_request_that_a_child_swallows)
{
	children[0] = start(sleeps, "left");
	children[1] = start(swallows, "right");
	struct coro_future *task = start(gathers_all, "task");
	cancel_with(task, "words");
	run();
	ck_assert_trace("left:words right:words task:words");
	assert_ended_cancelled(task, "words");
	drop_children();
}
END_TEST

START_TEST(gather_has_the_message_of_the_last_request)
{
	children[0] = start(swallows, "left");
	children[1] = start(swallows_both, "right");
	struct coro_future *task = start(gathers_all, "task");
	cancel_with(task, "first");
	turn();
	cancel_with(task, "second");
	run();
	ck_assert_trace("left:first right:first right:second task:second");
	assert_ended_cancelled(task, "second");
	drop_children();
}
END_TEST

/* In asyncio the gather has the child's message. */
START_TEST(gather_does_not_get_one_childs_message)
{
	children[0] = start(sleeps, "left");
	children[1] = start(swallows_both, "right");
	struct coro_future *task = start(gathers_all, "task");
	cancel(task);
	turn();
	cancel_with(children[1], "words");
	run();
	ck_assert_trace("left:Operation canceled right:Operation canceled right:words "
			"task:Operation canceled");
	assert_ended_cancelled(task, none());
	drop_children();
}
END_TEST

/* However late it was: as in asyncio. */
START_TEST(message_of_the_last_to_end_counts_only_if_named_last)
{
	children[0] = start(swallows_two, "left");
	children[1] = start(sleeps, "right");
	struct coro_future *task = start(gathers_all, "task");
	cancel_with(task, "words");
	turn();
	cancel_with(children[0], "later");
	run();
	ck_assert_trace("left:words right:words left:later task:words");
	assert_ended_cancelled(task, "words");
	drop_children();
}
END_TEST

/* ---- groups ---- */

static int cleans_up(void *name)
{
	tell(name, coro_sleep(100));
	coro_sleep(10);
	return 0;
}

static int has_a_group(void *name)
{
	struct coro_group *group;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, cleans_up, "member", NULL), 0);
	return tell(name, coro_group_end(group, coro_sleep(50)));
}

START_TEST(end_of_a_group_has_the_message_that_cancelled_its_owner)
{
	struct coro_future *task = start(has_a_group, "owner");
	turn();
	cancel_with(task, "first");
	turn();
	turn();
	cancel_with(task, "last");
	run();
	ck_assert_trace("member:Operation canceled owner:first");
	assert_ended_cancelled(task, "first");
}
END_TEST

static void cancel_first(void *task)
{
	cancel_with(task, "first");
}

static void cancel_last(void *task)
{
	cancel_with(task, "last");
}

START_TEST(end_of_a_group_has_the_first_message_of_its_wait)
{
	struct coro_future *task = start(has_a_group, "owner");
	at(60, cancel_first, task);
	at(61, cancel_last, task);
	run();
	ck_assert_trace("member:Operation canceled owner:first");
	assert_ended_cancelled(task, "first");
}
END_TEST

static int fails_in_a_group(void *name)
{
	struct coro_group *group;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, cleans_up, "member", NULL), 0);
	coro_task_yield();
	int r = coro_group_end(group, coro_raise(-EIO, "torn"));
	trace("%s:%s", (const char *)name, r == 0 ? "fine" : coro_message(r));
	return r;
}

START_TEST(message_of_a_failure_outlasts_a_cancel_in_group_end)
{
	struct coro_future *task = start(fails_in_a_group, "owner");
	turn();
	turn();
	cancel_with(task, "words");
	run();
	ck_assert_trace("member:Operation canceled owner:torn");
	ck_assert_str_eq(coro_future_message(task), "torn");
	assert_ended(task, -EIO);
}
END_TEST

START_TEST(message_is_freed_with_an_owner_discarded_in_group_end)
{
	struct coro_future *task = start(fails_in_a_group, "owner");
	turn();
	turn();
	ck_assert(!coro_future_done(task));
	coro_future_unref(task);
	trace_take();
}
END_TEST

START_TEST(message_waits_if_all_children_are_done)
{
	children[0] = children[1] = coro_future_ref(future);
	struct coro_future *task = start(gathers, "task");
	set(future, NULL);
	cancel_with(task, "first");
	cancel_with(task, "last");
	run();
	ck_assert_trace("task:last");
	assert_ended_cancelled(task, "last");
	coro_future_unref(future);
}
END_TEST

START_TEST(shield_keeps_messages_from_what_it_shields)
{
	inner = start(sleeps, "inner");
	struct coro_future *task = start(shields_inner, "task");
	cancel_with(task, "words");
	run();
	ck_assert_trace("task:words inner:fine");
	assert_ended_cancelled(task, "words");
	coro_future_unref(inner);
}
END_TEST

START_TEST(shield_passes_on_the_message_of_what_it_shields)
{
	inner = start(sleeps, "inner");
	struct coro_future *task = start(shields_inner, "task");
	cancel_with(inner, "words");
	run();
	ck_assert_trace("inner:words task:words");
	assert_ended_cancelled(task, "words");
	coro_future_unref(inner);
}
END_TEST

START_TEST(wait_for_cancels_with_the_message)
{
	inner = start(sleeps, "inner");
	struct coro_future *task = start(waits_for_inner, "task");
	cancel_with(task, "words");
	run();
	ck_assert_trace("inner:words task:words");
	assert_ended_cancelled(task, "words");
	coro_future_unref(inner);
}
END_TEST

START_TEST(timeout_has_no_message_of_a_request)
{
	struct coro_future *task = start(waits_for_the_future_shortly, "task");
	run();
	trace_take();
	assert_cancelled(future, none());
	ck_assert_ptr_nonnull(strstr(coro_future_message(task), "timeout of 1 ns begun at "));
	assert_ended(task, -ETIMEDOUT);
}
END_TEST

START_TEST(wait_has_the_message_of_its_request)
{
	inner = start(sleeps, "inner");
	struct coro_future *task = start(waits_inner, "task");
	cancel_with(task, "words");
	run();
	ck_assert_trace("task:words inner:fine");
	assert_ended_cancelled(task, "words");
	coro_future_unref(inner);
}
END_TEST

/* ---- the call ---- */

START_TEST(a_message_is_optional)
{
	inner = start(sleeps, "task");
	ck_assert_int_eq(coro_cancel_with(inner, NULL), 1);
	run();
	ck_assert_trace("task:Operation canceled");
	ck_assert_ptr_null(coro_future_origin(inner));
	assert_ended_cancelled(inner, none());
}
END_TEST

START_TEST(what_is_done_is_not_cancelled)
{
	set(future, NULL);
	ck_assert_int_eq(coro_cancel_with(future, "words"), 0);
	ck_assert_ptr_null(coro_future_message(future));
	ck_assert_int_eq(coro_cancel_with(NULL, "words"), -EINVAL);
}
END_TEST

static void *cancels(void *result)
{
	*(int *)result = coro_cancel_with(future, "words");
	return NULL;
}

START_TEST(future_of_another_thread_is_refused)
{
	int result = 0;
	in_thread(cancels, &result);
	ck_assert_int_eq(result, -EPERM);
	ck_assert(!coro_future_done(future));
}
END_TEST

START_TEST(requests_count_as_others_do)
{
	inner = start(swallows, "task");
	cancel_with(inner, "first");
	cancel_with(inner, "last");
	ck_assert_int_eq(coro_task_cancelling(inner), 2);
	run();
	ck_assert_trace("task:first");
	assert_ended(inner, 0);
}
END_TEST

START_TEST(without_memory_the_cancellation_has_no_message)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	inner = start(sleeps, "task");
	fail_nth(1);
	int r = coro_cancel_with(inner, "words");
	bool failed = fail_off();
	ck_assert(failed);
	ck_assert_int_eq(r, 1);
	run();
	ck_assert_trace("task:Operation canceled");
	assert_ended_cancelled(inner, none());
}
END_TEST

START_TEST(cancelling_without_a_message_allocates_nothing)
{
	struct coro_future *tasks[10];
	for (int i = 0; i < 10; i++)
		tasks[i] = start(sleeps, "task");
	fail_nth(0);
	for (int i = 0; i < 10; i++)
		coro_cancel(tasks[i]);
	fail_off();
	ck_assert_uint_eq(fail_count(), 0);
	run();
	trace_take();
	for (int i = 0; i < 10; i++)
		assert_ended_cancelled(tasks[i], none());
}
END_TEST

START_TEST(request_that_never_arrives_is_freed)
{
	struct coro_future *task = spawn(sleeps, "task"); /* discarded with the loop */
	cancel_with(task, "words");
	coro_future_unref(task);
}
END_TEST

/* ---- failures ---- */

static int raises(void *arg)
{
	return coro_raise(-EIO, "words");
}

static int fails(void *arg)
{
	return -EIO;
}

START_TEST(failure_tells_where_it_was_raised)
{
	struct coro_future *task = spawn(raises, NULL);
	ck_assert_ptr_null(coro_future_origin(task));
	run();
	ck_assert_ptr_nonnull(strstr(coro_future_origin(task), "cancel_message_test.c:"));
	assert_ended(task, -EIO);
	task = start(fails, NULL);
	ck_assert_ptr_null(coro_future_origin(task));
	assert_ended(task, -EIO);
	set(future, NULL);
	ck_assert_ptr_null(coro_future_origin(future));
	ck_assert_ptr_null(coro_future_origin(NULL));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, message_arrives_in_the_task_and_where_it_is_awaited);
	tcase_add_test(tests, message_of_a_future_reaches_all_who_await_it);
	tcase_add_test(tests, message_goes_down_to_what_is_awaited_and_up_again);
	tcase_add_test(tests, message_is_copied);
	tcase_add_test(tests, message_arrives_at_a_lock);
	tcase_add_test(tests, message_arrives_in_a_generator_that_waits);
	tcase_add_test(tests, request_has_a_place);

	tcase_add_test(tests, last_message_before_a_wait_counts);
	tcase_add_test(tests, message_from_before_reaches_the_awaited_future);
	tcase_add_test(tests, task_that_ends_before_it_waits_has_the_requests_message);
	tcase_add_test(tests, failure_of_its_own_has_a_message_of_its_own);

	tcase_add_test(tests, wait_that_was_cancelled_keeps_its_message);
	tcase_add_test(tests, message_of_the_future_counts_before_the_requests);
	tcase_add_test(tests, last_message_counts_if_the_result_had_come);
	tcase_add_test(tests, message_replaces_a_failure_that_had_come);
	tcase_add_test(tests, message_of_an_earlier_request_is_gone);
	tcase_add_test(tests, later_wait_keeps_its_message_though_an_earlier_did_not);

	tcase_add_test(tests, message_goes_through_a_gather);
	tcase_add_test(tests, message_of_a_cancelled_child_reaches_the_gatherer);
	tcase_add_test(tests, gather_has_the_message_of_a_request_that_a_child_swallows);
	tcase_add_test(tests, gather_has_the_message_of_the_last_request);
	tcase_add_test(tests, gather_does_not_get_one_childs_message);
	tcase_add_test(tests, message_of_the_last_to_end_counts_only_if_named_last);
	tcase_add_test(tests, message_waits_if_all_children_are_done);
	tcase_add_test(tests, end_of_a_group_has_the_message_that_cancelled_its_owner);
	tcase_add_test(tests, end_of_a_group_has_the_first_message_of_its_wait);
	tcase_add_test(tests, message_of_a_failure_outlasts_a_cancel_in_group_end);
	tcase_add_test(tests, message_is_freed_with_an_owner_discarded_in_group_end);
	tcase_add_test(tests, shield_keeps_messages_from_what_it_shields);
	tcase_add_test(tests, shield_passes_on_the_message_of_what_it_shields);
	tcase_add_test(tests, wait_for_cancels_with_the_message);
	tcase_add_test(tests, timeout_has_no_message_of_a_request);
	tcase_add_test(tests, wait_has_the_message_of_its_request);

	tcase_add_test(tests, a_message_is_optional);
	tcase_add_test(tests, what_is_done_is_not_cancelled);
	tcase_add_test(tests, future_of_another_thread_is_refused);
	tcase_add_test(tests, requests_count_as_others_do);
	tcase_add_test(tests, without_memory_the_cancellation_has_no_message);
	tcase_add_test(tests, cancelling_without_a_message_allocates_nothing);
	tcase_add_test(tests, request_that_never_arrives_is_freed);

	tcase_add_test(tests, failure_tells_where_it_was_raised);
}

TEST_MAIN("words", add_tests)
