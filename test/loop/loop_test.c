/* SPDX-License-Identifier: MIT */
/* Loops: their making and end, with all that may still wait in them; several of them, in one thread and in many. */
#include "barrier.h"
#include "tasks.h"

static struct coro_future *future;
static int value;

static struct coro_loop *create(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	struct coro_loop *created;
	ck_assert_int_eq(coro_loop_create(&options, &created), 0);
	return created;
}

static void setup(void)
{
	loop = create();
	ck_assert_int_eq(coro_future_create(loop, &future), 0);
}

static void close_loop(void)
{
	ck_assert_int_eq(coro_loop_close(loop), 0);
	loop = NULL;
}

static void teardown(void)
{
	coro_future_unref(future);
	loop_teardown();
}

/* ---- making ---- */

START_TEST(options_may_be_left_out)
{
	struct coro_loop *plain;
	struct coro_loop_options none = {0};
	ck_assert_int_eq(coro_loop_create(NULL, &plain), 0);
	ck_assert_int_eq(coro_loop_close(plain), 0);
	ck_assert_int_eq(coro_loop_create(&none, &plain), 0);
	ck_assert_int_eq(coro_loop_close(plain), 0);
}
END_TEST

START_TEST(options_that_cannot_be_are_refused)
{
	struct coro_loop *none = NULL;
	struct coro_loop_options flags = {.flags = 1u << 20};
	struct coro_loop_options small = {.stack_size = coro_stack_min() - 1};
	struct coro_loop_options large = {.stack_size = SIZE_MAX};
	ck_assert_int_eq(coro_loop_create(&flags, &none), -EINVAL);
	ck_assert_int_eq(coro_loop_create(&small, &none), -EINVAL);
	ck_assert_int_eq(coro_loop_create(&large, &none), -EINVAL);
	ck_assert_ptr_null(none);
}
END_TEST

static void ask_who_runs(void *arg)
{
	ck_assert_ptr_eq(coro_running_loop(), loop);
	ck_assert(coro_loop_running(loop));
	trace("asked");
}

START_TEST(loop_runs_only_while_it_runs)
{
	ck_assert_ptr_null(coro_running_loop());
	ck_assert(!coro_loop_running(loop));
	ck_assert_int_eq(coro_call_soon(loop, ask_who_runs, NULL, NULL), 0);
	turn();
	ck_assert_trace("asked");
	ck_assert_ptr_null(coro_running_loop());
	ck_assert(!coro_loop_running(loop));
}
END_TEST

/* ---- closing ---- */

static void close_from_inside(void *arg)
{
	ck_assert_int_eq(coro_loop_close(loop), -EBUSY);
	trace("busy");
}

static int close_from_task(void *arg)
{
	close_from_inside(NULL);
	return 0;
}

START_TEST(loop_that_runs_cannot_be_closed)
{
	ck_assert_int_eq(coro_call_soon(loop, close_from_inside, NULL, NULL), 0);
	coro_future_unref(spawn(close_from_task, NULL));
	turn();
	ck_assert_trace("busy busy");
}
END_TEST

static int sleeps(void *arg)
{
	ck_assert_int_eq(coro_sleep(100), -1);
	return 0;
}

static int yields_unheard(void *arg)
{
	ck_assert_int_eq(coro_task_yield(), -1);
	return 0;
}

static int awaits(void *arg)
{
	void *ret;
	ck_assert_int_eq(coro_await(arg, &ret), -1);
	return 0;
}

static int raises_and_sleeps(void *arg)
{
	(void)coro_raise(-EIO, "words on the stack");
	return sleeps(arg);
}

START_TEST(tasks_are_discarded_where_they_stand)
{
	struct coro_future *tasks[8];
	tasks[0] = spawn(sleeps, NULL);
	tasks[1] = spawn(yields_unheard, NULL);
	tasks[2] = spawn(awaits, future);
	tasks[3] = spawn(awaits, tasks[0]);
	tasks[4] = spawn(awaits, tasks[3]);
	tasks[5] = spawn(raises_and_sleeps, NULL);
	turn();
	tasks[6] = spawn(sleeps, NULL);
	tasks[7] = spawn(sleeps, NULL);
	ck_assert_int_eq(coro_cancel(tasks[7]), 1);
	/* Ready, with a result that its task never sees. */
	ck_assert_int_eq(coro_future_set_result(future, &value), 0);
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, sleeps, NULL, NULL), 0);
	close_loop();
	for (int i = 0; i < 8; i++) {
		ck_assert(coro_future_done(tasks[i]));
		ck_assert(coro_future_cancelled(tasks[i]));
		ck_assert_int_eq(coro_future_result(tasks[i], NULL), -ECANCELED);
		ck_assert_str_eq(coro_future_message(tasks[i]), coro_strerror(-ECANCELED));
		coro_future_unref(tasks[i]);
	}
}
END_TEST

START_TEST(stacks_of_tasks_discarded_are_free)
{
	struct coro_pool_stats stats;
	for (int i = 0; i < 20; i++)
		coro_future_unref(spawn(sleeps, NULL));
	turn();
	coro_pool_stats(&stats);
	ck_assert_uint_eq(stats.in_use, 20);
	close_loop();
	coro_pool_stats(&stats);
	ck_assert_uint_eq(stats.in_use, 0);
}
END_TEST

START_TEST(callbacks_that_have_not_run_never_will)
{
	struct coro_future *undone;
	ck_assert_int_eq(coro_future_create(loop, &undone), 0);
	ck_assert_int_eq(coro_future_add_done_callback(undone, trace_word, (void *)"undone"), 0);
	ck_assert_int_eq(coro_future_add_done_callback(future, trace_word, (void *)"done"), 0);
	ck_assert_int_eq(coro_future_set_result(future, NULL), 0);
	ck_assert_int_eq(coro_future_add_done_callback(future, trace_word, (void *)"added-late"),
			 0);
	ck_assert_int_eq(coro_call_soon(loop, trace_word, (void *)"soon", NULL), 0);
	ck_assert_int_eq(coro_call_later(loop, 0, trace_word, (void *)"due", NULL), 0);
	ck_assert_int_eq(coro_call_later(loop, 100, trace_word, (void *)"later", NULL), 0);
	close_loop();
	ck_assert_trace("");
	coro_future_unref(undone);
}
END_TEST

START_TEST(futures_that_are_held_outlive_the_loop)
{
	struct coro_future *failed, *undone, *task = spawn(yields_unheard, NULL);
	void *ret = NULL;
	ck_assert_int_eq(coro_future_create(loop, &failed), 0);
	ck_assert_int_eq(coro_future_create(loop, &undone), 0);
	ck_assert_int_eq(coro_future_set_result(future, &value), 0);
	ck_assert_int_eq(coro_future_set_error(failed, coro_raise(-EIO, "disk %d", 1)), 0);
	close_loop();

	ck_assert_int_eq(coro_future_result(future, &ret), 0);
	ck_assert_ptr_eq(ret, &value);
	ck_assert_int_eq(coro_future_result(failed, NULL), -EIO);
	ck_assert_str_eq(coro_future_message(failed), "disk 1");
	ck_assert(!coro_future_done(undone));
	ck_assert_int_eq(coro_future_result(undone, NULL), -EAGAIN);
	ck_assert(coro_is_task(task));
	ck_assert_str_eq(coro_task_name(task), "Task-1");

	ck_assert_int_eq(coro_future_set_result(undone, NULL), -EPIPE);
	ck_assert_int_eq(coro_future_set_error(undone, -EIO), -EPIPE);
	ck_assert_int_eq(coro_cancel(undone), -EPIPE);
	ck_assert_int_eq(coro_cancel(task), -EPIPE);
	ck_assert_int_eq(coro_future_add_done_callback(undone, trace_word, NULL), -EPIPE);
	ck_assert_int_eq(coro_future_remove_done_callback(undone, trace_word, NULL), -EPIPE);
	ck_assert(!coro_future_done(undone));

	coro_future_unref(failed);
	coro_future_unref(undone);
	coro_future_unref(task);
}
END_TEST

static int sleeps_in_generator(void *arg)
{
	coro_yield(NULL, NULL);
	return sleeps(NULL);
}

static int delegates(void *inner)
{
	return coro_yield_from(inner, NULL);
}

static int reads(void *generator)
{
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	coro_next(generator, NULL);
	ck_abort_msg("it ran on");
}

START_TEST(generators_in_which_a_task_is_discarded_can_be_destroyed)
{
	struct coro *alone, *outer, *inner;
	ck_assert_int_eq(coro_create(sleeps_in_generator, NULL, &alone), 0);
	ck_assert_int_eq(coro_create(sleeps_in_generator, NULL, &inner), 0);
	ck_assert_int_eq(coro_create(delegates, inner, &outer), 0);
	coro_future_unref(spawn(reads, alone));
	coro_future_unref(spawn(reads, outer));
	turn();
	ck_assert_int_eq(coro_state(alone), CORO_RUNNING);
	close_loop();

	struct coro_pool_stats stats;
	struct coro *all[] = {alone, outer, inner};
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_state(all[i]), CORO_DONE);
		ck_assert_int_eq(coro_status(all[i]), -ECANCELED);
		ck_assert_int_eq(coro_next(all[i], NULL), 0);
		ck_assert_int_eq(coro_destroy(all[i]), 0);
	}
	coro_pool_stats(&stats);
	ck_assert_uint_eq(stats.in_use, 0);
}
END_TEST

static int yields_once(void *arg)
{
	int r = coro_yield(NULL, NULL);
	trace("closed");
	return r;
}

static int leaves_a_generator(void *generator)
{
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	return sleeps(NULL);
}

START_TEST(generator_beside_a_task_discarded_goes_on)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(yields_once, NULL, &generator), 0);
	coro_future_unref(spawn(leaves_a_generator, generator));
	turn();
	close_loop();
	ck_assert_int_eq(coro_state(generator), CORO_SUSPENDED);
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_trace("closed");
}
END_TEST

/* ---- room ---- */

static void set_and_stop(void *arg)
{
	ck_assert_int_eq(coro_future_set_result(future, NULL), 0);
	ck_assert_int_eq(coro_loop_stop(loop), 0);
}

static void count(void *arg)
{
	++*(int *)arg;
}

/* The callback that would end the run is still queued when the run ends for another reason. */
START_TEST(run_that_ends_early_leaves_nothing_in_the_queue)
{
	static int calls[1024];
	for (int number = 1; number <= 1024; number *= 2) {
		ck_assert_int_eq(coro_call_soon(loop, set_and_stop, NULL, NULL), 0);
		ck_assert_int_eq(coro_run_until_complete(loop, future, NULL), 0);
		for (int i = 0; i < number; i++)
			ck_assert_int_eq(coro_call_soon(loop, count, &calls[i], NULL), 0);
		ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
		for (int i = 0; i < number; i++) {
			ck_assert_int_eq(calls[i], 1);
			calls[i] = 0;
		}
		coro_future_unref(future);
		ck_assert_int_eq(coro_future_create(loop, &future), 0);
	}
}
END_TEST

static int gives_way_often(void *arg)
{
	for (int i = 0; i < 20; i++)
		coro_task_yield();
	++*(int *)arg;
	return 0;
}

START_TEST(queue_grows_while_it_is_in_use)
{
	static int done[500], calls;
	int total = 0;
	for (int wave = 0; wave < 10; wave++) {
		for (int i = 0; i < 50; i++, total++)
			coro_future_unref(spawn(gives_way_often, &done[total]));
		for (int i = 0; i < 30; i++)
			ck_assert_int_eq(coro_call_later(loop, wave, count, &calls, NULL), 0);
		turn();
	}
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(done[i], 1);
	ck_assert_int_eq(calls, 300);
}
END_TEST

/* ---- several loops ---- */

static int sums_to(void *arg)
{
	int sum = 0;
	for (int i = 1; i <= *(int *)arg; i++) {
		sum += i;
		coro_sleep(i % 3);
	}
	return sum;
}

START_TEST(loops_may_follow_one_another)
{
	for (int i = 0; i < 50; i++) {
		struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
		ck_assert_int_eq(coro_run_with(&options, sums_to, &i), i * (i + 1) / 2);
	}
}
END_TEST

START_TEST(loops_may_take_turns)
{
	struct coro_loop *other = create();
	struct coro_future *tasks[2];
	int n = 20;
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, sums_to, &n, &tasks[0]), 0);
	ck_assert_int_eq(coro_loop_spawn(other, NULL, sums_to, &n, &tasks[1]), 0);
	ck_assert_str_eq(coro_task_name(tasks[0]), "Task-1");
	ck_assert_str_eq(coro_task_name(tasks[1]), "Task-1");
	for (int i = 0; i < 10; i++) {
		turn();
		ck_assert_int_eq(coro_loop_stop(other), 0);
		ck_assert_int_eq(coro_run_forever(other), 0);
	}
	ck_assert_int_eq(coro_run_until_complete(loop, tasks[0], NULL), 210);
	ck_assert_int_eq(coro_run_until_complete(other, tasks[1], NULL), 210);
	coro_future_unref(tasks[0]);
	coro_future_unref(tasks[1]);
	ck_assert_int_eq(coro_loop_close(other), 0);
}
END_TEST

static int uses_another_loop(void *other)
{
	struct coro_future *elsewhere, *here;
	int r;
	/* It may be prepared, but not run or waited for. */
	ck_assert_int_eq(coro_future_create(other, &elsewhere), 0);
	ck_assert_int_eq(coro_await(elsewhere, NULL), -EPERM);
	ck_assert_int_eq(coro_run_until_complete(other, elsewhere, NULL), -EBUSY);
	ck_assert_int_eq(coro_run_forever(other), -EBUSY);
	ck_assert_int_eq(coro_future_set_result(elsewhere, NULL), 0);
	ck_assert_int_eq(coro_loop_spawn(other, NULL, yields_unheard, NULL, &here), 0);
	ck_assert_int_eq(coro_cancel(here), 1);
	r = coro_await(here, NULL);
	coro_future_unref(elsewhere);
	coro_future_unref(here);
	return r;
}

START_TEST(one_loop_cannot_wait_for_another)
{
	struct coro_loop *other = create();
	struct coro_future *task = spawn(uses_another_loop, other);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EPERM);
	ck_assert_int_eq(coro_run_until_complete(other, task, NULL), -EPERM);
	ck_assert_int_eq(coro_run_forever(other), -EDEADLK);
	ck_assert_int_eq(coro_loop_close(other), 0);
	coro_future_unref(task);
}
END_TEST

static struct barrier all_begin;

static int many_tasks(void *arg)
{
	struct coro_future *tasks[20];
	int total = 0, n[20];
	for (int i = 0; i < 20; i++) {
		n[i] = i;
		if (coro_spawn(sums_to, &n[i], &tasks[i]) < 0)
			return -1;
	}
	for (int i = 0; i < 20; i++) {
		total += coro_await(tasks[i], NULL);
		coro_future_unref(tasks[i]);
	}
	return total;
}

static void *run_in_thread(void *arg)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int *result = arg;
	barrier_wait(&all_begin);
	for (int i = 0; i < 5; i++)
		*result = coro_run_with(&options, many_tasks, NULL);
	return NULL;
}

START_TEST(each_thread_may_have_its_loop)
{
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	int results[THREADS];
	barrier_init(&all_begin, THREADS);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_in_thread, &results[i]), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	barrier_finish(&all_begin);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(results[i], 19 * 20 * 21 / 6);
}
END_TEST

/* ---- the seed ---- */

enum { SHUFFLED = 12 };

static int letter_thrice(void *arg)
{
	for (int i = 0; i < 3; i++) {
		trace("%c", (char)(intptr_t)arg);
		coro_sleep(i);
	}
	return 0;
}

static void letter(void *arg)
{
	trace("%c", (char)(intptr_t)arg);
}

/* The order of tasks, callbacks and timers for a seed. */
static void shuffled(uint64_t seed, char *order, size_t size)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .seed = seed};
	struct coro_loop *random;
	ck_assert_int_eq(coro_loop_create(&options, &random), 0);
	for (intptr_t i = 0; i < SHUFFLED; i++) {
		void *upper = (void *)('A' + i), *lower = (void *)('a' + i);
		ck_assert_int_eq(coro_loop_spawn(random, NULL, letter_thrice, upper, NULL), 0);
		ck_assert_int_eq(coro_call_soon(random, letter, lower, NULL), 0);
		ck_assert_int_eq(coro_call_later(random, 1, letter, lower, NULL), 0);
	}
	ck_assert_int_eq(coro_run_forever(random), -EDEADLK);
	ck_assert_int_eq(coro_loop_close(random), 0);
	const char *text = trace_take();
	ck_assert_uint_lt(strlen(text), size);
	strcpy(order, text);
}

static int count_in(const char *text, char wanted)
{
	int found = 0;
	for (; *text; text++)
		found += *text == wanted;
	return found;
}

START_TEST(seed_decides_the_order_and_every_one_runs)
{
	static char orders[20][512], again[512];
	for (int i = 0; i < 20; i++) {
		uint64_t seed = (uint64_t)i * 0x9E3779B97F4A7C15u;
		shuffled(seed, orders[i], sizeof(orders[i]));
		shuffled(seed, again, sizeof(again));
		ck_assert_str_eq(orders[i], again);
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(orders[i], orders[j]);
		for (int j = 0; j < SHUFFLED; j++) {
			ck_assert_int_eq(count_in(orders[i], (char)('A' + j)), 3);
			ck_assert_int_eq(count_in(orders[i], (char)('a' + j)), 2);
		}
	}
	/* 0 is asyncio's order. */
	ck_assert_int_eq(strncmp(orders[0], "A a B b C c", 11), 0);
}
END_TEST

static struct coro_handle *handles[100];

static void cancel_all_handles(void *arg)
{
	for (int i = 0; i < 100; i++)
		coro_handle_cancel(handles[i]);
	trace("cancelled");
}

START_TEST(shuffled_callbacks_can_be_cancelled_in_their_turn)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	for (options.seed = 1; options.seed < 20; options.seed++) {
		struct coro_loop *random;
		int calls = 0, cancelled = 0;
		ck_assert_int_eq(coro_loop_create(&options, &random), 0);
		for (int i = 0; i < 50; i++)
			ck_assert_int_eq(coro_call_soon(random, count, &calls, &handles[i]), 0);
		for (int i = 50; i < 100; i++)
			ck_assert_int_eq(coro_call_at(random, 0, count, &calls, &handles[i]), 0);
		ck_assert_int_eq(coro_call_soon(random, cancel_all_handles, NULL, NULL), 0);
		ck_assert_int_eq(coro_run_forever(random), -EDEADLK);
		for (int i = 0; i < 100; i++) {
			cancelled += coro_handle_cancelled(handles[i]);
			coro_handle_unref(handles[i]);
		}
		ck_assert_int_eq(calls + cancelled, 100);
		ck_assert_int_eq(coro_loop_close(random), 0);
		ck_assert_trace("cancelled");
	}
}
END_TEST

START_TEST(shuffled_sleepers_can_be_cancelled_in_their_turn)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	for (options.seed = 1; options.seed < 20; options.seed++) {
		struct coro_future *tasks[10];
		struct coro_loop *random;
		int n = 30;
		ck_assert_int_eq(coro_loop_create(&options, &random), 0);
		for (int i = 0; i < 10; i++)
			ck_assert_int_eq(coro_loop_spawn(random, NULL, sums_to, &n, &tasks[i]), 0);
		for (int i = 0; i < 8; i++) {
			/* A task that is cancelled goes on; what it waited for must not wake it again. */
			ck_assert_int_eq(coro_loop_stop(random), 0);
			ck_assert_int_eq(coro_run_forever(random), 0);
			ck_assert_int_eq(coro_cancel(tasks[i]), 1);
		}
		ck_assert_int_eq(coro_run_forever(random), -EDEADLK);
		for (int i = 0; i < 10; i++) {
			ck_assert(coro_future_done(tasks[i]));
			coro_future_unref(tasks[i]);
		}
		ck_assert_int_eq(coro_loop_close(random), 0);
	}
}
END_TEST

static int yielded_from_callback;

static void yield_for_the_runner(void *arg)
{
	yielded_from_callback = coro_yield(NULL, NULL);
	ck_assert_int_eq(coro_yield_from(arg, NULL), -EPERM);
	coro_loop_stop(coro_running_loop());
}

static int nothing_to_yield(void *arg)
{
	return 0;
}

static int run_a_loop_and_yield(void *arg)
{
	struct coro_loop *own = arg;
	ck_assert_int_eq(coro_run_forever(own), 0);
	return coro_yield(NULL, NULL);
}

START_TEST(callback_cannot_yield_for_the_generator_that_runs_its_loop)
{
	struct coro_loop *own;
	struct coro *runner, *other;
	ck_assert_int_eq(coro_loop_create(NULL, &own), 0);
	ck_assert_int_eq(coro_create(run_a_loop_and_yield, own, &runner), 0);
	ck_assert_int_eq(coro_create(nothing_to_yield, NULL, &other), 0);
	ck_assert_int_eq(coro_call_soon(own, yield_for_the_runner, other, NULL), 0);
	ck_assert_int_eq(coro_next(runner, NULL), 1); /* its own yield, after the run */
	ck_assert_int_eq(yielded_from_callback, -EPERM);
	ck_assert_int_eq(coro_destroy(runner), 0);
	ck_assert_int_eq(coro_destroy(other), 0);
	ck_assert_int_eq(coro_loop_close(own), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);

	tcase_add_test(tests, options_may_be_left_out);
	tcase_add_test(tests, options_that_cannot_be_are_refused);
	tcase_add_test(tests, loop_runs_only_while_it_runs);

	tcase_add_test(tests, loop_that_runs_cannot_be_closed);
	tcase_add_test(tests, tasks_are_discarded_where_they_stand);
	tcase_add_test(tests, stacks_of_tasks_discarded_are_free);
	tcase_add_test(tests, callbacks_that_have_not_run_never_will);
	tcase_add_test(tests, futures_that_are_held_outlive_the_loop);
	tcase_add_test(tests, generators_in_which_a_task_is_discarded_can_be_destroyed);
	tcase_add_test(tests, generator_beside_a_task_discarded_goes_on);

	tcase_add_test(tests, run_that_ends_early_leaves_nothing_in_the_queue);
	tcase_add_test(tests, queue_grows_while_it_is_in_use);

	tcase_add_test(tests, callback_cannot_yield_for_the_generator_that_runs_its_loop);
	tcase_add_test(tests, loops_may_follow_one_another);
	tcase_add_test(tests, loops_may_take_turns);
	tcase_add_test(tests, one_loop_cannot_wait_for_another);
	tcase_add_test(tests, each_thread_may_have_its_loop);

	tcase_add_test(tests, seed_decides_the_order_and_every_one_runs);
	tcase_add_test(tests, shuffled_callbacks_can_be_cancelled_in_their_turn);
	tcase_add_test(tests, shuffled_sleepers_can_be_cancelled_in_their_turn);
}

TEST_MAIN("loop", add_tests)
