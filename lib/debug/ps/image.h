/* SPDX-License-Identifier: MIT */
/* What is looked at: a process that runs, or the core file of one that has died. */
#ifndef PS_IMAGE_H
#define PS_IMAGE_H

#include "debug/ps/memory.h"
#include "debug/ps/registers.h"

/* A mapping. */
struct region {
	uint64_t start, end;
	uint64_t offset; /* in its file */
	uint64_t held;   /* bytes from its start that are the image's own; the rest is the file's */
	bool writable, executable;
	bool file_is_same; /* as what was mapped: it may be opened */
	char *path;        /* NULL: none is known */
};

struct image_thread {
	int tid;
	bool stopped;
	bool runs_on; /* it has not stopped in time, while the others did */
	int signal;   /* was on its way when it was stopped; 0 for none */
	bool has_registers;
	struct registers registers;
	uint64_t tls; /* the thread pointer; valid with has_registers */
};

struct image {
	struct source source; /* first: the memory's */
	struct memory memory;
	int pid;
	int tid;       /* of a process: a thread of it that lives; the first may have ended */
	int fd;        /* the core file, or the process's /proc/PID/mem; -1 for none */
	char name[64]; /* of the program; "" if it is not known */
	struct region *regions; /* by address */
	size_t region_count;
	struct image_thread *threads;
	size_t thread_count;
	int64_t now;         /* CLOCK_MONOTONIC when it was read; -1 if that is not known */
	int64_t stopped_for; /* nanoseconds; 0 for a core file */
	void (*finish)(struct image *image);
	struct core *core; /* NULL for a process */
	uint64_t core_bytes;
	bool truncated; /* the core file has less than it says */
};

/* The region of the address; NULL for none. */
const struct region *image_region(const struct image *image, uint64_t address);

/* Adds to the regions. Returns false without memory. path may be NULL. */
bool image_add_region(struct image *image, const struct region *region);

/* Adds to the threads. NULL without memory. */
struct image_thread *image_add_thread(struct image *image, int tid);

/* Sorts the regions, when all are there. */
void image_sort_regions(struct image *image);

void image_finish(struct image *image);

/* -- a process: process.c. Each returns 0, or -1 after a complaint. */

int process_open(int pid, struct image *ret);

/* Stops all threads, until process_resume. They stop for as short as possible. */
int process_stop(struct image *image);
void process_resume(struct image *image);

/* Fills in `now` of a process that is not stopped. */
void process_look(struct image *image);

/* -- a core file: core.c. Returns 0, or -1 after a complaint. */

int core_open(const char *path, struct image *ret);

#endif
