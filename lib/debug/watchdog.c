/* SPDX-License-Identifier: MIT */
/*
 * The watchdog: a thread that reports steps of loops in debug mode while they still run, and dumps
 * that a loop cannot make. There is one for all loops, from the first step of the first of them until
 * the last of them is closed.
 *
 *   loop:      begin(serial: odd) .... step .... end(serial: even)      wakes a watchdog that sleeps
 *   watchdog:          look . look . look . look                        until all loops are idle
 *                              |      the same serial for too long
 *                              asks the loop's thread which calls it is in
 *
 * It adds up the time between its own looks. If they come late, the process was stopped, by a debugger
 * or with the machine, and that time does not count.
 */
#include "debug/watchdog.h"

#include "base/monitor.h"
#include "base/system.h"
#include "base/text.h"
#include "core/overflow.h"
#include "debug/calls.h"
#include "debug/symbol.h"
#include "loop/debug.h"
#include "loop/loop.h"
#include "sched/sched.h"

#include <stdlib.h>
#include <string.h>

/* A loop that is watched. */
struct watched {
	struct extension extension;
	struct list link;
	unsigned fork_count;

	/* Atomic, written by the loop: */
	uint64_t serial; /* counts beginnings and ends of steps: odd in a step */
	int64_t slow;
	coro_callback *fn; /* NULL for a task */
	uint32_t task;     /* its number; 0 for a callback */

	int64_t lost_before; /* the loop's: `lost` at the beginning of the step */

	/* The watchdog's: */
	struct question question; /* .step: the step that it saw last */
	int64_t ran;              /* for how long it has seen that step run */
	int64_t report_at;        /* it reports the step when `ran` is as long */
	bool looked_at;           /* the step's calls were asked for */

	const unsigned *dumps; /* how many dumps were asked for and not made, atomic; may be NULL */
	int64_t unserved; /* for how long it has seen that there were any; -1: there are none */
	bool told;        /* that was reported */
};

static struct {
	unsigned fork_count;    /* when it was made */
	struct monitor monitor; /* guards all but what is atomic */
	struct list watched;
	pthread_t thread;
	bool runs, ending, quit;
	unsigned dumped; /* loops with `dumps` */

	/* Atomic: */
	bool asleep;  /* until a step begins */
	int64_t lost; /* for how long the process stood still, in all */
	int64_t due;  /* when the watchdog looks next, or did last; 0 while it sleeps */
} dog;

/* The watchdog is to be at work at this time; 0: it sleeps. */
static void expect(int64_t time)
{
	__atomic_store_n(&dog.due, time, __ATOMIC_RELAXED);
}

static void is_at_work(void)
{
	expect(coro_clock());
}

static bool ask(struct watched *watched, bool lists)
{
	watched->question.lists = lists;
	return calls_ask(&watched->question, is_at_work);
}

/* -- reports */

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
	if (__atomic_load_n(&watched->serial, __ATOMIC_ACQUIRE) != watched->question.step)
		return; /* it has just ended, and is reported as slow */
	text_add(&text, "coro: ");
	if (answered && watched->question.calls.runs == RUNS_TASK)
		calls_add_task(&text, &watched->question.calls);
	else
		add_step(&text, watched);
	text_add(&text, " has run for %lld.%03d seconds and holds up its loop\n",
		 (long long)(msec / 1000), (int)(msec % 1000));
	if (answered)
		calls_add(&text, &watched->question.calls);
	text_write(&text);
}

/* What keeps the loop from making a dump. */
static void add_reason(struct text *text, const struct watched *watched, bool answered)
{
	if (answered && watched->question.calls.runs == RUNS_TASK) {
		calls_add_task(text, &watched->question.calls);
		text_add(text, " holds up its loop\n");
	} else if (watched->question.step % 2 == 1) {
		add_step(text, watched);
		text_add(text, " holds up its loop\n");
	} else if (answered && watched->question.calls.runs == RUNS_LOOP) {
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
	watched->question.step = __atomic_load_n(&watched->serial, __ATOMIC_ACQUIRE);
	bool answered = ask(watched, false);
	if (__atomic_load_n(watched->dumps, __ATOMIC_RELAXED) == 0)
		return; /* it has just been made */
	text_add(&text, "coro: a dump was asked for, but ");
	add_reason(&text, watched, answered);
	if (answered)
		calls_add(&text, &watched->question.calls);
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
	if (serial != watched->question.step) {
		watched->question.step = serial;
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
		   !system_thread_sleeps(watched->question.number)) { /* whose call would end */
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

static bool is_wanted(void)
{
	const char *name = getenv("CORO_WATCHDOG");
	return !name || strcmp(name, "0") != 0;
}

static int failed; /* of prepare */

/* A child of fork has no watchdog, and its loops are new. */
static void in_child(void)
{
	memset(&dog, 0, sizeof(dog));
	calls_forget();
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
	dog.quit = false;
	is_at_work();
	calls_begin();
	int r = system_start_thread(&dog.thread, watch, NULL);
	dog.runs = r == 0;
	if (r < 0)
		calls_end();
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
	calls_end();
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
	watched->question.thread = thread_current;
	watched->question.sched = sched_of(loop);
	watched->question.number = system_this_thread();
	watched->question.serial = &watched->serial;
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
	if (watched && watched->question.calls.serial + 1 == watched->serial)
		calls_add(text, &watched->question.calls);
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
