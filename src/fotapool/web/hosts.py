"""Checks the Host header, so that no web page can use a name of its own for this server (DNS rebinding)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

VENDOR_HOSTS = (
    "thingspace.verizon.com",
    "mock.thingspace.verizon.com",
    "staging.thingspace.verizon.com",
    "mock-staging.thingspace.verizon.com",
)
"""The names of the vendor's service, under which its SDKs may call (`--tls`)."""
ANY_HOST = "*"
MAX_REMEMBERED = 1_000


class HostCheck:
    """An ASGI application that answers 421 for a foreign Host, and 400 for none or several.

    A Host is accepted if it is a loopback name or address, the address that the connection came to, the address the
    server is bound to, a name of the vendor's, or one of `allowed` (`--allowed-host`; `*` accepts all, `.example.com`
    a domain with its subdomains).
    """

    def __init__(self, app: ASGIApp, bound: str, allowed: Iterable[str]) -> None:
        names = {name.lower() for name in allowed}
        self._app = app
        self._any = ANY_HOST in names
        self._names = {*names, *VENDOR_HOSTS, "localhost", bound.lower()}
        self._domains = (".localhost", *(name for name in names if name.startswith(".")))
        self._accepted: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._any:
            await self._app(scope, receive, send)
            return
        host, count = b"", 0
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
                count += 1
        if count != 1:
            await _answer(send, 400, b"Send exactly one Host header.\n")
        elif host in self._accepted or self._is_accepted(host, scope):
            await self._app(scope, receive, send)
        else:
            shown = host[:200].decode("ascii", "replace").encode("ascii", "replace")
            await _answer(send, 421, b"The host %s is not allowed here; see --allowed-host.\n" % shown)

    def _is_accepted(self, host: bytes, scope: Scope) -> bool:
        name = _without_port(host.decode("latin-1").lower())
        if name in self._names or name.endswith(self._domains):
            if len(self._accepted) < MAX_REMEMBERED:
                self._accepted.add(host)
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or str(address) == (scope.get("server") or ("",))[0]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
