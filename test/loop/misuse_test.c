/* SPDX-License-Identifier: MIT */
/* What each call on loops, handles, futures and tasks returns where it is misused. */
#include "support.h"

#include <coro.h>
#include <errno.h>

static struct coro_loop *loop, *other_loop;
static struct coro_handle *handle;
static struct coro_future *future, *done, *foreign, *task;
static struct coro_future *const no_future;
static struct coro_handle *const no_handle;
static struct coro_loop *const no_loop;
static struct coro_options small = {.stack_size = 1};
static coro_fn *const no_fn;
static coro_callback *const no_callback;

static int nothing(void *arg)
{
	return 0;
}

static void call_nothing(void *arg)
{
}

static int awaits(void *arg)
{
	return coro_await(arg, NULL);
}

static int create_future(struct coro_loop *in)
{
	struct coro_future *created;
	int r = coro_future_create(in, &created);
	if (r == 0)
		coro_future_unref(created);
	return r;
}

/* Where a call is made, and so the columns of the table. */
enum where { OUTSIDE, CALLBACK, TASK, THREAD };

static const char *const places[] = {"outside of a run", "in a callback", "in a task",
				     "in another thread"};

enum { NOT_HERE = 1 << 20 };

/* The order counts: the last rows end what the others need. */
/* clang-format off */
#define TABLE(ROW)										\
	/*                                      outside    callback   task       thread */	\
	ROW(coro_sleep(0),                      -EPERM,    -EPERM,    0,         -EPERM)	\
	ROW(coro_sleep(5),                      -EPERM,    -EPERM,    0,         -EPERM)	\
	ROW(coro_sleep_until(0),                -EPERM,    -EPERM,    0,         -EPERM)	\
	ROW(coro_task_yield(),                  -EPERM,    -EPERM,    0,         -EPERM)	\
	ROW(coro_await(done, NULL),             -EPERM,    -EPERM,    0,         -EPERM)	\
	ROW(coro_await(foreign, NULL),          -EPERM,    -EPERM,    -EPERM,    -EPERM)	\
	ROW(coro_await(coro_current_task(), NULL),						\
						-EINVAL,   -EINVAL,   -EDEADLK,  -EINVAL)	\
	ROW(coro_await(no_future, NULL),        -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_yield(NULL, NULL),             -EPERM,    -EPERM,    -EPERM,    -EPERM)	\
	ROW(coro_return(NULL),                  -EPERM,    -EPERM,    0,         -EPERM)	\
												\
	ROW(coro_spawn(nothing, NULL, NULL),    -EPERM,    0,         0,         -EPERM)	\
	ROW(coro_spawn(no_fn, NULL, NULL),      -EPERM,    -EINVAL,   -EINVAL,   -EPERM)	\
	ROW(coro_loop_spawn(loop, NULL, nothing, NULL, NULL),					\
						0,         0,         0,         -EPERM)	\
	ROW(coro_loop_spawn(loop, NULL, no_fn, NULL, NULL),					\
						-EINVAL,   -EINVAL,   -EINVAL,   -EPERM)	\
	ROW(coro_loop_spawn(loop, &small, nothing, NULL, NULL),					\
						-EINVAL,   -EINVAL,   -EINVAL,   -EPERM)	\
	ROW(coro_loop_spawn(no_loop, NULL, nothing, NULL, NULL),				\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_current_task() != NULL,        false,     false,     true,      false)		\
	ROW(coro_running_loop() != NULL,        false,     true,      true,      false)		\
	ROW(coro_loop_running(loop),            false,     true,      true,      NOT_HERE)	\
	ROW(coro_loop_running(no_loop),         false,     false,     false,     false)		\
	ROW(coro_loop_time(no_loop),            -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_loop_create(NULL, NULL),       -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_loop_close(no_loop),           0,         0,         0,         0)		\
												\
	ROW(coro_call_soon(loop, call_nothing, NULL, NULL),					\
						0,         0,         0,         -EPERM)	\
	ROW(coro_call_later(loop, 1, call_nothing, NULL, NULL),					\
						0,         0,         0,         -EPERM)	\
	ROW(coro_call_at(loop, 1, call_nothing, NULL, NULL),					\
						0,         0,         0,         -EPERM)	\
	ROW(coro_call_soon(loop, no_callback, NULL, NULL),					\
						-EINVAL,   -EINVAL,   -EINVAL,   -EPERM)	\
	ROW(coro_call_later(loop, 1, no_callback, NULL, NULL),					\
						-EINVAL,   -EINVAL,   -EINVAL,   -EPERM)	\
	ROW(coro_call_at(loop, 1, no_callback, NULL, NULL),					\
						-EINVAL,   -EINVAL,   -EINVAL,   -EPERM)	\
	ROW(coro_call_soon(no_loop, call_nothing, NULL, NULL),					\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_call_later(no_loop, 1, call_nothing, NULL, NULL),				\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_call_at(no_loop, 1, call_nothing, NULL, NULL),					\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_handle_cancel(handle),         0,         0,         0,         -EPERM)	\
	ROW(coro_handle_cancel(no_handle),      -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_handle_cancelled(no_handle),   false,     false,     false,     false)		\
	ROW(coro_handle_when(no_handle),        -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
												\
	ROW(create_future(loop),                0,         0,         0,         -EPERM)	\
	ROW(create_future(no_loop),             -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_future_create(loop, NULL),     -EINVAL,   -EINVAL,   -EINVAL,   -EPERM)	\
	ROW(coro_future_result(done, NULL),     0,         0,         0,         -EPERM)	\
	ROW(coro_future_result(future, NULL),   -EAGAIN,   -EAGAIN,   -EAGAIN,   -EPERM)	\
	ROW(coro_future_result(no_future, NULL),						\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_future_done(no_future),        false,     false,     false,     false)		\
	ROW(coro_future_cancelled(no_future),   false,     false,     false,     false)		\
	ROW(coro_future_message(no_future) != NULL,						\
						false,     false,     false,     false)		\
	ROW(coro_future_set_result(done, NULL),							\
						-EALREADY, -EALREADY, -EALREADY, -EPERM)	\
	ROW(coro_future_set_result(task, NULL),							\
						-EPERM,    -EPERM,    -EPERM,    -EPERM)	\
	ROW(coro_future_set_result(no_future, NULL),						\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_future_set_error(done, -EIO),  -EALREADY, -EALREADY, -EALREADY, -EPERM)	\
	ROW(coro_future_set_error(task, -EIO),  -EPERM,    -EPERM,    -EPERM,    -EPERM)	\
	ROW(coro_future_set_error(future, 0),   -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_future_set_error(future, 1),   -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_future_set_error(no_future, -EIO),						\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_future_add_done_callback(future, call_nothing, NULL),				\
						0,         0,         0,         -EPERM)	\
	ROW(coro_future_add_done_callback(future, no_callback, NULL),				\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_future_add_done_callback(no_future, call_nothing, NULL),			\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_future_remove_done_callback(future, call_nothing, NULL),			\
						1,         1,         1,         -EPERM)	\
	ROW(coro_future_remove_done_callback(future, no_callback, NULL),			\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_future_remove_done_callback(no_future, call_nothing, NULL),			\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
												\
	ROW(coro_is_task(no_future),            false,     false,     false,     false)		\
	ROW(coro_task_name(no_future) != NULL,  false,     false,     false,     false)		\
	ROW(coro_task_name(future) != NULL,     false,     false,     false,     false)		\
	ROW(coro_task_site(no_future) != NULL,  false,     false,     false,     false)		\
	ROW(coro_task_cancelling(no_future),    -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_task_cancelling(future),       -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_task_uncancel(task),           0,         0,         0,         -EPERM)	\
	ROW(coro_task_uncancel(future),         -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_task_uncancel(no_future),      -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
												\
	ROW(coro_run(no_fn, NULL),              -EINVAL,   -EBUSY,    -EBUSY,    -EINVAL)	\
	ROW(coro_run(nothing, NULL),            0,         -EBUSY,    -EBUSY,    0)		\
	ROW(coro_run_until_complete(loop, done, NULL),						\
						0,         -EBUSY,    -EBUSY,    -EPERM)	\
	ROW(coro_run_until_complete(loop, future, NULL),					\
						-EDEADLK,  -EBUSY,    -EBUSY,    -EPERM)	\
	ROW(coro_run_until_complete(loop, foreign, NULL),					\
						-EPERM,    -EPERM,    -EPERM,    -EPERM)	\
	ROW(coro_run_until_complete(loop, no_future, NULL),					\
						-EINVAL,   -EINVAL,   -EINVAL,   -EPERM)	\
	ROW(coro_run_until_complete(no_loop, done, NULL),					\
						-EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_run_forever(loop),             -EDEADLK,  -EBUSY,    -EBUSY,    -EPERM)	\
	ROW(coro_run_forever(other_loop),       -EDEADLK,  -EBUSY,    -EBUSY,    -EPERM)	\
	ROW(coro_run_forever(no_loop),          -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_loop_close(loop),              NOT_HERE,  -EBUSY,    -EBUSY,    -EPERM)	\
												\
	ROW(coro_cancel(done),                  0,         0,         0,         -EPERM)	\
	ROW(coro_cancel(task),                  1,         1,         1,         -EPERM)	\
	ROW(coro_cancel(future),                0,         0,         0,         -EPERM)	\
	ROW(coro_cancel(no_future),             -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)	\
	ROW(coro_loop_stop(loop),               0,         0,         0,         -EPERM)	\
	ROW(coro_loop_stop(no_loop),            -EINVAL,   -EINVAL,   -EINVAL,   -EINVAL)
/* clang-format on */

/*
 * Differences from the table, and errors without a message of their own. They are asserted later,
 * as other threads cannot use Check.
 */
static char wrong[4096];

static void note(const char *call, int64_t got, int64_t expected, enum where where)
{
	size_t length = strlen(wrong);
	const char *message = got < 0 ? coro_message((int)got) : "";
	if (got < 0 && (!strcmp(message, "stale") ||
			((got == -EPERM || got == -EINVAL || got == -EBUSY || got == -EDEADLK) &&
			 !strcmp(message, coro_strerror((int)got)))))
		snprintf(wrong + length, sizeof(wrong) - length, "%s %s: \"%s\"\n", call,
			 places[where], message);
	length = strlen(wrong);
	if (got != expected)
		snprintf(wrong + length, sizeof(wrong) - length, "%s %s: %lld, not %lld\n", call,
			 places[where], (long long)got, (long long)expected);
}

static void make_calls(enum where where)
{
#define ROW(call, ...)                                             \
	{                                                          \
		static const int expected[] = {__VA_ARGS__};       \
		if (expected[where] < 0)                           \
			coro_raise(expected[where], "stale");      \
		if (expected[where] != NOT_HERE)                   \
			note(#call, call, expected[where], where); \
	}
	TABLE(ROW)
#undef ROW
}

static void setup(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
	ck_assert_int_eq(coro_loop_create(&options, &other_loop), 0);
	ck_assert_int_eq(coro_future_create(loop, &future), 0);
	ck_assert_int_eq(coro_future_create(loop, &done), 0);
	ck_assert_int_eq(coro_future_set_result(done, NULL), 0);
	ck_assert_int_eq(coro_future_create(other_loop, &foreign), 0);
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, awaits, future, &task), 0);
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_int_eq(coro_call_later(loop, CORO_SEC, call_nothing, NULL, &handle), 0);
}

static void teardown(void)
{
	coro_handle_unref(handle);
	coro_future_unref(future);
	coro_future_unref(done);
	coro_future_unref(foreign);
	coro_future_unref(task);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_close(other_loop), 0);
	ck_assert_str_eq(wrong, "");
}

START_TEST(calls_outside_of_a_run_are_as_in_the_table)
{
	make_calls(OUTSIDE);
}
END_TEST

static bool made;

static void call_in_callback(void *arg)
{
	make_calls(CALLBACK);
	made = true;
}

START_TEST(calls_in_a_callback_are_as_in_the_table)
{
	ck_assert_int_eq(coro_call_soon(loop, call_in_callback, NULL, NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert(made);
}
END_TEST

static int call_in_task(void *arg)
{
	make_calls(TASK);
	return 0;
}

START_TEST(calls_in_a_task_are_as_in_the_table)
{
	struct coro_future *caller;
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, call_in_task, NULL, &caller), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, caller, NULL), 0);
	coro_future_unref(caller);
}
END_TEST

static void *call_in_thread(void *arg)
{
	make_calls(THREAD);
	return NULL;
}

START_TEST(calls_in_another_thread_are_as_in_the_table)
{
	in_thread(call_in_thread, NULL);
	/* They changed nothing. */
	ck_assert(!coro_future_done(future));
	ck_assert(!coro_future_done(task));
	ck_assert(!coro_handle_cancelled(handle));
	ck_assert_int_eq(coro_task_cancelling(task), 0);
}
END_TEST

static int fail_with_words(void *arg)
{
	return coro_raise(-EIO, "words");
}

static void *ask_for_words(void *arg)
{
	*(int *)arg = coro_future_result(future, NULL);
	return strcmp(coro_message(-EIO), coro_strerror(-EIO)) ? NULL : arg;
}

START_TEST(message_of_a_thread_is_not_anothers)
{
	struct coro_future *failed;
	int r;
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, fail_with_words, NULL, &failed), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, failed, NULL), -EIO);
	coro_future_unref(future);
	future = failed;
	ck_assert_ptr_nonnull(in_thread(ask_for_words, &r));
	ck_assert_int_eq(r, -EPERM);
	ck_assert_ptr_nonnull(in_thread(ask_for_words, &r));
}
END_TEST

START_TEST(destroying_nothing_is_fine)
{
	coro_future_unref(NULL);
	coro_handle_unref(NULL);
	ck_assert_ptr_null(coro_future_ref(NULL));
	ck_assert_int_eq(coro_loop_close(NULL), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);

	tcase_add_test(tests, calls_outside_of_a_run_are_as_in_the_table);
	tcase_add_test(tests, calls_in_a_callback_are_as_in_the_table);
	tcase_add_test(tests, calls_in_a_task_are_as_in_the_table);
	tcase_add_test(tests, calls_in_another_thread_are_as_in_the_table);
	tcase_add_test(tests, message_of_a_thread_is_not_anothers);
	tcase_add_test(tests, destroying_nothing_is_fine);
}

TEST_MAIN("misuse", add_tests)
