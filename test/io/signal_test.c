/* SPDX-License-Identifier: MIT */
/* Signals: handlers and tasks that wait for them, in several loops and threads. */
#include "io/signals.h"

static void somebody_elses(int signum)
{
	trace("else:%d", signum);
}

/* -- handlers and tasks */

static void says_it(void *word)
{
	trace("%s", (char *)word);
}

static void stops(void *word)
{
	trace("%s", (char *)word);
	coro_loop_stop(loop);
}

static int on_usr1(coro_callback *fn, void *arg)
{
	return coro_loop_add_signal_handler(loop, SIGUSR1, fn, arg);
}

static int not_on_usr1(void)
{
	return coro_loop_remove_signal_handler(loop, SIGUSR1);
}

/* Waits for SIGUSR1 or SIGUSR2, and traces "NAME:result". */
static int waits(void *name)
{
	int r = coro_signal_wait(SIGUSR1, SIGUSR2);
	trace("%s:%s", (char *)name,
	      r == SIGUSR1   ? "usr1"
	      : r == SIGUSR2 ? "usr2"
			     : coro_strerror(r));
	return r;
}

static void *sends_usr1(void *arg)
{
	kill(getpid(), SIGUSR1);
	return arg;
}

/* ---- handlers ---- */

START_TEST(a_handler_is_called_in_the_loops_turn_once_for_each_signal)
{
	ck_assert_int_eq(on_usr1(says_it, "usr1"), 0);
	raise(SIGUSR1);
	raise(SIGUSR1);
	ck_assert_trace("");
	turn();
	ck_assert_trace("usr1 usr1");
	turn();
	ck_assert_trace("");
	raise(SIGUSR1);
	turn();
	ck_assert_trace("usr1");
	ck_assert_int_eq(not_on_usr1(), 1);
	run();
}
END_TEST

START_TEST(when_nobody_wants_it_any_more_the_old_action_is_back)
{
	struct sigaction mine = {.sa_handler = somebody_elses, .sa_flags = SA_NODEFER}, now;
	sigaddset(&mine.sa_mask, SIGHUP);
	sigaction(SIGUSR1, &mine, NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(on_usr1(says_it, "ours"), 0);
		ck_assert_ptr_ne(action_of(SIGUSR1), somebody_elses);
		ck_assert_int_eq(not_on_usr1(), 1);
		sigaction(SIGUSR1, NULL, &now);
		ck_assert_ptr_eq(now.sa_handler, somebody_elses);
		ck_assert_int_ne(now.sa_flags & SA_NODEFER, 0);
		ck_assert_int_eq(sigismember(&now.sa_mask, SIGHUP), 1);
	}
	raise(SIGUSR1);
	turn();
	ck_assert_trace("else:" NUMBER(SIGUSR1));
}
END_TEST

START_TEST(an_action_that_the_program_has_set_meanwhile_stays)
{
	ck_assert_int_eq(on_usr1(says_it, "ours"), 0);
	signal(SIGUSR1, somebody_elses);
	raise(SIGUSR1);
	turn();
	ck_assert_trace("else:" NUMBER(SIGUSR1));
	ck_assert_int_eq(not_on_usr1(), 1);
	ck_assert_ptr_eq(action_of(SIGUSR1), somebody_elses);
}
END_TEST

/* Like `old = signal(n, mine); ... signal(n, old);` around the end of a handler. */
START_TEST(our_action_put_back_by_others_yields_to_the_former_one)
{
	signal(SIGUSR1, somebody_elses);
	ck_assert_int_eq(on_usr1(says_it, "ours"), 0);
	void (*ours)(int) = action_of(SIGUSR1);
	ck_assert_int_eq(not_on_usr1(), 1);
	signal(SIGUSR1, ours);
	raise(SIGUSR1);
	turn();
	ck_assert_trace("else:" NUMBER(SIGUSR1));
	ck_assert_ptr_eq(action_of(SIGUSR1), somebody_elses);

	/* Nor does it become the one to be put back. */
	signal(SIGUSR1, ours);
	ck_assert_int_eq(on_usr1(says_it, "ours"), 0);
	raise(SIGUSR1);
	turn();
	ck_assert_trace("ours");
	not_on_usr1();
	ck_assert_ptr_eq(action_of(SIGUSR1), somebody_elses);
}
END_TEST

START_TEST(another_handler_takes_the_place_of_the_first)
{
	ck_assert_int_eq(on_usr1(says_it, "a"), 0);
	raise(SIGUSR1);
	ck_assert_int_eq(on_usr1(says_it, "b"), 0);
	turn();
	ck_assert_trace("b");
	ck_assert_int_eq(not_on_usr1(), 1);
	ck_assert_int_eq(not_on_usr1(), 0);
}
END_TEST

START_TEST(one_that_is_removed_is_not_called_for_what_came_before)
{
	ck_assert_int_eq(on_usr1(says_it, "a"), 0);
	raise(SIGUSR1);
	ck_assert_int_eq(not_on_usr1(), 1);
	turn();
	ck_assert_trace("");
}
END_TEST

static void goes(void *word)
{
	trace("%s", (char *)word);
	not_on_usr1();
}

START_TEST(a_handler_may_remove_itself)
{
	ck_assert_int_eq(on_usr1(goes, "once"), 0);
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
	turn();
	turn();
	ck_assert_trace("once");
	ck_assert_ptr_eq(action_of(SIGUSR1), SIG_DFL);
	run();
}
END_TEST

static void keeps_the_rest(void *word)
{
	trace("%s", (char *)word);
	on_usr1(NULL, NULL);
}

START_TEST(a_handler_may_leave_the_rest_to_those_who_wait)
{
	ck_assert_int_eq(on_usr1(keeps_the_rest, "first"), 0);
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
	turn();
	ck_assert_trace("first");
	ck_assert_int_eq(result_of(waits, "a"), SIGUSR1);
	ck_assert_int_eq(result_of(waits, "b"), SIGUSR1);
	struct coro_future *task = start(waits, "c");
	ck_assert_trace("a:usr1 b:usr1");
	cancel(task);
	not_on_usr1();
	run();
	assert_ended(task, -ECANCELED);
}
END_TEST

/* One of real time, if the system has such. */
#ifdef SIGRTMIN
#define OTHER_SIGNAL (SIGRTMIN + 1)
#else
#define OTHER_SIGNAL SIGWINCH
#endif

START_TEST(several_signals_have_handlers_of_their_own)
{
	ck_assert_int_eq(on_usr1(says_it, "usr1"), 0);
	ck_assert_int_eq(coro_loop_add_signal_handler(loop, OTHER_SIGNAL, says_it, "other"), 0);
	ck_assert_int_eq(coro_loop_add_signal_handler(loop, SIGHUP, says_it, "hup"), 0);
	raise(OTHER_SIGNAL);
	raise(SIGHUP);
	raise(SIGUSR1);
	turn();
	ck_assert_trace("other hup usr1");
}
END_TEST

START_TEST(a_loop_that_sleeps_is_woken)
{
	pthread_t thread;
	ck_assert_int_eq(on_usr1(stops, "woken"), 0);
	pthread_create(&thread, NULL, sends_usr1, NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	pthread_join(thread, NULL);
	ck_assert_trace("woken");
}
END_TEST

START_TEST(a_loop_that_sleeps_in_its_poller_is_woken)
{
	pthread_t thread;
	struct pair pair = make_pair(UNIX);
	coro_loop_add_reader(loop, pair.from, says_it, "reader");
	ck_assert_int_eq(on_usr1(stops, "woken"), 0);
	pthread_create(&thread, NULL, sends_usr1, NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	pthread_join(thread, NULL);
	ck_assert_trace("woken");
	coro_loop_remove_reader(loop, pair.from);
	close_pair(pair);
}
END_TEST

static void sends_to_self(void *arg)
{
	raise(SIGUSR1);
}

START_TEST(virtual_time_goes_on_while_a_handler_is_there)
{
	ck_assert_int_eq(on_usr1(stops, "usr1"), 0);
	at(3600 * CORO_SEC, says_it, "later");
	at(7200 * CORO_SEC, sends_to_self, NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("later usr1");
	ck_assert_int_eq(not_on_usr1(), 1);
	run();
}
END_TEST

/* Tasks that only give way to each other: their turns follow without the loop's own context. */
static int spins(void *stop)
{
	int r = 0;
	while (r == 0 && !*(bool *)stop)
		r = coro_task_yield();
	return r;
}

static void sets_true(void *flag)
{
	*(bool *)flag = true;
}

static int sends_and_spins(void *stop)
{
	raise(SIGUSR1);
	return spins(stop);
}

START_TEST(a_loop_that_is_never_idle_calls_handlers_too)
{
	bool stop = false;
	ck_assert_int_eq(on_usr1(sets_true, &stop), 0);
	struct coro_future *a = spawn(spins, &stop), *b = spawn(sends_and_spins, &stop);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	coro_future_unref(a);
	coro_future_unref(b);
}
END_TEST

START_TEST(a_loop_may_be_closed_with_handlers_and_unseen_signals)
{
	ck_assert_int_eq(on_usr1(says_it, "usr1"), 0);
	raise(SIGUSR1);
	turn();
	raise(SIGUSR1);
	loop_teardown();
	ck_assert_ptr_eq(action_of(SIGUSR1), SIG_DFL);
	loop_setup();
	ck_assert_trace("usr1");
}
END_TEST

START_TEST(errno_is_left_alone)
{
	ck_assert_int_eq(on_usr1(says_it, "usr1"), 0);
	errno = 4711;
	raise(SIGUSR1);
	ck_assert_int_eq(errno, 4711);
}
END_TEST

/* ---- waiting ---- */

START_TEST(a_task_waits_for_one_of_several)
{
	struct coro_future *task = start(waits, "a");
	ck_assert_ptr_ne(action_of(SIGUSR1), SIG_DFL);
	raise(SIGUSR2);
	run();
	ck_assert_trace("a:usr2");
	assert_ended(task, SIGUSR2);
	ck_assert_ptr_eq(action_of(SIGUSR1), SIG_DFL);
	ck_assert_ptr_eq(action_of(SIGUSR2), SIG_DFL);
}
END_TEST

START_TEST(all_who_wait_get_it_and_the_handler_too)
{
	ck_assert_int_eq(on_usr1(says_it, "handler"), 0);
	struct coro_future *a = start(waits, "a"), *b = start(waits, "b");
	raise(SIGUSR1);
	turn();
	ck_assert_trace("a:usr1 b:usr1 handler");
	assert_ended(a, SIGUSR1);
	assert_ended(b, SIGUSR1);
	not_on_usr1();
	run();
}
END_TEST

START_TEST(the_first_of_two_that_come_at_once_ends_the_wait)
{
	struct coro_future *task = start(waits, "a");
	raise(SIGUSR2);
	raise(SIGUSR1);
	run();
	ck_assert_trace("a:usr2");
	assert_ended(task, SIGUSR2);
}
END_TEST

START_TEST(what_is_kept_is_given_to_later_waits_the_lowest_first)
{
	ck_assert_int_eq(on_usr1(NULL, NULL), 0);
	ck_assert_int_eq(coro_loop_add_signal_handler(loop, SIGUSR2, NULL, NULL), 0);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR1);
	turn();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(result_of(waits, "a"), i < 2 ? SIGUSR1 : SIGUSR2);
	struct coro_future *task = start(waits, "b");
	raise(SIGUSR1); /* that one is waited for, and not kept */
	turn();
	assert_ended(task, SIGUSR1);
	ck_assert_trace("a:usr1 a:usr1 a:usr2 b:usr1");
	task = start(waits, "c");
	ck_assert(!coro_future_done(task));
	raise(SIGUSR1);
	raise(SIGUSR1); /* one of them is */
	turn();
	assert_ended(task, SIGUSR1);
	ck_assert_int_eq(result_of(waits, "d"), SIGUSR1);
}
END_TEST

START_TEST(what_was_kept_is_forgotten_with_the_handler)
{
	ck_assert_int_eq(on_usr1(NULL, NULL), 0);
	raise(SIGUSR1);
	turn();
	ck_assert_int_eq(not_on_usr1(), 1);
	struct coro_future *task = start(waits, "a");
	ck_assert(!coro_future_done(task));
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
}
END_TEST

static int waits_then_gets_one_more(void *arg)
{
	struct coro_future *task;
	struct coro_loop *own = NULL;
	if (coro_loop_create(NULL, &own) < 0 || coro_loop_spawn(own, NULL, waits, "x", &task) < 0)
		return 2;
	coro_loop_stop(own);
	coro_run_forever(own);
	raise(SIGUSR1);
	if (coro_run_until_complete(own, task, NULL) != SIGUSR1)
		return 3;
	raise(SIGUSR1);
	return 4;
}

START_TEST(a_signal_that_nobody_waits_for_takes_its_usual_course)
{
	struct child child = child_run(waits_then_gets_one_more, NULL);
	ck_assert_killed(child, SIGUSR1);
}
END_TEST

START_TEST(a_wait_can_be_cancelled)
{
	struct coro_future *task = start(waits, "a");
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
	ck_assert_ptr_eq(action_of(SIGUSR1), SIG_DFL);
	ck_assert_ptr_eq(action_of(SIGUSR2), SIG_DFL);
}
END_TEST

static int waits_then_gives_way(void *name)
{
	int r = waits(name);
	return r < 0 ? r : coro_task_yield();
}

START_TEST(a_cancellation_after_the_signal_is_for_the_next_wait)
{
	struct coro_future *task = start(waits_then_gives_way, "a");
	coro_call_soon(loop, cancel_it, task, NULL); /* after the inbox, before the task */
	raise(SIGUSR1);
	run();
	ck_assert_trace("a:usr1");
	assert_ended(task, -ECANCELED);
}
END_TEST

static int waits_for_an_hour(void *arg)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, 3600 * CORO_SEC);
	return coro_timeout_end(&timeout, coro_signal_wait(SIGUSR1));
}

START_TEST(a_wait_can_have_a_timeout)
{
	ck_assert_int_eq(result_of(waits_for_an_hour, NULL), -ETIMEDOUT);
	ck_assert_ptr_eq(action_of(SIGUSR1), SIG_DFL);
}
END_TEST

START_TEST(a_task_that_waits_may_be_discarded)
{
	coro_future_unref(start(waits, "a"));
	coro_future_unref(start(waits, "b"));
	loop_teardown();
	ck_assert_ptr_eq(action_of(SIGUSR1), SIG_DFL);
	loop_setup();
	ck_assert_trace("");
}
END_TEST

START_TEST(a_set_may_hold_any_of_them)
{
	ck_assert_int_eq(on_usr1(NULL, NULL), 0);
	raise(SIGUSR1);
	turn();
	/* A signal that was kept is there at once, though others in the set cannot be caught. */
	ck_assert_int_eq(result_of(waits, "a"), SIGUSR1);
}
END_TEST

static int waits_for_all(void *arg)
{
	sigset_t all;
	sigfillset(&all);
	return coro_signal_wait_set(&all);
}

static int waits_for_none(void *arg)
{
	sigset_t none;
	sigemptyset(&none);
	ck_assert_int_eq(coro_signal_wait_set(&none), -EINVAL);
	ck_assert_int_eq(coro_signal_wait_set(NULL), -EINVAL);
	ck_assert_int_eq(coro_signal_wait(1000), -EINVAL);
	ck_assert_int_eq(coro_signal_wait(SIGUSR1, -1), -EINVAL);
	return coro_signal_wait(SIGUSR1, SIGSEGV);
}

static void waits_outside_tasks(void *arg)
{
	ck_assert_int_eq(coro_signal_wait(SIGUSR1), -EPERM);
}

static void *adds_elsewhere(void *arg)
{
	ck_assert_int_eq(on_usr1(says_it, NULL), -EPERM);
	ck_assert_int_eq(not_on_usr1(), -EPERM);
	return NULL;
}

START_TEST(what_cannot_be_is_refused)
{
	static const int never[] = {0,       -1,     10000,  SIGKILL, SIGSTOP,
				    SIGSEGV, SIGBUS, SIGFPE, SIGILL,  32 /* libc's */};
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++) {
		ck_assert_int_eq(coro_loop_add_signal_handler(loop, never[i], says_it, NULL),
				 -EINVAL);
		ck_assert_int_eq(coro_loop_remove_signal_handler(loop, never[i]), 0);
	}
	ck_assert_int_eq(coro_loop_add_signal_handler(NULL, SIGUSR1, says_it, NULL), -EINVAL);
	ck_assert_int_eq(coro_loop_remove_signal_handler(NULL, SIGUSR1), -EINVAL);
	in_thread(adds_elsewhere, NULL);
	ck_assert_int_eq(result_of(waits_for_all, NULL), -EINVAL);
	ck_assert_int_eq(result_of(waits_for_none, NULL), -EINVAL);
	waits_outside_tasks(NULL);
	call_outside_tasks(waits_outside_tasks, NULL);
	for (int signum = 1; signum < 32; signum++)
		if (signum != SIGKILL && signum != SIGSTOP && !SANITIZED)
			ck_assert(action_of(signum) == SIG_DFL || signum == SIGSEGV ||
				  signum == SIGBUS || signum == SIGINT || signum == SIGTERM ||
				  signum == SIGALRM);
	run();
}
END_TEST

static int gets_one(void *arg)
{
	return coro_signal_wait(SIGUSR1) == SIGUSR1 ? 0 : -EIO;
}

START_TEST(waits_allocate_nothing_after_the_first)
{
	ck_assert_int_eq(on_usr1(NULL, NULL), 0);
	struct coro_future *task = start(gets_one, NULL);
	raise(SIGUSR1);
	turn();
	assert_ended(task, 0);
	task = spawn(gets_one, NULL);
	coro_loop_stop(loop);
	fail_nth(0);
	coro_run_forever(loop);
	raise(SIGUSR1);
	coro_loop_stop(loop);
	coro_run_forever(loop);
	fail_off();
	ck_assert_uint_eq(fail_count(), 0);
	assert_ended(task, 0);
}
END_TEST

static int handles_and_waits(void *arg)
{
	struct coro_loop *own = coro_running_loop();
	struct coro_future *task;
	int r = coro_loop_add_signal_handler(own, SIGUSR2, says_it, "usr2");
	if (r == 0)
		r = coro_spawn(gets_one, NULL, &task);
	if (r < 0)
		return r;
	coro_task_yield();
	if (!coro_future_done(task))
		raise(SIGUSR1);
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(each_allocation_may_fail)
{
	fail_each_allocation(handles_and_waits);
}
END_TEST

/* ---- several loops and threads ---- */

struct other {
	struct gate gate;
	pthread_t thread;
	int result;
};

static int announces_and_waits(void *arg)
{
	struct other *other = arg;
	int r = coro_loop_add_signal_handler(coro_running_loop(), SIGUSR1, NULL, NULL);
	gate_pass(&other->gate);
	return r < 0 ? r : coro_signal_wait(SIGUSR1);
}

static void *runs_a_loop(void *arg)
{
	struct other *other = arg;
	other->result = coro_run(announces_and_waits, other);
	return NULL;
}

START_TEST(loops_of_several_threads_all_get_it)
{
	static struct other others[3] = {{.gate = GATE}, {.gate = GATE}, {.gate = GATE}};
	for (int i = 0; i < 3; i++)
		pthread_create(&others[i].thread, NULL, runs_a_loop, &others[i]);
	ck_assert_int_eq(on_usr1(says_it, "here"), 0);
	for (int i = 0; i < 3; i++)
		gate_await(&others[i].gate, 1);
	raise(SIGUSR1);
	for (int i = 0; i < 3; i++)
		gate_open(&others[i].gate);
	for (int i = 0; i < 3; i++) {
		pthread_join(others[i].thread, NULL);
		ck_assert_int_eq(others[i].result, SIGUSR1);
	}
	turn();
	ck_assert_trace("here");
	not_on_usr1();
	ck_assert_ptr_eq(action_of(SIGUSR1), SIG_DFL);
}
END_TEST

START_TEST(two_loops_of_one_thread_both_get_it)
{
	struct coro_loop *first = loop;
	ck_assert_int_eq(on_usr1(says_it, "first"), 0);
	loop_setup();
	ck_assert_int_eq(on_usr1(says_it, "second"), 0);
	raise(SIGUSR1);
	turn();
	ck_assert_trace("second");
	loop_teardown();
	ck_assert_ptr_ne(action_of(SIGUSR1), SIG_DFL);
	loop = first;
	turn();
	ck_assert_trace("first");
}
END_TEST

static void *waits_at(void *gate)
{
	gate_pass(gate);
	return NULL;
}

START_TEST(it_does_not_matter_which_thread_is_interrupted)
{
	static struct gate gate = GATE;
	pthread_t thread;
	pthread_create(&thread, NULL, waits_at, &gate);
	gate_await(&gate, 1);
	ck_assert_int_eq(on_usr1(stops, "here"), 0);
	pthread_kill(thread, SIGUSR1);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("here");
	gate_open(&gate);
	pthread_join(thread, NULL);
}
END_TEST

static bool enough;

static void *keeps_sending(void *to)
{
	while (!__atomic_load_n(&enough, __ATOMIC_RELAXED)) {
		pthread_kill(*(pthread_t *)to, SIGUSR1);
		pthread_kill(pthread_self(), SIGUSR1);
	}
	return NULL;
}

static void counts(void *count)
{
	++*(int *)count;
}

START_TEST(handlers_come_and_go_while_signals_keep_coming)
{
	pthread_t threads[2], self = pthread_self();
	int count = 0;
	ignore(SIGUSR1);
	enough = false;
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, keeps_sending, &self);
	for (int i = 0, rounds = many(2000, 100); i < rounds; i++) {
		ck_assert_int_eq(on_usr1(counts, &count), 0);
		if (i % 3 == 0)
			turn();
		ck_assert_int_eq(not_on_usr1(), 1);
		ck_assert(action_of(SIGUSR1) == SIG_IGN);
	}
	for (int before = count; count == before;) {
		ck_assert_int_eq(on_usr1(counts, &count), 0);
		turn();
	}
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	not_on_usr1();
	ck_assert(action_of(SIGUSR1) == SIG_IGN);
}
END_TEST

static void *forks_now_and_then(void *arg)
{
	for (int i = 0, rounds = many(20, 5); i < rounds; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(action_of(SIGUSR1) != SIG_IGN);
		int status = -1;
		waitpid(pid, &status, 0);
		if (status != 0)
			return (void *)1;
	}
	return NULL;
}

START_TEST(a_child_forked_at_any_moment_has_the_old_actions)
{
	pthread_t thread;
	int count = 0;
	void *failed;
	ignore(SIGUSR1);
	pthread_create(&thread, NULL, forks_now_and_then, NULL);
	for (int i = 0, rounds = many(300, 30); i < rounds; i++) {
		ck_assert_int_eq(on_usr1(counts, &count), 0);
		raise(SIGUSR1);
		turn();
		ck_assert_int_eq(not_on_usr1(), 1);
	}
	pthread_join(thread, &failed);
	ck_assert_ptr_null(failed);
	ck_assert_int_eq(count, many(300, 30));
}
END_TEST

static int gets_it_after_fork(void *arg)
{
	struct coro_loop *own;
	if (coro_loop_add_signal_handler(loop, SIGUSR1, says_it, "x") != -EOWNERDEAD)
		return 2;
	if (coro_loop_close(loop) < 0)
		return 3; /* the parent's, of which this is a copy */
	/* One of its own. */
	if (coro_loop_create(NULL, &own) < 0 ||
	    coro_loop_add_signal_handler(own, SIGUSR1, sets_true, arg) < 0)
		return 4;
	raise(SIGUSR1);
	coro_loop_stop(own);
	coro_run_forever(own);
	if (!*(bool *)arg)
		return 5;
	if (coro_loop_close(own) < 0)
		return 6;
	raise(SIGUSR1);
	return 7;
}

START_TEST(a_forked_child_has_the_old_actions_back)
{
	bool got = false;
	ck_assert_int_eq(on_usr1(says_it, "parent"), 0);
	raise(SIGUSR1);
	struct coro_future *task = start(waits, "a");
	raise(SIGUSR1);
	struct child child = child_run(gets_it_after_fork, &got);
	ck_assert_killed(child, SIGUSR1);
	turn();
	ck_assert_trace("parent a:usr1 parent");
	assert_ended(task, SIGUSR1);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, a_handler_is_called_in_the_loops_turn_once_for_each_signal);
	tcase_add_test(tests, when_nobody_wants_it_any_more_the_old_action_is_back);
	tcase_add_test(tests, an_action_that_the_program_has_set_meanwhile_stays);
	tcase_add_test(tests, our_action_put_back_by_others_yields_to_the_former_one);
	tcase_add_test(tests, another_handler_takes_the_place_of_the_first);
	tcase_add_test(tests, one_that_is_removed_is_not_called_for_what_came_before);
	tcase_add_test(tests, a_handler_may_remove_itself);
	tcase_add_test(tests, a_handler_may_leave_the_rest_to_those_who_wait);
	tcase_add_test(tests, several_signals_have_handlers_of_their_own);
	tcase_add_test(tests, a_loop_that_sleeps_is_woken);
	tcase_add_test(tests, a_loop_that_sleeps_in_its_poller_is_woken);
	tcase_add_test(tests, virtual_time_goes_on_while_a_handler_is_there);
	tcase_add_test(tests, a_loop_that_is_never_idle_calls_handlers_too);
	tcase_add_test(tests, a_loop_may_be_closed_with_handlers_and_unseen_signals);
	tcase_add_test(tests, errno_is_left_alone);
	tcase_add_test(tests, a_task_waits_for_one_of_several);
	tcase_add_test(tests, all_who_wait_get_it_and_the_handler_too);
	tcase_add_test(tests, the_first_of_two_that_come_at_once_ends_the_wait);
	tcase_add_test(tests, what_is_kept_is_given_to_later_waits_the_lowest_first);
	tcase_add_test(tests, what_was_kept_is_forgotten_with_the_handler);
	tcase_add_test(tests, a_signal_that_nobody_waits_for_takes_its_usual_course);
	tcase_add_test(tests, a_wait_can_be_cancelled);
	tcase_add_test(tests, a_cancellation_after_the_signal_is_for_the_next_wait);
	tcase_add_test(tests, a_wait_can_have_a_timeout);
	tcase_add_test(tests, a_task_that_waits_may_be_discarded);
	tcase_add_test(tests, a_set_may_hold_any_of_them);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, waits_allocate_nothing_after_the_first);
	tcase_add_test(tests, each_allocation_may_fail);
	tcase_add_test(tests, loops_of_several_threads_all_get_it);
	tcase_add_test(tests, two_loops_of_one_thread_both_get_it);
	tcase_add_test(tests, it_does_not_matter_which_thread_is_interrupted);
	tcase_add_test(tests, handlers_come_and_go_while_signals_keep_coming);
	tcase_add_test(tests, a_child_forked_at_any_moment_has_the_old_actions);
	tcase_add_test(tests, a_forked_child_has_the_old_actions_back);
}

TEST_MAIN("signal", add_tests)
