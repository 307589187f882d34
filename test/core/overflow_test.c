/* SPDX-License-Identifier: MIT */
/*
 * The report of a stack overflow, and faults that it leaves alone. Each test runs in a child
 * process.
 */
#include "base/system.h"
#include "coro/coroutine.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { KIB = 1024 };

/* The exit statuses of children. */
enum { SURVIVED = 3, FAILED = 4, OWN_HANDLER = 5 };

#define skip_under_checkers()                                         \
	do {                                                          \
		if (SANITIZED || RUNNING_ON_VALGRIND)                 \
			skip_test("a checker handles faults itself"); \
	} while (0)

/* ---- faults ---- */

static int __attribute__((noinline)) recurse(int depth)
{
	volatile char frame[512];
	frame[0] = (char)depth;
	if (depth < 0)
		return frame[0];
	return recurse(depth + 1) + frame[0];
}

static int overflow(void *arg)
{
	return recurse(0);
}

/* Of a frame, what is farthest from the stack pointer is written first. */
static int __attribute__((noinline)) recurse_from_the_top(int depth)
{
	volatile char frame[3 * KIB];
	for (size_t i = sizeof(frame); i > 0; i -= 16)
		frame[i - 1] = (char)depth;
	if (depth < 0)
		return frame[0];
	return recurse_from_the_top(depth + 1) + frame[15];
}

static int overflow_from_the_top(void *arg)
{
	return recurse_from_the_top(0);
}

static int read_null(void *arg)
{
	volatile int *volatile nowhere = NULL;
	return *nowhere;
}

static int past_the_end_of_a_file(void *arg)
{
	FILE *file = tmpfile();
	if (!file)
		return FAILED;
	volatile char *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
	return memory == MAP_FAILED ? FAILED : memory[0];
}

/* Where the stack begins there is no more of it either. */
static int read_past_the_outermost_frame(void *arg)
{
	const volatile char *at = (const volatile char *)&arg;
	int sum = 0;
	while (at)
		sum ^= *at++;
	return sum;
}

static int just_yield(void *arg)
{
	return coro_yield(NULL, NULL);
}

/* ---- children ---- */

/* A coroutine, and how it is made. */
struct run {
	coro_fn *fn;
	struct coro_options options;
	const char *guard;    /* CORO_GUARD */
	const char *overflow; /* CORO_OVERFLOW */
};

static int resume_one(void *arg)
{
	struct run *run = arg;
	struct coro *co;
	if (run->guard)
		setenv("CORO_GUARD", run->guard, 1);
	if (run->overflow)
		setenv("CORO_OVERFLOW", run->overflow, 1);
	if (coro_create_with(&run->options, run->fn, NULL, &co) < 0)
		return FAILED;
	int r = coro_resume(co, NULL, NULL);
	return r < 0 ? FAILED : SURVIVED;
}

static struct child run_child(struct run run)
{
	return child_run(resume_one, &run);
}

/* ---- the report ---- */

START_TEST(overflow_names_the_coroutine_its_origin_and_its_size)
{
	static const char *const guards[] = {"default", "mprotect"};
	skip_under_checkers();
	struct child child = run_child((struct run){
		.fn = overflow,
		.options = {.name = "parser", .site = "parse.c:12", .stack_size = (size_t)64 * KIB},
		.guard = guards[_i],
	});
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said,
			 "coro: stack overflow in parser, made at parse.c:12, stack of 64 KiB\n");
}
END_TEST

START_TEST(overflow_of_the_nameless_is_reported_too)
{
	skip_under_checkers();
	struct child child = run_child((struct run){.fn = overflow});
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, "coro: stack overflow in a coroutine, stack of 256 KiB\n");
}
END_TEST

static int overflow_on_smallest(void *arg)
{
	struct run run = {.fn = overflow, .options = {.stack_size = coro_stack_min()}};
	return resume_one(&run);
}

START_TEST(smallest_stack_is_reported)
{
	skip_under_checkers();
	struct child child = child_run(overflow_on_smallest, NULL);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_ptr_nonnull(strstr(child.said, "coro: stack overflow in a coroutine"));
}
END_TEST

static int create_and_overflow(void *arg)
{
	struct coro *co;
	if (coro_create(overflow, NULL, &co) < 0)
		return FAILED;
	coro_resume(co, NULL, NULL);
	return SURVIVED;
}

START_TEST(coro_create_remembers_its_caller)
{
	skip_under_checkers();
	struct child child = child_run(create_and_overflow, NULL);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_ptr_nonnull(strstr(child.said, ", made at " __FILE__ ":"));
}
END_TEST

static int run_inner(void *arg)
{
	struct run run = {.fn = overflow, .options = {.name = "inner"}};
	return resume_one(&run);
}

START_TEST(innermost_of_nested_coroutines_is_named)
{
	skip_under_checkers();
	struct child child = run_child((struct run){.fn = run_inner, .options = {.name = "outer"}});
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, "coro: stack overflow in inner, stack of 256 KiB\n");
}
END_TEST

static int overflow_later(void *arg)
{
	coro_yield(NULL, NULL);
	return recurse(0);
}

static int overflow_at_second_resume(void *arg)
{
	struct coro *cos[50];
	for (int i = 0; i < 50; i++) {
		struct coro_options options = {.name = i == 30 ? "thirty" : "another"};
		if (coro_create_with(&options, overflow_later, NULL, &cos[i]) < 0 ||
		    coro_resume(cos[i], NULL, NULL) != 1)
			return FAILED;
	}
	coro_resume(cos[30], NULL, NULL);
	return SURVIVED;
}

START_TEST(overflow_is_reported_among_many_stacks)
{
	skip_under_checkers();
	struct child child = child_run(overflow_at_second_resume, NULL);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, "coro: stack overflow in thirty, stack of 256 KiB\n");
}
END_TEST

static void *overflow_in_thread(void *arg)
{
	struct run run = {.fn = overflow, .options = {.name = "threaded"}};
	return resume_one(&run) == SURVIVED ? arg : NULL;
}

static int yield_here_overflow_there(void *arg)
{
	struct run run = {.fn = just_yield};
	if (resume_one(&run) != SURVIVED)
		return FAILED;
	return in_thread(overflow_in_thread, &run) ? SURVIVED : FAILED;
}

START_TEST(overflow_in_another_thread_is_reported)
{
	skip_under_checkers();
	struct child child = child_run(yield_here_overflow_there, NULL);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, "coro: stack overflow in threaded, stack of 256 KiB\n");
}
END_TEST

/* ---- frames that are larger than a page ---- */

/* Uses only the lower end of a frame; the compiler must believe that all is used. */
static inline void begin(volatile char *frame, int depth)
{
	frame[0] = (char)depth;
	__asm__ volatile("" : : "r"(frame) : "memory");
}

static int __attribute__((noinline)) skip_20_kib(int depth)
{
	volatile char frame[20 * KIB];
	begin(frame, depth);
	return depth < 0 ? frame[0] : skip_20_kib(depth + 1) + frame[0];
}

static int __attribute__((noinline)) skip_60_kib(int depth)
{
	volatile char frame[60 * KIB];
	begin(frame, depth);
	return depth < 0 ? frame[0] : skip_60_kib(depth + 1) + frame[0];
}

static int overflow_by_20_kib(void *arg)
{
	return skip_20_kib(0);
}

static int overflow_by_60_kib(void *arg)
{
	return skip_60_kib(0);
}

static int overflow_by_300_kib_at_once(void *arg)
{
	volatile char frame[300 * KIB];
	begin(frame, 1);
	return frame[0];
}

static coro_fn *const strides[] = {overflow_by_20_kib, overflow_by_60_kib,
				   overflow_by_300_kib_at_once};

/* arg: the body that overflows. Others lie below and above. */
static int overflow_beside_others(void *arg)
{
	struct coro *others[8], *co = NULL;
	struct coro_options options = {.name = "wide"};
	for (int i = 0; i < 8; i++) {
		if (i == 4 && coro_create_with(&options, *(coro_fn **)arg, NULL, &co) < 0)
			return FAILED;
		if (coro_create(just_yield, NULL, &others[i]) < 0 ||
		    coro_resume(others[i], NULL, NULL) != 1)
			return FAILED;
	}
	return coro_resume(co, NULL, NULL) < 0 ? FAILED : SURVIVED;
}

START_TEST(frames_of_many_pages_do_not_step_over_the_guard)
{
	skip_under_checkers();
	coro_fn *stride = strides[_i];
	struct child child = child_run(overflow_beside_others, &stride);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, "coro: stack overflow in wide, stack of 256 KiB\n");
}
END_TEST

static int overflow_by_8_mib_at_once(void *arg)
{
	volatile char frame[8 * KIB * KIB];
	begin(frame, 1);
	return frame[0];
}

/* Where the library can know the stack pointer of an interrupted thread. */
static bool knows_registers(void)
{
	const char *pc, *sp;
	ucontext_t context = {0};
	/* Where it can, what stands there is read: not NULL. */
	memset(&context.uc_mcontext, 1, sizeof(context.uc_mcontext));
	system_interrupted(&context, &pc, &sp);
	return sp != NULL;
}

/* No stack lies below the first ones. */
START_TEST(frame_that_reaches_past_all_stacks_is_reported)
{
	skip_under_checkers();
	struct child child = run_child((struct run){.fn = overflow_by_8_mib_at_once});
	ck_assert_killed(child, SIGSEGV);
	if (knows_registers())
		ck_assert_str_eq(child.said,
				 "coro: stack overflow in a coroutine, stack of 256 KiB\n");
}
END_TEST

static int __attribute__((noinline)) fill(size_t bytes)
{
	volatile char *frame = __builtin_alloca(bytes);
	for (size_t i = 0; i < bytes; i += 256)
		frame[i] = 1;
	return frame[0] - 1;
}

static int use_nearly_all(void *arg)
{
	return fill((size_t)248 * KIB);
}

START_TEST(whole_stack_can_be_used)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(use_nearly_all, NULL, &co), 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	coro_destroy(co);
}
END_TEST

/* ---- no report ---- */

START_TEST(report_is_switched_off_by_the_environment)
{
	skip_under_checkers();
	struct child child = run_child((struct run){.fn = overflow, .overflow = "0"});
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, "");
}
END_TEST

START_TEST(null_dereference_in_a_coroutine_is_no_overflow)
{
	skip_under_checkers();
	struct child child = run_child((struct run){.fn = read_null});
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, "");
}
END_TEST

static int fault_outside(void *arg)
{
	struct run run = {.fn = just_yield};
	return resume_one(&run) == SURVIVED ? ((coro_fn *)arg)(NULL) : FAILED;
}

START_TEST(fault_outside_a_coroutine_is_no_overflow)
{
	skip_under_checkers();
	struct child child = child_run(fault_outside, (void *)read_null);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, "");
	child = child_run(fault_outside, (void *)past_the_end_of_a_file);
	ck_assert_killed(child, SIGBUS);
	ck_assert_str_eq(child.said, "");
	child = child_run(fault_outside, (void *)read_past_the_outermost_frame);
	ck_assert(WIFSIGNALED(child.status));
	ck_assert_str_eq(child.said, "");
}
END_TEST

static void *fault_in_thread(void *arg)
{
	return fault_outside(arg) == SURVIVED ? arg : NULL;
}

static int overflow_in_a_thread_of_its_own(void *arg)
{
	return in_thread(fault_in_thread, arg) ? SURVIVED : FAILED;
}

static int overflow_the_threads_own_stack(void *arg)
{
	setrlimit(RLIMIT_STACK, &(struct rlimit){256 * KIB, 256 * KIB});
	return fault_outside(arg);
}

/* In the main thread and in another, where they have used coroutines: before, no signal stack is there. */
START_TEST(overflow_of_the_threads_own_stack_is_reported)
{
	void *fn = (void *)(_i ? overflow_from_the_top : overflow);
	skip_under_checkers();
	struct child child = child_run(overflow_the_threads_own_stack, fn);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, knows_registers() ? "coro: stack overflow in a thread\n" : "");
	child = child_run(overflow_in_a_thread_of_its_own, fn);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, knows_registers() ? "coro: stack overflow in a thread\n" : "");
}
END_TEST

static int wait_to_be_killed(void *arg)
{
	struct run run = {.fn = just_yield};
	if (resume_one(&run) != SURVIVED || write(STDERR_FILENO, "ready", 5) != 5)
		return FAILED;
	for (;;)
		pause();
}

START_TEST(fault_signal_from_outside_still_kills)
{
	static const int numbers[] = {SIGSEGV, SIGBUS};
	char ready[5];
	skip_under_checkers();
	struct child child = child_start(wait_to_be_killed, NULL);
	ck_assert_int_eq(read(child.err, ready, 5), 5);
	kill(child.pid, numbers[_i]);
	child_wait(&child);
	ck_assert_killed(child, numbers[_i]);
	ck_assert_str_eq(child.said, "");
}
END_TEST

static int raise_in_a_coroutine(void *arg)
{
	raise(SIGSEGV);
	return 0;
}

START_TEST(raised_fault_signal_still_kills)
{
	skip_under_checkers();
	struct child child = run_child((struct run){.fn = raise_in_a_coroutine});
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, "");
}
END_TEST

/* ---- what the user had before ---- */

static void own_handler(int number)
{
	_exit(OWN_HANDLER);
}

static int set_handler_and_overflow(void *arg)
{
	static char stack[64 * KIB];
	sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
	struct sigaction own = {.sa_handler = own_handler, .sa_flags = SA_ONSTACK}, now;
	sigaction(SIGSEGV, &own, NULL);
	struct run run = {.fn = just_yield};
	if (resume_one(&run) != SURVIVED)
		return FAILED;
	sigaction(SIGSEGV, NULL, &now);
	if (now.sa_handler != own_handler)
		return FAILED;
	run.fn = overflow;
	return resume_one(&run);
}

START_TEST(handler_that_was_there_before_is_left_alone)
{
	skip_under_checkers();
	struct child child = child_run(set_handler_and_overflow, NULL);
	ck_assert_exited(child, OWN_HANDLER);
	ck_assert_str_eq(child.said, "");
}
END_TEST

static int ignore_and_query(void *arg)
{
	struct sigaction now;
	signal(SIGBUS, SIG_IGN);
	struct run run = {.fn = just_yield};
	if (resume_one(&run) != SURVIVED)
		return FAILED;
	sigaction(SIGBUS, NULL, &now);
	return now.sa_handler == SIG_IGN ? SURVIVED : FAILED;
}

START_TEST(ignored_signal_is_left_ignored)
{
	skip_under_checkers();
	struct child child = child_run(ignore_and_query, NULL);
	ck_assert_exited(child, SURVIVED);
}
END_TEST

static int keep_alternate_stack(void *arg)
{
	static char stack[64 * KIB];
	stack_t now;
	sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
	struct run run = {.fn = just_yield};
	if (resume_one(&run) != SURVIVED || sigaltstack(NULL, &now) < 0)
		return FAILED;
	if (now.ss_sp != stack || now.ss_size != sizeof(stack))
		return FAILED;
	run.fn = overflow;
	return resume_one(&run);
}

START_TEST(alternate_stack_that_was_there_before_is_kept_and_used)
{
	skip_under_checkers();
	struct child child = child_run(keep_alternate_stack, NULL);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_str_eq(child.said, "coro: stack overflow in a coroutine, stack of 256 KiB\n");
}
END_TEST

/* ---- handlers of others on the alternate stack ---- */

static void take_48_kib(int number)
{
	fill((size_t)48 * KIB);
}

static void take_all(int number)
{
	recurse(0);
}

/* arg: a handler. */
static int raise_in_thread(void *arg)
{
	struct run run = {.fn = just_yield};
	struct sigaction action = {.sa_handler = *(void (**)(int))arg, .sa_flags = SA_ONSTACK};
	if (resume_one(&run) != SURVIVED || sigaction(SIGUSR1, &action, NULL) < 0)
		return FAILED;
	raise(SIGUSR1);
	return SURVIVED;
}

START_TEST(handlers_of_others_have_48_kib)
{
	skip_under_checkers();
	void (*handler)(int) = take_48_kib;
	struct child child = child_run(raise_in_thread, &handler);
	ck_assert_exited(child, SURVIVED);
}
END_TEST

START_TEST(handler_that_takes_more_is_killed)
{
	skip_under_checkers();
	void (*handler)(int) = take_all;
	struct child child = child_run(raise_in_thread, &handler);
	ck_assert_killed(child, SIGSEGV);
}
END_TEST

static void own_fault_handler(int number)
{
	_exit(OWN_HANDLER);
}

static int use_beside_own_handlers(void *arg)
{
	struct run run = {.fn = just_yield};
	stack_t now;
	signal(SIGSEGV, own_fault_handler);
	signal(SIGBUS, own_fault_handler);
	if (resume_one(&run) != SURVIVED || sigaltstack(NULL, &now) < 0)
		return FAILED;
	return now.ss_flags & SS_DISABLE ? SURVIVED : FAILED;
}

START_TEST(beside_the_programs_own_handler_is_no_alternate_stack)
{
	skip_under_checkers();
	ck_assert_exited(child_run(use_beside_own_handlers, NULL), SURVIVED);
}
END_TEST

/* ---- after the thread ---- */

static void *at_exit_stack;

static pthread_key_t late;

/* In the second round of destructors, when the library's key is destroyed. */
static void query_alternate_stack(void *arg)
{
	stack_t now;
	if (arg == &late) {
		pthread_setspecific(late, &at_exit_stack);
		return;
	}
	at_exit_stack =
		sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE) ? now.ss_sp : NULL;
}

/* A key made after the library's own; destructors run in the order of the keys, here. */
static void *use_and_leave(void *arg)
{
	stack_t now;
	struct run run = {.fn = just_yield};
	resume_one(&run);
	sigaltstack(NULL, &now);
	pthread_setspecific(late, &late);
	return now.ss_flags & SS_DISABLE ? NULL : now.ss_sp;
}

START_TEST(alternate_stack_of_a_thread_is_taken_down_at_its_exit)
{
	skip_under_checkers();
	struct run run = {.fn = just_yield};
	resume_one(&run); /* makes the library's key */
	pthread_key_create(&late, query_alternate_stack);
	at_exit_stack = &late;
	ck_assert_ptr_nonnull(in_thread(use_and_leave, NULL));
	ck_assert_ptr_null(at_exit_stack);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_loop_test(tests, overflow_names_the_coroutine_its_origin_and_its_size, 0, 2);
	tcase_add_test(tests, overflow_of_the_nameless_is_reported_too);
	tcase_add_test(tests, smallest_stack_is_reported);
	tcase_add_test(tests, coro_create_remembers_its_caller);
	tcase_add_test(tests, innermost_of_nested_coroutines_is_named);
	tcase_add_test(tests, overflow_is_reported_among_many_stacks);
	tcase_add_test(tests, overflow_in_another_thread_is_reported);

	tcase_add_loop_test(tests, frames_of_many_pages_do_not_step_over_the_guard, 0,
			    sizeof(strides) / sizeof(*strides));
	tcase_add_test(tests, frame_that_reaches_past_all_stacks_is_reported);
	tcase_add_test(tests, whole_stack_can_be_used);

	tcase_add_test(tests, report_is_switched_off_by_the_environment);
	tcase_add_test(tests, null_dereference_in_a_coroutine_is_no_overflow);
	tcase_add_test(tests, fault_outside_a_coroutine_is_no_overflow);
	tcase_add_loop_test(tests, overflow_of_the_threads_own_stack_is_reported, 0, 2);
	tcase_add_loop_test(tests, fault_signal_from_outside_still_kills, 0, 2);
	tcase_add_test(tests, raised_fault_signal_still_kills);

	tcase_add_test(tests, handler_that_was_there_before_is_left_alone);
	tcase_add_test(tests, ignored_signal_is_left_ignored);
	tcase_add_test(tests, alternate_stack_that_was_there_before_is_kept_and_used);

	tcase_add_test(tests, handlers_of_others_have_48_kib);
	tcase_add_test(tests, handler_that_takes_more_is_killed);
	tcase_add_test(tests, beside_the_programs_own_handler_is_no_alternate_stack);
	tcase_add_test(tests, alternate_stack_of_a_thread_is_taken_down_at_its_exit);
}

TEST_MAIN("overflow", add_tests)
