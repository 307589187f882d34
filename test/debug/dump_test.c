/* SPDX-License-Identifier: MIT */
/* Dumps: each kind of wait describes itself, and a loop lists all its tasks. */
#include "tasks.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static struct coro_lock lock = {.locked = 1};
static struct coro_event event;
static struct coro_condition condition;
static struct coro_semaphore semaphore;
static struct coro_rwlock rwlock;
static struct coro_waitgroup waitgroup;
static struct coro_queue *queue;
static struct coro_channel *channel;
static struct coro_broadcast *broadcast;
static struct coro_subscription *subscription;
static struct coro_future *future;

/* ---- waits, each in a task ---- */

static int sleeps(void *arg)
{
	return coro_sleep(1500 * CORO_MSEC);
}

static int sleeps_for_ever(void *arg)
{
	return coro_sleep(CORO_FOREVER);
}

static int awaits(void *arg)
{
	return coro_await(future, NULL);
}

static int awaits_task(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(sleeps, NULL, &task);
	if (r < 0)
		return r;
	coro_task_set_name(task, "sleeper");
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

static int shields(void *arg)
{
	return coro_shield(future, NULL);
}

static int waits_for_several(void *arg)
{
	return coro_wait(&future, 1, CORO_ALL_COMPLETED, CORO_FOREVER);
}

static int joins(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r == 0)
		r = coro_group_spawn(group, sleeps, NULL, NULL);
	return r < 0 ? r : coro_group_end(group, 0);
}

static int locks(void *arg)
{
	return coro_lock_acquire(&lock);
}

static int waits_for_event(void *arg)
{
	return coro_event_wait(&event);
}

static int waits_for_condition(void *arg)
{
	coro_condition_acquire(&condition);
	int r = coro_condition_wait(&condition);
	coro_condition_release(&condition);
	return r;
}

static int takes_semaphore(void *arg)
{
	return coro_semaphore_acquire(&semaphore);
}

static int reads_lock(void *arg)
{
	coro_rwlock_write_acquire(&rwlock);
	return coro_rwlock_write_acquire(&rwlock);
}

static int waits_for_group(void *arg)
{
	coro_waitgroup_add(&waitgroup, 1);
	return coro_waitgroup_wait(&waitgroup);
}

static int gets(void *arg)
{
	void *item;
	return coro_queue_get(queue, &item);
}

static int puts_two(void *arg)
{
	coro_queue_put(queue, NULL);
	return coro_queue_put(queue, NULL);
}

static int receives(void *arg)
{
	return coro_channel_receive(channel, NULL);
}

static int sends(void *arg)
{
	return coro_channel_send(channel, NULL);
}

static int selects(void *arg)
{
	struct coro_select_case one = {.channel = channel, .direction = CORO_RECEIVE};
	return coro_select(&one, 1, CORO_FOREVER);
}

static int subscribes(void *arg)
{
	return coro_subscription_receive(subscription, NULL);
}

static int pair[2];

static int reads(void *arg)
{
	char byte;
	return (int)coro_recv(pair[0], &byte, 1, 0);
}

static int waits_for_signal(void *arg)
{
	return coro_signal_wait_any(SIGUSR2, 0);
}

static const struct {
	coro_fn *fn;
	const char *what;
} waits[] = {
	{sleeps, "a sleep, 1.5 s more"},
	{sleeps_for_ever, "a sleep without end"},
	{awaits, "a future"},
	{awaits_task, "task 2 sleeper"},
	{shields, "a future"},
	{waits_for_several, "several futures"},
	{joins, "a group's members"},
	{locks, "a lock"},
	{waits_for_event, "an event"},
	{waits_for_condition, "a condition"},
	{takes_semaphore, "a semaphore"},
	{reads_lock, "a readers/writer lock"},
	{waits_for_group, "a wait group"},
	{gets, "a queue, for an item"},
	{puts_two, "a queue, for room"},
	{receives, "a channel, to receive"},
	{sends, "a channel, to send"},
	{selects, "a select"},
	{subscribes, "a subscription"},
	{reads, NULL}, /* the fd's number is in it */
	{waits_for_signal, "a signal"},
};

static void setup(void)
{
	loop_setup();
	coro_condition_init(&condition, NULL);
	future = make_future();
	ck_assert_int_eq(coro_queue_create(1, &queue), 0);
	ck_assert_int_eq(coro_channel_create(0, 0, &channel), 0);
	ck_assert_int_eq(coro_broadcast_create(0, 1, &broadcast), 0);
	ck_assert_int_eq(coro_broadcast_subscribe(broadcast, &subscription), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void teardown(void)
{
	coro_future_unref(future);
	loop_teardown();
	ck_assert_int_eq(coro_subscription_destroy(subscription), 0);
	ck_assert_int_eq(coro_broadcast_destroy(broadcast), 0);
	ck_assert_int_eq(coro_channel_destroy(channel), 0);
	ck_assert_int_eq(coro_queue_destroy(queue), 0);
	close(pair[0]);
	close(pair[1]);
}

static const char *waiting(const struct coro_future *task)
{
	static char text[128];
	int length = coro_task_waiting(task, text, sizeof(text));
	ck_assert_int_eq(length, (int)strlen(text));
	return text;
}

/* Cancels what is left, and lets it end. */
static void end_all(void)
{
	struct coro_future *tasks[8];
	int count = coro_all_tasks(loop, tasks, 8);
	for (int i = 0; i < count; i++)
		coro_cancel(tasks[i]);
	for (int i = 0; i < 10; i++)
		turn();
	for (int i = 0; i < count; i++)
		coro_future_unref(tasks[i]);
}

START_TEST(a_task_says_what_it_waits_in)
{
	char expected[64];
	struct coro_future *task = start(waits[_i].fn, NULL);
	turn();
	snprintf(expected, sizeof(expected), "fd %d, to read", pair[0]);
	ck_assert_str_eq(waiting(task), waits[_i].what ? waits[_i].what : expected);
	end_all();
	ck_assert_str_eq(waiting(task), "nothing: it is done");
	coro_future_unref(task);
}
END_TEST

static int asks_itself(void *arg)
{
	ck_assert_str_eq(waiting(coro_current_task()), "nothing: it runs");
	return coro_task_yield();
}

START_TEST(a_task_that_does_not_wait_says_so)
{
	struct coro_future *task = spawn(asks_itself, NULL);
	ck_assert_str_eq(waiting(task), "nothing: it has not started");
	turn();
	ck_assert_str_eq(waiting(task), "nothing: it is ready");
	run();
	assert_ended(task, 0);
}
END_TEST

START_TEST(a_text_without_room_is_cut_and_its_length_returned)
{
	char text[4] = "xyz";
	struct coro_future *task = start(locks, NULL);
	ck_assert_int_eq(coro_task_waiting(task, NULL, 0), 6);
	ck_assert_int_eq(coro_task_waiting(task, text, sizeof(text)), 6);
	ck_assert_str_eq(text, "a l");
	end_all();
	coro_future_unref(task);
}
END_TEST

static void *asks_in_another_thread(void *arg)
{
	int *results = arg;
	results[0] = coro_task_waiting(future, NULL, 0);
	results[1] = coro_loop_dump(loop, 2);
	return NULL;
}

START_TEST(what_cannot_be_is_refused)
{
	int results[2] = {0};
	char text[8];
	ck_assert_int_eq(coro_task_waiting(NULL, text, sizeof(text)), -EINVAL);
	ck_assert_int_eq(coro_task_waiting(future, text, sizeof(text)), -EINVAL);
	ck_assert_int_eq(coro_loop_dump(NULL, 2), -EINVAL);
	ck_assert_int_eq(coro_loop_dump(loop, -1), -EBADF);
	coro_future_unref(future);
	future = spawn(sleeps, NULL);
	ck_assert_int_eq(coro_task_waiting(future, NULL, 1), -EINVAL);
	in_thread(asks_in_another_thread, results);
	ck_assert_int_eq(results[0], -EPERM);
	ck_assert_int_eq(results[1], -EPERM);
	run();
}
END_TEST

/* What a pipe has, as a text. */
static const char *read_all(int fd)
{
	static char text[2048];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int spawns_another(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn_at("here.c:7", locks, NULL, &task);
	if (r < 0)
		return r;
	coro_task_set_name(task, "stuck");
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(a_dump_has_a_line_for_each_task)
{
	int ends[2];
	ck_assert_int_eq(pipe(ends), 0);
	struct coro_future *task = start(spawns_another, NULL);
	turn();
	ck_assert_int_eq(coro_loop_dump(loop, ends[1]), 2);
	ck_assert_str_eq(read_all(ends[0]),
			 "coro: a loop with 2 tasks\n"
			 "coro:   task 1, waits in task 2 stuck\n"
			 "coro:   task 2 stuck, spawned at here.c:7 by task 1, waits in a lock\n");
	struct coro_future *new = spawn(locks, NULL);
	ck_assert_int_eq(coro_loop_dump(loop, ends[1]), 3);
	ck_assert_ptr_nonnull(strstr(read_all(ends[0]), "coro:   task 3, has not started\n"));
	coro_future_unref(new);
	end_all();
	ck_assert_int_eq(coro_loop_dump(loop, ends[1]), 0);
	ck_assert_str_eq(read_all(ends[0]), "coro: a loop with 0 tasks\n");
	close(ends[0]);
	close(ends[1]);
	coro_future_unref(task);
}
END_TEST

static struct coro_lock held;

static int holds(void *arg)
{
	int r = coro_lock_acquire_at("here.c:9", &held);
	if (r == 0)
		r = coro_sleep(10);
	return r < 0 ? r : coro_lock_release(&held);
}

START_TEST(in_debug_mode_a_lock_says_who_holds_it)
{
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	coro_lock_init(&held);
	struct coro_future *first = start(holds, NULL), *second = start(holds, NULL);
	turn();
	ck_assert_str_eq(waiting(second), "a lock, held by task 1 since here.c:9");
	ck_assert_int_eq(coro_loop_set_debug(loop, false), 0);
	run();
	ck_assert(!coro_lock_locked(&held));
	coro_future_unref(first);
	coro_future_unref(second);
}
END_TEST

static int holds_for_good(void *arg)
{
	return coro_lock_acquire_at("here.c:9", &held);
}

START_TEST(in_debug_mode_a_deadlock_says_who_holds_the_lock)
{
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	coro_lock_init(&held);
	struct coro_future *first = start(holds_for_good, NULL), *second = start(holds, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, second, NULL), -EDEADLK);
	ck_assert(strstr(coro_message(-EDEADLK), "a lock, held by task 1 since here.c:9"));
	ck_assert_int_eq(coro_lock_release(&held), 0);
	run();
	ck_assert_int_eq(coro_lock_release(&held), -EPERM);
	coro_future_unref(first);
	coro_future_unref(second);
}
END_TEST

static int raises(void *signum)
{
	raise(*(int *)signum);
	return coro_sleep(CORO_MSEC);
}

static const struct {
	const char *name;
	int signum;
} dumps[] = {{"SIGUSR1", SIGUSR1}, {"USR2", SIGUSR2}, {"12", 12}};

START_TEST(a_signal_that_the_environment_names_dumps_the_loop)
{
	int ends[2], signum = dumps[_i].signum;
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	setenv("CORO_DUMP", dumps[_i].name, 1);
	ck_assert_int_eq(coro_run(raises, &signum), 0);
	const char *text = read_all(ends[0]);
	ck_assert_msg(strstr(text, "coro: a loop with 1 task\ncoro:   task 1 main, spawned at "),
		      "%s", text);
	ck_assert_msg(strstr(text, ", waits in a sleep, "), "%s", text);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static int awaits_nothing(void *arg)
{
	struct coro_future *never;
	int r = coro_future_create(coro_running_loop(), &never);
	if (r == 0)
		r = coro_await(never, NULL);
	coro_future_unref(never);
	return r;
}

START_TEST(a_loop_that_would_be_dumped_has_no_more_to_wait_for)
{
	setenv("CORO_DUMP", "SIGUSR1", 1);
	ck_assert_int_eq(coro_run(awaits_nothing, NULL), -EDEADLK);
	ck_assert_ptr_nonnull(strstr(coro_message(-EDEADLK), "waits in a future"));
}
END_TEST

static const char *const no_signals[] = {"SIGNOTHING", "0", "-1", "1000", "9", "USR1x", ""};

START_TEST(a_name_of_no_signal_is_reported_once)
{
	char told[100];
	const char *name = no_signals[_i];
	int ends[2];
	unsetenv("CORO_DUMP");
	ck_assert_int_eq(coro_run(asks_itself, NULL), 0); /* AddressSanitizer warns of the first */
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	setenv("CORO_DUMP", name, 1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_run(asks_itself, NULL), 0);
	snprintf(told, sizeof(told), "coro: CORO_DUMP=%s is no signal that can be caught\n", name);
	ck_assert_int_eq(write(ends[1], "", 1), 1); /* so that there is something to read */
	ck_assert_str_eq(read_all(ends[0]), *name ? told : "");
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static int makes_a_loop(void *arg)
{
	struct coro_loop *made;
	int r = coro_loop_create(NULL, &made);
	return r < 0 ? r : coro_loop_close(made);
}

/* Without memory there is no dump, and all else goes on. */
START_TEST(a_loop_is_made_without_memory_for_dumps)
{
	setenv("CORO_DUMP", "SIGUSR1", 1);
	ck_assert_int_eq(makes_a_loop(NULL), 0);
	if (!fail_possible())
		return;
	fail_nth(2);
	int r = makes_a_loop(NULL);
	ck_assert(fail_off());
	ck_assert_int_eq(r, 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, a_task_says_what_it_waits_in, 0,
			    sizeof(waits) / sizeof(waits[0]));
	tcase_add_test(tests, a_task_that_does_not_wait_says_so);
	tcase_add_test(tests, a_text_without_room_is_cut_and_its_length_returned);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, a_dump_has_a_line_for_each_task);
	tcase_add_test(tests, in_debug_mode_a_lock_says_who_holds_it);
	tcase_add_test(tests, in_debug_mode_a_deadlock_says_who_holds_the_lock);
	tcase_add_loop_test(tests, a_signal_that_the_environment_names_dumps_the_loop, 0,
			    sizeof(dumps) / sizeof(dumps[0]));
	tcase_add_test(tests, a_loop_that_would_be_dumped_has_no_more_to_wait_for);
	tcase_add_loop_test(tests, a_name_of_no_signal_is_reported_once, 0,
			    sizeof(no_signals) / sizeof(no_signals[0]));
	tcase_add_test(tests, a_loop_is_made_without_memory_for_dumps);
}

TEST_MAIN("dump", add_tests)
