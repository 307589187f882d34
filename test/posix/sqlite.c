/* SPDX-License-Identifier: MIT */
/*
 * SQLite, as it is, in tasks of one thread: sqlite FILE, and sqlite FILE hold, which begins to write, says
 * so and waits for its end. See test/check-posix-sqlite.
 */
#include "libraries.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASKS = 2, ROWS = 50, LONG = 10000 /* ms */ };

extern char **environ;

static const char *program_name, *file;

static sqlite3 *open_database(int busy_timeout)
{
	sqlite3 *db;
	int r = sqlite3_open(file, &db);
	claim(r == SQLITE_OK, "sqlite3_open: %s", sqlite3_errmsg(db));
	sqlite3_busy_timeout(db, busy_timeout);
	return db;
}

static int execute(sqlite3 *db, const char *statement)
{
	enter();
	int r = sqlite3_exec(db, statement, NULL, NULL, NULL);
	leave();
	return r;
}

static void must(sqlite3 *db, const char *statement)
{
	int r = execute(db, statement);
	claim(r == SQLITE_OK, "%s: %s", statement, sqlite3_errmsg(db));
}

static int count_rows(sqlite3 *db)
{
	sqlite3_stmt *statement;
	int r = sqlite3_prepare_v2(db, "SELECT count(*) FROM rows", -1, &statement, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_step(statement);
	claim(r == SQLITE_ROW, "count: %s", sqlite3_errmsg(db));
	int count = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return count;
}

/* -- tasks that write by turns: who is late sleeps in SQLite's busy handler */

static int writes(void *arg)
{
	sqlite3 *db = open_database(LONG);
	int r = 0;
	for (int i = 0; i < ROWS && r == 0; i++) {
		must(db, "BEGIN IMMEDIATE");
		must(db, "INSERT INTO rows VALUES (1)");
		r = coro_sleep(2 * CORO_MSEC);
		must(db, "COMMIT");
		r = r < 0 ? r : coro_sleep(2 * CORO_MSEC);
	}
	sqlite3_close(db);
	return r;
}

static int several_writers(void *arg)
{
	sqlite3 *db = open_database(LONG);
	must(db, "CREATE TABLE rows (number)");
	int r = run_several(TASKS, writes);
	int count = count_rows(db);
	claim(r < 0 || count == TASKS * ROWS, "%d rows", count);
	sqlite3_close(db);
	return r;
}

/* -- a lock that is held too long, in this process and in another */

static int timed_out(void *arg)
{
	sqlite3 *holder = open_database(0), *db = open_database(100);
	must(holder, "BEGIN IMMEDIATE");
	int r = execute(db, "BEGIN IMMEDIATE");
	must(holder, "COMMIT");
	sqlite3_close(db);
	sqlite3_close(holder);
	return r == SQLITE_BUSY ? 0 : -EIO;
}

static int waits_for_the_lock(void *arg)
{
	sqlite3 *db = open_database(LONG);
	int r = execute(db, "BEGIN IMMEDIATE");
	if (r == SQLITE_OK) {
		*(int *)arg = count_rows(db);
		must(db, "COMMIT");
	}
	sqlite3_close(db);
	return r == SQLITE_OK ? 0 : -EBUSY;
}

static int wait_until_inside(void)
{
	int r = 0;
	while (r == 0 && inside == 0)
		r = coro_sleep(CORO_MSEC);
	return r < 0 ? r : coro_sleep(50 * CORO_MSEC);
}

/* SQLite takes a sleep that is cut short for one that was not, and asks for the lock again. */
static int cancelled_task(void *arg)
{
	struct coro_future *task;
	int count = -1;
	sqlite3 *holder = open_database(0);
	must(holder, "BEGIN IMMEDIATE");
	int r = coro_spawn(waits_for_the_lock, &count, &task);
	r = r < 0 ? r : wait_until_inside();
	claim(coro_cancel(task) == 1, "coro_cancel");
	r = r < 0 ? r : coro_sleep(50 * CORO_MSEC);
	claim(!coro_future_done(task), "the wait for the lock ended");
	must(holder, "COMMIT");
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	sqlite3_close(holder);
	claim(r < 0 || count == TASKS * ROWS, "%d rows", count);
	return r;
}

/* Starts a process that holds the lock, with rows in the file that it has not committed. */
static pid_t start_holder(void)
{
	char *argv[] = {(char *)program_name, (char *)file, "hold", NULL}, said[8];
	int out[2];
	pid_t holder;
	posix_spawn_file_actions_t actions;
	claim(pipe2(out, O_CLOEXEC) == 0, "pipe2: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	claim(posix_spawn(&holder, program_name, &actions, NULL, argv, environ) == 0,
	      "posix_spawn");
	posix_spawn_file_actions_destroy(&actions);
	close(out[1]);
	claim(read(out[0], said, sizeof(said)) > 0, "the holder has ended");
	close(out[0]);
	return holder;
}

static int killed_holder(void *arg)
{
	struct coro_future *task;
	int count = -1, status;
	pid_t holder = start_holder();
	int r = coro_spawn(waits_for_the_lock, &count, &task);
	r = r < 0 ? r : wait_until_inside();
	claim(inside == 1, "nobody waits");
	kill(holder, SIGKILL);
	claim(waitpid(holder, &status, 0) == holder && WIFSIGNALED(status), "the holder lives");
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	claim(r < 0 || count == TASKS * ROWS, "%d rows after a write that was not committed",
	      count);
	return r;
}

/* A cache this small goes to the file before the COMMIT. */
static int hold(void)
{
	sqlite3 *db = open_database(LONG);
	must(db, "PRAGMA cache_size = 2");
	must(db, "BEGIN EXCLUSIVE");
	must(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
		 "INSERT INTO rows SELECT i FROM n");
	puts("held");
	fflush(stdout);
	pause();
	return 1;
}

static int steps(void *arg)
{
	printf("SQLite %s\n", sqlite3_libversion());
	step("2 tasks write 50 times, by turns", several_writers, NULL);
	step("a busy timeout of 100 ms", timed_out, NULL);
	step("a task that is cancelled as it is busy", cancelled_task, NULL);
	step("the process that holds the lock is killed", killed_holder, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	program_name = argv[0];
	file = argv[1];
	return argc > 2 ? hold() : run_steps(steps) < 0;
}
