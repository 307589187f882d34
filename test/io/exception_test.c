/* SPDX-License-Identifier: MIT */
/* CORO_SAVE_EXCEPTIONS of a loop: each of its tasks waits in catch blocks, however it was spawned. */
#include "exceptions.h"
#include "support.h"

#include <coro.h>
#include <errno.h>

enum { ROUNDS = 3 };

static int mixed; /* how often one found another's exception */

/* arg: how long it waits in its catch blocks. */
static int retries(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct cxx_exception mine;
		mixed += globals.caught != NULL;
		catch_begin(&mine, "mine");
		int r = coro_sleep(*(int64_t *)arg);
		if (r < 0)
			return r;
		mixed += globals.caught != &mine;
		catch_end();
	}
	return 0;
}

static int64_t three = 3, five = 5;

/* ---- ways to spawn: two that run beside one another ---- */

static int by_main(void *arg)
{
	struct coro_future *other;
	ck_assert_int_eq(coro_spawn(retries, &three, &other), 0);
	ck_assert_int_eq(retries(&five), 0);
	int r = coro_await(other, NULL);
	coro_future_unref(other);
	return r;
}

static int by_spawn(void *arg)
{
	struct coro_future *both[2];
	struct coro_options options = {.name = "other"};
	ck_assert_int_eq(coro_spawn(retries, &three, &both[0]), 0);
	ck_assert_int_eq(coro_loop_spawn(coro_running_loop(), &options, retries, &five, &both[1]),
			 0);
	int r = coro_gather(both, 2, NULL);
	coro_future_unref(both[0]);
	coro_future_unref(both[1]);
	return r;
}

static int by_group(void *arg)
{
	struct coro_group *group;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, retries, &three, NULL), 0);
	ck_assert_int_eq(coro_group_spawn(group, retries, &five, NULL), 0);
	return coro_group_end(group, 0);
}

static int by_threadsafe(void *arg)
{
	struct coro_remote *both[2];
	int r = 0;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_spawn_threadsafe(coro_running_loop(), retries,
						       i ? &five : &three, &both[i]),
				 0);
	for (int i = 0; i < 2; i++) {
		r |= coro_remote_result(both[i], CORO_FOREVER, NULL);
		coro_remote_unref(both[i]);
	}
	return r;
}

static int handles(struct coro_stream *stream, void *arg)
{
	return retries(&three);
}

static int by_server(void *arg)
{
	char address[CORO_ADDRESS_SIZE];
	struct coro_server_options options = {0};
	struct coro_server *server;
	int fds[2];
	ck_assert_int_eq(coro_server_start("127.0.0.1:0", &options, handles, NULL, &server), 0);
	ck_assert_uint_eq(coro_server_sockets(server, fds, 1), 1);
	ck_assert_int_gt(coro_getsockname(fds[0], address, sizeof(address)), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_dial(address, NULL, &fds[i]), 0);
	char end;
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(coro_read(fds[i], &end, 1), 0);
		coro_fd_close(fds[i]);
	}
	coro_server_destroy(server);
	return 0;
}

/* The spawner is in a catch block of its own, which an eager task begins outside of. */
static int by_spawn_in_a_catch_block(void *arg)
{
	struct cxx_exception mine;
	struct coro_future *task;
	catch_begin(&mine, "the spawner's");
	ck_assert_int_eq(coro_spawn(retries, &three, &task), 0);
	mixed += globals.caught != &mine;
	int r = coro_await(task, NULL);
	mixed += globals.caught != &mine;
	catch_end();
	coro_future_unref(task);
	return r;
}

static coro_fn *const ways[] = {by_main,       by_spawn,  by_group,
				by_threadsafe, by_server, by_spawn_in_a_catch_block};

/* In a loop with those flags: how often exceptions met. */
static int mixed_with(unsigned flags, coro_fn *way)
{
	struct coro_loop_options options = {.flags = flags};
	mixed = 0;
	globals.caught = NULL;
	ck_assert_int_eq(coro_run_with(&options, way, NULL), 0);
	return mixed;
}

START_TEST(tasks_of_a_loop_that_saves_them_keep_theirs)
{
	ck_assert_int_eq(mixed_with(CORO_SAVE_EXCEPTIONS, ways[_i]), 0);
	ck_assert_int_eq(mixed_with(CORO_SAVE_EXCEPTIONS | CORO_EAGER_TASKS, ways[_i]), 0);
}
END_TEST

START_TEST(without_the_flag_they_meet)
{
	ck_assert_int_gt(mixed_with(0, by_spawn), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	int count = sizeof(ways) / sizeof(*ways);
	tcase_add_loop_test(tests, tasks_of_a_loop_that_saves_them_keep_theirs, 0, count);
	tcase_add_test(tests, without_the_flag_they_meet);
}

TEST_MAIN("exception", add_tests)
