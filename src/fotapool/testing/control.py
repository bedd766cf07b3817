"""A small client of the operator API: JSON over one persistent connection, without dependencies."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

BASE = "/control/v1"
TIMEOUT_S = 60.0
Reply = tuple[int, Any, str | None]
"""Status, JSON (or text), and the header X-Fotapool-Auth, which says why tokens were refused."""


class ControlFailed(Exception):
    """The operator API refused the request. `problem` is the JSON of the response."""

    def __init__(self, method: str, path: str, status: int, problem: Any) -> None:
        detail = problem.get("detail", problem) if isinstance(problem, dict) else problem
        super().__init__(f"{method} {path} returned {status}: {detail}")
        self.status = status
        self.problem = problem


class Control:
    """Sends requests below `/control/v1` with the operator key. Not thread-safe."""

    def __init__(self, address: str, operator_key: str, ca_file: str | None = None) -> None:
        """`ca_file` is the PEM file of a private certificate authority, for https."""
        self._connection = _connection(address, ca_file)
        self._headers = {"Authorization": f"Bearer {operator_key}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the response, or None without a body. Raises ControlFailed or OSError."""
        status, answer, _ = self.request(method, BASE + path, None if body is None else json.dumps(body), self._headers)
        if status >= 400:
            raise ControlFailed(method, path, status, answer)
        return answer

    def request(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Reply:
        """Sends any request. Tries again once, because the server may have closed an idle connection."""
        try:
            return self._request(method, path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            return self._request(method, path, body, headers)

    def _request(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Reply:
        if self._connection.sock is None:
            self._connection.connect()
            _send_at_once(self._connection.sock)
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            text = response.read()
        except BaseException:
            self.close()
            raise
        why = response.headers.get("X-Fotapool-Auth")
        try:
            return response.status, json.loads(text) if text else None, why
        except ValueError:
            return response.status, text.decode("utf-8", "replace"), why

    def close(self) -> None:
        self._connection.close()


def _connection(address: str, ca_file: str | None) -> http.client.HTTPConnection:
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port or 80, timeout=TIMEOUT_S)
    context = ssl.create_default_context(cafile=ca_file)
    return http.client.HTTPSConnection(host, parts.port or 443, timeout=TIMEOUT_S, context=context)


def _send_at_once(opened: socket.socket | None) -> None:
    """Sets TCP_NODELAY: otherwise the second packet of a request waits for an acknowledgement."""
    if opened is not None:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
