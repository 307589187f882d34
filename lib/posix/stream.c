/* SPDX-License-Identifier: MIT */
#include "posix/stream.h"

#include "coro/loop.h"
#include "coro/task.h"
#include "posix/sleeper.h"
#include "posix/view.h"

#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

/* Bits of glibc's FILE, which its header leaves out. */
enum {
	STREAM_UNBUFFERED = 0x2,
	STREAM_NO_READS = 0x4,
	STREAM_NO_WRITES = 0x8,
	STREAM_EOF = 0x10,
	STREAM_ERROR = 0x20,
	STREAM_IN_BACKUP = 0x100,
	STREAM_LINES = 0x200,
	STREAM_PUTTING = 0x800,
};

bool stream_waits(FILE *stream)
{
	if (!call_waits())
		return false;
	int before = errno, fd = fileno(stream);
	bool waits = fd >= 0 && stream->_mode <= 0 && !view_is_file(fd) && !view_is_nonblocking(fd);
	errno = before;
	return waits;
}

/* -- claims */

/* While it exists, the thread has libc's lock of the stream. */
struct claim {
	struct claim *next;
	FILE *stream;
	struct coro_future *task; /* a reference, as is the next */
	struct coro_loop *loop;
	unsigned depth;
};

__thread struct claim *stream_claims __attribute__((tls_model("initial-exec")));

static struct claim **claim_of(const FILE *stream)
{
	struct claim **at = &stream_claims;
	while (*at && (*at)->stream != stream)
		at = &(*at)->next;
	return at;
}

static void belong_to_this_task(struct claim *claim)
{
	claim->task = coro_future_ref(coro_current_task());
	claim->loop = coro_loop_ref(coro_running_loop());
	claim->depth = 1;
}

static void belong_to_none(struct claim *claim)
{
	coro_future_unref(claim->task);
	coro_loop_unref(claim->loop);
}

/* Whether its task is gone, and has not given it back. */
static bool is_abandoned(const struct claim *claim)
{
	return coro_future_done(claim->task) || coro_loop_closed(claim->loop);
}

/* Waits until another thread has given libc's lock back. Returns 0 or -ECANCELED. */
static int lock_stream(FILE *stream)
{
	enum { LONGEST = 5 };
	int r = 0;
	for (int tries = 0; r == 0 && libc()->ftrylockfile(stream) != 0; tries++)
		r = coro_sleep(CORO_MSEC << (tries < LONGEST ? tries : LONGEST));
	return r;
}

static int claim_anew(FILE *stream)
{
	struct claim *claim = malloc(sizeof(*claim));
	if (!claim)
		return -ENOMEM;
	int r = lock_stream(stream);
	if (r < 0 || *claim_of(stream)) {
		free(claim);
		if (r == 0)
			libc()->funlockfile(stream);
		return r < 0 ? r : -EAGAIN; /* another task was faster */
	}
	claim->stream = stream;
	belong_to_this_task(claim);
	claim->next = stream_claims;
	stream_claims = claim;
	return 0;
}

/* Waits in line. Returns 0 or an error. */
static int wait_for_claim(FILE *stream)
{
	struct sleeper *sleeper = sleeper_begin(stream, false);
	if (!sleeper)
		return -ENOMEM;
	int r = sleeper_wait(sleeper, CORO_FOREVER);
	sleeper_end(sleeper, r == 0);
	return r;
}

/* Claims it again, or what nobody gives back. Returns whether the task has it. */
static bool claim_again(struct claim *claim)
{
	if (claim->task == coro_current_task()) {
		claim->depth++;
		return true;
	}
	if (!is_abandoned(claim))
		return false;
	belong_to_none(claim);
	belong_to_this_task(claim);
	return true;
}

int stream_begin(FILE *stream)
{
	int r;
	do {
		struct claim *claim = *claim_of(stream);
		if (claim && claim_again(claim))
			return 0;
		r = claim ? wait_for_claim(stream) : claim_anew(stream);
		if (r == 0 && !claim)
			return 0;
	} while (r == 0 || r == -EAGAIN);
	return r;
}

int stream_try(FILE *stream)
{
	struct claim *claim = *claim_of(stream);
	if (claim)
		return claim_again(claim) ? 0 : -1;
	if (libc()->ftrylockfile(stream) != 0)
		return -1;
	int r = claim_anew(stream);
	libc()->funlockfile(stream);
	return r < 0 ? -1 : 0;
}

bool stream_end(FILE *stream)
{
	struct claim **at = claim_of(stream), *claim = *at;
	if (!claim || claim->task != coro_current_task())
		return false;
	if (--claim->depth > 0)
		return true;
	*at = claim->next;
	belong_to_none(claim);
	free(claim);
	libc()->funlockfile(stream);
	sleepers_wake(stream, false);
	return true;
}

/* -- the buffer */

static bool is_full(const FILE *stream)
{
	return stream->_IO_write_ptr >= stream->_IO_buf_end;
}

static bool has(const FILE *stream, int bits)
{
	return stream->_flags & bits;
}

static void fail(FILE *stream)
{
	stream->_flags |= STREAM_ERROR;
}

/* As libc does at the first call: a terminal has lines, and without memory there is no buffer. */
static bool make_buffer(FILE *stream)
{
	if (stream->_IO_buf_base)
		return true;
	int before = errno;
	bool lines = has(stream, STREAM_LINES) || isatty(fileno(stream));
	bool none = has(stream, STREAM_UNBUFFERED) || setvbuf(stream, NULL, _IOFBF, 0) != 0;
	errno = before;
	if (none)
		return setvbuf(stream, NULL, _IONBF, 0) == 0;
	return !lines || setvbuf(stream, NULL, _IOLBF, 0) == 0;
}

/* The buffer is empty, with room for what is written. */
static void reset_buffer(FILE *stream)
{
	char *base = stream->_IO_buf_base;
	stream->_IO_read_base = stream->_IO_read_ptr = stream->_IO_read_end = base;
	stream->_IO_write_base = stream->_IO_write_ptr = base;
	bool each = has(stream, STREAM_LINES | STREAM_UNBUFFERED);
	stream->_IO_write_end = each ? base : stream->_IO_buf_end;
}

static void move_offset(FILE *stream, ssize_t n)
{
	if (stream->_offset >= 0)
		stream->_offset += n;
}

/* -- writing */

/* Prepares it for writing. False: libc must say why that cannot be. */
static bool puts_now(FILE *stream)
{
	if (has(stream, STREAM_NO_WRITES) || !make_buffer(stream))
		return false;
	if (!has(stream, STREAM_PUTTING))
		libc()->__overflow(stream, EOF);
	return has(stream, STREAM_PUTTING) && stream->_IO_read_end == stream->_IO_write_base;
}

/* Takes away the first bytes of the buffer, which are written. */
static void consume(FILE *stream, size_t n)
{
	size_t left = (size_t)(stream->_IO_write_ptr - stream->_IO_write_base) - n;
	memmove(stream->_IO_write_base, stream->_IO_write_base + n, left);
	stream->_IO_write_ptr -= n;
	move_offset(stream, (ssize_t)n);
}

int stream_flush(FILE *stream)
{
	if (!has(stream, STREAM_PUTTING))
		return 0;
	while (stream->_IO_write_ptr > stream->_IO_write_base) {
		size_t length = (size_t)(stream->_IO_write_ptr - stream->_IO_write_base);
		ssize_t n = write(fileno(stream), stream->_IO_write_base, length);
		if (n < 0)
			return fail(stream), -1;
		consume(stream, (size_t)n);
	}
	reset_buffer(stream);
	return 0;
}

/* Writes bytes past an empty buffer. Returns how many. */
static size_t write_past(FILE *stream, const char *bytes, size_t length)
{
	size_t done = 0;
	while (done < length) {
		ssize_t n = write(fileno(stream), bytes + done, length - done);
		if (n < 0)
			return fail(stream), done;
		move_offset(stream, n);
		done += (size_t)n;
	}
	return done;
}

/* Puts bytes into the buffer as far as there is room. Returns how many. */
static size_t put_in_buffer(FILE *stream, const char *bytes, size_t length)
{
	size_t room = (size_t)(stream->_IO_buf_end - stream->_IO_write_ptr);
	size_t n = length < room ? length : room;
	memcpy(stream->_IO_write_ptr, bytes, n);
	stream->_IO_write_ptr += n;
	return n;
}

size_t stream_put(FILE *stream, const void *bytes, size_t length)
{
	const char *from = bytes;
	size_t done = 0;
	if (!puts_now(stream))
		return libc()->fwrite(bytes, 1, length, stream);
	size_t size = (size_t)(stream->_IO_buf_end - stream->_IO_buf_base);
	bool lines = has(stream, STREAM_LINES);
	while (done < length) {
		size_t left = length - done;
		if (is_full(stream) && stream_flush(stream) < 0)
			return done;
		if (stream->_IO_write_ptr == stream->_IO_write_base &&
		    (left >= size || has(stream, STREAM_UNBUFFERED)))
			return done + write_past(stream, from + done, left);
		size_t n = put_in_buffer(stream, from + done, left);
		if (lines && memrchr(from + done, '\n', n) && stream_flush(stream) < 0)
			return done;
		done += n;
	}
	return done;
}

/* -- reading */

/* Bytes that ungetc has put back are read: goes on where the stream was before. */
static void leave_backup(FILE *stream)
{
	char *base = stream->_IO_read_base, *end = stream->_IO_read_end;
	stream->_flags &= ~STREAM_IN_BACKUP;
	stream->_IO_read_base = stream->_IO_save_base;
	stream->_IO_read_end = stream->_IO_save_end;
	stream->_IO_read_ptr = stream->_IO_read_base;
	stream->_IO_save_base = base;
	stream->_IO_save_end = end;
}

/* What a terminal is asked is to be seen before the answer is read. */
static void show_question(const FILE *stream)
{
	if (!has(stream, STREAM_LINES | STREAM_UNBUFFERED) || stdout == stream ||
	    !has(stdout, STREAM_LINES) || stream_begin(stdout) < 0)
		return;
	stream_flush(stdout);
	stream_end(stdout);
}

/* Whether there are bytes without reading, or libc must say why there are none. */
static bool need_not_read(FILE *stream)
{
	if (stream->_IO_read_ptr < stream->_IO_read_end)
		return true;
	if (has(stream, STREAM_IN_BACKUP))
		leave_backup(stream);
	return stream->_IO_read_ptr < stream->_IO_read_end || has(stream, STREAM_NO_READS) ||
	       !make_buffer(stream);
}

int stream_fill(FILE *stream)
{
	if (need_not_read(stream))
		return 1;
	if (has(stream, STREAM_EOF))
		return 0;
	if (stream_flush(stream) < 0)
		return -1;
	show_question(stream);
	size_t size = (size_t)(stream->_IO_buf_end - stream->_IO_buf_base);
	ssize_t n = read(fileno(stream), stream->_IO_buf_base, size);
	if (n <= 0) {
		stream->_flags |= n < 0 ? STREAM_ERROR : STREAM_EOF;
		return (int)n;
	}
	stream->_flags &= ~STREAM_PUTTING;
	reset_buffer(stream);
	stream->_IO_write_end = stream->_IO_buf_base;
	stream->_IO_read_end = stream->_IO_buf_base + n;
	move_offset(stream, n);
	return 1;
}
