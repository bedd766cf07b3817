"""Receives callbacks: an HTTP server in this process, with an inbox for each account."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fotapool.testing.waiting import in_thread, monotonic_s, running_loop

MAX_CALLBACKS = 10_000
"""Callbacks in an inbox; older ones are dropped."""
MAX_BODY_BYTES = 16 * 1024 * 1024
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Callback:
    """One callback: the API version of its format, its body and its headers in lower case."""

    version: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def type(self) -> str:
        """For example firmwareList, upgradeScheduled, upgradeProgress or firmwareReported."""
        return str(self.body.get("type", ""))

    @property
    def content(self) -> Any:
        """The member of the body that `type` names."""
        return self.body.get(self.type)


class Inbox:
    """The callbacks of one account, in order of arrival. `status` is the status of the responses, 200 unless set."""

    def __init__(self, url: str) -> None:
        self.url = url
        """The URL that callbacks are posted to, followed by the version as in `URL/v3`."""
        self.status = 200
        self._answers: deque[int] = deque()
        self._callbacks: list[Callback] = []
        self._changed = threading.Condition()

    def add(self, callback: Callback) -> int:
        """Stores the callback; returns the status of the response."""
        with self._changed:
            self._callbacks.append(callback)
            del self._callbacks[:-MAX_CALLBACKS]
            self._changed.notify_all()
            return self._answers.popleft() if self._answers else self.status

    def answers(self, statuses: Iterable[int]) -> None:
        """Answers the next callbacks with these statuses, one each, and all later ones with `status`."""
        with self._changed:
            self._answers = deque(statuses)

    def all(self, type: str | None = None) -> list[Callback]:
        """The callbacks received so far, of this type if one is given."""
        with self._changed:
            return [one for one in self._callbacks if type in (None, one.type)]

    def clear(self) -> None:
        with self._changed:
            self._callbacks.clear()

    def wait_for(
        self,
        count: int = 1,
        type: str | None = None,
        timeout_s: float = TIMEOUT_S,
        where: Callable[[Callback], bool] = lambda callback: True,
    ) -> list[Callback]:
        """Waits for `count` callbacks of this type for which `where` is true; returns all such callbacks.

        Raises AssertionError with what did arrive if they do not arrive in time.
        """
        deadline = monotonic_s() + timeout_s
        with self._changed:
            while True:
                found = [one for one in self._callbacks if type in (None, one.type) and where(one)]
                if len(found) >= count:
                    return found
                left_s = deadline - monotonic_s()
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
            arrived = ", ".join(f"{one.type} (v{one.version})" for one in self._callbacks) or "none"
        wanted = f"{count} callback{'s' * (count != 1)}{f' of type {type}' if type else ''}"
        advice = "" if running_loop() is None else ". The wait blocked the event loop: use `await inbox.await_for(…)`"
        raise AssertionError(
            f"expected {wanted} within {timeout_s} s; {len(found)} arrived. All received: {arrived}{advice}"
        )

    async def await_for(
        self,
        count: int = 1,
        type: str | None = None,
        timeout_s: float = TIMEOUT_S,
        where: Callable[[Callback], bool] = lambda callback: True,
    ) -> list[Callback]:
        """As `wait_for`, without blocking the event loop."""
        return await in_thread(self.wait_for, count=count, type=type, timeout_s=timeout_s, where=where)

    def __len__(self) -> int:
        return len(self._callbacks)


class Receiver:
    """The HTTP server. Each account has its own path."""

    def __init__(self) -> None:
        self._inboxes: dict[str, Inbox] = {}
        handler = type("Handler", (_Handler,), {"inboxes": self._inboxes})
        self._server = QuietServer(("127.0.0.1", 0), handler)
        self._url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="fotapool-inbox"
        )
        self._thread.start()

    def inbox(self, account: str) -> Inbox:
        return self._inboxes.setdefault(account, Inbox(f"{self._url}/{account}"))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections open, sends each response in one piece, and logs nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing."""


class QuietServer(ThreadingHTTPServer):
    """Serves each connection in a thread, and ignores connections that the sender closes."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores connections that the sender closes."""


class _Handler(QuietHandler):
    inboxes: dict[str, Inbox]

    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length", "0")), MAX_BODY_BYTES)
        body = self.rfile.read(length)
        account, _, version = self.path.strip("/").partition("/v")
        inbox = self.inboxes.get(account)
        status = 404
        if inbox is not None and version.isdigit():
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status = inbox.add(Callback(int(version), json.loads(body), headers))
            except ValueError:
                status = 400
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()
