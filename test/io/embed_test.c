/* SPDX-License-Identifier: MIT */
/* The loop embedded in others: in poll(), and in libuv and GLib if they are installed. */
#include "fds.h"
#include "threads.h"

#include <poll.h>

#ifdef HOST_LIBUV
#include <uv.h>
#endif
#ifdef HOST_GLIB
#include <glib.h>
#endif

static int fd; /* the loop's */

/* A loop on the real clock, to be embedded; false: its poller has no fd. */
static bool be_guest(void)
{
	loop_teardown();
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	fd = coro_loop_fd(loop);
	if (fd == -ENOTSUP && strcmp(coro_loop_poller(loop), "epoll") != 0)
		return false;
	ck_assert_int_ge(fd, 0);
	return true;
}

#define must_be_guest()  \
	if (!be_guest()) \
	skip_test("%s has no fd to be polled", coro_loop_poller(loop))

static bool readable(void)
{
	struct pollfd wanted = {.fd = fd, .events = POLLIN};
	return poll(&wanted, 1, 0) > 0;
}

static int once(void)
{
	return coro_loop_run_once(loop);
}

/*
 * Whether it is not readable any more; of io_uring, which may signal something that was taken up
 * already, after some turns that find nothing.
 */
static bool quiet(void)
{
	int turns = strcmp(coro_loop_poller(loop), "uring") == 0 ? 1000 : 0;
	while (readable() && turns-- > 0)
		once();
	return !readable();
}

static void says_it(void *word)
{
	trace("%s", (char *)word);
}

/* ---- hosts ---- */

/* Done between turns, by the host. */
static struct {
	coro_callback *fn;
	void *arg;
} errand;

static bool over; /* the host has to end */

static void run_errand(void)
{
	coro_callback *fn = errand.fn;
	errand.fn = NULL;
	if (fn)
		fn(errand.arg);
}

static int to_ms(int64_t ns)
{
	return ns == CORO_FOREVER ? -1 : (int)((ns + CORO_MSEC - 1) / CORO_MSEC);
}

static void run_by_poll(void)
{
	while (!over) {
		struct pollfd wanted = {.fd = fd, .events = POLLIN};
		run_errand();
		poll(&wanted, 1, to_ms(coro_loop_timeout(loop)));
		ck_assert_int_ge(once(), 0);
	}
}

#ifdef HOST_LIBUV
/* A host that does not ask: it sets its timer when the loop notifies it. */
static struct {
	uv_loop_t loop;
	uv_poll_t poll;
	uv_timer_t timer;
	uv_prepare_t prepare;
} uv;

static void uv_turn(void)
{
	ck_assert_int_ge(once(), 0);
	if (over)
		uv_stop(&uv.loop);
}

static void uv_on_poll(uv_poll_t *handle, int status, int events)
{
	uv_turn();
}

static void uv_on_timer(uv_timer_t *timer)
{
	uv_turn();
}

static void uv_on_prepare(uv_prepare_t *prepare)
{
	run_errand();
}

static void uv_timeout_changed(void *arg)
{
	int64_t ns = coro_loop_timeout(loop);
	if (ns == CORO_FOREVER)
		uv_timer_stop(&uv.timer);
	else
		uv_timer_start(&uv.timer, uv_on_timer, (uint64_t)to_ms(ns), 0);
}

static void run_by_libuv(void)
{
	ck_assert_int_eq(uv_loop_init(&uv.loop), 0);
	ck_assert_int_eq(uv_poll_init(&uv.loop, &uv.poll, fd), 0);
	uv_timer_init(&uv.loop, &uv.timer);
	uv_prepare_init(&uv.loop, &uv.prepare);
	uv_poll_start(&uv.poll, UV_READABLE, uv_on_poll);
	uv_prepare_start(&uv.prepare, uv_on_prepare);
	ck_assert_int_eq(coro_loop_set_timeout_callback(loop, uv_timeout_changed, NULL), 0);
	uv_timeout_changed(NULL);
	uv_run(&uv.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(coro_loop_set_timeout_callback(loop, NULL, NULL), 0);
	uv_close((uv_handle_t *)&uv.poll, NULL);
	uv_close((uv_handle_t *)&uv.timer, NULL);
	uv_close((uv_handle_t *)&uv.prepare, NULL);
	uv_run(&uv.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&uv.loop), 0);
}
#endif

#ifdef HOST_GLIB
/* A host that asks each turn. */
static GMainLoop *glib;
static gpointer glib_tag;

static gboolean glib_prepare(GSource *source, gint *timeout)
{
	int64_t ns = coro_loop_timeout(loop);
	*timeout = to_ms(ns);
	return ns == 0;
}

static gboolean glib_check(GSource *source)
{
	return g_source_query_unix_fd(source, glib_tag) || coro_loop_timeout(loop) == 0;
}

static gboolean glib_dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
	ck_assert_int_ge(once(), 0);
	run_errand();
	if (over)
		g_main_loop_quit(glib);
	return G_SOURCE_CONTINUE;
}

static void run_by_glib(void)
{
	static GSourceFuncs functions = {glib_prepare, glib_check, glib_dispatch, NULL, NULL, NULL};
	GMainContext *context = g_main_context_new();
	GSource *source = g_source_new(&functions, sizeof(GSource));
	glib = g_main_loop_new(context, FALSE);
	glib_tag = g_source_add_unix_fd(source, fd, G_IO_IN);
	g_source_attach(source, context);
	g_main_loop_run(glib);
	g_source_destroy(source);
	g_source_unref(source);
	g_main_loop_unref(glib);
	g_main_context_unref(context);
}
#endif

static const struct {
	const char *name;
	void (*run)(void);
} hosts[] = {
	{"poll", run_by_poll},
#ifdef HOST_LIBUV
	{"libuv", run_by_libuv},
#else
	{"libuv", NULL},
#endif
#ifdef HOST_GLIB
	{"glib-2.0", run_by_glib},
#else
	{"glib-2.0", NULL},
#endif
};

enum { HOSTS = sizeof(hosts) / sizeof(hosts[0]) };

static void ends_host(void *arg)
{
	over = true;
}

/* Runs a task in the embedded loop to its end; returns its result. */
static int embedded(int host, coro_fn *fn, void *arg)
{
	struct coro_future *task = spawn(fn, arg);
	ck_assert_int_eq(coro_future_add_done_callback(task, ends_host, NULL), 0);
	over = false;
	hosts[host].run();
	int r = coro_future_result(task, NULL);
	coro_future_unref(task);
	return r;
}

/* For tests that a host drives. */
#define must_have(host)                                                              \
	do {                                                                         \
		if (!hosts[host].run)                                                \
			skip_test("pkg-config has not found %s when this was built", \
				  hosts[host].name);                                 \
		must_be_guest();                                                     \
	} while (0)

/* ---- driven by each of them ---- */

static int sleeps(void *name)
{
	for (int i = 0; i < 3; i++) {
		trace("%s%d", (char *)name, i);
		int r = coro_sleep(i * 2 * CORO_MSEC);
		if (r < 0)
			return r;
	}
	return 0;
}

static int sleeps_twice(void *arg)
{
	struct coro_future *tasks[2];
	coro_spawn(sleeps, "a", &tasks[0]);
	coro_spawn(sleeps, "b", &tasks[1]);
	int r = coro_gather(tasks, 2, NULL);
	coro_future_unref(tasks[0]);
	coro_future_unref(tasks[1]);
	return r;
}

START_TEST(tasks_sleep)
{
	must_have(_i);
	int64_t start = coro_clock();
	ck_assert_int_eq(embedded(_i, sleeps_twice, NULL), 0);
	ck_assert_trace("a0 b0 a1 b1 a2 b2");
	ck_assert_int_ge(coro_clock() - start, 6 * CORO_MSEC);
}
END_TEST

static int echoes(void *arg)
{
	char byte;
	ssize_t n;
	while ((n = coro_read(*(int *)arg, &byte, 1)) > 0)
		if ((n = coro_write(*(int *)arg, &byte, 1)) < 0)
			break;
	return (int)n;
}

static int talks_to_echo(void *arg)
{
	struct pair pair = make_pair(TCP);
	struct coro_future *task;
	coro_spawn(echoes, &pair.from, &task);
	for (int i = 0; i < 100; i++) {
		char byte = (char)i, got = 0;
		ck_assert_int_eq(coro_write(pair.to, &byte, 1), 1);
		ck_assert_int_eq(coro_read(pair.to, &got, 1), 1);
		ck_assert_int_eq(got, byte);
	}
	coro_fd_close(pair.to);
	int r = coro_await(task, NULL);
	coro_future_unref(task);
	coro_fd_close(pair.from);
	return r;
}

START_TEST(tasks_talk_by_fds)
{
	must_have(_i);
	ck_assert_int_eq(embedded(_i, talks_to_echo, NULL), 0);
}
END_TEST

static int seven(void *arg)
{
	return 7;
}

static int uses_a_thread(void *arg)
{
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(coro_to_thread(seven, NULL), 7);
	return 0;
}

START_TEST(threads_wake_it)
{
	must_have(_i);
	ck_assert_int_eq(embedded(_i, uses_a_thread, NULL), 0);
}
END_TEST

static int uses_a_process(void *arg)
{
	struct coro_process *process;
	int code = -1;
	ck_assert_int_eq(coro_process_shell("exit 5", NULL, &process), 0);
	ck_assert_int_eq(coro_process_wait(process, &code), 0);
	coro_process_destroy(process);
	return code;
}

START_TEST(processes_end)
{
	must_have(_i);
	ck_assert_int_eq(embedded(_i, uses_a_process, NULL), 5);
}
END_TEST

static int sends_usr1(void *arg)
{
	kill(getpid(), SIGUSR1);
	return 0;
}

static int has_usr1_sent(void *arg)
{
	return coro_to_thread(sends_usr1, NULL);
}

static int waits_for_usr1(void *arg)
{
	struct coro_future *sent = spawn(has_usr1_sent, NULL); /* runs when this waits */
	int r = coro_signal_wait(SIGUSR1);
	coro_await(sent, NULL);
	coro_future_unref(sent);
	return r;
}

START_TEST(signals_come)
{
	must_have(_i);
	ck_assert_int_eq(coro_loop_add_signal_handler(loop, SIGUSR1, says_it, "usr1"), 0);
	ck_assert_int_eq(embedded(_i, waits_for_usr1, NULL), SIGUSR1);
	ck_assert_trace("usr1");
}
END_TEST

static void sets_event(void *event)
{
	coro_event_set(event);
}

static int waits_for_the_host(void *arg)
{
	struct coro_event event;
	coro_event_init(&event);
	errand.arg = &event;
	errand.fn = sets_event;
	return coro_event_wait(&event);
}

static void cancels(void *task)
{
	coro_cancel(task);
}

static int is_cancelled_by_the_host(void *arg)
{
	errand.arg = coro_current_task();
	errand.fn = cancels;
	return coro_sleep(3600 * CORO_SEC) == -ECANCELED ? 3 : -EIO;
}

START_TEST(the_host_may_wake_tasks_between_turns)
{
	must_have(_i);
	ck_assert_int_eq(embedded(_i, waits_for_the_host, NULL), 0);
	ck_assert_int_eq(embedded(_i, is_cancelled_by_the_host, NULL), 3);
}
END_TEST

/* ---- turns ---- */

static int yields_on(void *count)
{
	int r;
	do
		++*(int *)count;
	while ((r = coro_task_yield()) == 0);
	return r;
}

START_TEST(a_turn_is_no_more_than_what_was_ready)
{
	int counts[2] = {0};
	struct coro_future *a = spawn(yields_on, &counts[0]), *b = spawn(yields_on, &counts[1]);
	for (int i = 1; i <= 3; i++) {
		ck_assert_int_eq(once(), 1);
		ck_assert_int_eq(counts[0], i);
		ck_assert_int_eq(counts[1], i);
	}
	cancel(a);
	cancel(b);
	ck_assert_int_eq(once(), 0);
	assert_ended(a, -ECANCELED);
	assert_ended(b, -ECANCELED);
}
END_TEST

static int waits_for_event(void *event)
{
	return coro_event_wait(event);
}

START_TEST(a_turn_tells_whether_there_is_more_to_come)
{
	struct coro_handle *handle;
	struct coro_event event;
	struct pair pair = make_pair(PIPE);
	ck_assert_int_eq(once(), 0);
	coro_call_soon(loop, says_it, "soon", NULL);
	ck_assert_int_eq(once(), 0);
	ck_assert_trace("soon");
	coro_call_later(loop, CORO_SEC, says_it, "later", &handle);
	loop_teardown();
	coro_handle_unref(handle);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	coro_call_later(loop, 3600 * CORO_SEC, says_it, "later", &handle);
	ck_assert_int_eq(once(), 1);
	coro_handle_cancel(handle);
	coro_handle_unref(handle);
	ck_assert_int_eq(once(), 0);

	/* What only the host could do is nothing to wait for. */
	coro_event_init(&event);
	struct coro_future *task = spawn(waits_for_event, &event);
	ck_assert_int_eq(once(), 0);
	coro_event_set(&event);
	ck_assert_int_eq(once(), 0);
	assert_ended(task, 0);

	coro_loop_add_reader(loop, pair.from, says_it, "x");
	ck_assert_int_eq(once(), 1);
	coro_loop_remove_reader(loop, pair.from);
	coro_loop_add_signal_handler(loop, SIGUSR1, says_it, "x");
	ck_assert_int_eq(once(), 1);
	coro_loop_remove_signal_handler(loop, SIGUSR1);
	coro_loop_hold(loop);
	ck_assert_int_eq(once(), 1);
	coro_loop_release(loop);
	ck_assert_int_eq(once(), 0);
	close_pair(pair);
}
END_TEST

static void stops_it(void *arg)
{
	coro_loop_stop(loop);
}

START_TEST(it_can_be_stopped)
{
	coro_call_soon(loop, says_it, "a", NULL);
	coro_loop_stop(loop);
	ck_assert_int_eq(coro_loop_timeout(loop), 0);
	ck_assert_int_eq(once(), -ESHUTDOWN);
	ck_assert_trace("a");
	ck_assert_int_eq(once(), 0);
	coro_call_soon(loop, stops_it, NULL, NULL);
	ck_assert_int_eq(once(), -ESHUTDOWN);
	ck_assert_int_eq(once(), 0);
}
END_TEST

START_TEST(virtual_time_goes_from_timer_to_timer)
{
	at(10, says_it, "a");
	at(20, says_it, "b");
	at(20, says_it, "c");
	ck_assert_int_eq(coro_loop_timeout(loop), 0);
	ck_assert_int_eq(once(), 1);
	ck_assert_trace("a");
	ck_assert_int_eq(coro_loop_time(loop), 10);
	coro_loop_hold(loop);
	ck_assert_int_eq(coro_loop_timeout(loop), CORO_FOREVER);
	ck_assert_int_eq(once(), 1);
	ck_assert_trace("");
	coro_loop_release(loop);
	ck_assert_int_eq(once(), 0);
	ck_assert_trace("b c");
}
END_TEST

/* ---- the timeout ---- */

START_TEST(the_timeout_is_until_the_next_thing_to_do)
{
	struct coro_handle *later;
	loop_teardown();
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	ck_assert_int_eq(coro_loop_timeout(loop), CORO_FOREVER);
	coro_call_later(loop, 3600 * CORO_SEC, says_it, "x", &later);
	int64_t first = coro_loop_timeout(loop);
	ck_assert_int_le(first, 3600 * CORO_SEC);
	ck_assert_int_gt(first, 3500 * CORO_SEC);
	coro_call_soon(loop, says_it, "soon", NULL);
	ck_assert_int_eq(coro_loop_timeout(loop), 0);
	ck_assert_int_eq(once(), 1);
	ck_assert_int_gt(coro_loop_timeout(loop), 0);
	coro_call_later(loop, -5, says_it, "past", NULL);
	ck_assert_int_eq(coro_loop_timeout(loop), 0);
	ck_assert_int_eq(once(), 1);
	coro_handle_cancel(later);
	coro_handle_unref(later);
	ck_assert_int_eq(coro_loop_timeout(loop), CORO_FOREVER);
	ck_assert_trace("soon past");
}
END_TEST

static void notes(void *arg)
{
	int64_t ns = coro_loop_timeout(loop);
	trace("%s", ns == 0 ? "now" : ns == CORO_FOREVER ? "never" : "later");
	ck_assert_int_eq(once(), -EBUSY);
	ck_assert_int_eq(coro_run_forever(loop), -EBUSY);
	ck_assert_int_eq(coro_loop_close(loop), -EBUSY);
}

START_TEST(a_timeout_that_gets_shorter_is_noticed)
{
	struct coro_event event;
	struct coro_handle *handle;
	loop_teardown();
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	ck_assert_int_eq(coro_loop_set_timeout_callback(loop, notes, NULL), 0);
	ck_assert_trace("");
	coro_call_soon(loop, says_it, "soon", NULL);
	ck_assert_trace("now");
	coro_call_soon(loop, says_it, "soon", NULL); /* that is known */
	coro_call_later(loop, 3600 * CORO_SEC, says_it, "x", &handle);
	ck_assert_trace("");
	ck_assert_int_eq(once(), 1);
	ck_assert_trace("soon soon later");
	coro_call_later(loop, 7200 * CORO_SEC, says_it, "x", NULL);
	ck_assert_trace("");
	coro_call_later(loop, 1800 * CORO_SEC, says_it, "x", NULL);
	ck_assert_trace("later");
	coro_handle_cancel(handle);
	coro_handle_unref(handle);

	coro_event_init(&event);
	struct coro_future *task = spawn(waits_for_event, &event);
	ck_assert_trace("now");
	ck_assert_int_eq(once(), 1);
	ck_assert_trace("later");
	coro_event_set(&event);
	ck_assert_trace("now");
	ck_assert_int_eq(once(), 1);
	assert_ended(task, 0);
	ck_assert_trace("later");

	coro_event_clear(&event);
	task = spawn(waits_for_event, &event);
	once();
	trace_take();
	cancel(task);
	ck_assert_trace("now");
	once();
	assert_ended(task, -ECANCELED);
	trace_take();

	struct coro_future *future = make_future();
	coro_future_add_done_callback(future, says_it, "done");
	set(future, NULL);
	ck_assert_trace("now");
	once();
	ck_assert_trace("done later");
	coro_future_unref(future);

	coro_loop_stop(loop);
	ck_assert_trace("now");
	ck_assert_int_eq(once(), -ESHUTDOWN);
	ck_assert_trace("later");
	ck_assert_int_eq(coro_loop_set_timeout_callback(loop, NULL, NULL), 0);
	coro_call_soon(loop, says_it, "soon", NULL);
	ck_assert_trace("");
}
END_TEST

START_TEST(what_happens_within_a_turn_is_notified_at_its_end)
{
	struct coro_future *future = make_future();
	coro_future_add_done_callback(future, says_it, "done");
	coro_loop_set_timeout_callback(loop, notes, NULL);
	coro_call_soon(loop, set_it, future, NULL);
	ck_assert_trace("now");
	once();
	ck_assert_trace("now"); /* as before: the callback is ready */
	once();
	ck_assert_trace("done never");
	coro_future_unref(future);
}
END_TEST

/* ---- the fd ---- */

static int reads_and_says(void *from)
{
	return reads_once(&(struct reading){"read", *(int *)from, 0});
}

START_TEST(the_fd_is_readable_while_there_is_something_to_take_up)
{
	must_be_guest();
	struct pair pair = make_pair(UNIX);
	struct coro_future *task = spawn(reads_and_says, &pair.from);
	ck_assert_int_eq(once(), 1);
	ck_assert(quiet());
	put(pair.to, "x");
	ck_assert(readable());
	ck_assert_int_eq(once(), 0);
	ck_assert(quiet());
	ck_assert_trace("read:x");
	assert_ended(task, 0);

	/* An fd that no task waits for does not keep the host awake. */
	put(pair.to, "y");
	once();
	ck_assert(quiet());
	coro_fd_forget(pair.from);
	close_pair(pair);
}
END_TEST

static void *calls_soon(void *word)
{
	must(coro_call_soon_threadsafe(loop, says_it, word) == 0);
	return NULL;
}

START_TEST(calls_of_other_threads_make_it_readable)
{
	must_be_guest();
	for (int i = 0; i < 3; i++) {
		ck_assert(quiet());
		in_thread(calls_soon, "a");
		ck_assert(readable());
		ck_assert_int_eq(coro_loop_timeout(loop), 0);
		in_thread(calls_soon, "b");
		ck_assert_int_eq(once(), 0);
		ck_assert_trace("a b");
	}
	ck_assert(quiet());
}
END_TEST

START_TEST(so_do_signals)
{
	must_be_guest();
	coro_loop_add_signal_handler(loop, SIGUSR1, says_it, "usr1");
	once();
	raise(SIGUSR1);
	ck_assert(readable());
	once();
	ck_assert(quiet());
	ck_assert_trace("usr1");
}
END_TEST

static void calls_while_it_runs(void *arg)
{
	in_thread(calls_soon, "called");
}

START_TEST(what_comes_within_a_turn_is_not_lost)
{
	must_be_guest();
	coro_call_soon(loop, calls_while_it_runs, NULL, NULL);
	once();
	ck_assert(readable() || coro_loop_timeout(loop) == 0);
	once();
	ck_assert_trace("called");
	ck_assert(quiet());
}
END_TEST

enum { POSTS = 2000 };

static int posted;

static void counts(void *arg)
{
	if (++posted == 2 * many(POSTS, 200))
		over = true;
}

static void *posts(void *arg)
{
	for (int i = 0; i < many(POSTS, 200); i++)
		must(coro_call_soon_threadsafe(loop, counts, NULL) == 0);
	return NULL;
}

START_TEST(no_call_of_another_thread_is_lost)
{
	pthread_t threads[2];
	must_have(_i);
	posted = 0;
	over = false;
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, posts, NULL);
	hosts[_i].run();
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(posted, 2 * many(POSTS, 200));
	once();
	ck_assert(quiet());
}
END_TEST

START_TEST(a_guest_may_be_run_by_itself_in_between)
{
	must_be_guest();
	for (int i = 0; i < 3; i++) {
		in_thread(calls_soon, "a");
		ck_assert(readable());
		ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
		ck_assert(quiet());
		ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
		ck_assert_int_eq(result_of(uses_a_thread, NULL), 0);
		ck_assert(quiet());
		in_thread(calls_soon, "b");
		ck_assert(readable());
		once();
		ck_assert_trace("a b");
	}
}
END_TEST

static int asks_for_the_fd(void *arg)
{
	return coro_loop_fd(loop) == fd ? 0 : -EIO;
}

START_TEST(the_fd_stays_the_same)
{
	must_be_guest();
	ck_assert_int_eq(coro_loop_fd(loop), fd);
	ck_assert_int_eq(result_of(asks_for_the_fd, NULL), 0);
	in_thread(calls_soon, "a");
	ck_assert(readable());
	once();
	ck_assert(quiet());
}
END_TEST

/* Given away while it runs: from the end of that run on. */
static int gives_the_fd_away(void *arg)
{
	return fd = coro_loop_fd(loop);
}

START_TEST(the_fd_may_be_asked_for_in_a_turn)
{
	loop_teardown();
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	if (result_of(gives_the_fd_away, NULL) == -ENOTSUP)
		skip_test("%s has no fd to be polled", coro_loop_poller(loop));
	in_thread(calls_soon, "a");
	ck_assert(readable());
	once();
	ck_assert_trace("a");
	ck_assert(quiet());
}
END_TEST

/* ---- misuse, forks, ends ---- */

static void runs_nested(void *other)
{
	ck_assert_int_eq(once(), -EBUSY);
	ck_assert_int_eq(coro_loop_run_once(other), -EBUSY);
	ck_assert_int_eq(coro_run_forever(other), -EBUSY);
	ck_assert_int_eq(coro_loop_timeout(other), CORO_FOREVER);
	trace("nested");
}

static int runs_nested_in_task(void *other)
{
	runs_nested(other);
	return 0;
}

START_TEST(turns_do_not_nest)
{
	struct coro_loop *other;
	coro_loop_create(NULL, &other);
	coro_call_soon(loop, runs_nested, other, NULL);
	coro_future_unref(spawn(runs_nested_in_task, other));
	ck_assert_int_eq(once(), 0);
	coro_call_soon(loop, runs_nested, other, NULL);
	turn();
	ck_assert_trace("nested nested nested");
	coro_loop_close(other);
}
END_TEST

static void *uses_elsewhere(void *arg)
{
	must(coro_loop_fd(loop) == -EPERM);
	must(coro_loop_timeout(loop) == -EPERM);
	must(coro_loop_run_once(loop) == -EPERM);
	must(coro_loop_set_timeout_callback(loop, says_it, NULL) == -EPERM);
	return NULL;
}

START_TEST(what_cannot_be_is_refused)
{
	ck_assert_int_eq(coro_loop_fd(NULL), -EINVAL);
	ck_assert_int_eq(coro_loop_timeout(NULL), -EINVAL);
	ck_assert_int_eq(coro_loop_run_once(NULL), -EINVAL);
	ck_assert_int_eq(coro_loop_set_timeout_callback(NULL, says_it, NULL), -EINVAL);
	in_thread(uses_elsewhere, NULL);
}
END_TEST

static int closes_its_copy(void *arg)
{
	if (coro_loop_run_once(loop) != -EOWNERDEAD || coro_loop_timeout(loop) != -EOWNERDEAD ||
	    coro_loop_fd(loop) != -EOWNERDEAD)
		return 2;
	return coro_loop_close(loop) < 0 ? 3 : 0;
}

START_TEST(a_child_made_by_fork_leaves_the_fd_alone)
{
	must_be_guest();
	in_thread(calls_soon, "a");
	struct child child = child_run(closes_its_copy, NULL);
	ck_assert_exited(child, 0);
	ck_assert(readable());
	once();
	ck_assert(quiet());
	child = child_run(closes_its_copy, NULL);
	ck_assert_exited(child, 0);
	in_thread(calls_soon, "b");
	ck_assert(readable());
	once();
	ck_assert_trace("a b");
}
END_TEST

static void *posts_late(void *gate)
{
	must(coro_call_soon_threadsafe(loop, says_it, "x") == 0);
	gate_pass(gate);
	must(coro_call_soon_threadsafe(loop, says_it, "y") == -EPIPE);
	coro_loop_release(loop);
	return NULL;
}

START_TEST(a_guest_may_be_closed_while_others_call)
{
	static struct gate gate = GATE;
	pthread_t thread;
	must_be_guest();
	coro_loop_hold(loop);
	pthread_create(&thread, NULL, posts_late, &gate);
	gate_await(&gate, 1);
	ck_assert(readable());
	loop_teardown();
	gate_open(&gate);
	pthread_join(thread, NULL);
	loop_setup();
	ck_assert_trace("");
}
END_TEST

START_TEST(an_error_of_the_system_is_reported)
{
	must_be_guest();
	coro_call_soon(loop, says_it, "a", NULL);
	fail_call("epoll_wait", 1, EBADF);
	int r = once();
	if (!fail_call_off())
		skip_test("%s does not call epoll_wait", coro_loop_poller(loop));
	ck_assert_int_eq(r, -EBADF);
	ck_assert_int_eq(once(), 0);
	ck_assert_trace("a");
}
END_TEST

START_TEST(without_fds_there_is_none_to_be_had)
{
	loop_teardown();
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	fail_calls_from("eventfd", 1, EMFILE);
	int r = coro_loop_fd(loop);
	ck_assert(fail_call_off());
	ck_assert_int_eq(r, -EMFILE);
	r = coro_loop_fd(loop);
	ck_assert(r >= 0 || r == -ENOTSUP);
}
END_TEST

/* What these hosts open once per process. */
static void guest_setup(void)
{
#ifdef HOST_LIBUV
	ck_assert_int_eq(uv_loop_init(&uv.loop), 0);
	ck_assert_int_eq(uv_loop_close(&uv.loop), 0);
#endif
	fds_setup();
}

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, guest_setup, fds_teardown);
	tcase_add_loop_test(tests, tasks_sleep, 0, HOSTS);
	tcase_add_loop_test(tests, tasks_talk_by_fds, 0, HOSTS);
	tcase_add_loop_test(tests, threads_wake_it, 0, HOSTS);
	tcase_add_loop_test(tests, processes_end, 0, HOSTS);
	tcase_add_loop_test(tests, signals_come, 0, HOSTS);
	tcase_add_loop_test(tests, the_host_may_wake_tasks_between_turns, 0, HOSTS);
	tcase_add_test(tests, a_turn_is_no_more_than_what_was_ready);
	tcase_add_test(tests, a_turn_tells_whether_there_is_more_to_come);
	tcase_add_test(tests, it_can_be_stopped);
	tcase_add_test(tests, virtual_time_goes_from_timer_to_timer);
	tcase_add_test(tests, the_timeout_is_until_the_next_thing_to_do);
	tcase_add_test(tests, a_timeout_that_gets_shorter_is_noticed);
	tcase_add_test(tests, what_happens_within_a_turn_is_notified_at_its_end);
	tcase_add_test(tests, the_fd_is_readable_while_there_is_something_to_take_up);
	tcase_add_test(tests, calls_of_other_threads_make_it_readable);
	tcase_add_test(tests, so_do_signals);
	tcase_add_test(tests, what_comes_within_a_turn_is_not_lost);
	tcase_add_loop_test(tests, no_call_of_another_thread_is_lost, 0, HOSTS);
	tcase_add_test(tests, a_guest_may_be_run_by_itself_in_between);
	tcase_add_test(tests, the_fd_stays_the_same);
	tcase_add_test(tests, the_fd_may_be_asked_for_in_a_turn);
	tcase_add_test(tests, turns_do_not_nest);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, a_child_made_by_fork_leaves_the_fd_alone);
	tcase_add_test(tests, a_guest_may_be_closed_while_others_call);
	tcase_add_test(tests, an_error_of_the_system_is_reported);
	tcase_add_test(tests, without_fds_there_is_none_to_be_had);
}

TEST_MAIN("guest", add)
