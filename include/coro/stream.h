/* SPDX-License-Identifier: MIT */
/*
 * Streams, which read and write connections with buffers, and servers, which run a task for each
 * connection.
 *
 *	struct coro_stream *stream;
 *	const char *line;
 *	ssize_t n = coro_open_connection(address, NULL, NULL, &stream);
 *	if (n < 0)
 *		return (int)n;
 *	coro_stream_printf(stream, "GET / HTTP/1.0\r\n\r\n");
 *	while ((n = coro_stream_readline(stream, &line)) > 0)
 *		fputs(line, stdout);
 *	coro_stream_destroy(stream);
 *
 * A stream is asyncio's StreamReader and StreamWriter in one object.
 *
 * Reading waits until there is what the call asks for. A call that fails or is cancelled has taken
 * nothing: what came stays in the buffer for the next call. One task reads at a time; for another
 * it is -EBUSY. When the connection fails, what came before can still be read, and then the error
 * is returned. Unlike asyncio, a stream does not read ahead: only a task that reads or writes
 * notices that the peer is gone, and what was not read before coro_stream_close is lost.
 *
 * Writing does not wait: it puts bytes into a buffer. They are sent in the loop's next turn; sooner
 * when the stream is read from, or when 64 KiB have come together. So many small writes make one
 * system call. coro_stream_drain bounds the buffer: call it after writing, as in asyncio.
 *
 * A stream or server belongs to its loop and thread: in another thread, calls are -EPERM. Calls
 * that wait are made in tasks of the loop, elsewhere they are -EPERM. NULL for a stream or server
 * is -EINVAL. Besides these and the errors of the connection, there are
 *
 *   CORO_INCOMPLETE  the connection ended before all had come (asyncio.IncompleteReadError)
 *   -EMSGSIZE        what was looked for is not within the limit (asyncio.LimitOverrunError)
 *   -EPIPE           writing after coro_stream_write_eof or coro_stream_close, or the peer has
 *                    closed
 *   -ECANCELED       the task was cancelled
 *   -ENOMEM          there is no memory for the buffer
 *
 * A connection that fails in writing is closed at once, and reading then returns the error too. But
 * after -EPIPE and -ECONNRESET, what the peer sent before can still be read. A connection that
 * fails in reading by -ECONNRESET or -ETIMEDOUT is lost for writing too, and stays open until it is
 * closed.
 */
#ifndef CORO_STREAM_H
#define CORO_STREAM_H

#include <coro/future.h>
#include <coro/net.h>
#include <sys/uio.h>

CORO_BEGIN_DECLS

/* A stream. */
struct coro_stream;

/* -- opening */

/* Options of a stream. A field that is 0 has its default. */
struct coro_stream_options {
	size_t limit;      /* the longest line or the like, in bytes; 0 for 64 KiB */
	size_t high_water; /* coro_stream_drain waits when more is to be written; 0 for 64 KiB */
	size_t low_water;  /* until no more than this is left; 0 for a quarter of high_water */
	/*
	 * How many nanoseconds a closed stream may linger: see coro_stream_close. 0 for 10 s, or
	 * without a bound if it is no socket; below 0 for not at all.
	 */
	int64_t linger;
	size_t linger_bytes; /* the most input to drop while lingering; 0 for 16 MiB */
};

/*
 * Makes a stream of an fd, in the running loop: a socket, an end of a pipe, a terminal. The fd then
 * belongs to the stream, which closes it. options may be NULL. The caller owns the stream and
 * destroys it with coro_stream_destroy; debug mode reports one that was not destroyed when the loop
 * is closed.
 *
 * Returns 0, -EINVAL, -ENOMEM, -EBADF, or -EPERM if no loop runs in this thread. If it fails, the
 * fd is still the caller's.
 */
#define coro_stream_open(...) /* (int fd, const struct coro_stream_options *options, \
				  struct coro_stream **ret) */ \
	coro_stream_open_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_stream_open. */
CORO_MUST_CHECK CORO_API int coro_stream_open_at(const char *site, int fd,
						 const struct coro_stream_options *options,
						 struct coro_stream **ret);

/*
 * Connects to an address as coro_dial does, and makes a stream of the connection. The options may
 * be NULL. Returns 0, or the errors of coro_dial and coro_stream_open. Like
 * asyncio.open_connection.
 */
#define coro_open_connection(...) /* (const char *address, \
				      const struct coro_dial_options *dial_options, \
				      const struct coro_stream_options *options, \
				      struct coro_stream **ret) */ \
	coro_open_connection_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_open_connection. */
coro_async CORO_MUST_CHECK CORO_API int coro_open_connection_at(
	const char *site, const char *address, const struct coro_dial_options *dial_options,
	const struct coro_stream_options *options, struct coro_stream **ret);

/*
 * Connects to a unix socket by its path, and makes a stream of the connection. Like
 * asyncio.open_unix_connection.
 */
#define coro_open_unix(...) /* (const char *path, const struct coro_stream_options *options, \
				struct coro_stream **ret) */ \
	coro_open_unix_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_open_unix. */
coro_async CORO_MUST_CHECK CORO_API int coro_open_unix_at(const char *site, const char *path,
							  const struct coro_stream_options *options,
							  struct coro_stream **ret);

/* -- reading */

/*
 * Reads up to length bytes, waiting until there are any. Returns the count, 0 at the end, or an
 * error. Like reader.read.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_read(struct coro_stream *stream,
							     void *bytes, size_t length);

/*
 * Reads exactly length bytes. The buffer may grow beyond the limit for that. Returns length, or an
 * error: CORO_INCOMPLETE if the end came before, and then what came can still be read. Like
 * reader.readexactly.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_readexactly(struct coro_stream *stream,
								    void *bytes, size_t length);

/*
 * Reads all bytes until the end, at most `most` of them. The caller frees *ret with free(); a NUL
 * follows the bytes. Returns the count, or an error: -EMSGSIZE if there are more. Like
 * `reader.read(-1)`.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_read_all(struct coro_stream *stream,
								 size_t most, char **ret);

/*
 * Reads up to and including a separator of length bytes. *ret points into the buffer, with a NUL
 * behind the text, and is valid until the stream is read from again.
 *
 * Returns the length of what was read, with the separator, or an error, such as
 *
 *   CORO_INCOMPLETE  the end came before the separator; all stays in the buffer
 *   -EMSGSIZE        more than the limit came before the separator; all stays in the buffer
 *
 * Like reader.readuntil.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_readuntil(struct coro_stream *stream,
								  const void *separator,
								  size_t length, const char **ret);

/*
 * Reads a line with its "\n", or without one at the end. *ret is as for coro_stream_readuntil.
 *
 * Returns the length of the line, 0 at the end, or an error: -EMSGSIZE if the line is longer than
 * the limit, and then what has come of it is dropped, as in asyncio. Like reader.readline.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_readline(struct coro_stream *stream,
								 const char **ret);

/*
 * Waits until at least `least` bytes are in the buffer, and gets a pointer to what is there, for
 * parsers. The bytes stay in the buffer until coro_stream_consume takes them. *ret is valid until
 * the next call on the stream. With 0 it does not wait.
 *
 * Returns how many bytes there are, which is less than least only at the end, or an error:
 * -EMSGSIZE if least is above the limit.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_stream_peek(struct coro_stream *stream,
							     size_t least, const char **ret);

/*
 * Takes length bytes out of the buffer. Returns 0, -EINVAL if there are fewer, or -EBUSY if another
 * task reads.
 */
CORO_API int coro_stream_consume(struct coro_stream *stream, size_t length);

/* Returns whether the end has come and the buffer is empty. Like reader.at_eof. */
CORO_API bool coro_stream_at_eof(const struct coro_stream *stream);

/* -- writing */

/*
 * Writes length bytes, without waiting. Nothing is written if it fails, except that without memory,
 * when a part was written, the connection is lost.
 *
 * Returns 0, -ENOMEM, the error by which the connection was lost, or
 *
 *   -EPIPE   the stream is closed, or its direction of writing was ended
 *   -EINVAL  bytes is NULL and length is not 0, or length is above SIZE_MAX / 2
 *
 * Like writer.write.
 */
CORO_API int coro_stream_write(struct coro_stream *stream, const void *bytes, size_t length);

/* Writes count buffers. Returns what coro_stream_write does. Like writer.writelines. */
CORO_API int coro_stream_writev(struct coro_stream *stream, const struct iovec *vec, int count);

/*
 * Writes a text made as by printf. A text above 1 KiB takes an allocation. Returns what
 * coro_stream_write does.
 */
CORO_API int coro_stream_printf(struct coro_stream *stream, const char *format, ...)
	CORO_PRINTF(2, 3);

/*
 * Waits, if more than high_water bytes are to be written, until low_water are left. It then returns
 * even if another task has written more meanwhile. Returns 0, the error by which the connection was
 * lost, -EPIPE if the stream is closed, or -ECANCELED. Like writer.drain.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_stream_drain(struct coro_stream *stream);

/* Waits until the system has taken all that was written. Returns 0 or an error. */
coro_async CORO_MUST_CHECK CORO_API int coro_stream_flush(struct coro_stream *stream);

/* Returns how many bytes are still to be written. Like transport.get_write_buffer_size. */
CORO_API size_t coro_stream_pending(const struct coro_stream *stream);

/*
 * Ends the direction of writing: the peer reads the end after what was written. A pipe is closed
 * for that. Returns 0, an error, or -EOPNOTSUPP if the transport cannot do it, and then nothing has
 * changed. Like writer.write_eof.
 */
CORO_API int coro_stream_write_eof(struct coro_stream *stream);

/*
 * Copies from one stream to another until the end, or at most length bytes; UINT64_MAX for all. It
 * waits for both, but at its end not until all is sent. *ret is how many bytes were copied, also if
 * the call fails; ret may be NULL. No byte is lost. Returns 0 or an error. Like io.Copy of Go.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_stream_copy(struct coro_stream *from,
							 struct coro_stream *to, uint64_t length,
							 uint64_t *ret);

/* -- closing */

/*
 * Closes the connection when all is written, without waiting for that. Reading ends with what is in
 * the buffer. Returns 0, also the second time. Like writer.close.
 *
 * Closing a socket with unread input would reset the connection, and lose what was written. So a
 * closed stream lingers, in the background: it writes all, ends the direction of writing (TLS tells
 * the peer), then reads and drops what comes until the peer's end, and closes the fd.
 *
 * The options bound that. If nothing was sent or acknowledged for linger nanoseconds, the stream is
 * lost by -ETIMEDOUT, and the connection is reset if not all was written. When the peer's system
 * has all, the peer has as long again to end, and may send linger_bytes meanwhile. A unix socket
 * has nothing to wait for. If linger is below 0, writing has no bound, and then the fd is just
 * closed: for a connection that other processes share and whose direction of writing must not end.
 *
 * coro_run, at its end, closes streams that are open, and waits for those that linger, within the
 * same bounds. But for a peer whose system has all, it waits only while the peer sends, with pauses
 * below 250 ms.
 */
CORO_API int coro_stream_close(struct coro_stream *stream);

/*
 * Closes the connection at once, also one that lingers. What is not written is dropped, and a TCP
 * connection is reset: the peer gets -ECONNRESET and not the end. Returns 0. Like transport.abort.
 */
CORO_API int coro_stream_abort(struct coro_stream *stream);

/* Returns whether the stream is closed, is being closed, or is lost. Like writer.is_closing. */
CORO_API bool coro_stream_is_closing(const struct coro_stream *stream);

/*
 * Waits until the stream is closed and, of a TCP connection, the peer's system has acknowledged
 * what was written; not until the peer ends.
 *
 * Returns 0, the error by which the connection was lost, -ETIMEDOUT if the time to linger was over,
 * or -ECANCELED. Like writer.wait_closed.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_stream_wait_closed(struct coro_stream *stream);

/*
 * Frees the stream, closing it first if that was not done: what was written is still sent, as after
 * coro_stream_close. When the loop is closed, which closes all its streams, it only frees. NULL is
 * allowed. Returns 0, or -EBUSY while a task waits in a call on it.
 */
CORO_API int coro_stream_destroy(struct coro_stream *stream);

/* Returns the stream's fd, for coro_getpeername and the like; -1 for none. Like get_extra_info. */
CORO_MUST_CHECK CORO_API int coro_stream_fd(const struct coro_stream *stream);

/* -- servers */

/* A server. Like asyncio.Server. */
struct coro_server;

/*
 * What a server runs for a connection, in a task: its handler. When it returns, the server closes
 * and frees the stream; what was written is sent, and the stream lingers, as after
 * coro_stream_close.
 *
 * A negative result other than -ECANCELED is a failure. Then the stream is aborted, unless the
 * handler has closed it, so that the peer does not take a part for the whole.
 */
typedef int coro_stream_fn(struct coro_stream *stream, void *arg);

/* Options of a server. A field that is 0 or NULL has its default. */
struct coro_server_options {
	struct coro_listen_options listen;
	struct coro_stream_options stream;
	/*
	 * When this many handlers run, the server waits until one returns; 0 for no bound. When
	 * more than this many streams linger after their handlers, the oldest is aborted.
	 */
	size_t max_connections;
	size_t stack_size; /* of the handlers' tasks; 0 for the loop's */
	/*
	 * Called with the error of a handler, and its message; for a connection that could not be
	 * taken (-ENOMEM); and when accepting fails with an error that is not the socket's own,
	 * such as -EMFILE: then the server tries again each second, and calls this once. It may not
	 * wait. If it is NULL, errors of handlers and of accepting are reported (see coro/loop.h),
	 * and connections that could not be taken are dropped.
	 */
	void (*failed)(int error, const char *message, void *arg);
};

/*
 * Listens on all addresses of a name, as coro_listen_all, and runs fn(stream, arg) for each
 * connection. Without fds it waits, as coro_accept_next. options may be NULL. The caller owns the
 * server and destroys it with coro_server_destroy; debug mode reports one that was not destroyed
 * when the loop is closed.
 *
 * Returns 0, -ENOMEM, the errors of coro_listen, or -EPERM outside of tasks. Like
 * asyncio.start_server.
 */
#define coro_server_start(...) /* (const char *address, \
				   const struct coro_server_options *options, \
				   coro_stream_fn *fn, void *arg, \
				   struct coro_server **ret) */ \
	coro_server_start_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_server_start. */
coro_async CORO_MUST_CHECK CORO_API int coro_server_start_at(
	const char *site, const char *address, const struct coro_server_options *options,
	coro_stream_fn *fn, void *arg, struct coro_server **ret);

/*
 * Gets the fds with which the server listens, at most count of them. Returns how many there are,
 * which may be more than count. Like server.sockets.
 */
CORO_API size_t coro_server_sockets(const struct coro_server *server, int *ret, size_t count);

/*
 * Gets the address of the server's first socket as a text, as coro_getsockname does: with the port
 * that the system has chosen for ":0". Returns the length of the text, an error, or -EBADF if the
 * server is closed.
 */
CORO_API int coro_server_address(const struct coro_server *server, char *ret, size_t size);

/* Returns how many connections there are: handlers that run, and streams that linger after them. */
CORO_API size_t coro_server_connections(const struct coro_server *server);

/* Stops listening. Connections go on. Returns 0, also the second time. Like server.close. */
CORO_API int coro_server_close(struct coro_server *server);

/*
 * Waits until the server is closed, and all connections have ended and what they wrote has arrived,
 * as coro_stream_wait_closed. Returns 0, -ECANCELED, or -EDEADLK in a handler of the server. Like
 * server.wait_closed.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_server_wait_closed(struct coro_server *server);

/*
 * Waits until the server is closed. If the task is cancelled, it closes the server; connections go
 * on. Returns 0, -ECANCELED, or the error with which accepting failed. Like server.serve_forever.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_server_serve_forever(struct coro_server *server);

/*
 * Shuts the server down: stops listening, gives connections grace nanoseconds to end and to send
 * what they wrote, then cancels their tasks and waits for these. What was written is still sent, as
 * after coro_stream_close.
 *
 * Returns how many tasks it cancelled, or -ECANCELED if the caller was cancelled, or is a handler
 * of the server and the time is over: then the tasks are cancelled at once.
 */
coro_async CORO_API int coro_server_shutdown(struct coro_server *server, int64_t grace);

/*
 * Closes the server and frees it. Connections go on. NULL is allowed. Returns 0, or -EBUSY while a
 * task waits in a call on it.
 */
CORO_API int coro_server_destroy(struct coro_server *server);

/* -- transports */

/*
 * What carries a stream's bytes. A transport of the program's own may lie between a stream and an
 * fd, as coro/tls.h does. read, write, end, flush, close and abort do not wait, and may be called
 * outside of tasks. They return POSIX's results or negative errors.
 */
struct coro_transport {
	/* Reads what there is: a count, 0 at the end, -EAGAIN if there is nothing yet. */
	ssize_t (*read)(void *arg, void *bytes, size_t length);
	/* Writes as much as it can: a count; -EAGAIN or 0 if it can write nothing now. */
	ssize_t (*write)(void *arg, const struct iovec *vec, int count);
	/*
	 * Waits, in a task, until read or write may be tried again: 0 or an error. One task may
	 * wait for each of them at the same time. When the transport is closed, they return.
	 */
	coro_async int (*wait)(void *arg, bool writing);
	/* Ends the direction of writing, when all is written. NULL if that cannot be done. */
	int (*end)(void *arg);
	/* Closes the transport, while the loop exists or later; the last call that it gets. */
	void (*close)(void *arg);
	/* Returns the fd that it uses, for questions only, or -1. NULL if there is none. */
	int (*fd)(void *arg);
	/*
	 * Writes what write has taken and not written yet: 0, or -EAGAIN if not all can be written
	 * now. With closing, nothing will be written after this, and it may tell the peer. NULL if
	 * write keeps nothing.
	 */
	int (*flush)(void *arg, bool closing);
	/* Closes it so that the peer gets an error, not the end. NULL: close is called. */
	void (*abort)(void *arg);
};

/*
 * Makes a stream of a transport; arg is what its functions get. Otherwise as coro_stream_open.
 * Returns 0, -EINVAL, -ENOMEM or -EPERM.
 */
#define coro_stream_create(...) /* (const struct coro_transport *transport, void *arg, \
				    const struct coro_stream_options *options, \
				    struct coro_stream **ret) */ \
	coro_stream_create_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_stream_create. */
CORO_MUST_CHECK CORO_API int coro_stream_create_at(const char *site,
						   const struct coro_transport *transport,
						   void *arg,
						   const struct coro_stream_options *options,
						   struct coro_stream **ret);

/*
 * Returns the stream's transport, and in *ret what its functions get; NULL if the stream is closed.
 * ret may be NULL.
 */
CORO_API const struct coro_transport *coro_stream_transport(const struct coro_stream *stream,
							    void **ret);

/*
 * Gives the stream another transport, which usually uses the present one, and closes it in its own
 * close. The bytes in the buffer stay there: see coro_stream_peek.
 *
 * Returns 0, -EINVAL, or
 *
 *   -EBUSY  something is still to be written, or a task waits in the stream
 *   -EPIPE  the stream is closed, or its direction of writing was ended
 *
 * Like transport.set_protocol.
 */
CORO_MUST_CHECK CORO_API int coro_stream_set_transport(struct coro_stream *stream,
						       const struct coro_transport *transport,
						       void *arg);

CORO_END_DECLS

#endif
