/* SPDX-License-Identifier: MIT */
/*
 * The calls that a loop's thread is in. One thread asks at a time; the signal's handler takes the
 * question and notes the calls, in the loop's thread.
 */
#include "debug/calls.h"

#include "base/text.h"
#include "core/coroutine.h"
#include "core/overflow.h"
#include "debug/signal_name.h"
#include "debug/symbol.h"
#include "sched/turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct {
	int signum;      /* that asks; 0: it is in use or not wanted */
	bool unanswered; /* a thread may still get the signal */
	struct sigaction before;

	/* Atomic: */
	struct thread *thread;     /* that is asked */
	struct question *question; /* NULL when the handler has taken it */
} asking;

/* -- in the loop's thread */

static void copy(char *to, const char *from, size_t size)
{
	size_t length = from ? strnlen(from, size - 1) : 0;
	memcpy(to, from ? from : "", length);
	to[length] = '\0';
}

static void note_task(struct calls *calls, const struct sched *sched)
{
	const struct task *task = sched->running;
	calls->runs = task ? RUNS_TASK : sched->runner ? RUNS_LOOP : RUNS_NOTHING;
	calls->number = task ? task->number : 0;
	copy(calls->name, task ? task->coro.name : NULL, sizeof(calls->name));
	copy(calls->site, task ? task->coro.site : NULL, sizeof(calls->site));
}

/* Whether there is room for the unwinder: it is small on a task's stack. */
static bool has_room(void)
{
	enum { NEEDED = 16 * 1024 };
	stack_t alternate;
	const struct thread *thread = thread_current;
	if (thread->self == &thread->root ||
	    (sigaltstack(NULL, &alternate) == 0 && alternate.ss_flags & SS_ONSTACK))
		return true;
	const char *at = system_stack_pointer(), *low = thread->self->frame->stack.low;
	return at > low && at - low >= NEEDED;
}

/* Leaves out the calls of the handler. Those of a task end with the library's entry. */
static void note_calls(struct calls *calls, const void *context)
{
	const char *pc, *sp;
	int count = has_room() ? system_backtrace(calls->all, CALLS_MOST) : 0, first = 0;
	system_interrupted(context, &pc, &sp);
	while (first < count && calls->all[first] != pc)
		first++;
	calls->count = count - first;
	memmove(calls->all, calls->all + first, (size_t)calls->count * sizeof(*calls->all));
	if (calls->count == 0 && pc) {
		calls->all[0] = (void *)pc;
		calls->count = 1;
	}
}

static void answer(struct question *question, const void *context)
{
	uint64_t serial = __atomic_load_n(question->serial, __ATOMIC_RELAXED);
	struct calls *calls = &question->calls;
	if (question->lists) {
		overflow_tell_more(question->thread);
	} else if (serial == question->step) {
		note_task(calls, question->sched);
		note_calls(calls, context);
		calls->serial = serial;
	}
	__atomic_store_n(&question->answered, true, __ATOMIC_RELEASE);
}

static void on_signal(int signum, siginfo_t *info, void *context)
{
	int error = errno;
	(void)signum, (void)info;
	if (__atomic_load_n(&asking.thread, __ATOMIC_ACQUIRE) == thread_current) {
		struct question *question =
			__atomic_exchange_n(&asking.question, NULL, __ATOMIC_ACQ_REL);
		if (question)
			answer(question, context);
	}
	errno = error;
}

/* -- the signal's action */

static bool has_action(int signum)
{
	struct sigaction now;
	return sigaction(signum, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO &&
	       now.sa_sigaction == on_signal;
}

/* Takes the signal, unless the program uses it. Returns whether it is ours. */
static bool install(int signum)
{
	struct sigaction action = {.sa_sigaction = on_signal,
				   .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
	sigemptyset(&action.sa_mask);
	if (has_action(signum))
		return true;
	return sigaction(signum, NULL, &asking.before) == 0 &&
	       !(asking.before.sa_flags & SA_SIGINFO) &&
	       (asking.before.sa_handler == SIG_DFL || asking.before.sa_handler == SIG_IGN) &&
	       sigaction(signum, &action, NULL) == 0;
}

/* The signal that CORO_WATCHDOG names; by default one that is ignored unless it is handled. */
static int signal_wanted(void)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	const char *name = getenv("CORO_WATCHDOG");
	if (!name || !*name)
		return SIGURG;
	int signum = signal_named(name);
	if (!signum || sigaction(signum, NULL, &asking.before) < 0) {
		signal_refuse("CORO_WATCHDOG", name, &told);
		return 0;
	}
	return signum;
}

void calls_begin(void)
{
	asking.unanswered = false;
	asking.signum = signal_wanted();
	if (asking.signum && !install(asking.signum))
		asking.signum = 0;
}

void calls_end(void)
{
	if (asking.signum && !asking.unanswered && has_action(asking.signum))
		sigaction(asking.signum, &asking.before, NULL);
}

void calls_forget(void)
{
	memset(&asking, 0, sizeof(asking));
}

/* -- asking */

static bool await_answer(const struct question *question, void (*waits)(void))
{
	static const struct timespec moment = {.tv_nsec = CORO_MSEC};
	int64_t end = coro_clock() + CORO_SEC / 2;
	while (coro_clock() < end) {
		if (__atomic_load_n(&question->answered, __ATOMIC_ACQUIRE))
			return true;
		nanosleep(&moment, NULL);
		waits();
	}
	if (__atomic_exchange_n(&asking.question, NULL, __ATOMIC_ACQ_REL)) {
		asking.unanswered = true; /* the thread blocks the signal */
		return false;
	}
	while (!__atomic_load_n(&question->answered, __ATOMIC_ACQUIRE))
		nanosleep(&moment, NULL);
	return true;
}

bool calls_ask(struct question *question, void (*waits)(void))
{
	if (!asking.signum || !has_action(asking.signum))
		return false;
	__atomic_store_n(&question->answered, false, __ATOMIC_RELAXED);
	__atomic_store_n(&asking.thread, question->thread, __ATOMIC_RELAXED);
	__atomic_store_n(&asking.question, question, __ATOMIC_RELEASE);
	bool answered = system_signal_thread(question->number, asking.signum) &&
			await_answer(question, waits);
	__atomic_store_n(&asking.question, NULL, __ATOMIC_RELAXED);
	__atomic_store_n(&asking.thread, NULL, __ATOMIC_RELAXED);
	return answered && question->calls.serial == question->step;
}

/* -- texts */

static bool is_in(const void *code, uintptr_t function)
{
	enum { LENGTH = SANITIZED ? 4096 : 1024 };
	return (uintptr_t)code > function && (uintptr_t)code - function < LENGTH;
}

/* Whether the call is the library's, and below it are no others of the step. */
static bool is_outermost(const struct calls *calls, const void *code)
{
	return is_in(code, calls->runs == RUNS_TASK ? (uintptr_t)coroutine_entry
						    : (uintptr_t)turn_run_piece);
}

void calls_add(struct text *text, const struct calls *calls)
{
	for (int i = 0; i < calls->count; i++) {
		if (is_outermost(calls, calls->all[i]))
			return;
		text_add(text, "coro:   ");
		if (i == 0)
			symbol_add(text, calls->all[i]);
		else
			symbol_add_caller(text, calls->all[i]);
		text_add(text, "\n");
	}
}

void calls_add_task(struct text *text, const struct calls *calls)
{
	text_add(text, "task %u", calls->number);
	if (calls->name[0])
		text_add(text, " %s", calls->name);
	if (calls->site[0])
		text_add(text, ", spawned at %s", calls->site);
}
