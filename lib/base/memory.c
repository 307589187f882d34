/* SPDX-License-Identifier: MIT */
#include "base/memory.h"

bool (*memory_fault)(void);
