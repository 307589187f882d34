/* SPDX-License-Identifier: MIT */
/* Open generators: those that have waited in a task, and are closed by the loop they waited in. */
#include "loop/loop.h"
#include "tasks.h"

#include <stdint.h>

static struct coro *make(coro_fn *fn, void *arg)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(fn, arg, &co), 0);
	return co;
}

static void destroy(struct coro *co)
{
	ck_assert_int_eq(coro_destroy(co), 0);
}

static void setup(void)
{
	loop_setup();
	trace_take(); /* not every test looks */
}

static int open_in(const struct coro_loop *of)
{
	int count = 0;
	list_for_each(link, &sched_of(of)->asyncgens)
		count++;
	return count;
}

static int leaving_in(const struct coro_loop *of)
{
	int count = 0;
	list_for_each(link, &of->closing_asyncgens)
		count++;
	return count;
}

static void shut_down(void)
{
	ck_assert_int_eq(coro_loop_shutdown_asyncgens(loop), 0);
}

static const char *outcome(int r)
{
	return r == CORO_EXIT ? "EXIT" : r == -ECANCELED ? "cancelled" : r == 0 ? "0" : "error";
}

/* ---- bodies ---- */

/* Waits, yields, and waits again when it leaves. */
static int waits_and_yields(void *word)
{
	int r = coro_sleep(1);
	if (r == 0)
		r = coro_yield(word, NULL);
	int end = coro_sleep(10);
	trace("%s(%s,%s)@%d", (const char *)word, outcome(r), outcome(end),
	      (int)coro_loop_time(loop));
	return r;
}

static int yields_only(void *word)
{
	int r = coro_yield(word, NULL);
	trace("%s", (const char *)word);
	return r;
}

static int next(void *generator)
{
	return coro_next(generator, NULL);
}

static int closes(void *generator)
{
	return coro_close(generator);
}

/* Lets a generator come to its first yield, in a task. */
static struct coro *opened(coro_fn *fn, void *arg)
{
	struct coro *generator = make(fn, arg);
	ck_assert_int_eq(result_of(next, generator), 1);
	return generator;
}

static void hear(struct coro_loop *from, const struct coro_report *report, void *arg)
{
	ck_assert_ptr_eq(from, loop);
	ck_assert_str_eq(report->message,
			 "an error occurred during closing of asynchronous generator");
	ck_assert_ptr_ne(report->generator, NULL);
	ck_assert_ptr_eq(report->future, NULL);
	/* The message of a body's own failure, else the plain text of the code. */
	trace("report(%s)",
	      report->error == -EIO ? report->error_message : coro_strerror(report->error));
}

/* ---- who is open ---- */

START_TEST(a_generator_is_open_from_its_first_wait_to_its_end)
{
	struct coro *generator = make(waits_and_yields, "a");
	ck_assert_int_eq(open_in(loop), 0);
	struct coro_future *task = start(next, generator);
	ck_assert_int_eq(open_in(loop), 1);
	run();
	assert_ended(task, 1);
	ck_assert_int_eq(open_in(loop), 1);
	ck_assert_int_eq(result_of(closes, generator), 0);
	ck_assert_int_eq(open_in(loop), 0);
	destroy(generator);
}
END_TEST

static int says_it_is_open(void *word)
{
	ck_assert_int_eq(coro_loop_note_asyncgen(), 0);
	ck_assert_int_eq(coro_loop_note_asyncgen(), 0);
	return yields_only(word);
}

START_TEST(a_generator_may_be_noted_before_it_waits)
{
	struct coro *generator = opened(says_it_is_open, "a");
	ck_assert_int_eq(open_in(loop), 1);
	shut_down();
	ck_assert_trace("a");
	ck_assert_int_eq(coro_state(generator), CORO_DONE);
	ck_assert_int_eq(open_in(loop), 0);
	destroy(generator);
}
END_TEST

static int notes(void *arg)
{
	return coro_loop_note_asyncgen();
}

START_TEST(only_a_generator_in_a_task_is_noted)
{
	struct coro *generator = make(notes, NULL);
	ck_assert_int_eq(coro_loop_note_asyncgen(), -EPERM);
	ck_assert_int_eq(result_of(notes, NULL), -EPERM);
	ck_assert_int_eq(coro_next(generator, NULL), -EPERM);
	destroy(generator);
}
END_TEST

START_TEST(a_generator_that_never_waits_is_unknown)
{
	struct coro *generator = opened(yields_only, "a");
	ck_assert_int_eq(open_in(loop), 0);
	shut_down();
	ck_assert_trace("");
	destroy(generator);
	ck_assert_trace("a");
}
END_TEST

static int gives_way_and_yields(void *arg)
{
	int r = coro_task_yield();
	return r < 0 ? r : coro_yield(arg, NULL);
}

START_TEST(giving_way_is_a_wait)
{
	struct coro *generator = opened(gives_way_and_yields, NULL);
	ck_assert_int_eq(open_in(loop), 1);
	destroy(generator);
	ck_assert_int_eq(open_in(loop), 0);
}
END_TEST

static int passes_on(void *generator)
{
	int r = coro_next(generator, NULL);
	trace("got %d", r);
	if (r > 0)
		r = coro_yield(NULL, NULL);
	trace("outer(%s)", outcome(r));
	int end = coro_close(generator);
	return end < 0 ? end : r;
}

START_TEST(one_whose_generator_waits_is_open_too_and_closed_first)
{
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, hear, NULL), 0);
	struct coro *inner = make(waits_and_yields, "inner"), *outer = opened(passes_on, inner);
	ck_assert_int_eq(open_in(loop), 2);
	shut_down(); /* the inner one is busy leaving when its turn comes, which is no error */
	ck_assert_trace("got 1 outer(EXIT) inner(EXIT,0)@11");
	ck_assert_int_eq(open_in(loop) + leaving_in(loop), 0);
	ck_assert_int_eq(coro_status(outer), CORO_EXIT);
	ck_assert_int_eq(coro_status(inner), CORO_EXIT);
	destroy(outer);
	destroy(inner);
}
END_TEST

static int delegates(void *generator)
{
	int r = coro_yield_from(generator, NULL);
	trace("delegator(%s)", outcome(r));
	return r;
}

START_TEST(a_chain_of_delegations_is_closed_from_its_root)
{
	struct coro *leaf = make(waits_and_yields, "leaf"), *middle = make(delegates, leaf),
		    *root = opened(delegates, middle);
	ck_assert_int_eq(open_in(loop), 2); /* both ends */
	shut_down();
	ck_assert_trace("leaf(EXIT,0)@11 delegator(EXIT) delegator(EXIT)");
	ck_assert_int_eq(open_in(loop) + leaving_in(loop), 0);
	destroy(root);
	destroy(middle);
	destroy(leaf);
}
END_TEST

START_TEST(each_loop_knows_its_own)
{
	struct coro_loop *first = loop, *second;
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	ck_assert_int_eq(coro_loop_create(&options, &second), 0);
	struct coro *a = opened(waits_and_yields, "a");
	loop = second;
	struct coro *b = opened(waits_and_yields, "b");
	ck_assert_int_eq(open_in(first), 1);
	ck_assert_int_eq(open_in(second), 1);
	shut_down();
	ck_assert_trace("b(EXIT,0)@11");
	ck_assert_int_eq(open_in(first), 1);
	ck_assert_int_eq(coro_loop_close(second), 0);
	loop = first;
	shut_down();
	ck_assert_trace("a(EXIT,0)@11");
	destroy(a);
	destroy(b);
}
END_TEST

/* ---- closing them ---- */

START_TEST(all_are_closed_at_once_and_may_wait)
{
	struct coro *a = opened(waits_and_yields, "a"), *b = opened(waits_and_yields, "b"),
		    *c = opened(waits_and_yields, "c");
	int64_t start = coro_loop_time(loop);
	shut_down();
	ck_assert_trace("a(EXIT,0)@13 b(EXIT,0)@13 c(EXIT,0)@13");
	ck_assert_int_eq((int)(coro_loop_time(loop) - start), 10);
	ck_assert_int_eq(open_in(loop) + leaving_in(loop), 0);
	shut_down();
	ck_assert_trace("");
	destroy(a);
	destroy(b);
	destroy(c);
}
END_TEST

static int shuts_down(void *arg)
{
	int r = coro_loop_shutdown_asyncgens(loop);
	trace("shut down(%s)", outcome(r));
	return r;
}

START_TEST(it_may_be_called_in_a_task)
{
	struct coro *a = opened(waits_and_yields, "a");
	ck_assert_int_eq(result_of(shuts_down, NULL), 0);
	ck_assert_trace("a(EXIT,0)@11 shut down(0)");
	ck_assert_int_eq(result_of(shuts_down, NULL), 0);
	destroy(a);
}
END_TEST

START_TEST(a_cancellation_of_the_caller_cuts_the_cleanup_short)
{
	struct coro *a = opened(waits_and_yields, "a"), *b = opened(waits_and_yields, "b");
	struct coro_future *task = start(shuts_down, NULL);
	turn();
	cancel(task);
	run();
	ck_assert_trace("a(EXIT,cancelled)@2 b(EXIT,cancelled)@2 shut down(cancelled)");
	assert_ended(task, -ECANCELED);
	ck_assert_int_eq(open_in(loop) + leaving_in(loop), 0);
	destroy(a);
	destroy(b);
}
END_TEST

START_TEST(a_second_call_does_not_wait_for_what_the_first_closes)
{
	struct coro *a = opened(waits_and_yields, "a"), *b = opened(waits_and_yields, "b");
	struct coro_future *one = spawn(shuts_down, NULL), *two = spawn(shuts_down, NULL);
	run();
	ck_assert_trace("shut down(0) a(EXIT,0)@12 b(EXIT,0)@12 shut down(0)");
	assert_ended(one, 0);
	assert_ended(two, 0);
	destroy(a);
	destroy(b);
}
END_TEST

static int ended(void *generator)
{
	int r = coro_destroy(generator);
	trace("destroyed(%d)", r == -EBUSY);
	return 0;
}

START_TEST(an_owner_may_destroy_one_meanwhile)
{
	struct coro *a = opened(waits_and_yields, "a"), *b = opened(yields_only, "b"),
		    *c = opened(gives_way_and_yields, NULL);
	struct coro_future *task = spawn(shuts_down, NULL);
	result_of(ended, c); /* gone before its turn to be closed */
	turn();
	ck_assert_int_eq(result_of(ended, a), 0); /* in the middle of it */
	run();
	ck_assert_trace("destroyed(0) destroyed(1) a(EXIT,0)@11 shut down(0)");
	assert_ended(task, 0);
	destroy(a);
	destroy(b);
}
END_TEST

static int ends_at_once(void *arg)
{
	int r = coro_sleep(1);
	return r < 0 ? r : coro_yield(arg, NULL);
}

static void destroys(void *generator)
{
	destroy(generator);
}

START_TEST(one_may_be_destroyed_as_soon_as_it_was_closed)
{
	struct coro *a = opened(ends_at_once, NULL), *b = opened(waits_and_yields, "b");
	struct coro_future *task = start(shuts_down, NULL);
	at(5, destroys, a);
	run();
	ck_assert_trace("b(EXIT,0)@12 shut down(0)");
	assert_ended(task, 0);
	destroy(b);
}
END_TEST

/* ---- reports ---- */

static int fails_when_closed(void *arg)
{
	int r = coro_sleep(1);
	if (r == 0)
		coro_yield(NULL, NULL);
	return coro_raise(-EIO, "torn");
}

static int yields_twice(void *arg)
{
	int r = coro_sleep(1);
	for (int i = 0; r == 0 && i < 2; i++)
		coro_yield(NULL, NULL);
	return r;
}

static int is_cancelled(void *arg)
{
	int r = coro_sleep(1);
	if (r == 0)
		coro_yield(NULL, NULL);
	return -ECANCELED;
}

START_TEST(failure_in_closing_is_reported_and_the_rest_is_closed)
{
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, hear, NULL), 0);
	struct coro *a = opened(fails_when_closed, NULL), *b = opened(yields_twice, NULL),
		    *c = opened(is_cancelled, NULL), *d = opened(waits_and_yields, "d");
	shut_down();
	char expected[200];
	snprintf(expected, sizeof(expected), "report(torn) report(%s) d(EXIT,0)@14",
		 coro_strerror(-EPROTO));
	ck_assert_trace(expected);
	ck_assert_int_eq(open_in(loop), 1); /* it yielded in place of leaving */
	ck_assert_int_eq(coro_state(b), CORO_SUSPENDED);
	shut_down();
	ck_assert_trace("");
	destroy(a);
	destroy(b);
	destroy(c);
	destroy(d);
}
END_TEST

static void destroys_and_hears(struct coro_loop *from, const struct coro_report *report, void *arg)
{
	destroy(report->generator);
	coro_raise(-EIO, "sewn");
	coro_raise(-EIO, "worn");
	hear(from, report, arg);
}

START_TEST(message_of_a_report_outlasts_what_its_handler_does)
{
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, destroys_and_hears, NULL), 0);
	opened(fails_when_closed, NULL);
	shut_down();
	ck_assert_trace("report(torn)");
}
END_TEST

START_TEST(one_that_a_task_uses_is_reported_and_stays_open)
{
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, hear, NULL), 0);
	struct coro *a = make(waits_and_yields, "a");
	struct coro_future *user = start(next, a), *task = start(shuts_down, NULL);
	turn();
	char expected[200];
	snprintf(expected, sizeof(expected), "report(%s)", coro_strerror(-EBUSY));
	ck_assert_trace(expected);
	run();
	ck_assert_trace("shut down(0)");
	ck_assert_int_eq(open_in(loop), 1);
	shut_down();
	ck_assert_trace("a(EXIT,0)@11");
	assert_ended(user, 1);
	assert_ended(task, 0);
	destroy(a);
}
END_TEST

static int shuts_down_within(void *arg)
{
	int r = coro_sleep(1);
	return r < 0 ? r : shuts_down(arg);
}

START_TEST(one_that_its_owner_closes_already_is_not_reported)
{
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, hear, NULL), 0);
	struct coro *a = opened(waits_and_yields, "a");
	struct coro_future *owner = start(closes, a);
	ck_assert_int_eq(result_of(shuts_down, NULL), 0);
	run();
	ck_assert_trace("shut down(0) a(EXIT,0)@11");
	assert_ended(owner, 0);
	ck_assert_int_eq(open_in(loop), 0);
	destroy(a);
}
END_TEST

START_TEST(one_that_shuts_down_itself_is_in_use)
{
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, hear, NULL), 0);
	struct coro *a = make(shuts_down_within, NULL);
	ck_assert_int_eq(result_of(next, a), 0);
	char expected[200];
	snprintf(expected, sizeof(expected), "report(%s) shut down(0)", coro_strerror(-EBUSY));
	ck_assert_trace(expected);
	ck_assert_int_eq(open_in(loop), 0);
	destroy(a);
}
END_TEST

/* ---- the end of a loop ---- */

static struct coro *left;

static int leaves_one_open(void *arg)
{
	int r = coro_next(left, NULL);
	trace("main(%d)", r);
	return r < 0 ? r : 5;
}

static int says_when(void *arg)
{
	int r = coro_sleep(1);
	if (r == 0)
		r = coro_yield(arg, NULL);
	int end = coro_sleep(10);
	trace("left(%s,%s)@%d", outcome(r), outcome(end), (int)coro_loop_time(coro_running_loop()));
	return r;
}

START_TEST(run_closes_those_left_open)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	left = make(says_when, NULL);
	ck_assert_int_eq(coro_run_with(&options, leaves_one_open, NULL), 5);
	ck_assert_trace("main(1) left(EXIT,0)@11");
	ck_assert_int_eq(coro_state(left), CORO_DONE);
	destroy(left);
}
END_TEST

static int awaits_what_never_comes(void *future)
{
	int r = coro_sleep(1);
	if (r == 0)
		r = coro_yield(NULL, NULL);
	trace("waits");
	int end = coro_await(future, NULL);
	trace("never");
	return end < 0 ? end : r;
}

START_TEST(one_that_waits_for_ever_in_its_cleanup_is_discarded)
{
	struct coro_future *future = make_future();
	struct coro *a = opened(awaits_what_never_comes, future);
	ck_assert_int_eq(coro_loop_shutdown_asyncgens(loop), -EDEADLK);
	ck_assert_int_eq(leaving_in(loop), 1);
	loop_teardown();
	ck_assert_trace("waits");
	ck_assert_int_eq(coro_state(a), CORO_DONE);
	destroy(a);
	coro_future_unref(future);
	loop_setup();
}
END_TEST

START_TEST(one_left_open_by_a_closed_loop_gives_its_stack_back)
{
	struct coro_pool_stats before, after;
	coro_pool_stats(&before);
	struct coro *a = opened(ends_at_once, NULL), *b = opened(ends_at_once, NULL);
	loop_teardown();
	destroy(a);
	loop_setup();
	ck_assert_int_eq(open_in(loop), 0);
	ck_assert_int_eq(result_of(next, b), 0); /* goes on, in another loop */
	ck_assert_int_eq(open_in(loop), 0);
	destroy(b);
	coro_pool_stats(&after);
	ck_assert_uint_eq(after.in_use, before.in_use);
}
END_TEST

static int waits_twice(void *arg)
{
	int r = ends_at_once(arg);
	return r < 0 ? r : ends_at_once(arg);
}

START_TEST(one_that_goes_on_in_another_loop_is_open_there)
{
	struct coro *a = opened(waits_twice, NULL);
	loop_teardown();
	loop_setup();
	ck_assert_int_eq(result_of(next, a), 1);
	ck_assert_int_eq(open_in(loop), 1);
	shut_down();
	ck_assert_int_eq(coro_state(a), CORO_DONE);
	destroy(a);
}
END_TEST

START_TEST(one_discarded_while_it_waits_is_not_open)
{
	struct coro *a = make(waits_and_yields, "a"), *b = make(passes_on, a);
	struct coro_future *task = start(next, b);
	ck_assert_int_eq(open_in(loop), 2);
	loop_teardown();
	coro_future_unref(task);
	ck_assert_trace("");
	ck_assert_int_eq(coro_state(a), CORO_DONE);
	ck_assert_int_eq(coro_state(b), CORO_DONE);
	destroy(a);
	destroy(b);
	loop_setup();
}
END_TEST

/* ---- misuse, memory ---- */

static void calls_it(void *arg)
{
	ck_assert_int_eq(coro_loop_shutdown_asyncgens(loop), -EPERM);
	trace("refused");
}

static int calls_it_for_another(void *other)
{
	return coro_loop_shutdown_asyncgens(other);
}

static void *calls_it_in_a_thread(void *arg)
{
	return (void *)(intptr_t)coro_loop_shutdown_asyncgens(loop);
}

START_TEST(misuse_is_refused)
{
	struct coro_loop *other;
	ck_assert_int_eq(coro_loop_shutdown_asyncgens(NULL), -EINVAL);
	call_outside_tasks(calls_it, NULL);
	ck_assert_trace("refused");
	ck_assert_int_eq(coro_loop_create(NULL, &other), 0);
	ck_assert_int_eq(result_of(calls_it_for_another, other), -EPERM);
	ck_assert_int_eq(coro_loop_close(other), 0);
	ck_assert_int_eq((int)(intptr_t)in_thread(calls_it_in_a_thread, NULL), -EPERM);
}
END_TEST

static int waits_in_generator(void *arg)
{
	int r = 0;
	for (int i = 0; r == 0 && i < 10; i++)
		r = coro_sleep(1);
	return r;
}

START_TEST(a_wait_in_a_generator_allocates_nothing)
{
	struct coro *a = make(waits_in_generator, NULL);
	struct coro_future *task = start(next, a);
	ck_assert_uint_eq(allocations_of_run(), 0);
	assert_ended(task, 0);
	destroy(a);
}
END_TEST

static int program(void *arg)
{
	struct coro *generator;
	int r = coro_create(ends_at_once, NULL, &generator);
	if (r < 0)
		return r;
	r = coro_next(generator, NULL);
	if (r > 0)
		r = coro_loop_shutdown_asyncgens(coro_running_loop());
	/* It is closed also where there is no memory for a task that does it. */
	if (r == 0 && coro_state(generator) != CORO_DONE)
		r = -EIO;
	coro_destroy(generator);
	return r;
}

START_TEST(each_allocation_may_fail)
{
	fail_each_allocation(program);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);
	tcase_add_test(tests, a_generator_is_open_from_its_first_wait_to_its_end);
	tcase_add_test(tests, a_generator_may_be_noted_before_it_waits);
	tcase_add_test(tests, only_a_generator_in_a_task_is_noted);
	tcase_add_test(tests, a_generator_that_never_waits_is_unknown);
	tcase_add_test(tests, giving_way_is_a_wait);
	tcase_add_test(tests, one_whose_generator_waits_is_open_too_and_closed_first);
	tcase_add_test(tests, a_chain_of_delegations_is_closed_from_its_root);
	tcase_add_test(tests, each_loop_knows_its_own);
	tcase_add_test(tests, all_are_closed_at_once_and_may_wait);
	tcase_add_test(tests, it_may_be_called_in_a_task);
	tcase_add_test(tests, a_cancellation_of_the_caller_cuts_the_cleanup_short);
	tcase_add_test(tests, a_second_call_does_not_wait_for_what_the_first_closes);
	tcase_add_test(tests, an_owner_may_destroy_one_meanwhile);
	tcase_add_test(tests, one_may_be_destroyed_as_soon_as_it_was_closed);
	tcase_add_test(tests, failure_in_closing_is_reported_and_the_rest_is_closed);
	tcase_add_test(tests, message_of_a_report_outlasts_what_its_handler_does);
	tcase_add_test(tests, one_that_a_task_uses_is_reported_and_stays_open);
	tcase_add_test(tests, one_that_its_owner_closes_already_is_not_reported);
	tcase_add_test(tests, one_that_shuts_down_itself_is_in_use);
	tcase_add_test(tests, run_closes_those_left_open);
	tcase_add_test(tests, one_that_waits_for_ever_in_its_cleanup_is_discarded);
	tcase_add_test(tests, one_left_open_by_a_closed_loop_gives_its_stack_back);
	tcase_add_test(tests, one_that_goes_on_in_another_loop_is_open_there);
	tcase_add_test(tests, one_discarded_while_it_waits_is_not_open);
	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, a_wait_in_a_generator_allocates_nothing);
	tcase_add_test(tests, each_allocation_may_fail);
}

TEST_MAIN("open generators", add)
