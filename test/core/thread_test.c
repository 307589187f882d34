/* SPDX-License-Identifier: MIT */
/* Coroutines in several threads, and what remains when a thread ends. */
#include "barrier.h"
#include "base/sanitize.h"
#include "core/thread.h"
#include "coro/generator.h"
#include "fail_alloc.h"
#include "support.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdint.h>

enum { THREADS = 4 };

static int echo(void *arg)
{
	void *value = arg;
	int r;
	while ((r = coro_yield(value, &value)) == 0)
		;
	return r;
}

static int count(void *arg)
{
	for (intptr_t i = 1; i <= (intptr_t)arg; i++) {
		int r = coro_yield((void *)i, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int delegate(void *arg)
{
	return coro_yield_from(arg, NULL);
}

static int fail_with_words(void *arg)
{
	return coro_raise(-EIO, "in thread %d", (int)(intptr_t)arg);
}

/* ---- side by side ---- */

/* NULL if all went well. */
static const char *use_coroutines(int id)
{
	enum { COUNT = 50 };
	struct coro *cos[COUNT], *inner, *outer;
	char words[32];
	void *got = NULL;
	for (int i = 0; i < COUNT; i++)
		if (coro_create(echo, &cos[i], &cos[i]) < 0 ||
		    coro_resume(cos[i], NULL, &got) != 1 || got != &cos[i])
			return "create";
	for (int round = 0; round < many(200, 20); round++)
		for (int i = 0; i < COUNT; i++)
			if (coro_resume(cos[i], &words[round % 32], &got) != 1 ||
			    got != &words[round % 32])
				return "resume";
	for (int i = 0; i < COUNT; i++)
		if (coro_destroy(cos[i]) != 0)
			return "destroy";

	if (coro_create(count, (void *)100, &inner) < 0 || coro_create(delegate, inner, &outer) < 0)
		return "create generators";
	for (intptr_t i = 1; i <= 100; i++)
		if (coro_next(outer, &got) != 1 || (intptr_t)got != i)
			return "next";
	if (coro_next(outer, NULL) != 0 || coro_destroy(outer) != 0 || coro_destroy(inner) != 0)
		return "end";

	if (coro_create(fail_with_words, (void *)(intptr_t)id, &outer) < 0)
		return "create a failing one";
	snprintf(words, sizeof(words), "in thread %d", id);
	if (coro_resume(outer, NULL, NULL) != -EIO || strcmp(coro_message(-EIO), words) != 0)
		return "words";
	coro_destroy(outer);
	return NULL;
}

static void *use_in_thread(void *arg)
{
	for (int i = 0; i < 5; i++) {
		const char *wrong = use_coroutines((int)(intptr_t)arg);
		if (wrong)
			return (void *)wrong;
	}
	return NULL;
}

START_TEST(threads_have_coroutines_of_their_own)
{
	pthread_t threads[THREADS];
	for (intptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use_in_thread, (void *)i), 0);
	const char *wrong = use_in_thread((void *)99);
	ck_assert_msg(!wrong, "in the first thread: %s", wrong);
	for (int i = 0; i < THREADS; i++) {
		void *said;
		pthread_join(threads[i], &said);
		ck_assert_msg(!said, "%s", (const char *)said);
	}
}
END_TEST

/* ---- from one to the other ---- */

static void *resume_it(void *arg)
{
	struct coro *co = arg;
	void *got = NULL;
	if (coro_resume(co, NULL, &got) != 1 || got != arg)
		return "resume";
	return coro_destroy(co) == 0 ? NULL : "destroy";
}

static int yield_arg(void *arg)
{
	return coro_yield(*(void **)arg, NULL);
}

START_TEST(coroutine_may_be_handed_over_before_its_first_resume)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(yield_arg, &co, &co), 0);
	const char *wrong = in_thread(resume_it, co);
	ck_assert_msg(!wrong, "%s", wrong);
}
END_TEST

static void *create_it(void *arg)
{
	struct coro *co = NULL;
	coro_create(count, (void *)3, &co);
	return co;
}

START_TEST(coroutine_may_outlive_the_thread_that_made_it)
{
	struct coro *co = in_thread(create_it, NULL);
	void *got = NULL;
	ck_assert_int_eq(coro_next(co, &got), 1);
	ck_assert_int_eq((intptr_t)got, 1);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static void *close_it(void *arg)
{
	return coro_close(arg) == 0 && coro_destroy(arg) == 0 ? NULL : "wrong";
}

START_TEST(coroutine_that_never_ran_may_be_destroyed_anywhere)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(yield_arg, NULL, &co), 0);
	ck_assert_ptr_null(in_thread(close_it, co));
}
END_TEST

/* ---- what is left ---- */

static long address_space(void)
{
	long pages = -1;
	FILE *file = fopen("/proc/self/statm", "r");
	if (file && fscanf(file, "%ld", &pages) != 1)
		pages = -1;
	if (file)
		fclose(file);
	return pages;
}

static void *leave_pooled_stacks(void *arg)
{
	struct coro_options options = {.stack_size = (size_t)128 * 1024};
	struct coro *cos[40];
	for (int i = 0; i < 40; i++) {
		if (coro_create_with(i % 2 ? &options : NULL, echo, NULL, &cos[i]) < 0 ||
		    coro_resume(cos[i], NULL, NULL) != 1)
			return "resume";
	}
	for (int i = 0; i < 40; i++)
		if (coro_destroy(cos[i]) != 0)
			return "destroy";
	struct coro_pool_stats stats;
	coro_pool_stats(&stats);
	return stats.in_use == 0 && stats.warm == 40 ? NULL : "stats";
}

START_TEST(stacks_are_unmapped_when_their_thread_ends)
{
	int count = many(50, 5);
	long before = 0;
	for (int i = 0; i < count; i++) {
		const char *wrong = in_thread(leave_pooled_stacks, NULL);
		ck_assert_msg(!wrong, "%s", wrong);
		if (i == 0)
			before = address_space();
	}
	/* Each leak would be 16 MiB or more. */
	if (!SANITIZED && !RUNNING_ON_VALGRIND)
		ck_assert_int_le(address_space(), before + 2048);
}
END_TEST

static void *look_at_stats(void *arg)
{
	struct coro_pool_stats stats;
	coro_pool_stats(&stats);
	return stats.in_use + stats.warm + stats.cold + stats.mapped == 0 ? NULL : "not empty";
}

START_TEST(pool_is_each_threads_own)
{
	const char *wrong = use_coroutines(1);
	ck_assert_msg(!wrong, "%s", wrong);
	ck_assert_ptr_null(in_thread(look_at_stats, NULL));
	ck_assert_ptr_null(in_thread(look_at_stats, NULL));
}
END_TEST

static void *trim_and_ask(void *arg)
{
	coro_pool_trim();
	if (coro_current() || coro_yield(NULL, NULL) != -EPERM || coro_return(NULL) != -EPERM)
		return "not outside";
	if (strcmp(coro_message(-EIO), strerror(EIO)) != 0 || coro_origin(-EIO))
		return "words";
	return look_at_stats(NULL);
}

START_TEST(thread_that_has_no_coroutines_may_ask)
{
	const char *wrong = in_thread(trim_and_ask, NULL);
	ck_assert_msg(!wrong, "%s", wrong);
}
END_TEST

static int look_at_stack(const struct coro_stack *stack, void *arg)
{
	return 0;
}

/* Its first call of each kind finds no memory for what the library knows of a thread. */
static void *asks_without_memory(void *arg)
{
	struct coro_stack stack;
	int r[3];
	fail_nth(1);
	r[0] = coro_stack_for_each(look_at_stack, NULL);
	fail_nth(1);
	r[1] = coro_stack_get(NULL, &stack);
	fail_nth(1);
	r[2] = coro_pool_limit(10);
	fail_off();
	for (int i = 0; i < 3; i++)
		if (r[i] != -ENOMEM)
			return "not without memory";
	return coro_pool_limit(10) == 0 ? NULL : "not with memory";
}

START_TEST(thread_without_memory_may_ask_later)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	const char *wrong = in_thread(asks_without_memory, NULL);
	ck_assert_msg(!wrong, "%s", wrong);
}
END_TEST

/* A thread may leave the library as often as it has used it, and at once. */
static void *leaves(void *arg)
{
	const char *wrong = NULL;
	thread_leave();
	for (int i = 0; i < 3 && !wrong; i++) {
		wrong = use_coroutines(i);
		thread_leave();
		if (thread_current != &thread_nobody)
			return "not left";
	}
	return (void *)wrong;
}

START_TEST(thread_may_leave_and_come_back)
{
	const char *wrong = in_thread(leaves, NULL);
	ck_assert_msg(!wrong, "%s", wrong);
}
END_TEST

static pthread_key_t late;
static const char *late_result;

static void use_at_exit(void *arg)
{
	late_result = use_coroutines(5);
	/* Once more in the next round, when the library's own has run; ThreadSanitizer then ends. */
	if (!late_result && arg == &late && !SANITIZE_THREAD) {
		late_result = "not run again";
		pthread_setspecific(late, &late_result);
	}
}

static void *use_and_end(void *arg)
{
	const char *wrong = use_coroutines(4);
	pthread_setspecific(late, &late);
	return (void *)wrong;
}

START_TEST(destructors_of_a_thread_may_use_the_library_after_its_own)
{
	/* Created after the library's key, so that its destructor runs after the library's. */
	ck_assert_ptr_null(use_coroutines(0));
	ck_assert_int_eq(pthread_key_create(&late, use_at_exit), 0);
	late_result = "not run";
	ck_assert_ptr_null(in_thread(use_and_end, NULL));
	ck_assert_ptr_null(late_result);
	ck_assert_ptr_null(use_coroutines(0));
}
END_TEST

static int begun; /* atomic: threads that have used the library */

static void begin_detached(void *(*fn)(void *arg))
{
	pthread_t thread;
	pthread_attr_t detached;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	pthread_create(&thread, &detached, fn, NULL);
	pthread_attr_destroy(&detached);
}

static void *use_the_library(void *arg)
{
	if (coro_pool_limit(10) == 0)
		__atomic_add_fetch(&begun, 1, __ATOMIC_RELAXED);
	return arg;
}

static void *begin_threads(void *arg)
{
	for (int i = 0;; i++) {
		begin_detached(use_the_library);
		while (__atomic_load_n(&begun, __ATOMIC_RELAXED) < i)
			sched_yield();
	}
	return arg;
}

/* The test is a process, which ends while threads use the library for the first time. */
START_TEST(threads_may_begin_while_the_process_ends)
{
	if (sanitize_watches_memory())
		skip_test("checkers of leaks take what such threads have for lost");
	begin_detached(begin_threads);
	while (__atomic_load_n(&begun, __ATOMIC_RELAXED) < 3)
		sched_yield();
}
END_TEST

/* As a thread's generators are kept by programs that have one for each thread. */
static void destroy_at_exit(void *co)
{
	void *got = NULL;
	int next = coro_next(co, &got), r = coro_destroy(co);
	late_result = next == 1 && (intptr_t)got == 2 && r == 0 ? NULL : "refused";
}

static void *leave_generator_to_destructor(void *arg)
{
	struct coro *co;
	if (coro_create(count, (void *)3, &co) < 0 || coro_next(co, NULL) != 1)
		return "next";
	pthread_setspecific(late, co);
	return NULL;
}

START_TEST(a_destructor_may_use_what_its_thread_had)
{
	pthread_key_t early;
	for (int made_before = 0; made_before < 2; made_before++) {
		/* Whether the library's key is made after or before. */
		if (made_before)
			ck_assert_ptr_null(use_coroutines(0));
		ck_assert_int_eq(pthread_key_create(&early, destroy_at_exit), 0);
		late = early;
		late_result = "not run";
		ck_assert_ptr_null(in_thread(leave_generator_to_destructor, NULL));
		ck_assert_ptr_null(late_result);
		pthread_key_delete(early);
	}
}
END_TEST

static struct coro *left[2];

static void *leave_generators(void *arg)
{
	for (int i = 0; i < 2; i++)
		if (coro_create(count, (void *)3, &left[i]) < 0 || coro_next(left[i], NULL) != 1)
			return "next";
	return NULL;
}

static void *use_others(void *arg)
{
	if (coro_pool_limit(10) < 0) /* this thread is known to the library */
		return "limit";
	if (coro_next(left[0], NULL) != -EPERM || coro_send(left[0], &left, NULL) != -EPERM ||
	    coro_resume(left[0], NULL, NULL) != -EPERM || coro_close(left[0]) != -EPERM ||
	    coro_throw(left[0], -EIO, NULL) != -EPERM || coro_destroy(left[0]) != -EPERM)
		return "taken";
	size_t used;
	return coro_stack_used(left[1], &used) == -EPERM ? NULL : "used";
}

/* Whichever of the dead thread's memory the new threads get. */
START_TEST(what_a_dead_thread_has_left_is_nobodys)
{
	ck_assert_ptr_null(in_thread(leave_generators, NULL));
	for (int i = 0; i < 20; i++) {
		const char *wrong = in_thread(use_others, NULL);
		ck_assert_msg(!wrong, "%s", wrong);
	}
}
END_TEST

/* ---- loaded at run time ---- */

static __typeof__(coro_create_at) *loaded_create_at;
static __typeof__(coro_resume) *loaded_resume;
static __typeof__(coro_yield) *loaded_yield;
static __typeof__(coro_destroy) *loaded_destroy;

static int loaded_body(void *arg)
{
	void *value = arg;
	int r;
	while ((r = loaded_yield(value, &value)) == 0)
		;
	return r;
}

static void *use_loaded(void *arg)
{
	struct coro *cos[20];
	void *got = NULL;
	for (int i = 0; i < 20; i++)
		if (loaded_create_at(NULL, loaded_body, &cos[i], &cos[i]) < 0 ||
		    loaded_resume(cos[i], NULL, &got) != 1 || got != &cos[i])
			return "resume";
	for (int i = 0; i < 20; i++)
		if (loaded_resume(cos[i], &got, &got) != 1 || got != &got ||
		    loaded_destroy(cos[i]) != 0)
			return "destroy";
	return NULL;
}

static void *find(void *library, const char *name)
{
	void *symbol = dlsym(library, name);
	ck_assert_msg(symbol != NULL, "%s", name);
	return symbol;
}

/* ISO C has no cast from an object pointer to a function's. */
#define FIND(library, name)                                      \
	do {                                                     \
		void *symbol = find(library, "coro_" #name);     \
		memcpy(&loaded_##name, &symbol, sizeof(symbol)); \
	} while (0)

static struct barrier barrier;

static void *outlive_the_library(void *arg)
{
	void *wrong = use_loaded(NULL);
	barrier_wait(&barrier); /* used; */
	barrier_wait(&barrier); /* closed */
	return wrong;
}

START_TEST(library_is_loaded_used_in_threads_and_unloaded)
{
	const char *path = getenv("CORO_LIBRARY");
	if (!path)
		skip_test("CORO_LIBRARY is not set");
	for (int round = 0; round < 3; round++) {
		pthread_t threads[THREADS], last;
		void *wrong, *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		ck_assert_msg(library != NULL, "%s", dlerror());
		FIND(library, create_at);
		FIND(library, resume);
		FIND(library, yield);
		FIND(library, destroy);
		ck_assert_ptr_null(use_loaded(NULL));
		for (int i = 0; i < THREADS; i++)
			ck_assert_int_eq(pthread_create(&threads[i], NULL, use_loaded, NULL), 0);
		barrier_init(&barrier, 2);
		ck_assert_int_eq(pthread_create(&last, NULL, outlive_the_library, NULL), 0);
		for (int i = 0; i < THREADS; i++) {
			pthread_join(threads[i], &wrong);
			ck_assert_ptr_null(wrong);
		}
		barrier_wait(&barrier);
		ck_assert_int_eq(dlclose(library), 0);
		barrier_wait(&barrier);
		pthread_join(last, &wrong); /* whose destructors are the library's */
		ck_assert_ptr_null(wrong);
		barrier_finish(&barrier);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, threads_have_coroutines_of_their_own);
	tcase_add_test(tests, coroutine_may_be_handed_over_before_its_first_resume);
	tcase_add_test(tests, coroutine_may_outlive_the_thread_that_made_it);
	tcase_add_test(tests, coroutine_that_never_ran_may_be_destroyed_anywhere);
	tcase_add_test(tests, stacks_are_unmapped_when_their_thread_ends);
	tcase_add_test(tests, pool_is_each_threads_own);
	tcase_add_test(tests, thread_that_has_no_coroutines_may_ask);
	tcase_add_test(tests, thread_without_memory_may_ask_later);
	tcase_add_test(tests, thread_may_leave_and_come_back);
	tcase_add_test(tests, destructors_of_a_thread_may_use_the_library_after_its_own);
	tcase_add_test(tests, a_destructor_may_use_what_its_thread_had);
	tcase_add_loop_test(tests, threads_may_begin_while_the_process_ends, 0, 20);
	tcase_add_test(tests, what_a_dead_thread_has_left_is_nobodys);
	tcase_add_test(tests, library_is_loaded_used_in_threads_and_unloaded);
}

TEST_MAIN("thread", add_tests)
