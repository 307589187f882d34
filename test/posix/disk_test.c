/* SPDX-License-Identifier: MIT */
/* Reads and writes of several buffers at an offset, copies from file to file, and names of users. */
#include "posix/posix.h"

#include <grp.h>
#include <pwd.h>
#include <sys/uio.h>

static struct pair pair;
static FILE *file, *other;

static void setup(void)
{
	fds_setup();
	file = tmpfile();
	other = tmpfile();
	ck_assert_int_eq(pwrite(fileno(file), "0123456789", 10, 0), 10);
}

static void teardown(void)
{
	fclose(file);
	fclose(other);
	fds_teardown();
}

/* ---- several buffers at an offset ---- */

enum { AT = 3, LENGTH = 5 };

/* Two, for the first bytes of a call's. */
#define VECS(made)                                                           \
	(struct iovec[])                                                     \
	{                                                                    \
		{.iov_base = (made)->bytes, .iov_len = 2},                   \
		{                                                            \
			.iov_base = (made)->bytes + 2, .iov_len = LENGTH - 2 \
		}                                                            \
	}

static ssize_t by_preadv(struct made *made)
{
	return preadv(made->fd, VECS(made), 2, AT);
}

static ssize_t by_preadv64(struct made *made)
{
	return preadv64(made->fd, VECS(made), 2, AT);
}

static ssize_t by_preadv2(struct made *made)
{
	return preadv2(made->fd, VECS(made), 2, AT, 0);
}

static ssize_t by_preadv64v2(struct made *made)
{
	return preadv64v2(made->fd, VECS(made), 2, AT, RWF_HIPRI);
}

static ssize_t by_pwritev(struct made *made)
{
	return pwritev(made->fd, VECS(made), 2, AT);
}

static ssize_t by_pwritev64(struct made *made)
{
	return pwritev64(made->fd, VECS(made), 2, AT);
}

static ssize_t by_pwritev2(struct made *made)
{
	return pwritev2(made->fd, VECS(made), 2, AT, 0);
}

static ssize_t by_pwritev64v2(struct made *made)
{
	return pwritev64v2(made->fd, VECS(made), 2, AT, RWF_DSYNC);
}

static ssize_t (*const reading[])(struct made *) = {by_preadv, by_preadv64, by_preadv2,
						    by_preadv64v2};
static ssize_t (*const writing[])(struct made *) = {by_pwritev, by_pwritev64, by_pwritev2,
						    by_pwritev64v2};

START_TEST(the_names_are_ours)
{
	static const char *const names[] = {"preadv",     "pwritev",     "preadv2",
					    "pwritev2",   "preadv64",    "pwritev64",
					    "preadv64v2", "pwritev64v2", "copy_file_range",
					    "getpwnam",   "getgrgid_r"};
	if (SANITIZED)
		skip_test("a sanitizer's own come first, and call ours");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_ours(names[i]);
}
END_TEST

/* A call fails for what is no fd and, with this error, for a pipe. */
static void fails_without_a_file(struct made *made, bool writes, int error)
{
	made->fd = -1;
	finish_failed(begin(made), made, EBADF);
	pair = make_pair(PIPE);
	made->fd = writes ? pair.to : pair.from;
	finish_failed(begin(made), made, error);
	close_pair(pair);
}

START_TEST(buffers_are_read_at_an_offset)
{
	struct made made = {.call = reading[_i], .fd = fileno(file)};
	finish(begin(&made), &made, LENGTH);
	ck_assert_int_eq(memcmp(made.bytes, "34567", LENGTH), 0);
	fails_without_a_file(&made, false, ESPIPE);
}
END_TEST

START_TEST(buffers_are_written_at_an_offset)
{
	char now[11] = "";
	struct made made = {.call = writing[_i], .fd = fileno(file), .bytes = "abcde"};
	finish(begin(&made), &made, LENGTH);
	ck_assert_int_eq(pread(fileno(file), now, 10, 0), 10);
	ck_assert_str_eq(now, "012abcde89");
	fails_without_a_file(&made, true, ESPIPE);
}
END_TEST

START_TEST(outside_of_tasks_they_are_the_c_library_s)
{
	struct made made = {.call = reading[_i], .fd = fileno(file)};
	ck_assert_int_eq(made.call(&made), LENGTH);
	ck_assert_int_eq(memcmp(made.bytes, "34567", LENGTH), 0);
	made.call = writing[_i];
	ck_assert_int_eq(made.call(&made), LENGTH);
}
END_TEST

/* ---- where it stands ---- */

static ssize_t reads_where_it_stands(struct made *made)
{
	return preadv2(made->fd, VECS(made), 2, -1, made->before);
}

static ssize_t writes_where_it_stands(struct made *made)
{
	return pwritev2(made->fd, VECS(made), 2, -1, made->before);
}

static ssize_t reads_what_is_cached(struct made *made)
{
	return preadv2(made->fd, VECS(made), 2, -1, RWF_NOWAIT);
}

/* With flags as well, of which they have no use. */
START_TEST(pipes_and_sockets_are_waited_for)
{
	static const enum pair_kind kinds[] = {PIPE, UNIX, TCP};
	pair = make_pair(kinds[_i]);
	for (int flags = 0; flags <= RWF_HIPRI; flags += RWF_HIPRI) {
		struct made made = {
			.call = reads_where_it_stands, .fd = pair.from, .before = flags};
		struct coro_future *task = begin(&made);
		cancel(task);
		finish_failed(task, &made, ECANCELED);
		task = begin(&made);
		put(pair.to, "words");
		finish(task, &made, LENGTH);
		ck_assert_int_eq(memcmp(made.bytes, "words", LENGTH), 0);
		made.call = writes_where_it_stands;
		made.fd = pair.to;
		make(&made);
		ck_assert_int_eq(made.result, LENGTH);
		expect(pair.from, "words");
	}
	close_pair(pair);
}
END_TEST

START_TEST(a_file_s_offset_goes_on)
{
	struct made made = {.call = reads_where_it_stands, .fd = fileno(file)};
	for (int i = 0; i < 2; i++) {
		made.before = i ? RWF_HIPRI : 0;
		make(&made);
		ck_assert_int_eq(made.result, LENGTH);
		ck_assert_int_eq(memcmp(made.bytes, i ? "56789" : "01234", LENGTH), 0);
	}
	make(&made);
	ck_assert_int_eq(made.result, 0);
}
END_TEST

START_TEST(who_must_not_wait_does_not)
{
	pair = make_pair(PIPE);
	struct made made = {.call = reads_what_is_cached, .fd = pair.from};
	make_at_once(&made);
	ck_assert_int_eq(made.result, -1);
	ck_assert(made.error == EAGAIN || made.error == EOPNOTSUPP);
	close_pair(pair);
}
END_TEST

/* ---- from file to file ---- */

static ssize_t copies(struct made *made)
{
	off_t from = AT, to = 1;
	ssize_t n = copy_file_range(fileno(file), &from, made->fd, &to, LENGTH, 0);
	ck_assert(n <= 0 || (from == AT + n && to == 1 + n));
	return n;
}

START_TEST(files_are_copied)
{
	char now[7] = "";
	struct made made = {.call = copies, .fd = fileno(other)};
	if (copies(&made) < 0)
		skip_test("there is no copy_file_range here");
	ck_assert_int_eq(ftruncate(fileno(other), 0), 0);
	finish(begin(&made), &made, LENGTH);
	ck_assert_int_eq(pread(fileno(other), now, 6, 0), 6);
	ck_assert_int_eq(memcmp(now, "\00034567", 6), 0);
	fails_without_a_file(&made, true, EINVAL);
}
END_TEST

/* ---- what disturbs them ---- */

static ssize_t reads_twice(struct made *made)
{
	ssize_t n = by_preadv(made);
	ck_assert_int_eq(n, LENGTH);
	return read(pair.from, made->bytes, 1);
}

/* The bytes have come: the next wait fails. */
START_TEST(a_cancellation_is_for_the_next_wait)
{
	struct made made = {.call = reads_twice, .fd = fileno(file)};
	pair = make_pair(PIPE);
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	ck_assert_int_eq(memcmp(made.bytes, "34567", LENGTH), 0);
	close_pair(pair);
}
END_TEST

static int handled;

static void handle(int number)
{
	handled++;
}

static void raise_one(void *arg)
{
	raise(SIGUSR1);
}

START_TEST(signals_do_not_interrupt_them)
{
	struct sigaction action = {.sa_handler = handle};
	struct made made = {.call = by_preadv, .fd = fileno(file)};
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	struct coro_future *task = begin(&made);
	ck_assert_int_eq(coro_call_soon(loop, raise_one, NULL, NULL), 0);
	finish(task, &made, LENGTH);
	run();
	ck_assert_int_eq(handled, 1);
}
END_TEST

/* ---- users and groups ---- */

static struct passwd user;
static struct group group;
static char buffer[4096];

static ssize_t user_of_name(struct made *made)
{
	const struct passwd *found = getpwnam(made->bytes);
	return found ? (ssize_t)found->pw_uid : -1;
}

static ssize_t user_of_name_r(struct made *made)
{
	struct passwd *found;
	int r = getpwnam_r(made->bytes, &user, buffer, (size_t)made->fd, &found);
	return found ? (ssize_t)found->pw_uid : r;
}

static ssize_t user_of_id(struct made *made)
{
	const struct passwd *found = getpwuid(0);
	return found && strcmp(found->pw_name, made->bytes) == 0 ? 0 : -1;
}

static ssize_t user_of_id_r(struct made *made)
{
	struct passwd *found;
	int r = getpwuid_r(0, &user, buffer, (size_t)made->fd, &found);
	return found ? (ssize_t)found->pw_uid : r;
}

static ssize_t group_of_name(struct made *made)
{
	const struct group *found = getgrnam(made->bytes);
	return found ? (ssize_t)found->gr_gid : -1;
}

static ssize_t group_of_name_r(struct made *made)
{
	struct group *found;
	int r = getgrnam_r(made->bytes, &group, buffer, (size_t)made->fd, &found);
	return found ? (ssize_t)found->gr_gid : r;
}

static ssize_t group_of_id(struct made *made)
{
	const struct group *found = getgrgid(0);
	return found && strcmp(found->gr_name, made->bytes) == 0 ? 0 : -1;
}

static ssize_t group_of_id_r(struct made *made)
{
	struct group *found;
	int r = getgrgid_r(0, &group, buffer, (size_t)made->fd, &found);
	return found ? (ssize_t)found->gr_gid : r;
}

static ssize_t (*const accounts[])(struct made *) = {
	user_of_name,  user_of_id,  user_of_name_r,  user_of_id_r,
	group_of_name, group_of_id, group_of_name_r, group_of_id_r,
};

/* Whether the name ends with _r: its result is an error. */
static bool is_safe(int which)
{
	return which & 2;
}

static void needs_root(void)
{
	const struct passwd *root = getpwuid(0);
	const struct group *its = getgrgid(0);
	if (!root || strcmp(root->pw_name, "root") != 0 || !its ||
	    strcmp(its->gr_name, "root") != 0)
		skip_test("there is no root");
}

START_TEST(accounts_are_found)
{
	struct made made = {.call = accounts[_i], .fd = sizeof(buffer), .bytes = "root"};
	needs_root();
	finish(begin(&made), &made, 0);
	ck_assert_int_eq(made.call(&made), 0); /* outside of tasks */
	struct coro_future *task = begin(&made);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	/* If the thread was faster, the cancellation is for the next wait. */
	if (made.result != 0)
		ck_assert_int_eq(is_safe(_i) ? made.result : made.error, ECANCELED);
}
END_TEST

START_TEST(an_entry_may_need_more_room)
{
	struct made made = {.call = accounts[_i], .fd = 1, .bytes = "root"};
	if (!is_safe(_i))
		return;
	needs_root();
	finish(begin(&made), &made, ERANGE);
}
END_TEST

START_TEST(what_there_is_not_is_not_found)
{
	struct made made = {.fd = sizeof(buffer), .bytes = "nobody-of-that-name"};
	made.call = user_of_name;
	make(&made);
	ck_assert_int_eq(made.result, -1);
	made.call = group_of_name;
	make(&made);
	ck_assert_int_eq(made.result, -1);
	struct passwd *found = &user;
	ck_assert_int_eq(getpwnam_r(made.bytes, &user, buffer, sizeof(buffer), &found), 0);
	ck_assert_ptr_null(found);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_names_are_ours);
	tcase_add_loop_test(tests, buffers_are_read_at_an_offset, 0, 4);
	tcase_add_loop_test(tests, buffers_are_written_at_an_offset, 0, 4);
	tcase_add_loop_test(tests, outside_of_tasks_they_are_the_c_library_s, 0, 4);
	tcase_add_loop_test(tests, pipes_and_sockets_are_waited_for, 0, 3);
	tcase_add_test(tests, a_file_s_offset_goes_on);
	tcase_add_test(tests, who_must_not_wait_does_not);
	tcase_add_test(tests, files_are_copied);
	tcase_add_test(tests, a_cancellation_is_for_the_next_wait);
	tcase_add_test(tests, signals_do_not_interrupt_them);
	tcase_add_loop_test(tests, accounts_are_found, 0, 8);
	tcase_add_loop_test(tests, an_entry_may_need_more_room, 0, 8);
	tcase_add_test(tests, what_there_is_not_is_not_found);
}

TEST_MAIN("posix disk", add)
