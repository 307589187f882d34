/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_SIGNAL_NAME_H
#define DEBUG_SIGNAL_NAME_H

#include <stdatomic.h>

/* The signal's number by its name, with or without SIG, or in digits; 0 for none. */
int signal_named(const char *name);

/* Says once that a variable of the environment names none that can be caught. */
void signal_refuse(const char *variable, const char *name, atomic_flag *told);

#endif
