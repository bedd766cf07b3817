"""Real server processes on one database, each with its log in a file, and clients that know both planes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from support.helpers import OPERATOR, Api
from support.ledgers import Answer, Request


class Process:
    """One `fotapool serve`, the leader of a process group of its own."""

    def __init__(self, directory: Path, database_url: str, *arguments: str) -> None:
        self._log = directory / f"serve-{len(list(directory.glob('serve-*')))}.log"
        command = ["serve", "--database", database_url, "--operator-key", OPERATOR, "--port", "0", *arguments]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fotapool.cli", *command],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.address = ""
        self._started_with = 0

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("fotapool ready on "), self.log
        self.address = line.split()[-1]
        self._started_with = len(self.log)

    @property
    def trouble(self) -> str:
        """The log since the start, if it has a warning or an error."""
        since = self.log[self._started_with :]
        return since if " WARNING " in since or " ERROR " in since else ""

    @property
    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        """Ends the process and its workers at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def stop(self) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=120)
        self.kill()


@contextlib.contextmanager
def serving(directory: Path, database_url: str, *arguments: list[str]) -> Iterator[list[Process]]:
    """Several servers that start together on one database, each with its arguments."""
    processes = [Process(directory, database_url, *given) for given in arguments]
    try:
        for process in processes:
            process.wait_until_ready()
        yield processes
    finally:
        for process in processes:
            process.stop()


class Connections:
    """Many open connections to some servers; sends one request on each at the same moment."""

    def __init__(self, addresses: list[str], count: int, signed_in: Api) -> None:
        where = [
            (address.rsplit(":", 1)[0].removeprefix("http://"), int(address.rsplit(":", 1)[1])) for address in addresses
        ]
        self._sockets = [socket.create_connection(where[place % len(where)], timeout=300) for place in range(count)]
        self._tokens = signed_in.tokens

    def __len__(self) -> int:
        return len(self._sockets)

    def send(self, requests: Sequence[Request], ids: Sequence[str] = (), if_match: str = "") -> None:
        """The requests on as many connections, before any answer is read; `if_match` goes with operator calls."""
        encoded = [
            self._encode(*request, ids[place] if ids else "", if_match) for place, request in enumerate(requests)
        ]
        for connection, text in zip(self._sockets, encoded, strict=False):
            connection.sendall(text)

    def _encode(self, method: str, path: str, body: Any, request_id: str, if_match: str) -> bytes:
        text = b"" if body is None else json.dumps(body).encode()
        tokens = {"Authorization": f"Bearer {OPERATOR}"} if path.startswith("/control") else self._tokens
        headers = {"Host": "localhost", "Content-Length": str(len(text)), **tokens}
        if request_id:
            headers["X-Request-Id"] = request_id
        if if_match and path.startswith("/control"):
            headers["If-Match"] = if_match
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + text

    def receive(self, place: int) -> Answer | None:
        """The answer on one connection; None if the server went away before the whole of it was here."""
        response = HTTPResponse(self._sockets[place])
        try:
            response.begin()
            return response.status, json.loads(response.read())
        except (HTTPException, OSError):
            return None

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        """Sends all, reads all; whatever is not answered 200 fails the test."""
        self.send(requests)
        answers = [self.receive(place) for place in range(len(requests))]
        for request, answer in zip(requests, answers, strict=True):
            assert answer is not None, request
            assert answer[0] == 200, (request, answer)
        return [answer[1] for answer in answers if answer]

    def close(self) -> None:
        for connection in self._sockets:
            connection.close()
