/* SPDX-License-Identifier: MIT */
/*
 * Names from the symbol tables of ELF files, static functions' too. What is read is not trusted: a
 * file may have been replaced since it was loaded.
 */
#include "debug/symbol.h"

#include "base/system.h"
#include "base/text.h"

#include <elf.h>
#include <string.h>

/* The loaded object that code lies in. */
struct object {
	uintptr_t code; /* what is looked for */
	bool found;
	uintptr_t base; /* the difference between addresses and those in the file */
	char path[256];
};

static bool covers(const struct dl_phdr_info *info, uintptr_t code)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;
		if (segment->p_type == PT_LOAD && code >= start && code - start < segment->p_memsz)
			return true;
	}
	return false;
}

static int note_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct object *object = arg;
	(void)size;
	if (!covers(info, object->code))
		return 0;
	object->found = true;
	object->base = info->dlpi_addr;
	strncpy(object->path, info->dlpi_name ? info->dlpi_name : "", sizeof(object->path) - 1);
	return 1;
}

/* The program itself has no name among the loaded objects. */
static void name_program(struct object *object)
{
	if (object->path[0])
		return;
	ssize_t length = readlink("/proc/self/exe", object->path, sizeof(object->path) - 1);
	object->path[length > 0 ? length : 0] = '\0';
}

/* -- a file's symbols */

struct function {
	uintptr_t start;
	char name[96];
};

static bool read_at(int fd, uint64_t offset, void *ret, size_t size)
{
	return pread(fd, ret, size, (off_t)offset) == (ssize_t)size;
}

static bool read_section(int fd, const ElfW(Ehdr) * header, size_t index, ElfW(Shdr) * ret)
{
	return index < header->e_shnum &&
	       read_at(fd, header->e_shoff + index * sizeof(*ret), ret, sizeof(*ret));
}

/* Finds the whole table of symbols, or else that of the dynamic ones. */
static bool find_table(int fd, const ElfW(Ehdr) * header, ElfW(Shdr) * table, ElfW(Shdr) * names)
{
	ElfW(Shdr) section;
	bool found = false;
	for (size_t i = 0; read_section(fd, header, i, &section); i++) {
		if (section.sh_type != SHT_SYMTAB && (section.sh_type != SHT_DYNSYM || found))
			continue;
		*table = section;
		found = true;
		if (section.sh_type == SHT_SYMTAB)
			break;
	}
	return found && read_section(fd, header, table->sh_link, names);
}

static bool read_name(int fd, const ElfW(Shdr) * names, size_t at, char *ret, size_t size)
{
	ssize_t length = pread(fd, ret, size - 1, (off_t)(names->sh_offset + at));
	ret[length > 0 ? length : 0] = '\0';
	return ret[0];
}

static bool is_at(const ElfW(Sym) * symbol, uintptr_t address)
{
	return (symbol->st_info & 0xf) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
	       address >= symbol->st_value && address - symbol->st_value < symbol->st_size;
}

static bool find_symbol(int fd, const ElfW(Shdr) * table, uintptr_t address, ElfW(Sym) * ret)
{
	ElfW(Sym) some[64];
	size_t left = table->sh_size / sizeof(*some), at = 0;
	while (left > 0) {
		size_t count = left < 64 ? left : 64;
		if (!read_at(fd, table->sh_offset + at * sizeof(*some), some,
			     count * sizeof(*some)))
			return false;
		for (size_t i = 0; i < count; i++) {
			if (is_at(&some[i], address)) {
				*ret = some[i];
				return true;
			}
		}
		at += count;
		left -= count;
	}
	return false;
}

static bool find_in_file(int fd, uintptr_t address, struct function *ret)
{
	ElfW(Ehdr) header;
	ElfW(Shdr) table, names;
	ElfW(Sym) symbol;
	if (!read_at(fd, 0, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_shentsize != sizeof(ElfW(Shdr)) || !find_table(fd, &header, &table, &names) ||
	    !find_symbol(fd, &table, address, &symbol))
		return false;
	ret->start = symbol.st_value;
	return read_name(fd, &names, symbol.st_name, ret->name, sizeof(ret->name));
}

static bool find_function(const char *path, uintptr_t address, struct function *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool found = find_in_file(fd, address, ret);
	close(fd);
	return found;
}

/* -- the text */

/* back: how far before the code the instruction lies that is meant. */
static void add(struct text *text, uintptr_t code, unsigned back)
{
	struct object object = {.code = code - back};
	struct function function;
	dl_iterate_phdr(note_object, &object);
	if (!object.found) {
		text_add(text, "%#jx", (uintmax_t)code);
		return;
	}
	name_program(&object);
	const char *slash = strrchr(object.path, '/'), *name = slash ? slash + 1 : object.path;
	uintptr_t address = code - object.base;
	if (!find_function(object.path, address - back, &function))
		text_add(text, "%#jx (%s)", (uintmax_t)address, name);
	else if (address == function.start)
		text_add(text, "%s (%s)", function.name, name);
	else
		text_add(text, "%s+%#jx (%s)", function.name, (uintmax_t)(address - function.start),
			 name);
}

void symbol_add(struct text *text, const void *code)
{
	add(text, (uintptr_t)code, 0);
}

void symbol_add_caller(struct text *text, const void *code)
{
	add(text, (uintptr_t)code, 1);
}
