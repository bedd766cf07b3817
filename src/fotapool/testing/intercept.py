"""In this process, the vendor's host names lead to a server on this machine, whatever the HTTP client.

Only name look-up, connecting and the trusted certificates are changed, below all clients that use Python's `socket` and
`ssl`. A name is looked up as an address of 127.86.84.0/24, a placeholder for the server that is never contacted. anyio
and others connect to the port of the URL, not to the port that the look-up returned, so the address has to say it.
"""

from __future__ import annotations

import itertools
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock
from urllib.parse import urlsplit
from weakref import WeakSet

HOST_NAMES = (
    "thingspace.verizon.com",
    "mock.thingspace.verizon.com",
    "staging.thingspace.verizon.com",
    "mock-staging.thingspace.verizon.com",
)
LOOPBACK = ("localhost", "127.0.0.1")
_numbers = itertools.count(1)


@contextmanager
def intercepted(address: str, ca_file: str | None) -> Iterator[None]:
    """Leads the vendor's host names to the server, until the end of the block.

    Raises RuntimeError for a server without HTTPS, or on another machine.
    """
    parts = urlsplit(address)
    if ca_file is None or parts.scheme != "https":
        raise RuntimeError(
            "intercept() needs a server with HTTPS: set fotapool_tls = true in pytest.ini, or Server(tls=True)"
        )
    if parts.hostname not in LOOPBACK or parts.port is None:
        raise RuntimeError(f"intercept() needs a server at 127.0.0.1, not {address}")
    placeholder = f"127.86.84.{next(_numbers) % 254 + 1}"
    with ExitStack() as stack:
        _look_up(stack, placeholder)
        _connect(stack, placeholder, ("127.0.0.1", parts.port))
        _trust(stack, ca_file)
        for name in ("no_proxy", "NO_PROXY"):
            names = ",".join([*filter(None, [os.environ.get(name)]), *HOST_NAMES])
            stack.enter_context(mock.patch.dict(os.environ, {name: names}))
        yield


def _look_up(stack: ExitStack, placeholder: str) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
        if not _is_vendor(host):
            return list(real(host, port, family=family, type=type, proto=proto, flags=flags))
        if family not in (socket.AF_UNSPEC, socket.AF_INET):
            raise socket.gaierror(socket.EAI_NONAME, "the server of intercept() has an IPv4 address only")
        return list(real(placeholder, port, family=socket.AF_INET, type=type, proto=proto))

    stack.enter_context(mock.patch.object(socket, "getaddrinfo", getaddrinfo))


def _connect(stack: ExitStack, placeholder: str, server: tuple[str, int]) -> None:
    for name in ("connect", "connect_ex"):
        real = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any, real: Any = real) -> Any:
            leads_here = isinstance(address, tuple) and address[0] == placeholder
            return real(self, server if leads_here else address)

        stack.enter_context(mock.patch.object(socket.socket, name, connect))


def _trust(stack: ExitStack, ca_file: str) -> None:
    """Adds the certificate authority to each context with which a vendor's name is verified, also to existing ones."""
    trusting: WeakSet[ssl.SSLContext] = WeakSet()
    for name in ("wrap_socket", "wrap_bio"):
        real = getattr(ssl.SSLContext, name)

        def wrap(self: ssl.SSLContext, *arguments: Any, real: Any = real, **options: Any) -> Any:
            host = options.get("server_hostname", arguments[-1] if arguments else None)
            if _is_vendor(host) and self not in trusting:
                self.load_verify_locations(cafile=ca_file)
                trusting.add(self)
            return real(self, *arguments, **options)

        stack.enter_context(mock.patch.object(ssl.SSLContext, name, wrap))


def _is_vendor(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    return isinstance(host, str) and host.lower().rstrip(".") in HOST_NAMES
