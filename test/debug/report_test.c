/* SPDX-License-Identifier: MIT */
/* What is printed on stderr: reports, and what debug mode finds. */
#include "loop/debug.h"
#include "support.h"

#include <coro.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Each program runs in a process of its own, and its stderr is compared. */
struct program {
	unsigned flags;
	const char *environment; /* CORO_DEBUG; NULL: not set */
	const char *reports;     /* CORO_REPORTS, the same */
	int64_t slow;            /* -1: unchanged */
	coro_fn *fn;
	coro_exception_handler *handler;
	bool leaks; /* on purpose */
};

static int run_program(void *arg)
{
	const struct program *program = arg;
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK | program->flags};
	struct coro_runner *asyncs;
	if (program->leaks)
		may_leak();
	unsetenv("CORO_DEBUG");
	if (program->environment)
		setenv("CORO_DEBUG", program->environment, 1);
	unsetenv("CORO_REPORTS");
	if (program->reports)
		setenv("CORO_REPORTS", program->reports, 1);
	if (coro_runner_create(&options, &asyncs) < 0)
		return 1;
	struct coro_loop *loop = coro_runner_loop(asyncs);
	if (program->slow >= 0)
		coro_loop_set_slow_callback_duration(loop, program->slow);
	coro_loop_set_exception_handler(loop, program->handler, NULL);
	int r = coro_runner_run(asyncs, program->fn, NULL);
	coro_runner_close(asyncs);
	return r;
}

static const char *said(struct program program)
{
	static struct child child;
	child = child_run(run_program, &program);
	ck_assert_exited(child, 0);
	/* A sanitizer may print a warning about makecontext first. */
	const char *ours = strstr(child.said, "coro: ");
	return SANITIZED ? ours ? ours : "" : child.said;
}

/* The text has to end here; without it, the text may stand on any line. */
#define SITE "test/debug/report_test.c:"

static const char *without_lines(const char *text)
{
	static char result[4096];
	char *to = result;
	for (const char *from = text; *from; from++) {
		bool line = *from == ':' && from > text && from[-1] == 'c';
		*to++ = *from;
		while (line && from[1] >= '0' && from[1] <= '9')
			from++;
	}
	*to = '\0';
	return result;
}

static void hear_nothing(struct coro_loop *loop, const struct coro_report *report, void *arg)
{
}

static void fall_back(struct coro_loop *loop, const struct coro_report *report, void *arg)
{
	coro_loop_default_exception_handler(loop, report);
}

static int fails(void *arg)
{
	coro_sleep(1);
	return coro_raise(-EIO, "page %d is torn", 3);
}

static int spawns_one_that_fails(void *arg)
{
	int r = coro_spawn(fails, NULL, NULL);
	coro_sleep(5);
	return r;
}

#define UNHEARD                                                                        \
	"coro: Task exception was never retrieved: task Task-2, spawned at " SITE ": " \
	"page 3 is torn (error -5, raised at " SITE ")\n"

START_TEST(failure_that_nobody_asked_for_is_said_by_default)
{
	struct program program = {.fn = spawns_one_that_fails, .slow = 0};
	ck_assert_str_eq(without_lines(said(program)), UNHEARD);
	program.reports = "";
	ck_assert_str_eq(without_lines(said(program)), UNHEARD);
	program.reports = "1";
	ck_assert_str_eq(without_lines(said(program)), UNHEARD);
}
END_TEST

START_TEST(environment_turns_reports_off)
{
	struct program program = {
		.fn = spawns_one_that_fails, .slow = CORO_FOREVER, .reports = "0"};
	ck_assert_str_eq(said(program), "");
	program.flags = CORO_DEBUG;
	ck_assert_str_eq(said(program), "");
	program.handler = fall_back;
	ck_assert_str_eq(said(program), "");
}
END_TEST

static int awaits_and_succeeds(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(fails, NULL, &task);
	if (r < 0)
		return r;
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r == -EIO ? 0 : 1;
}

START_TEST(failure_that_was_handled_is_not_said)
{
	struct program program = {.fn = awaits_and_succeeds, .slow = 0};
	ck_assert_str_eq(said(program), "");
}
END_TEST

static int drops_a_remote(void *arg)
{
	struct coro_remote *remote;
	int r = coro_spawn_threadsafe(coro_running_loop(), fails, NULL, &remote);
	if (r < 0)
		return r;
	coro_sleep(5);
	coro_remote_unref(remote);
	return 0;
}

START_TEST(failure_of_a_remote_is_said_when_its_owner_has_not_asked)
{
	struct program program = {.fn = drops_a_remote, .slow = -1};
	ck_assert_str_eq(without_lines(said(program)),
			 "coro: Task exception was never retrieved: page 3 is torn "
			 "(error -5, raised at " SITE ")\n");
}
END_TEST

static int leaks_a_failure(void *arg)
{
	static struct coro_future *leaked;
	int r = coro_spawn(fails, NULL, &leaked);
	coro_sleep(5);
	return r;
}

START_TEST(failure_with_a_leaked_reference_is_reported_at_close)
{
	struct program program = {.fn = leaks_a_failure, .slow = -1};
	if (running_slow())
		skip_test("a leak");
	ck_assert_str_eq(without_lines(said(program)),
			 "coro: Task exception was not retrieved by the end of its loop: "
			 "task Task-2, spawned at " SITE
			 ": page 3 is torn (error -5, raised at " SITE ")\n");
}
END_TEST

START_TEST(report_names_the_task_its_site_and_the_message)
{
	struct program program = {
		.fn = spawns_one_that_fails, .flags = CORO_DEBUG, .slow = CORO_FOREVER};
	ck_assert_str_eq(without_lines(said(program)), UNHEARD);
}
END_TEST

static int is_debugged(void *arg)
{
	return coro_loop_debug(coro_running_loop());
}

START_TEST(environment_turns_debug_mode_on)
{
	struct program program = {.fn = is_debugged, .environment = "1", .slow = -1};
	struct child child = child_run(run_program, &program);
	ck_assert_exited(child, 1);
	program.environment = "0";
	child = child_run(run_program, &program);
	ck_assert_exited(child, 0);
}
END_TEST

START_TEST(handler_of_the_program_comes_in_place_of_stderr)
{
	struct program program = {
		.fn = spawns_one_that_fails, .flags = CORO_DEBUG, .slow = CORO_FOREVER};
	program.handler = hear_nothing;
	ck_assert_str_eq(said(program), "");
	program.handler = fall_back;
	ck_assert_str_eq(without_lines(said(program)), UNHEARD);
}
END_TEST

static int drops_a_failed_future(void *arg)
{
	struct coro_future *future;
	int r = coro_future_create(coro_running_loop(), &future);
	if (r < 0)
		return r;
	coro_future_set_error(future, CORO_USER_ERROR - 8);
	coro_future_unref(future);
	return 0;
}

START_TEST(report_of_a_future_gives_what_there_is)
{
	struct program program = {
		.fn = drops_a_failed_future, .flags = CORO_DEBUG, .slow = CORO_FOREVER};
	ck_assert_str_eq(said(program), "coro: Future exception was never retrieved: "
					"Error of the program (error -8200)\n");
}
END_TEST

static int reports_all(void *arg)
{
	static char words[1501];
	struct coro *generator;
	struct coro_options named = {.name = "pages", .site = "x.c:5"};
	int r = coro_create_with(&named, fails, NULL, &generator);
	if (r < 0)
		return r;
	memset(words, 'w', sizeof(words) - 1);
	struct coro_report full = {.message = "all of it",
				   .error = -ENOENT,
				   .error_message = words,
				   .origin = "y.c:6",
				   .future = coro_current_task(),
				   .generator = generator};
	coro_loop_call_exception_handler(coro_running_loop(), &full);
	coro_loop_call_exception_handler(coro_running_loop(), &(struct coro_report){.error = -EIO});
	return coro_destroy(generator);
}

static int reports_one_without_a_name(void *arg)
{
	struct coro *generator;
	struct coro_options options = {.site = "x.c:5"};
	int r = coro_create_with(&options, fails, NULL, &generator);
	if (r < 0)
		return r;
	coro_loop_call_exception_handler(coro_running_loop(),
					 &(struct coro_report){.message = "left",
							       .generator = generator});
	return coro_destroy(generator);
}

START_TEST(report_of_a_generator_without_a_name_has_its_place)
{
	struct program program = {
		.fn = reports_one_without_a_name, .flags = CORO_DEBUG, .slow = CORO_FOREVER};
	ck_assert_str_eq(said(program), "coro: left: generator, made at x.c:5\n");
}
END_TEST

/* Also on the smallest of stacks. */
static int reports_all_on_a_small_stack(void *arg)
{
	struct coro_future *task;
	struct coro_options options = {.stack_size = coro_stack_min(), .name = "small"};
	int r = coro_loop_spawn(coro_running_loop(), &options, reports_all, NULL, &task);
	if (r < 0)
		return r;
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(report_says_all_that_there_is_and_cuts_nothing_short)
{
	struct program program = {
		.fn = reports_all_on_a_small_stack, .flags = CORO_DEBUG, .slow = CORO_FOREVER};
	const char *text = said(program);
	ck_assert_ptr_eq(strstr(text, "coro: all of it: task small: "
				      "generator pages, made at x.c:5: wwww"),
			 text);
	ck_assert_ptr_nonnull(strstr(text, "ww (error -2, raised at y.c:6)\n"
					   "coro: Unhandled exception in event loop: "));
	ck_assert_uint_gt(strlen(text), 1500);
}
END_TEST

static int waits(void *arg)
{
	struct coro_future *never = arg;
	coro_sleep(10);
	return coro_await(never, NULL);
}

static int leaves_one(void *arg)
{
	static struct coro_future *never;
	coro_future_create(coro_running_loop(), &never);
	int r = coro_spawn(waits, never, NULL);
	coro_sleep(5);
	return r;
}

START_TEST(discarded_task_is_reported)
{
	struct program program = {.fn = leaves_one, .flags = CORO_DEBUG, .slow = CORO_FOREVER};
	if (running_slow())
		skip_test("its future is lost, which counts as a leak");
	ck_assert_str_eq(without_lines(said(program)),
			 "coro: a loop with 1 task\n"
			 "coro:   task 2, spawned at " SITE " by task 1, "
			 "waits in a future, cancellation requested\n"
			 "coro: Task was destroyed but it is pending!: "
			 "task Task-2, spawned at " SITE "\n");
}
END_TEST

static int count(const char *text, const char *part)
{
	int found = 0;
	for (; (text = strstr(text, part)); text++)
		found++;
	return found;
}

/* ---- fds that are closed by plain close ---- */

static int hears_word(void *fd)
{
	char word[8];
	return (int)coro_read(*(int *)fd, word, sizeof(word));
}

/*
 * Watches one end of a pair, under an fd that nothing else uses; then its close has to be reported.
 */
static int hears_two(void (*closes)(int fd))
{
	enum { NUMBER = 100 };
	int number = NUMBER, pair[2], r = 0;
	for (int i = 0; i < 2 && r >= 0; i++) {
		struct coro_future *reader;
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || dup2(pair[0], NUMBER) < 0 ||
		    coro_spawn(hears_word, &number, &reader) < 0)
			return -EIO;
		close(pair[0]);
		coro_sleep(CORO_MSEC);
		r = write(pair[1], "word", 4) == 4 ? coro_await(reader, NULL) : -EIO;
		coro_future_unref(reader);
		if (i == 0)
			closes(NUMBER);
		close(pair[1]);
	}
	coro_fd_close(NUMBER);
	return r == 4 ? 0 : r;
}

static void close_plainly(int fd)
{
	close(fd);
}

static void close_by_library(int fd)
{
	coro_fd_close(fd);
}

static int hears_after_plain_close(void *arg)
{
	return hears_two(close_plainly);
}

static int hears_after_close(void *arg)
{
	return hears_two(close_by_library);
}

static bool heard_one;

static int hears_two_words(void *fd)
{
	int r = hears_word(fd);
	heard_one = true;
	return r < 0 ? r : hears_word(fd);
}

/* Nothing has the number then, and a task waits for it. */
static int waits_while_it_is_closed(void *arg)
{
	enum { NUMBER = 100 };
	int number = NUMBER, pair[2];
	struct coro_future *reader;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || dup2(pair[0], NUMBER) < 0 ||
	    coro_spawn(hears_two_words, &number, &reader) < 0)
		return -EIO;
	close(pair[0]);
	int r = coro_sleep(CORO_MSEC);
	if (r == 0 && write(pair[1], "word", 4) != 4)
		r = -EIO;
	while (r == 0 && !heard_one)
		r = coro_task_yield();
	close(NUMBER);
	if (r == 0)
		r = coro_await(reader, NULL) == -EBADF ? 0 : -EIO;
	coro_future_unref(reader);
	close(pair[1]);
	return r;
}

START_TEST(debug_mode_reports_an_fd_closed_by_plain_close)
{
	struct program program = {
		.flags = CORO_DEBUG, .slow = CORO_FOREVER, .fn = hears_after_plain_close};
	ck_assert_str_eq(said(program), "coro: fd 100 was closed, or is another now, and the loop "
					"was not told: use coro_fd_close or coro_fd_forget\n");
	program.flags = 0;
	ck_assert_str_eq(said(program), "");
	program = (struct program){
		.flags = CORO_DEBUG, .slow = CORO_FOREVER, .fn = waits_while_it_is_closed};
	ck_assert_str_eq(said(program), "coro: fd 100 was closed, or is another now, and the loop "
					"was not told: use coro_fd_close or coro_fd_forget\n");
	program = (struct program){
		.flags = CORO_DEBUG, .slow = CORO_FOREVER, .fn = hears_after_close};
	ck_assert_str_eq(said(program), "");
}
END_TEST

/* ---- timeouts that are left open ---- */

static int leaves_one_open(void *arg)
{
	struct coro_timeout timeout;
	return coro_timeout_begin(&timeout, 50 * CORO_MSEC);
}

static int __attribute__((noinline)) writes_over_it(int n)
{
	volatile char room[1024];
	memset((char *)room, n, sizeof(room));
	return room[n];
}

static int is_cancelled_by_it(void *arg)
{
	leaves_one_open(NULL);
	writes_over_it(77);
	return coro_sleep(CORO_SEC) == -ECANCELED ? 0 : 1;
}

static int ends_before_it(void *arg)
{
	leaves_one_open(NULL);
	writes_over_it(77);
	return 0;
}

static int ends_them_all(void *arg)
{
	struct coro_timeout outer, inner;
	int r = coro_timeout_begin(&outer, CORO_SEC);
	if (r == 0)
		r = coro_timeout_begin(&inner, 2);
	if (r < 0 || coro_timeout_begin(&inner, 2) != -EBUSY)
		return 1;
	r = coro_timeout_end(&inner, coro_sleep(5));
	bool expired = r == -ETIMEDOUT && coro_timeout_expired(&inner);
	r = coro_timeout_end(&outer, 0);
	return expired && r == 0 && coro_timeout_end(&outer, 0) == -EALREADY ? 0 : 1;
}

#define OPEN                                                                    \
	"coro: task main, spawned at " SITE ": timeout of 50 ms begun at " SITE \
	" was never ended: it "

START_TEST(debug_mode_reports_a_timeout_left_open)
{
	struct program program = {
		.fn = is_cancelled_by_it, .flags = CORO_DEBUG, .slow = CORO_FOREVER};
	const char *text = without_lines(said(program));
	ck_assert_int_eq(count(text, OPEN), 1);
	ck_assert(strstr(text, " cancels its task now\n") || strstr(text, " cancelled its task\n"));
	program.fn = ends_before_it;
	ck_assert_str_eq(without_lines(said(program)), OPEN "was open at its task's end\n");
	program.fn = ends_them_all;
	ck_assert_str_eq(said(program), "");
}
END_TEST

/* ---- generators that yield inside a timeout or a group ---- */

static int yields_in_timeout(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, CORO_SEC);
	for (int i = 0; r == 0 && i < 2; i++)
		r = coro_yield(NULL, NULL);
	return coro_timeout_end(&timeout, r);
}

static int yields_in_group(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	for (int i = 0; r == 0 && i < 2; i++)
		r = coro_yield(NULL, NULL);
	return coro_group_end(group, r);
}

static int yields_between(void *arg)
{
	for (int i = 0; i < 2; i++) {
		struct coro_timeout timeout;
		struct coro_group *group;
		int r = coro_timeout_begin(&timeout, CORO_SEC);
		if (r == 0)
			r = coro_timeout_end(&timeout, coro_sleep(1));
		if (r == 0)
			r = coro_group_create(&group);
		if (r == 0)
			r = coro_group_end(group, 0);
		if (r == 0)
			r = coro_yield(NULL, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct {
	coro_fn *fn;
	const char *said;
} yielders[] = {
	{yields_in_timeout,
	 "coro: task main, spawned at " SITE ": generator yields inside a timeout, begun at " SITE
	 ", which goes on outside of it\n"},
	{yields_in_group,
	 "coro: task main, spawned at " SITE ": generator yields inside a group, made at " SITE
	 ", which goes on outside of it\n"},
	{yields_between, ""},
};

static int yields_in_scopes_of_its_own(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, CORO_SEC);
	if (r == 0)
		r = coro_timeout_end(&timeout, 0);
	for (int i = 0; r == 0 && i < 2; i++)
		r = coro_yield(NULL, NULL);
	return r;
}

static coro_fn *yielder;

static int drives_the_yielder(void *arg)
{
	struct coro *generator;
	int count = 0, r = coro_create(yielder, NULL, &generator);
	if (r < 0)
		return r;
	while ((r = coro_next(generator, NULL)) > 0)
		count++;
	coro_destroy(generator);
	return r < 0 ? r : count == 2 ? 0 : 1;
}

START_TEST(debug_mode_reports_a_generator_that_yields_in_a_scope)
{
	yielder = yielders[_i].fn;
	struct program program = {.flags = CORO_DEBUG,
				  .slow = CORO_FOREVER,
				  .fn = drives_the_yielder,
				  .handler = NULL};
	ck_assert_str_eq(without_lines(said(program)), yielders[_i].said);
	program.flags = 0;
	ck_assert_str_eq(said(program), "");
}
END_TEST

static struct coro *left;

static int leaves_a_generator(void *arg)
{
	int r = coro_create(yields_in_group, NULL, &left);
	return r < 0 ? r : coro_next(left, NULL) == 1 ? 0 : -EIO;
}

/* Ends the generator, and with it the group, when there is no loop any more. */
static int closes_the_generator_late(void *arg)
{
	struct program program = {
		.flags = CORO_DEBUG, .slow = CORO_FOREVER, .fn = leaves_a_generator};
	int r = run_program(&program);
	coro_destroy(left);
	return r;
}

START_TEST(group_of_a_generator_may_outlive_its_loop_in_debug_mode)
{
	struct child child = child_run(closes_the_generator_late, NULL);
	ck_assert_exited(child, 0);
	const char *ours = strstr(child.said, "coro: ");
	ck_assert_ptr_nonnull(ours);
	ck_assert_str_eq(without_lines(ours), yielders[1].said);
}
END_TEST

static int begins_a_generator(void *arg)
{
	int r = coro_create(yields_in_scopes_of_its_own, NULL, &left);
	return r < 0 ? r : coro_next(left, NULL) == 1 ? 0 : 1;
}

/* It has begun scopes in the loop, yielded there, and yields once more when no loop runs. */
static int run_and_go_on(void *arg)
{
	int r = run_program(arg);
	if (r == 0)
		r = coro_next(left, NULL) == 1 && coro_next(left, NULL) == 0 ? 0 : 1;
	coro_destroy(left);
	return r;
}

START_TEST(a_generator_that_had_scopes_yields_outside_of_loops)
{
	struct program program = {
		.flags = CORO_DEBUG, .slow = CORO_FOREVER, .fn = begins_a_generator};
	struct child child = child_run(run_and_go_on, &program);
	ck_assert_exited(child, 0);
	ck_assert_ptr_null(strstr(child.said, "coro: "));
}
END_TEST

/* ---- what is never given back ---- */

static void be_called(void *arg)
{
}

static int gives_way(void *arg)
{
	return coro_task_yield();
}

static int leaves_a_group(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	return r < 0 ? r : coro_group_spawn(group, gives_way, NULL, NULL);
}

static int leaves_a_group_with_options(void *arg)
{
	struct coro_group *group;
	return coro_group_create_with(NULL, &group);
}

static int leaves_a_stream(void *arg)
{
	struct coro_stream *stream;
	int fds[2], r = pipe(fds);
	return r < 0 ? r : coro_stream_open(fds[0], NULL, &stream);
}

static int hears(struct coro_stream *stream, void *arg)
{
	return 0;
}

/* Of those that it has, the connections' are not the program's. */
static int leaves_connections(void *arg)
{
	struct coro_server *server;
	struct coro_stream *stream;
	int r = coro_server_start(address_of_process(), NULL, hears, NULL, &server);
	if (r == 0)
		r = coro_open_connection(address_of_process(), NULL, NULL, &stream);
	if (r == 0)
		r = coro_open_unix(address_of_process() + strlen("unix:"), NULL, &stream);
	return r < 0 ? r : coro_server_close(server);
}

static int leaves_processes(void *arg)
{
	char *argv[] = {"true", NULL};
	struct coro_process *process;
	int r = coro_process_spawn(argv, NULL, &process);
	if (r == 0)
		r = coro_process_wait(process, NULL);
	return r < 0 ? r : coro_process_shell("exec sleep 60", NULL, &process);
}

static ssize_t reads_nothing(void *arg, void *bytes, size_t length)
{
	return 0;
}

static ssize_t writes_nothing(void *arg, const struct iovec *vec, int count)
{
	return -EAGAIN;
}

static int waits_no_time(void *arg, bool writing)
{
	return 0;
}

static int leaves_a_stream_of_its_own(void *arg)
{
	static const struct coro_transport transport = {
		.read = reads_nothing,
		.write = writes_nothing,
		.wait = waits_no_time,
		.close = be_called,
	};
	struct coro_stream *stream;
	return coro_stream_create(&transport, NULL, NULL, &stream);
}

static int leaves_locks(void *arg)
{
	static struct coro_lock lock, tried;
	static struct coro_condition condition;
	int r = coro_lock_acquire(&lock);
	if (r == 0)
		r = coro_lock_try_acquire(&tried);
	if (r == 0)
		r = coro_condition_acquire(&condition);
	return r;
}

/* The lock no longer exists when it is reported. */
static int leaves_a_lock_on_its_stack(void *arg)
{
	struct coro_lock lock;
	coro_lock_init(&lock);
	return coro_lock_acquire(&lock);
}

static int waits_for_the_lock(void *arg)
{
	int r = coro_lock_acquire(arg);
	return r < 0 ? r : coro_task_yield();
}

/* It waits for it, and then has it. */
static int leaves_a_lock_that_it_got_late(void *arg)
{
	static struct coro_lock lock;
	int r = coro_lock_acquire(&lock);
	if (r == 0)
		r = coro_spawn(waits_for_the_lock, &lock, NULL);
	if (r == 0)
		r = coro_task_yield();
	if (r == 0)
		r = coro_lock_release(&lock);
	return r < 0 ? r : coro_sleep(1);
}

static int notifies(void *arg)
{
	int r = coro_condition_acquire(arg);
	if (r == 0)
		r = coro_condition_notify_all(arg);
	return r < 0 ? r : coro_condition_release(arg);
}

/* The wait has taken the lock again. */
static int leaves_a_lock_after_a_condition(void *arg)
{
	static struct coro_condition condition;
	int r = coro_condition_acquire(&condition);
	if (r == 0)
		r = coro_spawn(notifies, &condition, NULL);
	return r < 0 ? r : coro_condition_wait(&condition);
}

static int gives_locks_back(void *arg)
{
	struct coro_condition condition;
	struct coro_lock lock;
	coro_lock_init(&lock);
	coro_condition_init(&condition, &lock);
	for (int i = 0; i < 2; i++) {
		int r = coro_condition_acquire(&condition);
		if (r == 0)
			r = coro_spawn(notifies, &condition, NULL);
		if (r == 0)
			r = coro_condition_wait(&condition);
		if (r == 0)
			r = coro_lock_release(&lock);
		if (r < 0 || coro_lock_release(&lock) != -EPERM)
			return 1;
	}
	return coro_lock_locked(&lock);
}

static int gives_all_back(void *arg)
{
	char *argv[] = {"true", NULL};
	struct coro_group *group;
	struct coro_stream *stream = NULL;
	struct coro_server *server = NULL;
	struct coro_process *process = NULL;
	int r = coro_group_create(&group);
	r = coro_group_end(group, r);
	if (r == 0)
		r = coro_server_start(address_of_process(), NULL, hears, NULL, &server);
	if (r == 0)
		r = coro_open_unix(address_of_process() + strlen("unix:"), NULL, &stream);
	if (r == 0)
		r = coro_process_spawn(argv, NULL, &process);
	if (r == 0)
		r = coro_process_communicate(process, NULL, 0, 0, NULL, NULL);
	coro_process_destroy(process);
	coro_stream_destroy(stream);
	coro_server_destroy(server);
	return r;
}

static struct coro_lock taken;

static void takes_the_lock(void *arg)
{
	ck_assert_int_eq(coro_lock_try_acquire(&taken), 0);
}

/* Nobody's end is too early for it. */
static int leaves_a_lock_of_a_callback(void *arg)
{
	coro_lock_init(&taken);
	int r = coro_call_soon(coro_running_loop(), takes_the_lock, NULL, NULL);
	return r < 0 ? r : coro_task_yield();
}

static int sleeps_with_the_lock(void *arg)
{
	int r = coro_lock_acquire(&taken);
	return r < 0 ? r : coro_sleep(CORO_FOREVER);
}

/* Its task is cancelled when the loop is closed, and does not release it. */
static int leaves_a_lock_of_a_cancelled_task(void *arg)
{
	coro_lock_init(&taken);
	int r = coro_spawn(sleeps_with_the_lock, NULL, NULL);
	return r < 0 ? r : coro_task_yield();
}

static int takes_it_only(void *arg)
{
	return coro_lock_acquire(&taken);
}

/* The task that took it has ended: it is reported then, and not again. */
static int releases_the_lock_of_another(void *arg)
{
	coro_lock_init(&taken);
	int r = coro_spawn(takes_it_only, NULL, NULL);
	if (r == 0)
		r = coro_sleep(1);
	return r < 0 ? r : coro_lock_release(&taken);
}

static int releases_it(void *arg)
{
	return coro_lock_release(&taken);
}

static int has_another_release_its_lock(void *arg)
{
	coro_lock_init(&taken);
	int r = coro_lock_acquire(&taken);
	if (r == 0)
		r = coro_spawn(releases_it, NULL, NULL);
	return r < 0 ? r : coro_task_yield();
}

/* Both kinds that count in the task's wait are open at its end. */
static int leaves_a_timeout_and_a_lock(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, CORO_SEC);
	return r < 0 ? r : leaves_a_lock_on_its_stack(NULL);
}

static struct coro_rwlock rwlock;
static struct coro_semaphore semaphore;

static int leaves_a_writer(void *arg)
{
	coro_rwlock_init(&rwlock);
	return coro_rwlock_write_acquire(&rwlock);
}

static int reads(void *arg)
{
	return coro_rwlock_read_acquire(&rwlock);
}

static int reads_and_releases(void *arg)
{
	int r = reads(NULL);
	if (r == 0)
		r = coro_sleep(1);
	return r < 0 ? r : coro_rwlock_release(&rwlock);
}

/* Three read, of which the first to release it is not the last to have come; then it writes. */
static int leaves_a_reader(void *arg)
{
	coro_rwlock_init(&rwlock);
	int r = coro_rwlock_try_read_acquire(&rwlock);
	if (r == 0)
		r = coro_spawn(reads_and_releases, NULL, NULL);
	if (r == 0)
		r = coro_spawn(reads, NULL, NULL);
	if (r == 0)
		r = coro_sleep(2);
	if (r == 0)
		r = coro_rwlock_release(&rwlock);
	return r;
}

/* Each way to take it, in a line behind others, and as the writer that becomes a reader. */
static int gives_rwlocks_back(void *arg)
{
	static struct coro_rwlock zeroes;
	coro_rwlock_init(&rwlock);
	int r = coro_rwlock_try_write_acquire(&rwlock);
	if (r == 0)
		r = coro_spawn(reads_and_releases, NULL, NULL);
	if (r == 0)
		r = coro_task_yield();
	if (r == 0)
		r = coro_rwlock_downgrade(&rwlock);
	if (r == 0)
		r = coro_rwlock_release(&rwlock);
	if (r == 0)
		r = coro_rwlock_write_acquire(&rwlock);
	if (r == 0)
		r = coro_rwlock_release(&rwlock);
	if (r == 0)
		r = coro_rwlock_read_acquire(&zeroes);
	if (r == 0)
		r = coro_rwlock_release(&zeroes);
	return r == 0 && coro_rwlock_release(&rwlock) == -EPERM ? 0 : 1;
}

static int takes_a_unit(void *arg)
{
	return coro_semaphore_acquire(&semaphore);
}

static int leaves_units(void *arg)
{
	coro_semaphore_init_bounded(&semaphore, 2);
	ck_assert(!coro_semaphore_locked(&semaphore));
	int r = coro_spawn(takes_a_unit, NULL, NULL);
	if (r == 0)
		r = coro_task_yield();
	return r < 0 ? r : coro_semaphore_try_acquire(&semaphore);
}

static int returns_it(void *arg)
{
	return coro_semaphore_release(&semaphore);
}

/* The one who returns it has none. */
static int has_another_return_its_unit(void *arg)
{
	coro_semaphore_init_bounded(&semaphore, 2);
	int r = takes_a_unit(NULL);
	if (r == 0)
		r = coro_spawn(returns_it, NULL, NULL);
	return r < 0 ? r : coro_task_yield();
}

static int returns_a_unit(void *arg)
{
	int r = takes_a_unit(NULL);
	return r < 0 ? r : coro_semaphore_release(&semaphore);
}

/* The last unit is one that it waited for. */
static int gives_units_back(void *arg)
{
	coro_semaphore_init_bounded(&semaphore, 1);
	int r = coro_semaphore_release(&semaphore) == -EOVERFLOW ? 0 : 1;
	if (r == 0)
		r = coro_semaphore_try_acquire(&semaphore);
	if (r == 0)
		r = coro_spawn(returns_a_unit, NULL, NULL);
	if (r == 0)
		r = coro_task_yield();
	if (r == 0)
		r = coro_semaphore_release(&semaphore);
	if (r == 0)
		r = coro_sleep(1);
	return r == 0 && !coro_semaphore_locked(&semaphore) ? 0 : 1;
}

/* It counts what one task has made for another, and nobody has to give that back. */
static int counts(void *arg)
{
	coro_semaphore_init(&semaphore, 1);
	int r = coro_semaphore_release(&semaphore);
	if (r == 0)
		r = takes_a_unit(NULL);
	return r < 0 ? r : coro_semaphore_try_acquire(&semaphore);
}

#define IN_MAIN "coro: task main, spawned at " SITE ": "
#define IN_TASK "coro: task Task-2, spawned at " SITE ": "
#define LOCK_AT "lock taken at " SITE " was not released by its task's end\n"
#define RWLOCK_AT "readers/writer " LOCK_AT
#define UNIT_AT "semaphore taken at " SITE " was not released by its task's end\n"
#define GROUP_AT "group made at " SITE " was not ended by its task's end\n"
#define LOCK "coro: lock taken at " SITE " was never released\n"

START_TEST(debug_mode_reports_what_is_never_released)
{
	static const struct {
		coro_fn *fn;
		const char *said;
	} cases[] = {
		{leaves_a_group, IN_MAIN GROUP_AT},
		{leaves_a_group_with_options, IN_MAIN GROUP_AT},
		{leaves_a_stream, "coro: stream opened at " SITE " was never destroyed\n"},
		{leaves_a_stream_of_its_own,
		 "coro: stream opened at " SITE " was never destroyed\n"},
		{leaves_connections, "coro: server started at " SITE " was never destroyed\n"
				     "coro: stream opened at " SITE " was never destroyed\n"
				     "coro: stream opened at " SITE " was never destroyed\n"},
		{leaves_processes, "coro: process started at " SITE " was never destroyed\n"
				   "coro: process started at " SITE " was never destroyed\n"},
		{leaves_locks, IN_MAIN LOCK_AT IN_MAIN LOCK_AT IN_MAIN LOCK_AT},
		{leaves_a_lock_on_its_stack, IN_MAIN LOCK_AT},
		{leaves_a_lock_that_it_got_late, IN_TASK LOCK_AT},
		{leaves_a_lock_after_a_condition, IN_MAIN LOCK_AT},
		{leaves_a_lock_of_a_callback, LOCK},
		{leaves_a_lock_of_a_cancelled_task, IN_TASK LOCK_AT},
		{releases_the_lock_of_another, IN_TASK LOCK_AT},
		{has_another_release_its_lock, ""},
		{leaves_a_writer, IN_MAIN RWLOCK_AT},
		{leaves_a_reader, "coro: task Task-3, spawned at " SITE ": " RWLOCK_AT},
		{gives_rwlocks_back, ""},
		{leaves_units, IN_TASK UNIT_AT IN_MAIN UNIT_AT},
		{gives_units_back, ""},
		{has_another_return_its_unit, ""},
		{counts, ""},
		{leaves_a_timeout_and_a_lock,
		 IN_MAIN LOCK_AT IN_MAIN "timeout of 1 s begun at " SITE
					 " was never ended: it was open at its task's end\n"},
		{gives_locks_back, ""},
		{gives_all_back, ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct program program = {.fn = cases[i].fn,
					  .flags = CORO_DEBUG,
					  .slow = CORO_FOREVER,
					  .leaks = true};
		ck_assert_str_eq(without_lines(said(program)), cases[i].said);
		program.flags = 0;
		ck_assert_str_eq(said(program), "");
	}
}
END_TEST

/* The failure that nobody asked for is reported last, when the task that took the lock is gone. */
static void releases_what_was_taken(struct coro_loop *loop, const struct coro_report *report,
				    void *arg)
{
	if (report->error)
		ck_assert_int_eq(coro_lock_release(&taken), 0);
}

static void stops(void *arg)
{
	coro_loop_stop(arg);
}

/* The loop is closed while a task holds the lock, and the handler is told of the other. */
static int discards_a_holder(void *arg)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK | CORO_DEBUG};
	struct coro_future *failed = NULL;
	struct coro_loop *loop;
	coro_lock_init(&taken);
	if (coro_loop_create(&options, &loop) < 0)
		return 1;
	coro_loop_set_exception_handler(loop, arg ? releases_what_was_taken : NULL, NULL);
	coro_loop_spawn(loop, NULL, fails, NULL, arg ? &failed : NULL);
	coro_loop_spawn(loop, NULL, sleeps_with_the_lock, NULL, NULL);
	coro_call_later(loop, 5, stops, loop, NULL);
	int r = coro_run_forever(loop);
	coro_loop_close(loop);
	coro_future_unref(failed);
	return r < 0 || coro_lock_locked(&taken) != !arg;
}

START_TEST(debug_mode_reports_the_lock_of_a_task_that_is_discarded)
{
	struct child child = child_run(discards_a_holder, NULL);
	ck_assert_exited(child, 0);
	ck_assert_ptr_nonnull(strstr(without_lines(child.said), LOCK));
	child = child_run(discards_a_holder, "and releases it");
	ck_assert_exited(child, 0);
	ck_assert_ptr_null(strstr(child.said, "released"));
}
END_TEST

/* ---- steps that take long ---- */

/* One step of its own, then two of another, and a callback of each kind. */
static int does_a_few_things(void *arg)
{
	struct coro_loop *loop = coro_running_loop();
	struct coro_future *task;
	coro_task_set_name(coro_current_task(), "few");
	struct coro_handle *cancelled;
	coro_call_soon(loop, be_called, NULL, NULL);
	int r = coro_call_soon(loop, be_called, NULL, &cancelled);
	if (r < 0)
		return r;
	coro_handle_cancel(cancelled);
	coro_handle_unref(cancelled);
	r = coro_spawn(gives_way, NULL, &task);
	if (r < 0)
		return r;
	coro_future_add_done_callback(task, be_called, NULL);
	coro_await(task, NULL);
	coro_future_unref(task);
	return 0;
}

START_TEST(every_step_above_the_limit_is_reported)
{
	struct program program = {.fn = does_a_few_things, .flags = CORO_DEBUG};
	const char *text = said(program);
	ck_assert_int_eq(count(text, "coro: executing task few, spawned at " SITE), 2);
	ck_assert_int_eq(count(text, "coro: executing task Task-2, spawned at " SITE), 2);
	ck_assert_int_eq(count(text, "coro: executing callback be_called"), 2);
	ck_assert_int_eq(count(text, " seconds\n"), count(text, "coro: executing "));
	program.slow = CORO_FOREVER;
	ck_assert_str_eq(said(program), "");
}
END_TEST

/* Runs until the clock has passed the mark: a long step on any machine. */
static int takes_long(void *arg)
{
	coro_sleep(1);
	int64_t end = coro_clock() + 3 * CORO_MSEC;
	while (coro_clock() < end)
		;
	return coro_sleep(1);
}

START_TEST(slow_step_is_reported_with_its_duration)
{
	struct program program = {.fn = takes_long, .flags = CORO_DEBUG, .slow = 1};
	const char *text;
	do /* again if the machine stood still meanwhile */
		text = said(program);
	while (count(text, " took 0.000 seconds\n") == count(text, " took "));
	ck_assert_int_ge(count(text, "coro: executing task main, spawned at " SITE), 1);
}
END_TEST

/* A watcher that finds that the process stood still for longer than any step. */
static void watch_begin(struct coro_loop *loop, const struct step *step)
{
}

static void watch_end(struct coro_loop *loop)
{
}

static int64_t stood_still_long(struct coro_loop *loop, int64_t now)
{
	return 3600 * CORO_SEC;
}

static void add_no_calls(struct coro_loop *loop, struct text *text)
{
}

static const struct step_watcher *own_watcher;

static void add_function(struct text *text, const void *code)
{
	own_watcher->add_function(text, code);
}

static int run_watched(void *arg)
{
	static const struct step_watcher watcher = {.begin = watch_begin,
						    .end = watch_end,
						    .stood_still = stood_still_long,
						    .add_calls = add_no_calls,
						    .add_function = add_function};
	own_watcher = step_watcher;
	step_watcher = &watcher;
	return run_program(arg);
}

/* The time for which it stood still may be found longer than the step, but no step is negative. */
START_TEST(step_in_which_the_process_stood_still_took_no_time)
{
	struct program program = {.fn = takes_long, .flags = CORO_DEBUG};
	struct child child = child_run(run_watched, &program);
	ck_assert_exited(child, 0);
	int steps = count(child.said, "coro: executing task main, spawned at " SITE);
	ck_assert_int_eq(steps, 3);
	ck_assert_int_eq(count(child.said, " took 0.000 seconds\n"),
			 count(child.said, "coro: executing "));
	program.slow = 1;
	child = child_run(run_watched, &program);
	ck_assert_exited(child, 0);
	ck_assert_int_eq(count(child.said, "coro: executing "), 0);
}
END_TEST

static int turns_it_on(void *arg)
{
	struct coro_loop *loop = coro_running_loop();
	struct coro_future *task;
	int r = coro_spawn(gives_way, NULL, &task);
	if (r < 0)
		return r;
	coro_task_yield();
	coro_task_yield();
	coro_loop_set_debug(loop, true); /* this step is not watched, the next are */
	coro_task_yield();
	coro_task_yield();
	coro_loop_set_debug(loop, false); /* this one still is */
	coro_task_yield();
	coro_task_yield();
	coro_future_unref(task);
	return 0;
}

START_TEST(debug_mode_can_be_turned_on_and_off_in_a_run)
{
	struct program program = {.fn = turns_it_on};
	ck_assert_int_eq(count(said(program), "coro: executing task main"), 2);
}
END_TEST

START_TEST(questions_are_answered)
{
	struct coro_loop *loop;
	unsetenv("CORO_DEBUG");
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	ck_assert(!coro_loop_debug(loop));
	ck_assert_int_eq(coro_loop_slow_callback_duration(loop), 100 * CORO_MSEC);
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	ck_assert(coro_loop_debug(loop));
	ck_assert_int_eq(coro_loop_set_slow_callback_duration(loop, -1), -EINVAL);
	ck_assert_int_eq(coro_loop_set_slow_callback_duration(loop, 5), 0);
	ck_assert_int_eq(coro_loop_slow_callback_duration(loop), 5);
	ck_assert_int_eq(coro_loop_close(loop), 0);
}
END_TEST

/* ---- the order of events ---- */

static int steps(void *arg)
{
	for (int i = 0; i < 5; i++) {
		trace("%s", coro_task_name(coro_current_task()));
		if (i % 2)
			coro_sleep(i);
		else
			coro_task_yield();
	}
	return 0;
}

static void say(void *word)
{
	trace("%s", (const char *)word);
}

static int fails_at_once(void *arg)
{
	return -EIO;
}

static int spawns_on(void *arg)
{
	struct coro_options eager = {.flags = CORO_EAGER_START};
	struct coro_loop *loop = coro_running_loop();
	coro_call_soon(loop, say, "soon", NULL);
	coro_spawn(steps, NULL, NULL);
	coro_loop_spawn(loop, &eager, steps, NULL, NULL);
	coro_loop_spawn(loop, &eager, fails_at_once, NULL, NULL);
	coro_call_later(loop, 2, say, "later", NULL);
	return steps(NULL);
}

static void spawn_in_callback(void *arg)
{
	struct coro_options eager = {.flags = CORO_EAGER_START};
	say("callback");
	coro_loop_spawn(coro_running_loop(), &eager, spawns_on, NULL, NULL);
}

static void order_of(unsigned flags, uint64_t seed, char *order)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK | flags, .seed = seed};
	struct coro_loop *loop;
	ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
	ck_assert_int_eq(coro_loop_set_slow_callback_duration(loop, CORO_FOREVER), 0);
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, hear_nothing, NULL), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(coro_loop_spawn(loop, NULL, spawns_on, NULL, NULL), 0);
	ck_assert_int_eq(coro_call_at(loop, 3, spawn_in_callback, NULL, NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	strcpy(order, trace_take());
}

START_TEST(debug_mode_changes_no_order)
{
	static char with[8192], without[8192];
	for (uint64_t seed = 0; seed < 10; seed++) {
		order_of(0, seed, without);
		order_of(CORO_DEBUG, seed, with);
		ck_assert_uint_gt(strlen(without), 100);
		ck_assert_str_eq(with, without);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, failure_that_nobody_asked_for_is_said_by_default);
	tcase_add_test(tests, environment_turns_reports_off);
	tcase_add_test(tests, failure_that_was_handled_is_not_said);
	tcase_add_test(tests, failure_of_a_remote_is_said_when_its_owner_has_not_asked);
	tcase_add_test(tests, failure_with_a_leaked_reference_is_reported_at_close);
	tcase_add_test(tests, report_names_the_task_its_site_and_the_message);
	tcase_add_test(tests, environment_turns_debug_mode_on);
	tcase_add_test(tests, handler_of_the_program_comes_in_place_of_stderr);
	tcase_add_test(tests, report_of_a_future_gives_what_there_is);
	tcase_add_test(tests, report_says_all_that_there_is_and_cuts_nothing_short);
	tcase_add_test(tests, report_of_a_generator_without_a_name_has_its_place);
	tcase_add_test(tests, discarded_task_is_reported);

	tcase_add_test(tests, debug_mode_reports_an_fd_closed_by_plain_close);
	tcase_add_test(tests, debug_mode_reports_a_timeout_left_open);
	tcase_add_test(tests, group_of_a_generator_may_outlive_its_loop_in_debug_mode);
	tcase_add_loop_test(tests, debug_mode_reports_a_generator_that_yields_in_a_scope, 0,
			    sizeof(yielders) / sizeof(yielders[0]));
	tcase_add_test(tests, a_generator_that_had_scopes_yields_outside_of_loops);
	tcase_add_test(tests, debug_mode_reports_what_is_never_released);
	tcase_add_test(tests, debug_mode_reports_the_lock_of_a_task_that_is_discarded);

	tcase_add_test(tests, every_step_above_the_limit_is_reported);
	tcase_add_test(tests, slow_step_is_reported_with_its_duration);
	tcase_add_test(tests, step_in_which_the_process_stood_still_took_no_time);
	tcase_add_test(tests, debug_mode_can_be_turned_on_and_off_in_a_run);
	tcase_add_test(tests, questions_are_answered);

	tcase_add_test(tests, debug_mode_changes_no_order);
}

TEST_MAIN("report", add_tests)
