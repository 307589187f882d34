/* SPDX-License-Identifier: MIT */
/* Locks with a time, locks for reading and writing, threads, message queues, several messages, copies. */
#include "posix/posix.h"

#include <mqueue.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>

int thrd_join(pthread_t thread, int *ret); /* a header here is <threads.h> */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static struct pair pair;

static struct timespec in_ms(clockid_t clock, int ms)
{
	struct timespec time;
	clock_gettime(clock, &time);
	int64_t ns = time.tv_sec * CORO_SEC + time.tv_nsec + ms * CORO_MSEC;
	return (struct timespec){.tv_sec = ns / CORO_SEC, .tv_nsec = ns % CORO_SEC};
}

/* ---- locks ---- */

static ssize_t locks_in_time(struct made *made)
{
	struct timespec time = in_ms(CLOCK_REALTIME, made->fd);
	int r = pthread_mutex_timedlock(&mutex, &time);
	return r == 0 ? pthread_mutex_unlock(&mutex) : r;
}

static ssize_t locks_in_time_of_a_clock(struct made *made)
{
	struct timespec time = in_ms(CLOCK_MONOTONIC, made->fd);
	int r = pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &time);
	return r == 0 ? pthread_mutex_unlock(&mutex) : r;
}

static ssize_t (*const timed[])(struct made *) = {locks_in_time, locks_in_time_of_a_clock};

START_TEST(a_mutex_is_waited_for_until_a_time)
{
	struct made made = {.call = timed[_i], .fd = 100000};
	pthread_mutex_lock(&mutex);
	struct coro_future *task = begin(&made);
	pthread_mutex_unlock(&mutex);
	finish(task, &made, 0);
	pthread_mutex_lock(&mutex);
	made.fd = 5000;
	task = begin(&made);
	finish(task, &made, ETIMEDOUT);
	ck_assert_int_ge(coro_loop_time(loop), CORO_SEC);
	made.fd = -50;
	make_at_once(&made);
	ck_assert_int_eq(made.result, ETIMEDOUT);
	pthread_mutex_unlock(&mutex);
	make_at_once(&made); /* free: the time does not matter */
	ck_assert_int_eq(made.result, 0);
}
END_TEST

static ssize_t locks_with_a_bad_time(struct made *made)
{
	struct timespec time = {.tv_nsec = -1};
	return pthread_mutex_timedlock(&mutex, &time);
}

START_TEST(a_bad_time_is_an_error)
{
	struct made made = {.call = locks_with_a_bad_time};
	pthread_mutex_lock(&mutex);
	make_at_once(&made);
	ck_assert_int_eq(made.result, EINVAL);
	pthread_mutex_unlock(&mutex);
}
END_TEST

static ssize_t reads_locked(struct made *made)
{
	char byte;
	int r = pthread_rwlock_rdlock(&rwlock);
	if (r == 0 && made->fd >= 0)
		r = read(made->fd, &byte, 1) == 1 ? 0 : errno;
	pthread_rwlock_unlock(&rwlock);
	return r;
}

static ssize_t writes_locked(struct made *made)
{
	char byte;
	int r = pthread_rwlock_wrlock(&rwlock);
	if (r == 0 && made->fd >= 0)
		r = read(made->fd, &byte, 1) == 1 ? 0 : errno;
	pthread_rwlock_unlock(&rwlock);
	return r;
}

START_TEST(readers_share_and_writers_exclude)
{
	struct made writer = {.call = writes_locked}, first = {.call = reads_locked},
		    second = {.call = reads_locked};
	struct pair another = make_pair(PIPE);
	pair = make_pair(PIPE);
	first.fd = second.fd = pair.from;
	struct coro_future *one = begin(&first), *other = begin(&second);
	writer.fd = another.from;
	struct coro_future *writing = begin(&writer);
	put(another.to, "x");
	for (int i = 0; i < 4; i++)
		turn();
	ck_assert(!coro_future_done(writing));
	put(pair.to, "xx");
	finish(one, &first, 0);
	finish(other, &second, 0);
	finish(writing, &writer, 0);
	/* The other way round: a writer has it. */
	writing = begin(&writer);
	first.fd = second.fd = -1;
	one = begin(&first);
	other = begin(&second);
	put(another.to, "x");
	finish(writing, &writer, 0);
	finish(one, &first, 0);
	finish(other, &second, 0);
	close_pair(pair);
	close_pair(another);
}
END_TEST

static ssize_t locks_for_reading_in_time(struct made *made)
{
	struct timespec time = in_ms(CLOCK_REALTIME, made->fd);
	int r = pthread_rwlock_timedrdlock(&rwlock, &time);
	return r == 0 ? pthread_rwlock_unlock(&rwlock) : r;
}

static ssize_t locks_for_writing_in_time(struct made *made)
{
	struct timespec time = in_ms(CLOCK_REALTIME, made->fd);
	int r = pthread_rwlock_timedwrlock(&rwlock, &time);
	return r == 0 ? pthread_rwlock_unlock(&rwlock) : r;
}

static ssize_t locks_for_writing_by_clock(struct made *made)
{
	struct timespec time = in_ms(CLOCK_MONOTONIC, made->fd);
	int r = pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &time);
	return r == 0 ? pthread_rwlock_unlock(&rwlock) : r;
}

static ssize_t (*const timed_rw[])(struct made *) = {
	locks_for_reading_in_time, locks_for_writing_in_time, locks_for_writing_by_clock};

/* Another thread has it, and gives it back by libc's own call too. */
static void *holds(void *arg)
{
	char byte;
	pthread_rwlock_wrlock(&rwlock);
	put(pair.to, "l");
	if (read(*(int *)arg, &byte, 1) != 1)
		abort();
	pthread_rwlock_unlock(&rwlock);
	return NULL;
}

START_TEST(a_lock_of_another_thread_is_waited_for_until_a_time)
{
	struct made made = {.call = timed_rw[_i], .fd = 5000};
	struct pair other = make_pair(PIPE);
	pthread_t thread;
	pair = make_pair(PIPE);
	pthread_create(&thread, NULL, holds, &other.from);
	expect(pair.from, "l");
	struct coro_future *task = begin(&made);
	finish(task, &made, ETIMEDOUT);
	made.fd = 100000;
	task = begin(&made);
	put(other.to, "x");
	pthread_join(thread, NULL);
	finish(task, &made, 0);
	close_pair(pair);
	close_pair(other);
}
END_TEST

START_TEST(a_cancelled_task_gets_its_lock)
{
	struct made writer = {.call = writes_locked}, reader = {.call = reads_locked, .fd = -1};
	pair = make_pair(PIPE);
	writer.fd = pair.from;
	struct coro_future *writing = begin(&writer), *reading = begin(&reader);
	cancel(reading);
	turn();
	turn();
	ck_assert(!coro_future_done(reading));
	put(pair.to, "x");
	finish(writing, &writer, 0);
	finish(reading, &reader, 0);
	close_pair(pair);
}
END_TEST

/* ---- threads ---- */

static pthread_t thread;

static void *reads_a_byte(void *arg)
{
	char byte;
	ssize_t n = read(pair.from, &byte, 1);
	return (void *)(intptr_t)(n == 1 ? byte : -1);
}

static ssize_t joins(struct made *made)
{
	void *result = NULL;
	int r = pthread_join(thread, &result);
	return r == 0 ? (ssize_t)(intptr_t)result : -r;
}

static ssize_t joins_as_in_c11(struct made *made)
{
	int result = 0;
	int r = thrd_join(thread, &result);
	return r == 0 ? result : -r;
}

static ssize_t (*const all_joins[])(struct made *) = {joins, joins_as_in_c11};

START_TEST(a_thread_is_waited_for)
{
	struct made made = {.call = all_joins[_i]};
	pair = make_pair(PIPE);
	pthread_create(&thread, NULL, reads_a_byte, NULL);
	struct coro_future *task = begin(&made);
	put(pair.to, "a");
	finish(task, &made, 'a');
	pthread_create(&thread, NULL, reads_a_byte, NULL);
	task = begin(&made);
	cancel(task); /* for its next wait */
	turn();
	turn();
	ck_assert(!coro_future_done(task));
	put(pair.to, "b");
	finish(task, &made, 'b');
	close_pair(pair);
}
END_TEST

static ssize_t joins_itself(struct made *made)
{
	return pthread_join(pthread_self(), NULL);
}

START_TEST(joining_oneself_is_an_error)
{
	struct made made = {.call = joins_itself};
	make_at_once(&made);
	ck_assert_int_eq(made.result, EDEADLK);
}
END_TEST

static pthread_barrier_t barrier;

static ssize_t arrives(struct made *made)
{
	return pthread_barrier_wait(&barrier);
}

START_TEST(tasks_meet_at_a_barrier)
{
	struct made first = {.call = arrives}, second = {.call = arrives};
	pthread_barrier_init(&barrier, NULL, 2);
	struct coro_future *one = begin(&first), *other = spawn(makes, &second);
	ck_assert_int_eq(coro_run_until_complete(loop, one, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, other, NULL), 0);
	coro_future_unref(one);
	coro_future_unref(other);
	ck_assert_int_eq(first.result + second.result, PTHREAD_BARRIER_SERIAL_THREAD);
	run(); /* until their threads have gone */
	pthread_barrier_destroy(&barrier);
}
END_TEST

/* ---- message queues ---- */

static mqd_t queue;

static void open_queue(void)
{
	char name[40];
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 10};
	snprintf(name, sizeof(name), "/coro-posix-%d", (int)getpid());
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
	if (queue < 0)
		skip_test("there are no message queues");
	mq_unlink(name);
}

static ssize_t receives_message(struct made *made)
{
	return mq_receive(queue, made->bytes, 20, NULL);
}

static ssize_t receives_message_in_time(struct made *made)
{
	struct timespec time = in_ms(CLOCK_REALTIME, made->fd);
	return mq_timedreceive(queue, made->bytes, 20, NULL, &time);
}

static ssize_t sends_message(struct made *made)
{
	return mq_send(queue, "words", 5, 0);
}

static ssize_t sends_message_in_time(struct made *made)
{
	struct timespec time = in_ms(CLOCK_REALTIME, made->fd);
	return mq_timedsend(queue, "words", 5, 0, &time);
}

static int closes_queue(void *arg)
{
	return mq_close(queue);
}

START_TEST(messages_and_room_are_waited_for)
{
	char bytes[20];
	struct made receives = {.call = _i ? receives_message_in_time : receives_message,
				.fd = 100000},
		    sends = {.call = _i ? sends_message_in_time : sends_message, .fd = 100000};
	open_queue();
	struct coro_future *task = begin(&receives);
	ck_assert_int_eq(mq_send(queue, "other", 5, 0), 0);
	finish(task, &receives, 5);
	ck_assert_int_eq(memcmp(receives.bytes, "other", 5), 0);
	make_at_once(&sends);
	ck_assert_int_eq(sends.result, 0);
	task = begin(&sends);
	ck_assert_int_eq(mq_receive(queue, bytes, sizeof(bytes), NULL), 5);
	finish(task, &sends, 0);
	task = begin(&sends);
	cancel(task);
	finish_failed(task, &sends, ECANCELED);
	make_at_once(&receives);
	ck_assert_int_eq(receives.result, 5);
	task = begin(&receives);
	cancel(task);
	finish_failed(task, &receives, ECANCELED);
	if (_i) {
		receives.fd = 5000;
		finish_failed(begin(&receives), &receives, ETIMEDOUT);
		receives.fd = -20;
		make_at_once(&receives);
		ck_assert_int_eq(receives.error, ETIMEDOUT);
	}
	receives.fd = 100000;
	task = begin(&receives);
	ck_assert_int_eq(result_of(closes_queue, NULL), 0);
	finish_failed(task, &receives, EBADF);
}
END_TEST

/* ---- several messages at once ---- */

static ssize_t receives_several(struct made *made)
{
	struct iovec vecs[3];
	struct mmsghdr messages[3] = {0};
	for (int i = 0; i < 3; i++) {
		vecs[i] = (struct iovec){made->bytes + i * 10, 10};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &vecs[i], .msg_iovlen = 1};
	}
	int n = recvmmsg(made->fd, messages, 3, MSG_WAITFORONE, NULL);
	return n == 2 && messages[0].msg_len == 3 && messages[1].msg_len == 4 ? 0 : -1 - n;
}

START_TEST(the_first_of_several_messages_is_waited_for)
{
	int fds[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	struct made made = {.call = receives_several, .fd = fds[0]};
	struct coro_future *task = begin(&made);
	put(fds[1], "one");
	put(fds[1], "four");
	finish(task, &made, 0);
	ck_assert_int_eq(memcmp(made.bytes, "one", 3), 0);
	ck_assert_int_eq(memcmp(made.bytes + 10, "four", 4), 0);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static ssize_t sends_several(struct made *made)
{
	struct iovec vec = {"word", 4};
	struct mmsghdr messages[600] = {0};
	for (int i = 0; i < 600; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &vec, .msg_iovlen = 1};
	return sendmmsg(made->fd, messages, 600, 0);
}

START_TEST(room_for_each_of_several_messages_is_waited_for)
{
	int fds[2], count = 0;
	char bytes[10];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	struct made made = {.call = sends_several, .fd = fds[0]};
	struct coro_future *task = begin(&made);
	while (!coro_future_done(task)) {
		turn();
		while (recv(fds[1], bytes, sizeof(bytes), MSG_DONTWAIT) == 4)
			count++;
	}
	finish(task, &made, 600);
	while (recv(fds[1], bytes, sizeof(bytes), MSG_DONTWAIT) == 4)
		count++;
	ck_assert_int_eq(count, 600);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* ---- copies ---- */

static int file;

static ssize_t sends_a_file(struct made *made)
{
	off_t offset = 0;
	size_t done = 0;
	while (done < 300000) {
		ssize_t n = sendfile(pair.to, file, &offset, 300000 - done);
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return offset;
}

START_TEST(a_file_is_sent_as_there_is_room)
{
	struct made made = {.call = sends_a_file};
	char path[] = "/tmp/coro-posix-XXXXXX", bytes[5000];
	file = mkstemp(path);
	unlink(path);
	ck_assert_int_eq(ftruncate(file, 300000), 0);
	pair = make_pair(UNIX);
	struct coro_future *task = begin(&made);
	size_t done = 0;
	while (!coro_future_done(task)) {
		turn();
		ssize_t n;
		while ((n = recv(pair.from, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
			done += (size_t)n;
	}
	finish(task, &made, 300000);
	ck_assert_uint_le(done, 300000);
	close(file);
	close_pair(pair);
}
END_TEST

static struct pair sink;

static ssize_t splices(struct made *made)
{
	return splice(pair.from, NULL, sink.to, NULL, 100, 0);
}

START_TEST(splice_waits_for_bytes)
{
	struct made made = {.call = splices};
	pair = make_pair(PIPE);
	sink = make_pair(UNIX);
	struct coro_future *task = begin(&made);
	put(pair.to, "words");
	finish(task, &made, 5);
	expect(sink.from, "words");
	close_pair(pair);
	close_pair(sink);
}
END_TEST

/* ---- the rest ---- */

static ssize_t waits_for_epoll(struct made *made)
{
	struct epoll_event event;
	struct timespec time = {.tv_nsec = 500000000};
	return epoll_pwait2(made->fd, &event, 1, &time, NULL);
}

START_TEST(an_epoll_is_waited_for_by_the_nanosecond)
{
	struct made made = {.call = waits_for_epoll, .fd = epoll_create1(EPOLL_CLOEXEC)};
	struct epoll_event event = {.events = EPOLLIN};
	pair = make_pair(PIPE);
	epoll_ctl(made.fd, EPOLL_CTL_ADD, pair.from, &event);
	struct coro_future *task = begin(&made);
	put(pair.to, "x");
	finish(task, &made, 1);
	expect(pair.from, "x");
	finish(begin(&made), &made, 0);
	assert_time(500 * CORO_MSEC);
	close(made.fd);
	close_pair(pair);
}
END_TEST

static void handle(int number)
{
}

static ssize_t suspends(struct made *made)
{
	sigset_t mask;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	if (made->fd)
		sigdelset(&mask, SIGUSR2);
	return sigsuspend(&mask);
}

START_TEST(a_handler_ends_sigsuspend)
{
	struct made made = {.call = suspends, .fd = _i};
	sigset_t set;
	signal(SIGUSR2, handle);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(_i ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
	struct coro_future *task = begin(&made);
	kill(getpid(), SIGUSR2);
	finish_failed(task, &made, EINTR);
}
END_TEST

static void setup(void)
{
	setup_after(suspends);
}

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, fds_teardown);
	tcase_add_loop_test(tests, a_mutex_is_waited_for_until_a_time, 0, 2);
	tcase_add_test(tests, a_bad_time_is_an_error);
	tcase_add_test(tests, readers_share_and_writers_exclude);
	tcase_add_loop_test(tests, a_lock_of_another_thread_is_waited_for_until_a_time, 0, 3);
	tcase_add_test(tests, a_cancelled_task_gets_its_lock);
	tcase_add_loop_test(tests, a_thread_is_waited_for, 0, 2);
	tcase_add_test(tests, joining_oneself_is_an_error);
	tcase_add_test(tests, tasks_meet_at_a_barrier);
	tcase_add_loop_test(tests, messages_and_room_are_waited_for, 0, 2);
	tcase_add_test(tests, the_first_of_several_messages_is_waited_for);
	tcase_add_test(tests, room_for_each_of_several_messages_is_waited_for);
	tcase_add_test(tests, a_file_is_sent_as_there_is_room);
	tcase_add_test(tests, splice_waits_for_bytes);
	tcase_add_test(tests, an_epoll_is_waited_for_by_the_nanosecond);
	tcase_add_loop_test(tests, a_handler_ends_sigsuspend, 0, 2);
}

TEST_MAIN("posix waits", add)
