/* SPDX-License-Identifier: MIT */
/* A dump as JSON: one valid document, whatever the program has put into names. */
#include "dumps.h"
#include "new_fds.h"

#include <sys/socket.h>

/* ---- a strict reader of JSON, RFC 8259: each returns where it has read to, or NULL ---- */

static const char *value(const char *at);

static const char *space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* A character of UTF-8 beyond ASCII. */
static const char *wide(const char *at)
{
	const unsigned char *c = (const unsigned char *)at;
	int more = *c >= 0xc2 && *c < 0xe0   ? 1
		   : *c >= 0xe0 && *c < 0xf0 ? 2
		   : *c >= 0xf0 && *c < 0xf5 ? 3
					     : 0;
	if (more == 0 || (*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
	    (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f))
		return NULL;
	for (int i = 1; i <= more; i++)
		if (c[i] < 0x80 || c[i] > 0xbf)
			return NULL;
	return at + more + 1;
}

static const char *escape(const char *at)
{
	if (*at == 'u')
		return strspn(at + 1, "0123456789abcdefABCDEF") >= 4 ? at + 5 : NULL;
	return *at && strchr("\"\\/bfnrt", *at) ? at + 1 : NULL;
}

static const char *string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	while (at && *at != '"') {
		unsigned char c = (unsigned char)*at;
		at = c < 0x20 ? NULL : c == '\\' ? escape(at + 1) : c < 0x80 ? at + 1 : wide(at);
	}
	return at ? at + 1 : NULL;
}

static const char *number(const char *at)
{
	if (*at == '-')
		at++;
	size_t digits = strspn(at, "0123456789");
	return digits == 0 || (*at == '0' && digits > 1) ? NULL : at + digits;
}

/* What is between brackets or braces. */
static const char *several(const char *at, char end, const char *(*one)(const char *at))
{
	at = space(at + 1);
	if (*at == end)
		return at + 1;
	while ((at = one(at))) {
		at = space(at);
		if (*at == end)
			return at + 1;
		if (*at != ',')
			return NULL;
		at = space(at + 1);
	}
	return NULL;
}

static const char *member(const char *at)
{
	at = string(at);
	if (!at)
		return NULL;
	at = space(at);
	return *at == ':' ? value(space(at + 1)) : NULL;
}

static const char *value(const char *at)
{
	static const char *const words[] = {"null", "true", "false"};
	for (int i = 0; i < 3; i++)
		if (strncmp(at, words[i], strlen(words[i])) == 0)
			return at + strlen(words[i]);
	switch (*at) {
	case '{':
		return several(at, '}', member);
	case '[':
		return several(at, ']', value);
	case '"':
		return string(at);
	default:
		return number(at);
	}
}

static bool is_json(const char *text)
{
	const char *end = value(space(text));
	return end && *space(end) == '\0';
}

START_TEST(the_reader_refuses_what_is_no_json)
{
	static const char *const wrong[] = {
		"",        "{",         "[1,]",     "{\"a\":}",     "\"a\nb\"",
		"\"\\x\"", "01",        "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
		"1 2",     "\"\\u12\"", "{a: 1}",   "nul",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!is_json(wrong[i]), "%s", wrong[i]);
	ck_assert(is_json(" {\"a\": [1, -2, null, true], \"\xc3\xa9\": \"\\u00e9\\n\"} "));
}
END_TEST

/* ---- dumps ---- */

static char *json(int count)
{
	char *text = dump_of(CORO_DUMP_JSON, count);
	ck_assert_msg(is_json(text), "%s", text);
	return text;
}

/* Whether the dump has that text; the task's stack is left out. */
static void assert_has(const char *text, const char *expected)
{
	ck_assert_msg(strstr(text, expected), "%s\nhas no\n%s", text, expected);
}

START_TEST(no_tasks_are_an_empty_array)
{
	ck_assert_str_eq(json(0), "{\"count\": 0, \"time\": 0, \"debug\": false, \"tasks\": []}\n");
}
END_TEST

static struct coro_lock lock;

static int holds(void *arg)
{
	int r = coro_lock_acquire_at("here.c:1", &lock);
	if (r == 0)
		r = coro_sleep(9 * CORO_SEC);
	return r < 0 ? r : coro_lock_release(&lock);
}

static int waits_in_time(void *arg)
{
	struct coro_timeout outer, inner;
	int r = coro_timeout_begin_site("here.c:3", &outer, 7 * CORO_SEC);
	if (r == 0)
		r = coro_timeout_begin_site(NULL, &inner, 6 * CORO_SEC);
	if (r == 0)
		r = coro_lock_acquire_at("here.c:2", &lock);
	if (r == 0)
		r = coro_lock_release(&lock);
	r = coro_timeout_end(&inner, r);
	return coro_timeout_end(&outer, r);
}

static int spawns_two(void *arg)
{
	struct coro_future *tasks[2];
	int r = coro_spawn_at("there.c:1", holds, NULL, &tasks[0]);
	if (r == 0)
		r = coro_spawn_at("there.c:2", waits_in_time, NULL, &tasks[1]);
	if (r == 0)
		r = coro_gather(tasks, 2, NULL);
	for (int i = 0; i < 2; i++)
		coro_future_unref(tasks[i]);
	return r;
}

static void stop(void *arg)
{
	ck_assert_int_eq(coro_loop_stop(loop), 0);
}

START_TEST(an_object_has_all_of_a_task)
{
	coro_lock_init(&lock);
	ck_assert_int_eq(coro_loop_set_debug(loop, true), 0);
	struct coro_future *task = spawn(spawns_two, NULL);
	at(2 * CORO_SEC, stop, NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	const char *text = json(3);
	assert_has(text, "{\"count\": 3, \"time\": 2000000000, \"debug\": true, \"tasks\": [\n");
	assert_has(text,
		   "\n{\"number\": 1, \"name\": null, \"spawned_at\": null, \"parent\": null, "
		   "\"state\": \"waiting\", \"kind\": \"a future\", "
		   "\"waits_in\": \"a gather, 2 of 2 left\", \"fd\": null, "
		   "\"waited\": 2000000000, \"awaits\": [2, 3], \"timeouts\": [], "
		   "\"cancels\": 0, \"stack_used\": ");
	assert_has(text, "\n{\"number\": 2, \"name\": null, \"spawned_at\": \"there.c:1\", "
			 "\"parent\": 1, \"state\": \"waiting\", \"kind\": \"a sleep\", "
			 "\"waits_in\": \"a sleep, 7 s more\", \"fd\": null, "
			 "\"waited\": 2000000000, \"awaits\": [], \"timeouts\": [], "
			 "\"cancels\": 0, \"stack_used\": ");
	assert_has(text, "\"waits_in\": \"a lock, held by task 2 since here.c:1\", \"fd\": null, "
			 "\"waited\": 2000000000, \"awaits\": [2], "
			 "\"timeouts\": [{\"left\": 4000000000, \"begun_at\": null}, "
			 "{\"left\": 5000000000, \"begun_at\": \"here.c:3\"}], \"cancels\": 0");
	run();
	coro_future_unref(task);
}
END_TEST

static int waits_without_end(void *arg)
{
	struct coro_timeout outer, inner;
	int r = coro_timeout_begin_site("here.c:4", &outer, 3 * CORO_SEC);
	if (r == 0)
		r = coro_timeout_begin_site("here.c:5", &inner, CORO_FOREVER);
	if (r == 0)
		r = coro_sleep(CORO_SEC);
	r = coro_timeout_end(&inner, r);
	return coro_timeout_end(&outer, r);
}

START_TEST(a_timeout_without_end_is_left_out)
{
	struct coro_future *task = start(waits_without_end, NULL);
	assert_has(json(1), "\"timeouts\": [{\"left\": 3000000000, \"begun_at\": \"here.c:4\"}], ");
	run();
	assert_ended(task, 0);
}
END_TEST

static int pair[2];

static int reads(void *arg)
{
	char byte;
	coro_loop_dump(loop, *(int *)arg, CORO_DUMP_JSON);
	return (int)coro_recv(pair[0], &byte, 1, 0);
}

START_TEST(states_are_named)
{
	char expected[128];
	ck_assert_int_eq(new_socketpair(AF_UNIX, SOCK_STREAM, O_CLOEXEC, pair), 0);
	FILE *file = tmpfile();
	int fd = fileno(file);
	struct coro_future *task = spawn(reads, &fd), *ready = start(gives_way, NULL);
	assert_has(json(2),
		   "\"state\": \"ready\", \"kind\": null, \"waits_in\": null, \"fd\": null");
	snprintf(expected, sizeof(expected),
		 "\"kind\": \"to read\", \"waits_in\": \"fd %d, to read\", \"fd\": %d", pair[0],
		 pair[0]);
	assert_has(json(2), expected);
	struct coro_future *new = spawn(gives_way, NULL);
	assert_has(json(3), "\"state\": \"new\"");
	assert_has(json(3), "\"stack_used\": null, \"stack_size\": null}");

	static char text[8192];
	text[pread(fd, text, sizeof(text) - 1, 0)] = '\0';
	ck_assert_msg(is_json(text), "%s", text);
	assert_has(text, "\"state\": \"running\"");
	fclose(file);
	end_all();
	coro_future_unref(task);
	coro_future_unref(ready);
	coro_future_unref(new);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

static const struct {
	const char *name, *json;
} names[] = {
	{"", "\"\""},
	{"a \"b\" \\c/", "\"a \\\"b\\\" \\\\c/\""},
	{"\n\t\x01\x1f\x7f", "\"\\u000a\\u0009\\u0001\\u001f\\u007f\""},
	{"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
	{"\xff", "\"\\ufffd\""},
	{"\x80z", "\"\\ufffdz\""},
	{"a\xc3", "\"a\\ufffd\""},          /* cut short */
	{"\xe2\x82", "\"\\ufffd\\ufffd\""}, /* the same */
	{"\xc0\xaf", "\"\\ufffd\\ufffd\""}, /* longer than need be */
	{"\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\""},
	{"\xf0\x80\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
	{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},            /* half of a pair */
	{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* beyond the last */
	{"\xf5\x80\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
	{"\xf4\x8f\xbf\xbf\xed\x9f\xbf", "\"\xf4\x8f\xbf\xbf\xed\x9f\xbf\""},
};

START_TEST(any_name_is_a_string)
{
	char expected[128];
	struct coro_future *task = spawn(holds, NULL);
	ck_assert_int_eq(coro_task_set_name(task, names[_i].name), 0);
	snprintf(expected, sizeof(expected), "\"name\": %s, \"spawned_at\"", names[_i].json);
	assert_has(json(1), expected);
	end_all();
	coro_future_unref(task);
}
END_TEST

START_TEST(a_long_name_is_whole)
{
	char name[3000];
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	struct coro_future *task = spawn(holds, NULL);
	ck_assert_int_eq(coro_task_set_name(task, name), 0);
	assert_has(json(1), name);
	ck_assert_int_eq(coro_task_set_name(task, NULL), 0);
	end_all();
	coro_future_unref(task);
}
END_TEST

START_TEST(many_tasks_are_one_document)
{
	struct coro_future *tasks[100];
	for (int i = 0; i < 100; i++)
		tasks[i] = spawn(holds, NULL);
	turn();
	json(100);
	for (int i = 0; i < 100; i++) {
		coro_cancel(tasks[i]);
		coro_future_unref(tasks[i]);
	}
	turn();
	turn();
}
END_TEST

static void setup(void)
{
	loop_setup();
	coro_lock_init(&lock);
}

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);
	tcase_add_test(tests, the_reader_refuses_what_is_no_json);
	tcase_add_test(tests, no_tasks_are_an_empty_array);
	tcase_add_test(tests, an_object_has_all_of_a_task);
	tcase_add_test(tests, a_timeout_without_end_is_left_out);
	tcase_add_test(tests, states_are_named);
	tcase_add_loop_test(tests, any_name_is_a_string, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_test(tests, a_long_name_is_whole);
	tcase_add_test(tests, many_tasks_are_one_document);
}

TEST_MAIN("json", add_tests)
