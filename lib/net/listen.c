/* SPDX-License-Identifier: MIT */
/* Listening sockets. */
#include "coro/net.h"

#include "core/fail.h"
#include "coro/coroutine.h"
#include "net/endpoint.h"
#include "net/socket_file.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- one address */

/*
 * Whether the file is a socket on which nobody listens any more. The type is checked because
 * connecting to a file that is not a socket is refused too.
 */
static bool is_stale(const struct place *place, const char *path)
{
	struct stat status;
	if (lstat(path, &status) < 0 || !S_ISSOCK(status.st_mode))
		return false;
	int fd = endpoint_create(place, SOCK_STREAM, 0);
	if (fd < 0)
		return false;
	bool refused = connect(fd, &place->any, place->length) < 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_to(int fd, const struct place *place)
{
	if (bind(fd, &place->any, place->length) == 0)
		return 0;
	int r = -errno;
	char path[PATH_OF_PLACE];
	if (r != -EADDRINUSE || !place_path(place, path))
		return r;
	if (!is_stale(place, path) || unlink(path) < 0)
		return r;
	return bind(fd, &place->any, place->length) < 0 ? -errno : 0;
}

static int prepare(int fd, const struct place *place, int type, unsigned flags)
{
	int r = 0;
	if (type == SOCK_STREAM && place->any.sa_family != AF_UNIX)
		r = endpoint_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r == 0 && flags & CORO_NET_REUSEPORT)
		r = endpoint_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (r == 0 && place->any.sa_family == AF_INET6)
		r = endpoint_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !!(flags & CORO_NET_V6ONLY));
	return r;
}

/* Has the file of a unix socket removed with it. Returns 0, or -ENOMEM with the file removed. */
static int own_file(int fd, const struct place *place)
{
	char path[PATH_OF_PLACE];
	if (!place_path(place, path))
		return 0;
	int r = socket_file_add(fd, place);
	if (r < 0)
		unlink(path);
	return r;
}

static coro_async int bind_and_listen(int fd, const struct place *place, int type, int backlog)
{
	int lock = socket_file_lock(place);
	if (lock == -ECANCELED)
		return lock;
	int r = bind_to(fd, place);
	if (r == 0 && type == SOCK_STREAM && listen(fd, backlog ? backlog : INT_MAX) < 0)
		r = -errno;
	socket_file_unlock(lock);
	return r;
}

/* Creates a socket that listens on one address. Returns the fd or an error. */
static coro_async int listen_at(const struct place *place, int type,
				const struct coro_listen_options *options)
{
	int fd = endpoint_create(place, type, options->flags);
	if (fd < 0)
		return fd;
	int r = prepare(fd, place, type, options->flags);
	if (r == 0)
		r = bind_and_listen(fd, place, type, options->backlog);
	if (r == 0 && !options->keep_file)
		r = own_file(fd, place);
	if (r < 0) {
		close(fd);
		return r;
	}
	coro_fd_forget(fd);
	return fd;
}

/* -- all addresses */

/* The port of a socket, which the system chose. */
static in_port_t port_of(int fd)
{
	struct place place = {.length = sizeof(place.local)};
	return getsockname(fd, &place.any, &place.length) < 0 ? 0 : place_port(&place);
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		coro_fd_close(fds[i]);
}

/* Whether the host lacks this kind of address. Another family may do instead. */
static bool is_unsupported(int error)
{
	return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL || error == -EPROTONOSUPPORT;
}

/* Whether the address is [::], which accepts IPv4 too: one socket is enough. */
static bool accepts_all(const struct place *place, unsigned flags)
{
	return place->any.sa_family == AF_INET6 && !(flags & CORO_NET_V6ONLY) &&
	       IN6_IS_ADDR_UNSPECIFIED(&place->v6.sin6_addr);
}

/* Listens on at most `room` of the addresses. Returns the number of fds or an error. */
static coro_async int listen_at_all(struct places *places, int type,
				    const struct coro_listen_options *options, int *fds,
				    size_t room)
{
	size_t count = 0;
	int missing = 0;
	for (size_t i = 0; i < places->count && count < room; i++) {
		struct place *place = &places->at[i];
		if (count > 0 && place_port(place) == 0)
			place_set_port(place, port_of(fds[0]));
		int fd = listen_at(place, type, options);
		if (fd >= 0) {
			fds[count++] = fd;
			if (accepts_all(place, options->flags))
				break;
		} else if (is_unsupported(fd)) {
			missing = missing ? missing : fd;
		} else {
			close_all(fds, count);
			return fd;
		}
	}
	return count > 0 ? (int)count : missing;
}

/* Listens on all families with one port. If a chosen port is taken in one family, tries another. */
static coro_async int listen_together(const struct places *places, int type,
				      const struct coro_listen_options *options, int *fds,
				      size_t room)
{
	bool chosen = places->at[0].any.sa_family != AF_UNIX && place_port(&places->at[0]) == 0;
	int r, tries = chosen && places->count > 1 && room > 1 ? 16 : 1;
	do {
		struct places again = *places;
		r = listen_at_all(&again, type, options, fds, room);
	} while (r == -EADDRINUSE && --tries > 0);
	return r;
}

static int check(const char *address, const struct coro_listen_options *options, const int *ret)
{
	enum { FLAGS = CORO_NET_REUSEPORT | CORO_NET_DELAY | CORO_NET_V6ONLY | CORO_NET_KEEPALIVE };
	if (!address || !ret || options->flags & ~(unsigned)FLAGS || options->backlog < 0)
		return fail_with(-EINVAL, "coro_listen: an argument or option is wrong");
	return 0;
}

int coro_listen_all(const char *text, const struct coro_listen_options *options, int *ret,
		    size_t count)
{
	static const struct coro_listen_options defaults;
	struct address address;
	struct places places;
	int fds[PLACES];
	options = options ? options : &defaults;
	int r = check(text, options, ret);
	if (r < 0 || count == 0)
		return r < 0 ? r : fail_with(-EINVAL, "coro_listen_all: count is 0");
	r = address_parse(text, &address);
	if (r < 0)
		return coro_raise_at(NULL, r, "%s is not an address", text);
	r = address_places(&address, options->family, true, &places);
	if (r == 0)
		r = fail_code(listen_together(&places, address.type, options, fds,
					      count < PLACES ? count : PLACES));
	if (r == -ECANCELED || r > 0) {
		for (int i = 0; i < r; i++)
			ret[i] = fds[i];
		return r;
	}
	return coro_raise_at(NULL, r, "cannot listen on %s: %s", text, coro_message(r));
}

int coro_listen(const char *address, const struct coro_listen_options *options, int *ret)
{
	int r = coro_listen_all(address, options, ret, 1);
	return r < 0 ? r : 0;
}
