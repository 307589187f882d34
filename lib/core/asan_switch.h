/* SPDX-License-Identifier: MIT */
/*
 * Tells AddressSanitizer of switches in a program that is built with it, when the library is not.
 * Such switches take a way of their own, so that those of other programs cost nothing.
 */
#ifndef CORE_ASAN_SWITCH_H
#define CORE_ASAN_SWITCH_H

/* To be called before the first context is made. */
void watched_begin(void);

#endif
