/* SPDX-License-Identifier: MIT */
/* What a program's environment says of its loops. The fields of a loop's options come before it. */
#ifndef LOOP_ENVIRONMENT_H
#define LOOP_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

struct faults;

/* Reads a switch: "0" is off, other text on, none the default. */
bool environment_switch(const char *name, bool usual);

/*
 * Read a number; 0 if there is none. Text that is no number counts as 0, and is reported on stderr the
 * first time: whoever set the variable believes that it has an effect.
 */
uint64_t environment_seed(void);  /* CORO_SEED */
uint64_t environment_turns(void); /* CORO_TURNS */

/* Makes the rules of CORO_FAULTS. Returns NULL if there are none, or they are wrong, which is reported. */
struct faults *environment_faults(uint64_t seed);

#endif
