/* SPDX-License-Identifier: MIT */
/*
 * A coro loop in a GLib main loop, as in a GTK program: one thread, tasks and widgets side by side.
 *
 * GLib asks a GSource three things. prepare: how long may I sleep? check: is there work? dispatch:
 * do it. The loop answers with its timeout, its fd, and one turn. Tasks call GLib freely; callbacks
 * of GLib set futures and spawn tasks.
 *
 * Built if pkg-config finds glib-2.0.
 */
#include <coro.h>

#include <glib.h>

static GMainLoop *main_loop;

/* ---- the source ---- */

struct loop_source {
	GSource source; /* first: GLib allocates both together */
	struct coro_loop *loop;
	gpointer fd; /* of the loop, as GLib knows it */
};

static gboolean prepare(GSource *source, gint *timeout)
{
	int64_t ns = coro_loop_timeout(((struct loop_source *)source)->loop);
	int64_t ms = ns / CORO_MSEC + (ns % CORO_MSEC > 0); /* not too early */
	*timeout = ns == CORO_FOREVER ? -1 : (gint)MIN(ms, G_MAXINT);
	return ns == 0;
}

static gboolean check(GSource *source)
{
	const struct loop_source *self = (struct loop_source *)source;
	return coro_loop_timeout(self->loop) == 0 || g_source_query_unix_fd(source, self->fd);
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer arg)
{
	int r = coro_loop_run_once(((struct loop_source *)source)->loop);
	if (r < 0) {
		g_printerr("the loop has failed: %s\n", coro_message(r));
		g_main_loop_quit(main_loop);
	}
	return r < 0 ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/* Adds a loop to GLib's default context. -ENOTSUP if its poller has no fd, as "poll". */
static int add_loop(struct coro_loop *loop, GSource **ret)
{
	static GSourceFuncs functions = {.prepare = prepare, .check = check, .dispatch = dispatch};
	int fd = coro_loop_fd(loop);
	if (fd < 0)
		return fd;
	*ret = g_source_new(&functions, sizeof(struct loop_source));
	struct loop_source *self = (struct loop_source *)*ret;
	self->loop = loop;
	self->fd = g_source_add_unix_fd(*ret, fd, G_IO_IN);
	g_source_attach(*ret, NULL);
	return 0;
}

/* ---- a program ---- */

static struct coro_future *clicked;

/* A task. Waits for GLib, then for time. */
static coro_async int work(void *arg)
{
	void *button;
	g_print("task: waits for a click\n");
	int r = coro_await(clicked, &button);
	if (r == 0) {
		g_print("task: got a click on %s, works for 20 ms\n", (char *)button);
		r = coro_sleep(20 * CORO_MSEC);
		g_print("task: done\n");
	}
	g_main_loop_quit(main_loop);
	return r;
}

static gboolean click(gpointer arg)
{
	g_print("GLib: a button is clicked\n");
	if (coro_future_set_result(clicked, "OK") < 0)
		g_main_loop_quit(main_loop);
	return G_SOURCE_REMOVE;
}

static int run(struct coro_loop *loop)
{
	struct coro_future *task;
	GSource *source;
	int r = add_loop(loop, &source);
	if (r < 0)
		return r;
	r = coro_loop_spawn(loop, NULL, work, NULL, &task);
	if (r == 0) {
		g_timeout_add(20, click, NULL);
		g_main_loop_run(main_loop);
		r = coro_future_result(task, NULL);
		coro_future_unref(task);
	}
	g_source_destroy(source);
	g_source_unref(source);
	return r;
}

int main(void)
{
	/* A poller that has an fd, whatever CORO_POLLER says. */
	const struct coro_loop_options options = {.poller = CORO_POLLER_EPOLL};
	struct coro_loop *loop;
	int r = coro_loop_create(&options, &loop);
	if (r == 0) {
		main_loop = g_main_loop_new(NULL, FALSE);
		r = coro_future_create(loop, &clicked);
		if (r == 0) {
			r = run(loop);
			coro_future_unref(clicked);
		}
		g_main_loop_unref(main_loop);
		coro_loop_close(loop);
	}
	if (r < 0)
		g_printerr("%s\n", coro_message(r));
	return r < 0;
}
