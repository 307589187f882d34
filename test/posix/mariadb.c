/* SPDX-License-Identifier: MIT */
/*
 * MariaDB's connector, as it is, in tasks of one thread: mariadb SOCKET COMMAND, where the command kills
 * the server at once. See test/check-posix-mariadb.
 */
#include "libraries.h"

#include <mysql.h>

enum { CONNECTIONS = 20, ROWS = 20000 };

static const char *socket_path, *kill_server;

static MYSQL *try_connection(void)
{
	MYSQL *mysql = mysql_init(NULL);
	claim(mysql, "mysql_init");
	if (mysql_real_connect(mysql, NULL, "root", NULL, NULL, 0, socket_path, 0))
		return mysql;
	mysql_close(mysql);
	return NULL;
}

static MYSQL *open_connection(void)
{
	MYSQL *mysql = try_connection();
	claim(mysql, "mysql_real_connect");
	return mysql;
}

static int query(MYSQL *mysql, const char *text)
{
	enter();
	int r = mysql_query(mysql, text);
	leave();
	return r;
}

static void must(MYSQL *mysql, const char *text)
{
	claim(query(mysql, text) == 0, "%s: %s", text, mysql_error(mysql));
}

/* -- many connections, all in a query */

static int sleeps(void *arg)
{
	char text[64];
	MYSQL *mysql = open_connection();
	snprintf(text, sizeof(text), "SELECT SLEEP(0.5), %d", (int)(intptr_t)arg);
	must(mysql, text);
	MYSQL_RES *result = mysql_store_result(mysql);
	MYSQL_ROW row = mysql_fetch_row(result);
	bool right = row && atoi(row[0]) == 0 && atoi(row[1]) == (int)(intptr_t)arg;
	mysql_free_result(result);
	mysql_close(mysql);
	return right ? 0 : -EIO;
}

static int many_connections(void *arg)
{
	int r = run_several(CONNECTIONS, sleeps);
	claim(r < 0 || most_inside > 1, "one after the other");
	return r;
}

/* -- a result that is read row by row, from the socket */

static int reads_rows(void *arg)
{
	char text[64];
	int count = 0;
	MYSQL_ROW row;
	MYSQL *mysql = open_connection();
	snprintf(text, sizeof(text), "SELECT seq FROM mysql.seq_1_to_%d", ROWS);
	must(mysql, text);
	MYSQL_RES *result = mysql_use_result(mysql);
	enter();
	while ((row = mysql_fetch_row(result)) && atoi(row[0]) == count + 1)
		count++;
	leave();
	mysql_free_result(result);
	mysql_close(mysql);
	return count == ROWS ? 0 : -EIO;
}

static int many_rows(void *arg)
{
	return run_several(4, reads_rows);
}

/* -- prepared statements */

static int executes(void *arg)
{
	long long number, sum = 0;
	MYSQL *mysql = open_connection();
	MYSQL_STMT *statement = mysql_stmt_init(mysql);
	MYSQL_BIND in = {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &number}, out = in;
	claim(mysql_stmt_prepare(statement, "SELECT ? + 1", -1) == 0, "prepare: %s",
	      mysql_stmt_error(statement));
	mysql_stmt_bind_param(statement, &in);
	mysql_stmt_bind_result(statement, &out);
	enter();
	for (int i = 0; i < 100; i++) {
		number = i;
		claim(mysql_stmt_execute(statement) == 0 && mysql_stmt_fetch(statement) == 0,
		      "execute: %s", mysql_stmt_error(statement));
		mysql_stmt_free_result(statement);
		sum += number;
	}
	leave();
	mysql_stmt_close(statement);
	mysql_close(mysql);
	return sum == 5050 ? 0 : -EIO;
}

static int prepared(void *arg)
{
	return run_several(CONNECTIONS, executes);
}

/* -- a lock that another task holds */

static int waits_for_the_lock(void *arg)
{
	MYSQL *mysql = open_connection();
	must(mysql, "SELECT GET_LOCK('lock', 10)");
	mysql_free_result(mysql_store_result(mysql));
	mysql_close(mysql);
	return *(bool *)arg ? 0 : -EIO;
}

static int wait_until_inside(int count)
{
	int r = 0;
	while (r == 0 && inside < count)
		r = coro_sleep(CORO_MSEC);
	return r < 0 ? r : coro_sleep(50 * CORO_MSEC);
}

static int locking(void *arg)
{
	bool given = false;
	struct coro_future *task;
	MYSQL *mysql = open_connection();
	must(mysql, "SELECT GET_LOCK('lock', 10)");
	mysql_free_result(mysql_store_result(mysql));
	int r = coro_spawn(waits_for_the_lock, &given, &task);
	r = r < 0 ? r : wait_until_inside(1);
	given = true;
	mysql_close(mysql);
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

/* -- cancellation, timeouts, and the server's death */

static int sleeps_long(void *arg)
{
	MYSQL *mysql = open_connection();
	bool failed = query(mysql, "SELECT SLEEP(1000)") != 0 && mysql_errno(mysql) != 0;
	mysql_close(mysql);
	return failed ? 0 : -EIO;
}

static int cancelled_task(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(sleeps_long, NULL, &task);
	r = r < 0 ? r : wait_until_inside(1);
	claim(coro_cancel(task) == 1, "coro_cancel");
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

static int timed_out(void *arg)
{
	unsigned int timeout = 1;
	MYSQL *mysql = mysql_init(NULL);
	mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &timeout);
	claim(mysql_real_connect(mysql, NULL, "root", NULL, NULL, 0, socket_path, 0),
	      "mysql_real_connect: %s", mysql_error(mysql));
	bool failed = query(mysql, "SELECT SLEEP(1000)") != 0;
	mysql_close(mysql);
	return failed ? 0 : -EIO;
}

static int kills(void *arg)
{
	int r = wait_until_inside(CONNECTIONS);
	return r < 0 ? r : coro_to_thread((coro_fn *)system, (void *)kill_server);
}

static bool refuses(void)
{
	MYSQL *mysql = try_connection();
	if (mysql)
		mysql_close(mysql);
	return !mysql;
}

static int killed_server(void *arg)
{
	return run_until_killed(CONNECTIONS, sleeps_long, kills, refuses);
}

static int steps(void *arg)
{
	MYSQL *mysql = open_connection();
	printf("MariaDB connector %s, server %s\n", mysql_get_client_info(),
	       mysql_get_server_info(mysql));
	mysql_close(mysql);
	step("20 connections, all in SLEEP(0.5)", many_connections, NULL);
	step("20,000 rows read one by one, 4 times", many_rows, NULL);
	step("100 prepared queries, 20 times", prepared, NULL);
	step("a lock that another task holds", locking, NULL);
	step("a task that is cancelled in a query", cancelled_task, NULL);
	step("a timeout of the connector", timed_out, NULL);
	step("the server is killed in 20 queries", killed_server, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	socket_path = argv[1];
	kill_server = argv[2];
	mysql_library_init(0, NULL, NULL);
	int r = run_steps(steps);
	mysql_library_end();
	return r < 0;
}
