/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "base/text.h"
#include "coro/debug.h"
#include "debug/signal_name.h"
#include "debug/watchdog.h"
#include "loop/loop.h"
#include "loop/signal_source.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dumper {
	struct extension extension;
	struct signal_source source;
	enum coro_dump_format format;
};

/* -- the variable: a signal, and a format behind a comma */

/* Returns false if there is no format of that name. NULL is the default. */
static bool format_named(const char *name, enum coro_dump_format *ret)
{
	static const char *const names[] = {
		[CORO_DUMP_LIST] = "list",
		[CORO_DUMP_TREE] = "tree",
		[CORO_DUMP_JSON] = "json",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (name && strcmp(name, names[i]) != 0)
			continue;
		*ret = (enum coro_dump_format)i;
		return true;
	}
	return false;
}

/* -- dumps */

/* Without memory for a tree, it is a list. */
static void dump_to_stderr(const struct coro_loop *loop, enum coro_dump_format format)
{
	if (coro_loop_dump_as(loop, STDERR_FILENO, format) == -ENOMEM)
		coro_loop_dump_as(loop, STDERR_FILENO, CORO_DUMP_LIST);
}

static void dump(struct message *message)
{
	struct signal_source *source = container_of(message, struct signal_source, message);
	signal_source_take(source);
	dump_to_stderr(source->loop, container_of(source, struct dumper, source)->format);
}

static void dump_deadlock(const struct coro_loop *loop)
{
	dump_to_stderr(loop, CORO_DUMP_TREE);
}

static void dumper_close(struct extension *extension, struct coro_loop *loop)
{
	struct dumper *dumper = container_of(extension, struct dumper, extension);
	watchdog_forget_dumps(loop);
	signal_source_remove(&dumper->source);
	free(dumper);
}

/* Says once that there is no format of that name. */
static void refuse_format(const char *wanted)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	char chars[160];
	struct text text = {chars, sizeof(chars), 0};
	if (atomic_flag_test_and_set(&told))
		return;
	text_add(&text, "coro: CORO_DUMP=%.64s names no format: there are list, tree and json\n",
		 wanted);
	text_write(&text);
}

static int dumper_create(struct coro_loop *loop, int signum, enum coro_dump_format format)
{
	struct dumper *dumper = memory_alloc(sizeof(*dumper));
	if (!dumper)
		return -ENOMEM;
	*dumper = (struct dumper){
		.extension.close = dumper_close,
		.source = {.loop = loop, .signum = signum, .message.run = dump},
		.format = format,
	};
	int r = signal_source_add(&dumper->source);
	if (r < 0) {
		free(dumper);
		return r;
	}
	loop->extensions[EXTENSION_DUMP] = &dumper->extension;
	watchdog_watch_dumps(loop, &dumper->source.count);
	return 0;
}

/* Of a new loop: has the signal of CORO_DUMP dump it, if the environment names one. */
static void dump_on_signal(struct coro_loop *loop)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	const char *wanted = getenv("CORO_DUMP");
	if (!wanted || !*wanted)
		return;
	char name[32];
	size_t length = strcspn(wanted, ",");
	enum coro_dump_format format;
	if (!format_named(wanted[length] ? wanted + length + 1 : NULL, &format)) {
		refuse_format(wanted);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)length, wanted);
	int signum = length < sizeof(name) ? signal_named(name) : 0;
	if (!signum || dumper_create(loop, signum, format) == -EINVAL)
		signal_refuse("CORO_DUMP", wanted, &told);
}

__attribute__((constructor)) static void watch_loops(void)
{
	loop_made = dump_on_signal;
	loop_deadlocked = dump_deadlock;
}
