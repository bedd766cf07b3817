"""Liveness and readiness for process supervisors, and the metrics."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fotapool import __version__
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.telemetry.metrics import MEDIA_TYPE, as_text
from fotapool.domain.errors import RequestRejected
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.db import schema
from fotapool.store.db.connection import StoreMismatch, StoreUnavailable
from fotapool.web.metrics import DATABASE_WITHIN_S, collect_metrics

log = Log(__name__)

PROBE_EVERY_S = 0.5
"""With the time that is waited for the database, readiness and metrics say within 2 s that it does not answer."""


@dataclass(slots=True)
class Readiness:
    """What the server waits for before it is ready, as text; empty if it is ready."""

    waits_for: str = ""
    draining: bool = False
    """Whether the server will stop soon."""


@dataclass(frozen=True, slots=True)
class _NotReady:
    """Why the server is not ready: a word for programs, and a sentence without addresses for people."""

    status: str
    reason: str
    may_return: bool = False
    """Whether a client should try again soon."""


class WriteProbe:
    """Tries whether changes can be written, at most once in PROBE_EVERY_S for all requests."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._task: asyncio.Task[None] | None = None
        self._began_s = 0.0

    async def check(self) -> None:
        """Raises StoreUnavailable or RequestRejected if the last try failed; waits for one that runs."""
        now_s = asyncio.get_running_loop().time()
        if self._task is None or (self._task.done() and now_s - self._began_s > PROBE_EVERY_S):
            self._began_s = now_s
            self._task = asyncio.create_task(self._try())
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody may wait for it
        await asyncio.shield(self._task)

    async def _try(self) -> None:
        writer = self._context.writer
        if not writer.is_full:
            await writer.submit(DirectCommand(schema.probe_write))
            return
        await writer.submit(DirectCommand(schema.take_room))  # a single row fits on a page that is there
        await writer.submit(DirectCommand(schema.free_room))
        writer.is_full = False

    async def find_problem(self) -> _NotReady | None:
        """Why the database cannot be used, or None."""
        try:
            async with asyncio.timeout(DATABASE_WITHIN_S):
                await self._context.reader.short(schema.check)
                await self.check()
        except StoreMismatch as error:
            log.write(LogEvent.SCHEMA_MISMATCH, reason=error)
            return _NotReady("schema", str(error))
        except (StoreUnavailable, RequestRejected, TimeoutError) as error:
            reason = str(error) or f"no answer within {DATABASE_WITHIN_S:g} s"
            log.write(LogEvent.NOT_READY, reason=reason)  # the answer has no details: they name hosts
            return _NotReady("unavailable", "the database does not answer", may_return=True)
        return None

    async def is_up(self) -> bool:
        """Whether the database answers and takes changes."""
        return await self.find_problem() is None


def routes(context: Context, readiness: Readiness, probe: WriteProbe) -> list[BaseRoute]:
    """The routes, without /metrics if the settings close it."""

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live", "version": __version__})

    async def ready(request: Request) -> Response:
        found = _NotReady("draining", "draining") if readiness.draining else await probe.find_problem()
        if found is None and readiness.waits_for:
            found = _NotReady(readiness.waits_for, readiness.waits_for)
        if found is None:
            return JSONResponse({"ready": True, "status": "ready", "version": __version__})
        body = {"ready": False, "reason": found.reason, "status": found.status, "version": __version__}
        headers = {"Retry-After": str(context.settings.retry_after_s)} if found.may_return else None
        return JSONResponse(body, 503, headers)

    async def metrics(request: Request) -> Response:
        found = await collect_metrics(context, await probe.is_up())
        return Response(await asyncio.to_thread(as_text, found), media_type=MEDIA_TYPE)

    found: list[BaseRoute] = [Route("/health/live", live), Route("/health/ready", ready)]
    return found if context.settings.close_metrics else [*found, Route("/metrics", metrics)]
