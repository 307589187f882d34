/* SPDX-License-Identifier: MIT */
#include "coro/signal.h"

#include "base/memory.h"
#include "core/fail.h"
#include "io/transfer.h"
#include "loop/loop.h"
#include "loop/signal_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What a loop does on a signal. */
struct interest {
	struct signal_source source;
	struct call call;  /* of the handler */
	coro_callback *fn; /* NULL: the signal is kept for tasks that wait for it */
	void *arg;
	bool handled; /* it has a handler, or is kept */
	unsigned due; /* calls of the handler that are to be made */
	unsigned kept;
	unsigned users; /* the handler and each wait; while > 0 the source is added */
};

/* The signals of a loop, made at the first use. */
struct signals {
	struct extension extension;
	struct coro_loop *loop;
	struct list waits; /* in the order they came */
	struct interest of[NSIG];
};

/* A task that waits for signals. */
struct signal_wait {
	struct waiter waiter;
	struct signals *signals;
	const sigset_t *set;
	int got; /* the signal; 0 for none yet */
	struct cleanup cleanup;
};

/* -- arrival, in the loop */

/* Wakes all tasks that wait for the signal. Returns whether there was one. */
static bool wake_waiting(struct signals *signals, int signum)
{
	bool told = false;
	list_for_each(link, &signals->waits) {
		struct waiter *waiter = container_of(link, struct waiter, link);
		struct signal_wait *wait = container_of(waiter, struct signal_wait, waiter);
		if (waiter->state != WAITER_PENDING || sigismember(wait->set, signum) != 1)
			continue;
		wait->got = signum;
		waiter_wake(waiter);
		told = true;
	}
	return told;
}

static void run_handler(struct call *call)
{
	struct interest *interest = container_of(call, struct interest, call);
	while (interest->due > 0 && interest->fn) {
		interest->due--;
		interest->fn(interest->arg);
	}
	interest->kept += interest->due; /* the handler was removed meanwhile */
	interest->due = 0;
}

static void arrive(struct message *message)
{
	struct signal_source *source = container_of(message, struct signal_source, message);
	struct interest *interest = container_of(source, struct interest, source);
	struct signals *signals = container_of(interest - source->signum, struct signals, of[0]);
	for (unsigned count = signal_source_take(source); count > 0; count--) {
		bool told = wake_waiting(signals, source->signum);
		if (interest->fn)
			interest->due++;
		else if (interest->handled && !told)
			interest->kept++;
	}
	if (interest->due > 0 && interest->call.position == CALL_IDLE)
		call_push(sched_of(signals->loop), &interest->call);
}

/* -- interest */

static int interest_add(struct interest *interest)
{
	if (interest->users == 0) {
		int r = signal_source_add(&interest->source);
		if (r < 0)
			return r;
		sched_of(interest->source.loop)->listening++;
	}
	interest->users++;
	return 0;
}

static void interest_remove(struct interest *interest)
{
	if (--interest->users > 0)
		return;
	sched_of(interest->source.loop)->listening--;
	signal_source_remove(&interest->source);
}

static void signals_close(struct extension *extension, struct coro_loop *loop)
{
	struct signals *signals = container_of(extension, struct signals, extension);
	(void)loop;
	for (int signum = 1; signum < NSIG; signum++)
		if (signals->of[signum].users > 0)
			signal_source_remove(&signals->of[signum].source);
	free(signals);
}

static int signals_create(struct coro_loop *loop, struct signals **ret)
{
	struct signals *signals = memory_alloc_zeroed(1, sizeof(*signals));
	if (!signals)
		return fail_code(-ENOMEM);
	signals->extension.close = signals_close;
	signals->loop = loop;
	list_init(&signals->waits);
	for (int signum = 1; signum < NSIG; signum++) {
		struct interest *interest = &signals->of[signum];
		interest->call = (struct call){.run = run_handler, .position = CALL_IDLE};
		interest->source.loop = loop;
		interest->source.signum = signum;
		interest->source.message.run = arrive;
	}
	loop->extensions[EXTENSION_SIGNALS] = &signals->extension;
	*ret = signals;
	return 0;
}

/* NULL if the loop has never used a signal. */
static struct signals *signals_made(struct coro_loop *loop)
{
	struct extension *extension = loop->extensions[EXTENSION_SIGNALS];
	return extension ? container_of(extension, struct signals, extension) : NULL;
}

static int signals_of(struct coro_loop *loop, struct signals **ret)
{
	struct signals *signals = signals_made(loop);
	if (!signals)
		return signals_create(loop, ret);
	*ret = signals;
	return 0;
}

/* -- handlers */

static int handler_add(struct interest *interest)
{
	struct coro_loop *loop = interest->source.loop;
	struct sched *sched = sched_of(loop);
	int r = sched_reserve(sched, 0, 1);
	if (r < 0)
		return r;
	r = interest_add(interest);
	if (r < 0) {
		sched_release(sched, 0, 1);
		return r;
	}
	interest->handled = true;
	return 0;
}

int coro_loop_add_signal_handler(struct coro_loop *loop, int signum, coro_callback *fn, void *arg)
{
	struct signals *signals;
	int r = sched_check(sched_of(loop));
	if (r < 0)
		return r;
	if (signum <= 0 || signum >= NSIG)
		return fail_with(
			-EINVAL,
			"coro_loop_add_signal_handler: an argument is NULL or out of range");
	r = signals_of(loop, &signals);
	if (r < 0)
		return r;
	struct interest *interest = &signals->of[signum];
	r = interest->handled ? 0 : handler_add(interest);
	if (r < 0)
		return r;
	interest->fn = fn;
	interest->arg = arg;
	return 0;
}

int coro_loop_remove_signal_handler(struct coro_loop *loop, int signum)
{
	struct sched *sched = sched_of(loop);
	int r = sched_check(sched);
	if (r < 0)
		return r;
	struct signals *signals = signals_made(loop);
	if (!signals || signum <= 0 || signum >= NSIG || !signals->of[signum].handled)
		return 0;
	struct interest *interest = &signals->of[signum];
	interest->handled = false;
	interest->fn = NULL;
	interest->due = interest->kept = 0;
	call_remove(sched, &interest->call);
	sched_release(sched, 0, 1);
	interest_remove(interest);
	return 1;
}

/* -- waiting */

/* Takes the kept signal with the lowest number. 0 for none. */
static int take_kept(struct signals *signals, const sigset_t *set)
{
	for (int signum = 1; signum < NSIG; signum++) {
		struct interest *interest = &signals->of[signum];
		if (interest->kept > 0 && sigismember(set, signum) == 1) {
			interest->kept--;
			return signum;
		}
	}
	return 0;
}

/* Removes the wait's interests in signals below `end`. */
static void remove_interests(struct signal_wait *wait, int end)
{
	for (int signum = 1; signum < end; signum++)
		if (sigismember(wait->set, signum) == 1)
			interest_remove(&wait->signals->of[signum]);
}

/* Adds the wait's interests. Returns 0, or an error with none added. */
static int add_interests(struct signal_wait *wait)
{
	for (int signum = 1; signum < NSIG; signum++) {
		if (sigismember(wait->set, signum) != 1)
			continue;
		int r = interest_add(&wait->signals->of[signum]);
		if (r < 0) {
			remove_interests(wait, signum);
			return r;
		}
	}
	return 0;
}

static void wait_discarded(struct cleanup *cleanup)
{
	struct signal_wait *wait = container_of(cleanup, struct signal_wait, cleanup);
	remove_interests(wait, NSIG);
}

static bool any_in(const sigset_t *set)
{
	for (int signum = 1; signum < NSIG; signum++)
		if (sigismember(set, signum) == 1)
			return true;
	return false;
}

/* "signal 10, 12" */
static int describe(const struct task_wait *wait, char *text, size_t size)
{
	const sigset_t *set = container_of(wait->waiter, struct signal_wait, waiter)->set;
	int n = snprintf(text, size, "signal");
	const char *before = " ";
	for (int signum = 1; signum < NSIG; signum++) {
		if (sigismember(set, signum) != 1)
			continue;
		size_t room = (size_t)n < size ? size - (size_t)n : 0;
		n += snprintf(room ? text + n : NULL, room, "%s%d", before, signum);
		before = ", ";
	}
	return n;
}

static const struct wait_kind waiting = {
	.leave = waiter_leave, .what = "a signal", .describe = describe};

int coro_signal_wait_set(const sigset_t *set)
{
	struct task *task = task_running();
	struct signal_wait wait = {.set = set};
	if (!set || !any_in(set))
		return fail_with(-EINVAL,
				 "coro_signal_wait_set: an argument is NULL or out of range");
	if (!task)
		return fail_with(-EPERM, "coro_signal_wait_set: not in a task");
	int r = signals_of(sched_loop(task->sched), &wait.signals);
	if (r == 0)
		r = take_kept(wait.signals, set);
	if (r != 0)
		return r;
	r = add_interests(&wait);
	if (r < 0)
		return r;
	cleanup_push(task, &wait.cleanup, wait_discarded);
	list_append(&wait.signals->waits, &wait.waiter.link);
	r = waiter_wait(&wait.waiter, &waiting);
	waiter_end(&wait.waiter);
	cleanup_pop(&wait.cleanup);
	remove_interests(&wait, NSIG);
	if (wait.got == 0)
		return r;
	if (r < 0)
		transfer_keep_cancellation();
	return wait.got;
}

int coro_signal_wait_any(int signum, ...)
{
	sigset_t set;
	va_list args;
	int r = 0;
	sigemptyset(&set);
	va_start(args, signum);
	for (; signum != 0 && r == 0; signum = va_arg(args, int))
		r = sigaddset(&set, signum);
	va_end(args);
	return r < 0 ? fail_with(-EINVAL,
				 "coro_signal_wait_any: an argument is NULL or out of range")
		     : coro_signal_wait_set(&set);
}
