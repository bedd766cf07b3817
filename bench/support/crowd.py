"""An attacking crowd in a separate process: connections that send nothing, too little or too much, and wrong secrets.

Started as `python -m bench.support.crowd PORT SECONDS ATTACKERS`; SIGTERM ends it earlier. Each attacker has one
connection, and opens the next when the server has closed it. Prints, as JSON, how many attempts of each kind ended.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable

import uvloop

HOST = b"Host: 127.0.0.1\r\n"
TOKEN = b"POST /api/ts/v1/oauth2/token HTTP/1.1\r\n" + HOST
SIGN_IN = b"POST /console/sign-in HTTP/1.1\r\n" + HOST + b"Content-Type: application/x-www-form-urlencoded\r\n"
GRANT = b"grant_type=client_credentials"
HUGE_HEAD_BYTES, LARGE_BODY_BYTES = 4 * 1024 * 1024, 16 * 1024 * 1024
CHUNK = b"a" * 16_384
DRIP_S = 0.5
ADDRESSES = 20
"""They come from 127.0.1.1 and so on; Linux has all of 127.0.0.0/8."""
NICENESS = 10
"""The crowd shares a core with the signed-in client, and must not slow it down there."""
AFTER_REFUSAL_S = 0.05
"""The pause of an attacker whom the server does not accept at all."""

_numbers = itertools.count()

Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Counter[str]], Awaitable[None]]


async def _wrong_secret(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: Counter[str]) -> None:
    """Signs in again and again on one connection, each time with another key, whose secret is wrong."""
    while True:
        key = base64.b64encode(b"a%%41%d:b%%42" % next(_numbers))
        lengths = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(GRANT)
        writer.write(TOKEN + b"Authorization: Basic " + key + b"\r\n" + lengths + GRANT)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        ended["wrong secret"] += 1


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: Counter[str]) -> None:
    await reader.read()
    ended["silent"] += 1


async def _slow_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: Counter[str]) -> None:
    writer.write(b"GET / HTTP/1.1\r\nHost: ")
    while not reader.at_eof():
        writer.write(b"a")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1024), DRIP_S)
    ended["slow head"] += 1


async def _half_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: Counter[str]) -> None:
    writer.write(SIGN_IN + b"Content-Length: 1000\r\n\r\n" + b"key=" + b"a" * 500)
    await reader.read()
    ended["half body"] += 1


async def _huge_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: Counter[str]) -> None:
    try:
        await _send(writer, b"GET /health/live HTTP/1.1\r\n" + HOST + b"X-Long: ", HUGE_HEAD_BYTES)
        await reader.read()
    finally:
        ended["huge head"] += 1


async def _large_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: Counter[str]) -> None:
    try:
        await _send(writer, SIGN_IN + b"Content-Length: %d\r\n\r\n" % LARGE_BODY_BYTES, LARGE_BODY_BYTES)
        await reader.read()
    finally:
        ended["large body"] += 1


async def _send(writer: asyncio.StreamWriter, start: bytes, size: int) -> None:
    writer.write(start)
    for _ in range(size // len(CHUNK)):
        writer.write(CHUNK)
        await writer.drain()


KINDS: tuple[Attack, ...] = (_silent, _slow_head, _half_body, _huge_head, _large_body)
"""Half of the attackers send wrong secrets, the other half these in equal shares."""


def _attack_of(number: int) -> Attack:
    return _wrong_secret if number % 2 else KINDS[number // 2 % len(KINDS)]


async def _attack(port: int, address: str, attack: Attack, ended: Counter[str]) -> None:
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        except OSError:
            ended["refused"] += 1
            await asyncio.sleep(AFTER_REFUSAL_S)
            continue
        try:
            await attack(reader, writer, ended)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def attack_for(port: int, seconds: float, attackers: int) -> Counter[str]:
    """How many attempts of each kind ended."""
    ended: Counter[str] = Counter()
    tasks = [
        asyncio.create_task(_attack(port, f"127.0.1.{number % ADDRESSES + 1}", _attack_of(number), ended))
        for number in range(attackers)
    ]
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ending.wait(), seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return ended


def main() -> None:
    port, seconds, attackers = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    os.nice(NICENESS)
    print(json.dumps(uvloop.run(attack_for(port, seconds, attackers))))


if __name__ == "__main__":
    main()
