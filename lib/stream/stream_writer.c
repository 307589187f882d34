/* SPDX-License-Identifier: MIT */
#include "stream/stream_writer.h"

#include "coro/task.h"
#include "stream/stream_out.h"
#include "task/future.h"

#include <errno.h>

static void wake_waiting(struct coro_stream *stream)
{
	waiters_wake(&stream->drainers, SIZE_MAX);
}

/* Has the transport write what it holds back. Returns 0, -EAGAIN or an error. */
static int flush_transport(struct coro_stream *stream, bool closing)
{
	const struct coro_transport *transport = stream->transport;
	return transport->flush ? transport->flush(stream->arg, closing) : 0;
}

/* out_write, then flushes the transport. */
static int write_through(struct coro_stream *stream, const struct iovec *vec, int count,
			 size_t *done)
{
	int r = out_write(stream, vec, count, done);
	return r == 0 ? flush_transport(stream, false) : r;
}

void stream_fail(struct coro_stream *stream, int error)
{
	if (stream->write_error || stream->closed)
		return;
	stream->write_error = error;
	stream_keep(&stream->write_failure, error);
	stream_drop(stream);
	wake_waiting(stream);
}

void writer_lose(struct coro_stream *stream, int error)
{
	if (stream->write_error || stream->closed)
		return;
	stream_fail(stream, error);
	if (error != -EPIPE && error != -ECONNRESET)
		stream_reset(stream);
}

static int writer_run(void *arg)
{
	struct coro_stream *stream = arg;
	size_t none = 0;
	int r = -EAGAIN;
	while (r == -EAGAIN && !stream->closed && !stream->write_error) {
		r = stream->transport->wait(stream->arg, true);
		if (r == 0 && !stream->closed)
			r = write_through(stream, NULL, 0, &none);
	}
	return r == -EAGAIN ? 0 : r;
}

/* Called when the writer task has ended or was cancelled before it began. */
static void writer_done(struct done_call *done)
{
	struct coro_stream *stream = container_of(done, struct coro_stream, writer);
	int r = coro_future_result(done->future, NULL);
	coro_future_unref(done->future);
	sched_release(sched_of(stream->streams->loop), 0, 1);
	stream->writing = false;
	if (stream->closed) {
		list_remove(&stream->link);
		streams_note_end(stream->streams);
	}
	if (r < 0)
		writer_lose(stream, r);
	stream_push(stream); /* what came since */
	if (stream->transport->flush)
		wake_waiting(stream);
	stream_unref(stream);
}

void stream_forget_writer(struct coro_stream *stream)
{
	if (!stream->writing)
		return;
	stream->writing = false;
	coro_future_unref(stream->writer.future);
	stream_unref(stream);
}

static int start_writer(struct coro_stream *stream)
{
	enum { LEAST_STACK = 65536 };
	struct coro_loop *loop = stream->streams->loop;
	struct sched *sched = sched_of(loop);
	struct coro_options options = {.name = "stream", .stack_size = loop->tasks.stack_size};
	struct coro_future *task;
	/* TLS needs this much, even if the user's tasks have less. 0 is the default size. */
	if (options.stack_size > 0 && options.stack_size < LEAST_STACK)
		options.stack_size = LEAST_STACK;
	int r = sched_reserve(sched, 0, 1);
	if (r < 0)
		return r;
	r = coro_loop_spawn(loop, &options, writer_run, stream, &task);
	if (r < 0) {
		sched_release(sched, 0, 1);
		return r;
	}
	task_hide(task);
	stream->refs++;
	stream->writing = true;
	done_call_add(&stream->writer, task, writer_done);
	return 0;
}

/* If nothing is left to be written: sends the end of file or closes, as requested. */
static void settle(struct coro_stream *stream)
{
	int r = 0;
	if (stream->pending > 0 || stream->closed)
		return;
	if (stream->ending && !stream->ended && !stream->ends_by_closing && !stream->write_error) {
		stream->ended = true;
		r = stream->transport->end(stream->arg);
	}
	if (r == 0 && !stream->write_error)
		r = flush_transport(stream, stream->closing);
	if (r == -EAGAIN) {
		r = start_writer(stream);
		if (r == 0)
			return; /* the writer calls this again */
	}
	if (r < 0)
		writer_lose(stream, r);
	if (stream->closing)
		stream_shut(stream);
}

int writer_write(struct coro_stream *stream, const struct iovec *vec, int count, size_t *done)
{
	int r = write_through(stream, vec, count, done);
	if (r == -EAGAIN)
		r = start_writer(stream);
	if (r < 0)
		writer_lose(stream, r);
	return r;
}

void stream_push(struct coro_stream *stream)
{
	size_t none = 0;
	list_remove(&stream->unsent);
	if (stream->writing || stream->closed)
		return;
	if (stream->pending > 0)
		writer_write(stream, NULL, 0, &none);
	if (!stream->writing)
		settle(stream);
}
