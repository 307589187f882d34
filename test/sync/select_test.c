/* SPDX-License-Identifier: MIT */
/*
 * Select: exactly one of several sends and receives happens. Go's semantics, where a test's name
 * says so; and random programs, in which every item that was sent comes out once.
 */
#include "tasks.h"

#include "base/random.h"

CORO_CHANNEL(letters, char);

/* Two channels of letters without a buffer, and one with room for one. */
static struct coro_channel *red, *blue, *roomy;
static struct coro_future *a, *b;

static void setup(void)
{
	loop_setup();
	ck_assert_int_eq(letters_create(0, &red), 0);
	ck_assert_int_eq(letters_create(0, &blue), 0);
	ck_assert_int_eq(letters_create(1, &roomy), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(coro_channel_destroy(red), 0);
	ck_assert_int_eq(coro_channel_destroy(blue), 0);
	ck_assert_int_eq(coro_channel_destroy(roomy), 0);
	loop_teardown();
}

static void close_it(void *channel)
{
	ck_assert_int_eq(coro_channel_close(channel), 0);
}

static bool can_put(struct coro_channel *channel, char letter)
{
	int r = letters_try_send(channel, letter);
	ck_assert(r == 0 || r == -EAGAIN);
	return r == 0;
}

static void put(struct coro_channel *channel, char letter)
{
	ck_assert(can_put(channel, letter));
}

/* The letters that can be received at once, '-' for none. */
static char get(struct coro_channel *channel)
{
	char letter = '?';
	int r = letters_try_receive(channel, &letter);
	ck_assert(r == 0 || r == -EAGAIN);
	return r == 0 ? letter : '-';
}

static const char *mark(int r)
{
	return r == 0            ? ""
	       : r == -ECANCELED ? "!"
	       : r == -ETIMEDOUT ? "-late"
	       : r == -EPIPE     ? "-closed"
				 : "?";
}

/* A select for a task to make: up to four cases, and a timeout. */
struct plan {
	const char *name;
	struct coro_select_case cases[4];
	size_t count;
	int64_t timeout;
	char letter; /* what the plans below receive */
	bool again;  /* gives way afterwards, and traces the result */
};

/* Traces which case happened, and its result. */
static int selects(void *arg)
{
	struct plan *plan = arg;
	int r = coro_select(plan->cases, plan->count, plan->timeout);
	if (r < 0)
		trace("%s%s", plan->name, mark(r));
	else if (plan->cases[r].result < 0 || plan->cases[r].direction == CORO_SEND)
		trace("%s%d%s", plan->name, r, mark(plan->cases[r].result));
	else
		trace("%s%d%c", plan->name, r, plan->letter);
	if (plan->again)
		trace("then%s", mark(coro_task_yield()));
	return r;
}

/* Receives from red or blue. */
static struct plan either = {.name = "a"};
/* Sends to red or blue. */
static struct plan offer = {.name = "b"};

static void plan(void)
{
	static char letter = 'o';
	either = (struct plan){
		.name = "a",
		.cases = {{.channel = red, .item = &either.letter},
			  {.channel = blue, .item = &either.letter}},
		.count = 2,
		.timeout = CORO_FOREVER,
		.letter = '?',
	};
	offer = (struct plan){
		.name = "b",
		.cases = {{.channel = red, .direction = CORO_SEND, .item = &letter},
			  {.channel = blue, .direction = CORO_SEND, .item = &letter}},
		.count = 2,
		.timeout = CORO_FOREVER,
	};
}

static void planned_setup(void)
{
	setup();
	plan();
}

static int sends_to(void *channel)
{
	int r = letters_send(channel, 's');
	trace("sent%s", mark(r));
	return r;
}

static int receives_from(void *channel)
{
	char letter = '?';
	int r = letters_receive(channel, &letter);
	trace("received-%c%s", letter, mark(r));
	return r;
}

/* No task waits in these any more. */
static void assert_lines_empty(void)
{
	ck_assert(!can_put(red, 'x') && !can_put(blue, 'x'));
	ck_assert(get(red) == '-' && get(blue) == '-');
}

/* ---- misuse ---- */

static void *selects_in_another_thread(void *result)
{
	*(int *)result = coro_select(either.cases, 2, 0);
	return NULL;
}

START_TEST(what_cannot_be_is_refused_and_nothing_is_done)
{
	int r = 0;
	put(roomy, 'x');
	either.cases[0].channel = roomy; /* is ready */
	ck_assert_int_eq(coro_select(NULL, 1, 0), -EINVAL);
	ck_assert_int_eq(coro_select(either.cases, (size_t)INT32_MAX + 1, 0), -EINVAL);
	either.cases[1].direction = (enum coro_direction)2;
	ck_assert_int_eq(coro_select(either.cases, 2, 0), -EINVAL);
	either.cases[1] = (struct coro_select_case){.channel = blue, .direction = CORO_SEND};
	ck_assert_int_eq(coro_select(either.cases, 2, 0), -EINVAL);
	either.cases[1] = (struct coro_select_case){.channel = blue};
	in_thread(selects_in_another_thread, &r);
	ck_assert_int_eq(r, -EPERM);
	ck_assert_int_eq(get(roomy), 'x');
	ck_assert_int_eq(either.letter, '?');
}
END_TEST

static void selects_outside_tasks(void *arg)
{
	ck_assert_int_eq(coro_select(either.cases, 2, CORO_FOREVER), -EPERM);
	ck_assert_int_eq(coro_select(either.cases, 2, 1), -EPERM);
	ck_assert_int_eq(coro_select(NULL, 0, 1), -EPERM);
	ck_assert_int_eq(coro_select(either.cases, 2, 0), -ETIMEDOUT);
	ck_assert_int_eq(coro_select(NULL, 0, 0), -ETIMEDOUT);
	put(roomy, 'r');
	struct coro_select_case ready[] = {{.channel = roomy, .item = &either.letter}};
	ck_assert_int_eq(coro_select(ready, 1, CORO_FOREVER), 0);
	ck_assert_int_eq(either.letter, 'r');
}

START_TEST(outside_a_task_only_what_need_not_wait_is_done)
{
	selects_outside_tasks(NULL);
	call_outside_tasks(selects_outside_tasks, NULL);
	assert_lines_empty();
}
END_TEST

/* ---- without waiting ---- */

START_TEST(go_default_is_a_timeout_of_0)
{
	either.timeout = 0;
	ck_assert_int_eq(result_of(selects, &either), -ETIMEDOUT);
	either.timeout = -5;
	ck_assert_int_eq(result_of(selects, &either), -ETIMEDOUT);
	ck_assert_trace("a-late a-late");
	ck_assert_int_eq(coro_loop_time(loop), 0);
	a = start(sends_to, blue);
	ck_assert_int_eq(result_of(selects, &either), 1);
	ck_assert_trace("a1s sent");
	assert_ended(a, 0);
}
END_TEST

static int selects_then_says(void *arg)
{
	int r = selects(arg);
	trace("first");
	return r;
}

START_TEST(what_is_ready_is_had_without_letting_others_run)
{
	put(roomy, 'x');
	either.cases[1].channel = roomy;
	a = spawn(selects_then_says, &either);
	b = spawn(says, "second");
	run();
	ck_assert_trace("a1x first second");
	assert_ended(a, 1);
	assert_ended(b, 0);
}
END_TEST

START_TEST(go_only_one_of_those_ready_happens)
{
	a = spawn(sends_to, red);
	b = start(sends_to, blue);
	int r = result_of(selects, &either);
	ck_assert(r == 0 || r == 1);
	ck_assert_int_eq(get(r == 0 ? red : blue), '-');
	ck_assert_int_eq(get(r == 0 ? blue : red), 's');
	run();
	trace_take();
	assert_ended(a, 0);
	assert_ended(b, 0);
}
END_TEST

START_TEST(send_is_ready_where_there_is_room_or_somebody_waits)
{
	offer.cases[0].channel = roomy;
	offer.timeout = 0;
	ck_assert_int_eq(result_of(selects, &offer), 0);
	ck_assert_int_eq(result_of(selects, &offer), -ETIMEDOUT);
	a = start(receives_from, blue);
	ck_assert_int_eq(result_of(selects, &offer), 1);
	ck_assert_trace("b0 b-late b1 received-o");
	ck_assert_int_eq(get(roomy), 'o');
	assert_ended(a, 0);
}
END_TEST

START_TEST(go_closed_channel_is_ready_and_says_that_it_is_closed)
{
	close_it(blue);
	ck_assert_int_eq(result_of(selects, &either), 1);
	ck_assert_int_eq(result_of(selects, &offer), 1); /* where Go panics */
	ck_assert_trace("a1-closed b1-closed");
	ck_assert_int_eq(either.letter, '?');
	letters_try_send(roomy, 'x');
	close_it(roomy);
	either.cases[1].channel = roomy;
	ck_assert_int_eq(result_of(selects, &either), 1);
	ck_assert_int_eq(result_of(selects, &either), 1);
	ck_assert_trace("a1x a1-closed");
	ck_assert_int_eq(coro_channel_destroy(blue), 0);
	ck_assert_int_eq(letters_create(0, &blue), 0);
}
END_TEST

START_TEST(go_nil_channel_is_never_ready)
{
	either.cases[0].channel = NULL;
	either.timeout = 5;
	ck_assert_int_eq(result_of(selects, &either), -ETIMEDOUT);
	ck_assert_int_eq(coro_loop_time(loop), 5);
	a = start(selects, &either);
	put(blue, 'x');
	run();
	ck_assert_trace("a-late a1x");
	assert_ended(a, 1);
}
END_TEST

START_TEST(go_select_without_cases_waits_for_ever_or_for_its_time)
{
	struct plan none = {.name = "n", .timeout = 7};
	ck_assert_int_eq(result_of(selects, &none), -ETIMEDOUT);
	ck_assert_int_eq(coro_loop_time(loop), 7);
	none.timeout = CORO_FOREVER;
	a = start(selects, &none);
	run();
	ck_assert(!coro_future_done(a));
	cancel(a);
	run();
	ck_assert_trace("n-late n!");
	assert_ended(a, -ECANCELED);
}
END_TEST

/* ---- fairness ---- */

/* How often each of four cases happens, of which the middle two are ready. */
static void count_choices(int rounds, int counts[4])
{
	close_it(blue);
	either.cases[2] = either.cases[1];
	either.cases[3] = either.cases[0];
	for (int i = 0; i < rounds; i++) {
		int r = coro_select(either.cases, 4, CORO_FOREVER);
		if (r >= 0)
			counts[r]++;
	}
}

static int counts[4];

static int counts_choices(void *arg)
{
	count_choices(4000, counts);
	return 0;
}

START_TEST(go_each_of_those_ready_is_as_likely_as_another)
{
	memset(counts, 0, sizeof(counts));
	ck_assert_int_eq(result_of(counts_choices, NULL), 0);
	ck_assert_int_eq(counts[0] + counts[3], 0);
	ck_assert_int_eq(counts[1] + counts[2], 4000);
	ck_assert_int_gt(counts[1], 1800);
	ck_assert_int_gt(counts[2], 1800);
}
END_TEST

/* Two selects by turns must not settle on one case each. */
static int alternates(void *arg)
{
	int *chosen = arg;
	for (int i = 0; i < 1000; i++) {
		chosen[coro_select(either.cases, 2, 0)]++;
		chosen[2 + coro_select(either.cases, 2, 0)]++;
	}
	return 0;
}

START_TEST(no_case_starves_where_selects_alternate)
{
	int chosen[4] = {0};
	close_it(red);
	close_it(blue);
	ck_assert_int_eq(result_of(alternates, chosen), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_gt(chosen[i], 400);
}
END_TEST

static int notes_choices(void *ret)
{
	char *choices = ret;
	for (int i = 0; i < 40; i++)
		choices[i] = (char)('0' + coro_select(either.cases, 2, 0));
	return 0;
}

START_TEST(choices_follow_from_the_seed_of_the_loop)
{
	enum { SEEDS = 5 };
	char choices[SEEDS][2][41] = {0};
	close_it(red);
	close_it(blue);
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct coro_loop_options options = {.seed = seed};
		ck_assert_int_eq(coro_run_with(&options, notes_choices, choices[seed][0]), 0);
		ck_assert_int_eq(coro_run_with(&options, notes_choices, choices[seed][1]), 0);
		ck_assert_str_eq(choices[seed][0], choices[seed][1]);
		for (uint64_t other = 0; other < seed; other++)
			ck_assert_str_ne(choices[seed][0], choices[other][0]);
	}
}
END_TEST

/* ---- waiting ---- */

START_TEST(go_first_to_come_is_the_one_and_the_others_are_left)
{
	a = start(selects, &either);
	ck_assert(!coro_future_done(a));
	put(blue, '1');
	ck_assert(!can_put(blue, '2') && !can_put(red, '2'));
	run();
	ck_assert_trace("a11");
	assert_ended(a, 1);

	a = start(selects, &offer);
	ck_assert_int_eq(get(red), 'o');
	ck_assert(get(red) == '-' && get(blue) == '-');
	run();
	ck_assert_trace("b0");
	assert_ended(a, 0);
	assert_lines_empty();
}
END_TEST

START_TEST(who_was_served_has_its_item_before_it_runs)
{
	a = start(selects, &either);
	put(red, 'r');
	ck_assert_int_eq(either.letter, 'r');
	ck_assert_int_eq(either.cases[0].result, 0);
	run();
	ck_assert_trace("a0r");
	assert_ended(a, 0);
}
END_TEST

START_TEST(tasks_that_wait_by_select_and_without_stand_in_one_line)
{
	struct coro_future *plain, *last;
	struct plan second = either;
	second.name = "c";
	second.cases[0].item = second.cases[1].item = &second.letter;
	a = start(selects, &either);
	plain = start(receives_from, red);
	last = spawn(selects, &second);
	turn();
	put(red, '1');
	put(red, '2');
	put(red, '3');
	run();
	ck_assert_trace("a01 received-2 c03");
	assert_ended(a, 0);
	assert_ended(plain, 0);
	assert_ended(last, 0);
}
END_TEST

START_TEST(two_selects_meet)
{
	a = start(selects, &either);
	b = start(selects, &offer);
	run();
	int r = coro_future_result(a, NULL);
	ck_assert_int_eq(either.letter, 'o');
	ck_assert_trace(r == 0 ? "b0 a0o" : "b1 a1o");
	assert_ended(a, r);
	assert_ended(b, r);
	assert_lines_empty();
}
END_TEST

/* A select that would both send to and receive from one channel. */
static void plan_both_ways(struct plan *both, const char *name, char *letter)
{
	*both = (struct plan){
		.name = name,
		.cases = {{.channel = red, .direction = CORO_SEND, .item = letter},
			  {.channel = red, .item = &both->letter}},
		.count = 2,
		.timeout = 9,
	};
}

START_TEST(go_select_does_not_send_to_itself)
{
	struct plan both;
	plan_both_ways(&both, "x", &(char){'x'});
	ck_assert_int_eq(result_of(selects, &both), -ETIMEDOUT);
	a = start(selects, &both);
	put(red, 'p');
	run();
	ck_assert_trace("x-late x1p");
	assert_ended(a, 1);
	a = start(selects, &both);
	ck_assert_int_eq(get(red), 'x');
	run();
	ck_assert_trace("x0");
	assert_ended(a, 0);
	assert_lines_empty();
}
END_TEST

START_TEST(two_that_would_do_either_meet_on_one_channel)
{
	struct plan x, y;
	plan_both_ways(&x, "x", &(char){'x'});
	plan_both_ways(&y, "y", &(char){'y'});
	a = start(selects, &x);
	b = start(selects, &y);
	run();
	int sent = coro_future_result(a, NULL) == 0;
	ck_assert_trace(sent ? "y1x x0" : "y0 x1y");
	assert_ended(a, !sent);
	assert_ended(b, sent);
	assert_lines_empty();
}
END_TEST

START_TEST(channel_may_stand_in_several_cases)
{
	either.cases[1].channel = red;
	either.cases[2] = offer.cases[1];
	either.count = 3;
	a = start(selects, &either);
	put(red, 'r');
	ck_assert(!can_put(red, 's'));
	run();
	ck_assert_trace("a0r");
	assert_ended(a, 0);

	a = start(selects, &either);
	close_it(red);
	run();
	ck_assert_trace("a0-closed");
	assert_ended(a, 0);
	ck_assert_int_eq(get(blue), '-');
}
END_TEST

START_TEST(item_of_a_waiting_select_moves_into_the_buffer_in_its_turn)
{
	put(roomy, '1');
	offer.cases[1].channel = roomy;
	a = start(selects, &offer);
	b = start(sends_to, roomy);
	ck_assert_int_eq(get(roomy), '1');
	ck_assert_int_eq(get(red), '-'); /* withdrawn there */
	ck_assert_int_eq(get(roomy), 'o');
	ck_assert_int_eq(get(roomy), 's');
	run();
	ck_assert_trace("b1 sent");
	assert_ended(a, 1);
	assert_ended(b, 0);
}
END_TEST

START_TEST(go_close_wakes_who_waits_by_select)
{
	a = start(selects, &either);
	close_it(red);
	run();
	ck_assert_trace("a0-closed");
	assert_ended(a, 0);
	offer.cases[0].channel = NULL;
	b = start(selects, &offer);
	close_it(blue);
	run();
	ck_assert_trace("b1-closed");
	assert_ended(b, 1);
}
END_TEST

START_TEST(channels_may_be_destroyed_as_soon_as_who_waited_was_served)
{
	a = start(selects, &either);
	ck_assert_int_eq(coro_channel_destroy(red), -EBUSY);
	ck_assert_int_eq(coro_channel_destroy(blue), -EBUSY);
	put(red, 'r');
	ck_assert_int_eq(coro_channel_destroy(red), 0);
	ck_assert_int_eq(coro_channel_destroy(blue), 0);
	red = blue = NULL;
	run();
	ck_assert_trace("a0r");
	assert_ended(a, 0);
}
END_TEST

/* ---- deadlines ---- */

static void put_into(void *channel)
{
	put(channel, 'p');
}

START_TEST(deadline_comes_when_it_is_due_and_the_lines_are_left)
{
	either.timeout = 3;
	a = start(selects, &either);
	run();
	ck_assert_int_eq(coro_loop_time(loop), 3);
	ck_assert_trace("a-late");
	assert_ended(a, -ETIMEDOUT);
	assert_lines_empty();
}
END_TEST

START_TEST(deadline_of_a_select_that_was_served_is_gone)
{
	either.timeout = 3;
	a = start(selects, &either);
	put(red, 'r');
	run();
	ck_assert_int_eq(coro_loop_time(loop), 0);
	ck_assert_trace("a0r");
	assert_ended(a, 0);
}
END_TEST

START_TEST(item_that_comes_before_the_deadline_in_its_tick_is_had)
{
	either.timeout = 3;
	either.again = true;
	at(3, put_into, red);
	a = start(selects, &either);
	run();
	ck_assert_trace("a0p then");
	assert_ended(a, 0);
}
END_TEST

static void cannot_put_into(void *channel)
{
	ck_assert(!can_put(channel, 'p'));
}

START_TEST(item_that_comes_after_the_deadline_in_its_tick_stays)
{
	either.timeout = 3;
	a = start(selects, &either);
	at(3, cannot_put_into, red);
	run();
	ck_assert_trace("a-late");
	assert_ended(a, -ETIMEDOUT);
}
END_TEST

START_TEST(deadline_at_the_end_of_time_never_comes)
{
	either.timeout = CORO_FOREVER - 1;
	at(1, put_into, blue);
	a = start(selects, &either);
	run();
	ck_assert_trace("a1p");
	assert_ended(a, 1);
}
END_TEST

static int selects_in_a_scope(void *arg)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	int r = coro_timeout_end(&timeout, selects(arg));
	trace("then%s", mark(coro_task_yield()));
	return r;
}

START_TEST(scope_with_a_timeout_ends_a_select)
{
	a = start(selects_in_a_scope, &either);
	run();
	ck_assert_trace("a! then");
	assert_ended(a, -ETIMEDOUT);
	assert_lines_empty();
	at(6, put_into, blue);
	a = start(selects_in_a_scope, &either);
	run();
	ck_assert_trace("a1p then");
	assert_ended(a, 1);
}
END_TEST

/* ---- cancellation ---- */

START_TEST(cancelled_select_leaves_all_lines)
{
	either.timeout = 5;
	a = start(selects, &either);
	cancel(a);
	assert_lines_empty();
	run();
	ck_assert_int_eq(coro_loop_time(loop), 0);
	ck_assert_trace("a!");
	assert_ended(a, -ECANCELED);
}
END_TEST

START_TEST(what_has_happened_stands_if_cancelled_in_the_same_turn)
{
	either.again = offer.again = true;
	a = start(selects, &either);
	put(blue, 'x');
	cancel(a);
	run();
	ck_assert_trace("a1x then!");
	assert_ended(a, 1);
	b = start(selects, &offer);
	ck_assert_int_eq(get(blue), 'o');
	cancel(b);
	run();
	ck_assert_trace("b1 then!");
	coro_future_unref(b);
}
END_TEST

START_TEST(refused_and_cancelled_in_one_turn_is_cancelled)
{
	a = start(selects, &either);
	close_it(red);
	cancel(a);
	run();
	ck_assert_trace("a!");
	assert_ended(a, -ECANCELED);
}
END_TEST

START_TEST(late_and_cancelled_in_one_turn_is_cancelled)
{
	either.timeout = 3;
	a = start(selects, &either);
	at(3, cancel_it, a);
	run();
	ck_assert_trace("a!");
	assert_ended(a, -ECANCELED);
}
END_TEST

static int is_cancelled_before(void *arg)
{
	cancel(coro_current_task());
	return selects(arg);
}

START_TEST(cancellation_from_before_arrives_where_it_waits)
{
	ck_assert_int_eq(result_of(is_cancelled_before, &either), -ECANCELED);
	put(roomy, 'x');
	either.cases[0].channel = roomy;
	either.again = true;
	result_of(is_cancelled_before, &either);
	ck_assert_trace("a! a0x then!");
	assert_lines_empty();
}
END_TEST

/* ---- ends ---- */

START_TEST(task_that_is_discarded_leaves_all_lines)
{
	either.timeout = 5;
	coro_future_unref(start(selects, &either));
	loop_teardown();
	assert_lines_empty();
	loop_setup();
	coro_future_unref(start(selects, &either));
	put(red, 'x'); /* served, but it has not run */
	loop_teardown();
	assert_lines_empty();
	loop_setup();
	ck_assert_trace("");
}
END_TEST

enum { MANY = 100 };

static int selects_of_many(void *arg)
{
	char letter;
	struct coro_select_case cases[MANY];
	for (int i = 0; i < MANY; i++)
		cases[i] = (struct coro_select_case){.channel = i % 3 == 2 ? NULL : red,
						     .item = &letter};
	for (int i = 0; i < MANY; i++) {
		int r = coro_select(cases, MANY, i % 2 ? CORO_FOREVER : 10);
		if (r < 0)
			return r;
	}
	return 0;
}

static int sends_many(void *arg)
{
	int r = 0;
	for (int i = 0; i < MANY && r == 0; i++)
		r = i % 3 ? letters_send(red, 'm') : coro_select(offer.cases, 2, 10);
	return r < 0 ? r : 0;
}

START_TEST(waiting_for_any_number_allocates_nothing)
{
	a = start(selects_of_many, NULL);
	b = spawn(sends_many, NULL);
	struct coro_future *c = start(says, "started");
	ck_assert_uint_eq(allocations_of_run(), 0);
	ck_assert_trace("started");
	assert_ended(a, 0);
	assert_ended(b, 0);
	assert_ended(c, 0);
}
END_TEST

/* ---- random programs ---- */

/*
 * Tasks do what a seed says: they send, receive and select, with deadlines, and cancel each other.
 * Each item has a number, and the model knows where it is.
 */
enum { TASKS = 6, CHANNELS = 4, STEPS = 60, CALLS = 60, ITEMS = CALLS + TASKS * STEPS * 4 };
enum fate { UNKNOWN, OFFERED, SENT, FAILED };

static struct {
	uint64_t random;
	struct coro_channel *channels[CHANNELS];
	struct coro_future *tasks[TASKS];
	bool cancelled[TASKS]; /* asked for, and not seen yet */
	bool over;             /* no more steps */

	int items; /* made so far */
	struct {
		enum fate fate;
		int channel, received;
	} item[ITEMS];
} model;

/*
 * How often things happened that are to happen, over all programs. In time: an item just before the
 * deadline; kept off: a cancellation, by an item.
 */
static struct {
	int sent, received, closed, late, in_time, cancelled, kept_off;
} seen;

static int pick(int below)
{
	return (int)(random_next(&model.random) % (uint64_t)below);
}

static int make_item(int channel)
{
	ck_assert_int_lt(model.items, ITEMS);
	model.item[model.items].fate = OFFERED;
	model.item[model.items].channel = channel;
	return model.items++;
}

static void note_sent(int item, int r)
{
	ck_assert_int_eq(model.item[item].fate, OFFERED);
	model.item[item].fate = r == 0 ? SENT : FAILED;
	ck_assert(r == 0 || model.item[item].received == 0);
	seen.sent += r == 0;
}

/* An item may be received before its sender has run on to know it. */
static void note_received(int channel, int item)
{
	ck_assert(item >= 0 && item < model.items);
	ck_assert_int_eq(model.item[item].channel, channel);
	ck_assert(model.item[item].fate == OFFERED || model.item[item].fate == SENT);
	ck_assert_int_eq(model.item[item].received++, 0);
	seen.received++;
}

/* A cancellation is seen once, if it was asked for, and by a call that waits at the latest. */
static void note_result(int self, int r, bool has_waited)
{
	if (r == -ECANCELED) {
		ck_assert(model.cancelled[self]);
		model.cancelled[self] = false;
		seen.cancelled++;
	}
	seen.kept_off += r >= 0 && model.cancelled[self];
	seen.closed += r == -EPIPE;
	seen.late += r == -ETIMEDOUT;
	ck_assert(!has_waited || !model.cancelled[self]);
}

static int step_send(bool wait)
{
	int channel = pick(CHANNELS), item = make_item(channel);
	int r = wait ? coro_channel_send(model.channels[channel], &item)
		     : coro_channel_try_send(model.channels[channel], &item);
	note_sent(item, r);
	return r;
}

static int step_receive(bool wait)
{
	int channel = pick(CHANNELS), item = -1;
	int r = wait ? coro_channel_receive(model.channels[channel], &item)
		     : coro_channel_try_receive(model.channels[channel], &item);
	if (r == 0)
		note_received(channel, item);
	else
		ck_assert_int_eq(item, -1);
	return r;
}

static int step_select(void)
{
	struct coro_select_case cases[4];
	int items[4], channels[4], count = pick(5);
	for (int i = 0; i < count; i++) {
		channels[i] = pick(CHANNELS);
		cases[i] = (struct coro_select_case){
			.channel = pick(8) ? model.channels[channels[i]] : NULL,
			.direction = pick(2) ? CORO_SEND : CORO_RECEIVE,
			.item = &items[i],
			.result = 1,
		};
		items[i] = cases[i].direction == CORO_SEND ? make_item(channels[i]) : -1;
	}
	int r = coro_select(cases, (size_t)count, pick(4) ? pick(4) : CORO_FOREVER);
	for (int i = 0; i < count; i++) {
		if (cases[i].direction == CORO_SEND)
			note_sent(items[i], i == r ? cases[i].result : -EAGAIN);
		else if (i == r && cases[i].result == 0)
			note_received(channels[i], items[i]);
		else
			ck_assert_int_eq(items[i], -1);
		/* A task that is cancelled as its channel is closed may get -EPIPE. */
		if (i != r && r != -ECANCELED)
			ck_assert_int_eq(cases[i].result, 1);
	}
	return r >= 0 && cases[r].result < 0 ? cases[r].result : r;
}

static int step_in_a_scope(void)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 1 + pick(3));
	if (r == 0)
		r = pick(2) ? step_send(true) : step_receive(true);
	seen.in_time += r == 0 && coro_timeout_expired(&timeout);
	return coro_timeout_end(&timeout, r);
}

static int step_cancel(void)
{
	int whom = pick(TASKS);
	if (coro_cancel(model.tasks[whom]) > 0)
		model.cancelled[whom] = true;
	return 0;
}

static int step(bool *waited)
{
	switch (pick(13)) {
	case 0 ... 1:
		return step_send(true);
	case 2 ... 3:
		return step_receive(true);
	case 4:
		return step_send(false);
	case 5:
		return step_receive(false);
	case 6 ... 8:
		return step_select();
	case 9:
		return step_in_a_scope();
	case 10:
		return step_cancel();
	case 11:
		*waited = true;
		return coro_sleep(pick(4));
	default:
		*waited = true;
		return coro_task_yield();
	}
}

static int steps(void *arg)
{
	int self = (int)(long)arg;
	for (int i = 0; i < STEPS && !model.over; i++) {
		bool waited = false;
		int r = step(&waited);
		note_result(self, r, waited);
	}
	return 0;
}

/* All items that are left are received, or their senders refused; then no task waits. */
static void end_program(void)
{
	model.over = true;
	for (int i = 0; i < CHANNELS; i++)
		if (!coro_channel_closed(model.channels[i]))
			close_it(model.channels[i]);
	for (int i = 0; i < TASKS; i++)
		if (coro_cancel(model.tasks[i]) > 0)
			model.cancelled[i] = true;
	run();
	for (int i = 0; i < TASKS; i++) {
		ck_assert(coro_future_done(model.tasks[i]));
		coro_future_unref(model.tasks[i]);
	}
	for (int i = 0; i < CHANNELS; i++) {
		for (int item; coro_channel_try_receive(model.channels[i], &item) == 0;)
			note_received(i, item);
		ck_assert_int_eq(coro_channel_destroy(model.channels[i]), 0);
	}
	for (int i = 0; i < model.items; i++)
		ck_assert_int_eq(model.item[i].received, model.item[i].fate == SENT);
}

static void close_a_channel(void *arg)
{
	int channel = pick(CHANNELS);
	if (!model.over && !coro_channel_closed(model.channels[channel]))
		close_it(model.channels[channel]);
}

/* From a callback, so that it may meet a deadline in its tick. */
static void send_or_receive(void *arg)
{
	if (pick(2))
		step_send(false);
	else
		step_receive(false);
}

static void run_program(uint64_t seed)
{
	static const size_t capacities[CHANNELS] = {0, 0, 1, 3};
	memset(&model, 0, sizeof(model));
	model.random = random_state(seed);
	for (int i = 0; i < CHANNELS; i++)
		ck_assert_int_eq(
			coro_channel_create(sizeof(int), capacities[i], &model.channels[i]), 0);
	for (int i = 0; i < TASKS; i++)
		model.tasks[i] = spawn(steps, (void *)(long)i);
	int64_t now = coro_loop_time(loop);
	for (int i = 0; i < CALLS; i++)
		at(now + pick(20), send_or_receive, NULL);
	if (pick(2))
		at(now + pick(20), close_a_channel, NULL);
	run();
	end_program();
}

START_TEST(random_programs_lose_no_item_and_no_cancellation)
{
	int programs = many(400, 25);
	memset(&seen, 0, sizeof(seen));
	for (int seed = 1; seed <= programs; seed++)
		run_program((uint64_t)seed);
	ck_assert_int_gt(seen.sent, 20 * programs);
	ck_assert_int_eq(seen.sent, seen.received);
	ck_assert_int_gt(seen.closed, programs);
	ck_assert_int_gt(seen.late, programs);
	ck_assert_int_gt(seen.cancelled, programs);
	ck_assert_int_gt(seen.kept_off, programs / 4);
	ck_assert_int_gt(seen.in_time, programs / 20);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, planned_setup, teardown);
	tcase_add_test(tests, what_cannot_be_is_refused_and_nothing_is_done);
	tcase_add_test(tests, outside_a_task_only_what_need_not_wait_is_done);
	tcase_add_test(tests, go_default_is_a_timeout_of_0);
	tcase_add_test(tests, what_is_ready_is_had_without_letting_others_run);
	tcase_add_test(tests, go_only_one_of_those_ready_happens);
	tcase_add_test(tests, send_is_ready_where_there_is_room_or_somebody_waits);
	tcase_add_test(tests, go_closed_channel_is_ready_and_says_that_it_is_closed);
	tcase_add_test(tests, go_nil_channel_is_never_ready);
	tcase_add_test(tests, go_select_without_cases_waits_for_ever_or_for_its_time);
	tcase_add_test(tests, go_each_of_those_ready_is_as_likely_as_another);
	tcase_add_test(tests, no_case_starves_where_selects_alternate);
	tcase_add_test(tests, choices_follow_from_the_seed_of_the_loop);
	tcase_add_test(tests, go_first_to_come_is_the_one_and_the_others_are_left);
	tcase_add_test(tests, who_was_served_has_its_item_before_it_runs);
	tcase_add_test(tests, tasks_that_wait_by_select_and_without_stand_in_one_line);
	tcase_add_test(tests, two_selects_meet);
	tcase_add_test(tests, go_select_does_not_send_to_itself);
	tcase_add_test(tests, two_that_would_do_either_meet_on_one_channel);
	tcase_add_test(tests, channel_may_stand_in_several_cases);
	tcase_add_test(tests, item_of_a_waiting_select_moves_into_the_buffer_in_its_turn);
	tcase_add_test(tests, go_close_wakes_who_waits_by_select);
	tcase_add_test(tests, channels_may_be_destroyed_as_soon_as_who_waited_was_served);
	tcase_add_test(tests, deadline_comes_when_it_is_due_and_the_lines_are_left);
	tcase_add_test(tests, deadline_of_a_select_that_was_served_is_gone);
	tcase_add_test(tests, item_that_comes_before_the_deadline_in_its_tick_is_had);
	tcase_add_test(tests, item_that_comes_after_the_deadline_in_its_tick_stays);
	tcase_add_test(tests, deadline_at_the_end_of_time_never_comes);
	tcase_add_test(tests, scope_with_a_timeout_ends_a_select);
	tcase_add_test(tests, cancelled_select_leaves_all_lines);
	tcase_add_test(tests, what_has_happened_stands_if_cancelled_in_the_same_turn);
	tcase_add_test(tests, refused_and_cancelled_in_one_turn_is_cancelled);
	tcase_add_test(tests, late_and_cancelled_in_one_turn_is_cancelled);
	tcase_add_test(tests, cancellation_from_before_arrives_where_it_waits);
	tcase_add_test(tests, task_that_is_discarded_leaves_all_lines);
	tcase_add_test(tests, waiting_for_any_number_allocates_nothing);
	tcase_add_test(tests, random_programs_lose_no_item_and_no_cancellation);
}

TEST_MAIN("select", add)
