/* SPDX-License-Identifier: MIT */
#include "debug/trace_file.h"

#include "base/text.h"
#include "coro/base.h"
#include "io/sigpipe.h"
#include "sched/fork.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* What is older than this is written at the next occasion. */
enum { WRITE_EACH = 100 * 1000 * 1000 };

/* Those that were opened and have not ended. */
static struct {
	pthread_mutex_t mutex;
	struct coro_trace *first;
	unsigned fork_count; /* of the process that they are of */
} opened = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fork_count = 1};

/* -- names */

static size_t path_length(const char *path)
{
	enum { PID_DIGITS = 20 };
	size_t length = strlen(path) + 1;
	for (const char *at = path; (at = strstr(at, "%p")); at += 2)
		length += PID_DIGITS;
	return length;
}

/* Copies the path, with the number of the process for each %p. There is room. */
static void expand(const char *path, char *ret)
{
	const char *at;
	for (; (at = strstr(path, "%p")); path = at + 2) {
		memcpy(ret, path, (size_t)(at - path));
		ret += at - path;
		ret += sprintf(ret, "%d", (int)getpid());
	}
	strcpy(ret, path);
}

/* -- writing; the mutex is held */

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno != EINTR)
			return -errno;
		bytes += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* A pipe without a reader must not end the program, nor a cancelled thread keep the mutex. */
static int write_quietly(int fd, const char *bytes, size_t length)
{
	struct sigpipe sigpipe;
	int cancellable;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellable);
	sigpipe_block(&sigpipe);
	int r = write_all(fd, bytes, length);
	sigpipe_unblock(&sigpipe, r == -EPIPE);
	pthread_setcancelstate(cancellable, NULL);
	return r;
}

/* Writes the array's end and closes the file. */
static void complete(struct coro_trace *trace)
{
	int r = trace->written > 0 ? write_quietly(trace->fd, "\n]\n", 3) : 0;
	if (trace->error == 0)
		trace->error = r;
	close(trace->fd);
	trace->fd = -1;
}

static void report(const struct coro_trace *trace)
{
	char chars[256];
	struct text text = {chars, sizeof(chars), 0};
	text_add(&text, "coro: the trace %.128s ends here: %s\n", trace->path,
		 coro_strerror(trace->error));
	write_quietly(STDERR_FILENO, text.chars, text.length);
}

/* Writes the buffer. An error ends the trace, and what was written of the buffer is cut off. */
static void flush(struct coro_trace *trace, int64_t now)
{
	int r = write_quietly(trace->fd, trace->buffer, trace->length);
	trace->written_at = now;
	if (r == 0)
		trace->written += (off_t)trace->length;
	trace->length = 0;
	if (r == 0)
		return;
	trace->error = r;
	int cut = ftruncate(trace->fd, trace->written);
	(void)cut; /* it may be no plain file */
	if (trace->reports)
		report(trace);
	complete(trace);
}

bool trace_add(struct coro_trace *trace, const char *lines, size_t length, int64_t now)
{
	if (!fork_is_own(trace->fork_count))
		return false;
	pthread_mutex_lock(&trace->mutex);
	if (trace->fd >= 0 && trace->length + length > TRACE_BUFFER)
		flush(trace, now);
	bool open = trace->fd >= 0;
	if (open) {
		memcpy(trace->buffer + trace->length, lines, length);
		trace->length += length;
		if (now - trace->written_at >= WRITE_EACH)
			flush(trace, now);
	}
	pthread_mutex_unlock(&trace->mutex);
	return open;
}

/* -- opening */

/* Two programs, or two traces of one, must not write to the same file. */
static int lock_and_empty(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -EBUSY;
	int r = ftruncate(fd, 0);
	(void)r; /* it may be no plain file */
	return 0;
}

static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0)
		return -errno;
	int r = lock_and_empty(fd);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* In a child process the list and its mutex, which may be held, are the parent's. */
static void enlist(struct coro_trace *trace)
{
	if (opened.fork_count != fork_count) {
		opened.mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
		opened.first = NULL;
		opened.fork_count = fork_count;
	}
	pthread_mutex_lock(&opened.mutex);
	trace->next = opened.first;
	opened.first = trace;
	pthread_mutex_unlock(&opened.mutex);
}

static void begin(struct coro_trace *trace)
{
	trace->length = (size_t)snprintf(trace->buffer, TRACE_BUFFER,
					 "[\n{\"ph\":\"M\",\"pid\":%d,\"name\":\"process_name\","
					 "\"args\":{\"name\":\"coro\"}}",
					 (int)getpid());
}

int trace_open(const char *path, struct coro_trace **ret)
{
	int r = fork_watch();
	struct coro_trace *trace = r == 0 ? malloc(sizeof(*trace) + path_length(path)) : NULL;
	if (!trace)
		return -ENOMEM;
	expand(path, trace->path);
	int fd = open_file(trace->path);
	if (fd < 0) {
		free(trace);
		return fd;
	}
	trace->refs = 1;
	trace->fork_count = fork_count;
	trace->begun = trace->written_at = coro_clock();
	trace->loops = 0;
	trace->reports = false;
	trace->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	trace->fd = fd;
	trace->error = 0;
	trace->written = 0;
	begin(trace);
	enlist(trace);
	*ret = trace;
	return 0;
}

/* -- the end */

static void unlist(struct coro_trace *trace)
{
	pthread_mutex_lock(&opened.mutex);
	for (struct coro_trace **at = &opened.first; *at; at = &(*at)->next)
		if (*at == trace) {
			*at = trace->next;
			break;
		}
	pthread_mutex_unlock(&opened.mutex);
}

/* A copy in a child process: nothing is written. */
static int drop(struct coro_trace *trace)
{
	if (trace->fd >= 0)
		close(trace->fd);
	trace->fd = -1;
	return 0;
}

int trace_end(struct coro_trace *trace)
{
	if (!fork_is_own(trace->fork_count))
		return drop(trace);
	unlist(trace);
	pthread_mutex_lock(&trace->mutex);
	if (trace->fd >= 0)
		flush(trace, coro_clock());
	if (trace->fd >= 0)
		complete(trace);
	int r = trace->error;
	pthread_mutex_unlock(&trace->mutex);
	return r;
}

void trace_unref(struct coro_trace *trace)
{
	if (__atomic_sub_fetch(&trace->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(trace);
}

/* The process ends. Loops of other threads may still write, and find the trace ended. */
__attribute__((destructor)) static void end_all(void)
{
	struct coro_trace *trace;
	if (!fork_is_own(opened.fork_count))
		return;
	do {
		pthread_mutex_lock(&opened.mutex);
		trace = opened.first;
		pthread_mutex_unlock(&opened.mutex);
		if (trace)
			trace_end(trace);
	} while (trace);
}
