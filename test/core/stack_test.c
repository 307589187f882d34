/* SPDX-License-Identifier: MIT */
/* Stacks: their guards, sizes, colours and pool. */
#include "core/stack.h"

#include "base/system.h"
#include "core/context.h"
#include "core/coroutine.h"
#include "coro/coroutine.h"
#include "fail_alloc.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum { KIB = 1024 };

static const char *const guard_kinds[] = {"default", "mprotect"};

/* ---- what the system tells ---- */

static int count_mappings(void)
{
	int lines = 0, c;
	FILE *maps = fopen("/proc/self/maps", "r");
	if (!maps)
		return -1;
	while ((c = getc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

static bool advice_is_ignored(void)
{
	return madvise(NULL, 0, 0x7fff) == 0;
}

static bool kernel_has_guards(void)
{
	if (advice_is_ignored())
		return false;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool has = memory != MAP_FAILED && madvise(memory, page, MADV_GUARD_INSTALL) == 0;
	munmap(memory, 2 * page);
	return has;
}

/* write()'s result for a buffer: 0, or errno. */
static int write_from(const void *buffer)
{
	int fd[2], error = 0;
	if (pipe(fd) < 0)
		return errno;
	if (write(fd[1], buffer, 1) != 1)
		error = errno;
	close(fd[0]);
	close(fd[1]);
	return error;
}

enum { GUARD = 64 * KIB };

/* The guard's highest byte, its lowest byte, and the stack's lowest. */
static bool guarded(const struct stack *stack)
{
	return write_from(stack->low - 1) == EFAULT && write_from(stack->low - GUARD) == EFAULT &&
	       write_from(stack->low) == 0;
}

/* Takes a stack as a coroutine does: a warm one, else a cold one. */
static bool take(struct stack_pool *pool, struct stack_size *size, struct stack **ret, bool *cold)
{
	*ret = stack_take_warm(size);
	*cold = !*ret;
	return *ret || stack_take_cold(pool, size, ret) == 0;
}

/* ---- bodies ---- */

static int yield_once(void *arg)
{
	return coro_yield(arg, NULL);
}

static int just_return(void *arg)
{
	return 0;
}

/* Where its stack is. */
static int tell_frame(void *arg)
{
	char here;
	*(uintptr_t *)arg = (uintptr_t)&here;
	return coro_yield(NULL, NULL);
}

static struct coro *start(coro_fn *fn, void *arg, size_t size)
{
	struct coro_options options = {.stack_size = size};
	struct coro *co;
	ck_assert_int_eq(coro_create_with(&options, fn, arg, &co), 0);
	ck_assert_int_ge(coro_resume(co, NULL, NULL), 0);
	return co;
}

static void run_one(size_t size)
{
	ck_assert_int_eq(coro_destroy(start(just_return, NULL, size)), 0);
}

static struct coro_pool_stats stats(void)
{
	struct coro_pool_stats stats;
	coro_pool_stats(&stats);
	return stats;
}

/* ---- guards ---- */

static void *find_guards(void *arg)
{
	struct stack_pool pool;
	struct stack_size *size;
	struct stack *stack;
	bool cold, all = true;
	setenv("CORO_GUARD", arg, 1);
	stack_pool_init(&pool, context_room);
	ck_assert(pool.guard_by_mprotect ==
		  (sanitize_searches() || advice_is_ignored() || strcmp(arg, "mprotect") == 0));
	ck_assert_int_eq(stack_pool_size(&pool, 0, &size), 0);
	for (int i = 0; i < 100; i++) {
		ck_assert(take(&pool, size, &stack, &cold));
		ck_assert(cold);
		all &= guarded(stack);
		all &= stack_pool_guards(&pool, stack->low - 1);
		all &= stack_pool_guards(&pool, stack->low - GUARD);
		all &= !stack_pool_guards(&pool, stack->low);
		all &= !stack_pool_guards(&pool, stack);
	}
	ck_assert(all);
	ck_assert(!stack_pool_guards(&pool, NULL));
	ck_assert(!stack_pool_guards(&pool, &pool));
	stack_pool_finish(&pool);
	return NULL;
}

static void *find_guards_where_advice_is_ignored(void *arg)
{
	struct stack_pool pool;
	struct stack_size *size;
	struct stack *stack;
	bool cold;
	ignore_advice();
	stack_pool_init(&pool, context_room);
	ck_assert_int_eq(stack_pool_size(&pool, 0, &size), 0);
	ck_assert(take(&pool, size, &stack, &cold));
	ck_assert(pool.guard_by_mprotect);
	ck_assert(guarded(stack));
	stack_pool_finish(&pool);
	return NULL;
}

START_TEST(a_system_that_takes_any_advice_is_not_believed)
{
	if (RUNNING_ON_VALGRIND)
		skip_test("valgrind takes it for a mistake");
	if (!fail_possible())
		skip_test("madvise is the system's here");
	in_thread(find_guards_where_advice_is_ignored, NULL);
}
END_TEST

START_TEST(buffer_in_any_stacks_guard_is_efault)
{
	if (RUNNING_ON_VALGRIND)
		skip_test("valgrind takes it for a mistake");
	find_guards((void *)guard_kinds[_i]);
}
END_TEST

START_TEST(guard_is_still_there_when_a_stack_is_taken_again)
{
	if (RUNNING_ON_VALGRIND)
		skip_test("valgrind takes it for a mistake");
	struct stack_pool pool;
	struct stack_size *size;
	struct stack *stack, *again;
	bool cold;
	setenv("CORO_GUARD", guard_kinds[_i], 1);
	stack_pool_init(&pool, context_room);
	ck_assert_int_eq(stack_pool_size(&pool, 0, &size), 0);
	ck_assert(take(&pool, size, &stack, &cold));
	stack_give(&pool, stack);
	ck_assert(take(&pool, size, &again, &cold));
	ck_assert_ptr_eq(again, stack);
	ck_assert(!cold);
	ck_assert(guarded(again));
	stack_give_cold(again);
	ck_assert(take(&pool, size, &again, &cold));
	ck_assert_ptr_eq(again, stack);
	ck_assert(cold);
	ck_assert(guarded(again));
	stack_pool_finish(&pool);
}
END_TEST

START_TEST(hundred_thousand_guarded_stacks_need_few_mappings)
{
	if (!kernel_has_guards())
		skip_test("this kernel has no MADV_GUARD_INSTALL");
	int count = many(100000, 2000), before = count_mappings();
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (before < 0)
		skip_test("there is no /proc");
	struct stack_pool pool;
	struct stack_size *size;
	stack_pool_init(&pool, context_room);
	ck_assert_int_eq(stack_pool_size(&pool, stack_least(), &size), 0);
	int failed = 0, bare = 0;
	for (int i = 0; i < count; i++) {
		struct stack *stack;
		bool cold;
		if (!take(&pool, size, &stack, &cold)) {
			failed++;
			continue;
		}
		if (i % 1000 == 0 && !RUNNING_ON_VALGRIND)
			bare += !guarded(stack);
		/* A limit, so that the test does not fill the machine's memory. */
		char *top = stack->low + size->bytes - page;
		sanitize_stack_finish(&stack->sanitize);
		madvise(top, page, MADV_DONTNEED);
	}
	int added = count_mappings() - before;
	stack_pool_finish(&pool);
	ck_assert_int_eq(failed, 0);
	ck_assert_int_eq(bare, 0);
	if (!SANITIZED && !RUNNING_ON_VALGRIND) /* which map for themselves */
		ck_assert_int_lt(added, 100);
	ck_assert_int_eq(count_mappings() <= before + 5 || running_slow(), 1);
}
END_TEST

/* ---- where mappings run out ---- */

static bool stack_is_guarded(const struct coro *co)
{
	return guarded(&co->frame->stack);
}

/* Makes more stacks than there can be mappings; returns 0, or the line that fails. */
static int exhaust_mappings(void *arg)
{
	int most = *(int *)arg, count = 0, r = 1;
	struct coro_options options = {.stack_size = coro_stack_min()};
	struct coro **cos = calloc((size_t)most, sizeof(*cos));
	setenv("CORO_GUARD", "mprotect", 1);
	while (count < most && r == 1) {
		if (coro_create_with(&options, yield_once, NULL, &cos[count]) < 0)
			return 1;
		r = coro_resume(cos[count], NULL, NULL);
		if (r == 1 && !stack_is_guarded(cos[count]))
			return 2;
		count++;
	}
	if (r != -ENOMEM)
		return 3;
	struct coro *last = cos[--count];
	if (coro_state(last) != CORO_CREATED)
		return 4;
	if (coro_resume(last, NULL, NULL) != -ENOMEM)
		return 5;
	/* A stack makes room for another, and still has its guard. */
	for (int i = 0; i < 10; i++) {
		if (coro_destroy(cos[--count]) != 0)
			return 6;
	}
	if (coro_resume(last, NULL, NULL) != 1 || !stack_is_guarded(last))
		return 7;
	if (coro_destroy(last) != 0)
		return 8;
	while (count > 0)
		if (coro_destroy(cos[--count]) != 0)
			return 9;
	free(cos);
	return 0;
}

START_TEST(without_mappings_for_guards_creating_is_enomem)
{
	int most = 0;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	if (SANITIZED || RUNNING_ON_VALGRIND)
		skip_test("too many stacks for a sanitizer");
	if (file && fscanf(file, "%d", &most) != 1)
		most = 0;
	if (file)
		fclose(file);
	if (most <= 0 || most > 200000)
		skip_test("vm.max_map_count is %d", most);
	struct child child = child_run(exhaust_mappings, &most);
	ck_assert_exited(child, 0);
}
END_TEST

enum { CANNOT_LOCK = 77 };

static int lock_all(void *arg)
{
	size_t size = (size_t)32 * KIB, used;
	struct coro_options options = {.stack_size = size};
	struct coro *cos[20];
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		return CANNOT_LOCK;
	for (int i = 0; i < 20; i++) {
		if (coro_create_with(&options, yield_once, NULL, &cos[i]) < 0)
			return 1;
		int r = coro_resume(cos[i], NULL, NULL);
		if (r == -ENOMEM)
			continue; /* the limit on locked memory */
		if (r != 1)
			return 2;
		if (!stack_is_guarded(cos[i]))
			return 3;
		if (coro_stack_used(cos[i], &used) != 0 || used > size)
			return 4;
	}
	for (int i = 0; i < 20; i++)
		if (coro_destroy(cos[i]) != 0)
			return 5;
	coro_pool_trim();
	struct coro *co;
	if (coro_create_with(&options, yield_once, NULL, &co) < 0)
		return 6;
	int r = coro_resume(co, NULL, NULL);
	if (r != -ENOMEM && (r != 1 || !stack_is_guarded(co)))
		return 7;
	return coro_destroy(co);
}

START_TEST(locked_memory_is_guarded_too)
{
	if (SANITIZED || RUNNING_ON_VALGRIND)
		skip_test("the memory of a sanitizer cannot be locked");
	struct child child = child_run(lock_all, NULL);
	if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == CANNOT_LOCK)
		skip_test("memory cannot be locked here");
	ck_assert_exited(child, 0);
}
END_TEST

START_TEST(more_stacks_than_thread_sanitizer_knows_are_enomem)
{
	enum { MOST = 8128 };
	static struct coro *cos[MOST];
	int count = 0, r = 1;
	if (!SANITIZE_THREAD)
		skip_test("this is no build for it");
	while (count < MOST && r == 1) {
		ck_assert_int_eq(coro_create(yield_once, NULL, &cos[count]), 0);
		r = coro_resume(cos[count++], NULL, NULL);
	}
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_int_gt(count, 7000);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(coro_destroy(cos[i]), 0);
	ck_assert_int_eq(coro_resume(cos[count - 1], NULL, NULL), 1);
	for (int i = 10; i < count; i++)
		ck_assert_int_eq(coro_destroy(cos[i]), 0);
}
END_TEST

/* ---- sizes ---- */

START_TEST(stack_that_is_too_small_is_einval)
{
	struct coro_options options = {.stack_size = coro_stack_min() - 1};
	struct coro *co = NULL;
	ck_assert_int_eq(coro_create_with(&options, yield_once, NULL, &co), -EINVAL);
	options.stack_size = 1;
	ck_assert_int_eq(coro_create_with(&options, yield_once, NULL, &co), -EINVAL);
	options.stack_size = SIZE_MAX;
	ck_assert_int_eq(coro_create_with(&options, yield_once, NULL, &co), -EINVAL);
	ck_assert_ptr_null(co);
}
END_TEST

START_TEST(pool_has_no_stacks_of_sizes_that_cannot_be)
{
	struct stack_pool pool;
	struct stack_size *size;
	stack_pool_init(&pool, 0);
	ck_assert_int_eq(stack_pool_size(&pool, 1, &size), -EINVAL);
	ck_assert_int_eq(stack_pool_size(&pool, SIZE_MAX, &size), -EINVAL);
	ck_assert_int_eq(stack_pool_size(&pool, stack_least(), &size), 0);
	stack_pool_finish(&pool);
}
END_TEST

START_TEST(smallest_stack_has_room_for_a_signal_frame_and_4_kib)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	ck_assert_uint_eq(coro_stack_min() % page, 0);
	ck_assert_uint_ge(coro_stack_min(), system_signal_frame() + 4096);
}
END_TEST

START_TEST(stack_larger_than_the_address_space_is_enomem)
{
	struct coro_options options = {.stack_size = SIZE_MAX / 2};
	struct coro *co;
	void *value = &co;
	ck_assert_int_eq(coro_create_with(&options, yield_once, NULL, &co), 0);
	ck_assert_int_eq(coro_resume(co, NULL, &value), -ENOMEM);
	ck_assert_ptr_eq(value, &co);
	ck_assert_int_eq(coro_state(co), CORO_CREATED);
	ck_assert_int_eq(coro_status(co), -EAGAIN);
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_uint_eq(stats().in_use, 0);
}
END_TEST

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
	volatile char used[256];
	for (size_t i = 0; i < sizeof(used); i++)
		used[i] = (char)i;
	handled = handled + 1 + used[0];
}

static int __attribute__((noinline)) use(size_t bytes)
{
	volatile char *used = __builtin_alloca(bytes);
	for (size_t i = 0; i < bytes; i++)
		used[i] = (char)i;
	return used[bytes / 2];
}

static int raise_signal(void *arg)
{
	pthread_kill(pthread_self(), SIGUSR1);
	coro_yield(NULL, NULL);
	pthread_kill(pthread_self(), SIGUSR1);
	return 0;
}

START_TEST(signal_is_handled_on_the_smallest_stack)
{
	if (SANITIZED || RUNNING_ON_VALGRIND)
		skip_test("frames are larger under a sanitizer");
	signal(SIGUSR1, on_signal);
	struct coro *co = start(raise_signal, NULL, coro_stack_min());
	ck_assert_int_eq(handled, 1);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(handled, 2);
	coro_destroy(co);
}
END_TEST

static int use_4_kib(void *arg)
{
	use(4096 - 512);
	return coro_yield(NULL, NULL);
}

START_TEST(body_may_use_4_kib_of_the_smallest_stack)
{
	if (SANITIZED)
		skip_test("frames are larger under a sanitizer");
	struct coro *cos[100];
	for (int i = 0; i < 100; i++) /* of every colour */
		cos[i] = start(use_4_kib, NULL, coro_stack_min());
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(coro_destroy(cos[i]), 0);
}
END_TEST

START_TEST(each_size_has_stacks_of_its_own)
{
	uintptr_t first, second, third;
	struct coro *co = start(tell_frame, &first, (size_t)64 * KIB);
	coro_destroy(co);
	ck_assert_uint_eq(stats().warm, 1);
	co = start(tell_frame, &second, (size_t)128 * KIB);
	ck_assert_uint_ne(second, first);
	ck_assert_uint_eq(stats().warm, 1);
	ck_assert_uint_eq(stats().in_use, 1);
	coro_destroy(co);
	co = start(tell_frame, &third, (size_t)64 * KIB);
	ck_assert_uint_eq(third, first);
	coro_destroy(co);
	ck_assert_uint_eq(stats().warm, 2);
}
END_TEST

START_TEST(sizes_that_round_up_to_the_same_share_stacks)
{
	uintptr_t first, second;
	coro_destroy(start(tell_frame, &first, (size_t)64 * KIB));
	coro_destroy(start(tell_frame, &second, (size_t)64 * KIB - 100));
	ck_assert_uint_eq(second, first);
	coro_destroy(start(tell_frame, &first, 0));
	coro_destroy(start(tell_frame, &second, CORO_STACK_SIZE));
	ck_assert_uint_eq(second, first);
}
END_TEST

static int use_much(void *arg)
{
	use(*(size_t *)arg);
	return coro_yield(NULL, NULL);
}

START_TEST(body_may_use_nearly_all_of_its_stack)
{
	static const size_t sizes[] = {(size_t)64 * KIB, (size_t)256 * KIB, (size_t)8192 * KIB};
	size_t bytes = sizes[_i] - (size_t)24 * KIB, used;
	if (SANITIZED || (RUNNING_ON_VALGRIND && _i == 2))
		skip_test("frames are larger under a sanitizer");
	struct coro *co = start(use_much, &bytes, sizes[_i]);
	ck_assert_int_eq(coro_stack_used(co, &used), 0);
	ck_assert_uint_ge(used, bytes);
	ck_assert_uint_le(used, sizes[_i]);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

/* ---- the pool ---- */

START_TEST(last_stack_returned_is_first_reused)
{
	uintptr_t at[3], again[3];
	struct coro *cos[3];
	for (int i = 0; i < 3; i++)
		cos[i] = start(tell_frame, &at[i], 0);
	coro_destroy(cos[0]);
	coro_destroy(cos[2]);
	coro_destroy(cos[1]);
	for (int i = 0; i < 3; i++)
		cos[i] = start(tell_frame, &again[i], 0);
	ck_assert_uint_eq(again[0], at[1]);
	ck_assert_uint_eq(again[1], at[2]);
	ck_assert_uint_eq(again[2], at[0]);
	for (int i = 0; i < 3; i++)
		coro_destroy(cos[i]);
}
END_TEST

START_TEST(stats_count_what_is_there)
{
	enum { COUNT = 10 };
	struct coro *cos[COUNT];
	struct coro_pool_stats now = stats();
	ck_assert_uint_eq(now.in_use + now.warm + now.cold + now.mapped, 0);

	ck_assert_int_eq(coro_create(yield_once, NULL, &cos[0]), 0);
	ck_assert_uint_eq(stats().mapped, 0); /* one that has not started has no stack */
	ck_assert_int_eq(coro_destroy(cos[0]), 0);

	for (int i = 0; i < COUNT; i++)
		cos[i] = start(yield_once, NULL, 0);
	now = stats();
	ck_assert_uint_eq(now.in_use, COUNT);
	ck_assert_uint_eq(now.warm, 0);
	ck_assert_uint_eq(now.mapped, (COUNT + now.cold) * (CORO_STACK_SIZE + GUARD));

	size_t all = COUNT + now.cold;
	for (int i = 0; i < COUNT / 2; i++)
		coro_destroy(cos[i]);
	now = stats();
	ck_assert_uint_eq(now.in_use, COUNT / 2);
	ck_assert_uint_eq(now.warm, COUNT / 2);
	ck_assert_uint_eq(now.in_use + now.warm + now.cold, all);

	coro_pool_trim();
	now = stats();
	ck_assert_uint_eq(now.in_use, COUNT / 2);
	ck_assert_uint_eq(now.warm, 0);
	ck_assert_uint_eq(now.in_use + now.cold, all);
	for (int i = COUNT / 2; i < COUNT; i++)
		coro_destroy(cos[i]);
	ck_assert_uint_eq(stats().in_use, 0);
	coro_pool_stats(NULL);
}
END_TEST

/* Gives back n stacks; only some of them stay warm. */
static void keep(size_t limit, int count, size_t kept)
{
	struct coro *cos[10];
	ck_assert_int_eq(coro_pool_limit(limit), 0);
	for (int i = 0; i < count; i++)
		cos[i] = start(yield_once, NULL, 0);
	for (int i = 0; i < count; i++) {
		ck_assert_int_eq(coro_destroy(cos[i]), 0);
		ck_assert_uint_le(stats().warm, limit);
	}
	ck_assert_uint_eq(stats().warm, kept);
}

START_TEST(no_more_stacks_than_the_limit_stay_warm)
{
	keep(0, 5, 0);
	keep(1, 5, 1);
	keep(3, 5, 3);
	keep(8, 5, 5);
	keep(0, 10, 0);
}
END_TEST

START_TEST(limit_is_kept_also_when_nobody_destroys)
{
	enum { COUNT = 10 };
	struct coro *cos[COUNT];
	ck_assert_int_eq(coro_pool_limit(2), 0);
	for (int i = 0; i < COUNT; i++)
		cos[i] = start(yield_once, NULL, 0);
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(coro_resume(cos[i], NULL, NULL), 0);
	ck_assert_uint_le(stats().warm, 3); /* the last one's stack was still in use */
	ck_assert_int_eq(coro_destroy(cos[0]), 0);
	ck_assert_uint_le(stats().warm, 2);
	for (int i = 1; i < COUNT; i++)
		coro_destroy(cos[i]);
}
END_TEST

START_TEST(lower_limit_takes_effect_at_once)
{
	keep(8, 8, 8);
	ck_assert_int_eq(coro_pool_limit(3), 0);
	ck_assert_uint_eq(stats().warm, 3);
	ck_assert_int_eq(coro_pool_limit(0), 0);
	ck_assert_uint_eq(stats().warm, 0);
}
END_TEST

START_TEST(every_size_has_the_limit_to_itself)
{
	ck_assert_int_eq(coro_pool_limit(1), 0);
	for (int i = 0; i < 3; i++) {
		run_one((size_t)64 * KIB);
		run_one((size_t)128 * KIB);
	}
	ck_assert_uint_eq(stats().warm, 2);
}
END_TEST

/* Makes other coroutines and ends them: stacks of the same pool go cold, and are born again. */
static int churn(void *arg)
{
	for (int i = 0; i < 50; i++) {
		struct coro *a, *b;
		void *got = NULL;
		if (coro_create(yield_once, arg, &a) < 0 || coro_create(yield_once, arg, &b) < 0)
			return -1;
		if (coro_resume(a, NULL, &got) != 1 || got != arg ||
		    coro_resume(b, NULL, NULL) != 1)
			return -2;
		if (coro_destroy(b) != 0)
			return -3;
		if (i % 3 == 0)
			coro_pool_trim();
		if (coro_resume(a, NULL, NULL) != 0 || coro_destroy(a) != 0)
			return -4;
	}
	return 0;
}

START_TEST(stacks_are_reborn_under_any_limit)
{
	ck_assert_int_eq(coro_pool_limit((size_t)_i), 0);
	struct coro *co = start(churn, &co, 0);
	ck_assert_int_eq(coro_status(co), 0);
	ck_assert_int_eq(churn(&co), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_uint_eq(stats().in_use, 0);
}
END_TEST

START_TEST(trimmed_stack_is_taken_again_before_a_new_one)
{
	uintptr_t first, second;
	coro_destroy(start(tell_frame, &first, 0));
	coro_pool_trim();
	ck_assert_uint_eq(stats().warm, 0);
	struct coro *co = start(tell_frame, &second, 0);
	ck_assert_uint_eq(second, first);
	coro_destroy(co);
}
END_TEST

START_TEST(trimming_gives_the_memory_back)
{
	size_t bytes = (size_t)100 * KIB, used;
	if (RUNNING_ON_VALGRIND)
		skip_test("valgrind may keep it");
	coro_destroy(start(use_much, &bytes, 0));
	struct coro *co = start(yield_once, NULL, 0);
	ck_assert_int_eq(coro_stack_used(co, &used), 0);
	ck_assert_uint_ge(used, bytes); /* an earlier user's pages count */
	coro_destroy(co);
	coro_pool_trim();
	co = start(yield_once, NULL, 0);
	ck_assert_int_eq(coro_stack_used(co, &used), 0);
	ck_assert_uint_lt(used, (size_t)20 * KIB);
	coro_destroy(co);
}
END_TEST

/* Whether the mapping at an address has a flag of proc(5)'s VmFlags; -1 if the system does not tell. */
static int mapping_has_flag(const void *at, const char *flag)
{
	char line[512];
	bool inside = false;
	int has = -1;
	FILE *maps = fopen("/proc/self/smaps", "re");
	while (maps && has < 0 && fgets(line, sizeof(line), maps)) {
		uintptr_t from, to;
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
			inside = (uintptr_t)at >= from && (uintptr_t)at < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			has = strstr(line, flag) != NULL;
	}
	if (maps)
		fclose(maps);
	return has;
}

static int notes_its_stack(void *arg)
{
	/* Not a variable, which AddressSanitizer may put elsewhere. */
	*(int *)arg = mapping_has_flag(__builtin_frame_address(0), " nh");
	return 0;
}

/* Else a sleeping task would cost 2 MiB. */
START_TEST(stacks_have_no_huge_pages)
{
	struct coro *co;
	int has = -1;
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK) < 0)
		skip_test("the system has no huge pages");
	ck_assert_int_eq(coro_create(notes_its_stack, &has, &co), 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	if (has < 0)
		skip_test("the system does not tell a mapping's flags");
	ck_assert_int_eq(has, 1);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(trimming_without_stacks_does_nothing)
{
	coro_pool_trim();
	ck_assert_uint_eq(stats().mapped, 0);
}
END_TEST

/* ---- the page at the top ---- */

START_TEST(stack_used_is_the_deepest_so_far)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (size_t)40 * KIB, used = 1;
	struct coro *co;
	ck_assert_int_eq(coro_create(use_much, &bytes, &co), 0);
	ck_assert_int_eq(coro_stack_used(co, &used), 0);
	ck_assert_uint_eq(used, 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_stack_used(co, &used), 0);
	ck_assert_uint_ge(used, bytes);
	ck_assert_uint_lt(used, bytes + (size_t)20 * KIB);
	ck_assert_uint_eq(used % page, 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(coro_stack_used(co, &used), 0);
	ck_assert_uint_eq(used, 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(suspended_coroutine_takes_one_page)
{
	enum { COUNT = 100 };
	struct coro *cos[COUNT];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), more = 0;
	if (SANITIZED)
		skip_test("frames are larger under a sanitizer");
	/* The first resolves libc's functions, on its own stack. */
	run_one(0);
	coro_pool_trim();
	for (int i = 0; i < COUNT; i++)
		cos[i] = start(yield_once, NULL, 0);
	for (int i = 0; i < COUNT; i++) {
		size_t used = 0;
		ck_assert_int_eq(coro_stack_used(cos[i], &used), 0);
		ck_assert_uint_ge(used, page);
		more += used != page;
	}
	ck_assert_uint_eq(more, 0);
	for (int i = 0; i < COUNT; i++)
		coro_destroy(cos[i]);
}
END_TEST

START_TEST(tops_of_neighbours_lie_in_different_sets_of_the_cache)
{
	enum { LINE = 64, SETS = 64, COUNT = 112 };
	struct stack_pool pool;
	struct stack_size *size;
	bool cold, used[SETS] = {false};
	size_t before = SIZE_MAX;
	stack_pool_init(&pool, context_room);
	ck_assert_int_eq(stack_pool_size(&pool, 0, &size), 0);
	for (int i = 0; i < COUNT; i++) {
		struct stack *stack;
		ck_assert(take(&pool, size, &stack, &cold));
		size_t set = (uintptr_t)stack / LINE % SETS;
		ck_assert_uint_ne(set, before);
		used[set] = true;
		before = set;
	}
	size_t sets = 0;
	for (int i = 0; i < SETS; i++)
		sets += used[i];
	ck_assert_uint_ge(sets, 8);
	ck_assert_uint_eq(sets, pool.colours);
	stack_pool_finish(&pool);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, a_system_that_takes_any_advice_is_not_believed);
	tcase_add_loop_test(tests, buffer_in_any_stacks_guard_is_efault, 0, 2);
	tcase_add_loop_test(tests, guard_is_still_there_when_a_stack_is_taken_again, 0, 2);
	tcase_add_test(tests, hundred_thousand_guarded_stacks_need_few_mappings);
	tcase_add_test(tests, without_mappings_for_guards_creating_is_enomem);
	tcase_add_test(tests, locked_memory_is_guarded_too);
	tcase_add_test(tests, more_stacks_than_thread_sanitizer_knows_are_enomem);

	tcase_add_test(tests, stack_that_is_too_small_is_einval);
	tcase_add_test(tests, pool_has_no_stacks_of_sizes_that_cannot_be);
	tcase_add_test(tests, smallest_stack_has_room_for_a_signal_frame_and_4_kib);
	tcase_add_test(tests, stack_larger_than_the_address_space_is_enomem);
	tcase_add_test(tests, signal_is_handled_on_the_smallest_stack);
	tcase_add_test(tests, body_may_use_4_kib_of_the_smallest_stack);
	tcase_add_test(tests, each_size_has_stacks_of_its_own);
	tcase_add_test(tests, sizes_that_round_up_to_the_same_share_stacks);
	tcase_add_loop_test(tests, body_may_use_nearly_all_of_its_stack, 0, 3);

	tcase_add_test(tests, last_stack_returned_is_first_reused);
	tcase_add_test(tests, stats_count_what_is_there);
	tcase_add_test(tests, no_more_stacks_than_the_limit_stay_warm);
	tcase_add_test(tests, limit_is_kept_also_when_nobody_destroys);
	tcase_add_test(tests, lower_limit_takes_effect_at_once);
	tcase_add_test(tests, every_size_has_the_limit_to_itself);
	tcase_add_loop_test(tests, stacks_are_reborn_under_any_limit, 0, 4);
	tcase_add_test(tests, trimmed_stack_is_taken_again_before_a_new_one);
	tcase_add_test(tests, trimming_gives_the_memory_back);
	tcase_add_test(tests, stacks_have_no_huge_pages);
	tcase_add_test(tests, trimming_without_stacks_does_nothing);

	tcase_add_test(tests, stack_used_is_the_deepest_so_far);
	tcase_add_test(tests, suspended_coroutine_takes_one_page);
	tcase_add_test(tests, tops_of_neighbours_lie_in_different_sets_of_the_cache);
}

TEST_MAIN("stack", add_tests)
