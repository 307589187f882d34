/* SPDX-License-Identifier: MIT */
#ifndef PS_COMPLAIN_H
#define PS_COMPLAIN_H

/* Writes "coro-ps: ", the text and a line's end to stderr. Returns -1. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
