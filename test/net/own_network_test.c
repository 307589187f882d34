/* SPDX-License-Identifier: MIT */
/* Dialling in a network of one's own, which Linux can make, with few ports. */
#include "support.h"

#include <coro.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

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

static void add(TCase *tests)
{
	tcase_add_test(tests, nobody_is_connected_to_himself);
	tcase_add_test(tests, ports_are_shared_by_connections_to_several_places);
}

TEST_MAIN("own network", add)
