/* SPDX-License-Identifier: MIT */
/* What a task waits for, read as a debugger does: as data, by the table of its wait. */
#include "io/fd.h"
#include "new_fds.h"
#include "process/process.h"
#include "sync/lock.h"
#include "task/done_call.h"
#include "task/group.h"
#include "task/task.h"

#include "tasks.h"

#include <sys/socket.h>
#include <unistd.h>

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

/* Starts a task that waits. */
static struct coro_future *waiting(coro_fn *fn, void *arg)
{
	struct coro_future *task = start(fn, arg);
	turn();
	return task;
}

/* Where the subject of a task's wait lies; NULL if it is of another type. */
static const void *subject(const struct coro_future *task, enum subject_type type)
{
	const struct task_wait *wait = task_wait(task_of(task));
	const struct subject *subject = &wait->kind->subject;
	const char *base = subject->beside_waiter ? (const char *)wait->waiter : (const char *)wait;
	return subject->type == type ? base + subject->at : NULL;
}

/* The pointer that lies there. */
static const void *pointer(const struct coro_future *task, enum subject_type type)
{
	const void *at = subject(task, type);
	ck_assert_ptr_nonnull(at);
	return *(const void *const *)at;
}

static void end(struct coro_future *task)
{
	coro_cancel(task);
	run();
	coro_future_unref(task);
}

static int sleeps(void *arg)
{
	return coro_sleep(1500);
}

START_TEST(a_sleep_leads_to_its_timer)
{
	struct coro_future *task = waiting(sleeps, NULL);
	const struct timer *timer = subject(task, SUBJECT_TIMER);
	ck_assert_ptr_nonnull(timer);
	const struct heap *timers = &sched_of(loop)->timers;
	ck_assert_uint_lt(timer->node.place, timers->count);
	ck_assert_int_eq(timers->entries[timer->node.place].key, 1500);
	end(task);
}
END_TEST

static int awaits(void *arg)
{
	return coro_await(arg, NULL);
}

static int shields(void *arg)
{
	return coro_shield(arg, NULL);
}

static int never_says_that_it_started(void *arg)
{
	return coro_await(future, NULL);
}

static int starts_a_member(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r == 0)
		r = coro_group_start(group, never_says_that_it_started, NULL, NULL, NULL);
	return coro_group_end(group, r);
}

START_TEST(who_waits_for_one_future_leads_to_it)
{
	struct coro_future *task = waiting(awaits, future), *other = waiting(shields, task);
	ck_assert_ptr_eq(pointer(task, SUBJECT_FUTURE), future);
	ck_assert_ptr_eq(pointer(other, SUBJECT_FUTURE), task);
	ck_assert_int_eq(future->kind, FUTURE_PLAIN);
	ck_assert_int_eq(task->kind, FUTURE_TASK);
	coro_cancel(other);
	end(task);
	coro_future_unref(other);

	task = waiting(starts_a_member, NULL);
	const struct coro_future *member = pointer(task, SUBJECT_FUTURE);
	ck_assert_uint_eq(coro_task_parent(member), coro_task_number(task));
	end(task);
}
END_TEST

static int gathers(void *arg)
{
	return coro_gather(&future, 1, NULL);
}

START_TEST(a_gather_is_a_future_of_its_own_kind)
{
	struct coro_future *task = waiting(gathers, NULL);
	const struct coro_future *outer = pointer(task, SUBJECT_FUTURE);
	ck_assert_int_eq(outer->kind, FUTURE_GATHER);
	end(task);
}
END_TEST

static int waits_for_several(void *arg)
{
	struct coro_future *both[] = {future, arg};
	return coro_wait(both, 2, CORO_ALL_COMPLETED, CORO_FOREVER);
}

START_TEST(who_waits_for_several_leads_to_all)
{
	struct coro_future *sleeper = spawn(sleeps, NULL);
	struct coro_future *task = waiting(waits_for_several, sleeper);
	const struct done_calls *calls = subject(task, SUBJECT_FUTURES);
	ck_assert_ptr_nonnull(calls);
	ck_assert_uint_eq(calls->count, 2);
	ck_assert_ptr_eq(calls->all[0].done_call.future, future);
	ck_assert_ptr_eq(calls->all[1].done_call.future, sleeper);
	end(task);
	coro_future_unref(sleeper);
}
END_TEST

static int joins(void *ret)
{
	int r = coro_group_create(ret);
	if (r == 0)
		r = coro_group_spawn(*(struct coro_group **)ret, sleeps, NULL, NULL);
	return coro_group_end(*(struct coro_group **)ret, r);
}

START_TEST(the_end_of_a_group_leads_to_its_members)
{
	struct coro_group *group = NULL;
	struct coro_future *task = waiting(joins, &group);
	ck_assert_ptr_eq(pointer(task, SUBJECT_GROUP), group);
	struct member *member = container_of(group->members.next, struct member, link);
	ck_assert_uint_eq(coro_task_number(member->done_call.future), 2);
	end(task);
}
END_TEST

static int locks(void *lock)
{
	return coro_lock_acquire_at("here.c:9", lock);
}

START_TEST(a_lock_leads_to_who_holds_it)
{
	struct coro_lock lock = {.locked = 0};
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	struct coro_future *holder = start(locks, &lock), *task = waiting(locks, &lock);
	const struct coro_lock *found = pointer(task, SUBJECT_LOCK);
	ck_assert_ptr_eq(found, &lock);
	ck_assert_uint_eq(((const struct hold *)found->hold)->task, coro_task_number(holder));
	end(task);
	ck_assert_int_eq(coro_lock_release(&lock), 0);
	coro_future_unref(holder);
}
END_TEST

static int reads(void *fd)
{
	char byte;
	return (int)coro_recv(*(int *)fd, &byte, 1, 0);
}

START_TEST(an_fd_leads_to_its_number)
{
	int ends[2];
	ck_assert_int_eq(new_socketpair(AF_UNIX, SOCK_STREAM, O_CLOEXEC, ends), 0);
	struct coro_future *task = waiting(reads, &ends[0]);
	const struct fd *fd = pointer(task, SUBJECT_FD);
	ck_assert_int_eq(fd->number, ends[0]);
	end(task);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static int runs_a_program(void *arg)
{
	char *program[] = {(char *)"sleep", (char *)"60", NULL};
	struct coro_process *process;
	int r = coro_process_spawn(program, NULL, &process);
	if (r < 0)
		return r;
	*(struct coro_process **)arg = process;
	r = coro_process_wait(process, NULL);
	coro_process_kill(process);
	coro_process_destroy(process);
	return r;
}

START_TEST(a_child_leads_to_its_process)
{
	struct coro_process *process = NULL;
	struct coro_future *task = waiting(runs_a_program, &process);
	const struct coro_process *found = pointer(task, SUBJECT_PROCESS);
	ck_assert_ptr_eq(found, process);
	ck_assert_int_eq(found->pid, coro_process_pid(process));
	end(task);
}
END_TEST

static int waits_for_event(void *event)
{
	return coro_event_wait(event);
}

START_TEST(other_waits_lead_nowhere)
{
	struct coro_event event = {.set = false};
	struct coro_future *task = waiting(waits_for_event, &event);
	ck_assert_ptr_nonnull(subject(task, SUBJECT_NONE));
	end(task);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_sleep_leads_to_its_timer);
	tcase_add_test(tests, who_waits_for_one_future_leads_to_it);
	tcase_add_test(tests, a_gather_is_a_future_of_its_own_kind);
	tcase_add_test(tests, who_waits_for_several_leads_to_all);
	tcase_add_test(tests, the_end_of_a_group_leads_to_its_members);
	tcase_add_test(tests, a_lock_leads_to_who_holds_it);
	tcase_add_test(tests, an_fd_leads_to_its_number);
	tcase_add_test(tests, a_child_leads_to_its_process);
	tcase_add_test(tests, other_waits_lead_nowhere);
}

TEST_MAIN("subject", add_tests)
