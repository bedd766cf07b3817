"""A small client of the operator API: JSON over one persistent connection, without dependencies."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

BASE = "/control/v1"
TIMEOUT_S = 60.0
USER_AGENT = "fotapool-testing"
"""Says that a request is the plugin's, not one of the code under test."""


class Reply(NamedTuple):
    """A response: its JSON (or text), why tokens were refused (X-Fotapool-Auth), and the request id."""

    status: int
    answer: Any
    refused: str | None
    request_id: str


class ControlFailed(Exception):
    """The operator API refused the request. `problem` is the JSON of the response."""

    def __init__(self, method: str, path: str, status: int, problem: Any) -> None:
        detail = problem.get("detail", problem) if isinstance(problem, dict) else problem
        super().__init__(f"{method} {path} returned {status}: {detail}")
        self.status = status
        self.problem = problem


class Control:
    """Sends requests below `/control/v1` with the operator key. Threads may share it: each request has a connection."""

    def __init__(self, address: str, operator_key: str, ca_file: str | None = None) -> None:
        """`ca_file` is the PEM file of a private certificate authority, for https."""
        self._connect = partial(_connection, address, ca_file)
        self._idle: list[http.client.HTTPConnection] = []
        self._headers = {"Authorization": f"Bearer {operator_key}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the response, or None without a body. Raises ControlFailed or OSError."""
        return self.reply(method, path, body).answer

    def reply(self, method: str, path: str, body: Any = None) -> Reply:
        """The response with its status and request id. Raises ControlFailed or OSError."""
        reply = self.request(method, BASE + path, None if body is None else json.dumps(body), self._headers)
        if reply.status >= 400:
            raise ControlFailed(method, path, reply.status, reply.answer)
        return reply

    def request(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Reply:
        """Sends any request. Tries again once, because the server may have closed an idle connection."""
        try:
            return self._request(method, path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            return self._request(method, path, body, headers)

    def _request(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Reply:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            if connection.sock is None:
                connection.connect()
                _send_at_once(connection.sock)
            connection.request(method, path, body, {"User-Agent": USER_AGENT, **headers})
            response = connection.getresponse()
            text = response.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        try:
            answer = json.loads(text) if text else None
        except ValueError:
            answer = text.decode("utf-8", "replace")
        refused, request_id = response.headers.get("X-Fotapool-Auth"), response.headers.get("X-Request-Id", "")
        return Reply(response.status, answer, refused, request_id)

    def close(self) -> None:
        """Closes the connections that no request uses."""
        while self._idle:
            self._idle.pop().close()


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
