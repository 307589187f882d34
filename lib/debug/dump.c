/* SPDX-License-Identifier: MIT */
#include "debug/dump.h"

#include "core/fail.h"
#include "coro/debug.h"
#include "coro/task.h"
#include "loop/catcher.h"
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- a task */

static int describe(const struct task *task, char *text, size_t size)
{
	if (task->future.done)
		return snprintf(text, size, "nothing: it is done");
	if (task == task->future.loop->running)
		return snprintf(text, size, "nothing: it runs");
	if (task->coro.state == STATE_CREATED)
		return snprintf(text, size, "nothing: it has not started");
	if (!task_wait(task)->kind)
		return snprintf(text, size, "nothing: it is ready");
	return wait_describe(task_wait(task), text, size);
}

int coro_task_waiting(const struct coro_future *task, char *text, size_t size)
{
	if (!task || !is_task(task) || (!text && size > 0))
		return fail_with(-EINVAL, "coro_task_waiting: it is no task, or text is NULL");
	if (task->loop->thread != thread_current)
		return fail_with(-EPERM, "coro_task_waiting: the task is another thread's");
	return describe(task_of(task), text, size);
}

/* -- a loop */

enum { LINE = 512 };

/* A line that is filled piece by piece; what does not fit is left out. */
struct line {
	char text[LINE];
	size_t length;
};

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
	size_t room = LINE - 1 - line->length; /* the last is for the line's end */
	va_list args;
	va_start(args, format);
	int length = vsnprintf(line->text + line->length, room, format, args);
	va_end(args);
	if (length > 0)
		line->length += (size_t)length < room ? (size_t)length : room - 1;
}

static int write_line(struct line *line, int fd)
{
	line->text[line->length++] = '\n';
	for (size_t at = 0; at < line->length;) {
		ssize_t n = write(fd, line->text + at, line->length - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void add_task(struct line *line, const struct task *task)
{
	const struct coro_future *future = &task->future;
	char what[128];
	add(line, "coro:   task %u", future->number);
	if (task->coro.name)
		add(line, " %s", task->coro.name);
	if (task->coro.site)
		add(line, ", spawned at %s", task->coro.site);
	if (task->parent)
		add(line, " by task %u", task->parent);
	describe(task, what, sizeof(what));
	add(line, ", waits in %s", what);
}

int coro_loop_dump(const struct coro_loop *loop, int fd)
{
	int count = 0, r = loop_check(loop);
	if (r < 0)
		return r;
	list_for_each(link, &loop->tasks)
		count++;
	struct line line = {.length = 0};
	add(&line, "coro: a loop with %d task%s", count, count == 1 ? "" : "s");
	r = write_line(&line, fd);
	list_for_each(link, &loop->tasks) {
		line.length = 0;
		add_task(&line, container_of(link, struct task, all));
		if (r == 0)
			r = write_line(&line, fd);
	}
	return r < 0 ? fail_code(r) : count;
}

/* -- on a signal */

struct dumper {
	struct annex annex;
	struct catcher catcher;
};

/* The signal's number by its name, with or without SIG, or in digits; 0 for none. */
static int signal_named(const char *name)
{
	static const struct {
		const char *name;
		int signum;
	} names[] = {
		{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"USR1", SIGUSR1},
		{"USR2", SIGUSR2}, {"TERM", SIGTERM}, {"ALRM", SIGALRM}, {"WINCH", SIGWINCH},
	};
	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i].name) == 0)
			return names[i].signum;
	char *end;
	long number = strtol(name, &end, 10);
	return *name && !*end && number > 0 && number < NSIG ? (int)number : 0;
}

static void dump(struct message *message)
{
	struct catcher *catcher = container_of(message, struct catcher, message);
	catcher_take(catcher);
	coro_loop_dump(catcher->loop, STDERR_FILENO);
}

static void dumper_close(struct annex *annex, struct coro_loop *loop)
{
	struct dumper *dumper = container_of(annex, struct dumper, annex);
	(void)loop;
	catcher_remove(&dumper->catcher);
	free(dumper);
}

/* Who has set it waits for a dump; once is enough. */
static void refuse(const char *name)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	if (!atomic_flag_test_and_set(&told))
		fprintf(stderr, "coro: CORO_DUMP=%s is no signal that can be caught\n", name);
}

void dump_on_signal(struct coro_loop *loop)
{
	const char *name = getenv("CORO_DUMP");
	if (!name || !*name)
		return;
	int signum = signal_named(name);
	struct dumper *dumper = signum ? malloc(sizeof(*dumper)) : NULL;
	if (!signum)
		refuse(name);
	if (!dumper)
		return;
	*dumper = (struct dumper){
		.annex.close = dumper_close,
		.catcher = {.loop = loop, .signum = signum, .message.run = dump},
	};
	int r = catcher_add(&dumper->catcher);
	if (r == 0) {
		loop->annexes[ANNEX_DUMP] = &dumper->annex;
		return;
	}
	if (r == -EINVAL)
		refuse(name);
	free(dumper);
}
