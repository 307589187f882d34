/* SPDX-License-Identifier: MIT */
/* The list of all loops: what a tool from outside would find in it. */
#include "sched/loops.h"
#include "sched/sched.h"
#include "support.h"

#include <coro.h>

enum { MANY = 4 };

static struct coro_loop *create(void)
{
	struct coro_loop *loop;
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	return loop;
}

/* Writes the loops that are listed. Returns how many there are. */
static int listed(struct coro_loop *ret[MANY])
{
	int count = 0;
	uintptr_t link = loops_first;
	while (link && count < MANY) {
		struct sched *sched = (struct sched *)~link;
		ret[count++] = sched_loop(sched);
		link = sched->next_loop;
	}
	ck_assert(!link);
	return count;
}

START_TEST(loops_are_listed_from_their_creation_to_their_close)
{
	struct coro_loop *seen[MANY];
	ck_assert_int_eq(listed(seen), 0);
	struct coro_loop *a = create(), *b = create(), *c = create();
	ck_assert_int_eq(listed(seen), 3);
	ck_assert(seen[0] == a && seen[1] == b && seen[2] == c);

	ck_assert_int_eq(coro_loop_close(b), 0);
	ck_assert_int_eq(listed(seen), 2);
	ck_assert(seen[0] == a && seen[1] == c);

	ck_assert_int_eq(coro_loop_close(c), 0);
	struct coro_loop *d = create();
	ck_assert_int_eq(listed(seen), 2);
	ck_assert(seen[0] == a && seen[1] == d);

	ck_assert_int_eq(coro_loop_close(a), 0);
	ck_assert_int_eq(listed(seen), 1);
	ck_assert(seen[0] == d);
	ck_assert_int_eq(coro_loop_close(d), 0);
	ck_assert_int_eq(listed(seen), 0);
}
END_TEST

START_TEST(a_closed_loop_that_is_still_referred_to_is_not_listed)
{
	struct coro_loop *seen[MANY], *loop = coro_loop_ref(create());
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(listed(seen), 0);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	coro_loop_unref(loop);
}
END_TEST

/* Stores the number of the thread that its loop knows. */
static void *notes_thread(void *arg)
{
	struct coro_loop *own = create();
	*(int *)arg = sched_of(own)->tid;
	ck_assert_int_eq(coro_loop_close(own), 0);
	return NULL;
}

static void *creates_and_closes(void *arg)
{
	for (int i = 0; i < many(1000, 100); i++)
		ck_assert_int_eq(coro_loop_close(create()), 0);
	return NULL;
}

START_TEST(a_loop_knows_the_number_of_its_thread)
{
	struct coro_loop *own = create();
	int other = 0;
	pthread_t thread;
	ck_assert_int_eq(pthread_create(&thread, NULL, notes_thread, &other), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
#ifdef __linux__
	ck_assert_int_eq(sched_of(own)->tid, getpid());
	ck_assert_int_gt(other, 0);
	ck_assert_int_ne(other, getpid());
#endif
	ck_assert_int_eq(coro_loop_close(own), 0);
}
END_TEST

START_TEST(threads_may_create_and_close_loops_at_once)
{
	struct coro_loop *seen[MANY], *own = create();
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, creates_and_closes, NULL), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(listed(seen), 1);
	ck_assert(seen[0] == own);
	ck_assert_int_eq(coro_loop_close(own), 0);
}
END_TEST

/* Ends the process with 0 if its list holds only the loops that it makes. */
static void look_as_child(struct coro_loop *copy)
{
	struct coro_loop *seen[MANY];
	struct coro_loop *own = create();
	bool right = listed(seen) == 1 && seen[0] == own;
	right = right && coro_loop_close(copy) == 0 && listed(seen) == 1 && seen[0] == own;
	right = right && coro_loop_close(own) == 0 && listed(seen) == 0;
	_exit(right ? 0 : 1);
}

static void check_child(pid_t child)
{
	int status;
	ck_assert_int_ge(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(a_child_of_fork_lists_its_own_loops_only)
{
	struct coro_loop *seen[MANY], *loop = create();
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		look_as_child(loop);
	check_child(child);
	ck_assert_int_eq(listed(seen), 1);
	ck_assert(seen[0] == loop);
	ck_assert_int_eq(coro_loop_close(loop), 0);
}
END_TEST

#if GLIBC_FROM(2, 34) && !SANITIZED
START_TEST(so_does_a_child_of_a_fork_without_handlers)
{
	struct coro_loop *loop = create();
	fflush(NULL);
	pid_t child = _Fork();
	if (child == 0)
		look_as_child(loop);
	check_child(child);
	ck_assert_int_eq(coro_loop_close(loop), 0);
}
END_TEST
#endif

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, loops_are_listed_from_their_creation_to_their_close);
	tcase_add_test(tests, a_closed_loop_that_is_still_referred_to_is_not_listed);
	tcase_add_test(tests, a_loop_knows_the_number_of_its_thread);
	tcase_add_test(tests, threads_may_create_and_close_loops_at_once);
	tcase_add_test(tests, a_child_of_fork_lists_its_own_loops_only);
#if GLIBC_FROM(2, 34) && !SANITIZED
	tcase_add_test(tests, so_does_a_child_of_a_fork_without_handlers);
#endif
}

TEST_MAIN("loops", add_tests)
