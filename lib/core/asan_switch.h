/* SPDX-License-Identifier: MIT */
/*
 * Reports switches to AddressSanitizer in a program that is built with it, when the library is not.
 * Such switches take a path of their own, so that those of other programs cost nothing more.
 */
#ifndef CORE_ASAN_SWITCH_H
#define CORE_ASAN_SWITCH_H

/* To be called before the first context is made. */
void asan_switch_begin(void);

#endif
