"""Liveness and readiness for process supervisors, and the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fotapool import __version__
from fotapool.services.context import Context
from fotapool.store.accounts.accounts import read_account_totals
from fotapool.store.db.connection import StoreUnavailable


@dataclass(slots=True)
class Readiness:
    """What the server waits for before it is ready, as text; empty if it is ready."""

    waits_for: str = ""


def routes(context: Context, readiness: Readiness) -> list[BaseRoute]:
    """The routes, without /metrics if the settings close it."""

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live", "version": __version__})

    async def ready(request: Request) -> Response:
        try:
            await context.reader.short(read_account_totals)
        except StoreUnavailable as error:
            headers = {"Retry-After": str(context.settings.retry_after_s)}
            return JSONResponse({"status": "unavailable", "reason": str(error)}, 503, headers)
        if readiness.waits_for:
            return JSONResponse({"status": readiness.waits_for, "version": __version__}, 503)
        return JSONResponse({"status": "ready", "version": __version__})

    async def metrics(request: Request) -> Response:
        from fotapool.web.metrics import MEDIA_TYPE, metrics_text  # imported here to keep the start of the server short

        try:
            totals = await context.reader.short(read_account_totals)
        except StoreUnavailable:
            totals = None
        return Response(metrics_text(context, totals), media_type=MEDIA_TYPE)

    found: list[BaseRoute] = [Route("/health/live", live), Route("/health/ready", ready)]
    return found if context.settings.close_metrics else [*found, Route("/metrics", metrics)]
