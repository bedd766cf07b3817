"""Sends callbacks with aiohttp: one POST each, no redirects, no proxies, answers read up to a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from fotapool import __version__
from fotapool.worker.callbacks.addresses import AddressRefused, CheckedResolver, check_literal
from fotapool.worker.callbacks.deliveries import MAX_AT_ONCE, Sent

MAX_ANSWER_KEPT_BYTES = 1024
MAX_ANSWER_BYTES = 64 * 1024
"""How much of an answer is read, so that the connection can be used again; beyond it the connection is closed."""
ANSWER_S = 2.0
"""How long the rest of an answer may take once its status is there, in seconds."""
KEEP_ALIVE_S = 60
HEADERS = {"Content-Type": "application/json", "User-Agent": f"fotapool/{__version__}", "Accept-Encoding": "identity"}


class HttpSender:
    """See fotapool.engine.deliveries.Sender. Make and close it on the event loop that uses it."""

    def __init__(self, timeout_s: float, private_targets: bool) -> None:
        self._timeout_s = timeout_s
        self._private_targets = private_targets
        self._resolver = CheckedResolver(private_targets)
        self._kept = self._session(force_close=False)
        self._fresh = self._session(force_close=True)
        """Its connections are all new: for another try after a kept one turned out to be closed."""

    def _session(self, force_close: bool) -> aiohttp.ClientSession:
        keep_alive: dict[str, Any] = {} if force_close else {"keepalive_timeout": KEEP_ALIVE_S}
        connector = aiohttp.TCPConnector(
            resolver=self._resolver, use_dns_cache=False, limit=MAX_AT_ONCE, force_close=force_close, **keep_alive
        )
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers=HEADERS,
            trace_configs=[trace],
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def close(self) -> None:
        await self._kept.close()
        await self._fresh.close()
        await self._resolver.close()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        """Posts the body; never raises for what the receiver or the network does."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        status, error, answer = None, "", b""
        try:
            target = URL(url)
            check_literal(target, self._private_targets)
            status, answer = await self._post(target, headers, body, began + self._timeout_s)
        except TimeoutError:
            error = f"no answer within {self._timeout_s:g} seconds"
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            error = _words(problem)
        return Sent(status, _storable(error), _storable(answer.decode(errors="replace")), _ms(loop.time() - began))

    async def _post(self, url: URL, headers: Mapping[str, str], body: bytes, deadline_s: float) -> tuple[int, bytes]:
        """The status, which must come before the deadline (of the loop's clock), and the beginning of the answer.

        A receiver may close a kept connection just as it is used again. Then a new one is tried at once: the receiver
        has perhaps seen the callback, but more than once is allowed, and five minutes late is worse.
        """
        seen = SimpleNamespace(reused=False)
        options = {"data": body, "headers": headers, "allow_redirects": False, "trace_request_ctx": seen}
        try:
            return await _post_once(self._kept, url, deadline_s, options)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not seen.reused:
                raise
        return await _post_once(self._fresh, url, deadline_s, options)


async def _post_once(
    session: aiohttp.ClientSession, url: URL, deadline_s: float, options: Mapping[str, Any]
) -> tuple[int, bytes]:
    async with asyncio.timeout_at(deadline_s):
        response = await session.post(url, **options)
    async with response:
        return response.status, await _read_answer(response)


async def _note_reuse(_: object, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reused = True


async def _read_answer(response: aiohttp.ClientResponse) -> bytes:
    """The first bytes of the answer. Of one that is long, slow or broken the status counts all the same."""
    answer = bytearray()
    size = 0
    try:
        async with asyncio.timeout(ANSWER_S):
            while chunk := await response.content.read(MAX_ANSWER_BYTES):
                answer += chunk[: MAX_ANSWER_KEPT_BYTES - len(answer)]
                size += len(chunk)
                if size > MAX_ANSWER_BYTES:
                    response.close()
                    break
    except (TimeoutError, aiohttp.ClientError):
        response.close()
    return bytes(answer)


def _words(problem: Exception) -> str:
    if isinstance(problem.__cause__, AddressRefused):
        return str(problem.__cause__)
    return str(problem) or type(problem).__name__


def _storable(text: str) -> str:
    """Without the character that a database's text cannot hold."""
    return text.replace("\x00", "\ufffd")[:MAX_ANSWER_KEPT_BYTES]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
