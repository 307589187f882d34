/* SPDX-License-Identifier: MIT */
/*
 * libpq, as it is, in tasks of one thread: libpq CONNINFO COMMAND, where the command kills the server at
 * once. See test/check-posix-libpq.
 */
#include "libraries.h"

#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>

enum { CONNECTIONS = 50, ROWS = 20000 };

static const char *conninfo, *kill_server;

static PGconn *open_connection(void)
{
	PGconn *connection = PQconnectdb(conninfo);
	claim(PQstatus(connection) == CONNECTION_OK, "%s", PQerrorMessage(connection));
	return connection;
}

static PGresult *execute(PGconn *connection, const char *query, ExecStatusType expected)
{
	enter();
	PGresult *result = PQexec(connection, query);
	leave();
	claim(PQresultStatus(result) == expected, "%s: %s", query, PQerrorMessage(connection));
	return result;
}

static void do_(PGconn *connection, const char *query)
{
	PQclear(execute(connection, query, PGRES_COMMAND_OK));
}

/* -- many connections: each waits in a query for the same lock, until all do */

static int queries(void *arg)
{
	char query[80];
	PGconn *connection = open_connection();
	snprintf(query, sizeof(query), "SELECT pg_advisory_lock_shared(7), %d", (int)(intptr_t)arg);
	PGresult *result = execute(connection, query, PGRES_TUPLES_OK);
	bool right = atoi(PQgetvalue(result, 0, 1)) == (int)(intptr_t)arg;
	PQclear(result);
	PQfinish(connection);
	return right ? 0 : -EIO;
}

static int gives_the_lock(void *arg)
{
	int r = 0;
	while (r == 0 && inside < CONNECTIONS)
		r = coro_sleep(CORO_MSEC);
	return r < 0 ? r : coro_sleep(200 * CORO_MSEC);
}

static int many_connections(void *arg)
{
	struct coro_future *giver;
	PGconn *connection = open_connection();
	PQclear(execute(connection, "SELECT pg_advisory_lock(7)", PGRES_TUPLES_OK));
	int r = coro_spawn(gives_the_lock, NULL, &giver);
	struct coro_future *tasks[CONNECTIONS];
	for (int i = 0; i < CONNECTIONS && r == 0; i++)
		r = coro_spawn(queries, (void *)(intptr_t)i, &tasks[i]);
	r = r < 0 ? r : coro_await(giver, NULL);
	coro_future_unref(giver);
	PQclear(PQexec(connection, "SELECT pg_advisory_unlock(7)"));
	for (int i = 0; i < CONNECTIONS && r == 0; i++) {
		r = coro_await(tasks[i], NULL);
		coro_future_unref(tasks[i]);
	}
	PQfinish(connection);
	return r;
}

/* -- notifications */

static int listens(void *arg)
{
	PGconn *connection = open_connection();
	do_(connection, "LISTEN news");
	coro_event_set(arg);
	int got = 0;
	while (got < 10) {
		struct pollfd fd = {.fd = PQsocket(connection), .events = POLLIN};
		enter();
		int n = poll(&fd, 1, -1);
		leave();
		if (n < 0 || !PQconsumeInput(connection))
			return -EIO;
		PGnotify *notify;
		while ((notify = PQnotifies(connection))) {
			got += atoi(notify->extra) == got;
			PQfreemem(notify);
		}
	}
	PQfinish(connection);
	return 0;
}

static int notifications(void *arg)
{
	struct coro_future *task;
	struct coro_event listening;
	coro_event_init(&listening);
	int r = coro_spawn(listens, &listening, &task);
	r = r < 0 ? r : coro_event_wait(&listening);
	PGconn *connection = open_connection();
	for (int i = 0; i < 10 && r == 0; i++) {
		char query[64];
		snprintf(query, sizeof(query), "NOTIFY news, '%d'", i);
		do_(connection, query);
	}
	PQfinish(connection);
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

/* -- COPY, in and out */

static int copies(void *arg)
{
	char query[96], line[128];
	PGconn *connection = open_connection();
	snprintf(query, sizeof(query), "CREATE TEMP TABLE rows%d (number int, text text)",
		 (int)(intptr_t)arg);
	do_(connection, query);
	snprintf(query, sizeof(query), "COPY rows%d FROM STDIN", (int)(intptr_t)arg);
	PQclear(execute(connection, query, PGRES_COPY_IN));
	enter();
	for (int i = 0; i < ROWS; i++) {
		int length = snprintf(line, sizeof(line), "%d\tsome text that takes room %d\n", i,
				      i * 7);
		claim(PQputCopyData(connection, line, length) == 1, "PQputCopyData");
	}
	claim(PQputCopyEnd(connection, NULL) == 1, "PQputCopyEnd");
	PQclear(PQgetResult(connection));
	claim(!PQgetResult(connection), "a result after the last");
	leave();
	snprintf(query, sizeof(query), "COPY (SELECT * FROM rows%d ORDER BY number) TO STDOUT",
		 (int)(intptr_t)arg);
	PQclear(execute(connection, query, PGRES_COPY_OUT));
	char *got;
	int count = 0;
	while (PQgetCopyData(connection, &got, 0) > 0) {
		snprintf(line, sizeof(line), "%d\tsome text that takes room %d\n", count,
			 count * 7);
		claim(strcmp(line, got) == 0, "row %d is '%s'", count, got);
		PQfreemem(got);
		count++;
	}
	PQfinish(connection);
	return count == ROWS ? 0 : -EIO;
}

static int copying(void *arg)
{
	return run_several(4, copies);
}

/* -- a handler interrupts all that waits, each few milliseconds */

static volatile sig_atomic_t interrupted;

static void count_signal(int number)
{
	(void)number;
	interrupted++;
}

static int under_signals(void *arg)
{
	struct sigaction action = {.sa_handler = count_signal}, before;
	struct itimerval each = {{.tv_usec = 5000}, {.tv_usec = 5000}}, none = {0};
	claim(sigaction(SIGALRM, &action, &before) == 0, "sigaction");
	setitimer(ITIMER_REAL, &each, NULL);
	int r = many_connections(arg);
	r = r < 0 ? r : copying(arg);
	setitimer(ITIMER_REAL, &none, NULL);
	claim(interrupted > 10, "%d signals", (int)interrupted);
	return r;
}

/* -- cancellation */

static int sleeps_long(void *arg)
{
	PGconn *connection = open_connection();
	*(PGconn **)arg = connection;
	enter();
	PGresult *result = PQexec(connection, "SELECT pg_sleep(1000)");
	leave();
	bool failed = PQresultStatus(result) == PGRES_FATAL_ERROR;
	PQclear(result);
	PQfinish(connection);
	return failed ? 0 : -EIO;
}

static int wait_until_inside(int count)
{
	int r = 0;
	while (r == 0 && inside < count)
		r = coro_sleep(CORO_MSEC);
	return r < 0 ? r : coro_sleep(20 * CORO_MSEC);
}

static int cancelled_task(void *arg)
{
	struct coro_future *task;
	PGconn *connection;
	int r = coro_spawn(sleeps_long, &connection, &task);
	r = r < 0 ? r : wait_until_inside(1);
	claim(coro_cancel(task) == 1, "coro_cancel");
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

/* By libpq's own call, which connects anew and waits for the server's answer. */
static int cancelled_query(void *arg)
{
	struct coro_future *task;
	PGconn *connection;
	char error[256];
	int r = coro_spawn(sleeps_long, &connection, &task);
	r = r < 0 ? r : wait_until_inside(1);
	PGcancel *cancel = PQgetCancel(connection);
	claim(PQcancel(cancel, error, sizeof(error)), "PQcancel: %s", error);
	PQfreeCancel(cancel);
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

/* -- the server dies */

static int sleeps_until_it_dies(void *arg)
{
	PGconn *connection;
	return sleeps_long(&connection);
}

static int kills(void *arg)
{
	int r = wait_until_inside(10);
	if (r == 0 && coro_to_thread((coro_fn *)system, (void *)kill_server) != 0)
		r = -EIO;
	return r;
}

static bool refuses(void)
{
	PGconn *connection = PQconnectdb(conninfo);
	bool refused = PQstatus(connection) == CONNECTION_BAD;
	PQfinish(connection);
	return refused;
}

static int killed_server(void *arg)
{
	return run_until_killed(10, sleeps_until_it_dies, kills, refuses);
}

static int steps(void *arg)
{
	printf("libpq %d\n", PQlibVersion());
	step("50 connections, all in a query for 0.2 s", many_connections, NULL);
	step("10 notifications", notifications, NULL);
	step("COPY of 20,000 rows in and out, 4 times", copying, NULL);
	step("the same, a signal each 5 ms", under_signals, NULL);
	step("a task that is cancelled in a query", cancelled_task, NULL);
	step("PQcancel of a query of another task", cancelled_query, NULL);
	step("the server is killed in 10 queries", killed_server, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	conninfo = argv[1];
	kill_server = argv[2];
	return run_steps(steps) < 0;
}
