/* SPDX-License-Identifier: MIT */
/* Addresses: numeric ones, and those of names. */
#include "net/names.h"

/* ---- addresses ---- */

START_TEST(numeric_addresses_need_no_name_server)
{
	ck_assert_places("127.0.0.1:80", "127.0.0.1:80");
	ck_assert_places("tcp:127.0.0.1:0", "127.0.0.1:0");
	ck_assert_places("udp:127.0.0.1:65535", "127.0.0.1:65535");
	ck_assert_places("[::1]:8080", "[::1]:8080");
	ck_assert_places("[2001:db8::7]:1", "[2001:db8::7]:1");
	ck_assert_places("[fe80::1%lo]:22", "[fe80::1%lo]:22");
	ck_assert_places("[fe80::1%1]:22", "[fe80::1%lo]:22");
	ck_assert_places(":80", "[::1]:80 127.0.0.1:80");
	ck_assert_str_eq(places_of(":80", 0, true), "[::]:80 0.0.0.0:80");
	ck_assert_str_eq(places_of(":80", AF_INET, true), "0.0.0.0:80");
	ck_assert_places("unix:/tmp/x:y", "unix:/tmp/x:y");
	ck_assert_places("unix:@name", "unix:@name");
	ck_assert_int_eq(asked, 0);
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
	const char *none[] = {"",
			      ":",
			      "host",
			      "host:",
			      "::1:80",
			      "[::1]",
			      "[::1:80",
			      "::1]:80",
			      "[1.2.3.4]:80",
			      "[]:80",
			      "a:b:80",
			      "tcp:80",
			      "udp:",
			      "unix:",
			      "[::1]x:80",
			      "[fe80::1%nosuch]:80",
			      "[::g]:80",
			      ".example.org:80",
			      "udp:.:80",
			      "127.0.0.1:65536",
			      "host:99999",
			      ":18446744073709551617"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		ck_assert_msg(strcmp(places_of(none[i], 0, false), strerror(EINVAL)) == 0, "%s: %s",
			      none[i], places_of(none[i], 0, false));
	char longest[400];
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "unix:", 5);
	longest[5 + 109] = '\0';
	ck_assert_places(longest, strerror(ENAMETOOLONG));
	longest[5 + 108] = '\0';
	ck_assert_places(longest, longest);
	longest[5] = '@';
	ck_assert_places(longest, longest);
	longest[5 + 108] = 'x';
	ck_assert_places(longest, strerror(ENAMETOOLONG));
	memset(longest, 'x', 300);
	strcpy(longest + 300, ":80");
	ck_assert_places(longest, strerror(ENAMETOOLONG));
}
END_TEST

START_TEST(the_families_of_a_name_take_turns)
{
	NAME_HAS("::1", "::2", "::3", "1.1.1.1", "2.2.2.2");
	ck_assert_places("name:7", "[::1]:7 1.1.1.1:7 [::2]:7 2.2.2.2:7 [::3]:7");
	ck_assert_str_eq(places_of("name:7", AF_INET, false), "1.1.1.1:7 2.2.2.2:7");
	NAME_HAS("1.1.1.1", "2.2.2.2", "::1");
	ck_assert_places("name:7", "1.1.1.1:7 [::1]:7 2.2.2.2:7");
	ck_assert_places("127.0.0.1:http", "1.1.1.1:80 [::1]:80 2.2.2.2:80");
	NAME_HAS(NULL);
	ck_assert_places("name:7", strerror(ENOENT));
}
END_TEST

START_TEST(the_first_sixteen_addresses_count)
{
	struct address address;
	struct places places;
	for (int i = 0; i < 20; i++)
		answers[i] = "127.0.0.1";
	ck_assert_int_eq(address_parse("name:1", &address), 0);
	ck_assert_int_eq(address_places(&address, 0, false, &places), 0);
	ck_assert_uint_eq(places.count, PLACES);
}
END_TEST

START_TEST(sockets_tell_their_addresses)
{
	char text[CORO_ADDRESS_SIZE];
	struct pair tcp = make_pair(TCP), local = make_pair(UNIX);
	ck_assert_int_gt(coro_getsockname(tcp.from, text, sizeof(text)), 0);
	ck_assert_int_eq(strncmp(text, "127.0.0.1:", 10), 0);
	char peer[CORO_ADDRESS_SIZE];
	ck_assert_int_eq(coro_getpeername(tcp.to, peer, sizeof(peer)), (int)strlen(text));
	ck_assert_str_eq(peer, text);
	ck_assert_int_eq(coro_getsockname(tcp.from, text, strlen(peer)), -ENOBUFS);
	ck_assert_int_eq(coro_getsockname(local.from, text, sizeof(text)), 5);
	ck_assert_str_eq(text, "unix:");
	close_pair(tcp);
	close_pair(local);
	ck_assert_int_eq(coro_getsockname(-1, text, sizeof(text)), -EBADF);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(coro_getpeername(fd, text, sizeof(text)), -ENOTCONN);
	close(fd);
	struct sockaddr other = {.sa_family = AF_UNSPEC};
	ck_assert_int_eq(coro_address_text(&other, sizeof(other), text, sizeof(text)),
			 -EAFNOSUPPORT);
	ck_assert_int_eq(coro_address_text(NULL, 0, text, sizeof(text)), -EINVAL);
	/* An interface that there is not, and a length that no address has. */
	struct sockaddr_in6 far = {
		.sin6_family = AF_INET6, .sin6_addr = {{{0xfe, 0x80}}}, .sin6_scope_id = 987654};
	ck_assert_int_gt(
		coro_address_text((struct sockaddr *)&far, sizeof(far), text, sizeof(text)), 0);
	ck_assert_str_eq(text, "[fe80::%987654]:0");
	union {
		struct sockaddr_un local;
		char room[sizeof(struct sockaddr_un) + 16];
	} full = {.local.sun_family = AF_UNIX};
	memset(full.local.sun_path, 'x', sizeof(full) - offsetof(struct sockaddr_un, sun_path));
	ck_assert_int_eq(coro_address_text((struct sockaddr *)&full, sizeof(full), text,
					   sizeof(text)),
			 (int)(strlen("unix:") + sizeof(full.local.sun_path)));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, numeric_addresses_need_no_name_server);
	tcase_add_test(tests, what_is_no_address_is_refused);
	tcase_add_test(tests, the_families_of_a_name_take_turns);
	tcase_add_test(tests, the_first_sixteen_addresses_count);
	tcase_add_test(tests, sockets_tell_their_addresses);
}

TEST_MAIN("address", add_tests)
