/* SPDX-License-Identifier: MIT */
/* Message queues and semaphores of System V. */
#include "posix/posix.h"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>

enum { MESSAGE = 8 };

static int queue, semaphores;

static void setup(void)
{
	struct msqid_ds info;
	fds_setup();
	queue = msgget(IPC_PRIVATE, 0600);
	semaphores = semget(IPC_PRIVATE, 2, 0600);
	if (queue < 0 || semaphores < 0)
		return;
	ck_assert_int_eq(msgctl(queue, IPC_STAT, &info), 0);
	info.msg_qbytes = MESSAGE; /* room for one */
	ck_assert_int_eq(msgctl(queue, IPC_SET, &info), 0);
}

static void teardown(void)
{
	msgctl(queue, IPC_RMID, NULL);
	semctl(semaphores, 0, IPC_RMID);
	fds_teardown();
}

static void needs_both(void)
{
	if (queue < 0 || semaphores < 0)
		skip_test("there is no IPC of System V");
}

/* ---- messages ---- */

struct message {
	long type;
	char text[MESSAGE];
};

static int flags;

static ssize_t receives(struct made *made)
{
	struct message message = {0};
	ssize_t n = msgrcv(queue, &message, MESSAGE, made->fd, flags);
	memcpy(made->bytes, message.text, MESSAGE);
	return n;
}

static ssize_t sends(struct made *made)
{
	struct message message = {.type = made->fd};
	memcpy(message.text, made->bytes, MESSAGE);
	return msgsnd(queue, &message, MESSAGE, flags);
}

static void send_plainly(long type, const char *text)
{
	struct message message = {.type = type};
	memcpy(message.text, text, MESSAGE);
	ck_assert_int_eq(msgsnd(queue, &message, MESSAGE, IPC_NOWAIT), 0);
}

static void expect_plainly(const char *text)
{
	struct message message;
	ck_assert_int_eq(msgrcv(queue, &message, MESSAGE, 0, IPC_NOWAIT), MESSAGE);
	ck_assert_int_eq(memcmp(message.text, text, MESSAGE), 0);
}

START_TEST(the_names_are_ours)
{
	if (SANITIZED)
		skip_test("a sanitizer's own come first, and call ours");
	assert_ours("msgrcv");
	assert_ours("msgsnd");
	assert_ours("semop");
	assert_ours("semtimedop");
}
END_TEST

START_TEST(a_message_is_waited_for)
{
	struct made made = {.call = receives};
	needs_both();
	struct coro_future *task = begin(&made);
	send_plainly(1, "message");
	finish(task, &made, MESSAGE);
	ck_assert_str_eq(made.bytes, "message");
	ck_assert_int_lt(coro_loop_time(loop), CORO_MSEC); /* it was woken */
	send_plainly(1, "another");
	make_at_once(&made);
	ck_assert_str_eq(made.bytes, "another");
}
END_TEST

START_TEST(room_is_waited_for)
{
	struct made made = {.call = sends, .fd = 1, .bytes = "message"};
	needs_both();
	make_at_once(&made);
	ck_assert_int_eq(made.result, 0);
	memcpy(made.bytes, "another", MESSAGE);
	struct coro_future *task = begin(&made);
	expect_plainly("message");
	finish(task, &made, 0);
	expect_plainly("another");
}
END_TEST

START_TEST(tasks_send_to_each_other)
{
	struct made first = {.call = receives, .fd = 2}, second = {.call = receives, .fd = 3},
		    sender = {.call = sends, .fd = 3, .bytes = "three"};
	needs_both();
	struct coro_future *two = begin(&first), *three = begin(&second);
	make_at_once(&sender);
	finish(three, &second, MESSAGE);
	ck_assert_str_eq(second.bytes, "three");
	ck_assert(!coro_future_done(two));
	sender.fd = 2;
	make_at_once(&sender);
	finish(two, &first, MESSAGE);
	ck_assert_int_lt(coro_loop_time(loop), CORO_SEC);
}
END_TEST

/* By the system's own call, as other processes make it: it is found a little later. */
START_TEST(what_others_send_is_found)
{
	struct made made = {.call = receives};
	struct message message = {.type = 1, .text = "message"};
	needs_both();
	struct coro_future *task = begin(&made);
	ck_assert_int_eq(syscall(SYS_msgsnd, queue, &message, MESSAGE, 0), 0);
	finish(task, &made, MESSAGE);
	ck_assert_str_eq(made.bytes, "message");
	ck_assert_int_ge(coro_loop_time(loop), CORO_MSEC);
}
END_TEST

START_TEST(who_must_not_wait_does_not)
{
	struct made made = {.call = receives};
	needs_both();
	flags = IPC_NOWAIT;
	make_at_once(&made);
	ck_assert_int_eq(made.error, ENOMSG);
	send_plainly(1, "message");
	made.call = sends;
	made.fd = 1;
	make_at_once(&made);
	ck_assert_int_eq(made.error, EAGAIN);
	flags = 0;
	made.fd = -1;
	make_at_once(&made);
	ck_assert_int_eq(made.error, EINVAL); /* there is no such type */
}
END_TEST

/* ---- semaphores ---- */

/* The first is made->fd higher or lower, or 0; with the second for made->bytes[0]. */
static ssize_t operates(struct made *made)
{
	struct sembuf operations[] = {{.sem_num = 0, .sem_op = (short)made->fd},
				      {.sem_num = 1, .sem_op = (signed char)made->bytes[0]}};
	return semop(semaphores, operations, made->bytes[0] ? 2 : 1);
}

static void operate(unsigned short which, short by)
{
	struct sembuf operation = {.sem_num = which, .sem_op = by, .sem_flg = IPC_NOWAIT};
	ck_assert_int_eq(semop(semaphores, &operation, 1), 0);
}

static int value(int which)
{
	return semctl(semaphores, which, GETVAL);
}

START_TEST(a_semaphore_is_waited_for)
{
	struct made made = {.call = operates, .fd = -2};
	needs_both();
	struct coro_future *task = begin(&made);
	operate(0, 1);
	for (int i = 0; i < 3; i++)
		turn();
	ck_assert(!coro_future_done(task));
	operate(0, 2);
	finish(task, &made, 0);
	ck_assert_int_eq(value(0), 1);
	made.fd = -1;
	make_at_once(&made);
	ck_assert_int_eq(made.result, 0);
}
END_TEST

START_TEST(zero_is_waited_for)
{
	struct made made = {.call = operates};
	needs_both();
	operate(0, 1);
	struct coro_future *task = begin(&made);
	operate(0, -1);
	finish(task, &made, 0);
}
END_TEST

START_TEST(several_are_taken_together)
{
	struct made made = {.call = operates, .fd = -1, .bytes = {-1}};
	needs_both();
	struct coro_future *task = begin(&made);
	operate(1, 1);
	for (int i = 0; i < 3; i++)
		turn();
	ck_assert_int_eq(value(1), 1);
	operate(0, 1);
	finish(task, &made, 0);
	ck_assert_int_eq(value(0) + value(1), 0);
}
END_TEST

static ssize_t operates_many_times(struct made *made)
{
	struct sembuf operations[20];
	for (int i = 0; i < 20; i++)
		operations[i] = (struct sembuf){.sem_op = -1};
	return semop(semaphores, operations, 20);
}

START_TEST(many_operations_are_made_together)
{
	struct made made = {.call = operates_many_times};
	needs_both();
	operate(0, 19);
	struct coro_future *task = begin(&made);
	operate(0, 1);
	finish(task, &made, 0);
	ck_assert_int_eq(value(0), 0);
}
END_TEST

static struct timespec timeout;

static ssize_t operates_in_time(struct made *made)
{
	struct sembuf operation = {.sem_op = -1, .sem_flg = (short)made->fd};
	return semtimedop(semaphores, &operation, 1, made->fd == SEM_UNDO ? NULL : &timeout);
}

START_TEST(a_time_ends_the_wait)
{
	struct made made = {.call = operates_in_time};
	needs_both();
	timeout = (struct timespec){.tv_sec = 5};
	finish_failed(begin(&made), &made, EAGAIN);
	ck_assert_int_ge(coro_loop_time(loop), 5 * CORO_SEC);
	struct coro_future *task = begin(&made);
	operate(0, 1);
	finish(task, &made, 0);
	timeout.tv_nsec = -1;
	make_at_once(&made);
	ck_assert_int_eq(made.error, EINVAL);
	timeout = (struct timespec){0};
	make_at_once(&made);
	ck_assert_int_eq(made.error, EAGAIN);
	made.fd = IPC_NOWAIT;
	make_at_once(&made);
	ck_assert_int_eq(made.error, EAGAIN);
	made.fd = SEM_UNDO; /* without a time */
	task = begin(&made);
	operate(0, 1);
	finish(task, &made, 0);
}
END_TEST

/* ---- what disturbs them ---- */

static ssize_t takes_one(struct made *made)
{
	made->fd = -1;
	return operates(made);
}

static ssize_t (*const waits[])(struct made *) = {receives, sends, takes_one};

/* So that each of them waits. */
static struct coro_future *begin_to_wait(struct made *made, int which)
{
	*made = (struct made){.call = waits[which], .fd = which, .bytes = "message"};
	made->bytes[0] = which == 2 ? 0 : 'm';
	if (which == 1)
		send_plainly(1, "another");
	return begin(made);
}

START_TEST(a_cancellation_ends_the_wait)
{
	struct made made;
	needs_both();
	struct coro_future *task = begin_to_wait(&made, _i);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	if (_i == 1)
		expect_plainly("another");
	else
		send_plainly(1, "message"); /* nobody takes it */
	operate(0, 1);
	run();
	ck_assert_int_eq(value(0), 1);
	struct msqid_ds info;
	ck_assert_int_eq(msgctl(queue, IPC_STAT, &info), 0);
	ck_assert_int_eq(info.msg_qnum, _i == 1 ? 0 : 1);
}
END_TEST

START_TEST(what_is_removed_ends_the_wait)
{
	struct made made;
	needs_both();
	struct coro_future *task = begin_to_wait(&made, _i);
	msgctl(queue, IPC_RMID, NULL);
	semctl(semaphores, 0, IPC_RMID);
	finish_failed(task, &made, EIDRM);
	make_at_once(&made);
	ck_assert_int_eq(made.error, EINVAL);
}
END_TEST

static void handle(int number)
{
}

static void raise_one(void *arg)
{
	raise(SIGUSR1);
}

START_TEST(handlers_interrupt_them)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = _i < 3 ? SA_RESTART : 0};
	struct made made;
	needs_both();
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	struct coro_future *task = begin_to_wait(&made, _i % 3);
	ck_assert_int_eq(coro_call_soon(loop, raise_one, NULL, NULL), 0);
	finish_failed(task, &made, EINTR);
}
END_TEST

/* Another thread, which blocks as the C library has it, and wakes tasks. */
static void *receives_and_sends(void *arg)
{
	struct message message;
	struct sembuf take = {.sem_op = -1};
	if (semop(semaphores, &take, 1) < 0 || msgrcv(queue, &message, MESSAGE, 2, 0) < 0)
		return NULL;
	message.type = 3;
	return msgsnd(queue, &message, MESSAGE, 0) == 0 ? arg : NULL;
}

START_TEST(threads_and_tasks_meet)
{
	pthread_t thread;
	void *result;
	struct made made = {.call = receives, .fd = 3}, sender = {.call = sends, .fd = 2},
		    poster = {.call = operates, .fd = 1};
	needs_both();
	ck_assert_int_eq(pthread_create(&thread, NULL, receives_and_sends, &made), 0);
	struct coro_future *task = begin(&made);
	make(&poster);
	make(&sender);
	finish(task, &made, MESSAGE);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_eq(result, &made);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_names_are_ours);
	tcase_add_test(tests, a_message_is_waited_for);
	tcase_add_test(tests, room_is_waited_for);
	tcase_add_test(tests, tasks_send_to_each_other);
	tcase_add_test(tests, what_others_send_is_found);
	tcase_add_test(tests, who_must_not_wait_does_not);
	tcase_add_test(tests, a_semaphore_is_waited_for);
	tcase_add_test(tests, zero_is_waited_for);
	tcase_add_test(tests, several_are_taken_together);
	tcase_add_test(tests, many_operations_are_made_together);
	tcase_add_test(tests, a_time_ends_the_wait);
	tcase_add_loop_test(tests, a_cancellation_ends_the_wait, 0, 3);
	tcase_add_loop_test(tests, what_is_removed_ends_the_wait, 0, 3);
	tcase_add_loop_test(tests, handlers_interrupt_them, 0, 6);
	tcase_add_test(tests, threads_and_tasks_meet);
}

TEST_MAIN("posix ipc", add)
