/* SPDX-License-Identifier: MIT */
/* The floor of all: a switch of registers, called out of line, that does nothing else. For x86-64. */
#ifndef BARE_H
#define BARE_H

#ifdef __x86_64__
#define HAVE_BARE 1

void bare_switch(void **from, void *to);

__asm__(".text\n.p2align 5\nbare_switch:\n"
	"push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
	"mov %rsp, (%rdi); mov %rsi, %rsp\n"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
	"pop %rcx; jmp *%rcx\n");

/* What to switch to so that body begins on the stack that ends at top; body must not return. */
static inline void *bare_make(char *top, void (*body)(void))
{
	void **at = (void **)(void *)(top - 64);
	at[0] = (void *)0;
	at[-1] = (void *)body;
	return at - 7;
}
#else
#define HAVE_BARE 0
#endif

#endif
