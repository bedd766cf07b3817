"""Puts the pieces together: settings in, an ASGI application out. The only module that may import them all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from fotapool import health
from fotapool.clock import Clock, MovableClock, SystemClock
from fotapool.control.emulator import EmulatorControl
from fotapool.control.requests import ControlOperation
from fotapool.control.routes import BASE as CONTROL_BASE
from fotapool.control.routes import OPERATIONS as CONTROL_OPERATIONS
from fotapool.control.routes import control_router
from fotapool.engine.runner import run_in_background
from fotapool.http import RequestIds
from fotapool.openapi import DocsPages
from fotapool.settings import Settings
from fotapool.store import schema
from fotapool.store.choose import open_database
from fotapool.store.database import Database
from fotapool.store.reader import Reader
from fotapool.store.writer import Writer
from fotapool.usecases.context import Context
from fotapool.usecases.documents import SeedDocument, read_seed_document
from fotapool.usecases.seeds import Seed, prepare_seed, seed_empty_database
from fotapool.usecases.signins import Gate
from fotapool.wire.common.answers import GatewayFault, unknown_api
from fotapool.wire.common.endpoint import dialect_router
from fotapool.wire.signin.routes import signin_routes
from fotapool.wire.v1 import routes as v1
from fotapool.wire.v2 import routes as v2
from fotapool.wire.v3 import routes as v3

GZIP_FROM_BYTES = 16 * 1024
"""Smaller answers are not worth the time it takes to compress them."""
GZIP_LEVEL = 2


class Server:
    """One process's server: its context, its application, and how it is started and stopped."""

    def __init__(self, settings: Settings, clock: Clock | None = None, database: Database | None = None) -> None:
        self.settings = settings
        self.database = database or open_database(settings.database, durable=not settings.emulator)
        self.clock = clock or (MovableClock() if settings.emulator else SystemClock())
        self._prepare_schema()
        reader = Reader(self.database)
        writer = Writer(self.database, self.clock.now_ms)
        self.context = Context(settings, self.clock, reader, writer)
        self.gate = Gate(self.context)
        self._document: SeedDocument | None = None
        self.seed = Seed(SeedDocument(), {})
        self.app: ASGIApp = self._build()

    def _prepare_schema(self) -> None:
        connection = self.database.connect()
        try:
            schema.prepare(connection)
        finally:
            connection.close()

    def _build(self) -> ASGIApp:
        request_ids = RequestIds(self.context.random_bytes(6).hex())
        context, gate = self.context, self.gate
        control: list[ControlOperation] = list(CONTROL_OPERATIONS)
        if self.settings.emulator and isinstance(self.clock, MovableClock):
            control += EmulatorControl(self.clock, lambda: self.seed).operations()
        routes: list[BaseRoute] = [
            *(
                Mount(
                    dialect.BASE,
                    dialect_router(context, gate, request_ids, dialect.API_CONTEXT, dialect.OPERATIONS),
                )
                for dialect in (v3, v2, v1)
            ),
            *signin_routes(context, gate, request_ids),
            Mount(CONTROL_BASE, control_router(context, request_ids, control)),
            *health.routes(context),
            *DocsPages(self.settings, control).routes(),
        ]
        router = Router(
            routes,
            redirect_slashes=False,
            default=GatewayFault(unknown_api()),
            lifespan=lambda _: self._lifespan(),
        )
        return OneSlash(GZipMiddleware(router, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL))

    @contextlib.asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        self.context.writer.start()
        background: asyncio.Task[None] | None = None
        try:
            await self._apply_seed()
            background = asyncio.create_task(run_in_background(self.context, self.gate))
            yield
        finally:
            if background is not None:
                background.cancel()
            with contextlib.suppress(Exception):
                await self.gate.flush()
            await asyncio.to_thread(self.context.writer.stop)
            self.context.reader.stop()
            self.database.dispose()

    def check_seed(self) -> None:
        """Raises Invalid, and OSError, for a seed document that cannot be read."""
        if self.settings.seed is not None:
            with open(self.settings.seed, encoding="utf-8") as file:
                self._document = read_seed_document(file.read())

    async def _apply_seed(self) -> None:
        """Raises Invalid for a seed that cannot be applied; nothing of it is kept then."""
        if self._document is None:
            self.check_seed()
        if self._document is not None:
            self.seed = await prepare_seed(self._document)
            await seed_empty_database(self.context, self.seed)


class OneSlash:
    """Tolerates double slashes in paths of the API: the v1 page on removing licenses prints one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "//" in scope["path"] and scope["path"].startswith("/api/"):
            path = scope["path"]
            while "//" in path:
                path = path.replace("//", "/")
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)
