/* SPDX-License-Identifier: MIT */
/*
 * A core file. Of what was mapped from files and not written to it has no copy: that is read from
 * the files, if they are still what was mapped.
 */
#include "debug/ps/complain.h"
#include "debug/ps/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

/* A part of memory, as the core file has it. */
struct segment {
	uint64_t start, end;
	uint64_t copied; /* bytes from its start that are in the core file */
	uint64_t offset; /* there */
	uint32_t flags;
};

/* A file that was mapped. */
struct mapped_file {
	char *path;
	int fd; /* -1: it is not there, or is another now */
};

/* A part of memory that a file was mapped to. */
struct mapping {
	uint64_t start, end, offset;
	struct mapped_file *file;
};

struct core {
	uint64_t bytes; /* of the core file */
	struct segment *segments;
	size_t segment_count;
	struct mapping *mappings;
	size_t mapping_count;
	struct mapped_file *files; /* in the order of their mappings */
	size_t file_count;
};

/* -- reading */

static bool read_at(int fd, uint64_t offset, void *ret, size_t size)
{
	unsigned char *to = ret;
	while (size > 0) {
		ssize_t n = (off_t)offset < 0 ? 0 : pread(fd, to, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		to += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return true;
}

/* Both are sorted by address. The last that begins at or before the address, if it reaches it. */
#define FIND(array, count, address)                                                        \
	({                                                                                 \
		size_t low_ = 0, high_ = (count);                                          \
		while (low_ < high_) {                                                     \
			size_t middle_ = low_ + (high_ - low_) / 2;                        \
			if ((array)[middle_].start <= (address))                           \
				low_ = middle_ + 1;                                        \
			else                                                               \
				high_ = middle_;                                           \
		}                                                                          \
		low_ > 0 && (address) < (array)[low_ - 1].end ? &(array)[low_ - 1] : NULL; \
	})

/* Reads from the core file, or from what was mapped. Returns how many bytes there are in a row. */
static size_t read_some(const struct image *image, uint64_t at, unsigned char *to, size_t size)
{
	const struct core *core = image->core;
	const struct segment *segment = FIND(core->segments, core->segment_count, at);
	if (segment && at - segment->start < segment->copied) {
		uint64_t there = segment->copied - (at - segment->start);
		size_t n = size < there ? size : (size_t)there;
		return read_at(image->fd, segment->offset + (at - segment->start), to, n) ? n : 0;
	}
	const struct mapping *mapping = FIND(core->mappings, core->mapping_count, at);
	if (!mapping || mapping->file->fd < 0)
		return 0;
	size_t n = size < mapping->end - at ? size : (size_t)(mapping->end - at);
	return read_at(mapping->file->fd, mapping->offset + (at - mapping->start), to, n) ? n : 0;
}

static void core_read(struct source *source, struct piece *pieces, size_t count)
{
	const struct image *image = (struct image *)source;
	for (size_t i = 0; i < count; i++) {
		size_t done = 0, n = 1;
		while (done < pieces[i].size && n > 0) {
			n = read_some(image, pieces[i].start + done, pieces[i].bytes + done,
				      pieces[i].size - done);
			done += n;
		}
		pieces[i].read = done == pieces[i].size;
	}
}

/* -- notes */

static uint64_t word_at(const char *bytes)
{
	unsigned long word;
	memcpy(&word, bytes, sizeof(word));
	return word;
}

static struct mapped_file *file_of(struct core *core, const char *path)
{
	if (core->file_count && strcmp(core->files[core->file_count - 1].path, path) == 0)
		return &core->files[core->file_count - 1];
	char *copy = strdup(path);
	if (!copy)
		return NULL;
	core->files[core->file_count] = (struct mapped_file){.path = copy, .fd = -1};
	return &core->files[core->file_count++];
}

/* NT_FILE: count, page size; start, end and page offset of each; the paths, each with its NUL. */
static void note_files(struct core *core, const char *note, size_t size)
{
	enum { WORD = sizeof(long) };
	if (core->mappings || size < 2 * WORD)
		return;
	uint64_t count = word_at(note), page = word_at(note + WORD);
	if (count > (size - 2 * WORD) / (3 * WORD))
		return;
	const char *entry = note + 2 * WORD, *path = entry + count * 3 * WORD, *end = note + size;
	core->mappings = calloc(count + 1, sizeof(*core->mappings));
	core->files = calloc(count + 1, sizeof(*core->files)); /* does not move */
	for (; core->mappings && core->files && count > 0; count--, entry += 3 * WORD) {
		const char *nul = memchr(path, '\0', (size_t)(end - path));
		struct mapping mapping = {.start = word_at(entry),
					  .end = word_at(entry + WORD),
					  .offset = word_at(entry + 2 * WORD) * page};
		if (!nul || mapping.end <= mapping.start)
			return;
		mapping.file = file_of(core, path);
		if (!mapping.file)
			return;
		core->mappings[core->mapping_count++] = mapping;
		path = nul + 1;
	}
}

/*
 * The kernel's elf_prstatus. libc's is another where times have more bits than long: before the
 * registers come four times, of two longs each.
 */
enum {
	STATUS_TIMES = offsetof(struct elf_prstatus, pr_sid) + sizeof(pid_t),
	STATUS_REGISTERS = STATUS_TIMES + 4 * 2 * sizeof(long),
};

static void note_thread(struct image *image, const char *note, size_t size)
{
	pid_t tid;
	elf_gregset_t all;
	if (size < STATUS_REGISTERS + sizeof(all))
		return;
	memcpy(&tid, note + offsetof(struct elf_prstatus, pr_pid), sizeof(tid));
	memcpy(&all, note + STATUS_REGISTERS, sizeof(all));
	struct image_thread *thread = image_add_thread(image, tid);
	if (thread)
		thread->has_registers =
			registers_of_thread(&all, sizeof(all), &thread->registers, &thread->tls);
}

static void note_program(struct image *image, const char *note, size_t size)
{
	struct elf_prpsinfo info;
	if (size < sizeof(info))
		return;
	memcpy(&info, note, sizeof(info));
	image->pid = info.pr_pid;
	snprintf(image->name, sizeof(image->name), "%.*s", (int)sizeof(info.pr_fname),
		 info.pr_fname);
}

static void note_any(struct image *image, uint32_t type, const char *note, size_t size)
{
	if (type == NT_FILE)
		note_files(image->core, note, size);
	else if (type == NT_PRSTATUS)
		note_thread(image, note, size);
	else if (type == NT_PRPSINFO)
		note_program(image, note, size);
}

static size_t padded(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

static void read_notes(struct image *image, uint64_t offset, uint64_t size)
{
	enum { MOST = 256 << 20 };
	char *notes = size > 0 && size <= MOST ? malloc(size) : NULL;
	if (!notes || !read_at(image->fd, offset, notes, size)) {
		free(notes);
		return;
	}
	size_t at = 0;
	ElfW(Nhdr) header;
	while (size - at >= sizeof(header)) {
		memcpy(&header, notes + at, sizeof(header));
		at += sizeof(header);
		size_t name = padded(header.n_namesz), body = padded(header.n_descsz);
		if (name > size - at || body > size - at - name)
			break;
		bool ours = header.n_namesz == 5 && memcmp(notes + at, "CORE", 5) == 0;
		if (ours)
			note_any(image, header.n_type, notes + at + name, header.n_descsz);
		at += name + body;
	}
	free(notes);
}

/* -- files */

static bool is_empty(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Whether a file begins as the core file has it. It says nothing of a file that it has not. */
static bool is_same(const struct image *image, const struct mapping *mapping, int fd)
{
	unsigned char here[1024], there[1024];
	const struct core *core = image->core;
	const struct segment *segment = FIND(core->segments, core->segment_count, mapping->start);
	if (!segment || segment->copied < sizeof(here) || segment->start != mapping->start)
		return true;
	if (!read_at(image->fd, segment->offset, here, sizeof(here)) ||
	    is_empty(here, sizeof(here)))
		return true;
	return read_at(fd, 0, there, sizeof(there)) && memcmp(here, there, sizeof(here)) == 0;
}

/* Opens what was mapped, so long as it is a plain file: opening another may block. */
static void open_files(struct image *image)
{
	struct core *core = image->core;
	struct stat status;
	for (size_t i = 0; i < core->mapping_count; i++) {
		struct mapped_file *file = core->mappings[i].file;
		if (core->mappings[i].offset != 0 || file->fd >= 0 || *file->path != '/')
			continue;
		int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
		    is_same(image, &core->mappings[i], fd)) {
			file->fd = fd;
			continue;
		}
		if (fd >= 0) {
			close(fd);
			complain("%s is not the file that the program had", file->path);
		}
	}
}

/* -- segments */

/* Counts the program headers. 0 if it cannot be known. */
static uint64_t count_headers(const struct image *image, const ElfW(Ehdr) * header)
{
	ElfW(Shdr) section;
	if (header->e_phnum != PN_XNUM)
		return header->e_phnum;
	if (!read_at(image->fd, header->e_shoff, &section, sizeof(section)))
		return 0;
	return section.sh_info;
}

static void add_segment(struct image *image, const ElfW(Phdr) * part)
{
	struct core *core = image->core;
	uint64_t end = (uint64_t)part->p_vaddr + part->p_memsz, copied = part->p_filesz;
	if (end <= part->p_vaddr)
		return;
	uint64_t there = part->p_offset < core->bytes ? core->bytes - part->p_offset : 0;
	if (copied > part->p_memsz)
		copied = part->p_memsz;
	if (copied > there) {
		image->truncated = true;
		copied = there;
	}
	core->segments[core->segment_count++] = (struct segment){
		.start = part->p_vaddr,
		.end = end,
		.copied = copied,
		.offset = part->p_offset,
		.flags = part->p_flags,
	};
}

static int by_start(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static int mapping_by_start(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static int read_parts(struct image *image, const ElfW(Ehdr) * header, const char *path)
{
	struct core *core = image->core;
	uint64_t count = count_headers(image, header);
	if (count == 0 || header->e_phentsize != sizeof(ElfW(Phdr)) ||
	    count > core->bytes / sizeof(ElfW(Phdr)))
		return complain("%s: truncated: its program headers are not there", path);
	ElfW(Phdr) *parts = malloc(count * sizeof(*parts));
	core->segments = calloc(count, sizeof(*core->segments));
	bool done = parts && core->segments &&
		    read_at(image->fd, header->e_phoff, parts, count * sizeof(*parts));
	for (uint64_t i = 0; done && i < count; i++) {
		if (parts[i].p_type == PT_LOAD)
			add_segment(image, &parts[i]);
		else if (parts[i].p_type == PT_NOTE)
			read_notes(image, parts[i].p_offset, parts[i].p_filesz);
	}
	free(parts);
	if (!done)
		return complain("%s: truncated: its program headers are not there", path);
	qsort(core->segments, core->segment_count, sizeof(*core->segments), by_start);
	if (core->mapping_count)
		qsort(core->mappings, core->mapping_count, sizeof(*core->mappings),
		      mapping_by_start);
	return 0;
}

/* -- regions */

static bool add_regions(struct image *image)
{
	const struct core *core = image->core;
	for (size_t i = 0; i < core->segment_count; i++) {
		const struct segment *segment = &core->segments[i];
		const struct mapping *mapping =
			FIND(core->mappings, core->mapping_count, segment->start);
		struct region region = {
			.start = segment->start,
			.end = segment->end,
			.held = segment->copied,
			.writable = segment->flags & PF_W,
			.executable = segment->flags & PF_X,
			.file_is_same = mapping && mapping->file->fd >= 0,
			.path = mapping ? mapping->file->path : NULL,
			.offset = mapping ? mapping->offset + (segment->start - mapping->start) : 0,
		};
		if (!image_add_region(image, &region))
			return false;
	}
	/* What has no segment, as nothing of it was to be copied. */
	for (size_t i = 0; i < core->mapping_count; i++) {
		const struct mapping *mapping = &core->mappings[i];
		struct region region = {.start = mapping->start,
					.end = mapping->end,
					.offset = mapping->offset,
					.file_is_same = mapping->file->fd >= 0,
					.path = mapping->file->path};
		if (!FIND(core->segments, core->segment_count, mapping->start) &&
		    !image_add_region(image, &region))
			return false;
	}
	image_sort_regions(image);
	return true;
}

/* -- opening */

static void core_finish(struct image *image)
{
	struct core *core = image->core;
	for (size_t i = 0; core && i < core->file_count; i++) {
		free(core->files[i].path);
		if (core->files[i].fd >= 0)
			close(core->files[i].fd);
	}
	if (core) {
		free(core->segments);
		free(core->mappings);
		free(core->files);
	}
	free(core);
	image->core = NULL;
	if (image->fd >= 0)
		close(image->fd);
}

/* The machine that this program is for. */
static int own_machine(void)
{
	ElfW(Ehdr) header = {.e_machine = EM_NONE};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (!read_at(fd, 0, &header, sizeof(header)))
			header.e_machine = EM_NONE;
		close(fd);
	}
	return header.e_machine;
}

static int check_header(const ElfW(Ehdr) * header, const char *path)
{
	int own = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
	int order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return complain("%s is no core file", path);
	if (header->e_ident[EI_CLASS] != own)
		return complain("%s is of a program with %d bits: this coro-ps reads those with %d",
				path, header->e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32,
				(int)sizeof(void *) * 8);
	if (header->e_ident[EI_DATA] != order)
		return complain("%s is of another machine, of another byte order", path);
	if (header->e_type != ET_CORE)
		return complain("%s is no core file", path);
	int machine = own_machine();
	if (machine != EM_NONE && header->e_machine != machine)
		return complain("%s is of another machine: its number is %d, and not %d", path,
				header->e_machine, machine);
	return 0;
}

int core_open(const char *path, struct image *ret)
{
	struct stat status;
	ElfW(Ehdr) header;
	*ret = (struct image){.source.read = core_read, .fd = -1, .now = -1, .finish = core_finish};
	memory_init(&ret->memory, &ret->source);
	ret->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (ret->fd < 0 || fstat(ret->fd, &status) < 0)
		return complain("%s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return complain("%s is no core file", path);
	if (!read_at(ret->fd, 0, &header, sizeof(header)))
		return complain("%s is no core file, or truncated", path);
	ret->core = calloc(1, sizeof(*ret->core));
	if (!ret->core)
		return complain("out of memory");
	ret->core->bytes = ret->core_bytes = (uint64_t)status.st_size;
	if (check_header(&header, path) < 0 || read_parts(ret, &header, path) < 0)
		return -1;
	open_files(ret);
	return add_regions(ret) ? 0 : complain("out of memory");
}
