/* SPDX-License-Identifier: MIT */
/*
 * Streams: buffered reading and writing of connections, as asyncio's StreamReader and StreamWriter,
 * which are one object here; and servers, which run a task for each connection.
 *
 * Reading waits for what it was asked for. A call that fails or is cancelled has taken nothing:
 * what had come stays in the buffer for the next. One task reads at a time: -EBUSY for another.
 * When the connection fails, what came before is still there to be read; then the error comes back.
 * Unlike in asyncio nothing is read ahead: only a task that reads or writes notices that the peer
 * is gone, and what was not read by the time of coro_stream_close is lost.
 *
 * Writing does not wait: it puts bytes into a buffer. They go out in the loop's next turn, or
 * sooner, when the stream is read from or 64 KiB have come together; so many small writes make one
 * system call. coro_stream_drain keeps the buffer bounded: call it after writing, as in asyncio.
 *
 * A stream, and a server, belongs to its loop and its thread: calls that do something are -EPERM in
 * another. Waiting calls are for tasks of the loop: -EPERM elsewhere. Besides the errors of the
 * connection there are
 *
 *   CORO_INCOMPLETE   the connection ended before all had come (IncompleteReadError)
 *   -EMSGSIZE         what was looked for is not within the limit (LimitOverrunError)
 *   -EPIPE            writing after coro_stream_write_eof or coro_stream_close, or nobody reads
 *
 * A connection that fails in writing is lost, and closed at once: reading gives the error too. But
 * after -EPIPE or -ECONNRESET, what the peer sent before can still be read. A connection that was
 * reset or timed out in reading is lost for writing as well, and stays open until it is closed.
 */
#ifndef CORO_STREAM_H
#define CORO_STREAM_H

#include <coro/future.h>
#include <coro/net.h>
#include <sys/uio.h>

CORO_BEGIN_DECLS

struct coro_stream;

/* -- opening */

struct coro_stream_options {
	size_t limit;      /* of lines and the like; 0 for 64 KiB */
	size_t high_water; /* with more to be written coro_stream_drain waits; 0 for 64 KiB */
	size_t low_water;  /* until there is no more than that; 0 for a quarter of the other */
	/*
	 * How long a closed stream may linger, see coro_stream_close, in nanoseconds: 0 for 10 s,
	 * or for ever if it is no socket; below 0 for not at all.
	 */
	int64_t linger;
	size_t linger_bytes; /* input to drop while lingering, at most; 0 for 16 MiB */
};

/*
 * Makes a stream of an fd, in the running loop: a socket, a pipe's end, a terminal. If this
 * succeeds the fd is the stream's, and is closed with it. options may be NULL. The caller owns the
 * stream, and gives it back with coro_stream_destroy; debug mode reports one that was not given
 * back when the loop is closed, however it was made. -EPERM: no loop runs; -EBADF, -EINVAL,
 * -ENOMEM.
 */
#define coro_stream_open(...) coro_stream_open_at(CORO_HERE, __VA_ARGS__) /* (fd, options, ret) */
CORO_MUST_CHECK CORO_API int coro_stream_open_at(const char *site, int fd,
						 const struct coro_stream_options *options,
						 struct coro_stream **ret);

/* Connects, as coro_dial, and makes a stream of it (asyncio.open_connection). */
#define coro_open_connection(...) \
	coro_open_connection_at(CORO_HERE, __VA_ARGS__) /* (address, dial_options, options, ret) */
coro_async CORO_MUST_CHECK CORO_API int coro_open_connection_at(
	const char *site, const char *address, const struct coro_dial_options *dial_options,
	const struct coro_stream_options *options, struct coro_stream **ret);

/* The same by the path of a unix socket (asyncio.open_unix_connection). */
#define coro_open_unix(...) coro_open_unix_at(CORO_HERE, __VA_ARGS__) /* (path, options, ret) */
coro_async CORO_MUST_CHECK CORO_API int coro_open_unix_at(const char *site, const char *path,
							  const struct coro_stream_options *options,
							  struct coro_stream **ret);

/*
 * What carries a stream's bytes, so that something may lie between it and an fd. read and write do
 * not wait, and may be called outside of tasks; wait does, for them. They give POSIX's results, or
 * negative errors.
 */
struct coro_transport {
	/* What there is: a count, 0 at the end; -EAGAIN: nothing yet. */
	ssize_t (*read)(void *arg, void *bytes, size_t length);
	/* As much as goes: a count; -EAGAIN or 0: nothing now. */
	ssize_t (*write)(void *arg, const struct iovec *vec, int count);
	/*
	 * Waits until read, or write, is worth another try: 0 or an error. One task may wait for
	 * each at the same time. When the transport is closed, they return.
	 */
	coro_async int (*wait)(void *arg, bool writing);
	/* Ends the direction of writing; all is written. Does not wait. NULL: it cannot be done. */
	int (*end)(void *arg);
	/* Closes it, without waiting, in or after the loop; no other call will come. */
	void (*close)(void *arg);
	/* The fd below, for questions; NULL or -1 for none. */
	int (*fd)(void *arg);
	/*
	 * Writes what it has taken and holds back still: 0; -EAGAIN: not all of it goes now. When
	 * closing, nothing will be written any more, and it may take its leave. Does not wait.
	 * NULL: it holds nothing back.
	 */
	int (*flush)(void *arg, bool closing);
	/* As close, but the peer is to see an error, and not the end. NULL: close is called. */
	void (*abort)(void *arg);
};

/* Makes a stream of a transport; arg is what its calls are given. As coro_stream_open. */
#define coro_stream_create(...) \
	coro_stream_create_at(CORO_HERE, __VA_ARGS__) /* (transport, arg, options, ret) */
CORO_MUST_CHECK CORO_API int coro_stream_create_at(const char *site,
						   const struct coro_transport *transport,
						   void *arg,
						   const struct coro_stream_options *options,
						   struct coro_stream **ret);

/*
 * What carries the stream's bytes, and in *ret, which may be NULL, what its calls are given; NULL
 * once the stream is closed.
 */
CORO_API const struct coro_transport *coro_stream_transport(const struct coro_stream *stream,
							    void **ret);

/*
 * Has another carry the stream's bytes from now on, one that lies over the present one as a rule,
 * and then calls it, and closes it in its own close: 0 (transport.set_protocol, loop.start_tls).
 * The bytes that are in the buffer stay: see coro_stream_peek. -EBUSY while something is to be
 * written, or a task waits; -EPIPE once the stream is to be closed, or to be written to no more.
 */
CORO_MUST_CHECK CORO_API int coro_stream_set_transport(struct coro_stream *stream,
						       const struct coro_transport *transport,
						       void *arg);

/* -- reading */

/*
 * Reads what there is, at most length, waiting for something: the count, 0 at the end
 * (reader.read(n)).
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_read(struct coro_stream *stream,
							     void *bytes, size_t length);

/*
 * Reads length bytes, no less: length (reader.readexactly). CORO_INCOMPLETE at the end, and what
 * came stays to be read. The buffer grows for it beyond the limit.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_readexactly(struct coro_stream *stream,
								    void *bytes, size_t length);

/*
 * Reads all there is until the end, at most `most` bytes: the count, and the caller frees *ret with
 * free() (reader.read(-1)). There is a NUL after it. -EMSGSIZE if there is more.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_read_all(struct coro_stream *stream,
								 size_t most, char **ret);

/*
 * Reads up to and with the separator: the length, and *ret points into the buffer, with a NUL
 * behind it, and is valid until the stream is read from again (reader.readuntil). CORO_INCOMPLETE
 * at the end; -EMSGSIZE if more than the limit comes before the separator. After either, all stays
 * in the buffer.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_readuntil(struct coro_stream *stream,
								  const void *separator,
								  size_t length, const char **ret);

/*
 * The same with "\n", but at the end gives what is left, and then 0 (reader.readline). After
 * -EMSGSIZE the line is gone, as far as it had come, as in asyncio.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_readline(struct coro_stream *stream,
								 const char **ret);

/*
 * For parsers: waits until at least `least` bytes are in the buffer, and gives how many there are,
 * and where. Fewer at the end; 0 does not wait. They stay until coro_stream_consume; *ret is valid
 * until the next call. -EMSGSIZE above the limit.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_peek(struct coro_stream *stream,
							     size_t least, const char **ret);

/* Takes bytes that were seen out of the buffer. -EINVAL if there are fewer; -EBUSY. */
CORO_API int coro_stream_consume(struct coro_stream *stream, size_t length);

/* Whether the end was seen and nothing is left in the buffer (reader.at_eof). */
CORO_API bool coro_stream_at_eof(const struct coro_stream *stream);

/* -- writing */

/*
 * Writes, without waiting: 0 (writer.write, writelines). -EPIPE and the error that the connection
 * was lost by; -ENOMEM: nothing is written, or the connection is lost if a part was. -EINVAL for
 * NULL bytes of a length above 0, and for more than SIZE_MAX / 2 of them.
 */
CORO_API int coro_stream_write(struct coro_stream *stream, const void *bytes, size_t length);
CORO_API int coro_stream_writev(struct coro_stream *stream, const struct iovec *vec, int count);

/* The same with a text in the manner of printf. Above 1 KiB it allocates. */
CORO_API int coro_stream_printf(struct coro_stream *stream, const char *format, ...)
	CORO_PRINTF(2, 3);

/*
 * Waits while there is more than high_water to be written, until there is no more than low_water: 0
 * (writer.drain); or the error that the connection was lost by, -EPIPE once it is closed. It returns
 * though another task has written much again meanwhile.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_stream_drain(struct coro_stream *stream);

/* Waits until all is handed to the system: 0 or an error. */
coro_async CORO_MUST_CHECK CORO_API int coro_stream_flush(struct coro_stream *stream);

/* How much is still to be written (transport.get_write_buffer_size). */
CORO_API size_t coro_stream_pending(const struct coro_stream *stream);

/*
 * Ends the direction of writing: the peer reads the end after what was written (writer.write_eof).
 * A pipe is closed for that. -EOPNOTSUPP: the transport cannot, and nothing was done
 * (writer.can_write_eof).
 */
CORO_API int coro_stream_write_eof(struct coro_stream *stream);

/*
 * Copies from one stream to another until the end, or at most length bytes, UINT64_MAX for all. It
 * waits for either, but not for what is left to be written in the end. *ret, unless NULL, is how
 * many bytes were handed over, also when it fails; no byte is lost.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_stream_copy(struct coro_stream *from,
							 struct coro_stream *to, uint64_t length,
							 uint64_t *ret);

/* -- the end */

/*
 * Closes the connection, once all is written, which goes on by itself (writer.close). Nothing more
 * is read from the connection: reading ends with what is in the buffer. 0, also a second time.
 *
 * Closing a socket with unread input would reset the connection, and lose what was written. So the
 * stream lingers, and nobody waits for it: it writes all, ends the direction of writing (for TLS
 * both ways), then reads and drops what comes until the peer's end, and closes the fd.
 *
 * The options bound that. If nothing has gone out, or was acknowledged, for `linger`, the stream is
 * lost by -ETIMEDOUT, and the connection is reset if not all was written. When the peer's system
 * has all, the peer has as long again to end, and may send linger_bytes. A unix socket has nothing
 * to wait for. With linger below 0 there is no bound for the writing, and then the fd is just
 * closed: for a connection that other processes share, and whose direction of writing is not to
 * end.
 *
 * The end of coro_run closes streams that are still open, and waits for those that linger, within
 * the same bounds. It waits for a peer whose system has all only while that goes on sending, with
 * pauses below 250 ms.
 */
CORO_API int coro_stream_close(struct coro_stream *stream);

/*
 * Closes at once, a stream that lingers too; what is not written is dropped (transport.abort). A
 * TCP connection is reset: the peer gets an error, -ECONNRESET, and not the end.
 */
CORO_API int coro_stream_abort(struct coro_stream *stream);

/* Whether it is closed, or will be, or is lost (writer.is_closing). */
CORO_API bool coro_stream_is_closing(const struct coro_stream *stream);

/*
 * Waits until it is closed, and the peer's system has acknowledged what was written, if it is a TCP
 * connection; not for the peer to end: 0 (writer.wait_closed). Or the error that it was lost by;
 * -ETIMEDOUT when the time to linger is over.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_stream_wait_closed(struct coro_stream *stream);

/*
 * Gives the stream back, closing it if that was not done: what was written still goes out, as after
 * coro_stream_close. After the loop was closed, which closes all its streams, it only frees. 0,
 * also for NULL; -EBUSY while a task waits in a call of it.
 */
CORO_API int coro_stream_destroy(struct coro_stream *stream);

/* The fd, for coro_getpeername and the like; -1 for none (writer.get_extra_info('socket')). */
CORO_MUST_CHECK CORO_API int coro_stream_fd(const struct coro_stream *stream);

/* -- servers (asyncio.start_server) */

struct coro_server;

/*
 * What a server runs for a connection, as a task. The server closes the stream when it returns, and
 * frees it; what was written goes out, and the stream lingers, as after coro_stream_close. A
 * negative result is a failure, except -ECANCELED. After a failure the stream is aborted, as by
 * coro_stream_abort, unless the handler has closed it, so that the peer does not take a part for
 * all.
 */
typedef int coro_stream_fn(struct coro_stream *stream, void *arg);

struct coro_server_options {
	struct coro_listen_options listen;
	struct coro_stream_options stream;
	/*
	 * With this many handlers running the server waits for one to return; 0 for no bound. When
	 * more than as many again linger after that, the oldest of these is aborted.
	 */
	size_t max_connections;
	size_t stack_size; /* of their tasks; 0 for the loop's */
	/*
	 * Called with a handler's failure and its message; for connections that could not be taken
	 * (-ENOMEM); and when accept fails by another error than the socket's own, such as -EMFILE:
	 * then the server tries again each second, and calls this once. May not wait. NULL:
	 * failures of handlers and of accept are reported (see coro/loop.h), and connections that
	 * could not be taken are dropped.
	 */
	void (*failed)(int error, const char *message, void *arg);
};

/*
 * Listens on all addresses of the name, as coro_listen_all, and runs fn(stream, arg) for each
 * connection. options may be NULL. When fds are short it waits, as coro_accept_next. The caller
 * owns *ret, and gives it back with coro_server_destroy; debug mode reports one that was not given
 * back when the loop is closed. Errors as coro_listen; -EPERM outside a task.
 */
#define coro_server_start(...) \
	coro_server_start_at(CORO_HERE, __VA_ARGS__) /* (address, options, fn, arg, ret) */
coro_async CORO_MUST_CHECK CORO_API int coro_server_start_at(
	const char *site, const char *address, const struct coro_server_options *options,
	coro_stream_fn *fn, void *arg, struct coro_server **ret);

/* How many sockets it listens with (server.sockets); up to count of them in ret. */
CORO_API size_t coro_server_sockets(const struct coro_server *server, int *ret, size_t count);

/*
 * The address of its first socket, as a text that coro_dial takes: its length, or a negative errno;
 * as coro_getsockname. It tells the port that the system has chosen for ":0". -EINVAL; -EBADF
 * once it is closed.
 */
CORO_API int coro_server_address(const struct coro_server *server, char *ret, size_t size);

/* How many connections there are: handlers that run, and those whose output is on its way. */
CORO_API size_t coro_server_connections(const struct coro_server *server);

/* Listens no more; connections go on (server.close). 0, also a second time. */
CORO_API int coro_server_close(struct coro_server *server);

/*
 * Waits until it is closed and all connections have ended and delivered what was written, as by
 * coro_stream_wait_closed: 0 (server.wait_closed of Python 3.12). -EDEADLK in a handler of its own,
 * which is one of them.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_server_wait_closed(struct coro_server *server);

/*
 * Waits until it is closed (server.serve_forever): 0, or the error by which it could not go on.
 * When cancelled, it closes the server; connections go on.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_server_serve_forever(struct coro_server *server);

/*
 * Shuts it down: stops listening, gives connections grace nanoseconds to end, and their output to
 * arrive; then cancels their tasks and waits for them. Returns how many it had to cancel. What was
 * written still goes out, as after coro_stream_close. If the caller is cancelled, or is a handler
 * of this server when the time is over, they are cancelled at once: -ECANCELED.
 */
coro_async CORO_API int coro_server_shutdown(struct coro_server *server, int64_t grace);

/* Closes the server and gives it back; connections go on. NULL is fine. -EBUSY: a task waits. */
CORO_API int coro_server_destroy(struct coro_server *server);

CORO_END_DECLS

#endif
