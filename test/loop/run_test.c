/* SPDX-License-Identifier: MIT */
/* Running a loop: until a future is done, until it is stopped, or for a whole program. */
#include "tasks.h"

static const struct coro_loop_options virtual = {.flags = CORO_VIRTUAL_CLOCK};
static struct coro_future *future;
static int value, other_value;

static void setup(void)
{
	ck_assert_int_eq(coro_loop_create(&virtual, &loop), 0);
	ck_assert_int_eq(coro_future_create(loop, &future), 0);
}

static void teardown(void)
{
	coro_future_unref(future);
	loop_teardown();
}

static void soon(coro_callback *fn, void *arg)
{
	ck_assert_int_eq(coro_call_soon(loop, fn, arg, NULL), 0);
}

/* ---- until a future is done ---- */

static void set_result(void *arg)
{
	ck_assert_int_eq(coro_future_set_result(future, arg), 0);
}

START_TEST(run_gives_the_value_of_the_future)
{
	void *ret = NULL;
	at(5, set_result, &value);
	at(50, trace_word, "too-late");
	ck_assert_int_eq(coro_run_until_complete(loop, future, &ret), 0);
	ck_assert_ptr_eq(ret, &value);
	ck_assert_int_eq(coro_loop_time(loop), 5);
	ck_assert_trace("");
}
END_TEST

START_TEST(run_of_a_done_future_gives_its_value)
{
	void *ret = NULL;
	set_result(&value);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_run_until_complete(loop, future, &ret), 0);
		ck_assert_ptr_eq(ret, &value);
	}
}
END_TEST

static void set_error(void *arg)
{
	ck_assert_int_eq(coro_future_set_error(future, coro_raise(-EIO, "torn")), 0);
}

static void cancel_future(void *arg)
{
	ck_assert_int_eq(coro_cancel(future), 1);
}

START_TEST(run_gives_the_failure_of_the_future)
{
	void *ret = &other_value;
	at(5, set_error, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, future, &ret), -EIO);
	ck_assert_ptr_eq(ret, &other_value);
	ck_assert_str_eq(coro_message(-EIO), "torn");
}
END_TEST

START_TEST(run_of_a_cancelled_future_says_so)
{
	at(5, cancel_future, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, future, NULL), -ECANCELED);
}
END_TEST

static void stop(void *arg)
{
	ck_assert_int_eq(coro_loop_stop(loop), 0);
}

START_TEST(run_that_is_stopped_can_be_taken_up_again)
{
	void *ret = &other_value;
	at(3, stop, NULL);
	at(5, set_result, &value);
	ck_assert_int_eq(coro_run_until_complete(loop, future, &ret), -ESHUTDOWN);
	ck_assert_ptr_eq(ret, &other_value);
	ck_assert_int_eq(coro_loop_time(loop), 3);
	ck_assert_int_eq(coro_run_until_complete(loop, future, &ret), 0);
	ck_assert_ptr_eq(ret, &value);
	ck_assert_int_eq(coro_loop_time(loop), 5);
}
END_TEST

static int awaits(void *arg)
{
	return coro_await(arg, NULL);
}

START_TEST(run_that_cannot_end_says_so)
{
	struct coro_future *task = spawn(awaits, future);
	void *ret = &other_value;
	ck_assert_int_eq(coro_run_until_complete(loop, task, &ret), -EDEADLK);
	ck_assert_int_eq(coro_run_until_complete(loop, future, &ret), -EDEADLK);
	ck_assert_ptr_eq(ret, &other_value);
	/* Nothing is lost by that. */
	set_result(NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, task, &ret), 0);
	coro_future_unref(task);
}
END_TEST

START_TEST(real_clock_finds_deadlocks_too)
{
	struct coro_loop *real;
	struct coro_future *never;
	ck_assert_int_eq(coro_loop_create(NULL, &real), 0);
	ck_assert_int_eq(coro_future_create(real, &never), 0);
	ck_assert_int_eq(coro_run_until_complete(real, never, NULL), -EDEADLK);
	ck_assert_int_eq(coro_run_forever(real), -EDEADLK);
	coro_future_unref(never);
	ck_assert_int_eq(coro_loop_close(real), 0);
}
END_TEST

static int waits_for_event(void *event)
{
	return coro_event_wait(event);
}

static int awaits_in_vain(void *arg)
{
	struct coro_future *never = NULL, *task = NULL;
	struct coro_options named = {.name = "reader", .site = "x.c:12"};
	int r = coro_future_create(coro_running_loop(), &never);
	if (r == 0)
		r = coro_loop_spawn(coro_running_loop(), &named, awaits, never, &task);
	if (r == 0)
		r = coro_await(task, NULL);
	coro_future_unref(task);
	coro_future_unref(never);
	return r;
}

START_TEST(deadlock_names_the_tasks_left_and_what_they_wait_for)
{
	struct coro_future *task = spawn(awaits_in_vain, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EDEADLK);
	const char *message = coro_message(-EDEADLK);
	ck_assert_str_eq(message, "nothing is left to wait for: task 1 waits in task 2 reader; "
				  "2 reader (x.c:12) waits in a future");
	ck_assert_int_eq(coro_cancel(task), 1);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_str_eq(coro_message(-EDEADLK),
			 "nothing is left to wait for, and there is no task");
}
END_TEST

START_TEST(deadlock_of_many_tasks_names_some_and_counts_the_rest)
{
	struct coro_event event = {0};
	static char name[3000];
	memset(name, 'n', sizeof(name) - 1);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(coro_loop_spawn(loop, NULL, waits_for_event, &event, NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_ptr_nonnull(strstr(coro_message(-EDEADLK), "; and 12 more"));
	struct coro_options options = {.name = name};
	ck_assert_int_eq(coro_loop_spawn(loop, &options, waits_for_event, &event, NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	coro_event_set(&event);
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
}
END_TEST

static int drops_itself(void *arg)
{
	coro_future_unref(future);
	future = NULL;
	return 3;
}

START_TEST(run_holds_what_it_waits_for)
{
	coro_future_unref(future);
	future = spawn(drops_itself, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, future, NULL), 3);
}
END_TEST

/* ---- until it is stopped ---- */

static void stop_and_say(void *word)
{
	stop(NULL);
	trace_word(word);
}

START_TEST(stop_ends_the_run_after_its_turn)
{
	soon(stop_and_say, "stop");
	soon(trace_word, "a");
	at(5, trace_word, "timer");
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("stop a");
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_trace("timer");
}
END_TEST

START_TEST(stop_before_the_run_allows_one_turn_without_a_wait)
{
	soon(trace_word, "a");
	at(0, trace_word, "due");
	at(5, trace_word, "timer");
	stop(NULL);
	stop(NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("a due");
	ck_assert_int_eq(coro_loop_time(loop), 0);
	stop(NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("");
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_trace("timer");
}
END_TEST

static int stops_and_goes_on(void *arg)
{
	stop(NULL);
	trace("before");
	coro_sleep(0);
	trace("after");
	return 0;
}

START_TEST(task_may_stop_its_loop_and_goes_on_in_the_next_run)
{
	coro_future_unref(spawn(stops_and_goes_on, NULL));
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("before");
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_trace("after");
}
END_TEST

START_TEST(loop_is_as_good_as_new_after_a_run)
{
	for (int i = 0; i < 5; i++) {
		at(coro_loop_time(loop) + 5, stop_and_say, "stop");
		ck_assert_int_eq(coro_run_forever(loop), 0);
		ck_assert_trace("stop");
		ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	}
}
END_TEST

START_TEST(loop_without_anything_to_do_does_not_run)
{
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
}
END_TEST

/* ---- one at a time ---- */

static int nothing(void *arg)
{
	return 0;
}

static void run_inside(void *arg)
{
	struct coro_loop *other;
	struct coro_future *done;
	ck_assert_int_eq(coro_run_forever(loop), -EBUSY);
	ck_assert_int_eq(coro_run_until_complete(loop, future, NULL), -EBUSY);
	ck_assert_int_eq(coro_run(nothing, NULL), -EBUSY);
	ck_assert_int_eq(coro_run_with(&virtual, nothing, NULL), -EBUSY);
	ck_assert_int_eq(coro_loop_create(&virtual, &other), 0);
	ck_assert_int_eq(coro_future_create(other, &done), 0);
	ck_assert_int_eq(coro_run_forever(other), -EBUSY);
	ck_assert_int_eq(coro_run_until_complete(other, done, NULL), -EBUSY);
	coro_future_unref(done);
	ck_assert_int_eq(coro_loop_close(other), 0);
	trace("busy");
}

static int runs_inside(void *arg)
{
	run_inside(NULL);
	return 0;
}

static int runs_inside_generator(void *arg)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(runs_inside, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 0);
	return coro_destroy(generator);
}

START_TEST(no_loop_runs_inside_another)
{
	soon(run_inside, NULL);
	coro_future_unref(spawn(runs_inside, NULL));
	coro_future_unref(spawn(runs_inside_generator, NULL));
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_trace("busy busy busy");
}
END_TEST

/* ---- a whole program ---- */

static int returns(void *arg)
{
	coro_sleep(10);
	return *(int *)arg;
}

START_TEST(program_returns_what_its_body_returns)
{
	static int statuses[] = {0, 1, 77, -EIO, -ECANCELED, CORO_USER_ERROR - 3};
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		ck_assert_int_eq(coro_run_with(&virtual, returns, &statuses[i]), statuses[i]);
	ck_assert_int_eq(coro_run(nothing, NULL), 0);
	ck_assert_ptr_null(coro_running_loop());
}
END_TEST

static int is_main(void *arg)
{
	ck_assert_str_eq(coro_task_name(coro_current_task()), "main");
	return 0;
}

START_TEST(body_of_a_program_is_its_main_task)
{
	ck_assert_int_eq(coro_run_with(&virtual, is_main, NULL), 0);
}
END_TEST

static int cancels_itself(void *arg)
{
	coro_cancel(coro_current_task());
	return coro_sleep(1);
}

START_TEST(program_may_be_cancelled)
{
	ck_assert_int_eq(coro_run_with(&virtual, cancels_itself, NULL), -ECANCELED);
}
END_TEST

static int fails(void *arg)
{
	return coro_raise(-EIO, "disk %d", 2);
}

START_TEST(failure_of_a_program_has_its_message)
{
	ck_assert_int_eq(coro_run_with(&virtual, fails, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "disk 2");
	ck_assert_ptr_nonnull(strstr(coro_origin(-EIO), "run_test.c:"));
}
END_TEST

/* Notes how its wait ended, and cleans up as its argument says. */
static int left_over(void *arg)
{
	int r = coro_sleep(1000);
	trace("%s", r == -ECANCELED ? "cancelled" : "over");
	if (arg)
		((void (*)(void))arg)();
	return r;
}

static int leaves_over(void *cleanup)
{
	ck_assert_int_eq(coro_spawn(left_over, cleanup, NULL), 0);
	ck_assert_int_eq(coro_spawn(left_over, cleanup, NULL), 0);
	coro_sleep(1);
	trace("main");
	return 4;
}

START_TEST(tasks_that_are_left_are_cancelled)
{
	ck_assert_int_eq(coro_run_with(&virtual, leaves_over, NULL), 4);
	ck_assert_trace("main cancelled cancelled");
}
END_TEST

static int starts(void *arg)
{
	trace("started");
	return left_over(NULL);
}

static int leaves_unstarted(void *arg)
{
	ck_assert_int_eq(coro_spawn(starts, NULL, NULL), 0);
	return 0;
}

/* Main's end is noticed a turn later, when the other has had its first step. */
START_TEST(task_spawned_last_takes_its_first_step)
{
	ck_assert_int_eq(coro_run_with(&virtual, leaves_unstarted, NULL), 0);
	ck_assert_trace("started cancelled");
}
END_TEST

static void sleep_in_cleanup(void)
{
	ck_assert_int_eq(coro_sleep(50), 0);
	trace("clean@%d", (int)coro_loop_time(coro_running_loop()));
}

START_TEST(tasks_that_are_left_may_wait_in_their_cleanup)
{
	ck_assert_int_eq(coro_run_with(&virtual, leaves_over, (void *)sleep_in_cleanup), 4);
	ck_assert_trace("main cancelled cancelled clean@51 clean@51");
}
END_TEST

static int helps(void *arg)
{
	int r = coro_sleep(20);
	trace(r == 0 ? "helped" : "helper-cancelled");
	return r;
}

static void spawn_and_await(void)
{
	struct coro_future *helper;
	ck_assert_int_eq(coro_spawn(helps, NULL, &helper), 0);
	ck_assert_int_eq(coro_await(helper, NULL), 0);
	coro_future_unref(helper);
	trace("clean");
}

START_TEST(cleanup_may_spawn_and_await)
{
	ck_assert_int_eq(coro_run_with(&virtual, leaves_over, (void *)spawn_and_await), 4);
	ck_assert_trace("main cancelled cancelled helped helped clean clean");
}
END_TEST

static int waits_for_ever(void *arg)
{
	int r;
	do
		r = coro_sleep(CORO_SEC);
	while (r == 0);
	trace("ended");
	return r;
}

static void spawn_and_forget(void)
{
	ck_assert_int_eq(coro_spawn(waits_for_ever, NULL, NULL), 0);
}

START_TEST(tasks_that_cleanup_leaves_are_cancelled_in_their_turn)
{
	ck_assert_int_eq(coro_run_with(&virtual, leaves_over, (void *)spawn_and_forget), 4);
	ck_assert_trace("main cancelled cancelled ended ended");
}
END_TEST

static void stop_in_cleanup(void)
{
	coro_loop_stop(coro_running_loop());
	sleep_in_cleanup();
}

START_TEST(stop_in_a_cleanup_does_not_cut_it_short)
{
	ck_assert_int_eq(coro_run_with(&virtual, leaves_over, (void *)stop_in_cleanup), 4);
	ck_assert_trace("main cancelled cancelled clean@51 clean@51");
}
END_TEST

static int fails_with_left_over(void *arg)
{
	ck_assert_int_eq(coro_spawn(left_over, NULL, NULL), 0);
	coro_sleep(1);
	return fails(NULL);
}

static int fails_in_cleanup(void *arg)
{
	coro_sleep(1000);
	return coro_raise(-ENOENT, "other words");
}

static int fails_with_failing_left_over(void *arg)
{
	ck_assert_int_eq(coro_spawn(fails_in_cleanup, NULL, NULL), 0);
	coro_sleep(1);
	return fails(NULL);
}

START_TEST(message_of_the_program_is_not_lost_in_its_cleanup)
{
	ck_assert_int_eq(coro_run_with(&virtual, fails_with_left_over, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "disk 2");
	ck_assert_int_eq(coro_run_with(&virtual, fails_with_failing_left_over, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "disk 2");
}
END_TEST

static int waits_for_nothing(void *arg)
{
	struct coro_future *never_done;
	ck_assert_int_eq(coro_future_create(coro_running_loop(), &never_done), 0);
	int r = coro_await(never_done, NULL);
	coro_future_unref(never_done);
	trace(r == -ECANCELED ? "cancelled" : "done");
	return r;
}

START_TEST(program_that_waits_for_nothing_is_cancelled)
{
	ck_assert_int_eq(coro_run_with(&virtual, waits_for_nothing, NULL), -EDEADLK);
	ck_assert_trace("cancelled");
	ck_assert_int_eq(coro_run(waits_for_nothing, NULL), -EDEADLK);
}
END_TEST

static int stops_the_loop(void *arg)
{
	coro_loop_stop(coro_running_loop());
	int r = coro_sleep(10);
	trace(r == -ECANCELED ? "cancelled" : "slept");
	return r;
}

START_TEST(program_whose_loop_is_stopped_is_cancelled)
{
	ck_assert_int_eq(coro_run_with(&virtual, stops_the_loop, NULL), -ESHUTDOWN);
	ck_assert_trace("cancelled");
}
END_TEST

static struct coro_future *thrown_away;

static int swallows_for_ever(void *arg)
{
	for (int i = 0; i < 5; i++)
		coro_sleep(100);
	ck_assert_int_eq(coro_future_create(coro_running_loop(), &thrown_away), 0);
	coro_await(thrown_away, NULL);
	ck_abort_msg("it ran on");
}

static int leaves_a_stubborn_one(void *arg)
{
	ck_assert_int_eq(coro_spawn(swallows_for_ever, NULL, NULL), 0);
	coro_sleep(1);
	return 2;
}

START_TEST(left_over_that_waits_for_nothing_is_discarded)
{
	ck_assert_int_eq(coro_run_with(&virtual, leaves_a_stubborn_one, NULL), 2);
	coro_future_unref(thrown_away);
}
END_TEST

static int runs_a_program(void *arg)
{
	static int status = 9;
	int r = coro_run_with(&virtual, returns, &status);
	ck_assert_int_eq(coro_yield(NULL, NULL), 0);
	return r;
}

START_TEST(generator_may_run_a_program)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(runs_a_program, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_int_eq(coro_next(generator, NULL), 0);
	ck_assert_int_eq(coro_status(generator), 9);
	ck_assert_int_eq(coro_destroy(generator), 0);
}
END_TEST

START_TEST(program_without_a_body_is_refused)
{
	ck_assert_int_eq(coro_run(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_run_with(&virtual, NULL, NULL), -EINVAL);
	ck_assert_ptr_null(coro_running_loop());
}
END_TEST

/* ---- without memory ---- */

enum { CHILDREN = 70 }; /* more than the queue holds at first */

struct program {
	struct coro_future *gate;
	int started, ended, calls;
};

static int child(void *arg)
{
	struct program *program = arg;
	program->started++;
	int r = coro_await(program->gate, NULL);
	if (r == 0)
		r = coro_sleep(10);
	program->ended++;
	return r;
}

static int items(void *arg)
{
	for (int i = 0; i < 3; i++) {
		int r = coro_sleep(1);
		if (r == 0)
			r = coro_yield(arg, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_items(void *arg)
{
	struct coro *generator;
	int r = coro_create(items, arg, &generator);
	if (r < 0)
		return r;
	while ((r = coro_next(generator, NULL)) > 0)
		;
	int closed = coro_destroy(generator);
	return r < 0 ? r : closed;
}

static void called(void *arg)
{
	((struct program *)arg)->calls++;
}

static int use_callbacks(struct program *program)
{
	struct coro_loop *running = coro_running_loop();
	struct coro_handle *handle;
	int r = coro_call_soon(running, called, program, NULL);
	if (r < 0)
		return r;
	r = coro_call_later(running, 5, called, program, &handle);
	if (r < 0)
		return r;
	coro_handle_cancel(handle);
	coro_handle_unref(handle);
	return coro_future_add_done_callback(program->gate, called, program);
}

static int await_children(struct program *program)
{
	struct coro_future *tasks[CHILDREN];
	int spawned = 0, r = 0;
	while (spawned < CHILDREN && r == 0) {
		r = coro_spawn(child, program, &tasks[spawned]);
		spawned += r == 0;
	}
	int set = coro_future_set_result(program->gate, NULL);
	if (r == 0)
		r = set;
	for (int i = 0; i < spawned; i++) {
		int result = coro_await(tasks[i], NULL);
		if (r == 0)
			r = result;
		coro_future_unref(tasks[i]);
	}
	return r;
}

static int body(void *arg)
{
	struct program *program = arg;
	int r = coro_future_create(coro_running_loop(), &program->gate);
	if (r < 0)
		return r;
	r = use_callbacks(program);
	if (r == 0)
		r = read_items(program);
	if (r == 0)
		r = await_children(program);
	coro_future_unref(program->gate);
	if (r < 0)
		return r;
	return coro_raise(-EPROTO, "the end of %d", program->ended);
}

struct trial {
	unsigned long n; /* the allocation that is to fail */
	struct program program;
	int result;
	bool failed;
	char words[64];
};

/* In a thread of its own, whose memory is freed with it. */
static void *try_it(void *arg)
{
	struct trial *trial = arg;
	fail_nth(trial->n);
	trial->result = coro_run_with(&virtual, body, &trial->program);
	trial->failed = fail_off();
	strncpy(trial->words, coro_message(trial->result), sizeof(trial->words) - 1);
	return NULL;
}

START_TEST(program_survives_the_failure_of_any_allocation)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
	bool complete = false;
	for (unsigned long n = 1; !complete; n++) {
		struct trial this = {.n = n};
		/* The second run allocates nothing that stays, unlike a process's first. */
		in_thread(try_it, &(struct trial){.n = n});
		size_t before = allocated();
		in_thread(try_it, &this);
		ck_assert_uint_eq(allocated(), before);

		/* The library does without what it can: an error's message, say. */
		ck_assert(this.result == -EPROTO || (this.failed && this.result == -ENOMEM));
		ck_assert_int_eq(this.program.ended, this.program.started);
		if (this.result == -EPROTO) {
			ck_assert_int_eq(this.program.ended, CHILDREN);
			ck_assert_int_eq(this.program.calls, 2);
		}
		if (!this.failed) {
			ck_assert_str_eq(this.words, "the end of 70");
			complete = true;
		}
		ck_assert_uint_lt(n, 10000);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);

	tcase_add_test(tests, run_gives_the_value_of_the_future);
	tcase_add_test(tests, run_of_a_done_future_gives_its_value);
	tcase_add_test(tests, run_gives_the_failure_of_the_future);
	tcase_add_test(tests, run_of_a_cancelled_future_says_so);
	tcase_add_test(tests, run_that_is_stopped_can_be_taken_up_again);
	tcase_add_test(tests, run_that_cannot_end_says_so);
	tcase_add_test(tests, real_clock_finds_deadlocks_too);
	tcase_add_test(tests, run_holds_what_it_waits_for);

	tcase_add_test(tests, stop_ends_the_run_after_its_turn);
	tcase_add_test(tests, stop_before_the_run_allows_one_turn_without_a_wait);
	tcase_add_test(tests, task_may_stop_its_loop_and_goes_on_in_the_next_run);
	tcase_add_test(tests, loop_is_as_good_as_new_after_a_run);
	tcase_add_test(tests, loop_without_anything_to_do_does_not_run);
	tcase_add_test(tests, deadlock_names_the_tasks_left_and_what_they_wait_for);
	tcase_add_test(tests, deadlock_of_many_tasks_names_some_and_counts_the_rest);

	tcase_add_test(tests, no_loop_runs_inside_another);

	tcase_add_test(tests, program_returns_what_its_body_returns);
	tcase_add_test(tests, body_of_a_program_is_its_main_task);
	tcase_add_test(tests, program_may_be_cancelled);
	tcase_add_test(tests, failure_of_a_program_has_its_message);
	tcase_add_test(tests, tasks_that_are_left_are_cancelled);
	tcase_add_test(tests, task_spawned_last_takes_its_first_step);
	tcase_add_test(tests, tasks_that_are_left_may_wait_in_their_cleanup);
	tcase_add_test(tests, cleanup_may_spawn_and_await);
	tcase_add_test(tests, tasks_that_cleanup_leaves_are_cancelled_in_their_turn);
	tcase_add_test(tests, stop_in_a_cleanup_does_not_cut_it_short);
	tcase_add_test(tests, message_of_the_program_is_not_lost_in_its_cleanup);
	tcase_add_test(tests, program_that_waits_for_nothing_is_cancelled);
	tcase_add_test(tests, program_whose_loop_is_stopped_is_cancelled);
	tcase_add_test(tests, left_over_that_waits_for_nothing_is_discarded);
	tcase_add_test(tests, generator_may_run_a_program);
	tcase_add_test(tests, program_without_a_body_is_refused);

	tcase_add_test(tests, program_survives_the_failure_of_any_allocation);
}

TEST_MAIN("run", add_tests)
