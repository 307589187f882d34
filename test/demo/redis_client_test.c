/* SPDX-License-Identifier: MIT */
/* demo/redis_client.c with servers that reply well, or badly. */
#define main client_main
#define program client_program
#include "../../demo/redis_client.c"
#undef main
#undef program

#include "answers.h"

#define TWICE(text) text text
#define EIGHT_TIMES(text) TWICE(TWICE(TWICE(text)))

static const struct answer_case cases[] = {
	{"+OK\r\n", "OK\n", 0},
	{":-7\r\n", "-7\n", 0},
	{"-ERR no\r\n", "(error) ERR no\n", 0},
	{"$5\r\nhello\r\n", "hello\n", 0},
	{"$7\r\na\r\nb\r\nc\r\n", "a\r\nb\r\nc\n", 0},
	{"$0\r\n\r\n", "\n", 0},
	{"$-1\r\n", "(nil)\n", 0},
	{"*-1\r\n", "(nil)\n", 0},
	{"*0\r\n", "(empty array)\n", 0},
	{"*2\r\n+a\r\n$-1\r\n", "1) a\n2) (nil)\n", 0},
	{"*2\r\n*2\r\n:1\r\n*1\r\n:2\r\n*0\r\n", "1) 1) 1\n   2) 1) 2\n2) (empty array)\n", 0},
	{"", "", CORO_INCOMPLETE},
	{"$5\r\nhel", "", CORO_INCOMPLETE},
	{"$5\r\nhello", "hello\n", CORO_INCOMPLETE},
	{"$99999999999999999999\r\nhello", "", CORO_INCOMPLETE},
	{"$-2\r\n", "", -EPROTO},
	{"$5x\r\nhello\r\n", "", -EPROTO},
	{"$\r\n\r\n", "", -EPROTO},
	{"*-2\r\n", "", -EPROTO},
	{"*two\r\n", "", -EPROTO},
	{"$5\r\nhello, and more\r\n", "hello\n", -EPROTO},
	{"*3\r\n:1\r\n", "1) 1\n2) ", CORO_INCOMPLETE},
	{"HTTP/1.1 400 Bad Request\r\n", "", -EPROTO},
	{"\r\n", "", -EPROTO},
	{EIGHT_TIMES("*1\r\n") "*1\r\n", "1) 1) 1) 1) 1) 1) 1) 1) ", -EPROTO},
};

static char program_name[] = "redis_client", command[] = "GET", argument[] = "x";
static char *arguments[] = {program_name, answering_address, command, argument, NULL};

START_TEST(replies_are_printed_or_refused)
{
	const struct client_run run = {.fn = client_program, .arg = arguments};
	run_cases(&run, cases, sizeof(cases) / sizeof(*cases), _i);
}
END_TEST

START_TEST(a_line_is_split_at_blanks)
{
	char line[] = "  SET a   b \r\n", *words[3];
	ck_assert_int_eq(split(line, 3, words), 3);
	ck_assert_str_eq(words[0], "SET");
	ck_assert_str_eq(words[1], "a");
	ck_assert_str_eq(words[2], "b");
	char more[] = "a b c d";
	ck_assert_int_eq(split(more, 3, words), 3);
	char none[] = " \r\n";
	ck_assert_int_eq(split(none, 3, words), 0);
}
END_TEST

/* Runs the client with these commands on its standard input. */
static int run_with_input(const char *input, char *printed, size_t size)
{
	static char *no_command[] = {program_name, answering_address, NULL};
	const struct client_run run = {.fn = client_program, .arg = no_command};
	int ends[2], in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	ck_assert(in >= 0 && pipe(ends) == 0);
	ck_assert_int_eq(write(ends[1], input, strlen(input)), (ssize_t)strlen(input));
	close(ends[1]);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	int r = run_client(&run, printed, size);
	ck_assert_int_eq(dup2(in, STDIN_FILENO), STDIN_FILENO);
	close(in);
	return r;
}

START_TEST(commands_of_the_input_have_a_reply_each)
{
	char printed[200];
	answer("+OK\r\n:1\r\n$-1\r\n:surplus\r\n", _i);
	ck_assert_int_eq(run_with_input("SET a b\n\nINCR c\nGET d\n", printed, sizeof(printed)), 0);
	ck_assert_str_eq(printed, "OK\n1\n(nil)\n");
	ck_assert_int_eq(run_with_input("", printed, sizeof(printed)), 0);
	ck_assert_str_eq(printed, "");
}
END_TEST

/* A command that is cut short would be another command. */
START_TEST(commands_of_the_input_are_sent_whole_or_not_at_all)
{
	static const char many[] = "SET" TWICE(EIGHT_TIMES(EIGHT_TIMES(" a"))) "\n";
	static char line[20000];
	char printed[200];
	answer("+OK\r\n", false);
	ck_assert_int_eq(run_with_input(many, printed, sizeof(printed)), -E2BIG);
	ck_assert_str_eq(printed, "");
	memset(line, 'x', sizeof(line) - 2);
	line[sizeof(line) - 2] = '\n';
	answer_of_server.least = sizeof(line) - 2;
	ck_assert_int_eq(run_with_input(line, printed, sizeof(printed)), 0);
	ck_assert_str_eq(printed, "OK\n");
}
END_TEST

START_TEST(a_server_that_leaves_fails_the_pipeline)
{
	char printed[200];
	answer("+OK\r\n", false);
	ck_assert_int_lt(run_with_input("SET a b\nGET a\n", printed, sizeof(printed)), 0);
	ck_assert_str_eq(printed, "OK\n");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, replies_are_printed_or_refused, 0, 2);
	tcase_add_test(tests, a_line_is_split_at_blanks);
	tcase_add_loop_test(tests, commands_of_the_input_have_a_reply_each, 0, 2);
	tcase_add_test(tests, commands_of_the_input_are_sent_whole_or_not_at_all);
	tcase_add_test(tests, a_server_that_leaves_fails_the_pipeline);
}

TEST_MAIN("redis_client", add_tests)
