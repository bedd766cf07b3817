"""Imports the console at its first request, which keeps the server's start short."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from fotapool.emulator.parts import EmulatorParts
from fotapool.services.context import Context
from fotapool.web.http import RequestIds


class LazyConsole:
    """The console as an ASGI application that is imported at its first request."""

    def __init__(self, context: Context, request_ids: RequestIds, emulator: EmulatorParts | None) -> None:
        self._context = context
        self._request_ids = request_ids
        self._emulator = emulator
        self._console: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._console is None:
            from fotapool.console.app.routes import console_app

            self._console = console_app(self._context, self._request_ids, self._emulator)
        await self._console(scope, receive, send)
