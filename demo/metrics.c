/* SPDX-License-Identifier: MIT */
/*
 * What a loop does, for Prometheus: a server that serves the loop's own counts as /metrics, in the
 * text format 0.0.4.
 *
 * coro_loop_stats fills in a struct, at a cost that does not depend on the number of tasks, so that
 * it can be asked as often as anybody likes. A program has a server like this beside what it
 * really does; here that is a task that sleeps, again and again.
 *
 *   rate(coro_steps_total[1m])    how much is done
 *   coro_tasks                    grows without end if tasks are forgotten
 *   coro_ready                    is always large if the thread has too much to do
 */
#include "http.h"
#include "usage.h"

#include <coro.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

enum { TIMEOUT = 10 }; /* seconds that a client may take */

/* ---- the text ---- */

static const char counter[] = "counter", gauge[] = "gauge";

static void add(struct coro_stream *to, const char *name, const char *type, const char *help,
		uint64_t value)
{
	coro_stream_printf(to, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name,
			   type, name, value);
}

static void add_stacks(struct coro_stream *to, const struct coro_stats *stats)
{
	coro_stream_printf(to,
			   "# HELP coro_stacks Stacks of the thread, by state.\n"
			   "# TYPE coro_stacks gauge\n"
			   "coro_stacks{state=\"in_use\"} %zu\n"
			   "coro_stacks{state=\"warm\"} %zu\n"
			   "coro_stacks{state=\"cold\"} %zu\n",
			   stats->stacks, stats->warm, stats->cold);
}

/* Writing does not wait: what the client does not take at once stays in the stream. */
static void add_all(struct coro_stream *to, const struct coro_stats *stats)
{
	add(to, "coro_tasks_spawned_total", counter, "Tasks that were spawned.", stats->spawned);
	add(to, "coro_tasks_ended_total", counter, "Tasks that have ended.", stats->ended);
	add(to, "coro_steps_total", counter, "Runs of a task or callback up to its next wait.",
	    stats->steps);
	add(to, "coro_polls_total", counter, "Polls of the file descriptors, and waits.",
	    stats->polls);
	add(to, "coro_tasks", gauge, "Tasks that have not ended.", stats->tasks);
	add(to, "coro_ready", gauge, "Tasks and callbacks that are ready to run.", stats->ready);
	add(to, "coro_timers", gauge, "Sleeps, timeouts and calls to come.", stats->timers);
	add(to, "coro_fd_waits", gauge, "Waits for a file descriptor.", stats->fd_waits);
	add(to, "coro_memory_bytes", gauge, "Memory for tasks, futures and queues.", stats->bytes);
	add(to, "coro_stacks_mapped_bytes", gauge, "Address space of all stacks.",
	    stats->stack_bytes);
	add_stacks(to, stats);
}

/* ---- the server ---- */

/* Reads a request. Returns the status of the response, or an error. */
static coro_async int read_request(struct coro_stream *client)
{
	struct http_request request;
	const char *bytes;
	char path[64];
	for (size_t least = 1;;) {
		ssize_t n = coro_stream_peek(client, least, &bytes);
		if (n < (ssize_t)least)
			return n < 0 ? (int)n : -ECONNRESET;
		long r = http_parse(bytes, (size_t)n, &request);
		if (r < 0)
			return (int)-r;
		if (r > 0)
			break;
		least = (size_t)n + 1;
	}
	if (!http_is(request.method, "GET"))
		return 405;
	long length = http_path(request.target, path, sizeof(path));
	return length > 0 && strcmp(path, "/metrics") == 0 ? 200 : 404;
}

/* A response ends with its connection. */
static coro_async int respond(struct coro_stream *client)
{
	struct coro_stats stats;
	int status = read_request(client);
	if (status < 0)
		return status;
	int r = coro_loop_stats(coro_running_loop(), sizeof(stats), &stats);
	if (r < 0)
		return r;
	coro_stream_printf(client,
			   "HTTP/1.1 %d %s\r\nConnection: close\r\n"
			   "Content-Type: text/plain; version=0.0.4\r\n\r\n",
			   status, status == 200 ? "OK" : "Refused");
	if (status == 200)
		add_all(client, &stats);
	return coro_stream_flush(client);
}

static coro_async int serve(struct coro_stream *client, void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, TIMEOUT * CORO_SEC);
	if (r < 0)
		return r;
	r = coro_timeout_end(&timeout, respond(client));
	return r == -ETIMEDOUT ? coro_stream_abort(client) : r;
}

/* What the program is for. */
static coro_async int work(void *arg)
{
	int r;
	do
		r = coro_sleep(100 * CORO_MSEC);
	while (r == 0);
	return r;
}

static coro_async int run_server(void *address)
{
	struct coro_server *server;
	char name[CORO_ADDRESS_SIZE] = "";
	int r = coro_spawn(work, NULL, NULL);
	if (r == 0)
		r = coro_server_start(address, NULL, serve, NULL, &server);
	if (r < 0)
		return r;
	coro_server_address(server, name, sizeof(name));
	printf("listening on %s\n", name);
	fflush(stdout);

	r = coro_signal_wait(SIGINT, SIGTERM);
	coro_server_shutdown(server, 2 * CORO_SEC);
	coro_server_destroy(server);
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	usage(argc, argv, 1, 1, "HOST:PORT");
	int r = coro_run(run_server, argv[1]);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
