"""Which Host headers are served."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fotapool.web.http import HostCheck


def status(
    hosts: list[str], bound: str = "127.0.0.1", allowed: tuple[str, ...] = (), reached: str = "127.0.0.1"
) -> int:
    """What a request with these Host headers is answered; 204 by the application behind the check."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    headers = [(b"host", host.encode("latin-1")) for host in hosts]
    scope = {"type": "http", "headers": headers, "server": (reached, 8080)}
    check = HostCheck(app, bound, allowed)
    for _ in range(2):  # the second answer is a remembered one
        sent.clear()
        asyncio.run(check(scope, receive, send))  # type: ignore[arg-type]
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.9.9.9",
        "[::1]",
        "[::1]:8080",
        "a.localhost:1",
        "thingspace.verizon.com",
        "staging.thingspace.verizon.com:443",
    ],
)
def test_loopback_and_the_vendors_names_are_served(host: str) -> None:
    assert status([host]) == 204


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "10.0.0.5",
        "",
        " ",
        "a b",
        "0x7f.1",
        "thingspace.verizon.com.evil.example",
        "\xff\xfe",
        ":8080",
        "localhost:@evil.example",
        "localhost:evil",
        "localhost:123456",
        "localhost/",
        "[::1]evil.example",
        "[::1]@evil.example",
        "[::1",
        "::1",
    ],
)
def test_any_other_host_is_answered_421(host: str) -> None:
    assert status([host]) == 421


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]], ids=str)
def test_no_host_and_several_are_answered_400(hosts: list[str]) -> None:
    assert status(hosts) == 400


def test_the_address_that_the_connection_came_to_is_served() -> None:
    assert status(["10.0.0.5:8080"], bound="0.0.0.0", reached="10.0.0.5") == 204
    assert status(["10.0.0.6:8080"], bound="0.0.0.0", reached="10.0.0.5") == 421
    assert status(["fota.example"], bound="fota.example") == 204


def test_further_hosts_are_served_where_the_operator_allows_them() -> None:
    assert status(["fota.example:443"], allowed=("FOTA.example",)) == 204
    assert status(["a.fota.example"], allowed=("fota.example",)) == 421
    assert status(["a.fota.example"], allowed=(".fota.example",)) == 204
    assert status(["evil.example"], allowed=("*",)) == 204
