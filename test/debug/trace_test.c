/* SPDX-License-Identifier: MIT */
/* Traces: what is in them, of one loop. */
#include "loop/loop.h"

#include "new_fds.h"
#include "trace_events.h"

#include <coro/trace.h>
#include <sys/socket.h>
#include <unistd.h>

static char path[] = "/tmp/coro-trace-XXXXXX";
static struct coro_trace *now_traced;

static void begin_trace(void)
{
	ck_assert_int_eq(coro_trace_open(path, &now_traced), 0);
	ck_assert_int_eq(coro_loop_set_trace(loop, now_traced), 0);
}

static void end_trace(void)
{
	ck_assert_int_eq(coro_trace_close(now_traced), 0);
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
	read_trace(path);
}

static void setup(void)
{
	close(mkstemp(path));
	loop_setup();
	begin_trace();
}

static void teardown(void)
{
	loop_teardown();
	unlink(path);
	free(trace_text);
	trace_text = NULL;
}

static struct coro_future *spawn_named(const char *name, coro_fn *fn, void *arg)
{
	struct coro_options options = {.name = name, .site = "here.c:7"};
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_spawn(loop, &options, fn, arg, &task), 0);
	return task;
}

/* ---- slices ---- */

static int yields_thrice(void *arg)
{
	for (int i = 0; i < 3; i++)
		coro_task_yield();
	return 5;
}

START_TEST(each_step_of_a_task_is_a_slice)
{
	struct coro_future *task = spawn_named("worker", yields_thrice, NULL);
	run();
	assert_ended(task, 5);
	end_trace();
	ck_assert_int_eq(count_events('X', "task 1 worker"), 4);
	for (int i = 0; i < 4; i++) {
		const struct event *slice = event_named('X', "task 1 worker", i);
		ck_assert(strstr(slice->line, "\"task\":1,\"site\":\"here.c:7\""));
		ck_assert_msg(says_then(slice, i < 3 ? "ready" : "ended, 5"), "%s", slice->line);
		ck_assert_str_eq(waker_of(slice), ""); /* it yields: nobody wakes it */
	}
	ck_assert_int_eq(count_events('i', "end task 1 worker"), 1);
}
END_TEST

/* Switches from task to task would make one slice of many. */
START_TEST(tasks_side_by_side_have_a_slice_for_each_step)
{
	struct coro_future *one = spawn_named("one", yields_thrice, NULL);
	struct coro_future *other = spawn_named("other", yields_thrice, NULL);
	run();
	end_trace();
	for (int i = 0; i < 3; i++) {
		const struct event *first = event_named('X', "task 1 one", i);
		const struct event *second = event_named('X', "task 2 other", i);
		ck_assert(first->ts + first->dur <= second->ts);
		ck_assert(second->ts + second->dur <= event_named('X', "task 1 one", i + 1)->ts);
	}
	assert_ended(one, 5);
	assert_ended(other, 5);
}
END_TEST

static int sleeps(void *arg)
{
	return coro_sleep(1500 * CORO_MSEC);
}

START_TEST(a_slice_says_what_the_task_waits_in_then)
{
	struct coro_future *task = spawn(sleeps, NULL);
	run();
	assert_ended(task, 0);
	end_trace();
	ck_assert(says_then(event_named('X', "task 1", 0), "waits in a sleep, 1.5 s more"));
	ck_assert_str_eq(waker_of(event_named('X', "task 1", 1)), "the library");
}
END_TEST

static void nothing(void *arg)
{
}

static void calls_another(void *arg)
{
	ck_assert_int_eq(coro_call_soon(loop, nothing, NULL, NULL), 0);
}

/* A callback's slice, by what its name begins with. Without symbols that is its address. */
static const char *name_of(coro_callback *fn, const char *function)
{
	static char names[4][160];
	static int at;
	char *name = names[at++ % 4], start[64];
	snprintf(start, sizeof(start), "callback %s", function);
	snprintf(name, sizeof(names[0]), "callback %p", (void *)(uintptr_t)fn);
	for (int i = 0; i < event_count; i++)
		if (strncmp(events[i].name, start, strlen(start)) == 0)
			snprintf(name, sizeof(names[0]), "%.150s", events[i].name);
	return name;
}

START_TEST(a_callback_is_a_slice_and_wakes_others)
{
	ck_assert_int_eq(coro_call_soon(loop, calls_another, NULL, NULL), 0);
	run();
	end_trace();
	const char *name = name_of(calls_another, "calls_another");
	ck_assert_int_eq(count_events('X', name), 1);
	ck_assert_str_eq(waker_of(event_named('X', name_of(nothing, "nothing"), 0)), name);
	ck_assert_msg(strchr(name, '(') != NULL, "%s has no symbol", name);
}
END_TEST

START_TEST(a_callback_that_was_taken_back_is_none)
{
	struct coro_handle *handle;
	struct coro_future *task = start(sleeps, NULL);
	ck_assert_int_eq(coro_call_soon(loop, nothing, NULL, &handle), 0);
	ck_assert_int_eq(coro_handle_cancel(handle), 0);
	coro_handle_unref(handle);
	cancel(task);
	run();
	end_trace();
	ck_assert_int_eq(count_events('X', "task 1"), 2);
	coro_future_unref(task);
}
END_TEST

/* The timer's call is ready when the callback before it takes it out of the ready queue again. */
START_TEST(a_timer_that_was_taken_back_when_due_is_none)
{
	struct coro_future *task = spawn(sleeps, NULL);
	at(1500 * CORO_MSEC, cancel_it, task);
	run();
	assert_ended(task, -ECANCELED);
	end_trace();
	ck_assert_int_eq(count_events('X', "task 1"), 2);
	ck_assert_int_eq(count_events('X', "the library"), 0);
	ck_assert_str_eq(waker_of(event_named('X', "task 1", 1)), name_of(cancel_it, "cancel_it"));
}
END_TEST

static int sleeps_for_nothing(void *arg)
{
	return coro_sleep(0);
}

START_TEST(a_turn_without_anything_to_run_has_no_slices)
{
	struct coro_future *task = spawn(sleeps_for_nothing, NULL);
	run();
	assert_ended(task, 0);
	int turns = 3;
	for (int i = 0; i < turns; i++)
		turn();
	end_trace();
	ck_assert_int_eq(count_events('X', "task 1"), 2);
	ck_assert_int_eq(count_events('X', "the library"), 0);
}
END_TEST

/* ---- arrows ---- */

static struct coro_event event_a, event_b;

static int waits_for(void *event)
{
	return coro_event_wait(event);
}

static int wakes_a(void *arg)
{
	coro_task_yield();
	return coro_event_set(&event_a);
}

static int wakes_b(void *arg)
{
	coro_task_yield();
	return coro_event_set(&event_b);
}

static void wake_by_tasks(void)
{
	struct coro_future *tasks[] = {
		spawn_named("a", waits_for, &event_a),
		spawn_named("b", waits_for, &event_b),
		spawn_named("wakes a", wakes_a, NULL),
		spawn_named("wakes b", wakes_b, NULL),
	};
	run();
	for (int i = 0; i < 4; i++)
		assert_ended(tasks[i], 0);
}

START_TEST(an_arrow_leads_from_who_wakes_to_who_is_woken)
{
	wake_by_tasks();
	end_trace();
	ck_assert_str_eq(waker_of(event_named('X', "task 1 a", 1)), "task 3 wakes a");
	ck_assert_str_eq(waker_of(event_named('X', "task 2 b", 1)), "task 4 wakes b");
	ck_assert_int_eq(count_events('f', "wake"), 2);
	ck_assert_int_eq(count_events('s', "wake"), 2);
}
END_TEST

START_TEST(arrows_are_right_in_any_order)
{
	loop_teardown();
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .seed = (uint64_t)_i + 1};
	ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
	ck_assert_int_eq(coro_loop_set_trace(loop, now_traced), 0);
	coro_event_clear(&event_a);
	coro_event_clear(&event_b);
	wake_by_tasks();
	end_trace();
	int arrows = 0;
	for (int i = 0; i < event_count; i++)
		if (events[i].phase == 'f') {
			const char *woken = slice_at(&events[i])->name + strlen("task 1 ");
			const char *waker = slice_at(start_of(&events[i]))->name;
			ck_assert_str_eq(waker + strlen("task 3 wakes "), woken);
			arrows++;
		}
	ck_assert_int_eq(arrows, count_events('s', NULL));
}
END_TEST

static int ends(void *arg)
{
	return 0;
}

enum { MANY = 300 };

static int spawns_many(void *arg)
{
	for (int i = 0; i < MANY; i++)
		if (coro_spawn(ends, NULL, NULL) < 0)
			return -ENOMEM;
	return 0;
}

START_TEST(arrows_stay_right_while_the_ready_queue_grows)
{
	struct coro_future *task = spawn_named("parent", spawns_many, NULL);
	run();
	assert_ended(task, 0);
	end_trace();
	ck_assert_int_eq(count_events('s', "wake"), MANY);
	ck_assert_int_eq(count_events('f', "wake"), MANY);
	for (int i = 2; i <= MANY + 1; i++) {
		char name[32];
		snprintf(name, sizeof(name), "task %d", i);
		ck_assert_str_eq(waker_of(event_named('X', name, 0)), "task 1 parent");
	}
}
END_TEST

static int spawns_many_later(void *arg)
{
	coro_task_yield();
	return spawns_many(NULL);
}

/* The ring grows between the two ends of an arrow. */
START_TEST(an_arrow_stays_right_while_others_are_spawned)
{
	struct coro_future *tasks[] = {
		spawn_named("a", waits_for, &event_a),
		spawn_named("wakes a", wakes_a, NULL),
		spawn_named("parent", spawns_many_later, NULL),
	};
	coro_event_clear(&event_a);
	run();
	for (int i = 0; i < 3; i++)
		assert_ended(tasks[i], 0);
	end_trace();
	ck_assert_str_eq(waker_of(event_named('X', "task 1 a", 1)), "task 2 wakes a");
	ck_assert_int_eq(count_events('f', "wake"), MANY + 1);
}
END_TEST

START_TEST(without_memory_for_arrows_there_are_slices)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct coro_future *task = spawn_named("parent", spawns_many, NULL);
	fail_nth(1); /* the ring of arrows */
	turn();
	ck_assert(fail_off());
	run();
	assert_ended(task, 0);
	end_trace();
	ck_assert_int_eq(count_events('X', "task 1 parent"), 1);
	ck_assert_int_eq(count_events('i', "end task 301"), 1);
}
END_TEST

/* The ring of arrows cannot grow with the ready queue, which has done so. */
static int spawns_many_and_has_no_memory(void *arg)
{
	int r = spawns_many(NULL);
	fail_nth(1);
	return r;
}

START_TEST(arrows_that_there_is_no_memory_for_are_not_drawn)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct coro_future *task = spawn_named("parent", spawns_many_and_has_no_memory, NULL);
	turn();
	ck_assert(fail_off());
	run();
	assert_ended(task, 0);
	end_trace();
	ck_assert_int_eq(count_events('s', "wake"), 0);
	ck_assert_int_eq(count_events('f', "wake"), 0);
	for (int i = 2; i <= MANY + 1; i++) {
		char name[32];
		snprintf(name, sizeof(name), "task %d", i);
		ck_assert_int_eq(count_events('X', name), 1);
	}
}
END_TEST

/* The call for a future that is done is ready, and then not, in the same step. */
static int makes_and_takes_back(void *arg)
{
	struct coro_future *futures[] = {arg};
	struct coro_iterator *it = coro_as_completed(futures, 1, CORO_FOREVER);
	int r = coro_future_set_result(futures[0], NULL);
	int closed = coro_iter_close(it);
	return r < 0 ? r : closed;
}

START_TEST(no_arrow_leads_to_what_was_taken_back)
{
	struct coro_future *future = make_future();
	struct coro_future *task = spawn_named("maker", makes_and_takes_back, future);
	run();
	ck_assert_int_eq(coro_future_result(task, NULL), 0);
	coro_future_unref(task);
	coro_future_unref(future);
	end_trace();
	ck_assert_int_eq(count_events('s', "wake"), 0);
}
END_TEST

/* ---- instants ---- */

START_TEST(spawn_cancel_and_end_are_instants)
{
	struct coro_future *task = spawn_named("sleeper", sleeps, NULL);
	turn();
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
	end_trace();
	double spawned = event_named('i', "spawn task 1 sleeper", 0)->ts,
	       cancelled = event_named('i', "cancel task 1 sleeper", 0)->ts,
	       ended = event_named('i', "end task 1 sleeper", 0)->ts;
	ck_assert(spawned <= cancelled && cancelled <= ended);
	ck_assert(says_then(event_named('X', "task 1 sleeper", 1), "ended, -" NUMBER(ECANCELED)));
}
END_TEST

START_TEST(a_task_that_is_cancelled_before_it_runs_ends)
{
	struct coro_future *task = spawn(sleeps, NULL);
	cancel(task);
	run();
	end_trace();
	ck_assert_int_eq(count_events('X', "task 1"), 1);
	ck_assert_int_eq(count_events('i', "end task 1"), 1);
	coro_future_unref(task);
}
END_TEST

/* ---- eager tasks ---- */

static struct coro_options eager(const char *name)
{
	return (struct coro_options){.name = name, .flags = CORO_EAGER_START};
}

static int yields_once(void *arg)
{
	return coro_task_yield();
}

static int starts_another(void *arg)
{
	struct coro_options options = eager("inner");
	int r = coro_loop_spawn(loop, &options, yields_once, NULL, NULL);
	return r < 0 ? r : coro_task_yield();
}

static int starts_eagerly(void *arg)
{
	struct coro_options options = eager("eager");
	int r = coro_loop_spawn(loop, &options, starts_another, NULL, NULL);
	return r < 0 ? r : coro_task_yield();
}

START_TEST(an_eager_task_has_slices_of_its_own)
{
	struct coro_future *task = spawn_named("spawner", starts_eagerly, NULL);
	run();
	assert_ended(task, 0);
	end_trace();
	ck_assert_str_eq(waker_of(event_named('X', "task 2 eager", 0)), "task 1 spawner");
	ck_assert_str_eq(waker_of(event_named('X', "task 3 inner", 0)), "task 2 eager");
	ck_assert_int_eq(count_events('X', "task 1 spawner"), 3);
	ck_assert_int_eq(count_events('X', "task 2 eager"), 3);
	ck_assert_int_eq(count_events('X', "task 3 inner"), 2);
	const char *const order[] = {"task 1 spawner", "task 2 eager", "task 3 inner",
				     "task 2 eager", "task 1 spawner"};
	for (int i = 0, n = 0; n < 5; i++)
		if (events[i].phase == 'X')
			ck_assert_str_eq(events[i].name, order[n++]);
}
END_TEST

static void calls_eagerly(void *arg)
{
	struct coro_options options = eager("eager");
	ck_assert_int_eq(coro_loop_spawn(loop, &options, starts_another, NULL, NULL), 0);
}

static int spawns_a_spawner(void *arg)
{
	return coro_spawn(starts_eagerly, NULL, NULL);
}

/* The spawner runs on in a place of the ready queue to which an arrow has led before. */
START_TEST(who_spawns_eagerly_was_woken_once)
{
	struct coro_future *task = spawn_named("first", spawns_a_spawner, NULL);
	run();
	assert_ended(task, 0);
	end_trace();
	ck_assert_str_eq(waker_of(event_named('X', "task 2", 0)), "task 1 first");
	ck_assert_str_eq(waker_of(event_named('X', "task 2", 1)), "");
}
END_TEST

START_TEST(an_eager_task_runs_inside_the_slice_of_a_callback)
{
	ck_assert_int_eq(coro_call_soon(loop, calls_eagerly, NULL, NULL), 0);
	run();
	end_trace();
	const char *name = name_of(calls_eagerly, "calls_eagerly");
	const struct event *outer = event_named('X', name, 0);
	for (int i = 0; i < 2; i++) {
		const struct event *inner = event_named('X', "task 1 eager", i);
		ck_assert(inner->ts >= outer->ts &&
			  inner->ts + inner->dur <= outer->ts + outer->dur);
	}
	ck_assert_str_eq(waker_of(event_named('X', "task 1 eager", 0)), name);
	ck_assert_str_eq(waker_of(event_named('X', "task 2 inner", 0)), "task 1 eager");
	ck_assert_int_eq(count_events('i', "spawn task 1 eager"), 1);
}
END_TEST

/* ---- polls and counters ---- */

static int pair[2];

static int reads(void *arg)
{
	char byte;
	return (int)coro_read(pair[0], &byte, 1);
}

START_TEST(a_poll_is_a_slice_from_which_arrows_lead)
{
	ck_assert_int_eq(new_socketpair(AF_UNIX, SOCK_STREAM, O_CLOEXEC, pair), 0);
	struct coro_future *task = spawn_named("reader", reads, NULL);
	turn();
	ck_assert_int_eq(write(pair[1], "", 1), 1);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 1);
	coro_future_unref(task);
	end_trace();
	ck_assert_int_ge(count_events('X', "poll"), 1);
	ck_assert_str_eq(waker_of(event_named('X', "task 1 reader", 1)), "poll");
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(counters_follow_the_loop)
{
	struct coro_future *tasks[3];
	for (int i = 0; i < 3; i++)
		tasks[i] = spawn(sleeps, NULL);
	run();
	for (int i = 0; i < 3; i++)
		assert_ended(tasks[i], 0);
	ck_assert_int_eq(coro_loop_close(loop), 0); /* counts at the end, too */
	ck_assert_int_eq(coro_trace_close(now_traced), 0);
	read_trace(path);
	loop_setup();
	int n = count_events('C', "loop 1");
	ck_assert_int_ge(n, 2);
	ck_assert(strstr(event_named('C', "loop 1", n - 1)->line,
			 "\"args\":{\"tasks\":0,\"ready\":0,\"timers\":0}"));
	for (int i = 0; i < n; i++) {
		const char *line = event_named('C', "loop 1", i)->line;
		ck_assert(field_number(line, "tasks") <= 3 && field_number(line, "timers") <= 3);
	}
}
END_TEST

static int yields_often(void *arg)
{
	for (int i = 0; i < 1000; i++)
		coro_task_yield();
	return 0;
}

START_TEST(counters_that_stay_are_not_repeated)
{
	struct coro_future *task = spawn(yields_often, NULL);
	run();
	assert_ended(task, 0);
	end_trace();
	const char *before = "";
	for (int i = 0; i < count_events('C', "loop 1"); i++) {
		const char *counts = field(event_named('C', "loop 1", i)->line, "args");
		size_t length = strcspn(counts, "}");
		ck_assert_msg(strncmp(counts, before, length) != 0, "%s", counts);
		before = counts;
	}
}
END_TEST

/* ---- names ---- */

static const struct {
	const char *name, *shown;
} names[] = {
	{"a \"b\" \\c", "a \\\"b\\\" \\\\c"},
	{"line\nend\x01", "line?end?"},
	{"gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80",
	 "gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80"},
	{"\xff\xc3(\xe0\x80\x80\xed\xa0\x80\xf5", "?"
						  "?"
						  "("
						  "?"
						  "?"
						  "?"
						  "?"
						  "?"
						  "?"
						  "?"},
	{"\xc3", "?"},
	{"\xc0\x80\xc1\xbf", "?"
			     "?"
			     "?"
			     "?"},
};

START_TEST(any_name_is_valid_json)
{
	char shown[64];
	struct coro_future *task = spawn_named(names[_i].name, ends, NULL);
	run();
	coro_future_unref(task);
	end_trace();
	snprintf(shown, sizeof(shown), "\"name\":\"task 1 %s\"", names[_i].shown);
	bool found = false;
	for (int i = 0; i < event_count; i++)
		found |= strstr(events[i].line, shown) != NULL;
	ck_assert_msg(found, "%s", shown);
}
END_TEST

START_TEST(long_names_are_cut)
{
	static char name[5000], site[5000];
	memset(name, '"', sizeof(name) - 1);
	memset(site, '\\', sizeof(site) - 1);
	struct coro_options options = {.name = name, .site = site};
	ck_assert_int_eq(coro_loop_spawn(loop, &options, yields_thrice, NULL, NULL), 0);
	run();
	end_trace();
	ck_assert_int_eq(count_events('X', NULL), 4);
	for (int i = 0; i < event_count; i++)
		ck_assert_uint_lt(strlen(events[i].line), 1024);
}
END_TEST

/* ---- on and off ---- */

static int stops_the_trace(void *arg)
{
	int r = coro_loop_set_trace(loop, NULL);
	coro_task_yield();
	return r;
}

START_TEST(a_task_may_end_the_trace_in_its_own_step)
{
	struct coro_future *task = spawn(stops_the_trace, NULL);
	run();
	assert_ended(task, 0);
	ck_assert_ptr_null(sched_of(loop)->step);
	ck_assert_ptr_null(sched_of(loop)->trace);
	end_trace();
	ck_assert_int_eq(count_events('X', "task 1"), 1);
}
END_TEST

static int begins_the_trace(void *arg)
{
	int r = coro_loop_set_trace(loop, now_traced);
	for (int i = 0; i < 2; i++)
		coro_task_yield();
	return r;
}

START_TEST(a_task_may_begin_the_trace_and_begin_it_again)
{
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
	struct coro_future *one = spawn(begins_the_trace, NULL);
	struct coro_future *other = spawn(begins_the_trace, NULL);
	run();
	assert_ended(one, 0);
	assert_ended(other, 0);
	end_trace();
	ck_assert_int_eq(count_events('X', "task 1"), 2); /* the first step was not traced */
	ck_assert_int_eq(count_events('X', "task 2"), 3);
	ck_assert_int_eq(count_events('i', "spawn task 2"), 0); /* that was before the trace */
}
END_TEST

static int begins_and_starts_another(void *arg)
{
	struct coro_options options = eager("eager");
	int r = coro_loop_set_trace(loop, now_traced);
	if (r == 0)
		r = coro_loop_spawn(loop, &options, yields_once, NULL, NULL);
	return r < 0 ? r : coro_task_yield();
}

/* What runs in the rest of the step in which a trace begins is not in it, an eager task neither. */
START_TEST(a_task_may_begin_the_trace_and_spawn_eagerly)
{
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
	struct coro_future *task = spawn_named("spawner", begins_and_starts_another, NULL);
	run();
	assert_ended(task, 0);
	end_trace();
	ck_assert_int_eq(count_events('i', "spawn task 2 eager"), 0);
	ck_assert_int_eq(count_events('X', "task 1 spawner"), 2);
	ck_assert_int_eq(count_events('X', "task 2 eager"), 1);
	ck_assert(says_then(event_named('X', "task 2 eager", 0), "ended, 0"));
}
END_TEST

static void begins_in_callback(void *arg)
{
	struct coro_options options = eager("eager");
	ck_assert_int_eq(coro_loop_set_trace(loop, now_traced), 0);
	ck_assert_int_eq(coro_loop_spawn(loop, &options, yields_once, NULL, NULL), 0);
}

START_TEST(a_callback_may_begin_the_trace_and_spawn_eagerly)
{
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
	ck_assert_int_eq(coro_call_soon(loop, begins_in_callback, NULL, NULL), 0);
	run();
	end_trace();
	ck_assert_int_eq(count_events('i', "spawn task 1 eager"), 0);
	ck_assert_int_eq(count_events('X', NULL) - count_events('X', "poll"), 1);
	ck_assert(says_then(event_named('X', "task 1 eager", 0), "ended, 0"));
}
END_TEST

START_TEST(debug_mode_and_a_trace_go_together)
{
	struct coro_future *task = spawn(yields_thrice, NULL);
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	turn();
	ck_assert_int_eq(coro_loop_set_debug(loop, false), 0);
	turn();
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
	ck_assert_ptr_nonnull(sched_of(loop)->step);
	turn();
	ck_assert_int_eq(coro_loop_set_debug(loop, false), 0);
	ck_assert_ptr_null(sched_of(loop)->step);
	run();
	assert_ended(task, 5);
	end_trace();
	ck_assert_int_eq(count_events('X', "task 1"), 2);
}
END_TEST

static int begins_nothing(void *arg)
{
	struct coro_trace *trace;
	int r = coro_trace_open(path, &trace);
	if (r < 0)
		return r;
	r = coro_loop_set_trace(coro_running_loop(), trace);
	int done = r < 0 ? r : coro_task_yield();
	r = coro_trace_close(trace);
	return done < 0 ? done : r;
}

START_TEST(each_allocation_may_fail)
{
	ck_assert_int_eq(coro_loop_set_trace(loop, NULL), 0);
	ck_assert_int_eq(coro_trace_close(now_traced), 0);
	fail_each_allocation(begins_nothing);
}
END_TEST

static void *sets_in_another_thread(void *arg)
{
	*(int *)arg = coro_loop_set_trace(loop, NULL);
	return NULL;
}

START_TEST(what_cannot_be_is_refused)
{
	struct coro_trace *other;
	int r = 0;
	ck_assert_int_eq(coro_trace_open(NULL, &other), -EINVAL);
	ck_assert_int_eq(coro_trace_open(path, NULL), -EINVAL);
	ck_assert_int_eq(coro_trace_open("/nowhere/trace", &other), -ENOENT);
	ck_assert_int_eq(coro_trace_open(path, &other), -EBUSY);
	ck_assert_ptr_nonnull(strstr(coro_message(-EBUSY), "another trace"));
	ck_assert_int_eq(coro_loop_set_trace(NULL, now_traced), -EINVAL);
	ck_assert_int_eq(coro_trace_close(NULL), 0);
	in_thread(sets_in_another_thread, &r);
	ck_assert_int_eq(r, -EPERM);
	end_trace();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, each_step_of_a_task_is_a_slice);
	tcase_add_test(tests, tasks_side_by_side_have_a_slice_for_each_step);
	tcase_add_test(tests, a_slice_says_what_the_task_waits_in_then);
	tcase_add_test(tests, a_callback_is_a_slice_and_wakes_others);
	tcase_add_test(tests, a_callback_that_was_taken_back_is_none);
	tcase_add_test(tests, a_timer_that_was_taken_back_when_due_is_none);
	tcase_add_test(tests, a_turn_without_anything_to_run_has_no_slices);
	tcase_add_test(tests, an_arrow_leads_from_who_wakes_to_who_is_woken);
	tcase_add_loop_test(tests, arrows_are_right_in_any_order, 0, 20);
	tcase_add_test(tests, arrows_stay_right_while_the_ready_queue_grows);
	tcase_add_test(tests, an_arrow_stays_right_while_others_are_spawned);
	tcase_add_test(tests, without_memory_for_arrows_there_are_slices);
	tcase_add_test(tests, arrows_that_there_is_no_memory_for_are_not_drawn);
	tcase_add_test(tests, no_arrow_leads_to_what_was_taken_back);
	tcase_add_test(tests, spawn_cancel_and_end_are_instants);
	tcase_add_test(tests, a_task_that_is_cancelled_before_it_runs_ends);
	tcase_add_test(tests, an_eager_task_has_slices_of_its_own);
	tcase_add_test(tests, who_spawns_eagerly_was_woken_once);
	tcase_add_test(tests, an_eager_task_runs_inside_the_slice_of_a_callback);
	tcase_add_test(tests, a_poll_is_a_slice_from_which_arrows_lead);
	tcase_add_test(tests, counters_follow_the_loop);
	tcase_add_test(tests, counters_that_stay_are_not_repeated);
	tcase_add_loop_test(tests, any_name_is_valid_json, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_test(tests, long_names_are_cut);
	tcase_add_test(tests, a_task_may_end_the_trace_in_its_own_step);
	tcase_add_test(tests, a_task_may_begin_the_trace_and_begin_it_again);
	tcase_add_test(tests, a_task_may_begin_the_trace_and_spawn_eagerly);
	tcase_add_test(tests, a_callback_may_begin_the_trace_and_spawn_eagerly);
	tcase_add_test(tests, debug_mode_and_a_trace_go_together);
	tcase_add_test(tests, each_allocation_may_fail);
	tcase_add_test(tests, what_cannot_be_is_refused);
}

TEST_MAIN("trace", add_tests)
