/* SPDX-License-Identifier: MIT */
/* Each kind of wait describes itself, with the timeouts around it. */
#include "new_fds.h"
#include "threads.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct coro_lock lock = {.locked = 1};
static struct coro_event event;
static struct coro_condition condition;
static struct coro_semaphore semaphore;
static struct coro_rwlock rwlock;
static struct coro_waitgroup waitgroup;
static struct coro_barrier barrier;
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

static int waits_for_one_of_several(void *arg)
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

static int gets_one(void *arg)
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

static int waits_for_a_signal(void *arg)
{
	return coro_signal_wait_any(SIGUSR2, 0);
}

static int waits_for_signals(void *arg)
{
	return coro_signal_wait_any(SIGUSR1, SIGUSR2, 0);
}

static int starts_a_member(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r == 0)
		r = coro_group_start(group, awaits, NULL, NULL, NULL);
	return coro_group_end(group, r);
}

static int waits_for_room(void *arg)
{
	struct coro_group_options options = {.limit = 1};
	struct coro_group *group;
	int r = coro_group_create_with(&options, &group);
	for (int i = 0; i < 2 && r == 0; i++)
		r = coro_group_spawn(group, awaits, NULL, NULL);
	return coro_group_end(group, r);
}

/* Calls it with two futures, the second of which is done. */
static int with_two(int (*wait)(struct coro_future **both))
{
	struct coro_future *both[] = {future, make_future()};
	set(both[1], NULL);
	int r = wait(both);
	coro_future_unref(both[1]);
	return r;
}

static int wait_for_both(struct coro_future **both)
{
	return coro_wait(both, 2, CORO_ALL_COMPLETED, 3 * CORO_SEC);
}

static int waits_for_two(void *arg)
{
	return with_two(wait_for_both);
}

static int gather_both(struct coro_future **both)
{
	return coro_gather(both, 2, NULL);
}

static int gathers(void *arg)
{
	return with_two(gather_both);
}

static int takes_each(void *arg)
{
	struct coro_iterator *it = coro_as_completed(&future, 1, 3 * CORO_SEC);
	int r;
	while ((r = coro_iter_next(it, NULL)) > 0)
		;
	coro_iter_close(it);
	return r;
}

static int selects_for_a_time(void *arg)
{
	struct coro_select_case two[] = {{.channel = channel, .direction = CORO_RECEIVE},
					 {.channel = channel, .direction = CORO_RECEIVE}};
	return coro_select(two, 2, 3 * CORO_SEC);
}

static int meets(void *arg)
{
	return coro_barrier_wait(&barrier, NULL);
}

static int joins_queue(void *arg)
{
	coro_queue_put(queue, NULL);
	return coro_queue_join(queue);
}

static struct coro_thread_queue *thread_queue;

static int gets_from_thread(void *arg)
{
	void *item;
	return coro_thread_queue_get(thread_queue, &item);
}

static int puts_to_thread(void *arg)
{
	coro_thread_queue_put(thread_queue, NULL);
	return coro_thread_queue_put(thread_queue, NULL);
}

static int asks_remote(void *arg)
{
	struct coro_remote *remote;
	int r = coro_spawn_threadsafe(loop, sleeps_for_ever, NULL, &remote);
	if (r == 0)
		r = coro_remote_result(remote, CORO_FOREVER, NULL);
	coro_remote_cancel(remote);
	coro_remote_unref(remote);
	return r;
}

static int waits_inside_timeouts(void *arg)
{
	struct coro_timeout outer, never, inner;
	ck_assert_int_eq(coro_timeout_begin_site("here.c:1", &outer, 9 * CORO_SEC), 0);
	ck_assert_int_eq(coro_timeout_begin(&never, CORO_FOREVER), 0);
	ck_assert_int_eq(coro_timeout_begin_site(NULL, &inner, 2 * CORO_SEC), 0);
	int r = coro_event_wait(&event);
	r = coro_timeout_end(&inner, r);
	r = coro_timeout_end(&never, r);
	return coro_timeout_end(&outer, r);
}

/* The innermost four are named. */
static int waits_inside_many_timeouts(void *arg)
{
	struct coro_timeout timeouts[6];
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(coro_timeout_begin_site(NULL, &timeouts[i], (9 - i) * CORO_SEC),
				 0);
	int r = coro_event_wait(&event);
	for (int i = 5; i >= 0; i--)
		r = coro_timeout_end(&timeouts[i], r);
	return r;
}

static int waits_inside_shield(void *arg)
{
	struct coro_shield_scope scope;
	ck_assert_int_eq(coro_shield_begin_at("here.c:2", &scope, 2 * CORO_SEC), 0);
	int r = coro_event_wait(&event);
	return coro_shield_end(&scope, r);
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
	{waits_for_one_of_several, "several futures, 1 of 1 left"},
	{waits_for_two, "several futures, 1 of 2 left, 3 s more"},
	{gathers, "a gather, 1 of 2 left"},
	{takes_each, "as_completed, 1 of 1 left, 3 s more"},
	{joins, "a group, 1 member left"},
	{starts_a_member, "the start of task 2"},
	{waits_for_room, "a group, for room"},
	{locks, "a lock"},
	{waits_for_event, "an event"},
	{waits_for_condition, "a condition"},
	{meets, "a barrier"},
	{takes_semaphore, "a semaphore"},
	{reads_lock, "a readers/writer lock"},
	{waits_for_group, "a wait group"},
	{gets_one, "a queue, for an item"},
	{puts_two, "a queue, for room"},
	{joins_queue, "a queue, to be worked off"},
	{receives, "a channel, to receive"},
	{sends, "a channel, to send"},
	{selects, "a select, 1 case"},
	{selects_for_a_time, "a select, 2 cases, 3 s more"},
	{subscribes, "a subscription"},
	{waits_for_a_signal, "signal " NUMBER(SIGUSR2)},
	{waits_for_signals, "signal " NUMBER(SIGUSR1) ", " NUMBER(SIGUSR2)},
	{gets_from_thread, "a thread queue, for an item"},
	{puts_to_thread, "a thread queue, for room"},
	{asks_remote, "a result of another loop"},
	{waits_inside_timeouts,
	 "an event, 2 s left of the timeout, 9 s left of the timeout at here.c:1"},
	{waits_inside_many_timeouts, "an event, 4 s left of the timeout, 5 s left of the timeout, "
				     "6 s left of the timeout, 7 s left of the timeout"},
	{waits_inside_shield, "an event, 2 s left of the timeout at here.c:2"},
};

static void setup(void)
{
	loop_setup();
	coro_condition_init(&condition, NULL);
	coro_event_init(&event);
	future = make_future();
	ck_assert_int_eq(coro_queue_create(1, &queue), 0);
	ck_assert_int_eq(coro_channel_create(0, 0, &channel), 0);
	ck_assert_int_eq(coro_broadcast_create(0, 1, &broadcast), 0);
	ck_assert_int_eq(coro_broadcast_subscribe(broadcast, &subscription), 0);
	ck_assert_int_eq(coro_thread_queue_create(1, &thread_queue), 0);
	ck_assert_int_eq(coro_barrier_init(&barrier, 2), 0);
	ck_assert_int_eq(new_socketpair(AF_UNIX, SOCK_STREAM, O_CLOEXEC, pair), 0);
}

static void teardown(void)
{
	coro_future_unref(future);
	loop_teardown();
	ck_assert_int_eq(coro_subscription_destroy(subscription), 0);
	ck_assert_int_eq(coro_broadcast_destroy(broadcast), 0);
	ck_assert_int_eq(coro_channel_destroy(channel), 0);
	ck_assert_int_eq(coro_queue_destroy(queue), 0);
	ck_assert_int_eq(coro_thread_queue_destroy(thread_queue), 0);
	close(pair[0]);
	close(pair[1]);
}

static const char *waiting(const struct coro_future *task)
{
	static char text[512];
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
	struct coro_future *task = start(waits[_i].fn, NULL);
	turn();
	ck_assert_str_eq(waiting(task), waits[_i].what);
	end_all();
	ck_assert_int_eq(coro_event_set(&event), 0); /* a shield lets no request in */
	turn();
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

/* ---- fds ---- */

START_TEST(an_fd_says_its_number_and_what_for)
{
	char expected[64];
	struct coro_future *task = start(reads, NULL);
	turn();
	snprintf(expected, sizeof(expected), "fd %d, to read", pair[0]);
	ck_assert_str_eq(waiting(task), expected);
	end_all();
	coro_future_unref(task);
}
END_TEST

static int accepts(void *fd)
{
	return coro_accept(*(int *)fd, NULL, NULL);
}

static int listen_on(const struct sockaddr *address, socklen_t length)
{
	int fd = new_socket(address->sa_family, SOCK_STREAM, O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, address, length), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

START_TEST(a_socket_says_its_peer_or_where_it_listens)
{
	char expected[96];
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int listener = listen_on((struct sockaddr *)&address, length);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	struct coro_future *acceptor = start(accepts, &listener);
	turn();
	snprintf(expected, sizeof(expected), "fd %d, to read, listening on 127.0.0.1:%d", listener,
		 ntohs(address.sin_port));
	ck_assert_str_eq(waiting(acceptor), expected);
	coro_cancel(acceptor);
	turn();

	close(pair[0]);
	pair[0] = new_socket(AF_INET, SOCK_STREAM, O_CLOEXEC);
	ck_assert_int_eq(connect(pair[0], (struct sockaddr *)&address, length), 0);
	struct coro_future *reader = start(reads, NULL);
	turn();
	snprintf(expected, sizeof(expected), "fd %d, to read, peer 127.0.0.1:%d", pair[0],
		 ntohs(address.sin_port));
	ck_assert_str_eq(waiting(reader), expected);
	end_all();
	close(listener);
	coro_future_unref(acceptor);
	coro_future_unref(reader);
}
END_TEST

START_TEST(a_unix_socket_says_its_name)
{
	char expected[160];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "coro-%d",
			 (int)getpid());
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	int listener = listen_on((struct sockaddr *)&address, length);
	struct coro_future *acceptor = start(accepts, &listener);
	turn();
	snprintf(expected, sizeof(expected), "fd %d, to read, listening on unix:@coro-%d", listener,
		 (int)getpid());
	ck_assert_str_eq(waiting(acceptor), expected);
	end_all();
	close(listener);
	coro_future_unref(acceptor);
}
END_TEST

/* ---- threads and children ---- */

static int calls_in_a_thread(void *gate)
{
	return coro_to_thread(passes, gate);
}

START_TEST(a_call_in_a_thread_says_so)
{
	struct gate gate = GATE;
	struct coro_future *task = start(calls_in_a_thread, &gate);
	ck_assert_str_eq(waiting(task), "a call in a thread");
	gate_open(&gate);
	run();
	assert_ended(task, 7);
}
END_TEST

struct shutdown {
	struct coro_executor *executor;
	struct gate gate;
};

static int shuts_down(void *arg)
{
	struct shutdown *shutdown = arg;
	struct coro_future *job;
	int r = coro_executor_submit(shutdown->executor, passes, &shutdown->gate, NULL, &job);
	if (r < 0)
		return r;
	r = coro_executor_shutdown(shutdown->executor, false);
	coro_future_unref(job);
	return r;
}

START_TEST(the_shutdown_of_an_executor_says_so)
{
	struct shutdown shutdown = {.gate = GATE};
	ck_assert_int_eq(coro_executor_create(NULL, &shutdown.executor), 0);
	struct coro_future *task = start(shuts_down, &shutdown);
	ck_assert_str_eq(waiting(task), "an executor, to shut down");
	gate_open(&shutdown.gate);
	run();
	assert_ended(task, 0);
	ck_assert_int_eq(coro_executor_destroy(shutdown.executor), 0);
}
END_TEST

static int runs_a_program(void *ret)
{
	char *program[] = {(char *)"sleep", (char *)"60", NULL};
	struct coro_process *process;
	int r = coro_process_spawn(program, NULL, &process);
	if (r < 0)
		return r;
	*(pid_t *)ret = coro_process_pid(process);
	r = coro_process_wait(process, NULL);
	coro_process_kill(process);
	coro_process_destroy(process);
	return r;
}

START_TEST(a_child_is_named_by_its_pid)
{
	char expected[64];
	pid_t pid = 0;
	struct coro_future *task = start(runs_a_program, &pid);
	turn();
	snprintf(expected, sizeof(expected), "the end of process %d", (int)pid);
	ck_assert_str_eq(waiting(task), expected);
	end_all();
	run();
	coro_future_unref(task);
}
END_TEST

/* ---- timeouts whose functions are gone ---- */

/* What a timeout leaves that was not ended, when its memory has been used for something else. */
static int leaves_something_else(void *arg)
{
	struct coro_timeout outer, inner;
	ck_assert_int_eq(coro_timeout_begin_site("here.c:1", &outer, 9 * CORO_SEC), 0);
	ck_assert_int_eq(coro_timeout_begin_site("here.c:2", &inner, 5 * CORO_SEC), 0);
	struct coro_timeout saved = inner;
	memset(&inner, 0xa5, sizeof(inner));
	int r = coro_event_wait(&event);
	inner = saved;
	return coro_timeout_end(&outer, coro_timeout_end(&inner, r));
}

START_TEST(what_has_become_of_a_timeout_left_open_does_no_harm)
{
	struct coro_future *task = start(leaves_something_else, NULL);
	turn();
	ck_assert_str_eq(waiting(task), "an event");
	ck_assert_int_eq(coro_event_set(&event), 0);
	run();
	assert_ended(task, 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, a_task_says_what_it_waits_in, 0,
			    sizeof(waits) / sizeof(waits[0]));
	tcase_add_test(tests, a_task_that_does_not_wait_says_so);
	tcase_add_test(tests, a_text_without_room_is_cut_and_its_length_returned);
	tcase_add_test(tests, an_fd_says_its_number_and_what_for);
	tcase_add_test(tests, a_socket_says_its_peer_or_where_it_listens);
	tcase_add_test(tests, a_unix_socket_says_its_name);
	tcase_add_test(tests, a_call_in_a_thread_says_so);
	tcase_add_test(tests, the_shutdown_of_an_executor_says_so);
	tcase_add_test(tests, a_child_is_named_by_its_pid);
	tcase_add_test(tests, what_has_become_of_a_timeout_left_open_does_no_harm);
}

TEST_MAIN("describe", add_tests)
