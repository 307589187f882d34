/* SPDX-License-Identifier: MIT */
/* The names of functions, for reports. A file in lib/debug/symbol/ for each way to find them. */
#ifndef DEBUG_SYMBOL_H
#define DEBUG_SYMBOL_H

#include <stdbool.h>

struct text;

/*
 * Adds where code lies: "parse+0x2e (program)"; without symbols "0x11fe (program)", which addr2line
 * knows; or its address. It reads the file that the code came from. It allocates nothing.
 */
void symbol_add(struct text *text, const void *code);

/* The same for a return address, which may be the first of the next function. */
void symbol_add_caller(struct text *text, const void *code);

#endif
