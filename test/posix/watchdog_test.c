/* SPDX-License-Identifier: MIT */
/* Debug mode's watchdog names the call in which a task or a callback blocks its thread. */
#include "support.h"

#include "base/system.h"

#include <coro.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static int fds[2];

/* -- what blocks */

/* The rest of the number is read by libc. */
static int scans(void *arg)
{
	int first, second;
	FILE *stream = fdopen(fds[0], "r");
	int r = fscanf(stream, "%d %d", &first, &second) == 2 ? 0 : -EIO;
	fclose(stream);
	return r;
}

static void reads_in_callback(void *arg)
{
	char bytes[8];
	ssize_t n = read(fds[0], bytes, sizeof(bytes)); /* what the test has written first */
	if (n > 0)
		n = read(fds[0], bytes, sizeof(bytes));
	*(bool *)arg = n > 0;
}

static int has_a_callback_that_reads(void *arg)
{
	bool has_read = false;
	int r = coro_call_soon(coro_running_loop(), reads_in_callback, &has_read, NULL);
	r = r < 0 ? r : coro_sleep(CORO_MSEC);
	return r < 0 ? r : has_read ? 0 : -EIO;
}

static const struct {
	coro_fn *fn;
	const char *call;
} programs[] = {{scans, "fscanf+"}, {has_a_callback_that_reads, "read+"}};

/* -- a process of its own */

static int run_program(void *arg)
{
	setenv("CORO_DEBUG", "1", 1);
	unsetenv("CORO_WATCHDOG");
	return coro_run(*(coro_fn *const *)arg, NULL) < 0;
}

/* Lets the child go on once it has been reported. */
static void read_report(struct child *child)
{
	size_t length = 0;
	ssize_t n;
	bool told = false;
	while ((n = read(child->err, child->said + length, sizeof(child->said) - 1 - length)) > 0) {
		length += (size_t)n;
		child->said[length] = 0;
		if (!told && strstr(child->said, " holds up its loop\n")) {
			told = true;
			ck_assert_int_eq(write(fds[1], "2\n", 2), 2);
		}
	}
	close(child->err);
}

START_TEST(a_call_that_blocks_is_named)
{
	static struct child child;
	if (!SYSTEM_BACKTRACE)
		skip_test("calls cannot be seen here");
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "1 ", 2), 2);
	child = child_start(run_program, (void *)&programs[_i].fn);
	read_report(&child);
	ck_assert_int_eq(waitpid(child.pid, &child.status, 0), child.pid);
	ck_assert_exited(child, 0);
	const char *report = strstr(child.said, " has run for ");
	ck_assert_msg(report && strstr(report, programs[_i].call), "%s", child.said);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_loop_test(tests, a_call_that_blocks_is_named, 0, 2);
}

TEST_MAIN("posix watchdog", add)
