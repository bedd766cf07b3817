"""What tests of the emulator's tools share: an emulator on SQLite, since none of this touches the database."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from support.helpers import Api


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    """An empty SQLite database: the tools are the same on both kinds."""
    return f"sqlite:///{tmp_path}/test.db"


Raw = Callable[..., bytes]


@pytest.fixture
def raw() -> Raw:
    """Sends a request on a socket of its own and answers all that comes back until the other side closes."""

    def send(api: Api, method: str, path: str, body: bytes = b"") -> bytes:
        url = api.http.base_url
        headers = {**api.tokens, "Host": "localhost", "Content-Length": str(len(body))}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection((url.host, url.port or 80), timeout=120) as connection:
            connection.sendall(head.encode() + b"\r\n" + body)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        return received

    return send
