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

from fotapool.api.auth.routes import signin_routes
from fotapool.api.common.endpoint import VersionApp
from fotapool.api.common.responses import GZIP_FROM_BYTES, GZIP_LEVEL, GatewayFault, unknown_api
from fotapool.api.v1 import routes as v1
from fotapool.api.v1.callbacks import schemas as v1_callbacks
from fotapool.api.v2 import routes as v2
from fotapool.api.v2.callbacks import schemas as v2_callbacks
from fotapool.api.v3 import routes as v3
from fotapool.api.v3.callbacks import schemas as v3_callbacks
from fotapool.console.emulator.parts import EmulatorParts
from fotapool.console.lazy import LazyConsole
from fotapool.core.clock import Clock, FixedClock, MovableClock, SystemClock
from fotapool.core.content_storage import Storage, default_storage
from fotapool.core.settings import Settings
from fotapool.device.operations import BASE as DEVICE_BASE
from fotapool.device.routes import device_router
from fotapool.domain.errors import Invalid
from fotapool.emulator.callbacks import ClosableSender
from fotapool.emulator.features import Tools
from fotapool.emulator.hints import LOGIN_PATH, TOKEN_PATH
from fotapool.emulator.page import InspectorPage
from fotapool.emulator.paths import Template
from fotapool.openapi.pages import DocsPages
from fotapool.operator_api.accounts.copies import OPERATIONS as COPY_OPERATIONS
from fotapool.operator_api.emulator.clock import ClockControl
from fotapool.operator_api.emulator.faults import FaultControl
from fotapool.operator_api.emulator.requests import InspectorControl
from fotapool.operator_api.emulator.snapshots import SnapshotControl
from fotapool.operator_api.requests import OperatorOperation
from fotapool.operator_api.routes import BASE as CONTROL_BASE
from fotapool.operator_api.routes import OPERATIONS as CONTROL_OPERATIONS
from fotapool.operator_api.routes import control_router
from fotapool.services.accounts.rejections import flush_rejections
from fotapool.services.context import Context, SeededChance
from fotapool.services.identity.sessions import Authenticator
from fotapool.services.snapshots.documents import read_document
from fotapool.services.snapshots.seed_documents import SeedDocument
from fotapool.services.snapshots.seeds import Seed, prepare_seed, seed_empty_database
from fotapool.services.snapshots.snapshot_service import SnapshotService
from fotapool.store.db import schema
from fotapool.store.db.connection import Database
from fotapool.store.db.factory import open_database
from fotapool.store.db.reader import Reader
from fotapool.store.db.timestamps import read_latest_timestamp
from fotapool.store.db.writer import Writer
from fotapool.web import health
from fotapool.web.hosts import HostCheck
from fotapool.web.http import MountedRouter, RequestIds
from fotapool.worker import bulk_jobs
from fotapool.worker.callbacks.deliveries import Deliveries
from fotapool.worker.callbacks.lazy import LazySender
from fotapool.worker.callbacks.signing import sign
from fotapool.worker.runner import run_in_background

CONSOLE_BASE = "/console"


class Server:
    """One process's server: its context, its application, and how it is started and stopped."""

    def __init__(self, settings: Settings, clock: Clock | None = None, database: Database | None = None) -> None:
        if not settings.emulator and (settings.random_seed, settings.clock) != (None, None):
            raise Invalid("random_seed and clock are for the emulator: ids must not be guessed, and time is real")
        self.settings = settings
        self.database = database or open_database(settings.database, durable=not settings.emulator)
        self.clock = clock or _clock(settings)
        self._prepare_schema()
        reader = Reader(self.database)
        writer = Writer(self.database, self.clock.now_ms)
        where = settings.storage or default_storage(getattr(self.database, "path", None))
        storage = Storage(where, durable=not settings.emulator)
        self.context = Context(settings, self.clock, reader, writer, contents=storage)
        if settings.random_seed is not None:
            chance = SeededChance(settings.random_seed)
            self.context = replace(self.context, new_uuid=chance.new_uuid, random_bytes=chance.random_bytes)
        self.gate = Authenticator(self.context)
        self._prepared = False
        self.seed = Seed(SeedDocument(), {})
        self.deliveries: Deliveries | None = None
        """While the server runs."""
        self.readiness = health.Readiness()
        self.tools = Tools(self.context, self.gate, _templates()) if settings.emulator else None
        self.app: ASGIApp = self._build()

    def _prepare_schema(self) -> None:
        connection = self.database.connect()
        try:
            schema.prepare(connection)
            if isinstance(self.clock, MovableClock):
                self.clock.move_to(read_latest_timestamp(connection))  # for its data, time never goes back
                connection.rollback()
        finally:
            connection.close()

    def _build(self) -> ASGIApp:
        request_ids = RequestIds(self.context.random_bytes(6).hex())
        context, gate = self.context, self.gate
        control: list[OperatorOperation] = list(CONTROL_OPERATIONS)
        parts = self._emulator_parts()
        if parts is not None:
            control += ClockControl(parts.clock, parts.deliveries).operations()
            control += SnapshotControl(lambda: parts.snapshot_service, parts.seed).operations()
            control += COPY_OPERATIONS
        if self.tools is not None:
            control += FaultControl(self.tools.rules).operations()
            control += InspectorControl(self.tools.exchanges, self.tools.hints).operations()
        dialects: dict[str, ASGIApp] = {
            dialect.BASE: VersionApp(
                context=context,
                gate=gate,
                request_ids=request_ids,
                base=dialect.BASE,
                api_context=dialect.API_CONTEXT,
                operations=dialect.OPERATIONS,
            )
            for dialect in (v1, v2, v3)
        }
        routes: list[BaseRoute] = [
            *signin_routes(context, gate, request_ids),
            MountedRouter(CONTROL_BASE, control_router(context, request_ids, control)),
            MountedRouter(CONSOLE_BASE, LazyConsole(context, request_ids, parts)),
            *health.routes(context, self.readiness),
            *DocsPages(self.settings, control).routes(),
        ]
        if self.tools is not None:
            routes.append(InspectorPage(self.tools.exchanges, self.tools.hints).route())
        router = Router(
            routes, redirect_slashes=False, default=GatewayFault(unknown_api()), lifespan=lambda _: self._lifespan()
        )
        compressed = GZipMiddleware(router, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL)
        front = Dispatcher(dialects, device_router(context, request_ids), compressed)
        app = front if self.tools is None else self.tools.around(front, request_ids)
        return HostCheck(app, self.settings.host, self.settings.allowed_hosts)

    def _emulator_parts(self) -> EmulatorParts | None:
        if self.tools is None or not isinstance(self.clock, MovableClock):
            return None
        snapshot_service = SnapshotService(self.context, self.clock, self.gate, self._forget)
        return EmulatorParts(
            clock=self.clock,
            seed=lambda: self.seed,
            deliveries=lambda: self.deliveries,
            tools=self.tools,
            snapshot_service=snapshot_service,
        )

    def _forget(self) -> None:
        """What is in memory and goes with a reset."""
        self.context.refusals.clear()
        if self.tools is not None:
            self.tools.rules.clear()

    @contextlib.asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        background: list[asyncio.Task[None]] = []
        try:
            await self._apply_seed(self.context)
            async with self._delivering() as deliveries:
                background.append(asyncio.create_task(run_in_background(self.context, self.gate)))
                background.append(asyncio.create_task(deliveries.run_in_background()))
                background.append(asyncio.create_task(bulk_jobs.run_in_background(self.context)))
                try:
                    yield
                finally:
                    for task in background:
                        task.cancel()
        finally:
            with contextlib.suppress(Exception):
                await self.gate.flush()
                await flush_rejections(self.context)
            await self.context.writer.stop()
            self.context.reader.stop()
            self.database.dispose()

    @contextlib.asynccontextmanager
    async def _delivering(self) -> AsyncIterator[Deliveries]:
        """The deliveries, with a sender that belongs to the running event loop."""
        sender: ClosableSender = LazySender(self.settings.callback_timeout_s, self.settings.private_targets_allowed)
        if self.tools is not None:
            sender = self.tools.around_sender(sender)
        encoders = {words.STYLE: words.encode for words in (v1_callbacks, v2_callbacks, v3_callbacks)}
        deliveries = self.deliveries = Deliveries(self.context, sender, encoders, sign)
        try:
            yield deliveries
        finally:
            await deliveries.stop()
            await sender.close()
            self.deliveries = None

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
            if not self._prepared:
                document = read_document(await asyncio.to_thread(Path(path).read_bytes))
                self.seed = await prepare_seed(document, self.clock.now_ms())
                self._prepared = True
            await seed_empty_database(context, self.seed)
        except (Invalid, OSError) as error:
            raise Invalid(f"seed {path}: {error}") from error


def _templates() -> list[Template]:
    """The paths of the API, for hints at wrong ones."""
    found = [
        (operation.method, dialect.BASE + path)
        for dialect in (v1, v2, v3)
        for operation in dialect.OPERATIONS
        for path in operation.paths
    ]
    return [*found, ("POST", TOKEN_PATH), ("POST", LOGIN_PATH)]


def _clock(settings: Settings) -> Clock:
    if not settings.emulator:
        return SystemClock()
    if settings.clock is None:
        return MovableClock()
    return MovableClock(FixedClock(round(settings.clock.timestamp() * 1000)))


class Dispatcher:
    """Sends a request to its dialect, or to everything else.

    Double slashes in paths of the API are tolerated: the v1 page on removing licenses prints one. What devices get is
    not compressed, since a range of a content is one of its data as they are.
    """

    def __init__(self, dialects: dict[str, ASGIApp], devices: ASGIApp, others: ASGIApp) -> None:
        self._dialects = dialects
        self._devices = devices
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
            if path.startswith(DEVICE_BASE + "/"):
                await self._devices(scope, receive, send)
                return
        await self._others(scope, receive, send)
