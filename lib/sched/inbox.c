/* SPDX-License-Identifier: MIT */
#include "sched/inbox.h"

#include "base/poll.h"
#include "base/system.h"
#include "coro/base.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

/* The value of `last` in a closed inbox. */
static struct message closed;

/* A call that has no reason to fail is made again so often. */
enum { TRIES = 16 };

/* How often a loop polls for messages that got no fd. */
#define POLL_AGAIN (10 * CORO_MSEC)

void inbox_init(struct inbox *inbox)
{
	*inbox = (struct inbox){.fd = -1, .wake = -1};
}

/* -- arrival */

int inbox_push(struct inbox *inbox, struct message *message)
{
	struct message *last = __atomic_load_n(&inbox->last, __ATOMIC_RELAXED);
	do {
		if (last == &closed)
			return -EPIPE;
		message->next = last;
	} while (!__atomic_compare_exchange_n(&inbox->last, &last, message, true, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	return 0;
}

/* Most calls find the loop awake: the exchange is made only if there is something to take. */
static bool take_flag(bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_SEQ_CST) &&
	       __atomic_exchange_n(flag, false, __ATOMIC_SEQ_CST);
}

static void write_count(int fd)
{
	const uint64_t one = 1;
	for (int tries = 0; write(fd, &one, sizeof(one)) < 0 && tries < TRIES;)
		tries += errno != EINTR;
}

/* Empties the fd: otherwise it would stay ready, and the loop awake. */
static void read_count(int fd)
{
	uint64_t count;
	for (int tries = 0; read(fd, &count, sizeof(count)) < 0 && tries < TRIES;)
		tries += errno != EINTR;
}

void inbox_wake(struct inbox *inbox)
{
	if (!take_flag(&inbox->waiting))
		return;
	/*
	 * The loop relies on the write now, so the thread is not cancelled before it. The caller
	 * may be a signal handler, and keeps its errno.
	 */
	int error = errno, state;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	write_count(inbox->wake);
	pthread_setcancelstate(state, NULL);
	errno = error;
}

/* Takes all messages, puts them behind those taken before, and leaves `instead` in their place. */
static void take(struct inbox *inbox, struct message *instead)
{
	struct message *message = __atomic_exchange_n(&inbox->last, instead, __ATOMIC_SEQ_CST);
	struct message *oldest = NULL, **end = &inbox->taken;
	while (message) {
		struct message *before = message->next;
		message->next = oldest;
		oldest = message;
		message = before;
	}
	while (*end)
		end = &(*end)->next;
	*end = oldest;
}

/* Takes the first message out; NULL if there is none. */
static struct message *pop(struct inbox *inbox)
{
	struct message *message = inbox->taken;
	if (message)
		inbox->taken = message->next;
	return message;
}

void inbox_run(struct inbox *inbox)
{
	struct message *message;
	if (inbox_empty(inbox))
		return;
	take(inbox, NULL);
	while (!inbox->frozen && (message = pop(inbox)))
		message->run(message);
}

void inbox_discard(struct inbox *inbox, struct message *message)
{
	take(inbox, NULL);
	for (struct message **at = &inbox->taken; *at; at = &(*at)->next) {
		if (*at == message) {
			*at = message->next;
			return;
		}
	}
}

void inbox_close(struct inbox *inbox)
{
	struct message *message;
	take(inbox, &closed);
	while ((message = pop(inbox)))
		message->drop(message);
	if (inbox->fd >= 0)
		close(inbox->fd);
	if (inbox->wake != inbox->fd)
		close(inbox->wake);
	inbox->fd = inbox->wake = -1;
}

/* -- sleep */

static __attribute__((noinline, cold)) int make_fd(struct inbox *inbox)
{
	int fds[2];
	int r = system_wakeup(fds);
	if (r < 0)
		return r;
	inbox->fd = fds[0];
	inbox->wake = fds[1];
	return inbox->fd;
}

int inbox_fd(struct inbox *inbox)
{
	return inbox->fd >= 0 ? inbox->fd : make_fd(inbox);
}

int64_t inbox_asleep(struct inbox *inbox, int64_t until, bool held)
{
	if (inbox_fd(inbox) < 0) {
		int64_t soon = coro_clock() + POLL_AGAIN;
		return !inbox_empty(inbox) ? 0 : until < soon ? until : soon;
	}
	/*
	 * A message that was pushed, or a hold that ended, before the flag is set is seen after it. A
	 * thread that does so later sees the flag.
	 */
	__atomic_store_n(&inbox->waiting, true, __ATOMIC_SEQ_CST);
	bool let_go = held && !inbox_held(inbox);
	return inbox_empty(inbox) && !let_go ? until : 0;
}

void inbox_awake(struct inbox *inbox)
{
	if (inbox->fd < 0 || __atomic_exchange_n(&inbox->waiting, false, __ATOMIC_SEQ_CST))
		return;
	read_count(inbox->fd);
}

int inbox_sleep(struct inbox *inbox, int64_t until, bool held)
{
	struct timespec left, *timeout = NULL;
	until = inbox_asleep(inbox, until, held);
	if (until != CORO_FOREVER) {
		int64_t ns = until > 0 ? until - coro_clock() : 0;
		if (ns < 0)
			ns = 0;
		left = system_timespec(ns);
		timeout = &left;
	}
	struct pollfd fd = {.fd = inbox->fd, .events = POLLIN};
	int r = poll_fds(&fd, 1, timeout) < 0 && errno != EINTR ? -errno : 0;
	if (r == 0 && fd.revents & POLLNVAL)
		r = -EBADF; /* the program closed it */
	inbox_awake(inbox);
	return r;
}
