/* SPDX-License-Identifier: MIT */
/*
 * Input and output on fds, by calls that look like POSIX's.
 *
 *	char bytes[4096];
 *	ssize_t n, written = 0;
 *	while (written >= 0 && (n = coro_read(fd, bytes, sizeof(bytes))) > 0)
 *		written = coro_write(fd, bytes, (size_t)n);
 *	coro_fd_close(fd);
 *
 * In a task only the task waits. Elsewhere the calls block the thread, also in a callback, and then
 * all tasks of the thread. A result is POSIX's, a count for instance, or a negative errno. Besides
 * the errors of the system, all calls return
 *
 *   -ECANCELED                 the task was cancelled while it waited
 *   -EBADF                     the fd was closed with coro_fd_close, or forgotten, while the task
 *                              waited
 *   -ENOMEM, -EMFILE, -ENOSPC  the loop has no means to wait for the fd
 *
 * Signals do not interrupt the calls, and writing raises no SIGPIPE. SO_RCVTIMEO and SO_SNDTIMEO do
 * not end them: coro_timeout_begin does.
 *
 * Closing. A loop keeps a record of each fd that it has used. So close fds with coro_fd_close, and
 * call coro_fd_forget when a library closes one by itself. After close(2), a task that waits for
 * the fd may wait forever. If no task waits and the number becomes that of a new fd of the same
 * kind, waiting for the new one works, but a few milliseconds late.
 *
 * Cancellation. A call that has transferred something returns how much. A cancellation that comes
 * then ends the task's next wait. If the task ends before that, it was not cancelled; a
 * timeout or group that ends before that takes its own cancellation back.
 *
 * Blocking. An fd need not have O_NONBLOCK, and keeps it or lacks it as before, except for
 * listening sockets: see coro_accept. Only the task waits, even if other processes share the fd's
 * file description, read from it, write to it or change O_NONBLOCK. To that end a terminal or FIFO
 * is opened once more, through /proc/self/fd; coro_fd_close closes that fd too. What cannot be
 * opened so and has no O_NONBLOCK, such as a terminal's master, is read and written by a thread.
 * What that thread reads for a call that is cancelled goes to the next call; what it is about to
 * write for such a call, at most 64 KiB, counts as written.
 *
 * Order. Several tasks may wait for one fd. They are served in the order in which they came.
 *
 * Regular files. They cannot be waited for, so a thread of the loop's default executor reads and
 * writes them (coro/file.h), or the kernel if the poller is io_uring.
 *
 * io_uring. The kernel makes the calls of a turn together while their tasks wait. A call that is
 * cancelled returns only when the kernel no longer uses its memory.
 */
#ifndef CORO_IO_H
#define CORO_IO_H

#include <coro/loop.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

CORO_STATIC_ASSERT(sizeof(off_t) == 8, "compile with -D_FILE_OFFSET_BITS=64, as pkg-config says");

CORO_BEGIN_DECLS

/* -- reading and writing */

/*
 * Reads up to length bytes, waiting until there are any. A length of 0 does not wait. A terminal
 * with a VMIN of 0 is waited for as long as its VTIME says, and then 0 is returned: see termios(3).
 * Returns the count, 0 at the end, or an error. Like read(2).
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_read(int fd, void *bytes, size_t length);

/* Reads into count buffers, as coro_read. Like readv(2). */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_readv(int fd, const struct iovec *vec, int count);

/*
 * Writes all length bytes, as write does on a blocking fd. Other tasks run between the parts of a
 * long write. If several tasks write to one fd, the bytes of each call stay together, in the order
 * of the calls.
 *
 * Returns length; less if an error or a cancellation came after a part was written, and then the
 * next call returns the error; or an error, such as -EPIPE if nobody can read. Like write(2).
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_write(int fd, const void *bytes, size_t length);

/* Writes all of count buffers, as coro_write. Like writev(2). */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_writev(int fd, const struct iovec *vec, int count);

/* Reads up to length bytes of a file from an offset. Returns what coro_read does. Like pread(2). */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_pread(int fd, void *bytes, size_t length,
						       off_t offset);

/* Writes length bytes to a file at an offset. Returns what coro_write does. Like pwrite(2). */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_pwrite(int fd, const void *bytes, size_t length,
							off_t offset);

/* -- sockets */

/*
 * Receives up to length bytes, or one message, waiting until there is something. The flags are
 * those of recv: with MSG_DONTWAIT it does not wait (-EAGAIN); with MSG_WAITALL, on a stream, it
 * waits until length bytes have come, or the end. Returns the count, 0 at the end or after
 * shutdown(2), or an error. Like recv(2).
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_recv(int fd, void *bytes, size_t length,
						      int flags);

/*
 * Sends all length bytes, or one message, with the flags of send; with MSG_DONTWAIT as much as can
 * be sent at once (-EAGAIN for none). Returns what coro_write does. Like send(2); the name
 * coro_send is a generator's.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_sendall(int fd, const void *bytes, size_t length,
							 int flags);

/*
 * Receives as coro_recv does, and the sender's address. address and address_length may be NULL.
 * Like recvfrom(2).
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_recvfrom(int fd, void *bytes, size_t length,
							  int flags, struct sockaddr *address,
							  socklen_t *address_length);

/* Sends as coro_sendall does, to an address. Like sendto(2). */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_sendto(int fd, const void *bytes, size_t length,
							int flags, const struct sockaddr *address,
							socklen_t address_length);

/*
 * Receives a message, with its address and control data, as coro_recv. With MSG_WAITALL it also
 * returns when control data has come. Like recvmsg(2).
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_recvmsg(int fd, struct msghdr *message, int flags);

/* Sends a message, with its address and control data, as coro_sendall. Like sendmsg(2). */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_sendmsg(int fd, const struct msghdr *message,
							 int flags);

/*
 * Accepts a connection. address and length may be NULL. The new fd has O_NONBLOCK and FD_CLOEXEC.
 * It is never 0, 1 or 2, even if a standard stream is closed: what the program prints must not
 * reach the peer.
 *
 * Connections that were reset while they waited, or have another error that accept(2) calls the
 * connection's, are skipped. After -EMFILE, -ENFILE and the like the connection still waits. The
 * listening socket gets O_NONBLOCK and keeps it: otherwise a connection that another process
 * accepts first could block the thread.
 *
 * Returns the new fd, or an error. Like accept4(2).
 */
coro_async CORO_MUST_CHECK CORO_API int coro_accept(int fd, struct sockaddr *address,
						    socklen_t *length);

/*
 * Connects a socket. If the task is cancelled, the system goes on connecting until the fd is
 * closed, and a second call waits for the same connection. A socket without O_NONBLOCK is connected
 * by a thread, or by the kernel on io_uring. Returns 0, or an error such as -ECONNREFUSED. Like
 * connect(2).
 */
coro_async CORO_MUST_CHECK CORO_API int coro_connect(int fd, const struct sockaddr *address,
						     socklen_t length);

/* -- copying between fds */

/*
 * Sends up to length bytes of a file, without copying them through the program if the system can.
 * It begins at *offset and moves that behind the last byte sent; NULL means the file's own offset.
 * Other tasks run between the parts, but none of them writes to out in between. If out is a regular
 * file, a thread does it. Returns the count, which is less at the file's end, or an error. Like
 * sendfile(2).
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_sendfile(int out, int in, off_t *offset,
							  size_t length);

/*
 * Moves up to length bytes between two fds, one of which is a pipe, and waits for both. If the
 * other fd has no O_NONBLOCK, a thread does it, and a call that is cancelled returns only when the
 * thread is done. Returns the count, or an error; -ENOSYS on systems other than Linux. Where a
 * kernel or a sandbox refuses splice(2), its -ENOSYS or -EPERM comes back: reads and writes in its
 * place would lose what was taken from a pipe and could not be written. Like splice(2).
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_splice(int in, off_t *in_offset, int out,
							off_t *out_offset, size_t length,
							unsigned flags);

/* -- waiting only */

/*
 * Waits until a read would not block, or would fail: for libraries that call read themselves. A
 * regular file can always be read. A message queue of POSIX, which Linux has as a file, is waited for,
 * as are files of /proc that can be polled. Returns 0 or an error.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_readable(int fd);

/* Waits until a write would not block, or would fail, as coro_readable. Returns 0 or an error. */
coro_async CORO_MUST_CHECK CORO_API int coro_writable(int fd);

/*
 * Waits for POLLPRI, an error or a hang-up, whether the fd can be read and written or not. Of a TCP
 * connection POLLPRI means urgent data, until it is read with MSG_OOB; of some files in /proc and
 * /sys, a change. Returns 0, or an error, such as
 *
 *   -EPERM   the fd cannot be waited for, as regular files
 *   -ENOSYS  in a task, on systems other than Linux
 */
coro_async CORO_MUST_CHECK CORO_API int coro_urgent(int fd);

/*
 * Waits until any of count fds is ready for what its events ask, as poll(2) defines it, and fills in
 * revents: POLLNVAL for an fd that is not open or that coro_fd_close closes meanwhile, 0 for a
 * negative one. Regular files are always ready, but not message queues, as coro_readable says. An fd
 * may be there several times, and other tasks may read it and wait for it too. The array must stay
 * valid; up to 16 fds cost no allocation.
 *
 * timeout is in nanoseconds: 0 does not wait, CORO_FOREVER and all below 0 wait without end. Without
 * fds it is a sleep.
 *
 * Returns how many fds have revents, 0 if the time was over first, or an error. Events are not used
 * up: what was ready when the task was cancelled is still ready. Like poll(2) and ppoll(2).
 */
coro_async CORO_MUST_CHECK CORO_API int coro_poll(struct pollfd *fds, nfds_t count,
						  int64_t timeout);

/* -- the end of an fd */

/*
 * Closes an fd, and makes the running loop forget it: tasks that wait for it get -EBADF, and its
 * callbacks are removed. It does not wait for SO_LINGER's time: the system sends what is left in the
 * background. Returns 0 or an error of close; the fd is closed in any case, unless the error is
 * -EBADF. Like close(2).
 */
CORO_API int coro_fd_close(int fd);

/*
 * Closes an fd as coro_fd_close does, and resets a TCP connection: the peer gets -ECONNRESET and
 * not the end. What was not sent yet, and what the peer has not read, may be lost. Other fds are
 * just closed. Returns what coro_fd_close does. Like uv_tcp_close_reset.
 */
CORO_API int coro_fd_reset(int fd);

/*
 * Makes the running loop forget what it knows of an fd. Call it right before or right after an fd
 * that the loop has used is closed by others, or replaced by dup2, with no other call of this
 * library in between. Tasks that wait for the fd get -EBADF. Returns 0 or -EBADF.
 */
CORO_API int coro_fd_forget(int fd);

/*
 * Sets O_NONBLOCK, which saves some system calls. It is not set on fds 0 to 2 and terminals, which
 * other processes share. It also forgets the fd, as coro_fd_forget. Returns 0 or an error.
 */
CORO_MUST_CHECK CORO_API int coro_fd_set_nonblock(int fd);

/* The former name of coro_fd_set_nonblock; to be removed in 1.0. */
#define coro_fd_adopt coro_fd_set_nonblock

/* -- callbacks for fds */

/*
 * Has the loop call fn(arg) in each turn in which the fd can be read. An fd has one such callback
 * in a loop: a second replaces it. While there is one, runs do not end with -EDEADLK. While other
 * things are ready the loop polls from time to time, and not in each turn as asyncio does.
 *
 * Returns 0, -EINVAL, -EBADF, -ENOMEM, -EMFILE, or -EPERM for an fd that cannot be waited for, such
 * as most regular files. Like loop.add_reader.
 */
CORO_MUST_CHECK CORO_API int coro_loop_add_reader(struct coro_loop *loop, int fd, coro_callback *fn,
						  void *arg);

/*
 * Has the loop call fn(arg) when the fd can be written, as coro_loop_add_reader. Like
 * loop.add_writer.
 */
CORO_MUST_CHECK CORO_API int coro_loop_add_writer(struct coro_loop *loop, int fd, coro_callback *fn,
						  void *arg);

/*
 * Removes the callback of coro_loop_add_reader. Returns 1, 0 if there was none, or an error. Like
 * loop.remove_reader.
 */
CORO_API int coro_loop_remove_reader(struct coro_loop *loop, int fd);

/*
 * Removes the callback of coro_loop_add_writer. Returns 1, 0 if there was none, or an error. Like
 * loop.remove_writer.
 */
CORO_API int coro_loop_remove_writer(struct coro_loop *loop, int fd);

/*
 * Returns the name of what the loop waits for fds with: "epoll", "poll" or "uring". NULL if there
 * is no memory or fd to make it, or if the loop belongs to another thread.
 */
CORO_API const char *coro_loop_poller(struct coro_loop *loop);

CORO_END_DECLS

#endif
