/* SPDX-License-Identifier: MIT */
/* Error codes of the program's own. */
#include <coro.h>
#include <stdio.h>

enum {
	TOO_HOT = CORO_USER_ERROR,
	TOO_COLD = CORO_USER_ERROR - 1,
};

static int taste(int degrees)
{
	if (degrees > 60)
		return coro_raise(TOO_HOT, "%d degrees", degrees);
	return degrees < 40 ? TOO_COLD : 0;
}

static int program(void *arg)
{
	int r = taste(90);
	if (r == TOO_HOT)
		printf("too hot: %s\n", coro_message(r));
	r = taste(10);
	printf("too cold: %d, and no message\n", r == TOO_COLD);
	return 0;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
