/* SPDX-License-Identifier: MIT */
/* Remotes: tasks of a loop that other threads start, wait for and cancel. */
#include "loop/loop.h"

#include "threads.h"

/* ---- a loop in a thread of its own, for tests that stand outside ---- */

static struct {
	pthread_t thread;
	struct coro_loop *loop;
	struct gate ready;
} host;

static void *run_host(void *arg)
{
	must(coro_loop_create(NULL, &host.loop) == 0);
	must(coro_loop_hold(host.loop) == 0);
	gate_open(&host.ready);
	must(coro_run_forever(host.loop) == -EDEADLK);
	must(coro_loop_close(host.loop) == 0);
	return NULL;
}

static void start_host(void)
{
	host.ready = (struct gate)GATE;
	ck_assert_int_eq(pthread_create(&host.thread, NULL, run_host, NULL), 0);
	gate_pass(&host.ready);
}

/* The loop ends when it has nothing left to do. */
static void end_host(void)
{
	coro_loop_release(host.loop);
	ck_assert_int_eq(pthread_join(host.thread, NULL), 0);
}

static struct coro_remote *spawn_there(coro_fn *fn, void *arg)
{
	struct coro_remote *remote;
	ck_assert_int_eq(coro_spawn_threadsafe(host.loop, fn, arg, &remote), 0);
	return remote;
}

/* ---- from the loop's own thread ---- */

static int naps(void *arg)
{
	return coro_sleep(CORO_SEC);
}

static int spawns_one_that_naps(void *held)
{
	struct coro_remote *remote = NULL;
	int r = coro_spawn_threadsafe(coro_running_loop(), naps, NULL, held ? &remote : NULL);
	if (r == 0)
		r = coro_sleep(10 * CORO_SEC);
	if (remote)
		must(coro_remote_done(remote));
	coro_remote_unref(remote);
	return r;
}

START_TEST(virtual_time_goes_on_for_what_the_loops_own_thread_spawns)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int held;
	ck_assert_int_eq(coro_run_with(&options, spawns_one_that_naps, NULL), 0);
	ck_assert_int_eq(coro_run_with(&options, spawns_one_that_naps, &held), 0);
}
END_TEST

static int waits_in_vain(void *never)
{
	return coro_await(never, NULL);
}

START_TEST(remote_that_nobody_has_is_no_hope)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	struct coro_loop *own;
	struct coro_future *never;
	ck_assert_int_eq(coro_loop_create(&options, &own), 0);
	ck_assert_int_eq(coro_future_create(own, &never), 0);
	ck_assert_int_eq(coro_spawn_threadsafe(own, waits_in_vain, never, NULL), 0);
	ck_assert_int_eq(coro_run_forever(own), -EDEADLK);
	ck_assert_int_eq(coro_loop_close(own), 0);
	coro_future_unref(never);
}
END_TEST

/* ---- results ---- */

static int gives_value(void *value)
{
	coro_return(value);
	return 3;
}

static int raises(void *arg)
{
	return coro_raise(-EIO, "sector %d", 5);
}

START_TEST(a_thread_gets_the_result_the_value_and_the_message)
{
	char word[] = "word";
	void *value = NULL;
	start_host();
	struct coro_remote *ok = spawn_there(gives_value, word), *bad = spawn_there(raises, NULL);
	ck_assert_int_eq(coro_remote_result(ok, CORO_FOREVER, &value), 3);
	ck_assert_ptr_eq(value, word);
	ck_assert(coro_remote_done(ok));
	ck_assert_int_eq(coro_remote_result(ok, 0, NULL), 3);
	ck_assert_int_eq(coro_remote_result(bad, CORO_FOREVER, &value), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "sector 5");
	ck_assert_int_eq(coro_remote_cancel(bad), 0);
	coro_remote_unref(ok);
	coro_remote_unref(bad);
	end_host();
}
END_TEST

static int sleeps_for_ever(void *arg)
{
	return coro_sleep(CORO_FOREVER);
}

START_TEST(waiting_has_a_timeout_and_cancelling_ends_the_task)
{
	start_host();
	struct coro_remote *remote = spawn_there(sleeps_for_ever, NULL);
	ck_assert_int_eq(coro_remote_result(remote, 0, NULL), -ETIMEDOUT);
	ck_assert_int_eq(coro_remote_result(remote, CORO_MSEC, NULL), -ETIMEDOUT);
	ck_assert(!coro_remote_done(remote));
	ck_assert_int_eq(coro_remote_cancel(remote), 1);
	ck_assert_int_eq(coro_remote_result(remote, CORO_FOREVER, NULL), -ECANCELED);
	coro_remote_unref(remote);
	end_host();
}
END_TEST

static int swallows_two(void *gate)
{
	int cancelled = 0;
	gate_open(gate);
	while (cancelled < 2)
		if (coro_sleep(CORO_FOREVER) == -ECANCELED)
			cancelled++;
	return cancelled;
}

START_TEST(a_task_may_be_cancelled_again)
{
	struct gate gate = GATE;
	start_host();
	struct coro_remote *remote = spawn_there(swallows_two, &gate);
	gate_pass(&gate);
	/* Requests that have not reached the loop count as one. */
	while (coro_remote_cancel(remote) == 1)
		sched_yield();
	ck_assert_int_eq(coro_remote_result(remote, CORO_FOREVER, NULL), 2);
	coro_remote_unref(remote);
	end_host();
}
END_TEST

static int adds_one(void *sum)
{
	++*(int *)sum;
	return 0;
}

START_TEST(a_task_that_nobody_holds_runs)
{
	int sum = 0;
	start_host();
	ck_assert_int_eq(coro_spawn_threadsafe(host.loop, adds_one, &sum, NULL), 0);
	coro_remote_unref(spawn_there(adds_one, &sum));
	end_host();
	ck_assert_int_eq(sum, 2);
}
END_TEST

/* ---- tasks that wait ---- */

static int waits_for(void *remote)
{
	int r = coro_remote_result(remote, CORO_FOREVER, NULL);
	trace("%d", r);
	return r;
}

static int passes_there(void *gate)
{
	gate_pass(gate);
	return 4;
}

static int opens(void *gate)
{
	gate_open(gate);
	return 0;
}

START_TEST(in_a_task_only_that_waits)
{
	struct gate gate = GATE;
	start_host();
	struct coro_remote *remote = spawn_there(passes_there, &gate);
	struct coro_future *one = spawn(waits_for, remote), *two = spawn(waits_for, remote);
	coro_future_unref(spawn(opens, &gate));
	run();
	assert_ended(one, 4);
	assert_ended(two, 4);
	ck_assert_trace("4 4");
	coro_remote_unref(remote);
	end_host();
}
END_TEST

START_TEST(a_waiting_task_that_is_cancelled_leaves_the_other_alone)
{
	struct gate gate = GATE;
	start_host();
	struct coro_remote *remote = spawn_there(passes_there, &gate);
	struct coro_future *one = start(waits_for, remote);
	cancel(one);
	turn();
	assert_ended(one, -ECANCELED);
	gate_open(&gate);
	ck_assert_int_eq(result_of(waits_for, remote), 4);
	coro_remote_unref(remote);
	end_host();
}
END_TEST

static int waits_a_while(void *remote)
{
	return coro_remote_result(remote, CORO_MSEC, NULL);
}

START_TEST(in_a_task_too_waiting_has_a_timeout)
{
	struct gate gate = GATE;
	start_host();
	struct coro_remote *remote = spawn_there(passes_there, &gate);
	ck_assert_int_eq(result_of(waits_a_while, remote), -ETIMEDOUT);
	gate_open(&gate);
	ck_assert_int_eq(result_of(waits_for, remote), 4);
	coro_remote_unref(remote);
	end_host();
}
END_TEST

START_TEST(a_task_that_waits_can_be_discarded)
{
	struct gate gate = GATE;
	start_host();
	struct coro_remote *remote = spawn_there(passes_there, &gate);
	coro_future_unref(start(waits_for, remote));
	ck_assert_int_eq(coro_loop_close(loop), 0);
	gate_open(&gate);
	coro_remote_unref(remote);
	end_host();
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

/* A task whose wake-up is already on its way. */
START_TEST(a_task_about_to_be_woken_can_be_cancelled_or_discarded)
{
	for (int thrown = 0; thrown < 2; thrown++) {
		struct gate gate = GATE;
		start_host();
		struct coro_remote *remote = spawn_there(passes_there, &gate);
		struct coro_future *task = start(waits_for, remote);
		gate_open(&gate);
		while (inbox_empty(&sched_of(loop)->inbox))
			sched_yield();
		if (thrown) {
			ck_assert_int_eq(coro_loop_close(loop), 0);
			coro_future_unref(task);
			ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
		} else {
			cancel(task);
			run();
			assert_ended(task, -ECANCELED);
		}
		coro_remote_unref(remote);
		end_host();
	}
}
END_TEST

/* ---- the thread's own loop ---- */

static void waits_in_callback(void *remote)
{
	ck_assert_int_eq(coro_remote_result(remote, CORO_FOREVER, NULL), -EDEADLK);
}

START_TEST(a_thread_may_use_its_own_loop_but_not_block_for_it)
{
	struct coro_remote *remote;
	int sum = 0;
	ck_assert_int_eq(coro_spawn_threadsafe(loop, adds_one, &sum, &remote), 0);
	ck_assert_int_eq(coro_remote_result(remote, CORO_FOREVER, NULL), -EDEADLK);
	ck_assert_int_eq(coro_call_soon(loop, waits_in_callback, remote, NULL), 0);
	ck_assert_int_eq(result_of(waits_for, remote), 0);
	ck_assert_int_eq(sum, 1);
	coro_remote_unref(remote);
	trace_take();
}
END_TEST

/* ---- the end of the loop ---- */

static void *waits_outside(void *remote)
{
	return (void *)(intptr_t)coro_remote_result(remote, CORO_FOREVER, NULL);
}

START_TEST(waiter_for_a_loop_learns_that_it_is_closed)
{
	struct coro_remote *remotes[3];
	pthread_t threads[3];
	/* One that runs, one that was spawned, and one that has not arrived. */
	ck_assert_int_eq(coro_spawn_threadsafe(loop, sleeps_for_ever, NULL, &remotes[0]), 0);
	turn();
	turn();
	ck_assert_int_eq(coro_spawn_threadsafe(loop, sleeps_for_ever, NULL, &remotes[1]), 0);
	inbox_run(&sched_of(loop)->inbox);
	ck_assert_int_eq(coro_spawn_threadsafe(loop, sleeps_for_ever, NULL, &remotes[2]), 0);
	ck_assert_int_eq(coro_remote_cancel(remotes[2]), 1);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, waits_outside, remotes[i]), 0);
	struct coro_loop *closed = loop;
	ck_assert_int_eq(coro_loop_hold(closed), 0);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	for (int i = 0; i < 3; i++) {
		void *r;
		ck_assert_int_eq(pthread_join(threads[i], &r), 0);
		ck_assert_int_eq((intptr_t)r, -ECANCELED);
		ck_assert_int_eq(coro_remote_cancel(remotes[i]), 0);
		coro_remote_unref(remotes[i]);
	}
	ck_assert_int_eq(coro_spawn_threadsafe(closed, adds_one, NULL, &remotes[0]), -EPIPE);
	coro_loop_release(closed);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

/* ---- misuse, memory, many ---- */

static int runs_an_eager_loop(void *arg)
{
	return arg ? coro_task_yield() : 3;
}

static void *takes_results(void *arg)
{
	for (int i = 0; i < 2; i++) {
		struct coro_remote *remote = ((struct coro_remote **)arg)[i];
		must(coro_remote_result(remote, 10 * CORO_SEC, NULL) == (i == 0 ? 3 : 0));
		coro_remote_unref(remote);
	}
	return NULL;
}

START_TEST(a_task_that_starts_eagerly_may_end_at_once)
{
	struct coro_loop *eager;
	struct coro_remote *remotes[2];
	pthread_t thread;
	ck_assert_int_eq(coro_loop_create(&(struct coro_loop_options){.flags = CORO_EAGER_TASKS},
					  &eager),
			 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_spawn_threadsafe(eager, runs_an_eager_loop,
						       i == 0 ? NULL : eager, &remotes[i]),
				 0);
	ck_assert_int_eq(coro_run_forever(eager), -EDEADLK);
	ck_assert_int_eq(pthread_create(&thread, NULL, takes_results, remotes), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(coro_loop_close(eager), 0);
}
END_TEST

START_TEST(misuse_is_refused)
{
	struct coro_remote *remote;
	ck_assert_int_eq(coro_spawn_threadsafe(NULL, adds_one, NULL, &remote), -EINVAL);
	ck_assert_int_eq(coro_spawn_threadsafe(loop, NULL, NULL, &remote), -EINVAL);
	ck_assert_int_eq(coro_remote_result(NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(coro_remote_cancel(NULL), -EINVAL);
	ck_assert(!coro_remote_done(NULL));
	coro_remote_unref(NULL);
}
END_TEST

static int spawns_remote(void *arg)
{
	struct coro_remote *remote;
	int sum = 0;
	int r = coro_spawn_threadsafe(coro_running_loop(), adds_one, &sum, &remote);
	if (r < 0)
		return r;
	r = coro_remote_result(remote, CORO_SEC, NULL);
	coro_remote_unref(remote);
	return r;
}

START_TEST(every_allocation_may_fail)
{
	fail_each_allocation(spawns_remote);
}
END_TEST

static void *spawns_many(void *sum)
{
	for (int i = 0; i < many(500, 50); i++) {
		struct coro_remote *remote;
		must(coro_spawn_threadsafe(host.loop, adds_one, sum, &remote) == 0);
		if (i % 2)
			must(coro_remote_result(remote, CORO_FOREVER, NULL) == 0);
		else
			coro_remote_cancel(remote);
		coro_remote_unref(remote);
	}
	return NULL;
}

START_TEST(several_threads_spawn_wait_and_cancel_at_once)
{
	pthread_t threads[3];
	int sum = 0;
	start_host();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, spawns_many, &sum), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	end_host();
	ck_assert_int_ge(sum, 3 * many(500, 50) / 2);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, threads_setup, threads_teardown);
	tcase_add_test(tests, a_thread_gets_the_result_the_value_and_the_message);
	tcase_add_test(tests, waiting_has_a_timeout_and_cancelling_ends_the_task);
	tcase_add_test(tests, a_task_may_be_cancelled_again);
	tcase_add_test(tests, a_task_that_nobody_holds_runs);
	tcase_add_test(tests, in_a_task_only_that_waits);
	tcase_add_test(tests, a_waiting_task_that_is_cancelled_leaves_the_other_alone);
	tcase_add_test(tests, in_a_task_too_waiting_has_a_timeout);
	tcase_add_test(tests, a_task_that_waits_can_be_discarded);
	tcase_add_test(tests, a_task_about_to_be_woken_can_be_cancelled_or_discarded);
	tcase_add_test(tests, a_thread_may_use_its_own_loop_but_not_block_for_it);
	tcase_add_test(tests, waiter_for_a_loop_learns_that_it_is_closed);
	tcase_add_test(tests, a_task_that_starts_eagerly_may_end_at_once);
	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, virtual_time_goes_on_for_what_the_loops_own_thread_spawns);
	tcase_add_test(tests, remote_that_nobody_has_is_no_hope);
	tcase_add_test(tests, every_allocation_may_fail);
	tcase_add_test(tests, several_threads_spawn_wait_and_cancel_at_once);
}

TEST_MAIN("remote", add_tests)
