"""A callback receiver in a separate process, faster than the server: returns 200 to every POST and stores the bodies.

Started as `python -m bench.support.receiver CORE`. `GET` returns the bodies since the last one, in order (msgpack).
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import sys

import msgspec
import uvloop

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_ACKNOWLEDGED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

seen: list[bytes] = []


class Receiving(asyncio.Protocol):
    """One keep-alive connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._buffer, 0, head + 2)
            end = head + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < end:
                return
            if self._buffer.startswith(b"GET"):
                self._tell()
            else:
                seen.append(self._buffer[head + 4 : end])
                self._transport.write(_ACKNOWLEDGED)
            self._buffer = self._buffer[end:]

    def _tell(self) -> None:
        body = msgspec.msgpack.encode(seen)
        seen.clear()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def receive() -> None:
    server = await asyncio.get_running_loop().create_server(Receiving, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    os.sched_setaffinity(0, {int(sys.argv[1])})
    gc.disable()
    uvloop.run(receive())


if __name__ == "__main__":
    main()
