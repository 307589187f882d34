/* SPDX-License-Identifier: MIT */
/*
 * Calls on fds that look like POSIX's: in a task, only the task waits; elsewhere they block, in a
 * callback too, and then all tasks of the thread with it.
 *
 * Results are POSIX's, but for errors, which are returned: a count, or a negative errno. Besides
 * those of the system there are
 *
 *   -ECANCELED   the task was cancelled while it waited (and so for a timeout's end: coro/timeout.h)
 *   -EBADF       the fd was closed by coro_fd_close, or forgotten, while the task waited
 *   -ENOMEM, -EMFILE, -ENOSPC   the loop could not be made to watch it
 *
 * Plain close. A loop keeps a record of each fd that it has used. So close fds by coro_fd_close,
 * and call coro_fd_forget when a library closes one by itself. After a plain close, a task that
 * waits for the fd may wait for ever. If no task waits, and the number is given to a new fd of the
 * same kind, waiting for that works, with a delay of some milliseconds.
 *
 * Cancellation. A call that has transferred something returns that. A cancellation that comes then
 * ends the task's next wait; a task that ends before was not cancelled. If it came from a timeout
 * or a group whose scope ends before that wait, the scope takes it back. Signals do not interrupt
 * calls, and writing raises no SIGPIPE.
 *
 * Blocking. Any fd will do, and its O_NONBLOCK is left as it is, except on listening sockets: see
 * coro_accept. Only the task waits, even if others who share the description read from it, write to
 * it, or change O_NONBLOCK. For that a terminal or FIFO is opened once more, by /proc/self/fd;
 * coro_fd_close closes that fd too. What cannot be opened so, such as a terminal's master, and has
 * no O_NONBLOCK is read and written by a thread. What the thread reads for a call that is cancelled
 * is given to the next; what it is about to write for one, at most 64 KiB, counts as written.
 * Several tasks may wait for an fd, and are served in the order they came. Regular files, which
 * cannot be waited for, are read and written by a thread of the loop's default executor, see
 * file.h, or by the kernel on io_uring.
 *
 * On io_uring the kernel makes the calls of a turn together, while their tasks wait. A call that is
 * cancelled returns when the kernel has let go of its memory, and not before.
 */
#ifndef CORO_IO_H
#define CORO_IO_H

#include <coro/loop.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

CORO_STATIC_ASSERT(sizeof(off_t) == 8, "compile with -D_FILE_OFFSET_BITS=64, as pkg-config says");

CORO_BEGIN_DECLS

/*
 * Reads what there is, waiting for something: the count, 0 at the end (read). A read of 0 bytes does
 * not wait, and returns 0.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_read(int fd, void *bytes, size_t length);
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_readv(int fd, const struct iovec *vec, int count);

/*
 * Writes all of it, as write does where it blocks. Less is returned only if an error or a
 * cancellation came after that; the error comes back from the next call. -EPIPE if nobody reads.
 * What several tasks write to one fd is not mixed: each call's bytes stay together, in the order of
 * the calls. Other tasks run between the parts of a long write.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_write(int fd, const void *bytes, size_t length);
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_writev(int fd, const struct iovec *vec, int count);

/* At a place of a file (pread, pwrite). */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_pread(int fd, void *bytes, size_t length,
						       off_t offset);
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_pwrite(int fd, const void *bytes, size_t length,
							off_t offset);

/*
 * The same for sockets, with the flags of POSIX (recv, send: coro_send is a generator's).
 * MSG_DONTWAIT does not wait: -EAGAIN. MSG_WAITALL reads until all has come, or the end.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_recv(int fd, void *bytes, size_t length,
						      int flags);
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_sendall(int fd, const void *bytes, size_t length,
							 int flags);
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_recvfrom(int fd, void *bytes, size_t length,
							  int flags, struct sockaddr *address,
							  socklen_t *address_length);
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_sendto(int fd, const void *bytes, size_t length,
							int flags, const struct sockaddr *address,
							socklen_t address_length);
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_recvmsg(int fd, struct msghdr *message, int flags);
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_sendmsg(int fd, const struct msghdr *message,
							 int flags);

/*
 * Accepts a connection: its fd, which has O_NONBLOCK and FD_CLOEXEC (accept4). The fd is never 0, 1
 * or 2, even if a standard stream was closed: what the program prints must not reach the peer.
 * address and length may be NULL. Connections that were reset while they waited, or have another of
 * the errors that accept(2) attributes to the connection, are passed over. -EMFILE, -ENFILE and the
 * like leave the connection waiting. The listening socket gets O_NONBLOCK, and keeps it: else a
 * connection that another process takes meanwhile would block the thread.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_accept(int fd, struct sockaddr *address,
						    socklen_t *length);

/*
 * Connects: 0. When it was cancelled, the system goes on connecting until the fd is closed; a
 * second call waits for the same. -ECONNREFUSED, -ETIMEDOUT and so on. A socket without O_NONBLOCK
 * is connected by a thread, or by the kernel on io_uring.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_connect(int fd, const struct sockaddr *address,
						     socklen_t length);

/*
 * Sends up to length bytes of a file without copying them to the program, where the system can
 * (sendfile): the count, less at the file's end. *offset is where to begin, and then where it
 * ended; NULL for the file's own offset. It sends in parts: other tasks run in between, but none of
 * them writes to `out`. To a regular file, a thread sends it.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_sendfile(int out, int in, off_t *offset,
							  size_t length);

/*
 * Moves up to length bytes between two fds, one of which is a pipe, and waits for either (splice).
 * If the other has no O_NONBLOCK, a thread does it, and a call that is cancelled meanwhile returns
 * when the thread is done. -ENOSYS on other systems than Linux.
 */
coro_async CORO_MUST_CHECK CORO_API ssize_t coro_splice(int in, off_t *in_offset, int out,
							off_t *out_offset, size_t length,
							unsigned flags);

/*
 * Waits until a read or a write would not block, or would fail: 0. For those who then call the
 * system themselves (libraries that bring their own read). Regular files always are.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_readable(int fd);
coro_async CORO_MUST_CHECK CORO_API int coro_writable(int fd);

/*
 * Waits until there is something urgent (POLLPRI), or an error or a hang-up, whatever there is to read
 * or to write: 0. So of a TCP connection for urgent data, which stays until it is read (MSG_OOB), or
 * until it is lost (POLLERR); of files of /proc and /sys, for a change. -EPERM for what cannot be
 * waited for, as regular files; -ENOSYS in a task but on Linux.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_urgent(int fd);

/*
 * Closes an fd, in the running loop as well: its tasks that wait get -EBADF, its callbacks are
 * removed. 0 or an error of close's, after which it is closed all the same, unless that is -EBADF.
 */
CORO_API int coro_fd_close(int fd);

/*
 * The same, and resets a TCP connection (SO_LINGER of 0 s; uv_tcp_close_reset): the peer gets an
 * error, -ECONNRESET, and not the end. What was not sent yet, and what the peer has not read, may
 * be lost. Other fds are just closed.
 */
CORO_API int coro_fd_reset(int fd);

/*
 * Has the running loop forget what it knows of this number. Call it right before or right after an
 * fd that the loop used is closed by others, or replaced by dup2, with no other call of this
 * library in between. Tasks that wait get -EBADF. 0 or -EBADF.
 */
CORO_API int coro_fd_forget(int fd);

/*
 * Sets O_NONBLOCK, which saves a system call here and there where the system has no flag of the
 * call's own; but not on 0, 1, 2 and terminals, which are shared with others. Forgets the fd, as
 * coro_fd_forget does. 0 or an error.
 */
CORO_MUST_CHECK CORO_API int coro_fd_set_nonblock(int fd);

/* Its name before; to be removed with 1.0. */
#define coro_fd_adopt coro_fd_set_nonblock

/*
 * Has the loop call fn(arg) in each turn in which the fd is ready (loop.add_reader, add_writer).
 * There is one for each direction: another takes its place. While there is one the loop does not
 * come to its end. While others are ready to run the loop polls now and then, and not in each turn
 * as asyncio. 0; -EPERM for an fd that cannot be waited for: regular files, except some of /proc
 * and /sys; -EINVAL, -EBADF, -ENOMEM, -EMFILE.
 */
CORO_MUST_CHECK CORO_API int coro_loop_add_reader(struct coro_loop *loop, int fd, coro_callback *fn,
						  void *arg);
CORO_MUST_CHECK CORO_API int coro_loop_add_writer(struct coro_loop *loop, int fd, coro_callback *fn,
						  void *arg);

/* Removes the callback: 1; 0 if there was none (loop.remove_reader, remove_writer). */
CORO_API int coro_loop_remove_reader(struct coro_loop *loop, int fd);
CORO_API int coro_loop_remove_writer(struct coro_loop *loop, int fd);

/*
 * What the loop waits for fds with: "epoll", "poll" or "uring". NULL if it could not be made
 * without memory or fds, or if the loop is another thread's.
 */
CORO_API const char *coro_loop_poller(struct coro_loop *loop);

CORO_END_DECLS

#endif
