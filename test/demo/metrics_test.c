/* SPDX-License-Identifier: MIT */
/* demo/metrics.c: each line of its text is well-formed, and clients cannot hold it up. */
#define main metrics_main
#include "../../demo/metrics.c"
#undef main

#include "hostile.h"

static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/* Sends this, and returns all that comes. */
static const char *answer_to(const char *text)
{
	static char got[16384];
	size_t length = 0;
	ssize_t n;
	int fd = accepted_client();
	say(fd, text);
	while ((n = recv(fd, got + length, sizeof(got) - 1 - length, 0)) > 0 ||
	       (n < 0 && errno == EAGAIN)) {
		if (n > 0)
			length += (size_t)n;
		else
			turn();
	}
	ck_assert_int_eq(n, 0);
	got[length] = '\0';
	close(fd);
	until_connections(0);
	return got;
}

/* A sample is "name[{labels}] number"; HELP and TYPE of its family come right before it. */
static void assert_metric(char *line, const char *family)
{
	char *space = strrchr(line, ' '), *end;
	ck_assert_ptr_nonnull(space);
	strtoull(space + 1, &end, 10);
	ck_assert_msg(end > space + 1 && *end == '\0', "%s", line);
	size_t name = strcspn(line, "{ ");
	ck_assert_msg(strlen(family) == name && memcmp(line, family, name) == 0, "%s is not of %s",
		      line, family);
}

START_TEST(the_text_is_what_prometheus_reads)
{
	char family[64] = "", type[16], *rest;
	int families = 0;
	begin_server(serve, 0);
	char *text = strdup(answer_to(request)), *body = strstr(text, "\r\n\r\n");
	ck_assert_int_eq(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
	ck_assert_ptr_nonnull(strstr(text, "\r\nContent-Type: text/plain; version=0.0.4\r\n"));
	ck_assert_ptr_nonnull(body);
	ck_assert_int_eq(body[strlen(body) - 1], '\n');
	for (char *line = strtok_r(body, "\r\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char name[64];
		if (sscanf(line, "# HELP %63s", name) == 1) {
			strcpy(family, name);
			families++;
		} else if (sscanf(line, "# TYPE %63s %15s", name, type) == 2) {
			ck_assert_str_eq(name, family);
			size_t length = strlen(name);
			bool total = length > 6 && strcmp(name + length - 6, "_total") == 0;
			ck_assert_str_eq(type, total ? "counter" : "gauge");
		} else {
			assert_metric(line, family);
		}
	}
	ck_assert_int_eq(families, 11);
	free(text);
	end_server();
}
END_TEST

static uint64_t sample(const char *name)
{
	char start[64];
	snprintf(start, sizeof(start), "\n%s ", name);
	const char *at = strstr(answer_to(request), start);
	ck_assert_ptr_nonnull(at);
	return strtoull(at + strlen(start), NULL, 10);
}

static int sleeps(void *arg)
{
	return coro_sleep(CORO_FOREVER);
}

START_TEST(the_numbers_are_the_loop_s)
{
	begin_server(serve, 0);
	uint64_t tasks = sample("coro_tasks"), steps = sample("coro_steps_total");
	struct coro_future *one = start(sleeps, NULL), *other = start(sleeps, NULL);
	ck_assert_uint_eq(sample("coro_tasks"), tasks + 2);
	ck_assert_uint_gt(sample("coro_steps_total"), steps + 1);
	cancel(one);
	cancel(other);
	turn();
	ck_assert_uint_eq(sample("coro_tasks"), tasks);
	coro_future_unref(one);
	coro_future_unref(other);
	end_server();
}
END_TEST

static const struct {
	const char *text, *answer;
} refused[] = {
	{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "},
	{"GET /metrics/more HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "},
	{"GET /../metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "},
	{"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 "},
	{"nonsense\r\n\r\n", "HTTP/1.1 400 "},
};

START_TEST(other_requests_are_refused)
{
	begin_server(serve, 0);
	const char *answer = refused[_i].answer, *got = answer_to(refused[_i].text);
	ck_assert_msg(strncmp(got, answer, strlen(answer)) == 0, "%s", got);
	ck_assert_ptr_null(strstr(got, "# HELP"));
	end_server();
}
END_TEST

START_TEST(a_client_that_says_too_little_is_let_go)
{
	begin_server(serve, 0);
	int fd = accepted_client();
	send_some(fd, request, 10);
	pass((TIMEOUT + 1) * CORO_SEC);
	ck_assert_uint_eq(connections(), 0);
	close(fd);
	ck_assert_int_eq(strncmp(answer_to(request), "HTTP/1.1 200", 12), 0);
	end_server();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, the_text_is_what_prometheus_reads);
	tcase_add_test(tests, the_numbers_are_the_loop_s);
	tcase_add_loop_test(tests, other_requests_are_refused, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tests, a_client_that_says_too_little_is_let_go);
}

TEST_MAIN("metrics", add_tests)
