/* SPDX-License-Identifier: MIT */
/*
 * Fetches many pages, three at a time, and prints how each attempt ended.
 *
 * The limit is the group's: while three of its tasks run, spawning another waits. What a task has
 * to report is in its page, so a page that fails does not end the others.
 */
#include "url.h"
#include "usage.h"

#include <coro.h>
#include <errno.h>

enum { AT_A_TIME = 3, MAX_PAGE = 16 << 20 };

struct page {
	const char *url;
	char outcome[200];
};

static int running, most_running;

/* HTTP/1.0: the response ends with the connection. */
static coro_async int read_page(struct coro_stream *stream, const struct url *url,
				struct page *page)
{
	char *bytes;
	int r = coro_stream_printf(stream, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", url->target,
				   url->host);
	ssize_t n = r < 0 ? r : coro_stream_read_all(stream, MAX_PAGE, &bytes);
	if (n < 0)
		return (int)n;
	snprintf(page->outcome, sizeof(page->outcome), "%.*s, %zd bytes",
		 (int)strcspn(bytes, "\r\n"), bytes, n);
	free(bytes);
	return 0;
}

static coro_async int fetch_page(struct page *page)
{
	const struct coro_dial_options options = {.timeout = 10 * CORO_SEC};
	struct coro_stream *stream;
	struct url url;
	int r = url_parse(page->url, "http", &url);
	if (r == 0)
		r = coro_open_connection(url.address, &options, NULL, &stream);
	if (r < 0)
		return r;
	r = read_page(stream, &url, page);
	coro_stream_destroy(stream);
	return r;
}

/* Runs as a task for each page. */
static coro_async int fetch(void *arg)
{
	struct page *page = arg;
	if (++running > most_running)
		most_running = running;
	int r = fetch_page(page);
	running--;
	if (r < 0)
		snprintf(page->outcome, sizeof(page->outcome), "%s", coro_message(r));
	return r == -ECANCELED ? r : 0;
}

static coro_async int fetch_all(struct page *pages)
{
	const struct coro_group_options options = {.limit = AT_A_TIME};
	struct coro_group *group;
	int r = coro_group_create_with(&options, &group);
	if (r < 0)
		return r;
	for (struct page *page = pages; page->url && r == 0; page++)
		r = coro_group_spawn(group, fetch, page, NULL);
	return coro_group_end(group, r); /* waits for all */
}

static coro_async int program(void *pages)
{
	int r = fetch_all(pages);
	if (r < 0)
		return r;
	for (const struct page *page = pages; page->url; page++)
		printf("%s: %s\n", page->url, page->outcome);
	printf("at most %d at a time\n", most_running);
	return 0;
}

int main(int argc, char **argv)
{
	enum { MAX_PAGES = 100 };
	struct page pages[MAX_PAGES + 1] = {0};
	usage(argc, argv, 1, MAX_PAGES, "http://HOST[:PORT]/PATH...");
	for (int i = 1; i < argc; i++)
		pages[i - 1].url = argv[i];
	int r = coro_run(program, pages);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
