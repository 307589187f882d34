/* SPDX-License-Identifier: MIT */
/*
 * Streams over a transport of our own that gives and takes the bytes in pieces: each call on them
 * against what the bytes say it must come to, however they were cut.
 *
 * The same bytes are the data and tell what is done with it.
 */
#include "stream/stream.h"

#include "fuzz.h"

#include <coro.h>
#include <errno.h>

enum { LIMIT = 200 }; /* the highest */

static struct {
	const uint8_t *data;
	size_t length, given;
	int error; /* at the end of it; 0: the end */
	struct input how;
	uint8_t *taken; /* what was written */
	size_t written, arrived;
	struct coro_stream *stream;
	size_t limit;
} this;

/* ---- the transport ---- */

/* How many of so many bytes go now: 0 for none. */
static size_t how_many(size_t length)
{
	if (input_left(&this.how) == 0)
		return length;
	size_t some = take(&this.how);
	if (some > 250)
		return length;
	return some / 4 < length ? some / 4 : length;
}

static ssize_t gives(void *arg, void *bytes, size_t length)
{
	size_t left = this.length - this.given;
	size_t n = how_many(length < left ? length : left);
	if (left == 0)
		return this.error;
	if (n == 0)
		return -EAGAIN;
	memcpy(bytes, this.data + this.given, n);
	this.given += n;
	return (ssize_t)n;
}

static ssize_t takes(void *arg, const struct iovec *vec, int count)
{
	size_t n = 0;
	for (int i = 0; i < count; i++) {
		size_t part = how_many(vec[i].iov_len);
		memcpy(this.taken + this.arrived + n, vec[i].iov_base, part);
		n += part;
		if (part < vec[i].iov_len)
			break;
	}
	this.arrived += n;
	return n > 0 ? (ssize_t)n : -EAGAIN;
}

static int waits(void *arg, bool writing)
{
	return coro_task_yield();
}

static int ends(void *arg)
{
	return 0;
}

static void closes(void *arg)
{
}

static const struct coro_transport transport = {
	.read = gives,
	.write = takes,
	.wait = waits,
	.end = ends,
	.close = closes,
};

/* ---- what must be ---- */

/* How many bytes were taken from the stream. */
static size_t position(void)
{
	return this.given - stream_buffered(this.stream);
}

static void check_bytes(const char *bytes, size_t from, ssize_t length)
{
	fuzz_assert(length >= 0 && from + (size_t)length <= this.length);
	fuzz_assert(length == 0 || memcmp(bytes, this.data + from, (size_t)length) == 0);
}

/* It has come to the end, and could not do what it was asked for. */
static bool is_end(ssize_t r)
{
	return this.given == this.length && r == (this.error ? this.error : CORO_INCOMPLETE);
}

/* Where the separator is, from here on; SIZE_MAX if it is not. */
static size_t ahead(const void *separator, size_t length)
{
	size_t from = position();
	const uint8_t *at = memmem(this.data + from, this.length - from, separator, length);
	return at ? (size_t)(at - this.data) - from : SIZE_MAX;
}

/* ---- calls ---- */

static bool reads_line(void)
{
	const char *line;
	size_t from = position(), rest = this.length - from, before = ahead("\n", 1);
	ssize_t r = coro_stream_readline(this.stream, &line);
	if (r == -EMSGSIZE) {
		fuzz_assert(before > this.limit && rest > this.limit);
		fuzz_assert(position() > from &&
			    (before == SIZE_MAX || position() <= from + before + 1));
		return true;
	}
	if (r < 0 || before == SIZE_MAX)
		fuzz_assert(r == this.error || (r >= 0 && !this.error && (size_t)r == rest));
	if (r >= 0) {
		fuzz_assert(before == SIZE_MAX || (size_t)r == before + 1);
		check_bytes(line, from, r);
		fuzz_assert(position() == from + (size_t)r);
	}
	return r > 0;
}

static bool reads_until(void)
{
	char separator[3];
	const char *bytes;
	size_t length = 1 + take(&this.how) % sizeof(separator);
	for (size_t i = 0; i < length; i++)
		separator[i] = (char)take(&this.how);
	size_t from = position(), rest = this.length - from, before = ahead(separator, length);
	ssize_t r = coro_stream_readuntil(this.stream, separator, length, &bytes);
	if (r > 0) {
		fuzz_assert(before <= this.limit && (size_t)r == before + length);
		check_bytes(bytes, from, r);
	} else if (r == -EMSGSIZE) {
		fuzz_assert(before > this.limit && rest >= this.limit + length);
	} else {
		fuzz_assert(is_end(r) && before == SIZE_MAX);
	}
	fuzz_assert(position() == from + (r > 0 ? (size_t)r : 0));
	return r > 0;
}

static bool reads_some(void)
{
	static char bytes[8192];
	size_t from = position(), length = take_below(&this.how, sizeof(bytes));
	ssize_t r = coro_stream_read(this.stream, bytes, length);
	fuzz_assert(r <= (ssize_t)length);
	if (r <= 0 && length > 0)
		fuzz_assert(from == this.length && r == this.error);
	if (r > 0)
		check_bytes(bytes, from, r);
	fuzz_assert(position() == from + (r > 0 ? (size_t)r : 0));
	return r > 0;
}

static bool reads_exactly(void)
{
	static char bytes[2048];
	size_t from = position(), length = take_below(&this.how, sizeof(bytes));
	ssize_t r = coro_stream_readexactly(this.stream, bytes, length);
	if (length <= this.length - from)
		fuzz_assert(r == (ssize_t)length);
	else
		fuzz_assert(is_end(r));
	if (r > 0)
		check_bytes(bytes, from, r);
	fuzz_assert(position() == from + (r > 0 ? (size_t)r : 0));
	return r > 0;
}

static bool peeks(void)
{
	const char *bytes;
	size_t from = position(), least = take_below(&this.how, 2 * LIMIT);
	ssize_t r = coro_stream_peek(this.stream, least, &bytes);
	fuzz_assert(position() == from);
	if (r == -EMSGSIZE) {
		fuzz_assert(least > this.limit);
		return false;
	}
	if (r < 0) {
		fuzz_assert(r == this.error && this.given == this.length);
		return false;
	}
	fuzz_assert((size_t)r == stream_buffered(this.stream));
	fuzz_assert((size_t)r >= least || this.given == this.length);
	check_bytes(bytes, from, r);
	size_t some = take_below(&this.how, (unsigned)(r > 0 ? r : 1));
	fuzz_assert(coro_stream_consume(this.stream, (size_t)r + 1) == -EINVAL);
	fuzz_assert(coro_stream_consume(this.stream, some) == 0);
	fuzz_assert(position() == from + some);
	return some > 0;
}

/* What writing comes to: reading has seen it if the connection is lost. */
static int write_result(void)
{
	return this.stream->read_error == -ECONNRESET ? -ECONNRESET : 0;
}

static void writes(void)
{
	size_t left = this.length - this.written;
	size_t n = take_below(&this.how, 600);
	n = n < left ? n : left;
	int r = write_result();
	fuzz_assert(coro_stream_write(this.stream, this.data + this.written, n) == r);
	if (r < 0)
		return;
	this.written += n;
	if (take(&this.how) % 2)
		fuzz_assert(coro_stream_drain(this.stream) == 0);
	fuzz_assert(coro_stream_pending(this.stream) + this.arrived == this.written);
}

static void check_memory(void)
{
	const struct block *in = this.stream->in;
	fuzz_assert(!in || in->size <= BLOCK_SIZE + 2 * this.limit);
}

static int uses_stream(void *arg)
{
	struct coro_stream_options options = {.limit = this.limit, .high_water = 100};
	bool goes_on = true;
	fuzz_assert(coro_stream_create(&transport, NULL, &options, &this.stream) == 0);
	while (goes_on || input_left(&this.how) > 0) {
		switch (take(&this.how) % 6) {
		case 0:
			goes_on = reads_line();
			break;
		case 1:
			goes_on = reads_until();
			break;
		case 2:
			goes_on = reads_some();
			break;
		case 3:
			goes_on = reads_exactly();
			break;
		case 4:
			goes_on = peeks();
			break;
		default:
			writes();
		}
		check_memory();
	}
	int r = write_result();
	fuzz_assert(coro_stream_flush(this.stream) == r);
	fuzz_assert(r < 0 ? this.arrived <= this.written : this.arrived == this.written);
	fuzz_assert(memcmp(this.taken, this.data, this.arrived) == 0);
	fuzz_assert(coro_stream_destroy(this.stream) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static uint8_t taken[1 << 16];
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	if (size < 2 || size > sizeof(taken))
		return 0;
	memset(&this, 0, sizeof(this));
	this.limit = 1 + bytes[0] % LIMIT;
	this.error = bytes[1] % 4 ? 0 : bytes[1] % 8 ? -EPROTO : -ECONNRESET;
	this.data = bytes;
	this.length = size;
	this.how = (struct input){bytes + 2, bytes + size};
	this.taken = taken;
	fuzz_assert(coro_run_with(&options, uses_stream, NULL) == 0);
	return 0;
}
