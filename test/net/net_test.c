/* SPDX-License-Identifier: MIT */
/* Addresses as text, listening, and connecting to one of several. */
#include "fds.h"

#include "net/address.h"

#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* ---- names: this program's own ---- */

static const char *answers[32]; /* addresses of any name, up to NULL; none: there is no such name */
static _Atomic int asked;       /* by the threads that look names up */

struct answer {
	struct addrinfo info;
	struct place place;
};

static struct addrinfo *answer(const char *host, const char *port, int type)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	struct place *place = &answer->place;
	bool v6 = strchr(host, ':');
	place->any.sa_family = v6 ? AF_INET6 : AF_INET;
	if (v6)
		inet_pton(AF_INET6, host, &place->v6.sin6_addr);
	else
		inet_pton(AF_INET, host, &place->v4.sin_addr);
	place_set_port(place, (in_port_t)(strcmp(port, "http") == 0 ? 80 : atoi(port)));
	answer->info = (struct addrinfo){
		.ai_family = place->any.sa_family,
		.ai_socktype = type,
		.ai_addr = &place->any,
		.ai_addrlen = v6 ? sizeof(place->v6) : sizeof(place->v4),
	};
	return &answer->info;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	struct addrinfo **last = ret;
	asked++;
	if (!answers[0])
		return EAI_NONAME;
	for (int i = 0; answers[i]; i++) {
		*last = answer(answers[i], port, hints->ai_socktype);
		last = &(*last)->ai_next;
	}
	return 0;
}

void freeaddrinfo(struct addrinfo *info)
{
	while (info) {
		struct addrinfo *next = info->ai_next;
		free(info);
		info = next;
	}
}

/* A name has these addresses from now on. */
#define NAME_HAS(...) memcpy(answers, ((const char *[32]){__VA_ARGS__}), sizeof(answers))

/* ---- addresses ---- */

static const char *places_of(const char *text, int family, bool to_listen)
{
	static char words[2048];
	struct address address;
	struct places places;
	size_t length = 0;
	int r = address_parse(text, &address);
	if (r == 0)
		r = address_places(&address, family, to_listen, &places);
	if (r < 0)
		return coro_strerror(r);
	for (size_t i = 0; i < places.count; i++) {
		char one[CORO_ADDRESS_SIZE];
		ck_assert_int_gt(coro_address_text(&places.at[i].any, places.at[i].length, one,
						   sizeof(one)),
				 0);
		length += (size_t)snprintf(words + length, sizeof(words) - length, "%s%s",
					   i ? " " : "", one);
	}
	return words;
}

#define ck_assert_places(text, expected) ck_assert_str_eq(places_of(text, 0, false), expected)

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
}
END_TEST

/* ---- listening ---- */

struct listening {
	const char *address;
	struct coro_listen_options options;
	int fd;
};

static int listens(void *arg)
{
	struct listening *listening = arg;
	return coro_listen(listening->address, &listening->options, &listening->fd);
}

static int listen_on(const char *address)
{
	struct listening listening = {address};
	ck_assert_int_eq(result_of(listens, &listening), 0);
	return listening.fd;
}

static const char *address_of(int fd)
{
	static char text[CORO_ADDRESS_SIZE];
	ck_assert_int_gt(coro_getsockname(fd, text, sizeof(text)), 0);
	return text;
}

struct dialling {
	const char *address;
	struct coro_dial_options options;
	int fd;
};

static int dials(void *arg)
{
	struct dialling *dialling = arg;
	int r = coro_dial(dialling->address, &dialling->options, &dialling->fd);
	if (r < 0)
		trace("%s", coro_message(r));
	return r;
}

static int dial(const char *address)
{
	struct dialling dialling = {address};
	ck_assert_int_eq(result_of(dials, &dialling), 0);
	return dialling.fd;
}

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

static void close_in_loop(int fd)
{
	ck_assert_int_eq(coro_fd_close(fd), 0);
}

static void close_in_task(int fd)
{
	ck_assert_int_eq(result_of(closes, &fd), 0);
}

START_TEST(who_dials_reaches_who_listens)
{
	const char *addresses[] = {"127.0.0.1:0",     "[::1]:0", ":0",
				   "tcp:127.0.0.1:0", "name:0",  "unix:@coro-net-test"};
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
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	memcpy(name.sun_path + 1, bytes, length);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&name,
			      (socklen_t)(length ? start + 1 + length : sizeof(sa_family_t))),
			 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	return fd;
}

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

static char directory[64];

static const char *socket_file(void)
{
	static char address[100];
	strcpy(directory, "/tmp/coro-net-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(address, sizeof(address), "unix:%s/socket", directory);
	return address;
}

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

/* ---- in a network of one's own ---- */

/* With these ports for connections; returns 0 or 77. In a process of its own. */
static int enter_own_network(int first, int last)
{
	struct ifreq lo = {.ifr_name = "lo"};
	if (unshare(CLONE_NEWNET) < 0)
		return 77;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ioctl(fd, SIOCGIFFLAGS, &lo);
	lo.ifr_flags |= IFF_UP;
	int r = ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "w");
	bool set = range && fprintf(range, "%d %d\n", first, last) > 0;
	return range && fclose(range) == 0 && set && r == 0 ? 0 : 77;
}

/* Where the one port there is is the one that is dialled. */
static int dials_its_own_port(void *arg)
{
	int fd = -1, r = coro_dial("127.0.0.1:40000", NULL, &fd);
	if (r != -ECONNREFUSED)
		return 1;
	/* It does not linger: a server can have it. */
	r = coro_listen("127.0.0.1:40000", NULL, &fd);
	return r < 0 ? 2 : coro_fd_close(fd);
}

static int runs_alone(void *arg)
{
	int r = enter_own_network(40000, 40000);
	if (r == 0)
		r = coro_run(dials_its_own_port, NULL);
	return r < 0 ? -r : r;
}

static void expect_in_own_network(int (*fn)(void *arg))
{
	struct child child = child_run(fn, NULL);
	if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == 77)
		skip_test("needs a network of its own");
	ck_assert_exited(child, 0);
}

START_TEST(nobody_is_connected_to_himself)
{
	expect_in_own_network(runs_alone);
}
END_TEST

/* More than there are ports, to several servers. */
static int dials_from_few_ports(void *arg)
{
	struct coro_dial_options options = {.local = "127.0.0.1:0"};
	int listening[2], connections[8];
	char address[32];
	for (int i = 0; i < 2; i++) {
		snprintf(address, sizeof(address), "127.0.0.1:%d", 9000 + i);
		if (coro_listen(address, NULL, &listening[i]) < 0)
			return 1;
	}
	for (int i = 0; i < 8; i++) {
		snprintf(address, sizeof(address), "127.0.0.1:%d", 9000 + i % 2);
		if (coro_dial(address, &options, &connections[i]) < 0)
			return 2;
	}
	return 0;
}

static int runs_with_few_ports(void *arg)
{
	int r = enter_own_network(40000, 40004);
	if (r == 0)
		r = coro_run(dials_from_few_ports, NULL);
	return r < 0 ? -r : r;
}

START_TEST(ports_are_shared_by_connections_to_several_places)
{
	expect_in_own_network(runs_with_few_ports);
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

/* ---- accepting ---- */

static int accepts_next(void *listening)
{
	int fd = coro_accept_next(*(int *)listening);
	if (fd >= 0)
		close_in_loop(fd);
	trace("%s at %d s", fd >= 0 ? "one" : coro_strerror(fd),
	      (int)(coro_loop_time(loop) / CORO_SEC));
	return fd < 0 ? fd : 0;
}

static struct rlimit usual;

/* valgrind has fds of its own beyond the limit, and closes another one there. */
#define skip_where_fds_do_not_run_out()                        \
	do {                                                   \
		if (RUNNING_ON_VALGRIND || getenv("VALGRIND")) \
			skip_test("valgrind");                 \
	} while (0)

/* The system gives out no more fds. */
static void take_all_fds(void)
{
	int next = dup(0);
	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = usual.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void there_is_room(void *arg)
{
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
	fail_call_off();
}

static void there_is_room_again(void *arg)
{
	fail_call_off();
}

static bool calls_can_fail(void)
{
	return strcmp(coro_loop_poller(loop), "uring") != 0;
}

START_TEST(where_fds_are_short_accept_tries_again_each_second)
{
	const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
	skip_where_fds_do_not_run_out();
	int listening = listen_on("127.0.0.1:0");
	int to = dial(address_of(listening));
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	if (_i == 0)
		take_all_fds();
	else if (calls_can_fail())
		fail_calls_from("accept4", 1, errors[_i]);
	at(2 * CORO_SEC + CORO_MSEC, there_is_room, NULL);
	ck_assert_int_eq(result_of(accepts_next, &listening), 0);
	ck_assert_trace(_i == 0 || calls_can_fail() ? "one at 3 s" : "one at 0 s");
	close_in_loop(to);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_pause_of_accept_may_be_cancelled)
{
	skip_where_fds_do_not_run_out();
	int listening = listen_on("127.0.0.1:0");
	int to = dial(address_of(listening));
	take_all_fds();
	struct coro_future *task = spawn(accepts_next, &listening);
	at(CORO_SEC / 2, cancel_it, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	there_is_room(NULL);
	coro_future_unref(task);
	trace_take();
	ck_assert_int_eq(result_of(accepts_next, &listening), 0);
	close_in_loop(to);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_pause_of_accept_that_is_cancelled_takes_no_connection)
{
	skip_where_fds_do_not_run_out();
	int listening = listen_on("127.0.0.1:0");
	int to = dial(address_of(listening));
	take_all_fds();
	struct coro_future *task = spawn(accepts_next, &listening);
	at(CORO_SEC / 2, there_is_room, NULL);
	at(CORO_SEC / 2 + 1, cancel_it, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	trace_take();
	ck_assert_int_eq(result_of(accepts_next, &listening), 0);
	ck_assert_trace("one at 0 s");
	close_in_loop(to);
	close_in_loop(listening);
}
END_TEST

START_TEST(accept_next_gives_up_for_what_is_no_listening_socket)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
	int fd = socket(AF_INET, types[_i] | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(result_of(accepts_next, &fd), _i ? -EOPNOTSUPP : -EINVAL);
	trace_take();
	close_in_loop(fd);
}
END_TEST

START_TEST(accept_next_outlives_any_error_that_is_not_its_own)
{
	static const int errors[] = {EIO, EPERM, ENOSPC, EAGAIN, ENOSR, EPROTO, ENODEV};
	int listening = listen_on("127.0.0.1:0");
	int to = dial(address_of(listening));
	fail_calls_from("accept4", 1, errors[_i]);
	at(2 * CORO_SEC + CORO_MSEC, there_is_room_again, NULL);
	ck_assert_int_eq(result_of(accepts_next, &listening), 0);
	trace_take();
	close_in_loop(to);
	close_in_loop(listening);
}
END_TEST

/* ---- connecting to one of several ---- */

/* The port that is free on these addresses: nobody listens at it. */
static void free_port(char *ret)
{
	int fd = listen_on("127.0.0.1:0");
	strcpy(ret, strrchr(address_of(fd), ':'));
	close_in_loop(fd);
}

/* Makes a listening socket ignore connections; returns how many fds that took. */
static int stop_answering(int listening, int *clients, int count)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	ck_assert_int_eq(listen(listening, 0), 0);
	getsockname(listening, (struct sockaddr *)&address, &length);
	for (int i = 0; i < count; i++) {
		clients[i] = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(clients[i], (struct sockaddr *)&address, length);
	}
	return count;
}

enum { CLIENTS = 4 };

static struct silent {
	int fd, clients[CLIENTS];
	char port[16];
} silent;

/* Listens at 127.0.0.1 but does not answer; the name has that address first. */
static void silent_setup(void)
{
	fds_setup();
	silent.fd = listen_on("127.0.0.1:0");
	strcpy(silent.port, strrchr(address_of(silent.fd), ':'));
	stop_answering(silent.fd, silent.clients, CLIENTS);
}

static void silent_teardown(void)
{
	for (int i = 0; i < CLIENTS; i++)
		close(silent.clients[i]);
	close(silent.fd);
	fds_teardown();
}

/* An address with the port at which 127.0.0.1 does not answer. */
static const char *at_silent_port(const char *host)
{
	static char address[CORO_ADDRESS_SIZE];
	snprintf(address, sizeof(address), "%s%s", host, silent.port);
	return address;
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

START_TEST(one_that_does_not_answer_is_overtaken)
{
	int listening = listen_on(at_silent_port("127.0.0.2"));
	char peer[CORO_ADDRESS_SIZE];
	struct dialling dialling = {at_silent_port("name"), {.stagger = _i ? 100 * CORO_MSEC : 0}};
	NAME_HAS("127.0.0.1", "127.0.0.2", "127.0.0.3");
	ck_assert_int_eq(result_of(dials, &dialling), 0);
	ck_assert_int_eq(coro_loop_time(loop), (_i ? 100 : 250) * CORO_MSEC);
	ck_assert_int_gt(coro_getpeername(dialling.fd, peer, sizeof(peer)), 0);
	ck_assert_str_eq(peer, at_silent_port("127.0.0.2"));
	close_in_loop(dialling.fd);
	close_in_loop(listening);
}
END_TEST

START_TEST(the_first_to_answer_wins_though_it_began_first)
{
	int listening = listen_on(at_silent_port("127.0.0.2"));
	NAME_HAS("127.0.0.2", "127.0.0.1");
	int fd = dial(at_silent_port("name"));
	ck_assert_int_eq(coro_loop_time(loop), 0);
	close_in_loop(fd);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_dial_that_is_not_answered_ends_at_its_timeout)
{
	NAME_HAS("127.0.0.1", "127.0.0.1");
	struct dialling dialling = {at_silent_port(_i ? "name" : "127.0.0.1"),
				    {.timeout = 2 * CORO_SEC}};
	char words[64];
	ck_assert_int_eq(result_of(dials, &dialling), -ETIMEDOUT);
	ck_assert_int_eq(coro_loop_time(loop), 2 * CORO_SEC);
	snprintf(words, sizeof(words), "no connection to %s within 2 s", dialling.address);
	ck_assert_trace(words);
}
END_TEST

static int dials_within_a_second(void *arg)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_SEC);
	return coro_timeout_end(&timeout, dials(arg));
}

START_TEST(a_dial_ends_with_a_timeout_around_it)
{
	NAME_HAS("127.0.0.1", "127.0.0.1");
	struct dialling dialling = {at_silent_port(_i ? "name" : "127.0.0.1")};
	ck_assert_int_eq(result_of(dials_within_a_second, &dialling), -ETIMEDOUT);
	ck_assert_int_eq(coro_loop_time(loop), CORO_SEC);
}
END_TEST

START_TEST(a_cancelled_dial_leaves_nothing)
{
	NAME_HAS("127.0.0.1", "127.0.0.1", "127.0.0.1");
	struct dialling dialling = {at_silent_port("name")};
	struct coro_future *task = spawn(dials, &dialling);
	at(_i * 100 * CORO_MSEC, cancel_it, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	run();
}
END_TEST

static void cancel_twice(void *task)
{
	cancel(task);
	ck_assert_int_eq(coro_call_soon(loop, cancel_it, task, NULL), 0);
}

START_TEST(a_dial_may_be_cancelled_while_it_ends)
{
	NAME_HAS("127.0.0.1", "127.0.0.1", "127.0.0.1");
	struct dialling dialling = {at_silent_port("name")};
	struct coro_future *task = spawn(dials, &dialling);
	at(600 * CORO_MSEC, cancel_twice, task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
}
END_TEST

static void stop_loop(void *arg)
{
	coro_loop_stop(loop);
}

static void run_until(int64_t when)
{
	at(when, stop_loop, NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
}

START_TEST(a_dial_that_is_cancelled_as_it_connects_leaves_nothing)
{
	int listening = listen_on(at_silent_port("127.0.0.2"));
	NAME_HAS("127.0.0.1", "127.0.0.2");
	struct dialling dialling = {at_silent_port("name"), .fd = -1};
	struct coro_future *task = spawn(dials, &dialling);
	/* In each turn after the second attempt has begun. */
	run_until(250 * CORO_MSEC);
	for (int i = 0; i < _i; i++)
		turn();
	if (!coro_future_done(task)) {
		cancel(task);
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	} else {
		ck_assert_int_gt(_i, 0);
		close_in_loop(dialling.fd);
	}
	coro_future_unref(task);
	close_in_loop(listening);
}
END_TEST

START_TEST(a_dial_may_be_discarded)
{
	NAME_HAS("127.0.0.1", "127.0.0.1");
	struct dialling dialling = {at_silent_port(_i ? "name" : "127.0.0.1")};
	coro_future_unref(spawn(dials, &dialling));
	coro_future_unref(spawn(dials_within_a_second, &dialling));
	run_until(500 * CORO_MSEC);
	loop_teardown();
	loop_setup();
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
	ck_assert_int_eq(coro_listen("unix:@coro test 1", NULL, &listening), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(coro_listen("unix:@coro test 1", NULL, &fd), -EADDRINUSE);
		ck_assert_str_eq(coro_message(-EADDRINUSE),
				 "cannot listen on unix:@coro test 1: Address already in use");
	}
	coro_fd_close(listening);
	struct coro_dial_options v6 = {.family = AF_INET6};
	coro_raise(-EADDRNOTAVAIL, "of something else");
	ck_assert_int_eq(coro_dial("127.0.0.1:1", &v6, &fd), -EADDRNOTAVAIL);
	ck_assert_str_eq(coro_message(-EADDRNOTAVAIL),
			 "cannot connect to 127.0.0.1:1: Cannot assign requested address");
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

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, numeric_addresses_need_no_name_server);
	tcase_add_test(tests, what_is_no_address_is_refused);
	tcase_add_test(tests, the_families_of_a_name_take_turns);
	tcase_add_test(tests, the_first_sixteen_addresses_count);
	tcase_add_test(tests, sockets_tell_their_addresses);
	tcase_add_loop_test(tests, who_dials_reaches_who_listens, 0, 6);
	tcase_add_test(tests, outside_of_tasks_it_blocks);
	tcase_add_test(tests, all_addresses_of_the_host_are_of_both_families);
	tcase_add_test(tests, without_ipv6_all_addresses_are_of_ipv4);
	tcase_add_test(tests, connections_of_tcp_do_not_wait_for_more);
	tcase_add_test(tests, a_port_is_shared_by_those_who_say_so);
	tcase_add_test(tests, the_file_of_a_listener_that_is_gone_is_taken_over);
	tcase_add_test(tests, a_file_that_is_no_socket_is_left_alone);
	tcase_add_test(tests, any_abstract_name_can_be_dialled_by_its_text);
	tcase_add_test(tests, the_file_of_a_listener_goes_with_it);
	tcase_add_test(tests, a_file_that_took_its_place_stays);
	tcase_add_test(tests, it_goes_though_the_directory_was_changed);
	tcase_add_test(tests, a_child_made_by_fork_leaves_the_file_to_its_parent);
	tcase_add_test(tests, a_listener_that_cannot_be_noted_is_none);
	tcase_add_test(tests, nobody_is_connected_to_himself);
	tcase_add_test(tests, ports_are_shared_by_connections_to_several_places);
	tcase_add_test(tests, a_server_listens_on_all_addresses_with_one_port);
	tcase_add_test(tests, addresses_that_the_host_lacks_are_left_out);
	tcase_add_test(tests, where_one_address_is_taken_there_is_none);
	tcase_add_test(tests, a_port_that_the_other_family_has_in_use_is_chosen_anew);
	tcase_add_test(tests, datagrams_go_by_address_too);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_loop_test(tests, where_fds_are_short_accept_tries_again_each_second, 0, 4);
	tcase_add_test(tests, a_pause_of_accept_may_be_cancelled);
	tcase_add_test(tests, a_pause_of_accept_that_is_cancelled_takes_no_connection);
	tcase_add_loop_test(tests, accept_next_gives_up_for_what_is_no_listening_socket, 0, 2);
	tcase_add_loop_test(tests, accept_next_outlives_any_error_that_is_not_its_own, 0, 7);
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
}

static void add_silent(TCase *tests)
{
	tcase_add_checked_fixture(tests, silent_setup, silent_teardown);
	tcase_add_loop_test(tests, one_that_does_not_answer_is_overtaken, 0, 2);
	tcase_add_test(tests, the_first_to_answer_wins_though_it_began_first);
	tcase_add_loop_test(tests, a_dial_that_is_not_answered_ends_at_its_timeout, 0, 2);
	tcase_add_loop_test(tests, a_dial_ends_with_a_timeout_around_it, 0, 2);
	tcase_add_loop_test(tests, a_cancelled_dial_leaves_nothing, 0, 7);
	tcase_add_test(tests, a_dial_may_be_cancelled_while_it_ends);
	tcase_add_loop_test(tests, a_dial_that_is_cancelled_as_it_connects_leaves_nothing, 0, 12);
	tcase_add_loop_test(tests, a_dial_may_be_discarded, 0, 2);
}

int main(void)
{
	Suite *suite = suite_create("net");
	TCase *tests = tcase_create("net"), *race = tcase_create("race");
	add(tests);
	add_silent(race);
	suite_add_tcase(suite, tests);
	suite_add_tcase(suite, race);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
