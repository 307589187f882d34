/* SPDX-License-Identifier: MIT */
/*
 * Runs conformance programs on the library and prints their traces, which must be those of asyncio.
 *
 * usage: aio <PROGRAMS, separated by lines '---'
 */
#include "interpreter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_all(FILE *file)
{
	size_t size = 0, room = 1 << 16;
	char *text = malloc(room);
	size_t n;
	while (text && (n = fread(text + size, 1, room - size - 1, file)) > 0) {
		size += n;
		if (size + 1 == room)
			text = realloc(text, room *= 2);
	}
	if (!text)
		fault(0, "out of memory", "");
	text[size] = '\0';
	return text;
}

/* Cuts the text at its first line '---' and returns what follows; NULL if there is none. */
static char *cut(char *text)
{
	for (char *line = text; line; line = (line = strchr(line, '\n')) ? line + 1 : NULL) {
		if (strncmp(line, "---\n", 4) != 0)
			continue;
		*line = '\0';
		return line + 4;
	}
	return NULL;
}

static void run_program(char *text)
{
	struct program program;
	program_parse(&program, text);
	machine_run(&program);
	arena_free(&program.arena);
}

int main(void)
{
	char *text = read_all(stdin);
	for (char *program = text, *rest; program; program = rest) {
		rest = cut(program);
		run_program(program);
		if (rest)
			puts("---");
	}
	free(text);
	return fflush(stdout) == 0 ? 0 : 1;
}
