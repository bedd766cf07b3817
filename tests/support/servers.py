"""Servers for the tests: in a thread of this process, or as a process of their own."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
import uvicorn
from psycopg import sql
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.app import Server
from fotapool.cli.server.process import listen
from fotapool.core.settings import Settings
from fotapool.domain.names import PurchaseType
from fotapool.store.accounts.accounts import record_account
from fotapool.store.db.factory import open_database
from fotapool.store.db.schema import prepare
from support.processes import NO_AUTHORITIES

DATABASES = ("sqlite", "postgresql")
_numbers = itertools.count(1)


def with_database(url: str, name: str) -> str:
    info = psycopg.conninfo.conninfo_to_dict(url)
    host = str(info.get("host", ""))
    query = f"?host={host}" if host.startswith("/") else ""
    where = "" if query else f"{host}:{info.get('port', 5432)}"
    password = f":{info['password']}" if info.get("password") else ""
    return f"postgresql://{info.get('user', 'postgres')}{password}@{where}/{name}{query}"


@contextmanager
def prepared_database(request: pytest.FixtureRequest, directory: Path, label: str) -> Iterator[str]:
    """The URL of an empty database, on the kind that the fixture's parameter names, which goes at the end."""
    if request.param == "sqlite":
        yield f"sqlite:///{directory}/{label}.db"
        return
    template: str = request.getfixturevalue("postgres_template")
    url: str = request.getfixturevalue("postgres_url")
    name = f"fotapool_{label}_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield with_database(url, name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


LOOPS_UNTIL_CLOSED = 10
"""How many turns of the event loop a server takes to see that its client has closed its connections."""


def set_up(url: str, *accounts: str) -> None:
    """Sets the database up if it is empty, and adds the accounts."""
    with closing(open_database(url, durable=True).connect()) as connection:
        prepare(connection)
        for name in accounts:
            record_account(connection, name=name, purchase_type=PurchaseType.MRC, total=1, now_ms=1)


class _Server(uvicorn.Server):
    """A server that stops at once; uvicorn looks every 0.1 s, and then waits another 0.1 s for its connections."""

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await self._stopping.wait()

    def stop(self) -> None:
        """Safe to call from any thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for _ in range(LOOPS_UNTIL_CLOSED):
            if not self.server_state.connections and not self.server_state.tasks:
                break
            await asyncio.sleep(0)
        else:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
        await self.lifespan.shutdown()


class _Answer:
    """The `send` of one request, which keeps the end of its answer back."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._last: Message | None = None
        self.transport = send.__self__.transport  # type: ignore[attr-defined]  # faults close the connection by it

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._last = message
        else:
            await self._send(message)

    async def end(self) -> None:
        if self._last is not None:
            await self._send(self._last)


def _answering_last(app: ASGIApp) -> ASGIApp:
    """The application, whose clients have their answers when all that follows is done: log lines, counters, spans."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        answer = _Answer(send)
        await app(scope, receive, answer.send)
        await answer.end()

    return call


class ServerInThread:
    """A server of this process on a real socket, and an HTTP client of it."""

    def __init__(self, server: Server) -> None:
        config = uvicorn.Config(
            _answering_last(server.app),
            interface="asgi3",
            port=0,
            log_level="warning",
            access_log=False,
            lifespan="on",
        )
        self._uvicorn = _Server(config)
        self._socket = listen(Settings(port=0))
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.client = httpx.Client(base_url=self.address, timeout=300, verify=NO_AUTHORITIES)
        self.client.get("/health/live")  # the listening socket holds it until the server has started

    def stop(self) -> None:
        self.client.close()
        self._uvicorn.stop()
        self._thread.join()
        self._socket.close()


@contextmanager
def running_server(*arguments: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A real server process on a free port: its address and the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fotapool.cli", *arguments, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FOTAPOOL_DRAIN_S": "0", **environment},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("fotapool ready on "):
            process.kill()
            raise AssertionError(f"the server did not start: {line}{process.communicate()[1]}")
        yield line.split()[-1], process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
