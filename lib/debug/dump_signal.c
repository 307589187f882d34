/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "coro/debug.h"
#include "loop/loop.h"
#include "loop/signal_source.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dumper {
	struct extension extension;
	struct signal_source source;
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

/* Says so once: whoever set the variable waits for a dump. */
static void refuse(const char *name)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	char text[128];
	if (atomic_flag_test_and_set(&told))
		return;
	int n = snprintf(text, sizeof(text),
			 "coro: CORO_DUMP=%.64s is no signal that can be caught\n", name);
	ssize_t written = write(STDERR_FILENO, text, (size_t)n);
	(void)written;
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
	const char *name = getenv("CORO_DUMP");
	if (!name || !*name)
		return;
	int signum = signal_named(name);
	if (!signum || dumper_create(loop, signum) == -EINVAL)
		refuse(name);
}

__attribute__((constructor)) static void watch_loops(void)
{
	loop_made = dump_on_signal;
}
