"""The emulator's features: request inspector and fault injection, as middleware of the application and its sender."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from fotapool.domain.errors import NotFound
from fotapool.emulator.advice import ADVICE, SESSION_ADVICE
from fotapool.emulator.callbacks import ClosableSender, FaultySender
from fotapool.emulator.connections import drop_connection
from fotapool.emulator.exchanges import Exchanges
from fotapool.emulator.faults import ConnectionDropped, FaultMiddleware, Rules
from fotapool.emulator.inspector import HintFinder, InspectorMiddleware, OperationNames
from fotapool.emulator.masking import words_in
from fotapool.emulator.paths import Template
from fotapool.emulator.rules import TokenKind
from fotapool.services.accounts.accounts import get_account
from fotapool.services.context import Context
from fotapool.services.identity.api_clients import list_clients
from fotapool.services.identity.sessions import Authenticator
from fotapool.services.identity.token_expiry import expire_bearer, expire_session
from fotapool.web.http import RequestIds
from fotapool.web.known_names import names_in

OWN_PATHS = ("/control/", "/health/", "/metrics", "/docs", "/openapi.json", "/console", "/inspector", "/favicon.ico")
"""Paths outside the emulated service: not captured, and without faults."""


class EmulatorFeatures:
    """The rules and the captured requests of one emulator process."""

    def __init__(
        self, context: Context, authenticator: Authenticator, templates: Sequence[Template], names: OperationNames
    ) -> None:
        self._context = context
        self._authenticator = authenticator
        self.rules = Rules(context.clock.now_ms)
        self.exchanges = Exchanges(context.settings.inspector_requests, _vocabulary_of(templates, names))
        self.hints = HintFinder(
            account_exists=self._account_exists,
            clients_exist=self._clients_exist,
            templates=templates,
            names=names,
            root_path=context.settings.root_path,
        )

    def wrap_app(self, app: ASGIApp, request_ids: RequestIds) -> ASGIApp:
        """Returns the application with inspector and faults."""
        faulty = FaultMiddleware(app, self.rules, self._expire, self._context.settings.max_body_bytes)
        inspected = InspectorMiddleware(faulty, self.exchanges, self._context.clock.now_ms, self.hints)
        return _EmulatorMiddleware(app, inspected, request_ids)

    def wrap_sender(self, sender: ClosableSender) -> FaultySender:
        """Returns the sender with faults."""
        return FaultySender(sender, self.rules)

    async def _account_exists(self, name: str) -> bool:
        try:
            await get_account(self._context, name)
        except NotFound:
            return False
        return True

    async def _clients_exist(self) -> bool:
        return bool(await list_clients(self._context, "", 1))

    async def _expire(self, kind: TokenKind, token: str) -> None:
        if kind == "session":
            await expire_session(self._context, self._authenticator, token)
        else:
            await expire_bearer(self._context, token)


def _vocabulary_of(templates: Sequence[Template], names: OperationNames) -> frozenset[str]:
    """The words of paths, members and hints, and one that programs send for a token that they do not have."""
    paths = (path for _, path in templates)
    members = (name for known in names.values() for name in names_in(known))
    return words_in([*paths, *members, *ADVICE.values(), *SESSION_ADVICE.values(), "undefined"])


class _EmulatorMiddleware:
    """Gives requests of the emulated service an id, and closes connections that a fault drops."""

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
            await drop_connection(scope, receive)
