/* SPDX-License-Identifier: MIT */
/*
 * The tasks of the loop, below the report of a stack overflow. Called in a signal handler: nothing is
 * called that is not async-signal-safe, and memory is only read where the kernel says it can be,
 * since the overflow may have written over any of it.
 */
#include "base/system.h"
#include "core/overflow.h"
#include "io/fd.h"
#include "process/process.h"
#include "sync/lock.h"
#include "task/task.h"

#include <string.h>

enum {
	LINES = 16,
	COUNTED = 100000, /* tasks; the list may have become a circle */
	TEXT = 64,        /* the most of a name or a place */
};

/* -- reading: an address is a number, since it may be anything */

/* The address of a field of the object at an address. */
#define FIELD(at, type, field) ((uintptr_t)(at) + offsetof(type, field))

/* Whether all pages of it can be read. */
static bool can_read(uintptr_t at, size_t size)
{
	enum { SMALLEST_PAGE = 4096 };
	for (uintptr_t page = at; page - at < size;) {
		if (!system_can_read((const void *)page))
			return false;
		page = (page / SMALLEST_PAGE + 1) * SMALLEST_PAGE;
	}
	return true;
}

/* Copies memory. Returns false if it cannot be read. */
static __attribute__((noinline, no_sanitize_address, no_sanitize_thread)) bool fetch(void *to,
										     uintptr_t from,
										     size_t size)
{
	const volatile char *at = (const volatile char *)from;
	char *copy = to;
	if (!can_read(from, size))
		return false;
	while (size-- > 0)
		*copy++ = *at++;
	return true;
}

/* The pointer that lies there; 0 if it cannot be read. */
static uintptr_t fetch_pointer(uintptr_t from)
{
	uintptr_t pointer;
	return fetch(&pointer, from, sizeof(pointer)) ? pointer : 0;
}

/* -- a line */

struct line {
	size_t length;
	char chars[256];
};

/* Adds a text of the library's own. */
static void add(struct line *line, const char *text)
{
	size_t room = sizeof(line->chars) - 1 - line->length, length = strlen(text);
	if (length > room)
		length = room;
	memcpy(line->chars + line->length, text, length);
	line->length += length;
}

/* Adds a text as far as it can be read, at most TEXT bytes. */
static void add_text(struct line *line, uintptr_t text)
{
	char copy[TEXT + 1];
	size_t length = 0;
	while (length < TEXT && fetch(copy + length, text + length, 1) && copy[length]) {
		if ((unsigned char)copy[length] < ' ')
			copy[length] = '?';
		length++;
	}
	copy[length] = '\0';
	add(line, copy);
}

static void add_number(struct line *line, uint32_t n)
{
	char digits[12], *at = digits + sizeof(digits);
	*--at = '\0';
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	add(line, at);
}

static void write_line(struct line *line)
{
	line->chars[line->length++] = '\n';
	ssize_t written = write(STDERR_FILENO, line->chars, line->length);
	(void)written;
	line->length = 0;
}

/* -- what a task waits in */

/* Adds a text, and the number that lies at an address. Returns false if it cannot be read. */
static bool add_number_at(struct line *line, const char *text, uintptr_t at)
{
	uint32_t number;
	if (!fetch(&number, at, sizeof(number)))
		return false;
	add(line, text);
	add_number(line, number);
	return true;
}

static bool add_future(struct line *line, uintptr_t future)
{
	uint8_t kind;
	if (!fetch(&kind, FIELD(future, struct coro_future, kind), 1) || kind != FUTURE_TASK)
		return false;
	uintptr_t spawned = future - offsetof(struct spawned, future);
	return add_number_at(line, "task ", FIELD(spawned, struct spawned, task.number));
}

static bool add_holder(struct line *line, uintptr_t lock)
{
	uintptr_t hold = fetch_pointer(FIELD(lock, struct coro_lock, hold));
	return hold && add_number_at(line, "a lock, held by task ", FIELD(hold, struct hold, task));
}

static bool add_fd(struct line *line, uintptr_t fd, const struct wait_kind *kind)
{
	if (!add_number_at(line, "fd ", FIELD(fd, struct fd, number)))
		return false;
	add(line, ", ");
	add_text(line, (uintptr_t)kind->what);
	return true;
}

static bool add_process(struct line *line, uintptr_t process)
{
	return add_number_at(line, "the end of process ", FIELD(process, struct coro_process, pid));
}

/* Adds what the subject of a wait says. Returns false if it says no more than the kind. */
static bool add_subject(struct line *line, const struct wait_kind *kind, uintptr_t subject)
{
	switch ((enum subject_type)kind->subject.type) {
	case SUBJECT_FUTURE:
		return add_future(line, subject);
	case SUBJECT_LOCK:
		return add_holder(line, subject);
	case SUBJECT_FD:
		return add_fd(line, subject, kind);
	case SUBJECT_PROCESS:
		return add_process(line, subject);
	default:
		return false;
	}
}

/* Adds what a task does whose wait lies at an address. */
static void add_wait(struct line *line, uintptr_t at)
{
	struct task_wait wait;
	struct wait_kind kind;
	if (!fetch(&wait, at, sizeof(wait)))
		return;
	if (!wait.kind) {
		add(line, ", is ready");
		return;
	}
	if (!fetch(&kind, (uintptr_t)wait.kind, sizeof(kind)))
		return;
	add(line, ", waits in ");
	uintptr_t from = kind.subject.beside_waiter ? (uintptr_t)wait.waiter : at;
	if (!add_subject(line, &kind, fetch_pointer(from + (uintptr_t)(intptr_t)kind.subject.at)))
		add_text(line, (uintptr_t)kind.what);
}

/* -- tasks */

static void add_task(struct line *line, const struct spawned *spawned, bool runs)
{
	const struct coro *co = &spawned->task.coro;
	add(line, "coro:   task ");
	add_number(line, spawned->task.number);
	if (co->name) {
		add(line, " ");
		add_text(line, (uintptr_t)co->name);
	}
	if (co->site || spawned->parent)
		add(line, ", spawned");
	if (co->site) {
		add(line, " at ");
		add_text(line, (uintptr_t)co->site);
	}
	if (spawned->parent) {
		add(line, " by task ");
		add_number(line, spawned->parent);
	}
	if (runs)
		add(line, ", runs");
	else if (co->state == STATE_CREATED || !co->frame)
		add(line, ", has not started");
	else
		add_wait(line, FIELD(co->frame, struct frame, outer));
}

static void write_rest(struct line *line, size_t rest)
{
	add(line, "coro:   and ");
	add_number(line, (uint32_t)rest);
	add(line, rest == 1 ? " more task" : " more tasks");
	write_line(line);
}

/* Writes a line for each task of the loop, if there is another than the one that the report names. */
static void tell_of_tasks(const struct thread *thread)
{
	struct line line = {.length = 0};
	struct spawned spawned;
	uintptr_t sched = (uintptr_t)thread->sched;
	if (!sched || system_can_read((void *)sizeof(uintptr_t)))
		return; /* the kernel does not tell */
	uintptr_t head = FIELD(sched, struct tasks, all),
		  running = (uintptr_t)thread->sched->running;
	size_t count = 0;
	if (fetch_pointer(FIELD(head, struct list, next)) ==
	    fetch_pointer(FIELD(head, struct list, prev)))
		return;
	for (uintptr_t link = head;
	     (link = fetch_pointer(FIELD(link, struct list, next))) != head;) {
		uintptr_t at = link - offsetof(struct spawned, all);
		if (!link || count == COUNTED || !fetch(&spawned, at, sizeof(spawned)))
			break;
		if (count++ >= LINES)
			continue;
		add_task(&line, &spawned, FIELD(at, struct spawned, task) == running);
		write_line(&line);
	}
	if (count > LINES)
		write_rest(&line, count - LINES);
}

__attribute__((constructor)) static void tell_more(void)
{
	overflow_tell_more = tell_of_tasks;
}
