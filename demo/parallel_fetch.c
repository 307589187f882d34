/* SPDX-License-Identifier: MIT */
/*
 * Fetches pages at once, no more than three at a time: parallel_fetch http://HOST[:PORT]/PATH ...
 * Without any, from a server of its own, whose pages take their time.
 */
#include <coro.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 100, AT_A_TIME = 3, MOST = 16 << 20 };

struct page {
	const char *url;
	const char *name; /* that it is told by */
	struct coro_future *task;
	char *bytes; /* head and body */
	ssize_t length;
};

static struct coro_semaphore places;
static int under_way, most_under_way;

/* "http://host:port/path", taken apart: the address to dial, and the path. */
static int parse_url(const char *url, char *address, size_t size, const char **path)
{
	const char *host = strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
	if (!host)
		return coro_raise(-EINVAL, "%s: only http: is known here", url);
	int length = (int)strcspn(host, "/");
	if (length == 0)
		return coro_raise(-EINVAL, "%s: there is no host", url);
	bool has_port = memchr(host, ':', (size_t)length) && host[length - 1] != ']';
	*path = host[length] ? host + length : "/";
	snprintf(address, size, "%.*s%s", length, host, has_port ? "" : ":80");
	return 0;
}

static coro_async int fetch_from(struct coro_stream *stream, const char *host, const char *path,
				 struct page *page)
{
	int r = coro_stream_printf(stream, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host);
	if (r == 0)
		page->length = coro_stream_read_all(stream, MOST, &page->bytes);
	return r < 0 ? r : page->length < 0 ? (int)page->length : 0;
}

static coro_async int fetch_page(struct page *page)
{
	const struct coro_dial_options options = {.timeout = 10 * CORO_SEC};
	struct coro_stream *stream;
	char address[300];
	const char *path = "/";
	int r = parse_url(page->url, address, sizeof(address), &path);
	if (r == 0)
		r = coro_open_connection(address, &options, NULL, &stream);
	if (r < 0)
		return r;
	r = fetch_from(stream, address, path, page);
	coro_stream_destroy(stream);
	return r;
}

static int fetch(void *page)
{
	int r = coro_semaphore_acquire(&places);
	if (r < 0)
		return r;
	if (++under_way > most_under_way)
		most_under_way = under_way;
	r = fetch_page(page);
	under_way--;
	coro_semaphore_release(&places);
	return r;
}

static void tell(const struct page *page, int r)
{
	if (r < 0)
		printf("%s: %s\n", page->name, coro_message(r));
	else
		printf("%s: %.*s, %zd bytes\n", page->name, (int)strcspn(page->bytes, "\r\n"),
		       page->bytes, page->length);
}

static coro_async int fetch_all(struct page *pages, size_t count)
{
	int r = 0;
	size_t begun = 0;
	coro_semaphore_init(&places, AT_A_TIME);
	while (r == 0 && begun < count) {
		r = coro_spawn(fetch, &pages[begun], &pages[begun].task);
		begun += r == 0;
	}
	for (size_t i = 0; i < begun; i++) {
		int fetched = coro_await(pages[i].task, NULL);
		tell(&pages[i], fetched);
		coro_future_unref(pages[i].task);
		free(pages[i].bytes);
	}
	return r;
}

/* ---- trying it out ---- */

/* /N takes N hundredths of a second. */
static int serve(struct coro_stream *stream, void *arg)
{
	const char *line;
	char page[64];
	ssize_t n = coro_stream_readline(stream, &line);
	if (n < 8 || n >= (ssize_t)sizeof(page))
		return n < 0 ? (int)n : -EPROTO;
	snprintf(page, sizeof(page), "%.*s", (int)n, line);
	int hundredths = atoi(page + strlen("GET /"));
	while ((n = coro_stream_readline(stream, &line)) > 2)
		;
	int r = coro_sleep(hundredths * 10 * CORO_MSEC);
	return r < 0 ? r
		     : coro_stream_printf(stream, "HTTP/1.0 200 OK\r\n\r\n%d hundredths\n",
					  hundredths);
}

static coro_async int try_out(void)
{
	static const char *const waits[] = {"9", "1", "5", "3", "7", "2"};
	char address[CORO_ADDRESS_SIZE], urls[6][CORO_ADDRESS_SIZE + 20];
	struct page pages[6] = {0};
	struct coro_server *server;
	int r = coro_server_start("127.0.0.1:0", NULL, serve, NULL, &server);
	if (r < 0)
		return r;
	coro_server_address(server, address, sizeof(address));
	for (int i = 0; i < 6; i++) {
		snprintf(urls[i], sizeof(urls[i]), "http://%s/%s", address, waits[i]);
		pages[i].url = urls[i];
		pages[i].name = waits[i]; /* the port is another each time */
	}
	r = fetch_all(pages, 6);
	coro_server_shutdown(server, CORO_SEC);
	coro_server_destroy(server);
	return r;
}

static char **urls_given;

static int program(void *arg)
{
	struct page pages[PAGES] = {0};
	size_t count = 0;
	for (; urls_given[count] && count < PAGES; count++)
		pages[count].url = pages[count].name = urls_given[count];
	int r = count ? fetch_all(pages, count) : try_out();
	if (r == 0)
		printf("at most %d at a time\n", most_under_way);
	return r;
}

int main(int argc, char **argv)
{
	urls_given = argv + 1;
	int r = coro_run(program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
