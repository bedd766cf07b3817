"""Signed-in clients of a test's account: httpx, and the vendor's SDK."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import httpx

from fotapool.testing.signin import AUTH_HEADER

if TYPE_CHECKING:
    from fotapool.testing.account import Account

VENDOR = "https://thingspace.verizon.com"
"""The SDK's built-in address."""
TIMEOUT_S = 60.0


class _Tokens(httpx.Auth):
    """Adds both tokens to requests that have none."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        given = {name for name in ("Authorization", "VZ-M2M-Token") if name in request.headers}
        self._put(request, given)
        response = yield request
        if (
            self._account.stay_signed_in
            and not given
            and self._account.sign_in.has_expired(response.headers.get(AUTH_HEADER), request.headers["VZ-M2M-Token"])
        ):
            self._account.sign_in.renew(request.headers["VZ-M2M-Token"])
            self._put(request, given)
            yield request

    def _put(self, request: httpx.Request, given: set[str]) -> None:
        request.headers.update({k: v for k, v in self._account.sign_in.headers.items() if k not in given})


class _Shared(httpx.BaseTransport):
    """The server's connections, which stay open when one client is closed."""

    def __init__(self, transport: httpx.HTTPTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)


def api_client(account: Account) -> httpx.Client:
    return httpx.Client(
        base_url=account.server.address,
        auth=_Tokens(account),
        transport=_Shared(account.server.transport),
        timeout=TIMEOUT_S,
        trust_env=False,
    )


def sdk_client(account: Account) -> Any:
    """The SDK's client. Its requests go to the server, with the account's current tokens."""
    from requests import Session
    from requests.adapters import HTTPAdapter
    from verizon.http.auth.thingspace_oauth import ThingspaceOauthCredentials
    from verizon.http.auth.vz_m2m_token import VZM2mTokenCredentials
    from verizon.verizon_client import VerizonClient

    class ToServer(HTTPAdapter):
        def send(self, request: Any, *arguments: Any, **options: Any) -> Any:
            request.url = request.url.replace(VENDOR, account.server.address, 1)
            options["proxies"] = None
            options["verify"] = account.server.ca_file or True
            if not request.headers.get("VZ-M2M-Token"):
                return super().send(request, *arguments, **options)
            request.headers.update(account.sign_in.headers)
            response = super().send(request, *arguments, **options)
            why, session = response.headers.get(AUTH_HEADER), request.headers["VZ-M2M-Token"]
            if account.stay_signed_in and account.sign_in.has_expired(why, session):
                account.sign_in.renew(session)
                request.headers.update(account.sign_in.headers)
                response = super().send(request, *arguments, **options)
            return response

    session = Session()
    session.trust_env = False
    session.mount(VENDOR, ToServer())
    return VerizonClient(
        http_client_instance=session,
        thingspace_oauth_credentials=ThingspaceOauthCredentials(account.sign_in.key, account.sign_in.secret),
        vz_m2m_token_credentials=VZM2mTokenCredentials(account.sign_in.session),
    )
