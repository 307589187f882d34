/* SPDX-License-Identifier: MIT */
/* The rules of CORO_FAULTS: how they are read, and which calls they make fail. */
#include "sched/fault.h"

#include "tasks.h"

static struct faults *rules(const char *text)
{
	struct faults *faults;
	const char *wrong = NULL;
	int r = faults_create(text, 1, &faults, &wrong);
	ck_assert_msg(r == 0, "%s: %s", text, wrong ? wrong : coro_strerror(r));
	return faults;
}

/* What each of twelve calls has, as letters: . for no fault, x for one, s for a short one. */
static const char *pattern(const char *text, enum fault_call call)
{
	static char letters[16];
	struct faults *faults = rules(text);
	memset(letters, 0, sizeof(letters));
	for (int i = 0; i < 12; i++) {
		int result = faults_count(faults, call);
		letters[i] = result == 0 ? '.' : result == FAULT_SHORT ? 's' : 'x';
	}
	faults_destroy(faults);
	return letters;
}

START_TEST(rule_says_which_calls_fail)
{
	ck_assert_str_eq(pattern("read:1", FAULT_READ), "x...........");
	ck_assert_str_eq(pattern("read:3", FAULT_READ), "..x.........");
	ck_assert_str_eq(pattern("read:3+", FAULT_READ), "..xxxxxxxxxx");
	ck_assert_str_eq(pattern("read:*/4", FAULT_READ), "...x...x...x");
	ck_assert_str_eq(pattern("read:*", FAULT_READ), "xxxxxxxxxxxx");
	ck_assert_str_eq(pattern("read:100%", FAULT_READ), "xxxxxxxxxxxx");
	ck_assert_str_eq(pattern("read:999999999", FAULT_READ), "............");
	ck_assert_str_eq(pattern("read:2+:short", FAULT_READ), ".sssssssssss");
	ck_assert_str_eq(pattern("recv:*:short", FAULT_RECV), "ssssssssssss");
	ck_assert_str_eq(pattern("read:*", FAULT_WRITE), "............");
	ck_assert_str_eq(pattern("", FAULT_READ), "............");
}
END_TEST

START_TEST(rules_stand_beside_each_other_and_the_first_that_fits_holds)
{
	ck_assert_str_eq(pattern("read:3,read:5,read:*/6,", FAULT_READ), "..x.xx.....x");
	ck_assert_str_eq(pattern("write:1,read:2:short,read:2,read:4", FAULT_READ), ".s.x........");
	struct faults *faults = rules("send:2:EPIPE,send:*:ECONNRESET,spawn:1");
	ck_assert_int_eq(faults_count(faults, FAULT_SEND), -ECONNRESET);
	ck_assert_int_eq(faults_count(faults, FAULT_SPAWN), -ENOMEM);
	ck_assert_int_eq(faults_count(faults, FAULT_SEND), -EPIPE);
	ck_assert_str_eq(coro_message(-EPIPE), "CORO_FAULTS: send 2 of the loop");
	ck_assert_int_eq(faults_count(faults, FAULT_SPAWN), 0);
	faults_destroy(faults);
}
END_TEST

static const struct {
	const char *name;
	enum fault_call call;
	int usual;
} calls[] = {
	{"read", FAULT_READ, -EIO},       {"write", FAULT_WRITE, -EIO},
	{"recv", FAULT_RECV, -EIO},       {"send", FAULT_SEND, -EIO},
	{"accept", FAULT_ACCEPT, -EIO},   {"connect", FAULT_CONNECT, -EIO},
	{"resolve", FAULT_RESOLVE, -EIO}, {"file", FAULT_FILE, -EIO},
	{"spawn", FAULT_SPAWN, -ENOMEM},  {"thread", FAULT_THREAD, -ENOMEM},
	{"process", FAULT_PROCESS, -EIO}, {"malloc", FAULT_MALLOC, -ENOMEM},
};

START_TEST(rule_without_an_error_has_the_usual_one)
{
	char text[32];
	ck_assert_int_eq(sizeof(calls) / sizeof(calls[0]), FAULT_CALLS);
	snprintf(text, sizeof(text), "%s:2", calls[_i].name);
	struct faults *faults = rules(text);
	for (int call = 0; call < FAULT_CALLS; call++)
		ck_assert_int_eq(faults_count(faults, call), 0);
	ck_assert_int_eq(faults_count(faults, calls[_i].call), calls[_i].usual);
	ck_assert_int_eq(faults_count(faults, calls[_i].call), 0);
	faults_destroy(faults);
}
END_TEST

static const struct {
	const char *text, *from;
} wrong_rules[] = {
	{"red:3", "red:3"},
	{"read", "read"},
	{"read:", "read:"},
	{"read::EIO", "read::EIO"},
	{":3", ":3"},
	{",", ","},
	{"read:3,,write:1", ",write:1"},
	{"read:0", "read:0"},
	{"read:0+", "read:0+"},
	{"read:*/0", "read:*/0"},
	{"read:*/", "read:*/"},
	{"read:0%", "read:0%"},
	{"read:101%", "read:101%"},
	{"read:-1", "read:-1"},
	{"read:1000000000000", "read:1000000000000"},
	{"read:3x", "read:3x"},
	{"read:3++", "read:3++"},
	{"read:3 ", "read:3 "},
	{"read:3:", "read:3:"},
	{"read:3:EWHAT", "read:3:EWHAT"},
	{"read:3:5", "read:3:5"},
	{"read:3:EIO:", "read:3:EIO:"},
	{"write:3:short", "write:3:short"},
	{"accept:1:EMFILE,write:3:short", "write:3:short"},
	{"malloc:1:EIO", "malloc:1:EIO"},
	{"readx:1", "readx:1"},
	{"rea:1", "rea:1"},
};

START_TEST(text_that_is_no_rule_is_refused_and_said_from_where)
{
	struct faults *faults = NULL;
	const char *wrong = NULL;
	ck_assert_int_eq(faults_create(wrong_rules[_i].text, 1, &faults, &wrong), -EINVAL);
	ck_assert_str_eq(wrong, wrong_rules[_i].from);
	ck_assert_ptr_null(faults);
}
END_TEST

/* How many of 10,000 calls fail, and a number that says which. */
static int by_chance(uint64_t seed, uint64_t *ret)
{
	struct faults *faults;
	const char *wrong;
	int count = 0;
	*ret = 0;
	ck_assert_int_eq(faults_create("read:20%", seed, &faults, &wrong), 0);
	for (uint64_t i = 0; i < 10000; i++)
		if (faults_count(faults, FAULT_READ) < 0) {
			*ret = *ret * 31 + i;
			count++;
		}
	faults_destroy(faults);
	return count;
}

START_TEST(chance_is_decided_by_the_seed)
{
	uint64_t which[8], again;
	for (uint64_t seed = 0; seed < 8; seed++) {
		int count = by_chance(seed, &which[seed]);
		ck_assert(count > 1800 && count < 2200);
		ck_assert_int_eq(by_chance(seed, &again), count);
		ck_assert_uint_eq(again, which[seed]);
		for (uint64_t other = 0; other < seed; other++)
			ck_assert_uint_ne(which[other], which[seed]);
	}
}
END_TEST

START_TEST(rules_without_memory)
{
	struct faults *faults = NULL;
	const char *wrong = NULL;
	if (!fail_possible())
		skip_test("a sanitizer has the allocator");
	fail_nth(1);
	int r = faults_create("read:1", 1, &faults, &wrong);
	ck_assert(fail_off());
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_ptr_null(faults);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, rule_says_which_calls_fail);
	tcase_add_test(tests, rules_stand_beside_each_other_and_the_first_that_fits_holds);
	tcase_add_loop_test(tests, rule_without_an_error_has_the_usual_one, 0, FAULT_CALLS);
	tcase_add_loop_test(tests, text_that_is_no_rule_is_refused_and_said_from_where, 0,
			    sizeof(wrong_rules) / sizeof(wrong_rules[0]));
	tcase_add_test(tests, chance_is_decided_by_the_seed);
	tcase_add_test(tests, rules_without_memory);
}

TEST_MAIN("fault", add)
