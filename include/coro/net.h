/* SPDX-License-Identifier: MIT */
/*
 * Listening and connecting by address, and looking names up. An address is a text:
 *
 *	example.org:80   127.0.0.1:http   [::1]:8080   [fe80::1%eth0]:22
 *	                   TCP, by the name or number of a host and of a port
 *	tcp:HOST:PORT      the same
 *	udp:HOST:PORT      UDP
 *	:80                to listen: all addresses of this host; to dial: this host
 *	unix:/run/x.sock   a unix socket with a file
 *	unix:@name         a unix socket without a file (Linux); \0 in it is a NUL, \\ a backslash
 *
 * Names are looked up in a thread, numeric addresses at once. In a task only the task waits;
 * elsewhere the calls block the thread. Errors have a message: see coro_message.
 *
 * The sockets have O_NONBLOCK and FD_CLOEXEC, and those of TCP have TCP_NODELAY. They belong to the
 * caller, who closes them with coro_fd_close, and are never 0, 1 or 2.
 */
#ifndef CORO_NET_H
#define CORO_NET_H

#include <coro/io.h>

#include <netdb.h>

CORO_BEGIN_DECLS

/* A flag of struct coro_listen_options: other sockets may share the port, and its connections. */
#define CORO_NET_REUSEPORT (1U << 14)

/* A flag to listen and dial with: TCP_NODELAY is not set, so small writes may wait for others. */
#define CORO_NET_DELAY (1U << 15)

/* A flag of struct coro_listen_options: [::] does not include IPv4. */
#define CORO_NET_V6ONLY (1U << 16)

/* A flag to listen and dial with: a peer that does not answer is noticed (SO_KEEPALIVE). */
#define CORO_NET_KEEPALIVE (1U << 17)

/* Options to listen with. A field that is 0 has its default. */
struct coro_listen_options {
	unsigned flags;
	int family;     /* AF_INET or AF_INET6 only; 0 for both */
	int backlog;    /* connections that may wait to be accepted; 0 for the system's maximum */
	bool keep_file; /* the file of a unix socket stays when the socket is closed */
};

/*
 * Listens on an address; of udp, binds a socket to it. options may be NULL. Of a name with several
 * addresses it takes the first that is available. Port 0 lets the system choose a port. *ret is the
 * fd.
 *
 * An address in use by old connections only is taken over (SO_REUSEADDR), and so is the file of a
 * unix socket that nobody listens on. The file is removed when coro_fd_close closes the socket in
 * the loop that made it, unless another file has taken its place. Meanwhile the directory is
 * locked by flock(2), so that of two servers that start at once one gets -EADDRINUSE.
 *
 * Returns 0, -EINVAL for a malformed address, an error such as -EADDRINUSE or -EACCES, or those of
 * coro_getaddrinfo.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_listen(const char *address,
						    const struct coro_listen_options *options,
						    int *ret);

/*
 * Listens on all addresses of a name, at most count of them, with the same port for all. ret has
 * room for count fds. Returns the number of fds, or the errors of coro_listen. Like
 * loop.create_server.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_listen_all(const char *address,
							const struct coro_listen_options *options,
							int *ret, size_t count);

/*
 * Accepts the next connection as coro_accept does, but tries again after a second if that fails
 * with an error that is not the socket's own, such as -EMFILE. Connections wait meanwhile, and none
 * is lost. Returns the new fd, an error if the socket does not listen, or -ECANCELED.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_accept_next(int fd);

/* Options to dial with. A field that is 0 or NULL has its default. */
struct coro_dial_options {
	unsigned flags;
	int family;      /* AF_INET or AF_INET6 only; 0 for both */
	int64_t timeout; /* in ns, for all of it, with looking the name up; 0 for none */
	int64_t stagger; /* in ns, until the next address is tried as well; 0 for 250 ms */
	/* A numeric address to connect from; connections may share its port 0. NULL for any. */
	const char *local;
};

/*
 * Connects to an address. options may be NULL. *ret is the fd.
 *
 * Of a name with several addresses it tries one after another, IPv6 and IPv4 in turn, and does not
 * wait long for one before it tries the next (happy eyeballs, RFC 8305). The first that answers is
 * used, and the others are closed. It tries at most 16. A TCP socket that the system has connected
 * to itself, which may happen when nobody listens, counts as refused.
 *
 * Returns 0, the error of the first address, with a message about all; -ETIMEDOUT, -ECANCELED,
 * -EINVAL for a malformed address, or those of coro_getaddrinfo.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_dial(const char *address,
						  const struct coro_dial_options *options,
						  int *ret);

/* Room for the text of any address, with its NUL. */
#define CORO_ADDRESS_SIZE 256

/*
 * Gets a socket's address as a text that coro_dial takes; of a UDP socket it begins with "udp:".
 * "unix:" alone means a unix socket without a name. ret has room for size bytes.
 *
 * Returns the length of the text, -EINVAL, -EBADF, -ENOTSOCK, or -ENOBUFS if there is no room for
 * the text and a NUL. Like getsockname(2).
 */
CORO_API int coro_getsockname(int fd, char *ret, size_t size);

/*
 * Gets the address of a socket's peer as a text. Returns what coro_getsockname does, or -ENOTCONN.
 * Like getpeername(2).
 */
CORO_API int coro_getpeername(int fd, char *ret, size_t size);

/*
 * Makes a text of an address, such as coro_recvfrom gives. It does not know the kind of socket, so
 * there is no "udp:". Returns what coro_getsockname does, or -EAFNOSUPPORT.
 */
CORO_MUST_CHECK CORO_API int coro_address_text(const struct sockaddr *address, socklen_t length,
					       char *ret, size_t size);

/* -- names of hosts and services */

struct addrinfo; /* which netdb.h leaves out where ISO C alone is asked for */

/*
 * Looks up the addresses of a host and a service. *ret is a list, which the caller frees with
 * freeaddrinfo. hints may be NULL. Numeric addresses need no thread; for names, one of at most 32
 * threads of the loop makes the call. Outside of tasks, or without a thread, it blocks.
 *
 * If the task is cancelled, the call returns at once. The thread goes on until the answer is there;
 * neither the loop's close nor the program's end waits for it. Do not unload (dlclose) a library
 * that contains libcoro.a before that.
 *
 * Returns 0, -ECANCELED, -ENOMEM, another error of the system, or, with getaddrinfo's message
 *
 *   -ENOENT           the name does not exist, or has no address
 *   -EAGAIN           the name server does not answer now
 *   -EIO              the name server has failed
 *   -EAFNOSUPPORT     the family of the hints is not supported
 *   -ESOCKTNOSUPPORT  the type of socket of the hints is not supported
 *   -EINVAL           the hints are wrong
 *
 * Like getaddrinfo(3).
 */
coro_async CORO_MUST_CHECK CORO_API int coro_getaddrinfo(const char *node, const char *service,
							 const struct addrinfo *hints,
							 struct addrinfo **ret);

/* The former name of coro_getsockname; to be removed in 1.0. */
#define coro_local_address coro_getsockname

/* The former name of coro_getpeername; to be removed in 1.0. */
#define coro_peer_address coro_getpeername

CORO_END_DECLS

#endif
