"""Receivers of callbacks for the tests: real HTTP servers on localhost that send the replies given."""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fotapool.testing.inbox import QuietHandler, QuietServer

PATIENCE_S = 120
"""How long a test waits for what it has caused."""


@dataclass(frozen=True)
class Reply:
    """An answer; with `wait`, not before that is set; with `drop`, the connection is closed instead, or after it."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    wait: threading.Event | None = None
    drop: bool = False
    close_after: bool = False


@dataclass(frozen=True)
class Seen:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What came in, and what is answered next: the replies in turn, then 200."""

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, request: Seen) -> Reply:
        with self.changed:
            self.seen.append(request)
            self.changed.notify_all()
            return self.replies.popleft() if self.replies else Reply()

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.seen) >= count, PATIENCE_S), len(self.seen)

    @property
    def bodies(self) -> list[Any]:
        return [one.json for one in self.seen]


class _Handler(QuietHandler):
    receiver: Receiver

    def do_POST(self) -> None:  # noqa: N802 - the name is that of http.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        reply = self.receiver.take(Seen(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        if reply.wait is not None:
            reply.wait.wait(PATIENCE_S)
        if reply.drop:
            self.close_connection = True
            return
        try:
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
            self.wfile.flush()
        except OSError:  # the client has had enough
            self.close_connection = True
        self.close_connection |= reply.close_after


@contextmanager
def running_receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver()
    server = QuietServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": receiver}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}/callbacks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
