/* SPDX-License-Identifier: MIT */
/*
 * Programs of any calls: tasks that spawn, await, cancel and shield each other, with timeouts, groups,
 * locks, queues, channels, generators, callbacks, streams, fds and threads between them, on the poller
 * that CORO_POLLER names, in virtual time. The bytes say who does what.
 *
 * Each call returns what its header allows. No item and no byte is lost or comes twice. A lock has one
 * owner, a sleep takes its time. And whatever happens, the tasks end when they are cancelled at the
 * end, the loop closes, and neither fd nor memory is left: ASan sees the last.
 *
 * FUZZ_SAY=1 names each action.
 */
#include "fuzz.h"

#include <coro.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLOTS = 6, DEPTH = 4, LIVE = 40, BYTES = 600 };

/* Bytes that come out of `from` as they went into `to`. */
struct line {
	int from, to;
	uint8_t written, read;
	bool writing;
	unsigned opened; /* which of all lines it is: numbers come again */
};

static struct {
	struct input input;
	struct coro_loop *loop;
	int live; /* tasks that run a body of ours */
	struct coro_future *tasks[SLOTS], *futures[SLOTS];
	struct coro_handle *handles[SLOTS];
	struct coro *generators[SLOTS];
	struct line lines[SLOTS];
	unsigned opened; /* how many lines were */
	struct coro_queue *queue;
	uintptr_t put, got; /* items of the queue: how many, and their sums */
	struct coro_channel *channel;
	int sent, received;
	struct coro_lock lock;
	int holders;
	struct coro_rwlock rwlock;
	int readers, writers;
	struct coro_semaphore semaphore;
	int permits;
	struct coro_condition condition;
	struct coro_event event;
	int callbacks; /* that were called */
} world;

static const struct coro_local variable = CORO_LOCAL("variable", NULL);

static unsigned any(unsigned most)
{
	return take_below(&world.input, most);
}

static bool over(void)
{
	return input_left(&world.input) == 0;
}

/* The result of a call is a count, 0, or one of these errors; 0 stands for none more. */
#define expect(r, ...) expect_among(__LINE__, r, (const int[]){0, __VA_ARGS__, 0})

static ssize_t expect_among(int line, ssize_t r, const int *errors)
{
	bool right = r >= 0 || r == -ECANCELED;
	for (errors++; !right && *errors; errors++)
		right = r == *errors;
	if (!right)
		fprintf(stderr, "machine.c:%d: %d %s\n", line, (int)r, coro_message((int)r));
	fuzz_assert(right);
	return r;
}

/* Of all errors only a cancellation ends what a task does. */
static int outcome(ssize_t r)
{
	return r == -ECANCELED ? -ECANCELED : 0;
}

/* Does a few things, until one ends the task. Returns 0 or -ECANCELED. */
static int act(int depth);

/* The body of a task. Its depth is the argument. */
static int lives(void *arg)
{
	world.live++;
	int r = act((int)(intptr_t)arg);
	if (r == -ECANCELED && any(4) == 1)
		r = act((int)(intptr_t)arg); /* in spite of it */
	world.live--;
	if (r == 0 && any(8) == 1)
		r = coro_raise(-EIO, "torn");
	return r;
}

/* ---- tasks ---- */

static int do_yield(int depth)
{
	return outcome(expect(coro_task_yield(), 0));
}

static int do_sleep(int depth)
{
	int64_t delay = (int64_t)any(16), start = coro_loop_time(world.loop);
	int r = coro_sleep(delay);
	expect(r, 0);
	fuzz_assert(r < 0 || coro_loop_time(world.loop) >= start + delay);
	return outcome(r);
}

static int do_spawn(int depth)
{
	struct coro_future **slot = &world.tasks[any(SLOTS)];
	struct coro_options options = {.flags = any(4) == 1 ? CORO_EAGER_START : 0};
	if (depth == DEPTH || world.live > LIVE || over())
		return 0;
	struct coro_future *old = *slot;
	*slot = NULL;
	coro_future_unref(old);
	struct coro_future *task;
	fuzz_assert(coro_loop_spawn(world.loop, &options, lives, (void *)(intptr_t)(depth + 1),
				    &task) == 0);
	coro_future_unref(*slot); /* an eager task may have put one there */
	*slot = task;
	return 0;
}

static int do_cancel(int depth)
{
	struct coro_future *task = world.tasks[any(SLOTS)];
	if (task)
		expect(coro_cancel(task), 0);
	return 0;
}

/*
 * Whether the caller may wait for it until it ends, though it be cancelled itself: not if that may wait
 * for the caller. Who owns a group is older than its tasks.
 */
static bool is_younger(const struct coro_future *future)
{
	return !future || !coro_is_task(future) ||
	       coro_task_number(future) > coro_task_number(coro_current_task());
}

/* A reference to a task or future, or NULL. */
static struct coro_future *any_future(void)
{
	unsigned which = any(2 * SLOTS);
	return coro_future_ref(which < SLOTS ? world.tasks[which] : world.futures[which - SLOTS]);
}

static struct coro_future *any_younger(void)
{
	struct coro_future *future = any_future();
	if (is_younger(future))
		return future;
	coro_future_unref(future);
	return NULL;
}

static int do_await(int depth)
{
	struct coro_future *future = any_younger();
	if (!future)
		return 0;
	int r = coro_await(future, NULL);
	expect(r, -EIO, -EDEADLK, -EINVAL);
	coro_future_unref(future);
	return outcome(r);
}

static int do_wait_for(int depth)
{
	struct coro_future *future = any_younger();
	int64_t timeout = (int64_t)any(8) - 1;
	if (!future)
		return 0;
	int r = coro_wait_for(future, timeout < 0 ? CORO_FOREVER : timeout, NULL);
	expect(r, -EIO, -EDEADLK, -EINVAL, -ETIMEDOUT);
	coro_future_unref(future);
	return outcome(r);
}

static int do_shield(int depth)
{
	struct coro_future *future = any_future();
	if (!future)
		return 0;
	int r = coro_shield(future, NULL);
	expect(r, -EIO, -EDEADLK, -EINVAL);
	coro_future_unref(future);
	return outcome(r);
}

static int do_future(int depth)
{
	struct coro_future **slot = &world.futures[any(SLOTS)], *future = *slot;
	unsigned what = any(4);
	if (!future && coro_future_create(world.loop, slot) < 0)
		fuzz_assert(false);
	if (!future)
		return 0;
	if (what == 0)
		expect(coro_future_set_result(future, NULL), -EALREADY);
	if (what == 1)
		expect(coro_future_set_error(future, -EIO), -EALREADY);
	if (what == 2)
		expect(coro_cancel(future), 0);
	if (what == 3) {
		*slot = NULL;
		coro_future_unref(future);
	}
	return 0;
}

/* ---- several ---- */

struct several {
	struct coro_future *all[2 * SLOTS];
	size_t count;
};

static struct several some_futures(bool younger)
{
	struct several several = {.count = 0};
	unsigned which = any(256) << 8 | any(256);
	for (int i = 0; i < 2 * SLOTS; i++) {
		struct coro_future *it = i < SLOTS ? world.tasks[i] : world.futures[i - SLOTS];
		if (it && which >> i & 1 && (!younger || is_younger(it)))
			several.all[several.count++] = coro_future_ref(it);
	}
	return several;
}

static void drop(const struct several *several)
{
	for (size_t i = 0; i < several->count; i++)
		coro_future_unref(several->all[i]);
}

static int do_gather(int depth)
{
	struct several several = some_futures(true);
	struct coro_result results[2 * SLOTS];
	int r = any(2) ? coro_gather(several.all, several.count, NULL)
		       : coro_gather_all(several.all, several.count, results);
	expect(r, -EIO, -EDEADLK, -EINVAL);
	drop(&several);
	return outcome(r);
}

static int do_wait(int depth)
{
	struct several several = some_futures(false);
	enum coro_wait_mode mode = any(3);
	int r = coro_wait(several.all, several.count, mode, (int64_t)any(8));
	expect(r, -EDEADLK, -EINVAL);
	fuzz_assert(r <= (int)several.count);
	drop(&several);
	return outcome(r);
}

static int do_as_completed(int depth)
{
	struct several several = some_futures(false);
	unsigned wanted = any(8);
	struct coro_iterator *it =
		coro_as_completed(several.all, several.count, any(2) ? CORO_FOREVER : any(8));
	void *done;
	int r = 1;
	while (wanted-- > 0 && r > 0)
		r = coro_iter_next(it, &done);
	expect(r, -EDEADLK, -EINVAL, -ETIMEDOUT);
	expect(coro_iter_close(it), -EDEADLK, -EINVAL, -ETIMEDOUT);
	drop(&several);
	return outcome(r);
}

/* ---- scopes ---- */

static int do_timeout(int depth)
{
	struct coro_timeout timeout;
	int64_t delay = (int64_t)any(16) - 1;
	if (depth == DEPTH)
		return 0;
	fuzz_assert(coro_timeout_begin(&timeout, delay < 0 ? CORO_FOREVER : delay) == 0);
	if (any(4) == 1)
		expect(coro_timeout_reschedule(&timeout, coro_loop_time(world.loop) + any(8)), 0);
	int r = coro_timeout_end(&timeout, act(depth + 1));
	expect(r, -ETIMEDOUT);
	fuzz_assert(r != -ETIMEDOUT || coro_timeout_expired(&timeout));
	return outcome(r);
}

static int acts(void *arg)
{
	return act((int)(intptr_t)arg);
}

static int do_within(int depth)
{
	if (depth == DEPTH)
		return 0;
	int r = coro_within(any(8), acts, (void *)(intptr_t)(depth + 1));
	return outcome(expect(r, -ETIMEDOUT));
}

static int do_shield_scope(int depth)
{
	struct coro_shield_scope scope;
	if (depth == DEPTH)
		return 0;
	fuzz_assert(coro_shield_begin(&scope, any(8)) == 0);
	int r = coro_shield_end(&scope, act(depth + 1));
	return outcome(expect(r, -ETIMEDOUT));
}

static int starts(void *arg)
{
	if (any(4) > 0)
		expect(coro_started(arg), -EALREADY);
	return lives(arg);
}

static int do_group(int depth)
{
	struct coro_group *group;
	struct coro_group_options options = {.limit = any(3)};
	if (depth == DEPTH)
		return 0;
	fuzz_assert(coro_group_create_with(&options, &group) == 0);
	int r = 0;
	for (unsigned count = any(4); r == 0 && count > 0 && world.live <= LIVE; count--) {
		void *arg = (void *)(intptr_t)(depth + 1);
		r = any(4) == 1 ? coro_group_start(group, starts, arg, NULL, NULL)
				: coro_group_spawn(group, lives, arg, NULL);
	}
	expect(r, -EIO, -ESHUTDOWN, CORO_INCOMPLETE, -EPIPE, -EPROTO);
	if (any(4) == 1)
		expect(coro_group_cancel(group), 0);
	if (r == 0)
		r = act(depth + 1);
	r = any(4) == 1 ? (r = coro_group_join(group, r), coro_group_destroy(group), r)
			: coro_group_end(group, r);
	expect(r, -EIO, -ESHUTDOWN, CORO_INCOMPLETE, -EPIPE, -EPROTO);
	return outcome(r);
}

/* ---- locks ---- */

static int do_lock(int depth)
{
	int r = any(4) == 1 ? coro_lock_try_acquire(&world.lock) : coro_lock_acquire(&world.lock);
	if (expect(r, -EAGAIN, -EDEADLK) < 0)
		return outcome(r);
	fuzz_assert(world.holders++ == 0);
	r = depth < DEPTH ? act(depth + 1) : 0;
	if (r == 0 && any(4) == 1) {
		world.holders--;
		r = coro_condition_wait(&world.condition); /* has the lock again, however it ends */
		expect(r, 0);
		fuzz_assert(world.holders++ == 0);
	}
	if (any(2))
		expect(coro_condition_notify(&world.condition, any(3)), 0);
	world.holders--;
	fuzz_assert(coro_lock_release(&world.lock) == 0);
	return outcome(r);
}

static int do_read_lock(int depth)
{
	int r = coro_rwlock_read_acquire(&world.rwlock);
	if (expect(r, -EDEADLK) < 0)
		return outcome(r);
	world.readers++;
	fuzz_assert(world.writers == 0);
	r = depth < DEPTH ? act(depth + 1) : 0;
	world.readers--;
	fuzz_assert(coro_rwlock_release(&world.rwlock) == 0);
	return outcome(r);
}

static int do_write_lock(int depth)
{
	int r = coro_rwlock_write_acquire(&world.rwlock);
	if (expect(r, -EDEADLK) < 0)
		return outcome(r);
	fuzz_assert(world.writers++ == 0 && world.readers == 0);
	r = depth < DEPTH ? act(depth + 1) : 0;
	world.writers--;
	fuzz_assert(coro_rwlock_release(&world.rwlock) == 0);
	return outcome(r);
}

static int do_semaphore(int depth)
{
	int r = coro_semaphore_acquire(&world.semaphore);
	if (expect(r, 0) < 0)
		return outcome(r);
	fuzz_assert(world.permits-- > 0);
	r = depth < DEPTH ? act(depth + 1) : 0;
	world.permits++;
	fuzz_assert(coro_semaphore_release(&world.semaphore) == 0);
	return outcome(r);
}

static int do_event(int depth)
{
	unsigned what = any(3);
	if (what == 0)
		expect(coro_event_set(&world.event), 0);
	if (what == 1)
		coro_event_clear(&world.event);
	return what == 2 ? outcome(expect(coro_event_wait(&world.event), 0)) : 0;
}

/* ---- queues and channels ---- */

static int do_put(int depth)
{
	uintptr_t item = any(255) + 1;
	int r = any(2) ? coro_queue_put(world.queue, (void *)item)
		       : coro_queue_try_put(world.queue, (void *)item);
	if (expect(r, -EAGAIN) == 0)
		world.put += item;
	return outcome(r);
}

static int do_get(int depth)
{
	void *item = NULL;
	int r = any(2) ? coro_queue_get(world.queue, &item)
		       : coro_queue_try_get(world.queue, &item);
	if (expect(r, -EAGAIN) == 0) {
		world.got += (uintptr_t)item;
		fuzz_assert(coro_queue_task_done(world.queue) == 0);
	}
	return outcome(r);
}

static int do_join(int depth)
{
	return outcome(expect(coro_queue_join(world.queue), 0));
}

static int do_send(int depth)
{
	int item = (int)any(255) + 1;
	int r = any(2) ? coro_channel_send(world.channel, &item)
		       : coro_channel_try_send(world.channel, &item);
	if (expect(r, -EAGAIN) == 0)
		world.sent += item;
	return outcome(r);
}

static int do_receive(int depth)
{
	int item = 0;
	int r = any(2) ? coro_channel_receive(world.channel, &item)
		       : coro_channel_try_receive(world.channel, &item);
	if (expect(r, -EAGAIN) == 0)
		world.received += item;
	return outcome(r);
}

static int do_select(int depth)
{
	int out = (int)any(255) + 1, in = 0;
	struct coro_select_case cases[] = {
		{.channel = world.channel, .direction = CORO_SEND, .item = &out},
		{.channel = world.channel, .direction = CORO_RECEIVE, .item = &in},
	};
	unsigned which = any(3);
	int r = coro_select(which == 2 ? &cases[1] : cases, which == 0 ? 2 : 1,
			    any(2) ? CORO_FOREVER : any(8));
	if (expect(r, -ETIMEDOUT, -EAGAIN) >= 0) {
		if (which == 2 || r == 1)
			world.received += in;
		else
			world.sent += out;
	}
	return outcome(r);
}

/* ---- generators ---- */

static int yields(void *arg)
{
	int r = 0;
	for (intptr_t i = 0; i < 20 && r == 0; i++) {
		r = any(3) == 1 ? coro_sleep(any(4)) : 0;
		if (r == 0)
			r = coro_yield((void *)i, NULL);
	}
	return r;
}

static int delegates(void *arg)
{
	struct coro *inner;
	if (coro_create(yields, NULL, &inner) < 0)
		fuzz_assert(false);
	int r = coro_yield_from(inner, NULL);
	coro_destroy(inner);
	return r;
}

static int do_generator(int depth)
{
	struct coro **slot = &world.generators[any(SLOTS)], *generator = *slot;
	unsigned what = any(6);
	void *item;
	int r = 0;
	if (!generator) {
		fuzz_assert(coro_create(what % 2 ? yields : delegates, NULL, slot) == 0);
		return 0;
	}
	if (what < 3)
		r = coro_next(generator, &item);
	if (what == 3)
		r = coro_throw(generator, -EIO, &item);
	if (what == 4)
		r = coro_close(generator);
	if (what == 5 && *slot == generator) {
		*slot = NULL;
		r = coro_destroy(generator);
		if (r < 0) /* it runs in another task */
			*slot = generator;
	}
	expect(r, -EIO, -EBUSY, -EALREADY, -EPERM, -EPROTO, CORO_EXIT);
	return outcome(r);
}

/* ---- callbacks ---- */

static void called(void *arg)
{
	world.callbacks++;
	if (arg)
		coro_cancel(arg);
}

static int do_call(int depth)
{
	struct coro_handle **slot = &world.handles[any(SLOTS)];
	if (*slot && any(2))
		expect(coro_handle_cancel(*slot), -EALREADY);
	coro_handle_unref(*slot);
	*slot = NULL;
	int r = any(2) ? coro_call_soon(world.loop, called, NULL, slot)
		       : coro_call_later(world.loop, any(8), called, NULL, slot);
	fuzz_assert(r == 0);
	return 0;
}

static int do_done_callback(int depth)
{
	struct coro_future *future = any_future();
	if (!future)
		return 0;
	if (any(3))
		fuzz_assert(coro_future_add_done_callback(future, called, NULL) == 0);
	else
		expect(coro_future_remove_done_callback(future, called, NULL), 0);
	coro_future_unref(future);
	return 0;
}

static void count_down(void *arg)
{
	--*(int *)arg;
}

static int deferred;

static int do_defer(int depth)
{
	deferred++;
	fuzz_assert(coro_defer(count_down, &deferred) == 0);
	if (any(4) == 1 && coro_undefer(count_down, &deferred) == 0)
		deferred--;
	return 0;
}

static int do_local(int depth)
{
	struct coro_local_token token;
	void *before = coro_local_get(&variable);
	fuzz_assert(coro_local_set(&variable, &token, &token) == 0);
	int r = depth < DEPTH ? act(depth + 1) : 0;
	fuzz_assert(coro_local_get(&variable) == &token);
	fuzz_assert(coro_local_reset(&variable, &token) == 0);
	fuzz_assert(coro_local_get(&variable) == before);
	return r;
}

/* ---- outside ---- */

static int nothing(void *arg)
{
	return (int)(intptr_t)arg;
}

static int do_thread(int depth)
{
	if (any(4) > 0) /* threads take long to start */
		return 0;
	int r = coro_to_thread(nothing, (void *)7);
	expect(r, 0);
	fuzz_assert(r < 0 || r == 7);
	return outcome(r);
}

static int do_line(int depth)
{
	struct line *line = &world.lines[any(SLOTS)];
	int fds[2];
	if (line->from < 0) {
		fuzz_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
		*line = (struct line){.from = fds[0], .to = fds[1], .opened = ++world.opened};
	} else if (any(4) == 1) {
		int from = line->from, to = line->to;
		line->from = line->to = -1;
		fuzz_assert(coro_fd_close(to) == 0);
		fuzz_assert(coro_fd_close(from) == 0);
	}
	return 0;
}

static int do_write(int depth)
{
	struct line *line = &world.lines[any(SLOTS)];
	uint8_t bytes[16];
	size_t length = any(16) + 1;
	unsigned opened = line->opened;
	if (line->to < 0 || line->writing)
		return 0;
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(line->written + i);
	line->writing = true;
	ssize_t n = expect(coro_write(line->to, bytes, length), -EBADF);
	if (line->to < 0 || line->opened != opened)
		return outcome(n); /* it was closed meanwhile */
	line->writing = false;
	line->written += n > 0 ? (uint8_t)n : 0;
	fuzz_assert(n < 0 || n == (ssize_t)length);
	return outcome(n);
}

static int do_read(int depth)
{
	struct line *line = &world.lines[any(SLOTS)];
	uint8_t bytes[16];
	unsigned opened = line->opened;
	if (line->from < 0)
		return 0;
	ssize_t n = coro_read(line->from, bytes, any(16) + 1);
	if (expect(n, -EBADF) > 0 && line->from >= 0 && line->opened == opened)
		for (ssize_t i = 0; i < n; i++)
			fuzz_assert(bytes[i] == line->read++);
	return outcome(n);
}

static int do_readable(int depth)
{
	int fd = world.lines[any(SLOTS)].from;
	struct pollfd poll = {.fd = fd, .events = POLLIN};
	if (fd < 0)
		return 0;
	int r = any(2) ? coro_readable(fd) : coro_poll(&poll, 1, any(8));
	return outcome(expect(r, -EBADF));
}

/* Two ends of a stream: one writes lines, the other reads them all. */
struct talk {
	struct coro_stream *in, *out;
	int lines;
	size_t length; /* of each */
};

static int says_lines(void *arg)
{
	struct talk *talk = arg;
	int r = 0;
	for (int i = 0; i < talk->lines && r == 0; i++) {
		r = coro_stream_printf(talk->out, "%*d\n", (int)talk->length, i);
		if (r == 0 && i % 3 == 1)
			r = coro_stream_drain(talk->out);
	}
	if (r == 0)
		r = coro_stream_write_eof(talk->out);
	return r == 0 ? coro_stream_flush(talk->out) : r;
}

static int hears_lines(struct talk *talk)
{
	const char *line;
	ssize_t n;
	int lines = 0;
	while ((n = coro_stream_readline(talk->in, &line)) > 0) {
		fuzz_assert((size_t)n == talk->length + 1 && atoi(line) == lines);
		lines++;
	}
	fuzz_assert(n < 0 || lines == talk->lines);
	return (int)n;
}

static int do_talk(int depth)
{
	struct talk talk = {.lines = (int)any(16), .length = 2 + any(64) * any(64)};
	struct coro_future *task;
	int fds[2];
	fuzz_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	fuzz_assert(coro_stream_open(fds[0], NULL, &talk.in) == 0);
	fuzz_assert(coro_stream_open(fds[1], NULL, &talk.out) == 0);
	fuzz_assert(coro_spawn(says_lines, &talk, &task) == 0);
	int r = expect(hears_lines(&talk), 0);
	coro_cancel(task);
	int said;
	while (!coro_future_done(task) && (said = coro_await(task, NULL)) == -ECANCELED)
		r = -ECANCELED;
	coro_future_unref(task);
	coro_stream_destroy(talk.in);
	coro_stream_destroy(talk.out);
	return outcome(r);
}

/* ---- programs ---- */

#define ACTION(name)        \
	{                   \
#name, name \
	}

static const struct {
	const char *name;
	int (*run)(int depth);
} actions[] = {
	ACTION(do_yield),     ACTION(do_sleep),         ACTION(do_spawn),
	ACTION(do_cancel),    ACTION(do_await),         ACTION(do_wait_for),
	ACTION(do_shield),    ACTION(do_future),        ACTION(do_gather),
	ACTION(do_wait),      ACTION(do_as_completed),  ACTION(do_timeout),
	ACTION(do_within),    ACTION(do_shield_scope),  ACTION(do_group),
	ACTION(do_lock),      ACTION(do_read_lock),     ACTION(do_write_lock),
	ACTION(do_semaphore), ACTION(do_event),         ACTION(do_put),
	ACTION(do_get),       ACTION(do_join),          ACTION(do_send),
	ACTION(do_receive),   ACTION(do_select),        ACTION(do_generator),
	ACTION(do_call),      ACTION(do_done_callback), ACTION(do_defer),
	ACTION(do_local),     ACTION(do_thread),        ACTION(do_line),
	ACTION(do_write),     ACTION(do_read),          ACTION(do_readable),
	ACTION(do_talk),
};

static int act(int depth)
{
	unsigned which;
	int r = 0;
	for (unsigned count = any(8); count > 0 && r == 0 && !over(); count--) {
		which = any(sizeof(actions) / sizeof(actions[0]));
		if (getenv("FUZZ_SAY"))
			fprintf(stderr, "task %u: %s\n", coro_task_number(coro_current_task()),
				actions[which].name);
		r = actions[which].run(depth);
	}
	return r;
}

/* Cancels all that is left, more than once, since some go on after a cancellation. */
static void end_all(void)
{
	struct coro_future *tasks[8 * LIVE], *self = coro_current_task();
	for (int round = 0; round < 50; round++) {
		int count = coro_all_tasks(world.loop, tasks, sizeof(tasks) / sizeof(tasks[0]));
		fuzz_assert(count >= 1 && count <= (int)(sizeof(tasks) / sizeof(tasks[0])));
		for (int i = 0; i < count; i++) {
			if (tasks[i] != self)
				coro_cancel(tasks[i]);
			coro_future_unref(tasks[i]);
		}
		coro_sleep(100);
		if (count == 1)
			return;
	}
	(void)!coro_loop_dump(world.loop, STDERR_FILENO, CORO_DUMP_LIST);
	fuzz_assert(!"all tasks end when they are cancelled");
}

static int program(void *arg)
{
	world.loop = coro_running_loop();
	fuzz_assert(coro_queue_create(2, &world.queue) == 0);
	fuzz_assert(coro_channel_create(sizeof(int), any(3), &world.channel) == 0);
	while (!over()) {
		struct coro_future *task;
		fuzz_assert(coro_spawn(lives, NULL, &task) == 0);
		fuzz_assert(coro_wait(&task, 1, CORO_ALL_COMPLETED, 1000) >= 0);
		coro_future_unref(task);
	}
	world.input.at = world.input.end;
	end_all();
	return 0;
}

static void check_and_clear(void)
{
	void *item;
	int number;
	fuzz_assert(world.live == 0 && world.holders == 0 && deferred == 0);
	fuzz_assert(world.permits == 2 && world.readers == 0 && world.writers == 0);
	fuzz_assert(!coro_lock_locked(&world.lock) && !coro_rwlock_locked(&world.rwlock));
	while (coro_queue_try_get(world.queue, &item) == 0)
		world.got += (uintptr_t)item;
	fuzz_assert(world.got == world.put);
	while (coro_channel_try_receive(world.channel, &number) == 0)
		world.received += number;
	fuzz_assert(world.received == world.sent);
	fuzz_assert(coro_queue_destroy(world.queue) == 0);
	fuzz_assert(coro_channel_destroy(world.channel) == 0);
	for (int i = 0; i < SLOTS; i++) {
		coro_future_unref(world.tasks[i]);
		coro_future_unref(world.futures[i]);
		coro_handle_unref(world.handles[i]);
		fuzz_assert(coro_destroy(world.generators[i]) == 0);
		if (world.lines[i].from >= 0)
			close(world.lines[i].from), close(world.lines[i].to);
	}
}

static void drop_report(struct coro_loop *loop, const struct coro_report *report, void *arg)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .max_turns = 100000};
	struct coro_runner *runner;
	memset(&world, 0, sizeof(world));
	world.input = (struct input){bytes, bytes + (size < BYTES ? size : BYTES)};
	unsigned how = any(256);
	options.seed = how & 3;
	options.flags |= how & 4 ? CORO_EAGER_TASKS : 0;
	coro_lock_init(&world.lock);
	coro_condition_init(&world.condition, &world.lock);
	coro_semaphore_init_bounded(&world.semaphore, world.permits = 2);
	for (int i = 0; i < SLOTS; i++)
		world.lines[i].from = world.lines[i].to = -1;
	int before = dup(0);
	close(before);
	fuzz_assert(coro_runner_create(&options, &runner) == 0);
	fuzz_assert(coro_loop_set_exception_handler(coro_runner_loop(runner), drop_report, NULL) ==
		    0);
	int r = coro_runner_run(runner, program, NULL);
	if (r < 0)
		fprintf(stderr, "the run ends with %d: %s\n", r, coro_message(r));
	fuzz_assert(r == 0);
	fuzz_assert(coro_runner_close(runner) == 0);
	check_and_clear();
	int after = dup(0);
	close(after);
	fuzz_assert(before == after);
	return 0;
}
