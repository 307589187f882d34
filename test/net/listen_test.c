/* SPDX-License-Identifier: MIT */
/* Listening, and dialling who listens. */
#include "net/names.h"

#include <sys/file.h>
#include <sys/un.h>

/* ---- listening ---- */

static int option_of(int fd, int level, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);
	ck_assert_int_eq(getsockopt(fd, level, option, &value, &length), 0);
	return value;
}

static void talk(int one, int other)
{
	put(one, "ping");
	expect(other, "ping");
	put(other, "pong");
	expect(one, "pong");
}

static int closes(void *fd)
{
	return coro_fd_close(*(int *)fd);
}

static void close_in_task(int fd)
{
	ck_assert_int_eq(result_of(closes, &fd), 0);
}

START_TEST(who_dials_reaches_who_listens)
{
	const char *addresses[] = {"127.0.0.1:0",     "[::1]:0", ":0",
				   "tcp:127.0.0.1:0", "name:0",  address_of_process()};
	NAME_HAS("127.0.0.1");
	int listening = listen_on(addresses[_i]);
	int to = dial(address_of(listening));
	int from = accept(listening, NULL, NULL);
	ck_assert_int_ge(from, 0);
	ck_assert(fcntl(to, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(to, F_GETFD) & FD_CLOEXEC);
	ck_assert(fcntl(listening, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(listening, F_GETFD) & FD_CLOEXEC);
	talk(to, from);
	close(from);
	close_in_loop(to);
	close_in_loop(listening);
}
END_TEST

START_TEST(outside_of_tasks_it_blocks)
{
	int listening, to;
	NAME_HAS("127.0.0.1");
	ck_assert_int_eq(coro_listen("name:0", NULL, &listening), 0);
	ck_assert_int_eq(coro_dial(address_of(listening), NULL, &to), 0);
	int from = coro_accept_next(listening);
	ck_assert_int_ge(from, 0);
	talk(to, from);
	close(from);
	close(to);
	close(listening);
}
END_TEST

START_TEST(all_addresses_of_the_host_are_of_both_families)
{
	int listening = listen_on(":0");
	char address[CORO_ADDRESS_SIZE];
	in_port_t port = (in_port_t)atoi(strrchr(address_of(listening), ':') + 1);
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	close_in_loop(dial(address));
	snprintf(address, sizeof(address), "[::1]:%d", port);
	close_in_loop(dial(address));
	close_in_loop(listening);

	struct listening one = {":0", {.flags = CORO_NET_V6ONLY}};
	ck_assert_int_eq(result_of(listens, &one), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%s", strrchr(address_of(one.fd), ':') + 1);
	ck_assert_int_eq(result_of(dials, &(struct dialling){address}), -ECONNREFUSED);
	close_in_loop(one.fd);
}
END_TEST

START_TEST(without_ipv6_all_addresses_are_of_ipv4)
{
	struct listening listening = {":0"};
	fail_call("socket", 1, EAFNOSUPPORT);
	ck_assert_int_eq(result_of(listens, &listening), 0);
	ck_assert(fail_call_off());
	ck_assert_int_eq(strncmp(address_of(listening.fd), "0.0.0.0:", 8), 0);
	close_in_loop(listening.fd);
}
END_TEST

START_TEST(connections_of_tcp_do_not_wait_for_more)
{
	int listening = listen_on("127.0.0.1:0");
	struct dialling dialling = {address_of(listening), {.flags = CORO_NET_KEEPALIVE}};
	ck_assert_int_eq(result_of(dials, &dialling), 0);
	int from = accept(listening, NULL, NULL);
	ck_assert_int_eq(option_of(dialling.fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_eq(option_of(from, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_eq(option_of(dialling.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option_of(from, SOL_SOCKET, SO_KEEPALIVE), 0);
	close(from);
	close_in_loop(dialling.fd);
	dialling.options.flags = CORO_NET_DELAY;
	ck_assert_int_eq(result_of(dials, &dialling), 0);
	ck_assert_int_eq(option_of(dialling.fd, IPPROTO_TCP, TCP_NODELAY), 0);
	close_in_loop(dialling.fd);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_port_is_shared_by_those_who_say_so)
{
	struct listening one = {"127.0.0.1:0", {.flags = CORO_NET_REUSEPORT}};
	ck_assert_int_eq(result_of(listens, &one), 0);
	char address[CORO_ADDRESS_SIZE];
	strcpy(address, address_of(one.fd));
	struct listening two = {address, {.flags = CORO_NET_REUSEPORT}}, three = {address};
	ck_assert_int_eq(result_of(listens, &two), 0);
	ck_assert_int_eq(result_of(listens, &three), -EADDRINUSE);
	close_in_loop(one.fd);
	close_in_loop(two.fd);
}
END_TEST

/* A listener at an abstract name of these bytes; length 0: at one that the system chooses. */
static int listen_at_bytes(const char *bytes, size_t length)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	size_t start = offsetof(struct sockaddr_un, sun_path);
	int fd = new_socket(AF_UNIX, SOCK_STREAM, O_NONBLOCK | O_CLOEXEC);
	memcpy(name.sun_path + 1, bytes, length);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&name,
			      (socklen_t)(length ? start + 1 + length : sizeof(sa_family_t))),
			 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	return fd;
}

/* A path may begin with the letter by which abstract names are told. */
START_TEST(a_path_that_looks_like_an_abstract_name_can_be_dialled_by_its_text)
{
	char place[] = "/tmp/coro-listen-XXXXXX", before[1000];
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "@socket"};
	ck_assert(getcwd(before, sizeof(before)) && mkdtemp(place));
	ck_assert_int_eq(chdir(place), 0);
	int listening = new_socket(AF_UNIX, SOCK_STREAM, O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_eq(bind(listening, (struct sockaddr *)&name, sizeof(name)), 0);
	ck_assert_int_eq(listen(listening, 4), 0);
	ck_assert_str_eq(address_of(listening), "unix:./@socket");
	int fd = dial(address_of(listening));
	int accepted = accept(listening, NULL, NULL);
	ck_assert_int_ge(accepted, 0);
	close(accepted);
	close_in_loop(fd);
	close_in_loop(listening);
	ck_assert_int_eq(unlink("@socket"), 0);
	ck_assert_int_eq(chdir(before), 0);
	rmdir(place);
}
END_TEST

START_TEST(any_abstract_name_can_be_dialled_by_its_text)
{
	char all[107];
	memset(all, 0, sizeof(all));
	struct {
		const char *bytes;
		size_t length;
	} names[] = {
		{"coro-a\0b", 8},     {"coro-a", 6},      {"coro-z\0", 7}, {"coro-\\0", 7},
		{"coro-\\\\\0\\", 9}, {all, sizeof(all)}, {"", 0},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int listening = listen_at_bytes(names[i].bytes, names[i].length);
		int fd = dial(address_of(listening));
		int accepted = accept(listening, NULL, NULL);
		ck_assert_msg(accepted >= 0, "%s leads elsewhere", address_of(listening));
		/* And they can be listened at. */
		close(accepted);
		close_in_loop(fd);
		char address[CORO_ADDRESS_SIZE];
		strcpy(address, address_of(listening));
		close_in_loop(listening);
		listening = listen_on(address);
		ck_assert_str_eq(address_of(listening), address);
		close_in_loop(listening);
	}
	/* A backslash before anything else is one. */
	ck_assert_places("unix:@a\\b\\", "unix:@a\\\\b\\\\");
}
END_TEST

static void remove_socket_file(const char *address)
{
	unlink(address + strlen("unix:"));
	rmdir(directory);
}

START_TEST(the_file_of_a_listener_that_is_gone_is_taken_over)
{
	const char *address = socket_file();
	close(listen_on(address));
	int listening = listen_on(address);
	close_in_loop(dial(address));
	struct listening second = {address};
	ck_assert_int_eq(result_of(listens, &second), -EADDRINUSE);
	close_in_loop(listening);
	remove_socket_file(address);
}
END_TEST

/* Another server's lock. */
static int lock_directory(void)
{
	int lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	return lock;
}

static int unlocks(void *lock)
{
	return close(*(int *)lock);
}

static int bound_without_lock;

/* A server has bound its socket, and does not listen yet. It holds the lock. */
static int takes_over_later(void *address)
{
	struct coro_future *other;
	int lock = lock_directory(), fd;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", (char *)address + strlen("unix:"));
	unlink(name.sun_path);
	bound_without_lock = new_socket(AF_UNIX, SOCK_STREAM, O_CLOEXEC);
	ck_assert_int_eq(bind(bound_without_lock, (struct sockaddr *)&name, sizeof(name)), 0);
	struct listening second = {address};
	ck_assert_int_eq(coro_spawn(listens, &second, &other), 0);
	coro_sleep(2 * CORO_MSEC);
	ck_assert(!coro_future_done(other));
	ck_assert_int_eq(listen(bound_without_lock, 1), 0);
	unlocks(&lock);
	int r = coro_await(other, NULL);
	coro_future_unref(other);
	ck_assert_int_eq(r, -EADDRINUSE);
	ck_assert_int_eq(coro_dial(address, NULL, &fd), 0);
	coro_fd_close(fd);
	coro_fd_close(bound_without_lock);
	return 0;
}

START_TEST(one_that_is_about_to_listen_keeps_its_file)
{
	const char *address = socket_file();
	close(listen_on(address));
	ck_assert_int_eq(result_of(takes_over_later, (void *)address), 0);
	remove_socket_file(address);
}
END_TEST

static int is_cancelled(void *address)
{
	struct coro_future *other;
	int lock = lock_directory();
	struct listening listening = {address};
	ck_assert_int_eq(coro_spawn(listens, &listening, &other), 0);
	coro_task_yield();
	coro_cancel(other);
	ck_assert_int_eq(coro_await(other, NULL), -ECANCELED);
	coro_future_unref(other);
	return unlocks(&lock);
}

START_TEST(waiting_for_the_lock_of_a_directory_can_be_cancelled)
{
	const char *address = socket_file();
	ck_assert_int_eq(result_of(is_cancelled, (void *)address), 0);
	remove_socket_file(address);
}
END_TEST

/* Also where there is no task. */
START_TEST(a_lock_that_is_kept_for_ever_is_passed_over)
{
	const char *address = socket_file();
	int lock = lock_directory(), fd;
	close_in_task(listen_on(address));
	ck_assert_int_eq(coro_listen(address, NULL, &fd), 0);
	close(fd);
	close(lock);
	remove_socket_file(address);
}
END_TEST

static bool exists(const char *address)
{
	struct stat status;
	return lstat(address + strlen("unix:"), &status) == 0;
}

START_TEST(the_file_of_a_listener_goes_with_it)
{
	const char *address = socket_file();
	close_in_task(listen_on(address));
	ck_assert(!exists(address));
	struct listening kept = {address, {.keep_file = true}};
	ck_assert_int_eq(result_of(listens, &kept), 0);
	close_in_task(kept.fd);
	ck_assert(exists(address));
	remove_socket_file(address);
}
END_TEST

START_TEST(a_file_that_took_its_place_stays)
{
	const char *address = socket_file();
	int listening = listen_on(address);
	ck_assert_int_eq(unlink(address + strlen("unix:")), 0);
	int second = listen_on(address);
	close_in_task(listening);
	close_in_task(dial(address));
	close_in_task(second);
	ck_assert(!exists(address));
	remove_socket_file(address);
}
END_TEST

START_TEST(it_goes_though_the_directory_was_changed)
{
	char address[CORO_ADDRESS_SIZE];
	int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(address, sizeof(address), "%s", socket_file());
	ck_assert_int_eq(chdir(directory), 0);
	char relative[CORO_ADDRESS_SIZE];
	snprintf(relative, sizeof(relative), "unix:%s", strrchr(address, '/') + 1);
	int listening = listen_on(relative);
	ck_assert(exists(address));
	ck_assert_int_eq(fchdir(before), 0);
	close_in_task(listening);
	ck_assert(!exists(address));

	/* A directory without a name works as long as it is the current one. */
	ck_assert_int_eq(chdir(directory), 0);
	fail_call("getcwd", 1, ENOENT);
	listening = listen_on(relative);
	ck_assert(fail_call_off());
	close_in_task(listening);
	ck_assert(!exists(address));
	ck_assert_int_eq(fchdir(before), 0);
	remove_socket_file(address);
	close(before);
}
END_TEST

START_TEST(a_child_made_by_fork_leaves_the_file_to_its_parent)
{
	const char *address = socket_file();
	int listening = listen_on(address);
	struct child child = child_run(closes, &listening);
	ck_assert_exited(child, 0);
	close_in_task(dial(address));
	close_in_task(listening);
	ck_assert(!exists(address));
	remove_socket_file(address);
}
END_TEST

START_TEST(a_listener_that_cannot_be_noted_is_none)
{
	const char *address = socket_file();
	struct listening listening = {address};
	int r = -ENOMEM;
	for (int n = 0; r == -ENOMEM; n++) {
		fail_nth(n);
		r = result_of(listens, &listening);
		fail_off();
		ck_assert(r == 0 || (r == -ENOMEM && !exists(address)));
	}
	close_in_task(listening.fd);
	remove_socket_file(address);
}
END_TEST

/* Whether somebody listens cannot be found out: the file stays. */
START_TEST(without_another_socket_no_file_is_taken_over)
{
	const char *address = socket_file();
	struct listening second = {address};
	close(listen_on(address));
	fail_call("socket", 2, EMFILE);
	ck_assert_int_eq(result_of(listens, &second), -EADDRINUSE);
	ck_assert(fail_call_off());
	ck_assert(exists(address));
	ck_assert_int_eq(result_of(listens, &second), 0);
	close_in_loop(second.fd);
	remove_socket_file(address);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_left_alone)
{
	const char *address = socket_file();
	struct stat status;
	int fd = open(address + strlen("unix:"), O_CREAT | O_WRONLY, 0600);
	close(fd);
	ck_assert_int_eq(result_of(listens, &(struct listening){address}), -EADDRINUSE);
	ck_assert_int_eq(stat(address + strlen("unix:"), &status), 0);
	remove_socket_file(address);
}
END_TEST

static int fds[8];

static int listens_to_all(void *address)
{
	return coro_listen_all(address, NULL, fds, 8);
}

START_TEST(a_server_listens_on_all_addresses_with_one_port)
{
	NAME_HAS("127.0.0.1", "::1", "127.0.0.2");
	ck_assert_int_eq(result_of(listens_to_all, "name:0"), 3);
	char port[16];
	strcpy(port, strrchr(address_of(fds[0]), ':'));
	ck_assert_str_ne(port, ":0");
	const char *expected[] = {"127.0.0.1", "[::1]", "127.0.0.2"};
	for (int i = 0; i < 3; i++) {
		char address[CORO_ADDRESS_SIZE];
		snprintf(address, sizeof(address), "%s%s", expected[i], port);
		ck_assert_str_eq(address_of(fds[i]), address);
		close_in_loop(fds[i]);
	}
	ck_assert_int_eq(result_of(listens_to_all, ":0"), 1);
	close_in_loop(fds[0]);
}
END_TEST

START_TEST(addresses_that_the_host_lacks_are_left_out)
{
	NAME_HAS("192.0.2.1", "127.0.0.1");
	ck_assert_int_eq(result_of(listens_to_all, "name:0"), 1);
	close_in_loop(fds[0]);
	NAME_HAS("192.0.2.1");
	ck_assert_int_eq(result_of(listens_to_all, "name:0"), -EADDRNOTAVAIL);
}
END_TEST

START_TEST(where_one_address_is_taken_there_is_none)
{
	int taken = listen_on("127.0.0.2:0");
	char address[CORO_ADDRESS_SIZE];
	snprintf(address, sizeof(address), "name%s", strrchr(address_of(taken), ':'));
	NAME_HAS("127.0.0.1", "127.0.0.2");
	ck_assert_int_eq(result_of(listens_to_all, address), -EADDRINUSE);
	close_in_loop(taken);
}
END_TEST

START_TEST(a_port_that_the_other_family_has_in_use_is_chosen_anew)
{
	NAME_HAS("127.0.0.1", "127.0.0.2");
	fail_call("bind", 2, EADDRINUSE);
	ck_assert_int_eq(result_of(listens_to_all, "name:0"), 2);
	ck_assert(fail_call_off());
	close_in_loop(fds[0]);
	close_in_loop(fds[1]);
}
END_TEST

START_TEST(datagrams_go_by_address_too)
{
	int listening = listen_on("udp:127.0.0.1:0");
	char peer[CORO_ADDRESS_SIZE];
	ck_assert_int_eq(strncmp(address_of(listening), "udp:127.0.0.1:", 14), 0);
	int to = dial(address_of(listening));
	put(to, "word");
	expect(listening, "word");
	ck_assert_int_gt(coro_getpeername(to, peer, sizeof(peer)), 0);
	ck_assert_str_eq(peer, address_of(listening));
	/* Either all of it fits or nothing. */
	ck_assert_int_eq(coro_getpeername(to, peer, strlen(peer)), -ENOBUFS);
	ck_assert_int_eq(coro_getpeername(to, peer, 3), -ENOBUFS);
	ck_assert_int_eq(coro_getpeername(to, NULL, 0), -EINVAL);
	close_in_loop(to);
	close_in_loop(listening);
}
END_TEST

static int listens_wrongly(void *arg)
{
	int fd = 7;
	ck_assert_int_eq(coro_listen(NULL, NULL, &fd), -EINVAL);
	ck_assert_int_eq(coro_listen(":0", NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_listen(":0", &(struct coro_listen_options){.flags = 64}, &fd),
			 -EINVAL);
	ck_assert_int_eq(coro_listen(":0", &(struct coro_listen_options){.backlog = -1}, &fd),
			 -EINVAL);
	ck_assert_int_eq(coro_listen(":0", &(struct coro_listen_options){.family = 999}, &fd),
			 -EINVAL);
	ck_assert_int_eq(coro_dial(":1", &(struct coro_dial_options){.family = -1}, &fd), -EINVAL);
	ck_assert_int_eq(coro_listen_all(":0", NULL, &fd, 0), -EINVAL);
	ck_assert_int_eq(coro_listen("nothing", NULL, &fd), -EINVAL);
	ck_assert_str_eq(coro_message(-EINVAL), "nothing is not an address");
	ck_assert_int_eq(coro_dial(NULL, NULL, &fd), -EINVAL);
	ck_assert_int_eq(coro_dial(":1", NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_dial(":1", &(struct coro_dial_options){.flags = 1}, &fd), -EINVAL);
	ck_assert_int_eq(coro_dial(":1", &(struct coro_dial_options){.timeout = -1}, &fd), -EINVAL);
	ck_assert_int_eq(coro_dial(":1", &(struct coro_dial_options){.stagger = -1}, &fd), -EINVAL);
	ck_assert_int_eq(coro_accept_next(-1), -EBADF);
	ck_assert_int_eq(fd, 7);
	return 0;
}

START_TEST(what_cannot_be_is_refused)
{
	ck_assert_int_eq(result_of(listens_wrongly, NULL), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, who_dials_reaches_who_listens, 0, 6);
	tcase_add_test(tests, outside_of_tasks_it_blocks);
	tcase_add_test(tests, all_addresses_of_the_host_are_of_both_families);
	tcase_add_test(tests, without_ipv6_all_addresses_are_of_ipv4);
	tcase_add_test(tests, connections_of_tcp_do_not_wait_for_more);
	tcase_add_test(tests, a_port_is_shared_by_those_who_say_so);
	tcase_add_test(tests, the_file_of_a_listener_that_is_gone_is_taken_over);
	tcase_add_test(tests, without_another_socket_no_file_is_taken_over);
	tcase_add_test(tests, a_file_that_is_no_socket_is_left_alone);
	tcase_add_test(tests, a_path_that_looks_like_an_abstract_name_can_be_dialled_by_its_text);
	tcase_add_test(tests, any_abstract_name_can_be_dialled_by_its_text);
	tcase_add_test(tests, one_that_is_about_to_listen_keeps_its_file);
	tcase_add_test(tests, waiting_for_the_lock_of_a_directory_can_be_cancelled);
	tcase_add_test(tests, a_lock_that_is_kept_for_ever_is_passed_over);
	tcase_add_test(tests, the_file_of_a_listener_goes_with_it);
	tcase_add_test(tests, a_file_that_took_its_place_stays);
	tcase_add_test(tests, it_goes_though_the_directory_was_changed);
	tcase_add_test(tests, a_child_made_by_fork_leaves_the_file_to_its_parent);
	tcase_add_test(tests, a_listener_that_cannot_be_noted_is_none);
	tcase_add_test(tests, a_server_listens_on_all_addresses_with_one_port);
	tcase_add_test(tests, addresses_that_the_host_lacks_are_left_out);
	tcase_add_test(tests, where_one_address_is_taken_there_is_none);
	tcase_add_test(tests, a_port_that_the_other_family_has_in_use_is_chosen_anew);
	tcase_add_test(tests, datagrams_go_by_address_too);
	tcase_add_test(tests, what_cannot_be_is_refused);
}

TEST_MAIN("listen", add_tests)
