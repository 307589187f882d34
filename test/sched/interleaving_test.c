/* SPDX-License-Identifier: MIT */
/*
 * A message from another thread, at each point of a turn: the CPU traps after each instruction, and
 * after the n-th the message is sent and the hold ends, as a thread would do there. Only where the
 * CPU has such a trap that programs may set, which is x86-64.
 */
#include "loop/loop.h"
#include "sched/turn.h"

#include "threads.h"

#include <signal.h>

#if defined(__linux__) && defined(__x86_64__) && !SANITIZE_THREAD
#define CAN_STEP (!RUNNING_ON_VALGRIND)
#include <ucontext.h>

enum { TRAP_FLAG = 0x100 };

static void step_begin(void)
{
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
}

static void step_end(void)
{
	__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}

static void stop_stepping(void *context)
{
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}
#else
#define CAN_STEP false
#define step_begin() ((void)0)
#define step_end() ((void)0)
#define stop_stepping(context) ((void)(context))
#endif

/* What the other thread does, and what has become of it. */
static struct {
	struct message message;
	struct sched *sched;
	unsigned steps, at; /* made, and after which it sends */
	bool sends;         /* it sends a message before its hold ends */
	bool sent, asleep, arrived;
	int64_t arrived_at;
} other;

static void arrive(struct message *message)
{
	other.arrived = true;
	other.arrived_at = sched_time(other.sched);
}

static void drop(struct message *message)
{
}

static void send_and_let_go(void)
{
	other.sent = true;
	if (other.sends)
		must(sched_post(other.sched, &other.message) == 0);
	sched_unhold(other.sched);
}

/* At the latest when the loop goes to sleep, as nothing else would wake it. */
static void after_each_instruction(int signum, siginfo_t *info, void *context)
{
	other.asleep = __atomic_load_n(&other.sched->inbox.waiting, __ATOMIC_SEQ_CST);
	if (other.steps++ < other.at && !other.asleep)
		return;
	send_and_let_go();
	stop_stepping(context);
}

static void begin(unsigned at)
{
	other.message = (struct message){.run = arrive, .drop = drop};
	other.sched = sched_of(loop);
	other.steps = 0;
	other.at = at;
	other.sends = true;
	other.sent = other.asleep = other.arrived = false;
	sched_hold(other.sched);
}

static void finish(void)
{
	sched_let_go(other.sched);
}

/* Calls fn, while the thread does that after so many of its instructions. */
static int stepped_as(int (*fn)(void), unsigned at, bool sends)
{
	begin(at);
	other.sends = sends;
	step_begin();
	int r = fn();
	step_end();
	return r;
}

/* The message is sent, and the hold ends. */
static int stepped(int (*fn)(void), unsigned at)
{
	return stepped_as(fn, at, true);
}

static void watch(void)
{
	struct sigaction action = {.sa_sigaction = after_each_instruction, .sa_flags = SA_SIGINFO};
	sigaction(SIGTRAP, &action, NULL);
}

static void stop_here(struct message *message)
{
	arrive(message);
	other.sched->stopping = true;
}

static int turn_that_waits(void)
{
	return turn_run(other.sched, false);
}

static void begin_run(void)
{
	struct sched *sched = sched_of(loop);
	sched->thread->sched = sched;
	sched->runner = sched->thread->self;
}

static void end_run(void)
{
	struct sched *sched = sched_of(loop);
	sched->thread->sched = NULL;
	sched->runner = NULL;
}

/* The least number of instructions that each of these takes. */
enum { POINTS_LEAST = 10 };

START_TEST(a_message_that_comes_as_the_hold_ends_is_no_deadlock)
{
	unsigned at = 0;
	if (!CAN_STEP)
		skip_test("no trap after each instruction");
	watch();
	begin_run();
	for (other.asleep = false; !other.asleep; at++) {
		ck_assert_msg(stepped(turn_that_waits, at) == 0, "after instruction %u", at);
		if (!other.arrived && other.sent)
			ck_assert_int_eq(turn_that_waits(), 0);
		ck_assert_msg(other.arrived, "after instruction %u", at);
		finish();
	}
	end_run();
	ck_assert_uint_gt(at, POINTS_LEAST);
}
END_TEST

/* A loop that slept on would hang here. */
START_TEST(a_loop_wakes_when_its_last_hold_ends)
{
	unsigned at = 0;
	if (!CAN_STEP)
		skip_test("no trap after each instruction");
	watch();
	begin_run();
	for (other.asleep = false; !other.asleep; at++) {
		int r = stepped_as(turn_that_waits, at, false);
		ck_assert_msg(r == 0 || r == -EDEADLK, "after instruction %u: %d", at, r);
		ck_assert(other.sent);
		ck_assert_int_eq(turn_that_waits(), -EDEADLK);
		finish();
	}
	end_run();
	ck_assert_uint_gt(at, POINTS_LEAST);
}
END_TEST

static void ignore(void *arg)
{
}

static int turn_embedded(void)
{
	return turn_run(other.sched, true);
}

/* Once with each instruction at which the message comes, until the turn makes no more of them. */
static void virtual_time_waits(int (*step)(void))
{
	bool through = false;
	unsigned at = 0;
	for (; !through; at++) {
		struct coro_handle *timer;
		ck_assert_int_eq(coro_call_later(loop, CORO_SEC, ignore, NULL, &timer), 0);
		begin_run();
		int64_t before = sched_time(sched_of(loop));
		ck_assert_int_eq(stepped(step, at), 0);
		through = other.asleep || !other.sent;
		if (!other.sent)
			send_and_let_go();
		if (!other.arrived)
			ck_assert_int_eq(step(), 0);
		ck_assert_msg(other.arrived, "after instruction %u", at);
		ck_assert_msg(other.arrived_at == before, "after instruction %u", at);
		finish();
		end_run();
		coro_handle_cancel(timer);
		coro_handle_unref(timer);
	}
	ck_assert_uint_gt(at, POINTS_LEAST);
}

START_TEST(virtual_time_does_not_jump_past_a_message)
{
	if (!CAN_STEP)
		skip_test("no trap after each instruction");
	watch();
	virtual_time_waits(turn_that_waits);
}
END_TEST

START_TEST(virtual_time_of_an_embedded_loop_does_not_jump_past_a_message)
{
	if (!CAN_STEP)
		skip_test("no trap after each instruction");
	watch();
	virtual_time_waits(turn_embedded);
}
END_TEST

static int has_more(void)
{
	return sched_has_more(other.sched);
}

START_TEST(an_embedded_loop_to_which_a_message_comes_has_more_to_do)
{
	bool through = false;
	unsigned at = 0;
	if (!CAN_STEP)
		skip_test("no trap after each instruction");
	watch();
	for (; !through; at++) {
		ck_assert_msg(stepped(has_more, at) == 1, "after instruction %u", at);
		through = !other.sent;
		if (!other.sent)
			send_and_let_go();
		begin_run();
		ck_assert_int_eq(turn_embedded(), 0);
		end_run();
		ck_assert(other.arrived);
		finish();
	}
	ck_assert_uint_gt(at, POINTS_LEAST);
}
END_TEST

START_TEST(a_run_does_not_end_before_a_message)
{
	if (!CAN_STEP)
		skip_test("no trap after each instruction");
	watch();
	for (unsigned at = 0; at < 400; at += 7) {
		begin(at);
		other.message.run = stop_here;
		step_begin();
		int r = coro_run_forever(loop);
		step_end();
		ck_assert_msg(r == 0 && other.arrived, "after instruction %u: %d", at, r);
		finish();
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, virtual_time_does_not_jump_past_a_message);
	tcase_add_test(tests, virtual_time_of_an_embedded_loop_does_not_jump_past_a_message);
	tcase_add_test(tests, a_message_that_comes_as_the_hold_ends_is_no_deadlock);
	tcase_add_test(tests, a_loop_wakes_when_its_last_hold_ends);
	tcase_add_test(tests, an_embedded_loop_to_which_a_message_comes_has_more_to_do);
	tcase_add_test(tests, a_run_does_not_end_before_a_message);
}

TEST_MAIN("interleaving", add)
