/* SPDX-License-Identifier: MIT */
/* Finds the tables of offsets in an image: one for each copy of the library. */
#ifndef PS_TABLE_H
#define PS_TABLE_H

#include "debug/offsets.h"
#include "debug/ps/image.h"

enum { TABLES = 16 };

/*
 * Finds at most TABLES. Returns how many, or -1 after a complaint: there is none, or those that
 * there are have other versions. `what` names the image in it.
 */
int tables_find(struct image *image, const char *what, struct debug_offsets ret[TABLES]);

#endif
