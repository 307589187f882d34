# SPDX-License-Identifier: MIT
"""What waiting costs in asyncio, or with --uvloop in uvloop: the rows of waits.c."""
import asyncio
import sys
import time

TIMES, MANY = 30000, 1000


async def nothing():
    pass


async def give_way():
    for _ in range(TIMES):
        await asyncio.sleep(0)


async def spawn_await():
    for _ in range(TIMES):
        await asyncio.create_task(nothing())


async def queue_hop():
    there, back = asyncio.Queue(), asyncio.Queue()

    async def echo():
        for _ in range(TIMES // 2):
            await back.put(await there.get())

    task = asyncio.create_task(echo())
    for _ in range(TIMES // 2):
        await there.put(None)
        await back.get()
    await task


async def lock_hand_over():
    lock = asyncio.Lock()

    async def take_turns():
        for _ in range(TIMES // 2):
            await lock.acquire()
            lock.release()

    await lock.acquire()
    other = asyncio.create_task(take_turns())
    await asyncio.sleep(0)
    lock.release()
    await take_turns()
    await other


async def gather():
    for _ in range(TIMES // MANY):
        await asyncio.gather(*[nothing() for _ in range(MANY)])


async def main():
    for name, run in {
        "sleep(0)": give_way,
        "create_task+await": spawn_await,
        "queue-hop": queue_hop,
        "lock-hand-over": lock_hand_over,
        "gather-1000,each": gather,
    }.items():
        start = time.perf_counter_ns()
        await run()
        print(f"{name} {(time.perf_counter_ns() - start) / TIMES:.1f}")


if "--uvloop" in sys.argv[1:]:
    import uvloop

    uvloop.install()
asyncio.run(main())
