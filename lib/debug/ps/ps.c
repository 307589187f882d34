/* SPDX-License-Identifier: MIT */
/* coro-ps: lists the tasks of a process or of a core file, which need not help. See coro-ps(1). */
#include "coro/base.h"
#include "debug/ps/complain.h"
#include "debug/ps/descriptor.h"
#include "debug/ps/report.h"
#include "debug/ps/table.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE = 2 };

struct options {
	void (*print)(const struct report *report);
	bool all, backtrace, no_stop;
	const char *target;
};

static void print_usage(FILE *file)
{
	fputs("usage: coro-ps [-ab] [-j | -t] [--no-stop] PID | CORE\n"
	      "\n"
	      "Lists the loops and tasks of a process, or of the one that left a core file.\n"
	      "\n"
	      "  -a, --all        also the library's own tasks\n"
	      "  -b, --backtrace  with the calls of each task\n"
	      "  -j, --json       as JSON\n"
	      "  -t, --tree       as a tree: each task below one that waits for it\n"
	      "      --no-stop    does not stop the process; what is read may not fit together\n"
	      "  -h, --help       prints this\n"
	      "  -V, --version    prints the version\n",
	      file);
}

static void print_version(void)
{
	const char *by = "frame pointers";
	if (!registers_known())
		by = "nothing, on this CPU";
	else if (unwind_by_tables)
		by = "libdw";
	else if (!registers_cpu.chained)
		by = "nothing but the innermost call, on this CPU";
	printf("coro-ps %d.%d.%d, backtraces by %s\n", CORO_VERSION_MAJOR, CORO_VERSION_MINOR,
	       CORO_VERSION_PATCH, by);
}

/* Ends the process where there is nothing else to do. */
static void read_options(int argc, char **argv, struct options *ret)
{
	enum { NO_STOP = 256 };
	static const struct option names[] = {
		{"all", no_argument, NULL, 'a'},         {"backtrace", no_argument, NULL, 'b'},
		{"json", no_argument, NULL, 'j'},        {"tree", no_argument, NULL, 't'},
		{"no-stop", no_argument, NULL, NO_STOP}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},     {NULL, 0, NULL, 0},
	};
	*ret = (struct options){.print = report_list};
	for (int c; (c = getopt_long(argc, argv, "abjthV", names, NULL)) >= 0;) {
		if (c == 'a')
			ret->all = true;
		else if (c == 'b')
			ret->backtrace = true;
		else if (c == NO_STOP)
			ret->no_stop = true;
		else if ((c == 'j' || c == 't') && ret->print == report_list)
			ret->print = c == 'j' ? report_json : report_tree;
		else if (c == 'h')
			print_usage(stdout);
		else if (c == 'V')
			print_version();
		if (c == 'h' || c == 'V')
			exit(EXIT_SUCCESS);
		if (c == '?') {
			print_usage(stderr);
			exit(USAGE);
		}
	}
	if (argc - optind != 1) {
		print_usage(stderr);
		exit(USAGE);
	}
	ret->target = argv[optind];
}

/* The process that the text names; 0 if it is the name of a file. */
static int pid_of(const char *text)
{
	char *end;
	errno = 0;
	long pid = strtol(text, &end, 10);
	return *text && !*end && errno == 0 && pid > 0 && pid <= INT_MAX ? (int)pid : 0;
}

static int stop(struct image *image, const struct options *options)
{
	if (image->core)
		return 0;
	if (!options->no_stop)
		return process_stop(image);
	process_look(image);
	return 0;
}

static bool is_empty(const struct snapshot *snapshot)
{
	return snapshot->loop_count == 0;
}

/* Prints the snapshot. The process runs on. */
static void print(struct snapshot *snapshot, const struct options *options, const char *what)
{
	struct report report = {.snapshot = snapshot, .what = what, .servants = options->all};
	if (options->backtrace && !snapshot->stacks)
		complain("there are no backtraces: the registers of this CPU are not known");
	else if (options->backtrace) {
		if (!unwind_by_tables && !registers_cpu.chained)
			complain(
				"backtraces end after a call: on this CPU, more is found by libdw alone");
		snapshot_find_registers(snapshot);
		report.unwinder = unwind_begin(snapshot);
	}
	options->print(&report);
	unwind_end(report.unwinder);
}

static int look(struct image *image, const struct options *options, const char *what)
{
	struct debug_offsets tables[TABLES];
	struct snapshot snapshot;
	int count = tables_find(image, what, tables);
	if (count < 0)
		return -1;
	/* What was read up to now may have changed since. */
	memory_finish(&image->memory);
	if (stop(image, options) < 0)
		return -1;
	snapshot_take(&snapshot, image, tables, count, options->backtrace);
	process_resume(image);
	descriptors_describe(&snapshot);
	print(&snapshot, options, what);
	if (is_empty(&snapshot) && options->print != report_json)
		printf("It has libcoro, and no loop now.\n");
	snapshot_finish(&snapshot);
	if (image->truncated)
		return complain("%s: truncated: what is shown may not be all", what);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options;
	struct image image;
	char what[256];
	read_options(argc, argv, &options);
	int pid = pid_of(options.target);
	if (pid > 0)
		snprintf(what, sizeof(what), "process %d", pid);
	else
		snprintf(what, sizeof(what), "%s", options.target);
	int r = pid > 0 ? process_open(pid, &image) : core_open(options.target, &image);
	if (r == 0)
		r = look(&image, &options, what);
	image_finish(&image);
	if (fflush(stdout) != 0 || ferror(stdout))
		r = complain("stdout: %s", strerror(errno));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
