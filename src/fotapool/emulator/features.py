"""The emulator's tools as one: the inspector and the faults, around the application and the sender of callbacks."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from fotapool.domain.errors import NotFound
from fotapool.emulator.callbacks import ClosableSender, FaultySender
from fotapool.emulator.connections import drop_connection
from fotapool.emulator.exchanges import Exchanges
from fotapool.emulator.faults import ConnectionDropped, FaultyApp, Rules
from fotapool.emulator.inspector import HintFinder, InspectedApp
from fotapool.emulator.paths import Template
from fotapool.emulator.rules import Token
from fotapool.services.accounts.accounts import get_account
from fotapool.services.context import Context
from fotapool.services.identity.sessions import Authenticator
from fotapool.services.identity.token_expiry import expire_bearer, expire_session
from fotapool.web.http import RequestIds

OWN_PATHS = ("/control/", "/health/", "/metrics", "/docs", "/openapi.json", "/console", "/inspector", "/favicon.ico")
"""What is no part of the emulated service: neither watched nor faulty."""


class Tools:
    """What one emulator process has of them."""

    def __init__(self, context: Context, gate: Authenticator, templates: Sequence[Template]) -> None:
        self._context = context
        self._gate = gate
        self.rules = Rules(context.clock.now_ms)
        self.exchanges = Exchanges(context.settings.inspector_requests)
        self.hints = HintFinder(self._is_account, templates)

    def around(self, app: ASGIApp, request_ids: RequestIds) -> ASGIApp:
        """The application, watched and at the mercy of the rules."""
        faulty = FaultyApp(app, self.rules, self._expire, self._context.settings.max_body_bytes)
        return _Door(app, InspectedApp(faulty, self.exchanges, self._context.clock.now_ms, self.hints), request_ids)

    def around_sender(self, sender: ClosableSender) -> FaultySender:
        return FaultySender(sender, self.rules)

    async def _is_account(self, name: str) -> bool:
        try:
            await get_account(self._context, name)
        except NotFound:
            return False
        return True

    async def _expire(self, token: Token, text: str) -> None:
        if token is Token.SESSION:
            await expire_session(self._context, self._gate, text)
        else:
            await expire_bearer(self._context, text)


class _Door:
    """The outermost application: names requests, and holds the connections that are to be dropped."""

    def __init__(self, app: ASGIApp, inspected: ASGIApp, request_ids: RequestIds) -> None:
        self._app = app
        self._inspected = inspected
        self._request_ids = request_ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OWN_PATHS):
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        request_id = self._request_ids.choose(given)
        if request_id != given:
            others = [pair for pair in scope["headers"] if pair[0] != b"x-request-id"]
            scope["headers"] = [*others, (b"x-request-id", request_id)]
        try:
            await self._inspected(scope, receive, send)
        except ConnectionDropped:
            await drop_connection(receive, send)
