/* SPDX-License-Identifier: MIT */
#include "debug/ps/wait.h"

#include "base/text.h"
#include "sched/park.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of damaged memory, no more than this is read of all tasks. */
enum { AWAITS_MOST = 1 << 22, NAMED = 8 };

/* What is being described. */
struct look {
	struct snapshot *snapshot;
	const struct loop_record *loop;
	const struct debug_offsets *table;
	struct task_record *task;
	struct text *text;
};

static uint64_t pointer_at(const struct look *look, uint64_t at)
{
	uintptr_t pointer;
	return snapshot_read(look->snapshot, look->task, at, &pointer, sizeof(pointer)) ? pointer
											: 0;
}

static uint32_t number_at(const struct look *look, uint64_t at)
{
	uint32_t number;
	return snapshot_read(look->snapshot, look->task, at, &number, sizeof(number)) ? number : 0;
}

static uint8_t byte_at(const struct look *look, uint64_t at)
{
	uint8_t byte;
	return snapshot_read(look->snapshot, look->task, at, &byte, 1) ? byte : 0;
}

static void add_what(const struct look *look, uint64_t kind)
{
	char what[128];
	uint64_t at = pointer_at(look, kind + look->table->wait_kind.what);
	if (at && memory_text(&look->snapshot->image->memory, at, what, sizeof(what)))
		text_add(look->text, "%s", what);
	else
		text_add(look->text, "something");
}

/* -- sleeps */

static void add_timer(const struct look *look, uint64_t timer)
{
	const struct debug_offsets *table = look->table;
	uint64_t heap = look->loop->address + table->sched.timers;
	uint64_t place = pointer_at(look, timer + table->heap.timer_node + table->heap.node_place);
	if (place >= pointer_at(look, heap + table->heap.count))
		return;
	uint64_t entry =
		pointer_at(look, heap + table->heap.entries) + place * table->heap.entry_bytes;
	int64_t end, now = look->loop->virtual_clock ? look->loop->now : look->snapshot->image->now;
	if (!snapshot_read(look->snapshot, look->task, entry + table->heap.entry_key, &end,
			   sizeof(end)))
		return;
	if (end == INT64_MAX)
		text_add(look->text, " without end");
	else if (now >= 0 && end >= 0)
		text_add(look->text, ", %.3f s more", end > now ? (double)(end - now) / 1e9 : 0.0);
}

/* -- futures and tasks */

static void add_awaited(struct snapshot *snapshot, struct task_record *task, uint64_t address)
{
	size_t count = task->await_count;
	if ((count & (count - 1)) == 0) {
		uint64_t *moved = realloc(task->awaits, (count ? count * 2 : 1) * sizeof(*moved));
		if (!moved)
			return;
		task->awaits = moved;
	}
	task->awaits[task->await_count++] = address;
	snapshot->await_count++;
}

/* Futures that are waited for: the tasks among them that are not done become what it awaits. */
struct futures {
	size_t count, left;
	uint64_t tasks[NAMED]; /* the first of these tasks */
	size_t task_count;
};

enum { TASK = 1, GATHER = 2 }; /* enum future_kind */

static void count_future(const struct look *look, uint64_t future, struct futures *futures)
{
	const struct debug_offsets *table = look->table;
	futures->count++;
	if (byte_at(look, future + table->future.done))
		return;
	futures->left++;
	if (byte_at(look, future + table->future.kind) != TASK)
		return;
	uint64_t task = future - table->spawned.future;
	if (futures->task_count < NAMED)
		futures->tasks[futures->task_count] = task;
	futures->task_count++;
	add_awaited(look->snapshot, look->task, task);
}

/* An array of items that point to futures. */
static void count_array(const struct look *look, uint64_t count, uint64_t first,
			uint32_t item_bytes, uint32_t item_future, struct futures *futures)
{
	for (uint64_t i = 0; i < count && look->snapshot->await_count < AWAITS_MOST; i++) {
		uint64_t future = pointer_at(look, first + i * item_bytes + item_future);
		if (!future)
			return;
		count_future(look, future, futures);
	}
}

static void count_done_calls(const struct look *look, uint64_t done_calls, struct futures *futures)
{
	const struct debug_offsets *table = look->table;
	count_array(look, pointer_at(look, done_calls + table->done_calls.count),
		    pointer_at(look, done_calls + table->done_calls.all),
		    table->done_calls.item_bytes, table->done_calls.item_future, futures);
}

static void count_completed(const struct look *look, uint64_t completed, struct futures *futures)
{
	const struct debug_offsets *table = look->table;
	count_array(look, pointer_at(look, completed + table->completed.count),
		    completed + table->completed.all, table->completed.item_bytes,
		    table->completed.item_future, futures);
}

static void count_members(const struct look *look, uint64_t group, struct futures *futures)
{
	const struct debug_offsets *table = look->table;
	uint64_t head = group + table->group.members;
	uint64_t node = pointer_at(look, head + table->list.next), known = 0;
	for (size_t i = 0; node && node != head && node != known; i++) {
		uint64_t member = node - table->member.link;
		if (look->snapshot->await_count >= AWAITS_MOST)
			return;
		count_future(look, pointer_at(look, member + table->member.future), futures);
		if ((i & (i - 1)) == 0)
			known = node;
		node = pointer_at(look, node + table->list.next);
	}
}

static void add_task(const struct look *look, uint64_t address)
{
	const struct task_record *task = snapshot_task(look->loop, address);
	text_add(look->text, "task %u", number_at(look, address + look->table->task.number));
	if (task && task->name)
		text_add(look->text, " %s", task->name);
}

/* Adds ": task 3, task 4 fetch". */
static void add_tasks(const struct look *look, const struct futures *futures)
{
	for (size_t i = 0; i < futures->task_count && i < NAMED; i++) {
		text_add(look->text, i == 0 ? ": " : ", ");
		add_task(look, futures->tasks[i]);
	}
	if (futures->task_count > NAMED)
		text_add(look->text, " and %zu more", futures->task_count - NAMED);
}

static void add_left_of(const struct look *look, const char *what, const struct futures *futures)
{
	text_add(look->text, "%s, %zu of %zu left", what, futures->left, futures->count);
	add_tasks(look, futures);
}

static void add_future(const struct look *look, uint64_t future)
{
	const struct debug_offsets *table = look->table;
	struct futures futures = {0};
	uint8_t kind = byte_at(look, future + table->future.kind);
	if (kind == GATHER) {
		count_done_calls(look, future + table->gather.children, &futures);
		add_left_of(look, "a gather", &futures);
	} else if (kind == TASK) {
		count_future(look, future, &futures);
		add_task(look, future - table->spawned.future);
	} else {
		text_add(look->text, "a future");
	}
}

static void add_several(const struct look *look, uint8_t type, uint64_t subject)
{
	struct futures futures = {0};
	if (type == SUBJECT_FUTURES) {
		count_done_calls(look, subject, &futures);
		add_left_of(look, "several futures", &futures);
	} else if (type == SUBJECT_COMPLETED) {
		count_completed(look, pointer_at(look, subject), &futures);
		add_left_of(look, "as_completed", &futures);
	} else {
		count_members(look, pointer_at(look, subject), &futures);
		text_add(look->text, "a group, %zu member%s left", futures.left,
			 futures.left == 1 ? "" : "s");
		add_tasks(look, &futures);
	}
}

/* -- other subjects */

static void add_lock(const struct look *look, uint64_t lock)
{
	const struct debug_offsets *table = look->table;
	char site[128];
	uint64_t hold = pointer_at(look, lock + table->lock.hold);
	uint32_t holder = hold ? number_at(look, hold + table->hold.task) : 0;
	uint64_t at = hold ? pointer_at(look, hold + table->hold.site) : 0;
	text_add(look->text, "a lock");
	if (hold)
		text_add(look->text, ", held");
	if (holder)
		text_add(look->text, " by task %u", holder);
	if (at && memory_text(&look->snapshot->image->memory, at, site, sizeof(site)))
		text_add(look->text, " since %s", site);
	const struct task_record *task = holder ? snapshot_numbered(look->loop, holder) : NULL;
	if (task)
		add_awaited(look->snapshot, look->task, task->address);
}

static void add_fd(const struct look *look, uint64_t fd, uint64_t kind)
{
	if (!fd) {
		text_add(look->text, "an fd that is closed");
		return;
	}
	look->task->fd = (int)number_at(look, fd + look->table->fd.number);
	text_add(look->text, "fd %d, ", look->task->fd);
	add_what(look, kind);
}

/* -- all */

static uint64_t subject_of(const struct look *look, uint64_t wait, uint64_t kind)
{
	const struct debug_offsets *table = look->table;
	uint64_t from = byte_at(look, kind + table->wait_kind.subject_beside)
				? pointer_at(look, wait + table->wait.waiter)
				: wait;
	int16_t at;
	if (!from || !snapshot_read(look->snapshot, look->task, kind + table->wait_kind.subject_at,
				    &at, sizeof(at)))
		return 0;
	return from + (uint64_t)(int64_t)at;
}

/* Whether the future is awaited for something else than its end, which `what` then says. */
static bool is_start(const struct look *look, uint64_t kind)
{
	char what[32];
	return memory_text(&look->snapshot->image->memory,
			   pointer_at(look, kind + look->table->wait_kind.what), what,
			   sizeof(what)) &&
	       strcmp(what, "a member's start") == 0;
}

static void add_all(const struct look *look, uint64_t wait, uint64_t kind)
{
	uint64_t subject = subject_of(look, wait, kind);
	uint8_t type = byte_at(look, kind + look->table->wait_kind.subject_type);
	uint64_t object = subject ? pointer_at(look, subject) : 0;
	switch (subject ? type : SUBJECT_NONE) {
	case SUBJECT_TIMER:
		add_what(look, kind);
		add_timer(look, subject);
		break;
	case SUBJECT_FUTURE:
		if (is_start(look, kind))
			text_add(look->text, "the start of ");
		add_future(look, object);
		break;
	case SUBJECT_FUTURES:
	case SUBJECT_COMPLETED:
	case SUBJECT_GROUP:
		add_several(look, type, subject);
		break;
	case SUBJECT_LOCK:
		add_lock(look, object);
		break;
	case SUBJECT_FD:
		add_fd(look, object, kind);
		break;
	case SUBJECT_PROCESS:
		text_add(look->text, "the end of process %d",
			 (int)number_at(look, object + look->table->process.pid));
		break;
	default:
		add_what(look, kind);
	}
}

/* How long it has waited, which is known in debug mode: see wait_stamp. */
static int64_t waited(const struct look *look, uint64_t wait)
{
	uint32_t since = number_at(look, wait + look->table->wait.since);
	int64_t now = look->loop->virtual_clock ? look->loop->now : look->snapshot->image->now;
	if (!since || now < 0)
		return -1;
	uint32_t msec = wait_stamp(now) - since;
	return msec <= INT32_MAX ? msec * INT64_C(1000000) : 0;
}

void wait_look(struct snapshot *snapshot, const struct loop_record *loop, struct task_record *task,
	       uint64_t wait, uint64_t kind)
{
	char chars[512];
	struct text text = {chars, sizeof(chars), 0};
	struct look look = {
		.snapshot = snapshot,
		.loop = loop,
		.table = loop->table,
		.task = task,
		.text = &text,
	};
	*chars = '\0';
	add_all(&look, wait, kind);
	task->waits_in = strdup(chars);
	task->waited = waited(&look, wait);
}
