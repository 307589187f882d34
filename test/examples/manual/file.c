/* SPDX-License-Identifier: MIT */
/* The names in a directory. */
#include <coro.h>
#include <stdio.h>

static int list(const char *path)
{
	struct coro_dir *dir;
	const char *name;
	int r = coro_opendir(path, &dir);
	if (r < 0)
		return r;
	while ((r = coro_readdir(dir, &name)) > 0)
		puts(name);
	coro_closedir(dir);
	return r;
}

static int program(void *arg)
{
	int r = coro_mkdir("file.d", 0700);
	if (r == 0)
		r = coro_mkdir("file.d/inside", 0700);
	if (r == 0)
		r = list("file.d");
	if (r == 0)
		r = coro_rmdir("file.d/inside");
	return r < 0 ? r : coro_rmdir("file.d");
}

int main(void)
{
	int r = coro_run(program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
