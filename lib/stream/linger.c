/* SPDX-License-Identifier: MIT */
#include "stream/linger.h"

#include "core/fail.h"
#include "coro/io.h"
#include "io/fd.h"
#include "io/option.h"
#include "io/transfer.h"
#include "stream/stream.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_TIME (10 * CORO_SEC)
#define DEFAULT_BYTES ((size_t)16 << 20)

/* Bounds of the pause between two checks. */
#define SHORTEST_PAUSE CORO_MSEC
#define LONGEST_PAUSE (64 * CORO_MSEC)

/* At the end of the run, the longest silence of a peer before its stream is closed. */
#define SILENCE (250 * CORO_MSEC)

void linger_init(struct coro_stream *stream, const struct coro_stream_options *options)
{
	stream->linger = (struct lingering){
		.timer = {.call.position = CALL_IDLE, .node.place = HEAP_NONE},
		.heard = -1,
		.time = options->linger ? options->linger : DEFAULT_TIME,
		.bytes = options->linger_bytes ? options->linger_bytes : DEFAULT_BYTES,
	};
}

static struct coro_loop *loop_of(const struct coro_stream *stream)
{
	return stream->streams->loop;
}

/* The longest time without progress. At the end of the run each stream has a bound. */
static int64_t bound_of(const struct coro_stream *stream)
{
	if (stream->linger.time >= 0)
		return stream->linger.time;
	return stream->streams->finishing ? DEFAULT_TIME : CORO_FOREVER;
}

/* -- bytes that have not arrived */

/* Bytes that the peer's kernel has not acknowledged. 0 if the system does not tell. */
static size_t unacknowledged(int fd, bool ended)
{
	int bytes = 0;
	if (fd < 0 || ioctl(fd, TIOCOUTQ, &bytes) < 0 || bytes <= 0)
		return 0;
	return (size_t)bytes - (ended && bytes == 1); /* the FIN counts as a byte */
}

static size_t not_arrived(const struct coro_stream *stream)
{
	if (stream->closed)
		return unacknowledged(stream->end.fd, true);
	return stream->pending + unacknowledged(coro_stream_fd(stream), stream->ended);
}

/* -- the timer */

static void check_progress(struct call *call);

static void arm(struct coro_stream *stream, int64_t when)
{
	struct lingering *linger = &stream->linger;
	timer_disarm(sched_of(loop_of(stream)), &linger->timer);
	linger->timer.call.run = check_progress;
	timer_arm(sched_of(loop_of(stream)), &linger->timer, when);
}

static void arm_next(struct coro_stream *stream, int64_t now)
{
	struct lingering *linger = &stream->linger;
	int64_t end = time_after(linger->since, bound_of(stream)),
		next = time_after(now, linger->pause);
	if (linger->arrived)
		next = stream->streams->finishing ? time_after(linger->heard, SILENCE) : end;
	else if (linger->pause < LONGEST_PAUSE)
		linger->pause *= 2;
	arm(stream, next < end ? next : end);
}

static void note_progress(struct coro_stream *stream, int64_t now)
{
	struct lingering *linger = &stream->linger;
	linger->since = now;
	linger->really_since = coro_clock();
	linger->pause = SHORTEST_PAUSE;
}

static void begin(struct coro_stream *stream)
{
	struct lingering *linger = &stream->linger;
	int64_t now = sched_time(sched_of(loop_of(stream)));
	note_progress(stream, now);
	linger->left = not_arrived(stream);
	linger->arrived = stream->closed && linger->left == 0;
	arm_next(stream, now);
}

void linger_stop(struct coro_stream *stream)
{
	if (!stream->streams->ended)
		timer_disarm(sched_of(loop_of(stream)), &stream->linger.timer);
}

void linger_while_writing(struct coro_stream *stream)
{
	const struct timer *timer = &stream->linger.timer;
	bool armed = timer->node.place != HEAP_NONE || timer->call.position != CALL_IDLE;
	if (!armed && bound_of(stream) < CORO_FOREVER && !sched_of(loop_of(stream))->closed)
		begin(stream);
}

/*
 * Lets real time pass where the loop's clock is virtual, since the peer's kernel needs real time: a
 * little, or, at the end of the run, the whole pause.
 */
static void let_time_pass(const struct coro_stream *stream)
{
	enum { LITTLE = 4 };
	const struct lingering *linger = &stream->linger;
	int64_t ms = linger->pause / CORO_MSEC;
	if (sched_of(loop_of(stream))->virtual_clock && !linger->arrived)
		poll(NULL, 0, stream->streams->finishing || ms < LITTLE ? (int)ms : LITTLE);
}

/* Whether there was no progress within the bound, in real time too if the clock is virtual. */
static bool is_stalled(const struct coro_stream *stream, int64_t now)
{
	const struct lingering *linger = &stream->linger;
	int64_t bound = bound_of(stream);
	if (now - linger->since < bound)
		return false;
	return linger->arrived || !sched_of(loop_of(stream))->virtual_clock ||
	       coro_clock() - linger->really_since >= (bound < CORO_SEC ? bound : CORO_SEC);
}

static void note_arrival(struct coro_stream *stream, int64_t now)
{
	stream->linger.arrived = true;
	stream->linger.since = now;
	stream_arrived(stream);
}

/* Whether there is nothing left to wait for. */
static bool is_over(const struct coro_stream *stream, int64_t now)
{
	const struct lingering *linger = &stream->linger;
	if (is_stalled(stream, now))
		return true;
	if (!linger->arrived)
		return false;
	if (linger->ended)
		return true;
	return stream->streams->finishing && (linger->heard < 0 || now - linger->heard >= SILENCE);
}

static int fail_late(void)
{
	return fail_with(-ETIMEDOUT,
			 "the peer did not take what was written in the time to linger");
}

/* Notes an error of a stream that is closed already. */
static void note_loss(struct coro_stream *stream, int error)
{
	stream->write_error = error;
	stream_keep(&stream->write_failure, error);
}

/* The check of a closed stream, whose bytes were all handed to the kernel. */
static void check_lingering(struct coro_stream *stream, int64_t now)
{
	struct lingering *linger = &stream->linger;
	if (linger->left == 0 && !linger->arrived)
		note_arrival(stream, now);
	if (!is_over(stream, now)) {
		arm_next(stream, now);
		return;
	}
	if (!linger->arrived)
		note_loss(stream, fail_late());
	linger_end(stream, false);
}

static void check_progress(struct call *call)
{
	struct timer *timer = container_of(call, struct timer, call);
	struct lingering *linger = container_of(timer, struct lingering, timer);
	struct coro_stream *stream = container_of(linger, struct coro_stream, linger);
	let_time_pass(stream);
	int64_t now = sched_time(sched_of(loop_of(stream)));
	size_t left = not_arrived(stream);
	if (left != linger->left)
		note_progress(stream, now);
	linger->left = left;
	if (stream->closed) {
		check_lingering(stream, now);
	} else if (is_over(stream, now)) {
		stream_fail(stream, fail_late());
		stream_reset(stream);
	} else {
		arm_next(stream, now);
	}
}

/* -- input meanwhile */

/* Reads and drops the input. Returns 0 at the peer's end, -EAGAIN before it, or an error. */
static ssize_t discard(struct coro_stream *stream)
{
	enum { PART = 16384, MOST = 16 * PART };
	char bytes[PART];
	size_t dropped = 0;
	ssize_t n = 1;
	while (n > 0 && dropped < MOST) {
		n = RESULT(recv(stream->end.fd, bytes, sizeof(bytes), MSG_DONTWAIT));
		dropped += n > 0 ? (size_t)n : 0;
	}
	struct lingering *linger = &stream->linger;
	linger->bytes -= dropped < linger->bytes ? dropped : linger->bytes;
	if (dropped > 0)
		linger->heard = sched_time(sched_of(loop_of(stream)));
	return n > 0 ? -EAGAIN : n;
}

static void stop_reading(struct coro_stream *stream)
{
	if (stream->linger.reading)
		coro_loop_remove_reader(loop_of(stream), stream->end.fd);
	stream->linger.reading = false;
}

/* Reads input. Returns whether there is still something to wait for. */
static bool hear(struct coro_stream *stream)
{
	struct lingering *linger = &stream->linger;
	ssize_t n = discard(stream);
	if (!linger->arrived && not_arrived(stream) == 0)
		note_arrival(stream, sched_time(sched_of(loop_of(stream))));
	if (n == -EAGAIN && linger->bytes > 0)
		return true;
	linger->ended = true;
	bool failed = n < 0 && n != -EAGAIN;
	if (failed && !linger->arrived)
		note_loss(stream, fail_code((int)n));
	if (failed || linger->arrived)
		return false;
	stop_reading(stream);
	return true;
}

static void hear_out(void *arg)
{
	struct coro_stream *stream = arg;
	if (!hear(stream))
		linger_end(stream, false);
}

/* -- the fd */

static bool is_forked(const struct coro_stream *stream)
{
	fork_notice();
	return !sched_is_own(sched_of(loop_of(stream)));
}

/* The loop's record of the fd. NULL if the loop is closed or this is a child of fork. */
static struct fd *record_of(const struct coro_stream *stream)
{
	struct io *io;
	struct fd *fd;
	if (stream->streams->ended || sched_of(loop_of(stream))->closed || is_forked(stream))
		return NULL;
	return io_of(loop_of(stream), &io) == 0 && fd_of(io, stream->end.fd, &fd) == 0 ? fd : NULL;
}

static int type_of(const struct fd *fd)
{
	bool is_stream = fd->kind == FD_TCP || fd->kind == FD_UNIX;
	return is_stream ? SOCK_STREAM : socket_option(fd->number, SO_TYPE);
}

static void close_fd(const struct coro_stream *stream)
{
	const struct streams *streams = stream->streams;
	if (!streams->ended && sched_of(streams->loop)->poller)
		fd_forget(io_made(streams->loop), stream->end.fd);
	close(stream->end.fd);
}

/*
 * Closes a unix socket, on which all bytes arrive at once. Both directions are shut down first, so
 * that no more input comes, and nothing is left unread.
 */
static void close_local(struct coro_stream *stream)
{
	enum { TRIES = 64 };
	int r = shutdown(stream->end.fd, SHUT_RDWR);
	for (int i = 0; r == 0 && i < TRIES; i++)
		if (discard(stream) != -EAGAIN)
			break;
	close_fd(stream);
}

/* Closes without a loop that could wait: reads the input that is there and leaves the rest. */
static void close_at_once(struct coro_stream *stream)
{
	if (!is_forked(stream) && stream->linger.time >= 0 &&
	    shutdown(stream->end.fd, SHUT_WR) == 0)
		discard(stream);
	close_fd(stream);
}

/* Whether the peer has ended and acknowledged all, so that there is nothing to wait for. */
static bool is_settled(const struct coro_stream *stream)
{
	return stream->eof && stream->arg == &stream->end &&
	       unacknowledged(stream->end.fd, stream->ended) == 0;
}

static bool wants_lingering(const struct coro_stream *stream)
{
	return stream->linger.time >= 0 && !stream->write_error && !is_settled(stream);
}

static void linger(struct coro_stream *stream, struct fd *fd)
{
	struct lingering *linger = &stream->linger;
	struct coro_loop *loop = loop_of(stream);
	fd_dismiss(io_made(loop), fd);
	stream_leaves(stream);
	begin(stream);
	bool waits = hear(stream);
	if (waits && !linger->ended) {
		waits = coro_loop_add_reader(loop, stream->end.fd, hear_out, stream) == 0;
		linger->reading = waits;
	}
	if (!waits)
		linger_end(stream, false);
}

void linger_begin(struct coro_stream *stream)
{
	struct fd *fd = record_of(stream);
	if (!fd) {
		close_at_once(stream);
		return;
	}
	bool wants = fd->kind <= FD_SOCKET && wants_lingering(stream);
	int type = wants ? type_of(fd) : -1;
	if (wants && (fd->kind == FD_UNIX || type == SOCK_SEQPACKET))
		close_local(stream);
	else if (type == SOCK_STREAM && shutdown(stream->end.fd, SHUT_WR) == 0)
		linger(stream, fd);
	else
		close_fd(stream);
}

void linger_refuse(struct coro_stream *stream)
{
	if (!is_forked(stream))
		fd_set_reset(stream->end.fd);
	close_fd(stream);
}

void linger_end(struct coro_stream *stream, bool reset)
{
	linger_stop(stream);
	if (reset && !is_forked(stream))
		fd_set_reset(stream->end.fd);
	else if (!stream->linger.ended && !is_forked(stream))
		discard(stream);
	close_fd(stream);
	stream_left(stream);
}

void linger_hurry(struct coro_stream *stream)
{
	if (stream->lingering || bound_of(stream) < CORO_FOREVER)
		arm(stream, sched_time(sched_of(loop_of(stream))));
}
