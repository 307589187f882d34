/* SPDX-License-Identifier: MIT */
/* coro: asyncio for C, without the contagion. Includes all headers except coro/tls.h. */
#ifndef CORO_H
#define CORO_H

#include <coro/base.h>
#include <coro/broadcast.h>
#include <coro/channel.h>
#include <coro/coroutine.h>
#include <coro/debug.h>
#include <coro/defer.h>
#include <coro/embed.h>
#include <coro/file.h>
#include <coro/future.h>
#include <coro/generator.h>
#include <coro/group.h>
#include <coro/interrupt.h>
#include <coro/io.h>
#include <coro/iterator.h>
#include <coro/local.h>
#include <coro/loop.h>
#include <coro/net.h>
#include <coro/posix.h>
#include <coro/process.h>
#include <coro/queue.h>
#include <coro/shield.h>
#include <coro/signal.h>
#include <coro/stats.h>
#include <coro/stream.h>
#include <coro/sync.h>
#include <coro/task.h>
#include <coro/thread.h>
#include <coro/timeout.h>
#include <coro/trace.h>
#include <coro/wait.h>

#endif
