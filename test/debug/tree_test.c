/* SPDX-License-Identifier: MIT */
/* A dump as a tree: each task below one that waits for it, and cycles named. */
#include "fail_alloc.h"

#include "dumps.h"

static struct coro_future *future;

static void setup(void)
{
	loop_setup();
	future = make_future();
}

static void teardown(void)
{
	coro_future_unref(future);
	loop_teardown();
}

static int awaits(void *other)
{
	return coro_await(*(struct coro_future **)other, NULL);
}

static int shields(void *other)
{
	return coro_shield(*(struct coro_future **)other, NULL);
}

/* Starts n tasks that wait for these futures. They see them a turn later. */
static void start_all(coro_fn *fn, struct coro_future **tasks, struct coro_future **others[], int n)
{
	for (int i = 0; i < n; i++)
		tasks[i] = spawn(fn, others[i]);
	turn();
}

static void unref_all(struct coro_future **tasks, int n)
{
	for (int i = 0; i < n; i++)
		coro_future_unref(tasks[i]);
}

START_TEST(no_tasks_make_no_tree)
{
	ck_assert_str_eq(dump_of(CORO_DUMP_TREE, 0), "coro: a loop with 0 tasks\n");
}
END_TEST

START_TEST(a_task_lies_below_the_one_that_waits_for_it)
{
	struct coro_future *tasks[3];
	start_all(awaits, tasks, (struct coro_future * *[]){&tasks[1], &tasks[2], &future}, 3);
	turn();
	coro_task_set_name(tasks[1], "middle");
	ck_assert_str_eq(dump_of(CORO_DUMP_TREE, 3), "coro: a loop with 3 tasks\n"
						     "coro:   task 1, waits in task 2 middle\n"
						     "coro:     task 2 middle, waits in task 3\n"
						     "coro:       task 3, waits in a future\n");
	end_all();
	unref_all(tasks, 3);
}
END_TEST

/* Roots come in the order of their numbers, though what they wait for is older. */
START_TEST(what_several_wait_for_is_shown_once_in_full)
{
	struct coro_future *tasks[4];
	start_all(shields, tasks,
		  (struct coro_future * *[]){&future, &tasks[0], &tasks[1], &tasks[1]}, 4);
	ck_assert_str_eq(dump_of(CORO_DUMP_TREE, 4), "coro: a loop with 4 tasks\n"
						     "coro:   task 3, waits in task 2\n"
						     "coro:     task 2, waits in task 1\n"
						     "coro:       task 1, waits in a future\n"
						     "coro:   task 4, waits in task 2\n"
						     "coro:     task 2, see above\n");
	end_all();
	unref_all(tasks, 4);
}
END_TEST

START_TEST(a_cycle_is_named)
{
	struct coro_future *tasks[4];
	start_all(shields, tasks,
		  (struct coro_future * *[]){&tasks[1], &tasks[2], &tasks[0], &tasks[1]}, 4);
	coro_task_set_name(tasks[2], "c");
	ck_assert_str_eq(dump_of(CORO_DUMP_TREE, 4), "coro: a loop with 4 tasks\n"
						     "coro:   task 4, waits in task 2\n"
						     "coro:     task 2, waits in task 3 c\n"
						     "coro:       task 3 c, waits in task 1\n"
						     "coro:         task 1, waits in task 2\n"
						     "coro:           cycle: task 2 -> task 3 c"
						     " -> task 1 -> task 2\n");
	end_all();
	unref_all(tasks, 4);
}
END_TEST

/* No root leads to them. */
START_TEST(cycles_alone_are_found_too)
{
	struct coro_future *tasks[3];
	start_all(shields, tasks, (struct coro_future * *[]){&tasks[1], &tasks[0], &tasks[2]}, 3);
	ck_assert_str_eq(dump_of(CORO_DUMP_TREE, 3), "coro: a loop with 3 tasks\n"
						     "coro:   task 1, waits in task 2\n"
						     "coro:     task 2, waits in task 1\n"
						     "coro:       cycle: task 1 -> task 2"
						     " -> task 1\n"
						     "coro:   task 3, waits in task 3\n"
						     "coro:     cycle: task 3 -> task 3\n");
	end_all();
	unref_all(tasks, 3);
}
END_TEST

START_TEST(a_long_cycle_is_shortened)
{
	struct coro_future *tasks[12], **others[12];
	for (int i = 0; i < 12; i++)
		others[i] = &tasks[(i + 1) % 12];
	start_all(shields, tasks, others, 12);
	ck_assert_ptr_nonnull(
		strstr(dump_of(CORO_DUMP_TREE, 12),
		       "cycle: task 1 -> task 2 -> task 3 -> task 4 -> task 5 -> task 6 -> task 7"
		       " -> task 8 -> 4 more -> task 1\n"));
	end_all();
	unref_all(tasks, 12);
}
END_TEST

static int gathers(void *tasks)
{
	return coro_gather(tasks, 3, NULL);
}

static int waits_for_all(void *tasks)
{
	return coro_wait(tasks, 3, CORO_ALL_COMPLETED, CORO_FOREVER);
}

static int takes_each(void *tasks)
{
	struct coro_iterator *it = coro_as_completed(tasks, 3, CORO_FOREVER);
	int r;
	while ((r = coro_iter_next(it, NULL)) > 0)
		;
	coro_iter_close(it);
	return r;
}

static const struct {
	coro_fn *fn;
	const char *what;
} several[] = {
	{gathers, "a gather, 2 of 3 left"},
	{waits_for_all, "several futures, 2 of 3 left"},
	{takes_each, "as_completed, 2 of 3 left"},
};

START_TEST(below_who_waits_for_several_lie_those_that_are_left)
{
	char expected[256];
	struct coro_future *other = make_future();
	struct coro_future **others[] = {&future, &other, &future}, *tasks[3];
	start_all(awaits, tasks, others, 3);
	struct coro_future *task = spawn(several[_i].fn, tasks);
	turn();
	set(other, NULL);
	for (int i = 0; i < 3; i++)
		turn();
	snprintf(expected, sizeof(expected),
		 "coro: a loop with 3 tasks\n"
		 "coro:   task 4, waits in %s\n"
		 "coro:     task 1, waits in a future\n"
		 "coro:     task 3, waits in a future\n",
		 several[_i].what);
	ck_assert_str_eq(dump_of(CORO_DUMP_TREE, 3), expected);
	end_all();
	unref_all(tasks, 3);
	coro_future_unref(task);
	coro_future_unref(other);
}
END_TEST

static int waits_for_members(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	for (int i = 0; i < 2 && r == 0; i++)
		r = coro_group_spawn_at("here.c:1", group, awaits, &future, NULL);
	return coro_group_end(group, r);
}

START_TEST(members_lie_below_who_ends_their_group)
{
	struct coro_future *task = spawn(waits_for_members, NULL);
	for (int i = 0; i < 2; i++)
		turn();
	ck_assert_str_eq(dump_of(CORO_DUMP_TREE, 3),
			 "coro: a loop with 3 tasks\n"
			 "coro:   task 1, waits in a group, 2 members"
			 " left\n"
			 "coro:     task 2, spawned at here.c:1 by task 1,"
			 " waits in a future\n"
			 "coro:     task 3, spawned at here.c:1 by task 1,"
			 " waits in a future\n");
	end_all();
	coro_future_unref(task);
}
END_TEST

static struct coro_lock locks[2];

/* Takes the lock, then waits for the other. */
static int takes_both(void *lock)
{
	int r = coro_lock_acquire_at("here.c:1", lock);
	if (r == 0)
		r = coro_task_yield();
	if (r == 0)
		r = coro_lock_acquire_at("here.c:2", lock == &locks[0] ? &locks[1] : &locks[0]);
	return r;
}

static void start_deadlock(struct coro_future **tasks)
{
	for (int i = 0; i < 2; i++) {
		coro_lock_init(&locks[i]);
		tasks[i] = spawn(takes_both, &locks[i]);
	}
	for (int i = 0; i < 2; i++)
		turn();
}

static void end_deadlock(struct coro_future **tasks)
{
	end_all();
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_lock_release(&locks[i]), 0);
	unref_all(tasks, 2);
}

START_TEST(in_debug_mode_who_waits_for_a_lock_waits_for_its_holder)
{
	struct coro_future *tasks[2];
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	start_deadlock(tasks);
	ck_assert_str_eq(dump_of(CORO_DUMP_TREE, 2),
			 "coro: a loop with 2 tasks\n"
			 "coro:   task 1, waits in a lock, held by task 2 since here.c:1\n"
			 "coro:     task 2, waits in a lock, held by task 1 since here.c:1\n"
			 "coro:       cycle: task 1 -> task 2 -> task 1\n");
	end_deadlock(tasks);
}
END_TEST

START_TEST(without_debug_mode_nobody_knows_who_holds_a_lock)
{
	struct coro_future *tasks[2];
	start_deadlock(tasks);
	ck_assert_str_eq(dump_of(CORO_DUMP_TREE, 2), "coro: a loop with 2 tasks\n"
						     "coro:   task 1, waits in a lock\n"
						     "coro:   task 2, waits in a lock\n");
	end_deadlock(tasks);
}
END_TEST

/* Walked without recursion, and moved to the right only so far. */
START_TEST(a_chain_of_any_length_is_a_tree)
{
	enum { SHOWN = 100 };
	int length = many(20000, 500);
	struct coro_future **tasks = calloc((size_t)length + 1, sizeof(struct coro_future *));
	static char line[256];
	tasks[length] = future;
	for (int i = 0; i < length; i++)
		tasks[i] = spawn(awaits, &tasks[i + 1]);
	turn();
	FILE *file = tmpfile();
	ck_assert_int_eq(coro_loop_dump(loop, fileno(file), CORO_DUMP_TREE), length);
	rewind(file);
	for (int i = 0; i <= SHOWN; i++) {
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
		int depth = i - 1 < 32 ? i - 1 : 32;
		if (i > 0)
			ck_assert_int_eq(strstr(line, "task") - line, 8 + 2 * depth);
	}
	fclose(file);
	coro_cancel(tasks[length - 1]);
	run();
	unref_all(tasks, length);
	free(tasks);
}
END_TEST

START_TEST(without_memory_there_is_no_tree)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail");
	struct coro_future *task = spawn(awaits, &future);
	turn();
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	for (int format = CORO_DUMP_LIST; format <= CORO_DUMP_JSON; format++) {
		fail_nth(1);
		int r = coro_loop_dump(loop, null, (enum coro_dump_format)format);
		bool failed = fail_off();
		ck_assert_int_eq(r, format == CORO_DUMP_TREE ? -ENOMEM : 1);
		ck_assert_int_eq(failed, format == CORO_DUMP_TREE);
	}
	close(null);
	end_all();
	coro_future_unref(task);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, no_tasks_make_no_tree);
	tcase_add_test(tests, a_task_lies_below_the_one_that_waits_for_it);
	tcase_add_test(tests, what_several_wait_for_is_shown_once_in_full);
	tcase_add_test(tests, a_cycle_is_named);
	tcase_add_test(tests, cycles_alone_are_found_too);
	tcase_add_test(tests, a_long_cycle_is_shortened);
	tcase_add_loop_test(tests, below_who_waits_for_several_lie_those_that_are_left, 0,
			    sizeof(several) / sizeof(several[0]));
	tcase_add_test(tests, members_lie_below_who_ends_their_group);
	tcase_add_test(tests, in_debug_mode_who_waits_for_a_lock_waits_for_its_holder);
	tcase_add_test(tests, without_debug_mode_nobody_knows_who_holds_a_lock);
	tcase_add_test(tests, a_chain_of_any_length_is_a_tree);
	tcase_add_test(tests, without_memory_there_is_no_tree);
}

TEST_MAIN("tree", add_tests)
