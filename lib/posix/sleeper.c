/* SPDX-License-Identifier: MIT */
#include "posix/sleeper.h"

#include "coro/loop.h"
#include "coro/timeout.h"

#include <pthread.h>
#include <stdlib.h>

/* The table has a reference while it is in line, the task one until it leaves, and each message one. */
struct sleeper {
	struct sleeper *next;
	const void *address;
	struct coro_loop *loop;
	struct coro_future *future; /* the loop's; NULL once the task has left */
	pthread_t thread;
	bool holds;          /* the loop is held until the task leaves */
	bool in_line, woken; /* the line's */
	unsigned refs;       /* atomic */
};

enum { LINES = 64 };

static struct line {
	pthread_mutex_t mutex;
	struct sleeper *first;
} lines[LINES] = {[0 ... LINES - 1] = {.mutex = PTHREAD_MUTEX_INITIALIZER}};

unsigned sleepers_waiting;

static struct line *line_of(const void *address)
{
	uintptr_t number = (uintptr_t)address;
	return &lines[(number >> 4 ^ number >> 12) % LINES];
}

static void unref(struct sleeper *sleeper)
{
	if (__atomic_sub_fetch(&sleeper->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(sleeper);
}

/*
 * While it is held, a loop does not end because it has nothing to wait for. But virtual time stands
 * still then, and the task that is to wake this one may sleep.
 */
static bool is_virtual(const struct coro_loop *loop)
{
	int64_t ahead = coro_loop_time(loop) - coro_clock();
	return ahead > CORO_SEC || ahead < -CORO_SEC;
}

struct sleeper *sleeper_begin(const void *address, bool by_thread)
{
	struct sleeper *sleeper = malloc(sizeof(*sleeper));
	if (!sleeper)
		return NULL;
	*sleeper = (struct sleeper){
		.address = address,
		.loop = coro_running_loop(),
		.thread = pthread_self(),
		.refs = 1,
		.in_line = true,
	};
	if (coro_future_create(sleeper->loop, &sleeper->future) < 0) {
		free(sleeper);
		return NULL;
	}
	sleeper->holds =
		(by_thread || !is_virtual(sleeper->loop)) && coro_loop_hold(sleeper->loop) == 0;
	struct line *line = line_of(address);
	libc()->pthread_mutex_lock(&line->mutex);
	struct sleeper **last = &line->first;
	while (*last)
		last = &(*last)->next;
	*last = sleeper;
	__atomic_add_fetch(&sleepers_waiting, 1, __ATOMIC_SEQ_CST);
	libc()->pthread_mutex_unlock(&line->mutex);
	return sleeper;
}

int sleeper_wait(struct sleeper *sleeper, int64_t length)
{
	struct coro_timeout timeout;
	if (length == CORO_FOREVER)
		return coro_await(sleeper->future, NULL);
	int r = coro_timeout_begin(&timeout, length);
	return r < 0 ? r : coro_timeout_end(&timeout, coro_await(sleeper->future, NULL));
}

/* Takes it out of its line, whose mutex is held. */
static void remove_from(struct line *line, struct sleeper *sleeper)
{
	struct sleeper **at = &line->first;
	while (*at != sleeper)
		at = &(*at)->next;
	*at = sleeper->next;
	sleeper->in_line = false;
	__atomic_sub_fetch(&sleepers_waiting, 1, __ATOMIC_SEQ_CST);
}

void sleeper_end(struct sleeper *sleeper, bool used)
{
	struct line *line = line_of(sleeper->address);
	libc()->pthread_mutex_lock(&line->mutex);
	if (sleeper->in_line)
		remove_from(line, sleeper);
	bool pass_on = sleeper->woken && !used;
	libc()->pthread_mutex_unlock(&line->mutex);
	if (pass_on)
		sleepers_wake(sleeper->address, false);
	coro_future_unref(sleeper->future);
	sleeper->future = NULL;
	if (sleeper->holds)
		coro_loop_release(sleeper->loop);
	unref(sleeper);
}

/* In the loop's thread. */
static void wake_task(struct sleeper *sleeper)
{
	if (sleeper->future && coro_future_set_result(sleeper->future, NULL) < 0)
		return; /* the task was cancelled */
}

static void receive(void *arg)
{
	wake_task(arg);
	unref(arg);
}

static void send_to(struct sleeper *sleeper)
{
	struct timespec pause = {.tv_nsec = 1000000};
	struct coro_loop *loop = sleeper->loop; /* its task may be faster, and free it */
	int r;
	while ((r = coro_call_soon_threadsafe(loop, receive, sleeper)) == -ENOMEM)
		libc()->nanosleep(&pause, NULL);
	coro_loop_release(loop);
	if (r < 0)
		unref(sleeper); /* the loop is closed */
}

static bool is_own(const struct sleeper *sleeper)
{
	return pthread_equal(sleeper->thread, pthread_self()) &&
	       coro_running_loop() == sleeper->loop;
}

/* It cannot fail: the loop exists, and belongs to this process. */
static void sleeper_hold(struct sleeper *sleeper)
{
	int r = coro_loop_hold(sleeper->loop);
	(void)r;
}

/*
 * Takes the first for an address out of line, with a reference, and one to its loop if that is another
 * thread's: until the task has left the line, both exist. NULL for none.
 */
static struct sleeper *take_first(struct line *line, const void *address)
{
	for (struct sleeper *sleeper = line->first; sleeper; sleeper = sleeper->next) {
		if (sleeper->address != address)
			continue;
		remove_from(line, sleeper);
		sleeper->woken = true;
		__atomic_add_fetch(&sleeper->refs, 1, __ATOMIC_RELAXED);
		if (!is_own(sleeper))
			sleeper_hold(sleeper);
		return sleeper;
	}
	return NULL;
}

void sleepers_wake_slow(const void *address, bool all)
{
	int before = errno;
	struct line *line = line_of(address);
	struct sleeper *sleeper;
	do {
		libc()->pthread_mutex_lock(&line->mutex);
		sleeper = take_first(line, address);
		libc()->pthread_mutex_unlock(&line->mutex);
		if (!sleeper)
			break;
		if (is_own(sleeper)) {
			wake_task(sleeper);
			unref(sleeper);
		} else {
			send_to(sleeper);
		}
	} while (all);
	errno = before;
}
