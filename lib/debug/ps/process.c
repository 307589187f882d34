/* SPDX-License-Identifier: MIT */
/*
 * A process that runs. It is stopped by ptrace's SEIZE and INTERRUPT, and not by SIGSTOP: its parent
 * hears nothing of that, it goes on by itself if this program dies, and one that was stopped before
 * stays so.
 */
#include "debug/ps/complain.h"
#include "debug/ps/image.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t monotonic(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* -- memory */

static bool read_by_file(const struct image *image, struct piece *piece)
{
	if (image->fd < 0 || (off_t)piece->start < 0)
		return false;
	ssize_t n = pread(image->fd, piece->bytes, piece->size, (off_t)piece->start);
	return n >= 0 && (size_t)n == piece->size;
}

enum { BATCH = 256 };

/* Reads a batch at once. Returns how many pieces were read; the next could not be. */
static size_t read_batch(const struct image *image, struct piece *pieces, size_t count)
{
	struct iovec local[BATCH], remote[BATCH];
	if (count == 0)
		return 0; /* said for compilers, which would see them used without a value */
	for (size_t i = 0; i < count; i++) {
		local[i] = (struct iovec){pieces[i].bytes, pieces[i].size};
		remote[i] = (struct iovec){(void *)(uintptr_t)pieces[i].start, pieces[i].size};
	}
	ssize_t n = process_vm_readv(image->tid, local, count, remote, count, 0);
	size_t done = 0;
	for (; done < count && n >= 0 && (size_t)n >= pieces[done].size; done++) {
		n -= (ssize_t)pieces[done].size;
		pieces[done].read = true;
	}
	return done;
}

static void process_read(struct source *source, struct piece *pieces, size_t count)
{
	const struct image *image = (struct image *)source;
	for (size_t done = 0; done < count;) {
		size_t batch = count - done < BATCH ? count - done : BATCH;
		size_t n = read_batch(image, &pieces[done], batch);
		done += n;
		if (n < batch) {
			pieces[done].read = read_by_file(image, &pieces[done]);
			done++;
		}
	}
}

/* -- opening */

static void say_not_permitted(int pid)
{
	int scope = 0;
	FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "r");
	if (file && fscanf(file, "%d", &scope) != 1)
		scope = 0;
	if (file)
		fclose(file);
	if (scope == 3)
		complain("process %d: not permitted: kernel.yama.ptrace_scope is 3 until reboot",
			 pid);
	else if (scope > 0)
		complain("process %d: not permitted: run coro-ps as root, or as root set "
			 "kernel.yama.ptrace_scope to 0, by sysctl",
			 pid);
	else
		complain(
			"process %d: not permitted: it is another user's, or has changed its rights; "
			"run coro-ps as root",
			pid);
}

static FILE *open_proc(int pid, int tid, const char *name)
{
	char path[80];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	return fopen(path, "re");
}

/* Reads a field of /proc/PID/status. Returns false if there is none. */
static bool read_status(int pid, int tid, const char *name, char *ret, size_t size)
{
	char line[256];
	bool found = false;
	FILE *file = open_proc(pid, tid, "status");
	while (file && !found && fgets(line, sizeof(line), file)) {
		found = strncmp(line, name, strlen(name)) == 0;
		if (found)
			snprintf(ret, size, "%s", line + strlen(name));
	}
	if (file)
		fclose(file);
	return found;
}

static long status_number(int pid, const char *name)
{
	char text[32];
	return read_status(pid, pid, name, text, sizeof(text)) ? strtol(text, NULL, 10) : -1;
}

/* 'R', 'S' and so on; 0 if there is no such thread. */
static char thread_state(int pid, int tid)
{
	char text[32];
	char state = 0;
	if (read_status(pid, tid, "State:", text, sizeof(text)))
		sscanf(text, " %c", &state);
	return state;
}

/* A thread of the process that has not ended. The first, unless that has. */
static int living_thread(int pid)
{
	char path[32];
	int found = pid;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *directory = thread_state(pid, pid) == 'Z' ? opendir(path) : NULL;
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		int tid = atoi(entry->d_name);
		if (tid > 0 && thread_state(pid, tid) != 'Z')
			found = tid;
	}
	if (directory)
		closedir(directory);
	return found;
}

static void read_name(struct image *image)
{
	FILE *file = open_proc(image->pid, image->tid, "comm");
	if (!file)
		return;
	if (!fgets(image->name, sizeof(image->name), file))
		*image->name = '\0';
	image->name[strcspn(image->name, "\n")] = '\0';
	fclose(file);
}

/* The program is one that this one can read: of the same word size. */
static int check_program(int pid, int tid)
{
	unsigned char ident[EI_NIDENT];
	FILE *file = open_proc(pid, tid, "exe");
	if (!file && (errno == EACCES || errno == EPERM)) {
		say_not_permitted(pid);
		return -1;
	}
	if (!file)
		return complain("process %d has no program: it has ended, or is the kernel's", pid);
	bool whole = fread(ident, sizeof(ident), 1, file) == 1;
	fclose(file);
	if (!whole || memcmp(ident, ELFMAG, SELFMAG) != 0)
		return complain("process %d: its program is no ELF file", pid);
	int own = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
	if (ident[EI_CLASS] != own)
		return complain("process %d has %d bits: this coro-ps reads those with %d", pid,
				ident[EI_CLASS] == ELFCLASS64 ? 64 : 32, (int)sizeof(void *) * 8);
	return 0;
}

static bool add_mapping(struct image *image, char *line)
{
	unsigned long long start, end, offset;
	char rights[8];
	int path = 0;
	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%llx-%llx %7s %llx %*s %*s %n", &start, &end, rights, &offset, &path) < 4)
		return true;
	struct region region = {
		.start = start,
		.end = end,
		.offset = offset,
		.held = end - start,
		.writable = rights[1] == 'w',
		.executable = rights[2] == 'x',
		.file_is_same = true,
		.path = path && line[path] == '/' ? &line[path] : NULL,
	};
	return rights[0] != 'r' || image_add_region(image, &region);
}

static int read_mappings(struct image *image)
{
	char *line = NULL;
	size_t room = 0;
	bool done = true;
	FILE *file = open_proc(image->pid, image->tid, "maps");
	if (!file && (errno == EACCES || errno == EPERM)) {
		say_not_permitted(image->pid);
		return -1;
	}
	if (!file)
		return complain("process %d has ended", image->pid);
	while (done && getline(&line, &room, file) > 0)
		done = add_mapping(image, line);
	free(line);
	fclose(file);
	if (!done)
		return complain("out of memory");
	if (image->region_count == 0)
		return complain("process %d has no memory that could be read", image->pid);
	image_sort_regions(image);
	return 0;
}

/* Whether its memory may be read at all, which is decided only now. */
static int check_rights(struct image *image)
{
	char byte;
	for (size_t i = 0; i < image->region_count; i++)
		if (memory_read(&image->memory, image->regions[i].start, &byte, 1))
			return 0;
	say_not_permitted(image->pid);
	return -1;
}

static void process_finish(struct image *image)
{
	process_resume(image);
	if (image->fd >= 0)
		close(image->fd);
}

int process_open(int pid, struct image *ret)
{
	char path[32];
	*ret = (struct image){.source.read = process_read,
			      .pid = pid,
			      .fd = -1,
			      .now = -1,
			      .finish = process_finish};
	memory_init(&ret->memory, &ret->source);
	long group = status_number(pid, "Tgid:");
	if (group < 0)
		return complain("there is no process %d", pid);
	ret->pid = (int)group;
	ret->tid = living_thread(ret->pid);
	snprintf(path, sizeof(path), "/proc/%d/mem", ret->tid);
	if (check_program(ret->pid, ret->tid) < 0)
		return -1;
	ret->fd = open(path, O_RDONLY | O_CLOEXEC);
	read_name(ret);
	if (read_mappings(ret) < 0)
		return -1;
	return check_rights(ret);
}

void process_look(struct image *image)
{
	image->now = monotonic();
}

/* -- stopping */

static void read_registers(struct image_thread *thread)
{
	elf_gregset_t all;
	struct iovec room = {&all, sizeof(all)};
	if (ptrace(PTRACE_GETREGSET, thread->tid, (void *)NT_PRSTATUS, &room) < 0)
		return;
	thread->has_registers =
		registers_of_thread(&all, room.iov_len, &thread->registers, &thread->tls);
}

/* Waits until the thread has stopped, but not for long: one that sleeps in the kernel may not. */
static bool wait_for_stop(struct image_thread *thread)
{
	enum { LONGEST = 200 * 1000000, EVENT_STOP = 128 /* PTRACE_EVENT_STOP */ };
	int64_t end = monotonic() + LONGEST;
	int status;
	while (monotonic() < end) {
		int r = waitpid(thread->tid, &status, __WALL | WNOHANG);
		if (r < 0 && errno != EINTR)
			return false;
		if (r != thread->tid) {
			nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
			continue;
		}
		/* A signal came first: the thread has stopped before it takes that. */
		if (WIFSTOPPED(status) && status >> 16 != EVENT_STOP)
			thread->signal = WSTOPSIG(status);
		return WIFSTOPPED(status);
	}
	return false;
}

static bool knows(const struct image *image, int tid)
{
	for (size_t i = 0; i < image->thread_count; i++)
		if (image->threads[i].tid == tid)
			return true;
	return false;
}

/* Whether the thread has ended, though the process has not. */
static bool has_ended(int pid, int tid)
{
	int error = errno;
	char state = thread_state(pid, tid);
	errno = error;
	return state == 'Z' || state == 'X' || state == 0;
}

/* Begins to stop each thread that is not known yet. Returns how many, or -errno. */
static int seize_new(struct image *image)
{
	char path[32];
	int count = 0, error = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", image->pid);
	DIR *directory = opendir(path);
	if (!directory)
		return -ESRCH;
	for (struct dirent *entry; (entry = readdir(directory));) {
		int tid = atoi(entry->d_name);
		if (tid <= 0 || knows(image, tid))
			continue;
		if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0) {
			if (errno != ESRCH && !has_ended(image->pid, tid))
				error = errno;
			continue;
		}
		struct image_thread *thread = image_add_thread(image, tid);
		if (!thread)
			error = ENOMEM;
		else if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0)
			thread->stopped = true;
		count++;
	}
	closedir(directory);
	return error ? -error : count;
}

static int say_not_stopped(int pid, int error)
{
	long tracer = status_number(pid, "TracerPid:");
	if (error == ESRCH)
		return complain("process %d has ended", pid);
	if (tracer > 0)
		return complain("process %d is traced by process %ld: use --no-stop", pid, tracer);
	if (error == EPERM || error == EACCES) {
		say_not_permitted(pid);
		return -1;
	}
	return complain("process %d cannot be stopped: %s", pid, strerror(error));
}

/*
 * While a process is stopped it waits for this one, which shall not wait for others meanwhile. Only
 * root may have that, and without it all is the same but for the time.
 */
static void hurry(bool on)
{
	const struct sched_param first = {.sched_priority = 1}, usual = {.sched_priority = 0};
	(void)sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, on ? &first : &usual);
}

int process_stop(struct image *image)
{
	enum { ROUNDS = 16 }; /* threads may make threads until they have stopped */
	hurry(true);
	image->stopped_for = -monotonic();
	int found = 1;
	for (int round = 0; round < ROUNDS && found > 0; round++) {
		size_t from = image->thread_count;
		found = seize_new(image);
		for (size_t i = from; i < image->thread_count; i++) {
			struct image_thread *thread = &image->threads[i];
			thread->stopped = thread->stopped && wait_for_stop(thread);
			if (thread->stopped)
				read_registers(thread);
			else
				thread->runs_on = !has_ended(image->pid, thread->tid);
		}
	}
	if (found < 0) {
		process_resume(image);
		return say_not_stopped(image->pid, -found);
	}
	image->now = monotonic();
	return 0;
}

static void say_what_runs_on(const struct image *image)
{
	for (size_t i = 0; i < image->thread_count; i++)
		if (image->threads[i].runs_on)
			complain(
				"thread %d did not stop: what it did meanwhile may be shown in part",
				image->threads[i].tid);
}

void process_resume(struct image *image)
{
	for (size_t i = 0; i < image->thread_count; i++) {
		struct image_thread *thread = &image->threads[i];
		if (thread->stopped)
			ptrace(PTRACE_DETACH, thread->tid, NULL, (void *)(intptr_t)thread->signal);
		thread->stopped = false;
	}
	if (image->stopped_for < 0) {
		image->stopped_for += monotonic();
		hurry(false);
		say_what_runs_on(image);
	}
}
