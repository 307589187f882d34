/* SPDX-License-Identifier: MIT */
/* CORO_TRACE=FILE in the environment: all loops are traced, from their beginning on. */
#include "base/system.h"
#include "base/text.h"
#include "coro/trace.h"
#include "debug/trace_file.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The trace of the process. It ends at exit. */
static struct {
	pthread_mutex_t mutex;
	unsigned fork_count; /* of the process that has tried to open it; 0: none has */
	struct coro_trace *trace;
} all = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Says so once: whoever set the variable waits for a trace. */
static void refuse(const char *path, int error)
{
	char chars[256];
	struct text text = {chars, sizeof(chars), 0};
	text_add(&text, "coro: CORO_TRACE=%.128s: %s\n", path,
		 error == -EBUSY ? "another trace uses the file" : coro_strerror(error));
	ssize_t written = write(STDERR_FILENO, text.chars, text.length);
	(void)written;
}

/* A child process must not write to the file of its parent. */
static void open_once(const char *path)
{
	if (all.fork_count == fork_count)
		return;
	bool forked = all.fork_count > 0;
	__atomic_store_n(&all.fork_count, fork_count, __ATOMIC_RELAXED);
	all.trace = NULL;
	if (forked && !strstr(path, "%p"))
		return;
	int r = trace_open(path, &all.trace);
	if (r < 0)
		refuse(path, r);
	else
		all.trace->reports = true;
}

static struct coro_trace *trace_of_process(const char *path)
{
	unsigned tried = __atomic_load_n(&all.fork_count, __ATOMIC_RELAXED);
	if (tried > 0 && tried != fork_count) /* somebody may have held the mutex at the fork */
		all.mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&all.mutex);
	open_once(path);
	struct coro_trace *trace = all.trace;
	pthread_mutex_unlock(&all.mutex);
	return trace;
}

static void (*made_before)(struct coro_loop *loop);

/* Without memory the loop is not traced. */
static void trace_loop(struct coro_loop *loop)
{
	const char *path = system_secure_getenv("CORO_TRACE");
	struct coro_trace *trace = path && *path ? trace_of_process(path) : NULL;
	if (made_before)
		made_before(loop);
	if (trace)
		(void)!coro_loop_set_trace(loop, trace);
}

__attribute__((constructor)) static void watch_loops(void)
{
	made_before = loop_made;
	loop_made = trace_loop;
}
