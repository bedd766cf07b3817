"""Builds the ASGI application from the settings. The only module that may import all others."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from fotapool.api.auth.routes import signin_routes
from fotapool.api.auth.sessions import KNOWN_NAMES as SIGN_IN_NAMES
from fotapool.api.common.connectivity_errors import connectivity_error
from fotapool.api.common.endpoint import VersionApp
from fotapool.api.common.errors import FixedResponse, describer, unknown_api, unknown_resource
from fotapool.api.common.strict import known_names
from fotapool.api.m2m import routes as m2m
from fotapool.api.v1 import callbacks as v1_callbacks
from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import callbacks as v2_callbacks
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import callbacks as v3_callbacks
from fotapool.api.v3 import routes as v3
from fotapool.core import hashing
from fotapool.core.clock import Clock, FixedClock, MovableClock, SystemClock
from fotapool.core.content_storage import Storage, default_storage, storage_directory
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.secret_box import SecretBox, box_of_file, box_of_text
from fotapool.core.settings import Settings
from fotapool.core.telemetry.metrics import Metrics
from fotapool.core.telemetry.start import process_name, start_tracing
from fotapool.core.telemetry.tracing import Tracing
from fotapool.core.throttle import FailureThrottle
from fotapool.device.operations import BASE as DEVICE_BASE
from fotapool.device.routes import describe_device_api, device_router
from fotapool.domain.errors import Invalid
from fotapool.emulator.callbacks import ClosableSender
from fotapool.emulator.connections import SendInScope
from fotapool.emulator.features import EmulatorFeatures
from fotapool.emulator.parts import EmulatorParts
from fotapool.emulator.paths import SIGN_IN, Template
from fotapool.operator_api.calls import BASE as OPERATOR_BASE
from fotapool.services.audit_log.drafts import command_draft
from fotapool.services.context import Context, SeededChance
from fotapool.services.identity.api_clients import list_clients
from fotapool.services.identity.sessions import Authenticator
from fotapool.services.identity.stored_secrets import prepare_secrets
from fotapool.services.snapshots.seed_documents import SeedDocument
from fotapool.services.snapshots.seeds import Seed, prepare_seed, seed_empty_database
from fotapool.services.snapshots.snapshot_documents import MAX_SNAPSHOT_BYTES, read_document
from fotapool.services.snapshots.snapshot_service import SnapshotService
from fotapool.store.db import schema
from fotapool.store.db.backups import hold
from fotapool.store.db.connection import Database
from fotapool.store.db.factory import open_database
from fotapool.store.db.reader import Reader
from fotapool.store.db.sqlite import SqliteDatabase
from fotapool.store.db.writer import Writer
from fotapool.store.timestamps import read_latest_timestamp
from fotapool.web import health
from fotapool.web.access_log import AccessLog
from fotapool.web.http import DecodedBodies, Dispatcher, HostCheck, LazyApp, RequestIds, compressed
from fotapool.web.observed import Observed, Traced
from fotapool.web.openapi.document import Schemas, openapi_document
from fotapool.web.pages import CONSOLE_BASE, Pages
from fotapool.web.root_path import with_root_path
from fotapool.worker import bulk_jobs
from fotapool.worker.callbacks.deliveries import Deliveries
from fotapool.worker.callbacks.lazy import LazySender
from fotapool.worker.callbacks.signing import sign
from fotapool.worker.runner import flush_counts, run_in_background

MAX_FORM_BYTES = 16 * 1024 * 1024
"""How much longer than a file a decoded body may be; each API has smaller limits of its own."""
log = Log(__name__)

EMULATOR_SECRET_KEY = "emulator"  # noqa: S105 - known on purpose
"""Encrypts stored secrets of an emulator on PostgreSQL, which has no file of its own to keep a key in."""


class Server:
    """The server of one process: its context and its application, with start and stop."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        database: Database | None = None,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        if not settings.emulator and (settings.random_seed, settings.clock) != (None, None):
            raise Invalid("random_seed and clock are for the emulator: ids must not be guessed, and time is real")
        self.settings = settings
        self.database = database or open_database(
            settings.database, durable=not settings.emulator, timeout_s=settings.database_timeout_s
        )
        self.clock = clock or _clock(settings)
        where = settings.storage or default_storage(getattr(self.database, "path", None))
        self._prepare_database(where)
        self.metrics = metrics or Metrics()
        self.tracing = tracing or start_tracing(settings.otel)
        reader = Reader(self.database, settings.database_timeout_s, self.metrics, self.tracing)
        writer = Writer(
            self.database,
            self.clock.now_ms,
            settings.database_timeout_s,
            metrics=self.metrics,
            tracing=self.tracing,
        )
        storage = Storage(
            where,
            durable=not settings.emulator,
            at_once=settings.max_uploads,
            of_one=settings.max_uploads_per_account,
        )
        hashing.queue.max_waiting = settings.max_waiting_sign_ins
        throttle = FailureThrottle(
            0 if settings.emulator else settings.max_failed_sign_ins,
            delay_s=settings.failed_sign_in_delay_s,
            on_failure=self.metrics.count_sign_in_failure,
        )
        self.context = Context(
            settings,
            self.clock,
            reader,
            writer,
            contents=storage,
            secrets=self._secrets,
            throttle=throttle,
            metrics=self.metrics,
            tracing=self.tracing,
        )
        if settings.random_seed is not None:
            chance = SeededChance(settings.random_seed)
            self.context = replace(self.context, new_uuid=chance.new_uuid, random_bytes=chance.random_bytes)
        self.authenticator = Authenticator(self.context)
        self._prepared = False
        self.seed = Seed(SeedDocument(), {})
        self.deliveries: Deliveries | None = None
        """Delivers callbacks; None before the server has started, and after its stop."""
        self.readiness = self.context.readiness
        self.features = _features(self.context, self.authenticator) if settings.emulator else None
        self.app: ASGIApp = self._build()

    def _prepare_database(self, storage: str) -> None:
        connection = self.database.connect()
        try:
            schema.prepare(connection)
            self._secrets = _open_secrets(self.settings, self.database, storage)  # its key lies beside the database
            prepare_secrets(connection, self._secrets, self.clock.now_ms())
            if isinstance(self.clock, MovableClock):
                self.clock.move_to(read_latest_timestamp(connection))  # the data must not be from the future
                connection.rollback()
        finally:
            connection.close()

    def _build(self) -> ASGIApp:
        request_ids = RequestIds(self.context.random_bytes(6).hex())
        context, authenticator = self.context, self.authenticator
        emulator = self._emulator_parts()
        versions: dict[str, ASGIApp] = {
            version.BASE: VersionApp(
                context=context,
                authenticator=authenticator,
                request_ids=request_ids,
                base=version.BASE,
                version=version.API_CONTEXT.rpartition("/")[2],
                describe=describer(version.API_CONTEXT),
                unknown=unknown_resource(version.API_CONTEXT),
                operations=version.OPERATIONS,
            )
            for version in (v1, v2, v3)
        }
        connectivity = VersionApp(
            context=context,
            authenticator=authenticator,
            request_ids=request_ids,
            base=m2m.BASE,
            version=m2m.NAME,
            describe=connectivity_error,
            unknown=m2m.NOT_EMULATED,
            operations=m2m.OPERATIONS,
        )
        routes: list[BaseRoute] = [
            *signin_routes(context, authenticator, request_ids, connectivity),
            Mount(m2m.ANY_VERSION, FixedResponse(m2m.NOT_EMULATED)),
            *health.routes(context),
            *Pages(self.settings, lambda: build_openapi_document(emulator is not None)).routes(),
        ]
        if self.features is not None:
            routes.append(Route("/inspector", RedirectResponse(f"{CONSOLE_BASE}/emulator/requests"), methods=["GET"]))
        others = Router(
            routes, redirect_slashes=False, default=FixedResponse(unknown_api()), lifespan=lambda _: self._lifespan()
        )

        def operator_api() -> ASGIApp:
            from fotapool.operator_api.routes import operator_router

            return operator_router(context, request_ids, emulator)

        def console() -> ASGIApp:
            from fotapool.console.app.routes import console_app

            return console_app(context, request_ids, emulator)

        parts: dict[str, ASGIApp] = {
            OPERATOR_BASE: compressed(LazyApp(operator_api)),
            CONSOLE_BASE: compressed(LazyApp(console)),
            DEVICE_BASE: device_router(context, request_ids),
        }
        dispatcher = Dispatcher(versions, parts, compressed(others))
        app = dispatcher if self.features is None else self.features.wrap_app(dispatcher, request_ids)
        app = DecodedBodies(app, max(self.settings.max_file_bytes, MAX_SNAPSHOT_BYTES) + MAX_FORM_BYTES)
        app = HostCheck(app, self.settings.host, self.settings.allowed_hosts)
        if not self.settings.close_metrics or self.settings.otel:  # else nobody could see the counts
            app = Observed(app, self.metrics)
        if self.tracing.is_on:
            app = Traced(app, self.tracing)
        if self.settings.access_log:
            app = AccessLog(app)
        app = with_root_path(app, self.settings.root_path)
        return app if self.features is None else SendInScope(app)

    def _emulator_parts(self) -> EmulatorParts | None:
        if self.features is None or not isinstance(self.clock, MovableClock):
            return None
        snapshot_service = SnapshotService(self.context, self.clock, self.authenticator, self._clear_memory)
        return EmulatorParts(
            clock=self.clock,
            seed=lambda: self.seed,
            deliveries=lambda: self.deliveries,
            features=self.features,
            snapshot_service=snapshot_service,
        )

    def _clear_memory(self) -> None:
        """Clears the state in memory, for a reset."""
        self.context.rejections.clear()
        self.context.key_uses.clear()
        if self.features is not None:
            self.features.rules.clear()

    @contextlib.asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        background: list[asyncio.Task[None]] = []
        held = contextlib.ExitStack()
        held.enter_context(hold(self.database))
        try:
            await self._apply_seed(self.context)
            if self.features is not None and not await list_clients(self.context, "", 1):
                log.write(LogEvent.EMULATOR_EMPTY)
            async with self._send_metrics(), self._run_deliveries() as deliveries:
                background.append(asyncio.create_task(run_in_background(self.context, self.authenticator)))
                background.append(asyncio.create_task(deliveries.run_in_background()))
                background.append(asyncio.create_task(bulk_jobs.run_in_background(self.context)))
                try:
                    yield
                finally:
                    for task in background:
                        task.cancel()
        finally:
            with contextlib.suppress(Exception):
                await self.authenticator.flush()
                await flush_counts(self.context)
            await self.context.writer.stop()
            self.context.reader.stop()
            await self.tracing.stop()
            held.close()
            self.database.dispose()

    @contextlib.asynccontextmanager
    async def _send_metrics(self) -> AsyncIterator[None]:
        """Sends metrics by OpenTelemetry, if the settings say so: one process of a server sends those of all."""
        shared = self.metrics.shared
        if not self.settings.otel or (shared is not None and not shared.is_first):
            yield
            return
        from fotapool.core.telemetry.otlp_metrics import sending_metrics  # imported here: it needs fotapool[otel]
        from fotapool.web.metrics import collect_metrics

        collect = functools.partial(collect_metrics, self.context)
        instance = process_name(os.getpid() if shared is None else os.getppid())
        async with sending_metrics(collect, SystemClock().now_ms, self.metrics.began_ms, instance):
            yield

    @contextlib.asynccontextmanager
    async def _run_deliveries(self) -> AsyncIterator[Deliveries]:
        """The deliveries, with a sender of the running event loop."""
        sender: ClosableSender = LazySender(self.settings)
        if self.features is not None:
            sender = self.features.wrap_sender(sender)
        encoders = {schemas.STYLE: schemas.encode for schemas in (v1_callbacks, v2_callbacks, v3_callbacks)}
        deliveries = self.deliveries = Deliveries(self.context, sender, encoders, sign)
        try:
            yield deliveries
        finally:
            await deliveries.stop()
            await sender.close()
            self.deliveries = None

    def seed_before_serving(self) -> None:
        """Applies the seed. Raises Invalid if it cannot be applied; the database is unchanged then."""
        try:
            asyncio.run(self._seed_with_own_writer())
        except BaseException:
            self.database.dispose()
            raise

    async def _seed_with_own_writer(self) -> None:
        writer = Writer(self.database, self.clock.now_ms, metrics=self.metrics)
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
            draft = command_draft("applySeed")
            draft.describe(after={"seed": Path(path).name})
            await seed_empty_database(replace(context, audit=draft), self.seed)
        except (Invalid, OSError) as error:
            raise Invalid(f"seed {path}: {error}") from error


def _features(context: Context, authenticator: Authenticator) -> EmulatorFeatures:
    apis = [("v1", v1), ("v2", v2), ("v3", v3), (m2m.NAME, m2m)]
    names = {(api, one.name): known_names(one) for api, version in apis for one in version.OPERATIONS}
    names |= {("sign-in", name): known for name, known in SIGN_IN_NAMES.items()}
    return EmulatorFeatures(context, authenticator, _templates(), names)


def _templates() -> list[Template]:
    """The methods and paths of the API, for hints about wrong paths."""
    found = [
        (method, version.BASE + path)
        for version in (v1, v2, v3, m2m)
        for operation in version.OPERATIONS
        for method, path in operation.calls
    ]
    return [*found, *((method, path) for method, path, _ in SIGN_IN)]


def _open_secrets(settings: Settings, database: Database, storage: str) -> SecretBox:
    """The key of stored secrets. Raises ValueError."""
    if settings.secret_key is not None:
        return box_of_text(settings.secret_key)
    if isinstance(database, SqliteDatabase):
        return SecretBox() if database.is_private else _file_box(Path(f"{database.path}.key"))
    if settings.emulator:
        return box_of_text(EMULATOR_SECRET_KEY)
    directory = storage_directory(storage)
    return _file_box(Path("fotapool.key") if directory is None else directory.with_name(f"{directory.name}.key"))


def _file_box(path: Path) -> SecretBox:
    try:
        return box_of_file(path)
    except OSError as error:
        raise ValueError(f"the key of stored secrets: {error}; set FOTAPOOL_SECRET_KEY instead") from error


def _clock(settings: Settings) -> Clock:
    if not settings.emulator:
        return SystemClock()
    if settings.clock is None:
        return MovableClock()
    return MovableClock(FixedClock(round(settings.clock.timestamp() * 1000)))


def build_openapi_document(emulator: bool) -> dict[str, Any]:
    """The OpenAPI document of `serve`, or of the emulator."""
    from fotapool.api.openapi.sign_in import describe_sign_in  # imported here to keep the start short
    from fotapool.api.openapi.versions import describe_versions
    from fotapool.operator_api.routes import describe_operator_api

    schemas = Schemas()
    paths = {
        **describe_sign_in(schemas),
        **describe_versions(schemas),
        **describe_operator_api(schemas, emulator),
        **describe_device_api(schemas),
    }
    return openapi_document(paths, schemas)
