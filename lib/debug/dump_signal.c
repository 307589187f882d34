/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "coro/debug.h"
#include "debug/signal_name.h"
#include "loop/loop.h"
#include "loop/signal_source.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct dumper {
	struct extension extension;
	struct signal_source source;
};

static void dump(struct message *message)
{
	struct signal_source *source = container_of(message, struct signal_source, message);
	signal_source_take(source);
	coro_loop_dump(source->loop, STDERR_FILENO);
}

static void dumper_close(struct extension *extension, struct coro_loop *loop)
{
	struct dumper *dumper = container_of(extension, struct dumper, extension);
	(void)loop;
	signal_source_remove(&dumper->source);
	free(dumper);
}

static int dumper_create(struct coro_loop *loop, int signum)
{
	struct dumper *dumper = memory_alloc(sizeof(*dumper));
	if (!dumper)
		return -ENOMEM;
	*dumper = (struct dumper){
		.extension.close = dumper_close,
		.source = {.loop = loop, .signum = signum, .message.run = dump},
	};
	int r = signal_source_add(&dumper->source);
	if (r < 0)
		free(dumper);
	else
		loop->extensions[EXTENSION_DUMP] = &dumper->extension;
	return r;
}

/* Of a new loop: has the signal of CORO_DUMP dump it, if the environment names one. */
static void dump_on_signal(struct coro_loop *loop)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	const char *name = getenv("CORO_DUMP");
	if (!name || !*name)
		return;
	int signum = signal_named(name);
	if (!signum || dumper_create(loop, signum) == -EINVAL)
		signal_refuse("CORO_DUMP", name, &told);
}

__attribute__((constructor)) static void watch_loops(void)
{
	loop_made = dump_on_signal;
}
