/* SPDX-License-Identifier: MIT */
/* The exception handler of a loop, from inside. */
#ifndef LOOP_EXCEPTION_H
#define LOOP_EXCEPTION_H

#include "coro/loop.h"

/* Sets tasks.report by whether anybody hears of reports. Called when the handler has changed. */
void exception_note_handler(struct coro_loop *loop);

/* Writes a report to stderr, as the default handler does. */
void exception_write(const struct coro_report *report);

#endif
