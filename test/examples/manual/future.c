/* SPDX-License-Identifier: MIT */
/* A callback of the loop gives the result that a task waits for. */
#include <coro.h>
#include <stdio.h>

static void answer(void *question)
{
	int r = coro_future_set_result(question, "forty-two");
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
}

static int program(void *arg)
{
	struct coro_loop *loop = coro_running_loop();
	struct coro_future *question;
	void *text;
	int r = coro_future_create(loop, &question);
	if (r < 0)
		return r;
	r = coro_call_later(loop, 10 * CORO_MSEC, answer, question, NULL);
	if (r == 0)
		r = coro_await(question, &text);
	if (r == 0)
		printf("%s\n", (char *)text);
	coro_future_unref(question);
	return r;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
