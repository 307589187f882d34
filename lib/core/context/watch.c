/* SPDX-License-Identifier: MIT */
#include "core/context/watch.h"

const struct context_watcher *context_watcher;
bool context_special;

void context_watch(const struct context_watcher *watcher)
{
	context_watcher = watcher;
	context_special = true;
}
