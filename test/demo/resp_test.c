/* SPDX-License-Identifier: MIT */
/* How demo/resp.h takes commands apart, and what demo/store.h keeps. */
#include "../../demo/resp.h"

#include "support.h"

static struct resp_command command;

static struct text text_of(const char *text)
{
	return (struct text){text, strlen(text)};
}

static long parse(const char *text)
{
	return resp_parse(text_of(text), &command);
}

#define ck_assert_words(...)                                                             \
	do {                                                                             \
		const char *expected[] = {__VA_ARGS__};                                  \
		ck_assert_uint_eq(command.count, sizeof(expected) / sizeof(*expected));  \
		for (size_t i_ = 0; i_ < command.count; i_++)                            \
			ck_assert(text_equal(command.words[i_], text_of(expected[i_]))); \
	} while (0)

START_TEST(commands_are_taken_apart)
{
	ck_assert_int_eq(parse("*2\r\n$3\r\nGET\r\n$0\r\n\r\nmore"), 19);
	ck_assert_words("GET", "");
	ck_assert_int_eq(parse("*1\r\n$4\r\na\r\nb\r\n"), 14);
	ck_assert_words("a\r\nb");
	ck_assert_int_eq(parse("  SET  a b \r\nmore"), 13);
	ck_assert_words("SET", "a", "b");
	ck_assert_int_eq(parse("PING\n"), 5);
	ck_assert_words("PING");
	ck_assert_int_eq(parse("\r\n"), 2);
	ck_assert_uint_eq(command.count, 0);
	ck_assert_int_eq(parse("*0\r\n"), 4);
	ck_assert_uint_eq(command.count, 0);
	ck_assert_int_eq(parse("*-1\r\n"), 5);
	ck_assert_uint_eq(command.count, 0);
}
END_TEST

START_TEST(what_has_not_come_as_a_whole_is_waited_for)
{
	const char *text = "*3\r\n$3\r\nSET\r\n$5\r\nfruit\r\n$5\r\napple\r\n";
	for (size_t i = 0; i < strlen(text); i++)
		ck_assert_int_eq(resp_parse((struct text){text, i}, &command), 0);
	ck_assert_int_eq(parse(text), (long)strlen(text));
	ck_assert_int_eq(parse("PING"), 0);
}
END_TEST

START_TEST(what_is_wrong_is_refused)
{
	const char *wrong[] = {"*x\r\n",
			       "*\r\n",
			       "*1025\r\n",
			       "*99999999999999999999\r\n",
			       "*1\r\nGET\r\n",
			       "*1\r\n$-1\r\n",
			       "*1\r\n$524289\r\n",
			       "*1\r\n$3\r\nGETx\r\n",
			       "*1\r\n$1x\r\n",
			       "*1\r\n$12345678901234567890123456789012"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(parse(wrong[i]) == -1, "%s", wrong[i]);
	char *line = malloc(RESP_LINE + 1);
	memset(line, 'x', RESP_LINE + 1);
	ck_assert_int_eq(resp_parse((struct text){line, RESP_LINE}, &command), 0);
	ck_assert_int_eq(resp_parse((struct text){line, RESP_LINE + 1}, &command), -1);
	free(line);
}
END_TEST

/* In pieces, it would be refused before its end has come. */
START_TEST(a_line_too_long_is_refused_though_it_comes_as_a_whole)
{
	ck_assert_int_eq(parse("*00000000000000000000000000000001\r\n$4\r\nPING\r\n"), -1);
	ck_assert_int_eq(parse("*1\r\n$00000000000000000000000000000004\r\nPING\r\n"), -1);
	ck_assert_int_eq(parse("*00000000000000000000000000001\r\n$4\r\nPING\r\n"), 42);
	char *line = malloc(RESP_LINE + 2);
	memset(line, 'x', RESP_LINE);
	memcpy(line + RESP_LINE, "\r\n", 2);
	ck_assert_int_eq(resp_parse((struct text){line, RESP_LINE + 2}, &command), -1);
	memcpy(line + RESP_LINE - 2, "\r\n", 2);
	ck_assert_int_eq(resp_parse((struct text){line, RESP_LINE}, &command), RESP_LINE);
	free(line);
}
END_TEST

START_TEST(a_typed_command_with_too_many_words_is_refused)
{
	static char line[2 * RESP_WORDS + 4];
	for (size_t i = 0; i <= RESP_WORDS; i++)
		memcpy(line + 2 * i, "x ", 2);
	strcpy(line + 2 * RESP_WORDS, "\r\n");
	ck_assert_int_eq(parse(line), (long)strlen(line));
	ck_assert_uint_eq(command.count, RESP_WORDS);
	strcpy(line + 2 * RESP_WORDS, "x\n");
	ck_assert_int_eq(parse(line), -1);
}
END_TEST

START_TEST(numbers_are_whole_and_fit)
{
	int64_t number;
	ck_assert(resp_number(text_of("-9223372036854775808"), &number) && number == INT64_MIN);
	ck_assert(resp_number(text_of("9223372036854775807"), &number) && number == INT64_MAX);
	ck_assert(resp_number(text_of("-0"), &number) && number == 0);
	const char *none[] = {
		"", "-", "1 ", "+1", "1.0", "9223372036854775808", "-9223372036854775809"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		ck_assert_msg(!resp_number(text_of(none[i]), &number), "%s", none[i]);
}
END_TEST

START_TEST(patterns_are_those_of_names)
{
	const char *like[][2] = {{"", ""},        {"", "*"},         {"abc", "*"},
				 {"abc", "a*c"},  {"abc", "a?c"},    {"abc", "[a-c]bc"},
				 {"abc", "**c*"}, {"xbc", "[^a]bc"}, {"a*", "a\\*"},
				 {"aab", "*ab"}};
	const char *unlike[][2] = {{"", "?"},      {"abc", "ab"}, {"ab", "abc"}, {"abc", "[^a]bc"},
				   {"ab", "a\\*"}, {"abc", "*b"}, {"a", "[b"},   {"a", ""}};
	for (size_t i = 0; i < sizeof(like) / sizeof(*like); i++)
		ck_assert_msg(resp_like(text_of(like[i][0]), text_of(like[i][1])), "%s %s",
			      like[i][0], like[i][1]);
	for (size_t i = 0; i < sizeof(unlike) / sizeof(*unlike); i++)
		ck_assert_msg(!resp_like(text_of(unlike[i][0]), text_of(unlike[i][1])), "%s %s",
			      unlike[i][0], unlike[i][1]);
}
END_TEST

START_TEST(random_bytes_are_parsed_within_their_bounds)
{
	static const char letters[] = "**$$\r\n\r\n\r\n0123-9 x[]^?\\";
	srand(1);
	for (int i = 0; i < many(200000, 5000); i++) {
		size_t length = (size_t)rand() % 40;
		char *bytes = malloc(length ? length : 1);
		for (size_t k = 0; k < length; k++)
			bytes[k] = letters[(size_t)rand() % (sizeof(letters) - 1)];
		ck_assert_int_le(resp_parse((struct text){bytes, length}, &command), (long)length);
		size_t half = length / 2;
		resp_like((struct text){bytes, half}, (struct text){bytes + half, length - half});
		free(bytes);
	}
}
END_TEST

static void count_entry(struct entry *entry, void *arg)
{
	++*(int *)arg;
}

START_TEST(a_store_keeps_what_it_is_given_until_that_expires)
{
	enum { MANY = 5000 };
	struct store store;
	char name[16], value[16];
	int count = 0;
	ck_assert(store_init(&store, 42));
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		snprintf(value, sizeof(value), "%d", i);
		struct entry *entry = store_set(&store, text_of(name), text_of(value), 0);
		ck_assert_ptr_nonnull(entry);
		if (i % 2)
			entry->expires = 10;
	}
	ck_assert_uint_eq(store.count, MANY);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		snprintf(value, sizeof(value), "%d", i);
		struct entry *entry = store_get(&store, text_of(name), 9);
		ck_assert(entry && text_equal(entry->value, text_of(value)));
	}
	store_each(&store, 10, count_entry, &count);
	ck_assert_int_eq(count, MANY / 2);
	ck_assert_uint_eq(store.count, MANY / 2);
	ck_assert(!store_get(&store, text_of("name1"), 10));
	ck_assert(store_delete(&store, text_of("name2"), 10));
	ck_assert(!store_delete(&store, text_of("name2"), 10));
	store_clear(&store);
	ck_assert_uint_eq(store.count, 0);
	free(store.buckets);
}
END_TEST

START_TEST(a_store_that_is_full_refuses_what_is_larger)
{
	struct store store;
	ck_assert(store_init(&store, 42));
	ck_assert_ptr_nonnull(store_set(&store, text_of("name"), text_of("value"), 0));
	size_t size = store.bytes, entry = size - strlen("value");
	ck_assert_uint_gt(size, strlen("name") + strlen("value"));
	ck_assert_ptr_nonnull(store_set(&store, text_of("name"), text_of("val"), 0));
	ck_assert_uint_eq(store.bytes, size - 2);

	store.bytes = STORE_MAX - entry - 1;
	ck_assert_ptr_null(store_set(&store, text_of("more"), text_of("xx"), 0));
	ck_assert_ptr_nonnull(store_set(&store, text_of("more"), text_of("x"), 0));
	ck_assert_uint_eq(store.bytes, STORE_MAX);
	ck_assert_ptr_null(store_set(&store, text_of("name"), text_of("value"), 0));
	ck_assert(text_equal(store_get(&store, text_of("name"), 0)->value, text_of("val")));
	ck_assert(store_delete(&store, text_of("more"), 0));
	ck_assert_ptr_nonnull(store_set(&store, text_of("more"), text_of("x"), 0));

	store.bytes -= STORE_MAX - entry - 1 - (size - 2);
	store_clear(&store);
	ck_assert_uint_eq(store.bytes, 0);
	free(store.buckets);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, commands_are_taken_apart);
	tcase_add_test(tests, what_has_not_come_as_a_whole_is_waited_for);
	tcase_add_test(tests, what_is_wrong_is_refused);
	tcase_add_test(tests, a_line_too_long_is_refused_though_it_comes_as_a_whole);
	tcase_add_test(tests, a_typed_command_with_too_many_words_is_refused);
	tcase_add_test(tests, numbers_are_whole_and_fit);
	tcase_add_test(tests, patterns_are_those_of_names);
	tcase_add_test(tests, random_bytes_are_parsed_within_their_bounds);
	tcase_add_test(tests, a_store_keeps_what_it_is_given_until_that_expires);
	tcase_add_test(tests, a_store_that_is_full_refuses_what_is_larger);
}

TEST_MAIN("resp", add)
