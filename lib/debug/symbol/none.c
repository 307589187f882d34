/* SPDX-License-Identifier: MIT */
/* Where nothing is known of object files: addresses. */
#include "debug/symbol.h"

#include "base/text.h"

void symbol_add(struct text *text, const void *code)
{
	text_add(text, "%p", code);
}

void symbol_add_caller(struct text *text, const void *code)
{
	symbol_add(text, code);
}
