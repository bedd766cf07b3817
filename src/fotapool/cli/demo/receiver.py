"""The demo's receiver of callbacks: a small HTTP server on localhost that keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 10
"""How long a callback is waited for."""
MAX_BODY_BYTES = 1024 * 1024
MAX_KEPT = 1000
POLL_S = 0.05


class Receiver:
    """Where callbacks come in."""

    def __init__(self) -> None:
        self.url = ""
        self._messages: list[Any] = []
        self._changed = threading.Condition()

    def take(self, message: Any) -> None:
        with self._changed:
            if len(self._messages) < MAX_KEPT:
                self._messages.append(message)
            self._changed.notify_all()

    def wait_for(self, wanted: Callable[[Any], bool]) -> Any:
        """The last message like that, at once or when the first one comes; None if none comes in PATIENCE_S."""
        with self._changed:
            self._changed.wait_for(lambda: any(map(wanted, self._messages)), PATIENCE_S)
            return next(filter(wanted, reversed(self._messages)), None)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 < length <= MAX_BODY_BYTES:
            self.send_error(413)
            return
        self.receiver.take(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the walk shows what came in."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of localhost while the context lasts."""
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": receiver}))
    server.daemon_threads = True
    server.block_on_close = False
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/callbacks"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": POLL_S}, name="fotapool-demo-receiver", daemon=True
    )
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
