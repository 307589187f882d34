/* SPDX-License-Identifier: MIT */
/* Members of a group: a limit on them, those that fail alone, those with a start; cancel. */
#include "tasks.h"

static struct coro_group *group;

static void create(size_t limit, unsigned flags)
{
	struct coro_group_options options = {.limit = limit, .flags = flags};
	ck_assert_int_eq(coro_group_create_with(&options, &group), 0);
}

static int sleeps(void *time)
{
	int r = coro_sleep((intptr_t)time);
	trace("%d%s", (int)(intptr_t)time, r < 0 ? "!" : "");
	return r;
}

static int fails_after(void *time)
{
	int r = coro_sleep((intptr_t)time);
	return r < 0 ? r : coro_raise(-EIO, "after %d", (int)(intptr_t)time);
}

static void add(coro_fn *fn, intptr_t arg)
{
	ck_assert_int_eq(coro_group_spawn(group, fn, (void *)arg, NULL), 0);
}

/* ---- a limit ---- */

static int running, most;

static int counts_itself(void *time)
{
	running++;
	most = running > most ? running : most;
	int r = coro_sleep((intptr_t)time);
	running--;
	return r;
}

static int spawns_ten(void *limit)
{
	create((size_t)limit, 0);
	for (int i = 0; i < 10; i++)
		add(counts_itself, 1 + i % 3);
	return coro_group_end(group, 0);
}

START_TEST(no_more_run_at_once_than_the_limit_allows)
{
	for (intptr_t limit = 1; limit <= 12; limit++) {
		most = 0;
		ck_assert_int_eq(result_of(spawns_ten, (void *)limit), 0);
		ck_assert_int_eq(most, limit < 10 ? limit : 10);
		ck_assert_int_eq(running, 0);
	}
	most = 0;
	ck_assert_int_eq(result_of(spawns_ten, 0), 0);
	ck_assert_int_eq(most, 10);
}
END_TEST

static int spawns_one(void *time)
{
	int r = coro_group_spawn(group, sleeps, time, NULL);
	trace("spawned%d", (int)(intptr_t)time);
	return r;
}

static int spawn_status;

static void spawns_outside(void *arg)
{
	spawn_status = coro_group_spawn(group, sleeps, arg, NULL);
}

static int owns_one_of_two(void *arg)
{
	struct coro_future *a, *b, *c;
	create(1, 0);
	add(sleeps, 9);
	ck_assert_int_eq(coro_spawn(spawns_one, (void *)2, &a), 0);
	ck_assert_int_eq(coro_spawn(spawns_one, (void *)3, &b), 0);
	ck_assert_int_eq(coro_spawn(spawns_one, (void *)4, &c), 0);
	ck_assert_int_eq(coro_call_soon(loop, spawns_outside, NULL, NULL), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	ck_assert_int_eq(spawn_status, -EAGAIN);
	cancel(b);
	int r = coro_group_end(group, 0); /* it waits for those in line, too */
	assert_ended(a, 0);
	assert_ended(b, -ECANCELED);
	assert_ended(c, 0);
	return r;
}

START_TEST(who_waits_for_room_is_let_in_in_the_order_they_came)
{
	ck_assert_int_eq(result_of(owns_one_of_two, NULL), 0);
	ck_assert_trace("spawned3 9 spawned2 2 spawned4 4");
	assert_time(15);
}
END_TEST

static struct coro_future *waiting;

static void cancel_waiting(void *arg)
{
	cancel(waiting);
}

static int room_goes_on(void *arg)
{
	struct coro_future *other;
	create(1, 0);
	add(sleeps, 5);
	ck_assert_int_eq(coro_spawn(spawns_one, (void *)2, &waiting), 0);
	ck_assert_int_eq(coro_spawn(spawns_one, (void *)3, &other), 0);
	ck_assert_int_eq(coro_sleep_until(5), 0); /* now the first is let in */
	ck_assert_int_eq(coro_call_soon(loop, cancel_waiting, NULL, NULL), 0);
	int r = coro_group_end(group, 0);
	assert_ended(waiting, -ECANCELED);
	assert_ended(other, 0);
	return r;
}

START_TEST(room_of_one_that_is_cancelled_when_let_in_is_not_lost)
{
	ck_assert_int_eq(result_of(room_goes_on, NULL), 0);
	assert_time(8);
	trace_take();
}
END_TEST

static int fails_while_one_waits(void *body_sleeps)
{
	struct coro_future *late;
	create(1, 0);
	add(fails_after, 5);
	ck_assert_int_eq(coro_spawn(spawns_one, (void *)2, &late), 0);
	int r = coro_group_end(group, coro_sleep((intptr_t)body_sleeps));
	ck_assert_int_eq(r, -EIO);
	assert_ended(late, -ESHUTDOWN);
	return 0;
}

START_TEST(who_waits_for_room_in_a_group_that_fails_is_refused)
{
	ck_assert_int_eq(result_of(fails_while_one_waits, (void *)(intptr_t)(_i ? 50 : 0)), 0);
	assert_time(5);
	trace_take();
}
END_TEST

/* ---- independent ---- */

static int owns_independent(void *arg)
{
	int errors[4];
	create(0, CORO_GROUP_INDEPENDENT);
	add(fails_after, 1);
	add(sleeps, 5);
	add(fails_after, 2);
	ck_assert_int_eq(coro_sleep(3), 0);
	int r = coro_group_join(group, 7);
	ck_assert_str_eq(coro_message(r), "after 1");
	ck_assert_uint_eq(coro_group_errors(group, errors, 4), 2);
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 0);
	coro_group_destroy(group);
	return r;
}

START_TEST(failure_in_an_independent_group_stops_nobody)
{
	ck_assert_int_eq(result_of(owns_independent, NULL), -EIO);
	ck_assert_trace("5");
	assert_time(5);
}
END_TEST

static int body_fails(void *arg)
{
	create(0, CORO_GROUP_INDEPENDENT);
	add(sleeps, 5);
	ck_assert_int_eq(coro_sleep(1), 0);
	return coro_group_end(group, -ENOENT);
}

START_TEST(body_that_fails_ends_an_independent_group)
{
	ck_assert_int_eq(result_of(body_fails, NULL), -ENOENT);
	ck_assert_trace("5!");
	assert_time(1);
}
END_TEST

/* ---- cancel ---- */

static int cancels_the_group(void *time)
{
	coro_sleep((intptr_t)time);
	ck_assert_int_eq(coro_group_cancel(group), 0);
	ck_assert_int_eq(coro_group_cancel(group), 0);
	ck_assert_int_eq(coro_group_spawn(group, sleeps, NULL, NULL), -ESHUTDOWN);
	return 0;
}

static int has_one_that_cancels(void *body_sleeps)
{
	create(0, 0);
	add(sleeps, 50);
	add(cancels_the_group, 3);
	int r = coro_group_end(group, coro_sleep((intptr_t)body_sleeps));
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	return r;
}

START_TEST(group_that_a_member_cancels_ends_without_an_error)
{
	/* While its body waits, and while its end does. */
	ck_assert_int_eq(result_of(has_one_that_cancels, (void *)20), 0);
	assert_time(4);
	ck_assert_int_eq(result_of(has_one_that_cancels, (void *)1), 0);
	assert_time(8);
	ck_assert_trace("50! 50!");
}
END_TEST

static int cancels_its_own(void *result)
{
	create(0, 0);
	add(sleeps, 50);
	ck_assert_int_eq(coro_sleep(1), 0);
	ck_assert_int_eq(coro_group_cancel(group), 0);
	int r = (int)(intptr_t)result;
	if (r == -ECANCELED)
		ck_assert_int_eq(r = coro_sleep(20), -ECANCELED);
	return coro_group_end(group, r);
}

/* In a task whose older request still counts. */
static int cancels_its_own_in_cleanup(void *arg)
{
	ck_assert_int_eq(coro_sleep(5), -ECANCELED);
	ck_assert_int_eq(cancels_its_own((void *)7), 7);
	ck_assert_int_eq(coro_sleep(1), 0);
	ck_assert_int_eq(cancels_its_own((void *)-ECANCELED), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 1);
	return 0;
}

START_TEST(body_may_cancel_its_group_and_keeps_its_result)
{
	static const intptr_t results[] = {0, 7, -EIO, -ECANCELED};
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(result_of(cancels_its_own, (void *)results[i]),
				 results[i] == -ECANCELED ? 0 : (int)results[i]);
	struct coro_future *task = start(cancels_its_own_in_cleanup, NULL);
	cancel(task);
	run();
	assert_ended(task, 0);
	trace_take();
}
END_TEST

static int is_cancelled_too(void *body_sleeps)
{
	create(0, 0);
	add(sleeps, 50);
	add(cancels_the_group, 3);
	return coro_group_end(group, coro_sleep((intptr_t)body_sleeps));
}

START_TEST(cancellation_by_others_at_that_time_is_not_lost)
{
	for (int i = 0; i < 2; i++) {
		struct coro_future *task = spawn(is_cancelled_too, (void *)(intptr_t)(i ? 20 : 1));
		at(coro_loop_time(loop) + 3, cancel_it, task);
		run();
		assert_ended(task, -ECANCELED);
	}
	trace_take();
}
END_TEST

static int fails_when_cancelled(void *arg)
{
	return coro_sleep(50) < 0 ? -EIO : 0;
}

static int has_one_that_fails_then(void *arg)
{
	create(0, 0);
	add(fails_when_cancelled, 0);
	add(cancels_the_group, 3);
	return coro_group_end(group, coro_sleep(20));
}

START_TEST(failure_in_a_cancelled_group_is_its_end)
{
	ck_assert_int_eq(result_of(has_one_that_fails_then, NULL), -EIO);
	ck_assert_int_eq(coro_group_cancel(NULL), -EINVAL);
}
END_TEST

static int cancels_when_it_starts(void *arg)
{
	ck_assert_int_eq(coro_group_cancel(group), 0);
	return sleeps((void *)50);
}

static int has_an_eager_one_that_cancels(void *arg)
{
	struct coro_options eager = {.flags = CORO_EAGER_START};
	create(0, 0);
	ck_assert_int_eq(coro_group_spawn_with(group, &eager, cancels_when_it_starts, NULL, NULL),
			 0);
	int r = coro_group_end(group, 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	return r;
}

START_TEST(eager_member_may_cancel_the_group_it_comes_into)
{
	ck_assert_int_eq(result_of(has_an_eager_one_that_cancels, NULL), 0);
	ck_assert_trace("50!");
	assert_time(1);
}
END_TEST

/* ---- one that says when it is ready ---- */

struct server {
	int64_t takes; /* to be ready; -1: it never is */
	int result;
	int64_t cleanup;
};

static int serves(void *arg)
{
	const struct server *server = arg;
	static int port = 80;
	int r = coro_sleep(server->takes < 0 ? -server->takes : server->takes);
	if (r < 0) {
		coro_sleep(server->cleanup);
		trace("stopped");
	}
	if (r < 0 || server->takes < 0)
		return r < 0 ? r : server->result < 0 ? coro_raise(server->result, "no port") : 0;
	ck_assert_int_eq(coro_started(&port), 0);
	ck_assert_int_eq(coro_started(&port), -EALREADY);
	r = coro_sleep(5);
	trace("served%s", r < 0 ? "!" : "");
	return r < 0 ? r : server->result;
}

static int starts(void *server)
{
	void *value = NULL;
	struct coro_future *task = NULL;
	create(0, 0);
	int r = coro_group_start(group, serves, server, &value, &task);
	trace("%d:%s", (int)coro_loop_time(loop), r < 0 ? coro_message(r) : "ready");
	if (r == 0)
		ck_assert_int_eq(*(int *)value, 80);
	ck_assert((task != NULL) == (r == 0));
	coro_future_unref(task);
	return coro_group_end(group, r < 0 ? 1 : 0);
}

START_TEST(start_gives_what_the_task_gives_when_it_is_ready)
{
	ck_assert_int_eq(result_of(starts, &(struct server){.takes = 3}), 0);
	ck_assert_trace("3:ready served");
	assert_time(8);
}
END_TEST

START_TEST(one_that_is_ready_is_a_member_like_any_other)
{
	ck_assert_int_eq(result_of(starts, &(struct server){.takes = 3, .result = -EIO}), -EIO);
	ck_assert_trace("3:ready served");
}
END_TEST

START_TEST(one_that_ends_before_fails_the_start_and_not_the_group)
{
	ck_assert_int_eq(result_of(starts, &(struct server){.takes = -3, .result = -EIO}), 1);
	ck_assert_trace("3:no port");
	ck_assert_int_eq(result_of(starts, &(struct server){.takes = -3}), 1);
	ck_assert_trace("6:coro_group_start: the task ended unready");
}
END_TEST

START_TEST(who_starts_one_and_is_cancelled_ends_it_and_waits_for_that)
{
	struct server server = {.takes = 50, .cleanup = 4};
	struct coro_future *task = start(starts, &server);
	at(3, cancel_it, task);
	run();
	ck_assert_trace("stopped 7:Operation canceled");
	assert_ended(task, 1);
}
END_TEST

static struct coro_future *starter;

static int is_ready_and_cancels(void *arg)
{
	static int port = 80;
	coro_sleep(3);
	ck_assert_int_eq(coro_started(&port), 0);
	cancel(starter);
	return 0;
}

static int starts_one_that_cancels_it(void *arg)
{
	void *value;
	create(0, 0);
	ck_assert_int_eq(coro_group_start(group, is_ready_and_cancels, NULL, &value, NULL), 0);
	ck_assert_int_eq(*(int *)value, 80);
	return coro_group_end(group, coro_sleep(9));
}

START_TEST(cancellation_in_the_turn_it_is_ready_is_for_the_next_wait)
{
	starter = spawn(starts_one_that_cancels_it, NULL);
	run();
	assert_time(3);
	assert_ended(starter, -ECANCELED);
}
END_TEST

/* Comes first in each turn, and cancels in that one. */
static void cancels_starter(void *left)
{
	if (--*(int *)left < 0)
		cancel(starter);
	else
		coro_call_soon(loop, cancels_starter, left, NULL);
}

/* Also where it is ready after the cancellation and before who has started it runs. */
START_TEST(one_that_is_started_and_cancelled_has_begun_or_was_stopped)
{
	struct server server = {.takes = 0};
	int left = _i;
	coro_call_soon(loop, cancels_starter, &left, NULL);
	starter = spawn(starts, &server);
	run();
	const char *what = trace_take();
	bool begun = strcmp(what, "0:ready served!") == 0;
	ck_assert_msg(begun || !*what || strstr(what, "0:Operation canceled"), "%s", what);
	assert_ended(starter, begun || !*what ? -ECANCELED : 1);
}
END_TEST

static int says_too_much(void *arg)
{
	ck_assert_int_eq(coro_started(NULL), -EPERM);
	ck_assert_int_eq(coro_group_start(NULL, serves, NULL, NULL, NULL), -EINVAL);
	return 0;
}

START_TEST(only_a_task_that_is_started_so_can_say_it_is_ready)
{
	ck_assert_int_eq(coro_started(NULL), -EPERM);
	ck_assert_int_eq(result_of(says_too_much, NULL), 0);
}
END_TEST

START_TEST(loop_can_be_closed_while_one_starts)
{
	struct coro_loop *plain = loop;
	for (int turns = 0; turns < 4; turns++) {
		struct server server = {.takes = 0};
		loop_setup();
		struct coro_future *task = spawn(starts, &server);
		for (int i = 0; i < turns; i++)
			turn();
		coro_future_unref(task);
		loop_teardown();
	}
	loop = plain;
	trace_take();
}
END_TEST

/* ---- a copy of the argument ---- */

static int adds(void *arg)
{
	const int *pair = arg;
	ck_assert_uint_eq((uintptr_t)arg % _Alignof(max_align_t), 0);
	trace("%d", pair[0] + pair[1]);
	return coro_sleep(1);
}

static int spawns_over_locals(void *arg)
{
	create(0, 0);
	for (int i = 0; i < 3; i++) {
		int pair[2] = {i, 10};
		ck_assert_int_eq(coro_group_spawn_copy(group, adds, pair, sizeof(pair), NULL), 0);
		ck_assert_int_eq(coro_spawn_copy(adds, pair, sizeof(pair), NULL), 0);
		memset(pair, 0, sizeof(pair));
	}
	ck_assert_int_eq(coro_spawn_copy(adds, NULL, 1, NULL), -EINVAL);
	ck_assert_int_eq(coro_spawn_copy(NULL, NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(coro_spawn_copy(adds, arg, CORO_COPY_MOST + 1, NULL), -EINVAL);
	return coro_group_end(group, 0);
}

START_TEST(tasks_that_have_a_copy_can_be_spawned_in_a_loop_over_locals)
{
	ck_assert_int_eq(coro_spawn_copy(adds, "", 1, NULL), -EPERM);
	ck_assert_int_eq(result_of(spawns_over_locals, loop), 0);
	ck_assert_trace("10 10 11 11 12 12");
}
END_TEST

static int sums(void *arg)
{
	int sum = 0;
	for (int i = 0; i < CORO_COPY_MOST; i++)
		sum += ((unsigned char *)arg)[i];
	return sum;
}

static int spawns_with_much(void *arg)
{
	static unsigned char much[CORO_COPY_MOST];
	struct coro_future *task;
	memset(much, 1, sizeof(much));
	ck_assert_int_eq(coro_spawn_copy(sums, much, sizeof(much), &task), 0);
	int r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(copy_may_be_large)
{
	ck_assert_int_eq(result_of(spawns_with_much, NULL), CORO_COPY_MOST);
}
END_TEST

static int cancels_one_with_a_copy(void *arg)
{
	struct coro_future *task;
	int pair[2] = {1, 2};
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_spawn_copy(adds, pair, sizeof(pair), &task), 0);
		if (i < 2)
			cancel(task);
		coro_future_unref(task);
	}
	return arg ? 0 : coro_sleep(1);
}

START_TEST(copy_goes_with_a_task_that_never_runs)
{
	struct coro_loop *plain = loop;
	ck_assert_int_eq(result_of(cancels_one_with_a_copy, NULL), 0);
	ck_assert_trace("3");
	loop_setup();
	coro_future_unref(start(cancels_one_with_a_copy, loop));
	loop_teardown();
	loop = plain;
	ck_assert_trace("");
}
END_TEST

/* ---- memory ---- */

static int is_ready(void *arg)
{
	return coro_started(arg);
}

static int quick(void *arg)
{
	return coro_task_yield();
}

static int program(void *arg)
{
	struct coro_group_options options = {.limit = 2};
	struct coro_group *mine;
	int item = 5;
	void *value;
	int r = coro_group_create_with(&options, &mine);
	if (r < 0)
		return r;
	for (int i = 0; r == 0 && i < 5; i++)
		r = coro_group_spawn_copy(mine, quick, &item, sizeof(item), NULL);
	if (r == 0)
		r = coro_group_start(mine, is_ready, &item, &value, NULL);
	if (r == 0)
		r = coro_spawn_copy(quick, &item, sizeof(item), NULL);
	int end = coro_group_end(mine, r);
	return end < 0 ? -ENOMEM : r;
}

START_TEST(any_allocation_may_fail)
{
	fail_each_allocation(program);
}
END_TEST

static int ends_at_once(void *arg)
{
	return 0;
}

static int spawns_after_a_failure(void *arg)
{
	struct coro_options tiny = {.stack_size = 1};
	create(1, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(coro_group_spawn_with(group, &tiny, ends_at_once, NULL, NULL),
				 -EINVAL);
	ck_assert_int_eq(coro_group_spawn(group, ends_at_once, NULL, NULL), 0);
	return coro_group_end(group, 0);
}

START_TEST(one_that_cannot_be_spawned_takes_no_place)
{
	ck_assert_int_eq(result_of(spawns_after_a_failure, NULL), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);

	tcase_add_test(tests, no_more_run_at_once_than_the_limit_allows);
	tcase_add_test(tests, who_waits_for_room_is_let_in_in_the_order_they_came);
	tcase_add_test(tests, room_of_one_that_is_cancelled_when_let_in_is_not_lost);
	tcase_add_loop_test(tests, who_waits_for_room_in_a_group_that_fails_is_refused, 0, 2);

	tcase_add_test(tests, failure_in_an_independent_group_stops_nobody);
	tcase_add_test(tests, body_that_fails_ends_an_independent_group);

	tcase_add_test(tests, group_that_a_member_cancels_ends_without_an_error);
	tcase_add_test(tests, body_may_cancel_its_group_and_keeps_its_result);
	tcase_add_test(tests, cancellation_by_others_at_that_time_is_not_lost);
	tcase_add_test(tests, failure_in_a_cancelled_group_is_its_end);
	tcase_add_test(tests, eager_member_may_cancel_the_group_it_comes_into);

	tcase_add_test(tests, start_gives_what_the_task_gives_when_it_is_ready);
	tcase_add_test(tests, one_that_is_ready_is_a_member_like_any_other);
	tcase_add_test(tests, one_that_ends_before_fails_the_start_and_not_the_group);
	tcase_add_test(tests, who_starts_one_and_is_cancelled_ends_it_and_waits_for_that);
	tcase_add_test(tests, cancellation_in_the_turn_it_is_ready_is_for_the_next_wait);
	tcase_add_loop_test(tests, one_that_is_started_and_cancelled_has_begun_or_was_stopped, 0,
			    6);
	tcase_add_test(tests, only_a_task_that_is_started_so_can_say_it_is_ready);
	tcase_add_test(tests, loop_can_be_closed_while_one_starts);

	tcase_add_test(tests, tasks_that_have_a_copy_can_be_spawned_in_a_loop_over_locals);
	tcase_add_test(tests, copy_may_be_large);
	tcase_add_test(tests, copy_goes_with_a_task_that_never_runs);

	tcase_add_test(tests, any_allocation_may_fail);
	tcase_add_test(tests, one_that_cannot_be_spawned_takes_no_place);
}

TEST_MAIN("member", add_tests)
