/* SPDX-License-Identifier: MIT */
/*
 * libcurl's easy interface, as it is, in tasks of one thread: libcurl HTTP HTTPS CA COMMAND, where HTTP is
 * the address of demo/http_server, HTTPS that of demo/https_server, or empty, and the command kills the
 * first at once. See test/check-posix-libcurl.
 */
#include "libraries.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TASKS = 10, TRANSFERS = 10, BODY = 1 << 20, COUNT = 1000000 };

static const char *http, *https, *ca, *kill_server;

/* -- transfers */

struct body {
	char *bytes; /* NULL: they are counted only */
	size_t length;
};

static size_t receive(char *bytes, size_t size, size_t count, void *arg)
{
	struct body *body = arg;
	if (body->bytes && body->length + size * count <= BODY)
		memcpy(body->bytes + body->length, bytes, size * count);
	body->length += size * count;
	return size * count;
}

static CURL *open_handle(const char *scheme, const char *address, const char *path,
			 struct body *body)
{
	char url[256];
	CURL *curl = curl_easy_init();
	claim(curl, "curl_easy_init");
	snprintf(url, sizeof(url), "%s://%s%s", scheme, address, path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	return curl;
}

static CURLcode perform(CURL *curl)
{
	enter();
	CURLcode r = curl_easy_perform(curl);
	leave();
	return r;
}

/* -- keep-alive: one connection for the transfers of a task */

static int transfers(const char *scheme, const char *address)
{
	struct body body = {0};
	CURL *curl = open_handle(scheme, address, "/", &body);
	long status, connections, all = 0;
	for (int i = 0; i < TRANSFERS; i++) {
		body.length = 0;
		CURLcode r = perform(curl);
		claim(r == CURLE_OK, "%s: %s", address, curl_easy_strerror(r));
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connections);
		claim(status == 200 && body.length > 0, "status %ld", status);
		all += connections;
	}
	curl_easy_cleanup(curl);
	return all == 1 ? 0 : -EIO;
}

static int plain(void *arg)
{
	return transfers("http", http);
}

static int secure(void *arg)
{
	return transfers("https", https);
}

static int transferring(void *arg)
{
	return run_several(TASKS, arg);
}

/* -- bodies, there and back */

static int echoes(void *arg)
{
	struct body body = {.bytes = malloc(BODY)};
	char *sent = malloc(BODY);
	claim(body.bytes && sent, "no memory");
	for (int i = 0; i < BODY; i++)
		sent[i] = (char)(i * 7 + (int)(intptr_t)arg);
	CURL *curl = open_handle("http", http, "/echo", &body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sent);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)BODY);
	CURLcode r = perform(curl);
	claim(r == CURLE_OK, "POST: %s", curl_easy_strerror(r));
	bool right = body.length == BODY && memcmp(sent, body.bytes, BODY) == 0;
	curl_easy_cleanup(curl);
	free(body.bytes);
	free(sent);
	return right ? 0 : -EIO;
}

static int echoing(void *arg)
{
	return run_several(TASKS, echoes);
}

/* -- a server that is silent, and then resets the connection if it is told to */

struct silent {
	int listener;
	char address[32];
	bool resets;
};

static void listen_silently(struct silent *silent)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	silent->listener = socket(AF_INET, SOCK_STREAM, 0);
	claim(bind(silent->listener, (struct sockaddr *)&address, length) == 0 &&
		      listen(silent->listener, 16) == 0 &&
		      getsockname(silent->listener, (struct sockaddr *)&address, &length) == 0,
	      "listen: %s", strerror(errno));
	snprintf(silent->address, sizeof(silent->address), "127.0.0.1:%d", ntohs(address.sin_port));
}

static int get_silently(struct silent *silent, long timeout)
{
	struct body body = {0};
	CURL *curl = open_handle("http", silent->address, "/", &body);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
	CURLcode r = perform(curl);
	curl_easy_cleanup(curl);
	return (int)r;
}

static int gets_for_ever(void *arg)
{
	return get_silently(arg, 0);
}

static int cancelled_task(void *arg)
{
	struct silent silent;
	struct coro_future *task;
	listen_silently(&silent);
	int r = coro_spawn(gets_for_ever, &silent, &task);
	while (r == 0 && inside == 0)
		r = coro_sleep(CORO_MSEC);
	r = r < 0 ? r : coro_sleep(20 * CORO_MSEC);
	claim(coro_cancel(task) == 1, "coro_cancel");
	r = coro_await(task, NULL);
	coro_future_unref(task);
	close(silent.listener);
	claim(r > 0, "the cancelled transfer: %d", r);
	return 0;
}

static int timed_out(void *arg)
{
	struct silent silent;
	listen_silently(&silent);
	int r = get_silently(&silent, 50);
	close(silent.listener);
	return r == CURLE_OPERATION_TIMEDOUT ? 0 : -EIO;
}

static int resets(void *arg)
{
	struct silent *silent = arg;
	char request[512];
	struct linger at_once = {.l_onoff = 1};
	int fd = accept(silent->listener, NULL, NULL);
	claim(fd >= 0 && recv(fd, request, sizeof(request), 0) > 0, "no request");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	return 0;
}

static int reset_connection(void *arg)
{
	struct silent silent;
	struct coro_future *task;
	listen_silently(&silent);
	int r = coro_spawn(resets, &silent, &task);
	if (r < 0)
		return r;
	int got = get_silently(&silent, 0);
	r = coro_await(task, NULL);
	coro_future_unref(task);
	close(silent.listener);
	claim(got == CURLE_RECV_ERROR, "a reset: %s", curl_easy_strerror((CURLcode)got));
	return r;
}

/* -- the server dies */

static int receiving; /* the transfers that have received something */
static bool killed;

static size_t pauses(char *bytes, size_t size, size_t count, void *arg)
{
	struct body *body = arg;
	receiving += body->length == 0;
	if (!killed)
		usleep(1000);
	return receive(bytes, size, count, arg);
}

static int counts_until_it_dies(void *arg)
{
	char path[32];
	struct body body = {0};
	snprintf(path, sizeof(path), "/count/%d", COUNT);
	CURL *curl = open_handle("http", http, path, &body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, pauses);
	CURLcode r = perform(curl);
	curl_easy_cleanup(curl);
	claim(r == CURLE_RECV_ERROR || r == CURLE_PARTIAL_FILE, "a killed server: %s",
	      curl_easy_strerror(r));
	return 0;
}

static int kills(void *arg)
{
	int r = 0;
	while (r == 0 && receiving < TASKS)
		r = coro_sleep(CORO_MSEC);
	r = r < 0 ? r : coro_to_thread((coro_fn *)system, (void *)kill_server);
	killed = true;
	return r;
}

static bool refuses(void)
{
	struct body body = {0};
	CURL *curl = open_handle("http", http, "/", &body);
	CURLcode refused = perform(curl);
	curl_easy_cleanup(curl);
	return refused == CURLE_COULDNT_CONNECT;
}

static int killed_server(void *arg)
{
	return run_until_killed(TASKS, counts_until_it_dies, kills, refuses);
}

static int steps(void *arg)
{
	printf("%s\n", curl_version());
	step("100 transfers by 10 connections", transferring, (void *)plain);
	if (*https)
		step("100 transfers by 10 connections, HTTPS", transferring, (void *)secure);
	step("1 MiB sent and received, 10 times", echoing, NULL);
	step("a transfer that is cancelled", cancelled_task, NULL);
	step("a timeout of libcurl", timed_out, NULL);
	step("the connection is reset", reset_connection, NULL);
	step("the server is killed in 10 transfers", killed_server, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	http = argv[1];
	https = argv[2];
	ca = argv[3];
	kill_server = argv[4];
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int r = run_steps(steps);
	curl_global_cleanup();
	return r < 0;
}
