/* SPDX-License-Identifier: MIT */
/* Executors: functions in threads, while tasks wait; and the ends of both. */
#include "thread/executors.h"

/* ---- results ---- */

START_TEST(a_function_runs_in_another_thread_and_gives_its_result)
{
	int result = 5;
	ck_assert_int_eq(result_of(goes_to_thread, &result), 5);
	ck_assert(!pthread_equal(elsewhere, pthread_self()));
	result = -EIO;
	ck_assert_int_eq(result_of(goes_to_thread, &result), -EIO);
}
END_TEST

static int hears(void *arg)
{
	int r = coro_to_thread(raises, NULL);
	ck_assert_str_eq(coro_message(r), "sector 5");
	return r;
}

START_TEST(the_message_of_a_failure_comes_along)
{
	ck_assert_int_eq(result_of(hears, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "sector 5");
}
END_TEST

static int opens(void *gate)
{
	gate_open(gate);
	return 0;
}

START_TEST(other_tasks_run_while_one_waits)
{
	struct gate gate = GATE;
	struct coro_future *waits = spawn(passes_gate, &gate);
	struct coro_future *other = spawn(opens, &gate);
	run();
	assert_ended(waits, 7);
	assert_ended(other, 0);
}
END_TEST

START_TEST(in_virtual_time_a_thread_is_waited_for_in_real)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int result = 5;
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
	ck_assert_int_eq(result_of(goes_to_thread, &result), 5);
}
END_TEST

static int called_with_nothing(void *arg)
{
	ck_assert_int_eq(coro_to_thread(NULL, NULL), -EINVAL);
	return 0;
}

static void calls_in_callback(void *arg)
{
	ck_assert_int_eq(coro_to_thread(passes, NULL), -EPERM);
}

START_TEST(misuse_is_refused)
{
	struct coro_future *future;
	ck_assert_int_eq(result_of(called_with_nothing, NULL), 0);
	ck_assert_int_eq(coro_to_thread(passes, NULL), -EPERM);
	call_outside_tasks(calls_in_callback, NULL);
	ck_assert_int_eq(coro_executor_submit(NULL, passes, NULL, NULL, &future), -EPERM);
	ck_assert_int_eq(coro_executor_submit(NULL, NULL, NULL, NULL, &future), -EINVAL);
	ck_assert_int_eq(coro_executor_submit(NULL, passes, NULL, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_executor_create(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_executor_create(&(struct coro_executor_options){.idle_timeout = -1},
					      &pool),
			 -EINVAL);
	ck_assert_int_eq(coro_executor_shutdown(NULL, false), -EINVAL);
	ck_assert_uint_eq(coro_executor_threads(NULL), 0);
	ck_assert_int_eq(coro_loop_set_executor(loop, NULL), -EINVAL);
}
END_TEST

/* ---- threads ---- */

START_TEST(threads_are_made_as_needed_up_to_the_maximum)
{
	struct gate gate = GATE;
	struct coro_future *tasks[4];
	make_pool(2, 0);
	ck_assert_uint_eq(coro_executor_threads(pool), 0);
	for (int i = 0; i < 4; i++) {
		tasks[i] = start(in_pool, &gate);
		ck_assert_uint_eq(coro_executor_threads(pool), i < 2 ? i + 1 : 2);
	}
	gate_await(&gate, 2);
	gate_open(&gate);
	run();
	for (int i = 0; i < 4; i++)
		assert_ended(tasks[i], 7);
	ck_assert_int_eq(result_of(in_pool, &gate), 7);
	ck_assert_uint_eq(coro_executor_threads(pool), 2);
}
END_TEST

START_TEST(one_thread_runs_them_in_the_order_given)
{
	make_pool(1, 0);
	for (int i = 0; i < 5; i++)
		coro_future_unref(spawn(says_in_thread, &"abcde"[i]));
	run();
	ck_assert_trace("abcde bcde cde de e");
}
END_TEST

START_TEST(an_idle_thread_ends_after_its_time_and_is_made_anew)
{
	struct coro_executor_options options = {.idle_timeout = 1};
	struct gate gate = GATE;
	gate_open(&gate);
	ck_assert_int_eq(coro_executor_create(&options, &pool), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(result_of(in_pool, &gate), 7);
		while (coro_executor_threads(pool) > 0)
			sched_yield();
	}
}
END_TEST

static int tells_name(void *ret)
{
#ifdef __linux__
	must(pthread_getname_np(pthread_self(), ret, 16) == 0);
#endif
	return 0;
}

static int asks_name(void *ret)
{
	return coro_executor_run(pool, tells_name, ret);
}

START_TEST(threads_have_names)
{
	char name[16] = "";
	struct coro_executor_options options = {.name = "a very long name indeed"};
	ck_assert_int_eq(coro_executor_create(&options, &pool), 0);
	ck_assert_int_eq(result_of(asks_name, name), 0);
#ifdef __linux__
	ck_assert_str_eq(name, "a very long-0");
#endif
}
END_TEST

static int asks_signals(void *ret)
{
	return pthread_sigmask(SIG_SETMASK, NULL, ret);
}

static int asks_signals_in_pool(void *ret)
{
	return coro_executor_run(pool, asks_signals, ret);
}

START_TEST(threads_have_the_signal_mask_of_who_made_the_executor)
{
	sigset_t set, one, before;
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &one, &before);
	make_pool(1, 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ck_assert_int_eq(result_of(asks_signals_in_pool, &set), 0);
	ck_assert(sigismember(&set, SIGUSR1));
	ck_assert(!sigismember(&set, SIGTERM));
	ck_assert(!sigismember(&set, SIGCHLD));
	ck_assert(!sigismember(&set, SIGSEGV));
}
END_TEST

/* In code that knows nothing of the library. */
static int starts_a_program(void *pid)
{
	char *argv[] = {(char *)"sleep", (char *)"1000", NULL};
	return -posix_spawnp(pid, "sleep", NULL, NULL, argv, environ);
}

static int starts_a_program_in_a_thread(void *pid)
{
	return coro_to_thread(starts_a_program, pid);
}

START_TEST(programs_that_a_thread_starts_can_be_ended)
{
	pid_t pid;
	int status;
	ck_assert_int_eq(result_of(starts_a_program_in_a_thread, &pid), 0);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}
END_TEST

#ifdef __linux__
/* The user and the group that files are used as. */
struct ids {
	int uid, gid;
};

static int asks_ids(void *arg)
{
	struct ids *ids = arg;
	*ids = (struct ids){setfsuid((uid_t)-1), setfsgid((gid_t)-1)};
	return 0;
}

static int asks_ids_in_pool(void *ids)
{
	return coro_executor_run(pool, asks_ids, ids);
}

static int submits_question_for_ids(void *ids)
{
	struct coro_future *future;
	int r = coro_executor_submit(pool, asks_ids, ids, NULL, &future);
	if (r < 0)
		return r;
	r = coro_await(future, NULL);
	coro_future_unref(future);
	return r;
}

static void expect_ids(int uid, int gid)
{
	coro_fn *const ways[] = {asks_ids_in_pool, submits_question_for_ids};
	for (int i = 0; i < 2; i++) {
		struct ids ids = {-7, -7};
		setfsgid((gid_t)gid);
		setfsuid((uid_t)uid);
		int r = result_of(ways[i], &ids);
		setfsuid(geteuid());
		setfsgid(getegid());
		ck_assert_int_eq(r, 0);
		ck_assert_int_eq(ids.uid, uid);
		ck_assert_int_eq(ids.gid, gid);
	}
}

START_TEST(work_has_the_identity_for_files_of_who_gave_it)
{
	if (geteuid() != 0)
		skip_test("needs root");
	make_pool(1, 0);
	/* The thread is created with other credentials. */
	expect_ids(65534, 65533);
	expect_ids(0, 0);
	expect_ids(7, 0);
	expect_ids(0, 9);
	expect_ids(0, 0);
}
END_TEST

/* Privileges that a process gave up do not come back by a thread made before. */
static int gives_up_root(void *arg)
{
	struct ids ids = {-7, -7};
	int r = coro_executor_create(NULL, &pool);
	if (r < 0 || setegid(65533) < 0 || seteuid(65534) < 0)
		return 77;
	r = coro_run(asks_ids_in_pool, &ids);
	return r == 0 && ids.uid == 65534 && ids.gid == 65533 ? 0 : 1;
}

START_TEST(threads_are_who_the_process_has_become)
{
	struct child child = child_run(gives_up_root, NULL);
	if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == 77)
		skip_test("needs root");
	ck_assert_exited(child, 0);
}
END_TEST

#endif

START_TEST(without_any_thread_a_call_fails_and_a_later_one_may_not)
{
	int result = 5;
	struct gate gate = GATE;
	gate_open(&gate);
	make_pool(2, 0);
	fail_calls_from("pthread_create", 1, EAGAIN);
	ck_assert_int_eq(result_of(goes_to_thread, &result), -EAGAIN);
	ck_assert_int_eq(result_of(in_pool, &gate), -EAGAIN);
	ck_assert(fail_call_off());
	ck_assert_int_eq(result_of(goes_to_thread, &result), 5);
	ck_assert_int_eq(result_of(in_pool, &gate), 7);
}
END_TEST

START_TEST(without_more_threads_the_existing_ones_do_the_work)
{
	struct gate gate = GATE;
	make_pool(2, 0);
	struct coro_future *one = start(in_pool, &gate);
	fail_calls_from("pthread_create", 1, EAGAIN);
	struct coro_future *two = start(in_pool, &gate);
	ck_assert(fail_call_off());
	ck_assert_uint_eq(coro_executor_threads(pool), 1);
	gate_open(&gate);
	run();
	assert_ended(one, 7);
	assert_ended(two, 7);
}
END_TEST

/* ---- cancellation of calls ---- */

START_TEST(a_call_that_has_not_begun_is_cancelled_and_never_does)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	struct coro_future *first = start(in_pool, &gate);
	struct coro_future *second = start(says_in_thread, "never");
	gate_await(&gate, 1);
	cancel(second);
	ck_assert_int_eq(coro_run_until_complete(loop, second, NULL), -ECANCELED);
	coro_future_unref(second);
	gate_open(&gate);
	run();
	assert_ended(first, 7);
	ck_assert_trace("");
}
END_TEST

static int traces_its_call(void *gate)
{
	int r = coro_to_thread(passes, gate);
	trace("%d", r);
	return r;
}

START_TEST(a_call_that_runs_is_waited_for_and_then_cancelled)
{
	struct gate gate = GATE;
	struct coro_future *task = start(traces_its_call, &gate);
	gate_await(&gate, 1);
	cancel(task);
	turn();
	turn();
	ck_assert(!coro_future_done(task));
	cancel(task); /* once more, to no other effect */
	turn();
	ck_assert(!coro_future_done(task));
	gate_open(&gate);
	run();
	ck_assert_trace("-" NUMBER(ECANCELED));
	assert_ended(task, -ECANCELED);
}
END_TEST

START_TEST(a_call_that_is_over_when_it_is_cancelled_is_cancelled)
{
	struct gate gate = GATE;
	struct coro_future *task = start(passes_gate, &gate);
	gate_open(&gate);
	await_message();
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
}
END_TEST

static void cancel_now(void *task)
{
	cancel(task);
}

START_TEST(a_call_that_was_woken_and_then_cancelled_is_cancelled)
{
	struct gate gate = GATE;
	struct coro_future *task = start(passes_gate, &gate);
	gate_open(&gate);
	await_message();
	/* It runs after the message, and before the task does. */
	ck_assert_int_eq(coro_call_soon(loop, cancel_now, task, NULL), 0);
	run();
	assert_ended(task, -ECANCELED);
}
END_TEST

START_TEST(a_task_cancelled_before_it_calls_may_still_be_in_time)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	struct coro_future *first = start(in_pool, &gate);
	gate_await(&gate, 1);
	struct coro_future *second = spawn(says_in_thread, "never");
	cancel(second);
	gate_open(&gate);
	run();
	assert_ended(first, 7);
	assert_ended(second, -ECANCELED);
	ck_assert_trace("");
}
END_TEST

/* ---- thrown away ---- */

static void *open_when_one_waits(void *arg)
{
	struct gate *gate = arg;
	gate_await(gate, 1);
	gate_open(gate);
	return NULL;
}

START_TEST(closing_the_loop_waits_for_a_call_that_runs)
{
	struct gate gate = GATE;
	pthread_t thread;
	make_pool(2, 0);
	coro_future_unref(start(in_pool, &gate));
	gate_await(&gate, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, open_when_one_waits, &gate), 0);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(gate.waiting, 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

START_TEST(closing_the_loop_drops_a_call_that_is_over)
{
	struct gate gate = GATE;
	coro_future_unref(start(passes_gate, &gate));
	gate_open(&gate);
	await_message();
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

/* ---- task-local values ---- */

static struct coro_local word = CORO_LOCAL("word", "none");

static int says_and_sets(void *value)
{
	trace("%s", (const char *)coro_local_get(&word));
	return coro_local_set(&word, value, NULL);
}

static int calls_with_a_word(void *mine)
{
	int r = mine ? coro_local_set(&word, mine, NULL) : 0;
	for (int i = 0; i < 2 && r == 0; i++)
		r = coro_executor_run(pool, says_and_sets, "theirs");
	trace("%s", (const char *)coro_local_get(&word));
	return r;
}

static int sets_in_the_thread(void *arg)
{
	struct coro_future *future;
	int r = coro_executor_submit(pool, says_and_sets, "left", NULL, &future);
	if (r == 0)
		r = coro_await(future, NULL);
	if (r == 0)
		coro_future_unref(future);
	return r;
}

START_TEST(a_call_sees_its_tasks_values_and_leaves_none)
{
	make_pool(1, 0);
	ck_assert_int_eq(result_of(calls_with_a_word, "mine"), 0);
	ck_assert_trace("mine mine mine");
	ck_assert_int_eq(result_of(calls_with_a_word, NULL), 0);
	ck_assert_trace("none none none");
	ck_assert_int_eq(result_of(sets_in_the_thread, NULL), 0);
	ck_assert_trace("none");
	ck_assert_int_eq(result_of(calls_with_a_word, NULL), 0);
	ck_assert_trace("none none none");
}
END_TEST

static int passes_gate_with_a_word(void *gate)
{
	coro_local_set(&word, "mine", NULL);
	return in_pool(gate);
}

START_TEST(the_values_of_a_call_that_never_begins_are_released)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	struct coro_future *first = start(passes_gate_with_a_word, &gate);
	gate_await(&gate, 1);
	struct coro_future *second = start(passes_gate_with_a_word, &gate);
	coro_future_unref(start(passes_gate_with_a_word, &gate));
	cancel(second);
	turn();
	turn();
	assert_ended(second, -ECANCELED);
	gate_open(&gate);
	ck_assert_int_eq(coro_run_until_complete(loop, first, NULL), 7);
	coro_future_unref(first);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

/* ---- memory ---- */

static int allocates_nothing(void *arg)
{
	int result = 5;
	int r = coro_to_thread(notes_thread, &result);
	fail_nth(0);
	for (int i = 0; i < 3 && r == 5; i++)
		r = coro_to_thread(notes_thread, &result);
	fail_off();
	ck_assert_int_eq(r, 5);
	return fail_count() > 0 ? -ENOMEM : 0;
}

START_TEST(a_call_allocates_nothing_where_there_is_a_thread)
{
	ck_assert_int_eq(result_of(allocates_nothing, NULL), 0);
}
END_TEST

static int uses_everything(void *arg)
{
	struct coro_executor *own;
	struct coro_future *future;
	int result = 0;
	int r = coro_to_thread(notes_thread, &result);
	if (r < 0)
		return r;
	r = coro_executor_create(NULL, &own);
	if (r < 0)
		return r;
	r = coro_executor_submit(own, notes_thread, &result, NULL, &future);
	if (r == 0) {
		r = coro_await(future, NULL);
		coro_future_unref(future);
	}
	coro_executor_destroy(own);
	return r;
}

START_TEST(every_allocation_may_fail)
{
	fail_each_allocation(uses_everything);
}
END_TEST

/* ---- many ---- */

static int adds_one(void *sum)
{
	return __atomic_add_fetch((int *)sum, 1, __ATOMIC_SEQ_CST) > 0;
}

static int adds_many(void *sum)
{
	int r = 1, rounds = many(300, 20);
	for (int i = 0; i < rounds && r == 1; i++) {
		if (i % 3 == 0) {
			struct coro_future *future;
			r = coro_executor_submit(pool, adds_one, sum, NULL, &future);
			if (r < 0)
				return r;
			r = coro_await(future, NULL);
			coro_future_unref(future);
		} else {
			r = coro_executor_run(pool, adds_one, sum);
		}
	}
	return r;
}

static int spawns_adders(void *sum)
{
	for (int i = 0; i < 8; i++) {
		struct coro_future *task;
		int r = coro_spawn(adds_many, sum, &task);
		if (r < 0)
			return r;
		coro_future_unref(task);
	}
	return adds_many(sum);
}

static void *run_adders(void *sum)
{
	struct coro_loop *mine;
	must(coro_loop_create(NULL, &mine) == 0);
	must(coro_loop_spawn(mine, NULL, spawns_adders, sum, NULL) == 0);
	must(coro_run_forever(mine) == -EDEADLK);
	must(coro_loop_close(mine) == 0);
	return NULL;
}

START_TEST(tasks_of_several_loops_use_one_executor_at_once)
{
	pthread_t threads[3];
	int sum = 0;
	struct coro_executor_options options = {.max_threads = 3, .idle_timeout = CORO_MSEC / 10};
	ck_assert_int_eq(coro_executor_create(&options, &pool), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_adders, &sum), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(sum, 3 * 9 * many(300, 20));
}
END_TEST

static int spawns_and_cancels(void *sum)
{
	int rounds = many(300, 20);
	for (int i = 0; i < rounds; i++) {
		struct coro_future *task;
		int r = coro_spawn(adds_many, sum, &task);
		if (r < 0)
			return r;
		for (int j = i % 5; j > 0; j--)
			coro_task_yield();
		coro_cancel(task);
		r = coro_await(task, NULL);
		coro_future_unref(task);
		if (r != -ECANCELED)
			return -EPROTO;
	}
	return 0;
}

START_TEST(calls_are_cancelled_at_any_time)
{
	int sum = 0;
	make_pool(2, 0);
	ck_assert_int_eq(result_of(spawns_and_cancels, &sum), 0);
	run();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_function_runs_in_another_thread_and_gives_its_result);
	tcase_add_test(tests, the_message_of_a_failure_comes_along);
	tcase_add_test(tests, other_tasks_run_while_one_waits);
	tcase_add_test(tests, in_virtual_time_a_thread_is_waited_for_in_real);
	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, threads_are_made_as_needed_up_to_the_maximum);
	tcase_add_test(tests, one_thread_runs_them_in_the_order_given);
	tcase_add_test(tests, an_idle_thread_ends_after_its_time_and_is_made_anew);
	tcase_add_test(tests, threads_have_names);
	tcase_add_test(tests, threads_have_the_signal_mask_of_who_made_the_executor);
	tcase_add_test(tests, programs_that_a_thread_starts_can_be_ended);
#ifdef __linux__
	tcase_add_test(tests, work_has_the_identity_for_files_of_who_gave_it);
	tcase_add_test(tests, threads_are_who_the_process_has_become);
#endif
	tcase_add_test(tests, without_any_thread_a_call_fails_and_a_later_one_may_not);
	tcase_add_test(tests, without_more_threads_the_existing_ones_do_the_work);
	tcase_add_test(tests, a_call_that_has_not_begun_is_cancelled_and_never_does);
	tcase_add_test(tests, a_call_that_runs_is_waited_for_and_then_cancelled);
	tcase_add_test(tests, a_call_that_is_over_when_it_is_cancelled_is_cancelled);
	tcase_add_test(tests, a_call_that_was_woken_and_then_cancelled_is_cancelled);
	tcase_add_test(tests, a_task_cancelled_before_it_calls_may_still_be_in_time);
	tcase_add_test(tests, closing_the_loop_waits_for_a_call_that_runs);
	tcase_add_test(tests, closing_the_loop_drops_a_call_that_is_over);
	tcase_add_test(tests, a_call_sees_its_tasks_values_and_leaves_none);
	tcase_add_test(tests, the_values_of_a_call_that_never_begins_are_released);
	tcase_add_test(tests, a_call_allocates_nothing_where_there_is_a_thread);
	tcase_add_test(tests, every_allocation_may_fail);
	tcase_add_test(tests, tasks_of_several_loops_use_one_executor_at_once);
	tcase_add_test(tests, calls_are_cancelled_at_any_time);
}

TEST_MAIN("executor", add_tests)
