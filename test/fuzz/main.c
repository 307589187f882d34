/* SPDX-License-Identifier: MIT */
/*
 * Drives a fuzzer where there is no libFuzzer, by the same options:
 *
 *   NAME [-runs=N] [-seed=N] [-max_total_time=N] PATH...
 *
 * First all the files at the paths; then so many times, or for so many seconds, one of them with a few
 * changes, or two of them in pieces. That depends on nothing but the seed. The input that it dies of is
 * left in the file that FUZZ_FOUND names.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096 }; /* bytes of what is made */

struct seed {
	uint8_t *bytes;
	size_t length;
};

static struct seed *seeds;
static size_t seed_count;
static const uint8_t *running;
static size_t running_length;

/* ---- the files ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat status;
	fuzz_assert(file && fstat(fileno(file), &status) == 0);
	seeds = realloc(seeds, (seed_count + 1) * sizeof(*seeds));
	struct seed *seed = &seeds[seed_count++];
	*seed = (struct seed){malloc((size_t)status.st_size + 1), (size_t)status.st_size};
	fuzz_assert(seed->bytes && fread(seed->bytes, 1, seed->length, file) == seed->length);
	fclose(file);
}

static void add_path(const char *path)
{
	char *names[4096], whole[4096];
	size_t count = 0;
	struct dirent *entry;
	DIR *dir = opendir(path);
	if (!dir) {
		add_file(path);
		return;
	}
	while ((entry = readdir(dir)) && count < sizeof(names) / sizeof(*names))
		if (entry->d_name[0] != '.')
			names[count++] = strdup(entry->d_name);
	closedir(dir);
	qsort(names, count, sizeof(*names), by_name);
	for (size_t i = 0; i < count; i++) {
		snprintf(whole, sizeof(whole), "%s/%s", path, names[i]);
		add_file(whole);
		free(names[i]);
	}
}

/* ---- chance ---- */

static uint64_t state;

static uint64_t chance(void)
{
	uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static size_t below(size_t most)
{
	return most ? (size_t)(chance() % most) : 0;
}

static const struct seed *any_seed(void)
{
	static uint8_t nothing;
	static const struct seed empty = {&nothing, 0};
	return seed_count ? &seeds[below(seed_count)] : &empty;
}

/* ---- changes ---- */

struct sample {
	uint8_t bytes[MOST];
	size_t length;
};

static void insert(struct sample *sample, size_t at, const uint8_t *bytes, size_t length)
{
	if (sample->length > MOST || at > sample->length)
		return;
	if (length > MOST - sample->length)
		length = MOST - sample->length;
	memmove(sample->bytes + at + length, sample->bytes + at, sample->length - at);
	if (length > 0)
		memcpy(sample->bytes + at, bytes, length);
	sample->length += length;
}

static void insert_from_another(struct sample *sample)
{
	const struct seed *other = any_seed();
	size_t from = below(other->length + 1), at = below(sample->length + 1);
	insert(sample, at, other->bytes + from, below(other->length - from + 1));
}

static void repeat(struct sample *sample)
{
	uint8_t copy[MOST];
	size_t from = below(sample->length), length = below(sample->length - from) % 64 + 1;
	memcpy(copy, sample->bytes + from, length);
	insert(sample, from, copy, length);
}

static void cut(struct sample *sample)
{
	size_t from = below(sample->length), most = chance() % 4 ? 8 : sample->length;
	size_t to = from + 1 + below(most);
	if (to > sample->length)
		to = sample->length;
	memmove(sample->bytes + from, sample->bytes + to, sample->length - to);
	sample->length -= to - from;
}

static void change(struct sample *sample)
{
	static const char telling[] = "\r\n\0 :;,*$-0123456789afx/%.\\[]?^@\xff\x7f\x80";
	uint8_t byte = (uint8_t)chance();
	uint8_t *at = &sample->bytes[below(sample->length)];
	size_t kind = below(sample->length ? 7 : 2);
	if (chance() % 2)
		byte = (uint8_t)telling[below(sizeof(telling))];
	switch (kind) {
	case 0:
		insert(sample, below(sample->length + 1), &byte, 1);
		break;
	case 1:
		insert_from_another(sample);
		break;
	case 2:
		*at = byte;
		break;
	case 3:
		*at ^= (uint8_t)(1 << below(8));
		break;
	case 4:
		*at += (uint8_t)(chance() % 2 ? 1 : -1);
		break;
	case 5:
		repeat(sample);
		break;
	default:
		cut(sample);
	}
}

static void make(struct sample *sample)
{
	const struct seed *seed = any_seed();
	sample->length = seed->length < MOST ? seed->length : MOST;
	memcpy(sample->bytes, seed->bytes, sample->length);
	for (size_t changes = 1 + below(8); changes > 0; changes--)
		change(sample);
}

/* ---- running ---- */

static void run(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = (uint8_t *)exact_copy(bytes, length);
	running = copy;
	running_length = length;
	LLVMFuzzerTestOneInput(copy, length);
	running = NULL;
	free(copy);
}

static void leave_it(int number)
{
	const char *path = getenv("FUZZ_FOUND");
	int file = path && running ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
	if (file >= 0 && write(file, running, running_length) == (ssize_t)running_length)
		dprintf(STDERR_FILENO, "the input is in %s\n", path);
	signal(number, SIG_DFL);
	raise(number);
}

static long option(const char *argument, const char *name, long otherwise)
{
	size_t length = strlen(name);
	return strncmp(argument, name, length) == 0 ? strtol(argument + length, NULL, 10)
						    : otherwise;
}

int main(int argc, char **argv)
{
	static struct sample sample;
	long runs = -1, seconds = 0, done = 0;
	for (int i = 1; i < argc; i++) {
		runs = option(argv[i], "-runs=", runs);
		seconds = option(argv[i], "-max_total_time=", seconds);
		state = (uint64_t)option(argv[i], "-seed=", (long)state);
		if (argv[i][0] != '-')
			add_path(argv[i]);
	}
	signal(SIGABRT, leave_it);
	for (size_t i = 0; i < seed_count; i++)
		run(seeds[i].bytes, seeds[i].length);
	for (time_t end = time(NULL) + seconds;
	     runs >= 0 ? done < runs : seconds > 0 && time(NULL) < end; done++) {
		make(&sample);
		run(sample.bytes, sample.length);
	}
	for (size_t i = 0; i < seed_count; i++)
		free(seeds[i].bytes);
	free(seeds);
	printf("%s: %zu files, %ld inputs made\n", argv[0], seed_count, done);
	return EXIT_SUCCESS;
}
