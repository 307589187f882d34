/* SPDX-License-Identifier: MIT */
/* What a demo says to --help and to a wrong number of arguments. */
#ifndef USAGE_H
#define USAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Prints "usage: NAME TEXT" and ends the program if its only argument is --help, or if it has fewer
 * than min or more than max arguments.
 */
static inline void usage(int argc, char **argv, int min, int max, const char *text)
{
	int help = argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
	if (!help && argc > min && argc <= max + 1)
		return;
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	fprintf(help ? stdout : stderr, "usage: %s %s\n", slash ? slash + 1 : argv[0], text);
	exit(help ? EXIT_SUCCESS : EXIT_FAILURE);
}

#endif
