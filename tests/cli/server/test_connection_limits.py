"""Heads, bodies and connections have limits and deadlines; a request within them is answered as ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from fotapool.cli.server import protocol as protocol_module
from fotapool.cli.server.protocol import ConnectionLimits, LimitedProtocol

LIMITS = ConnectionLimits(
    max_head_bytes=1000,
    max_headers=10,
    head_timeout_s=10,
    body_timeout_s=30,
    min_body_bytes_per_s=100,
    max_connections=2,
)
HEAD = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 400\r\n\r\n"


class Transport(asyncio.Transport):
    """What the server wrote, and whether it closed the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.paused = False
        self.unread_bytes = 0
        """How much of what was written waits for the client."""

    def get_write_buffer_size(self) -> int:
        return self.unread_bytes

    def abort(self) -> None:
        self.closed = True

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class Peers:
    """Connections to one server whose application answers 204 after it has read the body."""

    def __init__(self) -> None:
        self.requests = 0
        self.config = uvicorn.Config(self.app, interface="asgi3", lifespan="off", log_config=None)
        self.state = ServerState()

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests += 1
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def connect(self) -> tuple[LimitedProtocol, Transport]:
        protocol = LimitedProtocol(LIMITS, config=self.config, server_state=self.state, app_state={})
        transport = Transport()
        protocol.connection_made(transport)
        return protocol, transport


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nx: " + b"a" * 2000,
        b"GET /" + b"a" * 2000,
        b"GET / HTTP/1.1\r\n" + b"x: a\r\n" * 500,
        b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 2000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: a\r\n" * 11 + b"\r\n",
        b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
    ids=["one header", "target", "headers", "whole", "many headers, whole", "target, whole"],
)
@pytest.mark.parametrize("piece", [100_000, 7])
def test_a_head_over_the_limit_is_answered_431_and_no_application_sees_it(head: bytes, piece: int) -> None:
    async def run() -> None:
        peers = Peers()
        protocol, transport = peers.connect()
        for start in range(0, len(head), piece):
            protocol.data_received(head[start : start + piece])
        await settle()
        assert transport.written.startswith(b"HTTP/1.1 431 ")
        assert transport.written.count(b"HTTP/1.1") == 1
        assert transport.paused
        assert peers.requests == 0

    asyncio.run(run())


@pytest.mark.parametrize("piece", [100_000, 7])
def test_requests_within_the_limits_are_answered_one_after_the_other(piece: int) -> None:
    async def run() -> None:
        peers = Peers()
        protocol, transport = peers.connect()
        for number in range(1, 4):
            request = HEAD + b"b" * 400
            for start in range(0, len(request), piece):
                protocol.data_received(request[start : start + piece])
            await settle()
            assert transport.written.count(b"HTTP/1.1 204") == number
        assert not transport.closed

    asyncio.run(run())


def test_a_body_may_be_larger_than_the_head_and_come_with_it() -> None:
    async def run() -> None:
        peers = Peers()
        protocol, transport = peers.connect()
        protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n" + b"b" * 5000)
        await settle()
        assert transport.written.startswith(b"HTTP/1.1 204")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("sent", "status"), [(b"", b""), (b"GET / HT", b"HTTP/1.1 408 "), (b"GET / HTTP/1.1\r\nx:", b"HTTP/1.1 408 ")]
)
def test_a_connection_without_a_whole_head_ends_at_its_deadline(sent: bytes, status: bytes) -> None:
    async def run() -> None:
        protocol, transport = Peers().connect()
        if sent:
            protocol.data_received(sent)
        protocol.check_deadline(protocol.since_s + 10)
        assert not transport.closed
        protocol.check_deadline(protocol.since_s + 10.1)
        assert transport.closed
        assert transport.written.startswith(status)

    asyncio.run(run())


def test_dripping_a_head_does_not_move_its_deadline() -> None:
    async def run() -> None:
        protocol, transport = Peers().connect()
        began_s = protocol.since_s
        for byte in b"GET / HTTP/1.1\r\n":
            protocol.data_received(bytes([byte]))
        protocol.check_deadline(max(began_s, protocol.since_s) + 10.1)
        assert transport.closed

    asyncio.run(run())


def test_a_body_has_a_deadline_that_grows_with_what_has_arrived() -> None:
    async def run() -> None:
        protocol, transport = Peers().connect()
        protocol.data_received(HEAD)
        protocol.data_received(b"b" * 300)
        await settle()
        protocol.check_deadline(protocol.since_s + 32.9)
        assert not transport.closed
        protocol.check_deadline(protocol.since_s + 33.1)
        assert transport.written.startswith(b"HTTP/1.1 408 ")
        assert transport.closed

    asyncio.run(run())


def test_a_client_that_has_been_answered_may_stay_silent() -> None:
    async def run() -> None:
        protocol, transport = Peers().connect()
        protocol.data_received(HEAD + b"b" * 400)
        await settle()
        protocol.check_deadline(protocol.since_s + 1000)
        assert not transport.closed  # uvicorn's keep-alive time ends it

    asyncio.run(run())


def test_one_connection_too_many_takes_the_place_of_the_oldest_that_sent_nothing() -> None:
    async def run() -> None:
        peers = Peers()
        (client, of_client), (_, of_silent) = peers.connect(), peers.connect()
        client.data_received(HEAD + b"b" * 400)
        await settle()
        _, of_third = peers.connect()
        assert (of_client.closed, of_silent.closed, of_third.closed) == (False, True, False)

    asyncio.run(run())


def test_one_connection_too_many_takes_the_place_of_the_one_that_is_idle_longest() -> None:
    async def run() -> None:
        peers = Peers()
        (first, of_first), (second, of_second) = peers.connect(), peers.connect()
        for protocol in (second, first):
            protocol.data_received(HEAD + b"b" * 400)
            await settle()
        _, of_third = peers.connect()
        assert (of_first.closed, of_second.closed, of_third.closed) == (False, True, False)

    asyncio.run(run())


@pytest.mark.parametrize(("silent_s", "is_given_away"), [(5.1, True), (4.9, False)])
def test_a_connection_whose_answer_is_not_read_is_given_away(silent_s: float, is_given_away: bool) -> None:
    async def run() -> None:
        protocol, transport = Peers().connect()
        protocol.data_received(HEAD + b"b" * 400)
        await settle()
        transport.unread_bytes = 1000
        now_s = protocol.loop.time()
        protocol.check_deadline(now_s)
        assert protocol.is_idle(now_s + silent_s) is is_given_away

    asyncio.run(run())


@pytest.mark.parametrize(
    ("left", "seconds", "closed"),
    [([1000], 29.9, False), ([1000], 30.1, True), ([400], 35.9, False), ([400], 36.1, True), ([0], 99, False)],
    ids=str,
)
@pytest.mark.parametrize("closing", [False, True])
def test_an_answer_must_be_read_at_the_least_rate(left: list[int], seconds: float, closed: bool, closing: bool) -> None:
    async def run() -> None:
        protocol, transport = Peers().connect()
        protocol.data_received(HEAD + b"b" * 400)
        await settle()
        ended: list[bool] = []
        transport.abort = lambda: ended.append(True)  # type: ignore[method-assign]
        transport.closed = closing  # as after the keep-alive time: it stays open until all is read
        for transport.unread_bytes in [1000, *left]:
            protocol.check_deadline(protocol.since_s)
        protocol.check_deadline(protocol.since_s + seconds)
        assert bool(ended) is closed

    asyncio.run(run())


def test_an_answer_that_goes_on_begins_its_time_anew_when_most_of_it_was_read() -> None:
    async def run() -> None:
        protocol, transport = Peers().connect()
        protocol.data_received(HEAD + b"b" * 400)
        await settle()
        transport.unread_bytes = 100_000
        protocol.check_deadline(protocol.since_s)
        protocol.pause_writing()
        protocol.resume_writing()
        protocol.check_deadline(protocol.since_s + 40)
        assert not transport.closed

    asyncio.run(run())


CHUNKED = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"


@pytest.mark.parametrize(
    "rest",
    [b"0\r\n" + b"x: a\r\n" * 200, b"0\r\nx: " + b"a" * 2000, b"1;x=" + b"a" * 2000],
    ids=["trailers", "one trailer", "extension of a chunk"],
)
@pytest.mark.parametrize("piece", [400, 7])
def test_trailers_and_extensions_of_chunks_have_the_limit_of_the_head(rest: bytes, piece: int) -> None:
    async def run() -> None:
        protocol, transport = Peers().connect()
        protocol.data_received(CHUNKED)
        for start in range(0, len(rest), piece):
            protocol.data_received(rest[start : start + piece])
        await settle()
        assert transport.written.startswith(b"HTTP/1.1 431 ")
        assert transport.closed

    asyncio.run(run())


def test_small_chunks_are_read_and_trailers_are_no_headers() -> None:
    class HeadersOfRequests(Peers):
        headers: list[tuple[bytes, bytes]]

        async def app(self, scope: Any, receive: Any, send: Any) -> None:
            await super().app(scope, receive, send)
            self.headers = scope["headers"]

    async def run() -> None:
        peers = HeadersOfRequests()
        protocol, transport = peers.connect()
        protocol.data_received(CHUNKED)
        for _ in range(1000):
            protocol.data_received(b"1;a=b\r\na\r\n")
        protocol.data_received(b"0\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n")
        await settle()
        assert transport.written.startswith(b"HTTP/1.1 204 ")
        assert [name for name, _ in peers.headers] == [b"host", b"transfer-encoding"]

    asyncio.run(run())


def test_one_connection_too_many_is_answered_503_where_all_others_are_in_use() -> None:
    async def run() -> None:
        peers = Peers()
        for _ in range(2):
            protocol, _transport = peers.connect()
            protocol.data_received(HEAD + b"b" * 300)
        await settle()
        _, refused = peers.connect()
        assert refused.written.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 2" in refused.written
        assert refused.closed

    asyncio.run(run())


@pytest.mark.parametrize(
    ("sent", "status"), [(b"GET /" + b"a" * 2000, b"HTTP/1.1 431 "), (b"no request\r\n\r\n", b"HTTP/1.1 400 ")]
)
def test_a_connection_with_a_refused_head_is_read_no_more_and_ends_a_second_later(sent: bytes, status: bytes) -> None:
    async def run() -> None:
        protocol, transport = Peers().connect()
        protocol.data_received(sent)
        protocol.data_received(HEAD + b"b" * 400)
        await settle()
        assert transport.written.startswith(status)
        assert transport.written.count(b"HTTP/1.1") == 1
        protocol.check_deadline(protocol.since_s + 0.9)
        assert not transport.closed
        protocol.check_deadline(protocol.since_s + 1.1)
        assert transport.closed

    asyncio.run(run())


def test_a_connection_with_a_refused_head_ends_when_the_server_stops_or_its_place_is_needed() -> None:
    async def run() -> None:
        peers = Peers()
        (first, of_first), (second, of_second) = peers.connect(), peers.connect()
        for protocol in (first, second):
            protocol.data_received(HEAD + b"b" * 400)
            await settle()
            protocol.data_received(b"no request\r\n\r\n")
        peers.connect()
        assert (of_first.closed, of_second.closed) == (True, False)
        second.shutdown()
        assert of_second.closed

    asyncio.run(run())


def test_a_body_whose_request_was_answered_before_is_discarded_at_a_bounded_rate() -> None:
    class Hasty(Peers):
        async def app(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

    async def run() -> None:
        protocol, transport = Hasty().connect()
        protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3000000\r\n\r\n")
        await settle()
        assert transport.written.startswith(b"HTTP/1.1 413 ")
        watch, now_s = protocol_module._Watch.of(protocol), protocol.loop.time()
        protocol.data_received(b"b" * 1024 * 1024)
        assert transport.paused
        assert watch.discarded_at_s(3 * 1024 * 1024) >= now_s + 1  # 4 MiB a second, for all connections together
        protocol.read_on()
        assert not transport.paused

    asyncio.run(run())
