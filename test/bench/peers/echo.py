# SPDX-License-Identifier: MIT
"""Echo by asyncio, or with --uvloop by that, for test/bench/echo: fd 0 is the listening socket.

With protocols, which are faster there than streams and a task for each connection.
"""
import asyncio
import socket
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.write = transport.write

    def data_received(self, data):
        self.write(data)


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, sock=socket.socket(fileno=0), backlog=4096)
    await server.serve_forever()


if "--uvloop" in sys.argv:
    import uvloop

    uvloop.install()
asyncio.run(main())
