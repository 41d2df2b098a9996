#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Echo over TTP, by asyncio and the AF_INET door.

asyncio_echo.py PORT                answers every datagram
asyncio_echo.py HOST PORT WORD...   sends the words, prints the answers

Python knows neither the family nor its addresses, and need not: the door of
AF_INET takes those it has. All that is TTP's here is a number.
"""
import asyncio
import socket
import sys

IPPROTO_TTP = 253


def ttp_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, IPPROTO_TTP)
    sock.setblocking(False)
    return sock


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


class Answers(asyncio.DatagramProtocol):
    def __init__(self):
        self.queue = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.queue.put_nowait(data)

    def error_received(self, exc):
        self.queue.put_nowait(exc)


async def serve(port):
    sock = ttp_socket()
    sock.bind(("0.0.0.0", port))
    print("port", sock.getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Echo, sock=sock)
    await asyncio.Event().wait()


# As with UDP, a datagram may be lost: whoever waits must have a limit.
async def ask(host, port, words):
    sock = ttp_socket()
    sock.connect((host, port))
    loop = asyncio.get_running_loop()
    transport, answers = await loop.create_datagram_endpoint(Answers, sock=sock)
    for word in words:
        transport.sendto(word.encode())
        answer = await asyncio.wait_for(answers.queue.get(), 10)
        if isinstance(answer, Exception):
            sys.exit(f"{host}: {answer.strerror}")
        print(answer.decode(errors="replace"))


if len(sys.argv) == 2:
    asyncio.run(serve(int(sys.argv[1])))
elif len(sys.argv) > 3:
    asyncio.run(ask(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
else:
    sys.exit(__doc__)
