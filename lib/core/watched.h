/* SPDX-License-Identifier: MIT */
/*
 * Switches of a program that is built with AddressSanitizer, where the library is not: each is told
 * of, on another way than those of other programs.
 */
#ifndef CORE_WATCHED_H
#define CORE_WATCHED_H

/* To be called before the first context is made. */
void watched_begin(void);

#endif
