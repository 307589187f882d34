/* SPDX-License-Identifier: MIT */
#include "core/context/special.h"

const struct context_watcher *context_watcher;
bool context_special;

void context_watch(const struct context_watcher *callback)
{
	context_watcher = callback;
	context_special = true;
}
