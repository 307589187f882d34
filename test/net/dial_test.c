/* SPDX-License-Identifier: MIT */
/* Dialling one of several addresses, and what fails there. */
#include "base/memory.h"
#include "room.h"

#include "net/names.h"

/* ---- connecting to one of several ---- */

/* The port that is free on these addresses: nobody listens at it. */
static void free_port(char *ret)
{
	int fd = listen_on("127.0.0.1:0");
	strcpy(ret, strrchr(address_of(fd), ':'));
	close_in_loop(fd);
}

START_TEST(all_failures_are_reported)
{
	char port[16], address[32], words[256];
	free_port(port);
	NAME_HAS("127.0.0.1", "127.0.0.2", "::1");
	snprintf(address, sizeof(address), "name%s", port);
	ck_assert_int_eq(result_of(dials, &(struct dialling){address}), -ECONNREFUSED);
	ck_assert_int_eq(coro_loop_time(loop), 0);
	snprintf(words, sizeof(words),
		 "cannot connect to %s: 127.0.0.1%s: Connection refused; [::1]%s: Connection "
		 "refused; 127.0.0.2%s: Connection refused",
		 address, port, port, port);
	const char *told = trace_take();
	ck_assert_int_eq(strncmp(told, words, 59), 0); /* as much as a trace takes */
}
END_TEST

static int dials_figures(void *port)
{
	char address[32], words[128];
	int fd;
	snprintf(address, sizeof(address), "127.0.0.1%s", (char *)port);
	int r = coro_dial(address, NULL, &fd);
	snprintf(words, sizeof(words), "cannot connect to %s: Connection refused", address);
	ck_assert_str_eq(coro_message(r), words);
	return r;
}

START_TEST(a_numeric_address_is_given_once)
{
	char port[16];
	free_port(port);
	ck_assert_int_eq(result_of(dials_figures, port), -ECONNREFUSED);
}
END_TEST

/* The error that the system has for a connection to the broadcast address. */
static int error_of_broadcast(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(1)};
	address.sin_addr.s_addr = INADDR_BROADCAST;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int dials_and_compares(void *arg)
{
	char words[256];
	int fd, r = coro_dial("name:1", NULL, &fd);
	snprintf(words, sizeof(words),
		 "cannot connect to name:1: 255.255.255.255:1: %s; [::1]:1: %s; 127.0.0.1:1: %s",
		 coro_strerror(*(int *)arg), strerror(ECONNREFUSED), strerror(ECONNREFUSED));
	ck_assert_str_eq(coro_message(r), words);
	return r;
}

START_TEST(the_error_is_the_first_ones)
{
	int error = error_of_broadcast();
	ck_assert_int_lt(error, 0);
	NAME_HAS("255.255.255.255", "127.0.0.1", "::1");
	ck_assert_int_eq(result_of(dials_and_compares, &error), error);
}
END_TEST

START_TEST(one_that_fails_is_followed_by_the_next_at_once)
{
	int listening = listen_on("127.0.0.2:0");
	char address[32];
	snprintf(address, sizeof(address), "name%s", strrchr(address_of(listening), ':'));
	NAME_HAS("127.0.0.1", "127.0.0.2");
	int fd = dial(address);
	ck_assert_int_eq(coro_loop_time(loop), 0);
	close_in_loop(fd);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_dial_can_come_from_an_address)
{
	int listening = listen_on("127.0.0.1:0");
	struct dialling dialling = {address_of(listening), {.local = "127.0.0.3:0"}};
	ck_assert_int_eq(result_of(dials, &dialling), 0);
	ck_assert_int_eq(strncmp(address_of(dialling.fd), "127.0.0.3:", 10), 0);
	close_in_loop(dialling.fd);
	dialling.options.local = "192.0.2.1:0";
	ck_assert_int_eq(result_of(dials, &dialling), -EADDRNOTAVAIL);
	dialling.options.local = "[::1]:0";
	ck_assert_int_eq(result_of(dials, &dialling), -EAFNOSUPPORT);
	dialling.options.local = "nonsense";
	ck_assert_int_eq(result_of(dials, &dialling), -EINVAL);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_dial_keeps_to_its_family)
{
	int listening = listen_on("127.0.0.1:0");
	char address[32];
	snprintf(address, sizeof(address), "name%s", strrchr(address_of(listening), ':'));
	NAME_HAS("::1", "127.0.0.1");
	struct dialling dialling = {address, {.family = AF_INET}};
	fail_call("connect", 0, 0);
	ck_assert_int_eq(result_of(dials, &dialling), 0);
	ck_assert_uint_le(calls_of("connect"), 2);
	fail_call_off();
	close_in_loop(dialling.fd);
	dialling.options.family = AF_INET6;
	ck_assert_int_eq(result_of(dials, &dialling), -ECONNREFUSED);
	close_in_loop(listening);
}
END_TEST

START_TEST(an_unknown_name_is_an_error)
{
	NAME_HAS(NULL);
	ck_assert_int_eq(result_of(dials, &(struct dialling){"nobody:1"}), -ENOENT);
	const char *words = trace_take();
	ck_assert_msg(strncmp(words, "cannot connect to nobody:1: nobody:1: ", 38) == 0, "%s",
		      words);
	ck_assert_int_eq(result_of(listens, &(struct listening){"nobody:1"}), -ENOENT);
}
END_TEST

/* One that fails, after another of the same error that had a message. */
static int fails_after_others(void *arg)
{
	static const char bad[] = "[fe80::1%nonesuch]:1";
	char said[128];
	int listening, fd;
	(void)arg;
	ck_assert_int_eq(coro_dial("no address", NULL, &fd), -EINVAL);
	ck_assert_int_eq(coro_dial(bad, NULL, &fd), -EINVAL);
	ck_assert_str_eq(coro_message(-EINVAL),
			 "cannot connect to [fe80::1%nonesuch]:1: not an IPv6 "
			 "address, or no such interface");
	ck_assert_int_eq(coro_listen(bad, NULL, &fd), -EINVAL);
	ck_assert_str_eq(coro_message(-EINVAL),
			 "cannot listen on [fe80::1%nonesuch]:1: not an IPv6 "
			 "address, or no such interface");
	ck_assert_int_eq(coro_listen(address_of_process(), NULL, &listening), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(coro_listen(address_of_process(), NULL, &fd), -EADDRINUSE);
		snprintf(said, sizeof(said), "cannot listen on %s: %s", address_of_process(),
			 coro_strerror(-EADDRINUSE));
		ck_assert_str_eq(coro_message(-EADDRINUSE), said);
	}
	coro_fd_close(listening);
	struct coro_dial_options v6 = {.family = AF_INET6};
	coro_raise(-EADDRNOTAVAIL, "of something else");
	ck_assert_int_eq(coro_dial("127.0.0.1:1", &v6, &fd), -EADDRNOTAVAIL);
	snprintf(said, sizeof(said), "cannot connect to 127.0.0.1:1: %s",
		 coro_strerror(-EADDRNOTAVAIL));
	ck_assert_str_eq(coro_message(-EADDRNOTAVAIL), said);
	return 0;
}

START_TEST(a_failure_has_no_message_of_an_earlier_one)
{
	ck_assert_int_eq(result_of(fails_after_others, NULL), 0);
}
END_TEST

/* ---- failures ---- */

static int meets(void *arg)
{
	char address[CORO_ADDRESS_SIZE];
	int listening, fd, r = coro_listen("name:0", NULL, &listening);
	if (r < 0)
		return r;
	r = coro_getsockname(listening, address, sizeof(address));
	if (r > 0)
		r = coro_dial(address, NULL, &fd);
	if (r == 0) {
		coro_fd_close(fd);
		fd = coro_accept_next(listening);
		r = fd < 0 ? fd : 0;
		if (fd >= 0)
			coro_fd_close(fd);
	}
	coro_fd_close(listening);
	return r;
}

START_TEST(any_system_call_may_fail)
{
	NAME_HAS("127.0.0.1", "::1");
	bool failed = true;
	for (unsigned long n = 1; failed; n++) {
		fail_call(NULL, n, EIO);
		int r = result_of(meets, NULL);
		failed = fail_call_off();
		ck_assert_msg(r == 0 || (failed && r == -EIO), "call %lu, %s: %s", n,
			      failed_call() ? failed_call() : "none", coro_strerror(r));
		ck_assert_uint_lt(n, 200);
	}
}
END_TEST

/* By way of a first address at which nobody listens. */
static int meets_at_second(void *arg)
{
	char address[CORO_ADDRESS_SIZE], name[CORO_ADDRESS_SIZE];
	int listening, fd, r = coro_listen("127.0.0.2:0", NULL, &listening);
	if (r < 0)
		return r;
	coro_getsockname(listening, address, sizeof(address));
	snprintf(name, sizeof(name), "name%s", strrchr(address, ':'));
	r = coro_dial(name, NULL, &fd);
	if (r == 0)
		coro_fd_close(fd);
	coro_fd_close(listening);
	return r;
}

START_TEST(any_allocation_may_fail)
{
	NAME_HAS("127.0.0.1", "127.0.0.2");
	fail_each_allocation(meets_at_second);
}
END_TEST

/* Nobody listens there. */
static int is_refused(void)
{
	int fd, r = coro_dial("name:1", NULL, &fd);
	return r == -ECONNREFUSED ? 0 : r;
}

/* Each failure names its address, and none that was not tried. */
static int is_refused_or_says_why(void *arg)
{
	int r = is_refused();
	const char *said = coro_message(r);
	bool well =
		strncmp(said, "cannot connect to name:1: ", 26) == 0 && !strstr(said, "Success");
	return r == -ENOMEM && !well ? -EILSEQ : r;
}

static int dials_without_room(void *arg)
{
	return fail_without_room(is_refused_or_says_why, NULL, NULL);
}

START_TEST(a_race_without_room_fails)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	NAME_HAS("127.0.0.1", "127.0.0.2");
	ck_assert_int_eq(result_of(is_refused_or_says_why, NULL), 0);
	ck_assert_int_eq(result_of(dials_without_room, NULL), 0);
}
END_TEST

static _Atomic unsigned long allocations_left; /* the thread that looks names up allocates, too */

static bool is_used_up(void)
{
	allocations_left -= allocations_left > 0;
	return allocations_left == 0;
}

/* From the n-th on all allocations fail, until the race is over. */
static int dials_without_memory(void *arg)
{
	int r = -ENOMEM, failures = 0;
	for (unsigned long n = 1; r == -ENOMEM; n++, failures++) {
		size_t taken = take_room(*(size_t *)arg);
		allocations_left = n;
		__atomic_store_n(&memory_fault, is_used_up, __ATOMIC_RELEASE);
		r = is_refused();
		__atomic_store_n(&memory_fault, NULL, __ATOMIC_RELEASE);
		sched_release(sched_of(loop), taken, 0);
	}
	return r < 0 ? r : failures;
}

START_TEST(a_race_without_any_memory_ends)
{
	NAME_HAS("127.0.0.1", "127.0.0.2");
	ck_assert_int_eq(result_of(is_refused_or_says_why, NULL), 0);
	for (size_t spare = 0; spare < 4; spare++)
		ck_assert_int_gt(result_of(dials_without_memory, &spare), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, all_failures_are_reported);
	tcase_add_test(tests, a_numeric_address_is_given_once);
	tcase_add_test(tests, the_error_is_the_first_ones);
	tcase_add_test(tests, one_that_fails_is_followed_by_the_next_at_once);
	tcase_add_test(tests, a_dial_can_come_from_an_address);
	tcase_add_test(tests, a_dial_keeps_to_its_family);
	tcase_add_test(tests, a_failure_has_no_message_of_an_earlier_one);
	tcase_add_test(tests, an_unknown_name_is_an_error);
	tcase_add_test(tests, any_system_call_may_fail);
	tcase_add_test(tests, any_allocation_may_fail);
	tcase_add_test(tests, a_race_without_room_fails);
	tcase_add_test(tests, a_race_without_any_memory_ends);
}

TEST_MAIN("dial", add_tests)
