"""SIGTERM: the server drains, finishes what is in progress, and stops within a bounded time."""

from __future__ import annotations

import itertools
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from support.processes import ServerProcess, wait_until

KEY = {"Authorization": "Bearer test-operator-key"}
NEW = b'{"name": "new"}'
HEAD = (
    b"POST /control/v1/accounts HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer test-operator-key\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(NEW)
)
Start = Callable[..., ServerProcess]


@pytest.fixture(params=["1", "2"], ids=["one process", "two workers"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    started: list[ServerProcess] = []

    def start_one(*options: str) -> ServerProcess:
        url = f"sqlite:///{tmp_path}/a.db"
        started.append(ServerProcess(tmp_path, "--database", url, "--workers", request.param, *options))
        started[-1].wait_until_ready()
        wait_until(started[-1].is_answering, "an answer")
        return started[-1]

    yield start_one
    for server in started:
        server.process.send_signal(signal.SIGTERM)
        server.stop()


def test_a_draining_server_serves_but_is_not_ready_and_closes_connections(start: Start) -> None:
    server = start("--drain-s", "600")
    with httpx.Client(base_url=server.address, trust_env=False, timeout=120) as client:
        assert "connection" not in client.get("/health/live").headers
        server.process.send_signal(signal.SIGTERM)
        names = map("new-{}".format, itertools.count())

        def is_draining() -> bool:  # of two workers, the other one may get the signal later
            answer = client.get("/health/ready")
            body = answer.json()
            found = answer.status_code, body["ready"], body.get("reason"), body["status"]
            return found == (503, False, "draining", "draining") and answer.headers.get("connection") == "close"

        def serves_and_closes() -> bool:
            done = client.post("/control/v1/accounts", json={"name": next(names)}, headers=KEY)
            assert done.status_code == 201
            return bool(done.headers.get("connection") == "close")

        wait_until(is_draining, "not ready, and connections are closed")
        wait_until(serves_and_closes, "a change is made, and its connection closed")
        assert client.get("/health/live").status_code == 200
    assert server.process.poll() is None
    assert server.stop() == 0  # the second signal ends the drain


def test_a_request_in_progress_is_finished(start: Start) -> None:
    server = start("--drain-s", "0", "--stop-timeout-s", "60")
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as client:
        client.sendall(HEAD + NEW[:3])
        assert server.is_answering()  # so that it has read the head
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not server.is_answering(), "the end of the port")
        client.sendall(NEW[3:])
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"connection: close\r\n" in answer
    assert server.stop() == 0


def test_a_half_sent_body_does_not_hold_the_process(start: Start) -> None:
    server = start("--drain-s", "0", "--stop-timeout-s", "1")
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as client:
        client.sendall(HEAD + NEW[:3])
        assert server.is_answering()
        assert server.stop() == 0
    assert "1 requests took longer than 1 s" in server.log
    assert "Traceback" not in server.log
