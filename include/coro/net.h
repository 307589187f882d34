/* SPDX-License-Identifier: MIT */
/*
 * Sockets by address as text. An address is
 *
 *	example.org:80   127.0.0.1:http   [::1]:8080   [fe80::1%eth0]:22   TCP
 *	tcp:...  udp:...                                                   either, said so
 *	:80                                                                every address of the
 *	                                                                   host; to dial, the host
 *	unix:/run/x.sock                                                   a socket with a file
 *	unix:@name                                                         without a file (Linux):
 *	                                                                   \0 is a NUL in it, \\ a
 *	                                                                   backslash
 *
 * Names are looked up in a thread, numeric addresses at once. Sockets have O_NONBLOCK and
 * FD_CLOEXEC, and those of TCP TCP_NODELAY. They are the caller's, to be closed by coro_fd_close,
 * and are never 0, 1 or 2. In a task, only the task waits; elsewhere the calls block. Failures have
 * a message: see coro_message.
 */
#ifndef CORO_NET_H
#define CORO_NET_H

#include <coro/io.h>

#include <netdb.h>

CORO_BEGIN_DECLS

/* Flags of the options below. */
#define CORO_NET_REUSEPORT (1U << 14) /* listen: others may share the port, and its connections */
#define CORO_NET_DELAY (1U << 15)  /* does not set TCP_NODELAY: small writes may wait for others */
#define CORO_NET_V6ONLY (1U << 16) /* listen: [::] does not stand for IPv4 as well */
#define CORO_NET_KEEPALIVE (1U << 17) /* notices peers that are gone (SO_KEEPALIVE) */

struct coro_listen_options {
	unsigned flags;
	int family;  /* AF_INET or AF_INET6 only; 0 for both */
	int backlog; /* connections that may wait to be accepted; 0 for as many as the system has */
	bool keep_file; /* of a unix socket: it stays when the socket is closed */
};

/*
 * Listens on an address: 0 and the fd; of udp, a socket bound to it. options may be NULL. Of a name
 * with several addresses it takes the first that is available. Port 0 lets the system choose. The
 * address is taken over from connections that linger (SO_REUSEADDR), and the file of a unix socket
 * from a listener that is gone. The loop that made the socket removes its file when coro_fd_close
 * closes it there, unless another has taken the file's place. -EADDRINUSE, -EACCES and so on;
 * -EINVAL for a malformed address; those of coro_getaddrinfo.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_listen(const char *address,
						    const struct coro_listen_options *options,
						    int *ret);

/*
 * Listens on all addresses of a name, as asyncio's create_server: how many, at most count. With
 * port 0, all get the same.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_listen_all(const char *address,
							const struct coro_listen_options *options,
							int *ret, size_t count);

/*
 * Accepts the next connection (coro_accept). Without fds or memory, and after any other error that
 * is not the socket's own, it waits a second and tries again, as asyncio does; connections wait
 * meanwhile, and none is lost. It fails when the socket does not listen, or no longer, and with
 * -ECANCELED.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_accept_next(int fd);

struct coro_dial_options {
	unsigned flags;
	int family;      /* AF_INET or AF_INET6 only; 0 for both */
	int64_t timeout; /* for all of it, the look-up too; 0 for none */
	int64_t stagger; /* before the next address is tried as well; 0 for 250 ms */
	/* A numeric address to connect from, whose port 0 many may share; NULL for any. */
	const char *local;
};

/*
 * Connects to an address: 0 and the fd. options may be NULL. Of a name with several addresses it
 * tries one after another, IPv6 and IPv4 in turn, and does not wait long for one before it tries
 * the next: the first that answers wins, and the others are closed (happy eyeballs, RFC 8305; the
 * first 16 count). A TCP socket that the system has connected to itself, which may happen when
 * nobody listens, counts as refused. The code is that of the first address, its message tells of
 * all. -ETIMEDOUT, -ECANCELED, -EINVAL; those of coro_connect and coro_getaddrinfo.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_dial(const char *address,
						  const struct coro_dial_options *options,
						  int *ret);

/* Room for the text of any address. */
#define CORO_ADDRESS_SIZE 256

/*
 * A socket's address, or its peer's, as a text that coro_dial takes for a socket of that kind: of
 * udp it begins with "udp:" (getsockname, getpeername; asyncio's get_extra_info). "unix:" alone is
 * a socket without a name, which cannot be dialled. Returns the length; -ENOBUFS if there is not
 * room for all and the NUL; -ENOTCONN.
 */
CORO_API int coro_getsockname(int fd, char *ret, size_t size);
CORO_API int coro_getpeername(int fd, char *ret, size_t size);

/*
 * The same of an address such as coro_recvfrom gives, which does not tell the kind of socket:
 * without "udp:". -EAFNOSUPPORT.
 */
CORO_MUST_CHECK CORO_API int coro_address_text(const struct sockaddr *address, socklen_t length,
					       char *ret, size_t size);

/* Names of hosts and services. */

struct addrinfo; /* which netdb.h leaves out where ISO C alone is asked for */

/*
 * Addresses for a host and a service (getaddrinfo, loop.getaddrinfo): 0, and *ret is a list to be
 * given back by freeaddrinfo. hints may be NULL. In a task, only the task waits: one of the loop's
 * threads for names, at most 32, makes the call, except for numeric addresses. Elsewhere, or
 * without a thread, it blocks.
 *
 * Cancelling the task ends the call at once. The thread goes on until the answer is there; neither
 * the loop's close nor the program's end waits for it. Until then, do not unload (dlclose) a
 * library that has libcoro.a in it.
 *
 *   -ENOENT     there is no such name, or it has no address
 *   -EAGAIN     the name server does not answer now
 *   -EIO        it fails for good
 *   -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EINVAL   the hints are not supported or wrong
 *   -ECANCELED, -ENOMEM, and others of the system; with getaddrinfo's message
 */
coro_async CORO_MUST_CHECK CORO_API int coro_getaddrinfo(const char *node, const char *service,
							 const struct addrinfo *hints,
							 struct addrinfo **ret);

/* Their names before; to be removed with 1.0. */
#define coro_local_address coro_getsockname
#define coro_peer_address coro_getpeername

CORO_END_DECLS

#endif
