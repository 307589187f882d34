/* SPDX-License-Identifier: MIT */
/*
 * The C library's stdio on pipes, in tasks of one thread, with programs at the other ends. See
 * test/check-posix-stdio.
 */
#include "libraries.h"

#include <fcntl.h>
#include <gnu/libc-version.h>
#include <unistd.h>

enum { COMMANDS = 20, LINES = 20000 };

/* -- many commands: each tells two lines, the second when all have told the first */

static int told, pipes[2];

static int reads_two_lines(void *arg)
{
	char text[100], line[40];
	(void)arg;
	snprintf(text, sizeof(text), "echo one; read x <&%d; echo two", pipes[0]);
	FILE *stream = popen(text, "r");
	if (!stream || !fgets(line, sizeof(line), stream) || strcmp(line, "one\n") != 0)
		return -EIO;
	told++;
	enter();
	bool right = fgets(line, sizeof(line), stream) && strcmp(line, "two\n") == 0;
	leave();
	return pclose(stream) == 0 && right ? 0 : -EIO;
}

static int lets_them_go(void *arg)
{
	int r = 0;
	(void)arg;
	while (r == 0 && told < COMMANDS)
		r = coro_sleep(CORO_MSEC);
	r = r < 0 ? r : coro_sleep(200 * CORO_MSEC);
	for (int i = 0; i < COMMANDS && r == 0; i++)
		r = write(pipes[1], "\n", 1) == 1 ? 0 : -errno;
	return r;
}

static int many_commands(void *arg)
{
	struct coro_future *task;
	(void)arg;
	int r = pipe(pipes) == 0 ? coro_spawn(lets_them_go, NULL, &task) : -errno;
	if (r < 0)
		return r;
	r = run_several(COMMANDS, reads_two_lines);
	int other = coro_await(task, NULL);
	coro_future_unref(task);
	close(pipes[0]);
	close(pipes[1]);
	return r < 0 ? r : other;
}

/* -- lines through a program that takes its time */

static int writes_lines(void *arg)
{
	FILE *stream = arg;
	for (int i = 0; i < LINES; i++)
		if (fprintf(stream, "line %d of a text that takes some room\n", i) < 0)
			return -errno;
	return fclose(stream) == 0 ? 0 : -errno;
}

static int reads_lines(FILE *stream)
{
	char *line = NULL, expected[80];
	size_t room = 0;
	int count = 0, r = 0;
	while (r == 0 && getline(&line, &room, stream) > 0) {
		snprintf(expected, sizeof(expected), "line %d of a text that takes some room\n",
			 count++);
		r = strcmp(line, expected) == 0 ? 0 : -EIO;
	}
	free(line);
	return r < 0 ? r : count == LINES ? 0 : -EIO;
}

static int copies(void *arg)
{
	struct coro_future *task;
	int there[2];
	char text[100];
	(void)arg;
	if (pipe(there) < 0)
		return -errno;
	fcntl(there[1], F_SETFD, FD_CLOEXEC);
	snprintf(text, sizeof(text), "sleep 0.1; exec cat <&%d", there[0]);
	FILE *stream = popen(text, "r");
	close(there[0]);
	int r = coro_spawn(writes_lines, fdopen(there[1], "w"), &task);
	if (r < 0)
		return r;
	enter();
	r = reads_lines(stream);
	leave();
	int written = coro_await(task, NULL);
	coro_future_unref(task);
	return pclose(stream) != 0 ? -EIO : r < 0 ? r : written;
}

static int lines_through_programs(void *arg)
{
	(void)arg;
	return run_several(4, copies);
}

/* -- stdin and stdout are pipes to the script, which answers after a while */

static int asks(void *arg)
{
	char line[40];
	(void)arg;
	FILE *question = fopen(getenv("QUESTION"), "w");
	if (!question || fprintf(question, "2 + 3\n") < 0 || fclose(question) != 0)
		return -errno;
	FILE *answer = fopen(getenv("ANSWER"), "r");
	if (!answer)
		return -errno;
	enter();
	bool right = fgets(line, sizeof(line), answer) && strcmp(line, "5\n") == 0;
	leave();
	fclose(answer);
	return right && fgets(line, sizeof(line), stdin) && strcmp(line, "bye\n") == 0 ? 0 : -EIO;
}

/* -- the other end dies */

static int reads_until_it_dies(void *arg)
{
	char line[40];
	(void)arg;
	FILE *stream = popen("echo one; sleep 0.1; kill -9 $$", "r");
	enter();
	bool first = stream && fgets(line, sizeof(line), stream);
	bool second = fgets(line, sizeof(line), stream);
	leave();
	return pclose(stream) == 9 && first && !second ? 0 : -EIO;
}

static int killed_commands(void *arg)
{
	(void)arg;
	return run_several(10, reads_until_it_dies);
}

static int steps(void *arg)
{
	(void)arg;
	printf("stdio of glibc %s\n", gnu_get_libc_version());
	step("20 commands, all in fgets for 0.2 s", many_commands, NULL);
	step("20,000 lines through cat, 4 times", lines_through_programs, NULL);
	step("FIFOs and stdin, answered after 0.2 s", asks, NULL);
	step("10 commands that are killed in fgets", killed_commands, NULL);
	return 0;
}

int main(void)
{
	return run_steps(steps) < 0;
}
