/* SPDX-License-Identifier: MIT */
/*
 * popen. libc's stream would read and write its pipe by libc's own calls, which block. So in a task it is
 * a stream with calls of ours, for those of stdio's functions that stdio_in.c and stdio_out.c leave out.
 */
#include "posix/apart.h"

#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

/* A stream of ours and the shell at the other end of its pipe. */
struct command {
	struct command *next;
	FILE *stream;
	int fd;
	pid_t pid;
};

static struct command *commands;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of the list */

/* -- the stream */

static ssize_t read_pipe(void *cookie, char *bytes, size_t length)
{
	return read(((struct command *)cookie)->fd, bytes, length);
}

static ssize_t write_pipe(void *cookie, const char *bytes, size_t length)
{
	ssize_t n = write(((struct command *)cookie)->fd, bytes, length);
	return n < 0 ? 0 : n; /* as fopencookie wants it */
}

static int close_pipe(void *cookie)
{
	return close(((struct command *)cookie)->fd);
}

static FILE *open_stream(struct command *command, bool reads)
{
	cookie_io_functions_t calls = {.close = close_pipe};
	if (reads)
		calls.read = read_pipe;
	else
		calls.write = write_pipe;
	FILE *stream = fopencookie(command, reads ? "r" : "w", calls);
	if (stream)
		stream->_fileno = command->fd;
	return stream;
}

/* -- the shell */

/* Runs it with one end of the pipe. Returns 0 or an error. */
static int run_shell(struct command *command, const char *text, int theirs, bool reads)
{
	posix_spawn_file_actions_t actions;
	const char *const arguments[] = {"sh", "-c", "--", text, NULL};
	int r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, theirs, reads ? 1 : 0);
	if (r == 0)
		r = posix_spawn(&command->pid, "/bin/sh", &actions, NULL, (char *const *)arguments,
				environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int begin(struct command *command, const char *text, bool reads, bool inherited)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	int theirs = fds[reads];
	command->fd = fds[!reads];
	int r = run_shell(command, text, theirs, reads);
	close(theirs);
	if (r == 0 && inherited)
		fcntl(command->fd, F_SETFD, 0);
	if (r < 0)
		close(command->fd);
	return r;
}

struct reaping {
	struct apart apart;
	pid_t pid;
};

static ssize_t reap(struct apart *apart)
{
	int status;
	pid_t pid = libc()->waitpid(((struct reaping *)apart)->pid, &status, 0);
	return pid < 0 ? -errno : status;
}

/* Waits for the end of the shell. A thread does, so that it is reaped though the task be cancelled. */
static ssize_t wait_for(pid_t pid)
{
	struct reaping *reaping = (struct reaping *)apart_create(sizeof(*reaping));
	if (!reaping)
		return -ENOMEM;
	reaping->apart.call = reap;
	reaping->pid = pid;
	struct apart *apart = &reaping->apart;
	ssize_t r = apart_run(&apart);
	free(apart);
	return r;
}

/* -- the public calls */

static void list(struct command *command)
{
	libc()->pthread_mutex_lock(&mutex);
	command->next = commands;
	commands = command;
	libc()->pthread_mutex_unlock(&mutex);
}

/* Takes a stream off the list. NULL: it is libc's. */
static struct command *unlist(const FILE *stream)
{
	libc()->pthread_mutex_lock(&mutex);
	struct command **at = &commands;
	while (*at && (*at)->stream != stream)
		at = &(*at)->next;
	struct command *command = *at;
	if (command)
		*at = command->next;
	libc()->pthread_mutex_unlock(&mutex);
	return command;
}

/* r or w, and perhaps e. */
static bool is_mode(const char *mode)
{
	return (mode[0] == 'r' || mode[0] == 'w') && strspn(mode + 1, "e") == strlen(mode + 1);
}

PUBLIC FILE *popen(const char *text, const char *mode)
{
	if (!call_waits() || !is_mode(mode))
		return libc()->popen(text, mode);
	int before = errno;
	bool reads = mode[0] == 'r';
	struct command *command = calloc(1, sizeof(*command));
	int r = command ? begin(command, text, reads, !mode[1]) : -ENOMEM;
	if (r < 0) {
		free(command);
		return call_result(r, before), NULL;
	}
	command->stream = open_stream(command, reads);
	if (!command->stream) {
		close(command->fd);
		wait_for(command->pid);
		free(command);
		return call_result(-ENOMEM, before), NULL;
	}
	list(command);
	errno = before;
	return command->stream;
}

/* Outside of tasks it blocks. */
static ssize_t end(pid_t pid)
{
	int status;
	if (call_waits())
		return wait_for(pid);
	return libc()->waitpid(pid, &status, 0) < 0 ? -errno : status;
}

PUBLIC int pclose(FILE *stream)
{
	int before = errno;
	struct command *command = unlist(stream);
	if (!command)
		return libc()->pclose(stream);
	fclose(stream);
	ssize_t r = end(command->pid);
	free(command);
	return (int)call_result(r, before);
}
