/* SPDX-License-Identifier: MIT */
/* Talks to a process by all its pipes at once: each has a task. */
#include "base/error.h"
#include "coro/group.h"
#include "coro/io.h"
#include "io/process.h"
#include "loop/loop.h"

#include <stdlib.h>

/* What comes of one of its streams. */
struct intake {
	struct coro_process *process;
	int stream;
	size_t limit; /* 0: none */
	bool wanted;
	size_t total; /* bytes that have come */
	char *bytes;  /* that are kept, with room for a NUL */
	size_t length, room;
	bool reading; /* by a task of its own, with which the bytes go, should that be thrown away */
	struct cleanup cleanup;
};

struct talk {
	struct coro_process *process;
	const void *input;
	size_t length;
	struct intake out, err;
	struct cleanup cleanup;
};

/* Sees to room for more: 0 or -ENOMEM. */
static int grow(struct intake *intake)
{
	enum { FIRST = 4096 };
	if (!intake->wanted)
		intake->length = 0;
	if (intake->length + 1 < intake->room)
		return 0;
	size_t room = intake->room ? intake->room * 2 : FIRST;
	char *bytes = realloc(intake->bytes, room);
	if (!bytes)
		return -ENOMEM;
	intake->bytes = bytes;
	intake->room = room;
	return 0;
}

static coro_async int read_to_end(struct intake *intake, int fd)
{
	for (;;) {
		int r = grow(intake);
		if (r < 0)
			return r;
		ssize_t n = coro_read(fd, intake->bytes + intake->length,
				      intake->room - intake->length - 1);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		intake->length += (size_t)n;
		intake->total += (size_t)n;
		if (intake->limit && intake->total > intake->limit)
			return -EMSGSIZE;
	}
	intake->bytes[intake->length] = '\0';
	return process_close_pipe(intake->process, intake->stream);
}

static void take_in_abandon(struct cleanup *cleanup)
{
	struct intake *intake = container_of(cleanup, struct intake, cleanup);
	free(intake->bytes);
	intake->bytes = NULL;
	intake->reading = false;
}

/* Who has the system read into memory gives it back, and not before the system has let go of it. */
static coro_async int take_in(void *arg)
{
	struct intake *intake = arg;
	int fd = intake->process->pipes[intake->stream];
	if (fd < 0)
		return 0;
	cleanup_push(task_running(), &intake->cleanup, take_in_abandon);
	intake->reading = true;
	int r = read_to_end(intake, fd);
	intake->reading = false;
	cleanup_pop(&intake->cleanup);
	return r;
}

/* Writes all there is. That it does not read it is its business. */
static coro_async int put_out(void *arg)
{
	const struct talk *talk = arg;
	int fd = talk->process->pipes[0];
	const char *at = talk->input;
	for (size_t left = talk->length; left > 0;) {
		ssize_t n = coro_write(fd, at, left);
		if (n == -EPIPE || n == -ECONNRESET)
			break;
		if (n < 0)
			return (int)n;
		at += n;
		left -= (size_t)n;
	}
	return process_close_pipe(talk->process, 0);
}

static coro_async int converse(struct talk *talk)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	if (talk->process->pipes[0] >= 0)
		r = coro_group_spawn(group, put_out, talk, NULL);
	if (r == 0 && talk->process->pipes[2] >= 0)
		r = coro_group_spawn(group, take_in, &talk->err, NULL);
	if (r == 0)
		r = take_in(&talk->out);
	r = coro_group_end(group, r);
	return r < 0 ? r : coro_process_wait(talk->process, NULL);
}

static void finish(struct talk *talk)
{
	talk->process->talking = false;
	if (!talk->out.reading)
		free(talk->out.bytes);
	if (!talk->err.reading)
		free(talk->err.bytes);
}

static void abandon(struct cleanup *cleanup)
{
	finish(container_of(cleanup, struct talk, cleanup));
}

static void give(struct intake *intake, struct coro_bytes *ret)
{
	if (!ret)
		return;
	*ret = (struct coro_bytes){.bytes = intake->bytes, .length = intake->length};
	intake->bytes = NULL;
}

int coro_process_communicate(struct coro_process *process, const void *input, size_t length,
			     size_t limit, struct coro_bytes *out, struct coro_bytes *err)
{
	struct task *task = task_running();
	if (!process || (!input && length > 0))
		return -EINVAL;
	if (!task || task->future.loop != process->loop)
		return -EPERM;
	if (process->talking)
		return -EBUSY;
	struct talk talk = {
		.process = process,
		.input = input,
		.length = length,
		.out = {.process = process, .stream = 1, .limit = limit, .wanted = out},
		.err = {.process = process, .stream = 2, .limit = limit, .wanted = err},
	};
	process->talking = true;
	cleanup_push(task, &talk.cleanup, abandon);
	int r = converse(&talk);
	cleanup_pop(&talk.cleanup);
	if (r == 0) {
		give(&talk.out, out);
		give(&talk.err, err);
	}
	finish(&talk);
	return r;
}
