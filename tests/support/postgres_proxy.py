"""A proxy before a PostgreSQL server that breaks connections at a chosen moment of their commits."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

import psycopg
from sqlalchemy.engine import make_url

_MARK = re.compile(rb"[0-9a-f]{32}")
"""The name of a writer, which goes with the commit of each batch."""
_SYNC = b"S\x00\x00\x00\x04"
_READY = b"Z\x00\x00\x00\x05I"
_FATAL_FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
_FATAL = b"E" + (len(_FATAL_FIELDS) + 4).to_bytes(4, "big") + _FATAL_FIELDS
Break = Literal["before the commit", "after the commit", "ended after the commit", "for good"]
"""Ended: the server says, in the place of the end of its answer, that it ends the connection."""


class PostgresProxy:
    """Forwards connections to the server of a URL. `break_next` is what happens to the next commit that goes by."""

    def __init__(self, url: str) -> None:
        info = psycopg.conninfo.conninfo_to_dict(url)
        host, port = str(info.get("host", "127.0.0.1")), int(info.get("port") or 5432)
        self._family = socket.AF_UNIX if host.startswith("/") else socket.AF_INET
        self._address: Any = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = [self._listener]
        self.break_next: Break | None = None
        self._ending: socket.socket | None = None
        self._lost: socket.socket | None = None
        """What this server connection answers does not go by."""
        changed = make_url(url).set(host="127.0.0.1", port=self._listener.getsockname()[1], query={})
        self.url = changed.render_as_string(hide_password=False)
        self._run(self._accept)

    def close(self) -> None:
        for one in self._open:
            _end(one)
        for thread in self._threads:
            thread.join()
        for one in self._open:
            one.close()

    def cut(self) -> None:
        """Breaks all connections, and lets no new one through until `restore`."""
        self.break_next = "for good"
        for one in self._open[1:]:
            _end(one)

    def restore(self) -> None:
        """Lets new connections through again."""
        self.break_next = None

    def _run(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.break_next == "for good":
                    client.close()
                    continue
                server = socket.socket(self._family)
                self._open += [client, server]
                server.connect(self._address)
                self._run(self._requests, client, server)
                self._run(self._answers, client, server)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        marked = b""
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self.break_next is not None and (marked or _MARK.search(data)):
                    marked += data
                    if self.break_next == "before the commit":
                        self.break_next = None
                        break
                    if _SYNC in marked:  # the commit is before it
                        if self.break_next == "ended after the commit":
                            self._ending, self.break_next, marked = server, None, b""
                            server.sendall(data)
                            continue
                        self._lost = server
                        server.sendall(data)
                        self.break_next = "for good" if self.break_next == "for good" else None
                        break
                server.sendall(data)
        _end(client)
        _end(server)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while (data := server.recv(65536)) and self._lost is not server:
                if self._ending is server and data.endswith(_READY):
                    data = data.removesuffix(_READY) + _FATAL
                client.sendall(data)
        _end(client)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def postgres_proxy(url: str) -> Iterator[PostgresProxy]:
    proxy = PostgresProxy(url)
    try:
        yield proxy
    finally:
        proxy.close()
