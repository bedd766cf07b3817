"""Puts the pieces together: settings in, an ASGI application out. The only module that may import them all."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from fotapool import health
from fotapool.clock import Clock, MovableClock, SystemClock
from fotapool.control.emulator import EmulatorControl
from fotapool.control.requests import ControlOperation
from fotapool.control.routes import BASE as CONTROL_BASE
from fotapool.control.routes import OPERATIONS as CONTROL_OPERATIONS
from fotapool.control.routes import control_router
from fotapool.docs import DocsPages
from fotapool.domain.errors import Invalid
from fotapool.engine.runner import run_in_background
from fotapool.http import Below, RequestIds
from fotapool.settings import Settings
from fotapool.store import schema
from fotapool.store.choose import open_database
from fotapool.store.database import Database
from fotapool.store.reader import Reader
from fotapool.store.writer import Writer
from fotapool.usecases.context import Context
from fotapool.usecases.documents import SeedDocument, read_seed_document
from fotapool.usecases.seeds import Seed, check_document, prepare_seed, seed_empty_database
from fotapool.usecases.signins import Gate
from fotapool.wire.common.answers import GZIP_FROM_BYTES, GZIP_LEVEL, GatewayFault, unknown_api
from fotapool.wire.common.endpoint import DialectApp
from fotapool.wire.signin.routes import signin_routes
from fotapool.wire.v1 import routes as v1
from fotapool.wire.v2 import routes as v2
from fotapool.wire.v3 import routes as v3


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
        dialects: dict[str, ASGIApp] = {
            dialect.BASE: DialectApp(context, gate, request_ids, dialect.BASE, dialect.API_CONTEXT, dialect.OPERATIONS)
            for dialect in (v1, v2, v3)
        }
        routes: list[BaseRoute] = [
            *signin_routes(context, gate, request_ids),
            Below(CONTROL_BASE, control_router(context, request_ids, control)),
            *health.routes(context),
            *DocsPages(self.settings, control).routes(),
        ]
        router = Router(
            routes, redirect_slashes=False, default=GatewayFault(unknown_api()), lifespan=lambda _: self._lifespan()
        )
        compressed = GZipMiddleware(router, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL)
        return FrontDoor(dialects, compressed)

    @contextlib.asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        background: asyncio.Task[None] | None = None
        try:
            await self._apply_seed(self.context)
            background = asyncio.create_task(run_in_background(self.context, self.gate))
            yield
        finally:
            if background is not None:
                background.cancel()
            with contextlib.suppress(Exception):
                await self.gate.flush()
            await self.context.writer.stop()
            self.context.reader.stop()
            self.database.dispose()

    def seed_before_serving(self) -> None:
        """Raises Invalid for a seed that cannot be applied; nothing of it is kept then."""
        try:
            asyncio.run(self._seed_by_a_writer_of_its_own())
        except BaseException:
            self.database.dispose()
            raise

    async def _seed_by_a_writer_of_its_own(self) -> None:
        writer = Writer(self.database, self.clock.now_ms)
        try:
            await self._apply_seed(replace(self.context, writer=writer))
        finally:
            await writer.stop()

    async def _apply_seed(self, context: Context) -> None:
        path = self.settings.seed
        if path is None:
            return
        try:
            if self._document is None:
                self._document = read_seed_document(await asyncio.to_thread(Path(path).read_text, "utf-8"))
                check_document(self._document, self.clock.now_ms())
                self.seed = await prepare_seed(self._document)
            await seed_empty_database(context, self.seed)
        except (Invalid, OSError, UnicodeError) as error:
            raise Invalid(f"seed {path}: {error}") from error


class FrontDoor:
    """Sends a request to its dialect, or to everything else.

    Double slashes in paths of the API are tolerated: the v1 page on removing licenses prints one.
    """

    def __init__(self, dialects: dict[str, ASGIApp], others: ASGIApp) -> None:
        self._dialects = dialects
        self._others = others
        self._base_length = len(next(iter(dialects)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if "//" in path and path.startswith("/api/"):
                path = scope["path"] = re.sub("/+", "/", path)
            dialect = self._dialects.get(path[: self._base_length])
            if dialect is not None and path[self._base_length : self._base_length + 1] == "/":
                await dialect(scope, receive, send)
                return
        await self._others(scope, receive, send)
