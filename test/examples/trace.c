/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/trace.h. */
#include "example.h"

#include <unistd.h>

static int do_what_is_slow(void)
{
	return coro_sleep(CORO_MSEC);
}

static int traces(void *arg)
{
#include "trace.1.inc"
}

static int program(void *arg)
{
	char directory[] = "/tmp/coro-example-XXXXXX";
	if (!mkdtemp(directory) || chdir(directory) < 0)
		return -errno;
	int r = traces(arg), size = -1;
	FILE *file = fopen("trace.json", "r");
	if (file && fseek(file, 0, SEEK_END) == 0)
		size = (int)ftell(file);
	if (file)
		fclose(file);
	unlink("trace.json");
	rmdir(directory);
	return r < 0 ? r : size > 100 ? 0 : -EPROTO;
}

MAIN(program)
