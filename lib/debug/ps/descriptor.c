/* SPDX-License-Identifier: MIT */
#include "debug/ps/descriptor.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An Internet socket, as /proc/PID/net/tcp and the like have it. */
struct socket {
	unsigned long inode;
	char text[96]; /* "peer 127.0.0.1:80" */
};

struct sockets {
	struct socket *all;
	size_t count;
	bool read;
};

/* -- addresses */

/* 0100007F:0050: words in the machine's order, and the port. Returns false if it is none. */
static bool parse_address(const char *text, char *ret, size_t size, bool *none)
{
	uint32_t words[4];
	char chars[INET6_ADDRSTRLEN];
	size_t digits = strcspn(text, ":"), count = digits / 8;
	unsigned port;
	if ((count != 1 && count != 4) || sscanf(text + digits, ":%4x", &port) != 1)
		return false;
	for (size_t i = 0; i < count; i++)
		if (sscanf(text + i * 8, "%8" SCNx32, &words[i]) != 1)
			return false;
	if (!inet_ntop(count == 1 ? AF_INET : AF_INET6, words, chars, sizeof(chars)))
		return false;
	snprintf(ret, size, count == 1 ? "%s:%u" : "[%s]:%u", chars, port);
	*none = port == 0;
	return true;
}

static void add_socket(struct sockets *sockets, const char *line)
{
	enum { LISTEN = 10 };
	char local[64], remote[64], texts[2][80];
	unsigned state;
	unsigned long inode;
	bool none[2];
	if (sscanf(line, " %*d: %63s %63s %x %*s %*s %*s %*s %*s %lu", local, remote, &state,
		   &inode) != 4 ||
	    !parse_address(local, texts[0], sizeof(texts[0]), &none[0]) ||
	    !parse_address(remote, texts[1], sizeof(texts[1]), &none[1]))
		return;
	if ((sockets->count & (sockets->count - 1)) == 0) {
		size_t room = sockets->count ? sockets->count * 2 : 1;
		struct socket *moved = realloc(sockets->all, room * sizeof(*moved));
		if (!moved)
			return;
		sockets->all = moved;
	}
	struct socket *socket = &sockets->all[sockets->count++];
	socket->inode = inode;
	if (state == LISTEN)
		snprintf(socket->text, sizeof(socket->text), "listening on %s", texts[0]);
	else if (!none[1])
		snprintf(socket->text, sizeof(socket->text), "peer %s", texts[1]);
	else
		snprintf(socket->text, sizeof(socket->text), "bound to %s", texts[0]);
}

static void read_sockets(struct sockets *sockets, int pid)
{
	static const char *const names[] = {"tcp", "tcp6", "udp", "udp6"};
	char path[64], line[512];
	sockets->read = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, names[i]);
		FILE *file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			add_socket(sockets, line);
		if (file)
			fclose(file);
	}
}

/* -- fds */

/* Writes what the link of an fd in /proc says, "socket:[123]". Returns false if it says nothing. */
static bool read_link(int pid, int fd, char *ret, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	ssize_t length = readlink(path, ret, size - 1);
	if (length <= 0)
		return false;
	ret[length] = '\0';
	for (char *c = ret; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	return true;
}

static const char *describe(struct sockets *sockets, int pid, const char *link)
{
	unsigned long inode;
	if (*link == '/')
		return link;
	if (sscanf(link, "socket:[%lu]", &inode) != 1)
		return NULL;
	if (!sockets->read)
		read_sockets(sockets, pid);
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->all[i].inode == inode)
			return sockets->all[i].text;
	return NULL;
}

static void describe_task(struct sockets *sockets, int pid, struct task_record *task)
{
	char link[256], *longer;
	if (task->fd < 0 || !task->waits_in || !read_link(pid, task->fd, link, sizeof(link)))
		return;
	const char *what = describe(sockets, pid, link);
	if (!what || asprintf(&longer, "%s, %s", task->waits_in, what) < 0)
		return;
	free(task->waits_in);
	task->waits_in = longer;
}

void descriptors_describe(struct snapshot *snapshot)
{
	struct sockets sockets = {0};
	if (snapshot->image->core)
		return;
	for (size_t i = 0; i < snapshot->loop_count; i++)
		for (size_t j = 0; j < snapshot->loops[i].task_count; j++)
			describe_task(&sockets, snapshot->image->pid, &snapshot->loops[i].tasks[j]);
	free(sockets.all);
}
