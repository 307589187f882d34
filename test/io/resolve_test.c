/* SPDX-License-Identifier: MIT */
/* Names: getaddrinfo's answers and errors, asked for by threads, and left behind when cancelled. */
#include "loop/loop.h"

#include "threads.h"

#include <arpa/inet.h>

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
	ck_assert(!loop->annexes[ANNEX_EXECUTOR]);
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
	ck_assert(loop->annexes[ANNEX_EXECUTOR]);
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

START_TEST(a_name_that_is_none_fails_with_words)
{
	ck_assert_int_eq(result_of(asks_for_none, NULL), -ENOENT);
	ck_assert_int_eq(asks_for_none(NULL), -ENOENT);
	ck_assert_trace("0 0");
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
	must(coro_getaddrinfo("localhost", "80", &hints, &info) == -ESOCKTNOSUPPORT);
	must(coro_getaddrinfo("localhost", "no-such-service", &stream, &info) == -ENOENT);
	return 0;
}

START_TEST(misuse_is_refused)
{
	ck_assert_int_eq(result_of(asks_wrongly, NULL), 0);
	ck_assert_int_eq(asks_wrongly(NULL), 0);
}
END_TEST

/* ---- cancellation: a pool of one thread, which stands at a gate ---- */

static struct coro_executor *pool;

static int waits_at_gate(void *gate)
{
	return coro_to_thread(passes, gate);
}

static struct coro_future *block_pool(struct gate *gate)
{
	struct coro_executor_options options = {.max_threads = 1};
	ck_assert_int_eq(coro_executor_create(&options, &pool), 0);
	ck_assert_int_eq(coro_loop_set_executor(loop, pool), 0);
	struct coro_future *task = start(waits_at_gate, gate);
	gate_await(gate, 1);
	return task;
}

static void free_pool(void)
{
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_executor_destroy(pool), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}

START_TEST(a_question_that_is_cancelled_ends_at_once)
{
	struct gate gate = GATE;
	struct coro_future *first = block_pool(&gate);
	struct coro_future *task = start(resolves, "localhost");
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	gate_open(&gate);
	run();
	assert_ended(first, 7);
	free_pool();
	ck_assert_trace("");
}
END_TEST

START_TEST(an_answer_that_comes_to_a_cancelled_task_is_freed)
{
	struct coro_future *task = start(resolves, "localhost");
	while (inbox_empty(&loop->inbox))
		sched_yield();
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
	ck_assert_trace("");
}
END_TEST

START_TEST(who_asks_can_be_thrown_away_before_the_answer_and_after)
{
	struct gate gate = GATE;
	coro_future_unref(start(resolves, "localhost"));
	while (inbox_empty(&loop->inbox))
		sched_yield();
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);

	struct coro_future *first = block_pool(&gate);
	coro_future_unref(start(resolves, "localhost"));
	gate_open(&gate);
	free_pool();
	coro_future_unref(first);
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
	tcase_add_test(tests, a_name_that_is_none_fails_with_words);
	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, a_question_that_is_cancelled_ends_at_once);
	tcase_add_test(tests, an_answer_that_comes_to_a_cancelled_task_is_freed);
	tcase_add_test(tests, who_asks_can_be_thrown_away_before_the_answer_and_after);
	tcase_add_test(tests, without_threads_it_blocks);
	tcase_add_test(tests, every_allocation_may_fail);
}

TEST_MAIN("resolve", add_tests)
