/* SPDX-License-Identifier: MIT */
/* coro_process_communicate: writes to a process and reads from it at once, with a task a pipe. */
#include "base/error.h"
#include "base/memory.h"
#include "core/fail.h"
#include "coro/group.h"
#include "coro/io.h"
#include "loop/loop.h"
#include "process/process.h"

#include <stdlib.h>

/* Reads one stream of a process into its intake. */
struct reader {
	struct coro_process *process;
	int stream;
	size_t limit; /* 0: none */
	bool wanted;
	struct cleanup cleanup;
};

struct talk {
	struct coro_process *process;
	const void *input;
	size_t length;
	struct reader out, err;
	struct cleanup cleanup;
};

static struct intake *intake_of(const struct reader *reader)
{
	return &reader->process->intakes[reader->stream];
}

/* Makes room for at least one byte and a NUL. Returns 0 or -ENOMEM. */
static int grow(struct intake *intake)
{
	enum { FIRST = 4096 };
	if (intake->length + 1 < intake->room)
		return 0;
	size_t room = intake->room ? intake->room * 2 : FIRST;
	char *bytes = memory_resize(intake->bytes, room);
	if (!bytes)
		return -ENOMEM;
	intake->bytes = bytes;
	intake->room = room;
	return 0;
}

static coro_async int read_to_end(const struct reader *reader, int fd)
{
	struct intake *intake = intake_of(reader);
	for (;;) {
		if (reader->limit && intake->total > reader->limit)
			return fail_expected(-EMSGSIZE,
					     "coro_process_communicate: more came than the limit");
		if (!reader->wanted)
			intake->length = 0;
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
	}
	intake->bytes[intake->length] = '\0';
	return process_close_pipe(reader->process, reader->stream);
}

static void take_in_end(struct cleanup *cleanup)
{
	struct coro_process *process = container_of(cleanup, struct reader, cleanup)->process;
	process->reading--;
	process_settle(process);
}

/* While it runs, the process stays allocated, since the kernel may write to the intake. */
static coro_async int take_in(void *arg)
{
	struct reader *reader = arg;
	int fd = reader->process->pipes[reader->stream];
	if (fd < 0)
		return 0;
	cleanup_push(task_running(), &reader->cleanup, take_in_end);
	reader->process->reading++;
	int r = read_to_end(reader, fd);
	cleanup_pop(&reader->cleanup);
	take_in_end(&reader->cleanup);
	return r;
}

/* Writes the rest of the input. A process that does not read all of it is no error. */
static coro_async int put_out(void *arg)
{
	const struct talk *talk = arg;
	struct coro_process *process = talk->process;
	int fd = process->pipes[0];
	while (process->written < talk->length) {
		ssize_t n = coro_write(fd, (const char *)talk->input + process->written,
				       talk->length - process->written);
		if (n == -EPIPE || n == -ECONNRESET)
			break;
		if (n < 0)
			return (int)n;
		process->written += (size_t)n;
	}
	return process_close_pipe(process, 0);
}

static coro_async int converse(struct talk *talk)
{
	struct coro_group *group;
	int r = coro_group_create_at(NULL, &group);
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

static void discard(struct cleanup *cleanup)
{
	container_of(cleanup, struct talk, cleanup)->process->talking = false;
}

static void give(const struct reader *reader, struct coro_bytes *ret)
{
	struct intake *intake = intake_of(reader);
	if (ret)
		*ret = (struct coro_bytes){.bytes = intake->bytes, .length = intake->length};
	else
		free(intake->bytes);
	*intake = (struct intake){0};
}

int coro_process_communicate(struct coro_process *process, const void *input, size_t length,
			     size_t limit, struct coro_bytes *out, struct coro_bytes *err)
{
	struct task *task = task_running();
	if (!process || (!input && length > 0))
		return fail_with(-EINVAL, "coro_process_communicate: process or input is NULL");
	if (!task || task->sched != sched_of(process->loop))
		return fail_with(-EPERM, "coro_process_communicate: not in a task of its loop");
	if (process->talking)
		return fail_with(-EBUSY, "coro_process_communicate: it is in use");
	struct talk talk = {
		.process = process,
		.input = input,
		.length = length,
		.out = {.process = process, .stream = 1, .limit = limit, .wanted = out},
		.err = {.process = process, .stream = 2, .limit = limit, .wanted = err},
	};
	process->talking = true;
	cleanup_push(task, &talk.cleanup, discard);
	int r = converse(&talk);
	cleanup_pop(&talk.cleanup);
	process->talking = false;
	if (r == 0) {
		give(&talk.out, out);
		give(&talk.err, err);
	}
	return r;
}
