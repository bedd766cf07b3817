"""Clients with the vendor's address, as they are, reach the test's server while intercept() is active."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3

from fotapool.testing import Account, Server
from fotapool.testing.intercept import HOST_NAMES
from fotapool.web.http import VENDOR_HOSTS

WITHIN_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(tls=True) as server:
        yield server


def url_of(account: Account, host: str = HOST_NAMES[0]) -> str:
    return f"https://{host}/api/fota/v3/licenses/{account.name}"


def by_requests(url: str, headers: dict[str, str]) -> Any:
    with requests.Session() as session:
        return session.get(url, headers=headers, timeout=WITHIN_S).json()


def by_requests_without_environment(url: str, headers: dict[str, str]) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, headers=headers, timeout=WITHIN_S).json()


def by_httpx(url: str, headers: dict[str, str]) -> Any:
    with httpx.Client(headers=headers, timeout=WITHIN_S) as client:
        return client.get(url).json()


def by_httpx_async(url: str, headers: dict[str, str]) -> Any:
    async def get() -> Any:
        async with httpx.AsyncClient(headers=headers, timeout=WITHIN_S) as client:
            return (await client.get(url)).json()

    return asyncio.run(get())


def by_aiohttp(url: str, headers: dict[str, str]) -> Any:
    async def get() -> Any:
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
            return await response.json(content_type=None)

    return asyncio.run(get())


def by_urllib3(url: str, headers: dict[str, str]) -> Any:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url, headers=headers, timeout=WITHIN_S).json()


CLIENTS = (by_requests, by_requests_without_environment, by_httpx, by_httpx_async, by_aiohttp, by_urllib3)


@pytest.mark.parametrize("get", CLIENTS, ids=lambda get: get.__name__)
def test_each_client_reaches_the_server_under_the_vendor_s_names(
    server: Server, get: Callable[[str, dict[str, str]], Any]
) -> None:
    account = server.account(licenses=3, licensed=1)
    with account.intercept():
        for host in (HOST_NAMES[0], HOST_NAMES[1].upper()):
            assert get(url_of(account, host), account.sign_in.headers)["assignedLicenses"] == 1
    assert account.requests.call_count == 2


def test_a_client_that_was_made_before_trusts_the_server_too(server: Server) -> None:
    account = server.account()
    with httpx.Client(headers=account.sign_in.headers) as client, account.intercept():
        assert client.get(url_of(account)).status_code == 200


def test_all_is_as_before_afterwards_and_other_names_are_not_changed(server: Server) -> None:
    def state() -> tuple[object, ...]:
        own = "connect" in socket.socket.__dict__, os.environ.get("no_proxy")
        return socket.getaddrinfo, socket.socket.connect, ssl.SSLContext.wrap_socket, ssl.SSLContext.wrap_bio, own

    before = state()
    with server.intercept():
        assert state() != before
        assert socket.getaddrinfo("localhost", 80, socket.AF_INET)[0][4] == ("127.0.0.1", 80)
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo(HOST_NAMES[0], 443, socket.AF_INET6)
        found = {one[4][0] for one in socket.getaddrinfo(HOST_NAMES[0].encode(), "https")}
        assert all(str(address).startswith("127.86.84.") for address in found)
        with httpx.Client(verify=ssl.create_default_context(cafile=server.ca_file), trust_env=False) as client:
            assert client.get(f"{server.address}/health/ready").status_code == 200
        with pytest.raises(ZeroDivisionError), server.intercept():
            _ = 1 / 0
    assert state() == before


def test_the_inner_of_two_servers_answers(server: Server) -> None:
    with Server(tls=True) as other:
        outer, inner = server.account(), other.account()
        with outer.intercept():
            with inner.intercept():
                assert by_urllib3(url_of(inner), inner.sign_in.headers)["accountName"] == inner.name
            assert by_urllib3(url_of(outer), outer.sign_in.headers)["accountName"] == outer.name


def test_a_server_without_https_or_elsewhere_is_refused() -> None:
    plain, elsewhere = Server(address="http://127.0.0.1:1"), Server(address="https://192.0.2.1:1", ca_file="ca.pem")
    with pytest.raises(RuntimeError, match="set fotapool_tls = true"), plain.intercept():
        pass
    with pytest.raises(RuntimeError, match=r"needs a server at 127\.0\.0\.1, not https://192"), elsewhere.intercept():
        pass


def test_the_names_are_those_of_the_certificate() -> None:
    assert HOST_NAMES == VENDOR_HOSTS
