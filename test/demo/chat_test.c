/* SPDX-License-Identifier: MIT */
/* demo/chat.c with clients that talk, do not read, or are gone. */
#define main server_main
#include "../../demo/chat.c"
#undef main

#include "hostile.h"

static void begin(void)
{
	begin_server(chat, 0);
}

static void end(void)
{
	until_connections(0);
	ck_assert_ptr_null(clients);
	end_server();
}

/* A client that has joined, and whose welcome is read. */
static int joined(const char *name)
{
	char line[64];
	int fd = accepted_client();
	snprintf(line, sizeof(line), "%s\n", name);
	say(fd, line);
	until_answered(fd, "welcome, ");
	return fd;
}

START_TEST(a_line_goes_to_all_but_its_sender)
{
	begin();
	int ada = joined("ada"), bob = joined("bob");
	until_answered(ada, "bob joins\n");
	int eve = joined("eve\r");
	until_answered(ada, "eve joins\n");
	until_answered(bob, "eve joins\n");
	say(eve, "hello\r\n");
	until_answered(ada, "eve: hello\n");
	until_answered(bob, "eve: hello\n");
	close(eve);
	until_answered(ada, "eve leaves\n");
	until_answered(bob, "eve leaves\n");
	ck_assert_int_eq(recv(ada, (char[1]){0}, 1, 0), -1);
	close(ada);
	close(bob);
	end();
}
END_TEST

START_TEST(names_and_lines_are_cut)
{
	char line[1000], expected[1000];
	begin();
	int ada = joined("ada"), bob = joined("0123456789012345678901234");
	until_answered(ada, "0123456789012345678 joins\n");
	memset(line, 'x', sizeof(line));
	line[998] = '\n';
	line[999] = '\0';
	say(bob, line);
	snprintf(expected, sizeof(expected), "0123456789012345678: %.399s\n", line);
	until_answered(ada, expected);
	close(ada);
	close(bob);
	end();
}
END_TEST

START_TEST(a_line_without_an_end_is_refused)
{
	begin();
	int ada = joined("ada"), bob = joined("bob");
	until_answered(ada, "bob joins\n");
	flood(bob, "no end ");
	until_answered(ada, "bob leaves\n");
	close(ada);
	close(bob);
	end();
}
END_TEST

START_TEST(a_client_that_does_not_read_is_disconnected)
{
	begin();
	int ada = accepted_client_with(4096);
	say(ada, "ada\n");
	int bob = joined("bob");
	for (int i = 0; i < 100000 && connections() > 1; i++) {
		send_some(bob, "0123456789012345678901234567890123456789012345678901234567\n", 59);
		turn();
	}
	until_connections(1);
	ck_assert_ptr_null(clients->next);
	int eve = joined("eve");
	close(ada);
	close(bob);
	close(eve);
	end();
}
END_TEST

START_TEST(a_client_may_be_reset_at_any_point)
{
	begin();
	int ada = joined("ada");
	for (size_t length = 0; length <= strlen("bob\nhello\n"); length++) {
		int bob = accepted_client();
		send_some(bob, "bob\nhello\n", length);
		for (int i = 0; i < _i; i++)
			turn();
		reset_client(bob);
		until_connections(1);
	}
	int eve = joined("eve");
	close(eve);
	close(ada);
	end();
}
END_TEST

static void resets_many(void)
{
	reset_many(many(1000, 200), false);
	reset_many(many(1000, 200), true);
}

START_TEST(thousands_may_be_reset_at_once)
{
	begin();
	in_the_same_memory(resets_many);
	end();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, a_line_goes_to_all_but_its_sender);
	tcase_add_test(tests, names_and_lines_are_cut);
	tcase_add_test(tests, a_line_without_an_end_is_refused);
	tcase_add_test(tests, a_client_that_does_not_read_is_disconnected);
	tcase_add_loop_test(tests, a_client_may_be_reset_at_any_point, 0, 5);
	tcase_add_test(tests, thousands_may_be_reset_at_once);
}

TEST_MAIN("chat", add_tests)
