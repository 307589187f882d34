/* SPDX-License-Identifier: MIT */
/*
 * Programs of calls on fds whose numbers are used again and again: opened, duplicated, closed, closed
 * elsewhere and forgotten, read, written, waited for and cancelled, on the poller that CORO_POLLER
 * names.
 *
 * Each pipe or pair of sockets has a sequence of bytes of its own: what a reader gets must be a piece
 * of the one that its number stood for when it called, and nobody else's. And when all is quiet, nobody
 * waits for bytes that are there.
 */
#include "fuzz.h"

#include <coro.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPES = 64, SLOTS = 8, READERS = 8 };

/* A pipe or pair: bytes written to `to` come out of `from`. Each end may have several numbers. */
struct pipe_ {
	int writers, readers; /* how many numbers each end has */
	uint8_t written;      /* the next byte */
	bool there[256];      /* which bytes are inside */
	unsigned inside;      /* how many */
	bool ended;           /* somebody has read the end */
};

/* A number, and what it stands for. */
struct slot {
	int fd; /* -1: nothing */
	struct pipe_ *pipe;
	bool reads;
};

struct reader {
	struct coro_future *task; /* NULL: nobody */
	struct pipe_ *pipe;       /* what it reads from, when it calls */
	int fd;
	bool only_waits;
	bool gone;      /* the number was closed or forgotten while it waited */
	bool cancelled; /* it was asked to end */
};

static struct pipe_ pipes[PIPES];
static size_t pipe_count;
static struct slot slots[SLOTS];
static struct reader readers[READERS];

/* ---- reading ---- */

static int reads(void *arg)
{
	struct reader *reader = arg;
	struct pipe_ *pipe = reader->pipe;
	uint8_t bytes[3];
	ssize_t n = reader->only_waits ? coro_readable(reader->fd)
				       : coro_read(reader->fd, bytes, sizeof(bytes));
	if (n == -EBADF)
		fuzz_assert(reader->gone);
	else if (n == -ECANCELED)
		fuzz_assert(reader->cancelled);
	else
		fuzz_assert(n >= 0);
	if (n == 0 && !reader->only_waits) {
		fuzz_assert(pipe->writers == 0);
		pipe->ended = true; /* one who was cancelled may have the rest, and run later */
	}
	if (n == 0 && reader->only_waits)
		fuzz_assert(pipe->inside > 0 || pipe->writers == 0 || reader->gone);
	for (ssize_t i = 0; i < n && !reader->only_waits; i++) {
		fuzz_assert(pipe->there[bytes[i]] && bytes[i] == (uint8_t)(bytes[0] + i));
		pipe->there[bytes[i]] = false;
	}
	pipe->inside -= n > 0 ? (unsigned)n : 0;
	return 0;
}

static void reap(struct reader *reader)
{
	if (!reader->task || !coro_future_done(reader->task))
		return;
	int r = coro_future_result(reader->task, NULL);
	fuzz_assert(r == 0 || (r == -ECANCELED && reader->cancelled));
	coro_future_unref(reader->task);
	reader->task = NULL;
}

static void start_reader(struct reader *reader, const struct slot *slot, bool only_waits)
{
	if (reader->task || slot->fd < 0 || !slot->reads)
		return;
	*reader = (struct reader){.pipe = slot->pipe, .fd = slot->fd, .only_waits = only_waits};
	fuzz_assert(coro_spawn(reads, reader, &reader->task) == 0);
	coro_task_yield(); /* it makes its call */
}

/* ---- numbers ---- */

static struct slot *slot_of(int fd)
{
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].fd == fd)
			return &slots[i];
	return NULL;
}

/* Those who wait for a number are told. */
static void number_goes(int fd)
{
	for (int i = 0; i < READERS; i++)
		if (readers[i].task && readers[i].fd == fd)
			readers[i].gone = true;
}

static void take_off(struct slot *slot)
{
	number_goes(slot->fd);
	if (slot->reads)
		slot->pipe->readers--;
	else
		slot->pipe->writers--;
	slot->fd = -1;
}

static void put_on(struct slot *slot, int fd, struct pipe_ *pipe, bool is_reader)
{
	*slot = (struct slot){fd, pipe, is_reader};
	if (is_reader)
		pipe->readers++;
	else
		pipe->writers++;
}

static void open_pipe(struct slot *from, struct slot *to, unsigned kind)
{
	int fds[2];
	if (from == to || from->fd >= 0 || to->fd >= 0 || pipe_count == PIPES)
		return;
	if (kind < 2)
		fuzz_assert(pipe(fds) == 0);
	else
		fuzz_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	for (int i = 0; i < 2; i++)
		fcntl(fds[i], F_SETFL, kind % 2 ? O_NONBLOCK : 0);
	struct pipe_ *pipe = &pipes[pipe_count++];
	*pipe = (struct pipe_){0};
	put_on(from, fds[0], pipe, true);
	put_on(to, fds[1], pipe, false);
}

/* By the loop, or elsewhere, before or after which the loop is told. */
static void close_slot(struct slot *slot, unsigned way)
{
	int fd = slot->fd;
	if (fd < 0)
		return;
	take_off(slot);
	if (way == 0)
		fuzz_assert(coro_fd_close(fd) == 0);
	if (way == 1)
		fuzz_assert(coro_fd_forget(fd) == 0 && close(fd) == 0);
	if (way == 2)
		fuzz_assert(close(fd) == 0 && coro_fd_forget(fd) == 0);
}

static void duplicate(const struct slot *from, struct slot *to)
{
	if (from->fd >= 0 && to->fd < 0)
		put_on(to, dup(from->fd), from->pipe, from->reads);
}

/* Makes the number `to` another one for the file of `from` (dup2). */
static void duplicate_onto(const struct slot *from, struct slot *to, bool before)
{
	int fd = to->fd;
	if (from->fd < 0 || fd < 0 || from == to)
		return;
	if (before)
		fuzz_assert(coro_fd_forget(fd) == 0);
	take_off(to);
	fuzz_assert(dup2(from->fd, fd) == fd);
	if (!before)
		fuzz_assert(coro_fd_forget(fd) == 0);
	put_on(to, fd, from->pipe, from->reads);
}

static void write_to(const struct slot *slot, unsigned count, bool by_loop)
{
	uint8_t bytes[8];
	if (slot->fd < 0 || slot->reads || slot->pipe->inside > 200 || slot->pipe->readers == 0)
		return;
	for (unsigned i = 0; i < count; i++) {
		bytes[i] = slot->pipe->written++;
		slot->pipe->there[bytes[i]] = true;
	}
	slot->pipe->inside += count;
	ssize_t n = by_loop ? coro_write(slot->fd, bytes, count) : write(slot->fd, bytes, count);
	fuzz_assert(n == (ssize_t)count);
}

/* ---- programs ---- */

/* Lets all happen that can, and sees that nobody waits who need not, and no byte is lost. */
static void settle(void)
{
	for (int i = 0; i < 4; i++)
		coro_sleep(1);
	for (size_t i = 0; i < pipe_count; i++)
		fuzz_assert(!pipes[i].ended || pipes[i].inside == 0);
	for (int i = 0; i < READERS; i++) {
		struct reader *reader = &readers[i];
		reap(reader);
		if (!reader->task)
			continue;
		fuzz_assert(!reader->gone && !reader->cancelled);
		fuzz_assert(reader->pipe->inside == 0 && reader->pipe->writers > 0);
		fuzz_assert(slot_of(reader->fd) && slot_of(reader->fd)->pipe == reader->pipe);
	}
}

static void step(struct input *input)
{
	unsigned what = take(input), operands = take(input);
	struct slot *one = &slots[operands % SLOTS], *other = &slots[operands / 8 % SLOTS];
	struct reader *reader = &readers[operands / 8 % READERS];
	unsigned how = operands >> 6;
	reap(reader);
	switch (what % 10) {
	case 0:
		open_pipe(one, other, how);
		break;
	case 1:
		close_slot(one, how % 3);
		break;
	case 2:
		duplicate(one, other);
		break;
	case 3:
		duplicate_onto(one, other, how % 2);
		break;
	case 4:
	case 5:
		start_reader(reader, one, what % 10 == 4);
		break;
	case 6:
		write_to(one, 1 + operands / 8 % 8, how % 2);
		break;
	case 7:
		if (reader->task) {
			reader->cancelled = true;
			coro_cancel(reader->task);
		}
		break;
	case 8:
		coro_task_yield();
		break;
	default:
		settle();
	}
}

static int runs_program(void *arg)
{
	struct input *input = arg;
	while (input_left(input) > 0)
		step(input);
	settle();
	for (int i = 0; i < SLOTS; i++)
		close_slot(&slots[i], 0);
	settle();
	for (int i = 0; i < READERS; i++)
		fuzz_assert(!readers[i].task);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	struct input input = {bytes, bytes + (size < 400 ? size : 400)};
	int before = dup(0);
	close(before);
	pipe_count = 0;
	for (int i = 0; i < SLOTS; i++)
		slots[i].fd = -1;
	fuzz_assert(coro_run_with(&options, runs_program, &input) == 0);
	int after = dup(0);
	close(after);
	fuzz_assert(before == after);
	return 0;
}
