/* SPDX-License-Identifier: MIT */
/*
 * libssh2, as it is, in tasks of one thread: libssh2 PORT USER KEY COMMAND, where the command kills the
 * server at once. See test/check-posix-libssh2.
 */
#include "libraries.h"

#include <libssh2.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 10, BYTES = 1 << 20 };

static int port;
static const char *user, *key, *kill_server;

struct connection {
	int fd;
	LIBSSH2_SESSION *session;
	LIBSSH2_CHANNEL *channel;
};

static const char *error_of(const struct connection *connection)
{
	char *text = NULL;
	libssh2_session_last_error(connection->session, &text, NULL, 0);
	return text ? text : "no error";
}

static bool try_to_connect(struct connection *connection)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connection->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	close(connection->fd);
	return false;
}

static void open_session(struct connection *connection)
{
	claim(try_to_connect(connection), "connect: %s", strerror(errno));
	connection->session = libssh2_session_init();
	claim(libssh2_session_handshake(connection->session, connection->fd) == 0, "handshake: %s",
	      error_of(connection));
	claim(libssh2_userauth_publickey_fromfile(connection->session, user, NULL, key, "") == 0,
	      "authentication: %s", error_of(connection));
	connection->channel = libssh2_channel_open_session(connection->session);
	claim(connection->channel, "channel: %s", error_of(connection));
}

static void close_session(struct connection *connection)
{
	libssh2_channel_free(connection->channel);
	libssh2_session_free(connection->session);
	close(connection->fd);
}

static void execute(struct connection *connection, const char *command)
{
	open_session(connection);
	claim(libssh2_channel_exec(connection->channel, command) == 0, "exec: %s",
	      error_of(connection));
}

/* -- commands, and bytes there and back */

static int runs_a_command(void *arg)
{
	char command[64], text[64] = "";
	struct connection connection;
	snprintf(command, sizeof(command), "sleep 0.5; echo %d; exit 3", (int)(intptr_t)arg);
	execute(&connection, command);
	enter();
	libssh2_channel_read(connection.channel, text, sizeof(text) - 1);
	leave();
	libssh2_channel_close(connection.channel);
	libssh2_channel_wait_closed(connection.channel);
	bool right = atoi(text) == (int)(intptr_t)arg && strchr(text, '\n') &&
		     libssh2_channel_get_exit_status(connection.channel) == 3;
	close_session(&connection);
	return right ? 0 : -EIO;
}

static int commands(void *arg)
{
	return run_several(CONNECTIONS, runs_a_command);
}

static int reads_bytes(void *arg)
{
	char bytes[16384];
	long count = 0;
	ssize_t got;
	struct connection connection;
	snprintf(bytes, sizeof(bytes), "head -c %d /dev/zero", BYTES);
	execute(&connection, bytes);
	enter();
	while ((got = libssh2_channel_read(connection.channel, bytes, sizeof(bytes))) > 0)
		count += got;
	leave();
	close_session(&connection);
	return got == 0 && count == BYTES ? 0 : -EIO;
}

static int reading(void *arg)
{
	return run_several(4, reads_bytes);
}

/* -- cancellation, and the server's death */

static int reads_for_ever(void *arg)
{
	char text[64];
	struct connection connection;
	execute(&connection, "sleep 30");
	enter();
	ssize_t got = libssh2_channel_read(connection.channel, text, sizeof(text));
	leave();
	bool eof = libssh2_channel_eof(connection.channel);
	shutdown(connection.fd, SHUT_RDWR); /* or else it waits for the end of the command */
	close_session(&connection);
	return got < 0 || (got == 0 && !eof) ? 0 : -EIO;
}

static int wait_until_inside(int count)
{
	int r = 0;
	while (r == 0 && inside < count)
		r = coro_sleep(CORO_MSEC);
	return r < 0 ? r : coro_sleep(20 * CORO_MSEC);
}

static int cancelled_task(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(reads_for_ever, NULL, &task);
	r = r < 0 ? r : wait_until_inside(1);
	claim(coro_cancel(task) == 1, "coro_cancel");
	r = r < 0 ? r : coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

static int kills(void *arg)
{
	int r = wait_until_inside(CONNECTIONS);
	return r < 0 ? r : coro_to_thread((coro_fn *)system, (void *)kill_server);
}

static bool refuses(void)
{
	struct connection connection;
	bool refused = !try_to_connect(&connection);
	if (!refused)
		close(connection.fd);
	return refused;
}

static int killed_server(void *arg)
{
	return run_until_killed(CONNECTIONS, reads_for_ever, kills, refuses);
}

static int steps(void *arg)
{
	printf("libssh2 %s\n", libssh2_version(0));
	step("10 connections, all in a command for 0.5 s", commands, NULL);
	step("1 MiB read, 4 times", reading, NULL);
	step("a task that is cancelled in a command", cancelled_task, NULL);
	step("the server is killed in 10 commands", killed_server, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	port = atoi(argv[1]);
	user = argv[2];
	key = argv[3];
	kill_server = argv[4];
	libssh2_init(0);
	int r = run_steps(steps);
	libssh2_exit();
	return r < 0;
}
