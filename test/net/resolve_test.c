/* SPDX-License-Identifier: MIT */
/*
 * Names: getaddrinfo's answers and errors, looked up by threads; a cancelled lookup is left alone.
 */
#include "loop/loop.h"

#include "threads.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <sys/stat.h>

/* ---- a name server that may be silent ---- */

static struct gate *_Atomic silence;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	typedef int system_fn(const char *, const char *, const struct addrinfo *,
			      struct addrinfo **);
	system_fn *answer = (system_fn *)(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");
	struct gate *gate = silence;
	if (gate)
		gate_pass(gate);
	return answer(node, service, hints, ret);
}

static const char *text(const struct addrinfo *info)
{
	static char name[64];
	char address[INET6_ADDRSTRLEN] = "?";
	int port = 0;
	if (info->ai_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)info->ai_addr;
		inet_ntop(AF_INET, &in->sin_addr, address, sizeof(address));
		port = ntohs(in->sin_port);
	} else if (info->ai_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)info->ai_addr;
		inet_ntop(AF_INET6, &in->sin6_addr, address, sizeof(address));
		port = ntohs(in->sin6_port);
	}
	snprintf(name, sizeof(name), "%s %d", address, port);
	return name;
}

static const struct addrinfo stream = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

static int resolves(void *node)
{
	struct addrinfo *info = NULL;
	int r = coro_getaddrinfo(node, "80", &stream, &info);
	if (r == 0) {
		trace("%s", text(info));
		freeaddrinfo(info);
	} else {
		must(!info);
	}
	return r;
}

START_TEST(numbers_are_read_without_a_thread)
{
	ck_assert_int_eq(result_of(resolves, "127.0.0.1"), 0);
	ck_assert_trace("127.0.0.1 80");
	ck_assert(!loop->extensions[EXTENSION_EXECUTOR]);
	struct addrinfo *info;
	ck_assert_int_eq(coro_getaddrinfo("::1", "443", NULL, &info), 0);
	ck_assert_str_eq(text(info), "::1 443");
	freeaddrinfo(info);
}
END_TEST

START_TEST(a_name_is_asked_for_by_a_thread)
{
	ck_assert_int_eq(result_of(resolves, "localhost"), 0);
	ck_assert_trace("127.0.0.1 80");
	ck_assert(loop->extensions[EXTENSION_EXECUTOR]);
	ck_assert_int_eq(resolves("localhost"), 0);
	ck_assert_trace("127.0.0.1 80");
}
END_TEST

static int asks_for_none(void *arg)
{
	struct addrinfo *info, hints = {.ai_flags = AI_NUMERICHOST};
	int r = coro_getaddrinfo("no.such.host.invalid", "80", &hints, &info);
	trace("%d", strncmp(coro_message(r), "no.such.host.invalid:80: ", 25));
	return r;
}

START_TEST(a_name_that_is_none_fails_with_a_message)
{
	ck_assert_int_eq(result_of(asks_for_none, NULL), -ENOENT);
	ck_assert_int_eq(asks_for_none(NULL), -ENOENT);
	ck_assert_trace("0 0");
}
END_TEST

static int asks_for_a_service(void *arg)
{
	struct addrinfo *info;
	int r = coro_getaddrinfo(NULL, "http", &stream, &info);
	if (r == 0)
		freeaddrinfo(info);
	return r;
}

/* The system may know the service or not: not so here, and so there. */
START_TEST(a_service_alone_is_looked_up)
{
	int r = asks_for_a_service(NULL);
	ck_assert(r == 0 || r == -ENOENT);
	ck_assert_int_eq(result_of(asks_for_a_service, NULL), r);
}
END_TEST

static int asks_wrongly(void *arg)
{
	struct addrinfo *info, hints = {.ai_family = 12345};
	must(coro_getaddrinfo(NULL, NULL, NULL, &info) == -ENOENT);
	must(coro_getaddrinfo("localhost", "80", NULL, NULL) == -EINVAL);
	must(coro_getaddrinfo("localhost", "80", &hints, &info) == -EAFNOSUPPORT);
	hints = (struct addrinfo){.ai_flags = -1};
	must(coro_getaddrinfo("localhost", "80", &hints, &info) == -EINVAL);
	hints = (struct addrinfo){.ai_socktype = 12345};
	int r = coro_getaddrinfo("localhost", "80", &hints, &info);
	must(r == -ESOCKTNOSUPPORT || r == -ENOENT); /* musl finds no service of that type */
	must(coro_getaddrinfo("localhost", "no-such-service", &stream, &info) == -ENOENT);
	return 0;
}

START_TEST(misuse_is_refused)
{
	ck_assert_int_eq(result_of(asks_wrongly, NULL), 0);
	ck_assert_int_eq(asks_wrongly(NULL), 0);
}
END_TEST

/* ---- silence, and cancellation ---- */

START_TEST(a_question_that_is_cancelled_ends_at_once)
{
	struct gate gate = GATE;
	int before = threads_now();
	silence = &gate;
	struct coro_future *task = start(resolves, "localhost");
	gate_await(&gate, 1);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	/* The loop's end does not wait for the answer. */
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	silence = NULL;
	gate_open(&gate);
	await_threads(before);
	ck_assert_trace("");
}
END_TEST

enum { SILENT = 40 }; /* more than there are threads for names */

static int uses_files(void *arg)
{
	struct stat status;
	return coro_stat("/", &status);
}

START_TEST(silent_name_servers_do_not_hold_up_files)
{
	struct gate gate = GATE;
	int before = threads_now();
	struct coro_future *tasks[SILENT];
	silence = &gate;
	for (int i = 0; i < SILENT; i++)
		tasks[i] = start(resolves, "localhost");
	gate_await(&gate, 32);
	ck_assert_int_eq(result_of(uses_files, NULL), 0);
	for (int i = 0; i < SILENT; i++)
		cancel(tasks[i]);
	for (int i = 0; i < SILENT; i++) {
		ck_assert_int_eq(coro_run_until_complete(loop, tasks[i], NULL), -ECANCELED);
		coro_future_unref(tasks[i]);
	}
	ck_assert_int_eq(result_of(uses_files, NULL), 0);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	silence = NULL;
	gate_open(&gate);
	await_threads(before);
	ck_assert_trace("");
}
END_TEST

static int asks_and_leaves(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(resolves, "localhost", &task);
	if (r < 0)
		return r;
	coro_task_yield();
	gate_await(arg, 1);
	coro_cancel(task);
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r == -ECANCELED ? 0 : -EIO;
}

START_TEST(coro_run_does_not_wait_for_answers_at_its_end)
{
	struct gate gate = GATE;
	int before = threads_now();
	silence = &gate;
	ck_assert_int_eq(coro_run(asks_and_leaves, &gate), 0);
	silence = NULL;
	gate_open(&gate);
	await_threads(before);
}
END_TEST

static int closes_and_asks(void *arg)
{
	silence = NULL;
	may_leak();
	if (coro_loop_close(loop) != 0)
		return 1;
	return coro_run(resolves, "localhost") == 0 ? 0 : 2;
}

START_TEST(a_child_made_by_fork_asks_for_itself)
{
	struct gate gate = GATE;
	if (SANITIZE_THREAD)
		skip_test("ThreadSanitizer in the child");
	silence = &gate;
	struct coro_future *task = start(resolves, "localhost");
	gate_await(&gate, 1);
	struct child child = child_run(closes_and_asks, NULL);
	ck_assert_exited(child, 0);
	gate_open(&gate);
	silence = NULL;
	run();
	assert_ended(task, 0);
	ck_assert_trace("127.0.0.1 80");
}
END_TEST

static struct gate late = GATE;
static int threads_but_late; /* 0 for a process whose threads all end before it */

/* Runs after the library's: has a thread end when nothing is called at its exit any more. */
__attribute__((destructor(101))) static void open_late(void)
{
	if (!threads_but_late)
		return;
	silence = NULL;
	gate_open(&late);
	await_threads(threads_but_late);
}

static int exits_while_it_asks(void *arg)
{
	coro_loop_close(loop);
	if (coro_loop_create(NULL, &loop) < 0)
		return 1;
	threads_but_late = threads_now();
	silence = &late;
	struct coro_future *task = start(resolves, "localhost");
	gate_await(&late, 1);
	cancel(task);
	coro_run_until_complete(loop, task, NULL);
	coro_future_unref(task);
	coro_loop_close(loop);
	exit(0);
}

START_TEST(a_process_may_exit_before_the_answer)
{
	if (SANITIZE_THREAD)
		skip_test("ThreadSanitizer in the child");
	struct child child = child_run(exits_while_it_asks, NULL);
	ck_assert_exited(child, 0);
}
END_TEST

START_TEST(what_begins_with_a_dot_is_no_name)
{
	ck_assert_int_eq(result_of(resolves, ".localhost"), -ENOENT);
	ck_assert_int_eq(resolves("."), -ENOENT);
}
END_TEST

START_TEST(an_answer_that_comes_to_a_cancelled_task_is_freed)
{
	struct coro_future *task = start(resolves, "localhost");
	while (inbox_empty(&sched_of(loop)->inbox))
		sched_yield();
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
	ck_assert_trace("");
}
END_TEST

START_TEST(who_asks_can_be_discarded_before_the_answer_and_after)
{
	struct gate gate = GATE;
	int before = threads_now(); /* without the first one's, which may be about to end below */
	coro_future_unref(start(resolves, "localhost"));
	while (inbox_empty(&sched_of(loop)->inbox))
		sched_yield();
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);

	silence = &gate;
	coro_future_unref(start(resolves, "localhost"));
	gate_await(&gate, 1);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	silence = NULL;
	gate_open(&gate);
	await_threads(before);
	ck_assert_trace("");
}
END_TEST

/* ---- failures ---- */

START_TEST(without_threads_it_blocks)
{
	fail_calls_from("pthread_create", 1, EAGAIN);
	ck_assert_int_eq(result_of(resolves, "localhost"), 0);
	ck_assert(fail_call_off());
	ck_assert_trace("127.0.0.1 80");
}
END_TEST

static int resolves_name(void *arg)
{
	return resolves("localhost");
}

START_TEST(every_allocation_may_fail)
{
	fail_each_allocation(resolves_name);
	trace_take();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, threads_setup, threads_teardown);
	tcase_add_test(tests, numbers_are_read_without_a_thread);
	tcase_add_test(tests, a_name_is_asked_for_by_a_thread);
	tcase_add_test(tests, a_name_that_is_none_fails_with_a_message);
	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, a_service_alone_is_looked_up);
	tcase_add_test(tests, a_question_that_is_cancelled_ends_at_once);
	tcase_add_test(tests, silent_name_servers_do_not_hold_up_files);
	tcase_add_test(tests, coro_run_does_not_wait_for_answers_at_its_end);
	tcase_add_test(tests, a_child_made_by_fork_asks_for_itself);
	tcase_add_test(tests, a_process_may_exit_before_the_answer);
	tcase_add_test(tests, what_begins_with_a_dot_is_no_name);
	tcase_add_test(tests, an_answer_that_comes_to_a_cancelled_task_is_freed);
	tcase_add_test(tests, who_asks_can_be_discarded_before_the_answer_and_after);
	tcase_add_test(tests, without_threads_it_blocks);
	tcase_add_test(tests, every_allocation_may_fail);
}

TEST_MAIN("resolve", add_tests)
