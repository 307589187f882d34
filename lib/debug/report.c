/* SPDX-License-Identifier: MIT */
/* What a loop reports, said on stderr, a line for each; and debug mode's steps that take long. */
#include "base/hooks.h"

#include "core/coroutine.h"
#include "coro/loop.h"
#include "coro/task.h"
#include "debug/dump_signal.h"
#include "loop/loop.h"
#include "task/group.h"
#include "task/timeout.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * A text in pieces, for one write, so that those of several threads do not mix, and none is cut
 * short. It is made on whatever stack the report comes from, which may be a small one.
 */
struct pieces {
	struct iovec pieces[24];
	int count;
};

static void add(struct pieces *text, const char *piece)
{
	text->pieces[text->count++] = (struct iovec){(void *)piece, strlen(piece)};
}

static void say(const struct pieces *text)
{
	ssize_t written = writev(STDERR_FILENO, text->pieces, text->count);
	(void)written;
}

static void add_site(struct pieces *text, const char *how, const char *site)
{
	if (!site)
		return;
	add(text, how);
	add(text, site);
}

static void add_task(struct pieces *text, const struct coro_future *task)
{
	const char *name = coro_task_name(task);
	add(text, "task ");
	add(text, name ? name : "?");
	add_site(text, ", spawned at ", coro_task_site(task));
}

static void add_generator(struct pieces *text, const struct coro *generator)
{
	add(text, ": generator");
	if (generator->name) {
		add(text, " ");
		add(text, generator->name);
	}
	add_site(text, ", made at ", generator->site);
}

static void say_report(const struct coro_report *report)
{
	struct pieces text = {.count = 0};
	char number[24];
	add(&text, "coro: ");
	add(&text, report->message ? report->message : "Unhandled exception in event loop");
	if (coro_is_task(report->future)) {
		add(&text, ": ");
		add_task(&text, report->future);
	}
	if (report->generator)
		add_generator(&text, report->generator);
	if (report->error) {
		snprintf(number, sizeof(number), " (error %d", report->error);
		add(&text, ": ");
		add(&text,
		    report->error_message ? report->error_message : coro_strerror(report->error));
		add(&text, number);
		add_site(&text, ", raised at ", report->origin);
		add(&text, ")");
	}
	add(&text, "\n");
	say(&text);
}

static void say_slow(const struct coro_future *task, coro_callback *fn, int64_t duration)
{
	struct pieces text = {.count = 0};
	char callback[32], took[48];
	int64_t msec = duration / CORO_MSEC;
	add(&text, "coro: executing ");
	if (task) {
		add_task(&text, task);
	} else {
		snprintf(callback, sizeof(callback), "callback %p", (void *)(uintptr_t)fn);
		add(&text, callback);
	}
	snprintf(took, sizeof(took), " took %lld.%03d seconds\n", (long long)(msec / 1000),
		 (int)(msec % 1000));
	add(&text, took);
	say(&text);
}

static void say_found(const struct coro_future *task, const char *what)
{
	struct pieces text = {.count = 0};
	add(&text, "coro: ");
	add_task(&text, task);
	add(&text, ": ");
	add(&text, what);
	add(&text, "\n");
	say(&text);
}

static void say_left(const char *taken, const char *site, const char *undone)
{
	struct pieces text = {.count = 0};
	add(&text, "coro: ");
	add(&text, taken);
	add(&text, " at ");
	add(&text, site ? site : "?");
	add(&text, " was never ");
	add(&text, undone);
	add(&text, "\n");
	say(&text);
}

static void say_closed(int fd)
{
	struct pieces text = {.count = 0};
	char number[16];
	snprintf(number, sizeof(number), "%d", fd);
	add(&text, "coro: fd ");
	add(&text, number);
	add(&text,
	    " was closed, or is another now, and the loop was not told: use coro_fd_close or "
	    "coro_fd_forget\n");
	say(&text);
}

static void tell_of_yield(const struct coro *generator)
{
	const struct coro_loop *loop = thread_current->loop;
	if (!loop)
		return;
	timeouts_tell_of_yield(loop, generator);
	groups_tell_of_yield(loop, generator);
}

const struct hooks hooks = {
	.report = say_report,
	.found = say_found,
	.left = say_left,
	.closed = say_closed,
	.yields = tell_of_yield,
	.slow = say_slow,
	.made = dump_on_signal,
};
