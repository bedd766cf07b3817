"""Sends callbacks with aiohttp: one POST each, no redirects, no proxies, responses read up to a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from fotapool import __version__
from fotapool.core.logs.events import Log, LogEvent
from fotapool.worker.callbacks.addresses import AddressRefused, CheckedResolver, check_literal
from fotapool.worker.callbacks.deliveries import MAX_AT_ONCE, SendResult

log = Log(__name__)

MAX_STORED_BYTES = 1024
"""How much of a response is stored."""
MAX_RESPONSE_BYTES = 64 * 1024
"""How much of a response is read to reuse the connection; after more, the connection is closed."""
RESPONSE_S = 2.0
"""Time limit of the response body after its status, in seconds."""
KEEP_ALIVE_S = 60
HEADERS = {"Content-Type": "application/json", "User-Agent": f"fotapool/{__version__}", "Accept-Encoding": "identity"}


class HttpSender:
    """A Sender (deliveries.py). Create and close it on the event loop that uses it."""

    def __init__(self, timeout_s: float, private_targets: bool) -> None:
        self._timeout_s = timeout_s
        self._private_targets = private_targets
        self._resolver = CheckedResolver(private_targets)
        self._pooled = self._session(force_close=False)
        self._fresh = self._session(force_close=True)
        """Opens a new connection each time, for a retry after a pooled one was closed."""

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
        await self._pooled.close()
        await self._fresh.close()
        await self._resolver.close()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        """Posts the body; failures of the receiver or the network are in the result."""
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
            error = _message(problem)
            if AddressRefused in (type(problem), type(problem.__cause__)):
                log.write(LogEvent.CALLBACK_TARGET_DENIED, reason=error)
        return SendResult(
            status=status,
            error=_storable(error),
            answer=_storable(answer.decode(errors="replace")),
            took_ms=round((loop.time() - began) * 1000),
        )

    async def _post(self, url: URL, headers: Mapping[str, str], body: bytes, deadline_s: float) -> tuple[int, bytes]:
        """The status, awaited until the deadline (of the loop's clock), and the beginning of the response.

        If the receiver closes a pooled connection just as it is reused, the callback is sent on a new one at once. It
        may then arrive twice, which at-least-once delivery allows, rather than minutes late.
        """
        seen = SimpleNamespace(reused=False)
        options = {"data": body, "headers": headers, "allow_redirects": False, "trace_request_ctx": seen}
        try:
            return await _post_once(self._pooled, url, deadline_s, options)
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
        return response.status, await _read_response(response)


async def _note_reuse(_: object, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reused = True


async def _read_response(response: aiohttp.ClientResponse) -> bytes:
    """The first bytes of the response body; a long, slow or broken body is no error."""
    answer = bytearray()
    size = 0
    try:
        async with asyncio.timeout(RESPONSE_S):
            while chunk := await response.content.read(MAX_RESPONSE_BYTES):
                answer += chunk[: MAX_STORED_BYTES - len(answer)]
                size += len(chunk)
                if size > MAX_RESPONSE_BYTES:
                    response.close()
                    break
    except (TimeoutError, aiohttp.ClientError):
        response.close()
    return bytes(answer)


def _message(problem: Exception) -> str:
    if isinstance(problem.__cause__, AddressRefused):
        return str(problem.__cause__)
    return str(problem) or type(problem).__name__


def _storable(text: str) -> str:
    """The text without NUL characters, which databases reject, cut to MAX_STORED_BYTES characters."""
    return text.replace("\x00", "\ufffd")[:MAX_STORED_BYTES]
