/* SPDX-License-Identifier: MIT */
/*
 * Writes what a loop does to a trace. While it does, the loop runs step by step, and each step is
 * a slice.
 *
 * Who has woken whom is seen afterwards: what a step has made ready stands behind all else in
 * ready when the step ends. So nothing is added to waking itself. In a ring beside ready there is
 * a number for each entry: that of the arrow that leads to the step which will run it.
 */
#include "coro/trace.h"

#include "base/text.h"
#include "core/fail.h"
#include "debug/symbol.h"
#include "debug/trace_event.h"
#include "debug/trace_file.h"
#include "loop/debug.h"
#include "loop/handle.h"
#include "loop/loop.h"
#include "sched/turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the loop runs now. */
struct slice {
	enum { SLICE_NONE, SLICE_TASK, SLICE_CALL } kind;
	struct coro_future *task; /* a reference */
	coro_callback *fn;        /* NULL: a call of the library's own */
	int64_t since;
	uint64_t arrow; /* the arrow that leads here; 0: none */
};

struct counts {
	size_t tasks, ready, timers;
};

enum { CALLBACKS = 16 };

struct tracer {
	struct extension extension;
	struct coro_loop *loop;
	struct coro_trace *trace; /* a reference */
	unsigned track;
	struct slice slice;
	struct slice outer; /* a callback that runs tasks inside its own step */
	bool stepping;      /* step is called, and frees the tracer if it is detached meanwhile */
	bool detached;
	size_t seen;      /* what stands before that position in ready was looked at */
	uint64_t *arrows; /* a ring like ready: the arrow to each entry; NULL: none are drawn */
	size_t arrows_mask;
	uint64_t last_arrow;
	int64_t polling_since;
	struct {
		coro_callback *fn;
		char name[96];
	} names[CALLBACKS];   /* of callbacks, to be found once; by address */
	struct counts counts; /* as written last */
	int64_t counted_at;
	struct events events;
};

static const struct sched_trace hooks;

static struct tracer *tracer_of(const struct sched *sched)
{
	struct extension *extension = sched_loop(sched)->extensions[EXTENSION_TRACE];
	return container_of(extension, struct tracer, extension);
}

static struct sched *sched_traced(const struct tracer *tracer)
{
	return sched_of(tracer->loop);
}

/* -- arrows */

/* Has as many places for arrows as ready has. Without memory no arrows are drawn. */
static void fit_arrows(struct tracer *tracer)
{
	const struct ring *ready = &sched_traced(tracer)->ready;
	if (tracer->arrows_mask == ready->mask)
		return;
	uint64_t *arrows = calloc(ready->mask + 1, sizeof(*arrows));
	if (arrows && tracer->arrows)
		for (size_t at = ready->head; at != tracer->seen; at++)
			arrows[at & ready->mask] = tracer->arrows[at & tracer->arrows_mask];
	free(tracer->arrows);
	tracer->arrows = arrows;
	tracer->arrows_mask = arrows ? ready->mask : 0;
}

static void set_arrow(struct tracer *tracer, size_t position, uint64_t arrow)
{
	if (tracer->arrows)
		tracer->arrows[position & tracer->arrows_mask] = arrow;
}

static uint64_t arrow_to(const struct tracer *tracer, size_t position)
{
	return tracer->arrows ? tracer->arrows[position & tracer->arrows_mask] : 0;
}

static void write_arrow(struct tracer *tracer, char phase, uint64_t arrow, int64_t time)
{
	struct events *events = &tracer->events;
	event_begin(events, phase, "wake", time);
	event_add(events, ",\"name\":\"wake\",\"id\":");
	event_number(events, arrow);
	if (phase == 'f')
		event_add(events, ",\"bp\":\"e\"");
	event_end(events);
}

/* Begins an arrow in a slice. Numbers of different tracks differ, and are exact in a double. */
static uint64_t begin_arrow(struct tracer *tracer, int64_t time)
{
	enum { ARROW_BITS = 36 };
	if (!tracer->arrows)
		return 0;
	uint64_t arrow = (uint64_t)tracer->track << ARROW_BITS | ++tracer->last_arrow;
	write_arrow(tracer, 's', arrow, time);
	return arrow;
}

/* -- names */

enum { NAME_MOST = 96, SITE_MOST = 160 };

/* "task 3 fetch" */
static void add_task(struct events *events, const struct task *task)
{
	event_add(events, "task ");
	event_number(events, task->number);
	if (!task->coro.name)
		return;
	event_add(events, " ");
	event_string(events, task->coro.name, NAME_MOST);
}

static void add_site(struct events *events, const struct task *task)
{
	if (!task->coro.site)
		return;
	event_add(events, ",\"site\":\"");
	event_string(events, task->coro.site, SITE_MOST);
	event_add(events, "\"");
}

/* "callback tick (program)" */
static void add_callback(struct tracer *tracer, coro_callback *fn)
{
	size_t place = (uintptr_t)fn / 16 % CALLBACKS; /* functions are aligned so */
	char *name = tracer->names[place].name;
	if (tracer->names[place].fn != fn) {
		struct text text = {name, sizeof(tracer->names[place].name), 0};
		text_add(&text, "callback ");
		symbol_add(&text, (const void *)(uintptr_t)fn);
		tracer->names[place].fn = fn;
	}
	event_string(&tracer->events, name, NAME_MOST);
}

/* What has become of a task when its step is over. */
static void add_outcome(struct events *events, const struct task *task)
{
	char chars[128] = "ready";
	struct text text = {chars, sizeof(chars), 0};
	const struct coro_future *future = future_of(task);
	if (future->done) {
		text_add(&text, "ended, %d", future->status);
	} else if (task->coro.state != STATE_CREATED && task_wait(task)->kind) {
		text_add(&text, "waits in ");
		wait_describe(task_wait(task), chars + text.length, sizeof(chars) - text.length);
	}
	event_add(events, ",\"then\":\"");
	event_string(events, chars, sizeof(chars));
	event_add(events, "\"");
}

/* An instant: "spawn task 3 fetch". */
static void write_instant(struct tracer *tracer, const char *what, const struct task *task,
			  int64_t time)
{
	struct events *events = &tracer->events;
	event_begin(events, 'i', what, time);
	event_add(events, ",\"s\":\"t\",\"name\":\"");
	event_add(events, what);
	event_add(events, " ");
	add_task(events, task);
	event_add(events, "\",\"args\":{\"task\":");
	event_number(events, task->number);
	event_add(events, ",\"parent\":");
	event_number(events, spawned_of(task)->parent);
	add_site(events, task);
	event_add(events, "}");
	event_end(events);
}

/* -- counters */

static void write_counts(struct tracer *tracer, const struct counts *counts, int64_t now)
{
	struct events *events = &tracer->events;
	event_begin(events, 'C', "count", now);
	event_add(events, ",\"name\":\"loop ");
	event_number(events, tracer->track);
	event_add(events, "\",\"args\":{\"tasks\":");
	event_number(events, counts->tasks);
	event_add(events, ",\"ready\":");
	event_number(events, counts->ready);
	event_add(events, ",\"timers\":");
	event_number(events, counts->timers);
	event_add(events, "}");
	event_end(events);
	tracer->counts = *counts;
	tracer->counted_at = now;
}

static struct counts counts_of(const struct coro_loop *loop)
{
	const struct tasks *tasks = &loop->tasks;
	return (struct counts){
		.tasks = (uint32_t)(tasks->spawned - (uint32_t)tasks->ended),
		.ready = ring_count(&tasks->sched.ready),
		.timers = tasks->sched.timers.count,
	};
}

static void count(struct tracer *tracer, int64_t now)
{
	struct counts counts = counts_of(tracer->loop);
	if (memcmp(&counts, &tracer->counts, sizeof(counts)) != 0)
		write_counts(tracer, &counts, now);
}

/* Counts often enough for a picture. */
static void count_at_times(struct tracer *tracer, int64_t now)
{
	enum { COUNT_EACH = 20 * 1000 };
	if (now - tracer->counted_at >= COUNT_EACH)
		count(tracer, now);
}

/* -- what has become ready */

/* Whether an arrow leads to this entry: not to calls of the library's own. */
static bool shows(void *entry)
{
	if (entry == READY_NOTHING)
		return false;
	return ready_is_task(entry) || handle_function(ready_to_call(entry)) ||
	       callback_function(ready_to_call(entry));
}

/*
 * Looks at the entries that have come since the last time. `from` has made them ready, in a slice
 * that includes that time; NULL: nobody on this track has.
 */
static void look(struct tracer *tracer, const struct slice *from, int64_t time)
{
	const struct ring *ready = &sched_traced(tracer)->ready;
	if (tracer->seen == ready->tail)
		return;
	fit_arrows(tracer);
	for (; tracer->seen != ready->tail; tracer->seen++) {
		void *entry = *ring_at(ready, tracer->seen);
		struct task *task = ready_is_task(entry) ? entry : NULL;
		if (task && task->coro.state == STATE_CREATED)
			write_instant(tracer, "spawn", task, time);
		bool itself = task && from && from->task == future_of(task); /* it yields */
		bool drawn = from && !itself && shows(entry);
		set_arrow(tracer, tracer->seen, drawn ? begin_arrow(tracer, time) : 0);
	}
}

/* -- slices */

static void write_slice(struct tracer *tracer, const struct slice *slice, int64_t end)
{
	struct events *events = &tracer->events;
	event_begin(events, 'X', slice->kind == SLICE_TASK ? "task" : "call", slice->since);
	event_add(events, ",\"dur\":");
	event_usec(events, end - slice->since);
	event_add(events, ",\"name\":\"");
	if (slice->kind == SLICE_TASK) {
		const struct task *task = task_of(slice->task);
		add_task(events, task);
		event_add(events, "\",\"args\":{\"task\":");
		event_number(events, task->number);
		add_site(events, task);
		add_outcome(events, task);
		event_add(events, "}");
	} else if (slice->fn) {
		add_callback(tracer, slice->fn);
		event_add(events, "\"");
	} else {
		event_add(events, "the library\"");
	}
	event_end(events);
}

static void slice_begin(struct tracer *tracer, struct task *task, coro_callback *fn, uint64_t arrow)
{
	tracer->slice = (struct slice){
		.kind = task ? SLICE_TASK : SLICE_CALL,
		.task = task ? future_ref(future_of(task)) : NULL, /* it may end */
		.fn = fn,
		.arrow = arrow,
		.since = coro_clock(),
	};
}

static void slice_drop(struct slice *slice)
{
	coro_future_unref(slice->task);
	*slice = (struct slice){.kind = SLICE_NONE};
}

/* Ends the slice now. Arrows leave it just before its end, so that it includes them. */
static void slice_end(struct tracer *tracer)
{
	struct slice *slice = &tracer->slice;
	if (slice->kind == SLICE_NONE)
		return;
	int64_t now = coro_clock();
	int64_t end = now > slice->since ? now : slice->since + 1;
	write_slice(tracer, slice, end);
	if (slice->arrow)
		write_arrow(tracer, 'f', slice->arrow, slice->since);
	look(tracer, slice, end - 1);
	if (slice->task && slice->task->done)
		write_instant(tracer, "end", task_of(slice->task), end - 1);
	count_at_times(tracer, end);
	slice_drop(slice);
}

static void begin_entry(struct tracer *tracer, void *entry, uint64_t arrow)
{
	if (entry == READY_NOTHING)
		return;
	struct task *task = ready_is_task(entry) ? entry : NULL;
	coro_callback *fn = NULL;
	if (!task) {
		fn = handle_function(ready_to_call(entry));
		fn = fn ? fn : callback_function(ready_to_call(entry));
	}
	slice_begin(tracer, task, fn, arrow);
}

/* -- what the scheduler tells */

static void tracer_free(struct tracer *tracer)
{
	slice_drop(&tracer->slice);
	slice_drop(&tracer->outer);
	trace_unref(tracer->trace);
	free(tracer->arrows);
	free(tracer);
}

/* The loop is traced no more. A step that runs frees the tracer itself. */
static void detach(struct tracer *tracer)
{
	struct sched *sched = sched_traced(tracer);
	sched->trace = NULL;
	sched->step = sched->debug ? debug_step : NULL;
	tracer->loop->extensions[EXTENSION_TRACE] = NULL;
	tracer->detached = true;
	if (!tracer->stepping)
		tracer_free(tracer);
}

static void run_entry(struct sched *sched)
{
	if (sched->debug) {
		debug_step(sched);
	} else {
		sched_cut(sched, 1);
		turn_run_piece(sched);
	}
}

static void step(struct sched *sched)
{
	struct tracer *tracer = tracer_of(sched);
	size_t head = sched->ready.head;
	if (head == sched->turn_end)
		return;
	look(tracer, NULL, coro_clock());
	begin_entry(tracer, *ring_at(&sched->ready, head), arrow_to(tracer, head));
	tracer->stepping = true;
	run_entry(sched);
	tracer->stepping = false;
	if (!sched_is_own(sched))
		return; /* the step was the parent's, too */
	slice_end(tracer);
	events_give(&tracer->events);
	if (tracer->detached)
		tracer_free(tracer);
	else if (tracer->events.ended)
		detach(tracer);
}

static void on_poll(struct sched *sched, bool ended)
{
	struct tracer *tracer = tracer_of(sched);
	struct events *events = &tracer->events;
	int64_t now = coro_clock();
	if (!ended) {
		look(tracer, NULL, now);
		count(tracer, now);
		events_give(events);
		tracer->polling_since = coro_clock();
		return;
	}
	size_t seen = tracer->seen;
	struct slice poll = {.kind = SLICE_CALL, .since = tracer->polling_since};
	int64_t end = now > poll.since ? now : poll.since + 1;
	look(tracer, &poll, end - 1);
	event_begin(events, 'X', "poll", poll.since);
	event_add(events, ",\"dur\":");
	event_usec(events, end - poll.since);
	event_add(events, ",\"name\":\"poll\",\"args\":{\"ready\":");
	event_number(events, tracer->seen - seen);
	event_add(events, "}");
	event_end(events);
	count_at_times(tracer, end);
}

static void on_swap(struct sched *sched, size_t one, size_t other)
{
	struct tracer *tracer = tracer_of(sched);
	look(tracer, NULL, coro_clock());
	uint64_t arrow = arrow_to(tracer, one);
	set_arrow(tracer, one, arrow_to(tracer, other));
	set_arrow(tracer, other, arrow);
}

/* Whether an entry is a task that runs on after one that it has spawned. */
static bool starts_another(const void *entry)
{
	return ready_is_task(entry) && ((const struct task *)entry)->coro.flags & FLAG_STARTS;
}

/*
 * A task is switched to in the middle of a step. The slice of a task ends here, as that goes on in
 * another step; that of a callback goes on around the task's.
 */
static void on_start(struct sched *sched, struct task *task)
{
	struct tracer *tracer = tracer_of(sched);
	uint64_t arrow = 0;
	const struct ring *ready = &sched->ready;
	if (!ring_empty(ready) && starts_another(*ring_at(ready, ready->head)))
		set_arrow(tracer, ready->head, 0); /* the spawner, put there to run on */
	if (!tracer->stepping)
		return; /* the trace has begun within this step */
	if (tracer->slice.kind == SLICE_CALL && tracer->outer.kind == SLICE_NONE) {
		tracer->outer = tracer->slice;
		tracer->slice = (struct slice){.kind = SLICE_NONE};
	}
	if (task && !starts_another(task)) {
		const struct slice *from = tracer->slice.kind ? &tracer->slice : &tracer->outer;
		int64_t now = coro_clock(), before = now > from->since ? now - 1 : now;
		fit_arrows(tracer);
		look(tracer, from, before);
		write_instant(tracer, "spawn", task, before);
		arrow = begin_arrow(tracer, before);
	}
	slice_end(tracer);
	if (task) {
		slice_begin(tracer, task, NULL, arrow);
	} else {
		tracer->slice = tracer->outer;
		tracer->outer = (struct slice){.kind = SLICE_NONE};
	}
}

static void on_cancel(struct sched *sched, struct task *task)
{
	write_instant(tracer_of(sched), "cancel", task, coro_clock());
}

static const struct sched_trace hooks = {
	.poll = on_poll, .swap = on_swap, .start = on_start, .cancel = on_cancel};

/* -- on and off */

/* The loop is closed, or a copy of it in a child process. */
static void on_close(struct extension *extension, struct coro_loop *loop)
{
	struct tracer *tracer = container_of(extension, struct tracer, extension);
	(void)loop;
	count(tracer, coro_clock());
	events_give(&tracer->events); /* in a child nothing is taken */
	detach(tracer);
}

/* Names the track. */
static void write_names(struct tracer *tracer)
{
	struct events *events = &tracer->events;
	event_begin(events, 'M', "", tracer->trace->begun);
	event_add(events, ",\"name\":\"thread_name\",\"args\":{\"name\":\"loop ");
	event_number(events, tracer->track);
	event_add(events, "\"}");
	event_end(events);
}

static int attach(struct coro_loop *loop, struct coro_trace *trace)
{
	struct sched *sched = sched_of(loop);
	struct tracer *tracer = calloc(1, sizeof(*tracer));
	if (!tracer)
		return fail_code(-ENOMEM);
	tracer->extension.close = on_close;
	tracer->loop = loop;
	tracer->trace = trace_ref(trace);
	tracer->track = __atomic_add_fetch(&trace->loops, 1, __ATOMIC_RELAXED);
	tracer->seen = sched->ready.tail;
	tracer->arrows_mask = SIZE_MAX; /* unlike that of any ring with places */
	events_init(&tracer->events, trace, tracer->track);
	write_names(tracer);
	struct counts counts = counts_of(loop);
	write_counts(tracer, &counts, coro_clock());
	loop->extensions[EXTENSION_TRACE] = &tracer->extension;
	sched->trace = &hooks;
	sched->step = step;
	if (sched->runner)
		sched_cut(sched, 0);
	return 0;
}

int coro_loop_set_trace(struct coro_loop *loop, struct coro_trace *trace)
{
	int r = sched_check(sched_of(loop));
	if (r < 0)
		return r;
	if (sched_of(loop)->trace)
		detach(tracer_of(sched_of(loop)));
	return trace ? attach(loop, trace) : 0;
}

int coro_trace_open(const char *path, struct coro_trace **ret)
{
	if (!path || !ret)
		return fail_with(-EINVAL, "coro_trace_open: path or ret is NULL");
	int r = trace_open(path, ret);
	return r == -EBUSY ? fail_with(-EBUSY, "coro_trace_open: another trace uses the file")
			   : fail_code(r);
}

int coro_trace_close(struct coro_trace *trace)
{
	if (!trace)
		return 0;
	int r = trace_end(trace);
	trace_unref(trace);
	return fail_code(r);
}
