"""HTTP/1.1 with limits: size of the head, deadlines for head, body and answer, number of connections.

uvicorn has none of them for its httptools parser, and nothing before sign-in may be expensive
(docs/reference/security.md). A request that arrives in one piece costs a few comparisons more.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CHECK_EVERY_S = 0.5
"""How often deadlines are looked at."""
FILES_BESIDE_CONNECTIONS = 64
"""Open files that a process needs for other things than connections: databases, contents, logs."""
MAX_CONNECTIONS_FALLBACK = 10_000
REFUSED_OPEN_S = 1.0
"""How long a connection with a refused head stays open, unread: clients that come back at once come less often."""
STALLED_AFTER_S = 5.0
"""After so long without reading any of its answer, a client's connection may be given to another one."""

DISCARDED_BYTES_PER_S = 4 * 1024 * 1024
"""How fast all connections of a process together may send bodies whose requests were answered before they arrived."""

_RESPONSE = (
    b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\n%scontent-length: %d\r\nconnection: close\r\n\r\n%s"
)


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection may take, and how many there may be."""

    max_head_bytes: int
    max_headers: int
    head_timeout_s: float
    """For the whole head of a request, and for a new connection to begin one."""
    body_timeout_s: float
    """For the whole body, plus a second for each `min_body_bytes_per_s` bytes that have arrived.

    An answer must be read as fast.
    """
    min_body_bytes_per_s: int
    max_connections: int | None
    """None: as many as the limit of open files allows."""

    def connections(self) -> int:
        """The number of connections of a process: as set, and below its limit of open files."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = MAX_CONNECTIONS_FALLBACK if files == resource.RLIM_INFINITY else files - FILES_BESIDE_CONNECTIONS
        return max(1, min(allowed, self.max_connections or MAX_CONNECTIONS_FALLBACK))


class Unread(msgspec.Struct):
    """What of its answers a client has not read: bytes that wait in this process, not in the sockets' buffers."""

    since_s: float
    at_first: int
    left: int
    stalled_s: float
    """When the client last read some of it."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection within its limits; uvicorn takes `functools.partial(LimitedProtocol, limits)` as `http`."""

    def __init__(self, limits: ConnectionLimits, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.limits = limits
        self.since_s = 0.0
        """When the head, or then the body, began (seconds of the event loop's clock)."""
        self.head_bytes = 0
        self.body_bytes = 0
        self.idle_bytes = 0
        """What has arrived since the last bytes of the body: extensions of chunks, trailers."""
        self.unread: Unread | None = None
        self.in_head = True
        self.in_body = False
        self.served = False
        """Whether a request on this connection was complete."""
        self.refused = False
        """Whether the connection was refused, or its request: nothing more is read from it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.since_s = self.loop.time()
        super().connection_made(transport)
        watch = _Watch.of(self)
        if len(self.connections) > watch.max_connections and not watch.make_room(self):
            self.refuse(b"503 Service Unavailable", b"Too many connections.", b"retry-after: 2\r\n")

    def data_received(self, data: bytes) -> None:
        if self.refused or self.transport.is_closing():
            return
        if self.in_head:
            if not self.head_bytes:
                self.since_s = self.loop.time()
            self.head_bytes += len(data)
        elif self.in_body:
            self.body_bytes += len(data)
            self.idle_bytes += len(data)
            if self.cycle.response_complete:
                self.flow.pause_reading()
                self.loop.call_at(_Watch.of(self).discarded_at_s(len(data)), self.read_on)
        HttpToolsProtocol.data_received(self, data)
        if self.in_head:
            if self.head_bytes > self.limits.max_head_bytes and not self.refused:
                self.refuse_head()
        elif self.in_body and (
            self.idle_bytes > self.limits.max_head_bytes or len(self.headers) > self.limits.max_headers
        ):
            self.refuse(b"431 Request Header Fields Too Large", b"The trailers of the request are too large.")

    def read_on(self) -> None:
        if not self.refused and not self.transport.is_closing():
            self.flow.resume_reading()

    def on_headers_complete(self) -> None:
        if self.refused:
            return
        self.in_head = False
        if len(self.headers) > self.limits.max_headers or (
            self.head_bytes > self.limits.max_head_bytes and self._head_size() > self.limits.max_head_bytes
        ):
            self.refuse_head()
            return
        self.in_body = True
        self.since_s = self.loop.time()
        HttpToolsProtocol.on_headers_complete(self)
        self.headers = []  # trailers are not among the headers that the application sees

    def on_body(self, body: bytes) -> None:
        self.idle_bytes = 0
        if not self.refused:
            HttpToolsProtocol.on_body(self, body)  # `super()` takes longer

    def on_message_complete(self) -> None:
        self.in_head, self.in_body = True, False
        self.head_bytes = self.body_bytes = self.idle_bytes = 0
        self.served = True
        if not self.refused:
            HttpToolsProtocol.on_message_complete(self)

    def refuse_head(self) -> None:
        self.refuse_for_a_while(b"431 Request Header Fields Too Large", b"The head of the request is too large.")

    def send_400_response(self, msg: str) -> None:
        self.refuse_for_a_while(b"400 Bad Request", msg.encode())

    def refuse_for_a_while(self, status: bytes, message: bytes) -> None:
        """Answers, unless an answer is on its way, and closes the connection after REFUSED_OPEN_S."""
        self._answer(status, message)
        self.refused, self.since_s = True, self.loop.time()
        self.flow.pause_reading()

    def refuse(self, status: bytes, message: bytes, headers: bytes = b"") -> None:
        """Answers, unless an answer is on its way, and closes the connection."""
        self._answer(status, message, headers)
        self.refused = True
        self.transport.close()

    def _answer(self, status: bytes, message: bytes, headers: bytes = b"") -> None:
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_RESPONSE % (status, headers, len(message), message))

    def shutdown(self) -> None:
        if self.refused:
            self.transport.close()
        else:
            super().shutdown()

    def resume_writing(self) -> None:
        self.unread = None  # the client has read most of it
        super().resume_writing()

    def check_deadline(self, now_s: float) -> None:
        """Closes a connection whose head, body or reading of an answer takes too long; 408 if a request had begun."""
        if self._is_read_too_slowly(now_s):
            self.transport.abort()
        elif not self.transport.is_closing():
            self._check_request(now_s)

    def _check_request(self, now_s: float) -> None:
        if self.refused:
            if now_s - self.since_s >= REFUSED_OPEN_S:
                self.transport.close()
        elif self.in_body:
            if self.flow.read_paused:  # the server does not read: that is not the client's delay
                self.since_s = now_s
                return
            allowed_s = self.limits.body_timeout_s + self.body_bytes / self.limits.min_body_bytes_per_s
            if now_s - self.since_s > allowed_s:
                self.refuse(b"408 Request Timeout", b"The body of the request did not arrive in time.")
        elif now_s - self.since_s > self.limits.head_timeout_s:
            if self.head_bytes:
                self.refuse(b"408 Request Timeout", b"The head of the request did not arrive in time.")
            elif not self.served:
                self.transport.close()

    def is_idle(self, now_s: float) -> bool:
        """Whether no request is under way, or the client has stopped to read its answer."""
        if self.unread is not None:
            return now_s - self.unread.stalled_s > STALLED_AFTER_S
        return self.in_head and not self.head_bytes and (self.cycle is None or self.cycle.response_complete)

    def _is_read_too_slowly(self, now_s: float) -> bool:
        size = self.transport.get_write_buffer_size()
        if not size or self.unread is None:
            self.unread = Unread(since_s=now_s, at_first=size, left=size, stalled_s=now_s) if size else None
            return False
        unread = self.unread
        if size < unread.left:
            unread.stalled_s = now_s
        unread.left = size
        read_bytes = max(0, unread.at_first - size)
        allowed_s = self.limits.body_timeout_s + read_bytes / self.limits.min_body_bytes_per_s
        return now_s - unread.since_s > allowed_s

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)


class _Watch:
    """Looks at the deadlines of all connections of a server, while there are any."""

    _watches: dict[int, _Watch] = {}

    def __init__(self, protocol: LimitedProtocol) -> None:
        self._connections = protocol.connections
        self._loop = protocol.loop
        self.max_connections = protocol.limits.connections()
        self._discarded_at_s = 0.0
        self._timer = self._loop.call_later(CHECK_EVERY_S, self._check)

    @classmethod
    def of(cls, protocol: LimitedProtocol) -> _Watch:
        watch = cls._watches.get(id(protocol.connections))
        if watch is None:
            watch = cls._watches[id(protocol.connections)] = cls(protocol)
        return watch

    def make_room(self, newcomer: LimitedProtocol) -> bool:
        """Closes the oldest connection without a complete request, or with a refused one; else the oldest idle one.

        False if there is none.
        """
        others = [other for other in self._connections if isinstance(other, LimitedProtocol) and other is not newcomer]
        waiting = [
            other
            for other in others
            if (other.refused or (not other.served and other.in_head)) and not other.transport.is_closing()
        ]
        if waiting:
            min(waiting, key=lambda other: other.since_s).transport.close()
            return True
        now_s = self._loop.time()
        idle = [other for other in others if other.is_idle(now_s)]
        if idle:
            min(idle, key=lambda other: other.since_s).transport.abort()
        return bool(idle)

    def discarded_at_s(self, size: int) -> float:
        """When so many more bytes are discarded, at DISCARDED_BYTES_PER_S."""
        self._discarded_at_s = max(self._discarded_at_s, self._loop.time()) + size / DISCARDED_BYTES_PER_S
        return self._discarded_at_s

    def _check(self) -> None:
        now_s = self._loop.time()
        for connection in list(self._connections):
            if isinstance(connection, LimitedProtocol):
                connection.check_deadline(now_s)
        if self._connections:
            self._timer = self._loop.call_later(CHECK_EVERY_S, self._check)
        else:
            del self._watches[id(self._connections)]
