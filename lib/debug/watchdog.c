/* SPDX-License-Identifier: MIT */
/*
 * The watchdog: a thread that reports steps of loops in debug mode while they still run, and dumps
 * that a loop cannot make. There is one for all loops, from the first step of the first of them until
 * the last of them is closed.
 *
 *   loop:      begin(serial: odd) .... step .... end(serial: even)      wakes a watchdog that sleeps
 *   watchdog:          look . look . look . look                        until all loops are idle
 *                              |      the same serial for too long
 *                              signal to the loop's thread, whose handler notes the calls it is in
 *
 * It adds up the time between its own looks. If they come late, the process was stopped, by a debugger
 * or with the machine, and that time does not count.
 *
 * What it asks for is written by the handler, in the loop's thread. So the loop's thread reads it
 * without a lock when the step has ended.
 */
#include "debug/watchdog.h"

#include "base/monitor.h"
#include "base/system.h"
#include "base/text.h"
#include "core/overflow.h"
#include "debug/signal_name.h"
#include "debug/symbol.h"
#include "loop/debug.h"
#include "loop/loop.h"
#include "sched/turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS_MOST = 32, NAME = 64, SITE = 128 };

/* What runs in a thread, and the calls that it is in. Written by the handler. */
struct calls {
	uint64_t serial; /* the step that it is of; 0 for none */
	enum { RUNS_NOTHING, RUNS_LOOP, RUNS_TASK } runs;
	uint32_t number;
	char name[NAME], site[SITE]; /* empty for none */
	int count;
	void *all[CALLS_MOST]; /* the innermost first */
};

/* A loop that is watched. */
struct watched {
	struct extension extension;
	struct list link;
	struct thread *thread;
	const struct sched *sched;
	system_thread number;
	unsigned fork_count;

	/* Atomic, written by the loop: */
	uint64_t serial; /* counts beginnings and ends of steps: odd in a step */
	int64_t slow;
	coro_callback *fn; /* NULL for a task */
	uint32_t task;     /* its number; 0 for a callback */

	int64_t lost_before; /* the loop's: `lost` at the beginning of the step */

	/* The watchdog's: */
	uint64_t seen;     /* the step that it saw last */
	int64_t ran;       /* for how long it has seen that step run */
	int64_t report_at; /* it reports the step when `ran` is as long */
	bool looked_at;    /* the step's calls were asked for */

	const unsigned *dumps; /* how many dumps were asked for and not made, atomic; may be NULL */
	int64_t unserved; /* for how long it has seen that there were any; -1: there are none */
	bool told;        /* that was reported */

	struct calls calls;
	bool answered; /* atomic */
};

static struct {
	unsigned fork_count;    /* when it was made */
	struct monitor monitor; /* guards all but what is atomic */
	struct list watched;
	pthread_t thread;
	bool runs, ending, quit;
	int signum;      /* that asks for calls; 0: it is in use or not wanted */
	bool unanswered; /* a thread may still get the signal */
	bool lists;      /* the handler is to list the loop's tasks instead */
	unsigned dumped; /* loops with `dumps` */
	struct sigaction before;

	/* Atomic: */
	bool asleep;  /* until a step begins */
	int64_t lost; /* for how long the process stood still, in all */
	int64_t due;  /* when the watchdog looks next, or did last; 0 while it sleeps */
	struct thread *asked_thread;
	struct watched *asked; /* NULL when the handler has taken it */
} dog;

/* -- in the loop's thread: a signal */

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

static void answer(struct watched *watched, const void *context)
{
	uint64_t serial = __atomic_load_n(&watched->serial, __ATOMIC_RELAXED);
	struct calls *calls = &watched->calls;
	if (dog.lists) {
		overflow_tell_more(watched->thread);
	} else if (serial == watched->seen) {
		note_task(calls, watched->sched);
		note_calls(calls, context);
		calls->serial = serial;
	}
	__atomic_store_n(&watched->answered, true, __ATOMIC_RELEASE);
}

static void on_signal(int signum, siginfo_t *info, void *context)
{
	int error = errno;
	(void)signum, (void)info;
	if (__atomic_load_n(&dog.asked_thread, __ATOMIC_ACQUIRE) == thread_current) {
		struct watched *watched = __atomic_exchange_n(&dog.asked, NULL, __ATOMIC_ACQ_REL);
		if (watched)
			answer(watched, context);
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
	return sigaction(signum, NULL, &dog.before) == 0 && !(dog.before.sa_flags & SA_SIGINFO) &&
	       (dog.before.sa_handler == SIG_DFL || dog.before.sa_handler == SIG_IGN) &&
	       sigaction(signum, &action, NULL) == 0;
}

/* The action stays if a signal may still come. */
static void uninstall(void)
{
	if (dog.signum && !dog.unanswered && has_action(dog.signum))
		sigaction(dog.signum, &dog.before, NULL);
}

/* The signal that CORO_WATCHDOG names; by default one that is ignored unless it is handled. */
static int signal_wanted(void)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	const char *name = getenv("CORO_WATCHDOG");
	if (!name || !*name)
		return SIGURG;
	int signum = signal_named(name);
	if (!signum || sigaction(signum, NULL, &dog.before) < 0) {
		signal_refuse("CORO_WATCHDOG", name, &told);
		return 0;
	}
	return signum;
}

static bool is_wanted(void)
{
	const char *name = getenv("CORO_WATCHDOG");
	return !name || strcmp(name, "0") != 0;
}

/* -- in the watchdog: asking */

/* The watchdog is to be at work at this time; 0: it sleeps. */
static void expect(int64_t time)
{
	__atomic_store_n(&dog.due, time, __ATOMIC_RELAXED);
}

static bool await_answer(const struct watched *watched)
{
	static const struct timespec moment = {.tv_nsec = CORO_MSEC};
	int64_t end = coro_clock() + CORO_SEC / 2;
	while (coro_clock() < end) {
		if (__atomic_load_n(&watched->answered, __ATOMIC_ACQUIRE))
			return true;
		nanosleep(&moment, NULL);
		expect(coro_clock());
	}
	if (__atomic_exchange_n(&dog.asked, NULL, __ATOMIC_ACQ_REL)) {
		dog.unanswered = true; /* the thread blocks the signal */
		return false;
	}
	while (!__atomic_load_n(&watched->answered, __ATOMIC_ACQUIRE))
		nanosleep(&moment, NULL);
	return true;
}

/* Asks the loop's thread which calls it is in. It cannot end meanwhile, as that takes the mutex. */
static bool ask(struct watched *watched, bool lists)
{
	dog.lists = lists;
	if (!dog.signum || !has_action(dog.signum))
		return false;
	__atomic_store_n(&watched->answered, false, __ATOMIC_RELAXED);
	__atomic_store_n(&dog.asked_thread, watched->thread, __ATOMIC_RELAXED);
	__atomic_store_n(&dog.asked, watched, __ATOMIC_RELEASE);
	bool answered = system_signal_thread(watched->number, dog.signum) && await_answer(watched);
	__atomic_store_n(&dog.asked, NULL, __ATOMIC_RELAXED);
	__atomic_store_n(&dog.asked_thread, NULL, __ATOMIC_RELAXED);
	return answered && watched->calls.serial == watched->seen;
}

/* -- reports */

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

static void add_calls(struct text *text, const struct calls *calls)
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

static void add_task(struct text *text, const struct calls *calls)
{
	text_add(text, "task %u", calls->number);
	if (calls->name[0])
		text_add(text, " %s", calls->name);
	if (calls->site[0])
		text_add(text, ", spawned at %s", calls->site);
}

/* What runs, if the thread has not answered. */
static void add_step(struct text *text, const struct watched *watched)
{
	uint32_t task = __atomic_load_n(&watched->task, __ATOMIC_RELAXED);
	if (task) {
		text_add(text, "task %u", task);
		return;
	}
	text_add(text, "callback ");
	symbol_add(text, (const void *)(uintptr_t)__atomic_load_n(&watched->fn, __ATOMIC_RELAXED));
}

static void report_stuck(struct watched *watched)
{
	char chars[4096];
	struct text text = {chars, sizeof(chars), 0};
	bool answered = ask(watched, false);
	int64_t msec = watched->ran / CORO_MSEC;
	if (__atomic_load_n(&watched->serial, __ATOMIC_ACQUIRE) != watched->seen)
		return; /* it has just ended, and is reported as slow */
	text_add(&text, "coro: ");
	if (answered && watched->calls.runs == RUNS_TASK)
		add_task(&text, &watched->calls);
	else
		add_step(&text, watched);
	text_add(&text, " has run for %lld.%03d seconds and holds up its loop\n",
		 (long long)(msec / 1000), (int)(msec % 1000));
	if (answered)
		add_calls(&text, &watched->calls);
	text_write(&text);
}

/* What keeps the loop from making a dump. */
static void add_reason(struct text *text, const struct watched *watched, bool answered)
{
	if (answered && watched->calls.runs == RUNS_TASK) {
		add_task(text, &watched->calls);
		text_add(text, " holds up its loop\n");
	} else if (watched->seen % 2 == 1) {
		add_step(text, watched);
		text_add(text, " holds up its loop\n");
	} else if (answered && watched->calls.runs == RUNS_LOOP) {
		text_add(text, "a callback holds up its loop\n");
	} else {
		text_add(text, "the loop %s\n", answered ? "does not run" : "does not answer");
	}
}

/* In place of the dump, which the loop cannot make. The handler can read the list of tasks. */
static void report_unserved(struct watched *watched)
{
	char chars[4096];
	struct text text = {chars, sizeof(chars), 0};
	watched->seen = __atomic_load_n(&watched->serial, __ATOMIC_ACQUIRE);
	bool answered = ask(watched, false);
	if (__atomic_load_n(watched->dumps, __ATOMIC_RELAXED) == 0)
		return; /* it has just been made */
	text_add(&text, "coro: a dump was asked for, but ");
	add_reason(&text, watched, answered);
	if (answered)
		add_calls(&text, &watched->calls);
	text_write(&text);
	/* memcheck takes its careful reading of memory for a fault. */
	if (answered && overflow_tell_more && !sanitize_memcheck())
		ask(watched, true);
}

/* -- looking */

/* A step that runs for so long is reported while it runs, or when the loop's `slow` is longer. */
#define STUCK CORO_SEC

static int64_t slow_of(const struct watched *watched)
{
	return __atomic_load_n(&watched->slow, __ATOMIC_RELAXED);
}

/* How often the loop has to be looked at, to notice a slow step in good time. */
static int64_t period_of(const struct watched *watched)
{
	int64_t least = CORO_MSEC, most = CORO_SEC / 4, period = slow_of(watched) / 4;
	return period < least ? least : period > most ? most : period;
}

/* Returns whether the loop is in a step that is watched. passed: the time since the last look. */
static bool look_at(struct watched *watched, int64_t passed)
{
	uint64_t serial = __atomic_load_n(&watched->serial, __ATOMIC_SEQ_CST);
	int64_t slow = slow_of(watched);
	if (serial % 2 == 0 || slow == CORO_FOREVER)
		return false;
	if (serial != watched->seen) {
		watched->seen = serial;
		watched->ran = 0;
		watched->report_at = slow > STUCK ? slow : STUCK;
		watched->looked_at = false;
		return true;
	}
	watched->ran += passed;
	if (watched->ran >= watched->report_at) {
		report_stuck(watched);
		watched->report_at = 2 * watched->ran;
	} else if (watched->ran >= slow && !watched->looked_at &&
		   !system_thread_sleeps(watched->number)) { /* whose call would end */
		watched->looked_at = true;
		ask(watched, false);
	}
	return true;
}

/* passed: the time since the last look. */
static void look_for_dump(struct watched *watched, int64_t passed)
{
	if (!watched->dumps)
		return;
	if (__atomic_load_n(watched->dumps, __ATOMIC_RELAXED) == 0) {
		watched->unserved = -1;
		watched->told = false;
		return;
	}
	watched->unserved = watched->unserved < 0 ? 0 : watched->unserved + passed;
	if (watched->unserved < STUCK || watched->told)
		return;
	watched->told = true;
	report_unserved(watched);
}

/* Looks at all loops. Returns after what time to look again; CORO_FOREVER: when a step begins. */
static int64_t look(int64_t passed)
{
	int64_t next = CORO_FOREVER;
	list_for_each(link, &dog.watched) {
		struct watched *watched = container_of(link, struct watched, link);
		if (look_at(watched, passed) && period_of(watched) < next)
			next = period_of(watched);
		look_for_dump(watched, passed);
	}
	return next;
}

/* How late the watchdog may be without the process having stood still. */
#define LATE (100 * CORO_MSEC)

static int64_t lateness(int64_t now)
{
	int64_t due = __atomic_load_n(&dog.due, __ATOMIC_ACQUIRE);
	return due != 0 && now - due > LATE ? now - due : 0;
}

/* Counts the time in which the process stood still, and the watchdog could not be at work. */
static void account(void)
{
	int64_t now = coro_clock(), late = lateness(now);
	__atomic_add_fetch(&dog.lost, late, __ATOMIC_RELEASE);
	__atomic_store_n(&dog.due, now, __ATOMIC_RELEASE);
}

/* Waits until the next look. */
static void rest(int64_t period)
{
	account();
	int64_t due = coro_clock() + period;
	expect(due);
	monitor_wait(&dog.monitor, due);
}

/*
 * Sleeps until a step begins. One that begins meanwhile sees the flag, or is seen here. A signal
 * handler that asks for a dump cannot wake the watchdog.
 */
static void sleep_until_step(void)
{
	account();
	expect(0);
	__atomic_store_n(&dog.asleep, true, __ATOMIC_SEQ_CST);
	if (look(0) == CORO_FOREVER && !dog.quit)
		monitor_wait(&dog.monitor, dog.dumped ? coro_clock() + STUCK : CORO_FOREVER);
	__atomic_store_n(&dog.asleep, false, __ATOMIC_SEQ_CST);
}

static void look_again_and_again(void)
{
	int64_t counted = 0;
	for (int64_t before = 0; !dog.quit; before = counted) {
		account();
		counted = coro_clock() - __atomic_load_n(&dog.lost, __ATOMIC_RELAXED);
		int64_t period = look(counted - before);
		if (period == CORO_FOREVER)
			sleep_until_step();
		else
			rest(period);
	}
}

static void *watch(void *arg)
{
	void *calls[4];
	(void)arg;
	system_name_thread("coro-watchdog");
	system_backtrace(calls, 4); /* loads what it needs, which the handler must not do */
	monitor_lock(&dog.monitor);
	look_again_and_again();
	monitor_unlock(&dog.monitor);
	return NULL;
}

/* -- beginning and end */

static int failed; /* of prepare */

/* A child of fork has no watchdog, and its loops are new. */
static void in_child(void)
{
	memset(&dog, 0, sizeof(dog));
	dog.fork_count = fork_count;
	list_init(&dog.watched);
	failed = monitor_init(&dog.monitor);
}

static void prepare(void)
{
	in_child();
	if (failed == 0)
		failed = -pthread_atfork(NULL, NULL, in_child);
}

/* With the mutex held. */
static int start_thread(void)
{
	dog.quit = dog.unanswered = false;
	expect(coro_clock());
	dog.signum = signal_wanted();
	if (dog.signum && !install(dog.signum))
		dog.signum = 0;
	int r = system_start_thread(&dog.thread, watch, NULL);
	dog.runs = r == 0;
	if (r < 0)
		uninstall();
	return r;
}

static int add(struct watched *watched)
{
	monitor_lock(&dog.monitor);
	while (dog.ending)
		monitor_wait(&dog.monitor, CORO_FOREVER);
	int r = dog.runs ? 0 : start_thread();
	if (r == 0)
		list_append(&dog.watched, &watched->link);
	monitor_unlock(&dog.monitor);
	return r;
}

/* With the mutex held: ends the thread. Loops that come meanwhile wait. */
static void end_thread(void)
{
	dog.ending = dog.quit = true;
	monitor_notify_all(&dog.monitor);
	monitor_unlock(&dog.monitor);
	pthread_join(dog.thread, NULL);
	monitor_lock(&dog.monitor);
	uninstall();
	dog.ending = dog.runs = false;
	monitor_notify_all(&dog.monitor);
}

static void watched_close(struct extension *extension, struct coro_loop *loop)
{
	struct watched *watched = container_of(extension, struct watched, extension);
	(void)loop;
	if (watched->fork_count == fork_count) {
		monitor_lock(&dog.monitor);
		list_remove(&watched->link);
		if (list_empty(&dog.watched))
			end_thread();
		monitor_unlock(&dog.monitor);
	}
	free(watched);
}

static void close_nothing(struct extension *extension, struct coro_loop *loop)
{
	(void)extension, (void)loop;
}

/* Of loops that are not watched: there was no memory or no thread, or it is not wanted. */
static struct extension none = {.close = close_nothing};

static struct extension *watched_create(struct coro_loop *loop)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	if (!is_wanted())
		return &none;
	pthread_once(&once, prepare);
	if (dog.fork_count != fork_count)
		in_child(); /* no handler was told of the fork */
	struct watched *watched = failed ? NULL : calloc(1, sizeof(*watched));
	if (!watched)
		return &none;
	watched->extension.close = watched_close;
	watched->thread = thread_current;
	watched->sched = sched_of(loop);
	watched->number = system_this_thread();
	watched->fork_count = fork_count;
	if (add(watched) == 0)
		return &watched->extension;
	free(watched);
	return &none;
}

static struct watched *watched_of(const struct coro_loop *loop)
{
	struct extension *extension = loop->extensions[EXTENSION_WATCHDOG];
	return extension && extension != &none ? container_of(extension, struct watched, extension)
					       : NULL;
}

/* The loop's, made if it has none; NULL if it is not watched. */
static struct watched *watched_make(struct coro_loop *loop)
{
	if (!loop->extensions[EXTENSION_WATCHDOG])
		loop->extensions[EXTENSION_WATCHDOG] = watched_create(loop);
	return watched_of(loop);
}

/* -- dumps */

void watchdog_watch_dumps(struct coro_loop *loop, const unsigned *count)
{
	struct watched *watched = watched_make(loop);
	if (!watched)
		return;
	monitor_lock(&dog.monitor);
	watched->dumps = count;
	watched->unserved = -1;
	dog.dumped++;
	monitor_notify_all(&dog.monitor);
	monitor_unlock(&dog.monitor);
}

void watchdog_forget_dumps(struct coro_loop *loop)
{
	struct watched *watched = watched_of(loop);
	if (!watched || watched->fork_count != fork_count)
		return;
	monitor_lock(&dog.monitor);
	watched->dumps = NULL;
	dog.dumped--;
	monitor_unlock(&dog.monitor);
}

/* -- in the loop's thread: steps */

static void rouse(int64_t now)
{
	expect(now);
	monitor_lock(&dog.monitor);
	monitor_notify_all(&dog.monitor);
	monitor_unlock(&dog.monitor);
}

static void begin(struct coro_loop *loop, const struct step *step)
{
	struct watched *watched = watched_make(loop);
	if (!watched || !(step->task || step->fn))
		return;
	watched->lost_before = __atomic_load_n(&dog.lost, __ATOMIC_RELAXED);
	__atomic_store_n(&watched->slow, loop->slow, __ATOMIC_RELAXED);
	__atomic_store_n(&watched->fn, step->fn, __ATOMIC_RELAXED);
	__atomic_store_n(&watched->task, step->task ? task_of(step->task)->number : 0,
			 __ATOMIC_RELAXED);
	__atomic_add_fetch(&watched->serial, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&dog.asleep, __ATOMIC_SEQ_CST))
		rouse(step->start);
}

static void end(struct coro_loop *loop)
{
	struct watched *watched = watched_of(loop);
	if (watched && watched->serial % 2 == 1)
		__atomic_store_n(&watched->serial, watched->serial + 1, __ATOMIC_RELEASE);
}

static int64_t stood_still(struct coro_loop *loop, int64_t now)
{
	const struct watched *watched = watched_of(loop);
	if (!watched)
		return 0;
	int64_t late = lateness(now); /* before what the watchdog adds of it */
	return late + __atomic_load_n(&dog.lost, __ATOMIC_RELAXED) - watched->lost_before;
}

static void add_calls_of_step(struct coro_loop *loop, struct text *text)
{
	const struct watched *watched = watched_of(loop);
	if (watched && watched->calls.serial + 1 == watched->serial)
		add_calls(text, &watched->calls);
}

static const struct step_watcher watchdog = {
	.begin = begin,
	.end = end,
	.stood_still = stood_still,
	.add_calls = add_calls_of_step,
	.add_function = symbol_add,
};

__attribute__((constructor)) static void watch_steps(void)
{
	step_watcher = &watchdog;
}
