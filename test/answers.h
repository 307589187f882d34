/* SPDX-License-Identifier: MIT */
/* What tests of clients share: a server with one answer for all, and what the client prints. */
#ifndef TEST_ANSWERS_H
#define TEST_ANSWERS_H

#include "fds.h"

#include <fcntl.h>

/* The server's answer to whatever it is asked. */
static struct {
	const char *text;
	size_t length;
	bool slowly;  /* byte by byte */
	size_t least; /* of the question that it waits for, in bytes; 0 for one */
} answer_of_server;

static char answering_address[CORO_ADDRESS_SIZE];

static inline int answers(struct coro_stream *stream, void *arg)
{
	const char *question;
	size_t part = answer_of_server.slowly ? 1 : answer_of_server.length;
	ssize_t n = coro_stream_peek(stream, answer_of_server.least + !answer_of_server.least,
				     &question);
	if (n <= 0)
		return (int)n;
	for (size_t at = 0; at < answer_of_server.length; at += part) {
		int r = coro_stream_write(stream, answer_of_server.text + at, part);
		if (r == 0)
			r = coro_stream_flush(stream);
		if (r < 0)
			return r;
	}
	return 0;
}

static inline void answer(const char *text, bool slowly)
{
	answer_of_server.text = text;
	answer_of_server.length = strlen(text);
	answer_of_server.slowly = slowly;
}

struct client_run {
	coro_fn *fn;
	void (*prepare)(void); /* called when the server's address is known; or NULL */
	void *arg;
};

static inline void ignores(int error, const char *message, void *arg)
{
}

static inline int runs_client(void *arg)
{
	const struct client_run *run = arg;
	const struct coro_server_options options = {.failed = ignores};
	struct coro_server *server;
	int r = coro_server_start("127.0.0.1:0", &options, answers, NULL, &server);
	ck_assert_int_eq(r, 0);
	coro_server_address(server, answering_address, sizeof(answering_address));
	if (run->prepare)
		run->prepare();
	r = run->fn(run->arg);
	coro_server_shutdown(server, 0);
	coro_server_destroy(server);
	return r;
}

/* Runs a client, and keeps what it prints on its standard output. Returns its result. */
static inline int run_client(const struct client_run *run, char *printed, size_t size)
{
	char path[] = "/tmp/coro-answers-XXXXXX";
	int file = mkstemp(path), out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	ck_assert(file >= 0 && out >= 0 && unlink(path) == 0);
	fflush(stdout);
	ck_assert_int_eq(dup2(file, STDOUT_FILENO), STDOUT_FILENO);
	int r = result_of(runs_client, (void *)run);
	fflush(stdout);
	ck_assert_int_eq(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
	ssize_t n = pread(file, printed, size - 1, 0);
	printed[n < 0 ? 0 : n] = '\0';
	close(out);
	close(file);
	return r;
}

/* What a client prints of an answer, and its result. */
struct answer_case {
	const char *text, *printed;
	int result;
};

static inline void run_cases(const struct client_run *run, const struct answer_case *cases,
			     size_t count, bool slowly)
{
	char printed[200];
	for (size_t i = 0; i < count; i++) {
		answer(cases[i].text, slowly);
		int r = run_client(run, printed, sizeof(printed));
		ck_assert_msg(r == cases[i].result, "%s: %d", cases[i].text, r);
		ck_assert_str_eq(printed, cases[i].printed);
	}
}

#endif
