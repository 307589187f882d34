/* SPDX-License-Identifier: MIT */
/* Every misuse of coroutines and generators: what it returns, and that it changes nothing. */
#include "barrier.h"
#include "coro/generator.h"
#include "support.h"

#include <errno.h>

/*
 * One coroutine of each kind. How they stand to one another while `self` runs:
 *
 *   thread's own stack --resumes--> resumer --resumes--> self
 *
 *   outer --delegates to--> middle --delegates to--> inner, which is suspended
 */
static struct {
	struct coro *created, *suspended, *done, *failed;
	struct coro *resumer, *self;
	struct coro *outer, *middle, *inner;
	struct coro *foreign, *foreign_done; /* another thread's */
} stage;

enum { MEMBERS = sizeof(stage) / sizeof(struct coro *) };

static struct coro **member(int i)
{
	return (struct coro **)&stage + i;
}

/* A call that fails must not write here. */
static void *ret;
static struct coro *made;

/*
 * A call, what it is to return, and what is to be as before. An error comes with a message of its
 * own, and never with that of an earlier one of its code.
 */
#define WRONG(call, expected)                          \
	do {                                           \
		struct states before = snapshot();     \
		if ((expected) < 0)                    \
			coro_raise(expected, "stale"); \
		check(#call, before, call, expected);  \
	} while (0)

struct states {
	enum coro_state of[MEMBERS];
	int status[MEMBERS];
};

static struct states snapshot(void)
{
	struct states states;
	for (int i = 0; i < MEMBERS; i++) {
		states.of[i] = coro_state(*member(i));
		states.status[i] = coro_status(*member(i));
	}
	ret = &ret;
	made = NULL;
	return states;
}

static void check(const char *call, struct states before, int result, int expected)
{
	ck_assert_msg(result == expected, "%s is %d, not %d", call, result, expected);
	ck_assert_msg(ret == &ret && !made, "%s wrote to ret", call);
	if (result < 0 && result != -EIO) {
		const char *message = coro_message(result);
		ck_assert_msg(strcmp(message, "stale") && strcmp(message, coro_strerror(result)),
			      "%s: the message is \"%s\"", call, message);
	}
	struct states now = snapshot();
	for (int i = 0; i < MEMBERS; i++)
		ck_assert_msg(now.of[i] == before.of[i] && now.status[i] == before.status[i],
			      "%s changed number %d", call, i);
}

/* ---- bodies ---- */

static int just_yield(void *arg)
{
	return coro_yield(arg, NULL);
}

static int just_return(void *arg)
{
	return 7;
}

static int just_fail(void *arg)
{
	return -EIO;
}

static int delegate(void *arg)
{
	return coro_yield_from(*(struct coro **)arg, NULL);
}

static int resume_self(void *arg)
{
	return coro_resume(stage.self, NULL, NULL);
}

static struct coro *start(coro_fn *fn, void *arg)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(fn, arg, &co), 0);
	coro_resume(co, NULL, NULL);
	return co;
}

static void set_up(void)
{
	ck_assert_int_eq(coro_create(just_yield, NULL, &stage.created), 0);
	stage.suspended = start(just_yield, NULL);
	stage.done = start(just_return, NULL);
	stage.failed = start(just_fail, NULL);
	ck_assert_int_eq(coro_create(just_yield, NULL, &stage.inner), 0);
	ck_assert_int_eq(coro_create(delegate, &stage.inner, &stage.middle), 0);
	stage.outer = start(delegate, &stage.middle);
}

static void tear_down(void)
{
	ck_assert_int_eq(coro_destroy(stage.outer), 0);
	for (int i = 0; i < MEMBERS; i++)
		if (*member(i) != stage.outer)
			ck_assert_int_eq(coro_destroy(*member(i)), 0);
	struct coro_pool_stats stats;
	coro_pool_stats(&stats);
	ck_assert_uint_eq(stats.in_use, 0);
}

/* ---- wrong everywhere ---- */

static void wrong_anywhere(void)
{
	struct coro_options small = {.stack_size = coro_stack_min() - 1};
	struct coro_options huge = {.stack_size = SIZE_MAX};
	struct coro_options unknown = {.flags = 0x80};
	struct coro_options internal = {.flags = 1 << 8};
	size_t used = 0;

	WRONG(coro_create(NULL, NULL, &made), -EINVAL);
	WRONG(coro_create(just_yield, NULL, NULL), -EINVAL);
	WRONG(coro_create_with(NULL, NULL, NULL, &made), -EINVAL);
	WRONG(coro_create_with(NULL, just_yield, NULL, NULL), -EINVAL);
	WRONG(coro_create_with(&small, just_yield, NULL, &made), -EINVAL);
	WRONG(coro_create_with(&huge, just_yield, NULL, &made), -EINVAL);
	WRONG(coro_create_with(&unknown, just_yield, NULL, &made), -EINVAL);
	WRONG(coro_create_with(&internal, just_yield, NULL, &made), -EINVAL);

	WRONG(coro_resume(NULL, NULL, &ret), -EINVAL);
	WRONG(coro_resume(stage.created, &ret, &ret), -EINVAL);
	WRONG(coro_resume(stage.done, NULL, &ret), -EALREADY);
	WRONG(coro_resume(stage.done, &ret, &ret), -EALREADY);
	WRONG(coro_resume(stage.failed, NULL, &ret), -EALREADY);

	WRONG(coro_next(NULL, &ret), -EINVAL);
	WRONG(coro_send(NULL, &ret, &ret), -EINVAL);
	WRONG(coro_send(stage.created, &ret, &ret), -EINVAL);

	WRONG(coro_throw(NULL, -EIO, &ret), -EINVAL);
	WRONG(coro_throw(stage.created, 0, &ret), -EINVAL);
	WRONG(coro_throw(stage.suspended, 0, &ret), -EINVAL);
	WRONG(coro_throw(stage.suspended, 1, &ret), -EINVAL);
	WRONG(coro_throw(stage.done, 1, &ret), -EINVAL);
	WRONG(coro_throw(stage.done, -EIO, &ret), -EIO);

	WRONG(coro_close(NULL), -EINVAL);
	WRONG(coro_close(stage.done), 0);
	WRONG(coro_close(stage.failed), 0);
	WRONG(coro_destroy(NULL), 0);

	WRONG(coro_yield_from(NULL, &ret), -EINVAL);

	WRONG(coro_status(NULL), -EINVAL);
	WRONG(coro_status(stage.created), -EAGAIN);
	WRONG(coro_status(stage.suspended), -EAGAIN);
	WRONG((int)coro_state(NULL), CORO_DONE);

	WRONG(coro_raise(0, "no error"), -EINVAL);
	WRONG(coro_raise(1, "no error"), -EINVAL);
	WRONG(coro_raise_at(NULL, -EIO, NULL), -EIO);

	WRONG(coro_stack_used(NULL, &used), -EINVAL);
	WRONG(coro_stack_used(stage.suspended, NULL), -EINVAL);
	coro_pool_stats(NULL);
}

START_TEST(outside_of_a_coroutine)
{
	set_up();
	wrong_anywhere();
	WRONG(coro_yield(&ret, &ret), -EPERM);
	WRONG(coro_yield(NULL, NULL), -EPERM);
	WRONG(coro_return(&ret), -EPERM);
	WRONG(coro_yield_from(stage.created, &ret), -EPERM);
	WRONG(coro_yield_from(stage.suspended, &ret), -EPERM);
	WRONG(coro_yield_from(stage.done, &ret), -EPERM);
	tear_down();
}
END_TEST

/* ---- wrong in a coroutine ---- */

static int be_wrong(void *arg)
{
	wrong_anywhere();
	struct coro *running[] = {stage.self, stage.resumer};
	for (int i = 0; i < 2; i++) {
		WRONG(coro_resume(running[i], NULL, &ret), -EBUSY);
		WRONG(coro_resume(running[i], &ret, &ret), -EBUSY);
		WRONG(coro_next(running[i], &ret), -EBUSY);
		WRONG(coro_send(running[i], &ret, &ret), -EBUSY);
		WRONG(coro_throw(running[i], -EIO, &ret), -EBUSY);
		WRONG(coro_throw(running[i], CORO_EXIT, &ret), -EBUSY);
		WRONG(coro_throw(running[i], 0, &ret), -EINVAL);
		WRONG(coro_close(running[i]), -EBUSY);
		WRONG(coro_destroy(running[i]), -EBUSY);
		WRONG(coro_yield_from(running[i], &ret), -EBUSY);
		WRONG(coro_status(running[i]), -EAGAIN);
	}
	WRONG(coro_yield_from(stage.middle, &ret), -EBUSY);
	WRONG(coro_yield_from(stage.inner, &ret), -EBUSY);
	*(bool *)arg = true;
	return 0;
}

START_TEST(inside_a_coroutine)
{
	bool reached = false;
	set_up();
	ck_assert_int_eq(coro_create(be_wrong, &reached, &stage.self), 0);
	ck_assert_int_eq(coro_create(resume_self, NULL, &stage.resumer), 0);
	ck_assert_int_eq(coro_resume(stage.resumer, NULL, NULL), 0);
	ck_assert(reached);
	ck_assert_int_eq(coro_status(stage.resumer), 0);
	tear_down();
}
END_TEST

/* ---- wrong in a generator that others delegate to ---- */

static int be_wrong_within(void *arg)
{
	struct coro *chain[] = {stage.outer, stage.middle, stage.inner};
	for (int i = 0; i < 3; i++) {
		WRONG(coro_resume(chain[i], NULL, &ret), -EBUSY);
		WRONG(coro_next(chain[i], &ret), -EBUSY);
		WRONG(coro_send(chain[i], &ret, &ret), -EBUSY);
		WRONG(coro_throw(chain[i], -EIO, &ret), -EBUSY);
		WRONG(coro_throw(chain[i], CORO_EXIT, &ret), -EBUSY);
		WRONG(coro_close(chain[i]), -EBUSY);
		WRONG(coro_destroy(chain[i]), -EBUSY);
		WRONG(coro_yield_from(chain[i], &ret), -EBUSY);
		ck_assert_int_eq(coro_state(chain[i]), CORO_RUNNING);
	}
	*(bool *)arg = true;
	return 0;
}

START_TEST(inside_the_innermost_of_a_chain)
{
	bool reached = false;
	ck_assert_int_eq(coro_create(be_wrong_within, &reached, &stage.inner), 0);
	ck_assert_int_eq(coro_create(delegate, &stage.inner, &stage.middle), 0);
	ck_assert_int_eq(coro_create(delegate, &stage.middle, &stage.outer), 0);
	ck_assert_int_eq(coro_resume(stage.outer, NULL, NULL), 0);
	ck_assert(reached);
	tear_down();
}
END_TEST

/* ---- wrong in this thread ---- */

static struct barrier barrier;

static void *own_two(void *arg)
{
	stage.foreign = start(just_yield, NULL);
	stage.foreign_done = start(just_return, NULL);
	barrier_wait(&barrier); /* the test does wrong */
	barrier_wait(&barrier);
	ck_assert_int_eq(coro_destroy(stage.foreign), 0);
	ck_assert_int_eq(coro_destroy(stage.foreign_done), 0);
	stage.foreign = stage.foreign_done = NULL;
	return NULL;
}

static int be_wrong_abroad(void *arg)
{
	size_t used = 0;
	WRONG(coro_resume(stage.foreign, NULL, &ret), -EPERM);
	WRONG(coro_resume(stage.foreign, &ret, &ret), -EPERM);
	WRONG(coro_next(stage.foreign, &ret), -EPERM);
	WRONG(coro_send(stage.foreign, &ret, &ret), -EPERM);
	WRONG(coro_throw(stage.foreign, -EIO, &ret), -EPERM);
	WRONG(coro_throw(stage.foreign, CORO_EXIT, &ret), -EPERM);
	WRONG(coro_close(stage.foreign), -EPERM);
	WRONG(coro_destroy(stage.foreign), -EPERM);
	WRONG(coro_yield_from(stage.foreign, &ret), -EPERM);
	WRONG(coro_stack_used(stage.foreign, &used), -EPERM);
	return 0;
}

START_TEST(in_another_thread)
{
	pthread_t thread;
	barrier_init(&barrier, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, own_two, NULL), 0);
	barrier_wait(&barrier);
	be_wrong_abroad(NULL); /* before this thread has used the library, */
	ck_assert_int_eq(coro_create(be_wrong_abroad, NULL, &stage.self), 0);
	ck_assert_int_eq(coro_resume(stage.self, NULL, NULL), 0); /* in a coroutine of its own, */
	be_wrong_abroad(NULL);                                    /* and after */
	barrier_wait(&barrier);
	pthread_join(thread, NULL);
	barrier_finish(&barrier);
	tear_down();
}
END_TEST

static void *resume_running(void *arg)
{
	WRONG(coro_resume(arg, NULL, &ret), -EPERM);
	WRONG(coro_destroy(arg), -EPERM);
	return NULL;
}

static int resume_from_thread(void *arg)
{
	in_thread(resume_running, coro_current());
	return 0;
}

START_TEST(running_one_from_another_thread)
{
	stage.self = start(resume_from_thread, NULL);
	ck_assert_int_eq(coro_state(stage.self), CORO_DONE);
	tear_down();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, outside_of_a_coroutine);
	tcase_add_test(tests, inside_a_coroutine);
	tcase_add_test(tests, inside_the_innermost_of_a_chain);
	tcase_add_test(tests, in_another_thread);
	tcase_add_test(tests, running_one_from_another_thread);
}

TEST_MAIN("misuse", add_tests)
